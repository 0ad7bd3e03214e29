//! CREATE, ALTER and DROP ROLE, and what is stored of a password.

use std::collections::BTreeSet;
use std::mem::discriminant;

use atoll_datum::io::Form;
use atoll_datum::{Datum, Error, Oid, oid, sqlstate};
use atoll_env::entropy::Entropy;
use atoll_syntax::ast::{
    self, RoleName, RoleNameKind, RoleOption, RoleOptionKind, SetValue, SettingChange, SettingValue,
};
use sha2::{Digest, Sha256};

use super::grant::INVALID_GRANT_OPERATION;
use super::{Definition, access, dependency};
use crate::catalog::store::Kind;
use crate::catalog::{Membership, POSTGRES_ROLE, Role, SettingDefault, privileges};
use crate::exec::Result;

pub async fn create(definition: &mut Definition<'_>, create: &ast::CreateRole) -> Result<()> {
    let name = match &create.name.kind {
        RoleNameKind::Name(name) => name.to_string(),
        RoleNameKind::Public => "public".to_owned(),
        RoleNameKind::CurrentRole => return Err(misplaced("CURRENT_ROLE", &create.name).into()),
        RoleNameKind::CurrentUser => return Err(misplaced("CURRENT_USER", &create.name).into()),
        RoleNameKind::SessionUser => return Err(misplaced("SESSION_USER", &create.name).into()),
    };
    if name == "public" || name == "none" {
        let message = format!("role name \"{name}\" is reserved");
        return Err(Error::new(sqlstate::RESERVED_NAME, message).at(create.name.at.offset()).into());
    }
    check_repeated(&create.options)?;
    let mut role = Role { name, inherit: true, login: create.user, connection_limit: -1, ..Role::default() };
    apply(definition, &mut role, &create.options)?;
    let may_create = definition.descriptor_of_role(definition.role())?.create_role;
    let denied = |message: &str| Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message);
    if !definition.is_superuser() {
        if role.superuser {
            return Err(denied("must be superuser to create superusers").into());
        }
        if role.replication {
            return Err(denied("must be superuser to create replication users").into());
        }
        if role.bypass_row_security {
            return Err(denied("must be superuser to create bypassrls users").into());
        }
        if !may_create {
            return Err(denied("permission denied to create role").into());
        }
    }
    check_name(&role.name)?;
    if definition.catalog().role_named(&role.name).is_some() {
        let message = format!("role \"{}\" already exists", role.name);
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).into());
    }
    role.oid = definition.new_oid().await?;
    let oid = Oid(role.oid);
    definition.put(role).await?;
    for option in &create.options {
        match &option.kind {
            RoleOptionKind::InRole(groups) => {
                for group in groups {
                    let group = definition.role_of(group)?;
                    check_admin(definition, group)?;
                    add_member(definition, group, oid, false).await?;
                }
            }
            RoleOptionKind::Role(members) => {
                for member in members {
                    let member = definition.role_of(member)?;
                    add_member(definition, oid, member, false).await?;
                }
            }
            RoleOptionKind::Admin(members) => {
                for member in members {
                    let member = definition.role_of(member)?;
                    add_member(definition, oid, member, true).await?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn misplaced(what: &str, name: &RoleName) -> Error {
    let message = format!("{what} cannot be used as a role name here");
    Error::new(sqlstate::RESERVED_NAME, message).at(name.at.offset())
}

pub fn check_name(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        let detail = "Role names starting with \"pg_\" are reserved.";
        let message = format!("role name \"{name}\" is reserved");
        return Err(Error::new(sqlstate::RESERVED_NAME, message).detail(detail).into());
    }
    Ok(())
}

fn check_repeated(options: &[RoleOption]) -> Result<()> {
    for (place, option) in options.iter().enumerate() {
        if options[..place].iter().any(|earlier| discriminant(&earlier.kind) == discriminant(&option.kind)) {
            let error = Error::new(sqlstate::SYNTAX_ERROR, "conflicting or redundant options");
            return Err(error.at(option.at.offset()).into());
        }
    }
    Ok(())
}

fn apply(definition: &mut Definition<'_>, role: &mut Role, options: &[RoleOption]) -> Result<()> {
    for option in options {
        match &option.kind {
            RoleOptionKind::Superuser(is) => role.superuser = *is,
            RoleOptionKind::CreateDatabase(is) => role.create_database = *is,
            RoleOptionKind::CreateRole(is) => role.create_role = *is,
            RoleOptionKind::Inherit(is) => role.inherit = *is,
            RoleOptionKind::Login(is) => role.login = *is,
            RoleOptionKind::Replication(is) => role.replication = *is,
            RoleOptionKind::BypassRowSecurity(is) => role.bypass_row_security = *is,
            RoleOptionKind::ConnectionLimit(limit) if *limit < -1 => {
                let message = format!("invalid connection limit: {limit}");
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
            }
            RoleOptionKind::ConnectionLimit(limit) => role.connection_limit = *limit,
            RoleOptionKind::Password(None) => role.password = None,
            RoleOptionKind::Password(Some(password)) => {
                role.password = verifier(password, &definition.scope.node.env.entropy);
                if role.password.is_none() {
                    let message = "empty string is not a valid password, clearing password";
                    definition.notice(sqlstate::SUCCESSFUL_COMPLETION, message);
                }
            }
            RoleOptionKind::ValidUntil(text) => {
                let form = Form::of(oid::TIMESTAMPTZ).ok_or_else(|| Error::internal("no form of timestamptz"))?;
                match form.parse(text, -1, &definition.scope.settings)? {
                    Datum::TimestampTz(micros) => role.valid_until = Some(micros),
                    _ => return Err(Error::internal("a moment that is none").into()),
                }
            }
            RoleOptionKind::SystemId(_) => {
                definition.notice(sqlstate::SUCCESSFUL_COMPLETION, "SYSID can no longer be specified");
            }
            RoleOptionKind::InRole(_) | RoleOptionKind::Role(_) | RoleOptionKind::Admin(_) => {}
        }
    }
    Ok(())
}

/// What is stored of a password: PostgreSQL's SCRAM verifier, unless it is one already. None for the empty password.
pub fn verifier(password: &str, entropy: &Entropy) -> Option<String> {
    if password.is_empty() {
        return None;
    }
    if password.starts_with("SCRAM-SHA-256$") {
        return Some(password.to_owned());
    }
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    Some(scram_verifier(password, &salt, 4096))
}

/// RFC 5803's form, as in pg_authid: `SCRAM-SHA-256$rounds:salt$StoredKey:ServerKey`.
fn scram_verifier(password: &str, salt: &[u8], rounds: u32) -> String {
    let mut salted = [0u8; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut salted);
    let stored = Sha256::digest(keyed(&salted, b"Client Key"));
    let server = keyed(&salted, b"Server Key");
    format!("SCRAM-SHA-256${rounds}:{}${}:{}", base64(salt), base64(&stored), base64(&server))
}

fn keyed(key: &[u8], message: &[u8]) -> [u8; 32] {
    use hmac::Mac;
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let is_padding = digit > chunk.len();
            let value = (word >> (18 - 6 * digit)) & 63;
            out.push(if is_padding { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    out
}

// -------------------------------------------------------------------------------------------------------------- members

/// Makes `member` a member of `group`.
pub async fn add_member(definition: &mut Definition<'_>, group: Oid, member: Oid, admin: bool) -> Result<()> {
    let catalog = definition.catalog();
    let mut descriptor = definition.descriptor_of_role(member)?;
    let group_name = definition.descriptor_of_role(group)?.name;
    let owners = |oid: Oid| oid == crate::catalog::DATABASE_OWNER_ROLE;
    if owners(group) || owners(member) {
        let what = if owners(group) { "have explicit members" } else { "be a member of any role" };
        let name = if owners(group) { &group_name } else { &descriptor.name };
        return Err(Error::new(sqlstate::INTERNAL_ERROR, format!("role \"{name}\" cannot {what}")).into());
    }
    if privileges::is_direct_member(catalog, definition.database(), group, member) {
        let message = format!("role \"{}\" is a member of role \"{}\"", group_name, descriptor.name);
        return Err(Error::new(INVALID_GRANT_OPERATION, message).into());
    }
    let grantor = definition.role().0;
    match descriptor.member_of.iter_mut().find(|membership| membership.role == group.0) {
        Some(membership) if membership.admin || !admin => {
            let message = format!("role \"{}\" is already a member of role \"{group_name}\"", descriptor.name);
            definition.notice(sqlstate::SUCCESSFUL_COMPLETION, message);
            return Ok(());
        }
        Some(membership) => membership.admin = true,
        None => descriptor.member_of.push(Membership { role: group.0, grantor, admin }),
    }
    definition.put(descriptor).await
}

/// Ends a membership, or only the right to pass it on.
pub async fn remove_member(definition: &mut Definition<'_>, group: Oid, member: Oid, only_admin: bool) -> Result<()> {
    let mut descriptor = definition.descriptor_of_role(member)?;
    let Some(place) = descriptor.member_of.iter().position(|membership| membership.role == group.0) else {
        let group = definition.descriptor_of_role(group)?.name;
        let message = format!("role \"{}\" is not a member of role \"{group}\"", descriptor.name);
        definition.warning(sqlstate::WARNING, message);
        return Ok(());
    };
    if only_admin {
        descriptor.member_of[place].admin = false;
    } else {
        descriptor.member_of.remove(place);
    }
    definition.put(descriptor).await
}

/// `GRANT role TO role`, and REVOKE.
pub async fn grant(definition: &mut Definition<'_>, grant: &ast::GrantRole) -> Result<()> {
    for group in &grant.roles {
        let name = group.name.as_ref().map_or("", ast::Name::as_str);
        if !group.columns.is_empty() {
            let message = "column names cannot be included in GRANT/REVOKE ROLE";
            return Err(Error::new(INVALID_GRANT_OPERATION, message).into());
        }
        let found = definition.catalog().role_named(name);
        let group = found.map(|role| Oid(role.oid)).ok_or_else(|| access::missing_role(name))?;
        check_admin(definition, group)?;
        for member in &grant.grantees {
            let member = definition.role_of(member)?;
            if grant.revoke {
                remove_member(definition, group, member, grant.admin_option).await?;
            } else {
                add_member(definition, group, member, grant.admin_option).await?;
            }
        }
    }
    Ok(())
}

fn check_admin(definition: &Definition<'_>, group: Oid) -> Result<()> {
    let (catalog, database, role) = (definition.catalog(), definition.database(), definition.role());
    let descriptor = definition.descriptor_of_role(group)?;
    let own = definition.descriptor_of_role(role)?;
    if descriptor.superuser && !own.superuser {
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, "must be superuser to alter superusers").into());
    }
    if own.superuser || own.create_role || privileges::is_admin(catalog, database, role, group) {
        return Ok(());
    }
    let message = format!("must have admin option on role \"{}\"", descriptor.name);
    Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into())
}

// ------------------------------------------------------------------------------------------------------------- changing

pub async fn alter(definition: &mut Definition<'_>, alter: &ast::AlterRole) -> Result<()> {
    check_repeated(&alter.options)?;
    let oid = definition.role_of(&alter.role)?;
    let mut role = definition.descriptor_of_role(oid)?;
    let own = definition.descriptor_of_role(definition.role())?;
    let only_password = alter.options.iter().all(|option| matches!(option.kind, RoleOptionKind::Password(_)));
    if !own.superuser {
        let denied = |message: &str| Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message);
        let sets = |test: fn(&RoleOptionKind) -> bool| alter.options.iter().any(|option| test(&option.kind));
        if role.superuser || sets(|kind| matches!(kind, RoleOptionKind::Superuser(_))) {
            let message = "must be superuser to alter superuser roles or change superuser attribute";
            return Err(denied(message).into());
        }
        if role.replication || sets(|kind| matches!(kind, RoleOptionKind::Replication(_))) {
            let message = "must be superuser to alter replication roles or change replication attribute";
            return Err(denied(message).into());
        }
        if sets(|kind| matches!(kind, RoleOptionKind::BypassRowSecurity(_))) {
            return Err(denied("must be superuser to change bypassrls attribute").into());
        }
        if !(own.create_role || only_password && own.oid == oid.0) {
            return Err(denied("permission denied").into());
        }
    }
    apply(definition, &mut role, &alter.options)?;
    definition.put(role).await?;
    for option in &alter.options {
        if let RoleOptionKind::Role(members) = &option.kind {
            for member in members {
                let member = definition.role_of(member)?;
                add_member(definition, oid, member, false).await?;
            }
        }
    }
    Ok(())
}

pub async fn alter_group(definition: &mut Definition<'_>, alter: &ast::AlterGroup) -> Result<()> {
    let group = definition.role_of(&alter.group)?;
    check_admin(definition, group)?;
    for member in &alter.members {
        let member = definition.role_of(member)?;
        if alter.add {
            add_member(definition, group, member, false).await?;
        } else {
            remove_member(definition, group, member, false).await?;
        }
    }
    Ok(())
}

/// `ALTER ROLE r [IN DATABASE d] SET …`.
pub async fn alter_settings(definition: &mut Definition<'_>, alter: &ast::AlterRoleSet) -> Result<()> {
    let Some(name) = &alter.role else { return Err(Error::unsupported("ALTER ROLE ALL").into()) };
    let oid = definition.role_of(name)?;
    let mut role = definition.descriptor_of_role(oid)?;
    let own = definition.descriptor_of_role(definition.role())?;
    let denied = |message: &str| Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message);
    if role.superuser && !own.superuser {
        return Err(denied("must be superuser to alter superusers").into());
    }
    if !own.superuser && !own.create_role && own.oid != oid.0 {
        return Err(denied("permission denied").into());
    }
    let database = match &alter.database {
        None => 0,
        Some(name) => match definition.catalog().database_named(name.as_str()) {
            Some(database) => database.oid,
            None => {
                let message = format!("database \"{name}\" does not exist");
                return Err(Error::new(sqlstate::INVALID_CATALOG_NAME, message).into());
            }
        },
    };
    change_settings(definition, &mut role.settings, database, &alter.change)?;
    definition.put(role).await
}

/// Of a role, or (with `database` 0) of a database.
pub fn change_settings(
    definition: &Definition<'_>,
    settings: &mut Vec<SettingDefault>,
    database: u32,
    change: &SettingChange,
) -> Result<()> {
    let (name, value) = match change {
        SettingChange::Reset(None) => {
            settings.retain(|setting| setting.database != database);
            return Ok(());
        }
        SettingChange::Reset(Some(name)) => (name, None),
        SettingChange::Set(set) => match &set.value {
            SetValue::Default => (&set.name, None),
            SetValue::Values(values) => {
                let texts: Vec<String> = values.iter().map(setting_text).collect::<Result<_>>()?;
                (&set.name, Some(texts.join(", ")))
            }
            SetValue::FromCurrent => (&set.name, definition.scope.variables.lock().get(set.name.as_str())),
        },
    };
    let name = name.as_str().to_lowercase();
    let is_custom = name.contains('.');
    if !is_custom && definition.scope.variables.lock().get(&name).is_none() {
        let message = format!("unrecognized configuration parameter \"{name}\"");
        return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into());
    }
    settings.retain(|setting| setting.name != name || setting.database != database);
    if let Some(value) = value {
        settings.push(SettingDefault { name, value, database });
    }
    Ok(())
}

pub fn setting_text(value: &SettingValue) -> Result<String> {
    match value {
        SettingValue::Text(text) | SettingValue::Number(text) => Ok(text.to_string()),
        _ => Err(Error::unsupported("this value of a parameter").into()),
    }
}

// ------------------------------------------------------------------------------------------------------------- dropping

pub async fn drop(definition: &mut Definition<'_>, drop: &ast::DropRole) -> Result<()> {
    let own = definition.descriptor_of_role(definition.role())?;
    if !own.superuser && !own.create_role {
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, "permission denied to drop role").into());
    }
    let mut found = BTreeSet::new();
    for name in &drop.roles {
        if !matches!(name.kind, RoleNameKind::Name(_)) {
            let message = "cannot use special role specifier in DROP ROLE";
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).into());
        }
        let oid = match definition.role_of(name) {
            Ok(oid) => oid,
            Err(error) if drop.if_exists => {
                definition.skip(error.message().to_owned());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let role = definition.descriptor_of_role(oid)?;
        let in_use = |message: &str| Error::new(sqlstate::OBJECT_IN_USE, message);
        if oid == definition.role() {
            return Err(in_use("current user cannot be dropped").into());
        }
        if oid == definition.scope.session.session_user {
            return Err(in_use("session user cannot be dropped").into());
        }
        if role.superuser && !own.superuser {
            return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, "must be superuser to drop superusers").into());
        }
        found.insert(oid);
    }
    for oid in &found {
        let role = definition.descriptor_of_role(*oid)?;
        if oid.0 < crate::catalog::FIRST_USER_OID || *oid == POSTGRES_ROLE {
            let message = format!("cannot drop role {} because it is required by the database system", role.name);
            return Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message).into());
        }
        let uses = dependency::uses_of_role(&definition.scope, *oid);
        if !uses.is_empty() {
            let message = format!("role \"{}\" cannot be dropped because some objects depend on it", role.name);
            let error = Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message).detail(uses.join("\n"));
            return Err(error.into());
        }
        // Memberships go with their group.
        let members: Vec<Role> = definition
            .catalog()
            .roles
            .values()
            .filter(|member| member.member_of.iter().any(|membership| membership.role == oid.0))
            .map(|member| Role::clone(member))
            .collect();
        for mut member in members {
            member.member_of.retain(|membership| membership.role != oid.0);
            definition.put(member).await?;
        }
        definition.delete(Kind::Role, *oid).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_stored_as_in_postgresql() {
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
        assert_eq!(base64(b"abcd"), "YWJjZA==");
        // RFC 7677's example: its ServerKey signs the AuthMessage to the signature given there.
        let salt = [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
        assert_eq!(
            scram_verifier("pencil", &salt, 4096),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
