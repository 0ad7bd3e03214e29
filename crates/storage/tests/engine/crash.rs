//! The engine in memory through crashes of simulated nodes: what is left is a prefix of the batches.

use crate::model::{self, Model};
use atoll_env::{Env, NodeId, fault, sim};
use atoll_storage::engine::{Engine, Options, Space};
use atoll_storage::{Error, Result};
use std::time::Duration;

const NODE: NodeId = NodeId(1);
const ROUNDS: u64 = 6;

fn options() -> Options {
    Options { memtable_bytes: 64 << 10, ..Options::default() }
}

/// What happened in a run, to compare two of the same seed.
#[derive(PartialEq, Debug, Default)]
struct Summary {
    lost_by_kill: Vec<u64>,
    lost_by_power: Vec<u64>,
    crashes_in_flush: u64,
    digest: u64,
}

fn run(seed: u64) -> Summary {
    sim::run(seed, sim::Options::default(), |world| async move {
        let mut rng = world.rng("crash");
        let mut model = Model::new();
        let mut summary = Summary::default();
        world.arm(fault::CRASH_BEFORE_FLUSH, 0.05);
        world.arm(fault::CRASH_AFTER_FLUSH, 0.05);
        world.arm(fault::DELAY_FLUSH, 0.3);
        for _ in 0..ROUNDS {
            let env = world.boot(NODE);
            let engine = Engine::open(&env, options()).await.unwrap();
            let lost = model.survived(&model::all(&engine.view()).unwrap());
            assert_eq!(lost, 0, "what an open has found is durable");
            let view = engine.view();
            let mut flushing = Vec::new();
            for _ in 0..rng.below(60) {
                if !world.is_running(NODE) {
                    break;
                }
                let (batch, apply) = model::batch(&mut rng);
                engine.write(batch).unwrap();
                model.apply(apply);
                if rng.chance(0.1) {
                    flushing.push((model.batches(), flush(&env, &engine)));
                }
                if rng.chance(0.1) {
                    let rows = model::sorted_rows(&mut rng);
                    model::ingest(&engine, &rows).unwrap();
                    if !rows.is_empty() {
                        model.apply(|model| model.extend(rows));
                        model.flushed(model.batches());
                    }
                }
                world.sleep(Duration::from_millis(rng.below(3))).await;
            }
            let crashed_by_itself = !world.is_running(NODE);
            // A flush that was answered before the crash covers what was written before it began.
            for (batches, flush) in flushing {
                if (rng.chance(0.5) || crashed_by_itself)
                    && let Ok(answer) = flush.await
                {
                    answer.unwrap();
                    model.flushed(batches);
                }
            }
            let crashed_in_flush = !world.is_running(NODE);
            let power = rng.chance(0.6);
            match (crashed_in_flush, power) {
                (_, true) => world.power_off(NODE),
                (false, false) => world.kill(NODE),
                (true, false) => {}
            }
            summary.crashes_in_flush += u64::from(crashed_in_flush);
            assert!(matches!(view.get(Space::Meta, b"a"), Err(Error::Closed)), "the process is gone");
            assert!(matches!(engine.write(model::batch(&mut rng).0), Err(Error::Closed)));
            assert!(matches!(engine.flush().await, Err(Error::Closed)));
            let engine = Engine::open(&world.boot(NODE), options()).await.unwrap();
            let lost = model.survived(&model::all(&engine.view()).unwrap());
            if power {
                summary.lost_by_power.push(lost)
            } else {
                summary.lost_by_kill.push(lost)
            }
            model.flushed(model.batches());
            world.power_off(NODE);
        }
        summary.digest = world.digest();
        summary
    })
}

fn flush(env: &Env, engine: &Engine) -> atoll_env::tasks::Task<Result<()>> {
    let engine = engine.clone();
    env.tasks.spawn("flush", async move { engine.flush().await })
}

#[test]
fn a_crash_leaves_a_prefix() {
    let runs: Vec<Summary> = (0..120).map(run).collect();
    let sum = |of: fn(&Summary) -> &Vec<u64>| runs.iter().flat_map(of).sum::<u64>();
    assert!(sum(|run| &run.lost_by_power) > 0, "no power cut took anything");
    assert!(sum(|run| &run.lost_by_kill) > 0, "no kill took anything");
    assert!(runs.iter().any(|run| run.crashes_in_flush > 0), "no crash hit a flush");
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn what_was_closed_is_all_there_and_what_is_open_is_locked() {
    sim::run(1, sim::Options::default(), |world| async move {
        let mut rng = world.rng("close");
        let env = world.boot(NODE);
        let engine = Engine::open(&env, options()).await.unwrap();
        assert!(matches!(Engine::open(&env, options()).await, Err(Error::Locked { .. })));
        let mut model = Model::new();
        for _ in 0..50 {
            let (batch, apply) = model::batch(&mut rng);
            engine.write(batch).unwrap();
            model.apply(apply);
        }
        engine.close().await.unwrap();
        engine.close().await.unwrap();
        assert!(matches!(engine.write(model::batch(&mut rng).0), Err(Error::Closed)));
        world.power_off(NODE);
        let engine = Engine::open(&world.boot(NODE), options()).await.unwrap();
        assert_eq!(model::all(&engine.view()).unwrap(), model.rows);
    });
}
