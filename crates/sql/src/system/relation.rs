//! pg_class and what belongs to a relation: columns, defaults, sequences, rules.

use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, Result};

use super::row::{NULL, Rows, acl, texts};
use super::{SystemTable, derived_oid};
use crate::catalog::{
    Catalog, Column, INFORMATION_SCHEMA, Index, IndexState, PG_CATALOG, POSTGRES_ROLE, RelationKind, SettingDefault,
    Table, View,
};
use crate::function::sequence;
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 1259 83 pg_class (
        oid OID, relname NAME, relnamespace OID, reltype OID, reloftype OID, relowner OID, relam OID,
        relfilenode OID, reltablespace OID, relpages INT4, reltuples FLOAT4, relallvisible INT4,
        reltoastrelid OID, relhasindex BOOL, relisshared BOOL, relpersistence CHAR, relkind CHAR, relnatts INT2,
        relchecks INT2, relhasrules BOOL, relhastriggers BOOL, relhassubclass BOOL, relrowsecurity BOOL,
        relforcerowsecurity BOOL, relispopulated BOOL, relreplident CHAR, relispartition BOOL, relrewrite OID,
        relfrozenxid XID, relminmxid XID, relacl ACLITEM_ARRAY null, reloptions TEXT_ARRAY null,
        relpartbound PG_NODE_TREE null,
    ) = classes;
    table 1249 75 pg_attribute (
        attrelid OID, attname NAME, atttypid OID, attstattarget INT4, attlen INT2, attnum INT2, attndims INT4,
        attcacheoff INT4, atttypmod INT4, attbyval BOOL, attalign CHAR, attstorage CHAR, attcompression CHAR,
        attnotnull BOOL, atthasdef BOOL, atthasmissing BOOL, attidentity CHAR, attgenerated CHAR,
        attisdropped BOOL, attislocal BOOL, attinhcount INT4, attcollation OID, attacl ACLITEM_ARRAY null,
        attoptions TEXT_ARRAY null, attfdwoptions TEXT_ARRAY null, attmissingval ANYARRAY null,
    ) = attributes;
    table 2604 10001 pg_attrdef (
        oid OID, adrelid OID, adnum INT2, adbin PG_NODE_TREE,
    ) = defaults;
    table 2224 10105 pg_sequence (
        seqrelid OID, seqtypid OID, seqstart INT8, seqincrement INT8, seqmax INT8, seqmin INT8, seqcache INT8,
        seqcycle BOOL,
    ) = sequences;
    table 2618 10035 pg_rewrite (
        oid OID, rulename NAME, ev_class OID, ev_type CHAR, ev_enabled CHAR, is_instead BOOL,
        ev_qual PG_NODE_TREE, ev_action PG_NODE_TREE,
    ) = rules;
}

/// A line of pg_class.
#[derive(Clone)]
pub enum Class {
    /// A table, view, sequence or materialized view.
    Table(Arc<Table>),
    Index(Arc<Table>, Index),
    System(&'static SystemTable),
}

/// Whether the schema is one of the current database.
pub(super) fn is_here(scope: &Scope, schema: u32) -> bool {
    let schema = Oid(schema);
    schema == PG_CATALOG
        || schema == INFORMATION_SCHEMA
        || scope.catalog.schemas.get(&schema).is_some_and(|schema| schema.database == scope.session.database.0)
}

/// The users' tables, views and sequences of the current database.
pub(super) fn tables(scope: &Scope) -> impl Iterator<Item = &Arc<Table>> {
    scope.catalog.tables.values().filter(|table| is_here(scope, table.schema))
}

/// Those that have a name: a table without a primary key has a primary index that nobody sees.
pub(super) fn named_indexes(table: &Table) -> impl Iterator<Item = &Index> {
    table.indexes.iter().filter(|index| index.oid != 0)
}

/// Columns as pg_attribute lists them: dropped ones too.
fn listed_columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| !column.hidden)
}

/// All relations of the current database.
pub fn classes_of(scope: &Scope) -> Vec<Class> {
    let mut classes: Vec<Class> = super::tables().map(Class::System).collect();
    for table in tables(scope) {
        classes.push(Class::Table(table.clone()));
        classes.extend(named_indexes(table).map(|index| Class::Index(table.clone(), index.clone())));
    }
    classes
}

impl Class {
    pub fn find(scope: &Scope, oid: Oid) -> Option<Class> {
        if let Some(table) = scope.catalog.table(oid) {
            return Some(Class::Table(table.clone()));
        }
        if let Some((table, index)) = scope.catalog.index(oid) {
            return Some(Class::Index(table.clone(), index.clone()));
        }
        super::table_by_oid(oid).map(Class::System)
    }

    pub fn oid(&self) -> Oid {
        match self {
            Class::Table(table) => table.oid(),
            Class::Index(_, index) => Oid(index.oid),
            Class::System(table) => table.oid,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Class::Table(table) => &table.name,
            Class::Index(_, index) => &index.name,
            Class::System(table) => table.name,
        }
    }

    pub fn schema(&self) -> Oid {
        match self {
            Class::Table(table) | Class::Index(table, _) => Oid(table.schema),
            Class::System(table) => table.schema,
        }
    }

    pub fn owner(&self) -> Oid {
        match self {
            Class::Table(table) | Class::Index(table, _) => Oid(table.owner),
            Class::System(_) => POSTGRES_ROLE,
        }
    }
}

/// PostgreSQL's: relpages counts in them.
const PAGE_BYTES: f64 = 8192.0;

pub(super) const HEAP: Oid = Oid(2);
pub const BTREE: Oid = Oid(403);
const SHARED: &[&str] = &[
    "pg_authid",
    "pg_auth_members",
    "pg_database",
    "pg_db_role_setting",
    "pg_parameter_acl",
    "pg_replication_origin",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_subscription",
    "pg_tablespace",
];

/// As in pg_class.
pub(super) fn kind_letter(table: &Table) -> char {
    match table.kind() {
        RelationKind::Table => 'r',
        RelationKind::View => 'v',
        RelationKind::Sequence => 'S',
        RelationKind::MaterializedView => 'm',
    }
}

/// `{fillfactor=70}`; NULL if there are none.
fn options(options: &[SettingDefault], view: Option<&View>) -> Datum {
    let check = view.and_then(|view| match view.check_option.as_str() {
        "l" => Some("check_option=local".to_owned()),
        "c" => Some("check_option=cascaded".to_owned()),
        _ => None,
    });
    if options.is_empty() && check.is_none() {
        return NULL;
    }
    texts(options.iter().map(|option| format!("{}={}", option.name, option.value)).chain(check))
}

/// What differs between kinds of relations in pg_class.
struct Described<'a> {
    class: &'a Class,
    kind: char,
    row_type: u32,
    access_method: Oid,
    columns: usize,
    checks: usize,
    has_index: bool,
    has_rules: bool,
    has_triggers: bool,
    is_shared: bool,
    is_unlogged: bool,
    is_populated: bool,
    /// As ANALYZE found them.
    pages: i32,
    rows: f32,
    acl: Datum,
    options: Datum,
}

impl Described<'_> {
    fn row(self) -> Vec<Datum> {
        let (oid, kind) = (self.class.oid(), self.kind);
        let is_stored = kind != 'v';
        let replica_identity =
            if matches!(kind, 'r' | 'm') && oid.0 >= crate::catalog::FIRST_USER_OID { 'd' } else { 'n' };
        row![
            oid,
            self.class.name(),
            self.class.schema(),
            self.row_type,
            Oid::NONE,
            self.class.owner(),
            self.access_method,
            if is_stored { oid } else { Oid::NONE },
            Oid::NONE,
            self.pages,
            self.rows,
            0i32,
            Oid::NONE,
            self.has_index,
            self.is_shared,
            if self.is_unlogged { 'u' } else { 'p' },
            kind,
            self.columns as i16,
            self.checks as i16,
            self.has_rules,
            self.has_triggers,
            false,
            false,
            false,
            self.is_populated,
            replica_identity,
            false,
            Oid::NONE,
            Oid::NONE,
            Oid::NONE,
            self.acl,
            self.options,
            NULL,
        ]
    }
}

fn classes(scope: &Scope) -> Result<Rows> {
    let rows = classes_of(scope).into_iter().map(|class| {
        let plain = Described {
            class: &class,
            kind: 'r',
            row_type: 0,
            access_method: Oid::NONE,
            columns: 0,
            checks: 0,
            has_index: false,
            has_rules: false,
            has_triggers: false,
            is_shared: false,
            is_unlogged: false,
            is_populated: true,
            pages: 0,
            rows: -1.0,
            acl: NULL,
            options: NULL,
        };
        let known = match &class {
            Class::Table(table) | Class::Index(table, _) => scope.statistics.get(table.oid()),
            Class::System(_) => None,
        };
        let rows = known.map_or(-1.0, |known| known.rows as f32);
        match &class {
            Class::Table(table) => Described {
                pages: known.map_or(0, |known| (known.bytes / PAGE_BYTES).ceil() as i32),
                rows,
                kind: kind_letter(table),
                row_type: table.row_type,
                access_method: match table.kind() {
                    RelationKind::Table | RelationKind::MaterializedView => HEAP,
                    _ => Oid::NONE,
                },
                columns: columns_of(table).len(),
                checks: table.checks.len(),
                has_index: named_indexes(table).next().is_some(),
                has_rules: table.view.is_some(),
                // PostgreSQL keeps foreign keys by triggers, on both tables.
                has_triggers: !table.foreign_keys.is_empty() || !table.referenced_by.is_empty(),
                is_unlogged: table.unlogged,
                is_populated: !table.view.as_ref().is_some_and(|view| view.unfilled),
                acl: acl(scope, &table.privileges),
                options: options(&table.options, table.view.as_ref()),
                ..plain
            },
            Class::Index(_, index) => Described {
                kind: 'i',
                // Entries are not looked at, but of an index of all rows there is one for each.
                rows: if index.predicate.is_none() { rows } else { -1.0 },
                access_method: BTREE,
                columns: index.keys.len() + index.include.len(),
                options: options(&index.options, None),
                ..plain
            },
            Class::System(table) => Described {
                kind: if table.is_view { 'v' } else { 'r' },
                row_type: table.row_type.0,
                access_method: if table.is_view { Oid::NONE } else { HEAP },
                columns: table.columns.len(),
                has_rules: table.is_view,
                is_shared: SHARED.contains(&table.name),
                ..plain
            },
        }
        .row()
    });
    Ok(rows.collect())
}

// -------------------------------------------------------------------------------------------------------------- columns

/// A line of pg_attribute.
struct Attribute<'a> {
    relation: Oid,
    name: &'a str,
    ty: Oid,
    modifier: i32,
    number: i16,
    not_null: bool,
    has_default: bool,
    identity: u8,
    generated: u8,
    dropped: bool,
    statistics_target: i32,
    acl: Datum,
}

/// PostgreSQL's way of writing `"char"` without a letter.
const NO_LETTER: u8 = 0;

impl<'a> Attribute<'a> {
    fn plain(relation: Oid, name: &'a str, ty: Oid, number: usize, not_null: bool) -> Attribute<'a> {
        Attribute {
            relation,
            name,
            ty,
            modifier: -1,
            number: number as i16,
            not_null,
            has_default: false,
            identity: NO_LETTER,
            generated: NO_LETTER,
            dropped: false,
            statistics_target: -1,
            acl: NULL,
        }
    }

    fn of(scope: &Scope, table: &Table, column: &'a Column) -> Attribute<'a> {
        Attribute {
            modifier: column.type_modifier,
            has_default: column.default.is_some() || column.generated.is_some(),
            identity: column.identity.as_ref().and_then(|letter| letter.bytes().next()).unwrap_or(NO_LETTER),
            generated: if column.generated.is_some() { b's' } else { NO_LETTER },
            dropped: column.dropped,
            statistics_target: column.statistics_target,
            acl: acl(scope, &column.privileges),
            ..Attribute::plain(
                table.oid(),
                &column.name,
                Oid(column.type_oid),
                column.ordinal as usize,
                column.not_null,
            )
        }
    }

    fn row(self, scope: &Scope) -> Vec<Datum> {
        let storage = Storage::of(&scope.catalog, self.ty);
        let dropped_name = format!("........pg.dropped.{}........", self.number);
        row![
            self.relation,
            if self.dropped { &dropped_name } else { self.name },
            if self.dropped { Oid::NONE } else { self.ty },
            self.statistics_target,
            storage.length,
            self.number,
            i32::from(storage.is_array),
            -1i32,
            self.modifier,
            storage.by_value,
            storage.align,
            storage.storage,
            NO_LETTER,
            self.not_null && !self.dropped,
            self.has_default && !self.dropped,
            false,
            self.identity,
            self.generated,
            self.dropped,
            true,
            0i32,
            storage.collation,
            self.acl,
            NULL,
            NULL,
            NULL,
        ]
    }
}

/// What pg_attribute repeats of pg_type.
pub(super) struct Storage {
    pub length: i16,
    pub by_value: bool,
    pub align: u8,
    pub storage: u8,
    pub collation: Oid,
    pub is_array: bool,
}

impl Storage {
    pub fn of(catalog: &Catalog, ty: Oid) -> Storage {
        match builtin().type_by_oid(ty) {
            Some(row) => Storage {
                length: row.length,
                by_value: row.by_value,
                align: row.align,
                storage: row.storage,
                collation: row.collation,
                is_array: row.is_array(),
            },
            None if catalog.element_type(ty).is_some() => Storage::of_array(b'i'),
            // An enum, for the users' other types make no columns.
            None => {
                Storage { length: 4, by_value: true, align: b'i', storage: b'p', collation: Oid::NONE, is_array: false }
            }
        }
    }

    pub fn of_array(align: u8) -> Storage {
        Storage { length: -1, by_value: false, align, storage: b'x', collation: Oid::NONE, is_array: true }
    }
}

/// Columns of a user's relation, by name and type; a dropped one has no type.
pub(super) fn columns_of(table: &Table) -> Vec<(&str, Oid)> {
    match table.kind() {
        RelationKind::Sequence => sequence::COLUMNS.to_vec(),
        _ => listed_columns(table).map(|column| (column.name.as_str(), Oid(column.type_oid))).collect(),
    }
}

fn attributes(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for class in classes_of(scope) {
        match &class {
            Class::Table(table) if table.sequence.is_some() => {
                rows.extend(
                    sequence::COLUMNS.iter().enumerate().map(|(place, (name, ty))| {
                        Attribute::plain(table.oid(), name, *ty, place + 1, true).row(scope)
                    }),
                );
            }
            Class::Table(table) => {
                rows.extend(listed_columns(table).map(|column| Attribute::of(scope, table, column).row(scope)));
            }
            Class::Index(table, index) => {
                rows.extend(index_columns(table, index).into_iter().enumerate().map(
                    |(place, (name, ty, modifier))| {
                        let oid = Oid(index.oid);
                        Attribute { modifier, ..Attribute::plain(oid, &name, ty, place + 1, false) }.row(scope)
                    },
                ));
            }
            Class::System(table) => rows.extend(table.columns.iter().enumerate().map(|(place, column)| {
                Attribute::plain(table.oid, column.name, column.ty, place + 1, column.not_null).row(scope)
            })),
        }
    }
    Ok(rows)
}

/// Columns of an index as of a relation: an expression is named by its function, or `expr`.
fn index_columns(table: &Table, index: &Index) -> Vec<(String, Oid, i32)> {
    let own = |ordinal: &u32| table.columns.iter().find(|column| column.ordinal == *ordinal);
    let key = |key: &crate::catalog::IndexKey| {
        let name = match (&key.expression, own(&key.column)) {
            (Some(text), _) => expression_name(text),
            (None, column) => column.map(|column| column.name.clone()).unwrap_or_default(),
        };
        (name, Oid(key.type_oid), key.type_modifier)
    };
    let covered = index.include.iter().filter_map(own);
    let covered = covered.map(|column| (column.name.clone(), Oid(column.type_oid), column.type_modifier));
    let mut columns: Vec<(String, Oid, i32)> = Vec::new();
    for (name, ty, modifier) in index.keys.iter().map(key).chain(covered) {
        // Two of one name: the second is numbered, as PostgreSQL does.
        let is_taken = |name: &str| columns.iter().any(|(taken, ..)| taken == name);
        let free = (0..).map(|number| if number == 0 { name.clone() } else { format!("{name}{number}") });
        let name = free.into_iter().find(|name| !is_taken(name)).unwrap_or_default();
        columns.push((name, ty, modifier));
    }
    columns
}

fn expression_name(text: &str) -> String {
    use atoll_syntax::ast::ExprKind;
    match atoll_syntax::parse_expression(text).map(|expr| expr.kind) {
        Ok(ExprKind::Call(call)) => call.name.last().map_or("expr", |name| name.as_str()).to_owned(),
        _ => "expr".to_owned(),
    }
}

fn defaults(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for table in tables(scope) {
        for column in table.visible_columns() {
            if let Some(text) = column.generated.as_ref().or(column.default.as_ref()) {
                let oid = derived_oid(table.oid, column.ordinal);
                rows.push(row![oid, table.oid(), column.ordinal as i16, text]);
            }
        }
    }
    Ok(rows)
}

fn sequences(scope: &Scope) -> Result<Rows> {
    let sequences = tables(scope).filter_map(|table| Some((table, table.sequence.as_ref()?)));
    let row = |(table, of): (&Arc<Table>, &crate::catalog::Sequence)| {
        row![table.oid(), of.type_oid, of.start, of.increment, of.max, of.min, of.cache, of.cycle]
    };
    Ok(sequences.map(row).collect())
}

/// The rule behind a view. Its action is the view's query, as text.
fn rules(scope: &Scope) -> Result<Rows> {
    let views = tables(scope).filter_map(|table| Some((table, table.view.as_ref()?)));
    let row = |(table, view): (&Arc<Table>, &crate::catalog::View)| {
        row![rule_oid(table), "_RETURN", table.oid(), '1', 'O', true, "<>", &view.query]
    };
    Ok(views.map(row).collect())
}

pub fn rule_oid(view: &Table) -> Oid {
    derived_oid(view.oid, 0)
}

/// Whether readers may use it.
pub(super) fn is_valid(index: &Index) -> bool {
    index.state() == IndexState::Public
}
