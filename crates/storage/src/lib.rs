//! Ordered bytes on one node that survive a crash.
//!
//! Two stores with different duties:
//! - [`wal`], the log: what must not be lost is written and synced here first, for all groups of the node in one
//!   stream, so that everything in flight shares one sync;
//! - [`engine`], the state: ordered keys and values, written without syncing; what a crash takes from it comes back
//!   from the log.
//!
//! INVARIANT: what the log has confirmed is read back after any crash, or opening it fails. Everything above relies on
//! it.
//!
//! Deliberately absent: what entries and keys mean. Both stores carry opaque bytes.

mod error;
mod zeroes;

pub mod engine;
pub mod wal;

use std::fmt;

pub use error::{Error, Result};

/// One consensus group, of which a node hosts many.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GroupId(pub u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}", self.0)
    }
}
