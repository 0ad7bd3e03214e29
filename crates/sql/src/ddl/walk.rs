//! Walks over expressions as they were written.

use std::collections::BTreeSet;

use atoll_syntax::ast::{Expr, ExprKind, InSet, Indirection, Name, Over, QuantifiedSet};

use crate::catalog::Table;

/// The expressions directly below; those inside of subqueries are left out.
pub fn children_mut(expr: &mut Expr) -> Vec<&mut Expr> {
    use ExprKind::*;
    match &mut expr.kind {
        Literal(_) | Parameter(_) | Column(_) | Star(_) | ArrayQuery(_) | Exists(_) | Subquery(_) | Value(_)
        | Default | CurrentOf(_) => Vec::new(),
        Indirection(base, path) => {
            let mut children = vec![&mut **base];
            for step in path {
                match step {
                    self::Indirection::Index(index) => children.push(index),
                    self::Indirection::Slice(from, to) => children.extend(from.iter_mut().chain(to)),
                    self::Indirection::Field(_) | self::Indirection::Star => {}
                }
            }
            children
        }
        And(parts) | Or(parts) | Coalesce(parts) | Greatest(parts) | Least(parts) | Array(parts) | Grouping(parts) => {
            parts.iter_mut().collect()
        }
        Not(operand) => vec![&mut **operand],
        Unary(unary) => vec![&mut unary.operand],
        Binary(binary) => vec![&mut binary.left, &mut binary.right],
        Is(is) => vec![&mut is.operand],
        IsDistinctFrom(is) => vec![&mut is.left, &mut is.right],
        Between(between) => vec![&mut between.operand, &mut between.low, &mut between.high],
        Like(like) => [&mut like.operand, &mut like.pattern].into_iter().chain(&mut like.escape).collect(),
        In(of) => match &mut of.set {
            InSet::List(list) => [&mut of.operand].into_iter().chain(list).collect(),
            InSet::Query(_) => vec![&mut of.operand],
        },
        Quantified(of) => match &mut of.right {
            QuantifiedSet::Array(array) => vec![&mut of.left, array],
            QuantifiedSet::Query(_) => vec![&mut of.left],
        },
        Call(call) => {
            let mut children: Vec<&mut Expr> = call.arguments.iter_mut().map(|argument| &mut argument.value).collect();
            children.extend(call.order_by.iter_mut().map(|key| &mut key.value));
            children.extend(&mut call.filter);
            if let Some(Over::Spec(spec)) = &mut call.over {
                children.extend(&mut spec.partition_by);
                children.extend(spec.order_by.iter_mut().map(|key| &mut key.value));
            }
            children
        }
        Cast(cast) => vec![&mut cast.operand],
        Collate(collate) => vec![&mut collate.operand],
        Case(case) => {
            let mut children: Vec<&mut Expr> = case.operand.iter_mut().collect();
            for branch in &mut case.branches {
                children.extend([&mut branch.when, &mut branch.then]);
            }
            children.extend(&mut case.otherwise);
            children
        }
        NullIf(pair) => vec![&mut pair.0, &mut pair.1],
        Row(row) => row.fields.iter_mut().collect(),
    }
}

/// Children first.
pub fn each_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    for child in children_mut(expr) {
        each_mut(child, visit);
    }
    visit(expr);
}

/// The table's column that a name in one of the table's own expressions means.
fn column(table: &Table, names: &[Name]) -> Option<u32> {
    let name = match names {
        [name] => name,
        [.., qualifier, name] if qualifier.as_str() == table.name => name,
        _ => return None,
    };
    Some(table.column_named(name.as_str())?.ordinal)
}

/// Columns of the table that one of its own expressions reads; all of them for a whole row.
pub fn columns_of(table: &Table, expr: &Expr) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    each_mut(&mut expr.clone(), &mut |expr| match &mut expr.kind {
        ExprKind::Column(names) => match column(table, names) {
            Some(ordinal) => drop(found.insert(ordinal)),
            None if names.last().is_some_and(|name| name.as_str() == table.name) => {
                found.extend(table.live_columns().map(|column| column.ordinal));
            }
            None => {}
        },
        ExprKind::Star(_) => found.extend(table.live_columns().map(|column| column.ordinal)),
        _ => {}
    });
    found
}

/// Gives a column another name in one of its table's own expressions.
pub fn rename_column(table: &Table, expr: &mut Expr, ordinal: u32, to: &str) {
    each_mut(expr, &mut |expr| {
        if let ExprKind::Column(names) = &mut expr.kind
            && column(table, names) == Some(ordinal)
            && let Some(name) = names.last_mut()
        {
            name.text = to.into();
        }
    });
}
