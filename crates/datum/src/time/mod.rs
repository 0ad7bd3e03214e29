//! Dates, times, intervals and time zones.
//!
//! In reading order:
//!
//! - [`calendar`]: days and microseconds from years, months and days, and back; PostgreSQL's ranges
//! - [`zone`], [`abbreviations`]: what clocks show where; `zoned`: `AT TIME ZONE`
//! - [`interval`], `timetz`: the values that are not one number, with their key encodings
//! - `words`, `lexer`, `digits`, `parse`, `interval_parse`: reading
//! - [`mod@format`]: printing; `io`: the types' four functions; [`modifiers`]: `timestamp(3)`, `interval day to hour`
//! - [`arithmetic`], `compare`, [`fields`], `make`, [`now`]: the rules of operators and functions
//! - `template`, `to_char`, `from_char`: `to_char`, `to_date`, `to_timestamp`; [`standard`]: what SQL/JSON reads
//! - `functions`, `sets`, `aggregates`: those rules by the names of `pg_proc`
//!
//! INVARIANT: nothing here asks the machine for the time or for its zones; both come in
//! [`Settings`](crate::function::Settings) and out of the compiled-in database. Every node gives the same answer.
//!
//! What it deliberately does not do: `clock_timestamp`, `timeofday` and `pg_sleep`, which need the clock; window frames
//! by interval; month names in languages other than English.

pub mod abbreviations;
mod aggregates;
mod arguments;
pub mod arithmetic;
pub mod calendar;
mod compare;
mod digits;
pub mod fields;
pub mod format;
mod from_char;
mod functions;
pub mod interval;
mod interval_parse;
mod io;
mod lexer;
mod make;
pub mod modifiers;
pub mod now;
mod parse;
mod sets;
pub mod standard;
mod template;
#[cfg(test)]
mod tests;
mod timetz;
mod to_char;
mod words;
pub mod zone;
mod zoned;

pub use interval::Interval;
pub use timetz::TimeTz;

use crate::function::{AggregateTable, ScalarTable, SetTable};

pub const IO: crate::io::IoTable = io::IO;
pub const SETS: SetTable = sets::SETS;
pub const AGGREGATES: AggregateTable = aggregates::AGGREGATES;

const SCALAR_COUNT: usize = functions::SCALARS.len() + compare::SCALARS.len();

pub const SCALARS: ScalarTable = &{
    let mut all = [functions::SCALARS[0]; SCALAR_COUNT];
    let mut at = 0;
    while at < SCALAR_COUNT {
        all[at] = match at.checked_sub(functions::SCALARS.len()) {
            Some(at) => compare::SCALARS[at],
            None => functions::SCALARS[at],
        };
        at += 1;
    }
    all
};
