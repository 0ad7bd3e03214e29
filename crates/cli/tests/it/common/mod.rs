//! The real binary from outside: its process, its rpc port, its files.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use atoll_cluster::Router;
use atoll_env::{Env, NodeId};
use atoll_txn::request::Span;
use atoll_txn::{Error, Isolation, Transaction};
use rustix::process::{Pid, Signal, kill_process};

/// So small that a short test meets new segments, flushes and checkpoints.
pub const SMALL: [&str; 10] = [
    "--segment-mib",
    "4",
    "--checkpoint-mib",
    "1",
    "--memtable-mib",
    "4",
    "--housekeeping-ms",
    "500",
    "--reserve-mib",
    "16",
];
const WITHIN: Duration = Duration::from_secs(30);

pub fn atoll(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
    command.args(arguments).stdin(Stdio::null());
    // The caller's settings are not the test's.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ATOLL_")) {
        command.env_remove(name);
    }
    // Tests run side by side.
    command.env("ATOLL_HTTP", "127.0.0.1:0");
    command
}

/// Runs a command to its end.
pub fn output(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.code().unwrap_or(-1), text)
}

/// A directory that goes away.
pub struct Temp(pub PathBuf);

impl Temp {
    pub fn new() -> Temp {
        let unique = Env::real_client(NodeId::default()).entropy.next_u64();
        // Cargo's own place for this: a real disk.
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{unique:016x}"));
        fs::create_dir_all(&dir).unwrap();
        Temp(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        // A test's litter is no failure of the test.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A server process. Killed when dropped.
pub struct Node {
    child: Child,
    pub ready: String,
    pub rpc: SocketAddr,
    pub sql: SocketAddr,
    pub http: SocketAddr,
    stderr: Receiver<String>,
}

impl Node {
    /// Starts `atoll start` on any free port, and panics if it isn't ready soon.
    pub fn start(data: &Path) -> Node {
        Node::try_start(data).unwrap_or_else(|(code, text)| panic!("exit code {code}: {text}"))
    }

    /// Starts a node that belongs to the cluster of the one at `other`.
    pub fn join(data: &Path, other: SocketAddr) -> Node {
        let (data, other) = (data.to_str().unwrap(), other.to_string());
        let arguments = [&["start", "--data", data, "--rpc", "127.0.0.1:0", "--join", &other][..], &SMALL].concat();
        Node::run(&mut atoll(&arguments)).unwrap_or_else(|(code, text)| panic!("exit code {code}: {text}"))
    }

    pub fn try_start(data: &Path) -> Result<Node, (i32, String)> {
        let data = data.to_str().unwrap();
        let arguments =
            [&["start", "--data", data, "--rpc", "127.0.0.1:0", "--sql", "127.0.0.1:0"][..], &SMALL].concat();
        Node::run(&mut atoll(&arguments))
    }

    /// Waits until it is ready, or returns how it ended.
    pub fn run(command: &mut Command) -> Result<Node, (i32, String)> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut stderr_pipe = child.stderr.take().unwrap();
        let (errors, stderr) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            stderr_pipe.read_to_string(&mut text).unwrap();
            let _ = errors.send(text);
        });
        let (lines, line) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let _ = lines.send(line.unwrap());
            }
        });
        match line.recv_timeout(WITHIN) {
            Ok(ready) => {
                let after = |name| ready.split_once(name).unwrap().1.split_once(',').unwrap().0.parse().unwrap();
                let [rpc, sql, http] = [" rpc ", " SQL ", " http "].map(after);
                Ok(Node { child, ready, rpc, sql, http, stderr })
            }
            Err(_) => {
                drop(child.kill());
                let code = child.wait().unwrap().code().unwrap_or(-1);
                Err((code, stderr.recv_timeout(WITHIN).unwrap()))
            }
        }
    }

    /// A session of the superuser.
    pub async fn session(&self, database: &str) -> tokio_postgres::Client {
        let config = format!("host=127.0.0.1 port={} user=postgres dbname={database}", self.sql.port());
        let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM; its exit code and what it said on stderr.
    pub fn terminate(mut self) -> (i32, String) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.ended()
    }

    /// Waits for it to end by itself.
    pub fn wait(mut self) -> (i32, String) {
        self.ended()
    }

    /// Resolves when it has ended.
    pub async fn ended_by_itself(&self) {
        // Until it is waited for, its entry stays, as a zombie's.
        let stat = format!("/proc/{}/stat", self.child.id());
        loop {
            let text = fs::read_to_string(&stat).unwrap();
            if text.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ended(&mut self) -> (i32, String) {
        let begin = Instant::now();
        while begin.elapsed() < WITHIN {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code().unwrap_or(-1), self.stderr.recv_timeout(WITHIN).unwrap());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the node did not end");
    }

    pub fn client(&self) -> Router {
        let env = Env::real_client(NodeId::default());
        env.net.set_node(NodeId(env.entropy.next_u64() | 1 << 63), 0);
        env.net.set_peer(NodeId(1), self.rpc.to_string());
        Router::outside(env, vec![NodeId(1)])
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn key(n: u64) -> Vec<u8> {
    [b"\x01t/", &n.to_be_bytes()[..]].concat()
}

pub fn value(n: u64) -> Vec<u8> {
    n.to_string().repeat(30).into_bytes()
}

/// Writes rows `from..to`, a hundred in a transaction.
pub async fn put(client: &Router, from: u64, to: u64) -> Result<(), Error> {
    let mut n = from;
    while n < to {
        let mut txn = Transaction::begin(client.clone(), Isolation::Serializable);
        let until = (n + 100).min(to);
        while n < until {
            txn.put(key(n), value(n))?;
            n += 1;
        }
        txn.commit().await?;
    }
    Ok(())
}

/// Reads all rows: how many there are, if they are row 0 to the last and each is right.
pub async fn rows(client: &Router) -> Result<u64, Error> {
    let mut txn = Transaction::begin(client.clone(), Isolation::Serializable);
    let rows = txn.scan_all(&Span::new(key(0), key(u64::MAX))).await?;
    for (n, row) in rows.iter().enumerate() {
        assert_eq!((&row.key[..], &row.value[..]), (&key(n as u64)[..], &value(n as u64)[..]), "row {n}");
    }
    Ok(rows.len() as u64)
}

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.metadata().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// All files below, in order.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Whether this process may mount, in a namespace that ends with it.
pub fn may_mount() -> bool {
    let probe = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).output();
    probe.is_ok_and(|output| output.status.success())
}
