//! What a server says: PostgreSQL's messages, version 3 of the protocol, as the shell needs them.
//!
//! The crate tokio-postgres stays out of this: it hides command tags, the types of columns in the simple protocol, the
//! state of the transaction and COPY within a script, and a shell shows all four.

use std::borrow::Cow;

use anyhow::{Result, bail};
use bytes::{Buf, Bytes, BytesMut};

/// A message longer than this is taken for garbage; PostgreSQL's own are below 1 GiB.
const MESSAGE_BYTES_MAX: usize = 1 << 30;

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub type_oid: u32,
    pub modifier: i32,
}

/// The values of one row, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    text: String,
    /// From where to where, none for NULL.
    cells: Vec<Option<(usize, usize)>>,
}

impl Row {
    pub fn push(&mut self, value: Option<&str>) {
        let from = self.text.len();
        self.cells.push(value.map(|value| {
            self.text.push_str(value);
            (from, self.text.len())
        }));
    }

    pub fn get(&self, column: usize) -> Option<&str> {
        self.cells.get(column).copied().flatten().map(|(from, to)| &self.text[from..to])
    }

    /// Empty where it is NULL.
    pub fn text(&self, column: usize) -> &str {
        self.get(column).unwrap_or("")
    }

    pub fn bytes(&self) -> usize {
        self.text.len() + self.cells.len() * size_of::<Option<(usize, usize)>>()
    }
}

impl<'a, I: IntoIterator<Item = Option<&'a str>>> From<I> for Row {
    fn from(values: I) -> Row {
        let mut row = Row::default();
        values.into_iter().for_each(|value| row.push(value));
        row
    }
}

/// An error or a notice: its fields by their letters.
#[derive(Clone, Debug, Default)]
pub struct Report {
    fields: Vec<(u8, String)>,
}

impl Report {
    pub fn field(&self, letter: u8) -> Option<&str> {
        self.fields.iter().find(|(found, _)| *found == letter).map(|(_, value)| &value[..])
    }

    pub fn message(&self) -> &str {
        self.field(b'M').unwrap_or("")
    }

    pub fn sqlstate(&self) -> &str {
        self.field(b'C').unwrap_or("")
    }
}

#[derive(Debug)]
pub enum Authentication {
    Done,
    Clear,
    Md5([u8; 4]),
    Sasl(Vec<String>),
    Continue(Bytes),
    Final(Bytes),
    Other(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    Idle,
    Open,
    Failed,
}

#[derive(Debug)]
pub enum Message {
    Authentication(Authentication),
    Parameter(String, String),
    Key {
        pid: i32,
        secret: i32,
    },
    Columns(Vec<Column>),
    Row(Row),
    /// With the command's tag.
    Complete(String),
    Empty,
    CopyIn,
    CopyOut,
    CopyData(Bytes),
    CopyDone,
    Error(Report),
    Notice(Report),
    Notification {
        pid: i32,
        channel: String,
        payload: String,
    },
    Ready(Transaction),
    /// Answers of the extended protocol that say nothing by themselves.
    Other,
}

/// Takes one message off the front, if it is there whole.
pub fn take(buffer: &mut BytesMut) -> Result<Option<Message>> {
    if buffer.len() < 5 {
        return Ok(None);
    }
    let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]) as usize;
    if !(4..MESSAGE_BYTES_MAX).contains(&length) {
        bail!("what answers there does not speak PostgreSQL's protocol");
    }
    if buffer.len() < 1 + length {
        buffer.reserve(1 + length - buffer.len());
        return Ok(None);
    }
    let mut message = buffer.split_to(1 + length).freeze();
    let tag = message.get_u8();
    message.advance(4);
    let mut body = Body(message);
    body.message(tag).map(Some)
}

struct Body(Bytes);

impl Body {
    fn message(&mut self, tag: u8) -> Result<Message> {
        Ok(match tag {
            b'R' => Message::Authentication(self.authentication()?),
            b'S' => Message::Parameter(self.string()?, self.string()?),
            b'K' => Message::Key { pid: self.i32()?, secret: self.i32()? },
            b'T' => Message::Columns(self.columns()?),
            b'D' => Message::Row(self.row()?),
            b'C' => Message::Complete(self.string()?),
            b'I' => Message::Empty,
            b'G' => Message::CopyIn,
            b'H' => Message::CopyOut,
            b'd' => Message::CopyData(self.0.split_off(0)),
            b'c' => Message::CopyDone,
            b'E' => Message::Error(self.report()?),
            b'N' => Message::Notice(self.report()?),
            b'A' => Message::Notification { pid: self.i32()?, channel: self.string()?, payload: self.string()? },
            b'Z' => Message::Ready(match self.bytes(1)?[0] {
                b'I' => Transaction::Idle,
                b'T' => Transaction::Open,
                _ => Transaction::Failed,
            }),
            // ParseComplete, BindComplete, CloseComplete, NoData, ParameterDescription, PortalSuspended
            b'1' | b'2' | b'3' | b'n' | b't' | b's' => Message::Other,
            _ => bail!("the server sent a message that this shell does not know (type {:?})", char::from(tag)),
        })
    }

    fn bytes(&mut self, length: usize) -> Result<Bytes> {
        if length > self.0.len() {
            bail!("the server sent a message that is cut off");
        }
        Ok(self.0.split_to(length))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(self.bytes(4)?.get_i32())
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(self.bytes(2)?.get_i16())
    }

    fn string(&mut self) -> Result<String> {
        let Some(end) = self.0.iter().position(|&byte| byte == 0) else {
            bail!("the server sent a message that is cut off");
        };
        let text = self.bytes(end)?;
        self.0.advance(1);
        Ok(lossy(&text).into_owned())
    }

    fn authentication(&mut self) -> Result<Authentication> {
        Ok(match self.i32()? {
            0 => Authentication::Done,
            3 => Authentication::Clear,
            5 => {
                let salt = self.bytes(4)?;
                Authentication::Md5([salt[0], salt[1], salt[2], salt[3]])
            }
            10 => {
                let mut mechanisms = Vec::new();
                while self.0.len() > 1 {
                    mechanisms.push(self.string()?);
                }
                Authentication::Sasl(mechanisms)
            }
            11 => Authentication::Continue(self.0.split_off(0)),
            12 => Authentication::Final(self.0.split_off(0)),
            other => Authentication::Other(other),
        })
    }

    fn columns(&mut self) -> Result<Vec<Column>> {
        let count = self.i16()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let name = self.string()?;
            // The table's OID and the column's number in it.
            self.bytes(6)?;
            let type_oid = self.i32()? as u32;
            self.i16()?;
            let modifier = self.i32()?;
            self.i16()?;
            columns.push(Column { name, type_oid, modifier });
        }
        Ok(columns)
    }

    fn row(&mut self) -> Result<Row> {
        let count = self.i16()?;
        let mut row =
            Row { text: String::with_capacity(self.0.len()), cells: Vec::with_capacity(count.max(0) as usize) };
        for _ in 0..count {
            match usize::try_from(self.i32()?) {
                Ok(length) => row.push(Some(&lossy(&self.bytes(length)?))),
                Err(_) => row.push(None),
            }
        }
        Ok(row)
    }

    fn report(&mut self) -> Result<Report> {
        let mut report = Report::default();
        while let Ok(letter) = self.bytes(1) {
            if letter[0] == 0 {
                break;
            }
            let value = self.string()?;
            report.fields.push((letter[0], value));
        }
        Ok(report)
    }
}

/// The shell asks for UTF-8; a client_encoding that a statement sets can bring something else.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_or_not_at_all() {
        let bytes = b"D\0\0\0\x14\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0Z\0\0\0\x05T";
        let mut buffer = BytesMut::new();
        for (at, byte) in bytes.iter().enumerate() {
            assert!(take(&mut buffer).unwrap().is_none(), "{at}");
            buffer.extend_from_slice(&[*byte]);
            if at == 20 {
                let Some(Message::Row(row)) = take(&mut buffer).unwrap() else { panic!("no row") };
                assert_eq!([row.get(0), row.get(1), row.get(2)], [Some("ab"), None, Some("")]);
            }
        }
        assert!(matches!(take(&mut buffer).unwrap(), Some(Message::Ready(Transaction::Open))));
    }

    #[test]
    fn garbage_is_refused() {
        for bytes in [&b"HTTP/1.1 400"[..], b"D\0\0\0\x02xx", b"D\0\0\0\x0a\0\x01\0\0\0\x09", b"S\0\0\0\x05x"] {
            assert!(take(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
        }
    }
}
