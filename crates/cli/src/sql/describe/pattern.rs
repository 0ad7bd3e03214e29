//! Names as `\d` takes them: `*` and `?` match, a dot parts the schema from the name, quotes keep everything as it is.

use crate::sql::scanner::literal;

/// One part of a name.
#[derive(Debug, PartialEq)]
enum Part {
    Exact(String),
    /// A regular expression of the server's.
    Like(String),
}

#[derive(Debug, PartialEq)]
pub struct Pattern {
    database: Option<Part>,
    schema: Option<Part>,
    name: Part,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let mut parts = vec![(String::new(), String::new(), true)];
        let (mut quoted, mut characters) = (false, text.chars().peekable());
        while let Some(character) = characters.next() {
            let (exact, like, is_exact) = parts.last_mut().ok_or("no part")?;
            match character {
                '"' if quoted && characters.peek() == Some(&'"') => {
                    characters.next();
                    exact.push('"');
                    like.push('"');
                }
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push((String::new(), String::new(), true)),
                '*' if !quoted => {
                    *is_exact = false;
                    like.push_str(".*");
                }
                '?' if !quoted => {
                    *is_exact = false;
                    like.push('.');
                }
                '|' | '+' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '\\' if !quoted => {
                    *is_exact = false;
                    like.push(character);
                }
                _ => {
                    let folded = if quoted { character.to_string() } else { character.to_lowercase().to_string() };
                    exact.push_str(&folded);
                    // Within quotes the signs of regular expressions are only signs, and `$` always is.
                    if !character.is_alphanumeric() && character != '_' && character.is_ascii() {
                        like.push('\\');
                    }
                    like.push_str(&folded);
                }
            }
        }
        let part = |(exact, like, is_exact): (String, String, bool)| match is_exact {
            true => Part::Exact(exact),
            false => Part::Like(format!("^({like})$")),
        };
        let mut parts: Vec<Part> = parts.into_iter().map(part).collect();
        if parts.len() > 3 {
            return Err(format!("improper qualified name (too many dotted names): {text}"));
        }
        let name = parts.pop().ok_or("no part")?;
        Ok(Pattern { schema: parts.pop(), database: parts.pop(), name })
    }

    /// Nothing of another database is seen from this one.
    pub fn is_within(&self, database: &str) -> bool {
        self.database.as_ref().is_none_or(|part| *part == Part::Exact(database.to_owned()))
    }

    /// The condition that it sets on a schema's and an object's name; `visible` holds for what needs no schema.
    pub fn condition(&self, schema: &str, name: &str, visible: &str) -> String {
        let name = self.name.condition(name);
        match &self.schema {
            Some(part) => format!("{} AND {name}", part.condition(schema)),
            None if visible.is_empty() => name,
            None => format!("{visible} AND {name}"),
        }
    }
}

impl Part {
    fn condition(&self, column: &str) -> String {
        match self {
            Part::Exact(name) => format!("{column} = {}", literal(name)),
            Part::Like(any) if any == "^(.*)$" => "true".to_owned(),
            Part::Like(regex) => format!("{column}::text ~ {}", literal(regex)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_conditions() {
        let condition = |text: &str| Pattern::parse(text).unwrap().condition("n", "c", "visible");
        for (text, expected) in [
            ("Island", "visible AND c = 'island'"),
            ("s.t", "n = 's' AND c = 't'"),
            ("*.t?", "true AND c::text ~ '^(t.)$'"),
            ("\"My*T.x\"", "visible AND c = 'My*T.x'"),
            ("a$b*", "visible AND c::text ~  E'^(a\\\\$b.*)$'"),
            ("db.s.\"a\"\"b\"", "n = 's' AND c = 'a\"b'"),
            ("o'x", "visible AND c = 'o''x'"),
            ("*", "visible AND true"),
        ] {
            assert_eq!(condition(text), expected, "{text}");
        }
        assert!(Pattern::parse("a.b.c.d").is_err());
        let within = |text: &str| Pattern::parse(text).unwrap().is_within("db");
        assert_eq!([within("t"), within("s.t"), within("DB.s.t"), within("other.s.t")], [true, true, true, false]);
    }
}
