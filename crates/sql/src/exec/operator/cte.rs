//! Common tables: computed when they are first read, as far as they are read, and kept.
//!
//! A recursive one makes its rows in rounds. The *working table*, which the step reads, is a common table of its own:
//! the rows that the round before has made.

use atoll_datum::{Error, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::build::{Builder, senses};
use crate::exec::keyed::Keyed;
use crate::exec::spill::store::Store;
use crate::exec::{Exec, Result, Rows, State};
use crate::plan;

/// What is known of a common table's rows.
#[derive(Default)]
pub struct CteState {
    /// Of a working table there is none, and absent while it runs.
    definition: Option<BoxOperator>,
    batches: Store,
    done: bool,
    /// Raised when the rows are no longer these.
    generation: u64,
}

impl CteState {
    pub(in crate::exec) fn generation(&self) -> u64 {
        self.generation
    }
}

/// Batch number `at` of the common table at `place`.
async fn batch(place: usize, at: usize, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
    let cte = &mut exec.state.ctes[place];
    if at < cte.batches.len() {
        return cte.batches.get(at).await;
    }
    if cte.done {
        return Ok(None);
    }
    let taken = cte.definition.take();
    let mut definition = taken.ok_or_else(|| Error::internal("a common table is read while it is being made"))?;
    let result = definition.next(exec).await;
    let cte = &mut exec.state.ctes[place];
    cte.definition = Some(definition);
    let Some(rows) = result? else {
        cte.done = true;
        return Ok(None);
    };
    let mut batches = std::mem::take(&mut cte.batches);
    let pushed = batches.push(rows.clone(), exec).await;
    exec.state.ctes[place].batches = batches;
    pushed?;
    Ok(Some(rows))
}

struct CteScan {
    place: usize,
    next: usize,
}

pub fn cte_scan(plan: &plan::CteScan, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    Ok(Box::new(CteScan { place: builder.cte_place(plan.cte)?, next: 0 }))
}

impl Operator for CteScan {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            exec.check_cancel().await?;
            let rows = batch(self.place, self.next, exec).await?;
            self.next += usize::from(rows.is_some());
            Ok(rows)
        }
        .boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.next = 0;
    }
}

struct With {
    place: usize,
    body: BoxOperator,
    /// The rows do not depend on anything further out.
    fixed: bool,
    /// Runs to its end even if nobody reads it.
    changes_rows: bool,
}

pub fn with(plan: &plan::With, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let is_main = std::mem::replace(&mut builder.is_main, false);
    let mut definition = builder.plan(&plan.definition)?;
    let mut fixed = builder.is_fixed(&plan.definition);
    let mut changes_rows = Builder::changes_rows(&plan.definition);
    if let Some(recursive) = &plan.recursive {
        let working = builder.add_cte(CteState { done: true, ..CteState::default() });
        builder.place_cte(plan.cte, working);
        let step = builder.plan(&recursive.step)?;
        let others = builder.outer_ctes(&recursive.step).into_iter().any(|place| place != working);
        fixed &= recursive.step.outer_columns().is_empty() && !others;
        changes_rows |= Builder::changes_rows(&recursive.step);
        let seen = recursive.distinct.then(|| Keyed::new(senses(&plan.definition)));
        let width = plan.definition.columns().len();
        let phase = Phase::First;
        let fresh = Store::default();
        definition = Box::new(Recursion { first: definition, step, working, seen, width, phase, fresh, account: 0 });
    }
    let place = builder.add_cte(CteState { definition: Some(definition), ..CteState::default() });
    builder.place_cte(plan.cte, place);
    builder.is_main = is_main;
    let body = builder.plan(&plan.body)?;
    Ok(Box::new(With { place, body, fixed, changes_rows }))
}

impl Operator for With {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            if let Some(rows) = self.body.next(exec).await? {
                return Ok(Some(rows));
            }
            if self.changes_rows {
                let mut at = exec.state.ctes[self.place].batches.len();
                while batch(self.place, at, exec).await?.is_some() {
                    at += 1;
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        if !self.fixed {
            let definition = state.ctes[self.place].definition.take();
            if let Some(mut definition) = definition {
                definition.rewind(state);
                state.ctes[self.place].definition = Some(definition);
            }
            let State { ctes, memory, .. } = state;
            let cte = &mut ctes[self.place];
            cte.batches.clear(memory);
            cte.done = false;
            cte.generation += 1;
        }
        self.body.rewind(state);
    }

    fn want(&mut self, rows: usize) {
        self.body.want(rows);
    }
}

/// Makes the rows of a recursive common table.
struct Recursion {
    first: BoxOperator,
    step: BoxOperator,
    working: usize,
    /// All rows so far, of UNION without ALL.
    seen: Option<Keyed>,
    width: usize,
    phase: Phase,
    /// What this round has made.
    fresh: Store,
    account: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    First,
    Step,
    Done,
}

impl Recursion {
    /// Leaves out what was there before.
    fn only_new(&mut self, rows: Rows, exec: &mut Exec<'_>) -> Result<Rows> {
        let Some(seen) = &mut self.seen else { return Ok(rows) };
        let mut new = Rows::new(self.width);
        for row in rows.iter() {
            if seen.insert(row).1 {
                exec.state.grow(&mut self.account, Keyed::bytes_of(row))?;
                new.push(row);
            }
        }
        Ok(new)
    }

    /// What this round has made becomes the working table. False if it is nothing.
    fn next_round(&mut self, exec: &mut Exec<'_>) -> bool {
        let State { ctes, memory, .. } = &mut exec.state;
        let working = &mut ctes[self.working];
        working.batches.clear(memory);
        working.generation += 1;
        working.batches = std::mem::take(&mut self.fresh);
        let has_rows = !working.batches.is_empty();
        self.step.rewind(&mut exec.state);
        has_rows
    }
}

impl Operator for Recursion {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            loop {
                exec.check_cancel().await?;
                let made = match self.phase {
                    Phase::First => self.first.next(exec).await?,
                    Phase::Step => self.step.next(exec).await?,
                    Phase::Done => return Ok(None),
                };
                let Some(rows) = made else {
                    self.phase = if self.next_round(exec) { Phase::Step } else { Phase::Done };
                    continue;
                };
                let rows = self.only_new(rows, exec)?;
                if !rows.is_empty() {
                    self.fresh.push(rows.clone(), exec).await?;
                    return Ok(Some(rows));
                }
            }
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.first.rewind(state);
        self.phase = Phase::First;
        if let Some(seen) = &mut self.seen {
            seen.clear();
        }
        let State { ctes, memory, .. } = state;
        let working = &mut ctes[self.working];
        working.batches.clear(memory);
        working.generation += 1;
        self.fresh.clear(memory);
        memory.release(&mut self.account);
    }
}
