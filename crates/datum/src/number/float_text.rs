//! How floats are read and written.
//!
//! Written with as few digits as read back the same number, as long as `extra_float_digits` is above 0; the standard
//! library finds those digits, PostgreSQL's form around them is made here.

use std::fmt::{LowerExp, Write};

use super::is_space;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{TypeIo, malformed};
use crate::oid::{self, Oid};
use crate::sqlstate;

pub(super) const FLOAT8: (Oid, TypeIo) = (
    oid::FLOAT8,
    TypeIo {
        parse: |text, _, _| parse_f64(text).map(Datum::Float8),
        format: |value, settings: &Settings, out| match value {
            Datum::Float8(number) => format_f64(*number, settings.extra_float_digits, out),
            _ => panic!("not a float8: {value:?}"),
        },
        receive: |bytes, _| match <[u8; 8]>::try_from(bytes) {
            Ok(bytes) => Ok(Datum::Float8(f64::from_be_bytes(bytes))),
            Err(_) => Err(malformed("double precision")),
        },
        send: |value, out| match value {
            Datum::Float8(number) => out.extend_from_slice(&number.to_be_bytes()),
            _ => panic!("not a float8: {value:?}"),
        },
    },
);

pub(super) const FLOAT4: (Oid, TypeIo) = (
    oid::FLOAT4,
    TypeIo {
        parse: |text, _, _| parse_f32(text).map(Datum::Float4),
        format: |value, settings: &Settings, out| match value {
            Datum::Float4(number) => format_f32(*number, settings.extra_float_digits, out),
            _ => panic!("not a float4: {value:?}"),
        },
        receive: |bytes, _| match <[u8; 4]>::try_from(bytes) {
            Ok(bytes) => Ok(Datum::Float4(f32::from_be_bytes(bytes))),
            Err(_) => Err(malformed("real")),
        },
        send: |value, out| match value {
            Datum::Float4(number) => out.extend_from_slice(&number.to_be_bytes()),
            _ => panic!("not a float4: {value:?}"),
        },
    },
);

/// Digits that survive being read and written: what C calls `DBL_DIG` and `FLT_DIG`.
const F64_DIGITS: i32 = 15;
const F32_DIGITS: i32 = 6;

pub fn parse_f64(text: &str) -> Result<f64> {
    parse(
        text,
        "double precision",
        |digits| digits.parse().ok(),
        |value: f64| value.is_infinite(),
        |value| value == 0.0,
    )
}

pub fn parse_f32(text: &str) -> Result<f32> {
    parse(text, "real", |digits| digits.parse().ok(), |value: f32| value.is_infinite(), |value| value == 0.0)
}

fn parse<T: From<f32> + Copy>(
    text: &str,
    type_name: &str,
    digits: impl Fn(&str) -> Option<T>,
    is_infinite: impl Fn(T) -> bool,
    is_zero: impl Fn(T) -> bool,
) -> Result<T> {
    let trimmed = text.trim_matches(is_space);
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let named = |value: f32| T::from(if trimmed.starts_with('-') { -value } else { value });
    let is = |name: &str| unsigned.eq_ignore_ascii_case(name);
    if is("nan") {
        return Ok(named(f32::NAN));
    }
    if is("infinity") || is("inf") {
        return Ok(named(f32::INFINITY));
    }
    let number = decimal_prefix(unsigned);
    let value = if number == 0 { None } else { digits(&trimmed[..trimmed.len() - unsigned.len() + number]) };
    let Some(value) = value else { return Err(Error::invalid_input(type_name, text)) };
    let mantissa = unsigned[..number].split(['e', 'E']).next().unwrap_or("");
    let lost = is_zero(value) && mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if is_infinite(value) || lost {
        // PostgreSQL quotes all of what should be a float4, and of a float8 what it could read.
        let written = &trimmed[..trimmed.len() - unsigned.len() + number];
        let written = if type_name == "real" { text } else { written };
        let message = format!("\"{written}\" is out of range for type {type_name}");
        return Err(Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message));
    }
    if number < unsigned.len() {
        return Err(Error::invalid_input(type_name, text));
    }
    Ok(value)
}

/// How much of the text is a decimal number without a sign; 0 if it doesn't begin with one.
fn decimal_prefix(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits_from = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits_from(0);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits_from(end + 1);
        if whole + fraction == 0 {
            return 0;
        }
        end += 1 + fraction;
    }
    if end > 0 && matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits_from((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

pub fn format_f64(value: f64, extra_float_digits: i32, out: &mut String) {
    if write_special(value, out) {
        return;
    }
    if extra_float_digits <= 0 {
        return write_general(value, (F64_DIGITS + extra_float_digits).max(1), out);
    }
    let bits = value.abs().to_bits();
    let exponent = (bits >> 52) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let binary = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let digits = shortest(&value.abs(), binary, |digits| digits.parse() == Ok(value.abs()));
    write_digits(value.is_sign_negative(), &digits, F64_DIGITS, out);
}

pub fn format_f32(value: f32, extra_float_digits: i32, out: &mut String) {
    if write_special(f64::from(value), out) {
        return;
    }
    if extra_float_digits <= 0 {
        return write_general(f64::from(value), (F32_DIGITS + extra_float_digits).max(1), out);
    }
    let bits = value.abs().to_bits();
    let exponent = (bits >> 23) as i32;
    let fraction = u64::from(bits & ((1 << 23) - 1));
    let binary = if exponent == 0 { (fraction, -149) } else { (fraction | 1 << 23, exponent - 150) };
    let digits = shortest(&value.abs(), binary, |digits| digits.parse() == Ok(value.abs()));
    write_digits(value.is_sign_negative(), &digits, F32_DIGITS, out);
}

fn write_special(value: f64, out: &mut String) -> bool {
    let special = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "Infinity"
    } else if value == f64::NEG_INFINITY {
        "-Infinity"
    } else {
        return false;
    };
    out.push_str(special);
    true
}

/// `d.ddd × 10^exponent`: the digits without the point, and without zeros at their end.
struct Digits {
    /// ASCII; 17 tell every float from all others.
    digits: [u8; 17],
    count: usize,
    exponent: i32,
}

impl Digits {
    /// The fewest that read back the same.
    fn fewest(value: &impl LowerExp) -> Digits {
        Digits::of(format_args!("{value:e}"))
    }

    /// So many, rounded; ties to even.
    fn rounded(value: &impl LowerExp, count: usize) -> Digits {
        Digits::of(format_args!("{value:.*e}", count - 1))
    }

    fn of(scientific: std::fmt::Arguments) -> Digits {
        let mut written = Buffer { bytes: [0; 32], length: 0 };
        written.write_fmt(scientific).expect("17 digits and an exponent fit");
        let written = &written.bytes[..written.length];
        let end = written.iter().position(|byte| *byte == b'e').expect("scientific notation has an exponent");
        let mut number = Digits { digits: [b'0'; 17], count: 0, exponent: 0 };
        for byte in written[..end].iter().filter(|byte| byte.is_ascii_digit()) {
            number.digits[number.count] = *byte;
            number.count += 1;
        }
        while number.count > 1 && number.digits[number.count - 1] == b'0' {
            number.count -= 1;
        }
        let (sign, exponent) = match &written[end + 1..] {
            [b'-', exponent @ ..] => (-1, exponent),
            exponent => (1, exponent),
        };
        number.exponent = sign * exponent.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
        number
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.count]).expect("digits are ASCII")
    }

    /// The power of ten that the last digit counts.
    fn last_place(&self) -> i32 {
        self.exponent + 1 - self.count as i32
    }

    fn mantissa(&self) -> u64 {
        self.digits[..self.count].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
    }

    fn scientific(&self) -> String {
        format!("{}e{}", self.as_str(), self.last_place())
    }
}

/// What is printed to make [`Digits`] of it.
struct Buffer {
    bytes: [u8; 32],
    length: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let place = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(std::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// The fewest digits that read back the same, of a number `m × 2^q` that isn't negative. PostgreSQL doesn't count on
/// readers that round ties to even: digits that stand for a point exactly between two floats are not enough for it.
/// But where two of as few digits are equally near, it takes the even one.
fn shortest(value: &impl LowerExp, binary: (u64, i32), reads_back: impl Fn(&str) -> bool) -> Digits {
    let digits = Digits::fewest(value);
    if is_between_floats(&digits, binary) {
        let mut longer = (digits.count + 1..=17).map(|count| Digits::rounded(value, count));
        let enough = longer.find(|longer| !is_between_floats(longer, binary) && reads_back(&longer.scientific()));
        return enough.unwrap_or(digits);
    }
    // Two are equally near if the number is an odd multiple of half a unit of the last place: an odd number times as
    // many twos as the unit has, less one.
    let (m, q) = binary;
    let twos = q + m.trailing_zeros() as i32;
    if twos == digits.last_place() - 1 { Digits::rounded(value, digits.count) } else { digits }
}

/// Are the digits exactly halfway from `m × 2^q` to one of its neighbours? Only integers can be, if they have no more
/// digits than are needed.
fn is_between_floats(digits: &Digits, (m, q): (u64, i32)) -> bool {
    let last_place = digits.last_place();
    if last_place < 0 || m == 0 {
        return false;
    }
    // The digits as an odd number times a power of two.
    let mantissa = digits.mantissa();
    let twos = mantissa.trailing_zeros();
    let fives = 5u64.checked_pow(last_place as u32);
    let Some(odd) = fives.and_then(|fives| (mantissa >> twos).checked_mul(fives)) else { return false };
    let power = twos as i32 + last_place;
    // Below a power of two, floats are twice as dense.
    let below_power_of_two = m.is_power_of_two() && power == q - 2 && odd == 4 * m - 1;
    (power == q - 1 && (odd == 2 * m + 1 || odd == 2 * m - 1)) || below_power_of_two
}

/// As C prints `%.{digits}g`.
fn write_general(value: f64, digits: i32, out: &mut String) {
    write_digits(value.is_sign_negative(), &Digits::rounded(&value.abs(), digits as usize), digits, out);
}

/// With an exponent if it is below -4 or not below `plain_digits`.
fn write_digits(negative: bool, number: &Digits, plain_digits: i32, out: &mut String) {
    if negative {
        out.push('-');
    }
    let (digits, exponent) = (number.as_str(), &number.exponent);
    if *exponent < -4 || *exponent >= plain_digits {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        let sign = if *exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs()).expect("a string takes everything");
    } else if *exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', -exponent as usize - 1));
        out.push_str(digits);
    } else {
        let whole = *exponent as usize + 1;
        if digits.len() > whole {
            out.push_str(&digits[..whole]);
            out.push('.');
            out.push_str(&digits[whole..]);
        } else {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', whole - digits.len()));
        }
    }
}
