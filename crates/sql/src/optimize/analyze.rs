//! From some rows of a table to [`Statistics`]: what ANALYZE computes.
//!
//! Pure: the session reads the sample and stores the answer.

use std::collections::BTreeMap;

use atoll_datum::{Datum, Oid, oid};

use super::stats::{ColumnStatistics, Statistics};
use crate::catalog::ColumnOrdinal;

/// Common values and parts of the histogram at most, for `ALTER COLUMN … SET STATISTICS -1`.
pub const TARGET: usize = 100;
/// Longer values are not remembered.
const VALUE_BYTES_MAX: usize = 256;

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

/// `sample` are rows with these columns, drawn from `rows` without favour.
pub fn statistics(columns: &[Column], sample: &[Vec<Datum>], rows: f64) -> Statistics {
    let rows = rows.max(sample.len() as f64);
    let mut found = BTreeMap::new();
    for (place, column) in columns.iter().enumerate() {
        let values = sample.iter().filter_map(|row| row.get(place));
        found.insert(column.ordinal, column_statistics(column, values, rows));
    }
    Statistics { rows, columns: found }
}

fn column_statistics<'v>(column: &Column, values: impl Iterator<Item = &'v Datum>, rows: f64) -> ColumnStatistics {
    let (mut nulls, mut total) = (0_usize, 0_usize);
    let mut known: Vec<&Datum> = Vec::new();
    for value in values {
        total += 1;
        if value.is_null() {
            nulls += 1;
        } else {
            known.push(value);
        }
    }
    if total == 0 {
        return ColumnStatistics::default();
    }
    let null_fraction = nulls as f64 / total as f64;
    if known.is_empty() {
        return ColumnStatistics { null_fraction, ..ColumnStatistics::default() };
    }
    if !is_sortable(column.of) {
        let distinct = (rows * (1.0 - null_fraction)).max(1.0);
        return ColumnStatistics { null_fraction, distinct, ..ColumnStatistics::default() };
    }
    known.sort();
    // Runs of equal values: where they begin and how long they are.
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, value) in known.iter().enumerate() {
        match runs.last_mut() {
            Some((begin, length)) if known[*begin] == *value => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    let distinct = estimate_distinct(&runs, known.len(), rows * (1.0 - null_fraction));
    let (common_runs, is_common) = common(&runs, known.len(), distinct, column.target);
    let fits = |value: &Datum| value.bytes() <= VALUE_BYTES_MAX;
    let mut listed: Vec<(Datum, f64)> = Vec::with_capacity(common_runs.len());
    for (begin, length) in common_runs {
        if fits(known[begin]) {
            listed.push((known[begin].clone(), length as f64 / total as f64));
        }
    }
    let others: Vec<&Datum> = runs
        .iter()
        .enumerate()
        .filter(|(run, (begin, _))| !is_common[*run] && fits(known[*begin]))
        .flat_map(|(_, (begin, length))| known[*begin..begin + length].iter().copied())
        .collect();
    ColumnStatistics { null_fraction, distinct, common: listed, histogram: bounds(&others, column.target) }
}

fn is_sortable(of: Oid) -> bool {
    !matches!(of, oid::JSON | oid::JSONB | oid::RECORD | oid::XML)
}

/// Haas and Stokes' estimator, which PostgreSQL uses as well: `n d / (n - f1 + f1 n / N)`, with `f1` values of the
/// sample's `d` seen once among `n`, of `N` rows in all.
fn estimate_distinct(runs: &[(usize, usize)], sampled: usize, rows: f64) -> f64 {
    let once = runs.iter().filter(|(_, length)| *length == 1).count();
    let (n, d, f1) = (sampled as f64, runs.len() as f64, once as f64);
    if once == 0 || rows <= n {
        return d;
    }
    if once == runs.len() {
        // Every value but once: taken to be unique.
        return rows.max(d);
    }
    (n * d / (n - f1 + f1 * n / rows)).clamp(d, rows.max(d))
}

/// The runs that stand for common values, the commonest first, and for each run whether it is among them.
fn common(runs: &[(usize, usize)], sampled: usize, distinct: f64, target: usize) -> (Vec<(usize, usize)>, Vec<bool>) {
    let mut by_length: Vec<usize> = (0..runs.len()).collect();
    by_length.sort_by_key(|run| (std::cmp::Reverse(runs[*run].1), *run));
    // All of them if they fit and no others are to be expected, else those clearly above the average.
    let all = runs.len() <= target && distinct <= runs.len() as f64 && runs.iter().any(|(_, length)| *length > 1);
    let average = sampled as f64 / distinct.max(1.0);
    let least = if all { 1.0 } else { (1.25 * average).max(2.0) };
    let chosen: Vec<usize> = by_length.into_iter().take(target).filter(|run| runs[*run].1 as f64 >= least).collect();
    let mut is_common = vec![false; runs.len()];
    chosen.iter().for_each(|run| is_common[*run] = true);
    (chosen.into_iter().map(|run| runs[run]).collect(), is_common)
}

/// Values at equal distances among sorted ones, the first and the last included.
fn bounds(sorted: &[&Datum], target: usize) -> Vec<Datum> {
    if sorted.len() < 2 {
        return sorted.iter().map(|value| (*value).clone()).collect();
    }
    let parts = target.clamp(1, sorted.len() - 1);
    (0..=parts).map(|part| sorted[part * (sorted.len() - 1) / parts].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzed(of: Oid, values: Vec<Datum>, rows: f64) -> ColumnStatistics {
        let column = Column { ordinal: ColumnOrdinal(1), of, target: 10 };
        let sample: Vec<Vec<Datum>> = values.into_iter().map(|value| vec![value]).collect();
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
    fn nothing_and_only_nulls() {
        assert_eq!(analyzed(oid::INT4, vec![], 0.0), ColumnStatistics::default());
        assert_eq!(analyzed(oid::INT4, vec![Datum::Null], 1.0).null_fraction, 1.0);
        assert_eq!(analyzed(oid::JSON, vec![Datum::text("{}")], 50.0).distinct, 50.0);
    }
}
