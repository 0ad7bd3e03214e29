//! The text of a path to tokens, as PostgreSQL's scanner makes them, oddities included: an error names what the scanner
//! had matched last, and a word is read on behind what is no letter of it.
//!
//! Where several rules fit, the longest wins, as in scanners made by flex: `1a` is refused as a number with something
//! behind it, `12ab` is a word.

use crate::error::{Error, Result};
use crate::sqlstate;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    End,
    Symbol(char),
    /// `**`
    Any,
    And,
    Or,
    Not,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Integer(String),
    /// With a point or an exponent.
    Decimal(String),
    Text(String),
    Variable(String),
    /// A key, or a word of the language.
    Word(String),
}

pub struct Lexer<'a> {
    input: &'a str,
    at: usize,
    /// What was matched last, for errors; empty at the end, and behind a word that a symbol ended.
    matched: &'a str,
}

const SYMBOLS: &[u8] = b"?%$.[]{}()|&!=<>@#,*:-+/";

fn is_symbol(byte: u8) -> bool {
    SYMBOLS.contains(&byte)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

/// Of words: neither symbol nor blank, quote or backslash.
fn is_other(byte: u8) -> bool {
    !is_symbol(byte) && !is_blank(byte) && byte != b'"' && byte != b'\\'
}

enum Number {
    Integer,
    Decimal,
    /// `1e+`
    Unfinished,
    /// `1a`
    Junk,
}

impl<'a> Lexer<'a> {
    pub fn new(input: &'a str) -> Lexer<'a> {
        Lexer { input, at: 0, matched: "" }
    }

    pub fn syntax_error(&self) -> Error {
        self.error("syntax error")
    }

    fn error(&self, message: &str) -> Error {
        let place = match self.matched {
            "" => "at end".to_owned(),
            matched => format!("at or near \"{matched}\""),
        };
        Error::new(sqlstate::SYNTAX_ERROR, format!("{message} {place} of jsonpath input"))
    }

    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.input.as_bytes().get(self.at + ahead).copied()
    }

    fn take(&mut self, bytes: usize) {
        let mut end = (self.at + bytes).min(self.input.len());
        while !self.input.is_char_boundary(end) {
            end += 1;
        }
        self.matched = &self.input[self.at..end];
        self.at = end;
    }

    fn run(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        self.input.as_bytes()[self.at + from..].iter().take_while(|byte| wanted(**byte)).count()
    }

    pub fn next(&mut self) -> Result<Token> {
        loop {
            let Some(byte) = self.peek(0) else {
                self.matched = "";
                return Ok(Token::End);
            };
            if is_blank(byte) {
                self.at += 1;
            } else if self.rest().starts_with("/*") {
                self.comment()?;
            } else if let Some(token) = self.token(byte)? {
                return Ok(token);
            }
        }
    }

    fn comment(&mut self) -> Result<()> {
        match self.rest()[2..].find("*/") {
            Some(length) => {
                self.at += 2 + length + 2;
                Ok(())
            }
            None => {
                self.matched = "";
                Err(self.error("unexpected end of comment"))
            }
        }
    }

    /// None if there was one that a comment took away.
    fn token(&mut self, byte: u8) -> Result<Option<Token>> {
        if let Some(token) = self.number()? {
            return Ok(Some(token));
        }
        Ok(Some(match byte {
            b'"' => {
                self.take(1);
                Token::Text(self.quoted()?)
            }
            b'$' if self.peek(1) == Some(b'"') => {
                self.take(2);
                Token::Variable(self.quoted()?)
            }
            b'$' => {
                let name = self.run(1, is_other);
                self.take(1 + name);
                if name > 0 { Token::Variable(self.matched[1..].to_owned()) } else { Token::Symbol('$') }
            }
            _ if is_symbol(byte) => self.symbol(byte),
            _ => return self.word(),
        }))
    }

    fn symbol(&mut self, byte: u8) -> Token {
        let (length, token) = match (byte, self.peek(1)) {
            (b'&', Some(b'&')) => (2, Token::And),
            (b'|', Some(b'|')) => (2, Token::Or),
            (b'*', Some(b'*')) => (2, Token::Any),
            (b'=', Some(b'=')) => (2, Token::Equal),
            (b'!', Some(b'=')) | (b'<', Some(b'>')) => (2, Token::NotEqual),
            (b'<', Some(b'=')) => (2, Token::LessOrEqual),
            (b'>', Some(b'=')) => (2, Token::GreaterOrEqual),
            (b'!', _) => (1, Token::Not),
            (b'<', _) => (1, Token::Less),
            (b'>', _) => (1, Token::Greater),
            (other, _) => (1, Token::Symbol(char::from(other))),
        };
        self.take(length);
        token
    }

    /// None if what stands here is a word or a point.
    fn number(&mut self) -> Result<Option<Token>> {
        let digits = |from: usize| self.run(from, |byte| byte.is_ascii_digit());
        let whole = match self.peek(0) {
            Some(b'0') => 1,
            Some(b'1'..=b'9') => digits(0),
            Some(b'.') if digits(1) > 0 => 0,
            _ => return Ok(None),
        };
        let (mut length, mut number) = (whole, Number::Integer);
        if self.peek(length) == Some(b'.') {
            length += 1 + digits(length + 1);
            number = Number::Decimal;
        }
        if matches!(self.peek(length), Some(b'e' | b'E')) {
            let signed = 1 + usize::from(matches!(self.peek(length + 1), Some(b'+' | b'-')));
            match digits(length + signed) {
                0 if signed > 1 => (length, number) = (length + signed, Number::Unfinished),
                0 => {}
                exponent => (length, number) = (length + signed + exponent, Number::Decimal),
            }
        }
        if !matches!(number, Number::Unfinished) && self.peek(length).is_some_and(is_other) {
            (length, number) = (length + 1, Number::Junk);
        }
        if self.run(0, is_other) > length {
            return Ok(None);
        }
        self.take(length);
        let text = self.matched.to_owned();
        match number {
            Number::Integer => Ok(Some(Token::Integer(text))),
            Number::Decimal => Ok(Some(Token::Decimal(text))),
            Number::Unfinished => Err(self.error("invalid numeric literal")),
            Number::Junk => Err(self.error("trailing junk after numeric literal")),
        }
    }

    /// Up to a blank, a quote or a symbol. A comment within makes PostgreSQL forget what stands before it.
    fn word(&mut self) -> Result<Option<Token>> {
        let mut word = String::new();
        loop {
            match self.peek(0) {
                None => {
                    self.matched = "";
                    return Ok(Some(Token::Word(word)));
                }
                Some(b'\\') => self.escape(&mut word)?,
                Some(byte) if is_blank(byte) => {
                    self.take(self.run(0, is_blank));
                    return Ok(Some(Token::Word(word)));
                }
                Some(b'/') if self.peek(1) == Some(b'*') => {
                    self.comment()?;
                    return Ok(None);
                }
                Some(byte) if is_other(byte) => {
                    self.take(self.run(0, is_other));
                    word.push_str(self.matched);
                }
                Some(_) => {
                    self.matched = "";
                    return Ok(Some(Token::Word(word)));
                }
            }
        }
    }

    /// Behind the opening quote, to behind the closing one.
    fn quoted(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => {
                    self.matched = "";
                    return Err(self.error("unexpected end of quoted string"));
                }
                Some(b'"') => {
                    self.take(1);
                    return Ok(text);
                }
                Some(b'\\') => self.escape(&mut text)?,
                Some(_) => {
                    self.take(self.run(0, |byte| byte != b'"' && byte != b'\\'));
                    text.push_str(self.matched);
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<()> {
        let character = match self.peek(1) {
            None | Some(b'\n') => {
                self.take(1);
                return Err(self.error("unexpected end after backslash"));
            }
            Some(b'u') => return self.unicode(out),
            Some(b'x') => {
                let digits = self.run(2, |byte| byte.is_ascii_hexdigit()).min(2);
                self.take(2 + digits);
                if digits < 2 {
                    return Err(self.error("invalid hex character sequence"));
                }
                out.push(character(number(&self.matched[2..]))?);
                return Ok(());
            }
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'v') => '\u{b}',
            Some(_) => {
                // Any other stands for itself.
                self.at += 1;
                let length = self.rest().chars().next().map_or(0, char::len_utf8);
                self.take(length);
                out.push_str(self.matched);
                return Ok(());
            }
        };
        self.take(2);
        out.push(character);
        Ok(())
    }

    /// All escapes of this kind that follow one another: two may be one character.
    fn unicode(&mut self, out: &mut String) -> Result<()> {
        let begun = self.at;
        let mut codes = Vec::new();
        while self.rest().starts_with("\\u") {
            let braced = usize::from(self.peek(2) == Some(b'{'));
            let digits = self.run(2 + braced, |byte| byte.is_ascii_hexdigit()).min(if braced > 0 { 6 } else { 4 });
            let end = self.at + 2 + braced + digits;
            let closed = if braced > 0 { self.peek(3 + digits) == Some(b'}') } else { true };
            if !closed || digits < if braced > 0 { 1 } else { 4 } {
                self.matched = &self.input[begun..end];
                return Err(self.error("invalid unicode sequence"));
            }
            codes.push(number(&self.input[end - digits..end]));
            self.at = end + braced;
        }
        self.matched = &self.input[begun..self.at];
        let mut high = None;
        for code in codes {
            match (code, high) {
                (0xd800..=0xdbff, None) => high = Some(code),
                (0xd800..=0xdbff, Some(_)) => {
                    return Err(surrogate("Unicode high surrogate must not follow a high surrogate."));
                }
                (0xdc00..=0xdfff, Some(first)) => {
                    out.push(character(0x10000 + ((first & 0x3ff) << 10) + (code & 0x3ff))?);
                    high = None;
                }
                (0xdc00..=0xdfff, None) | (_, Some(_)) => return Err(surrogate(LOW_FIRST)),
                (code, None) => out.push(character(code)?),
            }
        }
        if high.is_some() { Err(surrogate(LOW_FIRST)) } else { Ok(()) }
    }
}

const LOW_FIRST: &str = "Unicode low surrogate must follow a high surrogate.";

fn surrogate(detail: &str) -> Error {
    Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath").detail(detail)
}

fn number(hexadecimal: &str) -> u32 {
    u32::from_str_radix(hexadecimal, 16).unwrap_or(u32::MAX)
}

fn character(code: u32) -> Result<char> {
    if code == 0 {
        let error = Error::new(sqlstate::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
        return Err(error.detail("\\u0000 cannot be converted to text."));
    }
    char::from_u32(code).ok_or_else(|| Error::new(sqlstate::SYNTAX_ERROR, "invalid Unicode code point"))
}
