//! The log as its users see it: opening, closing, and the part of one group.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use atoll_env::{Env, disk::Open, fault, tasks::Task};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    format::{HEADER_BYTES, LogId, segment_path},
    group::{Location, Outline, Purged},
    keeper,
    queue::{Done, FRAME_BYTES, Op, Source, State},
    record::{ENTRY_OVERHEAD, PAYLOAD_BYTES_MAX, SMALL_BYTES_MAX, decode_entry},
    recover::{self, Recovered},
    segment::Segment,
    shared::{Inner, Next, Shared},
    watermark::{self, Watermark, WatermarkFile},
    writer::{OpenSegment, Writer},
};
use crate::{Error, GroupId, Result};

/// Entries that lie close together are read at once, up to this many bytes.
const READ_BYTES: usize = 1 << 20;
/// Bytes between two entries that are cheaper to read than to skip.
const READ_GAP: usize = 4096;

#[derive(Clone, Debug)]
pub struct Options {
    /// Relative to the node's data directory.
    pub dir: PathBuf,
    /// Of one segment file; up to twice as much is reserved ahead of what is used.
    pub segment_bytes: u64,
    /// Of the newest entries, kept in memory.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { dir: PathBuf::from("log"), segment_bytes: 32 << 20, cache_bytes: 16 << 20 }
    }
}

/// What of a group's log there is: entries up to `purged` are gone, those after it up to `last` are there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    pub purged: Option<Purged>,
    /// None if there are no entries, be it that they are all purged.
    pub last: Option<u64>,
}

impl From<Outline> for Bounds {
    fn from(outline: Outline) -> Bounds {
        Bounds { last: if outline.is_empty() { None } else { Some(outline.next - 1) }, purged: outline.purged }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Files, without the one that is prepared.
    pub segments: u64,
    /// Their lengths, in all.
    pub bytes: u64,
    /// Entries that aren't purged, of all groups.
    pub entries: u64,
    pub cached_bytes: u64,
    /// Reserved on the disk and not yet written.
    pub room_bytes: u64,
    /// Why nothing can be written or read any more.
    pub poisoned: Option<String>,
    /// The disk has no room for the next segment.
    pub full: bool,
    /// Since opening: synced changes, the entries among them, and the frames, syncs and bytes that it took.
    pub items: u64,
    pub appended_entries: u64,
    pub frames: u64,
    pub syncs: u64,
    pub written_bytes: u64,
}

/// The log of a node. Clones are the same log; when the last one and all its groups are dropped, it closes by itself.
#[derive(Clone)]
pub struct Wal {
    handle: Arc<Handle>,
}

/// One group's part of the log. Clones are the same.
#[derive(Clone)]
pub struct GroupLog {
    id: GroupId,
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    /// Writer and keeper.
    tasks: Mutex<Option<[Task<()>; 2]>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.begin_close();
    }
}

impl Wal {
    /// Opens the log, or makes it. Everything in it is read and verified first.
    pub async fn open(env: &Env, options: Options) -> Result<Wal> {
        let Options { dir, segment_bytes, cache_bytes } = options;
        let (disk, synced) = (&env.disk, watermark::path(&dir));
        // The offset of an entry within its segment has 32 bits.
        assert!(
            segment_bytes >= 4 * HEADER_BYTES as u64 && segment_bytes <= 1 << 31,
            "segments of {segment_bytes} bytes"
        );
        disk.create_dir_all(&dir).await.map_err(failed("make the log's directory"))?;
        let dir_lock = match disk.lock(&dir.join("lock")).await {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(Error::Locked { path: dir.display().to_string() });
            }
            Err(error) => return Err(failed("lock the log's directory")(error)),
        };
        let names = recover::list(env, &dir).await?;
        for name in names.unfinished {
            disk.remove_file(&dir.join(name)).await.map_err(failed("remove an unfinished file of the log"))?;
        }
        if !names.watermark && names.segments.is_empty() {
            let content = watermark::initial(LogId(env.entropy.next_u64()));
            disk.write_atomic(&synced, &content).await.map_err(failed("make the log's watermark"))?;
        }
        // Names that a killed process left are relied on below, so they have to be durable.
        disk.sync_dir(&dir).await.map_err(failed("sync the log's directory"))?;

        let Some(recovered) = recover::read(env, &dir).await? else {
            return Err(Error::damage(&synced, 0, "the file vanished while the log was opened"));
        };
        if recovered.slots.one_bad {
            tracing::warn!(file = %synced.display(), "one of the two slots is unreadable, the other one counts");
        }
        if let Some(number) = recovered.leftover {
            // It may hold half a checkpoint; a new file can't.
            let path = segment_path(&dir, number);
            disk.remove_file(&path).await.map_err(failed("remove a segment that was never used"))?;
            disk.sync_dir(&dir).await.map_err(failed("sync the log's directory"))?;
        }
        let mut segments = BTreeMap::new();
        for number in &recovered.segments {
            segments.insert(*number, Arc::new(Segment::open(disk, &dir, *number).await?));
        }
        let open = go_on(&recovered, &segments).await?;
        env.faults.crash_here(fault::CRASH_WAL_RECOVERY).await;
        let file = disk.open(&synced, Open::Write).await.map_err(failed("open the log's watermark"))?;
        let mut watermark = WatermarkFile::new(file, synced, &recovered.slots);
        let slots = recovered.slots;
        let log = slots.newest.log;
        if let Some(open) = &open {
            // Also takes back the mark of a clean end, before anything is written.
            let (sequence, segment) = (recovered.sequence, open.segment.number);
            watermark.note(Watermark { log, sequence, segment, end: open.end, clean: false }).await?;
            watermark.seal().await?;
        }

        let number = segments.last_key_value().map_or(1, |(number, _)| number + 1);
        let room = open.as_ref().map_or(0, OpenSegment::room);
        let state = State::new(recovered.groups, recovered.live, cache_bytes);
        let inner = Inner::new(state, segments, Next::Wanted { number, was_full: false }, room);
        let shared = Arc::new(Shared::new(env.clone(), dir, log, segment_bytes, dir_lock, inner));
        let keeper = env.tasks.spawn_dedicated("wal-keeper", keeper::run(shared.clone()));
        let mut writer = Writer::new(shared.clone(), watermark, recovered.sequence, open);
        if let Err(error) = writer.begin().await {
            shared.writer_ended();
            let _ended = keeper.await;
            return Err(error);
        }
        let writer = env.tasks.spawn_dedicated("wal-writer", writer.run());
        Ok(Wal { handle: Arc::new(Handle { shared, tasks: Mutex::new(Some([writer, keeper])) }) })
    }

    /// The groups that have anything in the log.
    pub fn groups(&self) -> Vec<GroupId> {
        self.shared().lock().state.groups()
    }

    /// A group's part, be it empty so far.
    pub fn group(&self, id: GroupId) -> GroupLog {
        GroupLog { id, handle: self.handle.clone() }
    }

    /// Forgets everything of a group. Durable when it returns.
    pub async fn remove_group(&self, id: GroupId) -> Result<()> {
        self.group(id).change(Op::Remove).await
    }

    /// Whether there is room to propose this many bytes. To be asked before: once an append fails for want of room, its
    /// group has to stop. When the disk is full, what is left is kept for what can't wait (votes, and the purges that
    /// make room again).
    pub fn admit(&self, bytes: usize) -> Result<()> {
        let shared = self.shared();
        let mut inner = shared.lock();
        inner.state.check()?;
        if !inner.is_full() {
            return Ok(());
        }
        shared.look_for_room(&mut inner);
        let room = inner.room.saturating_sub(inner.state.queued_bytes() as u64);
        if room < shared.segment_bytes / 2 + bytes as u64 { Err(Error::Full) } else { Ok(()) }
    }

    /// The groups that keep the oldest segment from being deleted, each with the index that it would have to purge up
    /// to. A group that is never purged makes the log grow without bound.
    pub fn holders(&self) -> Vec<(GroupId, u64)> {
        let inner = self.shared().lock();
        let oldest = inner.segments.first_key_value().map(|(number, _)| *number);
        oldest.map(|number| inner.state.holders(number)).unwrap_or_default()
    }

    pub fn status(&self) -> Status {
        let inner = self.shared().lock();
        let counters = inner.state.counters;
        Status {
            segments: inner.segments.len() as u64,
            bytes: inner.segments.values().map(|segment| segment.bytes).sum(),
            entries: inner.state.live.total(),
            cached_bytes: inner.state.cached_bytes() as u64,
            room_bytes: inner.room + if let Next::Ready(next) = &inner.next { next.capacity } else { 0 },
            poisoned: match inner.state.stopped() {
                Some(Error::Poisoned { reason }) => Some(reason.to_string()),
                _ => None,
            },
            full: inner.is_full(),
            items: counters.items,
            appended_entries: counters.entries,
            frames: counters.frames,
            syncs: counters.syncs,
            written_bytes: counters.written_bytes,
        }
    }

    /// Writes what is queued, marks the end as clean, and gives the directory free. Later calls on this log and its
    /// groups get [`Error::Closed`].
    pub async fn close(&self) -> Result<()> {
        let shared = self.shared();
        shared.begin_close();
        let tasks = self.handle.tasks.lock().take();
        for task in tasks.into_iter().flatten() {
            // If it was stopped with the whole node, that is as good.
            let _ended = task.await;
        }
        shared.unlock_dir();
        match shared.lock().state.stopped() {
            Some(error @ Error::Poisoned { .. }) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

/// Readies the last segment for writing, where the log ended.
async fn go_on(recovered: &Recovered, segments: &BTreeMap<u64, Arc<Segment>>) -> Result<Option<OpenSegment>> {
    let (Some(tail), Some((_, segment))) = (&recovered.tail, segments.last_key_value()) else { return Ok(None) };
    let synced = recovered.slots.newest;
    if !synced.clean || synced.sequence != recovered.sequence {
        segment.mend(tail).await?;
    }
    if let Some(torn) = &tail.torn {
        tracing::info!(file = %segment.path().display(), ?torn, "an unfinished frame was cut off");
    }
    // Reserved already, unless the file was copied.
    let capacity = match segment.reserve(segment.bytes).await {
        Ok(reserved) => reserved,
        Err(Error::Full) => tail.end,
        Err(error) => return Err(error),
    };
    Ok(Some(OpenSegment { segment: segment.clone(), end: tail.end, capacity }))
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::io(what, error)
}

impl GroupLog {
    pub fn id(&self) -> GroupId {
        self.id
    }

    pub fn bounds(&self) -> Bounds {
        self.handle.shared.lock().state.outline(self.id).into()
    }

    /// The vote that was saved last, be it that it isn't durable yet.
    pub fn vote(&self) -> Option<Bytes> {
        self.handle.shared.lock().state.outline(self.id).vote
    }

    /// Appends entries, which are readable at once. `done` is called when they are durable, or can't be any more, by
    /// the task that writes the log: it must not block. After an error from this call itself it is never called. For
    /// want of room an append of more than a frame's size may end half-way.
    ///
    /// Panics if the entries don't follow those that are there, without a gap.
    pub fn append(&self, entries: Vec<(u64, Bytes)>, done: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let done: Done = Box::new(done);
        let mut parts = parts(entries);
        // Parts are written in order, and when one fails those behind it do too: the last one speaks for all.
        let last = parts.pop_back().map(|part| (Op::Append(part), Some(done)));
        let before = parts.into_iter().map(|part| (Op::Append(part), None));
        self.handle.shared.enqueue(self.id, before.chain(last))
    }

    /// Durable when it returns.
    pub async fn save_vote(&self, vote: Bytes) -> Result<()> {
        assert!(vote.len() <= SMALL_BYTES_MAX, "a vote of {} bytes", vote.len());
        self.change(Op::Vote(vote)).await
    }

    /// Removes the entries after `last`, with None all of them. Durable when it returns, gone for readers at once.
    pub async fn truncate_after(&self, last: Option<u64>) -> Result<()> {
        self.change(Op::TruncateAfter(last)).await
    }

    /// Removes the entries up to and including `upto`; the next one to append is at least the one after it. Durable
    /// when it returns, gone for readers at once. Purging less than before does nothing.
    pub async fn purge(&self, upto: u64, marker: Bytes) -> Result<()> {
        assert!(marker.len() <= SMALL_BYTES_MAX, "a purge marker of {} bytes", marker.len());
        self.change(Op::Purge { upto, marker }).await
    }

    /// Queues any change.
    pub(super) fn submit(&self, op: Op, done: Done) -> Result<()> {
        self.handle.shared.enqueue(self.id, [(op, Some(done))])
    }

    async fn change(&self, op: Op) -> Result<()> {
        let (send, receive) = oneshot::channel();
        // Nobody listens if the caller was dropped; the change goes on.
        self.submit(op, Box::new(move |result| drop(send.send(result))))?;
        receive.await.unwrap_or(Err(Error::Closed))
    }

    /// The entries of this range that there are, in order, up to `bytes_max` of payload but at least one.
    pub async fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<(u64, Bytes)>> {
        let (found, segments) = {
            let inner = self.handle.shared.lock();
            inner.state.check()?;
            let found = inner.state.find(self.id, range, bytes_max);
            // Held open here, they can be read even if they are deleted meanwhile.
            let mut segments = BTreeMap::new();
            for (_, source) in &found {
                if let Source::Disk(location) = source
                    && !segments.contains_key(&location.segment)
                {
                    let segment = inner.segments.get(&location.segment).expect("located entries keep their segment");
                    segments.insert(location.segment, segment.clone());
                }
            }
            (found, segments)
        };
        let mut entries = Vec::with_capacity(found.len());
        let mut run: Vec<(u64, Location)> = Vec::new();
        for (index, source) in found {
            match source {
                Source::Disk(location) => {
                    if run.first().is_some_and(|(_, first)| !is_near(first, run.last(), &location)) {
                        self.read_run(&segments, &mut run, &mut entries).await?;
                    }
                    run.push((index, location));
                }
                Source::Memory(payload) => {
                    self.read_run(&segments, &mut run, &mut entries).await?;
                    entries.push((index, payload));
                }
            }
        }
        self.read_run(&segments, &mut run, &mut entries).await?;
        Ok(entries)
    }

    /// Reads entries that lie close together, and verifies each.
    async fn read_run(
        &self,
        segments: &BTreeMap<u64, Arc<Segment>>,
        run: &mut Vec<(u64, Location)>,
        entries: &mut Vec<(u64, Bytes)>,
    ) -> Result<()> {
        let (Some((_, first)), Some((_, last))) = (run.first().copied(), run.last().copied()) else { return Ok(()) };
        let segment = &segments[&first.segment];
        let start = first.offset as usize;
        let mut buffer = vec![0; end_of(&last) - start];
        segment.read(start as u64, &mut buffer).await?;
        let buffer = Bytes::from(buffer);
        for (index, location) in run.drain(..) {
            let record = buffer.slice(location.offset as usize - start..end_of(&location) - start);
            if let Err(bad) = decode_entry(&record, self.id, index) {
                return Err(segment.damage(location.offset.into(), bad));
            }
            entries.push((index, record.slice(ENTRY_OVERHEAD..)));
        }
        Ok(())
    }
}

fn end_of(location: &Location) -> usize {
    location.offset as usize + ENTRY_OVERHEAD + location.len as usize
}

/// Whether an entry is worth reading together with a run that starts with `first`.
fn is_near(first: &Location, last: Option<&(u64, Location)>, next: &Location) -> bool {
    let Some((_, last)) = last else { return false };
    let gap = (next.offset as usize).checked_sub(end_of(last));
    first.segment == next.segment
        && gap.is_some_and(|gap| gap <= READ_GAP)
        && end_of(next) - first.offset as usize <= READ_BYTES
}

/// Cuts a long append into pieces of the size of a frame. At least one, if empty.
fn parts(entries: Vec<(u64, Bytes)>) -> VecDeque<Vec<(u64, Bytes)>> {
    let mut parts = VecDeque::new();
    let mut part = Vec::new();
    let mut bytes = 0;
    for (index, payload) in entries {
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "an entry of {} bytes", payload.len());
        bytes += ENTRY_OVERHEAD + payload.len();
        if bytes > FRAME_BYTES && !part.is_empty() {
            parts.push_back(std::mem::take(&mut part));
            bytes = ENTRY_OVERHEAD + payload.len();
        }
        part.push((index, payload));
    }
    parts.push_back(part);
    parts
}
