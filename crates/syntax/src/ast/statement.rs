//! The list of all statements, and those that read, write, or steer transactions and the session.

use super::definition::*;
use super::object::*;
use super::{
    At, Call, DropBehavior, Expr, FromItem, LockWait, Name, QualifiedName, Query, Setting, SettingValue, TableName,
    Target, TypeName, With,
};

/// A statement and the part of the text it was read from, without the semicolon.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parsed {
    pub statement: Statement,
    /// Bytes of the whole text.
    pub start: At,
    pub end: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Copy(Box<Copy>),
    Truncate(Truncate),
    Call(Box<Call>),

    Transaction(Transaction),
    LockTable(LockTable),

    Prepare(Box<Prepare>),
    Execute(Execute),
    /// All of them if there is no name.
    Deallocate(Option<Name>),
    DeclareCursor(Box<DeclareCursor>),
    Fetch(Fetch),
    /// All of them if there is no name.
    CloseCursor(Option<Name>),

    Set(Set),
    /// All of them if there is no name.
    Reset(Option<Name>),
    Show(Show),
    SetConstraints(SetConstraints),
    Discard(Discard),

    Explain(Box<Explain>),
    Analyze(Analyze),
    Vacuum(Vacuum),
    Checkpoint,
    Cluster(Cluster),
    Listen(Name),
    /// Channel and payload.
    Notify(Name, Option<Box<str>>),
    /// All of them if there is no name.
    Unlisten(Option<Name>),

    CreateTable(Box<CreateTable>),
    CreateTableAs(Box<CreateTableAs>),
    AlterTable(Box<AlterTable>),
    CreateIndex(Box<CreateIndex>),
    Reindex(Reindex),
    CreateView(Box<CreateView>),
    RefreshMaterializedView(RefreshMaterializedView),
    CreateSequence(Box<CreateSequence>),
    AlterSequence(Box<AlterSequence>),
    CreateSchema(Box<CreateSchema>),
    CreateDatabase(CreateDatabase),
    AlterDatabase(AlterDatabase),
    DropDatabase(DropDatabase),
    CreateRole(CreateRole),
    AlterRole(AlterRole),
    AlterRoleSet(Box<AlterRoleSet>),
    AlterGroup(AlterGroup),
    DropRole(DropRole),
    AlterSystem(SettingChange),
    Grant(Box<Grant>),
    GrantRole(Box<GrantRole>),
    AlterDefaultPrivileges(Box<AlterDefaultPrivileges>),
    CreateType(Box<CreateType>),
    AlterType(Box<AlterType>),
    AlterEnum(AlterEnum),
    CreateDomain(Box<CreateDomain>),
    AlterDomain(Box<AlterDomain>),
    CreateExtension(CreateExtension),
    CreateFunction(Box<CreateFunction>),

    Drop(Drop),
    Rename(Box<Rename>),
    SetSchema(Box<SetSchema>),
    SetOwner(Box<SetOwner>),
    Comment(Box<Comment>),
    DropOwned(DropOwned),
    ReassignOwned(ReassignOwned),

    /// A statement of PostgreSQL that Atoll refuses, of which nothing was read but where it ends.
    Unsupported {
        what: Box<str>,
        at: At,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    pub with: Option<Box<With>>,
    pub table: QualifiedName,
    pub alias: Option<Name>,
    pub columns: Vec<Assignee>,
    pub overriding: Option<Overriding>,
    /// `DEFAULT VALUES` if there is none.
    pub source: Option<Query>,
    pub on_conflict: Option<OnConflict>,
    pub returning: Vec<Target>,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overriding {
    UserValue,
    SystemValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OnConflict {
    pub target: Option<ConflictTarget>,
    pub action: ConflictAction,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConflictTarget {
    Columns { columns: Vec<IndexColumn>, filter: Option<Expr> },
    Constraint(Name),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConflictAction {
    Nothing,
    Update { assignments: Vec<Assignment>, filter: Option<Expr> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Assignment {
    One {
        target: Assignee,
        value: Expr,
    },
    /// `(a, b) = (1, 2)`, `(a, b) = (SELECT ...)`.
    Many {
        targets: Vec<Assignee>,
        value: Expr,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    pub with: Option<Box<With>>,
    pub table: TableName,
    pub alias: Option<Name>,
    pub assignments: Vec<Assignment>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<Target>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delete {
    pub with: Option<Box<With>>,
    pub table: TableName,
    pub alias: Option<Name>,
    pub using: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<Target>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Merge {
    pub with: Option<Box<With>>,
    pub table: TableName,
    pub alias: Option<Name>,
    pub source: FromItem,
    pub condition: Expr,
    pub branches: Vec<MergeBranch>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MergeBranch {
    pub matched: bool,
    pub filter: Option<Expr>,
    pub action: MergeAction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MergeAction {
    Nothing,
    Delete,
    Update(Vec<Assignment>),
    /// `DEFAULT VALUES` if there are no values.
    Insert {
        columns: Vec<Assignee>,
        overriding: Option<Overriding>,
        values: Option<Vec<Expr>>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Copy {
    pub subject: CopySubject,
    pub direction: CopyDirection,
    pub endpoint: CopyEndpoint,
    /// Old spellings arrive under the new names: `CSV` is `format csv`.
    pub options: Vec<Setting>,
    pub filter: Option<Expr>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CopySubject {
    Table {
        name: QualifiedName,
        columns: Vec<Name>,
    },
    /// SELECT, or INSERT, UPDATE or DELETE with RETURNING.
    Statement(Box<Statement>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyDirection {
    From,
    To,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CopyEndpoint {
    /// STDIN or STDOUT.
    Client,
    File(Box<str>),
    Program(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Truncate {
    pub tables: Vec<TableName>,
    pub restart_identity: bool,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transaction {
    Begin(Vec<TransactionMode>),
    /// START TRANSACTION, which is the same under another tag.
    Start(Vec<TransactionMode>),
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(Name),
    Release(Name),
    RollbackTo(Name),
    Prepare(Box<str>),
    CommitPrepared(Box<str>),
    RollbackPrepared(Box<str>),
    /// `SET TRANSACTION ...`.
    Set(Vec<TransactionMode>),
    /// `SET SESSION CHARACTERISTICS AS TRANSACTION ...`.
    SetDefault(Vec<TransactionMode>),
    /// `SET TRANSACTION SNAPSHOT 'id'`.
    SetSnapshot(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransactionMode {
    Isolation(Isolation),
    ReadOnly(bool),
    Deferrable(bool),
    AsOf(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockTable {
    pub tables: Vec<TableName>,
    pub mode: LockMode,
    /// Never [`LockWait::SkipLocked`].
    pub wait: LockWait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prepare {
    pub name: Name,
    pub parameters: Vec<TypeName>,
    pub statement: Statement,
    /// Of `statement`.
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Execute {
    pub name: Name,
    pub arguments: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeclareCursor {
    pub name: Name,
    pub binary: bool,
    pub scroll: Option<bool>,
    /// `Some(true)` is INSENSITIVE, `Some(false)` ASENSITIVE.
    pub insensitive: Option<bool>,
    pub hold: bool,
    pub query: Query,
}

/// FETCH and MOVE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fetch {
    pub cursor: Name,
    pub direction: FetchDirection,
    pub count: FetchCount,
    pub only_move: bool,
}

/// NEXT is one forward, PRIOR one backward, FIRST absolute one, LAST absolute minus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FetchDirection {
    Forward,
    Backward,
    Absolute,
    Relative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FetchCount {
    Rows(i32),
    All,
}

/// `SET name = value` and its SQL spellings, which arrive as parameters: `SET TIME ZONE` is `timezone`, `SET NAMES`
/// `client_encoding`, `SET ROLE` `role`, `SET SESSION AUTHORIZATION` `session_authorization`, `SET SCHEMA` `search_path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    pub local: bool,
    /// With its dots, if it has any.
    pub name: Name,
    pub value: SetValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetValue {
    Default,
    Values(Vec<SettingValue>),
    /// Only where a function, role or database is altered.
    FromCurrent,
}

/// What ALTER ROLE, ALTER DATABASE, ALTER SYSTEM and CREATE FUNCTION do with a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SettingChange {
    Set(Set),
    /// All of them if there is no name.
    Reset(Option<Name>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    All,
    Parameter(Name),
    /// `SHOW RANGES FROM TABLE t`, `SHOW RANGES FROM INDEX i`.
    Ranges {
        of: ObjectKind,
        name: QualifiedName,
    },
    /// Two words or more, for Atoll's own lists.
    Words(Vec<Name>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetConstraints {
    /// All of them if empty.
    pub names: Vec<QualifiedName>,
    pub deferred: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temporary,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Explain {
    /// `EXPLAIN ANALYZE VERBOSE` arrives as `(analyze, verbose)`.
    pub options: Vec<Setting>,
    pub statement: Statement,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Analyze {
    pub options: Vec<Setting>,
    /// All tables if empty.
    pub tables: Vec<VacuumTable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vacuum {
    /// `VACUUM FULL FREEZE` arrives as `(full, freeze)`.
    pub options: Vec<Setting>,
    /// All tables if empty.
    pub tables: Vec<VacuumTable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VacuumTable {
    pub name: QualifiedName,
    pub columns: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    pub options: Vec<Setting>,
    pub table: Option<QualifiedName>,
    pub index: Option<Name>,
}
