//! Any value as bytes that this process reads again: what a statement has no room for and lays aside on disk.
//!
//! ```text
//! value    kind, payload: numbers and lengths as varints, what has a fixed length little-endian
//! ```
//! Unlike a stored row's columns a value says itself what it is, and all there are can be written, rows and nothing at
//! all included. What values share, the labels of an enum and the columns of a row, stays in memory as [`Shapes`].
//!
//! What it deliberately is not: a format. Nothing of it outlives the statement.

use std::sync::Arc;

use crate::array::{Array, Dimension};
use crate::datum::{Datum, EnumType, EnumValue, Record};
use crate::error::Result;
use crate::json::Jsonb;
use crate::numeric::Numeric;
use crate::oid::Oid;
use crate::row::{damaged, push_varint, push_zigzag, take_some, take_varint, take_zigzag};
use crate::time::{Interval, TimeTz};

/// What written values refer to.
#[derive(Debug, Default)]
pub struct Shapes {
    enums: Vec<Arc<EnumType>>,
    /// Their values are of no interest.
    records: Vec<Record>,
}

macro_rules! kinds {
    ($($kind:ident)*) => {
        #[derive(Clone, Copy)]
        #[repr(u8)]
        enum Kind {
            $($kind,)*
        }

        /// By their numbers.
        const KINDS: &[Kind] = &[$(Kind::$kind,)*];
    };
}

kinds! {
    Null False True Char Int2 Int4 Int8 Oid Float4 Float8 Numeric Text Bytea Date Time TimeTz Timestamp TimestampTz
    Interval Uuid Jsonb Enum Array Record Void
}

fn push_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    push_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = take_number(rest)?;
    let (bytes, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
    *rest = after;
    Ok(bytes)
}

fn take_number<N: TryFrom<u64>>(rest: &mut &[u8]) -> Result<N> {
    N::try_from(take_varint(rest)?).map_err(|_| damaged())
}

fn take_integer<N: TryFrom<i64>>(rest: &mut &[u8]) -> Result<N> {
    N::try_from(take_zigzag(rest)?).map_err(|_| damaged())
}

impl Shapes {
    pub fn write(&mut self, value: &Datum, out: &mut Vec<u8>) {
        let kind = out.len();
        out.push(0);
        out[kind] = self.payload(value, out) as u8;
    }

    fn payload(&mut self, value: &Datum, out: &mut Vec<u8>) -> Kind {
        match value {
            Datum::Null => Kind::Null,
            Datum::Void => Kind::Void,
            Datum::Bool(false) => Kind::False,
            Datum::Bool(true) => Kind::True,
            Datum::Char(value) => {
                out.push(*value);
                Kind::Char
            }
            Datum::Int2(value) => {
                push_zigzag(i64::from(*value), out);
                Kind::Int2
            }
            Datum::Int4(value) => {
                push_zigzag(i64::from(*value), out);
                Kind::Int4
            }
            Datum::Int8(value) => {
                push_zigzag(*value, out);
                Kind::Int8
            }
            Datum::Oid(value) => {
                push_varint(u64::from(value.0), out);
                Kind::Oid
            }
            Datum::Float4(value) => {
                out.extend_from_slice(&value.to_le_bytes());
                Kind::Float4
            }
            Datum::Float8(value) => {
                out.extend_from_slice(&value.to_le_bytes());
                Kind::Float8
            }
            Datum::Numeric(value) => {
                let mut bytes = Vec::with_capacity(16);
                value.encode_value(&mut bytes);
                push_bytes(&bytes, out);
                Kind::Numeric
            }
            Datum::Text(text) => {
                push_bytes(text.as_bytes(), out);
                Kind::Text
            }
            Datum::Bytea(bytes) => {
                push_bytes(bytes, out);
                Kind::Bytea
            }
            Datum::Date(value) => {
                push_zigzag(i64::from(*value), out);
                Kind::Date
            }
            Datum::Time(value) => {
                push_zigzag(*value, out);
                Kind::Time
            }
            Datum::TimeTz(value) => {
                push_zigzag(value.micros, out);
                push_zigzag(i64::from(value.west_seconds), out);
                Kind::TimeTz
            }
            Datum::Timestamp(value) => {
                push_zigzag(*value, out);
                Kind::Timestamp
            }
            Datum::TimestampTz(value) => {
                push_zigzag(*value, out);
                Kind::TimestampTz
            }
            Datum::Interval(value) => {
                push_zigzag(value.micros, out);
                push_zigzag(i64::from(value.days), out);
                push_zigzag(i64::from(value.months), out);
                Kind::Interval
            }
            Datum::Uuid(value) => {
                out.extend_from_slice(value);
                Kind::Uuid
            }
            Datum::Jsonb(value) => {
                push_bytes(value.as_bytes(), out);
                Kind::Jsonb
            }
            Datum::Enum(value) => {
                let at = self.enums.iter().position(|known| Arc::ptr_eq(known, &value.of)).unwrap_or_else(|| {
                    self.enums.push(value.of.clone());
                    self.enums.len() - 1
                });
                push_varint(at as u64, out);
                push_varint(u64::from(value.position), out);
                Kind::Enum
            }
            Datum::Array(array) => {
                push_varint(u64::from(array.element_type().0), out);
                push_varint(array.dimensions().len() as u64, out);
                for dimension in array.dimensions() {
                    push_zigzag(i64::from(dimension.length), out);
                    push_zigzag(i64::from(dimension.lower), out);
                }
                self.write_all(array.elements(), out);
                Kind::Array
            }
            Datum::Record(record) => {
                let is_known = |known: &Record| {
                    Arc::ptr_eq(&known.names, &record.names) && Arc::ptr_eq(&known.types, &record.types)
                };
                let same = |known: &Record| known.of == record.of && is_known(known);
                let at = self.records.iter().position(same).unwrap_or_else(|| {
                    let (names, types) = (record.names.clone(), record.types.clone());
                    self.records.push(Record { of: record.of, names, types, values: Vec::new() });
                    self.records.len() - 1
                });
                push_varint(at as u64, out);
                self.write_all(&record.values, out);
                Kind::Record
            }
        }
    }

    fn write_all(&mut self, values: &[Datum], out: &mut Vec<u8>) {
        push_varint(values.len() as u64, out);
        values.iter().for_each(|value| self.write(value, out));
    }

    pub fn read(&self, rest: &mut &[u8]) -> Result<Datum> {
        let [kind] = take_some(rest)?;
        let kind = *KINDS.get(usize::from(kind)).ok_or_else(damaged)?;
        Ok(match kind {
            Kind::Null => Datum::Null,
            Kind::Void => Datum::Void,
            Kind::False => Datum::Bool(false),
            Kind::True => Datum::Bool(true),
            Kind::Char => Datum::Char(take_some::<1>(rest)?[0]),
            Kind::Int2 => Datum::Int2(take_integer(rest)?),
            Kind::Int4 => Datum::Int4(take_integer(rest)?),
            Kind::Int8 => Datum::Int8(take_zigzag(rest)?),
            Kind::Oid => Datum::Oid(Oid(take_number(rest)?)),
            Kind::Float4 => Datum::Float4(f32::from_le_bytes(take_some(rest)?)),
            Kind::Float8 => Datum::Float8(f64::from_le_bytes(take_some(rest)?)),
            Kind::Numeric => Datum::Numeric(Numeric::decode_value(take_bytes(rest)?)?),
            Kind::Text => Datum::text(std::str::from_utf8(take_bytes(rest)?).map_err(|_| damaged())?),
            Kind::Bytea => Datum::Bytea(take_bytes(rest)?.into()),
            Kind::Date => Datum::Date(take_integer(rest)?),
            Kind::Time => Datum::Time(take_zigzag(rest)?),
            Kind::TimeTz => {
                let (micros, west_seconds) = (take_zigzag(rest)?, take_integer(rest)?);
                Datum::TimeTz(TimeTz { micros, west_seconds })
            }
            Kind::Timestamp => Datum::Timestamp(take_zigzag(rest)?),
            Kind::TimestampTz => Datum::TimestampTz(take_zigzag(rest)?),
            Kind::Interval => {
                let (micros, days, months) = (take_zigzag(rest)?, take_integer(rest)?, take_integer(rest)?);
                Datum::Interval(Interval { micros, days, months })
            }
            Kind::Uuid => Datum::Uuid(take_some(rest)?),
            Kind::Jsonb => Datum::Jsonb(Jsonb::decode(take_bytes(rest)?).ok_or_else(damaged)?),
            Kind::Enum => {
                let of = self.enums.get(take_number::<usize>(rest)?).ok_or_else(damaged)?;
                Datum::Enum(EnumValue { of: of.clone(), position: take_number(rest)? })
            }
            Kind::Array => {
                let element_type = Oid(take_number(rest)?);
                let dimensions = (0..take_varint(rest)?)
                    .map(|_| Ok(Dimension { length: take_integer(rest)?, lower: take_integer(rest)? }))
                    .collect::<Result<Vec<_>>>()?;
                let elements = self.read_all(rest)?;
                let array = Array::checked(element_type, dimensions, elements).ok_or_else(damaged)?;
                Datum::Array(Arc::new(array))
            }
            Kind::Record => {
                let shape = self.records.get(take_number::<usize>(rest)?).ok_or_else(damaged)?;
                let (names, types) = (shape.names.clone(), shape.types.clone());
                Datum::Record(Arc::new(Record { of: shape.of, names, types, values: self.read_all(rest)? }))
            }
        })
    }

    fn read_all(&self, rest: &mut &[u8]) -> Result<Vec<Datum>> {
        (0..take_varint(rest)?).map(|_| self.read(rest)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{self, Samples};

    #[test]
    fn every_value_comes_back() {
        let mut samples = Samples::new(3);
        let types = samples::types();
        let mut values: Vec<Datum> = Vec::new();
        for _ in 0..200 {
            values.extend(types.iter().map(|(of, form)| samples.value(*of, form)));
        }
        let of = Arc::new(EnumType { oid: Oid(1), name: "e".into(), labels: Vec::new() });
        values.push(Datum::Enum(EnumValue { of, position: 3 }));
        values.push(Datum::Void);
        let record = |names: &[&str], values: Vec<Datum>| {
            let names = names.iter().map(|name| Arc::from(*name)).collect();
            Datum::Record(Arc::new(Record { of: Oid(9), names, types: Arc::new([]), values }))
        };
        values.push(record(&["a"], values.clone()));
        values.push(record(&["b", "c"], vec![record(&[], vec![]), Datum::Int4(-1)]));
        let (mut shapes, mut bytes) = (Shapes::default(), Vec::new());
        values.iter().for_each(|value| shapes.write(value, &mut bytes));
        let rest = &mut &bytes[..];
        for value in &values {
            assert_eq!(format!("{:?}", shapes.read(rest).unwrap()), format!("{value:?}"));
        }
        assert!(rest.is_empty());
        assert!(shapes.read(rest).is_err());
    }
}
