//! Statements that steer the transaction and the session.

use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, SetValue, SettingValue, Show, Statement, TransactionMode};
use atoll_txn::error::Retry;
use atoll_txn::{Isolation, Timestamp};

use super::client::{Client, Column, Format};
use super::identity::Identity;
use super::prepared::{Portal, PortalState};
use super::transaction::{Kind, Modes, Savepoint, Transaction};
use super::variables::{self, Severity, ShownModes, isolation_named};
use super::{Scope, Session, SessionFacts};
use crate::catalog::{Catalog, ForeignKey, PG_CATALOG};
use crate::exec::Failure;
use crate::kv;
use crate::types::Type;

type Outcome = std::result::Result<(), Failure>;

/// What a failed transaction still takes.
pub(super) fn ends_transaction(statement: &Statement) -> bool {
    use ast::Transaction::*;
    matches!(statement, Statement::Transaction(Commit { .. } | Rollback { .. } | RollbackTo(_)))
}

pub(super) fn is_select_into(statement: &Statement) -> bool {
    matches!(statement, Statement::Query(query)
        if matches!(&query.body, ast::QueryBody::Select(select) if select.into.is_some()))
}

/// `-c name=value` and `--name=value`, as in PGOPTIONS; a backslash keeps a blank.
pub(super) fn split_options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let pair = match (word.as_str(), word.strip_prefix("--"), word.strip_prefix("-c")) {
            ("-c", _, _) => words.next(),
            (_, Some(pair), _) => Some(pair.replace('-', "_")),
            (_, _, Some(pair)) => Some(pair.to_owned()),
            _ => None,
        };
        let refused =
            || Error::new(sqlstate::SYNTAX_ERROR, format!("invalid command-line argument for server process: {word}"));
        let pair = pair.ok_or_else(refused)?;
        let (name, value) = pair.split_once('=').ok_or_else(refused)?;
        settings.push((name.to_owned(), value.to_owned()));
    }
    Ok(settings)
}

/// The schemas of search_path that exist, pg_catalog first unless it is listed.
pub(super) fn search_path(catalog: &Catalog, facts: &SessionFacts, names: &[String]) -> Arc<[Oid]> {
    let mut path = Vec::with_capacity(names.len() + 1);
    for name in names {
        let found = match name.as_str() {
            "$user" => {
                let role = catalog.roles.get(&facts.current_user);
                role.and_then(|role| catalog.schema_named(facts.database, &role.name))
            }
            name => catalog.schema_named(facts.database, name),
        };
        path.extend(found.filter(|oid| !path.contains(oid)));
    }
    if !path.contains(&PG_CATALOG) {
        path.insert(0, PG_CATALOG);
    }
    path.into()
}

impl Session {
    // ------------------------------------------------------------------------------------------------ the transaction

    pub(super) fn is_implicit(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.kind == Kind::Implicit)
    }

    /// Opens an implicit transaction if there is none; whether it has.
    pub(super) fn begin_implicit(&mut self) -> bool {
        let missing = self.transaction.is_none();
        if missing {
            self.open_transaction(Kind::Implicit);
        }
        missing || self.transaction.as_ref().is_some_and(|open| open.kind == Kind::Implicit && open.statements == 0)
    }

    /// Sees to it that a statement may rely on what this node knows of definitions and locks.
    pub(super) async fn hold_tenure(&mut self, statement: &Statement) -> Outcome {
        if let Some(telling) = &mut self.telling {
            // It ends early only when the node stops.
            let _ = telling.await;
            self.telling = None;
        }
        if ends_transaction(statement) {
            return Ok(());
        }
        let number = match self.node.peers.held() {
            Some(number) => number,
            None => Box::pin(self.node.peers.hold()).await?,
        };
        match &mut self.transaction {
            Some(open) if open.tenure == 0 => open.tenure = number,
            Some(open) if open.tenure != number => return Err(kv::Error::Retry(Retry::TooLate).into()),
            _ => {}
        }
        Ok(())
    }

    fn open_transaction(&mut self, kind: Kind) {
        let typed = self.variables.typed();
        let modes = Modes {
            isolation: typed.default_isolation,
            read_only: typed.default_read_only,
            deferrable: typed.default_deferrable,
            as_of: None,
        };
        self.transaction = Some(Transaction {
            kind,
            modes,
            tenure: 0,
            txn: None,
            changes: Default::default(),
            deferred: Default::default(),
            timing: None,
            tally: Default::default(),
            savepoints: Vec::new(),
            saved: self.variables.save(),
            portals: self.portals_made,
            failed: false,
            begun_micros: self.statement_micros,
            statements: 0,
        });
        self.show_modes();
    }

    /// `SHOW transaction_isolation` tells the truth.
    fn show_modes(&mut self) {
        let Some(transaction) = &self.transaction else { return };
        let &Modes { isolation, read_only, deferrable, .. } = &transaction.modes;
        self.variables.show_modes(ShownModes { isolation: Some(isolation_name(isolation)), read_only, deferrable });
    }

    /// The transaction of the layers below, begun if it has not been. A new statement under READ COMMITTED.
    pub(super) async fn transaction_txn(&mut self) -> Result<&mut Box<dyn kv::Txn>> {
        let gateway = self.node.gateway.clone();
        let Some(transaction) = &mut self.transaction else {
            return Err(Error::internal("a statement runs outside a transaction"));
        };
        let Transaction { modes, savepoints, txn, .. } = transaction;
        Ok(txn.get_or_insert_with(|| {
            let mut txn = match modes.as_of {
                Some(ts) => gateway.begin_at(ts),
                None => gateway.begin(modes.isolation),
            };
            // Going back to one of these undoes everything that follows, and keeps the snapshot and what was read.
            savepoints.iter_mut().for_each(|savepoint| savepoint.kv = Some(txn.savepoint()));
            txn
        }))
    }

    /// Commits what one message has done.
    pub(super) async fn commit_implicit(&mut self, client: &mut dyn Client) -> Outcome {
        if self.transaction.as_ref().is_some_and(|transaction| transaction.failed) {
            // An error of one statement takes back what the others of its message, or up to its Sync, have done.
            Box::pin(self.abandon(client)).await;
            return Ok(());
        }
        self.commit_transaction(client).await
    }

    async fn commit_transaction(&mut self, client: &mut dyn Client) -> Outcome {
        // What is rare is boxed: the future of whatever commits is moved more than once.
        if self.transaction.as_ref().is_some_and(|transaction| !transaction.deferred.is_empty()) {
            Box::pin(self.check_deferred()).await?;
        }
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        if let Some(mut txn) = transaction.txn.take() {
            self.node.peers.rely(&mut *txn, transaction.tenure, !transaction.changes.is_empty())?;
            match txn.commit().await {
                Ok(_) => {}
                Err(error) => {
                    if matches!(error, kv::Error::Unknown { .. }) && !transaction.changes.is_empty() {
                        // Perhaps they are everybody's.
                        let changes = std::mem::take(&mut transaction.changes);
                        self.telling = Some(self.node.publish_perhaps(&changes, &self.locks));
                    }
                    return Err(error.into());
                }
            }
        }
        let Some(transaction) = self.transaction.take() else { return Ok(()) };
        self.registration.backend.counts.committed();
        self.node.count(&transaction.tally);
        if !transaction.changes.is_empty() {
            // Kept where whoever stops waiting here finds it again.
            let telling = self.telling.insert(self.node.publish(transaction.changes, Some(&self.locks)));
            let _ = telling.await;
            self.telling = None;
        }
        self.locks.release_transaction();
        let changed = self.variables.end_local();
        self.tell_of_settings(changed, client);
        self.drop_portals(|_| true);
        Ok(())
    }

    /// Constraints that were deferred to the end of the transaction.
    async fn check_deferred(&mut self) -> Outcome {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let mut deferred = std::mem::take(&mut transaction.deferred);
        let scope = self.scope();
        let cancel = self.cancel.clone();
        let txn = self.transaction_txn().await?;
        let mut exec = crate::exec::Exec::new(&scope, txn.as_mut(), &[], &cancel);
        crate::mutate::check_deferred(&mut deferred, &mut exec).await
    }

    /// Rolls everything back, and tells the client of settings that are what they were.
    pub(super) async fn abandon(&mut self, client: &mut dyn Client) {
        let Some(mut transaction) = self.transaction.take() else { return };
        self.registration.backend.counts.rolled_back();
        if let Some(txn) = transaction.txn.take() {
            txn.rollback().await;
        }
        self.locks.release_transaction();
        let changed = self.variables.restore(&transaction.saved);
        self.tell_of_settings(changed, client);
        self.drop_portals(|portal| portal.number < transaction.portals);
    }

    /// Likewise, but the portal goes on to exist: it is about to be run again.
    pub(super) async fn abandon_keeping(&mut self, portal: &str, client: &mut dyn Client) {
        let kept = self.portals.remove(portal);
        self.abandon(client).await;
        if let Some(mut kept) = kept {
            kept.state = PortalState::Ready;
            self.portals.insert(portal.to_owned(), kept);
        }
    }

    /// Settings are what they were before the transaction; none: they were all the time.
    fn tell_of_settings(&mut self, changed: Option<Vec<(String, String)>>, client: &mut dyn Client) {
        let Some(changed) = changed else { return };
        for (name, value) in changed {
            client.parameter(&name, &value);
        }
        self.settings_changed();
    }

    /// At the end of a transaction. `stays` says which of the cursors that outlive it do.
    fn drop_portals(&mut self, stays: impl Fn(&Portal) -> bool) {
        self.portals.retain(|_, portal| {
            let is_whole = portal.hold && matches!(portal.state, PortalState::Held(_));
            is_whole && stays(portal)
        });
    }

    pub(super) fn require_block(&self, what: &str) -> Result<()> {
        match &self.transaction {
            Some(transaction) if transaction.kind == Kind::Explicit => Ok(()),
            _ => Err(Error::new(
                sqlstate::NO_ACTIVE_SQL_TRANSACTION,
                format!("{what} can only be used in transaction blocks"),
            )),
        }
    }

    pub(super) async fn transaction_statement(
        &mut self,
        statement: &ast::Transaction,
        client: &mut dyn Client,
    ) -> Outcome {
        use ast::Transaction::*;
        match statement {
            Begin(modes) | Start(modes) => {
                if !self.is_implicit() {
                    let text = "there is already a transaction in progress";
                    client.notice(Severity::Warning, &Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, text));
                }
                if let Some(transaction) = &mut self.transaction {
                    transaction.kind = Kind::Explicit;
                }
                self.set_modes(modes).await?;
                client.complete(if matches!(statement, Start(_)) { "START TRANSACTION" } else { "BEGIN" });
            }
            Commit { chain } => {
                let open = self.transaction.as_ref().filter(|open| open.kind == Kind::Explicit);
                let Some(failed) = open.map(|open| open.failed) else {
                    return self.without_block(*chain, "COMMIT", client);
                };
                let modes = self.transaction.as_ref().map(|open| open.modes.clone());
                if failed {
                    self.abandon(client).await;
                } else {
                    let result = self.commit_transaction(client).await;
                    if result.is_err() {
                        // What failed to commit is over.
                        self.abandon(client).await;
                        return result;
                    }
                }
                self.chain(*chain, modes);
                client.complete(if failed { "ROLLBACK" } else { "COMMIT" });
            }
            Rollback { chain } => {
                let open = self.transaction.as_ref().filter(|open| open.kind == Kind::Explicit);
                if open.is_none() {
                    return self.without_block(*chain, "ROLLBACK", client);
                }
                let modes = self.transaction.as_ref().map(|open| open.modes.clone());
                self.abandon(client).await;
                self.chain(*chain, modes);
                client.complete("ROLLBACK");
            }
            Savepoint(name) => {
                self.require_block("SAVEPOINT")?;
                self.set_savepoint(name.as_str());
                client.complete("SAVEPOINT");
            }
            Release(name) => {
                self.require_block("RELEASE SAVEPOINT")?;
                self.release_savepoint(name.as_str())?;
                client.complete("RELEASE");
            }
            RollbackTo(name) => {
                self.require_block("ROLLBACK TO SAVEPOINT")?;
                self.rollback_to_savepoint(name.as_str(), client).await?;
                client.complete("ROLLBACK");
            }
            Set(modes) => {
                if self.is_implicit() {
                    let text = "SET TRANSACTION can only be used in transaction blocks";
                    client.notice(Severity::Warning, &Error::new(sqlstate::NO_ACTIVE_SQL_TRANSACTION, text));
                } else {
                    self.set_modes(modes).await?;
                }
                client.complete("SET");
            }
            SetDefault(modes) => {
                for mode in modes {
                    let (name, value) = match mode {
                        TransactionMode::Isolation(level) => {
                            ("default_transaction_isolation", isolation_name(isolation_of(*level)))
                        }
                        TransactionMode::ReadOnly(on) => {
                            ("default_transaction_read_only", if *on { "on" } else { "off" })
                        }
                        TransactionMode::Deferrable(on) => {
                            ("default_transaction_deferrable", if *on { "on" } else { "off" })
                        }
                        TransactionMode::AsOf(expr) => {
                            let what = "AS OF SYSTEM TIME for all transactions of a session";
                            return Err(Error::unsupported(what).at(expr.at.offset()).into());
                        }
                    };
                    self.set_variable(name, Some(value), false, client)?;
                }
                client.complete("SET");
            }
            Prepare(_) | CommitPrepared(_) | RollbackPrepared(_) => {
                return Err(Error::unsupported("two-phase commit").into());
            }
            SetSnapshot(text) => {
                if self.is_implicit() {
                    let text = "SET TRANSACTION can only be used in transaction blocks";
                    client.notice(Severity::Warning, &Error::new(sqlstate::NO_ACTIVE_SQL_TRANSACTION, text));
                } else {
                    self.import_snapshot(text)?;
                }
                client.complete("SET");
            }
        }
        Ok(())
    }

    /// COMMIT and ROLLBACK without BEGIN.
    fn without_block(&mut self, chain: bool, what: &str, client: &mut dyn Client) -> Outcome {
        if chain {
            let message = format!("{what} AND CHAIN can only be used in transaction blocks");
            return Err(Error::new(sqlstate::NO_ACTIVE_SQL_TRANSACTION, message).into());
        }
        let text = "there is no transaction in progress";
        client.notice(Severity::Warning, &Error::new(sqlstate::NO_ACTIVE_SQL_TRANSACTION, text));
        client.complete(what);
        Ok(())
    }

    fn chain(&mut self, chain: bool, modes: Option<Modes>) {
        if let Some(modes) = modes.filter(|_| chain) {
            self.open_transaction(Kind::Explicit);
            if let Some(transaction) = &mut self.transaction {
                transaction.modes = Modes { as_of: None, ..modes };
            }
            self.show_modes();
        }
    }

    /// What `pg_export_snapshot` gave out is a moment; the transaction reads as of it, and therefore may not write.
    fn import_snapshot(&mut self, text: &str) -> Result<()> {
        let now = self.node.gateway.now();
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        if !transaction.is_untouched() {
            let message = "SET TRANSACTION SNAPSHOT must be called before any query";
            return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message));
        }
        if transaction.modes.isolation == Isolation::ReadCommitted {
            let message = "a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
        }
        let ts: Option<Timestamp> = text.parse().ok().filter(|ts| *ts <= now);
        let ts = ts.ok_or_else(|| {
            let message = format!("invalid snapshot identifier: \"{text}\"");
            Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
        })?;
        if !transaction.modes.read_only {
            return Err(Error::unsupported("importing a snapshot into a transaction that is not read-only"));
        }
        transaction.modes.as_of = Some(ts);
        Ok(())
    }

    /// Has a transaction that has done nothing read the past.
    async fn read_at(&mut self, as_of: Option<Timestamp>) {
        let Some(transaction) = &mut self.transaction else { return };
        // The moment itself was computed in it, at the present.
        if let Some(txn) = transaction.txn.take() {
            txn.rollback().await;
        }
        transaction.modes.as_of = as_of;
        transaction.modes.read_only = true;
    }

    /// A SELECT with a moment of its own is a transaction of its own.
    pub(super) async fn read_as_of(&mut self, statement: &Statement) -> Outcome {
        let select = match statement {
            Statement::Query(query) => match &query.body {
                ast::QueryBody::Select(select) => Some(select),
                _ => None,
            },
            _ => None,
        };
        let Some(written) = select.and_then(|select| select.as_of.as_ref()) else {
            return Err(Error::unsupported("AS OF SYSTEM TIME other than of a SELECT as a whole").into());
        };
        let alone = |open: &Transaction| open.kind == Kind::Implicit && open.is_untouched();
        if !self.transaction.as_ref().is_some_and(alone) {
            let error = Error::unsupported("AS OF SYSTEM TIME of a statement within a transaction");
            return Err(error.hint("Use BEGIN AS OF SYSTEM TIME.").into());
        }
        let as_of = self.as_of_timestamp(written).await?;
        self.read_at(Some(as_of)).await;
        Ok(())
    }

    async fn set_modes(&mut self, modes: &[TransactionMode]) -> Outcome {
        for mode in modes {
            let untouched = self.transaction.as_ref().is_none_or(Transaction::is_untouched);
            let as_of = match mode {
                TransactionMode::AsOf(expr) => Some(self.as_of_timestamp(expr).await?),
                _ => None,
            };
            let Some(transaction) = &mut self.transaction else { return Ok(()) };
            let late = |what: &str| {
                Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, format!("{what} must be called before any query"))
            };
            match mode {
                TransactionMode::Isolation(level) => {
                    let level = isolation_of(*level);
                    if level != transaction.modes.isolation && !untouched {
                        return Err(late("SET TRANSACTION ISOLATION LEVEL").into());
                    }
                    transaction.modes.isolation = level;
                }
                TransactionMode::ReadOnly(on) => {
                    if !on && transaction.modes.read_only && !untouched {
                        let message = "transaction read-write mode must be set before any query";
                        return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message).into());
                    }
                    transaction.modes.read_only = *on;
                }
                TransactionMode::Deferrable(on) => transaction.modes.deferrable = *on,
                TransactionMode::AsOf(_) => {
                    if !untouched {
                        return Err(late("AS OF SYSTEM TIME").into());
                    }
                    self.read_at(as_of).await;
                }
            }
        }
        self.show_modes();
        Ok(())
    }

    // ------------------------------------------------------------------------------------------------------ savepoints

    fn set_savepoint(&mut self, name: &str) {
        let (locks, saved) = (self.locks.mark(), self.variables.save());
        let Some(transaction) = &mut self.transaction else { return };
        let savepoint = Savepoint {
            name: name.to_owned(),
            kv: transaction.txn.as_mut().map(|txn| txn.savepoint()),
            changes: transaction.changes.mark(),
            deferred: transaction.deferred.mark(),
            timing: transaction.timing.clone(),
            tally: transaction.tally.clone(),
            locks,
            saved,
            portals: self.portals_made,
            read_only: transaction.modes.read_only,
        };
        transaction.savepoints.push(savepoint);
    }

    fn release_savepoint(&mut self, name: &str) -> Result<()> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let at = transaction.savepoint(name)?;
        let oldest = transaction.savepoints.drain(at..).next();
        // As in PostgreSQL, what was read-only since the savepoint no longer is.
        if let Some(Savepoint { kv, read_only, .. }) = oldest {
            if let (Some(kv), Some(txn)) = (kv, &mut transaction.txn) {
                txn.release(kv);
            }
            transaction.modes.read_only = read_only;
        }
        self.show_modes();
        Ok(())
    }

    async fn rollback_to_savepoint(&mut self, name: &str, client: &mut dyn Client) -> Outcome {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let at = transaction.savepoint(name)?;
        transaction.savepoints.truncate(at + 1);
        let savepoint = &transaction.savepoints[at];
        if let (Some(kv), Some(txn)) = (savepoint.kv, &mut transaction.txn) {
            txn.rollback_to(kv).await?;
        }
        transaction.modes.read_only = savepoint.read_only;
        transaction.changes.rollback_to(savepoint.changes);
        transaction.deferred.truncate(savepoint.deferred);
        transaction.timing = savepoint.timing.clone();
        transaction.tally = savepoint.tally.clone();
        self.locks.rollback_to(savepoint.locks);
        let (saved, portals) = (savepoint.saved.clone(), savepoint.portals);
        transaction.failed = false;
        self.portals.retain(|_, portal| portal.number < portals);
        let changed = self.variables.restore(&saved);
        self.tell_of_settings(changed, client);
        self.show_modes();
        Ok(())
    }

    // -------------------------------------------------------------------------------------------------------- settings

    pub(super) fn set_variable(
        &mut self,
        name: &str,
        value: Option<&str>,
        local: bool,
        client: &mut dyn Client,
    ) -> Result<()> {
        variables::check_may_set(&self.scope(), name)?;
        if let Some((name, value)) = self.variables.set(name, value, local)? {
            client.parameter(&name, &value);
        }
        self.settings_changed();
        Ok(())
    }

    pub(super) fn set_statement(&mut self, set: &ast::Set, client: &mut dyn Client) -> Result<()> {
        let name = set.name.as_str().to_lowercase();
        let value = match &set.value {
            SetValue::Default => None,
            SetValue::Values(values) => Some(join_values(&name, values)?),
            SetValue::FromCurrent => return Err(Error::unsupported("SET FROM CURRENT")),
        };
        if set.local && self.is_implicit() {
            let text = "SET LOCAL can only be used in transaction blocks";
            client.notice(Severity::Warning, &Error::new(sqlstate::NO_ACTIVE_SQL_TRANSACTION, text));
        }
        match name.as_str() {
            "role" => self.set_identity(client, |of, scope| of.set_role(scope, value.as_deref(), set.local))?,
            "session_authorization" => {
                self.set_identity(client, |of, scope| of.set_session(scope, value.as_deref(), set.local))?;
            }
            "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" => {
                self.set_mode_variable(&name, value.as_deref().unwrap_or_default())?;
            }
            "seed" => return Err(Error::unsupported("SET SEED")),
            _ => self.set_variable(&name, value.as_deref(), set.local, client)?,
        }
        client.complete("SET");
        Ok(())
    }

    fn set_mode_variable(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let invalid = || {
            Error::new(
                sqlstate::INVALID_PARAMETER_VALUE,
                format!("invalid value for parameter \"{name}\": \"{value}\""),
            )
        };
        let on = matches!(value.to_lowercase().as_str(), "on" | "true" | "1" | "yes");
        match name {
            "transaction_isolation" => {
                let known = ["serializable", "repeatable read", "read committed", "read uncommitted"];
                if !known.contains(&value.to_lowercase().as_str()) {
                    return Err(invalid());
                }
                let level = isolation_named(&value.to_lowercase());
                if level != transaction.modes.isolation && !transaction.is_untouched() {
                    let message = "SET TRANSACTION ISOLATION LEVEL must be called before any query";
                    return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message));
                }
                transaction.modes.isolation = level;
            }
            "transaction_read_only" => transaction.modes.read_only = on,
            _ => transaction.modes.deferrable = on,
        }
        self.show_modes();
        Ok(())
    }

    /// `become_another` is what makes another of the session: SET ROLE or SET SESSION AUTHORIZATION.
    fn set_identity(
        &mut self,
        client: &mut dyn Client,
        become_another: impl FnOnce(&mut Identity, &Scope) -> Result<()>,
    ) -> Result<()> {
        let scope = self.scope();
        let mut changed = self.variables.clone();
        become_another(&mut changed.identity, &scope)?;
        let told = self.variables.adopt(&changed);
        self.tell_of_settings(told, client);
        Ok(())
    }

    pub(super) fn reset_statement(&mut self, name: Option<&ast::Name>, client: &mut dyn Client) -> Result<()> {
        match name.map(|name| name.as_str().to_lowercase()) {
            None => {
                let before = self.variables.all_reported();
                self.variables.reset_all()?;
                self.settings_changed();
                self.show_modes();
                for (name, value) in self.variables.all_reported() {
                    if !before.contains(&(name.clone(), value.clone())) {
                        client.parameter(&name, &value);
                    }
                }
            }
            Some(name) if name == "role" => self.set_identity(client, |of, scope| of.set_role(scope, None, false))?,
            Some(name) if name == "session_authorization" => {
                self.set_identity(client, |of, scope| of.set_session(scope, None, false))?;
            }
            Some(name) => self.set_variable(&name, None, false, client)?,
        }
        client.complete("RESET");
        Ok(())
    }

    pub(super) fn show_statement(&mut self, show: &Show, describe: bool, client: &mut dyn Client) -> Result<()> {
        let (columns, rows) = match show {
            Show::Parameter(name) => {
                let value = self.variables.get(name.as_str()).ok_or_else(|| variables::unrecognized(name.as_str()))?;
                let known = variables::find(name.as_str()).map(|row| row.name);
                (vec![text_column(known.unwrap_or(name.as_str()))], vec![vec![Datum::text(value)]])
            }
            Show::All => {
                let rows = self.variables.all().into_iter();
                let rows = rows.map(|(name, value)| vec![Datum::text(name), Datum::text(value), Datum::text("")]);
                (["name", "setting", "description"].map(text_column).to_vec(), rows.collect())
            }
            Show::Ranges { .. } => return Err(Error::internal("SHOW RANGES is a query")),
            Show::Words(words) => {
                let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
                return Err(variables::unrecognized(&words.join(" ")));
            }
        };
        self.send_rows(&columns, &rows, describe, client)?;
        client.complete("SHOW");
        Ok(())
    }

    /// Rows that the session itself has made, as text.
    pub(super) fn send_rows(
        &mut self,
        columns: &[Column],
        rows: &[Vec<Datum>],
        describe: bool,
        client: &mut dyn Client,
    ) -> Result<()> {
        let scope = self.scope();
        let formats: Arc<[Format]> = vec![Format::Text; columns.len()].into();
        let encoding = Session::encoding(&scope, columns, &formats)?;
        if describe {
            client.describe(columns, &formats);
        }
        for row in rows {
            client.row(&encoding, row);
        }
        Ok(())
    }

    pub(super) async fn discard_statement(&mut self, what: ast::Discard, client: &mut dyn Client) -> Result<()> {
        if what == ast::Discard::All {
            if !self.is_implicit() {
                let message = "DISCARD ALL cannot run inside a transaction block";
                return Err(Error::new(sqlstate::ACTIVE_SQL_TRANSACTION, message));
            }
            self.portals.clear();
            self.prepared.clear();
            self.set_identity(client, |of, scope| of.set_session(scope, None, false))?;
            self.variables.reset_all()?;
            self.settings_changed();
            self.locks.unlock_all_for_session();
        }
        if matches!(what, ast::Discard::All | ast::Discard::Sequences) {
            self.sequence_values.lock().clear();
        }
        if matches!(what, ast::Discard::All | ast::Discard::Plans) {
            self.prepared.values_mut().for_each(|prepared| prepared.bound = None);
        }
        client.complete(match what {
            ast::Discard::All => "DISCARD ALL",
            ast::Discard::Plans => "DISCARD PLANS",
            ast::Discard::Sequences => "DISCARD SEQUENCES",
            ast::Discard::Temporary => "DISCARD TEMP",
        });
        Ok(())
    }

    pub(super) async fn set_constraints(&mut self, set: &ast::SetConstraints, client: &mut dyn Client) -> Outcome {
        if self.is_implicit() {
            let text = "SET CONSTRAINTS can only be used in transaction blocks";
            client.notice(Severity::Warning, &Error::new(sqlstate::NO_ACTIVE_SQL_TRANSACTION, text));
        }
        let scope = self.scope();
        let mut timing = scope.timing.as_deref().cloned().unwrap_or_default();
        if set.names.is_empty() {
            timing.set_all(set.deferred);
        }
        for name in &set.names {
            for constraint in deferrable_constraints(&scope, name, set.deferred)? {
                timing.set(constraint, set.deferred);
            }
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.timing = Some(Arc::new(timing));
        }
        if !set.deferred {
            self.check_due().await?;
        }
        client.complete("SET CONSTRAINTS");
        Ok(())
    }

    async fn check_due(&mut self) -> Outcome {
        let Some(transaction) = self.transaction.as_mut().filter(|open| !open.deferred.is_empty()) else {
            return Ok(());
        };
        let (mut deferred, has_savepoints) =
            (std::mem::take(&mut transaction.deferred), !transaction.savepoints.is_empty());
        let scope = self.scope();
        let cancel = self.cancel.clone();
        let txn = self.transaction_txn().await?;
        let mut exec = crate::exec::Exec::new(&scope, txn.as_mut(), &[], &cancel);
        let seen = crate::mutate::check_due(&mut deferred, has_savepoints, &mut exec).await;
        self.defer(deferred);
        seen
    }
}

/// The foreign keys of this name, in the first schema of the search path that has a constraint of it.
fn deferrable_constraints(scope: &Scope, name: &[ast::Name], deferred: bool) -> Result<Vec<u32>> {
    let (schemas, name) = match name {
        [name] => (scope.session.search_path.to_vec(), name.as_str()),
        [schema, name] => {
            let missing = || Error::new(sqlstate::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist"));
            let oid = scope.catalog.schema_named(scope.session.database, schema.as_str()).ok_or_else(missing)?;
            (vec![oid], name.as_str())
        }
        _ => return Err(Error::unsupported("SET CONSTRAINTS in another database")),
    };
    for schema in schemas {
        let tables = || scope.catalog.tables.values().filter(|table| Oid(table.schema) == schema);
        let keys: Vec<&ForeignKey> =
            tables().flat_map(|table| &table.foreign_keys).filter(|key| key.name == name).collect();
        let others = tables().any(|table| {
            let is_check = table.checks.iter().any(|check| check.name == name);
            is_check
                || table.indexes.iter().any(|index| index.constraint > 0 && !index.deferrable && index.name == name)
        });
        if others || keys.iter().any(|key| !key.deferrable) {
            let message = format!("constraint \"{name}\" is not deferrable");
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message));
        }
        let unique = tables().flat_map(|table| &table.indexes).any(|index| index.deferrable && index.name == name);
        if unique && deferred {
            return Err(Error::unsupported("putting off the check of a unique key"));
        }
        if unique || !keys.is_empty() {
            return Ok(keys.into_iter().map(|key| key.oid).collect());
        }
    }
    Err(Error::new(sqlstate::UNDEFINED_OBJECT, format!("constraint \"{name}\" does not exist")))
}

pub(super) fn text_column(name: impl AsRef<str>) -> Column {
    Column { name: name.as_ref().to_owned(), ty: Type::TEXT, size: -1, table: Oid::NONE, attribute: 0 }
}

fn isolation_of(level: ast::Isolation) -> Isolation {
    match level {
        ast::Isolation::Serializable => Isolation::Serializable,
        ast::Isolation::RepeatableRead => Isolation::RepeatableRead,
        ast::Isolation::ReadCommitted | ast::Isolation::ReadUncommitted => Isolation::ReadCommitted,
    }
}

fn isolation_name(level: Isolation) -> &'static str {
    match level {
        Isolation::Serializable => "serializable",
        Isolation::RepeatableRead => "repeatable read",
        Isolation::ReadCommitted => "read committed",
    }
}

/// A setting's value as one text; a list of names is joined.
fn join_values(name: &str, values: &[SettingValue]) -> Result<String> {
    let is_list = matches!(name, "search_path" | "datestyle" | "temp_tablespaces");
    if values.len() > 1 && !is_list {
        let message = format!("SET {name} takes only one argument");
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
    }
    let mut texts = Vec::new();
    for value in values {
        texts.push(match value {
            SettingValue::Text(text) if name == "search_path" && needs_quotes(text) => {
                format!("\"{}\"", text.replace('"', "\"\""))
            }
            SettingValue::Text(text) | SettingValue::Number(text) => text.to_string(),
            SettingValue::Interval(text, _) => text.to_string(),
            SettingValue::List(_) | SettingValue::Star => {
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("SET {name} takes no such value")));
            }
        });
    }
    Ok(texts.join(", "))
}

/// A name that would not read back as itself.
fn needs_quotes(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit())
}
