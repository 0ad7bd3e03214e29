//! The rows of COPY FROM: given instead of asked for, and otherwise an INSERT.

use atoll_datum::Result as SqlResult;

use super::insert::Inserter;
use super::pending::{self, Deferred};
use crate::catalog::ColumnOrdinal;
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, ColumnId, Expr};
use crate::session::Scope;
use crate::statistics::Tally;

/// INVARIANT: all its calls are made with one transaction, in which nothing else is done in between.
pub struct CopyIn {
    inserter: Inserter,
    state: State,
    began: bool,
}

/// Which rows are taken.
pub struct Filter {
    pub condition: Expr,
    /// The table's columns, as it reads them.
    pub row: Vec<(ColumnId, ColumnOrdinal)>,
}

/// The source of `insert` is not run: it only says of which columns the rows are.
pub fn copy_in(insert: &plan::Insert, filter: Option<&Filter>, scope: &Scope) -> SqlResult<CopyIn> {
    let mut builder = Builder::new(scope);
    let mut inserter = Inserter::new(insert, &mut builder)?;
    if let Some(filter) = filter {
        inserter.keep_only(&filter.condition, &filter.row, &mut builder)?;
    }
    Ok(CopyIn { inserter, state: builder.finish(), began: false })
}

impl CopyIn {
    pub async fn push(&mut self, rows: &Rows, exec: &mut Exec<'_>) -> Result<()> {
        if !std::mem::replace(&mut self.began, true) {
            exec.txn.hold_view();
        }
        std::mem::swap(&mut exec.state, &mut self.state);
        let result = self.inserter.insert(rows, exec).await;
        std::mem::swap(&mut exec.state, &mut self.state);
        result.map(drop)
    }

    /// How many rows there were, what is left for the end of the transaction, and what has changed.
    pub async fn finish(mut self, exec: &mut Exec<'_>) -> Result<(u64, Deferred, Tally)> {
        std::mem::swap(&mut exec.state, &mut self.state);
        let result = pending::finish(exec).await;
        std::mem::swap(&mut exec.state, &mut self.state);
        result?;
        Ok((self.state.changed, self.state.pending.deferred, self.state.tally))
    }
}
