//! `atoll bench`: what a node can do, measured beside what the machine can do, and whether it survives being killed.
//!
//! | module | the idea |
//! | --- | --- |
//! | [`commits`] | durable one-range commits of many committers |
//! | [`bare`] | the reference: a file, one write and one fdatasync for all who wait |
//! | [`reads`] | point reads and scans, in CPU time |
//! | [`kill`] | a real server process, killed again and again under load, and what it kept |

mod bare;
mod commits;
mod cpu;
mod kill;
mod reads;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use atoll_cluster::{Router, Store};
use atoll_env::{Env, NodeId};
use clap::{Args, Subcommand};

use crate::exit::Code;
use crate::tuning::Tuning;

const EXAMPLES: &str = "\
Examples:
  atoll bench kv                                        commits at 1, 8, 32 and 128 committers beside a bare file
  atoll bench kv --reads                                point reads and scans over a million rows
  atoll bench kv --connect 127.0.0.1:7400               commits at a running node
  atoll bench kv --kill 200 --writers 8 --ack-log acks  200 times kill -9 under load; nothing acknowledged may be gone
  atoll bench kv --kill 50 --power-cut                  also lose what was not synced; needs a C compiler

fdatasync calls counted from outside:
  strace -f -c -e trace=fdatasync,fsync atoll bench kv --committers 32 --no-bare";

#[derive(Subcommand)]
pub enum Verb {
    /// Keys and values, without SQL
    Kv(Kv),
}

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Kv {
    /// Where data lies; without this a new directory that is removed afterwards
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many commit at once
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_value = "1,8,32,128")]
    committers: Vec<usize>,
    /// For each step; with --kill for all of it
    #[arg(long, value_name = "SECS")]
    secs: Option<u64>,
    /// Don't measure the bare file
    #[arg(long)]
    no_bare: bool,
    /// Measure reads instead of commits
    #[arg(long, conflicts_with_all = ["connect", "kill"])]
    reads: bool,
    /// For --reads
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows: u64,
    /// Commit at a running node, through its rpc port
    #[arg(long, value_name = "ADDR", conflicts_with = "kill")]
    connect: Option<SocketAddr>,
    /// Kill and restart a node so many times under load; without a number until --secs have passed
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "0")]
    kill: Option<u64>,
    /// For --kill
    #[arg(long, value_name = "N", default_value_t = 8)]
    writers: usize,
    /// For --kill: a line for every acknowledged write
    #[arg(long, value_name = "FILE")]
    ack_log: Option<PathBuf>,
    /// For --kill: cut the power as well, which takes everything that was not synced. Needs a C compiler (`cc`)
    #[arg(long)]
    power_cut: bool,
    /// For --kill: the random choices of another run, as far as they decide
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    tuning: Tuning,
}

pub async fn run(Verb::Kv(kv): Verb) -> Result<Code> {
    let place = Place::new(kv.data.as_deref())?;
    if let Some(kills) = kv.kill {
        let seed = kv.seed.unwrap_or_else(|| Env::real_client(NodeId::default()).entropy.next_u64() >> 16);
        let plan = kill::Plan {
            dir: place.dir.clone(),
            kills: (kills > 0).then_some(kills).or_else(|| kv.secs.is_none().then_some(20)),
            secs: kv.secs,
            writers: kv.writers,
            ack_log: kv.ack_log,
            power_cut: kv.power_cut,
            seed,
            tuning: kv.tuning,
        };
        return kill::run(plan).await;
    }
    let secs = kv.secs.unwrap_or(3);
    if let Some(rpc) = kv.connect {
        let (env, asked) = crate::status::greet(rpc).await?;
        return commits::remote(Router::outside(env, vec![asked]), &kv.committers, secs).await;
    }
    let env = Env::real(place.dir.join("store"));
    env.net.set_node(NodeId(1), 0);
    let store = Store::open(&env, NodeId(1), kv.tuning.options()).await.context("open the store")?;
    if kv.reads {
        reads::run(&store, kv.rows, secs).await?;
    } else {
        let bare = (!kv.no_bare).then(|| place.dir.join("bare"));
        commits::local(&store, bare.as_deref(), &kv.committers, secs).await?;
    }
    store.close().await?;
    Ok(Code::Done)
}

/// A directory that is removed at the end, if nobody asked for it by name.
struct Place {
    dir: PathBuf,
    temporary: bool,
}

impl Place {
    fn new(dir: Option<&Path>) -> Result<Place> {
        let (dir, temporary) = match dir {
            Some(dir) => (std::path::absolute(dir)?, false),
            // Beside the work, not in /tmp, which may be in memory, where a sync costs nothing.
            None => (std::env::current_dir()?.join(format!("atoll-bench-{}", std::process::id())), true),
        };
        std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        Ok(Place { dir, temporary })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.dir)
        {
            eprintln!("atoll: {} is left over: {error}", self.dir.display());
        }
    }
}
