//! Why a statement stopped, and what a client is told of troubles in the layers below.

use atoll_datum::error::Error;
use atoll_datum::sqlstate;
use atoll_txn::error::Retry;

use crate::kv;

pub type Result<T> = std::result::Result<T, Failure>;

/// Kept apart because the session does something different for each.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The client is told.
    Sql(Error),
    /// The layers below: a transaction that nobody has seen anything of yet may be run again, [`kv_error`] says the rest.
    Kv(Box<kv::Error>),
    /// READ COMMITTED: a row that the statement wanted to lock is not the one it read. The statement has to run again
    /// from its start with a new snapshot, keeping its locks.
    Rerun,
}

impl Failure {
    /// Whether a part of the data could not be reached, which passes when other nodes come back.
    pub fn is_unreachable(&self) -> bool {
        use kv::Error::{NotLeaseholder, RangeMoved, Unreachable};
        let Failure::Kv(error) = self else { return false };
        matches!(**error, Unreachable { .. } | NotLeaseholder { .. } | RangeMoved { .. })
    }

    /// What the client is told if nothing else is done about it.
    pub fn into_error(self) -> Error {
        match self {
            Failure::Sql(error) => error,
            Failure::Kv(error) => kv_error(&error),
            Failure::Rerun => retry(Retry::WriteConflict),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Sql(error)
    }
}

impl From<kv::Error> for Failure {
    fn from(error: kv::Error) -> Failure {
        Failure::Kv(Box::new(error))
    }
}

/// In PostgreSQL's words where it has the case.
pub fn kv_error(error: &kv::Error) -> Error {
    use kv::Error::*;
    match error {
        Retry(reason) => retry(*reason),
        Deadlock { cycle } => {
            let waits = cycle.iter().zip(cycle.iter().cycle().skip(1));
            let lines = waits.map(|(waiting, holder)| format!("Transaction {waiting} waits for transaction {holder}."));
            let detail = lines.collect::<Vec<_>>().join("\n");
            Error::new(sqlstate::DEADLOCK_DETECTED, "deadlock detected").detail(detail)
        }
        LockNotAvailable => Error::new(sqlstate::LOCK_NOT_AVAILABLE, "could not obtain lock on row"),
        TooOld { .. } => Error::new(sqlstate::SNAPSHOT_TOO_OLD, "snapshot too old").detail(error.to_string()),
        DiskFull => Error::new(sqlstate::DISK_FULL, "could not write: no space left on device")
            .hint("Check free disk space on the nodes of the cluster."),
        TooLarge { what: "a transaction", .. } => Error::new(sqlstate::CONFIGURATION_LIMIT_EXCEEDED, error.to_string()),
        TooLarge { .. } => Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, error.to_string()),
        Unknown { .. } => Error::new(sqlstate::STATEMENT_COMPLETION_UNKNOWN, error.to_string())
            .hint("The transaction may have been committed. Look before running it again."),
        Unreachable { .. } | NotLeaseholder { .. } | RangeMoved { .. } | ClockTooFarAhead => {
            Error::new(sqlstate::CONNECTION_FAILURE, "part of the data can't be reached").detail(error.to_string())
        }
        Stopped { .. } => {
            Error::new(sqlstate::ADMIN_SHUTDOWN, "terminating connection because the node's store has stopped")
                .detail(error.to_string())
        }
        Uncertain { .. } => retry_because("could not serialize access", error.to_string()),
        Misuse(_) => Error::internal(error.to_string()),
    }
}

fn retry(reason: Retry) -> Error {
    let message = match reason {
        Retry::ReadChanged => "could not serialize access due to read/write dependencies among transactions",
        _ => "could not serialize access due to concurrent update",
    };
    retry_because(message, format!("Reason: {reason}."))
}

fn retry_because(message: &str, detail: String) -> Error {
    Error::new(sqlstate::SERIALIZATION_FAILURE, message)
        .detail(detail)
        .hint("The transaction might succeed if retried.")
}
