//! The node's own [`Sender`]: finds the replica that holds a key and hands it the request.
//!
//! With one node the directory is the set of replicas itself, so it is never out of date for long: between the moment a
//! split is applied and the moment its right half serves, requests for that half wait here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use atoll_env::BoxFuture;
use atoll_txn::lock::Strength;
use atoll_txn::request::{Answer, Body, LockedRows, RangeRef, Reply, Span};
use atoll_txn::sender::GetHere;
use atoll_txn::{Error, Result, Sender, Timestamp, TxnId};

use crate::store::Node;

/// How long a request waits for a range to have a leaseholder.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub struct Router {
    node: Arc<Node>,
}

impl Router {
    pub(crate) fn new(node: Arc<Node>) -> Router {
        Router { node }
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
                    Err(Error::RangeMoved { .. }) => router.sleep(PAUSE).await,
                    answer => return answer,
                }
            }
        })
    }
}

impl Router {
    /// Takes the clock of a message in.
    pub(crate) fn observe(&self, clock: Timestamp) -> Result<()> {
        self.node.clock.observe(clock, self.node.env.clock.wall_ns()).map_err(|_| Error::ClockTooFarAhead)
    }

    /// For callers that try again themselves.
    pub(crate) async fn send_once(&self, range: u64, generation: u64, body: Body) -> Result<Reply> {
        self.node.alive()?;
        match self.node.replica(range) {
            Some(replica) => replica.handle(generation, body).await,
            None => Err(Error::RangeMoved { known: Vec::new() }),
        }
    }

    /// As [`Sender::send`], for requests that are made while another one is handled.
    pub(crate) fn send_within(&self, range: RangeRef, body: Body) -> BoxFuture<'static, Result<Answer>> {
        let router = self.clone();
        Box::pin(async move { router.send(&range, body).await })
    }
}

impl Sender for Router {
    fn now(&self) -> Timestamp {
        self.node.now()
    }

    fn node(&self) -> Option<u64> {
        Some(self.node.id.0)
    }

    fn new_txn_id(&self) -> TxnId {
        TxnId(self.node.env.entropy.next_u128())
    }

    async fn locate(&self, key: &[u8]) -> Result<RangeRef> {
        let until = self.node.env.clock.mono() + PATIENCE;
        loop {
            if let Some(replica) = self.node.replica_for(key) {
                return Ok(replica.published().range_ref());
            }
            self.node.alive()?;
            if self.node.env.clock.mono() >= until {
                return Err(Error::Unreachable { range: 0 });
            }
            self.sleep(PAUSE).await;
        }
    }

    async fn send(&self, range: &RangeRef, body: Body) -> Result<Answer> {
        let until = self.node.env.clock.mono() + PATIENCE;
        loop {
            let Some(replica) = self.node.replica(range.id) else {
                self.node.alive()?;
                return Err(Error::RangeMoved { known: Vec::new() });
            };
            match replica.handle(range.generation, body.clone()).await {
                // Certainly nothing was done, and the lease will come back.
                Err(Error::NotLeaseholder { .. }) if self.node.env.clock.mono() < until => {
                    self.node.alive()?;
                    self.sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(reply) => return Ok(Answer { reply, node: self.node.id.0, clock: self.node.now() }),
            }
        }
    }

    fn get_here(&self, get: GetHere<'_>) -> Option<Answer> {
        let value = self.node.replica_for(&get.span.start)?.get_here(get)?;
        Some(Answer { reply: Reply::Value(value), node: self.node.id.0, clock: self.node.now() })
    }

    fn lock_here(&self, txn: TxnId, key: &Span, strength: Strength) -> Option<Answer> {
        let row = self.node.replica_for(&key.start)?.lock_here(txn, key, strength)?;
        Some(Answer {
            reply: Reply::Locked(LockedRows { rows: vec![row] }),
            node: self.node.id.0,
            clock: self.node.now(),
        })
    }

    async fn sleep(&self, duration: Duration) {
        self.node.env.clock.sleep(duration).await;
    }

    fn detach(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.node.env.tasks.spawn("behind the client", work);
    }
}
