//! A client's session: statements in, rows out, and the transaction around them.
//!
//! - [`client`]: what the session asks of the protocol
//! - this file: what the protocol calls
//! - [`statement`]: which statement is whose work
//! - [`run`]: one bound statement, again where that is right
//! - [`transaction`], [`control`]: the transaction, and the statements that steer it
//! - [`prepared`], [`cursor`]: statements that are kept, statements that are being run
//! - [`variables`]: SET and SHOW; `lists`: SHOW of Atoll's own lists; `analyze`, `explain`, `copy`: statements of their own kind
//! - [`scope`]: what statements see of their session
//! - [`node`], [`locks`]: what all sessions of a node share; [`counts`]: what they have done
//! - [`peers`]: the other nodes; [`topology`]: what is told of them
//!
//! INVARIANT: every public call leaves the session ready for the next one, whatever it returns; an error inside an
//! explicit transaction leaves that failed (25P02 until ROLLBACK).

mod analyze;
pub mod client;
mod control;
mod copy;
pub mod counts;
mod cursor;
mod define;
mod explain;
pub mod identity;
mod lists;
pub mod locks;
pub mod node;
pub mod peers;
pub mod prepared;
mod run;
pub mod scope;
mod statement;
pub mod topology;
pub mod transaction;
pub mod variables;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use atoll_datum::function::Settings;
use atoll_datum::io::Form;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_env::Mono;
use atoll_env::tasks::Task;
use atoll_syntax::ast;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

pub use client::{Client, Column, Encoding, Format, Scratch};
pub use node::{Activity, BackendState, Node, Registration, Request, Signal};
pub use scope::{Own, OwnCursor, OwnPrepared, Scope, SessionFacts};

use self::identity::{Actor, Identity};
use self::prepared::{Portal, PortalState, Prepared};
use self::transaction::{Kind, Transaction, is_aborted};
use self::variables::Variables;
use crate::catalog::Catalog;
use crate::catalog::sequence::SessionValues;
use crate::catalog::statistics::Known;
use crate::exec::Cancel;
use crate::function;
use crate::plan::Output as PlanOutput;

/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Who wants to connect, after the password was checked.
pub struct Connect {
    pub user: String,
    pub database: String,
    /// Of the startup message: `application_name`, `options`, …
    pub parameters: Vec<(String, String)>,
    /// Chosen by the protocol; unique on the node. Cancel requests name it.
    pub pid: i32,
    /// Where the client is; none within the machine without a network.
    pub address: Option<SocketAddr>,
    /// How others stop what it does, or end it.
    pub signal: Signal,
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
pub type RawParameter = Option<Bytes>;

pub struct Session {
    node: Arc<Node>,
    cancel: Arc<Cancel>,
    facts: SessionFacts,
    /// What the search path of `facts` was found in: a catalog, a user, settings.
    path_of: Option<(Arc<Catalog>, Oid, u64)>,
    variables: Variables,
    /// Raised with each change of a setting.
    settings_version: u64,
    transaction: Option<Transaction>,
    locks: locks::Owner,
    sequence_values: Arc<Mutex<SessionValues>>,
    own: Arc<Mutex<Own>>,
    /// Keeps the session listed, and says what it does.
    registration: Registration,
    prepared: BTreeMap<String, Prepared>,
    portals: BTreeMap<String, Portal>,
    /// How many there have been.
    portals_made: u64,
    /// `statement_timestamp()`.
    statement_micros: i64,
    /// Since when it has worked on what it is working on.
    active_since: Mono,
    /// The extended protocol: an implicit transaction of one statement can be run again at Sync.
    replay: Option<Replay>,
    /// Other nodes are being told of what this session has changed of definitions.
    telling: Option<Task<()>>,
}

/// The only statement of an implicit transaction, and where its output began.
struct Replay {
    portal: String,
    mark: client::Mark,
}

/// What the protocol calls. An `Err` is for an ErrorResponse; the session has already noted it (its transaction failed).
/// In the extended protocol the caller then skips to Sync.
///
/// What waits is boxed here, so that all of this crate is compiled with it rather than again in every crate that awaits.
impl Session {
    /// 3D000 if the database does not exist, 28000 if the role may not log in.
    pub fn open(node: Arc<Node>, connect: Connect) -> Result<Session> {
        let catalog = node.catalog();
        let Some(role) = catalog.role_named(&connect.user).cloned() else {
            let message = format!("role \"{}\" does not exist", connect.user);
            return Err(Error::new(sqlstate::INVALID_AUTHORIZATION_SPECIFICATION, message));
        };
        if !role.login {
            let message = format!("role \"{}\" is not permitted to log in", connect.user);
            return Err(Error::new(sqlstate::INVALID_AUTHORIZATION_SPECIFICATION, message));
        }
        let Some(database) = catalog.database_named(&connect.database).cloned() else {
            let message = format!("database \"{}\" does not exist", connect.database);
            return Err(Error::new(sqlstate::INVALID_CATALOG_NAME, message));
        };
        if database.refuses_connections {
            let message = format!("database \"{}\" is not currently accepting connections", connect.database);
            return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
        }
        let mut defaults: Vec<(String, String)> = Vec::new();
        let settings = database.settings.iter().chain(&role.settings);
        let here = settings.filter(|setting| setting.database == 0 || setting.database == database.oid);
        defaults.extend(here.map(|setting| (setting.name.clone(), setting.value.clone())));
        for (name, value) in &connect.parameters {
            match name.as_str() {
                "user" | "database" | "replication" => {}
                "options" => defaults.extend(control::split_options(value)?),
                _ => defaults.push((name.clone(), value.clone())),
            }
        }
        let mut variables = Variables::new(defaults)?;
        let connected = Actor { oid: Oid(role.oid), name: role.name.clone(), superuser: role.superuser };
        variables.identity = Identity::new(connected);
        let facts = SessionFacts {
            pid: 0,
            database: Oid(database.oid),
            session_user: Oid(role.oid),
            current_user: Oid(role.oid),
            search_path: Arc::default(),
            read_only: false,
        };
        let activity = Activity {
            database: Oid(database.oid),
            user: Oid(role.oid),
            client_address: connect.address,
            backend_start_ns: node.env.clock.wall_ns(),
            state_change_ns: node.env.clock.wall_ns(),
            ..Activity::default()
        };
        let registration = node.register(connect.pid, activity, connect.signal);
        let pid = connect.pid;
        let locks = node.locks.owner(pid, Oid(database.oid));
        let cancel = Arc::<Cancel>::default();
        locks.stop_by(cancel.clone());
        let active_since = node.env.clock.mono();
        let mut session = Session {
            node,
            cancel,
            facts: SessionFacts { pid, ..facts },
            path_of: None,
            variables,
            settings_version: 0,
            transaction: None,
            locks,
            sequence_values: Arc::default(),
            own: Arc::default(),
            registration,
            prepared: BTreeMap::new(),
            portals: BTreeMap::new(),
            portals_made: 0,
            statement_micros: 0,
            active_since,
            replay: None,
            telling: None,
        };
        session.settings_changed();
        Ok(session)
    }

    /// All ParameterStatus messages of the start.
    pub fn parameters(&self) -> Vec<(String, String)> {
        self.variables.all_reported()
    }

    pub fn status(&self) -> Status {
        match &self.transaction {
            Some(transaction) if transaction.kind == Kind::Explicit && transaction.failed => Status::Failed,
            Some(transaction) if transaction.kind == Kind::Explicit => Status::InTransaction,
            _ => Status::Idle,
        }
    }

    /// For cancel requests, timeouts and shutdown: stops the running statement from anywhere.
    pub fn cancel_handle(&self) -> Arc<Cancel> {
        self.cancel.clone()
    }

    /// How long the client may stay silent now, and what it is told then (25P03, 57P05).
    pub fn idle_limit(&self) -> Option<(Duration, Error)> {
        let typed = self.variables.typed();
        let (ms, state, message) = match self.status() {
            Status::Idle => (
                typed.idle_session_timeout_ms,
                sqlstate::IDLE_SESSION_TIMEOUT,
                "terminating connection due to idle-session timeout",
            ),
            Status::InTransaction | Status::Failed => (
                typed.idle_in_transaction_timeout_ms,
                sqlstate::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                "terminating connection due to idle-in-transaction timeout",
            ),
        };
        (ms > 0).then(|| (Duration::from_millis(ms), Error::new(state, message)))
    }

    /// A Query message: several statements in one implicit transaction.
    pub fn simple<'a>(&'a mut self, sql: &'a str, client: &'a mut dyn Client) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let text: Arc<str> = sql.into();
            self.begin_message();
            self.show_active(&text);
            self.portals.remove("");
            let result = self.simple_statements(&text, client).await;
            let mut ended = result;
            if ended.is_ok() && self.is_implicit() {
                ended = self.commit_message(client).await;
                if ended.is_err() {
                    client.retract_complete();
                }
            }
            self.end_message(ended, client).await
        })
    }

    async fn simple_statements(&mut self, text: &Arc<str>, client: &mut dyn Client) -> Result<()> {
        let parsed = atoll_syntax::parse(text)?;
        if parsed.is_empty() {
            client.complete_empty();
            return Ok(());
        }
        let alone = parsed.len() == 1;
        for parsed in parsed {
            let statement = Arc::new(lists::spelled_out(parsed.statement)?);
            let mut attempt = 0;
            loop {
                let mark = client.mark();
                self.begin_implicit();
                let limits = self.limits();
                let mut result = Session::timed(limits, self.simple_statement(text, &statement, client)).await;
                if alone && result.is_ok() && self.is_implicit() {
                    result = self.commit_implicit(client).await;
                    if result.is_err() {
                        client.retract_complete();
                    }
                }
                match result {
                    Err(failure) if alone && self.may_retry(&failure, attempt) && client.take_back(mark) => {
                        self.abandon(client).await;
                        self.pause(attempt).await;
                        attempt += 1;
                    }
                    Err(failure) => return Err(self.confirmed(failure).await.into_error()),
                    Ok(()) => break,
                }
            }
            self.registration.backend.counts.statement();
            if let Some(transaction) = &mut self.transaction {
                transaction.statements += 1;
            }
        }
        Ok(())
    }

    pub fn parse(&mut self, name: &str, sql: &str, types: &[Oid], client: &mut dyn Client) -> Result<()> {
        let text: Arc<str> = sql.into();
        self.begin_message();
        self.show_active(&text);
        let result = self.parse_message(name, text, types);
        let result = self.noted(result);
        if result.is_ok() {
            client.parse_complete();
        }
        result
    }

    fn parse_message(&mut self, name: &str, text: Arc<str>, types: &[Oid]) -> Result<()> {
        let mut parsed = atoll_syntax::parse(&text)?;
        if parsed.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message));
        }
        let statement = parsed.pop().map(|parsed| lists::spelled_out(parsed.statement)).transpose()?.map(Arc::new);
        if name.is_empty() {
            self.prepared.remove(name);
        } else if self.prepared.contains_key(name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new(sqlstate::DUPLICATE_PREPARED_STATEMENT, message));
        }
        let prepared = self.prepare(name, text, statement, types.to_vec(), false)?;
        self.prepared.insert(name.to_owned(), prepared);
        Ok(())
    }

    /// `formats` and `results` as in the message: none, one for all, or one for each.
    pub fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[Format],
        parameters: Vec<RawParameter>,
        results: &[Format],
        client: &mut dyn Client,
    ) -> Result<()> {
        self.begin_message();
        let result = self.bind_message(portal, statement, formats, parameters, results);
        let result = self.noted(result);
        if result.is_ok() {
            client.bind_complete();
        }
        result
    }

    fn bind_message(
        &mut self,
        name: &str,
        statement: &str,
        formats: &[Format],
        parameters: Vec<RawParameter>,
        results: &[Format],
    ) -> Result<()> {
        let wanted = find_prepared(&self.prepared, statement)?.parameters.clone();
        if parameters.len() != wanted.len() {
            let message = format!(
                "bind message supplies {} parameters, but prepared statement \"{statement}\" requires {}",
                parameters.len(),
                wanted.len()
            );
            return Err(Error::new(sqlstate::PROTOCOL_VIOLATION, message));
        }
        let formats = spread(formats, wanted.len(), "bind message has {n} parameter formats but {m} parameters")?;
        let forms = self.forms_of(&wanted);
        let settings = self.settings();
        let mut values = Vec::with_capacity(wanted.len());
        for (number, ((raw, form), format)) in parameters.into_iter().zip(forms).zip(formats).enumerate() {
            let context = |error: Error| error.context(format!("unnamed portal parameter ${}", number + 1));
            values.push(read_parameter(&settings, form, format, raw).map_err(context)?);
        }
        let prepared = find_prepared(&self.prepared, statement)?;
        let width = prepared.columns.as_ref().map_or(0, |columns| columns.len());
        let results = spread(results, width, "bind message has {n} result formats but query has {m} columns")?.into();
        if self.transaction.as_ref().is_some_and(|transaction| transaction.failed)
            && !prepared.statement.as_deref().is_some_and(control::ends_transaction)
        {
            return Err(is_aborted());
        }
        if !name.is_empty() && self.portals.contains_key(name) {
            return Err(Error::new(sqlstate::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists")));
        }
        let portal = Portal {
            name: name.to_owned(),
            text: prepared.text.clone(),
            statement: prepared.statement.clone(),
            parameters: Arc::new(values),
            parameter_types: wanted,
            columns: prepared.columns.clone(),
            formats: results,
            prepared: statement.to_owned(),
            bound: prepared.bound.clone(),
            state: PortalState::Ready,
            hold: false,
            scroll: false,
            binary: false,
            from_sql: false,
            created_micros: self.now_micros(),
            number: 0,
        };
        self.add_portal(portal);
        Ok(())
    }

    pub fn describe_statement(&mut self, name: &str, client: &mut dyn Client) -> Result<()> {
        self.begin_message();
        let result = find_prepared(&self.prepared, name).map(|prepared| {
            client.describe_parameters(&prepared.parameters);
            match &prepared.columns {
                Some(columns) => client.describe(columns, &vec![Format::Text; columns.len()]),
                None => client.describe_nothing(),
            }
        });
        self.noted(result)
    }

    pub fn describe_portal(&mut self, name: &str, client: &mut dyn Client) -> Result<()> {
        self.begin_message();
        let result = find_portal(&self.portals, name).map(|portal| match &portal.columns {
            Some(columns) => client.describe(columns, &portal.formats),
            None => client.describe_nothing(),
        });
        self.noted(result)
    }

    /// `rows_max` 0 is all.
    pub fn execute<'a>(
        &'a mut self,
        portal: &'a str,
        rows_max: u32,
        client: &'a mut dyn Client,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.begin_message();
            let result = self.execute_message(portal, rows_max, client).await;
            self.noted(result)
        })
    }

    async fn execute_message(&mut self, name: &str, rows_max: u32, client: &mut dyn Client) -> Result<()> {
        let text = find_portal(&self.portals, name)?.text.clone();
        self.show_active(&text);
        let mut attempt = 0;
        loop {
            let mark = client.mark();
            let fresh = self.begin_implicit();
            let limits = self.limits();
            match Session::timed(limits, self.execute_portal(name, rows_max, client)).await {
                Ok(()) => {
                    self.registration.backend.counts.statement();
                    if let Some(transaction) = &mut self.transaction {
                        transaction.statements += 1;
                        let is_first = fresh && transaction.kind == Kind::Implicit && transaction.statements == 1;
                        self.replay = is_first.then(|| Replay { portal: name.to_owned(), mark });
                    }
                    return Ok(());
                }
                Err(failure) if fresh && self.may_retry(&failure, attempt) && client.take_back(mark) => {
                    self.abandon_keeping(name, client).await;
                    self.pause(attempt).await;
                    attempt += 1;
                }
                Err(failure) => return Err(self.confirmed(failure).await.into_error()),
            }
        }
    }

    pub fn close_statement(&mut self, name: &str, client: &mut dyn Client) {
        self.prepared.remove(name);
        client.close_complete();
    }

    pub fn close_portal(&mut self, name: &str, client: &mut dyn Client) {
        self.portals.remove(name);
        client.close_complete();
    }

    /// The client sent what the protocol has to refuse: that is an error of the session's transaction like any other.
    pub fn fail(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.failed = true;
        }
    }

    /// Ends the implicit transaction: commits it, or rolls it back after an error. An error of the commit is answered
    /// before ReadyForQuery.
    pub fn sync<'a>(&'a mut self, client: &'a mut dyn Client) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.sync_message(client))
    }

    async fn sync_message(&mut self, client: &mut dyn Client) -> Result<()> {
        let replay = self.replay.take();
        let mut attempt = 0;
        let result = loop {
            if !self.is_implicit() || self.transaction.as_ref().is_some_and(|transaction| transaction.failed) {
                break Ok(());
            }
            // Until it has committed nothing of it counts.
            if let (Some(_), Some(transaction)) = (&replay, &mut self.transaction) {
                transaction.statements = 0;
            }
            match (self.commit_implicit(client).await, &replay) {
                (Ok(()), _) => break Ok(()),
                (Err(failure), Some(Replay { portal, mark }))
                    if self.may_retry(&failure, attempt) && client.take_back(*mark) =>
                {
                    Box::pin(self.abandon_keeping(portal, client)).await;
                    Box::pin(self.pause(attempt)).await;
                    attempt += 1;
                    self.begin_implicit();
                    if let Err(failure) = Box::pin(self.execute_portal(portal, 0, client)).await
                        && !self.may_retry(&failure, attempt)
                    {
                        break Err(failure.into_error());
                    }
                }
                (Err(failure), _) => break Err(failure.into_error()),
            }
        };
        self.end_message(result, client).await
    }

    /// The client is gone or said goodbye.
    pub fn close(mut self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(Transaction { txn: Some(txn), .. }) = self.transaction.take() {
                txn.rollback().await;
            }
            self.locks.release_transaction();
            self.locks.unlock_all_for_session();
        })
    }

    // ------------------------------------------------------------------------------------------------------- messages

    fn begin_message(&mut self) {
        self.statement_micros = self.now_micros();
        self.cancel.reset();
        self.replay = None;
    }

    /// Commits what the statements of a simple query have done.
    async fn commit_message(&mut self, client: &mut dyn Client) -> Result<()> {
        match self.commit_implicit(client).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.confirmed(failure).await.into_error()),
        }
    }

    /// Ends the implicit transaction of a message, whatever came of it. `result` is of all that it, or its commit, has done.
    async fn end_message(&mut self, result: Result<()>, client: &mut dyn Client) -> Result<()> {
        let result = self.noted(result);
        if self.is_implicit() {
            Box::pin(self.abandon(client)).await;
        }
        self.show_idle();
        result
    }

    /// What pg_cursors and pg_prepared_statements show from now on. The unnamed ones are not theirs to show.
    fn show_own(&self) {
        let cursors = self.portals.values().filter(|portal| !portal.name.is_empty()).map(|portal| OwnCursor {
            name: portal.name.clone(),
            text: portal.text.clone(),
            hold: portal.hold,
            binary: portal.binary,
            scroll: portal.scroll,
            created_ns: wall_of(portal.created_micros),
        });
        let prepared =
            self.prepared.values().filter(|prepared| !prepared.name.is_empty()).map(|prepared| OwnPrepared {
                name: prepared.name.clone(),
                text: prepared.text.clone(),
                parameters: prepared.parameters.clone(),
                from_sql: prepared.from_sql,
                prepared_ns: wall_of(prepared.prepared_micros),
            });
        *self.own.lock() = Own { cursors: cursors.collect(), prepared: prepared.collect() };
    }

    fn show_active(&mut self, query: &Arc<str>) {
        self.active_since = self.node.env.clock.mono();
        let now_ns = wall_of(self.statement_micros);
        let begun_ns = self.transaction.as_ref().map_or(now_ns, |open| wall_of(open.begun_micros));
        self.registration.backend.activity.lock().begin(query, now_ns, begun_ns);
    }

    fn show_idle(&self) {
        let state = match self.status() {
            Status::Idle => BackendState::Idle,
            Status::InTransaction => BackendState::IdleInTransaction,
            Status::Failed => BackendState::IdleInFailedTransaction,
        };
        let begun_ns = self.transaction.as_ref().map_or(0, |open| wall_of(open.begun_micros));
        let now_ns = self.node.env.clock.wall_ns();
        let backend = &self.registration.backend;
        let mut activity = backend.activity.lock();
        if activity.state == BackendState::Active {
            backend.counts.answered(self.node.env.clock.mono() - self.active_since);
        }
        activity.change(state, now_ns, begun_ns);
    }

    /// An error leaves the transaction failed.
    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.registration.backend.counts.failed();
            if let Some(transaction) = &mut self.transaction {
                transaction.failed = true;
            }
        }
        result
    }

    fn now_micros(&self) -> i64 {
        micros_of(self.node.env.clock.wall_ns())
    }

    // ---------------------------------------------------------------------------------------------------------- scope

    /// Definitions and statistics as the transaction sees them.
    fn definitions(&mut self) -> (Arc<Catalog>, Arc<Known>) {
        let (current, known) = self.node.definitions();
        match &mut self.transaction {
            Some(transaction) => (transaction.changes.catalog(&current), transaction.changes.known(&known)),
            None => (current, known),
        }
    }

    fn find_search_path(&mut self, catalog: &Arc<Catalog>) {
        let (user, settings) = (self.facts.current_user, self.settings_version);
        let is_found =
            |(of, by, under): &(Arc<Catalog>, Oid, u64)| Arc::ptr_eq(of, catalog) && *by == user && *under == settings;
        if !self.path_of.as_ref().is_some_and(is_found) {
            self.facts.search_path = control::search_path(catalog, &self.facts, &self.variables.typed().search_path);
            self.path_of = Some((catalog.clone(), user, settings));
        }
    }

    fn settings(&self) -> Settings {
        let transaction_micros = self.transaction.as_ref().map_or(self.statement_micros, |open| open.begun_micros);
        self.variables.settings(transaction_micros, self.statement_micros)
    }

    /// How parameters are read, as far as they can be.
    fn forms_of(&mut self, types: &[Oid]) -> Vec<Result<Form>> {
        let plain: Vec<Option<Form>> = types.iter().map(|ty| function::name::plain_form(*ty)).collect();
        if plain.iter().all(Option::is_some) {
            return plain.into_iter().flatten().map(Ok).collect();
        }
        let scope = self.scope();
        types.iter().map(|ty| form_of(&scope, *ty)).collect()
    }

    /// What a statement that begins now sees.
    fn scope(&mut self) -> Scope {
        let (catalog, statistics) = self.definitions();
        self.find_search_path(&catalog);
        self.facts.read_only = self.transaction.as_ref().is_some_and(|open| open.modes.read_only);
        Scope {
            node: self.node.clone(),
            catalog,
            statistics,
            settings: self.settings(),
            session: self.facts.clone(),
            locks: self.locks.clone(),
            timing: self.transaction.as_ref().and_then(|open| open.timing.clone()),
            sequence_values: self.sequence_values.clone(),
            variables: Arc::new(Mutex::new(self.variables.clone())),
            own: self.own.clone(),
        }
    }

    /// After SET, and after a rollback of one.
    fn settings_changed(&mut self) {
        self.settings_version += 1;
        self.facts.session_user = self.variables.identity.session().oid;
        self.facts.current_user = self.variables.identity.current().oid;
        let name = self.variables.get("application_name").unwrap_or_default();
        self.registration.backend.activity.lock().application_name = name;
        let ms = self.variables.typed().lock_timeout_ms;
        self.locks.set_timeout((ms > 0).then(|| Duration::from_millis(ms)));
    }

    fn encoding(scope: &Scope, columns: &[Column], formats: &Arc<[Format]>) -> Result<Encoding> {
        let forms = columns.iter().map(|column| form_of(scope, column.ty.oid)).collect::<Result<_>>()?;
        Ok(Encoding { forms, formats: formats.clone(), settings: scope.settings.clone() })
    }
}

/// Result columns for RowDescription.
fn columns_of(output: &[PlanOutput]) -> Arc<[Column]> {
    let column = |column: &PlanOutput| {
        // A literal that stayed unknown goes out as text.
        let is_unknown = column.ty.oid == oid::UNKNOWN;
        let ty = if is_unknown { crate::types::Type::TEXT } else { column.ty };
        let (name, size) = (column.name.clone(), size_of_type(column.ty.oid));
        Column { name, ty, size, table: column.table, attribute: column.attribute }
    };
    output.iter().map(column).collect()
}

/// From nanoseconds of the wall clock to microseconds since 2000-01-01 UTC.
pub(crate) fn micros_of(wall_ns: u64) -> i64 {
    (wall_ns / 1000) as i64 - EPOCH_MICROS
}

/// The other way round; never zero, which is no time.
fn wall_of(micros: i64) -> u64 {
    u64::try_from(micros.saturating_add(EPOCH_MICROS)).map_or(1, |micros| micros.saturating_mul(1000))
}

fn form_of(scope: &Scope, ty: Oid) -> Result<Form> {
    let missing = || Error::unsupported(format!("a value of type {}", crate::bind::format_type(scope, ty.into())));
    function::name::plain_form(ty).or_else(|| function::name::form(scope, ty)).ok_or_else(missing)
}

/// pg_type.typlen.
fn size_of_type(ty: Oid) -> i16 {
    match atoll_datum::builtin::builtin().type_by_oid(ty) {
        Some(row) => row.length,
        // An enum takes four bytes, its array any number.
        None => 4,
    }
}

fn find_prepared<'a>(prepared: &'a BTreeMap<String, Prepared>, name: &str) -> Result<&'a Prepared> {
    prepared.get(name).ok_or_else(|| {
        let message = match name {
            "" => "unnamed prepared statement does not exist".to_owned(),
            name => format!("prepared statement \"{name}\" does not exist"),
        };
        Error::new(sqlstate::INVALID_SQL_STATEMENT_NAME, message)
    })
}

fn find_portal<'a>(portals: &'a BTreeMap<String, Portal>, name: &str) -> Result<&'a Portal> {
    let missing = || Error::new(sqlstate::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"));
    portals.get(name).ok_or_else(missing)
}

/// None is text for all, one is for all, else one for each.
fn spread(formats: &[Format], wanted: usize, complaint: &str) -> Result<Vec<Format>> {
    match formats.len() {
        0 => Ok(vec![Format::Text; wanted]),
        1 => Ok(vec![formats[0]; wanted]),
        given if given == wanted => Ok(formats.to_vec()),
        given => {
            let message = complaint.replace("{n}", &given.to_string()).replace("{m}", &wanted.to_string());
            Err(Error::new(sqlstate::PROTOCOL_VIOLATION, message))
        }
    }
}

fn read_parameter(settings: &Settings, form: Result<Form>, format: Format, raw: RawParameter) -> Result<Datum> {
    let Some(bytes) = raw else { return Ok(Datum::Null) };
    let form = form?;
    match format {
        Format::Binary => form.receive(&bytes, -1),
        Format::Text => {
            let text = std::str::from_utf8(&bytes).map_err(|error| not_utf8(&bytes[error.valid_up_to()..]))?;
            form.parse(text, -1, settings)
        }
    }
}

/// 22021, with the first bytes that are none.
pub fn not_utf8(bytes: &[u8]) -> Error {
    let shown: Vec<String> = bytes.iter().take(4).map(|byte| format!("0x{byte:02x}")).collect();
    let message = format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "));
    Error::new(sqlstate::CHARACTER_NOT_IN_REPERTOIRE, message)
}

/// Whether a statement may run in a failed transaction.
pub(crate) fn is_allowed_when_failed(statement: &ast::Statement) -> bool {
    control::ends_transaction(statement)
}
