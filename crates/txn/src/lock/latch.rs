//! Latches: short exclusion between the commands of one range, from evaluation until applied or proven not to be.
//!
//! ```text
//!   write   acquire(spans) ─▶ ready ─▶ read, ask the timestamp cache ─▶ decide(commit_ts) ─▶ log ─▶ applied ─▶ release
//!   read    bump the timestamp cache ─▶ read_blockers(span, read_ts) ─▶ none, or woken ─▶ take the view ─▶ answer
//!   split   acquire(everything) ─▶ ready ─▶ log ─▶ applied ─▶ release
//! ```
//!
//! A write takes all the spans that it reads or writes at once, and is ready when no earlier latch overlaps any of
//! them; order of arrival decides, so there are no deadlocks and no starvation. Reads take no latch: they only wait for
//! the few writes that they might have to see.
//!
//! **Why no read misses a write.** Both do two steps, each under the mutex around this value and the timestamp cache:
//!
//! | | first | then |
//! | --- | --- | --- |
//! | reader at `read_ts` | raises the timestamp cache over its span | asks [`Latches::read_blockers`], takes its view |
//! | writer | holds its latch | asks the timestamp cache, decides a `commit_ts` above it |
//!
//! If the writer held its latch before the reader asked, the reader finds it: it waits until the write is applied, or
//! is decided above `read_ts`, where it can't be seen. Otherwise the writer asks the cache after the reader raised it,
//! and its `commit_ts` is above `read_ts`. For the same reason a latch that still waits blocks no reader, and a reader
//! that was woken need not ask again, unless its `read_ts` has moved.
//!
//! `read_ts` is the highest timestamp that the reader must see. Versions above it that may be older than the reader's
//! transaction (the uncertainty interval) need no waiting if a write is acknowledged only after it is applied: what is
//! still latched was not acknowledged when the reader came.
//!
//! INVARIANT: latches that are ready don't overlap. Evaluation relies on it: what it read is still so when it applies.
//!
//! INVARIANT: a decided timestamp only grows. A reader that went past it relies on that.
//!
//! INVARIANT: the whole-range latch of a split is ready only when every earlier command is applied, and no later one
//! has looked at anything. Whoever becomes ready after it must compare its keys with the range's bounds again, because
//! this value is not split: its waiters may belong to the other half.
//!
//! What it does not do: order reads among themselves, know transactions or row locks, time out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use crate::request::Span;
use crate::timestamp::Timestamp;

/// Grows with arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LatchId(pub u64);

/// A read that waits. Given by the caller, unique in its range for as long as it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId(pub u64);

/// Who can go on after a release, by id.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Released {
    pub latches: Vec<LatchId>,
    pub readers: Vec<ReaderId>,
}

#[derive(Debug, Default)]
pub struct Latches {
    next: u64,
    latches: BTreeMap<LatchId, Latch>,
    /// Who latched a single key, in order of arrival. Only the first can be ready. Nearly all latches are of this kind.
    points: BTreeMap<Bytes, Vec<LatchId>>,
    /// Wider spans, looked through one by one: scans under a lock, refreshes, splits.
    spans: BTreeMap<LatchId, Vec<Span>>,
    readers: BTreeMap<ReaderId, Reader>,
}

#[derive(Debug)]
struct Latch {
    points: Vec<Bytes>,
    /// How much is in the way: for each of its keys one if it is not the first there, and every earlier latch with
    /// which it shares more than single keys.
    behind: usize,
    /// The later latches that counted this one in `behind` as more than a single key.
    followers: Vec<LatchId>,
    decided: Option<Timestamp>,
    readers: BTreeSet<ReaderId>,
}

#[derive(Debug)]
struct Reader {
    read_ts: Timestamp,
    waits_for: BTreeSet<LatchId>,
}

impl Latches {
    pub fn new() -> Latches {
        Latches::default()
    }

    /// Latches all the spans. True when it is ready at once; otherwise some release will name it.
    pub fn acquire(&mut self, spans: impl IntoIterator<Item = Span>) -> (LatchId, bool) {
        let id = LatchId(self.next);
        self.next += 1;
        let (points, spans): (Vec<Span>, Vec<Span>) = spans.into_iter().filter(|s| !s.is_empty()).partition(is_point);
        let mut points: Vec<Bytes> = points.into_iter().map(|span| span.start).collect();
        points.sort_unstable();
        points.dedup();

        let mut ahead = BTreeSet::new();
        for span in &spans {
            ahead.extend(self.points.range::<[u8], _>(span.bounds()).flat_map(|(_, queue)| queue));
            ahead.extend(
                self.spans.iter().filter(|(_, others)| others.iter().any(|o| o.overlaps(span))).map(|(id, _)| id),
            );
        }
        for (other, wide) in &self.spans {
            if points.iter().any(|point| wide.iter().any(|span| span.contains(point))) {
                ahead.insert(*other);
            }
        }
        let mut behind = ahead.len();
        for other in &ahead {
            self.latch(*other).followers.push(id);
        }
        for point in &points {
            let queue = self.points.entry(point.clone()).or_default();
            behind += usize::from(!queue.is_empty());
            queue.push(id);
        }
        if !spans.is_empty() {
            self.spans.insert(id, spans);
        }
        let latch = Latch { points, behind, followers: Vec::new(), decided: None, readers: BTreeSet::new() };
        self.latches.insert(id, latch);
        (id, behind == 0)
    }

    pub fn is_ready(&self, id: LatchId) -> bool {
        self.latches.get(&id).is_some_and(|latch| latch.behind == 0)
    }

    /// The command will take effect at this timestamp or never. Readers below need not wait for it.
    pub fn decide(&mut self, id: LatchId, commit_ts: Timestamp) -> Vec<ReaderId> {
        let latch = self.latch(id);
        assert_eq!(latch.behind, 0, "{id} decides before it is ready");
        assert!(latch.decided <= Some(commit_ts), "{id} goes back from its decision");
        latch.decided = Some(commit_ts);
        let waiting: Vec<ReaderId> = latch.readers.iter().copied().collect();
        let passing = waiting.into_iter().filter(|reader| self.readers[reader].read_ts < commit_ts).collect();
        self.let_pass(passing, id)
    }

    /// The command is applied, or certainly never will be; or it gave up waiting.
    pub fn release(&mut self, id: LatchId) -> Released {
        let latch = self.latches.remove(&id).unwrap_or_else(|| panic!("{id} is not held"));
        self.spans.remove(&id);
        let mut ready = BTreeSet::new();
        let mut forward = Vec::new();
        for point in &latch.points {
            let queue = self.points.get_mut(point).expect("a latched key has a queue");
            let place = queue.iter().position(|&other| other == id).expect("a latch stands in the queue of its key");
            queue.remove(place);
            match queue.first() {
                Some(&first) if place == 0 => forward.push(first),
                Some(_) => {}
                None => {
                    self.points.remove(point);
                }
            }
        }
        // Followers that gave up are gone.
        forward.extend(latch.followers.into_iter().filter(|follower| self.latches.contains_key(follower)));
        for other in forward {
            let other_latch = self.latch(other);
            other_latch.behind -= 1;
            if other_latch.behind == 0 {
                ready.insert(other);
            }
        }
        let readers = self.let_pass(latch.readers, id);
        Released { latches: ready.into_iter().collect(), readers }
    }

    /// The writes that a read of this span up to `read_ts` must wait for. Ask only after the timestamp cache is raised.
    pub fn read_blockers(&self, span: &Span, read_ts: Timestamp) -> Vec<LatchId> {
        let mut ids = BTreeSet::new();
        if !span.is_empty() {
            ids.extend(self.points.range::<[u8], _>(span.bounds()).filter_map(|(_, queue)| queue.first()));
            ids.extend(self.spans.iter().filter(|(_, wide)| wide.iter().any(|o| o.overlaps(span))).map(|(id, _)| id));
        }
        ids.into_iter().filter(|id| self.blocks(*id, read_ts)).collect()
    }

    /// Waits for these, as [`Latches::read_blockers`] named them. False when none of them is in the way any more.
    pub fn subscribe(&mut self, reader: ReaderId, read_ts: Timestamp, ids: &[LatchId]) -> bool {
        assert!(!self.readers.contains_key(&reader), "{reader} waits already");
        let waits_for: BTreeSet<LatchId> = ids.iter().copied().filter(|&id| self.blocks(id, read_ts)).collect();
        if waits_for.is_empty() {
            return false;
        }
        for id in &waits_for {
            self.latch(*id).readers.insert(reader);
        }
        self.readers.insert(reader, Reader { read_ts, waits_for });
        true
    }

    /// The read gave up. Nothing happens if it was woken before.
    pub fn unsubscribe(&mut self, reader: ReaderId) {
        for id in self.readers.remove(&reader).into_iter().flat_map(|r| r.waits_for) {
            self.latch(id).readers.remove(&reader);
        }
    }

    /// How many commands hold or wait for latches.
    pub fn len(&self) -> usize {
        self.latches.len()
    }

    pub fn is_empty(&self) -> bool {
        self.latches.is_empty()
    }

    fn blocks(&self, id: LatchId, read_ts: Timestamp) -> bool {
        let undecided_or_seen = |latch: &Latch| latch.decided.is_none_or(|commit_ts| commit_ts <= read_ts);
        self.latches.get(&id).is_some_and(|latch| latch.behind == 0 && undecided_or_seen(latch))
    }

    /// These readers no longer wait for this latch. Returns those that wait for nothing else.
    fn let_pass(&mut self, readers: BTreeSet<ReaderId>, id: LatchId) -> Vec<ReaderId> {
        let mut woken = Vec::new();
        for reader in readers {
            if let Some(latch) = self.latches.get_mut(&id) {
                latch.readers.remove(&reader);
            }
            let waits_for = &mut self.readers.get_mut(&reader).expect("a subscribed reader is known").waits_for;
            waits_for.remove(&id);
            if waits_for.is_empty() {
                self.readers.remove(&reader);
                woken.push(reader);
            }
        }
        woken
    }

    fn latch(&mut self, id: LatchId) -> &mut Latch {
        self.latches.get_mut(&id).unwrap_or_else(|| panic!("{id} is not held"))
    }
}

fn is_point(span: &Span) -> bool {
    span.end.strip_prefix(&span.start[..]) == Some(&[0])
}

impl fmt::Display for LatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "latch {}", self.0)
    }
}

impl fmt::Display for ReaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reader {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn ts(wall: u64) -> Timestamp {
        Timestamp { wall, logical: 0 }
    }

    fn point(key: &str) -> Span {
        Span::point(key.as_bytes())
    }

    fn span(start: &'static str, end: &'static str) -> Span {
        Span::new(start, end)
    }

    fn released(latches: &[LatchId], readers: &[u64]) -> Released {
        Released { latches: latches.to_vec(), readers: readers.iter().copied().map(ReaderId).collect() }
    }

    #[test]
    fn overlapping_latches_go_in_order_of_arrival() {
        let mut latches = Latches::new();
        let (a, ready) = latches.acquire([point("a"), point("c")]);
        assert!(ready);
        let (wide, ready) = latches.acquire([span("b", "d")]);
        assert!(!ready);
        let (c, ready) = latches.acquire([point("c")]);
        assert!(!ready, "behind both");
        let (e, ready) = latches.acquire([point("e")]);
        assert!(ready);
        let (all, ready) = latches.acquire([span("", "")]);
        assert!(!ready);
        let (late, ready) = latches.acquire([point("z")]);
        assert!(!ready, "a whole-range latch lets nobody pass");
        assert_eq!(latches.release(a), released(&[wide], &[]));
        assert_eq!(latches.release(wide), released(&[c], &[]));
        assert_eq!(latches.release(c), released(&[], &[]));
        assert_eq!(latches.release(e), released(&[all], &[]));
        assert_eq!(latches.release(all), released(&[late], &[]));
        assert_eq!(latches.release(late), released(&[], &[]));
        assert!(latches.is_empty() && latches.points.is_empty() && latches.spans.is_empty());
    }

    #[test]
    fn a_command_does_not_wait_for_itself() {
        let mut latches = Latches::new();
        let (id, ready) = latches.acquire([point("a"), point("a"), span("a", "c"), span("b", ""), span("q", "q")]);
        assert!(ready);
        assert_eq!(latches.read_blockers(&point("b"), ts(1)), [id]);
        assert!(latches.acquire(Vec::new()).1);
    }

    #[test]
    fn who_gives_up_waiting_lets_others_pass() {
        let mut latches = Latches::new();
        let (first, _) = latches.acquire([point("a")]);
        let (gone, _) = latches.acquire([point("a"), point("b")]);
        let (b, ready) = latches.acquire([point("b")]);
        assert!(!ready);
        let (a, _) = latches.acquire([point("a")]);
        assert_eq!(latches.release(gone), released(&[b], &[]));
        assert_eq!(latches.release(first), released(&[a], &[]));
    }

    #[test]
    fn readers_wait_for_what_they_might_see() {
        let mut latches = Latches::new();
        let (a, _) = latches.acquire([point("a")]);
        let (b, _) = latches.acquire([point("b")]);
        let (queued, _) = latches.acquire([point("b"), point("c")]);
        assert_eq!(latches.read_blockers(&span("a", "z"), ts(5)), [a, b], "a latch that waits blocks nobody");
        assert_eq!(latches.read_blockers(&span("aa", "b"), ts(5)), []);
        assert!(latches.subscribe(ReaderId(1), ts(5), &[a, b]));
        assert!(latches.subscribe(ReaderId(2), ts(9), &[b]));
        assert_eq!(latches.decide(b, ts(7)), [], "reader 1 still waits for a, reader 2 must see it");
        assert_eq!(latches.read_blockers(&point("b"), ts(6)), []);
        assert_eq!(latches.read_blockers(&point("b"), ts(7)), [b]);
        assert_eq!(latches.decide(a, ts(5)), []);
        assert_eq!(latches.release(a), released(&[], &[1]));
        assert!(!latches.subscribe(ReaderId(1), ts(6), &[a, b]), "one is gone, the other above");
        assert_eq!(latches.release(b), released(&[queued], &[2]));
        assert!(latches.subscribe(ReaderId(3), ts(6), &[queued]));
        latches.unsubscribe(ReaderId(3));
        assert_eq!(latches.release(queued), released(&[], &[]));
        assert!(latches.readers.is_empty());
    }

    #[test]
    #[should_panic(expected = "goes back")]
    fn a_decision_never_goes_back() {
        let mut latches = Latches::new();
        let (id, _) = latches.acquire([point("a")]);
        latches.decide(id, ts(5));
        latches.decide(id, ts(4));
    }

    /// The obvious implementation: a list, looked through from the start.
    #[derive(Default)]
    struct Model {
        latches: BTreeMap<LatchId, (Vec<Span>, Option<Timestamp>)>,
        readers: BTreeMap<ReaderId, (Timestamp, BTreeSet<LatchId>)>,
    }

    impl Model {
        fn ready(&self) -> BTreeSet<LatchId> {
            let overlap = |a: &[Span], b: &[Span]| a.iter().any(|a| b.iter().any(|b| a.overlaps(b)));
            let free =
                |id: &LatchId, spans: &[Span]| !self.latches.range(..id).any(|(_, other)| overlap(&other.0, spans));
            self.latches.iter().filter(|(id, (spans, _))| free(id, spans)).map(|(id, _)| *id).collect()
        }

        fn blockers(&self, span: &Span, read_ts: Timestamp) -> Vec<LatchId> {
            let ready = self.ready();
            let seen = |decided: Option<Timestamp>| decided.is_none() || decided <= Some(read_ts);
            let hit = |(id, (spans, decided)): &(&LatchId, &(Vec<Span>, Option<Timestamp>))| {
                ready.contains(id) && spans.iter().any(|s| s.overlaps(span)) && seen(*decided)
            };
            self.latches.iter().filter(hit).map(|(id, _)| *id).collect()
        }

        /// Takes out the readers that nothing blocks any more.
        fn wake(&mut self) -> Vec<ReaderId> {
            let blocks = |id: &LatchId, ts: Timestamp| {
                self.latches.get(id).is_some_and(|(_, decided)| decided.is_none() || *decided <= Some(ts))
            };
            let free =
                |(_, (ts, ids)): &(&ReaderId, &(Timestamp, BTreeSet<LatchId>))| !ids.iter().any(|id| blocks(id, *ts));
            let woken: Vec<ReaderId> = self.readers.iter().filter(free).map(|(reader, _)| *reader).collect();
            self.readers.retain(|reader, _| !woken.contains(reader));
            woken
        }
    }

    fn any_span(random: &mut Rng) -> Span {
        let key = |n: u64| format!("k{n:02}");
        match random.below(8) {
            0 => Span::new("", ""),
            1 => Span::new(key(random.below(12)), ""),
            2 | 3 => {
                let (a, b) = (random.below(12), random.below(12));
                Span::new(key(a.min(b)), key(a.max(b) + 1))
            }
            _ => point(&key(random.below(12))),
        }
    }

    #[test]
    fn does_what_the_model_does() {
        for seed in 0..60 {
            let mut random = Rng::new(seed);
            let (mut latches, mut model) = (Latches::new(), Model::default());
            for step in 0..300 {
                let ids: Vec<LatchId> = model.latches.keys().copied().collect();
                let any = |random: &mut Rng| ids[random.below(ids.len() as u64) as usize];
                match random.below(10) {
                    0..4 => {
                        let wide = random.below(4) == 0;
                        let spans: Vec<Span> = (0..random.below(4))
                            .map(|_| any_span(&mut random))
                            .filter(|span| wide || is_point(span))
                            .collect();
                        let (id, ready) = latches.acquire(spans.clone());
                        model.latches.insert(id, (spans, None));
                        assert_eq!(ready, model.ready().contains(&id));
                    }
                    4..7 if !ids.is_empty() => {
                        let id = any(&mut random);
                        let before = model.ready();
                        model.latches.remove(&id);
                        let now_ready = model.ready().difference(&before).copied().collect();
                        let readers = model.wake();
                        assert_eq!(latches.release(id), Released { latches: now_ready, readers });
                    }
                    7 if !ids.is_empty() => {
                        let id = any(&mut random);
                        if model.ready().contains(&id) && model.latches[&id].1.is_none() {
                            let commit_ts = ts(random.below(10));
                            model.latches.get_mut(&id).unwrap().1 = Some(commit_ts);
                            assert_eq!(latches.decide(id, commit_ts), model.wake());
                        }
                    }
                    8 if step % 3 == 0 => {
                        let reader = model.readers.keys().next().copied().unwrap_or(ReaderId(0));
                        model.readers.remove(&reader);
                        latches.unsubscribe(reader);
                    }
                    _ => {
                        let (span, read_ts) = (any_span(&mut random), ts(random.below(10)));
                        let blockers = model.blockers(&span, read_ts);
                        assert_eq!(latches.read_blockers(&span, read_ts), blockers);
                        let reader = ReaderId(step);
                        assert_eq!(latches.subscribe(reader, read_ts, &blockers), !blockers.is_empty());
                        if !blockers.is_empty() {
                            model.readers.insert(reader, (read_ts, blockers.into_iter().collect()));
                        }
                    }
                }
                let ready: BTreeSet<LatchId> =
                    model.latches.keys().copied().filter(|&id| latches.is_ready(id)).collect();
                assert_eq!(ready, model.ready(), "seed {seed}");
            }
            while let Some(&id) = model.latches.keys().next() {
                model.latches.remove(&id);
                model.wake();
                let _ = latches.release(id);
            }
            assert!(latches.is_empty() && latches.readers.is_empty() && model.readers.is_empty());
        }
    }
}
