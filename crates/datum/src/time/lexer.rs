//! Cuts the text of a date, a time or an interval into fields, and says what each may be: the first half of reading
//! one. PostgreSQL decides much here, by punctuation alone, so the same must be decided here.

use super::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Digits, perhaps with decimals.
    Number,
    /// Something with `-`, `/` or `.` inside; also the name of a zone with punctuation.
    Date,
    /// With `:` inside.
    Time,
    /// A sign and digits.
    Zone,
    /// Letters.
    Word,
    /// A sign and letters.
    SignedWord,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub kind: Kind,
    /// Letters are in lower case.
    pub text: String,
}

const FIELDS_MAX: usize = 25;

/// The longest text that PostgreSQL has room for, all fields with one byte more each.
pub const DATE_BYTES_MAX: usize = 129;
pub const TIMESTAMP_BYTES_MAX: usize = 153;
pub const INTERVAL_BYTES_MAX: usize = 256;

/// None if it is nothing of the kind.
pub fn fields(text: &str, bytes_max: usize) -> Option<Vec<Field>> {
    let mut input = Input { bytes: text.as_bytes(), at: 0 };
    let mut fields = Vec::new();
    let mut used = 0;
    while let Some(byte) = input.peek() {
        if is_space(byte) {
            input.at += 1;
            continue;
        }
        let mut out = String::new();
        let kind = match byte {
            b'0'..=b'9' => input.number(&mut out),
            b'.' => {
                input.take(&mut out);
                input.take_while(&mut out, |byte| byte.is_ascii_digit());
                Kind::Number
            }
            b'+' | b'-' => input.signed(&mut out)?,
            _ if byte.is_ascii_alphabetic() => input.word(&mut out),
            _ if byte.is_ascii_punctuation() => {
                input.at += 1;
                continue;
            }
            _ => return None,
        };
        used += out.len() + 1;
        if used > bytes_max || fields.len() == FIELDS_MAX {
            return None;
        }
        fields.push(Field { kind, text: out });
    }
    Some(fields)
}

/// C's `isspace`.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is(&self, test: impl Fn(u8) -> bool) -> bool {
        self.peek().is_some_and(test)
    }

    fn take(&mut self, out: &mut String) {
        if let Some(byte) = self.peek() {
            out.push(char::from(byte.to_ascii_lowercase()));
            self.at += 1;
        }
    }

    fn take_while(&mut self, out: &mut String, test: impl Fn(u8) -> bool) {
        while self.is(&test) {
            self.take(out);
        }
    }

    fn number(&mut self, out: &mut String) -> Kind {
        self.take_while(out, |byte| byte.is_ascii_digit());
        match self.peek() {
            Some(b':') => {
                self.take(out);
                self.take_while(out, |byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
                Kind::Time
            }
            Some(delimiter @ (b'-' | b'/' | b'.')) => {
                self.take(out);
                if !self.is(|byte| byte.is_ascii_digit()) {
                    self.take_while(out, |byte| byte.is_ascii_alphanumeric() || byte == delimiter);
                    return Kind::Date;
                }
                self.take_while(out, |byte| byte.is_ascii_digit());
                // Only a second delimiter tells a date from a decimal.
                if self.is(|byte| byte == delimiter) {
                    self.take_while(out, |byte| byte.is_ascii_digit() || byte == delimiter);
                    return Kind::Date;
                }
                if delimiter == b'.' { Kind::Number } else { Kind::Date }
            }
            _ => Kind::Number,
        }
    }

    /// A word, or a date that begins with the name of a month, or a zone: these have punctuation inside.
    fn word(&mut self, out: &mut String) -> Kind {
        self.take_while(out, |byte| byte.is_ascii_alphabetic());
        let goes_on = match self.peek() {
            Some(b'-' | b'/' | b'.') => true,
            Some(byte) if byte == b'+' || byte.is_ascii_digit() => words::date_word(out).is_none(),
            _ => false,
        };
        if !goes_on {
            return Kind::Word;
        }
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_' | b'.' | b':');
        self.take_while(out, inside);
        Kind::Date
    }

    fn signed(&mut self, out: &mut String) -> Option<Kind> {
        self.take(out);
        while self.is(is_space) {
            self.at += 1;
        }
        if self.is(|byte| byte.is_ascii_digit()) {
            self.take_while(out, |byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-'));
            return Some(Kind::Zone);
        }
        if self.is(|byte| byte.is_ascii_alphabetic()) {
            self.take_while(out, |byte| byte.is_ascii_alphabetic());
            return Some(Kind::SignedWord);
        }
        None
    }
}
