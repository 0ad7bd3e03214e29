//! Flipped bits and missing tails in the files of a stopped or killed node: noticed or repaired, never silent.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::common::{Node, Temp, atoll, copy_dir, files, output, put, rows};
use atoll_env::rng::Rng;
use atoll_env::{Env, NodeId};
use atoll_txn::Error;

const ROWS: u64 = 12_000;
const TRIES: u64 = 12;

#[derive(Debug, PartialEq)]
enum Verdict {
    /// The start was refused, with words about what is damaged.
    Refused,
    /// The node began, met the damage, and stopped.
    Stopped,
    /// Everything is there.
    Whole,
}

/// A store with tables, history and a log, of a node that was stopped, or killed.
async fn store(dir: &Temp, clean: bool) -> PathBuf {
    let data = dir.path("data");
    let node = Node::start(&data);
    put(&node.client(), 0, ROWS).await.unwrap();
    if clean {
        assert_eq!(node.terminate().0, 0);
    } else {
        node.kill();
    }
    data
}

async fn judge(data: &Path) -> Verdict {
    let node = match Node::try_start(data) {
        Ok(node) => node,
        // It met the damage while it made itself ready.
        Err((9, text)) => {
            assert!(text.contains("the node has stopped"), "{text}");
            return Verdict::Stopped;
        }
        Err((code, text)) => {
            assert!(
                code == 7 && (text.contains("damaged") || text.contains("can't serve")),
                "exit code {code}: {text}"
            );
            return Verdict::Refused;
        }
    };
    let client = node.client();
    // Whichever comes first, the answer or the end of the process: a client waits long for a node that may come back.
    let read = tokio::select! {
        read = rows(&client) => read,
        () = node.ended_by_itself() => Err(Error::Stopped { why: String::new() }),
    };
    match read {
        Ok(found) => {
            assert_eq!(found, ROWS, "rows are gone, silently");
            Verdict::Whole
        }
        Err(Error::Stopped { .. } | Error::Unreachable { .. } | Error::Unknown { .. }) => {
            let (code, text) = node.wait();
            assert!(code == 9 && text.contains("the node has stopped"), "exit code {code}: {text}");
            Verdict::Stopped
        }
        Err(error) => panic!("{error}"),
    }
}

fn rng() -> Rng {
    let seed = Env::real_client(NodeId::default()).entropy.next_u64();
    println!("seed {seed}");
    Rng::new(seed)
}

/// A place that holds something: half the time in a file of any size, else in one of the two that hold most.
fn somewhere(files: &[PathBuf], rng: &mut Rng) -> (PathBuf, u64) {
    let used = |path: &PathBuf| -> Vec<u64> {
        let content = fs::read(path).unwrap();
        (0..content.len()).filter(|at| content[*at] != 0).map(|at| at as u64).collect()
    };
    let mut files: Vec<_> = files.iter().map(|path| (path, used(path))).filter(|(_, used)| !used.is_empty()).collect();
    files.sort_by_key(|(_, used)| std::cmp::Reverse(used.len()));
    if rng.chance(0.5) {
        files.truncate(2);
    }
    let (path, used) = rng.pick(&files);
    ((*path).clone(), *rng.pick(used))
}

fn flip(path: &Path, at: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
}

async fn flipped_bits(folder: &str, clean: bool) {
    let (dir, mut rng) = (Temp::new(), rng());
    let data = store(&dir, clean).await;
    let mut noticed = 0;
    for n in 0..TRIES {
        let copy = dir.path(&format!("copy{n}"));
        copy_dir(&data, &copy);
        let (path, at) = somewhere(&files(&copy.join(folder)), &mut rng);
        flip(&path, at, rng.below(8) as u8);
        let (code, text) = output(&mut atoll(&["debug", "verify", "--data", copy.to_str().unwrap()]));
        assert!(code == 0 || code == 7, "{code}: {text}");
        let verdict = judge(&copy).await;
        println!("{} at {at}: {verdict:?}, verify says {code}", path.strip_prefix(&copy).unwrap().display());
        noticed += u64::from(verdict != Verdict::Whole);
        fs::remove_dir_all(&copy).unwrap();
    }
    println!("{noticed} of {TRIES} were noticed, the others did no harm");
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_in_the_log_of_a_stopped_node() {
    flipped_bits("log", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_in_the_log_of_a_killed_node() {
    flipped_bits("log", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_in_the_state_of_a_stopped_node() {
    flipped_bits("state", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_in_the_state_of_a_killed_node() {
    flipped_bits("state", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tails_that_are_cut_off() {
    let (dir, mut rng) = (Temp::new(), rng());
    let data = store(&dir, false).await;
    for n in 0..TRIES {
        let copy = dir.path(&format!("copy{n}"));
        copy_dir(&data, &copy);
        let folder = if n % 2 == 0 { "log" } else { "state" };
        let (path, at) = somewhere(&files(&copy.join(folder)), &mut rng);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(at).unwrap();
        let verdict = judge(&copy).await;
        println!("{} cut at {at}: {verdict:?}", path.strip_prefix(&copy).unwrap().display());
        fs::remove_dir_all(&copy).unwrap();
    }
}
