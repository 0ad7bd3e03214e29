//! Databases, schemas, extensions.

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    /// Behind CREATE DATABASE.
    pub(super) fn create_database(&mut self) -> Result<Statement> {
        let name = self.name()?;
        self.eat(K::With);
        let options = self.database_options()?;
        Ok(Statement::CreateDatabase(CreateDatabase { name, options }))
    }

    fn database_options(&mut self) -> Result<Vec<Setting>> {
        let mut options = Vec::new();
        loop {
            let at = self.at();
            let name = match self.kind() {
                Kind::Keyword(K::Connection) => {
                    self.advance();
                    self.expect(K::Limit)?;
                    Name::new("connection_limit", at)
                }
                Kind::Keyword(K::Encoding | K::Location | K::Owner | K::Tablespace | K::Template) => self.take_name(),
                Kind::Identifier | Kind::QuotedIdentifier => self.take_name(),
                _ => return Ok(options),
            };
            self.eat_symbol(b'=');
            let value = if self.eat(K::Default) {
                None
            } else if matches!(self.kind(), Kind::Integer | Kind::Number | Kind::Symbol(b'+' | b'-')) {
                Some(SettingValue::Number(self.number()?))
            } else {
                Some(self.word_or_boolean()?)
            };
            options.push(Setting { namespace: None, name, value });
        }
    }

    /// Behind ALTER DATABASE.
    pub(super) fn alter_database(&mut self) -> Result<Statement> {
        let at = self.at();
        let name = self.name()?;
        let object = |name| ObjectName { kind: ObjectKind::Database, name: vec![name], rest: ObjectNameRest::None, at };
        if self.eat(K::Rename) {
            self.expect(K::To)?;
            let to = self.name()?;
            let (object, behavior) = (object(name), DropBehavior::Restrict);
            return Ok(Statement::Rename(Box::new(Rename { object, of: None, if_exists: false, to, behavior })));
        }
        if self.is(K::Owner) && self.is_ahead(1, K::To) {
            self.advance();
            self.advance();
            let owner = self.role_name()?;
            return Ok(Statement::SetOwner(Box::new(SetOwner { object: object(name), owner })));
        }
        let action = if self.is(K::Set) && self.is_ahead(1, K::Tablespace) && !self.is_assignment_ahead(2) {
            self.advance();
            self.advance();
            AlterDatabaseAction::SetTablespace(self.name()?)
        } else if self.eat(K::Refresh) {
            self.expect_all(&[K::Collation, K::Version])?;
            AlterDatabaseAction::RefreshCollationVersion
        } else if let Some(change) = self.setting_change()? {
            AlterDatabaseAction::Setting(change)
        } else {
            self.eat(K::With);
            AlterDatabaseAction::Options(self.database_options()?)
        };
        Ok(Statement::AlterDatabase(AlterDatabase { name, action }))
    }

    fn is_assignment_ahead(&self, count: usize) -> bool {
        matches!(self.kind_ahead(count), Kind::Symbol(b'=' | b'.') | Kind::Keyword(K::To | K::From))
    }

    /// Behind DROP DATABASE.
    pub(super) fn drop_database(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists();
        let name = self.name()?;
        let mut force = false;
        if self.eat(K::With) || self.is_symbol(b'(') {
            self.parenthesized_list(|parser| parser.expect(K::Force))?;
            force = true;
        }
        Ok(Statement::DropDatabase(DropDatabase { name, if_exists, force }))
    }

    /// Behind CREATE SCHEMA.
    pub(super) fn create_schema(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = if self.is(K::Authorization) { None } else { Some(self.name()?) };
        let authorization = self.optional(K::Authorization, Self::role_name)?;
        let mut elements = Vec::new();
        loop {
            let at = self.at();
            match self.keyword() {
                Some(K::Create) => elements.push(self.create_schema_element()?),
                Some(K::Grant) => elements.push(self.grant_or_revoke()?),
                _ => break,
            }
            if if_not_exists {
                return Err(self.unsupported(at, "CREATE SCHEMA IF NOT EXISTS cannot include schema elements"));
            }
        }
        Ok(Statement::CreateSchema(Box::new(CreateSchema { name, authorization, if_not_exists, elements })))
    }

    /// Behind CREATE EXTENSION.
    pub(super) fn create_extension(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.name()?;
        self.eat(K::With);
        let mut extension = CreateExtension { name, if_not_exists, schema: None, version: None, cascade: false };
        loop {
            let at = self.at();
            let again = match self.keyword() {
                Some(K::Schema) => {
                    self.advance();
                    let schema = self.name()?;
                    extension.schema.replace(schema).is_some()
                }
                Some(K::Version) => {
                    self.advance();
                    let version = if self.kind() == Kind::String { self.string()? } else { self.word()?.text };
                    extension.version.replace(version).is_some()
                }
                Some(K::From) => {
                    self.advance();
                    let at = self.at();
                    self.word_or_boolean()?;
                    return Err(self.unsupported(at, "CREATE EXTENSION ... FROM is no longer supported"));
                }
                Some(K::Cascade) => {
                    self.advance();
                    std::mem::replace(&mut extension.cascade, true)
                }
                _ => return Ok(Statement::CreateExtension(extension)),
            };
            if again {
                return Err(self.duplicate_option(at));
            }
        }
    }
}
