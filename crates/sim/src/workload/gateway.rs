//! How a client reaches the ranges: on the node itself, or from elsewhere over the network.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use atoll_cluster::Router;
use atoll_cluster::client::Client;
use atoll_txn::lock::Strength;
use atoll_txn::request::{Answer, Body, RangeRef, Span};
use atoll_txn::sender::GetHere;
use atoll_txn::{Result, Sender, Timestamp, TxnId};

#[derive(Clone)]
pub enum Gateway {
    /// Dies with the node.
    Here(Router),
    /// Lives on when the node dies, and its transactions with it.
    There(Client),
}

impl Sender for Gateway {
    fn now(&self) -> Timestamp {
        match self {
            Gateway::Here(router) => router.now(),
            Gateway::There(client) => client.now(),
        }
    }

    fn node(&self) -> Option<u64> {
        match self {
            Gateway::Here(router) => router.node(),
            Gateway::There(client) => client.node(),
        }
    }

    fn new_txn_id(&self) -> TxnId {
        match self {
            Gateway::Here(router) => router.new_txn_id(),
            Gateway::There(client) => client.new_txn_id(),
        }
    }

    async fn locate(&self, key: &[u8]) -> Result<RangeRef> {
        match self {
            Gateway::Here(router) => router.locate(key).await,
            Gateway::There(client) => client.locate(key).await,
        }
    }

    async fn send(&self, range: &RangeRef, body: Body) -> Result<Answer> {
        match self {
            Gateway::Here(router) => router.send(range, body).await,
            Gateway::There(client) => client.send(range, body).await,
        }
    }

    fn get_here(&self, get: GetHere<'_>) -> Option<Answer> {
        match self {
            Gateway::Here(router) => router.get_here(get),
            Gateway::There(client) => client.get_here(get),
        }
    }

    fn lock_here(&self, txn: TxnId, key: &Span, strength: Strength) -> Option<Answer> {
        match self {
            Gateway::Here(router) => router.lock_here(txn, key, strength),
            Gateway::There(client) => client.lock_here(txn, key, strength),
        }
    }

    async fn sleep(&self, duration: Duration) {
        match self {
            Gateway::Here(router) => router.sleep(duration).await,
            Gateway::There(client) => client.sleep(duration).await,
        }
    }

    fn detach(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        match self {
            Gateway::Here(router) => router.detach(work),
            Gateway::There(client) => client.detach(work),
        }
    }
}
