//! What a transaction wants to write, held at its coordinator until the commit: every read of the transaction looks here
//! first. Savepoints undo, and readers that must not see what came later (a cursor; a statement that scans the table it
//! changes) read as of a mark.
//!
//! ```text
//!   key ──► newest write, older writes that some mark still sees
//!   journal: keys written since the first savepoint, in order
//!   marks:   sequence numbers that savepoints and readers hold on to
//! ```
//! Every write gets a sequence number, as does every savepoint, so that no two are the same. A mark sees the writes up to
//! its number. A write takes
//! the place of the one before it unless a mark lies between them, so that a loop that changes one row a million times
//! buffers one write.
//!
//! INVARIANT: what a mark sees does not change as long as it is held, unless a rollback goes back beyond it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;

use crate::request::{Row, Span};

/// The number of a write, or of a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// A moment in a transaction: between the write of this number and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(Seq);

/// Of an entry beside its key and values, about.
const ENTRY_BYTES: usize = 96;
const JOURNAL_BYTES: usize = 48;

#[derive(Clone, Debug)]
struct Write {
    seq: Seq,
    /// None deletes.
    value: Option<Bytes>,
}

impl Write {
    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    newest: Write,
    /// Ascending.
    older: Vec<Write>,
}

#[derive(Clone, Debug)]
struct Savepoint {
    mark: Mark,
    /// The journal's length when it was set.
    journal: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Buffer {
    writes: BTreeMap<Bytes, Entry>,
    last: Seq,
    /// The outermost first.
    savepoints: Vec<Savepoint>,
    /// Keys in the order of their first write after a savepoint.
    journal: Vec<(Seq, Bytes)>,
    /// How many hold on to each mark, savepoints included.
    held: BTreeMap<Mark, usize>,
    bytes: usize,
}

impl Buffer {
    // ------------------------------------------------------------------------------------------------------- writing

    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.write(key.into(), Some(value.into()));
    }

    pub fn delete(&mut self, key: impl Into<Bytes>) {
        self.write(key.into(), None);
    }

    /// `None` deletes.
    pub fn write(&mut self, key: Bytes, value: Option<Bytes>) -> Seq {
        self.last.0 += 1;
        let write = Write { seq: self.last, value };
        let since = self.savepoints.last().map(|savepoint| savepoint.mark);
        self.bytes += write.bytes();
        let mut first_since = true;
        match self.writes.get_mut(&key) {
            None => {
                self.bytes += ENTRY_BYTES + key.len();
                self.writes.insert(key.clone(), Entry { newest: write, older: Vec::new() });
            }
            Some(entry) => {
                first_since = since.is_some_and(|mark| entry.newest.seq <= mark.0);
                entry.older.push(std::mem::replace(&mut entry.newest, write));
                self.bytes -= entry.forget_unseen(&self.held);
            }
        }
        if since.is_some() && first_since {
            self.bytes += JOURNAL_BYTES;
            self.journal.push((self.last, key));
        }
        self.last
    }

    // ------------------------------------------------------------------------------------------------------- reading

    /// The newest write of a key: none when there is none, `Some(None)` when it is deleted.
    pub fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.writes.get(key).map(|entry| &entry.newest.value)
    }

    /// The same as of a mark that is held.
    pub fn get_at(&self, key: &[u8], mark: Mark) -> Option<&Option<Bytes>> {
        self.writes.get(key)?.seen_at(mark).map(|write| &write.value)
    }

    /// Whether the key was written after the mark.
    pub fn is_newer(&self, key: &[u8], mark: Mark) -> bool {
        self.writes.get(key).is_some_and(|entry| entry.newest.seq > mark.0)
    }

    /// The newest write of every key, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Option<Bytes>)> {
        self.writes.iter().map(|(key, entry)| (key, &entry.newest.value))
    }

    /// Lays the writes in `span` over the committed `rows` of exactly that span and appends the result to `out`; all of
    /// it in descending order when `reverse`.
    pub fn overlay(&self, span: &Span, reverse: bool, rows: Vec<Row>, out: &mut Vec<Row>) {
        self.overlay_seen(span, reverse, rows, out, |entry| Some(&entry.newest));
    }

    /// The same as of a mark that is held.
    pub fn overlay_at(&self, mark: Mark, span: &Span, reverse: bool, rows: Vec<Row>, out: &mut Vec<Row>) {
        self.overlay_seen(span, reverse, rows, out, |entry| entry.seen_at(mark));
    }

    fn overlay_seen<'a>(
        &'a self,
        span: &Span,
        reverse: bool,
        rows: Vec<Row>,
        out: &mut Vec<Row>,
        seen: impl Fn(&'a Entry) -> Option<&'a Write>,
    ) {
        if span.is_empty() || self.writes.is_empty() {
            out.extend(rows);
            return;
        }
        let own = self.writes.range::<[u8], _>(span.bounds());
        let own = own.filter_map(|(key, entry)| seen(entry).map(|write| (key, &write.value)));
        if reverse {
            merge(own.rev(), rows, out, |a, b| b.cmp(a));
        } else {
            merge(own, rows, out, |a, b| a.cmp(b));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// How many keys it writes.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The highest number that was ever given, to undone writes too.
    pub fn last_seq(&self) -> Seq {
        self.last
    }

    // --------------------------------------------------------------------------------------------------------- marks

    /// Sets a savepoint, inside those that are set.
    pub fn mark(&mut self) -> Mark {
        self.last.0 += 1;
        let mark = self.hold();
        self.savepoints.push(Savepoint { mark, journal: self.journal.len() });
        mark
    }

    /// Undoes every write after the savepoint, and the savepoints set after it. It stays itself.
    ///
    /// Panics when the savepoint is not set any more, as `release` does: whoever names savepoints keeps book of them.
    pub fn rollback_to(&mut self, mark: Mark) {
        let at = self.find(mark);
        self.drop_savepoints(at + 1);
        let undone = self.journal.split_off(self.savepoints[at].journal);
        for (_, key) in undone {
            self.bytes -= JOURNAL_BYTES;
            if let Some(entry) = self.writes.get_mut(&key) {
                self.bytes -= entry.undo_after(mark);
                if entry.newest.seq > mark.0 {
                    self.bytes -= ENTRY_BYTES + key.len() + entry.newest.bytes();
                    self.writes.remove(&key);
                }
            }
        }
    }

    /// Forgets the savepoint and those set after it, and keeps the writes.
    pub fn release(&mut self, mark: Mark) {
        let at = self.find(mark);
        self.drop_savepoints(at);
    }

    /// A mark for a reader: what is buffered now stays readable as of it until [`Buffer::let_go`].
    pub fn hold(&mut self) -> Mark {
        let mark = Mark(self.last);
        *self.held.entry(mark).or_default() += 1;
        mark
    }

    pub fn let_go(&mut self, mark: Mark) {
        match self.held.get_mut(&mark) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => {
                self.held.remove(&mark);
            }
            None => panic!("{mark:?} is not held"),
        }
    }

    fn find(&self, mark: Mark) -> usize {
        self.savepoints.iter().position(|savepoint| savepoint.mark == mark).expect("the savepoint is not set any more")
    }

    fn drop_savepoints(&mut self, from: usize) {
        for savepoint in self.savepoints.split_off(from) {
            self.let_go(savepoint.mark);
        }
        if self.savepoints.is_empty() {
            self.bytes -= self.journal.len() * JOURNAL_BYTES;
            self.journal.clear();
        }
    }
}

impl Entry {
    fn seen_at(&self, mark: Mark) -> Option<&Write> {
        if self.newest.seq <= mark.0 {
            return Some(&self.newest);
        }
        self.older.iter().rev().find(|write| write.seq <= mark.0)
    }

    /// Drops the older writes that no mark sees; returns their bytes.
    fn forget_unseen(&mut self, held: &BTreeMap<Mark, usize>) -> usize {
        let mut bytes = 0;
        let mut next = self.newest.seq;
        for at in (0..self.older.len()).rev() {
            let seq = self.older[at].seq;
            if held.range(Mark(seq)..Mark(next)).next().is_none() {
                bytes += self.older.remove(at).bytes();
            } else {
                next = seq;
            }
        }
        bytes
    }

    /// Goes back to what the mark saw, if it saw anything; returns the bytes of what is dropped.
    fn undo_after(&mut self, mark: Mark) -> usize {
        let mut bytes = 0;
        while self.newest.seq > mark.0
            && let Some(before) = self.older.pop()
        {
            bytes += std::mem::replace(&mut self.newest, before).bytes();
        }
        bytes
    }
}

fn merge<'a>(
    own: impl Iterator<Item = (&'a Bytes, &'a Option<Bytes>)>,
    rows: Vec<Row>,
    out: &mut Vec<Row>,
    order: impl Fn(&Bytes, &Bytes) -> Ordering,
) {
    let mut rows = rows.into_iter().peekable();
    for (key, value) in own {
        while let Some(row) = rows.next_if(|row| order(&row.key, key).is_lt()) {
            out.push(row);
        }
        rows.next_if(|row| row.key == *key);
        if let Some(value) = value {
            out.push(Row { key: key.clone(), value: value.clone() });
        }
    }
    out.extend(rows);
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    type Map = BTreeMap<Bytes, Option<Bytes>>;

    fn newest(buffer: &Buffer) -> Map {
        buffer.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn recount(buffer: &Buffer) -> usize {
        let entry = |(key, entry): (&Bytes, &Entry)| {
            ENTRY_BYTES + key.len() + entry.newest.bytes() + entry.older.iter().map(Write::bytes).sum::<usize>()
        };
        buffer.writes.iter().map(entry).sum::<usize>() + buffer.journal.len() * JOURNAL_BYTES
    }

    fn overlaid(own: &Map, span: &Span, reverse: bool, rows: &[Row]) -> Vec<Row> {
        let mut all: BTreeMap<Bytes, Bytes> = rows.iter().map(|row| (row.key.clone(), row.value.clone())).collect();
        for (key, value) in own.iter().filter(|(key, _)| span.contains(key)) {
            match value {
                Some(value) => all.insert(key.clone(), value.clone()),
                None => all.remove(key),
            };
        }
        let mut rows: Vec<Row> = all.into_iter().map(|(key, value)| Row { key, value }).collect();
        if reverse {
            rows.reverse();
        }
        rows
    }

    /// Savepoints and readers, each with a copy of all it must see.
    #[test]
    fn agrees_with_copies_of_a_map() {
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let mut buffer = Buffer::default();
            let mut model = Map::new();
            let mut savepoints: Vec<(Mark, Map)> = Vec::new();
            let mut readers: Vec<(Mark, Map)> = Vec::new();
            let mut last = Seq(0);
            for _ in 0..150 {
                let key = Bytes::from(format!("k{}", rng.below(12)));
                match rng.below(14) {
                    0..7 => {
                        let value = rng.chance(0.7).then(|| Bytes::from("v".repeat(rng.below(9) as usize)));
                        let seq = buffer.write(key.clone(), value.clone());
                        assert!(seq > last);
                        last = seq;
                        model.insert(key.clone(), value);
                    }
                    7..9 => savepoints.push((buffer.mark(), model.clone())),
                    9 if !savepoints.is_empty() => {
                        let at = rng.below(savepoints.len() as u64) as usize;
                        buffer.release(savepoints[at].0);
                        savepoints.truncate(at);
                    }
                    10 if !savepoints.is_empty() => {
                        let at = rng.below(savepoints.len() as u64) as usize;
                        savepoints.truncate(at + 1);
                        let (mark, then) = &savepoints[at];
                        buffer.rollback_to(*mark);
                        model = then.clone();
                        // A reader beyond the rollback would see what is undone; nobody keeps such a reader.
                        readers.retain(|(reader, _)| {
                            if reader > mark {
                                buffer.let_go(*reader);
                            }
                            reader <= mark
                        });
                    }
                    11 => readers.push((buffer.hold(), model.clone())),
                    12 if !readers.is_empty() => {
                        let at = rng.below(readers.len() as u64) as usize;
                        buffer.let_go(readers.remove(at).0);
                    }
                    _ => {}
                }
                assert_eq!(newest(&buffer), model);
                assert_eq!(buffer.get(&key), model.get(&key));
                assert_eq!((buffer.len(), buffer.is_empty()), (model.len(), model.is_empty()));
                assert_eq!(buffer.bytes(), recount(&buffer));
                for (mark, then) in &readers {
                    assert_eq!(buffer.get_at(&key, *mark), then.get(&key), "{seed}");
                }

                let (start, end) = (rng.below(13), rng.below(13));
                let span = Span::new(format!("k{start}"), if end == 0 { String::new() } else { format!("k{end}") });
                let reverse = rng.chance(0.5);
                let committed: Map = (0..12)
                    .filter(|_| rng.chance(0.4))
                    .map(|i| (format!("k{i}").into(), Some("base".into())))
                    .collect();
                let committed: Map = committed.into_iter().filter(|(key, _)| span.contains(key)).collect();
                let rows = overlaid(&committed, &span, reverse, &[]);
                let mut out = vec![Row { key: "before".into(), value: "".into() }];
                buffer.overlay(&span, reverse, rows.clone(), &mut out);
                assert_eq!(out[1..], overlaid(&model, &span, reverse, &rows));
                if let Some((mark, then)) = readers.first() {
                    out.clear();
                    buffer.overlay_at(*mark, &span, reverse, rows.clone(), &mut out);
                    assert_eq!(out, overlaid(then, &span, reverse, &rows));
                }
            }
            for (mark, _) in readers {
                buffer.let_go(mark);
            }
            if let Some((mark, _)) = savepoints.first() {
                buffer.release(*mark);
            }
            assert!(buffer.held.is_empty() && buffer.journal.is_empty());
        }
    }

    #[test]
    fn a_row_that_changes_often_is_buffered_once() {
        let mut buffer = Buffer::default();
        let savepoint = buffer.mark();
        for i in 0..1000 {
            // Each statement reads as of its beginning while it writes.
            let statement = buffer.hold();
            buffer.put("row", format!("{i:04}"));
            buffer.let_go(statement);
        }
        assert_eq!((buffer.journal.len(), buffer.writes["row".as_bytes()].older.len()), (1, 1));
        buffer.rollback_to(savepoint);
        assert!(buffer.is_empty());
        assert_eq!(buffer.bytes(), 0);
    }

    #[test]
    fn savepoints_without_writes_between_them_are_different_ones() {
        let mut buffer = Buffer::default();
        let outer = buffer.mark();
        let inner = buffer.mark();
        buffer.put("a", "1");
        buffer.release(outer);
        let gone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| buffer.clone().rollback_to(inner)));
        assert!(gone.is_err());
        assert_eq!(buffer.get(b"a"), Some(&Some(Bytes::from("1"))));
    }
}
