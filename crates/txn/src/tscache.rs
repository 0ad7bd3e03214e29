//! The timestamp cache of a range: up to when each key was read, and by whom. A write must commit above every read of its
//! keys by others, or the reader would have had to see it.
//!
//! ```text
//!   young    points  hash of key ──► Reads          spans  start ──► (end, Reads), none overlapping
//!   old      points  hash of key ──► Reads          spans  start ──► (end, Reads)
//!   low water: every key was read up to here, by anybody
//! ```
//! Every read of a key comes by here, so a point costs one look into a table. Two keys with one hash count as one that was
//! read twice.
//!
//! When the young generation is full the old one is dropped, low water rises to the highest read in it, and the young one
//! grows old. So memory is bounded, and what is forgotten is only ever answered with more, never with less.
//!
//! INVARIANT: `get` never answers less than the highest read by others that was added since the cache began above its
//! first low water. Serializability relies on it.
//!
//! It lives in the leaseholder's memory and dies with the lease: the next leaseholder begins with low water at the read
//! ceiling, above all that was served.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};
use std::ops::Bound;

use crate::id::TxnId;
use crate::request::Span;
use crate::timestamp::Timestamp;

/// What a cache may hold, both generations together, unless it is told otherwise.
pub const BYTES_MAX: usize = 2 << 20;

/// Of a segment beside its keys, about.
const SEGMENT_BYTES: usize = 112;
/// Of a point, in a table that is two thirds full.
const POINT_BYTES: usize = 120;

/// The reads of a key: the highest, and what its reader itself has to mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reads {
    ts: Timestamp,
    /// The only transaction that read at `ts`; none when there are several, or one without a name.
    owner: Option<TxnId>,
    /// The highest read by anybody but the owner.
    others: Timestamp,
}

impl Reads {
    fn new(ts: Timestamp, owner: Option<TxnId>) -> Reads {
        Reads { ts, owner, others: Timestamp::ZERO }
    }

    /// What a write by `txn` has to be above.
    fn by_others(&self, txn: Option<TxnId>) -> Timestamp {
        if txn.is_some() && self.owner == txn { self.others } else { self.ts }
    }

    fn add(&mut self, ts: Timestamp, owner: Option<TxnId>) {
        if owner.is_some() && owner == self.owner {
            self.ts = self.ts.max(ts);
        } else if ts > self.ts {
            // What was the highest is by somebody else than the new owner, or lower than what is.
            *self = Reads { ts, owner, others: self.ts };
        } else if ts == self.ts {
            *self = Reads { ts, owner: None, others: ts };
        } else {
            self.others = self.others.max(ts);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    /// Exclusive; none is the end of the key space.
    end: Option<Box<[u8]>>,
    reads: Reads,
}

impl Segment {
    fn reaches_beyond(&self, key: &[u8]) -> bool {
        self.end.as_ref().is_none_or(|end| key < &end[..])
    }

    fn bytes(&self, start: &[u8]) -> usize {
        SEGMENT_BYTES + start.len() + self.end.as_ref().map_or(0, |end| end.len())
    }
}

/// Of what is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Without a secret: whoever finds keys with one hash has them told apart less well, nothing more.
fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

#[derive(Debug, Default)]
struct Generation {
    points: HashMap<u64, Reads, BuildHasherDefault<AsItIs>>,
    spans: BTreeMap<Box<[u8]>, Segment>,
    /// At least the highest read in here.
    highest: Timestamp,
    bytes: usize,
}

#[derive(Debug)]
pub struct TimestampCache {
    low_water: Timestamp,
    young: Generation,
    old: Generation,
    bytes_max: usize,
}

impl TimestampCache {
    pub fn new(low_water: Timestamp) -> TimestampCache {
        TimestampCache::with_bytes_max(low_water, BYTES_MAX)
    }

    pub fn with_bytes_max(low_water: Timestamp, bytes_max: usize) -> TimestampCache {
        TimestampCache { low_water, young: Generation::default(), old: Generation::default(), bytes_max }
    }

    /// The keys of the span, those that don't exist included, were read at `ts`. A reader without a name is everybody
    /// else to everyone.
    pub fn add(&mut self, span: &Span, ts: Timestamp, txn: Option<TxnId>) {
        if ts <= self.low_water || span.is_empty() {
            return;
        }
        match as_point(span) {
            Some(key) => self.young.add_point(key, ts, txn),
            None => self.young.add_span(span, ts, txn),
        }
        self.rotate_if_full();
    }

    /// The same for one key.
    pub fn add_point(&mut self, key: &[u8], ts: Timestamp, txn: Option<TxnId>) {
        if ts > self.low_water {
            self.young.add_point(key, ts, txn);
            self.rotate_if_full();
        }
    }

    /// The highest timestamp at which anybody but `txn` may have read the key.
    pub fn get_point(&self, key: &[u8], txn: Option<TxnId>) -> Timestamp {
        let hash = hash(key);
        self.low_water.max(self.young.get_point(key, hash, txn)).max(self.old.get_point(key, hash, txn))
    }

    pub fn low_water(&self) -> Timestamp {
        self.low_water
    }

    /// At least every read in here: where a cache that replaces this one can begin.
    pub fn high_water(&self) -> Timestamp {
        self.low_water.max(self.young.highest).max(self.old.highest)
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }

    fn rotate_if_full(&mut self) {
        if self.young.bytes > self.bytes_max / 2 {
            self.low_water = self.low_water.max(self.old.highest);
            self.old = std::mem::take(&mut self.young);
        }
    }
}

fn as_point(span: &Span) -> Option<&[u8]> {
    match &span.end[..] {
        [key @ .., 0] if *key == span.start[..] => Some(key),
        _ => None,
    }
}

impl Generation {
    fn add_point(&mut self, key: &[u8], ts: Timestamp, owner: Option<TxnId>) {
        self.highest = self.highest.max(ts);
        match self.points.entry(hash(key)) {
            Entry::Occupied(mut reads) => reads.get_mut().add(ts, owner),
            Entry::Vacant(place) => {
                self.bytes += POINT_BYTES;
                place.insert(Reads::new(ts, owner));
            }
        }
    }

    fn get_point(&self, key: &[u8], hash: u64, txn: Option<TxnId>) -> Timestamp {
        let mut highest = Timestamp::ZERO;
        if let Some(reads) = self.points.get(&hash) {
            highest = reads.by_others(txn);
        }
        if !self.spans.is_empty()
            && let Some((_, segment)) =
                self.spans.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()
            && segment.reaches_beyond(key)
        {
            highest = highest.max(segment.reads.by_others(txn));
        }
        highest
    }

    fn add_span(&mut self, span: &Span, ts: Timestamp, owner: Option<TxnId>) {
        self.highest = self.highest.max(ts);
        self.cut(&span.start);
        if !span.end.is_empty() {
            self.cut(&span.end);
        }
        let end: Option<Box<[u8]>> = (!span.end.is_empty()).then(|| span.end[..].into());
        // Above all that is there: one segment takes the place of all. Its owner minds the highest of them, everywhere.
        let segments = self.spans.range::<[u8], _>(span.bounds());
        if segments.clone().all(|(_, segment)| segment.reads.ts < ts) {
            let others = segments.map(|(_, segment)| segment.reads.by_others(owner)).max().unwrap_or(Timestamp::ZERO);
            self.remove_within(span);
            self.insert(span.start[..].into(), Segment { end, reads: Reads { ts, owner, others } });
            return;
        }
        // Otherwise each segment by itself, and new ones between them. From `covered` on nothing is covered yet.
        let mut gaps: Vec<(Box<[u8]>, Segment)> = Vec::new();
        let mut covered: Option<&[u8]> = Some(&span.start);
        for (start, segment) in self.spans.range::<[u8], _>(span.bounds()) {
            if let Some(from) = covered
                && from < &start[..]
            {
                gaps.push((from.into(), Segment { end: Some(start.clone()), reads: Reads::new(ts, owner) }));
            }
            covered = segment.end.as_deref();
        }
        if let Some(from) = covered
            && span.contains(from)
        {
            gaps.push((from.into(), Segment { end, reads: Reads::new(ts, owner) }));
        }
        for (_, segment) in self.spans.range_mut::<[u8], _>(span.bounds()) {
            segment.reads.add(ts, owner);
        }
        for (start, segment) in gaps {
            self.insert(start, segment);
        }
    }

    /// Makes `at` a border between segments.
    fn cut(&mut self, at: &[u8]) {
        let below = self.spans.range_mut::<[u8], _>((Bound::Unbounded, Bound::Excluded(at))).next_back();
        if let Some((_, segment)) = below
            && segment.reaches_beyond(at)
        {
            let old_end = segment.end.replace(at.into());
            self.bytes = self.bytes + at.len() - old_end.as_ref().map_or(0, |end| end.len());
            let right = Segment { end: old_end, reads: segment.reads };
            self.insert(at.into(), right);
        }
    }

    fn insert(&mut self, start: Box<[u8]>, segment: Segment) {
        self.bytes += segment.bytes(&start);
        self.spans.insert(start, segment);
    }

    fn remove_within(&mut self, span: &Span) {
        while let Some((start, _)) = self.spans.range::<[u8], _>(span.bounds()).next() {
            let start = start.clone();
            if let Some(segment) = self.spans.remove(&start) {
                self.bytes -= segment.bytes(&start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn ts(wall: u64) -> Timestamp {
        Timestamp::new(wall, 0)
    }

    fn txn(id: u64) -> Option<TxnId> {
        (id > 0).then_some(TxnId(u128::from(id)))
    }

    #[test]
    fn own_reads_do_not_push() {
        let mut cache = TimestampCache::new(ts(5));
        assert_eq!(cache.get_point(b"k", None), ts(5));
        cache.add_point(b"k", ts(10), txn(1));
        cache.add(&Span::point(b"k"), ts(20), txn(2));
        assert_eq!(cache.get_point(b"k", txn(1)), ts(20));
        assert_eq!(cache.get_point(b"k", txn(2)), ts(10));
        assert_eq!(cache.get_point(b"k", txn(3)), ts(20));
        assert_eq!(cache.get_point(b"k", None), ts(20));
        // The highest is shared: it is by another for either of them.
        cache.add_point(b"k", ts(20), txn(1));
        assert_eq!(cache.get_point(b"k", txn(1)), ts(20));
        assert_eq!(cache.get_point(b"k", txn(2)), ts(20));
        assert_eq!(cache.get_point(b"l", None), ts(5));
        assert_eq!(cache.high_water(), ts(20));
    }

    #[test]
    fn spans_cover_points_and_points_are_in_spans() {
        let mut cache = TimestampCache::new(Timestamp::ZERO);
        cache.add(&Span::new("b", "d"), ts(10), txn(1));
        cache.add(&Span::new("c", ""), ts(20), txn(2));
        cache.add_point(b"a", ts(30), None);
        let point = |key: &str| cache.get_point(key.as_bytes(), None);
        assert_eq!(["a", "a\0", "b", "c", "d", "z"].map(point), [30, 0, 10, 20, 20, 20].map(ts));
        assert_eq!(cache.get_point(b"c", txn(2)), ts(10));
        // One segment from "c" on: its owner minds there what was only read before "d".
        assert_eq!(cache.get_point(b"d", txn(2)), ts(10));
    }

    /// What the cache is: a list of all reads.
    #[derive(Default, Clone)]
    struct Model(Vec<(Span, Timestamp, Option<TxnId>)>);

    impl Model {
        fn get(&self, key: &[u8], txn: Option<TxnId>) -> Timestamp {
            let others = self.0.iter().filter(|(read, ..)| read.contains(key));
            let others = others.filter(|(_, _, owner)| owner.is_none() || *owner != txn);
            others.map(|(_, ts, _)| *ts).max().unwrap_or(Timestamp::ZERO)
        }
    }

    fn key(rng: &mut Rng) -> Vec<u8> {
        (0..rng.below(3)).map(|_| *rng.pick(b"\0abcd")).collect()
    }

    fn span(rng: &mut Rng) -> Span {
        loop {
            let start = key(rng);
            let span = match rng.below(4) {
                0 => Span::new(start, key(rng)),
                1 => Span::new(start, "z"),
                _ => Span::point(&start),
            };
            if !span.is_empty() {
                return span;
            }
        }
    }

    /// No more than the model, but for the owner of a span that replaced others, who may be told the highest of those;
    /// and that lies below its own read.
    fn compare(cache: &TimestampCache, model: &Model, key: &[u8], txn: Option<TxnId>) {
        let (got, expected) = (cache.get_point(key, txn), model.get(key, txn).max(cache.low_water()));
        assert!(got >= expected, "{key:?} {txn:?}: {got} {expected}");
        let own = model.0.iter().filter(|(read, _, owner)| owner.is_some() && *owner == txn && read.contains(key));
        let own = own.map(|(_, ts, _)| *ts).max().unwrap_or(Timestamp::ZERO);
        assert!(got == expected || got < own, "{key:?} {txn:?}: {got} {expected} {own}");
    }

    fn check_shape(generation: &Generation) {
        let mut last: Option<&Segment> = None;
        for (start, segment) in &generation.spans {
            assert!(segment.reaches_beyond(start), "an empty segment");
            assert!(last.is_none_or(|last| !last.reaches_beyond(start)), "segments overlap");
            assert!(segment.reads.others <= segment.reads.ts && segment.reads.ts <= generation.highest);
            last = Some(segment);
        }
        let spans: usize = generation.spans.iter().map(|(start, segment)| segment.bytes(start)).sum();
        assert_eq!(generation.bytes, spans + generation.points.len() * POINT_BYTES);
    }

    #[test]
    fn agrees_with_a_list_of_all_reads() {
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let mut cache = TimestampCache::new(Timestamp::ZERO);
            let mut model = Model::default();
            for step in 0..60 {
                let read = span(&mut rng);
                // Mostly ascending, with equals and latecomers.
                let at = ts(1 + if rng.chance(0.6) { step } else { rng.below(60) });
                let owner = txn(rng.below(4));
                cache.add(&read, at, owner);
                model.0.push((read, at, owner));
                check_shape(&cache.young);
                for _ in 0..6 {
                    compare(&cache, &model, &key(&mut rng), txn(rng.below(4)));
                }
                assert!(model.0.iter().all(|(_, at, _)| *at <= cache.high_water()));
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_forgetting_only_adds() {
        let mut rng = Rng::new(1);
        let mut cache = TimestampCache::with_bytes_max(Timestamp::ZERO, 20_000);
        let mut model = Model::default();
        for step in 0..5000u64 {
            let key = rng.below(500).to_be_bytes();
            let read = match rng.below(5) {
                0 => Span::new(key.to_vec(), (u64::from_be_bytes(key) + rng.below(40)).to_be_bytes().to_vec()),
                _ => Span::point(&key),
            };
            let at = ts((step + 50).saturating_sub(rng.below(100)));
            cache.add(&read, at, txn(rng.below(4)));
            if !read.is_empty() {
                model.0.push((read, at, txn(0)));
            }
            assert!(cache.bytes() <= 20_000 + 1000, "{}", cache.bytes());
            if step % 50 == 0 {
                check_shape(&cache.young);
                let (asked, by) = (rng.below(500).to_be_bytes(), txn(5));
                assert!(cache.get_point(&asked, by) >= model.get(&asked, by));
            }
        }
        assert!(cache.low_water() > Timestamp::ZERO, "nothing was ever forgotten");
        // What was read lately is still told apart from what was not.
        assert!(cache.low_water() < ts(5000));
    }
}
