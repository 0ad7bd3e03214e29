//! The transaction around a session's statements.
//!
//! ```text
//!            statement                BEGIN
//!   Idle ───────────────▶ Implicit ─────────▶ Explicit ──error──▶ Failed
//!     ◀── end of message ──┘  ◀── COMMIT ─────┘ ◀── ROLLBACK TO ──┘
//! ```
//! The transaction of the layers below begins with the first statement that needs one.

use std::sync::Arc;

use atoll_datum::Error;
use atoll_datum::sqlstate;
use atoll_txn::transaction::Savepoint as KvSavepoint;
use atoll_txn::{Isolation, Timestamp};

use super::locks;
use super::variables::Saved;
use crate::catalog::store::{self, Changes};
use crate::kv;
use crate::mutate::{Deferred, Timing};
use crate::statistics::Tally;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Around one message of the client; ends with it.
    Implicit,
    /// BEGIN.
    Explicit,
}

/// How a transaction is to be.
#[derive(Clone, Debug)]
pub struct Modes {
    pub isolation: Isolation,
    pub read_only: bool,
    pub deferrable: bool,
    /// AS OF SYSTEM TIME.
    pub as_of: Option<Timestamp>,
}

pub struct Transaction {
    pub kind: Kind,
    pub modes: Modes,
    /// Under which tenure its statements run; 0 before the first of them.
    pub tenure: u64,
    /// None until something is read or written.
    pub txn: Option<Box<dyn kv::Txn>>,
    /// Definitions that it has changed.
    pub changes: Changes,
    /// Constraints to be checked at its end.
    pub deferred: Deferred,
    pub timing: Option<Arc<Timing>>,
    /// Rows that it has changed.
    pub tally: Tally,
    pub savepoints: Vec<Savepoint>,
    /// The settings as they were.
    pub saved: Saved,
    /// How many portals had been made.
    pub portals: u64,
    pub failed: bool,
    /// `now()`.
    pub begun_micros: i64,
    /// Statements that have been run in it, for good.
    pub statements: u64,
}

pub struct Savepoint {
    pub name: String,
    /// None: nothing has been read or written yet.
    pub kv: Option<KvSavepoint>,
    pub changes: store::Mark,
    /// How many constraints were to be checked at the end.
    pub deferred: usize,
    pub timing: Option<Arc<Timing>>,
    pub tally: Tally,
    pub locks: locks::Mark,
    pub saved: Saved,
    pub portals: u64,
    pub read_only: bool,
}

impl Transaction {
    /// What may be said at its beginning only may still be said: SET and SHOW don't end that, as they see no data.
    pub fn is_untouched(&self) -> bool {
        self.txn.is_none()
    }

    /// The newest savepoint of this name.
    pub fn savepoint(&self, name: &str) -> Result<usize, Error> {
        self.savepoints
            .iter()
            .rposition(|savepoint| savepoint.name == name)
            .ok_or_else(|| Error::new(sqlstate::INVALID_SAVEPOINT, format!("savepoint \"{name}\" does not exist")))
    }
}

/// 25P02.
pub fn is_aborted() -> Error {
    Error::new(
        sqlstate::IN_FAILED_SQL_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
