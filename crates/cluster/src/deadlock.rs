//! Deadlocks whose waits are on several nodes.
//!
//! Cycles of waits on one node are found at once, by [`WaitsFor`](atoll_txn::lock::WaitsFor). For the others every node
//! tells the rest, with its signs of life, who waits for whom there, and looks for cycles in what it has heard and what it
//! knows itself. All of them choose the same victim, and the node where it waits ends it.
//!
//! INVARIANT: nobody is ended for a cycle that was never whole. What was heard is some time old, so a cycle counts when
//! it was found twice in a row: a wait of it that had ended between the two would be missing from the second.
//!
//! What it deliberately does not do: hurry. A deadlock over nodes lasts for two rounds of signs of life.

use std::collections::{BTreeMap, BTreeSet};

use atoll_env::{Mono, NodeId};
use atoll_txn::TxnId;
use atoll_txn::lock::RequestId;

use crate::members::ASK_EVERY;
use crate::replica::Woken;
use crate::store::Node;

/// What is told at most.
const TOLD_MAX: usize = 1000;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Wait {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(message, repeated, tag = "2")]
    pub blockers: Vec<TxnId>,
    /// It waits for a lock, and can be told to stop.
    #[prost(bool, tag = "3")]
    pub ends: bool,
    #[prost(uint64, tag = "4")]
    pub request: u64,
}

/// Waits on other nodes, and what was found last.
#[derive(Default)]
pub(crate) struct Far {
    told: BTreeMap<NodeId, (Mono, Vec<Wait>)>,
    suspected: BTreeSet<RequestId>,
}

impl Far {
    pub fn heard(&mut self, node: NodeId, now: Mono, waits: Vec<Wait>) {
        self.told.insert(node, (now, waits));
    }
}

/// Who waits for whom, wherever.
struct Graph {
    blockers: BTreeMap<TxnId, BTreeSet<TxnId>>,
    ends: BTreeSet<TxnId>,
}

impl Graph {
    fn new<'w>(waits: impl Iterator<Item = &'w Wait>) -> Graph {
        let mut graph = Graph { blockers: BTreeMap::new(), ends: BTreeSet::new() };
        for wait in waits {
            graph.blockers.entry(wait.txn).or_default().extend(&wait.blockers);
            if wait.ends {
                graph.ends.insert(wait.txn);
            }
        }
        graph
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

    /// The cycle that this transaction is to be ended for, if it is the victim of one.
    fn ended(&self, txn: TxnId) -> Option<Vec<TxnId>> {
        let cycle = self.cycle(txn)?;
        let victim = cycle.iter().filter(|txn| self.ends.contains(txn)).max();
        (victim == Some(&txn)).then_some(cycle)
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

    /// Ends waits that are part of a deadlock over several nodes.
    pub(crate) fn break_deadlocks(&self) {
        let here = self.waits_here();
        let now = self.env.clock.mono();
        let mut far = self.far.lock();
        let Far { told, suspected } = &mut *far;
        told.retain(|_, (heard, _)| now - *heard < 3 * ASK_EVERY);
        if here.is_empty() || told.values().all(|(_, waits)| waits.is_empty()) {
            suspected.clear();
            return;
        }
        let graph = Graph::new(here.iter().chain(told.values().flat_map(|(_, waits)| waits)));
        let ended = |wait: &Wait| Some((RequestId(wait.request), graph.ended(wait.txn)?));
        let found: BTreeMap<RequestId, Vec<TxnId>> = here.iter().filter(|wait| wait.ends).filter_map(ended).collect();
        let before = std::mem::replace(suspected, found.keys().copied().collect());
        for (request, cycle) in found.into_iter().filter(|(request, _)| before.contains(request)) {
            let waiter = self.waiters.lock().remove(&request);
            if let Some(waiter) = waiter {
                tracing::info!(victim = %cycle[0], transactions = cycle.len(), "a deadlock over nodes is broken");
                // One that gave up has dropped its end.
                let _ = waiter.send(Woken::Deadlock(cycle));
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

    #[test]
    fn one_victim_is_chosen_by_everybody() {
        let waits = [wait(1, &[2], true), wait(2, &[7, 3], true), wait(3, &[1], true), wait(4, &[1], true)];
        let graph = Graph::new(waits.iter());
        let ended: Vec<u128> = (1..8).filter(|txn| graph.ended(TxnId(*txn)).is_some()).collect();
        assert_eq!(ended, [3]);
        assert_eq!(graph.ended(TxnId(3)), Some(vec![TxnId(3), TxnId(1), TxnId(2)]));
    }

    #[test]
    fn who_cannot_be_ended_is_no_victim() {
        let graph = Graph::new([wait(1, &[2], true), wait(2, &[1], false)].iter());
        assert!(graph.ended(TxnId(1)).is_some() && graph.ended(TxnId(2)).is_none());
        let graph = Graph::new([wait(1, &[2], false), wait(2, &[1], false)].iter());
        assert!(graph.ended(TxnId(1)).is_none());
    }
}
