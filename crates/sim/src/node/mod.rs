//! The scenarios `node` and `cluster`: one node or several with everything below SQL, clients on them and around them,
//! and faults.
//!
//! ```text
//!   start ── set up ──▶ safety: faults by the schedule ──▶ heal: none, progress ──▶ last look, checkers
//!   n1…   the nodes; their drivers start them again whenever they end
//!   n101… clients elsewhere: they live on when a node dies
//!   n99   driver, schedule and judge, with a clock that is right
//! ```
//! In the scenarios `sql` and `cluster-sql` the clients on the nodes are sessions of SQL; those elsewhere are the same.
//!
//! What must hold is in [`crate::check`]; in addition:
//! - every node opens after every crash, and stops by itself only when its disk failed it;
//! - after the faults have ended, every workload commits again within [`PROGRESS_WITHIN`], and every client ends.
//!
//! Deliberately absent: flipped bits and misdirected writes. A node can only refuse to start on them, which the storage
//! layer's own tests show.

mod faults;
mod schedule;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Origin, Router};
use atoll_env::sim::{SimRng, World};
use atoll_env::{Env, NodeId};
use atoll_txn::Sender;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::check::{self, replicas::Verdict};
use crate::run::{Config, HEAL, Outcome};
use crate::workload::{self, Client, Shared, Work};

const N1: NodeId = NodeId(1);
const JUDGE: NodeId = NodeId(99);
const FIRST_REMOTE: u64 = 101;
const SETUP_WITHIN: Duration = Duration::from_secs(30);
const PROGRESS_WITHIN: Duration = Duration::from_secs(20);
/// So many commits of every workload are progress.
const PROGRESS: u64 = 5;
/// Commits in a second that are enough.
const PACE: u64 = 48;
const END_WITHIN: Duration = Duration::from_secs(60);
const WATCH_EVERY: Duration = Duration::from_millis(20);
/// A read on a node that is cut off is answered in no time, or not at all.
const LOOK_FOR: Duration = Duration::from_millis(100);
/// The number of a node's client that does nothing else, above those of the others.
const LOOKER: u64 = 19;

/// Sizes and habits, chosen by the seed.
#[derive(Clone, Debug)]
struct Plan {
    options: atoll_cluster::Options,
    nodes: u64,
    local: u64,
    remote: u64,
    accounts: u64,
    think_ms: u64,
    weights: Vec<Work>,
    /// How often a client stops for some milliseconds within a transaction.
    hesitates: f64,
    /// Commits are cut into pieces of so many writes.
    cut: Option<usize>,
    /// How often a client gives up before it has an answer.
    gives_up: f64,
    crash_in_bootstrap: bool,
    /// Clients on the node are sessions.
    sql: bool,
    safety: Duration,
    enough: u64,
}

impl Plan {
    fn choose(rng: &mut SimRng, several: &mut SimRng, config: &Config, kind: Kind) -> Plan {
        let mut options = atoll_cluster::Options::default();
        options.wal.segment_bytes = *rng.pick(&[64 << 10, 128 << 10, 512 << 10]);
        options.wal.cache_bytes = *rng.pick(&[64 << 10, 4 << 20]);
        options.engine.memtable_bytes = *rng.pick(&[256 << 10, 64 << 20]);
        options.engine.reserve_bytes = 512 << 10;
        options.reserve_bytes = 1 << 20;
        options.checkpoint_bytes = *rng.pick(&[64 << 10, 256 << 10, 1 << 20]);
        options.checkpoint_every = Duration::from_secs(rng.range(3..20));
        options.range_bytes_max = *rng.pick(&[48 << 10, 96 << 10, 1 << 20]);
        options.history = Duration::from_secs(rng.range(3..12));
        options.housekeeping_every = Duration::from_millis(rng.range(900..2500));
        options.dead_after = Duration::from_secs(several.range(4..40));
        let mut weights = Vec::new();
        for work in Work::ALL {
            weights.extend(std::iter::repeat_n(work, rng.range(1..4) as usize));
        }
        Plan {
            options,
            nodes: kind.nodes + if kind.nodes > 1 { *several.pick(&[0, 0, 1, 2]) } else { 0 },
            local: rng.range(5..10),
            remote: rng.range(5..10),
            accounts: rng.range(4..24),
            think_ms: rng.range(5..30),
            weights,
            hesitates: *rng.pick(&[0.1, 0.3, 0.5]),
            cut: *rng.pick(&[None, None, Some(1), Some(2)]),
            gives_up: if rng.chance(0.5) { 0.02 } else { 0.0 },
            crash_in_bootstrap: rng.chance(0.3),
            sql: kind.sql,
            safety: config.safety(),
            // Most requests go over the network there, and wait for each other longer.
            enough: if kind.nodes > 1 { config.enough() / 2 } else { config.enough() },
        }
    }

    fn nodes(&self) -> Vec<NodeId> {
        (1..=self.nodes).map(NodeId).collect()
    }

    fn options(&self, node: NodeId) -> atoll_cluster::Options {
        let mut options = self.options.clone();
        if node != N1 {
            options.origin = Origin::Member { contacts: self.nodes() };
        }
        options
    }

    /// What must get on after the faults.
    fn works(&self) -> Vec<Work> {
        Work::ALL.into_iter().chain(self.sql.then_some(Work::Sql)).collect()
    }
}

/// What the parts of the scenario share.
struct Run {
    world: World,
    judge: Env,
    plan: Plan,
    shared: Arc<Shared>,
    /// To the nodes that are up.
    orders: Mutex<BTreeMap<NodeId, mpsc::UnboundedSender<server::Order>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Clients are let go.
    working: bool,
    /// They end after their step.
    ending: bool,
    /// No faults any more.
    healing: bool,
    /// What a client is doing, and since when.
    busy: BTreeMap<u64, (&'static str, Duration)>,
    /// Whose disk is too small at the moment, or was during this life of the node.
    disk_was_full: BTreeSet<NodeId>,
    /// How long a node stays down after its next crash.
    downtime: BTreeMap<NodeId, Duration>,
    /// Whose clocks stand still.
    frozen: BTreeSet<NodeId>,
    /// Those that reach no other node.
    isolated: BTreeSet<NodeId>,
    lives: u64,
    /// The nodes that are up.
    up: BTreeMap<NodeId, Arc<atoll_cluster::store::Node>>,
    /// The last look at the tables: asked for, done.
    look: (bool, bool),
}

/// Which of the scenarios.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub nodes: u64,
    pub sql: bool,
}

pub async fn run(world: World, config: Config, kind: Kind) -> Outcome {
    let mut rng = world.rng("plan");
    let plan = Plan::choose(&mut rng, &mut world.rng("several"), &config, kind);
    let (mut draws, mut several) = (world.rng("schedule"), world.rng("schedule of several"));
    let schedule = schedule::choose(&mut draws, &mut several, &plan, &config.without);
    let described = schedule.iter().map(ToString::to_string).collect();
    world.trace("plan", format_args!("{plan:?}"));
    let run = Arc::new(Run {
        world: world.clone(),
        judge: world.boot(JUDGE),
        plan,
        shared: Shared::new(&world),
        orders: Mutex::default(),
        state: Mutex::default(),
    });
    let finished = play(&run, schedule).await;
    if let Err(what) = finished {
        run.shared.problem(what);
    }
    Outcome {
        scenario: kind.name,
        simulated: world.now(),
        commits: run.shared.commits().values().sum(),
        enough: run.plan.enough,
        violations: run.shared.check(),
        schedule: described,
        outcomes: run.shared.outcomes(),
    }
}

/// Err: the run could not go on to its end.
async fn play(run: &Arc<Run>, schedule: Vec<schedule::Item>) -> Result<(), String> {
    let tasks = &run.judge.tasks;
    for node in run.plan.nodes() {
        tasks.spawn("driver", server::drive(run.clone(), node));
    }
    if run.plan.nodes > 1 {
        tasks.spawn("watch", watch(run.clone()));
    }
    for id in FIRST_REMOTE..FIRST_REMOTE + run.plan.remote {
        let env = run.world.boot(NodeId(id));
        let router = Router::outside(env.clone(), run.plan.nodes());
        env.tasks.spawn("client", work(run.clone(), id, env.clone(), router));
    }
    set_up(run).await?;

    run.state.lock().working = true;
    let ends = run.world.now() + run.plan.safety;
    let faults: Vec<_> =
        schedule.into_iter().map(|item| tasks.spawn("fault", faults::play(run.clone(), item))).collect();
    while run.world.now() < ends || (run.shared.commits_in_all() < run.plan.enough && run.world.now() < ends * 2) {
        run.world.sleep(Duration::from_millis(250)).await;
        if run.shared.has_problem() {
            // What follows can only be confusing.
            return Ok(());
        }
    }
    faults.iter().for_each(|fault| fault.abort());
    faults::heal(run);
    let got_on = progress(run).await;
    // What has no range can't get on either.
    if run.plan.nodes > 1 {
        every_key_has_a_range(run).await?;
    }
    got_on?;
    end(run).await?;
    last_look(run).await
}

async fn set_up(run: &Arc<Run>) -> Result<(), String> {
    if run.plan.crash_in_bootstrap {
        run.world.arm(atoll_env::fault::CRASH_BOOTSTRAP, 0.5);
    }
    // The judge's own client; only it works before the others are let go.
    let mut client = judge_client(run);
    let setting_up = async {
        while let Err(error) = workload::bank::begin(&mut client).await {
            run.world.trace("setup", error);
            run.world.sleep(Duration::from_millis(100)).await;
        }
    };
    let done = run.judge.clock.timeout(SETUP_WITHIN, setting_up).await;
    run.world.arm(atoll_env::fault::CRASH_BOOTSTRAP, 0.0);
    done.map_err(|_| "progress: the node did not take its first transaction".to_owned())
}

fn judge_client(run: &Arc<Run>) -> Client {
    let router = Router::outside(run.judge.clone(), run.plan.nodes());
    client(run, JUDGE.0, run.judge.clone(), router)
}

fn client(run: &Arc<Run>, id: u64, env: Env, gateway: Router) -> Client {
    let remote = gateway.node().is_none();
    let lives = run.state.lock().lives;
    Client {
        id,
        shared: run.shared.clone(),
        gateway,
        clock: env.clock,
        rng: run.world.rng(&format!("client {id} {lives}")),
        accounts: run.plan.accounts,
        dawdles: if remote { 0.05 } else { 0.02 },
        dawdles_for: if remote { Duration::from_secs(4) } else { Duration::from_millis(500) },
        hesitates: run.plan.hesitates,
        cut: run.plan.cut,
    }
}

/// Pauses between two steps, until clients are let go. None: it is over.
async fn think(run: &Run, client: &mut Client, env: &Env) -> Option<()> {
    loop {
        // Whoever is ahead of the pace takes it easier: what a run costs should not depend on its luck.
        let ahead = run.shared.commits_in_all() > PACE * run.world.now().as_secs();
        let think_ms = client.rng.below(run.plan.think_ms * if ahead { 20 } else { 2 });
        env.clock.sleep(Duration::from_millis(think_ms)).await;
        let state = run.state.lock();
        if state.ending {
            return None;
        }
        if state.working {
            return Some(());
        }
    }
}

/// A client's life.
async fn work(run: Arc<Run>, id: u64, env: Env, gateway: Router) {
    let mut client = client(&run, id, env.clone(), gateway);
    while let Some(()) = think(&run, &mut client, &env).await {
        let work = *client.rng.pick(&run.plan.weights);
        run.state.lock().busy.insert(id, (work.name(), run.world.now()));
        if client.rng.chance(run.plan.gives_up) {
            let patience = Duration::from_millis(client.rng.below(60));
            // Whatever came of it: the step has noted what its client knew.
            let _ = env.clock.timeout(patience, client.step(work)).await;
        } else {
            client.step(work).await;
        }
        run.state.lock().busy.remove(&id);
    }
}

/// Reads registers while its node is cut off from the others: what it is told then must still be the newest.
async fn read_registers(run: Arc<Run>, id: u64, node: NodeId, env: Env, gateway: Router) {
    let mut client = client(&run, id, env.clone(), gateway);
    while !run.state.lock().ending {
        env.clock.sleep(Duration::from_millis(20 + client.rng.below(60))).await;
        if run.state.lock().isolated.contains(&node) {
            // What is served elsewhere is not to be had.
            let looked = env.clock.timeout(LOOK_FOR, workload::register::look(&mut client)).await;
            run.world.trace("look", format_args!("c{id} {looked:?}"));
        }
    }
}

/// Looks again and again at what no client sees: who believes to be the leaseholder of what, and what replicas have applied.
/// The run goes on when something is wrong: what clients make of it is the worse part.
async fn watch(run: Arc<Run>) {
    let mut seen = check::agreement::Seen::default();
    let (mut one_holder, mut agreed) = (true, true);
    while one_holder || agreed {
        run.world.sleep(WATCH_EVERY).await;
        let nodes: Vec<_> = run.state.lock().up.values().cloned().collect();
        let running: Vec<_> = nodes.into_iter().filter(|node| run.world.is_running(node.id)).collect();
        if one_holder && let Some(what) = check::leases::look(&running) {
            run.shared.finding(what);
            one_holder = false;
        }
        if agreed && let Some(what) = seen.look(&running) {
            run.shared.finding(what);
            agreed = false;
        }
    }
}

/// The heal phase: all that was broken is whole, so everything must get on.
async fn progress(run: &Arc<Run>) -> Result<(), String> {
    let before = run.shared.commits();
    let began = run.world.now();
    loop {
        run.world.sleep(Duration::from_millis(250)).await;
        if run.shared.has_problem() {
            return Ok(());
        }
        let now = run.shared.commits();
        let behind: Vec<&str> = run
            .plan
            .works()
            .into_iter()
            .filter(|work| {
                let count = |commits: &BTreeMap<Work, u64>| commits.get(work).copied().unwrap_or_default();
                count(&now) < count(&before) + PROGRESS
            })
            .map(|work| work.name())
            .collect();
        let passed = run.world.now() - began;
        if behind.is_empty() && passed >= HEAL {
            return Ok(());
        }
        if passed >= PROGRESS_WITHIN {
            let outcomes = run.shared.outcomes();
            return Err(format!(
                "progress: within {PROGRESS_WITHIN:?} after the faults have ended these did not commit {PROGRESS} times: \
                 {behind:?}; all outcomes: {outcomes:?}"
            ));
        }
    }
}

/// Splits that are under way come to an end, and then ranges lie side by side.
async fn every_key_has_a_range(run: &Arc<Run>) -> Result<(), String> {
    let until = run.world.now() + PROGRESS_WITHIN;
    loop {
        let nodes: Vec<_> = run.state.lock().up.values().cloned().collect();
        let Err(what) = check::coverage::look(&nodes) else { return Ok(()) };
        if run.world.now() >= until {
            return Err(what);
        }
        run.world.sleep(Duration::from_millis(200)).await;
    }
}

/// Lets every client end its step.
async fn end(run: &Arc<Run>) -> Result<(), String> {
    run.state.lock().ending = true;
    let until = run.world.now() + END_WITHIN;
    loop {
        let busy = run.state.lock().busy.clone();
        if busy.is_empty() {
            return Ok(());
        }
        if run.world.now() >= until {
            let names: BTreeSet<String> = busy
                .iter()
                .map(|(id, (work, since))| format!("c{id} in {work} since {:.3}", since.as_secs_f64()))
                .collect();
            return Err(format!("progress: these hang: {names:?}"));
        }
        run.world.sleep(Duration::from_millis(50)).await;
    }
}

async fn last_look(run: &Arc<Run>) -> Result<(), String> {
    let mut client = judge_client(run);
    let looking = async {
        while let Err(error) = workload::finale(&mut client).await {
            run.world.trace("finale", error);
            run.world.sleep(Duration::from_millis(200)).await;
        }
    };
    let looking = async {
        looking.await;
        run.state.lock().look.0 = run.plan.sql;
        while run.plan.sql && !run.state.lock().look.1 {
            run.world.sleep(Duration::from_millis(200)).await;
        }
    };
    let looked = run.judge.clock.timeout(END_WITHIN, looking).await;
    looked.map_err(|_| "progress: what is there in the end could not be read".to_owned())?;
    replicas_agree(run).await?;
    nothing_is_left_behind(run).await
}

/// Everybody has ended, so every replica gets to where its range is.
async fn replicas_agree(run: &Arc<Run>) -> Result<(), String> {
    let until = run.world.now() + END_WITHIN;
    loop {
        let nodes: Vec<_> = run.state.lock().up.values().cloned().collect();
        match check::replicas::look(&nodes) {
            Verdict::Same => return Ok(()),
            Verdict::Behind(who) if run.world.now() >= until => {
                return Err(format!("progress: not all replicas have applied what others have: {who}"));
            }
            Verdict::Behind(_) => run.world.sleep(Duration::from_millis(200)).await,
            Verdict::Differ(what) => return Err(what),
        }
    }
}

/// What moved away has left nothing behind.
async fn nothing_is_left_behind(run: &Arc<Run>) -> Result<(), String> {
    let until = run.world.now() + END_WITHIN;
    loop {
        let nodes: Vec<_> = run.state.lock().up.values().cloned().collect();
        let stray = nodes.iter().find_map(|node| Some((node.id, node.stray_key().transpose()?)));
        match stray {
            None => return Ok(()),
            Some((node, Err(error))) => return Err(format!("leftovers: {node}: {error}")),
            Some((node, Ok(key))) if run.world.now() >= until => {
                return Err(format!("leftovers: {node} has {key:?} of no range"));
            }
            Some(_) => run.world.sleep(Duration::from_millis(500)).await,
        }
    }
}
