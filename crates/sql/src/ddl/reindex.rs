//! REINDEX: indexes are filled anew under new numbers.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, ObjectKind};

use super::{Definition, data, dependency, names};
use crate::catalog::Table;
use crate::catalog::privileges::not_owner;
use crate::exec::Result;
use crate::session::locks::Mode;

pub async fn execute(definition: &mut Definition<'_>, reindex: &ast::Reindex) -> Result<()> {
    if definition.in_block
        && (reindex.concurrently || matches!(reindex.kind, ObjectKind::Schema | ObjectKind::Database))
    {
        let message = match reindex.kind {
            ObjectKind::Schema => "REINDEX SCHEMA cannot run inside a transaction block",
            ObjectKind::Database => "REINDEX DATABASE cannot run inside a transaction block",
            _ => "REINDEX CONCURRENTLY cannot run inside a transaction block",
        };
        return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message).into());
    }
    let name = reindex.name.last().map_or("", ast::Name::as_str);
    match reindex.kind {
        ObjectKind::Index => {
            let Some((of, index)) = names::find_index(&definition.scope, &reindex.name)? else {
                if names::find_relation(&definition.scope, &reindex.name)?.is_some() {
                    let message = format!("\"{name}\" is not an index");
                    return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
                }
                return Err(names::missing_relation(&reindex.name).without_position().into());
            };
            if !definition.acts_as(of.owner) {
                return Err(not_owner("index", name).into());
            }
            definition.lock(of.oid(), Mode::AccessExclusive).await?;
            one(definition, of.oid(), index.oid).await
        }
        ObjectKind::Table => {
            let found = names::relation(&definition.scope, &reindex.name)?;
            definition.check_owner(&found)?;
            if found.indexes.is_empty() {
                let message = format!("\"{name}\" is not a table or materialized view");
                return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
            }
            all_of(definition, found.oid()).await
        }
        ObjectKind::Schema => {
            let Some(schema) = definition.catalog().schema_named(definition.database(), name) else {
                return Err(names::missing_schema(name).into());
            };
            if let Some(of) = definition.catalog().schemas.get(&schema)
                && !definition.acts_as(of.owner)
            {
                return Err(not_owner("schema", name).into());
            }
            every(definition, &[schema]).await
        }
        _ => {
            let database = super::schema::database(definition)?;
            if !name.is_empty() && name != database.name {
                let message = "can only reindex the currently open database";
                return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).into());
            }
            if !definition.acts_as(database.owner) {
                return Err(not_owner("database", &database.name).into());
            }
            if reindex.system {
                // System tables are computed when they are read.
                return Ok(());
            }
            let schemas = definition.catalog().schemas.values().filter(|schema| schema.database == database.oid);
            let schemas: Vec<Oid> = schemas.map(|schema| Oid(schema.oid)).collect();
            every(definition, &schemas).await
        }
    }
}

async fn every(definition: &mut Definition<'_>, schemas: &[Oid]) -> Result<()> {
    let tables = definition.catalog().tables.values();
    let tables = tables.filter(|table| schemas.contains(&Oid(table.schema)) && !table.indexes.is_empty());
    let tables: Vec<Oid> = tables.map(|table| table.oid()).collect();
    for table in tables {
        all_of(definition, table).await?;
    }
    Ok(())
}

async fn one(definition: &mut Definition<'_>, table: Oid, index: u32) -> Result<()> {
    let old = dependency::table_of(definition.catalog(), table)?;
    if old.primary().oid == index {
        return all_of(definition, table).await;
    }
    let mut new = Table::clone(&old);
    let Some(place) = new.indexes.iter().position(|own| own.oid == index) else { return Ok(()) };
    data::erase_index(definition, table, new.indexes[place].id).await?;
    new.indexes[place].id = new.next_index;
    let id = new.next_index;
    new.next_index += 1;
    data::fill_indexes(definition, &new, &[id]).await?;
    definition.put_table(new).await
}

async fn all_of(definition: &mut Definition<'_>, table: Oid) -> Result<()> {
    let Some(old) = definition.lock(table, Mode::AccessExclusive).await? else { return Ok(()) };
    let mut new = Table::clone(&old);
    for index in &mut new.indexes {
        index.id = new.next_index;
        new.next_index += 1;
    }
    new.rewritten_wall_ns = definition.scope.node.env.clock.wall_ns();
    data::rewrite(definition, &old, &new, &[]).await?;
    definition.put_table(new).await
}
