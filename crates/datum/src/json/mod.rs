//! `json` and `jsonb`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::function::{AggregateTable, ScalarTable, SetTable};

pub const IO: crate::io::IoTable = &[];
pub const SCALARS: ScalarTable = &[];
pub const SETS: SetTable = &[];
pub const AGGREGATES: AggregateTable = &[];

#[derive(Clone, Debug)]
pub struct Jsonb(u8);

impl Jsonb {
    pub fn heap_bytes(&self) -> usize {
        0
    }
}

impl PartialEq for Jsonb {
    fn eq(&self, other: &Jsonb) -> bool {
        self.0 == other.0
    }
}

impl Eq for Jsonb {}

impl Ord for Jsonb {
    fn cmp(&self, other: &Jsonb) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Jsonb {
    fn partial_cmp(&self, other: &Jsonb) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Jsonb {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
