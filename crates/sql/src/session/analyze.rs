//! ANALYZE, and VACUUM, of which only ANALYZE does something.
//!
//! By itself it reads what is committed, page by page, and each table's statistics are there as soon as that table is
//! done. In a transaction that has done more it sees that transaction's changes, and what it finds is everybody's when
//! the transaction has committed, as in PostgreSQL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, Setting, SettingValue, VacuumTable};

use super::client::Client;
use super::transaction::Kind;
use super::variables::Severity;
use super::{Scope, Session};
use crate::bind::relation::Found;
use crate::catalog::privileges::acts_as;
use crate::catalog::{ColumnOrdinal, RelationKind, Table};
use crate::ddl::names::missing_schema;
use crate::exec::{CancelReason, Failure};
use crate::optimize::analyze;
use crate::session::locks::Mode;
use crate::statistics::collect::{self, Reading, Source};

type Outcome = std::result::Result<(), Failure>;

const PAGE_BYTES: f64 = 8192.0;

/// A table that is to be analyzed.
struct Subject {
    table: Oid,
    /// All, if empty.
    columns: Vec<ColumnOrdinal>,
}

/// `word`: the statement that refuses a table.
#[derive(Clone, Copy)]
struct Manner {
    word: &'static str,
    verbose: bool,
    skip_locked: bool,
}

/// On unless it says otherwise.
fn is_on(setting: &Setting) -> Result<bool> {
    let text = match &setting.value {
        None => return Ok(true),
        Some(SettingValue::Text(text) | SettingValue::Number(text)) => text.to_lowercase(),
        Some(_) => String::new(),
    };
    match text.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(sqlstate::SYNTAX_ERROR, format!("{} requires a Boolean value", setting.name))),
    }
}

fn unrecognized(command: &str, setting: &Setting) -> Error {
    let message = format!("unrecognized {command} option \"{}\"", setting.name);
    Error::new(sqlstate::SYNTAX_ERROR, message).at(setting.name.at.offset())
}

impl Session {
    pub(super) async fn analyze_statement(&mut self, statement: &ast::Analyze, client: &mut dyn Client) -> Outcome {
        let mut manner = Manner { word: "analyze", verbose: false, skip_locked: false };
        for option in &statement.options {
            match option.name.as_str() {
                "verbose" => manner.verbose = is_on(option)?,
                "skip_locked" => manner.skip_locked = is_on(option)?,
                _ => return Err(unrecognized("ANALYZE", option).into()),
            }
        }
        self.analyze_tables(&statement.tables, manner, client).await?;
        client.complete("ANALYZE");
        Ok(())
    }

    /// Old versions go by themselves, so there is nothing to do; but that is said.
    pub(super) async fn vacuum_statement(&mut self, vacuum: &ast::Vacuum, client: &mut dyn Client) -> Outcome {
        let mut manner = Manner { word: "vacuum", verbose: false, skip_locked: false };
        let mut analyze = false;
        for option in &vacuum.options {
            match option.name.as_str() {
                "verbose" => manner.verbose = is_on(option)?,
                "skip_locked" => manner.skip_locked = is_on(option)?,
                "analyze" => analyze = is_on(option)?,
                "full" | "freeze" | "disable_page_skipping" | "process_toast" | "truncate" => drop(is_on(option)?),
                "index_cleanup" | "parallel" => {}
                _ => return Err(unrecognized("VACUUM", option).into()),
            }
        }
        if !analyze && vacuum.tables.iter().any(|table| !table.columns.is_empty()) {
            let message = "ANALYZE option must be specified when a column list is provided";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).into());
        }
        if !self.is_implicit() || self.transaction.as_ref().is_some_and(|open| open.statements > 0) {
            let message = "VACUUM cannot run inside a transaction block";
            return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message).into());
        }
        if analyze {
            self.analyze_tables(&vacuum.tables, manner, client).await?;
        } else {
            let scope = self.scope();
            for table in &vacuum.tables {
                find(&scope, &table.name)?;
            }
            let text = "VACUUM does nothing: old row versions are removed by themselves";
            self.tell(Severity::Notice, &Error::new(sqlstate::SUCCESSFUL_COMPLETION, text), client);
        }
        client.complete("VACUUM");
        Ok(())
    }

    async fn analyze_tables(&mut self, tables: &[VacuumTable], manner: Manner, client: &mut dyn Client) -> Outcome {
        let mut subjects = Vec::new();
        let scope = self.scope();
        if tables.is_empty() {
            let here = scope.catalog.tables.values().filter(|table| {
                let schema = scope.catalog.schemas.get(&Oid(table.schema));
                has_rows(table) && schema.is_some_and(|schema| schema.database == scope.session.database.0)
            });
            subjects.extend(here.map(|table| Subject { table: table.oid(), columns: Vec::new() }));
        }
        for table in tables {
            let Found::Table(found) = find(&scope, &table.name)? else {
                let name = table.name.last().map_or("", ast::Name::as_str);
                self.skip(name, "cannot analyze non-tables or special system tables", client);
                continue;
            };
            subjects.push(Subject { table: found.oid(), columns: columns_named(&found, &table.columns)? });
        }
        let alone = self.transaction.as_ref().is_some_and(|open| open.kind == Kind::Implicit && open.statements == 0);
        for subject in subjects {
            let mark = self.locks.mark();
            if manner.skip_locked && !self.locks.try_lock(self.locks.relation(subject.table), Mode::AccessShare).await?
            {
                if let Some(table) = scope.catalog.table(subject.table) {
                    self.skip(&table.name, "lock not available", client);
                }
                continue;
            }
            // So that it stays what it is while it is read; changes of rows and other ANALYZE go on.
            self.locks.lock_relation(subject.table, Mode::AccessShare).await?;
            self.analyze_table(&subject, manner, alone, client).await?;
            if alone {
                self.locks.rollback_to(mark);
            }
        }
        Ok(())
    }

    fn skip(&self, name: &str, why: &str, client: &mut dyn Client) {
        let warning = Error::new(sqlstate::WARNING, format!("skipping \"{name}\" --- {why}"));
        self.tell(Severity::Warning, &warning, client);
    }

    async fn analyze_table(
        &mut self,
        subject: &Subject,
        manner: Manner,
        alone: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let scope = self.scope();
        let Some(table) = scope.catalog.table(subject.table) else {
            // Dropped while the lock was waited for.
            return Ok(());
        };
        if !may_analyze(&scope, table) {
            self.skip(&table.name, &format!("only table or database owner can {} it", manner.word), client);
            return Ok(());
        }
        if !has_rows(table) {
            self.skip(&table.name, "cannot analyze non-tables or special system tables", client);
            return Ok(());
        }
        if manner.verbose {
            let schema = crate::ddl::names::schema_name(&scope.catalog, Oid(table.schema));
            self.inform(format!("analyzing \"{schema}.{}\"", table.name), client);
        }
        let target = self.variables.get("default_statistics_target").and_then(|target| target.parse().ok());
        let columns = collect::columns(table, &subject.columns, target.unwrap_or(analyze::TARGET));
        if !alone {
            self.begin_statement(false, &[]).await?;
        }
        let (node, cancel) = (self.node.clone(), self.cancel.clone());
        let timeout = Duration::from_millis(self.variables.typed().statement_timeout_ms);
        let began = node.env.clock.mono();
        let mut check = || {
            if !timeout.is_zero() && node.env.clock.mono() - began > timeout {
                cancel.cancel(CancelReason::StatementTimeout);
            }
            cancel.check()
        };
        let source = match self.transaction.as_mut().and_then(|transaction| transaction.txn.as_mut()) {
            Some(txn) if !alone => Source::Transaction(txn.as_mut()),
            _ => Source::Committed(&node.gateway),
        };
        let reading = Reading { env: &node.env, source, pauses: 0, check: &mut check };
        let mut collected = collect::collect(&node, &scope.catalog, table, &columns, reading).await?;
        let before = scope.statistics.get(subject.table).map(|known| &**known);
        collected.statistics.runs = collect::runs(before, self.now_micros(), false);
        if manner.verbose {
            let (rows, pages) = (collected.statistics.rows, (collected.statistics.bytes / PAGE_BYTES).ceil());
            let text = format!(
                "\"{}\": scanned {pages} of {pages} pages, containing {rows} live rows and 0 dead rows; {} rows in \
                 sample, {rows} estimated total rows",
                table.name, collected.sampled
            );
            self.inform(text, client);
        }
        if alone {
            collect::keep(&self.node, table, collected).await?;
            return Ok(());
        }
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let Some(txn) = &mut transaction.txn else { return Ok(()) };
        transaction.changes.found(txn.as_mut(), subject.table, Arc::new(collected.statistics))
    }

    fn inform(&self, text: String, client: &mut dyn Client) {
        self.tell(Severity::Info, &Error::new(sqlstate::SUCCESSFUL_COMPLETION, text), client);
    }
}

fn find(scope: &Scope, name: &[ast::Name]) -> Result<Found> {
    if let [schema, _] = name
        && scope.catalog.schema_named(scope.session.database, schema.as_str()).is_none()
    {
        return Err(missing_schema(schema.as_str()));
    }
    crate::bind::relation(scope, name).map_err(Error::without_position)
}

fn has_rows(table: &Table) -> bool {
    matches!(table.kind(), RelationKind::Table | RelationKind::MaterializedView)
}

fn may_analyze(scope: &Scope, table: &Table) -> bool {
    let acts = |owner: u32| acts_as(&scope.catalog, scope.session.database, scope.session.current_user, Oid(owner));
    let database = scope.catalog.databases.get(&scope.session.database);
    acts(table.owner) || database.is_some_and(|database| acts(database.owner))
}

fn columns_named(table: &Table, names: &[ast::Name]) -> Result<Vec<ColumnOrdinal>> {
    let mut columns = Vec::with_capacity(names.len());
    let mut seen = BTreeSet::new();
    for name in names {
        let Some(column) = table.visible_columns().find(|column| column.name == name.as_str()) else {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message));
        };
        if !seen.insert(column.ordinal) {
            let message = format!("column \"{name}\" of relation \"{}\" appears more than once", table.name);
            return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message));
        }
        columns.push(ColumnOrdinal(column.ordinal));
    }
    Ok(columns)
}
