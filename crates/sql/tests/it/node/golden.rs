//! Golden files of SQL: blocks of a statement and, after `----`, the answer of PostgreSQL 15: rows, notices and errors
//! with state, detail and hint, tags. Where ours differs on purpose it stands after a line `atoll`. `UPDATE_GOLDEN=1`
//! rewrites what is ours; read the difference.

// Golden files.
#![allow(clippy::disallowed_methods)]

use std::fmt::Write;
use std::path::PathBuf;

use super::{answer, on_a_node, session};

struct Block {
    sql: String,
    postgresql: String,
    ours: Option<String>,
}

fn read(path: &PathBuf) -> Vec<Block> {
    let text = std::fs::read_to_string(path).expect("the file is there");
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    let block = |block: &str| {
        let (sql, answers) = block.split_once("\n----").unwrap_or((block, ""));
        let (postgresql, ours) = match answers.split_once("\natoll") {
            Some((postgresql, ours)) => (postgresql, Some(ours.trim().to_owned())),
            None => (answers, None),
        };
        Block { sql: sql.trim().to_owned(), postgresql: postgresql.trim().to_owned(), ours }
    };
    blocks.map(block).collect()
}

fn write(path: &PathBuf, blocks: &[Block]) {
    let mut text = Vec::new();
    for block in blocks {
        let mut lines = format!("{}\n----", block.sql);
        if !block.postgresql.is_empty() {
            write!(lines, "\n{}", block.postgresql).unwrap();
        }
        if let Some(ours) = &block.ours {
            write!(lines, "\natoll").unwrap();
            if !ours.is_empty() {
                write!(lines, "\n{ours}").unwrap();
            }
        }
        text.push(lines);
    }
    std::fs::write(path, text.join("\n\n") + "\n").expect("the file can be written");
}

pub fn run_file(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    on_a_node(async move |node, _store| {
        let mut blocks = read(&path);
        let mut session = session(&node, 1).await;
        let mut differences = String::new();
        for block in &mut blocks {
            let got = answer(&mut session, &block.sql).await;
            if got != *block.ours.as_ref().unwrap_or(&block.postgresql) {
                writeln!(differences, "{}\n--- expected\n{}\n--- got\n{got}\n", block.sql, block.postgresql).unwrap();
            }
            block.ours = (got != block.postgresql).then_some(got);
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            write(&path, &blocks);
        } else {
            assert!(differences.is_empty(), "{differences}");
        }
        session.close().await;
    });
}
