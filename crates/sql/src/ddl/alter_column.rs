//! What ALTER TABLE does to one column.

use atoll_datum::{Error, Oid, oid, sqlstate};
use atoll_syntax::ast::{self, ColumnDefinition, IdentityChange, Name, SequenceOption, SequenceOptionKind};

use super::alter::Alteration;
use super::column::{self, OwnedSequence, Parts};
use super::dependency::{self, Thing};
use super::{Definition, binding, data, drop, sequence, walk};
use crate::catalog::{Column, Table};
use crate::exec::Result;
use crate::session::locks::Mode;
use crate::types::Type;

fn place(table: &Table, name: &Name) -> Result<usize> {
    match table.column_named(name.as_str()).filter(|column| !column.hidden) {
        Some(column) => Ok(column.ordinal as usize - 1),
        None => Err(column::missing(table, name.as_str()).into()),
    }
}

fn of_column(table: &Table, column: &Column, what: &str) -> String {
    format!("column \"{}\" of relation \"{}\" {what}", column.name, table.name)
}

fn syntax_error(message: String) -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, message)
}

fn prerequisite(message: String) -> Error {
    Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
}

pub async fn add(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    written: &ColumnDefinition,
    if_not_exists: bool,
) -> Result<()> {
    let table = &mut alteration.new;
    if table.column_named(written.name.as_str()).is_some_and(|column| !column.hidden) {
        let message = format!("column \"{}\" of relation \"{}\" already exists", written.name, table.name);
        if if_not_exists {
            definition.notice(sqlstate::DUPLICATE_COLUMN, format!("{message}, skipping"));
            return Ok(());
        }
        return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).into());
    }
    let mut parts = Parts::default();
    let ordinal = column::define(definition, table, &mut parts, written)?;
    column::make_sequences(definition, table, &parts).await?;
    column::bind_expressions(definition, table, &parts)?;
    alteration.constraints.append(&mut parts.constraints);
    let column = table.columns[ordinal as usize - 1].clone();
    if column.not_null {
        alteration.new_not_null.push(ordinal);
    }
    if column.generated.is_some() {
        alteration.rewrite = true;
        return Ok(());
    }
    let text = match (&column.default, &column.identity) {
        (Some(text), _) => text.clone(),
        (None, Some(_)) => binding::next_value_text(Oid(column.sequence)),
        (None, None) => return Ok(()),
    };
    let table = &mut alteration.new;
    let value = binding::default_value(&definition.scope, table, ordinal, &text)?;
    // Rows that are there already: the value of now, kept once instead of in each of them.
    match data::constant(definition, &column, &value).await? {
        Some(missing) => table.columns[ordinal as usize - 1].missing = Some(missing),
        None => {
            alteration.rewrite = true;
            alteration.values.push((ordinal, value));
        }
    }
    Ok(())
}

// ----------------------------------------------------------------------------------------------------------------- types

/// Values of one type are values of the other just as they are stored.
fn is_same_bytes(from: Type, to: Type) -> bool {
    let is_text = |of: Oid| of == oid::TEXT || of == oid::VARCHAR;
    match (from.oid, to.oid) {
        (from_oid, to_oid) if from_oid == to_oid && from.modifier == to.modifier => true,
        (from_oid, to_oid) if is_text(from_oid) && is_text(to_oid) => {
            let limit = |ty: Type| if ty.oid == oid::VARCHAR && ty.modifier >= 0 { ty.modifier } else { i32::MAX };
            limit(to) >= limit(from)
        }
        (oid::NUMERIC, oid::NUMERIC) => {
            let split = |modifier: i32| {
                let packed = modifier - 4;
                ((packed >> 16) & 0xffff, packed & 0x7ff)
            };
            let (from, to) = (from.modifier, to.modifier);
            to < 0 || (from >= 0 && split(from).1 == split(to).1 && split(from).0 <= split(to).0)
        }
        _ => false,
    }
}

pub fn set_type(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    name: &Name,
    type_name: &ast::TypeName,
    collation: Option<&ast::QualifiedName>,
    using: Option<&ast::Expr>,
) -> Result<()> {
    let place = place(&alteration.new, name)?;
    let ordinal = alteration.new.columns[place].ordinal;
    let from = alteration.new.columns[place].ty();
    let to = binding::type_name(&definition.scope, type_name)?;
    column::check_type(name.as_str(), to.oid)?;
    column::check_collation(collation, to)?;
    refuse_if_read(definition, &alteration.old, ordinal)?;
    if alteration.old.columns.get(place).is_none() {
        return Err(Error::unsupported("changing the type of a column that is being added").into());
    }
    let column = &alteration.new.columns[place];
    if column.generated.is_some() && using.is_some() {
        let message = "cannot specify USING when altering type of generated column";
        let detail = format!("Column \"{}\" is a generated column.", column.name);
        return Err(Error::new(sqlstate::INVALID_COLUMN_DEFINITION, message).detail(detail).into());
    }
    if column.identity.is_some() {
        column::check_identity_type(to.oid)?;
    }
    let is_generated = column.generated.is_some();
    if !is_generated {
        let value = binding::transformed(&definition.scope, &alteration.old, ordinal, to, using)?;
        if using.is_some() || !is_same_bytes(from, to) {
            alteration.rewrite = true;
            alteration.values.retain(|(of, _)| *of != ordinal);
            alteration.values.push((ordinal, value));
        }
    } else if from != to {
        alteration.rewrite = true;
    }
    let column = &mut alteration.new.columns[place];
    (column.type_oid, column.type_modifier) = (to.oid.0, to.modifier);
    column.missing = column.missing.take().filter(|_| is_same_bytes(from, to));
    rebind(definition, &mut alteration.new, ordinal, to)?;
    let touched = |key: &crate::catalog::ForeignKey| key.columns.contains(&ordinal);
    let own: Vec<u32> = alteration.new.foreign_keys.iter().filter(|key| touched(key)).map(|key| key.oid).collect();
    if !is_same_bytes(from, to) {
        if !alteration.old.referenced_by.is_empty() {
            check_referencing(definition, alteration, ordinal)?;
        }
        alteration.new_foreign_keys.extend(own);
    }
    Ok(())
}

/// Views and generated columns are not made anew.
fn refuse_if_read(definition: &Definition<'_>, table: &Table, ordinal: u32) -> Result<()> {
    for view in definition.catalog().tables.values() {
        let Some(of) = &view.view else { continue };
        let reads = of
            .reads
            .iter()
            .any(|read| read.relation == table.oid && (read.columns.is_empty() || read.columns.contains(&ordinal)));
        if reads {
            let column = &table.columns[ordinal as usize - 1].name;
            let view = Thing::Relation(view.oid()).text(&definition.scope);
            let detail = format!("rule _RETURN on {view} depends on column \"{column}\"");
            let message = "cannot alter type of a column used by a view or rule";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).detail(detail).into());
        }
    }
    for other in table.live_columns() {
        if let Some(text) = &other.generated
            && walk::columns_of(table, &binding::stored(text)?).contains(&ordinal)
        {
            let column = &table.columns[ordinal as usize - 1].name;
            let detail = format!("Column \"{column}\" is used by generated column \"{}\".", other.name);
            let message = "cannot alter type of a column used by a generated column";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).detail(detail).into());
        }
    }
    Ok(())
}

/// What else the table says of a column whose type has changed.
fn rebind(definition: &Definition<'_>, table: &mut Table, ordinal: u32, to: Type) -> Result<()> {
    let scope = &definition.scope;
    let column = &table.columns[ordinal as usize - 1];
    if let Some(text) = &column.default
        && binding::default_value(scope, table, ordinal, text).is_err()
    {
        let text = binding::type_text(scope, to);
        let message = format!("default for column \"{}\" cannot be cast automatically to type {text}", column.name);
        return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).into());
    }
    if let Some(text) = &column.generated {
        binding::generated(scope, table, ordinal, &binding::stored(text)?)?;
    }
    for check in &table.checks {
        binding::check(scope, table, &binding::stored(&check.expression)?)?;
    }
    let mut indexes = table.indexes.clone();
    for index in &mut indexes {
        for key in &mut index.keys {
            if key.column == ordinal {
                super::index::check_sortable(definition, to.oid)?;
                (key.type_oid, key.type_modifier) = (to.oid.0, to.modifier);
            } else if let Some(text) = &key.expression {
                let (_, ty) = binding::index_expression(scope, table, &binding::stored(text)?)?;
                (key.type_oid, key.type_modifier) = (ty.oid.0, ty.modifier);
            }
        }
        if let Some(text) = &index.predicate {
            binding::index_predicate(scope, table, &binding::stored(text)?)?;
        }
    }
    table.indexes = indexes;
    for key in &table.foreign_keys {
        let pairs = key.columns.iter().zip(&key.referenced_columns);
        for (_, other) in pairs.filter(|(own, _)| **own == ordinal) {
            let referenced = match key.referenced_table == table.oid {
                true => table.clone(),
                false => Table::clone(&*dependency::table_of(definition.catalog(), Oid(key.referenced_table))?),
            };
            let other = &referenced.columns[*other as usize - 1];
            cannot_refer(definition, &key.name, (&table.columns[ordinal as usize - 1], to), (other, other.ty()))?;
        }
    }
    Ok(())
}

fn cannot_refer(
    definition: &Definition<'_>,
    name: &str,
    (own, own_type): (&Column, Type),
    (other, other_type): (&Column, Type),
) -> Result<()> {
    if binding::can_refer(definition.catalog(), own_type.oid, other_type.oid) {
        return Ok(());
    }
    let message = format!("foreign key constraint \"{name}\" cannot be implemented");
    let detail = format!(
        "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
        own.name,
        other.name,
        binding::type_text(&definition.scope, own_type),
        binding::type_text(&definition.scope, other_type)
    );
    Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).detail(detail).into())
}

fn check_referencing(definition: &Definition<'_>, alteration: &Alteration, ordinal: u32) -> Result<()> {
    for oid in alteration.old.referenced_by.iter().filter(|oid| **oid != alteration.old.oid) {
        let other = dependency::table_of(definition.catalog(), Oid(*oid))?;
        for key in other.foreign_keys.iter().filter(|key| key.referenced_table == alteration.old.oid) {
            let pairs = key.columns.iter().zip(&key.referenced_columns);
            for (own, referenced) in pairs.filter(|(_, referenced)| **referenced == ordinal) {
                let own = &other.columns[*own as usize - 1];
                let referenced = &alteration.new.columns[*referenced as usize - 1];
                cannot_refer(definition, &key.name, (own, own.ty()), (referenced, referenced.ty()))?;
            }
        }
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------------------ attributes

pub fn set_default(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    name: &Name,
    value: Option<&ast::Expr>,
) -> Result<()> {
    let table = &mut alteration.new;
    let place = place(table, name)?;
    let column = &table.columns[place];
    if column.identity.is_some() {
        let error = syntax_error(of_column(table, column, "is an identity column"));
        return Err(match value {
            Some(_) => error,
            None => error.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead."),
        }
        .into());
    }
    if column.generated.is_some() {
        let error = syntax_error(of_column(table, column, "is a generated column"));
        return Err(match value {
            Some(_) => error,
            None => error.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."),
        }
        .into());
    }
    let ordinal = column.ordinal;
    let default = match value {
        Some(value) => binding::default(&definition.scope, table, ordinal, value)?,
        None => None,
    };
    table.columns[place].default = default;
    Ok(())
}

pub fn set_not_null(alteration: &mut Alteration, name: &Name) -> Result<()> {
    let place = place(&alteration.new, name)?;
    let column = &mut alteration.new.columns[place];
    if !std::mem::replace(&mut column.not_null, true) {
        alteration.new_not_null.push(column.ordinal);
    }
    Ok(())
}

pub fn drop_not_null(alteration: &mut Alteration, name: &Name) -> Result<()> {
    let table = &mut alteration.new;
    let place = place(table, name)?;
    let column = &table.columns[place];
    if column.identity.is_some() {
        return Err(syntax_error(of_column(table, column, "is an identity column")).into());
    }
    let is_key =
        |index: &crate::catalog::Index| index.primary && index.keys.iter().any(|key| key.column == column.ordinal);
    if table.indexes.iter().any(is_key) {
        let message = format!("column \"{}\" is in a primary key", column.name);
        return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message).into());
    }
    table.columns[place].not_null = false;
    Ok(())
}

pub fn drop_expression(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    name: &Name,
    if_exists: bool,
) -> Result<()> {
    let table = &mut alteration.new;
    let place = place(table, name)?;
    if table.columns[place].generated.take().is_some() {
        return Ok(());
    }
    let message = of_column(table, &table.columns[place], "is not a stored generated column");
    if if_exists {
        definition.skip(message);
        return Ok(());
    }
    Err(prerequisite(message).into())
}

pub fn set_statistics(alteration: &mut Alteration, column: &std::result::Result<Name, i32>, target: i32) -> Result<()> {
    let table = &mut alteration.new;
    let name = match column {
        Ok(name) => name,
        Err(_) => {
            let message = "cannot refer to non-index column by number";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).into());
        }
    };
    let place = place(table, name)?;
    if target < -1 {
        let message = format!("statistics target {target} is too low");
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
    }
    table.columns[place].statistics_target = target.min(10000);
    Ok(())
}

// -------------------------------------------------------------------------------------------------------------- identity

pub async fn add_identity(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    name: &Name,
    always: bool,
    options: &[SequenceOption],
) -> Result<()> {
    let table = &mut alteration.new;
    let place = place(table, name)?;
    let column = &table.columns[place];
    column::check_identity_type(Oid(column.type_oid))?;
    if !column.not_null {
        let message = of_column(table, column, "must be declared NOT NULL before identity can be added");
        return Err(prerequisite(message).into());
    }
    if column.identity.is_some() {
        return Err(prerequisite(of_column(table, column, "is already an identity column")).into());
    }
    if column.default.is_some() {
        return Err(prerequisite(of_column(table, column, "already has a default value")).into());
    }
    let (ordinal, of) = (column.ordinal, Oid(column.type_oid));
    let letter = if always { 'a' } else { 'd' };
    let owned = OwnedSequence { ordinal, of, identity: Some(letter), options: options.to_vec() };
    let parts = Parts { sequences: vec![owned], ..Parts::default() };
    column::make_sequences(definition, table, &parts).await?;
    table.columns[place].identity = Some(letter.to_string());
    Ok(())
}

pub async fn set_identity(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    name: &Name,
    changes: &[IdentityChange],
) -> Result<()> {
    let table = &mut alteration.new;
    let place = place(table, name)?;
    if table.columns[place].identity.is_none() {
        return Err(prerequisite(of_column(table, &table.columns[place], "is not an identity column")).into());
    }
    let mut options = Vec::new();
    for change in changes {
        let kind = match change {
            IdentityChange::Generated { always } => {
                table.columns[place].identity = Some(if *always { "a" } else { "d" }.to_owned());
                continue;
            }
            IdentityChange::Restart(from) => SequenceOptionKind::Restart(from.clone()),
            IdentityChange::Option(option) => option.kind.clone(),
        };
        options.push(SequenceOption { kind, at: ast::At::default() });
    }
    if options.is_empty() {
        return Ok(());
    }
    let oid = Oid(table.columns[place].sequence);
    change_sequence(definition, oid, &options).await
}

/// The sequence of an identity column counts in the column's type.
pub async fn set_identity_type(
    definition: &mut Definition<'_>,
    alteration: &Alteration,
    name: &Name,
    type_name: &ast::TypeName,
) -> Result<()> {
    let column = &alteration.new.columns[place(&alteration.new, name)?];
    if column.identity.is_none() {
        return Ok(());
    }
    let option = SequenceOption { kind: SequenceOptionKind::As(type_name.clone()), at: ast::At::default() };
    change_sequence(definition, Oid(column.sequence), &[option]).await
}

async fn change_sequence(definition: &mut Definition<'_>, oid: Oid, options: &[SequenceOption]) -> Result<()> {
    let Some(found) = definition.lock(oid, Mode::ShareRowExclusive).await? else {
        return Err(Error::internal("an identity column without its sequence").into());
    };
    let Some(old) = &found.sequence else {
        return Err(Error::internal("the sequence of an identity column is none").into());
    };
    let changed = sequence::changed(definition, options, old).await?;
    definition.put_table(Table { sequence: Some(changed), ..Table::clone(&found) }).await
}

pub async fn drop_identity(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    name: &Name,
    if_exists: bool,
) -> Result<()> {
    let table = &mut alteration.new;
    let place = place(table, name)?;
    if table.columns[place].identity.take().is_none() {
        let message = of_column(table, &table.columns[place], "is not an identity column");
        if if_exists {
            definition.skip(message);
            return Ok(());
        }
        return Err(prerequisite(message).into());
    }
    let sequence = std::mem::take(&mut table.columns[place].sequence);
    drop::remove(definition, &[Thing::Relation(Oid(sequence))], ast::DropBehavior::Cascade).await
}
