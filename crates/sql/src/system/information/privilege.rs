//! Roles, what was granted to whom, and what views use.

use std::collections::BTreeSet;

use atoll_datum::{Datum, Oid, Result};

use super::{Seen, yes_or_no};
use crate::catalog::privileges::{Securable, acts_as, effective, name_of};
use crate::catalog::{DATABASE_OWNER_ROLE, Grant, POSTGRES_ROLE, RelationKind, Table};
use crate::session::Scope;
use crate::system::listing::role_name;
use crate::system::relation::tables;
use crate::system::row::Rows;

relations! { INFORMATION_SCHEMA, RELATIONS:
    view 13236 applicable_roles (
        grantee NAME, role_name NAME, is_grantable VARCHAR,
    ) = applicable;
    view 13241 administrable_role_authorizations (
        grantee NAME, role_name NAME, is_grantable VARCHAR,
    ) = administrable;
    view 13325 enabled_roles (
        role_name NAME,
    ) = enabled;
    view 13416 table_privileges (
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME,
        privilege_type VARCHAR, is_grantable VARCHAR, with_hierarchy VARCHAR,
    ) = on_tables;
    view 13285 column_privileges (
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME,
        privilege_type VARCHAR, is_grantable VARCHAR,
    ) = on_columns;
    view 13421 role_table_grants (
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME,
        privilege_type VARCHAR, is_grantable VARCHAR, with_hierarchy VARCHAR,
    ) = role_on_tables;
    view 13344 role_column_grants (
        grantor NAME, grantee NAME, table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME,
        privilege_type VARCHAR, is_grantable VARCHAR,
    ) = role_on_columns;
    view 13454 usage_privileges (
        grantor NAME, grantee NAME, object_catalog NAME, object_schema NAME, object_name NAME,
        object_type VARCHAR, privilege_type VARCHAR, is_grantable VARCHAR,
    ) = usage;
    view 13459 role_usage_grants (
        grantor NAME, grantee NAME, object_catalog NAME, object_schema NAME, object_name NAME,
        object_type VARCHAR, privilege_type VARCHAR, is_grantable VARCHAR,
    ) = role_usage;
    view 13478 view_table_usage (
        view_catalog NAME, view_schema NAME, view_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME,
    ) = view_tables;
    view 13468 view_column_usage (
        view_catalog NAME, view_schema NAME, view_name NAME, table_catalog NAME, table_schema NAME,
        table_name NAME, column_name NAME,
    ) = view_columns;
}

fn applicable(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for role in scope.catalog.roles.values().filter(|role| seen.owns(role.oid)) {
        for of in &role.member_of {
            rows.push(row![&role.name, role_name(scope, of.role), yes_or_no(of.admin)]);
        }
    }
    let owner = scope.catalog.databases.get(&scope.session.database).map(|database| database.owner);
    if let Some(owner) = owner.filter(|owner| seen.owns(*owner)) {
        rows.push(row![role_name(scope, owner), role_name(scope, DATABASE_OWNER_ROLE.0), "NO"]);
    }
    Ok(rows)
}

fn administrable(scope: &Scope) -> Result<Rows> {
    let mut rows = applicable(scope)?;
    rows.retain(|row| row.last() == Some(&Datum::text("YES")));
    Ok(rows)
}

fn enabled(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let roles = scope.catalog.roles.values().filter(|role| seen.owns(role.oid));
    Ok(roles.map(|role| row![&role.name]).collect())
}

// --------------------------------------------------------------------------------------------------------------- grants

/// One privilege of one grant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    grantor: u32,
    grantee: u32,
    letter: char,
    is_grantable: bool,
}

const PUBLIC: u32 = 0;

impl Given {
    fn of(seen: &Seen<'_>, owner: u32, grants: &[Grant], letters: &str) -> Vec<Given> {
        let scope = seen.scope;
        let mut found = Vec::new();
        for grant in grants {
            for letter in grant.letters.chars().filter(|letter| letters.contains(*letter)) {
                let (database, grantee) = (scope.session.database, Oid(grant.grantee));
                let owns = grant.grantee != PUBLIC && acts_as(&scope.catalog, database, grantee, Oid(owner));
                let is_grantable = owns || grant.grantable.contains(letter);
                found.push(Given { grantor: grant.grantor, grantee: grant.grantee, letter, is_grantable });
            }
        }
        found
    }

    fn grantee_name(&self, scope: &Scope) -> String {
        if self.grantee == PUBLIC { "PUBLIC".to_owned() } else { role_name(scope, self.grantee) }
    }

    /// Everybody sees what was given to everybody; `role_…` views do not show it.
    fn is_seen(&self, seen: &Seen<'_>, public: bool) -> bool {
        let by_grantee = if self.grantee == PUBLIC { public } else { seen.owns(self.grantee) };
        by_grantee || seen.owns(self.grantor)
    }
}

fn table_rows(scope: &Scope, public: bool) -> Rows {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    let mut note = |schema: u32, name: &str, owner: u32, grants: &[Grant]| {
        let schema = seen.schema(schema);
        let given = Given::of(&seen, owner, grants, Securable::Table.letters());
        for given in given.into_iter().filter(|given| given.is_seen(&seen, public)) {
            rows.push(row![
                role_name(scope, given.grantor),
                given.grantee_name(scope),
                seen.database,
                &schema,
                name,
                name_of(given.letter),
                yes_or_no(given.is_grantable),
                yes_or_no(given.letter == 'r'),
            ]);
        }
    };
    for table in crate::system::tables() {
        note(table.schema.0, table.name, POSTGRES_ROLE.0, &system_grants(table.name));
    }
    for table in seen.relations() {
        let grants = effective(Securable::Table, Oid(table.owner), &table.privileges);
        note(table.schema, &table.name, table.owner, &grants);
    }
    rows
}

/// The owner's, and that everybody may read what has no passwords in it.
fn system_grants(name: &str) -> Vec<Grant> {
    let mut grants = effective(Securable::Table, POSTGRES_ROLE, &[]);
    if !matches!(name, "pg_authid" | "pg_shadow") {
        let grantor = POSTGRES_ROLE.0;
        grants.push(Grant { grantee: PUBLIC, grantor, letters: "r".to_owned(), grantable: String::new() });
    }
    grants
}

fn on_tables(scope: &Scope) -> Result<Rows> {
    Ok(table_rows(scope, true))
}

fn role_on_tables(scope: &Scope) -> Result<Rows> {
    Ok(table_rows(scope, false))
}

/// Grants on a whole table are on each of its columns; so are those that were made on a column, once.
fn column_rows(scope: &Scope, public: bool) -> Rows {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    let mut note = |schema: &str, table: &str, column: &str, given: &BTreeSet<Given>| {
        for given in given.iter().filter(|given| given.is_seen(&seen, public)) {
            rows.push(row![
                role_name(scope, given.grantor),
                given.grantee_name(scope),
                seen.database,
                schema,
                table,
                column,
                name_of(given.letter),
                yes_or_no(given.is_grantable),
            ]);
        }
    };
    let letters = Securable::Column.letters();
    for table in crate::system::tables() {
        let schema = seen.schema(table.schema.0);
        let grants = system_grants(table.name);
        let given = Given::of(&seen, POSTGRES_ROLE.0, &grants, letters).into_iter().collect();
        table.columns.iter().for_each(|column| note(&schema, table.name, column.name, &given));
    }
    for table in seen.relations() {
        let schema = seen.schema(table.schema);
        let grants = effective(Securable::Table, Oid(table.owner), &table.privileges);
        let on_table: BTreeSet<Given> = Given::of(&seen, table.owner, &grants, letters).into_iter().collect();
        for column in table.visible_columns() {
            let mut given = on_table.clone();
            given.extend(Given::of(&seen, table.owner, &column.privileges, letters));
            note(&schema, &table.name, &column.name, &given);
        }
    }
    rows
}

fn on_columns(scope: &Scope) -> Result<Rows> {
    Ok(column_rows(scope, true))
}

fn role_on_columns(scope: &Scope) -> Result<Rows> {
    Ok(column_rows(scope, false))
}

/// Of sequences, and of collations, which everybody may use.
fn usage_rows(scope: &Scope, public: bool) -> Rows {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    if public || seen.owns(POSTGRES_ROLE.0) {
        let owner = role_name(scope, POSTGRES_ROLE.0);
        rows.extend(
            ["default", "C", "POSIX"]
                .into_iter()
                .map(|name| row![&owner, "PUBLIC", seen.database, "pg_catalog", name, "COLLATION", "USAGE", "NO"]),
        );
    }
    for table in tables(scope).filter(|table| table.kind() == RelationKind::Sequence) {
        let given = Given::of(&seen, table.owner, &table.privileges, "U");
        for given in given.into_iter().filter(|given| given.is_seen(&seen, public)) {
            rows.push(row![
                role_name(scope, given.grantor),
                given.grantee_name(scope),
                seen.database,
                seen.schema(table.schema),
                &table.name,
                "SEQUENCE",
                "USAGE",
                yes_or_no(given.is_grantable),
            ]);
        }
    }
    rows
}

fn usage(scope: &Scope) -> Result<Rows> {
    Ok(usage_rows(scope, true))
}

fn role_usage(scope: &Scope) -> Result<Rows> {
    Ok(usage_rows(scope, false))
}

// ---------------------------------------------------------------------------------------------------------------- views

/// Views, and the users' relations that each reads and that the user owns, with the columns that it reads.
fn uses<'a>(seen: &Seen<'a>) -> Vec<(&'a Table, &'a Table, &'a [u32])> {
    let mut found = Vec::new();
    for view in seen.relations() {
        let Some(of) = &view.view else { continue };
        for used in &of.uses {
            let columns = of.reads.iter().find(|read| read.relation == *used).map(|read| read.columns.as_slice());
            if let Some(table) = seen.scope.catalog.table(Oid(*used)).filter(|table| seen.owns(table.owner)) {
                found.push((&**view, &**table, columns.unwrap_or_default()));
            }
        }
    }
    found
}

fn view_tables(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let row = |(view, table, _): (&Table, &Table, &[u32])| {
        row![seen.database, seen.schema(view.schema), &view.name, seen.database, seen.schema(table.schema), &table.name,]
    };
    Ok(uses(&seen).into_iter().map(row).collect())
}

fn view_columns(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for (view, table, columns) in uses(&seen) {
        let read = table.live_columns().filter(|column| columns.contains(&column.ordinal));
        rows.extend(read.map(|column| {
            row![
                seen.database,
                seen.schema(view.schema),
                &view.name,
                seen.database,
                seen.schema(table.schema),
                &table.name,
                &column.name,
            ]
        }));
    }
    Ok(rows)
}
