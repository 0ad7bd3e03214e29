//! Through which views rows can be changed: PostgreSQL's automatically updatable ones.
//!
//! A view is one if each of its rows is a row of one table, or of one other view, as its query alone shows. Then a
//! column that shows a column of that table as it is can be written.
//!
//! INVARIANT: [`updatable`] speaks of one view's query. That what it reads is itself no table, or a view that can't be
//! changed, is found by who goes on to it: [`written`] here, [`Target`](super::view::Target) for statements.
//!
//! What it deliberately does not do: views over system catalogs, which PostgreSQL calls updatable and nobody may write;
//! columns behind a cast to their own type.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::{Oid, Result};
use atoll_syntax::ast::{self, Expr, ExprKind, FromItem, Name, Query, QueryBody, Select};

use super::names::{SYSTEM_COLUMNS, item_name};
use super::relation::{Found, relation_in};
use crate::catalog::{ColumnOrdinal, RelationKind, Table};
use crate::ddl::walk;
use crate::session::Scope;

/// A view's query that rows can be changed through.
pub struct Updatable {
    pub select: Box<Select>,
    /// The table or view that it reads, and what it calls it.
    pub base: Arc<Table>,
    pub alias: Option<ast::Alias>,
    /// Of each of the view's columns, which one of `base` it shows, or why it can't be written.
    pub columns: Vec<Column>,
}

pub type Column = std::result::Result<ColumnOrdinal, &'static str>;

pub enum Verdict {
    Updatable(Updatable),
    /// Why not, as PostgreSQL's DETAIL.
    Not(&'static str),
}

impl Updatable {
    /// INSERT and UPDATE want a column that can be written, DELETE doesn't.
    pub fn check_columns(&self) -> std::result::Result<(), &'static str> {
        match self.columns.iter().any(Column::is_ok) {
            true => Ok(()),
            false => Err("Views that have no updatable columns are not automatically updatable."),
        }
    }
}

/// Of a query as it is stored: names qualified, `*` written out.
pub fn updatable(scope: &Scope, query: Query) -> Result<Verdict> {
    const NOT_SINGLE: &str = "Views that do not select from a single table or view are not automatically updatable.";
    let refused = |why| Ok(Verdict::Not(why));
    let Query { with, body, order_by, limit, offset, .. } = query;
    let select = match body {
        QueryBody::Select(select) => select,
        QueryBody::SetOperation(_) => {
            return refused("Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.");
        }
        QueryBody::Values(_) => return refused(NOT_SINGLE),
    };
    if select.distinct.is_some() {
        return refused("Views containing DISTINCT are not automatically updatable.");
    }
    if !select.group_by.is_empty() {
        return refused("Views containing GROUP BY are not automatically updatable.");
    }
    if select.having.is_some() {
        return refused("Views containing HAVING are not automatically updatable.");
    }
    if with.is_some() {
        return refused("Views containing WITH are not automatically updatable.");
    }
    if limit.is_some() || offset.is_some() {
        return refused("Views containing LIMIT or OFFSET are not automatically updatable.");
    }
    let written = select.targets.iter().map(|target| &target.value).chain(order_by.iter().map(|key| &key.value));
    if let Some(why) = Calls::of(written).refusal() {
        return refused(why);
    }
    let [FromItem::Table(table)] = select.from.as_slice() else { return refused(NOT_SINGLE) };
    let base = match relation_in(scope, &table.table.name)? {
        Some(Found::Table(found)) if matches!(found.kind(), RelationKind::Table | RelationKind::View) => found,
        _ => return refused(NOT_SINGLE),
    };
    if table.sample.is_some() {
        return refused("Views containing TABLESAMPLE are not automatically updatable.");
    }
    // The past stays as it is.
    if select.as_of.is_some() {
        return refused(NOT_SINGLE);
    }
    let alias = table.alias.clone();
    let columns = select.targets.iter().map(|target| column(&base, alias.as_ref(), &target.value)).collect();
    Ok(Verdict::Updatable(Updatable { select, base, alias, columns }))
}

/// What is called, outside of subqueries.
#[derive(Default)]
struct Calls {
    aggregates: bool,
    windows: bool,
    sets: bool,
}

impl Calls {
    fn of<'e>(written: impl Iterator<Item = &'e Expr>) -> Calls {
        let mut calls = Calls::default();
        for expr in written {
            walk::each_mut(&mut expr.clone(), &mut |expr| {
                let ExprKind::Call(call) = &expr.kind else { return };
                let Some(name) = call.name.last() else { return };
                if call.over.is_some() {
                    calls.windows = true;
                    return;
                }
                for row in builtin().functions_named(name.as_str()) {
                    calls.aggregates |= row.kind == b'a';
                    calls.sets |= row.returns_set;
                }
            });
        }
        calls
    }

    fn refusal(&self) -> Option<&'static str> {
        if self.aggregates {
            return Some("Views that return aggregate functions are not automatically updatable.");
        }
        if self.windows {
            return Some("Views that return window functions are not automatically updatable.");
        }
        self.sets.then_some("Views that return set-returning functions are not automatically updatable.")
    }
}

fn column(base: &Table, alias: Option<&ast::Alias>, shown: &Expr) -> Column {
    if let ExprKind::Column(names) = &shown.kind
        && let Some(name) = names.last().map(Name::as_str)
    {
        let renamed = alias.map_or(&[][..], |alias| &alias.columns);
        let found = base.visible_columns().enumerate().find(|(place, column)| {
            let own = renamed.get(*place).map_or(column.name.as_str(), Name::as_str);
            own == name
        });
        if let Some((_, column)) = found {
            return Ok(column.ordinal());
        }
        if SYSTEM_COLUMNS.contains(&name) {
            return Err("View columns that refer to system columns are not updatable.");
        }
        if name == item_name(alias, &base.name) {
            return Err("View columns that return whole-row references are not updatable.");
        }
    }
    Err("View columns that are not columns of their base relation are not updatable.")
}

/// The query of a view as it is stored.
pub fn stored_query(view: &Table) -> Result<Query> {
    let missing = || atoll_datum::Error::internal(format!("view {} without its query", view.name));
    let definition = view.view.as_ref().ok_or_else(missing)?;
    match super::parse_stored_statement(&definition.query)? {
        ast::Statement::Query(query) => Ok(*query),
        _ => Err(missing()),
    }
}

/// The columns of a table or view that can be written, views below it included; None if not even rows can be deleted.
pub fn written(scope: &Scope, relation: &Table) -> Result<Option<BTreeSet<ColumnOrdinal>>> {
    written_below(scope, relation, &mut Vec::new())
}

fn written_below(scope: &Scope, relation: &Table, above: &mut Vec<Oid>) -> Result<Option<BTreeSet<ColumnOrdinal>>> {
    match relation.kind() {
        RelationKind::Table => Ok(Some(relation.visible_columns().map(|column| column.ordinal()).collect())),
        RelationKind::View if !above.contains(&relation.oid()) => {
            above.push(relation.oid());
            let Verdict::Updatable(view) = updatable(scope, stored_query(relation)?)? else { return Ok(None) };
            let Some(below) = written_below(scope, &view.base, above)? else { return Ok(None) };
            let shown = relation.visible_columns().zip(&view.columns);
            let written = shown.filter(|(_, of)| of.is_ok_and(|ordinal| below.contains(&ordinal)));
            Ok(Some(written.map(|(column, _)| column.ordinal()).collect()))
        }
        _ => Ok(None),
    }
}
