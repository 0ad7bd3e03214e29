//! Who may do what: roles, memberships, and the privileges that were granted.
//!
//! An object's list of grants is empty as long as nobody has granted or revoked anything on it; then PostgreSQL's
//! defaults count ([`default_grants`]). A list from which everything was revoked keeps one grant without letters.

use std::collections::BTreeSet;

use atoll_datum::{Error, Oid, Result, sqlstate};

use super::{
    Catalog, Column, ColumnOrdinal, DATABASE_OWNER_ROLE, Database, Grant, RelationKind, Role, Schema, Table, UserType,
};
use crate::plan::RelationUse;
use crate::session::Scope;
use crate::session::locks::Mode;

pub const PUBLIC_GRANTEE: u32 = 0;
const READ_ALL_DATA: Oid = Oid(6181);
const WRITE_ALL_DATA: Oid = Oid(6182);

/// What kind of thing privileges are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Securable {
    Table,
    Column,
    Sequence,
    Database,
    Schema,
    Type,
    Function,
}

impl Securable {
    /// All letters that it knows, in PostgreSQL's order.
    pub fn letters(self) -> &'static str {
        match self {
            Securable::Table => "arwdDxt",
            Securable::Column => "arwx",
            Securable::Sequence => "rwU",
            Securable::Database => "CTc",
            Securable::Schema => "UC",
            Securable::Type => "U",
            Securable::Function => "X",
        }
    }

    fn public_letters(self) -> &'static str {
        match self {
            Securable::Database => "Tc",
            Securable::Type => "U",
            Securable::Function => "X",
            _ => "",
        }
    }
}

/// The privilege that a letter stands for.
pub fn name_of(letter: char) -> &'static str {
    match letter {
        'a' => "INSERT",
        'r' => "SELECT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'U' => "USAGE",
        'C' => "CREATE",
        'T' => "TEMPORARY",
        'c' => "CONNECT",
        'X' => "EXECUTE",
        's' => "SET",
        'A' => "ALTER SYSTEM",
        _ => "",
    }
}

pub fn letter_of(name: &str) -> Option<char> {
    let name = name.to_ascii_uppercase();
    match name.as_str() {
        "TEMP" => Some('T'),
        _ => "arwdDxtUCTcXsA".chars().find(|letter| name_of(*letter) == name),
    }
}

/// What counts while nothing was granted or revoked.
pub fn default_grants(kind: Securable, owner: Oid) -> Vec<Grant> {
    if kind == Securable::Column {
        return Vec::new();
    }
    let grant = |grantee: u32, letters: &str| Grant {
        grantee,
        grantor: owner.0,
        letters: letters.to_owned(),
        grantable: String::new(),
    };
    let mut grants = Vec::new();
    if !kind.public_letters().is_empty() {
        grants.push(grant(PUBLIC_GRANTEE, kind.public_letters()));
    }
    grants.push(grant(owner.0, kind.letters()));
    grants
}

/// The grants that count for an object.
pub fn effective(kind: Securable, owner: Oid, grants: &[Grant]) -> Vec<Grant> {
    if grants.is_empty() { default_grants(kind, owner) } else { grants.to_vec() }
}

/// As PostgreSQL prints an aclitem: `joe=arw*/postgres`.
pub fn item_text(catalog: &Catalog, grant: &Grant) -> String {
    let name = |oid: u32| match catalog.roles.get(&Oid(oid)) {
        Some(role) if role.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => role.name.clone(),
        Some(role) => format!("\"{}\"", role.name.replace('"', "\"\"")),
        None => oid.to_string(),
    };
    let grantee = if grant.grantee == PUBLIC_GRANTEE { String::new() } else { name(grant.grantee) };
    let mut letters = String::new();
    for letter in grant.letters.chars() {
        letters.push(letter);
        if grant.grantable.contains(letter) {
            letters.push('*');
        }
    }
    format!("{grantee}={letters}/{}", name(grant.grantor))
}

// ---------------------------------------------------------------------------------------------------------------- roles

fn role(catalog: &Catalog, oid: Oid) -> Option<&Role> {
    catalog.roles.get(&oid).map(|role| &**role)
}

pub fn is_superuser(catalog: &Catalog, oid: Oid) -> bool {
    role(catalog, oid).is_some_and(|role| role.superuser)
}

/// All roles that `of` is a member of, itself included; through `inherits` only those whose privileges it has without
/// SET ROLE. `database` decides who is a member of pg_database_owner.
fn memberships(catalog: &Catalog, database: Oid, of: Oid, inherits: bool) -> BTreeSet<Oid> {
    let owner = catalog.databases.get(&database).map(|database| Oid(database.owner));
    let mut found = BTreeSet::from([of]);
    let mut open = vec![of];
    while let Some(next) = open.pop() {
        let Some(descriptor) = role(catalog, next) else { continue };
        if inherits && !descriptor.inherit {
            continue;
        }
        let implicit = (owner == Some(next)).then_some(DATABASE_OWNER_ROLE);
        for membership in descriptor.member_of.iter().map(|membership| Oid(membership.role)).chain(implicit) {
            if found.insert(membership) {
                open.push(membership);
            }
        }
    }
    found
}

/// May SET ROLE to it.
pub fn is_member(catalog: &Catalog, database: Oid, member: Oid, of: Oid) -> bool {
    member == of || is_superuser(catalog, member) || memberships(catalog, database, member, false).contains(&of)
}

/// The same without regard to superusers, who are members of everything.
pub fn is_direct_member(catalog: &Catalog, database: Oid, member: Oid, of: Oid) -> bool {
    member == of || memberships(catalog, database, member, false).contains(&of)
}

/// Has the role's privileges without SET ROLE; what PostgreSQL asks of owners.
pub fn acts_as(catalog: &Catalog, database: Oid, member: Oid, of: Oid) -> bool {
    member == of || is_superuser(catalog, member) || memberships(catalog, database, member, true).contains(&of)
}

/// May grant the role to others.
pub fn is_admin(catalog: &Catalog, database: Oid, member: Oid, of: Oid) -> bool {
    is_superuser(catalog, member)
        || memberships(catalog, database, member, false).iter().any(|through| {
            let memberships = role(catalog, *through).map(|role| role.member_of.as_slice()).unwrap_or_default();
            memberships.iter().any(|membership| membership.role == of.0 && membership.admin)
        })
}

// ----------------------------------------------------------------------------------------------------------- privileges

/// Something with an owner and grants.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    pub kind: Securable,
    pub owner: Oid,
    pub grants: &'a [Grant],
}

impl<'a> From<&'a Table> for Object<'a> {
    fn from(table: &'a Table) -> Object<'a> {
        let kind = if table.sequence.is_some() { Securable::Sequence } else { Securable::Table };
        Object { kind, owner: Oid(table.owner), grants: &table.privileges }
    }
}

impl<'a> From<&'a Database> for Object<'a> {
    fn from(database: &'a Database) -> Object<'a> {
        Object { kind: Securable::Database, owner: Oid(database.owner), grants: &database.privileges }
    }
}

impl<'a> From<&'a Schema> for Object<'a> {
    fn from(schema: &'a Schema) -> Object<'a> {
        Object { kind: Securable::Schema, owner: Oid(schema.owner), grants: &schema.privileges }
    }
}

impl<'a> From<&'a UserType> for Object<'a> {
    fn from(of: &'a UserType) -> Object<'a> {
        Object { kind: Securable::Type, owner: Oid(of.owner), grants: &of.privileges }
    }
}

/// Whether `role` has the privilege that `letter` stands for; with `to_grant`, whether it may grant it.
pub fn has_privilege(
    catalog: &Catalog,
    database: Oid,
    role: Oid,
    object: Object<'_>,
    letter: char,
    to_grant: bool,
) -> bool {
    if is_superuser(catalog, role) {
        return true;
    }
    let roles = memberships(catalog, database, role, true);
    if to_grant && roles.contains(&object.owner) {
        // The owner can always give, even what it has taken from itself.
        return true;
    }
    let everywhere = match (object.kind, letter) {
        (Securable::Table | Securable::Sequence | Securable::Column, 'r') | (Securable::Schema, 'U') => {
            roles.contains(&READ_ALL_DATA) || (letter == 'U' && roles.contains(&WRITE_ALL_DATA))
        }
        (Securable::Table | Securable::Column, 'a' | 'w' | 'd') => roles.contains(&WRITE_ALL_DATA),
        _ => false,
    };
    if everywhere && !to_grant {
        return true;
    }
    effective(object.kind, object.owner, object.grants).iter().any(|grant| {
        let letters = if to_grant { &grant.grantable } else { &grant.letters };
        let reaches = grant.grantee == PUBLIC_GRANTEE || roles.contains(&Oid(grant.grantee));
        reaches && letters.contains(letter)
    })
}

/// On the whole table, or on this column of it.
pub fn has_column_privilege(
    catalog: &Catalog,
    database: Oid,
    role: Oid,
    table: &Table,
    column: &Column,
    letter: char,
) -> bool {
    let of_column = Object { kind: Securable::Column, owner: Oid(table.owner), grants: &column.privileges };
    has_privilege(catalog, database, role, table.into(), letter, false)
        || has_privilege(catalog, database, role, of_column, letter, false)
}

/// 42501 unless the role may do with a relation what a statement does with it.
pub fn check_use(scope: &Scope, used: &RelationUse) -> Result<()> {
    let (catalog, database, role) = (&scope.catalog, scope.session.database, used.as_role);
    // Everybody may read what is computed from the catalog, and nobody write it.
    let Some(table) = catalog.table(used.relation) else { return Ok(()) };
    if is_superuser(catalog, role) {
        return Ok(());
    }
    if let Some(schema) = catalog.schemas.get(&Oid(table.schema))
        && !has_privilege(catalog, database, role, (&**schema).into(), 'U', false)
    {
        return Err(denied("schema", &schema.name));
    }
    let on_table = |letter| has_privilege(catalog, database, role, (&**table).into(), letter, false);
    let on_column = |column: &Column, letter| has_column_privilege(catalog, database, role, table, column, letter);
    let on_columns = |columns: &BTreeSet<ColumnOrdinal>, letter| {
        let mut named = columns.iter().filter_map(|ordinal| table.column(*ordinal)).filter(|column| !column.hidden);
        match columns.is_empty() {
            true => table.visible_columns().any(|column| on_column(column, letter)),
            false => named.all(|column| on_column(column, letter)),
        }
    };
    let column_uses = [(&used.select, 'r'), (&used.insert, 'a'), (&used.update, 'w')];
    let columns_ok = column_uses.into_iter().all(|(columns, letter)| {
        columns.as_ref().is_none_or(|columns| on_table(letter) || on_columns(columns, letter))
    });
    let is_allowed = columns_ok
        && (!used.delete || on_table('d'))
        && (!used.lock || on_table('w') || on_columns(&BTreeSet::new(), 'w'));
    if is_allowed { Ok(()) } else { Err(denied(kind_text(table), &table.name)) }
}

/// LOCK TABLE.
pub fn check_lock(scope: &Scope, relation: Oid, mode: Mode) -> Result<()> {
    let (catalog, database, role) = (&scope.catalog, scope.session.database, scope.session.current_user);
    let Some(table) = catalog.table(relation) else { return Ok(()) };
    let letters = match mode {
        Mode::AccessShare => "r",
        Mode::RowExclusive => "awdD",
        _ => "wdD",
    };
    let has = |letter| has_privilege(catalog, database, role, (&**table).into(), letter, false);
    if letters.chars().any(has) { Ok(()) } else { Err(denied(kind_text(table), &table.name)) }
}

fn kind_text(table: &Table) -> &'static str {
    match table.kind() {
        RelationKind::Table => "table",
        RelationKind::View => "view",
        RelationKind::Sequence => "sequence",
        RelationKind::MaterializedView => "materialized view",
    }
}

/// 42501, as PostgreSQL says it: `permission denied for table t`.
pub fn denied(what: &str, name: &str) -> Error {
    Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, format!("permission denied for {what} {name}"))
}

/// 42501: `must be owner of table t`.
pub fn not_owner(what: &str, name: &str) -> Error {
    Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, format!("must be owner of {what} {name}"))
}

#[cfg(test)]
mod tests {
    use super::super::Membership;
    use super::*;

    const DATABASE: Oid = Oid(5);

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        let role = |oid: u32, inherit: bool, of: &[u32]| Role {
            oid,
            name: format!("r{oid}"),
            inherit,
            superuser: oid == 10,
            member_of: of.iter().map(|role| Membership { role: *role, grantor: 10, admin: *role == 3 }).collect(),
            ..Role::default()
        };
        for role in
            [role(10, true, &[]), role(1, true, &[2]), role(2, true, &[3]), role(3, true, &[]), role(4, false, &[3])]
        {
            catalog.put_role(role);
        }
        catalog.put_database(Database { oid: DATABASE.0, owner: 1, ..Database::default() });
        catalog
    }

    #[test]
    fn memberships_reach_through_roles() {
        let catalog = catalog();
        let acts = |member, of| acts_as(&catalog, DATABASE, Oid(member), Oid(of));
        assert!(acts(1, 3) && acts(10, 3) && !acts(3, 1));
        assert!(!acts(4, 3), "NOINHERIT");
        assert!(is_member(&catalog, DATABASE, Oid(4), Oid(3)));
        assert!(acts(1, DATABASE_OWNER_ROLE.0) && !acts(2, DATABASE_OWNER_ROLE.0));
        assert!(is_admin(&catalog, DATABASE, Oid(1), Oid(3)) && !is_admin(&catalog, DATABASE, Oid(1), Oid(2)));
    }

    #[test]
    fn grants_count_as_in_postgresql() {
        let catalog = catalog();
        let mut table = Table { owner: 2, ..Table::default() };
        let has =
            |table: &Table, role, letter| has_privilege(&catalog, DATABASE, Oid(role), table.into(), letter, false);
        assert!(has(&table, 2, 'r') && has(&table, 1, 'r') && !has(&table, 3, 'r'));
        table.privileges = vec![Grant { grantee: 0, grantor: 2, letters: "r".to_owned(), grantable: String::new() }];
        assert!(has(&table, 3, 'r') && !has(&table, 3, 'w') && !has(&table, 2, 'w'), "the owner revoked its own");
        assert!(has_privilege(&catalog, DATABASE, Oid(2), (&table).into(), 'w', true));
        assert_eq!(item_text(&catalog, &table.privileges[0]), "=r/r2");
        assert_eq!(letter_of("temp"), Some('T'));
        assert_eq!(letter_of("select"), Some('r'));
        assert_eq!(letter_of("drink"), None);
    }
}
