//! What we say: messages, appended to a buffer.

use atoll_datum::{Datum, Error, Oid};
use atoll_sql::session::variables::Severity;
use atoll_sql::session::{Column, Encoding, Format, Scratch, Status};
use bytes::{BufMut, BytesMut};

/// A message was longer than its length can tell. Nothing after it would be understood: the connection has to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

/// Appends a message whose body `body` appends. On failure the buffer is as before.
pub fn message(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) -> Result<(), TooLong> {
    out.put_u8(tag);
    let start = out.len();
    out.put_i32(0);
    body(out);
    let Ok(length) = i32::try_from(out.len() - start) else {
        out.truncate(start - 1);
        return Err(TooLong);
    };
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// A text and its zero byte. Within a text zero has no place, whoever brought it.
pub fn put_text(out: &mut BytesMut, text: &str) {
    for part in text.split('\0') {
        out.put_slice(part.as_bytes());
    }
    out.put_u8(0);
}

/// There are never that many columns or parameters; should there be, the client sees too few of them.
fn put_count(out: &mut BytesMut, count: usize) {
    out.put_u16(u16::try_from(count).unwrap_or(u16::MAX));
}

/// The format of the column at `at`: none, one for all, or one for each were given.
fn format_at(formats: &[Format], at: usize) -> Format {
    match formats {
        [all] => *all,
        each => each.get(at).copied().unwrap_or_default(),
    }
}

pub fn row_description(out: &mut BytesMut, columns: &[Column], formats: &[Format]) -> Result<(), TooLong> {
    message(out, b'T', |out| {
        put_count(out, columns.len());
        for (at, column) in columns.iter().enumerate() {
            put_text(out, &column.name);
            out.put_u32(column.table.0);
            out.put_i16(column.attribute);
            out.put_u32(column.ty.oid.0);
            out.put_i16(column.size);
            out.put_i32(column.ty.modifier);
            out.put_i16(format_at(formats, at) as i16);
        }
    })
}

pub fn parameter_description(out: &mut BytesMut, types: &[Oid]) -> Result<(), TooLong> {
    message(out, b't', |out| {
        put_count(out, types.len());
        types.iter().for_each(|oid| out.put_u32(oid.0));
    })
}

pub fn data_row(out: &mut BytesMut, scratch: &mut Scratch, encoding: &Encoding, row: &[Datum]) -> Result<(), TooLong> {
    message(out, b'D', |out| {
        put_count(out, encoding.forms.len());
        encoding.encode(row, scratch, out);
    })
}

/// CopyInResponse or CopyOutResponse.
pub fn copy_response(out: &mut BytesMut, tag: u8, format: Format, columns: usize) -> Result<(), TooLong> {
    message(out, tag, |out| {
        out.put_u8(format as u8);
        put_count(out, columns);
        (0..columns.min(usize::from(u16::MAX))).for_each(|_| out.put_i16(format as i16));
    })
}

pub fn parameter_status(out: &mut BytesMut, name: &str, value: &str) -> Result<(), TooLong> {
    message(out, b'S', |out| {
        put_text(out, name);
        put_text(out, value);
    })
}

pub fn ready_for_query(out: &mut BytesMut, status: Status) -> Result<(), TooLong> {
    let letter = match status {
        Status::Idle => b'I',
        Status::InTransaction => b'T',
        Status::Failed => b'E',
    };
    message(out, b'Z', |out| out.put_u8(letter))
}

/// AuthenticationOk, …: a number and what belongs to it.
pub fn authentication(out: &mut BytesMut, kind: i32, data: &[u8]) -> Result<(), TooLong> {
    message(out, b'R', |out| {
        out.put_i32(kind);
        out.put_slice(data);
    })
}

/// ErrorResponse. `severity` is ERROR or FATAL, `text` the statement in which the error's position is.
pub fn error(out: &mut BytesMut, severity: &str, error: &Error, text: Option<&str>) -> Result<(), TooLong> {
    message(out, b'E', |out| fields(out, severity, error, text))
}

pub fn notice(out: &mut BytesMut, severity: Severity, notice: &Error) -> Result<(), TooLong> {
    let severity = match severity {
        Severity::Debug => "DEBUG",
        Severity::Log => "LOG",
        Severity::Notice => "NOTICE",
        Severity::Warning => "WARNING",
        Severity::Error => "ERROR",
        Severity::Info => "INFO",
    };
    message(out, b'N', |out| fields(out, severity, notice, None))
}

fn fields(out: &mut BytesMut, severity: &str, error: &Error, text: Option<&str>) {
    let fields = error.fields();
    let position = fields.position.zip(text).map(|(byte, text)| position(text, byte).to_string());
    let all = [
        (b'S', Some(severity)),
        (b'V', Some(severity)),
        (b'C', Some(fields.state.as_str())),
        (b'M', Some(fields.message.as_str())),
        (b'D', fields.detail.as_deref()),
        (b'H', fields.hint.as_deref()),
        (b'P', position.as_deref()),
        (b'W', fields.context.as_deref()),
        (b's', fields.schema.as_deref()),
        (b't', fields.table.as_deref()),
        (b'c', fields.column.as_deref()),
        (b'd', fields.data_type.as_deref()),
        (b'n', fields.constraint.as_deref()),
    ];
    for (name, value) in all {
        if let Some(value) = value {
            out.put_u8(name);
            put_text(out, value);
        }
    }
    out.put_u8(0);
}

/// The number, from one, of the character that begins at or contains this byte.
pub fn position(text: &str, byte: usize) -> usize {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let starts = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    // Within a character its first byte is before; at a boundary the one that begins there is not yet counted.
    if text.is_char_boundary(byte.min(text.len())) { starts + 1 } else { starts }
}
