//! A disk that is full, fails, or lost something; and segments that come and go.

use std::{path::Path, time::Duration};

use atoll_env::{
    Env, NodeId,
    disk::Open,
    sim::{self, World},
};

use super::*;
use crate::{
    Error,
    wal::inspect::{Line, inspect},
};

const NODE: NodeId = NodeId(1);
const LOG: &str = "log";

fn simulate<F: Future<Output = ()>>(scenario: impl FnOnce(World) -> F) {
    sim::run(11, sim::Options::default(), scenario);
}

fn entry(index: u64, bytes: usize) -> Vec<(u64, Bytes)> {
    vec![(index, vec![index as u8; bytes].into())]
}

fn segment_files(world: &World) -> Vec<String> {
    let files = world.files(NODE).into_iter().map(|(path, _)| path.to_string_lossy().into_owned());
    files.filter(|path| path.ends_with(".wal")).collect()
}

#[test]
fn a_failed_sync_stops_everything_until_it_is_opened_again() {
    simulate(async |world| {
        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        let log = wal.group(GroupId(1));
        append(&log, entry(1, 10)).await.unwrap();
        // The next segment is being prepared; that sync isn't meant.
        world.sleep(Duration::from_secs(1)).await;
        world.fail_next_sync(NODE);
        let (vote, second) = tokio::join!(log.save_vote(Bytes::from_static(b"v")), append(&log, entry(2, 10)));
        assert!(matches!(vote, Err(Error::Poisoned { .. })) && matches!(second, Err(Error::Poisoned { .. })));
        assert!(matches!(log.append(entry(3, 10), |_| panic!("never called")), Err(Error::Poisoned { .. })));
        assert!(matches!(log.read(1..2, 100).await, Err(Error::Poisoned { .. })));
        assert!(matches!(log.purge(1, Bytes::new()).await, Err(Error::Poisoned { .. })));
        assert!(matches!(wal.admit(1), Err(Error::Poisoned { .. })));
        assert!(wal.status().poisoned.unwrap().contains("sync"));
        assert!(matches!(wal.close().await, Err(Error::Poisoned { .. })));
        world.power_off(NODE);

        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        let log = wal.group(GroupId(1));
        assert_eq!(log.read(0..9, 100).await.unwrap()[0], entry(1, 10)[0]);
        let next = log.bounds().last.unwrap() + 1;
        append(&log, entry(next, 10)).await.unwrap();
    });
}

#[test]
fn a_failed_preparation_stops_it_too() {
    simulate(async |world| {
        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        let log = wal.group(GroupId(1));
        world.sleep(Duration::from_secs(1)).await;
        let mut index = 1;
        let segments = wal.status().segments;
        while wal.status().segments == segments {
            append(&log, entry(index, 100)).await.unwrap();
            index += 1;
        }
        world.fail_next_sync(NODE);
        world.sleep(Duration::from_secs(1)).await;
        assert!(matches!(append(&log, entry(index, 10)).await, Err(Error::Poisoned { .. })));
    });
}

#[test]
fn a_full_disk_refuses_and_service_resumes() {
    simulate(async |world| {
        let env = world.boot(NODE);
        let wal = Wal::open(&env, options()).await.unwrap();
        let log = wal.group(GroupId(1));
        world.sleep(Duration::from_secs(1)).await;
        assert!(wal.admit(100).is_ok());
        world.set_capacity(NODE, 0);
        let mut index = 1;
        // As a careful caller does it: room is asked for, and then there is some.
        while wal.admit(100).is_ok() {
            append(&log, entry(index, 100)).await.unwrap();
            index += 1;
            world.sleep(Duration::from_millis(20)).await;
        }
        assert!(index > 5 && wal.status().full);
        log.save_vote(Bytes::from_static(b"v")).await.unwrap();
        // As a careless one does it.
        let last = loop {
            match append(&log, entry(index, 100)).await {
                Ok(()) => index += 1,
                Err(Error::Full) => break index - 1,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(log.bounds().last, Some(last));
        assert_eq!(log.read(last..last + 2, 1000).await.unwrap().len(), 1);
        // What depends on a refused append is refused with it; other groups aren't.
        let other = wal.group(GroupId(2));
        let (large, behind, small) = tokio::join!(
            append(&log, entry(index, 3000)),
            log.save_vote(Bytes::from_static(b"w")),
            other.save_vote(Bytes::from_static(b"x"))
        );
        assert!(matches!((large, behind), (Err(Error::Full), Err(Error::Full))));
        assert!(small.is_ok());
        assert_eq!(log.vote(), Some(Bytes::from_static(b"v")));
        assert!(wal.status().poisoned.is_none());

        world.set_capacity(NODE, 1 << 30);
        assert!(matches!(wal.admit(100), Err(Error::Full)), "it is being looked at");
        world.sleep(Duration::from_millis(200)).await;
        drop(wal.admit(100));
        world.sleep(Duration::from_millis(200)).await;
        wal.admit(100).unwrap();
        append(&log, entry(index, 3000)).await.unwrap();
        let expected = snapshot_all(&wal).await;
        world.power_off(NODE);
        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        assert_eq!(snapshot_all(&wal).await, expected);
    });
}

#[test]
fn purging_makes_room_on_a_full_disk() {
    simulate(async |world| {
        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        let log = wal.group(GroupId(1));
        for index in 1..40 {
            append(&log, entry(index, 100)).await.unwrap();
        }
        world.sleep(Duration::from_secs(1)).await;
        world.set_capacity(NODE, 0);
        let mut index = 40;
        while wal.admit(100).is_ok() {
            append(&log, entry(index, 100)).await.unwrap();
            index += 1;
            world.sleep(Duration::from_millis(20)).await;
        }
        // The room of deleted segments is free, but the disk has none beside.
        world.set_capacity(NODE, segment_files(&world).len() as u64 * 2048 + 10_000);
        world.set_capacity(NODE, world.space(NODE).total_bytes - world.space(NODE).free_bytes);
        log.purge(index - 1, Bytes::from_static(b"m")).await.unwrap();
        world.sleep(Duration::from_secs(1)).await;
        wal.admit(100).unwrap();
        append(&log, entry(index, 100)).await.unwrap();
    });
}

#[test]
fn segments_are_deleted_oldest_first_when_nobody_needs_them() {
    simulate(async |world| {
        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        let (a, b) = (wal.group(GroupId(1)), wal.group(GroupId(2)));
        append(&b, entry(1, 50)).await.unwrap();
        for index in 1..60 {
            append(&a, entry(index, 100)).await.unwrap();
        }
        let before = wal.status().segments;
        assert!(before > 4);
        a.purge(59, Bytes::from_static(b"m")).await.unwrap();
        world.sleep(Duration::from_secs(1)).await;
        assert_eq!(wal.status().segments, before, "the second group needs the oldest one");
        assert_eq!(wal.holders(), [(GroupId(2), 1)]);
        b.purge(1, Bytes::from_static(b"m")).await.unwrap();
        world.sleep(Duration::from_secs(1)).await;
        assert_eq!((wal.status().segments, wal.status().bytes, wal.status().entries), (1, 2048, 0));
        // And the one that is prepared.
        assert_eq!(segment_files(&world).len(), 2);
        // Vote, marker and bounds live on in the checkpoints.
        let expected = snapshot_all(&wal).await;
        world.power_off(NODE);
        let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
        assert_eq!(snapshot_all(&wal).await, expected);
        append(&wal.group(GroupId(1)), entry(60, 10)).await.unwrap();
        wal.remove_group(GroupId(1)).await.unwrap();
        assert_eq!(wal.groups(), [GroupId(2)]);
    });
}

#[test]
fn many_groups() {
    simulate(async |world| {
        let options = Options { segment_bytes: 1 << 16, ..options() };
        let wal = Wal::open(&world.boot(NODE), options.clone()).await.unwrap();
        for round in 1..6 {
            let (mut expected, told) = (0, std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0)));
            for group in 0..500 {
                let told = told.clone();
                let done = move |result: crate::Result<()>| {
                    result.unwrap();
                    told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                };
                wal.group(GroupId(group)).append(entry(round, 20), done).unwrap();
                expected += 1;
            }
            wal.group(GroupId(0)).save_vote(Bytes::from(round.to_be_bytes().to_vec())).await.unwrap();
            assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), expected);
        }
        let status = wal.status();
        assert_eq!((status.entries, status.appended_entries), (2500, 2500));
        assert!(status.syncs < 20, "{status:?}");
        let expected = snapshot_all(&wal).await;
        assert_eq!(expected.len(), 500);
        wal.close().await.unwrap();
        world.kill(NODE);
        let wal = Wal::open(&world.boot(NODE), options).await.unwrap();
        assert_eq!(snapshot_all(&wal).await, expected);
    });
}

#[test]
fn a_closed_log_is_clean_and_says_no() {
    simulate(async |world| {
        let env = world.boot(NODE);
        let wal = Wal::open(&env, options()).await.unwrap();
        let log = wal.group(GroupId(1));
        assert!(matches!(Wal::open(&env, options()).await, Err(Error::Locked { .. })));
        log.append(entry(1, 10), |result| result.unwrap()).unwrap();
        wal.close().await.unwrap();
        wal.close().await.unwrap();
        assert!(matches!(log.append(entry(2, 10), |_| ()), Err(Error::Closed)));
        assert!(matches!(log.read(1..2, 10).await, Err(Error::Closed)));
        assert!(wal.status().poisoned.is_none());
        assert!(inspect(&env, Path::new(LOG), |_| ()).await.unwrap().unwrap().clean);
        // In the same process too. Dropping is enough to close.
        let wal = Wal::open(&env, options()).await.unwrap();
        assert!(!inspect(&env, Path::new(LOG), |_| ()).await.unwrap().unwrap().clean);
        assert_eq!(wal.group(GroupId(1)).bounds().last, Some(1));
        drop(wal);
        world.sleep(Duration::from_secs(1)).await;
        assert!(inspect(&env, Path::new(LOG), |_| ()).await.unwrap().unwrap().clean);
        Wal::open(&env, options()).await.unwrap();
    });
}

/// A log with a few entries, whose node was killed.
async fn killed(world: &World) -> Env {
    let wal = Wal::open(&world.boot(NODE), options()).await.unwrap();
    let log = wal.group(GroupId(1));
    for index in 1..4 {
        append(&log, entry(index, 30)).await.unwrap();
    }
    world.sleep(Duration::from_secs(1)).await;
    world.kill(NODE);
    world.boot(NODE)
}

async fn overwrite(env: &Env, path: &str, offset: u64, bytes: &[u8]) {
    let file = env.disk.open(Path::new(path), Open::Write).await.unwrap();
    file.write_at(offset, bytes).await.unwrap();
    file.sync_all().await.unwrap();
}

#[test]
fn a_lost_watermark_is_damage() {
    simulate(async |world| {
        let env = killed(&world).await;
        env.disk.remove_file(Path::new("log/synced")).await.unwrap();
        let error = Wal::open(&env, options()).await.err().unwrap();
        assert!(matches!(error, Error::Damage { file, .. } if file == "log/synced"));
    });
    simulate(async |world| {
        let env = killed(&world).await;
        overwrite(&env, "log/synced", 0, &[1; 4200]).await;
        assert!(matches!(Wal::open(&env, options()).await, Err(Error::Damage { .. })));
    });
    for offset in [0, 4096] {
        simulate(async move |world| {
            let env = killed(&world).await;
            overwrite(&env, "log/synced", offset, &[1; 512]).await;
            let wal = Wal::open(&env, options()).await.unwrap();
            assert_eq!(wal.group(GroupId(1)).bounds().last, Some(3));
        });
    }
}

#[test]
fn an_outdated_clean_watermark_loses_nothing() {
    simulate(async |world| {
        let env = world.boot(NODE);
        let synced = Path::new("log/synced");
        let wal = Wal::open(&env, options()).await.unwrap();
        append(&wal.group(GroupId(1)), entry(1, 30)).await.unwrap();
        wal.close().await.unwrap();
        let outdated = env.disk.read(synced).await.unwrap();
        let wal = Wal::open(&env, options()).await.unwrap();
        for index in 2..40 {
            append(&wal.group(GroupId(1)), entry(index, 60)).await.unwrap();
        }
        let expected = snapshot_all(&wal).await;
        wal.close().await.unwrap();
        env.disk.write_atomic(synced, &outdated).await.unwrap();
        let wal = Wal::open(&env, options()).await.unwrap();
        assert_eq!(snapshot_all(&wal).await, expected);
    });
}

#[test]
fn a_stale_half_of_a_frame_is_wiped() {
    simulate(async |world| {
        let env = killed(&world).await;
        let content = env.disk.read(Path::new("log/00000001.wal")).await.unwrap();
        let end = content.iter().rposition(|byte| *byte != 0).unwrap() / 8 * 8 + 8;
        overwrite(&env, "log/00000001.wal", end as u64, &[7; 300]).await;
        let summary = inspect(&env, Path::new(LOG), |_| ()).await.unwrap().unwrap();
        assert_eq!(summary.torn_bytes, 300);
        let wal = Wal::open(&env, options()).await.unwrap();
        let content = env.disk.read(Path::new("log/00000001.wal")).await.unwrap();
        assert!(content[end..].iter().all(|byte| *byte == 0));
        append(&wal.group(GroupId(1)), entry(4, 30)).await.unwrap();
    });
}

#[test]
fn damage_that_appears_later_is_noticed_when_read() {
    simulate(async |world| {
        let env = world.boot(NODE);
        let wal = Wal::open(&env, Options { cache_bytes: 0, ..options() }).await.unwrap();
        let log = wal.group(GroupId(1));
        append(&log, entry(1, 300)).await.unwrap();
        assert_eq!(log.read(1..2, 1).await.unwrap(), entry(1, 300));
        let content = env.disk.read(Path::new("log/00000001.wal")).await.unwrap();
        let at = content.windows(9).position(|bytes| bytes == [1; 9]).unwrap();
        overwrite(&env, "log/00000001.wal", at as u64 + 50, &[9]).await;
        let error = log.read(1..2, 1).await.unwrap_err();
        assert!(matches!(error, Error::Damage { file, .. } if file == "log/00000001.wal"));
    });
}

#[test]
fn inspection_shows_everything_and_changes_nothing() {
    simulate(async |world| {
        let env = killed(&world).await;
        let before = world.files(NODE);
        let mut lines = Vec::new();
        let summary = inspect(&env, Path::new(LOG), |line| lines.push(line.to_string())).await.unwrap().unwrap();
        assert_eq!((summary.segments, summary.last_frame, summary.entries), (1, 4, 3));
        assert_eq!(summary.groups[0].1.last, Some(3));
        let golden = [
            "synced up to frame 4, segment 1, byte 776",
            "log/00000001.wal: 2048 bytes",
            "         512  checkpoint 1, 24 bytes",
            "         536  frame 2, 80 bytes",
            "         560    g1 entry 1, 30 bytes",
            "         616  frame 3, 80 bytes",
            "         640    g1 entry 2, 30 bytes",
            "         696  frame 4, 80 bytes",
            "         720    g1 entry 3, 30 bytes",
            "         776  unused, 1272 bytes",
            "log/00000002.wal: 2048 bytes",
            "         512  unused, 1536 bytes",
        ];
        assert_eq!(lines, golden);
        overwrite(&env, "log/00000001.wal", 680, &[9]).await;
        let mut bad = Vec::new();
        let show = |line| {
            if let Line::Bad { offset, bytes, .. } = line {
                bad.push((offset, bytes));
            }
        };
        let error = inspect(&env, Path::new(LOG), show).await.unwrap_err();
        assert_eq!(bad, [(616, 80)]);
        assert!(error.to_string().contains("damaged at byte 616"), "{error}");
        assert!(error.to_string().contains("frame 4 follows at byte 696"), "{error}");
        assert_eq!(world.files(NODE), before);
        assert_eq!(inspect(&env, Path::new(""), |_| ()).await.unwrap(), None);
    });
}
