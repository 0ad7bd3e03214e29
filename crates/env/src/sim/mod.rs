//! The simulated outside world: nodes, their clocks, disks and network, in one thread and from one seed.
//!
//! [`run`] starts a runtime whose time is simulated and gives the scenario a [`World`]. The world boots nodes
//! ([`World::boot`] yields an ordinary [`crate::Env`]), crashes them, disturbs them, and keeps a [digest](World::digest)
//! of everything that happened: the same seed and scenario give the same digest.
//!
//! # What can go wrong
//! - **Node**: killed (what it wrote survives), powered off (what it didn't sync is lost, torn to sectors, in any
//!   order), held still for a while; at a named fault point or at any moment. Dead incarnations never act again.
//! - **Disk**: full, slow to sync, failing to sync (the unsynced writes are then lost for good), a flipped bit, a
//!   missing tail, a write that lands elsewhere; names lost without a directory sync.
//! - **Network**: latency with a long tail, requests and answers lost, requests doubled and reordered, partitions in
//!   one or both directions, broken connections.
//! - **Clock**: offset, drift, jumps both ways, a wall clock that stands still.
//!
//! # Granularity
//! The runtime's timers count milliseconds. Shorter waits are rounded to none or one millisecond at random, so that
//! they are right on average.
//!
//! INVARIANT: nothing here depends on addresses, hash order, threads or real time.
//!
//! Deliberately absent: byte streams (messages arrive whole), processor time (work takes none), read errors.

mod clock;
mod disk;
mod disk_io;
mod faults;
mod file;
mod net;
mod trace;
mod world;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::runtime::{Builder, RngSeed, UnhandledPanic};

pub(crate) use self::{
    disk_io::{SimFile, SimLock},
    world::Incarnation,
};
pub use self::{faults::PointStats, net::NetOptions, world::World};
pub use crate::{
    disk::{CrashHook, CrashKind, StateSlot},
    rng::Rng as SimRng,
};

/// How a simulated world behaves from the start; most can be changed while it runs.
#[derive(Clone, Debug)]
pub struct Options {
    pub net: NetOptions,
    /// The room on each node's disk.
    pub disk_bytes: u64,
    /// Time of a sync, in microseconds.
    pub sync_us: std::ops::Range<u64>,
    /// Write every event of the trace to standard error.
    pub print: bool,
    /// The scenario must end within this simulated time. One that waits for something that never happens gets there at
    /// once.
    pub limit: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            net: NetOptions::default(),
            disk_bytes: 1 << 40,
            sync_us: 300..8_000,
            print: false,
            limit: Duration::from_secs(24 * 3600),
        }
    }
}

/// Runs a scenario to its end in a world of its own. Panics if one of its tasks does.
pub fn run<T, F>(seed: u64, options: Options, scenario: impl FnOnce(World) -> F) -> T
where
    F: Future<Output = T>,
{
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&seed.to_le_bytes()))
        .unhandled_panic(UnhandledPanic::ShutdownRuntime)
        .build()
        .expect("a runtime without input and output needs nothing that could be missing");
    let limit = options.limit;
    runtime.block_on(async move {
        let world = World::new(seed, options);
        let result = tokio::time::timeout(limit, scenario(world.clone())).await;
        // Nodes refer to the world and the world to its nodes.
        world.end();
        match result {
            Ok(result) => result,
            Err(_) => panic!("seed {seed}: the scenario didn't end within {limit:?} of simulated time"),
        }
    })
}
