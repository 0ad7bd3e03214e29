//! What a statement is to do, as a tree of operators over rows.
//!
//! The binder makes it, [`optimize`](crate::optimize) makes it better, [`exec`](crate::exec) runs it. Operators say
//! *what*; the few fields that say *how* ([`Scan::access`], [`Join::strategy`]) are filled by the optimizer and start
//! with the choice that is always right.
//!
//! ```text
//!   SELECT d.name, count(*) FROM emp e JOIN dept d ON d.id = e.dept WHERE e.pay > 10 GROUP BY d.name
//!
//!   Project #5 := #4, #6 := #7
//!   └─ Aggregate by #4, #7 := count(*)
//!      └─ Join inner, #3 = #2
//!         ├─ Filter #1 > 10
//!         │  └─ Scan emp (#1 pay, #2 dept)
//!         └─ Scan dept (#3 id, #4 name)
//! ```
//!
//! INVARIANT: every [`ColumnId`] is made by one operator of the statement. An operator's rows have the columns that
//! [`Plan::columns`] lists, in that order.

pub mod estimate;
pub mod expr;
pub mod print;
pub mod uses;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::Oid;
pub use atoll_syntax::ast::{FrameExclude, FrameUnit, LockStrength, LockWait, SetOperator};
pub use expr::{Body, Call, ColumnId, Expr, ExprKind, Function, IsTest, Subquery, SubqueryKind, Subscript};
pub use uses::{CommandKind, RelationUse};

use crate::catalog::{ColumnOrdinal, IndexId, Table};
use crate::types::Type;

#[derive(Clone, Debug)]
pub enum Plan {
    /// Rows of expressions; no columns and one row is what `SELECT 1` reads from.
    Values(Values),
    Scan(Box<Scan>),
    /// A table of pg_catalog or information_schema, computed when it is read.
    System(System),
    /// A set-returning function in FROM.
    FunctionScan(FunctionScan),
    /// Rows that a [`Plan::With`] further out has made, or the working table of a recursive one.
    CteScan(CteScan),
    With(Box<With>),
    Filter(Box<Filter>),
    Project(Box<Project>),
    ProjectSet(Box<ProjectSet>),
    Join(Box<Join>),
    /// The right side is run anew for each row of the left, whose columns it may read.
    Apply(Box<Apply>),
    Aggregate(Box<Aggregate>),
    Window(Box<Window>),
    Sort(Box<Sort>),
    Limit(Box<Limit>),
    Distinct(Box<Distinct>),
    SetOperation(Box<SetOperation>),
    LockRows(Box<LockRows>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
}

#[derive(Clone, Debug)]
pub struct Values {
    pub columns: Vec<(ColumnId, Type)>,
    pub rows: Vec<Vec<Expr>>,
}

#[derive(Clone, Debug)]
pub struct Scan {
    pub table: Arc<Table>,
    /// As the statement calls it, for EXPLAIN.
    pub alias: String,
    /// The columns that are needed, and which of the table they are.
    pub columns: Vec<(ColumnId, ColumnOrdinal)>,
    /// The row's primary key as encoded bytes (type bytea), for whoever changes or locks the row.
    pub key: Option<ColumnId>,
    pub access: Access,
    /// Rows for which it is not true are left out; reads only columns of this scan and from further out.
    pub filter: Option<Expr>,
    /// Read the past instead of the transaction's snapshot.
    pub estimated_rows: f64,
}

/// How a scan finds its rows.
#[derive(Clone, Debug)]
pub enum Access {
    /// The whole primary index.
    Full {
        reverse: bool,
    },
    Index {
        index: IndexId,
        bounds: Bounds,
        reverse: bool,
    },
    /// Nothing can match.
    Empty,
}

/// Which part of an index: some first columns equal to one of several tuples, then at most one more within limits.
/// Expressions have the column's own type and read only parameters and columns from further out. A NULL among them
/// matches nothing.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// One tuple for each part; a single empty tuple if no column is fixed.
    pub equal: Vec<Vec<Expr>>,
    pub lower: Option<Bound>,
    pub upper: Option<Bound>,
}

#[derive(Clone, Debug)]
pub struct Bound {
    pub value: Expr,
    pub inclusive: bool,
}

#[derive(Clone, Debug)]
pub struct System {
    pub table: &'static crate::system::SystemTable,
    /// Which of its columns, counted from 0.
    pub columns: Vec<(ColumnId, usize)>,
}

#[derive(Clone, Debug)]
pub struct FunctionScan {
    /// Side by side, the shorter ones filled with NULL (ROWS FROM). A call that gives one value gives one row.
    pub functions: Vec<FunctionColumns>,
    pub ordinality: Option<ColumnId>,
}

#[derive(Clone, Debug)]
pub struct FunctionColumns {
    /// [`ExprKind::Set`] or any other expression.
    pub call: Expr,
    pub columns: Vec<(ColumnId, Type)>,
    /// The call's records are taken apart into the columns.
    pub is_record: bool,
    /// The query says what the columns are: the records may turn out to have others.
    pub is_defined: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CteId(pub u32);

#[derive(Clone, Debug)]
pub struct CteScan {
    pub cte: CteId,
    /// This scan's own ids, in the order of the definition's columns.
    pub columns: Vec<(ColumnId, Type)>,
}

/// A common table that is computed once, when it is first read.
#[derive(Clone, Debug)]
pub struct With {
    pub cte: CteId,
    pub name: String,
    pub definition: Plan,
    /// Then `definition` is the first part, and this one reads the rows made last.
    pub recursive: Option<Recursive>,
    /// As written: it may not (true), may (false), or may as the optimizer likes, become a part of `body`.
    pub materialized: Option<bool>,
    pub body: Plan,
}

#[derive(Clone, Debug)]
pub struct Recursive {
    /// Its columns take the place of the definition's, position by position.
    pub step: Plan,
    /// UNION rather than UNION ALL.
    pub distinct: bool,
}

#[derive(Clone, Debug)]
pub struct Filter {
    pub input: Plan,
    pub predicate: Expr,
}

/// The input's columns do not go through by themselves: each one wanted is listed, as a column expression under its own id.
#[derive(Clone, Debug)]
pub struct Project {
    pub input: Plan,
    pub columns: Vec<(ColumnId, Expr)>,
}

/// Like [`Project`], with at least one expression that is an [`ExprKind::Set`] call at its top: as many rows as the
/// longest gives, the others filled with NULL.
#[derive(Clone, Debug)]
pub struct ProjectSet {
    pub input: Plan,
    pub columns: Vec<(ColumnId, Expr)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    /// Left rows with at least one match; only the left side's columns.
    Semi,
    /// Left rows without a match.
    Anti,
}

impl JoinKind {
    /// Whether a row of the left side may be left out when nobody has a use for the rows that would come of it.
    pub fn may_lose_left(self) -> bool {
        !matches!(self, JoinKind::Right | JoinKind::Full)
    }
}

#[derive(Clone, Debug)]
pub struct Join {
    pub kind: JoinKind,
    pub left: Plan,
    pub right: Plan,
    /// All must be true. NULL is no match.
    pub on: Vec<Expr>,
    pub strategy: JoinStrategy,
}

#[derive(Clone, Debug, Default)]
pub enum JoinStrategy {
    #[default]
    NestedLoop,
    /// Pairs of expressions over the left and the right side that are equal; the rest of `on` is checked besides.
    Hash { keys: Vec<(Expr, Expr)>, rest: Vec<Expr> },
}

#[derive(Clone, Debug)]
pub struct Apply {
    /// Inner, Left, Semi or Anti.
    pub kind: JoinKind,
    pub left: Plan,
    pub right: Plan,
    pub on: Vec<Expr>,
}

#[derive(Clone, Debug)]
pub struct Aggregate {
    pub input: Plan,
    /// Everything that is grouped by, in any set.
    pub keys: Vec<(ColumnId, Expr)>,
    /// Positions in `keys`; without GROUP BY one empty set. A key that a set leaves out is NULL in its rows.
    pub sets: Vec<Vec<usize>>,
    pub calls: Vec<(ColumnId, AggregateCall)>,
    /// `GROUPING(...)`: the keys' positions, the first in the highest bit.
    pub groupings: Vec<(ColumnId, Vec<usize>)>,
}

#[derive(Clone, Debug)]
pub struct AggregateCall {
    pub function: Function,
    pub arguments: Vec<Expr>,
    /// Of an ordered-set aggregate, evaluated once a group.
    pub direct: Vec<Expr>,
    pub distinct: bool,
    pub order_by: Vec<SortKey>,
    pub filter: Option<Expr>,
    pub ty: Type,
    /// How many query blocks further out it belongs to; 0 after binding.
    pub level: usize,
}

#[derive(Clone, Debug)]
pub struct Window {
    pub input: Plan,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortKey>,
    /// All over the same partitions and order, each with its own frame.
    pub calls: Vec<(ColumnId, WindowCall)>,
}

#[derive(Clone, Debug)]
pub struct WindowCall {
    pub function: Function,
    pub arguments: Vec<Expr>,
    pub filter: Option<Expr>,
    pub ty: Type,
    pub frame: Frame,
    /// Only until the binder has made the [`Window`] that computes it.
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortKey>,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    pub end: FrameBound,
    pub exclude: FrameExclude,
}

#[derive(Clone, Debug)]
pub enum FrameBound {
    UnboundedPreceding,
    /// A bigint for ROWS and GROUPS. For RANGE the distance, with the functions `key - distance` or `key + distance`.
    Preceding(Expr, Option<Function>),
    CurrentRow,
    Following(Expr, Option<Function>),
    UnboundedFollowing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
}

#[derive(Clone, Debug)]
pub struct SortKey {
    pub value: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug)]
pub struct Sort {
    pub input: Plan,
    pub keys: Vec<SortKey>,
    /// At most so many rows are wanted: the optimizer tells it of a LIMIT above.
    pub limit: Option<Expr>,
}

#[derive(Clone, Debug)]
pub struct Limit {
    pub input: Plan,
    /// Bigints; NULL is no limit.
    pub count: Option<Expr>,
    pub offset: Option<Expr>,
    /// Rows equal to the last by these keys come too.
    pub ties: Option<Vec<SortKey>>,
}

#[derive(Clone, Debug)]
pub struct Distinct {
    pub input: Plan,
    /// DISTINCT ON: the first row for each tuple of these, in the input's order. None: whole rows.
    pub on: Option<Vec<Expr>>,
}

#[derive(Clone, Debug)]
pub struct SetOperation {
    pub operator: SetOperator,
    pub all: bool,
    /// Both sides' columns are taken by position; types agree.
    pub left: Plan,
    pub right: Plan,
    pub columns: Vec<(ColumnId, Type)>,
}

#[derive(Clone, Debug)]
pub struct LockRows {
    pub input: Plan,
    pub tables: Vec<LockTable>,
}

#[derive(Clone, Debug)]
pub struct LockTable {
    pub table: Arc<Table>,
    /// The scan's [`Scan::key`]; NULL where an outer join made the row.
    pub key: ColumnId,
    pub strength: LockStrength,
    pub wait: LockWait,
}

/// New rows for a table. Columns of the source are matched to those of the table; defaults, generated columns and
/// checks are the mutation operator's.
#[derive(Clone, Debug)]
pub struct Insert {
    pub table: Arc<Table>,
    pub source: Plan,
    /// For each column of `source`, the table's column.
    pub columns: Vec<ColumnOrdinal>,
    /// Columns that are not in `columns`, with their default expressions (no column references). Absent: NULL.
    pub defaults: Vec<(ColumnOrdinal, Expr)>,
    pub rules: RowRules,
    pub on_conflict: Option<OnConflict>,
    pub returning: Option<Returning>,
}

/// What holds for every new version of a row. Expressions read the new row through [`RowRules::row`].
#[derive(Clone, Debug, Default)]
pub struct RowRules {
    /// One id for each column of the table that expressions here or in RETURNING read.
    pub row: Vec<(ColumnId, ColumnOrdinal)>,
    pub generated: Vec<(ColumnOrdinal, Expr)>,
    pub checks: Vec<(String, Expr)>,
    /// Of views WITH CHECK OPTION, the innermost first: what is true of rows that they show. Asked once the row is there.
    pub views: Vec<(String, Expr)>,
    /// Of expression and partial indexes.
    pub index_keys: Vec<(IndexId, Vec<Option<Expr>>)>,
    pub index_predicates: Vec<(IndexId, Expr)>,
}

#[derive(Clone, Debug)]
pub struct OnConflict {
    /// Unique indexes that arbitrate; all of them if the statement named none.
    pub arbiters: Vec<IndexId>,
    pub action: ConflictAction,
}

#[derive(Clone, Debug)]
pub enum ConflictAction {
    Nothing,
    Update {
        /// The row that is there, as `assignments` and `filter` see it.
        existing: Vec<(ColumnId, ColumnOrdinal)>,
        /// `excluded`.
        excluded: Vec<(ColumnId, ColumnOrdinal)>,
        /// Conditions of the views that are written through, the innermost first: they must show the row that is there.
        views: Vec<(String, Expr)>,
        /// Computed before the assignments, which read their fields: `SET (a, b) = (SELECT ...)`.
        records: Vec<(ColumnId, Expr)>,
        assignments: Vec<(ColumnOrdinal, Expr)>,
        filter: Option<Expr>,
    },
}

/// `source` gives the key of each row to change, its old columns, and the new values.
#[derive(Clone, Debug)]
pub struct Update {
    pub table: Arc<Table>,
    pub source: Plan,
    pub key: ColumnId,
    /// The old row: every column of the table.
    pub old: Vec<(ColumnId, ColumnOrdinal)>,
    /// New values, as columns of `source`.
    pub assignments: Vec<(ColumnOrdinal, ColumnId)>,
    pub rules: RowRules,
    pub returning: Option<Returning>,
}

#[derive(Clone, Debug)]
pub struct Delete {
    pub table: Arc<Table>,
    pub source: Plan,
    pub key: ColumnId,
    pub old: Vec<(ColumnId, ColumnOrdinal)>,
    pub rules: RowRules,
    pub returning: Option<Returning>,
}

/// Reads the new row (of a DELETE: the old one) through [`RowRules::row`], and the columns of `source`.
#[derive(Clone, Debug)]
pub struct Returning {
    pub columns: Vec<(ColumnId, Expr)>,
}

/// Of an output column, for RowDescription.
#[derive(Clone, Debug)]
pub struct Output {
    pub name: String,
    pub id: ColumnId,
    pub ty: Type,
    /// Where it comes from directly: table and attribute number, 0 if from nowhere.
    pub table: Oid,
    pub attribute: i16,
}

/// A bound statement that returns rows or changes them.
#[derive(Clone, Debug)]
pub struct Query {
    pub plan: Plan,
    /// In the order of the select list; empty for a change without RETURNING.
    pub output: Vec<Output>,
    /// Types of `$1`, `$2`, …
    pub parameters: Vec<Type>,
    /// The next unused id.
    pub next_column: u32,
    /// What columns are called, by id: for EXPLAIN. None where no expression that was written names one; none at all for
    /// what was made later.
    pub names: Vec<Option<ColumnName>>,
    pub uses: Vec<RelationUse>,
    /// It asks what the session itself keeps: pg_cursors, pg_prepared_statements.
    pub reads_own: bool,
    pub command: CommandKind,
    /// AS OF SYSTEM TIME: an expression without columns, of any type.
    pub as_of: Option<Expr>,
}

/// A column as the statement names it: of a table, function or query in FROM.
#[derive(Clone, Debug)]
pub struct ColumnName {
    pub relation: Option<Arc<str>>,
    pub name: Arc<str>,
}

impl AggregateCall {
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let keys = self.order_by.iter().map(|key| &key.value);
        self.arguments.iter().chain(&self.direct).chain(keys).chain(&self.filter)
    }

    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let keys = self.order_by.iter_mut().map(|key| &mut key.value);
        self.arguments.iter_mut().chain(&mut self.direct).chain(keys).chain(&mut self.filter)
    }
}

impl WindowCall {
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let keys = self.order_by.iter().map(|key| &key.value);
        let bounds = [&self.frame.start, &self.frame.end].into_iter().filter_map(FrameBound::expr);
        self.arguments.iter().chain(&self.partition_by).chain(keys).chain(&self.filter).chain(bounds)
    }

    pub fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let keys = self.order_by.iter_mut().map(|key| &mut key.value);
        let bounds = [&mut self.frame.start, &mut self.frame.end].into_iter().filter_map(FrameBound::expr_mut);
        self.arguments.iter_mut().chain(&mut self.partition_by).chain(keys).chain(&mut self.filter).chain(bounds)
    }
}

impl FrameBound {
    fn expr(&self) -> Option<&Expr> {
        match self {
            FrameBound::Preceding(expr, _) | FrameBound::Following(expr, _) => Some(expr),
            _ => None,
        }
    }

    fn expr_mut(&mut self) -> Option<&mut Expr> {
        match self {
            FrameBound::Preceding(expr, _) | FrameBound::Following(expr, _) => Some(expr),
            _ => None,
        }
    }
}

impl Plan {
    /// One row without columns.
    pub fn one_row() -> Plan {
        Plan::Values(Values { columns: Vec::new(), rows: vec![Vec::new()] })
    }

    /// What its rows have, in order.
    pub fn columns(&self) -> Vec<ColumnId> {
        fn ids<T>(columns: &[(ColumnId, T)]) -> Vec<ColumnId> {
            columns.iter().map(|(id, _)| *id).collect()
        }
        match self {
            Plan::Values(values) => ids(&values.columns),
            Plan::Scan(scan) => ids(&scan.columns).into_iter().chain(scan.key).collect(),
            Plan::System(system) => ids(&system.columns),
            Plan::FunctionScan(scan) => {
                scan.functions.iter().flat_map(|function| ids(&function.columns)).chain(scan.ordinality).collect()
            }
            Plan::CteScan(scan) => ids(&scan.columns),
            Plan::With(with) => with.body.columns(),
            Plan::Filter(filter) => filter.input.columns(),
            Plan::Project(project) => ids(&project.columns),
            Plan::ProjectSet(project) => ids(&project.columns),
            Plan::Join(join) => Plan::joined(join.kind, &join.left, &join.right),
            Plan::Apply(apply) => Plan::joined(apply.kind, &apply.left, &apply.right),
            Plan::Aggregate(aggregate) => {
                let (keys, calls) = (ids(&aggregate.keys), ids(&aggregate.calls));
                keys.into_iter().chain(calls).chain(ids(&aggregate.groupings)).collect()
            }
            Plan::Window(window) => window.input.columns().into_iter().chain(ids(&window.calls)).collect(),
            Plan::Sort(sort) => sort.input.columns(),
            Plan::Limit(limit) => limit.input.columns(),
            Plan::Distinct(distinct) => distinct.input.columns(),
            Plan::SetOperation(operation) => ids(&operation.columns),
            Plan::LockRows(lock) => lock.input.columns(),
            Plan::Insert(insert) => {
                insert.returning.as_ref().map(|returning| ids(&returning.columns)).unwrap_or_default()
            }
            Plan::Update(update) => {
                update.returning.as_ref().map(|returning| ids(&returning.columns)).unwrap_or_default()
            }
            Plan::Delete(delete) => {
                delete.returning.as_ref().map(|returning| ids(&returning.columns)).unwrap_or_default()
            }
        }
    }

    fn joined(kind: JoinKind, left: &Plan, right: &Plan) -> Vec<ColumnId> {
        let mut columns = left.columns();
        if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            columns.extend(right.columns());
        }
        columns
    }

    /// The operators directly below.
    pub fn inputs(&self) -> Vec<&Plan> {
        match self {
            Plan::Values(_) | Plan::Scan(_) | Plan::System(_) | Plan::FunctionScan(_) | Plan::CteScan(_) => Vec::new(),
            Plan::With(with) => {
                let mut inputs = vec![&with.definition];
                inputs.extend(with.recursive.as_ref().map(|recursive| &recursive.step));
                inputs.push(&with.body);
                inputs
            }
            Plan::Filter(filter) => vec![&filter.input],
            Plan::Project(project) => vec![&project.input],
            Plan::ProjectSet(project) => vec![&project.input],
            Plan::Join(join) => vec![&join.left, &join.right],
            Plan::Apply(apply) => vec![&apply.left, &apply.right],
            Plan::Aggregate(aggregate) => vec![&aggregate.input],
            Plan::Window(window) => vec![&window.input],
            Plan::Sort(sort) => vec![&sort.input],
            Plan::Limit(limit) => vec![&limit.input],
            Plan::Distinct(distinct) => vec![&distinct.input],
            Plan::SetOperation(operation) => vec![&operation.left, &operation.right],
            Plan::LockRows(lock) => vec![&lock.input],
            Plan::Insert(insert) => vec![&insert.source],
            Plan::Update(update) => vec![&update.source],
            Plan::Delete(delete) => vec![&delete.source],
        }
    }

    pub fn inputs_mut(&mut self) -> Vec<&mut Plan> {
        match self {
            Plan::Values(_) | Plan::Scan(_) | Plan::System(_) | Plan::FunctionScan(_) | Plan::CteScan(_) => Vec::new(),
            Plan::With(with) => {
                let mut inputs = vec![&mut with.definition];
                inputs.extend(with.recursive.as_mut().map(|recursive| &mut recursive.step));
                inputs.push(&mut with.body);
                inputs
            }
            Plan::Filter(filter) => vec![&mut filter.input],
            Plan::Project(project) => vec![&mut project.input],
            Plan::ProjectSet(project) => vec![&mut project.input],
            Plan::Join(join) => vec![&mut join.left, &mut join.right],
            Plan::Apply(apply) => vec![&mut apply.left, &mut apply.right],
            Plan::Aggregate(aggregate) => vec![&mut aggregate.input],
            Plan::Window(window) => vec![&mut window.input],
            Plan::Sort(sort) => vec![&mut sort.input],
            Plan::Limit(limit) => vec![&mut limit.input],
            Plan::Distinct(distinct) => vec![&mut distinct.input],
            Plan::SetOperation(operation) => vec![&mut operation.left, &mut operation.right],
            Plan::LockRows(lock) => vec![&mut lock.input],
            Plan::Insert(insert) => vec![&mut insert.source],
            Plan::Update(update) => vec![&mut update.source],
            Plan::Delete(delete) => vec![&mut delete.source],
        }
    }

    /// The operator's own expressions, those of its inputs left out.
    pub fn expressions(&self) -> Vec<&Expr> {
        fn bounds(bounds: &Bounds) -> impl Iterator<Item = &Expr> {
            let limits = bounds.lower.iter().chain(&bounds.upper).map(|bound| &bound.value);
            bounds.equal.iter().flatten().chain(limits)
        }
        fn rules(rules: &RowRules) -> impl Iterator<Item = &Expr> {
            let generated = rules.generated.iter().map(|(_, expr)| expr);
            let checks = rules.checks.iter().chain(&rules.views).map(|(_, expr)| expr);
            let keys = rules.index_keys.iter().flat_map(|(_, keys)| keys.iter().flatten());
            generated.chain(checks).chain(keys).chain(rules.index_predicates.iter().map(|(_, expr)| expr))
        }
        fn returned(returning: &Option<Returning>) -> impl Iterator<Item = &Expr> {
            returning.iter().flat_map(|returning| returning.columns.iter().map(|(_, expr)| expr))
        }
        match self {
            Plan::Values(values) => values.rows.iter().flatten().collect(),
            Plan::Scan(scan) => {
                let mut found: Vec<&Expr> = scan.filter.iter().collect();
                if let Access::Index { bounds: of, .. } = &scan.access {
                    found.extend(bounds(of));
                }
                found
            }
            Plan::FunctionScan(scan) => scan.functions.iter().map(|function| &function.call).collect(),
            Plan::Filter(filter) => vec![&filter.predicate],
            Plan::Project(project) => project.columns.iter().map(|(_, expr)| expr).collect(),
            Plan::ProjectSet(project) => project.columns.iter().map(|(_, expr)| expr).collect(),
            Plan::Join(join) => {
                let mut found: Vec<&Expr> = join.on.iter().collect();
                if let JoinStrategy::Hash { keys, rest } = &join.strategy {
                    found.extend(keys.iter().flat_map(|(left, right)| [left, right]));
                    found.extend(rest);
                }
                found
            }
            Plan::Apply(apply) => apply.on.iter().collect(),
            Plan::Aggregate(aggregate) => {
                let keys = aggregate.keys.iter().map(|(_, expr)| expr);
                keys.chain(aggregate.calls.iter().flat_map(|(_, call)| call.expressions())).collect()
            }
            Plan::Window(window) => {
                let keys = window.order_by.iter().map(|key| &key.value);
                let calls = window.calls.iter().flat_map(|(_, call)| call.expressions());
                window.partition_by.iter().chain(keys).chain(calls).collect()
            }
            Plan::Sort(sort) => sort.keys.iter().map(|key| &key.value).chain(&sort.limit).collect(),
            Plan::Limit(limit) => {
                let ties = limit.ties.iter().flatten().map(|key| &key.value);
                limit.count.iter().chain(&limit.offset).chain(ties).collect()
            }
            Plan::Distinct(distinct) => distinct.on.iter().flatten().collect(),
            Plan::Insert(insert) => {
                let mut found: Vec<&Expr> = insert.defaults.iter().map(|(_, expr)| expr).collect();
                found.extend(rules(&insert.rules));
                if let Some(OnConflict {
                    action: ConflictAction::Update { views, records, assignments, filter, .. },
                    ..
                }) = &insert.on_conflict
                {
                    found.extend(views.iter().map(|(_, expr)| expr));
                    found.extend(records.iter().map(|(_, expr)| expr));
                    found.extend(assignments.iter().map(|(_, expr)| expr).chain(filter));
                }
                found.extend(returned(&insert.returning));
                found
            }
            Plan::Update(update) => rules(&update.rules).chain(returned(&update.returning)).collect(),
            Plan::Delete(delete) => rules(&delete.rules).chain(returned(&delete.returning)).collect(),
            Plan::System(_) | Plan::CteScan(_) | Plan::With(_) | Plan::SetOperation(_) | Plan::LockRows(_) => {
                Vec::new()
            }
        }
    }

    /// Columns that operators in here read and none in here makes: where it is correlated.
    pub fn outer_columns(&self) -> BTreeSet<ColumnId> {
        let (mut read, mut made) = (BTreeSet::new(), BTreeSet::new());
        self.gather(&mut read, &mut made);
        read.difference(&made).copied().collect()
    }

    fn gather(&self, read: &mut BTreeSet<ColumnId>, made: &mut BTreeSet<ColumnId>) {
        for input in self.inputs() {
            input.gather(read, made);
        }
        made.extend(self.columns());
        let rules = match self {
            Plan::Insert(insert) => {
                if let Some(OnConflict { action: ConflictAction::Update { existing, excluded, records, .. }, .. }) =
                    &insert.on_conflict
                {
                    made.extend(records.iter().map(|(id, _)| *id));
                    made.extend(existing.iter().chain(excluded).map(|(id, _)| *id));
                }
                Some(&insert.rules)
            }
            Plan::Update(update) => Some(&update.rules),
            Plan::Delete(delete) => Some(&delete.rules),
            _ => None,
        };
        made.extend(rules.into_iter().flat_map(|rules| rules.row.iter().map(|(id, _)| *id)));
        for expr in self.expressions() {
            expr.columns(read);
        }
    }
}
