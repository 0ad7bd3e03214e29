//! What sessions have done, for those who watch a node.
//!
//! Every session counts by itself, so that no two cores write to one counter; who asks adds them up. What a session that
//! has ended counted goes on to count.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Up to how long requests take, in microseconds. One more bucket is for what took longer.
pub const BOUNDS_MICROS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

const BUCKETS: usize = BOUNDS_MICROS.len() + 1;

/// Those of one session.
#[derive(Default, Debug)]
pub struct Counts {
    took: [AtomicU64; BUCKETS],
    took_micros: AtomicU64,
    failed: AtomicU64,
    statements: AtomicU64,
    committed: AtomicU64,
    rolled_back: AtomicU64,
}

impl Counts {
    /// A request was answered: a query, or all that was sent up to a Sync.
    pub fn answered(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.took[BOUNDS_MICROS.partition_point(|bound| *bound < micros)].fetch_add(1, Relaxed);
        self.took_micros.fetch_add(micros, Relaxed);
    }

    pub fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub fn statement(&self) {
        self.statements.fetch_add(1, Relaxed);
    }

    pub fn committed(&self) {
        self.committed.fetch_add(1, Relaxed);
    }

    pub fn rolled_back(&self) {
        self.rolled_back.fetch_add(1, Relaxed);
    }
}

/// Those of several sessions.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Requests, by how long they took.
    pub took: [u64; BUCKETS],
    pub took_micros: u64,
    /// Messages that were answered with an error.
    pub failed: u64,
    /// Statements that did what they should.
    pub statements: u64,
    pub committed: u64,
    pub rolled_back: u64,
}

impl Totals {
    pub fn add(&mut self, counts: &Counts) {
        for (total, count) in self.took.iter_mut().zip(&counts.took) {
            *total += count.load(Relaxed);
        }
        self.took_micros += counts.took_micros.load(Relaxed);
        self.failed += counts.failed.load(Relaxed);
        self.statements += counts.statements.load(Relaxed);
        self.committed += counts.committed.load(Relaxed);
        self.rolled_back += counts.rolled_back.load(Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_in_the_bucket_of_their_bound() {
        let counts = Counts::default();
        for micros in [0, 100, 101, 10_000_000, 10_000_001] {
            counts.answered(Duration::from_micros(micros));
        }
        counts.failed();
        let mut totals = Totals::default();
        totals.add(&counts);
        totals.add(&counts);
        let mut took = [0; BUCKETS];
        (took[0], took[1], took[15], took[16]) = (4, 2, 2, 2);
        assert_eq!(totals, Totals { took, took_micros: 40_000_404, failed: 2, ..Totals::default() });
    }
}
