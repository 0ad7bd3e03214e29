//! Descriptors as pairs in the store, and what a transaction changes of them.
//!
//! ```text
//!   08 ‖ kind ‖ oid (4)                    ─▶  version of the format (1) ‖ descriptor
//!   09 ‖ kind ‖ parent oid (4) ‖ name      ─▶  oid (4)
//!   0a                                     ─▶  the next oid that nobody has (4)
//!   0b                                     ─▶  the transaction that changed definitions last
//! ```
//! What was found about the rows of tables lies beside them: [`statistics`].
//!
//! The entries under 09 are there for uniqueness: whoever makes or renames an object locks its name. A table's indexes
//! are part of its descriptor, and have names of their own beside those of tables.
//!
//! INVARIANT: a descriptor is written only by who has locked its key and found there the version it started from. So
//! two nodes never build on different versions of one object.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_txn::lock::Strength;
use atoll_txn::request::{Span, WaitPolicy};
use atoll_txn::{Isolation, Timestamp, error::Retry};
use bytes::Bytes;
use prost::Message;

use super::statistics::{self, Known};
use super::{
    Catalog, Database, FIRST_USER_OID, POSTGRES_DATABASE, POSTGRES_ROLE, PUBLIC, Role, Schema, TEMPLATE0, TEMPLATE1,
    Table, UserType,
};
use crate::exec::{Failure, Result};
use crate::kv::{self, Txn};
use crate::optimize::stats::Statistics;

const DESCRIPTORS: u8 = 0x08;
const NAMES: u8 = 0x09;
const NEXT_OID: u8 = 0x0a;
const STAMP: u8 = 0x0b;

const FORMAT: u8 = 1;

/// Oids that a node takes at once.
const OID_BLOCK: u32 = 64;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Kind {
    Database = 1,
    Schema = 2,
    Table = 3,
    Type = 4,
    Role = 5,
}

impl Kind {
    pub fn from_byte(byte: u8) -> Option<Kind> {
        [Kind::Database, Kind::Schema, Kind::Table, Kind::Type, Kind::Role].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Any descriptor.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    Database(Arc<Database>),
    Schema(Arc<Schema>),
    Table(Arc<Table>),
    Type(Arc<UserType>),
    Role(Arc<Role>),
}

macro_rules! objects {
    ($($kind:ident: $descriptor:ty),*) => { $(
        impl From<$descriptor> for Object {
            fn from(descriptor: $descriptor) -> Object {
                Object::$kind(Arc::new(descriptor))
            }
        }
    )* };
}

objects!(Database: Database, Schema: Schema, Table: Table, Type: UserType, Role: Role);

/// What must be unique: a kind, where, a name.
type NameKey = (Kind, u32, String);

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Object::Database(_) => Kind::Database,
            Object::Schema(_) => Kind::Schema,
            Object::Table(_) => Kind::Table,
            Object::Type(_) => Kind::Type,
            Object::Role(_) => Kind::Role,
        }
    }

    pub fn oid(&self) -> Oid {
        Oid(match self {
            Object::Database(database) => database.oid,
            Object::Schema(schema) => schema.oid,
            Object::Table(table) => table.oid,
            Object::Type(of) => of.oid,
            Object::Role(role) => role.oid,
        })
    }

    fn names(&self) -> BTreeSet<NameKey> {
        match self {
            Object::Database(database) => [(Kind::Database, 0, database.name.clone())].into(),
            Object::Schema(schema) => [(Kind::Schema, schema.database, schema.name.clone())].into(),
            Object::Type(of) => [(Kind::Type, of.schema, of.name.clone())].into(),
            Object::Role(role) => [(Kind::Role, 0, role.name.clone())].into(),
            Object::Table(table) => {
                let indexes = table.indexes.iter().filter(|index| index.oid != 0).map(|index| index.name.clone());
                indexes.chain([table.name.clone()]).map(|name| (Kind::Table, table.schema, name)).collect()
            }
        }
    }

    fn encode(&self) -> Bytes {
        let mut out = vec![FORMAT];
        let written = match self {
            Object::Database(database) => database.encode(&mut out),
            Object::Schema(schema) => schema.encode(&mut out),
            Object::Table(table) => table.encode(&mut out),
            Object::Type(of) => of.encode(&mut out),
            Object::Role(role) => role.encode(&mut out),
        };
        written.expect("a vector grows as needed");
        out.into()
    }

    fn decode(kind: Kind, bytes: &[u8]) -> Option<Object> {
        let [FORMAT, bytes @ ..] = bytes else { return None };
        Some(match kind {
            Kind::Database => Database::decode(bytes).ok()?.into(),
            Kind::Schema => Schema::decode(bytes).ok()?.into(),
            Kind::Table => Table::decode(bytes).ok()?.into(),
            Kind::Type => UserType::decode(bytes).ok()?.into(),
            Kind::Role => Role::decode(bytes).ok()?.into(),
        })
    }

    fn find(catalog: &Catalog, kind: Kind, oid: Oid) -> Option<Object> {
        Some(match kind {
            Kind::Database => Object::Database(catalog.databases.get(&oid)?.clone()),
            Kind::Schema => Object::Schema(catalog.schemas.get(&oid)?.clone()),
            Kind::Table => Object::Table(catalog.tables.get(&oid)?.clone()),
            Kind::Type => Object::Type(Arc::new(catalog.types.get(&oid)?.descriptor.clone())),
            Kind::Role => Object::Role(catalog.roles.get(&oid)?.clone()),
        })
    }
}

fn descriptor_key(kind: Kind, oid: Oid) -> Bytes {
    let [a, b, c, d] = oid.0.to_be_bytes();
    Bytes::copy_from_slice(&[DESCRIPTORS, kind as u8, a, b, c, d])
}

fn name_key((kind, parent, name): &NameKey) -> Bytes {
    let mut key = vec![NAMES, *kind as u8];
    key.extend_from_slice(&parent.to_be_bytes());
    key.extend_from_slice(name.as_bytes());
    key.into()
}

fn damaged(what: &str) -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, format!("{what} in the catalog's store is damaged"))
}

// ------------------------------------------------------------------------------------------------------------- changing

/// An object as a transaction leaves it; none if it drops it.
#[derive(Clone, Debug)]
struct Change {
    kind: Kind,
    oid: Oid,
    after: Option<Object>,
}

/// Which objects a transaction has changed.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    pub objects: BTreeSet<(Kind, Oid)>,
    /// Tables whose statistics are others.
    pub analyzed: BTreeSet<Oid>,
}

/// What a transaction has changed of the catalog so far.
#[derive(Default)]
pub struct Changes {
    log: Vec<Change>,
    /// The catalog with the changes, and the one without on which it builds.
    private: Option<(Arc<Catalog>, Arc<Catalog>)>,
    /// What it has done to the statistics, and those with it, likewise.
    statistics: Vec<statistics::Change>,
    private_statistics: Option<(Arc<Known>, Arc<Known>)>,
    /// Something is to be done when it has committed.
    has_jobs: bool,
}

/// How many changes there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    log: usize,
    statistics: usize,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.log.is_empty() && self.statistics.is_empty()
    }

    /// Whether definitions have changed.
    pub fn has_definitions(&self) -> bool {
        !self.log.is_empty()
    }

    /// The statistics as the transaction sees them.
    pub fn known(&mut self, current: &Arc<Known>) -> Arc<Known> {
        if self.statistics.is_empty() {
            self.private_statistics = None;
            return current.clone();
        }
        if let Some((private, base)) = &self.private_statistics
            && Arc::ptr_eq(base, current)
        {
            return private.clone();
        }
        let mut known = Known::clone(current);
        self.apply_statistics(&mut known);
        let known = Arc::new(known);
        self.private_statistics = Some((known.clone(), current.clone()));
        known
    }

    pub fn apply_statistics(&self, known: &mut Known) {
        for change in &self.statistics {
            known.apply(change);
        }
    }

    /// Writes what ANALYZE has found.
    pub fn found(&mut self, txn: &mut dyn Txn, table: Oid, statistics: Arc<Statistics>) -> Result<()> {
        self.note_statistics(txn, statistics::Change::Found { table, statistics })
    }

    fn note_statistics(&mut self, txn: &mut dyn Txn, change: statistics::Change) -> Result<()> {
        statistics::write(txn, &change)?;
        self.statistics.push(change);
        self.private_statistics = None;
        Ok(())
    }

    /// A table's descriptor becomes another, or goes: what was found about columns that are no more goes with them.
    fn table_changes(&mut self, txn: &mut dyn Txn, before: Option<&Object>, after: Option<&Object>) -> Result<()> {
        let Some(Object::Table(old)) = before else { return Ok(()) };
        let new = match after {
            Some(Object::Table(new)) => Some(&**new),
            _ => None,
        };
        statistics::changes_with(old, new).into_iter().try_for_each(|change| self.note_statistics(txn, change))
    }

    /// The catalog as the transaction sees it: `current` with its own changes.
    pub fn catalog(&mut self, current: &Arc<Catalog>) -> Arc<Catalog> {
        if self.log.is_empty() {
            self.private = None;
            return current.clone();
        }
        if let Some((private, base)) = &self.private
            && Arc::ptr_eq(base, current)
        {
            return private.clone();
        }
        let mut catalog = Catalog::clone(current);
        self.apply(&mut catalog);
        catalog.version = super::next_version();
        let catalog = Arc::new(catalog);
        self.private = Some((catalog.clone(), current.clone()));
        catalog
    }

    /// To be given to [`Self::rollback_to`] together with a savepoint of the transaction.
    pub fn mark(&self) -> Mark {
        Mark { log: self.log.len(), statistics: self.statistics.len() }
    }

    pub fn rollback_to(&mut self, mark: Mark) {
        if mark.log < self.log.len() {
            self.log.truncate(mark.log);
            self.private = None;
        }
        if mark.statistics < self.statistics.len() {
            self.statistics.truncate(mark.statistics);
            self.private_statistics = None;
        }
    }

    /// Does to a catalog what the transaction has done to its own.
    pub fn apply(&self, catalog: &mut Catalog) {
        for change in &self.log {
            change.apply(catalog);
        }
    }

    pub fn touched(&self) -> Touched {
        Touched {
            objects: self.log.iter().map(|change| (change.kind, change.oid)).collect(),
            analyzed: self.statistics.iter().map(statistics::Change::table).collect(),
        }
    }

    /// Tables that the transaction has made, changed or dropped.
    pub fn tables(&self) -> impl Iterator<Item = Oid> {
        self.log.iter().filter(|change| change.kind == Kind::Table).map(|change| change.oid)
    }

    /// A table that the transaction has changed, as it is then; none if it has dropped it.
    pub fn table_after(&self, table: Oid) -> Option<Arc<Table>> {
        let mut changes = self.log.iter().rev();
        match &changes.find(|change| change.kind == Kind::Table && change.oid == table)?.after {
            Some(Object::Table(table)) => Some(table.clone()),
            _ => None,
        }
    }

    pub fn leaves_jobs(&mut self) {
        self.has_jobs = true;
    }

    pub fn has_jobs(&self) -> bool {
        self.has_jobs
    }

    /// Whether the transaction itself has made the table, so that nobody else sees it yet.
    pub fn has_made(&self, table: Oid) -> bool {
        self.private
            .as_ref()
            .is_some_and(|(private, base)| private.tables.contains_key(&table) && !base.tables.contains_key(&table))
    }

    /// Writes a new or changed descriptor. `current` is the node's catalog.
    pub async fn put(&mut self, txn: &mut dyn Txn, current: &Arc<Catalog>, object: Object) -> Result<()> {
        let (kind, oid) = (object.kind(), object.oid());
        let seen = self.catalog(current);
        let before = Object::find(&seen, kind, oid);
        lock_version(txn, kind, oid, before.as_ref()).await?;
        let (old, new) = (before.as_ref().map(Object::names).unwrap_or_default(), object.names());
        for name in old.difference(&new) {
            txn.delete(name_key(name))?;
        }
        for name in new.difference(&old) {
            take_name(txn, name, oid).await?;
        }
        txn.put(descriptor_key(kind, oid), object.encode())?;
        self.table_changes(txn, before.as_ref(), Some(&object))?;
        self.note(txn, current, Change { kind, oid, after: Some(object) })
    }

    pub async fn delete(&mut self, txn: &mut dyn Txn, current: &Arc<Catalog>, kind: Kind, oid: Oid) -> Result<()> {
        let seen = self.catalog(current);
        let Some(before) = Object::find(&seen, kind, oid) else { return Ok(()) };
        lock_version(txn, kind, oid, Some(&before)).await?;
        for name in before.names() {
            txn.delete(name_key(&name))?;
        }
        txn.delete(descriptor_key(kind, oid))?;
        self.table_changes(txn, Some(&before), None)?;
        self.note(txn, current, Change { kind, oid, after: None })
    }

    fn note(&mut self, txn: &mut dyn Txn, current: &Arc<Catalog>, change: Change) -> Result<()> {
        if self.log.is_empty() {
            // Nobody reads it before writing, so that transactions with different definitions do not meet here.
            let stamp = txn.id().to_bytes();
            txn.put(Bytes::from_static(&[STAMP]), Bytes::copy_from_slice(&stamp))?;
        }
        let private = match self.private.take() {
            Some((private, base)) if Arc::ptr_eq(&base, current) => private,
            _ => self.catalog(current),
        };
        let mut private = Arc::unwrap_or_clone(private);
        change.apply(&mut private);
        private.version = super::next_version();
        self.log.push(change);
        self.private = Some((Arc::new(private), current.clone()));
        Ok(())
    }
}

impl Change {
    fn apply(&self, catalog: &mut Catalog) {
        match &self.after {
            Some(object) => object.insert_into(catalog),
            None => match self.kind {
                Kind::Database => catalog.drop_database(self.oid),
                Kind::Schema => catalog.drop_schema(self.oid),
                Kind::Table => catalog.drop_table(self.oid),
                Kind::Type => catalog.drop_type(self.oid),
                Kind::Role => catalog.drop_role(self.oid),
            },
        }
    }
}

impl Object {
    fn insert_into(&self, catalog: &mut Catalog) {
        match self {
            Object::Database(database) => catalog.put_database(Database::clone(database)),
            Object::Schema(schema) => catalog.put_schema(Schema::clone(schema)),
            Object::Table(table) => catalog.put_table(Table::clone(table)),
            Object::Type(of) => catalog.put_type(UserType::clone(of)),
            Object::Role(role) => catalog.put_role(Role::clone(role)),
        }
    }
}

/// Locks a descriptor and makes sure that it is what this node believes.
async fn lock_version(txn: &mut dyn Txn, kind: Kind, oid: Oid, believed: Option<&Object>) -> Result<()> {
    let key = descriptor_key(kind, oid);
    let rows = txn.lock_newest(std::slice::from_ref(&key), Strength::Update, WaitPolicy::Wait).await?;
    let stored = rows.first().and_then(|row| row.value.as_ref());
    let is_same = match (stored, believed) {
        (Some(stored), Some(believed)) => *stored == believed.encode(),
        (None, None) => true,
        _ => false,
    };
    if is_same { Ok(()) } else { Err(kv::Error::Retry(Retry::WriteConflict).into()) }
}

/// The transaction's names are free in its own catalog; somebody else may have taken one a moment ago.
async fn take_name(txn: &mut dyn Txn, name: &NameKey, oid: Oid) -> Result<()> {
    let key = name_key(name);
    let rows = txn.lock_newest(std::slice::from_ref(&key), Strength::Update, WaitPolicy::Wait).await?;
    if rows.first().is_some_and(|row| row.value.is_some()) {
        return Err(name_is_taken(name).into());
    }
    txn.put(key, Bytes::copy_from_slice(&oid.0.to_be_bytes()))?;
    Ok(())
}

fn name_is_taken((kind, _, name): &NameKey) -> Error {
    let (state, what) = match kind {
        Kind::Database => (sqlstate::DUPLICATE_DATABASE, "database"),
        Kind::Schema => (sqlstate::DUPLICATE_SCHEMA, "schema"),
        Kind::Table => (sqlstate::DUPLICATE_TABLE, "relation"),
        Kind::Type => (sqlstate::DUPLICATE_OBJECT, "type"),
        Kind::Role => (sqlstate::DUPLICATE_OBJECT, "role"),
    };
    Error::new(state, format!("{what} \"{name}\" already exists"))
}

// -------------------------------------------------------------------------------------------------------------- reading

/// Everything under keys that begin with `prefix`.
pub async fn scan(txn: &mut dyn Txn, prefix: &[u8]) -> kv::Result<Vec<(Bytes, Bytes)>> {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("a prefix is not empty") += 1;
    let mut span = Span::new(Bytes::copy_from_slice(prefix), end);
    let mut found = Vec::new();
    loop {
        let page = txn.scan(&span, false, 0).await?;
        found.extend(page.rows.into_iter().map(|row| (row.key, row.value)));
        match page.resume {
            Some(from) => span.start = from,
            None => return Ok(found),
        }
    }
}

/// The whole catalog as the transaction sees it in the store.
pub async fn load(txn: &mut dyn Txn) -> Result<Catalog> {
    let mut catalog = Catalog::default();
    for (key, value) in scan(txn, &[DESCRIPTORS]).await? {
        let kind = key.get(1).copied().and_then(Kind::from_byte).ok_or_else(|| damaged("a key"))?;
        let object = Object::decode(kind, &value).ok_or_else(|| damaged("a descriptor"))?;
        object.insert_into(&mut catalog);
    }
    catalog.version = super::next_version();
    Ok(catalog)
}

/// When definitions have changed last.
pub async fn last_change(txn: &mut dyn Txn) -> Result<Timestamp> {
    Ok(txn.version(&[STAMP]).await?)
}

/// Some objects as they are in the store, as changes of a catalog that is behind.
pub async fn read(txn: &mut dyn Txn, objects: &BTreeSet<(Kind, Oid)>) -> Result<Changes> {
    let mut changes = Changes::default();
    for &(kind, oid) in objects {
        let stored = txn.get(&descriptor_key(kind, oid)).await?;
        let decode = |stored: Bytes| Object::decode(kind, &stored).ok_or_else(|| damaged("a descriptor"));
        changes.log.push(Change { kind, oid, after: stored.map(decode).transpose()? });
    }
    Ok(changes)
}

/// Waits until a transaction that wrote these objects can't commit any more, if it has not: it holds locks on them that
/// a commit must prove.
pub async fn settle(gateway: &dyn kv::Gateway, objects: &BTreeSet<(Kind, Oid)>) -> Result<()> {
    let keys: Vec<Bytes> = objects.iter().map(|(kind, oid)| descriptor_key(*kind, *oid)).collect();
    loop {
        let mut txn = begin(gateway);
        let locked = txn.lock_newest(&keys, Strength::Update, WaitPolicy::Wait).await;
        if finish(txn, locked.map_err(Into::into)).await?.is_some() {
            return Ok(());
        }
    }
}

/// Whether the table still has these columns and these rows, as the transaction sees it in the store.
pub async fn is_current(txn: &mut dyn Txn, table: &Table) -> Result<bool> {
    let Some(stored) = txn.get(&descriptor_key(Kind::Table, table.oid())).await? else { return Ok(false) };
    let Some(Object::Table(stored)) = Object::decode(Kind::Table, &stored) else {
        return Err(damaged("a descriptor").into());
    };
    let columns = |table: &Table| table.live_columns().map(|own| (own.ordinal, own.type_oid)).collect::<Vec<_>>();
    let rows = |table: &Table| table.indexes.first().map(|primary| primary.id);
    Ok(columns(&stored) == columns(table) && rows(&stored) == rows(table))
}

/// A block of oids that nobody else has: the first, and how many.
pub async fn take_oids(gateway: &dyn kv::Gateway) -> Result<(u32, u32)> {
    loop {
        let mut txn = begin(gateway);
        let taken = take_block(&mut *txn).await;
        if let Some(first) = finish(txn, taken).await? {
            return Ok((first, OID_BLOCK));
        }
    }
}

async fn take_block(txn: &mut dyn Txn) -> Result<u32> {
    let stored = txn.get(&[NEXT_OID]).await?;
    let next = match stored.as_deref() {
        Some(bytes) => u32::from_be_bytes(bytes.try_into().map_err(|_| damaged("the oid counter"))?),
        None => FIRST_USER_OID,
    };
    let exhausted = || Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, "there are no more object identifiers");
    let after = next.checked_add(OID_BLOCK).ok_or_else(exhausted)?;
    txn.put(Bytes::from_static(&[NEXT_OID]), Bytes::copy_from_slice(&after.to_be_bytes()))?;
    Ok(next)
}

/// Begins a transaction of the system's own.
pub fn begin(gateway: &dyn kv::Gateway) -> Box<dyn Txn> {
    gateway.begin(Isolation::Serializable)
}

/// Commits it, if what was done in it succeeded. None: it has to run again from its start.
pub async fn finish<T>(txn: Box<dyn Txn>, done: Result<T>) -> Result<Option<T>> {
    let done = match done {
        Ok(value) => txn.commit().await.map(|_| value).map_err(Failure::from),
        Err(failure) => {
            txn.rollback().await;
            Err(failure)
        }
    };
    match done {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Kv(error)) if matches!(*error, kv::Error::Retry(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

// ------------------------------------------------------------------------------------------------------------ the start

/// PostgreSQL's predefined roles, with its oids.
const PREDEFINED_ROLES: &[(u32, &str)] = &[
    (3373, "pg_monitor"),
    (3374, "pg_read_all_settings"),
    (3375, "pg_read_all_stats"),
    (3377, "pg_stat_scan_tables"),
    (4200, "pg_signal_backend"),
    (4544, "pg_checkpoint"),
    (4569, "pg_read_server_files"),
    (4570, "pg_write_server_files"),
    (4571, "pg_execute_server_program"),
    (6171, "pg_database_owner"),
    (6181, "pg_read_all_data"),
    (6182, "pg_write_all_data"),
];

/// Schemas `public` of databases other than `postgres` need oids of their own.
const PUBLIC_OF_TEMPLATES: [(Oid, u32); 2] = [(TEMPLATE1, 2201), (TEMPLATE0, 2199)];

/// Writes what every cluster begins with, unless it is there.
pub async fn bootstrap(gateway: &dyn kv::Gateway) -> Result<()> {
    loop {
        let mut txn = begin(gateway);
        let written = write_first_objects(&mut *txn).await;
        match finish(txn, written).await {
            Ok(Some(())) => return Ok(()),
            Ok(None) => {}
            // Then it looks whether they are there.
            Err(Failure::Kv(error)) if matches!(*error, kv::Error::Unknown { .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
}

async fn write_first_objects(txn: &mut dyn Txn) -> Result<()> {
    if txn.get(&descriptor_key(Kind::Role, POSTGRES_ROLE)).await?.is_some() {
        return Ok(());
    }
    for object in first_objects() {
        for name in object.names() {
            txn.put(name_key(&name), Bytes::copy_from_slice(&object.oid().0.to_be_bytes()))?;
        }
        txn.put(descriptor_key(object.kind(), object.oid()), object.encode())?;
    }
    Ok(())
}

fn first_objects() -> Vec<Object> {
    let superuser = Role {
        oid: POSTGRES_ROLE.0,
        name: "postgres".to_owned(),
        superuser: true,
        inherit: true,
        create_role: true,
        create_database: true,
        login: true,
        replication: true,
        bypass_row_security: true,
        connection_limit: -1,
        ..Role::default()
    };
    let mut objects = vec![Object::from(superuser)];
    for (oid, name) in PREDEFINED_ROLES {
        let (oid, name) = (*oid, (*name).to_owned());
        // As in PostgreSQL pg_monitor may do what the other three that look may do.
        let member_of = match oid {
            3374 | 3375 | 3377 => Vec::new(),
            3373 => [3374, 3375, 3377]
                .map(|role| super::Membership { role, grantor: POSTGRES_ROLE.0, admin: false })
                .to_vec(),
            _ => Vec::new(),
        };
        objects.push(Role { oid, name, inherit: true, connection_limit: -1, member_of, ..Role::default() }.into());
    }
    let names = [(POSTGRES_DATABASE, "postgres"), (TEMPLATE1, "template1"), (TEMPLATE0, "template0")];
    for (oid, name) in names {
        let database = Database {
            oid: oid.0,
            name: name.to_owned(),
            owner: POSTGRES_ROLE.0,
            is_template: oid != POSTGRES_DATABASE,
            refuses_connections: oid == TEMPLATE0,
            comment: Some(
                match oid {
                    TEMPLATE1 => "default template for new databases",
                    TEMPLATE0 => "unmodifiable empty database",
                    _ => "default administrative connection database",
                }
                .to_owned(),
            ),
            connection_limit: -1,
            ..Database::default()
        };
        objects.push(database.into());
    }
    for (database, oid) in [(POSTGRES_DATABASE, PUBLIC.0)].into_iter().chain(PUBLIC_OF_TEMPLATES) {
        objects.push(public_schema(oid, database).into());
    }
    objects
}

/// The schema that every database begins with.
pub fn public_schema(oid: u32, database: Oid) -> Schema {
    let owner = super::DATABASE_OWNER_ROLE.0;
    let grant = |grantee: u32, letters: &str| super::Grant {
        grantee,
        grantor: owner,
        letters: letters.to_owned(),
        grantable: String::new(),
    };
    Schema {
        oid,
        database: database.0,
        name: "public".to_owned(),
        owner,
        privileges: vec![grant(owner, "UC"), grant(0, "U")],
        comment: Some("standard public schema".to_owned()),
    }
}
