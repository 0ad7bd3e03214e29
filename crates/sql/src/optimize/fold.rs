//! Calls over constants, computed; conditions without the parts that decide nothing.
//!
//! Only functions that always answer the same (`immutable`) are called. A call that fails is left as it is: the error is
//! raised if the row comes that needs it.

use atoll_datum::builtin::builtin;
use atoll_datum::{Call as FunctionCall, Datum, Oid, Result, array, oid};

use super::context::Context;
use super::predicate::{self, is_literal};
use super::walk;
use crate::plan::{Body, Call, Expr, ExprKind, Function, IsTest, Plan};
use crate::types::Type;

/// What is larger is computed when it is needed.
const BYTES_MAX: usize = 1 << 16;

/// Folds every expression of the plan.
pub fn plan(plan: &mut Plan, context: &Context<'_>) -> Result<()> {
    for input in plan.inputs_mut() {
        self::plan(input, context)?;
    }
    walk::each_subquery(plan, &mut |subquery| self::plan(&mut subquery.plan, context))?;
    walk::expressions_mut(plan).into_iter().for_each(|expr| self::expr(expr, context));
    if let Plan::Filter(filter) = plan {
        condition(&mut filter.predicate);
    }
    Ok(())
}

/// As a condition, NULL is false.
pub fn condition(expr: &mut Expr) {
    let is_null = |expr: &Expr| matches!(expr.as_literal(), Some(Datum::Null));
    let never = match &expr.kind {
        ExprKind::And(parts) => parts.iter().any(is_null),
        _ => is_null(expr),
    };
    if never {
        *expr = literal(Datum::Bool(false), Type::BOOL, expr.at);
    }
}

pub fn expr(expr: &mut Expr, context: &Context<'_>) {
    // Of an element's cast the element is no constant, and a subquery's plan was folded before.
    for child in expr.children_mut() {
        self::expr(child, context);
    }
    let at = expr.at;
    if let Some(simpler) = simplified(expr, context) {
        *expr = Expr { at: simpler.at.or(at), ..simpler };
    }
}

fn literal(value: Datum, ty: Type, at: Option<u32>) -> Expr {
    Expr { kind: ExprKind::Literal(value), ty, at }
}

fn take(expr: &mut Expr) -> Expr {
    let ty = expr.ty;
    std::mem::replace(expr, Expr::null(ty))
}

fn simplified(expr: &mut Expr, context: &Context<'_>) -> Option<Expr> {
    let (ty, at) = (expr.ty, expr.at);
    let known = |value: Datum| Some(literal(value, ty, at));
    let truth = |value: bool| Some(literal(Datum::Bool(value), Type::BOOL, at));
    match &mut expr.kind {
        ExprKind::Call(call) => match called(call, ty, context) {
            Some(value) => known(value),
            None => by_date(call, at),
        },
        ExprKind::Relabel(operand) => match operand.as_literal() {
            Some(value) => known(value.clone()),
            None => None,
        },
        ExprKind::CastByText(operand) => operand.as_literal().filter(|value| value.is_null()).and(known(Datum::Null)),
        ExprKind::CastArray { array, .. } => array.as_literal().filter(|value| value.is_null()).and(known(Datum::Null)),
        ExprKind::And(parts) => junction(parts, true, at),
        ExprKind::Or(parts) => junction(parts, false, at),
        ExprKind::Not(operand) => not(operand),
        ExprKind::Is { operand, test, negated } => {
            let value = operand.as_literal()?;
            let holds = match (test, value) {
                (IsTest::RowNull, Datum::Record(_)) => return None,
                (IsTest::Null | IsTest::RowNull | IsTest::Unknown, value) => value.is_null(),
                (IsTest::True, value) => matches!(value, Datum::Bool(true)),
                (IsTest::False, value) => matches!(value, Datum::Bool(false)),
            };
            truth(holds != *negated)
        }
        ExprKind::IsDistinctFrom { left, right, equal, negated } => {
            let other = match (left.as_literal(), right.as_literal()) {
                (Some(a), Some(b)) if !a.is_null() && !b.is_null() => {
                    return match apply(equal, &[&**left, &**right], Type::BOOL, context)? {
                        Datum::Bool(equal) => truth(equal == *negated),
                        _ => None,
                    };
                }
                (_, Some(Datum::Null)) => take(left),
                (Some(Datum::Null), _) => take(right),
                _ => return None,
            };
            let kind = ExprKind::Is { operand: Box::new(other), test: IsTest::Null, negated: !*negated };
            let mut test = Expr { kind, ty: Type::BOOL, at };
            self::expr(&mut test, context);
            Some(test)
        }
        ExprKind::Case { branches, otherwise } => {
            branches.retain(|(when, _)| !is_literal(when, false) && !matches!(when.as_literal(), Some(Datum::Null)));
            if let Some(place) = branches.iter().position(|(when, _)| is_literal(when, true)) {
                let (_, then) = branches.swap_remove(place);
                branches.truncate(place);
                *otherwise = Some(Box::new(then));
            }
            if !branches.is_empty() {
                return None;
            }
            otherwise.take().map(|otherwise| *otherwise).or_else(|| known(Datum::Null))
        }
        ExprKind::Coalesce(parts) => {
            parts.retain(|part| !matches!(part.as_literal(), Some(Datum::Null)));
            if let Some(place) = parts.iter().position(|part| part.as_literal().is_some()) {
                parts.truncate(place + 1);
            }
            match parts.len() {
                0 => known(Datum::Null),
                1 => parts.pop(),
                _ => None,
            }
        }
        ExprKind::NullIf { left, right, .. } => {
            if matches!(right.as_literal(), Some(Datum::Null)) {
                return Some(take(left));
            }
            left.as_literal().filter(|value| value.is_null()).and(known(Datum::Null))
        }
        ExprKind::Array { elements, nested: false } => {
            let values: Option<Vec<Datum>> = elements.iter().map(|element| element.as_literal().cloned()).collect();
            let element_type = context.catalog.element_type(ty.oid)?;
            array::from_values(element_type, values?).ok().and_then(known)
        }
        ExprKind::Quantified { array, all, .. } => match array.as_literal()? {
            Datum::Null => known(Datum::Null),
            Datum::Array(array) if array.is_empty() => truth(*all),
            _ => None,
        },
        _ => None,
    }
}

/// A call that needs no row.
fn called(call: &Call, ty: Type, context: &Context<'_>) -> Option<Datum> {
    let row = call.function.row;
    let spread = call.variadic && row.variadic == oid::ANY;
    let has_null = call.arguments.iter().any(|argument| matches!(argument.as_literal(), Some(Datum::Null)));
    if row.strict && has_null && !spread && !row.returns_set {
        return Some(Datum::Null);
    }
    if spread {
        return None;
    }
    let arguments: Vec<&Expr> = call.arguments.iter().collect();
    apply(&call.function, &arguments, ty, context)
}

/// A date compared with a midnight, as `date + interval` gives one: with that day, which indexes and statistics know.
fn by_date(call: &mut Call, at: Option<u32>) -> Option<Expr> {
    const DAY: i64 = 86_400_000_000;
    let is_of_dates = call.arguments.first().is_some_and(|left| left.ty.oid == oid::DATE);
    let [_, right] = &call.arguments[..] else { return None };
    let Some(Datum::Timestamp(moment)) = right.as_literal().filter(|_| is_of_dates) else { return None };
    let day = Some(moment / DAY).filter(|day| day * DAY == *moment).and_then(|day| i32::try_from(day).ok())?;
    let operator = predicate::operator(&call.function).filter(|_| predicate::comparator(&call.function).is_some())?;
    let mut same = builtin().operators_named(operator.name);
    let of_dates = same.find(|row| row.left == oid::DATE && row.right == oid::DATE)?;
    let right = Expr { ty: oid::DATE.into(), kind: ExprKind::Literal(Datum::Date(day)), at: right.at };
    let left = take(&mut call.arguments[0]);
    let compared = predicate::call(predicate::function_of(of_dates.oid)?, vec![left, right], Type::BOOL);
    Some(Expr { at, ..compared })
}

fn apply(function: &Function, arguments: &[&Expr], ty: Type, context: &Context<'_>) -> Option<Datum> {
    let Body::Pure(body) = function.body else { return None };
    if function.row.volatility != b'i' || function.row.returns_set {
        return None;
    }
    let values: Vec<Datum> = arguments.iter().map(|argument| argument.as_literal().cloned()).collect::<Option<_>>()?;
    if function.row.strict && values.iter().any(Datum::is_null) {
        return Some(Datum::Null);
    }
    let types: Vec<Oid> = arguments.iter().map(|argument| argument.ty.oid).collect();
    let call = FunctionCall { settings: context.settings, argument_types: &types, result_type: ty.oid };
    body(&call, &values).ok().filter(|value| value.bytes() <= BYTES_MAX)
}

/// AND (`neutral` is true) or OR.
fn junction(parts: &mut Vec<Expr>, neutral: bool, at: Option<u32>) -> Option<Expr> {
    let mut flat: Vec<Expr> = Vec::with_capacity(parts.len());
    let mut has_null = false;
    for part in std::mem::take(parts) {
        let inner = match part.kind {
            ExprKind::And(inner) if neutral => inner,
            ExprKind::Or(inner) if !neutral => inner,
            _ => vec![part],
        };
        for part in inner {
            match part.as_literal() {
                Some(Datum::Bool(value)) if *value == neutral => {}
                Some(Datum::Bool(_)) => return Some(literal(Datum::Bool(!neutral), Type::BOOL, at)),
                Some(Datum::Null) => has_null = true,
                _ => {
                    let known = flat.iter().any(|before| walk::same(before, &part));
                    if !known {
                        flat.push(part);
                    }
                }
            }
        }
    }
    if has_null {
        flat.push(literal(Datum::Null, Type::BOOL, at));
    }
    match flat.len() {
        0 => Some(literal(Datum::Bool(neutral), Type::BOOL, at)),
        1 => flat.pop(),
        _ if !neutral && let Some(factored) = factored(&flat) => Some(factored),
        _ => {
            *parts = flat;
            None
        }
    }
}

/// `a AND b OR a AND c` as `a AND (b OR c)`: what all ways have in common can be looked at by itself, a join's equality
/// above all.
fn factored(ways: &[Expr]) -> Option<Expr> {
    fn conditions(way: &Expr) -> &[Expr] {
        match &way.kind {
            ExprKind::And(parts) => parts,
            _ => std::slice::from_ref(way),
        }
    }
    let has = |way: &Expr, condition: &Expr| conditions(way).iter().any(|part| walk::same(part, condition));
    let (first, others) = ways.split_first()?;
    let is_common = |condition: &&Expr| others.iter().all(|way| has(way, condition));
    let mut all: Vec<Expr> = conditions(first).iter().filter(is_common).cloned().collect();
    if all.is_empty() {
        return None;
    }
    let is_rest = |part: &&Expr| !all.iter().any(|common| walk::same(common, part));
    let rest = |way: &Expr| conditions(way).iter().filter(is_rest).cloned().collect::<Vec<_>>();
    let rests: Vec<Vec<Expr>> = ways.iter().map(rest).collect();
    // A way that asks for nothing else makes the others superfluous.
    if rests.iter().all(|rest| !rest.is_empty()) {
        let mut ways: Vec<Expr> = rests.into_iter().map(Expr::all).collect();
        let one_of = junction(&mut ways, false, None).unwrap_or_else(|| Expr::new(ExprKind::Or(ways), Type::BOOL));
        all.push(one_of);
    }
    Some(Expr::all(all))
}

fn negation(operand: Expr) -> Expr {
    let at = operand.at;
    let mut operand = operand;
    not(&mut operand).unwrap_or_else(|| Expr { kind: ExprKind::Not(Box::new(operand)), ty: Type::BOOL, at })
}

/// The opposite of a condition as a condition of its own.
fn not(operand: &mut Expr) -> Option<Expr> {
    let at = operand.at;
    let boolean = |kind: ExprKind| Some(Expr { kind, ty: Type::BOOL, at });
    match &mut operand.kind {
        ExprKind::Literal(Datum::Bool(value)) => Some(literal(Datum::Bool(!*value), Type::BOOL, at)),
        ExprKind::Literal(Datum::Null) => Some(literal(Datum::Null, Type::BOOL, at)),
        ExprKind::Not(inner) => Some(take(inner)),
        ExprKind::And(parts) => boolean(ExprKind::Or(std::mem::take(parts).into_iter().map(negation).collect())),
        ExprKind::Or(parts) => boolean(ExprKind::And(std::mem::take(parts).into_iter().map(negation).collect())),
        // Of a row, NOT NULL is not the opposite of NULL.
        ExprKind::Is { operand, test, negated } if *test != IsTest::RowNull => {
            boolean(ExprKind::Is { operand: Box::new(take(operand)), test: *test, negated: !*negated })
        }
        ExprKind::IsDistinctFrom { left, right, equal, negated } => boolean(ExprKind::IsDistinctFrom {
            left: Box::new(take(left)),
            right: Box::new(take(right)),
            equal: *equal,
            negated: !*negated,
        }),
        ExprKind::Call(call) => {
            let function = predicate::negated(&call.function)?;
            let arguments = std::mem::take(&mut call.arguments);
            boolean(ExprKind::Call(Box::new(Call::new(function, arguments))))
        }
        ExprKind::Quantified { left, array, operator, all } => {
            let operator = predicate::negated(operator)?;
            let (left, array) = (Box::new(take(left)), Box::new(take(array)));
            boolean(ExprKind::Quantified { left, array, operator, all: !*all })
        }
        _ => None,
    }
}
