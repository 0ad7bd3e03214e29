//! Window functions, a partition at a time.
//!
//! - this file: sorts the input by partition and order and goes through the partitions
//! - [`partition`]: one partition: its rows, its peers, where frames begin and end
//! - [`call`]: the functions over it

mod call;
mod partition;

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::call::WindowCall;
use self::partition::Partition;
use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::keyed::Sense;
use crate::exec::order::{self, Direction, Sorter};
use crate::exec::rows::BATCH;
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;

struct Window {
    input: BoxOperator,
    width: usize,
    /// Of the partitions, then of the order in them.
    keys: Vec<Evaluator>,
    partition_keys: usize,
    calls: Vec<WindowCall>,
    sorter: Sorter,
    order: Option<Vec<u32>>,
    /// The partition that is being put out, and from which row on.
    current: Option<Computed>,
    /// The first row of the partition after that.
    next: usize,
    /// Of what is computed; the rows are the sorter's.
    account: usize,
}

struct Computed {
    start: usize,
    end: usize,
    at: usize,
    /// Of each call, of each row.
    results: Vec<Vec<Datum>>,
}

pub fn window(plan: &plan::Window, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let columns = Columns::from(plan.input.columns());
    let mut keys = builder.exprs(&plan.partition_by, &columns)?;
    let partition_keys = keys.len();
    let senses = plan.partition_by.iter().map(|expr| Sense::of(expr.ty.oid));
    let mut directions: Vec<Direction> = senses.map(Direction::ascending).collect();
    let order = builder.sort_keys(&plan.order_by, &columns)?;
    keys.extend(order.values);
    directions.extend(order.directions);
    let mut calls = Vec::with_capacity(plan.calls.len());
    for (_, call) in &plan.calls {
        calls.push(WindowCall::new(call, &columns, builder)?);
    }
    let (width, sorter) = (columns.len(), Sorter::new(directions, columns.len()));
    Ok(Box::new(Window {
        input,
        width,
        keys,
        partition_keys,
        calls,
        sorter,
        order: None,
        current: None,
        next: 0,
        account: 0,
    }))
}

/// The partition that begins at row `start` of the order.
async fn compute(
    calls: &[WindowCall],
    sorter: &Sorter,
    partition_keys: usize,
    (order, start): (&[u32], usize),
    exec: &mut Exec<'_>,
) -> Result<Computed> {
    let (keys, directions) = (sorter.keys(), sorter.directions());
    let (partition, within) = directions.split_at(partition_keys);
    let key = |at: usize| keys.row(order[at] as usize);
    let is_same = |at: usize| order::compare(partition, key(start), key(at)).is_eq();
    let mut end = start + 1;
    while end < order.len() && is_same(end) {
        end += 1;
    }
    let partition = Partition::new(sorter.rows(), keys, &order[start..end], partition_keys, within);
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        exec.check_cancel().await?;
        results.push(call.over(&partition, exec).await?);
    }
    Ok(Computed { start, end, at: start, results })
}

impl Window {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        if self.order.is_none() {
            while let Some(rows) = self.input.next(exec).await? {
                exec.check_cancel().await?;
                self.sorter.push(&rows, &self.keys, exec).await?;
            }
            self.order = Some(self.sorter.order());
        }
        let mut out = Rows::new(self.width + self.calls.len());
        while let Some(order) = &self.order
            && !out.is_full()
        {
            let current = match &mut self.current {
                Some(current) if current.at < current.end => current,
                _ if self.next == order.len() => break,
                _ => {
                    let computed =
                        compute(&self.calls, &self.sorter, self.partition_keys, (order, self.next), exec).await?;
                    self.next = computed.end;
                    exec.state.memory.release(&mut self.account);
                    let bytes = computed.results.iter().flatten().map(Datum::bytes).sum();
                    exec.state.grow(&mut self.account, bytes)?;
                    self.current.insert(computed)
                }
            };
            let until = current.end.min(current.at + BATCH - out.len());
            for at in current.at..until {
                let row = out.open_row();
                row.extend_from_slice(self.sorter.rows().row(order[at] as usize));
                row.extend(current.results.iter_mut().map(|column| std::mem::take(&mut column[at - current.start])));
                out.end_row();
            }
            current.at = until;
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

impl Operator for Window {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.sorter.clear(state);
        state.memory.release(&mut self.account);
        self.order = None;
        self.current = None;
        self.next = 0;
    }
}
