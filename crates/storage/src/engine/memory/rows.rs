//! Rows with all the versions that an open view or a crash can still bring back.
//!
//! ```text
//!   sequence   …  41   42   43   44   45   46  ◄── the next batch is 47
//!                      ▲         ▲         ▲
//!                   a view    durable    newest
//! ```
//! A power cut takes everything after some sequence from `durable` on; a view reads as of its sequence. So of each row
//! the newest version at the smaller of the two is kept, and all later ones.

use atoll_env::rng::Rng;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

pub(super) struct Rows {
    pub format_version: u32,
    /// Counts the processes that had these rows.
    pub incarnation: u64,
    rows: BTreeMap<Bytes, Vec<Version>>,
    /// Of keys and values of all versions.
    bytes: usize,
    sequence: u64,
    durable: u64,
    /// Batches that left old versions behind or can be lost, oldest first.
    recent: VecDeque<Written>,
    unflushed_bytes: usize,
    /// Open views by sequence.
    views: BTreeMap<u64, usize>,
}

struct Version {
    sequence: u64,
    /// None where the row was deleted.
    value: Option<Bytes>,
}

struct Written {
    sequence: u64,
    bytes: usize,
    keys: Vec<Bytes>,
}

impl Rows {
    pub fn new(format_version: u32) -> Rows {
        Rows {
            format_version,
            incarnation: 0,
            rows: BTreeMap::new(),
            bytes: 0,
            sequence: 0,
            durable: 0,
            recent: VecDeque::new(),
            unflushed_bytes: 0,
            views: BTreeMap::new(),
        }
    }

    /// A process takes over; what others had open is void. What it finds is durable: fjall syncs the journal it opens.
    pub fn begin(&mut self) -> u64 {
        self.incarnation += 1;
        self.views.clear();
        self.durable = self.sequence;
        self.unflushed_bytes = 0;
        self.clean_up();
        self.incarnation
    }

    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn unflushed_bytes(&self) -> usize {
        self.unflushed_bytes
    }

    pub fn apply(&mut self, changes: impl Iterator<Item = (Bytes, Option<Bytes>)>) {
        self.sequence += 1;
        let sequence = self.sequence;
        let mut written = Written { sequence, bytes: 0, keys: Vec::new() };
        for (key, value) in changes {
            let bytes = key.len() + value.as_ref().map_or(0, Bytes::len);
            written.bytes += bytes;
            self.bytes += bytes;
            let versions = self.rows.entry(key.clone()).or_default();
            match versions.last_mut() {
                // A later change in the same batch wins.
                Some(last) if last.sequence == sequence => {
                    self.bytes -= key.len() + last.value.as_ref().map_or(0, Bytes::len);
                    last.value = value;
                }
                _ => {
                    versions.push(Version { sequence, value });
                    written.keys.push(key);
                }
            }
        }
        self.unflushed_bytes += written.bytes;
        self.recent.push_back(written);
        self.clean_up();
    }

    /// Everything up to `sequence` survives from now on.
    pub fn flushed(&mut self, sequence: u64) {
        if sequence > self.durable {
            self.durable = sequence;
            let lost = self.recent.iter().filter(|written| written.sequence > sequence);
            self.unflushed_bytes = lost.map(|written| written.bytes).sum();
            self.clean_up();
        }
    }

    /// Loses the last batches, by chance how many: none that is durable, and none but the last one that began more than
    /// `bytes_max` before the end.
    pub fn crash(&mut self, bytes_max: usize, rng: &mut Rng) {
        self.incarnation += 1;
        self.views.clear();
        let mut bytes = 0;
        let losable = self.recent.iter().rev().take_while(|written| {
            let within = bytes < bytes_max;
            bytes += written.bytes;
            written.sequence > self.durable && within
        });
        let lost = rng.below(losable.count() as u64 + 1);
        for _ in 0..lost {
            let Some(written) = self.recent.pop_back() else { break };
            self.sequence = written.sequence - 1;
            self.unflushed_bytes -= written.bytes;
            for key in written.keys {
                self.keep(&key, |version| version.sequence < written.sequence);
            }
        }
        self.clean_up();
    }

    pub fn open_view(&mut self) -> u64 {
        *self.views.entry(self.sequence).or_default() += 1;
        self.sequence
    }

    pub fn close_view(&mut self, sequence: u64) {
        if let Some(open) = self.views.get_mut(&sequence) {
            *open -= 1;
            if *open == 0 {
                self.views.remove(&sequence);
                self.clean_up();
            }
        }
    }

    pub fn get(&self, key: &[u8], sequence: u64) -> Option<Bytes> {
        value_at(self.rows.get(key)?, sequence).cloned()
    }

    /// Up to `count` rows from one end.
    pub fn between(
        &self,
        bounds: (Bound<Bytes>, Bound<Bytes>),
        sequence: u64,
        reverse: bool,
        count: usize,
    ) -> VecDeque<(Bytes, Bytes)> {
        let empty = match &bounds {
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
            _ => false,
        };
        if empty {
            return VecDeque::new();
        }
        let rows = self.rows.range(bounds);
        let visible =
            |(key, versions): (&Bytes, &Vec<Version>)| Some((key.clone(), value_at(versions, sequence)?.clone()));
        if reverse {
            rows.rev().filter_map(visible).take(count).collect()
        } else {
            rows.filter_map(visible).take(count).collect()
        }
    }

    pub fn bytes_between(&self, low: &Bytes, high: &Bytes) -> usize {
        let rows = self.rows.range(low.clone()..high.clone());
        let sizes = rows.filter_map(|(key, versions)| Some(key.len() + value_at(versions, self.sequence)?.len()));
        sizes.sum()
    }

    /// Drops the versions that neither a view nor a crash can bring back.
    fn clean_up(&mut self) {
        let oldest_view = self.views.keys().next().copied().unwrap_or(u64::MAX);
        let floor = self.durable.min(oldest_view);
        while self.recent.front().is_some_and(|written| written.sequence <= floor) {
            let Some(written) = self.recent.pop_front() else { break };
            for key in written.keys {
                let Some(versions) = self.rows.get(&key) else { continue };
                let base = versions.iter().rev().find(|version| version.sequence <= floor);
                let base = base.map_or(0, |base| if base.value.is_none() { base.sequence + 1 } else { base.sequence });
                self.keep(&key, |version| version.sequence >= base);
            }
        }
    }

    fn keep(&mut self, key: &Bytes, mut keep: impl FnMut(&Version) -> bool) {
        let Some(versions) = self.rows.get_mut(key) else { return };
        let bytes = &mut self.bytes;
        versions.retain(|version| {
            let kept = keep(version);
            if !kept {
                *bytes -= key.len() + version.value.as_ref().map_or(0, Bytes::len);
            }
            kept
        });
        if versions.is_empty() {
            self.rows.remove(key);
        }
    }
}

fn value_at(versions: &[Version], sequence: u64) -> Option<&Bytes> {
    versions.iter().rev().find(|version| version.sequence <= sequence)?.value.as_ref()
}
