//! `atoll status`: what a running node says of the cluster, its nodes and its ranges.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use atoll_cluster::Router;
use atoll_cluster::members::{self, Listed, Load, Standing};
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

/// This process, which is no node.
pub fn outsider() -> Env {
    let env = Env::real_client(NodeId::default());
    // A number that no node has.
    env.net.set_node(NodeId(env.entropy.next_u64() | 1 << 63), 0);
    env
}

/// This process, and the node that listens there.
pub async fn greet(rpc: SocketAddr) -> Result<(Env, NodeId)> {
    let env = outsider();
    let node = env.net.greet(&rpc.to_string(), PATIENCE).await;
    let node = node.with_context(|| format!("no node answers at {rpc}"))?;
    Ok((env, node))
}

async fn nodes(env: &Env, asked: NodeId) -> Result<()> {
    for Listed { member, load, silent_ms } in members::list(env, asked).await.map_err(anyhow::Error::msg)? {
        let standing = match (member.standing(), silent_ms) {
            (Standing::Leaving, None) => "leaving".to_owned(),
            (Standing::Member | Standing::Gone, None) => "up".to_owned(),
            (Standing::Leaving, Some(ms)) => format!("leaving, silent for {} s", ms / 1000),
            (Standing::Member | Standing::Gone, Some(ms)) => format!("silent for {} s", ms / 1000),
        };
        let Load { replicas, leases } = load;
        say(format_args!(
            "node n{} at {}: {standing}, replicas {replicas}, leases {leases}",
            member.id, member.address
        ))?;
    }
    Ok(())
}

pub async fn run(Arguments { rpc }: Arguments) -> Result<Code> {
    let (env, asked) = greet(rpc).await?;
    nodes(&env, asked).await?;
    let client = Router::outside(env.clone(), vec![asked]);
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
