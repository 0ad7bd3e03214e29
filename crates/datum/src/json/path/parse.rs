//! The grammar of paths.
//!
//! Descends as PostgreSQL's grammar derives, one token ahead and never past one that can't follow, so that an error
//! names the same token. What needs more than one token to be told apart is a bracket: it holds an expression or a
//! condition, and only what follows it says whether a condition may stand there.

use super::lex::{Lexer, Token};
use super::{
    Comparison, DEPTH_MAX, Expression, Flags, Head, Method, Operator, Path, Predicate, Range, Regex, Sign, Step,
    too_deep,
};
use crate::error::{Error, Result};
use crate::numeric::Numeric;
use crate::regex::Pattern;
use crate::sqlstate;

/// How much of the stack reading may take, of the two megabytes that a thread has.
const STACK_BYTES_MAX: usize = 1 << 19;

pub fn parse(text: &str) -> Result<Path> {
    let here = 0u8;
    let stack = std::ptr::from_ref(&here).addr();
    let lexer = Lexer::new(text);
    let mut parser =
        Parser { lexer, token: None, depth: 0, height: 0, stack, filters: 0, subscripts: 0, misplaced: None };
    let strict = parser.accept_word("strict")?;
    let begun = strict || parser.accept_word("lax")?;
    if !begun && *parser.peek()? == Token::End {
        return Err(Error::invalid_input("jsonpath", text));
    }
    let root = match parser.any()? {
        Parsed::Expression(expression) => expression,
        Parsed::Predicate(predicate) => Expression { head: Head::Predicate(Box::new(predicate)), steps: Vec::new() },
    };
    parser.expect(Token::End)?;
    match parser.misplaced {
        Some(message) => Err(Error::new(sqlstate::SYNTAX_ERROR, message)),
        None => Ok(Path { lax: !strict, root }),
    }
}

enum Parsed {
    Expression(Expression),
    Predicate(Predicate),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Read and not yet taken.
    token: Option<Token>,
    /// How many brackets are open, and how high what was read in the innermost stands at most.
    depth: usize,
    height: usize,
    /// Where the stack was when reading began.
    stack: usize,
    /// How many filters and subscripts are open: they give `@` and `last` a meaning.
    filters: usize,
    subscripts: usize,
    /// The first `@` or `last` that has none. Said only of what is a path otherwise.
    misplaced: Option<&'static str>,
}

impl Parser<'_> {
    fn peek(&mut self) -> Result<&Token> {
        if self.token.is_none() {
            self.token = Some(self.lexer.next()?);
        }
        Ok(self.token.as_ref().unwrap_or(&Token::End))
    }

    fn take(&mut self) -> Result<Token> {
        self.peek()?;
        Ok(self.token.take().unwrap_or(Token::End))
    }

    fn accept(&mut self, token: Token) -> Result<bool> {
        let stands = *self.peek()? == token;
        if stands {
            self.token = None;
        }
        Ok(stands)
    }

    fn accept_symbol(&mut self, symbol: char) -> Result<bool> {
        self.accept(Token::Symbol(symbol))
    }

    fn accept_word(&mut self, wanted: &str) -> Result<bool> {
        let stands = self.stands_word(wanted)?;
        if stands {
            self.token = None;
        }
        Ok(stands)
    }

    fn stands_word(&mut self, wanted: &str) -> Result<bool> {
        Ok(matches!(self.peek()?, Token::Word(word) if word.eq_ignore_ascii_case(wanted)))
    }

    fn expect(&mut self, token: Token) -> Result<()> {
        if self.accept(token)? { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_symbol(&mut self, symbol: char) -> Result<()> {
        self.expect(Token::Symbol(symbol))
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.accept_word(word)? { Ok(()) } else { Err(self.unexpected()) }
    }

    fn text(&mut self) -> Result<String> {
        match self.take()? {
            Token::Text(text) => Ok(text),
            _ => Err(self.unexpected()),
        }
    }

    /// Of the token that was read last.
    fn unexpected(&self) -> Error {
        self.lexer.syntax_error()
    }

    /// Reads what stands one level further in.
    fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = std::mem::take(&mut self.height);
        self.depth += 1;
        self.check_depth()?;
        let inner = read(self)?;
        self.depth -= 1;
        self.height = outer.max(self.height + 1);
        Ok(inner)
    }

    /// A node has been put on top of what was read.
    fn grow(&mut self) -> Result<()> {
        self.height += 1;
        self.check_depth()
    }

    fn check_depth(&self) -> Result<()> {
        let here = 0u8;
        let used = self.stack.abs_diff(std::ptr::from_ref(&here).addr());
        if self.depth + self.height > DEPTH_MAX || used > STACK_BYTES_MAX { Err(too_deep()) } else { Ok(()) }
    }

    fn any(&mut self) -> Result<Parsed> {
        let mut left = self.conjunction()?;
        while let Parsed::Predicate(_) = left {
            if !self.accept(Token::Or)? {
                break;
            }
            let right = self.conjunction()?;
            left = self.joined(left, right, Predicate::Or)?;
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Parsed> {
        let mut left = self.condition()?;
        while let Parsed::Predicate(_) = left {
            if !self.accept(Token::And)? {
                break;
            }
            let right = self.condition()?;
            left = self.joined(left, right, Predicate::And)?;
        }
        Ok(left)
    }

    fn joined(
        &mut self,
        left: Parsed,
        right: Parsed,
        join: fn(Box<Predicate>, Box<Predicate>) -> Predicate,
    ) -> Result<Parsed> {
        self.grow()?;
        let (left, right) = (self.predicate_of(left)?, self.predicate_of(right)?);
        Ok(Parsed::Predicate(join(Box::new(left), Box::new(right))))
    }

    /// An expression alone is no condition: what follows it can't follow.
    fn predicate_of(&mut self, parsed: Parsed) -> Result<Predicate> {
        match parsed {
            Parsed::Predicate(predicate) => Ok(predicate),
            Parsed::Expression(_) => {
                self.peek()?;
                Err(self.unexpected())
            }
        }
    }

    fn condition(&mut self) -> Result<Parsed> {
        if self.accept(Token::Not)? {
            self.grow()?;
            let negated = match self.stands_word("exists")? {
                true => self.exists()?,
                false => self.bracketed_predicate()?,
            };
            return Ok(Parsed::Predicate(Predicate::Not(Box::new(negated))));
        }
        if self.stands_word("exists")? {
            return self.exists().map(Parsed::Predicate);
        }
        match self.sum(true)? {
            Parsed::Expression(left) => self.comparison(left),
            predicate => Ok(predicate),
        }
    }

    fn bracketed_predicate(&mut self) -> Result<Predicate> {
        self.expect_symbol('(')?;
        let inner = self.within(Self::any)?;
        let predicate = self.predicate_of(inner)?;
        self.expect_symbol(')')?;
        Ok(predicate)
    }

    fn exists(&mut self) -> Result<Predicate> {
        self.expect_word("exists")?;
        self.expect_symbol('(')?;
        let inner = self.within(Self::expression)?;
        self.expect_symbol(')')?;
        Ok(Predicate::Exists(inner))
    }

    fn comparison(&mut self, left: Expression) -> Result<Parsed> {
        let comparison = match self.peek()? {
            Token::Equal => Some(Comparison::Equal),
            Token::NotEqual => Some(Comparison::NotEqual),
            Token::Less => Some(Comparison::Less),
            Token::LessOrEqual => Some(Comparison::LessOrEqual),
            Token::Greater => Some(Comparison::Greater),
            Token::GreaterOrEqual => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        if let Some(comparison) = comparison {
            self.take()?;
            self.grow()?;
            return Ok(Parsed::Predicate(Predicate::Compare(comparison, left, self.expression()?)));
        }
        if self.accept_word("starts")? {
            self.expect_word("with")?;
            let head = match self.take()? {
                Token::Text(text) => Head::Text(text),
                Token::Variable(name) => Head::Variable(name),
                _ => return Err(self.unexpected()),
            };
            self.grow()?;
            return Ok(Parsed::Predicate(Predicate::StartsWith(left, Expression { head, steps: Vec::new() })));
        }
        if self.accept_word("like_regex")? {
            let pattern = self.text()?;
            let flags = if self.accept_word("flag")? { flags(&self.text()?)? } else { Flags::default() };
            let compiled = Pattern::kept(&pattern, flags.options()?)?;
            self.grow()?;
            return Ok(Parsed::Predicate(Predicate::LikeRegex(left, Regex { pattern, flags, compiled })));
        }
        Ok(Parsed::Expression(left))
    }

    fn expression(&mut self) -> Result<Expression> {
        let parsed = self.sum(false)?;
        self.expression_of(parsed)
    }

    fn expression_of(&mut self, parsed: Parsed) -> Result<Expression> {
        match parsed {
            Parsed::Expression(expression) => Ok(expression),
            Parsed::Predicate(_) => {
                self.peek()?;
                Err(self.unexpected())
            }
        }
    }

    /// `first`: a condition in brackets may stand here, because it can be all there is.
    fn sum(&mut self, first: bool) -> Result<Parsed> {
        let mut left = self.product(first)?;
        while let Parsed::Expression(expression) = left {
            let operator = match self.peek()? {
                Token::Symbol('+') => Operator::Add,
                Token::Symbol('-') => Operator::Subtract,
                _ => return Ok(Parsed::Expression(expression)),
            };
            self.take()?;
            let right = self.product(false)?;
            left = self.operation(operator, expression, right)?;
        }
        Ok(left)
    }

    fn product(&mut self, first: bool) -> Result<Parsed> {
        let mut left = self.signed(first)?;
        while let Parsed::Expression(expression) = left {
            let operator = match self.peek()? {
                Token::Symbol('*') => Operator::Multiply,
                Token::Symbol('/') => Operator::Divide,
                Token::Symbol('%') => Operator::Remainder,
                _ => return Ok(Parsed::Expression(expression)),
            };
            self.take()?;
            let right = self.signed(false)?;
            left = self.operation(operator, expression, right)?;
        }
        Ok(left)
    }

    fn operation(&mut self, operator: Operator, left: Expression, right: Parsed) -> Result<Parsed> {
        self.grow()?;
        let head = Head::Arithmetic(operator, Box::new(left), Box::new(self.expression_of(right)?));
        Ok(Parsed::Expression(Expression { head, steps: Vec::new() }))
    }

    fn signed(&mut self, first: bool) -> Result<Parsed> {
        let sign = match self.peek()? {
            Token::Symbol('+') => Sign::Plus,
            Token::Symbol('-') => Sign::Minus,
            _ => return self.primary(first),
        };
        self.take()?;
        let operand = self.within(|parser| parser.signed(false))?;
        let head = match (sign, self.expression_of(operand)?) {
            (sign, Expression { head: Head::Number(number), steps }) if steps.is_empty() => {
                Head::Number(if sign == Sign::Minus { number.neg() } else { number })
            }
            (sign, operand) => Head::Signed(sign, Box::new(operand)),
        };
        Ok(Parsed::Expression(Expression { head, steps: Vec::new() }))
    }

    fn primary(&mut self, first: bool) -> Result<Parsed> {
        if self.accept_symbol('(')? {
            let inner = self.within(Self::any)?;
            self.expect_symbol(')')?;
            return self.behind_bracket(inner, first);
        }
        let head = match self.take()? {
            Token::Text(text) => Head::Text(text),
            Token::Variable(name) => Head::Variable(name),
            Token::Integer(digits) | Token::Decimal(digits) => Head::Number(Numeric::parse(&digits)?),
            Token::Symbol('$') => Head::Root,
            Token::Symbol('@') => {
                if self.filters == 0 {
                    self.misplaced.get_or_insert("@ is not allowed in root expressions");
                }
                Head::Current
            }
            // Unlike the others, these are words of the language in small letters only.
            Token::Word(word) if word == "null" => Head::Null,
            Token::Word(word) if word == "true" => Head::Bool(true),
            Token::Word(word) if word == "false" => Head::Bool(false),
            Token::Word(word) if word.eq_ignore_ascii_case("last") => {
                if self.subscripts == 0 {
                    self.misplaced.get_or_insert("LAST is allowed only in array subscripts");
                }
                Head::Last
            }
            _ => return Err(self.unexpected()),
        };
        self.steps(Expression { head, steps: Vec::new() }).map(Parsed::Expression)
    }

    fn behind_bracket(&mut self, inner: Parsed, first: bool) -> Result<Parsed> {
        let predicate = match inner {
            Parsed::Expression(expression) => return self.steps(expression).map(Parsed::Expression),
            Parsed::Predicate(predicate) => predicate,
        };
        if matches!(self.peek()?, Token::Symbol('.' | '[' | '?')) {
            let head = Head::Predicate(Box::new(predicate));
            return self.steps(Expression { head, steps: Vec::new() }).map(Parsed::Expression);
        }
        if !first {
            return Err(self.unexpected());
        }
        if self.accept_word("is")? {
            self.expect_word("unknown")?;
            return Ok(Parsed::Predicate(Predicate::IsUnknown(Box::new(predicate))));
        }
        Ok(Parsed::Predicate(predicate))
    }

    fn steps(&mut self, mut expression: Expression) -> Result<Expression> {
        loop {
            let step = match self.peek()? {
                Token::Symbol('.') => {
                    self.take()?;
                    self.member()?
                }
                Token::Symbol('[') => {
                    self.take()?;
                    self.subscript()?
                }
                Token::Symbol('?') => {
                    self.take()?;
                    self.filters += 1;
                    let filter = self.bracketed_predicate()?;
                    self.filters -= 1;
                    Step::Filter(filter)
                }
                _ => return Ok(expression),
            };
            expression.steps.push(step);
        }
    }

    fn member(&mut self) -> Result<Step> {
        let word = match self.take()? {
            Token::Symbol('*') => return Ok(Step::AnyKey),
            Token::Any => return self.levels(),
            Token::Text(key) => return Ok(Step::Key(key)),
            Token::Word(word) => word,
            _ => return Err(self.unexpected()),
        };
        const METHODS: [Method; 7] =
            [Method::Type, Method::Size, Method::Double, Method::Ceiling, Method::Floor, Method::Abs, Method::KeyValue];
        let method = METHODS.into_iter().find(|method| word.eq_ignore_ascii_case(method.name()));
        let takes_template = word.eq_ignore_ascii_case("datetime");
        if (method.is_none() && !takes_template) || !self.accept_symbol('(')? {
            return Ok(Step::Key(word));
        }
        let template = match takes_template && !matches!(self.peek()?, Token::Symbol(')')) {
            true => Some(self.text()?),
            false => None,
        };
        self.expect_symbol(')')?;
        Ok(method.map_or(Step::DateTime(template), Step::Method))
    }

    fn levels(&mut self) -> Result<Step> {
        if !self.accept_symbol('{')? {
            return Ok(Step::Levels { first: Some(0), last: None });
        }
        let first = self.level()?;
        let last = if self.accept_word("to")? { self.level()? } else { first };
        self.expect_symbol('}')?;
        Ok(Step::Levels { first, last })
    }

    fn level(&mut self) -> Result<Option<u32>> {
        match self.take()? {
            Token::Integer(digits) => match digits.parse::<i32>() {
                Ok(level) => Ok(Some(level.unsigned_abs())),
                Err(_) => {
                    let message = format!("value \"{digits}\" is out of range for type integer");
                    Err(Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message))
                }
            },
            Token::Word(word) if word.eq_ignore_ascii_case("last") => Ok(None),
            _ => Err(self.unexpected()),
        }
    }

    fn subscript(&mut self) -> Result<Step> {
        if self.accept_symbol('*')? {
            self.expect_symbol(']')?;
            return Ok(Step::AnyElement);
        }
        self.subscripts += 1;
        let mut ranges = Vec::new();
        loop {
            let from = self.within(Self::expression)?;
            let to = if self.accept_word("to")? { Some(self.within(Self::expression)?) } else { None };
            ranges.push(Range { from, to });
            if !self.accept_symbol(',')? {
                break;
            }
        }
        self.subscripts -= 1;
        self.expect_symbol(']')?;
        Ok(Step::Elements(ranges))
    }
}

fn flags(letters: &str) -> Result<Flags> {
    let mut flags = Flags::default();
    for letter in letters.chars() {
        match letter {
            'i' => flags.ignore_case = true,
            's' => flags.dot_all = true,
            'm' => flags.multi_line = true,
            'x' => flags.expanded = true,
            'q' => flags.quoted = true,
            _ => {
                let error = Error::new(sqlstate::SYNTAX_ERROR, "invalid input syntax for type jsonpath");
                return Err(error.detail(format!("Unrecognized flag character \"{letter}\" in LIKE_REGEX predicate.")));
            }
        }
    }
    Ok(flags)
}
