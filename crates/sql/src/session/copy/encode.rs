//! Rows of COPY TO as bytes.

use atoll_datum::Datum;
use atoll_datum::function::Settings;
use atoll_datum::io::Form;

use super::options::{Kind, Options};

pub struct Encoder<'a> {
    pub options: &'a Options,
    pub settings: &'a Settings,
    pub forms: &'a [Form],
    /// Of each column, whether FORCE_QUOTE names it.
    pub force_quote: Vec<bool>,
}

impl Encoder<'_> {
    pub fn row(&self, row: &[Datum], out: &mut Vec<u8>) {
        if self.options.kind == Kind::Binary {
            return self.binary(row, out);
        }
        let mut text = String::new();
        for (at, (value, form)) in row.iter().zip(self.forms).enumerate() {
            if at > 0 {
                out.push(self.options.delimiter);
            }
            if value.is_null() {
                out.extend_from_slice(self.options.null.as_bytes());
                continue;
            }
            text.clear();
            form.format(value, self.settings, &mut text);
            match self.options.kind {
                Kind::Csv => self.csv(&text, self.force_quote[at], row.len() == 1, out),
                _ => self.text(&text, out),
            }
        }
        out.push(b'\n');
    }

    pub fn header(&self, names: &[&str], out: &mut Vec<u8>) {
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                out.push(self.options.delimiter);
            }
            match self.options.kind {
                Kind::Csv => self.csv(name, false, names.len() == 1, out),
                _ => self.text(name, out),
            }
        }
        out.push(b'\n');
    }

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        for byte in text.bytes() {
            match byte {
                b'\\' => out.extend_from_slice(b"\\\\"),
                0x08 => out.extend_from_slice(b"\\b"),
                0x0c => out.extend_from_slice(b"\\f"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0x0b => out.extend_from_slice(b"\\v"),
                byte if byte == self.options.delimiter => out.extend_from_slice(&[b'\\', byte]),
                byte => out.push(byte),
            }
        }
    }

    fn csv(&self, text: &str, force: bool, alone: bool, out: &mut Vec<u8>) {
        let Options { delimiter, quote, escape, null, .. } = self.options;
        let special = |byte: u8| byte == *delimiter || byte == *quote || byte == b'\n' || byte == b'\r';
        let needs = force || text == null || alone && text == "\\." || text.bytes().any(special);
        if !needs {
            return out.extend_from_slice(text.as_bytes());
        }
        out.push(*quote);
        for byte in text.bytes() {
            if byte == *quote || byte == *escape {
                out.push(*escape);
            }
            out.push(byte);
        }
        out.push(*quote);
    }

    fn binary(&self, row: &[Datum], out: &mut Vec<u8>) {
        out.extend_from_slice(&(row.len() as i16).to_be_bytes());
        let mut bytes = Vec::new();
        for (value, form) in row.iter().zip(self.forms) {
            if value.is_null() {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                continue;
            }
            bytes.clear();
            form.send(value, &mut bytes);
            out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
            out.extend_from_slice(&bytes);
        }
    }
}
