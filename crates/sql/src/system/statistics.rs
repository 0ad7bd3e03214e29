//! pg_stat_…_tables and pg_stat_…_indexes: which relations there are. Nobody counts how they are used: all counts are 0.

use atoll_datum::{Datum, Oid, Result};

use super::relation::{named_indexes, tables};
use super::row::{NULL, Rows};
use crate::catalog::RelationKind;
use crate::ddl::names::schema_name;
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    view 12142 pg_stat_all_tables (
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8,
        idx_tup_fetch INT8, n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8,
        n_dead_tup INT8, n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ,
        last_autovacuum TIMESTAMPTZ, last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8,
        autovacuum_count INT8, analyze_count INT8, autoanalyze_count INT8,
    ) = all_tables;
    view 12152 pg_stat_sys_tables (
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8,
        idx_tup_fetch INT8, n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8,
        n_dead_tup INT8, n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ,
        last_autovacuum TIMESTAMPTZ, last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8,
        autovacuum_count INT8, analyze_count INT8, autoanalyze_count INT8,
    ) = system_tables;
    view 12161 pg_stat_user_tables (
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8,
        idx_tup_fetch INT8, n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8,
        n_dead_tup INT8, n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ,
        last_autovacuum TIMESTAMPTZ, last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8,
        autovacuum_count INT8, analyze_count INT8, autoanalyze_count INT8,
    ) = user_tables;
    view 12183 pg_stat_all_indexes (
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_scan INT8,
        idx_tup_read INT8, idx_tup_fetch INT8,
    ) = indexes;
    view 12192 pg_stat_user_indexes (
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_scan INT8,
        idx_tup_read INT8, idx_tup_fetch INT8,
    ) = indexes;
}

fn table_row(oid: Oid, schema: String, name: &str) -> Vec<Datum> {
    row![
        oid, schema, name, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, NULL, NULL, NULL,
        NULL, 0i64, 0i64, 0i64, 0i64,
    ]
}

fn system_tables(scope: &Scope) -> Result<Rows> {
    let tables = super::tables().filter(|table| !table.is_view);
    let row = |table: &super::SystemTable| table_row(table.oid, schema_name(&scope.catalog, table.schema), table.name);
    Ok(tables.map(row).collect())
}

fn user_tables(scope: &Scope) -> Result<Rows> {
    let stored =
        tables(scope).filter(|table| matches!(table.kind(), RelationKind::Table | RelationKind::MaterializedView));
    let rows = stored.map(|table| table_row(table.oid(), schema_name(&scope.catalog, Oid(table.schema)), &table.name));
    Ok(rows.collect())
}

fn all_tables(scope: &Scope) -> Result<Rows> {
    let mut rows = system_tables(scope)?;
    rows.extend(user_tables(scope)?);
    Ok(rows)
}

/// Those of users: the system's relations have none here.
fn indexes(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for table in tables(scope) {
        let schema = schema_name(&scope.catalog, Oid(table.schema));
        for index in named_indexes(table) {
            rows.push(row![table.oid, index.oid, &schema, &table.name, &index.name, 0i64, 0i64, 0i64]);
        }
    }
    Ok(rows)
}
