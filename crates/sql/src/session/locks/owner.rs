//! What one session holds, and how it waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use atoll_datum::{Error, Oid, Result, sqlstate};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::mode::{Mask, Mode, Tag};
use super::table::Table;
use super::{Advisory, Listed, Locks};
use crate::exec::{Cancel, Failure};
use crate::session::peers::Peers;

/// The locks of one session. Clones are the same session.
///
/// A wait may be given up at any time by dropping its future, and ends with an error when the statement is stopped.
#[derive(Clone)]
pub struct Owner(Arc<Shared>);

pub(super) struct Shared {
    locks: Arc<Locks>,
    pub id: u64,
    pub pid: i32,
    database: Oid,
    /// A session of another node.
    stranger: bool,
    /// Under which the first strong lock was taken; 0: none is held.
    tenure: AtomicU64,
    held: Mutex<Held>,
    pub granted: Notify,
    /// Zero is none.
    timeout_ms: AtomicU64,
    /// Stops waiting, if it is set.
    cancel: OnceLock<Arc<Cancel>>,
    /// The locks of the transaction stay until its changes of definitions are known everywhere.
    kept: AtomicBool,
}

#[derive(Default)]
struct Held {
    by_tag: BTreeMap<Tag, Holding>,
    /// Of the transaction, in the order of taking.
    taken: Vec<(Tag, Mode)>,
}

#[derive(Default)]
struct Holding {
    transaction: Mask,
    /// Advisory locks of the session, with how often they were taken.
    session: BTreeMap<Mode, u32>,
    /// Of `transaction`: known only here, not in the lock table.
    fast: Mask,
}

impl Holding {
    fn is_empty(&self) -> bool {
        self.transaction == 0 && self.session.is_empty()
    }
}

/// How many locks the transaction had taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

impl Owner {
    pub(super) fn new(locks: Arc<Locks>, (id, stranger): (u64, bool), pid: i32, database: Oid) -> Owner {
        Owner(Arc::new(Shared {
            locks,
            id,
            pid,
            database,
            stranger,
            tenure: AtomicU64::new(0),
            held: Mutex::default(),
            granted: Notify::new(),
            timeout_ms: AtomicU64::new(0),
            cancel: OnceLock::new(),
            kept: AtomicBool::new(false),
        }))
    }

    pub(super) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0)
    }

    /// From now on who waits stops when this is raised.
    pub fn stop_by(&self, cancel: Arc<Cancel>) {
        // It is one for all of a session's life.
        let _same = self.0.cancel.set(cancel);
    }

    /// `lock_timeout`; none waits as long as it takes.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let ms = timeout.map_or(0, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1));
        self.0.timeout_ms.store(ms, Ordering::Relaxed);
    }

    pub fn timeout(&self) -> Option<Duration> {
        let ms = self.0.timeout_ms.load(Ordering::Relaxed);
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    pub fn relation(&self, relation: Oid) -> Tag {
        Tag::Relation { database: self.0.database, relation }
    }

    pub fn advisory(&self, key: Advisory) -> Tag {
        Tag::Advisory { database: self.0.database, key }
    }

    /// Locks until the end of the transaction.
    pub async fn lock(&self, tag: Tag, mode: Mode) -> Result<()> {
        if self.0.take_cheaply(tag, mode) {
            return Ok(());
        }
        self.0.acquire_everywhere(tag, mode, true).await?;
        self.0.note_transaction(tag, mode);
        Ok(())
    }

    pub async fn lock_relation(&self, relation: Oid, mode: Mode) -> Result<()> {
        self.lock(self.relation(relation), mode).await
    }

    /// The same without waiting for who holds it: false if it would have to.
    pub async fn try_lock(&self, tag: Tag, mode: Mode) -> Result<bool> {
        if self.0.take_cheaply(tag, mode) {
            return Ok(true);
        }
        let granted = self.0.acquire_everywhere(tag, mode, false).await?;
        if granted {
            self.0.note_transaction(tag, mode);
        }
        Ok(granted)
    }

    pub fn holds(&self, tag: Tag, mode: Mode) -> bool {
        let held = self.0.held.lock();
        held.by_tag
            .get(&tag)
            .is_some_and(|holding| Mode::ALL.into_iter().any(|of| of >= mode && holding.transaction & of.bit() != 0))
    }

    /// Locks until it is unlocked as often as it was locked, or the session ends.
    pub async fn lock_for_session(&self, tag: Tag, mode: Mode) -> Result<()> {
        self.0.acquire_everywhere(tag, mode, true).await?;
        self.0.note_session(tag, mode);
        Ok(())
    }

    pub async fn try_lock_for_session(&self, tag: Tag, mode: Mode) -> Result<bool> {
        let granted = self.0.acquire_everywhere(tag, mode, false).await?;
        if granted {
            self.0.note_session(tag, mode);
        }
        Ok(granted)
    }

    /// On this node only, for a session of another one.
    pub async fn lock_for_session_here(&self, tag: Tag, mode: Mode) -> Result<()> {
        self.0.acquire(tag, mode).await?;
        self.0.note_session(tag, mode);
        Ok(())
    }

    pub fn try_lock_for_session_here(&self, tag: Tag, mode: Mode) -> bool {
        let granted = self.0.try_acquire(tag, mode);
        if granted {
            self.0.note_session(tag, mode);
        }
        granted
    }

    /// Notes a lock that a session of another node has, whatever others hold here.
    pub fn seize(&self, tag: Tag, mode: Mode) {
        if !self.0.has(tag, mode) {
            self.0.locks.announce(&tag);
            self.0.locks.table.lock().note(self.0.id, tag, mode);
        }
        self.0.note_session(tag, mode);
    }

    /// The tenure of the node for as long as which the strong locks count; 0 if there is none.
    pub fn tenure(&self) -> u64 {
        self.0.tenure.load(Ordering::SeqCst)
    }

    pub fn is(&self, other: &Owner) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// False if the session does not hold it.
    pub fn unlock_for_session(&self, tag: Tag, mode: Mode) -> bool {
        let mut held = self.0.held.lock();
        let Some(holding) = held.by_tag.get_mut(&tag) else { return false };
        let Some(count) = holding.session.get_mut(&mode) else { return false };
        *count -= 1;
        if *count == 0 {
            holding.session.remove(&mode);
            let is_kept = holding.transaction & mode.bit() != 0;
            if holding.is_empty() {
                held.by_tag.remove(&tag);
            }
            drop(held);
            if !is_kept {
                self.0.give_back(tag, mode);
            }
        }
        true
    }

    pub fn unlock_all_for_session(&self) {
        let mut freed = Vec::new();
        self.0.held.lock().by_tag.retain(|tag, holding| {
            for mode in std::mem::take(&mut holding.session).into_keys() {
                if holding.transaction & mode.bit() == 0 {
                    freed.push((*tag, mode));
                }
            }
            !holding.is_empty()
        });
        for (tag, mode) in freed {
            self.0.give_back(tag, mode);
        }
    }

    pub fn mark(&self) -> Mark {
        Mark(self.0.held.lock().taken.len())
    }

    /// Lets go of what the transaction first took since then.
    pub fn rollback_to(&self, mark: Mark) {
        let mut held = self.0.held.lock();
        let from = mark.0.min(held.taken.len());
        let taken = held.taken.split_off(from);
        let mut freed = Vec::new();
        for (tag, mode) in taken.into_iter().rev() {
            let Some(holding) = held.by_tag.get_mut(&tag) else { continue };
            let was_fast = holding.fast & mode.bit() != 0;
            holding.transaction &= !mode.bit();
            holding.fast &= !mode.bit();
            if !was_fast && !holding.session.contains_key(&mode) {
                freed.push((tag, mode));
            }
            if holding.is_empty() {
                held.by_tag.remove(&tag);
            }
        }
        if held.by_tag.is_empty() {
            self.0.tenure.store(0, Ordering::SeqCst);
        }
        drop(held);
        for (tag, mode) in freed {
            self.0.give_back(tag, mode);
        }
    }

    /// At the end of the transaction.
    pub fn release_transaction(&self) {
        if !self.0.kept.load(Ordering::SeqCst) {
            self.rollback_to(Mark(0));
        }
    }

    /// Until that is dropped, the transaction's locks stay whatever becomes of the session. Then they go.
    pub fn keep_transaction(&self) -> Kept {
        self.0.kept.store(true, Ordering::SeqCst);
        Kept(self.clone())
    }

    /// At the end of the session, for whom clones may outlive it.
    pub fn release_everything(&self) {
        self.unlock_all_for_session();
        self.release_transaction();
    }

    /// Who keeps this session waiting.
    pub fn blocking_pids(&self) -> Vec<i32> {
        let blockers = self.0.locks.table.lock().blockers(self.0.id);
        let owners = self.0.locks.owners.lock();
        blockers.iter().filter_map(|id| Some(owners.get(id)?.upgrade()?.pid)).collect()
    }
}

/// See [`Owner::keep_transaction`].
pub struct Kept(Owner);

impl Kept {
    /// Until the node ends.
    pub fn forever(self) {
        std::mem::forget(self);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.0.kept.store(false, Ordering::SeqCst);
        self.0.release_transaction();
    }
}

impl Shared {
    /// The short path: already held, or a weak mode on something that nobody wants a strong lock on.
    fn take_cheaply(&self, tag: Tag, mode: Mode) -> bool {
        let mut held = self.held.lock();
        let held = &mut *held;
        if let Some(holding) = held.by_tag.get_mut(&tag)
            && holding.transaction & mode.bit() != 0
        {
            return true;
        }
        if !mode.is_weak() || self.locks.slot(&tag).load(Ordering::SeqCst) != 0 {
            return false;
        }
        let holding = held.by_tag.entry(tag).or_default();
        holding.transaction |= mode.bit();
        holding.fast |= mode.bit();
        held.taken.push((tag, mode));
        true
    }

    pub(super) fn holds_anything(&self) -> bool {
        !self.stranger && (!self.held.lock().by_tag.is_empty() || self.locks.table.lock().is_waiting(self.id))
    }

    pub(super) fn holds_for_session(&self) -> bool {
        !self.stranger && self.held.lock().by_tag.values().any(|holding| !holding.session.is_empty())
    }

    fn has(&self, tag: Tag, mode: Mode) -> bool {
        let held = self.held.lock();
        held.by_tag
            .get(&tag)
            .is_some_and(|holding| holding.transaction & mode.bit() != 0 || holding.session.contains_key(&mode))
    }

    fn note_transaction(&self, tag: Tag, mode: Mode) {
        let mut held = self.held.lock();
        held.by_tag.entry(tag).or_default().transaction |= mode.bit();
        held.taken.push((tag, mode));
    }

    fn note_session(&self, tag: Tag, mode: Mode) {
        *self.held.lock().by_tag.entry(tag).or_default().session.entry(mode).or_default() += 1;
    }

    /// Called when the table has the lock and nobody in this session does any more.
    fn give_back(&self, tag: Tag, mode: Mode) {
        let woken = self.locks.table.lock().release(self.id, tag, mode);
        if !mode.is_weak() {
            self.locks.withdraw(&tag);
        }
        self.locks.wake(&woken);
        if !mode.is_weak()
            && !self.stranger
            && let Some(peers) = self.locks.peers()
        {
            peers.unlock(self.id, tag, mode);
        }
    }

    /// On every node, if it is a strong one. False: it would have to wait, and is not to.
    async fn acquire_everywhere(&self, tag: Tag, mode: Mode, waits: bool) -> Result<bool> {
        if self.has(tag, mode) {
            return Ok(true);
        }
        let here = async {
            match waits {
                true => self.acquire(tag, mode).await.map(|()| true),
                false => Ok(self.try_acquire(tag, mode)),
            }
        };
        let Some(peers) = self.locks.peers().filter(|_| !mode.is_weak()) else { return here.await };
        let mut partial =
            Partial { owner: self, peers: peers.clone(), tag, mode, here: AtomicBool::new(false), armed: true };
        let had_here = &partial.here;
        let here = async {
            let granted = here.await?;
            had_here.store(granted, Ordering::Relaxed);
            Ok(granted)
        };
        let tenure = peers.number();
        let everywhere = peers.lock((self.id, self.pid), (tag, mode), waits, here);
        let granted = async {
            let everywhere = Box::pin(everywhere);
            match self.timeout_ms.load(Ordering::Relaxed) {
                0 => everywhere.await.map_err(Failure::into_error),
                ms => match self.locks.clock.timeout(Duration::from_millis(ms), everywhere).await {
                    Ok(granted) => granted.map_err(Failure::into_error),
                    Err(_) => Err(lock_timeout()),
                },
            }
        };
        let granted = tokio::select! {
            biased;
            granted = granted => granted?,
            stopped = self.stopped() => {
                stopped?;
                false
            }
        };
        partial.armed = !granted;
        if granted {
            // What was taken under an earlier one may be lost.
            let _first = self.tenure.compare_exchange(0, tenure, Ordering::SeqCst, Ordering::SeqCst);
        }
        Ok(granted)
    }

    fn try_acquire(&self, tag: Tag, mode: Mode) -> bool {
        if self.has(tag, mode) {
            return true;
        }
        if !mode.is_weak() {
            self.locks.announce(&tag);
        }
        let granted = self.locks.table.lock().try_acquire(self.id, tag, mode);
        if !granted && !mode.is_weak() {
            self.locks.withdraw(&tag);
        }
        granted
    }

    async fn acquire(&self, tag: Tag, mode: Mode) -> Result<()> {
        if self.has(tag, mode) {
            return Ok(());
        }
        if !mode.is_weak() {
            self.locks.announce(&tag);
        }
        let mut waiting = Waiting { owner: self, tag, mode, armed: true };
        {
            let mut table = self.locks.table.lock();
            if table.try_acquire(self.id, tag, mode) {
                waiting.armed = false;
                return Ok(());
            }
            table.enqueue(self.id, tag, mode, self.locks.clock.wall_ns());
            if let Some(cycle) = table.deadlock(self.id) {
                drop(table);
                return Err(self.deadlock(&cycle));
            }
        }
        let granted = async {
            match self.timeout_ms.load(Ordering::Relaxed) {
                0 => self.until_granted().await,
                ms => {
                    let granted = self.locks.clock.timeout(Duration::from_millis(ms), self.until_granted()).await;
                    if granted.is_err() && self.locks.table.lock().is_waiting(self.id) {
                        return Err(lock_timeout());
                    }
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            granted = granted => granted?,
            stopped = self.stopped() => stopped?,
        }
        waiting.armed = false;
        Ok(())
    }

    /// Resolves, with the reason, when the statement that waits is to stop.
    async fn stopped(&self) -> Result<()> {
        match self.cancel.get() {
            Some(cancel) => loop {
                cancel.cancelled().await;
                cancel.check()?;
            },
            None => std::future::pending().await,
        }
    }

    async fn until_granted(&self) {
        while self.locks.table.lock().is_waiting(self.id) {
            self.granted.notified().await;
        }
    }

    fn deadlock(&self, cycle: &[super::table::Wait]) -> Error {
        let owners = self.locks.owners.lock();
        let pid = |id: u64| match owners.get(&id).and_then(Weak::upgrade) {
            Some(owner) => owner.pid,
            None => 0,
        };
        let line = |wait: &super::table::Wait| {
            let (waiter, blocker) = (pid(wait.owner), pid(wait.blocked_by));
            format!("Process {waiter} waits for {} on {}; blocked by process {blocker}.", wait.mode.name(), wait.tag)
        };
        let detail = cycle.iter().map(line).collect::<Vec<_>>().join("\n");
        Error::new(sqlstate::DEADLOCK_DETECTED, "deadlock detected")
            .detail(detail)
            .hint("See server log for query details.")
    }

    pub(super) fn move_to_table(&self, tag: &Tag, table: &Mutex<Table>) {
        let mut held = self.held.lock();
        let Some(holding) = held.by_tag.get_mut(tag) else { return };
        let fast = std::mem::take(&mut holding.fast);
        if fast != 0 {
            let mut table = table.lock();
            for mode in Mode::of_mask(fast) {
                table.note(self.id, *tag, mode);
            }
        }
    }

    pub(super) fn list_fast(&self, out: &mut Vec<Listed>) {
        for (tag, holding) in &self.held.lock().by_tag {
            for mode in Mode::of_mask(holding.fast) {
                let (pid, tag) = (self.pid, *tag);
                out.push(Listed { tag, mode, pid, granted: true, is_fast: true, waiting_since_ns: None });
            }
        }
    }
}

fn lock_timeout() -> Error {
    Error::new(sqlstate::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
}

/// Takes back a strong lock that is had on some nodes only.
struct Partial<'a> {
    owner: &'a Shared,
    peers: Arc<Peers>,
    tag: Tag,
    mode: Mode,
    here: AtomicBool,
    armed: bool,
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        match self.here.load(Ordering::Relaxed) {
            true => self.owner.give_back(self.tag, self.mode),
            false => self.peers.unlock(self.owner.id, self.tag, self.mode),
        }
    }
}

/// Takes a request back whose waiting was given up.
struct Waiting<'a> {
    owner: &'a Shared,
    tag: Tag,
    mode: Mode,
    armed: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (owner, tag, mode) = (self.owner, self.tag, self.mode);
        let (was_waiting, woken) = owner.locks.table.lock().cancel(owner.id);
        owner.locks.wake(&woken);
        if !was_waiting {
            // It was granted in the moment it was given up.
            owner.give_back(tag, mode);
        } else if !mode.is_weak() {
            owner.locks.withdraw(&tag);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.locks.owners.lock().remove(&self.id);
        let held = std::mem::take(self.held.get_mut());
        for (tag, holding) in held.by_tag {
            let kept = holding.transaction & !holding.fast;
            let modes = holding.session.keys().fold(kept, |mask, mode| mask | mode.bit());
            for mode in Mode::of_mask(modes) {
                self.give_back(tag, mode);
            }
        }
    }
}
