//! What definitions do to rows: indexes are filled, constraints are checked, rows move into new indexes.
//!
//! All of it is done in the transaction of the definition, under a lock that keeps writers away. Rows go through memory
//! page by page; what is written is bounded by what a transaction may hold. What lies under keys that are no longer used
//! is left to a [`super::job`], and an index of a large table is built outside, `online`.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, sqlstate};
use atoll_txn::request::Span;
use bytes::Bytes;

use super::job::{self, Job};
use super::{Definition, binding, dependency};
use crate::catalog::{Catalog, Column, ForeignKey, Index, Table, sequence};
use crate::exec::expr::Columns;
use crate::exec::{Builder, Evaluator, Exec, Result};
use crate::mutate::target::Target;
use crate::mutate::violation::{key_expression, text_of};
use crate::plan;
use crate::session::Scope;
use crate::table::{Layout, TABLES};

/// Rows that are looked at together.
pub const PAGE_ROWS: u64 = 500;

/// All keys of a table, or of one of its indexes.
pub fn span(table: Oid, index: Option<u32>) -> Span {
    let mut start = vec![TABLES];
    start.extend_from_slice(&table.0.to_be_bytes());
    if let Some(index) = index {
        // Layouts refuse indexes whose number does not fit.
        start.extend_from_slice(&(index as u16).to_be_bytes());
    }
    let end = atoll_datum::key::prefix_end(&start).unwrap_or_default();
    Span::new(start, end)
}

pub async fn is_empty(definition: &mut Definition<'_>, table: &Table) -> Result<bool> {
    let page = definition.txn.scan(&span(table.oid(), Some(table.primary().id)), false, 1).await?;
    Ok(page.rows.is_empty())
}

/// A table that expressions are ready to run over.
pub struct Prepared {
    scope: Scope,
    pub target: Target,
    /// Values of some columns instead of those stored: by position.
    values: Vec<(usize, Evaluator)>,
    pub state: crate::exec::State,
}

impl Prepared {
    /// `values` are expressions over [`binding::column_id`]s of the same table.
    pub fn new(scope: &Scope, table: &Table, values: &[(u32, plan::Expr)]) -> Result<Prepared> {
        // The table may be newer than the catalog's: enum types and the like are found there all the same.
        let scope = scope.clone();
        let rules = binding::rules_of(&scope, table)?;
        let mut builder = Builder::new(&scope);
        let table = Arc::new(table.clone());
        let target = Target::new(&table, &rules, &mut builder)?;
        let columns =
            table.live_columns().map(|column| (binding::column_id(column.ordinal), column.ordinal as usize - 1));
        let columns = Columns::placed(columns);
        let mut evaluators = Vec::with_capacity(values.len());
        for (ordinal, value) in values {
            evaluators.push((*ordinal as usize - 1, builder.expr(value, &columns)?));
        }
        let state = builder.finish();
        Ok(Prepared { scope, target, values: evaluators, state })
    }
}

/// Reads a table's rows, page by page.
struct Reader {
    span: Span,
    ended: bool,
}

impl Reader {
    fn new(table: &Table) -> Reader {
        Reader { span: span(table.oid(), Some(table.primary().id)), ended: false }
    }

    async fn next(&mut self, txn: &mut dyn crate::kv::Txn) -> Result<Option<Vec<atoll_txn::request::Row>>> {
        if self.ended {
            return Ok(None);
        }
        let page = txn.scan(&self.span, false, PAGE_ROWS).await?;
        match page.resume {
            Some(from) => self.span.start = from,
            None => self.ended = true,
        }
        Ok(Some(page.rows))
    }
}

/// `Key (a, b)=(1, 2)`.
fn key_text(scope: &Scope, table: &Table, index: &Index, row: &[Datum], expressions: &[Datum]) -> String {
    let mut expressions = expressions.iter();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for key in &index.keys {
        let (name, value) = match (key.column, &key.expression) {
            (0, Some(text)) => (key_expression(text), expressions.next().unwrap_or(&Datum::Null)),
            (column, _) => {
                let place = column as usize - 1;
                (atoll_syntax::print::identifier(&table.columns[place].name), &row[place])
            }
        };
        names.push(name);
        values.push(text_of(value, Oid(key.type_oid), scope));
    }
    format!("Key ({})=({})", names.join(", "), values.join(", "))
}

/// 23505: an index can't be made unique.
pub fn duplicated(scope: &Scope, table: &Table, index: &Index, row: &[Datum], expressions: &[Datum]) -> Error {
    let message = format!("could not create unique index \"{}\"", index.name);
    let detail = format!("{} is duplicated.", key_text(scope, table, index, row, expressions));
    let mut error = Error::new(sqlstate::UNIQUE_VIOLATION, message).detail(detail);
    let fields = error.fields_mut();
    fields.schema = Some(super::names::schema_name(&scope.catalog, Oid(table.schema)));
    fields.table = Some(table.name.clone());
    fields.constraint = Some(index.name.clone());
    error
}

// -------------------------------------------------------------------------------------------------------------- indexes

/// Adds an index, whose id is new, to a table that nobody writes to, and fills it.
pub async fn add_index(definition: &mut Definition<'_>, table: &mut Table, index: Index) -> Result<()> {
    let id = index.id;
    table.indexes.push(index);
    fill_indexes(definition, table, &[id]).await
}

/// Fills indexes of a table from its rows.
pub async fn fill_indexes(definition: &mut Definition<'_>, table: &Table, ids: &[u32]) -> Result<()> {
    if is_empty(definition, table).await? {
        return Ok(());
    }
    let mut prepared = Prepared::new(&definition.scope, table, &[])?;
    let mut unique: BTreeMap<Bytes, ()> = BTreeMap::new();
    let mut reader = Reader::new(table);
    let cancel = definition.cancel.clone();
    while let Some(rows) = reader.next(definition.txn).await? {
        definition.cancel.check()?;
        let mut exec = Exec::new(&prepared.scope, definition.txn, &[], &cancel);
        exec.state = std::mem::take(&mut prepared.state);
        for row in rows {
            let row = prepared.target.decode(&row.key, &row.value)?;
            let stored = prepared.target.stored(row, &mut exec).await?;
            for (index, entry) in table.indexes.iter().skip(1).zip(&stored.entries) {
                let Some(entry) = entry.as_ref().filter(|_| ids.contains(&index.id)) else { continue };
                if entry.is_unique && unique.insert(entry.key.clone(), ()).is_some() {
                    let place = table.indexes.iter().skip(1).position(|other| other.id == index.id).unwrap_or_default();
                    let mut expressions = Vec::new();
                    exec.eval_into(&prepared.target.indexes[place].expressions, &stored.row, &mut expressions).await?;
                    return Err(duplicated(&prepared.scope, table, index, &stored.row, &expressions).into());
                }
                exec.txn.put(entry.key.clone(), entry.value.clone())?;
            }
        }
        prepared.state = std::mem::take(&mut exec.state);
    }
    Ok(())
}

// -------------------------------------------------------------------------------------------------------------- rewriting

/// Moves the rows of `old` into the indexes of `new`, all of whose ids are new. `values` are columns whose values change,
/// as expressions over the old row; other columns keep theirs, and added ones get what rows without a value have. What `new` demands of its rows is checked.
pub async fn rewrite(
    definition: &mut Definition<'_>,
    old: &Table,
    new: &Table,
    values: &[(u32, plan::Expr)],
) -> Result<()> {
    rewrite_small(definition, old, new, values, usize::MAX).await.map(drop)
}

/// The same, unless more than so many bytes would have to be written. False says so, and that some of it was.
pub async fn rewrite_small(
    definition: &mut Definition<'_>,
    old: &Table,
    new: &Table,
    values: &[(u32, plan::Expr)],
    bytes_max: usize,
) -> Result<bool> {
    if !is_empty(definition, old).await? {
        let mut plain = old.clone();
        plain.columns.extend(new.columns.iter().skip(old.columns.len()).cloned());
        let before = Prepared::new(&definition.scope, &without_rules(&plain), values)?;
        let after = Prepared::new(&definition.scope, new, &[])?;
        if !copy_rows(definition, old, new, before, after, bytes_max).await? {
            return Ok(false);
        }
    }
    for index in &old.indexes {
        if !new.indexes.iter().any(|kept| kept.id == index.id) {
            erase_index(definition, old.oid(), index.id).await?;
        }
    }
    Ok(true)
}

async fn copy_rows(
    definition: &mut Definition<'_>,
    old: &Table,
    new: &Table,
    mut before: Prepared,
    mut after: Prepared,
    bytes_max: usize,
) -> Result<bool> {
    let mut bytes = 0;
    let mut unique: BTreeMap<Bytes, ()> = BTreeMap::new();
    let mut reader = Reader::new(old);
    let cancel = definition.cancel.clone();
    while let Some(rows) = reader.next(definition.txn).await? {
        definition.cancel.check()?;
        for row in rows {
            let mut values = before.target.decode(&row.key, &row.value)?;
            let mut changed = Vec::with_capacity(before.values.len());
            {
                let mut exec = Exec::new(&before.scope, definition.txn, &[], &cancel);
                exec.state = std::mem::take(&mut before.state);
                for (position, value) in &before.values {
                    changed.push((*position, exec.eval(value, &values).await?));
                }
                before.state = std::mem::take(&mut exec.state);
            }
            values.resize(after.target.layout.width(), Datum::Null);
            for (position, value) in changed {
                values[position] = value;
            }
            if let Some(position) = after.target.row_id
                && values[position].is_null()
            {
                values[position] = crate::mutate::row_id::next(&after.scope);
            }
            let mut exec = Exec::new(&after.scope, definition.txn, &[], &cancel);
            exec.state = std::mem::take(&mut after.state);
            complete(&after.target, new, &mut values, &mut exec).await?;
            let stored = after.target.stored(values, &mut exec).await?;
            if unique.insert(stored.key.clone(), ()).is_some() {
                return Err(duplicated(&after.scope, new, new.primary(), &stored.row, &[]).into());
            }
            let value = after.target.layout.primary_value(&stored.row)?;
            bytes += stored.key.len() + value.len();
            exec.txn.put(stored.key.clone(), value)?;
            for (index, entry) in new.indexes.iter().skip(1).zip(&stored.entries) {
                let Some(entry) = entry else { continue };
                if entry.is_unique && unique.insert(entry.key.clone(), ()).is_some() {
                    return Err(duplicated(&after.scope, new, index, &stored.row, &[]).into());
                }
                bytes += entry.key.len() + entry.value.len();
                exec.txn.put(entry.key.clone(), entry.value.clone())?;
            }
            after.state = std::mem::take(&mut exec.state);
            if bytes > bytes_max {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// As ALTER TABLE says it of rows that were there already.
async fn complete(target: &Target, table: &Table, row: &mut [Datum], exec: &mut Exec<'_>) -> Result<()> {
    target.complete(row, exec).await.map_err(|failure| in_words_of_alter(failure, table))
}

fn in_words_of_alter(failure: crate::exec::Failure, table: &Table) -> crate::exec::Failure {
    let crate::exec::Failure::Sql(mut error) = failure else { return failure };
    let name = &table.name;
    let fields = error.fields_mut();
    let message = match fields.state {
        sqlstate::NOT_NULL_VIOLATION => {
            format!(
                "column \"{}\" of relation \"{name}\" contains null values",
                fields.column.clone().unwrap_or_default()
            )
        }
        sqlstate::CHECK_VIOLATION => {
            let constraint = fields.constraint.clone().unwrap_or_default();
            format!("check constraint \"{constraint}\" of relation \"{name}\" is violated by some row")
        }
        _ => return error.into(),
    };
    (fields.message, fields.detail) = (message, None);
    error.into()
}

/// Only its columns and where its rows lie.
fn without_rules(table: &Table) -> Table {
    let mut plain = table.clone();
    plain.checks.clear();
    plain.foreign_keys.clear();
    plain.referenced_by.clear();
    plain.indexes.truncate(1);
    for column in &mut plain.columns {
        (column.generated, column.not_null) = (None, false);
    }
    plain
}

// ------------------------------------------------------------------------------------------------------------- validation

/// Sees that all rows are as the table demands: NOT NULL and checks.
pub async fn validate(definition: &mut Definition<'_>, table: &Table, checks: &[u32], not_null: &[u32]) -> Result<()> {
    if is_empty(definition, table).await? {
        return Ok(());
    }
    let mut wanted = table.clone();
    wanted.checks.retain(|check| checks.contains(&check.oid));
    for column in &mut wanted.columns {
        column.not_null = not_null.contains(&column.ordinal);
        column.generated = None;
    }
    wanted.indexes.truncate(1);
    let mut prepared = Prepared::new(&definition.scope, &wanted, &[])?;
    let mut reader = Reader::new(table);
    let cancel = definition.cancel.clone();
    while let Some(rows) = reader.next(definition.txn).await? {
        definition.cancel.check()?;
        let mut exec = Exec::new(&prepared.scope, definition.txn, &[], &cancel);
        exec.state = std::mem::take(&mut prepared.state);
        for row in rows {
            let mut row = prepared.target.decode(&row.key, &row.value)?;
            complete(&prepared.target, table, &mut row, &mut exec).await?;
        }
        prepared.state = std::mem::take(&mut exec.state);
    }
    Ok(())
}

/// Sees that every row of a table refers to one that is there.
pub async fn validate_foreign_key(definition: &mut Definition<'_>, table: &Table, key: &ForeignKey) -> Result<()> {
    if is_empty(definition, table).await? {
        return Ok(());
    }
    let referenced = match table.oid == key.referenced_table {
        true => Arc::new(table.clone()),
        false => dependency::table_of(definition.catalog(), Oid(key.referenced_table))?,
    };
    let catalog = definition.scope.catalog.clone();
    let own = Layout::new(Arc::new(table.clone()), &catalog)?;
    let present = keys_of(definition, &catalog, &referenced, key).await?;
    let ordinals: Vec<_> = key.columns.iter().map(|ordinal| crate::catalog::ColumnOrdinal(*ordinal)).collect();
    let decoder = own.row_decoder(&ordinals, false);
    let mut reader = Reader::new(table);
    while let Some(rows) = reader.next(definition.txn).await? {
        definition.cancel.check()?;
        for row in rows {
            let mut values = Vec::with_capacity(ordinals.len());
            decoder.decode(&row.key, &row.value, &mut values)?;
            let nulls = values.iter().filter(|value| value.is_null()).count();
            if nulls == values.len() || (nulls > 0 && !key.match_full) {
                continue;
            }
            let tuple = comparable(&values);
            if nulls == 0 && present.contains(&tuple) {
                continue;
            }
            return Err(dangling(&definition.scope, table, &referenced, key, &values, nulls > 0).into());
        }
    }
    Ok(())
}

/// Equal values of the types that a foreign key may compare have equal texts here.
fn comparable(values: &[Datum]) -> Vec<String> {
    let text = |value: &Datum| match value {
        Datum::Int2(value) => value.to_string(),
        Datum::Int4(value) => value.to_string(),
        Datum::Int8(value) => value.to_string(),
        Datum::Float4(value) => f64::from(*value).to_string(),
        Datum::Float8(value) => value.to_string(),
        Datum::Numeric(value) => {
            let text = value.to_string();
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        Datum::Text(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    values.iter().map(text).collect()
}

async fn keys_of(
    definition: &mut Definition<'_>,
    catalog: &Catalog,
    referenced: &Arc<Table>,
    key: &ForeignKey,
) -> Result<std::collections::BTreeSet<Vec<String>>> {
    let layout = Layout::new(referenced.clone(), catalog)?;
    let ordinals: Vec<_> =
        key.referenced_columns.iter().map(|ordinal| crate::catalog::ColumnOrdinal(*ordinal)).collect();
    let decoder = layout.row_decoder(&ordinals, false);
    let mut found = std::collections::BTreeSet::new();
    let mut reader = Reader::new(referenced);
    while let Some(rows) = reader.next(definition.txn).await? {
        definition.cancel.check()?;
        for row in rows {
            let mut values = Vec::with_capacity(ordinals.len());
            decoder.decode(&row.key, &row.value, &mut values)?;
            found.insert(comparable(&values));
        }
    }
    Ok(found)
}

fn dangling(
    scope: &Scope,
    table: &Table,
    referenced: &Table,
    key: &ForeignKey,
    values: &[Datum],
    has_null: bool,
) -> Error {
    let message =
        format!("insert or update on table \"{}\" violates foreign key constraint \"{}\"", table.name, key.name);
    let columns: Vec<&Column> = key.columns.iter().map(|ordinal| &table.columns[*ordinal as usize - 1]).collect();
    let detail = if has_null {
        "MATCH FULL does not allow mixing of null and nonnull key values.".to_owned()
    } else {
        let names = columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
        let values = columns.iter().zip(values).map(|(column, value)| text_of(value, Oid(column.type_oid), scope));
        let values = values.collect::<Vec<_>>().join(", ");
        format!("Key ({names})=({values}) is not present in table \"{}\".", referenced.name)
    };
    let mut error = Error::new(sqlstate::FOREIGN_KEY_VIOLATION, message).detail(detail);
    let fields = error.fields_mut();
    fields.schema = Some(super::names::schema_name(&scope.catalog, Oid(table.schema)));
    (fields.table, fields.constraint) = (Some(table.name.clone()), Some(key.name.clone()));
    error
}

/// A value of a new column for all rows that are there: none if it differs from row to row.
pub async fn constant(definition: &mut Definition<'_>, column: &Column, value: &plan::Expr) -> Result<Option<Vec<u8>>> {
    if value.is_volatile() || value.has_subquery() {
        return Ok(None);
    }
    let cancel = definition.cancel.clone();
    let scope = definition.scope.clone();
    let mut builder = Builder::new(&scope);
    let evaluator = builder.expr(value, &Columns::placed([]))?;
    let mut exec = Exec::new(&scope, definition.txn, &[], &cancel);
    exec.state = builder.finish();
    let value = exec.eval(&evaluator, &[]).await?;
    let mut writer = atoll_datum::row::RowWriter::new(column.ordinal);
    writer.push(column.ordinal, &value)?;
    Ok(Some(writer.finish()))
}

// --------------------------------------------------------------------------------------------------------------- erasing

/// Everything under an index's keys goes when the transaction has committed.
pub async fn erase_index(definition: &mut Definition<'_>, table: Oid, index: u32) -> Result<()> {
    job::leave(definition, Job::erase(table, Some(index))).await
}

pub async fn erase_table(definition: &mut Definition<'_>, table: Oid) -> Result<()> {
    job::leave(definition, Job::erase(table, None)).await
}

pub async fn erase_sequence(definition: &mut Definition<'_>, storage: u32) -> Result<()> {
    sequence::erase(definition.txn, storage)
}
