//! Constraints, and the columns and tables they are on.

use atoll_datum::{Datum, Oid, Result};

use super::{Seen, not_null_name, yes_or_no};
use crate::catalog::{Index, RelationKind, Table};
use crate::function::definition::{self, action_text};
use crate::session::Scope;
use crate::system::constraint::{columns_of_check, referenced_index};
use crate::system::row::{NULL, Rows};

relations! { INFORMATION_SCHEMA, RELATIONS:
    view 13411 table_constraints (
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, table_catalog NAME,
        table_schema NAME, table_name NAME, constraint_type VARCHAR, is_deferrable VARCHAR,
        initially_deferred VARCHAR, enforced VARCHAR, nulls_distinct VARCHAR,
    ) = table_constraints;
    view 13329 key_column_usage (
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, table_catalog NAME,
        table_schema NAME, table_name NAME, column_name NAME, ordinal_position INT4,
        position_in_unique_constraint INT4,
    ) = key_columns;
    view 13339 referential_constraints (
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, unique_constraint_catalog NAME,
        unique_constraint_schema NAME, unique_constraint_name NAME, match_option VARCHAR, update_rule VARCHAR,
        delete_rule VARCHAR,
    ) = referential;
    view 13300 constraint_column_usage (
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, constraint_catalog NAME,
        constraint_schema NAME, constraint_name NAME,
    ) = columns_used;
    view 13305 constraint_table_usage (
        table_catalog NAME, table_schema NAME, table_name NAME, constraint_catalog NAME, constraint_schema NAME,
        constraint_name NAME,
    ) = tables_used;
    view 13260 check_constraints (
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, check_clause VARCHAR,
    ) = checks;
}

/// PRIMARY KEY and UNIQUE.
fn keys(table: &Table) -> impl Iterator<Item = &Index> {
    table.indexes.iter().filter(|index| index.constraint != 0)
}

fn column_name(table: &Table, ordinal: u32) -> &str {
    table.columns.iter().find(|column| column.ordinal == ordinal).map_or("", |column| &column.name)
}

/// Ordinals and names of columns that are NOT NULL, which is a constraint without a name.
fn not_null_columns(table: &Table) -> impl Iterator<Item = (u32, &str)> {
    let columns = table.visible_columns().filter(|column| column.not_null);
    columns.map(|column| (column.ordinal, column.name.as_str()))
}

fn table_constraints(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for table in seen.constrained() {
        let schema = seen.schema(table.schema);
        let mut note = |name: &str, kind: &str, deferrable: bool, deferred: bool, nulls_distinct: Datum| {
            rows.push(row![
                seen.database,
                &schema,
                name,
                seen.database,
                &schema,
                &table.name,
                kind,
                yes_or_no(deferrable),
                yes_or_no(deferred),
                "YES",
                nulls_distinct,
            ]);
        };
        for index in keys(table) {
            let kind = if index.primary { "PRIMARY KEY" } else { "UNIQUE" };
            let nulls_distinct = match index.primary {
                true => NULL,
                false => Datum::text(yes_or_no(!index.nulls_not_distinct)),
            };
            note(&index.name, kind, index.deferrable, index.initially_deferred, nulls_distinct);
        }
        for key in &table.foreign_keys {
            note(&key.name, "FOREIGN KEY", key.deferrable, key.initially_deferred, NULL);
        }
        for check in &table.checks {
            note(&check.name, "CHECK", false, false, NULL);
        }
        for (ordinal, _) in not_null_columns(table) {
            note(&not_null_name(table.schema, table.oid, ordinal), "CHECK", false, false, NULL);
        }
    }
    Ok(rows)
}

fn key_columns(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for table in seen.relations().filter(|table| seen.may_use(table, "arwx")) {
        let schema = seen.schema(table.schema);
        let mut note = |name: &str, column: u32, place: usize, referenced: Option<usize>| {
            rows.push(row![
                seen.database,
                &schema,
                name,
                seen.database,
                &schema,
                &table.name,
                column_name(table, column),
                place as i32 + 1,
                referenced.map(|place| place as i32 + 1),
            ]);
        };
        for index in keys(table) {
            index.keys.iter().enumerate().for_each(|(place, key)| note(&index.name, key.column, place, None));
        }
        for key in &table.foreign_keys {
            let index = referenced_index(scope, key).map(|(_, index)| index);
            for (place, (column, referenced)) in key.columns.iter().zip(&key.referenced_columns).enumerate() {
                // The key may name the columns in another order than the index it points to.
                let position = index.and_then(|index| index.keys.iter().position(|key| key.column == *referenced));
                note(&key.name, *column, place, position);
            }
        }
    }
    Ok(rows)
}

fn referential(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for table in seen.constrained() {
        let schema = seen.schema(table.schema);
        for key in &table.foreign_keys {
            let unique = referenced_index(scope, key).filter(|(_, index)| index.constraint != 0);
            rows.push(row![
                seen.database,
                &schema,
                &key.name,
                unique.map(|_| seen.database),
                unique.map(|(table, _)| seen.schema(table.schema)),
                unique.map(|(_, index)| &index.name),
                if key.match_full { "FULL" } else { "NONE" },
                action_text(key.on_update()),
                action_text(key.on_delete()),
            ]);
        }
    }
    Ok(rows)
}

/// A column that a constraint is about: for a foreign key the referenced one.
struct Used<'a> {
    of: &'a Table,
    column: u32,
    constraint: &'a str,
    constraint_schema: u32,
    is_check: bool,
}

fn used<'a>(seen: &Seen<'a>) -> Vec<Used<'a>> {
    let mut found = Vec::new();
    let scope = seen.scope;
    for table in seen.relations().filter(|table| table.kind() == RelationKind::Table) {
        let mut note = |of: &'a Table, column: u32, constraint: &'a str, is_check: bool| {
            found.push(Used { of, column, constraint, constraint_schema: table.schema, is_check });
        };
        for check in &table.checks {
            columns_of_check(table, check).into_iter().for_each(|column| note(table, column, &check.name, true));
        }
        for index in keys(table) {
            index.keys.iter().for_each(|key| note(table, key.column, &index.name, false));
        }
        for key in &table.foreign_keys {
            let Some(referenced) = scope.catalog.table(Oid(key.referenced_table)) else { continue };
            key.referenced_columns.iter().for_each(|column| note(referenced, *column, &key.name, false));
        }
    }
    found.retain(|used| seen.owns(used.of.owner));
    found
}

fn columns_used(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let row = |used: Used<'_>| {
        row![
            seen.database,
            seen.schema(used.of.schema),
            &used.of.name,
            column_name(used.of, used.column),
            seen.database,
            seen.schema(used.constraint_schema),
            used.constraint,
        ]
    };
    Ok(used(&seen).into_iter().map(row).collect())
}

fn tables_used(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut used: Vec<Used<'_>> = used(&seen).into_iter().filter(|used| !used.is_check).collect();
    // A key of several columns is listed once: its columns follow each other.
    let identity = |used: &Used<'_>| (used.of.oid, used.constraint_schema, used.constraint.to_owned());
    used.dedup_by(|a, b| identity(a) == identity(b));
    let row = |used: Used<'_>| {
        row![
            seen.database,
            seen.schema(used.of.schema),
            &used.of.name,
            seen.database,
            seen.schema(used.constraint_schema),
            used.constraint,
        ]
    };
    Ok(used.into_iter().map(row).collect())
}

fn checks(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for table in seen.relations().filter(|table| table.kind() == RelationKind::Table && seen.owns(table.owner)) {
        let schema = seen.schema(table.schema);
        for check in &table.checks {
            let shown = definition::check(scope, check, false)?;
            // Without the word CHECK.
            let clause = shown.strip_prefix("CHECK ").unwrap_or(&shown);
            rows.push(row![seen.database, &schema, &check.name, clause]);
        }
        for (ordinal, name) in not_null_columns(table) {
            let constraint = not_null_name(table.schema, table.oid, ordinal);
            rows.push(row![seen.database, &schema, constraint, format!("{name} IS NOT NULL")]);
        }
    }
    Ok(rows)
}
