//! Conditions on columns that are tested a vector at a time: comparisons with constants and between columns, `IN`, `LIKE`,
//! `IS NULL`, and these joined by AND and OR.
//!
//! Each only says whether a condition is *true*; that is why NOT of anything else is not here. A constant is whatever
//! reads no column of the scan: it is evaluated once, before the first row.

use std::cmp::Ordering;

use atoll_datum::text::like::Like;
use atoll_datum::{Datum, Oid, Result, oid};

use super::{Kind, Values, Vector, text};
use crate::exec::Builder;
use crate::exec::expr::{Columns, Comparator, Evaluator, integer};
use crate::plan::{Call, Expr, ExprKind, IsTest};

/// Conditions on the columns of one scan, all of which have to be true.
#[derive(Debug, Default)]
pub struct Conditions {
    tests: Vec<Test>,
    /// Positions of the columns that are read.
    pub columns: Vec<usize>,
    pub constants: Vec<Evaluator>,
}

/// Columns and constants are named by where they stand in [`Conditions`].
#[derive(Debug)]
enum Test {
    Compare {
        column: usize,
        comparator: Comparator,
        constant: usize,
    },
    Columns {
        left: usize,
        right: usize,
        comparator: Comparator,
    },
    Member {
        column: usize,
        members: Members,
        negated: bool,
    },
    Like {
        column: usize,
        pattern: Box<Like>,
        negated: bool,
    },
    Null {
        column: usize,
        negated: bool,
    },
    /// One of these, of which each is several.
    Any(Vec<Vec<Test>>),
}

/// Sorted, without NULLs.
#[derive(Debug)]
enum Members {
    Integers(Vec<i64>),
    Texts(Vec<Box<[u8]>>),
}

impl Conditions {
    /// Takes those of the expressions that can be tested here, and gives the others back.
    pub fn compile(
        conditions: Vec<Expr>,
        columns: &Columns,
        builder: &mut Builder<'_>,
    ) -> Result<(Conditions, Vec<Expr>)> {
        let mut compiler = Compiler { columns, builder, found: Conditions::default() };
        let mut others = Vec::new();
        for condition in conditions {
            let (columns, constants) = (compiler.found.columns.len(), compiler.found.constants.len());
            match compiler.test(&condition)? {
                Some(test) => compiler.found.tests.push(test),
                None => {
                    // Nothing is read or evaluated for what is tested elsewhere.
                    compiler.found.columns.truncate(columns);
                    compiler.found.constants.truncate(constants);
                    others.push(condition);
                }
            }
        }
        Ok((compiler.found, others))
    }

    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// The places at which all are true. `vectors` are the [`columns`](Conditions::columns), `constants` the values.
    pub fn select(&self, vectors: &[Vector<'_>], constants: &[Datum], len: usize) -> Result<Vec<u32>> {
        let mut chosen: Vec<u32> = (0..len as u32).collect();
        select_all(&self.tests, vectors, constants, &mut chosen)?;
        Ok(chosen)
    }
}

fn select_all(tests: &[Test], vectors: &[Vector<'_>], constants: &[Datum], chosen: &mut Vec<u32>) -> Result<()> {
    for test in tests {
        if chosen.is_empty() {
            break;
        }
        test.select(vectors, constants, chosen)?;
    }
    Ok(())
}

impl Test {
    /// Leaves those of the chosen places at which it is true.
    fn select(&self, vectors: &[Vector<'_>], constants: &[Datum], chosen: &mut Vec<u32>) -> Result<()> {
        match self {
            Test::Compare { column, comparator, constant } => {
                compare(&vectors[*column], *comparator, &constants[*constant], chosen)?;
            }
            Test::Columns { left, right, comparator } => {
                compare_columns(&vectors[*left], &vectors[*right], *comparator, chosen)?;
            }
            Test::Member { column, members, negated } => {
                let vector = &vectors[*column];
                match (&vector.values, members) {
                    (Values::Integers(values), Members::Integers(members)) => {
                        keep(chosen, vector, |at| members.binary_search(&values[at]).is_ok() != *negated);
                    }
                    (_, Members::Texts(members)) => keep(chosen, vector, |at| {
                        let is_member = |value| members.binary_search_by(|member| (**member).cmp(value)).is_ok();
                        vector.bytes(at).is_some_and(is_member) != *negated
                    }),
                    _ => return Err(super::damaged()),
                }
            }
            Test::Like { column, pattern, negated } => {
                let vector = &vectors[*column];
                let matches = |at| match vector.bytes(at) {
                    Some(bytes) => text(bytes).and_then(|text| pattern.matches(text)),
                    None => Err(super::damaged()),
                };
                let mut failed = None;
                keep(chosen, vector, |at| match matches(at) {
                    Ok(matches) => matches != *negated,
                    Err(error) => {
                        failed.get_or_insert(error);
                        false
                    }
                });
                if let Some(error) = failed {
                    return Err(error);
                }
            }
            Test::Null { column, negated } => {
                let vector = &vectors[*column];
                chosen.retain(|at| vector.is_null(*at as usize) != *negated);
            }
            Test::Any(branches) => {
                let mut rest = std::mem::take(chosen);
                for branch in branches {
                    let mut found = rest.clone();
                    select_all(branch, vectors, constants, &mut found)?;
                    rest.retain(|at| found.binary_search(at).is_err());
                    chosen.append(&mut found);
                }
                chosen.sort_unstable();
            }
        }
        Ok(())
    }
}

fn keep(chosen: &mut Vec<u32>, vector: &Vector<'_>, mut is_true: impl FnMut(usize) -> bool) {
    chosen.retain(|at| !vector.is_null(*at as usize) && is_true(*at as usize));
}

fn compare(vector: &Vector<'_>, comparator: Comparator, value: &Datum, chosen: &mut Vec<u32>) -> Result<()> {
    if value.is_null() {
        chosen.clear();
        return Ok(());
    }
    match (&vector.values, value) {
        (Values::Integers(values), value) => {
            let Some(value) = vector.kind.integer(value) else { return Err(super::damaged()) };
            match comparator {
                Comparator::Equal => keep(chosen, vector, |at| values[at] == value),
                Comparator::NotEqual => keep(chosen, vector, |at| values[at] != value),
                Comparator::Less => keep(chosen, vector, |at| values[at] < value),
                Comparator::LessOrEqual => keep(chosen, vector, |at| values[at] <= value),
                Comparator::Greater => keep(chosen, vector, |at| values[at] > value),
                Comparator::GreaterOrEqual => keep(chosen, vector, |at| values[at] >= value),
            }
        }
        (Values::Numerics(values), Datum::Numeric(value)) => {
            keep(chosen, vector, |at| comparator.holds(values[at].cmp(value)));
        }
        (Values::Texts(values), Datum::Text(value)) => {
            keep(chosen, vector, |at| comparator.holds(values[at].cmp(value.as_bytes())));
        }
        (Values::Others(values), value) => keep(chosen, vector, |at| comparator.holds(order(&values[at], value))),
        _ => return Err(super::damaged()),
    }
    Ok(())
}

fn compare_columns(a: &Vector<'_>, b: &Vector<'_>, comparator: Comparator, chosen: &mut Vec<u32>) -> Result<()> {
    match (&a.values, &b.values) {
        (Values::Integers(left), Values::Integers(right)) => {
            keep(chosen, a, |at| !b.is_null(at) && comparator.holds(left[at].cmp(&right[at])));
        }
        (Values::Numerics(left), Values::Numerics(right)) => {
            keep(chosen, a, |at| !b.is_null(at) && comparator.holds(left[at].cmp(&right[at])));
        }
        (Values::Texts(left), Values::Texts(right)) => {
            keep(chosen, a, |at| !b.is_null(at) && comparator.holds(left[at].cmp(right[at])));
        }
        _ => {
            let mut kept = Vec::with_capacity(chosen.len());
            for at in chosen.iter() {
                let (left, right) = (a.datum(*at as usize)?, b.datum(*at as usize)?);
                if !left.is_null() && !right.is_null() && comparator.holds(order(&left, &right)) {
                    kept.push(*at);
                }
            }
            *chosen = kept;
        }
    }
    Ok(())
}

/// Of two values that a comparator compares.
fn order(a: &Datum, b: &Datum) -> Ordering {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.compare(b),
    }
}

struct Compiler<'c, 'b, 's> {
    columns: &'c Columns,
    builder: &'b mut Builder<'s>,
    found: Conditions,
}

impl Compiler<'_, '_, '_> {
    fn test(&mut self, expr: &Expr) -> Result<Option<Test>> {
        match &expr.kind {
            ExprKind::Call(call) => match &call.arguments[..] {
                [left, right] => self.call(call, left, right),
                _ => Ok(None),
            },
            ExprKind::Is { operand, test: IsTest::Null, negated } => {
                Ok(self.column(operand).map(|(column, _)| Test::Null { column, negated: *negated }))
            }
            ExprKind::Quantified { left, array, operator, all } => {
                let negated = match (Comparator::of(operator), all) {
                    (Some(Comparator::Equal), false) => false,
                    (Some(Comparator::NotEqual), true) => true,
                    _ => return Ok(None),
                };
                let (Some(members), Some((column, of))) = (members(array), self.column(left)) else { return Ok(None) };
                let is_same = match members {
                    Members::Integers(_) => is_integer(of),
                    Members::Texts(_) => Kind::of(of) == Kind::Text,
                };
                Ok(is_same.then_some(Test::Member { column, members, negated }))
            }
            ExprKind::Or(parts) => {
                let mut branches = Vec::with_capacity(parts.len());
                for part in parts {
                    let mut branch = Vec::new();
                    for condition in part.clone().conjuncts() {
                        let Some(test) = self.test(&condition)? else { return Ok(None) };
                        branch.push(test);
                    }
                    branches.push(branch);
                }
                Ok(Some(Test::Any(branches)))
            }
            _ => Ok(None),
        }
    }

    fn call(&mut self, call: &Call, left: &Expr, right: &Expr) -> Result<Option<Test>> {
        let negated = match call.function.row.source {
            "textlike" => Some(false),
            "textnlike" => Some(true),
            _ => None,
        };
        if let Some(negated) = negated {
            let Some(Datum::Text(pattern)) = right.as_literal() else { return Ok(None) };
            let Some((column, of)) = self.column(left) else { return Ok(None) };
            let pattern = Box::new(Like::new(pattern));
            return Ok((Kind::of(of) == Kind::Text).then_some(Test::Like { column, pattern, negated }));
        }
        let Some(comparator) = Comparator::of(&call.function) else { return Ok(None) };
        if let (Some((left, a)), Some((right, b))) = (self.column(left), self.column(right)) {
            let is_comparable = a == b || (is_integer(a) && is_integer(b)) || Kind::of(a) == Kind::Text;
            return Ok(is_comparable.then_some(Test::Columns { left, right, comparator }));
        }
        let (column, constant, comparator) = match (self.column(left), self.column(right)) {
            (Some((column, _)), None) => (column, right, comparator),
            (None, Some((column, _))) => (column, left, comparator.flipped()),
            _ => return Ok(None),
        };
        let constant = self.constant(constant)?;
        Ok(constant.map(|constant| Test::Compare { column, comparator, constant }))
    }

    /// The column that an expression is, if it is one of the scan's; a `varchar` as `text` too.
    fn column(&mut self, expr: &Expr) -> Option<(usize, Oid)> {
        let inner = match &expr.kind {
            ExprKind::Relabel(inner) if Kind::of(inner.ty.oid) == Kind::Text && Kind::of(expr.ty.oid) == Kind::Text => {
                inner
            }
            _ => expr,
        };
        let position = self.columns.position(inner.as_column()?)?;
        let columns = &mut self.found.columns;
        let place = columns.iter().position(|known| *known == position).unwrap_or_else(|| {
            columns.push(position);
            columns.len() - 1
        });
        Some((place, expr.ty.oid))
    }

    fn constant(&mut self, expr: &Expr) -> Result<Option<usize>> {
        let mut read = std::collections::BTreeSet::new();
        expr.columns(&mut read);
        if expr.is_volatile() || expr.has_subquery() || read.iter().any(|id| self.columns.position(*id).is_some()) {
            return Ok(None);
        }
        let evaluator = self.builder.expr(expr, &Columns::default())?;
        if evaluator.waits() {
            return Ok(None);
        }
        self.found.constants.push(evaluator);
        Ok(Some(self.found.constants.len() - 1))
    }
}

fn is_integer(of: Oid) -> bool {
    matches!(of, oid::INT2 | oid::INT4 | oid::INT8)
}

/// None if they are not known, or of which one can't be found quickly, or if NULL is among them.
fn members(array: &Expr) -> Option<Members> {
    let Some(Datum::Array(array)) = array.as_literal() else { return None };
    let elements = array.elements();
    if let Some(mut integers) = elements.iter().map(integer).collect::<Option<Vec<i64>>>() {
        integers.sort_unstable();
        return Some(Members::Integers(integers));
    }
    let bytes = |element: &Datum| match element {
        Datum::Text(text) => Some(text.as_bytes().into()),
        _ => None,
    };
    let mut texts = elements.iter().map(bytes).collect::<Option<Vec<Box<[u8]>>>>()?;
    texts.sort_unstable();
    Some(Members::Texts(texts))
}
