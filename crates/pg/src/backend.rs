//! What a session is to this crate: [`Session`], and in tests a script.

use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Error, Oid, Result};
use atoll_sql::exec::Cancel;
use atoll_sql::session::{Client, Connect, Format, Node, RawParameter, Session, Status};

/// As [`Session`] has it. A future may be dropped before it is done, when nothing else stops it; after that the session
/// is only closed.
pub trait Backend: Sized + Send + 'static {
    /// What all sessions of a node share.
    type Node: Send + Sync + 'static;

    fn open(node: Arc<Self::Node>, connect: Connect) -> impl Future<Output = Result<Self>> + Send;
    fn parameters(&self) -> Vec<(String, String)>;
    fn status(&self) -> Status;
    fn cancel_handle(&self) -> Arc<Cancel>;
    fn idle_limit(&self) -> Option<(Duration, Error)>;

    /// How long one message of the client may take now, for a session that doesn't measure by itself.
    fn statement_limit(&self) -> Option<Duration> {
        None
    }

    fn simple(&mut self, sql: &str, client: &mut dyn Client) -> impl Future<Output = Result<()>> + Send;
    fn parse(
        &mut self,
        name: &str,
        sql: &str,
        types: &[Oid],
        client: &mut dyn Client,
    ) -> impl Future<Output = Result<()>> + Send;
    fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[Format],
        parameters: Vec<RawParameter>,
        results: &[Format],
        client: &mut dyn Client,
    ) -> impl Future<Output = Result<()>> + Send;
    fn describe_statement(&mut self, name: &str, client: &mut dyn Client) -> impl Future<Output = Result<()>> + Send;
    fn describe_portal(&mut self, name: &str, client: &mut dyn Client) -> impl Future<Output = Result<()>> + Send;
    fn execute(
        &mut self,
        portal: &str,
        rows_max: u32,
        client: &mut dyn Client,
    ) -> impl Future<Output = Result<()>> + Send;
    fn close_statement(&mut self, name: &str, client: &mut dyn Client);
    fn close_portal(&mut self, name: &str, client: &mut dyn Client);
    /// A message of the client was refused before it reached the session.
    fn fail(&mut self);
    fn sync(&mut self, client: &mut dyn Client) -> impl Future<Output = Result<()>> + Send;
    fn close(self) -> impl Future<Output = ()> + Send;
}

impl Backend for Session {
    type Node = Node;

    async fn open(node: Arc<Node>, connect: Connect) -> Result<Session> {
        Session::open(node, connect)
    }

    fn parameters(&self) -> Vec<(String, String)> {
        Session::parameters(self)
    }

    fn status(&self) -> Status {
        Session::status(self)
    }

    fn cancel_handle(&self) -> Arc<Cancel> {
        Session::cancel_handle(self)
    }

    fn idle_limit(&self) -> Option<(Duration, Error)> {
        Session::idle_limit(self)
    }

    async fn simple(&mut self, sql: &str, client: &mut dyn Client) -> Result<()> {
        Session::simple(self, sql, client).await
    }

    async fn parse(&mut self, name: &str, sql: &str, types: &[Oid], client: &mut dyn Client) -> Result<()> {
        Session::parse(self, name, sql, types, client)
    }

    async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[Format],
        parameters: Vec<RawParameter>,
        results: &[Format],
        client: &mut dyn Client,
    ) -> Result<()> {
        Session::bind(self, portal, statement, formats, parameters, results, client)
    }

    async fn describe_statement(&mut self, name: &str, client: &mut dyn Client) -> Result<()> {
        Session::describe_statement(self, name, client)
    }

    async fn describe_portal(&mut self, name: &str, client: &mut dyn Client) -> Result<()> {
        Session::describe_portal(self, name, client)
    }

    async fn execute(&mut self, portal: &str, rows_max: u32, client: &mut dyn Client) -> Result<()> {
        Session::execute(self, portal, rows_max, client).await
    }

    fn close_statement(&mut self, name: &str, client: &mut dyn Client) {
        Session::close_statement(self, name, client);
    }

    fn close_portal(&mut self, name: &str, client: &mut dyn Client) {
        Session::close_portal(self, name, client);
    }

    fn fail(&mut self) {
        Session::fail(self);
    }

    async fn sync(&mut self, client: &mut dyn Client) -> Result<()> {
        Session::sync(self, client).await
    }

    async fn close(self) {
        Session::close(self).await;
    }
}
