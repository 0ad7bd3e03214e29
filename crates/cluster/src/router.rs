//! The [`Sender`]: finds the replica that serves a key, here or on another node, and hands it the request.
//!
//! ```text
//!   locate   a replica here ▷ the map ▷ (system keys, clients) asking the other nodes
//!                                     ▷ (users' keys) the directory
//!   send     the replica here ▷ the leaseholder, as far as known ▷ one replica after the other
//! ```
//! On a node it has that node as its home. Tools, tests and other processes have one without: the same requests over
//! the network.
//!
//! Between the moment a split is applied and the moment its right half serves, requests for that half wait here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use atoll_env::{BoxFuture, Env, Mono, NodeId};
use atoll_txn::hlc::Hlc;
use atoll_txn::lock::Strength;
use atoll_txn::request::{Answer, Body, Located, LockedRows, RangeRef, Reply, Span};
use atoll_txn::sender::GetHere;
use atoll_txn::{Error, Result, Sender, Timestamp, TxnId};

use crate::reach::{Reach, Tried, repeatable, txn_of};
use crate::store::{Node, USERS};
use crate::{directory, members};

/// How long a request waits for a range to have a leaseholder that can be reached.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between tries here, and over the network.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_REMOTE: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub struct Router {
    env: Env,
    home: Option<Arc<Node>>,
    reach: Arc<Reach>,
}

impl Router {
    pub(crate) fn new(node: Arc<Node>) -> Router {
        Router { env: node.env.clone(), reach: node.reach.clone(), home: Some(node) }
    }

    /// Of a process that is no node, by way of nodes that `env.net` knows how to reach.
    pub fn outside(env: Env, contacts: Vec<NodeId>) -> Router {
        let reach = Arc::new(Reach::new(&env, Arc::new(Hlc::default()), contacts));
        Router { env, home: None, reach }
    }

    /// Sends to whichever range holds the key that the body names. For requests that may be sent anew when a range
    /// refuses them because it has moved.
    ///
    /// Boxed, because a request may need other requests for its answer.
    pub fn send_to(&self, body: Body) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send>> {
        let router = self.clone();
        Box::pin(async move {
            let key = body.route().map(<[u8]>::to_vec).unwrap_or_default();
            loop {
                let range = router.locate(&key).await?;
                match router.send(&range, body.clone()).await {
                    Err(Error::RangeMoved { .. }) => {}
                    answer => return answer,
                }
            }
        })
    }

    /// As [`Sender::send`], for requests that are made while another one is handled.
    pub(crate) fn send_within(&self, range: RangeRef, body: Body) -> BoxFuture<'static, Result<Answer>> {
        let router = self.clone();
        Box::pin(async move { router.send(&range, body).await })
    }

    /// The nodes that have the range of a key, as far as this one knows; for people and tests.
    pub fn replicas_of(&self, key: &[u8]) -> Vec<NodeId> {
        self.known_whole(key).into_iter().flat_map(|located| located.replicas).map(NodeId).collect()
    }

    /// Takes the clock of a message in.
    pub(crate) fn observe(&self, clock: Timestamp) -> Result<()> {
        self.reach.clock.observe(clock, self.env.clock.wall_ns()).map_err(|_| Error::ClockTooFarAhead)
    }

    /// Answers a request of another node, which tries again itself.
    pub(crate) async fn handle_here(&self, range: u64, generation: u64, body: Body, within: Duration) -> Result<Reply> {
        let home = self.home.as_ref().ok_or(Error::RangeMoved { known: Vec::new() })?;
        home.alive()?;
        match home.replica(range) {
            Some(replica) => {
                // Whoever asked has given up by then, and a lock that is granted to nobody keeps others waiting.
                let gone = unanswered(range, &body);
                let handled = self.env.clock.timeout(within, replica.handle(generation, body)).await;
                handled.unwrap_or(Err(gone))
            }
            None => Err(Error::RangeMoved { known: Vec::new() }),
        }
    }

    /// What is known of where a key is, without asking anybody.
    fn known(&self, key: &[u8]) -> Option<RangeRef> {
        let here = self.home.as_ref().and_then(|node| node.replica_for(key));
        let here = here.map(|replica| replica.published().range_ref());
        let map = self.reach.map.lock();
        match (here, map.find(key)) {
            // A replica here may be behind, or no longer one.
            (Some(here), Some(known)) if known.range.generation > here.generation => Some(known.range.clone()),
            (Some(here), _) => Some(here),
            (None, known) => known.map(|known| known.range.clone()),
        }
    }

    /// The same with its replicas, for others who ask.
    pub(crate) fn known_whole(&self, key: &[u8]) -> Option<Located> {
        let here = self.home.as_ref().and_then(|node| node.replica_for(key)).map(|replica| replica.located());
        let map = self.reach.map.lock();
        match (here, map.find(key)) {
            (Some(here), Some(known)) if known.range.generation > here.range.generation => Some(known.clone()),
            (Some(here), _) => Some(here),
            (None, known) => known.cloned(),
        }
    }

    /// Whom to ask next for a range.
    fn target(&self, range: u64, turn: usize) -> Option<NodeId> {
        let map = self.reach.map.lock();
        let (holder, replicas) = match map.get(range) {
            Some(known) => (known.holder, known.replicas.clone()),
            None => {
                let located = self.home.as_ref()?.replica(range)?.located();
                (0, located.replicas)
            }
        };
        let suspect = |node: &NodeId| self.reach.is_suspect(*node);
        let holder = Some(NodeId(holder)).filter(|holder| holder.0 != 0 && turn == 0 && !suspect(holder));
        if holder.is_some() {
            return holder;
        }
        let mut replicas: Vec<NodeId> = replicas.into_iter().map(NodeId).collect();
        if replicas.iter().any(|node| !suspect(node)) {
            replicas.retain(|node| !suspect(node));
        }
        replicas.get(turn % replicas.len().max(1)).copied()
    }

    async fn try_at(&self, to: NodeId, range: &RangeRef, body: &Body, lost: u32) -> Tried {
        let Some(home) = self.home.as_ref().filter(|home| home.id == to) else {
            return self.reach.try_at(to, range, body, lost).await;
        };
        let Some(replica) = home.replica(range.id) else {
            return Tried::Refused(Error::RangeMoved { known: Vec::new() });
        };
        match replica.handle(range.generation, body.clone()).await {
            Ok(reply) => Tried::Answered(self.answer(home, reply)),
            Err(error) => Tried::Refused(error),
        }
    }

    fn answer(&self, home: &Node, reply: Reply) -> Answer {
        Answer { reply, node: home.id.0, clock: home.now() }
    }

    /// Asks one replica after the other until one has answered, or certainly none will.
    async fn send_anywhere(&self, range: &RangeRef, body: Body, leader: Option<u64>) -> Result<Answer> {
        let until = self.env.clock.mono() + PATIENCE;
        // How many answers were.
        let mut lost = 0;
        let mut turn = 0;
        if let Some(leader) = leader {
            self.reach.map.lock().holds(range.id, NodeId(leader));
        }
        let mut next = leader.map(NodeId);
        loop {
            if let Some(home) = &self.home {
                home.alive()?;
            }
            let Some(to) = next.take().or_else(|| self.target(range.id, turn)) else {
                return Err(self.moved(range, Vec::new(), lost > 0, &body).await);
            };
            let late = self.env.clock.mono() >= until;
            let tried = self.try_at(to, range, &body, lost).await;
            if matches!(&tried, Tried::Unreachable | Tried::Lost | Tried::Refused(Error::Stopped { .. })) {
                self.reach.map.lock().lost(range.id, to);
            }
            match tried {
                Tried::Answered(answer) => {
                    self.reach.map.lock().holds(range.id, to);
                    return Ok(answer);
                }
                Tried::Refused(Error::RangeMoved { known }) => {
                    return Err(self.moved(range, known, lost > 0, &body).await);
                }
                // Certainly nothing was done, and the lease will come back or be somebody else's.
                Tried::Refused(Error::NotLeaseholder { leader, .. }) if !late => {
                    next = leader.map(NodeId).filter(|leader| *leader != to);
                    if next.is_none() {
                        turn += 1;
                    }
                }
                // It has stopped; others may go on. This one's own end was looked for above.
                Tried::Refused(Error::Stopped { .. }) | Tried::Unreachable if !late => turn += 1,
                Tried::Refused(error) => return Err(error),
                Tried::Unreachable if lost == 0 => return Err(Error::Unreachable { range: range.id }),
                Tried::Lost if !late && repeatable(&body) => (lost, turn) = (lost + 1, turn + 1),
                Tried::Unreachable | Tried::Lost => return Err(Error::Unknown { txn: txn_of(&body) }),
            }
            let here = self.home.as_ref().is_some_and(|home| home.id == to);
            if next.is_none() {
                self.sleep(if here { PAUSE } else { PAUSE_REMOTE }).await;
            }
        }
    }

    /// Learns what a range said of where its keys are now, and waits where the sender may ask the same again: only
    /// generations that rise lead to an end of the search.
    async fn moved(&self, range: &RangeRef, known: Vec<Located>, lost: bool, body: &Body) -> Error {
        {
            let mut map = self.reach.map.lock();
            map.forget(range.id);
            known.iter().for_each(|located| map.learn(located.clone()));
        }
        if !take_its_place(range, &known) {
            self.sleep(PAUSE).await;
        }
        // An earlier copy may have been handled before the range moved.
        match lost && !repeatable(body) {
            true => Error::Unknown { txn: txn_of(body) },
            false => Error::RangeMoved { known },
        }
    }

    /// Looks for a range of which nothing is known.
    async fn look_up(&self, key: &[u8], until: Mono) -> Result<RangeRef> {
        loop {
            let found = match &self.home {
                Some(home) => {
                    home.alive()?;
                    match key < USERS {
                        true => self.reach.ask_where(key).await,
                        false => directory::find(self, key).await,
                    }
                }
                None => self.reach.ask_where(key).await,
            };
            match found {
                Ok(located) if located.range.span.contains(key) => {
                    let range = located.range.clone();
                    self.reach.map.lock().learn(located);
                    return Ok(range);
                }
                Ok(_) | Err(Error::Unreachable { .. }) => {}
                Err(error) => return Err(error),
            }
            if let Some(range) = self.known(key) {
                return Ok(range);
            }
            if self.env.clock.mono() >= until {
                return Err(Error::Unreachable { range: 0 });
            }
            self.sleep(PAUSE).await;
        }
    }
}

/// Are newer ranges known for all that a range held?
fn take_its_place(range: &RangeRef, known: &[Located]) -> bool {
    let newer = || known.iter().map(|located| &located.range).filter(|newer| newer.generation > range.generation);
    let mut key = range.span.start.clone();
    while let Some(next) = newer().find(|newer| newer.span.contains(&key)) {
        if next.span.end.is_empty() || (!range.span.end.is_empty() && next.span.end >= range.span.end) {
            return true;
        }
        key = next.span.end.clone();
    }
    false
}

/// What a request that took too long has come to.
fn unanswered(range: u64, body: &Body) -> Error {
    match repeatable(body) {
        true => Error::NotLeaseholder { range, leader: None },
        false => Error::Unknown { txn: txn_of(body) },
    }
}

impl Sender for Router {
    fn now(&self) -> Timestamp {
        self.reach.now()
    }

    fn node(&self) -> Option<u64> {
        self.home.as_ref().map(|home| home.id.0)
    }

    fn new_txn_id(&self) -> TxnId {
        TxnId(self.env.entropy.next_u128())
    }

    async fn locate(&self, key: &[u8]) -> Result<RangeRef> {
        match self.known(key) {
            Some(range) => Ok(range),
            None => Box::pin(self.look_up(key, self.env.clock.mono() + PATIENCE)).await,
        }
    }

    async fn send(&self, range: &RangeRef, body: Body) -> Result<Answer> {
        let mut leader = None;
        if let Some(home) = &self.home
            && let Some(replica) = home.replica(range.id)
        {
            // Without a quorum a write has no end, and nobody can say which one it will have.
            let handled = match replica.is_served_alone() {
                true => replica.handle(range.generation, body.clone()).await,
                false => {
                    let handling = self.env.clock.timeout(PATIENCE, replica.handle(range.generation, body.clone()));
                    Box::pin(handling).await.unwrap_or_else(|_| Err(unanswered(range.id, &body)))
                }
            };
            match handled {
                Err(Error::NotLeaseholder { leader: named, .. }) => {
                    home.alive()?;
                    leader = named;
                }
                Err(Error::RangeMoved { known }) => return Err(self.moved(range, known, false, &body).await),
                Err(error) => return Err(error),
                Ok(reply) => return Ok(self.answer(home, reply)),
            }
        }
        Box::pin(self.send_anywhere(range, body, leader)).await
    }

    fn get_here(&self, get: GetHere<'_>) -> Option<Answer> {
        let home = self.home.as_ref()?;
        let value = home.replica_for(&get.span.start)?.get_here(get)?;
        Some(self.answer(home, Reply::Value(value)))
    }

    fn lock_here(&self, txn: TxnId, key: &Span, strength: Strength) -> Option<Answer> {
        let home = self.home.as_ref()?;
        let row = home.replica_for(&key.start)?.lock_here(txn, key, strength)?;
        Some(self.answer(home, Reply::Locked(LockedRows { rows: vec![row] })))
    }

    async fn is_alone(&self) -> Result<bool> {
        match &self.home {
            Some(_) => members::is_only_one(self).await,
            None => Ok(false),
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.env.clock.sleep(duration).await;
    }

    fn detach(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.env.tasks.spawn("behind the client", work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_ranges_without_a_gap_take_the_place_of_one() {
        let range = |id, generation, start: &'static str, end: &'static str| RangeRef {
            id,
            generation,
            span: Span::new(start, end),
        };
        let located = |range| Located { range, replicas: vec![1], holder: 1, lease: 1 };
        let take = |of: RangeRef, known: Vec<RangeRef>| {
            take_its_place(&of, &known.into_iter().map(located).collect::<Vec<_>>())
        };
        let whole = || range(1, 0, "", "");
        assert!(!take(whole(), vec![]));
        assert!(!take(whole(), vec![range(1, 1, "", "m")]), "its right half is not there yet");
        assert!(take(whole(), vec![range(1, 1, "", "m"), range(2, 1, "m", "")]));
        assert!(!take(whole(), vec![range(1, 1, "", "m"), range(2, 1, "m", "t")]));
        assert!(!take(whole(), vec![range(1, 0, "", "")]), "it says nothing new");
        assert!(take(range(2, 1, "b", "m"), vec![range(1, 2, "a", "n")]), "a merge");
    }
}
