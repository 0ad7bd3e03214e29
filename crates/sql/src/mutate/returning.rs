//! RETURNING: reads the row as it is now (of a DELETE: as it was) and the columns of the source.

use atoll_datum::{Datum, Result as SqlResult};

use super::target::row_columns;
use crate::exec::expr::Columns;
use crate::exec::{Builder, Evaluator, Exec, Result, Rows};
use crate::plan::{self, ColumnId, RowRules};

pub struct Returning {
    columns: Vec<Evaluator>,
}

impl Returning {
    /// `source`: the columns of the source's rows; `width`: of a whole row of the table.
    pub fn new(
        returning: Option<&plan::Returning>,
        rules: &RowRules,
        width: usize,
        source: &[ColumnId],
        builder: &mut Builder<'_>,
    ) -> SqlResult<Option<Returning>> {
        let Some(returning) = returning else { return Ok(None) };
        let source = source.iter().enumerate().map(|(at, id)| (*id, width + at));
        let columns = Columns::placed(row_columns(&rules.row).chain(source));
        let columns = builder.exprs(returning.columns.iter().map(|(_, expr)| expr), &columns)?;
        Ok(Some(Returning { columns }))
    }

    pub fn width(of: &Option<Returning>) -> usize {
        of.as_ref().map_or(0, |returning| returning.columns.len())
    }

    pub async fn push(&self, row: &[Datum], source: &[Datum], out: &mut Rows, exec: &mut Exec<'_>) -> Result<()> {
        let row = [row, source].concat();
        let mut values = Vec::with_capacity(self.columns.len());
        exec.eval_into(&self.columns, &row, &mut values).await?;
        out.push_owned(values);
        Ok(())
    }
}
