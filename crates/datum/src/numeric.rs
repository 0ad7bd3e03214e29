//! `numeric`: exact decimal numbers of any length.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::function::{AggregateTable, ScalarTable};

pub const IO: crate::io::IoTable = &[];
pub const SCALARS: ScalarTable = &[];
pub const AGGREGATES: AggregateTable = &[];

#[derive(Clone, Debug)]
pub struct Numeric(i64);

impl Numeric {
    pub fn heap_bytes(&self) -> usize {
        0
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.0 == other.0
    }
}

impl Eq for Numeric {}

impl Ord for Numeric {
    fn cmp(&self, other: &Numeric) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
