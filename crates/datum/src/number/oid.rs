//! `oid`: compared, read and written; it isn't calculated with.

use std::fmt::Write;

use super::integer::out_of_range;
use super::scalar;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::ScalarTable;
use crate::io::{TypeIo, malformed};
use crate::oid::{self, Oid};

pub(super) const SCALARS: ScalarTable = &[
    ("oideq", scalar!(|a: Oid, b: Oid| a == b => Bool)),
    ("oidne", scalar!(|a: Oid, b: Oid| a != b => Bool)),
    ("oidlt", scalar!(|a: Oid, b: Oid| a < b => Bool)),
    ("oidle", scalar!(|a: Oid, b: Oid| a <= b => Bool)),
    ("oidgt", scalar!(|a: Oid, b: Oid| a > b => Bool)),
    ("oidge", scalar!(|a: Oid, b: Oid| a >= b => Bool)),
    ("btoidcmp", scalar!(|a: Oid, b: Oid| a.cmp(&b) as i32 => Int4)),
    ("oidlarger", scalar!(|a: Oid, b: Oid| a.max(b) => Oid)),
    ("oidsmaller", scalar!(|a: Oid, b: Oid| a.min(b) => Oid)),
    ("oidtoi8", scalar!(|a: Oid| i64::from(a.0) => Int8)),
    ("i8tooid", scalar!(|a: Int8| Oid(u32::try_from(a).map_err(|_| Error::out_of_range("OID"))?) => Oid)),
];

pub(super) const OID: (Oid, TypeIo) = (
    oid::OID,
    TypeIo {
        parse: |text, _, _| parse(text).map(Datum::Oid),
        format: |value, _, out| write!(out, "{}", of(value)).expect("a string takes everything"),
        receive: |bytes, _| match <[u8; 4]>::try_from(bytes) {
            Ok(bytes) => Ok(Datum::Oid(Oid(u32::from_be_bytes(bytes)))),
            Err(_) => Err(malformed("oid")),
        },
        send: |value, out| out.extend_from_slice(&of(value).0.to_be_bytes()),
    },
);

fn of(value: &Datum) -> Oid {
    match value {
        Datum::Oid(oid) => *oid,
        _ => panic!("not an oid: {value:?}"),
    }
}

/// Negative numbers that fit an `int4` are taken for its bits. What is too long is refused before what follows is looked
/// at.
fn parse(text: &str) -> Result<Oid> {
    let trimmed = text.trim_matches(super::is_space);
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let digits = &unsigned[..unsigned.bytes().take_while(u8::is_ascii_digit).count()];
    if digits.is_empty() {
        return Err(Error::invalid_input("oid", text));
    }
    let Ok(magnitude) = digits.parse::<u64>() else { return Err(out_of_range(text, "oid")) };
    if digits.len() < unsigned.len() {
        return Err(Error::invalid_input("oid", text));
    }
    let bits = if trimmed.starts_with('-') {
        i64::try_from(magnitude).ok().and_then(|magnitude| i32::try_from(-magnitude).ok()).map(|value| value as u32)
    } else {
        u32::try_from(magnitude).ok()
    };
    bits.map(Oid).ok_or_else(|| out_of_range(text, "oid"))
}
