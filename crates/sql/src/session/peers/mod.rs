//! The other nodes that run statements, as far as sessions of this one have to do with them.
//!
//! - [`tenure`]: for how long a node may run statements without asking anybody
//! - [`strangers`]: locks here that sessions of other nodes hold
//! - [`message`]: what goes over the wire
//! - this file: beginning and renewing the own tenure, strong locks everywhere, definitions made everybody's
//!
//! Weak locks on tables are known on the session's node only, as every statement takes some. A strong one is therefore
//! taken on *every* node that has a tenure, in the order of their numbers; a node that can't be reached has its tenure
//! [ended](tenure). Whoever commits a change of definitions has every such node read it before letting go of its locks.
//! So what [`Node`] promises holds over nodes too: who gets a lock on a relation, weak or strong, finds the relation's
//! newest descriptor in its own node's catalog.
//!
//! ```text
//!   strong lock   note it here ─▶ list the tenures ─▶ lock at each in order ─▶ held
//!   new tenure    write it ─▶ ask each other node for the strong locks of its sessions ─▶ read the catalog ─▶ serve
//! ```
//! Either the list has the new tenure, or the new tenure is told of the lock: both make themselves known before they look.
//!
//! Deliberately absent: cycles of waiting over several nodes are not found; `lock_timeout` ends them.

pub mod message;
mod strangers;
mod tenure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use atoll_datum::{Error, Oid, sqlstate};
use atoll_env::net::Service;
use atoll_env::{Env, Mono, NodeId};
use atoll_txn::Timestamp;
use atoll_txn::error::Retry;
use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

use self::message::{Adopt, Ask, Grant, Lock, Nothing, Session, Sessions, Signal, Told, VERSION, What};
use self::strangers::Strangers;
use self::tenure::{Id, Listed, Own};
use super::locks::{Locks, Mode, Tag};
use super::{Node, Request};
use crate::catalog::store::Touched;
use crate::exec::Result;
use crate::kv::{self, GatewayRef, Txn, Until};

/// A request waits for a lock on the other side for less than this.
const CALL_FOR: Duration = Duration::from_millis(1500);
/// A node that is silent for so long is gone on without.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);
/// How often a node looks after its tenure.
const TICK: Duration = Duration::from_millis(500);
/// And at the locks of strangers.
const COMPARE_EVERY: Duration = Duration::from_secs(2);

pub struct Peers {
    env: Env,
    gateway: GatewayRef,
    own: Arc<Own>,
    /// Who begins or renews the tenure.
    turn: tokio::sync::Mutex<()>,
    locks: Arc<Locks>,
    strangers: Arc<Strangers>,
    asked: Mutex<Asked>,
    /// Tenures that are known to have ended, since when.
    ended: Mutex<BTreeMap<Id, Mono>>,
    node: OnceLock<Weak<Node>>,
}

/// Strong locks that sessions here want or have everywhere.
#[derive(Default)]
struct Asked {
    last: u64,
    /// With the nodes that know of them.
    tickets: BTreeMap<u64, (Lock, BTreeSet<NodeId>)>,
    by_lock: BTreeMap<(u64, Tag, Mode), u64>,
}

/// Why a node did not do what it was asked.
enum Unasked {
    /// It may have.
    Silent,
    Refused(String),
}

impl Peers {
    pub fn new(env: Env, gateway: GatewayRef, locks: Arc<Locks>) -> Arc<Peers> {
        let strangers = Arc::new(Strangers::new(env.clone(), locks.clone()));
        let peers = Arc::new(Peers {
            env,
            gateway,
            own: Arc::default(),
            turn: tokio::sync::Mutex::default(),
            locks,
            strangers,
            asked: Mutex::default(),
            ended: Mutex::default(),
            node: OnceLock::new(),
        });
        peers.locks.set_peers(Arc::downgrade(&peers));
        peers
    }

    /// Answers the others from now on, and looks after the tenure as long as the node lives.
    pub fn serve(self: &Arc<Self>, node: &Arc<Node>) {
        let _only_once = self.node.set(Arc::downgrade(node));
        let peers = Arc::downgrade(self);
        self.env.net.serve(Service::Sql, move |from, body| {
            let peers = peers.upgrade();
            Box::pin(async move {
                let mut told = match &peers {
                    Some(peers) => peers.told(from, body).await,
                    None => Told::refusal("the node is stopping"),
                };
                told.version = VERSION;
                told.tenure = peers.map_or(0, |peers| peers.own.announced());
                told.encode_to_vec().into()
            })
        });
        self.env.tasks.spawn("tenure", look_after(Arc::downgrade(self)));
        self.env.tasks.spawn("locks of strangers", compare(Arc::downgrade(self)));
    }

    fn node(&self) -> Option<Arc<Node>> {
        self.node.get()?.upgrade()
    }

    // --------------------------------------------------------------------------------------------------- the own tenure

    /// 0: none.
    pub fn number(&self) -> u64 {
        self.own.number()
    }

    /// The number of the tenure, if a statement may begin at once.
    pub fn held(&self) -> Option<u64> {
        self.own.set_used();
        self.own.held(self.env.clock.mono())
    }

    /// The number of the tenure under which a statement may begin now.
    pub async fn hold(&self) -> Result<u64> {
        loop {
            if let Some(number) = self.held() {
                return Ok(number);
            }
            let _turn = self.turn.lock().await;
            if self.held().is_none() {
                self.renew_or_begin().await?;
            }
        }
    }

    /// Has a transaction commit only if what was locked under this tenure still is. `defines`: it changes definitions.
    pub fn rely(&self, txn: &mut dyn Txn, number: u64, defines: bool) -> kv::Result<()> {
        self.own.until(number).ok_or(kv::Error::Retry(Retry::TooLate))?;
        txn.commit_by(self.own.clone(), number);
        if defines {
            txn.constrain(tenure::goes_on(self.id(number)));
        }
        Ok(())
    }

    fn id(&self, number: u64) -> Id {
        Id { node: self.env.node(), number }
    }

    async fn renew_or_begin(&self) -> Result<()> {
        let (number, sent) = (self.own.number(), self.env.clock.mono());
        if number != 0
            && let Some(until) = tenure::renew(&self.gateway, self.id(number)).await?
        {
            self.own.set(number, sent, until);
            return Ok(());
        }
        if number != 0 {
            tracing::warn!("this node was given up by others: open transactions can't commit any more");
            self.own.clear();
            self.end_sessions_with_locks();
        }
        self.begin().await
    }

    /// Their locks are gone.
    fn end_sessions_with_locks(&self) {
        let Some(node) = self.node() else { return };
        for pid in self.locks.pids_with_session_locks() {
            if let Some(backend) = node.backend(pid) {
                backend.signal(Request::Terminate);
            }
        }
    }

    async fn begin(&self) -> Result<()> {
        let alone = self.gateway.is_alone().await?;
        let sent = self.env.clock.mono();
        let announce = |number| self.own.announce(number);
        let (new, others) = tenure::begin(&self.gateway, self.env.node(), announce).await?;
        for other in others {
            if alone && other.id.node == new.id.node {
                // Its messages went nowhere else, and died with it.
                tenure::erase(&self.gateway, other.id).await?;
            } else if !other.ended {
                self.begin_with(new.id.number, other).await?;
            }
        }
        if let Some(node) = self.node() {
            node.reload().await?;
        }
        self.own.set(new.id.number, sent, new.until);
        Ok(())
    }

    /// Gets the strong locks of another node's sessions.
    async fn begin_with(&self, number: u64, other: Listed) -> Result<()> {
        let mut silent_since = None;
        loop {
            match self.ask_as(number, other.id.node, What::Begin(Nothing {})).await {
                // It is about to begin again itself.
                Ok(told) if told.tenure < other.id.number => return self.give_up(other.id).await,
                Ok(told) => {
                    self.strangers.install(other.id.node, told.tenure, &told.locks);
                    return Ok(());
                }
                Err(Unasked::Refused(why)) => tracing::debug!(node = %other.id.node, why, "no locks were told"),
                Err(Unasked::Silent) => {}
            }
            let now = self.env.clock.mono();
            if now - *silent_since.get_or_insert(now) >= PATIENCE {
                // Who begins has no right yet: of two nodes that reach the store and not each other one goes on.
                let listed = tenure::list(&self.gateway).await?;
                match listed.iter().find(|listed| listed.id == other.id) {
                    Some(listed) if !listed.ended && listed.until > self.gateway.now() => {}
                    Some(_) => return self.give_up(other.id).await,
                    None => return Ok(()),
                }
            }
            self.env.clock.sleep(PAUSE).await;
        }
    }

    /// Ends another node's tenure. Its last changes of definitions are in the store then.
    async fn give_up(&self, id: Id) -> Result<()> {
        tracing::warn!(node = %id.node, "the node does not answer; what its sessions hold is given up");
        tenure::end(&self.gateway, id).await.map(drop)
    }

    /// The same, and waits until it is over.
    async fn end(&self, id: Id) -> Result<()> {
        tracing::warn!(node = %id.node, "the node does not answer; what its sessions hold is given up");
        match tenure::end(&self.gateway, id).await? {
            Some(until) => self.outlast(id, until).await,
            None => Ok(()),
        }
    }

    /// Waits until a tenure that has ended is over by every clock.
    async fn outlast(&self, id: Id, until: Timestamp) -> Result<()> {
        let since = *self.ended.lock().entry(id).or_insert_with(|| self.env.clock.mono());
        while self.env.clock.mono() - since < tenure::outlasts() || self.gateway.now() <= until {
            self.own.set_used();
            self.env.clock.sleep(PAUSE).await;
        }
        // It may have changed definitions without having told.
        if let Some(node) = self.node() {
            node.reload().await?;
            // And left something to do.
            node.jobs.notify_one();
        }
        self.strangers.drop_all(id.node, id.number);
        tenure::erase(&self.gateway, id).await?;
        self.ended.lock().remove(&id);
        Ok(())
    }

    /// Ends the tenure, so that nobody has to wait for it. No session is left.
    pub async fn leave(&self) {
        let _turn = self.turn.lock().await;
        let number = self.own.number();
        self.own.clear();
        if number != 0
            && let Err(failure) = tenure::erase(&self.gateway, self.id(number)).await
        {
            let error = failure.into_error();
            tracing::info!(%error, "the tenure was not given back; it ends by itself");
        }
    }

    // ------------------------------------------------------------------------------------------------- locks everywhere

    /// The nodes where a strong lock has to be had, in the order of taking, with their tenures.
    async fn places(&self) -> Result<Vec<Id>> {
        let own = self.id(self.own.number());
        let mut places = vec![own];
        for listed in tenure::list(&self.gateway).await? {
            match listed.ended {
                // Also an earlier one of this node.
                true => self.outlast(listed.id, listed.until).await?,
                false if listed.id.node == own.node => {}
                false => places.push(listed.id),
            }
        }
        places.sort();
        Ok(places)
    }

    fn ticket(&self, owner: u64, pid: i32, tag: Tag, mode: Mode) -> Lock {
        let mut asked = self.asked.lock();
        asked.last += 1;
        let lock = Lock::new(owner, pid, asked.last, tag, mode);
        asked.tickets.insert(lock.ticket, (lock.clone(), BTreeSet::new()));
        asked.by_lock.insert((owner, tag, mode), lock.ticket);
        lock
    }

    /// Lets go of a strong lock on the other nodes, without waiting.
    pub fn unlock(self: &Arc<Self>, owner: u64, tag: Tag, mode: Mode) {
        let mut asked = self.asked.lock();
        let Some(ticket) = asked.by_lock.remove(&(owner, tag, mode)) else { return };
        let Some((_, known)) = asked.tickets.remove(&ticket) else { return };
        drop(asked);
        for node in known {
            let peers = self.clone();
            self.env.tasks.spawn("unlock", async move {
                // Who does not hear of it compares the tickets later.
                drop(peers.ask(node, What::Unlock(ticket)).await);
            });
        }
    }

    /// Every strong lock here, for a node that will be told when it goes.
    fn asked_by(&self, node: NodeId) -> Vec<Lock> {
        let mut asked = self.asked.lock();
        let mut locks = Vec::with_capacity(asked.tickets.len());
        for (lock, known) in asked.tickets.values_mut() {
            known.insert(node);
            locks.push(lock.clone());
        }
        locks
    }

    /// Takes a strong lock on every node: `here` takes it on this one. False: somebody holds it, and it was not to be
    /// waited for. Who gives up before the end [unlocks](Self::unlock).
    pub async fn lock(
        self: &Arc<Self>,
        (owner, pid): (u64, i32),
        (tag, mode): (Tag, Mode),
        waits: bool,
        here: impl Future<Output = atoll_datum::Result<bool>>,
    ) -> Result<bool> {
        let mut lock = self.ticket(owner, pid, tag, mode);
        lock.waits = waits;
        let mut here = Some(here);
        for place in self.places().await? {
            let granted = match here.take() {
                Some(here) if place.node == self.env.node() => here.await?,
                taken => {
                    here = taken;
                    self.lock_at(place, &lock).await?
                }
            };
            if !granted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn lock_at(&self, place: Id, lock: &Lock) -> Result<bool> {
        match self.asked.lock().tickets.get_mut(&lock.ticket) {
            Some((_, known)) => drop(known.insert(place.node)),
            None => return Err(Error::internal("a lock that nobody asked for").into()),
        }
        let mut silent_since = None;
        loop {
            self.own.set_used();
            match self.ask(place.node, What::Lock(lock.clone())).await {
                Ok(told) => match told.grant() {
                    Grant::Granted => return Ok(true),
                    Grant::Held => return Ok(false),
                    Grant::Waits => {
                        silent_since = None;
                        continue;
                    }
                    Grant::Deadlock => {
                        let error = Error::new(sqlstate::DEADLOCK_DETECTED, "deadlock detected");
                        return Err(error.detail(told.detail).hint("See server log for query details.").into());
                    }
                },
                Err(Unasked::Refused(why)) => {
                    // This node's tenure has ended, or that one is stopping.
                    tracing::debug!(node = %place.node, why, "a lock was refused");
                    if !self.goes_on(self.id(self.own.number())).await? {
                        return Err(kv::Error::Retry(Retry::TooLate).into());
                    }
                    if !self.goes_on(place).await? {
                        return Ok(true);
                    }
                }
                Err(Unasked::Silent) => {
                    let now = self.env.clock.mono();
                    if now - *silent_since.get_or_insert(now) >= PATIENCE {
                        self.end(place).await?;
                        return Ok(true);
                    }
                }
            }
            self.env.clock.sleep(PAUSE).await;
        }
    }

    /// False when a tenure is over.
    async fn goes_on(&self, id: Id) -> Result<bool> {
        let listed = tenure::list(&self.gateway).await?;
        let Some(found) = listed.iter().find(|listed| listed.id == id) else { return Ok(false) };
        if found.ended {
            self.outlast(id, found.until).await?;
        }
        Ok(!found.ended)
    }

    // ---------------------------------------------------------------------------------------------------- definitions

    /// Has other nodes read what a transaction has changed.
    pub async fn tell(&self, others: Vec<Id>, touched: &Touched) -> Result<()> {
        self.tell_all(others, &What::Adopt(Adopt::from(touched))).await.map(drop)
    }

    /// The values of a sequence go on elsewhere.
    pub async fn tell_of_sequence(&self, storage: u32) -> Result<()> {
        let others = self.others().await?;
        self.tell_all(others, &What::Forget(storage)).await.map(drop)
    }

    /// The sessions of other nodes that use a database.
    pub async fn sessions(&self, database: Oid, terminate: bool) -> Result<Vec<Session>> {
        let others = self.others().await?;
        let told = self.tell_all(others, &What::Sessions(Sessions { database: database.0, terminate })).await?;
        Ok(told.into_iter().flat_map(|told| told.sessions).collect())
    }

    /// Asks a session of another node to stop, if there is one.
    pub async fn signal(&self, pid: i32, request: Request) -> Result<()> {
        let others = self.others().await?;
        let signal = Signal { pid, terminate: request == Request::Terminate };
        self.tell_all(others, &What::Signal(signal)).await.map(drop)
    }

    async fn tell_all(&self, others: Vec<Id>, what: &What) -> Result<Vec<Told>> {
        let told = others.into_iter().map(|other| self.tell_one(other, what));
        let told = futures_util::future::join_all(told).await.into_iter();
        told.filter_map(Result::transpose).collect()
    }

    /// The other nodes that may run statements now.
    pub async fn others(&self) -> Result<Vec<Id>> {
        let listed = tenure::list(&self.gateway).await?;
        let others = listed.iter().filter(|other| other.id.node != self.env.node());
        let mut going_on = Vec::new();
        for other in others {
            match other.ended {
                // It may still show what was before.
                true => self.outlast(other.id, other.until).await?,
                false => going_on.push(other.id),
            }
        }
        Ok(going_on)
    }

    /// None: it runs no statements any more, or begins anew.
    async fn tell_one(&self, other: Id, what: &What) -> Result<Option<Told>> {
        let begun = self.env.clock.mono();
        loop {
            match self.ask(other.node, what.clone()).await {
                Ok(told) => return Ok(Some(told)),
                Err(Unasked::Refused(why)) => {
                    tracing::debug!(node = %other.node, why, "what it was told was refused");
                    // Who begins anew reads everything.
                    if !self.goes_on(other).await? {
                        return Ok(None);
                    }
                }
                Err(Unasked::Silent) if self.env.clock.mono() - begun >= PATIENCE => {
                    self.end(other).await?;
                    return Ok(None);
                }
                Err(Unasked::Silent) => {}
            }
            self.env.clock.sleep(PAUSE).await;
        }
    }

    // ------------------------------------------------------------------------------------------------------- messages

    async fn ask(&self, node: NodeId, what: What) -> std::result::Result<Told, Unasked> {
        self.ask_as(self.own.number(), node, what).await
    }

    async fn ask_as(&self, tenure: u64, node: NodeId, what: What) -> std::result::Result<Told, Unasked> {
        let body = Ask { version: VERSION, tenure, what: Some(what) }.encode_to_vec().into();
        let told = self.env.net.call(node, Service::Sql, body, CALL_FOR).await.map_err(|_| Unasked::Silent)?;
        match Told::decode(told) {
            Ok(told) if told.version == VERSION => match told.refused {
                Some(why) => Err(Unasked::Refused(why)),
                None => Ok(told),
            },
            _ => Err(Unasked::Refused(format!("{node} gave an answer that this release can't read"))),
        }
    }

    async fn told(self: &Arc<Self>, from: NodeId, body: Bytes) -> Told {
        let Ok(Ask { version: VERSION, tenure, what: Some(what) }) = Ask::decode(body) else {
            return Told::refusal("a message that this release can't read");
        };
        // What was committed is to be known, by whomever, and asks for nothing.
        if matches!(what, What::Adopt(_) | What::Sessions(_) | What::Signal(_) | What::Forget(_)) {
            return self.answer(from, what).await.unwrap_or_else(Told::refusal);
        }
        let Some(left) = self.strangers.begins(from, tenure) else {
            return Told::refusal("a later tenure of the node has begun");
        };
        if !left.is_empty() {
            let peers = self.clone();
            self.env.tasks.spawn("locks of a tenure that is over", async move { peers.let_go(left).await });
        }
        self.answer(from, what).await.unwrap_or_else(Told::refusal)
    }

    /// Err: why not.
    async fn answer(self: &Arc<Self>, from: NodeId, what: What) -> std::result::Result<Told, String> {
        let node = || self.node().ok_or_else(|| "the node is stopping".to_owned());
        Ok(match what {
            What::Begin(Nothing {}) | What::Locks(Nothing {}) => Told { locks: self.asked_by(from), ..Told::default() },
            What::Lock(lock) => self.strangers.lock(from, &lock).await,
            What::Unlock(ticket) => {
                self.strangers.unlock(from, ticket);
                Told::default()
            }
            What::Adopt(adopt) => {
                let adopted = match adopt.touched() {
                    Some(touched) => node()?.adopt(&touched).await,
                    // From a later release.
                    None => node()?.reload().await,
                };
                adopted.map_err(|failure| failure.into_error().to_string())?;
                Told::default()
            }
            What::Sessions(Sessions { database, terminate }) => {
                let mut sessions = Vec::new();
                for backend in node()?.backends() {
                    let of = backend.activity.lock().clone();
                    if database == 0 || of.database.0 == database {
                        sessions.push(Session { pid: backend.pid, user: of.user.0 });
                        if terminate {
                            backend.signal(Request::Terminate);
                        }
                    }
                }
                Told { sessions, ..Told::default() }
            }
            What::Signal(Signal { pid, terminate }) => {
                if let Some(backend) = node()?.backend(pid) {
                    backend.signal(if terminate { Request::Terminate } else { Request::Cancel });
                }
                Told::default()
            }
            What::Forget(storage) => {
                node()?.sequences.forget(storage);
                Told::default()
            }
        })
    }

    /// A node that has begun anew may have changed definitions before, without having told.
    async fn let_go(&self, left: strangers::Left) {
        while let Some(node) = self.node() {
            let outlasted = async {
                for listed in tenure::list(&self.gateway).await? {
                    if listed.ended {
                        self.outlast(listed.id, listed.until).await?;
                    }
                }
                node.reload().await
            };
            match outlasted.await {
                Ok(()) => break,
                Err(failure) => {
                    let error = failure.into_error();
                    tracing::warn!(%error, "the definitions were not read; locks of a node that is gone stay for now");
                }
            }
            self.env.clock.sleep(PAUSE).await;
        }
        drop(left);
    }

    // --------------------------------------------------------------------------------------------------- in background

    async fn tick(self: &Arc<Self>) {
        let used = self.own.take_used() || self.locks.is_any_held();
        if used && self.own.number() != 0 && self.own.is_due(self.env.clock.mono()) {
            let _turn = self.turn.lock().await;
            if let Err(failure) = self.renew_or_begin().await {
                let error = failure.into_error();
                tracing::debug!(%error, "the tenure was not renewed");
            }
        }
    }

    /// Lets go of what other nodes have forgotten to unlock.
    async fn compare(&self) {
        for (node, number) in self.strangers.nodes() {
            let before = self.strangers.tickets(node);
            match self.ask(node, What::Locks(Nothing {})).await {
                Ok(told) if told.tenure == number => {
                    let named: BTreeSet<u64> = told.locks.iter().map(|lock| lock.ticket).collect();
                    self.strangers.retain(node, &before, &named);
                }
                // It tells when it begins.
                Ok(_) | Err(Unasked::Refused(_)) => {}
                Err(Unasked::Silent) => self.doubt(Id { node, number }).await,
            }
        }
    }

    /// A node with locks here is silent: for how long, its tenure says.
    async fn doubt(&self, id: Id) {
        let ended = async {
            let listed = tenure::list(&self.gateway).await?;
            match listed.iter().find(|listed| listed.id == id) {
                Some(listed) if !listed.ended && listed.until > self.gateway.now() => Ok(()),
                Some(_) => self.end(id).await,
                None => {
                    if let Some(node) = self.node() {
                        node.reload().await?;
                    }
                    self.strangers.drop_all(id.node, id.number);
                    Ok(())
                }
            }
        };
        let ended: Result<()> = ended.await;
        if let Err(failure) = ended {
            let error = failure.into_error();
            tracing::debug!(%error, "whether a silent node still counts could not be found out");
        }
    }
}

async fn look_after(peers: Weak<Peers>) {
    while let Some(held) = peers.upgrade() {
        let clock = held.env.clock.clone();
        held.tick().await;
        drop(held);
        clock.sleep(TICK).await;
    }
}

/// By itself, because it waits for tenures of others to end.
async fn compare(peers: Weak<Peers>) {
    while let Some(held) = peers.upgrade() {
        let clock = held.env.clock.clone();
        held.compare().await;
        drop(held);
        clock.sleep(COMPARE_EVERY).await;
    }
}
