//! Encodings of text, and the forms of Unicode.
//!
//! Our own encoding is UTF-8. Bytes are converted from and to UTF-8, LATIN1 and SQL_ASCII (which is no encoding, only
//! the absence of a check); the other encodings are known by name and refused.

use std::borrow::Cow;

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick,
};

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::sqlstate;
use crate::text::io::{shown_bytes, valid_utf8};
use crate::text::{bytes_of, int_of, str_of};

/// By PostgreSQL's number.
#[rustfmt::skip]
const NAMES: [&str; 42] = [
    "SQL_ASCII", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL", "LATIN1", "LATIN2",
    "LATIN3", "LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9", "LATIN10", "WIN1256", "WIN1258", "WIN866",
    "WIN874", "KOI8R", "WIN1251", "WIN1252", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "WIN1250",
    "WIN1253", "WIN1254", "WIN1255", "WIN1257", "KOI8U", "SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB",
    "SHIFT_JIS_2004",
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encoding(usize);

const SQL_ASCII: Encoding = Encoding(0);
const UTF8: Encoding = Encoding(6);
const LATIN1: Encoding = Encoding(8);

impl Encoding {
    /// Case and punctuation don't count.
    pub fn named(name: &str) -> Option<Encoding> {
        let key = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|letter| letter.to_ascii_lowercase()).collect()
        };
        let wanted = match key(name).as_str() {
            "unicode" => "utf8".to_owned(),
            "iso88591" => "latin1".to_owned(),
            "iso88592" => "latin2".to_owned(),
            "iso885915" => "latin9".to_owned(),
            other => match other.strip_prefix("windows") {
                Some(page) => format!("win{page}"),
                None => other.to_owned(),
            },
        };
        NAMES.iter().position(|name| key(name) == wanted).map(Encoding)
    }

    fn name(self) -> &'static str {
        NAMES[self.0]
    }

    /// An argument that is `what`: source, destination.
    fn of(argument: &Datum, what: &str) -> Result<Encoding> {
        let name = str_of(argument);
        Encoding::named(name).ok_or_else(|| {
            Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("invalid {what}encoding name \"{name}\""))
        })
    }

    fn refuse<T>(self) -> Result<T> {
        Err(Error::unsupported(format!("encoding \"{}\"", self.name())))
    }
}

/// Bytes in one encoding as they are in another, both checked.
fn convert(bytes: &[u8], from: Encoding, to: Encoding) -> Result<Cow<'_, [u8]>> {
    for encoding in [from, to] {
        if ![SQL_ASCII, UTF8, LATIN1].contains(&encoding) {
            return encoding.refuse();
        }
    }
    // Without an encoding on one side nothing is converted, but the other side has its rules.
    let checked = if from == SQL_ASCII { to } else { from };
    if checked == UTF8 {
        valid_utf8(bytes)?;
    } else if memchr::memchr(0, bytes).is_some() {
        let message = format!("invalid byte sequence for encoding \"{}\": 0x00", checked.name());
        return Err(Error::new(sqlstate::CHARACTER_NOT_IN_REPERTOIRE, message));
    }
    if from == LATIN1 && to == UTF8 {
        return Ok(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes().into());
    }
    if from == UTF8 && to == LATIN1 {
        let latin = valid_utf8(bytes)?.chars().map(|character| {
            u8::try_from(character as u32).map_err(|_| {
                let shown = shown_bytes(character.encode_utf8(&mut [0; 4]).as_bytes());
                let message = format!(
                    "character with byte sequence {shown} in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\""
                );
                Error::new(sqlstate::UNTRANSLATABLE_CHARACTER, message)
            })
        });
        return Ok(latin.collect::<Result<Vec<u8>>>()?.into());
    }
    Ok(bytes.into())
}

pub fn convert_from(arguments: &[Datum]) -> Result<Datum> {
    let converted = convert(bytes_of(&arguments[0]), Encoding::of(&arguments[1], "source ")?, UTF8)?;
    Ok(Datum::text(valid_utf8(&converted)?))
}

pub fn convert_to(arguments: &[Datum]) -> Result<Datum> {
    let to = Encoding::of(&arguments[1], "destination ")?;
    let converted = convert(str_of(&arguments[0]).as_bytes(), UTF8, to)?;
    Ok(Datum::Bytea(converted.into()))
}

pub fn convert_bytes(arguments: &[Datum]) -> Result<Datum> {
    let (from, to) = (Encoding::of(&arguments[1], "source ")?, Encoding::of(&arguments[2], "destination ")?);
    Ok(Datum::Bytea(convert(bytes_of(&arguments[0]), from, to)?.into()))
}

/// Characters of bytes in an encoding.
pub fn length_in(arguments: &[Datum]) -> Result<Datum> {
    let bytes = bytes_of(&arguments[0]);
    let count = match Encoding::of(&arguments[1], "")? {
        UTF8 => valid_utf8(bytes)?.chars().count(),
        encoding @ (SQL_ASCII | LATIN1) => convert(bytes, encoding, encoding)?.len(),
        other => return other.refuse(),
    };
    Ok(Datum::Int4(count as i32))
}

pub fn encoding_to_number(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(Encoding::named(str_of(&arguments[0])).map_or(-1, |encoding| encoding.0 as i32)))
}

pub fn number_to_encoding(arguments: &[Datum]) -> Result<Datum> {
    let name = usize::try_from(int_of(&arguments[0])).ok().and_then(|number| NAMES.get(number));
    Ok(Datum::text(name.copied().unwrap_or_default()))
}

pub fn database_encoding() -> Result<Datum> {
    Ok(Datum::text(UTF8.name()))
}

#[derive(Clone, Copy)]
enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

impl Form {
    fn of(argument: &Datum) -> Result<Form> {
        let name = str_of(argument);
        Ok(match name.to_ascii_uppercase().as_str() {
            "NFC" => Form::Nfc,
            "NFD" => Form::Nfd,
            "NFKC" => Form::Nfkc,
            "NFKD" => Form::Nfkd,
            _ => {
                let message = format!("invalid normalization form: {name}");
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
            }
        })
    }

    fn applied(self, text: &str) -> String {
        match self {
            Form::Nfc => text.nfc().collect(),
            Form::Nfd => text.nfd().collect(),
            Form::Nfkc => text.nfkc().collect(),
            Form::Nfkd => text.nfkd().collect(),
        }
    }

    fn is_of(self, text: &str) -> bool {
        let characters = text.chars();
        let quick = match self {
            Form::Nfc => is_nfc_quick(characters),
            Form::Nfd => is_nfd_quick(characters),
            Form::Nfkc => is_nfkc_quick(characters),
            Form::Nfkd => is_nfkd_quick(characters),
        };
        match quick {
            IsNormalized::Yes => true,
            IsNormalized::No => false,
            IsNormalized::Maybe => self.applied(text) == text,
        }
    }
}

pub fn normalize(arguments: &[Datum]) -> Result<Datum> {
    let form = Form::of(&arguments[1])?;
    let text = str_of(&arguments[0]);
    if text.is_ascii() {
        return Ok(arguments[0].clone());
    }
    Ok(Datum::text(form.applied(text)))
}

pub fn is_normalized(arguments: &[Datum]) -> Result<Datum> {
    let form = Form::of(&arguments[1])?;
    Ok(Datum::Bool(form.is_of(str_of(&arguments[0]))))
}

/// Replaces `\XXXX`, `\+XXXXXX`, `\uXXXX` and `\UXXXXXXXX`; pairs of surrogates are one character.
pub fn unistr(arguments: &[Datum]) -> Result<Datum> {
    let mut rest = str_of(&arguments[0]);
    let mut out = String::with_capacity(rest.len());
    let mut high: Option<u32> = None;
    loop {
        let at = rest.find('\\').unwrap_or(rest.len());
        let (plain, escape) = rest.split_at(at);
        if high.is_some() && (!plain.is_empty() || escape.is_empty()) {
            return Err(invalid_pair());
        }
        out.push_str(plain);
        if escape.is_empty() {
            return Ok(Datum::text(out));
        }
        if let Some(after) = escape.strip_prefix("\\\\") {
            if high.is_some() {
                return Err(invalid_pair());
            }
            out.push('\\');
            rest = after;
            continue;
        }
        let (prefix, digits) = match escape.as_bytes().get(1) {
            Some(b'+') => (2, 6),
            Some(b'u') => (2, 4),
            Some(b'U') => (2, 8),
            _ => (1, 4),
        };
        let code =
            escape.get(prefix..prefix + digits).filter(|code| code.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(code) = code.and_then(|code| u32::from_str_radix(code, 16).ok()) else {
            let error = Error::new(sqlstate::SYNTAX_ERROR, "invalid Unicode escape");
            return Err(error.hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX."));
        };
        if code == 0 || code > char::MAX as u32 {
            let message = format!("invalid Unicode code point: {code:0digits$X}");
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
        }
        rest = &escape[prefix + digits..];
        let whole = match (high.take(), code) {
            (None, 0xd800..0xdc00) => {
                high = Some(code);
                continue;
            }
            (Some(high), 0xdc00..0xe000) => 0x1_0000 + ((high & 0x3ff) << 10) + (code & 0x3ff),
            (Some(_), _) => return Err(invalid_pair()),
            (None, code) => code,
        };
        out.push(char::from_u32(whole).ok_or_else(invalid_pair)?);
    }
}

fn invalid_pair() -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, "invalid Unicode surrogate pair")
}
