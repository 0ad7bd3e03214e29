//! `generate_series` over integers and `numeric`.

use std::cmp::Ordering;

use super::wrong_arguments;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::SetTable;
use crate::numeric::Numeric;
use crate::sqlstate;

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

pub const SETS: SetTable = &[
    ("generate_series_int4", |_, arguments| match *arguments {
        [Datum::Int4(first), Datum::Int4(last)] => int4(first, last, 1),
        _ => Err(wrong_arguments(arguments)),
    }),
    ("generate_series_step_int4", |_, arguments| match *arguments {
        [Datum::Int4(first), Datum::Int4(last), Datum::Int4(step)] => int4(first, last, step),
        _ => Err(wrong_arguments(arguments)),
    }),
    ("generate_series_int8", |_, arguments| match *arguments {
        [Datum::Int8(first), Datum::Int8(last)] => integers(first, last, 1, Datum::Int8),
        _ => Err(wrong_arguments(arguments)),
    }),
    ("generate_series_step_int8", |_, arguments| match *arguments {
        [Datum::Int8(first), Datum::Int8(last), Datum::Int8(step)] => integers(first, last, step, Datum::Int8),
        _ => Err(wrong_arguments(arguments)),
    }),
    ("generate_series_numeric", |_, arguments| match arguments {
        [Datum::Numeric(first), Datum::Numeric(last)] => numerics(first, last, &Numeric::ONE),
        _ => Err(wrong_arguments(arguments)),
    }),
    ("generate_series_step_numeric", |_, arguments| match arguments {
        [Datum::Numeric(first), Datum::Numeric(last), Datum::Numeric(step)] => numerics(first, last, step),
        _ => Err(wrong_arguments(arguments)),
    }),
];

fn refused(message: &str) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
}

fn int4(first: i32, last: i32, step: i32) -> Result<Rows> {
    integers(i64::from(first), i64::from(last), i64::from(step), |value| Datum::Int4(value as i32))
}

/// A series that would leave its type ends before, here and below.
fn integers(first: i64, last: i64, step: i64, datum: fn(i64) -> Datum) -> Result<Rows> {
    if step == 0 {
        return Err(refused("step size cannot equal zero"));
    }
    let mut next = Some(first);
    Ok(Box::new(std::iter::from_fn(move || {
        let value = next.filter(|value| if step > 0 { *value <= last } else { *value >= last })?;
        next = value.checked_add(step);
        Some(Ok(vec![datum(value)]))
    })))
}

fn numerics(first: &Numeric, last: &Numeric, step: &Numeric) -> Result<Rows> {
    for (number, name) in [(first, "start"), (last, "stop"), (step, "step")] {
        let subject = if name == "step" { "step size".into() } else { format!("{name} value") };
        if number.is_nan() {
            return Err(refused(&format!("{subject} cannot be NaN")));
        }
        if number.is_infinite() {
            return Err(refused(&format!("{subject} cannot be infinity")));
        }
    }
    if step.is_zero() {
        return Err(refused("step size cannot equal zero"));
    }
    let (last, step) = (last.clone(), step.clone());
    let ends = if step.is_negative() { Ordering::Less } else { Ordering::Greater };
    let mut next = Some(first.clone());
    Ok(Box::new(std::iter::from_fn(move || {
        let value = next.take().filter(|value| value.cmp(&last) != ends)?;
        next = value.add(&step).ok();
        Some(Ok(vec![Datum::Numeric(value)]))
    })))
}
