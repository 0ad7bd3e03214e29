//! From a key and its value to the columns that someone wants, in one pass over both.

use atoll_datum::io::Form;
use atoll_datum::row::{self, NOWHERE, RowReader};
use atoll_datum::{Datum, Error, Oid, Result, key};
use bytes::Bytes;

use super::layout::{IndexLayout, KeyColumn, Layout, PREFIX_BYTES, PRIMARY_KEY_COLUMN, PRIMARY_KEY_TYPE};
use crate::catalog::ColumnOrdinal;

/// Reads entries of one index. Made once for a scan.
#[derive(Debug)]
pub struct Decoder {
    width: usize,
    /// Columns of the key as far as any is wanted, or the primary key behind them has to be found.
    keys: Vec<KeyStep>,
    /// How many of them have to be looked at if the primary key is not wanted.
    keys_wanted: usize,
    /// The columns of the primary key as far as wanted from an index's entry.
    primary: Vec<KeyStep>,
    /// Ascending.
    values: Vec<ValueStep>,
    /// By column, the first of its steps.
    places: Vec<u16>,
    /// Where the row's own key goes.
    row_key: Option<usize>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Row,
    Entry { primary_prefix: [u8; PREFIX_BYTES], unique: bool, nulls_not_distinct: bool },
}

#[derive(Debug)]
pub(super) struct KeyStep {
    pub(super) column: KeyColumn,
    /// Places in the output; mostly one.
    pub(super) targets: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct ValueStep {
    pub(super) column: u32,
    pub(super) of: Oid,
    pub(super) form: Option<Form>,
    pub(super) target: usize,
    /// Of rows that were written before the column was added.
    pub(super) missing: Datum,
}

impl Layout {
    /// Reads rows of the primary index: these columns in this order, and then the row's key as `bytea` if wanted.
    pub fn row_decoder(&self, columns: &[ColumnOrdinal], with_key: bool) -> Decoder {
        self.decoder(self.primary(), columns, with_key)
    }

    /// What the key of the primary index gives back of the columns, as far as that has to be looked at.
    pub(super) fn key_steps(&self, columns: &[ColumnOrdinal]) -> Vec<KeyStep> {
        let mut steps = key_steps(&self.primary().keys, columns, &mut vec![false; columns.len()]);
        truncate(&mut steps);
        steps
    }

    /// Those of the columns that are read from the value, ascending.
    pub(super) fn value_steps(&self, columns: &[ColumnOrdinal], wanted: impl Fn(usize) -> bool) -> Vec<ValueStep> {
        let step = |(target, ordinal): (usize, &ColumnOrdinal)| {
            let column = &self.columns[ordinal.0 as usize - 1];
            let (form, missing) = (column.form.clone(), column.missing.clone());
            ValueStep { column: ordinal.0, of: column.of, form, target, missing }
        };
        let mut steps: Vec<ValueStep> = columns.iter().enumerate().filter(|(at, _)| wanted(*at)).map(step).collect();
        steps.sort_by_key(|step| step.column);
        steps
    }

    /// Reads entries of an index that [covers](Layout::covers) the columns.
    pub fn decoder(&self, index: &IndexLayout, columns: &[ColumnOrdinal], with_key: bool) -> Decoder {
        let mut taken = vec![false; columns.len()];
        let mut take = |from: &[KeyColumn], whole: bool| {
            let mut steps = key_steps(from, columns, &mut taken);
            if !whole {
                truncate(&mut steps);
            }
            steps
        };
        let (keys, primary, source) = if index.is_primary {
            (take(&index.keys, false), Vec::new(), Source::Row)
        } else {
            let keys = take(&index.keys, true);
            let source = Source::Entry {
                primary_prefix: self.primary().prefix,
                unique: index.is_unique_with(false),
                nulls_not_distinct: index.is_unique_with(true),
            };
            (keys, take(&self.primary().keys, false), source)
        };
        let keys_wanted = keys.iter().rposition(|step| !step.targets.is_empty()).map_or(0, |last| last + 1);
        let values = self.value_steps(columns, |target| !taken[target]);
        let places = places(values.iter().map(|step| step.column));
        let row_key = with_key.then_some(columns.len());
        let width = columns.len() + usize::from(with_key);
        Decoder { width, keys, keys_wanted, primary, values, places, row_key, source }
    }

    /// Finds the rows of an index's entries.
    pub fn row_finder(&self, index: &IndexLayout) -> Decoder {
        self.decoder(index, &[], false)
    }
}

impl Decoder {
    /// Of rows of the primary index, rather than entries of another.
    pub fn reads_rows(&self) -> bool {
        matches!(self.source, Source::Row)
    }

    /// Columns that it appends.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Appends the wanted columns of one row or entry.
    pub fn decode(&self, key: &[u8], value: &[u8], out: &mut Vec<Datum>) -> Result<()> {
        let from = out.len();
        out.resize(from + self.width, Datum::Null);
        let out = &mut out[from..];
        match &self.source {
            Source::Row => {
                if !self.keys.is_empty() {
                    take_keys(&self.keys, &mut after_prefix(key)?, out)?;
                }
                if let Some(target) = self.row_key {
                    out[target] = Datum::Bytea(key.into());
                }
            }
            Source::Entry { primary_prefix, .. } => {
                if self.row_key.is_some() || !self.primary.is_empty() {
                    let suffix = self.primary_suffix(key, value, out)?;
                    take_keys(&self.primary, &mut &suffix[..], out)?;
                    if let Some(target) = self.row_key {
                        out[target] = Datum::Bytea([&primary_prefix[..], &suffix].concat().into());
                    }
                } else {
                    take_keys(&self.keys[..self.keys_wanted], &mut after_prefix(key)?, out)?;
                }
            }
        }
        if self.values.is_empty() { Ok(()) } else { self.decode_value(value, out) }
    }

    fn decode_value(&self, value: &[u8], out: &mut [Datum]) -> Result<()> {
        let known = row::visit(value, &self.places, |first, encoded| {
            let column = self.values[first].column;
            for step in self.values[first..].iter().take_while(|step| step.column == column) {
                out[step.target] = encoded.decode(step.of, step.form.as_ref())?;
            }
            Ok(())
        })?;
        // A row that knows the greatest wanted column knows all of them.
        for step in self.values.iter().rev().take_while(|step| known < step.column) {
            out[step.target] = step.missing.clone();
        }
        Ok(())
    }

    /// The key of the row that an index's entry is about.
    pub fn row_key(&self, key: &[u8], value: &[u8]) -> Result<Bytes> {
        match &self.source {
            Source::Row => Ok(Bytes::copy_from_slice(key)),
            Source::Entry { primary_prefix, .. } => {
                let mut unwanted = vec![Datum::Null; self.width];
                let suffix = self.primary_suffix(key, value, &mut unwanted)?;
                Ok([&primary_prefix[..], &suffix].concat().into())
            }
        }
    }

    /// The primary key's columns, encoded; takes the wanted columns of the index's key on the way.
    fn primary_suffix(&self, key: &[u8], value: &[u8], out: &mut [Datum]) -> Result<Vec<u8>> {
        let Source::Entry { unique, nulls_not_distinct, .. } = &self.source else {
            return Err(Error::internal("a row is its own primary key"));
        };
        let mut rest = after_prefix(key)?;
        let has_null = take_keys(&self.keys, &mut rest, out)?;
        if !*unique || (has_null && !*nulls_not_distinct) {
            return Ok(rest.to_vec());
        }
        for column in RowReader::new(value)? {
            let (ordinal, encoded) = column?;
            if ordinal != PRIMARY_KEY_COLUMN {
                break;
            }
            if let Datum::Bytea(suffix) = encoded.decode(PRIMARY_KEY_TYPE, None)? {
                return Ok(suffix.to_vec());
            }
        }
        Err(damaged())
    }
}

/// What a key gives back of the columns, except for what was taken before.
fn key_steps(from: &[KeyColumn], columns: &[ColumnOrdinal], taken: &mut [bool]) -> Vec<KeyStep> {
    let mut step = |column: &KeyColumn| {
        let mut targets = Vec::new();
        for (target, ordinal) in columns.iter().enumerate() {
            if column.exact && column.column == Some(ordinal.0) && !std::mem::replace(&mut taken[target], true) {
                targets.push(target);
            }
        }
        KeyStep { column: column.clone(), targets }
    };
    from.iter().map(&mut step).collect()
}

/// Without the last ones that nothing is wanted of.
fn truncate(steps: &mut Vec<KeyStep>) {
    steps.truncate(steps.iter().rposition(|step| !step.targets.is_empty()).map_or(0, |last| last + 1));
}

/// For [`row::visit`]: by column, where it first stands among `columns`, which ascend.
pub(super) fn places(columns: impl Iterator<Item = u32>) -> Vec<u16> {
    let mut places = Vec::new();
    for (at, column) in columns.enumerate() {
        if column as usize >= places.len() {
            places.resize(column as usize, NOWHERE);
            places.push(at as u16);
        }
    }
    places
}

/// Whether one of the columns is NULL.
fn take_keys(steps: &[KeyStep], rest: &mut &[u8], out: &mut [Datum]) -> Result<bool> {
    let mut has_null = false;
    for step in steps {
        let column = &step.column;
        let value = key::decode(column.of, column.form.as_ref(), column.order, rest)?;
        has_null |= value.is_null();
        if let [target] = step.targets[..] {
            out[target] = value;
        } else {
            step.targets.iter().for_each(|target| out[*target] = value.clone());
        }
    }
    Ok(has_null)
}

pub(super) fn after_prefix(key: &[u8]) -> Result<&[u8]> {
    key.get(PREFIX_BYTES..).ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::new(atoll_datum::sqlstate::DATA_CORRUPTED, "an entry of an index is damaged")
}
