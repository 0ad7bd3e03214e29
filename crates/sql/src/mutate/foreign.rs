//! A foreign key, seen from both of its tables.
//!
//! *Child* is the table that refers, *parent* the one referred to; they may be one. A value of the child is compared as
//! one of the parent's type: both sides are converted where their types differ, and a value that the other type doesn't
//! have refers to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::function::{self, Call, Scalar};
use atoll_datum::{Datum, Error, Oid, Result, oid};
use atoll_txn::request::Span;
use bytes::Bytes;

use crate::catalog::{ForeignAction, ForeignKey, IndexId, IndexState, Table};
use crate::session::Scope;
use crate::table::{Layout, Limits, Reach};

#[derive(Debug)]
pub struct Reference {
    pub child: Arc<Table>,
    pub parent: Arc<Table>,
    pub key: ForeignKey,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    /// In rows of the child, of the parent.
    child: usize,
    parent: usize,
    upward: Conversion,
    downward: Conversion,
}

/// The child's index by which those who refer to something are found.
#[derive(Debug)]
pub struct Path {
    index: IndexId,
    /// For each of its first columns: which of the foreign key's.
    columns: Vec<usize>,
}

/// The table's own foreign keys.
pub fn of(table: &Arc<Table>, scope: &Scope) -> Vec<Arc<Reference>> {
    let keys = table.foreign_keys.iter();
    keys.filter_map(|key| {
        let parent =
            if key.referenced_table == table.oid { table } else { scope.catalog.table(Oid(key.referenced_table))? };
        Some(Arc::new(Reference::new(table, parent, key)))
    })
    .collect()
}

/// Foreign keys that refer to the table, in the order in which PostgreSQL would see about them.
pub fn leading_to(table: &Arc<Table>, scope: &Scope) -> Vec<Arc<Reference>> {
    let mut found = BTreeMap::new();
    for oid in &table.referenced_by {
        let Some(child) = (if *oid == table.oid { Some(table) } else { scope.catalog.table(Oid(*oid)) }) else {
            continue;
        };
        for key in child.foreign_keys.iter().filter(|key| key.referenced_table == table.oid) {
            found.insert(key.oid, Arc::new(Reference::new(child, table, key)));
        }
    }
    found.into_values().collect()
}

impl Reference {
    fn new(child: &Arc<Table>, parent: &Arc<Table>, key: &ForeignKey) -> Reference {
        let pairs = key.columns.iter().zip(&key.referenced_columns);
        let columns = pairs.map(|(child_column, parent_column)| {
            let (child_at, parent_at) = (*child_column as usize - 1, *parent_column as usize - 1);
            let from = Oid(child.columns[child_at].type_oid);
            let to = Oid(parent.columns[parent_at].type_oid);
            Column {
                child: child_at,
                parent: parent_at,
                upward: Conversion::new(from, to),
                downward: Conversion::new(to, from),
            }
        });
        Reference { child: child.clone(), parent: parent.clone(), key: key.clone(), columns: columns.collect() }
    }

    /// The same foreign key as the catalog has it now; none if it is gone.
    pub fn renewed(&self, scope: &Scope) -> Option<Reference> {
        let child = scope.catalog.table(self.child.oid())?;
        let key = child.foreign_keys.iter().find(|key| key.oid == self.key.oid)?;
        let parent = scope.catalog.table(Oid(key.referenced_table))?;
        Some(Reference::new(child, parent, key))
    }

    pub fn on_delete(&self) -> ForeignAction {
        self.key.on_delete()
    }

    pub fn on_update(&self) -> ForeignAction {
        self.key.on_update()
    }

    /// Of a row of the child.
    pub fn child_values(&self, row: &[Datum]) -> Vec<Datum> {
        self.columns.iter().map(|column| row[column.child].clone()).collect()
    }

    pub fn child_positions(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|column| column.child)
    }

    /// Of a row of the parent; none if one of them is NULL, so that nobody can refer to it.
    pub fn parent_values(&self, row: &[Datum]) -> Option<Vec<Datum>> {
        let values = self.parent_values_or_null(row);
        (!values.iter().any(Datum::is_null)).then_some(values)
    }

    pub fn parent_values_or_null(&self, row: &[Datum]) -> Vec<Datum> {
        self.columns.iter().map(|column| row[column.parent].clone()).collect()
    }

    /// The child's values as the parent would have them; none if it can't have them.
    pub fn upward(&self, values: &[Datum], scope: &Scope) -> Option<Vec<Datum>> {
        let pairs = self.columns.iter().zip(values);
        pairs.map(|(column, value)| column.upward.apply(value, scope).ok()).collect()
    }

    /// The parent's values as the child has them.
    pub fn downward(&self, values: &[Datum], scope: &Scope) -> Result<Vec<Datum>> {
        let pairs = self.columns.iter().zip(values);
        pairs.map(|(column, value)| column.downward.apply(value, scope)).collect()
    }

    /// Where the parent's entry with these values is, which are none of them NULL.
    pub fn parent_key(&self, values: &[Datum], layout: &Layout) -> Result<Bytes> {
        let gone = || Error::internal(format!("foreign key {} refers to no unique index", self.key.name));
        let index = self.parent.indexes.iter().find(|index| index.oid == self.key.referenced_index).ok_or_else(gone)?;
        let of = layout.index(index.id()).ok_or_else(gone)?;
        let mut tuple = Vec::with_capacity(index.keys.len());
        for key in &index.keys {
            let at = self.key.referenced_columns.iter().position(|column| *column == key.column).ok_or_else(gone)?;
            tuple.push(values[at].clone());
        }
        match of.reaches(&Limits { equal: vec![tuple], ..Limits::default() })?.pop() {
            Some(Reach::Point(key)) => Ok(key),
            _ => Err(gone()),
        }
    }

    /// The index that knows most of the foreign key's columns.
    pub fn path(&self) -> Option<Path> {
        let usable = self.child.indexes.iter().enumerate().filter(|(at, index)| {
            let is_readable = *at == 0 || index.state() == IndexState::Public;
            is_readable && index.predicate.is_none()
        });
        let paths = usable.map(|(_, index)| {
            let of_key = |column: u32| self.key.columns.iter().position(|own| *own == column && column > 0);
            let columns = index.keys.iter().map_while(|key| of_key(key.column)).collect::<Vec<_>>();
            Path { index: index.id(), columns }
        });
        let longer = |best: Path, path: Path| if path.columns.len() > best.columns.len() { path } else { best };
        paths.filter(|path| !path.columns.is_empty()).reduce(longer)
    }

    /// Where in the child those lie that may refer to the parent's values.
    pub fn reach(&self, path: &Path, values: &[Datum], layout: &Layout, scope: &Scope) -> Result<Option<Span>> {
        let mut tuple = Vec::with_capacity(path.columns.len());
        for at in &path.columns {
            match self.columns[*at].downward.apply(&values[*at], scope) {
                Ok(value) => tuple.push(value),
                Err(_) => return Ok(None),
            }
        }
        let gone = || Error::internal(format!("an index of table {} is gone", self.child.name));
        let index = layout.index(path.index).ok_or_else(gone)?;
        let mut reaches = index.reaches(&Limits { equal: vec![tuple], ..Limits::default() })?;
        Ok(reaches.pop().map(|reach| match reach {
            Reach::Point(key) => Span::point(&key),
            Reach::Span(span) => span,
        }))
    }
}

impl Path {
    pub fn index(&self) -> IndexId {
        self.index
    }
}

/// From one type to another one that PostgreSQL lets refer to it.
#[derive(Clone, Copy)]
enum Conversion {
    Same,
    Cast { function: Scalar, source: Oid, target: Oid },
    Missing { source: Oid, target: Oid },
}

impl std::fmt::Debug for Conversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Conversion::Same => f.write_str("Same"),
            Conversion::Cast { source, target, .. } => write!(f, "Cast({source} to {target})"),
            Conversion::Missing { source, target } => write!(f, "Missing({source} to {target})"),
        }
    }
}

impl Conversion {
    fn new(source: Oid, target: Oid) -> Conversion {
        let is_text = |of: Oid| matches!(of, oid::TEXT | oid::VARCHAR);
        if source == target || (is_text(source) && is_text(target)) {
            return Conversion::Same;
        }
        let Some(cast) = builtin().cast(source, target) else { return Conversion::Missing { source, target } };
        if cast.method == b'b' {
            return Conversion::Same;
        }
        let row = builtin().function(cast.function);
        match row.and_then(|row| function::scalar(row.source)) {
            Some(function) => Conversion::Cast { function, source, target },
            None => Conversion::Missing { source, target },
        }
    }

    fn apply(&self, value: &Datum, scope: &Scope) -> Result<Datum> {
        match self {
            _ if value.is_null() => Ok(Datum::Null),
            Conversion::Same => Ok(value.clone()),
            Conversion::Cast { function, source, target } => {
                let types = [*source];
                let call = Call { settings: &scope.settings, argument_types: &types, result_type: *target };
                // Casts with a length take it as a further argument; without one they cut nothing.
                function(&call, std::slice::from_ref(value))
            }
            Conversion::Missing { source, target } => {
                Err(Error::unsupported(format!("a foreign key from type {source} to type {target}")))
            }
        }
    }
}
