//! LIMIT, OFFSET, WITH TIES.

use atoll_datum::{Datum, Error, Result as SqlResult, SqlState, sqlstate};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::order::{self, SortKeys};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;

struct Limit {
    input: BoxOperator,
    width: usize,
    count: Option<Evaluator>,
    offset: Option<Evaluator>,
    ties: Option<SortKeys>,
    progress: Option<Progress>,
}

struct Progress {
    skip: u64,
    /// None is no limit.
    left: Option<u64>,
    /// The keys of the last row within the limit.
    last: Option<Vec<Datum>>,
    done: bool,
}

pub fn limit(plan: &plan::Limit, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let (columns, none) = (Columns::from(plan.input.columns()), Columns::default());
    let count = plan.count.as_ref().map(|count| builder.expr(count, &none)).transpose()?;
    let offset = plan.offset.as_ref().map(|offset| builder.expr(offset, &none)).transpose()?;
    let ties = plan.ties.as_ref().map(|keys| builder.sort_keys(keys, &columns)).transpose()?;
    Ok(Box::new(Limit { input, width: columns.len(), count, offset, ties, progress: None }))
}

/// A number of rows; none is NULL or nothing.
async fn rows_of(
    evaluator: &Option<Evaluator>,
    name: &str,
    state: SqlState,
    exec: &mut Exec<'_>,
) -> Result<Option<u64>> {
    let Some(evaluator) = evaluator else { return Ok(None) };
    match exec.eval(evaluator, &[]).await? {
        Datum::Null => Ok(None),
        Datum::Int8(rows) => match u64::try_from(rows) {
            Ok(rows) => Ok(Some(rows)),
            Err(_) => Err(Error::new(state, format!("{name} must not be negative")).into()),
        },
        other => Err(Error::internal(format!("{name} is {other:?}")).into()),
    }
}

pub(super) async fn limit_of(evaluator: &Option<Evaluator>, exec: &mut Exec<'_>) -> Result<Option<u64>> {
    rows_of(evaluator, "LIMIT", sqlstate::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, exec).await
}

impl Limit {
    async fn start(&mut self, exec: &mut Exec<'_>) -> Result<Progress> {
        // PostgreSQL looks at OFFSET first.
        let state = sqlstate::INVALID_ROW_COUNT_IN_OFFSET_CLAUSE;
        let skip = rows_of(&self.offset, "OFFSET", state, exec).await?.unwrap_or(0);
        let left = limit_of(&self.count, exec).await?;
        if self.ties.is_none() {
            let all = left.map_or(u64::MAX, |left| left.saturating_add(skip));
            self.input.want(usize::try_from(all).unwrap_or(usize::MAX));
        }
        Ok(Progress { skip, left, last: None, done: left == Some(0) })
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.progress.is_none() {
            self.progress = Some(self.start(exec).await?);
        }
        let Some(progress) = &mut self.progress else { return Ok(None) };
        while !progress.done {
            let Some(mut rows) = self.input.next(exec).await? else { break };
            if progress.skip > 0 {
                let skipped = progress.skip.min(rows.len() as u64);
                progress.skip -= skipped;
                rows.skip(skipped as usize);
            }
            if rows.is_empty() {
                continue;
            }
            let Some(left) = &mut progress.left else { return Ok(Some(rows)) };
            let within = (*left).min(rows.len() as u64) as usize;
            *left -= within as u64;
            let ended = *left == 0;
            match &self.ties {
                Some(ties) if ended => {
                    if within > 0 {
                        let mut last = Vec::new();
                        exec.eval_into(&ties.values, rows.row(within - 1), &mut last).await?;
                        progress.last = Some(last);
                    }
                    let last = progress.last.as_deref().unwrap_or_default();
                    let mut keep = within;
                    while keep < rows.len() {
                        let mut keys = Vec::new();
                        exec.eval_into(&ties.values, rows.row(keep), &mut keys).await?;
                        if order::compare(&ties.directions, last, &keys).is_ne() {
                            progress.done = true;
                            break;
                        }
                        keep += 1;
                    }
                    rows.truncate(keep);
                }
                _ => {
                    rows.truncate(within);
                    progress.done = ended;
                }
            }
            if !rows.is_empty() {
                debug_assert_eq!(rows.width(), self.width);
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

impl Operator for Limit {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.progress = None;
    }
}
