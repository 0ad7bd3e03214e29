//! `has_…_privilege` and `pg_has_role`.
//!
//! Each comes in variants by how the role (or the current one, if it is left out), the object and the column are given:
//! by name or by number. A name that is not there is an error, a number that is not there makes NULL. What nobody can
//! grant here is answered by PostgreSQL's defaults.

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Error, Oid, Result, sqlstate};

use super::{SessionTable, name};
use crate::catalog::privileges::{
    Object, Securable, acts_as, has_column_privilege, has_privilege, is_admin, is_member, is_superuser, letter_of,
};
use crate::catalog::{Column, POSTGRES_ROLE, Table};
use crate::session::Scope;
use crate::system::{Class, SystemTable};

macro_rules! variants {
    ($($name:literal $kind:expr;)*) => {
        &[$(
            (concat!($name, "_name_name"), |scope, _, arguments| check(scope, arguments, $kind)),
            (concat!($name, "_name_id"), |scope, _, arguments| check(scope, arguments, $kind)),
            (concat!($name, "_id_name"), |scope, _, arguments| check(scope, arguments, $kind)),
            (concat!($name, "_id_id"), |scope, _, arguments| check(scope, arguments, $kind)),
            (concat!($name, "_name"), |scope, _, arguments| check(scope, arguments, $kind)),
            (concat!($name, "_id"), |scope, _, arguments| check(scope, arguments, $kind)),
        )*]
    };
}

pub const SESSION: SessionTable = variants! {
    "has_table_privilege" Kind::Table;
    "has_any_column_privilege" Kind::AnyColumn;
    "has_sequence_privilege" Kind::Sequence;
    "has_database_privilege" Kind::Database;
    "has_schema_privilege" Kind::Schema;
    "has_type_privilege" Kind::Type;
    "has_function_privilege" Kind::Function;
    "has_language_privilege" Kind::Language;
    "has_tablespace_privilege" Kind::Tablespace;
    "has_foreign_data_wrapper_privilege" Kind::Missing("foreign-data wrapper");
    "has_server_privilege" Kind::Missing("server");
    "pg_has_role" Kind::Role;
};

pub const COLUMNS: SessionTable = &[
    ("has_column_privilege_name_name_name", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_name_name_attnum", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_name_id_name", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_name_id_attnum", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_id_name_name", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_id_name_attnum", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_id_id_name", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_id_id_attnum", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_name_name", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_name_attnum", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_id_name", |scope, _, arguments| check_column(scope, arguments)),
    ("has_column_privilege_id_attnum", |scope, _, arguments| check_column(scope, arguments)),
];

#[derive(Clone, Copy)]
enum Kind {
    Table,
    AnyColumn,
    Sequence,
    Database,
    Schema,
    Type,
    Function,
    Language,
    Tablespace,
    /// There is none of these.
    Missing(&'static str),
    Role,
}

/// A privilege that was asked for, and whether to be granted on.
type Wanted = (char, bool);

/// `SELECT, INSERT WITH GRANT OPTION`: any of them is enough.
fn wanted(text: &str, letters: &str) -> Result<Vec<Wanted>> {
    const TO_GRANT: &str = " WITH GRANT OPTION";
    let one = |written: &str| {
        let upper = written.trim().to_ascii_uppercase();
        let (privilege, to_grant) = match upper.strip_suffix(TO_GRANT) {
            Some(privilege) => (privilege.trim_end(), true),
            None => (upper.as_str(), false),
        };
        let letter = letter_of(privilege).filter(|letter| letters.contains(*letter));
        let unknown = || unrecognized(written.trim());
        letter.map(|letter| (letter, to_grant)).ok_or_else(unknown)
    };
    text.split(',').map(one).collect()
}

fn unrecognized(privilege: &str) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("unrecognized privilege type: \"{privilege}\""))
}

/// The role that is asked about, and the other arguments.
fn role_and_rest<'a>(scope: &Scope, arguments: &'a [Datum], without_role: usize) -> Result<(Oid, &'a [Datum])> {
    if arguments.len() == without_role {
        return Ok((scope.session.current_user, arguments));
    }
    let role = match arguments.first() {
        // PUBLIC is a role to this function, which is in no other.
        Some(Datum::Text(public)) if &**public == "public" => Oid::NONE,
        Some(Datum::Text(name)) => role_named(scope, name)?,
        Some(Datum::Oid(oid)) => *oid,
        _ => return Err(malformed()),
    };
    Ok((role, &arguments[1..]))
}

fn role_named(scope: &Scope, name: &str) -> Result<Oid> {
    let missing = || Error::new(sqlstate::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"));
    scope.catalog.role_named(name).map(|role| Oid(role.oid)).ok_or_else(missing)
}

fn malformed() -> Error {
    Error::internal("a function of privileges takes a role, an object and a privilege")
}

fn text(argument: Option<&Datum>) -> Result<&str> {
    match argument {
        Some(Datum::Text(text)) => Ok(text),
        _ => Err(malformed()),
    }
}

/// Who asks for what.
struct Asked<'a> {
    scope: &'a Scope,
    role: Oid,
    privileges: &'a str,
}

impl Asked<'_> {
    fn has(&self, object: Object<'_>) -> Result<Datum> {
        let wanted = wanted(self.privileges, object.kind.letters())?;
        let (catalog, database) = (&self.scope.catalog, self.scope.session.database);
        let has = |(letter, to_grant)| has_privilege(catalog, database, self.role, object, letter, to_grant);
        Ok(Datum::Bool(wanted.into_iter().any(has)))
    }

    /// On what has PostgreSQL's default privileges and no others.
    fn has_by_default(&self, kind: Securable) -> Result<Datum> {
        self.has(Object { kind, owner: POSTGRES_ROLE, grants: &[] })
    }

    /// Everybody may read relations of the system, but for the two that have passwords.
    fn has_on_system(&self, table: &SystemTable) -> Result<Datum> {
        let readable = !matches!(table.name, "pg_authid" | "pg_shadow");
        let superuser = is_superuser(&self.scope.catalog, self.role);
        let wanted = wanted(self.privileges, Securable::Table.letters())?;
        let has = |(letter, to_grant): Wanted| superuser || (letter == 'r' && readable && !to_grant);
        Ok(Datum::Bool(wanted.into_iter().any(has)))
    }

    fn has_on_any_column(&self, table: &Table) -> Result<Datum> {
        if self.has(table.into())? == Datum::Bool(true) {
            return Ok(Datum::Bool(true));
        }
        let any = table.visible_columns().map(|column| self.has_on_column(table, column));
        let any: Vec<bool> = any.collect::<Result<_>>()?;
        Ok(Datum::Bool(any.contains(&true)))
    }

    fn has_on_column(&self, table: &Table, column: &Column) -> Result<bool> {
        let (catalog, database) = (&self.scope.catalog, self.scope.session.database);
        let wanted = wanted(self.privileges, Securable::Column.letters())?;
        let of_column = Object { kind: Securable::Column, owner: Oid(table.owner), grants: &column.privileges };
        Ok(wanted.into_iter().any(|(letter, to_grant)| match to_grant {
            false => has_column_privilege(catalog, database, self.role, table, column, letter),
            true => {
                has_privilege(catalog, database, self.role, table.into(), letter, true)
                    || has_privilege(catalog, database, self.role, of_column, letter, true)
            }
        }))
    }
}

/// What names or numbers an object, as a number.
fn object(scope: &Scope, argument: &Datum, ty: Oid) -> Result<Oid> {
    match argument {
        Datum::Text(text) => name::look_up(scope, ty, text),
        Datum::Oid(oid) => Ok(*oid),
        _ => Err(malformed()),
    }
}

fn check(scope: &Scope, arguments: &[Datum], kind: Kind) -> Result<Datum> {
    use atoll_datum::oid;
    let (role, rest) = role_and_rest(scope, arguments, 2)?;
    let [object_argument, privileges] = rest else { return Err(malformed()) };
    let asked = Asked { scope, role, privileges: text(Some(privileges))? };
    let object = |ty| object(scope, object_argument, ty);
    let catalog = &scope.catalog;
    match kind {
        Kind::Table | Kind::AnyColumn => match Class::find(scope, object(oid::REGCLASS)?) {
            Some(Class::Table(table)) if matches!(kind, Kind::AnyColumn) => asked.has_on_any_column(&table),
            // A sequence is asked about as a table.
            Some(Class::Table(table)) => asked.has(Object { kind: Securable::Table, ..Object::from(&*table) }),
            Some(Class::Index(table, _)) => asked.has((&*table).into()),
            Some(Class::System(table)) => asked.has_on_system(table),
            None => Ok(Datum::Null),
        },
        Kind::Sequence => match Class::find(scope, object(oid::REGCLASS)?) {
            Some(Class::Table(table)) if table.sequence.is_some() => asked.has((&*table).into()),
            Some(other) => {
                let message = format!("\"{}\" is not a sequence", other.name());
                Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message))
            }
            None => Ok(Datum::Null),
        },
        Kind::Database => {
            let database = match object_argument {
                Datum::Text(name) => Some(catalog.database_named(name).ok_or_else(|| missing_database(name))?),
                Datum::Oid(oid) => catalog.databases.get(oid),
                _ => return Err(malformed()),
            };
            database.map_or(Ok(Datum::Null), |database| asked.has((&**database).into()))
        }
        Kind::Schema => {
            let schema = match object_argument {
                Datum::Text(name) => {
                    let found = catalog.schema_named(scope.session.database, name);
                    found.ok_or_else(|| crate::ddl::names::missing_schema(name))?
                }
                _ => object(oid::REGNAMESPACE)?,
            };
            match catalog.schemas.get(&schema) {
                Some(schema) => asked.has((&**schema).into()),
                None if name::schema_name(scope, schema).is_some() => {
                    let public = crate::catalog::Grant { letters: "U".to_owned(), ..Default::default() };
                    asked.has(Object { kind: Securable::Schema, owner: POSTGRES_ROLE, grants: &[public] })
                }
                None => Ok(Datum::Null),
            }
        }
        Kind::Type => {
            let ty = object(oid::REGTYPE)?;
            match catalog.enum_type(ty) {
                Some(entry) => asked.has((&entry.descriptor).into()),
                None if name::of_type(scope, ty).is_some() => asked.has_by_default(Securable::Type),
                None => Ok(Datum::Null),
            }
        }
        Kind::Function => match builtin().function(object(oid::REGPROCEDURE)?) {
            Some(_) => asked.has_by_default(Securable::Function),
            None => Ok(Datum::Null),
        },
        Kind::Language => match object_argument {
            Datum::Text(name) if !matches!(&**name, "internal" | "c" | "sql") => Err(missing("language", name)),
            _ => asked.has_by_default(Securable::Type),
        },
        Kind::Tablespace => match object_argument {
            Datum::Text(name) if !matches!(&**name, "pg_default" | "pg_global") => Err(missing("tablespace", name)),
            _ => asked.has(Object { kind: Securable::Schema, owner: POSTGRES_ROLE, grants: &[] }),
        },
        Kind::Missing(what) => match object_argument {
            Datum::Text(name) => Err(missing(what, name)),
            _ => Ok(Datum::Null),
        },
        Kind::Role => {
            let of = match object_argument {
                Datum::Text(name) => role_named(scope, name)?,
                Datum::Oid(oid) => *oid,
                _ => return Err(malformed()),
            };
            has_role(&asked, of)
        }
    }
}

fn missing(what: &str, name: &str) -> Error {
    Error::new(sqlstate::UNDEFINED_OBJECT, format!("{what} \"{name}\" does not exist"))
}

pub fn missing_database(name: &str) -> Error {
    Error::new(sqlstate::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
}

/// USAGE: acts as it without SET ROLE; MEMBER: may SET ROLE; either WITH ADMIN OPTION: may grant it.
fn has_role(asked: &Asked<'_>, of: Oid) -> Result<Datum> {
    let (catalog, database) = (&asked.scope.catalog, asked.scope.session.database);
    let mut has = false;
    for written in asked.privileges.split(',').map(str::trim) {
        let upper = written.to_ascii_uppercase();
        has |= match upper.as_str() {
            "USAGE" => acts_as(catalog, database, asked.role, of),
            "MEMBER" => is_member(catalog, database, asked.role, of),
            "USAGE WITH GRANT OPTION"
            | "USAGE WITH ADMIN OPTION"
            | "MEMBER WITH GRANT OPTION"
            | "MEMBER WITH ADMIN OPTION" => is_admin(catalog, database, asked.role, of),
            _ => return Err(unrecognized(written)),
        };
    }
    Ok(Datum::Bool(has))
}

fn check_column(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let (role, rest) = role_and_rest(scope, arguments, 3)?;
    let [relation, column, privileges] = rest else { return Err(malformed()) };
    let asked = Asked { scope, role, privileges: text(Some(privileges))? };
    let class = Class::find(scope, object(scope, relation, atoll_datum::oid::REGCLASS)?);
    let missing = |relation: &str, name: &str| {
        let message = format!("column \"{name}\" of relation \"{relation}\" does not exist");
        Error::new(sqlstate::UNDEFINED_COLUMN, message)
    };
    match class {
        Some(Class::Table(table)) => {
            let found = match column {
                Datum::Text(name) => {
                    let found = table.visible_columns().find(|column| column.name == **name);
                    Some(found.ok_or_else(|| missing(&table.name, name))?)
                }
                Datum::Int2(number) => table.visible_columns().find(|column| column.ordinal == *number as u32),
                _ => return Err(malformed()),
            };
            match found {
                Some(column) => asked.has_on_column(&table, column).map(Datum::Bool),
                None => Ok(Datum::Null),
            }
        }
        Some(Class::System(table)) => match column {
            Datum::Text(name) if !table.columns.iter().any(|column| column.name == &**name) => {
                Err(missing(table.name, name))
            }
            _ => asked.has_on_system(table),
        },
        Some(Class::Index(..)) | None => Ok(Datum::Null),
    }
}
