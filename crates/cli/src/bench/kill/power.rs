//! Power cuts for a real process: a library in its address space (`tests/powercut/powercut.c`) keeps beside the data
//! directory what was synced of it; after a kill, the directory is replaced by what a power cut may have left.
//!
//! | drawn for each cut | names | contents |
//! | --- | --- | --- |
//! | strict | as of the last sync of each directory | as of the last sync of each file |
//! | torn | the same | and any sectors of what was written since |
//! | early journal | all that were there, synced or not | and any sectors of what was written since |
//!
//! Strict is more forgetful than any file system in use: syncing a new file does not keep its name. Names are all
//! old or all new, as a journal keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use atoll_env::rng::Rng;

const SOURCE: &str = include_str!("../../../tests/powercut/powercut.c");
const SECTOR: usize = 512;

pub struct PowerCut {
    library: PathBuf,
    data: PathBuf,
    shadow: PathBuf,
}

impl PowerCut {
    /// Compiles the library.
    pub fn prepare(dir: &Path, data: &Path) -> Result<PowerCut> {
        let (source, library) = (dir.join("powercut.c"), dir.join("powercut.so"));
        fs::write(&source, SOURCE)?;
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).status();
        ensure!(built.context("run cc")?.success(), "cc could not compile {}", source.display());
        Ok(PowerCut { library, data: data.to_owned(), shadow: dir.join("shadow") })
    }

    /// The process to start is one whose syncs are watched. Whatever lies there now is durable.
    pub fn watch(&self, command: &mut Command) -> Result<()> {
        if self.shadow.exists() {
            fs::remove_dir_all(&self.shadow)?;
        }
        fs::create_dir_all(&self.shadow)?;
        command.env("LD_PRELOAD", &self.library);
        command.env("POWERCUT_DIR", &self.data).env("POWERCUT_SHADOW", &self.shadow);
        Ok(())
    }

    /// After the process was killed: what is left.
    pub fn cut(&self, rng: &mut Rng) -> Result<()> {
        let left = self.data.with_extension("left");
        if self.shadow.join("dirs/0").exists() {
            let written = Written::of(&self.data, &self.shadow)?;
            let (torn, new_names) = *rng.pick(&[(false, false), (true, false), (true, true)]);
            let share = if torn { *rng.pick(&[0.1, 0.5, 0.9]) } else { 0.0 };
            Rebuild { shadow: &self.shadow, written, new_names, share, rng }.dir(0, &left)?;
            fs::remove_dir_all(&self.data)?;
            fs::rename(&left, &self.data)?;
        }
        // Else it was killed before the library had begun, and nothing has changed.
        Ok(())
    }
}

/// What the killed process had written, synced or not.
struct Written {
    files: BTreeMap<u64, PathBuf>,
    /// Names in a directory, with whether they are directories and which.
    dirs: BTreeMap<u64, Vec<Entry>>,
}

struct Entry {
    name: String,
    is_dir: bool,
    uid: u64,
}

impl Written {
    fn of(data: &Path, shadow: &Path) -> Result<Written> {
        let mut uids = BTreeMap::new();
        for line in fs::read_to_string(shadow.join("uids"))?.lines() {
            // The last line may be cut off by the kill.
            if let Some((uid, inode)) = line.split_once(' ')
                && let (Ok(uid), Ok(inode)) = (uid.parse::<u64>(), inode.parse::<u64>())
            {
                uids.insert(inode, uid);
            }
        }
        let mut written = Written { files: BTreeMap::new(), dirs: BTreeMap::new() };
        written.walk(data, 0, &uids)?;
        Ok(written)
    }

    fn walk(&mut self, dir: &Path, uid: u64, uids: &BTreeMap<u64, u64>) -> Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            // Made in the very moment of the kill.
            let Some(uid) = uids.get(&metadata.ino()).copied() else { continue };
            let (name, is_dir) = (entry.file_name().into_string().ok().context("a strange name")?, metadata.is_dir());
            match is_dir {
                true => self.walk(&entry.path(), uid, uids)?,
                false => {
                    self.files.insert(uid, entry.path());
                }
            }
            entries.push(Entry { name, is_dir, uid });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.dirs.insert(uid, entries);
        Ok(())
    }
}

struct Rebuild<'a> {
    shadow: &'a Path,
    written: Written,
    new_names: bool,
    /// Of the unsynced sectors, so many survive.
    share: f64,
    rng: &'a mut Rng,
}

impl Rebuild<'_> {
    fn dir(&mut self, uid: u64, to: &Path) -> Result<()> {
        fs::create_dir(to)?;
        let entries = match self.new_names {
            true => self.written.dirs.remove(&uid).unwrap_or_default(),
            false => self.synced_names(uid)?,
        };
        for Entry { name, is_dir, uid } in entries {
            match is_dir {
                true => self.dir(uid, &to.join(name))?,
                false => fs::write(to.join(name), self.content(uid)?)?,
            }
        }
        Ok(())
    }

    /// None at all, if the directory was never synced.
    fn synced_names(&self, uid: u64) -> Result<Vec<Entry>> {
        let path = self.shadow.join(format!("dirs/{uid}"));
        if !path.exists() {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        for line in fs::read_to_string(path)?.lines() {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().context("a strange line in the shadow");
            let (is_dir, uid, name) = (word()? == "d", word()?.parse()?, word()?.to_owned());
            entries.push(Entry { name, is_dir, uid });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn content(&mut self, uid: u64) -> Result<Vec<u8>> {
        let path = self.shadow.join(format!("inodes/{uid}"));
        let mut content = if path.exists() { fs::read(path)? } else { Vec::new() };
        if self.share == 0.0 {
            return Ok(content);
        }
        let Some(path) = self.written.files.get(&uid) else { return Ok(content) };
        let written = fs::read(path)?;
        if self.rng.chance(0.5) {
            content.resize(written.len(), 0);
        }
        for (old, new) in content.chunks_mut(SECTOR).zip(written.chunks(SECTOR)) {
            let bytes = old.len().min(new.len());
            if old[..bytes] != new[..bytes] && self.rng.chance(self.share) {
                old[..bytes].copy_from_slice(&new[..bytes]);
            }
        }
        Ok(content)
    }
}
