//! Keys of rows whose table has no primary key.
//!
//! ```text
//!   63     12 11   0
//!   time      node      microseconds since 2020, or one more than the last one given
//! ```
//! Unique because a node gives each moment once, and roughly ascending. After a restart a node goes on above what it has
//! given before: its hybrid logical clock starts above everything in the store, and more than a million rows a second
//! over the time of a restart can't be stored.

use std::sync::atomic::{AtomicU64, Ordering};

use atoll_datum::Datum;

use crate::session::Scope;

const NODE_BITS: u32 = 12;
const EPOCH_MICROS: u64 = 1_577_836_800_000_000;

/// Of one node.
#[derive(Debug, Default)]
pub struct RowIds {
    /// The moment that was given last.
    last: AtomicU64,
}

/// The key of a new row.
pub fn next(scope: &Scope) -> Datum {
    let node = &scope.node;
    let now = (node.gateway.now().wall / 1000).saturating_sub(EPOCH_MICROS);
    node.row_ids.next_at(now, node.env.node().0)
}

impl RowIds {
    fn next_at(&self, now_micros: u64, node: u64) -> Datum {
        let step = |last: u64| now_micros.max(last + 1);
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(step(last)));
        let moment = step(last.unwrap_or_else(|last| last));
        let id = (moment << NODE_BITS | node & ((1 << NODE_BITS) - 1)) & i64::MAX as u64;
        Datum::Int8(id as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_given_once() {
        let ids = RowIds::default();
        let first: Vec<Datum> = [5, 5, 4, 100].into_iter().map(|now| ids.next_at(now, 3)).collect();
        let expected = [5, 6, 7, 100].map(|moment| Datum::Int8(moment << NODE_BITS | 3));
        assert_eq!(first, expected);
    }
}
