//! Bytes whose order is the order of the values: the columns of primary keys and indexes.
//!
//! ```text
//! value       tag, then by type; with descending order every byte behind the tag is inverted
//! tag         00 NULL that comes first, 01 a value, 02 NULL that comes last
//! integers    big-endian, sign bit flipped; dates and times likewise
//! floats      IEEE 754 big-endian, the sign bit flipped, all bits if it was set; one NaN, one zero
//! text, bytes each 00 as 00 ff, then 00 01; bpchar without its blanks at the end
//! numeric     as Numeric::encode_key
//! interval    its span, a month taken as 30 days, as an integer of 10 bytes
//! timetz      the moment as an integer, then the zone
//! enum        where its label is among those of the type, 4 bytes
//! array       each element: 01 and its bytes or 02 for NULL; 00; the number of dimensions, lengths, lower bounds
//! ```
//!
//! INVARIANT: the order of the bytes is that of [`Datum::compare`] (for `bpchar`: of PostgreSQL's comparison, blind for
//! blanks at the end), and equal values have equal bytes. Indexes and spans rely on it.
//! INVARIANT: no value's bytes begin another's, so that columns can follow one another.
//!
//! A key remembers what compares, not how it looked: see [`is_exact`].
//!
//! An enum's key is a label's position, so adding a label anywhere but at the end changes what is stored: whoever lets
//! `ALTER TYPE` do that has to rewrite the keys, or refuse.
//!
//! What it deliberately does not do: `jsonb`, rows and `void` have no keys.

use std::sync::Arc;

use crate::array::{Array, DIMENSIONS_MAX, Dimension};
use crate::builtin::builtin;
use crate::datum::{Datum, EnumValue};
use crate::error::{Error, Result};
use crate::io::Form;
use crate::numeric::Numeric;
use crate::oid::{self, Oid};
use crate::sqlstate;
use crate::time::{Interval, TimeTz};

const NULL_FIRST: u8 = 0;
const VALUE: u8 = 1;
const NULL_LAST: u8 = 2;

const ESCAPED: u8 = 0xff;
const END: u8 = 0x01;

const ELEMENTS_END: u8 = 0;
const ELEMENT: u8 = 1;
const ELEMENT_NULL: u8 = 2;

/// Of one column of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    pub descending: bool,
    pub nulls_first: bool,
}

impl Order {
    /// What an index has if nothing is said.
    pub const ASCENDING: Order = Order { descending: false, nulls_first: false };
}

/// Appends the value. `of` is its type.
pub fn encode(value: &Datum, of: Oid, order: Order, out: &mut Vec<u8>) -> Result<()> {
    if value.is_null() {
        out.push(if order.nulls_first { NULL_FIRST } else { NULL_LAST });
        return Ok(());
    }
    out.push(VALUE);
    let from = out.len();
    encode_value(value, of, out)?;
    if order.descending {
        out[from..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

/// Takes the value from the front of `input`. `form` is needed for the user's enums and arrays of them.
pub fn decode(of: Oid, form: Option<&Form>, order: Order, input: &mut &[u8]) -> Result<Datum> {
    match take(input)? {
        VALUE if order.descending => {
            let inverted: Vec<u8> = input.iter().map(|byte| !byte).collect();
            let mut rest = inverted.as_slice();
            let value = decode_value(of, form, &mut rest)?;
            *input = &input[input.len() - rest.len()..];
            Ok(value)
        }
        VALUE => decode_value(of, form, input),
        NULL_FIRST | NULL_LAST => Ok(Datum::Null),
        _ => Err(damaged()),
    }
}

/// Whether [`decode`] gives back the very value, and not only one that is equal to it: a `numeric` loses its scale, an
/// `interval` its units, a float the sign of its zero, a `bpchar` its blanks. Where it matters the value has to be
/// stored beside the key.
pub fn is_exact(of: Oid) -> bool {
    let inexact = matches!(of, oid::NUMERIC | oid::INTERVAL | oid::FLOAT4 | oid::FLOAT8 | oid::BPCHAR);
    !inexact && builtin().type_by_oid(of).filter(|row| row.is_array()).is_none_or(|row| is_exact(row.element))
}

/// The least bytes above all that begin with `prefix`; none if nothing is above.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn encode_value(value: &Datum, of: Oid, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Datum::Bool(value) => out.push(u8::from(*value)),
        Datum::Char(value) => out.push(*value),
        Datum::Int2(value) => out.extend_from_slice(&(value ^ i16::MIN).to_be_bytes()),
        Datum::Int4(value) | Datum::Date(value) => push_i32(*value, out),
        Datum::Int8(value) | Datum::Time(value) | Datum::Timestamp(value) | Datum::TimestampTz(value) => {
            push_i64(*value, out);
        }
        Datum::Oid(value) => out.extend_from_slice(&value.0.to_be_bytes()),
        Datum::Float4(value) => {
            let bits = (if value.is_nan() { f32::NAN } else { *value + 0.0 }).to_bits();
            let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
            out.extend_from_slice(&ordered.to_be_bytes());
        }
        Datum::Float8(value) => {
            let bits = (if value.is_nan() { f64::NAN } else { *value + 0.0 }).to_bits();
            let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
            out.extend_from_slice(&ordered.to_be_bytes());
        }
        Datum::Numeric(value) => value.encode_key(out),
        Datum::Text(text) if of == oid::BPCHAR => push_bytes(text.trim_end_matches(' ').as_bytes(), out),
        Datum::Text(text) => push_bytes(text.as_bytes(), out),
        Datum::Bytea(bytes) => push_bytes(bytes, out),
        Datum::TimeTz(value) => value.encode_key(out),
        // Without the fields behind the span, in which equal intervals may differ: a unique index knows no month of its
        // own.
        Datum::Interval(value) => {
            let begin = out.len();
            value.encode_key(out);
            out.truncate(begin + SPAN_BYTES);
        }
        Datum::Uuid(value) => out.extend_from_slice(value),
        Datum::Enum(value) => out.extend_from_slice(&value.position.to_be_bytes()),
        Datum::Array(array) => encode_array(array, out)?,
        Datum::Jsonb(_) => return Err(Error::unsupported("an index on type jsonb")),
        Datum::Record(_) => return Err(Error::unsupported("an index on a row type")),
        Datum::Void | Datum::Null => return Err(Error::unsupported("an index on a pseudo-type")),
    }
    Ok(())
}

const MICROS_PER_DAY: i128 = 86_400_000_000;
const MICROS_PER_MONTH: i128 = 30 * MICROS_PER_DAY;
/// Of the span that begins an interval's own key: a biased big-endian number.
const SPAN_BYTES: usize = 10;
const SPAN_BIAS: i128 = 1 << (8 * SPAN_BYTES - 1);

fn push_i32(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value ^ i32::MIN).to_be_bytes());
}

fn push_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

fn push_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let mut parts = bytes.split(|byte| *byte == 0);
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        out.extend_from_slice(&[0, ESCAPED]);
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&[0, END]);
}

fn encode_array(array: &Array, out: &mut Vec<u8>) -> Result<()> {
    for element in array.elements() {
        if element.is_null() {
            out.push(ELEMENT_NULL);
        } else {
            out.push(ELEMENT);
            encode_value(element, array.element_type(), out)?;
        }
    }
    out.push(ELEMENTS_END);
    out.push(array.dimensions().len() as u8);
    array.dimensions().iter().for_each(|dimension| push_i32(dimension.length, out));
    array.dimensions().iter().for_each(|dimension| push_i32(dimension.lower, out));
    Ok(())
}

fn decode_value(of: Oid, form: Option<&Form>, input: &mut &[u8]) -> Result<Datum> {
    match form {
        Some(Form::Enum(labels)) => {
            let position = u32::from_be_bytes(take_some(input)?);
            if position as usize >= labels.labels.len() {
                return Err(damaged());
            }
            return Ok(Datum::Enum(EnumValue { of: labels.clone(), position }));
        }
        Some(Form::Array(form)) => return decode_array(form.element_type, Some(&form.element), input),
        Some(Form::Scalar(_) | Form::Named(_) | Form::Record(_)) | None => {}
    }
    Ok(match of {
        oid::BOOL => match take(input)? {
            0 => Datum::Bool(false),
            1 => Datum::Bool(true),
            _ => return Err(damaged()),
        },
        oid::CHAR => Datum::Char(take(input)?),
        oid::INT2 => Datum::Int2(i16::from_be_bytes(take_some(input)?) ^ i16::MIN),
        oid::INT4 => Datum::Int4(take_i32(input)?),
        oid::INT8 => Datum::Int8(take_i64(input)?),
        oid::DATE => Datum::Date(take_i32(input)?),
        oid::TIME => Datum::Time(take_i64(input)?),
        oid::TIMESTAMP => Datum::Timestamp(take_i64(input)?),
        oid::TIMESTAMPTZ => Datum::TimestampTz(take_i64(input)?),
        oid::FLOAT4 => {
            let ordered = u32::from_be_bytes(take_some(input)?);
            Datum::Float4(f32::from_bits(if ordered >> 31 == 1 { ordered ^ 1 << 31 } else { !ordered }))
        }
        oid::FLOAT8 => {
            let ordered = u64::from_be_bytes(take_some(input)?);
            Datum::Float8(f64::from_bits(if ordered >> 63 == 1 { ordered ^ 1 << 63 } else { !ordered }))
        }
        oid::NUMERIC => Datum::Numeric(Numeric::decode_key(input)?),
        oid::BYTEA => Datum::Bytea(take_bytes(input)?.into()),
        oid::TIMETZ => Datum::TimeTz(TimeTz::decode_key(input)?),
        oid::INTERVAL => Datum::Interval(take_interval(input)?),
        oid::UUID => Datum::Uuid(take_some(input)?),
        oid::TEXT
        | oid::VARCHAR
        | oid::BPCHAR
        | oid::NAME
        | oid::JSON
        | oid::JSONPATH
        | oid::UNKNOWN
        | oid::CSTRING => Datum::text(String::from_utf8(take_bytes(input)?).map_err(|_| damaged())?),
        _ => match builtin().type_by_oid(of) {
            Some(row) if row.is_array() || matches!(of, oid::INT2VECTOR | oid::OIDVECTOR) => {
                decode_array(row.element, None, input)?
            }
            // What is left of the types with keys is `oid` and the likes of `regclass`.
            Some(row) if row.length == 4 => Datum::Oid(Oid(u32::from_be_bytes(take_some(input)?))),
            _ => return Err(Error::unsupported(format!("a key of the type with OID {of}"))),
        },
    })
}

fn decode_array(element_type: Oid, form: Option<&Form>, input: &mut &[u8]) -> Result<Datum> {
    let mut elements = Vec::new();
    loop {
        match take(input)? {
            ELEMENTS_END => break,
            ELEMENT => elements.push(decode_value(element_type, form, input)?),
            ELEMENT_NULL => elements.push(Datum::Null),
            _ => return Err(damaged()),
        }
    }
    let count = usize::from(take(input)?);
    if count > DIMENSIONS_MAX {
        return Err(damaged());
    }
    let mut dimensions = vec![Dimension { length: 0, lower: 0 }; count];
    for dimension in &mut dimensions {
        dimension.length = take_i32(input)?;
    }
    for dimension in &mut dimensions {
        dimension.lower = take_i32(input)?;
    }
    let array = Array::checked(element_type, dimensions, elements).ok_or_else(damaged)?;
    Ok(Datum::Array(Arc::new(array)))
}

fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "a stored key is damaged")
}

fn take(input: &mut &[u8]) -> Result<u8> {
    take_some::<1>(input).map(|[byte]| byte)
}

fn take_some<const N: usize>(input: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = input.split_first_chunk().ok_or_else(damaged)?;
    *input = rest;
    Ok(*first)
}

fn take_i32(input: &mut &[u8]) -> Result<i32> {
    Ok(i32::from_be_bytes(take_some(input)?) ^ i32::MIN)
}

fn take_i64(input: &mut &[u8]) -> Result<i64> {
    Ok(i64::from_be_bytes(take_some(input)?) ^ i64::MIN)
}

fn take_bytes(input: &mut &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let zero = input.iter().position(|byte| *byte == 0).ok_or_else(damaged)?;
        bytes.extend_from_slice(&input[..zero]);
        *input = &input[zero + 1..];
        match take(input)? {
            END => return Ok(bytes),
            ESCAPED => bytes.push(0),
            _ => return Err(damaged()),
        }
    }
}

/// In as large units as there are.
fn take_interval(input: &mut &[u8]) -> Result<Interval> {
    let mut bytes = [0; 16];
    bytes[16 - SPAN_BYTES..].copy_from_slice(&take_some::<SPAN_BYTES>(input)?);
    let span = i128::from_be_bytes(bytes) - SPAN_BIAS;
    let at_most_i32 = |units: i128| units.clamp(i128::from(i32::MIN), i128::from(i32::MAX));
    let months = at_most_i32(span / MICROS_PER_MONTH);
    let days = at_most_i32((span - months * MICROS_PER_MONTH) / MICROS_PER_DAY);
    let micros = span - months * MICROS_PER_MONTH - days * MICROS_PER_DAY;
    let micros = i64::try_from(micros).map_err(|_| damaged())?;
    Ok(Interval { months: months as i32, days: days as i32, micros })
}

#[cfg(test)]
mod tests;
