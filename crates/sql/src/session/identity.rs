//! Whose session it is and as whom it acts: SET SESSION AUTHORIZATION and SET ROLE. Both end like every other setting, with
//! the transaction that is rolled back, with the savepoint, or (LOCAL) with the transaction; RESET ALL leaves them.

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, sqlstate};

use crate::catalog::privileges::is_member;
use crate::session::Scope;

/// A role as it was when it was named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    pub oid: Oid,
    pub name: String,
    pub superuser: bool,
}

/// What SET says and what SET LOCAL says above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Layered<T> {
    set: T,
    local: Option<T>,
}

impl<T> Layered<T> {
    fn get(&self) -> &T {
        self.local.as_ref().unwrap_or(&self.set)
    }

    fn put(&mut self, value: T, local: bool) {
        if local {
            self.local = Some(value);
        } else {
            (self.set, self.local) = (value, None);
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who connected.
    connected: Arc<Actor>,
    session: Layered<Arc<Actor>>,
    role: Layered<Option<Arc<Actor>>>,
}

impl Identity {
    pub fn new(connected: Actor) -> Identity {
        let connected = Arc::new(connected);
        Identity { session: Layered { set: connected.clone(), local: None }, connected, role: Layered::default() }
    }

    pub fn session(&self) -> &Actor {
        self.session.get()
    }

    /// None: the session's own.
    pub fn role(&self) -> Option<&Actor> {
        self.role.get().as_deref()
    }

    pub fn current(&self) -> &Actor {
        self.role().unwrap_or_else(|| self.session())
    }

    pub fn has_local(&self) -> bool {
        self.session.local.is_some() || self.role.local.is_some()
    }

    pub fn end_local(&mut self) {
        (self.session.local, self.role.local) = (None, None);
    }

    /// None or `none`: nobody else than the session's own.
    pub fn set_role(&mut self, scope: &Scope, name: Option<&str>, local: bool) -> Result<()> {
        let Some(name) = name.filter(|name| *name != "none") else {
            self.role.put(None, local);
            return Ok(());
        };
        let actor = named(scope, name)?;
        if !is_member(&scope.catalog, scope.session.database, self.session().oid, actor.oid) {
            return Err(denied(format!("permission denied to set role \"{name}\"")));
        }
        self.role.put(Some(Arc::new(actor)), local);
        Ok(())
    }

    /// None: who connected. It asks for the rights of who connected, not of who it was made since.
    pub fn set_session(&mut self, scope: &Scope, name: Option<&str>, local: bool) -> Result<()> {
        let actor = match name {
            None => self.connected.clone(),
            Some(name) => Arc::new(named(scope, name)?),
        };
        let connected = scope.catalog.roles.get(&self.connected.oid);
        if actor.oid != self.connected.oid && !connected.is_some_and(|role| role.superuser) {
            return Err(denied(format!("permission denied to set session authorization \"{}\"", actor.name)));
        }
        self.session.put(actor, local);
        self.role.put(None, local);
        Ok(())
    }
}

fn named(scope: &Scope, name: &str) -> Result<Actor> {
    let role = scope.catalog.role_named(name);
    let role =
        role.ok_or_else(|| Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("role \"{name}\" does not exist")))?;
    Ok(Actor { oid: Oid(role.oid), name: role.name.clone(), superuser: role.superuser })
}

fn denied(message: String) -> Error {
    Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message)
}
