//! Schemas, databases, roles, types, functions; and what is done alike with objects of all kinds: DROP, RENAME, COMMENT.

use super::{
    At, ColumnConstraint, ColumnDefinition, DropBehavior, Expr, Name, QualifiedName, Setting, SettingChange, Statement,
    TableConstraint, TableName, TypeName,
};

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

/// Tables and their like are changed by [`super::AlterTableAction::SetOwner`].
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
