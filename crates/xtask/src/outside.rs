//! Who may touch clock, disk, sockets, threads, processes and entropy.
//!
//! clippy enforces the ban itself (`clippy.toml` lists the methods and types, each with its reason). What clippy can't
//! see is an attribute that switches it off, or a second `clippy.toml` that replaces the list: this check does.

use crate::Report;
use crate::repo::Tree;

/// Where the ban may be lifted: everything that runs outside a simulated node.
const ALLOWED: [&str; 5] = [
    // The one crate whose job it is.
    "crates/env/",
    // fjall opens its own files below the node's folder.
    "crates/storage/src/engine/fjall/",
    // The terminal's side of the binary: arguments, signals, the bench's clock.
    "crates/cli/",
    // The simulator's command line: real time per run, traces into files.
    "crates/sim/src/main.rs",
    "crates/xtask/",
];

const LINTS: [&str; 3] = ["clippy::disallowed_", "clippy::iter_over_hash_type", "clippy::all"];

pub fn check(tree: &Tree) -> Report {
    let mut problems = Vec::new();
    let mut lifted = 0;
    for (path, text) in tree.ending(".rs") {
        for (line, attribute) in attributes(text) {
            let lifts = LINTS.iter().any(|lint| attribute.contains(lint));
            if !lifts || !(attribute.contains("allow(") || attribute.contains("expect(")) {
                continue;
            }
            lifted += 1;
            // No node runs these. Test modules within a source file are not excepted: they use a simulated world.
            let in_tests = path.split('/').any(|part| matches!(part, "tests" | "examples"));
            if !in_tests && !ALLOWED.iter().any(|allowed| path.starts_with(allowed)) {
                problems.push(format!("{path}:{line} lifts the ban on the outside world: go through crate env"));
            }
        }
    }
    for (path, _) in tree.iter() {
        if path != "clippy.toml" && (path.ends_with("/clippy.toml") || path.ends_with(".clippy.toml")) {
            problems.push(format!("{path} replaces the list in the root's clippy.toml"));
        }
    }
    if tree.get("clippy.toml").is_none() {
        problems.push("clippy.toml is missing".into());
    }
    Report { summary: format!("the ban in clippy.toml is lifted in {lifted} places"), problems }
}

/// Attributes `#[…]` and `#![…]` with the line they begin on; those in comments are no attributes.
fn attributes(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if open.is_none() && (line.starts_with("#[") || line.starts_with("#![")) {
            open = Some((at + 1, String::new()));
        }
        if let Some((start, mut attribute)) = open.take() {
            attribute.push_str(line);
            let depth = |c: char| attribute.matches(c).count();
            if depth('[') <= depth(']') { found.push((start, attribute)) } else { open = Some((start, attribute)) }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> usize {
        check(&Tree::from([("clippy.toml", ""), (path, text)])).problems.len()
    }

    #[test]
    fn only_the_named_places_lift_the_ban() {
        let lift = "//! x\n#![allow(clippy::disallowed_methods)]\n";
        assert_eq!(problems("crates/env/src/lib.rs", lift), 0);
        assert_eq!(problems("crates/cluster/tests/a.rs", lift), 0);
        assert_eq!(problems("crates/cluster/src/log/tests/real.rs", lift), 0);
        assert_eq!(problems("crates/cluster/src/a.rs", lift), 1);
        assert_eq!(problems("crates/storage/src/engine/fjall/", lift), 0);
        assert_eq!(problems("crates/storage/src/wal/mod.rs", lift), 1);
    }

    #[test]
    fn every_form_of_lifting_is_seen() {
        let path = "crates/txn/src/lib.rs";
        assert_eq!(problems(path, "#[expect(clippy::disallowed_types, reason = \"x\")]\nfn f() {}"), 1);
        assert_eq!(problems(path, "#[allow(\n    clippy::disallowed_methods,\n)]\nfn f() {}"), 1);
        assert_eq!(problems(path, "#[cfg_attr(test, allow(clippy::disallowed_methods))]"), 1);
        assert_eq!(problems(path, "#[allow(dead_code)]\n// #[allow(clippy::disallowed_methods)]"), 0);
        assert_eq!(problems("crates/txn/clippy.toml", ""), 1);
    }
}
