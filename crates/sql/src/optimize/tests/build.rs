//! Tables and expressions for plans written by hand.

use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, oid};

use crate::catalog::{Column, ColumnOrdinal, Index, IndexKey, Table};
use crate::function;
use crate::optimize::context::IndexExpressions;
use crate::plan::*;
use crate::types::Type;

/// A column: its name, type, and whether it may be NULL.
pub type Column3 = (&'static str, Oid, bool);

/// A table whose primary key is its first column. `indexes`: names, ordinals, whether unique.
pub fn table(oid: u32, name: &str, columns: &[Column3], indexes: &[(&str, &[u32], bool)]) -> Arc<Table> {
    let column = |(place, (name, of, nullable)): (usize, &Column3)| Column {
        ordinal: place as u32 + 1,
        name: (*name).to_owned(),
        type_oid: of.0,
        type_modifier: -1,
        not_null: !nullable,
        ..<Column as Default>::default()
    };
    let columns: Vec<Column> = columns.iter().enumerate().map(column).collect();
    let key = |ordinal: &u32| IndexKey {
        column: *ordinal,
        type_oid: columns[*ordinal as usize - 1].type_oid,
        type_modifier: -1,
        ..IndexKey::default()
    };
    let mut all = vec![Index {
        id: 1,
        oid: oid + 1,
        name: format!("{name}_pkey"),
        unique: true,
        primary: true,
        constraint: 1,
        keys: vec![key(&1)],
        ..Index::default()
    }];
    for (place, (name, ordinals, unique)) in indexes.iter().enumerate() {
        all.push(Index {
            id: place as u32 + 2,
            name: (*name).to_owned(),
            unique: *unique,
            keys: ordinals.iter().map(key).collect(),
            ..Index::default()
        });
    }
    Arc::new(Table { oid, name: name.to_owned(), columns, indexes: all, ..Table::default() })
}

/// With a partial index: one on `ordinal` where the text of the predicate is `ordinal op number`, as [`expressions`]
/// reads it.
pub fn with_partial(table: &Arc<Table>, name: &str, ordinal: u32, predicate: &str) -> Arc<Table> {
    let mut table = Table::clone(table);
    let type_oid = table.columns[ordinal as usize - 1].type_oid;
    table.indexes.push(Index {
        id: table.indexes.len() as u32 + 1,
        name: name.to_owned(),
        predicate: Some(predicate.to_owned()),
        keys: vec![IndexKey { column: ordinal, type_oid, type_modifier: -1, ..IndexKey::default() }],
        ..Index::default()
    });
    Arc::new(table)
}

pub fn expressions(table: &Arc<Table>, index: &Index) -> Option<IndexExpressions> {
    let mut words = index.predicate.as_ref()?.split(' ');
    let ordinal: u32 = words.next()?.parse().ok()?;
    let (operator, number) = (words.next()?, words.next()?.parse().ok()?);
    let id = ColumnId(900);
    let of = table.columns[ordinal as usize - 1].type_oid;
    let predicate = op(operator, Expr::column(id, Oid(of)), int(number));
    let mut found = super::expressions_of_index(vec![(id, ColumnOrdinal(ordinal))]);
    found.predicate = Some(predicate);
    Some(found)
}

/// All columns of the table, numbered from `first`.
pub fn scan(table: &Arc<Table>, first: u32) -> Plan {
    let columns = (0..table.columns.len() as u32).map(|at| (ColumnId(first + at), ColumnOrdinal(at + 1)));
    Plan::Scan(Box::new(Scan {
        table: table.clone(),
        alias: table.name.clone(),
        columns: columns.collect(),
        key: None,
        access: Access::Full { reverse: false },
        filter: None,
        estimated_rows: 0.0,
    }))
}

pub fn col(id: u32) -> Expr {
    Expr::column(ColumnId(id), Type::INT4)
}

pub fn text_col(id: u32) -> Expr {
    Expr::column(ColumnId(id), Type::TEXT)
}

pub fn int(value: i32) -> Expr {
    Expr::literal(Datum::Int4(value), Type::INT4)
}

pub fn big(value: i64) -> Expr {
    Expr::literal(Datum::Int8(value), Type::INT8)
}

pub fn text(value: &str) -> Expr {
    Expr::literal(Datum::text(value), Type::TEXT)
}

pub fn parameter(number: usize, of: Oid) -> Expr {
    Expr::new(ExprKind::Parameter(number), of)
}

pub fn op(name: &str, left: Expr, right: Expr) -> Expr {
    let mut found = builtin().operators_named(name);
    let row = found.find(|row| row.left == left.ty.oid && row.right == right.ty.oid).expect("an operator");
    let function = function::lookup(builtin().function(row.function).expect("its function")).expect("a body");
    let call = Call::new(function, vec![left, right]);
    Expr::new(ExprKind::Call(Box::new(call)), row.result)
}

pub fn eq(left: Expr, right: Expr) -> Expr {
    op("=", left, right)
}

pub fn is_null(operand: Expr, negated: bool) -> Expr {
    Expr::new(ExprKind::Is { operand: Box::new(operand), test: IsTest::Null, negated }, Type::BOOL)
}

pub fn any(left: Expr, array: Expr) -> Expr {
    let equal = eq(left.clone(), left.clone());
    let ExprKind::Call(call) = equal.kind else { unreachable!("an operator is a call") };
    let kind = ExprKind::Quantified { left: left.into(), array: array.into(), operator: call.function, all: false };
    Expr::new(kind, Type::BOOL)
}

pub fn ints(values: &[i32]) -> Expr {
    let elements = values.iter().map(|value| int(*value)).collect();
    Expr::new(ExprKind::Array { elements, nested: false }, oid::INT4_ARRAY)
}

pub fn not(operand: Expr) -> Expr {
    Expr::new(ExprKind::Not(operand.into()), Type::BOOL)
}

pub fn filter(input: Plan, conditions: Vec<Expr>) -> Plan {
    Plan::Filter(Box::new(Filter { input, predicate: Expr::all(conditions) }))
}

pub fn project(input: Plan, columns: Vec<(u32, Expr)>) -> Plan {
    let columns = columns.into_iter().map(|(id, expr)| (ColumnId(id), expr)).collect();
    Plan::Project(Box::new(Project { input, columns }))
}

/// Passes integer columns.
pub fn only(input: Plan, ids: &[u32]) -> Plan {
    project(input, ids.iter().map(|id| (*id, col(*id))).collect())
}

pub fn join(kind: JoinKind, left: Plan, right: Plan, on: Vec<Expr>) -> Plan {
    Plan::Join(Box::new(Join { kind, left, right, on, strategy: JoinStrategy::NestedLoop }))
}

pub fn sort(input: Plan, keys: &[(u32, bool)]) -> Plan {
    let key =
        |(id, descending): &(u32, bool)| SortKey { value: col(*id), descending: *descending, nulls_first: *descending };
    Plan::Sort(Box::new(Sort { input, keys: keys.iter().map(key).collect(), limit: None }))
}

pub fn limit(input: Plan, count: i64) -> Plan {
    Plan::Limit(Box::new(Limit { input, count: Some(big(count)), offset: None, ties: None }))
}

pub fn aggregate(input: Plan, keys: Vec<(u32, Expr)>, calls: Vec<(u32, &str, Vec<Expr>)>) -> Plan {
    let keys: Vec<(ColumnId, Expr)> = keys.into_iter().map(|(id, expr)| (ColumnId(id), expr)).collect();
    let call = |(id, name, arguments): (u32, &str, Vec<Expr>)| {
        let types: Vec<Oid> = arguments.iter().map(|argument| argument.ty.oid).collect();
        let fits = |row: &&atoll_datum::builtin::Function| row.arguments == types && row.kind == b'a';
        let row = builtin().functions_named(name).find(fits).expect("an aggregate");
        let function = function::lookup(row).expect("a body");
        let call = AggregateCall {
            function,
            arguments,
            direct: Vec::new(),
            distinct: false,
            order_by: Vec::new(),
            filter: None,
            ty: Type::new(row.result),
            level: 0,
        };
        (ColumnId(id), call)
    };
    let calls = calls.into_iter().map(call).collect();
    let sets = vec![(0..keys.len()).collect()];
    Plan::Aggregate(Box::new(Aggregate { input, keys, sets, calls, groupings: Vec::new() }))
}

pub fn distinct(input: Plan) -> Plan {
    Plan::Distinct(Box::new(Distinct { input, on: None }))
}

pub fn exists(plan: Plan) -> Expr {
    Expr::new(ExprKind::Subquery(Box::new(Subquery { kind: SubqueryKind::Exists, plan })), Type::BOOL)
}

pub fn scalar(plan: Plan, ty: Type) -> Expr {
    Expr::new(ExprKind::Subquery(Box::new(Subquery { kind: SubqueryKind::Scalar, plan })), ty)
}

/// `left IN (plan)`, whose first column is an integer.
pub fn within(left: Expr, plan: Plan) -> Expr {
    let compare = Box::new(eq(left, Expr::column(plan.columns()[0], Type::INT4)));
    let kind = SubqueryKind::Quantified { compare, all: false };
    Expr::new(ExprKind::Subquery(Box::new(Subquery { kind, plan })), Type::BOOL)
}
