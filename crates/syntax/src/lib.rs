//! PostgreSQL 15's SQL text to a tree.

pub mod ast;

/// How deep expressions, queries and joins may be nested.
pub const DEPTH_MAX: u32 = 1000;
