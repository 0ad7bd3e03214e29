//! Versions: what every key was at every moment that is kept.
//!
//! ```text
//!   Current   key              newest committed version [+ intent]      one record per key
//!   History   key ‖ inv. ts    every older version, the newest first
//! ```
//! So a point read is one get that a bloom filter answers, a scan at a recent timestamp steps over nothing, and garbage
//! collection walks History alone, but for tombstones.
//!
//! | module | the idea |
//! | --- | --- |
//! | [`record`] | the bytes of a version, an intent, a record |
//! | [`reader`] | what a reader at a timestamp sees; what changed between two |
//! | [`writer`] | committed versions and intents into a batch |
//! | [`gc`] | old versions out of it |
//!
//! INVARIANT: of one key, the version in Current is newer than those in History, and an intent is newer than both. The
//! reader relies on it to leave History alone. The writer checks it.
//!
//! INVARIANT: a key with versions in History has one in Current. Scans walk Current only. The collector keeps it by
//! taking a tombstone out of Current only together with, or after, all that lies below it.
//!
//! INVARIANT: the local clock of a committed version is at or below its timestamp. See [`record::Version`].
//!
//! What the caller does: holds latches on the keys from taking the view until the batch is applied; refuses reads,
//! refreshes and writes below the threshold of garbage collection; consults the timestamp cache before it writes.
//!
//! What this deliberately does not do: locks, waiting, pushing the owners of intents.

pub mod ended;
pub mod gc;
pub mod reader;
pub mod record;
pub mod writer;

use atoll_storage::engine::Space;
use bytes::Bytes;

pub use reader::{Conflict, Get, IntentRef, Limits, Page, ReadAt, Scanner, Step, Stop};
pub use record::{Intent, Record, Version};

use crate::error::Retry;
use crate::id::TxnId;
use crate::key;
use crate::timestamp::Timestamp;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Storage(#[from] atoll_storage::Error),
    /// The replica must be fetched anew: no write of ours leaves such bytes.
    #[error("the record of {key} is damaged: {what}")]
    Damage { key: String, what: &'static str },
    /// Written by a newer release.
    #[error("the record of {key} has format {found}, this release knows up to {supported}")]
    Format { key: String, found: u8, supported: u8 },
    /// A version can only be put above those that are there; the write needs a higher timestamp.
    #[error("a write at {ts} is not above the newest version, at {newest}, of \"{}\"", key.escape_ascii())]
    NotAbove { key: Bytes, ts: Timestamp, newest: Timestamp },
    /// What an intent will become must be known before anything is put above it.
    #[error("an intent of transaction {txn} is in the way at \"{}\"", key.escape_ascii())]
    IntentInTheWay { key: Bytes, txn: TxnId },
}

impl Error {
    fn of_record(space: Space, key: &[u8], error: record::Error) -> Error {
        let key = key::pretty(space, key);
        match error {
            record::Error::Damage(what) => Error::Damage { key, what },
            record::Error::Format { found } => Error::Format { key, found, supported: record::FORMAT },
        }
    }

    fn damage(space: Space, key: &[u8], what: &'static str) -> Error {
        Error::Damage { key: key::pretty(space, key), what }
    }
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Storage(error) => error.into(),
            Error::NotAbove { .. } | Error::IntentInTheWay { .. } => crate::error::Error::Retry(Retry::WriteConflict),
            stopped @ (Error::Damage { .. } | Error::Format { .. }) => {
                crate::error::Error::Stopped { why: stopped.to_string() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
