//! A table as whoever changes it sees it: its rows' layout and rules, ready to run.

use std::sync::Arc;

use atoll_datum::{Datum, Error, Result as SqlResult};
use bytes::Bytes;

use super::foreign::{self, Reference};
use super::violation;
use super::write::Stored;
use crate::catalog::{ColumnOrdinal, IndexState, Table};
use crate::exec::expr::Columns;
use crate::exec::{Builder, Evaluator, Exec, Result};
use crate::plan::{ColumnId, RowRules};
use crate::table::{Decoder, IndexEntry, Layout};

pub struct Target {
    pub table: Arc<Table>,
    pub layout: Arc<Layout>,
    /// Secondary ones, in the order of the layout.
    pub indexes: Vec<Index>,
    generated: Vec<(usize, Evaluator)>,
    /// By name, as PostgreSQL goes through them.
    checks: Vec<(String, Evaluator)>,
    /// Conditions of views that the rows are changed through.
    views: Vec<(String, Evaluator)>,
    /// Positions of columns, as all that are called so: ordinals counted from 0.
    not_null: Vec<usize>,
    /// The hidden key of a table without a primary key.
    pub row_id: Option<usize>,
    /// Columns by which others may refer to a row: a change of them needs the stronger lock.
    key_positions: Vec<usize>,
    decoder: Decoder,
    decoded: Vec<usize>,
    /// Foreign keys of this table, and those of others (or its own) that lead here.
    pub references: Vec<Arc<Reference>>,
    pub referenced: Vec<Arc<Reference>>,
}

pub struct Index {
    /// Entries are no longer made, only removed.
    pub closing: bool,
    pub expressions: Vec<Evaluator>,
    predicate: Option<Evaluator>,
}

/// Where the columns that rules read lie in a whole row.
pub fn row_columns(row: &[(ColumnId, ColumnOrdinal)]) -> impl Iterator<Item = (ColumnId, usize)> {
    row.iter().map(|(id, ordinal)| (*id, position(*ordinal)))
}

pub fn position(ordinal: ColumnOrdinal) -> usize {
    ordinal.0 as usize - 1
}

impl Target {
    pub fn new(table: &Arc<Table>, rules: &RowRules, builder: &mut Builder<'_>) -> SqlResult<Target> {
        let layout = builder.layout(table)?;
        let row = Columns::placed(row_columns(&rules.row));
        let mut generated = Vec::with_capacity(rules.generated.len());
        for (ordinal, expr) in &rules.generated {
            generated.push((position(*ordinal), builder.expr(expr, &row)?));
        }
        let mut checks = Vec::with_capacity(rules.checks.len());
        for (name, expr) in &rules.checks {
            checks.push((name.clone(), builder.expr(expr, &row)?));
        }
        checks.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut views = Vec::with_capacity(rules.views.len());
        for (view, expr) in &rules.views {
            views.push((view.clone(), builder.expr(expr, &row)?));
        }
        let mut indexes = Vec::with_capacity(layout.secondary().len());
        for index in table.indexes.iter().skip(1) {
            let id = index.id();
            let keys = rules.index_keys.iter().find(|(of, _)| *of == id).map(|(_, keys)| keys);
            let expressions = builder.exprs(keys.into_iter().flatten().flatten(), &row)?;
            let predicate = rules.index_predicates.iter().find(|(of, _)| *of == id);
            let predicate = predicate.map(|(_, expr)| builder.expr(expr, &row)).transpose()?;
            let wanted = index.keys.iter().filter(|key| key.column == 0).count();
            if expressions.len() != wanted || predicate.is_some() != index.predicate.is_some() {
                return Err(Error::internal(format!("the plan does not say what index {} holds", index.name)));
            }
            indexes.push(Index { closing: index.state() == IndexState::DeleteOnly, expressions, predicate });
        }
        let live: Vec<ColumnOrdinal> = table.live_columns().map(|column| column.ordinal()).collect();
        let is_key = |column: usize| {
            let unique = table.indexes.iter().filter(|index| index.unique || index.primary);
            let plain = unique.filter(|index| index.predicate.is_none() && index.keys.iter().all(|key| key.column > 0));
            plain.flat_map(|index| &index.keys).any(|key| key.column as usize == column + 1)
        };
        let not_null = table.live_columns().filter(|column| column.not_null);
        let hidden = table.primary().keys.first().and_then(|key| table.column(ColumnOrdinal(key.column)));
        let row_id = hidden.filter(|column| column.hidden).map(|column| position(column.ordinal()));
        Ok(Target {
            not_null: not_null.map(|column| position(column.ordinal())).collect(),
            row_id,
            key_positions: (0..layout.width()).filter(|column| is_key(*column)).collect(),
            decoder: layout.row_decoder(&live, false),
            decoded: live.into_iter().map(position).collect(),
            references: foreign::of(table, builder.scope),
            referenced: foreign::leading_to(table, builder.scope),
            table: table.clone(),
            layout,
            indexes,
            generated,
            checks,
            views,
        })
    }

    /// A row that is NULL everywhere.
    pub fn blank(&self) -> Vec<Datum> {
        vec![Datum::Null; self.layout.width()]
    }

    pub fn decode(&self, key: &[u8], value: &[u8]) -> SqlResult<Vec<Datum>> {
        let mut values = Vec::with_capacity(self.decoded.len());
        self.decoder.decode(key, value, &mut values)?;
        let mut row = self.blank();
        for (value, position) in values.into_iter().zip(&self.decoded) {
            row[*position] = value;
        }
        Ok(row)
    }

    pub fn is_key_column(&self, position: usize) -> bool {
        self.key_positions.contains(&position)
    }

    /// Whether somebody who refers to the old row may no longer find it.
    pub fn changes_key(&self, old: &[Datum], new: &[Datum]) -> bool {
        self.key_positions.iter().any(|position| old[*position] != new[*position])
    }

    /// Computes generated columns and sees that the row may be.
    pub async fn complete(&self, row: &mut [Datum], exec: &mut Exec<'_>) -> Result<()> {
        for (position, expr) in &self.generated {
            // Generated columns don't read each other.
            row[*position] = exec.eval(expr, row).await?;
        }
        if let Some(position) = self.not_null.iter().find(|position| row[**position].is_null()) {
            return Err(violation::not_null(self, *position, row, exec.scope).into());
        }
        for (name, check) in &self.checks {
            if matches!(exec.eval(check, row).await?, Datum::Bool(false)) {
                return Err(violation::check(self, name, row, exec.scope).into());
            }
        }
        Ok(())
    }

    /// Whether there are views WITH CHECK OPTION to be asked about new rows.
    pub fn has_views(&self) -> bool {
        !self.views.is_empty()
    }

    /// Sees that they show a row that has been written.
    pub async fn check_views(&self, row: &[Datum], exec: &mut Exec<'_>) -> Result<()> {
        for (view, condition) in &self.views {
            if !exec.test(condition, row).await? {
                return Err(violation::check_option(self, view, row, exec.scope).into());
            }
        }
        Ok(())
    }

    /// A row with its keys.
    pub async fn stored(&self, row: Vec<Datum>, exec: &mut Exec<'_>) -> Result<Stored> {
        let mut entries = Vec::with_capacity(self.indexes.len());
        for (index, layout) in self.indexes.iter().zip(self.layout.secondary()) {
            let mut entry: Option<IndexEntry> = None;
            let is_in = match &index.predicate {
                Some(predicate) => exec.test(predicate, &row).await?,
                None => true,
            };
            if is_in {
                let mut expressions = Vec::with_capacity(index.expressions.len());
                exec.eval_into(&index.expressions, &row, &mut expressions).await?;
                entry = Some(self.layout.index_entry(layout, &row, &expressions)?);
            }
            entries.push(entry);
        }
        let key: Bytes = self.layout.primary_key(&row)?;
        Ok(Stored { key, row, entries })
    }
}
