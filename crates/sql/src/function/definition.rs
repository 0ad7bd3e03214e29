//! Objects as SQL text: what `pg_get_indexdef`, `pg_get_constraintdef`, `pg_get_viewdef` and `pg_get_expr` say.
//!
//! The expressions are the descriptors', printed as they were written where PostgreSQL prints what it has bound: `IN`
//! stays `IN`, and a literal says its type only where the descriptor does. A view's query is on one line.

use atoll_datum::{Error, Oid, Result};
use atoll_syntax::ast::{At, Cast, Expr, ExprKind, Literal, Name, Query, QueryBody, Statement};
use atoll_syntax::print::{self, identifier};

use super::name;
use crate::bind::{figure_name, type_name};
use crate::catalog::{Check, ForeignAction, ForeignKey, Index, IndexKey, Table};
use crate::ddl::{binding, names, walk};
use crate::session::Scope;

/// An expression out of a descriptor as it is shown. PostgreSQL puts operators in parentheses unless it is to be
/// pretty.
pub fn expression(scope: &Scope, text: &str, pretty: bool) -> Result<String> {
    Ok(show(scope, binding::stored(text)?, pretty))
}

/// One or more, separated by commas: those of an index are in one column of pg_index.
pub fn expressions(scope: &Scope, text: &str, pretty: bool) -> Result<String> {
    let list = binding::stored(&format!("ROW({text})"))?;
    let ExprKind::Row(row) = list.kind else {
        return Err(Error::internal(format!("the stored expressions {text:?} are no list")));
    };
    let shown: Vec<String> = row.fields.into_iter().map(|expr| show(scope, expr, pretty)).collect();
    Ok(shown.join(", "))
}

fn show(scope: &Scope, mut expr: Expr, pretty: bool) -> String {
    walk::each_mut(&mut expr, &mut |expr| {
        show_relation(scope, expr);
        if let ExprKind::Cast(cast) = &mut expr.kind {
            shorten_type(scope, cast);
        }
    });
    let shown = print::expression(&expr);
    if !pretty && is_operator(&expr) { format!("({shown})") } else { shown }
}

/// `'16390'::regclass` is kept by number and shown by name.
fn show_relation(scope: &Scope, expr: &mut Expr) {
    if let ExprKind::Cast(cast) = &mut expr.kind
        && cast.to.names.last().is_some_and(|name| name.as_str() == "regclass")
        && let ExprKind::Literal(Literal::String(text)) = &mut cast.operand.kind
        && let Ok(oid) = text.parse()
    {
        *text = name::of_relation(scope, Oid(oid)).into();
    }
}

/// A type's schema is shown only if the type would not be found without.
fn shorten_type(scope: &Scope, cast: &mut Cast) {
    if cast.to.names.len() < 2 {
        return;
    }
    let mut short = cast.to.clone();
    short.names.drain(..short.names.len() - 1);
    let same = matches!((type_name(scope, &short), type_name(scope, &cast.to)), (Ok(a), Ok(b)) if a == b);
    if same {
        cast.to = short;
    }
}

fn is_operator(expr: &Expr) -> bool {
    use ExprKind::*;
    matches!(
        expr.kind,
        And(_)
            | Or(_)
            | Not(_)
            | Unary(_)
            | Binary(_)
            | Is(_)
            | IsDistinctFrom(_)
            | Between(_)
            | Like(_)
            | In(_)
            | Quantified(_)
    )
}

fn column_name(table: &Table, ordinal: u32) -> String {
    let column = table.columns.iter().find(|column| column.ordinal == ordinal);
    column.map_or_else(String::new, |column| identifier(&column.name))
}

fn column_list(table: &Table, ordinals: &[u32]) -> String {
    let names: Vec<String> = ordinals.iter().map(|ordinal| column_name(table, *ordinal)).collect();
    names.join(", ")
}

// -------------------------------------------------------------------------------------------------------------- indexes

fn key(scope: &Scope, table: &Table, key: &IndexKey, pretty: bool) -> Result<String> {
    let Some(text) = &key.expression else { return Ok(column_name(table, key.column)) };
    let shown = expression(scope, text, pretty)?;
    let is_call = matches!(binding::stored(text)?.kind, ExprKind::Call(_));
    Ok(if is_call { shown } else { format!("({shown})") })
}

/// One column of an index, counted from 1; none beyond the last.
pub fn index_column(scope: &Scope, table: &Table, index: &Index, number: usize, pretty: bool) -> Result<String> {
    match index.keys.get(number - 1) {
        Some(of) => key(scope, table, of, pretty),
        None => {
            let covered = index.include.get(number - 1 - index.keys.len());
            Ok(covered.map_or_else(String::new, |ordinal| column_name(table, *ordinal)))
        }
    }
}

pub fn index(scope: &Scope, table: &Table, index: &Index, pretty: bool) -> Result<String> {
    let mut keys = Vec::with_capacity(index.keys.len());
    for of in &index.keys {
        let mut text = key(scope, table, of, pretty)?;
        if !of.operator_class.is_empty() {
            text = format!("{text} {}", of.operator_class);
        }
        text.push_str(match (of.descending, of.nulls_first) {
            (false, false) => "",
            (false, true) => " NULLS FIRST",
            (true, true) => " DESC",
            (true, false) => " DESC NULLS LAST",
        });
        keys.push(text);
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    let on = match pretty {
        true => name::of_relation(scope, table.oid()),
        false => names::qualified(&scope.catalog, Oid(table.schema), &table.name),
    };
    let mut text =
        format!("CREATE {unique}INDEX {} ON {on} USING btree ({})", identifier(&index.name), keys.join(", "));
    if !index.include.is_empty() {
        text.push_str(&format!(" INCLUDE ({})", column_list(table, &index.include)));
    }
    if index.nulls_not_distinct {
        text.push_str(" NULLS NOT DISTINCT");
    }
    if !index.options.is_empty() {
        let options = index.options.iter().map(|option| format!("{}='{}'", option.name, option.value));
        text.push_str(&format!(" WITH ({})", options.collect::<Vec<_>>().join(", ")));
    }
    if let Some(predicate) = &index.predicate {
        text.push_str(&format!(" WHERE {}", expression(scope, predicate, pretty)?));
    }
    Ok(text)
}

// ---------------------------------------------------------------------------------------------------------- constraints

/// A constraint of any kind, by its oid.
pub fn constraint(scope: &Scope, oid: Oid, pretty: bool) -> Result<Option<String>> {
    for table in scope.catalog.tables.values() {
        if let Some(check) = table.checks.iter().find(|check| check.oid == oid.0) {
            return self::check(scope, check, pretty).map(Some);
        }
        if let Some(index) = table.indexes.iter().find(|index| index.constraint == oid.0 && oid.0 != 0) {
            return Ok(Some(unique(table, index)));
        }
        if let Some(key) = table.foreign_keys.iter().find(|key| key.oid == oid.0) {
            return Ok(Some(foreign_key(scope, table, key)));
        }
    }
    Ok(None)
}

pub fn check(scope: &Scope, check: &Check, pretty: bool) -> Result<String> {
    let mut text = format!("CHECK ({})", expression(scope, &check.expression, pretty)?);
    if check.no_inherit {
        text.push_str(" NO INHERIT");
    }
    if check.not_valid {
        text.push_str(" NOT VALID");
    }
    Ok(text)
}

fn deferral(deferrable: bool, initially_deferred: bool) -> &'static str {
    match (deferrable, initially_deferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

fn unique(table: &Table, index: &Index) -> String {
    let kind = match (index.primary, index.nulls_not_distinct) {
        (true, _) => "PRIMARY KEY",
        (false, true) => "UNIQUE NULLS NOT DISTINCT",
        (false, false) => "UNIQUE",
    };
    let keys: Vec<u32> = index.keys.iter().map(|key| key.column).collect();
    let mut text = format!("{kind} ({})", column_list(table, &keys));
    if !index.include.is_empty() {
        text.push_str(&format!(" INCLUDE ({})", column_list(table, &index.include)));
    }
    text + deferral(index.deferrable, index.initially_deferred)
}

fn foreign_key(scope: &Scope, table: &Table, key: &ForeignKey) -> String {
    let columns = column_list(table, &key.columns);
    let to = Oid(key.referenced_table);
    let referenced = scope.catalog.table(to).map(|of| column_list(of, &key.referenced_columns)).unwrap_or_default();
    let mut text = format!("FOREIGN KEY ({columns}) REFERENCES {}({referenced})", name::of_relation(scope, to));
    if key.match_full {
        text.push_str(" MATCH FULL");
    }
    for (event, action) in [("UPDATE", key.on_update()), ("DELETE", key.on_delete())] {
        if action != ForeignAction::NoAction {
            text.push_str(&format!(" ON {event} {}", action_text(action)));
        }
    }
    if !key.set_columns.is_empty() {
        text.push_str(&format!(" ({})", column_list(table, &key.set_columns)));
    }
    text.push_str(deferral(key.deferrable, key.initially_deferred));
    if key.not_valid {
        text.push_str(" NOT VALID");
    }
    text
}

pub fn action_text(action: ForeignAction) -> &'static str {
    match action {
        ForeignAction::NoAction => "NO ACTION",
        ForeignAction::Restrict => "RESTRICT",
        ForeignAction::Cascade => "CASCADE",
        ForeignAction::SetNull => "SET NULL",
        ForeignAction::SetDefault => "SET DEFAULT",
    }
}

// ---------------------------------------------------------------------------------------------------------------- views

/// None if it is no view. Its columns may have got other names than the query gives them; the text does.
pub fn view(table: &Table) -> Result<Option<String>> {
    let Some(view) = &table.view else { return Ok(None) };
    let Statement::Query(mut query) = crate::bind::parse_stored_statement(&view.query)? else {
        return Err(Error::internal(format!("the view \"{}\" is made from what is no query", table.name)));
    };
    let names: Vec<&str> = table.visible_columns().map(|column| column.name.as_str()).collect();
    name_outputs(&mut query, &names);
    Ok(Some(format!(" {};", print::query(&query))))
}

fn name_outputs(query: &mut Query, names: &[&str]) {
    let at = At(0);
    match &mut query.body {
        // The first part names the columns of the whole.
        QueryBody::SetOperation(operation) => return name_outputs(&mut operation.left, names),
        QueryBody::Values(rows) => {
            let differ = names.iter().zip(1..).any(|(name, place)| *name != format!("column{place}"));
            if differ && query.with.is_none() {
                let inner = Query { body: QueryBody::Values(std::mem::take(rows)), ..query.clone() };
                let columns: Vec<String> = names.iter().map(|name| identifier(name)).collect();
                let text = format!("SELECT * FROM ({}) AS v({})", print::query(&inner), columns.join(", "));
                if let Ok(Statement::Query(wrapped)) = crate::bind::parse_stored_statement(&text) {
                    *query = *wrapped;
                }
            }
            return;
        }
        QueryBody::Select(_) => {}
    }
    let QueryBody::Select(select) = &mut query.body else { return };
    for (target, name) in select.targets.iter_mut().zip(names) {
        let own = target.alias.as_ref().map_or_else(|| figure_name(&target.value), |alias| alias.text.to_string());
        if own == *name {
            continue;
        }
        target.alias = Some(Name::new(*name, at));
        for key in &mut query.order_by {
            if let ExprKind::Column(parts) = &mut key.value.kind
                && let [part] = parts.as_mut_slice()
                && part.as_str() == own
            {
                *part = Name::new(*name, at);
            }
        }
    }
}
