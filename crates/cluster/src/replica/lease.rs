//! When a replica serves: from the moment its lease is applied until its group is led elsewhere.
//!
//! The leader of the group is the leaseholder. It becomes one by a barrier, which applies everything that was committed
//! before, and a command that makes it so. The lease starts above every read that was served and every write that was made under the leases
//! before it, so nothing of what they kept in memory is needed.
//!
//! With one voter no lease can be lost but with the process. With more, serving on after another leader was elected is
//! prevented for writes by the lease's sequence in every command; for reads the quorum's acknowledgements must be recent,
//! which is checked here as well but proven with the cluster.

use std::sync::Arc;
use std::time::Duration;

use atoll_env::fault;
use atoll_txn::Timestamp;
use atoll_txn::lock::Latches;
use atoll_txn::tscache::TimestampCache;

use super::volatile::Serving;
use super::{Failed, Replica};
use crate::command::{Command, NewLease};

/// Between tries to become the leaseholder.
const PAUSE: Duration = Duration::from_millis(20);
/// How far ahead of the clock the read ceiling is put. A restart moves the clock up by at most this.
const CEILING_AHEAD: Duration = Duration::from_millis(1500);
/// A read this close below the ceiling has it raised behind its back.
const CEILING_NEAR: Duration = Duration::from_millis(500);
/// Locks of a coordinator that was silent for so long are taken away.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(6);

impl Replica {
    /// Follows the group's leadership for as long as the node lives.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut leadership = self.group.leadership();
        let mut now = leadership.get();
        // The term in which the lease was acquired: one that was lost and won again between two looks is another.
        let mut served = None;
        loop {
            if !now.is_leader_here {
                self.stop_serving();
                served = None;
            } else if served != Some(now.term) {
                self.stop_serving();
                if !self.acquire().await {
                    self.node.env.clock.sleep(PAUSE).await;
                    now = leadership.get();
                    continue;
                }
                served = Some(now.term);
            }
            match leadership.changed().await {
                Some(next) => now = next,
                None => {
                    self.stop_serving();
                    return;
                }
            }
        }
    }

    async fn acquire(&self) -> bool {
        if self.group.barrier().await.is_err() {
            return false;
        }
        let before = self.published.get();
        let command = Command {
            lease: before.lease.sequence,
            generation: before.generation,
            new_lease: Some(NewLease { holder: self.node.id.0, start: self.node.now() }),
            ..Command::default()
        };
        // A full disk does not keep the leaseholder from coming back: reads have to go on.
        if !matches!(self.propose_always(&command).await, Ok(())) {
            return false;
        }
        let state = self.published.get();
        if state.lease.sequence != before.lease.sequence + 1 || state.lease.holder != self.node.id.0 {
            return false;
        }
        self.node.clock.forward(state.lease.start);
        self.look_who_votes();
        let mut memory = self.memory.lock();
        memory.latches = Latches::new();
        memory.commands_waiting.clear();
        memory.readers_waiting.clear();
        let forget = self.node.env.faults.here(fault::BUG_FORGET_READ_CEILING);
        memory.tscache = TimestampCache::new(if forget { Timestamp::ZERO } else { state.lease.start });
        // Where somebody else held the range's first lease, others may have had these locks since.
        let first = before.lease.holder == 0;
        if !(std::mem::take(&mut memory.inherited) && first) {
            let effects = memory.locks.clear(state.lease.sequence);
            memory.contacts.clear();
            self.settle(effects);
        }
        memory.serving = Some(Serving { sequence: state.lease.sequence });
        tracing::info!(range = self.id, sequence = state.lease.sequence, "serving");
        true
    }

    fn stop_serving(&self) {
        let mut memory = self.memory.lock();
        if memory.serving.take().is_some() {
            let effects = memory.locks.clear(0);
            memory.contacts.clear();
            memory.latches = Latches::new();
            // Whoever waits for a latch finds the lease gone.
            memory.commands_waiting.clear();
            memory.readers_waiting.clear();
            self.settle(effects);
            tracing::info!(range = self.id, "no longer serving");
        }
    }

    /// Makes sure that reads up to `ts` may be served.
    pub(super) async fn raise_ceiling(&self, ts: Timestamp) -> atoll_txn::Result<()> {
        loop {
            let state = self.published.get();
            if ts <= state.ceiling {
                return Ok(());
            }
            let serving = self.serving(&self.memory.lock(), &[])?;
            let mut command = self.command(serving, Timestamp::ZERO);
            let wall = self.node.env.clock.wall_ns().max(ts.wall).saturating_add(CEILING_AHEAD.as_nanos() as u64);
            command.ceiling = Some(Timestamp { wall, logical: 0 });
            match self.propose_always(&command).await {
                Ok(()) => {}
                Err(Failed::Refused(error)) => return Err(error),
                // It was not needed for anything but this read, which has had no effect.
                Err(Failed::Unknown) => {
                    return Err(atoll_txn::Error::NotLeaseholder { range: self.id, leader: None });
                }
            }
        }
    }

    /// Raises the ceiling before reads come to it.
    pub(crate) async fn keep_ceiling_ahead(&self) {
        let used = {
            let memory = self.memory.lock();
            if memory.serving.is_none() {
                return;
            }
            memory.tscache.high_water()
        };
        let ceiling = self.published.get().ceiling;
        // Only where reads came: an idle range stays idle.
        let near = used.wall.saturating_add(CEILING_NEAR.as_nanos() as u64) >= ceiling.wall;
        if near && used.wall.saturating_add(CEILING_AHEAD.as_nanos() as u64) >= self.node.env.clock.wall_ns() {
            // Nobody waits for it; the next read raises it itself if this did not.
            let _ = self.raise_ceiling(ceiling.next()).await;
        }
    }

    /// Takes the locks of silent coordinators away.
    pub(crate) fn sweep_locks(&self) {
        let now = self.node.env.clock.mono();
        let mut memory = self.memory.lock();
        let silent: Vec<_> = memory
            .contacts
            .iter()
            .filter(|(txn, heard)| now - **heard > SILENCE_MAX && !memory.busy.contains_key(*txn))
            .map(|(txn, _)| *txn)
            .collect();
        for txn in silent {
            memory.contacts.remove(&txn);
            // Of one that was only in somebody's way there are none.
            if !memory.locks.has_any(txn) {
                continue;
            }
            tracing::warn!(range = self.id, %txn, "nothing heard of the transaction: its locks are released");
            let effects = memory.locks.release_all(txn);
            self.settle(effects);
        }
    }
}
