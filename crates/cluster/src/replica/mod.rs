//! A range on this node, above the log: everything that decides.
//!
//! | module | the idea |
//! | --- | --- |
//! | `volatile` | what the leaseholder keeps in memory: locks, latches, timestamp cache |
//! | `lease` | when this replica may serve, and what it starts from |
//! | `read` | gets, scans, refreshes |
//! | `lock` | row locks and the waiting for them |
//! | `write` | one-range commits, intents, their resolution |
//! | `record` | the records that decide transactions over several ranges |
//! | `conflict` | somebody's intent is in the way |
//! | `split`, `gc` | housekeeping |
//!
//! How a write goes, and why it is right together with reads:
//!
//! 1. It takes latches on its keys, then looks at the engine: every write before it on these keys is applied.
//! 2. It asks the timestamp cache who read them, and fixes its timestamp above. The latches say so from now on.
//! 3. It proposes a command and keeps the latches until the command is applied, or certainly never will be.
//!
//! A read first raises the timestamp cache, then asks the latches which undecided or older writes are under way and waits
//! for these, then takes its view. So of a read and a write at the same key one always sees the other.
//!
//! INVARIANT: a latch whose command may still be applied is never released. When an answer of the log is lost, the latch
//! stays until the next lease, under which the command would be refused.

mod conflict;
mod gc;
mod lease;
mod lock;
mod read;
mod record;
mod split;
mod volatile;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atoll_consensus::{Group, propose};
use atoll_env::fault;
use atoll_txn::request::{Body, Done, Located, Reply, Span};
use atoll_txn::{Error, Result, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::apply::{Applier, Outcome};
use crate::command::Command;
use crate::state::{Published, RangeState};
use crate::store::Node;
use volatile::Serving;

pub(crate) use lock::Woken;
pub use record::TxnRecord;
pub(crate) use volatile::Volatile;

pub struct Replica {
    pub(crate) id: u64,
    node: Arc<Node>,
    group: Group<Applier>,
    published: Published,
    memory: Mutex<Volatile>,
    /// Nobody else votes, so that nobody else can hold the lease.
    alone: AtomicBool,
    /// Held while the range's members change, or its bounds.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// The record in the directory that was written last from here.
    pub(crate) published_last: Mutex<Option<Located>>,
}

impl Replica {
    pub(crate) fn new(
        id: u64,
        node: Arc<Node>,
        group: Group<Applier>,
        published: Published,
        memory: Volatile,
    ) -> Replica {
        Replica {
            id,
            node,
            group,
            published,
            memory: Mutex::new(memory),
            alone: AtomicBool::new(false),
            changing: tokio::sync::Mutex::default(),
            published_last: Mutex::default(),
        }
    }

    /// The range and where its replicas are, as far as this one knows.
    pub(crate) fn located(&self) -> Located {
        let state = self.published.get();
        let voters = self.group.status().voters;
        let replicas: BTreeSet<u64> = voters.iter().flatten().map(|voter| voter.0).collect();
        Located {
            range: state.range_ref(),
            replicas: replicas.into_iter().collect(),
            holder: state.lease.holder,
            lease: state.lease.sequence,
        }
    }

    pub(crate) fn is_alone(&self) -> bool {
        match &self.group.status().voters[..] {
            [voters] => voters.len() == 1 && voters.contains(&self.node.id),
            // The group has only just begun.
            [] => self.published().first_voters == [self.node.id.0],
            _ => false,
        }
    }

    /// No other node is needed for anything.
    pub(crate) fn is_served_alone(&self) -> bool {
        self.alone.load(Ordering::SeqCst)
    }

    /// Comes before every change of members.
    pub(crate) fn not_alone(&self) {
        self.alone.store(false, Ordering::SeqCst);
    }

    pub(crate) fn look_who_votes(&self) {
        self.alone.store(self.is_alone(), Ordering::SeqCst);
    }

    /// Whether the voters' promise not to follow anybody else still holds.
    fn is_acknowledged(&self) -> bool {
        let options = &self.node.options.consensus;
        let lasts = options.lease_max - options.lease_margin;
        self.group.quorum_acked().is_some_and(|sent| self.node.env.clock.mono() < sent + lasts)
    }

    /// The range's state as it is applied here.
    pub fn published(&self) -> Arc<RangeState> {
        self.published.get()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub fn group(&self) -> &Group<Applier> {
        &self.group
    }

    pub fn is_serving(&self) -> bool {
        self.memory.lock().serving.is_some()
    }

    /// Whether a read would be served at this moment; for people and tests.
    pub fn holds_lease(&self) -> bool {
        self.serving(&self.memory.lock(), &[]).is_ok()
    }

    /// Answers one request. Dropping the future gives up waiting; a write that has begun goes on to its end.
    ///
    /// All but gets are boxed, here and where a get rarely comes: a future is as large as its largest branch, and is moved
    /// at every step from the transaction to here, for the shortest of requests too.
    pub(crate) async fn handle(self: &Arc<Self>, generation: u64, body: Body) -> Result<Reply> {
        match body {
            Body::Get(get) => self.get(get).await,
            Body::Scan(scan) => Box::pin(self.scan(scan)).await,
            Body::Refresh(refresh) => Box::pin(self.refresh(refresh)).await,
            Body::Lock(lock) => Box::pin(self.lock(lock)).await,
            Body::Release(release) => {
                self.release(&release)?;
                Ok(Reply::Done(Done {}))
            }
            Body::Heartbeat(heartbeat) => {
                let mut memory = self.memory.lock();
                self.serving(&memory, &[])?;
                memory.heard_from(heartbeat.txn, self.node.env.clock.mono());
                Ok(Reply::Done(Done {}))
            }
            Body::Commit(_)
            | Body::Prepare(_)
            | Body::Decide(_)
            | Body::Resolve(_)
            | Body::Forget(_)
            | Body::Push(_)
            | Body::Split(_) => {
                let replica = self.clone();
                // A task of its own, so that a caller who goes away can't leave a latch or half a commit behind.
                let task = self.node.env.tasks.spawn("command", async move { replica.write(generation, body).await });
                task.await.unwrap_or_else(|_| Err(self.node.stopped()))
            }
        }
    }

    async fn write(self: &Arc<Self>, generation: u64, body: Body) -> Result<Reply> {
        match body {
            Body::Commit(commit) => self.commit(commit).await,
            Body::Prepare(prepare) => self.prepare(prepare).await,
            Body::Decide(decide) => self.decide(decide).await,
            Body::Resolve(resolve) => self.resolve(resolve).await,
            Body::Forget(forget) => self.forget(forget).await,
            Body::Push(push) => self.push(push).await,
            Body::Split(split) => self.split(generation, split).await,
            _ => unreachable!("the other requests don't write"),
        }
    }

    /// The lease under which this replica serves, for keys that are all in the range.
    fn serving(&self, memory: &Volatile, spans: &[Span]) -> Result<Serving> {
        let Some(serving) = memory.serving else {
            let leader = self.group.leadership().get().leader.filter(|leader| *leader != self.node.id);
            return Err(Error::NotLeaseholder { range: self.id, leader: leader.map(|leader| leader.0) });
        };
        let state = self.published.get();
        // Asking the group costs as much as a read from memory.
        let held = self.alone.load(Ordering::SeqCst)
            || self.is_acknowledged()
            || self.node.env.faults.here(fault::BUG_STALE_LEASE);
        if state.lease.sequence != serving.sequence || !held {
            return Err(Error::NotLeaseholder { range: self.id, leader: None });
        }
        if spans.iter().any(|span| !state.span.covers(span)) {
            return Err(self.moved(&state));
        }
        Ok(serving)
    }

    fn moved(&self, state: &RangeState) -> Error {
        let mut known = vec![self.located()];
        debug_assert_eq!(known[0].range.id, state.id);
        known.extend(self.node.right_of(&state.span.end));
        Error::RangeMoved { known }
    }

    /// A command of the current lease, to be filled.
    fn command(&self, serving: Serving, clock: Timestamp) -> Command {
        Command { lease: serving.sequence, generation: self.published.get().generation, clock, ..Command::default() }
    }

    /// Proposes and waits until the command is applied. `Unknown` is for the caller to name.
    async fn propose(&self, command: &Command) -> std::result::Result<(), Failed> {
        let bytes = command.encoded();
        self.node.admit(bytes.len()).map_err(Failed::Refused)?;
        self.propose_bytes(bytes).await
    }

    /// The same, for what has to go on when the disk is full: leases, reads, the end of transactions.
    async fn propose_always(&self, command: &Command) -> std::result::Result<(), Failed> {
        self.propose_bytes(command.encoded()).await
    }

    async fn propose_bytes(&self, bytes: Bytes) -> std::result::Result<(), Failed> {
        match self.group.propose(bytes).await {
            Ok(proposed) => match proposed.reply {
                Outcome::Applied => Ok(()),
                Outcome::Stale => Err(Failed::Refused(Error::NotLeaseholder { range: self.id, leader: None })),
            },
            Err(propose::Error::NotLeader { leader }) => {
                Err(Failed::Refused(Error::NotLeaseholder { range: self.id, leader: leader.map(|leader| leader.0) }))
            }
            Err(propose::Error::TooLarge { bytes, max }) => {
                Err(Failed::Refused(Error::TooLarge { what: "a command", bytes: bytes as u64, bytes_max: max as u64 }))
            }
            Err(propose::Error::Full) => Err(Failed::Refused(Error::DiskFull)),
            Err(propose::Error::Stopped { reason }) => Err(Failed::Refused(Error::Stopped { why: reason })),
            Err(propose::Error::Unknown) => Err(Failed::Unknown),
        }
    }
}

/// Why a proposal did not come through.
enum Failed {
    /// It certainly had no effect and never will.
    Refused(Error),
    /// It may have one.
    Unknown,
}
