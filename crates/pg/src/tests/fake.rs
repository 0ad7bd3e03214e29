//! A session whose statements are words:
//!
//! ```text
//! rows N               N rows of one int4, 1 to N     echo        the parameter, as text
//! begin, commit        a transaction's state          boom é X    42601 at X
//! notice               a warning and a notice         wait        until it is cancelled
//! stuck                for ever                       retry       takes back the first of two rows
//! retract              complete after all not
//! copy in, copy out    lines                          parameter   reports a setting
//! fill                 rows without end, relieved     pid         who am I
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use atoll_datum::function::Settings;
use atoll_datum::io::Form;
use atoll_datum::text::io::valid_utf8;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_env::{Env, NodeId};
use atoll_sql::exec::Cancel;
use atoll_sql::session::variables::{Severity, Variables};
use atoll_sql::session::{Client, Column, Connect, Encoding, Format, RawParameter, Status};
use atoll_sql::types::Type;

use crate::auth::{Role, Roles};
use crate::backend::Backend;
use crate::server::{Handle, Options, Server, serve_backend};

pub const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 4321);
pub const MOCK_SECRET: [u8; 32] = [7; 32];

/// What the tests of one node see of its sessions.
#[derive(Default)]
pub struct Seen {
    pub opened: AtomicUsize,
    pub closed: AtomicUsize,
    pub cancelled: AtomicUsize,
    pub failed: AtomicUsize,
    pub rows: AtomicU64,
}

pub struct Node {
    pub env: Env,
    pub seen: Seen,
    pub idle_limit: Option<Duration>,
    pub statement_limit: Option<Duration>,
}

impl Node {
    pub fn new() -> Node {
        Node { env: Env::real_client(NodeId(1)), seen: Seen::default(), idle_limit: None, statement_limit: None }
    }
}

/// Everybody may come in from this machine; `alice` has a verifier, `admin` is a superuser.
pub fn options(verifier: Option<String>) -> Options {
    let roles: Roles = Arc::new(move |name| {
        let role = match name {
            "alice" => Some(Role { verifier: verifier.clone(), superuser: false }),
            "admin" => Some(Role { verifier: None, superuser: true }),
            _ => None,
        };
        Box::pin(async move { Ok(role) })
    });
    Options { trust_loopback: true, ..Options::new(roles, MOCK_SECRET) }
}

pub fn server(node: &Arc<Node>, options: Options) -> Arc<Server<Fake>> {
    Arc::new(Server::new(node.clone(), node.env.clone(), options))
}

pub async fn listening(node: &Arc<Node>, options: Options) -> (Handle, SocketAddr) {
    let listener = node.env.net.listen_clients(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    (serve_backend::<Fake>(node.clone(), node.env.clone(), listener, options), address)
}

pub struct Fake {
    node: Arc<Node>,
    pid: i32,
    cancel: Arc<Cancel>,
    status: Status,
    statements: BTreeMap<String, String>,
    portals: BTreeMap<String, Portal>,
    settings: Settings,
}

struct Portal {
    sql: String,
    parameter: Option<String>,
    sent: u64,
}

fn column(name: &str, ty: Type, size: i16) -> Vec<Column> {
    vec![Column { name: name.into(), ty, size, table: Oid(0), attribute: 0 }]
}

fn columns_of(sql: &str) -> Option<Vec<Column>> {
    match sql.split(' ').next() {
        Some("rows" | "retry" | "fill" | "pid") => Some(column("n", Type::INT4, 4)),
        Some("echo") => Some(column("said", Type::TEXT, -1)),
        _ => None,
    }
}

impl Fake {
    async fn run(&mut self, sql: &str, rows_max: u32, portal: Option<&str>, client: &mut dyn Client) -> Result<()> {
        self.cancel.reset();
        let columns = columns_of(sql);
        if let (None, Some(columns)) = (portal, &columns) {
            client.describe(columns, &[]);
        }
        let ty = if sql.starts_with("echo") { oid::TEXT } else { oid::INT4 };
        let form = Form::of(ty).unwrap();
        let encoding =
            Encoding { forms: [form].into(), formats: [Format::Text].into(), settings: self.settings.clone() };
        let seen = &self.node.seen;
        match sql.split(' ').collect::<Vec<_>>()[..] {
            [""] => client.complete_empty(),
            ["rows", count, ..] => {
                // A test may make any number of it.
                let count = count.parse().unwrap_or(0u64).min(100_000);
                let already = portal.and_then(|name| self.portals.get(name)).map_or(0, |portal| portal.sent);
                let last = if rows_max == 0 { count } else { count.min(already + u64::from(rows_max)) };
                for n in already + 1..=last {
                    client.row(&encoding, &[Datum::Int4(n as i32)]);
                }
                if let Some(portal) = portal.and_then(|name| self.portals.get_mut(name)) {
                    portal.sent = last;
                }
                // As PostgreSQL does: exactly as many as were asked for don't say that there are no more.
                if rows_max > 0 && last == already + u64::from(rows_max) {
                    client.suspend();
                } else {
                    client.complete(&format!("SELECT {}", last - already));
                }
            }
            ["fill"] => {
                let long = Datum::Int4(i32::MAX);
                loop {
                    client.row(&encoding, std::slice::from_ref(&long));
                    seen.rows.fetch_add(1, Ordering::SeqCst);
                    client.relieve().await.map_err(|error| {
                        Error::new(sqlstate::CONNECTION_FAILURE, format!("could not send data to client: {error}"))
                    })?;
                    self.cancel.check()?;
                }
            }
            ["retry"] => {
                let mark = client.mark();
                client.row(&encoding, &[Datum::Int4(1)]);
                assert!(client.take_back(mark));
                client.row(&encoding, &[Datum::Int4(2)]);
                client.flush().await.expect("the client listens");
                assert!(!client.take_back(mark), "what has left can't be taken back");
                client.complete("SELECT 1");
            }
            ["retract"] => {
                client.complete("INSERT 0 1");
                client.retract_complete();
                client.retract_complete();
                return Err(Error::new(sqlstate::SERIALIZATION_FAILURE, "retracted"));
            }
            ["pid"] => {
                client.row(&encoding, &[Datum::Int4(self.pid)]);
                client.complete("SELECT 1");
            }
            ["echo", ..] => {
                let portal = portal.and_then(|name| self.portals.get(name));
                let said = portal.and_then(|portal| portal.parameter.as_deref()).map_or(Datum::Null, Datum::text);
                client.row(&encoding, &[said]);
                client.complete("SELECT 1");
            }
            ["begin"] => {
                self.status = Status::InTransaction;
                client.complete("BEGIN");
            }
            ["commit"] => {
                self.status = Status::Idle;
                client.complete("COMMIT");
            }
            ["notice"] => {
                client.notice(Severity::Warning, &Error::new(sqlstate::WARNING, "beware"));
                client
                    .notice(Severity::Notice, &Error::new(sqlstate::SUCCESSFUL_COMPLETION, "by the way").hint("relax"));
                client.complete("NOTICE");
            }
            ["parameter"] => {
                client.parameter("application_name", "other");
                client.complete("SET");
            }
            ["boom", ..] => {
                let mut error = Error::new(sqlstate::SYNTAX_ERROR, "syntax error").detail("d").hint("h").context("w");
                if let Some(at) = sql.find('X') {
                    error = error.at(at);
                }
                let fields = error.fields_mut();
                fields.schema = Some("s".into());
                fields.table = Some("t".into());
                fields.column = Some("c".into());
                fields.data_type = Some("ty".into());
                fields.constraint = Some("n".into());
                return Err(error);
            }
            ["wait"] => loop {
                self.node.env.clock.sleep(Duration::from_millis(1)).await;
                self.cancel.check().inspect_err(|_| {
                    seen.cancelled.fetch_add(1, Ordering::SeqCst);
                })?;
            },
            ["stuck"] => std::future::pending().await,
            ["copy", "in"] => {
                client.copy_in(Format::Text, 1);
                let mut bytes = 0;
                while let Some(data) = client.copy_data().await? {
                    bytes += data.len();
                }
                client.complete(&format!("COPY {bytes}"));
            }
            ["copy", "out"] => {
                client.copy_out(Format::Text, 1);
                (1..=3).for_each(|n| client.copy_row(format!("{n}\n").as_bytes()));
                client.copy_done();
                client.complete("COPY 3");
            }
            _ => return Err(Error::new(sqlstate::SYNTAX_ERROR, format!("syntax error at or near \"{sql}\"")).at(0)),
        }
        Ok(())
    }

    fn note<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() && self.status == Status::InTransaction {
            self.status = Status::Failed;
        }
        outcome
    }
}

impl Backend for Fake {
    type Node = Node;

    async fn open(node: Arc<Node>, connect: Connect) -> Result<Fake> {
        if connect.database == "nowhere" {
            let message = format!("database \"{}\" does not exist", connect.database);
            return Err(Error::new(sqlstate::INVALID_CATALOG_NAME, message));
        }
        node.seen.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Fake {
            node,
            pid: connect.pid,
            cancel: Arc::default(),
            status: Status::Idle,
            statements: BTreeMap::new(),
            portals: BTreeMap::new(),
            settings: Variables::new([])?.settings(0, 0),
        })
    }

    fn parameters(&self) -> Vec<(String, String)> {
        vec![("server_version".into(), "15.0".into()), ("client_encoding".into(), "UTF8".into())]
    }

    fn status(&self) -> Status {
        self.status
    }

    fn cancel_handle(&self) -> Arc<Cancel> {
        self.cancel.clone()
    }

    fn idle_limit(&self) -> Option<(Duration, Error)> {
        let error = Error::new(sqlstate::IDLE_SESSION_TIMEOUT, "terminating connection due to idle-session timeout");
        self.node.idle_limit.map(|limit| (limit, error))
    }

    fn statement_limit(&self) -> Option<Duration> {
        self.node.statement_limit
    }

    async fn simple(&mut self, sql: &str, client: &mut dyn Client) -> Result<()> {
        for sql in sql.split("; ") {
            let outcome = self.run(sql, 0, None, client).await;
            self.note(outcome)?;
        }
        Ok(())
    }

    async fn parse(&mut self, name: &str, sql: &str, _: &[Oid], client: &mut dyn Client) -> Result<()> {
        if let Some(at) = sql.strip_prefix("unparsed").and_then(|_| sql.find('X')) {
            return self.note(Err(Error::new(sqlstate::SYNTAX_ERROR, "syntax error").at(at)));
        }
        self.statements.insert(name.into(), sql.into());
        client.parse_complete();
        Ok(())
    }

    async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        _: &[Format],
        parameters: Vec<RawParameter>,
        _: &[Format],
        client: &mut dyn Client,
    ) -> Result<()> {
        let Some(sql) = self.statements.get(statement).cloned() else {
            let message = format!("prepared statement \"{statement}\" does not exist");
            return self.note(Err(Error::new(sqlstate::INVALID_SQL_STATEMENT_NAME, message)));
        };
        let parameter = match parameters.first() {
            Some(Some(bytes)) => Some(valid_utf8(bytes)?.to_owned()),
            _ => None,
        };
        self.portals.insert(portal.into(), Portal { sql, parameter, sent: 0 });
        client.bind_complete();
        Ok(())
    }

    async fn describe_statement(&mut self, name: &str, client: &mut dyn Client) -> Result<()> {
        let sql = self.statements.get(name).cloned().unwrap_or_default();
        client.describe_parameters(if sql.starts_with("echo") { &[oid::TEXT] } else { &[] });
        match columns_of(&sql) {
            Some(columns) => client.describe(&columns, &[]),
            None => client.describe_nothing(),
        }
        Ok(())
    }

    async fn describe_portal(&mut self, name: &str, client: &mut dyn Client) -> Result<()> {
        match self.portals.get(name).and_then(|portal| columns_of(&portal.sql)) {
            Some(columns) => client.describe(&columns, &[]),
            None => client.describe_nothing(),
        }
        Ok(())
    }

    async fn execute(&mut self, portal: &str, rows_max: u32, client: &mut dyn Client) -> Result<()> {
        let Some(sql) = self.portals.get(portal).map(|portal| portal.sql.clone()) else {
            let message = format!("portal \"{portal}\" does not exist");
            return self.note(Err(Error::new(sqlstate::INVALID_CURSOR_NAME, message)));
        };
        let outcome = self.run(&sql, rows_max, Some(portal), client).await;
        self.note(outcome)
    }

    fn close_statement(&mut self, name: &str, client: &mut dyn Client) {
        self.statements.remove(name);
        client.close_complete();
    }

    fn close_portal(&mut self, name: &str, client: &mut dyn Client) {
        self.portals.remove(name);
        client.close_complete();
    }

    fn fail(&mut self) {
        self.node.seen.failed.fetch_add(1, Ordering::SeqCst);
        if self.status == Status::InTransaction {
            self.status = Status::Failed;
        }
    }

    async fn sync(&mut self, _: &mut dyn Client) -> Result<()> {
        if self.status == Status::Idle {
            self.portals.clear();
        }
        Ok(())
    }

    async fn close(self) {
        self.node.seen.closed.fetch_add(1, Ordering::SeqCst);
    }
}
