//! The graph of a node: which transaction waits for which, and the cycles in it.
//!
//! A node of the graph is a transaction. An edge belongs to a *request*: one wait for one thing, of which a transaction
//! can have several at once (a statement that locks rows in parallel). The request goes on only when all its blockers
//! are out of the way, and a transaction ends only when all its requests went on, so every cycle is a deadlock and
//! every deadlock is a cycle. What is waited for does not matter: a row lock, a place in its queue, or the end of a
//! transaction whose intent is in the way.
//!
//! INVARIANT: the graph holds, for every request that waits on this node, what its lock table last said. The table's
//! [`Waiting`]s must be applied in the order in which they came, before the table's mutex is let go. Finding every
//! deadlock relies on it.
//!
//! INVARIANT: no cycle is left after [`WaitsFor::apply`]: the waits of victims are taken out at once and stay out,
//! while the caller still has to cancel their requests where they queue. So nobody else dies for the same cycle. A
//! deadlock that is linked through a victim's place in a queue is found when the cancelling changes the edges behind
//! it.
//!
//! The victim is the request that closes the cycle, as in PostgreSQL, where it is the one that finds it; among the
//! changes of one call a request that begins to wait closes before one that only waits for others than before. A choice
//! by age or work done would need both from other nodes.
//!
//! What it does not do: see waits on other nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::id::TxnId;

/// One wait. Given by the caller, unique on its node for as long as the request lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// What a request of `txn` waits for from now on, instead of what it waited for before; nothing when the wait is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub request: RequestId,
    pub txn: TxnId,
    /// In order, without duplicates and without `txn`.
    pub blockers: Vec<TxnId>,
}

/// A request that must be cancelled. Each transaction of the cycle waits for the next one, the last for the first,
/// which is the victim's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    pub victim: RequestId,
    pub cycle: Vec<TxnId>,
}

#[derive(Debug, Default)]
pub struct WaitsFor {
    requests: BTreeMap<RequestId, Wait>,
    waits_of: BTreeMap<TxnId, BTreeSet<RequestId>>,
    /// Found to be victims, and not yet said to wait no longer.
    victims: BTreeSet<RequestId>,
    /// How many requests wait for a transaction. One that nobody waits for is in no cycle, which spares nearly every
    /// search: who takes its first lock of a hot row would otherwise walk through the whole queue.
    waited_for: BTreeMap<TxnId, usize>,
}

#[derive(Debug)]
struct Wait {
    txn: TxnId,
    blockers: Vec<TxnId>,
}

impl WaitsFor {
    pub fn new() -> WaitsFor {
        WaitsFor::default()
    }

    /// Takes all the changes, then looks for the cycles that they closed.
    pub fn apply(&mut self, changes: Vec<Waiting>) -> Vec<Deadlock> {
        let mut begun = Vec::new();
        let mut changed = Vec::new();
        for change in changes {
            if !change.blockers.is_empty() {
                let known = self.requests.contains_key(&change.request);
                if known { &mut changed } else { &mut begun }.push(change.request);
            }
            self.replace(change);
        }
        let mut deadlocks = Vec::new();
        for request in begun.into_iter().chain(changed) {
            // One request may close several cycles; without it they are all gone.
            if let Some(cycle) = self.cycle(request) {
                self.remove(request);
                self.victims.insert(request);
                deadlocks.push(Deadlock { victim: request, cycle });
            }
        }
        deadlocks
    }

    /// Begins a wait that no lock table reports, such as for the transaction of an intent. It ends with
    /// [`WaitsFor::remove`]; as a victim it has not begun.
    pub fn add_wait(&mut self, txn: TxnId, request: RequestId, blockers: BTreeSet<TxnId>) -> Result<(), Deadlock> {
        assert!(!self.requests.contains_key(&request), "{request} waits already");
        let deadlock = self.apply(vec![Waiting { request, txn, blockers: blockers.into_iter().collect() }]).pop();
        self.victims.remove(&request);
        deadlock.map_or(Ok(()), Err)
    }

    /// Ends a wait, whether it is known or not.
    pub fn remove(&mut self, request: RequestId) {
        self.victims.remove(&request);
        let Some(wait) = self.requests.remove(&request) else { return };
        for blocker in &wait.blockers {
            let count = self.waited_for.get_mut(blocker).expect("every blocker of a wait is counted");
            *count -= 1;
            if *count == 0 {
                self.waited_for.remove(blocker);
            }
        }
        let waits = self.waits_of.get_mut(&wait.txn).expect("every wait is listed under its transaction");
        waits.remove(&request);
        if waits.is_empty() {
            self.waits_of.remove(&wait.txn);
        }
    }

    /// The cycle that leads through this request, its own transaction first.
    pub fn cycle(&self, request: RequestId) -> Option<Vec<TxnId>> {
        let wait = self.requests.get(&request)?;
        if !self.waited_for.contains_key(&wait.txn) {
            return None;
        }
        // Depth first. `path` is the branch from the request's transaction to where the search stands, each with what
        // it waits for and has not been tried, last first.
        let untried = |blockers: &[TxnId]| blockers.iter().rev().copied().collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        let mut path = vec![(wait.txn, untried(&wait.blockers))];
        while let Some((_, next)) = path.last_mut() {
            let Some(txn) = next.pop() else {
                path.pop();
                continue;
            };
            if txn == wait.txn {
                return Some(path.into_iter().map(|(txn, _)| txn).collect());
            }
            if seen.insert(txn) {
                path.push((txn, untried(&self.blockers_of(txn).into_iter().collect::<Vec<_>>())));
            }
        }
        None
    }

    /// All that a transaction waits for.
    pub fn blockers_of(&self, txn: TxnId) -> BTreeSet<TxnId> {
        let requests = self.waits_of.get(&txn).into_iter().flatten();
        requests.flat_map(|request| self.requests[request].blockers.iter().copied()).collect()
    }

    /// Every wait, by request.
    pub fn iter(&self) -> impl Iterator<Item = Waiting> + '_ {
        self.requests.iter().map(|(&request, wait)| Waiting { request, txn: wait.txn, blockers: wait.blockers.clone() })
    }

    pub fn len(&self) -> usize {
        self.requests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    fn replace(&mut self, change: Waiting) {
        let Waiting { request, txn, blockers } = change;
        assert!(blockers.is_sorted_by(|a, b| a < b), "{request}: blockers out of order");
        assert!(!blockers.contains(&txn), "{request}: a transaction never waits for itself");
        if let Some(before) = self.requests.get(&request) {
            assert_eq!(before.txn, txn, "{request} belongs to one transaction");
        }
        if blockers.is_empty() {
            return self.remove(request);
        }
        if self.victims.contains(&request) {
            return;
        }
        self.remove(request);
        for &blocker in &blockers {
            *self.waited_for.entry(blocker).or_default() += 1;
        }
        self.waits_of.entry(txn).or_default().insert(request);
        self.requests.insert(request, Wait { txn, blockers });
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn wait(request: u64, txn: u128, blockers: &[u128]) -> Waiting {
        let blockers = blockers.iter().copied().map(TxnId).collect();
        Waiting { request: RequestId(request), txn: TxnId(txn), blockers }
    }

    fn deadlock(victim: u64, cycle: &[u128]) -> Deadlock {
        Deadlock { victim: RequestId(victim), cycle: cycle.iter().copied().map(TxnId).collect() }
    }

    #[test]
    fn who_closes_the_cycle_is_the_victim() {
        let mut graph = WaitsFor::new();
        assert_eq!(graph.apply(vec![wait(1, 1, &[2])]), []);
        assert_eq!(graph.apply(vec![wait(2, 2, &[3, 4])]), []);
        assert_eq!(graph.apply(vec![wait(3, 4, &[1])]), [deadlock(3, &[4, 1, 2])]);
        // It is out of the graph, even if its table says something new: who waits next finds no cycle through it.
        assert_eq!(graph.apply(vec![wait(4, 3, &[4]), wait(3, 4, &[1, 2])]), []);
        assert_eq!(graph.len(), 3);
        graph.apply(vec![wait(3, 4, &[])]);
        assert_eq!(graph.len(), 3);
        // Cancelled; the same transaction may wait again.
        assert_eq!(graph.apply(vec![wait(3, 4, &[2])]), [deadlock(3, &[4, 2, 3])]);
    }

    #[test]
    fn a_beginner_closes_before_a_waiter_whose_blockers_changed() {
        let mut graph = WaitsFor::new();
        graph.apply(vec![wait(1, 1, &[9])]);
        let changes = vec![wait(1, 1, &[2, 9]), wait(2, 2, &[1])];
        assert_eq!(graph.apply(changes), [deadlock(2, &[2, 1])]);
        // With nobody beginning it is the changed one.
        graph.apply(vec![wait(3, 3, &[4]), wait(4, 4, &[5])]);
        assert_eq!(graph.apply(vec![wait(4, 4, &[3, 5])]), [deadlock(4, &[4, 3])]);
    }

    #[test]
    fn a_transaction_waits_for_several_things_at_once() {
        let mut graph = WaitsFor::new();
        assert_eq!(graph.add_wait(TxnId(1), RequestId(1), [TxnId(2)].into()), Ok(()));
        assert_eq!(graph.add_wait(TxnId(1), RequestId(2), [TxnId(3)].into()), Ok(()));
        assert_eq!(graph.blockers_of(TxnId(1)), [TxnId(2), TxnId(3)].into());
        assert_eq!(graph.add_wait(TxnId(3), RequestId(3), [TxnId(1)].into()), Err(deadlock(3, &[3, 1])));
        assert_eq!(graph.add_wait(TxnId(2), RequestId(4), [TxnId(1)].into()), Err(deadlock(4, &[2, 1])));
        graph.remove(RequestId(1));
        assert_eq!(graph.add_wait(TxnId(2), RequestId(5), [TxnId(1)].into()), Ok(()));
        assert_eq!(graph.apply(vec![wait(2, 1, &[]), wait(5, 2, &[])]), []);
        assert!(
            graph.is_empty() && graph.waits_of.is_empty() && graph.waited_for.is_empty() && graph.victims.is_empty()
        );
    }

    #[test]
    fn only_the_request_on_the_cycle_is_a_victim() {
        let mut graph = WaitsFor::new();
        graph.apply(vec![wait(1, 1, &[2])]);
        // Both requests of transaction 2 begin at once, and only the second leads back to it.
        assert_eq!(graph.apply(vec![wait(2, 2, &[3]), wait(3, 2, &[1])]), [deadlock(3, &[2, 1])]);
        assert_eq!(graph.len(), 2);
    }

    #[test]
    fn long_chains_are_searched_without_recursion() {
        let mut graph = WaitsFor::new();
        let n = 20_000;
        for txn in 1..n {
            assert_eq!(graph.apply(vec![wait(txn, u128::from(txn), &[u128::from(txn) + 1])]), []);
        }
        let deadlocks = graph.apply(vec![wait(n, u128::from(n), &[1])]);
        assert_eq!(deadlocks[0].cycle.len(), n as usize);
    }

    /// Random graphs: a cycle is found through a request exactly when its transaction can be reached from its blockers.
    #[test]
    fn cycles_are_found_iff_they_exist() {
        let mut random = Rng::new(7);
        let mut found = 0;
        for _ in 0..400 {
            let mut graph = WaitsFor::new();
            let mut edges: BTreeMap<RequestId, Waiting> = BTreeMap::new();
            for _ in 0..40 {
                let request = random.below(12);
                let txn = request % 6;
                let blockers: BTreeSet<u128> = (0..random.below(3))
                    .map(|_| u128::from(random.below(6)))
                    .filter(|&b| b != u128::from(txn))
                    .collect();
                let change = wait(request, u128::from(txn), &blockers.into_iter().collect::<Vec<_>>());
                edges.insert(change.request, change.clone());
                let closes = reaches(&edges, change.request);
                let deadlocks = graph.apply(vec![change.clone()]);
                assert_eq!(!deadlocks.is_empty(), closes);
                if let Some(deadlock) = deadlocks.first() {
                    found += 1;
                    assert_eq!(deadlock.victim, change.request);
                    assert_eq!(deadlock.cycle[0], change.txn);
                    let ring = deadlock.cycle.iter().zip(deadlock.cycle.iter().cycle().skip(1));
                    for (from, to) in ring {
                        assert!(edges.values().any(|e| e.txn == *from && e.blockers.contains(to)));
                    }
                    edges.remove(&change.request);
                    graph.remove(change.request);
                }
                edges.retain(|_, e| !e.blockers.is_empty());
                assert_eq!(graph.iter().collect::<Vec<_>>(), edges.values().cloned().collect::<Vec<_>>());
            }
        }
        assert!(found > 100, "only {found} cycles");
    }

    fn reaches(edges: &BTreeMap<RequestId, Waiting>, request: RequestId) -> bool {
        let mut reached: BTreeSet<TxnId> = edges[&request].blockers.iter().copied().collect();
        loop {
            let more: BTreeSet<TxnId> =
                edges.values().filter(|e| reached.contains(&e.txn)).flat_map(|e| e.blockers.iter().copied()).collect();
            let before = reached.len();
            reached.extend(more);
            if reached.len() == before {
                return reached.contains(&edges[&request].txn);
            }
        }
    }
}
