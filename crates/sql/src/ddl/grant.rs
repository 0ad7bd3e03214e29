//! GRANT and REVOKE on objects, and ALTER DEFAULT PRIVILEGES.

use std::collections::BTreeSet;

use atoll_datum::{Error, Oid, SqlState, sqlstate};
use atoll_syntax::ast::{self, DropBehavior, GrantObjects, Name, ObjectKind, RoleNameKind};

use super::{Definition, column, names};
use crate::catalog::privileges::{self, Object, Securable, default_grants, effective, letter_of};
use crate::catalog::{Database, DefaultPrivileges, Grant, RelationKind, Role, Schema, Table, UserType};
use crate::exec::Result;

pub const INVALID_GRANT_OPERATION: SqlState = SqlState(*b"0LP01");
const PRIVILEGE_NOT_GRANTED: SqlState = SqlState(*b"01007");
const PRIVILEGE_NOT_REVOKED: SqlState = SqlState(*b"01006");

/// The order in which PostgreSQL prints privileges.
const LETTERS: &str = "arwdDxtXUCTcsA";

const PUBLIC: u32 = 0;

fn ordered(letters: &str) -> String {
    LETTERS.chars().filter(|letter| letters.contains(*letter)).collect()
}

fn without(letters: &str, removed: &str) -> String {
    letters.chars().filter(|letter| !removed.contains(*letter)).collect()
}

fn common(a: &str, b: &str) -> String {
    a.chars().filter(|letter| b.contains(*letter)).collect()
}

// ---------------------------------------------------------------------------------------------------------- lists of grants

fn add(grants: &mut Vec<Grant>, grantor: u32, grantee: u32, letters: &str, with_option: bool) {
    let place = grants.iter().position(|grant| (grant.grantee, grant.grantor) == (grantee, grantor));
    let place = place.unwrap_or_else(|| {
        grants.push(Grant { grantee, grantor, ..Grant::default() });
        grants.len() - 1
    });
    let grant = &mut grants[place];
    grant.letters = ordered(&format!("{}{letters}", grant.letters));
    if with_option {
        grant.grantable = ordered(&format!("{}{letters}", grant.grantable));
    }
}

/// Takes privileges away, and those that were passed on with CASCADE.
fn remove(
    grants: &mut Vec<Grant>,
    owner: u32,
    grantor: u32,
    grantee: u32,
    letters: &str,
    only_option: bool,
    cascade: bool,
) -> Result<()> {
    let Some(grant) = grants.iter_mut().find(|grant| (grant.grantee, grant.grantor) == (grantee, grantor)) else {
        return Ok(());
    };
    let lost = common(&grant.grantable, letters);
    grant.grantable = without(&grant.grantable, letters);
    if !only_option {
        grant.letters = without(&grant.letters, letters);
    }
    grants.retain(|grant| !grant.letters.is_empty());
    if lost.is_empty() || grantee == owner {
        return Ok(());
    }
    // Somebody else may have given it the right as well.
    let still: String =
        grants.iter().filter(|grant| grant.grantee == grantee).map(|grant| grant.grantable.as_str()).collect();
    let lost = without(&lost, &still);
    let passed_on: Vec<(u32, String)> = grants
        .iter()
        .filter(|grant| grant.grantor == grantee)
        .map(|grant| (grant.grantee, common(&grant.letters, &lost)))
        .filter(|(_, letters)| !letters.is_empty())
        .collect();
    if !passed_on.is_empty() && !cascade {
        return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist")
            .hint("Use CASCADE to revoke them too.")
            .into());
    }
    for (next, letters) in passed_on {
        remove(grants, owner, grantee, next, &letters, false, true)?;
    }
    Ok(())
}

/// A list that was emptied is not the same as one that nobody has touched.
fn sealed(mut grants: Vec<Grant>, owner: u32) -> Vec<Grant> {
    if grants.is_empty() {
        grants.push(Grant { grantee: owner, grantor: owner, ..Grant::default() });
    }
    grants
}

fn unsealed(grants: Vec<Grant>) -> Vec<Grant> {
    grants.into_iter().filter(|grant| !grant.letters.is_empty()).collect()
}

// ---------------------------------------------------------------------------------------------------------------- GRANT

/// What is granted or revoked, to whom.
struct Order<'g> {
    grant: &'g ast::Grant,
    /// 0 is PUBLIC.
    grantees: Vec<u32>,
}

pub async fn execute(definition: &mut Definition<'_>, grant: &ast::Grant) -> Result<()> {
    check_grantor(definition, grant)?;
    let order = Order { grant, grantees: grantees(definition, grant)? };
    let (kind, names): (ObjectKind, Vec<Vec<Name>>) = match &grant.on {
        GrantObjects::Named { kind, names } => (*kind, names.clone()),
        GrantObjects::AllIn { kind, schemas } => (*kind, all_in(definition, *kind, schemas)?),
        GrantObjects::Routines(_) => return Err(Error::unsupported("GRANT on functions").into()),
        GrantObjects::LargeObjects(_) => return Err(Error::unsupported("GRANT on large objects").into()),
        GrantObjects::Future(_) => return Err(Error::internal("GRANT on what is to come").into()),
    };
    for name in &names {
        match kind {
            ObjectKind::Table | ObjectKind::Sequence => relation(definition, &order, kind, name).await?,
            ObjectKind::Schema => of_schema(definition, &order, name).await?,
            ObjectKind::Database => database(definition, &order, name).await?,
            ObjectKind::Type => user_type(definition, &order, name).await?,
            _ => return Err(Error::unsupported("GRANT on this kind of object").into()),
        }
    }
    Ok(())
}

fn check_grantor(definition: &Definition<'_>, grant: &ast::Grant) -> Result<()> {
    if let Some(grantor) = &grant.granted_by
        && definition.role_of(grantor)? != definition.role()
    {
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, "grantor must be current user").into());
    }
    Ok(())
}

fn grantees(definition: &Definition<'_>, grant: &ast::Grant) -> Result<Vec<u32>> {
    let mut grantees = Vec::new();
    for grantee in &grant.grantees {
        grantees.push(match grantee.kind {
            RoleNameKind::Public if grant.grant_option && !grant.revoke => {
                let message = "grant options can only be granted to roles";
                return Err(Error::new(INVALID_GRANT_OPERATION, message).into());
            }
            RoleNameKind::Public => PUBLIC,
            _ => definition.role_of(grantee)?.0,
        });
    }
    Ok(grantees)
}

fn all_in(definition: &Definition<'_>, kind: ObjectKind, schemas: &[Name]) -> Result<Vec<Vec<Name>>> {
    let mut found = Vec::new();
    for schema in schemas {
        let Some(oid) = definition.catalog().schema_named(definition.database(), schema.as_str()) else {
            return Err(names::missing_schema(schema.as_str()).into());
        };
        let wanted = |table: &Table| match kind {
            ObjectKind::Sequence => table.kind() == RelationKind::Sequence,
            _ => table.kind() != RelationKind::Sequence,
        };
        let tables = definition.catalog().tables.values().filter(|table| table.schema == oid.0 && wanted(table));
        found.extend(tables.map(|table| vec![schema.clone(), Name::new(table.name.as_str(), schema.at)]));
    }
    Ok(found)
}

fn kind_word(kind: Securable) -> &'static str {
    match kind {
        Securable::Table => "table",
        Securable::Column => "column",
        Securable::Sequence => "sequence",
        Securable::Database => "database",
        Securable::Schema => "schema",
        Securable::Type => "type",
        Securable::Function => "function",
    }
}

impl Order<'_> {
    /// The letters of the privileges without columns.
    fn letters(&self, kind: Securable) -> Result<String> {
        letters(self.grant, kind)
    }

    /// Those of a kind of object that are wanted and may be given by the role, and by whom they are given.
    fn allowed(
        &self,
        definition: &mut Definition<'_>,
        object: Object<'_>,
        what: &str,
        name: &str,
        wanted: &str,
    ) -> Result<(u32, String)> {
        let (grantor, allowed) = grantor(definition, object, wanted);
        if allowed.is_empty() {
            let has_any = object.kind.letters().chars().any(|letter| definition.has(object, letter));
            if !has_any {
                return Err(privileges::denied(what, name).into());
            }
        }
        if allowed.len() < wanted.len() {
            let is_all = self.grant.privileges.is_empty();
            let (state, done) = match self.grant.revoke {
                false => (PRIVILEGE_NOT_GRANTED, "were granted"),
                true => (PRIVILEGE_NOT_REVOKED, "could be revoked"),
            };
            let which = if allowed.is_empty() { "no" } else { "not all" };
            // ALL means all that one has.
            if allowed.is_empty() || !is_all {
                definition.warning(state, format!("{which} privileges {done} for \"{name}\""));
            }
        }
        Ok((grantor, allowed))
    }

    fn change(&self, grants: Vec<Grant>, owner: u32, grantor: u32, letters: &str) -> Result<Vec<Grant>> {
        let mut grants = unsealed(grants);
        for grantee in &self.grantees {
            if self.grant.revoke {
                let cascade = self.grant.behavior == DropBehavior::Cascade;
                remove(&mut grants, owner, grantor, *grantee, letters, self.grant.grant_option, cascade)?;
            } else {
                add(&mut grants, grantor, *grantee, letters, self.grant.grant_option);
            }
        }
        Ok(sealed(grants, owner))
    }

    /// The grants of an object after this order.
    fn apply(&self, definition: &mut Definition<'_>, object: Object<'_>, what: &str, name: &str) -> Result<Vec<Grant>> {
        let wanted = self.letters(object.kind)?;
        let (grantor, letters) = self.allowed(definition, object, what, name, &wanted)?;
        let grants = effective(object.kind, object.owner, object.grants);
        self.change(grants, object.owner.0, grantor, &letters)
    }
}

fn letters(grant: &ast::Grant, kind: Securable) -> Result<String> {
    if grant.privileges.is_empty() {
        return Ok(kind.letters().to_owned());
    }
    let mut letters = String::new();
    for privilege in grant.privileges.iter().filter(|privilege| privilege.columns.is_empty()) {
        let Some(name) = &privilege.name else {
            letters.push_str(kind.letters());
            continue;
        };
        let Some(letter) = letter_of(name.as_str()) else {
            let message = format!("unrecognized privilege type \"{}\"", name.as_str().to_lowercase());
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message).into());
        };
        if !kind.letters().contains(letter) {
            let message = format!(
                "invalid privilege type {} for {}",
                privileges::name_of(letter),
                match kind {
                    // USAGE is a privilege of sequences, which are named as tables are.
                    Securable::Table if letter != 'U' => "relation",
                    kind => kind_word(kind),
                }
            );
            return Err(Error::new(INVALID_GRANT_OPERATION, message).into());
        }
        letters.push(letter);
    }
    Ok(ordered(&letters))
}

/// The owner, if the role can act as it; otherwise the role through which most can be granted.
fn grantor(definition: &Definition<'_>, object: Object<'_>, wanted: &str) -> (u32, String) {
    if definition.acts_as(object.owner.0) {
        return (object.owner.0, wanted.to_owned());
    }
    let grants = effective(object.kind, object.owner, object.grants);
    let mut best = (definition.role().0, String::new());
    let roles: BTreeSet<u32> = grants.iter().map(|grant| grant.grantee).filter(|role| *role != PUBLIC).collect();
    for role in roles.into_iter().filter(|role| definition.acts_as(*role)) {
        let own = grants.iter().filter(|grant| grant.grantee == role).map(|grant| grant.grantable.as_str());
        let can = common(wanted, &own.collect::<String>());
        if can.len() > best.1.len() || (can.len() == best.1.len() && role == definition.role().0) {
            best = (role, can);
        }
    }
    best
}

async fn relation(definition: &mut Definition<'_>, order: &Order<'_>, kind: ObjectKind, name: &[Name]) -> Result<()> {
    let found = names::relation(&definition.scope, name)?;
    let mut table = Table::clone(&found);
    let is_sequence = table.kind() == RelationKind::Sequence;
    if kind == ObjectKind::Sequence && !is_sequence {
        let message = format!("\"{}\" is not a sequence", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    let securable = if is_sequence { Securable::Sequence } else { Securable::Table };
    let what = names::kind_text(&table);
    let owner = table.owner;
    let with_columns: Vec<&ast::Privilege> =
        order.grant.privileges.iter().filter(|privilege| !privilege.columns.is_empty()).collect();
    if with_columns.len() < order.grant.privileges.len() || order.grant.privileges.is_empty() {
        let object = Object { kind: securable, owner: Oid(owner), grants: &found.privileges };
        table.privileges = order.apply(definition, object, what, &table.name)?;
        if order.grant.revoke {
            let letters = common(&order.letters(securable)?, Securable::Column.letters());
            for column in table.columns.iter_mut().filter(|column| !column.privileges.is_empty()) {
                let grants = order.change(column.privileges.clone(), owner, owner, &letters)?;
                column.privileges = unsealed(grants);
            }
        }
    }
    for privilege in with_columns {
        let letters = match &privilege.name {
            None => Securable::Column.letters().to_owned(),
            Some(name) => {
                let letter = letter_of(name.as_str()).filter(|letter| Securable::Column.letters().contains(*letter));
                let Some(letter) = letter else {
                    let message = format!("invalid privilege type {} for column", name.as_str().to_uppercase());
                    return Err(Error::new(INVALID_GRANT_OPERATION, message).into());
                };
                letter.to_string()
            }
        };
        for name in &privilege.columns {
            let Some(column) = found.column_named(name.as_str()).filter(|column| !column.hidden) else {
                return Err(column::missing(&table, name.as_str()).into());
            };
            let on_table = Object { kind: securable, owner: Oid(owner), grants: &found.privileges };
            let (mut by, mut can) = grantor(definition, on_table, &letters);
            if can.is_empty() {
                let grants = &column.privileges;
                (by, can) =
                    grantor(definition, Object { kind: Securable::Column, owner: Oid(owner), grants }, &letters);
            }
            if can.is_empty() {
                return Err(privileges::denied(what, &table.name).into());
            }
            // The same column may stand behind several privileges.
            let changed = &mut table.columns[column.ordinal as usize - 1].privileges;
            *changed = unsealed(order.change(changed.clone(), owner, by, &can)?);
        }
    }
    definition.put_table(table).await
}

async fn of_schema(definition: &mut Definition<'_>, order: &Order<'_>, name: &[Name]) -> Result<()> {
    let name = name.last().map_or("", Name::as_str);
    let oid = definition.catalog().schema_named(definition.database(), name);
    let found = oid.and_then(|oid| definition.catalog().schemas.get(&oid).cloned());
    let Some(found) = found else {
        if oid.is_some() {
            return Err(Error::unsupported("GRANT on a system schema").into());
        }
        return Err(names::missing_schema(name).into());
    };
    let privileges = order.apply(definition, (&*found).into(), "schema", name)?;
    definition.put(Schema { privileges, ..Schema::clone(&found) }).await
}

async fn database(definition: &mut Definition<'_>, order: &Order<'_>, name: &[Name]) -> Result<()> {
    let name = name.last().map_or("", Name::as_str);
    let Some(found) = definition.catalog().database_named(name).cloned() else {
        let message = format!("database \"{name}\" does not exist");
        return Err(Error::new(sqlstate::INVALID_CATALOG_NAME, message).into());
    };
    let privileges = order.apply(definition, (&*found).into(), "database", name)?;
    definition.put(Database { privileges, ..Database::clone(&found) }).await
}

async fn user_type(definition: &mut Definition<'_>, order: &Order<'_>, name: &[Name]) -> Result<()> {
    let Some(oid) = names::find_enum(&definition.scope, name)? else {
        let message = format!("type \"{}\" does not exist", names::dotted(name));
        return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into());
    };
    let Some(found) = definition.catalog().types.get(&oid).map(|entry| entry.descriptor.clone()) else {
        return Err(Error::internal("a type that is gone").into());
    };
    let privileges = order.apply(definition, (&found).into(), "type", &found.name)?;
    definition.put(UserType { privileges, ..found }).await
}

// ---------------------------------------------------------------------------------------------------- default privileges

/// What a new object's list of grants begins with. `object` as in pg_default_acl.
pub fn defaults_for(definition: &Definition<'_>, schema: Oid, owner: Oid, object: char) -> Vec<Grant> {
    let Some(role) = definition.catalog().roles.get(&owner) else { return Vec::new() };
    let of = |schema: u32| {
        let mut all = role.default_privileges.iter();
        all.find(|defaults| defaults.schema == schema && defaults.object.starts_with(object))
    };
    let (everywhere, here) = (of(0), of(schema.0));
    let Some(kind) = securable_of(object) else { return Vec::new() };
    let mut grants = match (everywhere, here) {
        (None, None) => return Vec::new(),
        (Some(everywhere), _) => unsealed(everywhere.grants.clone()),
        (None, Some(_)) => default_grants(kind, owner),
    };
    for grant in here.map(|here| unsealed(here.grants.clone())).unwrap_or_default() {
        let option = common(&grant.grantable, &grant.letters);
        add(&mut grants, grant.grantor, grant.grantee, &grant.letters, false);
        if !option.is_empty() {
            add(&mut grants, grant.grantor, grant.grantee, &option, true);
        }
    }
    if grants == default_grants(kind, owner) { Vec::new() } else { sealed(grants, owner.0) }
}

fn securable_of(object: char) -> Option<Securable> {
    Some(match object {
        'r' => Securable::Table,
        'S' => Securable::Sequence,
        'T' => Securable::Type,
        'n' => Securable::Schema,
        'f' => Securable::Function,
        _ => return None,
    })
}

pub async fn alter_defaults(definition: &mut Definition<'_>, alter: &ast::AlterDefaultPrivileges) -> Result<()> {
    let grant = &alter.grant;
    let object = match grant.on {
        GrantObjects::Future(ObjectKind::Table) => 'r',
        GrantObjects::Future(ObjectKind::Sequence) => 'S',
        GrantObjects::Future(ObjectKind::Type) => 'T',
        GrantObjects::Future(ObjectKind::Schema) => 'n',
        GrantObjects::Future(ObjectKind::Function | ObjectKind::Routine | ObjectKind::Procedure) => 'f',
        _ => return Err(Error::unsupported("default privileges of this kind of object").into()),
    };
    let Some(kind) = securable_of(object) else { return Err(Error::internal("a kind that is none").into()) };
    let wanted = letters(grant, kind)?;
    let order = Order { grant, grantees: grantees(definition, grant)? };
    let mut schemas = Vec::new();
    for name in &alter.schemas {
        match definition.catalog().schema_named(definition.database(), name.as_str()) {
            Some(schema) => schemas.push(schema.0),
            None => return Err(names::missing_schema(name.as_str()).into()),
        }
    }
    if object == 'n' && !schemas.is_empty() {
        let message = "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS";
        return Err(Error::new(INVALID_GRANT_OPERATION, message).into());
    }
    if schemas.is_empty() {
        schemas.push(0);
    }
    let mut roles = Vec::new();
    for role in &alter.roles {
        roles.push(definition.role_of(role)?);
    }
    if roles.is_empty() {
        roles.push(definition.role());
    }
    for oid in roles {
        if !privileges::acts_as(definition.catalog(), definition.database(), definition.role(), oid) {
            let name = definition.descriptor_of_role(oid)?.name;
            let message = format!("must be member of role \"{name}\"");
            return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
        }
        let mut role: Role = definition.descriptor_of_role(oid)?;
        for schema in &schemas {
            let same = |defaults: &DefaultPrivileges| defaults.schema == *schema && defaults.object.starts_with(object);
            let place = role.default_privileges.iter().position(same);
            let hard_wired = if *schema == 0 { default_grants(kind, oid) } else { Vec::new() };
            let grants = match place {
                Some(place) => role.default_privileges.remove(place).grants,
                None => hard_wired.clone(),
            };
            let grants = unsealed(order.change(grants, oid.0, oid.0, &wanted)?);
            if grants != hard_wired {
                let grants = sealed(grants, oid.0);
                role.default_privileges.push(DefaultPrivileges { schema: *schema, object: object.to_string(), grants });
            }
        }
        definition.put(role).await?;
    }
    Ok(())
}

/// A list of grants when the owner changes: what the old one had or gave is the new one's.
pub fn with_new_owner(grants: &[Grant], old: u32, new: u32) -> Vec<Grant> {
    let mut changed: Vec<Grant> = Vec::new();
    for grant in grants {
        let give = |role: u32| if role == old { new } else { role };
        let (grantee, grantor) = (give(grant.grantee), give(grant.grantor));
        match changed.iter_mut().find(|same| (same.grantee, same.grantor) == (grantee, grantor)) {
            Some(same) => {
                same.letters = ordered(&format!("{}{}", same.letters, grant.letters));
                same.grantable = ordered(&format!("{}{}", same.grantable, grant.grantable));
            }
            None => changed.push(Grant { grantee, grantor, ..grant.clone() }),
        }
    }
    changed
}
