//! DELETE: locks the rows that the source names, and removes them.

use atoll_datum::{Datum, Result as SqlResult};
use atoll_txn::lock::Strength;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::returning::Returning;
use super::target::Target;
use super::update::{Sourced, lock};
use super::write::{Change, Claims};
use crate::exec::{BoxOperator, Builder, Exec, Operator, Result, Rows, State};
use crate::plan;

struct Delete {
    sourced: Sourced,
    target: Target,
    returning: Option<Returning>,
    counts: bool,
    done: bool,
}

pub fn delete(plan: &plan::Delete, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let mut sourced = Sourced::new(&plan.source, plan.key, &plan.old, builder)?;
    sourced.lock_what_is_read(Strength::Update);
    let target = Target::new(&plan.table, &plan.rules, builder)?;
    let (columns, width) = (plan.source.columns(), target.layout.width());
    let returning = Returning::new(plan.returning.as_ref(), &plan.rules, width, &columns, builder)?;
    Ok(Box::new(Delete { sourced, target, returning, counts: builder.is_main, done: false }))
}

impl Delete {
    async fn run(&mut self, exec: &mut Exec<'_>) -> Result<Rows> {
        let named = self.sourced.gather(exec).await?;
        lock(&named, |_| Strength::Update, exec).await?;
        let mut order: Vec<usize> = named.into_iter().map(|(_, at)| at).collect();
        order.sort_unstable();
        let mut changes = Vec::with_capacity(order.len());
        for at in &order {
            let old = self.sourced.old_row(self.sourced.rows.row(*at), &self.target);
            exec.state.memory.grow(&mut self.sourced.account, old.iter().map(Datum::bytes).sum())?;
            changes.push(Change::delete(self.target.stored(old, exec).await?));
        }
        self.target.apply(&changes, &mut Claims::default(), exec).await?;
        exec.state.changed += if self.counts { changes.len() as u64 } else { 0 };
        let mut returned = Rows::new(Returning::width(&self.returning));
        if let Some(returning) = &self.returning {
            for (change, at) in changes.iter().zip(&order) {
                let Some(old) = &change.old else { continue };
                returning.push(&old.row, self.sourced.rows.row(*at), &mut returned, exec).await?;
            }
        }
        self.sourced.forget(&mut exec.state);
        Ok(returned)
    }
}

impl Operator for Delete {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            if std::mem::replace(&mut self.done, true) {
                return Ok(None);
            }
            self.run(exec).await.map(Some)
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.sourced.rewind(state);
        self.done = false;
    }
}
