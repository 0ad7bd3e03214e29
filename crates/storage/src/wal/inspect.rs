//! A look at a log from outside: everything in it in readable form, and whether it would be accepted.
//!
//! Changes nothing and takes no lock. The log of a running node can be looked at too, but its end moves meanwhile.

use std::{fmt, path::Path};

use atoll_env::Env;

use super::{
    format::{FRAME_HEADER_BYTES, FrameKind, HEADER_BYTES, Place, decode_header, find_frame, frame_at, segment_path},
    log::Bounds,
    record::{Record, Records},
    recover,
    watermark::{self, Slots},
};
use crate::{Error, GroupId, Result};

/// Longer opaque bytes are shown by their start.
const SHOWN_BYTES: usize = 24;

/// One thing that was found, in the order of the files. Its text is one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// How far the log was synced.
    Watermark {
        sequence: u64,
        segment: u64,
        end: u64,
        clean: bool,
    },
    Segment {
        file: String,
        bytes: u64,
    },
    Frame {
        offset: u64,
        sequence: u64,
        checkpoint: bool,
        bytes: u64,
    },
    Record {
        offset: u64,
        group: GroupId,
        text: String,
    },
    /// Bytes that aren't what they should be.
    Bad {
        file: String,
        offset: u64,
        bytes: u64,
        what: String,
    },
    /// Nothing was ever written here.
    Unused {
        offset: u64,
        bytes: u64,
    },
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Watermark { sequence, segment, end, clean } => {
                let clean = if *clean { ", closed cleanly" } else { "" };
                write!(f, "synced up to frame {sequence}, segment {segment}, byte {end}{clean}")
            }
            Line::Segment { file, bytes } => write!(f, "{file}: {bytes} bytes"),
            Line::Frame { offset, sequence, checkpoint, bytes } => {
                let kind = if *checkpoint { "checkpoint" } else { "frame" };
                write!(f, "  {offset:>10}  {kind} {sequence}, {bytes} bytes")
            }
            Line::Record { offset, group, text } => write!(f, "  {offset:>10}    {group} {text}"),
            Line::Bad { file, offset, bytes, what } => {
                write!(f, "  {offset:>10}  BAD in {file}: {what} ({bytes} bytes)")
            }
            Line::Unused { offset, bytes } => write!(f, "  {offset:>10}  unused, {bytes} bytes"),
        }
    }
}

/// A log that would be accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub segments: u64,
    /// The sequence of the last frame; frames are counted from 1 over the log's whole life.
    pub last_frame: u64,
    pub entries: u64,
    pub groups: Vec<(GroupId, Bounds)>,
    /// Bytes of an unfinished frame, which opening would cut off.
    pub torn_bytes: u64,
    pub clean: bool,
}

/// Shows everything that is found, be it damaged or not, and then judges as opening would: damage is the error. None if
/// there is no log.
pub async fn inspect(env: &Env, dir: &Path, mut show: impl FnMut(Line)) -> Result<Option<Summary>> {
    let names = recover::list(env, dir).await?;
    let read = async |path: &Path| {
        let content = env.disk.read(path).await;
        content.map_err(|error| Error::io(format_args!("read {}", path.display()), error))
    };
    if names.watermark {
        let path = watermark::path(dir);
        match Slots::decode(&read(&path).await?, &path) {
            Ok(Slots { newest, .. }) => show(Line::Watermark {
                sequence: newest.sequence,
                segment: newest.segment,
                end: newest.end,
                clean: newest.clean,
            }),
            Err(error) => show(bad(&path, 0, 0, error)),
        }
    }
    for number in names.segments {
        let path = segment_path(dir, number);
        let bytes = read(&path).await?;
        show(Line::Segment { file: path.display().to_string(), bytes: bytes.len() as u64 });
        match decode_header(&bytes, number, &path) {
            Ok(log) => show_frames(Place { log, segment: number }, &path, &bytes, &mut show),
            // Without the log's number no frame can be told from noise.
            Err(error) => show(bad(&path, 0, bytes.len(), error)),
        }
    }
    let recovered = recover::read(env, dir).await?;
    Ok(recovered.map(|recovered| Summary {
        segments: recovered.segments.len() as u64,
        last_frame: recovered.sequence,
        entries: recovered.live.total(),
        groups: recovered.groups.iter().map(|(id, durable)| (*id, Bounds::from(durable.outline().clone()))).collect(),
        torn_bytes: recovered.tail.and_then(|tail| tail.torn).map_or(0, |torn| torn.end - torn.start),
        clean: recovered.slots.newest.clean,
    }))
}

fn show_frames(place: Place, path: &Path, bytes: &[u8], show: &mut impl FnMut(Line)) {
    let mut offset = HEADER_BYTES;
    while offset < bytes.len() {
        let why = match frame_at(place, bytes, offset) {
            Ok(frame) => {
                show(Line::Frame {
                    offset: offset as u64,
                    sequence: frame.sequence,
                    checkpoint: frame.kind == FrameKind::Checkpoint,
                    bytes: (frame.end() - offset) as u64,
                });
                for record in Records::new(frame.body) {
                    match record {
                        Ok((at, group, record)) => {
                            let offset = (offset + FRAME_HEADER_BYTES + at) as u64;
                            show(Line::Record { offset, group, text: describe(&record) });
                        }
                        Err(what) => show(bad(path, offset, frame.body.len(), what)),
                    }
                }
                offset = frame.end();
                continue;
            }
            Err(why) => why,
        };
        let end = find_frame(place, bytes, offset).map_or(bytes.len(), |next| next.offset);
        let rest = &bytes[offset..end];
        match rest.iter().rposition(|byte| *byte != 0) {
            None if end == bytes.len() => show(Line::Unused { offset: offset as u64, bytes: rest.len() as u64 }),
            Some(last) if end == bytes.len() => show(bad(path, offset, last + 1, why)),
            _ => show(bad(path, offset, rest.len(), why)),
        }
        offset = end;
    }
}

fn bad(path: &Path, offset: usize, bytes: usize, what: impl fmt::Display) -> Line {
    let file = path.display().to_string();
    Line::Bad { file, offset: offset as u64, bytes: bytes as u64, what: what.to_string() }
}

fn describe(record: &Record<'_>) -> String {
    match record {
        // What users stored doesn't belong on a terminal.
        Record::Entry { index, payload } => format!("entry {index}, {} bytes", payload.len()),
        Record::Vote(vote) => format!("vote {}", hex(vote)),
        Record::TruncateAfter(None) => "truncate all".to_owned(),
        Record::TruncateAfter(Some(last)) => format!("truncate after {last}"),
        Record::Purge { upto, marker } => format!("purge up to {upto}, marker {}", hex(marker)),
        Record::Remove => "remove".to_owned(),
        Record::Checkpoint { first, next, vote, purged } => {
            let entries =
                if first == next { "no entries".to_owned() } else { format!("entries {first} to {}", next - 1) };
            let vote = vote.map_or(String::new(), |vote| format!(", vote {}", hex(vote)));
            let purged = purged
                .map_or(String::new(), |(index, marker)| format!(", purged up to {index}, marker {}", hex(marker)));
            format!("{entries}{vote}{purged}")
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN_BYTES { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}
