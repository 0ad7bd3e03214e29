//! Walks over plans and expressions that the rules share.
//!
//! A plan inside an expression (a subquery) is part of the statement like any other: what is asked here of a plan is
//! asked of those inside as well.

use std::collections::{BTreeMap, BTreeSet};

use atoll_datum::{Oid, Result, oid};

use crate::plan::{
    Access, Bounds, ColumnId, ConflictAction, Expr, ExprKind, JoinStrategy, OnConflict, Plan, Project, Returning,
    RowRules, Subquery, SubqueryKind, Subscript,
};
use crate::types::Type;

pub type Columns = BTreeSet<ColumnId>;

/// Puts an empty plan in the place of one that is being rebuilt.
pub fn take(plan: &mut Plan) -> Plan {
    std::mem::replace(plan, Plan::one_row())
}

/// The columns that the expression reads, those that its subqueries read from outside included.
pub fn reads(expr: &Expr) -> Columns {
    let mut out = Columns::new();
    expr.columns(&mut out);
    out
}

pub fn columns_of(plan: &Plan) -> Columns {
    plan.columns().into_iter().collect()
}

pub fn columns_of_aggregate(aggregate: &crate::plan::Aggregate) -> Columns {
    let keys = aggregate.keys.iter().map(|(id, _)| *id);
    let calls = aggregate.calls.iter().map(|(id, _)| *id);
    keys.chain(calls).chain(aggregate.groupings.iter().map(|(id, _)| *id)).collect()
}

pub fn touches(expr: &Expr, columns: &Columns) -> bool {
    reads(expr).iter().any(|id| columns.contains(id))
}

/// Each column as itself, for a projection.
pub fn pass(columns: impl IntoIterator<Item = (ColumnId, Type)>) -> Vec<(ColumnId, Expr)> {
    columns.into_iter().map(|(id, ty)| (id, Expr::column(id, ty))).collect()
}

pub fn project(input: Plan, columns: Vec<(ColumnId, Expr)>) -> Plan {
    Plan::Project(Box::new(Project { input, columns }))
}

/// The plan with exactly these of its columns, in this order.
pub fn exact(plan: Plan, wanted: &[ColumnId]) -> Plan {
    if plan.columns() == wanted {
        return plan;
    }
    let types: BTreeMap<ColumnId, Type> = column_types(&plan).into_iter().collect();
    let columns = wanted.iter().filter_map(|id| types.get(id).map(|ty| (*id, *ty)));
    let columns = pass(columns);
    project(plan, columns)
}

/// The plan's columns with their types.
pub fn column_types(plan: &Plan) -> Vec<(ColumnId, Type)> {
    fn computed(columns: &[(ColumnId, Expr)]) -> Vec<(ColumnId, Type)> {
        columns.iter().map(|(id, expr)| (*id, expr.ty)).collect()
    }
    fn returned(returning: &Option<Returning>) -> Vec<(ColumnId, Type)> {
        returning.as_ref().map(|returning| computed(&returning.columns)).unwrap_or_default()
    }
    match plan {
        Plan::Values(values) => values.columns.clone(),
        Plan::Scan(scan) => {
            let ty = |ordinal| scan.table.column(ordinal).map_or(Type::UNKNOWN, |column| column.ty());
            let columns = scan.columns.iter().map(|(id, ordinal)| (*id, ty(*ordinal)));
            columns.chain(scan.key.map(|key| (key, Type::new(oid::BYTEA)))).collect()
        }
        Plan::System(system) => {
            let ty = |place: usize| system.table.columns.get(place).map_or(oid::UNKNOWN, |column| column.ty);
            system.columns.iter().map(|(id, place)| (*id, ty(*place).into())).collect()
        }
        Plan::FunctionScan(scan) => {
            let columns = scan.functions.iter().flat_map(|function| function.columns.iter().copied());
            columns.chain(scan.ordinality.map(|id| (id, Type::INT8))).collect()
        }
        Plan::CteScan(scan) => scan.columns.clone(),
        Plan::With(with) => column_types(&with.body),
        Plan::Filter(filter) => column_types(&filter.input),
        Plan::Project(project) => computed(&project.columns),
        Plan::ProjectSet(project) => computed(&project.columns),
        Plan::Join(join) => {
            let mut columns = column_types(&join.left);
            if !only_left(join.kind) {
                columns.extend(column_types(&join.right));
            }
            columns
        }
        Plan::Apply(apply) => {
            let mut columns = column_types(&apply.left);
            if !only_left(apply.kind) {
                columns.extend(column_types(&apply.right));
            }
            columns
        }
        Plan::Aggregate(aggregate) => {
            let mut columns = computed(&aggregate.keys);
            columns.extend(aggregate.calls.iter().map(|(id, call)| (*id, call.ty)));
            columns.extend(aggregate.groupings.iter().map(|(id, _)| (*id, Type::INT4)));
            columns
        }
        Plan::Window(window) => {
            let mut columns = column_types(&window.input);
            columns.extend(window.calls.iter().map(|(id, call)| (*id, call.ty)));
            columns
        }
        Plan::Sort(sort) => column_types(&sort.input),
        Plan::Limit(limit) => column_types(&limit.input),
        Plan::Distinct(distinct) => column_types(&distinct.input),
        Plan::SetOperation(operation) => operation.columns.clone(),
        Plan::LockRows(lock) => column_types(&lock.input),
        Plan::Insert(insert) => returned(&insert.returning),
        Plan::Update(update) => returned(&update.returning),
        Plan::Delete(delete) => returned(&delete.returning),
    }
}

fn only_left(kind: crate::plan::JoinKind) -> bool {
    matches!(kind, crate::plan::JoinKind::Semi | crate::plan::JoinKind::Anti)
}

/// The operator's own expressions, to be changed.
pub fn expressions_mut(plan: &mut Plan) -> Vec<&mut Expr> {
    fn bounds(bounds: &mut Bounds) -> impl Iterator<Item = &mut Expr> {
        let limits = bounds.lower.iter_mut().chain(&mut bounds.upper).map(|bound| &mut bound.value);
        bounds.equal.iter_mut().flatten().chain(limits)
    }
    fn rules(rules: &mut RowRules) -> impl Iterator<Item = &mut Expr> {
        let generated = rules.generated.iter_mut().map(|(_, expr)| expr);
        let checks = rules.checks.iter_mut().chain(&mut rules.views).map(|(_, expr)| expr);
        let keys = rules.index_keys.iter_mut().flat_map(|(_, keys)| keys.iter_mut().flatten());
        generated.chain(checks).chain(keys).chain(rules.index_predicates.iter_mut().map(|(_, expr)| expr))
    }
    fn returned(returning: &mut Option<Returning>) -> impl Iterator<Item = &mut Expr> {
        returning.iter_mut().flat_map(|returning| returning.columns.iter_mut().map(|(_, expr)| expr))
    }
    match plan {
        Plan::Values(values) => values.rows.iter_mut().flatten().collect(),
        Plan::Scan(scan) => {
            let mut found: Vec<&mut Expr> = scan.filter.iter_mut().collect();
            if let Access::Index { bounds: of, .. } = &mut scan.access {
                found.extend(bounds(of));
            }
            found
        }
        Plan::FunctionScan(scan) => scan.functions.iter_mut().map(|function| &mut function.call).collect(),
        Plan::Filter(filter) => vec![&mut filter.predicate],
        Plan::Project(project) => project.columns.iter_mut().map(|(_, expr)| expr).collect(),
        Plan::ProjectSet(project) => project.columns.iter_mut().map(|(_, expr)| expr).collect(),
        Plan::Join(join) => {
            let mut found: Vec<&mut Expr> = join.on.iter_mut().collect();
            if let JoinStrategy::Hash { keys, rest } = &mut join.strategy {
                found.extend(keys.iter_mut().flat_map(|(left, right)| [left, right]));
                found.extend(rest);
            }
            found
        }
        Plan::Apply(apply) => apply.on.iter_mut().collect(),
        Plan::Aggregate(aggregate) => {
            let keys = aggregate.keys.iter_mut().map(|(_, expr)| expr);
            keys.chain(aggregate.calls.iter_mut().flat_map(|(_, call)| call.expressions_mut())).collect()
        }
        Plan::Window(window) => {
            let keys = window.order_by.iter_mut().map(|key| &mut key.value);
            let calls = window.calls.iter_mut().flat_map(|(_, call)| call.expressions_mut());
            window.partition_by.iter_mut().chain(keys).chain(calls).collect()
        }
        Plan::Sort(sort) => sort.keys.iter_mut().map(|key| &mut key.value).chain(&mut sort.limit).collect(),
        Plan::Limit(limit) => {
            let ties = limit.ties.iter_mut().flatten().map(|key| &mut key.value);
            limit.count.iter_mut().chain(&mut limit.offset).chain(ties).collect()
        }
        Plan::Distinct(distinct) => distinct.on.iter_mut().flatten().collect(),
        Plan::Insert(insert) => {
            let mut found: Vec<&mut Expr> = insert.defaults.iter_mut().map(|(_, expr)| expr).collect();
            found.extend(rules(&mut insert.rules));
            if let Some(OnConflict {
                action: ConflictAction::Update { views, records, assignments, filter, .. }, ..
            }) = &mut insert.on_conflict
            {
                found.extend(views.iter_mut().map(|(_, expr)| expr));
                found.extend(records.iter_mut().map(|(_, expr)| expr));
                found.extend(assignments.iter_mut().map(|(_, expr)| expr).chain(filter));
            }
            found.extend(returned(&mut insert.returning));
            found
        }
        Plan::Update(update) => rules(&mut update.rules).chain(returned(&mut update.returning)).collect(),
        Plan::Delete(delete) => rules(&mut delete.rules).chain(returned(&mut delete.returning)).collect(),
        Plan::System(_) | Plan::CteScan(_) | Plan::With(_) | Plan::SetOperation(_) | Plan::LockRows(_) => Vec::new(),
    }
}

/// Changes the subqueries of an expression, not those within the plans of others.
pub fn each_subquery_in(expr: &mut Expr, change: &mut dyn FnMut(&mut Subquery) -> Result<()>) -> Result<()> {
    for child in expr.children_mut() {
        each_subquery_in(child, change)?;
    }
    match &mut expr.kind {
        ExprKind::Subquery(subquery) => change(subquery),
        _ => Ok(()),
    }
}

/// Changes the subqueries of one operator.
pub fn each_subquery(plan: &mut Plan, change: &mut dyn FnMut(&mut Subquery) -> Result<()>) -> Result<()> {
    expressions_mut(plan).into_iter().try_for_each(|expr| each_subquery_in(expr, change))
}

/// The plan and every plan in it.
pub fn visit(plan: &Plan, see: &mut dyn FnMut(&Plan)) {
    see(plan);
    for input in plan.inputs() {
        visit(input, see);
    }
    for expr in plan.expressions() {
        visit_expr(expr, see);
    }
}

/// Every plan in the expression.
pub fn visit_expr(expr: &Expr, see: &mut dyn FnMut(&Plan)) {
    if let ExprKind::Subquery(subquery) = &expr.kind {
        visit(&subquery.plan, see);
    }
    for child in expr.children() {
        visit_expr(child, see);
    }
}

/// Whether a second evaluation may answer differently, or does something.
pub fn is_volatile(expr: &Expr) -> bool {
    let mut found = expr.is_volatile();
    if !found && expr.has_subquery() {
        visit_expr(expr, &mut |plan| found |= operator_is_volatile(plan));
    }
    found
}

pub fn plan_is_volatile(plan: &Plan) -> bool {
    let mut found = false;
    visit(plan, &mut |plan| found |= operator_is_volatile(plan));
    found
}

fn operator_is_volatile(plan: &Plan) -> bool {
    changes_rows(plan) || matches!(plan, Plan::LockRows(_)) || plan.expressions().into_iter().any(Expr::is_volatile)
}

pub fn changes_rows(plan: &Plan) -> bool {
    matches!(plan, Plan::Insert(_) | Plan::Update(_) | Plan::Delete(_))
}

/// Whether the expression may stand in two places: it makes no columns and always answers the same.
pub fn can_copy(expr: &Expr) -> bool {
    !expr.is_volatile() && !expr.has_subquery() && !has_set(expr) && !expr.any(&mut |expr| makes_columns(expr))
}

fn makes_columns(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::CastArray { .. })
}

pub fn has_set(expr: &Expr) -> bool {
    expr.any(&mut |expr| matches!(expr.kind, ExprKind::Set(_)))
}

/// Costs nothing to evaluate again.
pub fn is_trivial(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column(_) | ExprKind::Parameter(_) => true,
        ExprKind::Relabel(operand) => is_trivial(operand),
        _ => false,
    }
}

/// Puts expressions in the place of columns, within subqueries too.
pub fn substitute(expr: &mut Expr, with: &BTreeMap<ColumnId, Expr>) {
    if with.is_empty() {
        return;
    }
    if let ExprKind::Subquery(subquery) = &mut expr.kind {
        substitute_in_plan(&mut subquery.plan, with);
    }
    for child in expr.children_mut() {
        substitute(child, with);
    }
    if let ExprKind::Column(id) = &expr.kind
        && let Some(value) = with.get(id)
    {
        let at = value.at.or(expr.at);
        *expr = Expr { at, ..value.clone() };
    }
}

pub fn substitute_in_plan(plan: &mut Plan, with: &BTreeMap<ColumnId, Expr>) {
    for input in plan.inputs_mut() {
        substitute_in_plan(input, with);
    }
    for expr in expressions_mut(plan) {
        substitute(expr, with);
    }
}

/// Whether both always have the same value. Positions don't count, and queries within are never the same.
pub fn same(a: &Expr, b: &Expr) -> bool {
    use ExprKind::*;
    if a.ty.oid != b.ty.oid {
        return false;
    }
    let alike = match (&a.kind, &b.kind) {
        (Literal(a), Literal(b)) => return a == b,
        (Column(a), Column(b)) => return a == b,
        (Parameter(a), Parameter(b)) => return a == b,
        (Call(a), Call(b)) => {
            a.function.row.oid == b.function.row.oid && a.variadic == b.variadic && a.function.row.volatility != b'v'
        }
        (Is { test: x, negated: n, .. }, Is { test: y, negated: m, .. }) => x == y && n == m,
        (IsDistinctFrom { equal: x, negated: n, .. }, IsDistinctFrom { equal: y, negated: m, .. }) => {
            x.row.oid == y.row.oid && n == m
        }
        (NullIf { equal: x, .. }, NullIf { equal: y, .. }) => x.row.oid == y.row.oid,
        (Quantified { operator: x, all: n, .. }, Quantified { operator: y, all: m, .. }) => {
            x.row.oid == y.row.oid && n == m
        }
        (Array { nested: x, .. }, Array { nested: y, .. }) => x == y,
        (Field { field: x, .. }, Field { field: y, .. }) => x == y,
        (Case { branches: a, otherwise: x }, Case { branches: b, otherwise: y }) => {
            a.len() == b.len() && x.is_some() == y.is_some()
        }
        (Subscript { subscripts: a, .. }, Subscript { subscripts: b, .. }) => {
            let index = |subscript: &self::Subscript| matches!(subscript, self::Subscript::Index(_));
            a.len() == b.len() && a.iter().chain(b).all(index)
        }
        (CastByText(_), CastByText(_)) | (Relabel(_), Relabel(_)) => a.ty == b.ty,
        (Not(_), Not(_)) | (And(_), And(_)) | (Or(_), Or(_)) | (Coalesce(_), Coalesce(_)) => true,
        (Greatest(_), Greatest(_)) | (Least(_), Least(_)) | (Row(_), Row(_)) => true,
        _ => false,
    };
    let (left, right) = (a.children(), b.children());
    alike && left.len() == right.len() && left.into_iter().zip(right).all(|(a, b)| same(a, b))
}

/// The same, whatever text type it is called.
pub fn same_value(a: &Expr, b: &Expr) -> bool {
    match (a.as_column(), b.as_column()) {
        (Some(a), Some(b)) => a == b,
        _ => same(a, b),
    }
}

/// The expression below changes of the type that leave the bytes and their order as they are: `varchar` as `text`.
pub fn unlabelled(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Relabel(operand) if is_text(operand.ty.oid) && is_text(expr.ty.oid) => unlabelled(operand),
        _ => expr,
    }
}

pub fn is_text(of: Oid) -> bool {
    matches!(of, oid::TEXT | oid::VARCHAR)
}

/// Checks that each column is made once and read only where it is known, and panics in no case: an error here is a bug
/// of a rule.
pub fn check(plan: &Plan, outside: &Columns) -> std::result::Result<(), ColumnId> {
    let mut known = outside.clone();
    match plan {
        Plan::Apply(apply) => {
            check(&apply.left, outside)?;
            let mut right = outside.clone();
            right.extend(apply.left.columns());
            check(&apply.right, &right)?;
        }
        _ => {
            for input in plan.inputs() {
                check(input, outside)?;
            }
        }
    }
    for input in plan.inputs() {
        known.extend(input.columns());
    }
    match plan {
        Plan::Scan(scan) => {
            if let Access::Index { bounds, .. } = &scan.access {
                let limits = bounds.lower.iter().chain(&bounds.upper).map(|bound| &bound.value);
                for expr in bounds.equal.iter().flatten().chain(limits) {
                    check_expr(expr, &known)?;
                }
            }
            known.extend(plan.columns());
        }
        // Their rules read columns of rows that no input makes; the binder's, and left as they are.
        plan if changes_rows(plan) => return Ok(()),
        _ => {}
    }
    for expr in plan.expressions() {
        check_expr(expr, &known)?;
    }
    if let Plan::LockRows(lock) = plan
        && let Some(table) = lock.tables.iter().find(|table| !known.contains(&table.key))
    {
        return Err(table.key);
    }
    Ok(())
}

fn check_expr(expr: &Expr, known: &Columns) -> std::result::Result<(), ColumnId> {
    match &expr.kind {
        ExprKind::Column(id) if !known.contains(id) => return Err(*id),
        ExprKind::CastArray { array, element, column } => {
            check_expr(array, known)?;
            let mut inner = known.clone();
            inner.insert(*column);
            return check_expr(element, &inner);
        }
        ExprKind::Subquery(subquery) => {
            check(&subquery.plan, known)?;
            if let SubqueryKind::Quantified { compare, .. } = &subquery.kind {
                let mut inner = known.clone();
                inner.extend(subquery.plan.columns());
                check_expr(compare, &inner)?;
            }
            return Ok(());
        }
        _ => {}
    }
    expr.children().into_iter().try_for_each(|child| check_expr(child, known))
}
