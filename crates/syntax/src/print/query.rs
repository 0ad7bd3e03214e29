//! Queries.
#![allow(clippy::wrong_self_convention, reason = "`from` is a word of the grammar")]

use super::Printer;
use crate::ast::*;

/// INTERSECT binds tighter than the others.
fn level(operator: SetOperator) -> u8 {
    match operator {
        SetOperator::Union | SetOperator::Except => 1,
        SetOperator::Intersect => 2,
    }
}

fn has_tail(query: &Query) -> bool {
    query.with.is_some()
        || !query.order_by.is_empty()
        || query.limit.is_some()
        || query.offset.is_some()
        || !query.locking.is_empty()
}

impl Printer {
    pub(super) fn query(&mut self, query: &Query) {
        if let Some(with) = &query.with {
            self.with(with);
        }
        match &query.body {
            QueryBody::Select(select) => self.select(select),
            QueryBody::Values(rows) => {
                self.put("VALUES ");
                self.list(rows, |printer, row| printer.parenthesized(row, Self::expr));
            }
            QueryBody::SetOperation(operation) => self.set_operation(operation),
        }
        self.order_by(" ", &query.order_by);
        if let Some(limit) = &query.limit {
            self.limit(limit);
        }
        self.after(" OFFSET ", query.offset.as_ref(), Self::expr);
        for locking in &query.locking {
            self.locking(locking);
        }
    }

    fn set_operation(&mut self, operation: &SetOperation) {
        let own = level(operation.operator);
        self.set_operand(&operation.left, own);
        self.put(match operation.operator {
            SetOperator::Union => " UNION ",
            SetOperator::Intersect => " INTERSECT ",
            SetOperator::Except => " EXCEPT ",
        });
        self.put_if(operation.all, "ALL ");
        self.set_operand(&operation.right, own + 1);
    }

    fn set_operand(&mut self, query: &Query, min: u8) {
        let is_open = has_tail(query)
            || matches!(&query.body, QueryBody::SetOperation(operation) if level(operation.operator) < min);
        self.put_if(is_open, "(");
        self.query(query);
        self.put_if(is_open, ")");
    }

    fn select(&mut self, select: &Select) {
        self.put("SELECT");
        match &select.distinct {
            None => {}
            Some(Distinct::Rows) => self.put(" DISTINCT"),
            Some(Distinct::On(exprs)) => self.parenthesized_after(" DISTINCT ON ", exprs, Self::expr),
        }
        self.targets(" ", &select.targets);
        if let Some(into) = &select.into {
            self.put(" INTO ");
            self.put(match into.persistence {
                Persistence::Permanent => "TABLE ",
                Persistence::Temporary => "TEMPORARY TABLE ",
                Persistence::Unlogged => "UNLOGGED TABLE ",
            });
            self.qualified_name(&into.table);
        }
        self.list_after(" FROM ", &select.from, Self::from_item);
        self.after(" AS OF SYSTEM TIME ", select.as_of.as_ref(), Self::expr);
        self.after(" WHERE ", select.filter.as_ref(), Self::expr);
        let group_by = if select.group_distinct { " GROUP BY DISTINCT " } else { " GROUP BY " };
        self.list_after(group_by, &select.group_by, Self::group_item);
        self.after(" HAVING ", select.having.as_ref(), Self::expr);
        self.list_after(" WINDOW ", &select.windows, |printer, window| {
            printer.name(&window.name);
            printer.put(" AS ");
            printer.window_spec(&window.spec);
        });
    }

    pub(super) fn targets(&mut self, prefix: &str, targets: &[Target]) {
        self.list_after(prefix, targets, |printer, target| {
            printer.expr(&target.value);
            printer.after(" AS ", target.alias.as_ref(), Self::name);
        });
    }

    // FROM

    pub(super) fn from_item(&mut self, item: &FromItem) {
        match item {
            FromItem::Table(table) => {
                self.table_name(&table.table);
                self.alias(table.alias.as_ref());
                if let Some(sample) = &table.sample {
                    self.put(" TABLESAMPLE ");
                    self.qualified_name(&sample.method);
                    self.parenthesized(&sample.arguments, Self::expr);
                    self.after(" REPEATABLE (", sample.seed.as_ref(), |printer, seed| {
                        printer.expr(seed);
                        printer.put(")");
                    });
                }
            }
            FromItem::Subquery(subquery) => {
                self.put_if(subquery.lateral, "LATERAL ");
                self.put("(");
                self.query(&subquery.query);
                self.put(")");
                self.alias(subquery.alias.as_ref());
            }
            FromItem::Function(function) => self.function_item(function),
            FromItem::Join(join) if join.alias.is_some() => {
                self.put("(");
                self.join(join);
                self.put(")");
                self.alias(join.alias.as_ref());
            }
            FromItem::Join(join) => self.join(join),
        }
    }

    fn function_item(&mut self, item: &FunctionItem) {
        self.put_if(item.lateral, "LATERAL ");
        self.put_if(item.rows_from, "ROWS FROM (");
        self.list(&item.functions, |printer, rows| {
            printer.function_in_from(&rows.function);
            printer.parenthesized_after(" AS ", &rows.columns, Self::column_definition);
        });
        self.put_if(item.rows_from, ")");
        self.put_if(item.ordinality, " WITH ORDINALITY");
        self.alias(item.alias.as_ref());
        let prefix = if item.alias.is_some() { " " } else { " AS " };
        self.parenthesized_after(prefix, &item.columns, Self::column_definition);
    }

    /// A cast is a function here only in its long form.
    pub(super) fn function_in_from(&mut self, function: &Expr) {
        let ExprKind::Cast(cast) = &function.kind else {
            return self.expr(function);
        };
        self.put("CAST(");
        self.expr(&cast.operand);
        self.put(" AS ");
        self.type_name(&cast.to);
        self.put(")");
    }

    fn join(&mut self, join: &Join) {
        self.from_item(&join.left);
        self.put_if(join.condition == JoinCondition::Natural, " NATURAL");
        self.put(match join.kind {
            JoinKind::Inner => " JOIN ",
            JoinKind::Left => " LEFT JOIN ",
            JoinKind::Right => " RIGHT JOIN ",
            JoinKind::Full => " FULL JOIN ",
            JoinKind::Cross => " CROSS JOIN ",
        });
        let nested = matches!(&join.right, FromItem::Join(right) if right.alias.is_none());
        self.put_if(nested, "(");
        self.from_item(&join.right);
        self.put_if(nested, ")");
        match &join.condition {
            JoinCondition::None | JoinCondition::Natural => {}
            JoinCondition::Using { columns, alias } => {
                self.put(" USING ");
                self.parenthesized(columns, Self::name);
                self.after(" AS ", alias.as_ref(), Self::name);
            }
            JoinCondition::On(condition) => {
                self.put(" ON ");
                self.expr(condition);
            }
        }
    }

    fn group_item(&mut self, item: &GroupItem) {
        match item {
            GroupItem::Expr(expr) => {
                // A function of that name, not the clause.
                let is_misread = matches!(&expr.kind, ExprKind::Call(call)
                    if call.name.len() == 1 && matches!(call.name[0].as_str(), "cube" | "rollup"));
                self.put_if(is_misread, "(");
                self.expr(expr);
                self.put_if(is_misread, ")");
            }
            GroupItem::Empty(_) => self.put("()"),
            GroupItem::Rollup(exprs, _) => self.parenthesized_after("ROLLUP ", exprs, Self::expr),
            GroupItem::Cube(exprs, _) => self.parenthesized_after("CUBE ", exprs, Self::expr),
            GroupItem::Sets(items, _) => self.parenthesized_after("GROUPING SETS ", items, Self::group_item),
        }
    }

    // Windows

    pub(super) fn window_spec(&mut self, spec: &WindowSpec) {
        self.put("(");
        if let Some(base) = &spec.base {
            // A word that begins a clause here must not be read as one.
            match base.as_str() {
                "partition" | "range" | "rows" | "groups" => self.quoted(base.as_str()),
                _ => self.name(base),
            }
        }
        self.list_after(" PARTITION BY ", &spec.partition_by, Self::expr);
        self.order_by(" ", &spec.order_by);
        if let Some(frame) = &spec.frame {
            self.frame(frame);
        }
        self.put(")");
    }

    fn frame(&mut self, frame: &Frame) {
        self.put(match frame.unit {
            FrameUnit::Range => " RANGE ",
            FrameUnit::Rows => " ROWS ",
            FrameUnit::Groups => " GROUPS ",
        });
        self.put_if(frame.end.is_some(), "BETWEEN ");
        self.frame_bound(&frame.start);
        self.after(" AND ", frame.end.as_ref(), Self::frame_bound);
        self.put(match frame.exclude {
            FrameExclude::NoOthers => "",
            FrameExclude::CurrentRow => " EXCLUDE CURRENT ROW",
            FrameExclude::Group => " EXCLUDE GROUP",
            FrameExclude::Ties => " EXCLUDE TIES",
        });
    }

    fn frame_bound(&mut self, bound: &FrameBound) {
        match bound {
            FrameBound::UnboundedPreceding => self.put("UNBOUNDED PRECEDING"),
            FrameBound::UnboundedFollowing => self.put("UNBOUNDED FOLLOWING"),
            FrameBound::CurrentRow => self.put("CURRENT ROW"),
            FrameBound::Preceding(offset) => {
                self.operand(offset);
                self.put(" PRECEDING");
            }
            FrameBound::Following(offset) => {
                self.operand(offset);
                self.put(" FOLLOWING");
            }
        }
    }

    // Behind the body

    pub(super) fn order_by(&mut self, prefix: &str, items: &[OrderBy]) {
        if items.is_empty() {
            return;
        }
        self.put(prefix);
        self.put("ORDER BY ");
        self.list(items, |printer, item| {
            printer.expr(&item.value);
            if let Direction::Using(operator) = &item.direction {
                printer.put(" USING ");
                printer.operator(operator);
            }
            printer.direction(&item.direction, item.nulls);
        });
    }

    pub(super) fn direction(&mut self, direction: &Direction, nulls: Option<Nulls>) {
        match direction {
            Direction::Default | Direction::Using(_) => {}
            Direction::Asc => self.put(" ASC"),
            Direction::Desc => self.put(" DESC"),
        }
        self.put(match nulls {
            None => "",
            Some(Nulls::First) => " NULLS FIRST",
            Some(Nulls::Last) => " NULLS LAST",
        });
    }

    fn limit(&mut self, limit: &Limit) {
        match &limit.count {
            LimitCount::All => self.put(" LIMIT ALL"),
            LimitCount::Rows(count) if limit.with_ties => {
                self.put(" FETCH FIRST ");
                self.operand(count);
                self.put(" ROWS WITH TIES");
            }
            LimitCount::Rows(count) => {
                self.put(" LIMIT ");
                self.expr(count);
            }
        }
    }

    fn locking(&mut self, locking: &Locking) {
        self.put(match locking.strength {
            LockStrength::KeyShare => " FOR KEY SHARE",
            LockStrength::Share => " FOR SHARE",
            LockStrength::NoKeyUpdate => " FOR NO KEY UPDATE",
            LockStrength::Update => " FOR UPDATE",
        });
        self.list_after(" OF ", &locking.of, Self::qualified_name);
        self.put(match locking.wait {
            LockWait::Block => "",
            LockWait::NoWait => " NOWAIT",
            LockWait::SkipLocked => " SKIP LOCKED",
        });
    }

    // WITH

    pub(super) fn with(&mut self, with: &With) {
        self.put(if with.recursive { "WITH RECURSIVE " } else { "WITH " });
        self.list(&with.tables, Self::common_table);
        self.put(" ");
    }

    fn common_table(&mut self, table: &CommonTable) {
        // A table may be called so.
        if table.name.as_str() == "recursive" {
            self.quoted(table.name.as_str());
        } else {
            self.name(&table.name);
        }
        self.names_after(" ", &table.columns);
        self.put(match table.materialized {
            None => " AS (",
            Some(true) => " AS MATERIALIZED (",
            Some(false) => " AS NOT MATERIALIZED (",
        });
        self.statement(&table.statement);
        self.put(")");
        if let Some(search) = &table.search {
            self.put(if search.breadth_first { " SEARCH BREADTH FIRST BY " } else { " SEARCH DEPTH FIRST BY " });
            self.list(&search.columns, Self::name);
            self.put(" SET ");
            self.name(&search.sequence);
        }
        if let Some(cycle) = &table.cycle {
            self.list_after(" CYCLE ", &cycle.columns, Self::name);
            self.put(" SET ");
            self.name(&cycle.mark);
            if let Some((value, default)) = &cycle.values {
                self.put(" TO ");
                self.constant(value);
                self.put(" DEFAULT ");
                self.constant(default);
            }
            self.put(" USING ");
            self.name(&cycle.path);
        }
    }

    /// A literal, whose type stands before it if it has one.
    fn constant(&mut self, value: &Expr) {
        match &value.kind {
            ExprKind::Cast(cast) if cast.to.interval.is_some() => {
                self.put("interval ");
                self.expr(&cast.operand);
                self.interval_fields(&cast.to);
            }
            ExprKind::Cast(cast) => {
                self.type_name(&cast.to);
                self.put(" ");
                self.expr(&cast.operand);
            }
            _ => self.expr(value),
        }
    }
}
