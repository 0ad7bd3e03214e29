//! The one place where the groups of a node meet its network.
//!
//! Inbound messages find their group by its id; outbound ones are calls to another node's `Service::Raft`. Snapshots
//! that this node sends wait here to be pulled, chunk by chunk.
//!
//! INVARIANT: a request that got no answer counts as unanswered, never as refused or granted: [`AskError`] is all that
//! openraft hears of it.
//!
//! Deliberately absent: pipelining. One append is under way to a follower at a time; entries that come meanwhile go
//! together in the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use atoll_env::net::{self, BoxFuture, Service};
use atoll_env::{Env, Mono, NodeId, fault};
use atoll_storage::GroupId;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::snapshot::{Cutter, Own, Receiving};
use crate::wire::{self, Ask, Reply, Unreadable};

/// A snapshot that nobody pulled from for this long is forgotten, because its view keeps old data alive.
const OUTGOING_IDLE_MAX: Duration = Duration::from_secs(30);

const PULL_TIMEOUT: Duration = Duration::from_secs(2);
const PULL_RETRY: Duration = Duration::from_millis(50);
const PULL_FAILURES_MAX: u32 = 8;

/// Shared by all groups of a node.
pub struct Transport {
    env: Env,
    groups: Mutex<BTreeMap<GroupId, Weak<dyn Inbound>>>,
    outgoing: Mutex<BTreeMap<u64, Outgoing>>,
}

/// A group, as the network sees it.
pub(crate) trait Inbound: Send + Sync {
    fn ask(self: Arc<Self>, from: NodeId, ask: Ask) -> BoxFuture<'static, Reply>;
}

struct Outgoing {
    group: GroupId,
    cutter: Arc<Mutex<Cutter>>,
    used: Mono,
}

/// Why there is no reply.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The peer did not take the request: wait before the next try.
    #[error("{0}")]
    Unreachable(String),
    /// The peer may have taken it.
    #[error("no answer came")]
    Lost,
}

impl Transport {
    /// Starts answering `Service::Raft` for this node.
    pub fn new(env: &Env) -> Arc<Transport> {
        let transport = Arc::new(Transport { env: env.clone(), groups: Mutex::default(), outgoing: Mutex::default() });
        // Weak: the network must not keep a node's groups alive.
        let weak = Arc::downgrade(&transport);
        env.net.serve(Service::Raft, move |from, body| {
            let transport = weak.upgrade();
            Box::pin(async move {
                let reply = match transport {
                    Some(transport) => transport.answer(from, body).await,
                    None => Reply::Refused("the node is stopping".to_owned()),
                };
                wire::encode(&wire::Response { reply: Some(reply) })
            })
        });
        transport
    }

    pub(crate) fn join(&self, group: GroupId, member: Weak<dyn Inbound>) {
        self.groups.lock().insert(group, member);
    }

    pub(crate) fn leave(&self, group: GroupId) {
        self.groups.lock().remove(&group);
    }

    async fn answer(&self, from: NodeId, body: Bytes) -> Reply {
        let request = match wire::decode::<wire::Request>(body) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(%from, %error, "a group message was refused");
                return match error {
                    Unreadable::Version(_) => Reply::Version(wire::VERSION as u32),
                    Unreadable::Malformed(what) => Reply::Refused(what),
                };
            }
        };
        let group = GroupId(request.group);
        match request.ask {
            None => Reply::Refused("a request of an unknown kind".to_owned()),
            Some(Ask::Pull(pull)) => match self.pulled(group, &pull) {
                Ok(chunk) => Reply::Chunk(chunk),
                Err(error) => Reply::Refused(error.to_string()),
            },
            Some(ask) => {
                let member = self.groups.lock().get(&group).and_then(Weak::upgrade);
                match member {
                    Some(member) => member.ask(from, ask).await,
                    None => Reply::Refused(format!("{group} takes no part on this node")),
                }
            }
        }
    }

    /// Asks the replica of a group on another node.
    pub(crate) async fn ask(
        &self,
        to: NodeId,
        group: GroupId,
        ask: Ask,
        timeout: Duration,
    ) -> std::result::Result<Reply, AskError> {
        let body = wire::encode(&wire::Request { group: group.0, ask: Some(ask) });
        let answer = self.env.net.call(to, Service::Raft, body, timeout).await.map_err(|error| match error {
            net::Error::Unreachable => AskError::Unreachable(format!("{to}: {error}")),
            net::Error::Lost => AskError::Lost,
        })?;
        let response = wire::decode::<wire::Response>(answer).map_err(|error| {
            tracing::warn!(%to, %error, "an answer about a group can't be read");
            AskError::Unreachable(format!("{to}: {error}"))
        })?;
        match response.reply {
            Some(Reply::Refused(why)) => Err(AskError::Unreachable(format!("{to}: {why}"))),
            Some(Reply::Version(version)) => {
                tracing::warn!(%to, version, "the peer does not speak this version of the group protocol");
                Err(AskError::Unreachable(format!("{to} speaks version {version} of the group protocol")))
            }
            Some(reply) => Ok(reply),
            None => Err(AskError::Unreachable(format!("{to} gave an answer of an unknown kind"))),
        }
    }

    /// Keeps a snapshot for a receiver to pull, under the returned number, until it is withdrawn or forgotten.
    pub(crate) fn offer(self: &Arc<Self>, group: GroupId, mut own: Own) -> u64 {
        if self.env.faults.here(fault::BUG_SNAPSHOT_MISSES_TAIL) {
            own.cut_tail();
        }
        let transfer = self.env.entropy.next_u64();
        let cutter = Arc::new(Mutex::new(Cutter::new(own)));
        self.outgoing.lock().insert(transfer, Outgoing { group, cutter, used: self.env.clock.mono() });
        let (weak, clock) = (Arc::downgrade(self), self.env.clock.clone());
        self.env.tasks.spawn("group.outgoing", async move {
            loop {
                clock.sleep(OUTGOING_IDLE_MAX).await;
                let Some(transport) = weak.upgrade() else { return };
                let mut outgoing = transport.outgoing.lock();
                match outgoing.get(&transfer) {
                    Some(one) if clock.mono() - one.used < OUTGOING_IDLE_MAX => {}
                    _ => {
                        outgoing.remove(&transfer);
                        return;
                    }
                }
            }
        });
        transfer
    }

    pub(crate) fn withdraw(&self, transfer: u64) {
        self.outgoing.lock().remove(&transfer);
    }

    fn pulled(&self, group: GroupId, pull: &wire::Pull) -> Result<wire::Chunk> {
        let cutter = {
            let mut outgoing = self.outgoing.lock();
            let found = outgoing.get_mut(&pull.transfer).filter(|found| found.group == group);
            let found =
                found.ok_or_else(|| Error::Transfer { what: "this snapshot is not offered any more".to_owned() })?;
            found.used = self.env.clock.mono();
            found.cutter.clone()
        };
        cutter.lock().chunk(pull.chunk)
    }

    /// Pulls a whole snapshot. `wanted` is asked before each chunk and ends the transfer by saying no.
    pub(crate) async fn pull(
        &self,
        from: NodeId,
        group: GroupId,
        transfer: u64,
        receiving: &mut Receiving,
        wanted: impl Fn() -> bool,
    ) -> Result<()> {
        let mut failures = 0;
        loop {
            if !wanted() {
                return Err(Error::Transfer { what: "another transfer took its place".to_owned() });
            }
            let pull = Ask::Pull(wire::Pull { transfer, chunk: receiving.next_chunk() });
            match self.ask(from, group, pull, PULL_TIMEOUT).await {
                Ok(Reply::Chunk(chunk)) => {
                    failures = 0;
                    receiving.add(&chunk).await?;
                    if chunk.last {
                        return Ok(());
                    }
                }
                Ok(_) => return Err(Error::Transfer { what: format!("{from} sent something else than a chunk") }),
                Err(error) => {
                    failures += 1;
                    if failures == PULL_FAILURES_MAX {
                        return Err(Error::Transfer { what: error.to_string() });
                    }
                    self.env.clock.sleep(PULL_RETRY).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::sim;
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn a_message_of_another_version_or_for_no_group_is_refused_clearly() {
        let options = sim::Options { net: sim::NetOptions::calm(), ..sim::Options::default() };
        sim::run(1, options, |world| async move {
            let (here, there) = (world.boot(NodeId(1)), world.boot(NodeId(2)));
            let _served = Transport::new(&there);
            let transport = Transport::new(&here);
            let ask = Ask::Fetch(wire::Fetch {});
            let second = Duration::from_secs(1);
            let refused = transport.ask(NodeId(2), GroupId(5), ask.clone(), second).await;
            assert!(
                matches!(&refused, Err(AskError::Unreachable(why)) if why == "n2: g5 takes no part on this node"),
                "{refused:?}"
            );

            let request = wire::Request { group: 5, ask: Some(ask) };
            let mut newer = BytesMut::from(&wire::encode(&request)[..]);
            newer[0] = wire::VERSION + 1;
            let answer = here.net.call(NodeId(2), Service::Raft, newer.freeze(), second).await.unwrap();
            let response = wire::decode::<wire::Response>(answer).unwrap();
            assert_eq!(response.reply, Some(Reply::Version(wire::VERSION as u32)));
        });
    }
}
