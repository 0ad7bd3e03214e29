//! A group: one replicated log with its state machine, on this node.
//!
//! [`Group`] is the handle (clones share everything). Behind it are openraft's core, the log (`log`), the applying side
//! (`apply`) and the way to the other replicas (`transport`).
//!
//! ```text
//!   propose ──▶ openraft core ──▶ log (append, sync) ─┬─▶ committed ──▶ apply ──▶ reply to the proposer
//!                        └──▶ followers (append, sync)┘
//! ```
//!
//! INVARIANT: a restarted voter neither votes nor campaigns for one maximum lease plus margin, for it forgot whom it
//! had acknowledged; leases rely on it. A sole voter is excepted: nobody else holds a lease on it.
//!
//! INVARIANT: once a leader has begun to transfer its leadership, it never again reports acknowledgements in that term
//! ([`Group::quorum_acked`]), because its voters have been released from their silence.
//!
//! INVARIANT: openraft's calls that measure time run in tasks of the node (`inside`); see `runtime`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use atoll_env::tasks::Stopped;
use atoll_env::{Env, Mono, NodeId};
use atoll_storage::GroupId;
use atoll_storage::engine::{Batch, Engine};
use atoll_storage::wal::Wal;
use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, Fatal, ForwardToLeader, InitializeError, LinearizableReadError, RaftError,
};
use openraft::metrics::RaftServerMetrics;
use openraft::{ChangeMembers, EmptyNode, LogIdOptionExt, Raft, ReadPolicy, ServerState};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::apply::{Applier, StateMachine};
use crate::error::{Error, Result, barrier, membership, propose};
use crate::inbound::Receive;
use crate::log::Log;
use crate::options::Options;
use crate::peer::Peers;
use crate::queue::Queue;
use crate::recovery::{self, Found, Refill};
use crate::snapshot::{self, Span};
use crate::state::State;
use crate::transport::Transport;
use crate::types::{Membership, Types};

/// A command must fit, with others, into one message and one write of the log.
pub const COMMAND_BYTES_MAX: usize = 16 << 20;

/// How long a transfer of the leadership may take before it counts as failed.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(3);
/// How long `purge` waits for openraft, which holds the log while a follower is being sent entries of it.
const PURGE_TIMEOUT: Duration = Duration::from_secs(2);

/// See the module.
pub struct Group<SM: StateMachine> {
    pub(crate) inner: Arc<Inner<SM>>,
}

impl<SM: StateMachine> Clone for Group<SM> {
    fn clone(&self) -> Self {
        Group { inner: self.inner.clone() }
    }
}

pub(crate) type RaftOf<SM> = Raft<Types<<SM as StateMachine>::Reply>, Applier<SM>>;

pub(crate) struct Inner<SM: StateMachine> {
    pub env: Env,
    pub group: GroupId,
    pub node: NodeId,
    pub transport: Arc<Transport>,
    pub raft: RaftOf<SM>,
    pub wal: Wal,
    pub queue: Queue<SM::Reply>,
    log: Log,
    /// The index after the last applied one.
    applied: watch::Receiver<u64>,
    leadership: watch::Receiver<Leadership>,
    /// Votes are refused until then.
    pub silent_until: Mono,
    pub begins_empty: bool,
    /// When a leader was last listened to.
    pub heard: Mutex<Mono>,
    /// The term in which this node gave its leadership away; 0 is no term of a leader.
    transferring: AtomicU64,
    /// The snapshot that is coming in.
    pub receive: Mutex<Option<Arc<Receive>>>,
    /// Why the core ended by itself.
    failed: Mutex<Option<String>>,
}

/// Who leads, as far as this node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    pub term: u64,
    pub leader: Option<NodeId>,
    pub is_leader_here: bool,
}

/// A committed and applied command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed<R> {
    pub index: u64,
    /// Which of the commands of this index.
    pub place: u32,
    pub term: u64,
    pub reply: R,
}

/// For people and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub leadership: Leadership,
    pub last: Option<u64>,
    pub committed: Option<u64>,
    pub applied: Option<u64>,
    pub purged: Option<u64>,
    /// Two sets while a change is under way.
    pub voters: Vec<BTreeSet<NodeId>>,
    pub learners: BTreeSet<NodeId>,
    /// The entry that made them the members.
    pub members_since: Option<u64>,
    /// Why the group stopped, if it did by itself.
    pub failed: Option<String>,
}

impl<SM: StateMachine> Group<SM> {
    /// Opens the replica with what is on the disk, and lets it take part. A replica without a usable state fetches one
    /// first, however long that takes: open each group in a task of its own where that may happen.
    #[allow(clippy::too_many_arguments)]
    pub async fn open(
        env: &Env,
        wal: &Wal,
        engine: &Engine,
        group: GroupId,
        node: NodeId,
        machine: SM,
        options: Options,
        transport: Arc<Transport>,
    ) -> Result<Group<SM>> {
        let opening = Opening {
            env: env.clone(),
            wal: wal.clone(),
            engine: engine.clone(),
            group,
            node,
            machine,
            options,
            transport,
        };
        // In a task of the node, because openraft tells the time while it starts.
        env.tasks.spawn("group.open", opening.run()).await.map_err(|Stopped| stopping())?
    }

    /// Makes this replica, together with the others of the same list, the first members of a new group. Does nothing
    /// if the group has begun already.
    pub async fn bootstrap(&self, voters: &[NodeId]) -> std::result::Result<(), membership::Error> {
        let voters: BTreeMap<u64, EmptyNode> = voters.iter().map(|node| (node.0, EmptyNode::new())).collect();
        let raft = self.inner.raft.clone();
        match self.inside(async move { raft.initialize(voters).await }).await {
            Ok(Ok(())) | Ok(Err(RaftError::APIError(InitializeError::NotAllowed(_)))) => {}
            Ok(Err(RaftError::APIError(error @ InitializeError::NotInMembers(_)))) => {
                return Err(membership::Error::Refused { what: error.to_string() });
            }
            Ok(Err(RaftError::Fatal(fatal))) => return Err(membership::Error::Stopped { reason: fatal.to_string() }),
            Err(reason) => return Err(membership::Error::Stopped { reason }),
        }
        // Openraft answers before the first entry is durable.
        match self.inner.last() {
            Some(_) => self.inner.log.durable().reach(0).await.map_err(|_| membership::Error::Unknown),
            None => Ok(()),
        }
    }

    /// Proposes a command and waits until it is applied here.
    pub async fn propose(&self, command: Bytes) -> std::result::Result<Proposed<SM::Reply>, propose::Error> {
        if command.len() > COMMAND_BYTES_MAX {
            return Err(propose::Error::TooLarge { bytes: command.len(), max: COMMAND_BYTES_MAX });
        }
        // Openraft stops for good when an append fails, so a full disk is noticed before.
        match self.inner.wal.admit(command.len()) {
            Ok(()) => {}
            Err(atoll_storage::Error::Full) => return Err(propose::Error::Full),
            Err(error) => return Err(propose::Error::Stopped { reason: error.to_string() }),
        }
        let answered = self.inner.queue.push(command);
        self.inner.propose_waiting();
        // Dropped with the core, or with a log tail that another leader may have committed before.
        answered.await.unwrap_or(Err(propose::Error::Unknown))
    }

    /// Returns when a quorum has confirmed that this node led at some moment after the call, and everything that was
    /// committed before the call is applied here.
    pub async fn barrier(&self) -> std::result::Result<(), barrier::Error> {
        let linearizer =
            self.inner.raft.get_read_linearizer(ReadPolicy::ReadIndex).await.map_err(|error| match error {
                RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)) => {
                    barrier::Error::NotLeader { leader: leader(&forward) }
                }
                RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)) => barrier::Error::NoQuorum,
                RaftError::Fatal(fatal) => barrier::Error::Stopped { reason: fatal.to_string() },
            })?;
        let index = linearizer.read_log_id().index();
        let reached = self.inner.applied.clone().wait_for(|next| *next > index).await.is_ok();
        if reached { Ok(()) } else { Err(barrier::Error::Stopped { reason: "the replica stopped".to_owned() }) }
    }

    /// Makes `voters` and `learners` the members. New members get the log (or a snapshot) before they vote only if
    /// they were added as learners first, so do that.
    pub async fn change_membership(
        &self,
        voters: BTreeSet<NodeId>,
        learners: BTreeSet<NodeId>,
    ) -> std::result::Result<(), membership::Error> {
        if voters.is_empty() || !voters.is_disjoint(&learners) {
            return Err(membership::Error::Refused {
                what: "a group needs voters, and learners are not among them".into(),
            });
        }
        if !voters.contains(&self.inner.node) {
            let what = "the leader stays a voter: transfer the leadership first".to_owned();
            return Err(membership::Error::Refused { what });
        }
        let ids = |nodes: &BTreeSet<NodeId>| nodes.iter().map(|node| node.0).collect::<BTreeSet<u64>>();
        let (voters, learners) = (ids(&voters), ids(&learners));
        let now = self.membership();
        let known: BTreeSet<u64> = now.nodes().map(|(id, _)| *id).collect();
        if let Some(unknown) = voters.difference(&known).next() {
            let what = format!("{} must be added as a learner before it can vote", NodeId(*unknown));
            return Err(membership::Error::Refused { what });
        }
        for learner in learners.difference(&known) {
            self.add_learner(NodeId(*learner)).await?;
        }
        let leaving: BTreeSet<u64> = known.difference(&(&voters | &learners)).copied().collect();
        if now.voter_ids().collect::<BTreeSet<_>>() != voters || now.get_joint_config().len() > 1 {
            // Voters that leave stay as learners until the next step.
            self.change(ChangeMembers::ReplaceAllVoters(voters), true).await?;
        }
        if !leaving.is_empty() {
            self.change(ChangeMembers::RemoveNodes(leaving), false).await?;
        }
        Ok(())
    }

    /// Adds a member that receives everything and does not vote, and waits until it has durably all that was there at the
    /// call. Openraft's own wait is over when few entries are missing, and of a short log that may be all of them: a voter
    /// without a state is none.
    pub async fn add_learner(&self, node: NodeId) -> std::result::Result<(), membership::Error> {
        let raft = self.inner.raft.clone();
        let added = self.inside(async move { raft.add_learner(node.0, EmptyNode::new(), true).await }).await;
        changed::<SM>(added.map(|result| result.map(|_| ())))?;
        let there = self.inner.last();
        let mut metrics = self.inner.raft.metrics();
        loop {
            {
                let metrics = metrics.borrow_and_update();
                let matched = metrics.replication.as_ref().ok_or(membership::Error::Unknown)?;
                if matched.get(&node.0).is_some_and(|matched| matched.index() >= there) {
                    return Ok(());
                }
            }
            if metrics.changed().await.is_err() {
                return Err(membership::Error::Stopped { reason: "the replica stopped".to_owned() });
            }
        }
    }

    /// Gives the leadership to another voter. This node stops serving as the leader even when it fails; then the next
    /// election decides.
    pub async fn transfer_leader(&self, to: NodeId) -> std::result::Result<(), membership::Error> {
        let now = self.leadership().get();
        if !now.is_leader_here {
            return Err(membership::Error::NotLeader { leader: now.leader });
        }
        if to == self.inner.node {
            return Ok(());
        }
        if !self.membership().voter_ids().any(|voter| voter == to.0) {
            return Err(membership::Error::Refused { what: format!("{to} does not vote") });
        }
        self.inner.transferring.fetch_max(now.term, Ordering::SeqCst);
        let raft = self.inner.raft.clone();
        let mut leadership = self.leadership();
        let env = self.inner.env.clone();
        let moved = async move {
            raft.trigger().transfer_leader(to.0).await?;
            // Until a later term has a leader; whoever it is.
            let moved = leadership.until(|next| next.term > now.term && next.leader.is_some());
            Ok::<_, Fatal<_>>(env.clock.timeout(TRANSFER_TIMEOUT, moved).await)
        };
        match self.inside(moved).await {
            Ok(Ok(Ok(Some(next)))) if next.leader == Some(to) => Ok(()),
            Ok(Ok(Ok(Some(next)))) => Err(membership::Error::NotLeader { leader: next.leader }),
            Ok(Ok(Ok(None))) => Err(membership::Error::Stopped { reason: "the replica stopped".to_owned() }),
            Ok(Ok(Err(_))) => Err(membership::Error::Unknown),
            Ok(Err(fatal)) => Err(membership::Error::Stopped { reason: fatal.to_string() }),
            Err(reason) => Err(membership::Error::Stopped { reason }),
        }
    }

    pub fn leadership(&self) -> LeadershipWatch {
        let mut receiver = self.inner.leadership.clone();
        receiver.mark_unchanged();
        LeadershipWatch { receiver }
    }

    /// When this node, as the leader, sent the last message that a quorum has acknowledged. Voters that acknowledge do
    /// not vote for another for a while from then on. `None` unless this node leads and is not giving that up.
    pub fn quorum_acked(&self) -> Option<Mono> {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        if metrics.state != ServerState::Leader
            || metrics.running_state.is_err()
            || self.inner.transferring.load(Ordering::SeqCst) >= metrics.current_term
        {
            return None;
        }
        if is_sole_voter(metrics.membership_config.membership(), self.inner.node) {
            return Some(self.inner.env.clock.mono());
        }
        metrics.last_quorum_acked.map(|sent| sent.into_inner().0)
    }

    /// Members that have acknowledged nothing to this leader for so long, or never.
    pub fn unheard_for(&self, silence: Duration) -> Vec<NodeId> {
        let now = self.inner.env.clock.mono();
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let acked = metrics.heartbeat.iter().flatten();
        let unheard = acked.filter(|(_, acked)| acked.is_none_or(|acked| now - acked.into_inner().0 >= silence));
        unheard.map(|(node, _)| NodeId(*node)).filter(|node| *node != self.inner.node).collect()
    }

    /// When this replica last listened to a leader; at first, when it began.
    pub fn heard(&self) -> Mono {
        *self.inner.heard.lock()
    }

    /// The last index that is part of the state in the engine.
    pub fn applied(&self) -> Option<u64> {
        self.inner.applied.borrow().checked_sub(1)
    }

    /// Which entry was applied here lately: its index, its term, and who led in it. For people and tests.
    pub fn applied_entry(&self) -> Option<(u64, u64, NodeId)> {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        metrics.last_applied.as_ref().map(|id| (id.index, id.leader_id.term, NodeId(id.leader_id.node_id)))
    }

    /// The last index in the log on this node.
    pub fn last(&self) -> Option<u64> {
        self.inner.last()
    }

    pub fn status(&self) -> Status {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let nodes = |set: &BTreeSet<u64>| set.iter().map(|id| NodeId(*id)).collect();
        Status {
            leadership: *self.inner.leadership.borrow(),
            last: self.last(),
            committed: metrics.local_committed.index(),
            applied: self.applied(),
            purged: metrics.purged.index(),
            voters: membership.get_joint_config().iter().map(nodes).collect(),
            learners: membership.learner_ids().map(NodeId).collect(),
            members_since: metrics.membership_config.log_id().index(),
            failed: self.inner.failed.lock().clone(),
        }
    }

    /// Drops log entries up to and including `upto`. The caller has flushed the engine since they were applied, and
    /// only that makes it safe: until then the log is the only durable copy. A follower that still needs them gets a
    /// snapshot.
    pub async fn purge(&self, upto: u64) -> Result<()> {
        let Some(applied) = self.applied() else { return Ok(()) };
        let upto = upto.min(applied);
        if self.inner.log.readable().0 > upto {
            return Ok(());
        }
        let raft = self.inner.raft.clone();
        let purge = async move {
            // Openraft purges what a snapshot covers. Ours is the state itself, so it only has to hear how far that is.
            raft.trigger().snapshot().await?;
            let covered =
                raft.wait(Some(PURGE_TIMEOUT)).metrics(|m| m.snapshot.index() >= Some(upto), "snapshot").await;
            if covered.is_err() {
                return Ok(false);
            }
            raft.trigger().purge_log(upto).await?;
            Ok::<_, Fatal<_>>(
                raft.wait(Some(PURGE_TIMEOUT)).metrics(|m| m.purged.index() >= Some(upto), "purge").await.is_ok(),
            )
        };
        match self.inside(purge).await {
            Ok(Ok(true)) => Ok(()),
            // Openraft goes on with it by itself.
            Ok(Ok(false)) => {
                tracing::debug!(group = %self.inner.group, upto, "the log is purged later: it is being sent");
                Ok(())
            }
            Ok(Err(fatal)) => Err(Error::Stopped { reason: fatal.to_string() }),
            Err(reason) => Err(Error::Stopped { reason }),
        }
    }

    /// Takes the replica out of the group's life on this node. What is on the disk stays.
    pub async fn stop(&self) {
        self.inner.transport.leave(self.inner.group);
        let raft = self.inner.raft.clone();
        // In a task of its own, because it must run to its end even if this call is dropped: openraft panics at the
        // next use after a cut off shutdown.
        let shut = self.inside(async move { raft.shutdown().await }).await;
        if let Ok(Err(error)) = shut {
            tracing::warn!(group = %self.inner.group, %error, "the group's core ended badly");
        }
        // The applying task ends a little later than the core. After this the replica may be opened again.
        let mut applied = self.inner.applied.clone();
        while applied.changed().await.is_ok() {}
    }

    /// Forgets the log, the vote and what is applied of a group that takes no part here: durably, except for what is
    /// applied, which comes after. Only for a replica that a quorum has agreed is none: what it has acknowledged is not
    /// counted on any more. What the machine wrote stays.
    pub async fn erase(env: &Env, wal: &Wal, engine: &Engine, group: GroupId) -> Result<()> {
        snapshot::clean(env, group).await?;
        wal.remove_group(group).await?;
        let mut batch = Batch::new();
        State::new(env, engine, group).forget(&mut batch);
        Ok(engine.write(batch)?)
    }

    async fn change(
        &self,
        change: ChangeMembers<u64, EmptyNode>,
        retain: bool,
    ) -> std::result::Result<(), membership::Error> {
        let raft = self.inner.raft.clone();
        let result = self.inside(async move { raft.change_membership(change, retain).await }).await;
        changed::<SM>(result.map(|result| result.map(|_| ())))
    }

    fn membership(&self) -> Membership {
        self.inner.raft.metrics().borrow_watched().membership_config.membership().clone()
    }

    /// Runs a call of openraft in a task of the node, to its end.
    async fn inside<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> std::result::Result<T, String> {
        self.inner.env.tasks.spawn("group.call", call).await.map_err(|Stopped| "the node is stopping".to_owned())
    }
}

impl<SM: StateMachine> Inner<SM> {
    /// Whether this replica has anything that entries could follow upon.
    pub(crate) fn has_begun(&self) -> bool {
        self.begins_empty || self.last().is_some()
    }

    pub(crate) fn last(&self) -> Option<u64> {
        let (first, last) = self.log.readable();
        last.or(first.checked_sub(1))
    }
}

/// Everything that opening needs, so that it can move into a task.
struct Opening<SM> {
    env: Env,
    wal: Wal,
    engine: Engine,
    group: GroupId,
    node: NodeId,
    machine: SM,
    options: Options,
    transport: Arc<Transport>,
}

impl<SM: StateMachine> Opening<SM> {
    async fn run(self) -> Result<Group<SM>> {
        let Opening { env, wal, engine, group, node, mut machine, options, transport } = self;
        let config = options.config(&env)?;
        snapshot::clean(&env, group).await?;
        let state = State::new(&env, &engine, group);
        let log = Log::new(wal.group(group));
        let applied = match recovery::look(&state, &log).await? {
            Found::Usable(applied) => applied,
            Found::Missing { last_known, first, gap: true } if !options.fetch_on_gap => {
                return Err(Error::Gap { applied: last_known.log_id.map(|id| id.index), first });
            }
            Found::Missing { last_known, first, .. } => {
                let spans = machine.spans().into_iter();
                let spans: Vec<_> = spans.map(|(space, start, end)| Span { space, start, end }).collect();
                let refill = Refill { state: &state, log: &log, transport: &transport, group, node, spans: &spans };
                let applied = refill.run(&last_known, first).await?;
                machine.installed();
                machine.applied(applied.log_id.as_ref().map_or(0, |id| id.index));
                applied
            }
        };
        let is_new = log.vote()?.is_none() && log.readable() == (0, None) && applied.log_id.is_none();

        let (progress, progressed) = watch::channel(0);
        let applier = Applier::new(machine, state, log.durable(), applied, progress);
        let peers = Peers {
            env: env.clone(),
            transport: transport.clone(),
            group,
            append_timeout: Duration::from_millis(options.election_timeout_ms.1),
        };
        let raft = Raft::new(node.0, config, peers, log.clone(), applier)
            .await
            .map_err(|fatal| Error::Stopped { reason: fatal.to_string() })?;

        let members = raft.with_raft_state(|state| state.membership_state.effective().membership().clone()).await;
        let members = members.map_err(|fatal| Error::Stopped { reason: fatal.to_string() })?;
        let is_sole_voter = is_sole_voter(&members, node);
        let silence = if is_new || is_sole_voter { Duration::ZERO } else { options.silence() };

        let (publish, leadership) = watch::channel(Leadership::default());
        let inner = Arc::new(Inner {
            silent_until: env.clock.mono() + silence,
            begins_empty: options.begins_empty,
            heard: Mutex::new(env.clock.mono()),
            env,
            group,
            node,
            transport,
            raft,
            wal,
            queue: Queue::new(),
            log,
            applied: progressed,
            leadership,
            transferring: AtomicU64::new(0),
            receive: Mutex::new(None),
            failed: Mutex::new(None),
        });
        let member: Arc<dyn crate::transport::Inbound> = inner.clone();
        inner.transport.join(group, Arc::downgrade(&member));
        inner.env.tasks.spawn("group.minder", mind(inner.clone(), publish, silence));
        if is_sole_voter {
            // Nobody else can win, so there is nothing to wait for.
            let elected = inner.raft.trigger().elect(false).await;
            elected.map_err(|fatal| Error::Stopped { reason: fatal.to_string() })?;
        }
        Ok(Group { inner })
    }
}

/// Ends the silence of a restarted voter and tells who leads, until the core stops. Keeps the group alive meanwhile.
async fn mind<SM: StateMachine>(inner: Arc<Inner<SM>>, publish: watch::Sender<Leadership>, silence: Duration) {
    let mut metrics = inner.raft.server_metrics();
    let watching = async {
        loop {
            let next = leadership(&*metrics.borrow_and_update(), inner.node);
            publish.send_if_modified(|current| {
                let differs = *current != next;
                *current = next;
                differs
            });
            if metrics.changed().await.is_err() {
                return;
            }
        }
    };
    let waking = async {
        inner.env.clock.sleep(silence).await;
        inner.raft.runtime_config().elect(true);
        std::future::pending::<()>().await
    };
    tokio::select! {
        biased;
        () = watching => {}
        () = waking => {}
    }
    let failed = match &inner.raft.metrics().borrow_watched().running_state {
        Err(Fatal::Stopped) => None,
        Err(fatal) => Some(fatal.to_string()),
        // It ended without a word.
        Ok(()) => Some("the core panicked".to_owned()),
    };
    if let Some(reason) = &failed {
        tracing::error!(group = %inner.group, %reason, "the group stopped by itself");
    }
    *inner.failed.lock() = failed;
    publish.send_modify(|current| *current = Leadership { leader: None, is_leader_here: false, ..*current });
    inner.transport.leave(inner.group);
}

/// The vote in the metrics is the one on the disk, and may be older than the state that openraft is in. A leader is
/// named only when both agree, so the term is always the named leader's.
fn leadership<R: Send + Sync + 'static>(metrics: &RaftServerMetrics<Types<R>>, node: NodeId) -> Leadership {
    let vote = &metrics.vote;
    let agreed = vote.committed && metrics.current_leader == Some(vote.leader_id.node_id);
    let leader = agreed.then_some(NodeId(vote.leader_id.node_id));
    let leads = metrics.state == ServerState::Leader;
    let leader = if leader == Some(node) && !leads { None } else { leader };
    Leadership { term: vote.leader_id.term, leader, is_leader_here: leader == Some(node) }
}

/// Follows [`Leadership`].
#[derive(Clone)]
pub struct LeadershipWatch {
    receiver: watch::Receiver<Leadership>,
}

impl LeadershipWatch {
    pub fn get(&self) -> Leadership {
        *self.receiver.borrow()
    }

    /// Waits for a change since the last call, or since this watch was made. `None` when the replica has stopped for good.
    pub async fn changed(&mut self) -> Option<Leadership> {
        self.receiver.changed().await.ok()?;
        Some(*self.receiver.borrow_and_update())
    }

    /// Waits until it is as wanted. `None` when the replica has stopped for good.
    pub async fn until(&mut self, mut wanted: impl FnMut(&Leadership) -> bool) -> Option<Leadership> {
        self.receiver.wait_for(|leadership| wanted(leadership)).await.ok().map(|leadership| *leadership)
    }
}

fn is_sole_voter(membership: &Membership, node: NodeId) -> bool {
    let sets = membership.get_joint_config();
    !sets.is_empty() && sets.iter().all(|voters| voters.len() == 1 && voters.contains(&node.0))
}

pub(crate) fn leader<R: Send + Sync + 'static>(forward: &ForwardToLeader<Types<R>>) -> Option<NodeId> {
    forward.leader_id.map(NodeId)
}

type Changed<SM> = std::result::Result<
    (),
    RaftError<Types<<SM as StateMachine>::Reply>, ClientWriteError<Types<<SM as StateMachine>::Reply>>>,
>;

fn changed<SM: StateMachine>(
    result: std::result::Result<Changed<SM>, String>,
) -> std::result::Result<(), membership::Error> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(RaftError::APIError(error))) => Err(match error {
            ClientWriteError::ForwardToLeader(forward) => membership::Error::NotLeader { leader: leader(&forward) },
            ClientWriteError::LogEntryDiscarded(_) => membership::Error::Unknown,
            ClientWriteError::ChangeMembershipError(
                ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_),
            ) => membership::Error::InProgress,
            other => membership::Error::Refused { what: other.to_string() },
        }),
        // The change may have been proposed before the core stopped.
        Ok(Err(RaftError::Fatal(_))) => Err(membership::Error::Unknown),
        Err(reason) => Err(membership::Error::Stopped { reason }),
    }
}

fn stopping() -> Error {
    Error::Stopped { reason: "the node is stopping".to_owned() }
}
