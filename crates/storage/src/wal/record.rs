//! The bytes of one record: what one group writes into the log, or what a checkpoint says about it.
//!
//! ```text
//! entry       01  group u64  index u64  length u32  crc32c u32  payload
//! vote        02  group u64  length u32  vote
//! truncate    03  group u64  some u8  last u64
//! purge       04  group u64  upto u64  length u32  marker
//! remove      05  group u64
//! checkpoint  06  group u64  first u64  next u64  flags u8  [length u32 vote]  [index u64  length u32  marker]
//! padding     00  … to the end of the body, all zero
//! ```
//! Numbers are little endian. An entry carries a checksum of its own, over everything else in it, because it is also
//! read alone, long after the frame around it was verified.
//!
//! INVARIANT: decoding never panics and never reads outside its input, whatever the bytes are.

use crate::GroupId;

/// Longest vote and longest purge marker.
pub const SMALL_BYTES_MAX: usize = 1 << 16;
/// Longest payload of one entry.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 28;
/// What an entry takes besides its payload.
pub const ENTRY_OVERHEAD: usize = 25;

const PADDING: u8 = 0;
const ENTRY: u8 = 1;
const VOTE: u8 = 2;
const TRUNCATE: u8 = 3;
const PURGE: u8 = 4;
const REMOVE: u8 = 5;
const CHECKPOINT: u8 = 6;

const HAS_VOTE: u8 = 1;
const HAS_PURGED: u8 = 2;

/// Why bytes are no record or no frame.
pub type Bad = &'static str;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record<'a> {
    Entry {
        index: u64,
        payload: &'a [u8],
    },
    Vote(&'a [u8]),
    /// Entries after this index are void; with None all of them.
    TruncateAfter(Option<u64>),
    /// Entries up to and including this index are no longer needed.
    Purge {
        upto: u64,
        marker: &'a [u8],
    },
    /// The group leaves this node.
    Remove,
    /// All there is to know about a group at the start of a segment, except its entries `first..next`.
    Checkpoint {
        first: u64,
        next: u64,
        vote: Option<&'a [u8]>,
        purged: Option<(u64, &'a [u8])>,
    },
}

impl<'a> Record<'a> {
    pub fn encode(&self, group: GroupId, out: &mut Vec<u8>) {
        let start = out.len();
        let kind = match self {
            Record::Entry { .. } => ENTRY,
            Record::Vote(_) => VOTE,
            Record::TruncateAfter(_) => TRUNCATE,
            Record::Purge { .. } => PURGE,
            Record::Remove => REMOVE,
            Record::Checkpoint { .. } => CHECKPOINT,
        };
        out.push(kind);
        put_u64(out, group.0);
        match *self {
            Record::Entry { index, payload } => {
                put_u64(out, index);
                put_len(out, payload);
                let crc = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), payload);
                out.extend_from_slice(&crc.to_le_bytes());
                out.extend_from_slice(payload);
            }
            Record::Vote(vote) => put_small(out, vote),
            Record::TruncateAfter(last) => {
                out.push(u8::from(last.is_some()));
                put_u64(out, last.unwrap_or(0));
            }
            Record::Purge { upto, marker } => {
                put_u64(out, upto);
                put_small(out, marker);
            }
            Record::Remove => (),
            Record::Checkpoint { first, next, vote, purged } => {
                put_u64(out, first);
                put_u64(out, next);
                let flags = if vote.is_some() { HAS_VOTE } else { 0 } | if purged.is_some() { HAS_PURGED } else { 0 };
                out.push(flags);
                if let Some(vote) = vote {
                    put_small(out, vote);
                }
                if let Some((index, marker)) = purged {
                    put_u64(out, index);
                    put_small(out, marker);
                }
            }
        }
    }

    pub fn encoded_len(&self) -> usize {
        let content = match self {
            Record::Entry { payload, .. } => return ENTRY_OVERHEAD + payload.len(),
            Record::Vote(vote) => 4 + vote.len(),
            Record::TruncateAfter(_) => 9,
            Record::Purge { marker, .. } => 12 + marker.len(),
            Record::Remove => 0,
            Record::Checkpoint { vote, purged, .. } => {
                17 + vote.map_or(0, |vote| 4 + vote.len()) + purged.map_or(0, |(_, marker)| 12 + marker.len())
            }
        };
        9 + content
    }

    fn decode(input: &mut Input<'a>) -> Result<Option<(GroupId, Record<'a>)>, Bad> {
        let start = input.0;
        let Some(&kind) = start.first() else { return Ok(None) };
        if kind == PADDING {
            // Zero to the end, or a flipped bit could hide there.
            return if start.iter().all(|byte| *byte == 0) { Ok(None) } else { Err("padding that isn't zero") };
        }
        input.take(1)?;
        let group = GroupId(input.u64()?);
        let record = match kind {
            ENTRY => {
                let index = input.u64()?;
                let length = input.length(PAYLOAD_BYTES_MAX)?;
                let head = &start[..start.len() - input.0.len()];
                let crc = input.u32()?;
                let payload = input.take(length)?;
                if crc != crc32c::crc32c_append(crc32c::crc32c(head), payload) {
                    return Err("the checksum of an entry is wrong");
                }
                Record::Entry { index, payload }
            }
            VOTE => Record::Vote(input.small()?),
            TRUNCATE => match (input.u8()?, input.u64()?) {
                (0, 0) => Record::TruncateAfter(None),
                (1, last) => Record::TruncateAfter(Some(last)),
                _ => return Err("a malformed truncation"),
            },
            PURGE => Record::Purge { upto: input.u64()?, marker: input.small()? },
            REMOVE => Record::Remove,
            CHECKPOINT => {
                let (first, next) = (input.u64()?, input.u64()?);
                let flags = input.u8()?;
                if flags & !(HAS_VOTE | HAS_PURGED) != 0 || next < first {
                    return Err("a malformed checkpoint");
                }
                let vote = if flags & HAS_VOTE != 0 { Some(input.small()?) } else { None };
                let purged = if flags & HAS_PURGED != 0 { Some((input.u64()?, input.small()?)) } else { None };
                Record::Checkpoint { first, next, vote, purged }
            }
            _ => return Err("a record of unknown kind"),
        };
        Ok(Some((group, record)))
    }
}

/// The entry at the start of `bytes`, if it is the one that is expected there.
pub fn decode_entry(bytes: &[u8], group: GroupId, index: u64) -> Result<&[u8], Bad> {
    match Record::decode(&mut Input(bytes))? {
        Some((found, Record::Entry { index: at, payload })) if found == group && at == index => Ok(payload),
        _ => Err("another record stands where the entry should be"),
    }
}

/// The records of a frame's body, each with its offset in it. Ends after the first error.
pub struct Records<'a> {
    body: &'a [u8],
    rest: Input<'a>,
}

impl<'a> Records<'a> {
    pub fn new(body: &'a [u8]) -> Records<'a> {
        Records { body, rest: Input(body) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, GroupId, Record<'a>), Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.body.len() - self.rest.0.len();
        match Record::decode(&mut self.rest) {
            Ok(Some((group, record))) => Some(Ok((offset, group, record))),
            Ok(None) => None,
            Err(bad) => {
                self.rest = Input(&[]);
                Some(Err(bad))
            }
        }
    }
}

fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_len(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("lengths are checked where records enter the log");
    out.extend_from_slice(&length.to_le_bytes());
}

fn put_small(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes);
    out.extend_from_slice(bytes);
}

/// What is left to decode.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Bad> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("a record reaches beyond its frame")?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn u8(&mut self) -> Result<u8, Bad> {
        Ok(self.take(1)?[0])
    }

    pub fn u32(&mut self) -> Result<u32, Bad> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes were taken")))
    }

    pub fn u64(&mut self) -> Result<u64, Bad> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().expect("eight bytes were taken")))
    }

    fn length(&mut self, max: usize) -> Result<usize, Bad> {
        let length = self.u32()? as usize;
        if length > max { Err("a record is longer than any can be") } else { Ok(length) }
    }

    fn small(&mut self) -> Result<&'a [u8], Bad> {
        let length = self.length(SMALL_BYTES_MAX)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn samples() -> Vec<Record<'static>> {
        vec![
            Record::Entry { index: 7, payload: b"seven" },
            Record::Entry { index: u64::MAX, payload: b"" },
            Record::Vote(b"vote"),
            Record::TruncateAfter(None),
            Record::TruncateAfter(Some(0)),
            Record::Purge { upto: 3, marker: b"m" },
            Record::Remove,
            Record::Checkpoint { first: 4, next: 9, vote: None, purged: Some((3, b"m")) },
            Record::Checkpoint { first: 0, next: 0, vote: Some(b""), purged: None },
        ]
    }

    #[test]
    fn round_trip() {
        let mut body = Vec::new();
        let mut starts = Vec::new();
        for record in samples() {
            starts.push(body.len());
            record.encode(GroupId(5), &mut body);
            assert_eq!(body.len() - starts.last().unwrap(), record.encoded_len());
        }
        body.extend_from_slice(&[0; 5]);
        let decoded: Vec<_> = Records::new(&body).map(Result::unwrap).collect();
        let expected: Vec<_> =
            starts.into_iter().zip(samples()).map(|(start, record)| (start, GroupId(5), record)).collect();
        assert_eq!(decoded, expected);
    }

    #[test]
    fn an_entry_is_verified_alone() {
        let mut bytes = Vec::new();
        Record::Entry { index: 7, payload: b"seven" }.encode(GroupId(5), &mut bytes);
        assert_eq!(decode_entry(&bytes, GroupId(5), 7), Ok(&b"seven"[..]));
        assert!(decode_entry(&bytes, GroupId(5), 8).is_err());
        assert!(decode_entry(&bytes, GroupId(6), 7).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_entry(&flipped, GroupId(5), 7).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut rng = Rng::new(1);
        let mut valid = Vec::new();
        samples().iter().for_each(|record| record.encode(GroupId(1), &mut valid));
        for _ in 0..20_000 {
            let mut bytes = valid.clone();
            bytes.truncate(rng.below(valid.len() as u64 + 1) as usize);
            for _ in 0..rng.below(8) {
                if !bytes.is_empty() {
                    let at = rng.below(bytes.len() as u64) as usize;
                    bytes[at] = rng.next_u64() as u8;
                }
            }
            // At most one error, and it is the last item.
            let items: Vec<_> = Records::new(&bytes).collect();
            assert!(items.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
