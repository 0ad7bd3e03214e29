//! Garbage collection of a range: first the threshold goes up through the log, then what only reads below it would see
//! goes away, in small steps.
//!
//! The walk over Current looks at every row there is, so nobody waits for it: it looks without latches, and takes them
//! only for the few rows between which it has found something.

use std::sync::Arc;
use std::time::Duration;

use atoll_storage::engine::Batch;
use atoll_txn::mvcc::gc::{self, Cursor, Progress};
use atoll_txn::request::Span;
use atoll_txn::{Error, Result, Timestamp};

use super::volatile::Latched;
use super::{Failed, Replica};

const ROWS_PER_STEP: usize = 512;
/// A range is walked when this part of the time that history lasts has gone by since the last time: a fifth more
/// history than was asked for, at most, and a walk now and then.
const WALKS_PER_HISTORY: u32 = 5;

/// Some rows, looked at.
struct Looked {
    progress: Progress,
    batch: Batch,
    latched: Option<Latched>,
}

impl Replica {
    /// Whether it is time to walk over the range again, with this threshold.
    pub(crate) fn is_garbage_due(&self, threshold: Timestamp, history: Duration) -> bool {
        let last = self.published().gc_threshold;
        threshold > last && threshold.wall - last.wall >= (history / WALKS_PER_HISTORY).as_nanos() as u64
    }

    pub(crate) async fn collect_garbage(self: &Arc<Self>, threshold: Timestamp) -> Result<u64> {
        let serving = self.serving(&self.memory.lock(), &[])?;
        if threshold <= self.published().gc_threshold {
            return Ok(0);
        }
        let mut command = self.command(serving, Timestamp::ZERO);
        command.gc_threshold = Some(threshold);
        self.propose(&command).await.map_err(|failed| self.not_now(failed))?;

        let span = self.published().span.clone();
        let mut cursor = Cursor::start(&span);
        let mut collected = 0;
        loop {
            let mut looked = self.look(&span, threshold, &cursor)?;
            // History holds only what is below some newer version: nothing is written there but by what is latched
            // under that version's key, and never below the threshold. A tombstone in Current may be overwritten.
            if let Cursor::Current(start) = &cursor
                && !looked.batch.is_empty()
            {
                // A step that could not finish its first row comes back to it.
                let part = match &looked.progress.cursor {
                    Some(Cursor::Current(end)) if end == start => Span::point(start),
                    Some(Cursor::Current(end)) => Span { start: start.clone(), end: end.clone() },
                    _ => Span { start: start.clone(), end: span.end.clone() },
                };
                looked = self.look_latched(&part, &span, threshold, &cursor).await?;
            }
            let Looked { progress, batch, latched } = looked;
            if !batch.is_empty() {
                let serving = self.serving(&self.memory.lock(), std::slice::from_ref(&span))?;
                let mut command = self.command(serving, Timestamp::ZERO);
                command.write(batch);
                if let Err(failed) = self.propose(&command).await {
                    if let (Failed::Unknown, Some(latched)) = (&failed, latched) {
                        latched.keep();
                    }
                    return Err(self.not_now(failed));
                }
            }
            collected += progress.versions + progress.tombstones;
            match progress.cursor {
                Some(next) => cursor = next,
                None => return Ok(collected),
            }
            // Others have work, too.
            tokio::task::yield_now().await;
        }
    }

    fn look(&self, span: &Span, threshold: Timestamp, cursor: &Cursor) -> Result<Looked> {
        let mut batch = Batch::new();
        let view = self.node.engine.view();
        let progress = gc::collect(&view, span, threshold, cursor, ROWS_PER_STEP, &mut batch)
            .map_err(|error| self.damaged(error))?;
        Ok(Looked { progress, batch, latched: None })
    }

    /// Looks at a part of the range again, at what is there when nobody else may write there.
    async fn look_latched(
        self: &Arc<Self>,
        part: &Span,
        span: &Span,
        threshold: Timestamp,
        cursor: &Cursor,
    ) -> Result<Looked> {
        let latched = self.latch(vec![part.clone()]).await?;
        // What goes away is nothing that a reader could see.
        self.decide_latched(&latched, Timestamp::MAX);
        let mut looked = self.look(part, threshold, cursor)?;
        if looked.progress.cursor.is_none() && part.end != span.end {
            looked.progress.cursor = Some(Cursor::Current(part.end.clone()));
        }
        looked.latched = Some(latched);
        Ok(looked)
    }

    /// Garbage is collected the next time.
    fn not_now(&self, failed: Failed) -> Error {
        match failed {
            Failed::Refused(error) => error,
            Failed::Unknown => Error::NotLeaseholder { range: self.id, leader: None },
        }
    }
}
