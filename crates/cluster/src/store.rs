//! Everything of a node below SQL: its log, its engine, its ranges, and the work that goes on behind them.
//!
//! [`Node`] is what the parts share; [`Store`] owns it, opens and closes it, and runs the loops:
//!
//! | loop | does |
//! | --- | --- |
//! | events | starts the right half of an applied split |
//! | ceilings | keeps read ceilings ahead of the clock where reads come; takes locks of silent coordinators away |
//! | checkpoints | flushes the engine and purges the log behind it |
//! | housekeeping | splits large ranges, collects garbage, finishes what dead coordinators left |
//! | leaving | takes away replicas that are no members any more |
//! | watch | notices that storage has failed, and room on the disk |
//!
//! INVARIANT: the log of a group is purged only up to what was applied when a flush began that has ended. Until then the log is
//! the only durable copy.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atoll_consensus::{Group, GroupId, Transport};
use atoll_env::{BoxFuture, Env, Mono, NodeId, fault};
use atoll_storage::engine::{self, Batch, Engine, Space};
use atoll_storage::wal::{self, Wal};
use atoll_txn::hlc::Hlc;
use atoll_txn::lock::{LockTable, RequestId, WaitsFor};
use atoll_txn::mvcc::ended::Ended;
use atoll_txn::request::{Body, Fate, Forget, Located, RangeRef, Span, Split};
use atoll_txn::transaction::resolve_everywhere;
use atoll_txn::{Error, Isolation, Result, Sender, Timestamp, Transaction, TxnId, key};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use prost::Message;
use tokio::sync::{mpsc, oneshot, watch};

use crate::apply::{Applier, Event};
use crate::deadlock::Round;
use crate::members::Members;
use crate::reach::Reach;
use crate::replica::{Replica, Volatile, Woken};
use crate::router::Router;
use crate::state::{Published, RangeState};
use crate::{members, service};

/// Keys from here on belong to the system itself; users' keys lie above.
pub const SYSTEM: &[u8] = b"\x00";
/// The first key that is a user's.
pub const USERS: &[u8] = b"\x01";
const RANGE_IDS: &[u8] = b"\x00range-id";
const FIRST_RANGE: u64 = 1;
const SERVING_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Options {
    pub wal: wal::Options,
    pub engine: engine::Options,
    pub consensus: atoll_consensus::Options,
    /// How far back history reaches.
    pub history: Duration,
    /// A range above this size is split.
    pub range_bytes_max: u64,
    /// So much new log makes a checkpoint.
    pub checkpoint_bytes: u64,
    pub checkpoint_every: Duration,
    pub housekeeping_every: Duration,
    /// Writes are refused while the disk has less room than this. More than the engine's own reserve, so that what is
    /// committed can always be applied.
    pub reserve_bytes: u64,
    /// So many replicas a range shall have, when there are as many nodes.
    pub replicas: usize,
    pub placement_every: Duration,
    /// A node that was silent for so long has its replicas replaced.
    pub dead_after: Duration,
    pub origin: Origin,
    pub cluster: u128,
    /// Where other nodes reach this one.
    pub address: String,
}

/// What an empty store is the beginning of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A cluster.
    Cluster,
    /// A node of the cluster to which these nodes belong.
    Member { contacts: Vec<NodeId> },
}

impl Default for Options {
    fn default() -> Options {
        let engine = engine::Options::default();
        Options {
            reserve_bytes: engine.reserve_bytes + (64 << 20),
            wal: wal::Options::default(),
            engine,
            consensus: atoll_consensus::Options { begins_empty: false, ..atoll_consensus::Options::default() },
            history: Duration::from_secs(4 * 3600),
            range_bytes_max: 512 << 20,
            checkpoint_bytes: 64 << 20,
            checkpoint_every: Duration::from_secs(60),
            housekeeping_every: Duration::from_secs(10),
            replicas: 3,
            placement_every: Duration::from_secs(1),
            dead_after: Duration::from_secs(300),
            origin: Origin::Cluster,
            cluster: 0,
            address: String::new(),
        }
    }
}

/// What the parts of a node share.
pub struct Node {
    pub id: NodeId,
    pub env: Env,
    pub engine: Engine,
    pub wal: Wal,
    pub clock: Arc<Hlc>,
    pub options: Options,
    pub(crate) reach: Arc<Reach>,
    pub(crate) members: Members,
    /// What the last round of looking for deadlocks found.
    pub(crate) round: Arc<tokio::sync::Mutex<Round>>,
    transport: Arc<Transport>,
    events: mpsc::UnboundedSender<Event>,
    replicas: RwLock<Replicas>,
    /// The keys of replicas that are being taken away. Locked before `replicas`.
    leaving: Mutex<BTreeMap<u64, Span>>,
    /// Held by whoever looks whether a replica is here and makes it: two groups of one range would share a log.
    making: tokio::sync::Mutex<()>,
    pub(crate) waits: Mutex<WaitsFor>,
    pub(crate) waiters: Mutex<BTreeMap<RequestId, oneshot::Sender<Woken>>>,
    watchers: Mutex<BTreeMap<TxnId, Vec<oneshot::Sender<()>>>>,
    pub(crate) ended: Arc<Ended>,
    next_request: AtomicU64,
    full: AtomicBool,
    /// When this life of the node began.
    pub(crate) begun: Mono,
    /// Why the node has stopped, once it has.
    stopped: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct Replicas {
    by_id: BTreeMap<u64, Arc<Replica>>,
    /// Of those that hold anything.
    by_start: BTreeMap<Bytes, u64>,
}

impl Replicas {
    fn index(&mut self, replica: &Replica) {
        let span = replica.published().span.clone();
        self.by_start.retain(|_, id| *id != replica.id);
        if !span.is_empty() {
            self.by_start.insert(span.start, replica.id);
        }
    }

    fn remove(&mut self, id: u64) {
        self.by_id.remove(&id);
        self.by_start.retain(|_, other| *other != id);
    }
}

impl Node {
    pub fn now(&self) -> Timestamp {
        self.clock.now(self.env.clock.wall_ns())
    }

    pub fn replica(&self, id: u64) -> Option<Arc<Replica>> {
        self.replicas.read().by_id.get(&id).cloned()
    }

    pub fn replicas(&self) -> Vec<Arc<Replica>> {
        self.replicas.read().by_id.values().cloned().collect()
    }

    pub fn replica_for(&self, key: &[u8]) -> Option<Arc<Replica>> {
        let replicas = self.replicas.read();
        let (_, id) = replicas
            .by_start
            .range::<[u8], _>((std::ops::Bound::Unbounded, std::ops::Bound::Included(key)))
            .next_back()?;
        let replica = replicas.by_id.get(id)?;
        replica.published().span.contains(key).then(|| replica.clone())
    }

    pub(crate) fn right_of(&self, end: &[u8]) -> Option<Located> {
        if end.is_empty() {
            return None;
        }
        self.replica_for(end).map(|replica| replica.located())
    }

    pub(crate) fn next_request(&self) -> RequestId {
        RequestId(self.next_request.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a write of this size may be proposed.
    pub(crate) fn admit(&self, bytes: usize) -> Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Error::DiskFull);
        }
        self.wal.admit(bytes).map_err(|error| match error {
            atoll_storage::Error::Full => Error::DiskFull,
            error => self.failed(error),
        })
    }

    /// Resolves when something about the transaction has ended here. Whoever watches says when it [has
    /// done](Self::unwatch) so.
    pub(crate) fn watch(&self, txn: TxnId) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        let mut watchers = self.watchers.lock();
        let waiting = watchers.entry(txn).or_default();
        waiting.retain(|watcher| !watcher.is_closed());
        waiting.push(wake);
        woken
    }

    pub(crate) fn unwatch(&self, txn: TxnId) {
        let mut watchers = self.watchers.lock();
        if let Some(waiting) = watchers.get_mut(&txn) {
            waiting.retain(|watcher| !watcher.is_closed());
            if waiting.is_empty() {
                watchers.remove(&txn);
            }
        }
    }

    pub(crate) fn finished(&self, txn: TxnId) {
        for watcher in self.watchers.lock().remove(&txn).into_iter().flatten() {
            // Whoever gave up has dropped its end.
            let _ = watcher.send(());
        }
    }

    /// Stops the node for good: it answers nothing any more. The first reason stays.
    pub(crate) fn fail(&self, why: String) -> Error {
        self.stopped.send_if_modified(|stopped| {
            if stopped.is_none() {
                tracing::error!(%why, "the node stops");
                *stopped = Some(why);
                return true;
            }
            false
        });
        self.stopped()
    }

    pub(crate) fn failed(&self, error: atoll_storage::Error) -> Error {
        match error {
            atoll_storage::Error::Full => Error::DiskFull,
            atoll_storage::Error::Closed => self.stopped(),
            error => self.fail(error.to_string()),
        }
    }

    pub(crate) fn stopped(&self) -> Error {
        Error::Stopped { why: self.why_stopped().unwrap_or_else(|| "the node is shutting down".to_owned()) }
    }

    pub fn why_stopped(&self) -> Option<String> {
        self.stopped.borrow().clone()
    }

    pub(crate) fn alive(&self) -> Result<()> {
        if self.stopped.borrow().is_some() { Err(self.stopped()) } else { Ok(()) }
    }

    /// Takes a number that no range has had. Boxed, because a request for a split needs it.
    pub(crate) fn allocate_range_id(self: &Arc<Self>) -> Pin<Box<dyn Future<Output = Result<u64>> + Send>> {
        let node = self.clone();
        Box::pin(async move {
            loop {
                let mut txn = Transaction::begin(Router::new(node.clone()), Isolation::Serializable);
                let last = match txn.get(RANGE_IDS).await? {
                    Some(bytes) => match bytes[..].try_into() {
                        Ok(bytes) => u64::from_be_bytes(bytes),
                        Err(_) => return Err(node.fail("the counter of ranges is damaged".to_owned())),
                    },
                    None => FIRST_RANGE,
                };
                txn.put(RANGE_IDS, (last + 1).to_be_bytes().to_vec())?;
                match txn.commit().await {
                    Ok(_) => return Ok(last + 1),
                    // A number that was perhaps taken is not used.
                    Err(Error::Retry(_) | Error::Unknown { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        })
    }

    pub(crate) async fn start_replica(
        self: &Arc<Self>,
        state: RangeState,
        locks: Option<LockTable>,
    ) -> std::result::Result<(), String> {
        let published = Published::new(state.clone());
        let machine = Applier::new(
            state.clone(),
            published.clone(),
            self.clock.clone(),
            self.engine.clone(),
            self.events.clone(),
        );
        let group = Group::open(
            &self.env,
            &self.wal,
            &self.engine,
            GroupId(state.id),
            self.id,
            machine,
            self.options.consensus.clone(),
            self.transport.clone(),
        );
        let group = group.await.map_err(|error| format!("range {}: {error}", state.id))?;
        let first: Vec<NodeId> = state.first_voters.iter().copied().map(NodeId).collect();
        if first.contains(&self.id) {
            group.bootstrap(&first).await.map_err(|error| format!("range {}: {error}", state.id))?;
        }
        let replica = Arc::new(Replica::new(state.id, self.clone(), group, published, Volatile::new(locks)));
        replica.adopt_contacts();
        {
            let mut replicas = self.replicas.write();
            replicas.by_id.insert(state.id, replica.clone());
            replicas.index(&replica);
        }
        self.env.tasks.spawn("lease", replica.follow());
        Ok(())
    }

    /// Makes room for a replica of a range, which its leader then fills.
    pub(crate) async fn host(self: &Arc<Self>, range: &RangeRef) -> std::result::Result<(), String> {
        let _one_at_a_time = self.making.lock().await;
        if self.members.is_leaving(self.id) {
            return Err("this node is leaving the cluster".to_owned());
        }
        if let Some(leaving) = self.leaving_with(range) {
            return Err(format!("the replica of range {leaving} is being taken away here"));
        }
        if self.replica(range.id).is_some() {
            return Ok(());
        }
        let state = self.range_state(range.id).map_err(|error| error.to_string())?;
        if state.is_some_and(|state| !state.span.is_empty()) {
            return Err(format!("a split has just made range {} here, and it is about to begin", range.id));
        }
        // One that has yet to hear of a split holds keys that are no longer its own.
        let overlapping = self.replicas().into_iter().find(|other| other.published().span.overlaps(&range.span));
        if let Some(other) = overlapping {
            return Err(format!("range {} holds keys of it here", other.id));
        }
        // Nothing, until a snapshot says otherwise.
        let at = if range.span.start.is_empty() { Bytes::from_static(USERS) } else { range.span.start.clone() };
        let state = RangeState { id: range.id, span: Span::new(at.clone(), at), ..RangeState::default() };
        let mut batch = Batch::new();
        batch.put(Space::Meta, key::range_state(state.id), state.encode_to_vec());
        self.engine.write(batch).map_err(|error| self.failed(error).to_string())?;
        self.start_replica(state, None).await
    }
}

impl Node {
    /// Takes a replica out of the node's. `false`: it is gone already.
    pub(crate) fn begin_to_leave(&self, replica: &Replica) -> bool {
        let mut leaving = self.leaving.lock();
        let mut replicas = self.replicas.write();
        if replicas.by_id.get(&replica.id).is_none_or(|here| !std::ptr::eq(&**here, replica)) {
            return false;
        }
        replicas.remove(replica.id);
        leaving.insert(replica.id, replica.published().span.clone());
        true
    }

    pub(crate) fn end_leaving(&self, range: u64) {
        self.leaving.lock().remove(&range);
    }

    /// One that is being taken away and has any of a range's keys.
    fn leaving_with(&self, range: &RangeRef) -> Option<u64> {
        let leaving = self.leaving.lock();
        let with = leaving.iter().find(|(id, span)| **id == range.id || span.overlaps(&range.span));
        with.map(|(id, _)| *id)
    }
}

/// A node's store, open.
pub struct Store {
    node: Arc<Node>,
}

impl Store {
    /// Opens what lies on the disk, or begins anew, and returns when every range serves.
    pub fn open(env: &Env, id: NodeId, options: Options) -> BoxFuture<'_, std::result::Result<Store, OpenError>> {
        Box::pin(Store::open_node(env, id, options))
    }

    async fn open_node(env: &Env, id: NodeId, options: Options) -> std::result::Result<Store, OpenError> {
        // Side by side: each reads back what a kill left, on a thread of its own where there are threads. Both to their
        // ends, so that the same damage is always told in the same words.
        let (engine, wal) =
            tokio::join!(Engine::open(env, options.engine.clone()), Wal::open(env, options.wal.clone()));
        let (wal, engine) = (wal?, engine?);
        let (events, mut happened) = mpsc::unbounded_channel();
        let clock = Arc::new(Hlc::default());
        let node = Arc::new(Node {
            id,
            env: env.clone(),
            engine,
            wal,
            reach: Arc::new(Reach::new(env, clock.clone(), Vec::new())),
            members: Members::default(),
            round: Arc::default(),
            clock,
            transport: Transport::new(env),
            options,
            events,
            replicas: RwLock::default(),
            leaving: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            waits: Mutex::default(),
            waiters: Mutex::default(),
            watchers: Mutex::default(),
            ended: Arc::default(),
            next_request: AtomicU64::new(1),
            full: AtomicBool::new(false),
            begun: env.clock.mono(),
            stopped: watch::Sender::new(None),
        });
        // Before the first write, and not only at the next look.
        node.look_for_room().await;
        let states = node.range_states().await?;
        // Before anything serves, the clock is above all that any range has promised.
        for state in &states {
            node.clock.forward(state.clock.max(state.ceiling));
        }
        for state in states {
            if state.leaving {
                node.leaving.lock().insert(state.id, state.span.clone());
                let node = node.clone();
                env.tasks.spawn("replica.leave", async move { node.erase(state).await });
                continue;
            }
            node.start_replica(state, None).await.map_err(|why| OpenError::Range { why })?;
        }
        let store = Store { node: node.clone() };
        let splits = node.clone();
        env.tasks.spawn("events", async move {
            while let Some(event) = happened.recv().await {
                splits.handle(event).await;
            }
        });
        store.run("ceilings", Duration::from_millis(250), |node| async move {
            for replica in node.replicas() {
                replica.keep_ceiling_ahead().await;
                replica.sweep_locks();
            }
        });
        store.run("watch", Duration::from_millis(100), |node| async move {
            node.look_for_deadlocks();
            node.look_around().await;
        });
        store.run("checkpoints", Duration::from_millis(500), Node::checkpoint_if_due());
        store.run("housekeeping", node.options.housekeeping_every, |node| async move { node.keep_house().await });
        store.run("leaving", node.options.housekeeping_every, Node::look_for_left);
        service::serve(&node);
        members::serve(&node);
        let mut contacts = node.recall_members().await;
        if let Origin::Member { contacts: named } = &node.options.origin {
            contacts.extend(named);
        }
        contacts.retain(|contact| *contact != node.id);
        node.reach.set_contacts(contacts);
        env.tasks.spawn("members", node.clone().keep_in_touch());
        store.run("pings", members::ASK_EVERY, |node| async move { node.ask_around() });
        store.run("placement", node.options.placement_every, Node::place);
        store.serving().await?;
        Ok(store)
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub fn router(&self) -> Router {
        Router::new(self.node.clone())
    }

    /// Resolves with the reason when the node has stopped by itself.
    pub async fn stopped(&self) -> String {
        let mut stopped = self.node.stopped.subscribe();
        let why = stopped.wait_for(Option::is_some).await.map(|why| why.clone().unwrap_or_default());
        why.unwrap_or_default()
    }

    /// Ends cleanly: what is written is flushed, so that the next start has nothing to replay.
    pub fn close(self) -> BoxFuture<'static, std::result::Result<(), atoll_storage::Error>> {
        Box::pin(self.close_node())
    }

    async fn close_node(self) -> std::result::Result<(), atoll_storage::Error> {
        self.node.hand_over().await;
        self.node.stopped.send_if_modified(|stopped| {
            let first = stopped.is_none();
            stopped.get_or_insert_with(|| "the node is shutting down".to_owned());
            first
        });
        for replica in self.node.replicas() {
            replica.group().stop().await;
        }
        let closed = self.node.engine.close().await;
        self.node.wal.close().await?;
        closed
    }

    /// Runs a piece of work again and again for as long as the node lives.
    fn run<F, W>(&self, name: &'static str, every: Duration, work: F)
    where
        F: FnMut(Arc<Node>) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let node = Arc::downgrade(&self.node);
        let clock = self.node.env.clock.clone();
        let mut work = work;
        self.node.env.tasks.spawn(name, async move {
            loop {
                clock.sleep(every).await;
                let Some(node) = node.upgrade().filter(|node| node.alive().is_ok()) else { return };
                work(node).await;
            }
        });
    }

    async fn serving(&self) -> std::result::Result<(), OpenError> {
        let clock = &self.node.env.clock;
        let until = clock.mono() + SERVING_WITHIN;
        loop {
            // Those that need other nodes come when these are there.
            if self.node.replicas().iter().all(|replica| replica.is_serving() || !replica.is_alone()) {
                return Ok(());
            }
            if let Err(error) = self.node.alive() {
                return Err(OpenError::Range { why: error.to_string() });
            }
            for replica in self.node.replicas() {
                if let Some(why) = replica.group().status().failed {
                    return Err(OpenError::Range { why: format!("range {}: {why}", replica.id) });
                }
            }
            if clock.mono() >= until {
                return Err(OpenError::Range { why: "not every range came to serve".to_owned() });
            }
            clock.sleep(Duration::from_millis(1)).await;
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Storage(#[from] atoll_storage::Error),
    #[error("{why}")]
    Range { why: String },
}

impl Node {
    /// The ranges that lie in the engine; in an empty store, the one that all begins with.
    async fn range_states(&self) -> std::result::Result<Vec<RangeState>, OpenError> {
        let (start, end) = key::range_records();
        let mut states = Vec::new();
        for row in self.engine.view().scan(Space::Meta, &start, &end) {
            let (at, bytes) = row?;
            let damage = |what: String| OpenError::Range { why: format!("{}: {what}", key::pretty(Space::Meta, &at)) };
            match key::MetaKey::decode(&at) {
                Some(key::MetaKey::Range(id, key::RangeKey::State)) => {
                    let state = RangeState::decode(bytes).map_err(|error| damage(error.to_string()))?;
                    if state.id != id {
                        return Err(damage(format!("holds the state of range {}", state.id)));
                    }
                    states.push(state);
                }
                Some(_) => {}
                None => return Err(damage("is no record of a range".to_owned())),
            }
        }
        let began = self.engine.view().get(Space::Meta, &key::node_ident())?.is_some();
        let mut ident = Batch::new();
        ident.put(Space::Meta, key::node_ident(), self.id.0.to_be_bytes().to_vec());
        if !began && !states.is_empty() {
            self.engine.write(ident)?;
        } else if !began && self.options.origin == Origin::Cluster {
            if !self.wal.groups().is_empty() {
                return Err(OpenError::Range {
                    why: "the log has ranges but the state has none: the state files are gone".to_owned(),
                });
            }
            let first_voters = vec![self.id.0];
            let state = RangeState { id: FIRST_RANGE, span: Span::new("", ""), first_voters, ..RangeState::default() };
            let mut batch = ident;
            batch.put(Space::Meta, key::range_state(state.id), state.encode_to_vec());
            self.engine.write(batch)?;
            self.env.faults.crash_here(fault::CRASH_BOOTSTRAP).await;
            self.engine.flush().await?;
            self.env.faults.crash_here(fault::CRASH_BOOTSTRAP).await;
            states.push(state);
        }
        Ok(states)
    }

    async fn handle(self: &Arc<Self>, event: Event) {
        match event {
            Event::Split { right } => {
                let _one_at_a_time = self.making.lock().await;
                if self.replica(right.id).is_some() {
                    // Applied again from the log after a restart that found the right half in the engine.
                    return;
                }
                let left = self.replicas().into_iter().find(|replica| replica.published().span.end == right.span.start);
                let locks = left.map(|left| left.hand_over_locks(&right.span.start));
                // What the engine has now, in case this is a replay and the right half has gone on since.
                let mut state = match self.range_state(right.id) {
                    Ok(state) => state.unwrap_or(right),
                    Err(_) => return,
                };
                if self.env.faults.here(fault::BUG_SPLIT_LOSES_KEY) {
                    state.span.start = [&state.span.start[..], &[0]].concat().into();
                }
                if let Err(why) = self.start_replica(state, locks).await {
                    self.fail(why);
                }
            }
            Event::Installed { id } => {
                let mut replicas = self.replicas.write();
                if let Some(replica) = replicas.by_id.get(&id).cloned() {
                    replicas.index(&replica);
                }
            }
        }
    }

    fn range_state(&self, id: u64) -> Result<Option<RangeState>> {
        let bytes = self.engine.view().get(Space::Meta, &key::range_state(id)).map_err(|error| self.failed(error))?;
        let state = bytes.map(RangeState::decode).transpose();
        state.map_err(|error| self.fail(format!("the state of range {id} is damaged: {error}")))
    }

    /// Notices failed storage, failed ranges, and whether there is room on the disk.
    async fn look_around(&self) {
        if let Some(why) = self.wal.status().poisoned {
            self.fail(format!("the log has stopped: {why}"));
        }
        if let Some(why) = self.engine.failed() {
            self.fail(format!("the state engine has stopped: {why}"));
        }
        for replica in self.replicas() {
            if let Some(why) = replica.group().status().failed {
                self.fail(format!("range {} has stopped: {why}", replica.id));
            }
        }
        self.look_for_room().await;
    }

    async fn look_for_room(&self) {
        if let Ok(space) = self.env.disk.space().await {
            let was_full = self.full.load(Ordering::Relaxed);
            // What a checkpoint of the full store gives back, and what the node had kept for this, is no room to go on with.
            let needed_bytes = self.options.reserve_bytes * if was_full { 8 } else { 5 } / 5;
            let full = space.free_bytes < needed_bytes;
            if self.full.swap(full, Ordering::Relaxed) != full {
                match full {
                    true => tracing::warn!(free_bytes = space.free_bytes, "the disk is full: writes are refused"),
                    false => tracing::info!(free_bytes = space.free_bytes, "there is room again: writes go on"),
                }
            }
        }
    }

    fn checkpoint_if_due() -> impl FnMut(Arc<Node>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send {
        let mut written = 0;
        let mut last = None;
        move |node| {
            let now = node.env.clock.mono();
            let bytes = node.wal.status().written_bytes;
            let waited = now - *last.get_or_insert(now);
            let due = bytes - written >= node.options.checkpoint_bytes
                || (bytes > written && waited >= node.options.checkpoint_every)
                // The log can be cut only behind a flush, which is what a full disk may need most.
                || (node.full.load(Ordering::Relaxed) && bytes > written);
            if due {
                (written, last) = (bytes, Some(now));
            }
            Box::pin(async move {
                if due {
                    node.checkpoint().await;
                }
            })
        }
    }

    /// Flushes the engine and purges the log of what is safe in its tables.
    pub async fn checkpoint(&self) {
        let applied: Vec<_> =
            self.replicas().into_iter().filter_map(|replica| Some((replica.group().applied()?, replica))).collect();
        self.env.faults.crash_here(fault::CRASH_BEFORE_FLUSH).await;
        match self.engine.flush().await {
            Ok(()) => {}
            Err(atoll_storage::Error::Full) => return,
            Err(error) => {
                self.failed(error);
                return;
            }
        }
        self.env.faults.crash_here(fault::CRASH_AFTER_FLUSH).await;
        for (upto, replica) in applied {
            if let Err(error) = replica.group().purge(upto).await {
                // It is tried again with the next checkpoint; a failed log is noticed elsewhere.
                tracing::debug!(range = replica.id, %error, "the log was not purged");
            }
        }
    }

    async fn keep_house(self: &Arc<Self>) {
        let router = Router::new(self.clone());
        for replica in self.replicas() {
            if self.alive().is_err() {
                return;
            }
            if !replica.is_serving() {
                continue;
            }
            self.finish_abandoned(&router, &replica).await;
            let now = self.now();
            let history = self.options.history.as_nanos() as u64;
            let threshold = Timestamp { wall: now.wall.saturating_sub(history), logical: 0 };
            if replica.is_garbage_due(threshold, self.options.history)
                && let Err(error) = replica.collect_garbage(threshold).await
            {
                tracing::debug!(range = replica.id, %error, "garbage was not collected");
            }
            if let Some(at) = self.split_point(&replica) {
                let range = replica.published().range_ref();
                if let Err(error) = router.send(&range, Body::Split(Split { at })).await {
                    tracing::debug!(range = replica.id, %error, "the range was not split");
                }
            }
        }
    }

    /// Finishes decided transactions whose coordinators did not, and drops the records of aborted ones that nothing can
    /// revive.
    async fn finish_abandoned(&self, router: &Router, replica: &Arc<Replica>) {
        let Ok(records) = replica.records() else { return };
        let old = self.now().wall.saturating_sub(self.options.housekeeping_every.as_nanos() as u64);
        let threshold = replica.published().gc_threshold;
        for (anchor, txn, record) in records {
            let unresolved = record.fate() == Fate::Committed && record.ts.wall < old && !record.spans.is_empty();
            if unresolved && !resolve_everywhere(router, txn, record.ts, &record.spans).await {
                continue;
            }
            if unresolved || record.ts < threshold && record.spans.is_empty() {
                // It stays until the next time if this fails.
                let _ = router.send_to(Body::Forget(Forget { txn, anchor, told: false })).await;
            }
        }
    }

    /// Where to cut a range that has become too large: the middle of its bytes.
    fn split_point(&self, replica: &Replica) -> Option<Bytes> {
        let span = replica.published().span.clone();
        let bytes = self.engine.approximate_bytes(Space::Current, &span.start, &span.end);
        if bytes <= self.options.range_bytes_max {
            return None;
        }
        let mut seen = 0;
        let mut counted = 0u64;
        let view = self.engine.view();
        for row in view.scan(Space::Current, &span.start, &span.end) {
            counted += row.ok().map(|(key, value)| (key.len() + value.len()) as u64)?;
        }
        if counted <= self.options.range_bytes_max {
            return None;
        }
        for row in view.scan(Space::Current, &span.start, &span.end) {
            let (key, value) = row.ok()?;
            seen += (key.len() + value.len()) as u64;
            if seen * 2 >= counted && key > span.start {
                return Some(Bytes::copy_from_slice(&key));
            }
        }
        None
    }
}

/// Where the node's data lies, below its directory.
pub fn directories(options: &Options) -> [PathBuf; 2] {
    [options.wal.dir.clone(), options.engine.dir.clone()]
}
