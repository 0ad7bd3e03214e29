//! What a reader sees: one key, a span, and whether a span changed between two moments.
//!
//! Three things can stand above or at the read timestamp of a reader:
//! - the **intent** of another transaction, at or below it: whether it commits decides what is seen. Pushed by the caller,
//!   unless it is [known](Ended) to have ended;
//! - a version above it that is **uncertain**: written by a node whose clock then was not above what the reader observed
//!   of it at their first contact, so perhaps committed before the reader began. The read timestamp must move up to it;
//! - a version or an intent above it whose local clock is above the observed one: it came later, and is not seen.
//!
//! Every version above the read timestamp is judged, in History too: the newest may have come later while one below it,
//! pushed up by another range when it committed, did not.
//!
//! A reader's own intent is what it sees, of whatever epoch: a coordinator that starts a new epoch and reads on has
//! resolved the intents of the one before.
//!
//! Cost: one get in Current if the newest version is at or below the read timestamp, one seek in History otherwise.

use std::iter::Fuse;
use std::sync::Arc;

use atoll_storage::engine::{self, Engine, Space, View};
use bytes::Bytes;

use super::ended::{Ended, Outcome};
use super::record::{self, Intent, Record, Version};
use super::{Error, Result};
use crate::id::TxnId;
use crate::key;
use crate::request::Span;
use crate::timestamp::Timestamp;

/// How a reader looks at versions on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAt {
    pub ts: Timestamp,
    /// The reading transaction, whose own intents are not in its way.
    pub txn: Option<TxnId>,
    /// What the clock of the node that serves this read showed when the reader first met it (at least the start of its
    /// lease, when it got the range later). None: nothing above `ts` matters to this reader.
    pub uncertainty: Option<Timestamp>,
}

impl ReadAt {
    /// A read of the past by nobody in particular.
    pub fn exactly(ts: Timestamp) -> ReadAt {
        ReadAt { ts, txn: None, uncertainty: None }
    }

    /// May what lies above `ts`, written at this clock of its node, have been there before the reader began?
    fn uncertain(&self, local: Timestamp) -> bool {
        self.uncertainty.is_some_and(|observed| local <= observed)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Get {
    /// What is seen, and since when; zeroes and no value when the key had not been written.
    Value {
        value: Option<Bytes>,
        ts: Timestamp,
        local: Timestamp,
    },
    Intent(IntentRef),
    /// Read again at `version` or above.
    Uncertain {
        version: Timestamp,
    },
}

/// An intent that somebody met: enough to find out what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentRef {
    pub txn: TxnId,
    pub anchor: Bytes,
    pub epoch: u32,
    pub ts: Timestamp,
    pub local: Timestamp,
}

impl From<&Intent> for IntentRef {
    fn from(intent: &Intent) -> IntentRef {
        let Intent { txn, anchor, epoch, ts, local, .. } = intent;
        IntentRef { txn: *txn, anchor: anchor.clone(), epoch: *epoch, ts: *ts, local: *local }
    }
}

/// All that Current holds of a key.
pub fn record(view: &View, key: &[u8]) -> Result<Option<Record>> {
    let bytes = view.get(Space::Current, key)?;
    bytes.map(|bytes| decode_record(key, bytes)).transpose()
}

/// The records of many keys that come in ascending order: by a walk over the keys there are, which is much cheaper than
/// looking for each where they lie side by side. Where too much lies between two, it begins anew at the second; when that
/// has happened too often, each is looked for after all.
pub struct Ascending {
    view: View,
    end: Bytes,
    rows: Option<Fuse<engine::Scan>>,
    /// How often it may begin anew.
    begins: usize,
    /// The first row that was not yet passed.
    next: Option<(Bytes, Bytes)>,
    /// How many more rows than keys have been passed.
    excess: usize,
}

/// Rows that nobody asked for, passed before the walk is given up.
const EXCESS_MAX: usize = 64;
const BEGINS_MAX: usize = 4;

impl Ascending {
    pub fn new(view: &View, first: &[u8], last: &[u8]) -> Ascending {
        let end = key::successor(last);
        let rows = view.scan(Space::Current, first, &end);
        Ascending { view: view.clone(), end, rows: Some(rows.fuse()), begins: BEGINS_MAX, next: None, excess: 0 }
    }

    pub fn record(&mut self, key: &[u8]) -> Result<Option<Record>> {
        while let Some(rows) = &mut self.rows {
            let row = match self.next.take() {
                Some(row) => Some(row),
                None => rows.next().transpose()?,
            };
            match row {
                Some((at, bytes)) if *at == *key => {
                    self.excess = self.excess.saturating_sub(1);
                    return decode_record(key, bytes).map(Some);
                }
                Some(row) if *row.0 < *key => {
                    self.excess += 1;
                    if self.excess > EXCESS_MAX {
                        let again = self.begins.checked_sub(1).map(|begins| {
                            (self.begins, self.excess) = (begins, 0);
                            self.view.scan(Space::Current, key, &self.end).fuse()
                        });
                        self.rows = again;
                    }
                }
                // This key has no record; the row may be the next one's.
                row => {
                    self.next = row;
                    self.excess = self.excess.saturating_sub(1);
                    return Ok(None);
                }
            }
        }
        record(&self.view, key)
    }
}

/// The record that the key has now.
pub fn newest_record(engine: &Engine, key: &[u8]) -> Result<Option<Record>> {
    let bytes = engine.newest(Space::Current, key)?;
    bytes.map(|bytes| decode_record(key, bytes)).transpose()
}

/// The records with an intent of a transaction, among the first rows of a span.
pub fn intents(view: &View, span: &Span, txn: TxnId, rows_max: usize) -> Result<Vec<(Bytes, Record)>> {
    let mut found = Vec::new();
    for row in view.scan(Space::Current, &span.start, &span.end).take(rows_max) {
        let (key, value) = row?;
        let record = decode_record(&key, value)?;
        if record.intent.as_ref().is_some_and(|intent| intent.txn == txn) {
            found.push((key, record));
        }
    }
    Ok(found)
}

/// When the newest committed version, tombstones included, was written.
pub fn newest_ts(view: &View, key: &[u8]) -> Result<Option<Timestamp>> {
    Ok(record(view, key)?.and_then(|record| record.newest).map(|version| version.ts))
}

pub fn get(view: &View, key: &[u8], read: &ReadAt, ended: &Ended) -> Result<Get> {
    match record(view, key)? {
        Some(record) => see(|| view.clone(), key, record, read, ended),
        None => Ok(NEVER_WRITTEN),
    }
}

/// What a reader sees of a key with this record, which was [the newest](newest_record) a moment ago. Other versions may
/// have come on top since. Whoever waits for writes that are under way below `read.ts` misses nothing for that.
pub fn see_newest(engine: &Engine, key: &[u8], record: Option<Record>, read: &ReadAt, ended: &Ended) -> Result<Get> {
    match record {
        // History that is younger than the record holds all that was below it.
        Some(record) => see(|| engine.view(), key, record, read, ended),
        None => Ok(NEVER_WRITTEN),
    }
}

const NEVER_WRITTEN: Get = Get::Value { value: None, ts: Timestamp::ZERO, local: Timestamp::ZERO };

fn see(view: impl FnOnce() -> View, key: &[u8], record: Record, read: &ReadAt, ended: &Ended) -> Result<Get> {
    if let Some(intent) = record.intent {
        if read.txn == Some(intent.txn) {
            return Ok(Get::Value { value: intent.value, ts: intent.ts, local: intent.local });
        }
        if intent.ts <= read.ts || read.uncertain(intent.local) {
            match ended.outcome(intent.txn) {
                // It is the version that it will be resolved to.
                Some(Outcome::Committed(ts)) if ts <= read.ts => {
                    return Ok(Get::Value { value: intent.value, ts, local: intent.local });
                }
                Some(Outcome::Committed(version)) if read.uncertain(intent.local) => {
                    return Ok(Get::Uncertain { version });
                }
                Some(_) => {}
                None => return Ok(Get::Intent(IntentRef::from(&intent))),
            }
        }
    }
    match record.newest {
        None => Ok(NEVER_WRITTEN),
        Some(Version { ts, local, value }) if ts <= read.ts => Ok(Get::Value { value, ts, local }),
        Some(version) if read.uncertain(version.local) => Ok(Get::Uncertain { version: version.ts }),
        Some(_) => see_in_history(&view(), key, read),
    }
}

fn see_in_history(view: &View, key: &[u8], read: &ReadAt) -> Result<Get> {
    // Without uncertainty nothing above the read timestamp needs a look.
    let from = if read.uncertainty.is_some() { key::history_start(key) } else { key::history(key, read.ts) };
    for row in view.scan(Space::History, &from, &key::history_end(key)) {
        let (row_key, bytes) = row?;
        let Version { ts, local, value } = decode_version(&row_key, bytes)?;
        if ts <= read.ts {
            return Ok(Get::Value { value, ts, local });
        }
        if read.uncertain(local) {
            return Ok(Get::Uncertain { version: ts });
        }
    }
    Ok(NEVER_WRITTEN)
}

pub(super) fn decode_record(key: &[u8], bytes: Bytes) -> Result<Record> {
    Record::decode(bytes).map_err(|error| Error::of_record(Space::Current, key, error))
}

pub(super) fn decode_version(row_key: &[u8], bytes: Bytes) -> Result<Version> {
    let Some((_, ts)) = key::split_history(row_key) else {
        return Err(Error::damage(Space::History, row_key, "the key holds no timestamp"));
    };
    record::decode_history(ts, bytes).map_err(|error| Error::of_record(Space::History, row_key, error))
}

// ---------------------------------------------------------------------------------------------------------------- spans

/// When a page is full. The row that reaches a limit is still in the page, so that every page makes progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub rows_max: usize,
    /// Of keys and values.
    pub bytes_max: usize,
}

impl Limits {
    pub const NONE: Limits = Limits { rows_max: usize::MAX, bytes_max: usize::MAX };
}

/// One page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub rows: Vec<(Bytes, Bytes)>,
    /// How to go on: the start of the next page, or its (exclusive) end when the scan is reversed. None when the span is
    /// done. What lies on this side of it has been read completely, gaps between the rows included.
    pub resume: Option<Bytes>,
    /// What ended the page before its limits or its end, if something did; `resume` then is at its key.
    pub stop: Option<Stop>,
}

/// A key at which a scan can't say what the reader sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    Intent { key: Bytes, intent: IntentRef },
    Uncertain { key: Bytes, version: Timestamp },
}

impl Stop {
    pub fn key(&self) -> &Bytes {
        match self {
            Stop::Intent { key, .. } | Stop::Uncertain { key, .. } => key,
        }
    }
}

/// Reads one page. [`Scanner`] is the same without the page.
pub fn scan(
    view: &View,
    span: &Span,
    read: &ReadAt,
    ended: &Arc<Ended>,
    limits: Limits,
    reverse: bool,
) -> Result<Page> {
    let mut scanner = Scanner::new(view, span, read, ended.clone(), reverse);
    let mut page = Page::default();
    let mut bytes = 0;
    while let Some(step) = scanner.step()? {
        match step {
            Step::Row(key, value) => {
                bytes += key.len() + value.len();
                page.rows.push((key, value));
                if page.rows.len() >= limits.rows_max || bytes >= limits.bytes_max {
                    page.resume = scanner.resume()?;
                    break;
                }
            }
            Step::Stop(stop) => {
                page.resume = Some(if reverse { key::successor(stop.key()) } else { stop.key().clone() });
                page.stop = Some(stop);
                break;
            }
        }
    }
    Ok(page)
}

pub enum Step {
    Row(Bytes, Bytes),
    /// Not an end: the next step is about the next key.
    Stop(Stop),
}

/// Walks the rows that a reader sees, one at a time. Keys and values are slices of what the store returned.
pub struct Scanner {
    view: View,
    read: ReadAt,
    ended: Arc<Ended>,
    rows: Rows,
    /// Taken from `rows` to see how a scan can be resumed.
    ahead: Option<(Bytes, Bytes)>,
    /// The key of the last step.
    last: Option<Bytes>,
}

enum Rows {
    Forward(engine::Scan),
    Reverse(engine::ScanReverse),
}

impl Rows {
    fn next(&mut self) -> Result<Option<(Bytes, Bytes)>> {
        let row = match self {
            Rows::Forward(rows) => rows.next(),
            Rows::Reverse(rows) => rows.next(),
        };
        Ok(row.transpose()?)
    }
}

impl Scanner {
    pub fn new(view: &View, span: &Span, read: &ReadAt, ended: Arc<Ended>, reverse: bool) -> Scanner {
        let Span { start, end } = span;
        let rows = if reverse {
            Rows::Reverse(view.scan_reverse(Space::Current, start, end))
        } else {
            Rows::Forward(view.scan(Space::Current, start, end))
        };
        Scanner { view: view.clone(), read: *read, ended, rows, ahead: None, last: None }
    }

    pub fn step(&mut self) -> Result<Option<Step>> {
        loop {
            let row = match self.ahead.take() {
                Some(row) => Some(row),
                None => self.rows.next()?,
            };
            let Some((key, bytes)) = row else {
                return Ok(None);
            };
            let record = decode_record(&key, bytes)?;
            let step = match see(|| self.view.clone(), &key, record, &self.read, &self.ended)? {
                Get::Value { value: Some(value), .. } => Step::Row(key.clone(), value),
                Get::Value { value: None, .. } => continue,
                Get::Intent(intent) => Step::Stop(Stop::Intent { key: key.clone(), intent }),
                Get::Uncertain { version } => Step::Stop(Stop::Uncertain { key: key.clone(), version }),
            };
            self.last = Some(key);
            return Ok(Some(step));
        }
    }

    /// Where a scan of what is left begins (forward) or ends (reversed); none when nothing is left. Forward it is the
    /// next key that has a record, so that the gap before it counts as read.
    pub fn resume(&mut self) -> Result<Option<Bytes>> {
        if self.ahead.is_none() {
            self.ahead = self.rows.next()?;
        }
        Ok(match (&self.ahead, &self.rows) {
            (None, _) => None,
            (Some((next, _)), Rows::Forward(_)) => Some(next.clone()),
            // The end is exclusive; without a step before, the next key itself has to lie below it.
            (Some((next, _)), Rows::Reverse(_)) => Some(self.last.clone().unwrap_or_else(|| key::successor(next))),
        })
    }
}

impl Iterator for Scanner {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Result<Step>> {
        self.step().transpose()
    }
}

// -------------------------------------------------------------------------------------------------------------- changes

/// Why what was read may not hold at a later timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    Version { key: Bytes, ts: Timestamp },
    Intent { key: Bytes, intent: IntentRef },
}

/// The first key of a span, if any, at which a reader could see something else at `to` than at `from`: another
/// transaction's intent at or below `to`, or a version above `from` and at or below `to`. Several versions may be there;
/// the newest is named.
///
/// Intents at or below `from` count as well, unless their transaction is [known](Ended) to have ended. A reader at `from`
/// that passed one by knew that its transaction would not commit at or below `from`; where between `from` and `to` it will
/// is what nobody knows before it has ended.
pub fn changed_since(
    view: &View,
    span: &Span,
    from: Timestamp,
    to: Timestamp,
    txn: Option<TxnId>,
    ended: &Ended,
) -> Result<Option<Conflict>> {
    for row in view.scan(Space::Current, &span.start, &span.end) {
        let (key, bytes) = row?;
        let record = decode_record(&key, bytes)?;
        let conflict = conflict(|| view.clone(), &key, record, from, to, txn, ended)?;
        if conflict.is_some() {
            return Ok(conflict);
        }
    }
    Ok(None)
}

/// The same for a key that was read by itself, as it is now: [`see_newest`] says what that requires.
pub fn newest_changed_since(
    engine: &Engine,
    key: &[u8],
    from: Timestamp,
    to: Timestamp,
    txn: Option<TxnId>,
    ended: &Ended,
) -> Result<Option<Conflict>> {
    match newest_record(engine, key)? {
        Some(record) => conflict(|| engine.view(), key, record, from, to, txn, ended),
        None => Ok(None),
    }
}

fn conflict(
    view: impl FnOnce() -> View,
    key: &[u8],
    record: Record,
    from: Timestamp,
    to: Timestamp,
    txn: Option<TxnId>,
    ended: &Ended,
) -> Result<Option<Conflict>> {
    let mut committed = None;
    if let Some(intent) = &record.intent
        && txn != Some(intent.txn)
        && intent.ts <= to
    {
        match ended.outcome(intent.txn) {
            // It is the version that it will be resolved to, above all others.
            Some(Outcome::Committed(ts)) => committed = Some(ts).filter(|ts| *ts <= to),
            Some(Outcome::Aborted) => {}
            None => {
                let intent = IntentRef::from(intent);
                return Ok(Some(Conflict::Intent { key: Bytes::copy_from_slice(key), intent }));
            }
        }
    }
    let ts = match record.newest {
        _ if committed.is_some() => committed,
        Some(version) if version.ts <= to => Some(version.ts),
        Some(_) => newest_in_history(&view(), key, to)?,
        None => None,
    };
    let changed = ts.filter(|ts| *ts > from);
    Ok(changed.map(|ts| Conflict::Version { key: Bytes::copy_from_slice(key), ts }))
}

/// The newest version in History at or below `to`.
fn newest_in_history(view: &View, key: &[u8], to: Timestamp) -> Result<Option<Timestamp>> {
    match view.scan(Space::History, &key::history(key, to), &key::history_end(key)).next() {
        Some(row) => {
            let (row_key, bytes) = row?;
            Ok(Some(decode_version(&row_key, bytes)?.ts))
        }
        None => Ok(None),
    }
}
