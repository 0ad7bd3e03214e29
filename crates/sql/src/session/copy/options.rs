//! WITH (…) of COPY.

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, Setting, SettingValue};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Csv,
    Binary,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub kind: Kind,
    pub delimiter: u8,
    pub null: String,
    pub header: Header,
    pub quote: u8,
    pub escape: u8,
    pub force_quote: Columns,
    pub force_not_null: Columns,
    pub force_null: Columns,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    None,
    Present,
    /// The names must be those of the columns.
    Match,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Columns {
    #[default]
    None,
    All,
    Named(Vec<String>),
}

impl Columns {
    pub fn has(&self, name: &str) -> bool {
        match self {
            Columns::None => false,
            Columns::All => true,
            Columns::Named(names) => names.iter().any(|known| known == name),
        }
    }

    /// 42P10 if it names one that is not copied.
    pub fn check_among<'a>(&self, copied: impl Iterator<Item = &'a str> + Clone, what: &str) -> Result<()> {
        let Columns::Named(names) = self else { return Ok(()) };
        match names.iter().find(|name| !copied.clone().any(|copied| copied == *name)) {
            Some(name) => {
                let message = format!("{what} column \"{name}\" not referenced by COPY");
                Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message))
            }
            None => Ok(()),
        }
    }
}

fn syntax(message: impl Into<String>) -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, message)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
}

pub fn parse(settings: &[Setting], direction: ast::CopyDirection) -> Result<Options> {
    let from = direction == ast::CopyDirection::From;
    let (mut kind, mut delimiter, mut null, mut header) = (Kind::Text, None, None, Header::None);
    let (mut quote, mut escape) = (None, None);
    let (mut force_quote, mut force_not_null, mut force_null) = <(Columns, Columns, Columns)>::default();
    let mut seen: Vec<&str> = Vec::new();
    for setting in settings {
        let name = setting.name.as_str();
        let at = setting.name.at.offset();
        if seen.contains(&name) {
            return Err(syntax("conflicting or redundant options").at(at));
        }
        seen.push(name);
        let text = || match &setting.value {
            Some(SettingValue::Text(text) | SettingValue::Number(text)) => Ok(text.to_string()),
            _ => Err(syntax(format!("{name} requires a parameter")).at(at)),
        };
        match name {
            "format" => {
                let format = text()?;
                kind = match format.as_str() {
                    "text" => Kind::Text,
                    "csv" => Kind::Csv,
                    "binary" => Kind::Binary,
                    _ => return Err(invalid(format!("COPY format \"{format}\" not recognized")).at(at)),
                };
            }
            "delimiter" => delimiter = Some(text()?),
            "null" => null = Some(text()?),
            "quote" => quote = Some(text()?),
            "escape" => escape = Some(text()?),
            "header" => {
                header = match &setting.value {
                    None => Header::Present,
                    Some(_) => match text()?.to_lowercase().as_str() {
                        "true" | "on" | "1" => Header::Present,
                        "false" | "off" | "0" => Header::None,
                        "match" if from => Header::Match,
                        "match" => return Err(Error::unsupported("HEADER MATCH with COPY TO").at(at)),
                        _ => return Err(syntax("header requires a Boolean value or \"match\"").at(at)),
                    },
                };
            }
            // A promise about rows that carry no marks here: there is nothing to do for it, and nothing it could spoil.
            "freeze" => match text().unwrap_or_else(|_| "true".into()).to_lowercase().as_str() {
                "true" | "on" | "1" | "false" | "off" | "0" => {}
                _ => return Err(syntax("freeze requires a Boolean value").at(at)),
            },
            "force_quote" => force_quote = columns(setting)?,
            "force_not_null" => force_not_null = columns(setting)?,
            "force_null" => force_null = columns(setting)?,
            "encoding" => {
                let encoding = text()?;
                if !matches!(encoding.to_lowercase().replace(['-', '_'], "").as_str(), "utf8" | "unicode") {
                    return Err(Error::unsupported(format!("COPY with encoding \"{encoding}\"")).at(at));
                }
            }
            _ => return Err(syntax(format!("option \"{name}\" not recognized")).at(at)),
        }
    }
    let csv = kind == Kind::Csv;
    if kind == Kind::Binary {
        for (given, what) in [(delimiter.is_some(), "DELIMITER"), (null.is_some(), "NULL")] {
            if given {
                return Err(syntax(format!("cannot specify {what} in BINARY mode")));
            }
        }
        if header != Header::None {
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, "cannot specify HEADER in BINARY mode"));
        }
    }
    let only_csv = |given: bool, what: &str| match given && !csv {
        true => Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, format!("COPY {what} available only in CSV mode"))),
        false => Ok(()),
    };
    only_csv(quote.is_some(), "quote")?;
    only_csv(escape.is_some(), "escape")?;
    only_csv(force_quote != Columns::None, "force quote")?;
    only_csv(force_not_null != Columns::None, "force not null")?;
    only_csv(force_null != Columns::None, "force null")?;
    let one = |text: Option<String>, default: u8, what: &str| match text.as_deref().map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) => Ok(*byte),
        Some(_) => {
            let message = format!("COPY {what} must be a single one-byte character");
            Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message))
        }
    };
    let delimiter = one(delimiter, if csv { b',' } else { b'\t' }, "delimiter")?;
    let quote = one(quote, b'"', "quote")?;
    let escape = one(escape, quote, "escape")?;
    let null = null.unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
    if matches!(delimiter, b'\n' | b'\r') {
        return Err(invalid("COPY delimiter cannot be newline or carriage return"));
    }
    if null.contains(['\n', '\r']) {
        return Err(invalid("COPY null representation cannot use newline or carriage return"));
    }
    if !csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter) {
        return Err(invalid(format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))));
    }
    if csv && delimiter == quote {
        return Err(invalid("COPY delimiter and quote must be different"));
    }
    if null.as_bytes().contains(&delimiter) {
        return Err(invalid("COPY delimiter must not appear in the NULL specification"));
    }
    if csv && null.as_bytes().contains(&quote) {
        return Err(invalid("CSV quote character must not appear in the NULL specification"));
    }
    Ok(Options { kind, delimiter, null, header, quote, escape, force_quote, force_not_null, force_null })
}

fn columns(setting: &Setting) -> Result<Columns> {
    match &setting.value {
        Some(SettingValue::Star) => Ok(Columns::All),
        Some(SettingValue::List(items)) => {
            let names = items.iter().map(|item| match item {
                SettingValue::Text(name) => Ok(name.to_string()),
                _ => Err(invalid(format!("argument to option \"{}\" must be a list of column names", setting.name))),
            });
            Ok(Columns::Named(names.collect::<Result<_>>()?))
        }
        _ => Err(invalid(format!("argument to option \"{}\" must be a list of column names", setting.name))),
    }
}
