//! What a replica does with the messages of others.
//!
//! INVARIANT: no vote is given, in earnest or in trial, while the replica is silent after a restart (see `group`), nor
//! before it has got what its group began with. One that was a member before, lost its log by being taken out and is
//! made anew would else help a candidate that lacks what it had acknowledged.

use std::sync::Arc;

use atoll_env::NodeId;
use atoll_env::net::BoxFuture;
use bytes::Bytes;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest};
use parking_lot::Mutex;

use crate::apply::StateMachine;
use crate::codec;
use crate::error::{Error, Result};
use crate::group::Inner;
use crate::snapshot::{self, Receiving, Snapshot, Span};
use crate::transport::Inbound;
use crate::types::{LogId, Vote};
use crate::wire::{self, AppendOutcome, Ask, OfferOutcome, Reply};

/// A snapshot that is coming in.
pub(crate) struct Receive {
    from: NodeId,
    transfer: u64,
    /// None while it is under way.
    outcome: Mutex<Option<OfferOutcome>>,
}

impl<SM: StateMachine> Inbound for Inner<SM> {
    fn ask(self: Arc<Self>, from: NodeId, ask: Ask) -> BoxFuture<'static, Reply> {
        Box::pin(async move {
            let reply = match ask {
                Ask::Append(append) => self.append(append).await,
                Ask::Vote(ask) => self.vote(ask).await,
                Ask::Transfer(transfer) => self.transfer(transfer).await,
                Ask::Offer(offer) => Ok(self.offer(from, offer)),
                Ask::Fetch(_) => self.fetch().await,
                // The transport answers it.
                Ask::Pull(_) => Ok(refused("a chunk request reached a group")),
            };
            reply.unwrap_or_else(|error| Reply::Refused(error.to_string()))
        })
    }
}

impl<SM: StateMachine> Inner<SM> {
    async fn append(&self, append: wire::Append) -> Result<Reply> {
        // Openraft stops for good when an append fails, and a full disk is no reason for that: the leader tries again.
        if !append.entries.is_empty() {
            self.wal.admit(append.entries.iter().map(Bytes::len).sum())?;
        }
        let previous = append.previous.as_ref().map(LogId::from);
        if previous.is_none() && !append.entries.is_empty() && !self.has_begun() {
            return Ok(refused(AWAITS));
        }
        let first = previous.as_ref().map_or(0, |previous| previous.index + 1);
        let entries = append.entries.iter().zip(first..);
        let request = AppendEntriesRequest {
            vote: (&append.vote).into(),
            prev_log_id: previous,
            entries: entries.map(|(bytes, index)| codec::decode_entry(index, bytes)).collect::<Result<_>>()?,
            leader_commit: append.committed.as_ref().map(Into::into),
        };
        let response = self.raft.append_entries(request).await.map_err(stopped)?;
        if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
            *self.heard.lock() = self.env.clock.mono();
        }
        let outcome = match response {
            AppendEntriesResponse::Success => AppendOutcome::Success(()),
            AppendEntriesResponse::PartialSuccess(Some(upto)) => AppendOutcome::Partial((&upto).into()),
            // Nothing at all was stored; the leader hears no more than that.
            AppendEntriesResponse::PartialSuccess(None) => return Ok(refused("no entry was stored")),
            AppendEntriesResponse::Conflict => AppendOutcome::Conflict(()),
            AppendEntriesResponse::HigherVote(vote) => AppendOutcome::HigherVote((&vote).into()),
        };
        Ok(Reply::Append(wire::AppendReply { outcome: Some(outcome) }))
    }

    async fn vote(&self, ask: wire::VoteAsk) -> Result<Reply> {
        if self.is_silent() {
            return Ok(refused(SILENT));
        }
        if !self.has_begun() {
            return Ok(refused(AWAITS));
        }
        let mut request = VoteRequest::new((&ask.vote).into(), ask.last.as_ref().map(Into::into));
        request.leadership_transfer = ask.transfer;
        let response = if ask.pre { self.raft.pre_vote(request).await } else { self.raft.vote(request).await };
        let response = response.map_err(stopped)?;
        Ok(Reply::Vote(wire::VoteReply {
            vote: (&response.vote).into(),
            granted: response.vote_granted,
            last: response.last_log_id.as_ref().map(Into::into),
        }))
    }

    async fn transfer(&self, transfer: wire::Transfer) -> Result<Reply> {
        // Who is chosen campaigns at once, and the others are released from their silence towards the old leader.
        if self.is_silent() {
            return Ok(refused(SILENT));
        }
        let last = transfer.last.as_ref().map(Into::into);
        let request = TransferLeaderRequest::new((&transfer.from).into(), transfer.to, last);
        let response = self.raft.handle_transfer_leader(request).await;
        let accepted = response.map_err(|fatal| Error::Stopped { reason: fatal.to_string() })?.is_ok();
        Ok(Reply::Transfer(wire::TransferReply { accepted }))
    }

    fn is_silent(&self) -> bool {
        self.env.clock.mono() < self.silent_until
    }

    /// A snapshot of this replica's state for one that has none.
    async fn fetch(&self) -> Result<Reply> {
        let taken = self.raft.get_snapshot().await.map_err(stopped)?;
        let Some(openraft::Snapshot { meta, snapshot: Snapshot::Own(own) }) = taken else {
            return Ok(refused("this replica has no state either"));
        };
        let spans = own.spans.iter().map(Span::to_wire).collect();
        let meta = wire::SnapshotMeta::new(&meta, spans).expect("a state that was applied has a last entry");
        let transfer = self.transport.offer(self.group, own);
        Ok(Reply::Fetch(wire::FetchReply { transfer, meta }))
    }

    /// Begins to receive a snapshot, or tells how the one under way gets on.
    fn offer(self: &Arc<Self>, from: NodeId, offer: wire::Offer) -> Reply {
        let mut current = self.receive.lock();
        let same = current.as_ref().filter(|receive| receive.from == from && receive.transfer == offer.transfer);
        let outcome = match same {
            Some(receive) => receive.outcome.lock().clone().unwrap_or(OfferOutcome::Receiving(())),
            None => {
                let receive = Arc::new(Receive { from, transfer: offer.transfer, outcome: Mutex::new(None) });
                // The one before, if it is still under way, notices that it is no longer the current one.
                *current = Some(receive.clone());
                self.env.tasks.spawn("group.receive", self.clone().receive(receive, offer));
                OfferOutcome::Receiving(())
            }
        };
        Reply::Offer(wire::OfferReply { outcome: Some(outcome) })
    }

    async fn receive(self: Arc<Self>, receive: Arc<Receive>, offer: wire::Offer) {
        let outcome = match self.receive_and_install(&receive, offer).await {
            Ok(vote) => OfferOutcome::Finished((&vote).into()),
            Err(error) => {
                tracing::info!(group = %self.group, from = %receive.from, %error, "a snapshot was not installed");
                OfferOutcome::Failed(error.to_string())
            }
        };
        *receive.outcome.lock() = Some(outcome);
    }

    async fn receive_and_install(&self, receive: &Arc<Receive>, offer: wire::Offer) -> Result<Vote> {
        let vote = Vote::from(&offer.vote);
        let meta = offer.meta.to_meta()?;
        let spans = offer.meta.spans.iter().map(Span::from_wire).collect::<Result<Vec<_>>>()?;
        let mut receiving = Receiving::create(&self.env, self.group).await?;
        let file = receiving.path();
        let wanted = || self.receive.lock().as_ref().is_some_and(|current| Arc::ptr_eq(current, receive));
        let pulled = self.transport.pull(receive.from, self.group, receive.transfer, &mut receiving, wanted).await;
        if let Err(error) = pulled {
            snapshot::remove(&self.env, &file).await;
            return Err(error);
        }
        tracing::info!(group = %self.group, from = %receive.from, bytes = receiving.bytes(), "received a snapshot");
        let received = Snapshot::Received(receiving.finish(spans));
        let whole = openraft::Snapshot { meta, snapshot: received };
        let response = self.raft.install_full_snapshot(vote, whole).await;
        snapshot::remove(&self.env, &file).await;
        Ok(response.map_err(|fatal| Error::Stopped { reason: fatal.to_string() })?.vote)
    }
}

const AWAITS: &str = "this replica awaits a snapshot";
const SILENT: &str = "a restarted voter keeps silent for a while";

fn refused(why: &str) -> Reply {
    Reply::Refused(why.to_owned())
}

fn stopped(error: impl std::fmt::Display) -> Error {
    Error::Stopped { reason: error.to_string() }
}
