//! Statements that are kept to be run again, and portals: statements that are being run.

use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid};
use atoll_syntax::ast;
use parking_lot::Mutex;

use super::client::{Column, Format};
use crate::catalog::Catalog;
use crate::catalog::statistics::Known;
use crate::exec::spill::store::Store;
use crate::exec::{Cursor, Exec, Memory, Result, Rows};
use crate::plan::Query;

/// Of PREPARE or a Parse message.
pub struct Prepared {
    pub name: String,
    /// The text it came from, for positions in errors and pg_prepared_statements.
    pub text: Arc<str>,
    /// None for an empty statement.
    pub statement: Option<Arc<ast::Statement>>,
    /// As declared; 0 where the statement decides.
    pub declared: Vec<Oid>,
    /// As resolved.
    pub parameters: Arc<[Oid]>,
    /// Columns of its result; none if it has no result.
    pub columns: Option<Arc<[Column]>>,
    pub from_sql: bool,
    pub prepared_micros: i64,
    pub bound: Option<Bound>,
}

/// A statement bound and planned against one state of the catalog and the session.
#[derive(Clone)]
pub struct Bound {
    pub query: Arc<Query>,
    pub catalog: Arc<Catalog>,
    pub statistics: Arc<Known>,
    /// What else the binding depended on: role, search path, settings.
    pub depends: Depends,
    /// What RowDescription says of its rows.
    pub columns: Arc<[Column]>,
    /// The role may do what it does. That depends on nothing but what the binding does.
    pub allowed: bool,
    pub kept: Arc<Kept>,
}

/// The operators of a statement that ran to its end, for its next run: making them costs more than many a statement.
#[derive(Default)]
pub struct Kept(Mutex<Option<Box<Cursor>>>);

impl Kept {
    pub fn take(&self) -> Option<Box<Cursor>> {
        self.0.lock().take()
    }

    pub fn keep(&self, cursor: Box<Cursor>) {
        *self.0.lock() = Some(cursor);
    }
}

#[derive(PartialEq, Eq, Clone, Debug)]
pub struct Depends {
    pub role: Oid,
    pub search_path: Arc<[Oid]>,
    /// A change of any setting binds anew: literals were read under them.
    pub settings: u64,
}

impl Bound {
    pub fn holds(&self, catalog: &Arc<Catalog>, statistics: &Arc<Known>, depends: &Depends) -> bool {
        let is_known = Arc::ptr_eq(&self.statistics, statistics)
            || self.query.uses.iter().all(|used| self.statistics.agrees(statistics, used.relation));
        Arc::ptr_eq(&self.catalog, catalog) && is_known && self.depends == *depends
    }
}

/// Of a Bind message or DECLARE CURSOR.
pub struct Portal {
    pub name: String,
    pub text: Arc<str>,
    pub statement: Option<Arc<ast::Statement>>,
    pub parameters: Arc<Vec<Datum>>,
    pub parameter_types: Arc<[Oid]>,
    pub columns: Option<Arc<[Column]>>,
    /// One for each column.
    pub formats: Arc<[Format]>,
    /// The statement it is of, if that is kept.
    pub prepared: String,
    /// The plan, for statements that have one.
    pub bound: Option<Bound>,
    pub state: PortalState,
    /// Outlives its transaction (WITH HOLD).
    pub hold: bool,
    pub scroll: bool,
    pub binary: bool,
    pub from_sql: bool,
    pub created_micros: i64,
    /// In the order in which the session made them: what is rolled back takes those with it that were made since.
    pub number: u64,
}

pub enum PortalState {
    /// Not begun.
    Ready,
    /// Suspended, with rows that were made and not sent.
    Running(Box<Running>),
    /// Of DECLARE CURSOR.
    Held(Box<Held>),
    Done,
    /// It failed; 55000 for whoever goes on.
    Broken,
}

pub struct Running {
    pub cursor: Cursor,
    pub rest: Vec<Vec<Datum>>,
    pub sent: u64,
}

/// The rows of a cursor that SQL has declared: it may go back.
pub struct Held {
    /// Those made so far.
    pub made: Made,
    /// Makes the others; none when all are here.
    pub rest: Option<Cursor>,
    /// What those that could not be made have failed with: whoever comes to them is told.
    pub failed: Option<Error>,
    /// The batch that was shown last, and where it begins.
    pub shown: Option<(usize, Rows)>,
    /// Before the first row is 0, on the first 1, after the last one more than there are.
    pub position: usize,
}

/// Rows in the order in which they came, kept from one statement to the next: in memory as far as there is room.
pub struct Made {
    store: Store,
    memory: Memory,
    /// How many rows there are up to the end of each batch.
    ends: Vec<usize>,
}

impl Made {
    pub fn new(memory: Memory) -> Made {
        Made { store: Store::default(), memory, ends: Vec::new() }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    pub async fn push(&mut self, rows: Rows, exec: &mut Exec<'_>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let end = self.rows() + rows.len();
        std::mem::swap(&mut exec.state.memory, &mut self.memory);
        let pushed = self.store.push(rows, exec).await;
        std::mem::swap(&mut exec.state.memory, &mut self.memory);
        pushed?;
        self.ends.push(end);
        Ok(())
    }

    /// The batch with this row, and where it begins.
    pub async fn batch(&self, row: usize) -> Result<Option<(usize, Rows)>> {
        let at = self.ends.partition_point(|end| *end <= row);
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok(self.store.get(at).await?.map(|rows| (begin, rows)))
    }

    pub fn clear(&mut self) {
        self.store.clear(&mut self.memory);
        self.ends.clear();
    }
}
