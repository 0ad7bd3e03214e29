//! `atoll node`: what people do to the nodes of a cluster.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use atoll_cluster::members::{self, Leaving};
use atoll_env::NodeId;
use clap::{Args, Subcommand};

use crate::exit::Code;
use crate::output::say;
use crate::status;

/// All nodes have heard that one leaves before it is looked a second time whether anything is left there.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[derive(Subcommand)]
pub enum Verb {
    /// Take a node out of the cluster: its replicas and leases go to the others, then it stops
    ///
    /// Waits until that is done, and can be called again if it is interrupted. A node that is down can be taken out too. Its
    /// data directory can't join again; a new one can.
    Decommission(Decommission),
}

#[derive(Args)]
pub struct Decommission {
    /// The number of the node, as `atoll status` shows it
    #[arg(value_name = "NODE", value_parser = number)]
    node: u64,

    /// Where the rpc of any node of the cluster listens
    #[arg(long, env = "ATOLL_RPC", value_name = "ADDR", default_value = "127.0.0.1:7400")]
    rpc: SocketAddr,
}

fn number(text: &str) -> std::result::Result<u64, std::num::ParseIntError> {
    text.strip_prefix('n').unwrap_or(text).parse()
}

pub async fn run(Verb::Decommission(Decommission { node, rpc }): Verb) -> Result<Code> {
    let (env, asked) = status::greet(rpc).await?;
    let mut before = None;
    loop {
        let leaving = members::take_out(&env, asked, NodeId(node)).await;
        let Leaving { ranges, gone } = leaving.map_err(|why| anyhow!("n{node} was not taken out: {why}"))?;
        if gone {
            say(format_args!("n{node} is no node of the cluster any more"))?;
            return Ok(Code::Done);
        }
        if before != Some(ranges) {
            say(format_args!("n{node} has replicas of {ranges} ranges"))?;
        }
        before = Some(ranges);
        env.clock.sleep(LOOK_EVERY).await;
    }
}
