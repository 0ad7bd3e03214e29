//! Random operations on both engines and on the model: what they show must be the same.

use crate::model::{self, Directory, Model, SPACES, compare, key};
use atoll_env::rng::Rng;
use atoll_env::{Env, NodeId, sim};
use atoll_storage::Result;
use atoll_storage::engine::{Engine, Options, Space, View};

const STEPS: u64 = 120;

fn options() -> Options {
    // Little memory, so that memtables are rotated while batches come in.
    Options { memtable_bytes: 8 << 10, cache_bytes: 1 << 20, reserve_bytes: 0, ..Options::default() }
}

async fn run(env: &Env, seed: u64) -> Result<()> {
    let mut rng = Rng::stream(seed, "differential");
    let mut model = Model::new();
    let mut engine = Engine::open(env, options()).await?;
    let mut held: Vec<(View, model::Rows)> = Vec::new();
    for _ in 0..STEPS {
        match rng.below(100) {
            0..45 => {
                let (batch, apply) = model::batch(&mut rng);
                engine.write(batch)?;
                model.apply(apply);
            }
            45..60 => compare(&engine.view(), &model.rows, &mut rng)?,
            60..66 => held.push((engine.view(), model.rows.clone())),
            66..74 if !held.is_empty() => {
                let at = rng.below(held.len() as u64) as usize;
                let (view, rows) = &held[at];
                compare(view, rows, &mut rng)?;
                if held.len() > 3 || rng.chance(0.5) {
                    held.swap_remove(at);
                }
            }
            74..80 => engine.flush().await?,
            80..86 => {
                let rows = model::sorted_rows(&mut rng);
                model::ingest(&engine, &rows)?;
                model.apply(|model| model.extend(rows));
            }
            86..90 => {
                let (space, start, end) = (*rng.pick(&SPACES), key(&mut rng), key(&mut rng));
                engine.delete_range(space, &start, &end)?;
                model.apply(|rows| {
                    rows.retain(|(of, key), _| *of != space || *key < start || (!end.is_empty() && *key >= end));
                });
            }
            90..92 => engine.compact()?,
            92..95 => sizes(&engine, &mut rng),
            95..98 => {
                held.clear();
                if rng.chance(0.7) {
                    engine.close().await?;
                    assert!(engine.view().get(Space::Meta, b"").is_err());
                }
                drop(engine);
                engine = Engine::open(env, options()).await?;
            }
            _ => {}
        }
    }
    for (view, rows) in &held {
        assert_eq!(&model::all(view)?, rows);
    }
    assert_eq!(model::all(&engine.view())?, model.rows);
    assert_eq!(engine.failed(), None);
    drop(held);
    engine.close().await
}

fn sizes(engine: &Engine, rng: &mut Rng) {
    let (start, end) = (key(rng), key(rng));
    for space in SPACES {
        let whole = engine.approximate_bytes(space, b"", b"");
        assert!(engine.approximate_bytes(space, &start, &end) <= whole);
        assert_eq!(engine.approximate_bytes(space, b"b", b"a"), 0);
    }
}

#[tokio::test]
async fn on_fjall() {
    for seed in 0..12 {
        let directory = Directory::new("differential");
        if let Err(error) = run(&directory.env(), seed).await {
            panic!("seed {seed}: {error}");
        }
    }
}

#[test]
fn in_memory() {
    for seed in 0..150 {
        sim::run(seed, sim::Options::default(), |world| async move {
            if let Err(error) = run(&world.boot(NodeId(1)), seed).await {
                panic!("seed {seed}: {error}");
            }
        });
    }
}

/// Keys that differ in their first bytes as well as in their last, in spaces of very different sizes.
#[tokio::test]
async fn sizes_are_about_right() -> Result<()> {
    let directory = Directory::new("sizes");
    let engine = Engine::open(&directory.env(), Options { reserve_bytes: 0, ..Options::default() }).await?;
    let mut rng = Rng::new(1);
    let mut rows = model::Rows::new();
    for (space, table, count) in
        [(Space::Current, 1u32, 3000), (Space::Current, 2, 24000), (Space::History, 1, 9000), (Space::Meta, 7, 10)]
    {
        for row in 0..count as u64 {
            let mut value = vec![0; 100];
            rng.fill(&mut value);
            rows.insert((space, [&table.to_be_bytes()[..], &(row * 1_000_003).to_be_bytes()].concat()), value);
        }
    }
    let check = |engine: &Engine, what: &str, error_max: f64| {
        let parts = [
            (Space::Current, 1u32.to_be_bytes().to_vec(), 2u32.to_be_bytes().to_vec()),
            (Space::Current, 2u32.to_be_bytes().to_vec(), Vec::new()),
            (Space::Current, Vec::new(), Vec::new()),
            (Space::History, Vec::new(), Vec::new()),
            (Space::Meta, Vec::new(), Vec::new()),
        ];
        for (space, start, end) in parts {
            let expected: usize = rows
                .iter()
                .filter(|((of, key), _)| *of == space && *key >= start && (end.is_empty() || *key < end))
                .map(|((_, key), value)| key.len() + value.len())
                .sum();
            let found = engine.approximate_bytes(space, &start, &end) as f64;
            // Blocks of 8 KiB are the grain; keys share prefixes and versions take room.
            let error = (found - expected as f64).abs() - 24_000.0;
            let relative = error / expected as f64;
            assert!(relative < error_max, "{what}: {space:?} {start:?}..{end:?}: {found} instead of {expected}");
        }
    };
    let mut batch = atoll_storage::engine::Batch::new();
    for ((space, key), value) in &rows {
        batch.put(*space, key, value.clone());
    }
    engine.write(batch)?;
    check(&engine, "in memory", 0.05);
    engine.flush().await?;
    check(&engine, "flushed", 0.2);
    engine.compact()?;
    check(&engine, "compacted", 0.2);
    engine.close().await
}
