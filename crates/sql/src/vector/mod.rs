//! Many values of one type beside each other: what is done to all of them is decided once.
//!
//! ```text
//!   entries of the primary index ──table::ColumnReader──▶ vectors, one a column
//!                                                            │ condition: which rows stay
//!                                                            ▼
//!                                  rows for other operators, or arithmetic and groups for an aggregate
//! ```
//!
//! - here: a vector
//! - [`condition`]: conditions that need no evaluator; [`sieve`]: whether a join could have a use for a row
//! - [`arithmetic`]: expressions of numbers
//! - [`groups`]: rows by equality of some columns
//! - [`sums`]: the states of aggregates, of all groups beside each other
//!
//! Whatever has no form here is left to [`exec::expr`](crate::exec::expr), row by row; the two never differ in meaning.
//! Nothing here fails on values that a row would not fail on.

pub mod arithmetic;
pub mod condition;
pub mod groups;
pub mod sieve;
pub mod sums;
#[cfg(test)]
mod tests;

use atoll_datum::io::Form;
use atoll_datum::row::Encoded;
use atoll_datum::{Datum, Error, Numeric, Oid, Result, oid, sqlstate};

/// How values of a type lie in a vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Int2,
    Int4,
    Int8,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Numeric,
    Text,
    /// As datums.
    Other,
}

#[derive(Clone, Debug)]
enum Values<'a> {
    Integers(Vec<i64>),
    Numerics(Vec<Numeric>),
    /// Not yet known to be UTF-8.
    Texts(Vec<&'a [u8]>),
    Others(Vec<Datum>),
}

/// What lies at a NULL means nothing.
#[derive(Clone, Debug)]
pub struct Vector<'a> {
    kind: Kind,
    values: Values<'a>,
    nulls: Vec<bool>,
}

impl Kind {
    pub fn of(of: Oid) -> Kind {
        match of {
            oid::INT2 => Kind::Int2,
            oid::INT4 => Kind::Int4,
            oid::INT8 => Kind::Int8,
            oid::DATE => Kind::Date,
            oid::TIME => Kind::Time,
            oid::TIMESTAMP => Kind::Timestamp,
            oid::TIMESTAMPTZ => Kind::TimestampTz,
            oid::NUMERIC => Kind::Numeric,
            oid::TEXT | oid::VARCHAR => Kind::Text,
            _ => Kind::Other,
        }
    }

    /// The number by which a value lies in a vector of integers.
    pub fn integer(self, value: &Datum) -> Option<i64> {
        match (self, value) {
            (Kind::Int2 | Kind::Int4 | Kind::Int8, Datum::Int2(value)) => Some(i64::from(*value)),
            (Kind::Int2 | Kind::Int4 | Kind::Int8, Datum::Int4(value)) => Some(i64::from(*value)),
            (Kind::Int2 | Kind::Int4 | Kind::Int8, Datum::Int8(value)) => Some(*value),
            (Kind::Date, Datum::Date(value)) => Some(i64::from(*value)),
            (Kind::Time, Datum::Time(value))
            | (Kind::Timestamp, Datum::Timestamp(value))
            | (Kind::TimestampTz, Datum::TimestampTz(value)) => Some(*value),
            _ => None,
        }
    }

    /// The other way round; none for a number that no value of the type has.
    fn datum(self, value: i64) -> Option<Datum> {
        Some(match self {
            Kind::Int2 => Datum::Int2(i16::try_from(value).ok()?),
            Kind::Int4 => Datum::Int4(i32::try_from(value).ok()?),
            Kind::Int8 => Datum::Int8(value),
            Kind::Date => Datum::Date(i32::try_from(value).ok()?),
            Kind::Time => Datum::Time(value),
            Kind::Timestamp => Datum::Timestamp(value),
            Kind::TimestampTz => Datum::TimestampTz(value),
            Kind::Numeric | Kind::Text | Kind::Other => return None,
        })
    }
}

impl<'a> Vector<'a> {
    /// All NULL.
    pub fn new(kind: Kind, len: usize) -> Vector<'a> {
        let values = match kind {
            Kind::Numeric => Values::Numerics(vec![Numeric::ZERO; len]),
            Kind::Text => Values::Texts(vec![&[]; len]),
            Kind::Other => Values::Others(vec![Datum::Null; len]),
            _ => Values::Integers(vec![0; len]),
        };
        Vector { kind, values, nulls: vec![true; len] }
    }

    /// Numbers of any integer type, none of them NULL.
    fn of_integers(kind: Kind, values: Vec<i64>, nulls: Vec<bool>) -> Vector<'a> {
        Vector { kind, values: Values::Integers(values), nulls }
    }

    fn of_numerics(values: Vec<Numeric>, nulls: Vec<bool>) -> Vector<'a> {
        Vector { kind: Kind::Numeric, values: Values::Numerics(values), nulls }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn len(&self) -> usize {
        self.nulls.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nulls.is_empty()
    }

    pub fn is_null(&self, at: usize) -> bool {
        self.nulls[at]
    }

    /// As it is stored in a row.
    pub fn set_encoded(&mut self, at: usize, encoded: Encoded<'a>, of: Oid, form: Option<&Form>) -> Result<()> {
        match (&mut self.values, encoded) {
            (Values::Integers(values), Encoded::Integer(value)) => {
                let fits = match self.kind {
                    Kind::Int8 | Kind::Time => true,
                    Kind::Int2 => i16::try_from(value).is_ok(),
                    Kind::Int4 | Kind::Date => i32::try_from(value).is_ok(),
                    _ => false,
                };
                if !fits {
                    return Err(damaged());
                }
                values[at] = value;
            }
            (Values::Integers(values), Encoded::Fixed8(bytes))
                if matches!(self.kind, Kind::Timestamp | Kind::TimestampTz) =>
            {
                values[at] = i64::from_le_bytes(bytes);
            }
            (Values::Numerics(values), Encoded::Bytes(bytes)) => values[at] = Numeric::decode_value(bytes)?,
            (Values::Texts(values), Encoded::Bytes(bytes)) => values[at] = bytes,
            (Values::Others(values), encoded) => values[at] = encoded.decode(of, form)?,
            _ => return Err(damaged()),
        }
        self.nulls[at] = false;
        Ok(())
    }

    /// A value that is not borrowed from a row; no text, therefore.
    pub fn set(&mut self, at: usize, value: &Datum) -> Result<()> {
        if value.is_null() {
            self.nulls[at] = true;
            return Ok(());
        }
        match (&mut self.values, value) {
            (Values::Integers(values), value) => values[at] = self.kind.integer(value).ok_or_else(damaged)?,
            (Values::Numerics(values), Datum::Numeric(value)) => values[at] = value.clone(),
            (Values::Others(values), value) => values[at] = value.clone(),
            _ => return Err(damaged()),
        }
        self.nulls[at] = false;
        Ok(())
    }

    pub fn datum(&self, at: usize) -> Result<Datum> {
        if self.nulls[at] {
            return Ok(Datum::Null);
        }
        match &self.values {
            Values::Integers(values) => self.kind.datum(values[at]).ok_or_else(damaged),
            Values::Numerics(values) => Ok(Datum::Numeric(values[at].clone())),
            Values::Texts(values) => text(values[at]).map(Datum::text),
            Values::Others(values) => Ok(values[at].clone()),
        }
    }

    /// Of a text that is not NULL.
    fn bytes(&self, at: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Texts(values) => Some(values[at]),
            Values::Others(values) => match &values[at] {
                Datum::Text(text) => Some(text.as_bytes()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The values at these places, in this order.
    pub fn gather(&self, places: &[u32]) -> Vector<'a> {
        fn pick<T: Clone>(values: &[T], places: &[u32]) -> Vec<T> {
            places.iter().map(|at| values[*at as usize].clone()).collect()
        }
        let values = match &self.values {
            Values::Integers(values) => Values::Integers(pick(values, places)),
            Values::Numerics(values) => Values::Numerics(pick(values, places)),
            Values::Texts(values) => Values::Texts(pick(values, places)),
            Values::Others(values) => Values::Others(pick(values, places)),
        };
        Vector { kind: self.kind, values, nulls: pick(&self.nulls, places) }
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged())
}

#[cold]
fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "a stored row is damaged")
}
