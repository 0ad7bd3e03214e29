//! How a node begins and ends: its ready line, signals, exit codes, and what it refuses to start on.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::common::{Node, Temp, atoll, may_mount, output, put, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_serves_and_ends_cleanly() {
    let dir = Temp::new();
    let data = dir.path("data");
    let node = Node::start(&data);
    assert!(node.ready.contains("ready in ") && node.ready.ends_with("(1 range, new)"), "{}", node.ready);
    put(&node.client(), 0, 300).await.unwrap();
    assert_eq!(rows(&node.client()).await, Ok(300));
    let (code, log) = output(&mut atoll(&["status", "--rpc", &node.rpc.to_string()]));
    let nodes = format!("node n1 at {}: up, replicas 1, leases 1\n", node.rpc);
    assert_eq!((code, log), (0, nodes + "range 1: \"\" to the end, generation 0\n"));
    let (code, log) = node.terminate();
    assert_eq!(code, 0, "{log}");
    // JSON, because this is no terminal.
    assert!(log.lines().all(|line| line.starts_with('{')) && log.contains("SIGTERM: closing"), "{log}");

    let data_name = data.to_str().unwrap();
    let (code, text) = output(&mut atoll(&["debug", "verify", "--data", data_name]));
    // The rows above and the catalog's.
    assert!(
        code == 0 && text.contains(" keys (0 with an intent)") && text.contains("everything can be read"),
        "{text}"
    );
    let (code, text) = output(&mut atoll(&["debug", "log", "--data", data_name]));
    assert!(code == 0 && text.contains("closed cleanly: every frame is valid"), "{text}");
    let (code, text) = output(&mut atoll(&["debug", "ranges", "--data", data_name]));
    assert!(code == 0 && text.contains("range 1: \"\" to the end") && text.contains("lease 1 of n1"), "{text}");
    let arguments = ["debug", "keys", "--data", data_name, "--space", "current", "--max", "2", "--values"];
    let (code, text) = output(&mut atoll(&arguments));
    assert!(code == 0 && text.contains("version 1") && text.ends_with("  …\n"), "{text}");

    let node = Node::start(&data);
    assert!(node.ready.ends_with("(1 range)"), "{}", node.ready);
    assert_eq!(rows(&node.client()).await, Ok(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_ends_cleanly_too() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    let pid = rustix::process::Pid::from_raw(node.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(node.wait().0, 0);
}

#[test]
fn one_process_a_directory() {
    let dir = Temp::new();
    let data = dir.path("data");
    let node = Node::start(&data);
    let (code, text) = Node::try_start(&data).err().unwrap();
    assert!(code == 3 && text.contains("is in use by another process") && text.contains("data"), "{code}: {text}");
    let (code, text) = output(&mut atoll(&["debug", "ranges", "--data", data.to_str().unwrap()]));
    assert!(code == 3 && text.contains("is in use by another process"), "{code}: {text}");
    node.kill();
    // Whoever was killed holds nothing.
    Node::start(&data);
}

#[test]
fn other_versions_are_named_and_refused() {
    let dir = Temp::new();
    let data = dir.path("data");
    Node::start(&data).terminate();
    let version = data.join("version");
    let own = fs::read_to_string(&version).unwrap();
    fs::write(&version, own.replace("format 1", "format 7")).unwrap();
    let (code, text) = Node::try_start(&data).err().unwrap();
    assert!(code == 4 && text.contains("says format 7; this release"), "{code}: {text}");
    fs::write(&version, own.replace("node 1", "node 2")).unwrap();
    let (code, text) = Node::try_start(&data).err().unwrap();
    assert!(code == 7 && text.contains("version is damaged: its checksum doesn't fit"), "{code}: {text}");
    fs::write(&version, own).unwrap();
    Node::start(&data);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let dir = Temp::new();
    fs::write(dir.path("letter.txt"), "dear").unwrap();
    let (code, text) = Node::try_start(&dir.0).err().unwrap();
    assert!(code == 5 && text.contains("holds letter.txt: not a data directory of atoll"), "{code}: {text}");
    let (code, text) = Node::try_start(&dir.path("letter.txt")).err().unwrap();
    assert!(code == 5, "{code}: {text}");
    // The data without the file that says whose it is.
    let data = dir.path("data");
    Node::start(&data).terminate();
    fs::remove_file(data.join("version")).unwrap();
    let (code, text) = Node::try_start(&data).err().unwrap();
    assert!(
        code == 5 && text.contains("no file version, but holds ") && text.contains("log, state: not a data"),
        "{code}: {text}"
    );
    let (code, text) = output(&mut atoll(&["debug", "verify", "--data", dir.path("none").to_str().unwrap()]));
    assert!(code == 5 && !dir.path("none").exists(), "{code}: {text}");
}

#[test]
fn an_unwritable_directory_is_refused() {
    let dir = Temp::new();
    let data = dir.path("data");
    fs::create_dir(&data).unwrap();
    let name = data.to_str().unwrap();
    let mut command = if rustix::process::geteuid().is_root() {
        // Root may write anywhere but on a read-only file system.
        if !may_mount() {
            println!("skipped: root, and not allowed to mount");
            return;
        }
        let script = r#"mount -t tmpfs -o ro tmpfs "$1" && exec "$2" start --rpc 127.0.0.1:0 --data "$1""#;
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh", name, env!("CARGO_BIN_EXE_atoll")]);
        command
    } else {
        let mut permissions = fs::metadata(&data).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o555);
        fs::set_permissions(&data, permissions).unwrap();
        atoll(&["start", "--rpc", "127.0.0.1:0", "--data", name])
    };
    let (code, text) = output(&mut command);
    assert!(code == 5 && text.contains("the node needs to write there"), "{code}: {text}");
}

#[test]
fn ports() {
    let dir = Temp::new();
    let (first, second) = (dir.path("a"), dir.path("b"));
    let node = Node::start(&first);
    let taken = node.rpc.to_string();
    let arguments = |rpc| ["start", "--data", second.to_str().unwrap(), "--rpc", rpc];
    let (code, text) = output(&mut atoll(&arguments(&taken)));
    assert!(code == 8 && text.contains(&format!("{taken} is taken by another process")), "{code}: {text}");
    let (code, text) = output(&mut atoll(&arguments("0.0.0.0:0")));
    assert!(code == 8 && text.contains("is not a loopback address"), "{code}: {text}");
    // The default one moves, whether it is this test or somebody else who has it.
    let _held = TcpListener::bind("127.0.0.1:7400");
    let moved = Node::run(&mut atoll(&["start", "--data", second.to_str().unwrap()])).ok().unwrap();
    assert!(moved.rpc.port() > 7400 && moved.rpc.port() <= 7500, "{}", moved.ready);
    let (_, log) = moved.terminate();
    assert!(log.contains("port 7400 is taken, so rpc listens on"), "{log}");
}

/// `atoll start | head -1`, and the same for a verb that only tells something.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_what_it_says() {
    let dir = Temp::new();
    let data = dir.path("data");
    let name = data.to_str().unwrap();
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut node = atoll(&["start", "--data", name, "--rpc", &port]).stdout(write).spawn().unwrap();
    while output(&mut atoll(&["status", "--rpc", &port])).0 != 0 {
        assert_eq!(node.try_wait().unwrap(), None, "it ended");
    }
    for arguments in [&["status", "--rpc", &port][..], &["bench", "kv", "--connect", &port, "--secs", "1"]] {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let ended = atoll(arguments).stdout(write).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
    node.kill().unwrap();
    node.wait().unwrap();
}

#[test]
fn wrong_arguments() {
    // What the design has and this release has not is refused like anything unknown.
    let (code, text) = output(&mut atoll(&["start", "--capacity", "2"]));
    assert!(code == 2 && text.contains("unexpected argument '--capacity'"), "{code}: {text}");
    let (code, text) = output(&mut atoll(&["--help"]));
    assert!(code == 0 && text.contains("Examples:") && text.contains("Exit codes:"), "{code}: {text}");
    let (code, text) = output(&mut atoll(&["status", "--rpc", "127.0.0.1:1"]));
    assert!(code == 1 && text.contains("no node answers at 127.0.0.1:1"), "{code}: {text}");
}
