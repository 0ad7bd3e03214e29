//! Nodes that join: ranges get replicas there, and the sessions of the first node go on while two of three nodes are up.

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
