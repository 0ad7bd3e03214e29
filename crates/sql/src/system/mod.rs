//! `pg_catalog` and `information_schema`: tables that are computed from the catalog when they are read.

use atoll_datum::{Datum, Oid, Result};

use crate::session::Scope;

pub struct SystemTable {
    /// As PostgreSQL numbers it: pg_class is 1259.
    pub oid: Oid,
    pub schema: Oid,
    pub name: &'static str,
    pub columns: &'static [SystemColumn],
    pub rows: fn(&Scope) -> Result<Vec<Vec<Datum>>>,
}

pub struct SystemColumn {
    pub name: &'static str,
    pub ty: Oid,
    pub not_null: bool,
}

impl std::fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const TABLES: &[&[SystemTable]] = &[];

pub fn table(schema: Oid, name: &str) -> Option<&'static SystemTable> {
    TABLES.iter().flat_map(|tables| tables.iter()).find(|table| table.schema == schema && table.name == name)
}

pub fn tables() -> impl Iterator<Item = &'static SystemTable> {
    TABLES.iter().flat_map(|tables| tables.iter())
}
