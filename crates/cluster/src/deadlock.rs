//! Deadlocks whose waits are on several nodes.
//!
//! Cycles of waits on one node are found at once, by [`WaitsFor`](atoll_txn::lock::WaitsFor). For the others a node whose
//! waits last asks the rest who waits for whom there, and looks for cycles in what it is told and what it knows itself. All
//! of them choose the same victims, and the node where one waits ends it.
//!
//! INVARIANT: nobody is ended for a cycle that was never whole. What is told is some time old, so a wait counts when it
//! was there in two rounds, and one round begins when the one before is over: there was a moment between the two at which
//! all these waits were.
//!
//! What it deliberately does not do: hurry. A deadlock over nodes lasts for three rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use atoll_env::NodeId;
use atoll_txn::TxnId;
use atoll_txn::lock::RequestId;

use crate::replica::Woken;
use crate::store::Node;

/// How long a node rests between two rounds.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is told at most.
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

    /// Who is to be ended so that no cycle is left, and the cycle that each is ended for. In a fixed order, so that
    /// everybody who knows of the same waits finds the same ones.
    fn victims(mut self) -> BTreeMap<TxnId, Vec<TxnId>> {
        let mut victims = BTreeMap::new();
        // Whom nobody waits for is in no cycle.
        let waited_for: BTreeSet<TxnId> = self.blockers.values().flatten().copied().collect();
        for txn in self.ends.iter().rev().filter(|txn| waited_for.contains(txn)) {
            if let Some(cycle) = self.cycle(*txn) {
                victims.insert(*txn, cycle);
                self.blockers.remove(txn);
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

    /// A round: ends waits that are part of a deadlock over several nodes.
    pub(crate) async fn break_deadlocks(self: Arc<Node>) {
        let before = std::mem::take(&mut *self.round.lock());
        if self.is_alone() {
            return;
        }
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
        let mut round = self.round.lock();
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
    fn no_more_are_ended_than_need_be() {
        // Two cycles with one of them in common, and one apart.
        let common = [wait(1, &[9], true), wait(2, &[9], true), wait(9, &[1, 2], true)];
        let apart = [wait(4, &[5], true), wait(5, &[4], true)];
        assert_eq!(victims(common.into_iter().chain(apart)), [5, 9]);
    }

    #[test]
    fn only_waits_that_last_count() {
        let before = vec![wait(1, &[2, 3], true), wait(2, &[3], true), Wait { request: 3, ..wait(8, &[1], true) }];
        let now = [wait(1, &[3, 4], true), wait(2, &[1], true), wait(3, &[1], true), wait(4, &[1], true)];
        assert_eq!(lasting(Some(&before), &now).collect::<Vec<_>>(), [wait(1, &[3], true)]);
        assert_eq!(lasting(None, &now).count(), 0);
    }
}
