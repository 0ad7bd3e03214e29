//! Dates, times, intervals and time zones.

pub mod zone;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::function::{AggregateTable, ScalarTable, SetTable};

pub const IO: crate::io::IoTable = &[];
pub const SCALARS: ScalarTable = &[];
pub const SETS: SetTable = &[];
pub const AGGREGATES: AggregateTable = &[];

/// A time of day at a fixed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeTz {
    /// Since midnight there.
    pub micros: i64,
    /// Seconds west of UTC, as PostgreSQL keeps it.
    pub west_seconds: i32,
}

#[derive(Clone, Copy, Debug)]
pub struct Interval {
    pub micros: i64,
    pub days: i32,
    pub months: i32,
}

impl TimeTz {
    fn utc(&self) -> i64 {
        self.micros + i64::from(self.west_seconds) * 1_000_000
    }
}

/// By the moment, then by the zone.
impl Ord for TimeTz {
    fn cmp(&self, other: &TimeTz) -> Ordering {
        self.utc().cmp(&other.utc()).then(self.west_seconds.cmp(&other.west_seconds))
    }
}

impl PartialOrd for TimeTz {
    fn partial_cmp(&self, other: &TimeTz) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Interval {
    /// With months of 30 days and days of 24 hours, as comparison sees it: one month equals thirty days.
    fn span(&self) -> i128 {
        (i128::from(self.months) * 30 + i128::from(self.days)) * 86_400_000_000 + i128::from(self.micros)
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.span() == other.span()
    }
}

impl Eq for Interval {}

impl Ord for Interval {
    fn cmp(&self, other: &Interval) -> Ordering {
        self.span().cmp(&other.span())
    }
}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Interval) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Interval {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.span().hash(state);
    }
}
