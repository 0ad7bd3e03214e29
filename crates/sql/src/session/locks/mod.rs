//! Locks on relations and advisory locks: who may use a table while somebody changes it.
//!
//! - [`mode`]: PostgreSQL's eight modes, which of them conflict, and what is locked
//! - [`table`]: who holds and who waits; a pure state machine
//! - this file: sessions that wait, and the short path of the weak modes
//! - [`owner`]: what one session holds
//!
//! Statements that only read and write rows take weak modes, which never conflict with each other. As in PostgreSQL they
//! are only noted with their owner, as long as nobody wants a strong lock on anything with the same hash:
//!
//! ```text
//!   weak     owner's list ── strong[hash] = 0 ──▶ held
//!                         └─ otherwise ─────────▶ the lock table
//!   strong   strong[hash] += 1, move every owner's weak locks on it to the lock table, then the lock table
//! ```
//!
//! INVARIANT: while `strong[hash(tag)]` is not zero and its raiser has looked at an owner, that owner has no weak lock on
//! `tag` outside of the lock table. Both sides look under the owner's mutex.
//!
//! Strong locks are had on every node, so that weak ones need to be known on one only: see [`peers`](super::peers).
//!
//! Rows are locked in the store (see [`kv::Txn::lock`](crate::kv::Txn::lock)); a cycle over both kinds of locks is not
//! found here, `lock_timeout` ends it.

pub mod mode;
pub mod owner;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use atoll_datum::Oid;
use atoll_env::clock::Clock;
use parking_lot::Mutex;

pub use mode::{Advisory, Mode, Tag};
use owner::Shared;
pub use owner::{Kept, Mark, Owner};
use table::Table;

use super::peers::Peers;

const STRONG_SLOTS: usize = 256;

/// All locks of a node.
pub struct Locks {
    table: Mutex<Table>,
    /// How many strong locks are held or wanted, by the tag's hash.
    strong: [AtomicU32; STRONG_SLOTS],
    owners: Mutex<BTreeMap<u64, std::sync::Weak<Shared>>>,
    last_owner: AtomicU64,
    clock: Clock,
    peers: OnceLock<Weak<Peers>>,
}

/// A line of pg_locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub tag: Tag,
    pub mode: Mode,
    pub pid: i32,
    pub granted: bool,
    /// Noted with its owner only.
    pub is_fast: bool,
    /// Of one who waits: wall time in nanoseconds.
    pub waiting_since_ns: Option<u64>,
}

impl Locks {
    pub fn new(clock: Clock) -> Arc<Locks> {
        Arc::new(Locks {
            table: Mutex::new(Table::default()),
            strong: [const { AtomicU32::new(0) }; STRONG_SLOTS],
            owners: Mutex::new(BTreeMap::new()),
            last_owner: AtomicU64::new(0),
            clock,
            peers: OnceLock::new(),
        })
    }

    /// Strong locks are taken there too from now on.
    pub fn set_peers(&self, peers: Weak<Peers>) {
        let _only_once = self.peers.set(peers);
    }

    fn peers(&self) -> Option<Arc<Peers>> {
        self.peers.get()?.upgrade()
    }

    /// Whether a session of this node holds anything, or waits for it.
    pub fn is_any_held(&self) -> bool {
        self.live_owners().iter().any(|owner| owner.holds_anything())
    }

    /// The sessions that hold locks beyond their transactions.
    pub fn pids_with_session_locks(&self) -> Vec<i32> {
        let owners = self.live_owners();
        owners.iter().filter(|owner| owner.holds_for_session()).map(|owner| owner.pid).collect()
    }

    /// For a new session. Everything it holds is released when the last clone is gone.
    pub fn owner(self: &Arc<Self>, pid: i32, database: Oid) -> Owner {
        self.new_owner(pid, database, false)
    }

    /// For a session of another node.
    pub fn stranger(self: &Arc<Self>, pid: i32, database: Oid) -> Owner {
        self.new_owner(pid, database, true)
    }

    fn new_owner(self: &Arc<Self>, pid: i32, database: Oid, stranger: bool) -> Owner {
        // Never used again: what an owner that is gone has not let go of yet must not pass for a new one's.
        let id = self.last_owner.fetch_add(1, Ordering::Relaxed) + 1;
        let owner = Owner::new(self.clone(), (id, stranger), pid, database);
        self.owners.lock().insert(id, owner.downgrade());
        owner
    }

    pub fn list(&self) -> Vec<Listed> {
        let owners = self.live_owners();
        let mut listed = Vec::new();
        for owner in &owners {
            owner.list_fast(&mut listed);
        }
        let pids: BTreeMap<u64, i32> = owners.iter().map(|owner| (owner.id, owner.pid)).collect();
        let table = self.table.lock();
        for (tag, owner, mode, since) in table.all() {
            // An owner that is gone by now is letting go of its locks.
            let Some(pid) = pids.get(&owner) else { continue };
            let granted = since.is_none();
            listed.push(Listed { tag, mode, pid: *pid, granted, is_fast: false, waiting_since_ns: since });
        }
        listed
    }

    fn slot(&self, tag: &Tag) -> &AtomicU32 {
        &self.strong[tag.hash() % STRONG_SLOTS]
    }

    /// Announces a strong lock: weak ones on `tag` are in the table from now on.
    fn announce(&self, tag: &Tag) {
        self.slot(tag).fetch_add(1, Ordering::SeqCst);
        for owner in self.live_owners() {
            owner.move_to_table(tag, &self.table);
        }
    }

    fn withdraw(&self, tag: &Tag) {
        self.slot(tag).fetch_sub(1, Ordering::SeqCst);
    }

    fn live_owners(&self) -> Vec<Arc<Shared>> {
        self.owners.lock().values().filter_map(std::sync::Weak::upgrade).collect()
    }

    fn wake(&self, owners: &[u64]) {
        if owners.is_empty() {
            return;
        }
        let all = self.owners.lock();
        for owner in owners.iter().filter_map(|id| all.get(id)?.upgrade()) {
            owner.granted.notify_one();
        }
    }
}
