//! A query that is being run: batches in output order, as many as the client asks for.
//!
//! One that changes rows runs to its end, foreign keys included, before its first row goes out.

use std::sync::Arc;

use atoll_datum::Datum;

use super::build::Builder;
use super::memory::Pool;
use super::operator::BoxOperator;
use super::spill::store::Store;
use super::{Counters, Exec, Memory, Result, Rows, State};
use crate::mutate::{self, Deferred, Pending};
use crate::plan::Query;
use crate::session::Scope;
use crate::statistics::Tally;

/// Emptied operators hold on to their memory: those that had more than this are not kept for another run.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Owns all that the query needs between calls; holds nothing of a transaction or session. After an error, or a call
/// that was given up, it is of no more use.
pub struct Cursor {
    operator: BoxOperator,
    state: State,
    /// Columns of the operator's rows that are put out; none if these are they.
    output: Option<Vec<usize>>,
    width: usize,
    ended: bool,
    /// Of a query that changes rows: what it gives, when it has run; none before.
    ready: Option<Ready>,
    changes_rows: bool,
    /// After a rewind it gives what a new one would.
    repeatable: bool,
    pool: Arc<Pool>,
    options: Options,
}

struct Ready {
    batches: Store,
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Count what [`Counters`] counts.
    pub analyze: bool,
    /// What the whole query may keep in memory, and one operator that can lay rows aside. None is the default.
    pub memory_bytes: Option<usize>,
    pub work_bytes: Option<usize>,
}

/// Whether a query changes and locks nothing: such a one can be run bit by bit.
pub fn only_reads(query: &Query) -> bool {
    Builder::only_reads(&query.plan)
}

/// Prepares a query to be run. Reads nothing yet.
pub fn run(query: &Query, scope: &Scope, options: Options) -> Result<Cursor> {
    let changes_rows = Builder::changes_rows(&query.plan);
    if changes_rows {
        mutate::check_read_only(&query.plan, scope)?;
    }
    let mut builder = Builder::new(scope);
    builder.analyze = options.analyze;
    let operator = builder.plan(&query.plan)?;
    let columns = query.plan.columns();
    let mut output = Vec::with_capacity(query.output.len());
    for column in &query.output {
        let position = columns.iter().position(|id| *id == column.id);
        let missing = || atoll_datum::Error::internal(format!("the plan makes no column for {}", column.name));
        output.push(position.ok_or_else(missing)?);
    }
    let repeatable = builder.is_repeatable && !options.analyze;
    let mut state = builder.finish();
    state.memory = Memory::of(&scope.node.memory, options.memory_bytes, options.work_bytes);
    let is_direct = output.iter().copied().eq(0..columns.len());
    let width = output.len();
    Ok(Cursor {
        operator,
        state,
        output: (!is_direct).then_some(output),
        width,
        ended: false,
        ready: None,
        changes_rows,
        repeatable,
        pool: scope.node.memory.clone(),
        options,
    })
}

impl Cursor {
    /// Back to the start, for other parameters and another transaction; false if it is not to be used again. Only after
    /// it has come to its end.
    pub fn rewind(&mut self) -> bool {
        let repeatable = self.repeatable && self.state.memory.peak() <= KEPT_BYTES_MAX;
        if repeatable {
            let Cursor { operator, state, .. } = self;
            operator.rewind(state);
            state.changed = 0;
            state.pending = Pending::default();
            state.memory = Memory::of(&self.pool, self.options.memory_bytes, self.options.work_bytes);
            (self.ended, self.ready) = (false, None);
        }
        repeatable
    }

    /// A cursor that was rewound, about to run again; `query` is what it was made for.
    pub fn again(self: Box<Cursor>, query: &Query, scope: &Scope) -> Result<Box<Cursor>> {
        if self.changes_rows {
            mutate::check_read_only(&query.plan, scope)?;
        }
        Ok(self)
    }

    /// The next rows; none when there are no more.
    pub async fn next(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.ended {
            return Ok(None);
        }
        std::mem::swap(&mut exec.state, &mut self.state);
        let batch = if self.changes_rows { self.next_ready(exec).await } else { self.operator.next(exec).await };
        std::mem::swap(&mut exec.state, &mut self.state);
        let batch = batch?;
        self.ended = batch.is_none();
        Ok(batch.map(|rows| self.arrange(rows)))
    }

    async fn next_ready(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.ready.is_none() {
            exec.txn.hold_view();
            let result = self.run_to_end(exec).await;
            exec.txn.release_view();
            self.ready = Some(Ready { batches: result?, next: 0 });
        }
        let Some(Ready { batches, next }) = &mut self.ready else { return Ok(None) };
        *next += 1;
        batches.get(*next - 1).await
    }

    async fn run_to_end(&mut self, exec: &mut Exec<'_>) -> Result<Store> {
        let mut ready = Store::default();
        while let Some(rows) = self.operator.next(exec).await? {
            ready.push(rows, exec).await?;
        }
        mutate::finish(exec).await?;
        Ok(ready)
    }

    /// How many rows were inserted, updated or deleted so far.
    pub fn changed(&self) -> u64 {
        self.state.changed
    }

    /// What the query has left to be checked at the end of the transaction.
    pub fn take_deferred(&mut self) -> Deferred {
        std::mem::take(&mut self.state.pending.deferred)
    }

    /// What the query has changed since this was asked last.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.state.tally)
    }

    /// At most so many rows will be asked for in all. Worth saying before the first call.
    pub fn want(&mut self, rows: usize) {
        self.operator.want(rows);
    }

    pub fn counters(&self) -> Option<&Counters> {
        self.state.counters.as_ref()
    }

    pub fn into_counters(self) -> Option<Counters> {
        self.state.counters
    }

    fn arrange(&self, rows: Rows) -> Rows {
        let Some(output) = &self.output else { return rows };
        let mut arranged = Rows::with_capacity(self.width, rows.len());
        for row in rows.iter() {
            arranged.push_owned(output.iter().map(|position| row[*position].clone()));
        }
        arranged
    }

    /// Every row at once.
    pub async fn all(&mut self, exec: &mut Exec<'_>) -> Result<Vec<Vec<Datum>>> {
        let mut all = Vec::new();
        while let Some(rows) = self.next(exec).await? {
            all.extend(rows.iter().map(<[Datum]>::to_vec));
        }
        Ok(all)
    }
}
