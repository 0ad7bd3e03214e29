//! DROP OWNED: what a role owns in the database goes, and what it was granted is taken back.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast;

use super::dependency::Thing;
use super::{Definition, drop};
use crate::catalog::privileges::acts_as;
use crate::catalog::{Database, Grant, Role, Schema, Table, UserType};
use crate::exec::Result;

pub async fn drop(definition: &mut Definition<'_>, statement: &ast::DropOwned) -> Result<()> {
    for role in &statement.roles {
        let role = definition.role_of(role)?;
        if !acts_as(definition.catalog(), definition.database(), definition.role(), role) {
            let message = "permission denied to drop objects";
            return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
        }
        revoke_all(definition, role).await?;
        let things = owned(definition, role);
        if !things.is_empty() {
            drop::remove(definition, &things, statement.behavior).await?;
        }
    }
    Ok(())
}

fn owned(definition: &Definition<'_>, role: Oid) -> Vec<Thing> {
    let catalog = definition.catalog();
    let here = definition.database().0;
    let mut things = Vec::new();
    for schema in catalog.schemas.values().filter(|schema| schema.database == here) {
        if schema.owner == role.0 {
            things.push(Thing::Schema(Oid(schema.oid)));
        }
        let tables = catalog.tables.values().filter(|table| (table.schema, table.owner) == (schema.oid, role.0));
        things.extend(tables.map(|table| Thing::Relation(table.oid())));
        let types = catalog
            .types
            .iter()
            .filter(|(_, entry)| (entry.descriptor.schema, entry.descriptor.owner) == (schema.oid, role.0));
        things.extend(types.map(|(oid, _)| Thing::Type(*oid)));
    }
    things
}

/// False if there was nothing of the role's.
fn take_back(grants: &mut Vec<Grant>, role: Oid, owner: u32) -> bool {
    let before = grants.len();
    grants.retain(|grant| grant.grantee != role.0 || owner == role.0);
    if grants.is_empty() && before > 0 {
        grants.push(Grant { grantee: owner, grantor: owner, ..Grant::default() });
        return true;
    }
    grants.len() < before
}

async fn revoke_all(definition: &mut Definition<'_>, role: Oid) -> Result<()> {
    let scope = definition.scope.clone();
    let here = scope.session.database.0;
    for of in scope.catalog.databases.values() {
        let mut new = Database::clone(of);
        if take_back(&mut new.privileges, role, of.owner) {
            definition.put(new).await?;
        }
    }
    for schema in scope.catalog.schemas.values().filter(|schema| schema.database == here) {
        let mut new = Schema::clone(schema);
        if take_back(&mut new.privileges, role, schema.owner) {
            definition.put(new).await?;
        }
        for table in scope.catalog.tables.values().filter(|table| table.schema == schema.oid) {
            let mut new = Table::clone(table);
            let mut changed = take_back(&mut new.privileges, role, table.owner);
            for column in &mut new.columns {
                let before = column.privileges.len();
                column.privileges.retain(|grant| grant.grantee != role.0);
                changed |= column.privileges.len() < before;
            }
            if changed {
                definition.put_table(new).await?;
            }
        }
        for entry in scope.catalog.types.values().filter(|entry| entry.descriptor.schema == schema.oid) {
            let mut new: UserType = entry.descriptor.clone();
            let owner = new.owner;
            if take_back(&mut new.privileges, role, owner) {
                definition.put(new).await?;
            }
        }
    }
    for other in scope.catalog.roles.values() {
        let mut new = Role::clone(other);
        for defaults in &mut new.default_privileges {
            defaults.grants.retain(|grant| grant.grantee != role.0 || other.oid == role.0);
        }
        if other.oid == role.0 {
            new.default_privileges.clear();
        }
        if new != **other {
            definition.put(new).await?;
        }
    }
    Ok(())
}
