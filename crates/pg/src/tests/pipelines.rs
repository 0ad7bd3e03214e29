//! Messages and answers as bytes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::fake::{Node, options, server};
use super::raw::{Raw, bind, execute, field, message, parse, query, sync, tags, told};

async fn session() -> (Arc<Node>, Raw) {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    let raw = Raw::session(&server, &node).await;
    (node, raw)
}

#[tokio::test]
async fn simple_queries() {
    let (_node, mut raw) = session().await;
    assert_eq!(tags(&raw.ask(&[query("rows 2")]).await), "TDDCZ");
    assert_eq!(tags(&raw.ask(&[query("")]).await), "IZ");
    assert_eq!(tags(&raw.ask(&[query("rows 1; boom; rows 1")]).await), "TDCEZ");
    assert_eq!(tags(&raw.ask(&[query("parameter")]).await), "SCZ");
    assert_eq!(tags(&raw.ask(&[query("rows 1; retract")]).await), "TDCEZ");
    let retried = raw.ask(&[query("retry")]).await;
    assert_eq!((&tags(&retried)[..], &retried[1].1[..]), ("TDCZ", &b"\0\x01\0\0\0\x012"[..]));
    let status = |replies: Vec<(char, bytes::Bytes)>| char::from(replies.last().unwrap().1[0]);
    assert_eq!(status(raw.ask(&[query("begin")]).await), 'T');
    assert_eq!(status(raw.ask(&[query("boom")]).await), 'E');
    assert_eq!(status(raw.ask(&[query("commit")]).await), 'I');
}

#[tokio::test]
async fn errors_and_notices_have_all_their_fields() {
    let (_node, mut raw) = session().await;
    let replies = raw.ask(&[query("boom é日 X")]).await;
    let expected = [
        ('S', "ERROR"),
        ('V', "ERROR"),
        ('C', "42601"),
        ('M', "syntax error"),
        ('D', "d"),
        ('H', "h"),
        ('P', "9"),
        ('W', "w"),
        ('s', "s"),
        ('t', "t"),
        ('c', "c"),
        ('d', "ty"),
        ('n', "n"),
    ];
    for (name, value) in expected {
        assert_eq!(field(&replies[0], name).as_deref(), Some(value), "{name}");
    }
    let replies = raw.ask(&[query("notice")]).await;
    assert_eq!(tags(&replies), "NNCZ");
    assert_eq!(
        (told(&replies[0]), told(&replies[1])),
        ("WARNING 01000 beware".into(), "NOTICE 00000 by the way".into())
    );
    assert_eq!(field(&replies[1], 'H').as_deref(), Some("relax"));
}

#[tokio::test]
async fn positions_follow_the_statement_that_runs() {
    let (_node, mut raw) = session().await;
    let replies = raw.ask(&[parse("", "unparsed éX"), sync()]).await;
    assert_eq!(field(&replies[0], 'P').as_deref(), Some("11"));
    raw.ask(&[parse("one", "boom éX"), parse("two", "boom ééX"), sync()]).await;
    let replies = raw.ask(&[bind("", "one", None), bind("p", "two", None), execute("", 0), sync()]).await;
    assert_eq!((&tags(&replies)[..], field(&replies[2], 'P').as_deref()), ("22EZ", Some("7")));
    let replies = raw.ask(&[bind("p", "two", None), execute("p", 0), sync()]).await;
    assert_eq!(field(&replies[1], 'P').as_deref(), Some("8"));
}

#[tokio::test]
async fn an_error_skips_to_sync() {
    let (node, mut raw) = session().await;
    let pipeline = [
        parse("", "boom"),
        bind("", "", None),
        execute("", 0),
        parse("", "rows 1"),
        query("rows 1"),
        message(b'H', b""),
        message(b'F', b""),
        message(b'D', b"broken"),
        sync(),
        query("rows 1"),
    ];
    raw.send(&pipeline).await;
    assert_eq!(tags(&raw.until('Z').await), "12EZ");
    assert_eq!(tags(&raw.until('Z').await), "TDCZ");
    assert_eq!(node.seen.failed.load(Ordering::SeqCst), 0);

    // Refused before it reaches the session, which hears of it.
    raw.ask(&[query("begin")]).await;
    let replies = raw.ask(&[message(b'B', b"\0\0\0\x01\0\x07\0\0\0\0"), execute("", 0), sync()]).await;
    assert_eq!((tags(&replies), &replies[1].1[..]), ("EZ".into(), &b"E"[..]));
    assert_eq!(told(&replies[0]), "ERROR 22023 unsupported format code: 7");
    let replies = raw.ask(&[message(b'Q', b"\xff\0")]).await;
    assert_eq!(told(&replies[0]), "ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff");
    assert_eq!(node.seen.failed.load(Ordering::SeqCst), 2);
    assert_eq!(tags(&raw.ask(&[message(b'D', b"X\0"), message(b'S', b"wrong")]).await), "EEZ");
    let replies = raw.ask(&[message(b'F', b"")]).await;
    assert_eq!(told(&replies[0]), "ERROR 0A000 fastpath function call is not supported");
}

#[tokio::test]
async fn pipelines_are_answered_in_order() {
    let (_node, mut raw) = session().await;
    let mut pipeline = vec![parse("e", "echo"), sync()];
    for n in 0..500 {
        pipeline.extend([bind("", "e", Some(&n.to_string())), message(b'D', b"P\0"), execute("", 0)]);
        pipeline.extend((n % 10 == 9).then(sync));
    }
    raw.send(&pipeline).await;
    raw.until('Z').await;
    for n in 0..500 {
        if n % 10 == 0 && n > 0 {
            assert_eq!(raw.reply().await.unwrap().0, 'Z');
        }
        let replies = raw.until('C').await;
        assert_eq!(tags(&replies), "2TDC");
        assert_eq!(&replies[2].1[6..], n.to_string().as_bytes());
    }
}

#[tokio::test]
async fn flush_sends_what_there_is() {
    let (_node, mut raw) = session().await;
    raw.send(&[parse("", "rows 5"), bind("", "", None), execute("", 2), message(b'H', b"")]).await;
    assert_eq!(tags(&raw.until('s').await), "12DDs");
    raw.send(&[execute("", 2), message(b'H', b"")]).await;
    assert_eq!(tags(&raw.until('s').await), "DDs");
    assert_eq!(tags(&raw.ask(&[execute("", 2), message(b'C', b"P\0"), message(b'C', b"Sx\0"), sync()]).await), "DC33Z");
    assert_eq!(told(&raw.ask(&[execute("", 2), sync()]).await[0]), "ERROR 34000 portal \"\" does not exist");
}

#[tokio::test]
async fn copy_in_takes_data_failure_and_surprises() {
    let (_node, mut raw) = session().await;
    let data = |data: &str| message(b'd', data.as_bytes());
    let (done, fail) = (message(b'c', b""), |why: &str| message(b'f', format!("{why}\0").as_bytes()));
    let replies =
        raw.ask(&[query("copy in"), data("abc"), data(""), message(b'H', b""), data("de"), done.clone()]).await;
    assert_eq!((&tags(&replies)[..], &replies[1].1[..]), ("GCZ", &b"COPY 5\0"[..]));
    assert_eq!(&replies[0].1[..], b"\0\0\x01\0\0");
    let replies = raw.ask(&[query("copy in"), data("abc"), fail("no more")]).await;
    assert_eq!(told(&replies[1]), "ERROR 57014 COPY from stdin failed: no more");
    let replies = raw.ask(&[query("copy in"), query("rows 1")]).await;
    assert_eq!(told(&replies[1]), "ERROR 08P01 unexpected message type 0x51 during COPY from stdin");
    // In the extended protocol the client's Sync comes before it knows that it is to copy, and again after.
    let replies =
        raw.ask(&[parse("", "copy in"), bind("", "", None), execute("", 0), sync(), data("x"), done, sync()]).await;
    assert_eq!(tags(&replies), "12GCZ");
    // Of a COPY that has failed the rest is not looked at.
    assert_eq!(tags(&raw.ask(&[data("late"), fail("late"), query("rows 0")]).await), "TCZ");
    assert_eq!(tags(&raw.ask(&[query("copy out")]).await), "HdddcCZ");
}

#[tokio::test]
async fn a_slow_reader_costs_no_more_than_the_buffers() {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    let mut raw = Raw::connect_with(&server, &node, 1024);
    raw.log_in("bob").await;
    raw.send(&[query("fill")]).await;
    let mut rows = 0;
    for _ in 0..20 {
        node.env.clock.sleep(Duration::from_millis(5)).await;
        rows = node.seen.rows.load(Ordering::SeqCst);
    }
    assert!((1000..10_000).contains(&rows), "{rows}");
    for _ in 0..20_000 {
        raw.reply().await.unwrap();
    }
    assert!(node.seen.rows.load(Ordering::SeqCst) < 30_000);
}
