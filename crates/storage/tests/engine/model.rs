//! What the engine should hold: an ordered map, and its states since the last point that must survive.

use atoll_env::Env;
use atoll_env::rng::Rng;
use atoll_storage::Result;
use atoll_storage::engine::{Batch, Engine, Space, View};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub const SPACES: [Space; 3] = [Space::Current, Space::History, Space::Meta];

pub type Rows = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

/// The batches of a run and what must be left of them.
#[derive(Clone, Default)]
pub struct Model {
    pub rows: Rows,
    /// The state after each batch, from the last one known to be durable on; its first entry is that one.
    history: Vec<Rows>,
    /// Number of the batch that the first entry stands for.
    durable: u64,
}

impl Model {
    pub fn new() -> Model {
        Model { history: vec![Rows::new()], ..Model::default() }
    }

    /// The number of batches so far.
    pub fn batches(&self) -> u64 {
        self.durable + self.history.len() as u64 - 1
    }

    pub fn apply(&mut self, change: impl FnOnce(&mut Rows)) {
        change(&mut self.rows);
        self.history.push(self.rows.clone());
    }

    /// Everything up to this batch survives from now on.
    pub fn flushed(&mut self, batch: u64) {
        if batch > self.durable {
            self.history.drain(..(batch - self.durable) as usize);
            self.durable = batch;
        }
    }

    /// Goes back to the state that a crash left, which must be one after the last flush; how many batches that took.
    pub fn survived(&mut self, found: &Rows) -> u64 {
        let Some(at) = self.history.iter().rposition(|rows| rows == found) else {
            panic!("what is left, {found:?}, is no prefix of the batches: {:?}", self.history);
        };
        let lost = self.history.len() - 1 - at;
        self.history.truncate(at + 1);
        self.rows = found.clone();
        lost as u64
    }
}

/// Few keys, so that they are written again and again; of all lengths that matter.
pub fn key(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0 => Vec::new(),
        1 => vec![0xff; rng.range(1..3) as usize],
        2 => vec![b'x'; rng.range(120..135) as usize],
        _ => (0..rng.range(1..4)).map(|_| b'a' + rng.below(5) as u8).collect(),
    }
}

pub fn value(rng: &mut Rng) -> Vec<u8> {
    let length = match rng.below(30) {
        0 => rng.range(4000..6000),
        1 => 0,
        _ => rng.below(150),
    };
    let mut value = vec![0; length as usize];
    let random = value.len().min(64);
    rng.fill(&mut value[..random]);
    value
}

/// A batch of a few puts and deletes, and the same for a model.
pub fn batch(rng: &mut Rng) -> (Batch, impl FnOnce(&mut Rows) + use<>) {
    let mut batch = Batch::new();
    let mut changes = Vec::new();
    for _ in 0..rng.range(1..8) {
        let (space, key) = (*rng.pick(&SPACES), key(rng));
        let value = rng.chance(0.7).then(|| value(rng));
        match &value {
            Some(value) => batch.put(space, &key, value.clone()),
            None => batch.delete(space, &key),
        }
        changes.push(((space, key), value));
    }
    assert_eq!(batch.len(), changes.len());
    let apply = move |rows: &mut Rows| {
        for (key, value) in changes {
            match value {
                Some(value) => drop(rows.insert(key, value)),
                None => drop(rows.remove(&key)),
            }
        }
    };
    (batch, apply)
}

/// Everything a view shows.
pub fn all(view: &View) -> Result<Rows> {
    let mut rows = Rows::new();
    for space in SPACES {
        for row in view.scan(space, b"", b"") {
            let (key, value) = row?;
            assert!(rows.insert((space, key.to_vec()), value.to_vec()).is_none(), "{key:?} came twice");
        }
    }
    Ok(rows)
}

/// Reads a view in every way there is and compares.
pub fn compare(view: &View, expected: &Rows, rng: &mut Rng) -> Result<()> {
    for space in SPACES {
        for _ in 0..4 {
            let start = if rng.chance(0.3) { Vec::new() } else { key(rng) };
            let end = if rng.chance(0.3) { Vec::new() } else { key(rng) };
            let inside = |(key, _): &(&(Space, Vec<u8>), &Vec<u8>)| {
                key.0 == space && key.1 >= start && (end.is_empty() || key.1 < end)
            };
            let expected: Vec<(Bytes, Bytes)> = expected
                .iter()
                .filter(inside)
                .map(|((_, key), value)| (key.clone().into(), value.clone().into()))
                .collect();
            let forward = view.scan(space, &start, &end).collect::<Result<Vec<_>>>()?;
            assert_eq!(forward, expected, "{space:?} {start:?}..{end:?}");
            let mut backward = view.scan_reverse(space, &start, &end).collect::<Result<Vec<_>>>()?;
            backward.reverse();
            assert_eq!(backward, expected, "{space:?} {start:?}..{end:?} in reverse");
        }
    }
    for _ in 0..20 {
        let key = (*rng.pick(&SPACES), key(rng));
        assert_eq!(view.get(key.0, &key.1)?.as_deref(), expected.get(&key).map(Vec::as_slice), "{key:?}");
    }
    Ok(())
}

/// Rows that can be ingested, and the same for a model.
pub fn sorted_rows(rng: &mut Rng) -> Rows {
    (0..rng.below(30)).map(|_| ((*rng.pick(&SPACES), key(rng)), value(rng))).collect()
}

pub fn ingest(engine: &Engine, rows: &Rows) -> Result<()> {
    engine.ingest(rows.iter().map(|((space, key), value)| (*space, key.clone().into(), value.clone().into())))
}

/// A directory that goes with the test.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(name: &str) -> Directory {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("atoll-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn env(&self) -> Env {
        Env::real(self.0.clone())
    }

    /// A copy of the files as they are.
    pub fn copy(&self, name: &str) -> Directory {
        fn copy(from: &Path, to: &Path) {
            std::fs::create_dir_all(to).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let (entry, to) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
                if entry.is_dir() {
                    copy(&entry, &to);
                } else {
                    std::fs::copy(&entry, &to).unwrap();
                }
            }
        }
        let copied = Directory::new(name);
        copy(&self.0, &copied.0);
        copied
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
