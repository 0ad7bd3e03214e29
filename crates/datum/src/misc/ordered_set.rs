//! Aggregates over sorted values: `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`.
//!
//! Whoever runs them sorts anyway, so there is no state to step: an [`OrderedSet`] gets all values at once. The
//! hypothetical ones (`rank(5) WITHIN GROUP (ORDER BY x)`) ask where a row would stand; its [`Standing`] is counted by
//! who knows the directions of the sort.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::array::Array;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{self, Call};
use crate::{oid, sqlstate};

/// The direct arguments, and the values sorted as asked, without NULLs. The call's types are those of the direct
/// arguments, then that of the values.
pub type OrderedSet = fn(&Call, direct: &[Datum], sorted: &[Datum]) -> Result<Datum>;

/// As `pg_proc.proargtypes` prints the types.
const ORDERED_SETS: &[(&str, &str, OrderedSet)] = &[
    ("percentile_disc", "701 2283", |call, direct, sorted| one(call, direct, sorted, discrete)),
    ("percentile_cont", "701 701", |call, direct, sorted| one(call, direct, sorted, continuous)),
    ("percentile_cont", "701 1186", |call, direct, sorted| one(call, direct, sorted, continuous)),
    ("percentile_disc", "1022 2283", |call, direct, sorted| many(call, direct, sorted, discrete)),
    ("percentile_cont", "1022 701", |call, direct, sorted| many(call, direct, sorted, continuous)),
    ("percentile_cont", "1022 1186", |call, direct, sorted| many(call, direct, sorted, continuous)),
    ("mode", "2283", |_, _, sorted| Ok(mode(sorted))),
];

pub fn ordered_set(name: &str, types: &str) -> Option<OrderedSet> {
    ORDERED_SETS.iter().find(|(known, of, _)| (*known, *of) == (name, types)).map(|(_, _, function)| *function)
}

type Percentile = fn(&Call, f64, &[Datum]) -> Result<Datum>;

fn one(call: &Call, direct: &[Datum], sorted: &[Datum], percentile: Percentile) -> Result<Datum> {
    let Datum::Float8(fraction) = direct[0] else { return Ok(Datum::Null) };
    check(fraction)?;
    if sorted.is_empty() {
        return Ok(Datum::Null);
    }
    percentile(call, fraction, sorted)
}

fn many(call: &Call, direct: &[Datum], sorted: &[Datum], percentile: Percentile) -> Result<Datum> {
    let (Datum::Array(fractions), false) = (&direct[0], sorted.is_empty()) else { return Ok(Datum::Null) };
    for fraction in fractions.elements() {
        if let Datum::Float8(fraction) = fraction {
            check(*fraction)?;
        }
    }
    let value = |fraction: &Datum| match fraction {
        Datum::Float8(fraction) => percentile(call, *fraction, sorted),
        _ => Ok(Datum::Null),
    };
    let values = fractions.elements().iter().map(value).collect::<Result<Vec<_>>>()?;
    let of = call.argument_types.last().copied().unwrap_or(oid::UNKNOWN);
    Ok(Datum::Array(Arc::new(Array::with_dimensions(of, fractions.dimensions().to_vec(), values)?)))
}

fn check(fraction: f64) -> Result<()> {
    if (0.0..=1.0).contains(&fraction) {
        return Ok(());
    }
    let message = format!("percentile value {fraction} is not between 0 and 1");
    Err(Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message))
}

fn discrete(_: &Call, fraction: f64, sorted: &[Datum]) -> Result<Datum> {
    let row = (fraction * sorted.len() as f64).ceil() as usize;
    Ok(sorted[row.clamp(1, sorted.len()) - 1].clone())
}

fn continuous(call: &Call, fraction: f64, sorted: &[Datum]) -> Result<Datum> {
    let last = sorted.len() - 1;
    let at = fraction * last as f64;
    let (below, above) = (at.floor() as usize, (at.ceil() as usize).min(last));
    let share = at - below as f64;
    match (&sorted[below], &sorted[above]) {
        (low, _) if below == above => Ok(low.clone()),
        (Datum::Float8(low), Datum::Float8(high)) => Ok(Datum::Float8(low + share * (high - low))),
        (low, high) => {
            let step = |name: &str, arguments: &[Datum]| {
                let missing = || Error::unsupported("percentile_cont of intervals");
                function::scalar(name).ok_or_else(missing)?(call, arguments)
            };
            let span = step("interval_mi", &[high.clone(), low.clone()])?;
            let part = step("interval_mul", &[span, Datum::Float8(share)])?;
            step("interval_pl", &[part, low.clone()])
        }
    }
}

/// The most frequent value, of several the first.
fn mode(sorted: &[Datum]) -> Datum {
    let mut best: &[Datum] = &[];
    for group in sorted.chunk_by(|a, b| a.compare(b).is_eq()) {
        if group.len() > best.len() {
            best = group;
        }
    }
    best.first().cloned().unwrap_or_default()
}

/// How the rows of a group lie around a hypothetical one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    rows: i64,
    before: i64,
    distinct_before: i64,
    peers: i64,
}

impl Standing {
    /// Takes the next row in order. `order`: of the row against the hypothetical one; `is_new`: it differs from the row
    /// before it.
    pub fn step(&mut self, order: Ordering, is_new: bool) {
        self.rows += 1;
        match order {
            Ordering::Less => {
                self.before += 1;
                self.distinct_before += i64::from(is_new);
            }
            Ordering::Equal => self.peers += 1,
            Ordering::Greater => {}
        }
    }

    /// What the function of this name answers; none for another name.
    pub fn result(&self, name: &str) -> Option<Datum> {
        Some(match name {
            "rank" => Datum::Int8(self.before + 1),
            "dense_rank" => Datum::Int8(self.distinct_before + 1),
            "percent_rank" if self.rows == 0 => Datum::Float8(0.0),
            "percent_rank" => Datum::Float8(self.before as f64 / self.rows as f64),
            "cume_dist" => Datum::Float8((self.before + self.peers + 1) as f64 / (self.rows + 1) as f64),
            _ => return None,
        })
    }
}
