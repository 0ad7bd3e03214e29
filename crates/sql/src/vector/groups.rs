//! Rows by equality of some columns: each gets the number of its group, in the order in which the groups were first met.
//!
//! A group's key is kept as bytes, so that comparing and hashing are the same for any columns: a byte that says whether
//! the column is NULL, then eight bytes of an integer, or length and bytes of a text. Only columns whose values are equal
//! exactly when these bytes are can be grouped by here: no `numeric`, no `bpchar`.

use std::hash::{BuildHasher, Hasher as _};

use atoll_datum::{Datum, Error, Result};

use super::{Kind, Values, Vector};
use crate::exec::keyed::{Hasher, Numbering};

#[derive(Debug, Default)]
pub struct Groups {
    bytes: Vec<u8>,
    /// Where each key begins in `bytes`.
    starts: Vec<usize>,
    numbering: Numbering,
    /// The key that is looked for.
    wanted: Vec<u8>,
}

/// Whether columns of the kind can be grouped by here.
pub fn can_group(kind: Kind) -> bool {
    !matches!(kind, Kind::Numeric | Kind::Other)
}

impl Groups {
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Groups::default();
    }

    /// What they take in memory.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.starts.len() * 24
    }

    /// The groups of rows with these columns, into `numbers`.
    pub fn find(&mut self, columns: &[&Vector<'_>], len: usize, numbers: &mut Vec<u32>) -> Result<()> {
        numbers.clear();
        for at in 0..len {
            self.wanted.clear();
            for column in columns {
                push(column, at, &mut self.wanted)?;
            }
            let number = self.number();
            numbers.push(number);
        }
        Ok(())
    }

    fn number(&mut self) -> u32 {
        let mut state = Hasher.build_hasher();
        state.write(&self.wanted);
        let Groups { bytes, starts, numbering, wanted } = self;
        let (number, is_new) = numbering.insert(state.finish(), |number| key(bytes, starts, number) == wanted);
        if is_new {
            starts.push(bytes.len());
            bytes.extend_from_slice(wanted);
        }
        number as u32
    }

    /// A group's columns, of these kinds.
    pub fn push_key(&self, number: usize, kinds: &[Kind], out: &mut Vec<Datum>) -> Result<()> {
        let mut rest = key(&self.bytes, &self.starts, number);
        for kind in kinds {
            out.push(take(*kind, &mut rest)?);
        }
        Ok(())
    }
}

fn key<'k>(bytes: &'k [u8], starts: &[usize], number: usize) -> &'k [u8] {
    let end = starts.get(number + 1).copied().unwrap_or(bytes.len());
    &bytes[starts[number]..end]
}

fn push(column: &Vector<'_>, at: usize, out: &mut Vec<u8>) -> Result<()> {
    if column.is_null(at) {
        out.push(0);
        return Ok(());
    }
    out.push(1);
    match &column.values {
        Values::Integers(values) => out.extend_from_slice(&values[at].to_le_bytes()),
        Values::Texts(values) => {
            out.extend_from_slice(&(values[at].len() as u32).to_le_bytes());
            out.extend_from_slice(values[at]);
        }
        Values::Numerics(_) | Values::Others(_) => {
            return Err(Error::internal("a column can't be grouped by as bytes"));
        }
    }
    Ok(())
}

fn take(kind: Kind, rest: &mut &[u8]) -> Result<Datum> {
    fn next<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
        let (first, after) = rest.split_first_chunk().ok_or_else(super::damaged)?;
        *rest = after;
        Ok(*first)
    }
    if next::<1>(rest)? == [0] {
        return Ok(Datum::Null);
    }
    if kind != Kind::Text {
        return kind.datum(i64::from_le_bytes(next(rest)?)).ok_or_else(super::damaged);
    }
    let length = u32::from_le_bytes(next(rest)?) as usize;
    let (bytes, after) = rest.split_at_checked(length).ok_or_else(super::damaged)?;
    *rest = after;
    super::text(bytes).map(Datum::text)
}
