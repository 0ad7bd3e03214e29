//! The command line: one seed in this process, or many, each in a process of its own.

use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use atoll_env::fault;
use clap::{Parser, ValueEnum};

use crate::run::{self, Bug, Config, Report, Scenario};

/// A run that takes longer in real time hangs.
const RUN_TIME_MAX: Duration = Duration::from_secs(300);

/// Whole nodes in one thread from one seed, with faults and checkers.
#[derive(Parser, Clone, Debug)]
#[command(name = "atoll-sim")]
struct Args {
    /// Runs this seed; with --runs the first of them.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs so many seeds, fresh ones unless --seed is given.
    #[arg(long)]
    runs: Option<u64>,
    /// Puts a bug back. With --runs, success is that it is noticed.
    #[arg(long)]
    bug: Option<Bug>,
    /// Processes at a time [default: as many as there are cores].
    #[arg(long)]
    jobs: Option<usize>,
    /// Simulated seconds of a run, at least.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Instead of the one that the seed chooses.
    #[arg(long)]
    scenario: Option<Scenario>,
    /// Writes everything that happens to standard error.
    #[arg(long)]
    print: bool,
    /// Shows the log of the nodes, from this level on, on standard error.
    #[arg(long, value_name = "LEVEL")]
    log: Option<tracing::Level>,
    /// Prints the schedule of faults and what became of all transactions.
    #[arg(long)]
    verbose: bool,
    /// Leaves out these items of the schedule.
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
    without: Vec<usize>,
    /// Looks for the items of the schedule that the failure of --seed needs.
    #[arg(long)]
    shrink: bool,
    /// Prints how often each fault point was passed and came true.
    #[arg(long)]
    points: bool,
}

impl Args {
    /// What a process for one seed is started with.
    fn for_seed(&self, seed: u64, without: &[usize]) -> Vec<String> {
        let mut args = vec!["--seed".to_owned(), seed.to_string()];
        if self.seconds != 60 {
            args.extend(["--seconds".to_owned(), self.seconds.to_string()]);
        }
        let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
        if let Some(bug) = name(self.bug.and_then(|bug| bug.to_possible_value())) {
            args.extend(["--bug".to_owned(), bug]);
        }
        if let Some(scenario) = name(self.scenario.and_then(|scenario| scenario.to_possible_value())) {
            args.extend(["--scenario".to_owned(), scenario]);
        }
        if !without.is_empty() {
            let numbers: Vec<String> = without.iter().map(ToString::to_string).collect();
            args.extend(["--without".to_owned(), numbers.join(",")]);
        }
        args
    }
}

pub fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let Some(level) = args.log {
        tracing_subscriber::fmt().with_max_level(level).without_time().with_writer(std::io::stderr).init();
    }
    match (args.seed, args.runs) {
        (Some(seed), None) if args.shrink => shrink(&args, seed),
        (Some(seed), None) => Ok(one(&args, seed)),
        (first, Some(runs)) => many(&args, first.unwrap_or_else(fresh), runs),
        (None, None) => bail!("--seed N or --runs N"),
    }
}

/// Another place every second.
fn fresh() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    now % 1_000_000_000 * 1_000
}

fn one(args: &Args, seed: u64) -> ExitCode {
    let config = Config {
        seed,
        bug: args.bug,
        seconds: args.seconds,
        scenario: args.scenario,
        print: args.print,
        without: args.without.clone(),
    };
    let began = Instant::now();
    let replay = format!("replay: ./dev sim {}", args.for_seed(seed, &args.without).join(" "));
    // The panic's message is printed already.
    let Ok(report) = catch_unwind(AssertUnwindSafe(|| run::run(&config))) else {
        println!("seed {seed}: VIOLATION: a task panicked\n{replay}");
        return ExitCode::FAILURE;
    };
    tell(args, seed, &report, began.elapsed());
    if report.outcome.violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    report.outcome.violations.iter().for_each(|violation| println!("VIOLATION: {violation}"));
    println!("{replay}");
    ExitCode::FAILURE
}

fn tell(args: &Args, seed: u64, report: &Report, took: Duration) {
    let outcome = &report.outcome;
    if args.verbose {
        outcome.schedule.iter().for_each(|item| println!("{item}"));
        outcome.outcomes.iter().for_each(|(what, count)| println!("{count:>8} {what}"));
        report.bites.iter().for_each(|(what, count)| println!("{count:>8} {what}"));
        println!("{:>8} events", report.events);
    }
    if args.points {
        for (name, stats) in &report.points {
            println!("point {name} {} {}", stats.passed, stats.bit);
        }
    }
    let verdict = if outcome.violations.is_empty() { "ok" } else { "VIOLATION" };
    let speed = outcome.simulated.as_secs_f64() / took.as_secs_f64().max(0.001);
    println!(
        "seed {seed} {}: {:.1} s simulated, {} commits, {} faults of {} kinds bit, {:.2} s real, {speed:.0} x, {verdict}",
        outcome.scenario,
        outcome.simulated.as_secs_f64(),
        outcome.commits,
        report.bites.values().sum::<u64>(),
        report.bites.len(),
        took.as_secs_f64(),
    );
    println!("digest {:016x}", report.digest);
}

/// What a process said, and whether it was content.
struct Ended {
    ok: bool,
    said: String,
}

fn start(args: &[String]) -> Result<Ended> {
    let program = std::env::current_exe().context("where the simulator is")?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("a process for one seed")?;
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                // What could be read is shown.
                let _ = pipe.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let err = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if began.elapsed() > RUN_TIME_MAX {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut said = out.join().unwrap_or_default() + &err.join().unwrap_or_default();
    if status.is_none() {
        said += &format!("VIOLATION: no end after {RUN_TIME_MAX:?} of real time\n");
    }
    Ok(Ended { ok: status.is_some_and(|status| status.success()), said })
}

#[derive(Default)]
struct Sums {
    runs: u64,
    failed: Vec<(u64, String)>,
    /// Passed and come true, by fault point.
    points: BTreeMap<String, (u64, u64)>,
}

fn many(args: &Args, first: u64, runs: u64) -> Result<ExitCode> {
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    println!("{runs} seeds from {first}");
    let began = Instant::now();
    let queue = Mutex::new(first..first + runs);
    let sums = Mutex::new(Sums::default());
    let caught = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<()> {
        let worker = || -> Result<()> {
            while !caught.load(Ordering::Relaxed) {
                let Some(seed) = queue.lock().expect("no worker panics").next() else { break };
                let mut command = args.for_seed(seed, &[]);
                command.push("--points".to_owned());
                let ended = start(&command)?;
                let mut sums = sums.lock().expect("no worker panics");
                add(&mut sums, seed, ended);
                // One is enough.
                if args.bug.is_some() && !sums.failed.is_empty() {
                    caught.store(true, Ordering::Relaxed);
                }
            }
            Ok(())
        };
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker returns its error"))
    })?;
    let sums = sums.into_inner().expect("no worker panics");
    match args.bug {
        Some(bug) => Ok(verdict_on_bug(&sums, first, bug)),
        None => Ok(verdict(&sums, began.elapsed())),
    }
}

fn add(sums: &mut Sums, seed: u64, ended: Ended) {
    sums.runs += 1;
    for line in ended.said.lines() {
        if let Some(rest) = line.strip_prefix("point ") {
            let mut words = rest.split_whitespace();
            if let (Some(name), Some(Ok(passed)), Some(Ok(bit))) =
                (words.next(), words.next().map(str::parse::<u64>), words.next().map(str::parse::<u64>))
            {
                let sum = sums.points.entry(name.to_owned()).or_default();
                *sum = (sum.0 + passed, sum.1 + bit);
            }
        } else if line.starts_with("seed ") {
            println!("{line}");
        }
    }
    if !ended.ok {
        let said: Vec<&str> = ended.said.lines().filter(|line| !line.starts_with("point ")).collect();
        sums.failed.push((seed, said.join("\n")));
    }
}

fn verdict(sums: &Sums, took: Duration) -> ExitCode {
    for (seed, said) in &sums.failed {
        println!("\nFAIL seed {seed}\n{said}");
    }
    let quiet: Vec<&str> = fault::ALL
        .iter()
        .filter(|point| !point.is_bug())
        .map(|point| point.name())
        .filter(|name| sums.points.get(*name).is_none_or(|(_, bit)| *bit == 0))
        .collect();
    if !quiet.is_empty() {
        println!("fault points that never came true: {}", quiet.join(", "));
    }
    println!("{} runs, {} failed, {:.0} s", sums.runs, sums.failed.len(), took.as_secs_f64());
    if sums.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verdict_on_bug(sums: &Sums, first: u64, bug: Bug) -> ExitCode {
    match sums.failed.iter().min_by_key(|(seed, _)| *seed) {
        Some((seed, said)) => {
            let what = said.lines().find(|line| line.starts_with("VIOLATION: ") || line.contains("panicked"));
            println!("{bug:?} was caught at seed {seed}, the {}. one: {}", seed - first + 1, what.unwrap_or(said));
            ExitCode::SUCCESS
        }
        None => {
            println!("{bug:?} was not caught in {} seeds", sums.runs);
            ExitCode::FAILURE
        }
    }
}

/// Leaves out ever smaller parts of the schedule for as long as the run still fails.
fn shrink(args: &Args, seed: u64) -> Result<ExitCode> {
    let fails = |without: &[usize]| start(&args.for_seed(seed, without)).map(|ended| !ended.ok);
    let mut verbose = args.for_seed(seed, &args.without);
    verbose.push("--verbose".to_owned());
    let whole = start(&verbose)?;
    if whole.ok {
        println!("seed {seed} does not fail");
        return Ok(ExitCode::SUCCESS);
    }
    let numbered = |line: &str| line.split_once(" at ").and_then(|(number, _)| number.trim().parse::<usize>().ok());
    let items: Vec<usize> = whole.said.lines().map_while(numbered).collect();
    let mut without = args.without.clone();
    let mut chunk = items.len().div_ceil(2);
    while chunk > 0 {
        for part in items.chunks(chunk) {
            let more: Vec<usize> = part.iter().copied().filter(|number| !without.contains(number)).collect();
            if more.is_empty() {
                continue;
            }
            let tried: Vec<usize> = without.iter().copied().chain(more).collect();
            if fails(&tried)? {
                without = tried;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    without.sort_unstable();
    let mut last = args.for_seed(seed, &without);
    println!("replay: ./dev sim {}", last.join(" "));
    last.push("--verbose".to_owned());
    print!("{}", start(&last)?.said);
    Ok(ExitCode::FAILURE)
}
