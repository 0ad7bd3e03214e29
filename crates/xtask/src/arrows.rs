//! Which crate may use which: the table in section 2 of `docs/design.md`, held against every `Cargo.toml`.
//!
//! The document is the one place where arrows are written down, so a new arrow is a change to the design, seen as
//! such in review. Dependencies that only tests have are free. Three more rules of the design ride along: some
//! outside crates have one home, a declared dependency is used, and every crate takes the workspace's lints.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::Report;
use crate::repo::{Metadata, Tree};

/// Outside crates that only one of ours may name, so that replacing one touches one folder.
const HOMES: [(&str, &str); 5] =
    [("openraft", "consensus"), ("fjall", "storage"), ("getrandom", "env"), ("pgwire", "pg"), ("toml", "xtask")];

pub fn check(tree: &Tree, metadata: &Metadata) -> Result<Report> {
    let table = parse_table(tree.get("docs/design.md").context("docs/design.md is missing")?)?;
    let mut problems = Vec::new();
    let mut arrows = 0;
    let mut crates = 0;
    for package in metadata.ours() {
        let Some(name) = package.name.strip_prefix("atoll-") else {
            problems.push(format!("{}: a crate of this workspace is called atoll-…", package.name));
            continue;
        };
        crates += 1;
        let Some(may_use) = table.get(name) else {
            problems.push(format!("{name} has no row in the table of docs/design.md"));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(other) = dependency.strip_prefix("atoll-") {
                arrows += 1;
                if !may_use.contains(other) {
                    problems.push(format!("{name} → {other} is not in the table of docs/design.md"));
                }
            } else if let Some((_, home)) = HOMES.iter().find(|(outside, home)| outside == dependency && *home != name)
            {
                problems.push(format!("{name} uses {dependency}, whose only home is {home}"));
            }
            if !mentions(tree, &package.dir, dependency) {
                problems.push(format!("{name} declares {dependency} and never names it: take it out"));
            }
        }
        let manifest = tree.get(&format!("{}/Cargo.toml", package.dir)).unwrap_or_default();
        if !manifest.contains("[lints]\nworkspace = true") {
            problems.push(format!("{}/Cargo.toml lacks `[lints]` with `workspace = true`", package.dir));
        }
    }
    Ok(Report { summary: format!("{crates} crates, {arrows} arrows, by the table of docs/design.md"), problems })
}

/// The rows `| `name` | reason | may use |` under "## 2.": crate to the crates it may use.
fn parse_table(design: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let section = design.split("\n## ").find(|s| s.starts_with("2.")).context("docs/design.md has no section 2")?;
    let rows: Vec<(&str, &str)> = section
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
            let name = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
            (cells.len() == 3).then(|| (name, cells[2]))
        })
        .collect();
    if rows.is_empty() {
        bail!("section 2 of docs/design.md has no table of crates");
    }
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let mut table = BTreeMap::new();
    for (at, (name, may_use)) in rows.iter().enumerate() {
        let allowed: BTreeSet<&str> = match *may_use {
            "all" => names.iter().copied().filter(|other| other != name).collect(),
            "all of the above" => names[..at].iter().copied().collect(),
            // What is not a crate of ours (tokio, say) is there for the reader.
            listed => listed.split([',', ' ']).map(str::trim).filter(|word| names.contains(word)).collect(),
        };
        table.insert((*name).to_owned(), allowed.into_iter().map(str::to_owned).collect());
    }
    Ok(table)
}

/// Does any source of this crate name the dependency? Textual, so it can miss an unused one, never blame a used one
/// (but for a crate that is needed only for being linked; none is).
fn mentions(tree: &Tree, dir: &str, dependency: &str) -> bool {
    // The library of package `md-5` is `md5`.
    let idents = [dependency.replace('-', "_"), dependency.replace('-', "")];
    let prefix = format!("{dir}/");
    let mentions = |text: &str| idents.iter().any(|ident| has_word(text, ident));
    tree.ending(".rs").any(|(path, text)| path.starts_with(&prefix) && mentions(text))
}

/// Is `word` in `text`, not as a part of a longer identifier?
pub fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part) && !text[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::Package;

    const DESIGN: &str = "# x\n\n## 1. p\n| `no` | row | here |\n\n## 2. The shape\n\n| crate | why | may use |\n| --- | --- | --- |\n\
        | `env` | a | tokio |\n| `log` | b | env |\n| `node` | c | all of the above |\n| `sim` | d | all |\n| `task` | e | – |\n\n## 3. z\n";

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: format!("atoll-{name}"),
            version: "0.1.0".into(),
            licence: None,
            source: None,
            dependencies: dependencies.iter().map(|d| (*d).to_owned()).collect(),
            dir: format!("crates/{name}"),
        }
    }

    fn run(name: &str, dependencies: &[&str], source: &str) -> Vec<String> {
        let (source_path, manifest) = (format!("crates/{name}/src/lib.rs"), format!("crates/{name}/Cargo.toml"));
        let tree = Tree::from([
            ("docs/design.md", DESIGN),
            (&source_path, source),
            (&manifest, "[package]\n[lints]\nworkspace = true\n"),
        ]);
        let metadata = Metadata { packages: vec![package(name, dependencies)], target_dir: "target".into() };
        check(&tree, &metadata).unwrap().problems
    }

    #[test]
    fn the_table_is_read_from_section_two() {
        let table = parse_table(DESIGN).unwrap();
        let uses = |name: &str| table[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(table.len(), 5);
        assert!(uses("env").is_empty() && uses("task").is_empty());
        assert_eq!(uses("log"), ["env"]);
        assert_eq!(uses("node"), ["env", "log"]);
        assert_eq!(uses("sim"), ["env", "log", "node", "task"]);
    }

    #[test]
    fn an_arrow_against_the_table_is_found() {
        assert_eq!(run("log", &["atoll-env"], "use atoll_env::Env;"), Vec::<String>::new());
        assert_eq!(run("env", &["atoll-log"], "use atoll_log::Log;").len(), 1);
        assert_eq!(run("new", &[], "").len(), 1);
    }

    #[test]
    fn unused_and_misplaced_dependencies_are_found() {
        assert!(run("log", &["bytes"], "use bytes_extra::X; // mybytes")[0].contains("never names it"));
        assert!(run("log", &["openraft"], "use openraft::Raft;")[0].contains("only home is consensus"));
    }

    #[test]
    fn own_lints_are_found() {
        let tree =
            Tree::from([("docs/design.md", DESIGN), ("crates/env/Cargo.toml", "[lints.clippy]\nall = \"allow\"\n")]);
        let metadata = Metadata { packages: vec![package("env", &[])], target_dir: "target".into() };
        assert_eq!(check(&tree, &metadata).unwrap().problems.len(), 1);
    }
}
