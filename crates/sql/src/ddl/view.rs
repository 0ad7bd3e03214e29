//! Views, materialized views, and tables that are made from a query.

use std::collections::BTreeSet;

use atoll_datum::{Error, Oid, oid, sqlstate};
use atoll_syntax::ast::{self, CheckOption, Persistence, Setting, Statement};
use atoll_syntax::print;

use super::{Definition, binding, column, data, names, qualify, table};
use crate::bind;
use crate::bind::updatable::{Verdict, stored_query, updatable};
use crate::catalog::{Column, Dependent, RelationKind, SettingDefault, Table, View, privileges};
use crate::exec::{Builder, Exec, Result, cursor};
use crate::mutate::target::Target;
use crate::plan::{Query, RelationUse};
use crate::session::locks::Mode;
use crate::session::{Scope, variables::parse_bool};
use crate::statistics::Count;
use crate::types::Type;

const ANALYZE: cursor::Options = cursor::Options { analyze: true, memory_bytes: None, work_bytes: None };

fn unsupported_persistence(persistence: Persistence, what: &str) -> Result<()> {
    match persistence {
        Persistence::Temporary => Err(Error::unsupported(format!("CREATE TEMPORARY {what}")).into()),
        _ => Ok(()),
    }
}

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateView) -> Result<()> {
    unsupported_persistence(create.persistence, "VIEW")?;
    if create.persistence == Persistence::Unlogged {
        let message = "views cannot be unlogged because they do not have storage";
        return Err(Error::new(sqlstate::SYNTAX_ERROR, message).into());
    }
    if matches!(&create.query.body, ast::QueryBody::Select(select) if select.into.is_some()) {
        let message = "views must not contain SELECT INTO";
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).into());
    }
    let (bound, written) = bind::view(&definition.scope, &create.query)?;
    check_present(&bound)?;
    check_parameters(&bound)?;
    let columns = columns(definition, &bound, &create.columns, "CREATE VIEW specifies more column names than columns")?;
    let (options, mut check) = options(&create.options)?;
    if create.check.is_some() {
        if check.is_some() {
            let message = "parameter \"check_option\" specified more than once";
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
        }
        check = create.check;
    }
    let schema = definition.creation_schema(&create.name)?;
    let name = create.name.last().map_or("", ast::Name::as_str);
    let view = described(definition, &create.query, &bound, &written, check)?;
    let old = definition.catalog().table_named(schema, name).cloned();
    if let (Some(old), true) = (old, create.or_replace) {
        return replace(definition, &old, columns, view, options).await;
    }
    table::is_free(definition, schema, name, false)?;
    let mut made = table::begin(definition, schema, name, RelationKind::View).await?;
    (made.columns, made.view, made.options) = (columns, Some(view), options);
    definition.put_table(made).await
}

fn check_present(bound: &Query) -> Result<()> {
    match bound.as_of {
        None => Ok(()),
        Some(_) => Err(Error::unsupported("AS OF SYSTEM TIME in what is stored").into()),
    }
}

fn check_parameters(bound: &Query) -> Result<()> {
    match bound.parameters.is_empty() {
        true => Ok(()),
        false => Err(Error::new(sqlstate::UNDEFINED_PARAMETER, "there is no parameter $1").into()),
    }
}

/// Those that are remembered and shown, and `check_option`.
pub fn options(settings: &[Setting]) -> Result<(Vec<SettingDefault>, Option<CheckOption>)> {
    let known = ["security_barrier", "security_invoker", CHECK_OPTION];
    let (mut options, mut check) = (Vec::new(), None);
    for setting in settings {
        let option = super::index::storage_option(setting, &known)?;
        match option.name.as_str() {
            CHECK_OPTION if option.value.eq_ignore_ascii_case("local") => check = Some(CheckOption::Local),
            CHECK_OPTION if option.value.eq_ignore_ascii_case("cascaded") => check = Some(CheckOption::Cascaded),
            CHECK_OPTION => {
                let message = format!("invalid value for enum option \"check_option\": {}", option.value);
                let detail = "Valid values are \"local\" and \"cascaded\".";
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).detail(detail).into());
            }
            // What these promise is kept nowhere.
            name => match parse_bool(&option.value) {
                Some(false) => options.push(option),
                Some(true) => return Err(Error::unsupported(format!("view option {name}")).into()),
                None => {
                    let message = format!("invalid value for boolean option \"{name}\": {}", option.value);
                    return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
                }
            },
        }
    }
    Ok((options, check))
}

pub const CHECK_OPTION: &str = "check_option";

/// As the descriptor has it.
fn check_letter(check: Option<CheckOption>) -> String {
    let letter = match check {
        None => "",
        Some(CheckOption::Local) => "l",
        Some(CheckOption::Cascaded) => "c",
    };
    letter.to_owned()
}

/// `ALTER VIEW ... SET (check_option = ...)`
pub fn set_check_option(scope: &Scope, view: &mut Table, check: CheckOption) -> Result<()> {
    check_updatable(scope, stored_query(view)?)?;
    if let Some(definition) = &mut view.view {
        definition.check_option = check_letter(Some(check));
    }
    Ok(())
}

/// 0A000 for WITH CHECK OPTION where rows can't be changed. Whether they can in what the view reads is not asked.
fn check_updatable(scope: &Scope, query: ast::Query) -> Result<()> {
    let checked = match updatable(scope, query)? {
        Verdict::Updatable(query) => query.check_columns(),
        Verdict::Not(why) => Err(why),
    };
    checked.map_err(|why| {
        let message = "WITH CHECK OPTION is supported only on automatically updatable views";
        Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(why).into()
    })
}

/// The columns that a query's output makes, under other names as far as they are given.
fn columns(definition: &Definition<'_>, bound: &Query, names: &[ast::Name], too_many: &str) -> Result<Vec<Column>> {
    if names.len() > bound.output.len() {
        return Err(Error::new(sqlstate::SYNTAX_ERROR, too_many).into());
    }
    let mut columns: Vec<Column> = Vec::new();
    for (place, output) in bound.output.iter().enumerate() {
        let name = names.get(place).map_or(output.name.as_str(), ast::Name::as_str);
        if columns.iter().any(|column| column.name == name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).into());
        }
        // A quoted literal that nobody asked for another type is a text.
        let ty = if output.ty.oid == oid::UNKNOWN { Type::TEXT } else { output.ty };
        column::check_type(name, ty.oid)?;
        columns.push(column::plain(place as u32 + 1, name, ty));
    }
    if columns.len() > column::COLUMNS_MAX {
        let message = format!("tables can have at most {} columns", column::COLUMNS_MAX);
        return Err(Error::new(sqlstate::TOO_MANY_COLUMNS, message).into());
    }
    check_privileges(definition, bound)?;
    Ok(columns)
}

fn check_privileges(definition: &Definition<'_>, bound: &Query) -> Result<()> {
    for used in &bound.uses {
        privileges::check_use(&definition.scope, used)?;
    }
    Ok(())
}

fn described(
    definition: &Definition<'_>,
    query: &ast::Query,
    bound: &Query,
    written: &bind::Written,
    check: Option<CheckOption>,
) -> Result<View> {
    let qualified = qualify::query(&definition.scope, query, written)?;
    let uses: Vec<u32> =
        qualified.relations.iter().filter(|oid| !super::access::is_system(**oid)).map(|oid| oid.0).collect();
    let reads = uses.iter().filter_map(|relation| reads_of(&bound.uses, Oid(*relation))).collect();
    if check.is_some() {
        check_updatable(&definition.scope, qualified.query.clone())?;
    }
    let last_column = |relation: &u32| {
        let table = definition.catalog().table(Oid(*relation));
        table.and_then(|table| table.columns.last()).map_or(0, |column| column.ordinal)
    };
    let last_columns = uses.iter().map(last_column).collect();
    Ok(View {
        query: print::query(&qualified.query),
        check_option: check_letter(check),
        uses,
        reads,
        unfilled: false,
        last_columns,
        keys: written.keys.iter().copied().collect(),
    })
}

/// None if only that there are rows was asked, which needs no column.
fn reads_of(uses: &[RelationUse], relation: Oid) -> Option<Dependent> {
    let mut columns: Vec<u32> = uses
        .iter()
        .filter(|used| used.relation == relation)
        .flat_map(|used| used.select.iter().flatten().map(|ordinal| ordinal.0))
        .collect();
    columns.sort_unstable();
    columns.dedup();
    (!columns.is_empty()).then_some(Dependent { relation: relation.0, columns })
}

/// CREATE OR REPLACE: the old columns stay, new ones may follow.
async fn replace(
    definition: &mut Definition<'_>,
    old: &Table,
    columns: Vec<Column>,
    view: View,
    options: Vec<SettingDefault>,
) -> Result<()> {
    let Some(old) = definition.lock(old.oid(), Mode::AccessExclusive).await? else {
        return Err(Error::internal("the view is gone").into());
    };
    if old.kind() != RelationKind::View {
        let message = format!("\"{}\" is not a view", old.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    definition.check_owner(&old)?;
    let invalid = |message: String| Error::new(sqlstate::INVALID_TABLE_DEFINITION, message);
    let before: Vec<&Column> = old.visible_columns().collect();
    if columns.len() < before.len() {
        return Err(invalid("cannot drop columns from view".to_owned()).into());
    }
    for (before, after) in before.iter().zip(&columns) {
        if before.name != after.name {
            let message = format!("cannot change name of view column \"{}\" to \"{}\"", before.name, after.name);
            let hint = "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.";
            return Err(invalid(message).hint(hint).into());
        }
        if before.ty() != after.ty() {
            let texts = [before, &after].map(|column| bind::format_type(&definition.scope, column.ty()));
            let message =
                format!("cannot change data type of view column \"{}\" from {} to {}", before.name, texts[0], texts[1]);
            return Err(invalid(message).into());
        }
    }
    if view.uses.contains(&old.oid) {
        let message = format!("infinite recursion detected in rules for relation \"{}\"", old.name);
        return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message).into());
    }
    let mut new = Table::clone(&old);
    for (place, column) in columns.into_iter().enumerate() {
        if place >= new.columns.len() {
            new.columns.push(column);
        }
    }
    (new.view, new.options) = (Some(view), options);
    definition.put_table(new).await
}

// ------------------------------------------------------------------------------------------------------------ with data

/// CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW. Returns how many rows it was filled with.
pub async fn create_as(definition: &mut Definition<'_>, create: &ast::CreateTableAs) -> Result<Option<u64>> {
    let what = if create.materialized_view { "MATERIALIZED VIEW" } else { "TABLE" };
    unsupported_persistence(create.persistence, what)?;
    let query = match &create.source {
        Statement::Query(query) => query,
        _ => return Err(Error::internal("a table is made from what is no query").into()),
    };
    if create.on_commit.is_some() {
        let message = "ON COMMIT can only be used on temporary tables";
        return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message).into());
    }
    if let Some(tablespace) = &create.tablespace {
        super::index::check_tablespace(tablespace)?;
    }
    let schema = definition.creation_schema(&create.name)?;
    let name = create.name.last().map_or("", ast::Name::as_str);
    if !table::is_free(definition, schema, name, create.if_not_exists)? {
        return Ok(None);
    }
    let bound = bind::statement(&definition.scope, &create.source, &definition.filling.types)?;
    check_present(&bound)?;
    if definition.filling.types.is_empty() {
        check_parameters(&bound)?;
    }
    let columns = columns(definition, &bound, &create.columns, "too many column names were specified")?;
    let kind = if create.materialized_view { RelationKind::MaterializedView } else { RelationKind::Table };
    let mut made = table::begin(definition, schema, name, kind).await?;
    made.unlogged = create.persistence == Persistence::Unlogged;
    made.options = table::options(&create.options)?;
    made.columns = columns;
    if create.materialized_view {
        let (_, written) = bind::view(&definition.scope, query)?;
        let mut view = described(definition, query, &bound, &written, None)?;
        view.unfilled = !create.with_data;
        made.view = Some(view);
    }
    let plain = made.columns.clone();
    table::install_indexes(&mut made, Vec::new());
    definition.put_table(made.clone()).await?;
    if !create.with_data {
        if definition.filling.analyze {
            let query = Box::new(crate::optimize::query(&definition.scope, bound)?);
            let cursor = cursor::run(&query, &definition.scope, ANALYZE)?;
            definition.filling.analyzed = Some((query, cursor.into_counters()));
        }
        return Ok(None);
    }
    let made = super::dependency::table_of(definition.catalog(), made.oid())?;
    fill(definition, &made, &plain, &bound).await.map(Some)
}

/// Runs a query and stores its rows.
async fn fill(definition: &mut Definition<'_>, table: &Table, columns: &[Column], query: &Query) -> Result<u64> {
    for used in &query.uses {
        definition.scope.locks.lock_relation(used.relation, Mode::AccessShare).await?;
    }
    let read = query.uses.iter().map(|used| used.relation);
    if let Some(since) = definition.scope.node.defined_since(read, definition.txn.read_ts()) {
        definition.txn.see(since).await?;
    }
    let scope = definition.scope.clone();
    let rules = binding::rules_of(&scope, table)?;
    let mut builder = Builder::new(&scope);
    let target = Target::new(&std::sync::Arc::new(table.clone()), &rules, &mut builder)?;
    let state = builder.finish();
    let query = Box::new(crate::optimize::query(&scope, query.clone())?);
    let options = if definition.filling.analyze { ANALYZE } else { cursor::Options::default() };
    let mut cursor = cursor::run(&query, &scope, options)?;
    let cancel = definition.cancel.clone();
    let mut exec = Exec::new(&scope, definition.txn, &definition.filling.parameters, &cancel);
    exec.state = state;
    let mut written = 0;
    let mut unique = BTreeSet::new();
    while let Some(rows) = cursor.next(&mut exec).await? {
        for values in rows.iter() {
            let mut row = target.blank();
            for (value, column) in values.iter().zip(columns) {
                row[column.ordinal as usize - 1] = value.clone();
            }
            if let Some(position) = target.row_id {
                row[position] = crate::mutate::row_id::next(&scope);
            }
            target.complete(&mut row, &mut exec).await?;
            let stored = target.stored(row, &mut exec).await?;
            exec.txn.put(stored.key, target.layout.primary_value(&stored.row)?)?;
            for (index, entry) in table.indexes.iter().skip(1).zip(stored.entries) {
                let Some(entry) = entry else { continue };
                if entry.is_unique && !unique.insert(entry.key.clone()) {
                    return Err(data::duplicated(&scope, table, index, &stored.row, &[]).into());
                }
                exec.txn.put(entry.key, entry.value)?;
            }
            written += 1;
        }
    }
    drop(exec);
    definition.tally.add(table.oid(), Count::inserted(written));
    if definition.filling.analyze {
        definition.filling.analyzed = Some((query, cursor.into_counters()));
    }
    Ok(written)
}

pub async fn refresh(definition: &mut Definition<'_>, refresh: &ast::RefreshMaterializedView) -> Result<()> {
    let found = names::relation(&definition.scope, &refresh.name)?;
    let mode = if refresh.concurrently { Mode::Exclusive } else { Mode::AccessExclusive };
    let Some(found) = definition.lock(found.oid(), mode).await? else {
        return Err(names::missing_relation(&refresh.name).without_position().into());
    };
    if found.kind() != RelationKind::MaterializedView {
        // Other relations with rows pass PostgreSQL's first look at the name.
        let (state, what) = match found.kind() {
            RelationKind::Table => (sqlstate::FEATURE_NOT_SUPPORTED, "a materialized view"),
            _ => (sqlstate::WRONG_OBJECT_TYPE, "a table or materialized view"),
        };
        return Err(Error::new(state, format!("\"{}\" is not {what}", found.name)).into());
    }
    definition.check_owner(&found)?;
    let Some(of) = found.view.clone() else { return Err(Error::internal("a view without its query").into()) };
    if refresh.concurrently && !refresh.with_data {
        let message = "CONCURRENTLY and WITH NO DATA options cannot be used together";
        return Err(Error::new(sqlstate::SYNTAX_ERROR, message).into());
    }
    if refresh.concurrently {
        check_concurrent(definition, &found, &of)?;
    }
    let query = stored_query(&found)?;
    let mut new = Table::clone(&found);
    renumber(definition, &mut new).await?;
    if let Some(view) = &mut new.view {
        view.unfilled = !refresh.with_data;
    }
    definition.put_table(new.clone()).await?;
    if !refresh.with_data {
        return Ok(());
    }
    // What the view reads, its owner reads.
    let user = std::mem::replace(&mut definition.scope.session.current_user, Oid(found.owner));
    let columns: Vec<Column> = new.visible_columns().cloned().collect();
    let bound = bind::stored_view(&definition.scope, &of, &query);
    let filled = match bound {
        Ok(bound) => fill(definition, &new, &columns, &bound).await,
        Err(error) => Err(error.into()),
    };
    definition.scope.session.current_user = user;
    filled.map(drop)
}

/// Rows can only be told apart by a unique key of columns.
fn check_concurrent(definition: &Definition<'_>, table: &Table, view: &View) -> Result<()> {
    if view.unfilled {
        let message = "CONCURRENTLY cannot be used when the materialized view is not populated";
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).into());
    }
    let tells_apart = |index: &crate::catalog::Index| {
        let is_plain = index.keys.iter().all(|key| key.expression.is_none());
        index.unique && index.predicate.is_none() && is_plain
    };
    if table.indexes.iter().skip(1).any(tells_apart) {
        return Ok(());
    }
    let schema = names::schema_name(definition.catalog(), Oid(table.schema));
    let name = format!("{}.{}", print::identifier(&schema), print::identifier(&table.name));
    let hint = "Create a unique index with no WHERE clause on one or more columns of the materialized view.";
    let message = format!("cannot refresh materialized view \"{name}\" concurrently");
    Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).hint(hint).into())
}

/// Gives all indexes new numbers, under which there is nothing, and leaves what was there to be erased.
pub async fn renumber(definition: &mut Definition<'_>, table: &mut Table) -> Result<()> {
    definition.tally.add(table.oid(), Count::EMPTIED);
    let oid = table.oid();
    for place in 0..table.indexes.len() {
        data::erase_index(definition, oid, table.indexes[place].id).await?;
        table.indexes[place].id = table.next_index;
        table.next_index += 1;
    }
    table.rewritten_wall_ns = definition.scope.node.env.clock.wall_ns();
    Ok(())
}

/// SELECT … INTO.
pub fn of_select_into(query: &ast::Query) -> Result<ast::CreateTableAs> {
    let mut query = query.clone();
    let into = match &mut query.body {
        ast::QueryBody::Select(select) => select.into.take(),
        _ => None,
    };
    let Some(into) = into else { return Err(Error::internal("a query that defines nothing").into()) };
    Ok(ast::CreateTableAs {
        name: into.table,
        materialized_view: false,
        persistence: into.persistence,
        if_not_exists: false,
        columns: Vec::new(),
        method: None,
        options: Vec::new(),
        on_commit: None,
        tablespace: None,
        source: Statement::Query(Box::new(query)),
        with_data: true,
    })
}
