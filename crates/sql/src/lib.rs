//! SQL: names, types, plans, operators, definitions, sessions.
//!
//! ```text
//!   text ─▶ syntax ─▶ bind ─▶ plan ─▶ optimize ─▶ exec ─▶ rows
//!                      │                            │
//!                   catalog                   kv (transactions)
//! ```
//!
//! Read in this order:
//!
//! - [`kv`]: what is asked of the layers below
//! - [`types`], [`catalog`]: what exists
//! - [`plan`]: what a statement is to do
//! - [`bind`]: from what was written to a plan
//! - [`table`]: how rows lie in the store
//! - [`function`], [`system`]: functions and tables that answer from the session and the catalog
//! - [`optimize`]: how it is done best
//! - [`exec`]: how it is done
//! - [`explain`]: how it is shown
//! - [`ddl`]: definitions are made, changed and dropped
//! - [`mutate`]: how rows are changed
//! - [`statistics`]: what is known of the rows of tables
//! - [`session`]: a client's session

pub mod bind;
pub mod catalog;
pub mod ddl;
pub mod exec;
pub mod explain;
pub mod function;
pub mod kv;
pub mod mutate;
pub mod optimize;
pub mod plan;
pub mod session;
pub mod statistics;
pub mod system;
pub mod table;
pub mod types;
pub mod vector;

pub use atoll_datum::{Error, Result};
