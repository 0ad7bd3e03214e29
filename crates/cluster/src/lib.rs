//! Ranges: the pieces of the key space, each a replicated state machine with one leaseholder.
//!
//! ```text
//!            Router (a Sender)            requests by range, directory cache
//!               │
//!   Store ── Replica ── Replica ──…       one per range on this node
//!               │  evaluates under latches, proposes commands, serves reads
//!            Group (consensus)            one log per range
//!               │
//!            Applier                      applies commands: byte writes and changes of the range's state
//! ```
//!
//! Read in this order: [`command`] (what goes through the log), [`state`] (what a range knows about itself), [`apply`]
//! (below the log: deterministic, cannot fail), [`replica`] (above the log: everything that decides), [`store`] (all of a
//! node), [`router`] (who finds the range, here or by way of `reach` on another node, with what `map` and `directory` know
//! of it), [`service`] (the other end of `reach`), [`members`] (the nodes), `placement` (which of them have
//! replicas), `leave` (how one is taken away), `deadlock` (cycles of waits over them), [`show`] (what people are told).
//!
//! INVARIANT: only the holder of the applied lease evaluates commands and serves reads, and a command that was evaluated
//! under an older lease does nothing. Everything in memory above the log (locks, latches, timestamp cache) relies on it.
//!
//! INVARIANT: keys are not prefixed by their range, so that a split moves no data.
//!
//! What is not here yet: merges, placement by load and capacity, quiescence.

pub mod apply;
pub mod command;
mod deadlock;
mod directory;
mod leave;
mod map;
pub mod members;
mod placement;
mod reach;
mod recent;
pub mod replica;
pub mod router;
pub mod service;
pub mod show;
pub mod state;
pub mod store;

pub use router::Router;
pub use store::{Options, Origin, Store};
