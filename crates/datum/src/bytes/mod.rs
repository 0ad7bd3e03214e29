//! `bytea`: bytes.
//!
//! - [`io`]: the forms `\x0aff` and `\012\377`
//! - [`encode`]: `encode` and `decode`
//! - [`functions`]: the rest
//!
//! LIKE over bytes is in [`crate::text::like`], conversions between encodings are in [`crate::text::encoding`].

pub mod encode;
pub mod functions;
pub mod io;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use functions::Side;

use crate::datum::Datum;
use crate::error::Result;
use crate::function::ScalarTable;
use crate::io::IoTable;
use crate::oid;
use crate::text::{bytes_of, compare, like, str_of, string};

pub const IO: IoTable = &[(oid::BYTEA, io::BYTEA)];

pub const SCALARS: ScalarTable = &[
    ("byteaeq", |_, a| Ok(Datum::Bool(bytes_of(&a[0]) == bytes_of(&a[1])))),
    ("byteane", |_, a| Ok(Datum::Bool(bytes_of(&a[0]) != bytes_of(&a[1])))),
    ("bytealt", |_, a| ordered(a, Ordering::is_lt)),
    ("byteale", |_, a| ordered(a, Ordering::is_le)),
    ("byteagt", |_, a| ordered(a, Ordering::is_gt)),
    ("byteage", |_, a| ordered(a, Ordering::is_ge)),
    ("byteacmp", |_, a| compare::order(bytes_of(&a[0]).cmp(bytes_of(&a[1])))),
    ("bytealike", |_, a| like::like_bytes(a, false)),
    ("byteanlike", |_, a| like::like_bytes(a, true)),
    ("like_escape_bytea", |_, a| like::like_escape_bytes(a)),
    ("byteacat", |_, a| functions::concat(a)),
    ("byteaoctetlen", |_, a| Ok(Datum::Int4(bytes_of(&a[0]).len() as i32))),
    ("bit_length:17", |_, a| string::bits(bytes_of(&a[0]).len())),
    ("bytea_substr", |_, a| functions::substr(a)),
    ("bytea_substr_no_len", |_, a| functions::substr(a)),
    ("byteaoverlay", |_, a| functions::overlay(a)),
    ("byteaoverlay_no_len", |_, a| functions::overlay(a)),
    ("byteapos", |_, a| functions::position(a)),
    ("byteatrim", |_, a| functions::trim(a, Side::Both)),
    ("bytealtrim", |_, a| functions::trim(a, Side::Left)),
    ("byteartrim", |_, a| functions::trim(a, Side::Right)),
    ("byteaGetByte", |_, a| functions::get_byte(a)),
    ("byteaSetByte", |_, a| functions::set_byte(a)),
    ("byteaGetBit", |_, a| functions::get_bit(a)),
    ("byteaSetBit", |_, a| functions::set_bit(a)),
    ("bytea_bit_count", |_, a| functions::bit_count(a)),
    ("md5_text", |_, a| functions::md5(str_of(&a[0]).as_bytes())),
    ("md5_bytea", |_, a| functions::md5(bytes_of(&a[0]))),
    ("sha224_bytea", |_, a| functions::sha::<sha2::Sha224>(a)),
    ("sha256_bytea", |_, a| functions::sha::<sha2::Sha256>(a)),
    ("sha384_bytea", |_, a| functions::sha::<sha2::Sha384>(a)),
    ("sha512_bytea", |_, a| functions::sha::<sha2::Sha512>(a)),
    ("binary_encode", |_, a| encode::encode(a)),
    ("binary_decode", |_, a| encode::decode(a)),
];

fn ordered(arguments: &[Datum], is: fn(Ordering) -> bool) -> Result<Datum> {
    Ok(Datum::Bool(is(bytes_of(&arguments[0]).cmp(bytes_of(&arguments[1])))))
}
