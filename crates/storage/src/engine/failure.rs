//! The first error after which an engine must not be written to any more.

use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Remembers the first failure; everyone who writes gets it from then on.
#[derive(Default)]
pub(super) struct Failure {
    failed: AtomicBool,
    first: Mutex<Option<Error>>,
}

impl Failure {
    pub fn check(&self) -> Result<()> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*self.first.lock() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Remembers `error` unless there is an older one, and gives it back.
    pub fn note(&self, error: Error) -> Error {
        let mut first = self.first.lock();
        if first.is_none() {
            tracing::error!(%error, "the state engine failed and takes no more writes");
            *first = Some(error.clone());
            self.failed.store(true, Ordering::Release);
        }
        error
    }

    pub fn text(&self) -> Option<String> {
        self.first.lock().as_ref().map(Error::to_string)
    }
}

/// What an error of the operating system means for whoever reads and writes `path`.
pub(super) fn io_error(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full,
        // A file that was complete and synced has come up short or with nonsense in it.
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => Error::damage(path, 0, error),
        _ => Error::io(path.display(), error),
    }
}
