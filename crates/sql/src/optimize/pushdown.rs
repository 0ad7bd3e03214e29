//! Conditions as far down as they may go, and outer joins that are none.
//!
//! A condition travels down by itself: through projections (its columns become the expressions behind them), to the side
//! of a join that it reads, below grouping if it reads the keys, into both sides of a set operation, and ends in
//! [`Scan::filter`](crate::plan::Scan::filter). It stays above where it could see other rows than before: a LIMIT, the
//! rows that an outer join makes up, groups that are not its own. One that is volatile stays where it was written.
//!
//! ```text
//!   Filter b.y > 1, a.x = 5                      Join inner a.x = b.x
//!   └─ Join left a.x = b.x          ─▶           ├─ Scan a, a.x = 5
//!      ├─ Scan a                                 └─ Scan b, b.y > 1, b.x = 5
//!      └─ Scan b
//! ```
//! (`b.y > 1` is not true for the row of NULLs that the outer join makes up, so it makes up none.)

use std::collections::BTreeMap;

use atoll_datum::Result;

use super::context::Context;
use super::predicate::{self, is_literal};
use super::walk::{self, Columns};
use super::{equivalence, fold};
use crate::plan::{Access, Apply, ColumnId, Expr, Filter, Join, JoinKind, JoinStrategy, Plan};

/// Over the whole plan, subqueries included.
pub fn push_all(plan: &mut Plan, context: &Context<'_>) -> Result<()> {
    let whole = walk::take(plan);
    *plan = push(whole, Vec::new(), context)?;
    Ok(())
}

/// The plan's rows for which all conditions are true.
pub fn push(plan: Plan, mut conditions: Vec<Expr>, context: &Context<'_>) -> Result<Plan> {
    if let Plan::Filter(filter) = plan {
        let Filter { input, predicate } = *filter;
        let (fixed, free) = split(predicate.conjuncts(), walk::is_volatile);
        if fixed.is_empty() {
            let mut all = free;
            all.append(&mut conditions);
            return push(input, all, context);
        }
        // What comes from above was not asked about the rows that a volatile condition leaves out.
        let input = push(input, free, context)?;
        let input = filtered(input, fixed, context)?;
        return filtered(input, conditions, context);
    }
    let (mut plan, above) = push_conditions(plan, conditions, context)?;
    walk::each_subquery(&mut plan, &mut |subquery| push_all(&mut subquery.plan, context))?;
    filtered(plan, above, context)
}

fn filtered(input: Plan, conditions: Vec<Expr>, context: &Context<'_>) -> Result<Plan> {
    if conditions.is_empty() {
        return Ok(input);
    }
    let mut predicate = Expr::all(conditions);
    walk::each_subquery_in(&mut predicate, &mut |subquery| push_all(&mut subquery.plan, context))?;
    Ok(Plan::Filter(Box::new(Filter { input, predicate })))
}

/// Those that satisfy the test, and the others.
fn split(conditions: Vec<Expr>, test: impl FnMut(&Expr) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    conditions.into_iter().partition(test)
}

/// The plan with the conditions that went in, and those that have to stay above.
fn push_conditions(plan: Plan, conditions: Vec<Expr>, context: &Context<'_>) -> Result<(Plan, Vec<Expr>)> {
    match plan {
        Plan::Scan(mut scan) => {
            let mut all: Vec<Expr> = scan.filter.take().map(Expr::conjuncts).unwrap_or_default();
            for condition in conditions {
                if !all.iter().any(|known| walk::same(known, &condition)) {
                    all.push(condition);
                }
            }
            all.retain(|condition| !is_literal(condition, true));
            if all.iter().any(|condition| is_literal(condition, false)) {
                scan.access = Access::Empty;
                all.clear();
            }
            scan.filter = (!all.is_empty()).then(|| Expr::all(all));
            Ok((Plan::Scan(scan), Vec::new()))
        }
        Plan::Project(mut project) => {
            let with: BTreeMap<ColumnId, Expr> = project.columns.iter().cloned().collect();
            let movable =
                |condition: &Expr| walk::reads(condition).iter().all(|id| with.get(id).is_none_or(walk::can_copy));
            let (below, above) = split(conditions, movable);
            let below = below.into_iter().map(|condition| replaced(condition, &with, context)).collect();
            project.input = push(project.input, below, context)?;
            Ok((Plan::Project(project), above))
        }
        Plan::ProjectSet(mut project) => {
            let with: BTreeMap<ColumnId, Expr> = project.columns.iter().cloned().collect();
            let movable =
                |condition: &Expr| walk::reads(condition).iter().all(|id| with.get(id).is_none_or(walk::can_copy));
            let (below, above) = split(conditions, movable);
            let below = below.into_iter().map(|condition| replaced(condition, &with, context)).collect();
            project.input = push(project.input, below, context)?;
            Ok((Plan::ProjectSet(project), above))
        }
        Plan::Join(join) => push_join(*join, conditions, context),
        Plan::Apply(apply) => push_apply(*apply, conditions, context),
        Plan::Aggregate(mut aggregate) => {
            let keys: BTreeMap<ColumnId, Expr> = aggregate
                .keys
                .iter()
                .enumerate()
                .filter(|(place, _)| aggregate.sets.iter().all(|set| set.contains(place)))
                .map(|(_, (id, key))| (*id, key.clone()))
                .collect();
            // Without keys there is a group even of no rows.
            let grouped = aggregate.sets.iter().all(|set| !set.is_empty()) && !aggregate.sets.is_empty();
            let made = walk::columns_of_aggregate(&aggregate);
            let movable = |condition: &Expr| {
                let known = |id: &ColumnId| !made.contains(id) || keys.get(id).is_some_and(walk::can_copy);
                grouped && walk::reads(condition).iter().all(known)
            };
            let (below, above) = split(conditions, movable);
            let below = below.into_iter().map(|condition| replaced(condition, &keys, context)).collect();
            aggregate.input = push(aggregate.input, below, context)?;
            Ok((Plan::Aggregate(aggregate), above))
        }
        Plan::Window(mut window) => {
            let partition: Columns = window.partition_by.iter().filter_map(Expr::as_column).collect();
            let mut made = walk::columns_of(&window.input);
            made.extend(window.calls.iter().map(|(id, _)| *id));
            let movable =
                |condition: &Expr| walk::reads(condition).iter().all(|id| !made.contains(id) || partition.contains(id));
            let (below, above) = split(conditions, movable);
            window.input = push(window.input, below, context)?;
            Ok((Plan::Window(window), above))
        }
        Plan::Sort(mut sort) if sort.limit.is_none() => {
            sort.input = push(sort.input, conditions, context)?;
            Ok((Plan::Sort(sort), Vec::new()))
        }
        Plan::Distinct(mut distinct) => {
            let made = walk::columns_of(&distinct.input);
            let on: Option<Columns> = distinct.on.as_ref().map(|on| on.iter().filter_map(Expr::as_column).collect());
            let movable = |condition: &Expr| {
                let known = |id: &ColumnId| !made.contains(id) || on.as_ref().is_none_or(|on| on.contains(id));
                walk::reads(condition).iter().all(known)
            };
            let (below, above) = split(conditions, movable);
            distinct.input = push(distinct.input, below, context)?;
            Ok((Plan::Distinct(distinct), above))
        }
        Plan::SetOperation(mut operation) => {
            let (below, above) = split(conditions, walk::can_copy);
            let ids: Vec<ColumnId> = operation.columns.iter().map(|(id, _)| *id).collect();
            let side = |plan: Plan| {
                let own = walk::column_types(&plan);
                let columns = ids.iter().zip(own).map(|(id, (from, ty))| (*id, Expr::column(from, ty)));
                let with: BTreeMap<ColumnId, Expr> = columns.collect();
                let below = below.iter().map(|condition| replaced(condition.clone(), &with, context)).collect();
                push(plan, below, context)
            };
            operation.left = side(operation.left)?;
            operation.right = side(operation.right)?;
            Ok((Plan::SetOperation(operation), above))
        }
        Plan::With(mut with) => {
            with.definition = push(with.definition, Vec::new(), context)?;
            if let Some(recursive) = &mut with.recursive {
                push_all(&mut recursive.step, context)?;
            }
            with.body = push(with.body, conditions, context)?;
            Ok((Plan::With(with), Vec::new()))
        }
        mut other => {
            for input in other.inputs_mut() {
                push_all(input, context)?;
            }
            Ok((other, conditions))
        }
    }
}

fn replaced(mut condition: Expr, with: &BTreeMap<ColumnId, Expr>, context: &Context<'_>) -> Expr {
    walk::substitute(&mut condition, with);
    fold::expr(&mut condition, context);
    condition
}

/// The kind of join that gives the same rows as far as the conditions let them through.
fn strengthened(kind: JoinKind, conditions: &[Expr], left: &Columns, right: &Columns) -> JoinKind {
    let rejects = |side: &Columns| {
        conditions.iter().any(|condition| walk::touches(condition, side) && predicate::rejects_nulls(condition, side))
    };
    match kind {
        JoinKind::Left if rejects(right) => JoinKind::Inner,
        JoinKind::Right if rejects(left) => JoinKind::Inner,
        JoinKind::Full => match (rejects(left), rejects(right)) {
            (true, true) => JoinKind::Inner,
            (true, false) => JoinKind::Left,
            (false, true) => JoinKind::Right,
            _ => JoinKind::Full,
        },
        kind => kind,
    }
}

/// Where the conditions of a join, and those above it, are to be checked.
#[derive(Default)]
struct Places {
    left: Vec<Expr>,
    right: Vec<Expr>,
    on: Vec<Expr>,
    above: Vec<Expr>,
}

fn places(kind: JoinKind, above: Vec<Expr>, on: Vec<Expr>, left: &Columns, right: &Columns) -> Places {
    let mut places = Places::default();
    let sides = |condition: &Expr| {
        let read = walk::reads(condition);
        (read.iter().any(|id| left.contains(id)), read.iter().any(|id| right.contains(id)))
    };
    for condition in above {
        match (kind, sides(&condition)) {
            (JoinKind::Inner, (true, true)) => places.on.push(condition),
            (JoinKind::Inner, (false, true)) => places.right.push(condition),
            (JoinKind::Inner, _) => places.left.push(condition),
            (JoinKind::Left, (_, false)) => places.left.push(condition),
            (JoinKind::Semi | JoinKind::Anti, _) => places.left.push(condition),
            _ => places.above.push(condition),
        }
    }
    for condition in on {
        let volatile = walk::is_volatile(&condition);
        match (kind, sides(&condition)) {
            _ if volatile => places.on.push(condition),
            (JoinKind::Inner | JoinKind::Semi, (true, false)) => places.left.push(condition),
            (JoinKind::Inner | JoinKind::Semi, (false, false)) => places.left.push(condition),
            (JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti, (false, _)) => {
                places.right.push(condition);
            }
            _ => places.on.push(condition),
        }
    }
    places
}

fn push_join(join: Join, mut conditions: Vec<Expr>, context: &Context<'_>) -> Result<(Plan, Vec<Expr>)> {
    let Join { kind, mut left, mut right, on, strategy: _ } = join;
    let (mut in_left, mut in_right) = (walk::columns_of(&left), walk::columns_of(&right));
    let mut kind = strengthened(kind, &conditions, &in_left, &in_right);
    if kind == JoinKind::Right {
        std::mem::swap(&mut left, &mut right);
        std::mem::swap(&mut in_left, &mut in_right);
        kind = JoinKind::Left;
    }
    if kind == JoinKind::Inner {
        // The conditions of all inner joins below belong together.
        conditions.extend(on);
        hoist(&mut left, &mut conditions);
        hoist(&mut right, &mut conditions);
        let own = in_left.union(&in_right).copied().collect();
        equivalence::complete(&mut conditions, &own);
        let places = places(kind, Vec::new(), conditions, &in_left, &in_right);
        let left = push(left, places.left, context)?;
        let right = push(right, places.right, context)?;
        let join = Join { kind, left, right, on: places.on, strategy: JoinStrategy::NestedLoop };
        return Ok((Plan::Join(Box::new(join)), Vec::new()));
    }
    let mut places = places(kind, conditions, on, &in_left, &in_right);
    match kind {
        JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
            // Whatever the left rows are known to be, so are the right rows that they meet.
            let implied = equivalence::implied_for(&places.left, &places.on, &in_left, &in_right);
            places.right.extend(implied);
        }
        _ => {}
    }
    let left = push(left, places.left, context)?;
    let right = push(right, places.right, context)?;
    let strategy = JoinStrategy::NestedLoop;
    Ok((Plan::Join(Box::new(Join { kind, left, right, on: places.on, strategy })), places.above))
}

/// Takes the conditions of inner joins, and of filters between them.
fn hoist(plan: &mut Plan, conditions: &mut Vec<Expr>) {
    match plan {
        Plan::Join(join) if join.kind == JoinKind::Inner => {
            let (fixed, free) = split(std::mem::take(&mut join.on), walk::is_volatile);
            join.on = fixed;
            conditions.extend(free);
            hoist(&mut join.left, conditions);
            hoist(&mut join.right, conditions);
        }
        Plan::Filter(filter) => {
            let predicate = std::mem::replace(&mut filter.predicate, Expr::null(crate::types::Type::BOOL));
            let (fixed, free) = split(predicate.conjuncts(), walk::is_volatile);
            if fixed.is_empty() {
                conditions.extend(free);
                *plan = walk::take(&mut filter.input);
                hoist(plan, conditions);
            } else {
                filter.predicate = Expr::all(fixed.into_iter().chain(free).collect());
            }
        }
        _ => {}
    }
}

/// What reads both sides can be checked on the right one, which sees the left's row.
fn push_apply(apply: Apply, conditions: Vec<Expr>, context: &Context<'_>) -> Result<(Plan, Vec<Expr>)> {
    let Apply { kind, left, right, on } = apply;
    let (in_left, in_right) = (walk::columns_of(&left), walk::columns_of(&right));
    let kind = match kind {
        JoinKind::Left => strengthened(kind, &conditions, &in_left, &in_right),
        kind => kind,
    };
    let mut places = places(kind, conditions, on, &in_left, &in_right);
    let (volatile, free) = split(places.on, walk::is_volatile);
    // A condition of Anti or Left that reads only the left row keeps matches away from it, not the row.
    places.right.extend(free);
    let left = push(left, places.left, context)?;
    let right = push(right, places.right, context)?;
    Ok((Plan::Apply(Box::new(Apply { kind, left, right, on: volatile })), places.above))
}
