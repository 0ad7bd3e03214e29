//! Health, metrics and the console, as curl and Prometheus would ask for them.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

use crate::common::{Node, Temp};

/// The status and the body of an answer.
fn ask(at: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).rsplit(' ').next().unwrap().parse().unwrap()
}

/// Runs statements one by one; the rows of the last one, or nothing if it failed.
fn run(node: &Node, statements: &[&str]) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let address = format!("host={} port={} user=postgres dbname=postgres", node.sql.ip(), node.sql.port());
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut rows = Vec::new();
        for statement in statements {
            rows = client.simple_query(statement).await.unwrap_or_default();
        }
        drop(client);
        connection.await.unwrap().unwrap();
        let fields = |row: SimpleQueryRow| (0..row.len()).map(|at| row.get(at).unwrap_or("∅").to_owned()).collect();
        let rows = rows.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(fields(row)),
            _ => None,
        });
        rows.collect()
    })
}

#[test]
fn a_node_tells_how_it_is() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    assert_eq!(ask(node.http, "GET /health"), (200, "alive\n".to_owned()));
    assert_eq!(ask(node.http, "GET /health?ready=1"), (200, "ready\n".to_owned()));
    assert_eq!(ask(node.http, "GET /nowhere").0, 404);
    assert_eq!(ask(node.http, "POST /health").0, 405);

    let before = ask(node.http, "GET /metrics").1;
    run(&node, &["create table t (a int)", "begin", "insert into t values (1)", "rollback", "select 1/0"]);
    let after = ask(node.http, "GET /metrics").1;
    let grew = |name| value(&after, name) - value(&before, name);
    assert_eq!(grew("atoll_sql_statements_total"), 4.0);
    assert_eq!(grew("atoll_sql_errors_total"), 1.0);
    assert_eq!(grew("atoll_sql_request_seconds_count"), 5.0);
    assert_eq!(grew("atoll_sql_transactions_total{outcome=\"committed\"}"), 1.0);
    assert_eq!(grew("atoll_sql_transactions_total{outcome=\"rolled_back\"}"), 2.0);
    assert!(grew("atoll_log_syncs_total") > 0.0);
    assert_eq!(value(&after, "atoll_nodes{state=\"up\"}"), 1.0);
    assert_eq!(value(&after, "atoll_ready"), 1.0);

    // What is promised is there, and what is there is promised.
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md")).unwrap();
    let promised: BTreeSet<&str> =
        docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(|name| name.trim()).collect();
    let told: BTreeSet<&str> =
        after.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(told, promised);

    let (status, overview) = ask(node.http, "GET /api/overview");
    assert_eq!(status, 200);
    for part in ["\"nodes\":[{", "\"leaseholder\":1", "\"ranges_in_all\":1", "\"voters\":[1]"] {
        assert!(overview.contains(part), "{part} in {overview}");
    }
    let (status, page) = ask(node.http, "GET /");
    assert!(status == 200 && page.contains("api/overview") && page.contains("<title>Atoll</title>"));
}

#[test]
fn nodes_and_ranges_are_shown_in_sql() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    let rpc = node.rpc.to_string();
    assert_eq!(run(&node, &["show nodes"]), [["1", &rpc, "up", "∅", "1", "1"]]);
    let ranges = run(&node, &["create table t (a int)", "show ranges from table t"]);
    assert!(
        matches!(&ranges[..], [range] if range[3].contains('t') && range[5] == "1" && range[6] == "{1}"),
        "{ranges:?}"
    );
    assert_eq!(ranges, run(&node, &["show ranges"]));
    assert_eq!(
        run(&node, &["select count(*) from atoll_ranges r, atoll_nodes n where r.leaseholder = n.node"]),
        [["1"]]
    );
}

#[test]
fn broken_clients_hurt_nobody() {
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    // They say nothing, and no more than 64 are let in.
    let mut silent: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(node.http).unwrap()).collect();
    let refused = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        matches!(stream.read(&mut [0]), Ok(0))
    };
    let refused = silent.iter_mut().rev().take(16).filter_map(|stream| refused(stream).then_some(())).count();
    assert_eq!(refused, 16);
    drop(silent);
    let mut huge = TcpStream::connect(node.http).unwrap();
    huge.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = huge.write_all(format!("GET /{} HTTP/1.1\r\n", "x".repeat(1 << 20)).as_bytes());
    let mut answer = Vec::new();
    // It is told that this is too long, or cut off.
    let _ = huge.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    for _ in 0..100 {
        if let Ok(mut stream) = TcpStream::connect(node.http) {
            let _ = stream.write_all(b"GET /health HTTP/1.0\r\n\r\n");
            let mut answer = String::new();
            if stream.read_to_string(&mut answer).is_ok() && answer.contains("alive") {
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nobody is let in any more");
}
