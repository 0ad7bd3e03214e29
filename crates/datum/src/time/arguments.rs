//! Arguments of functions, whose types the binder has seen to.

use super::interval::Interval;
use super::timetz::TimeTz;
use crate::datum::Datum;

macro_rules! accessors {
    ($($name:ident: $variant:ident -> $type:ty),* $(,)?) => {
        $(pub fn $name(value: &Datum) -> $type {
            match value {
                Datum::$variant(value) => *value,
                other => wrong(other),
            }
        })*
    };
}

accessors! {
    int4: Int4 -> i32, float8: Float8 -> f64, date: Date -> i32, time: Time -> i64, timetz: TimeTz -> TimeTz,
    timestamp: Timestamp -> i64, timestamptz: TimestampTz -> i64, interval: Interval -> Interval,
}

pub fn text(value: &Datum) -> &str {
    match value {
        Datum::Text(text) => text,
        other => wrong(other),
    }
}

pub fn any_null(values: &[Datum]) -> bool {
    values.iter().any(Datum::is_null)
}

/// The binder resolved the function by types that the values have not.
pub fn wrong(value: &Datum) -> ! {
    panic!("{value:?} is not of the type that the function takes")
}
