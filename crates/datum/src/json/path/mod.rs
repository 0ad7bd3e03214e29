//! `jsonpath`: SQL/JSON's language for what to look for in a `jsonb`.
//!
//! A value is its text as it was written, checked when it comes in: PostgreSQL's canonical form, which is what comes out,
//! loses brackets that matter. So the text of a value is not its text form; whoever needs that asks [`IO`]. Whoever uses
//! a value asks for [`Path::kept`], so that it is parsed once and not for each row.
//!
//! - `lex`, `parse`: text to a [`Path`]
//! - `print`: a path in PostgreSQL's canonical form
//! - `execute`: what a path finds; `predicate`: conditions, in three-valued logic; `method`: `.size()` and its like
//! - `moment`: dates and times; `layout`: where a value would stand in PostgreSQL's own `jsonb`
//! - `functions`: what a client calls
//!
//! INVARIANT: no path is deeper than [`DEPTH_MAX`]: whoever walks one may recurse. What is recursive in the path and in
//! the value is counted where it runs.
//!
//! Chapter 9.16.2 of PostgreSQL's documentation.

mod execute;
mod functions;
mod layout;
mod lex;
mod method;
mod moment;
mod parse;
mod predicate;
mod print;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;

pub use functions::{SCALARS, SETS};

use super::{text_of, utf8};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::io::TypeIo;
use crate::numeric::Numeric;
use crate::regex::Pattern;
use crate::regex::syntax::Options;
use crate::sqlstate;

pub const DEPTH_MAX: usize = 1000;

/// Of the binary form, which is the canonical text behind this byte.
const WIRE_VERSION: u8 = 1;

pub const IO: TypeIo = TypeIo {
    parse: |text, _, _| value(text),
    format: |value, _, out| canonical(value, out),
    receive: |bytes, _| match bytes.split_first() {
        Some((&WIRE_VERSION, text)) => value(utf8(text)?),
        Some((version, _)) => Err(Error::internal(format!("unsupported jsonpath version number: {version}"))),
        None => Err(Error::new(sqlstate::PROTOCOL_VIOLATION, "no data left in message")),
    },
    send: |value, out| {
        let mut text = String::new();
        canonical(value, &mut text);
        out.push(WIRE_VERSION);
        out.extend_from_slice(text.as_bytes());
    },
};

fn value(text: &str) -> Result<Datum> {
    Path::kept(text)?;
    Ok(Datum::text(text))
}

fn canonical(value: &Datum, out: &mut String) {
    match Path::kept(text_of(value)) {
        Ok(path) => print::path(&path, out),
        // It was checked when it came in; what a later version took and this one does not is shown as it is.
        Err(_) => out.push_str(text_of(value)),
    }
}

pub struct Path {
    /// Not strict: what is missing is nothing, and arrays are taken apart where their elements are wanted.
    pub lax: bool,
    pub root: Expression,
}

/// Where to begin, and what to do one after the other with what is found there.
pub struct Expression {
    pub head: Head,
    pub steps: Vec<Step>,
}

pub enum Head {
    Null,
    Bool(bool),
    Number(Numeric),
    Text(String),
    Variable(String),
    Root,
    Current,
    Last,
    Signed(Sign, Box<Expression>),
    Arithmetic(Operator, Box<Expression>, Box<Expression>),
    Predicate(Box<Predicate>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Plus,
    Minus,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

pub enum Step {
    Key(String),
    AnyKey,
    AnyElement,
    Elements(Vec<Range>),
    /// `.**`: everything from `first` to `last` levels down; without a limit, `None`, the last is that of the leaves.
    Levels {
        first: Option<u32>,
        last: Option<u32>,
    },
    Filter(Predicate),
    Method(Method),
    DateTime(Option<String>),
}

pub struct Range {
    pub from: Expression,
    pub to: Option<Expression>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Type,
    Size,
    Double,
    Ceiling,
    Floor,
    Abs,
    KeyValue,
}

pub enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    IsUnknown(Box<Predicate>),
    Exists(Expression),
    Compare(Comparison, Expression, Expression),
    StartsWith(Expression, Expression),
    LikeRegex(Expression, Regex),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub struct Regex {
    pub pattern: String,
    pub flags: Flags,
    /// Compiled when the path is parsed, which is when PostgreSQL refuses it.
    pub compiled: Rc<Pattern>,
}

/// Those of XQuery.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    pub ignore_case: bool,
    pub dot_all: bool,
    pub multi_line: bool,
    pub expanded: bool,
    pub quoted: bool,
}

impl Flags {
    /// What they are for a regular expression of PostgreSQL.
    fn options(self) -> Result<Options> {
        let mut options = Options { ignore_case: self.ignore_case, ..Options::default() };
        if self.quoted {
            options.set('q');
        } else if self.expanded {
            let message = "XQuery \"x\" flag (expanded regular expressions) is not implemented";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
        } else {
            options.newline_stops = !self.dot_all;
            options.newline_anchors = self.multi_line;
        }
        Ok(options)
    }
}

impl Operator {
    pub fn symbol(self) -> char {
        match self {
            Operator::Add => '+',
            Operator::Subtract => '-',
            Operator::Multiply => '*',
            Operator::Divide => '/',
            Operator::Remainder => '%',
        }
    }
}

impl Sign {
    pub fn symbol(self) -> char {
        match self {
            Sign::Plus => '+',
            Sign::Minus => '-',
        }
    }
}

impl Comparison {
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Type => "type",
            Method::Size => "size",
            Method::Double => "double",
            Method::Ceiling => "ceiling",
            Method::Floor => "floor",
            Method::Abs => "abs",
            Method::KeyValue => "keyvalue",
        }
    }
}

const KEPT: usize = 32;

struct Kept {
    text: String,
    path: Rc<Path>,
}

thread_local! {
    /// The last used first: most calls use a constant path.
    static LAST_USED: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

impl Path {
    pub fn new(text: &str) -> Result<Path> {
        parse::parse(text)
    }

    /// The same, unless it is kept from an earlier call.
    pub fn kept(text: &str) -> Result<Rc<Path>> {
        let found = LAST_USED.with_borrow_mut(|kept| {
            let at = kept.iter().position(|entry| entry.text == text)?;
            kept[..=at].rotate_right(1);
            Some(kept[0].path.clone())
        });
        if let Some(path) = found {
            return Ok(path);
        }
        let path = Rc::new(Path::new(text)?);
        LAST_USED.with_borrow_mut(|kept| {
            kept.truncate(KEPT - 1);
            kept.insert(0, Kept { text: text.to_owned(), path: path.clone() });
        });
        Ok(path)
    }
}

/// 54001, as PostgreSQL says it of its stack.
fn too_deep() -> Error {
    Error::new(sqlstate::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
}
