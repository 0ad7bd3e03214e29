//! Spaces: the three kinds of keys that share the one tree, told apart by the first byte.
//!
//! ```text
//!   0x00 "version"        the engine's own record, outside every space
//!   'c'  key              Current   newest version of every key, and its intent
//!   'h'  key              History   older versions
//!   'm'  key              Meta      applied indexes, descriptors of replicas, the node's own records
//! ```

use super::KEY_BYTES_MAX;
use bytes::{BufMut, Bytes, BytesMut};

/// Ordered as its keys lie in the tree, so that sorted `(Space, key)` pairs are sorted rows of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Space {
    Current = b'c',
    History = b'h',
    Meta = b'm',
}

/// The engine's own key: which version of our format this store has.
pub(super) const VERSION_KEY: &[u8] = b"\0version";

impl Space {
    /// The key in the tree.
    ///
    /// Panics when it is longer than [`KEY_BYTES_MAX`]: fjall would cut its length to 16 bits and write a journal
    /// that can't be read back. Limits for users are set above, where there is an SQLSTATE for it.
    pub(super) fn key(self, key: &[u8]) -> Bytes {
        assert!(key.len() <= KEY_BYTES_MAX, "key of {} bytes, at most {KEY_BYTES_MAX} fit", key.len());
        let mut bytes = BytesMut::with_capacity(1 + key.len());
        bytes.put_u8(self as u8);
        bytes.put_slice(key);
        bytes.freeze()
    }

    /// Calls `f` with the key in the tree, on the stack when it is short: point reads don't allocate.
    pub(super) fn with_key<R>(self, key: &[u8], f: impl FnOnce(&[u8]) -> R) -> R {
        const SHORT: usize = 128;
        if key.len() < SHORT {
            let mut bytes = [0; SHORT];
            bytes[0] = self as u8;
            bytes[1..=key.len()].copy_from_slice(key);
            f(&bytes[..=key.len()])
        } else {
            f(&self.key(key))
        }
    }

    /// The bounds in the tree of `start..end`, where an empty `end` is the end of the space; `None` when nothing
    /// can lie between them.
    pub(super) fn bounds(self, start: &[u8], end: &[u8]) -> Option<(Bytes, Bytes)> {
        let low = self.key(start);
        let high = if end.is_empty() { Bytes::copy_from_slice(&[self as u8 + 1]) } else { self.key(end) };
        (low < high).then_some((low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_the_order_of_the_tree() {
        let spaces = [Space::Current, Space::History, Space::Meta];
        for pair in spaces.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].key(&[0xff; 9]) < pair[1].key(b""));
        }
        assert!(VERSION_KEY < &Space::Current.key(b"")[..]);
    }

    #[test]
    fn short_and_long_keys_are_the_same_on_both_paths() {
        for length in [0, 1, 126, 127, 128, 129, 1000] {
            let key = vec![7; length];
            Space::Meta.with_key(&key, |short| assert_eq!(short, &Space::Meta.key(&key)[..]));
        }
    }

    #[test]
    fn bounds_hold_the_space_and_nothing_else() {
        let (low, high) = Space::History.bounds(b"", b"").unwrap();
        assert!(low <= Space::History.key(b"") && Space::History.key(&[0xff; 64]) < high);
        assert!(Space::Current.key(&[0xff; 64]) < low && high <= Space::Meta.key(b""));
        assert!(Space::Current.bounds(b"b", b"b").is_none());
        assert!(Space::Current.bounds(b"c", b"b").is_none());
    }
}
