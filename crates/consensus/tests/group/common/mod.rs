//! A simulated cluster whose groups hold registers, and the checks that every scenario ends with.
//!
//! [`Registers`] is the state machine: a map from a byte to a number, and beside it the log of all commands under
//! their indexes. [`Ledger`] hears of every applied entry of every replica, in all its lives, and notes a violation when
//! two of them apply different commands under one index. [`Cluster::check`] ends a scenario: all replicas caught up,
//! no violation, every acknowledged command in every replica at the index that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use atoll_consensus::{
    Entry, Error, Group, GroupId, NodeId, Options, Proposed, StateMachine, Status, Transport, propose,
};
use atoll_env::Env;
use atoll_env::sim::{self, World};
use atoll_storage::engine::{self, Batch, Engine, Space};
use atoll_storage::wal::{self, Wal};
use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;

pub const G1: GroupId = GroupId(1);
pub const G2: GroupId = GroupId(2);

/// A node that is no replica: the clients live there.
const CLIENTS: NodeId = NodeId(99);

pub fn node(id: u64) -> NodeId {
    NodeId(id)
}

pub fn nodes(ids: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
    ids.into_iter().map(NodeId).collect()
}

/// What every replica applied.
/// Where a command stands in its group: commands that were proposed together share an index.
fn position(index: u64, place: u32) -> u64 {
    index << 16 | u64::from(place)
}

#[derive(Default)]
pub struct Ledger {
    applied: BTreeMap<(GroupId, u64), (u64, Bytes)>,
    pub violations: Vec<String>,
}

impl Ledger {
    fn note(&mut self, node: NodeId, group: GroupId, entry: &Entry<'_>) {
        let this = (entry.term, entry.command.clone());
        let first = self.applied.entry((group, position(entry.index, entry.place))).or_insert_with(|| this.clone());
        if *first != this {
            self.violations.push(format!("{node} applied {this:?} at {group} {}, another {first:?}", entry.index));
        }
    }
}

pub struct Registers {
    node: NodeId,
    group: GroupId,
    engine: Engine,
    ledger: Arc<Mutex<Ledger>>,
    registers: BTreeMap<u8, u64>,
}

impl Registers {
    fn key(&self, rest: &[u8]) -> Bytes {
        [&self.group.0.to_be_bytes(), rest].concat().into()
    }

    fn span(&self) -> (Bytes, Bytes) {
        let end = (self.group.0 + 1).to_be_bytes();
        (self.key(b""), Bytes::copy_from_slice(&end))
    }

    fn load(&mut self) {
        let (start, end) = self.span();
        let rows = self.engine.view().scan(Space::Current, &start, &end).map(Result::unwrap);
        self.registers = rows.map(|(key, value)| (key[8], number(&value))).collect();
    }
}

impl StateMachine for Registers {
    /// What the register held before.
    type Reply = Option<u64>;

    fn apply(&mut self, entry: Entry<'_>, batch: &mut Batch) -> Option<u64> {
        self.ledger.lock().note(self.node, self.group, &entry);
        let (register, value) = (entry.command[0], number(&entry.command[1..9]));
        batch.put(Space::Current, self.key(&[register]), Bytes::copy_from_slice(&value.to_be_bytes()));
        let log_key = self.key(&position(entry.index, entry.place).to_be_bytes());
        batch.put(Space::History, log_key, Bytes::copy_from_slice(entry.command));
        self.registers.insert(register, value)
    }

    fn applied(&mut self, _upto: u64) {}

    fn spans(&self) -> Vec<(Space, Bytes, Bytes)> {
        let (start, end) = self.span();
        vec![(Space::Current, start.clone(), end.clone()), (Space::History, start, end)]
    }

    fn installed(&mut self) {
        self.load();
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes[..8].try_into().unwrap())
}

/// Sets a register; the value is unique in the scenario.
pub fn command(register: u8, value: u64, padding: usize) -> Bytes {
    let mut command = BytesMut::with_capacity(9 + padding);
    command.put_u8(register);
    command.put_u64(value);
    command.put_bytes(b'.', padding);
    command.freeze()
}

pub struct Node {
    pub id: NodeId,
    pub env: Env,
    pub wal: Wal,
    pub engine: Engine,
    pub transport: Arc<Transport>,
    groups: Mutex<BTreeMap<GroupId, Group<Registers>>>,
}

impl Node {
    async fn start(env: Env, id: NodeId) -> Result<Arc<Node>, Error> {
        let log = wal::Options { segment_bytes: 1 << 20, ..wal::Options::default() };
        let wal = Wal::open(&env, log).await?;
        let engine = Engine::open(&env, engine::Options::default()).await?;
        let transport = Transport::new(&env);
        Ok(Arc::new(Node { id, env, wal, engine, transport, groups: Mutex::default() }))
    }

    pub async fn open(self: &Arc<Self>, cluster: &Cluster, group: GroupId) -> Result<Group<Registers>, Error> {
        let ledger = cluster.ledger.clone();
        let (node, engine) = (self.id, self.engine.clone());
        let mut machine = Registers { node, group, engine, ledger, registers: BTreeMap::new() };
        machine.load();
        let (options, transport) = (cluster.options.clone(), self.transport.clone());
        let opened = Group::open(&self.env, &self.wal, &self.engine, group, node, machine, options, transport).await?;
        self.groups.lock().insert(group, opened.clone());
        Ok(opened)
    }

    pub fn group(&self, group: GroupId) -> Option<Group<Registers>> {
        self.groups.lock().get(&group).cloned()
    }

    pub fn forget(&self, group: GroupId) {
        self.groups.lock().remove(&group);
    }

    /// The commands that this replica holds, by position.
    pub fn commands(&self, group: GroupId) -> BTreeMap<u64, Bytes> {
        let (start, end) = (group.0.to_be_bytes(), (group.0 + 1).to_be_bytes());
        let rows = self.engine.view().scan(Space::History, &start, &end).map(Result::unwrap);
        rows.map(|(key, value)| (number(&key[8..]), value)).collect()
    }

    /// As the owner of the node does it: what is flushed need not stay in the log.
    pub async fn flush_and_purge(&self, group: GroupId, keep: u64) -> Result<(), Error> {
        let Some(replica) = self.group(group) else { return Ok(()) };
        let Some(applied) = replica.applied() else { return Ok(()) };
        self.engine.flush().await?;
        match applied.checked_sub(keep) {
            Some(upto) => replica.purge(upto).await,
            None => Ok(()),
        }
    }
}

#[derive(Clone)]
pub struct Cluster {
    pub world: World,
    pub ledger: Arc<Mutex<Ledger>>,
    pub options: Options,
    pub clients: Env,
    nodes: Arc<Mutex<BTreeMap<NodeId, Arc<Node>>>>,
    acknowledged: Arc<Mutex<BTreeMap<(GroupId, u64), Bytes>>>,
    next_value: Arc<AtomicU64>,
}

impl Cluster {
    pub fn new(world: &World) -> Cluster {
        Cluster {
            world: world.clone(),
            ledger: Arc::default(),
            options: Options::default(),
            clients: world.boot(CLIENTS),
            nodes: Arc::default(),
            acknowledged: Arc::default(),
            next_value: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Boots a node and opens these groups on it, each in a task of its own: one may have to wait for another replica.
    pub async fn boot(&self, id: NodeId, groups: &[GroupId]) -> Arc<Node> {
        self.try_boot(id, groups).await.expect("the node boots")
    }

    /// `None` if the node crashed meanwhile.
    pub async fn try_boot(&self, id: NodeId, groups: &[GroupId]) -> Option<Arc<Node>> {
        let env = self.world.boot(id);
        let starting = env.tasks.spawn("test.start", Node::start(env.clone(), id)).await.ok()?;
        let node = match starting {
            Ok(node) => node,
            Err(error) if is_failing_disk(&error) => {
                self.kill(id);
                return None;
            }
            Err(error) => panic!("{id} does not start: {error}"),
        };
        self.nodes.lock().insert(id, node.clone());
        for group in groups {
            let (node, cluster, group) = (node.clone(), self.clone(), *group);
            let opener = cluster.clone();
            let opening = async move { node.open(&opener, group).await.map(drop) };
            env.tasks.spawn("test.open", async move {
                match opening.await {
                    // The node went down.
                    Ok(()) | Err(Error::Stopped { .. }) => {}
                    Err(error) if is_failing_disk(&error) => cluster.kill(id),
                    Err(error) => panic!("a group does not open: {error}"),
                }
            });
        }
        Some(node)
    }

    /// Boots nodes and makes them the voters of the groups.
    pub async fn start(&self, ids: impl IntoIterator<Item = u64>, groups: &[GroupId]) {
        let ids: Vec<_> = ids.into_iter().map(NodeId).collect();
        for id in &ids {
            let node = self.boot(*id, &[]).await;
            for group in groups {
                node.open(self, *group).await.expect("a new group opens");
            }
        }
        for group in groups {
            self.node(ids[0]).group(*group).unwrap().bootstrap(&ids).await.expect("the group begins");
        }
    }

    pub fn node(&self, id: NodeId) -> Arc<Node> {
        self.nodes.lock().get(&id).expect("the node was booted").clone()
    }

    pub fn running(&self, id: NodeId) -> Option<Arc<Node>> {
        let node = self.nodes.lock().get(&id).cloned();
        node.filter(|_| self.world.is_running(id))
    }

    /// The replicas that run.
    pub fn replicas(&self, group: GroupId) -> Vec<(NodeId, Group<Registers>)> {
        let nodes: Vec<_> = self.nodes.lock().values().cloned().collect();
        let running = nodes.iter().filter(|node| self.world.is_running(node.id));
        running.filter_map(|node| Some((node.id, node.group(group)?))).collect()
    }

    pub fn power_off(&self, id: NodeId) {
        self.nodes.lock().remove(&id);
        self.world.power_off(id);
    }

    pub fn kill(&self, id: NodeId) {
        self.nodes.lock().remove(&id);
        self.world.kill(id);
    }

    /// A node ran into a crash point.
    pub fn crashed(&self, id: NodeId) {
        self.nodes.lock().remove(&id);
    }

    /// Boots those that are down, however often they crash meanwhile, and restarts those whose group gave up.
    pub async fn ensure_running(&self, ids: &[NodeId], groups: &[GroupId]) {
        for id in ids {
            let failed = |group: &GroupId| {
                let node = self.nodes.lock().get(id).cloned();
                node.and_then(|node| node.group(*group)).is_some_and(|replica| replica.status().failed.is_some())
            };
            if groups.iter().any(failed) {
                self.power_off(*id);
            }
            while !self.world.is_running(*id) {
                self.crashed(*id);
                self.try_boot(*id, groups).await;
            }
        }
    }

    pub async fn sleep_ms(&self, ms: u64) {
        self.world.sleep(Duration::from_millis(ms)).await;
    }

    /// Who leads by its own account, in the highest term.
    pub fn leader(&self, group: GroupId) -> Option<(NodeId, Group<Registers>)> {
        let leaders = self.replicas(group).into_iter().filter(|(_, replica)| replica.leadership().get().is_leader_here);
        leaders.max_by_key(|(_, replica)| replica.leadership().get().term)
    }

    /// Waits for a leader that a quorum confirms.
    pub async fn await_leader(&self, group: GroupId) -> (NodeId, Group<Registers>) {
        let waited = async {
            loop {
                if let Some((id, leader)) = self.leader(group)
                    && leader.barrier().await.is_ok()
                {
                    return (id, leader);
                }
                self.sleep_ms(10).await;
            }
        };
        let found = self.clients.clock.timeout(Duration::from_secs(60), waited).await;
        found.unwrap_or_else(|_| panic!("no leader of {group} within a minute: {:#?}", self.describe(group)))
    }

    fn describe(&self, group: GroupId) -> Vec<(NodeId, Status)> {
        self.replicas(group).into_iter().map(|(id, replica)| (id, replica.status())).collect()
    }

    pub fn next_command(&self, register: u8, padding: usize) -> Bytes {
        command(register, self.next_value.fetch_add(1, Ordering::Relaxed), padding)
    }

    /// Proposes once, and remembers it if it is acknowledged.
    pub async fn propose(
        &self,
        group: GroupId,
        replica: &Group<Registers>,
        command: Bytes,
    ) -> Result<Proposed<Option<u64>>, propose::Error> {
        let proposed = replica.propose(command.clone()).await?;
        let before = self.acknowledged.lock().insert((group, position(proposed.index, proposed.place)), command);
        assert_eq!(before, None, "two commands were acknowledged at {group} {}", proposed.index);
        Ok(proposed)
    }

    /// Proposes to whoever leads until it is acknowledged.
    pub async fn must_propose(&self, group: GroupId, count: u64) {
        for _ in 0..count {
            loop {
                let (_, leader) = self.await_leader(group).await;
                match self.propose(group, &leader, self.next_command(1, 0)).await {
                    Ok(_) => break,
                    Err(_) => self.sleep_ms(20).await,
                }
            }
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().len()
    }

    /// Starts clients that propose to anybody, at random, until the returned handle is told to stop.
    pub fn clients(&self, count: u64, groups: &[GroupId]) -> Clients {
        let stop = Arc::new(Mutex::new(false));
        let tasks = (0..count).map(|client| {
            let (cluster, stop, groups) = (self.clone(), stop.clone(), groups.to_vec());
            self.clients.tasks.spawn("test.client", async move { cluster.client(client, &groups, &stop).await })
        });
        Clients { stop: stop.clone(), tasks: tasks.collect() }
    }

    async fn client(self, client: u64, groups: &[GroupId], stop: &Mutex<bool>) {
        let mut rng = self.world.rng(&format!("client {client}"));
        let mut hint = None;
        while !*stop.lock() {
            let group = *rng.pick(groups);
            let replicas = self.replicas(group);
            let chosen = match replicas.iter().find(|(id, _)| Some(*id) == hint) {
                Some(hinted) => Some(hinted.clone()),
                None if replicas.is_empty() => None,
                None => Some(rng.pick(&replicas).clone()),
            };
            if let Some((id, replica)) = chosen {
                let command = self.next_command(rng.below(8) as u8, rng.below(200) as usize);
                let proposed = self.propose(group, &replica, command);
                hint = match self.clients.clock.timeout(Duration::from_secs(5), proposed).await {
                    Ok(Ok(_)) => Some(id),
                    Ok(Err(propose::Error::NotLeader { leader })) => leader,
                    Ok(Err(_)) | Err(_) => None,
                };
            }
            self.sleep_ms(1 + rng.below(20)).await;
        }
    }

    /// The acknowledged entries that a replica which has caught up does not hold.
    pub fn lost(&self, node: &Node, group: GroupId) -> Vec<u64> {
        let held = node.commands(group);
        let acknowledged = self.acknowledged.lock();
        let of_group = acknowledged.iter().filter(|((of, _), _)| *of == group);
        of_group
            .filter(|((_, index), command)| held.get(index) != Some(command))
            .map(|((_, index), _)| *index)
            .collect()
    }

    /// Everything works again: all replicas must become one, and hold all that was acknowledged.
    pub async fn check(&self, group: GroupId) {
        self.must_propose(group, 1).await;
        let (_, leader) = self.await_leader(group).await;
        let target = leader.applied().expect("something was applied");
        let nodes: Vec<_> = self.nodes.lock().values().cloned().collect();
        for node in &nodes {
            let catching_up = async {
                while node.group(group).and_then(|replica| replica.applied()) < Some(target) {
                    if let Some(failed) = node.group(group).and_then(|replica| replica.status().failed) {
                        panic!("{} {group} stopped: {failed}", node.id);
                    }
                    self.sleep_ms(20).await;
                }
            };
            let caught_up = self.clients.clock.timeout(Duration::from_secs(120), catching_up).await;
            let describe = || node.group(group).map(|replica| replica.status());
            assert!(caught_up.is_ok(), "{} does not catch up to {target}: {:?}", node.id, describe());
        }
        for node in &nodes {
            assert_eq!(self.lost(node, group), Vec::<u64>::new(), "{} {group} lost acknowledged entries", node.id);
            let held = node.commands(group);
            let upto = |at: &u64| *at >> 16 <= target;
            let first = nodes[0].commands(group);
            let same = held.iter().filter(|(index, _)| upto(index)).eq(first.iter().filter(|(index, _)| upto(index)));
            assert!(same, "{} and {} differ in {group}", node.id, nodes[0].id);
        }
        assert_eq!(self.ledger.lock().violations, Vec::<String>::new());
    }
}

/// What a scenario that lets syncs fail has to expect of any step.
fn is_failing_disk(error: &Error) -> bool {
    use atoll_storage::Error::{Closed, Io, Poisoned};
    matches!(error, Error::Storage(Io { .. } | Poisoned { .. } | Closed))
}

pub struct Clients {
    stop: Arc<Mutex<bool>>,
    tasks: Vec<atoll_env::tasks::Task<()>>,
}

impl Clients {
    pub async fn stop(self) {
        *self.stop.lock() = true;
        for task in self.tasks {
            task.await.expect("the clients' node does not crash");
        }
    }
}

/// These seeds, or those of `ATOLL_SEEDS=FROM..TO`. Each is printed before it runs, so a failing test ends with it.
pub fn seeds(default: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    // A test has no binary above it that would read its settings.
    #[allow(clippy::disallowed_methods)]
    let chosen = std::env::var("ATOLL_SEEDS").ok().map(|range| {
        let (from, to) = range.split_once("..").expect("ATOLL_SEEDS is FROM..TO");
        from.parse().unwrap()..to.parse().unwrap()
    });
    chosen.unwrap_or(default).inspect(|seed| eprintln!("replay with ATOLL_SEEDS={seed}..{}", seed + 1))
}

/// Runs a scenario on a quick and reliable network.
pub fn calm<T, F: Future<Output = T>>(seed: u64, scenario: impl FnOnce(Cluster) -> F) -> T {
    let options = sim::Options { net: sim::NetOptions::calm(), ..sim::Options::default() };
    sim::run(seed, options, |world| scenario(Cluster::new(&world)))
}

/// Runs a scenario on a network that loses, doubles and delays.
pub fn stormy<T, F: Future<Output = T>>(seed: u64, scenario: impl FnOnce(Cluster) -> F) -> T {
    sim::run(seed, sim::Options::default(), |world| scenario(Cluster::new(&world)))
}
