//! Objects by name, and the names that PostgreSQL chooses when nobody gives one.

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{At, Name, QualifiedName};
use atoll_syntax::print::identifier;

use super::Definition;
use super::access;
use crate::catalog::{Catalog, INFORMATION_SCHEMA, Index, PG_CATALOG, RelationKind, Table};
use crate::session::Scope;

/// The longest identifier.
pub const NAME_BYTES_MAX: usize = 63;

pub fn dotted(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(".")
}

pub fn at(names: &[Name]) -> usize {
    names.first().map_or(0, |name| name.at.offset())
}

/// As SQL text, with quotes where they are needed.
pub fn qualified(catalog: &Catalog, schema: Oid, name: &str) -> String {
    format!("{}.{}", identifier(&schema_name(catalog, schema)), identifier(name))
}

pub fn schema_name(catalog: &Catalog, schema: Oid) -> String {
    match schema {
        PG_CATALOG => "pg_catalog".to_owned(),
        INFORMATION_SCHEMA => "information_schema".to_owned(),
        _ => catalog.schemas.get(&schema).map_or_else(String::new, |schema| schema.name.clone()),
    }
}

/// A name out of a function's argument: `a.b`, `"A".b`.
pub fn parse_qualified(text: &str) -> Result<QualifiedName> {
    let invalid = || Error::new(sqlstate::INVALID_NAME, "invalid name syntax");
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut name = String::new();
                let mut quoted = quoted;
                loop {
                    let end = quoted.find('"').ok_or_else(invalid)?;
                    name.push_str(&quoted[..end]);
                    quoted = &quoted[end + 1..];
                    match quoted.strip_prefix('"') {
                        Some(more) => {
                            name.push('"');
                            quoted = more;
                        }
                        None => break (name, quoted),
                    }
                }
            }
            None => {
                let end = rest.find(|c: char| c == '.' || c.is_whitespace() || c == '"').unwrap_or(rest.len());
                (rest[..end].to_lowercase(), &rest[end..])
            }
        };
        if name.is_empty() {
            return Err(invalid());
        }
        names.push(Name::new(name, At::default()));
        rest = after.trim_start();
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => return Ok(names),
            None => return Err(invalid()),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------- finding

pub fn missing_relation(names: &[Name]) -> Error {
    Error::new(sqlstate::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", dotted(names))).at(at(names))
}

pub fn missing_schema(name: &str) -> Error {
    Error::new(sqlstate::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
}

fn own_database(scope: &Scope, names: &[Name]) -> Result<()> {
    let own = scope.catalog.databases.get(&scope.session.database);
    if own.is_some_and(|own| own.name == names[0].as_str()) {
        return Ok(());
    }
    let message = format!("cross-database references are not implemented: \"{}\"", dotted(names));
    Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at(names)))
}

/// The schema and the last part of a name; no schema means the search path.
fn split<'n>(scope: &Scope, names: &'n [Name]) -> Result<(Option<&'n Name>, &'n Name)> {
    match names {
        [name] => Ok((None, name)),
        [schema, name] => Ok((Some(schema), name)),
        [_, schema, name] => {
            own_database(scope, names)?;
            Ok((Some(schema), name))
        }
        _ => {
            let message = format!("improper qualified name (too many dotted names): {}", dotted(names));
            Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(at(names)))
        }
    }
}

/// What is found first by an unqualified name, or in the one schema that is named.
fn find<T>(scope: &Scope, names: &[Name], look: impl Fn(Oid, &str) -> Option<T>) -> Result<Option<T>> {
    let (schema, name) = split(scope, names)?;
    Ok(match schema {
        None => scope.session.search_path.iter().find_map(|schema| look(*schema, name.as_str())),
        Some(schema) => scope
            .catalog
            .schema_named(scope.session.database, schema.as_str())
            .and_then(|schema| look(schema, name.as_str())),
    })
}

/// A table, view or sequence.
pub fn find_relation(scope: &Scope, names: &[Name]) -> Result<Option<Arc<Table>>> {
    find(scope, names, |schema, name| scope.catalog.table_named(schema, name).cloned())
}

pub fn find_index(scope: &Scope, names: &[Name]) -> Result<Option<(Arc<Table>, Index)>> {
    find(scope, names, |schema, name| {
        let (table, index) = scope.catalog.index_named(schema, name)?;
        Some((table.clone(), index.clone()))
    })
}

pub fn find_enum(scope: &Scope, names: &[Name]) -> Result<Option<Oid>> {
    find(scope, names, |schema, name| Some(Oid(scope.catalog.enum_named(schema, name)?.descriptor.oid)))
}

/// 42P01 if the relation is not there.
pub fn relation(scope: &Scope, names: &[Name]) -> Result<Arc<Table>> {
    find_relation(scope, names)?.ok_or_else(|| missing_relation(names).without_position())
}

/// Whether an unqualified name finds this one.
pub fn is_visible(scope: &Scope, schema: Oid, name: &str) -> bool {
    let catalog = &scope.catalog;
    let has = |schema: Oid| catalog.table_named(schema, name).is_some() || catalog.index_named(schema, name).is_some();
    scope.session.search_path.iter().copied().find(|schema| has(*schema)) == Some(schema)
}

/// As messages about dependencies name a relation: qualified unless it is visible.
pub fn shown(scope: &Scope, schema: Oid, name: &str) -> String {
    if is_visible(scope, schema, name) { identifier(name) } else { qualified(&scope.catalog, schema, name) }
}

/// What messages call a relation.
pub fn kind_text(table: &Table) -> &'static str {
    match table.kind() {
        RelationKind::Table => "table",
        RelationKind::View => "view",
        RelationKind::Sequence => "sequence",
        RelationKind::MaterializedView => "materialized view",
    }
}

impl Definition<'_> {
    /// The schema in which a new object of this name is to be made, which the role may do.
    pub fn creation_schema(&self, names: &[Name]) -> Result<Oid> {
        let (schema, name) = split(&self.scope, names)?;
        let oid = match schema {
            Some(schema) if schema.as_str() == "pg_catalog" => {
                let message = format!("permission denied to create \"{schema}.{name}\"");
                let detail = "System catalog modifications are currently disallowed.";
                return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).detail(detail));
            }
            Some(schema) => match self.catalog().schema_named(self.database(), schema.as_str()) {
                Some(oid) => oid,
                None => return Err(missing_schema(schema.as_str()).at(schema.at.offset())),
            },
            None => {
                let path = &self.scope.session.search_path;
                let first = path.iter().copied().find(|schema| *schema != PG_CATALOG);
                first.ok_or_else(|| {
                    Error::new(sqlstate::INVALID_SCHEMA_NAME, "no schema has been selected to create in").at(at(names))
                })?
            }
        };
        access::check_create_in(self, oid).map_err(|error| error.at(at(names)))?;
        Ok(oid)
    }

    /// Whether a relation (tables, views, sequences, indexes share their names) is there.
    pub fn relation_exists(&self, schema: Oid, name: &str) -> bool {
        self.catalog().table_named(schema, name).is_some() || self.catalog().index_named(schema, name).is_some()
    }
}

// --------------------------------------------------------------------------------------------------------------- choosing

/// The beginning of a text, at most so many bytes long.
pub fn clip(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `first_second_label`, shortened where it is longest until it fits.
pub fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let separators = usize::from(second.is_some()) + usize::from(!label.is_empty());
    let room = NAME_BYTES_MAX - label.len() - separators;
    let (mut a, mut b) = (first.len(), second.map_or(0, str::len));
    while a + b > room {
        if a > b { a -= 1 } else { b -= 1 }
    }
    let mut name = clip(first, a).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clip(second, b));
    }
    if !label.is_empty() {
        name.push('_');
        name.push_str(label);
    }
    name
}

/// The first of `object_name(…, label)`, `label1`, `label2`, … that is not taken.
pub fn choose(first: &str, second: Option<&str>, label: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let plain = object_name(first, second, label);
    if !is_taken(&plain) {
        return plain;
    }
    let numbered = (1u32..).map(|number| object_name(first, second, &format!("{label}{number}")));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(plain)
}

/// Columns' names as they stand in the names of indexes and foreign keys.
pub fn joined<'n>(columns: impl IntoIterator<Item = &'n str>) -> String {
    let mut name = String::new();
    for column in columns {
        if !name.is_empty() {
            name.push('_');
        }
        name.push_str(column);
        if name.len() > NAME_BYTES_MAX {
            break;
        }
    }
    clip(&name, NAME_BYTES_MAX).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chosen_as_in_postgresql() {
        assert_eq!(object_name("t", Some("a"), "key"), "t_a_key");
        assert_eq!(object_name("t", None, "pkey"), "t_pkey");
        let long = "x".repeat(63);
        assert_eq!(object_name(&long, Some("abc"), "key"), format!("{}_abc_key", "x".repeat(55)));
        assert_eq!(object_name(&long, Some(&long), "key").len(), 63);
        assert_eq!(choose("t", Some("a"), "key", |name| name == "t_a_key"), "t_a_key1");
        assert_eq!(clip("äö", 3), "ä");
    }

    #[test]
    fn names_in_text() {
        let names = |text| parse_qualified(text).map(|names| dotted(&names));
        assert_eq!(names("Public . T").unwrap(), "public.t");
        assert_eq!(names("\"A \"\"b\".c").unwrap(), "A \"b.c");
        assert!(names("").is_err() && names("a.").is_err() && names("a b").is_err() && names("\"a").is_err());
    }
}
