//! Casts between integers, floats and `bool`. Those of `numeric` are in its own module.

use super::float::{overflow, underflow};
use super::scalar;
use crate::error::{Error, Result};
use crate::function::ScalarTable;

pub(super) const SCALARS: ScalarTable = &[
    ("i2toi4", scalar!(|a: Int2| i32::from(a) => Int4)),
    ("i4toi2", scalar!(|a: Int4| i16::try_from(a).map_err(|_| Error::out_of_range("smallint"))? => Int2)),
    ("int28", scalar!(|a: Int2| i64::from(a) => Int8)),
    ("int48", scalar!(|a: Int4| i64::from(a) => Int8)),
    ("int82", scalar!(|a: Int8| i16::try_from(a).map_err(|_| Error::out_of_range("smallint"))? => Int2)),
    ("int84", scalar!(|a: Int8| i32::try_from(a).map_err(|_| Error::out_of_range("integer"))? => Int4)),
    ("i2tof", scalar!(|a: Int2| f32::from(a) => Float4)),
    ("i4tof", scalar!(|a: Int4| a as f32 => Float4)),
    ("i8tof", scalar!(|a: Int8| a as f32 => Float4)),
    ("i2tod", scalar!(|a: Int2| f64::from(a) => Float8)),
    ("i4tod", scalar!(|a: Int4| f64::from(a) => Float8)),
    ("i8tod", scalar!(|a: Int8| a as f64 => Float8)),
    ("ftoi2", scalar!(|a: Float4| integer(f64::from(a), I16, "smallint")? as i16 => Int2)),
    ("ftoi4", scalar!(|a: Float4| integer(f64::from(a), I32, "integer")? as i32 => Int4)),
    ("ftoi8", scalar!(|a: Float4| integer(f64::from(a), I64, "bigint")? as i64 => Int8)),
    ("dtoi2", scalar!(|a: Float8| integer(a, I16, "smallint")? as i16 => Int2)),
    ("dtoi4", scalar!(|a: Float8| integer(a, I32, "integer")? as i32 => Int4)),
    ("dtoi8", scalar!(|a: Float8| integer(a, I64, "bigint")? as i64 => Int8)),
    ("ftod", scalar!(|a: Float4| f64::from(a) => Float8)),
    ("dtof", scalar!(|a: Float8| narrowed(a)? => Float4)),
    ("int4_bool", scalar!(|a: Int4| a != 0 => Bool)),
    ("bool_int4", scalar!(|a: Bool| i32::from(a) => Int4)),
];

/// What the magnitude of a number of each type is below; its negative still fits.
const I16: f64 = 32_768.0;
const I32: f64 = 2_147_483_648.0;
const I64: f64 = 9_223_372_036_854_775_808.0;

/// Rounded, halves to even; it can be converted as it is then.
fn integer(value: f64, limit: f64, type_name: &str) -> Result<f64> {
    let rounded = value.round_ties_even();
    if rounded >= -limit && rounded < limit { Ok(rounded) } else { Err(Error::out_of_range(type_name)) }
}

fn narrowed(value: f64) -> Result<f32> {
    let narrow = value as f32;
    if narrow.is_infinite() && !value.is_infinite() {
        return Err(overflow());
    }
    if narrow == 0.0 && value != 0.0 {
        return Err(underflow());
    }
    Ok(narrow)
}
