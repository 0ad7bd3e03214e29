//! Reading a log back: every byte that counts is verified, and what the files say must agree with itself.
//!
//! [`read`] reads the files and changes nothing; [`Replay`] is the pure part, which is given the bytes of one segment
//! after the other. The rules are those of the folder's front page.
//!
//! INVARIANT: a log is accepted only if all frames up to the watermark are there, each valid, in one unbroken sequence,
//! and together give a contiguous log for each group. Cut off is only what follows the last valid frame, which is at
//! most one frame that was being written when the process ended.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use atoll_env::{Env, disk::Open};

use super::{
    format::{
        FRAME_HEADER_BYTES, Frame, FrameKind, HEADER_BYTES, Place, decode_header, find_frame, frame_at, segment_number,
        segment_path,
    },
    group::{Durable, Live, Outline},
    record::Records,
    watermark::{self, Slots},
};
use crate::{Error, GroupId, Result, zeroes};

/// Read at once.
const PIECE_BYTES: usize = 256 << 10;

/// A verified log.
#[derive(Debug)]
pub struct Recovered {
    pub slots: Slots,
    pub groups: BTreeMap<GroupId, Durable>,
    pub live: Live,
    /// Of the last frame; 0 if there is none.
    pub sequence: u64,
    /// Those with frames, in order. The last one is where the log goes on.
    pub segments: Vec<u64>,
    pub tail: Option<Tail>,
    /// A last segment that was prepared and holds no valid frame.
    pub leftover: Option<u64>,
}

/// The end of the log.
#[derive(Debug)]
pub struct Tail {
    pub segment: u64,
    pub end: u64,
    /// The last frame as it was read. Whether it is on the disk itself is not certain.
    pub last_frame: Vec<u8>,
    /// What is left of a frame that was never finished.
    pub torn: Option<Range<u64>>,
    /// Why there is no frame at the end.
    why: &'static str,
}

/// Names in the log's directory.
#[derive(Debug, Default)]
pub struct Names {
    /// In order.
    pub segments: Vec<u64>,
    pub watermark: bool,
    /// Files that a crash left unfinished.
    pub unfinished: Vec<String>,
}

pub async fn list(env: &Env, dir: &Path) -> Result<Names> {
    let listed = env.disk.list(dir).await;
    let mut names = Names::default();
    for name in listed.map_err(|error| Error::io(format_args!("list {}", dir.display()), error))? {
        if let Some(number) = segment_number(&name) {
            names.segments.push(number);
        } else if name == watermark::FILE_NAME {
            names.watermark = true;
        } else if name.ends_with(super::segment::UNFINISHED) || name.ends_with(".tmp") {
            names.unfinished.push(name);
        }
    }
    // Names are in the order of text, in which the ninth digit comes too early.
    names.segments.sort_unstable();
    Ok(names)
}

/// Reads and verifies the log in this directory. None if there is none.
pub async fn read(env: &Env, dir: &Path) -> Result<Option<Recovered>> {
    let names = list(env, dir).await?;
    let synced = watermark::path(dir);
    if !names.watermark {
        if names.segments.is_empty() {
            return Ok(None);
        }
        return Err(Error::damage(&synced, 0, "the file is missing, so acknowledged frames may be too"));
    }
    let content = env.disk.read(&synced).await;
    let slots = Slots::decode(&content.map_err(|error| unreadable(&synced, error))?, &synced)?;
    let mut replay = Replay::new(dir, slots);
    for number in names.segments {
        let path = segment_path(dir, number);
        let bytes = read_segment(env, &path, clean_end(&slots, number)).await;
        replay.segment(number, &bytes.map_err(|error| unreadable(&path, error))?)?;
    }
    replay.finish().map(Some)
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::io(format_args!("read {}", path.display()), error)
}

/// Where nothing but reserved room is left of a segment, if the log was closed cleanly.
fn clean_end(slots: &Slots, number: u64) -> Option<u64> {
    let synced = slots.newest;
    match number.cmp(&synced.segment) {
        _ if !synced.clean || slots.one_bad => None,
        Ordering::Less => None,
        Ordering::Equal => Some(synced.end),
        Ordering::Greater => Some(HEADER_BYTES as u64),
    }
}

/// All of a segment, or what comes before the clean end and a look at what follows: reserved room is long, and reading
/// it would be most of the time that opening takes.
async fn read_segment(env: &Env, path: &Path, clean_end: Option<u64>) -> io::Result<Vec<u8>> {
    if let Some(end) = clean_end.and_then(|end| usize::try_from(end).ok()) {
        let file = env.disk.open(path, Open::Read).await?;
        let mut bytes = vec![0; end + FRAME_HEADER_BYTES];
        let length = file.read_at(0, &mut bytes).await?;
        bytes.truncate(length);
        // Anything else contradicts the watermark, so it needs a look at the whole.
        if zeroes::only(bytes.get(end..).unwrap_or_default()) {
            return Ok(bytes);
        }
    }
    read_sparse(env, path).await
}

/// A whole file, most of which may be reserved room: memory for that is only promised, never filled.
async fn read_sparse(env: &Env, path: &Path) -> io::Result<Vec<u8>> {
    let file = env.disk.open(path, Open::Read).await?;
    let length = usize::try_from(file.len().await?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    let mut piece = vec![0; PIECE_BYTES.min(length)];
    let mut at = 0;
    while at < length {
        let read = file.read_at(at as u64, &mut piece).await?;
        let found = &piece[..read.min(length - at)];
        if found.is_empty() {
            // Cut off in this moment.
            bytes.truncate(at);
            break;
        }
        if !zeroes::only(found) {
            bytes[at..at + found.len()].copy_from_slice(found);
        }
        at += found.len();
    }
    Ok(bytes)
}

pub struct Replay {
    dir: PathBuf,
    last_number: Option<u64>,
    leftover_is_torn: bool,
    so_far: Recovered,
}

impl Replay {
    pub fn new(dir: &Path, slots: Slots) -> Replay {
        let so_far = Recovered {
            slots,
            groups: BTreeMap::new(),
            live: Live::default(),
            sequence: 0,
            segments: Vec::new(),
            tail: None,
            leftover: None,
        };
        Replay { dir: dir.to_owned(), last_number: None, leftover_is_torn: false, so_far }
    }

    /// Follows the next segment.
    pub fn segment(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        let file = segment_path(&self.dir, number);
        if let Some(last) = self.last_number
            && number != last + 1
        {
            let missing = segment_path(&self.dir, last + 1);
            return Err(Error::damage(&missing, 0, format_args!("the segment is missing, and {number} is there")));
        }
        self.last_number = Some(number);
        let log = decode_header(bytes, number, &file)?;
        if log != self.so_far.slots.newest.log {
            return Err(Error::damage(&file, 0, "the segment belongs to another log"));
        }
        if let Some(empty) = self.so_far.leftover {
            let what = format_args!("the segment has no frames, though segment {number} was begun after it");
            return Err(Error::damage(&segment_path(&self.dir, empty), HEADER_BYTES as u64, what));
        }
        let place = Place { log, segment: number };
        let mut end = HEADER_BYTES;
        let mut last_frame = None;
        let why = loop {
            match frame_at(place, bytes, end) {
                Ok(frame) => {
                    self.frame(number, &file, &frame, last_frame.is_none())?;
                    last_frame = Some(end..frame.end());
                    end = frame.end();
                }
                Err(why) => break why,
            }
        };
        let torn = self.torn(place, &file, bytes, end, why)?;
        match last_frame {
            Some(range) => {
                self.so_far.segments.push(number);
                let last_frame = bytes[range].to_vec();
                self.so_far.tail = Some(Tail { segment: number, end: end as u64, last_frame, torn, why });
            }
            None => {
                self.so_far.leftover = Some(number);
                self.leftover_is_torn = torn.is_some();
            }
        }
        Ok(())
    }

    /// What lies behind the last valid frame of a segment.
    fn torn(&self, place: Place, file: &Path, bytes: &[u8], end: usize, why: &str) -> Result<Option<Range<u64>>> {
        let synced = self.so_far.slots.newest;
        if synced.clean && synced.segment == place.segment && synced.end == end as u64 {
            return Ok(None);
        }
        if let Some(later) = find_frame(place, bytes, end) {
            let what = format_args!("{why}, but frame {} follows at byte {}", later.sequence, later.offset);
            return Err(Error::damage(file, end as u64, what));
        }
        let rest = bytes.get(end..).unwrap_or_default();
        let rest = &rest[..zeroes::trimmed_len(rest)];
        let first = rest.iter().position(|byte| *byte != 0);
        Ok(first.map(|first| (end + first) as u64..(end + rest.len()) as u64))
    }

    fn frame(&mut self, number: u64, file: &Path, frame: &Frame<'_>, is_first: bool) -> Result<()> {
        let damage = |offset: usize, what: String| Err(Error::damage(file, offset as u64, what));
        let expected_kind = if is_first { FrameKind::Checkpoint } else { FrameKind::Commit };
        if frame.kind != expected_kind {
            return damage(frame.offset, format!("a {:?} frame where none belongs", frame.kind));
        }
        let is_first_of_all = is_first && self.so_far.tail.is_none();
        let expected = self.so_far.sequence + 1;
        if frame.sequence != expected && (!is_first_of_all || number == 1) {
            let what = format!("frame {expected} is missing, the log goes on with frame {}", frame.sequence);
            if is_first && let Some(before) = &self.so_far.tail {
                let file = segment_path(&self.dir, before.segment);
                return Err(Error::damage(&file, before.end, format_args!("{what} in {number}: {}", before.why)));
            }
            return damage(frame.offset, what);
        }
        self.so_far.sequence = frame.sequence;
        let mut checkpoint = BTreeMap::new();
        for record in Records::new(frame.body) {
            let (offset, group, record) = match record {
                Ok(record) => record,
                Err(bad) => return damage(frame.offset, format!("{bad}, in a frame that is valid as a whole")),
            };
            let offset = frame.offset + FRAME_HEADER_BYTES + offset;
            let fit = match frame.kind {
                FrameKind::Checkpoint => Outline::from_checkpoint(record).map(|outline| {
                    checkpoint.insert(group, outline);
                }),
                FrameKind::Commit => {
                    let durable = self.so_far.groups.entry(group).or_default();
                    durable.apply(record, number, offset, &mut self.so_far.live)
                }
            };
            if let Err(misfit) = fit {
                return damage(offset, format!("{group}: {misfit}"));
            }
        }
        if is_first_of_all {
            let groups = checkpoint.into_iter().map(|(id, outline)| (id, Durable::from_checkpoint(outline)));
            self.so_far.groups = groups.collect();
        } else if is_first {
            self.so_far.groups.retain(|_, durable| !durable.outline().is_blank());
            let replayed = self.so_far.groups.iter().map(|(id, durable)| (id, durable.outline()));
            if !replayed.eq(&checkpoint) {
                return damage(frame.offset, "the checkpoint contradicts the segments before".to_owned());
            }
        }
        Ok(())
    }

    /// Judges the log as a whole.
    pub fn finish(mut self) -> Result<Recovered> {
        self.so_far.groups.retain(|_, durable| !durable.outline().is_blank());
        let recovered = self.so_far;
        if let Some(leftover) = recovered.leftover
            && self.leftover_is_torn
            && let Some(Tail { segment, end, torn: Some(_), why, .. }) = &recovered.tail
        {
            let what = format_args!("{why}, though segment {leftover} was begun after it");
            return Err(Error::damage(&segment_path(&self.dir, *segment), *end, what));
        }
        for (id, durable) in &recovered.groups {
            if let Some((first, last)) = durable.missing() {
                let oldest = recovered.segments.first().copied().unwrap_or_default();
                let what = format_args!("{id}: entries {first} to {last} were in segments before, which are missing");
                return Err(Error::damage(&segment_path(&self.dir, oldest), 0, what));
            }
        }
        let synced = recovered.slots.newest;
        let Some(tail) = &recovered.tail else {
            if synced.sequence == 0 {
                return Ok(recovered);
            }
            let what = format_args!("the log is gone, though frames up to {} had been acknowledged", synced.sequence);
            return Err(Error::damage(&segment_path(&self.dir, synced.segment), 0, what));
        };
        let file = segment_path(&self.dir, tail.segment);
        if synced.sequence > recovered.sequence {
            let what = format_args!(
                "the log ends with frame {}, but frames up to {} had been acknowledged, the last one up to byte {} of \
                 segment {}: {}",
                recovered.sequence, synced.sequence, synced.end, synced.segment, tail.why
            );
            return Err(Error::damage(&file, tail.end, what));
        }
        if synced.sequence == recovered.sequence && (synced.segment, synced.end) != (tail.segment, tail.end) {
            let what = format_args!("frame {} ends elsewhere than it did when it was synced", synced.sequence);
            return Err(Error::damage(&file, tail.end, what));
        }
        Ok(recovered)
    }
}
