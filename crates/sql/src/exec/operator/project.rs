//! Filter and Project.

use std::sync::Arc;

use atoll_datum::Result as SqlResult;
use atoll_txn::lock::Strength;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;
use crate::vector::sieve::Sieve;

struct Filter {
    input: BoxOperator,
    predicate: Evaluator,
}

pub fn filter(plan: &plan::Filter, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let predicate = builder.expr(&plan.predicate, &Columns::from(plan.input.columns()))?;
    Ok(Box::new(Filter { input, predicate }))
}

impl Operator for Filter {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            while let Some(mut rows) = self.input.next(exec).await? {
                exec.check_cancel().await?;
                let mut keep = Vec::with_capacity(rows.len());
                if self.predicate.waits() {
                    for row in rows.iter() {
                        keep.push(exec.test(&self.predicate, row).await?);
                    }
                } else {
                    let context = exec.context();
                    for row in rows.iter() {
                        keep.push(self.predicate.test(row, &context)?);
                    }
                }
                rows.retain(&keep);
                if !rows.is_empty() {
                    return Ok(Some(rows));
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
    }

    fn narrows(&self, column: usize) -> bool {
        self.input.narrows(column)
    }

    fn narrow(&mut self, column: usize, numbers: Arc<Sieve>) {
        self.input.narrow(column, numbers);
    }
}

struct Project {
    input: BoxOperator,
    columns: Vec<Evaluator>,
    waits: bool,
}

pub fn project(plan: &plan::Project, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let from = Columns::from(plan.input.columns());
    let columns = builder.exprs(plan.columns.iter().map(|(_, expr)| expr), &from)?;
    let waits = columns.iter().any(Evaluator::waits);
    Ok(Box::new(Project { input, columns, waits }))
}

impl Operator for Project {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            let Some(input) = self.input.next(exec).await? else { return Ok(None) };
            exec.check_cancel().await?;
            let mut rows = Rows::with_capacity(self.columns.len(), input.len());
            if self.waits {
                for row in input.iter() {
                    exec.eval_into(&self.columns, row, rows.open_row()).await?;
                    rows.end_row();
                }
            } else {
                let context = exec.context();
                for row in input.iter() {
                    let out = rows.open_row();
                    for column in &self.columns {
                        out.push(column.eval(row, &context)?.into_owned());
                    }
                    rows.end_row();
                }
            }
            Ok(Some(rows))
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
    }

    fn narrows(&self, column: usize) -> bool {
        self.columns[column].as_column().is_some_and(|column| self.input.narrows(column))
    }

    fn narrow(&mut self, column: usize, numbers: Arc<Sieve>) {
        if let Some(column) = self.columns[column].as_column() {
            self.input.narrow(column, numbers);
        }
    }

    fn want(&mut self, rows: usize) {
        self.input.want(rows);
    }

    fn lock_what_is_read(&mut self, strength: Strength) {
        if !self.waits {
            self.input.lock_what_is_read(strength);
        }
    }
}
