//! Only the columns that somebody reads; and without them some operators, too: an outer join to a unique key whose row
//! nobody looks at, DISTINCT of what is distinct.
//!
//! INVARIANT: where the order or number of columns means something ([`simplify::pin`](super::simplify::pin)), exactly
//! those columns remain.

use atoll_datum::Result;

use super::facts;
use super::walk::{self, Columns};
use crate::plan::{ColumnId, Expr, JoinKind, Plan, SetOperator, SubqueryKind};

/// The plan with all of its columns, and no more than needed below.
pub fn prune(plan: &mut Plan) -> Result<()> {
    let wanted = plan.columns();
    prune_exact(plan, &wanted)
}

fn prune_exact(plan: &mut Plan, wanted: &[ColumnId]) -> Result<()> {
    prune_to(plan, &wanted.iter().copied().collect())?;
    if plan.columns() != wanted {
        let whole = walk::take(plan);
        *plan = walk::exact(whole, wanted);
    }
    Ok(())
}

fn read_by<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Columns {
    exprs.into_iter().flat_map(walk::reads).collect()
}

/// Afterwards the plan has the `needed` columns that it had, and perhaps some others.
fn prune_to(plan: &mut Plan, needed: &Columns) -> Result<()> {
    while let Some(simpler) = replacement(plan, needed) {
        *plan = simpler;
    }
    own_subqueries(plan)?;
    match plan {
        Plan::Scan(scan) => {
            let mut wanted = needed.clone();
            wanted.extend(read_by(&scan.filter));
            scan.columns.retain(|(id, _)| wanted.contains(id));
            scan.key = scan.key.filter(|key| wanted.contains(key));
            Ok(())
        }
        Plan::System(system) => {
            system.columns.retain(|(id, _)| needed.contains(id));
            Ok(())
        }
        Plan::Values(values) => {
            let keep: Vec<bool> = values
                .columns
                .iter()
                .enumerate()
                .map(|(place, (id, _))| {
                    let volatile = |row: &Vec<Expr>| row.get(place).is_some_and(walk::is_volatile);
                    needed.contains(id) || values.rows.iter().any(volatile)
                })
                .collect();
            if keep.iter().all(|keep| *keep) {
                return Ok(());
            }
            retain(&mut values.columns, &keep);
            values.rows.iter_mut().for_each(|row| retain(row, &keep));
            Ok(())
        }
        Plan::FunctionScan(_) | Plan::CteScan(_) => Ok(()),
        Plan::With(with) => {
            prune(&mut with.definition)?;
            if let Some(recursive) = &mut with.recursive {
                prune(&mut recursive.step)?;
            }
            prune_to(&mut with.body, needed)
        }
        Plan::Filter(filter) => {
            let mut below = needed.clone();
            below.extend(walk::reads(&filter.predicate));
            prune_to(&mut filter.input, &below)
        }
        Plan::Project(project) => {
            project.columns.retain(|(id, expr)| needed.contains(id) || walk::is_volatile(expr));
            let below = read_by(project.columns.iter().map(|(_, expr)| expr));
            prune_to(&mut project.input, &below)
        }
        Plan::ProjectSet(project) => {
            let stays = |expr: &Expr| walk::has_set(expr) || walk::is_volatile(expr);
            project.columns.retain(|(id, expr)| needed.contains(id) || stays(expr));
            let below = read_by(project.columns.iter().map(|(_, expr)| expr));
            prune_to(&mut project.input, &below)
        }
        Plan::Join(join) => {
            let mut below = needed.clone();
            below.extend(read_by(&join.on));
            prune_to(&mut join.left, &below)?;
            prune_to(&mut join.right, &below)
        }
        Plan::Apply(apply) => {
            let mut below = needed.clone();
            below.extend(read_by(&apply.on));
            prune_to(&mut apply.right, &below)?;
            below.extend(apply.right.outer_columns());
            prune_to(&mut apply.left, &below)
        }
        Plan::Aggregate(aggregate) => {
            aggregate.calls.retain(|(id, call)| needed.contains(id) || call.expressions().any(walk::is_volatile));
            aggregate.groupings.retain(|(id, _)| needed.contains(id));
            let mut below = read_by(aggregate.keys.iter().map(|(_, key)| key));
            below.extend(read_by(aggregate.calls.iter().flat_map(|(_, call)| call.expressions())));
            prune_to(&mut aggregate.input, &below)
        }
        Plan::Window(window) => {
            window.calls.retain(|(id, call)| needed.contains(id) || call.expressions().any(walk::is_volatile));
            let mut below = needed.clone();
            below.extend(read_by(&window.partition_by));
            below.extend(read_by(window.order_by.iter().map(|key| &key.value)));
            below.extend(read_by(window.calls.iter().flat_map(|(_, call)| call.expressions())));
            prune_to(&mut window.input, &below)
        }
        Plan::Sort(sort) => {
            let mut below = needed.clone();
            below.extend(read_by(sort.keys.iter().map(|key| &key.value)));
            prune_to(&mut sort.input, &below)
        }
        Plan::Limit(limit) => {
            let mut below = needed.clone();
            below.extend(read_by(limit.ties.iter().flatten().map(|key| &key.value)));
            prune_to(&mut limit.input, &below)
        }
        Plan::Distinct(distinct) => match &distinct.on {
            Some(on) => {
                let mut below = needed.clone();
                below.extend(read_by(on));
                prune_to(&mut distinct.input, &below)
            }
            None => prune(&mut distinct.input),
        },
        Plan::SetOperation(operation) => {
            if operation.all && operation.operator == SetOperator::Union {
                let keep: Vec<bool> = operation.columns.iter().map(|(id, _)| needed.contains(id)).collect();
                retain(&mut operation.columns, &keep);
                for side in [&mut operation.left, &mut operation.right] {
                    let mut wanted = side.columns();
                    retain(&mut wanted, &keep);
                    prune_exact(side, &wanted)?;
                }
                return Ok(());
            }
            prune(&mut operation.left)?;
            prune(&mut operation.right)
        }
        Plan::LockRows(lock) => {
            let mut below = needed.clone();
            below.extend(lock.tables.iter().map(|table| table.key));
            prune_to(&mut lock.input, &below)
        }
        Plan::Insert(insert) => prune(&mut insert.source),
        Plan::Update(update) => prune(&mut update.source),
        Plan::Delete(delete) => prune(&mut delete.source),
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| *keep.next().unwrap_or(&true));
}

/// Of those expressions that remain.
fn own_subqueries(plan: &mut Plan) -> Result<()> {
    walk::each_subquery(plan, &mut |subquery| match subquery.kind {
        SubqueryKind::Exists => prune_to(&mut subquery.plan, &Columns::new()),
        _ => prune(&mut subquery.plan),
    })
}

/// What may stand in the plan's place if only these of its columns are read.
fn replacement(plan: &mut Plan, needed: &Columns) -> Option<Plan> {
    match plan {
        Plan::Join(join) if join.kind == JoinKind::Left => {
            let unread = join.right.columns().iter().all(|id| !needed.contains(id));
            let quiet = !join.on.iter().any(walk::is_volatile) && !walk::plan_is_volatile(&join.right);
            (unread && quiet && facts::matches_once(&join.left, &join.right, &join.on))
                .then(|| walk::take(&mut join.left))
        }
        Plan::Apply(apply) if apply.kind == JoinKind::Left => {
            let unread = apply.right.columns().iter().all(|id| !needed.contains(id));
            let quiet = !apply.on.iter().any(walk::is_volatile) && !walk::plan_is_volatile(&apply.right);
            (unread && quiet && facts::is_single(&apply.right)).then(|| walk::take(&mut apply.left))
        }
        Plan::Distinct(distinct) if distinct.on.is_none() => {
            let own = walk::columns_of(&distinct.input);
            let unique = |key: &facts::Key| !key.nulls_repeat && key.columns.is_subset(&own);
            let is_distinct = facts::unique_keys(&distinct.input).iter().any(unique);
            is_distinct.then(|| walk::take(&mut distinct.input))
        }
        Plan::Distinct(distinct) => {
            // DISTINCT ON what has a unique key.
            let on: Option<Columns> = distinct.on.as_ref().map(|on| on.iter().filter_map(Expr::as_column).collect());
            let unique =
                |key: &facts::Key| !key.nulls_repeat && on.as_ref().is_some_and(|on| key.columns.is_subset(on));
            let is_distinct = facts::unique_keys(&distinct.input).iter().any(unique);
            is_distinct.then(|| walk::take(&mut distinct.input))
        }
        Plan::Window(window) => {
            let unread = window
                .calls
                .iter()
                .all(|(id, call)| !needed.contains(id) && !call.expressions().any(walk::is_volatile));
            unread.then(|| walk::take(&mut window.input))
        }
        Plan::Aggregate(aggregate) => {
            // One group a row: nothing is left to be grouped.
            let [set] = &aggregate.sets[..] else { return None };
            let plain =
                aggregate.groupings.is_empty() && aggregate.calls.is_empty() && set.len() == aggregate.keys.len();
            if !plain || set.is_empty() {
                return None;
            }
            let keys: Columns = aggregate.keys.iter().filter_map(|(_, key)| key.as_column()).collect();
            let unique = |key: &facts::Key| !key.nulls_repeat && key.columns.is_subset(&keys);
            if !facts::unique_keys(&aggregate.input).iter().any(unique) {
                return None;
            }
            let columns = std::mem::take(&mut aggregate.keys);
            Some(walk::project(walk::take(&mut aggregate.input), columns))
        }
        Plan::Sort(sort) => {
            // Rows of one value are in any order.
            sort.keys.retain(|key| key.value.as_literal().is_none());
            let literal_only = sort.keys.is_empty() && sort.limit.is_none();
            literal_only.then(|| walk::take(&mut sort.input))
        }
        _ => None,
    }
}
