//! What a session says of itself, the clock and chance.

use std::sync::Arc;
use std::time::Duration;

use atoll_datum::array::Array;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use futures_util::future::BoxFuture;

use super::{SessionTable, WaitingTable};
use crate::exec::{self, Exec};
use crate::session::Scope;
use crate::session::variables::unrecognized;

pub const SESSION: SessionTable = &[
    ("pgsql_version", |_, _, _| Ok(Datum::text(VERSION))),
    ("current_user", |scope, _, _| role_name(scope, scope.session.current_user)),
    ("session_user", |scope, _, _| role_name(scope, scope.session.session_user)),
    ("current_database", |scope, _, _| current_database(scope)),
    ("current_schema", |scope, _, _| Ok(schemas(scope, false).into_iter().next().unwrap_or(Datum::Null))),
    ("current_schemas", |scope, _, arguments| {
        let with_system = matches!(arguments, [Datum::Bool(true)]);
        Ok(Datum::Array(Arc::new(Array::new(oid::NAME, schemas(scope, with_system)))))
    }),
    ("pg_backend_pid", |scope, _, _| Ok(Datum::Int4(scope.session.pid))),
    ("pg_is_in_recovery", |_, _, _| Ok(Datum::Bool(false))),
    ("pg_typeof", |_, call, _| Ok(Datum::Oid(call.argument_types.first().copied().unwrap_or(oid::UNKNOWN)))),
    ("show_config_by_name", |scope, _, arguments| setting(scope, arguments, false)),
    ("show_config_by_name_missing_ok", |scope, _, arguments| {
        setting(scope, arguments, matches!(arguments.get(1), Some(Datum::Bool(true))))
    }),
    ("clock_timestamp", |scope, _, _| Ok(Datum::TimestampTz(micros(scope.node.env.clock.wall_ns())))),
    ("drandom", |scope, _, _| {
        Ok(Datum::Float8((scope.node.env.entropy.next_u64() >> 11) as f64 / (1u64 << 53) as f64))
    }),
    ("gen_random_uuid", |scope, _, _| {
        let mut bytes = [0; 16];
        scope.node.env.entropy.secret(&mut bytes);
        // Version 4, variant 1.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Ok(Datum::Uuid(bytes))
    }),
];

pub const WAITING: WaitingTable = &[("pg_sleep", sleep)];

const VERSION: &str = concat!("PostgreSQL 15.18 (Atoll ", env!("CARGO_PKG_VERSION"), ")");

/// Microseconds between 1970-01-01 and 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

fn micros(unix_ns: u64) -> i64 {
    (unix_ns / 1000) as i64 - EPOCH_MICROS
}

fn role_name(scope: &Scope, role: Oid) -> Result<Datum> {
    match scope.catalog.roles.get(&role) {
        Some(role) => Ok(Datum::text(role.name.as_str())),
        None => Err(Error::new(sqlstate::UNDEFINED_OBJECT, format!("role with OID {role} does not exist"))),
    }
}

fn current_database(scope: &Scope) -> Result<Datum> {
    match scope.catalog.databases.get(&scope.session.database) {
        Some(database) => Ok(Datum::text(database.name.as_str())),
        None => Err(Error::new(sqlstate::INVALID_CATALOG_NAME, "the session's database is gone")),
    }
}

fn schemas(scope: &Scope, with_system: bool) -> Vec<Datum> {
    let name = |oid: &Oid| scope.catalog.schemas.get(oid).map(|schema| Datum::text(schema.name.as_str()));
    let listed = scope.session.search_path.iter();
    match with_system {
        true => crate::bind::search_path(scope).filter_map(|oid| name(&oid)).collect(),
        false => listed.filter_map(name).collect(),
    }
}

fn setting(scope: &Scope, arguments: &[Datum], missing_ok: bool) -> Result<Datum> {
    let Some(Datum::Text(name)) = arguments.first() else {
        return Err(Error::internal("a setting was asked for without its name"));
    };
    match scope.session.variables.get(&name.to_lowercase()) {
        Some(value) => Ok(Datum::text(value.as_str())),
        None if missing_ok => Ok(Datum::Null),
        None => Err(unrecognized(name)),
    }
}

/// Ends early with the statement, which is dropped when it is cancelled.
fn sleep<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move {
        if let [Datum::Float8(seconds)] = arguments
            && *seconds > 0.0
        {
            // A century is as good as for ever.
            scope.node.env.clock.sleep(Duration::from_secs_f64(seconds.min(3e9))).await;
        }
        Ok(Datum::Void)
    })
}
