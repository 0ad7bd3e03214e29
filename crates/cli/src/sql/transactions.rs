//! `AUTOCOMMIT off` and `ON_ERROR_ROLLBACK`: what is sent around a statement because the user asked for it once.

use anyhow::Result;

use super::shell::Shell;
use super::wire::Transaction;

const SAVEPOINT: &str = "atoll_sql_statement";

impl Shell {
    /// Before a statement: whether a savepoint stands in front of it. None if that failed.
    pub async fn begin_statement(&mut self, sql: &str) -> Result<Option<bool>> {
        let Some(state) = self.connection.as_ref().map(|connection| connection.transaction()) else {
            return Ok(None);
        };
        if state == Transaction::Idle && !self.variables.is_on("AUTOCOMMIT") && !stands_outside(sql) {
            return Ok(self.ask("BEGIN").await?.map(|_| false));
        }
        let guards = match self.variables.get("ON_ERROR_ROLLBACK") {
            Some("on") => true,
            Some("interactive") => self.at_terminal(),
            _ => false,
        };
        if state != Transaction::Open || !guards {
            return Ok(Some(false));
        }
        Ok(self.ask(&format!("SAVEPOINT {SAVEPOINT}")).await?.map(|_| true))
    }

    /// Behind one with a savepoint: the transaction goes on as if a statement that failed had not been there.
    pub async fn end_statement(&mut self) -> Result<bool> {
        let Some(state) = self.connection.as_ref().map(|connection| connection.transaction()) else {
            return Ok(false);
        };
        // The user's own savepoints are above ours, or have taken it away.
        let own = ["SAVEPOINT", "RELEASE", "ROLLBACK"].contains(&&self.last_tag[..]);
        let sql = match state {
            Transaction::Failed => format!("ROLLBACK TO {SAVEPOINT}"),
            Transaction::Open if !own => format!("RELEASE {SAVEPOINT}"),
            _ => return Ok(true),
        };
        Ok(self.ask(&sql).await?.is_some())
    }
}

/// Statements that begin or end a transaction, or can't be within one.
fn stands_outside(sql: &str) -> bool {
    let words: Vec<String> = words(sql).take(4).collect();
    let words: Vec<&str> = words.iter().map(|word| &word[..]).collect();
    matches!(
        words[..],
        ["abort" | "begin" | "start" | "commit" | "end" | "rollback" | "vacuum", ..]
            | ["prepare", "transaction", ..]
            | ["discard", "all", ..]
            | ["alter", "system", ..]
            | ["cluster"]
            | ["create" | "drop", "database" | "tablespace", ..]
            | ["create" | "drop", "index", "concurrently", ..]
            | ["create", "unique", "index", "concurrently"]
            | ["reindex", "database" | "system", ..]
            | ["reindex", "index" | "table" | "schema", "concurrently", ..]
    )
}

/// In lower case, up to the first thing that is none; comments are passed over.
fn words(sql: &str) -> impl Iterator<Item = String> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.starts_with("--") {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            } else if rest.starts_with("/*") {
                rest = behind_comment(rest);
            } else {
                break;
            }
        }
        let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then(|| word.to_lowercase())
    })
}

fn behind_comment(text: &str) -> &str {
    let (mut depth, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['/', '*']) {
        at += found;
        match text.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return &text[at..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_stand_outside() {
        for sql in [
            "begin",
            " /* a /* b */ */ -- c\n COMMIT and chain",
            "vacuum t",
            "create database x",
            "CREATE UNIQUE INDEX CONCURRENTLY i on t (a)",
            "drop index concurrently i",
            "end;",
        ] {
            assert!(stands_outside(sql), "{sql}");
        }
        for sql in ["select 1", "create table begin (a int)", "drop index i", "prepare p as select 1", "", "/* open"] {
            assert!(!stands_outside(sql), "{sql}");
        }
    }
}
