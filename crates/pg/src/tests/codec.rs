use atoll_datum::Oid;
use atoll_sql::session::Format;
use bytes::{BufMut, Bytes, BytesMut};

use super::raw::{bind, execute, message, parse, query};
use crate::message::{Message, take_frame};
use crate::reply;
use crate::startup::{Request, Start};

const LIMIT: usize = 1 << 20;

fn error_of(tag: u8, body: &[u8]) -> String {
    let mut buffer = BytesMut::from(&message(tag, body)[..]);
    let frame = take_frame(&mut buffer, LIMIT).unwrap().unwrap();
    frame.message().map_or_else(|error| format!("{} {error}", error.state()), |message| format!("{message:?}"))
}

#[test]
fn messages_arrive_in_pieces() {
    let all = [query("é"), parse("s", "q"), bind("p", "s", Some("v")), execute("p", -1)].concat();
    for piece in 1..all.len() {
        let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
        for bytes in all.chunks(piece) {
            buffer.put_slice(bytes);
            while let Some(frame) = take_frame(&mut buffer, LIMIT).unwrap() {
                frames.push(frame);
            }
        }
        assert!(buffer.is_empty());
        assert_eq!(frames[0].message().unwrap(), Message::Query("é"));
        assert_eq!(frames[1].message().unwrap(), Message::Parse { name: "s", sql: "q", types: vec![] });
        let Message::Bind(bound) = frames[2].message().unwrap() else { panic!("{:?}", frames[2]) };
        assert_eq!((bound.portal, bound.statement), ("p", "s"));
        assert_eq!(bound.parameters, [Some(Bytes::from_static(b"v"))]);
        assert_eq!(frames[3].message().unwrap(), Message::Execute { portal: "p", rows_max: 0 });
    }
}

#[test]
fn wrong_frames_are_found_early() {
    let take = |bytes: &[u8]| take_frame(&mut BytesMut::from(bytes), LIMIT);
    assert_eq!(take(b"z").unwrap_err().message(), "invalid frontend message type 122");
    assert_eq!(take(b"Q\0\0\0\x03").unwrap_err().message(), "invalid message length");
    assert_eq!(take(b"Q\xff\xff\xff\xff").unwrap_err().message(), "invalid message length");
    assert_eq!(take(b"Q\0\x10\0\x05").unwrap_err().message(), "invalid message length");
    assert!(take(b"Q\0\x10\0\x04").unwrap().is_none());
    assert_eq!(take(b"E\0\0\x80\0").unwrap_err().message(), "invalid message length");
    assert!(take(b"Q\0\0").unwrap().is_none() && take(b"").unwrap().is_none());
}

#[test]
fn wrong_bodies_are_errors() {
    for (tag, body, error) in [
        (b'Q', &b"no end"[..], "08P01 invalid string in message"),
        (b'Q', b"a\0b", "08P01 invalid message format"),
        (b'Q', b"a\xffb\0", "22021 invalid byte sequence for encoding \"UTF8\": 0xff"),
        (b'Q', b"\xe2\x28\xa1\0", "22021 invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1"),
        (b'P', b"\0\0\0\x02\0\0\0\x17", "08P01 insufficient data left in message"),
        (b'P', b"\0\0\xff\xff", "08P01 insufficient data left in message"),
        (b'B', b"\0\0\0\x02\0\0\0\0\0\x01", "08P01 bind message has 2 parameter formats but 1 parameters"),
        (b'B', b"\0\0\0\x01\0\x02\0\0\0\0", "22023 unsupported format code: 2"),
        (b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0", "08P01 insufficient data left in message"),
        (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0", "08P01 insufficient data left in message"),
        (b'D', b"X\0", "08P01 invalid DESCRIBE message subtype 88"),
        (b'C', b"", "08P01 insufficient data left in message"),
        (b'S', b"x", "08P01 invalid message format"),
    ] {
        assert_eq!(error_of(tag, body), error);
    }
    let mut buffer = BytesMut::from(&message(b'B', b"\0\0\0\x01\0\x01\0\x02\xff\xff\xff\xff\0\0\0\0\0\0")[..]);
    let frame = take_frame(&mut buffer, LIMIT).unwrap().unwrap();
    let Message::Bind(bound) = frame.message().unwrap() else { panic!() };
    assert_eq!(bound.parameters, [None, Some(Bytes::new())]);
    assert_eq!(bound.formats, [Format::Binary]);
    assert_eq!(
        error_of(b'P', b"n\0q\0\0\x01\0\0\0\x17"),
        format!("Parse {{ name: \"n\", sql: \"q\", types: [{:?}] }}", Oid(23))
    );
}

#[test]
fn positions_count_characters() {
    for (text, byte, position) in [
        ("abc", 0, 1),
        ("abc", 2, 3),
        ("abc", 3, 4),
        ("abc", 99, 4),
        ("äbc", 2, 2),
        ("äbc", 1, 1),
        ("日本x", 6, 3),
        ("", 0, 1),
    ] {
        assert_eq!(reply::position(text, byte), position, "{text} {byte}");
    }
}

fn start(pairs: &str) -> Result<Start, String> {
    let mut packet = BytesMut::new();
    packet.put_u32(196_608);
    packet.put_slice(pairs.as_bytes());
    match Request::parse(&packet.freeze()) {
        Ok(Request::Start(start)) => Ok(start),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(format!("{} {error}", error.state())),
    }
}

#[test]
fn startup_packets() {
    let bob = start("user\0bob\0\0").unwrap();
    assert_eq!((&bob.user[..], &bob.database[..]), ("bob", "bob"));
    let all = start("user\0bob\0database\0db\0options\0-c a=1 --b-c=x\\ y -cd=\0application_name\0psql\0\0").unwrap();
    assert_eq!(all.database, "db");
    let parameters: Vec<_> = all.parameters.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(parameters, [("a", "1"), ("b_c", "x y"), ("d", ""), ("application_name", "psql")]);
    assert_eq!(start(&format!("user\0{}\0\0", "é".repeat(40))).unwrap().user, "é".repeat(31));
    for (pairs, error) in [
        ("user\0bob\0", "08P01 invalid startup packet layout: expected terminator as last byte"),
        ("user\0bob", "08P01 invalid startup packet layout: expected terminator as last byte"),
        ("user\0\0", "08P01 invalid startup packet layout: expected terminator as last byte"),
        ("\0", "28000 no PostgreSQL user name specified in startup packet"),
        ("database\0x\0\0", "28000 no PostgreSQL user name specified in startup packet"),
        ("user\0bob\0replication\0true\0\0", "0A000 replication is not supported"),
        ("user\0bob\0options\0-x\0\0", "42601 invalid command-line argument for server process: -x"),
        ("user\0bob\0options\0-c\0\0", "42601 invalid command-line argument for server process: -c"),
        ("user\0bob\0options\0-c a\0\0", "42601 -c a requires a value"),
        ("user\0bob\0options\0--a\0\0", "42601 --a requires a value"),
    ] {
        assert_eq!(start(pairs).unwrap_err(), error);
    }
}
