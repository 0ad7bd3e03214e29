//! Offsets of window frames, `RANGE BETWEEN n PRECEDING …`: is a value on the right side of `base ± offset`?
//!
//! A bound that would leave its type is beyond all values of the type.

use super::wrong_arguments;
use crate::datum::{Datum, compare_floats};
use crate::error::{Error, Result};
use crate::function::{Scalar, ScalarTable};
use crate::sqlstate;

/// 22013
pub(crate) fn invalid_frame_offset() -> Error {
    let state = sqlstate::INVALID_PRECEDING_OR_FOLLOWING_SIZE;
    Error::new(state, "invalid preceding or following size in window function")
}

macro_rules! integers {
    ($value:ident, $offset:ident) => {{
        let function: Scalar = |_, arguments| match *arguments {
            [
                Datum::$value(value),
                Datum::$value(base),
                Datum::$offset(offset),
                Datum::Bool(subtract),
                Datum::Bool(less),
            ] => integer(value.into(), base.into(), offset.into(), subtract, less),
            _ => Err(wrong_arguments(arguments)),
        };
        function
    }};
}

pub(super) const SCALARS: ScalarTable = &[
    ("in_range_int2_int2", integers!(Int2, Int2)),
    ("in_range_int2_int4", integers!(Int2, Int4)),
    ("in_range_int2_int8", integers!(Int2, Int8)),
    ("in_range_int4_int2", integers!(Int4, Int2)),
    ("in_range_int4_int4", integers!(Int4, Int4)),
    ("in_range_int4_int8", integers!(Int4, Int8)),
    ("in_range_int8_int8", integers!(Int8, Int8)),
    ("in_range_float4_float8", |_, arguments| match *arguments {
        [
            Datum::Float4(value),
            Datum::Float4(base),
            Datum::Float8(offset),
            Datum::Bool(subtract),
            Datum::Bool(less),
        ] => float(value.into(), base.into(), offset, subtract, less),
        _ => Err(wrong_arguments(arguments)),
    }),
    ("in_range_float8_float8", |_, arguments| match *arguments {
        [
            Datum::Float8(value),
            Datum::Float8(base),
            Datum::Float8(offset),
            Datum::Bool(subtract),
            Datum::Bool(less),
        ] => float(value, base, offset, subtract, less),
        _ => Err(wrong_arguments(arguments)),
    }),
];

fn integer(value: i64, base: i64, offset: i64, subtract: bool, less: bool) -> Result<Datum> {
    if offset < 0 {
        return Err(invalid_frame_offset());
    }
    let offset = i128::from(if subtract { -offset } else { offset });
    let order = i128::from(value).cmp(&(i128::from(base) + offset));
    Ok(Datum::Bool(if less { order.is_le() } else { order.is_ge() }))
}

fn float(value: f64, base: f64, offset: f64, subtract: bool, less: bool) -> Result<Datum> {
    if offset.is_nan() || offset < 0.0 {
        return Err(invalid_frame_offset());
    }
    let result = if value.is_nan() || base.is_nan() {
        let order = compare_floats(value, base);
        if less { order.is_le() } else { order.is_ge() }
    } else if offset.is_infinite() && base.is_infinite() && (base > 0.0) == subtract {
        // What is infinitely far from an infinity could be anything.
        true
    } else {
        let bound = if subtract { base - offset } else { base + offset };
        if less { value <= bound } else { value >= bound }
    };
    Ok(Datum::Bool(result))
}
