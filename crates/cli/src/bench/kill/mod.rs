//! A real node under load, killed again and again, and what it kept.
//!
//! ```text
//! start ──▶ check ──▶ writers write ──▶ kill -9 [─▶ power cut] ──▶ start ──▶ check …  ──▶ SIGTERM, verify the files
//!            ▲                             at any moment, now and then before it is ready
//!            └─ every acknowledged write is there; nothing that was refused is; no pair of keys is half done
//! ```
//! In half of the rounds the writers' connections die with the node (a coordinator that vanishes), in the other half
//! they go on through the restart and finish what they were doing.
//!
//! | module | the idea |
//! | --- | --- |
//! | [`ledger`] | what a writer did, and whether what is found fits it |
//! | [`writer`] | one writer's transactions, and reading back |
//! | [`server`] | the child process |
//! | [`power`] | what a power cut leaves of a directory |

mod ledger;
mod power;
mod server;
mod writer;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use atoll_env::Env;
use atoll_env::rng::Rng;
use atoll_server::inspect::Inspector;
use tokio::sync::watch;

use self::ledger::{Findings, Ledger};
use self::power::PowerCut;
use self::server::{Server, Setup};
use self::writer::{Acks, Stop, Writer};
use crate::exit::Code;
use crate::output::say;
use crate::tuning::Tuning;

/// The longest and the shortest life of a node that has become ready.
const LIFE_MS: std::ops::Range<u64> = 10..1000;
/// One in so many is killed while it still starts, within this.
const KILLED_EARLY: u64 = 10;
const EARLY_MS: u64 = 80;
/// After so many kills everything is checked, and not only what is new.
const CHECK_ALL_EVERY: u64 = 25;

pub struct Plan {
    pub dir: PathBuf,
    /// None: until the time is over.
    pub kills: Option<u64>,
    pub secs: Option<u64>,
    pub writers: usize,
    pub ack_log: Option<PathBuf>,
    pub power_cut: bool,
    pub seed: u64,
    pub tuning: Tuning,
}

#[derive(Default)]
struct Tally {
    kills: u64,
    findings: Findings,
    /// From the start of a process to its ready line, after a kill.
    restarts: Vec<Duration>,
}

pub async fn run(plan: Plan) -> Result<Code> {
    let data = plan.dir.join("store");
    ensure!(!data.exists(), "{} exists: the run must begin with nothing", data.display());
    fs::create_dir_all(&data)?;
    let acks = plan.ack_log.clone().unwrap_or_else(|| plan.dir.join("acks"));
    say(format_args!("seed {}, data {}, acknowledged writes {}", plan.seed, data.display(), acks.display()))?;
    let power = match plan.power_cut {
        true => Some(PowerCut::prepare(&plan.dir, &data)?),
        false => None,
    };
    let acks = Arc::new(Acks::create(&acks)?);
    let mut rng = Rng::new(plan.seed);
    let mut tally = Tally::default();
    let setup = Setup {
        data,
        log: plan.dir.join("server.log"),
        arguments: plan.tuning.clone().or_small().arguments(),
        rpc: server::free_port()?,
        power,
    };
    let mut server = Server::start(&setup).await?;
    say(format_args!("ready {} ms after the first start, rpc {}", server.took.as_millis(), setup.rpc))?;
    let mut writers: Vec<Writer> =
        (0..plan.writers as u32).map(|id| Writer::new(Ledger::new(id), setup.rpc, acks.clone())).collect();
    writers.first().context("no writers")?.split().await?;

    let begin = Instant::now();
    let over = |tally: &Tally| {
        plan.kills.is_some_and(|kills| tally.kills >= kills)
            || plan.secs.is_some_and(|secs| begin.elapsed() >= Duration::from_secs(secs))
            || !tally.findings.is_clean()
    };
    while !over(&tally) {
        let (stop, stopped) = watch::channel(Stop::Go);
        let seeds: Vec<u64> = writers.iter().map(|_| rng.next_u64()).collect();
        let running: Vec<_> = writers
            .drain(..)
            .zip(seeds)
            .map(|(writer, seed)| tokio::spawn(writer.run(Rng::new(seed), stopped.clone())))
            .collect();
        tokio::time::sleep(Duration::from_millis(rng.range(LIFE_MS))).await;
        server.kill()?;
        tally.kills += 1;
        let through = rng.chance(0.5);
        stop.send_replace(if through { Stop::Finish } else { Stop::Abandon });
        cut(&setup, &mut rng)?;
        while rng.below(KILLED_EARLY) == 0 {
            Server::start_and_kill(&setup, Duration::from_millis(rng.below(EARLY_MS))).await?;
            tally.kills += 1;
            cut(&setup, &mut rng)?;
        }
        server = Server::start(&setup).await.context("the restart after a kill failed")?;
        tally.restarts.push(server.took);
        for task in running {
            writers.push(task.await??);
        }
        let all = tally.kills.is_multiple_of(CHECK_ALL_EVERY);
        check(&mut writers, all, &mut tally).await?;
        if tally.kills.is_multiple_of(10) {
            say(format_args!("{:>5} kills, {} acknowledged", tally.kills, acks.count()))?;
        }
    }
    check(&mut writers, true, &mut tally).await?;
    let clean = server.terminate().await?;
    ensure!(clean.success(), "SIGTERM ended the node with {clean}");
    let inspector = Inspector::open(&Env::real(setup.data.clone()), plan.tuning.or_small().options()).await?;
    let verified = inspector.verify().await?;
    report(&tally, acks.count(), begin.elapsed(), plan.seed)?;
    if let Some(problem) = verified.problems.first() {
        bail!("the files of the closed store are damaged: {problem}");
    }
    say(format_args!(
        "the closed store verifies: {} keys, {} versions",
        verified.current_keys, verified.history_versions
    ))?;
    Ok(if tally.findings.is_clean() { Code::Done } else { Code::Lost })
}

fn cut(setup: &Setup, rng: &mut Rng) -> Result<()> {
    match &setup.power {
        Some(power) => power.cut(rng).context("cut the power"),
        None => Ok(()),
    }
}

/// Reads back what every writer did: all of it, or what may have changed since the last time.
async fn check(writers: &mut [Writer], all: bool, tally: &mut Tally) -> Result<()> {
    for writer in writers {
        let found = writer.read_back(all).await.context("read back")?;
        let findings = writer.ledger.judge(&found);
        for what in &findings.details {
            say(format_args!("WRONG after {} kills: {what}", tally.kills))?;
        }
        tally.findings.add(findings);
    }
    Ok(())
}

fn report(tally: &Tally, acks: u64, took: Duration, seed: u64) -> Result<()> {
    let mut restarts = tally.restarts.clone();
    restarts.sort_unstable();
    let at = |quantile: f64| match restarts.len() {
        0 => 0,
        count => restarts[((count - 1) as f64 * quantile) as usize].as_millis(),
    };
    let Findings { lost, revived, half, .. } = &tally.findings;
    say(format_args!(
        "{} kills in {:.0} s, {acks} acknowledged writes, {lost} lost, {revived} that should not be there, \
         {half} half done",
        tally.kills,
        took.as_secs_f64()
    ))?;
    say(format_args!("restart to ready: p50 {} ms, p90 {} ms, longest {} ms", at(0.5), at(0.9), at(1.0)))?;
    say(format_args!("again with --seed {seed} (the moments of the kills differ)"))
}
