//! How numbers are written.

use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::Zero;

use super::arithmetic::scaled_up;
use super::{INTEGER_DIGITS_MAX, Numeric, Repr, SCALE_MAX, overflow};
use crate::error::{Error, Result};

impl Numeric {
    /// What `numeric_in` accepts: white space around, a sign, digits with a point, an exponent; `NaN`, `Infinity`, `inf`.
    pub fn parse(text: &str) -> Result<Numeric> {
        let trimmed = text.trim_matches(is_space);
        match parse_finite(trimmed) {
            Some(number) => number,
            None => parse_special(trimmed).ok_or_else(|| Error::invalid_input("numeric", text)),
        }
    }
}

/// C's isspace.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t'..='\r')
}

fn parse_special(text: &str) -> Option<Numeric> {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    if is("nan") {
        Some(Numeric::NAN)
    } else if is("infinity") || is("+infinity") || is("inf") || is("+inf") {
        Some(Numeric::INFINITY)
    } else if is("-infinity") || is("-inf") {
        Some(Numeric::NEGATIVE_INFINITY)
    } else {
        None
    }
}

/// None: not written like a number.
fn parse_finite(text: &str) -> Option<Result<Numeric>> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    Some(assemble(negative, whole, fraction, exponent))
}

/// Clamped to what is certain to overflow.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(EXPONENT_LIMIT);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Where PostgreSQL refuses an exponent before it looks at the digits.
const EXPONENT_LIMIT: i64 = i32::MAX as i64 / 2;

fn assemble(negative: bool, whole: &str, fraction: &str, exponent: i64) -> Result<Numeric> {
    if exponent.abs() >= EXPONENT_LIMIT {
        return Err(overflow());
    }
    let scale = fraction.len() as i64 - exponent;
    if whole.len() + fraction.len() <= 18 && (0..=i64::from(SCALE_MAX)).contains(&scale) {
        let digits = whole.bytes().chain(fraction.bytes());
        let magnitude = digits.fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Ok(Numeric::small(if negative { -magnitude } else { magnitude }, scale as u16));
    }
    let magnitude = parse_digits(whole, fraction);
    let shown = scale.max(0);
    if shown > i64::from(SCALE_MAX) {
        return Err(overflow());
    }
    if magnitude.is_zero() {
        return Ok(Numeric::small(0, shown as u16));
    }
    if -scale > i64::from(INTEGER_DIGITS_MAX) {
        return Err(overflow());
    }
    let mantissa = BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude);
    Numeric::checked(scaled_up(&mantissa, (shown - scale) as u32).into_owned(), shown as u16)
}

fn parse_digits(whole: &str, fraction: &str) -> BigUint {
    let digits = [whole, fraction].concat();
    BigUint::parse_bytes(digits.as_bytes(), 10).expect("digits were looked at before")
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small { scale: 0, mantissa } => mantissa.fmt(f),
            Repr::Small { scale, mantissa } => {
                let (scale, magnitude) = (usize::from(*scale), mantissa.unsigned_abs());
                let sign = if *mantissa < 0 { "-" } else { "" };
                match 10u64.checked_pow(scale as u32) {
                    Some(unit) => write!(f, "{sign}{}.{:0scale$}", magnitude / unit, magnitude % unit),
                    None => write!(f, "{sign}0.{magnitude:0scale$}"),
                }
            }
            Repr::Big(big) => {
                let scale = usize::from(big.scale);
                let mut digits = big.mantissa.magnitude().to_str_radix(10);
                if digits.len() <= scale {
                    digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
                }
                if scale > 0 {
                    digits.insert(digits.len() - scale, '.');
                }
                if big.mantissa.sign() == Sign::Minus {
                    digits.insert(0, '-');
                }
                f.write_str(&digits)
            }
            Repr::NegativeInfinity => f.write_str("-Infinity"),
            Repr::Infinity => f.write_str("Infinity"),
            Repr::NaN => f.write_str("NaN"),
        }
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
