//! Which statement it is.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement> {
        let at = self.at();
        let Kind::Keyword(keyword) = self.kind() else {
            return match self.kind() {
                Kind::Symbol(b'(') => Ok(Statement::Query(Box::new(self.query()?))),
                _ => Err(self.unexpected()),
            };
        };
        match keyword {
            K::Select | K::Values | K::Table | K::With | K::Insert | K::Update | K::Delete | K::Merge => {
                self.preparable()
            }
            K::Begin | K::Start | K::Commit | K::End | K::Rollback | K::Abort | K::Savepoint | K::Release => {
                Ok(Statement::Transaction(self.transaction()?))
            }
            K::Set => self.set(),
            K::Reset => Ok(Statement::Reset(self.reset()?)),
            K::Show => self.show(),
            K::Discard => self.discard(),
            K::Prepare => self.prepare(),
            K::Execute => Ok(Statement::Execute(self.execute()?)),
            K::Deallocate => self.deallocate(),
            K::Declare => self.declare_cursor(),
            K::Fetch | K::Move => self.fetch(),
            K::Close => self.close_cursor(),
            K::Explain => self.explain(),
            K::Analyze | K::Analyse => self.analyze(),
            K::Vacuum => self.vacuum(),
            K::Checkpoint => {
                self.advance();
                Ok(Statement::Checkpoint)
            }
            K::Cluster => self.cluster(),
            K::Listen => {
                self.advance();
                Ok(Statement::Listen(self.name()?))
            }
            K::Notify => self.notify(),
            K::Unlisten => self.unlisten(),
            K::Lock => self.lock_table(),
            K::Truncate => self.truncate(),
            K::Copy => self.copy(),
            K::Call => {
                self.advance();
                let name = self.function_name()?;
                Ok(Statement::Call(Box::new(self.application(name)?)))
            }
            K::Reindex => self.reindex(),
            K::Refresh => self.refresh(),
            K::Grant | K::Revoke => self.grant_or_revoke(),
            K::Reassign => self.reassign_owned(),
            K::Comment => self.comment(),
            K::Create => self.create(),
            K::Alter => self.alter(),
            K::Drop => self.drop(),
            K::Do => self.unsupported_statement("DO", at),
            K::Load => self.unsupported_statement("LOAD", at),
            K::Security => self.unsupported_statement("SECURITY LABEL", at),
            K::Import => self.unsupported_statement("IMPORT FOREIGN SCHEMA", at),
            _ => Err(self.unexpected()),
        }
    }

    /// What PREPARE, WITH and COPY can hold.
    pub(super) fn preparable(&mut self) -> Result<Statement> {
        let with = self.with()?;
        match self.keyword() {
            Some(K::Insert) => self.insert(with),
            Some(K::Update) => self.update(with),
            Some(K::Delete) => self.delete(with),
            Some(K::Merge) => self.merge(with),
            _ => Ok(Statement::Query(Box::new(self.query_after_with(with)?))),
        }
    }

    /// What EXPLAIN can explain.
    pub(super) fn explainable(&mut self) -> Result<Statement> {
        match self.keyword() {
            Some(K::Declare) => self.declare_cursor(),
            Some(K::Refresh) => self.refresh(),
            Some(K::Execute) => Ok(Statement::Execute(self.execute()?)),
            Some(K::Create) => {
                let may_have_query =
                    [K::Table, K::Temp, K::Temporary, K::Local, K::Global, K::Unlogged, K::Materialized];
                if !matches!(self.kind_ahead(1), Kind::Keyword(keyword) if may_have_query.contains(&keyword)) {
                    self.advance();
                    return Err(self.unexpected());
                }
                match self.create()? {
                    statement @ Statement::CreateTableAs(_) => Ok(statement),
                    _ => Err(self.unexpected()),
                }
            }
            _ => self.preparable(),
        }
    }

    /// A statement of which Atoll knows nothing but where it ends.
    pub(super) fn unsupported_statement(&mut self, what: &str, at: At) -> Result<Statement> {
        let mut depth = 0usize;
        loop {
            match self.kind() {
                Kind::Bad => return Err(self.unexpected()),
                Kind::End if depth > 0 => return Err(self.unexpected()),
                Kind::End => break,
                Kind::Symbol(b';') if depth == 0 => break,
                Kind::Symbol(b'(') => depth += 1,
                Kind::Symbol(b')') if depth == 0 => return Err(self.unexpected()),
                Kind::Symbol(b')') => depth -= 1,
                Kind::Keyword(K::Begin) if self.is_ahead(1, K::Atomic) => {
                    self.advance();
                    self.advance();
                    self.skip_block()?;
                    continue;
                }
                _ => {}
            }
            self.advance();
        }
        Ok(Statement::Unsupported { what: what.into(), at })
    }

    // CREATE

    fn create(&mut self) -> Result<Statement> {
        let at = self.at();
        self.expect(K::Create)?;
        let or_replace = self.or_replace()?;
        let persistence_at = self.position;
        let persistence = self.persistence()?;
        let is_permanent = self.position == persistence_at;
        let Some(keyword) = self.keyword() else {
            return Err(self.unexpected());
        };
        match keyword {
            K::View => {
                self.advance();
                return self.create_view(or_replace, persistence, false);
            }
            K::Recursive => {
                self.advance();
                self.expect(K::View)?;
                return self.create_view(or_replace, persistence, true);
            }
            K::Function | K::Procedure if is_permanent => {
                self.advance();
                return self.create_function(or_replace, keyword == K::Procedure);
            }
            K::Aggregate
            | K::Constraint
            | K::Language
            | K::Procedural
            | K::Rule
            | K::Transform
            | K::Trigger
            | K::Trusted
                if is_permanent =>
            {
                return self.create_unsupported(at);
            }
            _ if or_replace => return Err(self.unexpected()),
            K::Table => {
                self.advance();
                return self.create_table(persistence);
            }
            K::Sequence => {
                self.advance();
                return self.create_sequence(persistence);
            }
            K::Materialized => {
                self.advance();
                self.expect(K::View)?;
                return self.create_materialized_view(persistence);
            }
            _ if !is_permanent => return Err(self.unexpected()),
            K::Unique => {
                self.advance();
                self.expect(K::Index)?;
                return self.create_index(true);
            }
            K::User if self.is_ahead(1, K::Mapping) => return self.create_unsupported(at),
            _ => {}
        }
        match keyword {
            K::Index | K::Schema | K::Database | K::Role | K::User | K::Group | K::Type | K::Domain | K::Extension => {
                self.advance();
            }
            K::Access
            | K::Cast
            | K::Collation
            | K::Conversion
            | K::Default
            | K::Event
            | K::Foreign
            | K::Operator
            | K::Policy
            | K::Publication
            | K::Server
            | K::Statistics
            | K::Subscription
            | K::Tablespace
            | K::Text => {
                return self.create_unsupported(at);
            }
            _ => return Err(self.unexpected()),
        }
        match keyword {
            K::Index => self.create_index(false),
            K::Schema => self.create_schema(),
            K::Database => self.create_database(),
            K::Type => self.create_type(at),
            K::Domain => self.create_domain(),
            K::Extension => self.create_extension(),
            _ => self.create_role(keyword == K::User),
        }
    }

    pub(super) fn create_schema_element(&mut self) -> Result<Statement> {
        self.create()
    }

    /// TEMP, TEMPORARY, LOCAL TEMP, GLOBAL TEMP, UNLOGGED.
    fn persistence(&mut self) -> Result<Persistence> {
        if self.eat(K::Unlogged) {
            return Ok(Persistence::Unlogged);
        }
        let scoped = self.eat(K::Local) || self.eat(K::Global);
        if self.eat(K::Temp) || self.eat(K::Temporary) {
            return Ok(Persistence::Temporary);
        }
        if scoped {
            return Err(self.unexpected());
        }
        Ok(Persistence::Permanent)
    }

    /// The current token is the first of what is to be created.
    fn create_unsupported(&mut self, at: At) -> Result<Statement> {
        let kind = self.position;
        let words = match self.keyword() {
            Some(K::Foreign) if self.is_ahead(1, K::Data) => 3,
            Some(K::Text) => 3,
            Some(K::Operator) if matches!(self.kind_ahead(1), Kind::Keyword(K::Class | K::Family)) => 2,
            Some(K::Access | K::Constraint | K::Default | K::Event | K::Foreign | K::Procedural | K::User) => 2,
            Some(K::Trusted) => 1 + usize::from(self.is_ahead(1, K::Procedural)) + 1,
            _ => 1,
        };
        for _ in 0..words {
            self.advance();
        }
        let what = format!("CREATE {}", self.words_from(kind));
        if matches!(self.kind(), Kind::End | Kind::Symbol(b';')) {
            return Err(self.unexpected());
        }
        self.unsupported_statement(&what, at)
    }

    // ALTER

    fn alter(&mut self) -> Result<Statement> {
        let at = self.at();
        self.expect(K::Alter)?;
        let Some(keyword) = self.keyword() else {
            return Err(self.unexpected());
        };
        let relation = match keyword {
            K::Table => Some(ObjectKind::Table),
            K::Index => Some(ObjectKind::Index),
            K::Sequence => Some(ObjectKind::Sequence),
            K::View => Some(ObjectKind::View),
            K::Materialized => Some(ObjectKind::MaterializedView),
            K::Foreign if self.is_ahead(1, K::Table) => Some(ObjectKind::ForeignTable),
            _ => None,
        };
        if let Some(kind) = relation {
            self.object_kind()?;
            return self.alter_relation(kind, at);
        }
        match keyword {
            K::Database => {
                self.advance();
                self.alter_database()
            }
            K::User if self.is_ahead(1, K::Mapping) => self.unsupported_statement("ALTER USER MAPPING", at),
            K::Role | K::User => {
                self.advance();
                self.alter_role()
            }
            K::Group => {
                self.advance();
                self.alter_group()
            }
            K::System => {
                self.advance();
                match self.setting_change()? {
                    Some(change) => Ok(Statement::AlterSystem(change)),
                    None => Err(self.unexpected()),
                }
            }
            K::Default => {
                self.advance();
                self.expect(K::Privileges)?;
                self.alter_default_privileges()
            }
            K::Domain => {
                self.advance();
                self.alter_domain(at)
            }
            K::Type => {
                self.advance();
                self.alter_type(at)
            }
            _ => self.alter_object(at),
        }
    }
}
