//! CREATE TYPE … AS ENUM and ALTER TYPE.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, AlterEnumAction, CreateTypeKind, EnumNeighbor};

use super::{Definition, data, names, rename};
use crate::catalog::privileges::not_owner;
use crate::catalog::{Label, Table, UserType};
use crate::exec::Result;
use crate::session::locks::Mode;

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateType) -> Result<()> {
    let labels = match &create.kind {
        CreateTypeKind::Enum(labels) => labels,
        CreateTypeKind::Composite(_) => return Err(Error::unsupported("a composite type").into()),
        CreateTypeKind::Range(_) => return Err(Error::unsupported("a range type").into()),
        CreateTypeKind::Shell => return Err(Error::unsupported("a shell type").into()),
    };
    let schema = definition.creation_schema(&create.name)?;
    let name = create.name.last().map_or("", ast::Name::as_str);
    check_free(definition, schema, name)?;
    let oid = definition.new_oid().await?;
    let array_oid = definition.new_oid().await?;
    let mut of = UserType {
        oid,
        array_oid,
        schema: schema.0,
        name: name.to_owned(),
        owner: definition.role().0,
        privileges: super::grant::defaults_for(definition, schema, definition.role(), 'T'),
        ..UserType::default()
    };
    for label in labels {
        check_label(label)?;
        let oid = definition.new_oid().await?;
        if of.labels.iter().any(|other| *other.label == **label) {
            let message = "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"";
            let detail = format!("Key (enumtypid, enumlabel)=({}, {label}) already exists.", of.oid);
            return Err(Error::new(sqlstate::UNIQUE_VIOLATION, message).detail(detail).into());
        }
        of.labels.push(Label { oid, label: label.to_string() });
    }
    definition.put(of).await
}

fn check_label(label: &str) -> Result<()> {
    if label.len() <= names::NAME_BYTES_MAX {
        return Ok(());
    }
    let message = format!("invalid enum label \"{label}\"");
    let detail = format!("Labels must be {} bytes or less.", names::NAME_BYTES_MAX);
    Err(Error::new(sqlstate::INVALID_NAME, message).detail(detail).into())
}

/// Types share their names with tables' rows.
pub fn check_free(definition: &Definition<'_>, schema: Oid, name: &str) -> Result<()> {
    let catalog = definition.catalog();
    let has_rows = catalog.table_named(schema, name).is_some_and(|table| table.row_type != 0);
    if has_rows || catalog.enum_named(schema, name).is_some() {
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, format!("type \"{name}\" already exists")).into());
    }
    Ok(())
}

pub async fn alter(definition: &mut Definition<'_>, alter: &ast::AlterEnum) -> Result<()> {
    let mut of = rename::type_named(definition, &alter.name)?;
    if !definition.acts_as(of.owner) {
        return Err(not_owner("type", &of.name).into());
    }
    let place_of = |of: &UserType, label: &str| of.labels.iter().position(|own| own.label == label);
    let missing = |label: &str| {
        let message = format!("\"{label}\" is not an existing enum label");
        Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
    };
    let exists = |label: &str| format!("enum label \"{label}\" already exists");
    match &alter.action {
        AlterEnumAction::RenameValue { from, to } => {
            check_label(to)?;
            let place = place_of(&of, from).ok_or_else(|| missing(from))?;
            if place_of(&of, to).is_some() {
                return Err(Error::new(sqlstate::DUPLICATE_OBJECT, exists(to)).into());
            }
            of.labels[place].label = to.to_string();
            definition.put(of).await
        }
        AlterEnumAction::AddValue { value, if_not_exists, neighbor } => {
            check_label(value)?;
            if place_of(&of, value).is_some() {
                if *if_not_exists {
                    definition.notice(sqlstate::DUPLICATE_OBJECT, format!("{}, skipping", exists(value)));
                    return Ok(());
                }
                return Err(Error::new(sqlstate::DUPLICATE_OBJECT, exists(value)).into());
            }
            let place = match neighbor {
                None => of.labels.len(),
                Some(EnumNeighbor::Before(other)) => place_of(&of, other).ok_or_else(|| missing(other))?,
                Some(EnumNeighbor::After(other)) => place_of(&of, other).ok_or_else(|| missing(other))? + 1,
            };
            let moves = place < of.labels.len();
            let oid = definition.new_oid().await?;
            of.labels.insert(place, Label { oid, label: value.to_string() });
            let types = [of.oid, of.array_oid];
            if moves {
                lock_users(definition, types).await?;
            }
            definition.put(of).await?;
            if moves { rebuild_keys(definition, types).await } else { Ok(()) }
        }
    }
}

fn users(definition: &Definition<'_>, types: [u32; 2]) -> Vec<Oid> {
    let is_key =
        |table: &Table| table.indexes.iter().flat_map(|index| &index.keys).any(|key| types.contains(&key.type_oid));
    definition.catalog().tables.values().filter(|table| is_key(table)).map(|table| table.oid()).collect()
}

async fn lock_users(definition: &mut Definition<'_>, types: [u32; 2]) -> Result<()> {
    for oid in users(definition, types) {
        definition.lock(oid, Mode::AccessExclusive).await?;
    }
    Ok(())
}

/// Keys hold the place of a label among the others, which has changed for those behind the new one.
async fn rebuild_keys(definition: &mut Definition<'_>, types: [u32; 2]) -> Result<()> {
    for oid in users(definition, types) {
        let Some(old) = definition.lock(oid, Mode::AccessExclusive).await? else { continue };
        let mut new = Table::clone(&old);
        for index in &mut new.indexes {
            index.id = new.next_index;
            new.next_index += 1;
        }
        new.rewritten_wall_ns = definition.scope.node.env.clock.wall_ns();
        data::rewrite(definition, &old, &new, &[]).await?;
        definition.put_table(new).await?;
    }
    Ok(())
}
