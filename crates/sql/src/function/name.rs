//! Objects of the catalog by name and by number: the types `regclass`, `regtype`, `regproc` and their like.
//!
//! Their input looks a name up along the search path and takes a number as it is; their output is the shortest name that
//! finds the object again, or the number of an object that is not there.

use std::sync::Arc;

use atoll_datum::builtin::{self, builtin};
use atoll_datum::io::{ArrayForm, Form, Names, RecordForm};
use atoll_datum::{Datum, Error, Oid, Result, SqlState, oid, sqlstate};
use atoll_syntax::ast::Name;
use atoll_syntax::print::identifier;

use super::SessionTable;
use crate::bind::{relation, type_name, types};
use crate::catalog::{FIRST_USER_OID, PG_CATALOG};
use crate::ddl::names;
use crate::session::Scope;
use crate::system::Class;
use crate::types::Type;

pub const SESSION: SessionTable = &[
    ("regclassin", |scope, _, arguments| input(scope, arguments, class)),
    ("regtypein", |scope, _, arguments| input(scope, arguments, type_of)),
    ("regprocin", |scope, _, arguments| input(scope, arguments, function)),
    ("regprocedurein", |scope, _, arguments| input(scope, arguments, function_with_arguments)),
    ("regoperin", |scope, _, arguments| input(scope, arguments, operator)),
    ("regoperatorin", |scope, _, arguments| input(scope, arguments, operator_with_arguments)),
    ("regnamespacein", |scope, _, arguments| input(scope, arguments, schema)),
    ("regrolein", |scope, _, arguments| input(scope, arguments, role)),
    ("regcollationin", |scope, _, arguments| input(scope, arguments, collation)),
    ("to_regclass", |scope, _, arguments| found(scope, arguments, class)),
    ("to_regtype", |scope, _, arguments| found(scope, arguments, type_of)),
    ("to_regproc", |scope, _, arguments| found(scope, arguments, function)),
    ("to_regprocedure", |scope, _, arguments| found(scope, arguments, function_with_arguments)),
    ("to_regoper", |scope, _, arguments| found(scope, arguments, operator)),
    ("to_regoperator", |scope, _, arguments| found(scope, arguments, operator_with_arguments)),
    ("to_regnamespace", |scope, _, arguments| found(scope, arguments, schema)),
    ("to_regrole", |scope, _, arguments| found(scope, arguments, role)),
    ("to_regcollation", |scope, _, arguments| found(scope, arguments, collation)),
    ("text_regclass", |scope, _, arguments| input(scope, arguments, class)),
];

type Lookup = fn(&Scope, &str) -> Result<Oid>;

pub(super) fn text(arguments: &[Datum]) -> Result<&str> {
    match arguments.first() {
        Some(Datum::Text(text)) => Ok(text),
        _ => Err(Error::internal("a function of names was called without one")),
    }
}

fn input(scope: &Scope, arguments: &[Datum], lookup: Lookup) -> Result<Datum> {
    parse(scope, text(arguments)?, lookup).map(Datum::Oid)
}

/// A name; a number, which needs no object; or `-`, which is none.
fn parse(scope: &Scope, text: &str, lookup: Lookup) -> Result<Oid> {
    match text.parse() {
        _ if text == "-" => Ok(Oid::NONE),
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Oid(number)),
        _ => lookup(scope, text),
    }
}

/// NULL if there is no such object.
fn found(scope: &Scope, arguments: &[Datum], lookup: Lookup) -> Result<Datum> {
    const MISSING: [SqlState; 5] = [
        sqlstate::UNDEFINED_TABLE,
        sqlstate::UNDEFINED_OBJECT,
        sqlstate::UNDEFINED_FUNCTION,
        sqlstate::INVALID_SCHEMA_NAME,
        sqlstate::AMBIGUOUS_FUNCTION,
    ];
    match input(scope, arguments, lookup) {
        Err(error) if MISSING.contains(&error.state()) => Ok(Datum::Null),
        other => other,
    }
}

/// What the type's input function looks up; none if it is not one of these types.
fn lookup_of(ty: Oid) -> Option<Lookup> {
    Some(match ty {
        oid::REGCLASS => class,
        oid::REGTYPE => type_of,
        oid::REGPROC => function,
        oid::REGPROCEDURE => function_with_arguments,
        oid::REGOPER => operator,
        oid::REGOPERATOR => operator_with_arguments,
        oid::REGNAMESPACE => schema,
        oid::REGROLE => role,
        oid::REGCOLLATION => collation,
        _ => return None,
    })
}

/// Whether values of the type are read and printed as names.
pub fn is_name_type(ty: Oid) -> bool {
    lookup_of(ty).is_some()
}

/// Reads a value of one of these types.
pub fn read(scope: &Scope, ty: Oid, text: &str) -> Result<Oid> {
    match lookup_of(ty) {
        Some(lookup) => parse(scope, text, lookup),
        None => Err(Error::internal("a type whose values are no names was to be read as one")),
    }
}

/// The object that a name means, which must not be a number: the number is the name then.
pub fn look_up(scope: &Scope, ty: Oid, text: &str) -> Result<Oid> {
    match lookup_of(ty) {
        Some(lookup) => lookup(scope, text),
        None => Err(Error::internal("names of a type that has none were to be looked up")),
    }
}

/// Prints a value of one of these types.
pub fn shown(scope: &Scope, ty: Oid, object: Oid) -> String {
    let name = match ty {
        _ if object.is_none() => Some("-".to_owned()),
        oid::REGCLASS => Some(of_relation(scope, object)),
        oid::REGTYPE => of_type(scope, object),
        oid::REGPROC => builtin().function(object).map(of_function),
        oid::REGPROCEDURE => builtin().function(object).map(|row| signature(scope, row)),
        oid::REGOPER => builtin().operator(object).map(of_operator),
        oid::REGOPERATOR => builtin().operator(object).map(|row| operator_signature(scope, row)),
        oid::REGNAMESPACE => schema_name(scope, object).map(|name| identifier(&name)),
        oid::REGROLE => scope.catalog.roles.get(&object).map(|role| identifier(&role.name)),
        oid::REGCOLLATION => COLLATIONS.iter().find(|(known, _)| *known == object).map(|(_, name)| identifier(name)),
        _ => None,
    };
    name.unwrap_or_else(|| object.to_string())
}

// ---------------------------------------------------------------------------------------------------------------- forms

#[derive(Clone)]
struct NamesOf {
    scope: Scope,
    ty: Oid,
}

impl std::fmt::Debug for NamesOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "names of the type with OID {}", self.ty)
    }
}

impl Names for NamesOf {
    fn parse(&self, text: &str) -> Result<Oid> {
        read(&self.scope, self.ty, text)
    }

    fn name(&self, oid: Oid) -> String {
        shown(&self.scope, self.ty, oid)
    }
}

/// The same for types of which nothing but their oid needs to be known; none for others, and for those that there are
/// no values of.
pub fn plain_form(ty: Oid) -> Option<Form> {
    if ty.0 < FIRST_USER_OID && !is_name_type(ty) { Form::of(ty) } else { None }
}

/// How values of a type are read and printed in a session: types of names too, and those that only system relations
/// have columns of.
pub fn form(scope: &Scope, ty: Oid) -> Option<Form> {
    match ty {
        oid::XID | oid::CID => Form::of(oid::OID),
        oid::PG_NODE_TREE
        | oid::ACLITEM
        | oid::INET
        | oid::PG_LSN
        | oid::ANYARRAY
        | oid::PG_NDISTINCT
        | oid::PG_DEPENDENCIES
        | oid::PG_MCV_LIST => Form::of(oid::TEXT),
        ty if is_name_type(ty) => Some(Form::Named(Arc::new(NamesOf { scope: scope.clone(), ty }))),
        ty if types::is_composite(&scope.catalog, ty) => {
            let table = scope.catalog.row_type_table(ty)?;
            let fields = table.visible_columns().map(|column| (column.name.as_str().into(), column.ty()));
            record_form(scope, ty, fields).ok().map(|form| Form::Record(Arc::new(form)))
        }
        ty => scope.catalog.form(ty).or_else(|| {
            let element_type = types::element(&scope.catalog, ty)?;
            let element = form(scope, element_type)?;
            Some(Form::Array(Arc::new(ArrayForm { element_type, element, delimiter: b',' })))
        }),
    }
}

/// Of records with these fields.
pub fn record_form(scope: &Scope, of: Oid, fields: impl IntoIterator<Item = (Arc<str>, Type)>) -> Result<RecordForm> {
    let (mut names, mut kinds, mut forms) = (Vec::new(), Vec::new(), Vec::new());
    for (name, ty) in fields {
        names.push(name);
        kinds.push(ty.oid);
        let missing = || Error::unsupported(format!("a value of type {}", crate::bind::format_type(scope, ty)));
        forms.push((form(scope, ty.oid).ok_or_else(missing)?, ty.modifier));
    }
    Ok(RecordForm { of, names: names.into(), types: kinds.into(), fields: forms })
}

// --------------------------------------------------------------------------------------------------------------- looking

fn class(scope: &Scope, text: &str) -> Result<Oid> {
    let names = names::parse_qualified(text)?;
    if let [schema, _] = names.as_slice()
        && scope.catalog.schema_named(scope.session.database, schema.as_str()).is_none()
    {
        return Err(names::missing_schema(schema.as_str()));
    }
    relation::relation(scope, &names).map(|found| found.oid()).map_err(Error::without_position)
}

fn type_of(scope: &Scope, text: &str) -> Result<Oid> {
    let written = atoll_syntax::parse_type(text).map_err(Error::without_position)?;
    type_name(scope, &written).map(|ty| ty.oid).map_err(Error::without_position)
}

/// The last part of a name that may be in pg_catalog only: built-in functions and operators are all there are.
fn builtin_name<'n>(scope: &Scope, names: &'n [Name]) -> Option<&'n str> {
    match names {
        [name] => Some(name.as_str()),
        [schema, name] => {
            let schema = scope.catalog.schema_named(scope.session.database, schema.as_str())?;
            (schema == PG_CATALOG).then(|| name.as_str())
        }
        _ => None,
    }
}

fn function(scope: &Scope, text: &str) -> Result<Oid> {
    let names = names::parse_qualified(text)?;
    let mut rows = builtin_name(scope, &names).into_iter().flat_map(|name| builtin().functions_named(name));
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(row.oid),
        (None, _) => {
            let message = format!("function \"{text}\" does not exist");
            Err(Error::new(sqlstate::UNDEFINED_FUNCTION, message))
        }
        _ => Err(Error::new(sqlstate::AMBIGUOUS_FUNCTION, format!("more than one function named \"{text}\""))),
    }
}

/// `name(type, type)`: the name, and the types.
fn split_signature<'t>(scope: &Scope, text: &'t str) -> Result<(&'t str, Vec<Oid>)> {
    let malformed = |what| Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, what);
    let open = text.find('(').ok_or_else(|| malformed("expected a left parenthesis"))?;
    let inside =
        text[open + 1..].trim_end().strip_suffix(')').ok_or_else(|| malformed("expected a right parenthesis"))?;
    let mut types = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in inside.char_indices().chain([(inside.len(), ',')]) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                let written = inside[start..at].trim();
                if !written.is_empty() {
                    types.push(if written.eq_ignore_ascii_case("none") { Oid::NONE } else { type_of(scope, written)? });
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    Ok((text[..open].trim(), types))
}

fn function_with_arguments(scope: &Scope, text: &str) -> Result<Oid> {
    let (name, types) = split_signature(scope, text)?;
    let names = names::parse_qualified(name)?;
    let mut rows = builtin_name(scope, &names).into_iter().flat_map(|name| builtin().functions_named(name));
    let missing = || Error::new(sqlstate::UNDEFINED_FUNCTION, format!("function \"{text}\" does not exist"));
    rows.find(|row| row.arguments == types).map(|row| row.oid).ok_or_else(missing)
}

fn operator_name(text: &str) -> &str {
    text.strip_prefix("pg_catalog.").unwrap_or(text)
}

fn operator(_: &Scope, text: &str) -> Result<Oid> {
    let mut rows = builtin().operators_named(operator_name(text));
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(row.oid),
        (None, _) => Err(Error::new(sqlstate::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"))),
        _ => Err(Error::new(sqlstate::AMBIGUOUS_FUNCTION, format!("more than one operator named {text}"))),
    }
}

fn operator_with_arguments(scope: &Scope, text: &str) -> Result<Oid> {
    let (name, types) = split_signature(scope, text)?;
    let mut rows = builtin().operators_named(operator_name(name));
    let missing = || Error::new(sqlstate::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"));
    rows.find(|row| types == [row.left, row.right]).map(|row| row.oid).ok_or_else(missing)
}

/// The one name that is allowed here.
fn single(text: &str) -> Result<Name> {
    match <[Name; 1]>::try_from(names::parse_qualified(text)?) {
        Ok([name]) => Ok(name),
        Err(_) => Err(Error::new(sqlstate::INVALID_NAME, "invalid name syntax")),
    }
}

fn schema(scope: &Scope, text: &str) -> Result<Oid> {
    let name = single(text)?;
    let found = scope.catalog.schema_named(scope.session.database, name.as_str());
    found.ok_or_else(|| names::missing_schema(name.as_str()))
}

fn role(scope: &Scope, text: &str) -> Result<Oid> {
    let name = single(text)?;
    let found = scope.catalog.role_named(name.as_str());
    let missing = || Error::new(sqlstate::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"));
    found.map(|role| Oid(role.oid)).ok_or_else(missing)
}

const COLLATIONS: [(Oid, &str); 3] = [(Oid(100), "default"), (Oid(950), "C"), (Oid(951), "POSIX")];

fn collation(scope: &Scope, text: &str) -> Result<Oid> {
    let names = names::parse_qualified(text)?;
    let name = builtin_name(scope, &names);
    let found = COLLATIONS.iter().find(|(_, known)| name == Some(known)).map(|(oid, _)| *oid);
    found.ok_or_else(|| {
        let message = format!("collation \"{}\" for encoding \"UTF8\" does not exist", names::dotted(&names));
        Error::new(sqlstate::UNDEFINED_OBJECT, message)
    })
}

// --------------------------------------------------------------------------------------------------------------- showing

/// Whether the unqualified name finds this relation.
pub fn is_visible(scope: &Scope, class: &Class) -> bool {
    let found = relation::search_path(scope).find_map(|schema| relation::in_schema(scope, schema, class.name()));
    found.is_some_and(|found| found.oid() == class.oid())
}

/// Qualified unless it is visible; the number of what is not there.
pub fn of_relation(scope: &Scope, oid: Oid) -> String {
    match Class::find(scope, oid) {
        Some(class) if is_visible(scope, &class) => identifier(class.name()),
        Some(class) => names::qualified(&scope.catalog, class.schema(), class.name()),
        None => oid.to_string(),
    }
}

/// The name of a type that there is.
pub fn of_type(scope: &Scope, ty: Oid) -> Option<String> {
    let catalog = &scope.catalog;
    let is_there = builtin().type_by_oid(ty).is_some()
        || types::is_enum(catalog, ty)
        || types::element(catalog, ty).is_some()
        || catalog.row_type_table(ty).is_some();
    is_there.then(|| types::name(catalog, &scope.session.search_path, ty))
}

/// pg_catalog is always looked in, so its functions need no schema unless another one shadows them, which none can.
/// Several of one name are told apart by the schema that PostgreSQL puts before them.
fn of_function(row: &builtin::Function) -> String {
    match builtin().functions_named(row.name).nth(1) {
        None => identifier(row.name),
        Some(_) => format!("pg_catalog.{}", identifier(row.name)),
    }
}

fn type_list(scope: &Scope, types: impl Iterator<Item = Oid>) -> String {
    let shown = types.map(|ty| if ty.is_none() { "none".to_owned() } else { shown(scope, oid::REGTYPE, ty) });
    shown.collect::<Vec<_>>().join(",")
}

fn signature(scope: &Scope, row: &builtin::Function) -> String {
    format!("{}({})", identifier(row.name), type_list(scope, row.arguments.iter().copied()))
}

fn of_operator(row: &builtin::Operator) -> String {
    match builtin().operators_named(row.name).nth(1) {
        None => row.name.to_owned(),
        Some(_) => format!("pg_catalog.{}", row.name),
    }
}

fn operator_signature(scope: &Scope, row: &builtin::Operator) -> String {
    format!("{}({})", row.name, type_list(scope, [row.left, row.right].into_iter()))
}

pub fn schema_name(scope: &Scope, schema: Oid) -> Option<String> {
    Some(names::schema_name(&scope.catalog, schema)).filter(|name| !name.is_empty())
}
