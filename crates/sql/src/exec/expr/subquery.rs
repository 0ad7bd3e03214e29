//! Plans inside expressions.
//!
//! What a subquery answers depends on the columns that it reads from outside. One that reads none is run once in a
//! statement; another answers again without running when those columns are what they were the last time, as they often
//! are after a sort or a join.

use std::collections::{BTreeSet, HashSet};

use atoll_datum::{Datum, Error, Oid, Result as SqlResult, array, sqlstate};

use super::compare::Comparator;
use super::operation::{RecordType, member, widened};
use super::{Columns, Evaluator};
use crate::exec::build::{Builder, types};
use crate::exec::keyed::Hasher;
use crate::exec::operator::BoxOperator;
use crate::exec::{Exec, Result, Rows};
use crate::plan::{Expr, Subquery, SubqueryKind};

#[derive(Debug)]
pub(super) struct SubqueryNode {
    /// Where its state is.
    index: usize,
    kind: Kind,
    /// Columns of the row that the plan, or the comparison, reads: from where to which slot.
    links: Vec<(usize, usize)>,
    /// All slots that the plan reads.
    reads: Vec<usize>,
    /// Working tables further out that the plan reads.
    ctes: Vec<usize>,
    /// A second run with the same slots would give the same.
    reusable: bool,
    at: Option<u32>,
}

#[derive(Debug)]
enum Kind {
    Exists,
    Scalar,
    Array { element_type: Oid },
    Row(RecordType),
    Any { compare: Evaluator, all: bool, probe: Option<Probe> },
}

/// The comparison is the equality of this with the subquery's column.
#[derive(Debug)]
struct Probe {
    left: Evaluator,
    negated: bool,
}

/// What one subquery remembers in a statement.
pub struct SubqueryState {
    operator: BoxOperator,
    width: usize,
    memo: Option<Memo>,
    account: usize,
}

struct Memo {
    reads: Vec<Datum>,
    generations: Vec<u64>,
    answer: Answer,
}

enum Answer {
    Value(Datum),
    Rows(Rows),
    Members { members: HashSet<Datum, Hasher>, has_null: bool },
}

impl Builder<'_> {
    pub(super) fn subquery(&mut self, subquery: &Subquery, expr: &Expr, columns: &Columns) -> SqlResult<SubqueryNode> {
        let inner = Columns::from(subquery.plan.columns());
        let mut outer: BTreeSet<_> = subquery.plan.outer_columns();
        let reads = outer.iter().map(|id| self.slot(*id)).collect::<Vec<_>>();
        let kind = match &subquery.kind {
            SubqueryKind::Exists => Kind::Exists,
            SubqueryKind::Scalar => Kind::Scalar,
            SubqueryKind::Array => Kind::Array { element_type: self.element_type(expr.ty.oid)? },
            SubqueryKind::Row => Kind::Row(self.record_type(expr.ty.oid, &types(&subquery.plan))),
            SubqueryKind::Quantified { compare, all } => {
                let mut compared = BTreeSet::new();
                compare.columns(&mut compared);
                outer.extend(compared.into_iter().filter(|id| inner.position(*id).is_none()));
                let probe = self.probe(compare, *all, &inner, columns)?;
                Kind::Any { compare: self.expr(compare, &inner)?, all: *all, probe }
            }
        };
        let links = self.links(outer.iter().copied(), columns);
        let ctes = self.outer_ctes(&subquery.plan);
        let reusable = reads.is_empty() || !Builder::is_volatile(&subquery.plan);
        let operator = self.plan(&subquery.plan)?;
        let state = SubqueryState { operator, width: inner.len(), memo: None, account: 0 };
        let index = self.add_subquery(state);
        Ok(SubqueryNode { index, kind, links, reads, ctes, reusable, at: expr.at })
    }

    fn probe(&mut self, compare: &Expr, all: bool, inner: &Columns, columns: &Columns) -> SqlResult<Option<Probe>> {
        let Some((comparator, left, right)) = self.equality(compare) else { return Ok(None) };
        let negated = match (comparator, all) {
            (Comparator::Equal, false) => false,
            (Comparator::NotEqual, true) => true,
            _ => return Ok(None),
        };
        let mut reads = BTreeSet::new();
        left.columns(&mut reads);
        let is_inner = right.as_column().and_then(|id| inner.position(id)) == Some(0) && inner.len() == 1;
        if !is_inner || reads.iter().any(|id| inner.position(*id).is_some()) {
            return Ok(None);
        }
        Ok(Some(Probe { left: self.expr(left, columns)?, negated }))
    }
}

impl SubqueryNode {
    pub(super) async fn eval(&self, row: &[Datum], exec: &mut Exec<'_>) -> Result<Datum> {
        exec.state.fill(&self.links, row);
        let taken = exec.state.subqueries.get_mut(self.index).and_then(Option::take);
        let mut state = taken.ok_or_else(|| Error::internal("a subquery is run within itself"))?;
        let result = state.answer(self, row, exec).await;
        exec.state.subqueries[self.index] = Some(state);
        result
    }
}

impl SubqueryState {
    async fn answer(&mut self, node: &SubqueryNode, row: &[Datum], exec: &mut Exec<'_>) -> Result<Datum> {
        let is_known = self.memo.as_ref().is_some_and(|memo| {
            let slots = &exec.state.slots;
            let same = node.reads.iter().zip(&memo.reads).all(|(slot, value)| identical(&slots[*slot], value));
            same && node.ctes.iter().map(|cte| exec.state.ctes[*cte].generation()).eq(memo.generations.iter().copied())
        });
        if !is_known {
            self.memo = None;
            exec.state.memory.release(&mut self.account);
            self.operator.rewind(&mut exec.state);
            let answer = match &node.kind {
                // Each row compares with something else, and may be done after a few: not worth keeping.
                Kind::Any { compare, all, .. } if !node.reads.is_empty() || !node.reusable => {
                    return self.compare_running(compare, *all, exec).await;
                }
                kind => self.run(kind, node, exec).await?,
            };
            let reads = node.reads.iter().map(|slot| exec.state.slots[*slot].clone()).collect();
            let generations = node.ctes.iter().map(|cte| exec.state.ctes[*cte].generation()).collect();
            self.memo = Some(Memo { reads, generations, answer });
        }
        let Some(memo) = &self.memo else { return Err(Error::internal("a subquery has no answer").into()) };
        let value = match (&memo.answer, &node.kind) {
            (Answer::Value(value), _) => value.clone(),
            (Answer::Rows(rows), Kind::Any { compare, all, .. }) => {
                let mut result = Quantifier::new(*all);
                for inner in rows.iter() {
                    if result.step(exec.eval(compare, inner).await?) {
                        break;
                    }
                }
                result.0
            }
            (Answer::Members { members, has_null }, Kind::Any { probe: Some(probe), .. }) => {
                let left = exec.eval(&probe.left, row).await?;
                member(&left, members, *has_null, probe.negated)
            }
            _ => return Err(Error::internal("a subquery has another's answer").into()),
        };
        if !node.reusable {
            self.memo = None;
        }
        Ok(value)
    }

    async fn run(&mut self, kind: &Kind, node: &SubqueryNode, exec: &mut Exec<'_>) -> Result<Answer> {
        Ok(match kind {
            Kind::Exists => {
                self.operator.want(1);
                let mut exists = false;
                while let Some(rows) = self.operator.next(exec).await? {
                    exists = !rows.is_empty();
                    if exists {
                        break;
                    }
                }
                Answer::Value(Datum::Bool(exists))
            }
            Kind::Scalar => {
                let row = self.one_row(node, exec).await?;
                Answer::Value(row.and_then(|row| row.into_iter().next()).unwrap_or_default())
            }
            Kind::Row(of) => Answer::Value(self.one_row(node, exec).await?.map_or(Datum::Null, |row| of.record(row))),
            Kind::Array { element_type } => {
                let mut values = Vec::new();
                while let Some(rows) = self.operator.next(exec).await? {
                    exec.state.grow(&mut self.account, rows.bytes())?;
                    values.extend(rows.iter().map(|row| row[0].clone()));
                }
                let of_arrays = values.iter().any(|value| matches!(value, Datum::Array(_)));
                let is_nested = of_arrays
                    && !atoll_datum::builtin::builtin().type_by_oid(*element_type).is_some_and(|row| row.is_array());
                Answer::Value(match is_nested {
                    true => array::from_arrays(*element_type, &values)?,
                    false => array::from_values(*element_type, values)?,
                })
            }
            Kind::Any { probe: Some(_), .. } => {
                let (mut members, mut has_null) = (HashSet::with_hasher(Hasher), false);
                while let Some(rows) = self.operator.next(exec).await? {
                    for row in rows.iter() {
                        has_null |= row[0].is_null();
                        if !row[0].is_null() && members.insert(widened(&row[0])) {
                            exec.state.grow(&mut self.account, row[0].bytes() * 2)?;
                        }
                    }
                }
                Answer::Members { members, has_null }
            }
            Kind::Any { probe: None, .. } => {
                let mut all = Rows::new(self.width);
                while let Some(rows) = self.operator.next(exec).await? {
                    exec.state.grow(&mut self.account, rows.bytes())?;
                    all.append(rows);
                }
                Answer::Rows(all)
            }
        })
    }

    /// None is no row.
    async fn one_row(&mut self, node: &SubqueryNode, exec: &mut Exec<'_>) -> Result<Option<Vec<Datum>>> {
        self.operator.want(2);
        let mut found: Option<Vec<Datum>> = None;
        while let Some(rows) = self.operator.next(exec).await? {
            if rows.len() + usize::from(found.is_some()) > 1 {
                let message = "more than one row returned by a subquery used as an expression";
                let error = Error::new(sqlstate::CARDINALITY_VIOLATION, message);
                return Err(node.at.map_or(error.clone(), |at| error.at(at as usize)).into());
            }
            if !rows.is_empty() {
                found = Some(rows.row(0).to_vec());
            }
        }
        Ok(found)
    }

    async fn compare_running(&mut self, compare: &Evaluator, all: bool, exec: &mut Exec<'_>) -> Result<Datum> {
        let mut result = Quantifier::new(all);
        while let Some(rows) = self.operator.next(exec).await? {
            for row in rows.iter() {
                if result.step(exec.eval(compare, row).await?) {
                    return Ok(result.0);
                }
            }
        }
        Ok(result.0)
    }
}

/// What ANY (at first false) or ALL (true) have come to.
struct Quantifier(Datum, bool);

impl Quantifier {
    fn new(all: bool) -> Quantifier {
        Quantifier(Datum::Bool(all), all)
    }

    /// Whether it is decided.
    fn step(&mut self, compared: Datum) -> bool {
        match compared {
            Datum::Bool(value) if value == self.1 => false,
            Datum::Bool(value) => {
                self.0 = Datum::Bool(value);
                true
            }
            _ => {
                self.0 = Datum::Null;
                false
            }
        }
    }
}

/// Whether no function could tell them apart: equal is not enough, of two equal numerics one may print more digits.
fn identical(a: &Datum, b: &Datum) -> bool {
    use Datum::*;
    match (a, b) {
        (Null, Null) => true,
        (Bool(_), Bool(_)) | (Int2(_), Int2(_)) | (Int4(_), Int4(_)) | (Int8(_), Int8(_)) | (Oid(_), Oid(_)) => a == b,
        (Text(_), Text(_)) | (Bytea(_), Bytea(_)) | (Uuid(_), Uuid(_)) | (Date(_), Date(_)) | (Time(_), Time(_)) => {
            a == b
        }
        (Timestamp(_), Timestamp(_)) | (TimestampTz(_), TimestampTz(_)) | (Char(_), Char(_)) => a == b,
        _ => false,
    }
}
