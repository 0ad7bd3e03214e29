//! What one writer attempted, what was acknowledged, and whether what is found afterwards fits.
//!
//! | kind | key | what it shows |
//! | --- | --- | --- |
//! | fresh | written once | no single write is lost |
//! | slot | overwritten again and again | the newest version wins, and history is no trap |
//! | pair | two keys in two ranges, always with the same number | a transaction over ranges is whole |
//!
//! Writes are numbered; the number is the value, and the rest of the value follows from it.
//!
//! INVARIANT: after an attempt with unknown outcome the writer doesn't touch that key until the node has restarted and
//! [`Ledger::judge`] has settled it. So a key holds what was acknowledged last, or an unknown attempt after it.

use std::collections::{BTreeMap, BTreeSet};

use atoll_env::rng::Rng;

pub const SLOTS: u64 = 16;
const VALUE_BYTES: usize = 100;
/// Of each kind of finding, so many are told in words.
const DETAILS_MAX: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Fresh { n: u64 },
    Slot { slot: u64, n: u64 },
    Pair { slot: u64, n: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged,
    /// Certainly not done.
    Refused,
    Unknown,
}

#[derive(Default)]
struct Slot {
    /// Zero: never written.
    acked: u64,
    unknown: Option<u64>,
}

pub struct Ledger {
    pub id: u32,
    next: u64,
    acked: BTreeSet<u64>,
    unknown: BTreeSet<u64>,
    slots: Vec<Slot>,
    pairs: Vec<Slot>,
    /// Where the check before began, and where the next one begins: what may have been in flight then is looked at twice.
    checked: (u64, u64),
}

/// What was read back: the numbers in the values, 0 for a value that isn't whole.
#[derive(Default)]
pub struct Found {
    /// From this number on.
    pub from: u64,
    /// By the number in the key.
    pub fresh: BTreeMap<u64, u64>,
    pub slots: BTreeMap<u64, u64>,
    pub left: BTreeMap<u64, u64>,
    pub right: BTreeMap<u64, u64>,
}

#[derive(Default, Debug)]
pub struct Findings {
    pub lost: u64,
    /// Refused, or settled as not done, and there all the same.
    pub revived: u64,
    pub half: u64,
    pub details: Vec<String>,
}

impl Findings {
    pub fn is_clean(&self) -> bool {
        self.lost + self.revived + self.half == 0
    }

    pub fn add(&mut self, other: Findings) {
        self.lost += other.lost;
        self.revived += other.revived;
        self.half += other.half;
        self.details.extend(other.details);
    }

    fn tell(&mut self, what: String) {
        if self.details.len() < DETAILS_MAX {
            self.details.push(what);
        }
    }
}

impl Ledger {
    pub fn new(id: u32) -> Ledger {
        let slots = || (0..SLOTS).map(|_| Slot::default()).collect();
        let (acked, unknown) = (BTreeSet::new(), BTreeSet::new());
        Ledger { id, next: 1, acked, unknown, slots: slots(), pairs: slots(), checked: (1, 1) }
    }

    pub fn next(&mut self, rng: &mut Rng) -> Op {
        let n = self.next;
        self.next += 1;
        let slot = rng.below(SLOTS);
        match rng.below(10) {
            0..6 => Op::Fresh { n },
            6..8 => Op::Slot { slot, n },
            _ => Op::Pair { slot, n },
        }
    }

    /// Whether the op's key may be written: nothing is unsettled there.
    pub fn is_settled(&self, op: Op) -> bool {
        match op {
            Op::Fresh { .. } => true,
            Op::Slot { slot, .. } => self.slots[slot as usize].unknown.is_none(),
            Op::Pair { slot, .. } => self.pairs[slot as usize].unknown.is_none(),
        }
    }

    pub fn note(&mut self, op: Op, outcome: Outcome) {
        match (op, outcome) {
            (_, Outcome::Refused) => {}
            (Op::Fresh { n }, Outcome::Acknowledged) => {
                self.acked.insert(n);
            }
            (Op::Fresh { n }, Outcome::Unknown) => {
                self.unknown.insert(n);
            }
            (Op::Slot { slot, n }, outcome) => self.slots[slot as usize].note(n, outcome),
            (Op::Pair { slot, n }, outcome) => self.pairs[slot as usize].note(n, outcome),
        }
    }

    /// From which fresh number on to read back.
    pub fn check_from(&self, all: bool) -> u64 {
        if all { 1 } else { self.checked.0 }
    }

    /// Compares, and takes what is found as settled.
    pub fn judge(&mut self, found: &Found) -> Findings {
        let mut findings = Findings::default();
        let id = self.id;
        for n in self.acked.range(found.from..) {
            if found.fresh.get(n) != Some(n) {
                findings.lost += 1;
                findings.tell(format!("writer {id}: acknowledged write {n} is {:?}", found.fresh.get(n)));
            }
        }
        for n in found.fresh.keys() {
            if self.acked.contains(n) {
                continue;
            }
            if self.unknown.remove(n) {
                self.acked.insert(*n);
            } else {
                findings.revived += 1;
                findings.tell(format!("writer {id}: write {n} is there, and was not done"));
            }
        }
        // All that is still unknown was read and is not there, so it must never be.
        self.unknown.clear();
        self.checked = (self.checked.1, self.next);
        for (slot, known) in self.slots.iter_mut().enumerate() {
            known.judge(&format!("writer {id}: slot {slot}"), found.slots.get(&(slot as u64)), &mut findings);
        }
        for (slot, known) in self.pairs.iter_mut().enumerate() {
            let (left, right) = (found.left.get(&(slot as u64)), found.right.get(&(slot as u64)));
            if left != right {
                findings.half += 1;
                findings.tell(format!("writer {id}: pair {slot} holds {left:?} and {right:?}"));
            }
            known.judge(&format!("writer {id}: pair {slot}"), left, &mut findings);
        }
        findings
    }
}

impl Slot {
    fn note(&mut self, n: u64, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged => self.acked = n,
            Outcome::Unknown => self.unknown = Some(n),
            Outcome::Refused => {}
        }
    }

    fn judge(&mut self, who: &str, found: Option<&u64>, findings: &mut Findings) {
        let unknown = self.unknown.take();
        match found.copied() {
            None if self.acked == 0 => {}
            Some(n) if n != 0 && n == self.acked => {}
            Some(n) if n != 0 && Some(n) == unknown => self.acked = n,
            Some(n) if n > self.acked => {
                findings.revived += 1;
                findings.tell(format!("{who} holds {n}, acknowledged was {}", self.acked));
            }
            older => {
                findings.lost += 1;
                findings.tell(format!("{who} holds {older:?}, acknowledged was {}", self.acked));
            }
        }
    }
}

/// What writer `id` writes as number `n`.
pub fn value(id: u32, n: u64) -> Vec<u8> {
    let mut value = vec![0; VALUE_BYTES];
    Rng::stream(n, "value").fill(&mut value);
    value[..8].copy_from_slice(&n.to_be_bytes());
    value[8..12].copy_from_slice(&id.to_be_bytes());
    value
}

/// The number that a value stands for, 0 if the value isn't what this writer wrote.
pub fn number(id: u32, bytes: &[u8]) -> u64 {
    let n = bytes.first_chunk().map_or(0, |n| u64::from_be_bytes(*n));
    if bytes == value(id, n) { n } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(3);
        ledger.next = 100;
        for n in [1, 2, 5] {
            ledger.note(Op::Fresh { n }, Outcome::Acknowledged);
        }
        ledger.note(Op::Fresh { n: 4 }, Outcome::Refused);
        ledger.note(Op::Fresh { n: 6 }, Outcome::Unknown);
        ledger.note(Op::Slot { slot: 2, n: 10 }, Outcome::Acknowledged);
        ledger.note(Op::Slot { slot: 2, n: 12 }, Outcome::Unknown);
        ledger.note(Op::Pair { slot: 0, n: 11 }, Outcome::Acknowledged);
        ledger
    }

    fn found() -> Found {
        Found {
            from: 1,
            fresh: [1, 2, 5].map(|n| (n, n)).into(),
            slots: [(2, 10)].into(),
            left: [(0, 11)].into(),
            right: [(0, 11)].into(),
        }
    }

    fn judged(change: impl FnOnce(&mut Found)) -> (u64, u64, u64) {
        let mut found = found();
        change(&mut found);
        let Findings { lost, revived, half, .. } = ledger().judge(&found);
        (lost, revived, half)
    }

    #[test]
    fn what_was_acknowledged_must_be_there() {
        assert_eq!(judged(|_| ()), (0, 0, 0));
        assert_eq!(
            judged(|found| {
                found.fresh.remove(&2);
            }),
            (1, 0, 0)
        );
        assert_eq!(
            judged(|found| {
                found.fresh.insert(2, 0);
            }),
            (1, 0, 0)
        );
        assert_eq!(
            judged(|found| {
                found.slots.remove(&2);
            }),
            (1, 0, 0)
        );
        assert_eq!(
            judged(|found| {
                found.slots.insert(2, 9);
            }),
            (1, 0, 0)
        );
        assert_eq!(
            judged(|found| {
                found.slots.insert(2, 0);
            }),
            (1, 0, 0)
        );
    }

    #[test]
    fn the_unknown_may_be_there_and_the_refused_may_not() {
        assert_eq!(
            judged(|found| {
                found.fresh.insert(6, 6);
            }),
            (0, 0, 0)
        );
        assert_eq!(
            judged(|found| {
                found.slots.insert(2, 12);
            }),
            (0, 0, 0)
        );
        assert_eq!(
            judged(|found| {
                found.fresh.insert(4, 4);
            }),
            (0, 1, 0)
        );
        assert_eq!(
            judged(|found| {
                found.slots.insert(2, 13);
            }),
            (0, 1, 0)
        );
    }

    #[test]
    fn half_a_pair_is_seen_on_either_side() {
        assert_eq!(
            judged(|found| {
                found.right.remove(&0);
            }),
            (0, 0, 1)
        );
        assert_eq!(
            judged(|found| {
                found.right.insert(0, 7);
            }),
            (0, 0, 1)
        );
        assert_eq!(
            judged(|found| {
                found.right.insert(1, 12);
            }),
            (0, 0, 1)
        );
    }

    #[test]
    fn what_was_found_is_settled() {
        let mut ledger = ledger();
        assert!(!ledger.is_settled(Op::Slot { slot: 2, n: 13 }));
        assert!(ledger.judge(&found()).is_clean());
        assert!(ledger.is_settled(Op::Slot { slot: 2, n: 13 }));
        // It was not there, so it may not come.
        let mut late = found();
        late.slots.insert(2, 12);
        late.fresh.insert(6, 6);
        assert_eq!(ledger.judge(&late).revived, 2);
    }

    #[test]
    fn values_of_others_and_torn_values_are_not_taken() {
        assert_eq!(number(3, &value(3, 77)), 77);
        assert_eq!(number(3, &value(4, 77)), 0);
        assert_eq!(number(3, &value(3, 77)[..99]), 0);
        assert_eq!(number(3, b""), 0);
    }
}
