//! Definitions: CREATE, ALTER, DROP, GRANT, COMMENT, TRUNCATE.
//!
//! - this file: what a definition may use, and which file does which statement
//! - [`names`]: objects by name, and names that PostgreSQL chooses; [`access`]: privileges
//! - [`binding`]: types and expressions, by the binder; `walk`, `qualify`: over expressions and queries as written
//! - `schema`, `database`, `role`, `grant`, `sequence`, `view`, `enum_type`, `extension`: one kind of object each
//! - `table`, with `column`, `constraint`, `index`, `like`: CREATE TABLE and its parts
//! - `alter`, with `alter_column`: ALTER TABLE; `reindex`
//! - `drop`, with `dependency`: what goes, and what cannot go without it; `owned`: what a role owns
//! - `rename`, `comment`, `truncate`
//! - [`data`]: what becomes of the rows; [`job`]: what is left to do when the transaction has committed;
//!   `online`: indexes of large tables
//!
//! A definition changes descriptors in the user's transaction, through [`Changes`]: others see nothing of it until it
//! commits, and nothing is left of it if it does not.
//!
//! INVARIANT: whoever changes a relation holds PostgreSQL's lock for that on it, and has looked its descriptor up again
//! after getting the lock.

pub mod access;
mod alter;
mod alter_column;
pub mod binding;
pub mod column;
mod comment;
mod constraint;
pub mod data;
mod database;
mod dependency;
mod drop;
mod enum_type;
mod extension;
mod grant;
mod index;
pub mod job;
mod like;
pub mod names;
mod online;
mod owned;
mod qualify;
mod reindex;
mod rename;
mod role;
mod schema;
mod sequence;
mod table;
mod truncate;
pub mod view;
pub mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, SqlState, sqlstate};
use atoll_syntax::ast::{self, Statement};

use crate::catalog::store::{Changes, Kind, Object};
use crate::catalog::{Catalog, Table};
use crate::exec::{Cancel, Counters, Result};
use crate::kv::Txn;
use crate::plan::Query;
use crate::session::Scope;
use crate::session::locks::Mode;
use crate::statistics::Tally;

/// What a definition may use.
pub struct Definition<'a> {
    /// Its catalog is the transaction's own, and changes with every change.
    pub scope: Scope,
    pub txn: &'a mut dyn Txn,
    pub changes: &'a mut Changes,
    /// The statement is not alone in its transaction.
    pub in_block: bool,
    pub notices: Vec<Notice>,
    /// Rows that it has made, or taken away.
    pub tally: Tally,
    pub filling: Filling,
    /// Asked between two pieces of work; nothing that commits by itself is ever dropped half done.
    pub cancel: Arc<Cancel>,
}

/// What is to be known of the query that fills a table, besides its text.
#[derive(Default)]
pub struct Filling {
    /// Its parameters: CREATE TABLE AS EXECUTE.
    pub types: Vec<Oid>,
    pub parameters: Vec<Datum>,
    /// Count what it does, for EXPLAIN ANALYZE.
    pub analyze: bool,
    /// What was run, and counted. Counters know a plan's nodes by their addresses, which must stay.
    pub analyzed: Option<(Box<Query>, Option<Counters>)>,
}

/// What the client is told besides the command's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub severity: Severity,
    pub text: Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Notice,
    Warning,
}

/// A definition that was carried out.
#[derive(Debug)]
pub struct Done {
    pub tag: String,
    pub notices: Vec<Notice>,
}

impl<'a> Definition<'a> {
    pub fn new(scope: Scope, txn: &'a mut dyn Txn, changes: &'a mut Changes, in_block: bool) -> Definition<'a> {
        let (notices, tally, filling) = (Vec::new(), Tally::default(), Filling::default());
        let cancel = Arc::default();
        let mut definition = Definition { scope, txn, changes, in_block, notices, tally, filling, cancel };
        definition.refresh();
        definition
    }

    pub fn catalog(&self) -> &Catalog {
        &self.scope.catalog
    }

    pub fn database(&self) -> Oid {
        self.scope.session.database
    }

    pub fn role(&self) -> Oid {
        self.scope.session.current_user
    }

    /// Sees what others have committed meanwhile.
    pub fn refresh(&mut self) {
        self.scope.statistics = self.changes.known(&self.scope.node.statistics());
        self.scope.catalog = self.changes.catalog(&self.scope.node.catalog());
    }

    pub async fn new_oid(&mut self) -> Result<u32> {
        self.scope.node.new_oid().await
    }

    pub async fn put(&mut self, object: impl Into<Object>) -> Result<()> {
        let current = self.scope.node.catalog();
        // Else the changes would have to copy their catalog, because it is in use here.
        self.scope.catalog = current.clone();
        let done = self.changes.put(self.txn, &current, object.into()).await;
        self.refresh();
        done
    }

    /// Writes a changed table, under its next version.
    pub async fn put_table(&mut self, mut table: Table) -> Result<()> {
        table.version += 1;
        self.put(table).await
    }

    pub async fn delete(&mut self, kind: Kind, oid: Oid) -> Result<()> {
        let current = self.scope.node.catalog();
        self.scope.catalog = current.clone();
        let done = self.changes.delete(self.txn, &current, kind, oid).await;
        self.refresh();
        done
    }

    /// Locks a relation, and looks whether it is still there. Where that keeps writers away, all that they have committed
    /// is seen from now on: the statement's snapshot may be older than the lock, and whoever wrote between the two knew
    /// nothing of what the statement defines.
    pub async fn lock(&mut self, relation: Oid, mode: Mode) -> Result<Option<Arc<Table>>> {
        self.scope.locks.lock_relation(relation, mode).await?;
        if mode.conflicts_with(Mode::RowExclusive) {
            self.txn.see(self.scope.node.gateway.now()).await?;
        }
        self.refresh();
        Ok(self.catalog().table(relation).cloned())
    }

    pub fn notice(&mut self, state: SqlState, message: impl Into<String>) {
        self.notices.push(Notice { severity: Severity::Notice, text: Error::new(state, message) });
    }

    pub fn warning(&mut self, state: SqlState, message: impl Into<String>) {
        self.notices.push(Notice { severity: Severity::Warning, text: Error::new(state, message) });
    }

    /// What IF EXISTS says.
    pub fn skip(&mut self, message: String) {
        self.notice(sqlstate::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
    }
}

/// Whether the statement is one of those that [`execute`] carries out; of queries only SELECT … INTO is.
pub fn is_definition(statement: &Statement) -> bool {
    use Statement::*;
    matches!(
        statement,
        Query(_)
            | Truncate(_)
            | CreateTable(_)
            | CreateTableAs(_)
            | AlterTable(_)
            | CreateIndex(_)
            | Reindex(_)
            | CreateView(_)
            | RefreshMaterializedView(_)
            | CreateSequence(_)
            | AlterSequence(_)
            | CreateSchema(_)
            | CreateDatabase(_)
            | AlterDatabase(_)
            | DropDatabase(_)
            | CreateRole(_)
            | AlterRole(_)
            | AlterRoleSet(_)
            | AlterGroup(_)
            | DropRole(_)
            | AlterSystem(_)
            | Grant(_)
            | GrantRole(_)
            | AlterDefaultPrivileges(_)
            | CreateType(_)
            | AlterType(_)
            | AlterEnum(_)
            | CreateDomain(_)
            | AlterDomain(_)
            | CreateExtension(_)
            | CreateFunction(_)
            | Drop(_)
            | Rename(_)
            | SetSchema(_)
            | SetOwner(_)
            | Comment(_)
            | DropOwned(_)
            | ReassignOwned(_)
    )
}

/// Carries out a definition. After an error the transaction is to be rolled back, at least to where it was before.
pub async fn execute(definition: &mut Definition<'_>, statement: &Statement) -> Result<Done> {
    let tag = dispatch(definition, statement).await?;
    Ok(Done { tag, notices: std::mem::take(&mut definition.notices) })
}

async fn dispatch(definition: &mut Definition<'_>, statement: &Statement) -> Result<String> {
    if definition.scope.session.read_only {
        let message = format!("cannot execute {} in a read-only transaction", command(statement));
        return Err(Error::new(sqlstate::READ_ONLY_SQL_TRANSACTION, message).into());
    }
    match statement {
        Statement::CreateTable(create) => table::create(definition, create).await?,
        Statement::CreateTableAs(create) => {
            if let Some(rows) = view::create_as(definition, create).await? {
                return Ok(format!("SELECT {rows}"));
            }
        }
        Statement::Query(query) => {
            let create = view::of_select_into(query)?;
            if let Some(rows) = view::create_as(definition, &create).await? {
                return Ok(format!("SELECT {rows}"));
            }
        }
        Statement::AlterTable(alter) => alter::execute(definition, alter).await?,
        Statement::CreateIndex(create) => index::create(definition, create).await?,
        Statement::Reindex(reindex) => reindex::execute(definition, reindex).await?,
        Statement::CreateView(create) => view::create(definition, create).await?,
        Statement::RefreshMaterializedView(refresh) => view::refresh(definition, refresh).await?,
        Statement::CreateSequence(create) => sequence::create(definition, create).await?,
        Statement::AlterSequence(alter) => sequence::alter(definition, alter).await?,
        Statement::CreateSchema(create) => schema::create(definition, create).await?,
        Statement::CreateDatabase(create) => database::create(definition, create).await?,
        Statement::AlterDatabase(alter) => database::alter(definition, alter).await?,
        Statement::DropDatabase(drop) => database::drop(definition, drop).await?,
        Statement::CreateRole(create) => role::create(definition, create).await?,
        Statement::AlterRole(alter) => role::alter(definition, alter).await?,
        Statement::AlterRoleSet(alter) => role::alter_settings(definition, alter).await?,
        Statement::AlterGroup(alter) => role::alter_group(definition, alter).await?,
        Statement::DropRole(drop) => role::drop(definition, drop).await?,
        Statement::Grant(grant) => grant::execute(definition, grant).await?,
        Statement::GrantRole(grant) => role::grant(definition, grant).await?,
        Statement::AlterDefaultPrivileges(alter) => grant::alter_defaults(definition, alter).await?,
        Statement::CreateType(create) => enum_type::create(definition, create).await?,
        Statement::AlterEnum(alter) => enum_type::alter(definition, alter).await?,
        Statement::CreateExtension(create) => extension::create(definition, create)?,
        Statement::Drop(drop) => drop::execute(definition, drop).await?,
        Statement::Rename(rename) => rename::execute(definition, rename).await?,
        Statement::SetSchema(set) => rename::set_schema(definition, set).await?,
        Statement::SetOwner(set) => rename::set_owner(definition, set).await?,
        Statement::Comment(comment) => comment::execute(definition, comment).await?,
        Statement::Truncate(truncate) => truncate::execute(definition, truncate).await?,
        Statement::DropOwned(drop) => owned::drop(definition, drop).await?,
        Statement::ReassignOwned(reassign) => rename::reassign_owned(definition, reassign).await?,
        _ => return Err(Error::unsupported(command(statement)).into()),
    }
    Ok(command(statement))
}

/// The command's tag.
pub fn command(statement: &Statement) -> String {
    match statement {
        Statement::Truncate(_) => "TRUNCATE TABLE".to_owned(),
        Statement::CreateTable(_) => "CREATE TABLE".to_owned(),
        Statement::CreateTableAs(create) if create.materialized_view => "CREATE MATERIALIZED VIEW".to_owned(),
        Statement::CreateTableAs(_) | Statement::Query(_) => "CREATE TABLE AS".to_owned(),
        Statement::AlterTable(alter) => format!("ALTER {}", kind_words(alter.kind)),
        Statement::CreateIndex(_) => "CREATE INDEX".to_owned(),
        Statement::Reindex(_) => "REINDEX".to_owned(),
        Statement::CreateView(_) => "CREATE VIEW".to_owned(),
        Statement::RefreshMaterializedView(_) => "REFRESH MATERIALIZED VIEW".to_owned(),
        Statement::CreateSequence(_) => "CREATE SEQUENCE".to_owned(),
        Statement::AlterSequence(_) => "ALTER SEQUENCE".to_owned(),
        Statement::CreateSchema(_) => "CREATE SCHEMA".to_owned(),
        Statement::CreateDatabase(_) => "CREATE DATABASE".to_owned(),
        Statement::AlterDatabase(_) => "ALTER DATABASE".to_owned(),
        Statement::DropDatabase(_) => "DROP DATABASE".to_owned(),
        Statement::CreateRole(_) => "CREATE ROLE".to_owned(),
        Statement::AlterRole(_) | Statement::AlterRoleSet(_) | Statement::AlterGroup(_) => "ALTER ROLE".to_owned(),
        Statement::DropRole(_) => "DROP ROLE".to_owned(),
        Statement::AlterSystem(_) => "ALTER SYSTEM".to_owned(),
        Statement::Grant(grant) => if grant.revoke { "REVOKE" } else { "GRANT" }.to_owned(),
        Statement::GrantRole(grant) => if grant.revoke { "REVOKE ROLE" } else { "GRANT ROLE" }.to_owned(),
        Statement::AlterDefaultPrivileges(_) => "ALTER DEFAULT PRIVILEGES".to_owned(),
        Statement::CreateType(_) => "CREATE TYPE".to_owned(),
        Statement::AlterType(_) | Statement::AlterEnum(_) => "ALTER TYPE".to_owned(),
        Statement::CreateDomain(_) => "CREATE DOMAIN".to_owned(),
        Statement::AlterDomain(_) => "ALTER DOMAIN".to_owned(),
        Statement::CreateExtension(_) => "CREATE EXTENSION".to_owned(),
        Statement::CreateFunction(create) if create.procedure => "CREATE PROCEDURE".to_owned(),
        Statement::CreateFunction(_) => "CREATE FUNCTION".to_owned(),
        Statement::Drop(drop) => match drop.objects.first() {
            Some(object) => format!("DROP {}", kind_words(object.kind)),
            None => "DROP".to_owned(),
        },
        Statement::Rename(rename) => match (&rename.of, rename.object.kind) {
            (Some((kind, _)), _) => format!("ALTER {}", kind_words(*kind)),
            (None, kind) => format!("ALTER {}", kind_words(kind)),
        },
        Statement::SetSchema(set) => format!("ALTER {}", kind_words(set.object.kind)),
        Statement::SetOwner(set) => format!("ALTER {}", kind_words(set.object.kind)),
        Statement::Comment(_) => "COMMENT".to_owned(),
        Statement::DropOwned(_) => "DROP OWNED".to_owned(),
        Statement::ReassignOwned(_) => "REASSIGN OWNED".to_owned(),
        _ => "this statement".to_owned(),
    }
}

/// As command tags spell it.
pub fn kind_words(kind: ast::ObjectKind) -> &'static str {
    use ast::ObjectKind::*;
    match kind {
        AccessMethod => "ACCESS METHOD",
        Aggregate => "AGGREGATE",
        Attribute => "TYPE",
        Cast => "CAST",
        Collation => "COLLATION",
        Column | Constraint | Table => "TABLE",
        Conversion => "CONVERSION",
        Database => "DATABASE",
        Domain | DomainConstraint => "DOMAIN",
        EventTrigger => "EVENT TRIGGER",
        Extension => "EXTENSION",
        ForeignDataWrapper => "FOREIGN DATA WRAPPER",
        ForeignTable => "FOREIGN TABLE",
        Function => "FUNCTION",
        Index => "INDEX",
        Language => "LANGUAGE",
        LargeObject => "LARGE OBJECT",
        MaterializedView => "MATERIALIZED VIEW",
        Operator => "OPERATOR",
        OperatorClass => "OPERATOR CLASS",
        OperatorFamily => "OPERATOR FAMILY",
        Parameter => "PARAMETER",
        Policy => "POLICY",
        Procedure => "PROCEDURE",
        Publication => "PUBLICATION",
        Role => "ROLE",
        Routine => "ROUTINE",
        Rule => "RULE",
        Schema => "SCHEMA",
        Sequence => "SEQUENCE",
        Server => "SERVER",
        Statistics => "STATISTICS",
        Subscription => "SUBSCRIPTION",
        Tablespace => "TABLESPACE",
        TextSearchConfiguration => "TEXT SEARCH CONFIGURATION",
        TextSearchDictionary => "TEXT SEARCH DICTIONARY",
        TextSearchParser => "TEXT SEARCH PARSER",
        TextSearchTemplate => "TEXT SEARCH TEMPLATE",
        Transform => "TRANSFORM",
        Trigger => "TRIGGER",
        Type => "TYPE",
        View => "VIEW",
    }
}
