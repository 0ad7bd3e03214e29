//! A group's log and vote, kept in the log that all groups of the node share.
//!
//! INVARIANT: votes, entries, truncations and purges of a group reach the disk in the order in which openraft issued
//! them, because all of them go through the one queue of the shared log. Reordered, a crash could keep an entry and
//! forget the vote that allowed it.
//!
//! INVARIANT: an entry is counted as durable ([`Durable`]) only after its sync, and no longer once it is truncated.
//! Applying waits for that, so the state never runs ahead of the log on the same node, and a log that is shorter than
//! its state is recognised as damaged.
//!
//! Deliberately absent: a stored commit index. Without it a restarted voter applies nothing until a leader tells it
//! what is committed, which is the safe side; stored ahead of the entries it would be worse than none.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use atoll_storage::wal::GroupLog;
use futures_util::{Stream, stream};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader, RaftTypeConfig};
use tokio::sync::watch;

use crate::codec;
use crate::error::{Error, Result};
use crate::types::{Entry, LogId, Types, Vote};

/// Bytes of entries read at a time, to send or to apply; a single larger entry is read alone.
const READ_BYTES_MAX: usize = 1 << 20;

/// Clones share everything.
#[derive(Clone)]
pub(crate) struct Log {
    entries: GroupLog,
    durable: Arc<Durable>,
}

impl Log {
    pub(crate) fn new(entries: GroupLog) -> Log {
        let durable = Arc::new(Durable::new(next_index(&entries)));
        Log { entries, durable }
    }

    pub(crate) fn durable(&self) -> Arc<Durable> {
        self.durable.clone()
    }

    pub(crate) fn purged(&self) -> Result<Option<LogId>> {
        self.entries.bounds().purged.map(|purged| codec::decode_log_id(&purged.marker)).transpose()
    }

    pub(crate) fn vote(&self) -> Result<Option<Vote>> {
        self.entries.vote().map(|bytes| codec::decode_vote(&bytes)).transpose()
    }

    /// The first and last index of the entries that can be read; empty if the first is above the last.
    pub(crate) fn readable(&self) -> (u64, Option<u64>) {
        let bounds = self.entries.bounds();
        (bounds.purged.map_or(0, |purged| purged.index + 1), bounds.last)
    }

    pub(crate) async fn entry(&self, index: u64) -> Result<Option<Entry>> {
        let (first, last) = self.readable();
        if index < first || last.is_none_or(|last| index > last) {
            return Ok(None);
        }
        Ok(self.read(index..index + 1, READ_BYTES_MAX).await?.pop())
    }

    pub(crate) async fn last_log_id(&self) -> Result<Option<LogId>> {
        match self.readable().1 {
            Some(last) => Ok(self.entry(last).await?.map(|entry| entry.log_id)),
            None => self.purged(),
        }
    }

    /// Removes the entries after `last`.
    pub(crate) async fn truncate(&self, last: Option<u64>) -> Result<()> {
        self.entries.truncate_after(last).await?;
        // Every append before it is done by now, so none can raise the mark again for a truncated entry.
        self.durable.retreat(last.map_or(0, |last| last + 1));
        Ok(())
    }

    async fn read(&self, range: std::ops::Range<u64>, bytes_max: usize) -> Result<Vec<Entry>> {
        let rows = self.entries.read(range, bytes_max).await?;
        rows.into_iter().map(|(index, bytes)| codec::decode_entry(index, &bytes)).collect()
    }

    /// The part of `range` that the log has.
    fn clamp(&self, range: &impl RangeBounds<u64>) -> std::ops::Range<u64> {
        let (first, last) = self.readable();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        let start = start.max(first);
        start..end.min(last.map_or(0, |last| last + 1)).max(start)
    }
}

impl<R: Send + Sync + 'static> RaftLogReader<Types<R>> for Log {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let range = self.clamp(&range);
        let mut entries: Vec<Entry> = Vec::new();
        let mut next = range.start;
        while next < range.end {
            let more = self.read(next..range.end, READ_BYTES_MAX).await.map_err(Error::into_io)?;
            match more.last() {
                Some(last) => next = last.log_id.index + 1,
                None => return Err(io::Error::other(format!("log entry {next} is missing"))),
            }
            entries.extend(more);
        }
        Ok(entries)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.vote().map_err(Error::into_io)
    }

    /// A follower that asks for purged entries gets nothing here; openraft then sends it a snapshot.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let range = self.clamp(&(start..end));
        if range.start != start || range.is_empty() {
            return Ok(Vec::new());
        }
        self.read(range, READ_BYTES_MAX).await.map_err(Error::into_io)
    }

    /// Entries to apply, a bounded number of bytes in memory at a time.
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let range = self.clamp(&range);
        let log = self.clone();
        let chunks = stream::unfold((log, range, Vec::new().into_iter()), |(log, range, mut chunk)| async move {
            if let Some(entry) = chunk.next() {
                return Some((Ok(entry), (log, range, chunk)));
            }
            if range.is_empty() {
                return None;
            }
            let read = log.read(range.clone(), READ_BYTES_MAX).await.map_err(Error::into_io);
            let mut chunk = match read {
                Ok(entries) => entries.into_iter(),
                Err(error) => return Some((Err(error), (log, range.end..range.end, Vec::new().into_iter()))),
            };
            let next = range.start + chunk.len() as u64;
            match chunk.next() {
                Some(entry) => Some((Ok(entry), (log, next..range.end, chunk))),
                None => {
                    let missing = io::Error::other(format!("log entry {} is missing", range.start));
                    Some((Err(missing), (log, range.end..range.end, chunk)))
                }
            }
        });
        Box::pin(chunks)
    }
}

impl<R: Send + Sync + 'static> RaftLogStorage<Types<R>> for Log {
    type LogReader = Log;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types<R>>> {
        let last_purged_log_id = self.purged().map_err(Error::into_io)?;
        let last_log_id = self.last_log_id().await.map_err(Error::into_io)?;
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Log {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.entries.save_vote(codec::encode_vote(vote)).await.map_err(io::Error::other)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types<R>>) -> io::Result<()>
    where
        I: IntoIterator<Item = <Types<R> as RaftTypeConfig>::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let rows: Vec<_> = entries.into_iter().map(|entry| (entry.log_id.index, codec::encode_entry(&entry))).collect();
        let Some(end) = rows.last().map(|(index, _)| index + 1) else {
            callback.io_completed(Ok(()));
            return Ok(());
        };
        let durable = self.durable.clone();
        let done = move |result: atoll_storage::Result<()>| {
            // Before openraft hears of it: applying follows at once and need not wait then.
            match &result {
                Ok(()) => durable.advance(end),
                Err(_) => durable.fail(),
            }
            callback.io_completed(result.map_err(io::Error::other));
        };
        self.entries.append(rows, done).map_err(io::Error::other)
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.truncate(last.map(|log_id| log_id.index)).await.map_err(Error::into_io)
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.entries.purge(upto.index, codec::encode_log_id(&upto)).await.map_err(io::Error::other)?;
        self.durable.advance(upto.index + 1);
        Ok(())
    }
}

fn next_index(entries: &GroupLog) -> u64 {
    let bounds = entries.bounds();
    match (bounds.last, bounds.purged) {
        (Some(last), _) => last + 1,
        (None, Some(purged)) => purged.index + 1,
        (None, None) => 0,
    }
}

/// How far a group's log is durable on this node.
pub(crate) struct Durable {
    state: watch::Sender<State>,
}

#[derive(Clone, Copy)]
struct State {
    /// All entries below this index are.
    end: u64,
    failed: bool,
}

impl Durable {
    fn new(end: u64) -> Durable {
        Durable { state: watch::Sender::new(State { end, failed: false }) }
    }

    fn advance(&self, end: u64) {
        self.state.send_if_modified(|state| {
            let moves = state.end < end;
            state.end = state.end.max(end);
            moves
        });
    }

    fn retreat(&self, end: u64) {
        self.state.send_modify(|state| state.end = state.end.min(end));
    }

    fn fail(&self) {
        self.state.send_modify(|state| state.failed = true);
    }

    /// Waits until the entry at `index` is durable.
    pub(crate) async fn reach(&self, index: u64) -> io::Result<()> {
        let mut state = self.state.subscribe();
        // The sender is `self`: the wait can't end because it is gone.
        let reached = state.wait_for(|state| state.end > index || state.failed).await.map(|state| state.end > index);
        match reached {
            Ok(true) => Ok(()),
            _ => Err(io::Error::other("the log failed before the entry was durable")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn truncation_takes_durability_back_and_failure_ends_the_wait() {
        let durable = Arc::new(Durable::new(5));
        durable.reach(4).await.unwrap();
        durable.advance(9);
        durable.reach(8).await.unwrap();
        durable.retreat(6);
        durable.advance(3);
        durable.reach(5).await.unwrap();

        let waiter = {
            let durable = durable.clone();
            async move { durable.reach(6).await }
        };
        let (reached, ()) = tokio::join!(waiter, async { durable.fail() });
        assert!(reached.is_err());
    }
}
