//! A client that sends and sees the bytes.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

use super::fake::{Fake, LOCAL, Node};
use crate::server::Server;

pub struct Raw<S = DuplexStream> {
    pub stream: S,
    buffer: BytesMut,
}

/// A message, and its body.
pub type Reply = (char, Bytes);

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.put_u32(body.len() as u32 + 4);
    bytes.put_slice(body);
    bytes
}

pub fn startup(code: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_u32(body.len() as u32 + 8);
    bytes.put_u32(code);
    bytes.put_slice(body);
    bytes
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', format!("{sql}\0").as_bytes())
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())
}

/// With one text parameter, or none.
pub fn bind(portal: &str, statement: &str, parameter: Option<&str>) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0\0\0").into_bytes();
    body.put_u16(u16::from(parameter.is_some()));
    if let Some(parameter) = parameter {
        body.put_u32(parameter.len() as u32);
        body.put_slice(parameter.as_bytes());
    }
    body.put_u16(0);
    message(b'B', &body)
}

pub fn execute(portal: &str, rows_max: i32) -> Vec<u8> {
    let mut body = format!("{portal}\0").into_bytes();
    body.put_i32(rows_max);
    message(b'E', &body)
}

pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

impl Raw {
    /// A connection to a server that sees it come from this machine, with buffers this large on the way.
    pub fn connect_with(server: &Arc<Server<Fake>>, node: &Arc<Node>, buffer: usize) -> Raw {
        let (ours, theirs) = tokio::io::duplex(buffer);
        let server = server.clone();
        drop(node.env.tasks.spawn("test", async move { server.attend(theirs, LOCAL.into()).await }));
        Raw::new(ours)
    }

    pub fn connect(server: &Arc<Server<Fake>>, node: &Arc<Node>) -> Raw {
        Raw::connect_with(server, node, 64 << 10)
    }

    /// Logged in by trust.
    pub async fn session(server: &Arc<Server<Fake>>, node: &Arc<Node>) -> Raw {
        let mut raw = Raw::connect(server, node);
        raw.log_in("bob").await;
        raw
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub fn new(stream: S) -> Raw<S> {
        Raw { stream, buffer: BytesMut::new() }
    }

    /// Up to ReadyForQuery; returns pid and secret.
    pub async fn log_in(&mut self, user: &str) -> Bytes {
        self.send(&[startup(196_608, format!("user\0{user}\0\0").as_bytes())]).await;
        let replies = self.until('Z').await;
        assert_eq!(tags(&replies), "RSSKZ");
        replies[3].1.clone()
    }

    pub async fn send(&mut self, messages: &[Vec<u8>]) {
        self.stream.write_all(&messages.concat()).await.unwrap();
    }

    /// None at the end of the connection.
    pub async fn reply(&mut self) -> Option<Reply> {
        loop {
            if self.buffer.len() >= 5 {
                let length = (&self.buffer[1..]).get_u32() as usize + 1;
                if self.buffer.len() >= length {
                    let mut frame = self.buffer.split_to(length).freeze();
                    return Some((char::from(frame[0]), frame.split_off(5)));
                }
            }
            // A reset is an end too.
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                assert!(self.buffer.is_empty(), "half a message");
                return None;
            }
        }
    }

    pub async fn until(&mut self, tag: char) -> Vec<Reply> {
        let mut replies = Vec::new();
        loop {
            let reply = self.reply().await.unwrap_or_else(|| panic!("the end came after {replies:?}"));
            let last = reply.0 == tag;
            replies.push(reply);
            if last {
                return replies;
            }
        }
    }

    pub async fn ask(&mut self, messages: &[Vec<u8>]) -> Vec<Reply> {
        self.send(messages).await;
        self.until('Z').await
    }

    pub async fn rest(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some(reply) = self.reply().await {
            replies.push(reply);
        }
        replies
    }
}

pub fn tags(replies: &[Reply]) -> String {
    replies.iter().map(|reply| reply.0).collect()
}

/// Of an error or a notice: severity, state, message.
pub fn told(reply: &Reply) -> String {
    let field = |name| field(reply, name).unwrap_or_default();
    format!("{} {} {}", field('S'), field('C'), field('M'))
}

pub fn field(reply: &Reply, name: char) -> Option<String> {
    assert!(matches!(reply.0, 'E' | 'N'), "{reply:?}");
    let fields = reply.1.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned());
    fields.filter_map(|field| field.strip_prefix(name).map(str::to_owned)).next()
}
