//! What definitions do to rows: indexes are filled, rows move into new indexes, old ones are erased.

use atoll_datum::{Error, Oid};
use atoll_txn::request::Span;

use super::Definition;
use crate::catalog::{Index, Table};
use crate::exec::Result;
use crate::table::TABLES;

/// All keys of a table, or of one of its indexes.
pub fn span(table: Oid, index: Option<u32>) -> Span {
    let mut start = vec![TABLES];
    start.extend_from_slice(&table.0.to_be_bytes());
    if let Some(index) = index {
        start.extend_from_slice(&(index as u16).to_be_bytes());
    }
    let end = atoll_datum::key::prefix_end(&start).unwrap_or_default();
    Span::new(start, end)
}

pub async fn is_empty(definition: &mut Definition<'_>, table: &Table) -> Result<bool> {
    let page = definition.txn.scan(&span(table.oid(), Some(table.primary().id)), false, 1).await?;
    Ok(page.rows.is_empty())
}

/// Adds an index to a table and fills it.
pub async fn add_index(
    definition: &mut Definition<'_>,
    table: &mut Table,
    index: Index,
    _concurrently: bool,
) -> Result<()> {
    if !is_empty(definition, table).await? {
        return Err(Error::unsupported("an index of a table with rows").into());
    }
    table.indexes.push(index);
    definition.put_table(table.clone()).await
}

/// Moves all rows from one version of a table to another.
pub async fn rewrite(definition: &mut Definition<'_>, old: &Table, _new: &Table, _changes: &[()]) -> Result<()> {
    if !is_empty(definition, old).await? {
        return Err(Error::unsupported("this change of a table with rows").into());
    }
    Ok(())
}

pub async fn erase_index(_definition: &mut Definition<'_>, _table: Oid, _index: u32) -> Result<()> {
    Ok(())
}

pub async fn erase_table(_definition: &mut Definition<'_>, _table: Oid) -> Result<()> {
    Ok(())
}

pub async fn erase_sequence(_definition: &mut Definition<'_>, _storage: u32) -> Result<()> {
    Ok(())
}
