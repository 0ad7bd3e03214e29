//! A query that is being run: batches in output order, as many as the client asks for.

use atoll_datum::Datum;

use super::build::Builder;
use super::operator::BoxOperator;
use super::{Counters, Exec, Memory, Result, Rows, State};
use crate::plan::Query;
use crate::session::Scope;

/// Owns all that the query needs between calls; holds nothing of a transaction or session. After an error, or a call
/// that was given up, it is of no more use.
pub struct Cursor {
    operator: BoxOperator,
    state: State,
    /// Columns of the operator's rows that are put out; none if these are they.
    output: Option<Vec<usize>>,
    width: usize,
    ended: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Count what [`Counters`] counts.
    pub analyze: bool,
    /// None is the default.
    pub memory_bytes: Option<usize>,
}

/// Prepares a query to be run. Reads nothing yet.
pub fn run(query: &Query, scope: &Scope, options: Options) -> Result<Cursor> {
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
    let mut state = builder.finish();
    if let Some(bytes) = options.memory_bytes {
        state.memory = Memory::with_limit(bytes);
    }
    let is_direct = output.iter().copied().eq(0..columns.len());
    let width = output.len();
    Ok(Cursor { operator, state, output: (!is_direct).then_some(output), width, ended: false })
}

impl Cursor {
    /// The next rows; none when there are no more.
    pub async fn next(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.ended {
            return Ok(None);
        }
        std::mem::swap(&mut exec.state, &mut self.state);
        let batch = self.operator.next(exec).await;
        std::mem::swap(&mut exec.state, &mut self.state);
        let batch = batch?;
        self.ended = batch.is_none();
        Ok(batch.map(|rows| self.arrange(rows)))
    }

    /// At most so many rows will be asked for in all. Worth saying before the first call.
    pub fn want(&mut self, rows: usize) {
        self.operator.want(rows);
    }

    pub fn counters(&self) -> Option<&Counters> {
        self.state.counters.as_ref()
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
