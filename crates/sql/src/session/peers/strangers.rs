//! Strong locks that sessions of other nodes hold here, or wait for.
//!
//! Each such session is an owner of locks here as well. What it wants has a ticket, so that a message that comes late or
//! twice does no harm: a ticket is granted once, and one that is of no more use never comes back, since a session waits
//! for one lock at a time and its node tells now and then which tickets are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Oid, sqlstate};
use atoll_env::{Env, NodeId};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::message::{Grant, Lock, Told};
use crate::session::locks::{Locks, Mode, Owner, Tag};

/// How long a request waits here before it is told to ask again.
const WAIT_HERE: Duration = Duration::from_millis(800);

pub struct Strangers {
    env: Env,
    locks: Arc<Locks>,
    nodes: Mutex<BTreeMap<NodeId, Of>>,
}

/// The sessions of one node.
#[derive(Default)]
struct Of {
    tenure: u64,
    sessions: BTreeMap<u64, Stranger>,
}

struct Stranger {
    owner: Owner,
    /// Who waits in the owner's name.
    turn: Arc<tokio::sync::Mutex<()>>,
    tickets: BTreeMap<u64, Ticket>,
}

struct Ticket {
    tag: Tag,
    mode: Mode,
    state: State,
    changed: Arc<Notify>,
    /// While it waits: dropped, it gives up.
    _waits: Option<oneshot::Sender<()>>,
}

#[derive(Clone, PartialEq)]
enum State {
    Waits,
    Granted,
    Deadlock(String),
}

/// What was let in by an earlier tenure of the node that asks. To be dropped when nothing of it can change definitions
/// any more.
#[must_use]
pub struct Left(#[allow(dead_code, reason = "dropping it lets the locks go")] Vec<Of>);

impl Left {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Strangers {
    pub fn new(env: Env, locks: Arc<Locks>) -> Strangers {
        Strangers { env, locks, nodes: Mutex::default() }
    }

    /// The nodes whose sessions have locks here, with their tenures.
    pub fn nodes(&self) -> Vec<(NodeId, u64)> {
        let nodes = self.nodes.lock();
        nodes.iter().filter(|(_, of)| !of.sessions.is_empty()).map(|(node, of)| (*node, of.tenure)).collect()
    }

    /// A tenure of another node is known to have begun. None if a later one is.
    pub fn begins(&self, node: NodeId, tenure: u64) -> Option<Left> {
        let mut nodes = self.nodes.lock();
        let of = nodes.entry(node).or_default();
        match of.tenure.cmp(&tenure) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => Some(Left(Vec::new())),
            std::cmp::Ordering::Less => {
                let old = std::mem::replace(of, Of { tenure, sessions: BTreeMap::new() });
                Some(Left(if old.sessions.is_empty() { Vec::new() } else { vec![old] }))
            }
        }
    }

    /// The tenure of a node is over.
    pub fn drop_all(&self, node: NodeId, tenure: u64) {
        let mut nodes = self.nodes.lock();
        if let Some(of) = nodes.get_mut(&node)
            && of.tenure == tenure
        {
            let gone = std::mem::take(&mut of.sessions);
            drop(nodes);
            drop(gone);
        }
    }

    fn stranger(&self, lock: &Lock) -> Stranger {
        let database = match lock.tag() {
            Tag::Relation { database, .. } | Tag::Advisory { database, .. } => database,
            Tag::Object { .. } => Oid(0),
        };
        let owner = self.locks.stranger(lock.pid, database);
        Stranger { owner, turn: Arc::default(), tickets: BTreeMap::new() }
    }

    /// What a node says it holds and wants when a tenure begins here, when nobody here holds anything. It may have asked
    /// for more since.
    pub fn install(&self, node: NodeId, tenure: u64, locks: &[Lock]) {
        let mut nodes = self.nodes.lock();
        let of = nodes.entry(node).or_default();
        let mut before = None;
        match of.tenure.cmp(&tenure) {
            std::cmp::Ordering::Greater => return,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Less => before = Some(std::mem::replace(of, Of { tenure, sessions: BTreeMap::new() })),
        }
        for lock in locks {
            let stranger = of.sessions.entry(lock.owner).or_insert_with(|| self.stranger(lock));
            if !stranger.tickets.contains_key(&lock.ticket) {
                let (tag, mode) = (lock.tag(), lock.mode());
                stranger.owner.seize(tag, mode);
                let ticket = Ticket { tag, mode, state: State::Granted, changed: Arc::default(), _waits: None };
                stranger.tickets.insert(lock.ticket, ticket);
            }
        }
        drop(nodes);
        drop(before);
    }

    /// Answers when it is granted, when it certainly is not, or after a while.
    pub async fn lock(self: &Arc<Self>, node: NodeId, lock: &Lock) -> Told {
        let changed = {
            let mut nodes = self.nodes.lock();
            let of = nodes.entry(node).or_default();
            let stranger = of.sessions.entry(lock.owner).or_insert_with(|| self.stranger(lock));
            match stranger.tickets.get(&lock.ticket) {
                Some(ticket) => ticket.changed.clone(),
                None => match self.begin(node, of, lock) {
                    Some(changed) => changed,
                    None => return Told::granted(Grant::Held),
                },
            }
        };
        let granted = async {
            loop {
                let told = changed.notified();
                match self.state(node, lock) {
                    Some(State::Granted) => return Told::granted(Grant::Granted),
                    Some(State::Deadlock(detail)) => return Told { detail, ..Told::granted(Grant::Deadlock) },
                    Some(State::Waits) => told.await,
                    None => return Told::refusal("the lock was given up"),
                }
            }
        };
        self.env.clock.timeout(WAIT_HERE, granted).await.unwrap_or_else(|_| Told::granted(Grant::Waits))
    }

    fn state(&self, node: NodeId, lock: &Lock) -> Option<State> {
        let nodes = self.nodes.lock();
        Some(nodes.get(&node)?.sessions.get(&lock.owner)?.tickets.get(&lock.ticket)?.state.clone())
    }

    /// A ticket that was not known. None if it would have to wait, and is not to.
    fn begin(self: &Arc<Self>, node: NodeId, of: &mut Of, lock: &Lock) -> Option<Arc<Notify>> {
        let stranger = of.sessions.get_mut(&lock.owner)?;
        // A session waits for one lock at a time.
        stranger.tickets.retain(|_, ticket| ticket.state == State::Granted);
        let (tag, mode, changed) = (lock.tag(), lock.mode(), Arc::<Notify>::default());
        if !lock.waits {
            if !stranger.owner.try_lock_for_session_here(tag, mode) {
                if stranger.tickets.is_empty() {
                    of.sessions.remove(&lock.owner);
                }
                return None;
            }
            let ticket = Ticket { tag, mode, state: State::Granted, changed: changed.clone(), _waits: None };
            stranger.tickets.insert(lock.ticket, ticket);
            return Some(changed);
        }
        let (waits, gone) = oneshot::channel::<()>();
        let ticket = Ticket { tag, mode, state: State::Waits, changed: changed.clone(), _waits: Some(waits) };
        stranger.tickets.insert(lock.ticket, ticket);
        let (strangers, owner, turn) = (self.clone(), stranger.owner.clone(), stranger.turn.clone());
        let (of_session, number) = (lock.owner, lock.ticket);
        self.env.tasks.spawn("a lock for another node", async move {
            // One that was given up has let go of its place then.
            let _turn = turn.lock().await;
            let state = tokio::select! {
                biased;
                _ = gone => return,
                locked = owner.lock_for_session_here(tag, mode) => match locked {
                    Ok(()) => State::Granted,
                    Err(error) if error.state() == sqlstate::DEADLOCK_DETECTED => {
                        State::Deadlock(error.fields().detail.clone().unwrap_or_default())
                    }
                    // Nothing else ends such a wait; it would be asked for anew.
                    Err(_) => return,
                },
            };
            strangers.settle(node, (of_session, number), &owner, state, (tag, mode));
        });
        Some(changed)
    }

    fn settle(&self, node: NodeId, (session, number): (u64, u64), owner: &Owner, state: State, lock: (Tag, Mode)) {
        let mut nodes = self.nodes.lock();
        let stranger = nodes.get_mut(&node).and_then(|of| of.sessions.get_mut(&session));
        let stranger = stranger.filter(|stranger| stranger.owner.is(owner));
        match stranger.and_then(|stranger| stranger.tickets.get_mut(&number)) {
            Some(ticket) => {
                ticket.state = state;
                ticket._waits = None;
                ticket.changed.notify_waiters();
            }
            // It was given up in the moment it was granted.
            None if state == State::Granted => {
                drop(nodes);
                owner.unlock_for_session(lock.0, lock.1);
            }
            None => {}
        }
    }

    /// Takes back tickets that are of no more use.
    pub fn unlock(&self, node: NodeId, number: u64) {
        self.keep(node, |ticket| ticket != number);
    }

    /// Takes back all that the node did not name. `before`: those that were here when it was asked.
    pub fn retain(&self, node: NodeId, before: &BTreeSet<u64>, named: &BTreeSet<u64>) {
        self.keep(node, |ticket| !before.contains(&ticket) || named.contains(&ticket));
    }

    pub fn tickets(&self, node: NodeId) -> BTreeSet<u64> {
        let nodes = self.nodes.lock();
        let sessions = nodes.get(&node).into_iter().flat_map(|of| of.sessions.values());
        sessions.flat_map(|stranger| stranger.tickets.keys().copied()).collect()
    }

    fn keep(&self, node: NodeId, keeps: impl Fn(u64) -> bool) {
        let mut nodes = self.nodes.lock();
        let Some(of) = nodes.get_mut(&node) else { return };
        let mut gone = Vec::new();
        let mut freed = Vec::new();
        of.sessions.retain(|_, stranger| {
            stranger.tickets.retain(|number, ticket| {
                let kept = keeps(*number);
                if !kept && ticket.state == State::Granted {
                    freed.push((stranger.owner.clone(), ticket.tag, ticket.mode));
                }
                kept
            });
            if stranger.tickets.is_empty() {
                gone.push(stranger.owner.clone());
            }
            !stranger.tickets.is_empty()
        });
        drop(nodes);
        for (owner, tag, mode) in freed {
            owner.unlock_for_session(tag, mode);
        }
        drop(gone);
    }
}
