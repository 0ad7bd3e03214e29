//! What a statement does with relations: for privileges, and for the locks on descriptors.

use std::collections::BTreeSet;

use atoll_datum::Oid;

use crate::catalog::ColumnOrdinal;

/// One mention of a relation. Sets of columns say on which of them the privilege is needed; an empty one, on any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelationUse {
    pub relation: Oid,
    /// Whose privileges count: within a view those of its owner.
    pub as_role: Oid,
    pub select: Option<BTreeSet<ColumnOrdinal>>,
    pub insert: Option<BTreeSet<ColumnOrdinal>>,
    pub update: Option<BTreeSet<ColumnOrdinal>>,
    pub delete: bool,
    /// FOR UPDATE and its like, which need UPDATE on some column.
    pub lock: bool,
}

impl RelationUse {
    pub fn new(relation: Oid, as_role: Oid) -> RelationUse {
        RelationUse { relation, as_role, select: None, insert: None, update: None, delete: false, lock: false }
    }

    pub fn is_written(&self) -> bool {
        self.insert.is_some() || self.update.is_some() || self.delete
    }
}

/// For the tag that a client is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandKind {
    Select,
    Insert,
    Update,
    Delete,
}
