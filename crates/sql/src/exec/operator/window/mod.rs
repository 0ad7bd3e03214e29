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
use crate::exec::order::{self, Direction, Sorted, Sorter};
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
    sorted: Option<Sorted>,
    /// How many of the rows in memory, or of the batch that came back from disk last, are in partitions.
    next: usize,
    batch: Rows,
    /// The partition that is being put out.
    current: Option<Computed>,
    /// Of what is computed, and of rows that came back from disk.
    account: usize,
}

/// The rows of one partition.
enum Part {
    /// The sorter's, of these numbers.
    Here(Vec<u32>),
    Aside {
        rows: Rows,
        keys: Rows,
    },
}

struct Computed {
    part: Part,
    /// How many rows are out, of so many.
    at: usize,
    len: usize,
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
        sorted: None,
        next: 0,
        batch: Rows::default(),
        current: None,
        account: 0,
    }))
}

impl Part {
    fn row<'p>(&'p self, at: usize, sorter: &'p Sorter) -> &'p [Datum] {
        match self {
            Part::Here(numbers) => sorter.rows().row(numbers[at] as usize),
            Part::Aside { rows, .. } => rows.row(at),
        }
    }
}

async fn compute(
    calls: &[WindowCall],
    sorter: &Sorter,
    partition_keys: usize,
    part: Part,
    exec: &mut Exec<'_>,
) -> Result<Computed> {
    let within = &sorter.directions()[partition_keys..];
    let all: Vec<u32>;
    let (rows, keys, numbers) = match &part {
        Part::Here(numbers) => (sorter.rows(), sorter.keys(), numbers),
        Part::Aside { rows, keys } => {
            all = (0..rows.len() as u32).collect();
            (rows, keys, &all)
        }
    };
    let partition = Partition::new(rows, keys, numbers, partition_keys, within);
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        exec.check_cancel().await?;
        results.push(call.over(&partition, exec).await?);
    }
    let len = numbers.len();
    Ok(Computed { part, at: 0, len, results })
}

impl Window {
    /// The rows of the next partition.
    async fn part(&mut self, exec: &mut Exec<'_>) -> Result<Option<Part>> {
        let (directions, sorter) = (&self.sorter.directions()[..self.partition_keys], &self.sorter);
        match &mut self.sorted {
            None => Ok(None),
            Some(Sorted::Here(order)) => {
                let rest = &order[self.next..];
                let Some(first) = rest.first() else { return Ok(None) };
                let key = |number: &u32| sorter.keys().row(*number as usize);
                let is_other = |number: &u32| order::compare(directions, key(first), key(number)).is_ne();
                let len = rest.iter().position(is_other).unwrap_or(rest.len());
                self.next += len;
                Ok(Some(Part::Here(rest[..len].to_vec())))
            }
            Some(Sorted::Aside(merge)) => {
                let width = self.width;
                let (mut rows, mut keys) = (Rows::new(width), Rows::new(sorter.directions().len()));
                let mut counted = 0;
                loop {
                    if self.next == self.batch.len() {
                        let bytes = (counted..rows.len()).map(|at| order::bytes(rows.row(at))).sum();
                        exec.state.grow(&mut self.account, bytes)?;
                        counted = rows.len();
                        let Some(batch) = merge.next(exec).await? else { break };
                        (self.batch, self.next) = (batch, 0);
                    }
                    let (row, key) = self.batch.row(self.next).split_at(width);
                    if !keys.is_empty() && order::compare(directions, keys.row(0), key).is_ne() {
                        break;
                    }
                    rows.push(row);
                    keys.push(key);
                    self.next += 1;
                }
                Ok((!rows.is_empty()).then_some(Part::Aside { rows, keys }))
            }
        }
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        if self.sorted.is_none() {
            while let Some(rows) = self.input.next(exec).await? {
                exec.check_cancel().await?;
                self.sorter.push(&rows, &self.keys, exec).await?;
            }
            self.sorted = Some(self.sorter.finish(exec).await?);
        }
        let mut out = Rows::new(self.width + self.calls.len());
        while !out.is_full() {
            let current = match &mut self.current {
                Some(current) if current.at < current.len => current,
                _ => {
                    self.current = None;
                    exec.state.memory.release(&mut self.account);
                    let Some(part) = self.part(exec).await? else { break };
                    let computed = compute(&self.calls, &self.sorter, self.partition_keys, part, exec).await?;
                    let bytes = computed.results.iter().flatten().map(Datum::bytes).sum();
                    exec.state.grow(&mut self.account, bytes)?;
                    self.current.insert(computed)
                }
            };
            let until = current.len.min(current.at + BATCH - out.len());
            for at in current.at..until {
                let row = out.open_row();
                row.extend_from_slice(current.part.row(at, &self.sorter));
                row.extend(current.results.iter_mut().map(|column| std::mem::take(&mut column[at])));
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
        self.sorted = None;
        self.current = None;
        self.next = 0;
        self.batch = Rows::default();
    }
}
