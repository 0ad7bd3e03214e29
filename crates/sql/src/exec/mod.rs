//! Runs plans, a batch of rows at a time.

use atoll_datum::Datum;

use crate::kv;
use crate::session::Scope;

/// What a running statement may use.
pub struct Exec<'a> {
    pub scope: &'a Scope,
    pub txn: &'a mut dyn kv::Txn,
    /// Values of `$1`, `$2`, …, of the types the statement was bound with.
    pub parameters: &'a [Datum],
}
