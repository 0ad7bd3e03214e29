//! From plans to operators.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, oid, sqlstate};

use super::expr::{Columns, SubqueryState};
use super::keyed::Sense;
use super::operator::{self, BoxOperator, CteState};
use super::state::{Counters, State};
use crate::mutate;
use crate::plan::{ColumnId, CteId, Expr, ExprKind, JoinStrategy, Plan};
use crate::session::Scope;
use crate::table::Layout;
use crate::types::Type;

/// Makes the operators of one statement, and the places of what they share.
pub struct Builder<'s> {
    pub scope: &'s Scope,
    /// Count rows and time of every operator.
    pub analyze: bool,
    /// What is being built is not the definition of a common table: its rows are those of the command's tag.
    pub is_main: bool,
    /// No operator keeps anything over a rewind that another transaction would see otherwise.
    pub is_repeatable: bool,
    slots: BTreeMap<ColumnId, usize>,
    subqueries: Vec<Option<Box<SubqueryState>>>,
    ctes: Vec<CteState>,
    /// Where a scan of a common table reads: its rows, or, within a recursive step, the working table.
    cte_places: BTreeMap<CteId, usize>,
}

impl<'s> Builder<'s> {
    pub fn new(scope: &'s Scope) -> Builder<'s> {
        Builder {
            scope,
            analyze: false,
            is_main: true,
            is_repeatable: true,
            slots: BTreeMap::new(),
            subqueries: Vec::new(),
            ctes: Vec::new(),
            cte_places: BTreeMap::new(),
        }
    }

    /// What the operators need while they run.
    pub fn finish(self) -> State {
        State {
            slots: vec![atoll_datum::Datum::Null; self.slots.len()],
            subqueries: self.subqueries,
            ctes: self.ctes,
            counters: self.analyze.then(Counters::default),
            ..State::default()
        }
    }

    pub fn plan(&mut self, plan: &Plan) -> Result<BoxOperator> {
        let built = self.operator(plan)?;
        Ok(if self.analyze { operator::counted(built, plan) } else { built })
    }

    fn operator(&mut self, plan: &Plan) -> Result<BoxOperator> {
        match plan {
            Plan::Values(values) => operator::values(values, self),
            Plan::Scan(scan) if scan.table.view.as_ref().is_some_and(|view| view.unfilled) => {
                let message = format!("materialized view \"{}\" has not been populated", scan.table.name);
                let error = Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message);
                Err(error.hint("Use the REFRESH MATERIALIZED VIEW command."))
            }
            Plan::Scan(scan) => operator::scan(scan, self),
            Plan::System(system) => Ok(operator::system(system)),
            Plan::FunctionScan(scan) => operator::function_scan(scan, self),
            Plan::CteScan(scan) => operator::cte_scan(scan, self),
            Plan::With(with) => operator::with(with, self),
            Plan::Filter(filter) => operator::filter(filter, self),
            Plan::Project(project) => operator::project(project, self),
            Plan::ProjectSet(project) => operator::project_set(project, self),
            Plan::Join(join) => match &join.strategy {
                JoinStrategy::Hash { keys, rest } if operator::can_hash(keys) => {
                    operator::hash_join(join, keys, rest, self)
                }
                _ => operator::nested_loop(join, self),
            },
            Plan::Apply(apply) => operator::apply(apply, self),
            Plan::Aggregate(aggregate) => operator::aggregate(aggregate, self),
            Plan::Window(window) => operator::window(window, self),
            Plan::Sort(sort) => operator::sort(sort, self),
            Plan::Limit(limit) => operator::limit(limit, self),
            Plan::Distinct(distinct) => operator::distinct(distinct, self),
            Plan::SetOperation(operation) => operator::set_operation(operation, self),
            Plan::LockRows(lock) => operator::lock_rows(lock, self),
            Plan::Insert(insert) => mutate::insert(insert, self),
            Plan::Update(update) => mutate::update(update, self),
            Plan::Delete(delete) => mutate::delete(delete, self),
        }
    }

    /// How a table's rows lie.
    pub fn layout(&self, table: &Arc<crate::catalog::Table>) -> Result<Arc<Layout>> {
        self.scope.catalog.layout(table)
    }

    /// The place of a column for operators that read it from further out.
    pub fn slot(&mut self, id: ColumnId) -> usize {
        let next = self.slots.len();
        *self.slots.entry(id).or_insert(next)
    }

    /// For those of `wanted` that a row with `columns` has: where they are in it, and their slots.
    pub fn links(&mut self, wanted: impl IntoIterator<Item = ColumnId>, columns: &Columns) -> Vec<(usize, usize)> {
        let found = wanted.into_iter().filter_map(|id| Some((columns.position(id)?, id)));
        found.map(|(position, id)| (position, self.slot(id))).collect()
    }

    pub(super) fn add_subquery(&mut self, state: SubqueryState) -> usize {
        self.is_repeatable = false;
        self.subqueries.push(Some(Box::new(state)));
        self.subqueries.len() - 1
    }

    pub(super) fn add_cte(&mut self, state: CteState) -> usize {
        self.is_repeatable = false;
        self.ctes.push(state);
        self.ctes.len() - 1
    }

    pub(super) fn place_cte(&mut self, cte: CteId, place: usize) {
        self.cte_places.insert(cte, place);
    }

    pub(super) fn cte_place(&self, cte: CteId) -> Result<usize> {
        let unknown = || Error::internal("a common table is read where it does not exist");
        self.cte_places.get(&cte).copied().ok_or_else(unknown)
    }

    /// Places of the common tables that are made outside of `plan` and read inside.
    pub(super) fn outer_ctes(&self, plan: &Plan) -> Vec<usize> {
        let (mut read, mut made) = (BTreeSet::new(), BTreeSet::new());
        visit(plan, &mut |plan| match plan {
            Plan::CteScan(scan) => drop(read.insert(scan.cte)),
            Plan::With(with) => drop(made.insert(with.cte)),
            _ => {}
        });
        read.difference(&made).filter_map(|cte| self.cte_places.get(cte).copied()).collect()
    }

    /// Whether the plan gives the same rows however often it is rewound.
    pub(super) fn is_fixed(&self, plan: &Plan) -> bool {
        plan.outer_columns().is_empty() && self.outer_ctes(plan).is_empty()
    }

    /// Whether a second run could give something else even if nothing outside has changed.
    pub(super) fn is_volatile(plan: &Plan) -> bool {
        let mut found = false;
        visit(plan, &mut |plan| {
            let changes = matches!(plan, Plan::Insert(_) | Plan::Update(_) | Plan::Delete(_) | Plan::LockRows(_));
            found |= changes || plan.expressions().into_iter().any(Expr::is_volatile);
        });
        found
    }

    pub(super) fn only_reads(plan: &Plan) -> bool {
        let mut locks = false;
        visit(plan, &mut |plan| locks |= matches!(plan, Plan::LockRows(_)));
        !locks && !Self::changes_rows(plan)
    }

    pub(super) fn changes_rows(plan: &Plan) -> bool {
        let mut found = false;
        visit(plan, &mut |plan| found |= matches!(plan, Plan::Insert(_) | Plan::Update(_) | Plan::Delete(_)));
        found
    }
}

/// The plan and every plan in it, those of subqueries included.
fn visit(plan: &Plan, see: &mut dyn FnMut(&Plan)) {
    see(plan);
    for input in plan.inputs() {
        visit(input, see);
    }
    for expr in plan.expressions() {
        expr.any(&mut |expr| {
            if let ExprKind::Subquery(subquery) = &expr.kind {
                visit(&subquery.plan, see);
            }
            false
        });
    }
}

/// The types of a plan's columns.
pub(super) fn types(plan: &Plan) -> Vec<Oid> {
    plan.columns().into_iter().map(|id| type_of(plan, id).unwrap_or(oid::UNKNOWN)).collect()
}

/// How the columns of a plan's rows compare.
pub(super) fn senses(plan: &Plan) -> Vec<Sense> {
    types(plan).into_iter().map(Sense::of).collect()
}

/// The type of a column that the plan gives.
fn type_of(plan: &Plan, id: ColumnId) -> Option<Oid> {
    fn typed(columns: &[(ColumnId, Type)], id: ColumnId) -> Option<Oid> {
        columns.iter().find(|(known, _)| *known == id).map(|(_, ty)| ty.oid)
    }
    fn computed(columns: &[(ColumnId, Expr)], id: ColumnId) -> Option<Oid> {
        columns.iter().find(|(known, _)| *known == id).map(|(_, expr)| expr.ty.oid)
    }
    let own = match plan {
        Plan::Values(values) => typed(&values.columns, id),
        Plan::Scan(scan) => {
            let ordinal = scan.columns.iter().find(|(known, _)| *known == id).map(|(_, ordinal)| *ordinal);
            ordinal.and_then(|ordinal| scan.table.column(ordinal)).map(|column| Oid(column.type_oid))
        }
        Plan::System(system) => {
            let found = system.columns.iter().find(|(known, _)| *known == id);
            found.and_then(|(_, column)| system.table.columns.get(*column)).map(|column| column.ty)
        }
        Plan::FunctionScan(scan) => scan.functions.iter().find_map(|function| typed(&function.columns, id)),
        Plan::CteScan(scan) => typed(&scan.columns, id),
        Plan::SetOperation(operation) => typed(&operation.columns, id),
        Plan::Project(project) => computed(&project.columns, id),
        Plan::ProjectSet(project) => computed(&project.columns, id),
        Plan::Aggregate(aggregate) => {
            let call = aggregate.calls.iter().find(|(known, _)| *known == id).map(|(_, call)| call.ty.oid);
            computed(&aggregate.keys, id).or(call)
        }
        Plan::Window(window) => window.calls.iter().find(|(known, _)| *known == id).map(|(_, call)| call.ty.oid),
        _ => None,
    };
    own.or_else(|| plan.inputs().into_iter().find_map(|input| type_of(input, id)))
}
