//! Views over the catalogs, made for people: pg_tables, pg_views, pg_indexes, pg_sequences.

use std::sync::Arc;

use atoll_datum::{Oid, Result};

use super::relation::{named_indexes, tables as relations};
use super::row::{NULL, Rows};
use crate::catalog::privileges::has_privilege;
use crate::catalog::{POSTGRES_ROLE, RelationKind, Table};
use crate::ddl::names::schema_name;
use crate::function::definition;
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    view 12033 pg_tables (
        schemaname NAME, tablename NAME, tableowner NAME, tablespace NAME, hasindexes BOOL, hasrules BOOL,
        hastriggers BOOL, rowsecurity BOOL,
    ) = tables;
    view 12028 pg_views (
        schemaname NAME, viewname NAME, viewowner NAME, definition TEXT,
    ) = views;
    view 12038 pg_matviews (
        schemaname NAME, matviewname NAME, matviewowner NAME, tablespace NAME, hasindexes BOOL,
        ispopulated BOOL, definition TEXT,
    ) = materialized_views;
    view 12043 pg_indexes (
        schemaname NAME, tablename NAME, indexname NAME, tablespace NAME, indexdef TEXT,
    ) = indexes;
    view 12048 pg_sequences (
        schemaname NAME, sequencename NAME, sequenceowner NAME, data_type REGTYPE, start_value INT8,
        min_value INT8, max_value INT8, increment_by INT8, cycle BOOL, cache_size INT8, last_value INT8,
    ) = sequences;
}

pub(super) fn role_name(scope: &Scope, role: u32) -> String {
    scope.catalog.roles.get(&Oid(role)).map_or_else(|| format!("unknown (OID={role})"), |role| role.name.clone())
}

fn of_kind(scope: &Scope, kind: RelationKind) -> impl Iterator<Item = &Arc<Table>> {
    relations(scope).filter(move |table| table.kind() == kind)
}

fn tables(scope: &Scope) -> Result<Rows> {
    let system = super::tables().filter(|table| !table.is_view).map(|table| {
        let (schema, owner) = (schema_name(&scope.catalog, table.schema), role_name(scope, POSTGRES_ROLE.0));
        row![schema, table.name, owner, NULL, false, false, false, false]
    });
    let own = of_kind(scope, RelationKind::Table).map(|table| {
        row![
            schema_name(&scope.catalog, Oid(table.schema)),
            &table.name,
            role_name(scope, table.owner),
            NULL,
            named_indexes(table).next().is_some(),
            false,
            !table.foreign_keys.is_empty() || !table.referenced_by.is_empty(),
            false,
        ]
    });
    Ok(system.chain(own).collect())
}

/// Those of the system have no text: they are not made from one.
fn views(scope: &Scope) -> Result<Rows> {
    let system = super::tables().filter(|table| table.is_view).map(|table| {
        row![schema_name(&scope.catalog, table.schema), table.name, role_name(scope, POSTGRES_ROLE.0), NULL]
    });
    let own = of_kind(scope, RelationKind::View).map(|table| {
        Ok(row![
            schema_name(&scope.catalog, Oid(table.schema)),
            &table.name,
            role_name(scope, table.owner),
            definition::view(table)?,
        ])
    });
    system.map(Ok).chain(own).collect()
}

fn materialized_views(scope: &Scope) -> Result<Rows> {
    let own = of_kind(scope, RelationKind::MaterializedView).map(|table| {
        Ok(row![
            schema_name(&scope.catalog, Oid(table.schema)),
            &table.name,
            role_name(scope, table.owner),
            NULL,
            named_indexes(table).next().is_some(),
            !table.view.as_ref().is_some_and(|view| view.unfilled),
            definition::view(table)?,
        ])
    });
    own.collect()
}

fn indexes(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for table in relations(scope) {
        let schema = schema_name(&scope.catalog, Oid(table.schema));
        for index in named_indexes(table) {
            let text = definition::index(scope, table, index, false)?;
            rows.push(row![&schema, &table.name, &index.name, NULL, text]);
        }
    }
    Ok(rows)
}

/// What a sequence has handed out last is in the store, where a function may look (`pg_sequence_last_value`) and this
/// may not: the column is NULL.
fn sequences(scope: &Scope) -> Result<Rows> {
    let (database, role) = (scope.session.database, scope.session.current_user);
    let mut rows = Vec::new();
    for table in relations(scope) {
        let Some(of) = &table.sequence else { continue };
        let has = |letter| has_privilege(&scope.catalog, database, role, (&**table).into(), letter, false);
        if !"rwU".chars().any(has) {
            continue;
        }
        rows.push(row![
            schema_name(&scope.catalog, Oid(table.schema)),
            &table.name,
            role_name(scope, table.owner),
            of.type_oid,
            of.start,
            of.min,
            of.max,
            of.increment,
            of.cycle,
            of.cache,
            NULL,
        ]);
    }
    Ok(rows)
}
