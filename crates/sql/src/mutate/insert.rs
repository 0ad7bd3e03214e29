//! INSERT: each row of the source becomes a row of the table.

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::conflict::Conflict;
use super::returning::Returning;
use super::target::{Target, position, row_columns};
use super::write::{Change, Claims};
use super::{BATCH, row_id};
use crate::catalog::ColumnOrdinal;
use crate::exec::expr::Columns;
use crate::exec::{BoxOperator, Builder, Evaluator, Exec, Failure, Operator, Result, Rows, State};
use crate::plan::{self, ColumnId, Expr};

struct Insert {
    source: BoxOperator,
    inserter: Inserter,
}

pub fn insert(plan: &plan::Insert, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let source = builder.plan(&plan.source)?;
    Ok(Box::new(Insert { source, inserter: Inserter::new(plan, builder)? }))
}

impl Operator for Insert {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            while let Some(rows) = self.source.next(exec).await? {
                let returned = self.inserter.insert(&rows, exec).await?;
                if !returned.is_empty() {
                    return Ok(Some(returned));
                }
            }
            Ok(None)
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.source.rewind(state);
    }
}

/// Puts rows into a table, wherever they come from.
pub struct Inserter {
    target: Target,
    /// Where the columns of the source go.
    columns: Vec<usize>,
    defaults: Vec<(usize, Evaluator)>,
    conflict: Option<Conflict>,
    returning: Option<Returning>,
    /// Rows of which this is not true are left out; it reads what comes from the source and from defaults.
    filter: Option<Evaluator>,
    /// Its rows are those of the command's tag.
    counts: bool,
}

impl Inserter {
    pub fn new(plan: &plan::Insert, builder: &mut Builder<'_>) -> SqlResult<Inserter> {
        let target = Target::new(&plan.table, &plan.rules, builder)?;
        let none = Columns::default();
        let mut defaults = Vec::with_capacity(plan.defaults.len());
        for (ordinal, expr) in &plan.defaults {
            defaults.push((position(*ordinal), builder.expr(expr, &none)?));
        }
        defaults.sort_by_key(|(position, _)| *position);
        let conflict =
            plan.on_conflict.as_ref().map(|conflict| Conflict::new(conflict, &target, builder)).transpose()?;
        let source = plan.source.columns();
        let width = target.layout.width();
        let returning = Returning::new(plan.returning.as_ref(), &plan.rules, width, &source, builder)?;
        Ok(Inserter {
            columns: plan.columns.iter().map(|ordinal| position(*ordinal)).collect(),
            counts: builder.is_main,
            target,
            defaults,
            conflict,
            returning,
            filter: None,
        })
    }

    /// The expression reads the row's columns by these ids.
    pub fn keep_only(
        &mut self,
        filter: &Expr,
        row: &[(ColumnId, ColumnOrdinal)],
        builder: &mut Builder<'_>,
    ) -> SqlResult<()> {
        self.filter = Some(builder.expr(filter, &Columns::placed(row_columns(row)))?);
        Ok(())
    }

    /// What RETURNING says of the rows.
    pub async fn insert(&self, rows: &Rows, exec: &mut Exec<'_>) -> Result<Rows> {
        let mut returned = Rows::new(Returning::width(&self.returning));
        let all: Vec<&[Datum]> = rows.iter().collect();
        for some in all.chunks(BATCH) {
            exec.check_cancel().await?;
            self.insert_some(some, &mut returned, exec).await?;
        }
        Ok(returned)
    }

    async fn insert_some(&self, rows: &[&[Datum]], returned: &mut Rows, exec: &mut Exec<'_>) -> Result<()> {
        let mut changes = Vec::with_capacity(rows.len());
        let mut wrong = None;
        for source in rows {
            match self.row(source, exec).await {
                Ok(change) => changes.extend(change),
                // The rows before it may be wrong in a way that is seen only later, but comes first.
                Err(Failure::Sql(error)) => {
                    wrong = Some(error);
                    break;
                }
                Err(failure) => return Err(failure),
            }
        }
        let outcomes = match &self.conflict {
            None => {
                self.target.apply(&changes, &mut Claims::default(), exec).await?;
                changes.into_iter().map(Some).collect()
            }
            Some(conflict) => conflict.insert(&self.target, changes, exec).await?,
        };
        if self.target.has_views() {
            for new in outcomes.iter().flatten().filter_map(|change| change.new.as_ref()) {
                self.target.check_views(&new.row, exec).await?;
            }
        }
        if let Some(error) = wrong {
            return Err(error.into());
        }
        for (change, source) in outcomes.iter().zip(rows) {
            let Some(new) = change.as_ref().and_then(|change| change.new.as_ref()) else { continue };
            exec.state.changed += u64::from(self.counts);
            if let Some(returning) = &self.returning {
                returning.push(&new.row, source, returned, exec).await?;
            }
        }
        Ok(())
    }

    /// None if the row is left out.
    async fn row(&self, source: &[Datum], exec: &mut Exec<'_>) -> Result<Option<Change>> {
        let mut row = self.target.blank();
        for (position, value) in self.columns.iter().zip(source) {
            row[*position] = value.clone();
        }
        for (position, default) in &self.defaults {
            row[*position] = exec.eval(default, &[]).await?;
        }
        if let Some(filter) = &self.filter
            && !exec.test(filter, &row).await?
        {
            return Ok(None);
        }
        if let Some(position) = self.target.row_id {
            row[position] = row_id::next(exec.scope);
        }
        self.target.complete(&mut row, exec).await?;
        Ok(Some(Change::insert(self.target.stored(row, exec).await?)))
    }
}
