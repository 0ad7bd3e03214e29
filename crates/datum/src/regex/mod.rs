//! Regular expressions: the operators `~` and their kin, the functions `regexp_…`, SIMILAR TO.
//!
//! - [`syntax`]: PostgreSQL's expressions as a tree
//! - [`pattern`]: the tree compiled for searching
//! - [`matcher`]: which group matched what, references, looking around
//! - [`similar`]: SQL's patterns rewritten
//! - [`functions`]: what a client calls
//!
//! What it deliberately does not do: basic regular expressions, named collating elements.

pub mod functions;
pub mod matcher;
pub mod pattern;
pub mod similar;
pub mod syntax;
#[cfg(test)]
mod tests;

use functions::*;
pub use pattern::Pattern;

use crate::function::{ScalarTable, SetTable};

pub const SCALARS: ScalarTable = &[
    ("textregexeq", |_, a| is_match(a, false, false)),
    ("textregexne", |_, a| is_match(a, false, true)),
    ("texticregexeq", |_, a| is_match(a, true, false)),
    ("texticregexne", |_, a| is_match(a, true, true)),
    ("nameregexeq", |_, a| is_match(a, false, false)),
    ("nameregexne", |_, a| is_match(a, false, true)),
    ("nameicregexeq", |_, a| is_match(a, true, false)),
    ("nameicregexne", |_, a| is_match(a, true, true)),
    ("textregexsubstr", |_, a| substring(a)),
    ("substring:25 25 25", |_, a| substring_similar(a)),
    ("similar_to_escape_1", |_, a| similar_to(a)),
    ("similar_to_escape_2", |_, a| similar_to(a)),
    ("similar_escape", |_, a| similar_escape(a)),
    ("regexp_like_no_flags", |_, a| regexp_like(a)),
    ("regexp_like", |_, a| regexp_like(a)),
    ("regexp_count_no_start", |_, a| regexp_count(a)),
    ("regexp_count_no_flags", |_, a| regexp_count(a)),
    ("regexp_count", |_, a| regexp_count(a)),
    ("regexp_instr_no_start", |_, a| regexp_instr(a)),
    ("regexp_instr_no_n", |_, a| regexp_instr(a)),
    ("regexp_instr_no_endoption", |_, a| regexp_instr(a)),
    ("regexp_instr_no_flags", |_, a| regexp_instr(a)),
    ("regexp_instr_no_subexpr", |_, a| regexp_instr(a)),
    ("regexp_instr", |_, a| regexp_instr(a)),
    ("regexp_substr_no_start", |_, a| regexp_substr(a)),
    ("regexp_substr_no_n", |_, a| regexp_substr(a)),
    ("regexp_substr_no_flags", |_, a| regexp_substr(a)),
    ("regexp_substr_no_subexpr", |_, a| regexp_substr(a)),
    ("regexp_substr", |_, a| regexp_substr(a)),
    ("regexp_match_no_flags", |_, a| regexp_match(a)),
    ("regexp_match", |_, a| regexp_match(a)),
    ("textregexreplace_noopt", |_, a| regexp_replace(a)),
    ("textregexreplace", |_, a| regexp_replace(a)),
    ("textregexreplace_extended_no_n", |_, a| regexp_replace_from(a)),
    ("textregexreplace_extended_no_flags", |_, a| regexp_replace_from(a)),
    ("textregexreplace_extended", |_, a| regexp_replace_from(a)),
    ("regexp_split_to_array_no_flags", |_, a| regexp_split_to_array(a)),
    ("regexp_split_to_array", |_, a| regexp_split_to_array(a)),
];

pub const SETS: SetTable = &[
    ("regexp_matches_no_flags", |_, a| regexp_matches(a)),
    ("regexp_matches", |_, a| regexp_matches(a)),
    ("regexp_split_to_table_no_flags", |_, a| regexp_split_to_table(a)),
    ("regexp_split_to_table", |_, a| regexp_split_to_table(a)),
];
