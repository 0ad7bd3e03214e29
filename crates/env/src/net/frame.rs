//! What goes over a connection, all numbers big-endian.
//!
//! ```text
//! hello (each side, once):  "ATOLLRPC" | version u16 | node id u64 | cluster u128
//! frame:                    length u32 | request id u64 | kind u8 | service u8 | body … | crc32c u32
//! ```
//! The length counts everything after itself; the checksum covers everything between the two.
//!
//! INVARIANT: whatever doesn't parse ends the connection; there is no resynchronisation.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Who;
use crate::NodeId;

/// The largest body of a request or an answer.
pub const BODY_BYTES_MAX: usize = 64 << 20;

const MAGIC: &[u8; 8] = b"ATOLLRPC";
const VERSION: u16 = 2;
const HEADER_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Request = 1,
    Answer = 2,
    /// Nobody serves that service here.
    Refusal = 3,
    /// Asks for a pong, to learn whether the peer is still there.
    Ping = 4,
    Pong = 5,
}

impl Kind {
    fn parse(byte: u8) -> Option<Kind> {
        [Kind::Request, Kind::Answer, Kind::Refusal, Kind::Ping, Kind::Pong].into_iter().find(|k| *k as u8 == byte)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub id: u64,
    pub kind: Kind,
    pub service: u8,
    pub body: Bytes,
}

impl Frame {
    pub(super) fn signal(kind: Kind) -> Frame {
        Frame { id: 0, kind, service: 0, body: Bytes::new() }
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        out.reserve(4 + HEADER_BYTES + self.body.len() + CHECKSUM_BYTES);
        out.put_u32((HEADER_BYTES + self.body.len() + CHECKSUM_BYTES) as u32);
        let start = out.len();
        out.put_u64(self.id);
        out.put_u8(self.kind as u8);
        out.put_u8(self.service);
        out.put_slice(&self.body);
        let checksum = crc32c::crc32c(&out[start..]);
        out.put_u32(checksum);
    }

    /// The next frame, or None at an orderly end of the connection.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
        let len = match from.read_u32().await {
            Ok(len) => len as usize,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        };
        if !(HEADER_BYTES + CHECKSUM_BYTES..=HEADER_BYTES + BODY_BYTES_MAX + CHECKSUM_BYTES).contains(&len) {
            return Err(malformed("a frame of impossible length"));
        }
        // Room is taken as bytes arrive, so that a length alone can't make us reserve it.
        let mut frame = BytesMut::with_capacity(len.min(1 << 16));
        let mut limited = from.take(len as u64);
        while frame.len() < len {
            if limited.read_buf(&mut frame).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut frame = frame.freeze();
        let checksum = frame.split_off(len - CHECKSUM_BYTES).get_u32();
        if crc32c::crc32c(&frame) != checksum {
            return Err(malformed("a frame with a wrong checksum"));
        }
        let id = frame.get_u64();
        let kind = Kind::parse(frame.get_u8()).ok_or_else(|| malformed("a frame of unknown kind"))?;
        let service = frame.get_u8();
        Ok(Some(Frame { id, kind, service, body: frame }))
    }
}

pub(super) async fn write_hello(to: &mut (impl AsyncWrite + Unpin), who: Who) -> io::Result<()> {
    let mut hello = Vec::with_capacity(MAGIC.len() + 26);
    hello.put_slice(MAGIC);
    hello.put_u16(VERSION);
    hello.put_u64(who.node.0);
    hello.put_u128(who.cluster);
    to.write_all(&hello).await
}

pub(super) async fn read_hello(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Who> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).await?;
    if &magic != MAGIC {
        return Err(malformed("the peer doesn't speak this protocol"));
    }
    let version = from.read_u16().await?;
    if version != VERSION {
        return Err(malformed(format!("the peer speaks version {version} of the protocol, this node {VERSION}")));
    }
    Ok(Who { node: NodeId(from.read_u64().await?), cluster: from.read_u128().await? })
}

pub(super) fn malformed(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Frame, BytesMut) {
        let frame = Frame { id: 7, kind: Kind::Request, service: 2, body: Bytes::from_static(b"body") };
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        (frame, bytes)
    }

    #[tokio::test]
    async fn frames_survive_the_wire() {
        let (frame, mut bytes) = sample();
        Frame::signal(Kind::Ping).encode(&mut bytes);
        let mut wire = &bytes[..];
        assert_eq!(Frame::read(&mut wire).await.unwrap(), Some(frame));
        assert_eq!(Frame::read(&mut wire).await.unwrap(), Some(Frame::signal(Kind::Ping)));
        assert_eq!(Frame::read(&mut wire).await.unwrap(), None);
    }

    #[tokio::test]
    async fn every_flipped_bit_and_every_cut_is_noticed() {
        let (_, bytes) = sample();
        for bit in 0..bytes.len() * 8 {
            let mut broken = bytes.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::read(&mut &broken[..]).await.is_err(), "bit {bit}");
        }
        for cut in 4..bytes.len() {
            assert!(Frame::read(&mut &bytes[..cut]).await.is_err(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn strangers_and_other_versions_are_refused() {
        let mut hello = Vec::new();
        let who = Who { node: NodeId(9), cluster: 7 };
        write_hello(&mut hello, who).await.unwrap();
        assert_eq!(read_hello(&mut &hello[..]).await.unwrap(), who);
        let mut newer = hello.clone();
        newer[9] = 3;
        assert!(read_hello(&mut &newer[..]).await.unwrap_err().to_string().contains("version 3"));
        assert!(read_hello(&mut &b"GET / HTTP/1.1\r\n\r\n"[..]).await.is_err());
    }
}
