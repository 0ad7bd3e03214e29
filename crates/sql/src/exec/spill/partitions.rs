//! Rows by hash: equal keys land in the same part, and each part is small enough, or is parted again.

use std::sync::Arc;

use atoll_datum::Datum;

use super::{Run, Temporary, Writer};
use crate::exec::Result;

const BITS: u32 = 5;
const PARTS: usize = 1 << BITS;
/// What doesn't fit after so many times is mostly one key.
const LEVELS_MAX: u32 = 6;

/// How often rows were parted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level(u32);

impl Level {
    /// Parting again would be of no use.
    pub const LAST: Level = Level(LEVELS_MAX);

    pub fn next(self) -> Option<Level> {
        (self.0 < LEVELS_MAX).then_some(Level(self.0 + 1))
    }
}

#[derive(Debug)]
pub struct Partitions {
    writers: Vec<Writer>,
    level: Level,
}

impl Partitions {
    pub fn new(file: &Arc<Temporary>, width: usize, level: Level) -> Partitions {
        Partitions { writers: (0..PARTS).map(|_| Writer::new(file, width)).collect(), level }
    }

    /// The upper bits of the hash decide: hash tables go by the lower ones.
    pub async fn push<'r>(&mut self, hash: u64, row: impl IntoIterator<Item = &'r Datum>) -> Result<()> {
        let part = (hash.rotate_left(BITS * self.level.0) >> (u64::BITS - BITS)) as usize;
        let writer = &mut self.writers[part];
        if writer.push(row) { writer.flush().await } else { Ok(()) }
    }

    pub async fn finish(self) -> Result<Vec<Run>> {
        let mut runs = Vec::with_capacity(PARTS);
        for writer in self.writers {
            runs.push(writer.finish().await?);
        }
        Ok(runs)
    }
}
