//! DROP of relations, indexes, schemas, types, and of parts of tables.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, DropBehavior, ObjectKind, ObjectName};

use super::dependency::{self, Thing};
use super::{Definition, data, names, rename, table};
use crate::catalog::store::Kind;
use crate::catalog::{INFORMATION_SCHEMA, PG_CATALOG, RelationKind, Role, Table, privileges};
use crate::exec::Result;
use crate::session::locks::Mode;

pub async fn execute(definition: &mut Definition<'_>, drop: &ast::Drop) -> Result<()> {
    if drop.concurrently && definition.in_block {
        let message = "DROP INDEX CONCURRENTLY cannot run inside a transaction block";
        return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message).into());
    }
    let mut wanted = Vec::new();
    for object in &drop.objects {
        let found = match object.kind {
            ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => {
                relation(definition, object, drop.if_exists).await?
            }
            ObjectKind::Index => index(definition, object, drop.if_exists).await?,
            ObjectKind::Schema => schema(definition, object, drop.if_exists)?,
            ObjectKind::Type | ObjectKind::Domain => user_type(definition, object, drop.if_exists)?,
            _ => unknown(definition, object, drop.if_exists)?,
        };
        wanted.extend(found.filter(|thing| !wanted.contains(thing)));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    remove(definition, &wanted, drop.behavior).await
}

fn exists_not(definition: &mut Definition<'_>, error: Error, if_exists: bool) -> Result<Option<Thing>> {
    if !if_exists {
        return Err(error.without_position().into());
    }
    definition.skip(error.message().to_owned());
    Ok(None)
}

fn kind_of(kind: ObjectKind) -> (RelationKind, &'static str, &'static str) {
    match kind {
        ObjectKind::View => (RelationKind::View, "view", "a view"),
        ObjectKind::MaterializedView => (RelationKind::MaterializedView, "materialized view", "a materialized view"),
        ObjectKind::Sequence => (RelationKind::Sequence, "sequence", "a sequence"),
        _ => (RelationKind::Table, "table", "a table"),
    }
}

/// What to use instead, when the kind was wrong.
fn drop_hint(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "Use DROP TABLE to remove a table.",
        RelationKind::View => "Use DROP VIEW to remove a view.",
        RelationKind::Sequence => "Use DROP SEQUENCE to remove a sequence.",
        RelationKind::MaterializedView => "Use DROP MATERIALIZED VIEW to remove a materialized view.",
    }
}

/// IF EXISTS is content with a schema that does not exist.
fn missing_in_schema(definition: &Definition<'_>, name: &[ast::Name]) -> Option<Error> {
    let [.., schema, _] = name else { return None };
    let is_there = definition.catalog().schema_named(definition.database(), schema.as_str()).is_some();
    (!is_there).then(|| names::missing_schema(schema.as_str()))
}

async fn relation(definition: &mut Definition<'_>, object: &ObjectName, if_exists: bool) -> Result<Option<Thing>> {
    let (kind, what, article) = kind_of(object.kind);
    let missing = |definition: &Definition<'_>| {
        let error = missing_in_schema(definition, &object.name).filter(|_| if_exists);
        error.unwrap_or_else(|| {
            let message = format!("{what} \"{}\" does not exist", names::dotted(&object.name));
            Error::new(sqlstate::UNDEFINED_TABLE, message)
        })
    };
    let found = match names::find_relation(&definition.scope, &object.name)? {
        Some(found) => found,
        None => {
            if let Some((_, index)) = names::find_index(&definition.scope, &object.name)? {
                let message = format!("\"{}\" is not {article}", index.name);
                let hint = "Use DROP INDEX to remove an index.";
                return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).hint(hint).into());
            }
            let error = missing(definition);
            return exists_not(definition, error, if_exists);
        }
    };
    if found.kind() != kind {
        let message = format!("\"{}\" is not {article}", found.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).hint(drop_hint(found.kind())).into());
    }
    let owns_schema =
        definition.catalog().schemas.get(&Oid(found.schema)).is_some_and(|schema| definition.acts_as(schema.owner));
    if !owns_schema {
        definition.check_owner(&found)?;
    }
    let Some(found) = definition.lock(found.oid(), Mode::AccessExclusive).await? else {
        let error = missing(definition);
        return exists_not(definition, error, if_exists);
    };
    if let Some(sequence) = &found.sequence
        && let Some(owner) = definition.catalog().table(Oid(sequence.owner_table))
        && let Some(column) =
            owner.live_columns().find(|column| column.sequence == found.oid && column.identity.is_some())
    {
        let owner = Thing::Column(owner.oid(), column.ordinal).text(&definition.scope);
        let own = Thing::Relation(found.oid()).text(&definition.scope);
        let message = format!("cannot drop {own} because {owner} requires it");
        return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .hint(format!("You can drop {owner} instead."))
            .into());
    }
    Ok(Some(Thing::Relation(found.oid())))
}

async fn index(definition: &mut Definition<'_>, object: &ObjectName, if_exists: bool) -> Result<Option<Thing>> {
    let missing = |definition: &Definition<'_>| {
        let error = missing_in_schema(definition, &object.name).filter(|_| if_exists);
        error.unwrap_or_else(|| {
            let message = format!("index \"{}\" does not exist", names::dotted(&object.name));
            Error::new(sqlstate::UNDEFINED_OBJECT, message)
        })
    };
    let Some((of, _)) = names::find_index(&definition.scope, &object.name)? else {
        if let Some(found) = names::find_relation(&definition.scope, &object.name)? {
            let message = format!("\"{}\" is not an index", found.name);
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).hint(drop_hint(found.kind())).into());
        }
        let error = missing(definition);
        return exists_not(definition, error, if_exists);
    };
    if !definition.acts_as(of.owner) {
        let name = object.name.last().map_or("", ast::Name::as_str);
        return Err(privileges::not_owner("index", name).into());
    }
    definition.lock(of.oid(), Mode::AccessExclusive).await?;
    let Some((of, index)) = names::find_index(&definition.scope, &object.name)? else {
        let error = missing(definition);
        return exists_not(definition, error, if_exists);
    };
    let thing = Thing::Index(of.oid(), Oid(index.oid));
    if index.constraint != 0 {
        let constraint = Thing::Constraint(of.oid(), index.constraint).text(&definition.scope);
        let message = format!("cannot drop {} because {constraint} requires it", thing.text(&definition.scope));
        return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .hint(format!("You can drop {constraint} instead."))
            .into());
    }
    Ok(Some(thing))
}

fn schema(definition: &mut Definition<'_>, object: &ObjectName, if_exists: bool) -> Result<Option<Thing>> {
    let name = object.name.last().map_or("", ast::Name::as_str);
    let Some(oid) = definition.catalog().schema_named(definition.database(), name) else {
        return exists_not(definition, names::missing_schema(name), if_exists);
    };
    if oid == PG_CATALOG || oid == INFORMATION_SCHEMA {
        let message = format!("cannot drop schema {name} because it is required by the database system");
        return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message).into());
    }
    let owner = definition.catalog().schemas.get(&oid).map_or(0, |schema| schema.owner);
    if !definition.acts_as(owner) {
        return Err(privileges::not_owner("schema", name).into());
    }
    Ok(Some(Thing::Schema(oid)))
}

fn user_type(definition: &mut Definition<'_>, object: &ObjectName, if_exists: bool) -> Result<Option<Thing>> {
    let missing = |definition: &Definition<'_>| {
        let error = missing_in_schema(definition, &object.name).filter(|_| if_exists);
        error.unwrap_or_else(|| {
            let message = format!("type \"{}\" does not exist", names::dotted(&object.name));
            Error::new(sqlstate::UNDEFINED_OBJECT, message)
        })
    };
    let Some(oid) = names::find_enum(&definition.scope, &object.name)? else {
        if let Some(of) = names::find_relation(&definition.scope, &object.name)?.filter(|of| of.row_type != 0) {
            let of_type = names::shown(&definition.scope, Oid(of.schema), &of.name);
            let owner = Thing::Relation(of.oid()).text(&definition.scope);
            let message = format!("cannot drop type {of_type} because {owner} requires it");
            return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .hint(format!("You can drop {owner} instead."))
                .into());
        }
        if let Some(row) =
            object.name.last().and_then(|name| atoll_datum::builtin::builtin().type_by_name(name.as_str()))
        {
            let text = super::binding::type_text(&definition.scope, row.oid.into());
            let message = format!("cannot drop type {text} because it is required by the database system");
            return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message).into());
        }
        let error = missing(definition);
        return exists_not(definition, error, if_exists);
    };
    let Some(entry) = definition.catalog().enum_type(oid) else {
        return Err(Error::internal("a type that is gone").into());
    };
    if object.kind == ObjectKind::Domain {
        let message = format!("\"{}\" is not a domain", entry.descriptor.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    if !definition.acts_as(entry.descriptor.owner) {
        return Err(privileges::not_owner("type", &entry.descriptor.name).into());
    }
    Ok(Some(Thing::Type(oid)))
}

/// Kinds of objects that nobody can have made.
fn unknown(definition: &mut Definition<'_>, object: &ObjectName, if_exists: bool) -> Result<Option<Thing>> {
    let what = super::kind_words(object.kind).to_lowercase();
    let name = names::dotted(&object.name);
    let (state, message) = match object.kind {
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            let message = match object.rest {
                ast::ObjectNameRest::None => format!("could not find a {what} named \"{name}\""),
                _ => format!("{what} {name}() does not exist"),
            };
            let message = if if_exists { format!("{what} {name}() does not exist") } else { message };
            (sqlstate::UNDEFINED_FUNCTION, message)
        }
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
            let relation = match &object.rest {
                ast::ObjectNameRest::On(relation) => relation.as_slice(),
                _ => &[],
            };
            if names::find_relation(&definition.scope, relation)?.is_none() {
                return exists_not(definition, names::missing_relation(relation), if_exists);
            }
            let table = names::dotted(relation);
            let message = match object.kind {
                ObjectKind::Trigger => format!("trigger \"{name}\" for table \"{table}\" does not exist"),
                ObjectKind::Rule => format!("rule \"{name}\" for relation \"{table}\" does not exist"),
                _ => format!("policy \"{name}\" for relation \"{table}\" does not exist"),
            };
            (sqlstate::UNDEFINED_OBJECT, message)
        }
        ObjectKind::Cast | ObjectKind::Operator | ObjectKind::OperatorClass | ObjectKind::OperatorFamily => {
            return Err(Error::unsupported(format!("DROP {}", super::kind_words(object.kind))).into());
        }
        _ => (sqlstate::UNDEFINED_OBJECT, format!("{what} \"{name}\" does not exist")),
    };
    exists_not(definition, Error::new(state, message), if_exists)
}

// --------------------------------------------------------------------------------------------------------------- removing

/// Drops things and what hangs on them, or refuses.
pub async fn remove(definition: &mut Definition<'_>, wanted: &[Thing], behavior: DropBehavior) -> Result<()> {
    let mut fall = dependency::fall(definition.catalog(), wanted)?;
    // What is found may change while locks are waited for.
    loop {
        for thing in &fall.things {
            let relation = match thing {
                Thing::Relation(oid) => Some(*oid),
                thing => thing.part_of(),
            };
            if let Some(relation) = relation {
                definition.scope.locks.lock_relation(relation, Mode::AccessExclusive).await?;
            }
        }
        definition.refresh();
        let again = dependency::fall(definition.catalog(), wanted)?;
        let is_same = again.things == fall.things;
        fall = again;
        if is_same {
            break;
        }
    }
    fall.judge(definition, wanted, behavior)?;
    for thing in &fall.things {
        if let Thing::Column(of, ordinal) = *thing {
            let table = dependency::table_of(definition.catalog(), of)?;
            rename::forget_column_in_views(definition, &table, ordinal).await?;
        }
    }
    // Tables that stay without some of their parts.
    let mut changed: BTreeMap<Oid, Table> = BTreeMap::new();
    for thing in &fall.things {
        let Some(of) = thing.part_of() else { continue };
        let table = match changed.entry(of) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Table::clone(&*dependency::table_of(definition.catalog(), of)?)),
        };
        remove_part(definition, table, *thing).await?;
    }
    for table in changed.into_values() {
        put_without_dangling(definition, table).await?;
    }
    for thing in fall.things.iter().rev() {
        match *thing {
            Thing::Relation(oid) => remove_relation(definition, oid).await?,
            Thing::Type(oid) => definition.delete(Kind::Type, oid).await?,
            Thing::Schema(oid) => remove_schema(definition, oid).await?,
            _ => {}
        }
    }
    Ok(())
}

async fn remove_part(definition: &mut Definition<'_>, table: &mut Table, thing: Thing) -> Result<()> {
    match thing {
        Thing::Constraint(_, oid) => {
            if let Some(place) = table.indexes.iter().position(|index| index.constraint == oid) {
                remove_index(definition, table, place).await?;
            }
            table.checks.retain(|check| check.oid != oid);
            table.foreign_keys.retain(|key| key.oid != oid);
        }
        Thing::Index(_, oid) => {
            if let Some(place) = table.indexes.iter().position(|index| index.oid == oid.0) {
                remove_index(definition, table, place).await?;
            }
        }
        Thing::Default(_, ordinal) => table.columns[ordinal as usize - 1].default = None,
        Thing::Column(_, ordinal) => {
            let column = &mut table.columns[ordinal as usize - 1];
            column.dropped = true;
            (column.default, column.generated, column.identity, column.comment) = (None, None, None, None);
            column.not_null = false;
            column.sequence = 0;
            column.privileges.clear();
            // The name is free again, and the bytes in old rows are passed over by their ordinal.
            column.name = format!("........pg.dropped.{ordinal}........");
        }
        Thing::Relation(_) | Thing::Schema(_) | Thing::Type(_) => {}
    }
    Ok(())
}

/// Takes an index away. The rows themselves lie in the first one: without a primary key they need new keys.
async fn remove_index(definition: &mut Definition<'_>, table: &mut Table, place: usize) -> Result<()> {
    if place > 0 {
        let index = table.indexes.remove(place);
        return data::erase_index(definition, table.oid(), index.id).await;
    }
    let old = table.clone();
    let mut index = table::row_id_index(table);
    index.id = table.next_index;
    table.next_index += 1;
    table.indexes[0] = index;
    for index in table.indexes.iter_mut().skip(1) {
        index.id = table.next_index;
        table.next_index += 1;
    }
    data::rewrite(definition, &old, table, &[]).await
}

/// Foreign keys that went are forgotten by the tables they referred to as well.
async fn put_without_dangling(definition: &mut Definition<'_>, mut table: Table) -> Result<()> {
    let before = dependency::table_of(definition.catalog(), table.oid())?;
    let refers = |table: &Table, to: u32| table.foreign_keys.iter().any(|key| key.referenced_table == to);
    let mut lost: Vec<u32> = before.foreign_keys.iter().map(|key| key.referenced_table).collect();
    lost.sort_unstable();
    lost.dedup();
    lost.retain(|to| !refers(&table, *to));
    if lost.contains(&table.oid) {
        let own = table.oid;
        table.referenced_by.retain(|by| *by != own);
    }
    let oid = table.oid;
    definition.put_table(table).await?;
    for other in lost.into_iter().filter(|other| *other != oid) {
        forget_reference(definition, Oid(other), oid).await?;
    }
    Ok(())
}

async fn forget_reference(definition: &mut Definition<'_>, referenced: Oid, by: u32) -> Result<()> {
    definition.lock(referenced, Mode::ShareRowExclusive).await?;
    let Some(table) = definition.catalog().table(referenced) else { return Ok(()) };
    let mut table = Table::clone(table);
    table.referenced_by.retain(|other| *other != by);
    definition.put_table(table).await
}

/// With what roles grant in it by default.
async fn remove_schema(definition: &mut Definition<'_>, oid: Oid) -> Result<()> {
    let roles: Vec<_> = definition.catalog().roles.values().cloned().collect();
    for role in &roles {
        let mut new = Role::clone(role);
        new.default_privileges.retain(|defaults| defaults.schema != oid.0);
        if new != **role {
            definition.put(new).await?;
        }
    }
    definition.delete(Kind::Schema, oid).await
}

async fn remove_relation(definition: &mut Definition<'_>, oid: Oid) -> Result<()> {
    let Some(table) = definition.catalog().table(oid).cloned() else { return Ok(()) };
    let mut referenced: Vec<u32> = table.foreign_keys.iter().map(|key| key.referenced_table).collect();
    referenced.sort_unstable();
    referenced.dedup();
    for other in referenced.into_iter().filter(|other| *other != oid.0) {
        forget_reference(definition, Oid(other), oid.0).await?;
    }
    if let Some(sequence) = &table.sequence {
        data::erase_sequence(definition, sequence.storage).await?;
    }
    if !table.indexes.is_empty() {
        data::erase_table(definition, oid).await?;
    }
    definition.delete(Kind::Table, oid).await
}
