//! What a running statement remembers between batches.

use std::collections::BTreeMap;
use std::time::Duration;

use atoll_datum::Datum;

use super::expr::SubqueryState;
use super::operator::CteState;
use super::{Memory, Result};
use crate::mutate::Pending;
use crate::plan::Plan;
use crate::statistics::Tally;

/// Belongs to a [`Cursor`](super::Cursor), which lends it to the [`Exec`](super::Exec) of each call.
#[derive(Default)]
pub struct State {
    /// Columns of rows further out, which correlated operators read. A column has one place in the whole statement,
    /// and whoever makes the row puts it there before the inner operators run.
    pub slots: Vec<Datum>,
    /// Absent while it runs.
    pub(super) subqueries: Vec<Option<Box<SubqueryState>>>,
    pub(super) ctes: Vec<CteState>,
    pub memory: Memory,
    /// Rows that the statement has inserted, updated or deleted: the number in its command tag.
    pub changed: u64,
    /// All that were, by table: those that foreign keys have changed too.
    pub tally: Tally,
    /// What foreign keys have to see about at its end.
    pub pending: Pending,
    pub counters: Option<Counters>,
}

/// What EXPLAIN ANALYZE shows, by operator.
#[derive(Debug, Default)]
pub struct Counters(BTreeMap<usize, Counter>);

#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    pub rows: u64,
    /// That a condition of the operator's own has left out.
    pub removed: u64,
    pub loops: u64,
    /// Until the first row, over all loops.
    pub startup: Duration,
    /// That of the operators below included.
    pub total: Duration,
}

impl Counters {
    /// Of an operator of the plan that was run: this very node, not a copy.
    pub fn of(&self, plan: &Plan) -> Option<Counter> {
        self.0.get(&Counters::key(plan)).copied()
    }

    /// A node's place in memory: the plan outlives its run and does not move in it.
    pub(super) fn key(plan: &Plan) -> usize {
        std::ptr::from_ref(plan).addr()
    }

    pub(super) fn entry(&mut self, key: usize) -> &mut Counter {
        self.0.entry(key).or_default()
    }
}

impl State {
    /// Puts columns of a row where operators further in read them. To be done again whenever those go on after others
    /// have run: an expression above may have filled the same slots from another row.
    pub(super) fn fill(&mut self, links: &[(usize, usize)], row: &[Datum]) {
        for (position, slot) in links {
            self.slots[*slot] = row[*position].clone();
        }
    }

    pub(super) fn grow(&mut self, account: &mut usize, bytes: usize) -> Result<()> {
        Ok(self.memory.grow(account, bytes)?)
    }

    /// False if rows have to be laid aside.
    pub(super) fn try_grow(&mut self, account: &mut usize, bytes: usize) -> Result<bool> {
        Ok(self.memory.try_grow(account, bytes)?)
    }
}
