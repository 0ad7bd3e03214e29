//! A batch of rows: what operators hand to each other.

use atoll_datum::Datum;

/// About how many rows a batch has. An operator may make fewer or more.
pub const BATCH: usize = 1024;

/// Row after row in one vector, all of one width; of width 0 they are only counted.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    width: usize,
    len: usize,
    data: Vec<Datum>,
}

impl Rows {
    pub fn new(width: usize) -> Rows {
        Rows { width, len: 0, data: Vec::new() }
    }

    pub fn with_capacity(width: usize, rows: usize) -> Rows {
        Rows { width, len: 0, data: Vec::with_capacity(width * rows) }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn is_full(&self) -> bool {
        self.len >= BATCH
    }

    pub fn row(&self, at: usize) -> &[Datum] {
        &self.data[at * self.width..(at + 1) * self.width]
    }

    pub fn row_mut(&mut self, at: usize) -> &mut [Datum] {
        &mut self.data[at * self.width..(at + 1) * self.width]
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[Datum]> + ExactSizeIterator {
        (0..self.len).map(|at| self.row(at))
    }

    pub fn push(&mut self, row: &[Datum]) {
        debug_assert_eq!(row.len(), self.width);
        self.data.extend_from_slice(row);
        self.len += 1;
    }

    /// Two pieces of one row.
    pub fn push_joined(&mut self, left: &[Datum], right: &[Datum]) {
        debug_assert_eq!(left.len() + right.len(), self.width);
        self.data.extend_from_slice(left);
        self.data.extend_from_slice(right);
        self.len += 1;
    }

    pub fn push_owned(&mut self, row: impl IntoIterator<Item = Datum>) {
        self.data.extend(row);
        self.len += 1;
        debug_assert_eq!(self.data.len(), self.len * self.width);
    }

    /// Where a row is put together datum by datum, to be ended with [`Rows::end_row`].
    pub fn open_row(&mut self) -> &mut Vec<Datum> {
        &mut self.data
    }

    pub fn end_row(&mut self) {
        self.len += 1;
        debug_assert_eq!(self.data.len(), self.len * self.width);
    }

    /// The row that [`Rows::open_row`] has begun, as far as it is there.
    pub fn opened(&self) -> &[Datum] {
        &self.data[self.len * self.width..]
    }

    /// Gives up what [`Rows::open_row`] has begun.
    pub fn drop_opened(&mut self) {
        self.data.truncate(self.len * self.width);
    }

    pub fn append(&mut self, mut other: Rows) {
        debug_assert_eq!(self.width, other.width);
        self.len += other.len;
        self.data.append(&mut other.data);
    }

    pub fn truncate(&mut self, rows: usize) {
        if rows < self.len {
            self.len = rows;
            self.data.truncate(rows * self.width);
        }
    }

    /// Only the first columns.
    pub fn narrowed(mut self, width: usize) -> Rows {
        let mut narrowed = Rows::with_capacity(width, self.len);
        for at in 0..self.len {
            narrowed.push_owned(self.row_mut(at)[..width].iter_mut().map(std::mem::take));
        }
        narrowed
    }

    /// Without the first rows.
    pub fn skip(&mut self, rows: usize) {
        let rows = rows.min(self.len);
        self.data.drain(..rows * self.width);
        self.len -= rows;
    }

    /// Keeps the rows for which `keep` says so, in their order.
    pub fn retain(&mut self, keep: &[bool]) {
        let width = self.width;
        let mut kept = 0;
        for at in (0..self.len).filter(|at| keep[*at]) {
            if kept != at {
                for column in 0..width {
                    self.data.swap(kept * width + column, at * width + column);
                }
            }
            kept += 1;
        }
        self.truncate(kept);
    }

    pub fn clear(&mut self) {
        self.len = 0;
        self.data.clear();
    }

    /// For memory accounts.
    pub fn bytes(&self) -> usize {
        self.data.iter().map(Datum::bytes).sum()
    }
}
