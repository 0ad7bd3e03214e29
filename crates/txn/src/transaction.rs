//! A transaction at its coordinator: what it has read, what it wants to write, which locks it holds, and its commit.
//!
//! Writes are buffered here and reads see them. A commit whose keys all lie in one range is one request ([`Commit`]).
//! Over several ranges it goes in steps, each of which may fail without harm until the fourth:
//!
//! 1. **Prepare**: intents in every range, in parallel. Each answers with the least timestamp at which it can commit.
//! 2. The commit timestamp is the largest of these.
//! 3. **Refresh**: what was read must not have changed up to that timestamp (serializable), nor may the rows that
//!    constraints or locks rely on (every isolation level).
//! 4. **Decide**: a record in the range of the anchor key, the first key written. Once it is durable the transaction is
//!    committed and the client is answered.
//! 5. **Resolve**, then **Forget**, behind the client's back: intents become versions, then the record goes.
//!
//! If this coordinator dies before step 4, whoever meets an intent pushes: a record that says *aborted* bars step 4. If
//! it dies after, whoever meets an intent finds the record and resolves.
//!
//! INVARIANT: after step 4 was sent and before its answer is known, nothing is told to the client but *unknown*, and
//! nothing is resolved. `commit` relies on it for atomicity.
//!
//! Isolation: SERIALIZABLE refreshes all reads to the commit timestamp. REPEATABLE READ is snapshot isolation: reads are
//! not refreshed, and a version of a written key above the snapshot is a conflict. READ COMMITTED takes a new snapshot
//! for each statement ([`Transaction::begin_statement`]); what it changes it locks first and reads under the lock.
//!
//! - this file: reading, writing, locking, committing
//! - [`locking`]: locks, and rows that are read in order to be changed
//! - [`newest`]: what constraints ask, which hold among the newest versions
//!
//! What it deliberately does not do: parallel commit (one round instead of two), early spilling of large buffers.

mod locking;
mod newest;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, ready, select};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;

use crate::buffer::{Buffer, Mark};
use crate::error::{Error, Result, Retry};
use crate::id::TxnId;
use crate::lock::Strength;
use crate::request::*;
use crate::sender::{GetHere, Sender};
use crate::timestamp::Timestamp;

/// How often a request is addressed anew after the ranges have moved under it.
const MOVES_MAX: usize = 32;
/// How many locks are asked for at once.
const LOCKS_MAX: usize = 256;
/// How often a commit raises its timestamp before it gives up.
const RAISES_MAX: usize = 16;
/// Reads are remembered one by one up to here, then neighbours are taken together.
const READS_MAX: usize = 4096;
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A commit that lays intents is in the way of readers, too.
const HEARTBEAT_OF_COMMIT: Duration = Duration::from_millis(250);
/// How long the outcome of a decision whose answer was lost is asked for.
const SETTLE_FOR: u32 = 40;
const SETTLE_EVERY: Duration = Duration::from_millis(250);
/// When a tenure lasts for no longer than this, its renewal is waited for.
const RENEWAL_NEAR_NS: u64 = 500_000_000;
const RENEWAL_LOOKS: u32 = 20;
const RENEWAL_LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest key: even when every byte of it is escaped it fits the engine's.
const KEY_BYTES_MAX: usize = 16 << 10;
/// What one transaction may buffer.
const BUFFER_BYTES_MAX: u64 = 4 << 30;
/// How much one request of a commit carries at most: more is cut into pieces. Whoever works on one keeps a core busy for
/// some ten milliseconds, and all others waiting for it.
const PIECE_BYTES: usize = 1 << 20;
const PIECE_WRITES: usize = 4 << 10;
/// How many pieces are under way at once.
const PIECES_MAX: usize = 4;
/// How many keys are named one by one to whoever resolves their intents.
const KEYS_MAX: usize = 1024;

/// Up to when transactions that rely on a tenure may commit, as it is known at the moment. None: it is over.
pub trait Until: Send + Sync {
    fn until(&self, tenure: u64) -> Option<Timestamp>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// A point to which a transaction can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint {
    mark: Mark,
    locks: u64,
    reads: usize,
    constraints: usize,
    /// How often reads had been taken together: if it happened since, they can't be told apart any more.
    merges: u64,
}

#[derive(Clone, Debug)]
struct Held {
    token: u64,
    strength: Strength,
    /// The version that was the newest when the lock was granted, and whether it was a row.
    version: Timestamp,
    present: bool,
    /// The order of taking, for savepoints.
    order: u64,
}

/// Where this transaction holds locks, or may do so, shared with its heartbeat. Spans, because ranges are split: few, be
/// there millions of locks.
#[derive(Default)]
struct Alive {
    ended: bool,
    spans: Vec<Span>,
}

impl Alive {
    fn covers(&self, key: &[u8]) -> bool {
        self.spans.iter().any(|span| span.contains(key))
    }

    fn add(&mut self, new: Span) {
        if !self.spans.iter().any(|span| span.covers(&new)) {
            self.spans.retain(|span| !new.covers(span));
            self.spans.push(new);
        }
    }
}

pub struct Transaction<S: Sender> {
    sender: S,
    id: TxnId,
    isolation: Isolation,
    began: Timestamp,
    read_ts: Timestamp,
    /// What must hold at the commit timestamp has been shown to hold up to here.
    held_ts: Timestamp,
    /// It may not commit above this.
    tenure: Option<(Arc<dyn Until>, u64)>,
    /// It may write when the disk is full.
    vital: bool,
    /// Reads at a chosen past moment: no writes, no uncertainty.
    historical: bool,
    observed: Vec<Observed>,
    reads: Vec<Span>,
    merges: u64,
    /// Reads that must hold at the commit timestamp whatever the isolation: unique and foreign key checks.
    constraints: Vec<Span>,
    /// Those of earlier statements under READ COMMITTED, ascending by the moment up to which they have been shown to hold.
    earlier_constraints: Vec<(Span, Timestamp)>,
    locks: BTreeMap<Bytes, Held>,
    locks_taken: u64,
    buffer: Buffer,
    /// Reads see what was written up to here; none is everything.
    view: Option<Mark>,
    alive: Option<Arc<Mutex<Alive>>>,
    /// Attempts to commit so far.
    epoch: u32,
    /// How many writes a request of the commit carries, and how many keys of intents are named one by one.
    piece_writes: usize,
    keys_max: usize,
    ended: bool,
}

/// A page that was read ahead: of the first part of the span, the piece that one range holds.
#[derive(Debug)]
pub struct Ahead {
    span: Span,
    read_ts: Timestamp,
    answer: Result<(Span, Answer)>,
}

/// Writes in the order of their keys, and claims, that belong to one range: all of it, or a piece.
struct Part {
    range: RangeRef,
    writes: Vec<Write>,
    claims: Vec<Claim>,
    bytes: usize,
}

impl Part {
    fn new(range: RangeRef) -> Part {
        Part { range, writes: Vec::new(), claims: Vec::new(), bytes: 0 }
    }

    /// Where its intents are: key by key, or, where there are many, all between the first and the last.
    fn spans(&self, keys_max: usize) -> Vec<Span> {
        match &self.writes[..] {
            [first, .., last] if self.writes.len() > keys_max => {
                vec![Span { end: Span::point(&last.key).end, ..Span::point(&first.key) }]
            }
            writes => writes.iter().map(|write| Span::point(&write.key)).collect(),
        }
    }
}

/// How many requests are under way at once: one for each range, unless they are large.
fn at_once(parts: &[Part]) -> usize {
    let bytes: usize = parts.iter().map(|part| part.bytes).sum();
    if bytes > PIECE_BYTES { PIECES_MAX } else { parts.len().max(1) }
}

impl<S: Sender> Transaction<S> {
    pub fn begin(sender: S, isolation: Isolation) -> Transaction<S> {
        let now = sender.now();
        Self::start(sender, isolation, now, false)
    }

    /// A read-only transaction that sees the database as it was at `ts`.
    pub fn at(sender: S, ts: Timestamp) -> Transaction<S> {
        Self::start(sender, Isolation::Serializable, ts, true)
    }

    fn start(sender: S, isolation: Isolation, read_ts: Timestamp, historical: bool) -> Transaction<S> {
        let id = sender.new_txn_id();
        let mut txn = Transaction {
            sender,
            id,
            isolation,
            began: read_ts,
            read_ts,
            held_ts: read_ts,
            tenure: None,
            vital: false,
            historical,
            observed: Vec::new(),
            reads: Vec::new(),
            merges: 0,
            constraints: Vec::new(),
            earlier_constraints: Vec::new(),
            locks: BTreeMap::new(),
            locks_taken: 0,
            buffer: Buffer::default(),
            view: None,
            alive: None,
            epoch: 0,
            piece_writes: PIECE_WRITES,
            keys_max: KEYS_MAX,
            ended: false,
        };
        txn.observe_gateway();
        txn
    }

    pub fn id(&self) -> TxnId {
        self.id
    }

    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    pub fn read_ts(&self) -> Timestamp {
        self.read_ts
    }

    /// READ COMMITTED: the next statement sees what is committed now. The other levels keep their snapshot.
    pub fn begin_statement(&mut self) {
        self.release_view();
        if self.isolation == Isolation::ReadCommitted && !self.historical {
            let held_ts = self.held_ts.max(self.read_ts);
            self.earlier_constraints.extend(self.constraints.drain(..).map(|span| (span, held_ts)));
            self.read_ts = self.sender.now();
            self.reads.clear();
            self.observed.clear();
            self.observe_gateway();
        }
    }

    /// What is written from now on is not seen by [`get`](Self::get) and [`scan`](Self::scan), until the next statement
    /// or [`release_view`](Self::release_view): a statement does not see its own changes.
    pub fn hold_view(&mut self) {
        self.release_view();
        self.view = Some(self.buffer.hold());
    }

    pub fn release_view(&mut self) {
        if let Some(mark) = self.view.take() {
            self.buffer.let_go(mark);
        }
    }

    // ------------------------------------------------------------------------------------------------------- reading

    pub async fn get(&mut self, key: &[u8]) -> Result<Option<Bytes>> {
        match self.get_here(key) {
            Some(value) => Ok(value),
            None => Box::pin(self.get_stored(Bytes::copy_from_slice(key))).await.map(|found| found.value),
        }
    }

    /// When what others have committed under a key was committed; zero where there is nothing.
    pub async fn version(&mut self, key: &[u8]) -> Result<Timestamp> {
        Box::pin(self.get_stored(Bytes::copy_from_slice(key))).await.map(|found| found.version)
    }

    /// As [`get`](Self::get), if that takes no waiting; none says nothing.
    pub fn get_here(&mut self, key: &[u8]) -> Option<Option<Bytes>> {
        if self.ended {
            return None;
        }
        let buffered = match self.view {
            Some(mark) => self.buffer.get_at(key, mark),
            None => self.buffer.get(key),
        };
        match buffered {
            Some(buffered) => Some(buffered.clone()),
            None => self.get_stored_here(key),
        }
    }

    fn get_stored_here(&mut self, key: &[u8]) -> Option<Option<Bytes>> {
        let span = Span::point(key);
        let (ts, exact, observed) = (self.read_ts, self.historical, &self.observed[..]);
        let answer = self.sender.get_here(GetHere { span: &span, ts, txn: self.id, observed, exact })?;
        self.observe(&answer);
        let Reply::Value(value) = answer.reply else { return None };
        self.remember(span);
        Some(value.value)
    }

    async fn get_stored(&mut self, key: Bytes) -> Result<Value> {
        self.open()?;
        loop {
            let body = Body::Get(Get { key: key.clone(), read: self.read_at() });
            match self.send_to(&key, body).await {
                Ok((_, Reply::Value(value))) => {
                    self.remember(Span::point(&key));
                    return Ok(value);
                }
                Ok(_) => return Err(Error::Misuse("a get was answered with something else")),
                Err(Error::Uncertain { version, .. }) => self.raise(version).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The rows of a span as this transaction sees them, at most about `rows_max` (0: all that fit a page).
    /// `resume` in the page says how to go on.
    pub async fn scan(&mut self, span: &Span, reverse: bool, rows_max: u64) -> Result<Page> {
        self.open()?;
        let mut rest = span.clone();
        let mut rows: Vec<Row> = Vec::new();
        loop {
            if rest.is_empty() {
                return Ok(Page { rows, resume: None });
            }
            if rows_max > 0 && rows.len() as u64 >= rows_max {
                let resume = if reverse { rest.end } else { rest.start };
                return Ok(Page { rows, resume: Some(resume) });
            }
            // The page of one range, and the part of `rest` that it covers.
            let range =
                if reverse { self.locate_before(&rest.end).await? } else { self.sender.locate(&rest.start).await? };
            let piece = rest.clip(&range.span);
            let left = if rows_max == 0 { 0 } else { rows_max - rows.len() as u64 };
            let body =
                Body::Scan(Scan { span: piece.clone(), reverse, rows_max: left, bytes_max: 0, read: self.read_at() });
            let page = match self.send(&range, body).await {
                Ok(Reply::Page(page)) => page,
                Ok(_) => return Err(Error::Misuse("a scan was answered with something else")),
                Err(Error::RangeMoved { .. }) => continue,
                Err(Error::Uncertain { version, .. }) => {
                    // Rows already gathered were read below; the refresh has shown that they hold at the new timestamp.
                    self.raise(version).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let covered = match (&page.resume, reverse) {
                (None, _) => piece.clone(),
                (Some(resume), false) => Span { start: piece.start.clone(), end: resume.clone() },
                (Some(resume), true) => Span { start: resume.clone(), end: piece.end.clone() },
            };
            self.remember(covered.clone());
            let full = page.resume.is_some();
            match self.view {
                Some(mark) => self.buffer.overlay_at(mark, &covered, reverse, page.rows, &mut rows),
                None => self.buffer.overlay(&covered, reverse, page.rows, &mut rows),
            }
            rest = if reverse {
                Span { start: rest.start, end: covered.start }
            } else if covered.end.is_empty() {
                return Ok(Page { rows, resume: None });
            } else {
                Span { start: covered.end, end: rest.end }
            };
            if reverse && rest.end.is_empty() {
                // The piece began at the start of the key space: an empty end would mean everything.
                return Ok(Page { rows, resume: None });
            }
            if full && rows_max == 0 {
                let done = rest.is_empty();
                let resume = if reverse { rest.end } else { rest.start };
                return Ok(Page { rows, resume: (!done).then_some(resume) });
            }
        }
    }

    /// Reads the first page of a span while the transaction goes on with other things; whoever gets there takes it by
    /// [`take_ahead`](Self::take_ahead).
    pub fn scan_ahead(&self, span: &Span, rows_max: u64) -> impl Future<Output = Ahead> + Send + 'static {
        let (sender, span, read) = (self.sender.clone(), span.clone(), self.read_at());
        async move {
            let read_ts = read.ts;
            let answer = async {
                let range = sender.locate(&span.start).await?;
                let piece = span.clip(&range.span);
                let body = Body::Scan(Scan { span: piece.clone(), reverse: false, rows_max, bytes_max: 0, read });
                Ok((piece, sender.send(&range, body).await?))
            };
            let answer = answer.await;
            Ahead { span, read_ts, answer }
        }
    }

    /// The page that was read ahead, as [`scan`](Self::scan) would have read it now; none if that has to be done.
    pub fn take_ahead(&mut self, ahead: Ahead) -> Option<Page> {
        let (piece, answer) = ahead.answer.ok()?;
        if self.ended || ahead.read_ts != self.read_ts {
            return None;
        }
        self.observe(&answer);
        let Reply::Page(page) = answer.reply else { return None };
        let end = page.resume.clone().unwrap_or_else(|| piece.end.clone());
        let covered = Span { start: piece.start, end };
        let resume = (covered.end != ahead.span.end).then(|| covered.end.clone());
        self.remember(covered.clone());
        let mut rows = Vec::new();
        match self.view {
            Some(mark) => self.buffer.overlay_at(mark, &covered, false, page.rows, &mut rows),
            None => self.buffer.overlay(&covered, false, page.rows, &mut rows),
        }
        Some(Page { rows, resume })
    }

    /// Every row of a span.
    pub async fn scan_all(&mut self, span: &Span) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut rest = span.clone();
        loop {
            let page = self.scan(&rest, false, 0).await?;
            rows.extend(page.rows);
            match page.resume {
                Some(resume) => rest.start = resume,
                None => return Ok(rows),
            }
        }
    }

    /// What was read in this span must hold at the commit timestamp, whatever the isolation level.
    pub fn constrain(&mut self, span: Span) {
        self.constraints.push(span);
    }

    // ------------------------------------------------------------------------------------------------------- writing

    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<()> {
        self.write(key.into(), Some(value.into()))
    }

    pub fn delete(&mut self, key: impl Into<Bytes>) -> Result<()> {
        self.write(key.into(), None)
    }

    fn write(&mut self, key: Bytes, value: Option<Bytes>) -> Result<()> {
        self.open()?;
        if self.historical {
            return Err(Error::Misuse("a transaction that reads the past can't write"));
        }
        if key.len() > KEY_BYTES_MAX {
            let (bytes, bytes_max) = (key.len() as u64, KEY_BYTES_MAX as u64);
            return Err(Error::TooLarge { what: "a key", bytes, bytes_max });
        }
        match value {
            Some(value) => self.buffer.put(key, value),
            None => self.buffer.delete(key),
        };
        let bytes = self.buffer.bytes() as u64;
        if bytes > BUFFER_BYTES_MAX {
            return Err(Error::TooLarge { what: "a transaction", bytes, bytes_max: BUFFER_BYTES_MAX });
        }
        Ok(())
    }

    pub fn savepoint(&mut self) -> Savepoint {
        Savepoint {
            mark: self.buffer.mark(),
            locks: self.locks_taken,
            reads: self.reads.len(),
            constraints: self.constraints.len(),
            merges: self.merges,
        }
    }

    /// Undoes what was written and lets go of what was first locked since the savepoint. The savepoint stays.
    pub async fn rollback_to(&mut self, savepoint: Savepoint) -> Result<()> {
        self.open()?;
        self.undo_writes(savepoint);
        let since: Vec<Bytes> =
            self.locks.iter().filter(|(_, held)| held.order >= savepoint.locks).map(|(key, _)| key.clone()).collect();
        for key in since {
            self.unlock(&key).await?;
        }
        Ok(())
    }

    /// Takes one statement back, whose results nobody has seen, and keeps its locks: it is about to run again, and wants
    /// to find the rows that it has waited for. SERIALIZABLE moves the snapshot up, if what the statements before it have
    /// read is the same there. The savepoint stays.
    pub async fn take_back(&mut self, savepoint: Savepoint) -> Result<()> {
        self.open()?;
        self.undo_writes(savepoint);
        if self.isolation != Isolation::Serializable {
            return Ok(());
        }
        if self.merges == savepoint.merges {
            self.reads.truncate(savepoint.reads);
        }
        self.constraints.truncate(savepoint.constraints);
        self.raise(self.sender.now()).await
    }

    fn undo_writes(&mut self, savepoint: Savepoint) {
        self.release_view();
        self.buffer.rollback_to(savepoint.mark);
    }

    /// Forgets the savepoint and keeps what was done since.
    pub fn release(&mut self, savepoint: Savepoint) {
        self.buffer.release(savepoint.mark);
    }

    // -------------------------------------------------------------------------------------------------------- ending

    pub async fn rollback(mut self) {
        self.ended = true;
        self.stop_heartbeat();
        release_all(&self.sender, self.id, self.locked_spans()).await;
    }

    /// From here on it commits while the tenure lasts or not at all, whatever becomes of its messages on the way.
    pub fn commit_by(&mut self, tenure: Arc<dyn Until>, number: u64) {
        self.tenure = Some((tenure, number));
    }

    /// What it writes is written even when the disk is full: a few bytes that others wait for, over and over the same.
    pub fn set_vital(&mut self) {
        self.vital = true;
    }

    /// Commits, and returns the timestamp at which the writes became visible (the snapshot's, when there are none).
    pub async fn commit(mut self) -> Result<Timestamp> {
        self.open()?;
        let result = self.try_commit().await;
        self.ended = true;
        self.stop_heartbeat();
        if result.is_err() {
            self.abandon();
        }
        result
    }

    /// Commits at once what has written and locked nothing: then there is nothing to do. None if there is.
    pub fn commit_unwritten(&mut self) -> Option<Timestamp> {
        if self.ended || !self.buffer.is_empty() || !self.locks.is_empty() {
            return None;
        }
        self.ended = true;
        self.stop_heartbeat();
        Some(self.read_ts)
    }

    async fn try_commit(&mut self) -> Result<Timestamp> {
        if self.buffer.is_empty() && self.locks.is_empty() {
            return Ok(self.read_ts);
        }
        self.hold_earlier_constraints().await?;
        for _ in 0..MOVES_MAX {
            self.epoch += 1;
            let parts = self.parts().await?;
            let result = match &parts[..] {
                [part] => self.commit_in_one(part).await,
                _ => self.commit_alive(&parts).await,
            };
            match result {
                Err(Error::RangeMoved { .. }) => continue,
                done => return done,
            }
        }
        Err(Error::Unreachable { range: 0 })
    }

    async fn commit_in_one(&mut self, part: &Part) -> Result<Timestamp> {
        for _ in 0..RAISES_MAX {
            let needed = self.reads_to_hold();
            let reads: Vec<Span> =
                needed.iter().map(|span| span.clip(&part.range.span)).filter(|span| !span.is_empty()).collect();
            let reads_elsewhere = needed.iter().any(|span| !part.range.span.covers(span));
            let body = Body::Commit(Commit {
                txn: self.header_in_time().await?,
                writes: part.writes.clone(),
                claims: part.claims.clone(),
                reads,
                reads_elsewhere,
            });
            match self.send(&part.range, body).await? {
                Reply::Committed(Committed { ts, refused: false }) => {
                    self.locks.clear();
                    return Ok(ts);
                }
                Reply::Committed(Committed { ts, refused: true }) => self.raise_to_hold(ts).await?,
                _ => return Err(Error::Misuse("a commit was answered with something else")),
            }
        }
        Err(Error::Retry(Retry::ReadChanged))
    }

    /// Commits with intents. Whoever meets one waits, unless where the anchor lies nothing is heard of this transaction.
    async fn commit_alive(&mut self, parts: &[Part]) -> Result<Timestamp> {
        let Some(anchor) = parts.iter().flat_map(|part| &part.writes).map(|write| write.key.clone()).next() else {
            return self.commit_locks_only(parts).await;
        };
        let (sender, txn) = (self.sender.clone(), self.id);
        let heartbeat = async {
            loop {
                sender.sleep(HEARTBEAT_OF_COMMIT).await;
                // One that gets no answer does not keep the next one back.
                let said = pin!(say_alive(&sender, txn, vec![Span::point(&anchor)]));
                select(said, pin!(sender.sleep(HEARTBEAT_OF_COMMIT))).await;
            }
        };
        match select(pin!(self.commit_in_many(parts, &anchor)), pin!(heartbeat)).await {
            Either::Left((result, _)) => result,
            Either::Right((never, _)) => never,
        }
    }

    async fn commit_in_many(&mut self, parts: &[Part], anchor: &Bytes) -> Result<Timestamp> {
        // 1. Prepare.
        let (commit_ts, mut failed) = self.prepare(parts, anchor).await;

        // 2. and 3. Refresh.
        if failed.is_none() && commit_ts > self.held_ts {
            failed = self.raise_to_hold(commit_ts).await.err();
        }
        if failed.is_none() {
            failed = self.refresh_locked_only(commit_ts).await.err();
        }
        if let Some(error) = failed {
            self.resolve(parts).await;
            return Err(error);
        }

        // 4. Decide.
        let spans: Vec<Span> = parts.iter().flat_map(|part| part.spans(self.keys_max)).collect();
        let decide =
            Body::Decide(Decide { txn: self.header(), anchor: anchor.clone(), commit_ts: Some(commit_ts), spans });
        let fate = match self.send_to(anchor, decide).await {
            Ok((_, Reply::Status(status))) => Ok((status.fate(), status.commit_ts)),
            Ok(_) => Err(Error::Misuse("a decision was answered with something else")),
            Err(Error::Unknown { .. }) => self.settle(anchor).await,
            Err(error) => Err(error),
        };
        match fate {
            Ok((Fate::Committed, ts)) => {
                self.finish(parts, anchor, ts);
                Ok(ts)
            }
            Ok(_) => {
                self.resolve(parts).await;
                Err(Error::Retry(Retry::Aborted))
            }
            // INVARIANT of the module: an unknown outcome resolves nothing.
            Err(error @ Error::Unknown { .. }) => Err(error),
            Err(error) => {
                // Certainly not decided by us; the record bars everybody else from deciding for us.
                self.resolve(parts).await;
                Err(error)
            }
        }
    }

    /// Lays the intents. The least timestamp at which all of them can commit, or why not.
    async fn prepare(&self, parts: &[Part], anchor: &Bytes) -> (Timestamp, Option<Error>) {
        // One has failed: no more are begun, and those that are under way are waited for.
        let stop = AtomicBool::new(false);
        let prepare = async |part: &Part| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (writes, claims) = (part.writes.clone(), part.claims.clone());
            let txn = self.header_in_time().await?;
            let body = Body::Prepare(Prepare { txn, anchor: anchor.clone(), writes, claims });
            self.sender.send(&part.range, body).await.map(|answer| Some(answer.reply))
        };
        let prepares: Vec<_> = parts.iter().map(prepare).collect();
        let mut prepares = pin!(stream::iter(prepares).buffer_unordered(at_once(parts)));
        let mut commit_ts = self.read_ts;
        let mut failed = None;
        while let Some(answer) = prepares.next().await {
            stop.fetch_or(answer.is_err(), Ordering::Relaxed);
            match answer {
                Ok(None) => {}
                Ok(Some(Reply::Committed(prepared))) => commit_ts = commit_ts.max(prepared.ts),
                Ok(Some(_)) => failed = Some(Error::Misuse("a prepare was answered with something else")),
                // A prepare that may have happened is undone like one that has.
                Err(Error::Unknown { .. }) => failed = Some(Error::Retry(Retry::Aborted)),
                Err(error @ Error::RangeMoved { .. }) => {
                    failed.get_or_insert(error);
                }
                Err(error) => failed = Some(error),
            }
        }
        (commit_ts, failed)
    }

    /// Locks in several ranges and nothing written: all must have been held at one moment.
    async fn commit_locks_only(&mut self, parts: &[Part]) -> Result<Timestamp> {
        // The locks of each range are verified while those of the ranges before it are still held.
        for part in parts {
            let body = Body::Prepare(Prepare {
                txn: self.header_in_time().await?,
                anchor: Bytes::new(),
                writes: Vec::new(),
                claims: part.claims.clone(),
            });
            self.send(&part.range, body).await?;
        }
        self.resolve(parts).await;
        Ok(self.read_ts)
    }

    /// Finds out what became of a decision whose answer was lost: decides against it, unless it has been made.
    async fn settle(&mut self, anchor: &Bytes) -> Result<(Fate, Timestamp)> {
        for _ in 0..SETTLE_FOR {
            let decide = Decide { txn: self.header(), anchor: anchor.clone(), commit_ts: None, spans: Vec::new() };
            match self.send_to(anchor, Body::Decide(decide)).await {
                Ok((_, Reply::Status(status))) => return Ok((status.fate(), status.commit_ts)),
                // The record may have been there, and be gone.
                Err(Error::Retry(Retry::BeganTooEarly)) => break,
                _ => self.sender.sleep(SETTLE_EVERY).await,
            }
        }
        Err(Error::Unknown { txn: self.id })
    }

    /// Step 5, behind the client's back.
    fn finish(&mut self, parts: &[Part], anchor: &Bytes, commit_ts: Timestamp) {
        let (sender, id, anchor) = (self.sender.clone(), self.id, anchor.clone());
        let spans: Vec<Span> = parts.iter().flat_map(|part| part.spans(self.keys_max)).collect();
        let claimed: Vec<RangeRef> =
            parts.iter().filter(|part| part.writes.is_empty()).map(|part| part.range.clone()).collect();
        self.locks.clear();
        self.sender.clone().detach(Box::pin(async move {
            for range in claimed {
                let _ = sender.send(&range, Body::Release(Release { txn: id, keys: Vec::new() })).await;
            }
            if resolve_everywhere(&sender, id, commit_ts, &spans).await
                && let Ok(range) = sender.locate(&anchor).await
            {
                // What stays is swept up when the history that is kept begins above it.
                let _ = sender.send(&range, Body::Forget(Forget { txn: id, anchor, told: true })).await;
            }
        }));
    }

    /// Takes intents and locks of an aborted commit away. What can't be reached is left to whoever meets it.
    async fn resolve(&self, parts: &[Part]) {
        let resolve = async |part: &Part| {
            let body = if part.writes.is_empty() {
                Body::Release(Release { txn: self.id, keys: Vec::new() })
            } else {
                let epoch = Some(self.epoch);
                Body::Resolve(Resolve { txn: self.id, commit_ts: None, spans: part.spans(self.keys_max), epoch })
            };
            drop(self.sender.send(&part.range, body).await);
        };
        let resolves: Vec<_> = parts.iter().map(resolve).collect();
        stream::iter(resolves).buffer_unordered(at_once(parts)).for_each(ready).await;
    }

    // ------------------------------------------------------------------------------------------------------- details

    fn open(&self) -> Result<()> {
        if self.ended { Err(Error::Misuse("the transaction has ended")) } else { Ok(()) }
    }

    fn header(&self) -> TxnHeader {
        TxnHeader {
            id: self.id,
            epoch: self.epoch,
            began: self.began,
            read_ts: self.read_ts,
            first_writer_wins: self.isolation == Isolation::RepeatableRead,
            held_ts: self.held_ts.max(self.read_ts),
            until: None,
            vital: self.vital,
        }
    }

    /// For what lays writes or verifies locks: it is refused above the moment up to which the tenure lasts. That moves on
    /// while a long commit is under way; a renewal that is late is waited for.
    async fn header_in_time(&self) -> Result<TxnHeader> {
        let Some((tenure, number)) = &self.tenure else { return Ok(self.header()) };
        for _ in 0..RENEWAL_LOOKS {
            let until = tenure.until(*number).ok_or(Error::Retry(Retry::TooLate))?;
            if until.wall > self.sender.now().wall.saturating_add(RENEWAL_NEAR_NS) {
                return Ok(TxnHeader { until: Some(until), ..self.header() });
            }
            self.sender.sleep(RENEWAL_LOOK_EVERY).await;
        }
        let until = tenure.until(*number).ok_or(Error::Retry(Retry::TooLate))?;
        Ok(TxnHeader { until: Some(until), ..self.header() })
    }

    fn read_at(&self) -> ReadAt {
        ReadAt { ts: self.read_ts, txn: Some(self.id), observed: self.observed.clone(), exact: self.historical }
    }

    fn observe_gateway(&mut self) {
        // The gateway's own clock was read before anything that it may now be asked about could be missed.
        if let Some(node) = self.sender.node() {
            self.observed.push(Observed { node, clock: self.read_ts });
        }
    }

    fn observe(&mut self, answer: &Answer) {
        if !self.observed.iter().any(|seen| seen.node == answer.node) {
            self.observed.push(Observed { node: answer.node, clock: answer.clock });
        }
    }

    async fn send(&mut self, range: &RangeRef, body: Body) -> Result<Reply> {
        let answer = self.sender.send(range, body).await?;
        self.observe(&answer);
        Ok(answer.reply)
    }

    /// Sends to the range that holds `key`, wherever it has moved to. Only for requests that may be addressed anew when
    /// the range refused them, which is when certainly nothing was done.
    async fn send_to(&mut self, key: &[u8], body: Body) -> Result<(RangeRef, Reply)> {
        for _ in 0..MOVES_MAX {
            let range = self.sender.locate(key).await?;
            match self.send(&range, body.clone()).await {
                Err(Error::RangeMoved { .. }) => continue,
                reply => return reply.map(|reply| (range, reply)),
            }
        }
        Err(Error::Unreachable { range: 0 })
    }

    /// The range that holds the last keys before `end` (empty: of all).
    async fn locate_before(&self, end: &Bytes) -> Result<RangeRef> {
        if end.is_empty() {
            return self.sender.locate(&[0xff; 64]).await;
        }
        let range = self.sender.locate(end).await?;
        if range.span.start < *end {
            return Ok(range);
        }
        // `end` is the first key of its range, so the one before it is wanted: the largest key below `end`, nearly.
        let mut before = end.to_vec();
        match before.pop() {
            Some(0) | None => {}
            Some(last) => {
                before.push(last - 1);
                before.extend_from_slice(&[0xff; 64]);
            }
        }
        self.sender.locate(&before).await
    }

    fn remember(&mut self, span: Span) {
        if self.historical {
            return;
        }
        self.reads.push(span);
        if self.reads.len() > READS_MAX {
            self.merges += 1;
            self.reads.sort();
            let taken = std::mem::take(&mut self.reads);
            for pair in taken.chunks(2) {
                let end = match pair {
                    [a, b] if a.end.is_empty() || b.end.is_empty() => Bytes::new(),
                    [a, b] => a.end.clone().max(b.end.clone()),
                    one => one[0].end.clone(),
                };
                self.reads.push(Span { start: pair[0].start.clone(), end });
            }
        }
    }

    /// Moves the snapshot up to what is committed at `to`, if everything that was read is the same there; it never moves
    /// down. One that reads the past stays where it is.
    pub async fn see(&mut self, to: Timestamp) -> Result<()> {
        self.open()?;
        if self.historical || to <= self.read_ts {
            return Ok(());
        }
        self.raise(to).await
    }

    /// Moves the snapshot up, if everything that was read is the same there.
    async fn raise(&mut self, to: Timestamp) -> Result<()> {
        let reads: Vec<Span> = self.reads.iter().chain(&self.constraints).cloned().collect();
        self.refresh(&reads, self.read_ts, to).await?;
        self.read_ts = self.read_ts.max(to);
        Ok(())
    }

    /// What must hold at the commit timestamp.
    fn reads_to_hold(&self) -> Vec<Span> {
        let mut spans = self.constraints.clone();
        if self.isolation == Isolation::Serializable {
            spans.extend(self.reads.iter().cloned());
        }
        spans
    }

    async fn raise_to_hold(&mut self, to: Timestamp) -> Result<()> {
        let spans = self.reads_to_hold();
        self.refresh(&spans, self.held_ts.max(self.read_ts), to).await?;
        // The snapshot stays where it is: a weaker level's conflicts are judged by it.
        self.held_ts = self.held_ts.max(to);
        Ok(())
    }

    /// What statements before the last one relied on must hold at the last one's snapshot, and goes on from there with it.
    async fn hold_earlier_constraints(&mut self) -> Result<()> {
        let to = self.held_ts.max(self.read_ts);
        let earlier = std::mem::take(&mut self.earlier_constraints);
        for together in earlier.chunk_by(|(_, a), (_, b)| a == b) {
            let spans: Vec<Span> = together.iter().map(|(span, _)| span.clone()).collect();
            self.refresh(&spans, together[0].1, to).await?;
        }
        self.constraints.extend(earlier.into_iter().map(|(span, _)| span));
        Ok(())
    }

    /// Rows that are locked but not written must be, at the commit timestamp, what they were when they were locked. Their
    /// version was the newest then, so nothing was changed between it and the beginning of this transaction.
    /// `KeyShare` lets others update the row: it only has to be there.
    async fn refresh_locked_only(&mut self, to: Timestamp) -> Result<()> {
        let only: Vec<(Bytes, Held)> = self
            .locks
            .iter()
            .filter(|(key, _)| self.buffer.get(key).is_none())
            .map(|(key, held)| (key.clone(), held.clone()))
            .collect();
        for (key, held) in only {
            if held.strength == Strength::KeyShare && held.present {
                let read = ReadAt { ts: to, exact: true, ..self.read_at() };
                match self.send_to(&key, Body::Get(Get { key: key.clone(), read })).await? {
                    (_, Reply::Value(value)) if value.value.is_some() => {}
                    (_, Reply::Value(_)) => return Err(Error::Retry(Retry::ReadChanged)),
                    _ => return Err(Error::Misuse("a get was answered with something else")),
                }
            } else {
                self.refresh(&[Span::point(&key)], held.version.max(self.began), to).await?;
            }
        }
        Ok(())
    }

    async fn refresh(&mut self, spans: &[Span], from: Timestamp, to: Timestamp) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let mut todo: Vec<Span> = spans.iter().filter(|span| !span.is_empty()).cloned().collect();
        let mut moves = 0;
        while let Some(first) = todo.first() {
            let range = self.sender.locate(&first.start).await?;
            let mut here = Vec::new();
            let mut rest = Vec::new();
            for span in todo {
                let part = span.clip(&range.span);
                if !part.is_empty() {
                    if span.start < part.start {
                        rest.push(Span { start: span.start.clone(), end: part.start.clone() });
                    }
                    if !part.end.is_empty() && (span.end.is_empty() || part.end < span.end) {
                        rest.push(Span { start: part.end.clone(), end: span.end.clone() });
                    }
                    here.push(part);
                } else {
                    rest.push(span);
                }
            }
            let body = Body::Refresh(Refresh { txn: self.id, spans: here.clone(), from, to });
            match self.send(&range, body).await {
                Ok(_) => todo = rest,
                Err(Error::RangeMoved { .. }) if moves < MOVES_MAX => {
                    moves += 1;
                    rest.extend(here);
                    todo = rest;
                }
                Err(Error::RangeMoved { .. }) => return Err(Error::Unreachable { range: range.id }),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Cuts the commit into finer pieces than it needs to be, for tests.
    pub fn cut(&mut self, piece_writes: usize) {
        self.piece_writes = piece_writes.max(1);
        self.keys_max = 1;
    }

    /// Everything to be committed, by range, in pieces.
    async fn parts(&self) -> Result<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        for (key, value) in self.buffer.iter() {
            let is_here = |part: &Part| part.range.span.contains(key);
            let bytes = key.len() + value.as_ref().map_or(0, Bytes::len);
            // Keys come in order, so only the last part can be theirs.
            match parts.last_mut().filter(|part| is_here(part)) {
                Some(part) if part.writes.len() >= self.piece_writes || part.bytes + bytes > PIECE_BYTES => {
                    let range = part.range.clone();
                    parts.push(Part::new(range));
                }
                Some(_) => {}
                None => parts.push(Part::new(self.sender.locate(key).await?)),
            }
            if let Some(part) = parts.last_mut() {
                part.bytes += bytes;
                part.writes.push(Write { key: key.clone(), value: value.clone() });
            }
        }
        let written = parts.len();
        for (key, held) in &self.locks {
            let claim = Claim { key: key.clone(), token: held.token, strength: held.strength.to_wire() };
            // With the write of its key, if there is one; else anywhere in its range.
            let after = parts[..written].partition_point(|part| part.writes[0].key <= *key);
            let near = after.saturating_sub(1)..(after + 1).min(written);
            let is_here = |at: &usize| parts[*at].range.span.contains(key);
            match near.chain(written..parts.len()).find(is_here) {
                Some(at) => parts[at].claims.push(claim),
                None => {
                    let mut part = Part::new(self.sender.locate(key).await?);
                    part.claims.push(claim);
                    parts.push(part);
                }
            }
        }
        Ok(parts)
    }

    fn keep_alive(&mut self, span: Span) {
        let alive = self.alive.get_or_insert_with(|| {
            let alive = Arc::new(Mutex::new(Alive::default()));
            self.sender.detach(Box::pin(heartbeat(self.sender.clone(), self.id, alive.clone())));
            alive
        });
        alive.lock().add(span);
    }

    fn locked_spans(&self) -> Vec<Span> {
        self.alive.as_ref().map(|alive| alive.lock().spans.clone()).unwrap_or_default()
    }

    fn stop_heartbeat(&self) {
        if let Some(alive) = &self.alive {
            alive.lock().ended = true;
        }
    }

    /// Lets go of locks without waiting.
    fn abandon(&mut self) {
        self.stop_heartbeat();
        let spans = self.locked_spans();
        if spans.is_empty() {
            return;
        }
        let (sender, id) = (self.sender.clone(), self.id);
        self.sender.detach(Box::pin(async move { release_all(&sender, id, spans).await }));
    }
}

impl<S: Sender> Drop for Transaction<S> {
    fn drop(&mut self) {
        if !self.ended {
            self.ended = true;
            self.abandon();
        }
    }
}

async fn heartbeat<S: Sender>(sender: S, txn: TxnId, alive: Arc<Mutex<Alive>>) {
    loop {
        sender.sleep(HEARTBEAT).await;
        let spans = {
            let alive = alive.lock();
            if alive.ended {
                return;
            }
            alive.spans.clone()
        };
        say_alive(&sender, txn, spans).await;
    }
}

async fn say_alive<S: Sender>(sender: &S, txn: TxnId, spans: Vec<Span>) {
    for range in ranges_of(sender, spans).await {
        // A heartbeat that does not arrive is made up for by the next one.
        let _ = sender.send(&range, Body::Heartbeat(Heartbeat { txn })).await;
    }
}

/// Lets go of all locks in the ranges of these spans. One that could not be released is taken away when the heartbeats
/// have stopped for long enough.
async fn release_all<S: Sender>(sender: &S, txn: TxnId, spans: Vec<Span>) {
    for range in ranges_of(sender, spans).await {
        let _ = sender.send(&range, Body::Release(Release { txn, keys: Vec::new() })).await;
    }
}

/// The ranges that hold these spans, as far as they can be found.
async fn ranges_of<S: Sender>(sender: &S, mut spans: Vec<Span>) -> Vec<RangeRef> {
    spans.sort_unstable_by(|a, b| a.start.cmp(&b.start));
    let mut ranges: Vec<RangeRef> = Vec::new();
    for mut rest in spans {
        // What comes before the last range's end was located for the spans before this one.
        while !rest.is_empty() {
            let end = match ranges.last().map(|range| &range.span.end) {
                Some(end) if end.is_empty() || rest.start < *end => end.clone(),
                _ => {
                    let Ok(range) = sender.locate(&rest.start).await else { break };
                    let end = range.span.end.clone();
                    ranges.push(range);
                    end
                }
            };
            if end.is_empty() {
                break;
            }
            rest.start = end;
        }
    }
    ranges
}

/// Turns the intents of a committed transaction into versions, wherever they are now. Gives up quietly when ranges can't
/// be reached: the record stays and whoever finds it goes on.
pub async fn resolve_everywhere<S: Sender>(sender: &S, txn: TxnId, commit_ts: Timestamp, spans: &[Span]) -> bool {
    let mut todo: Vec<Span> = spans.to_vec();
    for _ in 0..MOVES_MAX {
        if todo.is_empty() {
            break;
        }
        let mut requests: Vec<(RangeRef, Vec<Span>)> = Vec::new();
        todo.reverse();
        while let Some(span) = todo.pop() {
            let range = match requests.iter().find(|(range, _)| range.span.contains(&span.start)) {
                Some((range, _)) => range.clone(),
                None => match sender.locate(&span.start).await {
                    Ok(range) => range,
                    Err(_) => return false,
                },
            };
            let here = span.clip(&range.span);
            if here.end != span.end {
                todo.push(Span { start: here.end.clone(), end: span.end });
            }
            match requests.last_mut().filter(|(of, spans)| {
                of.id == range.id && here.is_point() && spans.len() < KEYS_MAX && spans[0].is_point()
            }) {
                Some((_, spans)) => spans.push(here),
                None => requests.push((range, vec![here])),
            }
        }
        let resolve = async |(range, spans): (RangeRef, Vec<Span>)| {
            let body = Body::Resolve(Resolve { txn, commit_ts: Some(commit_ts), spans: spans.clone(), epoch: None });
            (sender.send(&range, body).await, spans)
        };
        // Large pieces go one by one: nobody waits for them, and they keep a core busy for long.
        let is_large = requests.iter().any(|(_, spans)| !spans[0].is_point());
        let at_once = if is_large { 1 } else { PIECES_MAX };
        let resolves: Vec<_> = requests.into_iter().map(resolve).collect();
        let mut sends = pin!(stream::iter(resolves).buffer_unordered(at_once));
        while let Some((answer, spans)) = sends.next().await {
            match answer {
                Ok(_) => {}
                // Resolving twice does no harm, so whatever happened, it is done again.
                Err(Error::RangeMoved { .. } | Error::Unknown { .. } | Error::NotLeaseholder { .. }) => {
                    todo.extend(spans);
                }
                Err(_) => return false,
            }
        }
    }
    todo.is_empty()
}
