//! To and from integers and floats.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::arithmetic::{TENS, leading, rescaled, scaled_up};
use super::{Numeric, Repr, SCALE_MAX};
use crate::error::Result;

/// Decimal digits that a float of 8 bytes keeps for sure: what PostgreSQL converts of it.
const F64_DIGITS: usize = 15;
const F32_DIGITS: usize = 6;
/// 10^22 is the last power of ten that an `f64` has exactly.
const F64_EXACT_TENS: u16 = 22;

impl Numeric {
    /// Rounded, halves away from zero; none if it doesn't fit, or is no number.
    pub fn to_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Small { scale: 0, mantissa } => Some(i128::from(*mantissa)),
            Repr::Small { scale, mantissa } => {
                // Of an i64, 20 digits less leave nothing.
                let Some(unit) = TENS.get(usize::from(*scale)).filter(|_| *scale < 20) else { return Some(0) };
                let (mantissa, half) = (i128::from(*mantissa), unit / 2);
                Some(if mantissa < 0 { (mantissa - half) / unit } else { (mantissa + half) / unit })
            }
            Repr::Big(big) => rescaled(&big.mantissa, i32::from(big.scale), 0).to_i128(),
            _ => None,
        }
    }

    /// As [`Numeric::to_i128`].
    pub fn to_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Small { scale: 0, mantissa } => Some(*mantissa),
            _ => self.to_i128().and_then(|value| i64::try_from(value).ok()),
        }
    }

    /// The mantissa at a given scale, if the number can be written so without loss and fits.
    pub fn mantissa_at_scale(&self, scale: u16) -> Option<i128> {
        match &self.0 {
            Repr::Small { scale: from, mantissa } if *from == scale => Some(i128::from(*mantissa)),
            Repr::Small { scale: from, mantissa } if *from < scale => {
                let tens = TENS.get(usize::from(scale - from));
                if *mantissa == 0 { Some(0) } else { i128::from(*mantissa).checked_mul(*tens?) }
            }
            Repr::Big(big) if big.scale <= scale => {
                // More than 38 digits don't fit an i128.
                let more = u32::from(scale - big.scale);
                if more > 38 { None } else { scaled_up(&big.mantissa, more).to_i128() }
            }
            Repr::Small { .. } | Repr::Big(_) => {
                let trimmed = self.trim_scale();
                if trimmed.scale() <= scale { trimmed.mantissa_at_scale(scale) } else { None }
            }
            _ => None,
        }
    }

    /// A number of one digit before the point and `scale` after it, and the power of ten to multiply it by; none if it
    /// is not finite. Rounding may make it two digits.
    pub fn scientific(&self, scale: i32) -> Result<Option<(Numeric, i32)>> {
        let Some((mantissa, from)) = self.finite() else { return Ok(None) };
        let exponent = leading(&mantissa, i32::from(from)).exponent;
        let scale = scale.clamp(0, i32::from(SCALE_MAX));
        let shown = rescaled(&mantissa, i32::from(from) + exponent, scale);
        Ok(Some((Numeric::checked(shown, scale as u16)?, exponent)))
    }

    /// The nearest; infinite if it is too large, zero if too small.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Repr::Small { scale, mantissa } if *scale <= F64_EXACT_TENS && mantissa.unsigned_abs() <= 1 << 53 => {
                // Both are exact, so the quotient is rounded once.
                *mantissa as f64 / TENS[usize::from(*scale)] as f64
            }
            Repr::Small { .. } | Repr::Big(_) => self.to_string().parse().unwrap_or(f64::NAN),
            Repr::NegativeInfinity => f64::NEG_INFINITY,
            Repr::Infinity => f64::INFINITY,
            Repr::NaN => f64::NAN,
        }
    }

    /// As [`Numeric::to_f64`]; not by way of it, which would round twice.
    pub fn to_f32(&self) -> f32 {
        match &self.0 {
            Repr::Small { .. } | Repr::Big(_) => self.to_string().parse().unwrap_or(f32::NAN),
            _ => self.to_f64() as f32,
        }
    }

    /// To 15 significant digits, as PostgreSQL casts.
    pub fn from_f64(value: f64) -> Numeric {
        from_float(value, F64_DIGITS)
    }

    /// To 6 significant digits.
    pub fn from_f32(value: f32) -> Numeric {
        from_float(f64::from(value), F32_DIGITS)
    }
}

fn from_float(value: f64, digits: usize) -> Numeric {
    if value.is_nan() {
        return Numeric::NAN;
    }
    if value.is_infinite() {
        return if value < 0.0 { Numeric::NEGATIVE_INFINITY } else { Numeric::INFINITY };
    }
    if value == 0.0 {
        return Numeric::ZERO;
    }
    let written = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = written.split_once('e').expect("scientific notation");
    let exponent: i32 = exponent.parse().expect("an exponent");
    let mut mantissa: i64 = mantissa.replace('.', "").parse().expect("at most 15 digits");
    let mut scale = digits as i32 - 1 - exponent;
    while mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    match u16::try_from(scale) {
        Ok(scale) => Numeric::small(mantissa, scale),
        Err(_) => Numeric::from_big(scaled_up(&BigInt::from(mantissa), scale.unsigned_abs()).into_owned(), 0),
    }
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Numeric {
        Numeric::from_i64(value)
    }
}

impl From<i32> for Numeric {
    fn from(value: i32) -> Numeric {
        Numeric::from_i64(i64::from(value))
    }
}
