//! A simulated disk: names, the files behind them, room, and the faults that wait for their chance.
//!
//! Plain data without time; [`super::disk_io`] adds waiting and the node's life.
//!
//! INVARIANT: a name is durable only after a sync of its directory. Directories themselves are durable at once, as
//! [`crate::Disk::create_dir_all`] promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use super::file::{Inode, Outcome};
use crate::{
    disk::{Open, Space, StateSlot},
    rng::Rng,
};

pub(super) type FileRef = Arc<Mutex<Inode>>;
type Names = BTreeMap<PathBuf, FileRef>;

/// Input or output error, as the kernel reports a failed sync.
const EIO: i32 = 5;

pub(super) struct SimDisk {
    pub rng: Rng,
    live: Names,
    durable: Names,
    /// Changes of names since the syncs of their directories, oldest first.
    pending: Vec<NameChange>,
    dirs: BTreeSet<PathBuf>,
    /// Held locks, by the incarnation that holds them.
    locks: BTreeMap<PathBuf, u64>,
    files_made: u64,
    pub capacity: u64,
    pub slot: Arc<StateSlot>,
    pub slow_sync: Duration,
    /// This many syncs will fail.
    pub failing_syncs: u32,
    /// The next write to a file whose path contains this lands elsewhere in it.
    pub misdirect: Option<String>,
}

#[derive(Clone)]
enum NameChange {
    Link { path: PathBuf, file: FileRef },
    Unlink { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf, file: FileRef },
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            NameChange::Link { path, file } => drop(names.insert(path.clone(), file.clone())),
            NameChange::Unlink { path } => drop(names.remove(path)),
            NameChange::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), file.clone());
            }
        }
    }

    fn is_in(&self, dir: &Path) -> bool {
        match self {
            NameChange::Link { path, .. } | NameChange::Unlink { path } => parent(path) == dir,
            NameChange::Rename { from, to, .. } => parent(from) == dir || parent(to) == dir,
        }
    }
}

/// What a power failure did, for the statistics.
#[derive(Default, Debug)]
pub(super) struct Losses {
    pub torn: u64,
    pub lost: u64,
    pub names: u64,
}

impl SimDisk {
    pub(super) fn new(rng: Rng, capacity: u64) -> SimDisk {
        SimDisk {
            rng,
            live: Names::new(),
            durable: Names::new(),
            pending: Vec::new(),
            dirs: BTreeSet::from([PathBuf::new()]),
            locks: BTreeMap::new(),
            files_made: 0,
            capacity,
            slot: Arc::default(),
            slow_sync: Duration::ZERO,
            failing_syncs: 0,
            misdirect: None,
        }
    }

    pub(super) fn open(&mut self, path: &Path, mode: Open) -> io::Result<FileRef> {
        if self.dirs.contains(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        match (mode, self.live.get(path)) {
            (Open::Read | Open::Write, Some(file)) => Ok(file.clone()),
            (Open::Read | Open::Write, None) => Err(io::ErrorKind::NotFound.into()),
            (Open::Create, Some(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            (Open::Create, None) => {
                if !self.dirs.contains(parent(path)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                self.files_made += 1;
                let file = Arc::new(Mutex::new(Inode::new(self.files_made)));
                self.rename_by(NameChange::Link { path: path.to_owned(), file: file.clone() });
                Ok(file)
            }
        }
    }

    fn rename_by(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        if !self.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let children = self.live.keys().chain(&self.dirs);
        let inside = children.filter(|path| !path.as_os_str().is_empty() && parent(path) == dir);
        let mut names: Vec<String> =
            inside.filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned())).collect();
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn create_dir_all(&mut self, dir: &Path) -> io::Result<()> {
        if dir.ancestors().any(|path| self.live.contains_key(path)) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        if !self.live.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.rename_by(NameChange::Unlink { path: path.to_owned() });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.live.get(from).cloned().ok_or(io::ErrorKind::NotFound)?;
        if !self.dirs.contains(parent(to)) || self.dirs.contains(to) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if from != to {
            self.rename_by(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), file });
        }
        Ok(())
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.live.contains_key(path) || self.dirs.contains(path)
    }

    /// The changes of names so far that a sync of this directory covers.
    pub(super) fn changes_in(&self, dir: &Path) -> usize {
        self.pending.iter().filter(|change| change.is_in(dir)).count()
    }

    /// A sync of this directory, begun when there were `covered` changes in it, succeeded.
    pub(super) fn dir_synced(&mut self, dir: &Path, covered: usize) {
        let mut left = covered;
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            let sync = left > 0 && change.is_in(dir);
            if sync {
                left -= 1;
                change.apply(durable);
            }
            !sync
        });
    }

    pub(super) fn is_dir(&self, dir: &Path) -> bool {
        self.dirs.contains(dir)
    }

    /// Whether this sync fails; counts down.
    pub(super) fn sync_fails(&mut self) -> bool {
        let fails = self.failing_syncs > 0;
        self.failing_syncs = self.failing_syncs.saturating_sub(1);
        fails
    }

    pub(super) fn space(&self) -> Space {
        let used = self.live.values().map(|file| file.lock().live().len()).sum::<u64>() + self.slot.bytes();
        Space { free_bytes: self.capacity.saturating_sub(used), total_bytes: self.capacity }
    }

    pub(super) fn files(&self) -> Vec<(PathBuf, u64)> {
        self.live.iter().map(|(path, file)| (path.clone(), file.lock().live().len())).collect()
    }

    /// Lets the file grow, if there is room.
    fn reserve(&self, file: &FileRef, end: u64) -> io::Result<()> {
        let growth = end.saturating_sub(file.lock().live().len());
        if growth > 0 && growth > self.space().free_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Writes, or on a full disk writes a part and fails. Returns the offset if the write went astray.
    pub(super) fn write(&mut self, file: &FileRef, offset: u64, data: &[u8]) -> io::Result<Option<u64>> {
        if let Err(full) = self.reserve(file, offset + data.len() as u64) {
            let len = file.lock().live().len();
            let room = (len + self.space().free_bytes).saturating_sub(offset).min(data.len() as u64);
            let part = self.rng.below(room + 1) as usize;
            if part > 0 {
                file.lock().write(offset, &data[..part]);
            }
            return Err(full);
        }
        if let Some(astray) = self.astray(file, offset, data.len() as u64) {
            file.lock().write(astray, data);
            return Ok(Some(astray));
        }
        file.lock().write(offset, data);
        Ok(None)
    }

    /// Where in the file this write lands instead, if it was chosen to miss.
    fn astray(&mut self, file: &FileRef, offset: u64, len: u64) -> Option<u64> {
        let filter = self.misdirect.as_ref()?;
        let (path, _) = self.live.iter().find(|(_, other)| Arc::ptr_eq(other, file))?;
        if !path.to_string_lossy().contains(filter.as_str()) {
            return None;
        }
        // Within the file as it would be, so that its length tells nothing.
        let sectors = file.lock().live().len().max(offset + len).saturating_sub(len) / 512;
        let chosen = (0..8).map(|_| self.rng.below(sectors + 1) * 512).find(|chosen| chosen / 512 != offset / 512)?;
        self.misdirect = None;
        Some(chosen + offset % 512)
    }

    pub(super) fn set_len(&mut self, file: &FileRef, len: u64) -> io::Result<()> {
        self.reserve(file, len)?;
        file.lock().set_len(len);
        Ok(())
    }

    pub(super) fn allocate(&mut self, file: &FileRef, len: u64) -> io::Result<()> {
        self.reserve(file, len)?;
        let mut file = file.lock();
        if file.live().len() < len {
            file.set_len(len);
        }
        Ok(())
    }

    pub(super) fn lock(&mut self, path: &Path, incarnation: u64) -> io::Result<()> {
        if self.locks.contains_key(path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if !self.live.contains_key(path) {
            self.open(path, Open::Create)?;
        }
        self.locks.insert(path.to_owned(), incarnation);
        Ok(())
    }

    pub(super) fn unlock(&mut self, path: &Path, incarnation: u64) {
        if self.locks.get(path) == Some(&incarnation) {
            self.locks.remove(path);
        }
    }

    /// The process died: the kernel takes its locks back and keeps its writes.
    pub(super) fn killed(&mut self) {
        self.locks.clear();
    }

    pub(super) fn power_off(&mut self) -> Losses {
        let mut losses = Losses::default();
        self.locks.clear();
        let pending = std::mem::take(&mut self.pending);
        let cut = self.rng.below(pending.len() as u64 + 1) as usize;
        let deviate = self.rng.chance(0.5);
        for (n, change) in pending.iter().enumerate() {
            // Mostly in order, as by a journal; but nothing promises that.
            if (n < cut) != (deviate && self.rng.chance(0.2)) {
                change.apply(&mut self.durable);
            } else {
                losses.names += 1;
            }
        }
        for file in self.durable.values() {
            match file.lock().power_off(&mut self.rng) {
                Outcome::Clean | Outcome::Kept => (),
                Outcome::Lost => losses.lost += 1,
                Outcome::Torn => losses.torn += 1,
            }
        }
        self.live = self.durable.clone();
        losses
    }

    fn chosen(&mut self, filter: &str) -> Option<(PathBuf, FileRef)> {
        let matching: Vec<_> = self
            .live
            .iter()
            .filter(|(path, file)| path.to_string_lossy().contains(filter) && file.lock().live().len() > 0)
            .map(|(path, file)| (path.clone(), file.clone()))
            .collect();
        if matching.is_empty() { None } else { Some(self.rng.pick(&matching).clone()) }
    }

    /// Flips a bit in one of the files whose path contains `filter`.
    pub(super) fn flip_bit(&mut self, filter: &str) -> Option<(PathBuf, u64)> {
        let (path, file) = self.chosen(filter)?;
        let offset = file.lock().flip_bit(&mut self.rng)?;
        Some((path, offset))
    }

    /// Cuts the end off one of the files whose path contains `filter`.
    pub(super) fn cut_tail(&mut self, filter: &str, bytes: u64) -> Option<PathBuf> {
        let (path, file) = self.chosen(filter)?;
        file.lock().cut_tail(bytes);
        Some(path)
    }
}

pub(super) fn io_error() -> io::Error {
    io::Error::from_raw_os_error(EIO)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(seed: u64) -> SimDisk {
        let mut disk = SimDisk::new(Rng::new(seed), 10_000);
        disk.create_dir_all(Path::new("d")).unwrap();
        disk
    }

    fn make(disk: &mut SimDisk, path: &str, content: &[u8]) -> FileRef {
        let file = disk.open(Path::new(path), Open::Create).unwrap();
        disk.write(&file, 0, content).unwrap();
        let upto = file.lock().changes();
        file.lock().synced(upto);
        file
    }

    fn sync_dir(disk: &mut SimDisk, dir: &str) {
        let covered = disk.changes_in(Path::new(dir));
        disk.dir_synced(Path::new(dir), covered);
    }

    #[test]
    fn names_without_a_directory_sync_may_vanish_and_with_one_never() {
        let (mut stayed, mut vanished) = (0, 0);
        for seed in 0..200 {
            let mut disk = disk(seed);
            make(&mut disk, "d/safe", b"1");
            sync_dir(&mut disk, "d");
            make(&mut disk, "d/unsafe", b"2");
            disk.power_off();
            assert!(disk.exists(Path::new("d/safe")));
            if disk.exists(Path::new("d/unsafe")) { stayed += 1 } else { vanished += 1 }
        }
        assert!(stayed > 20 && vanished > 20, "{stayed} {vanished}");
    }

    #[test]
    fn a_rename_is_atomic_and_durable_after_a_directory_sync() {
        let (mut old, mut new) = (0, 0);
        for seed in 0..200 {
            let mut disk = disk(seed);
            make(&mut disk, "d/a", b"old");
            sync_dir(&mut disk, "d");
            make(&mut disk, "d/a.tmp", b"new!");
            disk.rename(Path::new("d/a.tmp"), Path::new("d/a")).unwrap();
            let synced = seed % 2 == 0;
            if synced {
                sync_dir(&mut disk, "d");
            }
            disk.power_off();
            match disk.open(Path::new("d/a"), Open::Read).unwrap().lock().live().len() {
                3 if !synced => old += 1,
                4 => new += 1,
                other => panic!("{other} bytes, synced: {synced}"),
            }
            assert!(!synced || !disk.exists(Path::new("d/a.tmp")));
        }
        assert!(old > 20 && new > 120, "{old} {new}");
    }

    #[test]
    fn a_full_disk_refuses_growth_but_not_reserved_room() {
        let mut disk = disk(1);
        let file = make(&mut disk, "d/a", b"x");
        disk.allocate(&file, 9_000).unwrap();
        let other = make(&mut disk, "d/b", b"y");
        assert_eq!(disk.write(&other, 0, &[0; 2_000]).unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.write(&file, 0, &[1; 9_000]).unwrap();
        assert_eq!(disk.allocate(&file, 20_000).unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.slot.set_bytes(5_000);
        assert_eq!(disk.space().free_bytes, 0);
        disk.capacity = 100_000;
        disk.allocate(&file, 20_000).unwrap();
    }

    #[test]
    fn locks_and_listing() {
        let mut disk = disk(1);
        disk.lock(Path::new("d/lock"), 1).unwrap();
        assert_eq!(disk.lock(Path::new("d/lock"), 2).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        disk.unlock(Path::new("d/lock"), 2);
        assert!(disk.lock(Path::new("d/lock"), 2).is_err(), "another's lock stays");
        disk.killed();
        disk.lock(Path::new("d/lock"), 2).unwrap();
        disk.create_dir_all(Path::new("d/sub/deep")).unwrap();
        make(&mut disk, "d/b", b"");
        assert_eq!(disk.list(Path::new("d")).unwrap(), ["b", "lock", "sub"]);
        assert_eq!(disk.list(Path::new("")).unwrap(), ["d"]);
        assert!(disk.list(Path::new("nowhere")).is_err());
        assert!(disk.open(Path::new("nowhere/a"), Open::Create).is_err());
    }

    #[test]
    fn one_write_goes_astray_on_request() {
        let mut disk = disk(5);
        let file = make(&mut disk, "d/log.1", &[1; 4096]);
        disk.misdirect = Some("log".into());
        let astray = disk.write(&file, 1024, &[2; 512]).unwrap().unwrap();
        assert!(astray != 1024 && astray.is_multiple_of(512));
        assert_eq!(file.lock().live().len(), 4096);
        assert_eq!(disk.write(&file, 1024, &[2; 512]).unwrap(), None, "only one");
    }
}
