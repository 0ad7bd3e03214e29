//! Calls: the plain form with all that may follow it, and those that SQL writes in words.

use atoll_datum::{Error, Result};

use super::Parser;
use super::expression::expr;
use super::types::system_name;
use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::Kind;

impl Parser<'_> {
    /// A call that was not written as one.
    pub(super) fn sql_call(name: &str, arguments: Vec<Expr>, at: At) -> Call {
        let arguments = arguments.into_iter().map(|value| Argument { name: None, value }).collect();
        Call { arguments, syntax: CallSyntax::Sql, ..Self::empty_call(system_name(name, at)) }
    }

    #[inline(never)]
    fn empty_call(name: QualifiedName) -> Call {
        Call {
            name,
            arguments: Vec::new(),
            star: false,
            distinct: false,
            variadic: false,
            order_by: Vec::new(),
            within_group: false,
            filter: None,
            over: None,
            syntax: CallSyntax::Plain,
        }
    }

    /// Behind the name of a function. `f(1) 'x'` is a literal.
    #[inline(never)]
    pub(super) fn call(&mut self, name: QualifiedName, at: At) -> Result<Expr> {
        let mut call = self.application(name)?;
        if self.kind() == Kind::String && self.is_modifier_list(&call) {
            let modifiers = call.arguments.into_iter().map(|argument| argument.value).collect();
            return self.generic_literal(call.name, modifiers, at);
        }
        self.within_group(&mut call)?;
        if self.eat(K::Filter) {
            call.filter = Some(self.parenthesized(|parser| {
                parser.expect(K::Where)?;
                parser.expr()
            })?);
        }
        if self.eat(K::Over) {
            call.over = Some(if self.is_symbol(b'(') {
                Over::Spec(Box::new(self.window_spec()?))
            } else {
                Over::Window(self.name()?)
            });
        }
        Ok(expr(ExprKind::Call(Box::new(call)), at))
    }

    fn is_modifier_list(&self, call: &Call) -> bool {
        !call.star
            && !call.distinct
            && !call.variadic
            && call.order_by.is_empty()
            && !call.arguments.is_empty()
            && call.arguments.iter().all(|argument| argument.name.is_none())
    }

    /// The name and the parentheses, which are all that a statement CALL has.
    #[inline(never)]
    pub(super) fn application(&mut self, name: QualifiedName) -> Result<Call> {
        let mut call = Self::empty_call(name);
        self.expect_symbol(b'(')?;
        if self.eat_symbol(b')') {
            return Ok(call);
        }
        if self.eat_symbol(b'*') {
            self.expect_symbol(b')')?;
            call.star = true;
            return Ok(call);
        }
        call.distinct = self.eat(K::Distinct);
        let quantified = call.distinct || self.eat(K::All);
        loop {
            call.variadic = !quantified && self.eat(K::Variadic);
            call.arguments.push(self.argument()?);
            if call.variadic || !self.eat_symbol(b',') {
                break;
            }
        }
        call.order_by = self.optional_order_by()?;
        self.expect_symbol(b')')?;
        Ok(call)
    }

    #[inline(never)]
    fn argument(&mut self) -> Result<Argument> {
        let name = match self.kind_ahead(1) {
            Kind::ColonEquals | Kind::EqualsGreater if Self::is_type_name(self.kind()) => {
                let name = self.take_name();
                self.advance();
                Some(name)
            }
            _ => None,
        };
        Ok(Argument { name, value: self.expr()? })
    }

    #[inline(never)]
    fn within_group(&mut self, call: &mut Call) -> Result<()> {
        let at = self.at();
        if !self.eat(K::Within) {
            return Ok(());
        }
        self.expect(K::Group)?;
        let order_by = self.parenthesized(Self::order_by)?;
        if !call.order_by.is_empty() {
            return Err(self.error(at, "cannot use multiple ORDER BY clauses with WITHIN GROUP"));
        }
        if call.distinct {
            return Err(self.error(at, "cannot use DISTINCT with WITHIN GROUP"));
        }
        if call.variadic {
            return Err(self.error(at, "cannot use VARIADIC with WITHIN GROUP"));
        }
        call.order_by = order_by;
        call.within_group = true;
        Ok(())
    }

    /// `CURRENT_DATE` and the others without parentheses.
    #[inline(never)]
    pub(super) fn value_function(&mut self, keyword: K) -> Result<Expr> {
        use ValueFunction::*;
        let at = self.at();
        let precision = |parser: &mut Self| {
            parser.advance();
            match parser.is_symbol(b'(') {
                true => parser.parenthesized(Self::integer).map(Some),
                false => Ok(None),
            }
        };
        let function = match keyword {
            K::CurrentTime => CurrentTime(precision(self)?),
            K::CurrentTimestamp => CurrentTimestamp(precision(self)?),
            K::Localtime => LocalTime(precision(self)?),
            K::Localtimestamp => LocalTimestamp(precision(self)?),
            _ => {
                let function = match keyword {
                    K::CurrentDate => CurrentDate,
                    K::CurrentRole => CurrentRole,
                    K::CurrentUser => CurrentUser,
                    K::User => User,
                    K::SessionUser => SessionUser,
                    K::CurrentCatalog => CurrentCatalog,
                    K::CurrentSchema => CurrentSchema,
                    _ => return Err(self.unexpected()),
                };
                self.advance();
                function
            }
        };
        Ok(expr(ExprKind::Value(function), at))
    }

    #[inline(never)]
    pub(super) fn collation_for(&mut self) -> Result<Expr> {
        let at = self.at();
        self.expect_all(&[K::Collation, K::For])?;
        let argument = self.parenthesized(Self::expr)?;
        Ok(self.sql_call_expr("pg_collation_for", vec![argument], at))
    }

    #[inline(never)]
    pub(super) fn cast_call(&mut self) -> Result<Expr> {
        let at = self.at();
        self.advance();
        self.expect_symbol(b'(')?;
        let operand = self.expr()?;
        self.expect(K::As)?;
        let to = self.type_name()?;
        self.expect_symbol(b')')?;
        Ok(expr(ExprKind::Cast(Box::new(Cast { operand, to, at })), at))
    }

    #[inline(never)]
    fn sql_call_expr(&self, name: &str, arguments: Vec<Expr>, at: At) -> Expr {
        expr(ExprKind::Call(Box::new(Self::sql_call(name, arguments, at))), at)
    }

    /// What `keyword (` begins, if it is more than the name of a column.
    #[inline(never)]
    pub(super) fn special_call(&mut self, keyword: K) -> Result<Option<Expr>> {
        let at = self.at();
        let kind = match keyword {
            K::Coalesce => {
                self.advance();
                ExprKind::Coalesce(self.parenthesized(Self::exprs)?)
            }
            K::Greatest => {
                self.advance();
                ExprKind::Greatest(self.parenthesized(Self::exprs)?)
            }
            K::Least => {
                self.advance();
                ExprKind::Least(self.parenthesized(Self::exprs)?)
            }
            K::Grouping => {
                self.advance();
                ExprKind::Grouping(self.parenthesized(Self::exprs)?)
            }
            K::Nullif => {
                self.advance();
                ExprKind::NullIf(Box::new(self.parenthesized(|parser| {
                    let left = parser.expr()?;
                    parser.expect_symbol(b',')?;
                    Ok((left, parser.expr()?))
                })?))
            }
            K::Exists => {
                self.advance();
                ExprKind::Exists(self.subquery()?)
            }
            K::Row => {
                self.advance();
                let fields = self.row_fields()?;
                return self.overlaps(Row { fields, explicit: true }, at).map(Some);
            }
            K::Extract | K::Normalize | K::Overlay | K::Position | K::Substring | K::Treat | K::Trim => {
                self.advance();
                return self.parenthesized(|parser| parser.worded_call(keyword, at)).map(Some);
            }
            _ if keyword.text().starts_with("xml") => {
                return Err(Error::unsupported(keyword.text().to_ascii_uppercase()).at(at.offset()));
            }
            _ => return Ok(None),
        };
        Ok(Some(expr(kind, at)))
    }

    /// Between the parentheses of a call whose arguments are separated by words.
    #[inline(never)]
    fn worded_call(&mut self, keyword: K, at: At) -> Result<Expr> {
        match keyword {
            K::Extract => self.extract(at),
            K::Normalize => {
                let mut arguments = vec![self.expr()?];
                if self.eat_symbol(b',') {
                    let form_at = self.at();
                    let form = self.take_normal_form()?;
                    arguments.push(expr(ExprKind::Literal(Literal::String(form.into())), form_at));
                }
                Ok(self.sql_call_expr("normalize", arguments, at))
            }
            K::Overlay => self.overlay(at),
            K::Position => {
                let needle = self.restricted_expr()?;
                self.expect(K::In)?;
                let hay = self.restricted_expr()?;
                Ok(self.sql_call_expr("position", vec![hay, needle], at))
            }
            K::Substring => self.substring(at),
            K::Treat => {
                let operand = self.expr()?;
                self.expect(K::As)?;
                let to = self.type_name()?;
                // As PostgreSQL has it: a call of the function that is called as the type.
                let name = to.names.last().map_or("", Name::as_str);
                let call = Self::sql_call(name, vec![operand], at);
                Ok(expr(ExprKind::Call(Box::new(Call { syntax: CallSyntax::Plain, ..call })), at))
            }
            _ => self.trim(at),
        }
    }

    #[inline(never)]
    fn take_normal_form(&mut self) -> Result<&'static str> {
        Ok(match self.normal_form()? {
            NormalForm::Nfc => "NFC",
            NormalForm::Nfd => "NFD",
            NormalForm::Nfkc => "NFKC",
            NormalForm::Nfkd => "NFKD",
        })
    }

    #[inline(never)]
    fn extract(&mut self, at: At) -> Result<Expr> {
        let field_at = self.at();
        let field = match self.kind() {
            Kind::String => self.string()?,
            Kind::Identifier | Kind::QuotedIdentifier => self.take_name().text,
            Kind::Keyword(K::Year | K::Month | K::Day | K::Hour | K::Minute | K::Second) => self.take_name().text,
            _ => return Err(self.unexpected()),
        };
        self.expect(K::From)?;
        let field = expr(ExprKind::Literal(Literal::String(field)), field_at);
        let value = self.expr()?;
        Ok(self.sql_call_expr("extract", vec![field, value], at))
    }

    /// With commas it is a plain call of that name.
    #[inline(never)]
    fn overlay(&mut self, at: At) -> Result<Expr> {
        if self.is_symbol(b')') {
            return Ok(self.plain_call_expr("overlay", Vec::new(), at));
        }
        let first = self.argument()?;
        if first.name.is_some() || !self.is(K::Placing) {
            let arguments = self.more_arguments(first)?;
            return Ok(self.plain_call_expr("overlay", arguments, at));
        }
        self.advance();
        let mut arguments = vec![first.value, self.expr()?];
        self.expect(K::From)?;
        arguments.push(self.expr()?);
        if self.eat(K::For) {
            arguments.push(self.expr()?);
        }
        Ok(self.sql_call_expr("overlay", arguments, at))
    }

    #[inline(never)]
    fn substring(&mut self, at: At) -> Result<Expr> {
        if self.is_symbol(b')') {
            return Ok(self.plain_call_expr("substring", Vec::new(), at));
        }
        let first = self.argument()?;
        if first.name.is_some() || self.is_symbol(b',') || self.is_symbol(b')') {
            let arguments = self.more_arguments(first)?;
            return Ok(self.plain_call_expr("substring", arguments, at));
        }
        let mut arguments = vec![first.value];
        match self.keyword() {
            Some(K::From) => {
                self.advance();
                arguments.push(self.expr()?);
                if self.eat(K::For) {
                    arguments.push(self.expr()?);
                }
            }
            Some(K::For) => {
                self.advance();
                let length = self.expr()?;
                if self.eat(K::From) {
                    arguments.push(self.expr()?);
                    arguments.push(length);
                } else {
                    // From the first character, and for whatever can become an integer.
                    arguments.push(super::types::integer(1, at));
                    let to = super::types::system_type("int4", length.at);
                    let start = length.at;
                    arguments.push(expr(ExprKind::Cast(Box::new(Cast { operand: length, to, at: start })), start));
                }
            }
            Some(K::Similar) => {
                self.advance();
                arguments.push(self.expr()?);
                self.expect(K::Escape)?;
                arguments.push(self.expr()?);
                // FROM pattern FOR escape means the same.
            }
            _ => return Err(self.unexpected()),
        }
        Ok(self.sql_call_expr("substring", arguments, at))
    }

    #[inline(never)]
    fn plain_call_expr(&self, name: &str, arguments: Vec<Argument>, at: At) -> Expr {
        let call = Call { arguments, ..Self::empty_call(vec![Name::new(name, at)]) };
        expr(ExprKind::Call(Box::new(call)), at)
    }

    #[inline(never)]
    fn more_arguments(&mut self, first: Argument) -> Result<Vec<Argument>> {
        let mut arguments = vec![first];
        while self.eat_symbol(b',') {
            arguments.push(self.argument()?);
        }
        Ok(arguments)
    }

    #[inline(never)]
    fn trim(&mut self, at: At) -> Result<Expr> {
        let name = match self.keyword() {
            Some(K::Leading) => "ltrim",
            Some(K::Trailing) => "rtrim",
            _ => "btrim",
        };
        if self.is_any(&[K::Both, K::Leading, K::Trailing]) {
            self.advance();
        }
        // FROM list | expr FROM list | list
        let mut arguments = Vec::new();
        if self.eat(K::From) {
            arguments = self.exprs()?;
        } else {
            let first = self.expr()?;
            if self.eat(K::From) {
                arguments = self.exprs()?;
                arguments.push(first);
            } else {
                arguments.push(first);
                while self.eat_symbol(b',') {
                    arguments.push(self.expr()?);
                }
            }
        }
        Ok(self.sql_call_expr(name, arguments, at))
    }

    /// A query in parentheses and nothing else.
    pub(super) fn subquery(&mut self) -> Result<Box<Query>> {
        self.parenthesized(Self::boxed_query)
    }

    /// What may stand for a function in FROM: a call without FILTER and OVER, or an expression that looks like one.
    #[inline(never)]
    pub(super) fn function_in_from(&mut self) -> Result<Expr> {
        let at = self.at();
        if let Some(keyword) = self.keyword() {
            let next_is_parenthesis = self.is_symbol_ahead(1, b'(');
            match keyword {
                K::Cast => return self.cast_call(),
                K::Collation if self.is_ahead(1, K::For) => return self.collation_for(),
                K::CurrentSchema if !next_is_parenthesis => return self.value_function(keyword),
                K::Coalesce
                | K::Greatest
                | K::Least
                | K::Nullif
                | K::Extract
                | K::Normalize
                | K::Overlay
                | K::Position
                | K::Substring
                | K::Treat
                | K::Trim
                    if next_is_parenthesis =>
                {
                    if let Some(call) = self.special_call(keyword)? {
                        return Ok(call);
                    }
                }
                _ if keyword.text().starts_with("xml") && next_is_parenthesis => {
                    self.special_call(keyword)?;
                }
                _ if keyword.class() == crate::keyword::Class::Reserved => return self.value_function(keyword),
                _ => {}
            }
        }
        let name = self.function_name()?;
        let call = self.application(name)?;
        Ok(expr(ExprKind::Call(Box::new(call)), at))
    }

    /// Is the current token the begin of [`Parser::function_in_from`] rather than of a table?
    pub(super) fn is_function_in_from(&self) -> bool {
        let Kind::Keyword(keyword) = self.kind() else {
            return self.is_call_ahead();
        };
        match keyword {
            K::Cast | K::CurrentDate | K::CurrentTime | K::CurrentTimestamp | K::Localtime | K::Localtimestamp => true,
            K::CurrentRole | K::CurrentUser | K::User | K::SessionUser | K::CurrentCatalog | K::CurrentSchema => true,
            // A word that no table can have.
            _ if keyword.class() == crate::keyword::Class::TypeFunctionName => true,
            _ => self.is_call_ahead(),
        }
    }

    /// `a.b.c (`
    fn is_call_ahead(&self) -> bool {
        if !Self::is_word(self.kind()) {
            return false;
        }
        let mut ahead = 0;
        loop {
            if !Self::is_label(self.kind_ahead(ahead)) {
                return false;
            }
            match self.kind_ahead(ahead + 1) {
                Kind::Symbol(b'(') => return true,
                Kind::Symbol(b'.') => ahead += 2,
                _ => return false,
            }
        }
    }
}
