//! Relations by name: tables, views, sequences, indexes, and the tables of pg_catalog, by `search_path`.

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::Name;

use super::names::dotted;
use crate::catalog::{IndexId, PG_CATALOG, Table};
use crate::session::Scope;
use crate::system::{self, SystemTable};

/// What a name in the namespace of relations means.
#[derive(Clone, Debug)]
pub enum Found {
    /// A table, view, sequence or materialized view.
    Table(Arc<Table>),
    Index(Arc<Table>, IndexId),
    System(&'static SystemTable),
}

impl Found {
    pub fn oid(&self) -> Oid {
        match self {
            Found::Table(table) => table.oid(),
            Found::Index(table, index) => Oid(table.index(*index).map_or(0, |index| index.oid)),
            Found::System(table) => table.oid,
        }
    }
}

pub fn in_schema(scope: &Scope, schema: Oid, name: &str) -> Option<Found> {
    if let Some(table) = scope.catalog.table_named(schema, name) {
        return Some(Found::Table(table.clone()));
    }
    if let Some((table, index)) = scope.catalog.index_named(schema, name) {
        return Some(Found::Index(table.clone(), index.id()));
    }
    system::table(schema, name).map(Found::System)
}

/// The schemas that an unqualified name is looked for in, in order.
pub fn search_path(scope: &Scope) -> impl Iterator<Item = Oid> {
    let listed = &scope.session.search_path;
    let first = (!listed.contains(&PG_CATALOG)).then_some(PG_CATALOG);
    first.into_iter().chain(listed.iter().copied())
}

/// 42P01 if there is none.
pub fn relation(scope: &Scope, names: &[Name]) -> Result<Found> {
    relation_in(scope, names)?.ok_or_else(|| missing(names))
}

/// None if there is none; an error if the name itself is wrong.
pub fn relation_in(scope: &Scope, names: &[Name]) -> Result<Option<Found>> {
    let at = names.first().map_or(0, |name| name.at.offset());
    match names {
        [name] => Ok(search_path(scope).find_map(|schema| in_schema(scope, schema, name.as_str()))),
        [schema, name] => Ok(scope
            .catalog
            .schema_named(scope.session.database, schema.as_str())
            .and_then(|schema| in_schema(scope, schema, name.as_str()))),
        [database, schema, name] => {
            let own = scope.catalog.databases.get(&scope.session.database);
            if own.is_none_or(|own| own.name != database.as_str()) {
                let message = format!("cross-database references are not implemented: \"{}\"", dotted(names));
                return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at));
            }
            relation_in(scope, &[schema.clone(), name.clone()])
        }
        _ => {
            let message = format!("improper relation name (too many dotted names): {}", dotted(names));
            Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(at))
        }
    }
}

pub fn missing(names: &[Name]) -> Error {
    let at = names.first().map_or(0, |name| name.at.offset());
    Error::new(sqlstate::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", dotted(names))).at(at)
}

pub fn is_an_index(index: &str, names: &[Name]) -> Error {
    let at = names.first().map_or(0, |name| name.at.offset());
    Error::new(sqlstate::WRONG_OBJECT_TYPE, format!("\"{index}\" is an index")).at(at)
}
