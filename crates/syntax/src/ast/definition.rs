//! CREATE, ALTER, DROP, GRANT and their parts.

use super::{
    At, Direction, DropBehavior, Expr, Indirection, Name, Nulls, Operator, Persistence, QualifiedName, Query, Setting,
    SettingChange, Statement, TableName, TypeName,
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

/// `None` where nothing was written.
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

// Schemas, databases, roles, privileges

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateSchema {
    /// The role's name if there is none.
    pub name: Option<Name>,
    pub authorization: Option<RoleName>,
    pub if_not_exists: bool,
    /// Tables, indexes, sequences, views, grants.
    pub elements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateDatabase {
    pub name: Name,
    /// A value of None is DEFAULT.
    pub options: Vec<Setting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterDatabase {
    pub name: Name,
    pub action: AlterDatabaseAction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterDatabaseAction {
    Options(Vec<Setting>),
    Setting(SettingChange),
    SetTablespace(Name),
    RefreshCollationVersion,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropDatabase {
    pub name: Name,
    pub if_exists: bool,
    pub force: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleName {
    pub kind: RoleNameKind,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoleNameKind {
    Name(Box<str>),
    CurrentRole,
    CurrentUser,
    SessionUser,
    /// The role that is everybody.
    Public,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateRole {
    pub name: RoleName,
    /// CREATE USER: may log in unless the options say otherwise.
    pub user: bool,
    pub options: Vec<RoleOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleOption {
    pub kind: RoleOptionKind,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoleOptionKind {
    Superuser(bool),
    CreateDatabase(bool),
    CreateRole(bool),
    Inherit(bool),
    Login(bool),
    Replication(bool),
    BypassRowSecurity(bool),
    ConnectionLimit(i32),
    /// None is PASSWORD NULL.
    Password(Option<Box<str>>),
    ValidUntil(Box<str>),
    InRole(Vec<RoleName>),
    /// Also `USER`.
    Role(Vec<RoleName>),
    Admin(Vec<RoleName>),
    SystemId(i32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterRole {
    pub role: RoleName,
    pub options: Vec<RoleOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterRoleSet {
    /// All roles if there is none.
    pub role: Option<RoleName>,
    pub database: Option<Name>,
    pub change: SettingChange,
}

/// `ALTER GROUP g ADD USER a, b`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterGroup {
    pub group: RoleName,
    pub add: bool,
    pub members: Vec<RoleName>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropRole {
    pub roles: Vec<RoleName>,
    pub if_exists: bool,
}

/// GRANT and REVOKE on objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    pub revoke: bool,
    /// Everything (ALL PRIVILEGES) if empty and no columns are named.
    pub privileges: Vec<Privilege>,
    pub on: GrantObjects,
    pub grantees: Vec<RoleName>,
    /// WITH GRANT OPTION, or GRANT OPTION FOR.
    pub grant_option: bool,
    pub granted_by: Option<RoleName>,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Privilege {
    /// None is ALL, only with columns.
    pub name: Option<Name>,
    pub columns: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GrantObjects {
    /// Tables, sequences, databases, schemas, types, ...; `kind` is of all of them.
    Named {
        kind: ObjectKind,
        names: Vec<QualifiedName>,
    },
    /// Functions, procedures or routines.
    Routines(Vec<ObjectName>),
    LargeObjects(Vec<Box<str>>),
    /// `ALL TABLES IN SCHEMA a, b`: tables, sequences, functions, procedures or routines.
    AllIn {
        kind: ObjectKind,
        schemas: Vec<Name>,
    },
    /// Only in ALTER DEFAULT PRIVILEGES: what is made from now on; also types and schemas.
    Future(ObjectKind),
}

/// `GRANT role TO role`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrantRole {
    pub revoke: bool,
    pub roles: Vec<Privilege>,
    pub grantees: Vec<RoleName>,
    /// WITH ADMIN OPTION, or ADMIN OPTION FOR.
    pub admin_option: bool,
    pub granted_by: Option<RoleName>,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterDefaultPrivileges {
    /// The current role if empty.
    pub roles: Vec<RoleName>,
    /// Anywhere if empty.
    pub schemas: Vec<Name>,
    pub grant: Grant,
}

// Types, domains, extensions, functions

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateType {
    pub name: QualifiedName,
    pub kind: CreateTypeKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CreateTypeKind {
    Enum(Vec<Box<str>>),
    Composite(Vec<ColumnDefinition>),
    Range(Vec<Setting>),
    /// `CREATE TYPE t`.
    Shell,
}

/// Of a composite type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterType {
    pub name: QualifiedName,
    pub actions: Vec<AlterTypeAction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterTypeAction {
    AddAttribute { attribute: ColumnDefinition, behavior: DropBehavior },
    DropAttribute { attribute: Name, if_exists: bool, behavior: DropBehavior },
    SetType { attribute: Name, type_name: TypeName, collation: Option<QualifiedName>, behavior: DropBehavior },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterEnum {
    pub name: QualifiedName,
    pub action: AlterEnumAction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterEnumAction {
    AddValue { value: Box<str>, if_not_exists: bool, neighbor: Option<EnumNeighbor> },
    RenameValue { from: Box<str>, to: Box<str> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EnumNeighbor {
    Before(Box<str>),
    After(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateDomain {
    pub name: QualifiedName,
    pub type_name: TypeName,
    pub collation: Option<QualifiedName>,
    pub constraints: Vec<ColumnConstraint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterDomain {
    pub name: QualifiedName,
    pub action: AlterDomainAction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterDomainAction {
    SetDefault(Expr),
    DropDefault,
    SetNotNull,
    DropNotNull,
    AddConstraint(TableConstraint),
    DropConstraint { constraint: Name, if_exists: bool, behavior: DropBehavior },
    ValidateConstraint { constraint: Name },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateExtension {
    pub name: Name,
    pub if_not_exists: bool,
    pub schema: Option<Name>,
    pub version: Option<Box<str>>,
    pub cascade: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateFunction {
    pub name: QualifiedName,
    pub or_replace: bool,
    pub procedure: bool,
    pub parameters: Vec<FunctionParameter>,
    pub returns: Option<FunctionResult>,
    pub options: Vec<FunctionOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FunctionParameter {
    pub mode: ParameterMode,
    pub name: Option<Name>,
    pub type_name: TypeName,
    pub default: Option<Expr>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParameterMode {
    /// Nothing was written, which means IN.
    #[default]
    Default,
    In,
    Out,
    InOut,
    Variadic,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FunctionResult {
    Type(TypeName),
    Table(Vec<(Name, TypeName)>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FunctionOption {
    Language(Box<str>),
    /// `AS 'body'`, `AS 'file', 'symbol'`.
    As(Box<str>, Option<Box<str>>),
    /// `RETURN e` and `BEGIN ATOMIC ... END`, as text.
    SqlBody(Box<str>),
    Strict(bool),
    Immutable,
    Stable,
    Volatile,
    SecurityDefiner(bool),
    Leakproof(bool),
    Window,
    Cost(Box<str>),
    Rows(Box<str>),
    Support(QualifiedName),
    Parallel(Name),
    Setting(SettingChange),
    Transform(Vec<TypeName>),
}

// All kinds of objects

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    AccessMethod,
    Aggregate,
    /// Of a composite type.
    Attribute,
    Cast,
    Collation,
    Column,
    Constraint,
    Conversion,
    Database,
    Domain,
    DomainConstraint,
    EventTrigger,
    Extension,
    ForeignDataWrapper,
    ForeignTable,
    Function,
    Index,
    Language,
    LargeObject,
    MaterializedView,
    Operator,
    OperatorClass,
    OperatorFamily,
    /// A configuration parameter, in GRANT.
    Parameter,
    Policy,
    Procedure,
    Publication,
    Role,
    Routine,
    Rule,
    Schema,
    Sequence,
    Server,
    Statistics,
    Subscription,
    Table,
    Tablespace,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Transform,
    Trigger,
    Type,
    View,
}

/// What tells one object of its kind from the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    pub kind: ObjectKind,
    /// Of a column: the table's name and the column's. Of a cast: empty.
    pub name: QualifiedName,
    pub rest: ObjectNameRest,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectNameRest {
    None,
    /// Of a function or aggregate, if they were written.
    Parameters(Vec<FunctionParameter>),
    /// Of an aggregate: `(*)`, or what follows ORDER BY.
    Aggregate {
        direct: Vec<FunctionParameter>,
        ordered: Option<Vec<FunctionParameter>>,
    },
    /// Left and right of an operator; None is NONE.
    Operands(Option<Box<TypeName>>, Option<Box<TypeName>>),
    /// The table of a trigger, rule, policy or constraint; the domain of a domain's constraint.
    On(QualifiedName),
    Cast(Box<TypeName>, Box<TypeName>),
    /// The access method of an operator class or family; the language of a transform, whose type is in `name`.
    Using(Name),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Drop {
    pub objects: Vec<ObjectName>,
    pub if_exists: bool,
    pub concurrently: bool,
    pub behavior: DropBehavior,
}

/// ALTER ... RENAME TO. Columns, attributes and constraints name their table, type or domain in `of`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rename {
    pub object: ObjectName,
    /// Which kind of relation was written before a column or constraint.
    pub of: Option<(ObjectKind, TableName)>,
    pub if_exists: bool,
    pub to: Name,
    /// Of an attribute.
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetSchema {
    pub object: ObjectName,
    pub if_exists: bool,
    pub schema: Name,
}

/// Tables and their like are changed by [`AlterTableAction::SetOwner`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetOwner {
    pub object: ObjectName,
    pub owner: RoleName,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Comment {
    pub object: ObjectName,
    /// None takes the comment away.
    pub text: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropOwned {
    pub roles: Vec<RoleName>,
    pub behavior: DropBehavior,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReassignOwned {
    pub roles: Vec<RoleName>,
    pub to: RoleName,
}
