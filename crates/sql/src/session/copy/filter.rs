//! `COPY ... FROM ... WHERE`: a condition on rows before they are in the table, with defaults but without generated
//! columns.

use std::collections::BTreeSet;

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast;

use crate::bind::{self, Standalone, StandaloneColumn};
use crate::catalog::{Table, privileges};
use crate::mutate::copy::Filter;
use crate::plan::{ColumnId, RelationUse};
use crate::session::Scope;

/// The columns that it reads must be the role's to read.
pub fn bound(scope: &Scope, table: &Table, written: &ast::Expr) -> Result<Filter> {
    let columns = || table.visible_columns().zip(0..).map(|(column, id)| (ColumnId(id), column));
    let named = columns().map(|(id, column)| StandaloneColumn { name: column.name.clone(), id, ty: column.ty() });
    let named: Vec<StandaloneColumn> = named.collect();
    let condition = bind::expression_over(scope, written, &table.name, &named, None, Standalone::CopyFilter)?;
    let mut read = BTreeSet::new();
    condition.columns(&mut read);
    if let Some((_, column)) = columns().find(|(id, column)| read.contains(id) && column.generated.is_some()) {
        let message = "generated columns are not supported in COPY FROM WHERE conditions";
        let detail = format!("Column \"{}\" is a generated column.", column.name);
        return Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message).detail(detail));
    }
    let mut used = RelationUse::new(table.oid(), scope.session.current_user);
    used.select = Some(columns().filter(|(id, _)| read.contains(id)).map(|(_, column)| column.ordinal()).collect());
    if !read.is_empty() {
        privileges::check_use(scope, &used)?;
    }
    Ok(Filter { condition, row: columns().map(|(id, column)| (id, column.ordinal())).collect() })
}
