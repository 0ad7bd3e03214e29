//! Values: what a value of each PostgreSQL type is, and what PostgreSQL's own functions and operators do with it.
//!
//! Everything here is a pure function: no session, no storage, no clock. What a function needs to know of its session
//! (time zone, date style, the moment of the transaction) comes in a [`Call`].
//!
//! Read in this order:
//!
//! - [`oid`], [`error`], [`sqlstate`]: names of types, errors for people
//! - [`datum`]: the value itself, its order and its hash
//! - [`builtin`]: PostgreSQL's tables of types, functions, operators, casts and aggregates, as data
//! - [`function`]: from an entry of that data to the Rust function that does it
//! - [`io`]: text and binary forms of every type
//! - [`key`]: bytes whose order is the order of the values; [`row`]: a row's other columns as bytes; [`aside`]: any value
//!   as bytes, for a while
//! - one module a family: [`number`], [`numeric`], [`text`], [`bytes`], [`regex`], [`time`], [`json`], [`mod@array`], [`misc`]
//!
//! INVARIANT: which function an operator, a cast or a call means is decided by the rows of [`builtin`] alone; a module
//! of a family only says what the function does, under the name that PostgreSQL's `pg_proc.prosrc` gives it. The binder
//! relies on it to refuse (0A000) what has a row and no implementation.
//!
//! What it deliberately does not do: functions that need the catalog, the session or randomness; they are in crate `sql`.

pub mod array;
pub mod aside;
pub mod builtin;
pub mod bytes;
pub mod datum;
pub mod error;
pub mod function;
pub mod io;
pub mod json;
pub mod key;
pub mod misc;
pub mod number;
pub mod numeric;
pub mod oid;
pub mod regex;
pub mod row;
#[cfg(test)]
mod samples;
pub mod sqlstate;
pub mod text;
pub mod time;

pub use datum::{Datum, EnumType};
pub use error::{Error, Result};
pub use function::Call;
pub use numeric::Numeric;
pub use oid::Oid;
pub use sqlstate::SqlState;
