//! Values of any type as text within other text: `concat`, `format`, `||` with another type, quoting.
//!
//! The arguments of a VARIADIC array must have been spread by the caller, each with its type.

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Call;
use crate::io::Form;
use crate::oid::Oid;
use crate::text::str_of;
use crate::text::string::{check_growth, concat};
use crate::{builtin::builtin, oid, sqlstate};

/// What the output function of the type writes.
pub fn push_value(call: &Call, of: Oid, value: &Datum, out: &mut String) -> Result<()> {
    match value {
        Datum::Text(text) if of != oid::JSONPATH => out.push_str(text),
        Datum::Enum(value) => out.push_str(value.label()),
        value => {
            let form = Form::of(of).ok_or_else(|| {
                let name = builtin().type_by_oid(of).map_or_else(|| format!("oid {of}"), |row| row.name.to_owned());
                Error::unsupported(format!("the text form of type {name}"))
            })?;
            form.format(value, call.settings, out);
        }
    }
    Ok(())
}

/// What a cast to text makes of a value, which for a truth value is not what its output function writes.
fn cast_to_text(call: &Call, at: usize, value: &Datum) -> Result<Datum> {
    match value {
        Datum::Text(_) if type_of(call, at) == oid::BPCHAR => Ok(Datum::text(str_of(value).trim_end_matches(' '))),
        Datum::Text(_) if type_of(call, at) != oid::JSONPATH => Ok(value.clone()),
        Datum::Bool(value) => Ok(Datum::text(if *value { "true" } else { "false" })),
        value => {
            let mut out = String::new();
            push_value(call, type_of(call, at), value, &mut out)?;
            Ok(Datum::text(out))
        }
    }
}

fn type_of(call: &Call, at: usize) -> Oid {
    call.argument_types.get(at).or(call.argument_types.last()).copied().unwrap_or(oid::UNKNOWN)
}

/// `||` of a text and something else, on either side.
pub fn concat_any(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    concat(&cast_to_text(call, 0, &arguments[0])?, &cast_to_text(call, 1, &arguments[1])?)
}

pub fn concat_all(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut out = String::new();
    for (at, value) in arguments.iter().enumerate().filter(|(_, value)| !value.is_null()) {
        push_value(call, type_of(call, at), value, &mut out)?;
    }
    Ok(Datum::text(out))
}

pub fn concat_ws(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let separator = match &arguments[0] {
        Datum::Null => return Ok(Datum::Null),
        separator => str_of(separator),
    };
    let mut out = String::new();
    let mut first = true;
    for (at, value) in arguments.iter().enumerate().skip(1).filter(|(_, value)| !value.is_null()) {
        if !first {
            out.push_str(separator);
        }
        first = false;
        push_value(call, type_of(call, at), value, &mut out)?;
    }
    Ok(Datum::text(out))
}

/// `format(template, values...)`.
pub fn format(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let template = match &arguments[0] {
        Datum::Null => return Ok(Datum::Null),
        template => str_of(template),
    };
    let mut out = String::with_capacity(template.len());
    let mut parser = Specifiers { rest: template };
    let mut used = 0;
    while let Some(at) = parser.rest.find('%') {
        out.push_str(&parser.rest[..at]);
        parser.rest = &parser.rest[at + 1..];
        if let Some(after) = parser.rest.strip_prefix('%') {
            out.push('%');
            parser.rest = after;
            continue;
        }
        let specifier = parser.next()?;
        let width = match specifier.width {
            Width::None => 0,
            Width::Fixed(width) => width,
            Width::Argument(number) => {
                used = number.unwrap_or(used + 1);
                let value = arguments.get(used).ok_or_else(too_few)?;
                width_of(call, used, value)?
            }
        };
        used = specifier.argument.unwrap_or(used + 1);
        let value = arguments.get(used).ok_or_else(too_few)?;
        let mut text = String::new();
        match (value, specifier.kind) {
            (Datum::Null, Conversion::Text) => {}
            (Datum::Null, Conversion::Literal) => text.push_str("NULL"),
            (Datum::Null, Conversion::Identifier) => {
                let message = "null values cannot be formatted as an SQL identifier";
                return Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, message));
            }
            (value, kind) => {
                push_value(call, type_of(call, used), value, &mut text)?;
                match kind {
                    Conversion::Text => {}
                    Conversion::Literal => text = quoted_literal(&text),
                    Conversion::Identifier => text = quoted_identifier(&text),
                }
            }
        }
        push_padded(&text, width, specifier.left, &mut out)?;
    }
    out.push_str(parser.rest);
    Ok(Datum::text(out))
}

fn too_few() -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, "too few arguments for format()")
}

fn width_of(call: &Call, at: usize, value: &Datum) -> Result<i32> {
    match value {
        Datum::Null => Ok(0),
        Datum::Int4(width) => Ok(*width),
        Datum::Int2(width) => Ok(i32::from(*width)),
        value => {
            let mut text = String::new();
            push_value(call, type_of(call, at), value, &mut text)?;
            let digits = text.trim_matches(|character| matches!(character, ' ' | '\t'..='\r'));
            let parsed = digits.parse::<i32>();
            parsed.map_err(|error| match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                    let message = format!("value \"{text}\" is out of range for type integer");
                    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, message)
                }
                _ => Error::invalid_input("integer", &text),
            })
        }
    }
}

/// A negative width means left as the flag does.
fn push_padded(text: &str, width: i32, left: bool, out: &mut String) -> Result<()> {
    let left = left || width < 0;
    let width = width.checked_abs().ok_or_else(out_of_range)?;
    let missing = (width as usize).saturating_sub(text.chars().count());
    check_growth(out.len() + text.len(), missing)?;
    if left {
        out.push_str(text);
    }
    out.extend(std::iter::repeat_n(' ', missing));
    if !left {
        out.push_str(text);
    }
    Ok(())
}

fn out_of_range() -> Error {
    Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range")
}

/// `[argument$][-][width]kind`.
struct Specifier {
    argument: Option<usize>,
    left: bool,
    width: Width,
    kind: Conversion,
}

enum Width {
    None,
    Fixed(i32),
    /// Of this argument, or of the next.
    Argument(Option<usize>),
}

#[derive(Clone, Copy)]
enum Conversion {
    Text,
    Identifier,
    Literal,
}

struct Specifiers<'a> {
    rest: &'a str,
}

const DOUBLE_PERCENT: &str = "For a single \"%\" use \"%%\".";

impl Specifiers<'_> {
    /// What follows a `%`.
    fn next(&mut self) -> Result<Specifier> {
        let mut specifier = Specifier { argument: None, left: false, width: Width::None, kind: Conversion::Text };
        let leading = self.number()?;
        match leading {
            Some(number) if self.take('$')? => specifier.argument = Some(argument_number(number)?),
            Some(width) => specifier.width = Width::Fixed(width),
            None => {}
        }
        if leading.is_none() || specifier.argument.is_some() {
            while self.take('-')? {
                specifier.left = true;
            }
            if self.take('*')? {
                let number = self.number()?;
                if number.is_some() && !self.take('$')? {
                    let message = "width argument position must be ended by \"$\"";
                    return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
                }
                specifier.width = Width::Argument(number.map(argument_number).transpose()?);
            } else if let Some(width) = self.number()? {
                specifier.width = Width::Fixed(width);
            }
        }
        let letter = self.peek()?;
        specifier.kind = match letter {
            's' => Conversion::Text,
            'I' => Conversion::Identifier,
            'L' => Conversion::Literal,
            other => {
                let message = format!("unrecognized format() type specifier \"{other}\"");
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).hint(DOUBLE_PERCENT));
            }
        };
        self.rest = &self.rest[1..];
        Ok(specifier)
    }

    fn peek(&self) -> Result<char> {
        self.rest.chars().next().ok_or_else(|| {
            Error::new(sqlstate::INVALID_PARAMETER_VALUE, "unterminated format() type specifier").hint(DOUBLE_PERCENT)
        })
    }

    fn take(&mut self, wanted: char) -> Result<bool> {
        let found = self.peek()? == wanted;
        if found {
            self.rest = &self.rest[1..];
        }
        Ok(found)
    }

    fn number(&mut self) -> Result<Option<i32>> {
        let mut number = None;
        while let Some(digit) = self.peek()?.to_digit(10) {
            let so_far: i32 = number.unwrap_or(0);
            let next = so_far.checked_mul(10).and_then(|tens| tens.checked_add(digit as i32));
            number = Some(next.ok_or_else(out_of_range)?);
            self.rest = &self.rest[1..];
        }
        Ok(number)
    }
}

fn argument_number(number: i32) -> Result<usize> {
    if number == 0 {
        let message = "format specifies argument 0, but arguments are numbered from 1";
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
    }
    Ok(number as usize)
}

pub fn quote_ident(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(quoted_identifier(str_of(&arguments[0]))))
}

/// Of a text, or of any type as text.
pub fn quote_literal(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(quoted_literal(str_of(&cast_to_text(call, 0, &arguments[0])?))))
}

pub fn quote_nullable(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    if arguments[0].is_null() {
        return Ok(Datum::text("NULL"));
    }
    quote_literal(call, arguments)
}

/// As a string constant; backslashes only mean themselves in an `E'...'`.
pub fn quoted_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    if text.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for character in text.chars() {
        if matches!(character, '\'' | '\\') {
            out.push(character);
        }
        out.push(character);
    }
    out.push('\'');
    out
}

/// As a name, with quotes if it is not one without.
pub fn quoted_identifier(name: &str) -> String {
    let plain = name.starts_with(|first: char| matches!(first, 'a'..='z' | '_'))
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && KEYWORDS.binary_search(&name).is_err();
    if plain {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Words of the grammar that are not names everywhere, ascending.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce",
    "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog",
    "current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user",
    "dec", "decimal", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists",
    "extract", "false", "fetch", "float", "for", "foreign", "freeze", "from", "full", "grant", "greatest",
    "group", "grouping", "having", "ilike", "in", "initially", "inner", "inout", "int", "integer",
    "intersect", "interval", "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like",
    "limit", "localtime", "localtimestamp", "national", "natural", "nchar", "none", "normalize", "not",
    "notnull", "null", "nullif", "numeric", "offset", "on", "only", "or", "order", "out", "outer", "overlaps",
    "overlay", "placing", "position", "precision", "primary", "real", "references", "returning", "right",
    "row", "select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric",
    "table", "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "union",
    "unique", "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window", "with",
    "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse",
    "xmlpi", "xmlroot", "xmlserialize", "xmltable",
];
