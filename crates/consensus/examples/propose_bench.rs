//! How many durable proposals a sole voter takes per second on a real disk, and where the time goes.
//!
//! `cargo run -p atoll-consensus --example propose_bench -- [DIR [PROPOSERS [SECONDS [PAYLOAD_BYTES]]]]`

// The example is the binary here: it reads the arguments and makes the runtime.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atoll_consensus::{Entry, Group, GroupId, NodeId, Options, StateMachine, Transport};
use atoll_env::Env;
use atoll_storage::engine::{self, Batch, Engine, Space};
use atoll_storage::wal::{self, Wal};
use bytes::Bytes;

/// Keeps each command under its index, modulo a bound, so that the state stays small.
struct Ring {
    batches: Arc<AtomicU64>,
}

impl StateMachine for Ring {
    type Reply = ();

    fn apply(&mut self, entry: Entry<'_>, batch: &mut Batch) {
        let key = (entry.index % 100_000).to_be_bytes();
        batch.put(Space::Current, key, Bytes::copy_from_slice(entry.command));
    }

    fn applied(&mut self, _upto: u64) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    fn spans(&self) -> Vec<(Space, Bytes, Bytes)> {
        vec![(Space::Current, Bytes::new(), Bytes::new())]
    }

    fn installed(&mut self) {}
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().unwrap_or_else(|| format!("target/propose_bench/{}", std::process::id()));
    let mut number = |default: u64| args.next().map_or(default, |arg| arg.parse().expect("a number"));
    let (proposers, seconds, payload) = (number(32), number(5), number(100) as usize);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let env = Env::real(PathBuf::from(dir));
    runtime.block_on(run(env, proposers, seconds, payload));
}

async fn run(env: Env, proposers: u64, seconds: u64, payload: usize) {
    let node = NodeId(1);
    env.net.set_node(node, 0);
    let wal = Wal::open(&env, wal::Options::default()).await.unwrap();
    let engine = Engine::open(&env, engine::Options::default()).await.unwrap();
    let transport = Transport::new(&env);
    let batches = Arc::new(AtomicU64::new(0));
    let machine = Ring { batches: batches.clone() };
    let began = env.clock.mono();
    let group =
        Group::open(&env, &wal, &engine, GroupId(1), node, machine, Options::default(), transport).await.unwrap();
    group.bootstrap(&[node]).await.unwrap();
    group.leadership().until(|leadership| leadership.is_leader_here).await.unwrap();
    println!("leads after {:?}", env.clock.mono() - began);

    let stop = Arc::new(AtomicBool::new(false));
    let (before, applied_before) = (wal.status(), batches.load(Ordering::Relaxed));
    let began = env.clock.mono();
    let tasks: Vec<_> = (0..proposers)
        .map(|_| {
            let (group, stop, clock) = (group.clone(), stop.clone(), env.clock.clone());
            env.tasks.spawn("bench.propose", async move {
                let command = Bytes::from(vec![7; payload]);
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = clock.mono();
                    group.propose(command.clone()).await.unwrap();
                    latencies.push(clock.mono() - began);
                }
                latencies
            })
        })
        .collect();
    env.clock.sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let took = env.clock.mono() - began;
    latencies.sort();

    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let per_second = |count: u64| count as f64 / took.as_secs_f64();
    let after = wal.status();
    let (syncs, applies) = (after.syncs - before.syncs, batches.load(Ordering::Relaxed) - applied_before);
    println!("{:.0} proposals/s by {proposers} proposers", per_second(latencies.len() as u64));
    println!("latency p50 {:?}  p99 {:?}  max {:?}", at(0.5), at(0.99), at(1.0));
    println!("{:.0} syncs/s, {:.1} proposals each", per_second(syncs), latencies.len() as f64 / syncs as f64);
    println!(
        "{:.0} engine batches/s, {:.1} proposals each",
        per_second(applies),
        latencies.len() as f64 / applies as f64
    );
    group.stop().await;
    wal.close().await.unwrap();
    engine.close().await.unwrap();
}
