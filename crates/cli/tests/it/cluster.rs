//! Nodes that join: ranges get replicas there, and the sessions of the first node go on while two of three nodes are up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use atoll_txn::Sender;
use tokio_postgres::Client;

use crate::common::{Node, Temp};

const WITHIN: Duration = Duration::from_secs(40);

/// Waits until the ranges of this node have so many replicas.
async fn replicated(node: &Node, replicas: usize) {
    let begin = Instant::now();
    while begin.elapsed() < WITHIN {
        // One that remembers nothing.
        let router = node.client();
        if router.locate(b"\x01").await.is_ok() && router.replicas_of(b"\x01").len() == replicas {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("there are no {replicas} replicas");
}

/// Inserts a row, again and again until it is there.
async fn insert(session: &Client, row: i32) {
    let begin = Instant::now();
    loop {
        let inserted = session.execute("INSERT INTO t VALUES ($1) ON CONFLICT DO NOTHING", &[&row]).await;
        match inserted {
            Ok(_) => return,
            Err(error) => assert!(begin.elapsed() < WITHIN, "row {row}: {error:?}"),
        }
    }
}

async fn count(session: &Client) -> i64 {
    session.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn two_of_three_nodes_are_enough_and_one_is_not() {
    let temp = Temp::new();
    let first = Node::start(&temp.path("1"));
    let second = Node::join(&temp.path("2"), first.rpc);
    let third = Node::join(&temp.path("3"), first.rpc);
    assert!(second.ready.contains("node n2") && third.ready.contains("node n3"), "{}{}", second.ready, third.ready);
    replicated(&first, 3).await;

    let session = first.session("postgres").await;
    session.batch_execute("SET statement_timeout = '20s'; CREATE TABLE t (a int PRIMARY KEY)").await.unwrap();
    insert(&session, 1).await;
    second.kill();
    insert(&session, 2).await;

    // It is found again, wherever it listens now.
    let second = Node::join(&temp.path("2"), first.rpc);
    assert!(second.ready.contains("node n2"), "{}", second.ready);
    third.kill();
    insert(&session, 3).await;
    assert_eq!(count(&session).await, 3);

    // The proof that the others have counted.
    second.kill();
    session.batch_execute("SET statement_timeout = '2s'").await.unwrap();
    assert!(session.execute("INSERT INTO t VALUES (4)", &[]).await.is_err());
}

#[test]
fn a_node_of_another_cluster_is_refused() {
    let temp = Temp::new();
    let (first, other) = (Node::start(&temp.path("1")), Node::start(&temp.path("2")));
    let member = Node::join(&temp.path("3"), first.rpc);
    assert!(member.ready.contains("node n2"), "{}", member.ready);
    member.kill();
    let (code, text) = {
        let data = temp.path("4");
        let arguments = ["start", "--data", data.to_str().unwrap(), "--rpc", "127.0.0.1:0", "--join", "127.0.0.1:1"];
        crate::common::output(&mut crate::common::atoll(&arguments))
    };
    assert!(code != 0 && text.contains("join the cluster: 127.0.0.1:1: "), "{code} {text}");
    // It has a cluster already; the address is of another one.
    let member = Node::join(&temp.path("3"), other.rpc);
    let (_, text) = member.terminate();
    assert!(text.contains("belongs to another cluster"), "{text}");
}

#[tokio::test]
async fn a_node_is_taken_out_of_the_cluster() {
    let temp = Temp::new();
    let first = Node::start(&temp.path("1"));
    let second = Node::join(&temp.path("2"), first.rpc);
    let session = second.session("postgres").await;
    session.batch_execute("CREATE TABLE t (a int PRIMARY KEY)").await.unwrap();
    insert(&session, 1).await;
    drop(session);
    let rpc = second.rpc.to_string();
    let status = || crate::common::output(&mut crate::common::atoll(&["status", "--rpc", &rpc])).1;
    let begin = Instant::now();
    while !status().contains("node n2") {
        assert!(begin.elapsed() < WITHIN, "{}", status());
    }
    // The first one, which has everything.
    let out =
        |node: &str| crate::common::output(&mut crate::common::atoll(&["node", "decommission", node, "--rpc", &rpc]));
    let (code, text) = out("n1");
    assert!(code == 0 && text.ends_with("n1 is no node of the cluster any more\n"), "{code} {text}");
    let (code, text) = first.wait();
    assert!(code == 9 && text.contains("taken out of the cluster"), "{code} {text}");
    let session = second.session("postgres").await;
    insert(&session, 2).await;
    assert_eq!(count(&session).await, 2);
    let begin = Instant::now();
    while status().contains("node n1") {
        assert!(begin.elapsed() < WITHIN, "{}", status());
    }
    assert!(status().contains("range 1: "), "{}", status());
    let (code, text) = out("2");
    assert!(code == 1 && text.contains("only 0 other nodes are up"), "{code} {text}");
    let (code, text) = out("7");
    assert!(code == 1 && text.contains("the cluster has no n7"), "{code} {text}");
}

async fn value(session: &Client, query: &str) -> String {
    let messages = session.simple_query(query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let row = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
        _ => None,
    });
    row.unwrap_or_else(|| panic!("{query}: no row"))
}

async fn state(session: &Client, statement: &str) -> String {
    let error = session.batch_execute(statement).await.expect_err(statement);
    error.code().unwrap_or_else(|| panic!("{statement}: {error:?}")).code().to_owned()
}

/// Still waiting after a while in which anything else would have ended.
async fn waits<T>(task: &tokio::task::JoinHandle<T>) {
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!task.is_finished());
}

#[tokio::test]
async fn any_node_serves_any_statement() {
    let temp = Temp::new();
    let first = Node::start(&temp.path("1"));
    let second = Node::join(&temp.path("2"), first.rpc);
    let third = Node::join(&temp.path("3"), first.rpc);
    replicated(&first, 3).await;
    let (a, b, c) =
        (first.session("postgres").await, second.session("postgres").await, third.session("postgres").await);

    // What one has defined, all others know at once.
    a.batch_execute("CREATE TABLE t (a serial PRIMARY KEY, b text); CREATE ROLE r LOGIN").await.unwrap();
    for session in [&a, &b, &c] {
        session.batch_execute("INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 10)").await.unwrap();
    }
    assert_eq!(value(&b, "SELECT count(DISTINCT a) FROM t").await, "30");
    assert_eq!(value(&c, "SELECT count(*) FROM pg_roles WHERE rolname = 'r'").await, "1");
    c.batch_execute("SET ROLE r; RESET ROLE").await.unwrap();
    let prepared = c.prepare("SELECT * FROM t WHERE a = $1").await.unwrap();
    assert_eq!(c.query(&prepared, &[&1]).await.unwrap().len(), 1);
    let mut pids = BTreeSet::new();
    for session in [&a, &b, &c] {
        pids.insert(value(session, "SELECT pg_backend_pid()").await);
    }
    assert_eq!(pids.len(), 3);

    // Who reads a table keeps it as it is, wherever the change is asked for.
    a.batch_execute("BEGIN; SELECT * FROM t").await.unwrap();
    assert_eq!(state(&b, "SET lock_timeout = '300ms'; ALTER TABLE t ADD c int DEFAULT 7").await, "55P03");
    b.batch_execute("SET lock_timeout = 0").await.unwrap();
    let altered = tokio::spawn(async move {
        b.batch_execute("ALTER TABLE t ADD c int DEFAULT 7").await.unwrap();
        b
    });
    waits(&altered).await;
    a.batch_execute("INSERT INTO t (b) VALUES ('y'); COMMIT").await.unwrap();
    let b = altered.await.unwrap();
    assert_eq!(value(&c, "SELECT sum(c) FROM t").await, "217");
    assert_eq!(value(&a, "SELECT c FROM t WHERE b = 'y'").await, "7");

    // Strong locks and advisory ones are everybody's.
    a.batch_execute("BEGIN; LOCK TABLE t IN EXCLUSIVE MODE; SELECT pg_advisory_lock(1)").await.unwrap();
    assert_eq!(state(&c, "BEGIN; LOCK TABLE t IN SHARE MODE NOWAIT").await, "55P03");
    c.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(value(&b, "SELECT pg_try_advisory_lock(1)").await, "f");
    assert_eq!(value(&b, "SELECT count(*) FROM t").await, "31");
    let inserted = tokio::spawn(async move {
        c.batch_execute("INSERT INTO t (b) VALUES ('z')").await.unwrap();
        c
    });
    waits(&inserted).await;
    a.batch_execute("ROLLBACK").await.unwrap();
    let c = inserted.await.unwrap();
    assert_eq!(value(&b, "SELECT pg_try_advisory_lock(1)").await, "f", "it is the session's");
    assert_eq!(value(&a, "SELECT pg_advisory_unlock(1)").await, "t");
    let begin = Instant::now();
    while value(&b, "SELECT pg_try_advisory_lock(1)").await == "f" {
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    // So are sessions, and the values of sequences.
    value(&b, "SELECT setval('t_a_seq', 1000)").await;
    for session in [&a, &b, &c] {
        let next: i64 = value(session, "SELECT nextval('t_a_seq')").await.parse().unwrap();
        assert!(next > 1000, "{next}");
    }
    a.batch_execute("CREATE DATABASE other").await.unwrap();
    let other = third.session("other").await;
    let pid = value(&other, "SELECT pg_backend_pid()").await;
    let slept = tokio::spawn(async move { (state(&other, "SELECT pg_sleep(60)").await, other) });
    waits(&slept).await;
    assert_eq!(value(&a, &format!("SELECT pg_cancel_backend({pid})")).await, "t");
    let (cancelled, other) = slept.await.unwrap();
    assert_eq!(cancelled, "57014");
    assert_eq!(state(&a, "DROP DATABASE other").await, "55006");
    a.batch_execute("DROP DATABASE other WITH (FORCE)").await.unwrap();
    assert!(other.simple_query("SELECT 1").await.is_err());
    assert_eq!(value(&a, &format!("SELECT pg_terminate_backend({pid})")).await, "f");

    // What a node held that is gone is free again, and nothing that it began can come to its end.
    c.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let read = tokio::spawn(async move { (value(&a, "SELECT count(*) FROM t").await, a) });
    waits(&read).await;
    third.kill();
    let (rows, a) = tokio::time::timeout(WITHIN, read).await.unwrap().unwrap();
    assert_eq!(rows, "32");
    a.batch_execute("DROP TABLE t").await.unwrap();
    assert_eq!(state(&b, "SELECT * FROM t").await, "42P01");

    // A node that comes again knows what it has missed.
    let third = Node::join(&temp.path("3"), first.rpc);
    let c = third.session("postgres").await;
    assert_eq!(state(&c, "SELECT * FROM t").await, "42P01");
    c.batch_execute("CREATE TABLE t (a int)").await.unwrap();
    assert_eq!(value(&b, "SELECT count(*) FROM t").await, "0");
}
