//! Integers, floats and `oid`: operators, functions, casts, aggregates, and the number formats of `to_char`.
//!
//! Read in this order:
//!
//! - here: the tables, and the macro that makes a function of an expression
//! - `integer`, `oid`: arithmetic, comparison, bits, text
//! - `float`, `float_text`, `mathematics`: the same for floats, and their functions
//! - `cast`: between all of them
//! - `template`, `to_char`, `to_number`: numbers written to a template
//! - `series`, `frame`: `generate_series`; offsets of window frames
//! - [`aggregate`], `float_aggregate`: sums and what is computed of them
//!
//! INVARIANT: nothing here wraps around. What has no room in its type is PostgreSQL's error 22003.

pub mod aggregate;
mod cast;
mod float;
mod float_aggregate;
pub mod float_text;
mod frame;
mod integer;
mod mathematics;
mod oid;
mod series;
mod template;
mod to_char;
mod to_number;

#[cfg(test)]
mod tests;

pub use self::float_text::{format_f32, format_f64, parse_f32, parse_f64};
pub(crate) use self::frame::invalid_frame_offset;
pub use self::integer::parse_integer;
pub use self::series::SETS;

use crate::datum::Datum;
use crate::error::Error;
use crate::function::{AggregateTable, Scalar, ScalarTable};
use crate::io::IoTable;

/// A function of arguments of known variants, by value: `scalar!(|a: Int4, b: Int4| a & b => Int4)`.
macro_rules! scalar {
    (|$($name:ident: $variant:ident),*| $body:expr => $result:ident) => {{
        let function: $crate::function::Scalar = |_, arguments| match *arguments {
            [$($crate::Datum::$variant($name)),*] => Ok($crate::Datum::$result($body)),
            _ => Err($crate::number::wrong_arguments(arguments)),
        };
        function
    }};
}
pub(crate) use scalar;

const TABLES: &[ScalarTable] = &[
    integer::SCALARS,
    oid::SCALARS,
    float::SCALARS,
    mathematics::SCALARS,
    cast::SCALARS,
    to_char::SCALARS,
    to_number::SCALARS,
    frame::SCALARS,
];

pub const SCALARS: ScalarTable = &join::<Scalar, { total(TABLES) }>(TABLES);

pub const AGGREGATES: AggregateTable = aggregate::AGGREGATES;

pub const IO: IoTable =
    &[integer::INT2, integer::INT4, integer::INT8, oid::OID, float_text::FLOAT4, float_text::FLOAT8];

const fn total<T>(tables: &[&[T]]) -> usize {
    let (mut sum, mut at) = (0, 0);
    while at < tables.len() {
        sum += tables[at].len();
        at += 1;
    }
    sum
}

/// The rows of several tables as one; there is at least one row.
const fn join<T: Copy, const N: usize>(tables: &[&[(&'static str, T)]]) -> [(&'static str, T); N] {
    let mut joined = [tables[0][0]; N];
    let (mut table, mut row, mut at) = (0, 0, 0);
    while at < N {
        if row == tables[table].len() {
            (table, row) = (table + 1, 0);
        } else {
            joined[at] = tables[table][row];
            (row, at) = (row + 1, at + 1);
        }
    }
    joined
}

/// C's isspace.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t'..='\r')
}

/// Arguments that the function's row in `pg_proc` doesn't allow: whoever resolved the call is wrong.
#[cold]
pub(crate) fn wrong_arguments(arguments: &[Datum]) -> Error {
    Error::internal(format!("a function was called with arguments that it does not take: {arguments:?}"))
}
