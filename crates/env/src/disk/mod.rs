//! Files of one node: positioned reads and writes, explicit syncs, nothing cached.
//!
//! [`Disk`] is the node's data directory, [`File`] an open file, [`DirLock`] the right to be the only process there,
//! [`StateSlot`] a state store kept by the disk itself, where there is one. All paths are relative to the root.
//!
//! What survives when the power fails, and callers must arrange for:
//! - written bytes, and a file's length, after [`File::sync_data`] returned without error;
//! - a created, renamed or removed name after [`Disk::sync_dir`] of its directory;
//! - until then any part of it, in sectors of 512 bytes, in any order;
//! - after a failed sync nothing is known about the writes before it, and syncing again doesn't help.
//!
//! Deliberately absent: buffering, memory maps, a current position, retries.

mod real;
mod slot;

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use self::real::{RealDisk, RealFile, RealLock};
pub use self::slot::{CrashHook, CrashKind, StateSlot};
use crate::sim::{Incarnation, SimFile, SimLock};

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing; fails with `AlreadyExists` if there is one.
    Create,
}

/// Room on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

#[derive(Clone)]
pub struct Disk {
    side: Side,
}

#[derive(Clone)]
enum Side {
    Real(RealDisk),
    Sim(Arc<Incarnation>),
    /// A process without a data directory.
    Absent,
}

impl Disk {
    pub(crate) fn real(root: Option<PathBuf>) -> Disk {
        let side = root.map_or(Side::Absent, |root| Side::Real(RealDisk::new(root)));
        Disk { side }
    }

    pub(crate) fn sim(incarnation: Arc<Incarnation>) -> Disk {
        Disk { side: Side::Sim(incarnation) }
    }

    pub async fn open(&self, path: &Path, mode: Open) -> io::Result<File> {
        let path = relative(path)?;
        Ok(File {
            side: match &self.side {
                Side::Real(disk) => FileSide::Real(disk.open(&path, mode)?),
                Side::Sim(incarnation) => FileSide::Sim(incarnation.disk_open(&path, mode).await?),
                Side::Absent => return Err(absent()),
            },
        })
    }

    /// The names in a directory, files and directories alike, in order.
    pub async fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let dir = relative(dir)?;
        match &self.side {
            Side::Real(disk) => disk.list(&dir),
            Side::Sim(incarnation) => incarnation.disk_list(&dir).await,
            Side::Absent => Err(absent()),
        }
    }

    /// Makes a directory and those above it, up to and including the root, and syncs what it made. An empty path names
    /// the root.
    pub async fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let dir = relative(dir)?;
        match &self.side {
            Side::Real(disk) => disk.create_dir_all(&dir),
            Side::Sim(incarnation) => incarnation.disk_create_dir_all(&dir).await,
            Side::Absent => Err(absent()),
        }
    }

    pub async fn remove_file(&self, path: &Path) -> io::Result<()> {
        let path = relative(path)?;
        match &self.side {
            Side::Real(disk) => disk.remove_file(&path),
            Side::Sim(incarnation) => incarnation.disk_remove_file(&path).await,
            Side::Absent => Err(absent()),
        }
    }

    /// Gives a file another name, in place of the file that had it.
    pub async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (relative(from)?, relative(to)?);
        match &self.side {
            Side::Real(disk) => disk.rename(&from, &to),
            Side::Sim(incarnation) => incarnation.disk_rename(&from, &to).await,
            Side::Absent => Err(absent()),
        }
    }

    /// Makes the names in this directory durable, and their absence.
    pub async fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let dir = relative(dir)?;
        match &self.side {
            Side::Real(disk) => disk.sync_dir(&dir),
            Side::Sim(incarnation) => incarnation.disk_sync_dir(&dir).await,
            Side::Absent => Err(absent()),
        }
    }

    /// Whether there is a file or directory of this name.
    pub async fn exists(&self, path: &Path) -> io::Result<bool> {
        let path = relative(path)?;
        match &self.side {
            Side::Real(disk) => disk.exists(&path),
            Side::Sim(incarnation) => incarnation.disk_exists(&path).await,
            Side::Absent => Err(absent()),
        }
    }

    /// Takes the lock that the file at `path` stands for, making the file if needed. `WouldBlock` if another process
    /// holds it. It ends with the returned value or with the process.
    pub async fn lock(&self, path: &Path) -> io::Result<DirLock> {
        let path = relative(path)?;
        Ok(DirLock {
            _side: match &self.side {
                Side::Real(disk) => LockSide::Real(disk.lock(&path)?),
                Side::Sim(incarnation) => LockSide::Sim(incarnation.disk_lock(&path).await?),
                Side::Absent => return Err(absent()),
            },
        })
    }

    pub async fn space(&self) -> io::Result<Space> {
        match &self.side {
            Side::Real(disk) => disk.space(),
            Side::Sim(incarnation) => incarnation.disk_space().await,
            Side::Absent => Err(absent()),
        }
    }

    /// The data directory, for libraries that manage files themselves; None where the disk has no such place.
    pub fn root(&self) -> Option<PathBuf> {
        match &self.side {
            Side::Real(disk) => Some(disk.root().to_owned()),
            Side::Sim(_) | Side::Absent => None,
        }
    }

    /// The state store kept by the disk itself, if this kind of disk has one.
    pub fn state_slot(&self) -> Option<Arc<StateSlot>> {
        match &self.side {
            Side::Sim(incarnation) => Some(incarnation.disk_state_slot()),
            Side::Real(_) | Side::Absent => None,
        }
    }

    /// The whole content of a small file.
    pub async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path, Open::Read).await?;
        let len = usize::try_from(file.len().await?).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut content = vec![0; len];
        let read = file.read_at(0, &mut content).await?;
        content.truncate(read);
        Ok(content)
    }

    /// Puts a small file in place of whatever was there, durably: after a crash either the old or the new content is
    /// found, after this returned only the new.
    pub async fn write_atomic(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        // Left over from a crash.
        if self.exists(&temporary).await? {
            self.remove_file(&temporary).await?;
        }
        let file = self.open(&temporary, Open::Create).await?;
        file.write_at(0, content).await?;
        file.sync_all().await?;
        self.rename(&temporary, path).await?;
        self.sync_dir(path.parent().unwrap_or(Path::new(""))).await
    }
}

/// An open file.
pub struct File {
    side: FileSide,
}

enum FileSide {
    Real(RealFile),
    Sim(SimFile),
}

impl File {
    /// Fills `buffer` from `offset` on; fewer bytes only at the end of the file.
    pub async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.side {
            FileSide::Real(file) => file.read_at(offset, buffer),
            FileSide::Sim(file) => file.read_at(offset, buffer).await,
        }
    }

    /// Writes all of `data`. After an error the place may hold any mixture of old and new.
    pub async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match &self.side {
            FileSide::Real(file) => file.write_at(offset, data),
            FileSide::Sim(file) => file.write_at(offset, data).await,
        }
    }

    /// Makes everything written before durable, the length included.
    pub async fn sync_data(&self) -> io::Result<()> {
        match &self.side {
            FileSide::Real(file) => file.sync_data(),
            FileSide::Sim(file) => file.sync().await,
        }
    }

    /// As [`File::sync_data`], with all metadata.
    pub async fn sync_all(&self) -> io::Result<()> {
        match &self.side {
            FileSide::Real(file) => file.sync_all(),
            FileSide::Sim(file) => file.sync().await,
        }
    }

    // An asynchronous length has no use for `is_empty`.
    #[allow(clippy::len_without_is_empty)]
    pub async fn len(&self) -> io::Result<u64> {
        match &self.side {
            FileSide::Real(file) => file.len(),
            FileSide::Sim(file) => file.len().await,
        }
    }

    /// Cuts the file, or lets it grow by zeroes that occupy no room.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        match &self.side {
            FileSide::Real(file) => file.set_len(len),
            FileSide::Sim(file) => file.set_len(len).await,
        }
    }

    /// Reserves room for the first `len` bytes, so that writes there can't run out of it. A shorter file grows to
    /// `len` by zeroes; a longer one keeps its length.
    pub async fn allocate(&self, len: u64) -> io::Result<()> {
        match &self.side {
            FileSide::Real(file) => file.allocate(len),
            FileSide::Sim(file) => file.allocate(len).await,
        }
    }
}

/// Held by the one process that may use a directory.
pub struct DirLock {
    _side: LockSide,
}

// Held only for what their ends do.
#[allow(dead_code)]
enum LockSide {
    Real(RealLock),
    Sim(SimLock),
}

/// A path inside the root, without detours, so that equal places have equal paths.
fn relative(path: &Path) -> io::Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => (),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                let outside = format!("{} leads out of the data directory", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, outside));
            }
        }
    }
    Ok(clean)
}

fn absent() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this process has no data directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(relative(Path::new("./log//a")).unwrap(), Path::new("log/a"));
        assert_eq!(relative(Path::new("")).unwrap(), Path::new(""));
        assert!(relative(Path::new("../a")).is_err());
        assert!(relative(Path::new("/a")).is_err());
    }

    #[tokio::test]
    async fn a_client_has_no_disk() {
        let disk = Disk::real(None);
        assert_eq!(disk.read(Path::new("a")).await.unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert!(disk.root().is_none() && disk.state_slot().is_none());
    }
}
