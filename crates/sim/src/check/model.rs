//! Rows that belong to one client, which knows exactly what is there: every read must show it.
//!
//! While the outcome of a commit is unknown the rows are either as before or as after it. From there on the client
//! leaves them alone, so that in the end they must still be one of the two.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::REPORTED_MAX;

pub type Rows = BTreeMap<Bytes, Bytes>;

/// What the rows under a prefix may be.
#[derive(Clone, Debug)]
pub struct Expected {
    pub prefix: Bytes,
    pub rows: Rows,
    /// The other possibility, after a commit of unknown outcome.
    pub or: Option<Rows>,
}

#[derive(Default)]
pub struct History {
    /// Those that were left, and at the end all.
    pub settled: Vec<Expected>,
    problems: Vec<String>,
}

impl History {
    /// Compares what a read showed with what it had to.
    pub fn compare(&mut self, what: &str, seen: &[(Bytes, Bytes)], expected: &[(Bytes, Bytes)]) {
        if seen != expected {
            let at = seen.iter().zip(expected).take_while(|(seen, expected)| seen == expected).count();
            let tell = |rows: &[(Bytes, Bytes)]| match rows.get(at) {
                Some((key, value)) => format!("{key:?} = {:?}", value.slice(..value.len().min(24))),
                None => "no more rows".to_owned(),
            };
            let (seen, expected) = (tell(seen), tell(expected));
            self.problems.push(format!("model: {what}: row {at} is {seen} instead of {expected}"));
        }
    }

    /// What was under a prefix when nobody changed it any more.
    pub fn ended(&mut self, expected: &Expected, seen: &[(Bytes, Bytes)]) {
        let is = |rows: &Rows| rows.iter().eq(seen.iter().map(|(key, value)| (key, value)));
        if is(&expected.rows) || expected.or.as_ref().is_some_and(is) {
            return;
        }
        let rows: Vec<_> = expected.rows.clone().into_iter().collect();
        let doubt = if expected.or.is_some() { " (nor after the unknown commit)" } else { "" };
        self.compare(&format!("the last look at {:?}{doubt}", expected.prefix), seen, &rows);
    }
}

pub fn check(history: &History) -> Vec<String> {
    history.problems.iter().take(REPORTED_MAX).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(&'static str, &'static str)]) -> Vec<(Bytes, Bytes)> {
        rows.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn every_difference_is_noticed() {
        let differs = |seen, expected| {
            let mut history = History::default();
            history.compare("a scan", &rows(seen), &rows(expected));
            check(&history).len()
        };
        assert_eq!(differs(&[("a", "1")], &[("a", "1")]), 0);
        assert_eq!(differs(&[("a", "1")], &[("a", "2")]), 1);
        assert_eq!(differs(&[("a", "1"), ("b", "1")], &[("a", "1")]), 1);
        assert_eq!(differs(&[], &[("a", "1")]), 1);
    }

    #[test]
    fn an_unknown_commit_is_there_as_a_whole_or_not_at_all() {
        let ended = |seen| {
            let (before, after) = (rows(&[("a", "1")]), rows(&[("a", "2"), ("b", "2")]));
            let or = Some(after.into_iter().collect());
            let expected = Expected { prefix: "".into(), rows: before.into_iter().collect(), or };
            let mut history = History::default();
            history.ended(&expected, &rows(seen));
            check(&history).len()
        };
        assert_eq!(ended(&[("a", "1")]), 0);
        assert_eq!(ended(&[("a", "2"), ("b", "2")]), 0);
        assert_eq!(ended(&[("a", "2")]), 1);
        assert_eq!(ended(&[]), 1);
    }
}
