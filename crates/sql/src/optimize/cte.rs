//! Common tables that are read once become part of the query that reads them; those that nobody reads go.
//!
//! As in PostgreSQL, a recursive one stays what it is, and so does one that is MATERIALIZED, and one whose rows may differ from one run to the next.

use std::collections::BTreeMap;

use atoll_datum::Result;

use super::walk;
use crate::plan::{CteId, Expr, ExprKind, Plan};

pub fn inline(plan: &mut Plan) -> Result<()> {
    let mut readers: BTreeMap<CteId, usize> = BTreeMap::new();
    walk::visit(plan, &mut |plan| {
        if let Plan::CteScan(scan) = plan {
            *readers.entry(scan.cte).or_default() += 1;
        }
    });
    inline_in(plan, &readers)
}

fn inline_in(plan: &mut Plan, readers: &BTreeMap<CteId, usize>) -> Result<()> {
    while let Plan::With(with) = plan {
        let may = with.materialized != Some(true);
        let pure = may && with.recursive.is_none() && !walk::plan_is_volatile(&with.definition);
        let mut changes = false;
        walk::visit(&with.definition, &mut |plan| changes |= walk::changes_rows(plan));
        if let Some(recursive) = &with.recursive {
            walk::visit(&recursive.step, &mut |plan| changes |= walk::changes_rows(plan));
        }
        let outside = scans(&with.body, with.cte);
        match outside {
            0 if !changes => {}
            1 if pure && readers.get(&with.cte) == Some(&1) => {
                let mut definition = Some(walk::take(&mut with.definition));
                replace_in_plan(&mut with.body, with.cte, &mut definition);
            }
            _ => break,
        }
        *plan = walk::take(&mut with.body);
    }
    for input in plan.inputs_mut() {
        inline_in(input, readers)?;
    }
    walk::each_subquery(plan, &mut |subquery| inline_in(&mut subquery.plan, readers))
}

fn scans(plan: &Plan, cte: CteId) -> usize {
    let mut count = 0;
    walk::visit(plan, &mut |plan| count += usize::from(matches!(plan, Plan::CteScan(scan) if scan.cte == cte)));
    count
}

fn replace_in_plan(plan: &mut Plan, cte: CteId, definition: &mut Option<Plan>) {
    if let Plan::CteScan(scan) = plan
        && scan.cte == cte
    {
        if let Some(definition) = definition.take() {
            let made = walk::column_types(&definition);
            let columns = scan.columns.iter().zip(made).map(|((id, ty), (from, _))| (*id, Expr::column(from, *ty)));
            let columns = columns.collect();
            *plan = walk::project(definition, columns);
        }
        return;
    }
    for input in plan.inputs_mut() {
        replace_in_plan(input, cte, definition);
    }
    for expr in walk::expressions_mut(plan) {
        replace_in_expr(expr, cte, definition);
    }
}

fn replace_in_expr(expr: &mut Expr, cte: CteId, definition: &mut Option<Plan>) {
    if let ExprKind::Subquery(subquery) = &mut expr.kind {
        replace_in_plan(&mut subquery.plan, cte, definition);
    }
    for child in expr.children_mut() {
        replace_in_expr(child, cte, definition);
    }
}
