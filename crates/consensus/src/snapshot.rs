//! Snapshots: a group's state on its way from one replica to another.
//!
//! ```text
//!   sender                          receiver
//!   view of the engine  ──chunk──▶  a file, chunk by chunk ──▶ replaces the state (`state`)
//!            ▲                │
//!            └──"next, please"┘     one request for one chunk is the flow control
//! ```
//!
//! A chunk is a run of rows with a checksum that is checked on arrival and again when the file is read back. The file
//! keeps a half received snapshot out of the engine: as long as it is incomplete, the old state stays in place and in
//! use. It need not survive a crash, and what is found of it at the next start is removed.
//!
//! Deliberately absent: resuming a transfer that broke off; it starts again.

use std::path::{Path, PathBuf};

use atoll_env::disk::{File, Open};
use atoll_env::{Disk, Env};
use atoll_storage::GroupId;
use atoll_storage::engine::{Space, View};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::encode_varint;

use crate::codec::take_varint;
use crate::error::{Error, Result};
use crate::state::{space_number, space_of};
use crate::wire;

/// Rows of one chunk, roughly: a single larger row goes alone.
const CHUNK_BYTES: usize = 256 << 10;

const DIR: &str = "snapshots";
/// So many are missed by a bug that can be planted.
const TAIL_KEYS: usize = 8;

/// A part of the key space that belongs to a group; an empty `end` is the end of the space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub space: Space,
    pub start: Bytes,
    pub end: Bytes,
}

impl Span {
    pub(crate) fn contains(&self, space: Space, key: &[u8]) -> bool {
        self.space == space && &self.start[..] <= key && (self.end.is_empty() || key < &self.end[..])
    }

    pub(crate) fn to_wire(&self) -> wire::Span {
        wire::Span { space: space_number(self.space) as u32, start: self.start.clone(), end: self.end.clone() }
    }

    pub(crate) fn from_wire(span: &wire::Span) -> Result<Span> {
        let number = u8::try_from(span.space).unwrap_or(u8::MAX);
        Ok(Span { space: space_of(number)?, start: span.start.clone(), end: span.end.clone() })
    }
}

/// What openraft hands around as a snapshot.
pub(crate) enum Snapshot {
    /// This replica's state at one moment.
    Own(Own),
    /// Another replica's, complete, in a file.
    Received(Received),
}

/// A view of this replica's state.
pub(crate) struct Own {
    pub view: View,
    pub spans: Vec<Span>,
}

impl Own {
    /// A planted bug: the newest values end a few keys early.
    pub(crate) fn cut_tail(&mut self) {
        for span in self.spans.iter_mut().filter(|span| span.space == Space::Current) {
            let tail = self.view.scan_reverse(span.space, &span.start, &span.end).take(TAIL_KEYS);
            if let Some(Ok((key, _))) = tail.last() {
                span.end = key;
            }
        }
    }
}

/// Cuts a view into chunks.
pub(crate) struct Cutter {
    own: Own,
    /// Which span is being read, and after which of its keys.
    span: usize,
    after: Option<Bytes>,
    /// The chunk cut last, for a receiver that lost it.
    last: Option<wire::Chunk>,
}

impl Cutter {
    pub(crate) fn new(own: Own) -> Cutter {
        Cutter { own, span: 0, after: None, last: None }
    }

    pub(crate) fn chunk(&mut self, number: u64) -> Result<wire::Chunk> {
        let expected = match &self.last {
            Some(last) if last.chunk == number => return Ok(last.clone()),
            Some(last) if last.last => return Err(transfer("a snapshot was asked for more than it has")),
            Some(last) => last.chunk + 1,
            None => 0,
        };
        if number != expected {
            return Err(transfer(format!("snapshot chunk {number} was asked for instead of {expected}")));
        }
        let (rows, last) = self.cut()?;
        let chunk = wire::Chunk { chunk: number, crc: crc32c::crc32c(&rows), rows, last };
        self.last = Some(chunk.clone());
        Ok(chunk)
    }

    fn cut(&mut self) -> Result<(Bytes, bool)> {
        let mut rows = BytesMut::new();
        while let Some(span) = self.own.spans.get(self.span) {
            let start = match &self.after {
                // The smallest key above it.
                Some(after) => [after, &[0][..]].concat().into(),
                None => span.start.clone(),
            };
            for row in self.own.view.scan(span.space, &start, &span.end) {
                let (key, value) = row?;
                put_row(&mut rows, span.space, &key, &value);
                if rows.len() >= CHUNK_BYTES {
                    self.after = Some(key);
                    return Ok((rows.freeze(), false));
                }
            }
            self.span += 1;
            self.after = None;
        }
        Ok((rows.freeze(), true))
    }
}

fn put_row(out: &mut BytesMut, space: Space, key: &[u8], value: &[u8]) {
    out.put_u8(space_number(space));
    encode_varint(key.len() as u64, out);
    out.put_slice(key);
    encode_varint(value.len() as u64, out);
    out.put_slice(value);
}

/// The rows of a chunk.
pub(crate) struct Rows(Bytes);

impl Rows {
    pub(crate) fn new(rows: Bytes) -> Rows {
        Rows(rows)
    }

    fn row(&mut self) -> Result<(Space, Bytes, Bytes)> {
        let space = space_of(self.0.get_u8())?;
        Ok((space, self.field()?, self.field()?))
    }

    fn field(&mut self) -> Result<Bytes> {
        let len = take_varint(&mut self.0, "snapshot row")? as usize;
        if len > self.0.len() {
            return Err(Error::damage("a snapshot row is cut short"));
        }
        // Copied: a row in the engine must not keep the whole chunk in memory.
        Ok(Bytes::copy_from_slice(&self.0.split_to(len)))
    }
}

impl Iterator for Rows {
    type Item = Result<(Space, Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let row = self.row();
        if row.is_err() {
            self.0.clear();
        }
        Some(row)
    }
}

/// Removes what a crash left of this group's transfers.
pub(crate) async fn clean(env: &Env, group: GroupId) -> Result<()> {
    let dir = Path::new(DIR);
    if !env.disk.exists(dir).await.map_err(io_error)? {
        return Ok(());
    }
    for name in env.disk.list(dir).await.map_err(io_error)? {
        if name.starts_with(&prefix(group)) {
            env.disk.remove_file(&dir.join(name)).await.map_err(io_error)?;
        }
    }
    Ok(())
}

/// A snapshot that is being received.
pub(crate) struct Receiving {
    disk: Disk,
    path: PathBuf,
    file: File,
    end: u64,
    next_chunk: u64,
}

impl Receiving {
    pub(crate) async fn create(env: &Env, group: GroupId) -> Result<Receiving> {
        env.disk.create_dir_all(Path::new(DIR)).await.map_err(io_error)?;
        let name = format!("{}{:016x}", prefix(group), env.entropy.next_u64());
        let path = Path::new(DIR).join(name);
        let file = env.disk.open(&path, Open::Create).await.map_err(io_error)?;
        Ok(Receiving { disk: env.disk.clone(), path, file, end: 0, next_chunk: 0 })
    }

    pub(crate) fn next_chunk(&self) -> u64 {
        self.next_chunk
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.end
    }

    pub(crate) async fn add(&mut self, chunk: &wire::Chunk) -> Result<()> {
        if chunk.chunk != self.next_chunk {
            return Err(transfer(format!("snapshot chunk {} came instead of {}", chunk.chunk, self.next_chunk)));
        }
        if crc32c::crc32c(&chunk.rows) != chunk.crc {
            return Err(transfer("a snapshot chunk arrived with a wrong checksum"));
        }
        let mut header = BytesMut::with_capacity(8);
        header.put_u32_le(chunk.rows.len() as u32);
        header.put_u32_le(chunk.crc);
        self.file.write_at(self.end, &header).await.map_err(io_error)?;
        self.file.write_at(self.end + 8, &chunk.rows).await.map_err(io_error)?;
        self.end += 8 + chunk.rows.len() as u64;
        self.next_chunk += 1;
        Ok(())
    }

    pub(crate) fn finish(self, spans: Vec<Span>) -> Received {
        Received { disk: self.disk, path: self.path, bytes: self.end, spans }
    }

    /// For [`remove`], which comes last in every transfer.
    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }
}

/// A complete snapshot in a file.
pub(crate) struct Received {
    disk: Disk,
    path: PathBuf,
    bytes: u64,
    pub spans: Vec<Span>,
}

impl Received {
    pub(crate) async fn open(&self) -> Result<Chunks> {
        let file = self.disk.open(&self.path, Open::Read).await.map_err(io_error)?;
        Ok(Chunks { file, at: 0, end: self.bytes })
    }
}

/// Removes the file of a transfer, be it installed, refused or broken off.
pub(crate) async fn remove(env: &Env, path: &Path) {
    if let Err(error) = env.disk.remove_file(path).await {
        tracing::warn!(path = %path.display(), %error, "the file of a snapshot stays behind until the next start");
    }
}

/// Reads the chunks of a received snapshot back.
pub(crate) struct Chunks {
    file: File,
    at: u64,
    end: u64,
}

impl Chunks {
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.at == self.end {
            return Ok(None);
        }
        let header = self.read(8).await?;
        let (len, crc) = ((&header[..4]).get_u32_le(), (&header[4..]).get_u32_le());
        if len as u64 > self.end - self.at {
            return Err(Error::damage("the file of a received snapshot is damaged"));
        }
        let rows = self.read(len as usize).await?;
        if crc32c::crc32c(&rows) != crc {
            return Err(Error::damage("the file of a received snapshot is damaged"));
        }
        Ok(Some(rows))
    }

    async fn read(&mut self, len: usize) -> Result<Bytes> {
        let mut bytes = BytesMut::zeroed(len);
        let read = self.file.read_at(self.at, &mut bytes).await.map_err(io_error)?;
        if read < len {
            return Err(Error::damage("the file of a received snapshot is cut short"));
        }
        self.at += len as u64;
        Ok(bytes.freeze())
    }
}

fn prefix(group: GroupId) -> String {
    format!("{:016x}-", group.0)
}

fn transfer(what: impl Into<String>) -> Error {
    Error::Transfer { what: what.into() }
}

fn io_error(source: std::io::Error) -> Error {
    Error::SnapshotFile { source }
}
