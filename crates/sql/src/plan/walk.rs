//! More ways to look at a plan: its expressions to be changed, its columns with their types.

use atoll_datum::oid;

use super::{
    Access, Bounds, ColumnId, ConflictAction, Expr, JoinKind, JoinStrategy, OnConflict, Plan, Returning, RowRules,
};
use crate::types::Type;

impl Plan {
    /// The operator's own expressions, those of its inputs left out; the same as [`Plan::expressions`].
    pub fn expressions_mut(&mut self) -> Vec<&mut Expr> {
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
        match self {
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
                    action: ConflictAction::Update { views, records, assignments, filter, .. },
                    ..
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
            Plan::System(_) | Plan::CteScan(_) | Plan::With(_) | Plan::SetOperation(_) | Plan::LockRows(_) => {
                Vec::new()
            }
        }
    }

    /// [`Plan::columns`] with their types.
    pub fn column_types(&self) -> Vec<(ColumnId, Type)> {
        fn typed(columns: &[(ColumnId, Expr)]) -> impl Iterator<Item = (ColumnId, Type)> {
            columns.iter().map(|(id, expr)| (*id, expr.ty))
        }
        fn joined(kind: JoinKind, left: &Plan, right: &Plan) -> Vec<(ColumnId, Type)> {
            let mut columns = left.column_types();
            if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                columns.extend(right.column_types());
            }
            columns
        }
        fn returned(returning: &Option<Returning>) -> Vec<(ColumnId, Type)> {
            returning.iter().flat_map(|returning| typed(&returning.columns)).collect()
        }
        match self {
            Plan::Values(values) => values.columns.clone(),
            Plan::Scan(scan) => {
                let ty = |ordinal| scan.table.column(ordinal).map_or(Type::UNKNOWN, |column| column.ty());
                let columns = scan.columns.iter().map(|(id, ordinal)| (*id, ty(*ordinal)));
                columns.chain(scan.key.map(|key| (key, Type::new(oid::BYTEA)))).collect()
            }
            Plan::System(system) => {
                let ty = |place: usize| Type::new(system.table.columns[place].ty);
                system.columns.iter().map(|(id, place)| (*id, ty(*place))).collect()
            }
            Plan::FunctionScan(scan) => {
                let columns = scan.functions.iter().flat_map(|function| function.columns.iter().copied());
                columns.chain(scan.ordinality.map(|id| (id, Type::INT8))).collect()
            }
            Plan::CteScan(scan) => scan.columns.clone(),
            Plan::With(with) => with.body.column_types(),
            Plan::Filter(filter) => filter.input.column_types(),
            Plan::Project(project) => typed(&project.columns).collect(),
            Plan::ProjectSet(project) => typed(&project.columns).collect(),
            Plan::Join(join) => joined(join.kind, &join.left, &join.right),
            Plan::Apply(apply) => joined(apply.kind, &apply.left, &apply.right),
            Plan::Aggregate(aggregate) => {
                let calls = aggregate.calls.iter().map(|(id, call)| (*id, call.ty));
                let groupings = aggregate.groupings.iter().map(|(id, _)| (*id, Type::INT4));
                typed(&aggregate.keys).chain(calls).chain(groupings).collect()
            }
            Plan::Window(window) => {
                let mut columns = window.input.column_types();
                columns.extend(window.calls.iter().map(|(id, call)| (*id, call.ty)));
                columns
            }
            Plan::Sort(sort) => sort.input.column_types(),
            Plan::Limit(limit) => limit.input.column_types(),
            Plan::Distinct(distinct) => distinct.input.column_types(),
            Plan::SetOperation(operation) => operation.columns.clone(),
            Plan::LockRows(lock) => lock.input.column_types(),
            Plan::Insert(insert) => returned(&insert.returning),
            Plan::Update(update) => returned(&update.returning),
            Plan::Delete(delete) => returned(&delete.returning),
        }
    }
}
