//! Point reads and scans over many rows, in CPU time: what they cost whatever else the machine does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use atoll_cluster::Store;
use atoll_env::rng::Rng;
use atoll_storage::engine::Space;
use atoll_txn::mvcc::ended::Ended;
use atoll_txn::mvcc::{self, ReadAt, Record, Scanner, Step, Version};
use atoll_txn::request::Span;
use atoll_txn::{Isolation, Timestamp, Transaction};
use bytes::Bytes;

use super::cpu;
use crate::output::say;

const VALUE_BYTES: usize = 100;
const END: &[u8] = b"\x01rows0";

fn key(row: u64) -> Vec<u8> {
    [b"\x01rows/", &row.to_be_bytes()[..]].concat()
}

/// Loads the rows past the log, straight into tables, and reads them.
pub async fn run(store: &Store, rows: u64, secs: u64) -> Result<()> {
    let node = store.node();
    let ts = node.now();
    let mut rng = Rng::new(1);
    let begin = Instant::now();
    node.engine.ingest((0..rows).map(|row| {
        let mut value = vec![0; VALUE_BYTES];
        rng.fill(&mut value);
        let record = Record { newest: Some(Version::new(ts, ts, Some(value.into()))), intent: None };
        (Space::Current, Bytes::from(key(row)), record.encode())
    }))?;
    say(format_args!("{rows} rows of {VALUE_BYTES} bytes loaded in {:.1} s", begin.elapsed().as_secs_f64()))?;
    let during = Duration::from_secs(secs);

    // Twice, because the first one warms what can be warmed.
    for _ in 0..2 {
        let view = node.engine.view();
        let read = ReadAt { ts: node.now(), txn: None, uncertainty: None };
        let mut meter = Meter::start(during);
        while meter.goes_on() {
            let found = mvcc::reader::get(&view, &key(rng.below(rows)), &read, &Ended::default())?;
            ensure!(matches!(found, mvcc::Get::Value { value: Some(_), .. }), "a row is missing");
            meter.count += 1;
        }
        meter.print("point read of a view")?;
    }
    for _ in 0..2 {
        let router = store.router();
        let mut meter = Meter::start(during);
        while meter.goes_on() {
            let mut txn = Transaction::begin(router.clone(), Isolation::Serializable);
            txn.get(&key(rng.below(rows))).await?.context("a row is missing")?;
            meter.count += 1;
        }
        meter.print("point read, a transaction each")?;
    }
    let mut meter = Meter::start(during);
    while meter.goes_on() {
        meter.count += scan(store, node.now(), rows)?;
    }
    meter.print("row of a scan of a view")?;

    let mut meter = Meter::start(during);
    while meter.goes_on() {
        let mut txn = Transaction::begin(store.router(), Isolation::Serializable);
        let mut rest = Span::new(key(0), END);
        loop {
            let page = txn.scan(&rest, false, 0).await?;
            meter.count += page.rows.len() as u64;
            match page.resume {
                Some(resume) => rest.start = resume,
                None => break,
            }
        }
    }
    meter.print("row of a scan by a transaction")?;
    Ok(())
}

fn scan(store: &Store, ts: Timestamp, rows: u64) -> Result<u64> {
    let view = store.node().engine.view();
    let mut scanner = Scanner::new(&view, &Span::new(key(0), END), &ReadAt::exactly(ts), Arc::default(), false);
    let mut count = 0;
    while let Some(step) = scanner.step()? {
        ensure!(matches!(step, Step::Row(..)), "a row can't be read");
        count += 1;
    }
    ensure!(count == rows, "{count} rows instead of {rows}");
    Ok(count)
}

struct Meter {
    count: u64,
    begin: Instant,
    cpu: Duration,
    during: Duration,
}

impl Meter {
    fn start(during: Duration) -> Meter {
        Meter { count: 0, begin: Instant::now(), cpu: cpu::process(), during }
    }

    fn goes_on(&self) -> bool {
        self.begin.elapsed() < self.during
    }

    fn print(&self, what: &str) -> Result<()> {
        let (wall, cpu) = (self.begin.elapsed().as_secs_f64(), (cpu::process() - self.cpu).as_secs_f64());
        let count = self.count as f64;
        say(format_args!(
            "  {what:<32} {:>7.2} µs CPU   {:>7.2} µs wall   {:>10.0} a second of CPU",
            cpu * 1e6 / count,
            wall * 1e6 / count,
            count / cpu
        ))
    }
}
