//! From text to tokens, by PostgreSQL 15's rules with `standard_conforming_strings` on.
//!
//! All tokens are read at once, so that the parser looks ahead as far as it likes. What can't be a token ends the list
//! with a [`Kind::Bad`], whose error counts only if the parser gets that far: an error of the grammar before it goes
//! first, as in PostgreSQL, which reads tokens one by one.
//!
//! A token is its place in the text. Only strings and identifiers that are not literally there (escapes, doubled quotes,
//! continuation over lines) have their text beside it.

use atoll_datum::{Error, Result, sqlstate};

use crate::keyword::Keyword;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Keyword(Keyword),
    /// NULLS with FIRST or LAST behind it, which is no name then.
    NullsOrder,
    Identifier,
    QuotedIdentifier,
    String,
    Bits,
    HexBits,
    /// Fits in 32 bits.
    Integer,
    Number,
    Parameter,
    /// Any operator that is none of the following.
    Operator,
    LessEquals,
    GreaterEquals,
    NotEquals,
    TypeCast,
    DotDot,
    ColonEquals,
    EqualsGreater,
    Symbol(u8),
    /// Behind the last token.
    End,
    Bad,
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
    /// Index into [`Tokens::decoded`], or [`VERBATIM`].
    decoded: u32,
}

const VERBATIM: u32 = u32::MAX;

/// PostgreSQL's NAMEDATALEN, less the zero byte.
pub const NAME_BYTES_MAX: usize = 63;

pub struct Tokens<'a> {
    pub text: &'a str,
    /// Never empty: the last is [`Kind::End`] or [`Kind::Bad`].
    pub list: Vec<Token>,
    decoded: Vec<Box<str>>,
    /// Of the [`Kind::Bad`] token.
    pub error: Option<Error>,
}

impl Tokens<'_> {
    pub fn source(&self, token: Token) -> &str {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The value of a string, of a bit string or of a quoted identifier.
    pub fn string(&self, token: Token) -> &str {
        if token.decoded != VERBATIM {
            return &self.decoded[token.decoded as usize];
        }
        let source = self.source(token);
        if let Some(rest) = source.strip_prefix('$') {
            let tag = rest.find('$').map_or(0, |at| at + 2);
            &source[tag..source.len() - tag]
        } else {
            &source[1..source.len() - 1]
        }
    }

    /// The value of an identifier, or the text of a keyword used as one.
    pub fn name(&self, token: Token) -> Box<str> {
        match token.kind {
            Kind::Keyword(keyword) => keyword.text().into(),
            Kind::QuotedIdentifier => truncated(self.string(token)).into(),
            _ => {
                let source = truncated(self.source(token));
                if source.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    source.to_ascii_lowercase().into()
                } else {
                    source.into()
                }
            }
        }
    }
}

fn truncated(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

/// "syntax error at or near ..." and its relatives: what stands from `start` to `end`, or the end of the input.
pub fn error_near(text: &str, what: &str, start: usize, end: usize) -> Error {
    let message = if start >= text.len() {
        format!("{what} at end of input")
    } else {
        format!("{what} at or near \"{}\"", &text[start..end])
    };
    Error::new(sqlstate::SYNTAX_ERROR, message).at(start)
}

pub fn tokens(text: &str) -> Tokens<'_> {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        position: 0,
        list: Vec::with_capacity(text.len() / 4 + 8),
        decoded: Vec::new(),
    };
    let error = lexer.all().err();
    if error.is_some() {
        let position = text.len() as u32;
        lexer.list.push(Token { kind: Kind::Bad, start: position, end: position, decoded: VERBATIM });
    }
    Tokens { text, list: lexer.list, decoded: lexer.decoded, error }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    position: usize,
    list: Vec<Token>,
    decoded: Vec<Box<str>>,
}

fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_identifier(byte: u8) -> bool {
    is_identifier_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.position + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.list.push(Token { kind, start: start as u32, end: self.position as u32, decoded: VERBATIM });
    }

    fn push_decoded(&mut self, kind: Kind, start: usize, value: String) {
        let decoded = self.decoded.len() as u32;
        self.decoded.push(value.into());
        self.list.push(Token { kind, start: start as u32, end: self.position as u32, decoded });
    }

    /// From `start` to where the lexer stands.
    fn error(&self, what: &str, start: usize) -> Error {
        error_near(self.text, what, start, self.position)
    }

    fn all(&mut self) -> Result<()> {
        loop {
            self.skip_space()?;
            let start = self.position;
            let Some(&byte) = self.bytes.get(start) else {
                self.push(Kind::End, start);
                return Ok(());
            };
            match byte {
                b'\'' => self.string(start, 0)?,
                b'"' => self.quoted_identifier(start)?,
                b'0'..=b'9' => self.number(start)?,
                b'.' if self.byte(1).is_ascii_digit() => self.number(start)?,
                b'$' => self.dollar(start)?,
                _ if is_identifier_start(byte) => self.word(start, byte)?,
                _ if is_operator(byte) => self.operator(start)?,
                b':' if self.byte(1) == b':' => self.symbol(Kind::TypeCast, start, 2),
                b':' if self.byte(1) == b'=' => self.symbol(Kind::ColonEquals, start, 2),
                b'.' if self.byte(1) == b'.' => self.symbol(Kind::DotDot, start, 2),
                // Also what can't begin a token: the parser knows no use for it.
                _ => self.symbol(Kind::Symbol(byte), start, 1),
            }
        }
    }

    fn symbol(&mut self, kind: Kind, start: usize, length: usize) {
        self.position = start + length;
        self.push(kind, start);
    }

    fn skip_space(&mut self) -> Result<()> {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0c => self.position += 1,
                b'-' if self.byte(1) == b'-' => self.skip_line(),
                b'/' if self.byte(1) == b'*' => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        while self.position < self.bytes.len() && !matches!(self.byte(0), b'\n' | b'\r') {
            self.position += 1;
        }
    }

    fn skip_comment(&mut self) -> Result<()> {
        let start = self.position;
        let mut depth = 0usize;
        loop {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.position += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.position += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ if self.position < self.bytes.len() => self.position += 1,
                _ => return Err(self.error("unterminated /* comment", start)),
            }
        }
    }

    fn word(&mut self, start: usize, first: u8) -> Result<()> {
        match (first, self.byte(1)) {
            (b'e' | b'E', b'\'') => return self.escape_string(start),
            (b'b' | b'B', b'\'') => return self.bits(start, Kind::Bits, "unterminated bit string literal"),
            (b'x' | b'X', b'\'') => return self.bits(start, Kind::HexBits, "unterminated hexadecimal string literal"),
            // N'abc' is NCHAR 'abc'.
            (b'n' | b'N', b'\'') => {
                self.symbol(Kind::Keyword(Keyword::Nchar), start, 1);
                return Ok(());
            }
            (b'u' | b'U', b'&') if matches!(self.byte(2), b'\'' | b'"') => return self.unicode(start),
            _ => {}
        }
        self.skip_identifier();
        let kind = Keyword::find(&self.text[start..self.position]).map_or(Kind::Identifier, Kind::Keyword);
        if let Kind::Keyword(Keyword::First | Keyword::Last) = kind
            && let Some(previous) = self.list.last_mut().filter(|token| token.kind == Kind::Keyword(Keyword::Nulls))
        {
            previous.kind = Kind::NullsOrder;
        }
        self.push(kind, start);
        Ok(())
    }

    fn skip_identifier(&mut self) {
        while self.bytes.get(self.position).is_some_and(|&byte| is_identifier(byte)) {
            self.position += 1;
        }
    }

    fn number(&mut self, start: usize) -> Result<()> {
        self.skip_digits();
        let mut kind = Kind::Integer;
        // `1..2` is a range of integers, not a number with a point.
        if self.byte(0) == b'.' && self.byte(1) != b'.' {
            kind = Kind::Number;
            self.position += 1;
            self.skip_digits();
        }
        if matches!(self.byte(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + sign).is_ascii_digit() {
                kind = Kind::Number;
                self.position += 1 + sign;
                self.skip_digits();
            } else if sign == 1 {
                self.position += 2;
                return Err(self.error("trailing junk after numeric literal", start));
            }
        }
        if is_identifier_start(self.byte(0)) {
            self.skip_identifier();
            return Err(self.error("trailing junk after numeric literal", start));
        }
        if kind == Kind::Integer && self.text[start..self.position].parse::<i32>().is_err() {
            kind = Kind::Number;
        }
        self.push(kind, start);
        Ok(())
    }

    fn skip_digits(&mut self) {
        while self.byte(0).is_ascii_digit() {
            self.position += 1;
        }
    }

    fn operator(&mut self, start: usize) -> Result<()> {
        let mut end = start;
        while end < self.bytes.len() && is_operator(self.bytes[end]) {
            // A comment ends it.
            if matches!(&self.bytes[end..(end + 2).min(self.bytes.len())], b"--" | b"/*") {
                break;
            }
            end += 1;
        }
        // So that `1=-1` is what it looks like: a sign at the end belongs to the operator only if something in it is not
        // an operator of SQL's own.
        while end - start > 1
            && matches!(self.bytes[end - 1], b'+' | b'-')
            && !self.bytes[start..end - 1]
                .iter()
                .any(|byte| matches!(byte, b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%'))
        {
            end -= 1;
        }
        self.position = end;
        let operator = &self.bytes[start..end];
        let kind = match operator {
            [single @ (b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'=')] => Kind::Symbol(*single),
            b"=>" => Kind::EqualsGreater,
            b">=" => Kind::GreaterEquals,
            b"<=" => Kind::LessEquals,
            b"<>" | b"!=" => Kind::NotEquals,
            _ => Kind::Operator,
        };
        if operator.len() > NAME_BYTES_MAX {
            return Err(self.error("operator too long", start));
        }
        self.push(kind, start);
        Ok(())
    }

    fn dollar(&mut self, start: usize) -> Result<()> {
        if self.byte(1).is_ascii_digit() {
            self.position += 1;
            self.skip_digits();
            if is_identifier_start(self.byte(0)) {
                self.skip_identifier();
                return Err(self.error("trailing junk after parameter", start));
            }
            self.push(Kind::Parameter, start);
            return Ok(());
        }
        let mut end = start + 1;
        while self.bytes.get(end).is_some_and(|&byte| is_identifier(byte) && byte != b'$') {
            end += 1;
        }
        if self.bytes.get(end) != Some(&b'$') {
            self.symbol(Kind::Symbol(b'$'), start, 1);
            return Ok(());
        }
        let tag = &self.text[start..=end];
        match self.text[end + 1..].find(tag) {
            Some(length) => {
                self.position = end + 1 + length + tag.len();
                self.push(Kind::String, start);
                Ok(())
            }
            None => {
                self.position = self.bytes.len();
                Err(self.error("unterminated dollar-quoted string", start))
            }
        }
    }

    /// To behind the closing quote, and the raw content; doubled quotes are still doubled.
    fn quoted(&mut self, quote: u8, what: &str, start: usize) -> Result<std::ops::Range<usize>> {
        let content = self.position;
        loop {
            match self.bytes.get(self.position) {
                Some(&byte) if byte == quote && self.byte(1) == quote => self.position += 2,
                Some(&byte) if byte == quote => {
                    self.position += 1;
                    return Ok(content..self.position - 1);
                }
                Some(_) => self.position += 1,
                None => return Err(self.error(what, start)),
            }
        }
    }

    /// A string goes on if the next line, comments aside, begins with a quote. Moves behind that quote.
    fn continues(&mut self) -> bool {
        let mut ahead = self.position;
        let mut newline = false;
        loop {
            match self.bytes.get(ahead) {
                Some(b'\n' | b'\r') => {
                    newline = true;
                    ahead += 1;
                }
                Some(b' ' | b'\t' | 0x0c) => ahead += 1,
                Some(b'-') if self.bytes.get(ahead + 1) == Some(&b'-') => {
                    while ahead < self.bytes.len() && !matches!(self.bytes[ahead], b'\n' | b'\r') {
                        ahead += 1;
                    }
                }
                Some(b'\'') if newline => {
                    self.position = ahead + 1;
                    return true;
                }
                _ => return false,
            }
        }
    }

    fn string(&mut self, start: usize, prefix: usize) -> Result<()> {
        self.position = start + prefix + 1;
        let content = self.quoted(b'\'', "unterminated quoted string", start)?;
        let first = &self.text[content];
        let end = self.position;
        if !first.contains('\'') && !self.continues() {
            self.push(Kind::String, start);
            return Ok(());
        }
        self.position = end;
        let mut value = first.replace("''", "'");
        while self.continues() {
            let content = self.quoted(b'\'', "unterminated quoted string", start)?;
            value.push_str(&self.text[content].replace("''", "'"));
        }
        self.push_decoded(Kind::String, start, value);
        Ok(())
    }

    /// `b'01'`, `x'1f'`: whether the digits are digits is for whoever makes the value to say.
    fn bits(&mut self, start: usize, kind: Kind, unterminated: &str) -> Result<()> {
        self.position = start + 2;
        let content = self.quoted(b'\'', unterminated, start)?;
        let mut value = self.text[content].to_owned();
        while self.continues() {
            let content = self.quoted(b'\'', unterminated, start)?;
            value.push_str(&self.text[content]);
        }
        self.push_decoded(kind, start, value);
        Ok(())
    }

    fn quoted_identifier(&mut self, start: usize) -> Result<()> {
        self.position = start + 1;
        let content = self.quoted(b'"', "unterminated quoted identifier", start)?;
        let value = &self.text[content];
        if value.is_empty() {
            return Err(self.error("zero-length delimited identifier", start));
        }
        if value.contains('"') {
            let value = value.replace("\"\"", "\"");
            self.push_decoded(Kind::QuotedIdentifier, start, value);
        } else {
            self.push(Kind::QuotedIdentifier, start);
        }
        Ok(())
    }

    fn escape_string(&mut self, start: usize) -> Result<()> {
        self.position = start + 2;
        let mut value = Vec::new();
        let mut high: Option<u32> = None;
        loop {
            let Some(&byte) = self.bytes.get(self.position) else {
                return Err(match high {
                    Some(_) => self.error("invalid Unicode surrogate pair", self.position),
                    None => self.error("unterminated quoted string", start),
                });
            };
            let here = self.position;
            if high.is_some() && !(byte == b'\\' && matches!(self.byte(1), b'u' | b'U')) {
                self.position += self.text[here..].chars().next().map_or(1, char::len_utf8);
                return Err(self.error("invalid Unicode surrogate pair", here));
            }
            match byte {
                b'\'' if self.byte(1) == b'\'' => {
                    value.push(b'\'');
                    self.position += 2;
                }
                b'\'' => {
                    self.position += 1;
                    if !self.continues() {
                        break;
                    }
                }
                b'\\' => self.escape(start, &mut value, &mut high)?,
                _ => {
                    value.push(byte);
                    self.position += 1;
                }
            }
        }
        let value = checked_utf8(value)?;
        self.push_decoded(Kind::String, start, value);
        Ok(())
    }

    /// One backslash and what belongs to it.
    fn escape(&mut self, start: usize, value: &mut Vec<u8>, high: &mut Option<u32>) -> Result<()> {
        let here = self.position;
        let Some(&byte) = self.bytes.get(here + 1) else {
            self.position = self.bytes.len();
            return Err(self.error("unterminated quoted string", start));
        };
        self.position += 2;
        match byte {
            b'b' => value.push(8),
            b'f' => value.push(12),
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    if let digit @ b'0'..=b'7' = self.byte(0) {
                        code = code * 8 + u32::from(digit - b'0');
                        self.position += 1;
                    }
                }
                value.push(code as u8);
            }
            b'x' if self.byte(0).is_ascii_hexdigit() => {
                let digits = 1 + usize::from(self.byte(1).is_ascii_hexdigit());
                let code = hexadecimal(&self.bytes[self.position..self.position + digits]);
                self.position += digits;
                value.push(code as u8);
            }
            b'u' | b'U' => {
                let digits = if byte == b'u' { 4 } else { 8 };
                let Some(code) = self.hexadecimal(digits) else {
                    return Err(Error::new(sqlstate::INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape")
                        .hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.")
                        .at(here));
                };
                let code = match (*high, code) {
                    (Some(first), 0xDC00..=0xDFFF) => 0x10000 + ((first - 0xD800) << 10) + (code - 0xDC00),
                    (Some(_), _) | (None, 0xDC00..=0xDFFF) => {
                        return Err(self.error("invalid Unicode surrogate pair", here));
                    }
                    (None, 0xD800..=0xDBFF) => {
                        *high = Some(code);
                        return Ok(());
                    }
                    (None, _) => code,
                };
                *high = None;
                match char::from_u32(code).filter(|&character| character != '\0') {
                    Some(character) => value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => return Err(self.error("invalid Unicode escape value", here)),
                }
            }
            _ => value.push(byte),
        }
        Ok(())
    }

    /// Exactly so many digits, if they are there.
    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        let bytes = self.bytes.get(self.position..self.position + digits)?;
        if !bytes.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.position += digits;
        Some(hexadecimal(bytes))
    }

    /// `U&'...'` and `U&"..."`, with the UESCAPE that may follow.
    fn unicode(&mut self, start: usize) -> Result<()> {
        let quote = self.byte(2);
        self.position = start + 3;
        let (kind, value) = if quote == b'\'' {
            let mut value = String::new();
            loop {
                let content = self.quoted(b'\'', "unterminated quoted string", start)?;
                value.push_str(&self.text[content].replace("''", "'"));
                if !self.continues() {
                    break (Kind::String, value);
                }
            }
        } else {
            let content = self.quoted(b'"', "unterminated quoted identifier", start)?;
            if content.is_empty() {
                return Err(self.error("zero-length delimited identifier", start));
            }
            (Kind::QuotedIdentifier, self.text[content].replace("\"\"", "\""))
        };
        let end = self.position;
        let escape = match self.escape_character()? {
            Some(escape) => escape,
            None => {
                self.position = end;
                '\\'
            }
        };
        let value = decode_unicode(&value, escape, start + 3)?;
        self.push_decoded(kind, start, value);
        Ok(())
    }

    /// What `UESCAPE 'x'` names, if it follows.
    fn escape_character(&mut self) -> Result<Option<char>> {
        self.skip_space()?;
        let word = self.position;
        self.skip_identifier();
        if !self.text[word..self.position].eq_ignore_ascii_case("uescape") {
            return Ok(None);
        }
        self.skip_space()?;
        let start = self.position;
        let mut ahead = Lexer { list: Vec::new(), decoded: Vec::new(), ..*self };
        let simple = match (ahead.byte(0), ahead.byte(1)) {
            (b'\'', _) => ahead.string(start, 0).map(|()| true)?,
            (b'e' | b'E', b'\'') => ahead.escape_string(start).map(|()| true)?,
            (b'$', _) => ahead.dollar(start).map(|()| ahead.list[0].kind == Kind::String)?,
            _ => false,
        };
        if !simple {
            // The whole token goes into the message, whatever it is.
            let rest = tokens(&self.text[start..]);
            let token = rest.list[0];
            self.position = start + token.end as usize;
            return Err(self.error("UESCAPE must be followed by a simple string literal", start));
        }
        self.position = ahead.position;
        let list = Tokens { text: self.text, list: ahead.list, decoded: ahead.decoded, error: None };
        let mut characters = list.string(list.list[0]).chars();
        match (characters.next(), characters.next()) {
            (Some(escape), None)
                if !escape.is_ascii_hexdigit()
                    && !matches!(escape, '+' | '\'' | '"' | ' ' | '\t' | '\n' | '\r' | '\x0c') =>
            {
                Ok(Some(escape))
            }
            _ => Err(self.error("invalid Unicode escape character", start)),
        }
    }
}

fn hexadecimal(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, &digit| (value << 4) | char::from(digit).to_digit(16).unwrap_or(0))
}

/// Escapes of `U&''`; positions are counted from `base` in the text without doubled quotes, as PostgreSQL does.
fn decode_unicode(text: &str, escape: char, base: usize) -> Result<String> {
    let mut value = String::with_capacity(text.len());
    let mut high: Option<u32> = None;
    let mut rest = text;
    let pair =
        |position: usize| Error::new(sqlstate::SYNTAX_ERROR, "invalid Unicode surrogate pair").at(base + position);
    while let Some(character) = rest.chars().next() {
        let position = text.len() - rest.len();
        let after = &rest[character.len_utf8()..];
        if character != escape {
            if high.is_some() {
                return Err(pair(position));
            }
            value.push(character);
            rest = after;
            continue;
        }
        if after.starts_with(escape) {
            if high.is_some() {
                return Err(pair(position));
            }
            value.push(escape);
            rest = &after[escape.len_utf8()..];
            continue;
        }
        let (skip, digits) = if after.starts_with('+') { (1, 6) } else { (0, 4) };
        let code = after.as_bytes().get(skip..skip + digits).filter(|bytes| bytes.iter().all(u8::is_ascii_hexdigit));
        let Some(code) = code.map(hexadecimal) else {
            return Err(Error::new(sqlstate::SYNTAX_ERROR, "invalid Unicode escape")
                .hint("Unicode escapes must be \\XXXX or \\+XXXXXX.")
                .at(base + position));
        };
        rest = &after[skip + digits..];
        let code = match (high, code) {
            (Some(first), 0xDC00..=0xDFFF) => 0x10000 + ((first - 0xD800) << 10) + (code - 0xDC00),
            (Some(_), _) | (None, 0xDC00..=0xDFFF) => return Err(pair(position)),
            (None, 0xD800..=0xDBFF) => {
                high = Some(code);
                continue;
            }
            (None, _) => code,
        };
        high = None;
        match char::from_u32(code).filter(|&character| character != '\0') {
            Some(character) => value.push(character),
            None => {
                return Err(Error::new(sqlstate::SYNTAX_ERROR, "invalid Unicode escape value").at(base + position));
            }
        }
    }
    if high.is_some() {
        return Err(pair(text.len()));
    }
    Ok(value)
}

/// Escapes can make bytes that are no text.
fn checked_utf8(bytes: Vec<u8>) -> Result<String> {
    let zero = bytes.iter().position(|&byte| byte == 0);
    let (bad, bytes) = match String::from_utf8(bytes) {
        Ok(text) if zero.is_none() => return Ok(text),
        Ok(text) => (zero.unwrap_or(0), text.into_bytes()),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            (zero.map_or(valid, |zero| zero.min(valid)), error.into_bytes())
        }
    };
    let length = match bytes[bad] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    };
    let listed: Vec<String> = bytes[bad..].iter().take(length).map(|byte| format!("0x{byte:02x}")).collect();
    Err(Error::new(
        sqlstate::CHARACTER_NOT_IN_REPERTOIRE,
        format!("invalid byte sequence for encoding \"UTF8\": {}", listed.join(" ")),
    ))
}
