//! The scenario `group`: three voters, each with a log of its own that two groups share, clients, and faults.
//!
//! Clients swap registers by proposals and read them behind barriers. What must hold: replicas agree, nothing that was
//! acknowledged is lost, every register is linearizable, and after the faults have ended both groups get on.
//!
//! One fault is aimed: a leader with a slow disk loses the power and is back before its followers elect another. That is
//! what a leader that resumes without its unsynced tail needs to do harm.

mod faults;
mod machine;
mod replica;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use atoll_consensus::{Group, GroupId, NodeId, propose};
use atoll_env::Env;
use atoll_env::sim::{SimRng, World};
use parking_lot::Mutex;

use crate::check::linear::{self, Kind, Op};
use crate::check::{REPORTED_MAX, agreement};
use crate::run::{Config, HEAL, Outcome};
use machine::Registers;
use replica::Replica;

const GROUPS: [GroupId; 2] = [GroupId(1), GroupId(2)];
const VOTERS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];
const JUDGE: NodeId = NodeId(99);
const CLIENTS: u64 = 6;
/// Registers of a group in use at a time, and operations until another takes its place.
const ACTIVE: u64 = 3;
const OPS_MAX: usize = 48;
const PROGRESS_WITHIN: Duration = Duration::from_secs(20);
const PROGRESS: u64 = 20;
/// Commits in a second that are enough.
const PACE: u64 = 50;
const END_WITHIN: Duration = Duration::from_secs(60);

struct Run {
    world: World,
    judge: Env,
    /// Those that are up.
    replicas: Mutex<BTreeMap<NodeId, Arc<Replica>>>,
    agreement: Arc<Mutex<agreement::History>>,
    registers: Mutex<BTreeMap<(GroupId, u64), Vec<Op>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tick: u64,
    values: u64,
    oldest: BTreeMap<GroupId, u64>,
    commits: BTreeMap<GroupId, u64>,
    healing: bool,
    ending: bool,
    busy: u64,
    /// How long a voter stays down after its next crash.
    down_ms: BTreeMap<NodeId, u64>,
    problems: Vec<String>,
    outcomes: BTreeMap<String, u64>,
}

impl Run {
    fn tick(&self) -> u64 {
        let mut state = self.state.lock();
        state.tick += 1;
        state.tick
    }

    fn problem(&self, what: String) {
        self.world.trace("problem", &what);
        self.state.lock().problems.push(what);
    }

    fn count(&self, outcome: &str) {
        *self.state.lock().outcomes.entry(outcome.to_owned()).or_default() += 1;
    }

    async fn sleep_ms(&self, ms: u64) {
        self.world.sleep(Duration::from_millis(ms)).await;
    }

    fn change(&self, register: (GroupId, u64), at: usize, change: impl FnOnce(&mut Op)) {
        change(&mut self.registers.lock().get_mut(&register).expect("it has operations")[at]);
    }

    fn replica(&self, id: NodeId) -> Option<Arc<Replica>> {
        self.replicas.lock().get(&id).cloned()
    }

    fn leader(&self, group: GroupId) -> Option<(NodeId, Group<Registers>)> {
        let replicas: Vec<_> = self.replicas.lock().iter().map(|(id, replica)| (*id, replica.clone())).collect();
        let groups = replicas.into_iter().filter_map(|(id, replica)| Some((id, replica.group(group)?)));
        let leaders = groups.filter(|(_, group)| group.leadership().get().is_leader_here);
        leaders.max_by_key(|(_, group)| group.leadership().get().term)
    }
}

pub async fn run(world: World, config: Config) -> Outcome {
    let run = Arc::new(Run {
        world: world.clone(),
        judge: world.boot(JUDGE),
        replicas: Mutex::default(),
        agreement: Arc::default(),
        registers: Mutex::default(),
        state: Mutex::default(),
    });
    let schedule = faults::choose(&mut world.rng("schedule"), config.safety().as_millis() as u64, &config.without);
    let described = schedule
        .iter()
        .map(|(number, at, what)| format!("{number:>3} at {:>6.3} {what:?}", *at as f64 / 1000.0))
        .collect();
    if let Err(what) = play(&run, schedule, &config).await {
        run.problem(what);
    }
    let mut violations = run.state.lock().problems.clone();
    violations.extend(agreement::check(&run.agreement.lock()));
    violations.extend(check_registers(&run));
    let state = run.state.lock();
    Outcome {
        scenario: "group",
        simulated: world.now(),
        commits: state.commits.values().sum(),
        enough: config.enough(),
        violations,
        schedule: described,
        outcomes: state.outcomes.clone(),
    }
}

fn check_registers(run: &Run) -> Vec<String> {
    let registers = run.registers.lock();
    let broken = registers.iter().filter_map(|(at, ops)| Some((at, linear::check(ops).err()?)));
    broken
        .map(|((group, at), op)| format!("register {group} {at}: not linearizable up to {op:?}"))
        .take(REPORTED_MAX)
        .collect()
}

/// Err: the run could not go on to its end.
async fn play(run: &Arc<Run>, schedule: Vec<(usize, u64, faults::What)>, config: &Config) -> Result<(), String> {
    let tasks = &run.judge.tasks;
    for id in VOTERS {
        tasks.spawn("driver", replica::drive(run.clone(), id));
    }
    found(run).await?;
    for client in 0..CLIENTS {
        run.state.lock().busy += 1;
        tasks.spawn("client", work(run.clone(), client));
    }
    let ends = run.world.now() + config.safety();
    let faults: Vec<_> = schedule
        .into_iter()
        .map(|(number, at, what)| tasks.spawn("fault", faults::play(run.clone(), number, at, what)))
        .collect();
    let enough = |run: &Run| run.state.lock().commits.values().sum::<u64>() >= config.enough();
    while run.world.now() < ends || (!enough(run) && run.world.now() < ends * 2) {
        run.sleep_ms(250).await;
        if !run.state.lock().problems.is_empty() {
            return Ok(());
        }
    }
    faults.iter().for_each(|fault| fault.abort());
    faults::heal(run);
    progress(run).await?;
    converge(run).await
}

/// The first members.
async fn found(run: &Arc<Run>) -> Result<(), String> {
    for group in GROUPS {
        loop {
            let first = run.replica(VOTERS[0]).and_then(|replica| replica.group(group));
            if let Some(first) = first
                && first.bootstrap(&VOTERS).await.is_ok()
            {
                break;
            }
            if run.world.now() > Duration::from_secs(20) {
                return Err(format!("progress: {group} did not begin"));
            }
            run.sleep_ms(20).await;
        }
    }
    Ok(())
}

/// A client: proposes to whom it takes for the leader, and reads there behind a barrier.
async fn work(run: Arc<Run>, client: u64) {
    let mut rng = run.world.rng(&format!("client {client}"));
    let mut hints: BTreeMap<GroupId, NodeId> = BTreeMap::new();
    while !run.state.lock().ending {
        let ahead = run.state.lock().commits.values().sum::<u64>() > PACE * run.world.now().as_secs();
        run.sleep_ms(1 + rng.below(if ahead { 300 } else { 50 })).await;
        let group = *rng.pick(&GROUPS);
        let id = hints.get(&group).copied().unwrap_or_else(|| *rng.pick(&VOTERS));
        let known = run.replica(id).and_then(|replica| Some((replica.group(group)?, replica)));
        let Some((handle, replica)) = known else {
            hints.remove(&group);
            continue;
        };
        let leader = if rng.chance(0.7) {
            swap(&run, &mut rng, group, handle, &replica).await
        } else {
            read(&run, &mut rng, group, handle, &replica).await
        };
        match leader {
            Some(leader) => hints.insert(group, leader),
            None => hints.remove(&group),
        };
    }
    run.state.lock().busy -= 1;
}

fn register(run: &Run, rng: &mut SimRng, group: GroupId) -> u64 {
    let mut state = run.state.lock();
    let registers = run.registers.lock();
    let oldest = state.oldest.entry(group).or_default();
    while registers.get(&(group, *oldest)).is_some_and(|ops| ops.len() >= OPS_MAX) {
        *oldest += 1;
    }
    *oldest + rng.below(ACTIVE)
}

/// Returns whom to ask next.
async fn swap(
    run: &Arc<Run>,
    rng: &mut SimRng,
    group: GroupId,
    handle: Group<Registers>,
    replica: &Replica,
) -> Option<NodeId> {
    let register = register(run, rng, group);
    let value = {
        let mut state = run.state.lock();
        state.values += 1;
        state.values
    };
    let started = run.tick();
    let at = {
        let mut registers = run.registers.lock();
        let ops = registers.entry((group, register)).or_default();
        ops.push(Op { started, ended: None, kind: Kind::Swap(value), seen: None });
        ops.len() - 1
    };
    let padding = if rng.chance(0.1) { rng.below(4000) } else { rng.below(100) };
    let command = machine::command(register, value, padding as usize);
    let proposed = command.clone();
    let proposing = replica.env.tasks.spawn("propose", async move { handle.propose(proposed).await });
    let outcome = run.judge.clock.timeout(Duration::from_secs(5), proposing).await;
    let (name, leader) = match outcome {
        Ok(Ok(Ok(done))) => {
            run.agreement.lock().acknowledged(group, machine::position(done.index, done.place), command);
            let ended = run.tick();
            run.change((group, register), at, |op| (op.ended, op.seen) = (Some(ended), Some(done.reply)));
            *run.state.lock().commits.entry(group).or_default() += 1;
            ("swapped", Some(replica.id))
        }
        Ok(Ok(Err(propose::Error::Unknown))) => ("unknown", None),
        Ok(Ok(Err(error))) => {
            // Certainly not proposed.
            run.change((group, register), at, |op| op.kind = Kind::Read);
            match error {
                propose::Error::NotLeader { leader } => ("not the leader", leader),
                propose::Error::TooLarge { .. } => {
                    run.problem(format!("a client was told: {error}"));
                    ("too large", None)
                }
                _ => ("refused", None),
            }
        }
        Ok(Err(_)) => ("crashed", None),
        Err(_) => ("no answer", None),
    };
    run.world.trace("swap", format_args!("{group} {register} {value} {name}"));
    run.count(name);
    leader
}

async fn read(
    run: &Arc<Run>,
    rng: &mut SimRng,
    group: GroupId,
    handle: Group<Registers>,
    replica: &Replica,
) -> Option<NodeId> {
    let register = register(run, rng, group);
    let started = run.tick();
    let values = replica.values(group);
    let reading = replica.env.tasks.spawn("read", async move {
        handle.barrier().await?;
        Ok::<u64, atoll_consensus::barrier::Error>(values.lock().get(&register).copied().unwrap_or(linear::NOTHING))
    });
    let Ok(Ok(Ok(seen))) = run.judge.clock.timeout(Duration::from_secs(5), reading).await else {
        run.count("not read");
        return None;
    };
    let op = Op { started, ended: Some(run.tick()), kind: Kind::Read, seen: Some(seen) };
    run.registers.lock().entry((group, register)).or_default().push(op);
    run.world.trace("read", format_args!("{group} {register} {seen}"));
    run.count("read");
    Some(replica.id)
}

async fn progress(run: &Arc<Run>) -> Result<(), String> {
    let before = run.state.lock().commits.clone();
    let began = run.world.now();
    loop {
        run.sleep_ms(250).await;
        let now = run.state.lock().commits.clone();
        let count = |commits: &BTreeMap<GroupId, u64>, group| commits.get(group).copied().unwrap_or_default();
        let behind: Vec<_> =
            GROUPS.iter().filter(|group| count(&now, group) < count(&before, group) + PROGRESS).collect();
        let passed = run.world.now() - began;
        if behind.is_empty() && passed >= HEAL {
            return Ok(());
        }
        if passed >= PROGRESS_WITHIN {
            return Err(format!(
                "progress: within {PROGRESS_WITHIN:?} these did not commit {PROGRESS} times: {behind:?}"
            ));
        }
    }
}

/// All replicas become one, and hold everything that was acknowledged.
async fn converge(run: &Arc<Run>) -> Result<(), String> {
    run.state.lock().ending = true;
    let until = run.world.now() + END_WITHIN;
    let late = |what: String| if run.world.now() < until { Ok(()) } else { Err(format!("progress: {what}")) };
    while run.state.lock().busy > 0 {
        run.sleep_ms(50).await;
        late("clients hang".to_owned())?;
    }
    for group in GROUPS {
        let target = loop {
            if let Some((_, leader)) = run.leader(group)
                && let Some(applied) = leader.applied()
                && leader.barrier().await.is_ok()
            {
                break applied;
            }
            run.sleep_ms(50).await;
            late(format!("{group} has no leader"))?;
        };
        for id in VOTERS {
            loop {
                let replica = run.replica(id);
                if let Some(replica) = &replica
                    && replica.group(group).and_then(|group| group.applied()) >= Some(target)
                {
                    run.agreement.lock().holds(id, group, &replica.commands(group));
                    break;
                }
                run.sleep_ms(50).await;
                let status = replica.and_then(|replica| replica.group(group)).map(|group| group.status());
                late(format!("{id} does not catch up to {target} of {group}: {status:?}"))?;
            }
        }
    }
    Ok(())
}
