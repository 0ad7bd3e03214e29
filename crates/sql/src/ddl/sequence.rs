//! CREATE and ALTER SEQUENCE, and the sequences behind SERIAL and IDENTITY.

use atoll_datum::{Error, Oid, oid, sqlstate};
use atoll_syntax::ast::{self, Persistence, SequenceOption, SequenceOptionKind};

use super::{Definition, binding, names};
use crate::catalog::{Column, RelationKind, Sequence, Table};
use crate::exec::Result;
use crate::session::locks::Mode;

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateSequence) -> Result<()> {
    if create.persistence == Persistence::Temporary {
        return Err(Error::unsupported("CREATE TEMPORARY SEQUENCE").into());
    }
    let schema = definition.creation_schema(&create.name)?;
    let name = create.name.last().map_or("", ast::Name::as_str);
    if definition.relation_exists(schema, name) {
        let message = format!("relation \"{name}\" already exists");
        if create.if_not_exists {
            definition.notice(sqlstate::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(());
        }
        return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
    }
    let mut sequence = options(definition, &create.options, None)?;
    if let Some(owner) = owner(definition, &create.options, schema, definition.role().0).await? {
        (sequence.owner_table, sequence.owner_column) = owner;
    }
    make(definition, schema, name.to_owned(), definition.role(), sequence).await?;
    Ok(())
}

/// Makes a sequence under a new oid.
pub async fn make(
    definition: &mut Definition<'_>,
    schema: Oid,
    name: String,
    owner: Oid,
    mut sequence: Sequence,
) -> Result<Oid> {
    let oid = definition.new_oid().await?;
    sequence.storage = oid;
    let privileges = super::grant::defaults_for(definition, schema, owner, 'S');
    let table = Table {
        oid,
        schema: schema.0,
        name,
        owner: owner.0,
        kind: RelationKind::Sequence as i32,
        columns: columns(),
        sequence: Some(sequence),
        privileges,
        ..Table::default()
    };
    definition.put_table(table).await?;
    Ok(Oid(oid))
}

/// What SELECT from a sequence shows.
fn columns() -> Vec<Column> {
    [("last_value", oid::INT8), ("log_cnt", oid::INT8), ("is_called", oid::BOOL)]
        .into_iter()
        .zip(1..)
        .map(|((name, of), ordinal)| Column {
            ordinal,
            name: name.to_owned(),
            type_oid: of.0,
            type_modifier: -1,
            not_null: true,
            statistics_target: -1,
            ..<Column as Default>::default()
        })
        .collect()
}

fn invalid(message: String) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
}

/// The limits of an integer type, and how PostgreSQL calls it.
fn range(of: Oid) -> Option<(i64, i64, &'static str)> {
    match of {
        oid::INT2 => Some((i16::MIN.into(), i16::MAX.into(), "smallint")),
        oid::INT4 => Some((i32::MIN.into(), i32::MAX.into(), "integer")),
        oid::INT8 => Some((i64::MIN, i64::MAX, "bigint")),
        _ => None,
    }
}

fn number(text: &str) -> Result<i64> {
    let text = text.trim_start_matches('+');
    if text.contains(['.', 'e', 'E']) {
        return Err(Error::invalid_input("bigint", text).into());
    }
    text.parse().map_err(|_| {
        let message = format!("value \"{text}\" is out of range for type bigint");
        Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message).into()
    })
}

/// Reads options over those that a sequence has already, if it exists. RESTART sets `initial`.
pub fn options(definition: &Definition<'_>, options: &[SequenceOption], old: Option<&Sequence>) -> Result<Sequence> {
    let is_new = old.is_none();
    let mut sequence =
        old.cloned().unwrap_or(Sequence { type_oid: oid::INT8.0, increment: 1, cache: 1, ..Sequence::default() });
    let (mut start, mut restart) = (None, None);
    let (mut min, mut max): (Option<Option<i64>>, Option<Option<i64>>) = (None, None);
    let mut type_changed = None;
    for (place, option) in options.iter().enumerate() {
        let same =
            |earlier: &SequenceOption| std::mem::discriminant(&earlier.kind) == std::mem::discriminant(&option.kind);
        if options[..place].iter().any(same) {
            let error = Error::new(sqlstate::SYNTAX_ERROR, "conflicting or redundant options");
            return Err(error.at(option.at.offset()).into());
        }
        match &option.kind {
            SequenceOptionKind::As(of) => {
                let of = binding::type_name(&definition.scope, of)?.oid;
                if range(of).is_none() {
                    return Err(invalid("sequence type must be smallint, integer, or bigint".to_owned()).into());
                }
                type_changed = Some(Oid(sequence.type_oid));
                sequence.type_oid = of.0;
            }
            SequenceOptionKind::Cache(text) => {
                sequence.cache = number(text)?;
                if sequence.cache <= 0 {
                    return Err(invalid(format!("CACHE ({}) must be greater than zero", sequence.cache)).into());
                }
            }
            SequenceOptionKind::Cycle(cycle) => sequence.cycle = *cycle,
            SequenceOptionKind::Increment(text) => {
                sequence.increment = number(text)?;
                if sequence.increment == 0 {
                    return Err(invalid("INCREMENT must not be zero".to_owned()).into());
                }
            }
            SequenceOptionKind::MaxValue(text) => max = Some(text.as_deref().map(number).transpose()?),
            SequenceOptionKind::MinValue(text) => min = Some(text.as_deref().map(number).transpose()?),
            SequenceOptionKind::Start(text) => start = Some(number(text)?),
            SequenceOptionKind::Restart(text) => restart = Some(text.as_deref().map(number).transpose()?),
            SequenceOptionKind::OwnedBy(_) | SequenceOptionKind::SequenceName(_) => {}
        }
    }
    let (type_min, type_max, type_name) =
        range(Oid(sequence.type_oid)).ok_or_else(|| Error::internal("a sequence of no integer type"))?;
    let ascending = sequence.increment > 0;
    // A limit that was the old type's own becomes the new type's own.
    let (mut reset_min, mut reset_max) = (false, false);
    if let (false, Some((old_min, old_max, _))) = (is_new, type_changed.and_then(range)) {
        reset_max = sequence.max == old_max;
        reset_min = sequence.min == old_min;
    }
    match max {
        Some(Some(value)) => sequence.max = value,
        None if !is_new && !reset_max => {}
        _ => sequence.max = if ascending || (reset_max && max.is_none()) { type_max } else { -1 },
    }
    if sequence.max < type_min || sequence.max > type_max {
        let message = format!("MAXVALUE ({}) is out of range for sequence data type {type_name}", sequence.max);
        return Err(invalid(message).into());
    }
    match min {
        Some(Some(value)) => sequence.min = value,
        None if !is_new && !reset_min => {}
        _ => sequence.min = if !ascending || (reset_min && min.is_none()) { type_min } else { 1 },
    }
    if sequence.min < type_min || sequence.min > type_max {
        let message = format!("MINVALUE ({}) is out of range for sequence data type {type_name}", sequence.min);
        return Err(invalid(message).into());
    }
    let (min, max) = (sequence.min, sequence.max);
    if min >= max {
        return Err(invalid(format!("MINVALUE ({min}) must be less than MAXVALUE ({max})")).into());
    }
    if let Some(start) = start {
        sequence.start = start;
    } else if is_new {
        sequence.start = if ascending { min } else { max };
    }
    let check = |what: &str, value: i64| -> Result<()> {
        if value < min {
            return Err(invalid(format!("{what} value ({value}) cannot be less than MINVALUE ({min})")).into());
        }
        if value > max {
            return Err(invalid(format!("{what} value ({value}) cannot be greater than MAXVALUE ({max})")).into());
        }
        Ok(())
    };
    check("START", sequence.start)?;
    if let Some(restart) = restart {
        let first = restart.unwrap_or(sequence.start);
        check("RESTART", first)?;
        (sequence.initial, sequence.initial_called) = (Some(first), false);
    } else if let (Some(last), false) = (sequence.initial, is_new) {
        check("RESTART", last)?;
    }
    Ok(sequence)
}

/// What OWNED BY says: a table and a column of it; zeros for NONE.
async fn owner(
    definition: &mut Definition<'_>,
    options: &[SequenceOption],
    schema: Oid,
    sequence_owner: u32,
) -> Result<Option<(u32, u32)>> {
    let named = options.iter().find_map(|option| match &option.kind {
        SequenceOptionKind::OwnedBy(names) => Some(names),
        _ => None,
    });
    let Some(named) = named else { return Ok(None) };
    if let [only] = named.as_slice() {
        if only.as_str() == "none" {
            return Ok(Some((0, 0)));
        }
        return Err(Error::new(sqlstate::SYNTAX_ERROR, "invalid OWNED BY option")
            .hint("Specify OWNED BY table.column or OWNED BY NONE.")
            .into());
    }
    let (column, table) = named.split_last().ok_or_else(|| Error::internal("OWNED BY nothing"))?;
    let table = names::relation(&definition.scope, table)?;
    let Some(table) = definition.lock(table.oid(), Mode::AccessShare).await? else {
        return Err(names::missing_relation(named).into());
    };
    if table.kind() != RelationKind::Table {
        let message = format!("sequence cannot be owned by relation \"{}\"", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    let prerequisite = |message: &str| Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message);
    if table.owner != sequence_owner {
        return Err(prerequisite("sequence must have same owner as table it is linked to").into());
    }
    if table.schema != schema.0 {
        return Err(prerequisite("sequence must be in same schema as table it is linked to").into());
    }
    let Some(found) = table.column_named(column.as_str()) else {
        let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
        return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message).into());
    };
    Ok(Some((table.oid, found.ordinal)))
}

pub async fn alter(definition: &mut Definition<'_>, alter: &ast::AlterSequence) -> Result<()> {
    let Some(found) = names::find_relation(&definition.scope, &alter.name)? else {
        if alter.if_exists {
            definition.skip(format!("relation \"{}\" does not exist", names::dotted(&alter.name)));
            return Ok(());
        }
        return Err(names::missing_relation(&alter.name).without_position().into());
    };
    let Some(table) = definition.lock(found.oid(), Mode::ShareRowExclusive).await? else {
        return Err(names::missing_relation(&alter.name).without_position().into());
    };
    let Some(old) = &table.sequence else {
        let message = format!("\"{}\" is not a sequence", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    };
    definition.check_owner(&table)?;
    let is_identity = definition.catalog().table(Oid(old.owner_table)).is_some_and(|owner| {
        owner.live_columns().any(|column| column.sequence == table.oid && column.identity.is_some())
    });
    let changes_owner = alter.options.iter().any(|option| matches!(option.kind, SequenceOptionKind::OwnedBy(_)));
    if is_identity && changes_owner {
        let owner = definition.catalog().table(Oid(old.owner_table)).map_or("", |owner| owner.name.as_str());
        let detail = format!("Sequence \"{}\" is linked to table \"{owner}\".", table.name);
        let message = "cannot change ownership of identity sequence";
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).detail(detail).into());
    }
    let mut sequence = changed(definition, &alter.options, old).await?;
    if let Some(owner) = owner(definition, &alter.options, Oid(table.schema), table.owner).await? {
        (sequence.owner_table, sequence.owner_column) = owner;
    }
    let mut table = Table::clone(&table);
    table.sequence = Some(sequence);
    definition.put_table(table).await
}

/// The sequence under a storage of its own, so that the change is the transaction's alone until it commits.
pub async fn changed(definition: &mut Definition<'_>, changes: &[SequenceOption], old: &Sequence) -> Result<Sequence> {
    let state = definition.scope.node.sequences.state(old).await?;
    let mut base = old.clone();
    (base.initial, base.initial_called) = (Some(state.last), state.called);
    let mut sequence = options(definition, changes, Some(&base))?;
    sequence.storage = definition.new_oid().await?;
    Ok(sequence)
}

/// Begins anew: TRUNCATE … RESTART IDENTITY.
pub async fn restarted(definition: &mut Definition<'_>, old: &Sequence) -> Result<Sequence> {
    let storage = definition.new_oid().await?;
    Ok(Sequence { storage, initial: None, initial_called: false, ..old.clone() })
}
