//! The FROM clause.
#![allow(clippy::wrong_self_convention, reason = "`from` is a word of the grammar")]

use atoll_datum::Result;

use super::Parser;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

/// What stood in a pair of parentheses in FROM.
enum Inside {
    Query(Box<Query>),
    /// A join, or what is in the way of becoming one.
    Item(FromItem),
}

impl Parser<'_> {
    pub(super) fn from_list(&mut self) -> Result<Vec<FromItem>> {
        self.list(Self::from_item)
    }

    pub(super) fn optional_from(&mut self, keyword: K) -> Result<Vec<FromItem>> {
        Ok(self.optional(keyword, Self::from_list)?.unwrap_or_default())
    }

    /// PostgreSQL's table_ref: a table or a chain of joins.
    #[inline(never)]
    pub(super) fn from_item(&mut self) -> Result<FromItem> {
        let outer = self.enter()?;
        let first = self.from_primary()?;
        let item = self.joins(first)?;
        self.leave(outer);
        Ok(item)
    }

    #[inline(never)]
    fn joins(&mut self, mut left: FromItem) -> Result<FromItem> {
        loop {
            let natural = self.is(K::Natural);
            let kind = match self.kind_ahead(usize::from(natural)) {
                Kind::Keyword(K::Cross) if !natural => JoinKind::Cross,
                Kind::Keyword(K::Join | K::Inner) => JoinKind::Inner,
                Kind::Keyword(K::Left) => JoinKind::Left,
                Kind::Keyword(K::Right) => JoinKind::Right,
                Kind::Keyword(K::Full) => JoinKind::Full,
                _ if natural => {
                    self.advance();
                    return Err(self.unexpected());
                }
                _ => return Ok(left),
            };
            self.eat(K::Natural);
            if !self.is(K::Join) {
                self.advance();
                if matches!(kind, JoinKind::Left | JoinKind::Right | JoinKind::Full) {
                    self.eat(K::Outer);
                }
            }
            self.expect(K::Join)?;
            let height = std::mem::take(&mut self.height);
            let at = self.at();
            let (right, condition);
            if natural || kind == JoinKind::Cross {
                let outer = self.enter()?;
                right = self.from_primary()?;
                self.leave(outer);
                condition = if natural { JoinCondition::Natural } else { JoinCondition::None };
            } else {
                // `a JOIN b JOIN c ON x ON y`: the right side may be a join of its own, up to its condition.
                right = self.from_item()?;
                condition = self.join_condition()?;
            }
            self.height = self.height.max(height);
            self.grow()?;
            left = FromItem::Join(Box::new(Join { kind, left, right, condition, alias: None, at }));
        }
    }

    #[inline(never)]
    fn join_condition(&mut self) -> Result<JoinCondition> {
        if self.eat(K::On) {
            return Ok(JoinCondition::On(self.expr()?));
        }
        self.expect(K::Using)?;
        let columns = self.parenthesized_names()?;
        // AS OF SYSTEM TIME ends the FROM clause.
        let alias = if self.is(K::As) && !self.are(&[K::As, K::Of, K::System, K::Time]) {
            self.advance();
            Some(self.name()?)
        } else {
            None
        };
        Ok(JoinCondition::Using { columns, alias })
    }

    fn from_alias(&mut self) -> Result<Option<Alias>> {
        if self.are(&[K::As, K::Of, K::System, K::Time]) { Ok(None) } else { self.alias() }
    }

    #[inline(never)]
    fn from_primary(&mut self) -> Result<FromItem> {
        let at = self.at();
        if self.is_symbol(b'(') {
            return match self.from_parenthesis()? {
                Inside::Query(query) => self.subquery_item(query, false, at),
                Inside::Item(item) => self.join_alias(item),
            };
        }
        if self.eat(K::Lateral) {
            let at = self.at();
            if self.is_symbol(b'(') {
                let query = self.subquery()?;
                return self.subquery_item(query, true, at);
            }
            return self.function_item(true, at);
        }
        if (self.is(K::Rows) && self.is_ahead(1, K::From)) || self.is_function_in_from() {
            return self.function_item(false, at);
        }
        let table = self.table_name()?;
        let alias = self.from_alias()?;
        let sample = if self.is(K::Tablesample) { Some(self.sample()?) } else { None };
        Ok(FromItem::Table(Box::new(TableItem { table, alias, sample })))
    }

    #[inline(never)]
    #[allow(clippy::boxed_local, reason = "callers are deep in the stack and hold a pointer")]
    fn subquery_item(&mut self, query: Box<Query>, lateral: bool, at: At) -> Result<FromItem> {
        let alias = self.from_alias()?;
        if alias.is_none() {
            let (what, hint) = match query.body {
                QueryBody::Values(_) => ("VALUES", "For example, FROM (VALUES ...) [AS] foo."),
                _ => ("subquery", "For example, FROM (SELECT ...) [AS] foo."),
            };
            return Err(self.error(at, format!("{what} in FROM must have an alias")).hint(hint));
        }
        Ok(FromItem::Subquery(Box::new(SubqueryItem { lateral, query: *query, alias, at })))
    }

    #[inline(never)]
    fn join_alias(&mut self, item: FromItem) -> Result<FromItem> {
        let FromItem::Join(mut join) = item else {
            return Ok(item);
        };
        if join.alias.is_none() {
            join.alias = self.from_alias()?;
        }
        Ok(FromItem::Join(join))
    }

    /// A query or a join; which of them shows only behind what stands in the inner parentheses.
    #[inline(never)]
    fn from_parenthesis(&mut self) -> Result<Inside> {
        let outer = self.enter()?;
        self.expect_symbol(b'(')?;
        let inside = self.inside_parenthesis()?;
        self.expect_symbol(b')')?;
        self.leave(outer);
        Ok(inside)
    }

    #[inline(never)]
    fn inside_parenthesis(&mut self) -> Result<Inside> {
        if !self.is_symbol(b'(') {
            if self.is_query() {
                return Ok(Inside::Query(self.boxed_query()?));
            }
            let item = self.from_item()?;
            return self.only_join(item);
        }
        let at = self.at();
        let first = match self.from_parenthesis()? {
            Inside::Query(query) if self.is_symbol(b')') || self.is_rest_of_query() => {
                return Ok(Inside::Query(self.boxed_rest_of_query(query)?));
            }
            Inside::Query(query) if self.is(K::As) || Self::is_word(self.kind()) => {
                self.subquery_item(query, false, at)?
            }
            Inside::Query(_) => return Err(self.unexpected()),
            Inside::Item(join) => {
                // Parentheses around parentheses, without an alias between.
                if self.is_symbol(b')') {
                    return Ok(Inside::Item(join));
                }
                self.join_alias(join)?
            }
        };
        let before = self.position;
        let item = self.joins(first)?;
        if self.position == before {
            return Err(self.unexpected());
        }
        Ok(Inside::Item(item))
    }

    /// Parentheses in FROM hold a join: `(t)` alone is an error.
    #[inline(never)]
    fn only_join(&mut self, item: FromItem) -> Result<Inside> {
        match item {
            FromItem::Join(_) => Ok(Inside::Item(item)),
            _ => Err(self.unexpected()),
        }
    }

    #[inline(never)]
    fn function_item(&mut self, lateral: bool, at: At) -> Result<FromItem> {
        let rows_from = self.is(K::Rows) && self.is_ahead(1, K::From);
        let functions = if rows_from {
            self.advance();
            self.advance();
            self.parenthesized_list(|parser| {
                let function = parser.function_in_from()?;
                let columns = parser.optional(K::As, Self::column_definition_list)?.unwrap_or_default();
                Ok(RowsFrom { function, columns })
            })?
        } else {
            vec![RowsFrom { function: self.function_in_from()?, columns: Vec::new() }]
        };
        let ordinality = self.is(K::With) && self.is_ahead(1, K::Ordinality);
        if ordinality {
            self.advance();
            self.advance();
        }
        let mut item = FunctionItem { lateral, rows_from, functions, ordinality, alias: None, columns: Vec::new(), at };
        if self.is(K::As) && self.is_symbol_ahead(1, b'(') {
            self.advance();
            item.columns = self.column_definition_list()?;
        } else if (self.is(K::As) && !self.are(&[K::As, K::Of, K::System, K::Time]))
            || Self::is_column_name(self.kind())
        {
            self.eat(K::As);
            let name = self.name()?;
            let mut columns = Vec::new();
            if self.is_symbol(b'(') {
                // `(a, b)` renames columns, `(a int, b text)` says what they are.
                if matches!(self.kind_ahead(2), Kind::Symbol(b',' | b')')) {
                    columns = self.parenthesized_names()?;
                } else {
                    item.columns = self.column_definition_list()?;
                }
            }
            item.alias = Some(Alias { name, columns });
        }
        Ok(FromItem::Function(Box::new(item)))
    }

    #[inline(never)]
    fn column_definition_list(&mut self) -> Result<Vec<ColumnDefinition>> {
        self.parenthesized_list(|parser| parser.attribute_definition())
    }

    #[inline(never)]
    fn sample(&mut self) -> Result<Sample> {
        let at = self.at();
        self.expect(K::Tablesample)?;
        let method = self.function_name()?;
        let arguments = self.parenthesized(Self::exprs)?;
        let seed = self.optional(K::Repeatable, |parser| parser.parenthesized(Self::expr))?;
        Ok(Sample { method, arguments, seed, at })
    }
}
