//! `numeric`: exact decimal numbers of any length, with PostgreSQL's meaning.
//!
//! A [`Numeric`] is an integer (its mantissa) and the number of digits after the point (its scale), or NaN or one of the
//! infinities. The scale is part of what people see (`1.50` stays `1.50`), not of what is compared (`1.5 = 1.50`).
//!
//! Read in this order:
//!
//! - here: what it is made of, order and hash
//! - `text`: parsing and printing; `convert`: to and from other numbers; `encoding`: bytes for keys, rows, the wire
//! - `arithmetic`: `+ - * / %`, rounding, and the rules for the scale of a result
//! - `transcendental`: roots, powers, logarithms
//! - `modifier`: `numeric(precision, scale)`
//! - `functions`, `aggregate`: what SQL calls
//!
//! INVARIANT: a mantissa that fits an `i64` is never in `Repr::Big`, so numbers of one scale are equal exactly when
//! their representations are. Arithmetic and [`Ord`] rely on it for their short ways.
//!
//! INVARIANT: a finite number has at most [`INTEGER_DIGITS_MAX`] digits before the point and [`SCALE_MAX`] after it; what
//! would exceed the first is an error, what would exceed the second is rounded or an error, as PostgreSQL does it.

pub mod aggregate;
mod arithmetic;
mod convert;
mod encoding;
mod functions;
mod modifier;
mod text;
mod transcendental;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};

pub use self::aggregate::AGGREGATES;
pub use self::functions::SCALARS;
pub(crate) use self::functions::integer;
pub use self::modifier::Modifier;

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{IoTable, TypeIo};
use crate::{oid, sqlstate};

pub const IO: IoTable = &[(oid::NUMERIC, TypeIo { parse, format, receive, send })];

/// Digits after the point that a number can have.
pub const SCALE_MAX: u16 = 16383;
/// Digits before the point that a number can have.
pub const INTEGER_DIGITS_MAX: u32 = 131_072;

#[derive(Clone)]
pub struct Numeric(Repr);

#[derive(Clone)]
enum Repr {
    Small { scale: u16, mantissa: i64 },
    Big(Arc<Big>),
    NegativeInfinity,
    Infinity,
    NaN,
}

struct Big {
    scale: u16,
    mantissa: BigInt,
}

const _: () = assert!(size_of::<Numeric>() <= 16, "a datum has 16 bytes for it");

impl Numeric {
    pub const ZERO: Numeric = Numeric::from_i64(0);
    pub const ONE: Numeric = Numeric::from_i64(1);
    pub const NAN: Numeric = Numeric(Repr::NaN);
    pub const INFINITY: Numeric = Numeric(Repr::Infinity);
    pub const NEGATIVE_INFINITY: Numeric = Numeric(Repr::NegativeInfinity);

    pub const fn from_i64(value: i64) -> Numeric {
        Numeric(Repr::Small { scale: 0, mantissa: value })
    }

    /// Mantissa and scale of a number that is not long.
    pub fn as_small(&self) -> Option<(i64, u16)> {
        match self.0 {
            Repr::Small { scale, mantissa } => Some((mantissa, scale)),
            _ => None,
        }
    }

    /// `mantissa / 10^scale`. `scale` is at most [`SCALE_MAX`].
    pub fn from_i128(mantissa: i128, scale: u16) -> Numeric {
        match i64::try_from(mantissa) {
            Ok(mantissa) => Numeric::small(mantissa, scale),
            Err(_) => Numeric(Repr::Big(Arc::new(Big { scale, mantissa: BigInt::from(mantissa) }))),
        }
    }

    fn small(mantissa: i64, scale: u16) -> Numeric {
        debug_assert!(scale <= SCALE_MAX);
        Numeric(Repr::Small { scale, mantissa })
    }

    /// Unchecked: the caller knows that the limits are kept.
    fn from_big(mantissa: BigInt, scale: u16) -> Numeric {
        debug_assert!(scale <= SCALE_MAX);
        match mantissa.to_i64() {
            Some(mantissa) => Numeric::small(mantissa, scale),
            None => Numeric(Repr::Big(Arc::new(Big { scale, mantissa }))),
        }
    }

    /// An error if there are too many digits before the point.
    fn checked(mantissa: BigInt, scale: u16) -> Result<Numeric> {
        // 2^435411 < 10^131072: only beyond can a number be too long.
        let may_be_too_long = mantissa.bits() > 435_411;
        if may_be_too_long && mantissa.magnitude() >= &*arithmetic::power_of_ten(INTEGER_DIGITS_MAX + u32::from(scale))
        {
            return Err(overflow());
        }
        Ok(Numeric::from_big(mantissa, scale))
    }

    /// Digits after the point, also those that are zeros; 0 of NaN and the infinities.
    pub fn scale(&self) -> u16 {
        match &self.0 {
            Repr::Small { scale, .. } => *scale,
            Repr::Big(big) => big.scale,
            Repr::NegativeInfinity | Repr::Infinity | Repr::NaN => 0,
        }
    }

    pub fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }

    pub fn is_infinite(&self) -> bool {
        matches!(self.0, Repr::Infinity | Repr::NegativeInfinity)
    }

    pub fn is_finite(&self) -> bool {
        matches!(self.0, Repr::Small { .. } | Repr::Big(_))
    }

    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small { mantissa: 0, .. })
    }

    /// -1, 0 or 1; 0 of NaN.
    pub fn signum(&self) -> i32 {
        match &self.0 {
            Repr::Small { mantissa, .. } => mantissa.signum() as i32,
            Repr::Big(big) => match big.mantissa.sign() {
                Sign::Minus => -1,
                Sign::NoSign | Sign::Plus => 1,
            },
            Repr::NegativeInfinity => -1,
            Repr::Infinity => 1,
            Repr::NaN => 0,
        }
    }

    pub fn is_negative(&self) -> bool {
        self.signum() < 0
    }

    /// Mantissa and scale; none of NaN and the infinities.
    fn finite(&self) -> Option<(Cow<'_, BigInt>, u16)> {
        match &self.0 {
            Repr::Small { scale, mantissa } => Some((Cow::Owned(BigInt::from(*mantissa)), *scale)),
            Repr::Big(big) => Some((Cow::Borrowed(&big.mantissa), big.scale)),
            Repr::NegativeInfinity | Repr::Infinity | Repr::NaN => None,
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            // Two counters, the scale, the sign and the vector beside its digits.
            Repr::Big(big) => (big.mantissa.bits() / 64 + 1) as usize * 8 + 56,
            _ => 0,
        }
    }

    /// Where it stands among numbers and not-numbers; finite ones are told apart by comparison.
    fn rank(&self) -> u8 {
        match &self.0 {
            Repr::NegativeInfinity => 0,
            Repr::Small { .. } | Repr::Big(_) => 1,
            Repr::Infinity => 2,
            Repr::NaN => 3,
        }
    }
}

fn parse(text: &str, modifier: i32, _: &Settings) -> Result<Datum> {
    Ok(Datum::Numeric(Numeric::parse(text)?.with_modifier(modifier)?))
}

fn format(value: &Datum, _: &Settings, out: &mut String) {
    let Datum::Numeric(number) = value else { panic!("not a numeric: {value:?}") };
    write!(out, "{number}").expect("a string takes everything");
}

fn receive(bytes: &[u8], modifier: i32) -> Result<Datum> {
    Ok(Datum::Numeric(Numeric::receive(bytes)?.with_modifier(modifier)?))
}

fn send(value: &Datum, out: &mut Vec<u8>) {
    let Datum::Numeric(number) = value else { panic!("not a numeric: {value:?}") };
    number.send(out);
}

/// 22003, when a result has no room in the format.
fn overflow() -> Error {
    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

impl Ord for Numeric {
    /// Infinities at the ends, NaN after them and equal to itself.
    fn cmp(&self, other: &Numeric) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Small { scale: s, mantissa: m }, Repr::Small { scale: t, mantissa: n }) => {
                compare_small(*m, *s, *n, *t)
            }
            (Repr::Big(a), Repr::Big(b)) if a.scale == b.scale => a.mantissa.cmp(&b.mantissa),
            _ => match (self.finite(), other.finite()) {
                (Some((m, s)), Some((n, t))) => compare_big(&m, s, &n, t),
                _ => self.rank().cmp(&other.rank()),
            },
        }
    }
}

fn compare_small(m: i64, s: u16, n: i64, t: u16) -> Ordering {
    if s == t {
        return m.cmp(&n);
    }
    let (m, n) = (i128::from(m), i128::from(n));
    // 19 digits more keep an i64 within an i128.
    match i32::from(s) - i32::from(t) {
        more @ 1..=19 => m.cmp(&(n * arithmetic::TENS[more as usize])),
        less @ -19..=-1 => (m * arithmetic::TENS[-less as usize]).cmp(&n),
        _ => compare_big(&BigInt::from(m), s, &BigInt::from(n), t),
    }
}

fn compare_big(m: &BigInt, s: u16, n: &BigInt, t: u16) -> Ordering {
    let by_sign = m.sign().cmp(&n.sign());
    if by_sign.is_ne() || m.is_zero() {
        return by_sign;
    }
    // Lengths that differ decide without scaling, which could mean many thousands of digits.
    let bits_of_point = |scale: u16| f64::from(scale) * std::f64::consts::LOG2_10;
    let (m_bits, n_bits) = (m.bits() as f64 - bits_of_point(s), n.bits() as f64 - bits_of_point(t));
    if (m_bits - n_bits).abs() > 2.0 {
        let by_magnitude = if m_bits < n_bits { Ordering::Less } else { Ordering::Greater };
        return if m.is_negative() { by_magnitude.reverse() } else { by_magnitude };
    }
    match s.cmp(&t) {
        Ordering::Equal => m.cmp(n),
        Ordering::Less => arithmetic::scaled_up(m, u32::from(t - s)).as_ref().cmp(n),
        Ordering::Greater => m.cmp(arithmetic::scaled_up(n, u32::from(s - t)).as_ref()),
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Numeric {}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.trim_scale().0 {
            Repr::Small { scale, mantissa } => {
                state.write_u16(*scale);
                state.write_i64(*mantissa);
            }
            Repr::Big(big) => {
                state.write_u16(big.scale);
                big.mantissa.hash(state);
            }
            Repr::NegativeInfinity | Repr::Infinity | Repr::NaN => state.write_u8(self.rank()),
        }
    }
}
