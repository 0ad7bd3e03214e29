//! May the role do this?

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{RoleName, RoleNameKind};

use super::{Definition, names};
use crate::catalog::privileges::{self, Object, has_privilege};
use crate::catalog::{FIRST_USER_OID, INFORMATION_SCHEMA, PG_CATALOG, Role, Table};
use crate::session::Scope;

impl Definition<'_> {
    pub fn acts_as(&self, owner: u32) -> bool {
        privileges::acts_as(self.catalog(), self.database(), self.role(), Oid(owner))
    }

    pub fn is_superuser(&self) -> bool {
        privileges::is_superuser(self.catalog(), self.role())
    }

    pub fn has(&self, object: Object<'_>, letter: char) -> bool {
        has_privilege(self.catalog(), self.database(), self.role(), object, letter, false)
    }

    /// `must be owner of table t`.
    pub fn check_owner(&self, table: &Table) -> Result<()> {
        if self.acts_as(table.owner) {
            return Ok(());
        }
        Err(privileges::not_owner(names::kind_text(table), &table.name))
    }

    /// The role of a name; never PUBLIC.
    pub fn role_of(&self, name: &RoleName) -> Result<Oid> {
        role_of(&self.scope, name)
    }

    pub fn descriptor_of_role(&self, role: Oid) -> Result<Role> {
        let found = self.catalog().roles.get(&role);
        found.map(|role| Role::clone(role)).ok_or_else(|| missing_role(&role.to_string()))
    }

    /// Whoever gives an object away must be able to become its new owner.
    pub fn check_new_owner(&self, owner: Oid) -> Result<()> {
        if privileges::is_member(self.catalog(), self.database(), self.role(), owner) {
            return Ok(());
        }
        let name = self.catalog().roles.get(&owner).map_or_else(String::new, |role| role.name.clone());
        Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{name}\"")))
    }
}

pub fn missing_role(name: &str) -> Error {
    Error::new(sqlstate::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))
}

pub fn role_of(scope: &Scope, name: &RoleName) -> Result<Oid> {
    match &name.kind {
        RoleNameKind::Name(name) => {
            let found = scope.catalog.role_named(name);
            found.map(|role| Oid(role.oid)).ok_or_else(|| missing_role(name))
        }
        RoleNameKind::CurrentRole | RoleNameKind::CurrentUser => Ok(scope.session.current_user),
        RoleNameKind::SessionUser => Ok(scope.session.session_user),
        RoleNameKind::Public => Err(missing_role("public")),
    }
}

/// CREATE on a schema.
pub fn check_create_in(definition: &Definition<'_>, schema: Oid) -> Result<()> {
    let catalog = definition.catalog();
    let name = names::schema_name(catalog, schema);
    match catalog.schemas.get(&schema) {
        Some(of) if definition.has((&**of).into(), 'C') => Ok(()),
        Some(_) => Err(privileges::denied("schema", &name)),
        None if schema == PG_CATALOG || schema == INFORMATION_SCHEMA => {
            Err(privileges::denied("schema", &name).detail("System catalog modifications are currently disallowed."))
        }
        None => Err(names::missing_schema(&name)),
    }
}

/// Nobody changes what every cluster has from the beginning.
pub fn is_system(oid: Oid) -> bool {
    oid.0 < FIRST_USER_OID
}
