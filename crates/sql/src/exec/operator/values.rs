//! Rows of expressions.

use atoll_datum::Result as SqlResult;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;

struct Values {
    width: usize,
    rows: Vec<Vec<Evaluator>>,
    next: usize,
}

pub fn values(plan: &plan::Values, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let none = Columns::default();
    let rows = plan.rows.iter().map(|row| builder.exprs(row, &none)).collect::<SqlResult<_>>()?;
    Ok(Box::new(Values { width: plan.columns.len(), rows, next: 0 }))
}

impl Operator for Values {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            exec.check_cancel().await?;
            if self.next == self.rows.len() {
                return Ok(None);
            }
            let mut rows = Rows::new(self.width);
            while self.next < self.rows.len() && !rows.is_full() {
                exec.eval_into(&self.rows[self.next], &[], rows.open_row()).await?;
                rows.end_row();
                self.next += 1;
            }
            Ok(Some(rows))
        }
        .boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.next = 0;
    }
}
