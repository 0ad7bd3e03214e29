//! Stub.

use crate::function::{ScalarTable, SetTable};

pub const SCALARS: ScalarTable = &[];
pub const SETS: SetTable = &[];
