//! What is checked when a group is opened, and how a replica without a usable state gets one.
//!
//! ```text
//!   log      purged │ first ............. last
//!   state    ──────────────── applied ▲            in order
//!   state    ─ applied ▲  │ gap │ first            Gap: the entries between are on no disk of this node
//!   state    ──────────────────── last ▲ applied   damage, unless a snapshot ended exactly there
//!   state    being replaced by a snapshot          worth nothing
//! ```
//!
//! INVARIANT: a replica that lacks its state keeps its log and its vote, and takes no part until it has a state that
//! reaches its log: it neither votes nor acknowledges, as if it were down. Starting over with an empty log instead
//! would take back acknowledgements that commits were counted on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use atoll_env::NodeId;
use atoll_storage::GroupId;
use openraft::EntryPayload;

use crate::apply::next_index;
use crate::codec::Applied;
use crate::error::{Error, Result};
use crate::log::Log;
use crate::snapshot::{self, Receiving, Span};
use crate::state::State;
use crate::transport::Transport;
use crate::types::LogId;
use crate::wire::{self, Ask, Reply};

const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
const FETCH_RETRY: Duration = Duration::from_millis(200);

/// What an opened group starts from.
pub(crate) enum Found {
    Usable(Applied),
    /// The state must come from another replica, and must reach `first`, where the log begins.
    Missing {
        last_known: Applied,
        first: u64,
        gap: bool,
    },
}

pub(crate) async fn look(state: &State, log: &Log) -> Result<Found> {
    let view = state.engine.view();
    let (applied, unfinished) = (state.applied(&view)?, state.unfinished(&view)?);
    let (first, last) = log.readable();
    if let Some(target) = unfinished {
        return Ok(Found::Missing { last_known: target, first, gap: false });
    }
    let next = next_index(&applied.log_id);
    if next < first {
        return Ok(Found::Missing { last_known: applied, first, gap: true });
    }
    let end = last.map_or(first, |last| last + 1);
    if next > end && applied.log_id != applied.installed {
        return Err(Error::damage(format!(
            "state is applied up to {}, but the log ends at {:?}: acknowledged entries are lost",
            next - 1,
            end.checked_sub(1)
        )));
    }
    if let Some(log_id) = &applied.log_id
        && let Some(entry) = log.entry(log_id.index).await?
        && entry.log_id != *log_id
    {
        return Err(Error::damage(format!("applied entry {log_id} is {} in the log", entry.log_id)));
    }
    Ok(Found::Usable(applied))
}

/// Fetches the state from whichever replica has one that reaches the log, for as long as it takes.
pub(crate) struct Refill<'a> {
    pub state: &'a State,
    pub log: &'a Log,
    pub transport: &'a Arc<Transport>,
    pub group: GroupId,
    pub node: NodeId,
    pub spans: &'a [Span],
}

impl Refill<'_> {
    pub(crate) async fn run(self, last_known: &Applied, first: u64) -> Result<Applied> {
        let peers = self.peers(last_known).await?;
        if peers.is_empty() {
            return Err(Error::Gap { applied: last_known.log_id.as_ref().map(|id| id.index), first });
        }
        loop {
            for peer in &peers {
                match self.fetch(*peer, first).await {
                    Ok(applied) => return Ok(applied),
                    // What this node's own disk says will not change with the next try.
                    Err(error @ Error::Storage(_)) => return Err(error),
                    Err(error) => {
                        tracing::info!(group = %self.group, %peer, %error, "no state from this replica yet");
                    }
                }
            }
            self.state.env.clock.sleep(FETCH_RETRY).await;
        }
    }

    /// Everybody who may be a replica, as far as this node knows.
    async fn peers(&self, last_known: &Applied) -> Result<BTreeSet<NodeId>> {
        let mut nodes: BTreeSet<u64> = last_known.membership.membership().nodes().map(|(id, _)| *id).collect();
        let (first, last) = self.log.readable();
        for index in first..last.map_or(first, |last| last + 1) {
            if let Some(entry) = self.log.entry(index).await?
                && let EntryPayload::Membership(membership) = entry.payload
            {
                nodes.extend(membership.nodes().map(|(id, _)| *id));
            }
        }
        nodes.remove(&self.node.0);
        Ok(nodes.into_iter().map(NodeId).collect())
    }

    async fn fetch(&self, from: NodeId, first: u64) -> Result<Applied> {
        let failed = |what: String| Error::Transfer { what };
        let ask = Ask::Fetch(wire::Fetch {});
        let reply = self.transport.ask(from, self.group, ask, FETCH_TIMEOUT).await;
        let Reply::Fetch(offered) = reply.map_err(|error| failed(error.to_string()))? else {
            return Err(failed(format!("{from} answered something else than was asked")));
        };
        let meta = offered.meta.to_meta()?;
        let last = meta.last_log_id.expect("a snapshot on the wire always says where it ends");
        if last.index + 1 < first {
            return Err(failed(format!("the state of {from} ends at {last}, the log here begins at {first}")));
        }
        let spans = offered.meta.spans.iter().map(Span::from_wire).collect::<Result<Vec<_>>>()?;
        let target = Applied { log_id: Some(last), installed: Some(last), membership: meta.last_membership };
        let receiving = Receiving::create(&self.state.env, self.group).await?;
        let file = receiving.path();
        let installed = self.pull_and_replace(from, offered.transfer, receiving, spans, &target).await;
        snapshot::remove(&self.state.env, &file).await;
        installed?;
        tracing::info!(group = %self.group, %from, applied = ?target.log_id, "fetched the state from another replica");
        Ok(target)
    }

    async fn pull_and_replace(
        &self,
        from: NodeId,
        transfer: u64,
        mut receiving: Receiving,
        spans: Vec<Span>,
        target: &Applied,
    ) -> Result<()> {
        self.transport.pull(from, self.group, transfer, &mut receiving, || true).await?;
        if let Some(last) = &target.log_id {
            self.drop_conflicting_tail(last).await?;
        }
        self.state.replace(self.spans, target, &receiving.finish(spans)).await
    }

    /// What was applied elsewhere is committed, so an entry here that contradicts it never was, nor what follows it.
    async fn drop_conflicting_tail(&self, applied: &LogId) -> Result<()> {
        let conflicting = self.log.entry(applied.index).await?.is_some_and(|entry| entry.log_id != *applied);
        if conflicting { self.log.truncate(applied.index.checked_sub(1)).await } else { Ok(()) }
    }
}
