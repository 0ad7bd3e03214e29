//! One simulated file: what its readers see, what the platters hold, and the changes between the two.
//!
//! ```text
//! live    = durable content + every change, in order       (the page cache: what reads return)
//! durable = what survives a power failure for sure
//! dirty   = changes since the last sync, oldest first      (any part of them may survive)
//! ```

use std::collections::BTreeSet;

use crate::rng::Rng;

const SECTOR_BYTES: u64 = 512;

/// The bytes of a file. Those at or past the end of `bytes` and before `len` are zero, so that reserving room costs no
/// memory.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Content {
    bytes: Vec<u8>,
    len: u64,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let wanted = self.len.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let stored = (self.bytes.len() as u64).saturating_sub(offset).min(wanted as u64) as usize;
        if stored > 0 {
            buffer[..stored].copy_from_slice(&self.bytes[offset as usize..offset as usize + stored]);
        }
        buffer[stored..wanted].fill(0);
        wanted
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let (start, end) = (offset as usize, offset as usize + data.len());
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(data);
        self.len = self.len.max(end as u64);
    }

    fn set_len(&mut self, len: u64) {
        if len < self.bytes.len() as u64 {
            self.bytes.truncate(len as usize);
        }
        self.len = len;
    }

    /// Puts what another content has in one sector into this one.
    fn copy_sector(&mut self, sector: u64, from: &Content) {
        let start = sector * SECTOR_BYTES;
        let mut piece = [0; SECTOR_BYTES as usize];
        let len = from.read(start, &mut piece);
        self.write(start, &piece[..len]);
        // What the other one doesn't reach is zero here too.
        let end = (start + SECTOR_BYTES).min(self.bytes.len() as u64);
        if start + (len as u64) < end {
            self.bytes[start as usize + len..end as usize].fill(0);
        }
    }
}

struct Dirty {
    number: u64,
    change: Change,
}

enum Change {
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
}

impl Change {
    fn apply(&self, content: &mut Content) {
        match self {
            Change::Write { offset, data } => content.write(*offset, data),
            Change::SetLen(len) => content.set_len(*len),
        }
    }

    fn sectors(&self) -> std::ops::Range<u64> {
        match self {
            Change::Write { data, .. } if data.is_empty() => 0..0,
            Change::Write { offset, data } => {
                offset / SECTOR_BYTES..(offset + data.len() as u64).div_ceil(SECTOR_BYTES)
            }
            Change::SetLen(_) => 0..0,
        }
    }
}

/// What a crash or a failed sync did to the unsynced changes of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Clean,
    Kept,
    Lost,
    Torn,
}

pub(super) struct Inode {
    /// Distinguishes files in the trace.
    pub number: u64,
    live: Content,
    durable: Content,
    dirty: Vec<Dirty>,
    changes: u64,
}

impl Inode {
    pub(super) fn new(number: u64) -> Inode {
        Inode { number, live: Content::default(), durable: Content::default(), dirty: Vec::new(), changes: 0 }
    }

    pub(super) fn live(&self) -> &Content {
        &self.live
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        self.change(Change::Write { offset, data: data.to_vec() });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.change(Change::SetLen(len));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.changes += 1;
        self.dirty.push(Dirty { number: self.changes, change });
    }

    /// Changes so far: what a sync that starts now will cover.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The sync that covers the first `upto` changes succeeded.
    pub(super) fn synced(&mut self, upto: u64) {
        let covered = self.dirty.partition_point(|dirty| dirty.number <= upto);
        for dirty in self.dirty.drain(..covered) {
            dirty.change.apply(&mut self.durable);
        }
    }

    /// The sync failed. The writes so far count as clean from now on, and readers go on seeing them; what of them
    /// reached the platters is anybody's guess, and no later sync will look at them again.
    pub(super) fn sync_failed(&mut self, rng: &mut Rng) -> Outcome {
        self.settle(rng)
    }

    pub(super) fn power_off(&mut self, rng: &mut Rng) -> Outcome {
        let outcome = self.settle(rng);
        self.live = self.durable.clone();
        outcome
    }

    /// Decides what of the unsynced changes reaches the durable content.
    ///
    /// Mostly a prefix of them, the change at the cut torn at sectors; half of the time some sectors are also ahead of
    /// the cut or behind it. A sector is always as it was at some moment: it holds a later change only together with
    /// the earlier ones in it.
    fn settle(&mut self, rng: &mut Rng) -> Outcome {
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.is_empty() {
            return Outcome::Clean;
        }
        let count = dirty.len() as u64;
        let cut = match rng.below(6) {
            0 => 0,
            1 => count,
            _ => rng.below(count + 1),
        } as usize;
        let deviate = rng.chance(0.5);

        // The content after the first n changes, wherever n matters below.
        let start = self.durable.clone();
        let at = |n: usize| {
            let mut content = start.clone();
            dirty[..n].iter().for_each(|dirty| dirty.change.apply(&mut content));
            content
        };
        let mut settled = at(cut);
        let mut torn = false;

        // Behind the cut: never across a change of length, which the sectors before it don't know of.
        let last_length = dirty[..cut].iter().rposition(|dirty| matches!(dirty.change, Change::SetLen(_)));
        let back = last_length.map_or(0, |n| n + 1);
        if deviate && back < cut {
            let older = back + rng.below((cut - back) as u64) as usize;
            let before = at(older);
            for sector in sectors(&dirty[older..cut]) {
                if rng.chance(0.1) {
                    settled.copy_sector(sector, &before);
                    torn = true;
                }
            }
        }

        // Ahead of the cut, likewise.
        let next_length = dirty[cut..].iter().position(|dirty| matches!(dirty.change, Change::SetLen(_)));
        let ahead = next_length.map_or(dirty.len(), |n| cut + n);
        if cut < ahead {
            let half_done = at(cut + 1);
            let one = sectors(&dirty[cut..cut + 1]);
            // A torn write either stops somewhere or lacks sectors anywhere.
            let stop = rng.chance(0.5).then(|| rng.below(one.len() as u64 + 1) as usize);
            for (n, sector) in one.into_iter().enumerate() {
                if stop.map_or_else(|| rng.chance(0.5), |stop| n < stop) {
                    settled.copy_sector(sector, &half_done);
                    torn = true;
                }
            }
            if deviate && cut + 1 < ahead {
                let newer = cut + 1 + rng.below((ahead - cut - 1) as u64) as usize + 1;
                let after = at(newer);
                for sector in sectors(&dirty[cut + 1..newer]) {
                    if rng.chance(0.1) {
                        settled.copy_sector(sector, &after);
                        torn = true;
                    }
                }
            }
        }

        let all = at(dirty.len());
        let outcome = if settled == all {
            Outcome::Kept
        } else if torn && settled != start {
            Outcome::Torn
        } else {
            Outcome::Lost
        };
        self.durable = settled;
        outcome
    }

    /// Flips one bit of what is durable, as seen by readers too. None if nothing is.
    pub(super) fn flip_bit(&mut self, rng: &mut Rng) -> Option<u64> {
        if self.durable.bytes.is_empty() {
            return None;
        }
        let offset = rng.below(self.durable.bytes.len() as u64);
        let bit = 1 << rng.below(8);
        self.durable.bytes[offset as usize] ^= bit;
        if let Some(byte) = self.live.bytes.get_mut(offset as usize) {
            *byte ^= bit;
        }
        Some(offset)
    }

    /// Takes the last bytes away, for readers too.
    pub(super) fn cut_tail(&mut self, bytes: u64) {
        let len = self.live.len.saturating_sub(bytes);
        self.live.set_len(len);
        self.durable.set_len(len.min(self.durable.len));
        self.dirty.clear();
    }
}

/// Every sector that these changes touch, once, in order.
fn sectors(dirty: &[Dirty]) -> Vec<u64> {
    let all: BTreeSet<u64> = dirty.iter().flat_map(|dirty| dirty.change.sectors()).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &Content) -> Vec<u8> {
        let mut buffer = vec![1; content.len() as usize];
        assert_eq!(content.read(0, &mut buffer) as u64, content.len());
        buffer
    }

    /// Each seed's durable content after two unsynced appends of three sectors each, the second with its own bytes.
    fn crashed(seed: u64) -> (Vec<u8>, Outcome) {
        let mut inode = Inode::new(1);
        inode.write(0, &[7; 100]);
        inode.synced(inode.changes());
        inode.write(100, &[8; 1500]);
        inode.write(1600, &[9; 1500]);
        let outcome = inode.power_off(&mut Rng::new(seed));
        assert_eq!(inode.live, inode.durable);
        assert_eq!(inode.power_off(&mut Rng::new(seed)), Outcome::Clean);
        (text(&inode.live), outcome)
    }

    #[test]
    fn power_failures_keep_lose_tear_and_reorder_but_never_touch_synced_bytes() {
        let all = [&[7u8; 100][..], &[8; 1500], &[9; 1500]].concat();
        let (mut kept, mut lost, mut torn, mut out_of_order) = (0, 0, 0, 0);
        for seed in 0..2000 {
            let (content, outcome) = crashed(seed);
            assert_eq!(content[..100], [7; 100]);
            for (at, byte) in content.iter().enumerate() {
                assert!(*byte == all[at] || *byte == 0, "a byte that was never written");
            }
            // Sectors are atomic: in sector 0 the synced bytes come with all or none of the first append.
            let first = &content[100..content.len().min(512)];
            assert!(first.iter().all(|b| *b == 8) || first.iter().all(|b| *b == 0));
            match outcome {
                Outcome::Kept => kept += usize::from(content == all),
                Outcome::Lost => lost += 1,
                Outcome::Torn => torn += 1,
                Outcome::Clean => panic!("there were unsynced changes"),
            }
            if content.len() > 2100 {
                out_of_order += usize::from(content[100..1600].contains(&0) && content[2100..].contains(&9));
            }
        }
        assert!(kept > 100 && lost > 100 && torn > 100, "{kept} {lost} {torn}");
        assert!(out_of_order > 10, "{out_of_order}");
    }

    #[test]
    fn a_sector_holds_a_later_change_only_with_the_earlier_ones() {
        for seed in 0..500 {
            let mut inode = Inode::new(1);
            for n in 0..10u8 {
                inode.write(u64::from(n) * 50, &[n + 1; 50]);
            }
            inode.power_off(&mut Rng::new(seed));
            let content = text(&inode.live);
            let first_zero = content.iter().position(|b| *b == 0).unwrap_or(content.len());
            assert!(content[first_zero..].iter().all(|b| *b == 0), "seed {seed}");
        }
    }

    #[test]
    fn a_failed_sync_loses_writes_for_good() {
        let mut losses = 0;
        for seed in 0..100 {
            let mut inode = Inode::new(1);
            let mut rng = Rng::new(seed);
            inode.write(0, &[5; 10]);
            inode.sync_failed(&mut rng);
            assert_eq!(text(inode.live()), [5; 10], "readers see the page cache");
            inode.synced(inode.changes());
            inode.power_off(&mut rng);
            losses += usize::from(text(inode.live()) != [5; 10]);
        }
        assert!(losses > 20 && losses < 100, "{losses}");
    }

    #[test]
    fn a_sync_covers_only_what_came_before_it() {
        let mut inode = Inode::new(1);
        inode.write(0, b"a");
        let upto = inode.changes();
        inode.write(1, b"b");
        inode.synced(upto);
        assert_eq!(text(&inode.durable), b"a");
        assert_eq!(inode.dirty.len(), 1);
    }

    #[test]
    fn lengths_and_holes() {
        let mut content = Content::default();
        content.set_len(10);
        content.write(2, b"xy");
        assert_eq!(text(&content), b"\0\0xy\0\0\0\0\0\0");
        content.set_len(3);
        content.set_len(5);
        assert_eq!(text(&content), b"\0\0x\0\0");
        assert_eq!(content.read(9, &mut [0; 4]), 0);
    }

    #[test]
    fn damage() {
        let mut rng = Rng::new(1);
        let mut inode = Inode::new(1);
        assert_eq!(inode.flip_bit(&mut rng), None);
        inode.write(0, &[0; 8]);
        assert_eq!(inode.flip_bit(&mut rng), None, "only durable bytes decay");
        inode.synced(inode.changes());
        let at = inode.flip_bit(&mut rng).unwrap() as usize;
        assert_eq!(text(inode.live()).iter().map(|b| b.count_ones()).sum::<u32>(), 1);
        assert_ne!(text(inode.live())[at], 0);
        inode.cut_tail(3);
        assert_eq!((inode.live.len(), inode.durable.len()), (5, 5));
    }
}
