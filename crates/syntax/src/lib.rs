//! PostgreSQL 15's SQL text to a tree, and back.
//!
//! Read in this order:
//!
//! - [`ast`]: the tree, which is what the rest of the system knows of this crate
//! - `keyword`, `lexer`: words and tokens
//! - `parse`: from tokens to the tree
//! - [`print`](mod@crate::print): from the tree to a text that means the same
//!
//! Errors are PostgreSQL's: the same text, the same SQLSTATE, the same position. What PostgreSQL has and Atoll will not
//! have soon is [`ast::Statement::Unsupported`], so that it is refused as a feature and not as a mistake.
//!
//! What it deliberately does not do: look up any name, or know what a statement means. XML is refused here, because
//! its syntax is large and its use small.

pub mod ast;
pub mod keyword;
mod lexer;
mod parse;
pub mod print;

pub use parse::{parse, parse_expression, parse_type};

/// How deep expressions, queries and joins may be nested, and how high their trees may grow. A deeper statement is
/// refused (54001), so that neither reading a tree nor walking it runs out of stack.
pub const DEPTH_MAX: u32 = 1000;
