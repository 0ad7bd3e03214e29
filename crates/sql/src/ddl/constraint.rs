//! Constraints of CREATE TABLE and ALTER TABLE … ADD CONSTRAINT: keys, checks, foreign keys.

use std::collections::BTreeSet;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{
    self, ColumnConstraint, ConstraintIndex, ConstraintTiming, Name, References, ReferentialAction, Setting,
    TableConstraint, TableConstraintKind,
};

use super::{Definition, access, binding, column, index, names, walk};
use crate::catalog::privileges::{self, Object, Securable, has_privilege};
use crate::catalog::{Check, ForeignAction, ForeignKey, Index, IndexKey, RelationKind, Table};
use crate::exec::Result;
use crate::session::locks::Mode;

/// The hidden column of tables without a primary key.
pub const ROW_ID: &str = "__row_id";

/// A constraint that was written and not yet looked at.
#[derive(Clone)]
pub struct Pending {
    pub name: Option<Name>,
    pub kind: PendingKind,
    pub timing: ConstraintTiming,
    pub not_valid: bool,
    pub at: ast::At,
}

#[derive(Clone)]
pub enum PendingKind {
    Check { condition: ast::Expr, no_inherit: bool },
    Key(PendingKey),
    Foreign { columns: Vec<Name>, references: References },
}

/// UNIQUE or PRIMARY KEY.
#[derive(Clone)]
pub struct PendingKey {
    pub primary: bool,
    pub nulls_not_distinct: bool,
    pub columns: Vec<Name>,
    pub include: Vec<Name>,
    pub options: Vec<Setting>,
    pub existing: Option<Name>,
}

impl Pending {
    fn of_column(constraint: &ColumnConstraint, kind: PendingKind) -> Pending {
        let (name, timing, at) = (constraint.name.clone(), constraint.timing, constraint.at);
        Pending { name, kind, timing, not_valid: false, at }
    }

    pub fn check(constraint: &ColumnConstraint, condition: ast::Expr, no_inherit: bool) -> Pending {
        Pending::of_column(constraint, PendingKind::Check { condition, no_inherit })
    }

    fn key(column: &Name, primary: bool, options: &[Setting]) -> PendingKey {
        PendingKey {
            primary,
            nulls_not_distinct: false,
            columns: vec![column.clone()],
            include: Vec::new(),
            options: options.to_vec(),
            existing: None,
        }
    }

    pub fn unique(
        constraint: &ColumnConstraint,
        column: &Name,
        nulls_not_distinct: bool,
        options: &[Setting],
    ) -> Pending {
        let key = Pending::key(column, false, options);
        Pending::of_column(constraint, PendingKind::Key(PendingKey { nulls_not_distinct, ..key }))
    }

    pub fn primary(constraint: &ColumnConstraint, column: &Name, options: &[Setting]) -> Pending {
        Pending::of_column(constraint, PendingKind::Key(Pending::key(column, true, options)))
    }

    pub fn foreign(constraint: &ColumnConstraint, column: &Name, references: References) -> Pending {
        Pending::of_column(constraint, PendingKind::Foreign { columns: vec![column.clone()], references })
    }

    pub fn of_table(constraint: &TableConstraint) -> Result<Pending> {
        let key = |primary: bool, nulls_not_distinct: bool, of: &ConstraintIndex| {
            let key = PendingKey {
                primary,
                nulls_not_distinct,
                columns: Vec::new(),
                include: Vec::new(),
                options: Vec::new(),
                existing: None,
            };
            PendingKind::Key(match of.clone() {
                ConstraintIndex::New { columns, include, options, .. } => {
                    PendingKey { columns, include, options, ..key }
                }
                ConstraintIndex::Existing(name) => PendingKey { existing: Some(name), ..key },
            })
        };
        let kind = match &constraint.kind {
            TableConstraintKind::Check { condition, no_inherit } => {
                PendingKind::Check { condition: condition.clone(), no_inherit: *no_inherit }
            }
            TableConstraintKind::Unique { nulls_not_distinct, index } => key(false, *nulls_not_distinct, index),
            TableConstraintKind::PrimaryKey(index) => key(true, false, index),
            TableConstraintKind::ForeignKey { columns, references } => {
                PendingKind::Foreign { columns: columns.clone(), references: references.clone() }
            }
            TableConstraintKind::Exclude(_) => {
                return Err(Error::unsupported("EXCLUDE").at(constraint.at.offset()).into());
            }
        };
        let (name, timing) = (constraint.name.clone(), constraint.timing);
        Ok(Pending { name, kind, timing, not_valid: constraint.not_valid, at: constraint.at })
    }
}

/// Names of all constraints of a table.
pub fn names_of(table: &Table) -> BTreeSet<&str> {
    let keys = table.indexes.iter().filter(|index| index.constraint != 0).map(|index| index.name.as_str());
    let checks = table.checks.iter().map(|check| check.name.as_str());
    keys.chain(checks).chain(table.foreign_keys.iter().map(|key| key.name.as_str())).collect()
}

/// Whether any table of the schema has a constraint of this name: PostgreSQL chooses others then.
fn is_taken(definition: &Definition<'_>, table: &Table, name: &str) -> bool {
    let of_schema = definition.catalog().tables.values();
    let others = of_schema.filter(|other| other.schema == table.schema && other.oid != table.oid);
    names_of(table).contains(name) || others.into_iter().any(|other| names_of(other).contains(name))
}

fn given_name(table: &Table, pending: &Pending) -> Result<Option<String>> {
    let Some(name) = &pending.name else { return Ok(None) };
    if names_of(table).contains(name.as_str()) {
        let message = format!("constraint \"{name}\" for relation \"{}\" already exists", table.name);
        return Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).into());
    }
    Ok(Some(name.as_str().to_owned()))
}

fn flags(timing: ConstraintTiming) -> (bool, bool) {
    let deferred = timing.initially_deferred == Some(true);
    (timing.deferrable.unwrap_or(deferred), deferred)
}

// --------------------------------------------------------------------------------------------------------------- checks

/// Adds a check; returns its place in the table.
pub async fn add_check(definition: &mut Definition<'_>, table: &mut Table, pending: &Pending) -> Result<usize> {
    let PendingKind::Check { condition, no_inherit } = &pending.kind else {
        return Err(Error::internal("no check").into());
    };
    let expression = binding::check(&definition.scope, table, condition)?;
    let name = match given_name(table, pending)? {
        Some(name) => name,
        None => {
            let columns = walk::columns_of(table, condition);
            let single = match columns.into_iter().collect::<Vec<_>>().as_slice() {
                [ordinal] => Some(table.columns[*ordinal as usize - 1].name.clone()),
                _ => None,
            };
            names::choose(&table.name, single.as_deref(), "check", |name| is_taken(definition, table, name))
        }
    };
    let oid = definition.new_oid().await?;
    let (no_inherit, not_valid) = (*no_inherit, pending.not_valid);
    table.checks.push(Check { oid, name, expression, not_valid, comment: None, no_inherit });
    // As in PostgreSQL they are checked in the order of their names.
    table.checks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(table.checks.iter().position(|check| check.oid == oid).unwrap_or_default())
}

// ----------------------------------------------------------------------------------------------------------------- keys

fn key_columns(table: &Table, columns: &[Name], primary: bool) -> Result<Vec<u32>> {
    let mut ordinals = Vec::new();
    for name in columns {
        let ordinal = column::named(table, name)?;
        if ordinals.contains(&ordinal) {
            let what = if primary { "primary key" } else { "unique" };
            let message = format!("column \"{name}\" appears twice in {what} constraint");
            return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).at(name.at.offset()).into());
        }
        ordinals.push(ordinal);
    }
    Ok(ordinals)
}

pub fn multiple_primary_keys(table: &Table) -> Error {
    let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
    Error::new(sqlstate::INVALID_TABLE_DEFINITION, message)
}

/// The index of a UNIQUE or PRIMARY KEY constraint, not yet part of the table: no id, no state.
pub async fn key_index(
    definition: &mut Definition<'_>,
    table: &mut Table,
    pending: &Pending,
    key: &PendingKey,
) -> Result<Index> {
    if key.primary && table.indexes.iter().any(|index| index.primary) {
        return Err(multiple_primary_keys(table).at(pending.at.offset()).into());
    }
    let is_new = !definition.catalog().tables.contains_key(&table.oid());
    let missing = |name: &&Name| table.column_named(name.as_str()).is_none_or(|column| column.hidden);
    // What a table that is there already needs NOT NULL for is looked up first.
    if let Some(name) = key.columns.iter().filter(|_| key.primary && !is_new).find(missing) {
        return Err(column::missing(table, name.as_str()).into());
    }
    let columns = key_columns(table, &key.columns, key.primary)?;
    let mut include = Vec::new();
    for name in &key.include {
        include.push(column::named(table, name)?);
    }
    let name = match given_name(table, pending)? {
        Some(name) if definition.relation_exists(Oid(table.schema), &name) || index::is_own_name(table, &name) => {
            let message = format!("relation \"{name}\" already exists");
            return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
        }
        Some(name) => name,
        None => {
            let taken = |name: &str| {
                definition.relation_exists(Oid(table.schema), name)
                    || index::is_own_name(table, name)
                    || is_taken(definition, table, name)
            };
            if key.primary {
                names::choose(&table.name, None, "pkey", taken)
            } else {
                let all = columns.iter().chain(&include);
                let joined = names::joined(all.map(|ordinal| table.columns[*ordinal as usize - 1].name.as_str()));
                names::choose(&table.name, Some(&joined), "key", taken)
            }
        }
    };
    let mut keys = Vec::new();
    for ordinal in columns {
        let column = &mut table.columns[ordinal as usize - 1];
        column.not_null |= key.primary;
        index::check_sortable(definition, Oid(column.type_oid))?;
        keys.push(IndexKey {
            column: ordinal,
            type_oid: column.type_oid,
            type_modifier: column.type_modifier,
            ..IndexKey::default()
        });
    }
    let (deferrable, initially_deferred) = flags(pending.timing);
    Ok(Index {
        id: 0,
        oid: definition.new_oid().await?,
        name,
        unique: true,
        keys,
        include,
        constraint: definition.new_oid().await?,
        primary: key.primary,
        nulls_not_distinct: key.nulls_not_distinct,
        deferrable,
        initially_deferred,
        options: index::options(&key.options)?,
        ..Index::default()
    })
}

/// An index that would be the same as one that is there already is not made twice in CREATE TABLE.
pub fn is_same_key(a: &Index, b: &Index) -> bool {
    a.keys == b.keys
        && a.include == b.include
        && a.deferrable == b.deferrable
        && a.nulls_not_distinct == b.nulls_not_distinct
        && a.constraint != 0
        && b.constraint != 0
}

// --------------------------------------------------------------------------------------------------------- foreign keys

fn invalid_foreign_key(message: String) -> Error {
    Error::new(sqlstate::INVALID_FOREIGN_KEY, message)
}

fn action(of: &ReferentialAction) -> ForeignAction {
    match of {
        ReferentialAction::NoAction => ForeignAction::NoAction,
        ReferentialAction::Restrict => ForeignAction::Restrict,
        ReferentialAction::Cascade => ForeignAction::Cascade,
        ReferentialAction::SetNull(_) => ForeignAction::SetNull,
        ReferentialAction::SetDefault(_) => ForeignAction::SetDefault,
    }
}

/// Adds a foreign key to the table, and the table to those that refer to the other. Returns its place.
pub async fn add_foreign_key(definition: &mut Definition<'_>, table: &mut Table, pending: &Pending) -> Result<usize> {
    let PendingKind::Foreign { columns, references } = &pending.kind else {
        return Err(Error::internal("no foreign key").into());
    };
    let is_own = is_reference_to(definition, table, references)?;
    let referenced = if is_own { table.clone() } else { lock_referenced(definition, references).await? };
    if referenced.kind() != RelationKind::Table {
        let message = format!("referenced relation \"{}\" is not a table", referenced.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    if table.unlogged != referenced.unlogged && !table.unlogged {
        let message = "constraints on permanent tables may reference only permanent tables";
        return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message).into());
    }
    let own = foreign_columns(table, columns)?;
    let (index, others) = if references.columns.is_empty() {
        let Some(index) = referenced.indexes.iter().find(|index| index.primary) else {
            let message = format!("there is no primary key for referenced table \"{}\"", referenced.name);
            return Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into());
        };
        (index, index.keys.iter().map(|key| key.column).collect())
    } else {
        let others = foreign_columns(&referenced, &references.columns)?;
        (matching_index(&referenced, &others)?, others)
    };
    if own.len() != others.len() {
        let message = "number of referencing and referenced columns for foreign key disagree";
        return Err(invalid_foreign_key(message.to_owned()).into());
    }
    check_references_privilege(definition, &referenced, &others)?;
    check_generated(table, &own, references)?;
    let name = match given_name(table, pending)? {
        Some(name) => name,
        None => {
            let joined = names::joined(own.iter().map(|ordinal| table.columns[*ordinal as usize - 1].name.as_str()));
            names::choose(&table.name, Some(&joined), "fkey", |name| is_taken(definition, table, name))
        }
    };
    for (own, other) in own.iter().zip(&others) {
        let (own, other) = (&table.columns[*own as usize - 1], &referenced.columns[*other as usize - 1]);
        if !binding::can_refer(definition.catalog(), Oid(own.type_oid), Oid(other.type_oid)) {
            let types = [own, other].map(|column| binding::type_text(&definition.scope, column.ty()));
            let detail = format!(
                "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
                own.name, other.name, types[0], types[1]
            );
            let message = format!("foreign key constraint \"{name}\" cannot be implemented");
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).detail(detail).into());
        }
    }
    let mut set_columns = Vec::new();
    if let ReferentialAction::SetNull(named) | ReferentialAction::SetDefault(named) = &references.on_delete {
        for name in named {
            let ordinal = foreign_columns(table, std::slice::from_ref(name))?[0];
            if !own.contains(&ordinal) {
                let message =
                    format!("column \"{name}\" referenced in ON DELETE SET action must be part of foreign key");
                return Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message).into());
            }
            set_columns.push(ordinal);
        }
    }
    let (deferrable, initially_deferred) = flags(pending.timing);
    let oid = definition.new_oid().await?;
    let key = ForeignKey {
        oid,
        name,
        columns: own,
        referenced_table: referenced.oid,
        referenced_columns: others,
        referenced_index: index.oid,
        on_delete: action(&references.on_delete) as i32,
        on_update: action(&references.on_update) as i32,
        set_columns,
        match_full: references.match_kind == ast::MatchKind::Full,
        deferrable,
        initially_deferred,
        not_valid: pending.not_valid,
        comment: None,
    };
    table.foreign_keys.push(key);
    if is_own {
        if !table.referenced_by.contains(&table.oid) {
            table.referenced_by.push(table.oid);
        }
    } else if !referenced.referenced_by.contains(&table.oid) {
        let mut referenced = referenced;
        referenced.referenced_by.push(table.oid);
        definition.put_table(referenced).await?;
    }
    Ok(table.foreign_keys.len() - 1)
}

fn is_reference_to(definition: &Definition<'_>, table: &Table, references: &References) -> Result<bool> {
    let found = names::find_relation(&definition.scope, &references.table)?;
    Ok(match found {
        Some(found) => found.oid == table.oid,
        // The table that is being made.
        None => {
            references.table.last().is_some_and(|name| name.as_str() == table.name)
                && !definition.catalog().tables.contains_key(&table.oid())
        }
    })
}

async fn lock_referenced(definition: &mut Definition<'_>, references: &References) -> Result<Table> {
    let found = names::relation(&definition.scope, &references.table)?;
    match definition.lock(found.oid(), Mode::ShareRowExclusive).await? {
        Some(table) => Ok(Table::clone(&table)),
        None => Err(names::missing_relation(&references.table).without_position().into()),
    }
}

fn foreign_columns(table: &Table, columns: &[Name]) -> Result<Vec<u32>> {
    let mut ordinals = Vec::new();
    for name in columns {
        let Some(column) = table.column_named(name.as_str()).filter(|column| !column.hidden) else {
            let message = format!("column \"{name}\" referenced in foreign key constraint does not exist");
            return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message).into());
        };
        ordinals.push(column.ordinal);
    }
    Ok(ordinals)
}

/// A unique index over just these columns, in whatever order.
fn matching_index<'t>(referenced: &'t Table, columns: &[u32]) -> Result<&'t Index> {
    let wanted: BTreeSet<u32> = columns.iter().copied().collect();
    if wanted.len() != columns.len() {
        let message = "foreign key referenced-columns list must not contain duplicates";
        return Err(invalid_foreign_key(message.to_owned()).into());
    }
    let candidates = referenced.indexes.iter().filter(|index| {
        let keys: BTreeSet<u32> = index.keys.iter().map(|key| key.column).collect();
        index.oid != 0 && index.unique && index.predicate.is_none() && keys == wanted && !keys.contains(&0)
    });
    let mut deferrable = false;
    for index in candidates {
        if !index.deferrable {
            return Ok(index);
        }
        deferrable = true;
    }
    if deferrable {
        let message = format!("cannot use a deferrable unique constraint for referenced table \"{}\"", referenced.name);
        return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).into());
    }
    let message =
        format!("there is no unique constraint matching given keys for referenced table \"{}\"", referenced.name);
    Err(invalid_foreign_key(message).into())
}

fn check_references_privilege(definition: &Definition<'_>, referenced: &Table, columns: &[u32]) -> Result<()> {
    let (catalog, database, role) = (definition.catalog(), definition.database(), definition.role());
    if has_privilege(catalog, database, role, referenced.into(), 'x', false) {
        return Ok(());
    }
    let allowed = columns.iter().all(|ordinal| {
        let grants = &referenced.columns[*ordinal as usize - 1].privileges;
        let object = Object { kind: Securable::Column, owner: Oid(referenced.owner), grants };
        has_privilege(catalog, database, role, object, 'x', false)
    });
    if allowed { Ok(()) } else { Err(privileges::denied("table", &referenced.name).into()) }
}

/// What a generated column is, no action can set.
fn check_generated(table: &Table, own: &[u32], references: &References) -> Result<()> {
    if own.iter().all(|ordinal| table.columns[*ordinal as usize - 1].generated.is_none()) {
        return Ok(());
    }
    let forbidden = [(&references.on_update, "ON UPDATE"), (&references.on_delete, "ON DELETE")];
    for (action, when) in forbidden {
        let is_update = when == "ON UPDATE";
        let writes = match action {
            ReferentialAction::SetNull(_) | ReferentialAction::SetDefault(_) => true,
            ReferentialAction::Cascade => is_update,
            ReferentialAction::NoAction | ReferentialAction::Restrict => false,
        };
        if writes {
            let message = format!("invalid {when} action for foreign key constraint containing generated column");
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message).into());
        }
    }
    Ok(())
}

/// A table that nobody may change.
pub fn check_is_users(table: &Table) -> Result<()> {
    if access::is_system(table.oid()) {
        let message = format!("permission denied: \"{}\" is a system catalog", table.name);
        return Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message).into());
    }
    Ok(())
}
