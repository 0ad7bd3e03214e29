//! What is written but not yet synced, and what of the log is in memory: the state that callers and the writer share.
//!
//! ```text
//!   index    first ............................. next
//!            |------ located ------|
//!                        |---- recent payloads ----|
//!                                  |-- not synced --|
//! ```
//! Every change goes through one queue of [`Item`]s and shows at once in its group's outline; the durable side follows
//! when the writer has synced the frame with the item ([`State::settle`]). If an item can't be written for want of
//! room, its group falls back to its durable side, with everything that was queued behind ([`State::refuse`]).
//!
//! INVARIANT: an entry is in `recent`, or durable and located, or both. Reading relies on it; so only what is durable
//! is ever evicted.
//!
//! Deliberately absent: files and waiting. This is bookkeeping under one mutex.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use bytes::Bytes;

use super::{
    group::{Durable, Live, Location, Outline},
    record::Record,
};
use crate::{Error, GroupId, Result};

/// A frame takes no further items from this size on.
pub const FRAME_BYTES: usize = 4 << 20;
/// What the bookkeeping of one cached entry is taken to cost.
const CACHED_ENTRY_BYTES: usize = 64;

/// Hears how an item ended.
pub type Done = Box<dyn FnOnce(Result<()>) + Send>;

pub enum Op {
    Append(Vec<(u64, Bytes)>),
    Vote(Bytes),
    TruncateAfter(Option<u64>),
    Purge { upto: u64, marker: Bytes },
    Remove,
}

impl Op {
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let (entries, other) = match self {
            Op::Append(entries) => (&entries[..], None),
            Op::Vote(vote) => (&[][..], Some(Record::Vote(vote))),
            Op::TruncateAfter(last) => (&[][..], Some(Record::TruncateAfter(*last))),
            Op::Purge { upto, marker } => (&[][..], Some(Record::Purge { upto: *upto, marker })),
            Op::Remove => (&[][..], Some(Record::Remove)),
        };
        entries.iter().map(|(index, payload)| Record::Entry { index: *index, payload }).chain(other)
    }
}

/// One call's worth of records of one group.
pub struct Item {
    /// Grows with every item.
    ticket: u64,
    pub group: GroupId,
    pub op: Op,
    bytes: usize,
    pub done: Option<Done>,
}

/// Calls back a number of waiters, outside of any lock.
pub fn tell(waiters: impl IntoIterator<Item = Done>, result: Result<()>) {
    for done in waiters {
        done(result.clone());
    }
}

struct Recent {
    ticket: u64,
    payload: Bytes,
}

#[derive(Default)]
struct Group {
    /// With everything that is queued.
    outline: Outline,
    /// The payloads of the last entries, up to `outline.next`.
    recent: VecDeque<Recent>,
    durable: Durable,
}

impl Group {
    /// Sets aside what isn't durable.
    fn fall_back(&mut self) {
        self.outline = self.durable.outline().clone();
        // An undone truncation may have taken payloads that would be missing in the middle.
        self.recent.clear();
    }

    fn is_blank(&self) -> bool {
        self.outline.is_blank() && self.durable.outline().is_blank()
    }

    fn recent_from(&self) -> u64 {
        self.outline.next - self.recent.len() as u64
    }

    /// Drops payloads from the end until they end at `outline.next`, which was `next` before.
    fn shrink_recent(&mut self, next: u64) {
        let from = next - self.recent.len() as u64;
        self.recent.truncate(usize::try_from(self.outline.next.saturating_sub(from)).unwrap_or(usize::MAX));
        let kept = self.outline.next - self.outline.first;
        while self.recent.len() as u64 > kept {
            self.recent.pop_front();
        }
    }
}

/// Where a payload is to be had.
pub enum Source {
    Memory(Bytes),
    Disk(Location),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    pub items: u64,
    pub entries: u64,
    pub frames: u64,
    pub syncs: u64,
    pub written_bytes: u64,
}

impl Counters {
    pub fn count_frame(&mut self, bytes: usize) {
        self.frames += 1;
        self.syncs += 1;
        self.written_bytes += bytes as u64;
    }
}

pub struct State {
    groups: BTreeMap<GroupId, Group>,
    pub live: Live,
    queue: VecDeque<Item>,
    queued_bytes: usize,
    last_ticket: u64,
    /// Synced items whose payloads are still in memory, oldest first, and what they are taken to cost.
    cached: VecDeque<(GroupId, u64, usize)>,
    cached_bytes: usize,
    cached_bytes_max: usize,
    pub counters: Counters,
    /// Set once, and then the answer to everything.
    stopped: Option<Error>,
}

impl State {
    pub fn new(groups: BTreeMap<GroupId, Durable>, live: Live, cached_bytes_max: usize) -> State {
        let groups = groups
            .into_iter()
            .map(|(id, durable)| (id, Group { outline: durable.outline().clone(), recent: VecDeque::new(), durable }));
        State {
            groups: groups.collect(),
            live,
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_ticket: 0,
            cached: VecDeque::new(),
            cached_bytes: 0,
            cached_bytes_max,
            counters: Counters::default(),
            stopped: None,
        }
    }

    pub fn check(&self) -> Result<()> {
        match &self.stopped {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    pub fn stopped(&self) -> Option<&Error> {
        self.stopped.as_ref()
    }

    pub fn groups(&self) -> Vec<GroupId> {
        self.groups.iter().filter(|(_, group)| !group.outline.is_blank()).map(|(id, _)| *id).collect()
    }

    pub fn outline(&self, id: GroupId) -> Outline {
        self.groups.get(&id).map(|group| group.outline.clone()).unwrap_or_default()
    }

    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }

    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Puts a change into effect and at the end of the queue. Panics if it doesn't fit its group: a caller's bug.
    pub fn enqueue(&mut self, id: GroupId, op: Op, done: Option<Done>) -> Result<()> {
        self.check()?;
        let group = self.groups.entry(id).or_default();
        let next = group.outline.next;
        let ticket = self.last_ticket + 1;
        let fit = match &op {
            Op::Append(entries) => {
                let start = entries.first().map_or(0, |(index, _)| *index);
                let contiguous = entries.windows(2).all(|pair| pair[0].0.checked_add(1) == Some(pair[1].0));
                assert!(contiguous, "{id}: an append of entries that aren't contiguous");
                let fit = group.outline.append(start, entries.len() as u64);
                if fit.is_ok() {
                    group.recent.extend(entries.iter().map(|(_, payload)| Recent { ticket, payload: payload.clone() }));
                }
                fit
            }
            Op::Vote(vote) => {
                group.outline.vote = Some(vote.clone());
                Ok(())
            }
            Op::TruncateAfter(last) => {
                group.outline.truncate_after(*last);
                group.shrink_recent(next);
                Ok(())
            }
            Op::Purge { upto, marker } => {
                let fit = group.outline.purge(*upto, || marker.clone()).map(drop);
                group.shrink_recent(next);
                fit
            }
            Op::Remove => {
                group.outline = Outline::default();
                group.recent.clear();
                Ok(())
            }
        };
        if let Err(misfit) = fit {
            panic!("{id}: {misfit}");
        }
        self.last_ticket = ticket;
        let bytes = op.records().map(|record| record.encoded_len()).sum();
        self.queue.push_back(Item { ticket, group: id, op, bytes, done });
        self.queued_bytes += bytes;
        Ok(())
    }

    /// The items of the next frame, in order. They stay in effect.
    pub fn take(&mut self) -> Vec<Item> {
        let mut taken = 0;
        let mut count = 0;
        for item in &self.queue {
            if count > 0 && taken + item.bytes > FRAME_BYTES {
                break;
            }
            taken += item.bytes;
            count += 1;
        }
        self.queued_bytes -= taken;
        self.queue.drain(..count).collect()
    }

    /// The frame with these items is synced. `offsets` are those of their records, in order.
    pub fn settle(&mut self, items: &[Item], segment: u64, offsets: &[usize]) {
        let mut offsets = offsets.iter();
        for item in items {
            let group = self.groups.entry(item.group).or_default();
            let mut cost = 0;
            for record in item.op.records() {
                let offset = offsets.next().expect("each record has an offset");
                if let Record::Entry { payload, .. } = record {
                    cost += payload.len() + CACHED_ENTRY_BYTES;
                    self.counters.entries += 1;
                }
                if let Err(misfit) = group.durable.apply(record, segment, *offset, &mut self.live) {
                    panic!("{}: what fitted when it was queued doesn't any more: {misfit}", item.group);
                }
            }
            if group.is_blank() && group.recent.is_empty() {
                self.groups.remove(&item.group);
            }
            if cost > 0 {
                self.cached.push_back((item.group, item.ticket, cost));
                self.cached_bytes += cost;
            }
            self.counters.items += 1;
        }
        self.evict();
    }

    /// Counts by item, including those that are purged by now: they are the oldest, and gone soon.
    fn evict(&mut self) {
        while self.cached_bytes > self.cached_bytes_max {
            let Some((id, ticket, cost)) = self.cached.pop_front() else { break };
            self.cached_bytes -= cost;
            let Some(group) = self.groups.get_mut(&id) else { continue };
            while group.recent.front().is_some_and(|recent| recent.ticket <= ticket) {
                group.recent.pop_front();
            }
        }
    }

    /// These items couldn't be written for want of room: only as much as a frame with `room` bytes of records holds is
    /// left. Puts them back, except the first that doesn't fit and everything else that is queued for its group.
    /// Returns who has to be told.
    #[must_use]
    pub fn refuse(&mut self, items: Vec<Item>, room: usize) -> Vec<Done> {
        let mut needed = 0;
        let first_out = items.iter().find(|item| {
            needed += item.bytes;
            needed > room
        });
        let refused = first_out.map(|item| item.group);
        for item in items.into_iter().rev() {
            self.queued_bytes += item.bytes;
            self.queue.push_front(item);
        }
        let Some(refused) = refused else { return Vec::new() };
        let (out, kept) = std::mem::take(&mut self.queue).into_iter().partition(|item| item.group == refused);
        self.queue = kept;
        let out: VecDeque<Item> = out;
        self.queued_bytes -= out.iter().map(|item| item.bytes).sum::<usize>();
        if let Some(group) = self.groups.get_mut(&refused) {
            group.fall_back();
            if group.is_blank() {
                self.groups.remove(&refused);
            }
        }
        out.into_iter().filter_map(|item| item.done).collect()
    }

    /// Ends everything, for the first reason ever given, which it returns with those who have to be told.
    #[must_use]
    pub fn stop(&mut self, reason: Error) -> (Error, Vec<Done>) {
        self.queued_bytes = 0;
        let waiters = std::mem::take(&mut self.queue).into_iter().filter_map(|item| item.done).collect();
        (self.stopped.get_or_insert(reason).clone(), waiters)
    }

    /// Where to read the entries of this range that there are; it ends where `bytes_max` is reached, but not before the
    /// first entry.
    pub fn find(&self, id: GroupId, range: Range<u64>, bytes_max: usize) -> Vec<(u64, Source)> {
        let mut found = Vec::new();
        let Some(group) = self.groups.get(&id) else { return found };
        let mut bytes = 0usize;
        for index in range.start.max(group.outline.first)..range.end.min(group.outline.next) {
            let recent = index.checked_sub(group.recent_from()).map(|nth| &group.recent[nth as usize]);
            let (source, len) = match recent {
                Some(recent) => (Source::Memory(recent.payload.clone()), recent.payload.len()),
                None => {
                    let location = group.durable.location(index).expect("what isn't recent is located");
                    (Source::Disk(location), location.len as usize)
                }
            };
            bytes = bytes.saturating_add(len);
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push((index, source));
        }
        found
    }

    /// What the checkpoint at the start of the next segment says: the durable side of every group.
    pub fn checkpoint(&self) -> impl Iterator<Item = (GroupId, Record<'_>)> {
        let groups = self.groups.iter().filter(|(_, group)| !group.durable.outline().is_blank());
        groups.map(|(id, group)| (*id, group.durable.outline().checkpoint()))
    }

    /// The groups that have entries in this segment, each with the last of them.
    pub fn holders(&self, segment: u64) -> Vec<(GroupId, u64)> {
        let last = |(id, group): (&GroupId, &Group)| {
            let first = group.durable.first_location()?;
            (first.segment <= segment).then_some(())?;
            Some((*id, group.durable.last_in_segment(segment)?))
        };
        self.groups.iter().filter_map(last).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    const G: GroupId = GroupId(1);

    fn state() -> State {
        State::new(BTreeMap::new(), Live::default(), 1000)
    }

    fn entries(indexes: Range<u64>, size: usize) -> Op {
        Op::Append(indexes.map(|index| (index, Bytes::from(vec![index as u8; size]))).collect())
    }

    fn sync(state: &mut State, segment: u64) {
        let items = state.take();
        let count = items.iter().map(|item| item.op.records().count()).sum();
        state.settle(&items, segment, &(0..count).collect::<Vec<_>>());
    }

    /// `m` for memory, `d` for disk.
    fn sources(state: &State) -> String {
        let letter = |(_, source)| if matches!(source, Source::Memory(_)) { 'm' } else { 'd' };
        state.find(G, 0..u64::MAX, usize::MAX).into_iter().map(letter).collect()
    }

    #[test]
    fn entries_are_readable_before_and_after_the_sync_and_evicted_only_after() {
        let mut state = state();
        state.enqueue(G, entries(1..3, 600), None).unwrap();
        state.enqueue(G, entries(3..5, 600), None).unwrap();
        assert_eq!(sources(&state), "mmmm");
        sync(&mut state, 1);
        assert_eq!(sources(&state), "dddd");
        state.enqueue(G, entries(5..8, 100), None).unwrap();
        sync(&mut state, 1);
        assert_eq!(sources(&state), "ddddmmm");
        assert_eq!(state.find(G, 0..u64::MAX, 1300).len(), 2);
        assert_eq!(state.find(G, 2..4, 1).len(), 1);
        assert!(state.cached_bytes() <= 1000);
    }

    #[test]
    fn a_truncated_entry_and_its_successor_are_not_mixed_up() {
        let mut state = state();
        state.enqueue(G, entries(1..5, 10), None).unwrap();
        let items = state.take();
        state.enqueue(G, Op::TruncateAfter(Some(2)), None).unwrap();
        state.enqueue(G, Op::Append(vec![(3, Bytes::from_static(b"new"))]), None).unwrap();
        state.settle(&items, 1, &[0, 10, 20, 30]);
        let found = state.find(G, 3..9, usize::MAX);
        assert!(matches!(&found[..], [(3, Source::Memory(payload))] if payload == "new"));
        sync(&mut state, 1);
        assert_eq!((state.outline(G).next, state.live.total()), (4, 3));
    }

    #[test]
    fn for_want_of_room_a_group_falls_back_and_others_go_on() {
        let mut state = state();
        let other = GroupId(2);
        let told = Arc::new(Mutex::new(Vec::new()));
        let done = |name: &'static str| -> Option<Done> {
            let told = told.clone();
            Some(Box::new(move |result: Result<()>| told.lock().push((name, result.is_ok()))))
        };
        state.enqueue(G, entries(1..5, 10), done("first")).unwrap();
        sync(&mut state, 1);
        state.enqueue(G, Op::TruncateAfter(Some(2)), done("truncate")).unwrap();
        state.enqueue(other, Op::Vote(Bytes::from_static(b"v")), done("vote")).unwrap();
        state.enqueue(G, entries(3..5, 500), done("large")).unwrap();
        let items = state.take();
        state.enqueue(G, Op::Vote(Bytes::from_static(b"v")), done("behind")).unwrap();
        let out = state.refuse(items, 100);
        tell(out, Err(Error::Full));
        assert_eq!(*told.lock(), [("truncate", false), ("large", false), ("behind", false)]);
        assert_eq!((sources(&state), state.outline(G).vote), ("dddd".to_owned(), None));
        let rest = state.take();
        assert_eq!(rest.iter().map(|item| item.group).collect::<Vec<_>>(), [other]);
        assert_eq!(state.queued_bytes(), 0);
    }

    #[test]
    fn removing_a_group_leaves_nothing_behind() {
        let mut state = state();
        state.enqueue(G, entries(1..5, 10), None).unwrap();
        sync(&mut state, 1);
        state.enqueue(G, Op::Remove, None).unwrap();
        assert_eq!((sources(&state), state.groups()), (String::new(), vec![]));
        assert_eq!(state.checkpoint().count(), 1);
        sync(&mut state, 1);
        assert_eq!((state.live.total(), state.groups.len(), state.checkpoint().count()), (0, 0, 0));
    }

    #[test]
    #[should_panic(expected = "entry 9 where 5 is next")]
    fn a_gap_is_a_bug() {
        let mut state = state();
        state.enqueue(G, entries(1..5, 10), None).unwrap();
        drop(state.enqueue(G, entries(9..10, 10), None));
    }

    #[test]
    fn groups_that_hold_a_segment_are_named() {
        let mut state = state();
        state.enqueue(G, entries(1..5, 10), None).unwrap();
        sync(&mut state, 1);
        state.enqueue(G, entries(5..8, 10), None).unwrap();
        state.enqueue(GroupId(2), entries(1..2, 10), None).unwrap();
        sync(&mut state, 2);
        assert_eq!(state.holders(1), [(G, 4)]);
        state.enqueue(G, Op::Purge { upto: 4, marker: Bytes::new() }, None).unwrap();
        sync(&mut state, 2);
        assert_eq!(state.holders(1), []);
        assert_eq!(state.live.in_segment(1), 0);
    }
}
