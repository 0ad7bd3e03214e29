//! From some rows of a table to [`Statistics`]: what ANALYZE computes.
//!
//! Pure: [`statistics`](crate::statistics) reads the sample and has the answer stored. What is listed as common, and
//! where the histogram's bounds lie, follows PostgreSQL's rules (src/backend/commands/analyze.c says why), so that the
//! same rows give the same pg_stats.

use std::collections::BTreeMap;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, oid};

use super::stats::{ColumnStatistics, Statistics};
use crate::catalog::ColumnOrdinal;

/// Common values and parts of the histogram at most, for `ALTER COLUMN … SET STATISTICS -1`.
pub const TARGET: usize = 100;
/// A column in which more of the rows than this have values of their own will have more as there are more rows.
const GROWING_SHARE: f64 = 0.1;
/// Longer values are not remembered.
const VALUE_BYTES_MAX: usize = 256;
/// Longer ones are not even compared.
const SAMPLED_BYTES_MAX: usize = 1024;

/// Rows that make a good sample for this target, as PostgreSQL reckons.
pub fn sample_rows(target: usize) -> usize {
    300 * target.max(1)
}

/// A column that is to be analyzed.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub ordinal: ColumnOrdinal,
    pub of: Oid,
    pub target: usize,
}

/// A value of a sample, as far as it is worth keeping.
#[derive(Clone, Debug, PartialEq)]
pub enum Sampled {
    Value(Datum),
    /// Too long to be compared with others: only how long it is. Such values are taken to be all different.
    Long(usize),
}

impl Sampled {
    pub fn new(value: Datum) -> Sampled {
        match value.bytes() {
            bytes if bytes > SAMPLED_BYTES_MAX => Sampled::Long(bytes),
            _ => Sampled::Value(value),
        }
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Sampled::Value(value) => value.bytes(),
            Sampled::Long(_) => size_of::<Sampled>(),
        }
    }
}

/// `sample` are rows with these columns, drawn from `rows` without favour, in the order of the primary index.
pub fn statistics(columns: &[Column], sample: &[Vec<Sampled>], rows: f64) -> Statistics {
    let rows = rows.max(sample.len() as f64);
    let mut found = BTreeMap::new();
    for (place, column) in columns.iter().enumerate() {
        let values = sample.iter().filter_map(|row| row.get(place));
        found.insert(column.ordinal, column_statistics(column, values, rows));
    }
    Statistics { rows, columns: found, ..Statistics::default() }
}

/// Equal values of the sorted sample: where they begin and how many they are.
type Run = (usize, usize);

/// What is known of a column's sample before anything is derived from it.
struct Counted {
    /// Rows of the sample, NULLs and long values among them.
    sampled: usize,
    long: usize,
    null_fraction: f64,
    runs: Vec<Run>,
    /// In the whole table.
    rows: f64,
    distinct: f64,
    target: usize,
}

fn column_statistics<'v>(column: &Column, values: impl Iterator<Item = &'v Sampled>, rows: f64) -> ColumnStatistics {
    let (mut nulls, mut total, mut long, mut width) = (0_usize, 0_usize, 0_usize, 0.0);
    // With its place in the table.
    let mut known: Vec<(&Datum, usize)> = Vec::new();
    for value in values {
        total += 1;
        match value {
            Sampled::Value(value) if value.is_null() => nulls += 1,
            Sampled::Value(value) => {
                width += stored_width(column.of, value);
                known.push((value, known.len()));
            }
            Sampled::Long(bytes) => {
                width += *bytes as f64;
                long += 1;
            }
        }
    }
    let mut found = ColumnStatistics { of: column.of, ..ColumnStatistics::default() };
    if total == 0 {
        return found;
    }
    found.null_fraction = nulls as f64 / total as f64;
    if nulls == total {
        found.width = builtin().type_by_oid(column.of).map_or(4.0, |row| f64::from(row.length.max(0)));
        return found;
    }
    found.width = width / (total - nulls) as f64;
    let kept_rows = rows * (1.0 - found.null_fraction);
    if !is_sortable(column.of) {
        found.distinct = kept_rows.max(1.0);
        return found;
    }
    known.sort_by_key(|(value, _)| *value);
    let mut runs: Vec<Run> = Vec::new();
    for (at, (value, _)) in known.iter().enumerate() {
        match runs.last_mut() {
            Some((begin, length)) if known[*begin].0 == *value => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    found.distinct = estimate_distinct(&runs, known.len(), long, kept_rows);
    let is_key = runs.len() == known.len();
    found.grows = is_key || found.distinct > rows * GROWING_SHARE;
    found.correlation = correlation(&known);
    let counted = Counted {
        sampled: total,
        long,
        null_fraction: found.null_fraction,
        runs,
        rows,
        distinct: found.distinct,
        target: column.target,
    };
    let common = counted.common();
    let fits = |value: &Datum| value.bytes() <= VALUE_BYTES_MAX;
    let mut is_common = vec![false; counted.runs.len()];
    for run in common {
        is_common[run] = true;
        let (begin, length) = counted.runs[run];
        if fits(known[begin].0) {
            found.common.push((known[begin].0.clone(), length as f64 / total as f64));
        }
    }
    let others: Vec<Run> =
        counted.runs.iter().zip(is_common).filter(|(_, common)| !common).map(|(run, _)| *run).collect();
    let others: Vec<Run> = others.into_iter().filter(|(begin, _)| fits(known[*begin].0)).collect();
    let sorted: Vec<&Datum> =
        others.iter().flat_map(|(begin, length)| &known[*begin..begin + length]).map(|(value, _)| *value).collect();
    found.histogram = bounds(&sorted, others.len(), column.target);
    found
}

fn is_sortable(of: Oid) -> bool {
    !matches!(of, oid::JSON | oid::JSONB | oid::RECORD | oid::XML)
}

/// As PostgreSQL would store it: what has no fixed length with a byte or four before it.
fn stored_width(of: Oid, value: &Datum) -> f64 {
    let fixed = builtin().type_by_oid(of).map_or(4, |row| row.length);
    if fixed > 0 {
        return f64::from(fixed);
    }
    let payload = value.bytes().saturating_sub(size_of::<Datum>()).saturating_sub(match value {
        Datum::Text(_) | Datum::Bytea(_) => 16,
        _ => 0,
    });
    (payload + if payload < 127 { 1 } else { 4 }) as f64
}

/// Haas and Stokes' estimator, which PostgreSQL uses as well: `n d / (n - f1 + f1 n / N)`, with `f1` values of the
/// sample's `d` seen once among `n`, of `N` rows in all.
fn estimate_distinct(runs: &[Run], known: usize, long: usize, rows: f64) -> f64 {
    let once = runs.iter().filter(|(_, length)| *length == 1).count() + long;
    let (n, d, f1) = ((known + long) as f64, (runs.len() + long) as f64, once as f64);
    if once == 0 {
        return d;
    }
    if once == runs.len() + long {
        // Every value but once: taken to be unique.
        return rows.max(d);
    }
    let estimated = n * d / (n - f1 + f1 * n / rows.max(1.0));
    (estimated.clamp(d, rows.max(d)) + 0.5).floor()
}

/// Pearson's, between the places of values in order and those of their rows.
fn correlation(sorted: &[(&Datum, usize)]) -> Option<f64> {
    let n = sorted.len() as f64;
    if sorted.len() < 2 {
        return None;
    }
    let sum = n * (n - 1.0) / 2.0;
    let squares = (n - 1.0) * n * (2.0 * n - 1.0) / 6.0;
    let products: f64 = sorted.iter().enumerate().map(|(at, (_, place))| at as f64 * *place as f64).sum();
    Some((n * products - sum * sum) / (n * squares - sum * sum))
}

impl Counted {
    /// The runs that stand for common values, the commonest first.
    fn common(&self) -> Vec<usize> {
        let mut repeated: Vec<usize> = (0..self.runs.len()).filter(|run| self.runs[*run].1 > 1).collect();
        repeated.sort_by_key(|run| (std::cmp::Reverse(self.runs[*run].1), *run));
        let is_all = repeated.len() == self.runs.len() && self.long == 0 && self.distinct <= self.rows * GROWING_SHARE;
        let fits = repeated.len() <= self.target;
        repeated.truncate(self.target);
        // Where every row was seen, a count is no accident.
        if (is_all && fits) || self.sampled as f64 >= self.rows {
            return repeated;
        }
        while let Some((last, others)) = repeated.split_last() {
            let seen: usize = others.iter().map(|run| self.runs[*run].1).sum();
            if self.is_clearly_common(self.runs[*last].1, seen, others.len()) {
                break;
            }
            repeated.pop();
        }
        repeated
    }

    /// Whether a value seen so often is commoner than the average of those that are not listed, by more than two
    /// standard deviations of the hypergeometric distribution. `seen`: rows with the `listed` values that are commoner.
    fn is_clearly_common(&self, times: usize, seen: usize, listed: usize) -> bool {
        let (times, n, all) = (times as f64, self.sampled as f64, self.rows);
        let rest = (1.0 - seen as f64 / n - self.null_fraction).clamp(0.0, 1.0);
        let average = rest / (self.distinct - listed as f64).max(1.0);
        let expected = all * times / n;
        let variance = n * expected * (all - expected) * (all - n) / (all * all * (all - 1.0));
        times > average * n + 2.0 * variance.max(0.0).sqrt() + 0.5
    }
}

/// Values at equal distances among sorted ones, `distinct` of which differ; the first and the last are among them.
fn bounds(sorted: &[&Datum], distinct: usize, target: usize) -> Vec<Datum> {
    if distinct < 2 {
        return Vec::new();
    }
    let parts = target.clamp(1, distinct - 1);
    (0..=parts).map(|part| sorted[part * (sorted.len() - 1) / parts].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzed(of: Oid, values: Vec<Datum>, rows: f64) -> ColumnStatistics {
        let column = Column { ordinal: ColumnOrdinal(1), of, target: 10 };
        let sample: Vec<Vec<Sampled>> = values.into_iter().map(|value| vec![Sampled::new(value)]).collect();
        statistics(&[column], &sample, rows).columns.remove(&ColumnOrdinal(1)).unwrap()
    }

    #[test]
    fn a_key_is_found_to_be_one() {
        let column = analyzed(oid::INT4, (0..1000).map(Datum::Int4).collect(), 1e6);
        assert_eq!(column.distinct, 1e6);
        assert!(column.common.is_empty());
        assert_eq!(column.histogram.len(), 11);
        assert_eq!((column.histogram[0].clone(), column.histogram[10].clone()), (Datum::Int4(0), Datum::Int4(999)));
    }

    #[test]
    fn few_values_are_all_listed() {
        let values = (0..100).map(|at| if at % 10 == 0 { Datum::Null } else { Datum::Bool(at % 3 == 0) });
        let column = analyzed(oid::BOOL, values.collect(), 1e6);
        assert_eq!((column.null_fraction, column.distinct), (0.1, 2.0));
        assert_eq!(column.common.len(), 2);
        assert_eq!(column.common[0].0, Datum::Bool(false));
        assert!(column.histogram.is_empty());
    }

    #[test]
    fn skewed_values_and_the_rest() {
        let values = (0..1000).map(|at| Datum::Int4(if at < 500 { 7 } else { at }));
        let column = analyzed(oid::INT4, values.collect(), 1000.0);
        assert_eq!(column.common, [(Datum::Int4(7), 0.5)]);
        assert_eq!(column.histogram[0], Datum::Int4(500));
        assert_eq!(column.distinct, 501.0);
    }

    #[test]
    fn a_value_seen_twice_in_a_small_share_is_no_common_one() {
        let values = (0..1000).map(|at| Datum::Int4(if at < 2 { 0 } else { at }));
        assert!(analyzed(oid::INT4, values.collect(), 1e6).common.is_empty());
    }

    #[test]
    fn order_of_values_and_of_rows() {
        let rising = analyzed(oid::INT4, (0..100).map(Datum::Int4).collect(), 100.0);
        let falling = analyzed(oid::INT4, (0..100).rev().map(Datum::Int4).collect(), 100.0);
        assert_eq!((rising.correlation, falling.correlation), (Some(1.0), Some(-1.0)));
        assert_eq!(rising.width, 4.0);
    }

    #[test]
    fn long_values_are_all_different() {
        let values = (0..10).map(|_| Datum::text("x".repeat(5000)));
        let column = analyzed(oid::TEXT, values.collect(), 10.0);
        assert_eq!(column.distinct, 10.0);
        assert!(column.common.is_empty() && column.histogram.is_empty() && column.width > 5000.0);
    }

    #[test]
    fn nothing_and_only_nulls() {
        assert_eq!(analyzed(oid::INT4, vec![], 0.0).distinct, 0.0);
        assert_eq!(analyzed(oid::INT4, vec![Datum::Null], 1.0).null_fraction, 1.0);
        assert_eq!(analyzed(oid::JSON, vec![Datum::text("{}")], 50.0).distinct, 50.0);
    }
}
