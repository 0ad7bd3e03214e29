//! What cannot go without what: found by looking through the catalog, when something is to be dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_syntax::ast::DropBehavior;
use atoll_syntax::print::identifier;

use super::{Definition, binding, index, names, walk};
use crate::catalog::{Catalog, RelationKind, Table};
use crate::exec::Result;
use crate::session::Scope;

/// Something that can be dropped, by itself or with something else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Thing {
    Schema(Oid),
    Type(Oid),
    /// A table, view, materialized view or sequence.
    Relation(Oid),
    Index(Oid, Oid),
    /// A constraint by its own oid.
    Constraint(Oid, u32),
    Column(Oid, u32),
    Default(Oid, u32),
}

/// How much one hangs on the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tie {
    /// Goes only with CASCADE.
    Normal,
    /// Goes without a word.
    Auto,
}

impl Thing {
    /// The relation that this is a part of.
    pub fn part_of(self) -> Option<Oid> {
        match self {
            Thing::Index(table, _)
            | Thing::Constraint(table, _)
            | Thing::Column(table, _)
            | Thing::Default(table, _) => Some(table),
            _ => None,
        }
    }

    fn order(self) -> (u32, u32) {
        match self {
            Thing::Schema(oid) | Thing::Type(oid) | Thing::Relation(oid) => (oid.0, 0),
            Thing::Index(_, oid) => (oid.0, 0),
            Thing::Constraint(_, oid) => (oid, 0),
            Thing::Column(table, ordinal) | Thing::Default(table, ordinal) => (table.0, ordinal),
        }
    }

    /// As messages describe it.
    pub fn text(self, scope: &Scope) -> String {
        let catalog = &scope.catalog;
        let table = |oid: Oid| match catalog.table(oid) {
            Some(table) => {
                format!("{} {}", names::kind_text(table), names::shown(scope, Oid(table.schema), &table.name))
            }
            None => format!("relation {oid}"),
        };
        let column = |oid: Oid, ordinal: u32| {
            let name = catalog.table(oid).and_then(|table| table.columns.get(ordinal as usize - 1));
            name.map_or_else(String::new, |column| identifier(&column.name))
        };
        match self {
            Thing::Schema(oid) => format!("schema {}", identifier(&names::schema_name(catalog, oid))),
            Thing::Type(oid) => match catalog.enum_type(oid) {
                Some(entry) => {
                    format!("type {}", type_name(scope, Oid(entry.descriptor.schema), &entry.descriptor.name))
                }
                None => format!("type {oid}"),
            },
            Thing::Relation(oid) => table(oid),
            Thing::Index(of, oid) => match catalog.index(oid) {
                Some((table, index)) => format!("index {}", names::shown(scope, Oid(table.schema), &index.name)),
                None => format!("index {oid} of {}", table(of)),
            },
            Thing::Constraint(of, oid) => {
                let name = catalog.table(of).and_then(|table| constraint_name(table, oid));
                format!("constraint {} on {}", identifier(&name.unwrap_or_default()), table(of))
            }
            Thing::Column(of, ordinal) => format!("column {} of {}", column(of, ordinal), table(of)),
            Thing::Default(of, ordinal) => {
                format!("default value for column {} of {}", column(of, ordinal), table(of))
            }
        }
    }
}

fn type_name(scope: &Scope, schema: Oid, name: &str) -> String {
    let path = &scope.session.search_path;
    let first = path.iter().copied().find(|schema| scope.catalog.enum_named(*schema, name).is_some());
    if first == Some(schema) { identifier(name) } else { names::qualified(&scope.catalog, schema, name) }
}

pub fn constraint_name(table: &Table, oid: u32) -> Option<String> {
    let keys = table.indexes.iter().filter(|index| index.constraint == oid).map(|index| &index.name);
    let checks = table.checks.iter().filter(|check| check.oid == oid).map(|check| &check.name);
    let foreign = table.foreign_keys.iter().filter(|key| key.oid == oid).map(|key| &key.name);
    keys.chain(checks).chain(foreign).next().cloned()
}

// -------------------------------------------------------------------------------------------------------------- finding

fn readers(catalog: &Catalog, relation: Oid, column: Option<u32>) -> impl Iterator<Item = Thing> {
    catalog.tables.values().filter_map(move |view| {
        let of = view.view.as_ref()?;
        let reads = match column {
            None => of.uses.contains(&relation.0),
            Some(column) => of
                .reads
                .iter()
                .any(|read| read.relation == relation.0 && (read.columns.is_empty() || read.columns.contains(&column))),
        };
        reads.then_some(Thing::Relation(view.oid()))
    })
}

fn foreign_keys_to(catalog: &Catalog, table: &Table, index: Option<u32>) -> Vec<Thing> {
    let referencing = table.referenced_by.iter().filter_map(|oid| catalog.table(Oid(*oid)));
    let mut found = Vec::new();
    for other in referencing {
        let keys = other
            .foreign_keys
            .iter()
            .filter(|key| key.referenced_table == table.oid && index.is_none_or(|index| key.referenced_index == index));
        found.extend(keys.map(|key| Thing::Constraint(other.oid(), key.oid)));
    }
    found
}

fn dependents(catalog: &Catalog, thing: Thing) -> Result<Vec<(Thing, Tie)>> {
    let mut found = Vec::new();
    match thing {
        Thing::Schema(schema) => {
            let tables = catalog.tables.values().filter(|table| table.schema == schema.0);
            found.extend(tables.map(|table| (Thing::Relation(table.oid()), Tie::Normal)));
            let types = catalog.types.iter().filter(|(_, entry)| entry.descriptor.schema == schema.0);
            found.extend(types.map(|(oid, _)| (Thing::Type(*oid), Tie::Normal)));
        }
        Thing::Type(oid) => {
            let Some(entry) = catalog.enum_type(oid) else { return Ok(found) };
            let of = [oid.0, entry.descriptor.array_oid];
            for table in catalog.tables.values() {
                let columns = table.live_columns().filter(|column| of.contains(&column.type_oid));
                found.extend(columns.map(|column| (Thing::Column(table.oid(), column.ordinal), Tie::Normal)));
            }
        }
        Thing::Relation(oid) => {
            let Some(table) = catalog.table(oid) else { return Ok(found) };
            let others = foreign_keys_to(catalog, table, None).into_iter();
            found.extend(others.filter(|key| key.part_of() != Some(oid)).map(|key| (key, Tie::Normal)));
            found.extend(readers(catalog, oid, None).map(|view| (view, Tie::Normal)));
            let owned = catalog
                .tables
                .values()
                .filter(|other| other.sequence.as_ref().is_some_and(|sequence| sequence.owner_table == oid.0));
            found.extend(owned.map(|owned| (Thing::Relation(owned.oid()), Tie::Auto)));
            if table.kind() == RelationKind::Sequence {
                for other in catalog.tables.values() {
                    let uses = other.live_columns().filter(|column| {
                        column.default.as_ref().is_some_and(|text| binding::relations_of(text).contains(&oid))
                    });
                    found.extend(uses.map(|column| (Thing::Default(other.oid(), column.ordinal), Tie::Normal)));
                }
            }
        }
        Thing::Index(of, oid) => {
            let Some(table) = catalog.table(of) else { return Ok(found) };
            found.extend(foreign_keys_to(catalog, table, Some(oid.0)).into_iter().map(|key| (key, Tie::Normal)));
        }
        Thing::Constraint(of, oid) => {
            let Some(table) = catalog.table(of) else { return Ok(found) };
            let indexes = table.indexes.iter().filter(|index| index.constraint == oid && oid != 0);
            found.extend(indexes.map(|index| (Thing::Index(of, Oid(index.oid)), Tie::Auto)));
            let views = catalog
                .tables
                .values()
                .filter(|table| table.view.as_ref().is_some_and(|view| oid != 0 && view.keys.contains(&oid)));
            found.extend(views.map(|view| (Thing::Relation(view.oid()), Tie::Normal)));
        }
        Thing::Column(of, ordinal) => column_dependents(catalog, of, ordinal, &mut found)?,
        Thing::Default(..) => {}
    }
    Ok(found)
}

fn column_dependents(catalog: &Catalog, of: Oid, ordinal: u32, found: &mut Vec<(Thing, Tie)>) -> Result<()> {
    let Some(table) = catalog.table(of) else { return Ok(()) };
    found.extend(readers(catalog, of, Some(ordinal)).map(|view| (view, Tie::Normal)));
    for index in table.indexes.iter().filter(|index| index.oid != 0) {
        if index::columns_of(table, index)?.contains(&ordinal) {
            let thing = match index.constraint {
                0 => Thing::Index(of, Oid(index.oid)),
                constraint => Thing::Constraint(of, constraint),
            };
            found.push((thing, Tie::Auto));
        }
    }
    for check in &table.checks {
        if walk::columns_of(table, &binding::stored(&check.expression)?).contains(&ordinal) {
            found.push((Thing::Constraint(of, check.oid), Tie::Auto));
        }
    }
    for key in table.foreign_keys.iter().filter(|key| key.columns.contains(&ordinal)) {
        found.push((Thing::Constraint(of, key.oid), Tie::Auto));
    }
    for other in table.referenced_by.iter().filter_map(|oid| catalog.table(Oid(*oid))) {
        let keys = other
            .foreign_keys
            .iter()
            .filter(|key| key.referenced_table == of.0 && key.referenced_columns.contains(&ordinal));
        found.extend(keys.map(|key| (Thing::Constraint(other.oid(), key.oid), Tie::Normal)));
    }
    for other in table.live_columns().filter(|other| other.ordinal != ordinal) {
        if let Some(text) = &other.generated
            && walk::columns_of(table, &binding::stored(text)?).contains(&ordinal)
        {
            found.push((Thing::Column(of, other.ordinal), Tie::Normal));
        }
    }
    let owned = catalog.tables.values().filter(|owned| {
        let of_column =
            |sequence: &crate::catalog::Sequence| (sequence.owner_table, sequence.owner_column) == (of.0, ordinal);
        owned.sequence.as_ref().is_some_and(of_column)
    });
    found.extend(owned.map(|owned| (Thing::Relation(owned.oid()), Tie::Auto)));
    Ok(())
}

// --------------------------------------------------------------------------------------------------------------- judging

/// Everything that goes, the wanted things first, each before what hangs on it.
pub struct Fall {
    pub things: Vec<Thing>,
    /// What goes only with CASCADE, and what it hangs on.
    extra: Vec<(Thing, Thing)>,
}

pub fn fall(catalog: &Catalog, wanted: &[Thing]) -> Result<Fall> {
    let mut walker = Walker { catalog, ties: BTreeMap::new(), order: Vec::new() };
    for thing in wanted {
        walker.ties.insert(*thing, (Tie::Auto, *thing));
    }
    for thing in wanted {
        walker.order.push(*thing);
        walker.descend(*thing)?;
    }
    let relations: BTreeSet<Oid> = walker
        .order
        .iter()
        .filter_map(|thing| match thing {
            Thing::Relation(oid) => Some(*oid),
            _ => None,
        })
        .collect();
    // Parts of a relation that goes are not worth a word.
    let is_covered = |thing: &Thing| thing.part_of().is_some_and(|of| relations.contains(&of));
    let order: Vec<Thing> = walker.order.iter().copied().filter(|thing| !is_covered(thing)).collect();
    let extra = order
        .iter()
        .filter_map(|thing| match walker.ties.get(thing) {
            Some((Tie::Normal, through)) => Some((*thing, *through)),
            _ => None,
        })
        .collect();
    Ok(Fall { things: order, extra })
}

struct Walker<'c> {
    catalog: &'c Catalog,
    ties: BTreeMap<Thing, (Tie, Thing)>,
    order: Vec<Thing>,
}

impl Walker<'_> {
    fn descend(&mut self, thing: Thing) -> Result<()> {
        let mut next = dependents(self.catalog, thing)?;
        next.sort_by_key(|(thing, _)| thing.order());
        for (dependent, tie) in next {
            match self.ties.get_mut(&dependent) {
                Some(known) => {
                    if tie == Tie::Auto {
                        known.0 = Tie::Auto;
                    }
                }
                None => {
                    self.ties.insert(dependent, (tie, thing));
                    self.order.push(dependent);
                    self.descend(dependent)?;
                }
            }
        }
        Ok(())
    }
}

impl Fall {
    /// Refuses, or says what else goes.
    pub fn judge(&self, definition: &mut Definition<'_>, wanted: &[Thing], behavior: DropBehavior) -> Result<()> {
        const SHOWN_MAX: usize = 100;
        if self.extra.is_empty() {
            return Ok(());
        }
        let scope = &definition.scope;
        let mut lines: Vec<String> = self
            .extra
            .iter()
            .take(SHOWN_MAX)
            .map(|(thing, through)| match behavior {
                DropBehavior::Restrict => format!("{} depends on {}", thing.text(scope), through.text(scope)),
                DropBehavior::Cascade => format!("drop cascades to {}", thing.text(scope)),
            })
            .collect();
        let hidden = self.extra.len() - lines.len();
        if hidden > 0 {
            let plural = if hidden == 1 { "" } else { "s" };
            lines.push(format!("and {hidden} other object{plural} (see server log for list)"));
        }
        let detail = lines.join("\n");
        if behavior == DropBehavior::Cascade {
            if let [(thing, _)] = self.extra.as_slice() {
                let message = format!("drop cascades to {}", thing.text(scope));
                definition.notice(sqlstate::SUCCESSFUL_COMPLETION, message);
            } else {
                let message = format!("drop cascades to {} other objects", self.extra.len());
                definition.notice(sqlstate::SUCCESSFUL_COMPLETION, message);
                if let Some(notice) = definition.notices.last_mut() {
                    notice.text = notice.text.clone().detail(detail);
                }
            }
            return Ok(());
        }
        let message = match wanted {
            [thing] => format!("cannot drop {} because other objects depend on it", thing.text(scope)),
            _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
        };
        Err(Error::new(sqlstate::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .detail(detail)
            .hint("Use DROP ... CASCADE to drop the dependent objects too.")
            .into())
    }
}

// ----------------------------------------------------------------------------------------------------------------- roles

/// What keeps a role from being dropped.
pub fn uses_of_role(scope: &Scope, role: Oid) -> Vec<String> {
    let catalog = &scope.catalog;
    let mut uses = Vec::new();
    let mut note = |owner: u32, grants: &[crate::catalog::Grant], what: String| {
        if owner == role.0 {
            uses.push(format!("owner of {what}"));
        } else if grants.iter().any(|grant| grant.grantee == role.0 || grant.grantor == role.0) {
            uses.push(format!("privileges for {what}"));
        }
    };
    for database in catalog.databases.values() {
        note(database.owner, &database.privileges, format!("database {}", identifier(&database.name)));
    }
    for (oid, schema) in &catalog.schemas {
        note(schema.owner, &schema.privileges, Thing::Schema(*oid).text(scope));
    }
    for (oid, entry) in &catalog.types {
        note(entry.descriptor.owner, &entry.descriptor.privileges, Thing::Type(*oid).text(scope));
    }
    for (oid, table) in &catalog.tables {
        let of_columns = table.columns.iter().flat_map(|column| column.privileges.iter().cloned());
        let grants: Vec<_> = table.privileges.iter().cloned().chain(of_columns).collect();
        // Sequences that a column owns are only told of with it.
        let is_owned = table.sequence.as_ref().is_some_and(|sequence| sequence.owner_table != 0);
        if !is_owned {
            note(table.owner, &grants, Thing::Relation(*oid).text(scope));
        }
    }
    for other in catalog.roles.values().filter(|other| other.oid != role.0) {
        let grants = other.default_privileges.iter().flat_map(|defaults| defaults.grants.iter());
        if grants.into_iter().any(|grant| grant.grantee == role.0) {
            uses.push(format!("privileges for default privileges of role {}", identifier(&other.name)));
        }
    }
    uses
}

/// A relation by its oid, for who has just seen it.
pub fn table_of(catalog: &Catalog, oid: Oid) -> Result<Arc<Table>> {
    catalog.table(oid).cloned().ok_or_else(|| Error::internal("a relation is gone").into())
}
