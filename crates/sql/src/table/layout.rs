//! From a row to the keys and values under which it is stored.

use std::sync::Arc;

use atoll_datum::io::Form;
use atoll_datum::row::RowWriter;
use atoll_datum::{Datum, Error, Oid, Result, key, oid};
use bytes::Bytes;

use super::TABLES;
use crate::catalog::{Catalog, ColumnOrdinal, FIRST_USER_OID, Index, IndexId, Table};

/// Whether a key gives back the very value of this type. An enum's key is the position of its label, which other labels
/// may move, and arrays are rather read from the value than from a key.
pub fn is_exact_in_keys(of: Oid) -> bool {
    let is_array = atoll_datum::builtin::builtin().type_by_oid(of).is_some_and(|row| row.is_array());
    of.0 < FIRST_USER_OID && !is_array && key::is_exact(of)
}

/// How one version of a table's descriptor is stored. Made once for a table and shared.
#[derive(Debug)]
pub struct Layout {
    pub table: Arc<Table>,
    /// By ordinal, from 1; dropped ones too.
    pub(super) columns: Vec<ColumnLayout>,
    /// As in the descriptor: the primary index first.
    pub(super) indexes: Vec<IndexLayout>,
    /// The primary key's columns of which a key gives back the very value.
    pub(super) exact_primary: Vec<u32>,
    /// What the value of a row holds, ascending.
    stored: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct ColumnLayout {
    pub of: Oid,
    pub form: Option<Form>,
    /// Of rows written before the column was added.
    pub missing: Datum,
}

#[derive(Debug)]
pub struct IndexLayout {
    pub id: IndexId,
    /// The bytes before the columns.
    pub(super) prefix: [u8; PREFIX_BYTES],
    pub(super) keys: Vec<KeyColumn>,
    pub(super) is_primary: bool,
    unique: bool,
    nulls_not_distinct: bool,
    /// Columns that lie in the value of an entry, ascending.
    pub(super) covered: Vec<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct KeyColumn {
    /// None is an expression.
    pub column: Option<u32>,
    pub of: Oid,
    pub form: Option<Form>,
    pub order: key::Order,
    pub exact: bool,
}

pub(super) const PREFIX_BYTES: usize = 7;

/// In the value of an index's entry: the row's primary key.
pub(super) const PRIMARY_KEY_COLUMN: u32 = 0;

/// What a row has in a secondary index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexEntry {
    pub key: Bytes,
    pub value: Bytes,
    /// Another row with the same key would violate the index's uniqueness. Otherwise the key is the row's alone.
    pub is_unique: bool,
}

impl Layout {
    pub fn new(table: Arc<Table>, catalog: &Catalog) -> Result<Layout> {
        let form_of = |of: Oid| if of.0 >= FIRST_USER_OID { catalog.form(of) } else { None };
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let of = Oid(column.type_oid);
            let form = form_of(of);
            let missing = match &column.missing {
                Some(bytes) if !column.dropped => missing(bytes, column.ordinal, of, form.as_ref())?,
                _ => Datum::Null,
            };
            columns.push(ColumnLayout { of, form, missing });
        }
        let key_column = |key: &crate::catalog::IndexKey| KeyColumn {
            column: (key.column != 0).then_some(key.column),
            of: Oid(key.type_oid),
            form: form_of(Oid(key.type_oid)),
            order: key::Order { descending: key.descending, nulls_first: key.nulls_first },
            exact: is_exact_in_keys(Oid(key.type_oid)),
        };
        let mut indexes = Vec::with_capacity(table.indexes.len());
        for (at, index) in table.indexes.iter().enumerate() {
            let keys: Vec<KeyColumn> = index.keys.iter().map(key_column).collect();
            let inexact = keys.iter().filter(|key| !key.exact).filter_map(|key| key.column);
            let mut covered: Vec<u32> = index.include.iter().copied().chain(inexact).collect();
            covered.sort_unstable();
            covered.dedup();
            indexes.push(IndexLayout {
                id: index.id(),
                prefix: index_prefix(table.oid(), index)?,
                keys,
                is_primary: at == 0,
                unique: index.unique || at == 0,
                nulls_not_distinct: index.nulls_not_distinct || at == 0,
                covered,
            });
        }
        let Some(primary) = indexes.first() else {
            return Err(Error::internal(format!("table {} has no primary index", table.name)));
        };
        let exact_primary: Vec<u32> =
            primary.keys.iter().filter(|key| key.exact).filter_map(|key| key.column).collect();
        let live = table.live_columns().map(|column| column.ordinal);
        let stored = live.filter(|column| !exact_primary.contains(column)).collect();
        Ok(Layout { columns, indexes, exact_primary, stored, table })
    }

    pub fn primary(&self) -> &IndexLayout {
        &self.indexes[0]
    }

    pub fn index(&self, id: IndexId) -> Option<&IndexLayout> {
        self.indexes.iter().find(|index| index.id == id)
    }

    /// Secondary indexes, as in the descriptor.
    pub fn secondary(&self) -> &[IndexLayout] {
        &self.indexes[1..]
    }

    /// Positions of rows: one for each column that ever was.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    pub fn primary_key(&self, row: &[Datum]) -> Result<Bytes> {
        let primary = self.primary();
        let mut out = primary.start(8 * primary.keys.len());
        self.push_primary_columns(row, &mut out)?;
        Ok(out.into())
    }

    fn push_primary_columns(&self, row: &[Datum], out: &mut Vec<u8>) -> Result<()> {
        for column in &self.primary().keys {
            let value = column.column.map(|ordinal| &row[ordinal as usize - 1]);
            let Some(value) = value else { return Err(Error::internal("an expression in a primary key")) };
            key::encode(value, column.of, column.order, out)?;
        }
        Ok(())
    }

    pub fn primary_value(&self, row: &[Datum]) -> Result<Bytes> {
        let mut writer = RowWriter::new(self.columns.len() as u32);
        for ordinal in &self.stored {
            writer.push(*ordinal, &row[*ordinal as usize - 1])?;
        }
        Ok(writer.finish().into())
    }

    /// `expressions`: the values of the index's expression keys, in their order.
    pub fn index_entry(&self, index: &IndexLayout, row: &[Datum], expressions: &[Datum]) -> Result<IndexEntry> {
        let mut expressions = expressions.iter();
        let mut out = index.start(8 * (index.keys.len() + self.primary().keys.len()));
        let mut has_null = false;
        for column in &index.keys {
            let value = match column.column {
                Some(ordinal) => &row[ordinal as usize - 1],
                None => expressions.next().ok_or_else(|| Error::internal("an index key's expression has no value"))?,
            };
            has_null |= value.is_null();
            key::encode(value, column.of, column.order, &mut out)?;
        }
        let is_unique = index.is_unique_with(has_null);
        let mut writer = RowWriter::new(self.columns.len() as u32);
        if is_unique {
            let mut suffix = Vec::new();
            self.push_primary_columns(row, &mut suffix)?;
            writer.push(PRIMARY_KEY_COLUMN, &Datum::Bytea(suffix.into()))?;
        } else {
            self.push_primary_columns(row, &mut out)?;
        }
        for ordinal in &index.covered {
            writer.push(*ordinal, &row[*ordinal as usize - 1])?;
        }
        Ok(IndexEntry { key: out.into(), value: writer.finish().into(), is_unique })
    }

    /// Whether an entry of the index gives these columns without a look at the row.
    pub fn covers(&self, index: &IndexLayout, columns: &[ColumnOrdinal]) -> bool {
        columns.iter().all(|ordinal| {
            let in_key = index.keys.iter().any(|key| key.exact && key.column == Some(ordinal.0));
            index.is_primary || in_key || index.covered.contains(&ordinal.0) || self.exact_primary.contains(&ordinal.0)
        })
    }
}

impl IndexLayout {
    pub(super) fn start(&self, room: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(PREFIX_BYTES + room);
        out.extend_from_slice(&self.prefix);
        out
    }

    /// Whether an entry is the only one with its key columns, NULLs being among them or not.
    pub(super) fn is_unique_with(&self, has_null: bool) -> bool {
        self.unique && (!has_null || self.nulls_not_distinct)
    }
}

fn index_prefix(table: Oid, index: &Index) -> Result<[u8; PREFIX_BYTES]> {
    let id = u16::try_from(index.id);
    let [id_high, id_low] = id.map_err(|_| Error::unsupported("a table with more than 65535 indexes"))?.to_be_bytes();
    let [a, b, c, d] = table.0.to_be_bytes();
    Ok([TABLES, a, b, c, d, id_high, id_low])
}

fn missing(bytes: &[u8], ordinal: u32, of: Oid, form: Option<&Form>) -> Result<Datum> {
    for column in atoll_datum::row::RowReader::new(bytes)? {
        let (at, encoded) = column?;
        if at == ordinal {
            return encoded.decode(of, form);
        }
    }
    Ok(Datum::Null)
}

/// The type under which the primary key's bytes stand in an index's entry.
pub(super) const PRIMARY_KEY_TYPE: Oid = oid::BYTEA;
