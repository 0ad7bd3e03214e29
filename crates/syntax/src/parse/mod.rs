//! From tokens to a tree: recursive descent, one function a rule, precedence climbing where operators meet.
//!
//! - [`name`]: identifiers, lists, numbers, settings: what every statement is made of
//! - [`types`], [`expression`], [`call`]
//! - [`select`], [`from`]
//! - [`modify`]: INSERT, UPDATE, DELETE, MERGE, COPY
//! - [`session`]: transactions, parameters, prepared statements, cursors, EXPLAIN, maintenance
//! - [`table`], [`alter_table`], [`index`], [`view`], [`role`], [`database`], [`routine`], [`object`]: definitions
//! - [`statement`]: which of them it is
//!
//! INVARIANT: an error is about the first token with which the text can't become a statement any more, which is what
//! PostgreSQL's grammar reports. So no function reads a token that it isn't sure of, and none tries one way and then
//! another: where two rules begin alike, the tokens ahead decide.

mod alter_table;
mod call;
mod database;
mod expression;
mod from;
mod index;
mod modify;
mod name;
mod object;
mod role;
mod routine;
mod select;
mod session;
mod statement;
mod table;
mod types;
mod view;

use atoll_datum::{Error, Result, sqlstate};

use crate::DEPTH_MAX;
use crate::ast::{At, Expr, Parsed, TypeName};
use crate::keyword::Keyword;
use crate::lexer::{self, Kind, Token, Tokens};

/// The statements of a text; empty ones are dropped. An error anywhere is an error of all.
pub fn parse(sql: &str) -> Result<Vec<Parsed>> {
    let mut parser = Parser::new(sql)?;
    let mut statements = Vec::new();
    loop {
        while parser.eat_symbol(b';') {}
        if parser.kind() == Kind::End {
            return Ok(statements);
        }
        let start = parser.at();
        let statement = parser.statement()?;
        statements.push(Parsed { statement, start, end: parser.end_of_previous() });
        if parser.kind() != Kind::End && !parser.is_symbol(b';') {
            return Err(parser.unexpected());
        }
    }
}

/// One expression and nothing else.
pub fn parse_expression(sql: &str) -> Result<Expr> {
    let mut parser = Parser::new(sql)?;
    let expr = parser.expr()?;
    parser.expect_end()?;
    Ok(expr)
}

/// The name of a type and nothing else.
pub fn parse_type(sql: &str) -> Result<TypeName> {
    let mut parser = Parser::new(sql)?;
    let type_name = parser.type_name()?;
    parser.expect_end()?;
    Ok(type_name)
}

/// How much of the stack reading may take, of the two megabytes that a thread has. It depends on the build and on the
/// statement how deep that is; [`DEPTH_MAX`] is for what becomes of the tree, whoever walks it.
const STACK_BYTES_MAX: usize = 1 << 20;

struct Parser<'a> {
    /// Where the stack was when reading began.
    stack: usize,
    tokens: Tokens<'a>,
    position: usize,
    /// How many expressions, queries and joins are being read.
    depth: u32,
    /// How high the trees are that have been read since the innermost of those began.
    height: u32,
    /// What is being read is the value of an output column and nothing inside of it: `SELECT 1 and FROM t` has a column
    /// named `and`.
    label: bool,
}

impl<'a> Parser<'a> {
    fn new(sql: &'a str) -> Result<Parser<'a>> {
        if sql.len() >= u32::MAX as usize {
            return Err(Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, "statement is too long"));
        }
        let here = 0u8;
        let stack = std::ptr::from_ref(&here).addr();
        Ok(Parser { stack, tokens: lexer::tokens(sql), position: 0, depth: 0, height: 0, label: false })
    }

    // Looking at tokens

    fn token(&self) -> Token {
        self.tokens.list[self.position]
    }

    fn kind(&self) -> Kind {
        self.tokens.list[self.position].kind
    }

    /// The last token repeats for ever.
    fn kind_ahead(&self, count: usize) -> Kind {
        self.tokens.list[(self.position + count).min(self.tokens.list.len() - 1)].kind
    }

    fn at(&self) -> At {
        At(self.token().start)
    }

    fn end_of_previous(&self) -> At {
        At(self.position.checked_sub(1).map_or(0, |previous| self.tokens.list[previous].end))
    }

    fn keyword(&self) -> Option<Keyword> {
        match self.kind() {
            Kind::Keyword(keyword) => Some(keyword),
            _ => None,
        }
    }

    fn is(&self, keyword: Keyword) -> bool {
        self.kind() == Kind::Keyword(keyword)
    }

    fn is_ahead(&self, count: usize, keyword: Keyword) -> bool {
        self.kind_ahead(count) == Kind::Keyword(keyword)
    }

    fn are(&self, keywords: &[Keyword]) -> bool {
        keywords.iter().enumerate().all(|(ahead, &keyword)| self.is_ahead(ahead, keyword))
    }

    fn is_any(&self, keywords: &[Keyword]) -> bool {
        self.keyword().is_some_and(|keyword| keywords.contains(&keyword))
    }

    fn is_symbol(&self, symbol: u8) -> bool {
        self.kind() == Kind::Symbol(symbol)
    }

    fn is_symbol_ahead(&self, count: usize, symbol: u8) -> bool {
        self.kind_ahead(count) == Kind::Symbol(symbol)
    }

    // Taking tokens

    fn advance(&mut self) -> Token {
        let token = self.token();
        if self.position + 1 < self.tokens.list.len() {
            self.position += 1;
        }
        token
    }

    fn eat(&mut self, keyword: Keyword) -> bool {
        let found = self.is(keyword);
        if found {
            self.advance();
        }
        found
    }

    /// All of them or none: for words that are names unless they come together.
    fn eat_all(&mut self, keywords: &[Keyword]) -> bool {
        let found = self.are(keywords);
        if found {
            for _ in keywords {
                self.advance();
            }
        }
        found
    }

    fn eat_symbol(&mut self, symbol: u8) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, keyword: Keyword) -> Result<()> {
        if self.eat(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_all(&mut self, keywords: &[Keyword]) -> Result<()> {
        keywords.iter().try_for_each(|&keyword| self.expect(keyword))
    }

    fn expect_symbol(&mut self, symbol: u8) -> Result<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_end(&self) -> Result<()> {
        if self.kind() == Kind::End { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Items with commas between, at least one.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(b',') {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn parenthesized<T>(&mut self, content: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.expect_symbol(b'(')?;
        let content = content(self)?;
        self.expect_symbol(b')')?;
        Ok(content)
    }

    fn parenthesized_list<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.parenthesized(|parser| parser.list(item))
    }

    fn optional<T>(&mut self, keyword: Keyword, rest: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.eat(keyword) { rest(self).map(Some) } else { Ok(None) }
    }

    // Errors

    /// The grammar knows no statement that goes on with the current token.
    #[cold]
    #[inline(never)]
    fn unexpected(&self) -> Error {
        self.error_here("syntax error")
    }

    /// `what` and the current token.
    #[cold]
    #[inline(never)]
    fn error_here(&self, what: &str) -> Error {
        let token = self.token();
        match (token.kind, &self.tokens.error) {
            (Kind::Bad, Some(error)) => error.clone(),
            _ => lexer::error_near(self.tokens.text, what, token.start as usize, token.end as usize),
        }
    }

    /// A 42601 whose text is about more than a token.
    fn error(&self, at: At, message: impl Into<String>) -> Error {
        Error::new(sqlstate::SYNTAX_ERROR, message).at(at.offset())
    }

    fn unsupported(&self, at: At, message: impl Into<String>) -> Error {
        Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset())
    }

    // Depth

    /// Goes with [`Parser::leave`], which takes what this returns. After an error neither counts any more.
    fn enter(&mut self) -> Result<u32> {
        self.depth += 1;
        self.check_depth()?;
        Ok(std::mem::take(&mut self.height))
    }

    fn leave(&mut self, outer: u32) {
        self.depth -= 1;
        self.height = outer.max(self.height + 1);
    }

    /// A node has been put on top of what was read: lists of operators, joins or unions grow to the left without any call
    /// getting deeper.
    fn grow(&mut self) -> Result<()> {
        self.height += 1;
        self.check_depth()
    }

    fn check_depth(&self) -> Result<()> {
        let here = 0u8;
        let used = self.stack.abs_diff(std::ptr::from_ref(&here).addr());
        if self.depth + self.height > DEPTH_MAX || used > STACK_BYTES_MAX {
            return Err(self.too_deep());
        }
        Ok(())
    }

    #[cold]
    fn too_deep(&self) -> Error {
        Error::new(sqlstate::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").at(self.token().start as usize)
    }
}
