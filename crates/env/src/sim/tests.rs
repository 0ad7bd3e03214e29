//! Whole nodes in small worlds: what a crash leaves, what the network does, and that one seed gives one run.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{CrashKind, NetOptions, Options, World, run};
use crate::{
    Env, NodeId,
    disk::{File, Open},
    fault,
    net::{Error, Service},
    tasks::{inherited_entropy, spawn_inherited},
};

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);
const SECOND: Duration = Duration::from_secs(1);

fn calm() -> Options {
    Options { net: NetOptions::calm(), ..Options::default() }
}

/// A file whose name and length are durable.
async fn durable_file(env: &Env, path: &str) -> File {
    let file = env.disk.open(Path::new(path), Open::Create).await.unwrap();
    file.sync_data().await.unwrap();
    env.disk.sync_dir(Path::new("")).await.unwrap();
    file
}

async fn content(env: &Env, path: &str) -> Vec<u8> {
    env.disk.read(Path::new(path)).await.unwrap()
}

/// Answers with the request, its sender and how many were handled before.
fn serve_echo(env: &Env, handled: &Arc<AtomicU64>) {
    let (handled, clock) = (handled.clone(), env.clock.clone());
    env.net.serve(Service::Status, move |from, body| {
        let (handled, clock) = (handled.clone(), clock.clone());
        Box::pin(async move {
            let before = handled.fetch_add(1, Ordering::Relaxed);
            clock.sleep(Duration::from_millis(1)).await;
            Bytes::from(format!("{from} {} {before}", String::from_utf8_lossy(&body)))
        })
    });
}

async fn call(env: &Env, to: NodeId, timeout: Duration) -> Result<Bytes, Error> {
    env.net.call(to, Service::Status, Bytes::from_static(b"hello"), timeout).await
}

#[test]
fn synced_bytes_survive_power_failure_and_unsynced_ones_only_a_kill() {
    let (mut lost, mut kept) = (0, 0);
    for seed in 0..60 {
        run(seed, calm(), async |world| {
            let env = world.boot(A);
            let file = durable_file(&env, "f").await;
            file.write_at(0, b"safe").await.unwrap();
            file.sync_data().await.unwrap();
            file.write_at(4, b"unsafe").await.unwrap();
            world.kill(A);
            let env = world.boot(A);
            assert_eq!(content(&env, "f").await, b"safeunsafe");
            world.power_off(A);
            let env = world.boot(A);
            let found = content(&env, "f").await;
            assert!(found.starts_with(b"safe"));
            if found == b"safeunsafe" { kept += 1 } else { lost += 1 }
        });
    }
    assert!(lost > 10 && kept > 10, "{lost} {kept}");
}

#[test]
fn an_interrupted_sync_promises_nothing() {
    let mut torn = 0;
    for seed in 0..60 {
        torn += run(seed, calm(), async |world| {
            let env = world.boot(A);
            let file = durable_file(&env, "f").await;
            let task = env.tasks.spawn("write", async move {
                file.write_at(0, &[7; 4096]).await.unwrap();
                file.sync_data().await
            });
            world.sleep(Duration::from_micros(500)).await;
            world.power_off(A);
            let result = task.await;
            let found = content(&world.boot(A), "f").await;
            let whole = found == [7; 4096];
            assert!(whole || result.is_err(), "a sync returned and its bytes are gone");
            u32::from(!whole && found.contains(&7))
        });
    }
    assert!(torn > 5, "{torn}");
}

#[test]
fn after_a_failed_sync_another_one_saves_nothing() {
    let mut lost = 0;
    for seed in 0..40 {
        lost += run(seed, calm(), async |world| {
            let env = world.boot(A);
            let file = durable_file(&env, "f").await;
            file.write_at(0, b"doomed").await.unwrap();
            world.fail_next_sync(A);
            assert_eq!(file.sync_data().await.unwrap_err().raw_os_error(), Some(5));
            file.sync_data().await.unwrap();
            assert_eq!(content(&env, "f").await, b"doomed");
            world.power_off(A);
            assert_eq!(world.bites()["disk.sync_failed"], 1);
            u32::from(content(&world.boot(A), "f").await != b"doomed")
        });
    }
    assert!(lost > 5, "{lost}");
}

#[test]
fn write_atomic_leaves_the_old_or_the_new_and_finally_the_new() {
    for seed in 0..100 {
        run(seed, calm(), async |world| {
            let env = world.boot(A);
            let path = Path::new("identity");
            env.disk.write_atomic(path, b"old").await.unwrap();
            let disk = env.disk.clone();
            let task = env.tasks.spawn("write", async move { disk.write_atomic(path, b"newer").await });
            world.sleep(Duration::from_millis(seed % 25)).await;
            world.power_off(A);
            let done = task.await.is_ok();
            let found = content(&world.boot(A), "identity").await;
            assert!(found == b"newer" || (!done && found == b"old"), "seed {seed}: {found:?} {done}");
        });
    }
}

#[test]
fn a_full_disk_says_so_and_recovers() {
    run(1, Options { disk_bytes: 1000, ..calm() }, async |world| {
        let env = world.boot(A);
        let file = durable_file(&env, "f").await;
        file.allocate(800).await.unwrap();
        assert_eq!(env.disk.space().await.unwrap().free_bytes, 200);
        let full = file.write_at(700, &[1; 400]).await.unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        env.disk.state_slot().unwrap().set_bytes(200);
        assert_eq!(world.space(A).free_bytes, 0);
        world.set_capacity(A, 10_000);
        file.write_at(700, &[1; 400]).await.unwrap();
        assert_eq!(world.files(A), [("f".into(), 1100)]);
    });
}

#[test]
fn damage_is_seen_by_readers() {
    run(1, calm(), async |world| {
        let env = world.boot(A);
        let file = durable_file(&env, "data").await;
        assert_eq!(world.flip_bit(A, "data"), None);
        file.write_at(0, &[0; 2048]).await.unwrap();
        file.sync_data().await.unwrap();
        let (path, at) = world.flip_bit(A, "data").unwrap();
        assert_ne!(content(&env, path.to_str().unwrap()).await[at as usize], 0);
        world.cut_tail(A, "data", 48).unwrap();
        assert_eq!(content(&env, "data").await.len(), 2000);
        world.misdirect(A, "data");
        file.write_at(512, &[9; 16]).await.unwrap();
        assert_ne!(content(&env, "data").await[512], 9);
        assert_eq!(world.bites()["disk.misdirected"], 1);
    });
}

#[test]
fn slow_syncs_take_longer() {
    run(1, calm(), async |world| {
        let file = durable_file(&world.boot(A), "f").await;
        world.slow_sync(A, SECOND);
        let before = world.now();
        file.sync_data().await.unwrap();
        assert!(world.now() - before >= SECOND);
    });
}

#[test]
fn a_lock_ends_with_its_holder_or_its_process() {
    run(1, calm(), async |world| {
        let path = Path::new("lock");
        let env = world.boot(A);
        let held = env.disk.lock(path).await.unwrap();
        assert_eq!(env.disk.lock(path).await.err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        let zombie = env.disk.lock(path).await.unwrap();
        world.kill(A);
        let env = world.boot(A);
        let _held = env.disk.lock(path).await.unwrap();
        drop(zombie);
        assert!(env.disk.lock(path).await.is_err(), "a dead process can't give away the lock of a living one");
    });
}

#[test]
fn a_crash_stops_tasks_and_freezes_their_handles() {
    run(1, calm(), async |world| {
        let env = world.boot(A);
        let count = Arc::new(AtomicU64::new(0));
        for inherited in [false, true] {
            let (count, clock) = (count.clone(), env.clock.clone());
            let counting = async move {
                loop {
                    count.fetch_add(1, Ordering::Relaxed);
                    clock.sleep(Duration::from_millis(10)).await;
                }
            };
            if inherited {
                drop(env.tasks.spawn("parent", async move { drop(spawn_inherited(counting)) }));
            } else {
                drop(env.tasks.spawn("count", counting));
            }
        }
        world.sleep(SECOND).await;
        world.kill(A);
        let counted = count.load(Ordering::Relaxed);
        assert!(counted >= 150, "{counted}");
        world.sleep(SECOND).await;
        assert_eq!(count.load(Ordering::Relaxed), counted);
        assert!(env.tasks.spawn("late", async {}).await.is_err());
        let never = env.disk.exists(Path::new("f"));
        assert!(tokio::time::timeout(SECOND, never).await.is_err());
        assert!(tokio::time::timeout(SECOND, env.clock.sleep(Duration::ZERO)).await.is_err());
        assert!(tokio::time::timeout(SECOND, call(&env, B, SECOND / 2)).await.is_err());
        assert!(!world.is_running(A));
    });
}

#[test]
fn a_held_node_stands_still_and_then_goes_on() {
    run(1, calm(), async |world| {
        let env = world.boot(A);
        let clock = env.clock.clone();
        let task = env.tasks.spawn("wait", async move {
            clock.sleep(SECOND).await;
            clock.mono()
        });
        world.hold(A);
        world.sleep(SECOND * 10).await;
        world.release(A);
        let woken = task.await.unwrap();
        assert!(woken.since_start() >= SECOND * 10);
    });
}

#[test]
fn crash_points_crash_delay_points_delay_and_bugs_stay_planted() {
    run(3, calm(), async |world| {
        let env = world.boot(A);
        env.faults.crash_here(fault::CRASH_BEFORE_APPLY).await;
        assert!(!env.faults.here(fault::BUG_ACK_BEFORE_FSYNC));
        world.plant(fault::BUG_ACK_BEFORE_FSYNC);
        assert!(env.faults.here(fault::BUG_ACK_BEFORE_FSYNC));
        world.arm(fault::DELAY_APPLY, 1.0);
        let before = world.now();
        env.faults.delay_here(fault::DELAY_APPLY).await;
        assert!(world.now() > before);
        world.arm(fault::CRASH_BEFORE_APPLY, 1.0);
        let faults = env.faults.clone();
        let task = env.tasks.spawn("crash", async move { faults.crash_here(fault::CRASH_BEFORE_APPLY).await });
        assert_eq!(world.next_crash().await, A);
        assert!(task.await.is_err());
        assert!(!world.is_running(A));
        world.boot(A);
        let points = world.points();
        assert_eq!((points["crash.apply.before"].passed, points["crash.apply.before"].bit), (2, 1));
        assert_eq!(points["bug.ack_before_fsync"].passed, 2);
        assert_eq!(world.bites()["delay.apply"], 1);
    });
}

#[test]
fn the_state_slot_survives_and_its_hook_hears_of_crashes() {
    run(1, calm(), async |world| {
        let slot = world.boot(A).disk.state_slot().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        *slot.value.lock() = Some(Arc::new(7u32));
        let hears = heard.clone();
        *slot.on_crash.lock() = Some(Arc::new(move |kind, rng| hears.lock().push((kind, rng.below(1)))));
        world.kill(A);
        let slot = world.boot(A).disk.state_slot().unwrap();
        let value = slot.value.lock().clone().unwrap().downcast::<u32>().unwrap();
        assert_eq!(*value, 7);
        world.power_off(A);
        assert_eq!(*heard.lock(), [(CrashKind::Kill, 0), (CrashKind::Power, 0)]);
    });
}

#[test]
fn requests_are_answered_or_refused() {
    run(1, calm(), async |world| {
        let (a, b) = (world.boot(A), world.boot(B));
        assert_eq!(call(&a, B, SECOND).await, Err(Error::Unreachable), "nobody serves yet");
        let handled = Arc::new(AtomicU64::new(0));
        serve_echo(&b, &handled);
        serve_echo(&a, &handled);
        assert_eq!(call(&a, B, SECOND).await.unwrap(), "n1 hello 0");
        assert_eq!(call(&a, A, SECOND).await.unwrap(), "n1 hello 1", "a node reaches itself");
        a.net.set_node(A, 0);
        assert_eq!(a.node(), A);
    });
}

#[test]
fn dead_nodes_are_unreachable_or_silent() {
    run(1, calm(), async |world| {
        let (a, mut unreachable) = (world.boot(A), 0);
        for _ in 0..50 {
            match call(&a, B, SECOND).await {
                Err(Error::Unreachable) => unreachable += 1,
                Err(Error::Lost) => (),
                Ok(_) => panic!("nobody is there"),
            }
        }
        assert!((5..45).contains(&unreachable), "{unreachable}");
    });
}

#[test]
fn unreachable_means_that_nothing_was_handled() {
    let options = Options { net: NetOptions { loss: 0.1, duplicate: 0.2, ..NetOptions::default() }, ..calm() };
    let (mut twice, mut lost) = (0, 0);
    for seed in 0..20 {
        run(seed, options.clone(), async |world| {
            let a = world.boot(A);
            for round in 0..20 {
                let handled = Arc::new(AtomicU64::new(0));
                let b = world.boot(B);
                if round % 4 != 0 {
                    serve_echo(&b, &handled);
                }
                let (calling, clock) = (a.clone(), a.clock.clone());
                let task = a.tasks.spawn("call", async move { call(&calling, B, SECOND).await });
                clock.sleep(Duration::from_millis(round / 2)).await;
                if round % 3 == 0 {
                    world.kill(B);
                }
                let result = task.await.unwrap();
                clock.sleep(SECOND).await;
                world.kill(B);
                match (result, handled.load(Ordering::Relaxed)) {
                    (Ok(_), count) => {
                        assert!(count > 0);
                        twice += u32::from(count > 1);
                    }
                    (Err(Error::Unreachable), count) => assert_eq!(count, 0, "seed {seed} round {round}"),
                    (Err(Error::Lost), _) => lost += 1,
                }
            }
        });
    }
    assert!(twice > 10 && lost > 10, "{twice} {lost}");
}

#[test]
fn partitions_work_in_one_direction_or_both_until_healed() {
    run(1, calm(), async |world| {
        let (a, b) = (world.boot(A), world.boot(B));
        let handled = Arc::new(AtomicU64::new(0));
        serve_echo(&a, &handled);
        serve_echo(&b, &handled);
        world.partition(A, B, false);
        assert!(call(&a, B, SECOND).await.is_err() && call(&b, A, SECOND).await.is_err());
        assert_eq!(handled.load(Ordering::Relaxed), 0);
        world.heal_all();
        assert!(call(&a, B, SECOND).await.is_ok());
        world.partition(B, A, true);
        assert_eq!(call(&a, B, SECOND).await, Err(Error::Lost), "the answer can't come back");
        assert_eq!(handled.load(Ordering::Relaxed), 2);
        assert!(call(&b, A, SECOND).await.is_err());
        assert_eq!(handled.load(Ordering::Relaxed), 2);
        world.heal_all();
        world.isolate(A, &[A, B]);
        assert!(call(&a, A, SECOND).await.is_ok() && call(&b, A, SECOND).await.is_err());
    });
}

#[test]
fn clocks_drift_jump_and_freeze_while_waits_follow_the_monotonic_one() {
    run(1, calm(), async |world| {
        world.set_clock(A, 3_000_000_000, 100_000);
        let (a, b) = (world.boot(A), world.boot(B));
        assert_eq!(a.clock.wall_ns(), b.clock.wall_ns() + 3_000_000_000);
        assert_eq!(a.clock.mono().since_start(), Duration::ZERO);
        let before = world.now();
        a.clock.sleep(SECOND * 11).await;
        assert_eq!(world.now() - before, SECOND * 10, "a fast clock wakes early");
        assert_eq!(a.clock.mono().since_start(), SECOND * 11);
        assert_eq!(a.clock.wall_ns(), b.clock.wall_ns() + 4_000_000_000);
        let mono = a.clock.mono();
        world.jump(A, -10_000_000_000);
        assert!(a.clock.wall_ns() < b.clock.wall_ns() && a.clock.mono() == mono);
        world.freeze(A, true);
        let frozen = a.clock.wall_ns();
        a.clock.sleep(SECOND).await;
        assert_eq!(a.clock.wall_ns(), frozen);
        assert!(a.clock.mono() - mono >= SECOND);
        world.kill(A);
        assert_eq!(world.boot(A).clock.mono().since_start(), Duration::ZERO);
        assert!(a.clock.timeout(SECOND, async { 1 }).await.is_ok());
    });
}

/// Three nodes that write, sync, call each other, and crash: everything the digest should depend on.
async fn busy(world: World) -> (u64, u64) {
    let nodes = [A, B, NodeId(3)];
    for point in [fault::CRASH_BEFORE_APPLY, fault::DELAY_APPLY] {
        world.arm(point, 0.05);
    }
    let start = |node: NodeId| {
        let env = world.boot(node);
        serve_echo(&env, &Arc::default());
        let tasks = env.tasks.clone();
        drop(tasks.spawn("busy", async move {
            let name = format!("log.{}", env.entropy.next_u64());
            let file = env.disk.open(Path::new(&name), Open::Create).await.unwrap();
            for n in 0u64.. {
                file.write_at(n * 700, &[n as u8; 700]).await.unwrap();
                env.faults.crash_here(fault::CRASH_BEFORE_APPLY).await;
                file.sync_data().await.unwrap();
                env.faults.delay_here(fault::DELAY_APPLY).await;
                let env = env.clone();
                drop(spawn_inherited(async move {
                    let to = nodes[inherited_entropy().unwrap().below(3) as usize];
                    // Whether it comes through is the network's choice; the trace tells.
                    call(&env, to, SECOND).await.map_or(0, |answer| answer.len())
                }));
            }
        }));
    };
    nodes.into_iter().for_each(start);
    let mut rng = world.rng("faults");
    for _ in 0..50 {
        let pause = Duration::from_millis(rng.below(100));
        if let Ok(node) = tokio::time::timeout(pause, world.next_crash()).await {
            start(node);
        }
        let node = *rng.pick(&nodes);
        match rng.below(5) {
            0 if world.is_running(node) => {
                world.power_off(node);
                start(node);
            }
            1 => world.partition(A, node, true),
            2 => world.heal_all(),
            3 => world.set_clock(node, 0, rng.below(1000) as i64),
            _ => (),
        }
    }
    (world.digest(), world.events())
}

#[test]
fn one_seed_gives_one_run() {
    for seed in 0..5 {
        let first = run(seed, Options::default(), busy);
        assert_eq!(first, run(seed, Options::default(), busy), "seed {seed}");
        assert_ne!(first.0, run(seed + 100, Options::default(), busy).0);
        assert!(first.1 > 1000, "{first:?}");
    }
}

#[test]
#[should_panic(expected = "didn't end within")]
fn a_scenario_that_waits_forever_is_noticed() {
    run(1, calm(), async |_| std::future::pending::<()>().await);
}

#[test]
#[should_panic]
fn a_panic_in_a_task_fails_the_run() {
    run(1, calm(), async |world| {
        drop(world.boot(A).tasks.spawn("broken", async { panic!("on purpose") }));
        world.sleep(SECOND).await;
    });
}

#[test]
fn a_world_is_freed_after_its_run() {
    let (probe, held) = (Arc::new(()), Arc::new(Mutex::new(None)));
    run(1, calm(), async |world| {
        for node in [A, B] {
            let env = world.boot(node);
            let (inner, kept) = (env.clone(), probe.clone());
            env.net.serve(Service::Raft, move |_, body| {
                let _used = (&inner, &kept);
                Box::pin(async move { body })
            });
            let slot = env.disk.state_slot().unwrap();
            *slot.value.lock() = Some(Arc::new((env.clone(), probe.clone())));
        }
        world.kill(B);
        *held.lock() = Some(Arc::downgrade(&world.running(A).unwrap()));
    });
    assert_eq!(Arc::strong_count(&probe), 1);
    assert!(held.lock().take().unwrap().upgrade().is_none(), "the incarnation and all it refers to are gone");
}
