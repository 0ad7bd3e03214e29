//! `uuid`: 16 bytes, compared as such.

use crate::datum::Datum;
use crate::error::Error;
use crate::io::{TypeIo, malformed};

pub const IO: TypeIo = TypeIo {
    parse: |text, _, _| parse(text).map(Datum::Uuid).ok_or_else(|| Error::invalid_input("uuid", text)),
    format: |value, _, out| {
        for (at, byte) in bytes(value).iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                out.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
            }
        }
    },
    receive: |bytes, _| bytes.try_into().map(Datum::Uuid).map_err(|_| malformed("uuid")),
    send: |value, out| out.extend_from_slice(bytes(value)),
};

fn bytes(value: &Datum) -> &[u8; 16] {
    match value {
        Datum::Uuid(bytes) => bytes,
        other => panic!("a uuid is wanted, not {other:?}"),
    }
}

/// In braces or not, with a hyphen after any four digits or not.
fn parse(text: &str) -> Option<[u8; 16]> {
    let inside = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut rest = inside.as_bytes();
    let mut uuid = [0; 16];
    for (at, byte) in uuid.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else { return None };
        let digit = |character: u8| char::from(character).to_digit(16);
        *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
        rest = match after {
            [b'-', after @ ..] if at % 2 == 1 && at < 15 => after,
            _ => after,
        };
    }
    rest.is_empty().then_some(uuid)
}
