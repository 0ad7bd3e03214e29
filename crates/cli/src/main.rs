//! The binary `atoll`: arguments, terminal, signals and exit codes around what the other crates do.
//!
//! | verb | module |
//! | --- | --- |
//! | start | [`start`]: run a node |
//! | sql | [`sql`]: a shell for SQL |
//! | status | [`status`]: ask a running one |
//! | node | [`node`]: take one out of the cluster |
//! | debug | [`debug`]: look at the store of a stopped one |
//! | bench | [`mod@bench`]: measure, and kill nodes under load |

// The terminal's side of the outside world: arguments, signals, children, the clock of measurements.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod bench;
mod debug;
mod exit;
mod logging;
mod node;
mod output;
mod sql;
mod start;
mod status;
mod tuning;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Code;

/// Tasks come and go with every request; glibc's allocator spends a tenth of a commit on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  atoll start                                 one node, data in ./atoll-data, SQL on 127.0.0.1:5432
  atoll start --data /var/lib/atoll --rpc 127.0.0.1:7500
  atoll sql                                   a shell for SQL; atoll sql --help says more
  atoll status                                the nodes and ranges of the cluster
  atoll node decommission n3                  move everything off node 3 and take it out of the cluster
  atoll debug ranges --data ./atoll-data      the ranges of a stopped one
  atoll debug verify --data ./atoll-data      read everything; exit code 7 if anything is damaged
  atoll bench kv                              durable commits beside a bare file

Clients of PostgreSQL connect to the SQL port, too: psql -h 127.0.0.1 -p 5432 -U postgres

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 the data directory is in use, 4 it is of another version,
5 it can't be used (not writable, or not atoll's), 6 the disk is full, 7 data is damaged, 8 the address can't be had,
9 the running node stopped by itself, 10 a check of the benchmark found lost or wrong data. The shell has psql's. A bug ends the process at once, by SIGABRT (134 in a shell).";

/// Atoll, a distributed SQL database.
#[derive(Parser)]
#[command(name = "atoll", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run one node until SIGTERM or SIGINT (ctrl-c)
    Start(start::Arguments),
    /// Talk SQL with a running node, or with any server that speaks PostgreSQL
    Sql(Box<sql::Invocation>),
    /// Ask a running node for the nodes and ranges of the cluster
    Status(status::Arguments),
    /// Take a node out of the cluster
    #[command(subcommand)]
    Node(node::Verb),
    /// Look at the store of a node that doesn't run
    #[command(subcommand)]
    Debug(debug::Verb),
    /// Measure, and kill nodes under load
    #[command(subcommand)]
    Bench(bench::Verb),
}

fn main() -> ExitCode {
    let Arguments { verb } = Arguments::parse();
    logging::init(if matches!(verb, Verb::Start(_)) { "info" } else { "warn" });
    logging::abort_on_panic();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failed(&anyhow::Error::from(error).context("start the runtime")).into(),
    };
    let ended = runtime.block_on(async {
        match verb {
            Verb::Start(arguments) => start::run(arguments).await.map(ExitCode::from),
            Verb::Sql(invocation) => sql::run(*invocation).await,
            Verb::Status(arguments) => status::run(arguments).await.map(ExitCode::from),
            Verb::Node(verb) => node::run(verb).await.map(ExitCode::from),
            Verb::Debug(verb) => debug::run(verb).await.map(ExitCode::from),
            Verb::Bench(verb) => bench::run(verb).await.map(ExitCode::from),
        }
    });
    // Not waiting for threads that are in a system call: everything that has to be durable is.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(error) => exit::failed(&error).into(),
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code as u8)
    }
}
