//! Why a node doesn't start, one variant for each thing that whoever started it does differently.

use std::fmt::Display;
use std::io::{self, ErrorKind};

use atoll_cluster::store::OpenError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the data directory {dir} is in use by another process")]
    Locked { dir: String },
    /// Written by another release, and not readable by this one.
    #[error("{0}")]
    Version(String),
    /// Not writable, not a directory, or somebody else's.
    #[error("{0}")]
    Unusable(String),
    #[error("{what}: no room left on the disk")]
    Full { what: String },
    /// What lies there is not what was written. Nothing was repaired.
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Address(String),
    /// It served already, to itself, and then met something that stopped it.
    #[error("the node has stopped: {0}")]
    Stopped(String),
    /// Anything else; trying again may help.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    pub(crate) fn io(what: impl Display, error: &io::Error) -> Error {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full { what: what.to_string() },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::Unusable(format!("{what}: {error}; the node needs to write there"))
            }
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Error::Unusable(format!("{what}: {error}")),
            _ => Error::Failed(format!("{what}: {error}")),
        }
    }

    pub(crate) fn storage(dir: &str, error: &atoll_storage::Error) -> Error {
        use atoll_storage::Error as Storage;
        match error {
            Storage::Locked { .. } => Error::Locked { dir: dir.to_owned() },
            Storage::Version { .. } => Error::Version(error.to_string()),
            Storage::Damage { .. } => Error::Damaged(error.to_string()),
            Storage::Full => Error::Full { what: format!("open the store in {dir}") },
            Storage::Io { what, source } => Error::io(what, source),
            Storage::Poisoned { .. } | Storage::Closed => Error::Failed(error.to_string()),
        }
    }

    pub(crate) fn open(dir: &str, error: OpenError) -> Error {
        match error {
            OpenError::Storage(error) => Error::storage(dir, &error),
            OpenError::Range { why } => Error::Damaged(format!("the store in {dir} can't serve: {why}")),
        }
    }
}
