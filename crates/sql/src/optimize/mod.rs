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

use crate::catalog::{Index, Table};
use crate::plan::{Plan, Query};
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

/// Bound expressions of an index. As long as nobody binds them, indexes of expressions and partial ones are not used.
fn index_expressions(_scope: &Scope, _table: &Arc<Table>, _index: &Index) -> Option<IndexExpressions> {
    None
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
