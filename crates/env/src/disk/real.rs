//! Files of the operating system. Blocking calls inside, as the interface says.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, FlockOperation},
    io::Errno,
};

use super::{Open, Space};

#[derive(Clone)]
pub(super) struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    pub(super) fn new(root: PathBuf) -> RealDisk {
        RealDisk { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Joining an empty path would leave a trailing slash.
    fn at(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    pub(super) fn open(&self, path: &Path, mode: Open) -> io::Result<RealFile> {
        let mut options = fs::OpenOptions::new();
        match mode {
            Open::Read => options.read(true),
            Open::Write => options.read(true).write(true),
            Open::Create => options.read(true).write(true).create_new(true),
        };
        Ok(RealFile { file: options.open(self.at(path))? })
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.at(dir))? {
            // We never make names that aren't UTF-8; somebody else's file can't be one of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let dir = self.at(dir);
        let mut chain: Vec<&Path> = dir.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
        chain.reverse();
        for path in chain {
            let made = match fs::create_dir(path) {
                Ok(()) => true,
                // Or somebody else was faster: directories are made for the log and the state at the same time.
                Err(_) if path.try_exists()? => false,
                Err(error) => return Err(error),
            };
            // Also when it was there: whoever made it may have died before the sync.
            if made || path.starts_with(&self.root) {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
                match fs::File::open(parent).and_then(|parent| parent.sync_all()) {
                    // A root made for us by somebody else, in a place that we may not look at.
                    Err(error) if !made && error.kind() == io::ErrorKind::PermissionDenied => (),
                    synced => synced?,
                }
            }
        }
        if dir.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.at(path))
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(self.at(dir))?.sync_all()
    }

    pub(super) fn exists(&self, path: &Path) -> io::Result<bool> {
        self.at(path).try_exists()
    }

    pub(super) fn lock(&self, path: &Path) -> io::Result<RealLock> {
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.at(path))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(RealLock { _file: file })
    }

    pub(super) fn space(&self) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(Space {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }
}

pub(super) struct RealFile {
    file: fs::File,
}

impl RealFile {
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    pub(super) fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(super) fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(super) fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    pub(super) fn allocate(&self, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        loop {
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => (),
                // File systems that copy on write can't reserve; writing zeroes at least proves that there is room.
                Err(Errno::OPNOTSUPP) => return self.fill_with_zeroes(len),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn fill_with_zeroes(&self, len: u64) -> io::Result<()> {
        let zeroes = vec![0u8; 1 << 16];
        let mut at = self.len()?;
        while at < len {
            let chunk = (len - at).min(zeroes.len() as u64);
            self.file.write_all_at(&zeroes[..chunk as usize], at)?;
            at += chunk;
        }
        Ok(())
    }
}

/// The kernel gives the lock back when the file is closed, also by the end of the process.
pub(super) struct RealLock {
    _file: fs::File,
}

#[cfg(test)]
mod tests {
    use super::super::{Disk, Open};
    use super::*;
    use crate::Entropy;

    struct TempDir(PathBuf);

    impl TempDir {
        fn new() -> TempDir {
            TempDir(std::env::temp_dir().join(format!("atoll-env-{:x}", Entropy::real().next_u128())))
        }
    }

    impl Drop for TempDir {
        fn drop(&mut self) {
            // A test's litter is no failure of the test.
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[tokio::test]
    async fn files_come_back_as_written() {
        let dir = TempDir::new();
        let disk = Disk::real(Some(dir.0.clone()));
        disk.create_dir_all(Path::new("log/deep")).await.unwrap();
        disk.create_dir_all(Path::new("log/deep")).await.unwrap();
        let path = Path::new("log/a");
        assert!(disk.open(path, Open::Write).await.is_err());
        let file = disk.open(path, Open::Create).await.unwrap();
        assert!(disk.open(path, Open::Create).await.is_err());
        file.write_at(3, b"hello").await.unwrap();
        file.sync_data().await.unwrap();
        let mut buffer = [9; 10];
        assert_eq!(file.read_at(1, &mut buffer).await.unwrap(), 7);
        assert_eq!(&buffer[..7], b"\0\0hello");
        file.allocate(1 << 16).await.unwrap();
        assert_eq!(file.len().await.unwrap(), 1 << 16);
        file.allocate(10).await.unwrap();
        assert_eq!(file.len().await.unwrap(), 1 << 16);
        file.set_len(4).await.unwrap();
        file.sync_all().await.unwrap();
        assert_eq!(disk.read(path).await.unwrap(), b"\0\0\0h");
        assert!(disk.open(path, Open::Read).await.unwrap().write_at(0, b"x").await.is_err());
        disk.rename(path, Path::new("log/b")).await.unwrap();
        disk.sync_dir(Path::new("log")).await.unwrap();
        assert!(!disk.exists(path).await.unwrap());
        assert_eq!(disk.list(Path::new("log")).await.unwrap(), ["b", "deep"]);
        disk.remove_file(Path::new("log/b")).await.unwrap();
        assert_eq!(disk.list(Path::new("")).await.unwrap(), ["log"]);
        let space = disk.space().await.unwrap();
        assert!(space.free_bytes > 0 && space.free_bytes <= space.total_bytes);
    }

    #[tokio::test]
    async fn small_files_are_replaced_whole() {
        let dir = TempDir::new();
        let disk = Disk::real(Some(dir.0.clone()));
        disk.create_dir_all(Path::new("")).await.unwrap();
        let path = Path::new("identity");
        disk.write_atomic(path, b"one").await.unwrap();
        disk.open(Path::new("identity.tmp"), Open::Create).await.unwrap();
        disk.write_atomic(path, b"second").await.unwrap();
        assert_eq!(disk.read(path).await.unwrap(), b"second");
        assert_eq!(disk.list(Path::new("")).await.unwrap(), ["identity"]);
    }

    #[tokio::test]
    async fn one_holder_of_a_lock() {
        let dir = TempDir::new();
        let disk = Disk::real(Some(dir.0.clone()));
        disk.create_dir_all(Path::new("")).await.unwrap();
        let path = Path::new("lock");
        let held = disk.lock(path).await.unwrap();
        let refused = disk.lock(path).await.err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        disk.lock(path).await.unwrap();
    }
}
