//! Bytes that no client sends: none may cause a panic, and every connection ends when its client does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use atoll_env::rng::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fake::{LOCAL, Node, options, server};
use super::raw::{bind, execute, message, parse, query, startup, sync};
use crate::server::Options;

/// Conversations in which everything occurs, as one stream of bytes each.
fn conversations() -> Vec<Vec<u8>> {
    let start = startup(196_608, b"user\0bob\0database\0d\0options\0-c a=b\0application_name\0x\0\0");
    let extended = [
        parse("s", "echo"),
        bind("p", "s", Some("hello")),
        message(b'D', b"Ss\0"),
        message(b'D', b"Pp\0"),
        execute("p", 0),
        message(b'H', b""),
        message(b'C', b"Ss\0"),
        message(b'C', b"Pp\0"),
        sync(),
        message(b'B', b"\0s\0\0\x01\0\x01\0\x02\xff\xff\xff\xff\0\0\0\x01x\0\x01\0\x01"),
        execute("", 3),
        sync(),
    ];
    let copy = [
        query("copy in"),
        message(b'd', b"1\n2\n"),
        message(b'c', b""),
        query("copy in"),
        message(b'f', b"why\0"),
        query("copy out"),
        query("rows 300; notice; boom X"),
        message(b'F', b"\0\0\0\x01"),
        message(b'X', b""),
    ];
    let password = message(b'p', b"SCRAM-SHA-256\0\0\0\0\x0fn,,n=,r=abcdefg");
    let last = message(b'p', b"c=biws,r=abcdefgxyz,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    vec![
        [vec![start.clone()], extended.to_vec()].concat().concat(),
        [vec![startup(80_877_103, b""), start.clone()], copy.to_vec()].concat().concat(),
        [startup(196_608, b"user\0alice\0\0"), password, last].concat(),
        startup(80_877_102, b"\0\0\0\x01abcd"),
        startup(80_877_104, b""),
    ]
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.below(6) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(6) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = *rng.pick(&[0, 1, 0x7f, 0x80, 0xff, b'S', b'B']),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, rng.below(256) as u8),
            4 => bytes.truncate(at),
            _ => {
                let end = (at + 1 + rng.below(30) as usize).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_bytes_do_harm() {
    let node = Arc::new(Node::new());
    let trusting = server(&node, options(None));
    let asking = server(&node, Options { trust_loopback: false, ..options(None) });
    let conversations = conversations();
    let mut rng = Rng::stream(1, "hostile");
    for round in 0..4000 {
        let mut bytes = rng.pick(&conversations).clone();
        match rng.below(10) {
            0 => rng.fill(&mut bytes),
            // After a good beginning.
            1 => {
                let at = rng.below(bytes.len() as u64) as usize;
                rng.fill(&mut bytes[at..]);
            }
            _ => mutate(&mut bytes, &mut rng),
        }
        let server = if rng.chance(0.8) { &trusting } else { &asking };
        let (ours, theirs) = tokio::io::duplex(1 + rng.below(4096) as usize);
        let piece = 1 + rng.below(200) as usize;
        let (mut read, mut write) = tokio::io::split(ours);
        let talking = async {
            for piece in bytes.chunks(piece) {
                // It may have had enough of us.
                if write.write_all(piece).await.is_err() {
                    break;
                }
            }
            drop(write.shutdown().await);
        };
        let listening = async { drop(read.read_to_end(&mut Vec::new()).await) };
        let all = async { tokio::join!(server.attend(theirs, LOCAL.into()), talking, listening) };
        let ended = node.env.clock.timeout(Duration::from_secs(120), all).await;
        assert!(ended.is_ok(), "round {round} goes on: {bytes:?}");
    }
    let (opened, closed) = (&node.seen.opened, &node.seen.closed);
    assert!(opened.load(Ordering::SeqCst) > 500, "{opened:?}");
    assert_eq!(opened.load(Ordering::SeqCst), closed.load(Ordering::SeqCst));
}

/// Announced but never sent: memory is taken for what is there.
#[tokio::test]
async fn announcements_cost_nothing() {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    let mut connections = Vec::new();
    for _ in 0..90 {
        let mut raw = super::raw::Raw::session(&server, &node).await;
        raw.send(&[b"Q\x03\xff\xff\xff".to_vec()]).await;
        connections.push(raw);
    }
    let mut raw = super::raw::Raw::session(&server, &node).await;
    assert_eq!(raw.ask(&[query("rows 1")]).await.len(), 4);
}
