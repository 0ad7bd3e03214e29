//! The newest values of keys that are read by themselves again and again. A look in here costs a small part of one into
//! the tree, which has to ask several tables.
//!
//! ```text
//!   read    here? ── no ──► place held ──► the tree ──► into the place, if it is still held
//!   write   the tree ──► taken out of here, places too
//! ```
//!
//! INVARIANT: after a write has returned nothing older is found here. Until then either may be.
//!
//! Deliberately absent: keys that do not exist, and rows of scans, which would push out everything else.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle, GuardResult};

use super::batch::Change;
use super::space::Space;
use crate::error::Result;

/// What an entry takes besides its key and value, about.
const ENTRY_BYTES: u64 = 96;
/// Only a first guess.
const ENTRIES: usize = 1024;

#[derive(Clone)]
struct Weight;

impl Weighter<Vec<u8>, Bytes> for Weight {
    fn weight(&self, key: &Vec<u8>, value: &Bytes) -> u64 {
        key.len() as u64 + value.len() as u64 + ENTRY_BYTES
    }
}

/// By keys of the tree. The hasher has no secret: the simulator's runs are repeatable.
pub(super) struct Hot(Cache<Vec<u8>, Bytes, Weight, BuildHasherDefault<DefaultHasher>>);

impl Hot {
    pub fn new(bytes: u64) -> Hot {
        Hot(Cache::with(ENTRIES, bytes, Weight, BuildHasherDefault::default(), DefaultLifecycle::default()))
    }

    /// What the key has now; `read` asks the tree.
    pub fn get(&self, key: &[u8], read: impl FnOnce() -> Result<Option<Bytes>>) -> Result<Option<Bytes>> {
        match self.0.get_value_or_guard(key, Some(Duration::ZERO)) {
            GuardResult::Value(value) => Ok(Some(value)),
            // Somebody else is about to put it here.
            GuardResult::Timeout => read(),
            GuardResult::Guard(place) => {
                let found = read()?;
                if let Some(value) = &found {
                    // A copy of its own: it may be a slice of a large block. A place that was taken away meanwhile
                    // stays empty.
                    let _ = place.insert(Bytes::copy_from_slice(value));
                }
                Ok(found)
            }
        }
    }

    /// A batch has been written.
    pub fn written(&self, changed: impl Iterator<Item = Bytes>) {
        changed.for_each(|key| drop(self.0.remove(&key[..])));
    }

    /// Anything may have been written.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// The keys of a batch that may be here.
pub(super) fn keys(changes: &[Change]) -> Vec<Bytes> {
    let is_here = |change: &&Change| change.key.first() == Some(&(Space::Current as u8));
    changes.iter().filter(is_here).map(|change| change.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn what_was_read_is_not_read_again_until_it_is_written() {
        let hot = Hot::new(1 << 20);
        let never = || panic!("it was here");
        assert_eq!(hot.get(b"ck", || Ok(bytes("one"))).unwrap(), bytes("one"));
        assert_eq!(hot.get(b"ck", never).unwrap(), bytes("one"));
        hot.written([Bytes::from_static(b"ck")].into_iter());
        assert_eq!(hot.get(b"ck", || Ok(bytes("two"))).unwrap(), bytes("two"));
        hot.clear();
        assert_eq!(hot.get(b"ck", || Ok(None)).unwrap(), None);
        assert_eq!(hot.get(b"ck", || Ok(bytes("three"))).unwrap(), bytes("three"));
    }

    #[test]
    fn a_read_that_a_write_overtakes_leaves_nothing_behind() {
        let hot = Hot::new(1 << 20);
        let old = hot.get(b"ck", || {
            hot.written([Bytes::from_static(b"ck")].into_iter());
            Ok(bytes("old"))
        });
        assert_eq!(old.unwrap(), bytes("old"));
        assert_eq!(hot.get(b"ck", || Ok(bytes("new"))).unwrap(), bytes("new"));
    }

    #[test]
    fn two_readers_of_one_key_do_not_wait_for_each_other() {
        let hot = Hot::new(1 << 20);
        let outer = hot.get(b"ck", || {
            assert_eq!(hot.get(b"ck", || Ok(bytes("inner"))).unwrap(), bytes("inner"));
            Ok(bytes("outer"))
        });
        assert_eq!(outer.unwrap(), bytes("outer"));
    }
}
