//! Names of things and their numbers: `regclass`, `regtype`, `regnamespace`, `regrole`, and `to_reg…`.
//!
//! Deliberately absent: `regproc`, `regprocedure`, `regoper`, `regoperator`, `regconfig`, `regdictionary`.

use std::sync::Arc;

use atoll_datum::io::{Form, Names};
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{At, Name};
use atoll_syntax::print::identifier;

use super::SessionTable;
use crate::bind;
use crate::session::Scope;

pub const SESSION: SessionTable = &[
    ("regclassin", |scope, _, arguments| read(scope, arguments, class)),
    ("text_regclass", |scope, _, arguments| read(scope, arguments, class)),
    ("to_regclass", |scope, _, arguments| found(scope, arguments, class)),
    ("regtypein", |scope, _, arguments| read(scope, arguments, of_type)),
    ("to_regtype", |scope, _, arguments| found(scope, arguments, of_type)),
    ("regnamespacein", |scope, _, arguments| read(scope, arguments, namespace)),
    ("to_regnamespace", |scope, _, arguments| found(scope, arguments, namespace)),
    ("regrolein", |scope, _, arguments| read(scope, arguments, role)),
    ("to_regrole", |scope, _, arguments| found(scope, arguments, role)),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Class,
    Type,
    Namespace,
    Role,
}

/// The names as a session sees them: with a schema where its search path doesn't lead to the thing.
struct Seen {
    scope: Scope,
    kind: Kind,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

pub fn form(scope: &Scope, ty: Oid) -> Option<Form> {
    let kind = match ty {
        oid::REGCLASS => Kind::Class,
        oid::REGTYPE => Kind::Type,
        oid::REGNAMESPACE => Kind::Namespace,
        oid::REGROLE => Kind::Role,
        _ => return None,
    };
    Some(Form::Named(Arc::new(Seen { scope: scope.clone(), kind })))
}

impl Names for Seen {
    fn number(&self, name: &str) -> Result<Oid> {
        let lookup = match self.kind {
            Kind::Class => class,
            Kind::Type => of_type,
            Kind::Namespace => namespace,
            Kind::Role => role,
        };
        match read(&self.scope, &[Datum::text(name)], lookup)? {
            Datum::Oid(oid) => Ok(oid),
            _ => Err(Error::internal("a name stands for no number")),
        }
    }

    fn name(&self, number: Oid) -> String {
        if number == Oid(0) {
            return "-".to_owned();
        }
        let catalog = &self.scope.catalog;
        let name = match self.kind {
            Kind::Class => relation_name(&self.scope, number),
            Kind::Type => return bind::format_type(&self.scope, number.into()),
            Kind::Namespace => catalog.schemas.get(&number).map(|schema| identifier(&schema.name)),
            Kind::Role => catalog.roles.get(&number).map(|role| identifier(&role.name)),
        };
        name.unwrap_or_else(|| number.0.to_string())
    }
}

fn relation_name(scope: &Scope, number: Oid) -> Option<String> {
    let (schema, name) = if let Some(table) = scope.catalog.table(number) {
        (Oid(table.schema), table.name.as_str())
    } else if let Some((table, index)) = scope.catalog.index(number) {
        (Oid(table.schema), index.name.as_str())
    } else {
        let table = crate::system::tables().find(|table| table.oid == number)?;
        (table.schema, table.name)
    };
    let seen = bind::search_path(scope).find_map(|schema| bind::in_schema(scope, schema, name));
    if seen.is_some_and(|found| found.oid() == number) {
        return Some(identifier(name));
    }
    let schema = scope.catalog.schemas.get(&schema)?;
    Some(format!("{}.{}", identifier(&schema.name), identifier(name)))
}

type Lookup = fn(&Scope, &str) -> Result<Oid>;

fn text(arguments: &[Datum]) -> Result<&str> {
    match arguments {
        [Datum::Text(text)] => Ok(text),
        _ => Err(Error::internal("a name was to be looked up and there is none")),
    }
}

/// Digits are the number itself, `-` is none.
fn read(scope: &Scope, arguments: &[Datum], lookup: Lookup) -> Result<Datum> {
    let text = text(arguments)?;
    if text == "-" {
        return Ok(Datum::Oid(Oid(0)));
    }
    match text.parse() {
        Ok(number) => Ok(Datum::Oid(Oid(number))),
        Err(_) => Ok(Datum::Oid(lookup(scope, text)?)),
    }
}

/// NULL for what is not there.
fn found(scope: &Scope, arguments: &[Datum], lookup: Lookup) -> Result<Datum> {
    match lookup(scope, text(arguments)?) {
        Ok(oid) => Ok(Datum::Oid(oid)),
        Err(error)
            if matches!(
                error.state(),
                sqlstate::UNDEFINED_TABLE | sqlstate::UNDEFINED_OBJECT | sqlstate::INVALID_SCHEMA_NAME
            ) =>
        {
            Ok(Datum::Null)
        }
        Err(error) => Err(error),
    }
}

/// `schema."Name"`: folded to lower case where it isn't quoted.
fn parts(text: &str) -> Result<Vec<Name>> {
    let invalid = || Error::new(sqlstate::INVALID_NAME, "invalid name syntax");
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let name: String;
        (name, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut name = String::new();
                let mut rest = quoted;
                loop {
                    let end = rest.find('"').ok_or_else(invalid)?;
                    name.push_str(&rest[..end]);
                    rest = &rest[end + 1..];
                    match rest.strip_prefix('"') {
                        Some(more) => {
                            name.push('"');
                            rest = more;
                        }
                        None => break (name, rest.trim_start()),
                    }
                }
            }
            None => {
                let end = rest.find(|c: char| c == '.' || c.is_whitespace()).unwrap_or(rest.len());
                (rest[..end].to_lowercase(), rest[end..].trim_start())
            }
        };
        if name.is_empty() {
            return Err(invalid());
        }
        names.push(Name::new(name, At::default()));
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => return Ok(names),
            None => return Err(invalid()),
        }
    }
}

/// The error is one of a value and not of a place in the statement.
fn class(scope: &Scope, text: &str) -> Result<Oid> {
    let names = parts(text)?;
    match bind::relation_in(scope, &names)? {
        Some(found) => Ok(found.oid()),
        None => {
            let name: Vec<&str> = names.iter().map(Name::as_str).collect();
            let message = format!("relation \"{}\" does not exist", name.join("."));
            Err(Error::new(sqlstate::UNDEFINED_TABLE, message))
        }
    }
}

fn of_type(scope: &Scope, text: &str) -> Result<Oid> {
    Ok(bind::type_name(scope, &atoll_syntax::parse_type(text)?)?.oid)
}

fn single(text: &str) -> Result<Name> {
    match <[Name; 1]>::try_from(parts(text)?) {
        Ok([name]) => Ok(name),
        Err(_) => Err(Error::new(sqlstate::INVALID_NAME, "invalid name syntax")),
    }
}

fn namespace(scope: &Scope, text: &str) -> Result<Oid> {
    let name = single(text)?;
    scope.catalog.schema_named(scope.session.database, name.as_str()).ok_or_else(|| {
        Error::new(sqlstate::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", name.as_str()))
    })
}

fn role(scope: &Scope, text: &str) -> Result<Oid> {
    let name = single(text)?;
    match scope.catalog.role_named(name.as_str()) {
        Some(role) => Ok(Oid(role.oid)),
        None => Err(Error::new(sqlstate::UNDEFINED_OBJECT, format!("role \"{}\" does not exist", name.as_str()))),
    }
}
