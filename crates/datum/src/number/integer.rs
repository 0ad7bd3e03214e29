//! `int2`, `int4` and `int8`: operators over each and over any two of them, bits, and how they are read.

use std::fmt::Write;

use num_integer::Integer;

use super::scalar;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Scalar, ScalarTable, Settings};
use crate::io::{TypeIo, malformed};
use crate::oid::{self, Oid};
use crate::sqlstate;

/// Result of what may have overflowed.
fn fits<T>(value: Option<T>, type_name: &str) -> Result<T> {
    value.ok_or_else(|| Error::out_of_range(type_name))
}

/// The four operations of two types, in the wider of them, which is `$wide`.
macro_rules! arithmetic {
    ($prefix:literal, $left:ident, $right:ident => $wide:ident, $rust:ty, $name:literal) => {
        &[
            (
                concat!($prefix, "pl"),
                scalar!(|a: $left, b: $right| fits(<$rust>::from(a).checked_add(b.into()), $name)? => $wide),
            ),
            (
                concat!($prefix, "mi"),
                scalar!(|a: $left, b: $right| fits(<$rust>::from(a).checked_sub(b.into()), $name)? => $wide),
            ),
            (
                concat!($prefix, "mul"),
                scalar!(|a: $left, b: $right| fits(<$rust>::from(a).checked_mul(b.into()), $name)? => $wide),
            ),
            (
                concat!($prefix, "div"),
                scalar!(|a: $left, b: $right| match <$rust>::from(b) {
                    0 => return Err(Error::division_by_zero()),
                    b => fits(<$rust>::from(a).checked_div(b), $name)?,
                } => $wide),
            ),
        ]
    };
}

macro_rules! comparison {
    ($prefix:literal, $left:ident, $right:ident, $rust:ty) => {
        &[
            (concat!($prefix, "eq"), scalar!(|a: $left, b: $right| <$rust>::from(a) == b.into() => Bool)),
            (concat!($prefix, "ne"), scalar!(|a: $left, b: $right| <$rust>::from(a) != b.into() => Bool)),
            (concat!($prefix, "lt"), scalar!(|a: $left, b: $right| <$rust>::from(a) < b.into() => Bool)),
            (concat!($prefix, "le"), scalar!(|a: $left, b: $right| <$rust>::from(a) <= b.into() => Bool)),
            (concat!($prefix, "gt"), scalar!(|a: $left, b: $right| <$rust>::from(a) > b.into() => Bool)),
            (concat!($prefix, "ge"), scalar!(|a: $left, b: $right| <$rust>::from(a) >= b.into() => Bool)),
        ]
    };
}

/// What is there for two of the same type. `$shift_as`: where C would shift it.
macro_rules! of_one_type {
    ($prefix:literal, $type:ident, $rust:ty, $shift_as:ty, $name:literal) => {
        &[
            (
                concat!($prefix, "mod"),
                // The remainder of the smallest number by -1 is 0, though its quotient overflows.
                scalar!(|a: $type, b: $type| match b {
                    0 => return Err(Error::division_by_zero()),
                    b => a.wrapping_rem(b),
                } => $type),
            ),
            (concat!($prefix, "um"), scalar!(|a: $type| fits(a.checked_neg(), $name)? => $type)),
            (concat!($prefix, "up"), scalar!(|a: $type| a => $type)),
            (concat!($prefix, "abs"), scalar!(|a: $type| fits(a.checked_abs(), $name)? => $type)),
            (concat!($prefix, "and"), scalar!(|a: $type, b: $type| a & b => $type)),
            (concat!($prefix, "or"), scalar!(|a: $type, b: $type| a | b => $type)),
            (concat!($prefix, "xor"), scalar!(|a: $type, b: $type| a ^ b => $type)),
            (concat!($prefix, "not"), scalar!(|a: $type| !a => $type)),
            // The distance counts modulo the width, as processors do it.
            (
                concat!($prefix, "shl"),
                scalar!(|a: $type, by: Int4| <$shift_as>::from(a).wrapping_shl(by as u32) as $rust => $type),
            ),
            (
                concat!($prefix, "shr"),
                scalar!(|a: $type, by: Int4| <$shift_as>::from(a).wrapping_shr(by as u32) as $rust => $type),
            ),
            (concat!($prefix, "larger"), scalar!(|a: $type, b: $type| a.max(b) => $type)),
            (concat!($prefix, "smaller"), scalar!(|a: $type, b: $type| a.min(b) => $type)),
        ]
    };
}

macro_rules! divisors {
    ($prefix:literal, $type:ident, $rust:ty, $name:literal) => {
        &[
            (
                concat!($prefix, "gcd"),
                scalar!(|a: $type, b: $type| {
                    fits(<$rust>::try_from(a.unsigned_abs().gcd(&b.unsigned_abs())).ok(), $name)?
                } => $type),
            ),
            (
                concat!($prefix, "lcm"),
                scalar!(|a: $type, b: $type| {
                    let (a, b) = (a.unsigned_abs(), b.unsigned_abs());
                    let multiple = if a == 0 || b == 0 { Some(0) } else { (a / a.gcd(&b)).checked_mul(b) };
                    fits(multiple.and_then(|multiple| <$rust>::try_from(multiple).ok()), $name)?
                } => $type),
            ),
            (concat!($prefix, "inc"), scalar!(|a: $type| fits(a.checked_add(1), $name)? => $type)),
        ]
    };
}

const TABLES: &[ScalarTable] = &[
    arithmetic!("int2", Int2, Int2 => Int2, i16, "smallint"),
    arithmetic!("int4", Int4, Int4 => Int4, i32, "integer"),
    arithmetic!("int8", Int8, Int8 => Int8, i64, "bigint"),
    arithmetic!("int24", Int2, Int4 => Int4, i32, "integer"),
    arithmetic!("int42", Int4, Int2 => Int4, i32, "integer"),
    arithmetic!("int28", Int2, Int8 => Int8, i64, "bigint"),
    arithmetic!("int82", Int8, Int2 => Int8, i64, "bigint"),
    arithmetic!("int48", Int4, Int8 => Int8, i64, "bigint"),
    arithmetic!("int84", Int8, Int4 => Int8, i64, "bigint"),
    comparison!("int2", Int2, Int2, i16),
    comparison!("int4", Int4, Int4, i32),
    comparison!("int8", Int8, Int8, i64),
    comparison!("int24", Int2, Int4, i32),
    comparison!("int42", Int4, Int2, i32),
    comparison!("int28", Int2, Int8, i64),
    comparison!("int82", Int8, Int2, i64),
    comparison!("int48", Int4, Int8, i64),
    comparison!("int84", Int8, Int4, i64),
    of_one_type!("int2", Int2, i16, i32, "smallint"),
    of_one_type!("int4", Int4, i32, i32, "integer"),
    of_one_type!("int8", Int8, i64, i64, "bigint"),
    divisors!("int4", Int4, i32, "integer"),
    divisors!("int8", Int8, i64, "bigint"),
    OTHERS,
];

pub(super) const SCALARS: ScalarTable = &super::join::<Scalar, { super::total(TABLES) }>(TABLES);

const OTHERS: ScalarTable = &[
    ("int8dec", scalar!(|a: Int8| fits(a.checked_sub(1), "bigint")? => Int8)),
    // PostgreSQL answers the difference here, and -1, 0 or 1 for the others.
    ("btint2cmp", scalar!(|a: Int2, b: Int2| i32::from(a) - i32::from(b) => Int4)),
    ("btint4cmp", scalar!(|a: Int4, b: Int4| a.cmp(&b) as i32 => Int4)),
    ("btint8cmp", scalar!(|a: Int8, b: Int8| a.cmp(&b) as i32 => Int4)),
    ("btint24cmp", scalar!(|a: Int2, b: Int4| i32::from(a).cmp(&b) as i32 => Int4)),
    ("btint42cmp", scalar!(|a: Int4, b: Int2| a.cmp(&b.into()) as i32 => Int4)),
    ("btint28cmp", scalar!(|a: Int2, b: Int8| i64::from(a).cmp(&b) as i32 => Int4)),
    ("btint82cmp", scalar!(|a: Int8, b: Int2| a.cmp(&b.into()) as i32 => Int4)),
    ("btint48cmp", scalar!(|a: Int4, b: Int8| i64::from(a).cmp(&b) as i32 => Int4)),
    ("btint84cmp", scalar!(|a: Int8, b: Int4| a.cmp(&b.into()) as i32 => Int4)),
    ("to_hex32", scalar!(|a: Int4| format!("{a:x}").into() => Text)),
    ("to_hex64", scalar!(|a: Int8| format!("{a:x}").into() => Text)),
];

macro_rules! io {
    ($name:ident, $oid:ident, $variant:ident, $rust:ty, $type_name:literal) => {
        pub(super) const $name: (Oid, TypeIo) = (
            oid::$oid,
            TypeIo {
                parse: |text, _, _| parse_integer::<$rust>(text, $type_name).map(Datum::$variant),
                format: |value, _: &Settings, out| match value {
                    Datum::$variant(number) => write!(out, "{number}").expect("a string takes everything"),
                    _ => panic!("not of type {}: {value:?}", $type_name),
                },
                receive: |bytes, _| match <[u8; size_of::<$rust>()]>::try_from(bytes) {
                    Ok(bytes) => Ok(Datum::$variant(<$rust>::from_be_bytes(bytes))),
                    Err(_) => Err(malformed($type_name)),
                },
                send: |value, out| match value {
                    Datum::$variant(number) => out.extend_from_slice(&number.to_be_bytes()),
                    _ => panic!("not of type {}: {value:?}", $type_name),
                },
            },
        );
    };
}

io!(INT2, INT2, Int2, i16, "smallint");
io!(INT4, INT4, Int4, i32, "integer");
io!(INT8, INT8, Int8, i64, "bigint");

/// White space around is allowed, a sign, digits; nothing else. `type_name` is for the errors.
pub fn parse_integer<T: TryFrom<i64>>(text: &str, type_name: &str) -> Result<T> {
    let trimmed = text.trim_matches(super::is_space);
    let (negative, digits) = match trimmed.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // Summed below zero, where there is one number more. What is too long is refused before what follows is looked at.
    let mut below_zero = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(Error::invalid_input(type_name, text));
        }
        let longer = below_zero.checked_mul(10).and_then(|sum| sum.checked_sub(i64::from(digit - b'0')));
        below_zero = longer.filter(|sum| T::try_from(*sum).is_ok()).ok_or_else(|| out_of_range(text, type_name))?;
    }
    if digits.is_empty() {
        return Err(Error::invalid_input(type_name, text));
    }
    let value = if negative { Some(below_zero) } else { below_zero.checked_neg() };
    value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| out_of_range(text, type_name))
}

/// 22003, of a text that begins like a number.
pub(super) fn out_of_range(text: &str, type_name: &str) -> Error {
    let message = format!("value \"{text}\" is out of range for type {type_name}");
    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message)
}
