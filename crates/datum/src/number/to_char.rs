//! `to_char` of numbers.
//!
//! A number is first written plainly with as many digits after the point as the template has, then its characters are
//! put where the template's items stand. When it has more digits before the point than the template, all are `#`.
//! The locale is C: a group is set off by a comma, the currency is a space.

use super::template::{Item, SignPlace, Template};
use super::wrong_arguments;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Scalar, ScalarTable};
use crate::numeric::{self, Numeric};
use crate::sqlstate;

macro_rules! to_char {
    ($variant:ident, $function:ident) => {{
        let function: Scalar = |_, arguments| match arguments {
            [Datum::$variant(_), Datum::Text(template)] if template.is_empty() => Ok(Datum::text("")),
            [Datum::$variant(value), Datum::Text(template)] => {
                Ok(Datum::text($function(value, Template::parse(template)?)?))
            }
            _ => Err(wrong_arguments(arguments)),
        };
        function
    }};
}

pub(super) const SCALARS: ScalarTable = &[
    ("int4_to_char", to_char!(Int4, int4)),
    ("int8_to_char", to_char!(Int8, int8)),
    ("float4_to_char", to_char!(Float4, float4)),
    ("float8_to_char", to_char!(Float8, float8)),
    ("numeric_to_char", to_char!(Numeric, numeric)),
];

/// Digits that a float has for sure.
const F64_DIGITS: i32 = 15;
const F32_DIGITS: i32 = 6;

fn int4(value: &i32, mut template: Template) -> Result<String> {
    if template.is_roman {
        return Writer::roman(*value, template).write();
    }
    if template.is_scientific {
        return Ok(scientific_float(f64::from(*value), &template));
    }
    let mut shown = i64::from(*value);
    if template.has_shift {
        let factor = 10i64.checked_pow(template.shift as u32);
        shown = factor.and_then(|factor| shown.checked_mul(factor)).ok_or_else(|| Error::out_of_range("integer"))?;
        template.pre += template.shift;
    }
    integer(shown.to_string(), template)
}

fn int8(value: &i64, mut template: Template) -> Result<String> {
    if template.is_roman {
        let value = i32::try_from(*value).map_err(|_| Error::out_of_range("integer"))?;
        return Writer::roman(value, template).write();
    }
    if template.is_scientific {
        return scientific_numeric(&Numeric::from_i64(*value), &template);
    }
    let mut shown = *value;
    if template.has_shift {
        let factor = 10i64.checked_pow(template.shift as u32);
        let shifted = factor.and_then(|factor| value.checked_mul(factor));
        shown = shifted.ok_or_else(|| Error::out_of_range("bigint"))?;
        template.pre += template.shift;
    }
    integer(shown.to_string(), template)
}

fn integer(mut digits: String, template: Template) -> Result<String> {
    if template.post > 0 {
        digits.push('.');
        digits.extend(std::iter::repeat_n('0', template.post as usize));
    }
    Writer::new(&digits, template).write()
}

fn float4(value: &f32, template: Template) -> Result<String> {
    let value = f64::from(*value);
    // The shift is by a float4 too, and may overflow it.
    float(value, template, F32_DIGITS, |shifted| f64::from(shifted as f32))
}

fn float8(value: &f64, template: Template) -> Result<String> {
    float(*value, template, F64_DIGITS, |shifted| shifted)
}

fn float(value: f64, mut template: Template, digits_max: i32, narrow: fn(f64) -> f64) -> Result<String> {
    if template.is_roman {
        // What is no int prints as what is no Roman number.
        return Writer::roman(value.round_ties_even() as i32, template).write();
    }
    if template.is_scientific {
        return Ok(scientific_float(value, &template));
    }
    let mut shown = value;
    if template.has_shift {
        shown = narrow(value * 10f64.powi(template.shift));
        template.pre += template.shift;
    }
    // Digits that a float hasn't got are not shown.
    let whole = plain(shown.abs(), 0).len() as i32;
    template.post = template.post.min((digits_max - whole).max(0));
    let digits = plain(shown, template.post as usize);
    Writer::new(&digits, template).write()
}

fn plain(value: f64, digits: usize) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value < 0.0 { "-Infinity".into() } else { "Infinity".into() }
    } else {
        format!("{value:.digits$}")
    }
}

fn numeric(value: &Numeric, mut template: Template) -> Result<String> {
    if template.is_roman {
        let rounded = numeric::integer::<i32>(&value.round(0)?, "integer")?;
        return Writer::roman(rounded, template).write();
    }
    if template.is_scientific {
        return scientific_numeric(value, &template);
    }
    let mut shown = value.clone();
    if template.has_shift {
        let factor = Numeric::from_i64(10).power(&Numeric::from_i64(i64::from(template.shift)))?;
        shown = value.mul(&factor)?;
        template.pre += template.shift;
    }
    let digits = shown.round(template.post)?.to_string();
    Writer::new(&digits, template).write()
}

/// What has no digits, written with an exponent: `#` for each of them.
fn scientific_special(template: &Template) -> String {
    let (pre, post) = (template.pre as usize, template.post as usize);
    let mut text = vec![b'#'; pre + post + 6];
    text[0] = b' ';
    text[pre + 1] = b'.';
    text.into_iter().map(char::from).collect()
}

fn scientific_float(value: f64, template: &Template) -> String {
    if !value.is_finite() {
        return scientific_special(template);
    }
    let written = format!("{value:.*e}", template.post as usize);
    let (mantissa, exponent) = written.split_once('e').expect("scientific notation has an exponent");
    with_exponent(mantissa, exponent.parse().expect("an exponent is a number"))
}

fn scientific_numeric(value: &Numeric, template: &Template) -> Result<String> {
    let Some((mantissa, exponent)) = value.scientific(template.post)? else { return Ok(scientific_special(template)) };
    Ok(with_exponent(&mantissa.to_string(), exponent))
}

/// A space stands for the sign that isn't there.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let space = if mantissa.starts_with('-') { "" } else { " " };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{space}{mantissa}e{sign}{:02}", exponent.abs())
}

/// From 1 to 3999; others are not written like that.
fn roman(number: i32) -> String {
    const SYMBOLS: [(i32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..=3999).contains(&number) {
        return "#".repeat(15);
    }
    let mut rest = number;
    let mut text = String::new();
    for (value, symbol) in SYMBOLS {
        while rest >= value {
            text.push_str(symbol);
            rest -= value;
        }
    }
    text
}

/// The ending of an ordinal number.
fn ordinal_ending(number: &[u8]) -> Result<&'static str> {
    match number {
        [.., b'1', b'0'..=b'9'] => Ok("th"),
        [.., b'1'] => Ok("st"),
        [.., b'2'] => Ok("nd"),
        [.., b'3'] => Ok("rd"),
        [.., b'0'..=b'9'] => Ok("th"),
        _ => {
            let message = format!("\"{}\" is not a number", String::from_utf8_lossy(number));
            Err(Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, message))
        }
    }
}

/// Puts the characters of a number where a template wants them.
struct Writer {
    template: Template,
    /// Without its sign.
    number: Vec<u8>,
    /// `+` or `-`; 0 of Roman numbers, which have none.
    sign: u8,
    sign_is_written: bool,
    /// How many places of the template are before the number's first digit.
    pad: i32,
    /// Digits of the template, and one for a sign that has no place of its own.
    places: i32,
    /// With FM: zeros after this character of the number are left out.
    last_relevant: Option<usize>,
    /// The next place of the template, and the next character of the number.
    place: i32,
    next: usize,
    /// The last place had a digit: commas are not left blank.
    in_number: bool,
    /// Nothing more is written.
    is_cut: bool,
    out: String,
}

impl Writer {
    fn roman(value: i32, template: Template) -> Writer {
        let mut template = template;
        // Only FM counts beside RN.
        let items = std::mem::take(&mut template.items);
        let plain = Template { items, is_filled: template.is_filled, is_roman: true, ..Template::default() };
        Writer::start(plain, roman(value).into_bytes(), 0, 0)
    }

    fn new(number: &str, template: Template) -> Writer {
        let (sign, number) = number.strip_prefix('-').map_or((b'+', number), |number| (b'-', number));
        let digits = number.find('.').unwrap_or(number.len()) as i32;
        if digits > template.pre {
            let mut hashes = vec![b'#'; (template.pre + template.post + 1) as usize];
            hashes[template.pre as usize] = b'.';
            return Writer::start(template, hashes, sign, 0);
        }
        let pad = template.pre - digits;
        Writer::start(template, number.as_bytes().to_vec(), sign, pad)
    }

    fn start(mut template: Template, number: Vec<u8>, sign: u8, pad: i32) -> Writer {
        // From here on it is the place of the first zero.
        template.zero_start = (template.zero_start - 1).max(0);
        let sign_is_written = if template.has_plus || template.has_minus {
            // MI and SG write a sign of their own; PL writes only that of positive numbers.
            template.has_minus
        } else {
            template.has_brackets &= sign == b'-' || !template.is_filled;
            if template.sign == SignPlace::Before && template.pre == template.digits_before_sign {
                template.sign = SignPlace::After;
            }
            sign == b'+' && template.is_filled && !template.has_sign
        };
        let mut last_relevant = None;
        if template.is_filled && template.has_point {
            last_relevant = last_relevant_digit(&number);
            if template.zero_end > pad {
                // Digits at a 0 stay, as far as there are any.
                let last_zero = (number.len() - 1).min((template.zero_end - pad) as usize);
                last_relevant = last_relevant.map(|last| last.max(last_zero));
            }
        }
        let places = template.post + template.pre - 1 + i32::from(!sign_is_written && pad == 0);
        Writer {
            template,
            number,
            sign,
            sign_is_written,
            pad,
            places,
            last_relevant,
            place: 0,
            next: 0,
            in_number: false,
            is_cut: false,
            out: String::new(),
        }
    }

    /// What would be written behind the end of the number, or as the sign of one that has none, ends the text.
    fn write(mut self) -> Result<String> {
        for item in std::mem::take(&mut self.template.items) {
            if self.is_cut {
                break;
            }
            self.write_item(&item)?;
        }
        Ok(self.out)
    }

    fn write_item(&mut self, item: &Item) -> Result<()> {
        let filled = self.template.is_filled;
        match item {
            Item::Digit | Item::Zero | Item::Point => self.write_place(*item == Item::Zero),
            Item::Comma { .. } if self.in_number => self.out.push(','),
            Item::Comma { .. } => self.write_blank(),
            Item::Currency => self.out.push(' '),
            Item::Minus if self.sign == b'-' => self.out.push('-'),
            Item::Plus if self.sign == b'+' => self.out.push('+'),
            Item::Minus | Item::Plus => self.write_blank(),
            Item::Sign if self.sign == 0 => self.is_cut = true,
            Item::Sign => self.out.push(char::from(self.sign)),
            Item::Roman { upper } => {
                let number = String::from_utf8_lossy(&self.number[self.next.min(self.number.len())..]);
                let number = if *upper { number.into_owned() } else { number.to_lowercase() };
                self.out.push_str(&if filled { number } else { format!("{number:>15}") });
            }
            Item::Ordinal { upper } => {
                let has_ending = !self.template.is_roman && !self.template.has_point && self.sign != b'-';
                if has_ending && self.number.first() != Some(&b'#') {
                    let ending = ordinal_ending(&self.number)?;
                    self.out.push_str(&if *upper { ending.to_uppercase() } else { ending.into() });
                }
            }
            Item::Text(text) => self.out.push(*text),
            Item::Nothing => {}
        }
        Ok(())
    }

    fn write_blank(&mut self) {
        if !self.template.is_filled {
            self.out.push(' ');
        }
    }

    /// Does the number end at the point, all its zeros being left out?
    fn ends_at_point(&self) -> bool {
        self.last_relevant.is_some_and(|last| self.number.get(last) == Some(&b'.'))
    }

    /// The zero of `0.1`, which is only shown where a 0 stands.
    fn is_at_leading_zero(&self) -> bool {
        !self.template.has_zero && self.next == 0 && self.number.first() == Some(&b'0') && self.template.post != 0
    }

    /// A digit or the point.
    fn write_place(&mut self, is_zero: bool) {
        if self.template.is_roman {
            return;
        }
        self.in_number = false;
        let reaches_number = self.place >= self.pad;
        let reaches_zeros = self.template.has_zero && self.template.zero_start <= self.place;
        let starts_here = reaches_number || (self.template.has_zero && self.template.zero_start == self.place);
        if !self.sign_is_written && starts_here && (!self.is_at_leading_zero() || self.ends_at_point()) {
            self.write_sign_before();
        }
        if !reaches_number && !reaches_zeros {
            self.write_blank();
        } else if !reaches_number {
            self.out.push('0');
            self.in_number = true;
        } else {
            self.write_character(is_zero);
        }

        let mut end = self.places + i32::from(self.pad > 0) + i32::from(self.template.has_point);
        if self.last_relevant == Some(self.next) {
            end = self.place;
        }
        if self.place + 1 == end && !self.is_cut {
            self.write_sign_after();
        }
        self.place += 1;
    }

    fn write_sign_before(&mut self) {
        if self.template.has_sign {
            if self.template.sign == SignPlace::Before {
                self.out.push(char::from(self.sign));
                self.sign_is_written = true;
            }
            return;
        }
        match self.sign {
            b'-' if self.template.has_brackets => self.out.push('<'),
            b'-' => self.out.push('-'),
            _ if self.template.has_brackets => self.out.push(' '),
            _ => self.write_blank(),
        }
        self.sign_is_written = true;
    }

    fn write_sign_after(&mut self) {
        if self.sign_is_written && self.template.has_brackets {
            self.out.push(if self.sign == b'+' { ' ' } else { '>' });
        } else if self.template.has_sign && self.template.sign == SignPlace::After {
            self.out.push(char::from(self.sign));
        }
    }

    /// The next character of the number; there may be none left.
    fn write_character(&mut self, is_zero: bool) {
        let character = self.number.get(self.next).copied();
        let is_irrelevant = self.last_relevant.is_some_and(|last| self.next > last);
        if character == Some(b'.') {
            if self.last_relevant.is_none() || !self.ends_at_point() || self.template.is_filled {
                self.out.push('.');
            }
        } else if is_irrelevant && !is_zero {
            // Left out.
        } else if self.is_at_leading_zero() {
            if !self.template.is_filled {
                self.out.push(' ');
            } else if self.ends_at_point() {
                self.out.push('0');
            }
        } else if let Some(character) = character {
            self.out.push(char::from(character));
            self.in_number = true;
        } else {
            self.is_cut = true;
        }
        if character.is_some() {
            self.next += 1;
        }
    }
}

/// Of a number with a point: its last digit that isn't a zero, or the point.
fn last_relevant_digit(number: &[u8]) -> Option<usize> {
    let point = number.iter().position(|byte| *byte == b'.')?;
    Some(number.iter().rposition(|byte| *byte != b'0').map_or(point, |last| last.max(point)))
}
