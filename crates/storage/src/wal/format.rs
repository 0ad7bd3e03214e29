//! The bytes of a segment file: its header and its frames. The picture is in the folder's front page.
//!
//! Checksums are seeded with the place they belong to: the log's identity, the segment's number, the offset. So a frame
//! is valid only where it was meant to be. Frames inside user data, of another log, or written to the wrong place by
//! the disk are no frames.
//!
//! INVARIANT: decoding never panics, whatever the bytes are.

use std::path::{Path, PathBuf};

use super::record::{Bad, Input};
use crate::{Error, Result, zeroes};

/// Of segments and of the watermark file. Version, magic and the checksum keep their places in all versions to come.
pub const FORMAT_VERSION: u32 = 1;
pub const HEADER_BYTES: usize = 512;
pub const FRAME_HEADER_BYTES: usize = 24;
/// Longest body of a frame.
pub const BODY_BYTES_MAX: usize = 1 << 30;

const SEGMENT_MAGIC: [u8; 8] = *b"ATOLLWAL";
const FRAME_MAGIC: [u8; 4] = *b"frm\xA7";
const ALIGNMENT: usize = 8;
/// The only cipher so far.
const CIPHER_NONE: u8 = 0;

/// Names one log among all others, drawn at random when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogId(pub u64);

/// Where checksums of a segment begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub log: LogId,
    pub segment: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// What groups wrote together.
    Commit,
    /// The first frame of a segment: the state of all groups, so that older segments are needed for entries only.
    Checkpoint,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    pub sequence: u64,
    pub kind: FrameKind,
    pub offset: usize,
    pub body: &'a [u8],
}

impl Frame<'_> {
    /// Where the next frame starts.
    pub fn end(&self) -> usize {
        self.offset + FRAME_HEADER_BYTES + self.body.len()
    }
}

pub fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.wal"))
}

/// The number of the segment that has this file name.
pub fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".wal")?.parse().ok()?;
    (segment_path(Path::new(""), number).as_os_str() == name).then_some(number)
}

pub fn encode_header(place: Place) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&SEGMENT_MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&place.segment.to_le_bytes());
    header[20..28].copy_from_slice(&place.log.0.to_le_bytes());
    // Cipher u8 and key id u32 follow, both zero.
    seal_sector(&mut header);
    header
}

/// Reads the header of the segment of this number and returns which log it belongs to.
pub fn decode_header(bytes: &[u8], number: u64, file: &Path) -> Result<LogId> {
    let damage = |what: &str| Error::damage(file, 0, what);
    let sector = bytes.get(..HEADER_BYTES).ok_or_else(|| damage("the file is shorter than its header"))?;
    check_sector(sector, SEGMENT_MAGIC).map_err(damage)?;
    check_version(sector, file)?;
    let mut input = Input(&sector[12..]);
    let (found, log, cipher) = (|| Ok((input.u64()?, input.u64()?, input.u8()?)))().map_err(damage)?;
    if cipher != CIPHER_NONE {
        let file = format!("the cipher of {}", file.display());
        return Err(Error::Version { found: cipher.into(), supported: CIPHER_NONE.into(), file });
    }
    if found != number {
        return Err(damage(&format!("the file is segment {found}")));
    }
    Ok(LogId(log))
}

/// Closes a sector that starts with a magic and the version by a checksum over all of it.
pub fn seal_sector(sector: &mut [u8; HEADER_BYTES]) {
    let crc = crc32c::crc32c(&sector[..HEADER_BYTES - 4]);
    sector[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
}

pub fn check_sector(sector: &[u8], magic: [u8; 8]) -> Result<(), Bad> {
    let (content, crc) = sector.split_at_checked(HEADER_BYTES - 4).ok_or("the header is cut off")?;
    if content[..8] != magic {
        return Err("the header has the wrong magic number");
    }
    if crc != crc32c::crc32c(content).to_le_bytes() {
        return Err("the checksum of the header is wrong");
    }
    Ok(())
}

/// After the checksum, so that a flipped bit in the version isn't taken for a newer release.
pub fn check_version(sector: &[u8], file: &Path) -> Result<()> {
    let found = Input(&sector[8..]).u32().map_err(|bad| Error::damage(file, 8, bad))?;
    if found == FORMAT_VERSION {
        return Ok(());
    }
    Err(Error::Version { found, supported: FORMAT_VERSION, file: file.display().to_string() })
}

/// Room for a frame's header at the start of an empty buffer, to be filled by [`seal_frame`] after the records.
pub fn begin_frame(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(FRAME_HEADER_BYTES, 0);
}

/// Pads the records in the buffer, so that its length is that of the frame.
pub fn pad_frame(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.len().next_multiple_of(ALIGNMENT), 0);
    assert!(buffer.len() - FRAME_HEADER_BYTES <= BODY_BYTES_MAX, "a frame of {} bytes", buffer.len());
}

/// The length of a frame with this much in records.
pub fn frame_len(records: usize) -> usize {
    (FRAME_HEADER_BYTES + records).next_multiple_of(ALIGNMENT)
}

/// Fills the header: the buffer is then the frame that goes to this offset.
pub fn seal_frame(place: Place, offset: u64, sequence: u64, kind: FrameKind, buffer: &mut [u8]) {
    let (header, body) = buffer.split_at_mut(FRAME_HEADER_BYTES);
    let length = u32::try_from(body.len()).expect("bodies are limited when they are padded");
    header[..4].copy_from_slice(&FRAME_MAGIC);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..16].copy_from_slice(&sequence.to_le_bytes());
    header[16] = match kind {
        FrameKind::Commit => 0,
        FrameKind::Checkpoint => 1,
    };
    header[17..20].fill(0);
    let crc = frame_crc(place, offset, header, body);
    header[20..].copy_from_slice(&crc.to_le_bytes());
}

fn frame_crc(place: Place, offset: u64, header: &[u8], body: &[u8]) -> u32 {
    let mut seed = [0; 24];
    seed[..8].copy_from_slice(&place.log.0.to_le_bytes());
    seed[8..16].copy_from_slice(&place.segment.to_le_bytes());
    seed[16..].copy_from_slice(&offset.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&seed), &header[..20]);
    crc32c::crc32c_append(crc, body)
}

/// The frame at this offset of a segment's bytes, or why there is none.
pub fn frame_at(place: Place, segment: &[u8], offset: usize) -> Result<Frame<'_>, Bad> {
    let mut input = Input(segment.get(offset..).ok_or("the file ends")?);
    let header = input.take(FRAME_HEADER_BYTES).map_err(|_| "the file ends")?;
    if header[..4] != FRAME_MAGIC {
        return Err("there is no frame");
    }
    let mut fields = Input(&header[4..]);
    let length = fields.u32()? as usize;
    if length > BODY_BYTES_MAX || !length.is_multiple_of(ALIGNMENT) {
        return Err("the length of the frame is impossible");
    }
    let body = input.take(length).map_err(|_| "the frame is cut off")?;
    let sequence = fields.u64()?;
    let kind = fields.u32()?;
    if frame_crc(place, offset as u64, header, body).to_le_bytes() != header[20..] {
        return Err("the checksum of the frame is wrong");
    }
    let kind = match kind {
        0 => FrameKind::Commit,
        1 => FrameKind::Checkpoint,
        _ => return Err("the frame is of unknown kind"),
    };
    Ok(Frame { sequence, kind, offset, body })
}

/// The first valid frame at or after an offset.
pub fn find_frame(place: Place, segment: &[u8], from: usize) -> Option<Frame<'_>> {
    let from = from.next_multiple_of(ALIGNMENT);
    let candidates = segment.get(from..zeroes::trimmed_len(segment))?.chunks(ALIGNMENT).enumerate();
    candidates
        .filter(|(_, chunk)| chunk.starts_with(&FRAME_MAGIC))
        .find_map(|(i, _)| frame_at(place, segment, from + i * ALIGNMENT).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { log: LogId(77), segment: 3 };

    fn frame(body: &[u8], offset: u64, sequence: u64) -> Vec<u8> {
        let mut buffer = Vec::new();
        begin_frame(&mut buffer);
        buffer.extend_from_slice(body);
        pad_frame(&mut buffer);
        seal_frame(PLACE, offset, sequence, FrameKind::Commit, &mut buffer);
        assert_eq!(buffer.len(), frame_len(body.len()));
        buffer
    }

    #[test]
    fn header_round_trip_and_every_flipped_bit() {
        let path = Path::new("log/00000003.wal");
        let header = encode_header(PLACE);
        assert_eq!(decode_header(&header, 3, path).unwrap(), PLACE.log);
        assert!(matches!(decode_header(&header, 4, path), Err(Error::Damage { .. })));
        assert!(matches!(decode_header(&header[..511], 3, path), Err(Error::Damage { .. })));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = header;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode_header(&flipped, 3, path), Err(Error::Damage { .. })), "bit {bit}");
        }
    }

    #[test]
    fn newer_formats_are_refused_by_name() {
        let path = Path::new("log/00000003.wal");
        let mut newer = encode_header(PLACE);
        newer[8] = 2;
        seal_sector(&mut newer);
        assert!(matches!(decode_header(&newer, 3, path), Err(Error::Version { found: 2, supported: 1, .. })));
        let mut encrypted = encode_header(PLACE);
        encrypted[28] = 1;
        seal_sector(&mut encrypted);
        assert!(matches!(decode_header(&encrypted, 3, path), Err(Error::Version { found: 1, supported: 0, .. })));
    }

    #[test]
    fn a_frame_is_valid_in_its_place_only() {
        let bytes = frame(b"hello", 8, 5);
        let mut segment = vec![0; 8];
        segment.extend_from_slice(&bytes);
        let found = frame_at(PLACE, &segment, 8).unwrap();
        assert_eq!((found.sequence, found.kind, &found.body[..5]), (5, FrameKind::Commit, &b"hello"[..]));
        assert_eq!(found.end(), segment.len());
        assert_eq!(find_frame(PLACE, &segment, 0), Some(found));
        assert_eq!(find_frame(PLACE, &segment, 9), None);
        assert_eq!(find_frame(PLACE, &segment, 1000), None);
        assert!(frame_at(PLACE, &bytes, 0).is_err());
        assert!(frame_at(Place { segment: 4, ..PLACE }, &segment, 8).is_err());
        assert!(frame_at(Place { log: LogId(78), ..PLACE }, &segment, 8).is_err());
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let bytes = frame(b"some records", 0, 5);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(frame_at(PLACE, &flipped, 0).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(frame_at(PLACE, &bytes[..cut], 0).is_err(), "cut {cut}");
        }
    }

    #[test]
    fn names_of_segments() {
        assert_eq!(segment_path(Path::new("log"), 12), Path::new("log/00000012.wal"));
        assert_eq!(segment_number("00000012.wal"), Some(12));
        assert_eq!(segment_number("123456789.wal"), Some(123_456_789));
        for other in ["12.wal", "+0000012.wal", "00000012.wal.new", "synced", "0000000a.wal"] {
            assert_eq!(segment_number(other), None, "{other}");
        }
    }
}
