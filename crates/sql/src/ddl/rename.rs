//! ALTER … RENAME, SET SCHEMA and OWNER TO.
//!
//! Views and expressions are kept as text with names in it, so they are written anew when a name in them changes.

use std::collections::BTreeMap;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, Expr, ExprKind, Name, ObjectKind, ObjectName, RoleNameKind, Statement, TableItem};
use atoll_syntax::print;

use super::{Definition, access, binding, column, constraint, dependency, grant, names, qualify, role, schema, walk};
use crate::catalog::privileges::{self, not_owner};
use crate::catalog::{Database, RelationKind, Schema, Table, UserType};
use crate::exec::Result;
use crate::session::locks::Mode;

// --------------------------------------------------------------------------------------------------------------- the texts

/// What changes in stored texts: the schema and name of a relation or a type, or of a schema with all that is in it.
#[derive(Clone)]
enum Renaming {
    Relation { from: (String, String), to: (String, String) },
    Type { from: (String, String), to: (String, String) },
    Schema { from: String, to: String },
}

impl Renaming {
    fn table(&self, item: &mut TableItem) {
        let [schema, name] = item.table.name.as_mut_slice() else { return };
        match self {
            Renaming::Relation { from, to } if (schema.as_str(), name.as_str()) == (&*from.0, &*from.1) => {
                // Columns in the query are qualified with the old name, if at all.
                if item.alias.is_none() && from.1 != to.1 {
                    item.alias = Some(ast::Alias { name: name.clone(), columns: Vec::new() });
                }
                (schema.text, name.text) = (to.0.as_str().into(), to.1.as_str().into());
            }
            Renaming::Schema { from, to } if schema.as_str() == from => schema.text = to.as_str().into(),
            _ => {}
        }
    }

    fn expr(&self, expr: &mut Expr) {
        let ExprKind::Cast(cast) = &mut expr.kind else { return };
        let [schema, name] = cast.to.names.as_mut_slice() else { return };
        match self {
            Renaming::Type { from, to } if (schema.as_str(), name.as_str()) == (&*from.0, &*from.1) => {
                (schema.text, name.text) = (to.0.as_str().into(), to.1.as_str().into());
            }
            Renaming::Schema { from, to } if schema.as_str() == from => schema.text = to.as_str().into(),
            _ => {}
        }
    }

    fn text(&self, text: &mut String) -> Result<()> {
        change_expression(text, &mut |expr| self.expr(expr))
    }
}

fn change_expression(text: &mut String, change: &mut dyn FnMut(&mut Expr)) -> Result<()> {
    let mut expr = binding::stored(text)?;
    walk::each_mut(&mut expr, change);
    *text = print::expression(&expr);
    Ok(())
}

fn change_query(
    text: &mut String,
    table: &mut dyn FnMut(&mut TableItem),
    change: &mut dyn FnMut(&mut Expr),
) -> Result<()> {
    let damaged = || Error::internal(format!("the stored query {text:?} is damaged"));
    let parsed = atoll_syntax::parse(text).ok().and_then(|mut parsed| parsed.pop()).ok_or_else(damaged)?;
    let Statement::Query(mut query) = parsed.statement else { return Err(damaged().into()) };
    let mut visit_table = |item: &mut TableItem| {
        table(item);
        Ok(())
    };
    let mut visit_expr = |expr: &mut Expr| {
        change(expr);
        Ok(())
    };
    qualify::each(&mut query, &mut visit_table, &mut visit_expr)?;
    *text = print::query(&query);
    Ok(())
}

/// All expressions that a table's descriptor keeps.
fn each_text(table: &mut Table, change: &mut dyn FnMut(&mut String) -> Result<()>) -> Result<()> {
    for column in &mut table.columns {
        for text in column.default.iter_mut().chain(&mut column.generated) {
            change(text)?;
        }
    }
    for check in &mut table.checks {
        change(&mut check.expression)?;
    }
    for index in &mut table.indexes {
        for text in index.keys.iter_mut().filter_map(|key| key.expression.as_mut()).chain(&mut index.predicate) {
            change(text)?;
        }
    }
    Ok(())
}

/// Writes every text of the database in which the name stands anew.
async fn rewrite_texts(definition: &mut Definition<'_>, renaming: &Renaming) -> Result<()> {
    let database = definition.database().0;
    let schemas = &definition.scope.catalog.schemas;
    let is_here = |table: &Table| schemas.get(&Oid(table.schema)).is_some_and(|schema| schema.database == database);
    let mut changed = BTreeMap::new();
    for table in definition.catalog().tables.values().filter(|table| is_here(table)) {
        let mut new = Table::clone(table);
        each_text(&mut new, &mut |text| renaming.text(text))?;
        if let Some(view) = &mut new.view {
            change_query(&mut view.query, &mut |item| renaming.table(item), &mut |expr| renaming.expr(expr))?;
        }
        if new != **table {
            changed.insert(table.oid(), new);
        }
    }
    for (oid, new) in changed {
        if definition.lock(oid, Mode::AccessExclusive).await?.is_some() {
            definition.put_table(new).await?;
        }
    }
    Ok(())
}

/// Views that read a relation say in its alias how its columns are called in them, so that other names change nothing.
async fn fix_columns_in_views(
    definition: &mut Definition<'_>,
    table: &Table,
    change: &(dyn Fn(&mut Vec<Name>, Option<u32>) + Sync),
) -> Result<()> {
    let (schema, name) = (names::schema_name(definition.catalog(), Oid(table.schema)), table.name.clone());
    let views = definition.catalog().tables.values();
    let views = views.filter(|view| view.view.as_ref().is_some_and(|view| view.uses.contains(&table.oid)));
    let views: Vec<Oid> = views.map(|view| view.oid()).collect();
    for oid in views {
        let Some(view) = definition.lock(oid, Mode::AccessExclusive).await? else { continue };
        let mut new = Table::clone(&view);
        let Some(of) = &mut new.view else { continue };
        let last_column = of.last_column_of(table.oid());
        let mut fix = |item: &mut TableItem| {
            let [in_schema, own] = item.table.name.as_slice() else { return };
            if (in_schema.as_str(), own.as_str()) != (&*schema, &*name) {
                return;
            }
            let own = own.clone();
            let alias = item.alias.get_or_insert(ast::Alias { name: own, columns: Vec::new() });
            change(&mut alias.columns, last_column);
        };
        change_query(&mut of.query, &mut fix, &mut |_| {})?;
        definition.put_table(new).await?;
    }
    Ok(())
}

/// A column goes: names behind it in the aliases of views move up.
pub async fn forget_column_in_views(definition: &mut Definition<'_>, table: &Table, ordinal: u32) -> Result<()> {
    let Some(place) = table.visible_columns().position(|column| column.ordinal == ordinal) else { return Ok(()) };
    let has_alias = |columns: &Vec<Name>| place < columns.len();
    let forget = |columns: &mut Vec<Name>, _| {
        if has_alias(columns) {
            columns.remove(place);
        }
    };
    fix_columns_in_views(definition, table, &forget).await
}

// ----------------------------------------------------------------------------------------------------------------- RENAME

pub async fn execute(definition: &mut Definition<'_>, rename: &ast::Rename) -> Result<()> {
    let to = rename.to.as_str();
    match rename.object.kind {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index => relation(definition, rename, to).await,
        ObjectKind::Column => of_column(definition, rename, to).await,
        ObjectKind::Constraint => of_constraint(definition, rename, to).await,
        ObjectKind::Schema => of_schema(definition, &rename.object, to).await,
        ObjectKind::Database => of_database(definition, &rename.object, to).await,
        ObjectKind::Role => of_role(definition, &rename.object, to).await,
        ObjectKind::Type => of_type(definition, &rename.object, to).await,
        kind => Err(Error::unsupported(format!("ALTER {} RENAME", super::kind_words(kind))).into()),
    }
}

fn taken(name: &str) -> Error {
    Error::new(sqlstate::DUPLICATE_TABLE, format!("relation \"{name}\" already exists"))
}

fn check_kind(table: &Table, kind: ObjectKind) -> Result<()> {
    let (wanted, what) = match kind {
        ObjectKind::View => (RelationKind::View, "a view"),
        ObjectKind::MaterializedView => (RelationKind::MaterializedView, "a materialized view"),
        ObjectKind::Sequence => (RelationKind::Sequence, "a sequence"),
        // ALTER TABLE is for all of them.
        _ => return Ok(()),
    };
    if table.kind() == wanted {
        return Ok(());
    }
    Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, format!("\"{}\" is not {what}", table.name)).into())
}

async fn found(definition: &mut Definition<'_>, name: &[Name], if_exists: bool, mode: Mode) -> Result<Option<Table>> {
    let missing = names::missing_relation(name).without_position();
    let found = names::find_relation(&definition.scope, name)?;
    let locked = match found {
        Some(found) => definition.lock(found.oid(), mode).await?,
        None => None,
    };
    match locked {
        Some(table) => {
            constraint::check_is_users(&table)?;
            Ok(Some(Table::clone(&table)))
        }
        None if if_exists => {
            definition.skip(missing.message().to_owned());
            Ok(None)
        }
        None => Err(missing.into()),
    }
}

async fn relation(definition: &mut Definition<'_>, rename: &ast::Rename, to: &str) -> Result<()> {
    let name = &rename.object.name;
    if let Some((table, index)) = names::find_index(&definition.scope, name)?
        && matches!(rename.object.kind, ObjectKind::Index | ObjectKind::Table)
    {
        return of_index(definition, table.oid(), Oid(index.oid), to).await;
    }
    let Some(mut table) = found(definition, name, rename.if_exists, Mode::AccessExclusive).await? else {
        return Ok(());
    };
    if rename.object.kind == ObjectKind::Index {
        let message = format!("\"{}\" is not an index", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    check_kind(&table, rename.object.kind)?;
    definition.check_owner(&table)?;
    access::check_create_in(definition, Oid(table.schema))?;
    if definition.relation_exists(Oid(table.schema), to) {
        return Err(taken(to).into());
    }
    if table.row_type != 0 && definition.catalog().enum_named(Oid(table.schema), to).is_some() {
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, format!("type \"{to}\" already exists")).into());
    }
    let schema = names::schema_name(definition.catalog(), Oid(table.schema));
    let old = std::mem::replace(&mut table.name, to.to_owned());
    let plain = Table { name: old.clone(), ..table.clone() };
    // Its own expressions may name it.
    each_text(&mut table, &mut |text| {
        change_expression(text, &mut |expr| {
            if let ExprKind::Column(parts) = &mut expr.kind
                && let [.., qualifier, column] = parts.as_mut_slice()
                && qualifier.as_str() == old
                && plain.column_named(column.as_str()).is_some()
            {
                qualifier.text = to.into();
            }
        })
    })?;
    definition.put_table(table).await?;
    let renaming = Renaming::Relation { from: (schema.clone(), old), to: (schema, to.to_owned()) };
    rewrite_texts(definition, &renaming).await
}

async fn of_index(definition: &mut Definition<'_>, table: Oid, index: Oid, to: &str) -> Result<()> {
    let Some(table) = definition.lock(table, Mode::ShareUpdateExclusive).await? else {
        return Err(Error::internal("the table of an index is gone").into());
    };
    if !definition.acts_as(table.owner) {
        let name = table.indexes.iter().find(|own| own.oid == index.0).map_or("", |own| own.name.as_str());
        return Err(not_owner("index", name).into());
    }
    if definition.relation_exists(Oid(table.schema), to) {
        return Err(taken(to).into());
    }
    let mut table = Table::clone(&table);
    if let Some(own) = table.indexes.iter_mut().find(|own| own.oid == index.0) {
        own.name = to.to_owned();
    }
    definition.put_table(table).await
}

async fn of_column(definition: &mut Definition<'_>, rename: &ast::Rename, to: &str) -> Result<()> {
    let (Some(name), Some((kind, relation))) = (rename.object.name.last(), &rename.of) else {
        return Err(Error::internal("a column without a name").into());
    };
    let Some(mut table) = found(definition, &relation.name, rename.if_exists, Mode::AccessExclusive).await? else {
        return Ok(());
    };
    check_kind(&table, *kind)?;
    if table.kind() == RelationKind::Sequence {
        let message = format!("cannot rename columns of relation \"{}\"", table.name);
        let detail = "This operation is not supported for sequences.";
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).detail(detail).into());
    }
    definition.check_owner(&table)?;
    let Some(old) = table.column_named(name.as_str()).filter(|column| !column.hidden).cloned() else {
        let message = format!("column \"{name}\" does not exist");
        return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message).into());
    };
    if table.column_named(to).is_some_and(|column| !column.hidden) {
        let message = format!("column \"{to}\" of relation \"{}\" already exists", table.name);
        return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).into());
    }
    column::check_new_name(&Table { columns: Vec::new(), ..table.clone() }, to)?;
    let before = table.visible_columns();
    let before = before.map(|column| (column.ordinal, Name::new(column.name.as_str(), ast::At::default())));
    let before: Vec<(u32, Name)> = before.collect();
    let plain = table.clone();
    each_text(&mut table, &mut |text| {
        let mut expr = binding::stored(text)?;
        walk::rename_column(&plain, &mut expr, old.ordinal, to);
        *text = print::expression(&expr);
        Ok(())
    })?;
    table.columns[old.ordinal as usize - 1].name = to.to_owned();
    definition.put_table(table.clone()).await?;
    let keep_old = |columns: &mut Vec<Name>, last_column: Option<u32>| {
        let known = before.iter().filter(|(ordinal, _)| last_column.is_none_or(|last| *ordinal <= last));
        let named = columns.len();
        columns.extend(known.skip(named).map(|(_, name)| name.clone()));
    };
    fix_columns_in_views(definition, &table, &keep_old).await
}

async fn of_constraint(definition: &mut Definition<'_>, rename: &ast::Rename, to: &str) -> Result<()> {
    let relation = match (&rename.object.rest, &rename.of) {
        (ast::ObjectNameRest::On(relation), _) => relation.clone(),
        (_, Some((_, table))) => table.name.clone(),
        _ => return Err(Error::internal("a constraint without its table").into()),
    };
    let name = rename.object.name.last().map_or("", Name::as_str);
    let Some(mut table) = found(definition, &relation, rename.if_exists, Mode::AccessExclusive).await? else {
        return Ok(());
    };
    definition.check_owner(&table)?;
    if !constraint::names_of(&table).contains(name) {
        let message = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
        return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into());
    }
    if constraint::names_of(&table).contains(to) {
        let message = format!("constraint \"{to}\" for relation \"{}\" already exists", table.name);
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).into());
    }
    if let Some(place) = table.indexes.iter().position(|index| index.constraint != 0 && index.name == name) {
        if definition.relation_exists(Oid(table.schema), to) {
            return Err(taken(to).into());
        }
        table.indexes[place].name = to.to_owned();
    }
    for check in table.checks.iter_mut().filter(|check| check.name == name) {
        check.name = to.to_owned();
    }
    table.checks.sort_by(|a, b| a.name.cmp(&b.name));
    for key in table.foreign_keys.iter_mut().filter(|key| key.name == name) {
        key.name = to.to_owned();
    }
    definition.put_table(table).await
}

fn schema_named(definition: &Definition<'_>, name: &str) -> Result<Schema> {
    let oid = definition.catalog().schema_named(definition.database(), name);
    let Some(oid) = oid else { return Err(names::missing_schema(name).into()) };
    match definition.catalog().schemas.get(&oid) {
        Some(schema) => Ok(Schema::clone(schema)),
        None => Err(privileges::denied("schema", name).into()),
    }
}

async fn of_schema(definition: &mut Definition<'_>, object: &ObjectName, to: &str) -> Result<()> {
    let name = object.name.last().map_or("", Name::as_str);
    let mut of = schema_named(definition, name)?;
    if definition.catalog().schema_named(definition.database(), to).is_some() {
        return Err(Error::new(sqlstate::DUPLICATE_SCHEMA, format!("schema \"{to}\" already exists")).into());
    }
    if !definition.acts_as(of.owner) {
        return Err(not_owner("schema", name).into());
    }
    let database = schema::database(definition)?;
    if !definition.has((&database).into(), 'C') {
        return Err(privileges::denied("database", &database.name).into());
    }
    schema::check_name(to)?;
    let from = std::mem::replace(&mut of.name, to.to_owned());
    definition.put(of).await?;
    rewrite_texts(definition, &Renaming::Schema { from, to: to.to_owned() }).await
}

fn database_named(definition: &Definition<'_>, name: &str) -> Result<Database> {
    match definition.catalog().database_named(name) {
        Some(database) => Ok(Database::clone(database)),
        None => {
            let message = format!("database \"{name}\" does not exist");
            Err(Error::new(sqlstate::INVALID_CATALOG_NAME, message).into())
        }
    }
}

async fn of_database(definition: &mut Definition<'_>, object: &ObjectName, to: &str) -> Result<()> {
    let name = object.name.last().map_or("", Name::as_str);
    let mut of = database_named(definition, name)?;
    if !definition.acts_as(of.owner) {
        return Err(not_owner("database", name).into());
    }
    let own = definition.descriptor_of_role(definition.role())?;
    if !own.superuser && !own.create_database {
        let message = "permission denied to rename database";
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
    }
    if definition.catalog().database_named(to).is_some() {
        let message = format!("database \"{to}\" already exists");
        return Err(Error::new(sqlstate::DUPLICATE_DATABASE, message).into());
    }
    if of.oid == definition.database().0 {
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, "current database cannot be renamed").into());
    }
    super::database::check_unused(definition, &of).await?;
    of.name = to.to_owned();
    definition.put(of).await
}

async fn of_role(definition: &mut Definition<'_>, object: &ObjectName, to: &str) -> Result<()> {
    let name = object.name.last().map_or("", Name::as_str);
    let Some(found) = definition.catalog().role_named(name).cloned() else {
        return Err(access::missing_role(name).into());
    };
    let oid = Oid(found.oid);
    let own = definition.descriptor_of_role(definition.role())?;
    for (is_own, what) in
        [(oid == definition.scope.session.session_user, "session user"), (oid == definition.role(), "current user")]
    {
        if is_own {
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, format!("{what} cannot be renamed")).into());
        }
    }
    role::check_name(name)?;
    role::check_name(to)?;
    if definition.catalog().role_named(to).is_some() {
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, format!("role \"{to}\" already exists")).into());
    }
    if found.superuser && !own.superuser {
        let message = "must be superuser to rename superusers";
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
    }
    if !own.superuser && !own.create_role {
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, "permission denied to rename role").into());
    }
    let mut new = definition.descriptor_of_role(oid)?;
    new.name = to.to_owned();
    definition.put(new).await
}

pub fn type_named(definition: &Definition<'_>, name: &[Name]) -> Result<UserType> {
    let found = names::find_enum(&definition.scope, name)?;
    match found.and_then(|oid| definition.catalog().types.get(&oid)) {
        Some(entry) => Ok(entry.descriptor.clone()),
        None => {
            let message = format!("type \"{}\" does not exist", names::dotted(name));
            Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
        }
    }
}

fn check_type_owner(definition: &Definition<'_>, of: &UserType) -> Result<()> {
    if definition.acts_as(of.owner) { Ok(()) } else { Err(not_owner("type", &of.name).into()) }
}

async fn of_type(definition: &mut Definition<'_>, object: &ObjectName, to: &str) -> Result<()> {
    let mut of = type_named(definition, &object.name)?;
    check_type_owner(definition, &of)?;
    super::enum_type::check_free(definition, Oid(of.schema), to)?;
    let schema = names::schema_name(definition.catalog(), Oid(of.schema));
    let from = std::mem::replace(&mut of.name, to.to_owned());
    definition.put(of).await?;
    let renaming = Renaming::Type { from: (schema.clone(), from), to: (schema, to.to_owned()) };
    rewrite_texts(definition, &renaming).await
}

// ------------------------------------------------------------------------------------------------------------- SET SCHEMA

pub async fn set_schema(definition: &mut Definition<'_>, set: &ast::SetSchema) -> Result<()> {
    let to = set.schema.as_str();
    let name = &set.object.name;
    if set.object.kind == ObjectKind::Type {
        let mut of = type_named(definition, name)?;
        check_type_owner(definition, &of)?;
        let new = schema_named(definition, to)?;
        access::check_create_in(definition, Oid(new.oid))?;
        if of.schema == new.oid {
            return Ok(());
        }
        if definition.catalog().enum_named(Oid(new.oid), &of.name).is_some() {
            let message = format!("type \"{}\" already exists in schema \"{to}\"", of.name);
            return Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).into());
        }
        let from = names::schema_name(definition.catalog(), Oid(of.schema));
        of.schema = new.oid;
        let own = of.name.clone();
        definition.put(of).await?;
        let renaming = Renaming::Type { from: (from, own.clone()), to: (to.to_owned(), own) };
        return rewrite_texts(definition, &renaming).await;
    }
    if !matches!(
        set.object.kind,
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence
    ) {
        let message = format!("ALTER {} SET SCHEMA", super::kind_words(set.object.kind));
        return Err(Error::unsupported(message).into());
    }
    let Some(table) = found(definition, name, set.if_exists, Mode::AccessExclusive).await? else { return Ok(()) };
    check_kind(&table, set.object.kind)?;
    definition.check_owner(&table)?;
    if let Some(sequence) = &table.sequence
        && let Some(owner) = definition.catalog().table(Oid(sequence.owner_table))
    {
        let message = "cannot move an owned sequence into another schema";
        let detail = format!("Sequence \"{}\" is linked to table \"{}\".", table.name, owner.name);
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).detail(detail).into());
    }
    let new = schema_named(definition, to)?;
    access::check_create_in(definition, Oid(new.oid))?;
    if table.schema == new.oid {
        return Ok(());
    }
    let owned: Vec<Oid> = definition
        .catalog()
        .tables
        .values()
        .filter(|other| other.sequence.as_ref().is_some_and(|sequence| sequence.owner_table == table.oid))
        .map(|other| other.oid())
        .collect();
    move_relation(definition, table, &new).await?;
    for sequence in owned {
        if let Some(sequence) = definition.lock(sequence, Mode::AccessExclusive).await? {
            move_relation(definition, Table::clone(&sequence), &new).await?;
        }
    }
    Ok(())
}

async fn move_relation(definition: &mut Definition<'_>, mut table: Table, to: &Schema) -> Result<()> {
    let indexes = table.indexes.iter().filter(|index| index.oid != 0).map(|index| index.name.as_str());
    for name in indexes.chain([table.name.as_str()]) {
        if definition.relation_exists(Oid(to.oid), name) {
            let message = format!("relation \"{name}\" already exists in schema \"{}\"", to.name);
            return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
        }
    }
    let from = names::schema_name(definition.catalog(), Oid(table.schema));
    let name = table.name.clone();
    table.schema = to.oid;
    definition.put_table(table).await?;
    let renaming = Renaming::Relation { from: (from, name.clone()), to: (to.name.clone(), name) };
    rewrite_texts(definition, &renaming).await
}

// -------------------------------------------------------------------------------------------------------------- OWNER TO

/// Changes the owner of a relation, and that of the sequences its columns own.
pub async fn give_relation(definition: &mut Definition<'_>, table: &mut Table, owner: Oid) -> Result<()> {
    if table.owner == owner.0 {
        return Ok(());
    }
    if let Some(sequence) = &table.sequence
        && let Some(of) = definition.catalog().table(Oid(sequence.owner_table))
    {
        let message = format!("cannot change owner of sequence \"{}\"", table.name);
        let detail = format!("Sequence \"{}\" is linked to table \"{}\".", table.name, of.name);
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).detail(detail).into());
    }
    definition.check_new_owner(owner)?;
    if !definition.is_superuser() {
        check_create_as(definition, owner, Oid(table.schema))?;
    }
    let old = table.owner;
    change_owner(table, owner);
    let owned: Vec<Oid> = definition
        .catalog()
        .tables
        .values()
        .filter(|other| other.sequence.as_ref().is_some_and(|sequence| sequence.owner_table == table.oid))
        .map(|other| other.oid())
        .collect();
    for sequence in owned {
        if let Some(sequence) = definition.lock(sequence, Mode::AccessExclusive).await? {
            let mut sequence = Table::clone(&sequence);
            if sequence.owner == old {
                change_owner(&mut sequence, owner);
                definition.put_table(sequence).await?;
            }
        }
    }
    Ok(())
}

fn change_owner(table: &mut Table, owner: Oid) {
    let old = std::mem::replace(&mut table.owner, owner.0);
    table.privileges = grant::with_new_owner(&table.privileges, old, owner.0);
    for column in &mut table.columns {
        column.privileges = grant::with_new_owner(&column.privileges, old, owner.0);
    }
}

fn check_create_as(definition: &Definition<'_>, role: Oid, schema: Oid) -> Result<()> {
    let catalog = definition.catalog();
    let Some(of) = catalog.schemas.get(&schema) else { return Ok(()) };
    if privileges::has_privilege(catalog, definition.database(), role, (&**of).into(), 'C', false) {
        return Ok(());
    }
    Err(privileges::denied("schema", &of.name).into())
}

pub async fn set_owner(definition: &mut Definition<'_>, set: &ast::SetOwner) -> Result<()> {
    if matches!(set.owner.kind, RoleNameKind::Public) {
        return Err(access::missing_role("public").into());
    }
    let owner = definition.role_of(&set.owner)?;
    let name = set.object.name.last().map_or("", Name::as_str);
    match set.object.kind {
        ObjectKind::Schema => {
            let of = schema_named(definition, name)?;
            if !definition.acts_as(of.owner) {
                return Err(not_owner("schema", name).into());
            }
            definition.check_new_owner(owner)?;
            give_schema(definition, of, owner).await
        }
        ObjectKind::Database => {
            let of = database_named(definition, name)?;
            if !definition.acts_as(of.owner) {
                return Err(not_owner("database", name).into());
            }
            definition.check_new_owner(owner)?;
            give_database(definition, of, owner).await
        }
        ObjectKind::Type => {
            let of = type_named(definition, &set.object.name)?;
            check_type_owner(definition, &of)?;
            definition.check_new_owner(owner)?;
            give_type(definition, of, owner).await
        }
        kind => Err(Error::unsupported(format!("ALTER {} OWNER TO", super::kind_words(kind))).into()),
    }
}

async fn give_schema(definition: &mut Definition<'_>, mut of: Schema, owner: Oid) -> Result<()> {
    let old = std::mem::replace(&mut of.owner, owner.0);
    of.privileges = grant::with_new_owner(&of.privileges, old, owner.0);
    definition.put(of).await
}

async fn give_database(definition: &mut Definition<'_>, mut of: Database, owner: Oid) -> Result<()> {
    let old = std::mem::replace(&mut of.owner, owner.0);
    of.privileges = grant::with_new_owner(&of.privileges, old, owner.0);
    definition.put(of).await
}

async fn give_type(definition: &mut Definition<'_>, mut of: UserType, owner: Oid) -> Result<()> {
    let old = std::mem::replace(&mut of.owner, owner.0);
    of.privileges = grant::with_new_owner(&of.privileges, old, owner.0);
    definition.put(of).await
}

/// REASSIGN OWNED BY … TO ….
pub async fn reassign_owned(definition: &mut Definition<'_>, reassign: &ast::ReassignOwned) -> Result<()> {
    let to = definition.role_of(&reassign.to)?;
    for role in &reassign.roles {
        let from = definition.role_of(role)?;
        for role in [from, to] {
            if !privileges::acts_as(definition.catalog(), definition.database(), definition.role(), role) {
                let message = "permission denied to reassign objects";
                return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
            }
        }
        let scope = definition.scope.clone();
        let here = scope.session.database.0;
        for of in scope.catalog.databases.values().filter(|of| of.owner == from.0) {
            give_database(definition, Database::clone(of), to).await?;
        }
        for of in scope.catalog.schemas.values().filter(|of| of.database == here) {
            if of.owner == from.0 {
                give_schema(definition, Schema::clone(of), to).await?;
            }
            for table in scope.catalog.tables.values().filter(|table| (table.schema, table.owner) == (of.oid, from.0)) {
                definition.lock(table.oid(), Mode::AccessExclusive).await?;
                let mut table = Table::clone(&*dependency::table_of(definition.catalog(), table.oid())?);
                change_owner(&mut table, to);
                definition.put_table(table).await?;
            }
            for entry in scope.catalog.types.values() {
                if (entry.descriptor.schema, entry.descriptor.owner) == (of.oid, from.0) {
                    give_type(definition, entry.descriptor.clone(), to).await?;
                }
            }
        }
    }
    Ok(())
}
