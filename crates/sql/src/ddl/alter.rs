//! ALTER TABLE: several actions at once, in PostgreSQL's order, and one pass over the rows for all of them.
//!
//! Actions change a copy of the descriptor and note what that asks of the rows ([`Alteration`]); then the rows are moved
//! into new indexes, or looked at, or left alone.

use std::sync::Arc;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::{self, AlterTableAction, ObjectKind, Persistence, Setting, TriggerEnable, TriggerSelection};

use super::constraint::{self, Pending, PendingKind};
use super::dependency::Thing;
use super::{Definition, alter_column, column, data, drop, index, names, rename, table};
use crate::catalog::{Index, IndexState, RelationKind, SettingDefault, Table};
use crate::exec::Result;
use crate::plan;
use crate::session::Scope;
use crate::session::locks::Mode;

/// A table on its way from one descriptor to the next.
pub struct Alteration {
    pub old: Arc<Table>,
    pub new: Table,
    /// Rows have to be moved into new indexes, with these values instead of the stored ones.
    pub rewrite: bool,
    /// There is a primary key now, and rows that lie by a hidden row id.
    pub cluster: bool,
    pub values: Vec<(u32, plan::Expr)>,
    /// What rows have to be looked at for, if they stay.
    pub new_checks: Vec<u32>,
    pub new_not_null: Vec<u32>,
    pub new_indexes: Vec<u32>,
    pub new_foreign_keys: Vec<u32>,
    /// Of columns that were added.
    pub constraints: Vec<Pending>,
}

pub async fn execute(definition: &mut Definition<'_>, alter: &ast::AlterTable) -> Result<()> {
    if alter.kind == ObjectKind::Index {
        return index::alter(definition, alter).await;
    }
    let Some(found) = names::find_relation(&definition.scope, &alter.table.name)? else {
        if names::find_index(&definition.scope, &alter.table.name)?.is_some() && alter.kind == ObjectKind::Table {
            return index::alter(definition, alter).await;
        }
        let error = names::missing_relation(&alter.table.name).without_position();
        if alter.if_exists {
            definition.skip(error.message().to_owned());
            return Ok(());
        }
        return Err(error.into());
    };
    let mode = alter.actions.iter().map(lock_mode).max().unwrap_or(Mode::AccessExclusive);
    let Some(table) = definition.lock(found.oid(), mode).await? else {
        return Err(names::missing_relation(&alter.table.name).without_position().into());
    };
    check_kind(&table, alter)?;
    definition.check_owner(&table)?;
    constraint::check_is_users(&table)?;
    run(definition, table.oid(), &alter.actions).await
}

fn lock_mode(action: &AlterTableAction) -> Mode {
    match action {
        AlterTableAction::AddConstraint(constraint)
            if matches!(constraint.kind, ast::TableConstraintKind::ForeignKey { .. }) =>
        {
            Mode::ShareRowExclusive
        }
        AlterTableAction::ValidateConstraint { .. }
        | AlterTableAction::SetStatistics { .. }
        | AlterTableAction::SetOptions(_)
        | AlterTableAction::ResetOptions(_) => Mode::ShareUpdateExclusive,
        _ => Mode::AccessExclusive,
    }
}

fn check_kind(table: &Table, alter: &ast::AlterTable) -> Result<()> {
    let (wanted, what) = match alter.kind {
        ObjectKind::View => (RelationKind::View, "a view"),
        ObjectKind::MaterializedView => (RelationKind::MaterializedView, "a materialized view"),
        ObjectKind::Sequence => (RelationKind::Sequence, "a sequence"),
        // ALTER TABLE is content with anything for what all of them have.
        _ => {
            let is_general = alter.actions.iter().all(|action| {
                matches!(
                    action,
                    AlterTableAction::SetOwner(_)
                        | AlterTableAction::SetOptions(_)
                        | AlterTableAction::ResetOptions(_)
                        | AlterTableAction::SetDefault { .. }
                        | AlterTableAction::DropDefault { .. }
                )
            });
            if table.kind() == RelationKind::Table || is_general {
                return Ok(());
            }
            let action = alter.actions.first().map_or("", action_text);
            let message = format!("ALTER action {action} cannot be performed on relation \"{}\"", table.name);
            let detail = format!("This operation is not supported for {}s.", names::kind_text(table));
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).detail(detail).into());
        }
    };
    if table.kind() != wanted {
        let message = format!("\"{}\" is not {what}", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    Ok(())
}

fn action_text(action: &AlterTableAction) -> &'static str {
    use AlterTableAction::*;
    match action {
        AddColumn { .. } => "ADD COLUMN",
        DropColumn { .. } => "DROP COLUMN",
        SetDefault { .. } | DropDefault { .. } => "ALTER COLUMN ... SET DEFAULT",
        SetNotNull { .. } => "ALTER COLUMN ... SET NOT NULL",
        DropNotNull { .. } => "ALTER COLUMN ... DROP NOT NULL",
        SetType { .. } => "ALTER COLUMN ... SET DATA TYPE",
        AddConstraint(_) => "ADD CONSTRAINT",
        DropConstraint { .. } => "DROP CONSTRAINT",
        AddIdentity { .. } => "ALTER COLUMN ... ADD IDENTITY",
        SetPersistence(_) => "SET LOGGED",
        _ => "SET",
    }
}

/// PostgreSQL's passes: what goes, types, new columns, checks, attributes of columns, keys, foreign keys, the rest.
fn pass(action: &AlterTableAction) -> u32 {
    use AlterTableAction::*;
    match action {
        DropColumn { .. }
        | DropConstraint { .. }
        | DropIdentity { .. }
        | DropNotNull { .. }
        | DropExpression { .. } => 0,
        SetType { .. } => 1,
        AddColumn { .. } => 2,
        AddConstraint(constraint) => match constraint.kind {
            ast::TableConstraintKind::Check { .. } => 3,
            ast::TableConstraintKind::ForeignKey { .. } => 6,
            _ => 5,
        },
        SetDefault { .. } | DropDefault { .. } | SetNotNull { .. } | AddIdentity { .. } | SetIdentity { .. } => 4,
        _ => 7,
    }
}

/// Carries out actions on a relation that is locked.
pub async fn run(definition: &mut Definition<'_>, oid: Oid, actions: &[AlterTableAction]) -> Result<()> {
    let mut ordered: Vec<&AlterTableAction> = actions.iter().collect();
    ordered.sort_by_key(|action| pass(action));
    // What goes may take others with it, which writes the table by itself.
    let (drops, rest): (Vec<_>, Vec<_>) = ordered.into_iter().partition(|action| {
        matches!(action, AlterTableAction::DropColumn { .. } | AlterTableAction::DropConstraint { .. })
    });
    for action in drops {
        drop_part(definition, oid, action).await?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let old = super::dependency::table_of(definition.catalog(), oid)?;
    let mut alteration = Alteration {
        new: Table::clone(&old),
        old,
        rewrite: false,
        cluster: false,
        values: Vec::new(),
        new_checks: Vec::new(),
        new_not_null: Vec::new(),
        new_indexes: Vec::new(),
        new_foreign_keys: Vec::new(),
        constraints: Vec::new(),
    };
    let mut keys_done = false;
    for action in rest {
        // Constraints of new columns come before what is said of the table's others in the same pass.
        if pass(action) > 2 && !keys_done {
            add_pending(definition, &mut alteration).await?;
            keys_done = true;
        }
        act(definition, &mut alteration, action).await?;
    }
    if !keys_done {
        add_pending(definition, &mut alteration).await?;
    }
    finish(definition, alteration).await
}

async fn add_pending(definition: &mut Definition<'_>, alteration: &mut Alteration) -> Result<()> {
    let mut pending = std::mem::take(&mut alteration.constraints);
    pending.sort_by_key(|pending| match pending.kind {
        PendingKind::Check { .. } => 0,
        PendingKind::Key(_) => 1,
        PendingKind::Foreign { .. } => 2,
    });
    for pending in &pending {
        add_constraint(definition, alteration, pending).await?;
    }
    Ok(())
}

async fn drop_part(definition: &mut Definition<'_>, oid: Oid, action: &AlterTableAction) -> Result<()> {
    let table = super::dependency::table_of(definition.catalog(), oid)?;
    match action {
        AlterTableAction::DropColumn { column: name, if_exists, behavior } => {
            let Some(found) = table.column_named(name.as_str()).filter(|column| !column.hidden) else {
                let error = column::missing(&table, name.as_str());
                if *if_exists {
                    definition.skip(error.message().to_owned());
                    return Ok(());
                }
                return Err(error.into());
            };
            drop::remove(definition, &[Thing::Column(oid, found.ordinal)], *behavior).await
        }
        AlterTableAction::DropConstraint { constraint: name, if_exists, behavior } => {
            let keys = table.indexes.iter().filter(|index| index.constraint != 0);
            let keys = keys.map(|index| (&index.name, index.constraint));
            let checks = table.checks.iter().map(|check| (&check.name, check.oid));
            let foreign = table.foreign_keys.iter().map(|key| (&key.name, key.oid));
            let found = keys.chain(checks).chain(foreign).find(|(of, _)| of.as_str() == name.as_str());
            let Some((_, constraint)) = found else {
                let error = missing_constraint(&table, name);
                if *if_exists {
                    definition.skip(error.message().to_owned());
                    return Ok(());
                }
                return Err(error.into());
            };
            drop::remove(definition, &[Thing::Constraint(oid, constraint)], *behavior).await
        }
        _ => Ok(()),
    }
}

pub fn missing_constraint(table: &Table, name: &ast::Name) -> Error {
    let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name);
    Error::new(sqlstate::UNDEFINED_OBJECT, message)
}

async fn act(definition: &mut Definition<'_>, alteration: &mut Alteration, action: &AlterTableAction) -> Result<()> {
    use AlterTableAction::*;
    let unsupported = |what: &str| Err(Error::unsupported(what).into());
    match action {
        AddColumn { column, if_not_exists } => alter_column::add(definition, alteration, column, *if_not_exists).await,
        SetType { column, type_name, collation, using } => {
            alter_column::set_type(definition, alteration, column, type_name, collation.as_ref(), using.as_ref())?;
            alter_column::set_identity_type(definition, alteration, column, type_name).await
        }
        SetDefault { column, value } => alter_column::set_default(definition, alteration, column, Some(value)),
        DropDefault { column } => alter_column::set_default(definition, alteration, column, None),
        SetNotNull { column } => alter_column::set_not_null(alteration, column),
        DropNotNull { column } => alter_column::drop_not_null(alteration, column),
        DropExpression { column, if_exists } => {
            alter_column::drop_expression(definition, alteration, column, *if_exists)
        }
        SetStatistics { column, target } => alter_column::set_statistics(alteration, column, *target),
        AddIdentity { column, always, options } => {
            alter_column::add_identity(definition, alteration, column, *always, options).await
        }
        SetIdentity { column, changes } => alter_column::set_identity(definition, alteration, column, changes).await,
        DropIdentity { column, if_exists } => {
            alter_column::drop_identity(definition, alteration, column, *if_exists).await
        }
        AddConstraint(written) => {
            let pending = Pending::of_table(written)?;
            add_constraint(definition, alteration, &pending).await
        }
        AlterConstraint { constraint, timing } => {
            let name = constraint.as_str();
            let place = alteration.new.foreign_keys.iter().position(|key| key.name == name);
            let Some(place) = place else {
                let table = &alteration.new;
                if constraint::names_of(table).contains(name) {
                    let message =
                        format!("constraint \"{name}\" of relation \"{}\" is not a foreign key constraint", table.name);
                    return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
                }
                return Err(missing_constraint(table, constraint).into());
            };
            let key = &mut alteration.new.foreign_keys[place];
            key.initially_deferred = timing.initially_deferred == Some(true);
            key.deferrable = timing.deferrable.unwrap_or(key.initially_deferred);
            Ok(())
        }
        ValidateConstraint { constraint } => validate(alteration, constraint),
        SetOwner(owner) => {
            let owner = definition.role_of(owner)?;
            rename::give_relation(definition, &mut alteration.new, owner).await
        }
        SetOptions(settings) => set_options(&definition.scope, &mut alteration.new, settings),
        ResetOptions(settings) => {
            let gone: Vec<&str> = settings.iter().map(|setting| setting.name.as_str()).collect();
            alteration.new.options.retain(|option| !gone.contains(&option.name.as_str()));
            if let Some(view) = alteration.new.view.as_mut().filter(|_| gone.contains(&super::view::CHECK_OPTION)) {
                view.check_option.clear();
            }
            Ok(())
        }
        SetPersistence(persistence) => {
            alteration.new.unlogged = *persistence == Persistence::Unlogged;
            Ok(())
        }
        SetWithoutOids | SetWithoutCluster => Ok(()),
        SetTablespace(tablespace) => index::check_tablespace(tablespace),
        SetMethod(method) if method.as_str() == "heap" => Ok(()),
        RowSecurity(ast::RowSecurity::Disable | ast::RowSecurity::NoForce) => Ok(()),
        RowSecurity(_) => unsupported("row-level security"),
        ReplicaIdentity(ast::ReplicaIdentity::Default) => Ok(()),
        ReplicaIdentity(_) => unsupported("REPLICA IDENTITY"),
        Trigger { which: TriggerSelection::Name(name), .. } => {
            let message = format!("trigger \"{name}\" for table \"{}\" does not exist", alteration.new.name);
            Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).into())
        }
        Trigger { enable: TriggerEnable::Enable, .. } | Trigger { which: TriggerSelection::User, .. } => Ok(()),
        Trigger { .. } => unsupported("DISABLE TRIGGER ALL"),
        SetColumnOptions { .. } | ResetColumnOptions { .. } => unsupported("an option of a column"),
        SetStorage { .. } => unsupported("SET STORAGE"),
        SetCompression { .. } => unsupported("SET COMPRESSION"),
        ClusterOn(_) => unsupported("CLUSTER ON"),
        Rule { .. } => unsupported("a rule"),
        Inherit(_) | NoInherit(_) => unsupported("INHERIT"),
        OfType(_) | NotOfType => unsupported("a typed table"),
        SetMethod(_) => unsupported("this access method"),
        AttachPartition { .. } | AttachIndex(_) | DetachPartition { .. } => unsupported("a partitioned table"),
        SplitAt(_) => unsupported("SPLIT AT"),
        DropColumn { .. } | DropConstraint { .. } => Err(Error::internal("a drop among the changes").into()),
    }
}

fn set_options(scope: &Scope, table: &mut Table, settings: &[Setting]) -> Result<()> {
    let new: Vec<SettingDefault> = match table.kind() {
        RelationKind::View => {
            let (options, check) = super::view::options(settings)?;
            if let Some(check) = check {
                super::view::set_check_option(scope, table, check)?;
            }
            options
        }
        _ => table::options(settings)?,
    };
    for option in new {
        table.options.retain(|old| old.name != option.name);
        table.options.push(option);
    }
    Ok(())
}

fn validate(alteration: &mut Alteration, name: &ast::Name) -> Result<()> {
    let table = &mut alteration.new;
    if let Some(check) = table.checks.iter_mut().find(|check| check.name == name.as_str()) {
        if std::mem::take(&mut check.not_valid) {
            alteration.new_checks.push(check.oid);
        }
        return Ok(());
    }
    if let Some(key) = table.foreign_keys.iter_mut().find(|key| key.name == name.as_str()) {
        if std::mem::take(&mut key.not_valid) {
            alteration.new_foreign_keys.push(key.oid);
        }
        return Ok(());
    }
    if constraint::names_of(table).contains(name.as_str()) {
        let message =
            format!("constraint \"{name}\" of relation \"{}\" is not a foreign key or check constraint", table.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).into());
    }
    Err(missing_constraint(table, name).into())
}

// ----------------------------------------------------------------------------------------------------------- constraints

async fn add_constraint(definition: &mut Definition<'_>, alteration: &mut Alteration, pending: &Pending) -> Result<()> {
    match &pending.kind {
        PendingKind::Check { .. } => {
            let place = constraint::add_check(definition, &mut alteration.new, pending).await?;
            if !pending.not_valid {
                alteration.new_checks.push(alteration.new.checks[place].oid);
            }
            Ok(())
        }
        PendingKind::Foreign { .. } => {
            let place = constraint::add_foreign_key(definition, &mut alteration.new, pending).await?;
            if !pending.not_valid {
                alteration.new_foreign_keys.push(alteration.new.foreign_keys[place].oid);
            }
            Ok(())
        }
        PendingKind::Key(key) => {
            if let Some(existing) = &key.existing {
                return adopt_index(definition, alteration, pending, key.primary, existing).await;
            }
            let was_null: Vec<u32> = nullable(&alteration.new);
            let made = constraint::key_index(definition, &mut alteration.new, pending, key).await?;
            let forced = was_null.into_iter().filter(|ordinal| alteration.new.columns[*ordinal as usize - 1].not_null);
            alteration.new_not_null.extend(forced);
            install_key(definition, alteration, made).await
        }
    }
}

fn nullable(table: &Table) -> Vec<u32> {
    table.live_columns().filter(|column| !column.not_null).map(|column| column.ordinal).collect()
}

/// A primary key takes the place of the hidden row id. Where rows are there already it is first a unique index beside it;
/// whether they move is seen when the alteration is [finished](finish).
async fn install_key(definition: &mut Definition<'_>, alteration: &mut Alteration, mut made: Index) -> Result<()> {
    let table = &mut alteration.new;
    let is_hidden = table.indexes.first().is_some_and(|first| first.oid == 0);
    let clusters = made.primary && is_hidden && made.include.is_empty();
    made.id = table.next_index;
    made.state = IndexState::Public as i32;
    table.next_index += 1;
    let id = made.id;
    table.indexes.push(made);
    if clusters && data::is_empty(definition, &alteration.old).await? {
        cluster(&mut alteration.new);
        return Ok(());
    }
    alteration.cluster |= clusters;
    alteration.new_indexes.push(id);
    Ok(())
}

/// Has the rows lie by the primary key.
fn cluster(table: &mut Table) {
    let Some(place) = table.indexes.iter().position(|index| index.primary) else { return };
    let key = table.indexes.remove(place);
    let gone = std::mem::replace(&mut table.indexes[0], key);
    for key in &gone.keys {
        let column = &mut table.columns[key.column as usize - 1];
        (column.dropped, column.not_null) = (true, false);
    }
}

/// `ADD CONSTRAINT … USING INDEX`.
async fn adopt_index(
    definition: &mut Definition<'_>,
    alteration: &mut Alteration,
    pending: &Pending,
    primary: bool,
    existing: &ast::Name,
) -> Result<()> {
    let at = pending.at.offset();
    let table = &mut alteration.new;
    if primary && table.indexes.iter().any(|index| index.primary) {
        return Err(constraint::multiple_primary_keys(table).at(at).into());
    }
    let own = table.indexes.iter().position(|index| index.oid != 0 && index.name == existing.as_str());
    let Some(place) = own else {
        let error = match definition.catalog().index_named(Oid(table.schema), existing.as_str()) {
            Some(_) => {
                let message = format!("index \"{existing}\" does not belong to table \"{}\"", table.name);
                Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
            }
            None => Error::new(sqlstate::UNDEFINED_OBJECT, format!("index \"{existing}\" does not exist")),
        };
        return Err(error.at(at).into());
    };
    let index = &table.indexes[place];
    let wrong = |message: String| Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at);
    let detail = "Cannot create a primary key or unique constraint using such an index.";
    if index.constraint != 0 {
        let message = format!("index \"{existing}\" is already associated with a constraint");
        return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).at(at).into());
    }
    if !index.unique {
        return Err(wrong(format!("\"{existing}\" is not a unique index")).detail(detail).into());
    }
    if index.keys.iter().any(|key| key.column == 0) {
        return Err(wrong(format!("index \"{existing}\" contains expressions")).detail(detail).into());
    }
    if index.predicate.is_some() {
        return Err(wrong(format!("\"{existing}\" is a partial index")).detail(detail).into());
    }
    if index.keys.iter().any(|key| key.descending || key.nulls_first) {
        let message = format!("index \"{existing}\" column number 1 does not have default sorting behavior");
        return Err(wrong(message).detail(detail).into());
    }
    let constraint_oid = definition.new_oid().await?;
    let name = pending.name.as_ref().map_or_else(|| existing.as_str().to_owned(), |name| name.as_str().to_owned());
    if name != existing.as_str() {
        if definition.relation_exists(Oid(table.schema), &name) {
            let message = format!("relation \"{name}\" already exists");
            return Err(Error::new(sqlstate::DUPLICATE_TABLE, message).into());
        }
        let message =
            format!("ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"{existing}\" to \"{name}\"");
        definition.notice(sqlstate::SUCCESSFUL_COMPLETION, message);
    }
    let columns: Vec<u32> = index.keys.iter().map(|key| key.column).collect();
    let index = &mut table.indexes[place];
    (index.constraint, index.primary, index.name) = (constraint_oid, primary, name);
    index.initially_deferred = pending.timing.initially_deferred == Some(true);
    index.deferrable = pending.timing.deferrable.unwrap_or(index.initially_deferred);
    for ordinal in columns.into_iter().filter(|_| primary) {
        let column = &mut table.columns[ordinal as usize - 1];
        if !std::mem::replace(&mut column.not_null, true) {
            alteration.new_not_null.push(ordinal);
        }
    }
    Ok(())
}

// -------------------------------------------------------------------------------------------------------------- the rows

/// Rows move to where a new primary key has them lie, for every lookup by it is one step shorter then, unless they are more
/// than is good for one transaction.
const CLUSTER_BYTES_MAX: usize = 1 << 30;

async fn finish(definition: &mut Definition<'_>, alteration: Alteration) -> Result<()> {
    let Alteration { old, mut new, .. } = alteration;
    let moves = alteration.rewrite || alteration.cluster;
    let has_rows = !new.indexes.is_empty() && moves && !data::is_empty(definition, &old).await?;
    let mut moved = false;
    if has_rows && alteration.cluster {
        let mut clustered = new.clone();
        cluster(&mut clustered);
        lay_anew(definition, &mut clustered);
        let savepoint = definition.txn.savepoint();
        moved = data::rewrite_small(definition, &old, &clustered, &alteration.values, CLUSTER_BYTES_MAX).await?;
        match moved {
            true => new = clustered,
            false => definition.txn.rollback_to(savepoint).await?,
        }
        definition.txn.release(savepoint);
    }
    if has_rows && alteration.rewrite && !moved {
        lay_anew(definition, &mut new);
        data::rewrite(definition, &old, &new, &alteration.values).await?;
        moved = true;
    }
    if moved {
        // Now every row has all its values.
        new.columns.iter_mut().for_each(|column| column.missing = None);
    } else if !new.indexes.is_empty() {
        data::validate(definition, &new, &alteration.new_checks, &alteration.new_not_null).await?;
        if !alteration.new_indexes.is_empty() {
            data::fill_indexes(definition, &new, &alteration.new_indexes).await?;
        }
        for index in &old.indexes {
            if !new.indexes.iter().any(|kept| kept.id == index.id) {
                data::erase_index(definition, old.oid(), index.id).await?;
            }
        }
    }
    let foreign: Vec<_> =
        new.foreign_keys.iter().filter(|key| alteration.new_foreign_keys.contains(&key.oid)).cloned().collect();
    for key in &foreign {
        data::validate_foreign_key(definition, &new, key).await?;
    }
    definition.put_table(new).await
}

/// New places for all rows and entries.
fn lay_anew(definition: &Definition<'_>, table: &mut Table) {
    for index in &mut table.indexes {
        index.id = table.next_index;
        table.next_index += 1;
    }
    table.rewritten_wall_ns = definition.scope.node.env.clock.wall_ns();
}
