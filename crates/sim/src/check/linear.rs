//! Linearizability of one register: is there an order of its operations, each placed between its start and its end,
//! in which every one saw what the one before it left?
//!
//! Wing and Gong's search ("Testing and verifying concurrent objects"), with Lowe's memory of configurations that led
//! nowhere. An operation without an end may have happened at any time after its start, or never.
//!
//! Deliberately absent: registers with thousands of operations. The search is exponential in what overlaps, so workloads
//! move on to another register in time.

use std::collections::BTreeSet;

/// The value of a register that was never written.
pub const NOTHING: u64 = 0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Read,
    Write(u64),
    /// Writes, and tells what was there before.
    Swap(u64),
    /// Writes if the expected value is there, and tells what was there before.
    Exchange {
        expected: u64,
        new: u64,
    },
}

#[derive(Clone, Debug)]
pub struct Op {
    /// Places in the order of all starts and ends.
    pub started: u64,
    /// None: nobody was told an outcome.
    pub ended: Option<u64>,
    pub kind: Kind,
    /// What it saw, if it happened and that is known.
    pub seen: Option<u64>,
}

impl Op {
    fn writes(&self) -> Option<u64> {
        match self.kind {
            Kind::Read => None,
            Kind::Write(new) | Kind::Swap(new) | Kind::Exchange { new, .. } => Some(new),
        }
    }

    /// The register's value after this operation; none if it can't have happened at this value.
    fn after(&self, value: u64) -> Option<u64> {
        if self.seen.is_some_and(|seen| seen != value) {
            return None;
        }
        Some(match self.kind {
            Kind::Read => value,
            Kind::Write(new) | Kind::Swap(new) => new,
            Kind::Exchange { expected, new } => {
                if value == expected {
                    new
                } else {
                    value
                }
            }
        })
    }
}

/// Without the operations of unknown outcome that nobody noticed: if an order exists with one of them, then what follows
/// it saw nothing, and an order exists without. Each would double the search.
fn noticed(ops: &[Op]) -> Vec<&Op> {
    let mut left: Vec<&Op> = ops.iter().collect();
    loop {
        let seen: BTreeSet<u64> = left.iter().filter_map(|op| op.seen).collect();
        let before = left.len();
        left.retain(|op| op.ended.is_some() || op.writes().is_some_and(|value| seen.contains(&value)));
        if left.len() == before {
            left.sort_by_key(|op| op.started);
            return left;
        }
    }
}

/// Which operations have happened, in 64s.
type Done = Vec<u64>;

/// Values are unique. The smallest part of the history that has no order ends with the operation that is returned.
pub fn check(ops: &[Op]) -> Result<(), Box<Op>> {
    if ordered(&noticed(ops)) {
        return Ok(());
    }
    // Cut the history after each end until an order exists: the last end that was cut off is the one to show.
    let mut ends: Vec<u64> = ops.iter().filter_map(|op| op.ended).collect();
    ends.sort_unstable();
    let broken = |end: &u64| {
        let cut: Vec<Op> = ops
            .iter()
            .filter(|op| op.started < *end)
            .map(|op| match op.ended {
                Some(ended) if ended <= *end => (*op).clone(),
                _ => Op { ended: None, ..(*op).clone() },
            })
            .collect();
        !ordered(&noticed(&cut))
    };
    let end = ends[ends.partition_point(|end| !broken(end)).min(ends.len() - 1)];
    let op = ops.iter().find(|op| op.ended == Some(end)).expect("the end is some operation's");
    Err(Box::new((*op).clone()))
}

/// Whether these operations, sorted by their starts, have an order.
fn ordered(ops: &[&Op]) -> bool {
    let words = ops.len().div_ceil(64);
    let must = ops.iter().filter(|op| op.ended.is_some()).count();
    let mut dead: BTreeSet<(Done, u64)> = BTreeSet::new();
    // Depth first, without recursion: a configuration, and how many of its told operations are done.
    let mut stack: Vec<(Done, u64, usize)> = vec![(vec![0; words], NOTHING, 0)];
    while let Some((done, value, told)) = stack.pop() {
        if told == must {
            return true;
        }
        if !dead.insert((done.clone(), value)) {
            continue;
        }
        let is_done = |at: usize| done[at / 64] & (1 << (at % 64)) != 0;
        // Nothing that started after something else ended may come before it.
        let first_end = ops
            .iter()
            .enumerate()
            .filter(|(at, _)| !is_done(*at))
            .filter_map(|(_, op)| op.ended)
            .min()
            .unwrap_or(u64::MAX);
        let candidates = ops.iter().enumerate().take_while(|(_, op)| op.started < first_end);
        let mut next: Vec<_> = candidates
            .filter(|(at, _)| !is_done(*at))
            .filter_map(|(at, op)| {
                let after = op.after(value)?;
                let mut done = done.clone();
                done[at / 64] |= 1 << (at % 64);
                Some((done, after, told + usize::from(op.ended.is_some()), op.ended.is_none()))
            })
            .collect();
        // Popped from the end: first those that were told, the earliest start first; the doubtful ones last.
        next.sort_by_key(|(.., doubtful)| !*doubtful);
        let doubtful = next.iter().take_while(|(.., doubtful)| *doubtful).count();
        next[doubtful..].reverse();
        stack.extend(next.into_iter().map(|(done, value, told, _)| (done, value, told)));
    }
    false
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn op(started: u64, ended: u64, kind: Kind, seen: Option<u64>) -> Op {
        Op { started, ended: (ended > 0).then_some(ended), kind, seen }
    }

    fn read(started: u64, ended: u64, seen: u64) -> Op {
        op(started, ended, Kind::Read, Some(seen))
    }

    fn write(started: u64, ended: u64, value: u64) -> Op {
        op(started, ended, Kind::Write(value), None)
    }

    #[test]
    fn overlapping_operations_find_their_order() {
        assert!(check(&[]).is_ok());
        assert!(check(&[write(1, 4, 7), read(2, 3, 0), read(5, 6, 7)]).is_ok());
        assert!(check(&[write(1, 4, 7), read(2, 3, 7)]).is_ok());
        assert!(check(&[write(1, 9, 7), write(2, 8, 8), read(3, 4, 8), read(5, 6, 7)]).is_ok());
    }

    #[test]
    fn stale_lost_and_invented_values_are_noticed() {
        assert_eq!(check(&[write(1, 2, 7), read(3, 4, 0)]).unwrap_err().started, 3);
        assert!(check(&[write(1, 2, 7), write(3, 4, 8), read(5, 6, 7)]).is_err());
        assert!(check(&[read(1, 2, 9)]).is_err());
        // New, then old again.
        assert!(check(&[write(1, 9, 7), read(2, 3, 7), read(4, 5, 0)]).is_err());
        // Two exchanges can't both find the same value.
        let exchange = |from, to, new| op(from, to, Kind::Exchange { expected: 0, new }, Some(0));
        assert!(check(&[exchange(1, 4, 7), exchange(2, 3, 8)]).is_err());
        assert!(check(&[op(1, 4, Kind::Swap(7), Some(0)), op(2, 3, Kind::Swap(8), Some(0))]).is_err());
    }

    #[test]
    fn an_unknown_write_may_happen_late_or_never_but_once() {
        let unknown = write(1, 0, 7);
        assert!(check(&[unknown.clone(), read(2, 3, 0), read(4, 5, 7)]).is_ok());
        assert!(check(&[unknown.clone(), read(2, 3, 0), read(4, 5, 0)]).is_ok());
        assert!(check(&[unknown.clone(), read(2, 3, 7), write(4, 5, 8), read(6, 7, 7)]).is_err());
        assert!(check(&[unknown, read(2, 3, 7), read(4, 5, 0)]).is_err());
    }

    /// Histories made by a register that exists pass; with one answer changed to something stale they mostly don't.
    #[test]
    fn histories_of_a_real_register() {
        let mut caught = 0;
        for seed in 0..60 {
            let mut rng = Rng::new(seed);
            let (mut ops, mut value, mut tick) = (Vec::new(), 0, 0);
            let mut open: Vec<Op> = Vec::new();
            for n in 1..100 {
                tick += 1;
                if open.len() < 5 && rng.chance(0.6) {
                    let kind = match rng.below(4) {
                        0 | 1 => Kind::Read,
                        2 => Kind::Write(n),
                        _ => Kind::Exchange { expected: value, new: n },
                    };
                    open.push(op(tick, 0, kind, None));
                } else if !open.is_empty() {
                    // It happens here, and ends here.
                    let mut op = open.swap_remove(rng.below(open.len() as u64) as usize);
                    if !matches!(op.kind, Kind::Write(_)) {
                        op.seen = Some(value);
                    }
                    value = op.after(value).unwrap();
                    op.ended = (!rng.chance(0.05)).then_some(tick);
                    op.seen = op.seen.filter(|_| op.ended.is_some());
                    ops.push(op);
                }
            }
            assert!(check(&ops).is_ok(), "seed {seed}: {ops:?}");
            let last = ops.iter().rposition(|op| op.kind == Kind::Read && op.seen.is_some_and(|seen| seen > 0));
            if let Some(last) = last {
                ops[last].seen = Some(NOTHING);
                caught += u32::from(check(&ops).is_err());
            }
        }
        assert!(caught > 50, "{caught}");
    }
}
