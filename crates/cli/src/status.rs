//! `atoll status`: what a running node says of itself.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use atoll_cluster::Router;
use atoll_env::{Env, NodeId};
use atoll_storage::engine::Space;
use atoll_txn::{Sender, key};
use clap::Args;

use crate::exit::Code;
use crate::output::say;

const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Args)]
pub struct Arguments {
    /// Where the node's rpc listens
    #[arg(long, env = "ATOLL_RPC", value_name = "ADDR", default_value = "127.0.0.1:7400")]
    rpc: SocketAddr,
}

/// A client of the one node that listens there.
pub fn connect(rpc: SocketAddr) -> (Env, Router) {
    let env = Env::real_client(NodeId::default());
    // A number that no node has.
    env.net.set_node(NodeId(env.entropy.next_u64() | 1 << 63), 0);
    env.net.set_peer(NodeId(1), rpc.to_string());
    (env.clone(), Router::outside(env, vec![NodeId(1)]))
}

pub async fn run(Arguments { rpc }: Arguments) -> Result<Code> {
    let (env, client) = connect(rpc);
    let mut start = Vec::new();
    loop {
        let located = env.clock.timeout(PATIENCE, client.locate(&start)).await;
        let range = located.ok().context("no answer").and_then(|range| Ok(range?));
        let range = range.with_context(|| format!("no node answers at {rpc}"))?;
        let pretty = |bytes: &[u8]| key::pretty(Space::Current, bytes);
        let end = if range.span.end.is_empty() { "the end".to_owned() } else { pretty(&range.span.end) };
        let start_key = pretty(&range.span.start);
        say(format_args!("range {}: {start_key} to {end}, generation {}", range.id, range.generation))?;
        if range.span.end.is_empty() {
            return Ok(Code::Done);
        }
        start = range.span.end.to_vec();
    }
}
