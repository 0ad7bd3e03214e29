//! `\d` and its like: what the database holds, asked of `pg_catalog` and shown in psql's shape.
//!
//! | command | file |
//! | --- | --- |
//! | lists: `\l`, `\dt`, `\dn`, `\df`, `\du` … | `list.rs` |
//! | one relation: `\d NAME` | `relation.rs` |
//! | names with `*` and `?` | `pattern.rs` |

mod list;
mod pattern;
mod relation;

use anyhow::Result;

use super::commands::Outcome;
use super::print::Heading;
use super::scanner::literal;
use super::shell::{Reading, Shell};

use super::arguments::Kind;
use super::commands::mistake;

pub use pattern::Pattern;

/// What follows `\d` beside the letters of relations, which may be several.
const OBJECTS: [&str; 13] = ["n", "f", "T", "D", "u", "g", "p", "x", "b", "a", "o", "config", "dp"];

/// For completion: `S` and `+` may follow each.
pub fn names() -> impl Iterator<Item = &'static str> {
    [
        "d", "d+", "dt", "dt+", "dv", "dv+", "dm", "dm+", "di", "di+", "ds", "ds+", "dn", "dn+", "df", "df+", "dT",
        "dT+", "du", "du+", "dg", "dp", "dx", "db", "dD", "da", "do", "dconfig", "ddp", "l", "l+", "z",
    ]
    .into_iter()
}

/// What a command asks for, its letters taken apart.
pub struct Asked<'a> {
    pub what: &'a str,
    /// `+`
    pub verbose: bool,
    /// `S`
    pub system: bool,
}

fn asked(name: &str) -> Option<Asked<'_>> {
    let mut what = name;
    let (mut verbose, mut system) = (false, false);
    loop {
        if let Some(rest) = what.strip_suffix('+').filter(|_| !verbose) {
            (what, verbose) = (rest, true);
        } else if let Some(rest) = what.strip_suffix('S').filter(|_| !system) {
            (what, system) = (rest, true);
        } else {
            break;
        }
    }
    let known = match what {
        "l" | "z" => true,
        "list" => {
            what = "l";
            true
        }
        _ => what.strip_prefix('d').is_some_and(|letters| {
            OBJECTS.contains(&letters) || letters.chars().all(|letter| "tvmisE".contains(letter))
        }),
    };
    known.then_some(Asked { what, verbose, system })
}

pub fn is_command(name: &str) -> bool {
    asked(name).is_some()
}

impl Shell {
    /// Whether there was something to describe.
    pub async fn describe(&mut self, name: &str, pattern: Option<&str>) -> Result<bool> {
        let Some(asked) = asked(name) else { return Ok(false) };
        match (asked.what, pattern) {
            ("d", Some(pattern)) => self.describe_relations(&asked, pattern).await,
            _ => self.list(&asked, pattern).await,
        }
    }

    fn pattern(&self, typed: &str) -> Result<Pattern> {
        match Pattern::parse(typed) {
            Ok(pattern) if pattern.is_within(self.target.database()) => Ok(pattern),
            Ok(_) => mistake(format_args!("cross-database references are not implemented: {typed}")),
            Err(error) => mistake(error),
        }
    }

    /// Shows the rows of a query of ours under these headings. False if it failed.
    async fn show_query(&mut self, title: &str, headings: &[&str], sql: &str) -> Result<bool> {
        let Some(rows) = self.ask(sql).await? else { return Ok(false) };
        let headings: Vec<Heading> = headings.iter().map(|name| Heading::left(name)).collect();
        self.show(Some(title), &headings, &rows, &[])?;
        Ok(true)
    }

    /// `\sf` and `\sv`: the statement that would make a function or a view.
    pub async fn source_of(&mut self, name: &str, reading: &mut Reading) -> Result<Outcome> {
        let Some(object) = self.argument(reading, Kind::Normal)? else {
            let kind = if name == "sf" { "function" } else { "view" };
            return mistake(format_args!("{kind} name is required"));
        };
        let (typed, object) = (object.clone(), literal(&object));
        let sql = match name {
            "sf" if object.contains('(') => format!("SELECT pg_catalog.pg_get_functiondef({object}::pg_catalog.regprocedure)"),
            "sf" => format!("SELECT pg_catalog.pg_get_functiondef({object}::pg_catalog.regproc)"),
            _ => format!(
                "SELECT 'CREATE OR REPLACE VIEW ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || E' AS\\n'
                 || pg_catalog.pg_get_viewdef(c.oid, true)
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.oid = {object}::pg_catalog.regclass AND c.relkind = 'v'"
            ),
        };
        let Some(rows) = self.ask(&sql).await? else { return Ok(Outcome::Failed) };
        match rows.first().map(|row| row.text(0)) {
            Some(text) => {
                let text = text.trim_end_matches(['\n', ';']).to_owned();
                self.say(text)?;
                Ok(Outcome::Nothing)
            }
            None => mistake(format_args!("\"{typed}\" is not a view")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_apart() {
        let parts = |name: &'static str| asked(name).map(|asked| (asked.what, asked.verbose, asked.system));
        assert_eq!(parts("d"), Some(("d", false, false)));
        assert_eq!(parts("dtS+"), Some(("dt", true, true)));
        assert_eq!(parts("dt+S"), Some(("dt", true, true)));
        assert_eq!(parts("dsS"), Some(("ds", false, true)));
        assert_eq!(parts("list"), Some(("l", false, false)));
        assert_eq!((parts("dqq").is_some(), parts("echo").is_some(), parts("d++").is_some()), (false, false, false));
    }
}
