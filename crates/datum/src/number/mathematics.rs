//! Functions of `float8`: rounding, powers, logarithms, trigonometry in radians and in degrees.
//!
//! The functions in degrees are exact where people know the answer (`sind(30)` is 0.5): each is scaled so that it is
//! right at 0, 30, 45, 60 and 90 degrees, and the other quadrants are reduced to the first.

use std::f64::consts::{LN_2, PI};
use std::hint::black_box;
use std::sync::LazyLock;

use super::float::{double, overflow, underflow};
use super::scalar;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::ScalarTable;
use crate::sqlstate;

pub(super) const SCALARS: ScalarTable = &[
    ("dround", scalar!(|a: Float8| a.round_ties_even() => Float8)),
    ("dtrunc", scalar!(|a: Float8| a.trunc() => Float8)),
    ("dceil", scalar!(|a: Float8| a.ceil() => Float8)),
    ("dfloor", scalar!(|a: Float8| a.floor() => Float8)),
    ("dsign", scalar!(|a: Float8| sign(a) => Float8)),
    ("dsqrt", scalar!(|a: Float8| square_root(a)? => Float8)),
    ("dcbrt", scalar!(|a: Float8| a.cbrt() => Float8)),
    ("dpow", scalar!(|a: Float8, b: Float8| power(a, b)? => Float8)),
    ("dexp", scalar!(|a: Float8| exponential(a)? => Float8)),
    ("dlog1", scalar!(|a: Float8| logarithm(a, f64::ln)? => Float8)),
    ("dlog10", scalar!(|a: Float8| logarithm(a, f64::log10)? => Float8)),
    ("dsin", scalar!(|a: Float8| finite(a)?.sin() => Float8)),
    ("dcos", scalar!(|a: Float8| finite(a)?.cos() => Float8)),
    ("dtan", scalar!(|a: Float8| not_infinite(finite(a)?.tan())? => Float8)),
    ("dcot", scalar!(|a: Float8| 1.0 / finite(a)?.tan() => Float8)),
    ("dasin", scalar!(|a: Float8| within_one(a)?.asin() => Float8)),
    ("dacos", scalar!(|a: Float8| within_one(a)?.acos() => Float8)),
    ("datan", scalar!(|a: Float8| a.atan() => Float8)),
    ("datan2", scalar!(|a: Float8, b: Float8| a.atan2(b) => Float8)),
    ("dsinh", scalar!(|a: Float8| a.sinh() => Float8)),
    ("dcosh", scalar!(|a: Float8| a.cosh() => Float8)),
    ("dtanh", scalar!(|a: Float8| a.tanh() => Float8)),
    ("dasinh", scalar!(|a: Float8| inverse_hyperbolic_sine(a) => Float8)),
    (
        "dacosh",
        scalar!(|a: Float8| if a < 1.0 { return Err(out_of_range()) } else { inverse_hyperbolic_cosine(a) } => Float8),
    ),
    ("datanh", scalar!(|a: Float8| inverse_hyperbolic_tangent(within_one(a)?) => Float8)),
    ("degrees", scalar!(|a: Float8| double::div(a, RADIANS_PER_DEGREE)? => Float8)),
    ("radians", scalar!(|a: Float8| double::mul(a, RADIANS_PER_DEGREE)? => Float8)),
    ("dpi", |_, _| Ok(Datum::Float8(PI))),
    ("dsind", scalar!(|a: Float8| sine_degrees(finite(a)?) => Float8)),
    ("dcosd", scalar!(|a: Float8| cosine_degrees(finite(a)?) => Float8)),
    ("dtand", scalar!(|a: Float8| tangent_degrees(finite(a)?) => Float8)),
    ("dcotd", scalar!(|a: Float8| cotangent_degrees(finite(a)?) => Float8)),
    ("dasind", scalar!(|a: Float8| arc_sine_degrees(within_one(a)?) => Float8)),
    ("dacosd", scalar!(|a: Float8| arc_cosine_degrees(within_one(a)?) => Float8)),
    ("datand", scalar!(|a: Float8| a.atan() / AT.arc_tangent_1 * 45.0 => Float8)),
    ("datan2d", scalar!(|a: Float8, b: Float8| a.atan2(b) / AT.arc_tangent_1 * 45.0 => Float8)),
    (
        "width_bucket_float8",
        scalar!(|a: Float8, low: Float8, high: Float8, count: Int4| width_bucket(a, low, high, count)? => Int4),
    ),
];

const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

#[cold]
fn out_of_range() -> Error {
    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range")
}

fn finite(a: f64) -> Result<f64> {
    if a.is_infinite() { Err(out_of_range()) } else { Ok(a) }
}

fn within_one(a: f64) -> Result<f64> {
    if a.abs() > 1.0 { Err(out_of_range()) } else { Ok(a) }
}

fn not_infinite(a: f64) -> Result<f64> {
    if a.is_infinite() { Err(overflow()) } else { Ok(a) }
}

/// 0 of NaN too.
fn sign(a: f64) -> f64 {
    if a > 0.0 {
        1.0
    } else if a < 0.0 {
        -1.0
    } else {
        0.0
    }
}

fn square_root(a: f64) -> Result<f64> {
    if a < 0.0 {
        let state = sqlstate::INVALID_ARGUMENT_FOR_POWER_FUNCTION;
        return Err(Error::new(state, "cannot take square root of a negative number"));
    }
    Ok(a.sqrt())
}

fn power(a: f64, b: f64) -> Result<f64> {
    let refused = |message: &str| Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_POWER_FUNCTION, message));
    if a.is_nan() || b.is_nan() {
        return Ok(if a == 1.0 || b == 0.0 { 1.0 } else { f64::NAN });
    }
    if a == 0.0 && b < 0.0 {
        return refused("zero raised to a negative power is undefined");
    }
    if a < 0.0 && b.floor() != b {
        return refused("a negative number raised to a non-integer power yields a complex result");
    }
    let result = a.powf(b);
    if a.is_finite() && b.is_finite() {
        if result.is_infinite() {
            return Err(overflow());
        }
        if result == 0.0 && a != 0.0 {
            return Err(underflow());
        }
    }
    Ok(result)
}

fn exponential(a: f64) -> Result<f64> {
    let result = a.exp();
    if a.is_finite() {
        if result.is_infinite() {
            return Err(overflow());
        }
        if result == 0.0 {
            return Err(underflow());
        }
    }
    Ok(result)
}

fn logarithm(a: f64, function: fn(f64) -> f64) -> Result<f64> {
    let refused = |message: &str| Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_LOG, message));
    if a == 0.0 {
        refused("cannot take logarithm of zero")
    } else if a < 0.0 {
        refused("cannot take logarithm of a negative number")
    } else {
        Ok(function(a))
    }
}

// The inverse hyperbolic functions as C libraries compute them: those of Rust differ in the last digit.

/// From here on, `x² + 1` is `x²`.
const LARGE: f64 = 268_435_456.0;

fn inverse_hyperbolic_sine(a: f64) -> f64 {
    let x = a.abs();
    let square = x * x;
    let result = if x > LARGE {
        x.ln() + LN_2
    } else if x > 2.0 {
        (2.0 * x + 1.0 / ((square + 1.0).sqrt() + x)).ln()
    } else if x < 1.0 / LARGE {
        x
    } else {
        (x + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    result.copysign(a)
}

fn inverse_hyperbolic_cosine(a: f64) -> f64 {
    if a > LARGE {
        a.ln() + LN_2
    } else if a > 2.0 {
        (2.0 * a - 1.0 / (a + (a * a - 1.0).sqrt())).ln()
    } else {
        let more = a - 1.0;
        (more + (2.0 * more + more * more).sqrt()).ln_1p()
    }
}

fn inverse_hyperbolic_tangent(a: f64) -> f64 {
    let x = a.abs();
    let double = x + x;
    let result = if x < 1.0 / LARGE {
        x
    } else if x < 0.5 {
        0.5 * (double + double * x / (1.0 - x)).ln_1p()
    } else {
        0.5 * (double / (1.0 - x)).ln_1p()
    };
    result.copysign(a)
}

/// What the functions give at the angles that are to be exact. Computed when the program runs, as every other call is:
/// the compiler's own results may differ in the last bit.
struct Exact {
    sine_30: f64,
    one_less_cosine_60: f64,
    arc_sine_half: f64,
    arc_cosine_half: f64,
    arc_tangent_1: f64,
    tangent_45: f64,
    cotangent_45: f64,
}

static AT: LazyLock<Exact> = LazyLock::new(|| {
    let sine_30 = (black_box(30.0) * RADIANS_PER_DEGREE).sin();
    let one_less_cosine_60 = 1.0 - (black_box(60.0) * RADIANS_PER_DEGREE).cos();
    let sine_45 = first_quadrant_sine(45.0, sine_30, one_less_cosine_60);
    let cosine_45 = first_quadrant_cosine(45.0, sine_30, one_less_cosine_60);
    Exact {
        sine_30,
        one_less_cosine_60,
        arc_sine_half: black_box(0.5f64).asin(),
        arc_cosine_half: black_box(0.5f64).acos(),
        arc_tangent_1: black_box(1.0f64).atan(),
        tangent_45: sine_45 / cosine_45,
        cotangent_45: cosine_45 / sine_45,
    }
});

fn first_quadrant_sine(degrees: f64, sine_30: f64, one_less_cosine_60: f64) -> f64 {
    if degrees <= 30.0 {
        (degrees * RADIANS_PER_DEGREE).sin() / sine_30 / 2.0
    } else {
        cosine_to_60(90.0 - degrees, one_less_cosine_60)
    }
}

fn first_quadrant_cosine(degrees: f64, sine_30: f64, one_less_cosine_60: f64) -> f64 {
    if degrees <= 60.0 {
        cosine_to_60(degrees, one_less_cosine_60)
    } else {
        ((90.0 - degrees) * RADIANS_PER_DEGREE).sin() / sine_30 / 2.0
    }
}

fn cosine_to_60(degrees: f64, one_less_cosine_60: f64) -> f64 {
    1.0 - (1.0 - (degrees * RADIANS_PER_DEGREE).cos()) / one_less_cosine_60 / 2.0
}

fn sine(degrees: f64) -> f64 {
    first_quadrant_sine(degrees, AT.sine_30, AT.one_less_cosine_60)
}

fn cosine(degrees: f64) -> f64 {
    first_quadrant_cosine(degrees, AT.sine_30, AT.one_less_cosine_60)
}

/// An angle of the first quadrant, and what became of the signs of sine and cosine on the way there.
struct Reduced {
    degrees: f64,
    sine_sign: f64,
    cosine_sign: f64,
}

fn reduced(degrees: f64) -> Reduced {
    let mut angle = Reduced { degrees: degrees % 360.0, sine_sign: 1.0, cosine_sign: 1.0 };
    if angle.degrees < 0.0 {
        (angle.degrees, angle.sine_sign) = (-angle.degrees, -angle.sine_sign);
    }
    if angle.degrees > 180.0 {
        (angle.degrees, angle.sine_sign) = (360.0 - angle.degrees, -angle.sine_sign);
    }
    if angle.degrees > 90.0 {
        (angle.degrees, angle.cosine_sign) = (180.0 - angle.degrees, -angle.cosine_sign);
    }
    angle
}

fn sine_degrees(degrees: f64) -> f64 {
    let angle = reduced(degrees);
    angle.sine_sign * sine(angle.degrees)
}

fn cosine_degrees(degrees: f64) -> f64 {
    let angle = reduced(degrees);
    angle.cosine_sign * cosine(angle.degrees)
}

fn tangent_degrees(degrees: f64) -> f64 {
    let angle = reduced(degrees);
    let tangent = sine(angle.degrees) / cosine(angle.degrees) / AT.tangent_45;
    positive_zero(angle.sine_sign * angle.cosine_sign * tangent)
}

fn cotangent_degrees(degrees: f64) -> f64 {
    let angle = reduced(degrees);
    let cotangent = cosine(angle.degrees) / sine(angle.degrees) / AT.cotangent_45;
    positive_zero(angle.sine_sign * angle.cosine_sign * cotangent)
}

fn positive_zero(a: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a }
}

fn arc_sine_degrees(a: f64) -> f64 {
    if a < 0.0 { -first_quadrant_arc_sine(-a) } else { first_quadrant_arc_sine(a) }
}

fn first_quadrant_arc_sine(a: f64) -> f64 {
    if a <= 0.5 { a.asin() / AT.arc_sine_half * 30.0 } else { 90.0 - a.acos() / AT.arc_cosine_half * 60.0 }
}

fn arc_cosine_degrees(a: f64) -> f64 {
    if a < 0.0 {
        90.0 + first_quadrant_arc_sine(-a)
    } else if a <= 0.5 {
        90.0 - a.asin() / AT.arc_sine_half * 30.0
    } else {
        a.acos() / AT.arc_cosine_half * 60.0
    }
}

fn width_bucket(operand: f64, low: f64, high: f64, count: i32) -> Result<i32> {
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
    if low == high {
        return refused("lower bound cannot equal upper bound");
    }
    let (outside, beyond) =
        if low < high { (operand < low, operand >= high) } else { (operand > low, operand <= high) };
    if outside {
        return Ok(0);
    }
    if beyond {
        return count.checked_add(1).ok_or_else(|| Error::out_of_range("integer"));
    }
    let mut width = high - low;
    let mut distance = operand - low;
    if width.is_infinite() {
        // Halves of both have the same quotient.
        (width, distance) = (high / 2.0 - low / 2.0, operand / 2.0 - low / 2.0);
    }
    // Rounded to 1, the quotient gives the bucket behind the last, as it does in PostgreSQL.
    let bucket = (f64::from(count) * (distance / width)) as i32;
    bucket.checked_add(1).ok_or_else(|| Error::out_of_range("integer"))
}
