//! A client's session: statements in, rows out, and the transaction around them.
//!
//! - [`client`]: what the session asks of the protocol
//! - [`variables`]: SET and SHOW
//! - [`scope`]: what statements see of their session
//! - [`node`]: what all sessions of a node share

pub mod client;
pub mod node;
pub mod scope;
pub mod variables;

pub use client::{Client, Column, Encoding, Format};
pub use node::Node;
pub use scope::Scope;

use atoll_datum::{Error, Oid, Result};
use std::sync::Arc;

use crate::exec::Cancel;

/// Who wants to connect, after the password was checked.
pub struct Connect {
    pub user: String,
    pub database: String,
    /// Of the startup message: `application_name`, `options`, …
    pub parameters: Vec<(String, String)>,
    /// Chosen by the protocol; unique on the node. Cancel requests name it.
    pub pid: i32,
}

/// ReadyForQuery's letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// `I`
    Idle,
    /// `T`
    InTransaction,
    /// `E`
    Failed,
}

/// A parameter's value as Bind gives it; none is NULL.
pub type RawParameter = Option<bytes::Bytes>;

pub struct Session {
    _node: Arc<Node>,
    cancel: Arc<Cancel>,
}

/// What the protocol calls. An `Err` is for an ErrorResponse; the session has already noted it (its transaction failed).
/// In the extended protocol the caller then skips to Sync.
impl Session {
    /// 3D000 if the database does not exist, 28000 if the role may not log in.
    pub async fn open(node: Arc<Node>, _connect: Connect) -> Result<Session> {
        Ok(Session { _node: node, cancel: Arc::default() })
    }

    /// All ParameterStatus messages of the start.
    pub fn parameters(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    pub fn status(&self) -> Status {
        Status::Idle
    }

    /// For cancel requests, timeouts and shutdown: stops the running statement from anywhere.
    pub fn cancel_handle(&self) -> Arc<Cancel> {
        self.cancel.clone()
    }

    /// How long the client may stay silent now, and what it is told then (25P03, 57P05).
    pub fn idle_limit(&self) -> Option<(std::time::Duration, Error)> {
        None
    }

    /// A Query message: several statements in one implicit transaction.
    pub async fn simple(&mut self, _sql: &str, _client: &mut dyn Client) -> Result<()> {
        Err(Error::internal("not yet"))
    }

    pub async fn parse(&mut self, _name: &str, _sql: &str, _types: &[Oid], _client: &mut dyn Client) -> Result<()> {
        Err(Error::internal("not yet"))
    }

    /// `formats` and `results` as in the message: none, one for all, or one for each.
    pub async fn bind(
        &mut self,
        _portal: &str,
        _statement: &str,
        _formats: &[Format],
        _parameters: Vec<RawParameter>,
        _results: &[Format],
        _client: &mut dyn Client,
    ) -> Result<()> {
        Err(Error::internal("not yet"))
    }

    pub async fn describe_statement(&mut self, _name: &str, _client: &mut dyn Client) -> Result<()> {
        Err(Error::internal("not yet"))
    }

    pub async fn describe_portal(&mut self, _name: &str, _client: &mut dyn Client) -> Result<()> {
        Err(Error::internal("not yet"))
    }

    /// `rows_max` 0 is all.
    pub async fn execute(&mut self, _portal: &str, _rows_max: u32, _client: &mut dyn Client) -> Result<()> {
        Err(Error::internal("not yet"))
    }

    pub fn close_statement(&mut self, _name: &str, _client: &mut dyn Client) {}

    pub fn close_portal(&mut self, _name: &str, _client: &mut dyn Client) {}

    /// The client sent what the protocol has to refuse: that is an error of the session's transaction like any other.
    pub fn fail(&mut self) {}

    /// Ends the implicit transaction: commits it, or rolls it back after an error. An error of the commit is answered
    /// before ReadyForQuery.
    pub async fn sync(&mut self, _client: &mut dyn Client) -> Result<()> {
        Ok(())
    }

    /// The client is gone or said goodbye.
    pub async fn close(self) {}
}
