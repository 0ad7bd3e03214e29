//! Roots, powers, exponentials and logarithms.
//!
//! How many digits a result has follows PostgreSQL's estimates to the letter, and so do the intermediate roundings of
//! `power` and `log`, as both show in the last digits. The series themselves are summed in binary fixed point: a
//! [`BigInt`] counts units of 2^-bits, so that a product needs a shift and not a division.

use std::f64::consts::{LN_10, LOG2_10, LOG10_E};
use std::sync::LazyLock;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::arithmetic::{
    DISPLAY_SCALE_MAX, RESULT_SCALE_MAX, SIGNIFICANT_DIGITS_MIN, decimal_digits, leading, power_of_ten, quotient,
    rescaled, scaled_down, scaled_up,
};
use super::{INTEGER_DIGITS_MAX, Numeric, Repr, overflow};
use crate::error::{Error, Result};
use crate::sqlstate;

/// Beyond `±3 * RESULT_SCALE_MAX`, `exp` overflows or is zero.
const EXPONENT_MAX: f64 = RESULT_SCALE_MAX as f64 * 3.0;
/// Bits beyond those that the digits need; more if the result is too near to a tie to be rounded. No result is a tie,
/// and so long a run of digits that look like one is not to be expected.
const GUARD_BITS: [u64; 3] = [64, 512, 4096];

/// A finite number taken apart: `mantissa / 10^scale`.
#[derive(Clone)]
struct Decimal {
    mantissa: BigInt,
    scale: i32,
}

impl Decimal {
    fn one() -> Decimal {
        Decimal { mantissa: BigInt::one(), scale: 0 }
    }

    fn rounded(&self, scale: i32) -> Decimal {
        Decimal { mantissa: rescaled(&self.mantissa, self.scale, scale), scale }
    }

    fn product(&self, other: &Decimal, scale: i32) -> Decimal {
        Decimal { mantissa: &self.mantissa * &other.mantissa, scale: self.scale + other.scale }.rounded(scale)
    }

    /// Infinite if it is too large.
    fn to_f64(&self) -> f64 {
        let exponent = -self.scale;
        format!("{}e{exponent}", self.mantissa).parse().unwrap_or(f64::NAN)
    }

    fn is_one(&self) -> bool {
        self.mantissa.is_positive() && self.mantissa.magnitude() == &*power_of_ten(self.scale.max(0) as u32)
    }

    fn into_numeric(self) -> Result<Numeric> {
        Numeric::checked(self.mantissa, self.scale as u16)
    }
}

impl Numeric {
    fn decimal(&self) -> Option<Decimal> {
        self.finite().map(|(mantissa, scale)| Decimal { mantissa: mantissa.into_owned(), scale: i32::from(scale) })
    }

    pub fn sqrt(&self) -> Result<Numeric> {
        if self.is_negative() {
            let state = sqlstate::INVALID_ARGUMENT_FOR_POWER_FUNCTION;
            return Err(Error::new(state, "cannot take square root of a negative number"));
        }
        let Some(number) = self.decimal() else { return Ok(self.clone()) };
        let weight = leading(&number.mantissa, number.scale).weight * 2 + 1;
        let scale = display_scale(weight, number.scale);
        Numeric::checked(square_root(&number.mantissa, number.scale, scale), scale as u16)
    }

    /// As [`Numeric::sqrt`], to a scale that is told.
    pub(super) fn sqrt_to_scale(&self, scale: u16) -> Result<Numeric> {
        let Some(number) = self.decimal() else { return Ok(self.clone()) };
        Numeric::checked(square_root(&number.mantissa, number.scale, i32::from(scale)), scale)
    }

    pub fn exp(&self) -> Result<Numeric> {
        let Some(number) = self.decimal() else {
            return Ok(if self.is_negative() { Numeric::ZERO } else { self.clone() });
        };
        let limit = f64::from(RESULT_SCALE_MAX);
        let weight = (number.to_f64() * LOG10_E).clamp(-limit, limit) as i32;
        exponential(&number, display_scale(weight, number.scale))?.into_numeric()
    }

    pub fn ln(&self) -> Result<Numeric> {
        self.refuse_logarithm()?;
        let Some(number) = self.decimal() else { return Ok(self.clone()) };
        let scale = display_scale(logarithm_weight(&number), number.scale);
        logarithm(&number, scale).into_numeric()
    }

    /// The logarithm of `self` to `base`.
    pub fn log(&self, base: &Numeric) -> Result<Numeric> {
        if self.is_nan() || base.is_nan() {
            return Ok(Numeric::NAN);
        }
        base.refuse_logarithm()?;
        self.refuse_logarithm()?;
        let (Some(number), Some(base)) = (self.decimal(), base.decimal()) else {
            return Ok(match (&self.0, &base.0) {
                (Repr::Infinity, Repr::Infinity) => Numeric::NAN,
                (Repr::Infinity, _) => Numeric::INFINITY,
                _ => Numeric::ZERO,
            });
        };
        let (base_weight, weight) = (logarithm_weight(&base), logarithm_weight(&number));
        let result_weight = weight - base_weight;
        let scale = display_scale(result_weight, number.scale.max(base.scale));
        let base_logarithm = logarithm(&base, (scale + result_weight - base_weight + 8).max(0));
        let logarithm = logarithm(&number, (scale + result_weight - weight + 8).max(0));
        if base_logarithm.mantissa.is_zero() {
            return Err(Error::division_by_zero());
        }
        let (m, n) = (&logarithm.mantissa, &base_logarithm.mantissa);
        Numeric::checked(quotient(m, logarithm.scale, n, base_logarithm.scale, scale), scale as u16)
    }

    fn refuse_logarithm(&self) -> Result<()> {
        let refused = |what: &str| {
            Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_LOG, format!("cannot take logarithm of {what}")))
        };
        if self.is_negative() {
            refused("a negative number")
        } else if self.is_zero() {
            refused("zero")
        } else {
            Ok(())
        }
    }

    pub fn power(&self, exponent: &Numeric) -> Result<Numeric> {
        if self.is_nan() || exponent.is_nan() {
            let defined = exponent.is_zero() || *self == Numeric::ONE;
            return Ok(if defined { Numeric::ONE } else { Numeric::NAN });
        }
        let refused = |message: &str| Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_POWER_FUNCTION, message));
        if self.is_zero() && exponent.is_negative() {
            return refused("zero raised to a negative power is undefined");
        }
        if self.is_negative() && !exponent.is_infinite() && !exponent.is_integral() {
            return refused("a negative number raised to a non-integer power yields a complex result");
        }
        match (self.decimal(), exponent.decimal()) {
            (Some(base), Some(of)) => power(base, &of, exponent)?.into_numeric(),
            _ => Ok(self.power_special(exponent)),
        }
    }

    /// Where one is infinite and none is NaN.
    fn power_special(&self, exponent: &Numeric) -> Numeric {
        let by_one = self.abs().cmp(&Numeric::ONE);
        if exponent.is_zero() || *self == Numeric::ONE {
            Numeric::ONE
        } else if self.is_zero() {
            Numeric::ZERO
        } else if exponent.is_infinite() {
            match (by_one.is_gt(), exponent.signum() > 0) {
                _ if by_one.is_eq() => Numeric::ONE,
                (true, true) | (false, false) => Numeric::INFINITY,
                _ => Numeric::ZERO,
            }
        } else if exponent.is_negative() {
            Numeric::ZERO
        } else if self.is_negative() && exponent.is_odd() {
            Numeric::NEGATIVE_INFINITY
        } else {
            Numeric::INFINITY
        }
    }

    /// Finite, and nothing but zeros after the point.
    pub fn is_integral(&self) -> bool {
        self.is_finite() && self.trim_scale().scale() == 0
    }

    /// Of an integral number.
    fn is_odd(&self) -> bool {
        self.trim_scale().finite().is_some_and(|(mantissa, _)| mantissa.bit(0))
    }
}

/// At least 16 significant digits of a result whose first digit is near `10^weight`, and no less than its arguments show.
fn display_scale(weight: i32, shown: i32) -> i32 {
    (SIGNIFICANT_DIGITS_MIN - weight).max(shown).clamp(0, DISPLAY_SCALE_MAX)
}

fn square_root(mantissa: &BigInt, from: i32, scale: i32) -> BigInt {
    // One digit more than asked for tells how to round: what the integer root leaves off can't reach a half.
    let working = scale.max(from / 2) + 1;
    let root = scaled_up(mantissa, (2 * working - from) as u32).magnitude().sqrt();
    scaled_down(&BigInt::from_biguint(Sign::Plus, root), (working - scale) as u32)
}

fn power(mut base: Decimal, exponent: &Decimal, exponent_number: &Numeric) -> Result<Decimal> {
    if exponent_number.is_integral()
        && let Some(exponent) = exponent_number.to_i64().and_then(|value| i32::try_from(value).ok())
    {
        let scale = base.scale.clamp(SIGNIFICANT_DIGITS_MIN, DISPLAY_SCALE_MAX);
        return integer_power(&base, exponent, scale);
    }
    if base.mantissa.is_zero() {
        return Ok(Decimal { mantissa: BigInt::zero(), scale: SIGNIFICANT_DIGITS_MIN });
    }
    let negative = base.mantissa.is_negative() && exponent_number.is_odd();
    base.mantissa = BigInt::from_biguint(Sign::Plus, base.mantissa.into_parts().1);

    // A first, rough logarithm tells how many digits the real one needs.
    let base_weight = logarithm_weight(&base);
    let rough_scale = (8 - base_weight).max(0);
    let rough = logarithm(&base, rough_scale).product(exponent, rough_scale).to_f64();
    if rough.abs() > f64::from(RESULT_SCALE_MAX) * 3.01 {
        if rough > 0.0 {
            return Err(overflow());
        }
        return Ok(Decimal { mantissa: BigInt::zero(), scale: DISPLAY_SCALE_MAX });
    }
    let weight = (rough * LOG10_E) as i32;
    let scale = display_scale(weight, base.scale.max(exponent.scale));
    let working = ((scale + weight).max(0) - base_weight + 8).max(0);
    let product = logarithm(&base, working).product(exponent, working);
    let result = exponential(&product, scale)?;
    Ok(if negative { Decimal { mantissa: -result.mantissa, scale } } else { result })
}

fn integer_power(base: &Decimal, exponent: i32, scale: i32) -> Result<Decimal> {
    let reciprocal =
        |of: &Decimal| Decimal { mantissa: quotient(&BigInt::one(), 0, &of.mantissa, of.scale, scale), scale };
    match exponent {
        0 => return Ok(Decimal::one().rounded(scale)),
        1 => return Ok(base.rounded(scale)),
        // Of zero it was refused before.
        -1 => return Ok(reciprocal(base)),
        2 => return Ok(base.product(base, scale)),
        _ if base.mantissa.is_zero() => return Ok(base.rounded(scale)),
        _ => {}
    }
    let digits = decimal_digits(base.mantissa.magnitude()) as i32;
    let first_digits = base.mantissa.magnitude() / &*power_of_ten((digits - 16).max(0) as u32);
    let logarithm = first_digits.to_f64().unwrap_or(1.0).log10() + f64::from((digits - 16).max(0) - base.scale);
    let weight = f64::from(exponent) * logarithm;
    if weight > f64::from(INTEGER_DIGITS_MAX) * 3.0 {
        return Err(overflow());
    }
    if weight + 1.0 < f64::from(-scale) {
        return Ok(Decimal { mantissa: BigInt::zero(), scale });
    }
    // Every squaring may double the error of the one before: a digit for every factor ten of the exponent, and some.
    let kept = 1 + scale + weight as i32 + f64::from(exponent).abs().log10() as i32 + 16;
    let (mut rest, mut square) = (exponent.unsigned_abs(), base.clone());
    let mut result = if rest & 1 == 1 { base.clone() } else { Decimal::one() };
    loop {
        rest >>= 1;
        if rest == 0 {
            break;
        }
        square = multiply_keeping(&square, &square, kept);
        if rest & 1 == 1 {
            result = multiply_keeping(&result, &square, kept);
        }
        let too_large = |of: &Decimal| leading(&of.mantissa, of.scale).exponent > INTEGER_DIGITS_MAX as i32;
        if too_large(&square) || too_large(&result) {
            if exponent > 0 {
                return Err(overflow());
            }
            return Ok(Decimal { mantissa: BigInt::zero(), scale });
        }
    }
    Ok(if exponent < 0 { reciprocal(&result) } else { result.rounded(scale) })
}

/// The product with `kept` significant digits, fewer if it has no more.
fn multiply_keeping(a: &Decimal, b: &Decimal, kept: i32) -> Decimal {
    let (mantissa, scale) = (&a.mantissa * &b.mantissa, a.scale + b.scale);
    if mantissa.is_zero() {
        return Decimal { mantissa, scale };
    }
    let excess = decimal_digits(mantissa.magnitude()) as i32 - kept.max(1);
    // Digits before the point stay, so that scales are never negative.
    let dropped = excess.min(scale).max(0);
    Decimal { mantissa: scaled_down(&mantissa, dropped as u32), scale: scale - dropped }
}

/// Where the first digit of a number's natural logarithm is expected.
fn logarithm_weight(number: &Decimal) -> i32 {
    if !number.mantissa.is_positive() {
        return 0;
    }
    let in_tenths: BigInt = &number.mantissa * 10;
    let one = BigInt::from(power_of_ten(number.scale as u32).into_owned());
    if in_tenths >= &one * 9 && in_tenths <= &one * 11 {
        // Near 1, ln(1 + x) is about x.
        let difference = &number.mantissa - one;
        return if difference.is_zero() { 0 } else { leading(&difference, number.scale).exponent };
    }
    // Two groups of digits are enough elsewhere.
    let first = leading(&number.mantissa, number.scale);
    let place = (first.weight - 1) * 4;
    let digits = truncated(&number.mantissa, number.scale, -place);
    let logarithm = digits.to_f64().unwrap_or(1.0).ln() + f64::from(place) * LN_10;
    logarithm.abs().log10() as i32
}

/// `mantissa / 10^from` in units of `10^-scale`, what is less cut off.
fn truncated(mantissa: &BigInt, from: i32, scale: i32) -> BigInt {
    if scale >= from {
        scaled_up(mantissa, (scale - from) as u32).into_owned()
    } else {
        mantissa / BigInt::from(power_of_ten((from - scale) as u32).into_owned())
    }
}

fn bits_for(digits: i32) -> u64 {
    (f64::from(digits.max(0)) * LOG2_10) as u64
}

fn to_fixed(number: &Decimal, bits: u64) -> BigInt {
    (&number.mantissa << bits) / BigInt::from(power_of_ten(number.scale as u32).into_owned())
}

/// Rounded to `scale`, unless the value's last `error_bits` could change the result.
fn from_fixed(value: &BigInt, bits: u64, scale: i32, error_bits: u64, is_last_try: bool) -> Option<Decimal> {
    let unit = power_of_ten(scale as u32);
    let scaled: BigUint = value.magnitude() * &*unit;
    let whole: BigUint = &scaled >> bits;
    let fraction = scaled - (&whole << bits);
    let half = BigUint::one() << (bits - 1);
    let is_up = fraction >= half;
    let distance = if is_up { &fraction - &half } else { &half - &fraction };
    if distance <= (unit.into_owned() << error_bits) && !is_last_try {
        return None;
    }
    let rounded = if is_up { whole + 1u32 } else { whole };
    let sign = if value.is_negative() { Sign::Minus } else { Sign::Plus };
    Some(Decimal { mantissa: BigInt::from_biguint(sign, rounded), scale })
}

fn with_enough_bits(mut compute: impl FnMut(u64, bool) -> Option<Decimal>) -> Decimal {
    let last = GUARD_BITS[GUARD_BITS.len() - 1];
    let result = GUARD_BITS.iter().find_map(|guard| compute(*guard, *guard == last));
    result.expect("the last try doesn't give up")
}

/// e to the power of a number, rounded to `scale`.
fn exponential(number: &Decimal, scale: i32) -> Result<Decimal> {
    let estimate = number.to_f64();
    if estimate.abs() >= EXPONENT_MAX {
        if estimate > 0.0 {
            return Err(overflow());
        }
        return Ok(Decimal { mantissa: BigInt::zero(), scale });
    }
    if number.mantissa.is_zero() {
        return Ok(Decimal::one().rounded(scale));
    }
    let result_bits = (estimate * std::f64::consts::LOG2_E).max(0.0) as u64;
    Ok(with_enough_bits(|guard, is_last_try| {
        // x = n ln 2 + r, and e^r = (e^(r / 2^halvings))^(2^halvings), where the series is short.
        let wanted = bits_for(scale) + result_bits + guard;
        let halvings = wanted.isqrt() / 2;
        let bits = wanted + halvings;
        let ln_2 = natural_logarithm_of_two(bits);
        let x = to_fixed(number, bits);
        let n = (&x / &ln_2).to_i64().expect("an exponent below 6000");
        let mut power = exponential_series(&((x - ln_2 * n) >> halvings), bits);
        for _ in 0..halvings {
            power = (&power * &power) >> bits;
        }
        let power = if n >= 0 { power << n } else { power >> -n };
        from_fixed(&power, bits, scale, halvings + result_bits + 16, is_last_try)
    }))
}

/// Of a number near zero.
fn exponential_series(r: &BigInt, bits: u64) -> BigInt {
    let one = BigInt::one() << bits;
    let (mut sum, mut term, mut count) = (one.clone(), one, 0u32);
    loop {
        count += 1;
        term = ((term * r) >> bits) / count;
        // A shift rounds down: what is negative ends at -1.
        if term.is_zero() || term == -BigInt::one() {
            return sum;
        }
        sum += &term;
    }
}

/// The natural logarithm of a positive number, rounded to `scale`.
fn logarithm(number: &Decimal, scale: i32) -> Decimal {
    if number.is_one() {
        return Decimal { mantissa: BigInt::zero(), scale };
    }
    with_enough_bits(|guard, is_last_try| {
        // ln(m 2^e) = ln m + e ln 2, with m near 1; roots bring m nearer, which shortens the series.
        let exponent = binary_logarithm(number).round() as i64;
        let wanted = bits_for(scale) + guard;
        let roots = if wanted < 1024 { 0 } else { 8 };
        let bits = wanted + 32 + roots;
        let shift = bits as i64 - exponent;
        let shifted = if shift >= 0 { &number.mantissa << shift } else { &number.mantissa >> -shift };
        let mut m = shifted / BigInt::from(power_of_ten(number.scale as u32).into_owned());
        let one = BigInt::one() << bits;
        for _ in 0..roots {
            m = (m << bits).sqrt();
        }
        // ln m = 2 artanh((m - 1) / (m + 1))
        let y = ((&m - &one) << bits) / (&m + &one);
        let logarithm =
            (inverse_hyperbolic_tangent(y, bits) << (1 + roots)) + natural_logarithm_of_two(bits) * exponent;
        from_fixed(&logarithm, bits, scale, 32 + roots, is_last_try)
    })
}

fn binary_logarithm(number: &Decimal) -> f64 {
    let cut = number.mantissa.bits().saturating_sub(53);
    let first_bits = (&number.mantissa >> cut).to_f64().unwrap_or(1.0);
    first_bits.log2() + cut as f64 - f64::from(number.scale) * LOG2_10
}

/// Enough for results of up to some 280 digits.
const LN_2_BITS: u64 = 1024;
static LN_2: LazyLock<BigInt> = LazyLock::new(|| compute_logarithm_of_two(LN_2_BITS));

fn natural_logarithm_of_two(bits: u64) -> BigInt {
    if bits <= LN_2_BITS { &*LN_2 >> (LN_2_BITS - bits) } else { compute_logarithm_of_two(bits) }
}

/// 2 artanh(1/3)
fn compute_logarithm_of_two(bits: u64) -> BigInt {
    let mut term: BigInt = (BigInt::one() << (bits + 1)) / 3;
    let (mut sum, mut divisor) = (term.clone(), 1u32);
    while !term.is_zero() {
        term /= 9;
        divisor += 2;
        sum += &term / divisor;
    }
    sum
}

fn inverse_hyperbolic_tangent(y: BigInt, bits: u64) -> BigInt {
    let square: BigInt = (&y * &y) >> bits;
    let (mut sum, mut power, mut divisor) = (y.clone(), y, 1u32);
    loop {
        power = (power * &square) >> bits;
        if power.is_zero() || power == -BigInt::one() {
            return sum;
        }
        divisor += 2;
        sum += &power / divisor;
    }
}
