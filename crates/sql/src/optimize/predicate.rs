//! What conditions say: comparisons, what they are for NULL, constants that stand for one another.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Datum, Oid, oid};

use super::walk::{self, Columns};
use crate::function;
use crate::plan::{Body, Call, Expr, ExprKind, Function, IsTest};
use crate::types::Type;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    fn named(name: &str) -> Option<Comparator> {
        Some(match name {
            "=" => Comparator::Equal,
            "<>" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            ">=" => Comparator::GreaterOrEqual,
            _ => return None,
        })
    }

    /// With the sides exchanged.
    pub fn flipped(self) -> Comparator {
        match self {
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
            same => same,
        }
    }
}

/// The operator that a function of pg_proc is behind; the first if there are several.
static OPERATORS: LazyLock<BTreeMap<Oid, &'static builtin::Operator>> = LazyLock::new(|| {
    let mut by_function = BTreeMap::new();
    for operator in builtin().operators.iter().filter(|operator| operator.kind == b'b') {
        by_function.entry(operator.function).or_insert(operator);
    }
    by_function
});

pub fn operator(function: &Function) -> Option<&'static builtin::Operator> {
    OPERATORS.get(&function.row.oid).copied()
}

/// Types for which `=`, `<` and the others are not those of the default order: of boxes they compare areas.
fn is_ordered(of: Oid) -> bool {
    !matches!(of.0, 600..=603 | 604 | 628 | 718)
}

/// By the default order of the two types.
pub fn comparator(function: &Function) -> Option<Comparator> {
    let operator = operator(function)?;
    let ordered = operator.result == oid::BOOL && is_ordered(operator.left) && is_ordered(operator.right);
    let pure = matches!(function.body, Body::Pure(_)) && function.row.strict;
    (ordered && pure).then(|| Comparator::named(operator.name)).flatten()
}

pub struct Comparison<'e> {
    pub comparator: Comparator,
    pub left: &'e Expr,
    pub right: &'e Expr,
    pub function: Function,
}

pub fn comparison(expr: &Expr) -> Option<Comparison<'_>> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    let comparator = comparator(&call.function)?;
    let [left, right] = &call.arguments[..] else { return None };
    Some(Comparison { comparator, left, right, function: call.function })
}

pub fn equality(expr: &Expr) -> Option<(&Expr, &Expr)> {
    comparison(expr).filter(|found| found.comparator == Comparator::Equal).map(|found| (found.left, found.right))
}

/// The sides of an equality between something of `left` and something of `right`, in this order, that a hash table can
/// decide.
pub fn hash_key<'e>(expr: &'e Expr, left: &Columns, right: &Columns) -> Option<(&'e Expr, &'e Expr)> {
    let (a, b) = equality(expr)?;
    if walk::is_volatile(expr) || !can_hash(a.ty.oid, b.ty.oid) {
        return None;
    }
    let (in_a, in_b) = (walk::reads(a), walk::reads(b));
    let only = |reads: &Columns, own: &Columns, other: &Columns| {
        reads.iter().any(|id| own.contains(id)) && !reads.iter().any(|id| other.contains(id))
    };
    if only(&in_a, left, right) && only(&in_b, right, left) {
        return Some((a, b));
    }
    (only(&in_a, right, left) && only(&in_b, left, right)).then_some((b, a))
}

/// Whether equal values of the two types are found under one hash.
fn can_hash(a: Oid, b: Oid) -> bool {
    let integer = |of: Oid| matches!(of, oid::INT2 | oid::INT4 | oid::INT8);
    let float = |of: Oid| matches!(of, oid::FLOAT4 | oid::FLOAT8);
    let text = |of: Oid| matches!(of, oid::TEXT | oid::VARCHAR | oid::NAME);
    let has_hash = !matches!(a, oid::JSON | oid::RECORD | oid::RECORDARRAY | oid::XML);
    (a == b && has_hash) || (integer(a) && integer(b)) || (float(a) && float(b)) || (text(a) && text(b))
}

/// The function behind an operator, if Atoll has it.
pub fn function_of(operator: Oid) -> Option<Function> {
    let row = builtin().function(builtin().operator(operator)?.function)?;
    function::lookup(row)
}

/// The function that is true where this one is false, and NULL where it is NULL.
pub fn negated(function: &Function) -> Option<Function> {
    let negator = operator(function)?.negator;
    if negator.is_none() { None } else { function_of(negator) }
}

/// `left = right` of one type by its default equality.
pub fn equal(left: Expr, right: Expr) -> Option<Expr> {
    let of = builtin().type_by_oid(left.ty.oid);
    let is_array = of.is_some_and(builtin::Type::is_array);
    let ty = match left.ty.oid {
        other if left.ty.oid != right.ty.oid && !(walk::is_text(other) && walk::is_text(right.ty.oid)) => return None,
        oid::VARCHAR => oid::TEXT,
        _ if is_array || of.is_none() => return None,
        other => other,
    };
    let row = builtin().operators_named("=").find(|row| row.left == ty && row.right == ty)?;
    let function = function_of(row.oid)?;
    let labelled = |expr: Expr| match expr.ty.oid {
        of if of == ty => expr,
        _ => Expr { at: expr.at, ..Expr::new(ExprKind::Relabel(Box::new(expr)), ty) },
    };
    Some(call(function, vec![labelled(left), labelled(right)], Type::BOOL))
}

pub fn call(function: Function, arguments: Vec<Expr>, ty: Type) -> Expr {
    Expr::new(ExprKind::Call(Box::new(Call::new(function, arguments))), ty)
}

/// Whether the expression is NULL in a row where all these columns are.
pub fn is_null_with(expr: &Expr, columns: &Columns) -> bool {
    use ExprKind::*;
    match &expr.kind {
        Literal(value) => value.is_null(),
        Column(id) => columns.contains(id),
        Call(call) => {
            call.function.row.strict
                && !call.variadic
                && call.arguments.iter().any(|argument| is_null_with(argument, columns))
        }
        CastByText(operand) | Relabel(operand) | Not(operand) => is_null_with(operand, columns),
        CastArray { array, .. } => is_null_with(array, columns),
        Coalesce(parts) => parts.iter().all(|part| is_null_with(part, columns)),
        _ => false,
    }
}

/// Whether the condition is not true in a row where all these columns are NULL.
pub fn rejects_nulls(expr: &Expr, columns: &Columns) -> bool {
    use ExprKind::*;
    match &expr.kind {
        Literal(value) => !value.is_true(),
        And(parts) => parts.iter().any(|part| rejects_nulls(part, columns)),
        Or(parts) => parts.iter().all(|part| rejects_nulls(part, columns)),
        Is { operand, test: IsTest::Null, negated: true } => is_null_with(operand, columns),
        Is { operand, test: IsTest::True, negated: false } => rejects_nulls(operand, columns),
        Is { operand, test: IsTest::False, negated: false } => is_null_with(operand, columns),
        Quantified { left, operator, all: false, .. } => operator.row.strict && is_null_with(left, columns),
        _ => is_null_with(expr, columns),
    }
}

/// Columns of `among` that are not NULL where the condition is true.
pub fn not_null_where(expr: &Expr, among: &Columns) -> Columns {
    let read = walk::reads(expr);
    let candidates = among.iter().filter(|id| read.contains(id));
    candidates.filter(|id| rejects_nulls(expr, &Columns::from([**id]))).copied().collect()
}

pub fn is_literal(expr: &Expr, wanted: bool) -> bool {
    matches!(expr.as_literal(), Some(Datum::Bool(value)) if *value == wanted)
}

/// The value as one of type `ty`, if that is the same for every comparison with a `ty`.
pub fn lossless(value: &Expr, ty: Type) -> Option<Expr> {
    let (from, to) = (value.ty.oid, ty.oid);
    if from == to {
        return Some(value.clone());
    }
    if walk::is_text(from) && walk::is_text(to) {
        return Some(relabel(value.clone(), ty));
    }
    if let Some(literal) = value.as_literal() {
        let converted = match (integer(literal), to) {
            (Some(number), oid::INT2) => Datum::Int2(i16::try_from(number).ok()?),
            (Some(number), oid::INT4) => Datum::Int4(i32::try_from(number).ok()?),
            (Some(number), oid::INT8) => Datum::Int8(number),
            _ => match (literal, to) {
                (Datum::Null, _) => Datum::Null,
                (Datum::Float4(number), oid::FLOAT8) => Datum::Float8(f64::from(*number)),
                // A longer one is no name, and would be cut.
                (Datum::Text(text), oid::NAME) if walk::is_text(from) && text.len() < 64 => Datum::Text(text.clone()),
                _ => return None,
            },
        };
        return Some(Expr { at: value.at, ..Expr::literal(converted, to) });
    }
    let widens =
        matches!((from, to), (oid::INT2, oid::INT4 | oid::INT8) | (oid::INT4, oid::INT8) | (oid::FLOAT4, oid::FLOAT8));
    if !widens {
        return None;
    }
    let cast = builtin().cast(from, to).filter(|cast| cast.method == b'f' && cast.context == b'i')?;
    let function = function::lookup(builtin().function(cast.function)?)?;
    Some(Expr { at: value.at, ..call(function, vec![value.clone()], Type::new(to)) })
}

/// The value as a limit of an index's column of type `ty`, where the comparison was of the two types: as one of `ty` if
/// there is such, or as it is for [`Limits`](crate::table::span::Limits) to fit.
pub fn limit(value: &Expr, ty: Type) -> Option<Expr> {
    if let Some(value) = lossless(value, ty) {
        return Some(value);
    }
    let from = value.ty.oid;
    match (from, ty.oid) {
        _ if value.as_literal().is_some_and(|value| integer(value).is_some()) => None,
        (oid::INT8, oid::INT4 | oid::INT2) | (oid::INT4, oid::INT2) => Some(value.clone()),
        (oid::DATE, oid::TIMESTAMP | oid::TIMESTAMPTZ) | (oid::TIMESTAMP, oid::DATE | oid::TIMESTAMPTZ) => {
            Some(value.clone())
        }
        _ => None,
    }
}

fn relabel(value: Expr, ty: Type) -> Expr {
    let at = value.at;
    match value.kind {
        ExprKind::Literal(_) => Expr { kind: value.kind, ty: Type::new(ty.oid), at },
        ExprKind::Relabel(inner) if inner.ty.oid == ty.oid => *inner,
        _ => Expr { kind: ExprKind::Relabel(Box::new(value)), ty: Type::new(ty.oid), at },
    }
}

pub fn integer(value: &Datum) -> Option<i64> {
    match value {
        Datum::Int2(value) => Some(i64::from(*value)),
        Datum::Int4(value) => Some(i64::from(*value)),
        Datum::Int8(value) => Some(*value),
        _ => None,
    }
}
