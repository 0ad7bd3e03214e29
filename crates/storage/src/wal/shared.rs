//! What the log's handles, its writer and its keeper share, and how they wait for each other.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use atoll_env::{Env, Mono, disk::DirLock};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::{
    format::LogId,
    queue::{Done, Item, Op, State, tell},
    segment::{Prepared, Segment},
};
use crate::{Error, GroupId, Result};

/// A full disk is looked at again after this time, when somebody asks for room.
const FULL_RETRY: Duration = Duration::from_millis(100);

pub struct Shared {
    pub env: Env,
    pub dir: PathBuf,
    pub log: LogId,
    pub segment_bytes: u64,
    /// Held until both tasks have ended.
    dir_lock: Mutex<Option<DirLock>>,
    inner: Mutex<Inner>,
    /// For the writer: something is queued, or it is time to end.
    work: Notify,
    /// For the keeper: a segment is wanted or dead, or it is time to end.
    upkeep: Notify,
    /// For the writer: the keeper has tried to prepare a segment.
    prepared: Notify,
}

pub struct Inner {
    pub state: State,
    /// Those with frames, until they are deleted; the last one is being written.
    pub segments: BTreeMap<u64, Arc<Segment>>,
    pub next: Next,
    /// What is left in the segment that is being written.
    pub room: u64,
    writer_waits: bool,
    closing: bool,
    writer_ended: bool,
}

/// The segment after the one that is being written.
pub enum Next {
    /// The keeper is to prepare the segment of this number, or is at it.
    Wanted {
        number: u64,
        was_full: bool,
    },
    Ready(Prepared),
    /// In the hands of the writer.
    Taken,
    /// There was no room for it on the disk at this moment.
    Full {
        number: u64,
        since: Mono,
    },
}

/// What the keeper has to do.
pub enum Chore {
    Delete(Arc<Segment>),
    Prepare(u64),
}

impl Inner {
    pub fn is_full(&self) -> bool {
        matches!(self.next, Next::Full { .. } | Next::Wanted { was_full: true, .. })
    }

    /// The oldest segment, if nobody needs it any more. Only the oldest, so that a gap in the numbers is always damage.
    fn dead(&self) -> Option<&Arc<Segment>> {
        let (number, segment) = self.segments.first_key_value()?;
        (self.segments.len() > 1 && self.state.live.in_segment(*number) == 0).then_some(segment)
    }

    /// Wants the next segment again if the last refusal is old enough; returns whether it did.
    fn retry(&mut self, now: Mono) -> bool {
        match self.next {
            Next::Full { number, since } if now - since >= FULL_RETRY => {
                self.next = Next::Wanted { number, was_full: true };
                true
            }
            _ => false,
        }
    }
}

impl Shared {
    pub fn new(env: Env, dir: PathBuf, log: LogId, segment_bytes: u64, dir_lock: DirLock, inner: Inner) -> Shared {
        Shared {
            env,
            dir,
            log,
            segment_bytes,
            dir_lock: Mutex::new(Some(dir_lock)),
            inner: Mutex::new(inner),
            work: Notify::new(),
            upkeep: Notify::new(),
            prepared: Notify::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Queues changes of one group in order, all or none.
    pub fn enqueue(&self, group: GroupId, ops: impl IntoIterator<Item = (Op, Option<Done>)>) -> Result<()> {
        let waits = {
            let mut inner = self.inner.lock();
            inner.state.check()?;
            if inner.closing {
                return Err(Error::Closed);
            }
            for (op, done) in ops {
                inner.state.enqueue(group, op, done)?;
            }
            std::mem::take(&mut inner.writer_waits)
        };
        if waits {
            self.work.notify_one();
        }
        Ok(())
    }

    /// What the writer is to write next; None when it is time to end.
    pub async fn next_items(&self) -> Option<Vec<Item>> {
        loop {
            {
                let mut inner = self.inner.lock();
                if inner.state.has_queued() {
                    return Some(inner.state.take());
                }
                if inner.closing || inner.state.stopped().is_some() {
                    return None;
                }
                inner.writer_waits = true;
            }
            self.work.notified().await;
        }
    }

    /// The next segment, for the writer. None if the disk is full.
    pub async fn take_next(&self) -> Result<Option<Prepared>> {
        loop {
            let wake = {
                let mut inner = self.inner.lock();
                inner.state.check()?;
                let retried = inner.retry(self.env.clock.mono());
                match std::mem::replace(&mut inner.next, Next::Taken) {
                    Next::Ready(prepared) => return Ok(Some(prepared)),
                    full @ Next::Full { .. } => {
                        inner.next = full;
                        return Ok(None);
                    }
                    other => inner.next = other,
                }
                retried
            };
            if wake {
                self.upkeep.notify_one();
            }
            self.prepared.notified().await;
        }
    }

    /// The writer gives back a segment that it couldn't use.
    pub fn give_back(&self, prepared: Prepared) {
        self.inner.lock().next = Next::Ready(prepared);
    }

    /// The writer goes on in a new segment.
    pub fn rotated(&self, segment: Arc<Segment>, room: u64, checkpoint_bytes: usize) {
        {
            let mut inner = self.inner.lock();
            inner.state.counters.count_frame(checkpoint_bytes);
            inner.next = Next::Wanted { number: segment.number + 1, was_full: false };
            inner.segments.insert(segment.number, segment);
            inner.room = room;
        }
        self.upkeep.notify_one();
    }

    /// The writer's frame with these items is synced.
    pub fn settle(&self, items: &[Item], segment: u64, offsets: &[usize], bytes: usize, room: u64) {
        let dead = {
            let mut inner = self.inner.lock();
            inner.state.settle(items, segment, offsets);
            inner.room = room;
            inner.state.counters.count_frame(bytes);
            inner.dead().is_some()
        };
        if dead {
            self.upkeep.notify_one();
        }
    }

    /// Asks for another attempt to prepare a segment, unless the last one was a moment ago.
    pub fn look_for_room(&self, inner: &mut Inner) {
        if inner.retry(self.env.clock.mono()) {
            self.upkeep.notify_one();
        }
    }

    /// What the keeper is to do next; None when it is time to end. Deleting comes first: it makes room.
    pub async fn next_chore(&self, may_delete: bool) -> Option<Chore> {
        loop {
            {
                let inner = self.inner.lock();
                if inner.writer_ended || inner.state.stopped().is_some() {
                    return None;
                }
                if may_delete && let Some(segment) = inner.dead() {
                    return Some(Chore::Delete(segment.clone()));
                }
                if let Next::Wanted { number, .. } = inner.next {
                    return Some(Chore::Prepare(number));
                }
            }
            self.upkeep.notified().await;
        }
    }

    pub fn deleted(&self, number: u64) {
        let mut inner = self.inner.lock();
        inner.segments.remove(&number);
        if let Next::Full { number, .. } = inner.next {
            inner.next = Next::Wanted { number, was_full: true };
        }
    }

    pub fn set_next(&self, next: Next) {
        self.inner.lock().next = next;
        self.prepared.notify_one();
    }

    /// Ends everything; those who wait hear of it. Returns the reason, which is the first that was ever given.
    pub fn stop(&self, reason: Error) -> Error {
        let (reason, waiters) = self.inner.lock().state.stop(reason);
        self.wake_all();
        tell(waiters, Err(reason.clone()));
        reason
    }

    /// No further changes are accepted; the writer ends after those that are queued.
    pub fn begin_close(&self) {
        self.inner.lock().closing = true;
        self.wake_all();
    }

    pub fn writer_ended(&self) {
        self.inner.lock().writer_ended = true;
        self.wake_all();
    }

    pub fn unlock_dir(&self) {
        drop(self.dir_lock.lock().take());
    }

    fn wake_all(&self) {
        self.work.notify_one();
        self.upkeep.notify_one();
        self.prepared.notify_one();
    }
}

impl Inner {
    pub fn new(state: State, segments: BTreeMap<u64, Arc<Segment>>, next: Next, room: u64) -> Inner {
        Inner { state, segments, next, room, writer_waits: false, closing: false, writer_ended: false }
    }
}
