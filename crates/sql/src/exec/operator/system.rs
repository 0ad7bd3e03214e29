//! Tables of pg_catalog and information_schema.

use atoll_datum::Datum;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::{Exec, Result, Rows, State};
use crate::plan;

struct System {
    table: &'static crate::system::SystemTable,
    columns: Vec<usize>,
    /// Made once: a subquery that is run for each row of another relation reads it as often.
    rows: Option<Vec<Vec<Datum>>>,
    done: bool,
}

pub fn system(plan: &plan::System) -> BoxOperator {
    let columns = plan.columns.iter().map(|(_, column)| *column).collect();
    Box::new(System { table: plan.table, columns, rows: None, done: false })
}

impl Operator for System {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            exec.check_cancel().await?;
            if std::mem::replace(&mut self.done, true) {
                return Ok(None);
            }
            let made = match &self.rows {
                Some(made) => made,
                None => {
                    let all = self.table.rows.rows(exec.scope).await?;
                    let wanted = |row: Vec<Datum>| self.columns.iter().map(|column| row[*column].clone()).collect();
                    self.rows.insert(all.into_iter().map(wanted).collect())
                }
            };
            let mut rows = Rows::with_capacity(self.columns.len(), made.len());
            for row in made {
                rows.push_owned(row.iter().cloned());
            }
            Ok(Some(rows))
        }
        .boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.done = false;
    }
}
