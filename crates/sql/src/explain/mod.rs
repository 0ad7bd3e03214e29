//! EXPLAIN: a plan as PostgreSQL would show its own.
//!
//! ```text
//!   plan ──tree──▶ nodes, each with its texts (deparse) and numbers ──render──▶ TEXT, JSON, YAML, XML
//! ```
//!
//! - [`deparse`]: expressions as SQL, with PostgreSQL's parentheses and casts
//! - [`tree`]: from operators to nodes with PostgreSQL's names
//! - [`render`]: the forms
//!
//! Operators that PostgreSQL does within others (a condition, a select list) are shown there. What has no counterpart
//! gets the nearest name: an [`Apply`](crate::plan::Apply) is a Nested Loop whose inner side reads the outer row, rows of
//! a table in the order of its primary key come from a Seq Scan or an Index Scan of that key. Costs are in
//! [the optimizer's own unit](crate::optimize::cost).

pub mod deparse;
pub mod render;
pub mod tree;

/// What the client wants to see.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub analyze: bool,
    pub verbose: bool,
    pub costs: bool,
    pub timing: bool,
    pub summary: bool,
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    Yaml,
    Xml,
}
