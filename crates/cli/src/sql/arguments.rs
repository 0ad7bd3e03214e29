//! The arguments of a backslash command, by psql's rules.
//!
//! Words are separated by spaces; `'…'` holds one together and knows C's escapes, `"…"` holds one together and stays
//! as it is, `` `…` `` is what a command of the system's shell prints, `:name` and its relatives are variables. The next
//! backslash ends the command.

use std::process::{Command, Stdio};

use super::scanner::{Input, Reference};
use super::variables::Variables;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Normal,
    /// A name of SQL: in lower case where it is not quoted, without the quotes where it is.
    Name,
    /// A word, or `|` and the rest of the line.
    FileOrPipe,
}

/// The command's name: the input is just behind the backslash.
pub fn name(input: &mut Input) -> String {
    let rest = input.rest();
    let end = rest.find(|character: char| character.is_whitespace() || character == '\\').unwrap_or(rest.len());
    input.take(end).to_owned()
}

/// The next argument, if there is one.
pub fn next(input: &mut Input, kind: Kind, variables: &Variables) -> Result<Option<String>, String> {
    input.skip_space();
    match input.peek() {
        None | Some('\\') => return Ok(None),
        Some('|') if kind == Kind::FileOrPipe => return Ok(Some(input.take_rest().trim_end().to_owned())),
        _ => {}
    }
    let mut word = String::new();
    while let Some(next) = input.peek() {
        match next {
            _ if next.is_whitespace() => break,
            '\\' => break,
            '\'' => quoted(input, &mut word)?,
            '"' => {
                word.extend(input.next());
                loop {
                    match input.next() {
                        Some('"') if kind == Kind::Name && input.peek() == Some('"') => {
                            word.extend(input.next().map(|_| "\"\""))
                        }
                        Some('"') => break,
                        Some(character) => word.push(character),
                        None => return Err("unterminated quoted string".into()),
                    }
                }
                word.push('"');
            }
            '`' => {
                input.next();
                word.push_str(&command(input, variables)?);
            }
            ':' => match reference(input, variables) {
                Some(value) => word.push_str(&value),
                None => word.extend(input.next()),
            },
            _ => word.extend(input.next()),
        }
    }
    Ok(Some(if kind == Kind::Name { folded(&word) } else { word }))
}

/// Everything up to the next backslash command.
pub fn all(input: &mut Input, kind: Kind, variables: &Variables) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    while let Some(word) = next(input, kind, variables)? {
        words.push(word);
    }
    Ok(words)
}

/// Passes over the arguments of a command that is not obeyed: nothing is looked up and nothing run.
pub fn skip(input: &mut Input) {
    let mut quote = None;
    while let Some(next) = input.peek() {
        match (quote, next) {
            (Some(open), _) if open == next => quote = None,
            (Some('\''), '\\') => drop(input.next()),
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(next),
            (None, '\\') => return,
            (None, _) => {}
        }
        input.next();
    }
}

/// The rest of the line, backslashes and all.
pub fn whole_line(input: &mut Input) -> String {
    let rest = input.take_rest();
    rest.trim().to_owned()
}

/// Passes over `\\`, which only separates.
pub fn end(input: &mut Input) {
    if input.rest().starts_with("\\\\") {
        input.take(2);
    }
}

/// The value of the variable that is named here, if there is one.
fn reference(input: &mut Input, variables: &Variables) -> Option<String> {
    let (reference, length) = Reference::parse(input.rest())?;
    let value = reference.value(variables)?;
    input.take(length);
    Some(value)
}

fn quoted(input: &mut Input, word: &mut String) -> Result<(), String> {
    input.next();
    loop {
        match input.next() {
            None => return Err("unterminated quoted string".into()),
            Some('\'') if input.peek() == Some('\'') => word.extend(input.next()),
            Some('\'') => return Ok(()),
            Some('\\') => word.extend(escape(input)),
            Some(character) => word.push(character),
        }
    }
}

fn escape(input: &mut Input) -> Option<char> {
    let digits = |input: &mut Input, radix: u32, most: usize| {
        let mut value = 0;
        for _ in 0..most {
            let Some(digit) = input.peek().and_then(|digit| digit.to_digit(radix)) else { break };
            value = value * radix + digit;
            input.next();
        }
        char::from_u32(value & 0xff)
    };
    match input.peek()? {
        '0'..='7' => digits(input, 8, 3),
        'x' if input.rest()[1..].starts_with(|next: char| next.is_ascii_hexdigit()) => {
            input.next();
            digits(input, 16, 2)
        }
        other => {
            input.next();
            Some(match other {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                'r' => '\r',
                'f' => '\u{c}',
                other => other,
            })
        }
    }
}

/// What is printed by the command that ends at the next `` ` ``.
fn command(input: &mut Input, variables: &Variables) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match input.peek() {
            None => return Err("unterminated quoted string".into()),
            Some('`') => break,
            Some(':') => match reference(input, variables) {
                Some(value) => text.push_str(&value),
                None => text.extend(input.next()),
            },
            Some(_) => text.extend(input.next()),
        }
    }
    input.next();
    let output = Command::new("sh").args(["-c", &text]).stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{text}: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(printed.strip_suffix('\n').unwrap_or(&printed).to_owned())
}

/// As SQL reads a name.
pub fn folded(word: &str) -> String {
    let (mut folded, mut in_quotes) = (String::new(), false);
    let mut characters = word.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if in_quotes && characters.peek() == Some(&'"') => folded.extend(characters.next()),
            '"' => in_quotes = !in_quotes,
            _ if in_quotes => folded.push(character),
            _ => folded.extend(character.to_lowercase()),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, kind: Kind) -> Result<Vec<String>, String> {
        let mut variables = Variables::new();
        variables.set("v", "a b").unwrap();
        all(&mut Input::new(line.to_owned()), kind, &variables)
    }

    #[test]
    fn words_and_quotes() {
        for (line, expected) in [
            (" a  b", &["a", "b"][..]),
            ("'a b' c'd'", &["a b", "cd"]),
            (r"'a\tb\x41\101\\ it''s'", &["a\tbAA\\ it's"]),
            ("\"a b\" c", &["\"a b\"", "c"]),
            (":v x:v :'v' :\"v\" :none :{?v}", &["a b", "xa b", "'a b'", "\"a b\"", ":none", "TRUE"]),
            (r"a \echo b", &["a"]),
            ("`printf 'x y\n'` z", &["x y", "z"]),
        ] {
            assert_eq!(words(line, Kind::Normal).unwrap(), expected, "{line}");
        }
        assert!(words("'a", Kind::Normal).is_err() && words("\"a", Kind::Normal).is_err());
    }

    #[test]
    fn names_and_pipes() {
        assert_eq!(words("My \"My\"\"Db\" \"A\"b", Kind::Name).unwrap(), ["my", "My\"Db", "Ab"]);
        assert_eq!(words("| sort | head ", Kind::FileOrPipe).unwrap(), ["| sort | head"]);
        let mut input = Input::new("x \\\\ select 1".to_owned());
        assert_eq!(all(&mut input, Kind::Normal, &Variables::new()).unwrap(), ["x"]);
        end(&mut input);
        assert_eq!(input.rest(), " select 1");
    }
}
