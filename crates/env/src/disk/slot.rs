//! A state store kept by the disk itself: one value that outlives the process, instead of files.
//!
//! An engine that keeps its state in memory puts it here and says through a hook what of it a crash destroys.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::rng::Rng;

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrashKind {
    /// The process died; what it had written but not synced is still with the operating system.
    Kill,
    /// The power failed; unsynced data is gone, in whole or in part.
    Power,
}

/// Called at a crash, before the next process starts. Random choices come from the given generator.
pub type CrashHook = Arc<dyn Fn(CrashKind, &mut Rng) + Send + Sync>;

#[derive(Default)]
pub struct StateSlot {
    /// The state itself.
    pub value: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    /// What a crash does to the state.
    pub on_crash: Mutex<Option<CrashHook>>,
    bytes: AtomicU64,
}

impl StateSlot {
    /// The state takes this much of the disk's room from now on.
    pub fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
