//! Transactions over lists that only grow: is there an order in which they could have run one after the other?
//!
//! Every appended element is unique, so a read tells exactly which appends came before it, and the longest read of a list
//! tells the order of its versions. From that follow the edges between transactions:
//!
//! | edge | why the first comes before the second |
//! | --- | --- |
//! | `ww` | the second appended right after the first |
//! | `wr` | the second read what the first appended |
//! | `rw` | the first did not see what the second appended |
//! | `rt` | the first had ended before the second began, and one of them changed a list that both used |
//!
//! A cycle among all of them means: not serializable, or not linearizable per key. Snapshot isolation allows a cycle only with two `rw`
//! in a row: write skew.
//!
//! Follows Kingsbury and Alvaro, "Elle: inferring isolation anomalies from experimental observations", for names
//! and method, and Fekete et al., "Making snapshot isolation serializable", for what snapshot isolation allows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::{Fate, REPORTED_MAX};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    Serializable,
    Snapshot,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    Read { key: u64, list: Vec<u64> },
    Append { key: u64, element: u64 },
}

/// A transaction as its client saw it.
#[derive(Clone, Debug)]
pub struct Txn {
    /// Places in the order of all starts and ends. The end counts only when it committed.
    pub started: u64,
    pub ended: u64,
    pub fate: Fate,
    pub accesses: Vec<Access>,
    pub who: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Why {
    WriteWrite,
    WriteRead,
    ReadWrite,
    RealTime,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::WriteWrite => "ww",
            Why::WriteRead => "wr",
            Why::ReadWrite => "rw",
            Why::RealTime => "rt",
        })
    }
}

/// Who appended an element, and whether it was that transaction's last one to the list.
struct Origin {
    txn: usize,
    last: bool,
}

struct Graph {
    /// Of each transaction, who comes after it and why.
    next: Vec<BTreeSet<(usize, Why)>>,
}

/// `last` is what every list held in the end.
pub fn check(level: Level, txns: &[Txn], last: &BTreeMap<u64, Vec<u64>>) -> Vec<String> {
    let mut problems = Vec::new();
    let origins = origins(txns, &mut problems);
    let orders = orders(txns, last, &mut problems);
    values(txns, &origins, &orders, &mut problems);
    lost(txns, &orders, &mut problems);
    if problems.is_empty() {
        let graph = graph(txns, &origins, &orders);
        let cycle = match level {
            Level::Serializable => graph.serializable(),
            Level::Snapshot => graph.snapshot(),
        };
        problems.extend(cycle.map(|(name, cycle)| tell(level, name, &cycle, txns)));
    }
    problems.truncate(REPORTED_MAX);
    problems
}

fn appends(txn: &Txn) -> impl Iterator<Item = (u64, u64)> {
    txn.accesses.iter().filter_map(|access| match access {
        Access::Append { key, element } => Some((*key, *element)),
        Access::Read { .. } => None,
    })
}

fn reads(txn: &Txn) -> impl Iterator<Item = (u64, &Vec<u64>)> {
    txn.accesses.iter().filter_map(|access| match access {
        Access::Read { key, list } => Some((*key, list)),
        Access::Append { .. } => None,
    })
}

fn origins(txns: &[Txn], problems: &mut Vec<String>) -> BTreeMap<u64, Origin> {
    let mut origins = BTreeMap::new();
    for (at, txn) in txns.iter().enumerate() {
        let last: BTreeMap<u64, u64> = appends(txn).collect();
        for (key, element) in appends(txn) {
            let origin = Origin { txn: at, last: last[&key] == element };
            if origins.insert(element, origin).is_some() {
                problems.push(format!("lists: element {element} was made twice: the workload is broken"));
            }
        }
    }
    origins
}

/// The versions of every list, by the longest one that was seen. All that was seen must begin it.
fn orders(txns: &[Txn], last: &BTreeMap<u64, Vec<u64>>, problems: &mut Vec<String>) -> BTreeMap<u64, Vec<u64>> {
    let mut orders = last.clone();
    // A transaction that failed has read committed values too, before its own appends.
    for txn in txns {
        for (key, list) in reads(txn) {
            let seen = others_part(txn, key, list);
            let order = orders.entry(key).or_default();
            if !order.starts_with(seen) {
                problems.push(format!(
                    "lists: {} read list {key} as {seen:?}, which does not begin what it was in the end, {order:?} \
                     (lost update or lost append)",
                    txn.who
                ));
            }
        }
    }
    orders
}

/// What a read saw of others: without the elements that the transaction appended itself.
fn others_part<'a>(txn: &Txn, key: u64, list: &'a [u64]) -> &'a [u64] {
    let own: Vec<u64> = appends(txn).filter(|(of, _)| *of == key).map(|(_, element)| element).collect();
    let cut = list.iter().rposition(|element| !own.contains(element)).map_or(0, |at| at + 1);
    &list[..cut]
}

/// Aborted and intermediate values, and reads that contradict each other or the transaction's own appends.
fn values(txns: &[Txn], origins: &BTreeMap<u64, Origin>, orders: &BTreeMap<u64, Vec<u64>>, problems: &mut Vec<String>) {
    for (key, order) in orders {
        for element in order {
            match origins.get(element) {
                None => problems.push(format!("lists: list {key} holds {element}, which nobody appended")),
                Some(origin) if txns[origin.txn].fate == Fate::Failed => problems.push(format!(
                    "lists: G1a, aborted read: list {key} holds {element} of {}, whose commit failed",
                    txns[origin.txn].who
                )),
                Some(_) => {}
            }
        }
    }
    for (at, txn) in txns.iter().enumerate() {
        let mut expected: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for access in &txn.accesses {
            match access {
                Access::Append { key, element } => {
                    if let Some(list) = expected.get_mut(key) {
                        list.push(*element);
                    }
                }
                Access::Read { key, list } => {
                    let before = expected.entry(*key).or_insert_with(|| list.clone());
                    if before != list {
                        problems.push(format!(
                            "lists: internal: {} read list {key} as {list:?} where it had to be {before:?}",
                            txn.who
                        ));
                    }
                    if let Some(origin) = list.last().and_then(|element| origins.get(element))
                        && origin.txn != at
                        && !origin.last
                    {
                        problems
                            .push(format!("lists: G1b, intermediate read: {} read list {key} as {list:?}", txn.who));
                    }
                }
            }
        }
    }
}

/// What was acknowledged is there in the end, and of what nobody was told about either all or nothing.
fn lost(txns: &[Txn], orders: &BTreeMap<u64, Vec<u64>>, problems: &mut Vec<String>) {
    let is_there = |key: &u64, element: &u64| orders.get(key).is_some_and(|order| order.contains(element));
    for txn in txns {
        let committed = match txn.fate {
            Fate::Committed => true,
            Fate::Unknown => appends(txn).any(|(key, element)| is_there(&key, &element)),
            Fate::Failed => false,
        };
        for (key, element) in appends(txn).filter(|(key, element)| committed && !is_there(key, element)) {
            problems.push(format!("lists: list {key} lost {element}, which {} had committed", txn.who));
        }
    }
}

fn graph(txns: &[Txn], origins: &BTreeMap<u64, Origin>, orders: &BTreeMap<u64, Vec<u64>>) -> Graph {
    let seen: BTreeSet<u64> = orders.values().flatten().copied().collect();
    // What was of unknown outcome did commit if any of it is there, and otherwise no edge can show it.
    let takes_part = |txn: &Txn| match txn.fate {
        Fate::Committed => true,
        Fate::Unknown => appends(txn).any(|(_, element)| seen.contains(&element)),
        Fate::Failed => false,
    };
    let mut graph = Graph { next: vec![BTreeSet::new(); txns.len()] };
    for order in orders.values() {
        for pair in order.windows(2) {
            graph.edge(origins[&pair[0]].txn, origins[&pair[1]].txn, Why::WriteWrite);
        }
    }
    for (at, txn) in txns.iter().enumerate().filter(|(_, txn)| takes_part(txn)) {
        for (key, list) in reads(txn) {
            let seen = others_part(txn, key, list);
            if let Some(element) = seen.last() {
                graph.edge(origins[element].txn, at, Why::WriteRead);
            }
            if let Some(element) = orders[&key].get(seen.len()) {
                graph.edge(at, origins[element].txn, Why::ReadWrite);
            }
        }
    }
    // Real time. Of each list by itself: what is promised is linearizability per key, and two transactions that share
    // none may be seen in either order when the clocks of their clients differ.
    let mut users: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    for (at, txn) in txns.iter().enumerate().filter(|(_, txn)| takes_part(txn)) {
        for Access::Read { key, .. } | Access::Append { key, .. } in &txn.accesses {
            users.entry(*key).or_default().insert(at);
        }
    }
    for (key, users) in users {
        let appended = |at: usize| appends(&txns[at]).any(|(of, _)| of == key);
        let mut moments: Vec<(u64, bool, usize)> = Vec::new();
        for at in users {
            moments.push((txns[at].started, true, at));
            if txns[at].fate == Fate::Committed {
                moments.push((txns[at].ended, false, at));
            }
        }
        moments.sort_unstable();
        // The appends that ended last, and the reads that ended since: two reads need no order.
        let (mut writers, mut readers): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (_, starts, at) in moments {
            if starts {
                writers.iter().for_each(|before| graph.edge(*before, at, Why::RealTime));
                if appended(at) {
                    readers.iter().for_each(|before| graph.edge(*before, at, Why::RealTime));
                }
            } else if appended(at) {
                writers.retain(|before| txns[*before].ended > txns[at].started);
                readers.retain(|before| txns[*before].ended > txns[at].started);
                writers.push(at);
            } else {
                readers.push(at);
            }
        }
    }
    graph
}

type Cycle = Vec<(usize, Why)>;

impl Graph {
    fn edge(&mut self, from: usize, to: usize, why: Why) {
        if from != to {
            self.next[from].insert((to, why));
        }
    }

    fn serializable(&self) -> Option<(&'static str, Cycle)> {
        use Why::*;
        let names: [(&str, &[Why]); 4] = [
            ("G0, write cycle", &[WriteWrite]),
            ("G1c, circular information flow", &[WriteWrite, WriteRead]),
            ("G2, anti-dependency cycle", &[WriteWrite, WriteRead, ReadWrite]),
            ("a cycle with real time", &[WriteWrite, WriteRead, ReadWrite, RealTime]),
        ];
        let (name, cycle) =
            names.into_iter().find_map(|(name, whys)| Some((name, self.cycle(|_, why| whys.contains(&why))?)))?;
        match cycle.iter().filter(|(_, why)| *why == ReadWrite).count() {
            1 if !cycle.iter().any(|(_, why)| *why == RealTime) => Some(("G-single, read skew or lost update", cycle)),
            _ => Some((name, cycle)),
        }
    }

    /// Two copies of every transaction: reached by `rw`, from where no other `rw` may follow, or otherwise.
    fn snapshot(&self) -> Option<(&'static str, Cycle)> {
        let count = self.next.len();
        let mut doubled = Graph { next: vec![BTreeSet::new(); count * 2] };
        for (from, next) in self.next.iter().enumerate() {
            for (to, why) in next {
                if *why == Why::ReadWrite {
                    doubled.next[from].insert((to + count, *why));
                } else {
                    doubled.next[from].insert((*to, *why));
                    doubled.next[from + count].insert((*to, *why));
                }
            }
        }
        let cycle = doubled.cycle(|_, _| true)?;
        let name = match cycle.iter().filter(|(_, why)| *why == Why::ReadWrite).count() {
            0 => "a cycle without an anti-dependency",
            1 => "G-single, read skew or lost update",
            _ => "a cycle without two adjacent anti-dependencies",
        };
        Some((name, cycle.into_iter().map(|(at, why)| (at % count, why)).collect()))
    }

    /// A short cycle over the edges that count, each step with the reason of the edge that leaves it.
    fn cycle(&self, counts: impl Fn(usize, Why) -> bool) -> Option<Cycle> {
        let start = self.on_a_cycle(&counts)?;
        // Breadth first, back to where it began.
        let mut came: BTreeMap<usize, (usize, Why)> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for (to, why) in self.next[at].iter().filter(|(to, why)| counts(*to, *why)) {
                if *to == start {
                    let mut cycle = vec![(at, *why)];
                    let mut back = at;
                    while back != start {
                        let (before, why) = came[&back];
                        cycle.push((before, why));
                        back = before;
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if !came.contains_key(to) {
                    came.insert(*to, (at, *why));
                    queue.push_back(*to);
                }
            }
        }
        None
    }

    /// Some transaction that is on a cycle: whoever is left when all without predecessors are taken away, and then all
    /// without successors.
    fn on_a_cycle(&self, counts: &impl Fn(usize, Why) -> bool) -> Option<usize> {
        let mut alive = vec![true; self.next.len()];
        let mut previous: Vec<Vec<usize>> = vec![Vec::new(); self.next.len()];
        for (from, next) in self.next.iter().enumerate() {
            next.iter().filter(|(to, why)| counts(*to, *why)).for_each(|(to, _)| previous[*to].push(from));
        }
        let next: Vec<Vec<usize>> = self
            .next
            .iter()
            .map(|next| next.iter().filter(|(to, why)| counts(*to, *why)).map(|(to, _)| *to).collect())
            .collect();
        for (incoming, outgoing) in [(&previous, &next), (&next, &previous)] {
            let mut left: Vec<usize> =
                incoming.iter().map(|before| before.iter().filter(|at| alive[**at]).count()).collect();
            let mut free: Vec<usize> = (0..left.len()).filter(|at| alive[*at] && left[*at] == 0).collect();
            while let Some(at) = free.pop() {
                alive[at] = false;
                for to in outgoing[at].iter().filter(|to| alive[**to]) {
                    left[*to] -= 1;
                    if left[*to] == 0 {
                        free.push(*to);
                    }
                }
            }
        }
        // Between two cycles there may be others that are left: walk back until one comes again.
        let mut at = alive.iter().position(|alive| *alive)?;
        let mut walked = BTreeSet::new();
        while walked.insert(at) {
            at = *next[at].iter().find(|to| alive[**to]).expect("whoever is left has a successor that is left");
        }
        Some(at)
    }
}

fn tell(level: Level, name: &str, cycle: &[(usize, Why)], txns: &[Txn]) -> String {
    let mut text = format!("lists: {level:?}: {name}:");
    for (at, why) in cycle {
        let txn = &txns[*at];
        text += &format!(
            "\n    {} from {} to {} {:?} {:?} --{why}-->",
            txn.who, txn.started, txn.ended, txn.fate, txn.accesses
        );
    }
    text + " the first"
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Made {
        txns: Vec<Txn>,
    }

    fn read(key: u64, list: &[u64]) -> Access {
        Access::Read { key, list: list.to_vec() }
    }

    fn append(key: u64, element: u64) -> Access {
        Access::Append { key, element }
    }

    impl Made {
        /// All at the same time.
        fn together(txns: &[&[Access]]) -> Made {
            let txn = |(at, accesses): (usize, &&[Access])| Txn {
                started: at as u64,
                ended: 1000 + at as u64,
                fate: Fate::Committed,
                accesses: accesses.to_vec(),
                who: format!("T{}", at + 1),
            };
            Made { txns: txns.iter().enumerate().map(txn).collect() }
        }

        /// One after the other.
        fn one_by_one(txns: &[&[Access]]) -> Made {
            let mut made = Made::together(txns);
            for (at, txn) in made.txns.iter_mut().enumerate() {
                (txn.started, txn.ended) = (at as u64 * 10, at as u64 * 10 + 5);
            }
            made
        }

        fn fate(mut self, at: usize, fate: Fate) -> Made {
            self.txns[at].fate = fate;
            self
        }

        fn serializable(&self, last: &[(u64, &[u64])]) -> String {
            self.check(Level::Serializable, last)
        }

        fn snapshot(&self, last: &[(u64, &[u64])]) -> String {
            self.check(Level::Snapshot, last)
        }

        fn check(&self, level: Level, last: &[(u64, &[u64])]) -> String {
            check(level, &self.txns, &last.iter().map(|(key, list)| (*key, list.to_vec())).collect()).join("; ")
        }
    }

    #[test]
    fn a_serial_history_passes_in_its_order_only() {
        let txns: [&[Access]; 3] = [
            &[read(1, &[]), append(1, 1)],
            &[read(1, &[1]), append(1, 2), append(2, 3)],
            &[read(1, &[1, 2]), read(2, &[3])],
        ];
        let last: [(u64, &[u64]); 2] = [(1, &[1, 2]), (2, &[3])];
        for made in [Made::one_by_one(&txns), Made::together(&txns)] {
            assert_eq!(made.serializable(&last), "");
            assert_eq!(made.snapshot(&last), "");
        }
        let turned: Vec<&[Access]> = txns.iter().rev().copied().collect();
        assert_eq!(Made::together(&turned).serializable(&last), "");
        assert!(Made::one_by_one(&turned).serializable(&last).contains("real time"));
        assert!(Made::one_by_one(&turned).snapshot(&last).contains("lists: Snapshot"));
    }

    #[test]
    fn write_skew_is_a_snapshot_but_not_serializable() {
        let made =
            Made::together(&[&[read(1, &[]), read(2, &[]), append(1, 1)], &[read(1, &[]), read(2, &[]), append(2, 2)]]);
        let last: [(u64, &[u64]); 2] = [(1, &[1]), (2, &[2])];
        assert!(made.serializable(&last).contains("G2"));
        assert_eq!(made.snapshot(&last), "");
    }

    #[test]
    fn a_read_only_transaction_can_make_the_skew() {
        // Fekete, O'Neil and O'Neil: without T3 it would be serializable.
        let made = Made::together(&[
            &[read(1, &[]), read(2, &[]), append(1, 1)],
            &[read(2, &[]), append(2, 2)],
            &[read(1, &[]), read(2, &[2])],
        ]);
        let last: [(u64, &[u64]); 2] = [(1, &[1]), (2, &[2])];
        assert!(made.serializable(&last).contains("G2"));
        assert_eq!(made.snapshot(&last), "");
    }

    #[test]
    fn read_skew_is_neither() {
        let made = Made::together(&[&[append(1, 1), append(2, 2)], &[read(1, &[]), read(2, &[2])]]);
        let last: [(u64, &[u64]); 2] = [(1, &[1]), (2, &[2])];
        assert!(made.serializable(&last).contains("G-single"));
        assert!(made.snapshot(&last).contains("G-single"));
    }

    #[test]
    fn lost_updates_are_neither() {
        let made = Made::together(&[&[read(1, &[]), append(1, 1)], &[read(1, &[]), append(1, 2)]]);
        // The second overwrote the first.
        assert!(made.snapshot(&[(1, &[2])]).contains("lost 1"));
        // Or both are there, though the second did not see the first.
        assert!(made.snapshot(&[(1, &[1, 2])]).contains("G-single"));
        let seen = Made::together(&[&[read(1, &[]), append(1, 1)], &[read(1, &[1])], &[read(1, &[]), append(1, 2)]]);
        assert!(seen.snapshot(&[(1, &[2])]).contains("does not begin"));
    }

    #[test]
    fn cycles_of_writes_and_of_information() {
        let made = Made::together(&[&[append(1, 1), append(2, 2)], &[append(1, 3), append(2, 4)]]);
        let last: [(u64, &[u64]); 2] = [(1, &[1, 3]), (2, &[4, 2])];
        assert!(made.serializable(&last).contains("G0"));
        assert!(made.snapshot(&last).contains("without an anti-dependency"));
        let made = Made::together(&[&[append(1, 1), read(2, &[2])], &[append(2, 2), read(1, &[1])]]);
        let last: [(u64, &[u64]); 2] = [(1, &[1]), (2, &[2])];
        assert!(made.serializable(&last).contains("G1c"));
        assert!(made.snapshot(&last).contains("without an anti-dependency"));
    }

    #[test]
    fn aborted_intermediate_and_invented_values() {
        let txns: [&[Access]; 2] = [&[append(1, 1), append(1, 2)], &[read(1, &[1, 2])]];
        assert_eq!(Made::together(&txns).serializable(&[(1, &[1, 2])]), "");
        assert!(Made::together(&txns).fate(0, Fate::Failed).serializable(&[(1, &[1, 2])]).contains("G1a"));
        let txns: [&[Access]; 2] = [&[append(1, 1), append(1, 2)], &[read(1, &[1])]];
        assert!(Made::together(&txns).serializable(&[(1, &[1, 2])]).contains("G1b"));
        assert!(Made::together(&[]).serializable(&[(1, &[9])]).contains("nobody"));
    }

    #[test]
    fn a_transaction_sees_itself() {
        let good: [&[Access]; 1] = [&[read(1, &[]), append(1, 1), read(1, &[1]), append(1, 2), read(1, &[1, 2])]];
        assert_eq!(Made::together(&good).serializable(&[(1, &[1, 2])]), "");
        let bad: [&[Access]; 1] = [&[read(1, &[]), append(1, 1), read(1, &[])]];
        assert!(Made::together(&bad).serializable(&[(1, &[1])]).contains("internal"));
        let changed: [&[Access]; 2] = [&[append(1, 1)], &[read(1, &[]), read(1, &[1])]];
        assert!(Made::together(&changed).snapshot(&[(1, &[1])]).contains("internal"));
    }

    #[test]
    fn an_unknown_commit_counts_when_it_is_seen_and_then_as_a_whole() {
        let txns: [&[Access]; 2] = [&[append(1, 1), append(2, 2)], &[read(1, &[1]), read(2, &[2])]];
        let made = Made::one_by_one(&txns).fate(0, Fate::Unknown);
        assert_eq!(made.serializable(&[(1, &[1]), (2, &[2])]), "");
        let txns: [&[Access]; 1] = [&[append(1, 1), append(2, 2)]];
        assert_eq!(Made::together(&txns).fate(0, Fate::Unknown).serializable(&[(1, &[]), (2, &[])]), "");
        let txns: [&[Access]; 2] = [&[append(1, 1), append(2, 2)], &[read(1, &[1]), read(2, &[])]];
        let made = Made::together(&txns).fate(0, Fate::Unknown);
        assert!(made.serializable(&[(1, &[1]), (2, &[2])]).contains("G-single"));
        assert!(made.serializable(&[(1, &[1]), (2, &[])]).contains("lost 2"));
        // It may take effect long after its client gave up.
        let txns: [&[Access]; 3] = [&[append(1, 1)], &[read(1, &[])], &[read(1, &[1])]];
        assert_eq!(Made::one_by_one(&txns).fate(0, Fate::Unknown).serializable(&[(1, &[1])]), "");
    }

    #[test]
    fn a_stale_read_is_a_cycle_with_real_time() {
        let txns: [&[Access]; 2] = [&[append(1, 1)], &[read(1, &[])]];
        assert_eq!(Made::together(&txns).serializable(&[(1, &[1])]), "");
        assert!(Made::one_by_one(&txns).serializable(&[(1, &[1])]).contains("real time"));
        assert!(Made::one_by_one(&txns).snapshot(&[(1, &[1])]).contains("G-single"));
    }
}
