//! What a table's descriptor says of its rows: defaults, generated columns, checks, expressions of indexes; RETURNING.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Error, Oid, Result, oid};
use atoll_syntax::ast;

use super::Binder;
use super::cast::Context;
use super::names::{Item, ItemColumn, Origin, Place, Whole};
use super::query::Output;
use crate::catalog::{Column, ColumnOrdinal, Table};
use crate::plan::{ColumnId, Expr, Returning, RowRules};

impl Binder<'_> {
    /// One new id for each column of a table, under names.
    pub fn row_item(
        &mut self,
        table: &Arc<Table>,
        name: &str,
        read: Option<usize>,
    ) -> (Item, Vec<(ColumnId, ColumnOrdinal)>) {
        let block = self.block().number;
        let (mut columns, mut row) = (Vec::new(), Vec::new());
        for column in table.live_columns() {
            let id = self.new_column(Origin::Variable {
                block,
                relation: Some(name.into()),
                name: column.name.as_str().into(),
                read: read.map(|read| (read, column.ordinal())),
                table: table.oid(),
                attribute: column.ordinal as i16,
            });
            row.push((id, column.ordinal()));
            if !column.hidden {
                columns.push(ItemColumn { name: column.name.as_str().into(), id, ty: column.ty() });
            }
        }
        let ty = if table.row_type == 0 { oid::RECORD } else { Oid(table.row_type) };
        let item = Item {
            // An alias hides the table's own name.
            relation: (name == table.name).then_some(table.oid()),
            whole: Whole::Row(ty),
            table: Some(table.clone()),
            tableoid: Some(table.oid()),
            read,
            ..super::from::derived(name.to_owned(), columns)
        };
        (item, row)
    }

    /// Binds an expression of a descriptor over a row, without a trace of it in what the statement reads.
    pub fn stored_expr(&mut self, text: &str, item: Option<&Item>, place: Place) -> Result<Expr> {
        let written = super::parse_stored_expression(text)?;
        let blocks = std::mem::take(&mut self.blocks);
        let parameters = self.parameters.take();
        let noting = std::mem::replace(&mut self.noting, false);
        self.push_block();
        // A default that was stored reads no columns; its place has been checked when it was.
        self.block().place = if place == Place::Default { Place::Other } else { place };
        self.block().items.extend(item.cloned());
        let bound = self.expr(&written);
        self.noting = noting;
        self.parameters = parameters;
        self.blocks = blocks;
        bound.map(super::function::without_position).map_err(Error::without_position)
    }

    // -------------------------------------------------------------------------------------------------------- defaults

    /// What DEFAULT means for a column: NULL if it has none.
    pub fn default_value(&mut self, column: &Column) -> Result<Expr> {
        let value = match (&column.default, &column.identity) {
            (Some(text), _) => self.stored_expr(text, None, Place::Default)?,
            (None, Some(_)) => self.next_value(Oid(column.sequence))?,
            (None, None) => return Ok(Expr::null(column.ty())),
        };
        let value = self.stored_value(value, &column.name, column.ty())?;
        Ok(super::function::without_position(value))
    }

    fn next_value(&mut self, sequence: Oid) -> Result<Expr> {
        let row = builtin().functions_named("nextval").next();
        let row = row.ok_or_else(|| Error::internal("no function nextval"))?;
        let sequence = Expr::literal(Datum::Oid(sequence), oid::REGCLASS);
        self.call(row, vec![sequence], row.result, None)
    }

    // ----------------------------------------------------------------------------------------------------------- rules

    /// All rules over a row with these ids; [`Self::finish_rules`] drops the ids that nothing reads.
    pub fn row_rules(&mut self, table: &Arc<Table>, item: &Item, new_row: bool) -> Result<RowRules> {
        let mut rules = RowRules::default();
        if new_row {
            for column in table.visible_columns() {
                let Some(text) = &column.generated else { continue };
                let value = self.stored_expr(text, Some(item), Place::Generated)?;
                rules.generated.push((column.ordinal(), self.stored_value(value, &column.name, column.ty())?));
            }
            for check in &table.checks {
                let condition = self.stored_expr(&check.expression, Some(item), Place::Check)?;
                rules.checks.push((check.name.clone(), self.coerce_to_boolean(condition, "CHECK")?));
            }
        }
        for index in &table.indexes {
            if index.keys.iter().any(|key| key.expression.is_some()) {
                let mut keys = Vec::with_capacity(index.keys.len());
                for key in &index.keys {
                    keys.push(match &key.expression {
                        Some(text) => {
                            let value = self.stored_expr(text, Some(item), Place::IndexExpression)?;
                            let value = self.known_type(value)?;
                            Some(self.coerce_type(value, key.ty(), Context::Implicit)?)
                        }
                        None => None,
                    });
                }
                rules.index_keys.push((index.id(), keys));
            }
            if let Some(text) = &index.predicate {
                let condition = self.stored_expr(text, Some(item), Place::IndexPredicate)?;
                rules.index_predicates.push((index.id(), self.coerce_to_boolean(condition, "WHERE")?));
            }
        }
        Ok(rules)
    }

    /// Ids of the row that something reads.
    pub fn finish_rules(
        &mut self,
        rules: &mut RowRules,
        row: Vec<(ColumnId, ColumnOrdinal)>,
        returning: Option<&Returning>,
    ) {
        let mut read = BTreeSet::new();
        let keys = rules.index_keys.iter().flat_map(|(_, keys)| keys.iter().flatten());
        let predicates = rules.index_predicates.iter().map(|(_, expr)| expr);
        let checks = rules.checks.iter().map(|(_, expr)| expr);
        let generated = rules.generated.iter().map(|(_, expr)| expr);
        let returned = returning.into_iter().flat_map(|returning| returning.columns.iter().map(|(_, expr)| expr));
        let views = rules.views.iter().map(|(_, expr)| expr);
        for expr in keys.chain(predicates).chain(checks).chain(generated).chain(views).chain(returned) {
            expr.columns(&mut read);
        }
        rules.row = row.into_iter().filter(|(id, _)| read.contains(id)).collect();
    }

    // ------------------------------------------------------------------------------------------------------- RETURNING

    /// Over the items that are in the block.
    pub fn returning(&mut self, written: &[ast::Target]) -> Result<(Option<Returning>, Vec<Output>)> {
        if written.is_empty() {
            return Ok((None, Vec::new()));
        }
        let mut targets = self.targets(written, Place::Returning)?;
        for target in &mut targets {
            self.settle_target(target)?;
        }
        let output = self.output(&targets);
        let columns = targets.into_iter().map(|target| (target.id, target.expr)).collect();
        Ok((Some(Returning { columns }), output))
    }
}
