//! Seeds for the simulator: the kept ones of `tests/seeds`, and fresh ones that are printed.
//!
//! Every seed is a process of its own, so that one seed is one trace whatever ran before, and a hang or a crash of one
//! says which. As many run at once as there are cores.
//!
//! A kept seed is a line of arguments for `atoll-sim` in a file `tests/seeds/NAME.seed`; lines beginning with `#` say
//! what it once showed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::repo::{self, Metadata, Tree};
use crate::test::{Tally, cargo};

/// Fresh seeds of one `./dev test`.
const FRESH: u64 = 8;
/// A seed that takes longer in real time hangs.
const SEED_TIME_MAX: Duration = Duration::from_secs(300);

/// Arguments for one run of the simulator, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    name: String,
    args: Vec<String>,
}

impl Seed {
    pub fn fresh(seed: u64) -> Seed {
        Seed { name: format!("fresh seed {seed}"), args: vec!["--seed".into(), seed.to_string()] }
    }
}

pub fn kept_and_fresh(tally: &mut Tally) -> Result<bool> {
    let simulator = build()?;
    let kept = kept(&Tree::load(&repo::root()?)?)?;
    let first = first_fresh();
    println!("{} kept, {FRESH} fresh from {first}", kept.len());
    let seeds: Vec<Seed> = kept.into_iter().chain((first..first + FRESH).map(Seed::fresh)).collect();
    let counted = run_all(&simulator, &seeds)?;
    tally.passed += counted.passed;
    tally.failed += counted.failed;
    Ok(counted.failed == 0)
}

/// Builds the simulator and the binary with the whole workspace's features, as the tests do, so that nothing is compiled
/// twice: after the tests this finds both done.
pub fn build() -> Result<PathBuf> {
    if !cargo(&["build", "--workspace", "--bin", "atoll-sim", "--bin", "atoll"])? {
        bail!("the simulator does not build");
    }
    Ok(Metadata::load()?.target_dir.join("debug/atoll-sim"))
}

/// Where fresh seeds begin: another place every second.
pub fn first_fresh() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    now % 10_000_000 * 100
}

fn kept(tree: &Tree) -> Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for (path, text) in tree.ending(".seed").filter(|(path, _)| path.starts_with("tests/seeds/")) {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let before = seeds.len();
        seeds.extend(
            lines
                .map(|line| Seed { name: path.to_owned(), args: line.split_whitespace().map(str::to_owned).collect() }),
        );
        if seeds.len() == before {
            bail!("{path} holds no seed");
        }
    }
    Ok(seeds)
}

/// Runs every seed, prints one line each, and what a failed one said.
pub fn run_all(simulator: &Path, seeds: &[Seed]) -> Result<Tally> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(seeds.len());
    let queue = Mutex::new(seeds.iter());
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| -> Result<()> {
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let next = queue.lock().expect("no worker panics with the queue").next();
                        let Some(seed) = next else { return Ok(()) };
                        let outcome = run_one(simulator, seed)?;
                        let mut tally = tally.lock().expect("no worker panics with the tally");
                        match outcome {
                            Ok(took) => {
                                tally.passed += 1;
                                println!("ok   {} ({:.1} s)", seed.name, took.as_secs_f64());
                            }
                            Err(said) => {
                                tally.failed += 1;
                                println!("FAIL {}\n{said}\nreplay: ./dev sim {}", seed.name, seed.args.join(" "));
                            }
                        }
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.join().expect("a worker returns its error")?;
        }
        Ok(())
    })?;
    Ok(*tally.lock().expect("the workers are gone"))
}

/// How long a passing run took, or the end of what a failing one said.
fn run_one(simulator: &Path, seed: &Seed) -> Result<Result<Duration, String>> {
    const SAID_LINES: usize = 60;
    let start = Instant::now();
    let mut child = Command::new(simulator)
        .args(&seed.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| simulator.display().to_string())?;
    let readers = [
        child.stdout.take().map(|pipe| std::thread::spawn(|| read_all(pipe))),
        child.stderr.take().map(|pipe| std::thread::spawn(|| read_all(pipe))),
    ];
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > SEED_TIME_MAX {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said: Vec<String> =
        readers.into_iter().flatten().map(|reader| reader.join().expect("reading does not panic")).collect();
    Ok(match status {
        Some(status) if status.success() => Ok(start.elapsed()),
        ended => {
            let lines: Vec<&str> = said.iter().flat_map(|text| text.lines()).collect();
            let how = ended.map_or(format!("no end after {} s", SEED_TIME_MAX.as_secs()), |status| status.to_string());
            Err(format!("{}\n{how}", lines[lines.len().saturating_sub(SAID_LINES)..].join("\n")))
        }
    })
}

fn read_all(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    match pipe.read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(its output could not be read: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_seeds_are_lines_of_arguments() {
        let tree = Tree::from([
            ("tests/seeds/a.seed", "# lost a write\n--seed 42\n\n--seed 7 --nodes 1\n"),
            ("docs/b.seed", "--seed 1\n"),
        ]);
        let seeds = kept(&tree).unwrap();
        assert_eq!(seeds.len(), 2);
        assert_eq!(seeds[1].args, ["--seed", "7", "--nodes", "1"]);
        assert!(kept(&Tree::from([("tests/seeds/a.seed", "# nothing\n")])).is_err());
    }

    #[test]
    fn a_failing_run_is_counted_and_a_passing_one_too() {
        let seeds: Vec<Seed> = ["true", "false", "exit 3", "echo x"]
            .iter()
            .map(|script| Seed { name: (*script).into(), args: vec!["-c".into(), (*script).into()] })
            .collect();
        assert_eq!(run_all(Path::new("/bin/sh"), &seeds).unwrap(), Tally { passed: 2, failed: 2 });
        assert!(run_one(Path::new("/bin/sh"), &seeds[2]).unwrap().unwrap_err().contains("exit status: 3"));
        assert!(run_all(Path::new("/bin/no-such-simulator"), &seeds).is_err());
    }
}
