//! The forms of `bytea`: hexadecimal (`\x0aff`) or escaped (`\012\377`, and `\\` for a backslash).

use crate::bytes::encode::{hex_digits, hex_to_bytes};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{ByteaOutput, Settings};
use crate::io::TypeIo;
use crate::sqlstate;
use crate::text::bytes_of;

pub const BYTEA: TypeIo = TypeIo {
    parse: |text, _, _| parse(text),
    format,
    receive: |bytes, _| Ok(Datum::Bytea(bytes.into())),
    send: |value, out| out.extend_from_slice(bytes_of(value)),
};

fn parse(text: &str) -> Result<Datum> {
    let bytes = match text.strip_prefix("\\x") {
        Some(digits) => hex_to_bytes(digits)?,
        None => unescaped(text)?,
    };
    Ok(Datum::Bytea(bytes.into()))
}

fn format(value: &Datum, settings: &Settings, out: &mut String) {
    match settings.bytea_output {
        ByteaOutput::Hex => {
            out.push_str("\\x");
            hex_digits(bytes_of(value), out);
        }
        ByteaOutput::Escape => {
            for byte in bytes_of(value) {
                match byte {
                    b'\\' => out.push_str("\\\\"),
                    b' '..=b'~' => out.push(char::from(*byte)),
                    byte => out.push_str(&format!("\\{byte:03o}")),
                }
            }
        }
    }
}

/// Takes `\\` and `\ooo` for what they stand for.
pub fn unescaped(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [b'\\', after @ ..] => {
                out.push(b'\\');
                rest = after;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                let state = sqlstate::INVALID_TEXT_REPRESENTATION;
                return Err(Error::new(state, "invalid input syntax for type bytea"));
            }
        }
    }
    out.extend_from_slice(rest);
    Ok(out)
}
