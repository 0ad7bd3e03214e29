//! pg_index and pg_constraint.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, Result, oid};

use super::relation::{BTREE, Storage, is_valid, named_indexes, tables};
use super::row::{NULL, Rows, int2_vector, oid_vector, oids, ordinals};
use crate::bind::types;
use crate::catalog::{Catalog, Check, ForeignAction, ForeignKey, Index, IndexKey, IndexState, Table};
use crate::ddl::{binding, walk};
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 2610 10007 pg_index (
        indexrelid OID, indrelid OID, indnatts INT2, indnkeyatts INT2, indisunique BOOL,
        indnullsnotdistinct BOOL, indisprimary BOOL, indisexclusion BOOL, indimmediate BOOL,
        indisclustered BOOL, indisvalid BOOL, indcheckxmin BOOL, indisready BOOL, indislive BOOL,
        indisreplident BOOL, indkey INT2VECTOR, indcollation OIDVECTOR, indclass OIDVECTOR,
        indoption INT2VECTOR, indexprs PG_NODE_TREE null, indpred PG_NODE_TREE null,
    ) = indexes;
    table 2606 10003 pg_constraint (
        oid OID, conname NAME, connamespace OID, contype CHAR, condeferrable BOOL, condeferred BOOL,
        convalidated BOOL, conrelid OID, contypid OID, conindid OID, conparentid OID, confrelid OID,
        confupdtype CHAR, confdeltype CHAR, confmatchtype CHAR, conislocal BOOL, coninhcount INT4,
        connoinherit BOOL, conkey INT2_ARRAY null, confkey INT2_ARRAY null, conpfeqop OID_ARRAY null,
        conppeqop OID_ARRAY null, conffeqop OID_ARRAY null, confdelsetcols INT2_ARRAY null,
        conexclop OID_ARRAY null, conbin PG_NODE_TREE null,
    ) = constraints;
}

// -------------------------------------------------------------------------------------------------------------- indexes

fn indexes(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for table in tables(scope) {
        rows.extend(named_indexes(table).map(|index| index_row(scope, table, index)));
    }
    Ok(rows)
}

fn index_row(scope: &Scope, table: &Table, index: &Index) -> Vec<Datum> {
    let keys = &index.keys;
    let expressions: Vec<&str> = keys.iter().filter_map(|key| key.expression.as_deref()).collect();
    row![
        index.oid,
        table.oid,
        (keys.len() + index.include.len()) as i16,
        keys.len() as i16,
        index.unique,
        index.nulls_not_distinct,
        index.primary,
        false,
        !index.deferrable,
        false,
        is_valid(index),
        false,
        index.state() != IndexState::DeleteOnly,
        true,
        false,
        int2_vector(keys.iter().map(|key| key.column).chain(index.include.iter().copied()).map(|column| column as i16)),
        oid_vector(keys.iter().map(|key| Storage::of(&scope.catalog, Oid(key.type_oid)).collation)),
        oid_vector(keys.iter().map(|key| operator_class(&scope.catalog, key))),
        int2_vector(keys.iter().map(|key| i16::from(key.descending) | i16::from(key.nulls_first) << 1)),
        (!expressions.is_empty()).then(|| expressions.join(", ")),
        index.predicate.as_deref(),
    ]
}

/// Of btree: the default one of a type, and each by its name.
struct OperatorClasses {
    default: BTreeMap<Oid, Oid>,
    named: BTreeMap<&'static str, Oid>,
}

static OPERATOR_CLASSES: LazyLock<OperatorClasses> = LazyLock::new(|| {
    let (mut default, mut named) = (BTreeMap::new(), BTreeMap::new());
    for row in super::builtin::OPERATOR_CLASSES.lines() {
        let fields: Vec<&'static str> = row.split('\t').collect();
        let number = |place: usize| Oid(fields[place].parse().expect("a number of the built-in data"));
        if number(1) == BTREE {
            named.insert(fields[2], number(0));
            if fields[7] == "t" {
                default.insert(number(6), number(0));
            }
        }
    }
    OperatorClasses { default, named }
});

fn operator_class(catalog: &Catalog, key: &IndexKey) -> Oid {
    let classes = &*OPERATOR_CLASSES;
    let written = key.operator_class.rsplit('.').next().unwrap_or_default();
    if let Some(named) = classes.named.get(written) {
        return *named;
    }
    let ty = Oid(key.type_oid);
    let general = match ty {
        oid::VARCHAR => oid::TEXT,
        ty if types::is_enum(catalog, ty) => oid::ANYENUM,
        ty if types::is_record(catalog, ty) => oid::RECORD,
        ty if types::is_range(ty) => oid::ANYRANGE,
        ty if types::element(catalog, ty).is_some() => oid::ANYARRAY,
        ty => ty,
    };
    classes.default.get(&general).copied().unwrap_or(Oid::NONE)
}

// ---------------------------------------------------------------------------------------------------------- constraints

fn constraints(scope: &Scope) -> Result<Rows> {
    let mut rows = Vec::new();
    for table in tables(scope) {
        rows.extend(table.checks.iter().map(|check| check_row(table, check)));
        rows.extend(table.indexes.iter().filter(|index| index.constraint != 0).map(|index| key_row(table, index)));
        rows.extend(table.foreign_keys.iter().map(|key| foreign_row(scope, table, key)));
    }
    Ok(rows)
}

/// The columns that a check reads.
pub(super) fn columns_of_check(table: &Table, check: &Check) -> Vec<u32> {
    let expr = binding::stored(&check.expression);
    expr.map(|expr| walk::columns_of(table, &expr).into_iter().collect()).unwrap_or_default()
}

fn check_row(table: &Table, check: &Check) -> Vec<Datum> {
    row![
        check.oid,
        &check.name,
        table.schema,
        'c',
        false,
        false,
        !check.not_valid,
        table.oid,
        Oid::NONE,
        Oid::NONE,
        Oid::NONE,
        Oid::NONE,
        ' ',
        ' ',
        ' ',
        true,
        0i32,
        check.no_inherit,
        ordinals(&columns_of_check(table, check)),
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        &check.expression,
    ]
}

/// PRIMARY KEY or UNIQUE.
fn key_row(table: &Table, index: &Index) -> Vec<Datum> {
    let keys: Vec<u32> = index.keys.iter().map(|key| key.column).collect();
    row![
        index.constraint,
        &index.name,
        table.schema,
        if index.primary { 'p' } else { 'u' },
        index.deferrable,
        index.initially_deferred,
        true,
        table.oid,
        Oid::NONE,
        index.oid,
        Oid::NONE,
        Oid::NONE,
        ' ',
        ' ',
        ' ',
        true,
        0i32,
        true,
        ordinals(&keys),
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
    ]
}

pub(super) fn action_letter(action: ForeignAction) -> char {
    match action {
        ForeignAction::NoAction => 'a',
        ForeignAction::Restrict => 'r',
        ForeignAction::Cascade => 'c',
        ForeignAction::SetNull => 'n',
        ForeignAction::SetDefault => 'd',
    }
}

/// The unique index that a foreign key points to.
pub(super) fn referenced_index<'a>(scope: &'a Scope, key: &ForeignKey) -> Option<(&'a Arc<Table>, &'a Index)> {
    let table = scope.catalog.table(Oid(key.referenced_table))?;
    let index = table.indexes.iter().find(|index| index.oid == key.referenced_index)?;
    Some((table, index))
}

fn foreign_row(scope: &Scope, table: &Table, key: &ForeignKey) -> Vec<Datum> {
    let referenced = scope.catalog.table(Oid(key.referenced_table));
    let type_of = |table: &Table, ordinal: u32| {
        table
            .columns
            .iter()
            .find(|column| column.ordinal == ordinal)
            .map_or(oid::UNKNOWN, |column| Oid(column.type_oid))
    };
    let pairs: Vec<(Oid, Oid)> = key
        .referenced_columns
        .iter()
        .zip(&key.columns)
        .map(|(to, from)| (referenced.map_or(oid::UNKNOWN, |of| type_of(of, *to)), type_of(table, *from)))
        .collect();
    let equality = |(left, right): (Oid, Oid)| equality(&scope.catalog, left, right);
    row![
        key.oid,
        &key.name,
        table.schema,
        'f',
        key.deferrable,
        key.initially_deferred,
        !key.not_valid,
        table.oid,
        Oid::NONE,
        referenced_index(scope, key).map_or(0, |(_, index)| index.oid),
        Oid::NONE,
        key.referenced_table,
        action_letter(key.on_update()),
        action_letter(key.on_delete()),
        if key.match_full { 'f' } else { 's' },
        true,
        0i32,
        true,
        ordinals(&key.columns),
        ordinals(&key.referenced_columns),
        oids(pairs.iter().map(|pair| equality(*pair))),
        oids(pairs.iter().map(|(to, _)| equality((*to, *to)))),
        oids(pairs.iter().map(|(_, from)| equality((*from, *from)))),
        (!key.set_columns.is_empty()).then(|| ordinals(&key.set_columns)),
        NULL,
        NULL,
    ]
}

/// The operator `=` that compares them.
fn equality(catalog: &Catalog, left: Oid, right: Oid) -> Oid {
    let general = |ty: Oid| match ty {
        oid::VARCHAR => oid::TEXT,
        ty if types::is_enum(catalog, ty) => oid::ANYENUM,
        ty if types::element(catalog, ty).is_some() => oid::ANYARRAY,
        ty => ty,
    };
    let (left, right) = (general(left), general(right));
    let of = |left: Oid, right: Oid| {
        builtin().operators_named("=").find(|row| (row.left, row.right) == (left, right)).map(|row| row.oid)
    };
    of(left, right).or_else(|| of(left, left)).unwrap_or(Oid::NONE)
}
