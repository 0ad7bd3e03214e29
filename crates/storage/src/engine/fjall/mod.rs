//! The engine on fjall: one database, one keyspace, so that whatever a crash leaves is a prefix of the batches.
//!
//! [`Store`] is the open database, [`View`] a fjall snapshot, [`check`] reads fjall's files strictly before it is
//! allowed to, [`compaction`] does the compactions.
//!
//! INVARIANT: no view opens while a batch is being applied ([`Store::gate`]). fjall inserts the items of a batch one
//! by one and keeps them hidden by their sequence number, but a flush or compaction that registers its tables in the
//! meantime publishes a higher one: a snapshot taken then would see half of the batch, and the rest later.
//!
//! INVARIANT: memtables are rotated here and nowhere else, under the writer's lock ([`Store::writer`]).
//!
//! What else there is to know about fjall 3.1.13 and lsm-tree 3.1.10, from their sources:
//! - Durability of tables: a flush syncs each table and its directory, then the manifest, the directory, and renames
//!   and syncs the pointer to the manifest. Flush and ingestion are each one manifest: all or nothing, no `persist`
//!   needed. The directories of the keyspaces themselves are not synced in `keyspaces/`: done here after open.
//! - The journal is written through a buffer of 8 KiB in the process and never synced on our write path (a flush does
//!   sync it, before its tables). So a killed process loses at most the batches that began in the last 8 KiB, a power
//!   cut any number since the last flush; always a suffix. Journals rotate at 64 MB, are deleted once their batches
//!   are in tables, and the last one is replayed at every open, items already in tables skipped.
//! - Ingestion writes its tables, then takes the journal's lock, flushes all memtables and registers everything. A
//!   crash before that leaves tables nobody refers to, which the next open deletes.
//! - Poisoning: the worker ends at its first error, and the cause only goes to the `log` crate. Writers inside
//!   fjall's stalls (4 sealed memtables, 30 runs in level 0) then wait for ever, so we stall before, where we notice.
//!   Asked to rotate by size, each batch sends a message, and a single worker can block on its own full queue; so
//!   fjall's limit is out of reach and the rotation is ours.
//! - A memtable keeps every version of a key, and scans step over all of them (see [`rewrites`]).
//! - `rotate_memtable_and_wait` returns at once when the active memtable is empty, even if sealed ones aren't flushed.
//! - Options of a keyspace are stored at its creation; what the program says later is ignored.
//! - A snapshot is cheap, but while one is open every later version of the tree is kept: each memtable since then in
//!   memory, each compacted table on disk. Views have to be short, seconds.
//! - Registering tables syncs the manifest under the lock that every read and write of the tree takes first: all of them
//!   wait for it, some milliseconds after each flush and compaction.
//! - Keys longer than 65,535 bytes are cut in the journal without an error.
//! - Values come out as slices of their block: a small value that is kept keeps 4 KiB.

// fjall brings its own files and threads: this folder is the one exception to the rule that only env touches them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod check;
mod compaction;
mod rewrites;
mod size;

use self::compaction::{Compactor, idle_strategy};
use self::rewrites::Rewrites;
use super::failure::{Failure, io_error};
use super::space::VERSION_KEY;
use super::{Batch, FORMAT_VERSION, Options, Space};
use crate::error::{Error, Result};
use atoll_env::Env;
use atoll_env::disk::DirLock;
use bytes::{Buf, Bytes};
use fjall::config::{BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError, OwnedWriteBatch, PersistMode,
    Readable, Snapshot,
};
use parking_lot::{Mutex, RwLock};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::sleep;
use std::time::Duration;

/// Sealed memtables at which writers wait; fjall's own limit, at which they could wait for ever, is 4.
const SEALED_MAX: usize = 3;
/// Runs in level 0 at which writers wait for compaction; fjall begins to stall at 20.
const RUNS_MAX: usize = 18;
/// How often a waiting writer or flush looks again.
const POLL: Duration = Duration::from_millis(1);
/// After how many written bytes free room on the disk is looked at again.
const ROOM_EVERY_BYTES: usize = 1 << 20;
/// With less room than this the journal is left alone.
const ROOM_FOR_JOURNAL: u64 = 1 << 20;

pub(super) struct Store {
    env: Env,
    root: PathBuf,
    options: Options,
    failure: Arc<Failure>,
    /// Held by whoever writes, rotates or ingests.
    writer: Mutex<Writer>,
    /// Held for writing while a batch is applied, for reading while a view opens. Empty once closed.
    gate: RwLock<Option<Open>>,
    /// Scans of rows since the memtable is a new one.
    scans: Arc<AtomicUsize>,
}

struct Writer {
    bytes_since_room: usize,
    rewrites: Rewrites,
}

/// The fields end in this order: nobody compacts a database that is gone, and the directory is free last.
struct Open {
    compactor: Compactor,
    keyspace: Keyspace,
    database: Database,
    lock: DirLock,
}

impl Store {
    /// Blocks for as long as the journal takes to read.
    pub async fn open(env: &Env, root: PathBuf, options: &Options) -> Result<Store> {
        let disk = &env.disk;
        disk.create_dir_all(&options.dir).await.map_err(|error| io_error(&root, error))?;
        let lock = disk.lock(&options.dir.join("engine.lock")).await.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => Error::Locked { path: root.display().to_string() },
            _ => io_error(&root, error),
        })?;
        check::check(&root)?;
        let failure = Arc::<Failure>::default();
        let in_fjall = |error| translate(&root, error);
        let database = Database::builder(&root)
            .cache_size(options.cache_bytes)
            .manual_journal_persist(true)
            .worker_threads(1)
            .open()
            .map_err(in_fjall)?;
        let keyspace = database.keyspace("state", keyspace_options).map_err(in_fjall)?;
        for folder in [root.join("keyspaces"), root.clone()] {
            File::open(&folder).and_then(|folder| folder.sync_all()).map_err(|error| io_error(&folder, error))?;
        }
        check_version(&root, &database, &keyspace)?;
        let compactor =
            Compactor::start(&database, &keyspace, failure.clone()).map_err(|error| io_error(&root, error))?;
        let open = Open { compactor, keyspace, database, lock };
        let writer = Writer { bytes_since_room: 0, rewrites: Rewrites::new(env.clock.mono()) };
        Ok(Store {
            env: env.clone(),
            root,
            options: options.clone(),
            failure,
            writer: Mutex::new(writer),
            gate: RwLock::new(Some(open)),
            scans: Arc::default(),
        })
    }

    /// None once closed.
    pub fn view(&self) -> Option<View> {
        let gate = self.gate.read();
        let open = gate.as_ref()?;
        let snapshot = open.database.snapshot();
        let (keyspace, failure) = (open.keyspace.clone(), self.failure.clone());
        let read = Arc::new(Read { keyspace, failure, scans: self.scans.clone() });
        Some(View { snapshot, read })
    }

    pub fn write(&self, batch: Batch) -> Result<()> {
        let mut writer = self.writer.lock();
        self.failure.check()?;
        writer.bytes_since_room += batch.bytes();
        if writer.bytes_since_room >= ROOM_EVERY_BYTES {
            // Half, so that what was admitted a moment ago isn't refused now.
            self.check_disk(self.options.reserve_bytes / 2)?;
            writer.bytes_since_room = 0;
        }
        self.wait_for_tables()?;
        let mut gate = self.gate.write();
        let Open { keyspace, database, .. } = gate.as_mut().ok_or(Error::Closed)?;
        let mut changes = OwnedWriteBatch::with_capacity(database.clone(), batch.len());
        for change in batch.into_changes() {
            writer.rewrites.wrote(&change.key);
            match change.value {
                Some(value) => changes.insert(keyspace, change.key, value),
                None => changes.remove(keyspace, change.key),
            }
        }
        changes.commit().map_err(|error| self.fail(error))?;
        let full = keyspace.tree.active_memtable().size() >= self.options.memtable_bytes;
        let deep = || writer.rewrites.are_in_the_way(self.scans.load(Ordering::Relaxed), self.env.clock.mono());
        let keyspace = (full || deep()).then(|| keyspace.clone());
        drop(gate);
        match keyspace {
            Some(keyspace) => self.rotate(&keyspace, &mut writer),
            None => Ok(()),
        }
    }

    fn rotate(&self, keyspace: &Keyspace, writer: &mut Writer) -> Result<()> {
        keyspace.rotate_memtable().map_err(|error| self.fail(error))?;
        writer.rewrites.begin(self.env.clock.mono());
        self.scans.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Blocks until everything written before the call is in synced tables.
    pub fn flush(&self) -> Result<()> {
        let (keyspace, target) = {
            let mut writer = self.writer.lock();
            self.failure.check()?;
            // Without this a loop of writes and flushes could seal more memtables than fjall can stand.
            self.wait_for_tables()?;
            let gate = self.gate.read();
            let keyspace = gate.as_ref().ok_or(Error::Closed)?.keyspace.clone();
            drop(gate);
            let Some(target) = keyspace.tree.get_highest_memtable_seqno() else { return Ok(()) };
            // A table that doesn't fit would end fjall's worker.
            self.check_disk(keyspace.tree.active_memtable().size() + ROOM_FOR_JOURNAL)?;
            self.rotate(&keyspace, &mut writer)?;
            (keyspace, target)
        };
        // A flush takes all sealed memtables, oldest first, and one flush is one manifest: as soon as tables reach the
        // target, everything up to it is in them. (Compaction may drop the topmost item again; then nothing is sealed.)
        loop {
            if keyspace.tree.get_highest_persisted_seqno() >= Some(target) || keyspace.tree.sealed_memtable_count() == 0
            {
                return Ok(());
            }
            self.check_worker()?;
            sleep(POLL);
        }
    }

    pub fn ingest(&self, rows: impl Iterator<Item = (Space, Bytes, Bytes)>) -> Result<()> {
        let mut rows = rows.peekable();
        // Even an ingestion of nothing would leave an empty file behind.
        if rows.peek().is_none() {
            return Ok(());
        }
        self.failure.check()?;
        let keyspace = self.gate.read().as_ref().ok_or(Error::Closed)?.keyspace.clone();
        let mut bytes = 0;
        let mut ingestion = keyspace.start_ingestion().map_err(|error| self.fail(error))?;
        for (space, key, value) in rows {
            bytes += key.len() + value.len();
            if bytes >= ROOM_EVERY_BYTES {
                self.check_disk(self.options.reserve_bytes / 2)?;
                bytes = 0;
            }
            ingestion.write(space.key(&key), value).map_err(|error| self.fail(error))?;
        }
        let _writer = self.writer.lock();
        self.wait_for_tables()?;
        ingestion.finish().map_err(|error| self.fail(error))
    }

    /// Rewrites all tables into the fewest; for tests and measurements.
    pub fn compact(&self) -> Result<()> {
        let keyspace = self.gate.read().as_ref().ok_or(Error::Closed)?.keyspace.clone();
        keyspace.major_compact().map_err(|error| self.fail(error))
    }

    pub fn approximate_bytes(&self, low: &[u8], high: &[u8]) -> u64 {
        let keyspace = self.gate.read().as_ref().map(|open| open.keyspace.clone());
        keyspace.map_or(0, |keyspace| size::approximate(&keyspace, low, high))
    }

    pub fn failed(&self) -> Option<String> {
        // The worker fails silently until somebody writes.
        if let Err(error) = self.check_worker() {
            return Some(error.to_string());
        }
        self.failure.text()
    }

    /// Flushes, stops the threads and lets go of the directory. Views that are still open keep it locked.
    pub fn close(&self) -> Result<()> {
        let flushed = match self.flush() {
            Err(Error::Closed) => return Ok(()),
            other => other,
        };
        let _writer = self.writer.lock();
        let Some(open) = self.gate.write().take() else { return Ok(()) };
        let Open { compactor, keyspace, database, lock } = open;
        drop(compactor);
        // The worker may outlive the database for a moment, and with it the journal: leave nothing in its buffer.
        let synced = database.persist(PersistMode::SyncAll).map_err(|error| self.fail(error));
        let all_in_tables = keyspace.tree.get_highest_memtable_seqno().is_none();
        drop(keyspace);
        drop(database);
        flushed.and(synced)?;
        if all_in_tables {
            check::empty_journals(&self.root)?;
        }
        drop(lock);
        Ok(())
    }

    /// Waits, under the writer's lock, until fjall would not make us wait.
    fn wait_for_tables(&self) -> Result<()> {
        loop {
            {
                let gate = self.gate.read();
                let open = gate.as_ref().ok_or(Error::Closed)?;
                let tree = &open.keyspace.tree;
                let runs = tree.l0_run_count();
                if tree.sealed_memtable_count() < SEALED_MAX && runs < RUNS_MAX {
                    return Ok(());
                }
                if runs >= RUNS_MAX && open.compactor.is_full() {
                    return Err(Error::Full);
                }
            }
            self.check_worker()?;
            sleep(POLL);
        }
    }

    pub fn admit(&self) -> Result<()> {
        self.check_disk(self.options.reserve_bytes)
    }

    /// [`Error::Full`] while there is still room for what is in memory to be flushed: fjall does not survive a disk
    /// that is really full.
    fn check_disk(&self, free_bytes_min: u64) -> Result<()> {
        if self.free_bytes()? < free_bytes_min { Err(Error::Full) } else { Ok(()) }
    }

    fn free_bytes(&self) -> Result<u64> {
        // On a real disk, and no other has an LSM tree on it, this is a system call and never pending.
        match pin!(self.env.disk.space()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(space)) => Ok(space.free_bytes),
            Poll::Ready(Err(error)) => Err(io_error(&self.root, error)),
            Poll::Pending => Ok(u64::MAX),
        }
    }

    /// Whether fjall's worker still lives: only a poisoned database refuses to pass its buffer to the system.
    fn check_worker(&self) -> Result<()> {
        self.failure.check()?;
        if self.free_bytes()? < ROOM_FOR_JOURNAL {
            // Passing on the buffer could fail, and that would be our doing.
            return Ok(());
        }
        let gate = self.gate.read();
        match gate.as_ref() {
            None => Ok(()),
            Some(open) => open.database.persist(PersistMode::Buffer).map_err(|error| self.fail(error)),
        }
    }

    fn fail(&self, error: fjall::Error) -> Error {
        // The first error is the cause, a later one often only says "poisoned".
        if let Err(first) = self.failure.check() {
            return first;
        }
        let error = match translate(&self.root, error) {
            // The worker doesn't say why it died; the room for a table tells.
            Error::Poisoned { .. } if self.free_bytes().is_ok_and(|free| free < self.options.memtable_bytes) => {
                Error::Full
            }
            error => error,
        };
        self.failure.note(error)
    }
}

fn keyspace_options() -> KeyspaceCreateOptions {
    let bloom = |bits| FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(bits));
    KeyspaceCreateOptions::default()
        .manual_journal_persist(true)
        .max_memtable_size(u64::MAX)
        .compaction_strategy(idle_strategy())
        // Measured with rows of 120 bytes and half of them outside the cache: blocks of 8 KiB make a point read half as
        // dear again and a scan no faster; a hash index in each block shows no gain.
        .data_block_size_policy(BlockSizePolicy::all(4 << 10))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        .filter_policy(FilterPolicy::new([bloom(16.0), bloom(10.0)]))
        // Unique checks ask for keys that aren't there: the last level needs its filters too.
        .expect_point_read_hits(false)
}

/// Writes the version of our format into a new store, refuses an unknown one.
fn check_version(root: &Path, database: &Database, keyspace: &Keyspace) -> Result<()> {
    let in_fjall = |error| translate(root, error);
    match keyspace.get(VERSION_KEY).map_err(in_fjall)? {
        Some(record) => {
            let Ok(found) = <[u8; 4]>::try_from(&*record).map(u32::from_le_bytes) else {
                return Err(Error::damage(root, 0, "the record of the format version"));
            };
            if found != FORMAT_VERSION {
                let file = root.display().to_string();
                return Err(Error::Version { found, supported: FORMAT_VERSION, file });
            }
            Ok(())
        }
        None => {
            // It is the first batch of all: whatever is left of a journal, nothing survives without it.
            if keyspace.first_key_value().is_some() {
                return Err(Error::damage(root, 0, "data without a record of the format version"));
            }
            let mut batch = OwnedWriteBatch::with_capacity(database.clone(), 1);
            batch.insert(keyspace, VERSION_KEY, FORMAT_VERSION.to_le_bytes());
            batch.commit().map_err(in_fjall)
        }
    }
}

/// What an error of fjall means for a caller.
fn translate(root: &Path, error: fjall::Error) -> Error {
    use fjall::Error as F;
    match error {
        F::Io(error) | F::Storage(LsmError::Io(error)) if error.kind() == ErrorKind::NotFound => {
            Error::damage(root, 0, format_args!("a file is missing: {error}"))
        }
        // fjall looks for what stands at a distance from a table's end, and that was before its start.
        F::Io(error) | F::Storage(LsmError::Io(error)) if error.kind() == ErrorKind::InvalidInput => {
            Error::damage(root, 0, format_args!("a file is too short: {error}"))
        }
        F::Io(error) | F::Storage(LsmError::Io(error)) => io_error(root, error),
        F::Locked => Error::Locked { path: root.display().to_string() },
        F::Poisoned => Error::poisoned("a flush of the state engine failed"),
        // One of fjall's versions that we never wrote is damage, too: ours is in the store.
        error => Error::damage(root, 0, error),
    }
}

#[derive(Clone)]
pub(super) struct View {
    snapshot: Snapshot,
    read: Arc<Read>,
}

/// What reading needs besides the snapshot; it outlives the store.
struct Read {
    keyspace: Keyspace,
    failure: Arc<Failure>,
    scans: Arc<AtomicUsize>,
}

impl Read {
    fn fail(&self, error: fjall::Error) -> Error {
        self.failure.note(translate(self.keyspace.path(), error))
    }
}

impl View {
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        match self.snapshot.get(&self.read.keyspace, key) {
            Ok(value) => Ok(value.map(Bytes::from)),
            Err(error) => Err(self.read.fail(error)),
        }
    }

    pub fn scan(&self, low: Bytes, high: Bytes) -> Scan {
        if low.first() == Some(&(Space::Current as u8)) {
            self.read.scans.fetch_add(1, Ordering::Relaxed);
        }
        Scan { rows: self.snapshot.range(&self.read.keyspace, low..high), view: self.clone() }
    }
}

/// Both directions; which one is the caller's choice, row by row.
pub(super) struct Scan {
    rows: fjall::Iter,
    view: View,
}

impl Scan {
    pub fn next(&mut self, reverse: bool) -> Option<Result<(Bytes, Bytes)>> {
        let row = if reverse { self.rows.next_back() } else { self.rows.next() }?;
        Some(match row.into_inner() {
            Ok((key, value)) => {
                let mut key = Bytes::from(key);
                key.advance(1);
                Ok((key, value.into()))
            }
            Err(error) => Err(self.view.read.fail(error)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            Directory(std::env::temp_dir().join(format!("atoll-engine-{name}-{}", std::process::id())))
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[tokio::test]
    async fn an_unknown_version_is_refused() {
        let directory = Directory::new("version");
        let env = Env::real(directory.0.clone());
        let root = directory.0.join("state");
        Engine::open(&env, Options::default()).await.unwrap().close().await.unwrap();
        for (record, expected) in [
            (Some(2u32.to_le_bytes().to_vec()), "version 2"),
            (Some(vec![1]), "the record of the format version"),
            (None, "data without a record"),
        ] {
            {
                let database = Database::builder(&root).worker_threads(1).open().unwrap();
                let keyspace = database.keyspace("state", KeyspaceCreateOptions::default).unwrap();
                keyspace.insert(&*Space::Meta.key(b"a"), b"").unwrap();
                match &record {
                    Some(record) => keyspace.insert(VERSION_KEY, record.as_slice()).unwrap(),
                    None => keyspace.remove(VERSION_KEY).unwrap(),
                }
            }
            let error = Engine::open(&env, Options::default()).await.err().expect("refused").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    /// `check` knows the format of a journal; this notices when a new fjall has another.
    #[tokio::test]
    async fn a_journal_reads_as_its_check_expects() {
        let directory = Directory::new("journal");
        let env = Env::real(directory.0.clone());
        let engine = Engine::open(&env, Options::default()).await.unwrap();
        for number in 0..100u32 {
            let mut batch = Batch::new();
            batch.put(Space::Current, number.to_be_bytes(), vec![1; number as usize * 100]);
            batch.delete(Space::Meta, b"a");
            engine.write(batch).unwrap();
        }
        drop(engine);
        let path = directory.0.join("state/0.jnl");
        let (batches, end) = check::batches_in(&path).unwrap();
        assert_eq!((batches, end), (101, true), "100 batches and the record of the version, then zeroes");
    }
}
