//! Where a statement ends: the shell's own reading of SQL.
//!
//! The server's lexer (crate `atoll-syntax`) reads whole statements and gives up at the first mistake. A shell reads
//! line by line, has to know in which quote or parenthesis a line ended, replaces variables on the way, and must pass
//! a mistake on as it is, for the server to judge.
//!
//! ```text
//!   line ──► Input ──scan──► the statement's text ──► at `;`        Statement
//!              ▲                                      at `\`        Command (its name is next in the input)
//!              └── values of :variables               at the end    Line
//! ```

use super::variables::{Variables, is_name_part};

/// What is still to be read of a line. Values of variables are read in its place.
#[derive(Debug, Default)]
pub struct Input {
    text: String,
    at: usize,
    /// Variables that are being read, and how much is left when each is through: one that names itself stays as it is.
    open: Vec<(String, usize)>,
}

impl Input {
    pub fn new(text: String) -> Input {
        Input { text, at: 0, open: Vec::new() }
    }

    pub fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Passes over so many bytes, and returns them.
    pub fn take(&mut self, bytes: usize) -> &str {
        let from = self.at;
        self.at += bytes;
        &self.text[from..self.at]
    }

    pub fn take_rest(&mut self) -> String {
        let rest = self.rest().to_owned();
        self.at = self.text.len();
        rest
    }

    pub fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    fn replace(&mut self, name: &str, value: &str) {
        let rest = self.text.len() - self.at;
        self.open.push((name.to_owned(), rest));
        self.text.replace_range(..self.at, value);
        self.at = 0;
    }

    fn is_open(&mut self, name: &str) -> bool {
        let left = self.text.len() - self.at;
        self.open.retain(|(_, rest)| left > *rest);
        self.open.iter().any(|(open, _)| open == name)
    }
}

/// A reference to a variable at the beginning of some text.
#[derive(Debug, PartialEq)]
pub enum Reference<'a> {
    /// `:name`
    Plain(&'a str),
    /// `:'name'`
    Literal(&'a str),
    /// `:"name"`
    Identifier(&'a str),
    /// `:{?name}`
    IsSet(&'a str),
}

impl<'a> Reference<'a> {
    /// With the length of its text.
    pub fn parse(text: &'a str) -> Option<(Reference<'a>, usize)> {
        let rest = text.strip_prefix(':')?;
        let name = |rest: &'a str| {
            let end = rest.find(|character| !is_name_part(character)).unwrap_or(rest.len());
            (end > 0).then(|| rest.split_at(end))
        };
        let quoted = |open: &str, close: &str| {
            let (name, after) = name(rest.strip_prefix(open)?)?;
            after.starts_with(close).then_some((name, 1 + open.len() + name.len() + close.len()))
        };
        match rest.chars().next()? {
            '\'' => quoted("'", "'").map(|(name, length)| (Reference::Literal(name), length)),
            '"' => quoted("\"", "\"").map(|(name, length)| (Reference::Identifier(name), length)),
            '{' => quoted("{?", "}").map(|(name, length)| (Reference::IsSet(name), length)),
            _ => name(rest).map(|(name, _)| (Reference::Plain(name), 1 + name.len())),
        }
    }

    /// What it stands for; nothing if there is no such variable.
    pub fn value(&self, variables: &Variables) -> Option<String> {
        match self {
            Reference::Plain(name) => variables.get(name).map(str::to_owned),
            Reference::Literal(name) => variables.get(name).map(literal),
            Reference::Identifier(name) => variables.get(name).map(identifier),
            Reference::IsSet(name) => Some(if variables.get(name).is_some() { "TRUE" } else { "FALSE" }.to_owned()),
        }
    }
}

/// As a literal of SQL.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    match quoted.contains('\\') {
        true => format!(" E'{}'", quoted.replace('\\', "\\\\")),
        false => format!("'{quoted}'"),
    }
}

/// As an identifier of SQL, always quoted.
pub fn identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    Plain,
    /// A string; backslashes may escape in it.
    String {
        escapes: bool,
    },
    Identifier,
    /// With its delimiter.
    Dollar(String),
    /// How deep.
    Comment(u32),
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Statement,
    Command,
    Line,
}

#[derive(Clone, Debug, Default)]
pub struct Scanner {
    state: State,
    parentheses: usize,
    /// Of BEGIN ATOMIC … END and the CASEs within.
    blocks: usize,
    /// The first words of the statement: only CREATE FUNCTION and CREATE PROCEDURE have blocks.
    words: Vec<String>,
}

impl Scanner {
    pub fn reset(&mut self) {
        *self = Scanner::default();
    }

    pub fn parentheses(&self) -> usize {
        self.parentheses
    }

    pub fn set_parentheses(&mut self, depth: usize) {
        self.parentheses = depth;
    }

    /// What the prompt shows of an unfinished statement.
    pub fn prompt(&self, is_empty: bool) -> char {
        match self.state {
            State::String { .. } => '\'',
            State::Identifier => '"',
            State::Dollar(_) => '$',
            State::Comment(_) => '*',
            State::Plain if self.parentheses > 0 => '(',
            State::Plain if is_empty => '=',
            State::Plain => '-',
        }
    }

    /// Moves input to `statement` until something ends. `standard_strings`: only E'' has escapes.
    pub fn scan(
        &mut self,
        input: &mut Input,
        statement: &mut String,
        variables: &Variables,
        standard_strings: bool,
    ) -> End {
        while let Some(next) = input.peek() {
            match self.state.clone() {
                State::Plain => {
                    if let Some(end) = self.plain(next, input, statement, variables, standard_strings) {
                        return end;
                    }
                }
                State::String { escapes } => {
                    statement.extend(input.next());
                    match next {
                        '\\' if escapes => statement.extend(input.next()),
                        // A doubled quote ends one string and begins the next, of the same kind.
                        '\'' if input.peek() == Some('\'') => statement.extend(input.next()),
                        '\'' => self.state = State::Plain,
                        _ => {}
                    }
                }
                State::Identifier => {
                    statement.extend(input.next());
                    if next == '"' {
                        self.state = State::Plain;
                    }
                }
                State::Dollar(delimiter) => {
                    let length = match input.rest().find(&delimiter[..]) {
                        Some(at) => {
                            self.state = State::Plain;
                            at + delimiter.len()
                        }
                        None => input.rest().len(),
                    };
                    statement.push_str(input.take(length));
                }
                State::Comment(depth) => {
                    let (length, depth) = match input.rest().as_bytes() {
                        [b'/', b'*', ..] => (2, depth + 1),
                        [b'*', b'/', ..] => (2, depth - 1),
                        _ => (next.len_utf8(), depth),
                    };
                    statement.push_str(input.take(length));
                    self.state = if depth == 0 { State::Plain } else { State::Comment(depth) };
                }
            }
        }
        End::Line
    }

    fn plain(
        &mut self,
        next: char,
        input: &mut Input,
        statement: &mut String,
        variables: &Variables,
        standard_strings: bool,
    ) -> Option<End> {
        match next {
            // Nothing that comes before a statement belongs to it, but for a comment that may hold a hint.
            _ if next.is_ascii_whitespace() => {
                input.next();
                if !statement.is_empty() {
                    statement.push(next);
                }
            }
            '-' if input.rest().starts_with("--") => {
                // What is edited, and a variable's value, can have several lines.
                let length = input.rest().find('\n').unwrap_or(input.rest().len());
                let comment = input.take(length);
                if !statement.is_empty() {
                    statement.push_str(comment);
                }
            }
            '/' if input.rest().starts_with("/*") => {
                self.state = State::Comment(1);
                statement.push_str(input.take(2));
            }
            '\'' => {
                self.state = State::String { escapes: !standard_strings };
                statement.extend(input.next());
            }
            '"' => {
                self.state = State::Identifier;
                statement.extend(input.next());
            }
            '$' => self.dollar(input, statement),
            '(' | ')' => {
                self.parentheses = if next == '(' { self.parentheses + 1 } else { self.parentheses.saturating_sub(1) };
                statement.extend(input.next());
            }
            ';' => {
                statement.extend(input.next());
                if self.parentheses == 0 && self.blocks == 0 {
                    self.reset();
                    return Some(End::Statement);
                }
            }
            '\\' => {
                input.next();
                match input.peek() {
                    // What the shell would take for itself, for the server.
                    Some(';' | ':') => statement.extend(input.next()),
                    _ => return Some(End::Command),
                }
            }
            ':' => self.colon(input, statement, variables),
            _ if next.is_alphabetic() || next == '_' || !next.is_ascii() => self.word(input, statement),
            // A number and letters that follow it are one thing: `1e5`.
            _ if next.is_ascii_digit() => {
                let end = input.rest().find(|character: char| !is_word_part(character) && character != '.');
                let end = end.unwrap_or(input.rest().len());
                statement.push_str(input.take(end));
            }
            _ => statement.extend(input.next()),
        }
        None
    }

    fn word(&mut self, input: &mut Input, statement: &mut String) {
        let end = input.rest().find(|character| !is_word_part(character)).unwrap_or(input.rest().len());
        let word = input.take(end).to_ascii_lowercase();
        statement.push_str(&input.text[input.at - end..input.at]);
        if word == "e" && input.peek() == Some('\'') {
            self.state = State::String { escapes: true };
            statement.extend(input.next());
            return;
        }
        if self.words.len() < 4 {
            self.words.push(word.clone());
        }
        let words: Vec<&str> = self.words.iter().map(|word| &word[..]).collect();
        let makes_routine = matches!(
            words[..],
            ["create", "function" | "procedure", ..] | ["create", "or", "replace", "function" | "procedure", ..]
        );
        if makes_routine && self.parentheses == 0 {
            match &word[..] {
                "begin" => self.blocks += 1,
                "case" if self.blocks > 0 => self.blocks += 1,
                "end" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn dollar(&mut self, input: &mut Input, statement: &mut String) {
        let rest = &input.rest()[1..];
        let end = rest.find(|character| !is_word_part(character) || character == '$').unwrap_or(rest.len());
        let is_tag = rest[end..].starts_with('$') && !rest.starts_with(|first: char| first.is_ascii_digit());
        let length = if is_tag { end + 2 } else { 1 };
        let delimiter = input.take(length);
        statement.push_str(delimiter);
        if is_tag {
            self.state = State::Dollar(delimiter.to_owned());
        }
    }

    fn colon(&mut self, input: &mut Input, statement: &mut String, variables: &Variables) {
        if input.rest().starts_with("::") || input.rest().starts_with(":=") {
            statement.push_str(input.take(2));
            return;
        }
        let Some((reference, length)) = Reference::parse(input.rest()) else {
            statement.extend(input.next());
            return;
        };
        let value = reference.value(variables);
        match (reference, value) {
            (Reference::Plain(name), Some(value)) => {
                let name = name.to_owned();
                // Into itself it leads nowhere.
                if input.is_open(&name) {
                    statement.push_str(input.take(length));
                } else {
                    input.take(length);
                    input.replace(&name, &value);
                }
            }
            (_, Some(value)) => {
                input.take(length);
                statement.push_str(&value);
            }
            (Reference::Plain(_), None) => statement.push_str(input.take(length)),
            (_, None) => statement.extend(input.next()),
        }
    }
}

fn is_word_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_with(lines: &[&str], variables: &Variables) -> (Vec<String>, char) {
        let (mut scanner, mut statement, mut found) = (Scanner::default(), String::new(), Vec::new());
        for line in lines {
            if !statement.is_empty() {
                statement.push('\n');
            }
            let mut input = Input::new((*line).to_owned());
            loop {
                match scanner.scan(&mut input, &mut statement, variables, true) {
                    End::Statement => found.push(std::mem::take(&mut statement)),
                    End::Command => found.push(format!("\\{}", input.take_rest())),
                    End::Line => break,
                }
            }
        }
        let prompt = scanner.prompt(statement.is_empty());
        found.extend((!statement.is_empty()).then_some(statement));
        (found, prompt)
    }

    fn scan(lines: &[&str]) -> (Vec<String>, char) {
        scan_with(lines, &Variables::new())
    }

    #[test]
    fn statements_end_at_semicolons_that_are_theirs() {
        for (lines, statements, prompt) in [
            (&["select 1; select 2;"][..], &["select 1;", "select 2;"][..], '='),
            (&["  -- nothing", "", "select", " 1"], &["select\n 1"], '-'),
            (&["select ';', \";\", $$;$$, $a$;$$;$a$;"], &["select ';', \";\", $$;$$, $a$;$$;$a$;"], '='),
            (&["select 'it''s;"], &["select 'it''s;"], '\''),
            (&["select E'\\';', '\\';"], &["select E'\\';', '\\';"], '='),
            (&["select \"a;\"\"b"], &["select \"a;\"\"b"], '"'),
            (&["select $x$ a", "$y$ ; $x"], &["select $x$ a\n$y$ ; $x"], '$'),
            (&["select (1;", "2);"], &["select (1;\n2);"], '='),
            (&["select (1"], &["select (1"], '('),
            (&["/* a /* b; */ ; ", "*/ select 1;"], &["/* a /* b; */ ; \n*/ select 1;"], '='),
            (&["select /* "], &["select /* "], '*'),
            (&["select 1 -- ; '", ";"], &["select 1 -- ; '\n;"], '='),
            (&["select 1 \\; select 2;"], &["select 1 ; select 2;"], '='),
            (&["select $1, a$b$;"], &["select $1, a$b$;"], '='),
            (&["select 1 \\gx"], &["\\gx", "select 1 "], '-'),
            (
                &["create function f() begin atomic select 1; end;"],
                &["create function f() begin atomic select 1; end;"],
                '=',
            ),
            (
                &["create or replace procedure p() begin atomic select case when a then 1 end; end; x"],
                &["create or replace procedure p() begin atomic select case when a then 1 end; end;", "x"],
                '-',
            ),
            (&["begin; end;"], &["begin;", "end;"], '='),
        ] {
            assert_eq!(scan(lines), (statements.iter().map(|text| (*text).to_owned()).collect(), prompt), "{lines:?}");
        }
    }

    #[test]
    fn variables_are_replaced_outside_quotes() {
        let mut variables = Variables::new();
        variables.set("a", "1").unwrap();
        variables.set("b", "x:a ; select :b").unwrap();
        variables.set("q", "it's \\ \"q\"").unwrap();
        for (line, statements) in [
            ("select :a, ':a', \":a\", $$:a$$;", &["select 1, ':a', \":a\", $$:a$$;"][..]),
            ("select a::a, b:=:a, :none, :'none';", &["select a::a, b:=1, :none, :'none';"]),
            ("select :b;", &["select x1 ;", "select :b;"]),
            ("select :'q', :\"q\";", &["select  E'it''s \\\\ \"q\"', \"it's \\ \"\"q\"\"\";"]),
            ("select :{?a}, :{?none}, :{a};", &["select TRUE, FALSE, :{a};"]),
            ("select x[1:2], \\:a;", &["select x[1:2], :a;"]),
        ] {
            let (found, _) = scan_with(&[line], &variables);
            assert_eq!(found, statements.to_vec(), "{line}");
        }
    }

    #[test]
    fn old_strings_have_escapes_when_the_server_says_so() {
        let (mut scanner, mut statement) = (Scanner::default(), String::new());
        let mut input = Input::new("select '\\';' ;".to_owned());
        assert_eq!(scanner.scan(&mut input, &mut statement, &Variables::new(), false), End::Statement);
        assert_eq!(statement, "select '\\';' ;");
    }
}
