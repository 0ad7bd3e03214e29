//! `float4` and `float8`: the operators over each and over both.
//!
//! A finite argument never gives an infinite result, nor one that isn't zero a zero: PostgreSQL's overflow and underflow.

use std::cmp::Ordering;

use super::scalar;
use crate::datum::compare_floats;
use crate::error::{Error, Result};
use crate::function::{Scalar, ScalarTable};
use crate::sqlstate;

#[cold]
pub(super) fn overflow() -> Error {
    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
}

#[cold]
pub(super) fn underflow() -> Error {
    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
}

/// The four operations, which round in the type that they are made for.
macro_rules! operations {
    ($module:ident, $rust:ty) => {
        pub(super) mod $module {
            use super::{Error, Result, overflow, underflow};

            fn checked(result: $rust, may_be_infinite: bool, may_be_zero: bool) -> Result<$rust> {
                if result.is_infinite() && !may_be_infinite {
                    return Err(overflow());
                }
                if result == 0.0 && !may_be_zero {
                    return Err(underflow());
                }
                Ok(result)
            }

            pub(in crate::number) fn add(a: $rust, b: $rust) -> Result<$rust> {
                checked(a + b, a.is_infinite() || b.is_infinite(), true)
            }

            pub(in crate::number) fn sub(a: $rust, b: $rust) -> Result<$rust> {
                checked(a - b, a.is_infinite() || b.is_infinite(), true)
            }

            pub(in crate::number) fn mul(a: $rust, b: $rust) -> Result<$rust> {
                checked(a * b, a.is_infinite() || b.is_infinite(), a == 0.0 || b == 0.0)
            }

            pub(in crate::number) fn div(a: $rust, b: $rust) -> Result<$rust> {
                if b == 0.0 && !a.is_nan() {
                    return Err(Error::division_by_zero());
                }
                checked(a / b, a.is_infinite(), a == 0.0 || b.is_infinite())
            }
        }
    };
}

operations!(single, f32);
operations!(double, f64);

macro_rules! arithmetic {
    ($prefix:literal, $left:ident, $right:ident => $wide:ident, $module:ident) => {
        &[
            (concat!($prefix, "pl"), scalar!(|a: $left, b: $right| $module::add(a.into(), b.into())? => $wide)),
            (concat!($prefix, "mi"), scalar!(|a: $left, b: $right| $module::sub(a.into(), b.into())? => $wide)),
            (concat!($prefix, "mul"), scalar!(|a: $left, b: $right| $module::mul(a.into(), b.into())? => $wide)),
            (concat!($prefix, "div"), scalar!(|a: $left, b: $right| $module::div(a.into(), b.into())? => $wide)),
        ]
    };
}

/// All compare as `float8`, in which every `float4` has its value.
macro_rules! comparison {
    ($prefix:literal, $left:ident, $right:ident) => {
        &[
            (concat!($prefix, "eq"), scalar!(|a: $left, b: $right| order(a.into(), b.into()).is_eq() => Bool)),
            (concat!($prefix, "ne"), scalar!(|a: $left, b: $right| order(a.into(), b.into()).is_ne() => Bool)),
            (concat!($prefix, "lt"), scalar!(|a: $left, b: $right| order(a.into(), b.into()).is_lt() => Bool)),
            (concat!($prefix, "le"), scalar!(|a: $left, b: $right| order(a.into(), b.into()).is_le() => Bool)),
            (concat!($prefix, "gt"), scalar!(|a: $left, b: $right| order(a.into(), b.into()).is_gt() => Bool)),
            (concat!($prefix, "ge"), scalar!(|a: $left, b: $right| order(a.into(), b.into()).is_ge() => Bool)),
            (
                concat!("bt", $prefix, "cmp"),
                scalar!(|a: $left, b: $right| order(a.into(), b.into()) as i32 => Int4),
            ),
        ]
    };
}

fn order(a: f64, b: f64) -> Ordering {
    compare_floats(a, b)
}

macro_rules! of_one_type {
    ($prefix:literal, $type:ident) => {
        &[
            (concat!($prefix, "um"), scalar!(|a: $type| -a => $type)),
            (concat!($prefix, "up"), scalar!(|a: $type| a => $type)),
            (concat!($prefix, "abs"), scalar!(|a: $type| a.abs() => $type)),
            // Of equal ones, which may be zeros of both signs, the second.
            (
                concat!($prefix, "larger"),
                scalar!(|a: $type, b: $type| if order(a.into(), b.into()).is_gt() { a } else { b } => $type),
            ),
            (
                concat!($prefix, "smaller"),
                scalar!(|a: $type, b: $type| if order(a.into(), b.into()).is_lt() { a } else { b } => $type),
            ),
        ]
    };
}

const TABLES: &[ScalarTable] = &[
    arithmetic!("float4", Float4, Float4 => Float4, single),
    arithmetic!("float8", Float8, Float8 => Float8, double),
    arithmetic!("float48", Float4, Float8 => Float8, double),
    arithmetic!("float84", Float8, Float4 => Float8, double),
    comparison!("float4", Float4, Float4),
    comparison!("float8", Float8, Float8),
    comparison!("float48", Float4, Float8),
    comparison!("float84", Float8, Float4),
    of_one_type!("float4", Float4),
    of_one_type!("float8", Float8),
];

pub(super) const SCALARS: ScalarTable = &super::join::<Scalar, { super::total(TABLES) }>(TABLES);
