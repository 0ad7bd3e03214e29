//! What clients say: frames, and the messages in them.
//!
//! ```text
//! frame:  tag (1 byte) | length (4 bytes, itself included, the tag not) | body
//! ```
//! A wrong frame leaves no way to find the next one: its error is FATAL. A wrong body is an ordinary error.

use atoll_datum::text::io::valid_utf8;
use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_sql::session::{Format, RawParameter};
use bytes::{Buf, Bytes, BytesMut};

/// Of messages that carry no statement, parameter or data.
const SMALL_BYTES_MAX: usize = 30_000;
const HEADER_BYTES: usize = 5;

#[derive(Clone, Debug)]
pub struct Frame {
    pub tag: u8,
    pub body: Bytes,
}

#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    Query(&'a str),
    Parse {
        name: &'a str,
        sql: &'a str,
        types: Vec<Oid>,
    },
    Bind(Bind<'a>),
    Describe(Target<'a>),
    /// `rows_max` 0 is all.
    Execute {
        portal: &'a str,
        rows_max: u32,
    },
    Close(Target<'a>),
    FunctionCall,
    Flush,
    Sync,
    Terminate,
    /// Of a COPY that has ended already: its client has not noticed yet.
    Copy,
}

#[derive(Debug, PartialEq)]
pub struct Bind<'a> {
    pub portal: &'a str,
    pub statement: &'a str,
    pub formats: Vec<Format>,
    pub parameters: Vec<RawParameter>,
    pub results: Vec<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    Statement(&'a str),
    Portal(&'a str),
}

pub fn violation(message: impl Into<String>) -> Error {
    Error::new(sqlstate::PROTOCOL_VIOLATION, message)
}

/// Takes the first frame off the buffer, if all of it is there. `large_bytes_max` is the limit for messages that carry
/// statements, parameters and data.
pub fn take_frame(buffer: &mut BytesMut, large_bytes_max: usize) -> Result<Option<Frame>> {
    let Some(tag) = buffer.first().copied() else { return Ok(None) };
    let bytes_max = match tag {
        b'Q' | b'P' | b'B' | b'd' | b'F' => large_bytes_max,
        b'D' | b'E' | b'C' | b'H' | b'S' | b'X' | b'c' | b'f' => SMALL_BYTES_MAX,
        _ => return Err(violation(format!("invalid frontend message type {tag}"))),
    };
    take(buffer, bytes_max)
}

/// The same while a password is expected.
pub fn take_password(buffer: &mut BytesMut) -> Result<Option<Bytes>> {
    match buffer.first() {
        None => Ok(None),
        Some(b'p') => Ok(take(buffer, SMALL_BYTES_MAX)?.map(|frame| frame.body)),
        Some(tag) => Err(violation(format!("expected SASL response, got message type {tag}"))),
    }
}

fn take(buffer: &mut BytesMut, bytes_max: usize) -> Result<Option<Frame>> {
    let Some(header) = buffer.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let [tag, length @ ..] = *header;
    let bytes = usize::try_from(i32::from_be_bytes(length)).ok().and_then(|length| length.checked_sub(4));
    let bytes = bytes.filter(|bytes| *bytes <= bytes_max).ok_or_else(|| violation("invalid message length"))?;
    if buffer.len() - HEADER_BYTES < bytes {
        return Ok(None);
    }
    buffer.advance(HEADER_BYTES);
    Ok(Some(Frame { tag, body: buffer.split_to(bytes).freeze() }))
}

impl Frame {
    pub fn message(&self) -> Result<Message<'_>> {
        let mut fields = Fields::new(&self.body);
        let message = match self.tag {
            b'Q' => Message::Query(fields.text()?),
            b'P' => {
                let (name, sql) = (fields.text()?, fields.text()?);
                let count = usize::from(fields.u16()?);
                let types = (0..count).map(|_| fields.i32().map(|oid| Oid(oid as u32))).collect::<Result<_>>()?;
                Message::Parse { name, sql, types }
            }
            b'B' => Message::Bind(Bind::parse(&mut fields)?),
            b'D' => Message::Describe(Target::parse(&mut fields, "DESCRIBE")?),
            b'E' => {
                let portal = fields.text()?;
                Message::Execute { portal, rows_max: u32::try_from(fields.i32()?).unwrap_or(0) }
            }
            b'C' => Message::Close(Target::parse(&mut fields, "CLOSE")?),
            b'H' => Message::Flush,
            b'S' => Message::Sync,
            // Whatever they carry is not looked at.
            b'X' => return Ok(Message::Terminate),
            b'F' => return Ok(Message::FunctionCall),
            _ => return Ok(Message::Copy),
        };
        fields.end()?;
        Ok(message)
    }
}

impl<'a> Bind<'a> {
    fn parse(fields: &mut Fields<'a>) -> Result<Bind<'a>> {
        let (portal, statement) = (fields.text()?, fields.text()?);
        let formats = fields.formats()?;
        let count = usize::from(fields.u16()?);
        if formats.len() > 1 && formats.len() != count {
            let message = format!("bind message has {} parameter formats but {count} parameters", formats.len());
            return Err(violation(message));
        }
        let parameters = (0..count).map(|_| fields.value()).collect::<Result<_>>()?;
        let results = fields.formats()?;
        Ok(Bind { portal, statement, formats, parameters, results })
    }
}

impl<'a> Target<'a> {
    fn parse(fields: &mut Fields<'a>, message: &str) -> Result<Target<'a>> {
        match fields.u8()? {
            b'S' => Ok(Target::Statement(fields.text()?)),
            b'P' => Ok(Target::Portal(fields.text()?)),
            kind => Err(violation(format!("invalid {message} message subtype {kind}"))),
        }
    }
}

/// The fields of a body, one after the other.
pub struct Fields<'a> {
    body: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(body: &'a Bytes) -> Fields<'a> {
        Fields { body, rest: body }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(insufficient)?;
        self.rest = rest;
        Ok(*array)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Up to its zero byte.
    pub fn text(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or_else(|| violation("invalid string in message"))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        valid_utf8(text)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// A length, -1 for NULL, and as many bytes.
    fn value(&mut self) -> Result<RawParameter> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| insufficient())?;
        let (value, rest) = self.rest.split_at_checked(length).ok_or_else(insufficient)?;
        self.rest = rest;
        Ok(Some(self.body.slice_ref(value)))
    }

    fn formats(&mut self) -> Result<Vec<Format>> {
        let count = self.u16()?;
        let format = |_| match self.u16()? {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            code => {
                let message = format!("unsupported format code: {}", code as i16);
                Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message))
            }
        };
        (0..count).map(format).collect()
    }

    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(violation("invalid message format")) }
    }
}

fn insufficient() -> Error {
    violation("insufficient data left in message")
}
