//! DISTINCT and DISTINCT ON.

use std::sync::Arc;

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::build::{Builder, senses};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::keyed::{Keyed, Sense};
use crate::exec::spill::merge::{self, Merge};
use crate::exec::spill::partitions::{Level, Partitions};
use crate::exec::spill::{Run, Temporary, Writer};
use crate::exec::{Exec, Result, Rows, State};
use crate::plan;

struct Distinct {
    input: BoxOperator,
    width: usize,
    on: Option<Vec<Evaluator>>,
    seen: Keyed,
    account: usize,
    number: i64,
    /// Rows that were not seen before there was no memory to see more, each followed by its key and its number.
    aside: Option<Aside>,
    /// The different ones of these.
    sorted: Option<Merge>,
}

struct Aside {
    file: Arc<Temporary>,
    rows: Partitions,
}

pub fn distinct(plan: &plan::Distinct, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let columns = Columns::from(plan.input.columns());
    let on = plan.on.as_ref().map(|on| builder.exprs(on, &columns)).transpose()?;
    let seen = match &plan.on {
        Some(on) => Keyed::new(on.iter().map(|expr| Sense::of(expr.ty.oid)).collect::<Vec<_>>()),
        None => Keyed::new(senses(&plan.input)),
    };
    let width = columns.len();
    Ok(Box::new(Distinct { input, width, on, seen, account: 0, number: 0, aside: None, sorted: None }))
}

impl Distinct {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        let mut key: Vec<Datum> = Vec::new();
        while self.sorted.is_none() {
            exec.check_cancel().await?;
            let Some(mut rows) = self.input.next(exec).await? else {
                let Some(aside) = self.aside.take() else { return Ok(None) };
                self.sorted = Some(self.read_parts(aside, exec).await?);
                break;
            };
            let mut keep = Vec::with_capacity(rows.len());
            for row in rows.iter() {
                let key = match &self.on {
                    None => row,
                    Some(on) => {
                        key.clear();
                        exec.eval_into(on, row, &mut key).await?;
                        &key
                    }
                };
                self.number += 1;
                let Some(aside) = &mut self.aside else {
                    let is_new = self.seen.insert(key).1;
                    if is_new && !exec.state.try_grow(&mut self.account, Keyed::bytes_of(key))? {
                        let file = exec.temporary().await?;
                        let rows = Partitions::new(&file, self.row_width(), Level::default());
                        self.aside = Some(Aside { file, rows });
                    }
                    keep.push(is_new);
                    continue;
                };
                keep.push(false);
                if self.seen.find(key).is_none() {
                    let own = if self.on.is_some() { key } else { &[] };
                    let number = Datum::Int8(self.number);
                    aside.rows.push(self.seen.hash(key), row.iter().chain(own).chain([&number])).await?;
                }
            }
            rows.retain(&keep);
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        let Some(sorted) = &mut self.sorted else { return Ok(None) };
        Ok(sorted.next(exec).await?.map(|rows| rows.narrowed(self.width)))
    }

    /// That of a row on disk.
    fn row_width(&self) -> usize {
        self.width + self.on.as_ref().map_or(0, Vec::len) + 1
    }

    /// The different rows of each part, in the order in which they came.
    async fn read_parts(&mut self, aside: Aside, exec: &mut Exec<'_>) -> Result<Merge> {
        let Aside { file, rows } = aside;
        let (mut parts, mut output) = (vec![(rows, Level::default())], Vec::new());
        while let Some((rows, level)) = parts.pop() {
            let runs = rows.finish().await?;
            let total: u64 = runs.iter().map(Run::rows).sum();
            for run in runs.into_iter().filter(|run| !run.is_empty()) {
                let next = level.next().filter(|_| run.rows() < total);
                let mut again: Option<Partitions> = None;
                self.seen.clear();
                exec.state.memory.release(&mut self.account);
                let (mut reader, mut writer) = (run.read(), Writer::new(&file, self.row_width()));
                while let Some(rows) = reader.next().await? {
                    exec.check_cancel().await?;
                    for row in rows.iter() {
                        let key = if self.on.is_some() { &row[self.width..row.len() - 1] } else { &row[..self.width] };
                        if let Some(again) = &mut again {
                            if self.seen.find(key).is_none() {
                                again.push(self.seen.hash(key), row).await?;
                            }
                            continue;
                        }
                        if !self.seen.insert(key).1 {
                            continue;
                        }
                        if writer.push(row) {
                            writer.flush().await?;
                        }
                        let bytes = Keyed::bytes_of(key);
                        match next {
                            None => exec.state.grow(&mut self.account, bytes)?,
                            Some(level) => {
                                if !exec.state.try_grow(&mut self.account, bytes)? {
                                    again = Some(Partitions::new(&file, self.row_width(), level));
                                }
                            }
                        }
                    }
                }
                output.push(writer.finish().await?);
                parts.extend(again.zip(next));
            }
        }
        self.seen.clear();
        exec.state.memory.release(&mut self.account);
        Merge::new(output, self.row_width(), merge::by_number(), &file, exec).await
    }
}

impl Operator for Distinct {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.seen.clear();
        (self.number, self.aside, self.sorted) = (0, None, None);
        state.memory.release(&mut self.account);
    }
}
