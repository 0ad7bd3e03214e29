//! What can go wrong, told apart by what a caller does about it.

use atoll_env::NodeId;

/// Opening, purging and stopping a group.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The storage below; damage and a poisoned log come through here.
    #[error(transparent)]
    Storage(#[from] atoll_storage::Error),
    /// The state ends at `applied` and the log begins at `first`: entries between them are gone from this node. Another
    /// replica has them (`Options::fetch_on_gap`); for a sole voter it is damage.
    #[error("state is applied up to {applied:?}, but the log begins at {first}")]
    Gap { applied: Option<u64>, first: u64 },
    /// The log lost entries that were acknowledged, or the state does not belong to it. Repair from another replica.
    #[error("damage: {what}")]
    Damage { what: String },
    /// A format of another release.
    #[error("{what} has format version {found}, this release reads {supported}")]
    Version { what: &'static str, found: u8, supported: u8 },
    #[error("options: {what}")]
    Options { what: String },
    /// The file of an incoming snapshot could not be written or read: the transfer fails and is tried again.
    #[error("snapshot file: {source}")]
    SnapshotFile { source: std::io::Error },
    /// A snapshot did not arrive in one piece; it is asked for again.
    #[error("snapshot transfer: {what}")]
    Transfer { what: String },
    /// The group is stopped, by request or by a failure below it (`Status::failed` names it).
    #[error("the group is stopped: {reason}")]
    Stopped { reason: String },
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn damage(what: impl Into<String>) -> Error {
        Error::Damage { what: what.into() }
    }

    pub(crate) fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

/// Proposing a command.
pub mod propose {
    use super::NodeId;

    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Error {
        /// The command was certainly not proposed; `leader` is the one to ask, if known.
        #[error("not the leader (leader: {leader:?})")]
        NotLeader { leader: Option<NodeId> },
        /// The command may have been committed, or may still be.
        #[error("the outcome is unknown")]
        Unknown,
        /// The command was certainly not proposed: it would not fit into one message.
        #[error("a command of {bytes} bytes is larger than {max}")]
        TooLarge { bytes: usize, max: usize },
        /// The command was certainly not proposed: this node's disk has no room for it.
        #[error("no room left on the disk")]
        Full,
        /// The command was certainly not proposed.
        #[error("the group is stopped: {reason}")]
        Stopped { reason: String },
    }
}

/// A read barrier.
pub mod barrier {
    use super::NodeId;

    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Error {
        #[error("not the leader (leader: {leader:?})")]
        NotLeader { leader: Option<NodeId> },
        /// This node believes that it leads, but no quorum confirmed it in time.
        #[error("no quorum confirmed the leadership")]
        NoQuorum,
        #[error("the group is stopped: {reason}")]
        Stopped { reason: String },
    }
}

/// Changing who belongs to a group.
pub mod membership {
    use super::NodeId;

    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Error {
        #[error("not the leader (leader: {leader:?})")]
        NotLeader { leader: Option<NodeId> },
        /// The previous change is not committed yet.
        #[error("another change of members is under way")]
        InProgress,
        /// The change makes no sense: no voters, or a voter that was not added as a learner.
        #[error("refused: {what}")]
        Refused { what: String },
        /// The change may have taken effect, or may still.
        #[error("the outcome is unknown")]
        Unknown,
        #[error("the group is stopped: {reason}")]
        Stopped { reason: String },
    }
}
