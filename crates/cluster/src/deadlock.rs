//! Deadlocks whose waits are on several nodes.
//!
//! Cycles of waits on one node are found at once, by [`WaitsFor`](atoll_txn::lock::WaitsFor). For the others a node whose
//! waits last asks the rest who waits for whom there, and looks for cycles in what it is told and what it knows itself. Those
//! that know the same choose the same victims, and the node where one waits ends it.
//!
//! INVARIANT: nobody is ended for a cycle that was never whole. What is told is some time old, so a wait counts when it
//! was there in two rounds, and one round begins when the one before is over: there was a moment between the two at which
//! all these waits were.
//!
//! What it deliberately does not do: hurry. A deadlock over nodes lasts for three rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_env::NodeId;
use atoll_txn::TxnId;
use atoll_txn::lock::RequestId;
use tokio::sync::OwnedMutexGuard;

use crate::replica::Woken;
use crate::store::Node;

/// What is told at most: the oldest. A deadlock among later ones is found when those have ended.
const TOLD_MAX: usize = 1000;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Wait {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(message, repeated, tag = "2")]
    pub blockers: Vec<TxnId>,
    /// It can be told to stop.
    #[prost(bool, tag = "3")]
    pub ends: bool,
    #[prost(uint64, tag = "4")]
    pub request: u64,
}

/// Who waited for whom on each node.
pub(crate) type Round = BTreeMap<NodeId, Vec<Wait>>;

/// The waits of a node that were there before, for whom they waited then.
fn lasting<'w>(before: Option<&'w Vec<Wait>>, now: &'w [Wait]) -> impl Iterator<Item = Wait> + 'w {
    let before: BTreeMap<u64, &Wait> = before.into_iter().flatten().map(|wait| (wait.request, wait)).collect();
    now.iter().filter_map(move |wait| {
        let before = before.get(&wait.request).filter(|before| before.txn == wait.txn)?;
        let blockers: Vec<_> = wait.blockers.iter().filter(|txn| before.blockers.contains(txn)).copied().collect();
        (!blockers.is_empty()).then(|| Wait { blockers, ..wait.clone() })
    })
}

/// Who waits for whom, wherever.
#[derive(Default)]
struct Graph {
    blockers: BTreeMap<TxnId, BTreeSet<TxnId>>,
    ends: BTreeSet<TxnId>,
}

impl Graph {
    fn add(&mut self, wait: Wait) {
        if wait.ends {
            self.ends.insert(wait.txn);
        }
        self.blockers.entry(wait.txn).or_default().extend(wait.blockers);
    }

    /// A cycle through this transaction, which comes first.
    fn cycle(&self, txn: TxnId) -> Option<Vec<TxnId>> {
        let next = |of: &TxnId| self.blockers.get(of).into_iter().flatten().copied().collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        let mut path = vec![(txn, next(&txn))];
        while let Some((_, untried)) = path.last_mut() {
            match untried.pop() {
                None => drop(path.pop()),
                Some(found) if found == txn => return Some(path.into_iter().map(|(txn, _)| txn).collect()),
                Some(found) if seen.insert(found) => path.push((found, next(&found))),
                Some(_) => {}
            }
        }
        None
    }

    /// Leaves out who waits for nobody that waits, and whom nobody waits for, until there are no more such: what is left
    /// are cycles, and what lies between them. Long queues mostly go here, each of their edges looked at twice.
    fn trim(&mut self) {
        let mut waiters: BTreeMap<TxnId, Vec<TxnId>> = BTreeMap::new();
        for (txn, blockers) in &mut self.blockers {
            blockers.iter().for_each(|blocker| waiters.entry(*blocker).or_default().push(*txn));
        }
        let waiting: BTreeSet<TxnId> = self.blockers.keys().copied().collect();
        self.blockers.values_mut().for_each(|blockers| blockers.retain(|blocker| waiting.contains(blocker)));
        let idle = |(txn, blockers): (&TxnId, &BTreeSet<TxnId>)| blockers.is_empty().then_some(*txn);
        let mut leave: Vec<TxnId> = self.blockers.iter().filter_map(idle).collect();
        while let Some(txn) = leave.pop() {
            self.blockers.remove(&txn);
            for waiter in waiters.remove(&txn).into_iter().flatten() {
                if let Some(blockers) = self.blockers.get_mut(&waiter)
                    && blockers.remove(&txn)
                    && blockers.is_empty()
                {
                    leave.push(waiter);
                }
            }
        }
        let mut waited_for: BTreeMap<TxnId, usize> = self.blockers.keys().map(|txn| (*txn, 0)).collect();
        for blocker in self.blockers.values().flatten() {
            *waited_for.entry(*blocker).or_default() += 1;
        }
        let mut leave: Vec<TxnId> = waited_for.iter().filter(|(_, count)| **count == 0).map(|(txn, _)| *txn).collect();
        while let Some(txn) = leave.pop() {
            for blocker in self.blockers.remove(&txn).into_iter().flatten() {
                let Some(count) = waited_for.get_mut(&blocker) else { continue };
                *count -= 1;
                if *count == 0 {
                    leave.push(blocker);
                }
            }
        }
    }

    /// Who is to be ended so that no cycle is left, and the cycle that each is ended for. In a fixed order, so that
    /// those who know of the same waits find the same ones.
    fn victims(mut self) -> BTreeMap<TxnId, Vec<TxnId>> {
        self.trim();
        let mut victims = BTreeMap::new();
        let candidates: Vec<TxnId> =
            self.blockers.keys().rev().filter(|txn| self.ends.contains(txn)).copied().collect();
        for txn in candidates {
            if let Some(cycle) = self.cycle(txn) {
                victims.insert(txn, cycle);
                self.blockers.remove(&txn);
                self.trim();
            }
        }
        victims
    }
}

impl Node {
    /// Who waits on this node.
    pub(crate) fn waits_here(&self) -> Vec<Wait> {
        let waits: Vec<_> = self.waits.lock().iter().take(TOLD_MAX).collect();
        let waiters = self.waiters.lock();
        let told = waits.into_iter().map(|wait| Wait {
            txn: wait.txn,
            blockers: wait.blockers,
            ends: waiters.contains_key(&wait.request),
            request: wait.request.0,
        });
        told.collect()
    }

    /// Begins a round, where there is something to look for and the one before is over.
    pub(crate) fn look_for_deadlocks(self: &Arc<Node>) {
        if self.waits.lock().is_empty() || self.is_alone() {
            return;
        }
        let Ok(round) = self.round.clone().try_lock_owned() else { return };
        let node = self.clone();
        self.env.tasks.spawn("deadlocks", async move { node.break_deadlocks(round).await });
    }

    /// Ends waits that are part of a deadlock over several nodes. The round before may be long past: what waited then and
    /// waits now has waited all the time.
    async fn break_deadlocks(self: &Arc<Node>, mut round: OwnedMutexGuard<Round>) {
        let before = std::mem::take(&mut *round);
        let here = self.waits_here();
        let mut own = lasting(before.get(&self.id), &here).peekable();
        let told = match own.peek() {
            // Most waits are over before anybody else needs to know.
            None => Round::new(),
            Some(_) => self.ask_who_waits().await,
        };
        let own: Vec<Wait> = own.collect();
        let mut graph = Graph::default();
        for (node, waits) in &told {
            lasting(before.get(node), waits).for_each(|wait| graph.add(wait));
        }
        if !graph.blockers.is_empty() {
            own.iter().cloned().for_each(|wait| graph.add(wait));
            self.end(&own, &graph.victims());
        }
        *round = told;
        round.insert(self.id, here);
    }

    fn end(&self, own: &[Wait], victims: &BTreeMap<TxnId, Vec<TxnId>>) {
        for wait in own.iter().filter(|wait| wait.ends) {
            let Some(cycle) = victims.get(&wait.txn) else { continue };
            let waiter = self.waiters.lock().remove(&RequestId(wait.request));
            if let Some(waiter) = waiter {
                tracing::info!(victim = %wait.txn, transactions = cycle.len(), "a deadlock over nodes is broken");
                // One that gave up has dropped its end.
                let _ = waiter.send(Woken::Deadlock(cycle.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(txn: u128, blockers: &[u128], ends: bool) -> Wait {
        Wait { txn: TxnId(txn), blockers: blockers.iter().copied().map(TxnId).collect(), ends, request: txn as u64 }
    }

    fn victims(waits: impl IntoIterator<Item = Wait>) -> Vec<u128> {
        let mut graph = Graph::default();
        waits.into_iter().for_each(|wait| graph.add(wait));
        graph.victims().into_keys().map(|txn| txn.0).collect()
    }

    #[test]
    fn one_victim_is_chosen_by_everybody() {
        let waits = [wait(1, &[2], true), wait(2, &[7, 3], true), wait(3, &[1], true), wait(4, &[1], true)];
        let mut graph = Graph::default();
        waits.into_iter().for_each(|wait| graph.add(wait));
        assert_eq!(graph.victims(), BTreeMap::from([(TxnId(3), vec![TxnId(3), TxnId(1), TxnId(2)])]));
    }

    #[test]
    fn who_cannot_be_ended_is_no_victim() {
        assert_eq!(victims([wait(1, &[2], true), wait(2, &[1], false)]), [1]);
        assert!(victims([wait(1, &[2], false), wait(2, &[1], false)]).is_empty());
    }

    #[test]
    fn cycles_with_one_in_common_cost_one() {
        // Two cycles with one of them in common, and one apart.
        let common = [wait(1, &[9], true), wait(2, &[9], true), wait(9, &[1, 2], true)];
        let apart = [wait(4, &[5], true), wait(5, &[4], true)];
        assert_eq!(victims(common.into_iter().chain(apart)), [5, 9]);
    }

    #[test]
    fn long_queues_take_no_time() {
        // Everybody waits for all before, and the first two for each other by way of another node.
        let queue = (2..2000_u128).map(|txn| wait(txn, &(1..txn).collect::<Vec<_>>(), true));
        assert!(victims(queue.clone()).is_empty());
        assert_eq!(victims(queue.chain([wait(1, &[2], false)])), [2]);
    }

    #[test]
    fn only_waits_that_last_count() {
        let before = vec![wait(1, &[2, 3], true), wait(2, &[3], true), Wait { request: 3, ..wait(8, &[1], true) }];
        let now = [wait(1, &[3, 4], true), wait(2, &[1], true), wait(3, &[1], true), wait(4, &[1], true)];
        assert_eq!(lasting(Some(&before), &now).collect::<Vec<_>>(), [wait(1, &[3], true)]);
        assert_eq!(lasting(None, &now).count(), 0);
    }
}
