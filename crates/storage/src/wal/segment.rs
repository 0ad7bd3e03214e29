//! Segment files: made ready ahead of need, and repaired at their end before the log goes on.

use std::{
    io,
    path::{Path, PathBuf},
};

use atoll_env::{
    Disk, Env,
    disk::{File, Open},
};

use super::{
    format::{HEADER_BYTES, LogId, Place, encode_header, segment_path},
    recover::Tail,
};
use crate::{Error, Result};

/// Ends the names of segments that aren't ready: header written and synced, room reserved. So a segment of the right
/// name always has a whole header.
pub const UNFINISHED: &str = ".wal.new";

pub struct Segment {
    pub number: u64,
    pub file: File,
    /// The length of the file.
    pub bytes: u64,
    path: PathBuf,
}

/// A segment and how much of it is reserved on the disk.
pub struct Prepared {
    pub segment: Segment,
    pub capacity: u64,
}

impl Segment {
    /// Makes a segment with room for `bytes`, durably. [`Error::Full`] leaves nothing behind.
    pub async fn prepare(env: &Env, dir: &Path, log: LogId, number: u64, bytes: u64) -> Result<Prepared> {
        let path = segment_path(dir, number);
        let unfinished = dir.join(format!("{number:08}{UNFINISHED}"));
        match Segment::make(&env.disk, dir, Place { log, segment: number }, bytes, &unfinished, &path).await {
            Ok(file) => Ok(Prepared { segment: Segment { number, file, bytes, path }, capacity: bytes }),
            Err(error) if is_full(&error) => {
                if let Err(error) = env.disk.remove_file(&unfinished).await
                    && error.kind() != io::ErrorKind::NotFound
                {
                    return Err(Error::io(format_args!("remove {}", unfinished.display()), error));
                }
                Err(Error::Full)
            }
            Err(error) => Err(Error::io(format_args!("prepare {}", path.display()), error)),
        }
    }

    async fn make(
        disk: &Disk,
        dir: &Path,
        place: Place,
        bytes: u64,
        unfinished: &Path,
        path: &Path,
    ) -> io::Result<File> {
        let file = disk.open(unfinished, Open::Create).await?;
        file.allocate(bytes.max(HEADER_BYTES as u64)).await?;
        file.write_at(0, &encode_header(place)).await?;
        file.sync_all().await?;
        disk.rename(unfinished, path).await?;
        disk.sync_dir(dir).await?;
        Ok(file)
    }

    pub async fn open(disk: &Disk, dir: &Path, number: u64) -> Result<Segment> {
        let path = segment_path(dir, number);
        let failed = |error| Error::io(format_args!("open {}", path.display()), error);
        let file = disk.open(&path, Open::Write).await.map_err(failed)?;
        let bytes = file.len().await.map_err(failed)?;
        Ok(Segment { number, file, bytes, path })
    }

    /// Reserves room up to `bytes` and returns how much of the file is reserved then. Room that isn't to be had is
    /// [`Error::Full`].
    pub async fn reserve(&self, bytes: u64) -> Result<u64> {
        let reserved: io::Result<u64> = async {
            self.file.allocate(bytes).await?;
            self.file.sync_all().await?;
            self.file.len().await
        }
        .await;
        reserved.map_err(|error| if is_full(&error) { Error::Full } else { self.io("reserve room in", error) })
    }

    /// Makes the end of the log certain: what remains of an unfinished frame becomes zero, so that it can never be read
    /// as part of what follows, and the last frame is written again. It was read, but it may never have reached the
    /// disk: a failed sync leaves pages that look clean and are lost when the power fails.
    pub async fn mend(&self, tail: &Tail) -> Result<()> {
        if let Some(torn) = &tail.torn {
            let zeroes = vec![0; usize::try_from(torn.end - torn.start).unwrap_or(usize::MAX).min(1 << 20)];
            let mut at = torn.start;
            while at < torn.end {
                let length = (torn.end - at).min(zeroes.len() as u64);
                self.write(at, &zeroes[..length as usize]).await?;
                at += length;
            }
        }
        self.write(tail.end - tail.last_frame.len() as u64, &tail.last_frame).await?;
        self.sync().await
    }

    pub async fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_at(offset, bytes).await.map_err(|error| self.io("write", error))
    }

    pub async fn sync(&self) -> Result<()> {
        self.file.sync_data().await.map_err(|error| self.io("sync", error))
    }

    /// Fills the buffer, or the file is damaged.
    pub async fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let read = self.file.read_at(offset, buffer).await.map_err(|error| self.io("read", error))?;
        if read == buffer.len() { Ok(()) } else { Err(self.damage(offset, "the file was cut off")) }
    }

    pub fn damage(&self, offset: u64, what: &str) -> Error {
        Error::damage(&self.path, offset, what)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn io(&self, what: &str, error: io::Error) -> Error {
        Error::io(format_args!("{what} {}", self.path.display()), error)
    }
}

pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
