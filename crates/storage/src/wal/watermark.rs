//! How far the log had been synced: the file that tells a torn tail, which is thrown away, from an acknowledged frame
//! that was damaged, which is an error.
//!
//! ```text
//! 0     slot: magic, version u32, log u64, generation u64, sequence u64, segment u64, end u64, clean u8 … crc32c u32
//! 4096  the other slot
//! ```
//! After every sync of the log the live slot is overwritten, without syncing it. After a kill it is exact, as the
//! operating system has it. After a power cut it may lag, never lead. The slots lie in different pages, and change
//! roles at each [`WatermarkFile::seal`], after the live one was synced.
//!
//! INVARIANT: at any moment one slot is synced and not being written, so no crash can take both. Recovery relies on it:
//! if neither is valid, or the file is missing though there are segments, somebody damaged it. Then nobody knows which
//! tail was acknowledged, and opening fails.

use std::path::{Path, PathBuf};

use atoll_env::disk::File;

use super::{
    format::{FORMAT_VERSION, HEADER_BYTES, LogId, check_sector, check_version, seal_sector},
    record::Input,
};
use crate::{Error, Result};

pub const FILE_NAME: &str = "synced";

const MAGIC: [u8; 8] = *b"ATOLLSYN";
const SLOT_OFFSETS: [usize; 2] = [0, 4096];

pub fn path(dir: &Path) -> PathBuf {
    dir.join(FILE_NAME)
}

/// The last frame that is known to be synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watermark {
    pub log: LogId,
    /// 0 before the first frame.
    pub sequence: u64,
    pub segment: u64,
    /// Where that frame ends.
    pub end: u64,
    /// The log was closed here, and nothing was written after.
    pub clean: bool,
}

/// What the file says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slots {
    pub newest: Watermark,
    /// Whether the other slot is unreadable.
    pub one_bad: bool,
    generation: u64,
    newest_slot: usize,
}

impl Slots {
    pub fn decode(bytes: &[u8], file: &Path) -> Result<Slots> {
        let slots = [decode_slot(bytes, 0, file)?, decode_slot(bytes, 1, file)?];
        let newest =
            if slots[1].map(|(generation, _)| generation) > slots[0].map(|(generation, _)| generation) { 1 } else { 0 };
        let Some((generation, watermark)) = slots[newest] else {
            return Err(Error::damage(file, 0, "both slots are unreadable, so acknowledged frames may be missing"));
        };
        let one_bad = slots.iter().any(Option::is_none);
        Ok(Slots { newest: watermark, one_bad, generation, newest_slot: newest })
    }
}

/// None for a slot that doesn't hold together.
fn decode_slot(bytes: &[u8], slot: usize, file: &Path) -> Result<Option<(u64, Watermark)>> {
    let offset = SLOT_OFFSETS[slot];
    let Some(sector) = bytes.get(offset..offset + HEADER_BYTES) else { return Ok(None) };
    if check_sector(sector, MAGIC).is_err() {
        return Ok(None);
    }
    check_version(sector, file)?;
    let mut input = Input(&sector[12..]);
    let mut fields = [0; 5];
    for field in &mut fields {
        *field = input.u64().map_err(|bad| Error::damage(file, offset as u64, bad))?;
    }
    let clean = input.u8().map_err(|bad| Error::damage(file, offset as u64, bad))? != 0;
    let [log, generation, sequence, segment, end] = fields;
    Ok(Some((generation, Watermark { log: LogId(log), sequence, segment, end, clean })))
}

fn encode_slot(watermark: Watermark, generation: u64) -> [u8; HEADER_BYTES] {
    let mut sector = [0; HEADER_BYTES];
    sector[..8].copy_from_slice(&MAGIC);
    sector[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    let fields = [watermark.log.0, generation, watermark.sequence, watermark.segment, watermark.end];
    for (field, place) in fields.into_iter().zip(sector[12..52].chunks_exact_mut(8)) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    sector[52] = u8::from(watermark.clean);
    seal_sector(&mut sector);
    sector
}

/// The content of the file of a log without frames.
pub fn initial(log: LogId) -> Vec<u8> {
    let watermark = Watermark { log, sequence: 0, segment: 0, end: 0, clean: false };
    let mut bytes = vec![0; SLOT_OFFSETS[1] + HEADER_BYTES];
    for (generation, offset) in SLOT_OFFSETS.into_iter().enumerate() {
        bytes[offset..offset + HEADER_BYTES].copy_from_slice(&encode_slot(watermark, generation as u64));
    }
    bytes
}

/// The open file, in the hands of the one who writes the log.
pub struct WatermarkFile {
    file: File,
    path: PathBuf,
    live_slot: usize,
    generation: u64,
}

impl WatermarkFile {
    pub fn new(file: File, path: PathBuf, slots: &Slots) -> WatermarkFile {
        WatermarkFile { file, path, live_slot: 1 - slots.newest_slot, generation: slots.generation }
    }

    /// Writes the live slot. Fast, and not durable.
    pub async fn note(&mut self, watermark: Watermark) -> Result<()> {
        self.generation += 1;
        let slot = encode_slot(watermark, self.generation);
        let written = self.file.write_at(SLOT_OFFSETS[self.live_slot] as u64, &slot).await;
        written.map_err(|error| Error::io(format_args!("write {}", self.path.display()), error))
    }

    /// Makes the live slot durable and leaves it alone from then on; the other one is live now.
    pub async fn seal(&mut self) -> Result<()> {
        let synced = self.file.sync_data().await;
        synced.map_err(|error| Error::io(format_args!("sync {}", self.path.display()), error))?;
        self.live_slot = 1 - self.live_slot;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "log/synced";

    fn watermark(sequence: u64) -> Watermark {
        Watermark { log: LogId(9), sequence, segment: 2, end: 4000, clean: sequence.is_multiple_of(2) }
    }

    fn with_slots(first: (Watermark, u64), second: (Watermark, u64)) -> Vec<u8> {
        let mut bytes = initial(LogId(9));
        for ((watermark, generation), offset) in [first, second].into_iter().zip(SLOT_OFFSETS) {
            bytes[offset..offset + HEADER_BYTES].copy_from_slice(&encode_slot(watermark, generation));
        }
        bytes
    }

    #[test]
    fn the_newer_slot_counts() {
        let file = Path::new(FILE);
        let slots = Slots::decode(&with_slots((watermark(5), 11), (watermark(4), 10)), file).unwrap();
        assert_eq!((slots.newest, slots.newest_slot, slots.one_bad), (watermark(5), 0, false));
        let slots = Slots::decode(&with_slots((watermark(5), 11), (watermark(6), 12)), file).unwrap();
        assert_eq!((slots.newest, slots.newest_slot), (watermark(6), 1));
        let slots = Slots::decode(&initial(LogId(9)), file).unwrap();
        assert_eq!((slots.newest.sequence, slots.newest.clean), (0, false));
    }

    #[test]
    fn one_bad_slot_is_survived_and_two_are_not() {
        let file = Path::new(FILE);
        let good = with_slots((watermark(5), 11), (watermark(6), 12));
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = good.clone();
            bytes[SLOT_OFFSETS[1] + bit / 8] ^= 1 << (bit % 8);
            let slots = Slots::decode(&bytes, file).unwrap();
            assert_eq!((slots.newest, slots.one_bad), (watermark(5), true), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Slots::decode(&bytes, file), Err(Error::Damage { .. })), "bit {bit}");
        }
        assert!(Slots::decode(&good[..SLOT_OFFSETS[1]], file).unwrap().one_bad);
        assert!(Slots::decode(&[], file).is_err());
    }
}
