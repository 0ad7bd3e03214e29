//! TRUNCATE: tables get new indexes without anything in them, and the old ones are erased later.

use std::collections::BTreeSet;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, DropBehavior};

use super::{Definition, constraint, data, dependency, names, sequence, view};
use crate::catalog::privileges::denied;
use crate::catalog::{RelationKind, Table};
use crate::exec::Result;
use crate::session::locks::Mode;

pub async fn execute(definition: &mut Definition<'_>, truncate: &ast::Truncate) -> Result<()> {
    let mut tables: Vec<Oid> = Vec::new();
    for name in &truncate.tables {
        let found = names::relation(&definition.scope, &name.name)?;
        take(definition, found.oid(), &mut tables).await?;
    }
    if truncate.behavior == DropBehavior::Cascade {
        let mut next = 0;
        while next < tables.len() {
            let table = dependency::table_of(definition.catalog(), tables[next])?;
            next += 1;
            for other in table.referenced_by.clone() {
                if !tables.contains(&Oid(other)) {
                    let name = dependency::table_of(definition.catalog(), Oid(other))?.name.clone();
                    let message = format!("truncate cascades to table \"{name}\"");
                    definition.notice(sqlstate::SUCCESSFUL_COMPLETION, message);
                    take(definition, Oid(other), &mut tables).await?;
                }
            }
        }
    }
    let all: BTreeSet<Oid> = tables.iter().copied().collect();
    for oid in &tables {
        let table = dependency::table_of(definition.catalog(), *oid)?;
        if let Some(other) = table.referenced_by.iter().find(|other| !all.contains(&Oid(**other))) {
            let other = dependency::table_of(definition.catalog(), Oid(*other))?;
            let message = "cannot truncate a table referenced in a foreign key constraint";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message)
                .detail(format!("Table \"{}\" references \"{}\".", other.name, table.name))
                .hint(format!("Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.", other.name))
                .into());
        }
    }
    for oid in tables {
        let mut table = Table::clone(&*dependency::table_of(definition.catalog(), oid)?);
        if truncate.restart_identity {
            restart(definition, oid).await?;
        }
        if data::is_empty(definition, &table).await? {
            continue;
        }
        view::renumber(definition, &mut table).await?;
        for column in &mut table.columns {
            column.missing = None;
        }
        definition.put_table(table).await?;
    }
    Ok(())
}

async fn take(definition: &mut Definition<'_>, oid: Oid, tables: &mut Vec<Oid>) -> Result<()> {
    if tables.contains(&oid) {
        return Ok(());
    }
    let Some(table) = definition.lock(oid, Mode::AccessExclusive).await? else {
        return Err(Error::internal("a table is gone").into());
    };
    if table.kind() != RelationKind::Table {
        let message = format!("\"{}\" is not a table", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    constraint::check_is_users(&table)?;
    if !definition.has((&*table).into(), 'D') {
        return Err(denied("table", &table.name).into());
    }
    tables.push(oid);
    Ok(())
}

async fn restart(definition: &mut Definition<'_>, table: Oid) -> Result<()> {
    let owned = definition
        .catalog()
        .tables
        .values()
        .filter(|other| other.sequence.as_ref().is_some_and(|sequence| sequence.owner_table == table.0));
    let owned: Vec<Oid> = owned.map(|other| other.oid()).collect();
    for oid in owned {
        let Some(found) = definition.lock(oid, Mode::AccessExclusive).await? else { continue };
        definition.check_owner(&found)?;
        let Some(old) = &found.sequence else { continue };
        data::erase_sequence(definition, old.storage).await?;
        let restarted = sequence::restarted(definition, old).await?;
        definition.put_table(Table { sequence: Some(restarted), ..Table::clone(&found) }).await?;
    }
    Ok(())
}
