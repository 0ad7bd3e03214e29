//! Layouts that were made, with the catalog that they were made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::{Oid, Result};
use parking_lot::Mutex;

use super::Layout;
use crate::catalog::{Catalog, Table};

/// A catalog's own. A copy of a catalog begins without any: it is made to be changed.
#[derive(Debug, Default)]
pub struct Layouts(Mutex<BTreeMap<Oid, Arc<Layout>>>);

impl Clone for Layouts {
    fn clone(&self) -> Layouts {
        Layouts::default()
    }
}

impl Layouts {
    pub fn of(&self, table: &Arc<Table>, catalog: &Catalog) -> Result<Arc<Layout>> {
        let mut known = self.0.lock();
        if let Some(layout) = known.get(&table.oid()).filter(|layout| Arc::ptr_eq(&layout.table, table)) {
            return Ok(layout.clone());
        }
        let layout = Arc::new(Layout::new(table.clone(), catalog)?);
        known.insert(table.oid(), layout.clone());
        Ok(layout)
    }
}
