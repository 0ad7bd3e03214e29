//! Cancelling, limits, vanishing, ending.

// The sockets of clients are outside of the node.
#![allow(clippy::disallowed_types)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BufMut;
use tokio::net::TcpStream;

use super::fake::{Node, listening, options, server};
use super::raw::{Raw, message, parse, query, startup, tags, told};
use crate::server::Options;

const ADMIN: &str = "FATAL 57P01 terminating connection due to administrator command";

/// Waits for what another task does soon.
async fn soon(node: &Node, count: &AtomicUsize, expected: usize) {
    for _ in 0..2000 {
        if count.load(Ordering::SeqCst) == expected {
            return;
        }
        node.env.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("{} instead of {expected}", count.load(Ordering::SeqCst));
}

fn cancel_request(key: &[u8]) -> Vec<u8> {
    startup(80_877_102, key)
}

#[tokio::test]
async fn cancel_requests_need_the_secret() {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    let mut raw = Raw::connect(&server, &node);
    let key = raw.log_in("bob").await;
    for statement in ["wait", "copy in"] {
        raw.send(&[query(statement)]).await;
        for wrong in [0, 7, 4] {
            let mut key = key.to_vec();
            key[wrong] ^= 1;
            let mut canceller = Raw::connect(&server, &node);
            canceller.send(&[cancel_request(&key)]).await;
            assert!(canceller.rest().await.is_empty());
        }
        for short in [&key[..4], &key[..7]] {
            let mut canceller = Raw::connect(&server, &node);
            canceller.send(&[cancel_request(short)]).await;
            canceller.rest().await;
        }
        node.env.clock.sleep(Duration::from_millis(20)).await;
        assert_eq!(node.seen.cancelled.load(Ordering::SeqCst), 0);
        let mut canceller = Raw::connect(&server, &node);
        canceller.send(&[cancel_request(&key)]).await;
        assert!(canceller.rest().await.is_empty());
        let replies = raw.until('Z').await;
        let error = replies.iter().find(|reply| reply.0 == 'E').unwrap();
        assert_eq!(told(error), "ERROR 57014 canceling statement due to user request");
        node.seen.cancelled.store(0, Ordering::SeqCst);
    }
    assert_eq!(tags(&raw.ask(&[query("rows 1")]).await), "TDCZ");
}

#[tokio::test]
async fn a_vanished_client_stops_its_statement() {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    for (opened, statement) in (1..).zip(["wait", "fill", "copy in"]) {
        let mut raw = Raw::session(&server, &node).await;
        raw.send(&[query(statement)]).await;
        node.env.clock.sleep(Duration::from_millis(10)).await;
        drop(raw);
        soon(&node, &node.seen.closed, opened).await;
    }
    // One that has said goodbye wants done what it asked for.
    let mut raw = Raw::connect(&server, &node);
    let key = raw.log_in("bob").await;
    raw.send(&[query("wait"), message(b'X', b"")]).await;
    drop(raw);
    node.env.clock.sleep(Duration::from_millis(50)).await;
    assert_eq!(node.seen.closed.load(Ordering::SeqCst), 3);
    Raw::connect(&server, &node).send(&[cancel_request(&key)]).await;
    soon(&node, &node.seen.closed, 4).await;
}

#[tokio::test]
async fn limits_of_time() {
    let idle_limit = Some(Duration::from_millis(30));
    let node = Arc::new(Node { idle_limit, statement_limit: Some(Duration::from_millis(100)), ..Node::new() });
    let fake = server(&node, options(None));
    let mut raw = Raw::session(&fake, &node).await;
    let replies = raw.ask(&[query("wait")]).await;
    assert_eq!(told(&replies[0]), "ERROR 57014 canceling statement due to statement timeout");
    let replies = raw.rest().await;
    assert_eq!(told(&replies[0]), "FATAL 57P05 terminating connection due to idle-session timeout");
    assert_eq!(replies.len(), 1);

    let hasty = Options { authentication_timeout: Duration::from_millis(30), trust_loopback: false, ..options(None) };
    let hasty = server(&node, hasty);
    for beginning in [&b""[..], b"\0\0", &startup(80_877_103, b"")[..], &startup(196_608, b"user\0alice\0\0")[..]] {
        let mut raw = Raw::connect(&hasty, &node);
        raw.send(&[beginning.to_vec()]).await;
        let bytes = tokio::io::AsyncReadExt::read_to_end(&mut raw.stream, &mut Vec::new()).await.unwrap();
        assert!(bytes < 100);
    }
}

#[tokio::test]
async fn so_many_and_no_more() {
    let node = Arc::new(Node::new());
    let server = server(&node, Options { connections_max: 3, superuser_connections: 1, ..options(None) });
    let first = Raw::session(&server, &node).await;
    let _second = Raw::session(&server, &node).await;
    let refused = async |user: &str| {
        let mut raw = Raw::connect(&server, &node);
        raw.send(&[startup(196_608, format!("user\0{user}\0\0").as_bytes())]).await;
        told(raw.rest().await.last().unwrap())
    };
    assert_eq!(
        refused("bob").await,
        "FATAL 53300 remaining connection slots are reserved for non-replication superuser connections"
    );
    Raw::connect(&server, &node).log_in("admin").await;
    soon(&node, &node.seen.closed, 1).await;
    let mut admin = Raw::connect(&server, &node);
    admin.log_in("admin").await;
    assert_eq!(refused("bob").await, "FATAL 53300 sorry, too many clients already");
    assert_eq!(refused("admin").await, "FATAL 53300 sorry, too many clients already");
    drop((first, admin));
    soon(&node, &node.seen.closed, 3).await;
    Raw::session(&server, &node).await;
}

#[tokio::test]
async fn terminating_ends_idle_busy_and_stuck_sessions() {
    let node = Arc::new(Node::new());
    let (handle, address) = listening(&node, options(None)).await;
    assert_eq!(handle.address(), address);
    for (ended, statement) in (1..).zip(["", "wait", "fill", "copy in", "stuck"]) {
        let config = format!("host=127.0.0.1 port={} user=bob", address.port());
        let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
        let connection = node.env.tasks.spawn("test", connection);
        let rows = client.simple_query("pid").await.unwrap();
        let pid = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(|pid| pid.parse::<i32>().unwrap()),
            _ => None,
        });
        // Without its client the connection would end by itself.
        let client = Arc::new(client);
        let asking = client.clone();
        let running = node.env.tasks.spawn("test", async move { asking.simple_query(statement).await.map(drop) });
        node.env.clock.sleep(Duration::from_millis(20)).await;
        assert_eq!(handle.sessions(), 1);
        assert!(handle.terminate(pid.unwrap()));
        soon(&node, &node.seen.closed, ended).await;
        let outcome = (running.await.unwrap(), connection.await.unwrap());
        let errors = [outcome.0.err(), outcome.1.err()];
        if statement.is_empty() || statement == "wait" {
            let state = errors.iter().flatten().find_map(|error| error.as_db_error());
            assert_eq!(
                state.map(|error| (error.severity(), error.code().code())),
                Some(("FATAL", "57P01")),
                "{errors:?}"
            );
        }
    }
    assert!(!handle.terminate(1) && !handle.cancel(1));
}

#[tokio::test]
async fn stopping_waits_for_statements_but_not_for_ever() {
    for (grace, severity) in [(10_000, "done"), (50, ADMIN)] {
        let node = Arc::new(Node::new());
        let (handle, address) = listening(&node, options(None)).await;
        let connect = async || Raw::new(TcpStream::connect(address).await.unwrap());
        let (mut idle, mut busy, mut early) = (connect().await, connect().await, connect().await);
        idle.log_in("bob").await;
        busy.log_in("bob").await;
        busy.send(&[parse("", "rows 1"), query("wait")]).await;
        early.send(&[vec![0, 0]]).await;
        node.env.clock.sleep(Duration::from_millis(20)).await;
        let stopping = node.env.tasks.spawn("test", handle.stop(Duration::from_millis(grace)));
        assert_eq!(told(&idle.rest().await[0]), ADMIN);
        assert!(early.rest().await.is_empty());
        if severity == "done" {
            drop(busy);
        } else {
            let replies = busy.rest().await;
            assert_eq!((&tags(&replies)[..], told(replies.last().unwrap())), ("1E", ADMIN.to_owned()));
        }
        stopping.await.unwrap();
        assert_eq!(node.seen.closed.load(Ordering::SeqCst), 2);
        assert!(TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn versions_and_wrong_beginnings() {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    let mut raw = Raw::connect(&server, &node);
    raw.send(&[startup(196_610, b"user\0bob\0_pq_.x\0yes\0\0")]).await;
    let replies = raw.until('Z').await;
    assert_eq!(tags(&replies), "vRSSKZ");
    let mut expected = Vec::new();
    expected.put_u32(196_608);
    expected.put_u32(1);
    expected.put_slice(b"_pq_.x\0");
    assert_eq!(replies[0].1, expected);
    for (code, body, error) in [
        (131_072, &b""[..], "FATAL 0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.0"),
        (196_608, b"\0", "FATAL 28000 no PostgreSQL user name specified in startup packet"),
        (196_608, b"user\0b\0database\0nowhere\0\0", "FATAL 3D000 database \"nowhere\" does not exist"),
    ] {
        let mut raw = Raw::connect(&server, &node);
        raw.send(&[startup(code, body)]).await;
        assert_eq!(told(raw.rest().await.last().unwrap()), error);
    }
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\xff\xff\xff\xff", b"\0\0\0\x04", b"\0\0\x27\x11\0\x03\0\0"] {
        let mut raw = Raw::connect(&server, &node);
        raw.send(&[garbage.to_vec()]).await;
        assert!(raw.rest().await.is_empty());
    }
    let mut raw = Raw::session(&server, &node).await;
    raw.send(&[b"p\0\0\0\x04".to_vec()]).await;
    assert_eq!(told(&raw.rest().await[0]), "FATAL 08P01 invalid frontend message type 112");
}
