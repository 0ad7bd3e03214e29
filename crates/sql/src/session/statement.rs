//! Which statement is whose work.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, Statement};

use super::client::{Client, Column, Format};
use super::prepared::{Bound, PortalState, Prepared};
use super::run::{Output, tag};
use super::transaction::is_aborted;
use super::{Scope, Session, control, find_portal};
use crate::catalog::{ColumnOrdinal, RelationKind, privileges};
use crate::exec::Failure;
use crate::plan::{CommandKind, Query, RelationUse};
use crate::session::locks::Mode;

type Outcome = std::result::Result<(), Failure>;

/// 42501 unless the role has every privilege that one mention of a relation needs.
fn check_use(scope: &Scope, used: &RelationUse) -> Result<()> {
    // Tables of the system may be read by everybody.
    let Some(table) = scope.catalog.table(used.relation) else { return Ok(()) };
    let (catalog, database, role) = (&*scope.catalog, scope.session.database, used.as_role);
    let on_table = |letter| privileges::has_privilege(catalog, database, role, (&**table).into(), letter, false);
    let on_columns = |wanted: &BTreeSet<ColumnOrdinal>, letter| {
        let allowed = |column| privileges::has_column_privilege(catalog, database, role, table, column, letter);
        match wanted.is_empty() {
            true => table.live_columns().any(allowed),
            false => wanted.iter().filter_map(|ordinal| table.column(*ordinal)).all(allowed),
        }
    };
    let columns = [(&used.select, 'r'), (&used.insert, 'a'), (&used.update, 'w')];
    let allowed = columns
        .into_iter()
        .all(|(wanted, letter)| wanted.as_ref().is_none_or(|wanted| on_table(letter) || on_columns(wanted, letter)));
    let none = BTreeSet::new();
    let allowed = allowed && (!used.delete || on_table('d')) && (!used.lock || on_table('w') || on_columns(&none, 'w'));
    let what = match table.kind() {
        RelationKind::View => "view",
        RelationKind::Sequence => "sequence",
        RelationKind::Table | RelationKind::MaterializedView => "table",
    };
    if allowed { Ok(()) } else { Err(privileges::denied(what, &table.name)) }
}

/// LOCK TABLE needs a privilege that goes with the mode.
fn check_lock(scope: &Scope, relation: Oid, mode: Mode) -> Result<()> {
    let Some(table) = scope.catalog.table(relation) else { return Ok(()) };
    let role = scope.session.current_user;
    let has = |letter| {
        privileges::has_privilege(&scope.catalog, scope.session.database, role, (&**table).into(), letter, false)
    };
    let changes = has('w') || has('d') || has('D');
    let allowed = match mode {
        Mode::AccessShare => changes || has('r') || has('a'),
        Mode::RowShare | Mode::RowExclusive => changes || has('a'),
        _ => changes,
    };
    if allowed { Ok(()) } else { Err(privileges::denied("table", &table.name)) }
}

/// 0A000, as PostgreSQL: a client has read the description of a result that is another one now.
fn check_same_result(then: Option<&Arc<[Column]>>, now: &Arc<[Column]>) -> Result<()> {
    let same = match then {
        None => now.is_empty(),
        Some(then) => {
            let is_same = |(a, b): (&Column, &Column)| a.ty == b.ty && a.name == b.name;
            Arc::ptr_eq(then, now) || then.len() == now.len() && then.iter().zip(&**now).all(is_same)
        }
    };
    match same {
        true => Ok(()),
        false => Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, "cached plan must not change result type")),
    }
}

/// Statements that have a plan.
pub(super) fn is_planned(statement: &Statement) -> bool {
    matches!(statement, Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_))
        && !control::is_select_into(statement)
}

impl Session {
    /// One statement of a Query message: described, run, completed.
    pub(super) async fn simple_statement(
        &mut self,
        text: &Arc<str>,
        statement: &Arc<Statement>,
        client: &mut dyn Client,
    ) -> Outcome {
        self.check_not_failed(statement)?;
        self.hold_tenure(statement).await?;
        if is_planned(statement) {
            let bound = self.ready(statement, &[], None).await?;
            return self.run_and_send(&bound, &[], None, true, client).await;
        }
        self.command(text, statement, Vec::new(), true, client).await
    }

    /// Runs a planned statement to its end. `describe` puts a RowDescription before the rows.
    pub(super) async fn run_and_send(
        &mut self,
        bound: &Bound,
        parameters: &[Datum],
        formats: Option<&Arc<[Format]>>,
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let scope = self.scope();
        let columns = &bound.columns;
        let all_text = || vec![Format::Text; columns.len()].into();
        let formats = formats.cloned().unwrap_or_else(all_text);
        let encoding = Session::encoding(&scope, columns, &formats)?;
        if describe && (!columns.is_empty() || bound.query.command == CommandKind::Select) {
            client.describe(columns, &formats);
        }
        let ran = {
            let mut output = Output::Client { client: &mut *client, encoding: &encoding };
            self.run(&bound.query, &bound.kept, &scope, parameters, &mut output).await?
        };
        client.complete(&tag(bound.query.command, &ran));
        Ok(())
    }

    /// An Execute message.
    pub(super) async fn execute_portal(&mut self, name: &str, rows_max: u32, client: &mut dyn Client) -> Outcome {
        let portal = find_portal(&self.portals, name)?;
        let Some(statement) = portal.statement.clone() else {
            client.complete_empty();
            return Ok(());
        };
        self.check_not_failed(&statement)?;
        self.hold_tenure(&statement).await?;
        let portal = find_portal(&self.portals, name)?;
        if !is_planned(&statement) {
            let (text, parameters) = (portal.text.clone(), portal.parameters.as_ref().clone());
            return self.command(&text, &statement, parameters, false, client).await;
        }
        let whole = rows_max == 0 && matches!(portal.state, PortalState::Ready);
        if whole {
            let (types, known) = (portal.parameter_types.clone(), portal.bound.clone());
            let (parameters, formats) = (portal.parameters.clone(), portal.formats.clone());
            let (columns, prepared) = (portal.columns.clone(), portal.prepared.clone());
            let bound = self.ready(&statement, &types, known.as_ref()).await?;
            check_same_result(columns.as_ref(), &bound.columns)?;
            self.keep_bound(&prepared, &statement, &bound);
            self.run_and_send(&bound, &parameters, Some(&formats), false, client).await?;
            if let Some(portal) = self.portals.get_mut(name) {
                portal.state = PortalState::Done;
            }
            return Ok(());
        }
        self.execute_part(name, &statement, rows_max, client).await
    }

    /// Everything that has no plan.
    pub(super) async fn command(
        &mut self,
        text: &Arc<str>,
        statement: &Arc<Statement>,
        parameters: Vec<Datum>,
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        match &**statement {
            Statement::Transaction(transaction) => self.transaction_statement(transaction, client).await,
            Statement::Set(set) => Ok(self.set_statement(set, client)?),
            Statement::Reset(name) => Ok(self.reset_statement(name.as_ref(), client)?),
            Statement::Show(show) => Ok(self.show_statement(show, describe, client)?),
            Statement::Discard(discard) => Ok(self.discard_statement(*discard, client).await?),
            Statement::SetConstraints(constraints) => self.set_constraints(constraints, client).await,
            Statement::Prepare(prepare) => Ok(self.prepare_statement(text, prepare, client)?),
            Statement::Execute(execute) => Box::pin(self.execute_statement(execute, describe, client)).await,
            Statement::Deallocate(name) => Ok(self.deallocate_statement(name.as_ref(), client)?),
            Statement::DeclareCursor(declare) => self.declare_cursor(text, declare, client).await,
            Statement::Fetch(fetch) => self.fetch_statement(fetch, describe, client).await,
            Statement::CloseCursor(name) => Ok(self.close_cursor(name.as_ref(), client)?),
            Statement::Explain(explain) => self.explain_statement(explain, &parameters, describe, client).await,
            Statement::Copy(copy) => self.copy_statement(copy, client).await,
            // LISTEN is refused, so a session that wants to hear nothing more has what it wants.
            Statement::Unlisten(_) => {
                client.complete("UNLISTEN");
                Ok(())
            }
            Statement::LockTable(lock) => Ok(self.lock_table(lock, client).await?),
            Statement::Analyze(analyze) => self.analyze_statement(analyze, client).await,
            Statement::Vacuum(vacuum) => self.vacuum_statement(vacuum, client).await,
            Statement::Unsupported { what, at } => Err(Error::unsupported(what).at(at.offset()).into()),
            definition => self.define(definition, client).await,
        }
    }

    // -------------------------------------------------------------------------------------------------------- preparing

    /// What Parse and PREPARE do: finds parameters and result columns.
    pub(super) fn prepare(
        &mut self,
        name: &str,
        text: Arc<str>,
        statement: Option<Arc<Statement>>,
        declared: Vec<Oid>,
        from_sql: bool,
    ) -> Result<Prepared> {
        let mut prepared = Prepared {
            name: name.to_owned(),
            text,
            statement: statement.clone(),
            declared: declared.clone(),
            parameters: declared.clone().into(),
            columns: None,
            from_sql,
            prepared_micros: self.now_micros(),
            bound: None,
        };
        let Some(statement) = statement else { return Ok(prepared) };
        if self.transaction.as_ref().is_some_and(|transaction| transaction.failed)
            && !super::is_allowed_when_failed(&statement)
        {
            return Err(is_aborted());
        }
        if is_planned(&statement) {
            let bound = self.bound(&statement, &declared, None)?;
            prepared.parameters = bound.query.parameters.iter().map(|ty| ty.oid).collect();
            let has_result = !bound.columns.is_empty() || bound.query.command == CommandKind::Select;
            prepared.columns = has_result.then(|| bound.columns.clone());
            prepared.bound = Some(bound);
        } else {
            prepared.columns = self.columns_of_command(&statement)?;
        }
        Ok(prepared)
    }

    pub(super) fn check_not_failed(&self, statement: &Statement) -> Result<()> {
        match &self.transaction {
            Some(transaction) if transaction.failed && !control::ends_transaction(statement) => Err(is_aborted()),
            _ => Ok(()),
        }
    }

    // ------------------------------------------------------------------------------------------------------ permissions

    /// 42501 unless the role may do what the statement does.
    pub(super) fn check_uses(&mut self, query: &Query) -> Result<()> {
        let scope = self.scope();
        for used in &query.uses {
            check_use(&scope, used)?;
        }
        Ok(())
    }

    /// Keeps definitions as they are until the transaction ends.
    pub(super) async fn lock_uses(&mut self, query: &Query) -> Result<()> {
        for used in &query.uses {
            let mode = match (used.is_written(), used.lock) {
                (true, _) => Mode::RowExclusive,
                (false, true) => Mode::RowShare,
                (false, false) => Mode::AccessShare,
            };
            self.locks.lock_relation(used.relation, mode).await?;
        }
        Ok(())
    }

    async fn lock_table(&mut self, lock: &ast::LockTable, client: &mut dyn Client) -> Result<()> {
        self.require_block("LOCK TABLE")?;
        for table in &lock.tables {
            let scope = self.scope();
            let found = crate::bind::relation(&scope, &table.name)?;
            let mode = match lock.mode {
                ast::LockMode::AccessShare => Mode::AccessShare,
                ast::LockMode::RowShare => Mode::RowShare,
                ast::LockMode::RowExclusive => Mode::RowExclusive,
                ast::LockMode::ShareUpdateExclusive => Mode::ShareUpdateExclusive,
                ast::LockMode::Share => Mode::Share,
                ast::LockMode::ShareRowExclusive => Mode::ShareRowExclusive,
                ast::LockMode::Exclusive => Mode::Exclusive,
                ast::LockMode::AccessExclusive => Mode::AccessExclusive,
            };
            check_lock(&scope, found.oid(), mode)?;
            if lock.wait == ast::LockWait::NoWait {
                if !self.locks.try_lock(self.locks.relation(found.oid()), mode).await? {
                    let name = table.name.last().map(|name| name.as_str()).unwrap_or_default();
                    let message = format!("could not obtain lock on relation \"{name}\"");
                    return Err(Error::new(sqlstate::LOCK_NOT_AVAILABLE, message));
                }
            } else {
                self.locks.lock_relation(found.oid(), mode).await?;
            }
        }
        client.complete("LOCK TABLE");
        Ok(())
    }
}
