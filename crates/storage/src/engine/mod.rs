//! The state of a node: an ordered map from bytes to bytes, read through views, changed by batches.
//!
//! [`Engine`] is the store, [`View`] a point in time of it, [`Batch`] a change; [`Space`] says which of three kinds of
//! keys is meant. There are two engines behind these: fjall on a real disk, and one in memory for the simulator, whose
//! disk says what of it survives a crash.
//!
//! ```text
//!   write ──► memory, visible at once ──flush──► tables, durable
//!   ingest ─────────────────────────────────────► tables, durable and visible at once
//! ```
//!
//! INVARIANT: a batch is visible as a whole or not at all, to every view. Whoever reads more than one key relies on it.
//! INVARIANT: a crash leaves a prefix of the batches: everything up to the last completed flush, ingestion or open, and
//! after it any number of batches in the order they were written. The applied indexes rely on it: they travel in the
//! batches.
//! INVARIANT: an ingestion is found after a crash as a whole, and with all batches before it, or not at all.
//! INVARIANT: damaged tables are never read as something else: the answer is [`Error::Damage`].
//!
//! After the first error that leaves doubt about the store ([`Engine::failed`]), nothing can be written any more; what
//! can be read stays readable. Of a batch whose write failed, a later open may find all or nothing.
//!
//! Deliberately absent: syncing on the write path (what a crash takes comes back from the log), transactions, deletes
//! by range in one step (see [`Engine::delete_range`]), and any knowledge of what keys and values mean.

mod batch;
mod failure;
mod fjall;
mod hot;
mod memory;
mod space;

pub use self::batch::{Batch, KEY_BYTES_MAX};
pub use self::space::Space;

use self::hot::Hot;
use crate::error::{Error, Result};
use atoll_env::Env;
use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;

/// Of what we store in the tree, and how; the tree's files have versions of their own.
const FORMAT_VERSION: u32 = 1;

/// The part of the cache that is for keys read by themselves.
const HOT_PART: u64 = 4;

/// At most this much is deleted in one batch of [`Engine::delete_range`].
const DELETE_KEYS_MAX: usize = 1024;

#[derive(Clone, Debug)]
pub struct Options {
    /// Where the store lies, below the node's data directory.
    pub dir: PathBuf,
    /// For blocks of tables, decompressed, and a part of it for what [`Engine::newest`] reads.
    pub cache_bytes: u64,
    /// Written bytes in memory at which a flush begins by itself. Up to four times as many can be in memory.
    pub memtable_bytes: u64,
    /// [`Engine::admit`] answers [`Error::Full`] while the disk has less room than this, and a write while it has less
    /// than half: a flush of what is in memory has to succeed even then.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { dir: "state".into(), cache_bytes: 64 << 20, memtable_bytes: 64 << 20, reserve_bytes: 128 << 20 }
    }
}

/// The store. Clones are the same store.
#[derive(Clone)]
pub struct Engine {
    env: Env,
    side: Side,
    hot: Arc<Hot>,
}

#[derive(Clone)]
enum Side {
    Fjall(Arc<fjall::Store>),
    Memory(Arc<memory::Store>),
}

impl Engine {
    /// Opens the store or makes it. [`Error::Locked`] while another process has it, or an older [`Engine`] or [`View`]
    /// of this one.
    pub async fn open(env: &Env, mut options: Options) -> Result<Engine> {
        let hot_bytes = options.cache_bytes / HOT_PART;
        options.cache_bytes -= hot_bytes;
        let side = match (env.disk.root(), env.disk.state_slot()) {
            (Some(root), _) => {
                let (root, opener) = (root.join(&options.dir), env.clone());
                // The journal is read here: seconds at worst.
                let open = async move { fjall::Store::open(&opener, root, &options).await };
                Side::Fjall(Arc::new(env.tasks.spawn_dedicated("engine.open", open).await.map_err(|_| Error::Closed)??))
            }
            (None, Some(slot)) => Side::Memory(Arc::new(memory::Store::open(env, slot, options).await?)),
            (None, None) => panic!("a process without a data directory has no state engine"),
        };
        Ok(Engine { env: env.clone(), side, hot: Arc::new(Hot::new(hot_bytes)) })
    }

    /// What a key has now, at some moment of this call. For keys that are read by themselves: what is read often is kept.
    /// Two calls tell of two moments: whoever reads keys that have to fit together takes a view.
    pub fn newest(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        if space != Space::Current {
            return self.view().get(space, key);
        }
        space.with_key(key, |in_tree| self.hot.get(in_tree, || self.view().get(space, key)))
    }

    /// The store as it is now: every batch whose [`Engine::write`] has returned, none that comes later. Cheap, but a
    /// view that stays open keeps everything from then on from being cleaned up, in memory too: seconds, not minutes.
    pub fn view(&self) -> View {
        let side = match &self.side {
            Side::Fjall(store) => store.view().map(ViewSide::Fjall),
            Side::Memory(store) => store.view().map(ViewSide::Memory),
        };
        View { side: side.unwrap_or(ViewSide::Closed) }
    }

    /// Applies a batch: atomic, visible when this returns, durable only after a flush. Blocks while too much is
    /// waiting for the disk.
    pub fn write(&self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let changed = hot::keys(batch.changes());
        let written = match &self.side {
            Side::Fjall(store) => store.write(batch),
            Side::Memory(store) => store.write(batch),
        };
        // Also when it failed: who knows what of it is there.
        self.hot.written(changed.into_iter());
        written
    }

    /// Whether there is room for another write; [`Error::Full`] otherwise. What is in memory can still be flushed then,
    /// and a write that was admitted goes through as long as others don't fill half of the reserve meanwhile.
    pub fn admit(&self) -> Result<()> {
        match &self.side {
            Side::Fjall(store) => store.admit(),
            // Its rows are in memory; only a flush needs the disk.
            Side::Memory(_) => Ok(()),
        }
    }

    /// When this returns, every batch written before the call survives any crash.
    pub async fn flush(&self) -> Result<()> {
        match &self.side {
            Side::Fjall(store) => {
                let store = store.clone();
                self.dedicated("engine.flush", move || store.flush()).await
            }
            Side::Memory(store) => store.flush().await,
        }
    }

    /// Puts many rows at once, past memory, straight into tables. The rows must be strictly ascending by space and key
    /// (else this panics); they replace what was there and leave other keys alone. All of them become visible together
    /// when this returns, and durable, and so does every batch written before. Without rows nothing happens. Blocks.
    pub fn ingest(&self, rows: impl Iterator<Item = (Space, Bytes, Bytes)>) -> Result<()> {
        let mut last: Option<(Space, Bytes)> = None;
        let rows = rows.inspect(move |(space, key, _)| {
            if let Some((last_space, last_key)) = &last {
                assert!((last_space, last_key) < (space, key), "rows to ingest are not in ascending order");
            }
            last = Some((*space, key.clone()));
        });
        let ingested = match &self.side {
            Side::Fjall(store) => store.ingest(rows),
            Side::Memory(store) => store.ingest(rows),
        };
        self.hot.clear();
        ingested
    }

    /// Deletes `start..end` (to the end of the space when `end` is empty) in batches of bounded size: others see it
    /// half done, a crash can leave it half done, and a key that is written meanwhile may or may not be left. Whoever
    /// calls this owns the range and writes down beforehand that it has to go. Blocks.
    pub fn delete_range(&self, space: Space, start: &[u8], end: &[u8]) -> Result<()> {
        let mut start = start.to_vec();
        loop {
            let mut batch = Batch::new();
            // A view for each batch: one for all would keep every deleted value alive to the end.
            for row in self.view().scan(space, &start, end).take(DELETE_KEYS_MAX) {
                let (key, _) = row?;
                start.clear();
                start.extend_from_slice(&key);
                batch.delete(space, key);
            }
            let done = batch.len() < DELETE_KEYS_MAX;
            self.write(batch)?;
            if done {
                return Ok(());
            }
            // The least key after the last one.
            start.push(0);
        }
    }

    /// Bytes in `start..end` (to the end of the space when `end` is empty), without reading them: right to within a
    /// table (64 MiB) for each bound and level of a large store, little more than a guess for a part of a small one.
    pub fn approximate_bytes(&self, space: Space, start: &[u8], end: &[u8]) -> u64 {
        let Some((low, high)) = space.bounds(start, end) else { return 0 };
        match &self.side {
            Side::Fjall(store) => store.approximate_bytes(&low, &high),
            Side::Memory(store) => store.approximate_bytes(&low, &high),
        }
    }

    /// Why nothing can be written any more, if so. Opening the store again may help.
    pub fn failed(&self) -> Option<String> {
        match &self.side {
            Side::Fjall(store) => store.failed(),
            Side::Memory(store) => store.failed(),
        }
    }

    /// Flushes and lets go of the directory. Views that are still open can be read to their end and keep it locked;
    /// everything else answers [`Error::Closed`] from now on.
    pub async fn close(&self) -> Result<()> {
        match &self.side {
            Side::Fjall(store) => {
                let store = store.clone();
                self.dedicated("engine.close", move || store.close()).await
            }
            Side::Memory(store) => store.close().await,
        }
    }

    /// Rewrites all tables into as few as possible. Blocks.
    #[doc(hidden)]
    pub fn compact(&self) -> Result<()> {
        match &self.side {
            Side::Fjall(store) => store.compact(),
            Side::Memory(_) => Ok(()),
        }
    }

    async fn dedicated(&self, name: &'static str, work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        // A stopped task means that the process is on its way out.
        self.env.tasks.spawn_dedicated(name, async move { work() }).await.map_err(|_| Error::Closed)?
    }
}

/// The store at one moment. Clones are the same moment.
#[derive(Clone)]
pub struct View {
    side: ViewSide,
}

#[derive(Clone)]
enum ViewSide {
    Fjall(fjall::View),
    Memory(memory::View),
    Closed,
}

impl View {
    /// The value may be a slice of a larger block: copy what is to be kept.
    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        space.with_key(key, |key| match &self.side {
            ViewSide::Fjall(view) => view.get(key),
            ViewSide::Memory(view) => view.get(key),
            ViewSide::Closed => Err(Error::Closed),
        })
    }

    /// The rows of `start..end` in ascending order; an empty `end` is the end of the space.
    pub fn scan(&self, space: Space, start: &[u8], end: &[u8]) -> Scan {
        Scan(self.rows(space, start, end))
    }

    /// The same rows in descending order.
    pub fn scan_reverse(&self, space: Space, start: &[u8], end: &[u8]) -> ScanReverse {
        ScanReverse(self.rows(space, start, end))
    }

    fn rows(&self, space: Space, start: &[u8], end: &[u8]) -> Rows {
        match (&self.side, space.bounds(start, end)) {
            (ViewSide::Closed, _) => Rows::Closed,
            (_, None) => Rows::End,
            (ViewSide::Fjall(view), Some((low, high))) => Rows::Fjall(view.scan(low, high)),
            (ViewSide::Memory(view), Some((low, high))) => Rows::Memory(view.scan(low, high)),
        }
    }
}

/// Keys and values in ascending order. Holds its view; ends after the first error.
pub struct Scan(Rows);

/// Keys and values in descending order. Holds its view; ends after the first error.
pub struct ScanReverse(Rows);

impl Iterator for Scan {
    type Item = Result<(Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(false)
    }
}

impl Iterator for ScanReverse {
    type Item = Result<(Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(true)
    }
}

enum Rows {
    Fjall(fjall::Scan),
    Memory(memory::Scan),
    Closed,
    End,
}

impl Rows {
    fn next(&mut self, reverse: bool) -> Option<Result<(Bytes, Bytes)>> {
        let row = match self {
            Rows::Fjall(scan) => scan.next(reverse),
            Rows::Memory(scan) => scan.next(reverse),
            Rows::Closed => Some(Err(Error::Closed)),
            Rows::End => None,
        };
        if matches!(row, Some(Err(_))) {
            *self = Rows::End;
        }
        row
    }
}
