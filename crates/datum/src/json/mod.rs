//! `json` and `jsonb`.
//!
//! A `json` is its text, checked when it comes in. A [`Jsonb`] is bytes that are read in place.
//!
//! - [`lex`]: tokens and grammar; what is said of text that is no JSON
//! - [`binary`]: the bytes of a `jsonb`
//! - [`order`](self): how two of them compare, hash and contain one another
//! - [`mod@write`]: from `jsonb` to text
//! - [`access`](self): operators and functions that look into a `jsonb`; `modify`: those that make a changed one
//! - [`text`](self): the same on `json`
//! - [`convert`]: from any value of SQL to JSON; `build`: constructors and aggregates
//! - [`path`]: `jsonpath`, and the functions and operators that take one
//! - [`populate`]: from JSON to records with columns that somebody else has said
//!
//! Chapters 8.14 and 9.16 of PostgreSQL's documentation.

mod access;
pub mod binary;
mod build;
pub mod convert;
pub mod lex;
mod modify;
mod order;
pub mod path;
pub mod populate;
#[cfg(test)]
mod tests;
mod text;
pub mod write;

use crate::array::Array;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{AggregateTable, ScalarTable, SetTable};
use crate::io::{IoTable, TypeIo};
use crate::{oid, sqlstate};

pub use access::get;
pub use binary::{Builder, Jsonb, Kind, Node};
pub use modify::assign;

const JSON_IO: TypeIo = TypeIo {
    parse: |text, _, _| {
        lex::read(text, lex::Escapes::Kept, &mut lex::Nothing)?;
        Ok(Datum::text(text))
    },
    format: |value, _, out| out.push_str(text_of(value)),
    receive: |bytes, _| {
        let text = utf8(bytes)?;
        lex::read(text, lex::Escapes::Kept, &mut lex::Nothing)?;
        Ok(Datum::text(text))
    },
    send: |value, out| out.extend_from_slice(text_of(value).as_bytes()),
};

/// Of `jsonb`'s binary form, which is the text behind this byte.
const WIRE_VERSION: u8 = 1;

const JSONB_IO: TypeIo = TypeIo {
    parse: |text, _, _| Ok(Datum::Jsonb(parse(text)?)),
    format: |value, _, out| write::compact(jsonb(value).root(), out),
    receive: |bytes, _| match bytes.split_first() {
        Some((&WIRE_VERSION, text)) => Ok(Datum::Jsonb(parse(utf8(text)?)?)),
        Some((version, _)) => Err(Error::internal(format!("unsupported jsonb version number {version}"))),
        None => Err(Error::new(sqlstate::PROTOCOL_VIOLATION, "no data left in message")),
    },
    send: |value, out| {
        let mut text = String::new();
        write::compact(jsonb(value).root(), &mut text);
        out.push(WIRE_VERSION);
        out.extend_from_slice(text.as_bytes());
    },
};

pub const IO: IoTable = &[(oid::JSON, JSON_IO), (oid::JSONB, JSONB_IO), (oid::JSONPATH, path::IO)];

pub const SCALARS: ScalarTable = &[
    ("jsonb_object_field", access::object_field),
    ("jsonb_object_field_text", access::object_field_text),
    ("jsonb_array_element", access::array_element),
    ("jsonb_array_element_text", access::array_element_text),
    ("jsonb_extract_path", access::extract_path),
    ("jsonb_extract_path_text", access::extract_path_text),
    ("jsonb_array_length", access::array_length),
    ("jsonb_typeof", access::type_of),
    ("jsonb_pretty", access::pretty),
    ("jsonb_contains", access::contains),
    ("jsonb_contained", access::contained),
    ("jsonb_exists", access::exists),
    ("jsonb_exists_any", access::exists_any),
    ("jsonb_exists_all", access::exists_all),
    ("jsonb_eq", |_, arguments| Ok(Datum::Bool(arguments[0] == arguments[1]))),
    ("jsonb_ne", |_, arguments| Ok(Datum::Bool(arguments[0] != arguments[1]))),
    ("jsonb_lt", |_, arguments| Ok(Datum::Bool(arguments[0] < arguments[1]))),
    ("jsonb_le", |_, arguments| Ok(Datum::Bool(arguments[0] <= arguments[1]))),
    ("jsonb_gt", |_, arguments| Ok(Datum::Bool(arguments[0] > arguments[1]))),
    ("jsonb_ge", |_, arguments| Ok(Datum::Bool(arguments[0] >= arguments[1]))),
    ("jsonb_cmp", |_, arguments| Ok(Datum::Int4(arguments[0].compare(&arguments[1]) as i32))),
    ("jsonb_bool", access::to_bool),
    ("jsonb_numeric", access::to_numeric),
    ("jsonb_int2", access::to_int2),
    ("jsonb_int4", access::to_int4),
    ("jsonb_int8", access::to_int8),
    ("jsonb_float4", access::to_float4),
    ("jsonb_float8", access::to_float8),
    ("jsonb_concat", modify::concatenate),
    ("jsonb_delete", modify::delete_key),
    ("jsonb_delete_idx", modify::delete_index),
    ("jsonb_delete_array", modify::delete_keys),
    ("jsonb_delete_path", modify::delete_path),
    ("jsonb_set", modify::set),
    ("jsonb_set_lax", modify::set_lax),
    ("jsonb_insert", modify::insert),
    ("jsonb_strip_nulls", modify::strip_nulls),
    ("json_object_field", text::object_field),
    ("json_object_field_text", text::object_field_text),
    ("json_array_element", text::array_element),
    ("json_array_element_text", text::array_element_text),
    ("json_extract_path", text::extract_path),
    ("json_extract_path_text", text::extract_path_text),
    ("json_array_length", text::array_length),
    ("json_typeof", text::type_of),
    ("json_strip_nulls", text::strip_nulls),
    ("to_json", build::to_json),
    ("to_jsonb", build::to_jsonb),
    ("array_to_json", build::to_json),
    ("array_to_json_pretty", build::to_json_pretty),
    ("row_to_json", build::to_json),
    ("row_to_json_pretty", build::to_json_pretty),
    ("json_build_array", build::json_array),
    ("json_build_array_noargs", build::json_array),
    ("json_build_object", build::json_object),
    ("json_build_object_noargs", build::json_object),
    ("jsonb_build_array", build::jsonb_array),
    ("jsonb_build_array_noargs", build::jsonb_array),
    ("jsonb_build_object", build::jsonb_object),
    ("jsonb_build_object_noargs", build::jsonb_object),
    ("json_object", build::json_object_of_texts),
    ("json_object_two_arg", build::json_object_of_texts),
    ("jsonb_object", build::jsonb_object_of_texts),
    ("jsonb_object_two_arg", build::jsonb_object_of_texts),
];

pub const SETS: SetTable = &[
    ("jsonb_each", access::each),
    ("jsonb_each_text", access::each_text),
    ("jsonb_object_keys", access::object_keys),
    ("jsonb_array_elements", access::array_elements),
    ("jsonb_array_elements_text", access::array_elements_text),
    ("json_each", text::each),
    ("json_each_text", text::each_text),
    ("json_object_keys", text::object_keys),
    ("json_array_elements", text::array_elements),
    ("json_array_elements_text", text::array_elements_text),
];

pub const AGGREGATES: AggregateTable = build::AGGREGATES;

pub fn parse(text: &str) -> Result<Jsonb> {
    let mut builder = Builder::new();
    lex::read(text, lex::Escapes::Resolved, &mut builder)?;
    Ok(builder.finish())
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}");
        Error::new(sqlstate::CHARACTER_NOT_IN_REPERTOIRE, message)
    })
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
}

fn jsonb(value: &Datum) -> &Jsonb {
    match value {
        Datum::Jsonb(json) => json,
        other => panic!("a jsonb is wanted, not {other:?}"),
    }
}

fn text_of(value: &Datum) -> &str {
    match value {
        Datum::Text(text) => text,
        other => panic!("a text is wanted, not {other:?}"),
    }
}

fn int_of(value: &Datum) -> i32 {
    match value {
        Datum::Int4(value) => *value,
        other => panic!("an int4 is wanted, not {other:?}"),
    }
}

fn array_of(value: &Datum) -> &Array {
    match value {
        Datum::Array(array) => array,
        other => panic!("an array is wanted, not {other:?}"),
    }
}

/// The elements of a `text[]`.
fn texts_of(value: &Datum) -> impl Iterator<Item = Option<&str>> {
    array_of(value).elements().iter().map(|element| (!element.is_null()).then(|| text_of(element)))
}

fn optional_text(text: Option<String>) -> Datum {
    text.map_or(Datum::Null, Datum::text)
}

/// An element of a path as the index of an array.
fn index_of(text: &str) -> Option<i32> {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).parse().ok()
}

/// Where an index that may count from the end (-1 is the last) points.
fn position(index: i32, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if index < 0 { length + i64::from(index) } else { i64::from(index) };
    usize::try_from(at).ok().filter(|_| at < length)
}
