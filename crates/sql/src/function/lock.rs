//! Advisory locks.

use atoll_datum::{Datum, Error};
use futures_util::future::BoxFuture;

use super::{SessionTable, WaitingTable};
use crate::exec::{Exec, Result};
use crate::session::Scope;
use crate::session::locks::{Advisory, Mode, Tag};

pub const WAITING: WaitingTable = &[
    ("pg_advisory_lock_int8", |exec, arguments| session(exec, arguments, Mode::Exclusive)),
    ("pg_advisory_lock_int4", |exec, arguments| session(exec, arguments, Mode::Exclusive)),
    ("pg_advisory_lock_shared_int8", |exec, arguments| session(exec, arguments, Mode::Share)),
    ("pg_advisory_lock_shared_int4", |exec, arguments| session(exec, arguments, Mode::Share)),
    ("pg_advisory_xact_lock_int8", |exec, arguments| transaction(exec, arguments, Mode::Exclusive)),
    ("pg_advisory_xact_lock_int4", |exec, arguments| transaction(exec, arguments, Mode::Exclusive)),
    ("pg_advisory_xact_lock_shared_int8", |exec, arguments| transaction(exec, arguments, Mode::Share)),
    ("pg_advisory_xact_lock_shared_int4", |exec, arguments| transaction(exec, arguments, Mode::Share)),
    ("pg_try_advisory_lock_int8", |exec, arguments| try_session(exec, arguments, Mode::Exclusive)),
    ("pg_try_advisory_lock_int4", |exec, arguments| try_session(exec, arguments, Mode::Exclusive)),
    ("pg_try_advisory_lock_shared_int8", |exec, arguments| try_session(exec, arguments, Mode::Share)),
    ("pg_try_advisory_lock_shared_int4", |exec, arguments| try_session(exec, arguments, Mode::Share)),
    ("pg_try_advisory_xact_lock_int8", |exec, arguments| try_transaction(exec, arguments, Mode::Exclusive)),
    ("pg_try_advisory_xact_lock_int4", |exec, arguments| try_transaction(exec, arguments, Mode::Exclusive)),
    ("pg_try_advisory_xact_lock_shared_int8", |exec, arguments| try_transaction(exec, arguments, Mode::Share)),
    ("pg_try_advisory_xact_lock_shared_int4", |exec, arguments| try_transaction(exec, arguments, Mode::Share)),
];

pub const SESSION: SessionTable = &[
    ("pg_advisory_unlock_int8", |scope, _, arguments| unlock(scope, arguments, Mode::Exclusive)),
    ("pg_advisory_unlock_int4", |scope, _, arguments| unlock(scope, arguments, Mode::Exclusive)),
    ("pg_advisory_unlock_shared_int8", |scope, _, arguments| unlock(scope, arguments, Mode::Share)),
    ("pg_advisory_unlock_shared_int4", |scope, _, arguments| unlock(scope, arguments, Mode::Share)),
    ("pg_advisory_unlock_all", |scope, _, _| {
        scope.locks.unlock_all_for_session();
        Ok(Datum::Void)
    }),
];

fn tag(scope: &Scope, arguments: &[Datum]) -> atoll_datum::Result<Tag> {
    let key = match arguments {
        [Datum::Int8(key)] => Advisory::One(*key),
        [Datum::Int4(first), Datum::Int4(second)] => Advisory::Two(*first, *second),
        _ => return Err(Error::internal("the key of an advisory lock is one bigint or two integers")),
    };
    Ok(scope.locks.advisory(key))
}

fn session<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum], mode: Mode) -> BoxFuture<'a, Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move {
        scope.locks.lock_for_session(tag(scope, arguments)?, mode).await?;
        Ok(Datum::Void)
    })
}

fn transaction<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum], mode: Mode) -> BoxFuture<'a, Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move {
        scope.locks.lock(tag(scope, arguments)?, mode).await?;
        Ok(Datum::Void)
    })
}

fn try_session<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum], mode: Mode) -> BoxFuture<'a, Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move { Ok(Datum::Bool(scope.locks.try_lock_for_session(tag(scope, arguments)?, mode).await?)) })
}

fn try_transaction<'a>(exec: &'a mut Exec<'_>, arguments: &'a [Datum], mode: Mode) -> BoxFuture<'a, Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move { Ok(Datum::Bool(scope.locks.try_lock(tag(scope, arguments)?, mode).await?)) })
}

/// PostgreSQL also warns when the lock is not held, which nothing here can do yet.
fn unlock(scope: &Scope, arguments: &[Datum], mode: Mode) -> atoll_datum::Result<Datum> {
    Ok(Datum::Bool(scope.locks.unlock_for_session(tag(scope, arguments)?, mode)))
}
