//! Durable one-range commits: each puts one row of about a hundred bytes at a random key.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use atoll_cluster::Router;
use atoll_cluster::Store;
use atoll_env::rng::Rng;
use atoll_txn::{Isolation, Sender, Transaction};
use hdrhistogram::Histogram;
use tokio::task::JoinHandle;

use super::{bare, cpu};
use crate::exit::Code;
use crate::output::say;

const VALUE_BYTES: usize = 100;
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_millis(300);

pub struct Measured {
    commits: u64,
    took: Duration,
    cpu: Duration,
    /// Nanoseconds.
    latencies: Histogram<u64>,
    syncs: Option<u64>,
}

impl Measured {
    pub fn with_syncs(self, syncs: u64) -> Measured {
        Measured { syncs: Some(syncs), ..self }
    }

    fn per_second(&self) -> f64 {
        self.commits as f64 / self.took.as_secs_f64()
    }

    fn print(&self, who: &str) -> Result<()> {
        let ms = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e6;
        let cpu = self.cpu.as_secs_f64() * 1e6 / self.commits as f64;
        let syncs = self.syncs.map_or(String::new(), |syncs| format!(", {} commits/sync", self.commits / syncs.max(1)));
        say(format_args!(
            "  {who:<10} {:>8.0} commits/s   p50 {:>7.3} ms   p99 {:>7.3} ms   {cpu:>5.1} µs CPU each{syncs}",
            self.per_second(),
            ms(0.5),
            ms(0.99)
        ))
    }
}

/// Clocks that were started, and what the committers add up to.
pub struct Progress {
    begin: Instant,
    cpu: Duration,
}

impl Progress {
    pub fn start() -> Progress {
        Progress { begin: Instant::now(), cpu: cpu::process() }
    }

    pub async fn finish(self, tasks: Vec<JoinHandle<Result<Vec<Duration>>>>) -> Result<Measured> {
        let mut latencies = Histogram::new(3)?;
        for task in tasks {
            for time in task.await?? {
                latencies.record(time.as_nanos() as u64)?;
            }
        }
        let (took, cpu) = (self.begin.elapsed(), cpu::process() - self.cpu);
        Ok(Measured { commits: latencies.len(), took, cpu, latencies, syncs: None })
    }
}

/// In this process, beside a bare file at `bare`.
pub async fn local(store: &Store, bare: Option<&Path>, committers: &[usize], secs: u64) -> Result<()> {
    let wal = &store.node().wal;
    measure(&store.router(), 8, WARM_UP).await?;
    for count in committers {
        say(format_args!("{count} committers:"))?;
        // The bare file before and after, because disks have moods.
        let before = match bare {
            Some(path) => Some(bare::measure(path, *count, Duration::from_secs(secs) / 2).await?),
            None => None,
        };
        let syncs = wal.status().syncs;
        let measured = measure(&store.router(), *count, Duration::from_secs(secs)).await?;
        let measured = measured.with_syncs(wal.status().syncs - syncs);
        if let (Some(path), Some(before)) = (bare, before) {
            let after = bare::measure(path, *count, Duration::from_secs(secs) / 2).await?;
            before.print("bare file")?;
            measured.print("atoll")?;
            after.print("bare file")?;
            let reference = (before.per_second() + after.per_second()) / 2.0;
            say(format_args!("  {:.0} % of the bare file", 100.0 * measured.per_second() / reference))?;
        } else {
            measured.print("atoll")?;
        }
    }
    Ok(())
}

/// At a node of its own.
pub async fn remote(client: Router, committers: &[usize], secs: u64) -> Result<Code> {
    measure(&client, 8, WARM_UP).await?;
    for count in committers {
        say(format_args!("{count} committers:"))?;
        measure(&client, *count, Duration::from_secs(secs)).await?.print("atoll")?;
    }
    Ok(Code::Done)
}

async fn measure<S: Sender>(sender: &S, committers: usize, during: Duration) -> Result<Measured> {
    let progress = Progress::start();
    let until = Instant::now() + during;
    let mut tasks = Vec::new();
    for committer in 0..committers {
        let sender = sender.clone();
        // Other keys each time, or the store would only overwrite.
        let mut rng = Rng::stream(sender.now().wall, &committer.to_string());
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let begin = Instant::now();
                let mut txn = Transaction::begin(sender.clone(), Isolation::Serializable);
                let key = [b"\x01bench/", &rng.next_u64().to_be_bytes()[..]].concat();
                let mut value = vec![0; VALUE_BYTES];
                rng.fill(&mut value);
                txn.put(key, value)?;
                if let Err(error) = txn.commit().await {
                    bail!("a commit failed: {error}");
                }
                times.push(begin.elapsed());
            }
            Ok(times)
        }));
    }
    progress.finish(tasks).await
}
