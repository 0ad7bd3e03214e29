//! Queries: WITH, the select list, grouping, windows, set operations, and what stands behind them.

use atoll_datum::{Error, Result, sqlstate};

use super::Parser;
use super::expression::expr;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

/// What may stand behind the body of a query.
#[derive(Default)]
struct Tail {
    order_by: Vec<OrderBy>,
    limit: Option<Limit>,
    limit_at: At,
    offset: Option<Expr>,
    offset_at: At,
    locking: Vec<Locking>,
}

impl Parser<'_> {
    /// Does a query begin here, in parentheses or not?
    pub(super) fn is_query(&self) -> bool {
        match self.kind() {
            Kind::Keyword(K::Select | K::Values | K::With | K::Table) => true,
            Kind::Symbol(b'(') => self.is_query_behind_parentheses(),
            _ => false,
        }
    }

    /// A query is large, and many of those who want one are deep in the stack: they hold a pointer.
    #[inline(never)]
    pub(super) fn boxed_query(&mut self) -> Result<Box<Query>> {
        self.query().map(Box::new)
    }

    #[inline(never)]
    #[allow(clippy::boxed_local, reason = "callers are deep in the stack and hold a pointer")]
    pub(super) fn boxed_rest_of_query(&mut self, first: Box<Query>) -> Result<Box<Query>> {
        self.rest_of_query(*first).map(Box::new)
    }

    #[inline(never)]
    pub(super) fn query(&mut self) -> Result<Query> {
        let with = self.with()?;
        self.query_after_with(with)
    }

    #[inline(never)]
    pub(super) fn query_after_with(&mut self, with: Option<With>) -> Result<Query> {
        let outer = self.enter()?;
        let at = with.as_ref().map_or(self.at(), |with| with.at);
        let body = self.set_operation(1)?;
        let query = self.with_tail(body, with, at)?;
        self.leave(outer);
        Ok(query)
    }

    /// May the current token follow a query in parentheses, so that both are a query?
    pub(super) fn is_rest_of_query(&self) -> bool {
        self.is_any(&[K::Union, K::Intersect, K::Except, K::Order, K::Limit, K::Offset, K::Fetch, K::For])
    }

    /// Goes on with a query whose first part stood in parentheses.
    #[inline(never)]
    pub(super) fn rest_of_query(&mut self, first: Query) -> Result<Query> {
        let at = first.at;
        let body = self.more_set_operations(first, 1)?;
        self.with_tail(body, None, at)
    }

    // Set operations: INTERSECT binds tighter than the others.

    #[inline(never)]
    fn set_operation(&mut self, min: u8) -> Result<Query> {
        let first = self.query_primary()?;
        self.more_set_operations(first, min)
    }

    #[inline(never)]
    fn more_set_operations(&mut self, mut left: Query, min: u8) -> Result<Query> {
        loop {
            let (operator, level) = match self.keyword() {
                Some(K::Union) => (SetOperator::Union, 1),
                Some(K::Except) => (SetOperator::Except, 1),
                Some(K::Intersect) => (SetOperator::Intersect, 2),
                _ => return Ok(left),
            };
            if level < min {
                return Ok(left);
            }
            self.advance();
            let all = self.eat(K::All);
            if !all {
                self.eat(K::Distinct);
            }
            let height = std::mem::take(&mut self.height);
            let right = self.set_operation(level + 1)?;
            self.height = self.height.max(height);
            self.grow()?;
            let at = left.at;
            let operation = SetOperation { operator, all, left, right };
            left = Self::bare_query(QueryBody::SetOperation(Box::new(operation)), at);
        }
    }

    pub(super) fn bare_query(body: QueryBody, at: At) -> Query {
        Query { with: None, body, order_by: Vec::new(), limit: None, offset: None, locking: Vec::new(), at }
    }

    #[inline(never)]
    fn query_primary(&mut self) -> Result<Query> {
        let at = self.at();
        match self.kind() {
            Kind::Symbol(b'(') => {
                let outer = self.enter()?;
                let query = self.subquery()?;
                self.leave(outer);
                Ok(*query)
            }
            Kind::Keyword(K::Select) => Ok(Self::bare_query(QueryBody::Select(self.select()?), at)),
            Kind::Keyword(K::Values) => {
                self.advance();
                let rows = self.list(|parser| parser.parenthesized(Self::exprs))?;
                Ok(Self::bare_query(QueryBody::Values(rows), at))
            }
            Kind::Keyword(K::Table) => self.table_query(),
            _ => Err(self.unexpected()),
        }
    }

    /// `TABLE t` is `SELECT * FROM t`.
    #[inline(never)]
    fn table_query(&mut self) -> Result<Query> {
        let at = self.at();
        self.advance();
        let table = self.table_name()?;
        let star = Target { value: expr(ExprKind::Star(Vec::new()), at), alias: None };
        let from = FromItem::Table(Box::new(TableItem { table, alias: None, sample: None }));
        let select = Select { targets: vec![star], from: vec![from], ..empty_select() };
        Ok(Self::bare_query(QueryBody::Select(Box::new(select)), at))
    }

    // The select statement itself

    #[inline(never)]
    fn select(&mut self) -> Result<Box<Select>> {
        self.expect(K::Select)?;
        let mut select = Box::new(empty_select());
        if self.eat(K::Distinct) {
            select.distinct =
                Some(if self.eat(K::On) { Distinct::On(self.parenthesized(Self::exprs)?) } else { Distinct::Rows });
            select.targets = self.targets()?;
        } else {
            self.eat(K::All);
            if !self.is_end_of_select_list() {
                select.targets = self.targets()?;
            }
        }
        if self.eat(K::Into) {
            select.into = Some(Box::new(self.select_into()?));
        }
        if self.eat(K::From) {
            select.from = self.from_list()?;
            select.as_of = self.as_of()?;
        }
        select.filter = self.optional(K::Where, Self::expr)?;
        if self.eat(K::Group) {
            self.expect(K::By)?;
            select.group_distinct = self.eat(K::Distinct);
            if !select.group_distinct {
                self.eat(K::All);
            }
            select.group_by = self.list(Self::group_item)?;
        }
        select.having = self.optional(K::Having, Self::expr)?;
        if self.eat(K::Window) {
            select.windows = self.list(|parser| {
                let name = parser.name()?;
                parser.expect(K::As)?;
                Ok(NamedWindow { name, spec: parser.window_spec()? })
            })?;
        }
        Ok(select)
    }

    fn is_end_of_select_list(&self) -> bool {
        match self.kind() {
            Kind::End | Kind::Symbol(b';' | b')') => true,
            Kind::Keyword(K::Into | K::From | K::Where | K::Group | K::Having | K::Window) => true,
            // WITH DATA, ON CONFLICT and RETURNING follow queries inside of other statements.
            Kind::Keyword(K::With | K::On | K::Returning) => true,
            _ => self.is_rest_of_query(),
        }
    }

    pub(super) fn targets(&mut self) -> Result<Vec<Target>> {
        self.list(Self::target)
    }

    #[inline(never)]
    fn target(&mut self) -> Result<Target> {
        if self.is_symbol(b'*') {
            let at = self.at();
            self.advance();
            return Ok(Target { value: expr(ExprKind::Star(Vec::new()), at), alias: None });
        }
        let value = self.target_expr()?;
        let alias = if self.eat(K::As) {
            Some(self.label()?)
        } else {
            match self.kind() {
                Kind::Identifier | Kind::QuotedIdentifier => Some(self.take_name()),
                Kind::Keyword(keyword) if keyword.is_bare_label() => Some(self.take_name()),
                _ => None,
            }
        };
        Ok(Target { value, alias })
    }

    #[inline(never)]
    fn select_into(&mut self) -> Result<SelectInto> {
        let persistence = self.persistence_before_table().unwrap_or_default();
        self.eat(K::Table);
        Ok(SelectInto { persistence, table: self.qualified_name()? })
    }

    /// TEMP, TEMPORARY, LOCAL TEMP, GLOBAL TEMP, UNLOGGED: words that are names of tables too.
    #[inline(never)]
    fn persistence_before_table(&mut self) -> Option<Persistence> {
        let is_name_behind =
            |parser: &Self, ahead| Self::is_column_name(parser.kind_ahead(ahead)) || parser.is_ahead(ahead, K::Table);
        match self.keyword() {
            Some(K::Temp | K::Temporary) if is_name_behind(self, 1) => {
                self.advance();
                Some(Persistence::Temporary)
            }
            Some(K::Unlogged) if is_name_behind(self, 1) => {
                self.advance();
                Some(Persistence::Unlogged)
            }
            Some(K::Local | K::Global)
                if matches!(self.kind_ahead(1), Kind::Keyword(K::Temp | K::Temporary)) && is_name_behind(self, 2) =>
            {
                self.advance();
                self.advance();
                Some(Persistence::Temporary)
            }
            _ => None,
        }
    }

    #[inline(never)]
    pub(super) fn as_of(&mut self) -> Result<Option<Expr>> {
        if self.eat_all(&[K::As, K::Of, K::System, K::Time]) { self.expr().map(Some) } else { Ok(None) }
    }

    #[inline(never)]
    fn group_item(&mut self) -> Result<GroupItem> {
        let at = self.at();
        match self.kind() {
            Kind::Symbol(b'(') if self.is_symbol_ahead(1, b')') => {
                self.advance();
                self.advance();
                Ok(GroupItem::Empty(at))
            }
            Kind::Keyword(K::Rollup) if self.is_symbol_ahead(1, b'(') => {
                self.advance();
                Ok(GroupItem::Rollup(self.parenthesized(Self::exprs)?, at))
            }
            Kind::Keyword(K::Cube) if self.is_symbol_ahead(1, b'(') => {
                self.advance();
                Ok(GroupItem::Cube(self.parenthesized(Self::exprs)?, at))
            }
            Kind::Keyword(K::Grouping) if self.is_ahead(1, K::Sets) => {
                self.advance();
                self.advance();
                let outer = self.enter()?;
                let sets = self.parenthesized_list(Self::group_item)?;
                self.leave(outer);
                Ok(GroupItem::Sets(sets, at))
            }
            _ => Ok(GroupItem::Expr(self.expr()?)),
        }
    }

    // Windows

    #[inline(never)]
    pub(super) fn window_spec(&mut self) -> Result<WindowSpec> {
        let at = self.at();
        self.parenthesized(|parser| {
            // PARTITION, RANGE, ROWS and GROUPS are names too, but begin a clause here.
            let base = match parser.kind() {
                Kind::Keyword(K::Partition | K::Range | K::Rows | K::Groups) => None,
                kind if Self::is_column_name(kind) => Some(parser.name()?),
                _ => None,
            };
            let partition_by = if parser.eat(K::Partition) {
                parser.expect(K::By)?;
                parser.exprs()?
            } else {
                Vec::new()
            };
            let order_by = parser.optional_order_by()?;
            let frame = parser.frame()?.map(Box::new);
            Ok(WindowSpec { base, partition_by, order_by, frame, at })
        })
    }

    #[inline(never)]
    fn frame(&mut self) -> Result<Option<Frame>> {
        let at = self.at();
        let unit = match self.keyword() {
            Some(K::Range) => FrameUnit::Range,
            Some(K::Rows) => FrameUnit::Rows,
            Some(K::Groups) => FrameUnit::Groups,
            _ => return Ok(None),
        };
        self.advance();
        let (start, end);
        if self.eat(K::Between) {
            let start_at = self.at();
            start = self.frame_bound()?;
            self.expect(K::And)?;
            let end_at = self.at();
            let last = self.frame_bound()?;
            let problem = match (&start, &last) {
                (FrameBound::UnboundedFollowing, _) => Some((start_at, "frame start cannot be UNBOUNDED FOLLOWING")),
                (_, FrameBound::UnboundedPreceding) => Some((end_at, "frame end cannot be UNBOUNDED PRECEDING")),
                (FrameBound::CurrentRow, FrameBound::Preceding(_)) => {
                    Some((end_at, "frame starting from current row cannot have preceding rows"))
                }
                (FrameBound::Following(_), FrameBound::Preceding(_) | FrameBound::CurrentRow) => {
                    Some((end_at, "frame starting from following row cannot have preceding rows"))
                }
                _ => None,
            };
            if let Some((at, message)) = problem {
                return Err(self.windowing_error(at, message));
            }
            end = Some(last);
        } else {
            let start_at = self.at();
            start = self.frame_bound()?;
            match start {
                FrameBound::UnboundedFollowing => {
                    return Err(self.windowing_error(start_at, "frame start cannot be UNBOUNDED FOLLOWING"));
                }
                FrameBound::Following(_) => {
                    return Err(
                        self.windowing_error(start_at, "frame starting from following row cannot end with current row")
                    );
                }
                _ => {}
            }
            end = None;
        }
        let exclude = if self.eat(K::Exclude) { self.frame_exclude()? } else { FrameExclude::NoOthers };
        Ok(Some(Frame { unit, start, end, exclude, at }))
    }

    fn windowing_error(&self, at: At, message: &str) -> Error {
        Error::new(sqlstate::WINDOWING_ERROR, message).at(at.offset())
    }

    #[inline(never)]
    fn frame_bound(&mut self) -> Result<FrameBound> {
        let direction = |parser: &mut Self| {
            let preceding = parser.eat(K::Preceding);
            if !preceding {
                parser.expect(K::Following)?;
            }
            Ok(preceding)
        };
        if self.is(K::Unbounded) && matches!(self.kind_ahead(1), Kind::Keyword(K::Preceding | K::Following)) {
            self.advance();
            return Ok(match direction(self)? {
                true => FrameBound::UnboundedPreceding,
                false => FrameBound::UnboundedFollowing,
            });
        }
        if self.is(K::Current) && self.is_ahead(1, K::Row) {
            self.advance();
            self.advance();
            return Ok(FrameBound::CurrentRow);
        }
        let offset = self.expr()?;
        Ok(if direction(self)? { FrameBound::Preceding(offset) } else { FrameBound::Following(offset) })
    }

    #[inline(never)]
    fn frame_exclude(&mut self) -> Result<FrameExclude> {
        match self.keyword() {
            Some(K::Current) => {
                self.advance();
                self.expect(K::Row)?;
                Ok(FrameExclude::CurrentRow)
            }
            Some(K::Group) => {
                self.advance();
                Ok(FrameExclude::Group)
            }
            Some(K::Ties) => {
                self.advance();
                Ok(FrameExclude::Ties)
            }
            _ => {
                self.expect_all(&[K::No, K::Others])?;
                Ok(FrameExclude::NoOthers)
            }
        }
    }

    // ORDER BY

    pub(super) fn optional_order_by(&mut self) -> Result<Vec<OrderBy>> {
        if self.is(K::Order) { self.order_by() } else { Ok(Vec::new()) }
    }

    #[inline(never)]
    pub(super) fn order_by(&mut self) -> Result<Vec<OrderBy>> {
        self.expect_all(&[K::Order, K::By])?;
        self.list(|parser| {
            let value = parser.expr()?;
            let direction =
                if parser.eat(K::Using) { Direction::Using(parser.any_operator()?) } else { parser.direction() };
            Ok(OrderBy { value, direction, nulls: parser.nulls_order()? })
        })
    }

    pub(super) fn direction(&mut self) -> Direction {
        if self.eat(K::Asc) {
            Direction::Asc
        } else if self.eat(K::Desc) {
            Direction::Desc
        } else {
            Direction::Default
        }
    }

    #[inline(never)]
    pub(super) fn nulls_order(&mut self) -> Result<Option<Nulls>> {
        if self.kind() != Kind::NullsOrder {
            return Ok(None);
        }
        self.advance();
        let first = self.eat(K::First);
        if !first {
            self.expect(K::Last)?;
        }
        Ok(Some(if first { Nulls::First } else { Nulls::Last }))
    }

    // Behind the body

    /// Joins a body, which may have clauses of its own from inside its parentheses, with those around it.
    #[inline(never)]
    fn with_tail(&mut self, mut query: Query, with: Option<With>, at: At) -> Result<Query> {
        let order_at = self.at();
        let tail = self.tail()?;
        if !tail.order_by.is_empty() {
            if !query.order_by.is_empty() {
                // At the first expression, as PostgreSQL has it.
                let at = tail.order_by.first().map_or(order_at, |item| item.value.at);
                return Err(self.error(at, "multiple ORDER BY clauses not allowed"));
            }
            query.order_by = tail.order_by;
        }
        query.locking.extend(tail.locking);
        if tail.offset.is_some() {
            if query.offset.is_some() {
                return Err(self.error(tail.offset_at, "multiple OFFSET clauses not allowed"));
            }
            query.offset = tail.offset;
        }
        if let Some(limit) = tail.limit {
            if query.limit.is_some() {
                return Err(self.error(tail.limit_at, "multiple LIMIT clauses not allowed"));
            }
            query.limit = Some(limit);
        }
        if query.limit.as_ref().is_some_and(|limit| limit.with_ties) {
            if query.order_by.is_empty() {
                return Err(Error::new(
                    sqlstate::SYNTAX_ERROR,
                    "WITH TIES cannot be specified without ORDER BY clause",
                ));
            }
            if query.locking.iter().any(|locking| locking.wait == LockWait::SkipLocked) {
                return Err(Error::new(
                    sqlstate::SYNTAX_ERROR,
                    "SKIP LOCKED and WITH TIES options cannot be used together",
                ));
            }
        }
        if let Some(with) = with {
            if query.with.is_some() {
                return Err(self.error(with.at, "multiple WITH clauses not allowed"));
            }
            query.with = Some(Box::new(with));
        }
        query.at = at;
        Ok(query)
    }

    #[inline(never)]
    fn tail(&mut self) -> Result<Tail> {
        let mut tail = Tail { order_by: self.optional_order_by()?, ..Tail::default() };
        if self.is(K::For) {
            tail.locking = self.locking()?;
            self.limit_and_offset(&mut tail)?;
        } else {
            self.limit_and_offset(&mut tail)?;
            if self.is(K::For) {
                tail.locking = self.locking()?;
            }
        }
        Ok(tail)
    }

    #[inline(never)]
    fn limit_and_offset(&mut self, tail: &mut Tail) -> Result<()> {
        loop {
            match self.keyword() {
                Some(K::Limit | K::Fetch) if tail.limit.is_none() => self.limit(tail)?,
                Some(K::Offset) if tail.offset.is_none() => self.offset(tail)?,
                _ => return Ok(()),
            }
        }
    }

    #[inline(never)]
    fn limit(&mut self, tail: &mut Tail) -> Result<()> {
        let at = self.at();
        if self.eat(K::Limit) {
            tail.limit_at = self.at();
            let count = if self.eat(K::All) { LimitCount::All } else { LimitCount::Rows(self.expr()?) };
            if self.is_symbol(b',') {
                self.advance();
                self.expr()?;
                return Err(self
                    .error(at, "LIMIT #,# syntax is not supported")
                    .hint("Use separate LIMIT and OFFSET clauses."));
            }
            tail.limit = Some(Limit { count, with_ties: false, at });
            return Ok(());
        }
        self.expect(K::Fetch)?;
        if !self.eat(K::First) {
            self.expect(K::Next)?;
        }
        tail.limit_at = self.at();
        let count = match self.keyword() {
            Some(K::Row | K::Rows) => super::types::integer(1, self.at()),
            _ => self.fetch_count()?,
        };
        if !self.eat(K::Row) {
            self.expect(K::Rows)?;
        }
        let with_ties = !self.eat(K::Only);
        if with_ties {
            self.expect_all(&[K::With, K::Ties])?;
        }
        tail.limit = Some(Limit { count: LimitCount::Rows(count), with_ties, at });
        Ok(())
    }

    /// An operand, or a number with a sign.
    #[inline(never)]
    fn fetch_count(&mut self) -> Result<Expr> {
        if !matches!(self.kind(), Kind::Symbol(b'+' | b'-')) {
            return self.primary();
        }
        if !matches!(self.kind_ahead(1), Kind::Integer | Kind::Number) {
            self.advance();
            return Err(self.unexpected());
        }
        let at = self.at();
        if self.eat_symbol(b'+') {
            let value = self.primary()?;
            let operator = Operator { schema: Vec::new(), symbol: "+".into(), at };
            return Ok(expr(ExprKind::Unary(Box::new(Unary { operator, operand: value })), at));
        }
        let number = self.number()?;
        let literal = match number.parse() {
            Ok(value) => Literal::Integer(value),
            Err(_) => Literal::Number(number),
        };
        Ok(expr(ExprKind::Literal(literal), at))
    }

    #[inline(never)]
    fn offset(&mut self, tail: &mut Tail) -> Result<()> {
        self.advance();
        tail.offset_at = self.at();
        let value = self.expr()?;
        if self.is_any(&[K::Row, K::Rows]) {
            let is_operand = !matches!(
                value.kind,
                ExprKind::Binary(_) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Cast(_)
            );
            if !is_operand {
                return Err(self.unexpected());
            }
            self.advance();
        }
        tail.offset = Some(value);
        Ok(())
    }

    #[inline(never)]
    fn locking(&mut self) -> Result<Vec<Locking>> {
        let mut clauses = Vec::new();
        while self.is(K::For) {
            let at = self.at();
            self.advance();
            if clauses.is_empty() && self.eat(K::Read) {
                self.expect(K::Only)?;
                return Ok(clauses);
            }
            let strength = match self.keyword() {
                Some(K::Update) => LockStrength::Update,
                Some(K::Share) => LockStrength::Share,
                Some(K::No) => {
                    self.advance();
                    self.expect(K::Key)?;
                    if !self.is(K::Update) {
                        return Err(self.unexpected());
                    }
                    LockStrength::NoKeyUpdate
                }
                Some(K::Key) => {
                    self.advance();
                    if !self.is(K::Share) {
                        return Err(self.unexpected());
                    }
                    LockStrength::KeyShare
                }
                _ => return Err(self.unexpected()),
            };
            self.advance();
            let of = self.optional(K::Of, |parser| parser.list(Self::qualified_name))?.unwrap_or_default();
            let wait = if self.eat(K::Nowait) {
                LockWait::NoWait
            } else if self.eat(K::Skip) {
                self.expect(K::Locked)?;
                LockWait::SkipLocked
            } else {
                LockWait::Block
            };
            clauses.push(Locking { strength, of, wait, at });
        }
        Ok(clauses)
    }

    // WITH

    #[inline(never)]
    pub(super) fn with(&mut self) -> Result<Option<With>> {
        let at = self.at();
        if !self.eat(K::With) {
            return Ok(None);
        }
        // RECURSIVE is a name too.
        let recursive = self.is(K::Recursive) && Self::is_column_name(self.kind_ahead(1)) && self.eat(K::Recursive);
        let tables = self.list(Self::common_table)?;
        Ok(Some(With { recursive, tables, at }))
    }

    #[inline(never)]
    fn common_table(&mut self) -> Result<CommonTable> {
        let name = self.name()?;
        let columns = self.optional_names()?;
        self.expect(K::As)?;
        let materialized = if self.eat(K::Materialized) {
            Some(true)
        } else if self.eat(K::Not) {
            self.expect(K::Materialized)?;
            Some(false)
        } else {
            None
        };
        let outer = self.enter()?;
        let statement = self.parenthesized(Self::preparable)?;
        self.leave(outer);
        let search = self.search()?;
        let cycle = self.cycle()?.map(Box::new);
        Ok(CommonTable { name, columns, materialized, statement, search, cycle })
    }

    #[inline(never)]
    fn search(&mut self) -> Result<Option<Search>> {
        let at = self.at();
        if !self.eat(K::Search) {
            return Ok(None);
        }
        let breadth_first = self.eat(K::Breadth);
        if !breadth_first {
            self.expect(K::Depth)?;
        }
        self.expect_all(&[K::First, K::By])?;
        let columns = self.names()?;
        self.expect(K::Set)?;
        Ok(Some(Search { breadth_first, columns, sequence: self.name()?, at }))
    }

    #[inline(never)]
    fn cycle(&mut self) -> Result<Option<Cycle>> {
        let at = self.at();
        if !self.eat(K::Cycle) {
            return Ok(None);
        }
        let columns = self.names()?;
        self.expect(K::Set)?;
        let mark = self.name()?;
        let values = if self.eat(K::To) {
            let value = self.constant()?;
            self.expect(K::Default)?;
            Some((value, self.constant()?))
        } else {
            None
        };
        self.expect(K::Using)?;
        Ok(Some(Cycle { columns, mark, values, path: self.name()?, at }))
    }

    /// A literal, of a type or not.
    #[inline(never)]
    fn constant(&mut self) -> Result<Expr> {
        let before = self.at();
        let value = self.primary()?;
        let is_literal = match &value.kind {
            ExprKind::Literal(_) => true,
            ExprKind::Cast(cast) => matches!(cast.operand.kind, ExprKind::Literal(_)),
            _ => false,
        };
        if is_literal { Ok(value) } else { Err(self.error(before, "syntax error")) }
    }
}

fn empty_select() -> Select {
    Select {
        distinct: None,
        targets: Vec::new(),
        into: None,
        from: Vec::new(),
        as_of: None,
        filter: None,
        group_by: Vec::new(),
        group_distinct: false,
        having: None,
        windows: Vec::new(),
    }
}
