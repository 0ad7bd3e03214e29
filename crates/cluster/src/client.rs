//! A [`Sender`] outside the node: the same requests over the network, for tools and tests, and for other nodes' gateways.
//!
//! INVARIANT: a request whose answer was lost is sent again only if doing it twice is the same as doing it once. A
//! one-range commit is not, nor is the decision to commit, for the copy may come when all trace of the first is gone:
//! their loss is [`Error::Unknown`].

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use atoll_env::net::{self, Service};
use atoll_env::{Env, NodeId};
use atoll_txn::hlc::Hlc;
use atoll_txn::request::{Answer, Body, Decide, RangeRef, ReplyMessage, RequestMessage, WIRE_VERSION};
use atoll_txn::{Error, Result, Sender, Timestamp, TxnId};
use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

/// How long one try may take. A lock that is waited for longer is asked for again.
const TRY_FOR: Duration = Duration::from_secs(5);
/// How long a request is tried in all.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    node: NodeId,
    clock: Hlc,
    /// By start key.
    ranges: Mutex<BTreeMap<Bytes, RangeRef>>,
    number: AtomicU64,
}

impl Client {
    /// A client of the node `node`, which `env.net` knows how to reach.
    pub fn new(env: Env, node: NodeId) -> Client {
        let number = AtomicU64::new(env.entropy.next_u64());
        let inner = Inner { env, node, clock: Hlc::default(), ranges: Mutex::default(), number };
        Client { inner: Arc::new(inner) }
    }

    async fn call(&self, mut request: RequestMessage) -> std::result::Result<ReplyMessage, net::Error> {
        let inner = &self.inner;
        request.version = WIRE_VERSION;
        request.clock = self.now();
        request.number = inner.number.fetch_add(1, Ordering::Relaxed);
        let body = request.encode_to_vec().into();
        let reply = inner.env.net.call(inner.node, Service::Range, body, TRY_FOR).await?;
        match ReplyMessage::decode(reply) {
            Ok(reply) if reply.version == WIRE_VERSION => {
                inner.clock.forward(reply.clock);
                Ok(reply)
            }
            // Not an answer that this release can read; what was done is not known.
            _ => Err(net::Error::Lost),
        }
    }

    fn learn(&self, range: &RangeRef) {
        let mut ranges = self.inner.ranges.lock();
        ranges.retain(|_, known| !known.span.overlaps(&range.span));
        ranges.insert(range.span.start.clone(), range.clone());
    }

    fn forget(&self, range: &RangeRef) {
        self.inner.ranges.lock().retain(|_, known| known.id != range.id);
    }
}

/// Whether doing it twice is the same as doing it once.
fn repeatable(body: &Body) -> bool {
    !matches!(body, Body::Commit(_) | Body::Split(_) | Body::Decide(Decide { commit_ts: Some(_), .. }))
}

fn txn_of(body: &Body) -> TxnId {
    match body {
        Body::Commit(commit) => commit.txn.id,
        Body::Prepare(prepare) => prepare.txn.id,
        Body::Decide(decide) => decide.txn.id,
        _ => TxnId::default(),
    }
}

impl Sender for Client {
    fn now(&self) -> Timestamp {
        self.inner.clock.now(self.inner.env.clock.wall_ns())
    }

    fn node(&self) -> Option<u64> {
        None
    }

    fn new_txn_id(&self) -> TxnId {
        TxnId(self.inner.env.entropy.next_u128())
    }

    async fn locate(&self, key: &[u8]) -> Result<RangeRef> {
        let known = {
            let ranges = self.inner.ranges.lock();
            let before =
                ranges.range::<[u8], _>((std::ops::Bound::Unbounded, std::ops::Bound::Included(key))).next_back();
            before.map(|(_, range)| range.clone()).filter(|range| range.span.contains(key))
        };
        if let Some(range) = known {
            return Ok(range);
        }
        let until = self.inner.env.clock.mono() + PATIENCE;
        loop {
            let request = RequestMessage { locate: Some(Bytes::copy_from_slice(key)), ..RequestMessage::default() };
            match self.call(request).await {
                Ok(ReplyMessage { located: Some(range), .. }) => {
                    self.learn(&range);
                    return Ok(range);
                }
                Ok(ReplyMessage { error: Some(error), .. }) => match Error::from(error) {
                    Error::Unreachable { .. } if self.inner.env.clock.mono() < until => {}
                    error => return Err(error),
                },
                Ok(_) => return Err(Error::Misuse("the node answered something else")),
                Err(_) if self.inner.env.clock.mono() < until => {}
                Err(_) => return Err(Error::Unreachable { range: 0 }),
            }
            self.sleep(PAUSE).await;
        }
    }

    async fn send(&self, range: &RangeRef, body: Body) -> Result<Answer> {
        let until = self.inner.env.clock.mono() + PATIENCE;
        let mut lost = false;
        loop {
            let request = RequestMessage {
                range: range.id,
                generation: range.generation,
                body: Some(body.clone()),
                ..RequestMessage::default()
            };
            let late = self.inner.env.clock.mono() >= until;
            match self.call(request).await {
                Ok(ReplyMessage { reply: Some(reply), node, clock, .. }) => return Ok(Answer { reply, node, clock }),
                Ok(ReplyMessage { error: Some(error), .. }) => match Error::from(error) {
                    Error::RangeMoved { known } => {
                        self.forget(range);
                        known.iter().for_each(|range| self.learn(range));
                        // An earlier copy may have been handled before the range moved.
                        return match lost && !repeatable(&body) {
                            true => Err(Error::Unknown { txn: txn_of(&body) }),
                            false => Err(Error::RangeMoved { known }),
                        };
                    }
                    Error::NotLeaseholder { .. } | Error::Unreachable { .. } if !late => {}
                    error => return Err(error),
                },
                Ok(_) => return Err(Error::Misuse("the node answered something else")),
                Err(net::Error::Unreachable) if !late => {}
                Err(net::Error::Unreachable) if !lost => return Err(Error::Unreachable { range: range.id }),
                Err(net::Error::Lost) if !late && repeatable(&body) => lost = true,
                Err(_) => return Err(Error::Unknown { txn: txn_of(&body) }),
            }
            self.sleep(PAUSE).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.env.clock.sleep(duration).await;
    }

    fn detach(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.inner.env.tasks.spawn("behind the client", work);
    }
}
