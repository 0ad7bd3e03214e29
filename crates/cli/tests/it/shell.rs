//! `atoll sql` from outside: the same scripts through it and through psql say the same.
//!
//! Scripts are in `tests/shell`: `NAME.sql` with what psql 15 said beside it, in `NAME.out`; `options.txt` has a line of
//! arguments for each run. Where psql 15 is installed it is asked again, so that what is recorded stays true; with
//! `UPDATE_GOLDEN=1` its answers are recorded.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Node, Temp, atoll, copy_dir};
use atoll_cluster::Router;
use atoll_env::{Env, NodeId};
use atoll_pg as pg;
use atoll_pg::tls::Certificate;
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::Senders;
use atoll_sql::session;
use rustix::process::{Pid, Signal, kill_process};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shell")
}

/// Only psql 15 is the model: others say some things in other words.
fn has_psql() -> bool {
    let version = Command::new("psql").arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(" 15."))
}

#[derive(Clone, Copy, PartialEq)]
enum Shell {
    Atoll,
    Psql,
}

impl Shell {
    fn command(self, node: &Node, dir: &Path) -> Command {
        let mut command = match self {
            Shell::Atoll => atoll(&["sql"]),
            Shell::Psql => Command::new("psql"),
        };
        for name in ["PGDATABASE", "PGPASSWORD", "PGOPTIONS", "PGSERVICE", "PAGER", "PSQL_PAGER"] {
            command.env_remove(name);
        }
        let port = node.sql.port().to_string();
        command.env("PGHOST", "127.0.0.1").env("PGPORT", port).env("PGUSER", "postgres").env("PGSSLMODE", "disable");
        command.env("LC_ALL", "C.UTF-8").arg("-X").current_dir(dir).stdin(Stdio::null());
        command
    }
}

/// Everything that a run said, with what differs on purpose made equal: each program calls itself by its name, and the
/// server's port is any.
fn said(node: &Node, Output { status, stdout, stderr }: Output) -> String {
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let stderr: String = stderr.lines().map(|line| format!("{}\n", named(line))).collect();
    let code = status.code().unwrap_or(-1);
    let text = format!("{stdout}--- stderr\n{stderr}--- exit code {code}\n");
    text.replace(&node.sql.port().to_string(), "PORT")
}

fn named(line: &str) -> String {
    match line.strip_prefix("psql:") {
        Some(rest) => format!("atoll:{rest}"),
        None => line.to_owned(),
    }
}

/// Compares what both shells said with what is recorded in this file.
fn compare(name: &str, ours: &str, theirs: Option<String>) {
    let path = scripts().join(name);
    if let Some(theirs) = &theirs
        && std::env::var_os("UPDATE_GOLDEN").is_some()
    {
        fs::write(&path, theirs).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if let Some(theirs) = theirs {
        assert_same(&format!("psql says something else than {name}: UPDATE_GOLDEN=1 records it"), &recorded, &theirs);
    }
    assert_same(&format!("atoll sql says something else than {name}"), &recorded, ours);
}

fn assert_same(what: &str, expected: &str, found: &str) {
    if expected == found {
        return;
    }
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let same = expected.iter().zip(&found).take_while(|(expected, found)| expected == found).count();
    let around = |lines: &[&str]| lines[same.saturating_sub(4)..(same + 8).min(lines.len())].join("\n");
    panic!("{what}\n--- expected, around line {}\n{}\n--- found\n{}", same + 1, around(&expected), around(&found));
}

fn run_script(name: &str) {
    let temp = Temp::new();
    let node = Node::start(&temp.path("data"));
    let run = |shell: Shell| {
        let dir = temp.path(if shell == Shell::Atoll { "atoll" } else { "psql" });
        copy_dir(&scripts(), &dir);
        let output = shell.command(&node, &dir).args(["-f", &format!("{name}.sql")]).output().unwrap();
        said(&node, output)
    };
    let theirs = has_psql().then(|| run(Shell::Psql));
    compare(&format!("{name}.out"), &run(Shell::Atoll), theirs);
}

#[test]
fn formats_are_psqls() {
    run_script("formats");
}

#[test]
fn statements_and_errors_are_psqls() {
    run_script("statements");
}

#[test]
fn transactions_are_psqls() {
    run_script("transactions");
}

#[test]
fn changes_of_the_connection_are_psqls() {
    run_script("connect");
}

#[test]
fn variables_and_conditions_are_psqls() {
    run_script("variables");
}

#[test]
fn commands_are_psqls() {
    run_script("commands");
}

#[test]
fn copies_are_psqls() {
    run_script("copy");
}

#[test]
fn descriptions_are_psqls() {
    run_script("describe");
}

#[test]
fn options_and_exit_codes_are_psqls() {
    let temp = Temp::new();
    let node = Node::start(&temp.path("data"));
    let lines = fs::read_to_string(scripts().join("options.txt")).unwrap();
    let run = |shell: Shell| {
        let dir = temp.path(if shell == Shell::Atoll { "atoll" } else { "psql" });
        copy_dir(&scripts(), &dir);
        let mut text = String::new();
        for line in lines.lines() {
            let (program, arguments) = {
                let command = shell.command(&node, &dir);
                let words = std::iter::once(command.get_program()).chain(command.get_args());
                let words: Vec<String> = words.map(|word| word.to_str().unwrap().to_owned()).collect();
                (words.join(" "), line)
            };
            let mut command = shell.command(&node, &dir);
            let environment: Vec<_> =
                command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
            command = Command::new("sh");
            command.args(["-c", &format!("{program} {arguments}")]).envs(environment).current_dir(&dir);
            let output = command.stdin(Stdio::null()).output().unwrap();
            text.push_str(&format!("$ {line}\n{}\n", said(&node, output)));
        }
        text
    };
    let theirs = has_psql().then(|| run(Shell::Psql));
    compare("options.out", &run(Shell::Atoll), theirs);
}

fn shell(node: &Node, temp: &Temp, arguments: &[&str]) -> Command {
    let mut command = Shell::Atoll.command(node, &temp.0);
    command.args(arguments);
    command
}

fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let mut command = atoll(&["sql", "postgresql://127.0.0.1:1/", "-c", "select 1"]);
    let (code, _, stderr) = output(command.env_remove("PGSSLMODE"));
    assert_eq!(code, 2);
    assert!(
        stderr.starts_with("atoll: error: connection to server at \"127.0.0.1\", port 1 failed: Connection refused"),
        "{stderr}"
    );
    assert_eq!(output(&mut atoll(&["sql", "postgresql://h?nonsense=1"])).0, 1);
}

#[test]
fn a_large_result_is_shown_in_pieces() {
    let temp = Temp::new();
    let node = Node::start(&temp.path("data"));
    let query = "select i, repeat('x', 100) from generate_series(1, 300000) i";
    let (code, stdout, _) = output(&mut shell(&node, &temp, &["--csv", "-c", query]));
    assert_eq!(
        (code, stdout.lines().count(), stdout.lines().last().unwrap().split(',').next()),
        (0, 300_001, Some("300000"))
    );
    let (_, stdout, _) = output(&mut shell(&node, &temp, &["-c", query]));
    assert_eq!(stdout.lines().count(), 300_004);
    assert!(stdout.ends_with("\n(300000 rows)\n\n"));
    let (_, stdout, _) =
        output(&mut shell(&node, &temp, &["-v", "FETCH_COUNT=2", "-c", "select generate_series(98, 101) as n"]));
    assert_eq!(stdout, " n  \n----\n 98\n 99\n 100\n 101\n(4 rows)\n\n");
    // Whoever reads may stop.
    let mut child = shell(&node, &temp, &["-c", query]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 100]).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), &stderr[..]), (Some(0), &b""[..]));
}

#[test]
fn ctrl_c_cancels_what_runs() {
    let temp = Temp::new();
    let node = Node::start(&temp.path("data"));
    fs::write(temp.path("long.sql"), "\\echo begun\nselect pg_sleep(60);\n\\echo never\n").unwrap();
    let mut command = shell(&node, &temp, &["-f", "long.sql"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut begun = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"begun\n");
    let began = Instant::now();
    // Until the statement is under way: a signal before it ends the script, as it should, but that's another test.
    std::thread::sleep(Duration::from_millis(500));
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!((status.code(), &stdout[..]), (Some(3), &b""[..]), "{stderr}");
    assert!(stderr.contains("Cancel request sent\n"), "{stderr}");
    assert!(stderr.contains("ERROR:  canceling statement due to user request"), "{stderr}");
}

#[test]
fn a_server_that_goes_away_ends_a_script() {
    let temp = Temp::new();
    let node = Node::start(&temp.path("data"));
    let mut command = shell(&node, &temp, &["-f", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"\\echo begun\n\\echo\n").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
    node.kill();
    stdin.write_all(b"select 1;\n\\echo never\n").unwrap();
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!((status.code(), &stdout[..]), (Some(2), "\n"), "{stderr}");
    assert!(stderr.contains("server closed the connection unexpectedly"), "{stderr}");
    assert!(stderr.contains("connection to server was lost"), "{stderr}");
}

/// Another way to the node's data, which wants passwords from this machine, too, and has a certificate if one is given.
async fn guarded(node: &Node, certificate: Option<&Certificate>) -> pg::Handle {
    let env = Env::real_client(NodeId::default());
    env.net.set_node(NodeId(env.entropy.next_u64() | 1 << 63), 0);
    env.net.set_peer(NodeId(1), node.rpc.to_string());
    let gateway = Arc::new(Senders(Router::outside(env.clone(), vec![NodeId(1)])));
    let sessions = session::Node::open(env.clone(), gateway, Pool::default(), Place::default())
        .await
        .map_err(|failure| failure.into_error())
        .unwrap();
    let catalog = sessions.clone();
    let roles: pg::Roles = Arc::new(move |name: &str| {
        let found = catalog.catalog().role_named(name).cloned();
        let role = found.map(|role| pg::Role { verifier: role.password.clone(), superuser: role.superuser });
        Box::pin(async move { Ok(role) })
    });
    let tls = certificate.map(|certificate| pg::Tls::with_certificate(certificate).unwrap());
    let listener = env.net.listen_clients("127.0.0.1:0".parse().unwrap()).await.unwrap();
    pg::serve(sessions, env, listener, pg::Options { tls, ..pg::Options::new(roles, [7; 32]) })
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_certificates() {
    let temp = Temp::new();
    let node = Node::start(&temp.path("data"));
    let create = ["-q", "-c", "create role guest login password 'se cret'"];
    assert_eq!(output(&mut shell(&node, &temp, &create)).0, 0);
    let certificate = Certificate::self_signed(vec!["localhost".into()]).unwrap();
    let (clear, encrypted) = (guarded(&node, None).await, guarded(&node, Some(&certificate)).await);
    fs::write(temp.path("root.crt"), &certificate.certificate_pem).unwrap();
    let stranger = Certificate::self_signed(vec!["localhost".into()]).unwrap();
    fs::write(temp.path("stranger.crt"), &stranger.certificate_pem).unwrap();
    let ask = |arguments: &[&str], password: &str| {
        let mut command = atoll(&["sql", "-At", "-c", "select current_user", "-c", "\\conninfo"]);
        command.args(arguments).env("PGPASSWORD", password).current_dir(&temp.0);
        let (code, stdout, stderr) = output(&mut command);
        (code, stdout.contains("SSL connection (protocol: TLSv1.3, cipher: TLS_"), format!("{stdout}{stderr}"))
    };
    let port = |handle: &pg::Handle| handle.address().port().to_string();
    let (clear_port, port) = (port(&clear), port(&encrypted));

    // In a URL, in the environment, wrong, and not at all.
    let url = format!("postgresql://guest:se%20cret@127.0.0.1:{clear_port}/postgres");
    let (code, tls, text) = ask(&[&url], "");
    assert!(code == 0 && !tls && text.starts_with("guest\n"), "{text}");
    let guest = ["-U", "guest", "-d", "postgres", "-h", "localhost", "-p"];
    assert_eq!(ask(&[&guest[..], &[&clear_port]].concat(), "se cret").0, 0);
    let (code, _, text) = ask(&[&guest[..], &[&clear_port]].concat(), "wrong");
    assert!(code == 2 && text.contains("FATAL:  password authentication failed for user \"guest\""), "{text}");
    let (code, _, text) = ask(&[&guest[..], &[&clear_port, "-w"]].concat(), "");
    assert!(code == 2 && text.contains("no password supplied"), "{text}");

    let at = format!("host=localhost port={port} user=guest dbname=postgres");
    for (mode, code, tls, says) in [
        ("sslmode=disable", 0, false, "guest"),
        ("", 0, true, "guest"),
        ("sslmode=require", 0, true, "guest"),
        ("sslmode=verify-full sslrootcert=root.crt", 0, true, "guest"),
        ("sslmode=verify-full sslrootcert=stranger.crt", 2, false, "invalid peer certificate"),
        ("sslmode=verify-full sslrootcert=root.crt host=127.0.0.1", 2, false, "invalid peer certificate"),
        ("sslmode=verify-ca sslrootcert=root.crt host=127.0.0.1", 0, true, "guest"),
        ("sslmode=verify-full", 2, false, "sslrootcert"),
        ("sslmode=perhaps", 2, false, "invalid sslmode value: \"perhaps\""),
    ] {
        let found = ask(&[&format!("{at} {mode}")], "se cret");
        assert!((found.0, found.1) == (code, tls) && found.2.contains(says), "{mode}: {found:?}");
    }
    let (code, _, text) = ask(&[&format!("{url}?sslmode=require")], "");
    assert!(code == 2 && text.contains("server does not support SSL, but SSL was required"), "{text}");
}
