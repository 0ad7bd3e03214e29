//! `atoll debug`: the store of a node that doesn't run, in readable form.

use std::path::PathBuf;

use anyhow::Result;
use atoll_env::Env;
use atoll_server::inspect::Inspector;
use atoll_storage::engine::Space;
use clap::{Args, Subcommand, ValueEnum};

use crate::exit::{self, Code};
use crate::output::say;
use crate::tuning::Tuning;

const KEYS_MAX: usize = 1000;

#[derive(Subcommand)]
#[command(after_help = "The node must not run: its data directory is locked while this looks at it.\n\
    The state is opened as a start would open it, but nothing of the log is applied to it: after a kill it can be \
    older than the log.")]
pub enum Verb {
    /// The ranges: bounds, lease, read ceiling
    Ranges(Store),
    /// Every frame and record of the log, each one verified
    Log(Store),
    /// Keys with their versions and intents
    Keys(Keys),
    /// Read everything and say what is damaged
    Verify(Store),
}

#[derive(Args)]
pub struct Store {
    /// The data directory
    #[arg(long, env = "ATOLL_DATA", value_name = "DIR", default_value = "./atoll-data")]
    data: PathBuf,
    #[command(flatten)]
    tuning: Tuning,
}

#[derive(Args)]
pub struct Keys {
    #[command(flatten)]
    store: Store,
    /// Only this space
    #[arg(long)]
    space: Option<SpaceName>,
    /// Begin at this key, as it lies in its space
    #[arg(long, value_name = "KEY", default_value = "")]
    from: String,
    /// At most so many of each space
    #[arg(long, value_name = "N", default_value_t = KEYS_MAX)]
    max: usize,
    /// Show what users stored, and not only its length
    #[arg(long)]
    values: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum SpaceName {
    /// What ranges and transactions know about themselves
    Meta,
    /// Newest versions, and intents
    Current,
    /// Older versions
    History,
}

impl From<SpaceName> for Space {
    fn from(name: SpaceName) -> Space {
        match name {
            SpaceName::Meta => Space::Meta,
            SpaceName::Current => Space::Current,
            SpaceName::History => Space::History,
        }
    }
}

pub async fn run(verb: Verb) -> Result<Code> {
    match verb {
        Verb::Ranges(store) => {
            let inspector = open(&store).await?;
            inspector.ranges(print).await?;
        }
        Verb::Log(store) => open(&store).await?.log(print).await?,
        Verb::Keys(Keys { store, space, from, max, values }) => {
            let all = [Space::Meta, Space::Current, Space::History];
            let spaces = space.map_or_else(|| all.to_vec(), |space| vec![space.into()]);
            open(&store).await?.keys(&spaces, from.as_bytes(), max, values, print).await?;
        }
        Verb::Verify(store) => {
            let found = open(&store).await?.verify().await?;
            print(format!("log: {} segments, {} frames, {} entries", found.segments, found.frames, found.entries));
            if found.torn_bytes > 0 {
                print(format!("log: {} bytes of an unfinished frame, which a start cuts off", found.torn_bytes));
            }
            print(format!(
                "state: {} ranges, {} keys ({} with an intent), {} versions in history, {} meta records",
                found.ranges, found.current_keys, found.intents, found.history_versions, found.meta_records
            ));
            for problem in &found.problems {
                print(format!("DAMAGED: {problem}"));
            }
            if !found.problems.is_empty() {
                return Ok(Code::Damaged);
            }
            print("everything can be read".to_owned());
        }
    }
    Ok(Code::Done)
}

async fn open(Store { data, tuning }: &Store) -> Result<Inspector> {
    let inspector = Inspector::open(&Env::real(data.clone()), tuning.options()).await?;
    let identity = inspector.directory().identity;
    print(format!("node {} of cluster {:032x}", identity.node, identity.cluster));
    Ok(inspector)
}

/// Where the inspector's lines go; it has no use for an error.
fn print(line: String) {
    if let Err(error) = say(line) {
        std::process::exit(exit::failed(&error) as i32);
    }
}
