//! The simulated network: each message has a fate of its own.
//!
//! ```text
//! caller ── request ──▶ target ── handler ──▶ answer ── ▶ caller
//!             │ lost, doubled      │ crashed     │ lost
//! ```
//! A request belongs to the incarnation that was up when it was sent; the next one never sees it. Messages are tasks of
//! the world, not of a node: what is on the wire outlives its sender.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Incarnation, World, world::rest};
use crate::{
    NodeId, Tasks,
    net::{Error, Handler},
    rng::Rng,
};

/// How the network behaves.
#[derive(Clone, Debug)]
pub struct NetOptions {
    /// Usual time of a message in one direction, in microseconds.
    pub latency_us: std::ops::Range<u64>,
    /// Chance of a message to take up to [`NetOptions::tail_us`].
    pub tail: f64,
    pub tail_us: u64,
    /// Chance of a request, and of an answer, to be lost.
    pub loss: f64,
    /// Chance of a request to arrive twice.
    pub duplicate: f64,
}

impl Default for NetOptions {
    fn default() -> NetOptions {
        NetOptions { latency_us: 200..15_000, tail: 0.01, tail_us: 300_000, loss: 0.005, duplicate: 0.005 }
    }
}

impl NetOptions {
    /// Nothing gets lost or doubled, and every message takes well under a millisecond.
    pub fn calm() -> NetOptions {
        NetOptions { latency_us: 100..800, tail: 0.0, tail_us: 0, loss: 0.0, duplicate: 0.0 }
    }

    fn latency_us(&self, rng: &mut Rng) -> std::ops::Range<u64> {
        let us = if rng.chance(self.tail) {
            rng.below(self.tail_us.max(1))
        } else if rng.chance(0.8) {
            // Most messages are in the fastest quarter.
            let quarter = (self.latency_us.end - self.latency_us.start) / 4;
            rng.range(self.latency_us.start..self.latency_us.start + quarter.max(1))
        } else {
            rng.range(self.latency_us.clone())
        };
        us..us + 1
    }
}

pub(super) struct NetState {
    pub rng: Rng,
    pub options: NetOptions,
    /// Directions in which nothing passes.
    blocked: BTreeSet<(NodeId, NodeId)>,
    requests: u64,
}

impl NetState {
    pub(super) fn new(seed: u64, options: NetOptions) -> NetState {
        NetState { rng: Rng::stream(seed, "net"), options, blocked: BTreeSet::new(), requests: 0 }
    }

    fn passes(&self, from: NodeId, to: NodeId) -> bool {
        !self.blocked.contains(&(from, to))
    }
}

/// What the caller learns.
enum Outcome {
    Answer(Bytes),
    /// The request certainly came to nothing, and the caller hears of it.
    Refused,
    /// The connection broke and the caller hears of it.
    Broken,
    /// The caller hears nothing.
    Silence,
}

struct Request {
    number: u64,
    from: NodeId,
    service: u8,
    body: Bytes,
}

impl Incarnation {
    pub(crate) fn net_serve(&self, service: u8, handler: Handler) {
        let replaced = self.services.lock().insert(service, handler);
        drop(replaced);
    }

    pub(crate) async fn net_call(
        self: &Arc<Self>,
        to: NodeId,
        service: u8,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, Error> {
        self.while_alive().await;
        let world = &self.world;
        let from = self.node;
        let number = {
            let mut state = world.lock();
            state.net.requests += 1;
            state.net.requests
        };
        world.note("net.request", &[number, from.0, to.0, u64::from(service), u64::from(crc32c::crc32c(&body))]);
        let request = Request { number, from, service, body };
        let (sender, outcome) = oneshot::channel();
        // The wire's part goes on when the caller gives up.
        let wire = carry(world.clone(), self.clone(), to, request, sender);
        drop(tokio::spawn(wire));
        let waiting = async {
            match outcome.await {
                Ok(Outcome::Answer(body)) => Ok(body),
                Ok(Outcome::Refused) => Err(Error::Unreachable),
                Ok(Outcome::Broken) | Err(_) => Err(Error::Lost),
                Ok(Outcome::Silence) => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            biased;
            result = waiting => result,
            () = self.sleep(timeout) => Err(Error::Lost),
        };
        self.while_alive().await;
        let told = match &result {
            Ok(body) => u64::from(crc32c::crc32c(body)),
            Err(Error::Unreachable) => u64::MAX,
            Err(Error::Lost) => u64::MAX - 1,
        };
        world.note("net.result", &[number, told]);
        result
    }
}

/// Takes a request to its target and the outcome back.
async fn carry(world: World, caller: Arc<Incarnation>, to: NodeId, request: Request, sender: oneshot::Sender<Outcome>) {
    let outcome = deliver(&world, &caller, to, request).await;
    // Fails if the caller has given up.
    drop(sender.send(outcome));
}

async fn deliver(world: &World, caller: &Arc<Incarnation>, to: NodeId, request: Request) -> Outcome {
    let from = request.from;
    if to == from {
        let outcome = handle(caller, request, Error::Lost).await;
        tokio::task::yield_now().await;
        return outcome;
    }
    let target = world.running(to);
    let (latency, back, lost, twice) = {
        let NetState { rng, options, .. } = &mut world.lock().net;
        let (latency, back) = (options.latency_us(rng), options.latency_us(rng));
        let (latency, back) = (rest(rng, latency), rest(rng, back));
        let twice = rng.chance(options.duplicate).then(|| options.latency_us(rng)).map(|us| rest(rng, us));
        (latency, back, rng.chance(options.loss), twice)
    };
    let Some(target) = target else {
        latency.await;
        world.bit("net.dead_target");
        return undelivered(world, 0.5);
    };
    if lost {
        world.bit("net.request_lost");
        return Outcome::Silence;
    }
    if !world.lock().net.passes(from, to) {
        latency.await;
        world.bit("net.partitioned");
        return undelivered(world, 0.2);
    }
    let doubled = twice.is_some();
    if let Some(latency) = twice {
        world.bit("net.request_twice");
        let copy = Request { body: request.body.clone(), ..request };
        let (world, target) = (world.clone(), target.clone());
        drop(tokio::spawn(async move {
            latency.await;
            if target.is_alive() && world.lock().net.passes(from, to) {
                handle(&target, copy, Error::Lost).await;
            }
        }));
    }
    latency.await;
    if !target.is_alive() {
        world.bit("net.dead_target");
        return broken(world);
    }
    if !world.lock().net.passes(from, to) {
        world.bit("net.partitioned");
        return broken(world);
    }
    world.note("net.deliver", &[request.number, to.0]);
    // The copy may be handled after this one finds nobody; then it isn't certain that nothing happens.
    let unserved = if doubled { Error::Lost } else { Error::Unreachable };
    let outcome = handle(&target, request, unserved).await;
    if matches!(outcome, Outcome::Broken) {
        world.bit("net.crash_in_request");
        return broken(world);
    }
    back.await;
    let mut state = world.lock();
    let passes = state.net.passes(to, from);
    let NetState { rng, options, .. } = &mut state.net;
    let lost = rng.chance(options.loss);
    drop(state);
    if !passes {
        world.bit("net.partitioned");
        return broken(world);
    }
    if lost {
        world.bit("net.answer_lost");
        return Outcome::Silence;
    }
    outcome
}

/// Never delivered: the caller is told so with the given chance.
fn undelivered(world: &World, told: f64) -> Outcome {
    if world.lock().net.rng.chance(told) { Outcome::Refused } else { Outcome::Silence }
}

/// Perhaps delivered: the caller sees its connection break, or nothing.
fn broken(world: &World) -> Outcome {
    if world.lock().net.rng.chance(0.5) { Outcome::Broken } else { Outcome::Silence }
}

/// Lets the target handle the request, as a task of its own. Broken if the target crashed meanwhile.
async fn handle(target: &Arc<Incarnation>, request: Request, unserved: Error) -> Outcome {
    let Request { from, service, body, .. } = request;
    let handler = target.services.lock().get(&service).cloned();
    let Some(handler) = handler else {
        return if unserved == Error::Unreachable { Outcome::Refused } else { Outcome::Silence };
    };
    let Some(group) = target.group() else {
        return Outcome::Broken;
    };
    let tasks = Tasks::sim(group);
    match tasks.spawn("net.request", async move { handler(from, body).await }).await {
        Ok(answer) => Outcome::Answer(answer),
        Err(_) => Outcome::Broken,
    }
}

impl World {
    pub fn set_net(&self, options: NetOptions) {
        self.lock().net.options = options;
    }

    /// Lets no message pass from `a` to `b`, and none from `b` to `a` either unless `one_way`. Messages on the way are
    /// stopped too.
    pub fn partition(&self, a: NodeId, b: NodeId, one_way: bool) {
        self.trace("net.partition", format_args!("{a} {b} {one_way}"));
        let mut state = self.lock();
        state.net.blocked.insert((a, b));
        if !one_way {
            state.net.blocked.insert((b, a));
        }
    }

    /// Cuts one node off from all of these others.
    pub fn isolate(&self, node: NodeId, others: &[NodeId]) {
        others.iter().filter(|other| **other != node).for_each(|other| self.partition(node, *other, false));
    }

    /// Ends all partitions.
    pub fn heal_all(&self) {
        self.trace("net.heal", "");
        self.lock().net.blocked.clear();
    }
}
