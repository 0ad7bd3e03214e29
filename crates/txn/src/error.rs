//! What can go wrong with a request or a transaction, one variant for each thing that some caller does differently.
//!
//! The kinds follow the style guide: *passing* errors carry what the retry needs and are retried by the lowest layer that
//! can; *user* errors become an SQLSTATE above; an *unknown* outcome stays its own variant from end to end.

use crate::id::TxnId;
use crate::request::Located;
use crate::timestamp::Timestamp;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Passing: the range does not hold these keys (any more). Carries the ranges that the refusing node knows there.
    #[error("the key is not in the range that was asked")]
    RangeMoved { known: Vec<Located> },
    /// Passing: this replica does not hold the lease. Certainly nothing was done.
    #[error("this node does not hold the lease of range {range}")]
    NotLeaseholder { range: u64, leader: Option<u64> },
    /// Passing: a version above the read timestamp may have been committed before the transaction began.
    #[error("a value at {version} may be older than the read at {read}")]
    Uncertain { read: Timestamp, version: Timestamp },
    /// Passing: nothing was done because the peer could not be reached.
    #[error("range {range} can't be reached")]
    Unreachable { range: u64 },
    /// The transaction must run again from its start (SQLSTATE 40001) unless whoever holds it can run it again unseen.
    #[error("could not serialize access: {0}")]
    Retry(Retry),
    /// 40P01. The cycle names who waits for whom, the victim first.
    #[error("deadlock detected")]
    Deadlock { cycle: Vec<TxnId> },
    /// 55P03: NOWAIT met a lock.
    #[error("could not obtain lock on a row")]
    LockNotAvailable,
    /// The read or refresh reaches below what garbage collection may already have taken.
    #[error("the snapshot at {read} is too old: history is kept from {threshold}")]
    TooOld { read: Timestamp, threshold: Timestamp },
    /// 53100. Nothing was written.
    #[error("the disk is full: writes are refused until there is room again")]
    DiskFull,
    /// 53400: a value or a transaction is larger than what is accepted.
    #[error("{what} of {bytes} bytes is larger than the limit of {bytes_max}")]
    TooLarge { what: &'static str, bytes: u64, bytes_max: u64 },
    /// 40003: a commit was sent and no answer came back. It may or may not have happened; never retried blindly.
    #[error("the outcome of the commit of transaction {txn} is unknown")]
    Unknown { txn: TxnId },
    /// A message carries a clock beyond the horizon.
    #[error("the clock of the sender is too far ahead")]
    ClockTooFarAhead,
    /// The store of the node that was asked has stopped: a failed fsync, damage, or a shutdown.
    #[error("the store has stopped: {why}")]
    Stopped { why: String },
    /// The caller used a transaction that has ended, or asked for something that the request does not allow.
    #[error("{0}")]
    Misuse(&'static str),
}

/// Why a transaction has to run again. Kept apart for messages, statistics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Retry {
    #[error("a row that the transaction read was changed before it could commit")]
    ReadChanged,
    #[error("concurrent update")]
    WriteConflict,
    #[error("a row lock was lost before the commit")]
    LockLost,
    #[error("the transaction was aborted by another one that waited for it")]
    Aborted,
    #[error("the transaction began before the history that is kept")]
    BeganTooEarly,
    #[error("the time had passed within which the transaction could commit")]
    TooLate,
}

impl From<atoll_storage::Error> for Error {
    fn from(error: atoll_storage::Error) -> Self {
        match error {
            atoll_storage::Error::Full => Error::DiskFull,
            other => Error::Stopped { why: other.to_string() },
        }
    }
}
