//! The world: its nodes and their lives, and what all parts of the simulation share.
//!
//! ```text
//!           boot                 kill, power_off, crash point
//! (absent) ─────▶ incarnation 1 ─────▶ (down) ─────▶ incarnation 2 …
//!                 tasks, handlers      disk and clock stay
//! ```
//! INVARIANT: an incarnation that has ended acts no more: its tasks are stopped, and whatever else still holds its
//! handles waits forever.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};

use super::{Options, clock::NodeClock, disk::SimDisk, faults::FaultState, net::NetState, trace::Trace};
use crate::{
    Clock, Disk, Entropy, Env, Faults, Net, NodeId, Tasks,
    disk::CrashKind,
    net::Handler,
    rng::{Rng, mix},
    tasks::{Group, Inherited},
};

/// The simulated world. Clones are the same world.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    seed: u64,
    start: Instant,
    sync_us: Range<u64>,
    state: Mutex<State>,
    crashed: Notify,
}

pub(super) struct State {
    nodes: BTreeMap<NodeId, Node>,
    pub net: NetState,
    pub faults: FaultState,
    trace: Trace,
    /// How often each kind of disturbance happened.
    bites: BTreeMap<&'static str, u64>,
    crashes: VecDeque<NodeId>,
    disk_bytes: u64,
}

/// What stays of a node when its process ends, and the process while there is one.
pub(super) struct Node {
    pub disk: SimDisk,
    pub clock: NodeClock,
    running: Option<Arc<Incarnation>>,
    boots: u64,
}

/// One process of a node, from boot to crash.
pub(crate) struct Incarnation {
    pub(super) world: World,
    pub(super) node: NodeId,
    pub(super) number: u64,
    pub(super) booted_local_ns: i128,
    pub(super) services: Mutex<BTreeMap<u8, Handler>>,
    alive: AtomicBool,
    /// From right after the incarnation was made, since the group's clock needs it, to its end.
    group: Mutex<Option<Arc<Group>>>,
}

impl Incarnation {
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::SeqCst)
    }

    /// Goes on only if this incarnation is the node's present one.
    pub(super) async fn while_alive(&self) {
        if !self.is_alive() {
            std::future::pending::<()>().await;
        }
    }

    /// None once this incarnation has ended.
    pub(super) fn group(&self) -> Option<Arc<Group>> {
        self.group.lock().clone()
    }

    /// Stops everything this incarnation does and lets go of what refers back to it.
    fn end(&self) {
        self.alive.store(false, Ordering::SeqCst);
        let group = self.group.lock().take();
        if let Some(group) = group {
            group.stop();
        }
        // Handlers own parts of the node, whose ends may look at the world.
        let handlers = std::mem::take(&mut *self.services.lock());
        drop(handlers);
    }
}

impl World {
    /// A new, empty world. [`super::run`] makes one in the right kind of runtime.
    pub fn new(seed: u64, options: Options) -> World {
        let state = State {
            nodes: BTreeMap::new(),
            net: NetState::new(seed, options.net),
            faults: FaultState::new(seed),
            trace: Trace::new(seed, options.print),
            bites: BTreeMap::new(),
            crashes: VecDeque::new(),
            disk_bytes: options.disk_bytes,
        };
        World {
            inner: Arc::new(Inner {
                seed,
                start: Instant::now(),
                sync_us: options.sync_us,
                state: Mutex::new(state),
                crashed: Notify::new(),
            }),
        }
    }

    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// Simulated time since the world began.
    pub fn now(&self) -> Duration {
        self.inner.start.elapsed()
    }

    /// Waits, in simulated time.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// A random stream of its own for every name.
    pub fn rng(&self, stream: &str) -> Rng {
        Rng::stream(self.inner.seed ^ mix(1), stream)
    }

    /// Starts a node's process on the disk it left behind, or on an empty one.
    pub fn boot(&self, node: NodeId) -> Env {
        let now = self.now();
        let (incarnation, entropy) = {
            let mut state = self.lock();
            let entry = state.node(node, self.inner.seed);
            assert!(entry.running.is_none(), "{node} is running already");
            entry.boots += 1;
            let incarnation = Arc::new(Incarnation {
                world: self.clone(),
                node,
                number: entry.boots,
                booted_local_ns: entry.clock.local_ns(now),
                services: Mutex::default(),
                alive: AtomicBool::new(true),
                group: Mutex::default(),
            });
            entry.running = Some(incarnation.clone());
            let stream = format!("entropy {node} {}", incarnation.number);
            (incarnation, Entropy::seeded(Rng::stream(self.inner.seed, &stream)))
        };
        let clock = Clock::sim(incarnation.clone());
        let inherited = Inherited { clock: clock.clone(), entropy: entropy.clone() };
        let group = Arc::new(Group::new(false, inherited));
        *incarnation.group.lock() = Some(group.clone());
        self.trace("node.boot", format_args!("{node} for the {}. time", incarnation.number));
        Env {
            clock,
            disk: Disk::sim(incarnation.clone()),
            net: Net::sim(incarnation.clone()),
            tasks: Tasks::sim(group),
            entropy,
            faults: Faults::sim(incarnation),
        }
    }

    /// Ends a node's process; what it wrote is kept by its operating system. Nothing if it isn't running.
    pub fn kill(&self, node: NodeId) {
        self.crash(node, CrashKind::Kill);
    }

    /// Takes a node's power away, and with it what wasn't synced, by a process that runs or ran before.
    pub fn power_off(&self, node: NodeId) {
        self.crash(node, CrashKind::Power);
    }

    fn crash(&self, node: NodeId, kind: CrashKind) {
        let (running, slot, mut rng) = {
            let mut state = self.lock();
            let entry = state.node(node, self.inner.seed);
            let running = entry.running.take();
            if running.is_none() && kind == CrashKind::Kill {
                return;
            }
            (running, entry.disk.slot.clone(), Rng::new(entry.disk.rng.next_u64()))
        };
        if let Some(running) = running {
            running.end();
        }
        let hook = slot.on_crash.lock().clone();
        if let Some(hook) = hook {
            hook(kind, &mut rng);
        }
        match kind {
            CrashKind::Kill => {
                self.trace("node.kill", node);
                self.bit("node.kill");
                self.on_node(node, |node, _| node.disk.killed());
            }
            CrashKind::Power => {
                let losses = self.on_node(node, |node, _| node.disk.power_off());
                self.trace("node.power_off", format_args!("{node} {losses:?}"));
                self.bit("node.power_off");
                for (what, count) in
                    [("disk.torn", losses.torn), ("disk.lost", losses.lost), ("disk.name_lost", losses.names)]
                {
                    if count > 0 {
                        self.bit(what);
                    }
                }
            }
        }
    }

    /// A node ran into an armed crash point.
    pub(super) fn crash_at_point(&self, node: NodeId, kind: CrashKind) {
        self.crash(node, kind);
        self.lock().crashes.push_back(node);
        self.inner.crashed.notify_one();
    }

    /// Waits until a node crashes at a crash point; each crash is told once. The node stays down until booted.
    pub async fn next_crash(&self) -> NodeId {
        loop {
            let crash = self.lock().crashes.pop_front();
            match crash {
                Some(node) => {
                    // Others may wait for crashes that came meanwhile.
                    self.inner.crashed.notify_one();
                    return node;
                }
                None => self.inner.crashed.notified().await,
            }
        }
    }

    pub fn is_running(&self, node: NodeId) -> bool {
        self.running(node).is_some()
    }

    /// Lets a node's tasks stand still while time and messages go on, as when its host gives it no processor.
    pub fn hold(&self, node: NodeId) {
        self.set_held(node, true);
    }

    /// Lets a held node go on.
    pub fn release(&self, node: NodeId) {
        self.set_held(node, false);
    }

    fn set_held(&self, node: NodeId, held: bool) {
        self.trace(if held { "node.hold" } else { "node.release" }, node);
        if let Some(group) = self.running(node).and_then(|running| running.group()) {
            group.hold(held);
        }
        if held {
            self.bit("node.hold");
        }
    }

    /// Sets how far a node's wall clock is off, and how much too fast it runs. The drift, in millionths, also affects
    /// its monotonic clock and its waits.
    pub fn set_clock(&self, node: NodeId, offset_ns: i64, drift_ppm: i64) {
        self.trace("clock.set", format_args!("{node} {offset_ns} {drift_ppm}"));
        self.on_node(node, |node, now| node.clock.set(now, offset_ns, drift_ppm));
        self.bit("clock.set");
    }

    /// Moves a node's wall clock, forward or back.
    pub fn jump(&self, node: NodeId, by_ns: i64) {
        self.trace("clock.jump", format_args!("{node} {by_ns}"));
        self.on_node(node, |node, _| node.clock.jump(by_ns));
        self.bit("clock.jump");
    }

    /// Stops a node's wall clock, or lets it go on where it would be.
    pub fn freeze(&self, node: NodeId, frozen: bool) {
        self.trace("clock.freeze", format_args!("{node} {frozen}"));
        self.on_node(node, |node, now| node.clock.freeze(now, frozen));
        self.bit("clock.freeze");
    }

    /// How often each disturbance happened, fault points included.
    pub fn bites(&self) -> BTreeMap<&'static str, u64> {
        let points = self.points();
        let mut bites = self.lock().bites.clone();
        bites.extend(points.into_iter().filter(|(_, stats)| stats.bit > 0).map(|(name, stats)| (name, stats.bit)));
        bites
    }

    /// Adds an event to the trace.
    pub fn trace(&self, event: &str, detail: impl fmt::Display) {
        let now = self.now();
        self.lock().trace.text(now, event, &detail);
    }

    /// All that has happened so far in 64 bits: equal for equal runs.
    pub fn digest(&self) -> u64 {
        self.lock().trace.digest()
    }

    /// The number of events in the trace so far.
    pub fn events(&self) -> u64 {
        self.lock().trace.events()
    }

    pub(super) fn note(&self, event: &'static str, numbers: &[u64]) {
        let now = self.now();
        self.lock().trace.numbers(now, event, numbers);
    }

    pub(super) fn bit(&self, fault: &'static str) {
        *self.lock().bites.entry(fault).or_default() += 1;
        self.note("bit", &[fault.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)))]);
    }

    pub(super) fn sync_us(&self) -> Range<u64> {
        self.inner.sync_us.clone()
    }

    /// Not for code that may call back into the world.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock()
    }

    pub(super) fn on_node<T>(&self, node: NodeId, change: impl FnOnce(&mut Node, Duration) -> T) -> T {
        let now = self.now();
        change(self.lock().node(node, self.inner.seed), now)
    }

    pub(super) fn running(&self, node: NodeId) -> Option<Arc<Incarnation>> {
        self.lock().nodes.get(&node)?.running.clone()
    }

    /// Lets go of everything. Ends what the nodes still do, without a trace.
    pub(super) fn end(&self) {
        let nodes = std::mem::take(&mut self.lock().nodes);
        for node in nodes.values() {
            if let Some(running) = &node.running {
                running.end();
            }
            // The state may hold what holds the disk.
            let (value, hook) = (node.disk.slot.value.lock().take(), node.disk.slot.on_crash.lock().take());
            drop((value, hook));
        }
    }
}

impl State {
    fn node(&mut self, id: NodeId, seed: u64) -> &mut Node {
        let disk_bytes = self.disk_bytes;
        self.nodes.entry(id).or_insert_with(|| Node {
            disk: SimDisk::new(Rng::stream(seed, &format!("disk {id}")), disk_bytes),
            clock: NodeClock::new(),
            running: None,
            boots: 0,
        })
    }
}

/// A wait of that many microseconds, chosen by the generator. Parts of a millisecond become a whole one or none, at
/// random; a wait of none still lets other tasks run.
pub(super) fn rest(rng: &mut Rng, us: Range<u64>) -> impl Future<Output = ()> + use<> {
    let us = if us.is_empty() { us.start } else { rng.range(us) };
    let ms = us / 1000 + u64::from(rng.below(1000) < us % 1000);
    async move {
        if ms == 0 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
}
