//! SIMILAR TO: SQL's own regular expressions, rewritten as PostgreSQL's.

use crate::error::{Error, Result};
use crate::sqlstate;

/// `escape`: none for the default, a backslash; empty for no escape character.
///
/// With two escaped double quotes the pattern has three parts of which `substring` wants the middle one: the first
/// should match as little as possible, which a quantifier that only states a preference says.
pub fn similar_to_escape(pattern: &str, escape: Option<&str>) -> Result<String> {
    let escape = match escape {
        None => Some('\\'),
        Some(text) => one_character(text)?,
    };
    let mut out = String::with_capacity(pattern.len() + 8);
    out.push_str("^(?:");
    let (mut escaped, mut in_brackets, mut separators) = (false, false, 0);
    for character in pattern.chars() {
        if escaped {
            if character == '"' && !in_brackets {
                out.push_str(match separators {
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => return Err(too_many_separators()),
                });
                separators += 1;
            } else {
                out.extend(['\\', character]);
            }
            escaped = false;
        } else if escape == Some(character) {
            escaped = true;
        } else if in_brackets {
            if character == '\\' {
                out.push('\\');
            }
            out.push(character);
            in_brackets = character != ']';
        } else {
            match character {
                '[' => {
                    out.push(character);
                    in_brackets = true;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => out.extend(['\\', character]),
                plain => out.push(plain),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

/// The escape character that an `ESCAPE` clause names; none if it is the empty string.
pub fn one_character(text: &str) -> Result<Option<char>> {
    let mut characters = text.chars();
    let first = characters.next();
    if characters.next().is_some() {
        return Err(invalid_escape_string());
    }
    Ok(first)
}

pub fn invalid_escape_string() -> Error {
    let error = Error::new(sqlstate::INVALID_ESCAPE_SEQUENCE, "invalid escape string");
    error.hint("Escape string must be empty or one character.")
}

fn too_many_separators() -> Error {
    let message = "SQL regular expression may not contain more than two escape-double-quote separators";
    Error::new(sqlstate::INVALID_USE_OF_ESCAPE_CHARACTER, message)
}
