//! What exists: databases, schemas, tables, indexes, types, roles.
//!
//! - [`descriptor`]: one object, as stored and as read
//! - this file: all of them at one moment, found by oid and by name
//! - [`store`]: as they lie in the store, and what a transaction changes of them
//! - [`statistics`]: what is known of the rows of tables
//! - [`privileges`]: who may do what
//! - [`sequence`]: the values of sequences
//!
//! A [`Catalog`] is immutable. A node has one current catalog; a transaction that changes definitions has its own, which
//! becomes the node's when it commits. Who uses a table holds a lock on it (see [`crate::session`]) and so sees no other
//! version of it until its end.

pub mod descriptor;
pub mod privileges;
pub mod sequence;
pub mod statistics;
pub mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atoll_datum::builtin::builtin;
use atoll_datum::io::{ArrayForm, Form};
use atoll_datum::{EnumType, Oid, Result};

use crate::table::{Layout, Layouts};

pub use descriptor::*;

/// PostgreSQL's FirstNormalObjectId: users' objects begin here.
pub const FIRST_USER_OID: u32 = 16384;

// As in PostgreSQL, which tools rely on.
pub const POSTGRES_ROLE: Oid = Oid(10);
pub const PG_CATALOG: Oid = Oid(11);
pub const PUBLIC: Oid = Oid(2200);
pub const TEMPLATE1: Oid = Oid(1);
pub const TEMPLATE0: Oid = Oid(4);
pub const POSTGRES_DATABASE: Oid = Oid(5);
/// Whoever owns the current database is a member of it.
pub const DATABASE_OWNER_ROLE: Oid = Oid(6171);
/// PostgreSQL gives it one at initdb; stable here.
pub const INFORMATION_SCHEMA: Oid = Oid(13000);

/// A user's type as expressions need it.
#[derive(Debug)]
pub struct EnumEntry {
    pub descriptor: UserType,
    pub labels: Arc<EnumType>,
}

#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub databases: BTreeMap<Oid, Arc<Database>>,
    pub schemas: BTreeMap<Oid, Arc<Schema>>,
    pub tables: BTreeMap<Oid, Arc<Table>>,
    pub types: BTreeMap<Oid, Arc<EnumEntry>>,
    pub roles: BTreeMap<Oid, Arc<Role>>,
    database_names: BTreeMap<String, Oid>,
    schema_names: BTreeMap<(Oid, String), Oid>,
    /// Tables, views, sequences by schema and name.
    table_names: BTreeMap<(Oid, String), Oid>,
    /// Indexes share the namespace of tables: to their table.
    index_names: BTreeMap<(Oid, String), Oid>,
    index_tables: BTreeMap<Oid, Oid>,
    type_names: BTreeMap<(Oid, String), Oid>,
    array_types: BTreeMap<Oid, Oid>,
    /// The type of a table's rows (and its array) to the table.
    row_types: BTreeMap<Oid, Oid>,
    role_names: BTreeMap<String, Oid>,
    /// Different for any two catalogs of a process that differ: what was made for one is of use with that one only.
    pub version: u64,
    layouts: Layouts,
}

/// For [`Catalog::version`].
pub fn next_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl Catalog {
    /// How a table's rows lie, made once.
    pub fn layout(&self, table: &Arc<Table>) -> Result<Arc<Layout>> {
        self.layouts.of(table, self)
    }

    pub fn database_named(&self, name: &str) -> Option<&Arc<Database>> {
        self.databases.get(self.database_names.get(name)?)
    }

    /// `pg_catalog` and `information_schema` are in every database.
    pub fn schema_named(&self, database: Oid, name: &str) -> Option<Oid> {
        match name {
            "pg_catalog" => Some(PG_CATALOG),
            "information_schema" => Some(INFORMATION_SCHEMA),
            _ => self.schema_names.get(&(database, name.to_owned())).copied(),
        }
    }

    pub fn table_named(&self, schema: Oid, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(self.table_names.get(&(schema, name.to_owned()))?)
    }

    pub fn table(&self, oid: Oid) -> Option<&Arc<Table>> {
        self.tables.get(&oid)
    }

    pub fn index_named(&self, schema: Oid, name: &str) -> Option<(&Arc<Table>, &Index)> {
        let table = self.tables.get(self.index_names.get(&(schema, name.to_owned()))?)?;
        Some((table, table.indexes.iter().find(|index| index.name == name)?))
    }

    pub fn index(&self, oid: Oid) -> Option<(&Arc<Table>, &Index)> {
        let table = self.tables.get(self.index_tables.get(&oid)?)?;
        Some((table, table.indexes.iter().find(|index| index.oid == oid.0)?))
    }

    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(self.role_names.get(name)?)
    }

    pub fn enum_named(&self, schema: Oid, name: &str) -> Option<&Arc<EnumEntry>> {
        self.types.get(self.type_names.get(&(schema, name.to_owned()))?)
    }

    /// The user's enum type with this oid, or whose array has it.
    pub fn enum_type(&self, oid: Oid) -> Option<&Arc<EnumEntry>> {
        self.types.get(&oid)
    }

    /// The table whose rows (or arrays of them) are of this type.
    pub fn row_type_table(&self, oid: Oid) -> Option<&Arc<Table>> {
        self.tables.get(self.row_types.get(&oid)?)
    }

    /// The element type of an array type.
    pub fn element_type(&self, array: Oid) -> Option<Oid> {
        match builtin().type_by_oid(array) {
            Some(row) if row.is_array() => Some(row.element),
            Some(_) => None,
            None => self.array_types.get(&array).copied(),
        }
    }

    pub fn array_type(&self, element: Oid) -> Option<Oid> {
        match builtin().type_by_oid(element) {
            Some(row) => (!row.array.is_none()).then_some(row.array),
            None => self.types.get(&element).map(|entry| Oid(entry.descriptor.array_oid)),
        }
    }

    /// How values of a type are read and printed.
    pub fn form(&self, oid: Oid) -> Option<Form> {
        if oid.0 < FIRST_USER_OID {
            return Form::of(oid);
        }
        if let Some(entry) = self.types.get(&oid) {
            return Some(Form::Enum(entry.labels.clone()));
        }
        let element_type = *self.array_types.get(&oid)?;
        let element = self.form(element_type)?;
        Some(Form::Array(Arc::new(ArrayForm { element_type, element, delimiter: b',' })))
    }

    // -------------------------------------------------------------------------------------------------------- changing

    pub fn put_database(&mut self, database: Database) {
        self.drop_database(Oid(database.oid));
        self.database_names.insert(database.name.clone(), Oid(database.oid));
        self.databases.insert(Oid(database.oid), Arc::new(database));
    }

    pub fn drop_database(&mut self, oid: Oid) {
        if let Some(old) = self.databases.remove(&oid) {
            self.database_names.remove(&old.name);
        }
    }

    pub fn put_schema(&mut self, schema: Schema) {
        self.drop_schema(Oid(schema.oid));
        self.schema_names.insert((Oid(schema.database), schema.name.clone()), Oid(schema.oid));
        self.schemas.insert(Oid(schema.oid), Arc::new(schema));
    }

    pub fn drop_schema(&mut self, oid: Oid) {
        if let Some(old) = self.schemas.remove(&oid) {
            self.schema_names.remove(&(Oid(old.database), old.name.clone()));
        }
    }

    pub fn put_table(&mut self, table: Table) {
        let (oid, schema) = (Oid(table.oid), Oid(table.schema));
        self.drop_table(oid);
        self.table_names.insert((schema, table.name.clone()), oid);
        for index in table.indexes.iter().filter(|index| index.oid != 0) {
            self.index_names.insert((schema, index.name.clone()), oid);
            self.index_tables.insert(Oid(index.oid), oid);
        }
        for row_type in [table.row_type, table.row_array_type] {
            if row_type != 0 {
                self.row_types.insert(Oid(row_type), oid);
            }
        }
        self.tables.insert(oid, Arc::new(table));
    }

    pub fn drop_table(&mut self, oid: Oid) {
        let Some(old) = self.tables.remove(&oid) else { return };
        let schema = Oid(old.schema);
        self.table_names.remove(&(schema, old.name.clone()));
        for index in &old.indexes {
            self.index_names.remove(&(schema, index.name.clone()));
            self.index_tables.remove(&Oid(index.oid));
        }
        self.row_types.remove(&Oid(old.row_type));
        self.row_types.remove(&Oid(old.row_array_type));
    }

    pub fn put_type(&mut self, descriptor: UserType) {
        // They hold the labels of enums.
        self.layouts = Layouts::default();
        self.drop_type(Oid(descriptor.oid));
        let oid = Oid(descriptor.oid);
        let labels = descriptor
            .labels
            .iter()
            .map(|label| atoll_datum::datum::EnumLabel { oid: Oid(label.oid), label: label.label.as_str().into() });
        let labels = Arc::new(EnumType { oid, name: descriptor.name.clone(), labels: labels.collect() });
        self.type_names.insert((Oid(descriptor.schema), descriptor.name.clone()), oid);
        self.array_types.insert(Oid(descriptor.array_oid), oid);
        self.types.insert(oid, Arc::new(EnumEntry { descriptor, labels }));
    }

    pub fn drop_type(&mut self, oid: Oid) {
        if let Some(old) = self.types.remove(&oid) {
            self.type_names.remove(&(Oid(old.descriptor.schema), old.descriptor.name.clone()));
            self.array_types.remove(&Oid(old.descriptor.array_oid));
        }
    }

    pub fn put_role(&mut self, role: Role) {
        self.drop_role(Oid(role.oid));
        self.role_names.insert(role.name.clone(), Oid(role.oid));
        self.roles.insert(Oid(role.oid), Arc::new(role));
    }

    pub fn drop_role(&mut self, oid: Oid) {
        if let Some(old) = self.roles.remove(&oid) {
            self.role_names.remove(&old.name);
        }
    }
}
