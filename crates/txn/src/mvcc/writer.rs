//! Puts versions and intents into a batch, given the record that is there.
//!
//! The caller has read the record ([`reader::record`](super::reader::record)) under a latch that it holds until the batch
//! is applied, and puts each key at most once into one batch: a second put would be judged by a record that is no more.
//!
//! INVARIANT: nothing is put at or below a committed version, nor over another's intent. It is checked here, and answered
//! with an error before anything is in the batch.

use atoll_storage::engine::{Batch, Space};
use bytes::Bytes;

use super::record::{self, Intent, Record, Version};
use super::{Error, Result};
use crate::id::TxnId;
use crate::key;
use crate::timestamp::Timestamp;

/// What becomes of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It is a version as of this timestamp, at or above the intent's own.
    Commit(Timestamp),
    Abort,
}

/// Puts a committed version on top (`None` deletes) and moves the one that was the newest to History. `local` is the
/// clock of this node.
pub fn put_committed(
    batch: &mut Batch,
    record: Option<&Record>,
    key: &[u8],
    value: Option<Bytes>,
    ts: Timestamp,
    local: Timestamp,
) -> Result<()> {
    if let Some(intent) = record.and_then(|record| record.intent.as_ref()) {
        return Err(Error::IntentInTheWay { key: Bytes::copy_from_slice(key), txn: intent.txn });
    }
    let newest = record.and_then(|record| record.newest.as_ref());
    put_on_top(batch, newest, key, Version::new(ts, local, value))
}

/// Lays an intent, or replaces the same transaction's.
pub fn put_intent(batch: &mut Batch, record: Option<&Record>, key: &[u8], intent: Intent) -> Result<()> {
    if let Some(there) = record.and_then(|record| record.intent.as_ref())
        && (there.txn != intent.txn || there.epoch > intent.epoch)
    {
        return Err(Error::IntentInTheWay { key: Bytes::copy_from_slice(key), txn: there.txn });
    }
    let newest = record.and_then(|record| record.newest.clone());
    check_above(newest.as_ref(), key, intent.ts)?;
    batch.put(Space::Current, key, Record { newest, intent: Some(intent) }.encode());
    Ok(())
}

/// Turns the intent that this epoch of the transaction has laid into a version, or takes it away. Does nothing, and
/// says so by `false`, when there is no such intent: it was resolved before, or belongs to another. An intent that an
/// earlier epoch of a finished transaction left behind is aborted under its own epoch.
pub fn resolve_intent(
    batch: &mut Batch,
    record: Option<&Record>,
    key: &[u8],
    txn: TxnId,
    epoch: u32,
    resolution: Resolution,
) -> Result<bool> {
    let Some(Record { newest, intent: Some(intent) }) = record else {
        return Ok(false);
    };
    if intent.txn != txn || intent.epoch != epoch {
        return Ok(false);
    }
    match resolution {
        Resolution::Commit(ts) if ts < intent.ts => {
            return Err(Error::NotAbove { key: Bytes::copy_from_slice(key), ts, newest: intent.ts });
        }
        // The clock of the intent stays: by it a reader knows that the write came before, however far up it moved.
        Resolution::Commit(ts) => {
            put_on_top(batch, newest.as_ref(), key, Version::new(ts, intent.local, intent.value.clone()))?;
        }
        Resolution::Abort => match newest {
            Some(_) => batch.put(Space::Current, key, Record { newest: newest.clone(), intent: None }.encode()),
            None => batch.delete(Space::Current, key),
        },
    }
    Ok(true)
}

fn put_on_top(batch: &mut Batch, newest: Option<&Version>, key: &[u8], version: Version) -> Result<()> {
    check_above(newest, key, version.ts)?;
    if let Some(newest) = newest {
        batch.put(Space::History, key::history(key, newest.ts), record::encode_history(newest));
    }
    batch.put(Space::Current, key, Record { newest: Some(version), intent: None }.encode());
    Ok(())
}

fn check_above(newest: Option<&Version>, key: &[u8], ts: Timestamp) -> Result<()> {
    match newest {
        Some(newest) if ts <= newest.ts => {
            Err(Error::NotAbove { key: Bytes::copy_from_slice(key), ts, newest: newest.ts })
        }
        _ => Ok(()),
    }
}
