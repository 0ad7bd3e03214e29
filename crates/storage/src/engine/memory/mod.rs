//! The engine in memory, kept by a disk that can hold a state itself: the simulator's.
//!
//! [`Store`] is the open engine of one process; [`rows::Rows`] is what the disk keeps, and what a crash cuts.
//!
//! A crash leaves what it leaves of the engine on fjall: a killed process loses at most the batches of the last 8 KiB
//! (fjall's buffer in the process), a power cut any number of the batches since the last flush.
//!
//! INVARIANT: only the process that opened it last reads and writes it. A process that crashed can still have handles;
//! they answer [`Error::Closed`].

mod rows;

use self::rows::Rows;
use super::{Batch, FORMAT_VERSION, Options, Space};
use crate::engine::failure::io_error;
use crate::error::{Error, Result};
use atoll_env::disk::{CrashKind, DirLock, StateSlot};
use atoll_env::{Env, fault};
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What a killed process has not passed to the operating system yet.
const BUFFER_BYTES: usize = 8 << 10;
/// Rows that a scan takes at a time.
const SCAN_ROWS: usize = 64;

pub(super) struct Store {
    env: Env,
    options: Options,
    slot: Arc<StateSlot>,
    rows: Handle,
    lock: Mutex<Option<DirLock>>,
}

/// The rows, for as long as the process that opened them lives.
#[derive(Clone)]
struct Handle {
    shared: Arc<Mutex<Rows>>,
    incarnation: u64,
}

impl Handle {
    fn get(&self) -> Result<MutexGuard<'_, Rows>> {
        let rows = self.shared.lock();
        if rows.incarnation == self.incarnation { Ok(rows) } else { Err(Error::Closed) }
    }
}

impl Store {
    pub async fn open(env: &Env, slot: Arc<StateSlot>, options: Options) -> Result<Store> {
        let root = options.dir.clone();
        env.disk.create_dir_all(&root).await.map_err(|error| io_error(&root, error))?;
        let lock = env.disk.lock(&root.join("engine.lock")).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => Error::Locked { path: root.display().to_string() },
            _ => io_error(&root, error),
        })?;
        let shared = attach(&slot, &root)?;
        let incarnation = {
            let mut rows = shared.lock();
            if rows.format_version != FORMAT_VERSION {
                let file = root.display().to_string();
                return Err(Error::Version { found: rows.format_version, supported: FORMAT_VERSION, file });
            }
            rows.begin()
        };
        let rows = Handle { shared, incarnation };
        Ok(Store { env: env.clone(), options, slot, rows, lock: Mutex::new(Some(lock)) })
    }

    pub fn view(&self) -> Option<View> {
        let sequence = self.open_rows().ok()?.open_view();
        Some(View(Arc::new(OpenView { rows: self.rows.clone(), sequence })))
    }

    pub fn write(&self, batch: Batch) -> Result<()> {
        let mut rows = self.open_rows()?;
        rows.apply(batch.into_changes().into_iter().map(|change| (change.key, change.value)));
        if rows.unflushed_bytes() >= self.options.memtable_bytes as usize {
            // fjall begins a flush by itself here; nobody can tell when it ends.
            let sequence = rows.sequence();
            rows.flushed(sequence);
        }
        self.slot.set_bytes(rows.bytes() as u64);
        Ok(())
    }

    pub async fn flush(&self) -> Result<()> {
        // What is written while the flush runs is not part of it.
        let sequence = self.open_rows()?.sequence();
        self.env.faults.crash_here(fault::CRASH_BEFORE_FLUSH).await;
        self.env.faults.delay_here(fault::DELAY_FLUSH).await;
        self.env.clock.sleep(Duration::from_micros(500 + self.env.entropy.below(6000))).await;
        let space = self.env.disk.space().await.map_err(|error| io_error(&self.options.dir, error))?;
        if space.free_bytes == 0 {
            return Err(Error::Full);
        }
        self.rows.get()?.flushed(sequence);
        self.env.faults.crash_here(fault::CRASH_AFTER_FLUSH).await;
        Ok(())
    }

    pub fn ingest(&self, new: impl Iterator<Item = (Space, Bytes, Bytes)>) -> Result<()> {
        let new: Vec<_> = new.map(|(space, key, value)| (space.key(&key), Some(value))).collect();
        let mut rows = self.open_rows()?;
        if !new.is_empty() {
            rows.apply(new.into_iter());
            let sequence = rows.sequence();
            rows.flushed(sequence);
            self.slot.set_bytes(rows.bytes() as u64);
        }
        Ok(())
    }

    /// Exact, as of now.
    pub fn approximate_bytes(&self, low: &Bytes, high: &Bytes) -> u64 {
        self.rows.get().map_or(0, |rows| rows.bytes_between(low, high) as u64)
    }

    /// A disk that is full may have room again, and nothing else can go wrong in memory.
    pub fn failed(&self) -> Option<String> {
        None
    }

    pub async fn close(&self) -> Result<()> {
        let flushed = match self.flush().await {
            Err(Error::Closed) => return Ok(()),
            other => other,
        };
        *self.lock.lock() = None;
        flushed
    }

    /// The rows, unless this engine is closed or its process is gone.
    fn open_rows(&self) -> Result<MutexGuard<'_, Rows>> {
        if self.lock.lock().is_none() {
            return Err(Error::Closed);
        }
        self.rows.get()
    }
}

/// The rows in the slot; new ones, and what a crash does to them, when it is empty.
fn attach(slot: &StateSlot, root: &Path) -> Result<Arc<Mutex<Rows>>> {
    let mut value = slot.value.lock();
    if let Some(present) = value.clone() {
        return present.downcast().map_err(|_| Error::damage(root, 0, "the disk keeps a state of another kind"));
    }
    let shared = Arc::new(Mutex::new(Rows::new(FORMAT_VERSION)));
    *value = Some(shared.clone());
    let rows = Arc::downgrade(&shared);
    *slot.on_crash.lock() = Some(Arc::new(move |kind, rng| {
        if let Some(rows) = rows.upgrade() {
            let lost_bytes_max = match kind {
                CrashKind::Kill => BUFFER_BYTES,
                CrashKind::Power => usize::MAX,
            };
            rows.lock().crash(lost_bytes_max, rng);
        }
    }));
    Ok(shared)
}

#[derive(Clone)]
pub(super) struct View(Arc<OpenView>);

struct OpenView {
    rows: Handle,
    sequence: u64,
}

impl Drop for OpenView {
    fn drop(&mut self) {
        if let Ok(mut rows) = self.rows.get() {
            rows.close_view(self.sequence);
        }
    }
}

impl View {
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.0.rows.get()?.get(key, self.0.sequence))
    }

    pub fn scan(&self, low: Bytes, high: Bytes) -> Scan {
        let (low, high) = (Bound::Included(low), Bound::Excluded(high));
        Scan { view: self.clone(), low, high, ahead: VecDeque::new(), end: false }
    }
}

/// Runs in one direction only: the one it was first asked for.
pub(super) struct Scan {
    view: View,
    low: Bound<Bytes>,
    high: Bound<Bytes>,
    ahead: VecDeque<(Bytes, Bytes)>,
    end: bool,
}

impl Scan {
    pub fn next(&mut self, reverse: bool) -> Option<Result<(Bytes, Bytes)>> {
        if self.ahead.is_empty()
            && !self.end
            && let Err(error) = self.read_ahead(reverse)
        {
            self.end = true;
            return Some(Err(error));
        }
        let (key, value) = self.ahead.pop_front()?;
        Some(Ok((key.slice(1..), value)))
    }

    fn read_ahead(&mut self, reverse: bool) -> Result<()> {
        let bounds = (self.low.clone(), self.high.clone());
        self.ahead = self.view.0.rows.get()?.between(bounds, self.view.0.sequence, reverse, SCAN_ROWS);
        self.end = self.ahead.len() < SCAN_ROWS;
        if let Some((last, _)) = self.ahead.back() {
            let bound = if reverse { &mut self.high } else { &mut self.low };
            *bound = Bound::Excluded(last.clone());
        }
        Ok(())
    }
}
