//! Statements that change definitions.

use std::borrow::Cow;

use atoll_datum::{Datum, Error, sqlstate};
use atoll_syntax::ast::{self, Statement};
use atoll_txn::Timestamp;

use super::client::Client;
use super::transaction::Kind;
use super::variables::Severity;
use super::{Session, find_prepared};
use crate::ddl::{self, Definition, Filling};
use crate::exec::{self, Failure};
use crate::mutate::Deferred;
use crate::statistics::Tally;
use crate::types::Type;

type Outcome = std::result::Result<(), Failure>;

impl Session {
    pub(super) async fn define(&mut self, statement: &Statement, client: &mut dyn Client) -> Outcome {
        if !ddl::is_definition(statement) {
            let what = match statement {
                Statement::Listen(_) => "LISTEN",
                Statement::Notify(..) => "NOTIFY",
                Statement::Merge(_) => "MERGE",
                Statement::Call(_) => "CALL",
                Statement::Cluster(_) => "CLUSTER",
                _ => "this statement",
            };
            return Err(Error::unsupported(what).into());
        }
        let (statement, filling) = self.filling(statement).await?;
        let (done, _) = self.carry_out(&statement, filling, client).await?;
        client.complete(&done.tag);
        Ok(())
    }

    /// With the prepared statement in the place of EXECUTE, if that is what fills a table.
    pub(super) async fn filling<'s>(
        &mut self,
        statement: &'s Statement,
    ) -> std::result::Result<(Cow<'s, Statement>, Filling), Failure> {
        let Statement::CreateTableAs(create) = statement else {
            return Ok((Cow::Borrowed(statement), Filling::default()));
        };
        let Statement::Execute(execute) = &create.source else {
            return Ok((Cow::Borrowed(statement), Filling::default()));
        };
        let prepared = find_prepared(&self.prepared, execute.name.as_str())?;
        let types = prepared.parameters.to_vec();
        let Some(source @ Statement::Query(_)) = prepared.statement.as_deref().cloned() else {
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, "prepared statement is not a SELECT").into());
        };
        let parameters = self.arguments_of(execute, &types).await?;
        let create = ast::CreateTableAs { source, ..(**create).clone() };
        let filling = Filling { types, parameters, ..Filling::default() };
        Ok((Cow::Owned(Statement::CreateTableAs(Box::new(create))), filling))
    }

    pub(super) async fn carry_out(
        &mut self,
        statement: &Statement,
        filling: Filling,
        client: &mut dyn Client,
    ) -> std::result::Result<(ddl::Done, Filling), Failure> {
        // Before the first statement of its own transaction there is none yet.
        let by_default = self.variables.typed().default_read_only;
        if self.transaction.as_ref().map_or(by_default, |open| open.modes.read_only) {
            let message = format!("cannot execute {} in a read-only transaction", ddl::command(statement));
            return Err(Error::new(sqlstate::READ_ONLY_SQL_TRANSACTION, message).into());
        }
        let scope = self.scope();
        let in_block = self.transaction.as_ref().is_some_and(|open| open.kind == Kind::Explicit || open.statements > 0);
        self.begin_statement(true, &[]).await?;
        let cancel = self.cancel.clone();
        let missing = || Error::internal("a definition without a transaction");
        let transaction = self.transaction.as_mut().ok_or_else(missing)?;
        let txn = transaction.txn.as_mut().ok_or_else(missing)?;
        let mut definition = Definition::new(scope, txn.as_mut(), &mut transaction.changes, in_block);
        definition.filling = filling;
        definition.cancel = cancel;
        let done = ddl::execute(&mut definition, statement).await?;
        transaction.tally.append(std::mem::take(&mut definition.tally));
        let filling = std::mem::take(&mut definition.filling);
        for notice in &done.notices {
            let severity = match notice.severity {
                ddl::Severity::Notice => Severity::Notice,
                ddl::Severity::Warning => Severity::Warning,
            };
            self.tell(severity, &notice.text, client);
        }
        Ok((done, filling))
    }

    /// A notice, unless the client does not want to hear of such.
    pub(super) fn tell(&self, severity: Severity, notice: &Error, client: &mut dyn Client) {
        if severity >= self.variables.typed().client_min_messages {
            client.notice(severity, notice);
        }
    }

    pub(super) fn exec_options(&self) -> exec::Options {
        let work_kib = usize::try_from(self.variables.typed().work_mem_kib).unwrap_or(usize::MAX);
        exec::Options { work_bytes: Some(work_kib.saturating_mul(1024)), ..exec::Options::default() }
    }

    /// Checks that wait for the end of the transaction.
    pub(super) fn defer(&mut self, deferred: Deferred) {
        if let Some(transaction) = &mut self.transaction {
            transaction.deferred.append(deferred);
        }
    }

    /// Rows that the transaction has changed.
    pub(super) fn tally(&mut self, tally: Tally) {
        if let Some(transaction) = &mut self.transaction {
            transaction.tally.append(tally);
        }
    }

    /// AS OF SYSTEM TIME: a timestamp, an interval before now, or nanoseconds of the clock with a logical part.
    pub(super) async fn as_of_timestamp(&mut self, expr: &ast::Expr) -> std::result::Result<Timestamp, Failure> {
        let at = expr.at.offset();
        let value = self.value_of(expr, Type::TEXT).await?;
        let invalid = |text: &str| {
            Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("invalid AS OF SYSTEM TIME value: \"{text}\"")).at(at)
        };
        let Datum::Text(text) = value else { return Err(invalid("").into()) };
        let now = self.node.gateway.now();
        // What pg_export_snapshot gives.
        if text.contains(',')
            && let Ok(ts) = text.parse::<Timestamp>()
        {
            return if ts <= now { Ok(ts) } else { Err(invalid(&text).into()) };
        }
        if let Some((wall, logical)) = text.split_once('.').or(Some((&*text, "0"))).filter(|(wall, _)| wall.len() > 15)
            && let (Ok(wall), Ok(logical)) =
                (wall.parse(), logical.trim_start_matches('0').parse().or_else(|_| "0".parse()))
        {
            let ts = Timestamp { wall, logical };
            return if ts <= now { Ok(ts) } else { Err(invalid(&text).into()) };
        }
        let scope = self.scope();
        let read = |ty: Type| scope.catalog.form(ty.oid).and_then(|form| form.parse(&text, -1, &scope.settings).ok());
        if let Some(Datum::Interval(interval)) = read(Type::new(atoll_datum::oid::INTERVAL)) {
            let micros =
                interval.micros + (i64::from(interval.days) + i64::from(interval.months) * 30) * 86_400_000_000;
            let back = u64::try_from(-micros).map_err(|_| invalid(&text))?;
            return Ok(Timestamp { wall: now.wall.saturating_sub(back.saturating_mul(1000)), logical: 0 });
        }
        if let Some(Datum::TimestampTz(micros)) = read(Type::new(atoll_datum::oid::TIMESTAMPTZ)) {
            let wall = micros.checked_add(super::EPOCH_MICROS).and_then(|micros| u64::try_from(micros).ok());
            let wall = wall.and_then(|micros| micros.checked_mul(1000)).ok_or_else(|| invalid(&text))?;
            if wall > now.wall {
                let message = "AS OF SYSTEM TIME: cannot specify timestamp in the future";
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).at(at).into());
            }
            return Ok(Timestamp { wall, logical: 0 });
        }
        Err(invalid(&text).into())
    }
}
