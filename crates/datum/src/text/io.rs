//! Input and output of the text types, their lengths, and the casts among them.
//!
//! INVARIANT: a `bpchar` of declared length n has exactly n characters unless it is longer by spaces that a cast cut;
//! without a declared length its trailing spaces are kept. Where they don't count (comparison, length, casts), the
//! function takes them off.

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{TypeIo, malformed};
use crate::sqlstate;
use crate::text::{int_of, str_of};

/// Bytes of a `name` at most.
pub const NAME_BYTES_MAX: usize = 63;

/// What a modifier exceeds the number of characters by.
const MODIFIER_OFFSET: i32 = 4;

pub const TEXT: TypeIo = TypeIo {
    parse: |text, _, _| Ok(Datum::text(text)),
    format,
    receive: |bytes, _| Ok(Datum::text(valid_utf8(bytes)?)),
    send,
};

pub const VARCHAR: TypeIo = TypeIo {
    parse: |text, modifier, _| Ok(Datum::text(fit_varchar(text, modifier, false)?)),
    format,
    receive: |bytes, modifier| Ok(Datum::text(fit_varchar(valid_utf8(bytes)?, modifier, false)?)),
    send,
};

pub const BPCHAR: TypeIo = TypeIo {
    parse: |text, modifier, _| fit_bpchar(text, modifier, false).map(Fit::into_datum),
    format,
    receive: |bytes, modifier| fit_bpchar(valid_utf8(bytes)?, modifier, false).map(Fit::into_datum),
    send,
};

pub const NAME: TypeIo = TypeIo {
    parse: |text, _, _| Ok(Datum::text(truncated_name(text))),
    format,
    receive: |bytes, _| {
        let text = valid_utf8(bytes)?;
        if text.len() > NAME_BYTES_MAX {
            let detail = format!("Identifier must be less than {} characters.", NAME_BYTES_MAX + 1);
            return Err(Error::new(sqlstate::NAME_TOO_LONG, "identifier too long").detail(detail));
        }
        Ok(Datum::text(text))
    },
    send,
};

pub const CHAR: TypeIo = TypeIo {
    parse: |text, _, _| Ok(Datum::Char(byte_from_text(text))),
    format: |value, _, out| push_byte(byte_of(value), out),
    receive: |bytes, _| match bytes {
        [byte] => Ok(Datum::Char(*byte)),
        _ => Err(malformed("\"char\"")),
    },
    send: |value, out| out.push(byte_of(value)),
};

fn format(value: &Datum, _: &Settings, out: &mut String) {
    out.push_str(str_of(value));
}

fn send(value: &Datum, out: &mut Vec<u8>) {
    out.extend_from_slice(str_of(value).as_bytes());
}

/// Bytes from outside as text, which has no zero byte; 22021 if they are none.
pub fn valid_utf8(bytes: &[u8]) -> Result<&str> {
    let zero = memchr::memchr(0, bytes);
    let valid = std::str::from_utf8(bytes);
    let wrong = match (zero, &valid) {
        (None, Ok(text)) => return Ok(text),
        (zero, Err(error)) => zero.unwrap_or(bytes.len()).min(error.valid_up_to()),
        (Some(zero), Ok(_)) => zero,
    };
    Err(invalid_bytes("UTF8", &bytes[wrong..]))
}

/// `rest` begins with the wrong byte; shown are as many as it announces.
fn invalid_bytes(encoding: &str, rest: &[u8]) -> Error {
    let announced = match rest.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    let shown = shown_bytes(&rest[..announced.min(rest.len())]);
    let message = format!("invalid byte sequence for encoding \"{encoding}\": {shown}");
    Error::new(sqlstate::CHARACTER_NOT_IN_REPERTOIRE, message)
}

pub fn shown_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Where the character after the first `count` begins; none if there are not more.
fn cut_after(text: &str, count: usize) -> Option<usize> {
    if text.len() <= count {
        return None;
    }
    text.char_indices().nth(count).map(|(at, _)| at)
}

/// The declared length of a modifier, if it is one.
fn declared(modifier: i32) -> Option<usize> {
    usize::try_from(modifier.checked_sub(MODIFIER_OFFSET)?).ok()
}

/// What of `text` a `varchar` holds. More than spaces is only cut by an explicit cast.
fn fit_varchar(text: &str, modifier: i32, explicit: bool) -> Result<&str> {
    let Some(length) = declared(modifier) else { return Ok(text) };
    cut(text, length, explicit, "character varying")
}

fn cut<'a>(text: &'a str, length: usize, explicit: bool, type_name: &str) -> Result<&'a str> {
    let Some(at) = cut_after(text, length) else { return Ok(text) };
    if !explicit && text[at..].bytes().any(|byte| byte != b' ') {
        let message = format!("value too long for type {type_name}({length})");
        return Err(Error::new(sqlstate::STRING_DATA_RIGHT_TRUNCATION, message));
    }
    Ok(&text[..at])
}

enum Fit<'a> {
    Cut(&'a str),
    Padded(String),
}

impl Fit<'_> {
    fn into_datum(self) -> Datum {
        match self {
            Fit::Cut(text) => Datum::text(text),
            Fit::Padded(text) => Datum::text(text),
        }
    }
}

fn fit_bpchar(text: &str, modifier: i32, explicit: bool) -> Result<Fit<'_>> {
    let Some(length) = declared(modifier) else { return Ok(Fit::Cut(text)) };
    let text = cut(text, length, explicit, "character")?;
    let missing = length - text.chars().count();
    if missing == 0 {
        return Ok(Fit::Cut(text));
    }
    let mut padded = String::with_capacity(text.len() + missing);
    padded.push_str(text);
    padded.extend(std::iter::repeat_n(' ', missing));
    Ok(Fit::Padded(padded))
}

/// `varchar(value, modifier, is_explicit)`.
pub fn varchar(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let fit = fit_varchar(text, int_of(&arguments[1]), arguments[2].is_true())?;
    Ok(if fit.len() == text.len() { arguments[0].clone() } else { Datum::text(fit) })
}

/// `bpchar(value, modifier, is_explicit)`.
pub fn bpchar(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    match fit_bpchar(text, int_of(&arguments[1]), arguments[2].is_true())? {
        Fit::Cut(fit) if fit.len() == text.len() => Ok(arguments[0].clone()),
        fit => Ok(fit.into_datum()),
    }
}

pub fn truncated_name(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES_MAX)]
}

pub fn text_to_name(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let name = truncated_name(text);
    Ok(if name.len() == text.len() { arguments[0].clone() } else { Datum::text(name) })
}

pub fn bpchar_to_name(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(truncated_name(str_of(&arguments[0])).trim_end_matches(' ')))
}

/// `nameconcatoid`: the name is cut so that the number fits.
pub fn name_concat_oid(arguments: &[Datum]) -> Result<Datum> {
    let Datum::Oid(oid) = &arguments[1] else { panic!("{:?} is not an oid", arguments[1]) };
    let suffix = format!("_{oid}");
    let name = str_of(&arguments[0]);
    let kept = name.floor_char_boundary(NAME_BYTES_MAX - suffix.len());
    Ok(Datum::text(name[..kept].to_owned() + &suffix))
}

pub fn byte_of(value: &Datum) -> u8 {
    match value {
        Datum::Char(byte) => *byte,
        other => panic!("{other:?} is not a \"char\""),
    }
}

/// The first byte, or the one that `\ooo` stands for.
fn byte_from_text(text: &str) -> u8 {
    match text.as_bytes() {
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'),
        bytes => bytes.first().copied().unwrap_or(0),
    }
}

/// Zero is the empty string; what is not ASCII is written as its octal number.
fn push_byte(byte: u8, out: &mut String) {
    match byte {
        0 => {}
        1..=127 => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\{byte:03o}")),
    }
}

pub fn text_to_char(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Char(byte_from_text(str_of(&arguments[0]))))
}

pub fn char_to_text(arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    push_byte(byte_of(&arguments[0]), &mut out);
    Ok(Datum::text(out))
}

/// As a signed byte.
pub fn char_to_int(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(i32::from(byte_of(&arguments[0]) as i8)))
}

pub fn int_to_char(arguments: &[Datum]) -> Result<Datum> {
    let byte = i8::try_from(int_of(&arguments[0])).map_err(|_| Error::out_of_range("\"char\""))?;
    Ok(Datum::Char(byte as u8))
}
