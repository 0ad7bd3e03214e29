//! What holds for the rows of a table that no plan speaks of: one that the action of a foreign key changes.

use std::sync::Arc;

use atoll_datum::{Error, Result};

use crate::bind::{Standalone, StandaloneColumn, expression_text_over};
use crate::catalog::{ColumnOrdinal, Table};
use crate::plan::{ColumnId, Expr, RowRules};
use crate::session::Scope;
use crate::types::Type;

#[derive(Debug, Default)]
pub struct TableRules {
    pub rules: RowRules,
    pub defaults: Vec<(ColumnOrdinal, Expr)>,
}

/// Binds what the table's descriptor says. A column has its ordinal as its id: nothing else is bound with it.
pub fn of(scope: &Scope, table: &Arc<Table>) -> Result<TableRules> {
    let columns: Vec<StandaloneColumn> = table
        .visible_columns()
        .map(|column| StandaloneColumn { name: column.name.clone(), id: ColumnId(column.ordinal), ty: column.ty() })
        .collect();
    let bind = |text: &str, expected: Option<Type>, what: Standalone<'_>| {
        expression_text_over(scope, text, &table.name, &columns, expected, what)
    };
    let mut bound = TableRules::default();
    let rules = &mut bound.rules;
    rules.row = columns.iter().map(|column| (column.id, ColumnOrdinal(column.id.0))).collect();
    for column in table.visible_columns() {
        let (ordinal, name, ty) = (column.ordinal(), column.name.as_str(), Some(column.ty()));
        if let Some(text) = &column.generated {
            rules.generated.push((ordinal, bind(text, ty, Standalone::Generated { column: name })?));
        } else if let Some(text) = &column.default {
            bound.defaults.push((ordinal, bind(text, ty, Standalone::Default { column: name })?));
        }
    }
    for check in &table.checks {
        rules.checks.push((check.name.clone(), bind(&check.expression, Some(Type::BOOL), Standalone::Check)?));
    }
    for index in &table.indexes {
        if index.keys.iter().any(|key| key.column == 0) {
            let keys = index.keys.iter().map(|key| {
                let text = key.expression.as_deref();
                text.map(|text| bind(text, Some(key.ty()), Standalone::IndexExpression)).transpose()
            });
            rules.index_keys.push((index.id(), keys.collect::<Result<_>>()?));
        }
        if let Some(text) = &index.predicate {
            rules.index_predicates.push((index.id(), bind(text, Some(Type::BOOL), Standalone::IndexPredicate)?));
        }
    }
    Ok(bound)
}

/// 0A000 for what SET DEFAULT can't find out.
pub fn no_default(table: &Table, column: &str) -> Error {
    Error::unsupported(format!("SET DEFAULT of column \"{column}\" of table \"{}\", an identity", table.name))
}
