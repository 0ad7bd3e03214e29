//! What the log knows about one group: pure bookkeeping of indexes.
//!
//! [`Outline`] is the little that a checkpoint keeps: vote, purge marker, bounds. [`Durable`] adds where each entry
//! lies. Both move by records, and by the same code whether a record was just synced or is read back after a crash.
//!
//! INVARIANT: the entries of a group are contiguous and start right after its purge marker, if it has one. Whatever
//! would break this is refused: a bug when it comes from above, damage when it comes from the disk.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use bytes::Bytes;

use super::record::Record;

/// Everything up to and including `index` was purged. The marker is the owner's, who keeps the entry's term in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purged {
    pub index: u64,
    pub marker: Bytes,
}

/// Why a record doesn't fit what came before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misfit(String);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group without its entries, which are `first..next`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outline {
    pub vote: Option<Bytes>,
    pub purged: Option<Purged>,
    pub first: u64,
    /// The index after the last entry. Equal to `first` when there are no entries; then both are the index after the
    /// purge marker, and zero without one.
    pub next: u64,
}

impl Outline {
    pub fn is_empty(&self) -> bool {
        self.first == self.next
    }

    /// Nothing was ever written, or it is the same as if.
    pub fn is_blank(&self) -> bool {
        *self == Outline::default()
    }

    /// Appends the entries `start..start + count`.
    pub fn append(&mut self, start: u64, count: u64) -> Result<(), Misfit> {
        if count == 0 {
            return Ok(());
        }
        let end = start.checked_add(count).ok_or_else(|| Misfit(format!("entry {start} is too far")))?;
        if self.is_empty() && self.purged.is_none() {
            self.first = start;
        } else if start != self.next {
            return Err(Misfit(format!("entry {start} where {} is next", self.next)));
        }
        self.next = end;
        Ok(())
    }

    pub fn truncate_after(&mut self, last: Option<u64>) {
        let next = last.map_or(0, |last| last.saturating_add(1));
        self.next = self.next.min(next.max(self.first));
        self.settle();
    }

    /// Returns whether anything changed; purging less than before is no error and does nothing.
    pub fn purge(&mut self, upto: u64, marker: impl FnOnce() -> Bytes) -> Result<bool, Misfit> {
        if self.purged.as_ref().is_some_and(|purged| purged.index >= upto) {
            return Ok(false);
        }
        let first = upto.checked_add(1).ok_or_else(|| Misfit(format!("purge up to {upto} is too far")))?;
        if !self.is_empty() && first < self.first {
            return Err(Misfit(format!("purge up to {upto} while entries start at {}", self.first)));
        }
        self.purged = Some(Purged { index: upto, marker: marker() });
        self.first = first;
        self.next = self.next.max(first);
        Ok(true)
    }

    fn settle(&mut self) {
        if self.is_empty() {
            self.first = self.purged.as_ref().map_or(0, |purged| purged.index.saturating_add(1));
            self.next = self.first;
        }
    }

    /// Reads a checkpoint's record.
    pub fn from_checkpoint(record: Record<'_>) -> Result<Outline, Misfit> {
        let Record::Checkpoint { first, next, vote, purged } = record else {
            return Err(Misfit("a commit among checkpoints".to_owned()));
        };
        let outline = Outline {
            vote: vote.map(Bytes::copy_from_slice),
            purged: purged.map(|(index, marker)| Purged { index, marker: Bytes::copy_from_slice(marker) }),
            first,
            next,
        };
        let mut settled = outline.clone();
        if let Some(purged) = &outline.purged {
            settled.first = purged.index.saturating_add(1);
        }
        settled.settle();
        if settled == outline { Ok(outline) } else { Err(Misfit("a checkpoint's bounds contradict it".to_owned())) }
    }

    /// The record that a checkpoint keeps of this group.
    pub fn checkpoint(&self) -> Record<'_> {
        Record::Checkpoint {
            first: self.first,
            next: self.next,
            vote: self.vote.as_deref(),
            purged: self.purged.as_ref().map(|purged| (purged.index, &purged.marker[..])),
        }
    }
}

/// Where an entry's record lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    pub segment: u64,
    pub offset: u32,
    /// Of the payload.
    pub len: u32,
}

/// How many live entries each segment holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Live(BTreeMap<u64, u64>);

impl Live {
    pub fn in_segment(&self, number: u64) -> u64 {
        self.0.get(&number).copied().unwrap_or(0)
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    fn add(&mut self, number: u64) {
        *self.0.entry(number).or_default() += 1;
    }

    fn sub(&mut self, number: u64) {
        let count = self.0.get_mut(&number).expect("a located entry was counted");
        *count -= 1;
        if *count == 0 {
            self.0.remove(&number);
        }
    }
}

/// A group as of the last synced frame.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Durable {
    outline: Outline,
    /// Entries from here on have a location. Above `first` only while the log is replayed: the entries between were in
    /// segments that are deleted, so a later record must do away with them.
    located_from: u64,
    locations: VecDeque<Location>,
}

impl Durable {
    /// The group at the start of the oldest segment there is.
    pub fn from_checkpoint(outline: Outline) -> Durable {
        Durable { located_from: outline.next, outline, locations: VecDeque::new() }
    }

    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    pub fn location(&self, index: u64) -> Option<Location> {
        let nth = index.checked_sub(self.located_from)?;
        self.locations.get(usize::try_from(nth).ok()?).copied()
    }

    pub fn first_location(&self) -> Option<Location> {
        self.locations.front().copied()
    }

    /// The last index, counted from the start, that lies in this segment. Locations grow with the index.
    pub fn last_in_segment(&self, number: u64) -> Option<u64> {
        let count = self.locations.partition_point(|location| location.segment <= number);
        if count == 0 { None } else { Some(self.located_from + count as u64 - 1) }
    }

    /// The entries that no existing segment holds.
    pub fn missing(&self) -> Option<(u64, u64)> {
        let end = self.located_from.min(self.outline.next);
        (self.outline.first < end).then(|| (self.outline.first, end - 1))
    }

    /// Follows one record, which for an entry starts at this offset of this segment.
    pub fn apply(&mut self, record: Record<'_>, segment: u64, offset: usize, live: &mut Live) -> Result<(), Misfit> {
        match record {
            Record::Entry { index, payload } => {
                self.outline.append(index, 1)?;
                if self.locations.is_empty() {
                    self.located_from = index;
                }
                let too_long = |_| Misfit(format!("entry {index} lies beyond any segment's length"));
                let offset = u32::try_from(offset).map_err(too_long)?;
                let len = u32::try_from(payload.len()).map_err(too_long)?;
                self.locations.push_back(Location { segment, offset, len });
                live.add(segment);
            }
            Record::Vote(vote) => self.outline.vote = Some(Bytes::copy_from_slice(vote)),
            Record::TruncateAfter(last) => {
                self.outline.truncate_after(last);
                self.shrink(live);
            }
            Record::Purge { upto, marker } => {
                self.outline.purge(upto, || Bytes::copy_from_slice(marker))?;
                self.shrink(live);
            }
            Record::Remove => {
                self.outline = Outline::default();
                self.shrink(live);
            }
            Record::Checkpoint { .. } => return Err(Misfit("a checkpoint among commits".to_owned())),
        }
        Ok(())
    }

    /// Lets go of the locations outside the bounds.
    fn shrink(&mut self, live: &mut Live) {
        while self.located_from + self.locations.len() as u64 > self.outline.next {
            let Some(location) = self.locations.pop_back() else { break };
            live.sub(location.segment);
        }
        while self.located_from < self.outline.first {
            let Some(location) = self.locations.pop_front() else { break };
            live.sub(location.segment);
            self.located_from += 1;
        }
        if self.locations.is_empty() {
            self.located_from = self.outline.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    fn marker() -> Bytes {
        Bytes::from_static(b"m")
    }

    fn append(group: &mut Durable, live: &mut Live, indexes: Range<u64>, segment: u64) -> Result<(), Misfit> {
        for index in indexes {
            group.apply(Record::Entry { index, payload: b"x" }, segment, index as usize * 10, live)?;
        }
        Ok(())
    }

    #[test]
    fn appends_are_contiguous() {
        let mut outline = Outline::default();
        outline.append(5, 3).unwrap();
        assert_eq!((outline.first, outline.next), (5, 8));
        assert!(outline.append(9, 1).is_err() && outline.append(7, 1).is_err());
        outline.truncate_after(Some(6));
        outline.append(7, 1).unwrap();
        outline.truncate_after(None);
        assert!(outline.is_blank());
        outline.append(1, 1).unwrap();
        assert!(outline.append(u64::MAX, 1).is_err());
    }

    #[test]
    fn purging_moves_the_first_index_even_beyond_the_last() {
        let mut outline = Outline::default();
        outline.append(1, 5).unwrap();
        assert_eq!(outline.purge(2, marker), Ok(true));
        assert_eq!(outline.purge(1, marker), Ok(false));
        assert_eq!((outline.first, outline.next), (3, 6));
        outline.truncate_after(Some(1));
        assert_eq!((outline.first, outline.next), (3, 3));
        assert_eq!(outline.purge(10, marker), Ok(true));
        assert!(outline.append(10, 1).is_err());
        outline.append(11, 1).unwrap();
        assert!(Outline { first: 5, next: 6, ..Outline::default() }.purge(2, marker).is_err());
        assert!(outline.purge(u64::MAX, marker).is_err());
    }

    #[test]
    fn locations_follow_and_live_entries_are_counted() {
        let (mut group, mut live) = (Durable::default(), Live::default());
        append(&mut group, &mut live, 1..6, 1).unwrap();
        append(&mut group, &mut live, 6..9, 2).unwrap();
        assert_eq!((live.in_segment(1), live.in_segment(2)), (5, 3));
        assert_eq!(group.location(6).map(|location| (location.segment, location.offset)), Some((2, 60)));
        group.apply(Record::TruncateAfter(Some(6)), 2, 0, &mut live).unwrap();
        group.apply(Record::Purge { upto: 4, marker: b"m" }, 2, 0, &mut live).unwrap();
        assert_eq!((live.in_segment(1), live.in_segment(2), live.total()), (1, 1, 2));
        assert_eq!((group.location(4), group.location(7)), (None, None));
        assert_eq!(group.location(5).map(|location| location.offset), Some(50));
        assert_eq!((group.last_in_segment(1), group.last_in_segment(2)), (Some(5), Some(6)));
        append(&mut group, &mut live, 7..8, 3).unwrap();
        assert_eq!(group.location(7).map(|location| location.segment), Some(3));
        group.apply(Record::Remove, 3, 0, &mut live).unwrap();
        assert_eq!((live.total(), group), (0, Durable::default()));
    }

    #[test]
    fn entries_of_deleted_segments_must_be_done_away_with() {
        let mut outline = Outline::default();
        outline.append(3, 4).unwrap();
        let mut live = Live::default();
        let mut group = Durable::from_checkpoint(outline);
        assert_eq!(group.missing(), Some((3, 6)));
        append(&mut group, &mut live, 7..9, 5).unwrap();
        assert_eq!(group.missing(), Some((3, 6)));
        group.apply(Record::Purge { upto: 4, marker: b"m" }, 5, 0, &mut live).unwrap();
        assert_eq!(group.missing(), Some((5, 6)));
        assert_eq!(group.location(7).map(|location| location.segment), Some(5));
        group.apply(Record::TruncateAfter(Some(5)), 5, 0, &mut live).unwrap();
        assert_eq!((group.missing(), live.total()), (Some((5, 5)), 0));
        append(&mut group, &mut live, 6..7, 5).unwrap();
        assert_eq!(group.missing(), Some((5, 5)));
        group.apply(Record::Purge { upto: 6, marker: b"m" }, 5, 0, &mut live).unwrap();
        assert_eq!((group.missing(), live.total()), (None, 0));
    }
}
