//! From many rows of the primary index to vectors, one for each column that someone wants.

use atoll_datum::{Result, key, row};
use atoll_txn::request::Row;

use super::Layout;
use super::decode::{KeyStep, ValueStep, after_prefix, places};
use crate::catalog::ColumnOrdinal;
use crate::vector::{Kind, Vector};

/// Reads columns of rows. Made once for a scan.
#[derive(Debug)]
pub struct ColumnReader {
    kinds: Vec<Kind>,
    keys: Vec<KeyStep>,
    /// Ascending.
    values: Vec<ValueStep>,
    /// By column, where it stands in `values`.
    places: Vec<u16>,
}

impl Layout {
    /// Reads these columns, each of which is named once.
    pub fn column_reader(&self, columns: &[ColumnOrdinal]) -> ColumnReader {
        let kind = |ordinal: &ColumnOrdinal| Kind::of(self.columns[ordinal.0 as usize - 1].of);
        let mut kinds: Vec<Kind> = columns.iter().map(kind).collect();
        let keys = self.key_steps(columns);
        let in_key: Vec<usize> = keys.iter().flat_map(|step| step.targets.iter().copied()).collect();
        for target in &in_key {
            // A text is put together from a key, so there is nothing to borrow.
            if kinds[*target] == Kind::Text {
                kinds[*target] = Kind::Other;
            }
        }
        let values = self.value_steps(columns, |target| !in_key.contains(&target));
        for step in values.iter().filter(|step| !step.missing.is_null()) {
            // Nor is there for what a row does not know.
            if kinds[step.target] == Kind::Text {
                kinds[step.target] = Kind::Other;
            }
        }
        let places = places(values.iter().map(|step| step.column));
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
            let step = &self.values[place];
            vectors[step.target].set_encoded(at, encoded, step.of, step.form.as_ref())
        })?;
        for step in self.values.iter().rev().take_while(|step| known < step.column) {
            vectors[step.target].set(at, &step.missing)?;
        }
        Ok(())
    }
}
