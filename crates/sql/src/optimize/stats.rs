//! What is known of a table's rows: how many, and how the values of a column are spread.
//!
//! ```text
//!   column    NULL ▏common values, each with its share ▏all others, between the bounds of a histogram
//!             0.1  ▏'open' 0.4  'done' 0.2             ▏'a' ┄ 'f' ┄ 'k' ┄ 'z'   (each part holds as many rows)
//! ```
//!
//! Made by [`analyze`](super::analyze), kept by [`catalog::statistics`](crate::catalog::statistics), read by
//! [`estimate`](crate::plan::estimate) and shown by pg_stats. A table that was never analyzed is taken to have
//! [`ROWS_UNKNOWN`] rows.

use std::collections::BTreeMap;

use atoll_datum::{Datum, Oid};

use super::predicate::{self, Comparator};
use crate::catalog::ColumnOrdinal;

pub const ROWS_UNKNOWN: f64 = 1000.0;
/// Different values of a column of which nothing is known.
pub const DISTINCT_UNKNOWN: f64 = 200.0;

// As PostgreSQL guesses where it knows nothing.
pub const EQUAL: f64 = 0.005;
pub const RANGE: f64 = 1.0 / 3.0;
pub const BETWEEN: f64 = 0.005;
/// As many bounds of a histogram as are worth a look at each.
const HISTOGRAM_SAMPLE_MIN: usize = 50;
/// Other values than common ones, where these are taken for all.
const REST_MAX: f64 = 0.05;
pub const PATTERN: f64 = 0.005;
pub const NULLS: f64 = 0.005;
pub const CONDITION: f64 = 0.5;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    pub rows: f64,
    /// Of the primary index: keys and values.
    pub bytes: f64,
    pub runs: Runs,
    pub columns: BTreeMap<ColumnOrdinal, ColumnStatistics>,
}

/// When a table was analyzed, and how often. Times are microseconds since 2000-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    pub last_micros: Option<i64>,
    pub last_automatic_micros: Option<i64>,
    pub count: u64,
    pub automatic_count: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStatistics {
    /// The column's type then: values of another one say nothing.
    pub of: Oid,
    pub null_fraction: f64,
    /// Bytes of a value on average, NULL left out.
    pub width: f64,
    /// Different values, NULL left out.
    pub distinct: f64,
    /// There are more of them, in proportion, as rows are added.
    pub grows: bool,
    /// The most common values with their share of all rows, the commonest first.
    pub common: Vec<(Datum, f64)>,
    /// Bounds of parts with as many rows each, among the values that are not common: the least value, …, the greatest.
    pub histogram: Vec<Datum>,
    /// Between the order of the values and that of the rows in the primary index: -1 to 1. None where values have no
    /// order, or there is one at most.
    pub correlation: Option<f64>,
}

impl ColumnStatistics {
    /// The share of rows with any value that is not listed.
    fn rest(&self) -> f64 {
        let common: f64 = self.common.iter().map(|(_, share)| share).sum();
        (1.0 - self.null_fraction - common).max(0.0)
    }

    /// The share of rows with this value.
    pub fn equal(&self, value: &Datum) -> f64 {
        if value.is_null() {
            return 0.0;
        }
        if let Some((_, share)) = self.common.iter().find(|(common, _)| comparable(common, value) && common == value) {
            return *share;
        }
        let others = (self.distinct - self.common.len() as f64).max(1.0);
        self.rest() / others
    }

    /// The share of rows with a value that is not known yet.
    pub fn equal_some(&self) -> f64 {
        (1.0 - self.null_fraction) / self.distinct.max(1.0)
    }

    /// The share of rows whose value passes a test, as far as common values and the histogram are a sample of them; none
    /// if that is too small.
    pub fn passing(&self, test: impl Fn(&Datum) -> bool) -> Option<f64> {
        let common: f64 = self.common.iter().filter(|(value, _)| test(value)).map(|(_, share)| share).sum();
        let rest = self.rest();
        if self.histogram.len() >= HISTOGRAM_SAMPLE_MIN {
            let passed = self.histogram.iter().filter(|value| test(value)).count();
            // None of a hundred is not never.
            return Some(common + rest * (passed as f64).max(0.5) / self.histogram.len() as f64);
        }
        (rest < REST_MAX).then_some(common)
    }

    /// The share of rows that compare so with the value; none if nothing is known.
    pub fn range(&self, comparator: Comparator, value: &Datum) -> Option<f64> {
        if value.is_null() {
            return Some(0.0);
        }
        let below = self.below(value)?;
        let equal = self.equal(value);
        let share = match comparator {
            Comparator::Less => below,
            Comparator::LessOrEqual => below + equal,
            Comparator::Greater => 1.0 - self.null_fraction - below - equal,
            Comparator::GreaterOrEqual => 1.0 - self.null_fraction - below,
            Comparator::Equal => equal,
            Comparator::NotEqual => 1.0 - self.null_fraction - equal,
        };
        Some(share.clamp(0.0, 1.0))
    }

    /// The share of rows below the value.
    fn below(&self, value: &Datum) -> Option<f64> {
        let some = self.histogram.first().or(self.common.first().map(|(common, _)| common))?;
        if !comparable(some, value) {
            return None;
        }
        let common: f64 = self.common.iter().filter(|(common, _)| common < value).map(|(_, share)| share).sum();
        Some(common + self.rest() * self.histogram_below(value))
    }

    fn histogram_below(&self, value: &Datum) -> f64 {
        let parts = self.histogram.len().saturating_sub(1);
        if parts == 0 {
            return match self.histogram.first() {
                Some(only) if only < value => 1.0,
                Some(_) => 0.0,
                None => 0.5,
            };
        }
        let behind = self.histogram.partition_point(|bound| bound < value);
        if behind == 0 {
            return 0.0;
        }
        if behind > parts {
            return 1.0;
        }
        let (low, high) = (&self.histogram[behind - 1], &self.histogram[behind]);
        let within = match (number(low), number(high), number(value)) {
            (Some(low), Some(high), Some(value)) if high > low => ((value - low) / (high - low)).clamp(0.0, 1.0),
            _ => 0.5,
        };
        (behind as f64 - 1.0 + within) / parts as f64
    }
}

/// Of one kind: only such values may be compared.
fn comparable(a: &Datum, b: &Datum) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// Where a value lies on a line, as far as there is one.
fn number(value: &Datum) -> Option<f64> {
    if let Some(value) = predicate::integer(value) {
        return Some(value as f64);
    }
    let number = match value {
        Datum::Float4(value) => f64::from(*value),
        Datum::Float8(value) => *value,
        Datum::Numeric(value) => value.to_f64(),
        Datum::Date(value) => f64::from(*value),
        Datum::Time(value) | Datum::Timestamp(value) | Datum::TimestampTz(value) => *value as f64,
        Datum::Oid(value) => f64::from(value.0),
        Datum::Text(text) => {
            let bytes = text.bytes().chain(std::iter::repeat(0)).take(6);
            bytes.fold(0.0, |sum, byte| sum * 256.0 + f64::from(byte))
        }
        Datum::Uuid(bytes) => bytes.iter().take(6).fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte)),
        _ => return None,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundred() -> ColumnStatistics {
        ColumnStatistics {
            null_fraction: 0.1,
            distinct: 101.0,
            common: vec![(Datum::Int4(7), 0.4)],
            histogram: (0..=10).map(|at| Datum::Int4(at * 10)).collect(),
            ..ColumnStatistics::default()
        }
    }

    #[test]
    fn shares_of_values_and_ranges() {
        let column = hundred();
        assert_eq!(column.equal(&Datum::Int4(7)), 0.4);
        assert!((column.equal(&Datum::Int4(8)) - 0.005).abs() < 1e-9);
        let half = column.range(Comparator::Less, &Datum::Int4(50)).unwrap();
        assert!((half - 0.65).abs() < 1e-9, "{half}");
        assert_eq!(column.range(Comparator::Greater, &Datum::Int4(200)), Some(0.0));
        assert_eq!(column.range(Comparator::Less, &Datum::Null), Some(0.0));
        assert_eq!(column.range(Comparator::Less, &Datum::text("a")), None);
    }
}
