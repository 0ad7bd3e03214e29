//! How a coordinator reaches the ranges: the one thing that `sql` and [`Transaction`](crate::Transaction) know of the
//! cluster. There are two implementations: the router of a node, and the client that speaks to a node over the network.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::Result;
use crate::id::TxnId;
use crate::lock::Strength;
use crate::request::{Answer, Body, Observed, RangeRef, Span};
use crate::timestamp::Timestamp;

/// A [`Get`](crate::request::Get) that nobody has to carry anywhere.
#[derive(Clone, Copy, Debug)]
pub struct GetHere<'a> {
    /// A point.
    pub span: &'a Span,
    pub ts: Timestamp,
    pub txn: TxnId,
    pub observed: &'a [Observed],
    pub exact: bool,
}

/// INVARIANT: `now` is above every timestamp that this sender has seen in a reply, so that whoever begins after an
/// acknowledged commit reads above it. The transaction relies on it for linearizability.
pub trait Sender: Clone + Send + Sync + 'static {
    /// The gateway's hybrid logical clock.
    fn now(&self) -> Timestamp;

    /// The node whose clock `now` is; none for a client outside the cluster.
    fn node(&self) -> Option<u64>;

    fn new_txn_id(&self) -> TxnId;

    /// The range that holds `key`, from the directory's cache. May be out of date: the range itself decides, and answers
    /// [`RangeMoved`](crate::Error::RangeMoved), upon which the caller asks again.
    fn locate(&self, key: &[u8]) -> impl Future<Output = Result<RangeRef>> + Send;

    /// Sends one request to one range and waits for its answer. Retries what certainly was not done (no lease, not
    /// reachable) for a bounded time; never sends again what may have been done.
    fn send(&self, range: &RangeRef, body: Body) -> impl Future<Output = Result<Answer>> + Send;

    /// Answers a get without waiting, if it can be: the range is here and nothing is in the way. Most are answered so, at
    /// a part of the cost of [`send`](Sender::send). None says nothing; the request is to be sent then.
    fn get_here(&self, _get: GetHere<'_>) -> Option<Answer> {
        None
    }

    /// The same for the lock of one row.
    fn lock_here(&self, _txn: TxnId, _key: &Span, _strength: Strength) -> Option<Answer> {
        None
    }

    /// Whether all ranges are on this node, and have been: then no message is under way to another.
    fn is_alone(&self) -> impl Future<Output = Result<bool>> + Send {
        std::future::ready(Ok(false))
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Runs work that nobody waits for: resolving intents after the client has its answer, releasing locks of a dropped
    /// transaction, heartbeats.
    fn detach(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>);
}
