//! `pg_catalog` and `information_schema`: relations that are computed from the catalog when they are read.
//!
//! A relation is its columns, as PostgreSQL 15 has them (names, order, types, NOT NULL, oids), and a function that makes
//! all of its rows: `row!` of values in the order of the columns. PostgreSQL's views are computed likewise, not
//! expanded. Columns of `information_schema` have the types under PostgreSQL's domains there, which is what clients are
//! told of them too.
//!
//! - [`row`]: from Rust values to rows
//! - [`relation`], [`constraint`], [`types`], [`builtin`], [`cluster`], [`depend`]: catalogs
//! - [`listing`], [`statistics`], [`activity`]: views over them, over what ANALYZE found, and over the sessions of this
//!   node
//! - [`topology`]: nodes and ranges, which PostgreSQL has not got
//! - [`information`], for information_schema
//! - [`empty`]: what describes features that Atoll has not got
//!
//! Indexes and TOAST tables of the system's own relations are not listed, and rows are those of this node's sessions
//! only. Nothing here is stored, so nobody can change it.
//!
//! INVARIANT: oids that the catalog's descriptors have not got (of column defaults, of rules) are made by
//! [`derived_oid`], the same on every node and each time.

#[macro_use]
mod row;

mod activity;
mod builtin;
pub mod cluster;
mod constraint;
mod depend;
mod empty;
mod information;
mod listing;
mod relation;
mod statistics;
mod topology;
mod types;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use atoll_datum::{Oid, Result};
use futures_util::future::BoxFuture;

pub use relation::{BTREE, Class, classes_of, rule_oid};
use row::Rows;
pub use row::wall_time;

use crate::session::Scope;

/// The catalogs that list objects, for those that tell of objects of any kind.
pub mod class {
    use atoll_datum::Oid;

    pub const TYPE: Oid = Oid(1247);
    pub const FUNCTION: Oid = Oid(1255);
    pub const RELATION: Oid = Oid(1259);
    pub const ROLE: Oid = Oid(1260);
    pub const DATABASE: Oid = Oid(1262);
    pub const DEFAULT: Oid = Oid(2604);
    pub const CONSTRAINT: Oid = Oid(2606);
    pub const SCHEMA: Oid = Oid(2615);
    pub const RULE: Oid = Oid(2618);
}

pub struct SystemTable {
    /// As PostgreSQL numbers it: pg_class is 1259.
    pub oid: Oid,
    pub schema: Oid,
    pub name: &'static str,
    pub is_view: bool,
    /// The type of its rows.
    pub row_type: Oid,
    pub columns: &'static [SystemColumn],
    pub rows: Source,
}

/// Where the rows of a system relation come from.
#[derive(Clone, Copy)]
pub enum Source {
    Here(fn(&Scope) -> Result<Rows>),
    /// Other nodes are asked.
    Asked(for<'a> fn(&'a Scope) -> BoxFuture<'a, Result<Rows>>),
}

impl Source {
    pub async fn rows(self, scope: &Scope) -> Result<Rows> {
        match self {
            Source::Here(rows) => rows(scope),
            Source::Asked(rows) => rows(scope).await,
        }
    }
}

pub struct SystemColumn {
    pub name: &'static str,
    pub ty: Oid,
    pub not_null: bool,
}

impl std::fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl SystemTable {
    /// The array of its rows: PostgreSQL numbers it before the row itself, but for those types that had theirs already.
    pub fn row_array_type(&self) -> Oid {
        const APART: &[(u32, u32)] = &[
            (71, 210),
            (75, 270),
            (81, 272),
            (83, 273),
            (1248, 10052),
            (2842, 10057),
            (2843, 10058),
            (4066, 10093),
            (6101, 10112),
        ];
        let apart = APART.iter().find(|(row, _)| *row == self.row_type.0);
        Oid(apart.map_or(self.row_type.0 - 1, |(_, array)| *array))
    }
}

const RELATIONS: &[&[SystemTable]] = &[
    relation::RELATIONS,
    constraint::RELATIONS,
    depend::RELATIONS,
    types::RELATIONS,
    builtin::RELATIONS,
    cluster::RELATIONS,
    listing::RELATIONS,
    activity::RELATIONS,
    statistics::RELATIONS,
    topology::RELATIONS,
    information::relation::RELATIONS,
    information::constraint::RELATIONS,
    information::privilege::RELATIONS,
    empty::CATALOG,
    empty::INFORMATION,
];

static BY_NAME: LazyLock<BTreeMap<(Oid, &'static str), &'static SystemTable>> =
    LazyLock::new(|| tables().map(|table| ((table.schema, table.name), table)).collect());

static BY_OID: LazyLock<BTreeMap<Oid, &'static SystemTable>> =
    LazyLock::new(|| tables().map(|table| (table.oid, table)).collect());

pub use activity::reads_own;

pub fn table(schema: Oid, name: &str) -> Option<&'static SystemTable> {
    BY_NAME.get(&(schema, name)).copied()
}

pub fn table_by_oid(oid: Oid) -> Option<&'static SystemTable> {
    BY_OID.get(&oid).copied()
}

pub fn tables() -> impl Iterator<Item = &'static SystemTable> {
    RELATIONS.iter().flat_map(|tables| tables.iter())
}

/// A number for something that belongs to an object and has none of its own. Descriptors are numbered from below, these
/// from above; what they are for is in the class they are asked in, so only two of one kind must differ.
pub fn derived_oid(of: u32, part: u32) -> Oid {
    // The default of column `part`, at most 1600, of table `of`: an FNV step spreads them over the upper half.
    let mixed = (of ^ 0x811c_9dc5).wrapping_mul(0x0100_0193).wrapping_add(part.wrapping_mul(0x9e37_79b1));
    Oid(mixed | 0x8000_0000)
}

#[cfg(test)]
mod tests;
