//! What running a plan costs, in the time that reading one row of a scan takes.
//!
//! Finding a key means a request to whoever holds its range, so it counts for many rows that come one after another.

use super::stats;
use super::walk;
use crate::catalog::{ColumnOrdinal, IndexState};
use crate::plan::estimate::Estimator;
use crate::plan::{Access, ColumnId, Join, JoinKind, JoinStrategy, Plan, Scan};

/// To begin reading at a key.
pub const SEEK: f64 = 20.0;
/// The row behind an index's entry.
pub const FETCH: f64 = 8.0;
/// A row into a hash table, and a look there.
const BUILD: f64 = 0.6;
const PROBE: f64 = 0.3;
const PAIR: f64 = 0.15;
const SORT: f64 = 0.15;
const GROUP: f64 = 0.6;
const EMIT: f64 = 0.05;
/// A condition or expression that runs a plan: once a row, unless it remembers.
const SUBQUERY: f64 = 2.0;

pub fn sort(rows: f64, limit: Option<f64>) -> f64 {
    let kept = limit.map_or(rows, |limit| limit.min(rows)).max(2.0);
    rows * kept.log2() * SORT
}

pub fn hash_join(probe: f64, build: f64, rows: f64) -> f64 {
    probe * PROBE + build * BUILD + rows * EMIT
}

pub fn nested_loop(left: f64, right: f64, rows: f64) -> f64 {
    left * right * PAIR + rows * EMIT
}

/// Of a part of an index: where to begin so often, entries, and whether each leads to a row elsewhere.
pub fn access(seeks: f64, entries: f64, covers: bool) -> f64 {
    seeks * SEEK + entries * (1.0 + if covers { 0.0 } else { FETCH })
}

/// The plan as it stands, strategies and accesses included.
pub fn of(plan: &Plan, estimator: &Estimator<'_>) -> f64 {
    let rows = estimator.rows(plan);
    let own = match plan {
        Plan::Scan(scan) => return scan_cost(scan, estimator),
        Plan::Apply(apply) => {
            let left = estimator.rows(&apply.left);
            return of(&apply.left, estimator) + left * of(&apply.right, estimator) + rows * EMIT;
        }
        Plan::Join(join) => join_cost(join, rows, estimator),
        Plan::Aggregate(aggregate) => estimator.rows(&aggregate.input) * GROUP * aggregate.sets.len().max(1) as f64,
        Plan::Distinct(distinct) => estimator.rows(&distinct.input) * GROUP,
        Plan::Window(window) => sort(estimator.rows(&window.input), None) * 2.0,
        Plan::Sort(sorted) => sort(estimator.rows(&sorted.input), sorted.limit.as_ref().map(|_| rows)),
        Plan::SetOperation(operation) if !operation.all => {
            (estimator.rows(&operation.left) + estimator.rows(&operation.right)) * GROUP
        }
        Plan::Limit(limit) => {
            // What streams is stopped early.
            let all = estimator.rows(&limit.input);
            let below = of(&limit.input, estimator);
            let share = if is_streaming(&limit.input) { (rows / all).min(1.0) } else { 1.0 };
            return below * share + rows * EMIT;
        }
        _ => rows * EMIT,
    };
    let below: f64 = plan.inputs().into_iter().map(|input| of(input, estimator)).sum();
    let subqueries = plan.expressions().into_iter().filter(|expr| expr.has_subquery()).count() as f64;
    own + below + subqueries * rows * SUBQUERY
}

/// Whether the first rows come without all being read.
fn is_streaming(plan: &Plan) -> bool {
    match plan {
        Plan::Scan(_) | Plan::System(_) | Plan::FunctionScan(_) | Plan::Values(_) => true,
        Plan::Filter(filter) => is_streaming(&filter.input),
        Plan::Project(project) => is_streaming(&project.input),
        Plan::LockRows(lock) => is_streaming(&lock.input),
        Plan::Apply(apply) => is_streaming(&apply.left),
        _ => false,
    }
}

fn join_cost(join: &Join, rows: f64, estimator: &Estimator<'_>) -> f64 {
    let (left, right) = (estimator.rows(&join.left), estimator.rows(&join.right));
    match &join.strategy {
        JoinStrategy::Hash { .. } => hash_join(left, right, rows),
        JoinStrategy::NestedLoop if matches!(join.kind, JoinKind::Semi) => nested_loop(left, right, rows) * 0.5,
        JoinStrategy::NestedLoop => nested_loop(left, right, rows),
    }
}

fn scan_cost(scan: &Scan, estimator: &Estimator<'_>) -> f64 {
    let all = estimator.table_rows(&scan.table);
    match &scan.access {
        Access::Empty => 0.0,
        Access::Full { .. } => SEEK + all,
        Access::Index { index, bounds, .. } => {
            let share = super::access::share(scan, *index, bounds, estimator);
            let entries = (all * share).max(1.0);
            let covers = scan.table.index(*index).is_some_and(|of| super::access::covers(scan, of));
            access(bounds.equal.len() as f64, entries, covers)
        }
    }
}

/// Reading all that the plan reads, by full scans.
pub fn reading(plan: &Plan, estimator: &Estimator<'_>) -> f64 {
    let mut total = 0.0;
    walk::visit(plan, &mut |plan| {
        total += match plan {
            Plan::Scan(scan) => SEEK + estimator.table_rows(&scan.table),
            Plan::System(_) | Plan::FunctionScan(_) | Plan::CteScan(_) => estimator.rows(plan),
            _ => 1.0,
        };
    });
    total
}

/// Reading the rows of one value of a column, if the plan reads one table, with an index that begins with the column.
pub fn lookup(plan: &Plan, column: ColumnId, estimator: &Estimator<'_>) -> Option<f64> {
    let mut scans = 0;
    let mut found = None;
    walk::visit(plan, &mut |plan| {
        if let Plan::Scan(scan) = plan {
            scans += 1;
            let ordinal = scan.columns.iter().find(|(id, _)| *id == column).map(|(_, ordinal)| *ordinal);
            found = found.or(ordinal.filter(|ordinal| begins_index(scan, *ordinal)).map(|_| {
                let rows = estimator.table_rows(&scan.table);
                rows / estimator.column_distinct(column).unwrap_or(stats::DISTINCT_UNKNOWN)
            }));
        }
    });
    found.filter(|_| scans == 1).map(|rows: f64| SEEK + rows * FETCH)
}

fn begins_index(scan: &Scan, ordinal: ColumnOrdinal) -> bool {
    let usable = |place: usize, state: i32| place == 0 || state == IndexState::Public as i32;
    scan.table.indexes.iter().enumerate().any(|(place, index)| {
        usable(place, index.state)
            && index.predicate.is_none()
            && index.keys.first().is_some_and(|key| key.column == ordinal.0)
    })
}
