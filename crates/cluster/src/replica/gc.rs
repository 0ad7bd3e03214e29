//! Garbage collection of a range: first the threshold goes up through the log, then what only reads below it would see
//! goes away, in small steps.

use std::sync::Arc;

use atoll_storage::engine::Batch;
use atoll_txn::mvcc::gc::{self, Cursor};
use atoll_txn::{Error, Result, Timestamp};

use super::{Failed, Replica};

const ROWS_PER_STEP: usize = 512;

impl Replica {
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
            // History holds only what is below some newer version: nothing is written there but by what is latched
            // under that version's key, and never below the threshold. A tombstone in Current may be overwritten.
            let latched = match cursor.in_current() {
                true => Some(self.latch(vec![span.clone()]).await?),
                false => None,
            };
            let mut batch = Batch::new();
            let view = self.node.engine.view();
            let step = gc::collect(&view, &span, threshold, &cursor, ROWS_PER_STEP, &mut batch)
                .map_err(|error| self.damaged(error))?;
            drop(view);
            if !batch.is_empty() {
                let serving = self.serving(&self.memory.lock(), std::slice::from_ref(&span))?;
                let mut command = self.command(serving, Timestamp::ZERO);
                command.write(batch);
                match self.propose(&command).await {
                    Ok(()) => {}
                    Err(failed) => {
                        if let (Failed::Unknown, Some(latched)) = (&failed, latched) {
                            latched.keep();
                        }
                        return Err(self.not_now(failed));
                    }
                }
            }
            collected += step.versions + step.tombstones;
            match step.cursor {
                Some(next) => cursor = next,
                None => return Ok(collected),
            }
        }
    }

    /// Garbage is collected the next time.
    fn not_now(&self, failed: Failed) -> Error {
        match failed {
            Failed::Refused(error) => error,
            Failed::Unknown => Error::NotLeaseholder { range: self.id, leader: None },
        }
    }
}
