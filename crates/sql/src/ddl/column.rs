//! Columns as CREATE TABLE and ALTER TABLE … ADD COLUMN define them.

use atoll_datum::{Error, Oid, oid, sqlstate};
use atoll_syntax::ast::{self, ColumnConstraintKind, ColumnDefinition, ConstraintTiming, Name};

use super::constraint::{self, Pending};
use super::{Definition, binding, names, sequence};
use crate::catalog::{Column, Table};
use crate::exec::Result;
use crate::types::Type;

pub const COLUMNS_MAX: usize = 1600;

const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// What was written of a table beside its columns, to be looked at when all columns are known.
#[derive(Default)]
pub struct Parts {
    /// Defaults and generated columns, by ordinal.
    pub expressions: Vec<(u32, Written)>,
    pub sequences: Vec<OwnedSequence>,
    pub constraints: Vec<Pending>,
}

pub enum Written {
    Default(ast::Expr),
    Generated(ast::Expr),
    /// Checked already, of a table that this one is like.
    Stored {
        default: Option<String>,
        generated: Option<String>,
    },
}

/// Of SERIAL or IDENTITY.
pub struct OwnedSequence {
    pub ordinal: u32,
    pub of: Oid,
    /// None is SERIAL, whose sequence is in the column's default.
    pub identity: Option<char>,
    pub options: Vec<ast::SequenceOption>,
}

fn serial(type_name: &ast::TypeName) -> Option<Type> {
    let name = match type_name.names.as_slice() {
        [name] => name,
        _ => return None,
    };
    Some(match name.as_str() {
        "smallserial" | "serial2" => Type::INT2,
        "serial" | "serial4" => Type::INT4,
        "bigserial" | "serial8" => Type::INT8,
        _ => return None,
    })
}

fn syntax_error(message: String, at: ast::At) -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, message).at(at.offset())
}

/// Refuses a name that the table can't have.
pub fn check_new_name(table: &Table, name: &str) -> Result<()> {
    if SYSTEM_COLUMNS.contains(&name) {
        let message = format!("column name \"{name}\" conflicts with a system column name");
        return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).into());
    }
    if table.visible_columns().count() >= COLUMNS_MAX {
        let message = format!("tables can have at most {COLUMNS_MAX} columns");
        return Err(Error::new(sqlstate::TOO_MANY_COLUMNS, message).into());
    }
    Ok(())
}

/// Types that no column can have.
pub fn check_type(name: &str, of: Oid) -> atoll_datum::Result<()> {
    let is_pseudo = atoll_datum::builtin::builtin().type_by_oid(of).is_some_and(|row| row.kind == b'p');
    if is_pseudo || of == oid::UNKNOWN {
        let row = atoll_datum::builtin::builtin().type_by_oid(of);
        let of = if of == oid::RECORDARRAY { "record[]" } else { row.map_or("", |row| row.name) };
        let message = format!("column \"{name}\" has pseudo-type {of}");
        return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message));
    }
    Ok(())
}

pub fn next_ordinal(table: &Table) -> u32 {
    table.columns.last().map_or(0, |column| column.ordinal) + 1
}

/// A column without anything special.
pub fn plain(ordinal: u32, name: &str, ty: Type) -> Column {
    Column {
        ordinal,
        name: name.to_owned(),
        type_oid: ty.oid.0,
        type_modifier: ty.modifier,
        statistics_target: -1,
        ..<Column as Default>::default()
    }
}

/// Only the collations that order bytes are there, all of them the same here.
pub fn check_collation(collation: Option<&ast::QualifiedName>, ty: Type) -> Result<()> {
    let Some(names) = collation else { return Ok(()) };
    let at = names::at(names);
    let is_collatable = match atoll_datum::builtin::builtin().type_by_oid(ty.oid) {
        Some(row) => !row.collation.is_none(),
        None => false,
    };
    let name = names.last().map_or("", Name::as_str);
    if !matches!(name, "default" | "C" | "POSIX" | "ucs_basic") {
        if matches!(name.split(['.', '-', '_']).next(), Some("en" | "de" | "fr" | "und" | "es" | "it" | "ja" | "zh")) {
            return Err(Error::unsupported(format!("collation \"{name}\"")).at(at).into());
        }
        let message = format!("collation \"{}\" for encoding \"UTF8\" does not exist", names::dotted(names));
        return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).at(at).into());
    }
    if !is_collatable {
        let of = atoll_datum::builtin::builtin().type_by_oid(ty.oid).map_or("", |row| row.name);
        let message = format!("collations are not supported by type {}", binding::builtin_name(ty.oid).unwrap_or(of));
        return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).at(at).into());
    }
    Ok(())
}

/// Adds a column to the table, and to the parts what can only be looked at later. Returns its ordinal.
pub fn define(
    definition: &Definition<'_>,
    table: &mut Table,
    parts: &mut Parts,
    written: &ColumnDefinition,
) -> Result<u32> {
    let name = written.name.as_str();
    check_new_name(table, name)?;
    let Some(type_name) = &written.type_name else {
        return Err(syntax_error(format!("column \"{name}\" has no type"), written.name.at).into());
    };
    let ordinal = next_ordinal(table);
    let serial = serial(type_name);
    if serial.is_some() && !type_name.array_dims.is_empty() {
        let message = "array of serial is not implemented";
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(type_name.at.offset()).into());
    }
    let ty = match serial {
        Some(ty) => ty,
        None => binding::type_name(&definition.scope, type_name)?,
    };
    check_type(name, ty.oid)?;
    check_collation(written.collation.as_ref(), ty)?;
    let mut column = plain(ordinal, name, ty);
    let (mut default_at, mut generated_at, mut identity_at) = (None, None, None);
    let mut null_at = None;
    if serial.is_some() {
        column.not_null = true;
        default_at = Some(type_name.at);
        parts.sequences.push(OwnedSequence { ordinal, of: ty.oid, identity: None, options: Vec::new() });
    }
    let of_table = |what: &str| format!("{what} specified for column \"{name}\" of table \"{}\"", table.name);
    let conflicting_null =
        || format!("conflicting NULL/NOT NULL declarations for column \"{name}\" of table \"{}\"", table.name);
    for constraint in &written.constraints {
        let at = constraint.at;
        match &constraint.kind {
            ColumnConstraintKind::NotNull => {
                if null_at == Some(false) {
                    return Err(syntax_error(conflicting_null(), at).into());
                }
                null_at = Some(true);
                column.not_null = true;
            }
            ColumnConstraintKind::Null => {
                if null_at == Some(true) || column.not_null {
                    return Err(syntax_error(conflicting_null(), at).into());
                }
                null_at = Some(false);
            }
            ColumnConstraintKind::Default(value) => {
                if default_at.replace(at).is_some() {
                    return Err(syntax_error(of_table("multiple default values"), at).into());
                }
                parts.expressions.push((ordinal, Written::Default(value.clone())));
            }
            ColumnConstraintKind::Generated(value) => {
                if generated_at.replace(at).is_some() {
                    return Err(syntax_error(of_table("multiple generation clauses"), at).into());
                }
                parts.expressions.push((ordinal, Written::Generated(value.clone())));
            }
            ColumnConstraintKind::Identity { always, options } => {
                if identity_at.replace(at).is_some() {
                    return Err(syntax_error(of_table("multiple identity specifications"), at).into());
                }
                if null_at == Some(false) {
                    return Err(syntax_error(conflicting_null(), at).into());
                }
                check_identity_type(ty.oid)?;
                column.not_null = true;
                column.identity = Some(if *always { "a" } else { "d" }.to_owned());
                let identity = Some(if *always { 'a' } else { 'd' });
                parts.sequences.push(OwnedSequence { ordinal, of: ty.oid, identity, options: options.clone() });
            }
            ColumnConstraintKind::Check { condition, no_inherit } => {
                parts.constraints.push(Pending::check(constraint, condition.clone(), *no_inherit));
            }
            ColumnConstraintKind::Unique { nulls_not_distinct, options, .. } => {
                let pending = Pending::unique(constraint, &written.name, *nulls_not_distinct, options);
                parts.constraints.push(pending);
            }
            ColumnConstraintKind::PrimaryKey { options, .. } => {
                if null_at == Some(false) {
                    return Err(syntax_error(conflicting_null(), at).into());
                }
                column.not_null = true;
                parts.constraints.push(Pending::primary(constraint, &written.name, options));
            }
            ColumnConstraintKind::References(references) => {
                parts.constraints.push(Pending::foreign(constraint, &written.name, references.clone()));
            }
        }
        check_timing(&constraint.kind, constraint.timing, at)?;
    }
    let both = [
        (default_at, identity_at, "both default and identity"),
        (default_at, generated_at, "both default and generation expression"),
        (identity_at, generated_at, "both identity and generation expression"),
    ];
    for (one, other, what) in both {
        if let (Some(_), Some(at)) = (one, other) {
            return Err(syntax_error(of_table(what), at).into());
        }
    }
    table.columns.push(column);
    Ok(ordinal)
}

pub fn check_identity_type(of: Oid) -> Result<()> {
    if matches!(of, oid::INT2 | oid::INT4 | oid::INT8) {
        return Ok(());
    }
    let message = "identity column type must be smallint, integer, or bigint";
    Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into())
}

fn check_timing(kind: &ColumnConstraintKind, timing: ConstraintTiming, at: ast::At) -> Result<()> {
    let can_wait = matches!(
        kind,
        ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey { .. }
            | ColumnConstraintKind::References(_)
    );
    if !can_wait && timing.deferrable == Some(true) {
        return Err(syntax_error("misplaced DEFERRABLE clause".to_owned(), at).into());
    }
    if !can_wait && timing.initially_deferred == Some(true) {
        return Err(syntax_error("misplaced INITIALLY DEFERRED clause".to_owned(), at).into());
    }
    Ok(())
}

/// Makes the sequences of serial and identity columns. The table has its oid, and need not be in the catalog yet.
pub async fn make_sequences(definition: &mut Definition<'_>, table: &mut Table, parts: &Parts) -> Result<()> {
    for owned in &parts.sequences {
        let schema = Oid(table.schema);
        let column = table.columns[owned.ordinal as usize - 1].name.clone();
        let named = owned.options.iter().find_map(|option| match &option.kind {
            ast::SequenceOptionKind::SequenceName(names) => names.last(),
            _ => None,
        });
        let name = match named {
            Some(name) if definition.relation_exists(schema, name.as_str()) => {
                let message = format!("relation \"{name}\" already exists");
                return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
            }
            Some(name) => name.as_str().to_owned(),
            None => names::choose(&table.name, Some(&column), "seq", |name| {
                name == table.name || definition.relation_exists(schema, name)
            }),
        };
        let as_type = ast::SequenceOption {
            kind: ast::SequenceOptionKind::As(binding::type_as_written(owned.of)),
            at: ast::At::default(),
        };
        let mut options = owned.options.clone();
        if !options.iter().any(|option| matches!(option.kind, ast::SequenceOptionKind::As(_))) {
            options.push(as_type);
        }
        let mut sequence = sequence::options(definition, &options, None)?;
        (sequence.owner_table, sequence.owner_column) = (table.oid, owned.ordinal);
        let oid = sequence::make(definition, schema, name, Oid(table.owner), sequence).await?;
        let column = &mut table.columns[owned.ordinal as usize - 1];
        column.sequence = oid.0;
        if owned.identity.is_none() {
            column.default = Some(binding::next_value_text(oid));
        }
    }
    Ok(())
}

/// Checks defaults and generated columns and puts them into the table.
pub fn bind_expressions(definition: &Definition<'_>, table: &mut Table, parts: &Parts) -> Result<()> {
    for (ordinal, written) in &parts.expressions {
        let place = *ordinal as usize - 1;
        match written {
            Written::Default(value) => {
                table.columns[place].default = binding::default(&definition.scope, table, *ordinal, value)?;
            }
            Written::Generated(value) => {
                table.columns[place].generated = Some(binding::generated(&definition.scope, table, *ordinal, value)?);
            }
            Written::Stored { default, generated } => {
                table.columns[place].default = default.clone();
                table.columns[place].generated = generated.clone();
            }
        }
    }
    Ok(())
}

/// The ordinal of a column that a constraint names.
pub fn named(table: &Table, name: &Name) -> Result<u32> {
    match table.column_named(name.as_str()).filter(|column| !column.hidden) {
        Some(column) => Ok(column.ordinal),
        None => {
            let message = format!("column \"{name}\" named in key does not exist");
            Err(Error::new(sqlstate::UNDEFINED_COLUMN, message).at(name.at.offset()).into())
        }
    }
}

/// `column "a" of relation "t" does not exist`.
pub fn missing(table: &Table, name: &str) -> Error {
    let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
    Error::new(sqlstate::UNDEFINED_COLUMN, message)
}

/// Constraints without a table's primary key have their rows told apart by this column.
pub fn row_id(ordinal: u32) -> Column {
    Column { not_null: true, hidden: true, ..plain(ordinal, constraint::ROW_ID, Type::INT8) }
}
