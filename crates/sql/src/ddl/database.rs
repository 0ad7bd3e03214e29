//! CREATE, ALTER and DROP DATABASE.

use std::time::Duration;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, AlterDatabaseAction, Setting};

use super::{Definition, access, data, role};
use crate::catalog::privileges::not_owner;
use crate::catalog::store::{Kind, public_schema};
use crate::catalog::{Database, Schema};
use crate::exec::Result;
use crate::session::node::Backend;

/// How long a database's last users may take to leave, and how often that is looked at.
const LEAVING_MAX: Duration = Duration::from_secs(5);
const LEAVING_EVERY: Duration = Duration::from_millis(20);

fn missing(name: &str) -> Error {
    Error::new(sqlstate::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
}

fn alone(definition: &Definition<'_>, command: &str) -> Result<()> {
    if definition.in_block {
        let message = format!("{command} cannot run inside a transaction block");
        return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message).into());
    }
    Ok(())
}

fn text(setting: &Setting) -> Result<Option<String>> {
    setting.value.as_ref().map(role::setting_text).transpose()
}

fn boolean(setting: &Setting) -> Result<bool> {
    match text(setting)?.as_deref() {
        None | Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        Some(_) => Err(Error::new(sqlstate::SYNTAX_ERROR, format!("{} requires a Boolean value", setting.name)).into()),
    }
}

fn connection_limit(setting: &Setting) -> Result<i32> {
    let Some(text) = text(setting)? else { return Ok(-1) };
    match text.parse() {
        Ok(limit) if limit >= -1 => Ok(limit),
        _ => {
            let message = format!("invalid connection limit: {text}");
            Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into())
        }
    }
}

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateDatabase) -> Result<()> {
    alone(definition, "CREATE DATABASE")?;
    let own = definition.descriptor_of_role(definition.role())?;
    let name = create.name.as_str();
    let mut database = Database { name: name.to_owned(), owner: own.oid, connection_limit: -1, ..Database::default() };
    let mut template = "template1".to_owned();
    for (place, setting) in create.options.iter().enumerate() {
        if create.options[..place].iter().any(|earlier| earlier.name == setting.name) {
            let message = "conflicting or redundant options";
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(setting.name.at.offset()).into());
        }
        let is_default = setting.value.is_none();
        match setting.name.as_str() {
            "owner" if !is_default => {
                let owner = text(setting)?.unwrap_or_default();
                let found = definition.catalog().role_named(&owner);
                database.owner = found.ok_or_else(|| access::missing_role(&owner))?.oid;
            }
            "template" if !is_default => template = text(setting)?.unwrap_or_default(),
            "encoding" if !is_default => encoding(setting)?,
            "locale" | "lc_collate" | "lc_ctype" if !is_default => locale(setting)?,
            "locale_provider" | "collation_version" | "icu_locale" if !is_default => {
                return Err(Error::unsupported(format!("database option {}", setting.name)).into());
            }
            "is_template" => database.is_template = boolean(setting)?,
            "allow_connections" => database.refuses_connections = !boolean(setting)?,
            "connection_limit" => database.connection_limit = connection_limit(setting)?,
            "tablespace" if !is_default => {
                let name = text(setting)?.unwrap_or_default();
                super::index::check_tablespace(&ast::Name::new(name, setting.name.at))?;
            }
            "oid" => return Err(Error::unsupported("database option OID").into()),
            "owner" | "template" | "encoding" | "locale" | "lc_collate" | "lc_ctype" | "locale_provider"
            | "collation_version" | "icu_locale" | "tablespace" | "strategy" => {}
            name => {
                let message = format!("option \"{name}\" not recognized");
                return Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(setting.name.at.offset()).into());
            }
        }
    }
    if !own.superuser && !own.create_database {
        let message = "permission denied to create database";
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
    }
    definition.check_new_owner(Oid(database.owner))?;
    if definition.catalog().database_named(name).is_some() {
        let message = format!("database \"{name}\" already exists");
        return Err(Error::new(sqlstate::DUPLICATE_DATABASE, message).into());
    }
    let Some(of) = definition.catalog().database_named(&template).cloned() else {
        let message = format!("template database \"{template}\" does not exist");
        return Err(Error::new(sqlstate::INVALID_CATALOG_NAME, message).into());
    };
    if !of.is_template && !definition.acts_as(of.owner) {
        let message = format!("permission denied to copy database \"{template}\"");
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
    }
    let schemas = template_schemas(definition, &of)?;
    database.oid = definition.new_oid().await?;
    let oid = database.oid;
    definition.put(database).await?;
    for schema in schemas {
        let new = definition.new_oid().await?;
        let schema = match schema.name.as_str() {
            "public" => Schema { privileges: schema.privileges, ..public_schema(new, Oid(oid)) },
            _ => Schema { oid: new, database: oid, ..schema },
        };
        definition.put(schema).await?;
    }
    Ok(())
}

/// What the new database begins with: schemas. A template with anything in them would have to be copied.
fn template_schemas(definition: &Definition<'_>, template: &Database) -> Result<Vec<Schema>> {
    let catalog = definition.catalog();
    let schemas = catalog.schemas.values().filter(|schema| schema.database == template.oid);
    let schemas: Vec<Schema> = schemas.map(|schema| Schema::clone(schema)).collect();
    let holds = |of: u32| schemas.iter().any(|schema| schema.oid == of);
    let is_full = catalog.tables.values().any(|table| holds(table.schema))
        || catalog.types.values().any(|entry| holds(entry.descriptor.schema));
    if is_full {
        return Err(Error::unsupported(format!("copying database \"{}\", which is not empty,", template.name)).into());
    }
    Ok(schemas)
}

fn encoding(setting: &Setting) -> Result<()> {
    let wanted = text(setting)?.unwrap_or_default();
    let plain: String = wanted.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.as_str() {
        "utf8" | "unicode" | "6" => Ok(()),
        _ => Err(Error::unsupported(format!("encoding {wanted}")).into()),
    }
}

fn locale(setting: &Setting) -> Result<()> {
    let wanted = text(setting)?.unwrap_or_default();
    match wanted.to_lowercase().as_str() {
        "c" | "posix" | "c.utf8" | "c.utf-8" => Ok(()),
        _ => Err(Error::unsupported(format!("locale \"{wanted}\"")).into()),
    }
}

pub async fn alter(definition: &mut Definition<'_>, alter: &ast::AlterDatabase) -> Result<()> {
    let name = alter.name.as_str();
    let Some(found) = definition.catalog().database_named(name).cloned() else { return Err(missing(name).into()) };
    let mut database = Database::clone(&found);
    if !definition.acts_as(database.owner) {
        return Err(not_owner("database", name).into());
    }
    match &alter.action {
        AlterDatabaseAction::Options(options) => {
            for setting in options {
                match setting.name.as_str() {
                    "is_template" => database.is_template = boolean(setting)?,
                    "allow_connections" => {
                        database.refuses_connections = !boolean(setting)?;
                        if database.refuses_connections && database.oid == definition.database().0 {
                            let message = "cannot disallow connections for current database";
                            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
                        }
                    }
                    "connection_limit" => database.connection_limit = connection_limit(setting)?,
                    name => {
                        let message = format!("option \"{name}\" not recognized");
                        return Err(Error::new(sqlstate::SYNTAX_ERROR, message).into());
                    }
                }
            }
        }
        AlterDatabaseAction::Setting(change) => {
            let mut settings = std::mem::take(&mut database.settings);
            role::change_settings(definition, &mut settings, 0, change)?;
            database.settings = settings;
        }
        AlterDatabaseAction::SetTablespace(tablespace) => super::index::check_tablespace(tablespace)?,
        AlterDatabaseAction::RefreshCollationVersion => {
            return Err(Error::unsupported("REFRESH COLLATION VERSION").into());
        }
    }
    definition.put(database).await
}

/// 55006 if anybody is connected to it. Clients that are just leaving are given time, as PostgreSQL does.
pub async fn check_unused(definition: &Definition<'_>, database: &Database) -> Result<()> {
    let own = definition.scope.session.pid;
    let node = &definition.scope.node;
    let is_other = |backend: &Backend| backend.pid != own && backend.activity.lock().database == Oid(database.oid);
    let until = node.env.clock.mono() + LEAVING_MAX;
    let others = loop {
        let others = node.backends().iter().filter(|backend| is_other(backend)).count()
            + node.peers.sessions(Oid(database.oid), false).await?.len();
        if others == 0 {
            return Ok(());
        }
        if node.env.clock.mono() >= until {
            break others;
        }
        node.env.clock.sleep(LEAVING_EVERY).await;
    };
    let message = format!("database \"{}\" is being accessed by other users", database.name);
    let detail = match others {
        1 => "There is 1 other session using the database.".to_owned(),
        others => format!("There are {others} other sessions using the database."),
    };
    Err(Error::new(sqlstate::OBJECT_IN_USE, message).detail(detail).into())
}

pub async fn drop(definition: &mut Definition<'_>, drop: &ast::DropDatabase) -> Result<()> {
    alone(definition, "DROP DATABASE")?;
    let name = drop.name.as_str();
    let Some(found) = definition.catalog().database_named(name).cloned() else {
        if drop.if_exists {
            definition.skip(missing(name).message().to_owned());
            return Ok(());
        }
        return Err(missing(name).into());
    };
    if !definition.acts_as(found.owner) {
        return Err(not_owner("database", name).into());
    }
    if found.is_template {
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, "cannot drop a template database").into());
    }
    if found.oid == definition.database().0 {
        return Err(Error::new(sqlstate::OBJECT_IN_USE, "cannot drop the currently open database").into());
    }
    if drop.force {
        for backend in definition.scope.node.backends() {
            if backend.activity.lock().database == Oid(found.oid) {
                backend.signal(crate::session::node::Request::Terminate);
            }
        }
        definition.scope.node.peers.sessions(Oid(found.oid), true).await?;
    }
    // Those that were told to go have to be gone, too: until then they may write.
    check_unused(definition, &found).await?;
    let catalog = definition.scope.catalog.clone();
    for schema in catalog.schemas.values().filter(|schema| schema.database == found.oid) {
        for table in catalog.tables.values().filter(|table| table.schema == schema.oid) {
            if let Some(sequence) = &table.sequence {
                data::erase_sequence(definition, sequence.storage).await?;
            }
            if !table.indexes.is_empty() {
                data::erase_table(definition, table.oid()).await?;
            }
            definition.delete(Kind::Table, table.oid()).await?;
        }
        for (oid, _) in catalog.types.iter().filter(|(_, entry)| entry.descriptor.schema == schema.oid) {
            definition.delete(Kind::Type, *oid).await?;
        }
        definition.delete(Kind::Schema, Oid(schema.oid)).await?;
    }
    // Settings of roles in it go as well, and what they grant in its schemas.
    let is_in = |schema: u32| catalog.schemas.get(&Oid(schema)).is_some_and(|schema| schema.database == found.oid);
    for found_role in catalog.roles.values() {
        let mut new = crate::catalog::Role::clone(found_role);
        new.settings.retain(|setting| setting.database != found.oid);
        new.default_privileges.retain(|defaults| !is_in(defaults.schema));
        if new != **found_role {
            definition.put(new).await?;
        }
    }
    definition.delete(Kind::Database, Oid(found.oid)).await
}
