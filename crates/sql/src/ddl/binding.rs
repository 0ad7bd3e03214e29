//! Types and expressions as definitions need them: the binder judges, here is what is kept of them.
//!
//! Descriptors keep expressions as text. In it enum types are qualified, and sequences are named by their oids, so that
//! neither `search_path` nor renaming changes what it means.

use atoll_datum::builtin::builtin;
use atoll_datum::{Error, Oid, Result, oid};
use atoll_syntax::ast::{self, Expr, ExprKind, Literal, Name};
use atoll_syntax::print;

use super::{names, walk};
use crate::bind::{self, Standalone, StandaloneColumn};
use crate::catalog::{Catalog, Sequence, Table};
use crate::plan::{self, ColumnId, RowRules};
use crate::session::Scope;
use crate::types::Type;

pub use crate::bind::type_name;

/// As messages name it: no length, no precision.
pub fn type_text(scope: &Scope, ty: Type) -> String {
    bind::types::name(&scope.catalog, &scope.session.search_path, ty.oid)
}

pub fn is_sortable(catalog: &Catalog, of: Oid) -> bool {
    bind::types::is_sortable(catalog, of)
}

/// Whether a foreign key's column may be compared with the one it refers to: by an operator of one family, or after a
/// cast that nobody has to write.
pub fn can_refer(catalog: &Catalog, own: Oid, other: Oid) -> bool {
    const FAMILIES: &[&[Oid]] = &[
        &[oid::INT2, oid::INT4, oid::INT8],
        &[oid::FLOAT4, oid::FLOAT8],
        &[oid::DATE, oid::TIMESTAMP, oid::TIMESTAMPTZ],
        &[oid::TEXT, oid::VARCHAR],
    ];
    let is_family = FAMILIES.iter().any(|family| family.contains(&own) && family.contains(&other));
    let is_cast = || builtin().cast(own, other).is_some_and(|cast| cast.context == b'i');
    is_sortable(catalog, other) && (own == other || is_family || is_cast())
}

// ---------------------------------------------------------------------------------------------------------- over a row

/// The id under which expressions of a table read one of its columns.
pub fn column_id(ordinal: u32) -> ColumnId {
    ColumnId(ordinal - 1)
}

fn row_of(table: &Table) -> Vec<StandaloneColumn> {
    let visible = table.visible_columns();
    visible
        .map(|column| StandaloneColumn { name: column.name.clone(), id: column_id(column.ordinal), ty: column.ty() })
        .collect()
}

fn bound(
    scope: &Scope,
    table: &Table,
    written: &Expr,
    expected: Option<Type>,
    what: Standalone<'_>,
) -> Result<plan::Expr> {
    bind::expression_over(scope, written, &table.name, &row_of(table), expected, what)
}

/// What a table's descriptor says of its rows, over [`column_id`]s.
pub fn rules_of(scope: &Scope, table: &Table) -> Result<RowRules> {
    let columns = row_of(table);
    let over = |text: &str, expected: Option<Type>, what: Standalone<'_>| {
        bind::expression_text_over(scope, text, &table.name, &columns, expected, what)
    };
    let mut rules = RowRules {
        row: table.live_columns().map(|column| (column_id(column.ordinal), column.ordinal())).collect(),
        ..RowRules::default()
    };
    for column in table.live_columns() {
        if let Some(text) = &column.generated {
            let value = over(text, Some(column.ty()), Standalone::Generated { column: &column.name })?;
            rules.generated.push((column.ordinal(), value));
        }
    }
    for check in table.checks.iter() {
        rules.checks.push((check.name.clone(), over(&check.expression, None, Standalone::Check)?));
    }
    for index in &table.indexes {
        if index.keys.iter().any(|key| key.column == 0) {
            let key = |text: &Option<String>| {
                text.as_deref().map(|text| over(text, None, Standalone::IndexExpression)).transpose()
            };
            let keys = index.keys.iter().map(|index_key| key(&index_key.expression)).collect::<Result<Vec<_>>>()?;
            rules.index_keys.push((index.id(), keys));
        }
        if let Some(text) = &index.predicate {
            rules.index_predicates.push((index.id(), over(text, None, Standalone::IndexPredicate)?));
        }
    }
    Ok(rules)
}

/// The value of a stored default.
pub fn default_value(scope: &Scope, table: &Table, ordinal: u32, text: &str) -> Result<plan::Expr> {
    let column = &table.columns[ordinal as usize - 1];
    bind::expression_text_over(
        scope,
        text,
        &table.name,
        &[],
        Some(column.ty()),
        Standalone::Default { column: &column.name },
    )
}

/// `ALTER COLUMN … TYPE … [USING …]`: the new value over the old row. `table` has the old type still.
pub fn transformed(scope: &Scope, table: &Table, ordinal: u32, to: Type, using: Option<&Expr>) -> Result<plan::Expr> {
    let column = &table.columns[ordinal as usize - 1];
    match using {
        Some(using) => bound(scope, table, using, Some(to), Standalone::Transform { column: &column.name }),
        None => {
            let name = Name::new(column.name.as_str(), ast::At::default());
            let own = Expr { kind: ExprKind::Column(vec![name]), at: ast::At::default() };
            bound(scope, table, &own, Some(to), Standalone::Transform { column: &column.name }).map_err(|_| {
                let message =
                    format!("column \"{}\" cannot be cast automatically to type {}", column.name, type_text(scope, to));
                let text = bind::format_type(scope, to);
                Error::new(atoll_datum::sqlstate::DATATYPE_MISMATCH, message)
                    .hint(format!("You might need to specify \"USING {}::{text}\".", print::identifier(&column.name)))
            })
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------- types

pub fn builtin_name(of: Oid) -> Option<&'static str> {
    builtin().type_by_oid(of).map(|row| row.name)
}

pub fn is_builtin_type(name: &str) -> bool {
    builtin().type_by_name(name).is_some()
}

/// A built-in type as a statement would name it.
pub fn type_as_written(of: Oid) -> ast::TypeName {
    let name = |text: &str| Name::new(text, ast::At::default());
    ast::TypeName {
        names: vec![name("pg_catalog"), name(builtin_name(of).unwrap_or_default())],
        modifiers: Vec::new(),
        array_dims: Vec::new(),
        setof: false,
        interval: None,
        percent_type: false,
        at: ast::At::default(),
    }
}

/// Options that make a sequence like this one.
pub fn sequence_options(sequence: &Sequence) -> Vec<ast::SequenceOption> {
    let number = |value: i64| value.to_string().into_boxed_str();
    [
        ast::SequenceOptionKind::As(type_as_written(Oid(sequence.type_oid))),
        ast::SequenceOptionKind::Increment(number(sequence.increment)),
        ast::SequenceOptionKind::MinValue(Some(number(sequence.min))),
        ast::SequenceOptionKind::MaxValue(Some(number(sequence.max))),
        ast::SequenceOptionKind::Start(number(sequence.start)),
        ast::SequenceOptionKind::Cache(number(sequence.cache)),
        ast::SequenceOptionKind::Cycle(sequence.cycle),
    ]
    .into_iter()
    .map(|kind| ast::SequenceOption { kind, at: ast::At::default() })
    .collect()
}

// ---------------------------------------------------------------------------------------------------------- expressions

/// An expression out of a descriptor.
pub fn stored(text: &str) -> Result<Expr> {
    atoll_syntax::parse_expression(text)
        .map_err(|error| Error::internal(format!("the stored expression {text:?} is damaged: {}", error.message())))
}

/// `nextval('16390'::regclass)`.
pub fn next_value_text(sequence: Oid) -> String {
    format!("nextval('{sequence}'::regclass)")
}

/// None for `DEFAULT NULL`, which is no default.
pub fn default(scope: &Scope, table: &Table, ordinal: u32, written: &Expr) -> Result<Option<String>> {
    let column = &table.columns[ordinal as usize - 1];
    bound(scope, table, written, Some(column.ty()), Standalone::Default { column: &column.name })?;
    let kept = keep(scope, written)?;
    Ok(match &kept.kind {
        ExprKind::Literal(Literal::Null) => None,
        _ => Some(print::expression(&of_type(scope, kept, column.ty()))),
    })
}

/// A quoted literal says which type it is of, as PostgreSQL shows it.
fn of_type(scope: &Scope, value: Expr, ty: Type) -> Expr {
    if !matches!(value.kind, ExprKind::Literal(Literal::String(_))) {
        return value;
    }
    let Some(to) = qualified_type(scope, ty.oid) else { return value };
    let at = value.at;
    Expr { kind: ExprKind::Cast(Box::new(ast::Cast { operand: value, to, at })), at }
}

fn qualified_type(scope: &Scope, of: Oid) -> Option<ast::TypeName> {
    if builtin_name(of).is_some() {
        return Some(type_as_written(of));
    }
    let entry = scope.catalog.enum_type(of)?;
    let name = |text: &str| Name::new(text, ast::At::default());
    let schema = names::schema_name(&scope.catalog, Oid(entry.descriptor.schema));
    Some(ast::TypeName { names: vec![name(&schema), name(&entry.descriptor.name)], ..type_as_written(of) })
}

pub fn generated(scope: &Scope, table: &Table, ordinal: u32, written: &Expr) -> Result<String> {
    let column = &table.columns[ordinal as usize - 1];
    for read in walk::columns_of(table, written) {
        let other = &table.columns[read as usize - 1];
        if other.generated.is_some() || read == ordinal {
            let message = format!("cannot use generated column \"{}\" in column generation expression", other.name);
            let detail = "A generated column cannot reference another generated column.";
            return Err(Error::new(atoll_datum::sqlstate::INVALID_OBJECT_DEFINITION, message).detail(detail));
        }
    }
    bound(scope, table, written, Some(column.ty()), Standalone::Generated { column: &column.name })?;
    Ok(print::expression(&keep(scope, written)?))
}

pub fn check(scope: &Scope, table: &Table, written: &Expr) -> Result<String> {
    bound(scope, table, written, Some(Type::BOOL), Standalone::Check)?;
    Ok(print::expression(&keep(scope, written)?))
}

pub fn index_predicate(scope: &Scope, table: &Table, written: &Expr) -> Result<String> {
    bound(scope, table, written, Some(Type::BOOL), Standalone::IndexPredicate)?;
    Ok(print::expression(&keep(scope, written)?))
}

pub fn index_expression(scope: &Scope, table: &Table, written: &Expr) -> Result<(String, Type)> {
    let expr = bound(scope, table, written, None, Standalone::IndexExpression)?;
    Ok((print::expression(&keep(scope, written)?), expr.ty))
}

/// The expression with names that mean the same for everybody.
fn keep(scope: &Scope, written: &Expr) -> Result<Expr> {
    let mut expr = written.clone();
    let mut failed = None;
    walk::each_mut(&mut expr, &mut |expr| {
        if let Err(error) = pin(scope, expr) {
            failed.get_or_insert(error);
        }
    });
    match failed {
        None => Ok(expr),
        Some(error) => Err(error),
    }
}

/// Makes one expression mean the same for everybody, its children left alone.
pub fn pin(scope: &Scope, expr: &mut Expr) -> Result<()> {
    match &mut expr.kind {
        ExprKind::Cast(cast) => {
            let is_class = cast.to.names.last().is_some_and(|name| name.as_str() == "regclass");
            if is_class && let ExprKind::Literal(Literal::String(text)) = &mut cast.operand.kind {
                *text = pinned(scope, text)?;
            } else if let Some(found) = names::find_enum(scope, &cast.to.names)?
                && let Some(qualified) = qualified_type(scope, found)
            {
                cast.to.names = qualified.names;
            }
        }
        ExprKind::Call(call)
            if matches!(call.name.last().map(Name::as_str), Some("nextval" | "currval" | "setval")) =>
        {
            if let Some(argument) = call.arguments.first_mut()
                && let ExprKind::Literal(Literal::String(text)) = &mut argument.value.kind
            {
                *text = pinned(scope, text)?;
                let (at, to) = (argument.value.at, type_as_written(oid::REGCLASS));
                let operand = argument.value.clone();
                argument.value = Expr { kind: ExprKind::Cast(Box::new(ast::Cast { operand, to, at })), at };
            }
        }
        _ => {}
    }
    Ok(())
}

/// The oid of the relation that a text names, as text; what names none stays.
fn pinned(scope: &Scope, text: &str) -> Result<Box<str>> {
    if text.parse::<u32>().is_ok() {
        return Ok(text.into());
    }
    let found = names::find_relation(scope, &names::parse_qualified(text)?)?;
    Ok(found.map_or_else(|| text.into(), |found| found.oid.to_string().into_boxed_str()))
}

/// Sequences and other relations that a stored expression names by oid.
pub fn relations_of(text: &str) -> Vec<Oid> {
    let Ok(mut expr) = stored(text) else { return Vec::new() };
    let mut found = Vec::new();
    walk::each_mut(&mut expr, &mut |expr| {
        if let ExprKind::Cast(cast) = &expr.kind
            && cast.to.names.last().is_some_and(|name| name.as_str() == "regclass")
            && let ExprKind::Literal(Literal::String(text)) = &cast.operand.kind
            && let Ok(oid) = text.parse()
        {
            found.push(Oid(oid));
        }
    });
    found
}
