//! Statements that are kept to be run again, and portals: statements that are being run.

use std::sync::Arc;

use atoll_datum::{Datum, Oid};
use atoll_syntax::ast;
use parking_lot::Mutex;

use super::client::{Column, Format};
use crate::catalog::Catalog;
use crate::catalog::statistics::Known;
use crate::exec::Cursor;
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
}

pub enum PortalState {
    /// Not begun.
    Ready,
    /// Suspended, with rows that were made and not sent.
    Running(Box<Running>),
    /// Every row is here: SCROLL and WITH HOLD cursors.
    Held(Held),
    Done,
    /// It failed; 55000 for whoever goes on.
    Broken,
}

pub struct Running {
    pub cursor: Cursor,
    pub rest: Vec<Vec<Datum>>,
    pub sent: u64,
}

pub struct Held {
    pub rows: Vec<Vec<Datum>>,
    /// Before the first row is 0, on the first 1, after the last `rows.len() + 1`.
    pub position: usize,
}
