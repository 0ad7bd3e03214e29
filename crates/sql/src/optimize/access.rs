//! How a scan can find its rows: which index, which part of it, in which order, and what is left to be checked.
//!
//! ```text
//!   index (a, b, c)    WHERE a IN (1, 2) AND b = $1 AND c > 5 AND d = 7
//!                      equal (1, $1) (2, $1), lower 5                 rest d = 7
//! ```
//!
//! A condition that the bounds say exactly leaves the filter. One that they only follow from (`LIKE 'a%b'`, the first
//! column of a comparison of rows) stays.
//!
//! What it deliberately does not do: IS NULL by an index, because a NULL in [`Bounds`] matches nothing.

use std::collections::BTreeMap;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, key, oid};

use super::context::Context;
use super::predicate::{self, Comparator};
use super::walk::{self, Columns};
use super::{cost, facts, stats};
use crate::catalog::{ColumnOrdinal, FIRST_USER_OID, Index, IndexId, IndexState};
use crate::plan::estimate::Estimator;
use crate::plan::{Access, Bound, Bounds, Expr, ExprKind, IsTest, Plan, Scan, SortKey};
use crate::types::Type;

/// Parts of an index that one scan reads.
const TUPLES_MAX: usize = 256;
/// What a partial index has of the table's rows, as a guess.
const PARTIAL: f64 = 0.3;

/// One way to read a scan's rows.
#[derive(Debug)]
pub struct Choice {
    pub access: Access,
    /// Conditions that remain to be checked.
    pub rest: Vec<Expr>,
    /// Reading all of it.
    pub cost: f64,
    order: Vec<Ordered>,
    /// Have one value in all that is read.
    constants: Vec<Expr>,
    /// No two rows are equal in all of `order`.
    total: bool,
}

#[derive(Clone, Debug)]
struct Ordered {
    subject: Option<Expr>,
    descending: bool,
    nulls_first: bool,
    not_null: bool,
}

/// What a condition says about an expression over the table's columns.
#[derive(Debug)]
struct Term {
    subject: Expr,
    what: What,
    condition: usize,
    /// The condition says nothing else.
    exact: bool,
}

#[derive(Debug)]
enum What {
    Equal(Vec<Expr>),
    Lower(Bound),
    Upper(Bound),
}

/// All ways to read the scan's rows; the first is the scan of everything.
pub fn choices(scan: &Scan, context: &Context<'_>, estimator: &Estimator<'_>) -> Vec<Choice> {
    let conditions = scan.filter.clone().map(Expr::conjuncts).unwrap_or_default();
    let own = scan.columns.iter().map(|(id, _)| *id).chain(scan.key).collect();
    let terms = terms(&conditions, &own);
    let not_null = facts::not_null(&Plan::Scan(Box::new(scan.clone())));
    let mut found = Vec::with_capacity(scan.table.indexes.len() + 1);
    for (place, index) in scan.table.indexes.iter().enumerate() {
        if place > 0 && index.state != IndexState::Public as i32 {
            continue;
        }
        let Some(keys) = subjects(scan, index, place == 0, &conditions, context) else { continue };
        let (bounds, used) = bounds(index, &keys, &terms);
        let is_bound = bounds.lower.is_some() || bounds.upper.is_some() || !is_everything(&bounds.equal);
        let order = Order { index, keys: &keys, is_primary: place == 0, not_null: &not_null, scan };
        if place == 0 {
            let access = Access::Full { reverse: false };
            let all = cost::access(1.0, estimator.table_rows(&scan.table), true);
            found.push(order.choice(
                access,
                conditions.clone(),
                all,
                &Bounds { equal: vec![vec![]], ..Bounds::default() },
            ));
            if !is_bound {
                continue;
            }
        }
        let rest: Vec<Expr> = conditions
            .iter()
            .enumerate()
            .filter(|(at, _)| !used.contains(at))
            .map(|(_, condition)| condition.clone())
            .collect();
        let entries = (estimator.table_rows(&scan.table) * share(scan, index.id(), &bounds, estimator)).max(1.0);
        let total = cost::access(bounds.equal.len() as f64, entries, covers(scan, index));
        let access = match bounds.equal.is_empty() {
            true => Access::Empty,
            false => Access::Index { index: index.id(), bounds: bounds.clone(), reverse: false },
        };
        found.push(order.choice(access, rest, total, &bounds));
    }
    found
}

/// A single tuple of no columns.
fn is_everything(equal: &[Vec<Expr>]) -> bool {
    matches!(equal, [only] if only.is_empty())
}

impl Choice {
    /// Whether the rows come in this order: then whether that is reading backwards.
    pub fn satisfies(&self, keys: &[SortKey]) -> Option<bool> {
        [false, true].into_iter().find(|reverse| self.is_ordered(keys, *reverse))
    }

    fn is_ordered(&self, keys: &[SortKey], reverse: bool) -> bool {
        let mut order = self.order.iter();
        let mut seen: Vec<&Expr> = Vec::new();
        for wanted in keys {
            let value = walk::unlabelled(&wanted.value);
            if self.constants.iter().chain(seen.iter().copied()).any(|known| walk::same(known, value)) {
                continue;
            }
            let Some(next) = order.next() else { return self.total };
            let direction = (next.descending != reverse) == wanted.descending;
            let nulls = next.not_null || (next.nulls_first != reverse) == wanted.nulls_first;
            match &next.subject {
                Some(subject) if direction && nulls && walk::same(subject, value) => seen.push(subject),
                _ => return false,
            }
        }
        true
    }

    /// The scan that reads in this way.
    pub fn apply(self, mut scan: Scan, backwards: bool) -> Scan {
        scan.access = self.access;
        match &mut scan.access {
            Access::Full { reverse } | Access::Index { reverse, .. } => *reverse = backwards,
            Access::Empty => {}
        }
        scan.filter = (!self.rest.is_empty()).then(|| Expr::all(self.rest));
        scan
    }
}

// --------------------------------------------------------------------------------------------------------------- order

struct Order<'o> {
    index: &'o Index,
    keys: &'o [Option<Expr>],
    is_primary: bool,
    not_null: &'o Columns,
    scan: &'o Scan,
}

impl Order<'_> {
    fn choice(&self, access: Access, rest: Vec<Expr>, cost: f64, bounds: &Bounds) -> Choice {
        let fixed = match &bounds.equal[..] {
            [one] => one.len(),
            _ => 0,
        };
        let ranged = bounds.lower.is_some() || bounds.upper.is_some();
        let at_range = bounds.equal.first().map_or(0, Vec::len);
        let mut order = Vec::new();
        let mut total = self.is_primary || self.index.unique;
        for (place, (key, subject)) in self.index.keys.iter().zip(self.keys).enumerate() {
            let bounded = place < at_range || (ranged && place == at_range);
            let not_null = bounded
                || self.is_primary
                || subject.as_ref().and_then(Expr::as_column).is_some_and(|id| self.not_null.contains(&id));
            total &= not_null;
            if place >= fixed {
                let (descending, nulls_first) = (key.descending, key.nulls_first);
                order.push(Ordered { subject: subject.clone(), descending, nulls_first, not_null });
            }
        }
        if !self.is_primary && !self.index.unique {
            // Entries of equal keys come in the order of the primary key.
            for key in self.scan.table.indexes.first().map(|index| &index.keys[..]).unwrap_or_default() {
                let (descending, nulls_first) = (key.descending, key.nulls_first);
                let subject = column_subject(self.scan, key.column);
                order.push(Ordered { subject, descending, nulls_first, not_null: true });
            }
            total = true;
        }
        let constants = self.keys.iter().take(fixed).flatten().cloned().collect();
        Choice { access, rest, cost, order, constants, total }
    }
}

fn column_subject(scan: &Scan, ordinal: u32) -> Option<Expr> {
    let (id, ordinal) = scan.columns.iter().find(|(_, known)| known.0 == ordinal)?;
    Some(Expr::column(*id, scan.table.column(*ordinal)?.ty()))
}

/// What the keys of an index are over the scan's columns; none for a key of columns that the scan doesn't read. None for
/// an index that can't be used: its predicate doesn't hold for all that is wanted.
fn subjects(
    scan: &Scan,
    index: &Index,
    is_primary: bool,
    conditions: &[Expr],
    context: &Context<'_>,
) -> Option<Vec<Option<Expr>>> {
    let plain = index.predicate.is_none() && index.keys.iter().all(|key| key.column != 0);
    if is_primary || plain {
        return Some(index.keys.iter().map(|key| column_subject(scan, key.column)).collect());
    }
    let bound = context.expressions_of(&scan.table, index);
    let with: Option<BTreeMap<_, _>> = bound.as_ref().map(|bound| {
        let columns = bound.columns.iter();
        columns.filter_map(|(id, ordinal)| Some((*id, column_subject(scan, ordinal.0)?))).collect()
    });
    let over_scan = |expr: &Expr| {
        let with = with.as_ref()?;
        if !walk::reads(expr).iter().all(|id| with.contains_key(id)) {
            return None;
        }
        let mut expr = expr.clone();
        walk::substitute(&mut expr, with);
        Some(expr)
    };
    if index.predicate.is_some() {
        let predicate = over_scan(bound.as_ref()?.predicate.as_ref()?)?;
        let parts = predicate.conjuncts();
        if !parts.iter().all(|part| conditions.iter().any(|condition| implies(condition, part))) {
            return None;
        }
    }
    let expression = |place: usize| {
        let key = bound.as_ref()?.keys.get(place)?.as_ref()?;
        over_scan(key)
    };
    let subject = |(place, key): (usize, &crate::catalog::IndexKey)| match key.column {
        0 => expression(place),
        column => column_subject(scan, column),
    };
    Some(index.keys.iter().enumerate().map(subject).collect())
}

/// Whether where the condition is true the other one is, too.
fn implies(condition: &Expr, other: &Expr) -> bool {
    if walk::same(condition, other) {
        return true;
    }
    if let ExprKind::Is { operand, test: IsTest::Null, negated: true } = &other.kind
        && let Some(id) = operand.as_column()
    {
        return predicate::rejects_nulls(condition, &Columns::from([id]));
    }
    // x > 5 of x > 3.
    let (Some(a), Some(b)) = (predicate::comparison(condition), predicate::comparison(other)) else { return false };
    let (Some(x), Some(y)) = (a.right.as_literal(), b.right.as_literal()) else { return false };
    let alike = walk::same(a.left, b.left) && a.right.ty.oid == b.right.ty.oid && !x.is_null() && !y.is_null();
    use Comparator::*;
    alike
        && match (a.comparator, b.comparator) {
            (Equal, Equal) => x == y,
            (Equal, NotEqual) => x != y,
            (Equal, Less) | (LessOrEqual, Less) => x < y,
            (Equal, LessOrEqual) | (Less, Less | LessOrEqual) | (LessOrEqual, LessOrEqual) => x <= y,
            (Equal, Greater) | (GreaterOrEqual, Greater) => x > y,
            (Equal, GreaterOrEqual) | (Greater, Greater | GreaterOrEqual) | (GreaterOrEqual, GreaterOrEqual) => x >= y,
            (Less, NotEqual) => x <= y,
            (Greater, NotEqual) => x >= y,
            (LessOrEqual, NotEqual) => x < y,
            (GreaterOrEqual, NotEqual) => x > y,
            _ => false,
        }
}

// --------------------------------------------------------------------------------------------------------------- terms

fn terms(conditions: &[Expr], own: &Columns) -> Vec<Term> {
    let mut found = Vec::new();
    for (condition, expr) in conditions.iter().enumerate() {
        let before = found.len();
        terms_of(expr, own, &mut |subject, what, exact| found.push(Term { subject, what, condition, exact }));
        // Followed from only: the values stand in two places.
        let mut at = 0;
        found.retain(|term: &Term| {
            at += 1;
            at <= before || term.exact || values(&term.what).all(walk::can_copy)
        });
    }
    found
}

fn values(what: &What) -> Box<dyn Iterator<Item = &Expr> + '_> {
    match what {
        What::Equal(values) => Box::new(values.iter()),
        What::Lower(bound) | What::Upper(bound) => Box::new(std::iter::once(&bound.value)),
    }
}

fn terms_of(expr: &Expr, own: &Columns, add: &mut dyn FnMut(Expr, What, bool)) {
    let is_value = |expr: &Expr| !walk::touches(expr, own) && !walk::is_volatile(expr) && !walk::has_set(expr);
    let is_subject = |expr: &Expr| walk::touches(expr, own) && walk::can_copy(expr);
    match &expr.kind {
        ExprKind::Column(id) if own.contains(id) => {
            add(expr.clone(), What::Equal(vec![Expr::literal(Datum::Bool(true), Type::BOOL)]), true);
        }
        ExprKind::Not(operand) | ExprKind::Is { operand, test: IsTest::False, negated: false }
            if operand.as_column().is_some_and(|id| own.contains(&id)) =>
        {
            add((**operand).clone(), What::Equal(vec![Expr::literal(Datum::Bool(false), Type::BOOL)]), true);
        }
        ExprKind::Is { operand, test: IsTest::True, negated: false } => terms_of(operand, own, add),
        ExprKind::Call(call) => {
            if let Some(found) = predicate::comparison(expr) {
                let sides = [
                    (found.left, found.right, found.comparator),
                    (found.right, found.left, found.comparator.flipped()),
                ];
                for (subject, value, comparator) in sides {
                    if is_subject(subject) && is_value(value) {
                        let what = compared(comparator, value.clone());
                        what.into_iter().for_each(|what| add(walk::unlabelled(subject).clone(), what, true));
                    }
                }
                return;
            }
            let operator = predicate::operator(&call.function).map(|operator| operator.name);
            let [subject, pattern] = &call.arguments[..] else { return };
            let text = walk::is_text(subject.ty.oid) && pattern.ty.oid == oid::TEXT && is_subject(subject);
            let (true, Some(Datum::Text(pattern))) = (text, pattern.as_literal()) else { return };
            let (prefix, whole, open) = match operator {
                Some("~~") => like_prefix(pattern),
                Some("^@") => (pattern.to_string(), false, true),
                _ => return,
            };
            let literal = |text: String| Expr::literal(Datum::text(text), Type::TEXT);
            let subject = walk::unlabelled(subject);
            if whole {
                add(subject.clone(), What::Equal(vec![literal(prefix)]), true);
            } else if !prefix.is_empty() {
                let upper = behind(&prefix);
                // Between the two lies what begins so, and nothing else.
                let exact = open && upper.is_some();
                if let Some(upper) = upper {
                    let upper = Bound { value: literal(upper), inclusive: false };
                    add(subject.clone(), What::Upper(upper), exact);
                }
                add(subject.clone(), What::Lower(Bound { value: literal(prefix), inclusive: true }), exact);
            }
        }
        ExprKind::Quantified { left, array, operator, all: false } => {
            if predicate::comparator(operator) != Some(Comparator::Equal) || !is_subject(left) {
                return;
            }
            let elements = match &array.kind {
                ExprKind::Literal(Datum::Array(values)) => {
                    let known = values.elements().iter().filter(|value| !value.is_null());
                    let mut known: Vec<Datum> = known.cloned().collect();
                    known.sort();
                    known.dedup();
                    let ty = Type::new(values.element_type());
                    known.into_iter().map(|value| Expr::literal(value, ty)).collect::<Vec<_>>()
                }
                ExprKind::Array { elements, nested: false }
                    if elements.iter().all(|e| is_value(e) && walk::can_copy(e)) =>
                {
                    elements.clone()
                }
                _ => return,
            };
            if elements.len() <= TUPLES_MAX {
                add(walk::unlabelled(left).clone(), What::Equal(elements), true);
            }
        }
        ExprKind::Or(parts) => terms_of_or(parts, own, add),
        _ => {}
    }
}

fn compared(comparator: Comparator, value: Expr) -> Option<What> {
    let bound = |inclusive| Bound { value: value.clone(), inclusive };
    Some(match comparator {
        Comparator::Equal => What::Equal(vec![value]),
        Comparator::Less => What::Upper(bound(false)),
        Comparator::LessOrEqual => What::Upper(bound(true)),
        Comparator::Greater => What::Lower(bound(false)),
        Comparator::GreaterOrEqual => What::Lower(bound(true)),
        Comparator::NotEqual => return None,
    })
}

/// `a = 1 OR a = 2`, and the limit of `a` that follows from a comparison of rows, `a > 1 OR (a = 1 AND b > 2)`.
fn terms_of_or(parts: &[Expr], own: &Columns, add: &mut dyn FnMut(Expr, What, bool)) {
    let mut of_parts: Vec<Vec<(Expr, What, bool)>> = Vec::with_capacity(parts.len());
    for part in parts {
        let mut found = Vec::new();
        for conjunct in part.clone().conjuncts() {
            let is_whole = !matches!(part.kind, ExprKind::And(_));
            terms_of(&conjunct, own, &mut |subject, what, exact| found.push((subject, what, exact && is_whole)));
        }
        of_parts.push(found);
    }
    let Some((first, others)) = of_parts.split_first() else { return };
    for (subject, what, exact) in first {
        let of_subject = |found: &Vec<(Expr, What, bool)>, wanted: &dyn Fn(&What) -> bool| {
            found.iter().position(|(other, what, _)| walk::same(other, subject) && wanted(what))
        };
        let is_equal = |what: &What| matches!(what, What::Equal(_));
        if let What::Equal(values) = what {
            let all: Option<Vec<usize>> = others.iter().map(|found| of_subject(found, &is_equal)).collect();
            if let Some(all) = all {
                let mut together = values.clone();
                let mut exactly = *exact;
                for (found, at) in others.iter().zip(all) {
                    exactly &= found[at].2;
                    if let What::Equal(values) = &found[at].1 {
                        together.extend(values.iter().cloned());
                    }
                }
                let distinct = together.iter().enumerate();
                let distinct: Vec<Expr> = distinct
                    .filter(|(at, value)| !together[..*at].iter().any(|before| walk::same(before, value)))
                    .map(|(_, value)| value.clone())
                    .collect();
                if distinct.len() <= TUPLES_MAX && distinct.iter().all(walk::can_copy) {
                    add(subject.clone(), What::Equal(distinct), exactly);
                }
            }
            continue;
        }
        let (value, lower) = match what {
            What::Lower(bound) => (&bound.value, true),
            What::Upper(bound) => (&bound.value, false),
            What::Equal(_) => continue,
        };
        let within = |what: &What| match what {
            What::Lower(bound) => lower && walk::same(&bound.value, value),
            What::Upper(bound) => !lower && walk::same(&bound.value, value),
            What::Equal(values) => matches!(&values[..], [only] if walk::same(only, value)),
        };
        if others.iter().all(|found| of_subject(found, &within).is_some()) {
            let bound = Bound { value: value.clone(), inclusive: true };
            add(subject.clone(), if lower { What::Lower(bound) } else { What::Upper(bound) }, false);
        }
    }
}

/// What every match begins with; whether that is all of it; whether anything may follow.
fn like_prefix(pattern: &str) -> (String, bool, bool) {
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => return (prefix, false, chars.all(|c| c == '%')),
            '_' => return (prefix, false, false),
            '\\' => match chars.next() {
                Some(c) => prefix.push(c),
                // An error when it is evaluated.
                None => return (String::new(), false, false),
            },
            c => prefix.push(c),
        }
    }
    (prefix, true, false)
}

/// The least text above all that begin so.
fn behind(prefix: &str) -> Option<String> {
    let mut text: Vec<char> = prefix.chars().collect();
    while let Some(last) = text.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text.into_iter().collect());
        }
    }
    None
}

// -------------------------------------------------------------------------------------------------------------- bounds

/// The part of the index that the terms leave, and the conditions that it says exactly.
fn bounds(index: &Index, keys: &[Option<Expr>], terms: &[Term]) -> (Bounds, Vec<usize>) {
    let mut equal: Vec<Vec<Expr>> = vec![Vec::new()];
    let mut used = Vec::new();
    let mut bounds = Bounds::default();
    for (key, subject) in index.keys.iter().zip(keys) {
        let Some(subject) = subject else { break };
        let ty = key.ty();
        let own = || terms.iter().filter(|term| walk::same_value(&term.subject, subject));
        let lists = own().filter_map(|term| match &term.what {
            What::Equal(values) => Some((term, converted(values, ty)?)),
            _ => None,
        });
        // The shortest list says the most.
        let best = lists.min_by_key(|(term, values)| (values.len(), !term.exact, term.condition));
        if let Some((term, values)) = best {
            let several = values.len() > 1 || equal.len() > 1;
            let copies = values.iter().chain(equal.iter().flatten());
            if equal.len() * values.len() <= TUPLES_MAX && (!several || copies.into_iter().all(walk::can_copy)) {
                equal = equal
                    .iter()
                    .flat_map(|tuple| {
                        values.iter().map(|value| {
                            let mut tuple = tuple.clone();
                            tuple.push(value.clone());
                            tuple
                        })
                    })
                    .collect();
                used.extend(term.exact.then_some(term.condition));
                continue;
            }
        }
        let limit = |bound: &Bound| {
            let value = predicate::limit(&bound.value, ty)?;
            let single = equal.len() == 1 || walk::can_copy(&value);
            single.then_some(Bound { value, inclusive: bound.inclusive })
        };
        let lower = own().find_map(|term| match &term.what {
            What::Lower(bound) => Some((term, limit(bound)?)),
            _ => None,
        });
        let upper = own().find_map(|term| match &term.what {
            What::Upper(bound) => Some((term, limit(bound)?)),
            _ => None,
        });
        let both_of_one = |condition: usize| {
            let halves = terms.iter().filter(|term| term.condition == condition).count();
            let taken = [&lower, &upper].into_iter().flatten().filter(|(term, _)| term.condition == condition).count();
            halves == taken
        };
        for (term, _) in lower.iter().chain(&upper) {
            if term.exact && both_of_one(term.condition) && !used.contains(&term.condition) {
                used.push(term.condition);
            }
        }
        bounds.lower = lower.map(|(_, bound)| bound);
        bounds.upper = upper.map(|(_, bound)| bound);
        break;
    }
    bounds.equal = equal;
    (bounds, used)
}

/// The values as limits of the key; those that no value of the type equals are left out.
fn converted(values: &[Expr], ty: Type) -> Option<Vec<Expr>> {
    let is_integer = |of: Oid| matches!(of, oid::INT2 | oid::INT4 | oid::INT8);
    let mut found = Vec::with_capacity(values.len());
    for value in values {
        match predicate::limit(value, ty) {
            Some(value) => found.push(value),
            None if value.as_literal().is_some() && is_integer(value.ty.oid) && is_integer(ty.oid) => {}
            None => return None,
        }
    }
    Some(found)
}

// ------------------------------------------------------------------------------------------------------------- reading

/// The share of the table's rows that lie within the bounds.
pub fn share(scan: &Scan, index: IndexId, bounds: &Bounds, estimator: &Estimator<'_>) -> f64 {
    let Some(of) = scan.table.index(index) else { return 1.0 };
    let fixed = bounds.equal.first().map_or(0, Vec::len);
    let is_unique = of.unique || scan.table.indexes.first().is_some_and(|primary| primary.id == of.id);
    if is_unique && fixed == of.keys.len() {
        return bounds.equal.len() as f64 / estimator.table_rows(&scan.table);
    }
    let mut total = 0.0;
    for tuple in &bounds.equal {
        let mut share = 1.0;
        for (key, value) in of.keys.iter().zip(tuple) {
            share *= estimator.equal_share(&scan.table, ColumnOrdinal(key.column), value.as_literal());
        }
        total += share;
    }
    if let Some(key) = of.keys.get(fixed) {
        let ordinal = ColumnOrdinal(key.column);
        let limit = |bound: &Option<Bound>, comparator: Comparator| {
            let bound = bound.as_ref()?;
            Some(estimator.range_share(&scan.table, ordinal, comparator, bound.value.as_literal()))
        };
        let lower = limit(&bounds.lower, Comparator::GreaterOrEqual);
        let upper = limit(&bounds.upper, Comparator::LessOrEqual);
        total *= match (lower, upper) {
            (Some(a), Some(b)) if a == stats::RANGE && b == stats::RANGE => stats::BETWEEN,
            (Some(a), Some(b)) => (a + b - 1.0).max(stats::BETWEEN),
            (a, b) => a.or(b).unwrap_or(1.0),
        };
    }
    if of.predicate.is_some() {
        total *= PARTIAL;
    }
    total.clamp(0.0, 1.0)
}

/// Whether the index's entries have all columns of the scan.
pub fn covers(scan: &Scan, index: &Index) -> bool {
    let Some(primary) = scan.table.indexes.first() else { return false };
    if primary.id == index.id {
        return true;
    }
    let in_primary = |ordinal: u32| primary.keys.iter().any(|key| key.column == ordinal && is_exact(Oid(key.type_oid)));
    // Of a key that only remembers what compares, the entry has the value besides.
    let in_key = |ordinal: u32| index.keys.iter().any(|key| key.column == ordinal);
    scan.columns.iter().all(|(_, column)| in_key(column.0) || index.include.contains(&column.0) || in_primary(column.0))
}

fn is_exact(of: Oid) -> bool {
    let is_array = builtin().type_by_oid(of).is_some_and(|row| row.is_array());
    of.0 < FIRST_USER_OID && !is_array && key::is_exact(of)
}
