//! Openraft's type parameters, chosen once, and short names for the types that follow from them.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use openraft::impls::leader_id_adv;
use openraft::impls::{BoxedErrorSource, InlineBatch};
use openraft::raft::responder::Responder;
use openraft::{EmptyNode, EntryPayload, OptionalSend, RaftTypeConfig};
use tokio::sync::oneshot;

use crate::runtime::Runtime;
use crate::snapshot::Snapshot;

/// Term and node of a leader. Two nodes may lead in the same term number; the pair is what is unique.
pub(crate) type LeaderId = leader_id_adv::LeaderId<u64, u64>;
pub(crate) type LogId = openraft::LogId<LeaderId>;
pub(crate) type Vote = openraft::Vote<LeaderId>;
pub(crate) type Membership = openraft::Membership<u64, EmptyNode>;
pub(crate) type StoredMembership = openraft::StoredMembership<LeaderId, u64, EmptyNode>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<LeaderId, u64, EmptyNode>;
/// A snapshot with its meta, as openraft passes it.
pub(crate) type WholeSnapshot = openraft::Snapshot<LeaderId, u64, EmptyNode, Snapshot>;
pub(crate) type Payload = EntryPayload<Command, u64, EmptyNode>;
pub(crate) type Entry = openraft::Entry<LeaderId, Payload>;

/// What a replica agrees on: opaque bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Command(pub Bytes);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command of {} bytes", self.0.len())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Openraft's configuration for a state machine that replies with `R`.
pub(crate) struct Types<R>(PhantomData<fn() -> R>);

impl<R: Send + Sync + 'static> RaftTypeConfig for Types<R> {
    type D = Command;
    /// Entries of openraft's own (blank, membership) have no reply.
    type R = Option<R>;
    type NodeId = u64;
    type Node = EmptyNode;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = Runtime;
    type Responder<T>
        = Answer<T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

/// Carries the outcome of a proposal straight from the applying task to the proposer.
pub(crate) struct Answer<T>(pub oneshot::Sender<T>);

impl<R, T> Responder<Types<R>, T> for Answer<T>
where
    R: Send + Sync + 'static,
    T: Send + 'static,
{
    fn on_complete(self, result: T) {
        // A proposer that went away does not want to know.
        let _ = self.0.send(result);
    }
}

// Openraft asks its configuration for these; derives would ask `R` for them too.
impl<R> fmt::Debug for Types<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Types")
    }
}

impl<R> Clone for Types<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Types<R> {}

impl<R> Default for Types<R> {
    fn default() -> Self {
        Types(PhantomData)
    }
}

impl<R> PartialEq for Types<R> {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl<R> Eq for Types<R> {}

impl<R> PartialOrd for Types<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Types<R> {
    fn cmp(&self, _other: &Self) -> Ordering {
        Ordering::Equal
    }
}
