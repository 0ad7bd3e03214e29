//! A strict look at fjall's files before fjall opens them.
//!
//! What fjall's own recovery lets through, and what is done about it here, while nobody else has the directory open:
//!
//! - A crash during the very first open can leave a journal without a version marker, and fjall then refuses the
//!   directory for ever. With no keyspace beside it there can't be any data: the rest is removed.
//! - A keyspace whose pointer to its manifest is missing is taken for one that was never finished, and deleted with all
//!   its tables; if it is that of the list of keyspaces, all others are. With tables around that is damage.
//! - The manifest of a keyspace (`current` and the `v<id>` it names) is read without its checksum being compared.
//!   It is compared here; a difference is damage.
//! - A journal that was sealed (any but the last) is cut silently at the first bad record, and the next journal is
//!   replayed after it: a hole in the middle. Sealed journals were synced whole, so anything but batches followed by
//!   zeroes is damage.
//! - The last journal ends wherever a crash left it. fjall cuts it at a record it can't decode, but refuses to open
//!   when a batch decodes and its checksum is wrong, and never checks the sequence number of a batch, which lies
//!   outside the checksum. Here the journal is cut before the first batch that isn't whole or goes back in sequence:
//!   what is left is a prefix of the batches, and fjall can read it.
//!
//! What is still let through: a flipped bit in the sequence number of the very first batch of the oldest journal.

use crate::engine::failure::io_error;
use crate::error::{Error, Result};
use crate::zeroes;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

const TAG_START: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const TAG_CLEAR: u8 = 4;
const END_MAGIC: [u8; 4] = [b'F', b'J', b'L', 3];

/// Checks the directory and repairs what a crash may leave behind.
pub(super) fn check(root: &Path) -> Result<()> {
    remove_half_made(root)?;
    check_manifests(root)?;
    check_journals(root)
}

fn remove_half_made(root: &Path) -> Result<()> {
    if !names(&root.join("keyspaces"))?.is_empty() {
        return Ok(());
    }
    let journals = journals(root)?;
    let remove = || -> io::Result<bool> {
        for journal in &journals {
            if !only_zeroes(journal, 0)? {
                return Ok(false);
            }
            fs::remove_file(journal)?;
        }
        match fs::remove_file(root.join("version")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        File::open(root)?.sync_all()?;
        Ok(true)
    };
    match remove() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::damage(&root.join("keyspaces"), 0, "a journal has batches, but no keyspace is there")),
        Err(error) => Err(io_error(root, error)),
    }
}

fn check_manifests(root: &Path) -> Result<()> {
    let keyspaces = root.join("keyspaces");
    let mut tables = false;
    // From the last to the first: the list of keyspaces is number 0, and missing only as long as nothing is in the others.
    for name in names(&keyspaces)?.iter().rev() {
        let folder = keyspaces.join(name);
        tables |= !names(&folder.join("tables"))?.is_empty();
        let current = folder.join("current");
        let pointer = match fs::read(&current) {
            Ok(pointer) => pointer,
            // A keyspace that a crash kept from being born; fjall removes or finishes it.
            Err(error) if error.kind() == ErrorKind::NotFound && !tables => continue,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::damage(&current, 0, "the pointer to the manifest is missing"));
            }
            Err(error) => return Err(io_error(&current, error)),
        };
        // u64 id, u128 checksum, u8 kind of checksum (0 = xxh3), little endian.
        let (Some(id), Some(expected), Some(0), 25) =
            (array(&pointer, 0), array(&pointer, 8), pointer.get(24), pointer.len())
        else {
            return Err(Error::damage(&current, 0, "not a pointer to a manifest"));
        };
        let manifest = folder.join(format!("v{}", u64::from_le_bytes(id)));
        let content = match fs::read(&manifest) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::damage(&current, 0, "points to a manifest that isn't there"));
            }
            Err(error) => return Err(io_error(&manifest, error)),
        };
        if xxhash_rust::xxh3::xxh3_128(&content) != u128::from_le_bytes(expected) {
            return Err(Error::damage(&manifest, 0, "checksum of the manifest"));
        }
    }
    Ok(())
}

fn check_journals(root: &Path) -> Result<()> {
    let mut journals = journals(root)?;
    let newest = journals.pop();
    let mut sequence = None;
    for path in &journals {
        let end = read_journal(path, &mut sequence).map_err(|error| io_error(path, error))?;
        if !end.clean {
            return Err(Error::damage(path, end.offset, "a sealed journal holds something that is not a whole batch"));
        }
    }
    if let Some(path) = &newest {
        let mut cut = || -> io::Result<()> {
            let end = read_journal(path, &mut sequence)?;
            if !end.clean {
                tracing::warn!(journal = %path.display(), offset = end.offset, "cut at the last whole batch");
                let file = OpenOptions::new().write(true).open(path)?;
                file.set_len(end.offset)?;
                file.sync_all()?;
            }
            Ok(())
        };
        cut().map_err(|error| io_error(path, error))?;
    }
    Ok(())
}

/// Empties the journals of a closed store, when all their batches are in tables: fjall would read every one of them at
/// the next open. The newest journal stays, as the one to go on with.
pub(super) fn empty_journals(root: &Path) -> Result<()> {
    let mut journals = journals(root)?;
    let newest = journals.pop();
    let empty = || -> io::Result<()> {
        for sealed in &journals {
            fs::remove_file(sealed)?;
        }
        if let Some(newest) = &newest {
            let file = OpenOptions::new().write(true).open(newest)?;
            file.set_len(0)?;
            file.sync_all()?;
        }
        File::open(root)?.sync_all()
    };
    empty().map_err(|error| io_error(root, error))
}

/// The journals, oldest first.
fn journals(root: &Path) -> Result<Vec<PathBuf>> {
    let number = |name: &String| Some((name.strip_suffix(".jnl")?.parse::<u64>().ok()?, root.join(name)));
    let mut journals: Vec<_> = names(root)?.iter().filter_map(number).collect();
    journals.sort();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// Where the whole batches of a journal end, and whether only zeroes (its preallocated rest) follow.
#[derive(Debug)]
struct End {
    offset: u64,
    clean: bool,
}

/// Reads batch after batch. `sequence` is that of the batch before, in this journal or an older one.
fn read_journal(path: &Path, sequence: &mut Option<u64>) -> io::Result<End> {
    let mut reader = Reader::open(path)?;
    loop {
        let offset = reader.offset;
        match reader.batch() {
            Ok(next) if sequence.is_none_or(|last| last < next) => *sequence = Some(next),
            Err(error) if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) => {
                return Err(error);
            }
            _ => {
                let clean = only_zeroes(path, offset)?;
                return Ok(End { offset, clean });
            }
        }
    }
}

/// The number of batches in a journal, and whether only zeroes follow.
#[cfg(test)]
pub(super) fn batches_in(path: &Path) -> io::Result<(u64, bool)> {
    let mut reader = Reader::open(path)?;
    let mut batches = 0;
    let mut offset = 0;
    while reader.batch().is_ok() {
        batches += 1;
        offset = reader.offset;
    }
    Ok((batches, only_zeroes(path, offset)?))
}

fn only_zeroes(path: &Path, offset: u64) -> io::Result<bool> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    file.seek(SeekFrom::Start(offset))?;
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(true);
        }
        if !zeroes::only(buffer) {
            return Ok(false);
        }
        let length = buffer.len();
        file.consume(length);
    }
}

/// Little endian records: a start, as many items as it announces, an end with their checksum.
///
/// ```text
///   start  1  u32 items  u64 sequence
///   item   2  u8 kind  u8 compression  u64 keyspace  u16 key  u32 value  u32 stored value   key bytes  value bytes
///   clear  4  u64 keyspace
///   end    3  u64 xxh3 of the items and clears  "FJL\3"
/// ```
struct Reader {
    file: BufReader<File>,
    offset: u64,
    scratch: Vec<u8>,
}

impl Reader {
    fn open(path: &Path) -> io::Result<Reader> {
        let file = BufReader::with_capacity(1 << 20, File::open(path)?);
        Ok(Reader { file, offset: 0, scratch: Vec::new() })
    }

    /// The sequence number of the next whole batch.
    fn batch(&mut self) -> io::Result<u64> {
        let [tag] = self.take()?;
        if tag != TAG_START {
            return Err(ErrorKind::InvalidData.into());
        }
        let items = u32::from_le_bytes(self.take()?);
        let sequence = u64::from_le_bytes(self.take()?);
        let mut hash = Xxh3::new();
        for _ in 0..items {
            let [tag] = self.take()?;
            hash.update(&[tag]);
            match tag {
                TAG_ITEM => {
                    let header: [u8; 20] = self.take()?;
                    hash.update(&header);
                    let key = u16::from_le_bytes([header[10], header[11]]);
                    let value = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
                    self.payload(u64::from(key) + u64::from(value), &mut hash)?;
                }
                TAG_CLEAR => hash.update(&self.take::<8>()?),
                _ => return Err(ErrorKind::InvalidData.into()),
            }
        }
        let [tag] = self.take()?;
        let expected = u64::from_le_bytes(self.take()?);
        let magic: [u8; 4] = self.take()?;
        if tag != TAG_END || expected != hash.digest() || magic != END_MAGIC {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(sequence)
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.offset += N as u64;
        Ok(bytes)
    }

    /// In pieces: a damaged length must not become an allocation.
    fn payload(&mut self, mut length: u64, hash: &mut Xxh3) -> io::Result<()> {
        while length > 0 {
            let piece = length.min(64 << 10) as usize;
            self.scratch.resize(piece, 0);
            self.file.read_exact(&mut self.scratch)?;
            hash.update(&self.scratch);
            self.offset += piece as u64;
            length -= piece as u64;
        }
        Ok(())
    }
}

/// The names in a directory, sorted; none when it isn't there.
fn names(folder: &Path) -> Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    };
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|error| io_error(folder, error)),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A directory of journals that goes with the test.
    struct Journals(PathBuf);

    impl Journals {
        fn new(contents: &[&[u8]]) -> Journals {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let root = std::env::temp_dir().join(format!("atoll-journals-{}-{number}", std::process::id()));
            fs::create_dir_all(&root).unwrap();
            for (number, content) in contents.iter().enumerate() {
                fs::write(root.join(format!("{number}.jnl")), content).unwrap();
            }
            Journals(root)
        }

        fn length(&self, number: usize) -> usize {
            fs::metadata(self.0.join(format!("{number}.jnl"))).unwrap().len() as usize
        }
    }

    impl Drop for Journals {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn batch(sequence: u64) -> Vec<u8> {
        let (key, value) = (b"key", vec![7; 100]);
        let mut items = vec![TAG_ITEM, 0, 0];
        items.extend_from_slice(&1u64.to_le_bytes());
        items.extend_from_slice(&(key.len() as u16).to_le_bytes());
        items.extend_from_slice(&(value.len() as u32).to_le_bytes());
        items.extend_from_slice(&(value.len() as u32).to_le_bytes());
        items.extend_from_slice(key);
        items.extend_from_slice(&value);
        let start = [&[TAG_START][..], &1u32.to_le_bytes(), &sequence.to_le_bytes()].concat();
        let end = [&[TAG_END][..], &xxhash_rust::xxh3::xxh3_64(&items).to_le_bytes(), &END_MAGIC].concat();
        [start, items, end].concat()
    }

    fn journal(sequences: &[u64]) -> Vec<u8> {
        sequences.iter().flat_map(|sequence| batch(*sequence)).chain([0; 1000]).collect()
    }

    #[test]
    fn whole_journals_are_left_alone() {
        let journals = Journals::new(&[&journal(&[1, 2, 5]), &journal(&[6, 9]), &journal(&[10])]);
        check_journals(&journals.0).unwrap();
        assert_eq!(journals.length(2), batch(10).len() + 1000);
    }

    #[test]
    fn a_sealed_journal_must_be_whole() {
        let good = journal(&[1, 2, 3]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            let result = check_journals(&Journals::new(&[&bad, &journal(&[4])]).0);
            // The first sequence number may go down unnoticed, and the last one up: then the newest journal is cut.
            let last = good.len() - 1000 - batch(3).len();
            let (first, last) = (5..13, last + 5..last + 13);
            assert!(
                first.contains(&at) || last.contains(&at) || matches!(result, Err(Error::Damage { .. })),
                "byte {at}"
            );
        }
        let cut = Journals::new(&[&good[..good.len() - 1010], &journal(&[4])]);
        assert!(matches!(check_journals(&cut.0), Err(Error::Damage { .. })));
    }

    #[test]
    fn the_newest_journal_is_cut_before_the_first_bad_batch() {
        let (length, good) = (batch(1).len(), journal(&[4, 5, 6]));
        for at in 0..3 * length {
            let mut bad = good.clone();
            bad[at] ^= 64;
            let journals = Journals::new(&[&journal(&[3]), &bad]);
            check_journals(&journals.0).unwrap();
            // A sequence number that jumps ahead makes its successor the one that goes back.
            let (in_batch, offset) = (at / length, at % length);
            let left = if (5..13).contains(&offset) { in_batch + 1 } else { in_batch };
            let left = if left == 3 { good.len() } else { left * length };
            assert_eq!(journals.length(1), left, "byte {at}");
        }
        let back = Journals::new(&[&journal(&[3]), &journal(&[3, 4])]);
        check_journals(&back.0).unwrap();
        assert_eq!(back.length(1), 0);
    }
}
