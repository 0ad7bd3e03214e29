//! Stub.

use crate::function::{AggregateTable, ScalarTable, SetTable};

pub const IO: crate::io::IoTable = &[];
pub const SCALARS: ScalarTable = &[];
pub const SETS: SetTable = &[];
pub const AGGREGATES: AggregateTable = &[];
