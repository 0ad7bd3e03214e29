//! Collects versions that no reader at or above a threshold can see. The rule, for one key:
//!
//! ```text
//!   above the threshold          all stay
//!   newest at or below it        stays, unless it is a tombstone: then having nothing says the same
//!   older ones                   go
//! ```
//!
//! Two walks, each in steps of bounded size. First History from its end to its start, so that the versions of a key come
//! oldest first and every step leaves a state that any reader may meet: nothing ever reappears from under a tombstone
//! that went before it. Then Current for tombstones, each taken out together with or after what History holds below it
//! (something may have come there since the first walk).
//!
//! INVARIANT: no read at or above the threshold, and no refresh from it, sees a difference before, between or after steps.
//!
//! What the caller does: raises the replicated threshold first; applies each step's batch before it goes on with its
//! cursor (a batch that was not applied means starting again from the cursor before); and, for the walk over Current,
//! holds write latches on the span from the view until the batch is applied, lest a tombstone be removed that is no
//! longer the newest. Versions in History need no latch: what is collected once stays collectable.

use atoll_storage::engine::{Batch, Space, View};
use bytes::Bytes;

use super::record::Version;
use super::{Error, Result, reader};
use crate::key;
use crate::request::Span;
use crate::timestamp::Timestamp;

/// Where the next step begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// Everything in History from this key on is done.
    History(Bytes),
    /// Everything in Current below this key is done, and all of History.
    Current(Bytes),
}

impl Cursor {
    pub fn start(span: &Span) -> Cursor {
        Cursor::History(key::history_span(&span.start, &span.end).1.into())
    }

    /// Does the next step need write latches?
    pub fn in_current(&self) -> bool {
        matches!(self, Cursor::Current(_))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// None when the span is done.
    pub cursor: Option<Cursor>,
    /// Versions that the batch removes from History.
    pub versions: u64,
    /// Tombstones that it removes from Current.
    pub tombstones: u64,
}

/// Looks at about `rows_max` rows (at least one) from the cursor on and puts what can go into the batch.
pub fn collect(
    view: &View,
    span: &Span,
    threshold: Timestamp,
    cursor: &Cursor,
    rows_max: usize,
    batch: &mut Batch,
) -> Result<Progress> {
    let mut step = Step { view, threshold, left: rows_max.max(1), batch, versions: 0, tombstones: 0 };
    let cursor = match cursor {
        Cursor::History(end) => match step.history(span, end)? {
            Some(end) => Some(Cursor::History(end)),
            None => Some(Cursor::Current(span.start.clone())),
        },
        Cursor::Current(start) => step.tombstones(start, &span.end)?.map(Cursor::Current),
    };
    Ok(Progress { cursor, versions: step.versions, tombstones: step.tombstones })
}

struct Step<'a> {
    view: &'a View,
    threshold: Timestamp,
    /// How many more rows may be looked at.
    left: usize,
    batch: &'a mut Batch,
    versions: u64,
    tombstones: u64,
}

impl Step<'_> {
    /// Returns the new (exclusive) end of what is still to be done, or none.
    fn history(&mut self, span: &Span, end: &Bytes) -> Result<Option<Bytes>> {
        let start = key::history_start(&span.start);
        // A version can be judged once the next newer one is known: the row that follows, or the record in Current.
        let mut older: Option<(Bytes, Version)> = None;
        for row in self.view.scan_reverse(Space::History, &start, end) {
            let (row_key, bytes) = row?;
            let version = reader::decode_version(&row_key, bytes)?;
            if let Some((older_key, older)) = &older {
                if self.left == 0 {
                    return Ok(Some(key::successor(older_key)));
                }
                let same_key = split(older_key)?.0 == split(&row_key)?.0;
                self.judge(older_key, older, same_key.then_some(version.ts))?;
            }
            older = Some((row_key, version));
        }
        if let Some((older_key, older)) = &older {
            self.judge(older_key, older, None)?;
        }
        Ok(None)
    }

    /// `newer` is the timestamp of the next newer version of the key, none when that one is in Current.
    fn judge(&mut self, row_key: &[u8], version: &Version, newer: Option<Timestamp>) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        if version.ts > self.threshold {
            return Ok(());
        }
        let newer = match newer {
            Some(newer) => newer,
            None => self.newest(row_key)?,
        };
        // What is older than a tombstone here is gone already.
        if version.value.is_none() || newer <= self.threshold {
            self.batch.delete(Space::History, row_key);
            self.versions += 1;
        }
        Ok(())
    }

    fn newest(&self, row_key: &[u8]) -> Result<Timestamp> {
        let Some((key, _)) = key::decode_history(row_key) else {
            return Err(Error::damage(Space::History, row_key, "the key is not escaped"));
        };
        match reader::newest_ts(self.view, &key)? {
            Some(ts) => Ok(ts),
            None => Err(Error::damage(Space::Current, &key, "there are versions in history and none here")),
        }
    }

    /// Returns the new start of what is still to be done, or none.
    fn tombstones(&mut self, start: &Bytes, end: &Bytes) -> Result<Option<Bytes>> {
        for row in self.view.scan(Space::Current, start, end) {
            let (key, bytes) = row?;
            if self.left == 0 {
                return Ok(Some(key));
            }
            self.left -= 1;
            let record = reader::decode_record(&key, bytes)?;
            let tombstone = record.newest.is_some_and(|newest| newest.value.is_none() && newest.ts <= self.threshold);
            if tombstone && record.intent.is_none() {
                if !self.below_tombstone(&key)? {
                    return Ok(Some(key));
                }
                self.batch.delete(Space::Current, &key);
                self.tombstones += 1;
            }
        }
        Ok(None)
    }

    /// Removes what History still holds of a key whose newest version is a tombstone that goes; false when that is more
    /// than this step may do.
    fn below_tombstone(&mut self, key: &[u8]) -> Result<bool> {
        for row in self.view.scan_reverse(Space::History, &key::history_start(key), &key::history_end(key)) {
            let (row_key, _) = row?;
            if self.left == 0 && self.versions > 0 {
                return Ok(false);
            }
            self.left = self.left.saturating_sub(1);
            self.batch.delete(Space::History, row_key);
            self.versions += 1;
        }
        Ok(true)
    }
}

fn split(row_key: &[u8]) -> Result<(&[u8], Timestamp)> {
    key::split_history(row_key).ok_or_else(|| Error::damage(Space::History, row_key, "the key holds no timestamp"))
}
