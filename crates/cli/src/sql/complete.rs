//! What Tab offers: decided from the words before the cursor alone, with names of the catalog where they are asked for.

use std::fs;

use atoll_syntax::keyword;

use super::commands;
use super::help;
use super::print::Format;
use super::scanner::literal;

/// Names that the server knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// Tables, views and the like, and schemas with a dot behind them.
    Relations,
    /// Of a schema.
    RelationsOf(String),
    /// Of a relation, as it is written.
    Columns(String),
    Indexes,
    Sequences,
    Functions,
    Types,
    Schemas,
    Databases,
    Roles,
    Settings,
    /// Of the shell itself.
    Variables,
}

impl Wanted {
    /// The query that finds them, in one column.
    pub fn sql(&self) -> String {
        let relations = |kinds: &str| {
            format!(
                "SELECT quote_ident(c.relname) FROM pg_catalog.pg_class c
                 WHERE c.relkind IN ({kinds}) AND pg_catalog.pg_table_is_visible(c.oid)"
            )
        };
        match self {
            Wanted::Relations => format!(
                "{} UNION ALL SELECT quote_ident(nspname) || '.' FROM pg_catalog.pg_namespace
                 WHERE nspname NOT LIKE 'pg\\_toast%' AND nspname NOT LIKE 'pg\\_temp%'",
                relations("'r','p','v','m','f','S'")
            ),
            Wanted::RelationsOf(schema) => format!(
                "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r','p','v','m','f','S') AND n.nspname ={}",
                literal(schema)
            ),
            Wanted::Columns(relation) => format!(
                "SELECT quote_ident(a.attname) FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = pg_catalog.to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped",
                literal(relation).trim_start()
            ),
            Wanted::Indexes => relations("'i','I'"),
            Wanted::Sequences => relations("'S'"),
            Wanted::Functions => "SELECT DISTINCT quote_ident(p.proname) FROM pg_catalog.pg_proc p
                 WHERE pg_catalog.pg_function_is_visible(p.oid) AND p.proname NOT LIKE '\\_%'"
                .into(),
            Wanted::Types => "SELECT pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t
                 WHERE pg_catalog.pg_type_is_visible(t.oid) AND t.typtype <> 'p' AND t.typname NOT LIKE '\\_%'"
                .into(),
            Wanted::Schemas => "SELECT quote_ident(nspname) FROM pg_catalog.pg_namespace".into(),
            Wanted::Databases => "SELECT quote_ident(datname) FROM pg_catalog.pg_database".into(),
            Wanted::Roles => "SELECT quote_ident(rolname) FROM pg_catalog.pg_roles".into(),
            Wanted::Settings => "SELECT name FROM pg_catalog.pg_settings".into(),
            Wanted::Variables => "SELECT NULL WHERE false".into(),
        }
    }
}

type Names<'a> = &'a mut dyn FnMut(Wanted) -> Vec<String>;

/// Where the word to be completed begins, and what it may become. `before`: the earlier lines of the statement.
pub fn candidates(before: &str, line: &str, names: Names) -> (usize, Vec<String>) {
    let start = line.rfind(|character: char| !is_word(character)).map_or(0, |at| at + char_len(line, at));
    let partial = &line[start..];
    if line.trim_start().starts_with('\\') {
        return of_command(line.trim_start(), line, names);
    }
    let text = format!("{before}\n{}", &line[..start]);
    let mut found = of_statement(&text, partial, names);
    let lower = partial.to_lowercase();
    found.retain(|name| name.to_lowercase().starts_with(&lower));
    found.sort();
    found.dedup();
    (start, found)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '"' | '$')
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

fn of_statement(text: &str, partial: &str, names: Names) -> Vec<String> {
    // Only the statement that is being written counts.
    let text = text.rsplit(';').next().unwrap_or("");
    let words: Vec<&str> = words(text);
    let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let back = |at: usize| upper.len().checked_sub(at).map_or("", |at| &upper[at][..]);
    let as_typed = |list: Vec<String>| -> Vec<String> {
        match partial.chars().next().is_some_and(char::is_lowercase) {
            true => list.into_iter().map(|word| word.to_lowercase()).collect(),
            false => list,
        }
    };
    let keywords = |list: &[&str]| as_typed(list.iter().map(|word| (*word).to_owned()).collect());
    if upper.is_empty() {
        return as_typed(help::first_words());
    }
    match (back(2), back(1)) {
        (
            "CREATE",
            "TABLE" | "VIEW" | "INDEX" | "SEQUENCE" | "TYPE" | "FUNCTION" | "SCHEMA" | "DATABASE" | "ROLE" | "USER",
        ) => Vec::new(),
        (
            _,
            "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE" | "ONLY" | "TRUNCATE" | "COPY" | "ANALYZE" | "VIEW"
            | "REFERENCES" | "VACUUM",
        ) => match partial.rsplit_once('.') {
            Some((schema, _)) => names(Wanted::RelationsOf(super::arguments::folded(schema))),
            None => names(Wanted::Relations),
        },
        (_, "INDEX") => names(Wanted::Indexes),
        (_, "SEQUENCE") => names(Wanted::Sequences),
        (_, "FUNCTION" | "PROCEDURE" | "ROUTINE" | "CALL") => names(Wanted::Functions),
        (_, "TYPE" | "DOMAIN") => names(Wanted::Types),
        (_, "SCHEMA") => names(Wanted::Schemas),
        (_, "DATABASE") => names(Wanted::Databases),
        (_, "ROLE" | "USER") | ("OWNER", "TO") => names(Wanted::Roles),
        (_, "SHOW" | "RESET") => [names(Wanted::Settings), keywords(&["ALL"])].concat(),
        (_, "SET" | "LOCAL" | "SESSION") if upper[0] == "SET" || back(2) == "ALTER" => {
            [names(Wanted::Settings), keywords(&["LOCAL", "SESSION", "TRANSACTION", "ROLE"])].concat()
        }
        ("ALTER" | "CREATE" | "DROP", _) if upper.len() == 1 => Vec::new(),
        (_, "ALTER" | "CREATE" | "DROP") => keywords(&[
            "DATABASE",
            "DOMAIN",
            "FUNCTION",
            "INDEX",
            "MATERIALIZED VIEW",
            "ROLE",
            "SCHEMA",
            "SEQUENCE",
            "TABLE",
            "TYPE",
            "UNIQUE INDEX",
            "USER",
            "VIEW",
        ]),
        (_, "BEGIN" | "START") => keywords(&["TRANSACTION", "ISOLATION LEVEL", "READ ONLY", "READ WRITE"]),
        (_, "INSERT") => keywords(&["INTO"]),
        (_, "DELETE") => keywords(&["FROM"]),
        (_, "ORDER" | "GROUP" | "PARTITION") => keywords(&["BY"]),
        (_, "IS") => keywords(&["NULL", "NOT NULL", "TRUE", "FALSE", "DISTINCT FROM"]),
        _ => {
            let tables = tables(&words, &upper);
            if let Some((qualifier, _)) = partial.rsplit_once('.') {
                let table = tables.iter().find(|(_, alias)| alias.eq_ignore_ascii_case(qualifier));
                let columns = names(Wanted::Columns(table.map_or(qualifier, |(table, _)| table).to_owned()));
                return columns.into_iter().map(|column| format!("{qualifier}.{column}")).collect();
            }
            let mut found = Vec::new();
            for (table, _) in &tables {
                found.extend(names(Wanted::Columns(table.clone())));
            }
            // Two letters narrow these long lists to something to choose from.
            if partial.len() >= 2 {
                found.extend(names(Wanted::Functions));
            }
            found.extend(as_typed(keyword::all().map(|keyword| keyword.text().to_uppercase()).collect()));
            found
        }
    }
}

/// Names and keywords; strings and signs are left out, but for what separates.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            _ if is_word(next) => {
                let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
                words.push(&rest[..end]);
                end
            }
            '(' | ')' | ',' | '=' | '<' | '>' => {
                words.push(&rest[..1]);
                1
            }
            _ => next.len_utf8(),
        };
        rest = &rest[length..];
    }
    words
}

/// The tables that a statement names, each with what it is called in it.
fn tables(words: &[&str], upper: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, word) in upper.iter().enumerate() {
        if !matches!(&word[..], "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE") {
            continue;
        }
        let mut at = at + 1;
        while let Some(table) = words.get(at).filter(|table| table.starts_with(is_word)) {
            let mut next = at + 1;
            if upper.get(next).is_some_and(|word| word == "AS") {
                next += 1;
            }
            let alias =
                words.get(next).filter(|alias| alias.starts_with(is_word) && keyword::Keyword::find(alias).is_none());
            let alias = alias.copied().unwrap_or_else(|| table.rsplit('.').next().unwrap_or(table));
            found.push(((*table).to_owned(), alias.to_owned()));
            // `FROM a, b`
            let after = next + usize::from(words.get(next) == Some(&alias));
            match words.get(after) {
                Some(&",") => at = after + 1,
                _ => break,
            }
        }
    }
    found
}

fn of_command(command: &str, line: &str, names: Names) -> (usize, Vec<String>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + char_len(line, at));
    let partial = &line[start..];
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or("").trim_start_matches('\\');
    let argument = words.count() - usize::from(!partial.is_empty() && line.trim_start() != partial);
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut found = if line.trim_start() == partial {
        commands::names().map(|name| format!("\\{name}")).collect()
    } else {
        match name {
            "c" | "connect" if argument == 0 => names(Wanted::Databases),
            "c" | "connect" => names(Wanted::Roles),
            "password" | "du" | "dg" => names(Wanted::Roles),
            "df" | "df+" => names(Wanted::Functions),
            "dT" | "dT+" | "dD" => names(Wanted::Types),
            "di" | "di+" => names(Wanted::Indexes),
            "ds" | "ds+" => names(Wanted::Sequences),
            "dn" | "dn+" => names(Wanted::Schemas),
            "l" | "l+" => names(Wanted::Databases),
            "h" | "help" => help::statements(),
            "set" | "unset" | "prompt" => names(Wanted::Variables),
            "x" if argument == 0 => list(&["on", "off", "auto"]),
            "t" | "timing" => list(&["on", "off"]),
            "pset" if argument == 0 => commands::pset_names(),
            "pset" => {
                [list(&["on", "off", "auto"]), Format::ALL.iter().map(|(name, _)| (*name).into()).collect()].concat()
            }
            "i" | "ir" | "include" | "o" | "out" | "w" | "cd" | "e" | "g" | "gx" => files(partial),
            "copy" => match command.to_lowercase().rsplit(' ').nth(1) {
                Some("from" | "to") => files(partial.trim_start_matches('\'')),
                _ => names(Wanted::Relations),
            },
            _ if name.starts_with('d') => names(Wanted::Relations),
            _ => Vec::new(),
        }
    };
    let lower = partial.to_lowercase();
    found.retain(|name| name.to_lowercase().starts_with(&lower));
    found.sort();
    found.dedup();
    (start, found)
}

/// Those of a directory, which keep the path as it is typed.
fn files(partial: &str) -> Vec<String> {
    let (directory, _) = partial.rsplit_once('/').map_or(("", partial), |(directory, rest)| (directory, rest));
    let place = match (directory, partial.starts_with('/')) {
        ("", true) => "/",
        ("", false) => ".",
        (directory, _) => directory,
    };
    let prefix = if partial.contains('/') { format!("{directory}/") } else { String::new() };
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let entries = entries.flatten().map(|entry| {
        let slash = if entry.path().is_dir() { "/" } else { "" };
        format!("{prefix}{}{slash}", entry.file_name().to_string_lossy())
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(before: &str, line: &str) -> Vec<String> {
        let mut names = |wanted| -> Vec<String> {
            let list: &[&str] = match &wanted {
                Wanted::Relations => &["island", "visit", "pg_catalog."],
                Wanted::RelationsOf(schema) if schema == "s" => &["s.table"],
                Wanted::Columns(table) if table == "island" => &["id", "name", "area"],
                Wanted::Columns(table) if table == "visit" => &["island_id", "guests"],
                Wanted::Settings => &["search_path", "timezone"],
                Wanted::Databases => &["postgres"],
                Wanted::Functions => &["now", "nextval"],
                _ => &[],
            };
            list.iter().map(|name| (*name).to_owned()).collect()
        };
        candidates(before, line, &mut names).1
    }

    #[test]
    fn the_context_decides() {
        for (before, line, expected) in [
            ("", "sel", &["select"][..]),
            ("", "SEL", &["SELECT"]),
            ("", "select * from is", &["island"]),
            ("select *", "from visit join ", &["island", "pg_catalog.", "visit"]),
            ("", "select * from s.", &["s.table"]),
            ("", "select * from island i where i.", &["i.area", "i.id", "i.name"]),
            ("", "update island set ar", &["area", "array"]),
            ("", "set se", &["search_path", "session"]),
            ("", "show time", &["timezone"]),
            ("select 1; ", "upd", &["update"]),
            ("", "\\dt v", &["visit"]),
            ("", "\\c ", &["postgres"]),
            ("", "\\conni", &["\\conninfo"]),
            ("", "\\x a", &["auto"]),
            ("", "create table ", &[]),
        ] {
            assert_eq!(offered(before, line), expected, "{before} {line}");
        }
        assert!(offered("select * from island,visit v", "where gue").contains(&"guests".to_owned()));
        assert!(offered("", "select * from island where ne").contains(&"nextval".to_owned()));
    }
}
