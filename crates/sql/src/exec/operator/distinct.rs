//! DISTINCT and DISTINCT ON.

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::build::{Builder, senses};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::keyed::{Keyed, Sense};
use crate::exec::{Exec, Result, Rows, State};
use crate::plan;

struct Distinct {
    input: BoxOperator,
    on: Option<Vec<Evaluator>>,
    seen: Keyed,
    account: usize,
}

pub fn distinct(plan: &plan::Distinct, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let columns = Columns::from(plan.input.columns());
    let on = plan.on.as_ref().map(|on| builder.exprs(on, &columns)).transpose()?;
    let seen = match &plan.on {
        Some(on) => Keyed::new(on.iter().map(|expr| Sense::of(expr.ty.oid)).collect::<Vec<_>>()),
        None => Keyed::new(senses(&plan.input)),
    };
    Ok(Box::new(Distinct { input, on, seen, account: 0 }))
}

impl Distinct {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        let mut key: Vec<Datum> = Vec::new();
        while let Some(mut rows) = self.input.next(exec).await? {
            exec.check_cancel().await?;
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
                let is_new = self.seen.insert(key).1;
                if is_new {
                    exec.state.grow(&mut self.account, Keyed::bytes_of(key))?;
                }
                keep.push(is_new);
            }
            rows.retain(&keep);
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

impl Operator for Distinct {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.seen.clear();
        state.memory.release(&mut self.account);
    }
}
