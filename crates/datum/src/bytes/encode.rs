//! `encode` and `decode`: bytes as text in hexadecimal, base64 or escaped.

use crate::bytes::io::unescaped;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::sqlstate;
use crate::text::{bytes_of, str_of};

fn invalid(message: impl Into<String>) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
}

fn unrecognized(encoding: &str) -> Error {
    invalid(format!("unrecognized encoding: \"{encoding}\""))
}

pub fn encode(arguments: &[Datum]) -> Result<Datum> {
    let bytes = bytes_of(&arguments[0]);
    let encoding = str_of(&arguments[1]);
    let mut out = String::with_capacity(bytes.len() * 2);
    match encoding.to_ascii_lowercase().as_str() {
        "hex" => hex_digits(bytes, &mut out),
        "base64" => to_base64(bytes, &mut out),
        "escape" => escape(bytes, &mut out),
        _ => return Err(unrecognized(encoding)),
    }
    Ok(Datum::text(out))
}

pub fn decode(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let encoding = str_of(&arguments[1]);
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "hex" => hex_to_bytes(text)?,
        "base64" => from_base64(text)?,
        "escape" => unescaped(text)?,
        _ => return Err(unrecognized(encoding)),
    };
    Ok(Datum::Bytea(bytes.into()))
}

pub fn hex_digits(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// White space may stand between the pairs, not within.
pub fn hex_to_bytes(text: &str) -> Result<Vec<u8>> {
    let digit = |character: char| {
        let value =
            character.to_digit(16).ok_or_else(|| invalid(format!("invalid hexadecimal digit: \"{character}\"")));
        value.map(|value| value as u8)
    };
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if matches!(character, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let high = digit(character)?;
        let low = characters.next().ok_or_else(|| invalid("invalid hexadecimal data: odd number of digits"))?;
        out.push(high << 4 | digit(low)?);
    }
    Ok(out)
}

/// Only what text can't hold or would be read differently: zero, bytes above ASCII, the backslash.
fn escape(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            0 | 128.. => out.push_str(&format!("\\{byte:03o}")),
            byte => out.push(char::from(*byte)),
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Lines are broken after so many characters, as MIME wants it.
const LINE: usize = 76;

fn to_base64(bytes: &[u8], out: &mut String) {
    let mut line = 0;
    for group in bytes.chunks(3) {
        let mut word = 0;
        for at in 0..3 {
            word = word << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
        line += 4;
        if line >= LINE {
            out.push('\n');
            line = 0;
        }
    }
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut digits) = (0u32, 0);
    // How many bytes a group has once padding was seen; PostgreSQL keeps to it for the groups that follow.
    let mut group = 3;
    let mut padded = false;
    for character in text.chars() {
        let digit = match character {
            ' ' | '\t' | '\n' | '\r' => continue,
            '=' => {
                if !padded {
                    group = match digits {
                        2 => 1,
                        3 => 2,
                        _ => return Err(invalid("unexpected \"=\" while decoding base64 sequence")),
                    };
                    padded = true;
                }
                0
            }
            'A'..='Z' => character as u32 - 'A' as u32,
            'a'..='z' => character as u32 - 'a' as u32 + 26,
            '0'..='9' => character as u32 - '0' as u32 + 52,
            '+' => 62,
            '/' => 63,
            other => return Err(invalid(format!("invalid symbol \"{other}\" found while decoding base64 sequence"))),
        };
        word = word << 6 | digit;
        digits += 1;
        if digits == 4 {
            out.extend_from_slice(&word.to_be_bytes()[1..=group]);
            (word, digits) = (0, 0);
        }
    }
    if digits != 0 {
        let error = invalid("invalid base64 end sequence");
        return Err(error.hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(out)
}
