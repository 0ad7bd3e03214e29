//! What the rules may know besides the plan.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::Oid;
use atoll_datum::function::Settings;

use super::stats::Statistics;
use crate::catalog::{Catalog, ColumnOrdinal, Index, IndexId, Table};
use crate::plan::{ColumnId, Expr};

/// The expressions of an index, bound over columns of their own.
#[derive(Clone, Debug)]
pub struct IndexExpressions {
    pub columns: Vec<(ColumnId, ColumnOrdinal)>,
    /// One for each key; none where the key is a column.
    pub keys: Vec<Option<Expr>>,
    pub predicate: Option<Expr>,
}

pub struct Context<'a> {
    pub catalog: &'a Catalog,
    pub settings: &'a Settings,
    pub statistics: &'a dyn Fn(Oid) -> Option<Arc<Statistics>>,
    /// None if they can't be had: then the index is not used.
    pub index_expressions: &'a dyn Fn(&Arc<Table>, &Index) -> Option<IndexExpressions>,
    next_column: Cell<u32>,
    /// What [`Context::index_expressions`] has answered in this statement.
    bound: std::cell::RefCell<BoundIndexes>,
}

/// By table and index.
type BoundIndexes = BTreeMap<(u32, IndexId), Option<Arc<IndexExpressions>>>;

impl<'a> Context<'a> {
    pub fn new(
        catalog: &'a Catalog,
        settings: &'a Settings,
        statistics: &'a dyn Fn(Oid) -> Option<Arc<Statistics>>,
        index_expressions: &'a dyn Fn(&Arc<Table>, &Index) -> Option<IndexExpressions>,
        next_column: u32,
    ) -> Context<'a> {
        let next_column = Cell::new(next_column);
        Context { catalog, settings, statistics, index_expressions, next_column, bound: Default::default() }
    }

    pub fn new_column(&self) -> ColumnId {
        let id = self.next_column.get();
        self.next_column.set(id + 1);
        ColumnId(id)
    }

    pub fn next_column(&self) -> u32 {
        self.next_column.get()
    }

    pub fn expressions_of(&self, table: &Arc<Table>, index: &Index) -> Option<Arc<IndexExpressions>> {
        let mut bound = self.bound.borrow_mut();
        let known = bound.entry((table.oid, index.id()));
        known.or_insert_with(|| (self.index_expressions)(table, index).map(Arc::new)).clone()
    }
}
