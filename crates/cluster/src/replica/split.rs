//! Cutting a range in two. No data moves: the right half gets a state and a log of its own.

use std::sync::Arc;
use std::time::Duration;

use atoll_txn::lock::LockTable;
use atoll_txn::lock::table::State;
use atoll_txn::request::{Done, Reply, Split};
use atoll_txn::{Error, Result, Timestamp};

use super::{Failed, Replica, Woken};
use crate::command;

/// How long the answer to a split waits for the right half to serve.
const SERVING_WITHIN: Duration = Duration::from_secs(5);

impl Replica {
    pub(super) async fn split(self: &Arc<Self>, generation: u64, split: Split) -> Result<Reply> {
        let state = self.published();
        if !state.span.contains(&split.at) {
            return Err(self.moved(&state));
        }
        if split.at == state.span.start {
            return Ok(Reply::Done(Done {}));
        }
        if generation != state.generation {
            return Err(self.moved(&state));
        }
        // Who votes stays the same until the split is applied.
        let Ok(_changing) = self.changing.try_lock() else { return Err(Error::Unreachable { range: self.id }) };
        let status = self.group.status();
        let voters = match &status.voters[..] {
            [voters] if status.learners.is_empty() => voters.iter().map(|voter| voter.0).collect(),
            _ => return Err(Error::Unreachable { range: self.id }),
        };
        let right_id = self.node.allocate_range_id().await?;
        // No command is under way and none is evaluated until this one is applied.
        let latched = self.latch(vec![state.span.clone()]).await?;
        let state = self.published();
        if !state.span.contains(&split.at) || split.at == state.span.start || generation != state.generation {
            return Err(self.moved(&state));
        }
        let mut right = state.span.clone();
        right.start = split.at.clone();
        let mut command = self.command(latched.serving, Timestamp::ZERO);
        command.split = Some(command::Split { right_id, right, voters });
        match self.propose(&command).await {
            Ok(()) => {}
            Err(Failed::Refused(error)) => return Err(error),
            Err(Failed::Unknown) => {
                latched.keep();
                return Err(Error::Unreachable { range: self.id });
            }
        }
        drop(latched);
        let until = self.node.env.clock.mono() + SERVING_WITHIN;
        while self.node.env.clock.mono() < until {
            if self.node.replica(right_id).is_some_and(|right| right.is_serving() || !right.is_alone()) {
                break;
            }
            self.node.env.clock.sleep(Duration::from_millis(2)).await;
        }
        Ok(Reply::Done(Done {}))
    }

    /// The locks of what is no longer this range's, for the range that has it now. Whoever waits for one asks there again.
    pub(crate) fn hand_over_locks(&self, at: &[u8]) -> LockTable {
        let mut memory = self.memory.lock();
        let mut right = memory.locks.split_off(at);
        let waiting: Vec<_> = right
            .iter()
            .filter_map(|entry| match entry.state {
                State::Waiting(request) => Some(request),
                State::Held(_) => None,
            })
            .collect();
        for request in waiting {
            let waiter = self.node.waiters.lock().remove(&request);
            if let Some(waiter) = waiter {
                // One that gave up has dropped its end.
                let _ = waiter.send(Woken::Gone);
            }
            let effects = right.cancel(request);
            self.settle(effects);
        }
        right
    }

    /// The holders of locks that were handed over count as heard from now.
    pub(crate) fn adopt_contacts(&self) {
        let now = self.node.env.clock.mono();
        let mut memory = self.memory.lock();
        let txns: Vec<_> = memory.locks.txns().collect();
        for txn in txns {
            memory.contacts.insert(txn, now);
        }
    }
}
