//! The SQL logic tests of `tests/slt`, against the real binary.
//!
//! Every record's expectation was filled in by PostgreSQL 15. What Atoll answers otherwise is listed, record by record,
//! in `tests/slt/known-failures.txt`: a record that fails and is not listed fails the test, and so does one that is
//! listed and passes. `UPDATE_GOLDEN=1` writes the list anew; read the difference. `SLT_ONLY=numbers/` runs some files
//! and prints each difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Node, Temp};
use tokio_postgres::{Client, SimpleQueryMessage};

const LIST: &str = "known-failures.txt";

struct Record {
    line: usize,
    sql: String,
    sort: bool,
    expected: String,
}

fn parse(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut line = 1;
    for block in text.split("\n\n") {
        let begins = line;
        line += block.matches('\n').count() + 2;
        let mut lines = block.lines().enumerate().skip_while(|(_, text)| text.starts_with('#') || text.is_empty());
        let Some((at, head)) = lines.next() else { continue };
        let rest: Vec<&str> = lines.map(|(_, text)| text).collect();
        let split = rest.iter().position(|text| *text == "----");
        let sql = rest[..split.unwrap_or(rest.len())].join("\n");
        let mut words = head.splitn(3, ' ');
        let (kind, second, third) = (words.next().unwrap_or(""), words.next(), words.next());
        let expected = match (kind, second) {
            ("statement", Some("ok")) => "ok".to_owned(),
            ("statement" | "query", Some("error")) => format!("error {}", third.unwrap_or_default()),
            ("query", _) => rest[split.map_or(rest.len(), |at| at + 1)..].join("\n"),
            other => panic!("line {}: a record begins with {other:?}", begins + at),
        };
        records.push(Record { line: begins + at, sql, sort: head.contains("rowsort"), expected });
    }
    records
}

async fn answer(client: &Client, record: &Record) -> String {
    let messages = match client.simple_query(&record.sql).await {
        Ok(messages) => messages,
        Err(error) => {
            return match error.as_db_error() {
                Some(error) => format!("error {}: {}", error.code().code(), error.message()),
                None => format!("connection: {error}"),
            };
        }
    };
    if record.expected == "ok" {
        return "ok".to_owned();
    }
    let mut rows: Vec<String> = Vec::new();
    for message in &messages {
        if let SimpleQueryMessage::Row(row) = message {
            let cells = (0..row.len()).map(|at| shown(row.get(at)));
            rows.push(cells.collect::<Vec<_>>().join("\t"));
        }
    }
    if record.sort {
        rows.sort();
    }
    rows.join("\n")
}

fn shown(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) if text.contains(['\n', '\t']) => {
            text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
        }
        Some(text) => text.to_owned(),
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            found.push(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_logic_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slt");
    let only = std::env::var("SLT_ONLY").ok();
    let dir = Temp::new();
    let node = Node::start(&dir.path("data"));
    let admin = node.session("postgres").await;
    let mut all = Vec::new();
    files(&root, &mut all);
    let known: BTreeSet<String> =
        fs::read_to_string(root.join(LIST)).unwrap_or_default().lines().map(str::to_owned).collect();
    let (mut failed, mut passed) = (BTreeSet::new(), 0);
    for (number, path) in all.iter().enumerate() {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let database = format!("slt{number}");
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let mut client = node.session(&database).await;
        let (mut file_passed, mut file_failed) = (0, 0);
        for record in parse(&fs::read_to_string(path).unwrap()) {
            let got = answer(&client, &record).await;
            if got == record.expected {
                file_passed += 1;
            } else {
                file_failed += 1;
                failed.insert(format!("{name}:{}", record.line));
                if only.is_some() {
                    println!(
                        "{name}:{}\n{}\n-- expected\n{}\n-- got\n{got}\n",
                        record.line, record.sql, record.expected
                    );
                }
            }
            if client.is_closed() {
                client = node.session(&database).await;
            }
        }
        println!("{name}: {file_passed} passed, {file_failed} failed");
        passed += file_passed;
    }
    println!("{passed} passed, {} failed, {} known", failed.len(), known.len());
    if only.is_some() {
        return;
    }
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        let lines: Vec<String> = failed.iter().map(|entry| format!("{entry}\n")).collect();
        fs::write(root.join(LIST), lines.concat()).unwrap();
        return;
    }
    let new: Vec<&String> = failed.difference(&known).collect();
    let mended: Vec<&String> = known.difference(&failed).collect();
    assert!(new.is_empty(), "these records fail now: {new:#?}");
    assert!(mended.is_empty(), "these records pass now, take them off {LIST}: {mended:#?}");
}
