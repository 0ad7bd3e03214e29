//! From bounds on an index's columns to stretches of keys.

use atoll_datum::time::arithmetic::{date_moment, timestamp_moment};
use atoll_datum::time::calendar::{MICROS_PER_DAY, TIMESTAMP_END};
use atoll_datum::time::zone::Zone;
use atoll_datum::{Datum, Oid, Result, key, oid};
use atoll_txn::request::Span;
use bytes::Bytes;

use super::layout::{IndexLayout, PREFIX_BYTES};

// What stands before a column's bytes in a key: see `atoll_datum::key`.
const VALUE: u8 = 1;
const BEHIND_VALUES: u8 = 2;

/// [`plan::Bounds`](crate::plan::Bounds) with values instead of expressions. Values may be of other integer types than the
/// column, or a date for a timestamp and the other way round.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub equal: Vec<Vec<Datum>>,
    /// With whether the limit itself belongs to it.
    pub lower: Option<(Datum, bool)>,
    pub upper: Option<(Datum, bool)>,
    /// In which a date or a timestamp without one is a moment.
    pub zone: Option<Zone>,
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// At most one entry: all columns of a unique index are known.
    Point(Bytes),
    Span(Span),
}

/// Where a value stands among those of a column's type.
enum Fit {
    Exactly(Datum),
    /// Behind this one, before the next.
    Behind(Datum),
    BelowAll,
    AboveAll,
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
            let mut is_there = true;
            for (value, column) in tuple.iter().zip(&self.keys) {
                match fit(value, column.of, limits.zone.as_ref()) {
                    None => key::encode(value, column.of, column.order, &mut start)?,
                    Some(Fit::Exactly(value)) => key::encode(&value, column.of, column.order, &mut start)?,
                    Some(_) => is_there = false,
                }
            }
            if !is_there {
                continue;
            }
            let is_whole = tuple.len() >= self.keys.len();
            if is_whole && self.is_unique_with(false) {
                reaches.push(Reach::Point(start.into()));
            } else if is_whole || range.iter().all(|limit| limit.is_none()) {
                reaches.push(Reach::Span(prefixed(&start)));
            } else {
                reaches.extend(self.within(start, tuple.len(), limits)?.map(Reach::Span));
            }
        }
        reaches.retain(|reach| !matches!(reach, Reach::Span(span) if span.is_empty()));
        reaches.sort_by(|a, b| a.start().cmp(b.start()));
        // The parts begin with different tuples of one length, so they are equal or disjoint.
        reaches.dedup();
        Ok(reaches)
    }

    /// Column number `at`, behind the columns that `start` fixes, within the limits; none if nothing can be.
    fn within(&self, start: Vec<u8>, at: usize, limits: &Limits) -> Result<Option<Span>> {
        let column = &self.keys[at];
        let fitted = |limit: &Option<(Datum, bool)>, is_lower| match limit {
            Some((value, inclusive)) => fitted(value, *inclusive, is_lower, column.of, limits.zone.as_ref()),
            None => Ok(None),
        };
        let (Ok(lower), Ok(upper)) = (fitted(&limits.lower, true), fitted(&limits.upper, false)) else {
            return Ok(None);
        };
        let (first, last) = if column.order.descending { (upper, lower) } else { (lower, upper) };
        let with = |value: &Datum| {
            let mut bytes = start.clone();
            key::encode(value, column.of, column.order, &mut bytes)?;
            Ok(bytes)
        };
        let from = match first {
            Some((value, true)) => with(&value)?,
            Some((value, false)) => successor(&with(&value)?),
            // NULLs that stand first are outside of every range, and so are those that stand last.
            None => [&start[..], &[VALUE]].concat(),
        };
        let to = match last {
            Some((value, true)) => successor(&with(&value)?),
            Some((value, false)) => with(&value)?,
            None => [&start[..], &[BEHIND_VALUES]].concat(),
        };
        Ok(Some(Span::new(from, to)))
    }
}

/// No value of a type is within a limit.
struct Nothing;

/// A limit as one of the column's type; none if all its values are within.
fn fitted(
    value: &Datum,
    inclusive: bool,
    is_lower: bool,
    of: Oid,
    zone: Option<&Zone>,
) -> std::result::Result<Option<(Datum, bool)>, Nothing> {
    match fit(value, of, zone) {
        None => Ok(Some((value.clone(), inclusive))),
        Some(Fit::Exactly(value)) => Ok(Some((value, inclusive))),
        Some(Fit::Behind(value)) => Ok(Some((value, !is_lower))),
        Some(Fit::BelowAll) if is_lower => Ok(None),
        Some(Fit::AboveAll) if !is_lower => Ok(None),
        Some(Fit::BelowAll | Fit::AboveAll) => Err(Nothing),
    }
}

/// None for a value of the type itself.
fn fit(value: &Datum, of: Oid, zone: Option<&Zone>) -> Option<Fit> {
    let number = |number: i64, fitting: Option<Datum>| match fitting {
        Some(value) => Fit::Exactly(value),
        None if number < 0 => Fit::BelowAll,
        None => Fit::AboveAll,
    };
    Some(match (of, value) {
        (oid::INT2, Datum::Int4(value)) => number(i64::from(*value), i16::try_from(*value).ok().map(Datum::Int2)),
        (oid::INT2, Datum::Int8(value)) => number(*value, i16::try_from(*value).ok().map(Datum::Int2)),
        (oid::INT4, Datum::Int8(value)) => number(*value, i32::try_from(*value).ok().map(Datum::Int4)),
        (oid::DATE, Datum::Timestamp(i64::MIN)) => Fit::Exactly(Datum::Date(i32::MIN)),
        (oid::DATE, Datum::Timestamp(i64::MAX)) => Fit::Exactly(Datum::Date(i32::MAX)),
        (oid::DATE, Datum::Timestamp(micros)) => {
            // Every timestamp's day is a date.
            let day = Datum::Date(micros.div_euclid(MICROS_PER_DAY) as i32);
            if micros.rem_euclid(MICROS_PER_DAY) == 0 { Fit::Exactly(day) } else { Fit::Behind(day) }
        }
        (oid::TIMESTAMP, Datum::Date(i32::MIN)) => Fit::Exactly(Datum::Timestamp(i64::MIN)),
        (oid::TIMESTAMP, Datum::Date(i32::MAX)) => Fit::Exactly(Datum::Timestamp(i64::MAX)),
        (oid::TIMESTAMP, Datum::Date(day)) => {
            // All dates are behind the first timestamp.
            let micros = i64::from(*day).checked_mul(MICROS_PER_DAY).filter(|micros| *micros < TIMESTAMP_END);
            micros.map_or(Fit::AboveAll, |micros| Fit::Exactly(Datum::Timestamp(micros)))
        }
        (oid::TIMESTAMPTZ, Datum::Date(day)) => moment(date_moment(*day, zone)),
        (oid::TIMESTAMPTZ, Datum::Timestamp(micros)) => moment(timestamp_moment(*micros, zone)),
        _ => return None,
    })
}

/// There are moments before the first timestamp and after the last one, but none beyond the infinities.
fn moment(moment: i128) -> Fit {
    const BETWEEN: i128 = i64::MAX as i128 - 1;
    Fit::Exactly(Datum::TimestampTz(match moment {
        i128::MIN => i64::MIN,
        i128::MAX => i64::MAX,
        moment => moment.clamp(-BETWEEN, BETWEEN) as i64,
    }))
}

fn prefixed(prefix: &[u8]) -> Span {
    Span::new(Bytes::copy_from_slice(prefix), successor(prefix))
}

/// The least key above all that begin with `prefix`, which begins with [`TABLES`](super::TABLES) and so has one.
fn successor(prefix: &[u8]) -> Vec<u8> {
    debug_assert!(prefix.len() >= PREFIX_BYTES);
    key::prefix_end(prefix).unwrap_or_default()
}
