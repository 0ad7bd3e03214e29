//! CREATE TABLE.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, Persistence, Setting, TableElement};

use super::column::{self, Parts};
use super::constraint::{self, Pending, PendingKind};
use super::{Definition, index, like};
use crate::catalog::{Index, IndexKey, IndexState, RelationKind, SettingDefault, Table};
use crate::exec::Result;

/// PostgreSQL's storage parameters of tables.
const OPTIONS: &[&str] = &[
    "fillfactor",
    "toast_tuple_target",
    "parallel_workers",
    "autovacuum_enabled",
    "vacuum_index_cleanup",
    "vacuum_truncate",
    "autovacuum_vacuum_threshold",
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_insert_threshold",
    "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_analyze_threshold",
    "autovacuum_analyze_scale_factor",
    "autovacuum_vacuum_cost_delay",
    "autovacuum_vacuum_cost_limit",
    "autovacuum_freeze_min_age",
    "autovacuum_freeze_max_age",
    "autovacuum_freeze_table_age",
    "autovacuum_multixact_freeze_min_age",
    "autovacuum_multixact_freeze_max_age",
    "autovacuum_multixact_freeze_table_age",
    "log_autovacuum_min_duration",
    "user_catalog_table",
];

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateTable) -> Result<()> {
    refuse(create)?;
    let schema = definition.creation_schema(&create.name)?;
    let name = create.name.last().map_or("", ast::Name::as_str);
    if !is_free(definition, schema, name, create.if_not_exists)? {
        return Ok(());
    }
    let mut table = begin(definition, schema, name, RelationKind::Table).await?;
    table.unlogged = create.persistence == Persistence::Unlogged;
    table.options = options(&create.options)?;
    let mut parts = Parts::default();
    let mut comments = Vec::new();
    for element in &create.elements {
        match element {
            TableElement::Column(column) => {
                if table.column_named(column.name.as_str()).is_some() {
                    let message = format!("column \"{}\" specified more than once", column.name);
                    return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).into());
                }
                column::define(definition, &mut table, &mut parts, column)?;
            }
            TableElement::Constraint(constraint) => parts.constraints.push(Pending::of_table(constraint)?),
            TableElement::Like(written) => {
                comments.push(like::expand(definition, &mut table, &mut parts, written).await?);
            }
        }
    }
    column::make_sequences(definition, &mut table, &parts).await?;
    column::bind_expressions(definition, &mut table, &parts)?;
    finish(definition, table, &parts, &comments).await
}

/// What PostgreSQL has and Atoll has not.
fn refuse(create: &ast::CreateTable) -> Result<()> {
    let at = create.name.first().map_or(0, |name| name.at.offset());
    let refused = if create.persistence == Persistence::Temporary {
        "CREATE TEMPORARY TABLE"
    } else if create.of_type.is_some() {
        "CREATE TABLE OF a type"
    } else if !create.inherits.is_empty() {
        "INHERITS"
    } else if create.partition_of.is_some() || create.partition_by.is_some() {
        "a partitioned table"
    } else {
        ""
    };
    if !refused.is_empty() {
        return Err(Error::unsupported(refused).at(at).into());
    }
    if create.on_commit.is_some() {
        let message = "ON COMMIT can only be used on temporary tables";
        return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message).into());
    }
    match &create.method {
        Some(method) if method.as_str() != "heap" => {
            let message = format!("access method \"{method}\" does not exist");
            Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
        }
        _ => match &create.tablespace {
            Some(tablespace) => index::check_tablespace(tablespace),
            None => Ok(()),
        },
    }
}

/// False if there is a relation of this name already and that is fine.
pub fn is_free(definition: &mut Definition<'_>, schema: Oid, name: &str, if_not_exists: bool) -> Result<bool> {
    if definition.relation_exists(schema, name) {
        let message = format!("relation \"{name}\" already exists");
        if if_not_exists {
            definition.notice(sqlstate::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(false);
        }
        return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
    }
    if definition.catalog().enum_named(schema, name).is_some() {
        let hint = "A relation has an associated type of the same name, \
                    so you must use a name that doesn't conflict with any existing type.";
        let message = format!("type \"{name}\" already exists");
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).hint(hint).into());
    }
    Ok(true)
}

/// A new table, view or materialized view, without columns.
pub async fn begin(definition: &mut Definition<'_>, schema: Oid, name: &str, kind: RelationKind) -> Result<Table> {
    let owner = definition.role();
    let privileges = super::grant::defaults_for(definition, schema, owner, 'r');
    Ok(Table {
        oid: definition.new_oid().await?,
        row_type: definition.new_oid().await?,
        row_array_type: definition.new_oid().await?,
        schema: schema.0,
        name: name.to_owned(),
        owner: owner.0,
        kind: kind as i32,
        next_index: 1,
        privileges,
        ..Table::default()
    })
}

/// Gives a new table its keys, checks and foreign keys, and writes it.
pub async fn finish(
    definition: &mut Definition<'_>,
    mut table: Table,
    parts: &Parts,
    comments: &[like::Comments],
) -> Result<()> {
    let mut keys: Vec<Index> = Vec::new();
    for pending in &parts.constraints {
        let PendingKind::Key(key) = &pending.kind else { continue };
        if key.existing.is_some() {
            let message = "cannot use an existing index in CREATE TABLE";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(pending.at.offset()).into());
        }
        // Names and the number of primary keys are judged with those before it in the table.
        let mut so_far = Table { indexes: keys.clone(), ..table.clone() };
        let made = constraint::key_index(definition, &mut so_far, pending, key).await?;
        table.columns = so_far.columns;
        match keys.iter_mut().find(|same| constraint::is_same_key(same, &made)) {
            Some(same) => {
                same.primary |= made.primary;
                if pending.name.is_some() || made.primary {
                    same.name = made.name;
                }
            }
            None => keys.push(made),
        }
    }
    install_indexes(&mut table, keys);
    for pending in &parts.constraints {
        if matches!(pending.kind, PendingKind::Check { .. }) {
            constraint::add_check(definition, &mut table, pending).await?;
        }
    }
    for comments in comments {
        like::finish(definition, &mut table, comments).await?;
    }
    let foreign = parts.constraints.iter().filter(|pending| matches!(pending.kind, PendingKind::Foreign { .. }));
    let foreign: Vec<&Pending> = foreign.collect();
    for pending in foreign {
        // Nothing is there yet that could violate it.
        let pending = Pending { not_valid: false, ..pending.clone() };
        constraint::add_foreign_key(definition, &mut table, &pending).await?;
    }
    definition.put_table(table).await
}

/// The primary key comes first, or the hidden row id if there is none.
pub fn install_indexes(table: &mut Table, keys: Vec<Index>) {
    let (primary, others): (Vec<Index>, Vec<Index>) = keys.into_iter().partition(|index| index.primary);
    let primary = match primary.into_iter().next() {
        Some(primary) => primary,
        None => row_id_index(table),
    };
    for mut index in [primary].into_iter().chain(others) {
        index.id = table.next_index;
        index.state = IndexState::Public as i32;
        table.next_index += 1;
        table.indexes.push(index);
    }
}

/// The primary index of a table without a primary key, with the hidden column it needs.
pub fn row_id_index(table: &mut Table) -> Index {
    let hidden = table.columns.iter().find(|column| column.hidden && !column.dropped).cloned();
    let column = hidden.unwrap_or_else(|| {
        let column = column::row_id(column::next_ordinal(table));
        table.columns.push(column.clone());
        column
    });
    let key = IndexKey {
        column: column.ordinal,
        type_oid: column.type_oid,
        type_modifier: column.type_modifier,
        ..IndexKey::default()
    };
    Index { unique: true, keys: vec![key], ..Index::default() }
}

/// WITH (...) of a table: remembered, without meaning here.
pub fn options(settings: &[Setting]) -> Result<Vec<SettingDefault>> {
    let with_oids = |setting: &Setting| setting.name.as_str() == "oids" && setting.namespace.is_none();
    if let Some(oids) = settings.iter().find(|setting| with_oids(setting)) {
        let wanted = match &oids.value {
            None => true,
            Some(value) => !matches!(super::role::setting_text(value)?.as_str(), "false" | "off" | "no" | "0"),
        };
        if wanted {
            let message = "tables declared WITH OIDS are not supported";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).into());
        }
    }
    let rest = settings.iter().filter(|setting| !with_oids(setting));
    rest.map(|setting| index::storage_option(setting, OPTIONS)).collect()
}
