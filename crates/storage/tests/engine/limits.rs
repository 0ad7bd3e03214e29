//! What the engine on fjall does at its limits: no room, a dead worker, two owners, readers among writers.

use crate::model::{self, Directory};
use atoll_env::rng::Rng;
use atoll_storage::engine::{Batch, Engine, Options, Space};
use atoll_storage::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn put(key: impl AsRef<[u8]>, bytes: usize) -> Batch {
    let mut batch = Batch::new();
    batch.put(Space::Current, key, vec![1; bytes]);
    batch
}

#[tokio::test]
async fn a_disk_with_too_little_room_is_left_alone() -> Result<()> {
    let directory = Directory::new("room");
    let options = Options { reserve_bytes: u64::MAX, ..Options::default() };
    let engine = Engine::open(&directory.env(), options).await?;
    assert!(matches!(engine.admit(), Err(Error::Full)));
    engine.write(put("a", 1000))?;
    assert!(matches!(engine.write(put("b", 2 << 20)), Err(Error::Full)));
    assert!(matches!(engine.write(put("c", 1)), Err(Error::Full)));
    assert_eq!(engine.failed(), None);
    let view = engine.view();
    assert!(view.get(Space::Current, b"a")?.is_some() && view.get(Space::Current, b"b")?.is_none());
    drop(view);
    engine.close().await?;
    let engine = Engine::open(&directory.env(), Options { reserve_bytes: 0, ..Options::default() }).await?;
    engine.write(put("b", 2 << 20))?;
    engine.close().await
}

#[tokio::test]
async fn a_failed_flush_is_the_end_of_writing_but_not_of_reading() -> Result<()> {
    let directory = Directory::new("worker");
    let options = Options { memtable_bytes: 64 << 10, reserve_bytes: 0, ..Options::default() };
    let engine = Engine::open(&directory.env(), options).await?;
    engine.write(put("a", 10))?;
    std::fs::remove_dir_all(directory.path().join("state/keyspaces/1/tables")).unwrap();
    assert!(engine.flush().await.is_err());
    assert!(engine.failed().is_some());
    // More than fits the memtables that fjall would wait for.
    for number in 0..20u32 {
        assert!(engine.write(put(number.to_be_bytes(), 64 << 10)).is_err());
    }
    assert!(engine.flush().await.is_err());
    assert!(engine.view().get(Space::Current, b"a")?.is_some());
    assert!(engine.close().await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_directory_has_one_owner() -> Result<()> {
    let directory = Directory::new("owner");
    let env = directory.env();
    let engine = Engine::open(&env, Options::default()).await?;
    assert!(matches!(Engine::open(&env, Options::default()).await, Err(Error::Locked { .. })));
    engine.write(put("a", 10))?;
    let view = engine.view();
    engine.close().await?;
    assert!(view.get(Space::Current, b"a")?.is_some());
    assert!(matches!(Engine::open(&env, Options::default()).await, Err(Error::Locked { .. })));
    drop(view);
    Engine::open(&env, Options::default()).await?.close().await
}

#[tokio::test]
async fn keys_have_a_longest_one() -> Result<()> {
    let directory = Directory::new("keys");
    let engine = Engine::open(&directory.env(), Options::default()).await?;
    let longest = vec![b'k'; atoll_storage::engine::KEY_BYTES_MAX];
    engine.write(put(&longest, 10))?;
    drop(engine);
    let engine = Engine::open(&directory.env(), Options::default()).await?;
    assert!(engine.view().get(Space::Current, &longest)?.is_some());
    engine.close().await?;
    assert!(std::panic::catch_unwind(|| put(vec![b'k'; longest.len() + 1], 10)).is_err());
    Ok(())
}

/// Batches of many keys with one value in all of them, while tables are flushed and compacted as fast as they can be:
/// no view shows two values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_view_shows_half_a_batch() -> Result<()> {
    const KEYS: u32 = 2000;
    let directory = Directory::new("half");
    let env = directory.env();
    let options = Options { memtable_bytes: 256 << 10, reserve_bytes: 0, ..Options::default() };
    let engine = Engine::open(&env, options).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let write = |number: u64| {
        let mut batch = Batch::new();
        for key in 0..KEYS {
            batch.put(Space::Current, key.to_be_bytes(), number.to_be_bytes().to_vec());
        }
        engine.write(batch)
    };
    write(0)?;
    let reader = {
        let (engine, stop) = (engine.clone(), stop.clone());
        env.tasks.spawn_dedicated("reader", async move {
            let mut views = 0u64;
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                let view = engine.view();
                let value = |key: u32| view.get(Space::Current, &key.to_be_bytes()).unwrap().unwrap();
                // From the end: a batch is applied from the start.
                let (end, start) = (value(KEYS - 1), value(0));
                assert_eq!(start, end);
                let number = u64::from_be_bytes(start[..].try_into().unwrap());
                assert!(number >= last, "a later view shows an older state");
                last = number;
                if views.is_multiple_of(50) {
                    let rows = view.scan(Space::Current, b"", b"").map(|row| assert_eq!(row.unwrap().1, start));
                    assert_eq!(rows.count() as u32, KEYS);
                }
                views += 1;
            }
            views
        })
    };
    let flusher = {
        let (engine, stop) = (engine.clone(), stop.clone());
        env.tasks.spawn_dedicated("flusher", async move {
            while !stop.load(Ordering::Relaxed) {
                engine.flush().await.unwrap();
            }
        })
    };
    for number in 1..250 {
        write(number)?;
    }
    stop.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 100);
    flusher.await.unwrap();
    engine.close().await
}

/// More than a journal holds: it is rotated, its predecessors go once their batches are in tables.
#[tokio::test]
async fn journals_come_and_go() -> Result<()> {
    let directory = Directory::new("journals");
    let options = Options { memtable_bytes: 8 << 20, reserve_bytes: 0, ..Options::default() };
    let engine = Engine::open(&directory.env(), options.clone()).await?;
    let mut rng = Rng::new(3);
    let mut value = vec![0; 100 << 10];
    for number in 0..1000u32 {
        rng.fill(&mut value);
        let mut batch = Batch::new();
        batch.put(Space::Current, (number % 300).to_be_bytes(), value.clone());
        batch.put(Space::Meta, "last", number.to_be_bytes().to_vec());
        engine.write(batch)?;
    }
    let expected = model::all(&engine.view())?;
    drop(engine);
    let engine = Engine::open(&directory.env(), options.clone()).await?;
    assert!(model::all(&engine.view())? == expected);
    engine.close().await?;
    let journals = |directory: &Directory| -> Vec<u64> {
        let files = std::fs::read_dir(directory.path().join("state")).unwrap().map(|file| file.unwrap().path());
        let journals = files.filter(|path| path.extension().is_some_and(|end| end == "jnl"));
        journals.map(|path| path.metadata().unwrap().len()).collect()
    };
    assert_eq!(journals(&directory), [0], "a closed store has nothing to replay");
    let engine = Engine::open(&directory.env(), options).await?;
    assert!(model::all(&engine.view())? == expected);
    engine.close().await
}
