//! How fast the state engine on fjall is on this machine, on one core: a table of microseconds and rates to tune by.
//!
//! `cargo run -p atoll-storage --example engine_bench`; keys look like rows of SQL tables.

#![allow(clippy::disallowed_methods)]

use atoll_env::Env;
use atoll_env::rng::Rng;
use atoll_storage::Result;
use atoll_storage::engine::{Batch, Engine, Options, Space};
use bytes::Bytes;

const GETS: u64 = 300_000;
const BATCH_ROWS: u64 = 100;

fn key(row: u64) -> [u8; 16] {
    let mut key = *b"\x01\x00\x00\x002\x00\x00\x01........";
    // Every other number, so that there are keys to miss.
    key[8..].copy_from_slice(&(row * 2).to_be_bytes());
    key
}

fn value(rng: &mut Rng) -> Bytes {
    let mut value = vec![0; rng.range(100..151) as usize];
    // Half random, half not, as rows compress.
    let half = value.len() / 2;
    rng.fill(&mut value[..half]);
    value.into()
}

struct Bench {
    env: Env,
    engine: Engine,
    rng: Rng,
    rows: u64,
}

impl Bench {
    /// Runs `work`, prints the time and the rate of `count` operations.
    fn measure(&mut self, what: &str, count: u64, work: impl FnOnce(&mut Bench) -> Result<()>) -> Result<()> {
        let start = self.env.clock.mono();
        work(self)?;
        let seconds = (self.env.clock.mono() - start).as_secs_f64();
        println!("{what:<42} {:>9.3} µs {:>12.0} /s", seconds * 1e6 / count as f64, count as f64 / seconds);
        Ok(())
    }

    fn load(&mut self) -> Result<()> {
        let mut order: Vec<u64> = (0..self.rows).collect();
        self.rng.shuffle(&mut order);
        for rows in order.chunks(BATCH_ROWS as usize) {
            let mut batch = Batch::with_capacity(rows.len());
            for row in rows {
                batch.put(Space::Current, key(*row), value(&mut self.rng));
            }
            self.engine.write(batch)?;
        }
        Ok(())
    }

    fn reads(&mut self, what: &str) -> Result<()> {
        let rows = self.rows;
        self.measure(&format!("{what}: get, present, own view"), GETS, |bench| {
            for _ in 0..GETS {
                let row = bench.rng.below(rows);
                assert!(bench.engine.view().get(Space::Current, &key(row))?.is_some());
            }
            Ok(())
        })?;
        // A sixteenth of the rows: what fits the cache.
        self.measure(&format!("{what}: get, present, hot rows"), GETS, |bench| {
            let view = bench.engine.view();
            for _ in 0..GETS {
                let row = bench.rng.below(rows / 16);
                assert!(view.get(Space::Current, &key(row))?.is_some());
            }
            Ok(())
        })?;
        self.measure(&format!("{what}: get, absent"), GETS, |bench| {
            let view = bench.engine.view();
            for _ in 0..GETS {
                let mut key = key(bench.rng.below(rows));
                key[15] |= 1;
                assert!(view.get(Space::Current, &key)?.is_none());
            }
            Ok(())
        })?;
        self.measure(&format!("{what}: scan of all rows"), rows, |bench| {
            let mut bytes = 0;
            let mut count = 0;
            for row in bench.engine.view().scan(Space::Current, b"", b"") {
                let (key, value) = row?;
                bytes += key.len() + value.len();
                count += 1;
            }
            assert!(count == rows && bytes > 0);
            Ok(())
        })?;
        self.measure(&format!("{what}: reverse scan of all rows"), rows, |bench| {
            let count = bench.engine.view().scan_reverse(Space::Current, b"", b"").count();
            assert_eq!(count as u64, rows);
            Ok(())
        })?;
        let scans = GETS / 10;
        self.measure(&format!("{what}: scan of 10 rows"), scans, |bench| {
            let view = bench.engine.view();
            for _ in 0..scans {
                let start = key(bench.rng.below(rows - 10));
                let count = view.scan(Space::Current, &start, b"").take(10).map(|row| assert!(row.is_ok())).count();
                assert_eq!(count, 10);
            }
            Ok(())
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let rows = 1_000_000;
    let root = std::env::temp_dir().join(format!("atoll-engine-bench-{}", std::process::id()));
    let env = Env::real(root.clone());
    let options = Options::default();
    let engine = Engine::open(&env, options.clone()).await?;
    let mut bench = Bench { env: env.clone(), engine, rng: Rng::new(1), rows };
    println!("{rows} rows, {} MiB of cache", options.cache_bytes >> 20);
    bench.measure("load, random order, 100 rows a batch", rows, Bench::load)?;
    let start = env.clock.mono();
    bench.engine.flush().await?;
    println!("{:<42} {:>9.1} ms", "flush", (env.clock.mono() - start).as_secs_f64() * 1e3);
    bench.reads("as loaded")?;
    bench.engine.compact()?;
    bench.reads("compacted")?;
    println!("{:<42} {:>9} MiB", "size", bench.engine.approximate_bytes(Space::Current, b"", b"") >> 20);
    bench.measure("single-row batches", 100_000, |bench| {
        for _ in 0..100_000 {
            let mut batch = Batch::new();
            batch.put(Space::Current, key(bench.rng.below(rows)), value(&mut bench.rng));
            bench.engine.write(batch)?;
        }
        Ok(())
    })?;
    bench.reads("with a memtable")?;
    let start = env.clock.mono();
    bench.engine.close().await?;
    println!("{:<42} {:>9.1} ms", "close", (env.clock.mono() - start).as_secs_f64() * 1e3);
    drop(bench.engine);
    let start = env.clock.mono();
    let engine = Engine::open(&env, options).await?;
    println!("{:<42} {:>9.1} ms", "open", (env.clock.mono() - start).as_secs_f64() * 1e3);
    engine.close().await?;
    std::fs::remove_dir_all(root).expect("the directory of the measurement goes");
    Ok(())
}
