//! Types with little to say: `bool`, `uuid`, enums, rows and `void`; and the aggregates over sorted values.
//!
//! - [`boolean`](self), `uuid`, [`enums`], [`record`]: one type each
//! - [`ordered_set`]: `percentile_cont`, `percentile_disc`, `mode`, and the hypothetical `rank` and its kin
//! - `vector`: `int2vector` and `oidvector`, which the system catalogs have instead of arrays
//!
//! Not here: `gen_random_uuid`, which needs randomness; `bit`, `money`, `xml` and the network types, which Atoll has not.

mod boolean;
pub mod enums;
pub mod ordered_set;
pub mod record;
#[cfg(test)]
pub(crate) mod tests;
mod uuid;
mod vector;

use std::cmp::Ordering;

use crate::datum::Datum;
use crate::error::Result;
use crate::function::{Aggregate, AggregateEntry, AggregateTable, Call, ScalarTable};
use crate::io::{IoTable, TypeIo};
use crate::oid;

const VOID_IO: TypeIo =
    TypeIo { parse: |_, _, _| Ok(Datum::Void), format: |_, _, _| {}, receive: |_, _| Ok(Datum::Void), send: |_, _| {} };

pub const IO: IoTable = &[
    (oid::BOOL, boolean::IO),
    (oid::UUID, uuid::IO),
    (oid::RECORD, record::IO),
    (oid::VOID, VOID_IO),
    (oid::INT2VECTOR, vector::INT2_IO),
    (oid::OIDVECTOR, vector::OID_IO),
];

pub const SCALARS: ScalarTable = &[
    ("booleq", |_, arguments| Ok(Datum::Bool(arguments[0] == arguments[1]))),
    ("boolne", |_, arguments| Ok(Datum::Bool(arguments[0] != arguments[1]))),
    ("boollt", |_, arguments| Ok(Datum::Bool(arguments[0] < arguments[1]))),
    ("boolle", |_, arguments| Ok(Datum::Bool(arguments[0] <= arguments[1]))),
    ("boolgt", |_, arguments| Ok(Datum::Bool(arguments[0] > arguments[1]))),
    ("boolge", |_, arguments| Ok(Datum::Bool(arguments[0] >= arguments[1]))),
    ("btboolcmp", |_, arguments| Ok(Datum::Int4(arguments[0].compare(&arguments[1]) as i32))),
    ("booland_statefunc", |_, arguments| Ok(Datum::Bool(arguments[0].is_true() && arguments[1].is_true()))),
    ("boolor_statefunc", |_, arguments| Ok(Datum::Bool(arguments[0].is_true() || arguments[1].is_true()))),
    ("booltext", boolean::to_text),
    ("bool_int4", |_, arguments| Ok(Datum::Int4(i32::from(arguments[0].is_true())))),
    ("int4_bool", |_, arguments| Ok(Datum::Bool(arguments[0] != Datum::Int4(0)))),
    ("uuid_eq", |_, arguments| Ok(Datum::Bool(arguments[0] == arguments[1]))),
    ("uuid_ne", |_, arguments| Ok(Datum::Bool(arguments[0] != arguments[1]))),
    ("uuid_lt", |_, arguments| Ok(Datum::Bool(arguments[0] < arguments[1]))),
    ("uuid_le", |_, arguments| Ok(Datum::Bool(arguments[0] <= arguments[1]))),
    ("uuid_gt", |_, arguments| Ok(Datum::Bool(arguments[0] > arguments[1]))),
    ("uuid_ge", |_, arguments| Ok(Datum::Bool(arguments[0] >= arguments[1]))),
    ("uuid_cmp", |_, arguments| Ok(Datum::Int4(arguments[0].compare(&arguments[1]) as i32))),
    ("enum_eq", |_, arguments| Ok(Datum::Bool(arguments[0] == arguments[1]))),
    ("enum_ne", |_, arguments| Ok(Datum::Bool(arguments[0] != arguments[1]))),
    ("enum_lt", |_, arguments| Ok(Datum::Bool(arguments[0] < arguments[1]))),
    ("enum_le", |_, arguments| Ok(Datum::Bool(arguments[0] <= arguments[1]))),
    ("enum_gt", |_, arguments| Ok(Datum::Bool(arguments[0] > arguments[1]))),
    ("enum_ge", |_, arguments| Ok(Datum::Bool(arguments[0] >= arguments[1]))),
    ("enum_cmp", |_, arguments| Ok(Datum::Int4(arguments[0].compare(&arguments[1]) as i32))),
    ("enum_larger", |_, arguments| Ok(arguments[usize::from(arguments[0] < arguments[1])].clone())),
    ("enum_smaller", |_, arguments| Ok(arguments[usize::from(arguments[0] > arguments[1])].clone())),
    ("enum_first", enums::first),
    ("enum_last", enums::last),
    ("enum_range_all", enums::range_all),
    ("enum_range_bounds", enums::range_bounds),
    ("record_eq", |_, arguments| Ok(Datum::Bool(record::compare(arguments)?.is_eq()))),
    ("record_ne", |_, arguments| Ok(Datum::Bool(record::compare(arguments)?.is_ne()))),
    ("record_lt", |_, arguments| Ok(Datum::Bool(record::compare(arguments)?.is_lt()))),
    ("record_le", |_, arguments| Ok(Datum::Bool(record::compare(arguments)?.is_le()))),
    ("record_gt", |_, arguments| Ok(Datum::Bool(record::compare(arguments)?.is_gt()))),
    ("record_ge", |_, arguments| Ok(Datum::Bool(record::compare(arguments)?.is_ge()))),
    ("btrecordcmp", |_, arguments| Ok(Datum::Int4(record::compare(arguments)? as i32))),
    ("pg_num_nulls", |_, arguments| Ok(count(arguments, true))),
    ("pg_num_nonnulls", |_, arguments| Ok(count(arguments, false))),
];

/// An array after the word VARIADIC is spread by the caller.
fn count(arguments: &[Datum], nulls: bool) -> Datum {
    Datum::Int4(arguments.iter().filter(|argument| argument.is_null() == nulls).count() as i32)
}

pub const AGGREGATES: AggregateTable = &[
    ("bool_and", "16", boolean::ALL),
    ("every", "16", boolean::ALL),
    ("bool_or", "16", boolean::ANY),
    ("min", "3500", AggregateEntry { new: |_| Box::new(Extreme::least()), skips_nulls: true }),
    ("max", "3500", AggregateEntry { new: |_| Box::new(Extreme::greatest()), skips_nulls: true }),
];

/// `min` and `max` in the type's own order.
pub struct Extreme {
    /// What a better value is to the best so far.
    better: Ordering,
    best: Datum,
}

impl Extreme {
    pub fn least() -> Extreme {
        Extreme { better: Ordering::Less, best: Datum::Null }
    }

    pub fn greatest() -> Extreme {
        Extreme { better: Ordering::Greater, best: Datum::Null }
    }
}

impl Aggregate for Extreme {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        if self.best.is_null() || arguments[0].compare(&self.best) == self.better {
            self.best = arguments[0].clone();
        }
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.best.clone())
    }

    fn bytes(&self) -> usize {
        self.best.bytes()
    }
}
