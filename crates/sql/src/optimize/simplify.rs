//! Fewer operators: projections merged and moved up, so that the joins below them can be seen together.
//!
//! ```text
//!   Join a.x = v.y                       Project #7 := #3 + 1, …
//!   ├─ a                        ─▶       └─ Join a.x = #4
//!   └─ Project #7 := #3 + 1, #8 := #4       ├─ a
//!      └─ b                                 └─ b
//! ```

use std::collections::BTreeMap;

use atoll_datum::Result;

use super::context::Context;
use super::walk;
use super::{fold, predicate};
use crate::plan::{ColumnId, Expr, ExprKind, JoinKind, Plan, SubqueryKind};

/// Fixes the order of columns wherever it means something: at the top, in subqueries, set operations, common tables and
/// sources of changes. Afterwards the columns of other operators may come in any order.
pub fn pin(plan: &mut Plan) -> Result<()> {
    pin_top(plan);
    pin_below(plan)
}

fn pin_below(plan: &mut Plan) -> Result<()> {
    match plan {
        Plan::SetOperation(operation) => {
            pin_top(&mut operation.left);
            pin_top(&mut operation.right);
        }
        Plan::With(with) => {
            pin_top(&mut with.definition);
            if let Some(recursive) = &mut with.recursive {
                pin_top(&mut recursive.step);
            }
        }
        Plan::Insert(insert) => pin_top(&mut insert.source),
        Plan::Update(update) => pin_top(&mut update.source),
        Plan::Delete(delete) => pin_top(&mut delete.source),
        _ => {}
    }
    for input in plan.inputs_mut() {
        pin_below(input)?;
    }
    walk::each_subquery(plan, &mut |subquery| pin(&mut subquery.plan))
}

fn pin_top(plan: &mut Plan) {
    let mut below = &*plan;
    loop {
        below = match below {
            Plan::Filter(filter) => &filter.input,
            Plan::Sort(sort) => &sort.input,
            Plan::Limit(limit) => &limit.input,
            Plan::Distinct(distinct) => &distinct.input,
            Plan::LockRows(lock) => &lock.input,
            Plan::With(with) => &with.body,
            Plan::Join(_) | Plan::Apply(_) | Plan::Window(_) | Plan::Scan(_) => break,
            _ => return,
        };
    }
    let columns = walk::pass(walk::column_types(plan));
    let input = walk::take(plan);
    *plan = walk::project(input, columns);
}

/// Takes away projections that only say again what is there.
pub fn unpin(plan: &mut Plan) -> Result<()> {
    for input in plan.inputs_mut() {
        unpin(input)?;
    }
    walk::each_subquery(plan, &mut |subquery| unpin(&mut subquery.plan))?;
    if let Plan::Project(project) = plan {
        let same = |(id, expr): &(ColumnId, Expr)| expr.as_column() == Some(*id);
        if project.columns.iter().all(same)
            && project.input.columns() == project.columns.iter().map(|(id, _)| *id).collect::<Vec<_>>()
        {
            *plan = walk::take(&mut project.input);
        }
    }
    Ok(())
}

/// Bottom up over the whole plan.
pub fn simplify(plan: &mut Plan, context: &Context<'_>) -> Result<()> {
    for input in plan.inputs_mut() {
        simplify(input, context)?;
    }
    walk::each_subquery(plan, &mut |subquery| {
        if matches!(subquery.kind, SubqueryKind::Exists) {
            bare(&mut subquery.plan);
        }
        simplify(&mut subquery.plan, context)
    })?;
    while simplify_one(plan, context) {}
    Ok(())
}

/// Without what makes no difference to whether there is a row.
pub fn bare(plan: &mut Plan) {
    loop {
        let input = match plan {
            Plan::Project(project) if !project.columns.iter().any(|(_, expr)| walk::is_volatile(expr)) => {
                &mut project.input
            }
            Plan::Sort(sort) if sort.limit.is_none() => &mut sort.input,
            Plan::Distinct(distinct) => &mut distinct.input,
            _ => return,
        };
        *plan = walk::take(input);
    }
}

fn simplify_one(plan: &mut Plan, context: &Context<'_>) -> bool {
    match plan {
        Plan::Filter(filter) => {
            if predicate::is_literal(&filter.predicate, true) {
                *plan = walk::take(&mut filter.input);
                return true;
            }
            if let Plan::Filter(inner) = &mut filter.input
                && !walk::is_volatile(&filter.predicate)
                && !walk::is_volatile(&inner.predicate)
            {
                let outer = std::mem::replace(&mut filter.predicate, Expr::null(crate::types::Type::BOOL));
                let below = std::mem::replace(&mut inner.predicate, Expr::null(crate::types::Type::BOOL));
                let mut parts = below.conjuncts();
                parts.extend(outer.conjuncts());
                filter.predicate = Expr::all(parts);
                filter.input = walk::take(&mut inner.input);
                return true;
            }
            false
        }
        Plan::Project(outer) => {
            let Plan::Project(inner) = &mut outer.input else { return false };
            if !can_merge(&outer.columns, &inner.columns) {
                return false;
            }
            let with: BTreeMap<ColumnId, Expr> = std::mem::take(&mut inner.columns).into_iter().collect();
            for (_, expr) in &mut outer.columns {
                walk::substitute(expr, &with);
                fold::expr(expr, context);
            }
            outer.input = walk::take(&mut inner.input);
            true
        }
        Plan::Join(join) => {
            let inner = join.kind == JoinKind::Inner;
            let may_left = !matches!(join.kind, JoinKind::Right | JoinKind::Full);
            let left = may_left && is_liftable(&join.left, false);
            let right = may_left && is_liftable(&join.right, !inner);
            if !left && !right {
                return false;
            }
            let mut columns = match left {
                true => lift(&mut join.left, &mut join.on),
                false => walk::pass(walk::column_types(&join.left)),
            };
            let of_right = match right {
                true => lift(&mut join.right, &mut join.on),
                false => walk::pass(walk::column_types(&join.right)),
            };
            if keeps_right(join.kind) {
                columns.extend(of_right);
            } else if !left {
                return true;
            }
            let join = walk::take(plan);
            *plan = walk::project(join, columns);
            true
        }
        _ => false,
    }
}

fn keeps_right(kind: JoinKind) -> bool {
    !matches!(kind, JoinKind::Semi | JoinKind::Anti)
}

/// Whether the lower projection's expressions may take the place of their columns in the upper one's.
fn can_merge(outer: &[(ColumnId, Expr)], inner: &[(ColumnId, Expr)]) -> bool {
    inner.iter().all(|(id, expr)| {
        if walk::is_trivial(expr) {
            return true;
        }
        let uses: usize = outer.iter().map(|(_, expr)| count(expr, *id)).sum();
        match uses {
            // A volatile one is evaluated even if nobody reads it.
            0 => !walk::is_volatile(expr),
            1 => !walk::is_volatile(expr) && !in_subquery(outer, *id),
            _ => false,
        }
    })
}

fn count(expr: &Expr, id: ColumnId) -> usize {
    let mut found = 0;
    expr.any(&mut |expr| {
        found += usize::from(expr.as_column() == Some(id));
        if let ExprKind::Subquery(subquery) = &expr.kind {
            walk::visit(&subquery.plan, &mut |plan| {
                found += plan.expressions().into_iter().map(|expr| count_here(expr, id)).sum::<usize>();
            });
        }
        false
    });
    found
}

fn count_here(expr: &Expr, id: ColumnId) -> usize {
    let mut found = 0;
    expr.any(&mut |expr| {
        found += usize::from(expr.as_column() == Some(id));
        false
    });
    found
}

/// Whether a subquery reads the column: it may do so once a row.
fn in_subquery(outer: &[(ColumnId, Expr)], id: ColumnId) -> bool {
    outer.iter().any(|(_, expr)| {
        let mut found = false;
        walk::visit_expr(expr, &mut |plan| {
            found |= plan.expressions().into_iter().any(|expr| count_here(expr, id) > 0);
        });
        found
    })
}

/// A projection that may move above the join over it. What an outer join fills with NULLs must be a column itself.
fn is_liftable(plan: &Plan, columns_only: bool) -> bool {
    let Plan::Project(project) = plan else { return false };
    project.columns.iter().all(|(_, expr)| match columns_only {
        true => walk::unlabelled(expr).as_column().is_some_and(|id| project.input.columns().contains(&id)),
        false => walk::can_copy(expr),
    })
}

/// Takes the projection off the plan, and puts its expressions into the join's conditions.
fn lift(plan: &mut Plan, on: &mut [Expr]) -> Vec<(ColumnId, Expr)> {
    let Plan::Project(project) = plan else { return Vec::new() };
    let columns = std::mem::take(&mut project.columns);
    let with: BTreeMap<ColumnId, Expr> = columns.iter().cloned().collect();
    on.iter_mut().for_each(|expr| walk::substitute(expr, &with));
    *plan = walk::take(&mut project.input);
    columns
}
