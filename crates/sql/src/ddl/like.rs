//! `LIKE table INCLUDING …` in CREATE TABLE.

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{LikeOption, LikeTable};

use super::column::{self, OwnedSequence, Parts, Written};
use super::{Definition, binding, names, walk};
use crate::catalog::privileges;
use crate::catalog::{Check, Index, RelationKind, Table};
use crate::exec::Result;
use crate::session::locks::Mode;

/// What is copied when the table's own keys are there.
pub struct Comments {
    checks: Vec<Check>,
    indexes: Vec<Index>,
    /// Ordinals there and here.
    columns: Vec<(u32, u32)>,
    source: String,
    with_comments: bool,
}

fn includes(written: &LikeTable, option: LikeOption) -> bool {
    let mut included = false;
    for (is_including, named) in &written.options {
        if *named == option || *named == LikeOption::All {
            included = *is_including;
        }
    }
    included
}

/// Adds the columns of another table.
pub async fn expand(
    definition: &mut Definition<'_>,
    table: &mut Table,
    parts: &mut Parts,
    written: &LikeTable,
) -> Result<Comments> {
    let found = names::relation(&definition.scope, &written.table)?;
    let Some(source) = definition.lock(found.oid(), Mode::AccessShare).await? else {
        return Err(names::missing_relation(&written.table).without_position().into());
    };
    if source.kind() == RelationKind::Sequence {
        let message = format!("relation \"{}\" is invalid in LIKE clause", source.name);
        let detail = "This operation is not supported for sequences.";
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).detail(detail).into());
    }
    if !definition.has((&*source).into(), 'r') {
        return Err(privileges::denied(names::kind_text(&source), &source.name).into());
    }
    let mut columns = Vec::new();
    for of in source.visible_columns() {
        column::check_new_name(table, &of.name)?;
        if table.column_named(&of.name).is_some() {
            let message = format!("column \"{}\" specified more than once", of.name);
            return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).into());
        }
        let ordinal = column::next_ordinal(table);
        let mut copy = column::plain(ordinal, &of.name, of.ty());
        copy.not_null = of.not_null;
        if includes(written, LikeOption::Comments) {
            copy.comment = of.comment.clone();
        }
        let default = of.default.clone().filter(|_| includes(written, LikeOption::Defaults));
        let generated = of.generated.clone().filter(|_| includes(written, LikeOption::Generated));
        if default.is_some() || generated.is_some() {
            parts.expressions.push((ordinal, Written::Stored { default, generated }));
        }
        if let (Some(identity), true) = (&of.identity, includes(written, LikeOption::Identity)) {
            copy.identity = Some(identity.clone());
            let options = match definition.catalog().table(Oid(of.sequence)).and_then(|of| of.sequence.as_ref()) {
                Some(sequence) => binding::sequence_options(sequence),
                None => Vec::new(),
            };
            let identity = identity.chars().next();
            parts.sequences.push(OwnedSequence { ordinal, of: Oid(of.type_oid), identity, options });
        }
        table.columns.push(copy);
        columns.push((of.ordinal, ordinal));
    }
    let checks = if includes(written, LikeOption::Constraints) { source.checks.clone() } else { Vec::new() };
    let indexes = if includes(written, LikeOption::Indexes) {
        source.indexes.iter().filter(|index| index.oid != 0).cloned().collect()
    } else {
        Vec::new()
    };
    let with_comments = includes(written, LikeOption::Comments);
    Ok(Comments { checks, indexes, columns, source: source.name.clone(), with_comments })
}

/// Adds checks and indexes of the other table, when the table's own are there.
pub async fn finish(definition: &mut Definition<'_>, table: &mut Table, copied: &Comments) -> Result<()> {
    let here = |ordinal: u32| copied.columns.iter().find(|(there, _)| *there == ordinal).map(|(_, here)| *here);
    for check in &copied.checks {
        let oid = definition.new_oid().await?;
        let comment = check.comment.clone().filter(|_| copied.with_comments);
        let expression = unqualified(table, &copied.source, &check.expression)?;
        table.checks.push(Check { oid, comment, expression, not_valid: false, ..check.clone() });
    }
    table.checks.sort_by(|a, b| a.name.cmp(&b.name));
    for index in &copied.indexes {
        if index.primary && table.indexes.iter().any(|own| own.primary) {
            return Err(super::constraint::multiple_primary_keys(table).into());
        }
        let mut index = index.clone();
        index.oid = definition.new_oid().await?;
        if index.constraint != 0 {
            index.constraint = definition.new_oid().await?;
        }
        index.comment = index.comment.filter(|_| copied.with_comments);
        let mut parts = Vec::new();
        for key in &mut index.keys {
            if key.column == 0 {
                let text = key.expression.as_deref().unwrap_or_default();
                key.expression = Some(unqualified(table, &copied.source, text)?);
                parts.push("expr".to_owned());
            } else {
                key.column = here(key.column).ok_or_else(|| Error::internal("a key without its column"))?;
                let column = &mut table.columns[key.column as usize - 1];
                column.not_null |= index.primary;
                parts.push(column.name.clone());
            }
        }
        for column in &mut index.include {
            *column = here(*column).ok_or_else(|| Error::internal("an index without its column"))?;
            parts.push(table.columns[*column as usize - 1].name.clone());
        }
        if let Some(predicate) = &mut index.predicate {
            *predicate = unqualified(table, &copied.source, predicate)?;
        }
        let taken =
            |name: &str| definition.relation_exists(Oid(table.schema), name) || super::index::is_own_name(table, name);
        let joined = names::joined(parts.iter().map(String::as_str));
        index.name = match (index.primary, index.constraint) {
            (true, _) => names::choose(&table.name, None, "pkey", taken),
            (false, 0) => names::choose(&table.name, Some(&joined), "idx", taken),
            _ => names::choose(&table.name, Some(&joined), "key", taken),
        };
        if index.primary {
            // Takes the place of the hidden row id.
            table.indexes.remove(0);
            table.columns.retain(|column| !column.hidden);
            index.id = table.next_index;
            table.indexes.insert(0, index);
        } else {
            index.id = table.next_index;
            table.indexes.push(index);
        }
        table.next_index += 1;
    }
    Ok(())
}

/// An expression of the other table without that table's name.
fn unqualified(table: &Table, source: &str, text: &str) -> Result<String> {
    let mut expr = binding::stored(text)?;
    walk::each_mut(&mut expr, &mut |expr| {
        if let atoll_syntax::ast::ExprKind::Column(names) = &mut expr.kind
            && names.len() > 1
            && names[names.len() - 2].as_str() == source
            && table.column_named(names[names.len() - 1].as_str()).is_some()
        {
            names.drain(..names.len() - 1);
        }
    });
    Ok(atoll_syntax::print::expression(&expr))
}
