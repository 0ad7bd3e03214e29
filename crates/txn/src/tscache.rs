//! The timestamp cache of a range: up to when each key was read, and by whom. A write must commit above every read of its
//! keys by others, or the reader would have had to see it.
//!
//! ```text
//!   young    points  key ──► Reads          spans  start ──► (end, Reads), none overlapping
//!   old      points  key ──► Reads          spans  start ──► (end, Reads)
//!   low water: every key was read up to here, by anybody
//! ```
//! When the young generation is full the old one is dropped, low water rises to the highest read in it, and the young one
//! grows old. So memory is bounded, and what is forgotten is only ever answered with more, never with less.
//!
//! INVARIANT: `get` never answers less than the highest read by others that was added since the cache began above its
//! first low water. Serializability relies on it.
//!
//! It lives in the leaseholder's memory and dies with the lease: the next leaseholder begins with low water at the read
//! ceiling, above all that was served.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::id::TxnId;
use crate::request::Span;
use crate::timestamp::Timestamp;

/// What a cache may hold, both generations together, unless it is told otherwise.
pub const BYTES_MAX: usize = 2 << 20;

/// Of an entry beside its keys, about.
const ENTRY_BYTES: usize = 112;

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
        ENTRY_BYTES + start.len() + self.end.as_ref().map_or(0, |end| end.len())
    }
}

#[derive(Debug, Default)]
struct Generation {
    points: BTreeMap<Box<[u8]>, Reads>,
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

    /// The highest timestamp at which anybody but `txn` may have read a key of the span.
    pub fn get(&self, span: &Span, txn: Option<TxnId>) -> Timestamp {
        if span.is_empty() {
            return self.low_water;
        }
        if let Some(key) = as_point(span) {
            return self.get_point(key, txn);
        }
        self.low_water.max(self.young.get_span(span, txn)).max(self.old.get_span(span, txn))
    }

    /// The same for one key.
    pub fn get_point(&self, key: &[u8], txn: Option<TxnId>) -> Timestamp {
        self.low_water.max(self.young.get_point(key, txn)).max(self.old.get_point(key, txn))
    }

    pub fn low_water(&self) -> Timestamp {
        self.low_water
    }

    /// At least every read in here: where a cache that replaces this one can begin.
    pub fn high_water(&self) -> Timestamp {
        self.low_water.max(self.young.highest).max(self.old.highest)
    }

    /// From now on every key counts as read up to `ts`, by anybody.
    pub fn raise_low_water(&mut self, ts: Timestamp) {
        self.low_water = self.low_water.max(ts);
        for generation in [&mut self.young, &mut self.old] {
            if generation.highest <= self.low_water {
                *generation = Generation::default();
            }
        }
    }

    /// Leaves the keys below `at` here and returns those from it on.
    pub fn split_off(&mut self, at: &[u8]) -> TimestampCache {
        TimestampCache {
            low_water: self.low_water,
            young: self.young.split_off(at),
            old: self.old.split_off(at),
            bytes_max: self.bytes_max,
        }
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
        match self.points.get_mut(key) {
            Some(reads) => reads.add(ts, owner),
            None => {
                self.bytes += ENTRY_BYTES + key.len();
                self.points.insert(key.into(), Reads::new(ts, owner));
            }
        }
    }

    fn get_point(&self, key: &[u8], txn: Option<TxnId>) -> Timestamp {
        let mut highest = Timestamp::ZERO;
        if let Some(reads) = self.points.get(key) {
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

    fn get_span(&self, span: &Span, txn: Option<TxnId>) -> Timestamp {
        let points = self.points.range::<[u8], _>(span.bounds()).map(|(_, reads)| reads);
        let below = (Bound::Unbounded, Bound::Excluded(&span.start[..]));
        let below = self.spans.range::<[u8], _>(below).next_back();
        let below = below.filter(|(_, segment)| segment.reaches_beyond(&span.start)).map(|(_, segment)| &segment.reads);
        let within = self.spans.range::<[u8], _>(span.bounds()).map(|(_, segment)| &segment.reads);
        points.chain(below).chain(within).map(|reads| reads.by_others(txn)).max().unwrap_or(Timestamp::ZERO)
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

    fn split_off(&mut self, at: &[u8]) -> Generation {
        self.cut(at);
        let points = self.points.split_off::<[u8]>(at);
        let spans = self.spans.split_off::<[u8]>(at);
        let mut right = Generation { points, spans, highest: self.highest, bytes: 0 };
        for generation in [self, &mut right] {
            let points: usize = generation.points.keys().map(|key| ENTRY_BYTES + key.len()).sum();
            let spans: usize = generation.spans.iter().map(|(start, segment)| segment.bytes(start)).sum();
            generation.bytes = points + spans;
        }
        right
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
        cache.raise_low_water(ts(30));
        assert_eq!(cache.get_point(b"k", txn(2)), ts(30));
        assert_eq!((cache.bytes(), cache.high_water()), (0, ts(30)));
    }

    #[test]
    fn spans_cover_points_and_points_are_in_spans() {
        let mut cache = TimestampCache::new(Timestamp::ZERO);
        cache.add(&Span::new("b", "d"), ts(10), txn(1));
        cache.add(&Span::new("c", ""), ts(20), txn(2));
        cache.add_point(b"a", ts(30), None);
        let point = |key: &str| cache.get_point(key.as_bytes(), None);
        assert_eq!(["a", "a\0", "b", "c", "d", "z"].map(point), [30, 0, 10, 20, 20, 20].map(ts));
        assert_eq!(cache.get(&Span::new("", "b"), None), ts(30));
        assert_eq!(cache.get(&Span::new("a\0", "b"), None), ts(0));
        assert_eq!(cache.get(&Span::new("c", "c\0"), txn(2)), ts(10));
        // One segment from "c" on: its owner minds there what was only read before "d".
        assert_eq!(cache.get(&Span::new("d", ""), txn(2)), ts(10));
        assert_eq!(cache.get(&Span::new("z", "b"), None), ts(0));
    }

    /// What the cache is: a list of all reads.
    #[derive(Default, Clone)]
    struct Model(Vec<(Span, Timestamp, Option<TxnId>)>);

    impl Model {
        fn get(&self, span: &Span, txn: Option<TxnId>) -> Timestamp {
            let others = self.0.iter().filter(|(read, ..)| read.overlaps(span));
            let others = others.filter(|(_, _, owner)| owner.is_none() || *owner != txn);
            others.map(|(_, ts, _)| *ts).max().unwrap_or(Timestamp::ZERO)
        }
    }

    fn span(rng: &mut Rng) -> Span {
        loop {
            let key = |rng: &mut Rng| -> Vec<u8> { (0..rng.below(3)).map(|_| *rng.pick(b"\0abcd")).collect() };
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
    fn compare(cache: &TimestampCache, model: &Model, span: &Span, txn: Option<TxnId>) {
        let (got, expected) = (cache.get(span, txn), model.get(span, txn).max(cache.low_water()));
        assert!(got >= expected, "{span} {txn:?}: {got} {expected}");
        let own = model.0.iter().filter(|(read, _, owner)| owner.is_some() && *owner == txn && read.overlaps(span));
        let own = own.map(|(_, ts, _)| *ts).max().unwrap_or(Timestamp::ZERO);
        assert!(got == expected || got < own, "{span} {txn:?}: {got} {expected} {own}");
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
        let points: usize = generation.points.keys().map(|key| ENTRY_BYTES + key.len()).sum();
        assert_eq!(generation.bytes, spans + points);
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
                    compare(&cache, &model, &span(&mut rng), txn(rng.below(4)));
                }
                assert!(model.0.iter().all(|(_, at, _)| *at <= cache.high_water()));
            }
        }
    }

    #[test]
    fn halves_know_what_the_whole_knew() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut left = TimestampCache::new(ts(3));
            let mut model = Model::default();
            for _ in 0..40 {
                let (read, at, owner) = (span(&mut rng), ts(1 + rng.below(50)), txn(rng.below(4)));
                left.add(&read, at, owner);
                model.0.push((read, at, owner));
            }
            let at: Vec<u8> = (0..1 + rng.below(2)).map(|_| *rng.pick(b"abcd")).collect();
            let right = left.split_off(&at);
            for half in [&left, &right] {
                check_shape(&half.young);
                assert_eq!(half.low_water(), ts(3));
            }
            for _ in 0..60 {
                let (asked, by) = (span(&mut rng), txn(rng.below(4)));
                let (below, above) = (asked.clip(&Span::new("", at.clone())), asked.clip(&Span::new(at.clone(), "")));
                for (half, part) in [(&left, below), (&right, above)] {
                    if !part.is_empty() {
                        compare(half, &model, &part, by);
                    }
                }
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
                let (asked, by) = (Span::point(&rng.below(500).to_be_bytes()), txn(5));
                assert!(cache.get(&asked, by) >= model.get(&asked, by));
            }
        }
        assert!(cache.low_water() > Timestamp::ZERO, "nothing was ever forgotten");
        // What was read lately is still told apart from what was not.
        assert!(cache.low_water() < ts(5000));
    }
}
