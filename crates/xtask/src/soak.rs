//! `./dev soak`: what takes longer than a test should. Fresh seeds for the simulator, then a real process that is
//! killed again and again under load.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::seeds::{self, Seed};
use crate::test::Tally;

const USAGE: &str = "./dev soak [--minutes N]

Half of the time (default 30 minutes) fresh simulator seeds, the other half `atoll bench kv --kill`.
Ends at the first failure with the line that replays it.
";

/// Seeds between two looks at the clock.
const BATCH: u64 = 50;

pub fn run(args: &[String]) -> Result<bool> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let minutes: u64 = match args[..] {
        [] => 30,
        ["--minutes", number] => number.parse().context("--minutes takes a whole number")?,
        ["--help" | "-h"] => {
            print!("{USAGE}");
            return Ok(true);
        }
        _ => bail!("{USAGE}"),
    };
    let half = Duration::from_secs(minutes * 60 / 2);
    let simulator = seeds::build()?;
    let end = Instant::now() + half;
    let mut next = seeds::first_fresh();
    let mut tally = Tally::default();
    while Instant::now() < end {
        let batch: Vec<Seed> = (next..next + BATCH).map(Seed::fresh).collect();
        next += BATCH;
        let counted = seeds::run_all(&simulator, &batch)?;
        tally.passed += counted.passed;
        tally.failed += counted.failed;
        if counted.failed > 0 {
            break;
        }
    }
    println!("{} seeds passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        return Ok(false);
    }
    let atoll = simulator.with_file_name("atoll");
    let secs = half.as_secs().to_string();
    let status = Command::new(&atoll)
        .args(["bench", "kv", "--kill", "--secs", &secs])
        .status()
        .with_context(|| atoll.display().to_string())?;
    Ok(status.success())
}
