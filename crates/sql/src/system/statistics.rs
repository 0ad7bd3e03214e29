//! What is known of tables and their rows: pg_statistic and pg_stats as ANALYZE left them, pg_stat_…_tables with the
//! rows that this node has changed since it started. Nobody counts scans: those counts are 0.
//!
//! Arrays of values (anyarray) are texts within, as everywhere in the system's relations. Who may not read a column does
//! not see its values here either, in pg_statistic too, which PostgreSQL shows to superusers only.

use std::sync::Arc;

use atoll_datum::array::Array;
use atoll_datum::builtin::builtin;
use atoll_datum::io::{ArrayForm, Form};
use atoll_datum::{Datum, Oid, Result};

use super::relation::{Storage, named_indexes, tables};
use super::row::{NULL, Rows, floats, micros_time};
use crate::catalog::privileges::has_column_privilege;
use crate::catalog::{Column, ColumnOrdinal, RelationKind, Table};
use crate::ddl::names::schema_name;
use crate::function::name;
use crate::optimize::stats::{ColumnStatistics, Statistics};
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 2619 10029 pg_statistic (
        starelid OID, staattnum INT2, stainherit BOOL, stanullfrac FLOAT4, stawidth INT4, stadistinct FLOAT4,
        stakind1 INT2, stakind2 INT2, stakind3 INT2, stakind4 INT2, stakind5 INT2, staop1 OID, staop2 OID,
        staop3 OID, staop4 OID, staop5 OID, stacoll1 OID, stacoll2 OID, stacoll3 OID, stacoll4 OID,
        stacoll5 OID, stanumbers1 FLOAT4_ARRAY null, stanumbers2 FLOAT4_ARRAY null,
        stanumbers3 FLOAT4_ARRAY null, stanumbers4 FLOAT4_ARRAY null, stanumbers5 FLOAT4_ARRAY null,
        stavalues1 ANYARRAY null, stavalues2 ANYARRAY null, stavalues3 ANYARRAY null, stavalues4 ANYARRAY null,
        stavalues5 ANYARRAY null,
    ) = columns;
    view 12053 pg_stats (
        schemaname NAME, tablename NAME, attname NAME, inherited BOOL, null_frac FLOAT4, avg_width INT4,
        n_distinct FLOAT4, most_common_vals ANYARRAY, most_common_freqs FLOAT4_ARRAY, histogram_bounds ANYARRAY,
        correlation FLOAT4, most_common_elems ANYARRAY, most_common_elem_freqs FLOAT4_ARRAY,
        elem_count_histogram FLOAT4_ARRAY,
    ) = column_views;
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

fn system_tables(scope: &Scope) -> Result<Rows> {
    let tables = super::tables().filter(|table| !table.is_view);
    let rows = tables.map(|table| {
        let schema = schema_name(&scope.catalog, table.schema);
        row![
            table.oid, schema, table.name, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64,
            NULL, NULL, NULL, NULL, 0i64, 0i64, 0i64, 0i64,
        ]
    });
    Ok(rows.collect())
}

fn user_tables(scope: &Scope) -> Result<Rows> {
    let stored =
        tables(scope).filter(|table| matches!(table.kind(), RelationKind::Table | RelationKind::MaterializedView));
    let rows = stored.map(|table| {
        let known = scope.statistics.get(table.oid());
        let runs = known.map(|known| known.runs).unwrap_or_default();
        let total = scope.node.tallies.get(table.oid());
        let live = total.live.unwrap_or_else(|| known.map_or(0, |known| known.rows as u64));
        row![
            table.oid,
            schema_name(&scope.catalog, Oid(table.schema)),
            &table.name,
            0i64,
            0i64,
            0i64,
            0i64,
            total.inserted as i64,
            total.updated as i64,
            total.deleted as i64,
            0i64,
            live as i64,
            // Old versions go by themselves.
            0i64,
            total.changed as i64,
            0i64,
            NULL,
            NULL,
            runs.last_micros.map(micros_time),
            runs.last_automatic_micros.map(micros_time),
            0i64,
            0i64,
            runs.count as i64,
            runs.automatic_count as i64,
        ]
    });
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

// -------------------------------------------------------------------------------------------------------------- columns

/// Columns of the current database with statistics, those of tables that the role may not read left out.
fn known_columns(scope: &Scope) -> Vec<(&Table, &Column, &Statistics, &ColumnStatistics)> {
    let mut found = Vec::new();
    for table in tables(scope) {
        let Some(statistics) = scope.statistics.get(table.oid()) else { continue };
        for column in table.visible_columns() {
            let Some(known) = statistics.columns.get(&ColumnOrdinal(column.ordinal)) else { continue };
            let (database, role) = (scope.session.database, scope.session.current_user);
            if has_column_privilege(&scope.catalog, database, role, table, column, 'r') {
                found.push((&**table, column, &**statistics, known));
            }
        }
    }
    found
}

/// As in pg_statistic: a share of the rows, negative, where there are more as rows are added.
fn distinct(statistics: &Statistics, column: &ColumnStatistics) -> f32 {
    (if column.grows { -column.distinct / statistics.rows.max(1.0) } else { column.distinct }) as f32
}

/// The array's text; NULL if there are no values.
fn values<'v>(scope: &Scope, of: Oid, values: impl Iterator<Item = &'v Datum>) -> Datum {
    let values: Vec<Datum> = values.cloned().collect();
    // Not the array type's own form: there are no arrays of arrays, but a list of arrays is written like one.
    let element = name::form(scope, of).filter(|_| !values.is_empty());
    let Some(element) = element else { return NULL };
    let form = Form::Array(Arc::new(ArrayForm { element_type: of, element, delimiter: b',' }));
    let mut text = String::new();
    form.format(&Datum::Array(Arc::new(Array::new(of, values))), &scope.settings, &mut text);
    Datum::text(text)
}

fn common_values(scope: &Scope, column: &ColumnStatistics) -> (Datum, Datum) {
    if column.common.is_empty() {
        return (NULL, NULL);
    }
    let shares = floats(column.common.iter().map(|(_, share)| *share as f32));
    (values(scope, column.of, column.common.iter().map(|(value, _)| value)), shares)
}

fn column_views(scope: &Scope) -> Result<Rows> {
    let rows = known_columns(scope).into_iter().map(|(table, column, statistics, known)| {
        let (common, shares) = common_values(scope, known);
        row![
            schema_name(&scope.catalog, Oid(table.schema)),
            &table.name,
            &column.name,
            false,
            known.null_fraction as f32,
            (known.width + 0.5) as i32,
            distinct(statistics, known),
            common,
            shares,
            values(scope, known.of, known.histogram.iter()),
            known.correlation.map(|correlation| correlation as f32),
            NULL,
            NULL,
            NULL,
        ]
    });
    Ok(rows.collect())
}

// Of pg_statistic.stakind.
const COMMON: i16 = 1;
const HISTOGRAM: i16 = 2;
const CORRELATION: i16 = 3;

const SLOTS: usize = 5;

fn columns(scope: &Scope) -> Result<Rows> {
    Ok(known_columns(scope).into_iter().map(|known| column_row(scope, known)).collect())
}

fn column_row(
    scope: &Scope,
    (table, column, statistics, known): (&Table, &Column, &Statistics, &ColumnStatistics),
) -> Vec<Datum> {
    let operator = |name: &str| {
        let found = builtin().operators_named(name).find(|row| row.left == known.of && row.right == known.of);
        found.map_or(Oid::NONE, |row| row.oid)
    };
    let (common, shares) = common_values(scope, known);
    let histogram = values(scope, known.of, known.histogram.iter());
    let mut slots = Vec::with_capacity(SLOTS);
    if !common.is_null() {
        slots.push((COMMON, operator("="), shares, common));
    }
    if !histogram.is_null() {
        slots.push((HISTOGRAM, operator("<"), NULL, histogram));
    }
    if let Some(correlation) = known.correlation {
        slots.push((CORRELATION, operator("<"), floats([correlation as f32]), NULL));
    }
    let collation = Storage::of(&scope.catalog, known.of).collation;
    let mut row = row![
        table.oid,
        column.ordinal as i16,
        false,
        known.null_fraction as f32,
        (known.width + 0.5) as i32,
        distinct(statistics, known),
    ];
    let slot = |at: usize| slots.get(at);
    row.extend((0..SLOTS).map(|at| Datum::Int2(slot(at).map_or(0, |slot| slot.0))));
    row.extend((0..SLOTS).map(|at| Datum::Oid(slot(at).map_or(Oid::NONE, |slot| slot.1))));
    row.extend((0..SLOTS).map(|at| Datum::Oid(slot(at).map_or(Oid::NONE, |_| collation))));
    row.extend((0..SLOTS).map(|at| slot(at).map_or(NULL, |slot| slot.2.clone())));
    row.extend((0..SLOTS).map(|at| slot(at).map_or(NULL, |slot| slot.3.clone())));
    row
}
