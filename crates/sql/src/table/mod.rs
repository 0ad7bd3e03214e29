//! How the rows of tables lie in the store.
//!
//! ```text
//!   primary index     10 ‖ table (4) ‖ index (2) ‖ primary key columns      ─▶  columns that the key doesn't give back
//!   unique index      10 ‖ table (4) ‖ index (2) ‖ columns                  ─▶  primary key, covered columns
//!   other indexes,    10 ‖ table (4) ‖ index (2) ‖ columns ‖ primary key    ─▶  covered columns
//!   NULL in a unique one
//! ```
//! Numbers are big-endian, key columns as in [`atoll_datum::key`], values as in [`atoll_datum::row`]. In the value of an
//! index's entry the primary key is column 0, as the bytes that follow the index's number in the row's own key; covered
//! columns are those of INCLUDE and those whose key is not exact ([`is_exact_in_keys`]). Keys that begin with a byte
//! below 10 (hexadecimal) belong to the system.
//!
//! - [`layout`]: from a row to its keys and values; [`layouts`]: made once for a catalog
//! - [`decode`]: from a key and its value to the columns that someone wants; [`columns`]: the same for many rows at once
//! - [`span`]: from bounds on an index's columns to stretches of keys
//!
//! A row is a slice of datums in which column `n` lies at `n - 1`; dropped columns hold anything.
//!
//! INVARIANT: what [`Layout`] encodes, [`Decoder`] gives back exactly, `1.0` not as `1.00`. A key alone may not.
//!
//! What it deliberately does not do: read or write the store, and evaluate the expressions of expression indexes.

pub mod columns;
pub mod decode;
pub mod layout;
pub mod layouts;
pub mod span;

#[cfg(test)]
mod tests;

pub use columns::ColumnReader;
pub use decode::Decoder;
pub use layout::{IndexEntry, IndexLayout, Layout, is_exact_in_keys};
pub use layouts::Layouts;
pub use span::{Limits, Reach};

/// The first byte of every key of a table's row.
pub const TABLES: u8 = 0x10;
