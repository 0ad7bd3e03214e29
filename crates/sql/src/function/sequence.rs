//! Functions of sequences.

use std::sync::Arc;

use atoll_datum::datum::Record;
use atoll_datum::{Datum, Error, Oid, Result, builtin, oid, sqlstate};
use futures_util::future::BoxFuture;

use super::{SessionTable, WaitingTable};
use crate::catalog::privileges::{self, has_privilege};
use crate::catalog::sequence::State;
use crate::catalog::{Sequence, Table};
use crate::exec::{self, Exec};
use crate::plan::{Body, Function};
use crate::session::Scope;
use crate::session::locks::Mode;

pub const WAITING: WaitingTable = &[
    ("nextval_oid", |exec, arguments| waiting(exec, arguments, next)),
    ("setval_oid", |exec, arguments| waiting(exec, arguments, set)),
    ("setval3_oid", |exec, arguments| waiting(exec, arguments, set)),
    ("pg_sequence_last_value", |exec, arguments| waiting(exec, arguments, last_value)),
];

pub const SESSION: SessionTable = &[
    ("currval_oid", |scope, _, arguments| currval(scope, arguments)),
    ("lastval", |scope, _, _| lastval(scope)),
    ("pg_get_serial_sequence", |scope, _, arguments| serial_sequence(scope, arguments)),
    ("pg_sequence_parameters", |scope, _, arguments| parameters(scope, arguments)),
];

/// What a sequence looks like that is read as a table.
pub const COLUMNS: [(&str, Oid); 3] = [("last_value", oid::INT8), ("log_cnt", oid::INT8), ("is_called", oid::BOOL)];

/// The call that makes its row. Plans tell it as `pg_sequence_last_value`, of which it is the whole truth.
pub fn row() -> Result<Function> {
    let mut rows = builtin::builtin().functions_named("pg_sequence_last_value");
    let row = rows.next().ok_or_else(|| Error::internal("pg_sequence_last_value is not in pg_proc"))?;
    Ok(Function { row, body: Body::Waiting(|exec, arguments| waiting(exec, arguments, whole_row)) })
}

type Work = for<'a> fn(&'a Scope, &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>>;

fn waiting<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum], work: Work) -> BoxFuture<'a, exec::Result<Datum>> {
    work(exec.scope, arguments)
}

/// The sequence that the first argument names.
fn sequence<'a>(scope: &'a Scope, arguments: &[Datum]) -> Result<(&'a Arc<Table>, &'a Sequence)> {
    let Some(Datum::Oid(relation)) = arguments.first() else {
        return Err(Error::internal("a function of sequences was called without one"));
    };
    match scope.catalog.table(*relation) {
        Some(table) => match &table.sequence {
            Some(sequence) => Ok((table, sequence)),
            None => {
                let message = format!("\"{}\" is not a sequence", table.name);
                Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message))
            }
        },
        None => {
            let message = format!("could not open relation with OID {relation}");
            Err(Error::new(sqlstate::UNDEFINED_TABLE, message))
        }
    }
}

fn check(scope: &Scope, table: &Table, letters: &str) -> Result<()> {
    let (database, role) = (scope.session.database, scope.session.current_user);
    let has = |letter| has_privilege(&scope.catalog, database, role, table.into(), letter, false);
    if letters.chars().any(has) { Ok(()) } else { Err(privileges::denied("sequence", &table.name)) }
}

fn check_writable(scope: &Scope, function: &str) -> Result<()> {
    if scope.session.read_only {
        let message = format!("cannot execute {function}() in a read-only transaction");
        return Err(Error::new(sqlstate::READ_ONLY_SQL_TRANSACTION, message));
    }
    Ok(())
}

fn next<'a>(scope: &'a Scope, arguments: &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>> {
    Box::pin(async move { Ok(Datum::Int8(next_of(scope, sequence(scope, arguments)?.0).await?)) })
}

/// What nextval does: also for GENERATED AS IDENTITY, which asks nobody for the privilege.
pub async fn next_of(scope: &Scope, table: &Table) -> exec::Result<i64> {
    check_writable(scope, "nextval")?;
    let Some(of) = &table.sequence else { return Err(Error::internal("nextval of what is no sequence").into()) };
    let is_identity = is_identity(scope, table.oid(), of);
    if !is_identity {
        check(scope, table, "Uw")?;
    }
    scope.locks.lock_relation(table.oid(), Mode::RowExclusive).await?;
    let value = scope.node.sequences.next(&table.name, of).await?;
    scope.sequence_values.lock().had_next(table.oid(), value);
    Ok(value)
}

fn is_identity(scope: &Scope, sequence: Oid, of: &Sequence) -> bool {
    let owner = scope.catalog.table(Oid(of.owner_table));
    owner.is_some_and(|table| {
        table.live_columns().any(|column| column.sequence == sequence.0 && column.identity.is_some())
    })
}

fn set<'a>(scope: &'a Scope, arguments: &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>> {
    Box::pin(async move {
        let (table, of) = sequence(scope, arguments)?;
        check(scope, table, "w")?;
        check_writable(scope, "setval")?;
        let (value, called) = match &arguments[1..] {
            [Datum::Int8(value)] => (*value, true),
            [Datum::Int8(value), Datum::Bool(called)] => (*value, *called),
            _ => return Err(Error::internal("setval takes a bigint and a boolean").into()),
        };
        if value < of.min || value > of.max {
            let message = format!(
                "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
                table.name, of.min, of.max
            );
            return Err(Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message).into());
        }
        scope.locks.lock_relation(table.oid(), Mode::RowExclusive).await?;
        scope.node.sequences.set(of, State { last: value, called }).await?;
        scope.node.peers.tell_of_sequence(of.storage).await?;
        if called {
            scope.sequence_values.lock().set(table.oid(), value);
        }
        Ok(Datum::Int8(value))
    })
}

fn last_value<'a>(scope: &'a Scope, arguments: &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>> {
    Box::pin(async move {
        let (table, of) = sequence(scope, arguments)?;
        check(scope, table, "rU")?;
        let state = scope.node.sequences.state(of).await?;
        Ok(if state.called { Datum::Int8(state.last) } else { Datum::Null })
    })
}

fn whole_row<'a>(scope: &'a Scope, arguments: &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>> {
    Box::pin(async move {
        let state = scope.node.sequences.state(sequence(scope, arguments)?.1).await?;
        // Nothing is logged ahead of the values given out.
        let values = vec![Datum::Int8(state.last), Datum::Int8(0), Datum::Bool(state.called)];
        let names = COLUMNS.iter().map(|(name, _)| Arc::from(*name)).collect();
        let types = COLUMNS.iter().map(|(_, ty)| *ty).collect();
        Ok(Datum::Record(Arc::new(Record { of: oid::RECORD, names, types, values })))
    })
}

fn currval(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let (table, _) = sequence(scope, arguments)?;
    check(scope, table, "rU")?;
    let value = scope.sequence_values.lock().current(table.oid());
    value.map(Datum::Int8).ok_or_else(|| {
        let message = format!("currval of sequence \"{}\" is not yet defined in this session", table.name);
        Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    })
}

fn lastval(scope: &Scope) -> Result<Datum> {
    let last = scope.sequence_values.lock().last();
    // One that was dropped since counts as none.
    let found = last.and_then(|(oid, value)| Some((scope.catalog.table(oid)?, value)));
    let Some((table, value)) = found else {
        let message = "lastval is not yet defined in this session";
        return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    };
    check(scope, table, "rU")?;
    Ok(Datum::Int8(value))
}

fn serial_sequence(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let [Datum::Text(table_name), Datum::Text(column_name)] = arguments else {
        return Err(Error::internal("pg_get_serial_sequence takes two texts"));
    };
    let names = crate::ddl::names::parse_qualified(table_name)?;
    let table = crate::ddl::names::find_relation(scope, &names)?
        .ok_or_else(|| crate::ddl::names::missing_relation(&names).without_position())?;
    let Some(column) = table.column_named(column_name) else {
        let message = format!("column \"{column_name}\" of relation \"{}\" does not exist", table.name);
        return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message));
    };
    let owned = scope.catalog.tables.values().find(|sequence| {
        sequence.sequence.as_ref().is_some_and(|of| of.owner_table == table.oid && of.owner_column == column.ordinal)
    });
    let Some(owned) = owned else { return Ok(Datum::Null) };
    Ok(Datum::text(crate::ddl::names::qualified(&scope.catalog, Oid(owned.schema), &owned.name)))
}

fn parameters(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let (table, of) = sequence(scope, arguments)?;
    check(scope, table, "rwU")?;
    let fields: [(&str, Oid, Datum); 7] = [
        ("start_value", oid::INT8, Datum::Int8(of.start)),
        ("minimum_value", oid::INT8, Datum::Int8(of.min)),
        ("maximum_value", oid::INT8, Datum::Int8(of.max)),
        ("increment", oid::INT8, Datum::Int8(of.increment)),
        ("cycle_option", oid::BOOL, Datum::Bool(of.cycle)),
        ("cache_size", oid::INT8, Datum::Int8(of.cache)),
        ("data_type", oid::OID, Datum::Oid(Oid(of.type_oid))),
    ];
    let names = fields.iter().map(|(name, _, _)| Arc::from(*name)).collect();
    let types = fields.iter().map(|(_, of, _)| *of).collect();
    let values = fields.into_iter().map(|(_, _, value)| value).collect();
    Ok(Datum::Record(Arc::new(Record { of: oid::RECORD, names, types, values })))
}
