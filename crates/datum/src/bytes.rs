//! Stub.

use crate::function::ScalarTable;

pub const IO: crate::io::IoTable = &[];
pub const SCALARS: ScalarTable = &[];
