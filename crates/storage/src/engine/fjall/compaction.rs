//! One thread that compacts, so that fjall's own worker doesn't.
//!
//! The strategy that fjall is told about never finds anything worth rewriting (see [`idle_strategy`]); this thread
//! runs the real one on the same tree. Three reasons: fjall's workers stop for good and poison the whole database at
//! the first error of a compaction, also at a full disk, of which nothing is broken; a single worker would let flushes
//! wait behind compactions; and with two of them one spins, passing messages to itself, while the other compacts.

use super::translate;
use crate::engine::failure::Failure;
use crate::error::Error;
use fjall::compaction::Leveled;
use fjall::{AbstractTree, Database, Keyspace};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How soon a finished flush is noticed.
const PERIOD: Duration = Duration::from_millis(100);
/// How soon a compaction is tried again that found the disk full.
const FULL_PERIOD: Duration = Duration::from_secs(2);

/// What fjall's worker is given: at these sizes it only ever moves tables, which costs nothing. It must be a levelled
/// one, because fjall stores the strategy by name and parameters in the keyspace, and reads it back at each open.
pub(super) fn idle_strategy() -> Arc<Leveled> {
    let table_bytes = 1 << 40;
    Arc::new(Leveled::default().with_l0_threshold(u8::MAX).with_table_target_size(table_bytes))
}

pub(super) struct Compactor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: Mutex<bool>,
    stopped: Condvar,
    full: AtomicBool,
}

impl Compactor {
    pub fn start(database: &Database, keyspace: &Keyspace, failure: Arc<Failure>) -> std::io::Result<Compactor> {
        let shared = Arc::<Shared>::default();
        let run = Run {
            shared: shared.clone(),
            // Not the database: its end waits for nobody but its own workers, and must come when the engine says so.
            watermark: Box::new({
                let tracker = database.supervisor.snapshot_tracker.clone();
                move || tracker.get_seqno_safe_to_gc()
            }),
            keyspace: keyspace.clone(),
            failure,
        };
        let thread = Builder::new().name("engine.compact".into()).spawn(move || run.until_stopped())?;
        Ok(Compactor { shared, thread: Some(thread) })
    }

    /// Whether the last attempt found no room on the disk.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }
}

impl Drop for Compactor {
    /// Waits for a running compaction to end.
    fn drop(&mut self) {
        *self.shared.stop.lock() = true;
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the compaction thread panicked");
        }
    }
}

struct Run {
    shared: Arc<Shared>,
    watermark: Box<dyn Fn() -> u64 + Send>,
    keyspace: Keyspace,
    failure: Arc<Failure>,
}

impl Run {
    fn until_stopped(&self) {
        let mut period = PERIOD;
        let mut seen = None;
        while !self.wait(period) {
            period = PERIOD;
            // Tables change only with the version; without a new one there is nothing to choose from.
            while seen != Some(self.version()) && self.failure.check().is_ok() && !*self.shared.stop.lock() {
                seen = Some(self.version());
                match self.keyspace.tree.compact(Arc::new(Leveled::default()), (self.watermark)()) {
                    Ok(()) => self.shared.full.store(false, Ordering::Relaxed),
                    Err(error) => {
                        match translate(self.keyspace.path(), fjall::Error::Storage(error)) {
                            Error::Full => {
                                if !self.shared.full.swap(true, Ordering::Relaxed) {
                                    tracing::warn!("no room to compact; trying again until there is");
                                }
                                seen = None;
                                period = FULL_PERIOD;
                            }
                            error => drop(self.failure.note(error)),
                        }
                        break;
                    }
                }
            }
        }
    }

    fn version(&self) -> u64 {
        self.keyspace.tree.current_version().id()
    }

    /// True when it is time to stop.
    fn wait(&self, period: Duration) -> bool {
        let mut stop = self.shared.stop.lock();
        if !*stop {
            self.shared.stopped.wait_for(&mut stop, period);
        }
        *stop
    }
}
