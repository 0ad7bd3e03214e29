//! What nodes say to each other about a group: one request, one response, each behind a version byte.
//!
//! The messages are prost structs written by hand, so fields can be added without a new version; the version changes
//! when the meaning does. A node refuses a version it does not know and says which one it speaks. Log entries travel
//! in the encoding of the log itself (`codec`).

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use crate::codec;
use crate::error::Result;
use crate::types::{self, LeaderId};

pub(crate) const VERSION: u8 = 1;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(uint64, tag = "1")]
    pub group: u64,
    #[prost(oneof = "Ask", tags = "2, 3, 4, 5, 6, 7")]
    pub ask: Option<Ask>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Ask {
    #[prost(message, tag = "2")]
    Append(Append),
    #[prost(message, tag = "3")]
    Vote(VoteAsk),
    #[prost(message, tag = "4")]
    Transfer(Transfer),
    /// A leader has a snapshot for this replica; repeated until the answer says how it ended.
    #[prost(message, tag = "5")]
    Offer(Offer),
    /// The next chunk of a snapshot.
    #[prost(message, tag = "6")]
    Pull(Pull),
    /// A replica without state asks for a snapshot.
    #[prost(message, tag = "7")]
    Fetch(Fetch),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Response {
    #[prost(oneof = "Reply", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    pub reply: Option<Reply>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Reply {
    #[prost(message, tag = "1")]
    Append(AppendReply),
    #[prost(message, tag = "2")]
    Vote(VoteReply),
    #[prost(message, tag = "3")]
    Transfer(TransferReply),
    #[prost(message, tag = "4")]
    Offer(OfferReply),
    #[prost(message, tag = "5")]
    Chunk(Chunk),
    #[prost(message, tag = "6")]
    Fetch(FetchReply),
    /// This node has no such group, or it takes no part at the moment.
    #[prost(string, tag = "7")]
    Refused(String),
    /// The request came in a version that this node does not speak; this one it does.
    #[prost(uint32, tag = "8")]
    Version(u32),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LogId {
    #[prost(uint64, tag = "1")]
    pub term: u64,
    #[prost(uint64, tag = "2")]
    pub node: u64,
    #[prost(uint64, tag = "3")]
    pub index: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Vote {
    #[prost(uint64, tag = "1")]
    pub term: u64,
    #[prost(uint64, tag = "2")]
    pub node: u64,
    #[prost(bool, tag = "3")]
    pub committed: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Append {
    #[prost(message, required, tag = "1")]
    pub vote: Vote,
    #[prost(message, optional, tag = "2")]
    pub previous: Option<LogId>,
    #[prost(message, optional, tag = "3")]
    pub committed: Option<LogId>,
    /// Consecutive, beginning after `previous`.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub entries: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendReply {
    #[prost(oneof = "AppendOutcome", tags = "1, 2, 3, 4")]
    pub outcome: Option<AppendOutcome>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum AppendOutcome {
    #[prost(message, tag = "1")]
    Success(()),
    /// Entries up to this one are stored.
    #[prost(message, tag = "2")]
    Partial(LogId),
    /// `previous` is not in the log.
    #[prost(message, tag = "3")]
    Conflict(()),
    #[prost(message, tag = "4")]
    HigherVote(Vote),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VoteAsk {
    #[prost(message, required, tag = "1")]
    pub vote: Vote,
    #[prost(message, optional, tag = "2")]
    pub last: Option<LogId>,
    #[prost(bool, tag = "3")]
    pub transfer: bool,
    /// Would you, if I asked? Changes nothing at the receiver.
    #[prost(bool, tag = "4")]
    pub pre: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VoteReply {
    #[prost(message, required, tag = "1")]
    pub vote: Vote,
    #[prost(bool, tag = "2")]
    pub granted: bool,
    #[prost(message, optional, tag = "3")]
    pub last: Option<LogId>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Transfer {
    #[prost(message, required, tag = "1")]
    pub from: Vote,
    #[prost(uint64, tag = "2")]
    pub to: u64,
    #[prost(message, optional, tag = "3")]
    pub last: Option<LogId>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TransferReply {
    #[prost(bool, tag = "1")]
    pub accepted: bool,
}

/// Which state a snapshot holds.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotMeta {
    #[prost(message, required, tag = "1")]
    pub last: LogId,
    /// In the encoding of the log.
    #[prost(bytes = "bytes", tag = "2")]
    pub membership: Bytes,
    /// The parts of the key space that the snapshot replaces.
    #[prost(message, repeated, tag = "3")]
    pub spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Span {
    #[prost(uint32, tag = "1")]
    pub space: u32,
    #[prost(bytes = "bytes", tag = "2")]
    pub start: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub end: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Offer {
    #[prost(message, required, tag = "1")]
    pub vote: Vote,
    #[prost(uint64, tag = "2")]
    pub transfer: u64,
    #[prost(message, required, tag = "3")]
    pub meta: SnapshotMeta,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OfferReply {
    #[prost(oneof = "OfferOutcome", tags = "1, 2, 3")]
    pub outcome: Option<OfferOutcome>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum OfferOutcome {
    #[prost(message, tag = "1")]
    Receiving(()),
    /// Installed, unless the vote is above the leader's.
    #[prost(message, tag = "2")]
    Finished(Vote),
    #[prost(string, tag = "3")]
    Failed(String),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pull {
    #[prost(uint64, tag = "1")]
    pub transfer: u64,
    /// Counts from 0. Asking again for the last one is allowed: its answer may have been lost.
    #[prost(uint64, tag = "2")]
    pub chunk: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Chunk {
    #[prost(uint64, tag = "1")]
    pub chunk: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub rows: Bytes,
    #[prost(fixed32, tag = "3")]
    pub crc: u32,
    #[prost(bool, tag = "4")]
    pub last: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Fetch {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FetchReply {
    #[prost(uint64, tag = "1")]
    pub transfer: u64,
    #[prost(message, required, tag = "2")]
    pub meta: SnapshotMeta,
}

/// Why a message could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the peer speaks version {0} of the group protocol, this node version {VERSION}")]
    Version(u8),
    #[error("malformed message: {0}")]
    Malformed(String),
}

pub(crate) fn encode(message: &impl Message) -> Bytes {
    let mut out = BytesMut::with_capacity(1 + message.encoded_len());
    out.put_u8(VERSION);
    message.encode_raw(&mut out);
    out.freeze()
}

pub(crate) fn decode<M: Message + Default>(bytes: Bytes) -> std::result::Result<M, Unreadable> {
    match bytes.first() {
        Some(&VERSION) => M::decode(bytes.slice(1..)).map_err(|error| Unreadable::Malformed(error.to_string())),
        Some(&version) => Err(Unreadable::Version(version)),
        None => Err(Unreadable::Malformed("empty".to_owned())),
    }
}

impl From<&types::LogId> for LogId {
    fn from(id: &types::LogId) -> LogId {
        LogId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
    }
}

impl From<&LogId> for types::LogId {
    fn from(id: &LogId) -> types::LogId {
        types::LogId::new(LeaderId { term: id.term, node_id: id.node }, id.index)
    }
}

impl From<&types::Vote> for Vote {
    fn from(vote: &types::Vote) -> Vote {
        Vote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<&Vote> for types::Vote {
    fn from(vote: &Vote) -> types::Vote {
        types::Vote { leader_id: LeaderId { term: vote.term, node_id: vote.node }, committed: vote.committed }
    }
}

impl SnapshotMeta {
    pub(crate) fn new(meta: &types::SnapshotMeta, spans: Vec<Span>) -> Option<SnapshotMeta> {
        let mut membership = BytesMut::new();
        codec::put_stored_membership(&mut membership, &meta.last_membership);
        let last = meta.last_log_id.as_ref()?.into();
        Some(SnapshotMeta { last, membership: membership.freeze(), spans })
    }

    pub(crate) fn to_meta(&self) -> Result<types::SnapshotMeta> {
        let last_membership = codec::take_stored_membership(&mut self.membership.clone())?;
        Ok(types::SnapshotMeta { last_log_id: Some((&self.last).into()), last_membership })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_round_trip_and_an_unknown_version_is_refused() {
        let request = Request {
            group: 7,
            ask: Some(Ask::Append(Append {
                vote: Vote { term: 3, node: 1, committed: true },
                previous: Some(LogId { term: 2, node: 2, index: 9 }),
                committed: None,
                entries: vec![Bytes::from_static(b"one"), Bytes::new()],
            })),
        };
        let bytes = encode(&request);
        assert_eq!(decode::<Request>(bytes.clone()), Ok(request));

        let mut other = BytesMut::from(&bytes[..]);
        other[0] = 200;
        assert_eq!(decode::<Request>(other.freeze()), Err(Unreadable::Version(200)));
        assert!(matches!(decode::<Request>(Bytes::new()), Err(Unreadable::Malformed(_))));
        assert!(matches!(decode::<Request>(bytes.slice(..bytes.len() - 1)), Err(Unreadable::Malformed(_))));
    }

    #[test]
    fn success_and_conflict_are_told_apart_although_they_carry_nothing() {
        for outcome in [AppendOutcome::Success(()), AppendOutcome::Conflict(())] {
            let response = Response { reply: Some(Reply::Append(AppendReply { outcome: Some(outcome) })) };
            assert_eq!(decode::<Response>(encode(&response)), Ok(response));
        }
    }
}
