//! Row locks, as requests see them: taking, waiting, reading under a lock, letting go.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_txn::lock::table;
use atoll_txn::lock::{Effects, Mark, Outcome, RequestId, Strength, Token, Wait};
use atoll_txn::mvcc;
use atoll_txn::mvcc::reader::IntentRef;
use atoll_txn::request::{Claim, Lock, LockedRow, LockedRows, Release, Reply, Span, WaitPolicy, Write};
use atoll_txn::{Error, Result, TxnId};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Replica;

/// How a wait for a lock ended.
#[derive(Debug)]
pub(crate) enum Woken {
    Granted(Token),
    Deadlock(Vec<TxnId>),
    /// The lock table is gone, or the key belongs to another range now: ask again.
    Gone,
}

/// A request in a queue; taken out when dropped.
struct InQueue<'a> {
    replica: &'a Replica,
    request: RequestId,
    left: bool,
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        if !self.left {
            self.replica.node.waiters.lock().remove(&self.request);
            let mut memory = self.replica.memory.lock();
            let effects = memory.locks.cancel(self.request);
            self.replica.settle(effects);
            // Where the table went elsewhere meanwhile, the graph still knows of the wait.
            self.replica.node.waits.lock().remove(self.request);
        }
    }
}

impl Replica {
    pub(super) async fn lock(self: &Arc<Self>, request: Lock) -> Result<Reply> {
        let strength =
            request.strength().ok_or(Error::Misuse("the lock has a strength that this node does not know"))?;
        let wait = match request.wait() {
            WaitPolicy::Wait => Wait::Wait,
            WaitPolicy::NoWait => Wait::NoWait,
            WaitPolicy::SkipLocked => Wait::SkipLocked,
        };
        let _busy = self.busy(request.txn);
        let spans: Vec<Span> = request.keys.iter().map(|key| Span::point(key)).collect();
        let mut tokens = Vec::with_capacity(request.keys.len());
        while tokens.len() < request.keys.len() {
            self.take_free(request.txn, &request.keys, &spans, strength, &mut tokens)?;
            if let Some(key) = request.keys.get(tokens.len()) {
                tokens.push(self.take_lock(request.txn, key, strength, wait).await?);
            }
        }
        let taken: Vec<Span> =
            spans.into_iter().zip(&tokens).filter(|(_, token)| token.is_some()).map(|(span, _)| span).collect();
        let mut records = self.read_locked(&taken, request.txn).await?.into_iter();
        let rows = request.keys.into_iter().zip(tokens).map(|(key, token)| match token {
            Some(token) => locked_row(key, token, records.next().flatten()),
            None => LockedRow { key, skipped: true, ..LockedRow::default() },
        });
        Ok(Reply::Locked(LockedRows { rows: rows.collect() }))
    }

    /// Goes on taking locks until one is not free.
    fn take_free(
        &self,
        txn: TxnId,
        keys: &[Bytes],
        spans: &[Span],
        strength: Strength,
        tokens: &mut Vec<Option<Token>>,
    ) -> Result<()> {
        let mut memory = self.memory.lock();
        self.serving(&memory, spans)?;
        memory.contacts.insert(txn, self.node.env.clock.mono());
        for key in &keys[tokens.len()..] {
            let (id, wait) = (self.node.next_request(), Wait::NoWait);
            let asked = table::Request { id, txn, key: key.clone(), strength, wait, mark: Mark(0) };
            let (Outcome::Granted(token), effects) = memory.locks.acquire(asked) else { break };
            self.settle(effects);
            tokens.push(Some(token));
        }
        Ok(())
    }

    /// The same for one row without waiting; none when something is in the way, be it an error. The lock may be taken
    /// nevertheless: who asks again gets the same one.
    pub(crate) fn lock_here(&self, txn: TxnId, key: &Span, strength: Strength) -> Option<LockedRow> {
        let token = {
            let mut memory = self.memory.lock();
            self.serving(&memory, std::slice::from_ref(key)).ok()?;
            memory.contacts.insert(txn, self.node.env.clock.mono());
            let (id, wait) = (self.node.next_request(), Wait::NoWait);
            let asked = table::Request { id, txn, key: key.start.clone(), strength, wait, mark: Mark(0) };
            let (Outcome::Granted(token), effects) = memory.locks.acquire(asked) else { return None };
            self.settle(effects);
            token
        };
        let record = || mvcc::reader::newest_record(&self.node.engine, &key.start);
        let (record, _) = self.reading_here(key, self.node.now(), txn, record)?;
        let record = record.ok()?;
        let intent = record.as_ref().and_then(|record| record.intent.as_ref());
        match intent.is_some_and(|intent| intent.txn != txn) {
            true => None,
            false => Some(locked_row(key.start.clone(), token, record)),
        }
    }

    /// The newest committed versions. Nobody else can write the keys while they are locked against them; what was under
    /// way is waited for, intents of a transaction that is being decided included.
    async fn read_locked(self: &Arc<Self>, points: &[Span], txn: TxnId) -> Result<Vec<Option<mvcc::Record>>> {
        loop {
            let records = || self.newest_records(points.iter().map(|point| &point.start));
            let (records, _) = self.reading(points, self.node.now(), Some(txn), records).await?;
            let records = records.map_err(|error| self.damaged(error))?;
            let foreign = |record: &mvcc::Record| record.intent.as_ref().is_some_and(|intent| intent.txn != txn);
            let met = records.iter().position(|record| record.as_ref().is_some_and(foreign));
            let Some((at, intent)) = met.and_then(|at| Some((at, records[at].as_ref()?.intent.as_ref()?))) else {
                return Ok(records);
            };
            let intent = IntentRef::from(intent);
            let keys = points.iter().map(|point| &point.start);
            self.wait_for_intents(&points[at].start, keys, &intent, txn).await?;
        }
    }

    /// Locks what a commit writes and has not locked before, one key after the other in their order.
    pub(super) async fn lock_writes(&self, txn: TxnId, writes: &[Write], claims: &[Claim]) -> Result<()> {
        let claimed: BTreeSet<&Bytes> = claims.iter().map(|claim| &claim.key).collect();
        for write in writes {
            if !claimed.contains(&write.key) {
                self.take_lock(txn, &write.key, Strength::Update, Wait::Wait).await?;
            }
        }
        Ok(())
    }

    /// None when the row is locked and was to be skipped then.
    async fn take_lock(&self, txn: TxnId, key: &Bytes, strength: Strength, wait: Wait) -> Result<Option<Token>> {
        let request = self.node.next_request();
        let woken = {
            let mut memory = self.memory.lock();
            self.serving(&memory, &[Span::point(key)])?;
            memory.contacts.insert(txn, self.node.env.clock.mono());
            let asked = table::Request { id: request, txn, key: key.clone(), strength, wait, mark: Mark(0) };
            let (outcome, effects) = memory.locks.acquire(asked);
            match outcome {
                Outcome::Granted(token) => {
                    self.settle(effects);
                    return Ok(Some(token));
                }
                Outcome::Skipped => return Ok(None),
                Outcome::WouldBlock { .. } => return Err(Error::LockNotAvailable),
                Outcome::Queued => {
                    let (wake, woken) = oneshot::channel();
                    self.node.waiters.lock().insert(request, wake);
                    self.settle(effects);
                    woken
                }
            }
        };
        let mut queued = InQueue { replica: self, request, left: false };
        match woken.await {
            Ok(Woken::Granted(token)) => {
                queued.left = true;
                Ok(Some(token))
            }
            Ok(Woken::Deadlock(cycle)) => Err(Error::Deadlock { cycle }),
            Ok(Woken::Gone) | Err(_) => Err(Error::NotLeaseholder { range: self.id, leader: None }),
        }
    }

    pub(super) fn release(&self, release: &Release) -> Result<()> {
        let mut memory = self.memory.lock();
        self.serving(&memory, &[])?;
        if release.keys.is_empty() {
            self.release_all_in(&mut memory, release.txn);
        }
        for key in &release.keys {
            let effects = memory.locks.release(key, release.txn);
            self.settle(effects);
        }
        Ok(())
    }

    pub(super) fn release_all(&self, txn: TxnId) {
        self.release_all_in(&mut self.memory.lock(), txn);
    }

    fn release_all_in(&self, memory: &mut super::volatile::Volatile, txn: TxnId) {
        memory.contacts.remove(&txn);
        let effects = memory.locks.release_all(txn);
        self.settle(effects);
    }

    /// Tells those who wait what a change of the lock table did. Called under the table's mutex, so that the graph sees
    /// the changes in their order.
    pub(super) fn settle(&self, effects: Effects) {
        let Effects { wakes, dropped, waiting } = effects;
        if wakes.is_empty() && dropped.is_empty() && waiting.is_empty() {
            return;
        }
        let deadlocks = self.node.waits.lock().apply(waiting);
        let mut waiters = self.node.waiters.lock();
        let mut wake = |request, woken| {
            if let Some(waiter) = waiters.remove(&request) {
                // A waiter that gave up has dropped its end, and lets go of what it was granted at the end of its
                // transaction.
                let _ = waiter.send(woken);
            }
        };
        for granted in wakes {
            wake(granted.request, Woken::Granted(granted.token));
        }
        for request in dropped {
            wake(request, Woken::Gone);
        }
        for deadlock in deadlocks {
            wake(deadlock.victim, Woken::Deadlock(deadlock.cycle));
        }
    }
}

fn locked_row(key: Bytes, token: Token, record: Option<mvcc::Record>) -> LockedRow {
    let newest = record.and_then(|record| record.newest);
    LockedRow {
        key,
        version: newest.as_ref().map(|version| version.ts).unwrap_or_default(),
        value: newest.and_then(|version| version.value),
        token: token.0,
        skipped: false,
    }
}
