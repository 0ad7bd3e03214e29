//! The picture of the key space.
//!
//! ```text
//!   Current   key                                     as the user's layer made it; newest version and intent
//!   History   escape(key) ‖ inverted timestamp (12)   older versions, of one key the newest first
//!   Meta      'g' ‖ range id (8) ‖ record             what a range knows about itself
//!             'n' ‖ record                            what the node knows about itself, replicated nowhere
//!             't' ‖ escape(anchor) ‖ txn id (16)      transaction records, beside the key that anchors them
//!             "raft" 0 …                              a consensus group's own; only printed here
//!
//!   escape    0x00 becomes 0x00 0xff, and 0x00 0x01 ends the key
//! ```
//! Escaping is needed where something follows the key: it keeps the order of keys, whatever bytes they hold, and no
//! escaped key is the beginning of another.
//!
//! INVARIANT: nothing that a range carries along in a split is keyed by the range's id, so that a split moves no data.
//! That is why transaction records are found by their anchor.

use std::fmt;

use atoll_storage::engine::{self, Space};
use bytes::Bytes;

use crate::id::{self, TxnId};
use crate::timestamp::{self, Timestamp};

/// Longest key that fits in every space: escaping can double it, and a transaction's record adds the most to it.
/// Whoever takes keys from users refuses longer ones; the engine panics.
pub const KEY_BYTES_MAX: usize = (engine::KEY_BYTES_MAX - 3 - id::BYTES) / 2;

const ESCAPE: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xff;
const END: u8 = 0x01;

const NODE: u8 = b'n';
const RANGE: u8 = b'g';
const TXN: u8 = b't';
const RAFT: &[u8] = b"raft\0";

// ------------------------------------------------------------------------------------------------------------- escaping

/// Appends `key` escaped, with its end.
pub fn escape(key: &[u8], out: &mut Vec<u8>) {
    for (i, piece) in key.split(|byte| *byte == ESCAPE).enumerate() {
        if i > 0 {
            out.extend_from_slice(&[ESCAPE, ESCAPED_ZERO]);
        }
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&[ESCAPE, END]);
}

/// The key at the beginning of `bytes`, and what follows it; none when nothing well-formed is there.
pub fn unescape(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut key = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let zero = rest.iter().position(|byte| *byte == ESCAPE)?;
        key.extend_from_slice(&rest[..zero]);
        let kind = *rest.get(zero + 1)?;
        rest = &rest[zero + 2..];
        match kind {
            ESCAPED_ZERO => key.push(0),
            END => return Some((key, rest)),
            _ => return None,
        }
    }
}

fn escaped(first: Option<u8>, key: &[u8], tail: &[u8]) -> Vec<u8> {
    let zeros = key.iter().filter(|byte| **byte == ESCAPE).count();
    let mut out = Vec::with_capacity(1 + key.len() + zeros + 2 + tail.len());
    out.extend(first);
    escape(key, &mut out);
    out.extend_from_slice(tail);
    out
}

/// The first key after `key`.
pub fn successor(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

// -------------------------------------------------------------------------------------------------------------- History

/// Where the version of `key` written at `ts` lies in History. From here on forward: that one and older ones.
pub fn history(key: &[u8], ts: Timestamp) -> Vec<u8> {
    escaped(None, key, &ts.to_bytes_inverted())
}

/// Before every version of `key`, and after those of all smaller keys.
pub fn history_start(key: &[u8]) -> Vec<u8> {
    escaped(None, key, &[])
}

/// After every version of `key`, and before those of all greater keys.
pub fn history_end(key: &[u8]) -> Vec<u8> {
    let mut end = history_start(key);
    *end.last_mut().expect("the end of the key was just written") += 1;
    end
}

/// The bounds in History of the keys of `start..end`, an empty `end` meaning the end of the space in both.
pub fn history_span(start: &[u8], end: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (history_start(start), if end.is_empty() { Vec::new() } else { history_start(end) })
}

/// Takes a key of History apart.
pub fn decode_history(bytes: &[u8]) -> Option<(Vec<u8>, Timestamp)> {
    let (key, rest) = unescape(bytes)?;
    Some((key, Timestamp::from_bytes_inverted(rest.try_into().ok()?)))
}

/// The same in two slices, without unescaping: the key as it lies in History, and the timestamp.
pub fn split_history(bytes: &[u8]) -> Option<(&[u8], Timestamp)> {
    let at = bytes.len().checked_sub(timestamp::BYTES)?;
    let (key, ts) = bytes.split_at(at);
    if !key.ends_with(&[ESCAPE, END]) {
        return None;
    }
    Some((key, Timestamp::from_bytes_inverted(ts.try_into().ok()?)))
}

// ----------------------------------------------------------------------------------------------------------------- Meta

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetaKey {
    Node(NodeKey),
    Range(u64, RangeKey),
    /// What became of the transaction whose first written key is `anchor`.
    Txn {
        anchor: Bytes,
        txn: TxnId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum NodeKey {
    /// Which node of which cluster this store belongs to.
    Ident = b'i',
}

/// What is applied lies with the consensus group, under keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum RangeKey {
    /// Where the replicas are.
    Descriptor = b'd',
    /// Bounds, lease, read ceiling, threshold of garbage collection.
    State = b's',
}

impl MetaKey {
    pub fn encode(&self) -> Bytes {
        match self {
            MetaKey::Node(key) => Bytes::copy_from_slice(&[NODE, *key as u8]),
            MetaKey::Range(id, key) => {
                let mut bytes = range_prefix(*id);
                bytes.push(*key as u8);
                bytes.into()
            }
            MetaKey::Txn { anchor, txn } => escaped(Some(TXN), anchor, &txn.to_bytes()).into(),
        }
    }

    /// None for what was not made here.
    pub fn decode(bytes: &[u8]) -> Option<MetaKey> {
        match bytes {
            [NODE, b'i'] => Some(MetaKey::Node(NodeKey::Ident)),
            [RANGE, id @ .., record] => {
                let id = u64::from_be_bytes(id.try_into().ok()?);
                match record {
                    b'd' => Some(MetaKey::Range(id, RangeKey::Descriptor)),
                    b's' => Some(MetaKey::Range(id, RangeKey::State)),
                    _ => None,
                }
            }
            [TXN, rest @ ..] => {
                let (anchor, txn) = unescape(rest)?;
                let txn: [u8; id::BYTES] = txn.try_into().ok()?;
                Some(MetaKey::Txn { anchor: anchor.into(), txn: TxnId::from_bytes(txn) })
            }
            _ => None,
        }
    }
}

impl fmt::Display for MetaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetaKey::Node(NodeKey::Ident) => f.write_str("/node/ident"),
            MetaKey::Range(id, RangeKey::Descriptor) => write!(f, "/range/{id}/descriptor"),
            MetaKey::Range(id, RangeKey::State) => write!(f, "/range/{id}/state"),
            MetaKey::Txn { anchor, txn } => write!(f, "/txn/\"{}\"/{txn}", anchor.escape_ascii()),
        }
    }
}

fn range_prefix(id: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10);
    bytes.push(RANGE);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes
}

/// Where a node keeps which node it is.
pub fn node_ident() -> Bytes {
    MetaKey::Node(NodeKey::Ident).encode()
}

pub fn range_descriptor(id: u64) -> Bytes {
    MetaKey::Range(id, RangeKey::Descriptor).encode()
}

pub fn range_state(id: u64) -> Bytes {
    MetaKey::Range(id, RangeKey::State).encode()
}

pub fn txn_record(anchor: &[u8], txn: TxnId) -> Bytes {
    escaped(Some(TXN), anchor, &txn.to_bytes()).into()
}

/// The bounds in Meta of the records of every range that has a replica here.
pub fn range_records() -> (Bytes, Bytes) {
    (Bytes::from_static(&[RANGE]), Bytes::from_static(&[RANGE + 1]))
}

/// The bounds in Meta of the records of transactions that are anchored in `start..end`.
pub fn txn_records(start: &[u8], end: &[u8]) -> (Bytes, Bytes) {
    let high = if end.is_empty() { vec![TXN + 1] } else { escaped(Some(TXN), end, &[]) };
    (escaped(Some(TXN), start, &[]).into(), high.into())
}

/// Everything that belongs to a range with these bounds, in every space: what a snapshot carries.
pub fn spans_of_range(id: u64, start: &[u8], end: &[u8]) -> Vec<(Space, Bytes, Bytes)> {
    let (own, mut own_end) = (range_prefix(id), range_prefix(id));
    own_end.push(0xff);
    let (txn, txn_end) = txn_records(start, end);
    let (history, history_end) = history_span(start, end);
    vec![
        (Space::Current, Bytes::copy_from_slice(start), Bytes::copy_from_slice(end)),
        (Space::History, history.into(), history_end.into()),
        (Space::Meta, own.into(), own_end.into()),
        (Space::Meta, txn, txn_end),
    ]
}

// ------------------------------------------------------------------------------------------------------------- printing

/// Any key of any space as a person can read it.
pub fn pretty(space: Space, key: &[u8]) -> String {
    let known = match space {
        Space::Current => Some(format!("\"{}\"", key.escape_ascii())),
        Space::History => decode_history(key).map(|(key, ts)| format!("\"{}\" at {ts}", key.escape_ascii())),
        Space::Meta => MetaKey::decode(key).map(|key| key.to_string()).or_else(|| pretty_raft(key)),
    };
    known.unwrap_or_else(|| format!("unknown \"{}\"", key.escape_ascii()))
}

fn pretty_raft(key: &[u8]) -> Option<String> {
    let (group, record) = key.strip_prefix(RAFT)?.split_first_chunk::<8>()?;
    Some(format!("/raft/{}/{}", u64::from_be_bytes(*group), record.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    /// Short keys of few different bytes, so that prefixes and zeros are frequent.
    fn keys() -> Vec<Vec<u8>> {
        let mut rng = Rng::new(5);
        let mut keys =
            vec![vec![], vec![0], vec![0, 0], vec![0, 1], vec![0, 0xff], vec![1], vec![0xff], vec![0xff, 0xff]];
        keys.extend((0..150).map(|_| (0..rng.below(6)).map(|_| *rng.pick(&[0, 0, 1, 2, b'a', 0xfe, 0xff])).collect()));
        keys
    }

    #[test]
    fn escaping_keeps_order_and_is_free_of_prefixes() {
        for a in keys() {
            let escaped_a = history_start(&a);
            assert_eq!(unescape(&escaped_a), Some((a.clone(), &[][..])));
            for b in keys() {
                let escaped_b = history_start(&b);
                assert_eq!(a.cmp(&b), escaped_a.cmp(&escaped_b), "{a:?} {b:?}");
                assert!(a == b || !escaped_b.starts_with(&escaped_a));
            }
        }
    }

    #[test]
    fn unescape_refuses_what_was_not_escaped() {
        for bytes in [&b""[..], b"a", b"a\0", b"a\0\x02", b"\0"] {
            assert_eq!(unescape(bytes), None, "{bytes:?}");
        }
        let mut rng = Rng::new(6);
        for _ in 0..10_000 {
            let bytes: Vec<u8> = (0..rng.below(40)).map(|_| *rng.pick(&[0, 1, 0xff, 7])).collect();
            if let Some((key, ts)) = decode_history(&bytes) {
                assert_eq!(history(&key, ts), bytes);
                assert_eq!(split_history(&bytes), Some((&history_start(&key)[..], ts)));
            }
            if let Some(key) = MetaKey::decode(&bytes) {
                assert_eq!(key.encode(), bytes);
            }
        }
    }

    #[test]
    fn history_lies_by_key_and_newest_first() {
        let stamps = [Timestamp::ZERO, Timestamp::new(0, 1), Timestamp::new(7, 0), Timestamp::MAX];
        for a in keys() {
            for (older, newer) in stamps.iter().zip(&stamps[1..]) {
                assert!(history(&a, *newer) < history(&a, *older));
            }
            for ts in stamps {
                let key = history(&a, ts);
                assert!(history_start(&a) <= key && key < history_end(&a));
                assert_eq!(decode_history(&key), Some((a.clone(), ts)));
                for b in keys() {
                    if a < b {
                        assert!(history_end(&a) <= history_start(&b));
                        let (low, high) = history_span(&a, &b);
                        assert!(low <= key && key < high);
                    }
                }
            }
        }
    }

    #[test]
    fn meta_keys_round_trip_and_lie_in_their_spans() {
        for id in [0, 1, 255, 256, u64::MAX] {
            let spans = spans_of_range(id, b"b", b"d");
            for record in [RangeKey::Descriptor, RangeKey::State] {
                let key = MetaKey::Range(id, record);
                let bytes = key.encode();
                assert_eq!(MetaKey::decode(&bytes), Some(key));
                assert!(spans[2].1 <= bytes && bytes < spans[2].2);
                let (start, end) = range_records();
                assert!(start <= bytes && bytes < end);
                for other in [id.wrapping_add(1), id.wrapping_sub(1)] {
                    let other = MetaKey::Range(other, record).encode();
                    assert!(other < spans[2].1 || spans[2].2 <= other);
                }
            }
        }
        assert_eq!(MetaKey::decode(&node_ident()), Some(MetaKey::Node(NodeKey::Ident)));
        for anchor in keys() {
            let key = MetaKey::Txn { anchor: anchor.clone().into(), txn: TxnId(77) };
            assert_eq!(key.encode(), txn_record(&anchor, TxnId(77)));
            assert_eq!(MetaKey::decode(&key.encode()), Some(key.clone()));
            for (start, end) in [(&b"\x01"[..], &b"a"[..]), (b"", b"\0\0"), (b"a", b"")] {
                let inside = start <= &anchor[..] && (end.is_empty() || &anchor[..] < end);
                let (low, high) = txn_records(start, end);
                assert_eq!(low <= key.encode() && key.encode() < high, inside, "{anchor:?}");
            }
        }
    }

    #[test]
    fn the_longest_key_fits_everywhere() {
        let longest = vec![0; KEY_BYTES_MAX];
        assert!(history(&longest, Timestamp::MAX).len() <= engine::KEY_BYTES_MAX);
        assert!(txn_record(&longest, TxnId(1)).len() <= engine::KEY_BYTES_MAX);
        let longer = vec![0; KEY_BYTES_MAX + 1];
        assert!(txn_record(&longer, TxnId(1)).len() > engine::KEY_BYTES_MAX);
    }

    #[test]
    fn printing() {
        let ts = Timestamp::new(1_000_000_002, 3);
        assert_eq!(pretty(Space::Current, b"a\0\"\xff"), r#""a\x00\"\xff""#);
        assert_eq!(pretty(Space::History, &history(b"a\0b", ts)), r#""a\x00b" at 1.000000002,3"#);
        assert_eq!(pretty(Space::History, b"short"), r#"unknown "short""#);
        assert_eq!(pretty(Space::Meta, &range_state(7)), "/range/7/state");
        assert_eq!(pretty(Space::Meta, &range_descriptor(7)), "/range/7/descriptor");
        assert_eq!(pretty(Space::Meta, &node_ident()), "/node/ident");
        let txn = txn_record(b"k", TxnId(10));
        assert_eq!(pretty(Space::Meta, &txn), r#"/txn/"k"/0000000000000000000000000000000a"#);
        assert_eq!(pretty(Space::Meta, b"raft\0\0\0\0\0\0\0\0\x09a"), "/raft/9/a");
        assert_eq!(pretty(Space::Meta, b"zz"), r#"unknown "zz""#);
    }
}
