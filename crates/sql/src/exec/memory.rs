//! What one statement may keep in memory, and what stops it.

use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};

use atoll_datum::{Error, Result, sqlstate};
use tokio::sync::Notify;

const LIMIT_BYTES: usize = 256 << 20;

/// An account of what operators keep. Batches on their way are not counted.
#[derive(Debug)]
pub struct Memory {
    used: usize,
    limit: usize,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::with_limit(LIMIT_BYTES)
    }
}

impl Memory {
    pub fn with_limit(limit: usize) -> Memory {
        Memory { used: 0, limit }
    }

    pub fn used(&self) -> usize {
        self.used
    }

    /// Books `bytes` more in `account`, which is the share of one operator.
    pub fn grow(&mut self, account: &mut usize, bytes: usize) -> Result<()> {
        let used = self.used.saturating_add(bytes);
        if used > self.limit {
            let detail = format!("The statement needs more than its limit of {} MB.", self.limit >> 20);
            return Err(Error::new(sqlstate::OUT_OF_MEMORY, "out of memory").detail(detail));
        }
        self.used = used;
        *account += bytes;
        Ok(())
    }

    pub fn release(&mut self, account: &mut usize) {
        self.used = self.used.saturating_sub(std::mem::take(account));
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
