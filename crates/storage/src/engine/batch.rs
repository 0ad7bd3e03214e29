//! A batch: puts and deletes that become visible, and survive a crash, together or not at all.

use super::Space;
use bytes::Bytes;

/// Longest key a space can hold; the engine adds one byte in front and stores lengths in 16 bits.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize - 1;

/// Puts and deletes in the order they were added; a later one on the same key wins.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    changes: Vec<Change>,
    bytes: usize,
}

/// One put (`value` is some) or delete, under the engine's key (see [`Space::key`]).
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

impl Batch {
    pub fn new() -> Batch {
        Batch::default()
    }

    pub fn with_capacity(changes: usize) -> Batch {
        Batch { changes: Vec::with_capacity(changes), bytes: 0 }
    }

    /// The key is copied, the value is not: it stays in memory, with the buffer it is a slice of, until it is in a
    /// table. A small value cut out of a large buffer should be copied by the caller.
    pub fn put(&mut self, space: Space, key: impl AsRef<[u8]>, value: impl Into<Bytes>) {
        let (key, value) = (space.key(key.as_ref()), value.into());
        self.bytes += key.len() + value.len();
        self.changes.push(Change { key, value: Some(value) });
    }

    pub fn delete(&mut self, space: Space, key: impl AsRef<[u8]>) {
        let key = space.key(key.as_ref());
        self.bytes += key.len();
        self.changes.push(Change { key, value: None });
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Number of puts and deletes.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The changes under their keys in the tree, which name the space: for a log of batches, and for nothing else.
    pub fn into_pairs(self) -> impl Iterator<Item = (Bytes, Option<Bytes>)> {
        self.changes.into_iter().map(|change| (change.key, change.value))
    }

    /// Adds a change that came out of [`Batch::into_pairs`].
    pub fn push(&mut self, key: Bytes, value: Option<Bytes>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.changes.push(Change { key, value });
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}
