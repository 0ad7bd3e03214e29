//! Runs one bound statement in the session's transaction, again where that is right.
//!
//! | what happened | what is done |
//! | --- | --- |
//! | READ COMMITTED met a row that changed under its lock | the statement again, with a new snapshot, keeping its locks |
//! | SERIALIZABLE met one, and what it read before is the same now | likewise |
//! | the layers below ask for a retry, nothing of this transaction has reached the client | the transaction again |
//! | the same, otherwise | 40001 |
//! | the outcome of a commit is unknown | 40003, never again |
//!
//! INVARIANT: a statement is run again only if every byte that it put out was taken back.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Datum, Error, Oid, Result};
use atoll_env::Env;
use atoll_syntax::ast::Statement;
use atoll_txn::Isolation;
use atoll_txn::error::Retry;
use futures_util::future::{Either, select};

use super::client::{Client, Encoding};
use super::prepared::{Bound, Depends, Kept, Made};
use super::{Scope, Session, columns_of};
use crate::exec::{self, Cancel, CancelReason, Cursor, Exec, Failure};
use crate::plan::{CommandKind, Query, RelationUse};
use crate::{bind, kv, optimize};

/// How often a transaction that nobody has seen anything of is run again.
const RETRIES_MAX: u32 = 20;
const PAUSE_MAX: Duration = Duration::from_millis(64);
/// A statement that is told to stop does so between two batches; one that waits in the layers below is given up.
const GRACE: Duration = Duration::from_millis(50);

/// How far a statement is to be run, and where its rows go.
pub(super) enum Output<'a> {
    Client {
        client: &'a mut dyn Client,
        encoding: &'a Encoding,
    },
    /// Gathered: EXPLAIN ANALYZE, CREATE TABLE AS.
    Rows(&'a mut Vec<Vec<Datum>>),
    /// Likewise, where there may be many of them: cursors.
    Made(&'a mut Made),
}

/// What came of a statement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ran {
    /// Rows put out by this call.
    pub rows: u64,
    /// Rows inserted, updated or deleted.
    pub changed: u64,
    /// There is no more.
    pub ended: bool,
}

impl Session {
    /// What binding depends on besides the catalog.
    pub(super) fn depends(&self) -> Depends {
        let facts = &self.facts;
        Depends { role: facts.current_user, search_path: facts.search_path.clone(), settings: self.settings_version }
    }

    /// Binds and plans a statement, unless `known` still holds.
    pub(super) fn bound(&mut self, statement: &Statement, parameters: &[Oid], known: Option<&Bound>) -> Result<Bound> {
        if let Some(known) = known.filter(|known| self.still_holds(known)) {
            return Ok(known.clone());
        }
        let scope = self.scope();
        let query = bind::statement(&scope, statement, parameters)?;
        let query = optimize::query(&scope, query)?;
        Ok(Bound {
            columns: columns_of(&query.output),
            query: Arc::new(query),
            catalog: scope.catalog.clone(),
            statistics: scope.statistics.clone(),
            depends: self.depends(),
            allowed: false,
            kept: Arc::default(),
        })
    }

    fn still_holds(&mut self, bound: &Bound) -> bool {
        let (catalog, statistics) = self.definitions();
        self.find_search_path(&catalog);
        bound.holds(&catalog, &statistics, &self.depends())
    }

    /// Checks privileges, locks the tables, and binds anew if a definition changed while it waited.
    pub(super) async fn ready(
        &mut self,
        statement: &Statement,
        parameters: &[Oid],
        known: Option<&Bound>,
    ) -> Result<Bound> {
        let mut bound = self.bound(statement, parameters, known)?;
        loop {
            if !bound.allowed {
                self.check_uses(&bound.query)?;
                bound.allowed = true;
            }
            self.lock_uses(&bound.query).await?;
            if self.still_holds(&bound) {
                if bound.query.as_of.is_some() {
                    Box::pin(self.read_as_of(statement)).await.map_err(Failure::into_error)?;
                }
                if bound.query.reads_own {
                    self.show_own();
                }
                return Ok(bound);
            }
            bound = self.bound(statement, parameters, None)?;
        }
    }

    /// A prepared statement was bound anew, for good.
    pub(super) fn keep_bound(&mut self, name: &str, statement: &Arc<Statement>, bound: &Bound) {
        if let Some(prepared) = self.prepared.get_mut(name)
            && prepared.statement.as_ref().is_some_and(|of| Arc::ptr_eq(of, statement))
            && prepared.bound.as_ref().is_none_or(|old| !old.allowed || !Arc::ptr_eq(&old.query, &bound.query))
        {
            prepared.bound = Some(bound.clone());
        }
    }

    /// Runs a statement to its end, sending rows as they come. `scope` is of now.
    pub(super) async fn run(
        &mut self,
        query: &Query,
        kept: &Kept,
        scope: &Scope,
        parameters: &[Datum],
        output: &mut Output<'_>,
    ) -> std::result::Result<Ran, Failure> {
        for attempt in 0.. {
            let mark = output.mark();
            self.begin_statement(query.command != CommandKind::Select, &query.uses).await?;
            let savepoint = self.transaction_txn().await?.savepoint();
            let mut cursor = match kept.take() {
                Some(cursor) => cursor.again(query, scope)?,
                None => Box::new(exec::run(query, scope, self.exec_options())?),
            };
            let result = self.drive(scope, &mut cursor, parameters, output, u64::MAX).await;
            let txn = self.transaction_txn().await?;
            let Err(failure) = result else {
                txn.release(savepoint);
                if cursor.rewind() {
                    kept.keep(cursor);
                }
                return result;
            };
            let again = may_rerun(&failure, txn.isolation(), attempt) && output.take_back(mark);
            if !again || txn.take_back(savepoint).await.is_err() {
                txn.release(savepoint);
                return Err(failure);
            }
        }
        unreachable!("a statement ends at its last attempt")
    }

    /// At READ COMMITTED, what is wrong with the data may be so because rows were changed that this transaction has
    /// locked, and whose locks went with their leaseholder.
    pub(super) async fn confirmed(&mut self, failure: Failure) -> Failure {
        let cancel = self.cancel.clone();
        let Some(open) = self.transaction.as_mut().filter(|open| open.statements > 0) else { return failure };
        let Some(txn) = open.txn.as_mut().filter(|txn| txn.isolation() == Isolation::ReadCommitted) else {
            return failure;
        };
        let Failure::Sql(error) = &failure else { return failure };
        // Of cardinality, values, constraints and check options.
        if !matches!(error.state().class(), "21" | "22" | "23" | "44") {
            return failure;
        }
        match select(txn.confirm_locks(), pin!(cancel.cancelled())).await {
            Either::Left((Err(lost @ kv::Error::Retry(_)), _)) => lost.into(),
            // Whether the locks are there is not known; that the statement has failed is.
            Either::Left((Ok(()) | Err(_), _)) | Either::Right(_) => failure,
        }
    }

    /// What a statement sees begins here. Portals that were left half read go on to show what they saw: their rows are
    /// made before the snapshot moves or the statement writes.
    pub(super) async fn begin_statement(
        &mut self,
        writes: bool,
        uses: &[RelationUse],
    ) -> std::result::Result<(), Failure> {
        let moves = self.transaction_txn().await?.isolation() == Isolation::ReadCommitted;
        if moves || writes {
            self.finish_portals().await?;
        }
        let node = self.node.clone();
        let txn = self.transaction_txn().await?;
        txn.begin_statement();
        let Some(since) = node.defined_since(uses.iter().map(|used| used.relation), txn.read_ts()) else {
            return Ok(());
        };
        txn.see(since).await?;
        if txn.read_ts() < since {
            let error = Error::unsupported("reading a table as of a time before its definition last changed");
            return Err(error.detail(format!("It changed at {since}, and {} was asked for.", txn.read_ts())).into());
        }
        Ok(())
    }

    /// Runs a cursor on for at most so many rows. Stops within a short time when it is told to.
    pub(super) async fn drive(
        &mut self,
        scope: &Scope,
        cursor: &mut Cursor,
        parameters: &[Datum],
        output: &mut Output<'_>,
        rows_max: u64,
    ) -> std::result::Result<Ran, Failure> {
        let ran = self.drive_cursor(scope, cursor, parameters, output, rows_max).await;
        if ran.is_err() {
            // What a statement that failed has set counts for nothing, also if it is run again.
            *scope.variables.lock() = self.variables.clone();
        }
        let ran = ran?;
        self.defer(cursor.take_deferred());
        self.adopt_settings(scope, output);
        self.tally(cursor.take_tally());
        Ok(ran)
    }

    fn adopt_settings(&mut self, scope: &Scope, output: &mut Output<'_>) {
        let copy = scope.variables.lock().clone();
        let Some(told) = self.variables.adopt(&copy) else { return };
        for (name, value) in &told {
            if let Output::Client { client, .. } = output {
                client.parameter(name, value);
            }
        }
        self.settings_changed();
    }

    async fn drive_cursor(
        &mut self,
        scope: &Scope,
        cursor: &mut Cursor,
        parameters: &[Datum],
        output: &mut Output<'_>,
        rows_max: u64,
    ) -> std::result::Result<Ran, Failure> {
        let (env, cancel, _) = self.limits();
        let Some(txn) = self.transaction.as_mut().and_then(|transaction| transaction.txn.as_mut()) else {
            return Err(Error::internal("a statement runs outside a transaction").into());
        };
        let mut exec = Exec::new(scope, txn.as_mut(), parameters, &cancel);
        let work = pin!(pump(&mut exec, cursor, output, rows_max));
        let stop = pin!(cancel.cancelled());
        match select(work, stop).await {
            Either::Left((result, _)) => result,
            Either::Right(((), work)) => match select(work, pin!(env.clock.sleep(GRACE))).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(cancel.check().err().unwrap_or_else(|| Error::internal("stopped")).into()),
            },
        }
    }

    /// Raises the flag after `statement_timeout`, and lets the work go on until it has noticed. Zero is no timeout.
    pub(super) async fn timed<T>(
        (env, cancel, timeout): (Env, Arc<Cancel>, Duration),
        work: impl Future<Output = T>,
    ) -> T {
        if timeout.is_zero() {
            return work.await;
        }
        match select(pin!(work), pin!(env.clock.sleep(timeout))).await {
            Either::Left((done, _)) => done,
            Either::Right(((), work)) => {
                cancel.cancel(CancelReason::StatementTimeout);
                work.await
            }
        }
    }

    /// What stops a statement that begins now.
    pub(super) fn limits(&self) -> (Env, Arc<Cancel>, Duration) {
        let timeout = Duration::from_millis(self.variables.typed().statement_timeout_ms);
        (self.node.env.clone(), self.cancel.clone(), timeout)
    }

    /// A pause before the transaction is run again, longer each time.
    pub(super) async fn pause(&mut self, attempt: u32) {
        let most = Duration::from_millis(1 << attempt.min(6)).min(PAUSE_MAX);
        let share = self.node.env.entropy.next_u64() % 1000;
        self.node.env.clock.sleep(most * share as u32 / 1000).await;
    }

    /// Whether a failure of the layers below may go unseen by running the transaction again from its start.
    pub(super) fn may_retry(&self, failure: &Failure, attempt: u32) -> bool {
        let fresh = self.transaction.as_ref().is_some_and(|transaction| transaction.statements == 0);
        let passing = match failure {
            Failure::Kv(error) => matches!(**error, kv::Error::Retry(_)),
            Failure::Rerun => true,
            Failure::Sql(_) => false,
        };
        fresh && passing && attempt < RETRIES_MAX
    }
}

/// Whether a statement whose transaction has done more than this one can run again within it.
fn may_rerun(failure: &Failure, isolation: Isolation, attempt: u32) -> bool {
    match (failure, isolation) {
        // Each time it holds more locks, so it comes to an end.
        (Failure::Rerun, Isolation::ReadCommitted) => true,
        (Failure::Kv(error), Isolation::Serializable) => {
            let passing = matches!(**error, kv::Error::Retry(Retry::ReadChanged | Retry::WriteConflict));
            passing && attempt < RETRIES_MAX
        }
        _ => false,
    }
}

async fn pump(
    exec: &mut Exec<'_>,
    cursor: &mut Cursor,
    output: &mut Output<'_>,
    rows_max: u64,
) -> std::result::Result<Ran, Failure> {
    let mut ran = Ran::default();
    while ran.rows < rows_max {
        let Some(batch) = cursor.next(exec).await? else {
            ran.ended = true;
            break;
        };
        ran.rows += batch.len() as u64;
        match output {
            Output::Client { client, encoding } => {
                batch.iter().for_each(|row| client.row(encoding, row));
                client.relieve().await.map_err(gone)?;
            }
            Output::Rows(rows) => rows.extend(batch.iter().map(<[Datum]>::to_vec)),
            Output::Made(made) => made.push(batch, exec).await?,
        }
    }
    ran.changed = cursor.changed();
    Ok(ran)
}

impl Output<'_> {
    pub fn mark(&self) -> u64 {
        match self {
            Output::Client { client, .. } => client.mark().0,
            Output::Rows(rows) => rows.len() as u64,
            Output::Made(made) => made.rows() as u64,
        }
    }

    pub fn take_back(&mut self, mark: u64) -> bool {
        match self {
            Output::Client { client, .. } => client.take_back(super::client::Mark(mark)),
            Output::Rows(rows) => {
                rows.truncate(mark as usize);
                true
            }
            Output::Made(made) => {
                // What runs into one of these runs from its start.
                made.clear();
                mark == 0
            }
        }
    }
}

/// 08006: nobody will read this.
pub(super) fn gone(error: std::io::Error) -> Error {
    Error::new(atoll_datum::sqlstate::CONNECTION_FAILURE, format!("connection to client lost: {error}"))
}

/// CommandComplete's text.
pub(super) fn tag(command: CommandKind, ran: &Ran) -> String {
    match command {
        CommandKind::Select => format!("SELECT {}", ran.rows),
        CommandKind::Insert => format!("INSERT 0 {}", ran.changed),
        CommandKind::Update => format!("UPDATE {}", ran.changed),
        CommandKind::Delete => format!("DELETE {}", ran.changed),
    }
}
