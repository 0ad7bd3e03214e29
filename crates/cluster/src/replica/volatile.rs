//! What a leaseholder keeps in memory. All of it may be lost at any time: a new lease starts without.
//!
//! One mutex holds it; nothing under it waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_env::Mono;
use atoll_txn::lock::latch::Released;
use atoll_txn::lock::{LatchId, Latches, LockTable, ReaderId};
use atoll_txn::request::Span;
use atoll_txn::tscache::TimestampCache;
use atoll_txn::{Timestamp, TxnId};
use tokio::sync::oneshot;

use super::Replica;
use crate::recent::Recent;

const RESOLVED_MAX: usize = 4096;

/// The lease under which a replica serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Serving {
    pub sequence: u64,
}

pub(crate) struct Volatile {
    pub serving: Option<Serving>,
    pub tscache: TimestampCache,
    pub latches: Latches,
    pub locks: LockTable,
    /// The locks came from the range that this one was split from, and hold under the range's first lease.
    pub inherited: bool,
    /// When something was last heard of a transaction that holds or wants locks here, or would be decided here and is in
    /// the way of others.
    pub contacts: BTreeMap<TxnId, Mono>,
    /// Transactions with a request here that takes or uses locks right now: they are alive, however long it takes.
    pub busy: BTreeMap<TxnId, usize>,
    /// Whose intents were resolved here: a copy of their prepare that comes late may not write them again.
    pub resolved: Recent<TxnId>,
    pub commands_waiting: BTreeMap<LatchId, oneshot::Sender<()>>,
    pub readers_waiting: BTreeMap<ReaderId, oneshot::Sender<()>>,
    next_reader: u64,
}

impl Volatile {
    /// A split hands the locks of the right half over; anything else starts without.
    pub fn new(locks: Option<LockTable>) -> Volatile {
        Volatile {
            serving: None,
            tscache: TimestampCache::new(Timestamp::MAX),
            latches: Latches::new(),
            inherited: locks.is_some(),
            locks: locks.unwrap_or_else(|| LockTable::new(0)),
            contacts: BTreeMap::new(),
            busy: BTreeMap::new(),
            resolved: Recent::new(RESOLVED_MAX),
            commands_waiting: BTreeMap::new(),
            readers_waiting: BTreeMap::new(),
            next_reader: 0,
        }
    }

    pub fn heard_from(&mut self, txn: TxnId, now: Mono) {
        if let Some(contact) = self.contacts.get_mut(&txn) {
            *contact = now;
        }
    }

    /// What a read must wait for, if anything. The timestamp cache was raised before.
    /// A command that refreshes what it read does not wait for itself.
    pub fn wait_to_read(
        &mut self,
        spans: &[Span],
        ts: Timestamp,
        but_for: Option<LatchId>,
    ) -> Option<oneshot::Receiver<()>> {
        let blockers = spans.iter().flat_map(|span| self.latches.read_blockers(span, ts));
        let ids: Vec<LatchId> = blockers.filter(|id| Some(*id) != but_for).collect();
        if ids.is_empty() {
            return None;
        }
        let reader = ReaderId(self.next_reader);
        self.next_reader += 1;
        if !self.latches.subscribe(reader, ts, &ids) {
            return None;
        }
        let (wake, woken) = oneshot::channel();
        self.readers_waiting.insert(reader, wake);
        Some(woken)
    }

    pub fn wake_readers(&mut self, readers: Vec<ReaderId>) {
        for reader in readers {
            if let Some(wake) = self.readers_waiting.remove(&reader) {
                // A reader that gave up has dropped its end.
                let _ = wake.send(());
            }
        }
    }

    pub fn wake(&mut self, released: Released) {
        for id in released.latches {
            if let Some(wake) = self.commands_waiting.remove(&id) {
                let _ = wake.send(());
            }
        }
        self.wake_readers(released.readers);
    }
}

/// Latches that are held; given back when dropped, unless they have to stay.
pub(crate) struct Latched {
    pub replica: Arc<Replica>,
    pub id: LatchId,
    /// The lease under which they were taken: after another one began they are gone already.
    pub serving: Serving,
    keep: bool,
}

impl Latched {
    /// The command may still be applied: nobody gets past these latches until another lease begins.
    pub fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Latched {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        let mut memory = self.replica.memory.lock();
        if memory.serving == Some(self.serving) {
            memory.commands_waiting.remove(&self.id);
            let released = memory.latches.release(self.id);
            memory.wake(released);
        }
    }
}

/// Ends a transaction's being busy when dropped.
pub(crate) struct Busy<'a> {
    replica: &'a Replica,
    txn: TxnId,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let now = self.replica.node.env.clock.mono();
        let mut memory = self.replica.memory.lock();
        if let Some(requests) = memory.busy.get_mut(&self.txn) {
            *requests -= 1;
            if *requests == 0 {
                memory.busy.remove(&self.txn);
            }
        }
        memory.heard_from(self.txn, now);
    }
}

impl Replica {
    pub(super) fn busy(&self, txn: TxnId) -> Busy<'_> {
        *self.memory.lock().busy.entry(txn).or_default() += 1;
        Busy { replica: self, txn }
    }

    /// Readers below `ts` need not wait for what is done under these latches.
    pub(super) fn decide_latched(&self, latched: &Latched, ts: Timestamp) {
        let mut memory = self.memory.lock();
        if memory.serving == Some(latched.serving) {
            let readers = memory.latches.decide(latched.id, ts);
            memory.wake_readers(readers);
        }
    }

    /// Waits for latches on all the spans.
    pub(crate) async fn latch(self: &Arc<Self>, spans: Vec<Span>) -> atoll_txn::Result<Latched> {
        let (latched, wait) = {
            let mut memory = self.memory.lock();
            let serving = self.serving(&memory, &spans)?;
            let (id, ready) = memory.latches.acquire(spans.clone());
            let wait = (!ready).then(|| {
                let (wake, woken) = oneshot::channel();
                memory.commands_waiting.insert(id, wake);
                woken
            });
            (Latched { replica: self.clone(), id, serving, keep: false }, wait)
        };
        if let Some(wait) = wait {
            // The sender is dropped when the lease ends; what is checked next says so.
            let _ = wait.await;
            let memory = self.memory.lock();
            let serving = self.serving(&memory, &spans)?;
            if serving != latched.serving {
                return Err(atoll_txn::Error::NotLeaseholder { range: self.id, leader: None });
            }
        }
        Ok(latched)
    }
}
