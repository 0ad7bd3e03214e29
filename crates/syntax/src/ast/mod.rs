//! The tree of a statement: what was written, before any name in it is looked up.
//!
//! Read in this order:
//!
//! - this file: positions, names, options
//! - [`types`]: the name of a type
//! - [`expression`]: everything that has a value
//! - [`query`]: SELECT and its parts
//! - [`statement`]: the list of all statements; reading, writing, transactions, sessions
//! - [`definition`]: tables, indexes, views, sequences
//! - [`object`]: schemas, databases, roles, types, functions, and DROP, RENAME, COMMENT of anything
//!
//! INVARIANT: two trees are equal if they mean the same text, wherever it stands: an [`At`] equals every other. The
//! binder relies on it to find a grouped expression in the select list.
//!
//! INVARIANT: SQL's spellings are resolved as PostgreSQL's grammar does it (`integer` is `pg_catalog.int4`,
//! `x AT TIME ZONE z` is `pg_catalog.timezone(z, x)`, `!=` is `<>`, `TABLE t` is `SELECT * FROM t`), so nobody
//! above has to know two forms of one thing.
//!
//! INVARIANT: no tree is higher than [`crate::DEPTH_MAX`], so it can be walked by recursion.

pub mod definition;
pub mod expression;
pub mod object;
pub mod query;
pub mod statement;
pub mod types;

use std::fmt;
use std::hash::{Hash, Hasher};

pub use definition::*;
pub use expression::*;
pub use object::*;
pub use query::*;
pub use statement::*;
pub use types::*;

/// A byte of the text that was parsed. All are equal, so that trees compare by meaning.
#[derive(Clone, Copy, Default)]
pub struct At(pub u32);

impl At {
    /// For [`atoll_datum::Error::at`].
    pub fn offset(self) -> usize {
        self.0 as usize
    }
}

impl PartialEq for At {
    fn eq(&self, _: &At) -> bool {
        true
    }
}

impl Eq for At {}

impl Hash for At {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

/// One identifier: folded to lower case unless it was quoted, at most 63 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    pub text: Box<str>,
    pub at: At,
}

impl Name {
    pub fn new(text: impl Into<Box<str>>, at: At) -> Name {
        Name { text: text.into(), at }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:?}", self.text, self.at)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name with its qualifiers, `catalog.schema.name` at most where PostgreSQL checks it; never empty.
pub type QualifiedName = Vec<Name>;

/// One of the `name value` pairs that COPY, EXPLAIN, VACUUM, WITH (...) and many others take.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// `toast` in `toast.autovacuum_enabled`.
    pub namespace: Option<Name>,
    /// In lower case, as the grammar spells it: the old forms of COPY and EXPLAIN arrive under the new names.
    pub name: Name,
    pub value: Option<SettingValue>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SettingValue {
    /// A string or a word: PostgreSQL makes no difference.
    Text(Box<str>),
    /// With its sign, as written.
    Number(Box<str>),
    List(Vec<SettingValue>),
    Star,
    /// `SET TIME ZONE INTERVAL '1' HOUR`.
    Interval(Box<str>, Box<TypeName>),
}

/// CASCADE or RESTRICT; RESTRICT if nothing was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DropBehavior {
    #[default]
    Restrict,
    Cascade,
}
