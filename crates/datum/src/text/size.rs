//! `pg_size_pretty` and `pg_size_bytes`: sizes as people write them.
//!
//! A `numeric` is read and calculated here by its decimal digits: a few divisions and multiplications by powers of two
//! are all there is to do.

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Call;
use crate::text::format::push_value;
use crate::text::str_of;
use crate::{oid, sqlstate};

struct Unit {
    name: &'static str,
    /// From here on the next unit is taken.
    limit: u32,
    /// Half a unit more was kept, to round at the end.
    rounds: bool,
    bits: u32,
}

const UNITS: [Unit; 6] = [
    Unit { name: "bytes", limit: 10 * 1024, rounds: false, bits: 0 },
    Unit { name: "kB", limit: 20 * 1024 - 1, rounds: true, bits: 10 },
    Unit { name: "MB", limit: 20 * 1024 - 1, rounds: true, bits: 20 },
    Unit { name: "GB", limit: 20 * 1024 - 1, rounds: true, bits: 30 },
    Unit { name: "TB", limit: 20 * 1024 - 1, rounds: true, bits: 40 },
    Unit { name: "PB", limit: 20 * 1024 - 1, rounds: true, bits: 50 },
];

/// From one unit to the next, one bit less is divided off while halves are still wanted.
fn bits_between(unit: &Unit, next: &Unit) -> u32 {
    next.bits - unit.bits - u32::from(next.rounds) + u32::from(unit.rounds)
}

pub fn pretty_int(value: &Datum) -> Result<Datum> {
    let Datum::Int8(size) = value else { panic!("{value:?} is not a bigint") };
    let mut size = *size;
    let mut at = 0;
    while at + 1 < UNITS.len() && size.unsigned_abs() >= u64::from(UNITS[at].limit) {
        size /= 1 << bits_between(&UNITS[at], &UNITS[at + 1]);
        at += 1;
    }
    if UNITS[at].rounds {
        size = (size + size.signum()) / 2;
    }
    Ok(Datum::text(format!("{size} {}", UNITS[at].name)))
}

pub fn pretty_numeric(call: &Call, value: &Datum) -> Result<Datum> {
    let mut text = String::new();
    push_value(call, oid::NUMERIC, value, &mut text)?;
    Ok(Datum::text(pretty_decimal(&text)))
}

/// `text` is a numeric's.
pub fn pretty_decimal(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    if !digits.starts_with(|digit: char| digit.is_ascii_digit()) {
        // Not a number, or infinite.
        return format!("{text} {}", UNITS[UNITS.len() - 1].name);
    }
    let mut whole = Digits::new(digits.split('.').next().unwrap_or_default());
    if whole.is_below(UNITS[0].limit) {
        return format!("{text} {}", UNITS[0].name);
    }
    let mut at = 0;
    while at + 1 < UNITS.len() && !whole.is_below(UNITS[at].limit) {
        whole.divide(1 << bits_between(&UNITS[at], &UNITS[at + 1]));
        at += 1;
    }
    whole.add_one();
    whole.divide(2);
    format!("{sign}{} {}", whole.to_text(), UNITS[at].name)
}

/// A whole number of any size, its highest decimal digit first.
struct Digits(Vec<u8>);

impl Digits {
    fn new(text: &str) -> Digits {
        let mut digits = Digits(text.bytes().map(|digit| digit - b'0').collect());
        digits.strip();
        digits
    }

    fn strip(&mut self) {
        let zeros = self.0.iter().take_while(|digit| **digit == 0).count();
        self.0.drain(..zeros);
    }

    fn is_below(&self, limit: u32) -> bool {
        let few = self.0.len() < 10;
        few && self.0.iter().fold(0, |value, digit| value * 10 + u64::from(*digit)) < u64::from(limit)
    }

    fn divide(&mut self, by: u32) {
        let mut rest = 0;
        for digit in &mut self.0 {
            rest = rest * 10 + u32::from(*digit);
            *digit = (rest / by) as u8;
            rest %= by;
        }
        self.strip();
    }

    fn multiply(&mut self, by: u32) {
        let mut carry = 0;
        for digit in self.0.iter_mut().rev() {
            carry += u32::from(*digit) * by;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            self.0.insert(0, (carry % 10) as u8);
            carry /= 10;
        }
    }

    fn add_one(&mut self) {
        for digit in self.0.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.0.insert(0, 1);
    }

    fn to_text(&self) -> String {
        if self.0.is_empty() {
            return "0".to_owned();
        }
        self.0.iter().map(|digit| char::from(digit + b'0')).collect()
    }
}

/// A number, maybe with a fraction and an exponent, and a unit.
pub fn size_bytes(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let invalid = || Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("invalid size: \"{text}\""));
    let is_space = |character: char| matches!(character, ' ' | '\t'..='\r');
    let trimmed = text.trim_start_matches(is_space);
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = unsigned.split_at(run(unsigned));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(run(after)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    // An e without digits is not an exponent but a (wrong) unit.
    let mut exponent = 0i64;
    let mut unit = rest;
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        let signed = after.strip_prefix(['+', '-']).unwrap_or(after);
        let (digits, behind) = signed.split_at(run(signed));
        if !digits.is_empty() {
            let magnitude = digits.parse().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX));
            exponent = if after.starts_with('-') { -magnitude } else { magnitude };
            unit = behind;
        }
    }
    let unit = unit.trim_matches(is_space);
    let bits = match UNITS.iter().find(|known| unit.is_empty() || known.name.eq_ignore_ascii_case(unit)) {
        Some(known) => known.bits,
        None => {
            let error = invalid().detail(format!("Invalid size unit: \"{unit}\"."));
            return Err(error.hint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."));
        }
    };
    let mut digits = Digits::new(&[whole, fraction].concat());
    (0..bits / 10).for_each(|_| digits.multiply(1024));
    let out_of_range = || Error::out_of_range("bigint");
    let shift = exponent - fraction.len() as i64;
    if digits.0.len() as i64 + shift > 19 && !digits.0.is_empty() {
        return Err(out_of_range());
    }
    if shift >= 0 {
        digits.0.extend(std::iter::repeat_n(0, if digits.0.is_empty() { 0 } else { shift as usize }));
    } else {
        let kept = (digits.0.len() as i64 + shift).max(-1);
        let dropped = if kept < 0 { 0 } else { digits.0.get(kept as usize).copied().unwrap_or(0) };
        digits.0.truncate(kept.max(0) as usize);
        if dropped >= 5 {
            digits.add_one();
        }
    }
    let sign = if trimmed.starts_with('-') { "-" } else { "" };
    let value = format!("{sign}{}", digits.to_text()).parse();
    value.map(Datum::Int8).map_err(|_| out_of_range())
}
