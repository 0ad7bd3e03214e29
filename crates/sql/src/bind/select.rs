//! One SELECT: its clauses, bound in PostgreSQL's order, and the operators that they become.
//!
//! ```text
//!   FROM ─ WHERE ─ GROUP BY ─ HAVING ─ windows ─ sets of rows ─ select list ─ DISTINCT ─ ORDER BY ─ FOR UPDATE ─ LIMIT
//!   join   Filter  Aggregate  Filter   Window    ProjectSet     Project       Distinct   Sort       LockRows     Limit
//! ```

use atoll_datum::{Error, Result};
use atoll_syntax::ast;

use super::names::{Origin, Place};
use super::order::{distinct_plan, pass, sort_keys};
use super::query::Output;
use super::same;
use super::target::Target;
use super::{Binder, Bound};
use crate::plan::{ColumnId, Expr, ExprKind, Filter, Plan, Project, ProjectSet, Sort, SortKey, Window, WindowCall};
use crate::types::Type;

impl Binder<'_> {
    /// In the block that has been pushed for it.
    pub fn select(&mut self, query: &ast::Query, select: &ast::Select) -> Result<Bound> {
        if select.into.is_some() {
            return Err(super::syntax_error("SELECT ... INTO is not allowed here", query.at));
        }
        if let Some(as_of) = &select.as_of {
            self.as_of_system_time(as_of)?;
        }
        self.block().keys = !query.locking.is_empty();
        self.block().named_windows = select.windows.clone().into();
        let mut plan = self.bound_items(&select.from)?;
        let mut targets = self.targets(&select.targets, Place::Select)?;
        let filter = match &select.filter {
            Some(filter) => Some(self.at_place(Place::Where, |binder| binder.condition(filter, "WHERE"))?),
            None => None,
        };
        let mut having = match &select.having {
            Some(having) => Some(self.at_place(Place::Having, |binder| binder.condition(having, "HAVING"))?),
            None => None,
        };
        let sorted = self.order_by(&query.order_by, &mut targets)?;
        let groups = self.group_by(select, &mut targets)?;
        let on = match &select.distinct {
            Some(distinct) => Some(self.distinct(distinct, &mut targets, &sorted)?),
            None => None,
        };
        self.check_named_windows()?;
        let locked = self.locking(query, select)?;
        if let Some(carry) = self.block().carry.take() {
            let (carried, condition) = self.carried(&carry, select)?;
            targets.extend(carried);
            if let Some(condition) = condition {
                plan = Plan::Filter(Box::new(Filter { input: plan, predicate: condition }));
            }
        }

        if let Some(filter) = filter {
            plan = Plan::Filter(Box::new(Filter { input: plan, predicate: filter }));
        }
        plan = self.aggregate(plan, groups, &mut targets, &mut having)?;
        if let Some(having) = having {
            plan = Plan::Filter(Box::new(Filter { input: plan, predicate: having }));
        }
        let windows = std::mem::take(&mut self.block().windows);
        plan = window_plan(plan, windows);
        if self.block().has_sets {
            plan = self.project_sets(plan, &mut targets);
        }
        let keys = sort_keys(&sorted, &targets);
        if matches!(on, Some(None)) {
            // Keys of GROUP BY that aren't selected tell no two rows apart.
            targets.retain(|target| !target.junk);
        }
        // As PostgreSQL does: what is volatile is computed for the rows that are left, in their order.
        let is_late = |target: &Target| {
            on.is_none()
                && !keys.is_empty()
                && target.expr.is_volatile()
                && !keys.iter().any(|key| key.value.any(&mut |expr| expr.as_column() == Some(target.id)))
        };
        let late = targets.iter().filter(|target| is_late(target));
        let late: Vec<(ColumnId, Expr)> = late.map(|target| (target.id, target.expr.clone())).collect();
        let keys_locked = locked.iter().map(|table| (table.key, Type::new(atoll_datum::oid::BYTEA)));
        let mut columns: Vec<(ColumnId, Expr)> = pass(keys_locked);
        let now = targets.iter().filter(|target| !is_late(target));
        columns.splice(0..0, now.map(|target| (target.id, target.expr.clone())));
        if !late.is_empty() {
            let below = plan.column_types();
            columns.extend(pass(below.into_iter().filter(|(id, _)| !columns.iter().any(|(known, _)| known == id))));
        }
        plan = Plan::Project(Box::new(Project { input: plan, columns }));
        plan = match &on {
            Some(None) => self.sorted(distinct_plan(plan, None, &targets), keys.clone()),
            Some(Some(on)) => distinct_plan(self.sorted(plan, keys.clone()), Some(on), &targets),
            None => self.sorted(plan, keys.clone()),
        };
        if !locked.is_empty() {
            plan = Plan::LockRows(Box::new(crate::plan::LockRows { input: plan, tables: locked }));
        }
        if !late.is_empty() {
            let mut columns =
                pass(targets.iter().filter(|target| !is_late(target)).map(|target| (target.id, target.expr.ty)));
            columns.extend(late);
            plan = Plan::Project(Box::new(Project { input: plan, columns }));
        }
        plan = self.limit(query, plan, &keys)?;
        let visible = targets.iter().filter(|target| !target.junk).count();
        if plan.columns().len() > visible {
            let columns = pass(targets.iter().filter(|target| !target.junk).map(|target| (target.id, target.expr.ty)));
            plan = Plan::Project(Box::new(Project { input: plan, columns }));
        }
        Ok(Bound { plan, output: self.output(&targets) })
    }

    pub fn sorted(&self, input: Plan, keys: Vec<SortKey>) -> Plan {
        if keys.is_empty() {
            return input;
        }
        Plan::Sort(Box::new(Sort { input, keys, limit: None }))
    }

    pub fn output(&self, targets: &[Target]) -> Vec<Output> {
        let column = |target: &Target| {
            let (table, attribute) = target.source;
            Output { name: target.name.clone(), id: target.id, ty: target.expr.ty, table, attribute }
        };
        targets.iter().filter(|target| !target.junk).map(column).collect()
    }

    /// Calls that give several rows are computed one level of nesting after the other, innermost first; those of one
    /// level side by side.
    pub fn project_sets(&mut self, mut plan: Plan, targets: &mut [Target]) -> Plan {
        loop {
            let mut sets: Vec<(ColumnId, Expr)> = Vec::new();
            for target in targets.iter_mut() {
                target.expr.rewrite(&mut |expr| {
                    let made_here = |id: ColumnId| sets.iter().any(|(set, _)| *set == id);
                    let over_another = expr.any(&mut |inner| inner.as_column().is_some_and(made_here));
                    if !is_innermost_set(expr) || over_another {
                        return;
                    }
                    let known = sets.iter().find(|(_, set)| same::same(set, expr) && !set.is_volatile());
                    let id = match known {
                        Some((id, _)) => *id,
                        None => {
                            let id = ColumnId(self.origins.len() as u32);
                            self.origins.push(Origin::Internal);
                            sets.push((id, expr.clone()));
                            id
                        }
                    };
                    *expr = Expr { at: expr.at, ..Expr::column(id, expr.ty) };
                });
            }
            if sets.is_empty() {
                return plan;
            }
            for (id, set) in &sets {
                if let Some(shape) = self.shape(set) {
                    self.shapes.insert(*id, shape);
                }
            }
            let below = plan.column_types();
            let mut columns = pass(below);
            columns.extend(sets);
            plan = Plan::ProjectSet(Box::new(ProjectSet { input: plan, columns }));
        }
    }

    /// `AS OF SYSTEM TIME e`, the same for the whole statement.
    fn as_of_system_time(&mut self, written: &ast::Expr) -> Result<()> {
        if self.blocks.len() > 1 && self.as_of.is_none() {
            return Err(Error::unsupported("AS OF SYSTEM TIME in a subquery").at(written.at.offset()));
        }
        let bound = self.at_place(Place::AsOf, |binder| binder.expr(written))?;
        let bound = self.known_type(bound)?;
        match &self.as_of {
            Some(before) if !same::same(before, &bound) => {
                Err(Error::unsupported("a statement at two times").at(written.at.offset()))
            }
            _ => {
                self.as_of = Some(bound);
                Ok(())
            }
        }
    }
}

fn is_innermost_set(expr: &Expr) -> bool {
    let inner_set = |expr: &Expr| expr.any(&mut |expr| matches!(expr.kind, ExprKind::Set(_)));
    matches!(expr.kind, ExprKind::Set(_)) && !expr.children().into_iter().any(inner_set)
}

/// Calls over the same partitions and order are computed together.
fn window_plan(mut plan: Plan, mut calls: Vec<(ColumnId, WindowCall)>) -> Plan {
    while let Some((_, first)) = calls.first() {
        let (partition_by, order_by) = (first.partition_by.clone(), first.order_by.clone());
        let (together, rest): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(_, call)| {
            same::all(&call.partition_by, &partition_by) && same::same_keys(&call.order_by, &order_by)
        });
        calls = rest;
        let bare = |(id, call): (ColumnId, WindowCall)| {
            (id, WindowCall { partition_by: Vec::new(), order_by: Vec::new(), ..call })
        };
        let calls = together.into_iter().map(bare).collect();
        plan = Plan::Window(Box::new(Window { input: plan, partition_by, order_by, calls }));
    }
    plan
}
