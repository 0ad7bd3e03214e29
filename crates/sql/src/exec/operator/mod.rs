//! Operators: each pulls batches from those below and gives batches to the one above.
//!
//! | file | what |
//! | --- | --- |
//! | [`mod@values`], [`mod@scan`], [`mod@system`], [`mod@function_scan`], [`cte`] | where rows come from |
//! | [`mod@project`], [`mod@project_set`], [`mod@limit`], [`mod@distinct`], [`mod@sort`], [`mod@lock_rows`] | one input |
//! | [`mod@aggregate`], [`mod@scan_aggregate`], [`mod@window`] | groups and partitions |
//! | [`mod@nested_loop`], [`mod@hash_join`], [`mod@apply`], [`mod@set_operation`] | two inputs |
//! | [`mod@counted`] | what EXPLAIN ANALYZE counts |

mod aggregate;
mod apply;
mod counted;
mod cte;
mod distinct;
mod function_scan;
mod hash_join;
mod limit;
mod lock_rows;
mod nested_loop;
mod project;
mod project_set;
mod scan;
mod scan_aggregate;
mod set_operation;
mod sort;
mod system;
mod values;
mod window;

use std::sync::Arc;

use atoll_txn::lock::Strength;
use futures_util::future::BoxFuture;

pub use aggregate::aggregate;
pub use apply::apply;
pub use counted::counted;
pub use cte::{CteState, cte_scan, with};
pub use distinct::distinct;
pub use function_scan::function_scan;
pub use hash_join::{can_hash, hash_join};
pub use limit::limit;
pub use lock_rows::lock_rows;
pub use nested_loop::nested_loop;
pub use project::{filter, project};
pub use project_set::project_set;
pub use scan::scan;
pub use set_operation::set_operation;
pub use sort::sort;
pub use system::system;
pub use values::values;
pub use window::window;

use super::{Exec, Result, Rows, State};
use crate::vector::sieve::Sieve;

pub type BoxOperator = Box<dyn Operator>;

pub trait Operator: Send {
    /// The next rows, in order; may be an empty batch. After none there is none until it is rewound.
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>>;

    /// From the start, perhaps with other rows further out.
    fn rewind(&mut self, state: &mut State);

    /// Rows that a condition of its own has left out so far.
    fn removed(&self) -> u64 {
        0
    }

    /// Whether [`narrow`](Operator::narrow) would do something for this column.
    fn narrows(&self, _column: usize) -> bool {
        false
    }

    /// Until it is rewound, rows without one of these numbers in a column are of no use to anybody: they may be left out.
    fn narrow(&mut self, _column: usize, _numbers: Arc<Sieve>) {}

    /// No more than so many rows will be asked for until it is rewound, and the maximum is to say that there is no
    /// such number. Whoever makes more does so in vain.
    fn want(&mut self, _rows: usize) {}

    /// Every row that comes out is going to be changed, and nothing else is read on the way to it: it may be locked as it
    /// is read, and is then the newest of its row.
    fn lock_what_is_read(&mut self, _strength: Strength) {}
}
