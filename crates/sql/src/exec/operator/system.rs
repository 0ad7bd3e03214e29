//! Tables of pg_catalog and information_schema.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::{Exec, Result, Rows, State};
use crate::plan;

struct System {
    table: &'static crate::system::SystemTable,
    columns: Vec<usize>,
    done: bool,
}

pub fn system(plan: &plan::System) -> BoxOperator {
    let columns = plan.columns.iter().map(|(_, column)| *column).collect();
    Box::new(System { table: plan.table, columns, done: false })
}

impl Operator for System {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            exec.check_cancel()?;
            if std::mem::replace(&mut self.done, true) {
                return Ok(None);
            }
            let all = (self.table.rows)(exec.scope)?;
            let mut rows = Rows::with_capacity(self.columns.len(), all.len());
            for row in &all {
                rows.push_owned(self.columns.iter().map(|column| row[*column].clone()));
            }
            Ok(Some(rows))
        }
        .boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.done = false;
    }
}
