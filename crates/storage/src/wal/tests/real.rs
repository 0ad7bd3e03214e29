//! On a real disk, with threads.

// What the environment is for elsewhere: a place for the test's files, and a runtime with threads.
#![allow(clippy::disallowed_methods)]

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use atoll_env::Env;

use super::*;
use crate::Error;

/// A data directory that goes away with the test.
struct Temporary {
    env: Env,
    root: PathBuf,
}

impl Temporary {
    fn new() -> Temporary {
        let number = Env::real(PathBuf::new()).entropy.next_u128();
        let root = std::env::temp_dir().join(format!("atoll-wal-{number:x}"));
        Temporary { env: Env::real(root.clone()), root }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A test's litter is no failure of the test.
        drop(std::fs::remove_dir_all(&self.root));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_share_syncs_and_come_back() {
    const WRITERS: u64 = 64;
    const APPENDS: u64 = 50;
    let temporary = Temporary::new();
    let env = temporary.env.clone();
    let options = Options { segment_bytes: 1 << 20, cache_bytes: 1 << 16, ..Options::default() };
    let wal = Wal::open(&env, options.clone()).await.unwrap();
    assert!(matches!(Wal::open(&env, options.clone()).await, Err(Error::Locked { .. })));
    let told = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|group| {
            let (log, told) = (wal.group(GroupId(group)), told.clone());
            env.tasks.spawn("appends", async move {
                for index in 1..=APPENDS {
                    append(&log, vec![(index, vec![group as u8; 400].into())]).await.unwrap();
                    told.fetch_add(1, Ordering::Relaxed);
                    let read = log.read(index..index + 1, 1).await.unwrap();
                    assert_eq!(read[0].1[0], group as u8);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let appends = told.load(Ordering::Relaxed);
    let status = wal.status();
    assert_eq!((appends, status.entries), (WRITERS * APPENDS, WRITERS * APPENDS));
    assert!(status.syncs * 4 < appends, "{} syncs for {appends} appends", status.syncs);
    assert!(status.segments > 1);
    let expected = snapshot_all(&wal).await;
    wal.close().await.unwrap();

    let wal = Wal::open(&env, options).await.unwrap();
    assert_eq!(snapshot_all(&wal).await, expected);
    for group in wal.groups() {
        wal.group(group).purge(APPENDS, Bytes::from_static(b"m")).await.unwrap();
    }
    append(&wal.group(GroupId(1)), vec![(APPENDS + 1, Bytes::from_static(b"more"))]).await.unwrap();
    wal.close().await.unwrap();
}
