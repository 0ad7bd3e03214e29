//! Where ranges are, as far as this process knows: a cache, repaired whenever a range says otherwise.
//!
//! INVARIANT: the ranges in it do not overlap. Of two that do, the one with the higher generation is newer: every change
//! of bounds raises the generations of all ranges that take part in it above those of all that did.

use std::collections::BTreeMap;
use std::ops::Bound;

use atoll_env::NodeId;
use atoll_txn::request::Located;
use bytes::Bytes;

#[derive(Default)]
pub(crate) struct Map {
    by_start: BTreeMap<Bytes, Located>,
    starts: BTreeMap<u64, Bytes>,
}

impl Map {
    pub fn find(&self, key: &[u8]) -> Option<&Located> {
        let (_, located) = self.by_start.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()?;
        Some(located).filter(|located| located.range.span.contains(key))
    }

    pub fn get(&self, id: u64) -> Option<&Located> {
        self.by_start.get(self.starts.get(&id)?)
    }

    /// Takes in what somebody said, unless what is known is newer.
    pub fn learn(&mut self, said: Located) {
        if said.replicas.is_empty() {
            return;
        }
        let overlapping: Vec<u64> = self.overlapping(&said).collect();
        let newer = |known: &Located| match known.range.id == said.range.id {
            true => (known.range.generation, known.lease) > (said.range.generation, said.lease),
            false => known.range.generation > said.range.generation,
        };
        let same = self.get(said.range.id).into_iter();
        if overlapping.iter().filter_map(|id| self.get(*id)).chain(same).any(newer) {
            return;
        }
        for id in overlapping {
            self.forget(id);
        }
        self.forget(said.range.id);
        self.starts.insert(said.range.id, said.range.span.start.clone());
        self.by_start.insert(said.range.span.start.clone(), said);
    }

    pub fn forget(&mut self, id: u64) {
        if let Some(start) = self.starts.remove(&id) {
            self.by_start.remove(&start);
        }
    }

    /// Somebody named the leaseholder.
    pub fn holds(&mut self, id: u64, holder: NodeId) {
        if let Some(located) = self.starts.get(&id).and_then(|start| self.by_start.get_mut(start)) {
            located.holder = holder.0;
        }
    }

    /// A node that was thought to hold the lease did not answer.
    pub fn lost(&mut self, id: u64, holder: NodeId) {
        if self.get(id).is_some_and(|known| known.holder == holder.0) {
            self.holds(id, NodeId(0));
        }
    }

    fn overlapping<'m>(&'m self, said: &'m Located) -> impl Iterator<Item = u64> + 'm {
        let span = &said.range.span;
        let before = self.by_start.range(..span.start.clone()).next_back();
        let within = self.by_start.range(span.start.clone()..);
        let within = within.take_while(|(start, _)| span.end.is_empty() || **start < span.end);
        let touching = before.into_iter().chain(within);
        touching.filter(|(_, known)| known.range.span.overlaps(span)).map(|(_, known)| known.range.id)
    }
}

#[cfg(test)]
mod tests {
    use atoll_txn::request::{RangeRef, Span};

    use super::*;

    fn located(id: u64, generation: u64, start: &'static str, end: &'static str) -> Located {
        let range = RangeRef { id, generation, span: Span::new(start, end) };
        Located { range, replicas: vec![1], holder: 1, lease: 1 }
    }

    fn ids(map: &Map) -> Vec<u64> {
        map.by_start.values().map(|known| known.range.id).collect()
    }

    #[test]
    fn what_is_newer_replaces_what_it_overlaps() {
        let mut map = Map::default();
        map.learn(located(1, 0, "", ""));
        assert_eq!(map.find(b"x").map(|known| known.range.id), Some(1));
        map.learn(located(2, 1, "m", ""));
        assert_eq!(ids(&map), [2]);
        assert!(map.find(b"a").is_none());
        map.learn(located(1, 1, "", "m"));
        assert_eq!(ids(&map), [1, 2]);
        map.learn(located(1, 0, "", ""));
        assert_eq!(ids(&map), [1, 2], "old news changes nothing");
        map.learn(located(3, 2, "t", ""));
        map.learn(located(2, 2, "m", "t"));
        assert_eq!(ids(&map), [1, 2, 3]);
        map.learn(located(2, 3, "m", ""));
        assert_eq!(ids(&map), [1, 2], "a merge");
        assert!(map.get(3).is_none());
        map.forget(2);
        assert!(map.find(b"n").is_none() && map.find(b"a").is_some());
    }

    #[test]
    fn of_the_same_bounds_the_later_lease_is_newer() {
        let mut map = Map::default();
        map.learn(Located { holder: 2, lease: 5, ..located(1, 0, "", "") });
        map.learn(Located { holder: 1, lease: 4, ..located(1, 0, "", "") });
        assert_eq!(map.get(1).map(|known| known.holder), Some(2));
        map.holds(1, NodeId(3));
        assert_eq!(map.find(b"").map(|known| known.holder), Some(3));
        map.learn(Located { replicas: Vec::new(), lease: 9, ..located(1, 0, "", "") });
        assert_eq!(map.get(1).map(|known| known.lease), Some(5), "nobody to ask is no news");
    }
}
