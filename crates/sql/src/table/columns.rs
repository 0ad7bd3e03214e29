//! From many rows of the primary index to vectors, one for each column that someone wants.

use atoll_datum::io::Form;
use atoll_datum::{Datum, Oid, Result, key, row};
use atoll_txn::request::Row;

use super::Layout;
use super::decode::{KeyStep, after_prefix, places};
use crate::catalog::ColumnOrdinal;
use crate::vector::{Kind, Vector};

/// Reads columns of rows. Made once for a scan.
#[derive(Debug)]
pub struct ColumnReader {
    kinds: Vec<Kind>,
    keys: Vec<KeyStep>,
    /// Ascending.
    values: Vec<Stored>,
    /// By column, where it stands in `values`.
    places: Vec<u16>,
}

#[derive(Debug)]
struct Stored {
    column: u32,
    of: Oid,
    form: Option<Form>,
    target: usize,
    /// Of rows that were written before the column was added.
    missing: Datum,
}

impl Layout {
    /// Reads these columns, each of which is named once.
    pub fn column_reader(&self, columns: &[ColumnOrdinal]) -> ColumnReader {
        let column = |ordinal: &ColumnOrdinal| &self.columns[ordinal.0 as usize - 1];
        let mut kinds: Vec<Kind> = columns.iter().map(|ordinal| Kind::of(column(ordinal).of)).collect();
        let keys = self.key_steps(columns);
        let in_key: Vec<usize> = keys.iter().flat_map(|step| step.targets.iter().copied()).collect();
        for target in &in_key {
            // A text is put together from a key, so there is nothing to borrow.
            if kinds[*target] == Kind::Text {
                kinds[*target] = Kind::Other;
            }
        }
        let mut values: Vec<Stored> = Vec::new();
        for (target, ordinal) in columns.iter().enumerate().filter(|(target, _)| !in_key.contains(target)) {
            let column = column(ordinal);
            let (form, missing) = (column.form.clone(), column.missing.clone());
            if kinds[target] == Kind::Text && !missing.is_null() {
                kinds[target] = Kind::Other;
            }
            values.push(Stored { column: ordinal.0, of: column.of, form, target, missing });
        }
        values.sort_by_key(|stored| stored.column);
        let places = places(values.iter().map(|stored| stored.column));
        ColumnReader { kinds, keys, values, places }
    }
}

impl Layout {
    /// Whether a column's values are numbers of an integer type.
    pub fn is_integer(&self, column: ColumnOrdinal) -> bool {
        matches!(Kind::of(self.columns[column.0 as usize - 1].of), Kind::Int2 | Kind::Int4 | Kind::Int8)
    }
}

impl ColumnReader {
    pub fn kind(&self, column: usize) -> Kind {
        self.kinds[column]
    }

    /// The columns of those rows that `chosen` names, or of all.
    pub fn read<'a>(&self, rows: &'a [Row], chosen: Option<&[u32]>) -> Result<Vec<Vector<'a>>> {
        let len = chosen.map_or(rows.len(), <[u32]>::len);
        let mut vectors: Vec<Vector<'a>> = self.kinds.iter().map(|kind| Vector::new(*kind, len)).collect();
        match chosen {
            None => rows.iter().enumerate().try_for_each(|(at, row)| self.read_row(row, at, &mut vectors))?,
            Some(chosen) => {
                for (at, row) in chosen.iter().enumerate() {
                    self.read_row(&rows[*row as usize], at, &mut vectors)?;
                }
            }
        }
        Ok(vectors)
    }

    fn read_row<'a>(&self, row: &'a Row, at: usize, vectors: &mut [Vector<'a>]) -> Result<()> {
        if !self.keys.is_empty() {
            let rest = &mut after_prefix(&row.key)?;
            for step in &self.keys {
                let column = &step.column;
                let value = key::decode(column.of, column.form.as_ref(), column.order, rest)?;
                for target in &step.targets {
                    vectors[*target].set(at, &value)?;
                }
            }
        }
        if self.values.is_empty() {
            return Ok(());
        }
        let known = row::visit(&row.value, &self.places, |place, encoded| {
            let stored = &self.values[place];
            vectors[stored.target].set_encoded(at, encoded, stored.of, stored.form.as_ref())
        })?;
        for stored in self.values.iter().rev().take_while(|stored| known < stored.column) {
            vectors[stored.target].set(at, &stored.missing)?;
        }
        Ok(())
    }
}
