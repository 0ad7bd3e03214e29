//! What a client is told of a row that may not be, in PostgreSQL's words.

use atoll_datum::{Datum, Error, Oid, SqlState, sqlstate};
use atoll_syntax::ast::{Expr, ExprKind};
use atoll_syntax::print;

use super::foreign::Reference;
use super::target::Target;
use crate::catalog::{Index, Table};
use crate::session::Scope;

/// Longer values of a failing row are cut.
const VALUE_BYTES_MAX: usize = 64;

fn error(state: SqlState, message: String, detail: String, table: &Table, scope: &Scope) -> Error {
    let mut error = Error::new(state, message).detail(detail);
    let fields = error.fields_mut();
    fields.schema = scope.catalog.schemas.get(&Oid(table.schema)).map(|schema| schema.name.clone());
    fields.table = Some(table.name.clone());
    error
}

pub fn text_of(value: &Datum, of: Oid, scope: &Scope) -> String {
    let mut text = String::new();
    match scope.catalog.form(of) {
        _ if value.is_null() => text.push_str("null"),
        Some(form) => form.format(value, &scope.settings, &mut text),
        None => text.push('?'),
    }
    text
}

fn failing_row(target: &Target, row: &[Datum], scope: &Scope) -> String {
    let values = target.table.visible_columns().map(|column| {
        let mut text = text_of(&row[column.ordinal as usize - 1], Oid(column.type_oid), scope);
        if text.len() > VALUE_BYTES_MAX {
            text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
            text.push_str("...");
        }
        text
    });
    format!("Failing row contains ({}).", values.collect::<Vec<_>>().join(", "))
}

pub fn not_null(target: &Target, position: usize, row: &[Datum], scope: &Scope) -> Error {
    let (table, column) = (&target.table, &target.table.columns[position].name);
    let message =
        format!("null value in column \"{column}\" of relation \"{}\" violates not-null constraint", table.name);
    let detail = failing_row(target, row, scope);
    let mut error = error(sqlstate::NOT_NULL_VIOLATION, message, detail, table, scope);
    error.fields_mut().column = Some(column.clone());
    error
}

pub fn check(target: &Target, name: &str, row: &[Datum], scope: &Scope) -> Error {
    let table = &target.table;
    let message = format!("new row for relation \"{}\" violates check constraint \"{name}\"", table.name);
    let mut error = error(sqlstate::CHECK_VIOLATION, message, failing_row(target, row, scope), table, scope);
    error.fields_mut().constraint = Some(name.to_owned());
    error
}

/// WITH CHECK OPTION. Names no table: the client may know the view only.
pub fn check_option(target: &Target, view: &str, row: &[Datum], scope: &Scope) -> Error {
    let message = format!("new row violates check option for view \"{view}\"");
    Error::new(sqlstate::WITH_CHECK_OPTION_VIOLATION, message).detail(failing_row(target, row, scope))
}

/// An expression as a key of an index is written: in parentheses, unless it is a call.
pub fn key_expression(sql: &str) -> String {
    match atoll_syntax::parse_expression(sql) {
        Ok(Expr { kind: ExprKind::Call(_), .. }) => sql.to_owned(),
        Ok(expr) => format!("({})", print::expression(&expr)),
        Err(_) => format!("({sql})"),
    }
}

/// `expressions`: the values of the index's expression keys.
pub fn unique(target: &Target, index: &Index, row: &[Datum], expressions: &[Datum], scope: &Scope) -> Error {
    let table = &target.table;
    let mut expressions = expressions.iter();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for key in &index.keys {
        let (name, value) = match (key.column, &key.expression) {
            (0, Some(sql)) => (key_expression(sql), expressions.next().unwrap_or(&Datum::Null)),
            (column, _) => {
                let place = column as usize - 1;
                (print::identifier(&table.columns[place].name), &row[place])
            }
        };
        names.push(name);
        values.push(text_of(value, Oid(key.type_oid), scope));
    }
    let message = format!("duplicate key value violates unique constraint \"{}\"", index.name);
    let detail = format!("Key ({})=({}) already exists.", names.join(", "), values.join(", "));
    let mut error = error(sqlstate::UNIQUE_VIOLATION, message, detail, table, scope);
    error.fields_mut().constraint = Some(index.name.clone());
    error
}

pub fn not_present(reference: &Reference, values: &[Datum], scope: &Scope) -> Error {
    let key = key_text(&reference.child, &reference.key.columns, values, scope);
    dangling(reference, format!("Key {key} is not present in table \"{}\".", reference.parent.name), scope)
}

/// MATCH FULL.
pub fn mixed_nulls(reference: &Reference, scope: &Scope) -> Error {
    dangling(reference, "MATCH FULL does not allow mixing of null and nonnull key values.".into(), scope)
}

fn dangling(reference: &Reference, detail: String, scope: &Scope) -> Error {
    let (child, name) = (&reference.child, &reference.key.name);
    let message = format!("insert or update on table \"{}\" violates foreign key constraint \"{name}\"", child.name);
    let mut error = error(sqlstate::FOREIGN_KEY_VIOLATION, message, detail, child, scope);
    error.fields_mut().constraint = Some(name.clone());
    error
}

pub fn still_referenced(reference: &Reference, values: &[Datum], scope: &Scope) -> Error {
    let (child, parent, name) = (&reference.child, &reference.parent, &reference.key.name);
    let key = key_text(parent, &reference.key.referenced_columns, values, scope);
    let message = format!(
        "update or delete on table \"{}\" violates foreign key constraint \"{name}\" on table \"{}\"",
        parent.name, child.name
    );
    let detail = format!("Key {key} is still referenced from table \"{}\".", child.name);
    let mut error = error(sqlstate::FOREIGN_KEY_VIOLATION, message, detail, child, scope);
    error.fields_mut().constraint = Some(name.clone());
    error
}

fn key_text(table: &Table, columns: &[u32], values: &[Datum], scope: &Scope) -> String {
    let columns = columns.iter().map(|column| &table.columns[*column as usize - 1]);
    let (mut names, mut texts) = (Vec::new(), Vec::new());
    for (column, value) in columns.zip(values) {
        names.push(column.name.as_str());
        texts.push(text_of(value, Oid(column.type_oid), scope));
    }
    format!("({})=({})", names.join(", "), texts.join(", "))
}
