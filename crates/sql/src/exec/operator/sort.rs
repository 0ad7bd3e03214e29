//! ORDER BY.

use atoll_datum::Result as SqlResult;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::limit::limit_of;
use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::order::{Sorted, Sorter};
use crate::exec::rows::BATCH;
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;

struct Sort {
    input: BoxOperator,
    width: usize,
    keys: Vec<Evaluator>,
    limit: Option<Evaluator>,
    sorter: Sorter,
    /// The order, when it is known, and how many rows of it are out.
    sorted: Option<(Sorted, usize)>,
}

pub fn sort(plan: &plan::Sort, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let columns = Columns::from(plan.input.columns());
    let keys = builder.sort_keys(&plan.keys, &columns)?;
    let limit = plan.limit.as_ref().map(|limit| builder.expr(limit, &Columns::default())).transpose()?;
    let (width, sorter) = (columns.len(), Sorter::new(keys.directions, columns.len()));
    Ok(Box::new(Sort { input, width, keys: keys.values, limit, sorter, sorted: None }))
}

impl Sort {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        let (sorted, next) = match &mut self.sorted {
            Some(sorted) => sorted,
            None => {
                let limit = limit_of(&self.limit, exec).await?;
                self.sorter.limit(limit.and_then(|limit| usize::try_from(limit).ok()));
                while let Some(rows) = self.input.next(exec).await? {
                    exec.check_cancel().await?;
                    self.sorter.push(&rows, &self.keys, exec).await?;
                }
                self.sorted.insert((self.sorter.finish(exec).await?, 0))
            }
        };
        let rows = match sorted {
            Sorted::Here(order) => {
                let some = &order[*next..order.len().min(*next + BATCH)];
                let mut rows = Rows::with_capacity(self.width, some.len());
                some.iter().for_each(|at| rows.push(self.sorter.rows().row(*at as usize)));
                rows
            }
            Sorted::Aside(merge) => {
                let left = self.sorter.wanted().map_or(usize::MAX, |limit| limit.saturating_sub(*next));
                let some = if left > 0 { merge.next(exec).await? } else { None };
                let mut rows = Rows::new(self.width);
                some.iter().flat_map(Rows::iter).take(left).for_each(|row| rows.push(&row[..self.width]));
                rows
            }
        };
        *next += rows.len();
        if rows.is_empty() {
            self.sorter.clear(&mut exec.state);
            *sorted = Sorted::Here(Vec::new());
            *next = 0;
            return Ok(None);
        }
        Ok(Some(rows))
    }
}

impl Operator for Sort {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.sorter.clear(state);
        self.sorted = None;
    }
}
