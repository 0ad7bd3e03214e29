//! From the first byte to the startup packet: encryption, and what the client asks for.
//!
//! ```text
//! packet:  length (4 bytes, itself included) | code (4 bytes) | …
//! ```
//! The code is a protocol version or one of three requests that no version looks like.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use atoll_datum::text::io::valid_utf8;
use atoll_datum::{Error, sqlstate};
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::message::{Fields, violation};
use crate::reply::{self, TooLong};
use crate::tls::Tls;

const PACKET_BYTES: std::ops::RangeInclusive<usize> = 8..=10_000;
const CANCEL: i32 = 1234 << 16 | 5678;
const TLS: i32 = 1234 << 16 | 5679;
const GSS: i32 = 1234 << 16 | 5680;
const VERSION: i32 = 3 << 16;
/// Of identifiers.
const NAME_BYTES_MAX: usize = 63;

/// As it comes from the network, or within TLS.
pub enum Stream<S> {
    Plain(S),
    Tls(Box<TlsStream<S>>),
}

pub struct Negotiated<S> {
    pub stream: Stream<S>,
    /// The startup packet or a cancel request, from its code on.
    pub packet: Bytes,
    /// What came after it.
    pub rest: BytesMut,
}

#[derive(Debug, PartialEq)]
pub enum Request {
    Cancel { pid: i32, secret: Bytes },
    Start(Start),
}

#[derive(Debug, PartialEq)]
pub struct Start {
    pub user: String,
    pub database: String,
    /// Settings, those of `options` first.
    pub parameters: Vec<(String, String)>,
    /// What the client asked of the protocol that this one has not got.
    unknown: Option<Vec<String>>,
}

/// Answers requests for encryption until the client says what it wants. An error ends the connection without a word: who
/// is there doesn't speak this protocol.
pub async fn negotiate<S: AsyncRead + AsyncWrite + Unpin>(stream: S, tls: Option<&Tls>) -> io::Result<Negotiated<S>> {
    let mut stream = Stream::Plain(stream);
    let mut rest = BytesMut::new();
    let (mut tls_asked, mut gss_asked) = (false, false);
    loop {
        let packet = read_packet(&mut stream, &mut rest).await?;
        match packet.first_chunk().map(|code| i32::from_be_bytes(*code)) {
            Some(TLS) if !tls_asked => {
                tls_asked = true;
                if !rest.is_empty() {
                    // Somebody in between has put it there, to be taken as said within TLS.
                    return Err(invalid("unencrypted data after a request for TLS"));
                }
                stream = match (tls, stream) {
                    (Some(tls), Stream::Plain(mut plain)) => {
                        plain.write_all(b"S").await?;
                        plain.flush().await?;
                        Stream::Tls(Box::new(tls.accept(plain).await?))
                    }
                    (_, mut stream) => {
                        stream.write_all(b"N").await?;
                        stream
                    }
                }
            }
            Some(GSS) if !gss_asked => {
                gss_asked = true;
                stream.write_all(b"N").await?;
                stream.flush().await?;
            }
            _ => return Ok(Negotiated { stream, packet, rest }),
        }
    }
}

async fn read_packet<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut BytesMut) -> io::Result<Bytes> {
    loop {
        if let Some(length) = buffer.first_chunk() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if !PACKET_BYTES.contains(&length) {
                return Err(invalid("invalid length of startup packet"));
            }
            if buffer.len() >= length {
                return Ok(buffer.split_to(length).freeze().slice(4..));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl Request {
    pub fn parse(packet: &Bytes) -> Result<Request, Error> {
        let mut fields = Fields::new(packet);
        let version = fields.i32()?;
        if version == CANCEL {
            let pid = fields.i32()?;
            return Ok(Request::Cancel { pid, secret: packet.slice_ref(fields.rest()) });
        }
        let (major, minor) = (version as u32 >> 16, version & 0xffff);
        if major != 3 {
            return Err(Error::new(
                sqlstate::FEATURE_NOT_SUPPORTED,
                format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"),
            ));
        }
        Start::parse(minor, fields.rest()).map(Request::Start)
    }
}

impl Start {
    fn parse(minor: i32, pairs: &[u8]) -> Result<Start, Error> {
        let layout = || violation("invalid startup packet layout: expected terminator as last byte");
        let pairs = pairs.strip_suffix(b"\0").ok_or_else(layout)?;
        let mut texts = pairs.split(|byte| *byte == 0).map(valid_utf8);
        let (mut settings, mut unknown) = (BTreeMap::new(), Vec::new());
        // Each pair has two zero bytes, so the last text is the empty one after them.
        loop {
            let (name, value) = match (texts.next().transpose()?, texts.next().transpose()?) {
                (Some(""), None) => break,
                (Some(name), Some(value)) if !name.is_empty() => (name, value),
                _ => return Err(layout()),
            };
            if name.starts_with("_pq_.") {
                unknown.push(name.to_owned());
            } else {
                settings.insert(name.to_owned(), value.to_owned());
            }
        }
        let user = settings.remove("user").filter(|user| !user.is_empty()).ok_or_else(|| {
            Error::new(
                sqlstate::INVALID_AUTHORIZATION_SPECIFICATION,
                "no PostgreSQL user name specified in startup packet",
            )
        })?;
        let database = settings.remove("database").filter(|database| !database.is_empty());
        let database = database.unwrap_or_else(|| user.clone());
        match settings.remove("replication").as_deref() {
            None | Some("false" | "off" | "no" | "0") => {}
            Some(_) => return Err(Error::unsupported("replication")),
        }
        let mut parameters = match settings.remove("options") {
            Some(options) => parse_options(&options)?,
            None => Vec::new(),
        };
        parameters.extend(settings);
        let unknown = (minor > 0 || !unknown.is_empty()).then_some(unknown);
        Ok(Start { user: truncated(user), database: truncated(database), parameters, unknown })
    }

    /// NegotiateProtocolVersion, if the client asked for more than there is.
    pub fn answer_version(&self, out: &mut BytesMut) -> Result<(), TooLong> {
        let Some(unknown) = &self.unknown else { return Ok(()) };
        reply::message(out, b'v', |out| {
            out.put_i32(VERSION);
            // A packet has room for far fewer.
            out.put_u32(u32::try_from(unknown.len()).unwrap_or(u32::MAX));
            unknown.iter().for_each(|name| reply::put_text(out, name));
        })
    }
}

fn truncated(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}

/// Settings in the form of a command line: `-c name=value --name=value`, a backslash before what would end a word.
fn parse_options(options: &str) -> Result<Vec<(String, String)>, Error> {
    let mut settings = Vec::new();
    let mut words = split_words(options).into_iter();
    while let Some(word) = words.next() {
        let invalid = || {
            let message = format!("invalid command-line argument for server process: {word}");
            Error::new(sqlstate::SYNTAX_ERROR, message)
        };
        let (dashes, setting) = match word.strip_prefix("-c") {
            Some("") => ("-c ", words.next().ok_or_else(invalid)?),
            Some(setting) => ("-c ", setting.to_owned()),
            None => ("--", word.strip_prefix("--").ok_or_else(invalid)?.to_owned()),
        };
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Error::new(sqlstate::SYNTAX_ERROR, format!("{dashes}{setting} requires a value")))?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn split_words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            space if space.is_ascii_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
