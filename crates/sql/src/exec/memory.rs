//! What one statement may keep in memory, and what stops it.
//!
//! ```text
//!   operators ──grow──▶ Memory, one for each statement ──in pieces──▶ Pool, one for the node
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use atoll_datum::{Error, Result, sqlstate};
use tokio::sync::Notify;

/// What a node's statements may keep in memory together, unless it is told otherwise.
const POOL_BYTES: usize = 1 << 30;
/// A statement may take this part of the pool.
const STATEMENT_PART: usize = 2;
/// What an operator may keep before it lays rows aside, unless `work_mem` says otherwise.
const WORK_BYTES: usize = 1 << 30;
/// An operator that lays rows aside leaves this part of the statement's memory to others, unless it has less than
/// a part of it itself.
const LEFT_PART: usize = 4;
const OWN_PART: usize = 32;
/// With less than this there is nothing to gain by laying rows aside.
const WORTH_BYTES: usize = 1 << 20;
/// A statement takes from the pool, and gives back, so much at a time.
const PIECE_BYTES: usize = 64 << 10;

/// What all statements of a node keep in memory together.
#[derive(Debug)]
pub struct Pool {
    used: AtomicUsize,
    limit: usize,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool::new(POOL_BYTES)
    }
}

impl Pool {
    pub fn new(limit: usize) -> Pool {
        Pool { used: AtomicUsize::new(0), limit }
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// An account of what operators keep. Batches on their way are not counted.
#[derive(Debug)]
pub struct Memory {
    used: usize,
    limit: usize,
    /// That of one operator which can lay rows aside.
    work: usize,
    pool: Option<Arc<Pool>>,
    /// Of the pool's.
    taken: usize,
    /// The most that was used at one time.
    peak: usize,
}

/// That of a statement which belongs to no node.
impl Default for Memory {
    fn default() -> Memory {
        Memory { used: 0, limit: POOL_BYTES / STATEMENT_PART, work: WORK_BYTES, pool: None, taken: 0, peak: 0 }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give(self.taken);
        }
    }
}

impl Memory {
    /// `limit`: none is all that one statement may take of the pool. `work`: none is the default.
    pub fn of(pool: &Arc<Pool>, limit: Option<usize>, work: Option<usize>) -> Memory {
        let (limit, work) = (limit.unwrap_or(pool.limit / STATEMENT_PART), work.unwrap_or(WORK_BYTES));
        Memory { used: 0, limit, work, pool: Some(pool.clone()), taken: 0, peak: 0 }
    }

    pub fn used(&self) -> usize {
        self.used
    }

    pub fn peak(&self) -> usize {
        self.peak
    }

    /// Books `bytes` more in `account`, which is the share of one operator.
    pub fn grow(&mut self, account: &mut usize, bytes: usize) -> Result<()> {
        let used = self.used.saturating_add(bytes);
        if used > self.limit {
            let detail = format!("The statement needs more than its limit of {} MB.", self.limit >> 20);
            return Err(Error::new(sqlstate::OUT_OF_MEMORY, "out of memory").detail(detail));
        }
        if let Some(pool) = &self.pool
            && used > self.taken
        {
            let piece = (used - self.taken).next_multiple_of(PIECE_BYTES);
            if !pool.take(piece) {
                let detail = format!("All statements together need more than the node's {} MB.", pool.limit >> 20);
                return Err(Error::new(sqlstate::OUT_OF_MEMORY, "out of memory").detail(detail));
            }
            self.taken += piece;
        }
        self.used = used;
        self.peak = self.peak.max(used);
        *account += bytes;
        Ok(())
    }

    /// The same for an operator that can lay rows aside; false if it has to, and nothing is booked.
    pub fn try_grow(&mut self, account: &mut usize, bytes: usize) -> Result<bool> {
        let (own, used) = (account.saturating_add(bytes), self.used.saturating_add(bytes));
        let leaves_too_little = used > self.limit - self.limit / LEFT_PART && own > self.limit / OWN_PART;
        if own > self.work || leaves_too_little {
            return Ok(false);
        }
        match self.grow(account, bytes) {
            Ok(()) => Ok(true),
            Err(_) if own >= WORTH_BYTES => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn release(&mut self, account: &mut usize) {
        self.used = self.used.saturating_sub(std::mem::take(account));
        if let Some(pool) = &self.pool {
            let spare = (self.taken - self.used) / PIECE_BYTES * PIECE_BYTES;
            pool.give(spare);
            self.taken -= spare;
        }
    }
}

/// Raised from outside to stop a statement at its next batch.
#[derive(Debug, Default)]
pub struct Cancel {
    reason: AtomicU8,
    raised: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CancelReason {
    UserRequest = 1,
    StatementTimeout = 2,
    LockTimeout = 3,
    Shutdown = 4,
}

impl Cancel {
    /// The first reason stays.
    pub fn cancel(&self, reason: CancelReason) {
        // Whoever comes second finds a statement that is being stopped anyway.
        let _first = self.reason.compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
        self.raised.notify_waiters();
    }

    /// For the next statement.
    pub fn reset(&self) {
        self.reason.store(0, Ordering::Relaxed);
    }

    /// Waits until it is raised.
    pub async fn cancelled(&self) {
        let mut raised = pin!(self.raised.notified());
        // Listening begins before looking, so that nothing falls between.
        raised.as_mut().enable();
        if self.check().is_ok() {
            raised.await;
        }
    }

    pub fn check(&self) -> Result<()> {
        match self.reason.load(Ordering::Relaxed) {
            0 => Ok(()),
            reason => Err(cancelled(reason)),
        }
    }
}

#[cold]
fn cancelled(reason: u8) -> Error {
    let (state, message) = match reason {
        reason if reason == CancelReason::StatementTimeout as u8 => {
            (sqlstate::QUERY_CANCELED, "canceling statement due to statement timeout")
        }
        reason if reason == CancelReason::LockTimeout as u8 => {
            (sqlstate::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
        }
        reason if reason == CancelReason::Shutdown as u8 => {
            (sqlstate::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
        }
        _ => (sqlstate::QUERY_CANCELED, "canceling statement due to user request"),
    };
    Error::new(state, message)
}
