//! Openraft's view of another replica: its calls as our messages.

use std::sync::Arc;
use std::time::Duration;

use atoll_env::{Env, NodeId, fault};
use atoll_storage::GroupId;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{EmptyNode, OptionalSend, RaftNetworkFactory, RaftNetworkV2, RaftTypeConfig};

use crate::codec;
use crate::snapshot::{Snapshot, Span};
use crate::transport::{AskError, Transport};
use crate::types::{Types, Vote, WholeSnapshot};
use crate::wire::{self, AppendOutcome, Ask, OfferOutcome, Reply};

/// A snapshot offer is repeated at growing intervals, to hear how the receiver gets on.
const OFFER_INTERVAL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));
const OFFER_TIMEOUT: Duration = Duration::from_secs(1);
const OFFER_FAILURES_MAX: u32 = 5;

/// Makes a [`Peer`] for each replica that openraft wants to talk to.
#[derive(Clone)]
pub(crate) struct Peers {
    pub env: Env,
    pub transport: Arc<Transport>,
    pub group: GroupId,
    /// Appends with entries may take longer than a heartbeat: the follower syncs them first.
    pub append_timeout: Duration,
}

impl<R: Send + Sync + 'static> RaftNetworkFactory<Types<R>> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Peer {
        Peer { peers: self.clone(), to: NodeId(target) }
    }
}

pub(crate) struct Peer {
    peers: Peers,
    to: NodeId,
}

impl Peer {
    async fn ask(&self, ask: Ask, timeout: Duration) -> Result<Reply, AskError> {
        self.peers.transport.ask(self.to, self.peers.group, ask, timeout).await
    }

    fn unexpected(&self) -> AskError {
        AskError::Unreachable(format!("{} answered something else than was asked", self.to))
    }

    async fn ask_for_vote<R: Send + Sync + 'static>(
        &self,
        request: VoteRequest<Types<R>>,
        pre: bool,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<R>>, RPCError<Types<R>>> {
        let ask = Ask::Vote(wire::VoteAsk {
            vote: (&request.vote).into(),
            last: request.last_log_id.as_ref().map(Into::into),
            transfer: request.leadership_transfer,
            pre,
        });
        match self.ask(ask, option.soft_ttl()).await.map_err(rpc_error)? {
            Reply::Vote(reply) => {
                let vote = Vote::from(&reply.vote);
                Ok(VoteResponse::new(vote, reply.last.as_ref().map(Into::into), reply.granted))
            }
            _ => Err(rpc_error(self.unexpected())),
        }
    }

    /// Repeats the offer until the receiver is done with it.
    async fn offer(&self, offer: wire::Offer) -> Result<Vote, AskError> {
        let (mut interval, interval_max) = OFFER_INTERVAL;
        let mut failures = 0;
        loop {
            match self.ask(Ask::Offer(offer.clone()), OFFER_TIMEOUT).await {
                Ok(Reply::Offer(wire::OfferReply { outcome: Some(outcome) })) => match outcome {
                    OfferOutcome::Receiving(()) => failures = 0,
                    OfferOutcome::Finished(vote) => return Ok((&vote).into()),
                    OfferOutcome::Failed(why) => return Err(AskError::Unreachable(format!("{}: {why}", self.to))),
                },
                Ok(_) => return Err(self.unexpected()),
                Err(error) => {
                    failures += 1;
                    if failures == OFFER_FAILURES_MAX {
                        return Err(error);
                    }
                }
            }
            self.peers.env.clock.sleep(interval).await;
            interval = (interval * 2).min(interval_max);
        }
    }
}

impl<R: Send + Sync + 'static> RaftNetworkV2<Types<R>> for Peer {
    type SnapshotData = Snapshot;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types<R>>, RPCError<Types<R>>> {
        let timeout = if request.entries.is_empty() { option.soft_ttl() } else { self.peers.append_timeout };
        let ask = Ask::Append(wire::Append {
            vote: (&request.vote).into(),
            previous: request.prev_log_id.as_ref().map(Into::into),
            committed: request.leader_commit.as_ref().map(Into::into),
            entries: request.entries.iter().map(codec::encode_entry).collect(),
        });
        let asked = self.ask(ask, timeout).await;
        if matches!(asked, Err(AskError::Lost))
            && !request.entries.is_empty()
            && self.peers.env.faults.here(fault::BUG_COMMIT_WITHOUT_QUORUM)
        {
            return Ok(AppendEntriesResponse::Success);
        }
        match asked.map_err(rpc_error)? {
            Reply::Append(wire::AppendReply { outcome: Some(outcome) }) => Ok(match outcome {
                AppendOutcome::Success(()) => AppendEntriesResponse::Success,
                AppendOutcome::Partial(upto) => AppendEntriesResponse::PartialSuccess(Some((&upto).into())),
                AppendOutcome::Conflict(()) => AppendEntriesResponse::Conflict,
                AppendOutcome::HigherVote(vote) => AppendEntriesResponse::HigherVote((&vote).into()),
            }),
            _ => Err(rpc_error(self.unexpected())),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<R>>, RPCError<Types<R>>> {
        self.ask_for_vote(request, false, option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<R>>, RPCError<Types<R>>> {
        self.ask_for_vote(request, true, option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: WholeSnapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types<R>>, StreamingError<Types<R>>> {
        let Snapshot::Own(own) = snapshot.snapshot else {
            return Err(ReplicationClosed::new("a received snapshot is never sent on").into());
        };
        let spans = own.spans.iter().map(Span::to_wire).collect();
        let Some(meta) = wire::SnapshotMeta::new(&snapshot.meta, spans) else {
            return Err(ReplicationClosed::new("there is no state to send").into());
        };
        let transfer = self.peers.transport.offer(self.peers.group, own);
        let offer = wire::Offer { vote: (&vote).into(), transfer, meta };
        let outcome = tokio::select! {
            biased;
            closed = cancel => Err(StreamingError::Closed(closed)),
            finished = self.offer(offer) => finished.map_err(|error| rpc_error(error).into()),
        };
        self.peers.transport.withdraw(transfer);
        outcome.map(SnapshotResponse::new)
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types<R>>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types<R>>, RPCError<Types<R>>> {
        let ask = Ask::Transfer(wire::Transfer {
            from: request.from_leader().into(),
            to: *request.to_node_id(),
            last: request.last_log_id().map(Into::into),
        });
        match self.ask(ask, option.soft_ttl()).await.map_err(rpc_error)? {
            Reply::Transfer(reply) if reply.accepted => Ok(Ok(())),
            // Openraft only logs it.
            Reply::Transfer(_) => {
                let expected = request.last_log_id().cloned();
                Ok(Err(TransferLeaderError::LogNotFlushed { expected, actual: None }))
            }
            _ => Err(rpc_error(self.unexpected())),
        }
    }
}

fn rpc_error<C: RaftTypeConfig>(error: AskError) -> RPCError<C> {
    match error {
        AskError::Unreachable(_) => RPCError::Unreachable(Unreachable::new(&error)),
        AskError::Lost => RPCError::Network(NetworkError::new(&error)),
    }
}
