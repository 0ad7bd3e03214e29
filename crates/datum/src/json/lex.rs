//! JSON text to tokens, and the grammar over them; PostgreSQL's wording of what is wrong and where.
//!
//! [`Lexer`] holds one token at a time. [`read`] walks a whole value and tells a [`Sink`] what it meets; who only wants
//! to know that the text is valid, or where a value ends, passes [`Nothing`].
//!
//! INVARIANT: no text nests deeper than [`DEPTH_MAX`] in a value of ours: whoever walks a value may recurse.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::sqlstate;

/// PostgreSQL's limit is what its stack allows (several thousand); ours is fixed, so that a value that one node took
/// can be read by every other.
pub const DEPTH_MAX: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Number,
    True,
    False,
    Null,
    End,
}

/// Whether `\uXXXX` must mean a character. The type `json` keeps its text, and takes escapes that mean none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Escapes {
    Kept,
    Resolved,
}

pub struct Lexer<'a> {
    input: &'a str,
    escapes: Escapes,
    token: Token,
    start: usize,
    end: usize,
    previous_end: usize,
    /// The last string's content, if it has escapes and they are resolved.
    resolved: Option<String>,
}

impl<'a> Lexer<'a> {
    /// At the first token.
    pub fn new(input: &'a str, escapes: Escapes) -> Result<Lexer<'a>> {
        let mut lexer = Lexer { input, escapes, token: Token::End, start: 0, end: 0, previous_end: 0, resolved: None };
        lexer.advance()?;
        Ok(lexer)
    }

    pub fn token(&self) -> Token {
        self.token
    }

    /// Of the token, quotes included.
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Where the token before this one ended.
    pub fn previous_end(&self) -> usize {
        self.previous_end
    }

    pub fn input(&self) -> &'a str {
        self.input
    }

    /// The content of a string; with its escapes as they stand if they are kept.
    pub fn string(&self) -> &str {
        match &self.resolved {
            Some(resolved) => resolved,
            None => &self.input[self.start + 1..self.end - 1],
        }
    }

    /// The same, to keep: borrowed from the input where nothing had to be resolved. Only once for each token.
    pub fn take_string(&mut self) -> Cow<'a, str> {
        match self.resolved.take() {
            Some(resolved) => Cow::Owned(resolved),
            None => Cow::Borrowed(&self.input[self.start + 1..self.end - 1]),
        }
    }

    pub fn advance(&mut self) -> Result<()> {
        let bytes = self.input.as_bytes();
        self.previous_end = self.end;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.start = self.end + bytes[self.end..].iter().take_while(|byte| blank(byte)).count();
        self.end = self.start + 1;
        let Some(first) = bytes.get(self.start) else {
            (self.token, self.end) = (Token::End, self.start);
            return Ok(());
        };
        self.token = match first {
            b'{' => Token::ObjectStart,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayStart,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => return self.read_string(),
            b'-' | b'0'..=b'9' => {
                let (length, valid) = number_prefix(&bytes[self.start..]);
                self.end = self.start + length;
                let end = self.end_of_word(self.end);
                if !valid || end > self.end {
                    return Err(self.invalid_token(end));
                }
                Token::Number
            }
            _ => {
                let end = self.end_of_word(self.start);
                let token = match &self.input[self.start..end] {
                    "true" => Token::True,
                    "false" => Token::False,
                    "null" => Token::Null,
                    _ => return Err(self.invalid_token(end.max(self.start + 1))),
                };
                self.end = end;
                token
            }
        };
        Ok(())
    }

    /// Of the run of letters, digits and bytes beyond ASCII at `from`.
    fn end_of_word(&self, from: usize) -> usize {
        let in_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80;
        from + self.input.as_bytes()[from..].iter().take_while(in_word).count()
    }

    fn read_string(&mut self) -> Result<()> {
        self.token = Token::String;
        self.resolved = None;
        let bytes = self.input.as_bytes();
        let mut at = self.start + 1;
        let mut copied_to = at;
        let mut resolved: Option<String> = None;
        loop {
            at += bytes[at..].iter().take_while(|byte| **byte >= b' ' && !matches!(byte, b'"' | b'\\')).count();
            match bytes.get(at) {
                None => return Err(self.invalid_token(at)),
                Some(b'"') => break,
                Some(b'\\') => {
                    let (character, length) = self.read_escape(at)?;
                    if let Some(character) = character {
                        let resolved = resolved.get_or_insert_default();
                        resolved.push_str(&self.input[copied_to..at]);
                        resolved.push(character);
                        copied_to = at + length;
                    }
                    at += length;
                }
                Some(control) => {
                    let detail = format!("Character with value 0x{control:02x} must be escaped.");
                    return Err(self.failure(at, detail));
                }
            }
        }
        if let Some(resolved) = &mut resolved {
            resolved.push_str(&self.input[copied_to..at]);
        }
        (self.resolved, self.end) = (resolved, at + 1);
        Ok(())
    }

    /// What the backslash at `at` stands for, unless escapes are kept, and how long it is.
    fn read_escape(&mut self, at: usize) -> Result<(Option<char>, usize)> {
        let bytes = self.input.as_bytes();
        let character = match bytes.get(at + 1) {
            None => return Err(self.invalid_token(at + 1)),
            Some(b'u') => return self.read_unicode_escape(at),
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => {
                let end = self.end_of_character(at + 1);
                let detail = format!("Escape sequence \"\\{}\" is invalid.", &self.input[at + 1..end]);
                return Err(self.failure(end, detail));
            }
        };
        Ok(((self.escapes == Escapes::Resolved).then_some(character), 2))
    }

    fn read_unicode_escape(&mut self, at: usize) -> Result<(Option<char>, usize)> {
        let unit = self.read_code_unit(at + 2)?;
        if self.escapes == Escapes::Kept {
            return Ok((None, 6));
        }
        let bytes = self.input.as_bytes();
        let lone = "Unicode low surrogate must follow a high surrogate.";
        match unit {
            0 => {
                let error = Error::new(sqlstate::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
                Err(error.detail("\\u0000 cannot be converted to text.").context(self.context(at + 6)))
            }
            0xd800..=0xdbff => {
                let next = at + 6;
                if bytes.get(next).is_none() {
                    return Err(self.invalid_token(next));
                }
                if bytes[next] != b'\\' {
                    return Err(self.failure(self.end_of_character(next), lone.into()));
                }
                if bytes.get(next + 1) != Some(&b'u') {
                    let end = if next + 1 < bytes.len() { self.end_of_character(next + 1) } else { next + 1 };
                    return Err(self.failure(end, lone.into()));
                }
                match self.read_code_unit(next + 2)? {
                    0xd800..=0xdbff => {
                        let detail = "Unicode high surrogate must not follow a high surrogate.";
                        Err(self.failure(next + 6, detail.into()))
                    }
                    low @ 0xdc00..=0xdfff => {
                        let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        Ok((char::from_u32(code), 12))
                    }
                    _ => Err(self.failure(next + 6, lone.into())),
                }
            }
            _ => match char::from_u32(unit) {
                Some(character) => Ok((Some(character), 6)),
                None => Err(self.failure(at + 6, lone.into())),
            },
        }
    }

    fn read_code_unit(&self, at: usize) -> Result<u32> {
        let bytes = self.input.as_bytes();
        let mut unit = 0;
        for at in at..at + 4 {
            let Some(byte) = bytes.get(at) else { return Err(self.invalid_token(at)) };
            let Some(digit) = char::from(*byte).to_digit(16) else {
                let detail = "\"\\u\" must be followed by four hexadecimal digits.";
                return Err(self.failure(self.end_of_character(at), detail.into()));
            };
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    fn end_of_character(&self, at: usize) -> usize {
        at + self.input[at..].chars().next().map_or(0, char::len_utf8)
    }

    fn invalid_token(&self, end: usize) -> Error {
        self.failure(end, format!("Token \"{}\" is invalid.", &self.input[self.start..end]))
    }

    /// For a token that the grammar does not want here; `wanted` completes "Expected ...".
    pub fn unexpected(&self, wanted: &str) -> Error {
        if self.token == Token::End {
            return self.failure(self.end, "The input string ended unexpectedly.".into());
        }
        let found = &self.input[self.span()];
        self.failure(self.end, format!("Expected {wanted}, but found \"{found}\"."))
    }

    fn failure(&self, end: usize, detail: String) -> Error {
        let error = Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json");
        error.detail(detail).context(self.context(end))
    }

    /// The line up to `end`, its beginning left out where it is long.
    fn context(&self, end: usize) -> String {
        const SHOWN_BYTES: usize = 50;
        let before = &self.input[..self.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let mut from = line_start;
        while end - from >= SHOWN_BYTES {
            from = self.end_of_character(from);
        }
        if from - line_start <= 3 {
            from = line_start;
        }
        let prefix = if from > line_start { "..." } else { "" };
        let rest = self.input.as_bytes().get(end);
        let goes_on = rest.is_some_and(|byte| !matches!(byte, b'\n' | b'\r'));
        let suffix = if goes_on { "..." } else { "" };
        format!("JSON data, line {line}: {prefix}{}{suffix}", &self.input[from..end])
    }
}

/// Of the longest prefix that looks like a number, and whether it is one: `1.`, `-` and `1e` are not finished.
fn number_prefix(bytes: &[u8]) -> (usize, bool) {
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes[0] == b'-');
    let whole = if bytes.get(at) == Some(&b'0') { 1 } else { digits(at) };
    let mut valid = whole > 0;
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        valid &= fraction > 0;
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        valid &= exponent > 0;
        at += exponent;
    }
    (at, valid)
}

/// Whether SQL's notation of a number is JSON's as well: the infinities and NaN are not.
pub fn is_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b'-' | b'0'..=b'9')) && number_prefix(bytes) == (bytes.len(), true)
}

pub enum Scalar<'a> {
    Null,
    Bool(bool),
    /// In JSON's notation.
    Number(&'a str),
    String(&'a str),
}

/// What is made of a value while it is read.
pub trait Sink {
    fn begin_array(&mut self);
    fn end_array(&mut self) -> Result<()>;
    fn begin_object(&mut self);
    fn key(&mut self, key: &str);
    fn end_object(&mut self) -> Result<()>;
    fn scalar(&mut self, scalar: Scalar) -> Result<()>;
}

/// Makes nothing.
pub struct Nothing;

impl Sink for Nothing {
    fn begin_array(&mut self) {}
    fn end_array(&mut self) -> Result<()> {
        Ok(())
    }
    fn begin_object(&mut self) {}
    fn key(&mut self, _key: &str) {}
    fn end_object(&mut self) -> Result<()> {
        Ok(())
    }
    fn scalar(&mut self, _scalar: Scalar) -> Result<()> {
        Ok(())
    }
}

/// The whole input is one value.
pub fn read(input: &str, escapes: Escapes, sink: &mut impl Sink) -> Result<()> {
    let mut lexer = Lexer::new(input, escapes)?;
    read_value(&mut lexer, sink, 0)?;
    expect_end(&lexer)
}

pub fn expect_end(lexer: &Lexer) -> Result<()> {
    match lexer.token() {
        Token::End => Ok(()),
        _ => Err(lexer.unexpected("end of input")),
    }
}

/// Reads one value and stops at the token behind it. `depth`: in how many containers it stands.
pub fn read_value(lexer: &mut Lexer, sink: &mut impl Sink, depth: usize) -> Result<()> {
    let scalar = match lexer.token() {
        Token::ObjectStart => return read_object(lexer, sink, depth + 1),
        Token::ArrayStart => return read_array(lexer, sink, depth + 1),
        Token::String => Scalar::String(lexer.string()),
        Token::Number => Scalar::Number(&lexer.input()[lexer.span()]),
        Token::True => Scalar::Bool(true),
        Token::False => Scalar::Bool(false),
        Token::Null => Scalar::Null,
        _ => return Err(lexer.unexpected("JSON value")),
    };
    sink.scalar(scalar)?;
    lexer.advance()
}

fn read_object(lexer: &mut Lexer, sink: &mut impl Sink, depth: usize) -> Result<()> {
    check_depth(depth)?;
    sink.begin_object();
    lexer.advance()?;
    let mut wanted = "string or \"}\"";
    if lexer.token() != Token::ObjectEnd {
        loop {
            read_key(lexer, sink, wanted)?;
            read_value(lexer, sink, depth)?;
            match lexer.token() {
                Token::Comma => lexer.advance()?,
                Token::ObjectEnd => break,
                _ => return Err(lexer.unexpected("\",\" or \"}\"")),
            }
            wanted = "string";
        }
    }
    sink.end_object()?;
    lexer.advance()
}

fn read_key(lexer: &mut Lexer, sink: &mut impl Sink, wanted: &str) -> Result<()> {
    if lexer.token() != Token::String {
        return Err(lexer.unexpected(wanted));
    }
    sink.key(lexer.string());
    lexer.advance()?;
    if lexer.token() != Token::Colon {
        return Err(lexer.unexpected("\":\""));
    }
    lexer.advance()
}

fn read_array(lexer: &mut Lexer, sink: &mut impl Sink, depth: usize) -> Result<()> {
    check_depth(depth)?;
    sink.begin_array();
    lexer.advance()?;
    if lexer.token() != Token::ArrayEnd {
        loop {
            read_value(lexer, sink, depth)?;
            match lexer.token() {
                Token::Comma => lexer.advance()?,
                Token::ArrayEnd => break,
                _ => return Err(lexer.unexpected("\",\" or \"]\"")),
            }
        }
    }
    sink.end_array()?;
    lexer.advance()
}

pub fn check_depth(depth: usize) -> Result<()> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    let hint = format!("JSON values nest at most {DEPTH_MAX} levels deep.");
    Err(Error::new(sqlstate::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(hint))
}
