//! Tables, indexes, views, sequences: how they are made and changed.

use super::{
    At, Direction, DropBehavior, Expr, Indirection, Name, Nulls, ObjectKind, Operator, Persistence, QualifiedName,
    Query, RoleName, Setting, Statement, TableName, TypeName,
};

/// A column that is written to: `a`, `a.field`, `a[1]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assignee {
    pub column: Name,
    pub path: Vec<Indirection>,
}

// Tables

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTable {
    pub name: QualifiedName,
    pub persistence: Persistence,
    pub if_not_exists: bool,
    pub elements: Vec<TableElement>,
    /// `OF type`.
    pub of_type: Option<QualifiedName>,
    pub inherits: Vec<QualifiedName>,
    pub partition_of: Option<PartitionOf>,
    pub partition_by: Option<PartitionBy>,
    /// `USING method`.
    pub method: Option<Name>,
    pub options: Vec<Setting>,
    pub on_commit: Option<OnCommit>,
    pub tablespace: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableElement {
    Column(ColumnDefinition),
    Constraint(TableConstraint),
    Like(LikeTable),
}

/// A column of a table, of a composite type or of a function's result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnDefinition {
    pub name: Name,
    /// Only columns of typed tables and partitions have none.
    pub type_name: Option<TypeName>,
    pub compression: Option<Name>,
    pub collation: Option<QualifiedName>,
    pub constraints: Vec<ColumnConstraint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnConstraint {
    pub name: Option<Name>,
    pub kind: ColumnConstraintKind,
    pub timing: ConstraintTiming,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnConstraintKind {
    NotNull,
    Null,
    Default(Expr),
    Check {
        condition: Expr,
        no_inherit: bool,
    },
    Unique {
        nulls_not_distinct: bool,
        options: Vec<Setting>,
        tablespace: Option<Name>,
    },
    PrimaryKey {
        options: Vec<Setting>,
        tablespace: Option<Name>,
    },
    References(References),
    /// `GENERATED ALWAYS AS (expression) STORED`.
    Generated(Expr),
    Identity {
        always: bool,
        options: Vec<SequenceOption>,
    },
}

/// `None` where nothing was written: INITIALLY DEFERRED alone means DEFERRABLE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConstraintTiming {
    pub deferrable: Option<bool>,
    pub initially_deferred: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableConstraint {
    pub name: Option<Name>,
    pub kind: TableConstraintKind,
    pub timing: ConstraintTiming,
    pub not_valid: bool,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableConstraintKind {
    Check { condition: Expr, no_inherit: bool },
    Unique { nulls_not_distinct: bool, index: ConstraintIndex },
    PrimaryKey(ConstraintIndex),
    ForeignKey { columns: Vec<Name>, references: References },
    Exclude(Box<Exclude>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConstraintIndex {
    New {
        columns: Vec<Name>,
        include: Vec<Name>,
        options: Vec<Setting>,
        tablespace: Option<Name>,
    },
    /// `USING INDEX name`.
    Existing(Name),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exclude {
    pub method: Option<Name>,
    pub elements: Vec<(IndexColumn, Operator)>,
    pub include: Vec<Name>,
    pub options: Vec<Setting>,
    pub tablespace: Option<Name>,
    pub filter: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct References {
    pub table: QualifiedName,
    /// The primary key if empty.
    pub columns: Vec<Name>,
    pub match_kind: MatchKind,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MatchKind {
    #[default]
    Simple,
    Full,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    /// All columns of the key if empty; only ON DELETE may name some.
    SetNull(Vec<Name>),
    SetDefault(Vec<Name>),
}

/// `LIKE table INCLUDING ... EXCLUDING ...`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LikeTable {
    pub table: QualifiedName,
    /// In the order written; `true` is INCLUDING.
    pub options: Vec<(bool, LikeOption)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LikeOption {
    Comments,
    Compression,
    Constraints,
    Defaults,
    Identity,
    Generated,
    Indexes,
    Statistics,
    Storage,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionBy {
    /// `range`, `list`, `hash`: any word as far as the grammar goes.
    pub strategy: Name,
    pub columns: Vec<PartitionColumn>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionColumn {
    pub key: IndexKey,
    pub collation: Option<QualifiedName>,
    pub opclass: Option<QualifiedName>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionOf {
    pub parent: QualifiedName,
    pub bound: PartitionBound,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PartitionBound {
    Default,
    In(Vec<Expr>),
    /// `MINVALUE` and `MAXVALUE` are columns of that name.
    Range {
        from: Vec<Expr>,
        to: Vec<Expr>,
    },
    Hash {
        modulus: i32,
        remainder: i32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnCommit {
    PreserveRows,
    DeleteRows,
    Drop,
}

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTableAs {
    pub name: QualifiedName,
    pub materialized_view: bool,
    pub persistence: Persistence,
    pub if_not_exists: bool,
    pub columns: Vec<Name>,
    pub method: Option<Name>,
    pub options: Vec<Setting>,
    pub on_commit: Option<OnCommit>,
    pub tablespace: Option<Name>,
    /// A query or EXECUTE.
    pub source: Statement,
    pub with_data: bool,
}

/// ALTER TABLE, and the same actions on an index, a sequence, a view or a materialized view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterTable {
    pub kind: ObjectKind,
    pub table: TableName,
    pub if_exists: bool,
    pub actions: Vec<AlterTableAction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterTableAction {
    AddColumn {
        column: ColumnDefinition,
        if_not_exists: bool,
    },
    DropColumn {
        column: Name,
        if_exists: bool,
        behavior: DropBehavior,
    },
    SetDefault {
        column: Name,
        value: Expr,
    },
    DropDefault {
        column: Name,
    },
    SetNotNull {
        column: Name,
    },
    DropNotNull {
        column: Name,
    },
    DropExpression {
        column: Name,
        if_exists: bool,
    },
    /// The column's number instead of its name, for indexes on expressions.
    SetStatistics {
        column: Result<Name, i32>,
        target: i32,
    },
    SetColumnOptions {
        column: Name,
        options: Vec<Setting>,
    },
    ResetColumnOptions {
        column: Name,
        options: Vec<Setting>,
    },
    SetStorage {
        column: Name,
        storage: Name,
    },
    SetCompression {
        column: Name,
        compression: Name,
    },
    AddIdentity {
        column: Name,
        always: bool,
        options: Vec<SequenceOption>,
    },
    SetIdentity {
        column: Name,
        changes: Vec<IdentityChange>,
    },
    DropIdentity {
        column: Name,
        if_exists: bool,
    },
    SetType {
        column: Name,
        type_name: TypeName,
        collation: Option<QualifiedName>,
        using: Option<Expr>,
    },
    AddConstraint(TableConstraint),
    AlterConstraint {
        constraint: Name,
        timing: ConstraintTiming,
    },
    ValidateConstraint {
        constraint: Name,
    },
    DropConstraint {
        constraint: Name,
        if_exists: bool,
        behavior: DropBehavior,
    },
    SetWithoutOids,
    ClusterOn(Name),
    SetWithoutCluster,
    SetPersistence(Persistence),
    Trigger {
        enable: TriggerEnable,
        which: TriggerSelection,
    },
    Rule {
        enable: TriggerEnable,
        rule: Name,
    },
    Inherit(QualifiedName),
    NoInherit(QualifiedName),
    OfType(QualifiedName),
    NotOfType,
    SetOwner(RoleName),
    SetMethod(Name),
    SetTablespace(Name),
    SetOptions(Vec<Setting>),
    ResetOptions(Vec<Setting>),
    ReplicaIdentity(ReplicaIdentity),
    RowSecurity(RowSecurity),
    AttachPartition {
        partition: QualifiedName,
        bound: PartitionBound,
    },
    /// Of an index: it has no bound.
    AttachIndex(QualifiedName),
    DetachPartition {
        partition: QualifiedName,
        concurrently: bool,
        finalize: bool,
    },
    /// `SPLIT AT VALUES (...), (...)`.
    SplitAt(Vec<Vec<Expr>>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IdentityChange {
    /// None is a plain RESTART.
    Restart(Option<Box<str>>),
    Option(SequenceOption),
    /// `SET GENERATED ALWAYS` or `BY DEFAULT`.
    Generated {
        always: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerEnable {
    Enable,
    EnableAlways,
    EnableReplica,
    Disable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TriggerSelection {
    Name(Name),
    All,
    User,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReplicaIdentity {
    Nothing,
    Full,
    Default,
    Index(Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowSecurity {
    Enable,
    Disable,
    Force,
    NoForce,
}

// Indexes, views, sequences

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateIndex {
    pub name: Option<Name>,
    pub table: TableName,
    pub unique: bool,
    pub concurrently: bool,
    pub if_not_exists: bool,
    pub method: Option<Name>,
    pub columns: Vec<IndexColumn>,
    pub include: Vec<IndexColumn>,
    pub nulls_not_distinct: bool,
    pub options: Vec<Setting>,
    pub tablespace: Option<Name>,
    pub filter: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexColumn {
    pub key: IndexKey,
    pub collation: Option<QualifiedName>,
    pub opclass: Option<QualifiedName>,
    pub opclass_options: Vec<Setting>,
    /// Never `USING`.
    pub direction: Direction,
    pub nulls: Option<Nulls>,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexKey {
    Column(Name),
    Expr(Expr),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reindex {
    /// Index, table, schema or database; `REINDEX SYSTEM` has `system` in its options.
    pub kind: ObjectKind,
    pub system: bool,
    pub name: QualifiedName,
    pub concurrently: bool,
    pub options: Vec<Setting>,
}

/// A recursive view arrives as the query `WITH RECURSIVE` that PostgreSQL makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateView {
    pub name: QualifiedName,
    pub or_replace: bool,
    pub persistence: Persistence,
    pub columns: Vec<Name>,
    pub options: Vec<Setting>,
    pub query: Query,
    pub check: Option<CheckOption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckOption {
    Local,
    Cascaded,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshMaterializedView {
    pub name: QualifiedName,
    pub concurrently: bool,
    pub with_data: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateSequence {
    pub name: QualifiedName,
    pub persistence: Persistence,
    pub if_not_exists: bool,
    pub options: Vec<SequenceOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterSequence {
    pub name: QualifiedName,
    pub if_exists: bool,
    pub options: Vec<SequenceOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SequenceOption {
    pub kind: SequenceOptionKind,
    pub at: At,
}

/// Numbers are as written, with their sign: PostgreSQL reads them when the sequence is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SequenceOptionKind {
    As(TypeName),
    Cache(Box<str>),
    Cycle(bool),
    Increment(Box<str>),
    /// None is NO MAXVALUE.
    MaxValue(Option<Box<str>>),
    MinValue(Option<Box<str>>),
    /// A column; `none` alone takes the owner away.
    OwnedBy(QualifiedName),
    SequenceName(QualifiedName),
    Start(Box<str>),
    Restart(Option<Box<str>>),
}
