//! Who may touch what, in the leaseholder's memory: row locks of transactions and latches of commands.
//!
//! | module | the idea |
//! | --- | --- |
//! | [`strength`] | PostgreSQL's four row locks and which of them exclude each other |
//! | [`table`] | the row locks of one range: holders, fair queues, tokens that prove an unbroken hold |
//! | `queue` | the locks of one key: the rules of going and waiting |
//! | [`waits`] | the graph of a node: which transaction waits for which, and the cycles in it |
//! | [`latch`] | short exclusion between commands of one range, from evaluation until applied |
//!
//! ```text
//!   statement ──acquire──▶ LockTable ──Waiting──▶ WaitsFor ──Deadlock──▶ LockTable::cancel(victim)
//!                             │  ▲
//!                           Wake └─ release at the end of the transaction
//!
//!   command ──acquire──▶ Latches (ready) ──▶ evaluate, propose, apply ──▶ release ──Ready──▶ next command, readers
//! ```
//!
//! A lock belongs to a transaction and lives for as long; a latch belongs to one command and lives for milliseconds.
//! Locks make transactions wait in turn. They are not what keeps data right: a lock is lost with the lease, and a
//! commit counts it only after [`LockTable::verify`]. Latches are.
//!
//! Everything here is plain data: inputs in, effects out. Nothing waits, nothing looks at a clock, and the same calls
//! in the same order give the same effects. The caller keeps one mutex around each value and sends the wakes.
//!
//! What is not here: intents (they are data, see [`mvcc`](crate::mvcc)); taking locks away from a coordinator that fell
//! silent (the replica does, with [`LockTable::release_all`]); deadlocks whose waits lie on several nodes; limits on
//! the number of locks.

pub mod latch;
#[cfg(test)]
mod model;
mod queue;
pub mod strength;
pub mod table;
pub mod waits;

pub use latch::{LatchId, Latches, ReaderId};
pub use strength::Strength;
pub use table::{Effects, LockTable, Mark, Outcome, Token, Wait, Wake};
pub use waits::{Deadlock, RequestId, Waiting, WaitsFor};
