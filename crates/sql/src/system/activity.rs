//! What goes on, on this node: sessions, locks; and what sessions are told: settings, time zones.

use std::collections::BTreeMap;

use atoll_datum::array::Array;
use atoll_datum::time::Interval;
use atoll_datum::time::abbreviations::{self, Meaning};
use atoll_datum::time::zone::{self, Zone};
use atoll_datum::{Datum, Oid, Result, oid};

use super::row::{NULL, Rows, texts, wall_time};
use crate::catalog::privileges::acts_as;
use crate::session::locks::{Listed, Tag};
use crate::session::node::{Backend, BackendState, Build};
use crate::session::variables::{self, Definition, Kind};
use crate::session::{OwnCursor, OwnPrepared, Scope};

relations! { PG_CATALOG, RELATIONS:
    view 12222 pg_stat_activity (
        datid OID, datname NAME, pid INT4, leader_pid INT4, usesysid OID, usename NAME, application_name TEXT,
        client_addr INET, client_hostname TEXT, client_port INT4, backend_start TIMESTAMPTZ,
        xact_start TIMESTAMPTZ, query_start TIMESTAMPTZ, state_change TIMESTAMPTZ, wait_event_type TEXT,
        wait_event TEXT, state TEXT, backend_xid XID, backend_xmin XID, query_id INT8, query TEXT,
        backend_type TEXT,
    ) = activity;
    view 12073 pg_locks (
        locktype TEXT, database OID, relation OID, page INT4, tuple INT2, virtualxid TEXT, transactionid XID,
        classid OID, objid OID, objsubid INT2, virtualtransaction TEXT, pid INT4, mode TEXT, granted BOOL,
        fastpath BOOL, waitstart TIMESTAMPTZ,
    ) = locks;
    view 12077 pg_cursors (
        name TEXT, statement TEXT, is_holdable BOOL, is_binary BOOL, is_scrollable BOOL,
        creation_time TIMESTAMPTZ,
    ) = cursors;
    view 12095 pg_prepared_statements (
        name TEXT, statement TEXT, prepare_time TIMESTAMPTZ, parameter_types REGTYPE_ARRAY, from_sql BOOL,
        generic_plans INT8, custom_plans INT8,
    ) = prepared;
    view 12312 pg_stat_progress_create_index (
        pid INT4, datid OID, datname NAME, relid OID, index_relid OID, command TEXT, phase TEXT,
        lockers_total INT8, lockers_done INT8, current_locker_pid INT8, blocks_total INT8, blocks_done INT8,
        tuples_total INT8, tuples_done INT8, partitions_total INT8, partitions_done INT8,
    ) = builds;
    view 12104 pg_settings (
        name TEXT, setting TEXT, unit TEXT, category TEXT, short_desc TEXT, extra_desc TEXT, context TEXT,
        vartype TEXT, source TEXT, min_val TEXT, max_val TEXT, enumvals TEXT_ARRAY, boot_val TEXT,
        reset_val TEXT, sourcefile TEXT, sourceline INT4, pending_restart BOOL,
    ) = settings;
    view 12126 pg_timezone_names (
        name TEXT, abbrev TEXT, utc_offset INTERVAL, is_dst BOOL,
    ) = zones;
    view 12122 pg_timezone_abbrevs (
        abbrev TEXT, utc_offset INTERVAL, is_dst BOOL,
    ) = abbreviations;
    view 12266 pg_stat_database (
        datid OID, datname NAME, numbackends INT4, xact_commit INT8, xact_rollback INT8, blks_read INT8,
        blks_hit INT8, tup_returned INT8, tup_fetched INT8, tup_inserted INT8, tup_updated INT8,
        tup_deleted INT8, conflicts INT8, temp_files INT8, temp_bytes INT8, deadlocks INT8,
        checksum_failures INT8, checksum_last_failure TIMESTAMPTZ, blk_read_time FLOAT8, blk_write_time FLOAT8,
        session_time FLOAT8, active_time FLOAT8, idle_in_transaction_time FLOAT8, sessions INT8,
        sessions_abandoned INT8, sessions_fatal INT8, sessions_killed INT8, stats_reset TIMESTAMPTZ,
    ) = databases;
}

const READ_ALL_STATS: Oid = Oid(3375);

/// What others run is shown to those who may see it.
fn may_see(scope: &Scope, user: Oid) -> bool {
    let acts = |of| acts_as(&scope.catalog, scope.session.database, scope.session.current_user, of);
    acts(user) || acts(READ_ALL_STATS)
}

fn activity(scope: &Scope) -> Result<Rows> {
    let waits = scope.node.locks.list().into_iter().filter(|lock| !lock.granted);
    let waits = waits.map(|lock| (lock.pid, lock.tag)).collect();
    Ok(scope.node.backends().iter().map(|backend| activity_row(scope, backend, &waits)).collect())
}

/// `waits`: for which lock of a session somebody waits.
fn activity_row(scope: &Scope, backend: &Backend, waits: &BTreeMap<i32, Tag>) -> Vec<Datum> {
    let of = backend.activity.lock();
    let database = scope.catalog.databases.get(&of.database).map(|database| database.name.as_str());
    let user = scope.catalog.roles.get(&of.user).map(|role| role.name.as_str());
    if !may_see(scope, of.user) {
        let hidden = "<insufficient privilege>";
        return row![
            of.database,
            database,
            backend.pid,
            NULL,
            of.user,
            user,
            &of.application_name,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            hidden,
            NULL,
        ];
    }
    let wait = match of.state {
        BackendState::Active if of.waits_for_row => Some(("Lock", "transactionid")),
        BackendState::Active => waits.get(&backend.pid).map(|tag| ("Lock", kind_of(tag))),
        _ => Some(("Client", "ClientRead")),
    };
    row![
        of.database,
        database,
        backend.pid,
        NULL,
        of.user,
        user,
        &of.application_name,
        of.client_address.map(|address| address.ip().to_string()),
        NULL,
        // As PostgreSQL has it for a connection within the machine.
        of.client_address.map_or(-1, |address| i32::from(address.port())),
        wall_time(of.backend_start_ns),
        wall_time(of.transaction_start_ns),
        wall_time(of.query_start_ns),
        wall_time(of.state_change_ns),
        wait.map(|(kind, _)| kind),
        wait.map(|(_, event)| event),
        of.state.name(),
        NULL,
        NULL,
        NULL,
        &*of.query,
        "client backend",
    ]
}

fn locks(scope: &Scope) -> Result<Rows> {
    Ok(scope.node.locks.list().iter().map(lock_row).collect())
}

fn kind_of(tag: &Tag) -> &'static str {
    match tag {
        Tag::Relation { .. } => "relation",
        Tag::Object { .. } => "object",
        Tag::Advisory { .. } => "advisory",
    }
}

fn lock_row(lock: &Listed) -> Vec<Datum> {
    let (database, relation, class, object, part) = match lock.tag {
        Tag::Relation { database, relation } => (database, Some(relation), None, None, None),
        Tag::Object { class, object } => (Oid::NONE, None, Some(class), Some(object), Some(0)),
        Tag::Advisory { database, key } => {
            let (class, object, part) = key.parts();
            (database, None, Some(Oid(class)), Some(Oid(object)), Some(part as i16))
        }
    };
    row![
        kind_of(&lock.tag),
        database,
        relation,
        NULL,
        NULL,
        NULL,
        NULL,
        class,
        object,
        part,
        NULL,
        lock.pid,
        lock.mode.name(),
        lock.granted,
        lock.is_fast,
        lock.waiting_since_ns.map(wall_time),
    ]
}

/// Whether the relation shows what the session keeps.
pub fn reads_own(relation: Oid) -> bool {
    [12077, 12095].contains(&relation.0)
}

fn cursors(scope: &Scope) -> Result<Rows> {
    let own = scope.own.lock();
    let row = |of: &OwnCursor| row![&of.name, &*of.text, of.hold, of.binary, of.scroll, wall_time(of.created_ns)];
    Ok(own.cursors.iter().map(row).collect())
}

/// How often a plan was for all parameters and how often for some isn't counted.
fn prepared(scope: &Scope) -> Result<Rows> {
    let own = scope.own.lock();
    let row = |of: &OwnPrepared| {
        let types = of.parameters.iter().map(|ty| Datum::Oid(*ty)).collect();
        let types = Datum::Array(Array::new(oid::REGTYPE, types).into());
        row![&of.name, &*of.text, wall_time(of.prepared_ns), types, of.from_sql, NULL, NULL]
    };
    Ok(own.prepared.iter().map(row).collect())
}

/// Indexes that are being built while their tables are used.
fn builds(scope: &Scope) -> Result<Rows> {
    let builds = scope.node.builds.lock();
    let row = |of: &Build| {
        let database = scope.catalog.databases.get(&of.database).map(|database| database.name.as_str());
        let total = scope.statistics.get(of.table).map(|known| known.rows as i64);
        row![
            of.pid,
            of.database,
            database,
            of.table,
            of.index,
            "CREATE INDEX CONCURRENTLY",
            "building index: loading tuples in tree",
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            total,
            of.rows as i64,
            NULL,
            NULL,
        ]
    };
    Ok(builds.running.values().map(row).collect())
}

// ------------------------------------------------------------------------------------------------------------- settings

fn settings(scope: &Scope) -> Result<Rows> {
    let mut rows: Rows = variables::definitions().map(|definition| setting_row(scope, definition)).collect();
    let all = scope.variables.lock().all();
    let own = all.iter().filter(|(name, _)| variables::find(name).is_none());
    rows.extend(own.map(|(name, value)| {
        row![
            name, value, NULL, NULL, NULL, NULL, "user", "string", "session", NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            false,
        ]
    }));
    Ok(rows)
}

/// Without the descriptions that PostgreSQL has.
fn setting_row(scope: &Scope, of: &Definition) -> Vec<Datum> {
    let shown = scope.variables.lock().get(of.name);
    let shown = shown.as_deref().unwrap_or(of.default);
    // Shown with the largest unit that divides it, here without.
    let value = match variables::parse_number(shown, of.unit) {
        Some(number) if of.kind == Kind::Integer => number.to_string(),
        // Units are a thousandth or a thousandfold of each other, which isn't exact.
        Some(number) if of.kind == Kind::Real => ((number * 1e6).round() / 1e6).to_string(),
        _ => shown.to_owned(),
    };
    let kind = match of.kind {
        Kind::Bool => "bool",
        Kind::Integer => "integer",
        Kind::Real => "real",
        Kind::Text => "string",
        Kind::Words => "enum",
    };
    let source = if value == of.default { "default" } else { "session" };
    row![
        of.name,
        value,
        (!of.unit.is_empty()).then_some(of.unit),
        NULL,
        NULL,
        NULL,
        of.context,
        kind,
        source,
        of.least.map(|least| least.to_string()),
        of.most.map(|most| most.to_string()),
        (!of.words.is_empty()).then(|| texts(of.words.iter().copied())),
        of.default,
        of.default,
        NULL,
        NULL,
        false,
    ]
}

// ----------------------------------------------------------------------------------------------------------- time zones

fn offset(east_seconds: i32) -> Datum {
    Datum::Interval(Interval { micros: i64::from(east_seconds) * 1_000_000, days: 0, months: 0 })
}

fn zones(scope: &Scope) -> Result<Rows> {
    let now = scope.settings.statement_micros;
    let rows = zone::names().filter_map(|name| {
        let zone = Zone::by_name(name)?;
        let local = zone.at(now);
        Some(row![name, &*local.abbreviation, offset(local.east_seconds), local.summer])
    });
    Ok(rows.collect())
}

fn abbreviations(scope: &Scope) -> Result<Rows> {
    let now = scope.settings.statement_micros;
    let rows = abbreviations::all().iter().filter_map(|(name, meaning)| {
        let (seconds, summer) = match meaning {
            Meaning::Standard(seconds) => (*seconds, false),
            Meaning::Summer(seconds) => (*seconds, true),
            Meaning::Of(zone) => {
                let zone = Zone::by_name(zone)?;
                let local = zone.offset_of_abbreviation(name, now)?;
                (local.east_seconds, local.summer)
            }
        };
        Some(row![*name, offset(seconds), summer])
    });
    Ok(rows.collect())
}

/// Sessions are counted; the rest is not.
fn databases(scope: &Scope) -> Result<Rows> {
    let backends = scope.node.backends();
    let rows = scope.catalog.databases.values().map(|database| {
        let sessions = backends.iter().filter(|backend| backend.activity.lock().database.0 == database.oid).count();
        row![
            database.oid,
            &database.name,
            sessions as i32,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
        ]
    });
    Ok(rows.collect())
}
