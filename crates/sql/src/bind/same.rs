//! Whether two bound expressions are the same: a grouped one and one of the select list.
//!
//! Positions don't count. Queries within are never the same: each makes its own columns.

use crate::plan::{AggregateCall, Call, Expr, ExprKind, SortKey, Subscript};

pub(super) fn same(a: &Expr, b: &Expr) -> bool {
    use ExprKind::*;
    if a.ty != b.ty {
        return false;
    }
    match (&a.kind, &b.kind) {
        // Of one type, and so comparable.
        (Literal(a), Literal(b)) => a == b,
        (Column(a), Column(b)) => a == b,
        (Parameter(a), Parameter(b)) => a == b,
        (Call(a), Call(b)) | (Set(a), Set(b)) => same_call(a, b),
        (CastByText(a), CastByText(b)) | (Relabel(a), Relabel(b)) | (Not(a), Not(b)) => same(a, b),
        (CastArray { array: a, .. }, CastArray { array: b, .. }) => same(a, b),
        (And(a), And(b)) | (Or(a), Or(b)) | (Coalesce(a), Coalesce(b)) => all(a, b),
        (Greatest(a), Greatest(b)) | (Least(a), Least(b)) | (Row(a), Row(b)) => all(a, b),
        (NamedRow { fields: a, .. }, NamedRow { fields: b, .. }) => all(a, b),
        (Array { elements: a, nested: x }, Array { elements: b, nested: y }) => x == y && all(a, b),
        (Is { operand: a, test: x, negated: n }, Is { operand: b, test: y, negated: m }) => {
            x == y && n == m && same(a, b)
        }
        (
            IsDistinctFrom { left: a, right: c, equal: x, negated: n },
            IsDistinctFrom { left: b, right: d, equal: y, negated: m },
        ) => n == m && x.row.oid == y.row.oid && same(a, b) && same(c, d),
        (NullIf { left: a, right: c, equal: x }, NullIf { left: b, right: d, equal: y }) => {
            x.row.oid == y.row.oid && same(a, b) && same(c, d)
        }
        (Case { branches: a, otherwise: x }, Case { branches: b, otherwise: y }) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((a, c), (b, d))| same(a, b) && same(c, d))
                && optional(x.as_deref(), y.as_deref())
        }
        (
            Quantified { left: a, array: c, operator: x, all: n },
            Quantified { left: b, array: d, operator: y, all: m },
        ) => n == m && x.row.oid == y.row.oid && same(a, b) && same(c, d),
        (Field { record: a, field: x }, Field { record: b, field: y }) => x == y && same(a, b),
        (Subscript { array: a, subscripts: x }, Subscript { array: b, subscripts: y }) => {
            same(a, b) && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same_subscript(x, y))
        }
        _ => false,
    }
}

fn same_call(a: &Call, b: &Call) -> bool {
    a.function.row.oid == b.function.row.oid && a.variadic == b.variadic && all(&a.arguments, &b.arguments)
}

fn same_subscript(a: &Subscript, b: &Subscript) -> bool {
    match (a, b) {
        (Subscript::Index(a), Subscript::Index(b)) => same(a, b),
        (Subscript::Slice(a, c), Subscript::Slice(b, d)) => {
            optional(a.as_ref(), b.as_ref()) && optional(c.as_ref(), d.as_ref())
        }
        _ => false,
    }
}

pub(super) fn all(a: &[Expr], b: &[Expr]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn optional(a: Option<&Expr>, b: Option<&Expr>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

pub(super) fn same_keys(a: &[SortKey], b: &[SortKey]) -> bool {
    let same_key = |a: &SortKey, b: &SortKey| {
        a.descending == b.descending && a.nulls_first == b.nulls_first && same(&a.value, &b.value)
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_key(a, b))
}

/// Then one will do for both.
pub(super) fn same_aggregate(a: &AggregateCall, b: &AggregateCall) -> bool {
    a.function.row.oid == b.function.row.oid
        && a.distinct == b.distinct
        && all(&a.arguments, &b.arguments)
        && all(&a.direct, &b.direct)
        && same_keys(&a.order_by, &b.order_by)
        && optional(a.filter.as_ref(), b.filter.as_ref())
        && !a.expressions().any(Expr::is_volatile)
}
