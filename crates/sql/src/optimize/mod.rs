//! From a plan that says what is wanted to one of the same meaning that is quick to run.
//!
//! ```text
//!   fold ─▶ inline ─▶ simplify ─▶ push down ─▶ unnest ─▶ simplify ─▶ push down ─▶ prune     rules: always better
//!                                                                                  │
//!                                     rows ◀─ exec ◀─ prune ◀─ choose (physical) ◀─┘        by cost
//! ```
//!
//! Read in this order:
//!
//! - [`walk`], [`context`], [`predicate`], [`facts`]: what the rules ask of plans and expressions
//! - [`fold`]: constants; [`cte`]: common tables; [`simplify`]: projections
//! - [`pushdown`] with [`equivalence`]: conditions, and outer joins that are none; [`unnest`]: subqueries
//! - [`prune`]: columns, and operators that make no difference
//! - [`stats`], [`analyze`], [`plan::estimate`](crate::plan::estimate), [`cost`]: how much
//! - [`access`]: one table; [`join_order`]: several; [`physical`]: everything that is chosen by cost
//!
//! INVARIANT: a rule that is not sure leaves the plan as it is. Errors that rows would raise may be raised for other rows
//! than the plan first said (PostgreSQL's rules do the same), never where no row is asked about.
//!
//! INVARIANT: the same statement over the same catalog and statistics gives the same plan.
//!
//! What it deliberately does not do: change what a volatile function is asked, or how often; look at parameters' values.

pub mod access;
pub mod analyze;
pub mod context;
pub mod cost;
pub mod cte;
pub mod equivalence;
pub mod facts;
pub mod fold;
pub mod join_order;
pub mod physical;
pub mod predicate;
pub mod prune;
pub mod pushdown;
pub mod simplify;
pub mod stats;
pub mod unnest;
pub mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result};

use crate::bind::{self, Standalone, StandaloneColumn};
use crate::catalog::{ColumnOrdinal, Index, Table};
use crate::plan::{ColumnId, Plan, Query};
use crate::session::Scope;
use context::{Context, IndexExpressions};
use physical::Physical;
use stats::Statistics;

/// The same query with a better plan.
pub fn query(scope: &Scope, query: Query) -> Result<Query> {
    let statistics = |table: Oid| statistics(scope, table);
    let expressions = |table: &Arc<Table>, index: &Index| index_expressions(scope, table, index);
    let context = Context::new(&scope.catalog, &scope.settings, &statistics, &expressions, query.next_column);
    let plan = improve(query.plan, &context)?;
    Ok(Query { plan, next_column: context.next_column(), ..query })
}

/// What ANALYZE found.
pub fn statistics(scope: &Scope, table: Oid) -> Option<Arc<Statistics>> {
    scope.statistics.get(table).cloned()
}

/// The expressions of an index as the rules before leave those of a statement, so that the same ones look the same.
fn index_expressions(scope: &Scope, table: &Arc<Table>, index: &Index) -> Option<IndexExpressions> {
    let id = |ordinal: ColumnOrdinal| ColumnId(ordinal.0 - 1);
    let row: Vec<StandaloneColumn> = table
        .visible_columns()
        .map(|column| StandaloneColumn { name: column.name.clone(), id: id(column.ordinal()), ty: column.ty() })
        .collect();
    let (no_statistics, no_expressions) = (|_: Oid| None, |_: &Arc<Table>, _: &Index| None);
    let context = Context::new(&scope.catalog, &scope.settings, &no_statistics, &no_expressions, 0);
    // They were bound when the index was made. If that has become impossible, the index is not used.
    let over = |text: &str, what| {
        let mut expr = bind::expression_text_over(scope, text, &table.name, &row, None, what).ok()?;
        fold::expr(&mut expr, &context);
        Some(expr)
    };
    let mut keys = Vec::with_capacity(index.keys.len());
    for key in &index.keys {
        keys.push(match &key.expression {
            Some(text) => Some(over(text, Standalone::IndexExpression)?),
            None => None,
        });
    }
    let predicate = match &index.predicate {
        Some(text) => Some(over(text, Standalone::IndexPredicate)?),
        None => None,
    };
    let columns = table.live_columns().map(|column| (id(column.ordinal()), column.ordinal())).collect();
    Some(IndexExpressions { columns, keys, predicate })
}

/// All rules, one after the other.
pub fn improve(mut plan: Plan, context: &Context<'_>) -> Result<Plan> {
    let columns = plan.columns();
    let outside = plan.outer_columns();
    fold::plan(&mut plan, context)?;
    cte::inline(&mut plan)?;
    simplify::pin(&mut plan)?;
    simplify::simplify(&mut plan, context)?;
    pushdown::push_all(&mut plan, context)?;
    unnest::unnest(&mut plan, context)?;
    simplify::simplify(&mut plan, context)?;
    pushdown::push_all(&mut plan, context)?;
    prune::prune(&mut plan)?;
    simplify::simplify(&mut plan, context)?;
    plan = Physical::new(&plan, context).plan(plan)?;
    prune::prune(&mut plan)?;
    simplify::unpin(&mut plan)?;
    if plan.columns() != columns {
        return Err(Error::internal("the optimizer has changed a plan's columns"));
    }
    if let Err(id) = walk::check(&plan, &outside) {
        return Err(Error::internal(format!("the optimizer has lost column #{}", id.0)));
    }
    Ok(plan)
}
