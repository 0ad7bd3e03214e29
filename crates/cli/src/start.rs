//! `atoll start`: one node, from its ready line to its clean end.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use atoll_env::{Env, machine};
use atoll_server::{Listen, Options, Server};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Code;
use crate::tuning::Tuning;

const EXAMPLES: &str = "\
Examples:
  atoll start
  atoll start --data /var/lib/atoll --rpc 127.0.0.1:7500
  ATOLL_LOG=debug atoll start

The node prints one line when it is ready. SIGTERM or ctrl-c ends it cleanly; so does nothing else, but killing it, or
cutting the power, loses no acknowledged write either: the next start reads the log.
All ports are served on loopback addresses only, because they are not encrypted yet.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Where the data lies; made if it isn't there
    #[arg(long, env = "ATOLL_DATA", value_name = "DIR", default_value = "./atoll-data")]
    data: PathBuf,
    /// Where to listen: exactly here, port 0 for any free one. Without this 127.0.0.1:7400, or the next port that is
    /// free
    #[arg(long, env = "ATOLL_RPC", value_name = "ADDR")]
    rpc: Option<SocketAddr>,
    /// Where a node of the cluster is that this one belongs to; several are tried in turn. Without this a new node is a
    /// cluster of its own
    #[arg(long, env = "ATOLL_JOIN", value_name = "HOST:PORT", value_delimiter = ',')]
    join: Vec<String>,
    /// Where the other nodes reach this one. Without this where its rpc listens
    #[arg(long, env = "ATOLL_ADVERTISE", value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Where SQL clients connect: exactly here, port 0 for any free one. Without this 127.0.0.1:5432, or the next port
    /// that is free
    #[arg(long, env = "ATOLL_SQL", value_name = "ADDR")]
    sql: Option<SocketAddr>,
    /// Where the console, /metrics and /health are: exactly here, port 0 for any free one. Without this 127.0.0.1:8080,
    /// or the next port that is free
    #[arg(long, env = "ATOLL_HTTP", value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Memory for what was read from the state. Without this a quarter of the machine's
    #[arg(long, env = "ATOLL_CACHE_MIB", value_name = "MIB", value_parser = clap::value_parser!(u64).range(8..))]
    cache_mib: Option<u64>,
    /// Memory for what running statements keep. Without this a quarter of the machine's
    #[arg(long, env = "ATOLL_SQL_MEMORY_MIB", value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..))]
    sql_memory_mib: Option<u64>,
    #[command(flatten)]
    tuning: Tuning,
}

const QUARTER_MIN: u64 = 64 << 20;

pub async fn run(arguments: Arguments) -> Result<Code> {
    let Arguments { data, rpc, join, advertise, sql, http, cache_mib, sql_memory_mib, tuning } = arguments;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let env = Env::real(data.clone());
    let near = Options::default();
    let mut options = Options {
        rpc: rpc.map_or(near.rpc, Listen::At),
        sql: sql.map_or(near.sql, Listen::At),
        http: http.map_or(near.http, Listen::At),
        join,
        advertise,
        store: tuning.options(),
        ..near
    };
    let quarter = || (machine::memory_bytes() / 4).max(QUARTER_MIN);
    let or_quarter = |mib: Option<u64>| mib.map_or_else(quarter, |mib| mib << 20);
    options.store.engine.cache_bytes = or_quarter(cache_mib);
    options.memory_bytes = usize::try_from(or_quarter(sql_memory_mib)).unwrap_or(usize::MAX);
    let server = tokio::select! {
        server = Server::start(&env, options) => server?,
        // Nothing is served yet, and what recovery has done so far the next start can do again.
        _ = terminate.recv() => return Ok(Code::Done),
        _ = interrupt.recv() => return Ok(Code::Done),
    };
    let (data, ranges) = (data.display(), server.store().node().replicas().len());
    let kind = if server.is_new() { ", new" } else { "" };
    let plural = if ranges == 1 { "" } else { "s" };
    // Scripts read this line.
    let (sql, (ip, port)) = (server.sql(), (server.sql().ip(), server.sql().port()));
    let ready = format!(
        "atoll {} ready in {} ms: node {}, SQL {sql}, rpc {}, http {}, data {data} ({ranges} range{plural}{kind})\n\
         psql -h {ip} -p {port} -U postgres, or atoll sql -p {port} (no password from this machine)\n",
        env!("CARGO_PKG_VERSION"),
        server.took().as_millis(),
        server.identity().node,
        server.rpc(),
        server.http(),
    );
    if let Err(error) = stdout().write_all(ready.as_bytes()) {
        tracing::info!(%error, "nobody reads stdout; {}", ready.trim_end());
    }
    tokio::select! {
        why = server.stopped() => {
            eprintln!("atoll: the node has stopped: {why}");
            return Ok(Code::Stopped);
        }
        _ = terminate.recv() => tracing::info!("SIGTERM: closing"),
        _ = interrupt.recv() => tracing::info!("SIGINT: closing"),
    }
    tokio::select! {
        closed = server.close() => closed?,
        _ = terminate.recv() => return gave_up(),
        _ = interrupt.recv() => return gave_up(),
    }
    tracing::info!("closed");
    Ok(Code::Done)
}

fn gave_up() -> Result<Code> {
    tracing::warn!("a second signal: ended before everything was flushed; the next start reads the log again");
    Ok(Code::Failed)
}
