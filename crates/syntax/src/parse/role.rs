//! Roles and privileges.

use atoll_datum::{Error, Result, sqlstate};

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    pub(super) fn role_name(&mut self) -> Result<RoleName> {
        let at = self.at();
        let kind = match self.keyword() {
            Some(K::CurrentRole) => RoleNameKind::CurrentRole,
            Some(K::CurrentUser) => RoleNameKind::CurrentUser,
            Some(K::SessionUser) => RoleNameKind::SessionUser,
            _ => {
                // PUBLIC is not even a keyword, and may be quoted.
                let name = self.word()?;
                let kind = match name.as_str() {
                    "public" => RoleNameKind::Public,
                    "none" => {
                        return Err(
                            Error::new(sqlstate::RESERVED_NAME, "role name \"none\" is reserved").at(at.offset())
                        );
                    }
                    _ => RoleNameKind::Name(name.text),
                };
                return Ok(RoleName { kind, at });
            }
        };
        self.advance();
        Ok(RoleName { kind, at })
    }

    fn role_names(&mut self) -> Result<Vec<RoleName>> {
        self.list(Self::role_name)
    }

    /// The name of a role that is made: none of the special ones.
    fn new_role_name(&mut self) -> Result<RoleName> {
        let name = self.role_name()?;
        let word = match name.kind {
            RoleNameKind::Name(_) => return Ok(name),
            RoleNameKind::Public => {
                let error = Error::new(sqlstate::RESERVED_NAME, "role name \"public\" is reserved");
                return Err(error.at(name.at.offset()));
            }
            RoleNameKind::CurrentRole => "CURRENT_ROLE",
            RoleNameKind::CurrentUser => "CURRENT_USER",
            RoleNameKind::SessionUser => "SESSION_USER",
        };
        let message = format!("{word} cannot be used as a role name here");
        Err(Error::new(sqlstate::RESERVED_NAME, message).at(name.at.offset()))
    }

    /// Behind CREATE ROLE, USER or GROUP.
    pub(super) fn create_role(&mut self, user: bool) -> Result<Statement> {
        let name = self.new_role_name()?;
        self.eat(K::With);
        let options = self.role_options(true)?;
        Ok(Statement::CreateRole(CreateRole { name, user, options }))
    }

    fn role_options(&mut self, creating: bool) -> Result<Vec<RoleOption>> {
        let mut options = Vec::new();
        loop {
            let at = self.at();
            match self.role_option(creating)? {
                Some(kind) => options.push(RoleOption { kind, at }),
                None => return Ok(options),
            }
        }
    }

    fn role_option(&mut self, creating: bool) -> Result<Option<RoleOptionKind>> {
        use RoleOptionKind::*;
        let kind = match self.kind() {
            Kind::Keyword(K::Password) => {
                self.advance();
                if self.eat(K::Null) {
                    return Ok(Some(Password(None)));
                }
                return Ok(Some(Password(Some(self.string()?))));
            }
            Kind::Keyword(K::Encrypted) => {
                self.advance();
                self.expect(K::Password)?;
                return Ok(Some(Password(Some(self.string()?))));
            }
            Kind::Keyword(K::Unencrypted) => {
                let at = self.at();
                self.advance();
                self.expect(K::Password)?;
                self.string()?;
                return Err(self
                    .unsupported(at, "UNENCRYPTED PASSWORD is no longer supported")
                    .hint("Remove UNENCRYPTED to store the password in encrypted form instead."));
            }
            Kind::Keyword(K::Connection) => {
                self.advance();
                self.expect(K::Limit)?;
                return Ok(Some(ConnectionLimit(self.signed_integer()?)));
            }
            Kind::Keyword(K::Valid) => {
                self.advance();
                self.expect(K::Until)?;
                return Ok(Some(ValidUntil(self.string()?)));
            }
            Kind::Keyword(K::User) => {
                self.advance();
                return Ok(Some(Role(self.role_names()?)));
            }
            Kind::Keyword(K::Sysid) if creating => {
                self.advance();
                return Ok(Some(SystemId(self.integer()?)));
            }
            Kind::Keyword(K::Admin) if creating => {
                self.advance();
                return Ok(Some(Admin(self.role_names()?)));
            }
            Kind::Keyword(K::Role) if creating => {
                self.advance();
                return Ok(Some(Role(self.role_names()?)));
            }
            Kind::Keyword(K::In) if creating => {
                self.advance();
                if !self.eat(K::Role) {
                    self.expect(K::Group)?;
                }
                return Ok(Some(InRole(self.role_names()?)));
            }
            Kind::Keyword(K::Inherit) => Inherit(true),
            Kind::Identifier => {
                let at = self.at();
                let word = self.tokens.name(self.token());
                match &*word {
                    "superuser" => Superuser(true),
                    "nosuperuser" => Superuser(false),
                    "createrole" => CreateRole(true),
                    "nocreaterole" => CreateRole(false),
                    "replication" => Replication(true),
                    "noreplication" => Replication(false),
                    "createdb" => CreateDatabase(true),
                    "nocreatedb" => CreateDatabase(false),
                    "login" => Login(true),
                    "nologin" => Login(false),
                    "bypassrls" => BypassRowSecurity(true),
                    "nobypassrls" => BypassRowSecurity(false),
                    "noinherit" => Inherit(false),
                    other => return Err(self.error(at, format!("unrecognized role option \"{other}\""))),
                }
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(kind))
    }

    /// Behind ALTER ROLE or ALTER USER.
    pub(super) fn alter_role(&mut self) -> Result<Statement> {
        if self.is(K::All) {
            self.advance();
            return self.alter_role_set(None);
        }
        let at = self.at();
        let role = self.role_name()?;
        if self.is_any(&[K::Set, K::Reset]) || self.is(K::In) {
            return self.alter_role_set(Some(role));
        }
        if self.eat(K::Rename) {
            self.expect(K::To)?;
            return self.rename_role(role, at);
        }
        self.eat(K::With);
        let options = self.role_options(false)?;
        Ok(Statement::AlterRole(AlterRole { role, options }))
    }

    fn rename_role(&mut self, role: RoleName, at: At) -> Result<Statement> {
        let RoleNameKind::Name(text) = role.kind else {
            return Err(Error::new(sqlstate::RESERVED_NAME, "session user cannot be renamed").at(at.offset()));
        };
        let name = vec![Name { text, at }];
        let object = ObjectName { kind: ObjectKind::Role, name, rest: ObjectNameRest::None, at };
        let to = self.new_role_name()?;
        let RoleNameKind::Name(text) = to.kind else {
            return Err(self.unexpected());
        };
        let to = Name { text, at: to.at };
        let behavior = DropBehavior::Restrict;
        Ok(Statement::Rename(Box::new(Rename { object, of: None, if_exists: false, to, behavior })))
    }

    fn alter_role_set(&mut self, role: Option<RoleName>) -> Result<Statement> {
        let database = if self.eat(K::In) {
            self.expect(K::Database)?;
            Some(self.name()?)
        } else {
            None
        };
        match self.setting_change()? {
            Some(change) => Ok(Statement::AlterRoleSet(Box::new(AlterRoleSet { role, database, change }))),
            None => Err(self.unexpected()),
        }
    }

    /// Behind ALTER GROUP.
    pub(super) fn alter_group(&mut self) -> Result<Statement> {
        let at = self.at();
        let group = self.role_name()?;
        if self.eat(K::Rename) {
            self.expect(K::To)?;
            return self.rename_role(group, at);
        }
        let add = self.eat(K::Add);
        if !add {
            self.expect(K::Drop)?;
        }
        self.expect(K::User)?;
        Ok(Statement::AlterGroup(AlterGroup { group, add, members: self.role_names()? }))
    }

    /// Behind DROP ROLE, USER or GROUP.
    pub(super) fn drop_role(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists();
        Ok(Statement::DropRole(DropRole { roles: self.role_names()?, if_exists }))
    }

    pub(super) fn drop_owned(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Owned, K::By])?;
        let roles = self.role_names()?;
        Ok(Statement::DropOwned(DropOwned { roles, behavior: self.drop_behavior() }))
    }

    pub(super) fn reassign_owned(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Reassign, K::Owned, K::By])?;
        let roles = self.role_names()?;
        self.expect(K::To)?;
        Ok(Statement::ReassignOwned(ReassignOwned { roles, to: self.role_name()? }))
    }

    // Privileges

    pub(super) fn grant_or_revoke(&mut self) -> Result<Statement> {
        let revoke = self.is(K::Revoke);
        self.advance();
        let mut option = false;
        let mut admin_option = false;
        if revoke {
            option = self.grant_option_for()?;
            admin_option = !option && self.eat_all(&[K::Admin, K::Option]);
            if admin_option {
                self.expect(K::For)?;
            }
        }
        let privileges = self.privileges()?;
        if !self.is(K::On) || admin_option {
            return self.grant_role(revoke, privileges, admin_option);
        }
        self.advance();
        let on = self.grant_objects()?;
        Ok(Statement::Grant(Box::new(self.grant_rest(revoke, option, privileges, on)?)))
    }

    fn grant_option_for(&mut self) -> Result<bool> {
        Ok(self.optional(K::Grant, |parser| parser.expect_all(&[K::Option, K::For]))?.is_some())
    }

    fn grant_rest(
        &mut self,
        revoke: bool,
        mut grant_option: bool,
        privileges: Vec<Privilege>,
        on: GrantObjects,
    ) -> Result<Grant> {
        self.expect(if revoke { K::From } else { K::To })?;
        let grantees = self.grantees()?;
        if !revoke && self.eat(K::With) {
            self.expect_all(&[K::Grant, K::Option])?;
            grant_option = true;
        }
        let granted_by = self.granted_by()?;
        let behavior = if revoke { self.drop_behavior() } else { DropBehavior::Restrict };
        Ok(Grant { revoke, privileges, on, grantees, grant_option, granted_by, behavior })
    }

    fn grant_role(&mut self, revoke: bool, roles: Vec<Privilege>, mut admin_option: bool) -> Result<Statement> {
        if roles.is_empty() {
            return Err(self.unexpected());
        }
        self.expect(if revoke { K::From } else { K::To })?;
        let grantees = self.role_names()?;
        if !revoke && self.eat(K::With) {
            self.expect_all(&[K::Admin, K::Option])?;
            admin_option = true;
        }
        let granted_by = self.granted_by()?;
        let behavior = if revoke { self.drop_behavior() } else { DropBehavior::Restrict };
        let grant = GrantRole { revoke, roles, grantees, admin_option, granted_by, behavior };
        Ok(Statement::GrantRole(Box::new(grant)))
    }

    fn granted_by(&mut self) -> Result<Option<RoleName>> {
        self.optional(K::Granted, |parser| {
            parser.expect(K::By)?;
            parser.role_name()
        })
    }

    fn grantees(&mut self) -> Result<Vec<RoleName>> {
        self.list(|parser| {
            parser.eat(K::Group);
            parser.role_name()
        })
    }

    /// Nothing stands for ALL.
    fn privileges(&mut self) -> Result<Vec<Privilege>> {
        if self.eat(K::All) {
            self.eat(K::Privileges);
            if self.is_symbol(b'(') {
                return Ok(vec![Privilege { name: None, columns: self.parenthesized_names()? }]);
            }
            return Ok(Vec::new());
        }
        self.list(|parser| {
            let name = match parser.kind() {
                Kind::Keyword(K::Select | K::References | K::Create) => parser.take_name(),
                Kind::Keyword(K::Alter) if parser.is_ahead(1, K::System) => {
                    let at = parser.at();
                    parser.advance();
                    parser.advance();
                    Name::new("alter system", at)
                }
                _ => parser.name()?,
            };
            Ok(Privilege { name: Some(name), columns: parser.optional_names()? })
        })
    }

    fn grant_objects(&mut self) -> Result<GrantObjects> {
        if self.eat(K::All) {
            let kind = match self.keyword() {
                Some(K::Tables) => ObjectKind::Table,
                Some(K::Sequences) => ObjectKind::Sequence,
                Some(K::Functions) => ObjectKind::Function,
                Some(K::Procedures) => ObjectKind::Procedure,
                Some(K::Routines) => ObjectKind::Routine,
                _ => return Err(self.unexpected()),
            };
            self.advance();
            self.expect_all(&[K::In, K::Schema])?;
            return Ok(GrantObjects::AllIn { kind, schemas: self.names()? });
        }
        // TABLE is reserved; the others are names of tables too.
        let is_word = |parser: &Self| Self::is_column_name(parser.kind_ahead(1));
        let kind = match self.keyword() {
            Some(K::Table) => ObjectKind::Table,
            Some(K::Foreign) if self.is_ahead(1, K::Data) => {
                self.advance();
                self.advance();
                if !self.is(K::Wrapper) {
                    return Err(self.unexpected());
                }
                ObjectKind::ForeignDataWrapper
            }
            Some(K::Foreign) => {
                self.advance();
                if !self.is(K::Server) {
                    return Err(self.unexpected());
                }
                ObjectKind::Server
            }
            Some(K::Large) if self.is_ahead(1, K::Object) => {
                self.advance();
                self.advance();
                return Ok(GrantObjects::LargeObjects(self.list(Self::number)?));
            }
            Some(keyword @ (K::Function | K::Procedure | K::Routine)) if Self::is_word(self.kind_ahead(1)) => {
                self.advance();
                let kind = match keyword {
                    K::Function => ObjectKind::Function,
                    K::Procedure => ObjectKind::Procedure,
                    _ => ObjectKind::Routine,
                };
                return Ok(GrantObjects::Routines(self.list(|parser| parser.object_of(kind))?));
            }
            Some(K::Sequence) if is_word(self) => ObjectKind::Sequence,
            Some(K::Database) if is_word(self) => ObjectKind::Database,
            Some(K::Schema) if is_word(self) => ObjectKind::Schema,
            Some(K::Domain) if is_word(self) => ObjectKind::Domain,
            Some(K::Language) if is_word(self) => ObjectKind::Language,
            Some(K::Parameter) if is_word(self) => ObjectKind::Parameter,
            Some(K::Tablespace) if is_word(self) => ObjectKind::Tablespace,
            Some(K::Type) if is_word(self) => ObjectKind::Type,
            _ => {
                let names = self.list(Self::qualified_name)?;
                return Ok(GrantObjects::Named { kind: ObjectKind::Table, names });
            }
        };
        self.advance();
        let names = match kind {
            ObjectKind::Parameter => self.list(|parser| Ok(vec![parser.parameter_name()?]))?,
            ObjectKind::Table | ObjectKind::Sequence | ObjectKind::Type | ObjectKind::Domain => {
                self.list(Self::qualified_name)?
            }
            _ => self.list(|parser| Ok(vec![parser.name()?]))?,
        };
        Ok(GrantObjects::Named { kind, names })
    }

    /// Behind ALTER DEFAULT PRIVILEGES.
    pub(super) fn alter_default_privileges(&mut self) -> Result<Statement> {
        let (mut roles, mut schemas) = (Vec::new(), Vec::new());
        loop {
            if self.eat(K::For) {
                if !self.eat(K::Role) {
                    self.expect(K::User)?;
                }
                roles.extend(self.role_names()?);
            } else if self.eat(K::In) {
                self.expect(K::Schema)?;
                schemas.extend(self.names()?);
            } else {
                break;
            }
        }
        let revoke = self.eat(K::Revoke);
        if !revoke {
            self.expect(K::Grant)?;
        }
        let option = revoke && self.grant_option_for()?;
        let privileges = self.privileges()?;
        self.expect(K::On)?;
        let kind = match self.keyword() {
            Some(K::Tables) => ObjectKind::Table,
            Some(K::Functions | K::Routines) => ObjectKind::Function,
            Some(K::Sequences) => ObjectKind::Sequence,
            Some(K::Types) => ObjectKind::Type,
            Some(K::Schemas) => ObjectKind::Schema,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let grant = self.grant_rest(revoke, option, privileges, GrantObjects::Future(kind))?;
        Ok(Statement::AlterDefaultPrivileges(Box::new(AlterDefaultPrivileges { roles, schemas, grant })))
    }
}
