//! COMMENT ON.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, Name, ObjectKind, ObjectNameRest};

use super::{Definition, access, column, names, rename};
use crate::catalog::privileges::not_owner;
use crate::catalog::{Database, RelationKind, Role, Schema, Table};
use crate::exec::Result;
use crate::session::locks::Mode;

pub async fn execute(definition: &mut Definition<'_>, comment: &ast::Comment) -> Result<()> {
    let text = comment.text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let object = &comment.object;
    let name = object.name.last().map_or("", Name::as_str);
    match object.kind {
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => {
            let mut table = relation(definition, &object.name).await?;
            check_kind(&table, object.kind)?;
            definition.check_owner(&table)?;
            table.comment = text;
            definition.put_table(table).await
        }
        ObjectKind::Index => {
            let Some((of, index)) = names::find_index(&definition.scope, &object.name)? else {
                if names::find_relation(&definition.scope, &object.name)?.is_some() {
                    let message = format!("\"{name}\" is not an index");
                    return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
                }
                return Err(names::missing_relation(&object.name).without_position().into());
            };
            if !definition.acts_as(of.owner) {
                return Err(not_owner("index", &index.name).into());
            }
            let mut table = locked(definition, of.oid()).await?;
            if let Some(own) = table.indexes.iter_mut().find(|own| own.oid == index.oid) {
                own.comment = text;
            }
            definition.put_table(table).await
        }
        ObjectKind::Column => {
            let Some((name, relation_name)) = object.name.split_last() else {
                return Err(Error::internal("a column without a name").into());
            };
            let mut table = relation(definition, relation_name).await?;
            definition.check_owner(&table)?;
            if table.kind() == RelationKind::Sequence {
                let message = format!("cannot set comment on relation \"{}\"", table.name);
                let detail = "This operation is not supported for sequences.";
                return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).detail(detail).into());
            }
            let Some(found) = table.column_named(name.as_str()).filter(|column| !column.hidden) else {
                return Err(column::missing(&table, name.as_str()).into());
            };
            let place = found.ordinal as usize - 1;
            table.columns[place].comment = text;
            definition.put_table(table).await
        }
        ObjectKind::Constraint => {
            let ObjectNameRest::On(relation_name) = &object.rest else {
                return Err(Error::internal("a constraint without its table").into());
            };
            let mut table = relation(definition, relation_name).await?;
            definition.check_owner(&table)?;
            let keys = table.indexes.iter_mut().filter(|index| index.constraint != 0);
            let keys = keys.map(|index| (&index.name, &mut index.constraint_comment));
            let checks = table.checks.iter_mut().map(|check| (&check.name, &mut check.comment));
            let foreign = table.foreign_keys.iter_mut().map(|key| (&key.name, &mut key.comment));
            let found = keys.chain(checks).chain(foreign).find(|(own, _)| own.as_str() == name);
            match found {
                Some((_, place)) => *place = text,
                None => {
                    let message = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
                    return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into());
                }
            }
            definition.put_table(table).await
        }
        ObjectKind::Schema => {
            let oid = definition.catalog().schema_named(definition.database(), name);
            let Some(found) = oid.and_then(|oid| definition.catalog().schemas.get(&oid).cloned()) else {
                return Err(names::missing_schema(name).into());
            };
            if !definition.acts_as(found.owner) {
                return Err(not_owner("schema", name).into());
            }
            definition.put(Schema { comment: text, ..Schema::clone(&found) }).await
        }
        ObjectKind::Database => {
            let Some(found) = definition.catalog().database_named(name).cloned() else {
                definition.warning(sqlstate::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"));
                return Ok(());
            };
            if !definition.acts_as(found.owner) {
                return Err(not_owner("database", name).into());
            }
            definition.put(Database { comment: text, ..Database::clone(&found) }).await
        }
        ObjectKind::Role => {
            let Some(found) = definition.catalog().role_named(name).cloned() else {
                return Err(access::missing_role(name).into());
            };
            let own = definition.descriptor_of_role(definition.role())?;
            if found.superuser && !own.superuser {
                let error = Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, "must be superuser");
                return Err(error.into());
            }
            if !own.superuser && !own.create_role {
                let message = "must have CREATEROLE privilege";
                return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
            }
            definition.put(Role { comment: text, ..Role::clone(&found) }).await
        }
        ObjectKind::Type | ObjectKind::Domain => {
            let mut of = rename::type_named(definition, &object.name)?;
            if !definition.acts_as(of.owner) {
                return Err(not_owner("type", &of.name).into());
            }
            of.comment = text;
            definition.put(of).await
        }
        // pg_dump comments on the one extension that every database has.
        ObjectKind::Extension if name == "plpgsql" => {
            Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, "must be owner of extension plpgsql").into())
        }
        ObjectKind::Extension => {
            let message = format!("extension \"{name}\" does not exist");
            Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
        }
        kind => Err(Error::unsupported(format!("COMMENT ON {}", super::kind_words(kind))).into()),
    }
}

async fn locked(definition: &mut Definition<'_>, oid: Oid) -> Result<Table> {
    match definition.lock(oid, Mode::ShareUpdateExclusive).await? {
        Some(table) => Ok(Table::clone(&table)),
        None => Err(Error::internal("a relation is gone").into()),
    }
}

async fn relation(definition: &mut Definition<'_>, name: &[Name]) -> Result<Table> {
    let found = names::relation(&definition.scope, name)?;
    locked(definition, found.oid()).await
}

fn check_kind(table: &Table, kind: ObjectKind) -> Result<()> {
    let (wanted, what) = match kind {
        ObjectKind::View => (RelationKind::View, "a view"),
        ObjectKind::MaterializedView => (RelationKind::MaterializedView, "a materialized view"),
        ObjectKind::Sequence => (RelationKind::Sequence, "a sequence"),
        _ => (RelationKind::Table, "a table"),
    };
    if table.kind() == wanted {
        return Ok(());
    }
    Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, format!("\"{}\" is not {what}", table.name)).into())
}
