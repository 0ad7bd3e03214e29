//! A real process that writes and flushes is killed; what it leaves is a prefix of its batches, and all that it
//! reported as flushed.

use crate::model::{self, Directory, Rows};
use atoll_env::Env;
use atoll_env::rng::Rng;
use atoll_storage::engine::{Batch, Engine, Options, Space};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const DIRECTORY: &str = "ATOLL_TEST_ENGINE_DIRECTORY";

fn options() -> Options {
    Options { memtable_bytes: 100 << 10, reserve_bytes: 0, ..Options::default() }
}

type Change = (Vec<u8>, Option<Vec<u8>>);

/// Batch `number` of the run, which depends on nothing else.
fn change(number: u64) -> (Batch, Vec<Change>) {
    let mut rng = Rng::new(number);
    let mut batch = Batch::new();
    let mut changes = Vec::new();
    for _ in 0..rng.range(1..10) {
        let key = rng.below(500).to_be_bytes().to_vec();
        let value = rng.chance(0.8).then(|| model::value(&mut rng));
        match &value {
            Some(value) => batch.put(Space::Current, &key, value.clone()),
            None => batch.delete(Space::Current, &key),
        }
        changes.push((key, value));
    }
    batch.put(Space::Meta, "batches", number.to_be_bytes().to_vec());
    (batch, changes)
}

fn batches(engine: &Engine) -> u64 {
    let record = engine.view().get(Space::Meta, b"batches").unwrap();
    record.map_or(0, |record| u64::from_be_bytes(record[..].try_into().unwrap()))
}

/// Not a test: the process that is killed.
#[tokio::test]
#[ignore = "started by the test below, in ./dev test"]
async fn victim() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let engine = Engine::open(&Env::real(directory.into()), options()).await.unwrap();
    for number in batches(&engine) + 1.. {
        engine.write(change(number).0).unwrap();
        if number % 40 == 0 {
            engine.flush().await.unwrap();
            println!("flushed {number}");
        }
    }
}

#[tokio::test]
async fn a_killed_process_leaves_a_prefix() {
    let directory = Directory::new("kill");
    let mut rng = Rng::new(7);
    for round in 0..6 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::victim", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let mut flushed = 0;
        for _ in 0..rng.range(3..12) {
            loop {
                let line = lines.next().expect("the victim goes on until it is killed").unwrap();
                if let Some(number) = line.strip_prefix("flushed ") {
                    flushed = number.parse().unwrap();
                    break;
                }
            }
        }
        std::thread::sleep(std::time::Duration::from_micros(rng.below(5000)));
        victim.kill().unwrap();
        victim.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("flushed ") {
                flushed = number.parse().unwrap();
            }
        }

        let engine = Engine::open(&directory.env(), options()).await.unwrap();
        let found = batches(&engine);
        assert!(found >= flushed, "round {round}: {found} batches are left, {flushed} were flushed");
        let mut expected = Rows::new();
        for number in 1..=found {
            for (key, value) in change(number).1 {
                match value {
                    Some(value) => drop(expected.insert((Space::Current, key), value)),
                    None => drop(expected.remove(&(Space::Current, key))),
                }
            }
        }
        expected.insert((Space::Meta, b"batches".to_vec()), found.to_be_bytes().to_vec());
        assert_eq!(model::all(&engine.view()).unwrap(), expected, "round {round}");
        if rng.chance(0.5) {
            engine.close().await.unwrap();
        }
    }
}
