//! What holds for the rows of a table that no plan speaks of: one that the action of a foreign key changes.

use std::sync::Arc;

use atoll_datum::{Error, Result};

use crate::catalog::{ColumnOrdinal, Table};
use crate::plan::{Expr, RowRules};
use crate::session::Scope;

#[derive(Debug, Default)]
pub struct TableRules {
    pub rules: RowRules,
    pub defaults: Vec<(ColumnOrdinal, Expr)>,
}

/// Binds what the table's descriptor says.
pub fn of(_scope: &Scope, table: &Arc<Table>) -> Result<TableRules> {
    let says_something = !table.checks.is_empty()
        || table.live_columns().any(|column| column.generated.is_some() || column.default.is_some())
        || table.indexes.iter().any(|index| index.predicate.is_some() || index.keys.iter().any(|key| key.column == 0));
    match says_something {
        true => Err(Error::unsupported(format!("an action of a foreign key on table \"{}\"", table.name))),
        false => Ok(TableRules::default()),
    }
}
