//! A row's columns as bytes: all that is not in its key.
//!
//! ```text
//! row      version (01), last column; then for each column that is not NULL, by ascending number:
//!          tag (distance to the column before << 3 | kind), payload
//! kind     0 zigzag varint: integers, dates, times, oids, enums (the label's oid)
//!          1, 2, 3  4, 8, 16 bytes: floats, timestamps, uuids
//!          4 length and bytes: the rest
//!          5, 6 false, true
//! ```
//! Numbers are varints (LEB128), what has a fixed length is little-endian.
//!
//! A NULL takes no byte. The last column is the greatest number that the table had when the row was written: a column
//! up to it that is not here is NULL, one behind it was added later, and what it holds is for the table's descriptor to
//! say. Columns that were dropped are skipped; their numbers are never given to others.
//!
//! INVARIANT: the kind alone says how long a payload is, so a reader passes columns whose type it does not know.
//! INVARIANT: bytes that no [`RowWriter`] wrote give an error or some value, never a panic.

use std::sync::Arc;

use crate::array::{Array, DIMENSIONS_MAX, Dimension};
use crate::builtin::builtin;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::io::Form;
use crate::json::Jsonb;
use crate::numeric::Numeric;
use crate::oid::{self, Oid};
use crate::sqlstate;
use crate::time::{Interval, TimeTz};

const VERSION: u8 = 1;

const VARINT: u8 = 0;
const FIXED_4: u8 = 1;
const FIXED_8: u8 = 2;
const FIXED_16: u8 = 3;
const BYTES: u8 = 4;
const FALSE: u8 = 5;
const TRUE: u8 = 6;
const KIND_BITS: u32 = 3;
const KIND_MASK: u64 = 7;
const VARINT_BYTES_MAX: usize = 10;

pub struct RowWriter {
    bytes: Vec<u8>,
    previous: u32,
    scratch: Vec<u8>,
}

impl RowWriter {
    /// `last_column`: the greatest number of the table's columns, whether it will be written here or not.
    pub fn new(last_column: u32) -> RowWriter {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(VERSION);
        push_varint(u64::from(last_column), &mut bytes);
        RowWriter { bytes, previous: 0, scratch: Vec::new() }
    }

    /// In ascending order of the columns. Rows can't be stored as a value.
    pub fn push(&mut self, column: u32, value: &Datum) -> Result<()> {
        debug_assert!(self.previous <= column, "columns come in order");
        if value.is_null() {
            return Ok(());
        }
        self.scratch.clear();
        let kind = match value {
            Datum::Bool(false) => FALSE,
            Datum::Bool(true) => TRUE,
            _ => write_payload(value, &mut self.scratch)?,
        };
        let distance = u64::from(column - self.previous);
        push_varint(distance << KIND_BITS | u64::from(kind), &mut self.bytes);
        if kind == BYTES {
            push_varint(self.scratch.len() as u64, &mut self.bytes);
        }
        self.bytes.extend_from_slice(&self.scratch);
        self.previous = column;
        Ok(())
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

pub(crate) fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn push_zigzag(value: i64, out: &mut Vec<u8>) {
    push_varint((value << 1 ^ value >> 63) as u64, out);
}

/// Appends the value without length and gives its kind; of a `bool`, for which a column needs no payload, an integer.
fn write_payload(value: &Datum, out: &mut Vec<u8>) -> Result<u8> {
    let integer = match value {
        Datum::Bool(value) => i64::from(*value),
        Datum::Char(value) => i64::from(*value),
        Datum::Int2(value) => i64::from(*value),
        Datum::Int4(value) | Datum::Date(value) => i64::from(*value),
        Datum::Int8(value) | Datum::Time(value) => *value,
        Datum::Oid(value) => i64::from(value.0),
        Datum::Enum(value) => i64::from(value.oid().0),
        other => return write_other(other, out),
    };
    push_zigzag(integer, out);
    Ok(VARINT)
}

fn write_other(value: &Datum, out: &mut Vec<u8>) -> Result<u8> {
    match value {
        Datum::Float4(value) => {
            out.extend_from_slice(&value.to_le_bytes());
            return Ok(FIXED_4);
        }
        Datum::Float8(value) => {
            out.extend_from_slice(&value.to_le_bytes());
            return Ok(FIXED_8);
        }
        Datum::Timestamp(value) | Datum::TimestampTz(value) => {
            out.extend_from_slice(&value.to_le_bytes());
            return Ok(FIXED_8);
        }
        Datum::Uuid(value) => {
            out.extend_from_slice(value);
            return Ok(FIXED_16);
        }
        Datum::Text(text) => out.extend_from_slice(text.as_bytes()),
        Datum::Bytea(bytes) => out.extend_from_slice(bytes),
        Datum::Numeric(value) => value.encode_value(out),
        Datum::Jsonb(value) => out.extend_from_slice(value.as_bytes()),
        Datum::TimeTz(value) => {
            push_zigzag(value.micros, out);
            push_zigzag(i64::from(value.west_seconds), out);
        }
        Datum::Interval(value) => {
            push_zigzag(value.micros, out);
            push_zigzag(i64::from(value.days), out);
            push_zigzag(i64::from(value.months), out);
        }
        Datum::Array(array) => write_array(array, out)?,
        Datum::Record(_) => return Err(Error::unsupported("a column of a row type")),
        other => return Err(Error::internal(format!("a column can't hold {other:?}"))),
    }
    Ok(BYTES)
}

/// Number of dimensions << 1 | has NULLs, lengths and lower bounds, a bit for each NULL, the kind, the elements.
fn write_array(array: &Array, out: &mut Vec<u8>) -> Result<()> {
    let has_nulls = array.elements().iter().any(Datum::is_null);
    push_varint((array.dimensions().len() as u64) << 1 | u64::from(has_nulls), out);
    for dimension in array.dimensions() {
        push_varint(dimension.length as u64, out);
        push_zigzag(i64::from(dimension.lower), out);
    }
    if has_nulls {
        for eight in array.elements().chunks(8) {
            out.push(eight.iter().enumerate().fold(0, |bits, (at, element)| bits | u8::from(element.is_null()) << at));
        }
    }
    let mut scratch = Vec::new();
    let mut is_first = true;
    for element in array.elements().iter().filter(|element| !element.is_null()) {
        scratch.clear();
        let kind = write_payload(element, &mut scratch)?;
        if std::mem::take(&mut is_first) {
            out.push(kind);
        }
        if kind == BYTES {
            push_varint(scratch.len() as u64, out);
        }
        out.extend_from_slice(&scratch);
    }
    Ok(())
}

/// Iterates over the columns that are not NULL.
#[derive(Clone, Debug)]
pub struct RowReader<'a> {
    rest: &'a [u8],
    previous: u32,
}

/// A column's payload, not yet a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoded<'a> {
    Integer(i64),
    Fixed4([u8; 4]),
    Fixed8([u8; 8]),
    Fixed16([u8; 16]),
    Bytes(&'a [u8]),
    Bool(bool),
}

impl<'a> RowReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<RowReader<'a>> {
        let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(damaged()) };
        take_varint(&mut rest)?;
        Ok(RowReader { rest, previous: 0 })
    }

    fn take_column(&mut self) -> Result<(u32, Encoded<'a>)> {
        let tag = take_varint(&mut self.rest)?;
        let distance = u32::try_from(tag >> KIND_BITS).map_err(|_| damaged())?;
        self.previous = self.previous.checked_add(distance).ok_or_else(damaged)?;
        Ok((self.previous, take_encoded((tag & KIND_MASK) as u8, &mut self.rest)?))
    }
}

/// No place for a column, in what [`visit`] goes by.
pub const NOWHERE: u16 = u16::MAX;

/// Hands the columns of a row that have a place to `take`, in one pass that does little for the others. `places` goes by
/// the columns' numbers and ends with the last one that is wanted. Returns the last column that the table had when the
/// row was written.
pub fn visit<'a>(
    bytes: &'a [u8],
    places: &[u16],
    mut take: impl FnMut(usize, Encoded<'a>) -> Result<()>,
) -> Result<u32> {
    let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(damaged()) };
    let last_column = u32::try_from(take_varint(&mut rest)?).map_err(|_| damaged())?;
    let mut column = 0_usize;
    while !rest.is_empty() {
        let tag = take_varint(&mut rest)?;
        column = column.saturating_add((tag >> KIND_BITS) as usize);
        let kind = (tag & KIND_MASK) as u8;
        match places.get(column) {
            None => break,
            Some(&NOWHERE) => skip(kind, &mut rest)?,
            Some(place) => take(usize::from(*place), take_encoded(kind, &mut rest)?)?,
        }
    }
    Ok(last_column)
}

impl<'a> Iterator for RowReader<'a> {
    type Item = Result<(u32, Encoded<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let column = self.take_column();
        if column.is_err() {
            self.rest = &[];
        }
        Some(column)
    }
}

#[inline]
fn take_encoded<'a>(kind: u8, rest: &mut &'a [u8]) -> Result<Encoded<'a>> {
    Ok(match kind {
        VARINT => Encoded::Integer(take_zigzag(rest)?),
        FIXED_4 => Encoded::Fixed4(take_some(rest)?),
        FIXED_8 => Encoded::Fixed8(take_some(rest)?),
        FIXED_16 => Encoded::Fixed16(take_some(rest)?),
        BYTES => {
            let length = usize::try_from(take_varint(rest)?).map_err(|_| damaged())?;
            let (bytes, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
            *rest = after;
            Encoded::Bytes(bytes)
        }
        FALSE => Encoded::Bool(false),
        TRUE => Encoded::Bool(true),
        _ => return Err(damaged()),
    })
}

#[inline]
fn skip(kind: u8, rest: &mut &[u8]) -> Result<()> {
    let length = match kind {
        VARINT => rest.iter().take(VARINT_BYTES_MAX).position(|byte| *byte < 0x80).ok_or_else(damaged)? + 1,
        FIXED_4 => 4,
        FIXED_8 => 8,
        FIXED_16 => 16,
        BYTES => usize::try_from(take_varint(rest)?).map_err(|_| damaged())?,
        FALSE | TRUE => 0,
        _ => return Err(damaged()),
    };
    *rest = rest.get(length..).ok_or_else(damaged)?;
    Ok(())
}

#[cold]
pub(crate) fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "a stored row is damaged")
}

#[inline]
pub(crate) fn take_some<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (first, after) = rest.split_first_chunk().ok_or_else(damaged)?;
    *rest = after;
    Ok(*first)
}

#[inline]
pub(crate) fn take_varint(rest: &mut &[u8]) -> Result<u64> {
    // Nearly all are this short.
    match rest.split_first() {
        Some((&byte, after)) if byte < 0x80 => {
            *rest = after;
            Ok(u64::from(byte))
        }
        _ => take_long_varint(rest),
    }
}

fn take_long_varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for at in 0..VARINT_BYTES_MAX {
        let [byte] = take_some(rest)?;
        if at == VARINT_BYTES_MAX - 1 && byte > 1 {
            return Err(damaged());
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(damaged())
}

pub(crate) fn take_zigzag(rest: &mut &[u8]) -> Result<i64> {
    let value = take_varint(rest)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

impl Encoded<'_> {
    /// The value, if the column is of this type. `form` is needed for the user's enums and arrays of them.
    pub fn decode(&self, of: Oid, form: Option<&Form>) -> Result<Datum> {
        match (form, self) {
            (Some(Form::Enum(labels)), Encoded::Integer(label)) => {
                let label = u32::try_from(*label).map_err(|_| damaged())?;
                return labels.by_oid(Oid(label)).map(Datum::Enum).ok_or_else(damaged);
            }
            (Some(Form::Array(form)), Encoded::Bytes(bytes)) => {
                return decode_array(form.element_type, Some(&form.element), bytes);
            }
            (Some(Form::Enum(_) | Form::Array(_)), _) => return Err(damaged()),
            (Some(Form::Scalar(_) | Form::Named(_) | Form::Record(_)) | None, _) => {}
        }
        match *self {
            Encoded::Integer(value) => decode_integer(of, value),
            Encoded::Bool(value) if of == oid::BOOL => Ok(Datum::Bool(value)),
            Encoded::Fixed4(bytes) if of == oid::FLOAT4 => Ok(Datum::Float4(f32::from_le_bytes(bytes))),
            Encoded::Fixed8(bytes) => match of {
                oid::FLOAT8 => Ok(Datum::Float8(f64::from_le_bytes(bytes))),
                oid::TIMESTAMP => Ok(Datum::Timestamp(i64::from_le_bytes(bytes))),
                oid::TIMESTAMPTZ => Ok(Datum::TimestampTz(i64::from_le_bytes(bytes))),
                _ => Err(damaged()),
            },
            Encoded::Fixed16(bytes) if of == oid::UUID => Ok(Datum::Uuid(bytes)),
            Encoded::Bytes(bytes) => decode_bytes(of, bytes),
            _ => Err(damaged()),
        }
    }
}

fn decode_integer(of: Oid, value: i64) -> Result<Datum> {
    fn fit<T: TryFrom<i64>>(value: i64) -> Result<T> {
        T::try_from(value).map_err(|_| damaged())
    }
    Ok(match of {
        oid::INT4 => Datum::Int4(fit(value)?),
        oid::INT8 => Datum::Int8(value),
        oid::INT2 => Datum::Int2(fit(value)?),
        oid::DATE => Datum::Date(fit(value)?),
        oid::TIME => Datum::Time(value),
        oid::CHAR => Datum::Char(fit(value)?),
        oid::BOOL if value == 0 || value == 1 => Datum::Bool(value == 1),
        // `oid` and the likes of `regclass`: the other types of fixed length are stored otherwise.
        _ if builtin().type_by_oid(of).is_some_and(|row| row.length == 4 && row.by_value) => {
            Datum::Oid(Oid(fit(value)?))
        }
        _ => return Err(damaged()),
    })
}

fn decode_bytes(of: Oid, mut bytes: &[u8]) -> Result<Datum> {
    Ok(match of {
        oid::TEXT
        | oid::VARCHAR
        | oid::BPCHAR
        | oid::NAME
        | oid::JSON
        | oid::JSONPATH
        | oid::UNKNOWN
        | oid::CSTRING => Datum::text(std::str::from_utf8(bytes).map_err(|_| damaged())?),
        oid::BYTEA => Datum::Bytea(bytes.into()),
        oid::NUMERIC => Datum::Numeric(Numeric::decode_value(bytes)?),
        oid::JSONB => Datum::Jsonb(Jsonb::decode(bytes).ok_or_else(damaged)?),
        oid::TIMETZ => {
            let (micros, west_seconds) = (take_zigzag(&mut bytes)?, take_zigzag(&mut bytes)?);
            // Anything longer than a day would overflow what compares them.
            let is_time = (0..=86_400_000_000).contains(&micros);
            let west_seconds = i32::try_from(west_seconds).ok().filter(|_| is_time).ok_or_else(damaged)?;
            Datum::TimeTz(TimeTz { micros, west_seconds })
        }
        oid::INTERVAL => {
            let mut units = [0; 3];
            for unit in &mut units {
                *unit = take_zigzag(&mut bytes)?;
            }
            let [micros, days, months] = units;
            let fit = |value: i64| i32::try_from(value).map_err(|_| damaged());
            Datum::Interval(Interval { micros, days: fit(days)?, months: fit(months)? })
        }
        _ => match builtin().type_by_oid(of) {
            Some(row) if row.is_array() || matches!(of, oid::INT2VECTOR | oid::OIDVECTOR) => {
                return decode_array(row.element, None, bytes);
            }
            _ => return Err(damaged()),
        },
    })
}

fn decode_array(element_type: Oid, form: Option<&Form>, mut bytes: &[u8]) -> Result<Datum> {
    let rest = &mut bytes;
    let head = take_varint(rest)?;
    let (count, has_nulls) = (usize::try_from(head >> 1).map_err(|_| damaged())?, head & 1 == 1);
    if count > DIMENSIONS_MAX {
        return Err(damaged());
    }
    let mut dimensions = Vec::with_capacity(count);
    let mut total = usize::from(count > 0);
    for _ in 0..count {
        let length = i32::try_from(take_varint(rest)?).map_err(|_| damaged())?;
        let lower = i32::try_from(take_zigzag(rest)?).map_err(|_| damaged())?;
        // Even a NULL takes a bit: more elements than bits are damage, and not worth memory.
        total = total.checked_mul(length as usize).filter(|total| total / 8 <= rest.len()).ok_or_else(damaged)?;
        dimensions.push(Dimension { length, lower });
    }
    let nulls = if has_nulls { rest.split_at_checked(total.div_ceil(8)).ok_or_else(damaged)?.0 } else { &[] };
    *rest = &rest[nulls.len()..];
    let is_null = |at: usize| nulls.get(at / 8).is_some_and(|bits| bits >> (at % 8) & 1 == 1);
    let mut kind = None;
    let mut elements = Vec::with_capacity(total);
    for at in 0..total {
        if is_null(at) {
            elements.push(Datum::Null);
            continue;
        }
        let kind = match kind {
            Some(kind) => kind,
            None => *kind.insert(take_some::<1>(rest)?[0]),
        };
        elements.push(take_encoded(kind, rest)?.decode(element_type, form)?);
    }
    let array = Array::checked(element_type, dimensions, elements).ok_or_else(damaged)?;
    Ok(Datum::Array(Arc::new(array)))
}

#[cfg(test)]
mod tests;
