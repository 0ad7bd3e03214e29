//! Stub.

use crate::function::{AggregateTable, ScalarTable};

pub const IO: crate::io::IoTable = &[];
pub const SCALARS: ScalarTable = &[];
pub const AGGREGATES: AggregateTable = &[];
