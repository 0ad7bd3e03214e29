//! CREATE SCHEMA.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, RoleNameKind};

use super::{Definition, dispatch};
use crate::catalog::privileges;
use crate::catalog::{Database, Schema};
use crate::exec::Result;

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateSchema) -> Result<()> {
    let owner = match &create.authorization {
        Some(role) => definition.role_of(role)?,
        None => definition.role(),
    };
    let name = match (&create.name, &create.authorization) {
        (Some(name), _) => name.as_str().to_owned(),
        (None, Some(role)) => match &role.kind {
            RoleNameKind::Name(name) => name.to_string(),
            _ => definition.descriptor_of_role(owner)?.name,
        },
        (None, None) => return Err(Error::internal("a schema without a name").into()),
    };
    let database = database(definition)?;
    if !definition.has((&database).into(), 'C') {
        return Err(privileges::denied("database", &database.name).into());
    }
    definition.check_new_owner(owner)?;
    check_name(&name)?;
    if definition.catalog().schema_named(definition.database(), &name).is_some() {
        let message = format!("schema \"{name}\" already exists");
        if create.if_not_exists {
            definition.notice(sqlstate::DUPLICATE_SCHEMA, format!("{message}, skipping"));
            return Ok(());
        }
        return Err(Error::new(sqlstate::DUPLICATE_SCHEMA, message).into());
    }
    let oid = definition.new_oid().await?;
    let schema = Schema { oid, database: database.oid, name, owner: owner.0, ..Schema::default() };
    definition.put(schema).await?;
    if create.elements.is_empty() {
        return Ok(());
    }
    // Its elements are made in it, by its owner.
    let (path, user) = (definition.scope.session.search_path.clone(), definition.scope.session.current_user);
    definition.scope.session.search_path = [Oid(oid)].into_iter().chain(path.iter().copied()).collect();
    definition.scope.session.current_user = owner;
    let mut done = Ok(String::new());
    for element in in_order(&create.elements) {
        done = Box::pin(dispatch(definition, element)).await;
        if done.is_err() {
            break;
        }
    }
    definition.scope.session.search_path = path;
    definition.scope.session.current_user = user;
    done.map(drop)
}

/// PostgreSQL makes sequences first, then tables, views, indexes; grants at last.
fn in_order(elements: &[ast::Statement]) -> Vec<&ast::Statement> {
    let rank = |element: &ast::Statement| match element {
        ast::Statement::CreateSequence(_) => 0,
        ast::Statement::CreateTable(_) => 1,
        ast::Statement::CreateView(_) => 2,
        ast::Statement::CreateIndex(_) => 3,
        _ => 4,
    };
    let mut ordered: Vec<&ast::Statement> = elements.iter().collect();
    ordered.sort_by_key(|element| rank(element));
    ordered
}

pub fn database(definition: &Definition<'_>) -> Result<Database> {
    match definition.catalog().databases.get(&definition.database()) {
        Some(database) => Ok(Database::clone(database)),
        None => Err(Error::internal("the session's database is gone").into()),
    }
}

pub fn check_name(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        let message = format!("unacceptable schema name \"{name}\"");
        let detail = "The prefix \"pg_\" is reserved for system schemas.";
        return Err(Error::new(sqlstate::RESERVED_NAME, message).detail(detail).into());
    }
    Ok(())
}
