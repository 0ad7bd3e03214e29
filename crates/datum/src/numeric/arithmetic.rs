//! `+ - * / %`, rounding, and PostgreSQL's rules for the scale of a result.
//!
//! Sums keep the greater scale, products the sum of the scales; a quotient gets at least 16 significant digits, counted
//! in groups of four digits, because that is how PostgreSQL stores numbers and so how it estimates.

use std::borrow::Cow;
use std::cmp::max;
use std::sync::LazyLock;

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::{Numeric, Repr, SCALE_MAX, overflow};
use crate::error::{Error, Result};

/// What results that are not exact are computed to.
pub(super) const SIGNIFICANT_DIGITS_MIN: i32 = 16;
/// What the scale of a result that is not exact is limited to.
pub(super) const DISPLAY_SCALE_MAX: i32 = 1000;
/// What `round` and `trunc` limit their scale to, and the magnitude of `exp`'s exponent.
pub(super) const RESULT_SCALE_MAX: i32 = 2000;

/// 10^0 to 10^38.
pub(super) const TENS: [i128; 39] = {
    let mut tens = [1; 39];
    let mut at = 1;
    while at < tens.len() {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

const CACHED_POWERS: usize = 512;
static POWERS: LazyLock<Vec<BigUint>> = LazyLock::new(|| {
    std::iter::successors(Some(BigUint::one()), |power| Some(power * 10u32)).take(CACHED_POWERS).collect()
});

pub(super) fn power_of_ten(exponent: u32) -> Cow<'static, BigUint> {
    match POWERS.get(exponent as usize) {
        Some(power) => Cow::Borrowed(power),
        None => Cow::Owned(BigUint::from(5u32).pow(exponent) << exponent),
    }
}

/// `mantissa * 10^digits`
pub(super) fn scaled_up(mantissa: &BigInt, digits: u32) -> Cow<'_, BigInt> {
    if digits == 0 || mantissa.is_zero() {
        return Cow::Borrowed(mantissa);
    }
    Cow::Owned(BigInt::from_biguint(mantissa.sign(), mantissa.magnitude() * &*power_of_ten(digits)))
}

/// `mantissa / 10^digits`, halves away from zero.
pub(super) fn scaled_down(mantissa: &BigInt, digits: u32) -> BigInt {
    BigInt::from_biguint(mantissa.sign(), divide_rounding(mantissa.magnitude(), &power_of_ten(digits)))
}

/// To a scale that may be smaller or greater, halves away from zero.
pub(super) fn rescaled(mantissa: &BigInt, from: i32, to: i32) -> BigInt {
    if to >= from {
        scaled_up(mantissa, (to - from) as u32).into_owned()
    } else {
        scaled_down(mantissa, (from - to) as u32)
    }
}

pub(super) fn divide_rounding(dividend: &BigUint, divisor: &BigUint) -> BigUint {
    let (quotient, rest) = dividend.div_rem(divisor);
    if (rest << 1u32) >= *divisor { quotient + 1u32 } else { quotient }
}

/// Halves away from zero.
fn divide_rounding_i128(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    // The rest is smaller than the divisor, so this can't overflow where doubling it could.
    if rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs() && rest != 0 {
        quotient + if (dividend < 0) == (divisor < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// Of a number that is not zero.
pub(super) fn decimal_digits(magnitude: &BigUint) -> u32 {
    if let Some(small) = magnitude.to_u128() {
        return small.checked_ilog10().unwrap_or(0) + 1;
    }
    let at_least = ((magnitude.bits() - 1) as f64 * std::f64::consts::LOG10_2) as u32;
    if magnitude >= &*power_of_ten(at_least + 1) {
        at_least + 2
    } else if magnitude >= &*power_of_ten(at_least) {
        at_least + 1
    } else {
        at_least
    }
}

/// A number's first digits as PostgreSQL groups them: by four, counted from the point.
pub(super) struct Leading {
    /// Of the first group: its value is times 10000 to this.
    pub weight: i32,
    /// 1 to 9999; 0 of zero.
    pub group: u32,
    /// The exponent of the first digit: the number is d.ddd times ten to this.
    pub exponent: i32,
}

pub(super) fn leading(mantissa: &BigInt, scale: i32) -> Leading {
    if mantissa.is_zero() {
        return Leading { weight: 0, group: 0, exponent: 0 };
    }
    let digits = decimal_digits(mantissa.magnitude()) as i32;
    let exponent = digits - 1 - scale;
    let weight = exponent.div_euclid(4);
    let wanted = exponent.rem_euclid(4) + 1;
    let group = if digits >= wanted {
        (mantissa.magnitude() / &*power_of_ten((digits - wanted) as u32)).to_u32()
    } else {
        mantissa.magnitude().to_u32().map(|group| group * 10u32.pow((wanted - digits) as u32))
    };
    Leading { weight, group: group.expect("four digits"), exponent }
}

impl Leading {
    fn of_small(mantissa: i64, scale: u16) -> Leading {
        let magnitude = mantissa.unsigned_abs();
        let Some(log) = magnitude.checked_ilog10() else { return Leading { weight: 0, group: 0, exponent: 0 } };
        let exponent = log as i32 - i32::from(scale);
        let wanted = exponent.rem_euclid(4) as u32;
        let group =
            if log >= wanted { magnitude / 10u64.pow(log - wanted) } else { magnitude * 10u64.pow(wanted - log) };
        Leading { weight: exponent.div_euclid(4), group: group as u32, exponent }
    }
}

/// PostgreSQL's choice for a quotient.
fn quotient_scale(dividend: &Leading, divisor: &Leading, scales: i32) -> i32 {
    let mut weight = dividend.weight - divisor.weight;
    if dividend.group <= divisor.group {
        weight -= 1;
    }
    (SIGNIFICANT_DIGITS_MIN - weight * 4).max(scales).clamp(0, DISPLAY_SCALE_MAX)
}

impl Numeric {
    pub fn add(&self, other: &Numeric) -> Result<Numeric> {
        if let (Repr::Small { scale: s, mantissa: m }, Repr::Small { scale: t, mantissa: n }) = (&self.0, &other.0) {
            if s == t {
                if let Some(sum) = m.checked_add(*n) {
                    return Ok(Numeric::small(sum, *s));
                }
                return Ok(Numeric::from_i128(i128::from(*m) + i128::from(*n), *s));
            }
            if let Some((m, n, scale)) = aligned_small(*m, *s, *n, *t) {
                // Both are below 10^38, so their sum is within an i128.
                return Ok(Numeric::from_i128(m + n, scale));
            }
        }
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else {
            return Ok(match (&self.0, &other.0) {
                (Repr::NaN, _) | (_, Repr::NaN) => Numeric::NAN,
                (Repr::Infinity, Repr::NegativeInfinity) | (Repr::NegativeInfinity, Repr::Infinity) => Numeric::NAN,
                (Repr::Infinity, _) | (_, Repr::Infinity) => Numeric::INFINITY,
                _ => Numeric::NEGATIVE_INFINITY,
            });
        };
        let scale = max(s, t);
        let sum = scaled_up(&m, u32::from(scale - s)).as_ref() + scaled_up(&n, u32::from(scale - t)).as_ref();
        Numeric::checked(sum, scale)
    }

    pub fn sub(&self, other: &Numeric) -> Result<Numeric> {
        if let (Repr::Small { scale: s, mantissa: m }, Repr::Small { scale: t, mantissa: n }) = (&self.0, &other.0)
            && s == t
            && let Some(difference) = m.checked_sub(*n)
        {
            return Ok(Numeric::small(difference, *s));
        }
        self.add(&other.neg())
    }

    pub fn mul(&self, other: &Numeric) -> Result<Numeric> {
        if let (Repr::Small { scale: s, mantissa: m }, Repr::Small { scale: t, mantissa: n }) = (&self.0, &other.0) {
            let scale = s + t;
            if scale <= SCALE_MAX {
                return Ok(match m.checked_mul(*n) {
                    Some(product) => Numeric::small(product, scale),
                    None => Numeric::from_i128(i128::from(*m) * i128::from(*n), scale),
                });
            }
        }
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else {
            return Ok(if self.is_nan() || other.is_nan() {
                Numeric::NAN
            } else {
                infinity(self.signum() * other.signum())
            });
        };
        let (product, scale) = (m.as_ref() * n.as_ref(), i32::from(s + t));
        let kept = scale.min(i32::from(SCALE_MAX));
        Numeric::checked(rescaled(&product, scale, kept), kept as u16)
    }

    pub fn div(&self, other: &Numeric) -> Result<Numeric> {
        if let (Repr::Small { scale: s, mantissa: m }, Repr::Small { scale: t, mantissa: n }) = (&self.0, &other.0) {
            if *n == 0 {
                return Err(Error::division_by_zero());
            }
            let scales = i32::from(max(*s, *t));
            let scale = quotient_scale(&Leading::of_small(*m, *s), &Leading::of_small(*n, *t), scales);
            let shift = scale + i32::from(*t) - i32::from(*s);
            if (0..39).contains(&shift)
                && let Some(dividend) = i128::from(*m).checked_mul(TENS[shift as usize])
            {
                return Ok(Numeric::from_i128(divide_rounding_i128(dividend, i128::from(*n)), scale as u16));
            }
        }
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else {
            return self.div_special(other);
        };
        if n.is_zero() {
            return Err(Error::division_by_zero());
        }
        let (s, t) = (i32::from(s), i32::from(t));
        let scale = quotient_scale(&leading(&m, s), &leading(&n, t), max(s, t));
        Numeric::checked(quotient(&m, s, &n, t, scale), scale as u16)
    }

    /// `div(a, b)`: the quotient without what comes after the point.
    pub fn div_trunc(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else {
            return self.div_special(other);
        };
        if n.is_zero() {
            return Err(Error::division_by_zero());
        }
        let scale = max(s, t);
        let (m, n) = (scaled_up(&m, u32::from(scale - s)), scaled_up(&n, u32::from(scale - t)));
        Numeric::checked(m.as_ref() / n.as_ref(), 0)
    }

    /// Division where one is not finite.
    fn div_special(&self, other: &Numeric) -> Result<Numeric> {
        if self.is_nan() || other.is_nan() || (self.is_infinite() && other.is_infinite()) {
            Ok(Numeric::NAN)
        } else if other.is_zero() {
            Err(Error::division_by_zero())
        } else if self.is_infinite() {
            Ok(infinity(self.signum() * other.signum()))
        } else {
            Ok(Numeric::ZERO)
        }
    }

    /// What is left of truncating division: it has the sign of `self`.
    pub fn rem(&self, other: &Numeric) -> Result<Numeric> {
        if let (Repr::Small { scale: s, mantissa: m }, Repr::Small { scale: t, mantissa: n }) = (&self.0, &other.0) {
            if *n == 0 {
                return Err(Error::division_by_zero());
            }
            if let Some((m, n, scale)) = aligned_small(*m, *s, *n, *t) {
                return Ok(Numeric::from_i128(m % n, scale));
            }
        }
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else {
            return if self.is_nan() || other.is_nan() {
                Ok(Numeric::NAN)
            } else if other.is_zero() {
                Err(Error::division_by_zero())
            } else if self.is_infinite() {
                Ok(Numeric::NAN)
            } else {
                Ok(self.clone())
            };
        };
        if n.is_zero() {
            return Err(Error::division_by_zero());
        }
        let scale = max(s, t);
        let (m, n) = (scaled_up(&m, u32::from(scale - s)), scaled_up(&n, u32::from(scale - t)));
        Ok(Numeric::from_big(m.as_ref() % n.as_ref(), scale))
    }

    pub fn neg(&self) -> Numeric {
        match &self.0 {
            Repr::Small { scale, mantissa } => match mantissa.checked_neg() {
                Some(mantissa) => Numeric::small(mantissa, *scale),
                None => Numeric::from_i128(-i128::from(*mantissa), *scale),
            },
            Repr::Big(big) => Numeric::from_big(-&big.mantissa, big.scale),
            Repr::NegativeInfinity => Numeric::INFINITY,
            Repr::Infinity => Numeric::NEGATIVE_INFINITY,
            Repr::NaN => Numeric::NAN,
        }
    }

    pub fn abs(&self) -> Numeric {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    /// To `scale` digits after the point, of which there may be fewer than none; halves away from zero.
    pub fn round(&self, scale: i32) -> Result<Numeric> {
        if let Repr::Small { scale: from, mantissa } = self.0
            && (0..=RESULT_SCALE_MAX).contains(&scale)
        {
            let more = scale - i32::from(from);
            match more {
                0 => return Ok(self.clone()),
                1..=19 => return Ok(Numeric::from_i128(i128::from(mantissa) * TENS[more as usize], scale as u16)),
                -19..=-1 => {
                    let rounded = divide_rounding_i128(i128::from(mantissa), TENS[-more as usize]);
                    return Ok(Numeric::from_i128(rounded, scale as u16));
                }
                _ => {}
            }
        }
        let Some((mantissa, from)) = self.finite() else { return Ok(self.clone()) };
        let scale = scale.clamp(-RESULT_SCALE_MAX, RESULT_SCALE_MAX);
        let rounded = rescaled(&mantissa, i32::from(from), scale);
        let shown = scale.max(0);
        Numeric::checked(rescaled(&rounded, scale, shown), shown as u16)
    }

    /// As [`Numeric::round`], but towards zero.
    pub fn trunc(&self, scale: i32) -> Numeric {
        let Some((mantissa, from)) = self.finite() else { return self.clone() };
        let scale = scale.clamp(-RESULT_SCALE_MAX, RESULT_SCALE_MAX);
        let from = i32::from(from);
        let shown = scale.max(0);
        let cut = if scale >= from {
            rescaled(&mantissa, from, scale)
        } else {
            let kept = mantissa.magnitude() / &*power_of_ten((from - scale) as u32);
            rescaled(&BigInt::from_biguint(mantissa.sign(), kept), scale, shown)
        };
        Numeric::from_big(cut, shown as u16)
    }

    /// With exactly `scale` digits after the point: zeros are added, digits cut off.
    pub(super) fn at_scale_truncating(&self, scale: u16) -> Numeric {
        let Some((mantissa, from)) = self.finite() else { return self.clone() };
        if scale >= from {
            return Numeric::from_big(scaled_up(&mantissa, u32::from(scale - from)).into_owned(), scale);
        }
        let kept = mantissa.magnitude() / &*power_of_ten(u32::from(from - scale));
        Numeric::from_big(BigInt::from_biguint(mantissa.sign(), kept), scale)
    }

    pub fn ceil(&self) -> Result<Numeric> {
        self.to_integer(|mantissa, unit| mantissa.div_ceil(unit))
    }

    pub fn floor(&self) -> Result<Numeric> {
        self.to_integer(|mantissa, unit| mantissa.div_floor(unit))
    }

    fn to_integer(&self, divide: impl Fn(&BigInt, &BigInt) -> BigInt) -> Result<Numeric> {
        let Some((mantissa, scale)) = self.finite() else { return Ok(self.clone()) };
        let unit = BigInt::from(power_of_ten(u32::from(scale)).into_owned());
        Numeric::checked(divide(&mantissa, &unit), 0)
    }

    /// Without zeros at the end of what is after the point: the form in which equal numbers look the same.
    pub fn trim_scale(&self) -> Numeric {
        match &self.0 {
            Repr::Small { scale, mantissa } => {
                let (mut scale, mut mantissa) = (*scale, *mantissa);
                if mantissa == 0 {
                    return Numeric::ZERO;
                }
                while scale > 0 && mantissa % 10 == 0 {
                    mantissa /= 10;
                    scale -= 1;
                }
                Numeric::small(mantissa, scale)
            }
            Repr::Big(big) => {
                // A number has at most as many factors ten as factors two.
                let twos = big.mantissa.trailing_zeros().unwrap_or(0);
                let mut most = u32::from(big.scale).min(u32::try_from(twos).unwrap_or(u32::MAX));
                let (mut scale, mut mantissa) = (big.scale, big.mantissa.clone());
                while most > 0 {
                    let step = most.div_ceil(2);
                    let (quotient, rest) = mantissa.magnitude().div_rem(&power_of_ten(step));
                    if rest.is_zero() {
                        mantissa = BigInt::from_biguint(mantissa.sign(), quotient);
                        scale -= step as u16;
                        most -= step;
                    } else {
                        most = step - 1;
                    }
                }
                Numeric::from_big(mantissa, scale)
            }
            _ => self.clone(),
        }
    }

    /// The greatest common divisor, with the greater scale.
    pub fn gcd(&self, other: &Numeric) -> Numeric {
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else { return Numeric::NAN };
        let scale = max(s, t);
        let (m, n) = (scaled_up(&m, u32::from(scale - s)), scaled_up(&n, u32::from(scale - t)));
        Numeric::from_big(m.gcd(&n), scale)
    }

    /// The least common multiple, with the greater scale.
    pub fn lcm(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((m, s)), Some((n, t))) = (self.finite(), other.finite()) else { return Ok(Numeric::NAN) };
        let scale = max(s, t);
        let (m, n) = (scaled_up(&m, u32::from(scale - s)), scaled_up(&n, u32::from(scale - t)));
        Numeric::checked(m.lcm(&n), scale)
    }

    /// `number!`
    pub fn factorial(number: i64) -> Result<Numeric> {
        if number < 0 {
            let state = crate::sqlstate::NUMERIC_VALUE_OUT_OF_RANGE;
            return Err(Error::new(state, "factorial of a negative number is undefined"));
        }
        // 32177! is the last that fits: beyond, nothing needs to be computed to know.
        if number > 32177 {
            return Err(overflow());
        }
        Numeric::checked(BigInt::from(product(1, number as u64)), 0)
    }
}

/// Of all numbers from `first` to `last`, by halves: factors of like length multiply quickest.
fn product(first: u64, last: u64) -> BigUint {
    if last < first {
        return BigUint::one();
    }
    if last - first < 8 {
        return (first..=last).map(BigUint::from).product();
    }
    let middle = first + (last - first) / 2;
    product(first, middle) * product(middle + 1, last)
}

/// Rounded to `scale`; the divisor is not zero.
pub(super) fn quotient(m: &BigInt, s: i32, n: &BigInt, t: i32, scale: i32) -> BigInt {
    let shift = scale + t - s;
    let (dividend, divisor) = if shift >= 0 {
        (scaled_up(m, shift as u32), Cow::Borrowed(n))
    } else {
        (Cow::Borrowed(m), scaled_up(n, shift.unsigned_abs()))
    };
    let negative = dividend.is_negative() != divisor.is_negative();
    let magnitude = divide_rounding(dividend.magnitude(), divisor.magnitude());
    BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude)
}

/// PostgreSQL's choice of scale for `a / b`, for others that divide.
pub(super) fn scale_of_quotient(m: &BigInt, s: i32, n: &BigInt, t: i32) -> i32 {
    quotient_scale(&leading(m, s), &leading(n, t), max(s, t))
}

/// By sign; 0 stands for infinity times zero.
fn infinity(sign: i32) -> Numeric {
    match sign {
        0 => Numeric::NAN,
        1 => Numeric::INFINITY,
        _ => Numeric::NEGATIVE_INFINITY,
    }
}

/// Both mantissas at the greater scale, below 10^38; none if that needs more digits than are sure to fit.
fn aligned_small(m: i64, s: u16, n: i64, t: u16) -> Option<(i128, i128, u16)> {
    let (m, n) = (i128::from(m), i128::from(n));
    match i32::from(s) - i32::from(t) {
        0 => Some((m, n, s)),
        more @ 1..=18 => Some((m, n * TENS[more as usize], s)),
        less @ -18..=-1 => Some((m * TENS[-less as usize], n, t)),
        _ => None,
    }
}
