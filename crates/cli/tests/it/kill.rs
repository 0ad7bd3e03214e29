//! Nothing acknowledged is lost: kill -9, power cuts, disks that lie and disks that fail. Longer: `./dev soak`.

use crate::common::{Node, Temp, atoll, output, put, rows};

fn bench(dir: &Temp, more: &[&str]) -> std::process::Command {
    let mut command = atoll(&["bench", "kv", "--writers", "4", "--data", dir.0.to_str().unwrap()]);
    command.args(more);
    command
}

#[test]
fn killed_under_load() {
    let dir = Temp::new();
    let acks = dir.path("acknowledged");
    let (code, text) = output(&mut bench(&dir, &["--kill", "5", "--ack-log", acks.to_str().unwrap()]));
    println!("{text}");
    assert_eq!(code, 0);
    assert!(
        text.contains(" 0 lost, 0 that should not be there, 0 half done") && text.contains("the closed store verifies")
    );
    assert!(std::fs::read_to_string(acks).unwrap().lines().count() > 100);
}

#[test]
fn power_cuts_under_load() {
    let dir = Temp::new();
    let (code, text) = output(&mut bench(&dir, &["--kill", "5", "--power-cut"]));
    println!("{text}");
    assert_eq!(code, 0);
    assert!(text.contains(" 0 lost, 0 that should not be there, 0 half done"));
}

/// The check itself: it must notice when syncs do nothing.
#[test]
fn a_lying_disk_is_noticed() {
    for lie in [".wal", "/state/"] {
        let dir = Temp::new();
        let (code, text) = output(bench(&dir, &["--kill", "20", "--power-cut"]).env("POWERCUT_LIE", lie));
        println!("{text}");
        assert!(code != 0 && (text.contains(" is damaged") || text.contains("can't serve") || text.contains("WRONG")));
    }
}

/// Whoever was told "done" finds it after the restart; nobody is told so after the failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fsync_stops_the_node() {
    let dir = Temp::new();
    let library = dir.path("powercut.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/powercut/powercut.c");
    let (code, text) =
        output(std::process::Command::new("cc").args(["-shared", "-fPIC", "-O2", source, "-o"]).arg(&library));
    assert_eq!(code, 0, "{text}");
    for at in ["20", "35", "60"] {
        let (data, shadow) = (dir.path(&format!("data{at}")), dir.path(&format!("shadow{at}")));
        std::fs::create_dir(&data).unwrap();
        std::fs::create_dir(&shadow).unwrap();
        let mut command =
            atoll(&["start", "--rpc", "127.0.0.1:0", "--sql", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        command.env("LD_PRELOAD", &library).env("POWERCUT_DIR", &data).env("POWERCUT_SHADOW", &shadow);
        let node = Node::run(command.env("POWERCUT_FAIL", ".wal").env("POWERCUT_FAIL_AT", at)).ok().unwrap();
        let client = node.client();
        let mut acknowledged = 0;
        while put(&client, acknowledged, acknowledged + 1).await.is_ok() {
            acknowledged += 1;
        }
        let (code, log) = node.wait();
        assert!(code == 9 && log.contains("the node has stopped: the log has stopped: sync log/"), "{code}: {log}");

        let node = Node::start(&data);
        let found = rows(&node.client()).await.unwrap();
        // The write that failed may be there: its outcome was unknown.
        assert!(found == acknowledged || found == acknowledged + 1, "{found} rows, {acknowledged} acknowledged");
    }
}
