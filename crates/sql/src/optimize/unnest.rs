//! Subqueries in expressions as joins.
//!
//! ```text
//!   WHERE EXISTS (SELECT … WHERE b.x = a.x)         Join semi b.x = a.x
//!   WHERE NOT EXISTS (…)                            Join anti
//!   WHERE a.x IN (SELECT b.x …)                     Join semi a.x = b.x
//!   WHERE a.x NOT IN (SELECT b.x …)                 Join anti, if neither can be NULL
//!   WHERE a.y < (SELECT avg(b.y) … WHERE b.x = a.x) Join left over the averages of all b.x, then the comparison
//!   LATERAL (…)                                     Join, once its conditions on the left row are taken out
//! ```
//!
//! What is correlated in another way stays an expression (or an Apply), which is run once a row. So does a scalar one
//! where few rows ask and an index answers.
//!
//! An aggregate over no rows is not NULL if it counts: its value is put together above the join, where "no group" can be
//! told.

use std::collections::BTreeMap;

use atoll_datum::{Datum, Result};

use super::context::Context;
use super::walk::{self, Columns};
use super::{cost, facts, predicate, simplify};
use crate::plan::estimate::Estimator;
use crate::plan::{
    Aggregate, Apply, ColumnId, Expr, ExprKind, Filter, Join, JoinKind, JoinStrategy, Plan, Subquery, SubqueryKind,
};
use crate::types::Type;

/// NULL over no rows.
const NULL_OF_NOTHING: [&str; 21] = [
    "sum",
    "avg",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "string_agg",
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "corr",
];

/// Arithmetic that fails for no values that occur.
const SAFE: [&str; 9] = [
    "numeric_add",
    "numeric_sub",
    "numeric_mul",
    "numeric_uminus",
    "int4_numeric",
    "int8_numeric",
    "int2_numeric",
    "int48",
    "int28",
];

pub fn unnest(plan: &mut Plan, context: &Context<'_>) -> Result<()> {
    for input in plan.inputs_mut() {
        unnest(input, context)?;
    }
    walk::each_subquery(plan, &mut |subquery| unnest(&mut subquery.plan, context))?;
    expose(plan);
    match plan {
        Plan::Filter(_) => unnest_filter(plan, context),
        Plan::Project(project) => {
            let mut input = walk::take(&mut project.input);
            for (_, expr) in &mut project.columns {
                unnest_scalars(expr, &mut input, context);
            }
            project.input = input;
        }
        Plan::Apply(_) => unnest_apply(plan),
        _ => {}
    }
    Ok(())
}

/// Takes conditions with subqueries out of scans and inner joins, into a filter of their own.
fn expose(plan: &mut Plan) {
    let mut taken = Vec::new();
    match plan {
        Plan::Scan(scan) if scan.filter.as_ref().is_some_and(Expr::has_subquery) => {
            let parts = scan.filter.take().map(Expr::conjuncts).unwrap_or_default();
            let (with, without): (Vec<Expr>, Vec<Expr>) = parts.into_iter().partition(Expr::has_subquery);
            scan.filter = (!without.is_empty()).then(|| Expr::all(without));
            taken = with;
        }
        Plan::Join(join) if join.kind == JoinKind::Inner => {
            let parts = std::mem::take(&mut join.on);
            let (with, without): (Vec<Expr>, Vec<Expr>) = parts.into_iter().partition(Expr::has_subquery);
            join.on = without;
            taken = with;
        }
        _ => {}
    }
    if !taken.is_empty() {
        let input = walk::take(plan);
        *plan = Plan::Filter(Box::new(Filter { input, predicate: Expr::all(taken) }));
    }
}

fn unnest_filter(plan: &mut Plan, context: &Context<'_>) {
    let Plan::Filter(filter) = plan else { return };
    if !filter.predicate.has_subquery() {
        return;
    }
    let columns = walk::column_types(&filter.input);
    let predicate = std::mem::replace(&mut filter.predicate, Expr::null(Type::BOOL));
    let mut input = walk::take(&mut filter.input);
    let mut rest = Vec::new();
    let (plain, with): (Vec<Expr>, Vec<Expr>) =
        predicate.conjuncts().into_iter().partition(|part| !part.has_subquery());
    if !plain.is_empty() {
        input = Plan::Filter(Box::new(Filter { input, predicate: Expr::all(plain) }));
    }
    for mut condition in with {
        if walk::is_volatile(&condition) {
            rest.push(condition);
            continue;
        }
        match semi_join(&mut condition, &input) {
            Some((kind, right, on)) => input = join(kind, input, right, on),
            None => {
                unnest_scalars(&mut condition, &mut input, context);
                rest.push(condition);
            }
        }
    }
    *plan = match rest.is_empty() {
        true => input,
        false => Plan::Filter(Box::new(Filter { input, predicate: Expr::all(rest) })),
    };
    if plan.columns().len() != columns.len() {
        let input = walk::take(plan);
        *plan = walk::project(input, walk::pass(columns));
    }
}

fn join(kind: JoinKind, left: Plan, right: Plan, on: Vec<Expr>) -> Plan {
    Plan::Join(Box::new(Join { kind, left, right, on, strategy: JoinStrategy::NestedLoop }))
}

/// The join that a condition stands for. Takes the subquery out of the condition if there is one.
fn semi_join(condition: &mut Expr, left: &Plan) -> Option<(JoinKind, Plan, Vec<Expr>)> {
    let (positive, subquery) = match &mut condition.kind {
        ExprKind::Subquery(subquery) => (true, subquery),
        ExprKind::Not(operand) => match &mut operand.kind {
            ExprKind::Subquery(subquery) => (false, subquery),
            _ => return None,
        },
        _ => return None,
    };
    let kind = if positive { JoinKind::Semi } else { JoinKind::Anti };
    let Subquery { kind: of, plan } = &mut **subquery;
    let outer = walk::columns_of(left);
    let mut right = plan.clone();
    let mut on = Vec::new();
    match of {
        SubqueryKind::Exists => {
            unlimited(&mut right);
            simplify::bare(&mut right);
            if !pull(&mut right, &outer, true, &mut on) {
                return None;
            }
        }
        SubqueryKind::Quantified { compare, all: false } => {
            if compare.has_subquery() || !pull(&mut right, &outer, true, &mut on) {
                return None;
            }
            let parts = (**compare).clone().conjuncts();
            if !positive && !never_null(&parts, left, &right) {
                return None;
            }
            on.splice(0..0, parts);
        }
        _ => return None,
    }
    let in_right = walk::columns_of(&right);
    let hashes = on.iter().any(|part| predicate::hash_key(part, &outer, &in_right).is_some());
    hashes.then_some((kind, right, on))
}

/// Whether the parts are equalities of what is not NULL: then NOT IN is what it seems.
fn never_null(parts: &[Expr], left: &Plan, right: &Plan) -> bool {
    let mut known = facts::not_null(left);
    known.extend(facts::not_null(right));
    parts.iter().all(|part| {
        predicate::equality(part).is_some_and(|(a, b)| facts::is_not_null(a, &known) && facts::is_not_null(b, &known))
    })
}

/// A LIMIT that leaves a row if there is one.
fn unlimited(plan: &mut Plan) {
    while let Plan::Limit(limit) = plan
        && limit.offset.is_none()
        && matches!(limit.count.as_ref().and_then(Expr::as_literal), Some(Datum::Int8(1..)))
    {
        *plan = walk::take(&mut limit.input);
    }
}

/// Takes the conditions that read `outer` columns out of the plan; columns that they read pass through to its top.
/// False if the plan reads `outer` columns in another way: then it is half done and of no use.
fn pull(plan: &mut Plan, outer: &Columns, only_existence: bool, pulled: &mut Vec<Expr>) -> bool {
    if plan.outer_columns().is_disjoint(outer) {
        return true;
    }
    let take = |conditions: Vec<Expr>, pulled: &mut Vec<Expr>| {
        let (correlated, own): (Vec<Expr>, Vec<Expr>) =
            conditions.into_iter().partition(|condition| walk::touches(condition, outer));
        let fine = correlated.iter().all(walk::can_copy);
        pulled.extend(correlated);
        (own, fine)
    };
    match plan {
        Plan::Filter(filter) => {
            let predicate = std::mem::replace(&mut filter.predicate, Expr::null(Type::BOOL));
            let (own, fine) = take(predicate.conjuncts(), pulled);
            let mut input = walk::take(&mut filter.input);
            if !fine || own.iter().any(walk::is_volatile) || !pull(&mut input, outer, only_existence, pulled) {
                return false;
            }
            *plan = match own.is_empty() {
                true => input,
                false => Plan::Filter(Box::new(Filter { input, predicate: Expr::all(own) })),
            };
            true
        }
        Plan::Scan(scan) => {
            let (own, fine) = take(scan.filter.take().map(Expr::conjuncts).unwrap_or_default(), pulled);
            scan.filter = (!own.is_empty()).then(|| Expr::all(own));
            fine
        }
        Plan::Project(project) => {
            if project.columns.iter().any(|(_, expr)| walk::touches(expr, outer)) {
                return false;
            }
            let before = pulled.len();
            if !pull(&mut project.input, outer, only_existence, pulled) {
                return false;
            }
            let read: Columns = pulled[before..].iter().flat_map(walk::reads).collect();
            for (id, ty) in walk::column_types(&project.input) {
                if read.contains(&id) && !project.columns.iter().any(|(known, _)| *known == id) {
                    project.columns.push((id, Expr::column(id, ty)));
                }
            }
            true
        }
        Plan::Join(join) => match join.kind {
            JoinKind::Inner => {
                let (own, fine) = take(std::mem::take(&mut join.on), pulled);
                join.on = own;
                fine && pull(&mut join.left, outer, only_existence, pulled)
                    && pull(&mut join.right, outer, only_existence, pulled)
            }
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
                let only_left = join.right.outer_columns().is_disjoint(outer)
                    && !join.on.iter().any(|condition| walk::touches(condition, outer));
                only_left && pull(&mut join.left, outer, only_existence, pulled)
            }
            _ => false,
        },
        Plan::Sort(sort) if sort.limit.is_none() => pull(&mut sort.input, outer, only_existence, pulled),
        Plan::Distinct(distinct) if only_existence => {
            *plan = walk::take(&mut distinct.input);
            pull(plan, outer, only_existence, pulled)
        }
        _ => false,
    }
}

// ------------------------------------------------------------------------------------------------------------- scalars

/// Puts joins over `input` for the scalar subqueries of an expression, as far as they can be.
fn unnest_scalars(expr: &mut Expr, input: &mut Plan, context: &Context<'_>) {
    if let ExprKind::Subquery(subquery) = &mut expr.kind {
        if matches!(subquery.kind, SubqueryKind::Scalar) {
            let found = grouped(&subquery.plan, input, context).or_else(|| looked_up(&subquery.plan, input, context));
            if let Some((right, on, value)) = found {
                let left = walk::take(input);
                *input = join(JoinKind::Left, left, right, on);
                *expr = Expr { at: expr.at, ..value };
            }
        }
        return;
    }
    for child in expr.children_mut() {
        unnest_scalars(child, input, context);
    }
}

type Outer = (Plan, Vec<Expr>, Expr);

/// `inner = outer` for each pulled condition; none if one is something else.
fn sides<'e>(pulled: &'e [Expr], outer: &Columns, inner: &Columns) -> Option<Vec<(&'e Expr, &'e Expr)>> {
    pulled.iter().map(|condition| predicate::hash_key(condition, inner, outer)).collect()
}

/// An aggregate over all rows, correlated by equalities: computed for each value of the inner sides.
fn grouped(plan: &Plan, left: &Plan, context: &Context<'_>) -> Option<Outer> {
    let outer = walk::columns_of(left);
    if plan.outer_columns().is_disjoint(&outer) || walk::plan_is_volatile(plan) {
        return None;
    }
    let (mut value, aggregate) = match plan {
        Plan::Project(project) => match &project.input {
            Plan::Aggregate(aggregate) => (project.columns.first()?.1.clone(), aggregate),
            _ => return None,
        },
        Plan::Aggregate(aggregate) => {
            let (id, call) = aggregate.calls.first()?;
            (Expr::column(*id, call.ty), aggregate)
        }
        _ => return None,
    };
    let plain = aggregate.keys.is_empty() && aggregate.sets.len() == 1 && aggregate.groupings.is_empty();
    if !plain || value.has_subquery() || !walk::can_copy(&value) {
        return None;
    }
    let mut of_nothing: BTreeMap<ColumnId, Expr> = BTreeMap::new();
    for (id, call) in &aggregate.calls {
        let correlated = call.expressions().any(|expr| walk::touches(expr, &outer));
        if correlated || !call.direct.is_empty() || !call.expressions().all(is_safe) {
            return None;
        }
        let name = call.function.row.name;
        if name == "count" {
            let zero = Expr::literal(Datum::Int8(0), Type::INT8);
            let counted = ExprKind::Coalesce(vec![Expr::column(*id, call.ty), zero]);
            of_nothing.insert(*id, Expr::new(counted, call.ty));
        } else if !NULL_OF_NOTHING.contains(&name) {
            return None;
        }
    }
    let mut input = aggregate.input.clone();
    let mut pulled = Vec::new();
    if !pull(&mut input, &outer, false, &mut pulled) {
        return None;
    }
    let inner = walk::columns_of(&input);
    let pairs = sides(&pulled, &outer, &inner)?;
    if pairs.is_empty() || !is_worth_it(left, &input, &pairs, context) {
        return None;
    }
    let mut keys: Vec<(ColumnId, Expr)> = Vec::new();
    let mut on = Vec::new();
    for (condition, (own, _)) in pulled.iter().zip(&pairs) {
        let known = keys.iter().find(|(_, key)| walk::same(key, own)).map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| {
            let id = context.new_column();
            keys.push((id, (*own).clone()));
            id
        });
        on.push(with_side(condition, own, Expr::column(id, own.ty))?);
    }
    let sets = vec![(0..keys.len()).collect()];
    let calls = aggregate.calls.clone();
    let grouped = Aggregate { input, keys, sets, calls, groupings: Vec::new() };
    walk::substitute(&mut value, &of_nothing);
    Some((Plan::Aggregate(Box::new(grouped)), on, value))
}

/// The equality with another expression in the place of one of its sides.
fn with_side(condition: &Expr, side: &Expr, with: Expr) -> Option<Expr> {
    let mut condition = condition.clone();
    let ExprKind::Call(call) = &mut condition.kind else { return None };
    let place = call.arguments.iter().position(|argument| walk::same(argument, side))?;
    call.arguments[place] = with;
    Some(condition)
}

/// Whether evaluating it for rows that nobody asked about raises no error.
fn is_safe(expr: &Expr) -> bool {
    let plain = match &expr.kind {
        ExprKind::Call(call) => {
            SAFE.contains(&call.function.row.source) || predicate::comparator(&call.function).is_some()
        }
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Is { .. } | ExprKind::Case { .. } => true,
        ExprKind::Relabel(_) => true,
        _ => walk::is_trivial(expr),
    };
    plain && expr.children().into_iter().all(is_safe)
}

/// A row found by a unique key.
fn looked_up(plan: &Plan, left: &Plan, context: &Context<'_>) -> Option<Outer> {
    let outer = walk::columns_of(left);
    if plan.outer_columns().is_disjoint(&outer) || walk::plan_is_volatile(plan) {
        return None;
    }
    let mut right = plan.clone();
    unlimited(&mut right);
    while let Plan::Sort(sort) = &mut right {
        right = walk::take(&mut sort.input);
    }
    let Plan::Project(project) = &mut right else { return None };
    let value = project.columns.first()?.1.clone();
    let mut right = walk::take(&mut project.input);
    let mut on = Vec::new();
    if !walk::can_copy(&value) || !pull(&mut right, &outer, false, &mut on) {
        return None;
    }
    let inner = walk::columns_of(&right);
    // Without a match all of these are NULL, and so has to be the value.
    let null_without = predicate::is_null_with(&value, &inner);
    let pairs = sides(&on, &outer, &inner)?;
    let fits = null_without
        && !pairs.is_empty()
        && facts::matches_once(left, &right, &on)
        && is_worth_it(left, &right, &pairs, context);
    fits.then_some((right, on, value))
}

/// Whether computing all answers at once costs less than asking for each row.
fn is_worth_it(left: &Plan, inner: &Plan, pairs: &[(&Expr, &Expr)], context: &Context<'_>) -> bool {
    let mut estimator = Estimator::new(left, context.statistics);
    estimator.learn(inner);
    let asking = estimator.rows(left);
    let all_at_once = cost::reading(inner, &estimator) + asking;
    let one = pairs.iter().filter_map(|(own, _)| cost::lookup(inner, walk::unlabelled(own).as_column()?, &estimator));
    let one = one.fold(cost::reading(inner, &estimator), f64::min);
    asking * one > all_at_once
}

// ------------------------------------------------------------------------------------------------------------- lateral

/// An Apply whose right side doesn't read the left one, after its conditions are taken out, is a join.
fn unnest_apply(plan: &mut Plan) {
    let Plan::Apply(apply) = plan else { return };
    let outer = walk::columns_of(&apply.left);
    let mut right = apply.right.clone();
    let mut on = apply.on.clone();
    let only_existence = matches!(apply.kind, JoinKind::Semi | JoinKind::Anti);
    if walk::plan_is_volatile(&right) || !pull(&mut right, &outer, only_existence, &mut on) {
        return;
    }
    let columns = walk::column_types(plan);
    let Plan::Apply(apply) = plan else { return };
    let Apply { kind, left, .. } = std::mem::replace(
        &mut **apply,
        Apply { kind: JoinKind::Inner, left: Plan::one_row(), right: Plan::one_row(), on: Vec::new() },
    );
    *plan = join(kind, left, right, on);
    if plan.columns().len() != columns.len() {
        let input = walk::take(plan);
        *plan = walk::project(input, walk::pass(columns));
    }
}
