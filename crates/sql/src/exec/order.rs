//! Rows by order: sort keys, and a table of rows that is sorted at the end.

use std::cmp::Ordering;
use std::sync::Arc;

use atoll_datum::{Datum, Result};

use super::build::Builder;
use super::expr::{Columns, Evaluator};
use super::keyed::Sense;
use super::spill::merge::Merge;
use super::spill::{Run, Temporary, Writer};
use super::{Exec, Rows, rows};
use crate::plan;

/// The order of one key.
#[derive(Clone, Copy, Debug)]
pub struct Direction {
    pub sense: Sense,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Direction {
    pub fn ascending(sense: Sense) -> Direction {
        Direction { sense, descending: false, nulls_first: false }
    }

    pub fn compare(&self, a: &Datum, b: &Datum) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (false, false) => {
                let order = match (a, b) {
                    (Datum::Int4(a), Datum::Int4(b)) => a.cmp(b),
                    (Datum::Int8(a), Datum::Int8(b)) => a.cmp(b),
                    _ => self.sense.compare(a, b),
                };
                if self.descending { order.reverse() } else { order }
            }
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if self.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
        }
    }
}

/// What rows are ordered by, compiled.
#[derive(Debug)]
pub struct SortKeys {
    pub values: Vec<Evaluator>,
    pub directions: Vec<Direction>,
}

impl Builder<'_> {
    pub fn sort_keys(&mut self, keys: &[plan::SortKey], columns: &Columns) -> Result<SortKeys> {
        let values = self.exprs(keys.iter().map(|key| &key.value), columns)?;
        let directions = keys.iter().map(|key| Direction {
            sense: Sense::of(key.value.ty.oid),
            descending: key.descending,
            nulls_first: key.nulls_first,
        });
        Ok(SortKeys { values, directions: directions.collect() })
    }
}

pub fn compare(directions: &[Direction], a: &[Datum], b: &[Datum]) -> Ordering {
    let keys = directions.iter().zip(a).zip(b);
    keys.map(|((direction, a), b)| direction.compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Rows with their keys, to be sorted. Rows with equal keys keep their order.
///
/// What there is no memory for is laid aside as sorted runs, each row followed by its keys.
#[derive(Debug)]
pub struct Sorter {
    directions: Arc<[Direction]>,
    rows: Rows,
    keys: Rows,
    /// Only so many first rows are wanted.
    limit: Option<usize>,
    account: usize,
    file: Option<Arc<Temporary>>,
    runs: Vec<Run>,
}

/// What a [`Sorter`] was given, in order.
#[derive(Debug)]
pub enum Sorted {
    /// The numbers of its rows.
    Here(Vec<u32>),
    /// Rows, each followed by its keys.
    Aside(Merge),
}

impl Sorter {
    pub fn new(directions: Vec<Direction>, width: usize) -> Sorter {
        let (rows, keys) = (Rows::new(width), Rows::new(directions.len()));
        Sorter { directions: directions.into(), rows, keys, limit: None, account: 0, file: None, runs: Vec::new() }
    }

    pub fn limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

    pub fn clear(&mut self, exec: &mut super::State) {
        self.rows = Rows::new(self.rows.width());
        self.keys = Rows::new(self.keys.width());
        self.runs.clear();
        self.file = None;
        exec.memory.release(&mut self.account);
    }

    /// Takes rows, with the keys computed from them.
    pub async fn push(&mut self, rows: &Rows, keys: &[Evaluator], exec: &mut Exec<'_>) -> super::Result<()> {
        let before = self.rows.len();
        for row in rows.iter() {
            exec.eval_into(keys, row, self.keys.open_row()).await?;
            self.keys.end_row();
            self.rows.push(row);
        }
        let keys: usize = (before..self.keys.len()).map(|at| bytes(self.keys.row(at))).sum();
        if !exec.state.try_grow(&mut self.account, rows.bytes() + keys)? {
            return self.lay_aside(exec).await;
        }
        // Twice as many as wanted, then the better half: each row is sorted about twice whatever the input's length.
        let Some(limit) = self.limit else { return Ok(()) };
        if self.rows.len() >= limit.saturating_mul(2).max(4 * rows::BATCH) {
            self.keep_first(limit);
            exec.state.memory.release(&mut self.account);
            exec.state.grow(&mut self.account, self.rows.bytes() + self.keys.bytes())?;
        }
        Ok(())
    }

    fn keep_first(&mut self, limit: usize) {
        let mut order = self.order();
        order.truncate(limit);
        let (mut rows, mut keys) = (Rows::new(self.rows.width()), Rows::new(self.keys.width()));
        for at in order {
            rows.push(self.rows.row(at as usize));
            keys.push(self.keys.row(at as usize));
        }
        (self.rows, self.keys) = (rows, keys);
    }

    /// What is in memory becomes a run.
    async fn lay_aside(&mut self, exec: &mut Exec<'_>) -> super::Result<()> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.file.insert(exec.temporary().await?).clone(),
        };
        let mut writer = Writer::new(&file, self.rows.width() + self.keys.width());
        for at in self.order() {
            if writer.push(self.rows.row(at as usize).iter().chain(self.keys.row(at as usize))) {
                exec.check_cancel().await?;
                writer.flush().await?;
            }
        }
        self.runs.push(writer.finish().await?);
        self.rows = Rows::new(self.rows.width());
        self.keys = Rows::new(self.keys.width());
        exec.state.memory.release(&mut self.account);
        Ok(())
    }

    /// The numbers of the rows in memory, in their order.
    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        if let [direction] = &self.directions[..] {
            order.sort_by(|a, b| direction.compare(&self.keys.row(*a as usize)[0], &self.keys.row(*b as usize)[0]));
        } else {
            order.sort_by(|a, b| compare(&self.directions, self.keys.row(*a as usize), self.keys.row(*b as usize)));
        }
        order.truncate(self.limit.unwrap_or(usize::MAX));
        order
    }

    /// After the last row.
    pub async fn finish(&mut self, exec: &mut Exec<'_>) -> super::Result<Sorted> {
        if self.runs.is_empty() {
            return Ok(Sorted::Here(self.order()));
        }
        self.lay_aside(exec).await?;
        let Some(file) = self.file.take() else { return Ok(Sorted::Here(Vec::new())) };
        let (directions, width) = (self.directions.clone(), self.rows.width());
        let by_keys = Arc::new(move |a: &[Datum], b: &[Datum]| compare(&directions, &a[width..], &b[width..]));
        let runs = std::mem::take(&mut self.runs);
        Ok(Sorted::Aside(Merge::new(runs, width + self.keys.width(), by_keys, &file, exec).await?))
    }

    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    pub fn keys(&self) -> &Rows {
        &self.keys
    }

    pub fn directions(&self) -> &[Direction] {
        &self.directions
    }

    pub fn wanted(&self) -> Option<usize> {
        self.limit
    }
}

/// For memory accounts.
pub fn bytes(row: &[Datum]) -> usize {
    row.iter().map(Datum::bytes).sum()
}
