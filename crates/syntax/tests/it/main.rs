//! Texts, and what becomes of them.

mod corpus;
mod depth;
mod errors;
mod soup;
mod tree;
