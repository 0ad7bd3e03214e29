//! Changes of tables: INSERT, UPDATE, DELETE, the rows of COPY FROM, and what follows from them.
//!
//! ```text
//!   source ──▶ new row: defaults, generated columns, NOT NULL, CHECK
//!                │
//!                ▼
//!   locks ──▶ keys that go ──▶ uniqueness of keys that come ──▶ the transaction's buffer
//!                                                                 │
//!   end of the statement:  foreign keys, and their actions  ◀─────┘  (again and again until nothing is pending)
//! ```
//!
//! Read in this order:
//!
//! - [`target`]: a table as whoever changes it sees it
//! - [`mod@write`]: from old and new rows to keys; uniqueness
//! - [`mod@insert`], [`conflict`] (ON CONFLICT), [`mod@update`], [`mod@delete`], [`returning`]: the operators; [`copy`]: COPY FROM
//! - [`foreign`]: a foreign key; [`pending`]: checks and actions at the end of a statement or transaction;
//!   [`act`]: what they do
//! - [`rules`], [`row_id`], [`violation`]
//!
//! A statement doesn't see its own changes: whoever runs one holds a view ([`Txn::hold_view`](crate::kv::Txn::hold_view))
//! while its operators read, and lets go of it before the foreign keys are looked at, which see everything.
//!
//! Who deletes a row, or changes a key that is unique, locks its entry in each unique index; who makes a row locks the
//! keys that must be its alone; who refers to a row locks the entry it refers to as `KeyShare`. So none of these can
//! pass another unnoticed, whatever the isolation level, and each waits for the other as in PostgreSQL.
//!
//! INVARIANT: for every row there is exactly one entry in each index (in a partial one: if its predicate holds), and no
//! other entries. Scans by index rely on it. An index that is being built may still lack entries.
//!
//! Better than PostgreSQL: uniqueness is checked when all rows of an UPDATE are known, so `SET id = id + 1` works.
//!
//! What it deliberately does not do: constraints on unique keys that are deferred to the end of the transaction.

pub mod act;
pub mod conflict;
pub mod copy;
pub mod delete;
pub mod foreign;
pub mod insert;
pub mod pending;
pub mod returning;
pub mod row_id;
pub mod rules;
pub mod target;
pub mod update;
pub mod violation;
pub mod write;

#[cfg(test)]
mod tests;

use atoll_datum::{Error, Result, sqlstate};

pub use copy::{CopyIn, copy_in};
pub use delete::delete;
pub use insert::insert;
pub use pending::{Deferred, Pending, Timing, check_deferred, check_due, finish};
pub use row_id::RowIds;
pub use update::update;

use crate::plan::Plan;
use crate::session::Scope;

/// Rows whose locks are asked for together.
const BATCH: usize = 256;

/// 25006 for a statement that changes rows where nothing may be changed.
pub fn check_read_only(plan: &Plan, scope: &Scope) -> Result<()> {
    if !scope.session.read_only {
        return Ok(());
    }
    let mut main = plan;
    while let Plan::With(with) = main {
        main = &with.body;
    }
    let command = match main {
        Plan::Insert(_) => "INSERT",
        Plan::Update(_) => "UPDATE",
        Plan::Delete(_) => "DELETE",
        _ => "SELECT",
    };
    let message = format!("cannot execute {command} in a read-only transaction");
    Err(Error::new(sqlstate::READ_ONLY_SQL_TRANSACTION, message))
}
