//! Rows laid aside on disk, for statements that need more memory than they may have.
//!
//! ```text
//!   operator ──push──▶ Writer ──chunks──▶ Temporary, a file without a name ──▶ Reader ──▶ batches
//!                         └── finish ──▶ Run: where the chunks are
//! ```
//!
//! - here: files, and rows in and out
//! - [`partitions`]: rows by hash, so that each part fits into memory
//! - [`merge`]: runs in order, as one
//! - [`store`]: batches that are read again by their number
//!
//! INVARIANT: an operator that lays rows aside gives the same rows in the same order as if it had not. Whoever made the
//! plan may count on the order. Rows therefore get a number where they come in, as their last column.
//!
//! A file loses its name as soon as it is open: its room is given back when the last run in it is dropped, whatever
//! becomes of the statement or the process. Nothing is synced.

pub mod merge;
pub mod partitions;
pub mod store;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atoll_datum::aside::Shapes;
use atoll_datum::{Datum, Error, sqlstate};
use atoll_env::disk::{Disk, File, Open};
use tokio::sync::OnceCell;

use super::{Result, Rows};

/// Below the node's directory.
const DIR: &str = "spill";
/// A chunk is written when it has so many bytes or rows. Reading a run keeps one chunk in memory.
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_ROWS: u32 = super::rows::BATCH as u32;
/// After so many bytes it is asked again whether there is room.
const LOOK_BYTES: u64 = 4 << 20;
/// So much of the disk is left for others, unless it is said otherwise.
const SPARE_BYTES: u64 = 256 << 20;

/// Where a node's statements lay rows aside.
#[derive(Debug)]
pub struct Place {
    /// The directory is there, and what a crash may have left in it is gone.
    ready: OnceCell<()>,
    next: AtomicU64,
    written: AtomicU64,
    spare_bytes: u64,
}

impl Default for Place {
    fn default() -> Place {
        Place::new(SPARE_BYTES)
    }
}

impl Place {
    /// Lays nothing aside when less than this would be free.
    pub fn new(spare_bytes: u64) -> Place {
        Place { ready: OnceCell::new(), next: AtomicU64::new(0), written: AtomicU64::new(0), spare_bytes }
    }

    /// Bytes written since the start.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub async fn create(self: &Arc<Place>, disk: &Disk) -> Result<Arc<Temporary>> {
        self.ready.get_or_try_init(|| prepare(disk)).await.map_err(failed)?;
        let path = Path::new(DIR).join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = disk.open(&path, Open::Create).await.map_err(failed)?;
        disk.remove_file(&path).await.map_err(failed)?;
        let (place, disk) = (self.clone(), disk.clone());
        Ok(Arc::new(Temporary { file, disk, place, end: AtomicU64::new(0), look_at: AtomicU64::new(0) }))
    }
}

async fn prepare(disk: &Disk) -> io::Result<()> {
    let dir = Path::new(DIR);
    disk.create_dir_all(dir).await?;
    for name in disk.list(dir).await? {
        disk.remove_file(&dir.join(name)).await?;
    }
    Ok(())
}

fn failed(error: io::Error) -> super::Failure {
    let state = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => sqlstate::DISK_FULL,
        _ => sqlstate::IO_ERROR,
    };
    Error::new(state, format!("could not use a temporary file: {error}")).into()
}

/// A file for one operator.
pub struct Temporary {
    file: File,
    disk: Disk,
    place: Arc<Place>,
    end: AtomicU64,
    /// When it is that long, it is asked whether there is room.
    look_at: AtomicU64,
}

impl Temporary {
    async fn append(&self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if offset >= self.look_at.load(Ordering::Relaxed) {
            let free = self.disk.space().await.map_err(failed)?.free_bytes;
            if free < self.place.spare_bytes + LOOK_BYTES {
                let error = Error::new(sqlstate::DISK_FULL, "could not write to a temporary file: the disk is full");
                let detail = format!("{} MB are free, and {} MB are kept.", free >> 20, self.place.spare_bytes >> 20);
                return Err(error.detail(detail).into());
            }
            self.look_at.store(offset + LOOK_BYTES, Ordering::Relaxed);
        }
        self.file.write_at(offset, bytes).await.map_err(failed)?;
        self.place.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(offset)
    }

    /// How much was written to it.
    pub fn bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Temporary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Temporary").field("end", &self.end).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Chunk {
    offset: u64,
    bytes: usize,
    rows: u32,
}

/// Rows on disk, in the order in which they were pushed.
#[derive(Debug)]
pub struct Run {
    file: Arc<Temporary>,
    width: usize,
    chunks: Vec<Chunk>,
    shapes: Shapes,
    rows: u64,
}

impl Run {
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn read(self) -> Reader {
        Reader { run: self, next: 0, bytes: Vec::new() }
    }

    /// `bytes` is where it is read to before it becomes rows.
    async fn chunk(&self, at: usize, bytes: &mut Vec<u8>) -> Result<Option<Rows>> {
        let Some(chunk) = self.chunks.get(at) else { return Ok(None) };
        bytes.resize(chunk.bytes, 0);
        let read = self.file.file.read_at(chunk.offset, bytes).await.map_err(failed)?;
        if read < bytes.len() {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut rest = &bytes[..];
        let mut rows = Rows::with_capacity(self.width, chunk.rows as usize);
        for _ in 0..chunk.rows {
            for _ in 0..self.width {
                let value = self.shapes.read(&mut rest)?;
                rows.open_row().push(value);
            }
            rows.end_row();
        }
        Ok(Some(rows))
    }
}

/// Makes a [`Run`].
#[derive(Debug)]
pub struct Writer {
    run: Run,
    bytes: Vec<u8>,
    rows: u32,
}

impl Writer {
    pub fn new(file: &Arc<Temporary>, width: usize) -> Writer {
        let run = Run { file: file.clone(), width, chunks: Vec::new(), shapes: Shapes::default(), rows: 0 };
        Writer { run, bytes: Vec::new(), rows: 0 }
    }

    /// True: it is time to [`flush`](Writer::flush).
    #[must_use]
    pub fn push<'r>(&mut self, row: impl IntoIterator<Item = &'r Datum>) -> bool {
        let mut values = 0;
        for value in row {
            self.run.shapes.write(value, &mut self.bytes);
            values += 1;
        }
        debug_assert_eq!(values, self.run.width);
        self.rows += 1;
        self.bytes.len() >= CHUNK_BYTES || self.rows >= CHUNK_ROWS
    }

    pub async fn flush(&mut self) -> Result<()> {
        if self.rows > 0 {
            let offset = self.run.file.append(&self.bytes).await?;
            self.run.chunks.push(Chunk { offset, bytes: self.bytes.len(), rows: self.rows });
            self.run.rows += u64::from(std::mem::take(&mut self.rows));
            self.bytes.clear();
        }
        Ok(())
    }

    pub async fn finish(mut self) -> Result<Run> {
        self.flush().await?;
        Ok(self.run)
    }
}

/// Reads a run once, from its start.
#[derive(Debug)]
pub struct Reader {
    run: Run,
    next: usize,
    bytes: Vec<u8>,
}

impl Reader {
    pub async fn next(&mut self) -> Result<Option<Rows>> {
        let rows = self.run.chunk(self.next, &mut self.bytes).await?;
        self.next += usize::from(rows.is_some());
        Ok(rows)
    }
}
