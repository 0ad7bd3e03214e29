//! Openraft's type parameters, chosen once, and short names for the types that follow from them.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use openraft::impls::leader_id_adv;
use openraft::impls::{BoxedErrorSource, InlineBatch};
use openraft::raft::responder::Responder;
use openraft::{EmptyNode, EntryPayload, OptionalSend, RaftTypeConfig};

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
pub(crate) type Payload = EntryPayload<Commands, u64, EmptyNode>;
pub(crate) type Entry = openraft::Entry<LeaderId, Payload>;

/// What a replica agrees on in one entry: opaque bytes of one proposer or of several.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Commands(pub Vec<Bytes>);

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: usize = self.0.iter().map(Bytes::len).sum();
        write!(f, "{} commands of {bytes} bytes", self.0.len())
    }
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Openraft's configuration for a state machine that replies with `R`.
pub(crate) struct Types<R>(PhantomData<fn() -> R>);

impl<R: Send + Sync + 'static> RaftTypeConfig for Types<R> {
    type D = Commands;
    /// A reply to each command of the entry; to openraft's own entries (blank, membership) there is none.
    type R = Vec<R>;
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

/// Carries the outcome of an entry straight from the applying task to those who proposed its commands.
pub(crate) struct Answer<T>(pub Box<dyn FnOnce(T) + Send>);

impl<R, T> Responder<Types<R>, T> for Answer<T>
where
    R: Send + Sync + 'static,
    T: Send + 'static,
{
    fn on_complete(self, result: T) {
        (self.0)(result);
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
