//! information_schema, as far as PostgreSQL fills it: everybody sees what they own or have a privilege on.
//!
//! - [`relation`]: schemas, tables, columns, views, sequences
//! - [`constraint`]: constraints and the columns they are on
//! - [`privilege`]: roles and grants
//!
//! Routines and their parameters are left out: there are only built-in ones.

pub mod constraint;
pub mod privilege;
pub mod relation;

use std::sync::Arc;

use atoll_datum::Oid;

use super::SystemTable;
use super::relation::tables;
use crate::catalog::privileges::{Object, acts_as, has_column_privilege, has_privilege, is_superuser};
use crate::catalog::{RelationKind, Table};
use crate::ddl::names::schema_name;
use crate::session::Scope;

fn yes_or_no(value: bool) -> &'static str {
    if value { "YES" } else { "NO" }
}

/// What the current user sees.
struct Seen<'a> {
    scope: &'a Scope,
    /// The current database, which the standard calls a catalog.
    database: &'a str,
}

impl<'a> Seen<'a> {
    fn by(scope: &'a Scope) -> Seen<'a> {
        let database = scope.catalog.databases.get(&scope.session.database);
        Seen { scope, database: database.map_or("", |database| &database.name) }
    }

    fn schema(&self, schema: u32) -> String {
        schema_name(&self.scope.catalog, Oid(schema))
    }

    fn owns(&self, owner: u32) -> bool {
        let session = &self.scope.session;
        acts_as(&self.scope.catalog, session.database, session.current_user, Oid(owner))
    }

    /// Has any of these privileges.
    fn has(&self, object: Object<'_>, letters: &str) -> bool {
        let session = &self.scope.session;
        let has =
            |letter| has_privilege(&self.scope.catalog, session.database, session.current_user, object, letter, false);
        letters.chars().any(has)
    }

    /// Has any of these on the table, or on a column of it where they are of the kind that columns have.
    fn may_use(&self, table: &Table, letters: &str) -> bool {
        let session = &self.scope.session;
        let on_column = |letter| {
            table.visible_columns().any(|column| {
                let (database, role) = (session.database, session.current_user);
                has_column_privilege(&self.scope.catalog, database, role, table, column, letter)
            })
        };
        self.owns(table.owner)
            || self.has(table.into(), letters)
            || letters.chars().filter(|letter| "arwx".contains(*letter)).any(on_column)
    }

    /// The users' tables and views; materialized ones are unknown to the standard.
    fn relations(&self) -> impl Iterator<Item = &'a Arc<Table>> + use<'a> {
        let is_known = |table: &&Arc<Table>| matches!(table.kind(), RelationKind::Table | RelationKind::View);
        tables(self.scope).filter(is_known)
    }

    /// The users' tables that the user owns or may do more with than read them.
    fn constrained(&self) -> impl Iterator<Item = &'a Arc<Table>> + use<'_, 'a> {
        self.relations().filter(|table| table.kind() == RelationKind::Table && self.may_use(table, "awdDxt"))
    }

    /// Those of the system are read by everybody, except where passwords are.
    fn system_relations(&self) -> impl Iterator<Item = &'static SystemTable> + use<> {
        let superuser = is_superuser(&self.scope.catalog, self.scope.session.current_user);
        super::tables().filter(move |table| superuser || !matches!(table.name, "pg_authid" | "pg_shadow"))
    }
}

/// What the standard calls the constraint behind NOT NULL.
fn not_null_name(schema: u32, table: u32, ordinal: u32) -> String {
    format!("{schema}_{table}_{ordinal}_not_null")
}
