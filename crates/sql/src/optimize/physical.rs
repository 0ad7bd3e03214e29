//! How a plan is run: accesses, methods and order of joins, orders that come by themselves.
//!
//! Plans come in with all conditions where they belong and leave with every choice made. Where two ways are possible both
//! are worked out, and the cheaper one stays.

use std::cell::Cell;

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Result, oid};

use super::context::Context;
use super::join_order::{self, hash_or_loop};
use super::walk;
use super::{access, cost, facts, predicate};
use crate::function;
use crate::plan::estimate::Estimator;
use crate::plan::{
    Access, Apply, Call, Distinct, Expr, ExprKind, FunctionColumns, FunctionScan, IsTest, Join, JoinKind, JoinStrategy,
    Limit, Plan, Scan, Sort, SortKey,
};
use crate::types::Type;

/// How often another way is worked out in one statement.
const TRIES_MAX: u32 = 400;

pub struct Physical<'a> {
    pub context: &'a Context<'a>,
    pub estimator: Estimator<'a>,
    tries: Cell<u32>,
}

impl<'a> Physical<'a> {
    pub fn new(plan: &Plan, context: &'a Context<'a>) -> Physical<'a> {
        Physical { context, estimator: Estimator::new(plan, context.statistics), tries: Cell::new(TRIES_MAX) }
    }

    /// Plans within plans could otherwise be worked out twice at every level.
    fn may_try(&self) -> bool {
        let left = self.tries.get();
        self.tries.set(left.saturating_sub(1));
        left > 0
    }

    fn cost(&self, plan: &Plan) -> f64 {
        cost::of(plan, &self.estimator)
    }

    pub fn plan(&self, mut plan: Plan) -> Result<Plan> {
        // Those of scans and joins move with their conditions, so they come first.
        walk::each_subquery(&mut plan, &mut |subquery| {
            let inner = walk::take(&mut subquery.plan);
            subquery.plan = self.plan(inner)?;
            Ok(())
        })?;
        match plan {
            Plan::Scan(scan) => self.scan(*scan),
            Plan::Join(join) => self.join(*join),
            Plan::Sort(sort) => self.sort(*sort, None),
            Plan::Limit(limit) => self.limit(*limit),
            Plan::LockRows(lock) => {
                let mut lock = *lock;
                lock.input = self.plan(lock.input)?;
                Ok(Plan::LockRows(Box::new(lock)))
            }
            Plan::Aggregate(_) => {
                if let Some(extreme) = self.extreme(&plan)? {
                    return Ok(extreme);
                }
                self.inputs(plan)
            }
            other => self.inputs(other),
        }
    }

    fn inputs(&self, mut plan: Plan) -> Result<Plan> {
        for input in plan.inputs_mut() {
            let whole = walk::take(input);
            *input = self.plan(whole)?;
        }
        Ok(plan)
    }

    // ----------------------------------------------------------------------------------------------------------- scans

    fn scan(&self, scan: Scan) -> Result<Plan> {
        if is_decided(&scan) {
            return Ok(Plan::Scan(Box::new(scan)));
        }
        let rows = self.estimator.rows(&Plan::Scan(Box::new(scan.clone())));
        let choices = access::choices(&scan, self.context, &self.estimator);
        let best = choices.into_iter().reduce(|best, other| if other.cost < best.cost { other } else { best });
        let Some(best) = best else { return Ok(Plan::Scan(Box::new(scan))) };
        let best_cost = best.cost;
        if let Some((plan, cost)) = self.unnested(&scan)?
            && cost < best_cost
        {
            return Ok(plan);
        }
        let scan = Scan { estimated_rows: rows, ..best.apply(scan, false) };
        Ok(Plan::Scan(Box::new(scan)))
    }

    /// `key = ANY ($1)`: a lookup for each different element.
    fn unnested(&self, scan: &Scan) -> Result<Option<(Plan, f64)>> {
        let conditions = scan.filter.clone().map(Expr::conjuncts).unwrap_or_default();
        let own = scan.columns.iter().map(|(id, _)| *id).collect();
        for (place, condition) in conditions.iter().enumerate() {
            let ExprKind::Quantified { left, array, operator, all: false } = &condition.kind else { continue };
            let is_parameter = walk::is_trivial(array) && array.as_literal().is_none() && !walk::touches(array, &own);
            let equal = predicate::comparator(operator) == Some(predicate::Comparator::Equal);
            if !is_parameter || !equal || walk::unlabelled(left).as_column().is_none() {
                continue;
            }
            let Some(element) = self.context.catalog.element_type(array.ty.oid).map(Type::new) else { continue };
            let unnest = builtin().functions_named("unnest").find(|row| row.arguments == [oid::ANYARRAY]);
            let Some(function) = unnest.and_then(function::lookup) else { continue };
            let id = self.context.new_column();
            let set = Call::new(function, vec![(**array).clone()]);
            let call = Expr::new(ExprKind::Set(Box::new(set)), element);
            let functions =
                vec![FunctionColumns { call, columns: vec![(id, element)], is_record: false, is_defined: false }];
            let elements = Plan::FunctionScan(FunctionScan { functions, ordinality: None });
            let left_side = Plan::Distinct(Box::new(Distinct { input: elements, on: None }));
            let mut inner = conditions.clone();
            let arguments = vec![(**left).clone(), Expr::column(id, element)];
            inner[place] = Expr { at: condition.at, ..predicate::call(*operator, arguments, Type::BOOL) };
            let inner = Scan { filter: Some(Expr::all(inner)), ..scan.clone() };
            let choices = access::choices(&inner, self.context, &self.estimator);
            let rows = self.estimator.rows(&Plan::Scan(Box::new(inner.clone())));
            let Some(best) = choices.into_iter().reduce(|a, b| if b.cost < a.cost { b } else { a }) else { continue };
            let total = self.cost(&left_side) + self.estimator.rows(&left_side) * best.cost;
            let columns = walk::pass(walk::column_types(&Plan::Scan(Box::new(scan.clone()))));
            let right = Plan::Scan(Box::new(Scan { estimated_rows: rows, ..best.apply(inner, false) }));
            let apply = Apply { kind: JoinKind::Inner, left: left_side, right, on: Vec::new() };
            return Ok(Some((walk::project(Plan::Apply(Box::new(apply)), columns), total)));
        }
        Ok(None)
    }

    /// The plan with these conditions inside, and what one run of it costs; none if it can't find rows by them.
    pub fn lookup(&self, logical: &Plan, conditions: Vec<Expr>) -> Result<Option<(Plan, f64)>> {
        let fits = conditions.iter().all(walk::can_copy) && !walk::plan_is_volatile(logical);
        if !fits || !self.may_try() {
            return Ok(None);
        }
        let narrowed = join_order::with_conditions(logical.clone(), conditions, self)?;
        let plan = self.plan(narrowed)?;
        let cost = self.cost(&plan);
        Ok(Some((plan, cost)))
    }

    // ----------------------------------------------------------------------------------------------------------- joins

    fn join(&self, join: Join) -> Result<Plan> {
        match join.kind {
            JoinKind::Inner | JoinKind::Left if !join.on.iter().any(walk::is_volatile) => {
                let whole = Plan::Join(Box::new(join));
                let (plan, _) = match join_order::arrange(join_order::take_apart(whole), None, self)? {
                    Some(found) => found,
                    None => return Err(atoll_datum::Error::internal("joins without an order")),
                };
                Ok(plan)
            }
            JoinKind::Semi => {
                let reversed = self.reversed_semi(&join)?;
                let Join { kind, left, right, on, .. } = join;
                let left = self.plan(left)?;
                let plan = self.outer_join(kind, left, right, on, false)?;
                Ok(match reversed {
                    Some(reversed) if self.cost(&reversed) < self.cost(&plan) => reversed,
                    _ => plan,
                })
            }
            _ => {
                let Join { kind, left, right, on, .. } = join;
                let left = self.plan(left)?;
                self.outer_join(kind, left, right, on, false)
            }
        }
    }

    /// Left, Semi, Anti and Full, and whatever has a volatile condition. The right side has no choices made yet.
    pub fn outer_join(&self, kind: JoinKind, left: Plan, right: Plan, on: Vec<Expr>, keep_order: bool) -> Result<Plan> {
        let volatile = on.iter().any(walk::is_volatile);
        let mut on = on;
        on.iter_mut().try_for_each(|condition| self.subqueries_of(condition))?;
        let logical = right.clone();
        let right = self.plan(right)?;
        if volatile {
            return Ok(Plan::Join(Box::new(Join { kind, left, right, on, strategy: JoinStrategy::NestedLoop })));
        }
        let (left_rows, right_rows) = (self.estimator.rows(&left), self.estimator.rows(&right));
        let mut best = hash_or_loop(kind, left, right, on.clone());
        let mut best_cost = self.cost(&best);
        if kind == JoinKind::Left && !keep_order && left_rows < right_rows {
            // The smaller side is kept.
            let swapped = with_sides_swapped(&best);
            let swapped_cost = self.cost(&swapped);
            if is_hash(&swapped) && swapped_cost < best_cost {
                (best, best_cost) = (swapped, swapped_cost);
            }
        }
        if matches!(kind, JoinKind::Left | JoinKind::Semi | JoinKind::Anti)
            && let Some((inner, inner_cost)) = self.lookup(&logical, on)?
            && let Plan::Join(join) = &mut best
        {
            let left = if join.kind == JoinKind::Right { &mut join.right } else { &mut join.left };
            if self.cost(left) + left_rows * inner_cost < best_cost {
                let left = walk::take(left);
                return Ok(Plan::Apply(Box::new(Apply { kind, left, right: inner, on: Vec::new() })));
            }
        }
        Ok(best)
    }

    /// A semijoin whose right side is small, as a join of its different rows with the left side: those may be looked up.
    fn reversed_semi(&self, join: &Join) -> Result<Option<Plan>> {
        let (in_left, in_right) = (walk::columns_of(&join.left), walk::columns_of(&join.right));
        let (left_rows, right_rows) = (self.estimator.rows(&join.left), self.estimator.rows(&join.right));
        if right_rows > left_rows * 0.5
            || !self.may_try()
            || walk::plan_is_volatile(&join.left)
            || walk::plan_is_volatile(&join.right)
        {
            return Ok(None);
        }
        let mut keys: Vec<(crate::plan::ColumnId, Expr)> = Vec::new();
        let mut on = Vec::new();
        for condition in &join.on {
            let Some((_, right)) = predicate::hash_key(condition, &in_left, &in_right) else { return Ok(None) };
            let Some(from) = right.as_column().or(walk::unlabelled(right).as_column()) else { return Ok(None) };
            if walk::touches(right, &in_left) {
                return Ok(None);
            }
            let ty = walk::unlabelled(right).ty;
            if !keys.iter().any(|(id, _)| *id == from) {
                keys.push((from, Expr::column(from, ty)));
            }
            on.push(condition.clone());
        }
        if keys.is_empty() {
            return Ok(None);
        }
        let columns = walk::pass(walk::column_types(&join.left));
        let mut right = walk::project(join.right.clone(), keys);
        let distinct = facts::unique_keys(&right).iter().any(|key| !key.nulls_repeat);
        if !distinct {
            right = Plan::Distinct(Box::new(Distinct { input: right, on: None }));
        }
        let (left, kind, strategy) = (join.left.clone(), JoinKind::Inner, JoinStrategy::NestedLoop);
        let inner = Plan::Join(Box::new(Join { kind, left, right, on, strategy }));
        let plan = self.plan(inner)?;
        Ok(Some(walk::project(plan, columns)))
    }

    // ----------------------------------------------------------------------------------------------------------- order

    /// `limit`: how many rows are wanted.
    fn sort(&self, sort: Sort, limit: Option<f64>) -> Result<Plan> {
        let Sort { input, mut keys, limit: exact } = sort;
        keys.iter_mut().try_for_each(|key| self.subqueries_of(&mut key.value))?;
        let sorted = self.plan(input.clone())?;
        let rows = self.estimator.rows(&sorted);
        let sorted_cost = self.cost(&sorted) + cost::sort(rows, limit);
        if self.may_try()
            && let Some((ordered, ordered_cost)) = self.ordered(input, &keys, limit)?
            && ordered_cost <= sorted_cost
        {
            return Ok(match exact {
                None => ordered,
                Some(count) => {
                    Plan::Limit(Box::new(Limit { input: ordered, count: Some(count), offset: None, ties: None }))
                }
            });
        }
        Ok(Plan::Sort(Box::new(Sort { input: sorted, keys, limit: exact })))
    }

    /// The plan such that its rows come in this order without sorting, and what the first `limit` of them cost.
    pub fn ordered(&self, plan: Plan, keys: &[SortKey], limit: Option<f64>) -> Result<Option<(Plan, f64)>> {
        if keys.iter().any(|key| walk::unlabelled(&key.value).as_column().is_none()) {
            return Ok(None);
        }
        match plan {
            Plan::Scan(scan) => self.ordered_scan(*scan, keys, limit),
            Plan::Project(project) => {
                let mut project = *project;
                let mut below = Vec::with_capacity(keys.len());
                for key in keys {
                    let id = walk::unlabelled(&key.value).as_column();
                    let Some((_, from)) = project.columns.iter().find(|(known, _)| Some(*known) == id) else {
                        return Ok(None);
                    };
                    below.push(SortKey { value: from.clone(), ..key.clone() });
                }
                let Some((input, cost)) = self.ordered(project.input, &below, limit)? else { return Ok(None) };
                for (_, expr) in &mut project.columns {
                    self.subqueries_of(expr)?;
                }
                project.input = input;
                Ok(Some((Plan::Project(Box::new(project)), cost)))
            }
            Plan::Filter(filter) => {
                let mut filter = *filter;
                let share = self.estimator.selectivity(&filter.predicate).max(1e-6);
                let below = limit.map(|limit| limit / share);
                let Some((input, cost)) = self.ordered(filter.input, keys, below)? else { return Ok(None) };
                self.subqueries_of(&mut filter.predicate)?;
                filter.input = input;
                Ok(Some((Plan::Filter(Box::new(filter)), cost)))
            }
            Plan::Distinct(distinct) if distinct.on.is_none() => {
                let Some((input, cost)) = self.ordered(distinct.input, keys, limit.map(|limit| limit * 2.0))? else {
                    return Ok(None);
                };
                Ok(Some((Plan::Distinct(Box::new(Distinct { input, on: None })), cost)))
            }
            Plan::Join(join) => {
                let volatile = join.on.iter().any(walk::is_volatile);
                match join.kind {
                    _ if volatile => Ok(None),
                    JoinKind::Inner | JoinKind::Left => {
                        let parts = join_order::take_apart(Plan::Join(join));
                        join_order::arrange(parts, Some((keys, limit)), self)
                    }
                    JoinKind::Semi | JoinKind::Anti => {
                        let join = *join;
                        let below = limit.map(|limit| limit * 2.0);
                        let Some((left, cost)) = self.ordered(join.left, keys, below)? else { return Ok(None) };
                        let plan = self.outer_join(join.kind, left, join.right, join.on, true)?;
                        let own = self.cost(&plan) - plan.inputs().first().map_or(0.0, |left| self.cost(left));
                        Ok(Some((plan, cost + own)))
                    }
                    _ => Ok(None),
                }
            }
            Plan::Apply(apply) => {
                let mut apply = *apply;
                let Some((left, cost)) = self.ordered(apply.left, keys, limit)? else { return Ok(None) };
                let rows = limit.unwrap_or_else(|| self.estimator.rows(&left)).min(self.estimator.rows(&left));
                apply.right = self.plan(apply.right)?;
                let total = cost + rows * self.cost(&apply.right);
                apply.left = left;
                Ok(Some((Plan::Apply(Box::new(apply)), total)))
            }
            _ => Ok(None),
        }
    }

    pub fn subqueries_of(&self, expr: &mut Expr) -> Result<()> {
        walk::each_subquery_in(expr, &mut |subquery| {
            let inner = walk::take(&mut subquery.plan);
            subquery.plan = self.plan(inner)?;
            Ok(())
        })
    }

    fn ordered_scan(&self, mut scan: Scan, keys: &[SortKey], limit: Option<f64>) -> Result<Option<(Plan, f64)>> {
        if is_decided(&scan) {
            return Ok(None);
        }
        if let Some(filter) = &mut scan.filter {
            self.subqueries_of(filter)?;
        }
        let rows = self.estimator.rows(&Plan::Scan(Box::new(scan.clone())));
        let share = limit.map_or(1.0, |limit| (limit / rows).min(1.0));
        let choices = access::choices(&scan, self.context, &self.estimator);
        let fitting = choices.into_iter().filter_map(|choice| Some((choice.satisfies(keys)?, choice)));
        let first = |cost: f64| (cost * share).max(cost.min(cost::SEEK));
        let best = fitting.reduce(|best, other| if first(other.1.cost) < first(best.1.cost) { other } else { best });
        let Some((backwards, best)) = best else { return Ok(None) };
        let total = first(best.cost);
        let scan = Scan { estimated_rows: rows, ..best.apply(scan, backwards) };
        Ok(Some((Plan::Scan(Box::new(scan)), total)))
    }

    fn limit(&self, limit: Limit) -> Result<Plan> {
        let Limit { input, count, offset, ties } = limit;
        let skipped = match offset.as_ref().map(Expr::as_literal) {
            Some(Some(Datum::Int8(skipped))) => *skipped as f64,
            Some(None) => 100.0,
            _ => 0.0,
        };
        let wanted = match count.as_ref().map(Expr::as_literal) {
            Some(Some(Datum::Int8(count))) => Some(*count as f64 + skipped),
            // Nobody writes LIMIT to get everything.
            Some(None) => Some(100.0 + skipped),
            _ => None,
        };
        let wanted = wanted.map(|wanted| wanted.max(1.0));
        let exact = if ties.is_none() { kept(count.as_ref(), offset.as_ref()) } else { None };
        let input = self.limited(input, wanted, exact)?;
        Ok(Plan::Limit(Box::new(Limit { input, count, offset, ties })))
    }

    /// `exact`: no more rows than this are read.
    fn limited(&self, mut plan: Plan, wanted: Option<f64>, exact: Option<Expr>) -> Result<Plan> {
        match plan {
            Plan::Project(mut project) => {
                for (_, expr) in &mut project.columns {
                    self.subqueries_of(expr)?;
                }
                let input = walk::take(&mut project.input);
                project.input = self.limited(input, wanted, exact)?;
                Ok(Plan::Project(project))
            }
            // Some of the rows may be skipped, or locked away.
            Plan::LockRows(mut lock) => {
                let input = walk::take(&mut lock.input);
                lock.input = self.limited(input, wanted, None)?;
                Ok(Plan::LockRows(lock))
            }
            Plan::Sort(sort) => {
                let mut made = self.sort(*sort, wanted)?;
                if let Plan::Sort(sort) = &mut made
                    && sort.limit.is_none()
                {
                    sort.limit = exact;
                }
                Ok(made)
            }
            Plan::Distinct(ref mut distinct) if distinct.on.is_some() => {
                let input = walk::take(&mut distinct.input);
                distinct.input = self.limited(input, wanted.map(|wanted| wanted * 2.0), None)?;
                Ok(plan)
            }
            other => self.plan(other),
        }
    }

    /// `min(a)` and `max(a)` of all rows are the first in an index.
    fn extreme(&self, plan: &Plan) -> Result<Option<Plan>> {
        let Plan::Aggregate(aggregate) = plan else { return Ok(None) };
        let ([set], [(_, call)]) = (&aggregate.sets[..], &aggregate.calls[..]) else { return Ok(None) };
        let plain = set.is_empty() && aggregate.keys.is_empty() && aggregate.groupings.is_empty();
        let descending = match call.function.row.name {
            "min" => false,
            "max" => true,
            _ => return Ok(None),
        };
        let [value] = &call.arguments[..] else { return Ok(None) };
        if !plain || call.filter.is_some() || walk::unlabelled(value).as_column().is_none() {
            return Ok(None);
        }
        let mut input = aggregate.input.clone();
        if !facts::is_not_null(value, &facts::not_null(&input)) {
            let operand = Box::new(value.clone());
            let kind = ExprKind::Is { operand, test: IsTest::Null, negated: true };
            let condition = Expr::new(kind, Type::BOOL);
            input = join_order::with_conditions(input, vec![condition], self)?;
        }
        let keys = vec![SortKey { value: value.clone(), descending, nulls_first: descending }];
        let Some((first, first_cost)) = self.ordered(input, &keys, Some(1.0))? else { return Ok(None) };
        let all = self.inputs(plan.clone())?;
        if first_cost >= self.cost(&all) {
            return Ok(None);
        }
        let one = Expr::literal(Datum::Int8(1), Type::INT8);
        let input = Plan::Limit(Box::new(Limit { input: first, count: Some(one), offset: None, ties: None }));
        let mut aggregate = aggregate.clone();
        aggregate.input = input;
        Ok(Some(Plan::Aggregate(aggregate)))
    }
}

/// `count + offset`, for a sort below: NULL (everything) where that is no number.
fn kept(count: Option<&Expr>, offset: Option<&Expr>) -> Option<Expr> {
    let count = count.filter(|count| walk::can_copy(count))?;
    let Some(offset) = offset else { return Some(count.clone()) };
    if !walk::can_copy(offset) {
        return None;
    }
    if let (Some(Datum::Int8(a)), Some(Datum::Int8(b))) = (count.as_literal(), offset.as_literal()) {
        let sum = a.checked_add(*b).filter(|_| *a >= 0 && *b >= 0)?;
        return Some(Expr::literal(Datum::Int8(sum), Type::INT8));
    }
    // Neither may be so large that the sum fails; then everything is sorted.
    let operator = |name: &str| {
        let mut found = builtin().operators_named(name);
        let row = found.find(|row| row.left == oid::INT8 && row.right == oid::INT8)?;
        predicate::function_of(row.oid)
    };
    let (less, plus) = (operator("<")?, operator("+")?);
    let most = || Expr::literal(Datum::Int8(i64::MAX / 2), Type::INT8);
    let small = |value: &Expr| predicate::call(less, vec![value.clone(), most()], Type::BOOL);
    let sum = predicate::call(plus, vec![count.clone(), offset.clone()], Type::INT8);
    let both = Expr::new(ExprKind::And(vec![small(count), small(offset)]), Type::BOOL);
    // No offset given is an offset of nothing, and the sum is NULL: everything is sorted.
    Some(Expr::new(ExprKind::Case { branches: vec![(both, sum)], otherwise: None }, Type::INT8))
}

/// Whether the scan's access is not the binder's any more.
fn is_decided(scan: &Scan) -> bool {
    scan.estimated_rows > 0.0 || !matches!(scan.access, Access::Full { reverse: false })
}

fn is_hash(plan: &Plan) -> bool {
    matches!(plan, Plan::Join(join) if matches!(join.strategy, JoinStrategy::Hash { .. }))
}

/// A left join as a right one.
fn with_sides_swapped(plan: &Plan) -> Plan {
    match plan {
        Plan::Join(join) => hash_or_loop(JoinKind::Right, join.right.clone(), join.left.clone(), join.on.clone()),
        other => other.clone(),
    }
}
