//! What databases share, and what a database consists of: roles, databases, schemas, settings of both, comments.

use atoll_datum::{Datum, Oid, Result};

use super::class;
use super::relation::{is_here, named_indexes, tables};
use super::row::{NULL, Rows, acl, oids, texts};
use crate::catalog::privileges::{denied, is_superuser};
use crate::catalog::{Database, INFORMATION_SCHEMA, PG_CATALOG, POSTGRES_ROLE, Role, SettingDefault};
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 2615 10047 pg_namespace (
        oid OID, nspname NAME, nspowner OID, nspacl ACLITEM_ARRAY null,
    ) = schemas;
    table 1262 1248 pg_database (
        oid OID, datname NAME, datdba OID, encoding INT4, datlocprovider CHAR, datistemplate BOOL,
        datallowconn BOOL, datconnlimit INT4, datfrozenxid XID, datminmxid XID, dattablespace OID,
        datcollate TEXT, datctype TEXT, daticulocale TEXT null, datcollversion TEXT null,
        datacl ACLITEM_ARRAY null,
    ) = databases;
    table 1260 2842 pg_authid (
        oid OID, rolname NAME, rolsuper BOOL, rolinherit BOOL, rolcreaterole BOOL, rolcreatedb BOOL,
        rolcanlogin BOOL, rolreplication BOOL, rolbypassrls BOOL, rolconnlimit INT4, rolpassword TEXT null,
        rolvaliduntil TIMESTAMPTZ null,
    ) = roles_with_passwords;
    table 1261 2843 pg_auth_members (
        roleid OID, member OID, grantor OID, admin_option BOOL,
    ) = memberships;
    view 12000 pg_roles (
        rolname NAME, rolsuper BOOL, rolinherit BOOL, rolcreaterole BOOL, rolcreatedb BOOL, rolcanlogin BOOL,
        rolreplication BOOL, rolconnlimit INT4, rolpassword TEXT, rolvaliduntil TIMESTAMPTZ, rolbypassrls BOOL,
        rolconfig TEXT_ARRAY, oid OID,
    ) = roles;
    view 12014 pg_user (
        usename NAME, usesysid OID, usecreatedb BOOL, usesuper BOOL, userepl BOOL, usebypassrls BOOL,
        passwd TEXT, valuntil TIMESTAMPTZ, useconfig TEXT_ARRAY,
    ) = users;
    view 12005 pg_shadow (
        usename NAME, usesysid OID, usecreatedb BOOL, usesuper BOOL, userepl BOOL, usebypassrls BOOL,
        passwd TEXT, valuntil TIMESTAMPTZ, useconfig TEXT_ARRAY,
    ) = shadow;
    view 12010 pg_group (
        groname NAME, grosysid OID, grolist OID_ARRAY,
    ) = groups;
    table 2964 10054 pg_db_role_setting (
        setdatabase OID, setrole OID, setconfig TEXT_ARRAY null,
    ) = settings;
    table 826 10088 pg_default_acl (
        oid OID, defaclrole OID, defaclnamespace OID, defaclobjtype CHAR, defaclacl ACLITEM_ARRAY,
    ) = default_privileges;
    table 2396 10062 pg_shdescription (
        objoid OID, classoid OID, description TEXT,
    ) = shared_comments;
    table 2609 10041 pg_description (
        objoid OID, classoid OID, objsubid INT4, description TEXT,
    ) = comments;
    table 1214 10060 pg_shdepend (
        dbid OID, classid OID, objid OID, objsubid INT4, refclassid OID, refobjid OID, deptype CHAR,
    );
}

fn schemas(scope: &Scope) -> Result<Rows> {
    let system = [(PG_CATALOG, "pg_catalog"), (INFORMATION_SCHEMA, "information_schema")];
    let mut rows: Rows = system.into_iter().map(|(oid, name)| row![oid, name, POSTGRES_ROLE, NULL]).collect();
    let own = scope.catalog.schemas.values().filter(|schema| is_here(scope, schema.oid));
    rows.extend(own.map(|schema| row![schema.oid, &schema.name, schema.owner, acl(scope, &schema.privileges)]));
    Ok(rows)
}

/// As PostgreSQL numbers encodings; there is no other one here.
pub const UTF8: i32 = 6;

fn databases(scope: &Scope) -> Result<Rows> {
    const DEFAULT_TABLESPACE: Oid = Oid(1663);
    let row = |database: &Database| {
        row![
            database.oid,
            &database.name,
            database.owner,
            UTF8,
            'c',
            database.is_template,
            !database.refuses_connections,
            database.connection_limit,
            Oid::NONE,
            Oid::NONE,
            DEFAULT_TABLESPACE,
            "C",
            "C",
            NULL,
            NULL,
            acl(scope, &database.privileges),
        ]
    };
    Ok(scope.catalog.databases.values().map(|database| row(database)).collect())
}

// ---------------------------------------------------------------------------------------------------------------- roles

/// Passwords are for superusers.
fn check_superuser(scope: &Scope, what: &str, name: &str) -> Result<()> {
    match is_superuser(&scope.catalog, scope.session.current_user) {
        true => Ok(()),
        false => Err(denied(what, name)),
    }
}

fn roles_with_passwords(scope: &Scope) -> Result<Rows> {
    check_superuser(scope, "table", "pg_authid")?;
    let row = |role: &Role| {
        row![
            role.oid,
            &role.name,
            role.superuser,
            role.inherit,
            role.create_role,
            role.create_database,
            role.login,
            role.replication,
            role.bypass_row_security,
            role.connection_limit,
            role.password.as_deref(),
            role.valid_until.map(Datum::TimestampTz),
        ]
    };
    Ok(scope.catalog.roles.values().map(|role| row(role)).collect())
}

/// Shown where a password would stand, whether there is one or not.
const HIDDEN_PASSWORD: &str = "********";

fn roles(scope: &Scope) -> Result<Rows> {
    let row = |role: &Role| {
        row![
            &role.name,
            role.superuser,
            role.inherit,
            role.create_role,
            role.create_database,
            role.login,
            role.replication,
            role.connection_limit,
            HIDDEN_PASSWORD,
            role.valid_until.map(Datum::TimestampTz),
            role.bypass_row_security,
            settings_in(&role.settings, 0),
            role.oid,
        ]
    };
    Ok(scope.catalog.roles.values().map(|role| row(role)).collect())
}

fn user_row(role: &Role, password: Option<&str>) -> Vec<Datum> {
    row![
        &role.name,
        role.oid,
        role.create_database,
        role.superuser,
        role.replication,
        role.bypass_row_security,
        password,
        role.valid_until.map(Datum::TimestampTz),
        settings_in(&role.settings, 0),
    ]
}

fn users(scope: &Scope) -> Result<Rows> {
    let users = scope.catalog.roles.values().filter(|role| role.login);
    Ok(users.map(|role| user_row(role, Some(HIDDEN_PASSWORD))).collect())
}

fn shadow(scope: &Scope) -> Result<Rows> {
    check_superuser(scope, "view", "pg_shadow")?;
    let users = scope.catalog.roles.values().filter(|role| role.login);
    Ok(users.map(|role| user_row(role, role.password.as_deref())).collect())
}

fn groups(scope: &Scope) -> Result<Rows> {
    let members = |group: u32| {
        let roles = scope.catalog.roles.values();
        roles.filter(move |role| role.member_of.iter().any(|of| of.role == group)).map(|role| Oid(role.oid))
    };
    let groups = scope.catalog.roles.values().filter(|role| !role.login);
    Ok(groups.map(|group| row![&group.name, group.oid, oids(members(group.oid))]).collect())
}

fn memberships(scope: &Scope) -> Result<Rows> {
    let of_role = |role: &Role| -> Rows {
        role.member_of.iter().map(|of| row![of.role, role.oid, of.grantor, of.admin]).collect()
    };
    Ok(scope.catalog.roles.values().flat_map(|role| of_role(role)).collect())
}

/// `{work_mem=8MB}`: those for one database, or for all of them; NULL if there are none.
fn settings_in(settings: &[SettingDefault], database: u32) -> Datum {
    let of: Vec<String> = settings
        .iter()
        .filter(|setting| setting.database == database)
        .map(|setting| format!("{}={}", setting.name, setting.value))
        .collect();
    if of.is_empty() { NULL } else { texts(of) }
}

fn settings(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for database in scope.catalog.databases.values().filter(|database| !database.settings.is_empty()) {
        let all = texts(database.settings.iter().map(|setting| format!("{}={}", setting.name, setting.value)));
        rows.push(row![database.oid, Oid::NONE, all]);
    }
    for role in scope.catalog.roles.values() {
        let mut databases: Vec<u32> = role.settings.iter().map(|setting| setting.database).collect();
        databases.sort_unstable();
        databases.dedup();
        let of = |database: u32| row![database, role.oid, settings_in(&role.settings, database)];
        rows.extend(databases.into_iter().map(of));
    }
    Ok(rows)
}

fn default_privileges(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for role in scope.catalog.roles.values() {
        for (place, default) in role.default_privileges.iter().enumerate() {
            let letter = default.object.bytes().next().unwrap_or(b'r');
            let oid = super::derived_oid(role.oid, place as u32);
            if default.schema == 0 || is_here(scope, default.schema) {
                rows.push(row![oid, role.oid, default.schema, letter, acl(scope, &default.grants)]);
            }
        }
    }
    Ok(rows)
}

// ------------------------------------------------------------------------------------------------------------- comments

/// A comment on an object, or on one of its columns.
pub struct Comment<'a> {
    pub object: u32,
    /// The catalog that lists the object.
    pub class: Oid,
    pub column: u32,
    pub text: &'a str,
}

/// On objects of the current database.
pub fn comments_here(scope: &Scope) -> Vec<Comment<'_>> {
    let mut found = Comments(Vec::new());
    found.add(PG_CATALOG.0, class::SCHEMA, 0, Some("system catalog schema"));
    for schema in scope.catalog.schemas.values().filter(|schema| is_here(scope, schema.oid)) {
        found.add(schema.oid, class::SCHEMA, 0, schema.comment.as_deref());
    }
    for table in tables(scope) {
        found.add(table.oid, class::RELATION, 0, table.comment.as_deref());
        for column in table.visible_columns() {
            found.add(table.oid, class::RELATION, column.ordinal, column.comment.as_deref());
        }
        for index in named_indexes(table) {
            found.add(index.oid, class::RELATION, 0, index.comment.as_deref());
            found.add(index.constraint, class::CONSTRAINT, 0, index.constraint_comment.as_deref());
        }
        for check in &table.checks {
            found.add(check.oid, class::CONSTRAINT, 0, check.comment.as_deref());
        }
        for key in &table.foreign_keys {
            found.add(key.oid, class::CONSTRAINT, 0, key.comment.as_deref());
        }
    }
    for of in scope.catalog.types.values().map(|entry| &entry.descriptor).filter(|of| is_here(scope, of.schema)) {
        found.add(of.oid, class::TYPE, 0, of.comment.as_deref());
    }
    found.0
}

/// On what databases share.
pub fn shared_comments_of(scope: &Scope) -> Vec<Comment<'_>> {
    let mut found = Comments(Vec::new());
    for database in scope.catalog.databases.values() {
        found.add(database.oid, class::DATABASE, 0, database.comment.as_deref());
    }
    for role in scope.catalog.roles.values() {
        found.add(role.oid, class::ROLE, 0, role.comment.as_deref());
    }
    found.0
}

struct Comments<'a>(Vec<Comment<'a>>);

impl<'a> Comments<'a> {
    fn add(&mut self, object: u32, class: Oid, column: u32, text: Option<&'a str>) {
        self.0.extend(text.map(|text| Comment { object, class, column, text }));
    }
}

fn comments(scope: &Scope) -> Result<Rows> {
    let row = |comment: Comment<'_>| row![comment.object, comment.class, comment.column as i32, comment.text];
    Ok(comments_here(scope).into_iter().map(row).collect())
}

fn shared_comments(scope: &Scope) -> Result<Rows> {
    let row = |comment: Comment<'_>| row![comment.object, comment.class, comment.text];
    Ok(shared_comments_of(scope).into_iter().map(row).collect())
}
