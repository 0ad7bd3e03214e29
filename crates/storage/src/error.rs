//! What can go wrong below, one variant for each reaction of a caller.

use std::{fmt, io, path::Path, sync::Arc};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Clones share their cause, because one failed sync is the answer to everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A write or a sync failed, so nothing is known about what the disk holds; the node stops. Opening again reads
    /// and verifies everything.
    #[error("storage stopped after an error: {reason}")]
    Poisoned { reason: Arc<str> },
    /// No room on the disk. Nothing was written; it may work later.
    #[error("no room left on the disk")]
    Full,
    /// Bytes that were durable are gone or changed; never repaired silently, the replicas here are fetched anew.
    #[error("{file} is damaged at byte {offset}: {what}")]
    Damage { file: String, offset: u64, what: String },
    /// Written by a newer release.
    #[error("{file} has format version {found}, this release knows up to {supported}")]
    Version { found: u32, supported: u32, file: String },
    /// Another process uses the directory.
    #[error("{path} is in use by another process")]
    Locked { path: String },
    /// Closed by its owner: the caller is late, and that is all.
    #[error("storage is closed")]
    Closed,
    /// The operating system refused something that can be tried again.
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: Arc<io::Error>,
    },
}

impl Error {
    pub(crate) fn io(what: impl fmt::Display, source: io::Error) -> Error {
        Error::Io { what: what.to_string(), source: Arc::new(source) }
    }

    pub(crate) fn damage(file: &Path, offset: u64, what: impl fmt::Display) -> Error {
        Error::Damage { file: file.display().to_string(), offset, what: what.to_string() }
    }

    pub(crate) fn poisoned(reason: impl fmt::Display) -> Error {
        Error::Poisoned { reason: reason.to_string().into() }
    }
}
