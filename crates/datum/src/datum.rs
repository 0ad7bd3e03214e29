//! One value of any type, its order and its hash.
//!
//! A [`Datum`] knows how its value looks, not everything about its type: `text`, `varchar` and `name` are all `Text`,
//! every `reg…` type is an `Oid`. The type stands beside it wherever it matters (a column, an expression, a [`Call`](crate::Call)).
//!
//! INVARIANT: two datums are only compared when they are of one type. [`Datum::compare`] is that type's default btree
//! order (collation C), and agrees with the order of [`key`](crate::key): sorts, merge steps and indexes rely on it.
//! Equal datums hash alike, whatever their notation (`1.0` and `1.00`).

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::array::Array;
use crate::json::Jsonb;
use crate::numeric::Numeric;
use crate::oid::Oid;
use crate::time::{Interval, TimeTz};

#[derive(Clone, Debug, Default)]
pub enum Datum {
    #[default]
    Null,
    Bool(bool),
    /// PostgreSQL's `"char"`: one byte.
    Char(u8),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    /// `oid` and the `reg…` types.
    Oid(Oid),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    /// `text`, `varchar`, `name`, `json`, `unknown`, `cstring`; `bpchar` with its padding.
    Text(Arc<str>),
    Bytea(Arc<[u8]>),
    /// Days since 2000-01-01; the extremes are the infinities.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    TimeTz(TimeTz),
    /// Microseconds since 2000-01-01 00:00 of no zone; the extremes are the infinities.
    Timestamp(i64),
    /// The same in UTC.
    TimestampTz(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    Jsonb(Jsonb),
    Enum(EnumValue),
    Array(Arc<Array>),
    Record(Arc<Record>),
    /// The result of a function that returns nothing.
    Void,
}

/// An enum type's labels, in their order.
#[derive(Debug)]
pub struct EnumType {
    pub oid: Oid,
    pub name: String,
    /// Stored by this number, so that labels can be added anywhere and renamed.
    pub labels: Vec<EnumLabel>,
}

#[derive(Debug, Clone)]
pub struct EnumLabel {
    pub oid: Oid,
    pub label: Arc<str>,
}

#[derive(Clone, Debug)]
pub struct EnumValue {
    pub of: Arc<EnumType>,
    /// Where its label is among those of the type.
    pub position: u32,
}

impl EnumType {
    pub fn by_label(self: &Arc<Self>, label: &str) -> Option<EnumValue> {
        let position = self.labels.iter().position(|known| &*known.label == label)?;
        Some(EnumValue { of: self.clone(), position: position as u32 })
    }

    pub fn by_oid(self: &Arc<Self>, oid: Oid) -> Option<EnumValue> {
        let position = self.labels.iter().position(|known| known.oid == oid)?;
        Some(EnumValue { of: self.clone(), position: position as u32 })
    }
}

impl EnumValue {
    pub fn label(&self) -> &Arc<str> {
        &self.of.labels[self.position as usize].label
    }

    pub fn oid(&self) -> Oid {
        self.of.labels[self.position as usize].oid
    }
}

/// A row as a value.
#[derive(Debug)]
pub struct Record {
    /// The composite type, or [`oid::RECORD`](crate::oid::RECORD).
    pub of: Oid,
    pub names: Arc<[Arc<str>]>,
    pub types: Arc<[Oid]>,
    pub values: Vec<Datum>,
}

impl Datum {
    pub fn text(text: impl Into<Arc<str>>) -> Datum {
        Datum::Text(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// Of a condition: NULL is not true.
    pub fn is_true(&self) -> bool {
        matches!(self, Datum::Bool(true))
    }

    /// The default btree order of one type; NULL after everything.
    pub fn compare(&self, other: &Datum) -> Ordering {
        use Datum::*;
        match (self, other) {
            (Null, Null) => Ordering::Equal,
            (Null, _) => Ordering::Greater,
            (_, Null) => Ordering::Less,
            (Int4(a), Int4(b)) => a.cmp(b),
            (Int8(a), Int8(b)) => a.cmp(b),
            (Text(a), Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Int2(a), Int2(b)) => a.cmp(b),
            (Bool(a), Bool(b)) => a.cmp(b),
            (Char(a), Char(b)) => a.cmp(b),
            (Oid(a), Oid(b)) => a.cmp(b),
            (Float4(a), Float4(b)) => compare_floats(f64::from(*a), f64::from(*b)),
            (Float8(a), Float8(b)) => compare_floats(*a, *b),
            (Numeric(a), Numeric(b)) => a.cmp(b),
            (Bytea(a), Bytea(b)) => a.cmp(b),
            (Date(a), Date(b)) => a.cmp(b),
            (Time(a), Time(b)) => a.cmp(b),
            (TimeTz(a), TimeTz(b)) => a.cmp(b),
            (Timestamp(a), Timestamp(b)) | (TimestampTz(a), TimestampTz(b)) => a.cmp(b),
            (Interval(a), Interval(b)) => a.cmp(b),
            (Uuid(a), Uuid(b)) => a.cmp(b),
            (Jsonb(a), Jsonb(b)) => a.cmp(b),
            (Enum(a), Enum(b)) => a.position.cmp(&b.position),
            (Array(a), Array(b)) => a.compare(b),
            (Record(a), Record(b)) => compare_all(&a.values, &b.values),
            (Void, Void) => Ordering::Equal,
            (a, b) => panic!("values of two types are compared: {a:?} and {b:?}"),
        }
    }

    /// Roughly, with what it points to: for memory accounts.
    pub fn bytes(&self) -> usize {
        let pointed_to = match self {
            Datum::Text(text) => text.len() + 16,
            Datum::Bytea(bytes) => bytes.len() + 16,
            Datum::Numeric(numeric) => numeric.heap_bytes(),
            Datum::Jsonb(json) => json.heap_bytes(),
            Datum::Array(array) => array.elements().iter().map(Datum::bytes).sum::<usize>() + 64,
            Datum::Record(record) => record.values.iter().map(Datum::bytes).sum::<usize>() + 64,
            _ => 0,
        };
        size_of::<Datum>() + pointed_to
    }
}

/// NaN equals itself and is greater than all others; the zeros are equal.
pub fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Rows and arrays: the first difference decides, then the length.
pub fn compare_all(a: &[Datum], b: &[Datum]) -> Ordering {
    let differ = a.iter().zip(b).map(|(a, b)| a.compare(b)).find(|order| order.is_ne());
    differ.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// As grouping and DISTINCT see it: NULL equals NULL.
impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        self.compare(other).is_eq()
    }
}

impl Eq for Datum {}

impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Datum) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Datum {
    fn cmp(&self, other: &Datum) -> Ordering {
        self.compare(other)
    }
}

impl Hash for Datum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        use Datum::*;
        match self {
            Null | Void => state.write_u8(0),
            Bool(value) => value.hash(state),
            Char(value) => value.hash(state),
            Int2(value) => value.hash(state),
            Int4(value) => value.hash(state),
            Int8(value) => value.hash(state),
            Oid(value) => value.hash(state),
            Float4(value) => hash_float(f64::from(*value), state),
            Float8(value) => hash_float(*value, state),
            Numeric(value) => value.hash(state),
            Text(value) => value.as_bytes().hash(state),
            Bytea(value) => value.hash(state),
            Date(value) => value.hash(state),
            Time(value) | Timestamp(value) | TimestampTz(value) => value.hash(state),
            TimeTz(value) => value.hash(state),
            Interval(value) => value.hash(state),
            Uuid(value) => value.hash(state),
            Jsonb(value) => value.hash(state),
            Enum(value) => value.position.hash(state),
            Array(value) => value.elements().hash(state),
            Record(value) => value.values.hash(state),
        }
    }
}

fn hash_float<H: Hasher>(value: f64, state: &mut H) {
    let canonical = if value.is_nan() {
        f64::NAN
    } else if value == 0.0 {
        0.0
    } else {
        value
    };
    canonical.to_bits().hash(state);
}

const _: () = assert!(size_of::<Datum>() <= 24, "rows are made of these");
