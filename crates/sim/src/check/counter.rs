//! Counters that are read and written under row locks: no increment is lost, none counts twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fate, REPORTED_MAX};

#[derive(Default)]
pub struct History {
    counters: BTreeMap<u64, Counter>,
    problems: Vec<String>,
}

#[derive(Default)]
struct Counter {
    acknowledged: u64,
    unknown: u64,
    /// The values that acknowledged increments left.
    values: BTreeSet<u64>,
}

impl History {
    /// An increment that found the value below `value` and wrote it.
    pub fn incremented(&mut self, counter: u64, value: u64, fate: Fate, who: &str) {
        let state = self.counters.entry(counter).or_default();
        match fate {
            Fate::Failed => {}
            Fate::Unknown => state.unknown += 1,
            Fate::Committed => {
                state.acknowledged += 1;
                if !state.values.insert(value) {
                    self.problems.push(format!("counter {counter}: {who} was the second to make it {value}"));
                }
            }
        }
    }

    /// Under a lock that was proved at the commit, a value was seen twice.
    pub fn held(&mut self, counter: u64, first: u64, second: u64, who: &str) {
        if first != second {
            let what = format!("counter {counter}: it went from {first} to {second} under the lock that {who} shared");
            self.problems.push(what);
        }
    }

    /// What is there in the end.
    pub fn ended(&mut self, counter: u64, value: u64) {
        let state = self.counters.entry(counter).or_default();
        let (least, most) = (state.acknowledged, state.acknowledged + state.unknown);
        if value < least || value > most {
            let what =
                format!("counter {counter}: it ended at {value}, {least} increments were acknowledged, {most} sent");
            self.problems.push(what);
        }
    }
}

pub fn check(history: &History) -> Vec<String> {
    history.problems.iter().take(REPORTED_MAX).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(fates: &[(u64, Fate)], end: u64) -> usize {
        let mut history = History::default();
        fates.iter().for_each(|(value, fate)| history.incremented(1, *value, *fate, "c"));
        history.ended(1, end);
        check(&history).len()
    }

    #[test]
    fn lost_doubled_and_invented_increments_are_noticed() {
        use Fate::*;
        assert_eq!(run(&[(1, Committed), (2, Committed), (3, Failed)], 2), 0);
        assert_eq!(run(&[(1, Committed), (2, Unknown), (3, Committed)], 3), 0);
        assert_eq!(run(&[(1, Committed), (2, Unknown)], 1), 0);
        assert_eq!(run(&[(1, Committed), (1, Committed)], 2), 1);
        assert_eq!(run(&[(1, Committed), (2, Committed)], 1), 1);
        assert_eq!(run(&[(1, Committed), (2, Failed)], 2), 1);
    }

    #[test]
    fn a_shared_lock_that_did_not_hold_is_noticed() {
        let mut history = History::default();
        history.held(1, 4, 4, "c");
        assert!(check(&history).is_empty());
        history.held(1, 4, 5, "c");
        assert_eq!(check(&history).len(), 1);
    }
}
