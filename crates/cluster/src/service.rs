//! The node's side of requests that come over the network.
//!
//! INVARIANT: a commit that arrives twice is handled once: run again it would write again. Senders number their requests,
//! and the last numbers of each sender's commits are remembered. A restart forgets them, but also breaks every connection
//! over which a copy could still arrive. Of two copies the second is answered that the outcome is unknown, for it may be
//! the one whose answer is heard.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use atoll_env::net::Service;
use atoll_env::{NodeId, fault};
use atoll_txn::request::{Body, ErrorMessage, ReplyMessage, RequestMessage, WIRE_VERSION};
use atoll_txn::{Error, Result, Sender};
use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

use crate::recent::Recent;
use crate::router::Router;
use crate::store::{Node, USERS};

const REMEMBERED: usize = 4096;
/// Senders whose numbers are remembered; the longest silent one is forgotten first.
const SENDERS_MAX: usize = 1024;

#[derive(Default)]
struct Seen {
    senders: BTreeMap<NodeId, Recent<u64>>,
    order: VecDeque<NodeId>,
}

impl Seen {
    /// Whether this number is new.
    fn first_time(&mut self, from: NodeId, number: u64) -> bool {
        if !self.senders.contains_key(&from) {
            self.order.push_back(from);
            if self.order.len() > SENDERS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.senders.remove(&oldest);
            }
        }
        self.senders.entry(from).or_insert_with(|| Recent::new(REMEMBERED)).insert(number)
    }
}

/// Answers range requests of the network from now on.
pub(crate) fn serve(node: &Arc<Node>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let router = Router::new(node.clone());
    let faults = node.env.faults.clone();
    let node = Arc::downgrade(node);
    node.upgrade().expect("held by the caller").env.net.serve(Service::Range, move |from, body| {
        let (seen, router, node, faults) = (seen.clone(), router.clone(), node.clone(), faults.clone());
        Box::pin(async move {
            faults.delay_here(fault::DELAY_REQUEST).await;
            let result = answer(&seen, &router, from, body).await;
            let Some(node) = node.upgrade() else { return Bytes::new() };
            let mut message = match result {
                Ok(message) => message,
                Err(error) => ReplyMessage { error: Some(ErrorMessage::from(&error)), ..ReplyMessage::default() },
            };
            message.version = WIRE_VERSION;
            message.node = node.id.0;
            message.clock = node.now();
            message.encode_to_vec().into()
        })
    });
}

async fn answer(seen: &Mutex<Seen>, router: &Router, from: NodeId, body: Bytes) -> Result<ReplyMessage> {
    let request =
        RequestMessage::decode(body).map_err(|_| Error::Misuse("the request is not in a form that this node knows"))?;
    if request.version != WIRE_VERSION {
        return Err(Error::Misuse("the request has a version that this node does not know"));
    }
    router.observe(request.clock)?;
    if let Some(key) = &request.locate {
        let located = match router.known_whole(key) {
            Some(located) => located,
            // Of the system's keys only those who have them know; asking on could go in circles.
            None if key[..] < *USERS => return Err(Error::Unreachable { range: 0 }),
            None => {
                router.locate(key).await?;
                router.known_whole(key).ok_or(Error::Unreachable { range: 0 })?
            }
        };
        return Ok(ReplyMessage { located: Some(located), ..ReplyMessage::default() });
    }
    let body = request.body.ok_or(Error::Misuse("the request asks nothing"))?;
    if let Body::Commit(commit) = &body
        && !seen.lock().first_time(from, request.number)
    {
        return Err(Error::Unknown { txn: commit.txn.id });
    }
    let within = match request.within_ms {
        0 => Duration::from_secs(3600),
        within_ms => Duration::from_millis(within_ms),
    };
    let reply = router.handle_here(request.range, request.generation, body, within).await?;
    Ok(ReplyMessage { reply: Some(reply), ..ReplyMessage::default() })
}
