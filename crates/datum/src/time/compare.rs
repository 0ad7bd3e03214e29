//! Comparisons of dates, times and intervals, also of different types with each other.

use std::cmp::Ordering;

use super::arguments;
use super::arithmetic::{date_moment, timestamp_moment};
use super::zone::Zone;
use crate::datum::Datum;
use crate::function::{Call, Scalar, ScalarTable};

const EQ: Scalar = |_, a| Ok(Datum::Bool(a[0].compare(&a[1]).is_eq()));
const NE: Scalar = |_, a| Ok(Datum::Bool(a[0].compare(&a[1]).is_ne()));
const LT: Scalar = |_, a| Ok(Datum::Bool(a[0].compare(&a[1]).is_lt()));
const LE: Scalar = |_, a| Ok(Datum::Bool(a[0].compare(&a[1]).is_le()));
const GT: Scalar = |_, a| Ok(Datum::Bool(a[0].compare(&a[1]).is_gt()));
const GE: Scalar = |_, a| Ok(Datum::Bool(a[0].compare(&a[1]).is_ge()));
const CMP: Scalar = |_, a| Ok(order(a[0].compare(&a[1])));
const LARGER: Scalar = |_, a| Ok(a[usize::from(!a[0].compare(&a[1]).is_gt())].clone());
const SMALLER: Scalar = |_, a| Ok(a[usize::from(!a[0].compare(&a[1]).is_lt())].clone());

fn order(order: Ordering) -> Datum {
    Datum::Int4(order as i32)
}

/// A date is its midnight. What has no zone is read with the session's if the other side has one.
fn across(call: &Call, arguments: &[Datum]) -> Ordering {
    let zoned = arguments.iter().any(|argument| matches!(argument, Datum::TimestampTz(_)));
    let zone = zoned.then_some(&call.settings.zone);
    moment(&arguments[0], zone).cmp(&moment(&arguments[1], zone))
}

fn moment(value: &Datum, zone: Option<&Zone>) -> i128 {
    match value {
        Datum::Date(date) => date_moment(*date, zone),
        Datum::Timestamp(local) => timestamp_moment(*local, zone),
        Datum::TimestampTz(utc) => timestamp_moment(*utc, None),
        other => arguments::wrong(other),
    }
}

/// Whether two periods share a moment; NULL where an unknown end decides. The ends of a period may come in any order.
pub fn overlaps(first: [&Datum; 2], second: [&Datum; 2]) -> Datum {
    let (Some((start, end)), Some((other_start, other_end))) = (period(first), period(second)) else {
        return Datum::Null;
    };
    let (earlier_end, later_start, later_end) = match start.compare(other_start) {
        Ordering::Less => (end, other_start, other_end),
        Ordering::Greater => (other_end, start, end),
        Ordering::Equal if end.is_null() || other_end.is_null() => return Datum::Null,
        Ordering::Equal => return Datum::Bool(true),
    };
    match earlier_end {
        Datum::Null => Datum::Null,
        end if later_start.compare(end).is_lt() => Datum::Bool(true),
        _ if later_end.is_null() => Datum::Null,
        _ => Datum::Bool(false),
    }
}

/// From its first moment; only the end may be unknown.
fn period([a, b]: [&Datum; 2]) -> Option<(&Datum, &Datum)> {
    match (a.is_null(), b.is_null()) {
        (true, true) => None,
        (true, false) => Some((b, a)),
        (false, false) if a.compare(b).is_gt() => Some((b, a)),
        _ => Some((a, b)),
    }
}

#[rustfmt::skip]
pub const SCALARS: ScalarTable = &[
    ("date_eq", EQ),
    ("date_ne", NE),
    ("date_lt", LT),
    ("date_le", LE),
    ("date_gt", GT),
    ("date_ge", GE),
    ("date_cmp", CMP),
    ("date_larger", LARGER),
    ("date_smaller", SMALLER),
    ("time_eq", EQ),
    ("time_ne", NE),
    ("time_lt", LT),
    ("time_le", LE),
    ("time_gt", GT),
    ("time_ge", GE),
    ("time_cmp", CMP),
    ("time_larger", LARGER),
    ("time_smaller", SMALLER),
    ("timetz_eq", EQ),
    ("timetz_ne", NE),
    ("timetz_lt", LT),
    ("timetz_le", LE),
    ("timetz_gt", GT),
    ("timetz_ge", GE),
    ("timetz_cmp", CMP),
    ("timetz_larger", LARGER),
    ("timetz_smaller", SMALLER),
    ("timestamp_eq", EQ),
    ("timestamp_ne", NE),
    ("timestamp_lt", LT),
    ("timestamp_le", LE),
    ("timestamp_gt", GT),
    ("timestamp_ge", GE),
    ("timestamp_cmp", CMP),
    ("timestamp_larger", LARGER),
    ("timestamp_smaller", SMALLER),
    ("interval_eq", EQ),
    ("interval_ne", NE),
    ("interval_lt", LT),
    ("interval_le", LE),
    ("interval_gt", GT),
    ("interval_ge", GE),
    ("interval_cmp", CMP),
    ("interval_larger", LARGER),
    ("interval_smaller", SMALLER),
    ("date_eq_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_eq()))),
    ("date_ne_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_ne()))),
    ("date_lt_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_lt()))),
    ("date_le_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_le()))),
    ("date_gt_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_gt()))),
    ("date_ge_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_ge()))),
    ("date_cmp_timestamp", |call, a| Ok(order(across(call, a)))),
    ("date_eq_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_eq()))),
    ("date_ne_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_ne()))),
    ("date_lt_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_lt()))),
    ("date_le_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_le()))),
    ("date_gt_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_gt()))),
    ("date_ge_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_ge()))),
    ("date_cmp_timestamptz", |call, a| Ok(order(across(call, a)))),
    ("timestamp_eq_date", |call, a| Ok(Datum::Bool(across(call, a).is_eq()))),
    ("timestamp_ne_date", |call, a| Ok(Datum::Bool(across(call, a).is_ne()))),
    ("timestamp_lt_date", |call, a| Ok(Datum::Bool(across(call, a).is_lt()))),
    ("timestamp_le_date", |call, a| Ok(Datum::Bool(across(call, a).is_le()))),
    ("timestamp_gt_date", |call, a| Ok(Datum::Bool(across(call, a).is_gt()))),
    ("timestamp_ge_date", |call, a| Ok(Datum::Bool(across(call, a).is_ge()))),
    ("timestamp_cmp_date", |call, a| Ok(order(across(call, a)))),
    ("timestamptz_eq_date", |call, a| Ok(Datum::Bool(across(call, a).is_eq()))),
    ("timestamptz_ne_date", |call, a| Ok(Datum::Bool(across(call, a).is_ne()))),
    ("timestamptz_lt_date", |call, a| Ok(Datum::Bool(across(call, a).is_lt()))),
    ("timestamptz_le_date", |call, a| Ok(Datum::Bool(across(call, a).is_le()))),
    ("timestamptz_gt_date", |call, a| Ok(Datum::Bool(across(call, a).is_gt()))),
    ("timestamptz_ge_date", |call, a| Ok(Datum::Bool(across(call, a).is_ge()))),
    ("timestamptz_cmp_date", |call, a| Ok(order(across(call, a)))),
    ("timestamp_eq_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_eq()))),
    ("timestamp_ne_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_ne()))),
    ("timestamp_lt_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_lt()))),
    ("timestamp_le_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_le()))),
    ("timestamp_gt_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_gt()))),
    ("timestamp_ge_timestamptz", |call, a| Ok(Datum::Bool(across(call, a).is_ge()))),
    ("timestamp_cmp_timestamptz", |call, a| Ok(order(across(call, a)))),
    ("timestamptz_eq_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_eq()))),
    ("timestamptz_ne_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_ne()))),
    ("timestamptz_lt_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_lt()))),
    ("timestamptz_le_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_le()))),
    ("timestamptz_gt_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_gt()))),
    ("timestamptz_ge_timestamp", |call, a| Ok(Datum::Bool(across(call, a).is_ge()))),
    ("timestamptz_cmp_timestamp", |call, a| Ok(order(across(call, a)))),
];
