//! From the bytes of COPY FROM to fields: text, CSV, binary. Bytes come in pieces that end anywhere.

use atoll_datum::{Error, Result, sqlstate};
use bytes::{Buf, BytesMut};

use super::options::{Kind, Options};
use crate::session::not_utf8;

/// One field as it stands in the data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// Unescaped; `quoted` only of CSV: what was quoted is no NULL.
    Text {
        text: String,
        quoted: bool,
    },
    Null,
    Binary(Vec<u8>),
}

pub struct Decoder {
    options: Options,
    buffer: BytesMut,
    /// Where the search for the end of the row goes on.
    scanned: usize,
    in_quotes: bool,
    /// Rows begun so far, for the context of errors.
    pub line: u64,
    ended: bool,
    binary_header: bool,
}

/// What binary data begins with.
pub const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

fn bad(message: impl Into<String>) -> Error {
    Error::new(sqlstate::BAD_COPY_FILE_FORMAT, message)
}

impl Decoder {
    pub fn new(options: Options) -> Decoder {
        Decoder {
            options,
            buffer: BytesMut::new(),
            scanned: 0,
            in_quotes: false,
            line: 0,
            ended: false,
            binary_header: false,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        // Nothing counts after the end mark.
        if !self.ended {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole row; none if more bytes are needed, or with `last` if there is no more.
    pub fn next(&mut self, last: bool) -> Result<Option<Vec<Field>>> {
        if self.ended {
            return Ok(None);
        }
        match self.options.kind {
            Kind::Binary => self.next_binary(last),
            Kind::Text | Kind::Csv => self.next_line(last),
        }
    }

    fn next_line(&mut self, last: bool) -> Result<Option<Vec<Field>>> {
        let csv = self.options.kind == Kind::Csv;
        let mut at = self.scanned;
        let end = loop {
            let Some(byte) = self.buffer.get(at).copied() else { break None };
            if csv && byte == self.options.quote {
                // An escaped quote flips twice.
                if !(self.in_quotes
                    && self.options.escape != self.options.quote
                    && escaped(&self.buffer, at, self.options.escape))
                {
                    self.in_quotes = !self.in_quotes;
                }
            } else if !csv && byte == b'\\' {
                // Whatever it stands before is data, a newline too.
                if at + 1 >= self.buffer.len() && !last {
                    break None;
                }
                at += 2;
                continue;
            } else if byte == b'\n' && !self.in_quotes {
                break Some(at);
            }
            at += 1;
        };
        let (line_end, next) = match end {
            Some(end) => (end, end + 1),
            None if last && !self.buffer.is_empty() => {
                if self.in_quotes {
                    return Err(bad("unterminated CSV quoted field"));
                }
                (self.buffer.len(), self.buffer.len())
            }
            None => {
                self.scanned = at.min(self.buffer.len());
                return Ok(None);
            }
        };
        let mut line: Vec<u8> = self.buffer[..line_end].to_vec();
        self.buffer.advance(next);
        self.scanned = 0;
        self.in_quotes = false;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.line += 1;
        if line == b"\\." {
            self.ended = true;
            self.buffer.clear();
            return Ok(None);
        }
        let line = String::from_utf8(line).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            not_utf8(&error.as_bytes()[at..])
        })?;
        match csv {
            true => self.split_csv(&line).map(Some),
            false => self.split_text(&line).map(Some),
        }
    }

    fn split_text(&self, line: &str) -> Result<Vec<Field>> {
        let delimiter = char::from(self.options.delimiter);
        let mut fields = Vec::new();
        let mut raw_from = 0;
        let mut text = String::new();
        let mut failed = None;
        let mut chars = line.char_indices().peekable();
        loop {
            let next = chars.next();
            match next {
                Some((at, c)) if c == delimiter => {
                    fields.push(self.text_field(&line[raw_from..at], std::mem::take(&mut text), failed.take())?);
                    raw_from = at + c.len_utf8();
                }
                None => {
                    fields.push(self.text_field(&line[raw_from..], text, failed)?);
                    return Ok(fields);
                }
                Some((_, '\\')) => {
                    if let Err(error) = unescape(&mut chars, &mut text) {
                        failed.get_or_insert(error);
                    }
                }
                Some((_, c)) => text.push(c),
            }
        }
    }

    /// What stands for NULL is compared as it was written: `\0` may be it, and is nothing else.
    fn text_field(&self, raw: &str, text: String, failed: Option<Error>) -> Result<Field> {
        match failed {
            _ if raw == self.options.null => Ok(Field::Null),
            Some(error) => Err(error),
            None => Ok(Field::Text { text, quoted: false }),
        }
    }

    fn split_csv(&self, line: &str) -> Result<Vec<Field>> {
        let delimiter = char::from(self.options.delimiter);
        let (quote, escape) = (char::from(self.options.quote), char::from(self.options.escape));
        let mut fields = Vec::new();
        let mut chars = line.chars().peekable();
        loop {
            let (mut text, mut quoted, mut inside) = (String::new(), false, false);
            let ended = loop {
                match chars.next() {
                    None if inside => return Err(bad("unterminated CSV quoted field")),
                    None => break true,
                    Some(c)
                        if inside
                            && c == escape
                            && chars.peek().is_some_and(|next| *next == quote || *next == escape) =>
                    {
                        text.extend(chars.next());
                    }
                    Some(c) if c == quote => {
                        inside = !inside;
                        quoted = true;
                    }
                    Some(c) if c == delimiter && !inside => break false,
                    Some(c) => text.push(c),
                }
            };
            fields.push(match !quoted && text == self.options.null {
                true => Field::Null,
                false => Field::Text { text, quoted },
            });
            if ended {
                return Ok(fields);
            }
        }
    }

    fn next_binary(&mut self, last: bool) -> Result<Option<Vec<Field>>> {
        if !self.binary_header {
            if self.buffer.len() < 19 {
                return if last { Err(bad("COPY file signature not recognized")) } else { Ok(None) };
            }
            if &self.buffer[..11] != SIGNATURE {
                return Err(bad("COPY file signature not recognized"));
            }
            let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|n| self.buffer[at + n]));
            let (flags, extension) = (number(11), number(15) as usize);
            if flags & 0xffff_0000 != 0 {
                return Err(bad("unrecognized critical flags in COPY file header"));
            }
            if self.buffer.len() < 19 + extension {
                return if last { Err(bad("invalid COPY file header (wrong length)")) } else { Ok(None) };
            }
            self.buffer.advance(19 + extension);
            self.binary_header = true;
        }
        let mut at = 0;
        let Some(count) = self.binary_number::<2>(&mut at) else {
            return if last { Err(bad("unexpected EOF in COPY data")) } else { Ok(None) };
        };
        let count = i16::from_be_bytes(count);
        if count == -1 {
            self.ended = true;
            return Ok(None);
        }
        let mut fields = Vec::new();
        for _ in 0..count.max(0) {
            let incomplete = || if last { Err(bad("unexpected EOF in COPY data")) } else { Ok(None) };
            let Some(length) = self.binary_number::<4>(&mut at) else { return incomplete() };
            match i32::from_be_bytes(length) {
                -1 => fields.push(Field::Null),
                length if length < 0 => return Err(bad("invalid field size")),
                length => {
                    let Some(bytes) = self.buffer.get(at..at + length as usize) else { return incomplete() };
                    fields.push(Field::Binary(bytes.to_vec()));
                    at += length as usize;
                }
            }
        }
        self.buffer.advance(at);
        self.line += 1;
        Ok(Some(fields))
    }

    fn binary_number<const N: usize>(&self, at: &mut usize) -> Option<[u8; N]> {
        let bytes = self.buffer.get(*at..*at + N)?.try_into().ok()?;
        *at += N;
        Some(bytes)
    }
}

/// Whether an odd number of escapes stands before.
fn escaped(buffer: &[u8], at: usize, escape: u8) -> bool {
    buffer[..at].iter().rev().take_while(|byte| **byte == escape).count() % 2 == 1
}

/// After a backslash.
fn unescape(chars: &mut std::iter::Peekable<std::str::CharIndices>, text: &mut String) -> Result<()> {
    let Some((_, c)) = chars.next() else {
        text.push('\\');
        return Ok(());
    };
    let digits = |chars: &mut std::iter::Peekable<std::str::CharIndices>, first: Option<char>, radix, most: usize| {
        let mut value = first.and_then(|c| c.to_digit(radix)).unwrap_or(0);
        let mut count = usize::from(first.is_some());
        while count < most
            && let Some(digit) = chars.peek().and_then(|(_, c)| c.to_digit(radix))
        {
            value = value * radix + digit;
            count += 1;
            chars.next();
        }
        (count > 0).then_some(value as u8)
    };
    let byte = match c {
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '0'..='7' => digits(chars, Some(c), 8, 3).unwrap_or(0),
        'x' => digits(chars, None, 16, 2).unwrap_or(b'x'),
        c => {
            text.push(c);
            return Ok(());
        }
    };
    if byte == 0 || byte >= 0x80 {
        // Bytes of a longer character can't be put together from single ones here.
        return Err(not_utf8(&[byte]));
    }
    text.push(char::from(byte));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::options::{Columns, Header};
    use super::*;

    fn options(kind: Kind) -> Options {
        let csv = kind == Kind::Csv;
        Options {
            kind,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { String::new() } else { "\\N".into() },
            header: Header::None,
            quote: b'"',
            escape: b'"',
            force_quote: Columns::None,
            force_not_null: Columns::None,
            force_null: Columns::None,
        }
    }

    /// Whatever the pieces, the rows are the same.
    fn rows(kind: Kind, data: &[u8]) -> Vec<Vec<Option<String>>> {
        let mut found = Vec::new();
        for piece in [1, 2, 3, 7, data.len().max(1)] {
            let mut decoder = Decoder::new(options(kind));
            let mut rows = Vec::new();
            let mut take = |decoder: &mut Decoder, last| {
                while let Some(row) = decoder.next(last).unwrap() {
                    let text = |field| match field {
                        Field::Text { text, .. } => Some(text),
                        Field::Null => None,
                        Field::Binary(bytes) => Some(format!("{bytes:?}")),
                    };
                    rows.push(row.into_iter().map(text).collect::<Vec<_>>());
                }
            };
            for chunk in data.chunks(piece) {
                decoder.feed(chunk);
                take(&mut decoder, false);
            }
            take(&mut decoder, true);
            found.push(rows);
        }
        assert!(found.iter().all(|rows| *rows == found[0]), "{found:?}");
        found.remove(0)
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| (*text != "NULL").then(|| (*text).to_owned())).collect()
    }

    #[test]
    fn text() {
        assert_eq!(
            rows(Kind::Text, b"1\ta\\tb\n2\t\\N\r\n3\t\\x41\\101\\\\\n4\tx\\\ny\n\\.\nafter\n"),
            [some(&["1", "a\tb"]), some(&["2", "NULL"]), some(&["3", "AA\\"]), some(&["4", "x\ny"])]
        );
        assert_eq!(rows(Kind::Text, b"\n"), [some(&[""])]);
        assert_eq!(rows(Kind::Text, "ü\tß".as_bytes()), [some(&["ü", "ß"])]);
    }

    #[test]
    fn csv() {
        assert_eq!(
            rows(Kind::Csv, b"1,\"a \"\"b\"\", c\"\n2,\n3,\"\"\n4,\"x\ny\"\r\n5,a\"b,c\"d\n"),
            [
                some(&["1", "a \"b\", c"]),
                some(&["2", "NULL"]),
                some(&["3", ""]),
                some(&["4", "x\ny"]),
                some(&["5", "ab,cd"])
            ]
        );
    }

    #[test]
    fn binary() {
        let mut data = SIGNATURE.to_vec();
        data.extend_from_slice(&[0; 8]);
        data.extend_from_slice(b"\0\x02\0\0\0\x01x\xff\xff\xff\xff\xff\xff");
        assert_eq!(rows(Kind::Binary, &data), [vec![Some("[120]".to_owned()), None]]);
    }

    #[test]
    fn what_is_broken_is_refused() {
        for (kind, data) in [
            (Kind::Csv, &b"\"abc"[..]),
            (Kind::Text, b"\xff\n"),
            (Kind::Text, b"\\0\n"),
            (Kind::Binary, b"PGCOPZ\n\xff\r\n\0\0\0\0\0\0\0\0\0"),
        ] {
            let mut decoder = Decoder::new(options(kind));
            decoder.feed(data);
            assert!(decoder.next(true).is_err(), "{kind:?} {data:?}");
        }
    }
}
