//! What a statement, its binding and its functions see of their session.

use std::sync::Arc;

use atoll_datum::Oid;
use atoll_datum::function::Settings;
use parking_lot::Mutex;

use super::Node;
use super::locks::Owner;
use super::variables::Variables;
use crate::catalog::Catalog;
use crate::catalog::sequence::SessionValues;
use crate::catalog::statistics::Known;
use crate::mutate::Timing;

/// Fixed while a statement runs.
#[derive(Clone)]
pub struct Scope {
    pub node: Arc<Node>,
    pub catalog: Arc<Catalog>,
    pub statistics: Arc<Known>,
    /// What pure functions may know.
    pub settings: Settings,
    pub session: SessionFacts,
    pub locks: Owner,
    /// What SET CONSTRAINTS has said; none is nothing.
    pub timing: Option<Arc<Timing>>,
    /// For currval and lastval.
    pub sequence_values: Arc<Mutex<SessionValues>>,
    /// The settings, for `current_setting` and `set_config`: the session takes them over when the statement has run.
    pub variables: Arc<Mutex<Variables>>,
    /// For pg_cursors and pg_prepared_statements, brought up to date before a statement that reads them.
    pub own: Arc<Mutex<Own>>,
}

/// What a session keeps from one statement to the next, under a name.
#[derive(Debug, Default)]
pub struct Own {
    pub cursors: Vec<OwnCursor>,
    pub prepared: Vec<OwnPrepared>,
}

#[derive(Debug)]
pub struct OwnCursor {
    pub name: String,
    pub text: Arc<str>,
    pub hold: bool,
    pub binary: bool,
    pub scroll: bool,
    /// Of the wall clock.
    pub created_ns: u64,
}

#[derive(Debug)]
pub struct OwnPrepared {
    pub name: String,
    pub text: Arc<str>,
    pub parameters: Arc<[Oid]>,
    pub from_sql: bool,
    pub prepared_ns: u64,
}

impl Scope {
    /// That of a session of its own, with what is committed now.
    pub fn new(node: Arc<Node>, session: SessionFacts) -> Scope {
        Scope {
            catalog: node.catalog(),
            statistics: node.statistics(),
            settings: Settings::default(),
            locks: node.locks.owner(session.pid, session.database),
            timing: None,
            sequence_values: Arc::default(),
            variables: Arc::default(),
            own: Arc::default(),
            session,
            node,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// The backend's number, as `pg_backend_pid()` and cancel requests name it.
    pub pid: i32,
    pub database: Oid,
    /// Who connected, who is acting now (SET ROLE).
    pub session_user: Oid,
    pub current_user: Oid,
    /// Existing schemas of search_path in order, pg_catalog where PostgreSQL looks for it (first, unless listed).
    pub search_path: Arc<[Oid]>,
    pub read_only: bool,
}
