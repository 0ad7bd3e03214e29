//! From bounds on an index's columns to stretches of keys.

use atoll_datum::{Datum, Result, key};
use atoll_txn::request::Span;
use bytes::Bytes;

use super::layout::{IndexLayout, PREFIX_BYTES};

// What stands before a column's bytes in a key: see `atoll_datum::key`.
const VALUE: u8 = 1;
const BEHIND_VALUES: u8 = 2;

/// [`plan::Bounds`](crate::plan::Bounds) with values instead of expressions.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub equal: Vec<Vec<Datum>>,
    /// With whether the limit itself belongs to it.
    pub lower: Option<(Datum, bool)>,
    pub upper: Option<(Datum, bool)>,
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// At most one entry: all columns of a unique index are known.
    Point(Bytes),
    Span(Span),
}

impl Reach {
    fn start(&self) -> &[u8] {
        match self {
            Reach::Point(key) => key,
            Reach::Span(span) => &span.start,
        }
    }
}

impl IndexLayout {
    /// All of it.
    pub fn span(&self) -> Span {
        prefixed(&self.prefix)
    }

    /// The parts of the index that the limits leave, ascending and disjoint. A NULL in a limit matches nothing.
    pub fn reaches(&self, limits: &Limits) -> Result<Vec<Reach>> {
        let range = [&limits.lower, &limits.upper];
        if range.iter().any(|limit| limit.as_ref().is_some_and(|(value, _)| value.is_null())) {
            return Ok(Vec::new());
        }
        let mut reaches = Vec::with_capacity(limits.equal.len());
        for tuple in limits.equal.iter().filter(|tuple| !tuple.iter().any(Datum::is_null)) {
            let mut start = self.start(12 * tuple.len());
            for (value, column) in tuple.iter().zip(&self.keys) {
                key::encode(value, column.of, column.order, &mut start)?;
            }
            let is_whole = tuple.len() >= self.keys.len();
            if is_whole && self.is_unique_with(false) {
                reaches.push(Reach::Point(start.into()));
            } else if is_whole || range.iter().all(|limit| limit.is_none()) {
                reaches.push(Reach::Span(prefixed(&start)));
            } else {
                reaches.push(Reach::Span(self.within(start, tuple.len(), limits)?));
            }
        }
        reaches.retain(|reach| !matches!(reach, Reach::Span(span) if span.is_empty()));
        reaches.sort_by(|a, b| a.start().cmp(b.start()));
        // The parts begin with different tuples of one length, so they are equal or disjoint.
        reaches.dedup();
        Ok(reaches)
    }

    /// Column number `at`, behind the columns that `start` fixes, within the limits.
    fn within(&self, start: Vec<u8>, at: usize, limits: &Limits) -> Result<Span> {
        let column = &self.keys[at];
        let (first, last) =
            if column.order.descending { (&limits.upper, &limits.lower) } else { (&limits.lower, &limits.upper) };
        let with = |value: &Datum| {
            let mut bytes = start.clone();
            key::encode(value, column.of, column.order, &mut bytes)?;
            Ok(bytes)
        };
        let from = match first {
            Some((value, true)) => with(value)?,
            Some((value, false)) => successor(&with(value)?),
            // NULLs that stand first are outside of every range, and so are those that stand last.
            None => [&start[..], &[VALUE]].concat(),
        };
        let to = match last {
            Some((value, true)) => successor(&with(value)?),
            Some((value, false)) => with(value)?,
            None => [&start[..], &[BEHIND_VALUES]].concat(),
        };
        Ok(Span::new(from, to))
    }
}

fn prefixed(prefix: &[u8]) -> Span {
    Span::new(Bytes::copy_from_slice(prefix), successor(prefix))
}

/// The least key above all that begin with `prefix`, which begins with [`TABLES`](super::TABLES) and so has one.
fn successor(prefix: &[u8]) -> Vec<u8> {
    debug_assert!(prefix.len() >= PREFIX_BYTES);
    key::prefix_end(prefix).unwrap_or_default()
}
