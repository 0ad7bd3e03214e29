//! Where a query refers to a common table, before anything is bound: for the order and the rules of WITH RECURSIVE.

use atoll_datum::Result;
use atoll_syntax::ast::{
    At, ConflictAction, Expr, ExprKind, FromItem, GroupItem, InSet, Indirection, JoinCondition, JoinKind, LimitCount,
    Over, QuantifiedSet, Query, QueryBody, Select, SetOperator, Statement, WindowSpec,
};

/// The innermost thing around a reference that recursion can't go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Surrounding {
    Nothing,
    NonRecursive,
    Subquery,
    OuterJoin,
    Intersect,
    Except,
}

pub(super) struct Reference {
    pub within: Surrounding,
    pub at: At,
}

pub(super) fn count(query: &Query, name: &str) -> usize {
    let mut found = 0;
    // The closure refuses nothing.
    let _never_refused = visit(query, name, Surrounding::Nothing, &mut |_| {
        found += 1;
        Ok(())
    });
    found
}

pub(super) fn visit(
    query: &Query,
    name: &str,
    within: Surrounding,
    found: &mut dyn FnMut(Reference) -> Result<()>,
) -> Result<()> {
    Visitor { name, found }.query(query, within)
}

struct Visitor<'a> {
    name: &'a str,
    found: &'a mut dyn FnMut(Reference) -> Result<()>,
}

impl Visitor<'_> {
    fn query(&mut self, query: &Query, within: Surrounding) -> Result<()> {
        if let Some(with) = &query.with {
            for table in &with.tables {
                // An inner table of the name hides the outer one from here on; in its own definition only if recursive.
                if table.name.as_str() == self.name {
                    if !with.recursive {
                        self.statement(&table.statement, within)?;
                    }
                    return Ok(());
                }
                self.statement(&table.statement, within)?;
            }
        }
        match &query.body {
            QueryBody::Select(select) => self.select(select, within)?,
            QueryBody::Values(rows) => self.exprs(rows.iter().flatten(), within)?,
            QueryBody::SetOperation(operation) => {
                let (left, right) = match operation.operator {
                    SetOperator::Union => (within, within),
                    SetOperator::Intersect => (stricter(within, Surrounding::Intersect), Surrounding::Intersect),
                    SetOperator::Except => (within, Surrounding::Except),
                };
                self.query(&operation.left, left)?;
                self.query(&operation.right, stricter(within, right))?;
            }
        }
        self.exprs(query.order_by.iter().map(|key| &key.value), within)?;
        self.exprs(&query.offset, within)?;
        match &query.limit {
            Some(limit) => match &limit.count {
                LimitCount::Rows(count) => self.expr(count, within),
                LimitCount::All => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn statement(&mut self, statement: &Statement, within: Surrounding) -> Result<()> {
        match statement {
            Statement::Query(query) => self.query(query, within),
            Statement::Insert(insert) => {
                if let Some(source) = &insert.source {
                    self.query(source, within)?;
                }
                match insert.on_conflict.as_ref().map(|conflict| &conflict.action) {
                    Some(ConflictAction::Update { filter, .. }) => self.exprs(filter, within),
                    _ => Ok(()),
                }
            }
            Statement::Update(update) => {
                update.from.iter().try_for_each(|item| self.from(item, within))?;
                self.exprs(&update.filter, within)
            }
            Statement::Delete(delete) => {
                delete.using.iter().try_for_each(|item| self.from(item, within))?;
                self.exprs(&delete.filter, within)
            }
            _ => Ok(()),
        }
    }

    fn select(&mut self, select: &Select, within: Surrounding) -> Result<()> {
        self.exprs(select.targets.iter().map(|target| &target.value), within)?;
        select.from.iter().try_for_each(|item| self.from(item, within))?;
        self.exprs(&select.filter, within)?;
        select.group_by.iter().try_for_each(|item| self.group_item(item, within))?;
        self.exprs(&select.having, within)?;
        if let Some(atoll_syntax::ast::Distinct::On(items)) = &select.distinct {
            self.exprs(items, within)?;
        }
        select.windows.iter().try_for_each(|window| self.window(&window.spec, within))
    }

    fn group_item(&mut self, item: &GroupItem, within: Surrounding) -> Result<()> {
        match item {
            GroupItem::Expr(expr) => self.expr(expr, within),
            GroupItem::Empty(_) => Ok(()),
            GroupItem::Rollup(exprs, _) | GroupItem::Cube(exprs, _) => self.exprs(exprs, within),
            GroupItem::Sets(items, _) => items.iter().try_for_each(|item| self.group_item(item, within)),
        }
    }

    fn window(&mut self, spec: &WindowSpec, within: Surrounding) -> Result<()> {
        self.exprs(&spec.partition_by, within)?;
        self.exprs(spec.order_by.iter().map(|key| &key.value), within)
    }

    fn from(&mut self, item: &FromItem, within: Surrounding) -> Result<()> {
        match item {
            FromItem::Table(table) => match table.table.name.as_slice() {
                [name] if name.as_str() == self.name => (self.found)(Reference { within, at: name.at }),
                _ => Ok(()),
            },
            FromItem::Subquery(subquery) => self.query(&subquery.query, within),
            FromItem::Function(function) => {
                self.exprs(function.functions.iter().map(|function| &function.function), within)
            }
            FromItem::Join(join) => {
                let outer = stricter(within, Surrounding::OuterJoin);
                let (left, right) = match join.kind {
                    JoinKind::Inner | JoinKind::Cross => (within, within),
                    JoinKind::Left => (within, outer),
                    JoinKind::Right => (outer, within),
                    JoinKind::Full => (outer, outer),
                };
                self.from(&join.left, left)?;
                self.from(&join.right, right)?;
                match &join.condition {
                    JoinCondition::On(condition) => self.expr(condition, within),
                    _ => Ok(()),
                }
            }
        }
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, within: Surrounding) -> Result<()> {
        exprs.into_iter().try_for_each(|expr| self.expr(expr, within))
    }

    fn expr(&mut self, expr: &Expr, within: Surrounding) -> Result<()> {
        let inner = stricter(within, Surrounding::Subquery);
        match &expr.kind {
            ExprKind::Literal(_)
            | ExprKind::Parameter(_)
            | ExprKind::Column(_)
            | ExprKind::Star(_)
            | ExprKind::Value(_)
            | ExprKind::Default
            | ExprKind::CurrentOf(_) => Ok(()),
            ExprKind::Indirection(base, path) => {
                self.expr(base, within)?;
                path.iter().try_for_each(|step| match step {
                    Indirection::Field(_) | Indirection::Star => Ok(()),
                    Indirection::Index(index) => self.expr(index, within),
                    Indirection::Slice(from, to) => self.exprs(from.iter().chain(to), within),
                })
            }
            ExprKind::And(parts)
            | ExprKind::Or(parts)
            | ExprKind::Coalesce(parts)
            | ExprKind::Greatest(parts)
            | ExprKind::Least(parts)
            | ExprKind::Array(parts)
            | ExprKind::Grouping(parts) => self.exprs(parts, within),
            ExprKind::Row(row) => self.exprs(&row.fields, within),
            ExprKind::Not(operand) => self.expr(operand, within),
            ExprKind::Unary(unary) => self.expr(&unary.operand, within),
            ExprKind::Binary(binary) => self.exprs([&binary.left, &binary.right], within),
            ExprKind::Is(is) => self.expr(&is.operand, within),
            ExprKind::IsDistinctFrom(distinct) => self.exprs([&distinct.left, &distinct.right], within),
            ExprKind::Between(between) => self.exprs([&between.operand, &between.low, &between.high], within),
            ExprKind::Like(like) => self.exprs([&like.operand, &like.pattern].into_iter().chain(&like.escape), within),
            ExprKind::In(member) => {
                self.expr(&member.operand, within)?;
                match &member.set {
                    InSet::List(list) => self.exprs(list, within),
                    InSet::Query(query) => self.query(query, inner),
                }
            }
            ExprKind::Quantified(quantified) => {
                self.expr(&quantified.left, within)?;
                match &quantified.right {
                    QuantifiedSet::Array(array) => self.expr(array, within),
                    QuantifiedSet::Query(query) => self.query(query, inner),
                }
            }
            ExprKind::Call(call) => {
                self.exprs(call.arguments.iter().map(|argument| &argument.value), within)?;
                self.exprs(call.order_by.iter().map(|key| &key.value), within)?;
                self.exprs(&call.filter, within)?;
                match &call.over {
                    Some(Over::Spec(spec)) => self.window(spec, within),
                    _ => Ok(()),
                }
            }
            ExprKind::Cast(cast) => self.expr(&cast.operand, within),
            ExprKind::Collate(collate) => self.expr(&collate.operand, within),
            ExprKind::Case(case) => {
                self.exprs(&case.operand, within)?;
                self.exprs(case.branches.iter().flat_map(|branch| [&branch.when, &branch.then]), within)?;
                self.exprs(&case.otherwise, within)
            }
            ExprKind::NullIf(pair) => self.exprs([&pair.0, &pair.1], within),
            ExprKind::ArrayQuery(query) | ExprKind::Exists(query) | ExprKind::Subquery(query) => {
                self.query(query, inner)
            }
        }
    }
}

/// What was around first is what is complained about.
fn stricter(within: Surrounding, inner: Surrounding) -> Surrounding {
    match within {
        Surrounding::Nothing => inner,
        within => within,
    }
}
