//! Crashes at every point, compared with a model: what was confirmed is there, and what is there is exactly what some
//! number of changes, in the order in which they were asked for, leads to.

use std::{sync::Arc, time::Duration};

use atoll_env::{
    Env, Fault, NodeId, fault,
    rng::Rng,
    sim::{self, World},
};
use parking_lot::Mutex;

use super::*;
use crate::{Error, Result};

const NODE: NodeId = NodeId(1);
const GROUPS: u64 = 4;
const LIVES: usize = 7;
const CRASHES: [Fault; 6] = [
    fault::CRASH_WAL_BEFORE_WRITE,
    fault::CRASH_WAL_BEFORE_SYNC,
    fault::CRASH_WAL_AFTER_SYNC,
    fault::CRASH_WAL_ROTATE,
    fault::CRASH_WAL_PURGE,
    fault::CRASH_WAL_RECOVERY,
];

/// The changes of one life of the node, on top of what it started with.
#[derive(Default)]
struct History {
    start: Model,
    /// With all changes.
    now: Model,
    changes: Vec<(GroupId, Op)>,
    /// How many changes at the start are certainly durable, since the last of them was confirmed.
    confirmed: usize,
    /// Errors that callers were told.
    refused: usize,
}

fn apply(model: &mut Model, group: GroupId, op: &Op) {
    let state = model.entry(group).or_default();
    state.apply(op);
    if *state == GroupModel::default() {
        model.remove(&group);
    }
}

impl History {
    /// Checks what was found after a crash, and goes on from there.
    fn recovered(&mut self, found: Model) -> std::result::Result<(), String> {
        let mut model = self.start.clone();
        let mut best = None;
        for n in 0..=self.changes.len() {
            if model == found {
                best = Some(n);
            }
            if let Some((group, op)) = self.changes.get(n) {
                apply(&mut model, *group, op);
            }
        }
        match best {
            Some(n) if n >= self.confirmed => {
                *self = History { start: found.clone(), now: found, ..History::default() };
                Ok(())
            }
            Some(n) => Err(format!("{} changes were confirmed and {n} are there", self.confirmed)),
            None => Err(format!("found what no number of changes leads to: {found:?}")),
        }
    }
}

/// A life of the node, until enough was done or the log stopped.
async fn live(env: Env, world: World, history: Arc<Mutex<History>>, rng: &mut Rng) -> std::result::Result<(), String> {
    let wal = match Wal::open(&env, options()).await {
        Ok(wal) => wal,
        // The sync that was made to fail was one of these.
        Err(Error::Io { .. }) => return Ok(()),
        Err(error) => return Err(format!("opening failed: {error}")),
    };
    let found = snapshot_all(&wal).await;
    history.lock().recovered(found)?;
    for _ in 0..rng.below(60) {
        let group = GroupId(rng.below(GROUPS));
        let result = change(&wal, group, &history, rng);
        match result {
            Ok(()) => (),
            Err(Error::Poisoned { .. }) => break,
            Err(error) => return Err(format!("a change failed: {error}")),
        }
        if rng.chance(0.3) {
            env.clock.sleep(Duration::from_millis(rng.below(8))).await;
        }
        if rng.chance(0.1) {
            let (log, now) = (wal.group(group), history.lock().now.get(&group).cloned().unwrap_or_default());
            match log.read(0..u64::MAX, usize::MAX).await {
                Ok(entries) if entries.iter().cloned().collect::<BTreeMap<_, _>>() == now.entries => (),
                Ok(entries) => return Err(format!("read {entries:?} instead of {now:?}")),
                Err(Error::Poisoned { .. }) => break,
                Err(error) => return Err(format!("a read failed: {error}")),
            }
        }
        if rng.chance(0.01) {
            world.fail_next_sync(NODE);
        }
    }
    if rng.chance(0.3) {
        match wal.close().await {
            Ok(()) => {
                let history = history.lock();
                assert_eq!((history.confirmed, history.refused), (history.changes.len(), 0));
            }
            Err(Error::Poisoned { .. }) => (),
            Err(error) => return Err(format!("closing failed: {error}")),
        }
    }
    Ok(())
}

fn change(wal: &Wal, group: GroupId, history: &Arc<Mutex<History>>, rng: &mut Rng) -> Result<()> {
    let mut locked = history.lock();
    let op = locked.now.get(&group).unwrap_or(&GroupModel::default()).random_op(rng);
    let number = locked.changes.len() + 1;
    let told = history.clone();
    let done = move |result: Result<()>| {
        let mut history = told.lock();
        match result {
            Ok(()) => {
                assert!(history.confirmed < number && history.refused == 0, "confirmed out of order");
                history.confirmed = number;
            }
            Err(_) => history.refused += 1,
        }
    };
    let copy = match &op {
        Op::Append(entries) => Op::Append(entries.clone()),
        Op::Vote(vote) => Op::Vote(vote.clone()),
        Op::TruncateAfter(last) => Op::TruncateAfter(*last),
        Op::Purge { upto, marker } => Op::Purge { upto: *upto, marker: marker.clone() },
        Op::Remove => Op::Remove,
    };
    wal.group(group).submit(copy, Box::new(done))?;
    apply(&mut locked.now, group, &op);
    locked.changes.push((group, op));
    Ok(())
}

/// Several lives and crashes in between.
async fn lives(world: World) -> std::result::Result<World, String> {
    for point in CRASHES {
        world.arm(point, 0.01);
    }
    world.arm(fault::DELAY_WAL_SYNC, 0.02);
    let mut rng = world.rng("workload");
    let history = Arc::new(Mutex::new(History::default()));
    for _ in 0..LIVES {
        let env = world.boot(NODE);
        tokio::select! {
            biased;
            _ = world.next_crash() => continue,
            lived = live(env, world.clone(), history.clone(), &mut rng) => lived?,
        }
        if rng.chance(0.4) {
            world.kill(NODE)
        } else {
            world.power_off(NODE)
        }
        if rng.chance(0.2) {
            world.power_off(NODE);
        }
    }
    for point in CRASHES {
        world.arm(point, 0.0);
    }
    let env = world.boot(NODE);
    let wal = loop {
        match Wal::open(&env, options()).await {
            Ok(wal) => break wal,
            // A sync that was made to fail and hadn't yet.
            Err(Error::Io { .. }) => (),
            Err(error) => return Err(format!("opening failed: {error}")),
        }
    };
    let found = snapshot_all(&wal).await;
    history.lock().recovered(found)?;
    Ok(world)
}

#[test]
fn nothing_confirmed_is_lost_and_what_is_found_is_a_prefix() {
    let mut bites = BTreeMap::new();
    for seed in 0..300 {
        let world = sim::run(seed, sim::Options::default(), lives).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        for (fault, count) in world.bites() {
            *bites.entry(fault).or_insert(0) += count;
        }
    }
    let expected = ["node.kill", "node.power_off", "disk.torn", "disk.lost", "disk.name_lost", "disk.sync_failed"];
    for fault in expected.into_iter().chain(CRASHES.map(Fault::name)) {
        assert!(bites.get(fault).is_some_and(|count| *count > 5), "{fault} hardly happened: {bites:?}");
    }
}

#[test]
fn a_planted_early_confirmation_is_noticed() {
    let lost = (0..60).filter(|seed| {
        let planted = |world: World| {
            world.plant(fault::BUG_ACK_BEFORE_FSYNC);
            lives(world)
        };
        let result = sim::run(*seed, sim::Options::default(), planted);
        matches!(result, Err(what) if what.contains("were confirmed"))
    });
    assert!(lost.count() > 3);
}

#[test]
fn one_seed_is_one_run() {
    let digest = || sim::run(5, sim::Options::default(), lives).map(|world| (world.digest(), world.events()));
    assert_eq!(digest(), digest());
}
