//! What a session knows of itself and of others: who, where, which settings; access control lists as text.

use std::net::SocketAddr;

use atoll_datum::array::Array;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::keyword::{self, Class, Keyword};
use futures_util::future::BoxFuture;

use super::{SessionSetTable, SessionTable, WaitingTable, name};
use crate::catalog::privileges::{
    PUBLIC_GRANTEE, Securable, acts_as, default_grants, is_superuser, item_text, letter_of, name_of,
};
use crate::catalog::{Grant, PG_CATALOG, POSTGRES_ROLE};
use crate::exec::Exec;
use crate::session::Scope;
use crate::session::node::Request;
use crate::session::variables;

pub const SESSION: SessionTable = &[
    ("current_database", |scope, _, _| {
        let own = scope.catalog.databases.get(&scope.session.database);
        Ok(own.map_or(Datum::Null, |own| Datum::text(own.name.as_str())))
    }),
    ("current_user", |scope, _, _| Ok(role_name(scope, scope.session.current_user))),
    ("session_user", |scope, _, _| Ok(role_name(scope, scope.session.session_user))),
    ("current_schema", |scope, _, _| {
        let first = schemas(scope, false)?.into_iter().next();
        Ok(first.map_or(Datum::Null, Datum::text))
    }),
    ("current_schemas", |scope, _, arguments| {
        let names = schemas(scope, arguments.first().is_some_and(Datum::is_true))?;
        let names = names.into_iter().map(Datum::text).collect();
        Ok(Datum::Array(Array::new(oid::NAME, names).into()))
    }),
    ("pgsql_version", |_, _, _| {
        let version = variables::find("server_version").map_or("", |definition| definition.default);
        Ok(Datum::text(format!("PostgreSQL {version}")))
    }),
    ("pg_backend_pid", |scope, _, _| Ok(Datum::Int4(scope.session.pid))),
    ("pg_typeof", |_, call, _| Ok(call.argument_types.first().map_or(Datum::Null, |ty| Datum::Oid(*ty)))),
    ("show_config_by_name", |scope, _, arguments| setting(scope, arguments, false)),
    ("show_config_by_name_missing_ok", |scope, _, arguments| {
        setting(scope, arguments, arguments.get(1).is_some_and(Datum::is_true))
    }),
    ("set_config_by_name", |scope, _, arguments| set_config(scope, arguments)),
    ("pg_is_in_recovery", |_, _, _| Ok(Datum::Bool(false))),
    ("pg_is_other_temp_schema", |_, _, _| Ok(Datum::Bool(false))),
    ("pg_my_temp_schema", |_, _, _| Ok(Datum::Oid(Oid::NONE))),
    ("pg_jit_available", |_, _, _| Ok(Datum::Bool(false))),
    ("pg_trigger_depth", |_, _, _| Ok(Datum::Int4(0))),
    ("row_security_active", |_, _, _| Ok(Datum::Bool(false))),
    ("row_security_active_name", |_, _, _| Ok(Datum::Bool(false))),
    ("pg_postmaster_start_time", |scope, _, _| Ok(start_time(scope))),
    ("pg_conf_load_time", |scope, _, _| Ok(start_time(scope))),
    ("inet_client_addr", |scope, _, _| {
        Ok(client_address(scope).map_or(Datum::Null, |address| Datum::text(address.ip().to_string())))
    }),
    ("inet_client_port", |scope, _, _| {
        Ok(client_address(scope).map_or(Datum::Null, |address| Datum::Int4(address.port().into())))
    }),
    ("pg_partition_root", |_, _, _| Ok(Datum::Null)),
    ("acldefault_sql", |scope, _, arguments| default_acl(scope, arguments)),
    ("aclitemin", |scope, _, arguments| read_item(scope, name::text(arguments)?)),
    ("makeaclitem", |scope, _, arguments| make_item(scope, arguments)),
];

pub const WAITING: WaitingTable = &[
    ("pg_cancel_backend", |exec, arguments| signal(exec, arguments, Request::Cancel)),
    ("pg_terminate_backend", |exec, arguments| signal(exec, arguments, Request::Terminate)),
    // Whoever imports it reads as of the same moment.
    ("pg_export_snapshot", |exec, _| Box::pin(async move { Ok(Datum::text(exec.txn.read_ts().to_string())) })),
];

pub const SETS: SessionSetTable = &[
    ("_pg_expandarray", |_, _, arguments| Ok(expand_array(arguments))),
    ("pg_get_keywords", |_, _, _| Ok(keyword::all().map(keyword_row).collect())),
    ("aclexplode", |scope, _, arguments| explode(scope, arguments)),
    ("pg_options_to_table", |_, _, arguments| Ok(options(arguments))),
    // No relation is partitioned.
    ("pg_partition_ancestors", |_, _, _| Ok(Vec::new())),
    ("pg_partition_tree", |_, _, _| Ok(Vec::new())),
];

fn role_name(scope: &Scope, role: Oid) -> Datum {
    scope.catalog.roles.get(&role).map_or(Datum::Null, |role| Datum::text(role.name.as_str()))
}

/// The search path as it is; `implicit` counts pg_catalog, which is looked in even if it is not listed.
fn schemas(scope: &Scope, implicit: bool) -> Result<Vec<String>> {
    let lists_catalog = scope.variables.lock().typed().search_path.iter().any(|name| name == "pg_catalog");
    let shown = |schema: &&Oid| implicit || lists_catalog || **schema != PG_CATALOG;
    let path = scope.session.search_path.iter().filter(shown);
    Ok(path.filter_map(|schema| name::schema_name(scope, *schema)).collect())
}

fn setting(scope: &Scope, arguments: &[Datum], missing_ok: bool) -> Result<Datum> {
    let name = name::text(arguments)?;
    match scope.variables.lock().get(name) {
        Some(value) => Ok(Datum::text(value)),
        None if missing_ok => Ok(Datum::Null),
        None => Err(variables::unrecognized(name)),
    }
}

/// SET as a function: the value as it is now. NULL is DEFAULT.
fn set_config(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let [name, value, local] = arguments else {
        return Err(Error::internal("set_config takes a name, a value and whether it ends with the transaction"));
    };
    let Datum::Text(name) = name else {
        let message = "SET requires parameter name";
        return Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, message));
    };
    let value = match value {
        Datum::Text(value) => Some(&**value),
        _ => None,
    };
    match name.to_lowercase().as_str() {
        key @ ("role" | "session_authorization") => {
            let mut settings = scope.variables.lock();
            match key {
                "role" => settings.identity.set_role(scope, value, local.is_true())?,
                _ => settings.identity.set_session(scope, value, local.is_true())?,
            }
            return Ok(settings.get(key).map_or(Datum::Null, Datum::text));
        }
        // What follows from these is more than a setting.
        "transaction_isolation" | "transaction_read_only" => {
            return Err(Error::unsupported(format!("set_config of {name}")));
        }
        _ => variables::check_may_set(scope, name)?,
    }
    let mut settings = scope.variables.lock();
    settings.set(name, value, local.is_true())?;
    Ok(settings.get(name).map_or(Datum::Null, Datum::text))
}

fn start_time(scope: &Scope) -> Datum {
    let clock = &scope.node.env.clock;
    let running_ns = u64::try_from(clock.mono().since_start().as_nanos()).unwrap_or(u64::MAX);
    crate::system::wall_time(clock.wall_ns().saturating_sub(running_ns))
}

fn client_address(scope: &Scope) -> Option<SocketAddr> {
    scope.node.backend(scope.session.pid)?.activity.lock().client_address
}

/// Whether there was such a session.
fn signal<'a>(
    exec: &'a mut Exec<'_>,
    arguments: &'a [Datum],
    request: Request,
) -> BoxFuture<'a, crate::exec::Result<Datum>> {
    let scope = exec.scope;
    Box::pin(async move {
        let Some(Datum::Int4(pid)) = arguments.first() else {
            return Err(Error::internal("a session is asked to stop by its number").into());
        };
        if let Some(backend) = scope.node.backend(*pid) {
            let user = backend.activity.lock().user;
            check_signal(scope, user, request)?;
            backend.signal(request);
            return Ok(Datum::Bool(true));
        }
        let sessions = scope.node.peers.sessions(Oid(0), false).await?;
        let Some(session) = sessions.iter().find(|session| session.pid == *pid) else {
            return Ok(Datum::Bool(false));
        };
        check_signal(scope, Oid(session.user), request)?;
        scope.node.peers.signal(*pid, request).await?;
        Ok(Datum::Bool(true))
    })
}

/// 42501 unless the session may stop those of the user.
fn check_signal(scope: &Scope, user: Oid, request: Request) -> Result<()> {
    const SIGNAL_BACKEND: Oid = Oid(4200);
    let denied = |message: String| Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message));
    let verb = if request == Request::Cancel { "cancel" } else { "terminate" };
    let what = if request == Request::Cancel { "query" } else { "process" };
    let own = scope.session.current_user;
    let acts = |of| acts_as(&scope.catalog, scope.session.database, own, of);
    if is_superuser(&scope.catalog, user) && !is_superuser(&scope.catalog, own) {
        return denied(format!("must be a superuser to {verb} superuser {what}"));
    }
    if !acts(user) && !acts(SIGNAL_BACKEND) {
        return denied(format!(
            "must be a member of the role whose {what} is being {verb}{} or member of pg_signal_backend",
            if request == Request::Cancel { "ed" } else { "d" }
        ));
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------- access control lists

fn items(scope: &Scope, grants: &[Grant]) -> Datum {
    let items = grants.iter().map(|grant| Datum::text(item_text(&scope.catalog, grant))).collect();
    Datum::Array(Array::new(oid::ACLITEM, items).into())
}

fn default_acl(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let [Datum::Char(letter), Datum::Oid(owner)] = arguments else {
        return Err(Error::internal("acldefault takes a letter and an owner"));
    };
    let kind = match letter {
        b'c' => Securable::Column,
        b'r' => Securable::Table,
        b's' => Securable::Sequence,
        b'd' => Securable::Database,
        b'f' => Securable::Function,
        b'n' => Securable::Schema,
        b'l' | b'T' => Securable::Type,
        other => {
            let message = format!("unrecognized object type abbreviation: {}", char::from(*other));
            return Err(Error::internal(message));
        }
    };
    Ok(items(scope, &default_grants(kind, *owner)))
}

fn make_item(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let [Datum::Oid(grantee), Datum::Oid(grantor), Datum::Text(privileges), Datum::Bool(grantable)] = arguments else {
        return Err(Error::internal("makeaclitem takes two roles, privileges and whether they may be granted on"));
    };
    let mut letters = String::new();
    for privilege in privileges.split(',').map(str::trim) {
        let unknown = || {
            let message = format!("unrecognized privilege type: \"{privilege}\"");
            Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
        };
        letters.push(letter_of(privilege).ok_or_else(unknown)?);
    }
    let grantable = if *grantable { letters.clone() } else { String::new() };
    let grant = Grant { grantee: grantee.0, grantor: grantor.0, letters, grantable };
    Ok(Datum::text(item_text(&scope.catalog, &grant)))
}

/// An access control item as a client writes it, in the form that is printed. Without a grantor it is the superuser's.
fn read_item(scope: &Scope, text: &str) -> Result<Datum> {
    let invalid = |message: String| Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, message);
    let malformed = || invalid("missing \"=\" sign".to_owned());
    let role = |name: &str| match scope.catalog.role_named(name) {
        Some(role) => Ok(role.oid),
        None => Err(Error::new(sqlstate::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))),
    };
    let (grantee, rest) = split_name(text.trim()).ok_or_else(malformed)?;
    let rest = rest.strip_prefix('=').ok_or_else(malformed)?;
    let (written, grantor) = rest.split_once('/').map_or((rest, None), |(written, name)| (written, Some(name)));
    let (mut letters, mut grantable) = (String::new(), String::new());
    for letter in written.chars() {
        match (letter, letters.chars().last()) {
            ('*', Some(last)) => grantable.push(last),
            (letter, _) if "arwdDxtXUCTcsA".contains(letter) => letters.push(letter),
            _ => return Err(invalid("invalid mode character: must be one of \"arwdDxtXUCTcsA\"".to_owned())),
        }
    }
    let grantor = match grantor {
        Some(name) => role(&split_name(name).ok_or_else(malformed)?.0)?,
        None => POSTGRES_ROLE.0,
    };
    let grantee = if grantee.is_empty() { PUBLIC_GRANTEE } else { role(&grantee)? };
    Ok(Datum::text(item_text(&scope.catalog, &Grant { grantee, grantor, letters, grantable })))
}

/// Grantor, grantee, privilege, whether it may be granted on: a row for each letter of `joe=arw*/postgres`.
fn explode(scope: &Scope, arguments: &[Datum]) -> Result<Vec<Vec<Datum>>> {
    let Some(Datum::Array(list)) = arguments.first() else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for item in list.elements() {
        let Datum::Text(item) = item else { continue };
        let malformed = || Error::internal(format!("the access control item {item:?} is damaged"));
        let (grantee, rest) = split_name(item).ok_or_else(malformed)?;
        let (letters, grantor) = rest.strip_prefix('=').and_then(|rest| rest.split_once('/')).ok_or_else(malformed)?;
        let (grantor, _) = split_name(grantor).ok_or_else(malformed)?;
        let role = |name: &str| scope.catalog.role_named(name).map_or(Oid::NONE, |role| Oid(role.oid));
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let grantable = letters.next_if_eq(&'*').is_some();
            rows.push(vec![
                Datum::Oid(role(&grantor)),
                Datum::Oid(role(&grantee)),
                Datum::text(name_of(letter)),
                Datum::Bool(grantable),
            ]);
        }
    }
    Ok(rows)
}

/// The name at the beginning, in quotes or up to what can't be in one without, and the rest.
fn split_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['=', '/']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let (mut name, mut rest) = (String::new(), quoted);
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// `{a=b,c}`: names and values.
fn options(arguments: &[Datum]) -> Vec<Vec<Datum>> {
    let Some(Datum::Array(list)) = arguments.first() else { return Vec::new() };
    let texts = list.elements().iter().filter_map(|item| match item {
        Datum::Text(text) => Some(text),
        _ => None,
    });
    let row = |text: &std::sync::Arc<str>| match text.split_once('=') {
        Some((name, value)) => vec![Datum::text(name), Datum::text(value)],
        None => vec![Datum::Text(text.clone()), Datum::Null],
    };
    texts.map(row).collect()
}

/// Elements, and their numbers from 1: of the columns of a key.
fn expand_array(arguments: &[Datum]) -> Vec<Vec<Datum>> {
    let Some(Datum::Array(array)) = arguments.first() else { return Vec::new() };
    let numbered = array.elements().iter().zip(1..);
    numbered.map(|(element, number)| vec![element.clone(), Datum::Int4(number)]).collect()
}

fn keyword_row(of: Keyword) -> Vec<Datum> {
    let (code, description) = match of.class() {
        Class::Unreserved => (b'U', "unreserved"),
        Class::ColumnName => (b'C', "unreserved (cannot be function or type name)"),
        Class::TypeFunctionName => (b'T', "reserved (can be function or type name)"),
        Class::Reserved => (b'R', "reserved"),
    };
    let bare = if of.is_bare_label() { "can be bare label" } else { "requires AS" };
    vec![
        Datum::text(of.text()),
        Datum::Char(code),
        Datum::Bool(of.is_bare_label()),
        Datum::text(description),
        Datum::text(bare),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_access_control_items() {
        assert_eq!(split_name("joe=r/x"), Some(("joe".to_owned(), "=r/x")));
        assert_eq!(split_name("=r/x"), Some((String::new(), "=r/x")));
        assert_eq!(split_name("\"a\"\"=b\"=r/x"), Some(("a\"=b".to_owned(), "=r/x")));
        assert_eq!(split_name("\"a"), None);
    }
}
