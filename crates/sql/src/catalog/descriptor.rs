//! What the database knows of each object, as it is stored and as everybody reads it.
//!
//! A descriptor is one value in the store (see [`super::store`]), and immutable in memory: a change makes a new one with
//! a higher version. Expressions in it are SQL text, printed from their tree with every name qualified, and bound again
//! where they are used.
//!
//! INVARIANT: a column's ordinal and an index's id are never used again in their table. Rows written before a column
//! was dropped still carry its bytes under its ordinal.

use atoll_datum::Oid;
use prost::{Enumeration, Message};

use crate::types::Type;

/// Of a column in its table: what PostgreSQL calls attnum, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ColumnOrdinal(pub u32);

/// Of an index in its table; the primary index is 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IndexId(pub u32);

#[derive(Clone, PartialEq, Message)]
pub struct Database {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint32, tag = "3")]
    pub owner: u32,
    #[prost(message, repeated, tag = "4")]
    pub privileges: Vec<Grant>,
    /// ALTER DATABASE … SET.
    #[prost(message, repeated, tag = "5")]
    pub settings: Vec<SettingDefault>,
    #[prost(bool, tag = "6")]
    pub is_template: bool,
    #[prost(bool, tag = "7")]
    pub refuses_connections: bool,
    #[prost(string, optional, tag = "8")]
    pub comment: Option<String>,
    #[prost(sint32, tag = "9")]
    pub connection_limit: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Schema {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(uint32, tag = "2")]
    pub database: u32,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(uint32, tag = "4")]
    pub owner: u32,
    #[prost(message, repeated, tag = "5")]
    pub privileges: Vec<Grant>,
    #[prost(string, optional, tag = "6")]
    pub comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Role {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(bool, tag = "3")]
    pub superuser: bool,
    #[prost(bool, tag = "4")]
    pub inherit: bool,
    #[prost(bool, tag = "5")]
    pub create_role: bool,
    #[prost(bool, tag = "6")]
    pub create_database: bool,
    #[prost(bool, tag = "7")]
    pub login: bool,
    #[prost(bool, tag = "8")]
    pub replication: bool,
    #[prost(bool, tag = "9")]
    pub bypass_row_security: bool,
    /// -1 is none.
    #[prost(sint32, tag = "10")]
    pub connection_limit: i32,
    /// `SCRAM-SHA-256$…`, as in pg_authid.
    #[prost(string, optional, tag = "11")]
    pub password: Option<String>,
    /// Microseconds since 2000-01-01 UTC.
    #[prost(sint64, optional, tag = "12")]
    pub valid_until: Option<i64>,
    /// Roles of which this one is a member.
    #[prost(message, repeated, tag = "13")]
    pub member_of: Vec<Membership>,
    /// ALTER ROLE … SET.
    #[prost(message, repeated, tag = "14")]
    pub settings: Vec<SettingDefault>,
    #[prost(string, optional, tag = "15")]
    pub comment: Option<String>,
    /// ALTER DEFAULT PRIVILEGES of objects that this role makes.
    #[prost(message, repeated, tag = "16")]
    pub default_privileges: Vec<DefaultPrivileges>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Membership {
    #[prost(uint32, tag = "1")]
    pub role: u32,
    #[prost(uint32, tag = "2")]
    pub grantor: u32,
    #[prost(bool, tag = "3")]
    pub admin: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct SettingDefault {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
    /// Of a role, in this database only; 0 is everywhere.
    #[prost(uint32, tag = "3")]
    pub database: u32,
}

/// Privileges as letters, as in an aclitem: `arwdDxt` for tables, `U` usage, `C` create, `c` connect, `T` temporary,
/// `X` execute.
#[derive(Clone, PartialEq, Message)]
pub struct Grant {
    /// 0 is PUBLIC.
    #[prost(uint32, tag = "1")]
    pub grantee: u32,
    #[prost(uint32, tag = "2")]
    pub grantor: u32,
    #[prost(string, tag = "3")]
    pub letters: String,
    /// Those of `letters` that may be granted on.
    #[prost(string, tag = "4")]
    pub grantable: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct DefaultPrivileges {
    /// 0 is all schemas.
    #[prost(uint32, tag = "1")]
    pub schema: u32,
    /// As in pg_default_acl.defaclobjtype: `r`, `S`, `f`, `T`, `n`.
    #[prost(string, tag = "2")]
    pub object: String,
    #[prost(message, repeated, tag = "3")]
    pub grants: Vec<Grant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum RelationKind {
    Table = 0,
    View = 1,
    Sequence = 2,
    MaterializedView = 3,
}

/// Anything that pg_class lists, indexes excepted: they are part of their table.
#[derive(Clone, PartialEq, Message)]
pub struct Table {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(uint32, tag = "2")]
    pub schema: u32,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(uint32, tag = "4")]
    pub owner: u32,
    #[prost(enumeration = "RelationKind", tag = "5")]
    pub kind: i32,
    /// Raised by one with each change.
    #[prost(uint64, tag = "6")]
    pub version: u64,
    /// Dropped ones too, in the order of their ordinals.
    #[prost(message, repeated, tag = "7")]
    pub columns: Vec<Column>,
    /// Of a table the first is the primary index.
    #[prost(message, repeated, tag = "8")]
    pub indexes: Vec<Index>,
    #[prost(message, repeated, tag = "9")]
    pub checks: Vec<Check>,
    #[prost(message, repeated, tag = "10")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Tables with foreign keys to this one, itself perhaps among them.
    #[prost(uint32, repeated, tag = "11")]
    pub referenced_by: Vec<u32>,
    #[prost(message, repeated, tag = "12")]
    pub privileges: Vec<Grant>,
    #[prost(string, optional, tag = "13")]
    pub comment: Option<String>,
    #[prost(message, optional, tag = "14")]
    pub view: Option<View>,
    #[prost(message, optional, tag = "15")]
    pub sequence: Option<Sequence>,
    #[prost(uint32, tag = "16")]
    pub next_index: u32,
    /// The type of its rows, and the array of that.
    #[prost(uint32, tag = "17")]
    pub row_type: u32,
    #[prost(uint32, tag = "18")]
    pub row_array_type: u32,
    /// What it was made from cannot go without it: views that use it, sequences that its columns own.
    #[prost(message, repeated, tag = "19")]
    pub dependents: Vec<Dependent>,
    /// WITH (...) and whatever else is remembered and shown but has no meaning here.
    #[prost(message, repeated, tag = "20")]
    pub options: Vec<SettingDefault>,
    /// When its rows were last moved into new indexes: a snapshot before this can't read it.
    #[prost(uint64, tag = "21")]
    pub rewritten_wall_ns: u64,
    #[prost(bool, tag = "22")]
    pub unlogged: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Column {
    #[prost(uint32, tag = "1")]
    pub ordinal: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint32, tag = "3")]
    pub type_oid: u32,
    #[prost(sint32, tag = "4")]
    pub type_modifier: i32,
    #[prost(bool, tag = "5")]
    pub not_null: bool,
    /// SQL.
    #[prost(string, optional, tag = "6")]
    pub default: Option<String>,
    /// GENERATED ALWAYS AS (…) STORED; SQL.
    #[prost(string, optional, tag = "7")]
    pub generated: Option<String>,
    /// `a`lways or by `d`efault AS IDENTITY.
    #[prost(string, optional, tag = "8")]
    pub identity: Option<String>,
    /// The sequence behind SERIAL or IDENTITY; 0 is none.
    #[prost(uint32, tag = "9")]
    pub sequence: u32,
    #[prost(bool, tag = "10")]
    pub dropped: bool,
    /// The row id of a table without a primary key: not in `*`, not in pg_attribute.
    #[prost(bool, tag = "11")]
    pub hidden: bool,
    #[prost(string, optional, tag = "12")]
    pub comment: Option<String>,
    #[prost(message, repeated, tag = "13")]
    pub privileges: Vec<Grant>,
    /// For rows written before ADD COLUMN … DEFAULT: the default's value then, in the row encoding of one column.
    #[prost(bytes = "vec", optional, tag = "14")]
    pub missing: Option<Vec<u8>>,
    /// ALTER COLUMN … SET STATISTICS; -1 is the default.
    #[prost(sint32, tag = "15")]
    pub statistics_target: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum IndexState {
    /// Read and written.
    Public = 0,
    /// Kept up to date by writers, not yet filled with what was there before.
    WriteOnly = 1,
    /// On its way out: entries are only deleted.
    DeleteOnly = 2,
}

#[derive(Clone, PartialEq, Message)]
pub struct Index {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// As a relation; 0 for the hidden primary index of a table without a primary key.
    #[prost(uint32, tag = "2")]
    pub oid: u32,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(bool, tag = "4")]
    pub unique: bool,
    #[prost(message, repeated, tag = "5")]
    pub keys: Vec<IndexKey>,
    /// Covered columns besides the key's.
    #[prost(uint32, repeated, tag = "6")]
    pub include: Vec<u32>,
    /// WHERE of a partial index; SQL.
    #[prost(string, optional, tag = "7")]
    pub predicate: Option<String>,
    /// The oid of the PRIMARY KEY or UNIQUE constraint it carries; 0 is none.
    #[prost(uint32, tag = "8")]
    pub constraint: u32,
    #[prost(bool, tag = "9")]
    pub primary: bool,
    #[prost(enumeration = "IndexState", tag = "10")]
    pub state: i32,
    #[prost(bool, tag = "11")]
    pub nulls_not_distinct: bool,
    #[prost(string, optional, tag = "12")]
    pub comment: Option<String>,
    #[prost(bool, tag = "13")]
    pub deferrable: bool,
    #[prost(bool, tag = "14")]
    pub initially_deferred: bool,
    /// WITH (...).
    #[prost(message, repeated, tag = "15")]
    pub options: Vec<SettingDefault>,
    /// COMMENT ON CONSTRAINT, which is not one on the index.
    #[prost(string, optional, tag = "16")]
    pub constraint_comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct IndexKey {
    /// 0 if it is an expression.
    #[prost(uint32, tag = "1")]
    pub column: u32,
    /// SQL.
    #[prost(string, optional, tag = "2")]
    pub expression: Option<String>,
    #[prost(uint32, tag = "3")]
    pub type_oid: u32,
    #[prost(sint32, tag = "4")]
    pub type_modifier: i32,
    #[prost(bool, tag = "5")]
    pub descending: bool,
    #[prost(bool, tag = "6")]
    pub nulls_first: bool,
    /// As it was named, for pg_get_indexdef; empty is the type's default.
    #[prost(string, tag = "7")]
    pub operator_class: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Check {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    /// SQL.
    #[prost(string, tag = "3")]
    pub expression: String,
    /// Holds for new rows only, until it is validated.
    #[prost(bool, tag = "4")]
    pub not_valid: bool,
    #[prost(string, optional, tag = "5")]
    pub comment: Option<String>,
    #[prost(bool, tag = "6")]
    pub no_inherit: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum ForeignAction {
    NoAction = 0,
    Restrict = 1,
    Cascade = 2,
    SetNull = 3,
    SetDefault = 4,
}

#[derive(Clone, PartialEq, Message)]
pub struct ForeignKey {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint32, repeated, tag = "3")]
    pub columns: Vec<u32>,
    #[prost(uint32, tag = "4")]
    pub referenced_table: u32,
    #[prost(uint32, repeated, tag = "5")]
    pub referenced_columns: Vec<u32>,
    /// The oid of the unique index of the referenced table that its columns are those of.
    #[prost(uint32, tag = "6")]
    pub referenced_index: u32,
    #[prost(enumeration = "ForeignAction", tag = "7")]
    pub on_delete: i32,
    #[prost(enumeration = "ForeignAction", tag = "8")]
    pub on_update: i32,
    /// Of SET NULL (columns), SET DEFAULT (columns): only these. Empty is all.
    #[prost(uint32, repeated, tag = "9")]
    pub set_columns: Vec<u32>,
    #[prost(bool, tag = "10")]
    pub match_full: bool,
    #[prost(bool, tag = "11")]
    pub deferrable: bool,
    #[prost(bool, tag = "12")]
    pub initially_deferred: bool,
    #[prost(bool, tag = "13")]
    pub not_valid: bool,
    #[prost(string, optional, tag = "14")]
    pub comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct View {
    /// SQL, every name qualified.
    #[prost(string, tag = "1")]
    pub query: String,
    /// `l`ocal or `c`ascaded; empty is none.
    #[prost(string, tag = "2")]
    pub check_option: String,
    /// Relations that it reads.
    #[prost(uint32, repeated, tag = "3")]
    pub uses: Vec<u32>,
    /// And which columns of them.
    #[prost(message, repeated, tag = "4")]
    pub reads: Vec<Dependent>,
    /// A materialized view that was never filled: WITH NO DATA.
    #[prost(bool, tag = "5")]
    pub unfilled: bool,
    /// Of each of `uses` the last column that it had: names in the query never mean a younger one. Empty in views that
    /// were made before this was kept.
    #[prost(uint32, repeated, tag = "6")]
    pub last_columns: Vec<u32>,
    /// Oids of the primary keys without which its GROUP BY would be wrong.
    #[prost(uint32, repeated, tag = "7")]
    pub keys: Vec<u32>,
}

impl View {
    /// The last column of the relation that the query knows of.
    pub fn last_column_of(&self, relation: Oid) -> Option<u32> {
        let place = self.uses.iter().position(|used| *used == relation.0)?;
        self.last_columns.get(place).copied()
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct Sequence {
    #[prost(uint32, tag = "1")]
    pub type_oid: u32,
    #[prost(sint64, tag = "2")]
    pub start: i64,
    #[prost(sint64, tag = "3")]
    pub increment: i64,
    #[prost(sint64, tag = "4")]
    pub min: i64,
    #[prost(sint64, tag = "5")]
    pub max: i64,
    #[prost(sint64, tag = "6")]
    pub cache: i64,
    #[prost(bool, tag = "7")]
    pub cycle: bool,
    /// OWNED BY; 0 is nobody.
    #[prost(uint32, tag = "8")]
    pub owner_table: u32,
    #[prost(uint32, tag = "9")]
    pub owner_column: u32,
    /// Where its value lies; changes with TRUNCATE … RESTART and ALTER … RESTART in a transaction.
    #[prost(uint32, tag = "10")]
    pub storage: u32,
    /// What this storage begins with, if not with `start`: a value, and whether it was handed out already.
    #[prost(sint64, optional, tag = "11")]
    pub initial: Option<i64>,
    #[prost(bool, tag = "12")]
    pub initial_called: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Dependent {
    #[prost(uint32, tag = "1")]
    pub relation: u32,
    /// Of this table; empty is the whole.
    #[prost(uint32, repeated, tag = "2")]
    pub columns: Vec<u32>,
}

/// A user's enum type.
#[derive(Clone, PartialEq, Message)]
pub struct UserType {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(uint32, tag = "2")]
    pub array_oid: u32,
    #[prost(uint32, tag = "3")]
    pub schema: u32,
    #[prost(string, tag = "4")]
    pub name: String,
    #[prost(uint32, tag = "5")]
    pub owner: u32,
    /// In their order.
    #[prost(message, repeated, tag = "6")]
    pub labels: Vec<Label>,
    #[prost(message, repeated, tag = "7")]
    pub privileges: Vec<Grant>,
    #[prost(string, optional, tag = "8")]
    pub comment: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Label {
    #[prost(uint32, tag = "1")]
    pub oid: u32,
    #[prost(string, tag = "2")]
    pub label: String,
}

impl Table {
    pub fn oid(&self) -> Oid {
        Oid(self.oid)
    }

    /// Those that exist: not dropped; hidden ones too.
    pub fn live_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.dropped)
    }

    /// What `*` means.
    pub fn visible_columns(&self) -> impl Iterator<Item = &Column> {
        self.live_columns().filter(|column| !column.hidden)
    }

    pub fn column(&self, ordinal: ColumnOrdinal) -> Option<&Column> {
        // Ordinals count from 1 without gaps: dropped columns stay in the list.
        self.columns.get((ordinal.0 as usize).checked_sub(1)?)
    }

    pub fn column_named(&self, name: &str) -> Option<&Column> {
        self.live_columns().find(|column| column.name == name)
    }

    /// Of a table.
    pub fn primary(&self) -> &Index {
        &self.indexes[0]
    }

    pub fn index(&self, id: IndexId) -> Option<&Index> {
        self.indexes.iter().find(|index| index.id == id.0)
    }

    /// Has a PRIMARY KEY, rather than a hidden row id.
    pub fn has_primary_key(&self) -> bool {
        self.indexes.first().is_some_and(|index| index.constraint != 0)
    }
}

impl Column {
    pub fn ordinal(&self) -> ColumnOrdinal {
        ColumnOrdinal(self.ordinal)
    }

    pub fn ty(&self) -> Type {
        Type::with_modifier(Oid(self.type_oid), self.type_modifier)
    }
}

impl Index {
    pub fn id(&self) -> IndexId {
        IndexId(self.id)
    }
}

impl IndexKey {
    pub fn ty(&self) -> Type {
        Type::with_modifier(Oid(self.type_oid), self.type_modifier)
    }
}
