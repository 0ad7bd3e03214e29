//! `to_number`: a text read along a template.
//!
//! The template says where digits, signs and other things stand; what stands there instead is skipped rather than
//! refused, one character for each of the template. What was collected is then read as a `numeric`.

use super::template::{Item, Template};
use super::wrong_arguments;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::ScalarTable;
use crate::numeric::{Modifier, Numeric};
use crate::sqlstate;

pub(super) const SCALARS: ScalarTable = &[("numeric_to_number", |_, arguments| match arguments {
    [Datum::Text(_), Datum::Text(template)] if template.is_empty() => Ok(Datum::Null),
    [Datum::Text(text), Datum::Text(template)] => to_number(text, &Template::parse(template)?).map(Datum::Numeric),
    _ => Err(wrong_arguments(arguments)),
})];

fn to_number(text: &str, template: &Template) -> Result<Numeric> {
    let unsupported = |pattern: &str| {
        let message = format!("\"{pattern}\" not supported for input");
        Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message))
    };
    if template.is_scientific {
        return unsupported("EEEE");
    }
    if template.is_roman {
        return unsupported("RN");
    }
    let reader = Reader::new(text.as_bytes(), template).read();
    let scale = reader.digits_after;
    let modifier = Modifier { precision: template.pre + template.shift + scale, scale };
    let number = Numeric::parse(&reader.collected())?.fitted(modifier)?;
    if template.has_shift {
        let factor = Numeric::from_i64(10).power(&Numeric::from_i64(i64::from(-template.shift)))?;
        return number.mul(&factor);
    }
    Ok(number)
}

struct Reader<'a> {
    template: &'a Template,
    input: &'a [u8],
    at: usize,
    /// A space until one is found.
    sign: u8,
    /// Digits and the point.
    number: Vec<u8>,
    digits_before: i32,
    digits_after: i32,
    has_point: bool,
}

impl<'a> Reader<'a> {
    fn new(input: &'a [u8], template: &'a Template) -> Reader<'a> {
        let number = Vec::with_capacity(input.len());
        Reader { template, input, at: 0, sign: b' ', number, digits_before: 0, digits_after: 0, has_point: false }
    }

    fn read(mut self) -> Reader<'a> {
        for item in &self.template.items {
            if self.at >= self.input.len() {
                break;
            }
            self.read_item(item);
        }
        self
    }

    fn collected(&self) -> String {
        let digits = self.number.strip_suffix(b".").unwrap_or(&self.number);
        std::iter::once(&self.sign).chain(digits).map(|byte| char::from(*byte)).collect()
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn read_item(&mut self, item: &Item) {
        match (item, self.peek()) {
            (Item::Digit | Item::Zero | Item::Point, _) => {
                self.read_place(*item != Item::Point);
                self.at += 1;
            }
            // Numbers are never being read where a comma stands: with FM it stands for nothing.
            (Item::Comma { .. }, Some(b',')) if !self.template.is_filled => self.at += 1,
            (Item::Comma { .. }, _) => {}
            (Item::Minus | Item::Sign, Some(b'-')) | (Item::Plus | Item::Sign, Some(b'+')) => {
                self.sign = self.input[self.at];
                self.at += 1;
            }
            (Item::Minus | Item::Plus | Item::Sign | Item::Currency, _) => self.skip_text(1),
            (Item::Ordinal { .. }, _) if self.template.has_point => {}
            (Item::Ordinal { .. }, _) => self.skip_text(2),
            (Item::Text(_), _) => self.skip_character(),
            (Item::Roman { .. } | Item::Nothing, _) => {}
        }
    }

    fn skip_character(&mut self) {
        self.at += match self.peek() {
            Some(0xf0..) => 4,
            Some(0xe0..) => 3,
            Some(0xc0..) => 2,
            _ => 1,
        };
    }

    /// Up to so many characters that are no part of a number.
    fn skip_text(&mut self, characters: usize) {
        for _ in 0..characters {
            match self.peek() {
                Some(b'0'..=b'9' | b'.' | b',' | b'+' | b'-') | None => break,
                Some(_) => self.skip_character(),
            }
        }
    }

    /// A digit, a point or a sign that is anchored to them. Stops at the last byte that it took.
    fn read_place(&mut self, is_digit: bool) {
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        if self.peek().is_none() {
            return;
        }
        let nothing_read = self.digits_before + self.digits_after == 0;
        if self.sign == b' ' && is_digit && nothing_read {
            self.read_sign_before();
        }
        let Some(byte) = self.peek() else { return };
        let mut is_read = false;
        if byte.is_ascii_digit() {
            if self.has_point && self.digits_after == self.template.post {
                return;
            }
            self.number.push(byte);
            *(if self.has_point { &mut self.digits_after } else { &mut self.digits_before }) += 1;
            is_read = true;
        } else if self.template.has_point && !self.has_point && byte == b'.' {
            self.number.push(byte);
            self.has_point = true;
            is_read = true;
        }
        if self.sign == b' ' && self.digits_before + self.digits_after > 0 {
            self.read_sign_after(is_read);
        }
    }

    fn read_sign_before(&mut self) {
        match self.peek() {
            Some(b'-') => self.sign = b'-',
            Some(b'<') if self.template.has_brackets => self.sign = b'-',
            Some(b'+') => self.sign = b'+',
            _ => return,
        }
        self.at += 1;
    }

    fn read_sign_after(&mut self, is_read: bool) {
        // MI, PL and SG may stand further on than the sign of a number that has fewer digits than the template.
        let Template { has_sign, has_plus, has_minus, .. } = *self.template;
        if has_sign && is_read {
            // The sign of S follows the last digit, and is taken together with it.
            if let Some(sign @ (b'-' | b'+')) = self.input.get(self.at + 1) {
                self.sign = *sign;
                self.at += 1;
            }
        } else if !is_read
            && !has_sign
            && (has_plus || has_minus)
            && let Some(sign @ (b'-' | b'+')) = self.peek()
        {
            self.sign = sign;
        }
    }
}
