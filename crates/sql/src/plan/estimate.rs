//! How many rows an operator gives, guessed from statistics and, where there are none, as PostgreSQL guesses.
//!
//! Conditions are taken to be independent of each other. Nothing relies on an estimate but the choice between plans that
//! mean the same, and `rows=` of EXPLAIN.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::function::Settings;
use atoll_datum::{Call as FunctionCall, Datum, Oid, oid};

use super::{
    Access, Body, Call, ColumnId, CteId, Expr, ExprKind, IsTest, JoinKind, Plan, Scan, SetOperator, SubqueryKind,
};
use crate::catalog::{ColumnOrdinal, IndexState, Table};
use crate::optimize::predicate::{self, Comparator};
use crate::optimize::stats::{self, ColumnStatistics, Statistics};
use crate::optimize::walk;

/// Of a function in FROM, as in pg_proc.prorows of most.
const FUNCTION_ROWS: f64 = 1000.0;
const UNNEST_ROWS: f64 = 10.0;
const SYSTEM_ROWS: f64 = 200.0;
/// Rounds of a recursive common table.
const ROUNDS: f64 = 10.0;
/// A LIMIT whose count is not known yet.
const LIMIT_SHARE: f64 = 0.1;
/// Elements of an array that is not known yet.
const ELEMENTS: f64 = 10.0;

/// Where a column comes from, followed through operators that pass it on.
#[derive(Clone, Debug)]
struct Source {
    table: Arc<Table>,
    ordinal: ColumnOrdinal,
    statistics: Option<Arc<Statistics>>,
}

/// Knows the columns of one statement.
pub struct Estimator<'a> {
    statistics: &'a dyn Fn(Oid) -> Option<Arc<Statistics>>,
    sources: BTreeMap<ColumnId, Source>,
    ctes: BTreeMap<CteId, f64>,
}

impl<'a> Estimator<'a> {
    pub fn new(plan: &Plan, statistics: &'a dyn Fn(Oid) -> Option<Arc<Statistics>>) -> Estimator<'a> {
        let mut estimator = Estimator { statistics, sources: BTreeMap::new(), ctes: BTreeMap::new() };
        estimator.learn(plan);
        estimator
    }

    /// Learns of columns and common tables that the plan makes.
    pub fn learn(&mut self, plan: &Plan) {
        // Of a common table the definition is known before whoever reads it.
        for input in plan.inputs() {
            if !matches!(plan, Plan::With(_)) {
                self.learn(input);
            }
        }
        for expr in plan.expressions() {
            self.learn_in(expr);
        }
        match plan {
            Plan::With(with) => {
                self.learn(&with.definition);
                let rounds = if with.recursive.is_some() { ROUNDS } else { 1.0 };
                let rows = self.rows(&with.definition) * rounds;
                self.ctes.insert(with.cte, rows);
                if let Some(recursive) = &with.recursive {
                    self.learn(&recursive.step);
                }
                self.learn(&with.body);
            }
            Plan::Scan(scan) => {
                let statistics = (self.statistics)(scan.table.oid());
                for (id, ordinal) in &scan.columns {
                    let (table, statistics) = (scan.table.clone(), statistics.clone());
                    self.sources.insert(*id, Source { table, ordinal: *ordinal, statistics });
                }
            }
            Plan::Project(project) => self.pass(project.columns.iter().map(|(id, expr)| (*id, expr))),
            Plan::Aggregate(aggregate) => self.pass(aggregate.keys.iter().map(|(id, expr)| (*id, expr))),
            Plan::SetOperation(operation) => {
                for ((id, _), from) in operation.columns.iter().zip(operation.left.columns()) {
                    if let Some(source) = self.sources.get(&from).cloned() {
                        self.sources.insert(*id, source);
                    }
                }
            }
            _ => {}
        }
    }

    fn learn_in(&mut self, expr: &Expr) {
        if let ExprKind::Subquery(subquery) = &expr.kind {
            self.learn(&subquery.plan);
        }
        for child in expr.children() {
            self.learn_in(child);
        }
    }

    fn pass<'e>(&mut self, columns: impl Iterator<Item = (ColumnId, &'e Expr)>) {
        for (id, expr) in columns {
            let source = walk::unlabelled(expr).as_column().and_then(|from| self.sources.get(&from).cloned());
            if let Some(source) = source {
                self.sources.insert(id, source);
            }
        }
    }

    pub fn table_rows(&self, table: &Table) -> f64 {
        (self.statistics)(table.oid()).map_or(stats::ROWS_UNKNOWN, |statistics| statistics.rows.max(1.0))
    }

    // ------------------------------------------------------------------------------------------------------------ rows

    /// At least one, unless it is certain that there are none.
    pub fn rows(&self, plan: &Plan) -> f64 {
        let rows = match plan {
            Plan::Values(values) => values.rows.len() as f64,
            Plan::Scan(scan) => return self.scan_rows(scan),
            Plan::System(_) => SYSTEM_ROWS,
            Plan::FunctionScan(scan) => {
                scan.functions.iter().map(|function| self.function_rows(&function.call)).fold(0.0, f64::max)
            }
            Plan::CteScan(scan) => self.ctes.get(&scan.cte).copied().unwrap_or(stats::ROWS_UNKNOWN),
            Plan::With(with) => self.rows(&with.body),
            Plan::Filter(filter) => self.rows(&filter.input) * self.selectivity(&filter.predicate),
            Plan::Project(project) => self.rows(&project.input),
            Plan::ProjectSet(project) => {
                let sets = project.columns.iter().filter(|(_, expr)| walk::has_set(expr));
                let most = sets.map(|(_, expr)| self.function_rows(expr)).fold(1.0, f64::max);
                self.rows(&project.input) * most
            }
            Plan::Join(join) => self.joined(join.kind, self.rows(&join.left), self.rows(&join.right), &join.on),
            // The right side's conditions on the left row are among its own.
            Plan::Apply(apply) => self.joined(apply.kind, self.rows(&apply.left), self.rows(&apply.right), &apply.on),
            Plan::Aggregate(aggregate) => {
                let input = self.rows(&aggregate.input);
                let keys: Vec<&Expr> = aggregate.keys.iter().map(|(_, key)| key).collect();
                let set = |set: &Vec<usize>| self.groups(set.iter().map(|place| keys[*place]), input);
                return aggregate.sets.iter().map(set).sum::<f64>().max(1.0);
            }
            Plan::Window(window) => self.rows(&window.input),
            Plan::Sort(sort) => self.limited(self.rows(&sort.input), sort.limit.as_ref(), 1.0),
            Plan::Limit(limit) => {
                let input = self.rows(&limit.input);
                let skipped = match limit.offset.as_ref().and_then(Expr::as_literal) {
                    Some(Datum::Int8(skipped)) => *skipped as f64,
                    _ => 0.0,
                };
                self.limited((input - skipped).max(0.0), limit.count.as_ref(), LIMIT_SHARE)
            }
            Plan::Distinct(distinct) => {
                let input = self.rows(&distinct.input);
                match &distinct.on {
                    Some(on) => self.groups(on.iter(), input),
                    None => {
                        let columns = walk::column_types(&distinct.input);
                        let columns: Vec<Expr> = columns.into_iter().map(|(id, ty)| Expr::column(id, ty)).collect();
                        self.groups(columns.iter(), input)
                    }
                }
            }
            Plan::SetOperation(operation) => {
                let (left, right) = (self.rows(&operation.left), self.rows(&operation.right));
                match operation.operator {
                    SetOperator::Union => left + right,
                    SetOperator::Intersect => left.min(right) * 0.5,
                    SetOperator::Except => left * 0.5,
                }
            }
            Plan::LockRows(lock) => self.rows(&lock.input),
            Plan::Insert(insert) => self.rows(&insert.source),
            Plan::Update(update) => self.rows(&update.source),
            Plan::Delete(delete) => self.rows(&delete.source),
        };
        rows.max(1.0)
    }

    fn limited(&self, input: f64, count: Option<&Expr>, unknown: f64) -> f64 {
        match count.map(Expr::as_literal) {
            None => input,
            Some(Some(Datum::Int8(count))) => input.min(*count as f64),
            Some(Some(_)) => input,
            Some(None) => (input * unknown).max(1.0).min(input),
        }
    }

    fn function_rows(&self, call: &Expr) -> f64 {
        let ExprKind::Set(call) = &call.kind else { return 1.0 };
        let number = |place: usize| {
            let argument: Option<&Expr> = call.arguments.get(place);
            argument.and_then(Expr::as_literal).and_then(predicate::integer)
        };
        match call.function.row.name {
            "unnest" => match call.arguments.first().and_then(Expr::as_literal) {
                Some(Datum::Array(array)) => array.elements().len() as f64,
                _ => UNNEST_ROWS,
            },
            "generate_series" => match (number(0), number(1), number(2)) {
                (Some(from), Some(to), step) => {
                    let step = step.unwrap_or(1).max(1) as f64;
                    ((to as f64 - from as f64) / step + 1.0).max(0.0).floor()
                }
                _ => FUNCTION_ROWS,
            },
            _ => FUNCTION_ROWS,
        }
    }

    fn scan_rows(&self, scan: &Scan) -> f64 {
        if matches!(scan.access, Access::Empty) {
            return 0.0;
        }
        if scan.estimated_rows > 0.0 {
            return scan.estimated_rows;
        }
        let share = scan.filter.as_ref().map_or(1.0, |filter| self.selectivity(filter));
        (self.table_rows(&scan.table) * share).max(1.0)
    }

    /// Rows of a join, from those of its sides.
    pub fn joined(&self, kind: JoinKind, left: f64, right: f64, on: &[Expr]) -> f64 {
        let share: f64 = on.iter().map(|condition| self.selectivity(condition)).product();
        let pairs = left * right * share;
        match kind {
            JoinKind::Inner => pairs,
            JoinKind::Left => pairs.max(left),
            JoinKind::Right => pairs.max(right),
            JoinKind::Full => pairs.max(left).max(right),
            JoinKind::Semi => left * matched(left, pairs),
            JoinKind::Anti => (left * (1.0 - matched(left, pairs))).max(left * 0.05),
        }
        .max(1.0)
    }

    /// Different tuples of these among so many rows.
    pub fn groups<'e>(&self, keys: impl Iterator<Item = &'e Expr>, rows: f64) -> f64 {
        let mut groups = 1.0;
        for key in keys {
            groups *= self.distinct(key, rows);
            if groups >= rows {
                return rows.max(1.0);
            }
        }
        groups.min(rows).max(1.0)
    }

    // -------------------------------------------------------------------------------------------------------- columns

    /// Different values of the expression in so many rows.
    pub fn distinct(&self, expr: &Expr, rows: f64) -> f64 {
        if let Some(id) = walk::unlabelled(expr).as_column() {
            return self.column_distinct(id).unwrap_or(stats::DISTINCT_UNKNOWN).min(rows).max(1.0);
        }
        let read = walk::reads(expr);
        let product: f64 = read.iter().map(|id| self.column_distinct(*id).unwrap_or(stats::DISTINCT_UNKNOWN)).product();
        product.min(rows).max(1.0)
    }

    /// In the whole table; none of a column that no table has.
    pub fn column_distinct(&self, id: ColumnId) -> Option<f64> {
        let source = self.sources.get(&id)?;
        let rows = self.table_rows(&source.table);
        if is_unique(&source.table, source.ordinal) {
            return Some(rows);
        }
        let known = self.column(id).map(|column| column.distinct).filter(|distinct| *distinct > 0.0);
        if let Some(distinct) = known {
            return Some(distinct);
        }
        let is_bool = source.table.column(source.ordinal).is_some_and(|column| column.type_oid == 16);
        Some(if is_bool { 2.0 } else { stats::DISTINCT_UNKNOWN.min(rows) })
    }

    /// Bytes of a value on average; none of a column that no analyzed table has.
    pub fn width(&self, id: ColumnId) -> Option<f64> {
        self.column(id).map(|column| column.width * (1.0 - column.null_fraction))
    }

    fn column(&self, id: ColumnId) -> Option<&ColumnStatistics> {
        let source = self.sources.get(&id)?;
        source.statistics.as_ref()?.columns.get(&source.ordinal)
    }

    fn column_of(&self, expr: &Expr) -> Option<ColumnId> {
        walk::unlabelled(expr).as_column().filter(|id| self.sources.contains_key(id))
    }

    /// The share of rows in which the column has the value, or one that is not known yet.
    pub fn equal_share(&self, table: &Table, ordinal: ColumnOrdinal, value: Option<&Datum>) -> f64 {
        if is_unique(table, ordinal) {
            return 1.0 / self.table_rows(table);
        }
        let statistics = (self.statistics)(table.oid());
        match (statistics.as_ref().and_then(|known| known.columns.get(&ordinal)), value) {
            (Some(column), Some(value)) => column.equal(value),
            (Some(column), None) => column.equal_some(),
            (None, _) if table.column(ordinal).is_some_and(|column| column.type_oid == 16) => 0.5,
            (None, _) => 1.0 / stats::DISTINCT_UNKNOWN.min(self.table_rows(table)),
        }
    }

    pub fn range_share(
        &self,
        table: &Table,
        ordinal: ColumnOrdinal,
        comparator: Comparator,
        value: Option<&Datum>,
    ) -> f64 {
        let statistics = (self.statistics)(table.oid());
        let column = statistics.as_ref().and_then(|known| known.columns.get(&ordinal));
        column.and_then(|column| column.range(comparator, value?)).unwrap_or(stats::RANGE)
    }

    // ---------------------------------------------------------------------------------------------------- conditions

    /// The share of rows for which the condition is true.
    pub fn selectivity(&self, expr: &Expr) -> f64 {
        let share = match &expr.kind {
            ExprKind::Literal(value) => f64::from(u8::from(value.is_true())),
            ExprKind::And(parts) => self.all(parts),
            ExprKind::Or(parts) => 1.0 - parts.iter().map(|part| 1.0 - self.selectivity(part)).product::<f64>(),
            ExprKind::Not(operand) => 1.0 - self.selectivity(operand),
            ExprKind::Column(id) => match self.column(*id) {
                Some(column) => column.equal(&Datum::Bool(true)),
                None => stats::CONDITION,
            },
            ExprKind::Is { operand, test, negated } => {
                let holds = self.is(operand, *test);
                if *negated { 1.0 - holds } else { holds }
            }
            ExprKind::Quantified { left, array, operator, all: false } => {
                if predicate::comparator(operator) != Some(Comparator::Equal) {
                    return stats::CONDITION;
                }
                match array.as_literal() {
                    Some(Datum::Array(array)) => {
                        array.elements().iter().map(|value| self.equals(left, Some(value))).sum()
                    }
                    _ => {
                        let count = match &array.kind {
                            ExprKind::Array { elements, .. } => elements.len() as f64,
                            _ => ELEMENTS,
                        };
                        self.equals(left, None) * count
                    }
                }
            }
            ExprKind::Quantified { left, array, operator, all: true } => {
                match (predicate::comparator(operator), array.as_literal()) {
                    (Some(Comparator::NotEqual), Some(Datum::Array(array))) => {
                        1.0 - array.elements().iter().map(|value| self.equals(left, Some(value))).sum::<f64>()
                    }
                    _ => stats::CONDITION,
                }
            }
            ExprKind::IsDistinctFrom { left, right, negated, .. } => {
                let equal = self.compared(Comparator::Equal, left, right);
                if *negated { equal } else { 1.0 - equal }
            }
            ExprKind::Subquery(subquery) => match subquery.kind {
                SubqueryKind::Exists | SubqueryKind::Quantified { .. } => stats::CONDITION,
                _ => stats::RANGE,
            },
            ExprKind::Call(call) => match (predicate::comparison(expr), predicate::operator(&call.function)) {
                (Some(found), _) => self.compared(found.comparator, found.left, found.right),
                (None, Some(operator)) => match operator.name {
                    "~~" | "~~*" | "~" | "~*" | "^@" | "!~~" | "!~~*" | "!~" | "!~*"
                        if let Some(share) = self.passing(call) =>
                    {
                        share
                    }
                    "~~" | "~~*" | "~" | "~*" | "^@" => match pattern_length(call.arguments.get(1)) {
                        Some(length) => (0.2_f64).powi(length.min(8)).max(1e-6),
                        None => stats::PATTERN,
                    },
                    "!~~" | "!~~*" | "!~" | "!~*" => 1.0 - stats::PATTERN,
                    "@>" | "<@" | "&&" | "?" | "?|" | "?&" | "@@" => 0.01,
                    _ => stats::RANGE,
                },
                _ => stats::RANGE,
            },
            _ => stats::CONDITION,
        };
        share.clamp(0.0, 1.0)
    }

    /// What a call says of the values that are known of its first argument, a column; the others are constants.
    fn passing(&self, call: &Call) -> Option<f64> {
        let (subject, others) = call.arguments.split_first()?;
        let column = self.column(self.column_of(subject)?)?;
        let Body::Pure(body) = call.function.body else { return None };
        let others = others.iter().map(|other| other.as_literal().cloned()).collect::<Option<Vec<Datum>>>()?;
        let types: Vec<Oid> = call.arguments.iter().map(|argument| argument.ty.oid).collect();
        let settings = Settings::default();
        let context = FunctionCall { settings: &settings, argument_types: &types, result_type: oid::BOOL };
        let mut arguments = vec![Datum::Null; types.len()];
        arguments[1..].clone_from_slice(&others);
        if call.function.row.volatility != b'i' || arguments[1..].iter().any(Datum::is_null) {
            return None;
        }
        column.passing(|value| {
            let mut arguments = arguments.clone();
            arguments[0] = value.clone();
            body(&context, &arguments).is_ok_and(|passes| passes.is_true())
        })
    }

    /// Two limits of one column make a range, which is narrower than what both leave by themselves.
    fn all(&self, parts: &[Expr]) -> f64 {
        let mut share = 1.0;
        let mut ranges: BTreeMap<ColumnId, Vec<f64>> = BTreeMap::new();
        for part in parts {
            let limit = predicate::comparison(part).and_then(|found| {
                let limits = !matches!(found.comparator, Comparator::Equal | Comparator::NotEqual);
                let column = self.column_of(found.left).or(self.column_of(found.right));
                column.filter(|_| limits)
            });
            match limit {
                Some(id) => ranges.entry(id).or_default().push(self.selectivity(part)),
                None => share *= self.selectivity(part),
            }
        }
        for (id, limits) in ranges {
            share *= match &limits[..] {
                [one] => *one,
                many if self.column(id).is_some() => {
                    let left_out: f64 = many.iter().map(|limit| 1.0 - limit).sum();
                    (1.0 - left_out).max(stats::BETWEEN)
                }
                _ => stats::BETWEEN,
            };
        }
        share
    }

    fn is(&self, operand: &Expr, test: IsTest) -> f64 {
        let column = self.column_of(operand).and_then(|id| self.column(id));
        match test {
            IsTest::Null | IsTest::RowNull | IsTest::Unknown => {
                column.map_or(stats::NULLS, |column| column.null_fraction)
            }
            IsTest::True => self.selectivity(operand),
            IsTest::False => 1.0 - self.selectivity(operand),
        }
    }

    /// `expr = value`, or equal to what is not known yet.
    fn equals(&self, expr: &Expr, value: Option<&Datum>) -> f64 {
        if value.is_some_and(Datum::is_null) {
            return 0.0;
        }
        let Some(id) = self.column_of(expr) else { return stats::EQUAL };
        if let Some(column) = self.column(id) {
            return match value {
                Some(value) => column.equal(value),
                None => column.equal_some(),
            };
        }
        self.column_distinct(id).map_or(stats::EQUAL, |distinct| 1.0 / distinct)
    }

    fn compared(&self, comparator: Comparator, left: &Expr, right: &Expr) -> f64 {
        let (a, b) = (self.column_of(left), self.column_of(right));
        let equal = match (a, b) {
            (Some(a), Some(b)) => {
                let distinct = |id| self.column_distinct(id).unwrap_or(stats::DISTINCT_UNKNOWN);
                1.0 / distinct(a).max(distinct(b)).max(1.0)
            }
            (Some(_), None) => self.equals(left, right.as_literal()),
            (None, Some(_)) => self.equals(right, left.as_literal()),
            (None, None) => {
                let read = |expr: &Expr| !walk::reads(expr).is_empty();
                if read(left) && read(right) { 1.0 / stats::DISTINCT_UNKNOWN } else { stats::EQUAL }
            }
        };
        match comparator {
            Comparator::Equal => equal,
            Comparator::NotEqual => 1.0 - equal,
            _ => {
                let (column, value, comparator) = match (a, b) {
                    (Some(id), None) => (id, right, comparator),
                    (None, Some(id)) => (id, left, comparator.flipped()),
                    _ => return stats::RANGE,
                };
                let known = value.as_literal().and_then(|value| self.column(column)?.range(comparator, value));
                known.unwrap_or(stats::RANGE)
            }
        }
    }
}

/// The share of left rows that have a match, if that many pairs match.
fn matched(left: f64, pairs: f64) -> f64 {
    let each = pairs / left.max(1.0);
    each.min(1.0)
}

/// Letters of a pattern that stand for themselves.
fn pattern_length(pattern: Option<&Expr>) -> Option<i32> {
    match pattern?.as_literal()? {
        Datum::Text(text) => Some(text.chars().filter(|c| !"%_\\^$.*+?()[]|".contains(*c)).count() as i32),
        _ => None,
    }
}

/// Whether the column alone tells the table's rows apart.
pub fn is_unique(table: &Table, ordinal: ColumnOrdinal) -> bool {
    table.indexes.iter().enumerate().any(|(place, index)| {
        let whole = place == 0 || (index.unique && index.state == IndexState::Public as i32);
        whole && index.predicate.is_none() && matches!(&index.keys[..], [key] if key.column == ordinal.0)
    })
}
