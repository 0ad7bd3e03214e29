//! Write skew: two transactions each read what the other one changes, and both commit.
//!
//! Of each pair of flags at least one is up, and each seat has at most one owner. Every transaction keeps this if it
//! runs alone, and none reads only what it writes.

use super::REPORTED_MAX;

#[derive(Default)]
pub struct History {
    problems: Vec<String>,
}

impl History {
    pub fn saw_flags(&mut self, pair: u64, up: (bool, bool), who: &str) {
        if !up.0 && !up.1 {
            self.problems.push(format!("skew: {who} saw both flags of pair {pair} down"));
        }
    }

    pub fn saw_seat(&mut self, seat: u64, owners: usize, who: &str) {
        if owners > 1 {
            self.problems.push(format!("skew: {who} saw {owners} owners of seat {seat}"));
        }
    }
}

pub fn check(history: &History) -> Vec<String> {
    history.problems.iter().take(REPORTED_MAX).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_down_and_two_owners_are_noticed() {
        let mut history = History::default();
        history.saw_flags(1, (true, false), "c");
        history.saw_flags(1, (true, true), "c");
        history.saw_seat(1, 0, "c");
        history.saw_seat(1, 1, "c");
        assert_eq!(check(&history).len(), 0);
        history.saw_flags(1, (false, false), "c");
        history.saw_seat(1, 2, "c");
        assert_eq!(check(&history).len(), 2);
    }
}
