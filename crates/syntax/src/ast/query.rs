//! SELECT and its parts.

use super::{At, ColumnDefinition, Expr, Name, Operator, QualifiedName, Statement};

/// `SELECT`, `VALUES`, or several joined by `UNION` and its like, with what may stand around.
///
/// Parentheses leave no trace: `(SELECT 1 LIMIT 1) ORDER BY 1` is one query with both clauses, as in PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    pub with: Option<Box<With>>,
    pub body: QueryBody,
    pub order_by: Vec<OrderBy>,
    pub limit: Option<Limit>,
    pub offset: Option<Expr>,
    pub locking: Vec<Locking>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueryBody {
    Select(Box<Select>),
    /// At least one row; their lengths may differ.
    Values(Vec<Vec<Expr>>),
    SetOperation(Box<SetOperation>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetOperation {
    pub operator: SetOperator,
    pub all: bool,
    pub left: Query,
    pub right: Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Select {
    pub distinct: Option<Distinct>,
    pub targets: Vec<Target>,
    pub into: Option<Box<SelectInto>>,
    pub from: Vec<FromItem>,
    /// `AS OF SYSTEM TIME e`, which ends the FROM clause.
    pub as_of: Option<Expr>,
    pub filter: Option<Expr>,
    pub group_by: Vec<GroupItem>,
    pub group_distinct: bool,
    pub having: Option<Expr>,
    pub windows: Vec<NamedWindow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Distinct {
    Rows,
    On(Vec<Expr>),
}

/// An item of the select list or of RETURNING.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub value: Expr,
    pub alias: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectInto {
    pub persistence: Persistence,
    pub table: QualifiedName,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Persistence {
    #[default]
    Permanent,
    Temporary,
    Unlogged,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct With {
    pub recursive: bool,
    pub tables: Vec<CommonTable>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommonTable {
    pub name: Name,
    pub columns: Vec<Name>,
    pub materialized: Option<bool>,
    /// A query, INSERT, UPDATE or DELETE.
    pub statement: Statement,
    pub search: Option<Search>,
    pub cycle: Option<Box<Cycle>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    pub breadth_first: bool,
    pub columns: Vec<Name>,
    pub sequence: Name,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cycle {
    pub columns: Vec<Name>,
    pub mark: Name,
    /// `TO value DEFAULT value`; true and false if not written.
    pub values: Option<(Expr, Expr)>,
    pub path: Name,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FromItem {
    Table(Box<TableItem>),
    Subquery(Box<SubqueryItem>),
    Function(Box<FunctionItem>),
    Join(Box<Join>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alias {
    pub name: Name,
    pub columns: Vec<Name>,
}

/// A table as UPDATE, DELETE, LOCK and others name it as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    pub name: QualifiedName,
    pub only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableItem {
    pub table: TableName,
    pub alias: Option<Alias>,
    pub sample: Option<Sample>,
}

/// `TABLESAMPLE method (arguments) REPEATABLE (seed)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    pub method: QualifiedName,
    pub arguments: Vec<Expr>,
    pub seed: Option<Expr>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubqueryItem {
    pub lateral: bool,
    pub query: Query,
    /// PostgreSQL 15 wants one; the parser has checked it.
    pub alias: Option<Alias>,
    /// Of the parenthesis.
    pub at: At,
}

/// `f(x)` or `ROWS FROM (f(x), g(y))` in FROM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionItem {
    pub lateral: bool,
    pub rows_from: bool,
    pub functions: Vec<RowsFrom>,
    pub ordinality: bool,
    pub alias: Option<Alias>,
    /// `AS alias (a int, b text)` or `AS (a int, b text)`; then the alias has no columns.
    pub columns: Vec<ColumnDefinition>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowsFrom {
    /// A call, or any of the expressions that look like one: `COALESCE(...)`, `CURRENT_DATE`, `CAST(...)`.
    pub function: Expr,
    pub columns: Vec<ColumnDefinition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Join {
    pub kind: JoinKind,
    pub left: FromItem,
    pub right: FromItem,
    pub condition: JoinCondition,
    /// `(a JOIN b ...) AS alias`.
    pub alias: Option<Alias>,
    /// Where the right side begins.
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JoinCondition {
    /// Of a cross join.
    None,
    Natural,
    Using {
        columns: Vec<Name>,
        alias: Option<Name>,
    },
    On(Expr),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupItem {
    Expr(Expr),
    /// `()`.
    Empty(At),
    Rollup(Vec<Expr>, At),
    Cube(Vec<Expr>, At),
    Sets(Vec<GroupItem>, At),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedWindow {
    pub name: Name,
    pub spec: WindowSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WindowSpec {
    /// The window that this one starts from.
    pub base: Option<Name>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<OrderBy>,
    pub frame: Option<Box<Frame>>,
    /// Of the parenthesis.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    /// `CURRENT ROW` if not written.
    pub end: Option<FrameBound>,
    pub exclude: FrameExclude,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameUnit {
    Range,
    Rows,
    Groups,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameExclude {
    #[default]
    NoOthers,
    CurrentRow,
    Group,
    Ties,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderBy {
    pub value: Expr,
    pub direction: Direction,
    pub nulls: Option<Nulls>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Nothing was written.
    #[default]
    Default,
    Asc,
    Desc,
    Using(Operator),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    First,
    Last,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    pub count: LimitCount,
    pub with_ties: bool,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitCount {
    All,
    Rows(Expr),
}

/// `FOR UPDATE OF a, b NOWAIT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Locking {
    pub strength: LockStrength,
    /// All tables of the query if empty.
    pub of: Vec<QualifiedName>,
    pub wait: LockWait,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockStrength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LockWait {
    #[default]
    Block,
    NoWait,
    SkipLocked,
}
