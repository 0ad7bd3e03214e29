//! A disk that runs full under a node: writes are refused with a clear error, reads go on, nothing acknowledged is lost,
//! and when there is room again writes go on, without a restart.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Node, Temp, may_mount, put, rows};
use atoll_cluster::Router;
use atoll_txn::Error;

/// A small disk in a mount namespace of its own, which ends with this.
struct SmallDisk {
    holder: Child,
    dir: Temp,
}

impl SmallDisk {
    fn new(mib: u32) -> SmallDisk {
        let dir = Temp::new();
        let script = format!("mount -t tmpfs -o size={mib}m tmpfs \"$1\" && echo mounted && exec sleep 600");
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script, "sh", dir.0.to_str().unwrap()]);
        let mut holder = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = holder.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        assert_eq!(line, "mounted\n");
        SmallDisk { holder, dir }
    }

    /// As seen from here.
    fn path(&self, name: &str) -> PathBuf {
        let inside = self.dir.path(name);
        PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), inside.display()))
    }

    fn start(&self) -> Result<Node, (i32, String)> {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "-m", "--", env!("CARGO_BIN_EXE_atoll")]);
        command.args(["start", "--rpc", "127.0.0.1:0", "--sql", "127.0.0.1:0", "--data"]).arg(self.dir.path("data"));
        command.args(["--segment-mib", "1", "--checkpoint-mib", "2", "--memtable-mib", "2", "--reserve-mib", "15"]);
        Node::run(command.stdin(Stdio::null()))
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path("")).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    /// Leaves room for so many bytes.
    fn fill_up_to(&self, free: u64) {
        match fs::write(self.path("filler"), vec![1; self.free().saturating_sub(free) as usize]) {
            // The node writes too.
            Err(error) if error.kind() != std::io::ErrorKind::StorageFull => panic!("{error}"),
            _ => {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// Writes until the disk is full; how many rows were acknowledged.
async fn write_until_full(client: &Router, mut acknowledged: u64) -> u64 {
    loop {
        match put(client, acknowledged, acknowledged + 100).await {
            Ok(()) => acknowledged += 100,
            Err(Error::DiskFull) => return acknowledged,
            Err(error) => panic!("after {acknowledged} rows: {error}"),
        }
        assert!(acknowledged < 1_000_000, "the disk never became full");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    if !may_mount() {
        println!("skipped: this process may not mount a small disk (needs root)");
        return;
    }
    let disk = SmallDisk::new(64);
    let node = disk.start().ok().unwrap();
    let client = node.client();
    put(&client, 0, 1000).await.unwrap();

    // Somebody else takes the room, down to what is kept for what was already committed.
    disk.fill_up_to(9 << 20);
    let mut acknowledged = write_until_full(&client, 1000).await;
    for look in 0..40 {
        let put = put(&client, acknowledged, acknowledged + 1).await;
        assert_eq!(put, Err(Error::DiskFull), "at look {look} with {} bytes free", disk.free());
        assert_eq!(rows(&client).await, Ok(acknowledged));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // There is room again.
    fs::remove_file(disk.path("filler")).unwrap();
    acknowledged = writes_come_back(&client, acknowledged).await;

    // Its own data takes the room.
    acknowledged = write_until_full(&client, acknowledged).await;
    assert_eq!(rows(&client).await, Ok(acknowledged));
    let (code, log) = node.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("the disk is full: writes are refused") && log.contains("there is room again"), "{log}");

    // Without the room that it had kept there is no start.
    drop(fs::remove_file(disk.path("data/ballast")));
    disk.fill_up_to(1 << 20);
    let (code, text) = disk.start().err().unwrap();
    assert!(code == 6 && text.contains("a start needs 6.0 MiB: no room left on the disk"), "{code}: {text}");
    fs::remove_file(disk.path("filler")).unwrap();
    let node = disk.start().ok().unwrap();
    assert_eq!(rows(&node.client()).await, Ok(acknowledged));
}

/// Somebody else takes all that is left, faster than the node looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_that_came_in_a_moment() {
    if !may_mount() {
        println!("skipped: this process may not mount a small disk (needs root)");
        return;
    }
    let disk = SmallDisk::new(64);
    let node = disk.start().ok().unwrap();
    let client = node.client();
    put(&client, 0, 1000).await.unwrap();
    while !disk.path("data/ballast").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    disk.fill_up_to(0);
    // Those that are under way may still go through, with the room that was kept.
    let begin = Instant::now();
    let mut acknowledged = write_until_full(&client, 1000).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{acknowledged} rows, the last ones on a full disk");
    for _ in 0..100 {
        assert_eq!(put(&client, acknowledged, acknowledged + 1).await, Err(Error::DiskFull));
        assert_eq!(rows(&client).await, Ok(acknowledged));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fs::remove_file(disk.path("filler")).unwrap();
    acknowledged = writes_come_back(&client, acknowledged).await;
    node.kill();
    let node = disk.start().ok().unwrap();
    assert_eq!(rows(&node.client()).await, Ok(acknowledged));

    // Full while it was away: it has kept room for that too.
    node.kill();
    assert!(disk.path("data/ballast").exists());
    disk.fill_up_to(0);
    let node = disk.start().unwrap_or_else(|(code, text)| panic!("{code}: {text}"));
    assert_eq!(rows(&node.client()).await, Ok(acknowledged));
    assert_eq!(put(&node.client(), acknowledged, acknowledged + 1).await, Err(Error::DiskFull));
    let (code, text) = node.terminate();
    assert_eq!(code, 0, "{text}");
}

async fn writes_come_back(client: &Router, acknowledged: u64) -> u64 {
    let begin = Instant::now();
    while let Err(error) = put(client, acknowledged, acknowledged + 100).await {
        assert!(begin.elapsed() < Duration::from_secs(20), "writes did not come back: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("writes came back after {} ms", begin.elapsed().as_millis());
    acknowledged + 100
}
