//! When a memtable should go early because of keys that were written again and again. It keeps every version of them, and
//! a scan steps over all but the newest: a few rows that a busy application counts in make reading their neighbours
//! slower with each write. A flush keeps one version of each key.
//!
//! The count is a sketch: keys share cells, and only what lies above the depth that a full memtable of different keys
//! gives a cell counts.

use crate::engine::space::Space;
use atoll_env::Mono;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

const CELLS: usize = 1 << 16;
/// A memtable full of different small rows, some 600,000, fills a cell with ten.
const DEEP: u8 = 16;
/// So many versions to step over are worth a flush.
const WORTH_A_FLUSH: usize = 2 << 10;
/// With fewer scans in the meantime nobody would notice.
const SCANS_MIN: usize = 64;
/// Each flush makes a table that has to be merged with the others.
const NOT_WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Rewrites {
    cells: Box<[u8]>,
    written: usize,
    deep: usize,
    since: Mono,
}

impl Rewrites {
    pub fn new(now: Mono) -> Rewrites {
        Rewrites { cells: vec![0; CELLS].into(), written: 0, deep: 0, since: now }
    }

    /// A key of the tree is written. Only rows are scanned by statements.
    pub fn wrote(&mut self, key: &[u8]) {
        if key.first() != Some(&(Space::Current as u8)) {
            return;
        }
        let cell = &mut self.cells[xxh3_64(key) as usize % CELLS];
        self.written += 1;
        if *cell == DEEP {
            self.deep += 1;
        } else {
            *cell += 1;
        }
    }

    /// Whether to rotate the memtable, after so many scans since the last rotation.
    pub fn are_in_the_way(&self, scans: usize, now: Mono) -> bool {
        let enough = self.deep >= WORTH_A_FLUSH.max(self.written / 16);
        enough && scans >= SCANS_MIN && now - self.since >= NOT_WITHIN
    }

    /// The memtable is a new one.
    pub fn begin(&mut self, now: Mono) {
        if self.written > 0 {
            self.cells.fill(0);
        }
        (self.written, self.deep, self.since) = (0, 0, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::ZERO + Duration::from_secs(seconds)
    }

    fn written(keys: impl Iterator<Item = u32>) -> Rewrites {
        let mut rewrites = Rewrites::new(Mono::ZERO);
        keys.for_each(|key| rewrites.wrote(&Space::Current.key(&key.to_be_bytes())));
        rewrites
    }

    #[test]
    fn many_versions_of_few_keys_are_in_the_way_of_scans() {
        let mut hot = written((0..20_000).map(|number| number % 100));
        assert!(hot.are_in_the_way(SCANS_MIN, at(3)));
        assert!(!hot.are_in_the_way(SCANS_MIN - 1, at(3)), "nobody scans");
        assert!(!hot.are_in_the_way(SCANS_MIN, at(1)), "too soon");
        hot.begin(at(3));
        assert!(!hot.are_in_the_way(SCANS_MIN, at(6)), "they are flushed");
    }

    #[test]
    fn a_memtable_full_of_different_keys_is_not() {
        assert!(!written(0..600_000).are_in_the_way(SCANS_MIN, at(3)));
    }
}
