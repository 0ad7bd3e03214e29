//! Money is moved, never made or lost: whoever looks at all accounts at one moment sees the same sum.

use super::REPORTED_MAX;

/// All accounts, as one statement saw them.
#[derive(Clone, Debug)]
pub struct Look {
    pub sum: u64,
    /// Who looked, when, and how.
    pub who: String,
}

#[derive(Default)]
pub struct History {
    pub total: u64,
    wrong: Vec<Look>,
}

impl History {
    pub fn saw(&mut self, look: Look) {
        if look.sum != self.total {
            self.wrong.push(look);
        }
    }
}

pub fn check(history: &History) -> Vec<String> {
    let tell = |look: &Look| format!("bank: {} saw {} instead of {}", look.who, look.sum, history.total);
    history.wrong.iter().take(REPORTED_MAX).map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sum_is_noticed() {
        let mut history = History { total: 100, ..History::default() };
        history.saw(Look { sum: 100, who: "a".into() });
        assert_eq!(check(&history), Vec::<String>::new());
        history.saw(Look { sum: 99, who: "b".into() });
        assert_eq!(check(&history), ["bank: b saw 99 instead of 100"]);
    }
}
