//! Requests to ranges of other nodes: whom to ask, and what may be asked again.
//!
//! INVARIANT: a request whose answer was lost is sent again only if doing it twice is the same as doing it once. A
//! one-range commit is not, nor is the decision to commit, for the copy may come when all trace of the first is gone:
//! their loss is [`Error::Unknown`].

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use atoll_env::net::{self, Service};
use atoll_env::{Env, Mono, NodeId};
use atoll_txn::hlc::Hlc;
use atoll_txn::request::{Answer, Body, Decide, Located, RangeRef, ReplyMessage, RequestMessage, WIRE_VERSION};
use atoll_txn::{Error, Result, Timestamp, TxnId};
use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

use crate::map::Map;

/// How long one try may take. A lock that is waited for longer is asked for again.
const TRY_FOR: Duration = Duration::from_secs(5);
/// What waits for nobody is asked again sooner, with more time each time.
const SHORT_TRY_FOR: Duration = Duration::from_secs(1);
/// A node that was silent for longer may have died, or hang.
const SUSPECT_AFTER: Duration = Duration::from_millis(1500);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Where a range is, is asked of one after the other.
const LOCATE_FOR: Duration = Duration::from_secs(1);

pub(crate) struct Reach {
    env: Env,
    pub clock: Arc<Hlc>,
    pub map: Mutex<Map>,
    /// Whom to ask where a range is.
    contacts: Mutex<Vec<NodeId>>,
    /// Whom of them next.
    turn: AtomicU64,
    number: AtomicU64,
    /// When other nodes were heard of last, of those that are asked for signs of life.
    heard: Mutex<BTreeMap<NodeId, Mono>>,
}

/// How one try ended.
pub(crate) enum Tried {
    Answered(Answer),
    /// Certainly nothing was done.
    Refused(Error),
    Unreachable,
    /// It may have been done, or may yet be.
    Lost,
}

impl Reach {
    pub fn new(env: &Env, clock: Arc<Hlc>, contacts: Vec<NodeId>) -> Reach {
        Reach {
            env: env.clone(),
            clock,
            map: Mutex::default(),
            contacts: Mutex::new(contacts),
            turn: AtomicU64::new(0),
            number: AtomicU64::new(env.entropy.next_u64()),
            heard: Mutex::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now(self.env.clock.wall_ns())
    }

    pub fn set_contacts(&self, contacts: Vec<NodeId>) {
        *self.contacts.lock() = contacts;
    }

    /// A node gave a sign of life.
    pub fn hear(&self, node: NodeId) {
        let now = self.env.clock.mono();
        self.heard.lock().insert(node, now);
    }

    pub fn heard(&self, node: NodeId) -> Option<Mono> {
        self.heard.lock().get(&node).copied()
    }

    /// It has given no sign of life lately, so that others are asked first, and its answers are no longer waited for.
    pub fn is_suspect(&self, node: NodeId) -> bool {
        self.heard(node).is_some_and(|heard| self.env.clock.mono() - heard >= SUSPECT_AFTER)
    }

    async fn call(
        &self,
        to: NodeId,
        mut request: RequestMessage,
        within: Duration,
    ) -> std::result::Result<ReplyMessage, net::Error> {
        request.version = WIRE_VERSION;
        request.clock = self.now();
        request.number = self.number.fetch_add(1, Ordering::Relaxed);
        request.within_ms = within.as_millis() as u64;
        let mut reply = pin!(self.env.net.call(to, Service::Range, request.encode_to_vec().into(), within));
        let reply = loop {
            match self.env.clock.timeout(LOOK_EVERY, &mut reply).await {
                Ok(reply) => break reply?,
                Err(_) if self.is_suspect(to) => return Err(net::Error::Lost),
                Err(_) => {}
            }
        };
        match ReplyMessage::decode(reply) {
            Ok(reply) if reply.version == WIRE_VERSION => {
                self.clock.forward(reply.clock);
                Ok(reply)
            }
            // Not an answer that this release can read; what was done is not known.
            _ => Err(net::Error::Lost),
        }
    }

    /// Sends a request to the replica of a range on another node, once. `lost`: how many answers were lost before.
    pub async fn try_at(&self, to: NodeId, range: &RangeRef, body: &Body, lost: u32) -> Tried {
        let request = RequestMessage {
            range: range.id,
            generation: range.generation,
            body: Some(body.clone()),
            ..RequestMessage::default()
        };
        let waits = !repeatable(body) || matches!(body, Body::Lock(_) | Body::Push(_));
        let within = if waits { TRY_FOR } else { SHORT_TRY_FOR * 2u32.saturating_pow(lost.min(4)) };
        match self.call(to, request, within).await {
            Ok(ReplyMessage { reply: Some(reply), node, clock, .. }) => Tried::Answered(Answer { reply, node, clock }),
            Ok(ReplyMessage { error: Some(error), .. }) => Tried::Refused(Error::from(error)),
            Ok(_) => Tried::Refused(Error::Misuse("the node answered something else")),
            Err(net::Error::Unreachable) => Tried::Unreachable,
            Err(net::Error::Lost) => Tried::Lost,
        }
    }

    /// Asks the next of the contacts where a key is.
    pub async fn ask_where(&self, key: &[u8]) -> Result<Located> {
        let contact = {
            let contacts = self.contacts.lock();
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
            contacts.get(turn % contacts.len().max(1)).copied()
        };
        let contact = contact.ok_or(Error::Unreachable { range: 0 })?;
        let request = RequestMessage { locate: Some(Bytes::copy_from_slice(key)), ..RequestMessage::default() };
        match self.call(contact, request, LOCATE_FOR).await {
            Ok(ReplyMessage { located: Some(located), .. }) => {
                self.map.lock().learn(located.clone());
                Ok(located)
            }
            Ok(ReplyMessage { error: Some(error), .. }) => Err(Error::from(error)),
            Ok(_) => Err(Error::Misuse("the node answered something else")),
            Err(_) => Err(Error::Unreachable { range: 0 }),
        }
    }
}

/// Whether doing it twice is the same as doing it once.
pub(crate) fn repeatable(body: &Body) -> bool {
    !matches!(body, Body::Commit(_) | Body::Split(_) | Body::Decide(Decide { commit_ts: Some(_), .. }))
}

pub(crate) fn txn_of(body: &Body) -> TxnId {
    match body {
        Body::Commit(commit) => commit.txn.id,
        Body::Prepare(prepare) => prepare.txn.id,
        Body::Decide(decide) => decide.txn.id,
        _ => TxnId::default(),
    }
}
