//! What SQL calls: functions, operators and casts of `numeric`, by their names in `pg_proc.prosrc`.

use std::cmp::Ordering;

use super::Numeric;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Scalar, ScalarTable};
use crate::number::wrong_arguments;
use crate::sqlstate;

/// A function of arguments of known variants, by reference: `numeric!(|a: Numeric, b: Numeric| a.add(b)? => Numeric)`.
macro_rules! numeric {
    (|$($name:ident: $variant:ident),*| $body:expr => $result:ident) => {{
        let function: Scalar = |_, arguments| match arguments {
            [$(Datum::$variant($name)),*] => Ok(Datum::$result($body)),
            _ => Err(wrong_arguments(arguments)),
        };
        function
    }};
}

pub const SCALARS: ScalarTable = &[
    ("numeric_add", numeric!(|a: Numeric, b: Numeric| a.add(b)? => Numeric)),
    ("numeric_sub", numeric!(|a: Numeric, b: Numeric| a.sub(b)? => Numeric)),
    ("numeric_mul", numeric!(|a: Numeric, b: Numeric| a.mul(b)? => Numeric)),
    ("numeric_div", numeric!(|a: Numeric, b: Numeric| a.div(b)? => Numeric)),
    ("numeric_div_trunc", numeric!(|a: Numeric, b: Numeric| a.div_trunc(b)? => Numeric)),
    ("numeric_mod", numeric!(|a: Numeric, b: Numeric| a.rem(b)? => Numeric)),
    ("numeric_power", numeric!(|a: Numeric, b: Numeric| a.power(b)? => Numeric)),
    ("numeric_log", numeric!(|base: Numeric, a: Numeric| a.log(base)? => Numeric)),
    ("numeric_gcd", numeric!(|a: Numeric, b: Numeric| a.gcd(b) => Numeric)),
    ("numeric_lcm", numeric!(|a: Numeric, b: Numeric| a.lcm(b)? => Numeric)),
    ("numeric_uminus", numeric!(|a: Numeric| a.neg() => Numeric)),
    ("numeric_uplus", numeric!(|a: Numeric| a.clone() => Numeric)),
    ("numeric_abs", numeric!(|a: Numeric| a.abs() => Numeric)),
    ("numeric_sign", numeric!(|a: Numeric| sign(a) => Numeric)),
    ("numeric_ceil", numeric!(|a: Numeric| a.ceil()? => Numeric)),
    ("numeric_floor", numeric!(|a: Numeric| a.floor()? => Numeric)),
    ("numeric_round", numeric!(|a: Numeric, scale: Int4| a.round(*scale)? => Numeric)),
    ("round:1700", numeric!(|a: Numeric| a.round(0)? => Numeric)),
    ("numeric_trunc", numeric!(|a: Numeric, scale: Int4| a.trunc(*scale) => Numeric)),
    ("trunc:1700", numeric!(|a: Numeric| a.trunc(0) => Numeric)),
    ("numeric_sqrt", numeric!(|a: Numeric| a.sqrt()? => Numeric)),
    ("numeric_exp", numeric!(|a: Numeric| a.exp()? => Numeric)),
    ("numeric_ln", numeric!(|a: Numeric| a.ln()? => Numeric)),
    ("log:1700", numeric!(|a: Numeric| a.log(&TEN)? => Numeric)),
    ("log10:1700", numeric!(|a: Numeric| a.log(&TEN)? => Numeric)),
    ("numeric_fac", numeric!(|a: Int8| Numeric::factorial(*a)? => Numeric)),
    ("numeric_inc", numeric!(|a: Numeric| a.add(&Numeric::ONE)? => Numeric)),
    ("numeric_trim_scale", numeric!(|a: Numeric| a.trim_scale() => Numeric)),
    ("numeric_scale", |_, arguments| scale(arguments, |a| a.scale())),
    ("numeric_min_scale", |_, arguments| scale(arguments, |a| a.trim_scale().scale())),
    ("numeric", numeric!(|a: Numeric, modifier: Int4| a.with_modifier(*modifier)? => Numeric)),
    ("numeric_eq", numeric!(|a: Numeric, b: Numeric| a == b => Bool)),
    ("numeric_ne", numeric!(|a: Numeric, b: Numeric| a != b => Bool)),
    ("numeric_lt", numeric!(|a: Numeric, b: Numeric| a < b => Bool)),
    ("numeric_le", numeric!(|a: Numeric, b: Numeric| a <= b => Bool)),
    ("numeric_gt", numeric!(|a: Numeric, b: Numeric| a > b => Bool)),
    ("numeric_ge", numeric!(|a: Numeric, b: Numeric| a >= b => Bool)),
    ("numeric_cmp", numeric!(|a: Numeric, b: Numeric| a.cmp(b) as i32 => Int4)),
    // Of equal numbers PostgreSQL answers the second, whose scale may differ.
    ("numeric_larger", numeric!(|a: Numeric, b: Numeric| if a > b { a.clone() } else { b.clone() } => Numeric)),
    ("numeric_smaller", numeric!(|a: Numeric, b: Numeric| if a < b { a.clone() } else { b.clone() } => Numeric)),
    ("int2_numeric", numeric!(|a: Int2| Numeric::from_i64(i64::from(*a)) => Numeric)),
    ("int4_numeric", numeric!(|a: Int4| Numeric::from_i64(i64::from(*a)) => Numeric)),
    ("int8_numeric", numeric!(|a: Int8| Numeric::from_i64(*a) => Numeric)),
    ("float4_numeric", numeric!(|a: Float4| Numeric::from_f32(*a) => Numeric)),
    ("float8_numeric", numeric!(|a: Float8| Numeric::from_f64(*a) => Numeric)),
    ("numeric_int2", numeric!(|a: Numeric| integer(a, "smallint")? => Int2)),
    ("numeric_int4", numeric!(|a: Numeric| integer(a, "integer")? => Int4)),
    ("numeric_int8", numeric!(|a: Numeric| integer(a, "bigint")? => Int8)),
    ("numeric_float4", numeric!(|a: Numeric| float4(a)? => Float4)),
    ("numeric_float8", numeric!(|a: Numeric| float8(a)? => Float8)),
    (
        "width_bucket_numeric",
        numeric!(|a: Numeric, low: Numeric, high: Numeric, count: Int4| width_bucket(a, low, high, *count)? => Int4),
    ),
    ("in_range_numeric_numeric", in_range),
];

const TEN: Numeric = Numeric::from_i64(10);

fn sign(a: &Numeric) -> Numeric {
    if a.is_nan() { Numeric::NAN } else { Numeric::from_i64(i64::from(a.signum())) }
}

/// NULL of what has no digits.
fn scale(arguments: &[Datum], scale: impl Fn(&Numeric) -> u16) -> Result<Datum> {
    match arguments {
        [Datum::Numeric(a)] if a.is_finite() => Ok(Datum::Int4(i32::from(scale(a)))),
        [Datum::Numeric(_)] => Ok(Datum::Null),
        _ => Err(wrong_arguments(arguments)),
    }
}

/// To an integer type by rounding; `type_name` is that type.
pub(crate) fn integer<T: TryFrom<i64>>(a: &Numeric, type_name: &str) -> Result<T> {
    let value = a.to_i64().and_then(|value| T::try_from(value).ok());
    value.ok_or_else(|| {
        let special = if a.is_nan() { "NaN" } else { "infinity" };
        match a.is_finite() {
            true => Error::out_of_range(type_name),
            false => Error::new(sqlstate::FEATURE_NOT_SUPPORTED, format!("cannot convert {special} to {type_name}")),
        }
    })
}

fn float8(a: &Numeric) -> Result<f64> {
    let value = a.to_f64();
    check_float(a, value.is_infinite(), value == 0.0, "double precision")?;
    Ok(value)
}

fn float4(a: &Numeric) -> Result<f32> {
    let value = a.to_f32();
    check_float(a, value.is_infinite(), value == 0.0, "real")?;
    Ok(value)
}

fn check_float(a: &Numeric, is_infinite: bool, is_zero: bool, type_name: &str) -> Result<()> {
    if a.is_finite() && (is_infinite || (is_zero && !a.is_zero())) {
        let message = format!("\"{a}\" is out of range for type {type_name}");
        return Err(Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message));
    }
    Ok(())
}

fn width_bucket(operand: &Numeric, low: &Numeric, high: &Numeric, count: i32) -> Result<i32> {
    let refused = |message: &str| Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_WIDTH_BUCKET, message));
    if count <= 0 {
        return refused("count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return refused("operand, lower bound, and upper bound cannot be NaN");
    }
    if low.is_infinite() || high.is_infinite() {
        return refused("lower and upper bounds must be finite");
    }
    let (outside, beyond) = match low.cmp(high) {
        Ordering::Equal => return refused("lower bound cannot equal upper bound"),
        Ordering::Less => (operand < low, operand >= high),
        Ordering::Greater => (operand > low, operand <= high),
    };
    if outside {
        return Ok(0);
    }
    if beyond {
        return count.checked_add(1).ok_or_else(|| Error::out_of_range("integer"));
    }
    // (operand - low) * count / (high - low), of exact numbers, cut off.
    let distance = operand.sub(low)?.mul(&Numeric::from_i64(i64::from(count)))?;
    let bucket = distance.div_trunc(&high.sub(low)?)?;
    // The bounds were told apart above: the quotient is at least 0 and less than the count.
    Ok(bucket.to_i64().and_then(|bucket| i32::try_from(bucket + 1).ok()).unwrap_or(count))
}

/// For window frames: is `value` on the right side of `base ± offset`?
fn in_range(_: &crate::Call, arguments: &[Datum]) -> Result<Datum> {
    let [Datum::Numeric(value), Datum::Numeric(base), Datum::Numeric(offset), Datum::Bool(subtract), Datum::Bool(less)] =
        arguments
    else {
        return Err(wrong_arguments(arguments));
    };
    if offset.is_nan() || offset.is_negative() {
        return Err(crate::number::invalid_frame_offset());
    }
    let within = |order: Ordering| if *less { order.is_le() } else { order.is_ge() };
    let result = if value.is_nan() || base.is_nan() {
        within(value.cmp(base))
    } else if offset.is_infinite() {
        if base.is_infinite() && base.is_negative() != *subtract {
            // An infinity less itself, or more its opposite: everything is in the frame of it.
            true
        } else if *subtract {
            within(value.cmp(&Numeric::NEGATIVE_INFINITY))
        } else {
            within(value.cmp(&Numeric::INFINITY))
        }
    } else {
        let bound = if *subtract { base.sub(offset)? } else { base.add(offset)? };
        within(value.cmp(&bound))
    };
    Ok(Datum::Bool(result))
}
