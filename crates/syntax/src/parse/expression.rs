//! Operators by precedence, and the operands between them.

use atoll_datum::{Error, Result};

use super::Parser;
use super::types::is_string;
use crate::ast::*;
use crate::keyword::{Class, Keyword as K};
use crate::lexer::Kind;

/// How tightly an operator binds.
mod level {
    pub const LOWEST: u8 = 0;
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const IS: u8 = 4;
    pub const COMPARISON: u8 = 5;
    /// BETWEEN, IN, LIKE, ILIKE, SIMILAR.
    pub const BETWEEN: u8 = 6;
    pub const OTHER: u8 = 8;
    pub const SUM: u8 = 9;
    pub const PRODUCT: u8 = 10;
    pub const POWER: u8 = 11;
    pub const AT: u8 = 12;
    pub const COLLATE: u8 = 13;
    pub const SIGN: u8 = 14;
    pub const CAST: u8 = 16;
}

/// What stood in a pair of parentheses.
pub(super) enum Inside {
    Query(Box<Query>),
    Expr(Expr),
}

pub(super) fn expr(kind: ExprKind, at: At) -> Expr {
    Expr { kind, at }
}

impl Parser<'_> {
    /// PostgreSQL's a_expr.
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.operand(level::LOWEST, false)
    }

    /// PostgreSQL's b_expr: no AND, OR, NOT, IS, IN, LIKE, BETWEEN, COLLATE, AT at its top.
    pub(super) fn restricted_expr(&mut self) -> Result<Expr> {
        self.operand(level::LOWEST, true)
    }

    /// The value of an output column, whose name may follow without AS.
    pub(super) fn target_expr(&mut self) -> Result<Expr> {
        self.label = true;
        self.expr()
    }

    pub(super) fn exprs(&mut self) -> Result<Vec<Expr>> {
        self.list(Self::expr)
    }

    #[inline(never)]
    fn operand(&mut self, min: u8, restricted: bool) -> Result<Expr> {
        let label = std::mem::take(&mut self.label);
        let outer = self.enter()?;
        let left = self.prefix(restricted)?;
        let expr = self.climb(left, min, restricted, label)?;
        self.leave(outer);
        Ok(expr)
    }

    /// Goes on with an expression of which the first operand has been read.
    #[inline(never)]
    fn climb(&mut self, mut left: Expr, min: u8, restricted: bool, label: bool) -> Result<Expr> {
        // The level of the operator before, if a second one of that level may not follow.
        let mut barred = None;
        loop {
            let kind = self.kind();
            let Some(level) = self.operator_level(kind, restricted) else {
                return Ok(left);
            };
            if level < min || (label && self.is_label_without_as(kind)) {
                return Ok(left);
            }
            if barred == Some(level) {
                return Err(self.unexpected());
            }
            let height = std::mem::take(&mut self.height);
            let closed;
            (left, closed) = match kind {
                Kind::TypeCast => (self.cast(left)?, true),
                Kind::Keyword(K::Or | K::And) => (self.connective(left)?, true),
                Kind::Keyword(K::Is | K::Isnull | K::Notnull) => self.is_test(left, restricted)?,
                Kind::Keyword(K::At) => (self.at_time_zone(left)?, true),
                Kind::Keyword(K::Collate) => (self.collate(left)?, true),
                Kind::Keyword(K::Operator) => self.binary(left, level, restricted)?,
                Kind::Keyword(_) => self.membership(left)?,
                _ => self.binary(left, level, restricted)?,
            };
            self.height = self.height.max(height);
            // Lists of conditions are flat however long they are.
            if !matches!(left.kind, ExprKind::And(_) | ExprKind::Or(_)) {
                self.grow()?;
            }
            barred = match level {
                level::IS | level::COMPARISON | level::BETWEEN if !closed => Some(level),
                _ => None,
            };
        }
    }

    fn operator_level(&self, kind: Kind, restricted: bool) -> Option<u8> {
        Some(match kind {
            Kind::Symbol(b'<' | b'>' | b'=') | Kind::LessEquals | Kind::GreaterEquals | Kind::NotEquals => {
                level::COMPARISON
            }
            Kind::Symbol(b'+' | b'-') => level::SUM,
            Kind::Symbol(b'*' | b'/' | b'%') => level::PRODUCT,
            Kind::Symbol(b'^') => level::POWER,
            Kind::Operator => level::OTHER,
            Kind::TypeCast => level::CAST,
            Kind::Keyword(K::Operator) if self.is_symbol_ahead(1, b'(') => level::OTHER,
            Kind::Keyword(K::Is) => level::IS,
            Kind::Keyword(_) if restricted => return None,
            Kind::Keyword(K::Or) => level::OR,
            Kind::Keyword(K::And) => level::AND,
            Kind::Keyword(K::Isnull | K::Notnull) => level::IS,
            // SUBSTRING(x SIMILAR y ESCAPE z) has the word without TO.
            Kind::Keyword(K::Similar) if !self.is_ahead(1, K::To) => return None,
            Kind::Keyword(K::Between | K::In | K::Like | K::Ilike | K::Similar) => level::BETWEEN,
            Kind::Keyword(K::Not) => match self.kind_ahead(1) {
                Kind::Keyword(K::Between | K::In | K::Like | K::Ilike | K::Similar) => level::BETWEEN,
                _ => return None,
            },
            Kind::Keyword(K::At) => level::AT,
            Kind::Keyword(K::Collate) => level::COLLATE,
            _ => return None,
        })
    }

    /// Is the current token, an operator by its look, the name of an output column?
    fn is_label_without_as(&self, kind: Kind) -> bool {
        if !matches!(kind, Kind::Keyword(keyword) if keyword.is_bare_label()) {
            return false;
        }
        match self.kind_ahead(1) {
            Kind::End | Kind::Symbol(b',' | b')' | b';') => true,
            Kind::Keyword(keyword) => matches!(
                keyword,
                K::From
                    | K::Into
                    | K::Where
                    | K::Group
                    | K::Having
                    | K::Window
                    | K::Union
                    | K::Intersect
                    | K::Except
                    | K::Order
                    | K::Limit
                    | K::Offset
                    | K::Fetch
                    | K::For
            ),
            _ => false,
        }
    }

    // Operators between operands. Each returns what it made, and whether its end is closed by a token of its own, so that
    // an operator of the same level may follow though that level has no associativity.

    #[inline(never)]
    fn binary(&mut self, left: Expr, level: u8, restricted: bool) -> Result<(Expr, bool)> {
        let operator = self.any_operator()?;
        let at = left.at;
        if !restricted && self.is_any(&[K::Any, K::Some, K::All]) {
            return Ok((self.quantified(left, operator)?, true));
        }
        let right = self.operand(level + 1, restricted)?;
        Ok((expr(ExprKind::Binary(Box::new(Binary { operator, left, right })), at), false))
    }

    /// PostgreSQL's qual_all_Op.
    pub(super) fn any_operator(&mut self) -> Result<Operator> {
        if self.is(K::Operator) { self.operator_call() } else { self.plain_operator() }
    }

    #[inline(never)]
    fn quantified(&mut self, left: Expr, operator: Operator) -> Result<Expr> {
        let at = left.at;
        let quantifier = if self.eat(K::All) {
            Quantifier::All
        } else {
            self.advance();
            Quantifier::Any
        };
        self.expect_symbol(b'(')?;
        let right = match self.query_or_expr()? {
            Inside::Query(query) => QuantifiedSet::Query(query),
            Inside::Expr(array) => QuantifiedSet::Array(array),
        };
        self.expect_symbol(b')')?;
        Ok(expr(ExprKind::Quantified(Box::new(Quantified { operator, quantifier, left, right })), at))
    }

    #[inline(never)]
    fn connective(&mut self, left: Expr) -> Result<Expr> {
        let at = left.at;
        if self.eat(K::And) {
            let right = self.operand(level::AND + 1, false)?;
            let mut operands = match left.kind {
                ExprKind::And(operands) => operands,
                kind => self.new_connective(kind, at)?,
            };
            operands.push(right);
            return Ok(expr(ExprKind::And(operands), at));
        }
        self.expect(K::Or)?;
        let right = self.operand(level::OR + 1, false)?;
        let mut operands = match left.kind {
            ExprKind::Or(operands) => operands,
            kind => self.new_connective(kind, at)?,
        };
        operands.push(right);
        Ok(expr(ExprKind::Or(operands), at))
    }

    #[inline(never)]
    fn new_connective(&mut self, first: ExprKind, at: At) -> Result<Vec<Expr>> {
        self.grow()?;
        Ok(vec![expr(first, at)])
    }

    #[inline(never)]
    fn is_test(&mut self, operand: Expr, restricted: bool) -> Result<(Expr, bool)> {
        let (at, start) = (self.at(), operand.at);
        let made =
            |operand, test, negated| (expr(ExprKind::Is(Box::new(Is { operand, test, negated, at })), start), true);
        match self.advance().kind {
            Kind::Keyword(K::Isnull) => return Ok(made(operand, IsTest::Null, false)),
            Kind::Keyword(K::Notnull) => return Ok(made(operand, IsTest::Null, true)),
            _ => {}
        }
        let negated = self.eat(K::Not);
        if self.eat(K::Distinct) {
            self.expect(K::From)?;
            let right = self.operand(level::IS + 1, restricted)?;
            let kind = ExprKind::IsDistinctFrom(Box::new(IsDistinctFrom { left: operand, right, negated, at }));
            return Ok((expr(kind, start), false));
        }
        if self.is(K::Document) {
            return Err(Error::unsupported("IS DOCUMENT").at(at.offset()));
        }
        if restricted {
            return Err(self.unexpected());
        }
        let test = match self.keyword() {
            Some(K::Null) => IsTest::Null,
            Some(K::True) => IsTest::True,
            Some(K::False) => IsTest::False,
            Some(K::Unknown) => IsTest::Unknown,
            Some(K::Normalized) => IsTest::Normalized(NormalForm::default()),
            _ => {
                let form = self.normal_form()?;
                self.expect(K::Normalized)?;
                return Ok(made(operand, IsTest::Normalized(form), negated));
            }
        };
        self.advance();
        Ok(made(operand, test, negated))
    }

    #[inline(never)]
    pub(super) fn normal_form(&mut self) -> Result<NormalForm> {
        let form = match self.keyword() {
            Some(K::Nfc) => NormalForm::Nfc,
            Some(K::Nfd) => NormalForm::Nfd,
            Some(K::Nfkc) => NormalForm::Nfkc,
            Some(K::Nfkd) => NormalForm::Nfkd,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(form)
    }

    /// BETWEEN, IN, LIKE, ILIKE, SIMILAR TO, with or without NOT.
    #[inline(never)]
    fn membership(&mut self, operand: Expr) -> Result<(Expr, bool)> {
        let (at, start) = (self.at(), operand.at);
        let negated = self.eat(K::Not);
        let kind = match self.advance().kind {
            Kind::Keyword(K::Between) => {
                let symmetric = self.eat(K::Symmetric);
                if !symmetric {
                    self.eat(K::Asymmetric);
                }
                let low = self.restricted_expr()?;
                self.expect(K::And)?;
                let high = self.operand(level::BETWEEN + 1, false)?;
                ExprKind::Between(Box::new(Between { operand, low, high, symmetric, negated, at }))
            }
            Kind::Keyword(K::In) => {
                let set = self.in_set()?;
                return Ok((expr(ExprKind::In(Box::new(In { operand, set, negated, at })), start), true));
            }
            Kind::Keyword(K::Like) => return self.like(operand, LikeKind::Like, negated, at),
            Kind::Keyword(K::Ilike) => return self.like(operand, LikeKind::ILike, negated, at),
            _ => {
                self.expect(K::To)?;
                return self.like(operand, LikeKind::SimilarTo, negated, at);
            }
        };
        Ok((expr(kind, start), false))
    }

    #[inline(never)]
    fn in_set(&mut self) -> Result<InSet> {
        self.expect_symbol(b'(')?;
        let set = match self.query_or_expr()? {
            Inside::Query(query) => InSet::Query(query),
            Inside::Expr(first) => InSet::List(self.more_exprs(first)?),
        };
        self.expect_symbol(b')')?;
        Ok(set)
    }

    #[inline(never)]
    fn more_exprs(&mut self, first: Expr) -> Result<Vec<Expr>> {
        let mut exprs = vec![first];
        while self.eat_symbol(b',') {
            exprs.push(self.expr()?);
        }
        Ok(exprs)
    }

    #[inline(never)]
    fn like(&mut self, operand: Expr, kind: LikeKind, negated: bool, at: At) -> Result<(Expr, bool)> {
        let start = operand.at;
        let symbol = match (kind, negated) {
            (LikeKind::Like, false) => Some("~~"),
            (LikeKind::Like, true) => Some("!~~"),
            (LikeKind::ILike, false) => Some("~~*"),
            (LikeKind::ILike, true) => Some("!~~*"),
            (LikeKind::SimilarTo, _) => None,
        };
        if let Some(symbol) = symbol
            && self.is_any(&[K::Any, K::Some, K::All])
        {
            let operator = Operator { schema: Vec::new(), symbol: symbol.into(), at };
            return Ok((self.quantified(operand, operator)?, true));
        }
        let pattern = self.operand(level::BETWEEN + 1, false)?;
        let escape = self.optional(K::Escape, |parser| parser.operand(level::BETWEEN + 1, false))?;
        let kind = ExprKind::Like(Box::new(Like { kind, operand, pattern, escape, negated, at }));
        Ok((expr(kind, start), false))
    }

    #[inline(never)]
    fn cast(&mut self, operand: Expr) -> Result<Expr> {
        let (at, start) = (self.at(), operand.at);
        self.advance();
        let to = self.type_name()?;
        Ok(expr(ExprKind::Cast(Box::new(Cast { operand, to, at })), start))
    }

    #[inline(never)]
    fn at_time_zone(&mut self, operand: Expr) -> Result<Expr> {
        let (at, start) = (self.at(), operand.at);
        self.expect_all(&[K::At, K::Time, K::Zone])?;
        let zone = self.operand(level::AT + 1, false)?;
        Ok(expr(ExprKind::Call(Box::new(Self::sql_call("timezone", vec![zone, operand], at))), start))
    }

    #[inline(never)]
    fn collate(&mut self, operand: Expr) -> Result<Expr> {
        let (at, start) = (self.at(), operand.at);
        self.advance();
        let collation = self.qualified_name()?;
        Ok(expr(ExprKind::Collate(Box::new(Collate { operand, collation, at })), start))
    }

    // Operands

    #[inline(never)]
    fn prefix(&mut self, restricted: bool) -> Result<Expr> {
        let at = self.at();
        match self.kind() {
            Kind::Keyword(K::Not) if !restricted => {
                self.advance();
                let operand = self.operand(level::NOT, false)?;
                Ok(expr(ExprKind::Not(Box::new(operand)), at))
            }
            Kind::Keyword(K::Default) if !restricted => {
                self.advance();
                Ok(expr(ExprKind::Default, at))
            }
            Kind::Symbol(b'-') => {
                self.advance();
                let operand = self.operand(level::SIGN, restricted)?;
                Ok(Self::negated(operand, at))
            }
            Kind::Symbol(b'+') => {
                let operator = self.plain_operator()?;
                let operand = self.operand(level::SIGN, restricted)?;
                Ok(expr(ExprKind::Unary(Box::new(Unary { operator, operand })), at))
            }
            Kind::Operator => self.prefix_operator(restricted),
            Kind::Keyword(K::Operator) if self.is_symbol_ahead(1, b'(') => self.prefix_operator(restricted),
            _ => self.primary(),
        }
    }

    #[inline(never)]
    fn prefix_operator(&mut self, restricted: bool) -> Result<Expr> {
        let at = self.at();
        let operator = self.any_operator()?;
        let operand = self.operand(level::OTHER + 1, restricted)?;
        Ok(expr(ExprKind::Unary(Box::new(Unary { operator, operand })), at))
    }

    /// The sign is a part of the number that follows it.
    fn negated(operand: Expr, at: At) -> Expr {
        let kind = match operand.kind {
            ExprKind::Literal(Literal::Integer(value)) => ExprKind::Literal(Literal::Integer(-value)),
            ExprKind::Literal(Literal::Number(digits)) => {
                ExprKind::Literal(Literal::Number(match digits.strip_prefix('-') {
                    Some(positive) => positive.into(),
                    None => format!("-{digits}").into(),
                }))
            }
            _ => {
                let operator = Operator { schema: Vec::new(), symbol: "-".into(), at };
                ExprKind::Unary(Box::new(Unary { operator, operand }))
            }
        };
        expr(kind, at)
    }

    /// PostgreSQL's c_expr.
    #[inline(never)]
    pub(super) fn primary(&mut self) -> Result<Expr> {
        match self.kind() {
            Kind::Identifier | Kind::QuotedIdentifier => self.named(),
            Kind::Keyword(keyword) => self.keyword_primary(keyword),
            Kind::Symbol(b'(') => self.parenthesis(),
            Kind::Parameter => {
                let token = self.advance();
                let digits = &self.tokens.source(token)[1..];
                let parameter = expr(ExprKind::Parameter(digits.parse().unwrap_or(u32::MAX)), At(token.start));
                self.indirection(parameter)
            }
            _ => self.literal(),
        }
    }

    #[inline(never)]
    fn literal(&mut self) -> Result<Expr> {
        let token = self.token();
        let literal = match token.kind {
            Kind::Integer => match self.tokens.source(token).parse() {
                Ok(value) => Literal::Integer(value),
                Err(_) => Literal::Number(self.tokens.source(token).into()),
            },
            Kind::Number => Literal::Number(self.tokens.source(token).into()),
            Kind::String => Literal::String(self.tokens.string(token).into()),
            Kind::Bits => Literal::Bits(self.tokens.string(token).into()),
            Kind::HexBits => Literal::HexBits(self.tokens.string(token).into()),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(expr(ExprKind::Literal(literal), At(token.start)))
    }

    #[inline(never)]
    fn keyword_primary(&mut self, keyword: K) -> Result<Expr> {
        match keyword.class() {
            Class::Unreserved if !(keyword == K::Double && self.is_ahead(1, K::Precision)) => self.named(),
            Class::TypeFunctionName => match keyword {
                K::CurrentSchema if !self.is_symbol_ahead(1, b'(') && !is_string(self.kind_ahead(1)) => {
                    self.value_function(keyword)
                }
                K::Collation if self.is_ahead(1, K::For) => self.collation_for(),
                _ => self.named(),
            },
            Class::Reserved => self.reserved_primary(keyword),
            _ => self.column_keyword_primary(keyword),
        }
    }

    /// Words that are names of columns unless what follows makes them a type or a call.
    #[inline(never)]
    fn column_keyword_primary(&mut self, keyword: K) -> Result<Expr> {
        let next = self.kind_ahead(1);
        if keyword == K::Interval {
            return if is_string(next) || next == Kind::Symbol(b'(') { self.interval_literal() } else { self.named() };
        }
        if self.is_sql_type(keyword) {
            let is_type = match next {
                Kind::String | Kind::Symbol(b'(') => true,
                Kind::Keyword(K::Varying | K::Without | K::Precision) => true,
                Kind::Keyword(K::With) => self.is_ahead(2, K::Time),
                Kind::Keyword(K::Character | K::Char) => keyword == K::National,
                _ => false,
            };
            return if is_type { self.sql_type_literal() } else { self.named() };
        }
        if next == Kind::Symbol(b'(')
            && let Some(call) = self.special_call(keyword)?
        {
            return Ok(call);
        }
        self.named()
    }

    #[inline(never)]
    fn reserved_primary(&mut self, keyword: K) -> Result<Expr> {
        let at = self.at();
        let literal = match keyword {
            K::Null => Literal::Null,
            K::True => Literal::Boolean(true),
            K::False => Literal::Boolean(false),
            K::Case => return self.case(),
            K::Cast => return self.cast_call(),
            K::Array => return self.array(),
            K::Unique => {
                self.advance();
                self.nulls_not_distinct()?;
                self.subquery()?;
                return Err(self.unsupported(at, "UNIQUE predicate is not yet implemented"));
            }
            _ => return self.value_function(keyword),
        };
        self.advance();
        Ok(expr(ExprKind::Literal(literal), at))
    }

    #[inline(never)]
    fn array(&mut self) -> Result<Expr> {
        let at = self.at();
        self.advance();
        if self.is_symbol(b'(') {
            let query = self.subquery()?;
            return Ok(expr(ExprKind::ArrayQuery(query), at));
        }
        let elements = self.array_elements()?;
        Ok(expr(ExprKind::Array(elements), at))
    }

    /// Either all of them are lists in brackets, or none is.
    #[inline(never)]
    fn array_elements(&mut self) -> Result<Vec<Expr>> {
        self.expect_symbol(b'[')?;
        let elements = if self.is_symbol(b']') {
            Vec::new()
        } else if self.is_symbol(b'[') {
            let outer = self.enter()?;
            let elements = self.list(|parser| {
                let at = parser.at();
                Ok(expr(ExprKind::Array(parser.array_elements()?), at))
            })?;
            self.leave(outer);
            elements
        } else {
            self.exprs()?
        };
        self.expect_symbol(b']')?;
        Ok(elements)
    }

    #[inline(never)]
    fn case(&mut self) -> Result<Expr> {
        let at = self.at();
        self.advance();
        let operand = if self.is(K::When) { None } else { Some(self.expr()?) };
        let mut branches = Vec::new();
        loop {
            let at = self.at();
            if !self.eat(K::When) {
                break;
            }
            let when = self.expr()?;
            self.expect(K::Then)?;
            branches.push(CaseBranch { when, then: self.expr()?, at });
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = self.optional(K::Else, Self::expr)?;
        self.expect(K::End)?;
        Ok(expr(ExprKind::Case(Box::new(Case { operand, branches, otherwise })), at))
    }

    /// A column, a call, or a literal of a type that is called so.
    #[inline(never)]
    fn named(&mut self) -> Result<Expr> {
        let at = self.at();
        let may_be_column = Self::is_column_name(self.kind());
        let may_be_call = Self::is_type_name(self.kind());
        let mut names = vec![self.take_name()];
        let mut star = false;
        if may_be_column {
            while self.eat_symbol(b'.') {
                if self.eat_symbol(b'*') {
                    star = true;
                    break;
                }
                names.push(self.label()?);
            }
        }
        if !star && (may_be_call || names.len() > 1) {
            match self.kind() {
                Kind::Symbol(b'(') => return self.call(names, at),
                Kind::String => return self.generic_literal(names, Vec::new(), at),
                _ => {}
            }
        }
        if !may_be_column {
            return Err(self.unexpected());
        }
        if star {
            if matches!(self.kind(), Kind::Symbol(b'.' | b'[')) {
                return self.improper_star();
            }
            return Ok(expr(ExprKind::Star(names), at));
        }
        self.indirection(expr(ExprKind::Column(names), at))
    }

    /// PostgreSQL reads on to the end of the indirection and then complains about what follows.
    fn improper_star<T>(&mut self) -> Result<T> {
        while self.indirection_step()?.is_some() {}
        Err(self.error_here("improper use of \"*\""))
    }

    /// `.a`, `.*`, `[1]`, `[1:2]` behind an operand that may have them.
    #[inline(never)]
    pub(super) fn indirection(&mut self, of: Expr) -> Result<Expr> {
        if !matches!(self.kind(), Kind::Symbol(b'.' | b'[')) {
            return Ok(of);
        }
        let steps = self.indirection_steps()?;
        let at = of.at;
        Ok(expr(ExprKind::Indirection(Box::new(of), steps), at))
    }

    #[inline(never)]
    pub(super) fn indirection_steps(&mut self) -> Result<Vec<Indirection>> {
        let mut steps = Vec::new();
        while let Some(step) = self.indirection_step()? {
            let is_star = step == Indirection::Star;
            steps.push(step);
            if is_star && matches!(self.kind(), Kind::Symbol(b'.' | b'[')) {
                return self.improper_star();
            }
        }
        Ok(steps)
    }

    #[inline(never)]
    fn indirection_step(&mut self) -> Result<Option<Indirection>> {
        if self.eat_symbol(b'.') {
            if self.eat_symbol(b'*') {
                return Ok(Some(Indirection::Star));
            }
            return Ok(Some(Indirection::Field(self.label()?)));
        }
        if !self.eat_symbol(b'[') {
            return Ok(None);
        }
        let lower = if self.is_symbol(b':') { None } else { Some(self.expr()?) };
        let step = match lower {
            Some(index) if !self.is_symbol(b':') => Indirection::Index(index),
            lower => {
                self.expect_symbol(b':')?;
                let upper = if self.is_symbol(b']') { None } else { Some(self.expr()?) };
                Indirection::Slice(lower, upper)
            }
        };
        self.expect_symbol(b']')?;
        Ok(Some(step))
    }

    /// `f 'x'`, `f(1) 'x'`: a literal of type `f`.
    #[inline(never)]
    pub(super) fn generic_literal(&mut self, names: Vec<Name>, modifiers: Vec<Expr>, at: At) -> Result<Expr> {
        self.typed_literal(TypeName { modifiers, ..super::types::plain_type(names, at) })
    }

    #[inline(never)]
    fn typed_literal(&mut self, to: TypeName) -> Result<Expr> {
        let literal_at = self.at();
        let value = self.string()?;
        let operand = expr(ExprKind::Literal(Literal::String(value)), literal_at);
        let at = to.at;
        Ok(expr(ExprKind::Cast(Box::new(Cast { operand, to, at })), at))
    }

    #[inline(never)]
    fn sql_type_literal(&mut self) -> Result<Expr> {
        let to = self.sql_type()?;
        self.typed_literal(to)
    }

    /// The fields come behind the literal, a precision of the whole before it.
    #[inline(never)]
    fn interval_literal(&mut self) -> Result<Expr> {
        let mut to = if self.is_symbol_ahead(1, b'(') {
            self.simple_type_name()?
        } else {
            let at = self.at();
            self.advance();
            super::types::system_type("interval", at)
        };
        let literal_at = self.at();
        let value = self.string()?;
        if to.modifiers.is_empty() {
            (to.interval, to.modifiers) = self.interval_fields()?;
        }
        let operand = expr(ExprKind::Literal(Literal::String(value)), literal_at);
        let at = to.at;
        Ok(expr(ExprKind::Cast(Box::new(Cast { operand, to, at })), at))
    }

    // Parentheses

    /// `(e)`, `(a, b)`, `(SELECT ...)`, and what may follow them.
    #[inline(never)]
    fn parenthesis(&mut self) -> Result<Expr> {
        let at = self.at();
        self.advance();
        match self.query_or_expr()? {
            Inside::Query(query) => {
                self.expect_symbol(b')')?;
                self.indirection(expr(ExprKind::Subquery(query), at))
            }
            Inside::Expr(first) => self.rest_of_parenthesis(first, at),
        }
    }

    #[inline(never)]
    fn rest_of_parenthesis(&mut self, first: Expr, at: At) -> Result<Expr> {
        if self.eat_symbol(b')') {
            return self.indirection(first);
        }
        if !self.is_symbol(b',') {
            return Err(self.unexpected());
        }
        let fields = self.more_exprs(first)?;
        self.expect_symbol(b')')?;
        self.overlaps(Row { fields, explicit: false }, at)
    }

    /// A row is an operand, unless it is the left side of OVERLAPS.
    #[inline(never)]
    pub(super) fn overlaps(&mut self, left: Row, at: At) -> Result<Expr> {
        if !self.is(K::Overlaps) {
            return Ok(expr(ExprKind::Row(left), at));
        }
        self.advance();
        let right_at = self.at();
        let explicit = self.eat(K::Row);
        let right = if explicit { self.row_fields()? } else { self.parenthesized(Self::exprs)? };
        if !explicit && right.len() < 2 {
            // `(a)` is no row.
            return Err(self.unexpected());
        }
        for (side, fields, at) in [("left", &left.fields, at), ("right", &right, right_at)] {
            if fields.len() != 2 {
                let message = format!("wrong number of parameters on {side} side of OVERLAPS expression");
                return Err(self.error(at, message));
            }
        }
        let arguments = left.fields.into_iter().chain(right).collect();
        Ok(expr(ExprKind::Call(Box::new(Self::sql_call("overlaps", arguments, at))), at))
    }

    /// Of `ROW(...)`: there may be none.
    #[inline(never)]
    pub(super) fn row_fields(&mut self) -> Result<Vec<Expr>> {
        self.parenthesized(|parser| if parser.is_symbol(b')') { Ok(Vec::new()) } else { parser.exprs() })
    }

    /// Does a query begin here, parentheses aside?
    pub(super) fn is_query_behind_parentheses(&self) -> bool {
        let mut ahead = 0;
        while self.is_symbol_ahead(ahead, b'(') {
            ahead += 1;
        }
        match self.kind_ahead(ahead) {
            Kind::Keyword(K::Select | K::With | K::Table) => true,
            Kind::Keyword(K::Values) => self.is_symbol_ahead(ahead + 1, b'('),
            _ => false,
        }
    }

    /// What stands behind an opening parenthesis.
    #[inline(never)]
    pub(super) fn query_or_expr(&mut self) -> Result<Inside> {
        if !self.is_query_behind_parentheses() {
            return Ok(Inside::Expr(self.expr()?));
        }
        if !self.is_symbol(b'(') {
            return Ok(Inside::Query(self.boxed_query()?));
        }
        self.query_or_expr_in_parentheses()
    }

    /// `((SELECT 1) UNION SELECT 2)` is a query and `((SELECT 1) + 2)` is not, which shows only behind the inner one.
    #[inline(never)]
    fn query_or_expr_in_parentheses(&mut self) -> Result<Inside> {
        let outer = self.enter()?;
        let at = self.at();
        self.advance();
        let first = match self.query_or_expr()? {
            Inside::Query(query) => {
                self.expect_symbol(b')')?;
                if self.is_symbol(b')') || self.is_rest_of_query() {
                    let query = self.boxed_rest_of_query(query)?;
                    self.leave(outer);
                    return Ok(Inside::Query(query));
                }
                self.indirection(expr(ExprKind::Subquery(query), at))?
            }
            Inside::Expr(first) => self.rest_of_parenthesis(first, at)?,
        };
        let expr = self.climb(first, level::LOWEST, false, false)?;
        self.leave(outer);
        Ok(Inside::Expr(expr))
    }
}
