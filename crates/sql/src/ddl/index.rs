//! CREATE INDEX, and what indexes are made of.

use atoll_datum::{Error, Oid, oid, sqlstate};
use atoll_syntax::ast::{self, Direction, IndexColumn, Nulls, Setting};

use super::{Definition, binding, column, names, online, walk};
use crate::bind;
use crate::catalog::{Index, IndexKey, IndexState, RelationKind, SettingDefault, Table};
use crate::exec::Result;
use crate::session::Scope;
use crate::session::locks::Mode;
use crate::types::Type;

const COLUMNS_MAX: usize = 32;

const OTHER_METHODS: [&str; 5] = ["hash", "gist", "gin", "spgist", "brin"];

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateIndex) -> Result<()> {
    if create.concurrently && definition.in_block {
        let message = "CREATE INDEX CONCURRENTLY cannot run inside a transaction block";
        return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message).into());
    }
    let found = names::relation(&definition.scope, &create.table.name)?;
    // The first one stays while an index is built online, the second lasts until all writers know of it.
    definition.lock(found.oid(), Mode::ShareUpdateExclusive).await?;
    let mark = definition.scope.locks.mark();
    let Some(table) = definition.lock(found.oid(), Mode::Share).await? else {
        return Err(names::missing_relation(&create.table.name).without_position().into());
    };
    if !matches!(table.kind(), RelationKind::Table | RelationKind::MaterializedView) {
        let message = format!("cannot create index on relation \"{}\"", table.name);
        let detail = match table.kind() {
            RelationKind::View => "This operation is not supported for views.",
            _ => "This operation is not supported for sequences.",
        };
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).detail(detail).into());
    }
    definition.check_owner(&table)?;
    super::access::check_create_in(definition, Oid(table.schema))?;
    let mut table = Table::clone(&table);
    let index = describe(definition, &table, create).await?;
    let Some(mut index) = index else { return Ok(()) };
    index.id = table.next_index;
    table.next_index += 1;
    let may_be_online = !definition.in_block && definition.changes.is_empty();
    if may_be_online && online::is_large(definition, &table).await? {
        return online::build(definition, table.oid(), index, mark).await;
    }
    super::data::add_index(definition, &mut table, index).await?;
    definition.put_table(table).await
}

/// The index that the statement describes; none if there is one of its name and that is fine.
async fn describe(definition: &mut Definition<'_>, table: &Table, create: &ast::CreateIndex) -> Result<Option<Index>> {
    check_method(create.method.as_ref())?;
    if let Some(tablespace) = &create.tablespace {
        check_tablespace(tablespace)?;
    }
    if create.columns.len() + create.include.len() > COLUMNS_MAX {
        let message = format!("cannot use more than {COLUMNS_MAX} columns in an index");
        return Err(Error::new(sqlstate::TOO_MANY_COLUMNS, message).into());
    }
    let schema = Oid(table.schema);
    if let Some(name) = &create.name
        && definition.relation_exists(schema, name.as_str())
    {
        let message = format!("relation \"{name}\" already exists");
        if create.if_not_exists {
            definition.notice(sqlstate::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(None);
        }
        return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
    }
    let predicate = match &create.filter {
        Some(filter) => Some(binding::index_predicate(&definition.scope, table, filter)?),
        None => None,
    };
    let mut keys = Vec::new();
    for column in &create.columns {
        keys.push(key(definition, table, column)?);
    }
    let mut include = Vec::new();
    for column in &create.include {
        include.push(included(table, column)?);
    }
    let name = match &create.name {
        Some(name) => name.as_str().to_owned(),
        None => {
            let parts = names_of_keys(&create.columns, &create.include);
            names::choose(&table.name, Some(&parts), "idx", |name| definition.relation_exists(schema, name))
        }
    };
    Ok(Some(Index {
        id: 0,
        oid: definition.new_oid().await?,
        name,
        unique: create.unique,
        keys,
        include,
        predicate,
        state: IndexState::Public as i32,
        nulls_not_distinct: create.nulls_not_distinct,
        options: options(&create.options)?,
        ..Index::default()
    }))
}

pub fn check_method(method: Option<&ast::Name>) -> Result<()> {
    match method.map(ast::Name::as_str) {
        None | Some("btree") => Ok(()),
        Some(method) if OTHER_METHODS.contains(&method) => {
            Err(Error::unsupported(format!("access method \"{method}\"")).into())
        }
        Some(method) => {
            let message = format!("access method \"{method}\" does not exist");
            Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
        }
    }
}

pub fn check_tablespace(name: &ast::Name) -> Result<()> {
    if matches!(name.as_str(), "pg_default") {
        return Ok(());
    }
    let message = format!("tablespace \"{name}\" does not exist");
    Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
}

/// What an index's name says of its columns: expressions are `expr`, `expr1`, …
fn names_of_keys(columns: &[IndexColumn], include: &[IndexColumn]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for column in columns.iter().chain(include) {
        let name = match &column.key {
            ast::IndexKey::Column(name) => name.as_str().to_owned(),
            ast::IndexKey::Expr(expr) => expression_name(expr),
        };
        let mut unique = name.clone();
        let mut number = 0;
        while parts.contains(&unique) {
            number += 1;
            unique = format!("{}{number}", names::clip(&name, names::NAME_BYTES_MAX - 5));
        }
        parts.push(unique);
    }
    names::joined(parts.iter().map(String::as_str))
}

/// As a select list would call the column.
pub fn expression_name(expr: &ast::Expr) -> String {
    match &expr.kind {
        ast::ExprKind::Call(call) => call.name.last().map_or("expr", ast::Name::as_str).to_owned(),
        ast::ExprKind::Coalesce(_) => "coalesce".to_owned(),
        ast::ExprKind::Greatest(_) => "greatest".to_owned(),
        ast::ExprKind::Least(_) => "least".to_owned(),
        ast::ExprKind::NullIf(_) => "nullif".to_owned(),
        ast::ExprKind::Row(_) => "row".to_owned(),
        ast::ExprKind::Array(_) => "array".to_owned(),
        ast::ExprKind::Case(case) => match &case.otherwise {
            Some(otherwise) if expression_name(otherwise) != "expr" => expression_name(otherwise),
            _ => "case".to_owned(),
        },
        ast::ExprKind::Column(names) => names.last().map_or("expr", ast::Name::as_str).to_owned(),
        ast::ExprKind::Collate(collate) => expression_name(&collate.operand),
        ast::ExprKind::Cast(cast) => match expression_name(&cast.operand) {
            name if name == "expr" => cast.to.names.last().map_or("expr", ast::Name::as_str).to_owned(),
            name => name,
        },
        _ => "expr".to_owned(),
    }
}

fn key(definition: &Definition<'_>, table: &Table, written: &IndexColumn) -> Result<IndexKey> {
    let descending = written.direction == Direction::Desc;
    let nulls_first = match written.nulls {
        Some(nulls) => nulls == Nulls::First,
        None => descending,
    };
    let column_name = match &written.key {
        ast::IndexKey::Column(name) => Some(name),
        // `CREATE INDEX ON t ((a))` is the column.
        ast::IndexKey::Expr(expr) => match &expr.kind {
            ast::ExprKind::Column(names) if names.len() == 1 => names.first(),
            _ => None,
        },
    };
    let mut key = match (column_name, &written.key) {
        (Some(name), _) => {
            let Some(column) = table.column_named(name.as_str()).filter(|column| !column.hidden) else {
                return Err(missing_column(name).into());
            };
            IndexKey {
                column: column.ordinal,
                type_oid: column.type_oid,
                type_modifier: column.type_modifier,
                ..IndexKey::default()
            }
        }
        (None, ast::IndexKey::Expr(expr)) => {
            let (text, ty) = binding::index_expression(&definition.scope, table, expr)?;
            IndexKey { expression: Some(text), type_oid: ty.oid.0, type_modifier: ty.modifier, ..IndexKey::default() }
        }
        (None, ast::IndexKey::Column(name)) => return Err(missing_column(name).into()),
    };
    let ty = key.ty();
    column::check_collation(written.collation.as_ref(), ty)?;
    if let Some(class) = &written.opclass {
        key.operator_class = operator_class(&definition.scope, class, ty.oid)?;
    } else {
        check_sortable(definition, ty.oid)?;
    }
    if !written.opclass_options.is_empty() {
        return Err(Error::unsupported("an operator class with options").at(written.at.offset()).into());
    }
    (key.descending, key.nulls_first) = (descending, nulls_first);
    Ok(key)
}

fn missing_column(name: &ast::Name) -> Error {
    Error::new(sqlstate::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
}

fn included(table: &Table, written: &IndexColumn) -> Result<u32> {
    let unsupported = |what: &str| Error::new(sqlstate::FEATURE_NOT_SUPPORTED, what.to_owned());
    let ast::IndexKey::Column(name) = &written.key else {
        return Err(unsupported("expressions are not supported in included columns").into());
    };
    if written.collation.is_some() {
        return Err(
            Error::new(sqlstate::INVALID_OBJECT_DEFINITION, "including column does not support a collation").into()
        );
    }
    if written.opclass.is_some() {
        let message = "including column does not support an operator class";
        return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message).into());
    }
    if written.direction != Direction::Default {
        let message = "including column does not support ASC/DESC options";
        return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message).into());
    }
    if written.nulls.is_some() {
        let message = "including column does not support NULLS FIRST/LAST options";
        return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message).into());
    }
    match table.column_named(name.as_str()).filter(|column| !column.hidden) {
        Some(column) => Ok(column.ordinal),
        None => Err(missing_column(name).into()),
    }
}

/// PostgreSQL's operator classes of btree that order as the type's default does in collation C: the prefix is the name
/// of the type.
fn operator_class(scope: &Scope, names: &[ast::Name], of: Oid) -> Result<String> {
    let name = names.last().map_or("", ast::Name::as_str);
    let type_name = binding::builtin_name(of).unwrap_or("enum");
    let is_default = name.strip_suffix("_ops").is_some_and(|prefix| {
        prefix == type_name
            || matches!((prefix, type_name), ("text" | "varchar", "text" | "varchar"))
            || (prefix == "enum" && binding::builtin_name(of).is_none())
            || (prefix == "array" && type_name.starts_with('_'))
    });
    let is_pattern = matches!(
        (name, type_name),
        ("text_pattern_ops" | "varchar_pattern_ops", "text" | "varchar") | ("bpchar_pattern_ops", "bpchar")
    );
    if is_default {
        return Ok(String::new());
    }
    if is_pattern {
        return Ok(name.to_owned());
    }
    let message = if name.ends_with("_ops") && binding::is_builtin_type(name.trim_end_matches("_ops")) {
        return Err(Error::new(
            sqlstate::DATATYPE_MISMATCH,
            format!("operator class \"{name}\" does not accept data type {}", bind::format_type(scope, Type::new(of))),
        )
        .into());
    } else {
        format!("operator class \"{}\" does not exist for access method \"btree\"", names::dotted(names))
    };
    Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
}

/// Whether a type can be a key at all.
pub fn check_sortable(definition: &Definition<'_>, of: Oid) -> Result<()> {
    if binding::is_sortable(definition.catalog(), of) {
        return match bind::types::element(definition.catalog(), of).unwrap_or(of) {
            oid::JSONB => Err(Error::unsupported("an index on type jsonb").into()),
            _ => Ok(()),
        };
    }
    let text = binding::type_text(&definition.scope, of.into());
    let message = format!("data type {text} has no default operator class for access method \"btree\"");
    let hint = "You must specify an operator class for the index or define a default operator class for the data type.";
    Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).hint(hint).into())
}

/// WITH (...) of an index: remembered, without meaning here.
pub fn options(settings: &[Setting]) -> Result<Vec<SettingDefault>> {
    let known = ["fillfactor", "deduplicate_items"];
    settings.iter().map(|setting| storage_option(setting, &known)).collect()
}

pub fn storage_option(setting: &Setting, known: &[&str]) -> Result<SettingDefault> {
    let name = setting.name.as_str();
    if let Some(namespace) = &setting.namespace
        && namespace.as_str() != "toast"
    {
        let message = format!("unrecognized parameter namespace \"{namespace}\"");
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
    }
    if !known.contains(&name) {
        let message = format!("unrecognized parameter \"{name}\"");
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
    }
    let value = match &setting.value {
        None => "true".to_owned(),
        Some(value) => super::role::setting_text(value)?,
    };
    if name == "fillfactor" && !value.parse().is_ok_and(|percent: i32| (10..=100).contains(&percent)) {
        let message = format!("value {value} out of bounds for option \"fillfactor\"");
        let detail = "Valid values are between \"10\" and \"100\".";
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).detail(detail).into());
    }
    let name = match &setting.namespace {
        Some(namespace) => format!("{namespace}.{name}"),
        None => name.to_owned(),
    };
    Ok(SettingDefault { name, value, database: 0 })
}

/// The name of the table itself or of one of its indexes.
pub fn is_own_name(table: &Table, name: &str) -> bool {
    table.name == name || table.indexes.iter().any(|index| index.oid != 0 && index.name == name)
}

/// Columns that an index reads, in keys, INCLUDE, expressions and WHERE.
pub fn columns_of(table: &Table, index: &Index) -> Result<std::collections::BTreeSet<u32>> {
    let mut columns: std::collections::BTreeSet<u32> = index.include.iter().copied().collect();
    columns.extend(index.keys.iter().map(|key| key.column).filter(|column| *column != 0));
    let texts = index.keys.iter().filter_map(|key| key.expression.as_ref()).chain(&index.predicate);
    for text in texts {
        columns.extend(walk::columns_of(table, &binding::stored(text)?));
    }
    Ok(columns)
}

/// ALTER INDEX, as far as it is not a new name.
pub async fn alter(definition: &mut Definition<'_>, alter: &ast::AlterTable) -> Result<()> {
    let Some((of, index)) = names::find_index(&definition.scope, &alter.table.name)? else {
        if let Some(found) = names::find_relation(&definition.scope, &alter.table.name)? {
            let message = format!("\"{}\" is not an index", found.name);
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
        }
        let error = names::missing_relation(&alter.table.name).without_position();
        if alter.if_exists {
            definition.skip(error.message().to_owned());
            return Ok(());
        }
        return Err(error.into());
    };
    if !definition.acts_as(of.owner) {
        return Err(crate::catalog::privileges::not_owner("index", &index.name).into());
    }
    let Some(table) = definition.lock(of.oid(), Mode::ShareUpdateExclusive).await? else {
        return Err(Error::internal("the table of an index is gone").into());
    };
    let mut table = Table::clone(&table);
    let Some(own) = table.indexes.iter_mut().find(|own| own.oid == index.oid) else {
        return Err(Error::internal("an index is gone").into());
    };
    for action in &alter.actions {
        match action {
            ast::AlterTableAction::SetOptions(settings) => {
                for option in options(settings)? {
                    own.options.retain(|old| old.name != option.name);
                    own.options.push(option);
                }
            }
            ast::AlterTableAction::ResetOptions(settings) => {
                own.options.retain(|old| !settings.iter().any(|gone| gone.name.as_str() == old.name));
            }
            ast::AlterTableAction::SetTablespace(tablespace) => check_tablespace(tablespace)?,
            ast::AlterTableAction::SetOwner(_) => {
                let message = format!("cannot change owner of index \"{}\"", own.name);
                let hint = "Change the ownership of the index's table, instead.";
                return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).hint(hint).into());
            }
            _ => return Err(Error::unsupported("this action of ALTER INDEX").into()),
        }
    }
    definition.put_table(table).await
}
