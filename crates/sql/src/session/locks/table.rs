//! Who holds which lock and who waits for one, as a pure state machine.
//!
//! A request is granted if it conflicts neither with what others hold nor with who waits before it. One who already
//! holds a lock on the same thing goes before the waiters whom that lock keeps waiting: behind them both would wait
//! for ever.
//!
//! INVARIANT: the first waiter of a queue conflicts with a lock that somebody else holds.
//!
//! A cycle that would vanish if two waiters changed places counts as a deadlock.

use std::collections::{BTreeMap, BTreeSet};

use super::mode::{Mask, Mode, Tag};

pub(super) type OwnerId = u64;

#[derive(Default)]
pub(super) struct Table {
    entries: BTreeMap<Tag, Entry>,
    /// A session waits for one lock at a time.
    waiting: BTreeMap<OwnerId, Tag>,
}

#[derive(Default)]
struct Entry {
    granted: BTreeMap<OwnerId, Mask>,
    queue: Vec<Waiter>,
}

struct Waiter {
    owner: OwnerId,
    mode: Mode,
    since_ns: u64,
}

/// One line of a deadlock's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub owner: OwnerId,
    pub mode: Mode,
    pub tag: Tag,
    pub blocked_by: OwnerId,
}

impl Entry {
    fn held_by_others(&self, owner: OwnerId) -> Mask {
        self.granted.iter().filter(|(id, _)| **id != owner).fold(0, |mask, (_, held)| mask | held)
    }

    fn is_free_for(&self, owner: OwnerId, mode: Mode, ahead: usize) -> bool {
        let wanted = self.queue[..ahead].iter().fold(0, |mask, waiter| mask | waiter.mode.bit());
        mode.conflicts() & (self.held_by_others(owner) | wanted) == 0
    }
}

impl Table {
    /// Whether it is granted; nothing is changed if not.
    pub fn try_acquire(&mut self, owner: OwnerId, tag: Tag, mode: Mode) -> bool {
        let entry = self.entries.entry(tag).or_default();
        let place = place(entry, owner);
        let is_free = entry.is_free_for(owner, mode, place);
        if is_free {
            *entry.granted.entry(owner).or_default() |= mode.bit();
        } else if entry.granted.is_empty() && entry.queue.is_empty() {
            self.entries.remove(&tag);
        }
        is_free
    }

    /// Puts a request that was not granted into the queue.
    pub fn enqueue(&mut self, owner: OwnerId, tag: Tag, mode: Mode, now_ns: u64) {
        let entry = self.entries.entry(tag).or_default();
        let place = place(entry, owner);
        entry.queue.insert(place, Waiter { owner, mode, since_ns: now_ns });
        self.waiting.insert(owner, tag);
    }

    /// Notes a lock that is already held.
    pub fn note(&mut self, owner: OwnerId, tag: Tag, mode: Mode) {
        *self.entries.entry(tag).or_default().granted.entry(owner).or_default() |= mode.bit();
    }

    pub fn is_waiting(&self, owner: OwnerId) -> bool {
        self.waiting.contains_key(&owner)
    }

    /// Lets go of one mode. Returns who has been granted a lock by this.
    pub fn release(&mut self, owner: OwnerId, tag: Tag, mode: Mode) -> Vec<OwnerId> {
        let Some(entry) = self.entries.get_mut(&tag) else { return Vec::new() };
        if let Some(held) = entry.granted.get_mut(&owner) {
            *held &= !mode.bit();
            if *held == 0 {
                entry.granted.remove(&owner);
            }
        }
        self.grant(tag)
    }

    /// Gives up waiting; true if it still was.
    pub fn cancel(&mut self, owner: OwnerId) -> (bool, Vec<OwnerId>) {
        let Some(tag) = self.waiting.remove(&owner) else { return (false, Vec::new()) };
        if let Some(entry) = self.entries.get_mut(&tag) {
            entry.queue.retain(|waiter| waiter.owner != owner);
        }
        (true, self.grant(tag))
    }

    fn grant(&mut self, tag: Tag) -> Vec<OwnerId> {
        let Some(entry) = self.entries.get_mut(&tag) else { return Vec::new() };
        let mut woken = Vec::new();
        let mut at = 0;
        while at < entry.queue.len() {
            let (owner, mode) = (entry.queue[at].owner, entry.queue[at].mode);
            if entry.is_free_for(owner, mode, at) {
                entry.queue.remove(at);
                *entry.granted.entry(owner).or_default() |= mode.bit();
                self.waiting.remove(&owner);
                woken.push(owner);
            } else {
                at += 1;
            }
        }
        if entry.granted.is_empty() && entry.queue.is_empty() {
            self.entries.remove(&tag);
        }
        woken
    }

    /// The cycle of waits that `owner`, who waits, is part of.
    pub fn deadlock(&self, owner: OwnerId) -> Option<Vec<Wait>> {
        let mut seen = BTreeSet::new();
        let mut path = Vec::new();
        self.search(owner, owner, &mut seen, &mut path).then_some(path)
    }

    fn search(&self, from: OwnerId, to: OwnerId, seen: &mut BTreeSet<OwnerId>, path: &mut Vec<Wait>) -> bool {
        for wait in self.waits(from) {
            let next = wait.blocked_by;
            path.push(wait);
            if next == to || (seen.insert(next) && self.search(next, to, seen, path)) {
                return true;
            }
            path.pop();
        }
        false
    }

    fn waits(&self, owner: OwnerId) -> Vec<Wait> {
        let Some(tag) = self.waiting.get(&owner) else { return Vec::new() };
        let Some(entry) = self.entries.get(tag) else { return Vec::new() };
        let Some(place) = entry.queue.iter().position(|waiter| waiter.owner == owner) else { return Vec::new() };
        let mode = entry.queue[place].mode;
        let holders = entry.granted.iter().filter(|(id, held)| **id != owner && mode.conflicts() & **held != 0);
        let ahead = entry.queue[..place].iter().filter(|waiter| mode.conflicts_with(waiter.mode));
        let blockers = holders.map(|(id, _)| *id).chain(ahead.map(|waiter| waiter.owner));
        blockers.map(|blocked_by| Wait { owner, mode, tag: *tag, blocked_by }).collect()
    }

    /// Who keeps `owner` waiting, for pg_blocking_pids.
    pub fn blockers(&self, owner: OwnerId) -> Vec<OwnerId> {
        self.waits(owner).into_iter().map(|wait| wait.blocked_by).collect()
    }

    /// Everything held and wanted; the latter with the time since when.
    pub fn all(&self) -> impl Iterator<Item = (Tag, OwnerId, Mode, Option<u64>)> {
        self.entries.iter().flat_map(|(tag, entry)| {
            let held = entry.granted.iter().flat_map(|(owner, mask)| Mode::of_mask(*mask).map(|mode| (*owner, mode)));
            let held = held.map(|(owner, mode)| (*tag, owner, mode, None));
            let wanted = entry.queue.iter().map(|waiter| (*tag, waiter.owner, waiter.mode, Some(waiter.since_ns)));
            held.chain(wanted)
        })
    }
}

/// Where a request of `owner` belongs in the queue.
fn place(entry: &Entry, owner: OwnerId) -> usize {
    let held = entry.granted.get(&owner).copied().unwrap_or_default();
    let kept_waiting = entry.queue.iter().position(|waiter| waiter.mode.conflicts() & held != 0);
    kept_waiting.unwrap_or(entry.queue.len())
}
