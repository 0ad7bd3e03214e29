//! Type modifiers of these types: from the numbers behind a type's name and to its printed form.

use super::arguments;
use super::interval::Modifier;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Call, Scalar};
use crate::sqlstate;

const PRECISION_MAX: i32 = 6;

/// More decimals than there are become six, which PostgreSQL warns of.
pub fn precision(name: &str, suffix: &str, precision: i32) -> Result<i32> {
    if precision < 0 {
        let message = format!("{name}({precision}){suffix} precision must not be negative");
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
    }
    Ok(precision.min(PRECISION_MAX))
}

/// Of `interval`, `interval year to month`, `interval second(3)`: the fields as a mask, and a precision.
pub fn interval(fields: i32, precision_given: Option<i32>) -> Result<i32> {
    if fields != Modifier::ALL_FIELDS && Modifier::field_names(fields).is_none() {
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier"));
    }
    let precision = precision_given.map(|given| precision("INTERVAL", "", given)).transpose()?;
    let fields = Some(fields).filter(|fields| *fields != Modifier::ALL_FIELDS);
    Ok(Modifier { fields, precision }.encoded())
}

/// As it follows the name of the type: `(3)`, ` day to second(3)`. PostgreSQL's names have the zone behind it.
pub fn interval_text(modifier: i32) -> String {
    let modifier = Modifier::of(modifier);
    let fields = modifier.fields.and_then(Modifier::field_names).unwrap_or("");
    match modifier.precision {
        Some(precision) => format!("{fields}({precision})"),
        None => fields.to_owned(),
    }
}

fn with_suffix(arguments: &[Datum], suffix: &str) -> Result<Datum> {
    Ok(Datum::text(match arguments::int4(&arguments[0]) {
        modifier @ 0.. => format!("({modifier}){suffix}"),
        _ => suffix.to_owned(),
    }))
}

/// The numbers behind a type's name, as an array of texts.
fn numbers(arguments: &[Datum]) -> Result<Vec<i32>> {
    let Datum::Array(array) = &arguments[0] else { arguments::wrong(&arguments[0]) };
    let number = |element: &Datum| {
        let text = arguments::text(element);
        text.trim().parse::<i32>().map_err(|_| Error::invalid_input("integer", text))
    };
    array.elements().iter().map(number).collect()
}

fn one_precision(arguments: &[Datum], name: &str, suffix: &str) -> Result<Datum> {
    match numbers(arguments)?[..] {
        [given] => Ok(Datum::Int4(precision(name, suffix, given)?)),
        _ => Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, "invalid type modifier")),
    }
}

fn interval_in(_call: &Call, arguments: &[Datum]) -> Result<Datum> {
    match numbers(arguments)?[..] {
        [fields] => Ok(Datum::Int4(interval(fields, None)?)),
        [fields, precision] => Ok(Datum::Int4(interval(fields, Some(precision))?)),
        _ => Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier")),
    }
}

const WITH: &str = " with time zone";
const WITHOUT: &str = " without time zone";

pub const TIME_IN: Scalar = |_, arguments| one_precision(arguments, "TIME", "");
pub const TIMETZ_IN: Scalar = |_, arguments| one_precision(arguments, "TIME", " WITH TIME ZONE");
pub const TIMESTAMP_IN: Scalar = |_, arguments| one_precision(arguments, "TIMESTAMP", "");
pub const TIMESTAMPTZ_IN: Scalar = |_, arguments| one_precision(arguments, "TIMESTAMP", " WITH TIME ZONE");
pub const INTERVAL_IN: Scalar = interval_in;
pub const WITH_ZONE_OUT: Scalar = |_, arguments| with_suffix(arguments, WITH);
pub const WITHOUT_ZONE_OUT: Scalar = |_, arguments| with_suffix(arguments, WITHOUT);
pub const INTERVAL_OUT: Scalar = |_, arguments| Ok(Datum::text(interval_text(arguments::int4(&arguments[0]))));
