//! Walks over finished plans: columns made in case somebody reads them, positions of texts that are not the statement's.

use std::collections::BTreeMap;

use super::Binder;
use crate::plan::{ColumnId, Expr, ExprKind, Plan};

impl Binder<'_> {
    /// Takes out the spare columns that nobody reads, and projections that then do nothing.
    pub fn tidy(&self, plan: &mut Plan) {
        if !self.spare.is_empty() {
            remove_spare(plan, &self.spare);
        }
    }
}

fn remove_spare(plan: &mut Plan, spare: &BTreeMap<ColumnId, bool>) {
    for input in plan.inputs_mut() {
        remove_spare(input, spare);
    }
    for expr in plan.expressions_mut() {
        in_subqueries(expr, &mut |plan| remove_spare(plan, spare));
    }
    if let Plan::ProjectSet(project) = plan {
        project.columns.retain(|(id, _)| spare.get(id).copied().unwrap_or(true));
    }
    let Plan::Project(project) = plan else { return };
    let before = project.columns.len();
    // Passed on by every projection above the one that makes it.
    project.columns.retain(|(id, _)| spare.get(id).copied().unwrap_or(true));
    if project.columns.len() == before {
        return;
    }
    let passes = |(id, expr): &(ColumnId, Expr)| expr.as_column() == Some(*id);
    let ids: Vec<ColumnId> = project.columns.iter().map(|(id, _)| *id).collect();
    if project.columns.iter().all(passes) && ids == project.input.columns() {
        *plan = std::mem::replace(&mut project.input, Plan::one_row());
    }
}

pub(super) fn in_subqueries(expr: &mut Expr, change: &mut dyn FnMut(&mut Plan)) {
    if let ExprKind::Subquery(subquery) = &mut expr.kind {
        change(&mut subquery.plan);
    }
    for child in expr.children_mut() {
        in_subqueries(child, change);
    }
}

/// The positions in a view are not the statement's.
pub(super) fn forget_positions(plan: &mut Plan) {
    for input in plan.inputs_mut() {
        forget_positions(input);
    }
    plan.expressions_mut().into_iter().for_each(forget_positions_in);
}

pub(super) fn forget_positions_in(expr: &mut Expr) {
    expr.rewrite(&mut |expr| expr.at = None);
    in_subqueries(expr, &mut forget_positions);
}
