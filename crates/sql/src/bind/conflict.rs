//! ON CONFLICT: which unique indexes arbitrate, and what happens to the row that is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, ConflictTarget, IndexColumn};

use super::assign::Assignments;
use super::names::{Item, ItemKind, Place};
use super::same::same;
use super::view::{Conditions, Surface, Target};
use super::{Binder, syntax_error};
use crate::catalog::{ColumnOrdinal, Index, IndexId, IndexState, Table};
use crate::optimize::walk::substitute;
use crate::plan::{ColumnId, ConflictAction, Expr, OnConflict};

impl Binder<'_> {
    pub fn on_conflict(&mut self, target: &Target, name: &str, written: &ast::OnConflict) -> Result<OnConflict> {
        let table = &target.table;
        let is_update = matches!(written.action, ast::ConflictAction::Update { .. });
        if is_update && written.target.is_none() {
            let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
            return Err(syntax_error(message, written.at).hint("For example, ON CONFLICT (column_name)."));
        }
        let stored_name = if target.is_view() { table.name.as_str() } else { name };
        let (row, existing) = self.row_item(table, stored_name, Some(target.stored));
        let conditions = if is_update { Conditions::All } else { Conditions::None };
        let surface = self.surface(target, name, row.clone(), conditions, true)?;
        let mut values = surface.values();
        let arbiters = match &written.target {
            None => unique_indexes(table).map(Index::id).collect(),
            Some(ConflictTarget::Constraint(constraint)) => vec![self.named_arbiter(&target.named, constraint)?],
            Some(ConflictTarget::Columns { columns, filter }) => {
                let inferred = self.inference(&surface, &values, columns, filter.as_ref())?;
                self.inferred_arbiters(table, &row, inferred)?
            }
        };
        let action = match &written.action {
            ast::ConflictAction::Nothing => ConflictAction::Nothing,
            ast::ConflictAction::Update { assignments, filter } => {
                let (new, excluded) = self.row_item(table, "excluded", None);
                let views = surface.conditions(&values);
                let new = self.surface(target, "excluded", new, Conditions::None, false)?;
                values.extend(new.values());
                let new = Item { table: None, tableoid: None, kind: ItemKind::Values, ..new.item };
                let item = surface.item;
                let outside = std::mem::replace(&mut self.block().items, vec![item.clone(), new]);
                let assigned = self.at_place(Place::UpdateSource, |binder| {
                    let assigned = binder.assignments(target, &item, assignments)?;
                    let filter = filter.as_ref();
                    let filter = filter
                        .map(|filter| binder.at_place(Place::Where, |b| b.condition(filter, "WHERE")))
                        .transpose()?;
                    Ok((assigned, filter))
                });
                self.block().items = outside;
                let (assigned, mut filter) = assigned?;
                let Assignments { values: mut assignments, named, mut records } = assigned;
                self.note_updated(target, named);
                let records_of = records.iter_mut().map(|(_, record)| record);
                for expr in records_of.chain(assignments.iter_mut().map(|(_, value)| value)).chain(&mut filter) {
                    substitute(expr, &values);
                }
                ConflictAction::Update { existing, excluded, views, records, assignments, filter }
            }
        };
        Ok(OnConflict { arbiters, action })
    }

    fn named_arbiter(&self, table: &Table, name: &ast::Name) -> Result<IndexId> {
        let found = table.indexes.iter().find(|index| index.constraint != 0 && index.name == *name.text);
        let Some(index) = found else {
            let message = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
            return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message));
        };
        if index.deferrable {
            let message =
                "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters";
            return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).at(name.at.offset()));
        }
        Ok(index.id())
    }

    /// All unique indexes with exactly these columns and expressions, in any order.
    fn inferred_arbiters(
        &mut self,
        table: &Arc<Table>,
        item: &Item,
        (wanted, filter): (Vec<Expr>, Vec<Expr>),
    ) -> Result<Vec<IndexId>> {
        let mut found = Vec::new();
        for index in unique_indexes(table) {
            let mut keys = Vec::with_capacity(index.keys.len());
            for key in &index.keys {
                keys.push(match &key.expression {
                    Some(text) => self.stored_expr(text, Some(item), Place::IndexExpression)?,
                    None => {
                        let named = table.column(ColumnOrdinal(key.column)).map(|column| column.name.as_str());
                        let column = item.columns.iter().find(|column| Some(&*column.name) == named);
                        let Some(column) = column else { continue };
                        Expr::column(column.id, column.ty)
                    }
                });
            }
            let covers = |a: &[Expr], b: &[Expr]| a.iter().all(|one| b.iter().any(|other| same(one, other)));
            if keys.len() != index.keys.len() || !covers(&keys, &wanted) || !covers(&wanted, &keys) {
                continue;
            }
            // A partial index counts if what the statement says implies its predicate: says the same at least.
            if let Some(text) = &index.predicate {
                let predicate = self.stored_expr(text, Some(item), Place::IndexPredicate)?;
                let predicate = self.coerce_to_boolean(predicate, "WHERE")?;
                if !covers(&predicate.conjuncts(), &filter) {
                    continue;
                }
            }
            found.push(index.id());
        }
        if found.is_empty() {
            let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
            return Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message));
        }
        Ok(found)
    }

    /// What the statement says of the index, over the row of the table.
    fn inference(
        &mut self,
        surface: &Surface,
        values: &BTreeMap<ColumnId, Expr>,
        columns: &[IndexColumn],
        filter: Option<&ast::Expr>,
    ) -> Result<(Vec<Expr>, Vec<Expr>)> {
        let outside = std::mem::replace(&mut self.block().items, vec![surface.item.clone()]);
        let inferred = self.inferred(columns, filter);
        self.block().items = outside;
        let (mut wanted, mut filter) = inferred?;
        wanted.iter_mut().chain(&mut filter).for_each(|expr| substitute(expr, values));
        Ok((wanted, filter))
    }

    fn inferred(&mut self, columns: &[IndexColumn], filter: Option<&ast::Expr>) -> Result<(Vec<Expr>, Vec<Expr>)> {
        let mut wanted = Vec::with_capacity(columns.len());
        for column in columns {
            let refused = |what: &str| {
                let message = format!("{what} is not allowed in ON CONFLICT clause");
                Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message).at(column.at.offset()))
            };
            if column.direction != ast::Direction::Default {
                return refused("ASC/DESC");
            }
            if column.nulls.is_some() {
                return refused("NULLS FIRST/LAST");
            }
            if let Some(collation) = &column.collation {
                self.check_collation(collation, column.at)?;
            }
            if column.opclass.is_some() {
                return Err(Error::unsupported("an operator class in ON CONFLICT").at(column.at.offset()));
            }
            let bound = match &column.key {
                ast::IndexKey::Column(name) => self.column_reference(std::slice::from_ref(name), name.at)?,
                ast::IndexKey::Expr(expr) => self.at_place(Place::IndexExpression, |binder| binder.expr(expr))?,
            };
            wanted.push(bound);
        }
        let filter = match filter {
            Some(filter) => {
                self.at_place(Place::IndexPredicate, |binder| binder.condition(filter, "WHERE"))?.conjuncts()
            }
            None => Vec::new(),
        };
        Ok((wanted, filter))
    }
}

/// Those that hold already: one that is being built may yet turn out not to.
fn unique_indexes(table: &Table) -> impl Iterator<Item = &Index> {
    let ready = |index: &&Index| {
        let hidden = index.primary && index.constraint == 0;
        index.unique && !index.deferrable && !hidden && index.state == IndexState::Public as i32
    };
    table.indexes.iter().filter(ready)
}
