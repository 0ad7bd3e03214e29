//! What EXPLAIN ANALYZE counts. Only there are operators wrapped so: otherwise counting costs nothing.

use std::sync::Arc;

use atoll_txn::lock::Strength;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::state::Counters;
use crate::exec::{Exec, Result, Rows, State};
use crate::plan::Plan;
use crate::vector::sieve::Sieve;

struct Counted {
    operator: BoxOperator,
    key: usize,
    /// In this loop, nothing has been asked for, or no row has come.
    is_new: bool,
    is_rowless: bool,
    spent: std::time::Duration,
    /// What the operator had left out when it was asked last.
    removed: u64,
}

pub fn counted(operator: BoxOperator, plan: &Plan) -> BoxOperator {
    let spent = std::time::Duration::ZERO;
    Box::new(Counted { operator, key: Counters::key(plan), is_new: true, is_rowless: true, spent, removed: 0 })
}

impl Operator for Counted {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            let clock = exec.scope.node.env.clock.clone();
            let began = clock.mono();
            let result = self.operator.next(exec).await;
            let took = clock.mono() - began;
            if let Some(counters) = &mut exec.state.counters {
                let counter = counters.entry(self.key);
                counter.total += took;
                counter.loops += u64::from(std::mem::take(&mut self.is_new));
                self.spent += took;
                counter.removed += self.operator.removed() - self.removed;
                self.removed = self.operator.removed();
                if let Ok(Some(rows)) = &result {
                    counter.rows += rows.len() as u64;
                    if !rows.is_empty() && std::mem::take(&mut self.is_rowless) {
                        counter.startup += self.spent;
                    }
                }
            }
            result
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.operator.rewind(state);
        (self.is_new, self.is_rowless) = (true, true);
        self.spent = std::time::Duration::ZERO;
    }

    fn narrows(&self, column: usize) -> bool {
        self.operator.narrows(column)
    }

    fn narrow(&mut self, column: usize, numbers: Arc<Sieve>) {
        self.operator.narrow(column, numbers);
    }

    fn want(&mut self, rows: usize) {
        self.operator.want(rows);
    }

    fn lock_what_is_read(&mut self, strength: Strength) {
        self.operator.lock_what_is_read(strength);
    }
}
