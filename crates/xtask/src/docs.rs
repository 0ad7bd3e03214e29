//! The documents name only what exists: files, symbols in files, links, verbs of `./dev`, and no machine's paths.
//!
//! What counts as a reference, in any `*.md` outside fenced blocks:
//!
//! ```text
//! `crates/env/src/disk/mod.rs`     a path from the root (any folder of the root; `*` stands for one name)
//! `wal/writer.rs`                  a Rust file by the end of its path
//! `wal/writer.rs:sync_loop`        the same, and the word stands in it (`:Type::method` too)
//! `storage::wal::Wal`              one of our crates, and each further word stands in its sources
//! `./dev sim --seed 42`            a verb that the help of `dev` lists
//! [text](file.md#heading)          a link relative to the document
//! ```
//! A line that cites another repository as `owner/name`: is about its files, not ours. A name with DATE or NAME in
//! it is a placeholder. It does not judge names in prose, nor whether what is said of them is true.

use crate::Report;
use crate::arrows::has_word;
use crate::repo::Tree;

/// What the design and the style guide speak of before it is there. An entry that has come to exist is a failure, so
/// this list only shrinks.
const PLANNED: [&str; 1] = ["tests/fixtures"];

/// First names of absolute paths that belong to one machine.
const MACHINE_ROOTS: [&str; 6] = ["home", "root", "Users", "work", "mnt", "srv"];

pub fn check(tree: &Tree) -> Report {
    let mut problems = Vec::new();
    let (mut documents, mut references) = (0, 0);
    for (path, text) in tree.ending(".md") {
        documents += 1;
        for (at, line) in prose(text) {
            let mut complain = |what: String| problems.push(format!("{path}:{at} {what}"));
            for span in own_spans(line) {
                match judge(tree, span) {
                    None => {}
                    Some(Ok(())) => references += 1,
                    Some(Err(what)) => complain(what),
                }
            }
            for target in links(line) {
                references += 1;
                if let Err(what) = follow(tree, path, target) {
                    complain(what);
                }
            }
        }
    }
    for (path, text) in tree.iter() {
        for (at, line) in text.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                problems.push(format!("{path}:{} has a path of one machine: {found}", at + 1));
            }
        }
    }
    for planned in PLANNED {
        if exists(tree, planned) {
            problems.push(format!("{planned} exists now: take it from the list PLANNED in xtask's docs.rs"));
        }
    }
    Report {
        summary: format!("{documents} documents, {references} references to files and symbols that exist"),
        problems,
    }
}

/// Lines outside fenced blocks, counted from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

/// What stands between backticks, up to where the line turns to another repository.
fn own_spans(line: &str) -> Vec<&str> {
    let parts: Vec<&str> = line.split('`').collect();
    let mut spans = Vec::new();
    for at in (1..parts.len().saturating_sub(1)).step_by(2) {
        let span = parts[at];
        let foreign = span.split('/').count() == 2 && !span.contains(' ') && parts[at + 1].starts_with(": ");
        if foreign {
            break;
        }
        spans.push(span);
    }
    spans
}

/// Is this span a reference, and if so, to something that exists?
fn judge(tree: &Tree, span: &str) -> Option<Result<(), String>> {
    let word = span.split_whitespace().next()?.trim_end_matches([',', ';']);
    if word.contains("DATE") || word.contains("NAME") || word.contains('…') || word.contains("://") {
        return None;
    }
    if word == "./dev" {
        let verb = span.split_whitespace().nth(1)?;
        return verb.chars().all(|c| c.is_ascii_lowercase()).then(|| {
            let listed =
                tree.get("dev").unwrap_or_default().lines().any(|line| {
                    line.strip_prefix("  ").is_some_and(|help| help.split_whitespace().next() == Some(verb))
                });
            if listed { Ok(()) } else { Err(format!("`./dev {verb}`: dev lists no such verb")) }
        });
    }
    if let Some((first, rest)) = word.split_once("::").filter(|(first, _)| !first.contains(['/', '.'])) {
        let name = first.strip_prefix("atoll_").unwrap_or(first);
        let dir = format!("crates/{name}");
        return tree.has_dir(&dir).then(|| match missing_word(tree, &dir, rest) {
            None => Ok(()),
            Some(missing) => Err(format!("`{word}`: nothing in {dir} is called {missing}")),
        });
    }
    let (path, symbol) = match word.split_once(':') {
        Some((path, symbol)) => (path, Some(symbol)),
        None => (word, None),
    };
    let from_root = path.split_once('/').is_some_and(|(first, _)| !first.is_empty() && tree.has_dir(first));
    let rust = path.ends_with(".rs") && (path.contains('/') || symbol.is_some());
    if !(from_root || rust || path.ends_with(".md")) {
        return None;
    }
    if !exists(tree, path) {
        return Some(if PLANNED.contains(&path) { Ok(()) } else { Err(format!("`{path}` does not exist")) });
    }
    let missing = symbol.and_then(|symbol| missing_word(tree, path, symbol));
    Some(missing.map_or(Ok(()), |word| Err(format!("`{path}` has no {word}"))))
}

/// A path from the root (with `*` for one name), or the end of a file's path.
fn exists(tree: &Tree, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    tree.has_file(path)
        || tree.has_dir(path)
        || tree.iter().any(|(file, _)| {
            file.strip_suffix(path).is_some_and(|before| before.ends_with('/')) || matches_start(path, file)
        })
}

/// Does a pattern with `*` match a file or one of the folders above it?
fn matches_start(pattern: &str, file: &str) -> bool {
    let mut names = file.split('/');
    pattern.contains('*')
        && pattern.split('/').all(|wanted| {
            names.next().is_some_and(|name| match wanted.split_once('*') {
                Some((start, end)) => {
                    name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
                }
                None => name == wanted,
            })
        })
}

/// The first part of `A::b()` that stands in no source at or below `path`.
fn missing_word(tree: &Tree, path: &str, symbol: &str) -> Option<String> {
    let inside =
        |file: &str| file == path || file.starts_with(&format!("{path}/")) || file.ends_with(&format!("/{path}"));
    symbol.split("::").map(|part| part.trim_end_matches("()")).filter(|part| !part.is_empty()).find_map(|part| {
        let identifier = part.chars().all(|c| c.is_alphanumeric() || c == '_');
        // A module is named by its file or folder alone.
        let module = |file: &str| file.split('/').any(|name| name.trim_end_matches(".rs") == part);
        let found = tree.iter().any(|(file, text)| inside(file) && (module(file) || has_word(text, part)));
        (identifier && !found).then(|| part.to_owned())
    })
}

/// Targets of `[text](target)` outside backticks, those within the repository.
fn links(line: &str) -> Vec<&str> {
    let outside: Vec<&str> = line.split('`').step_by(2).collect();
    // A link whose text is a code span has its target in the next part, so each part is searched by itself.
    outside
        .iter()
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

fn follow(tree: &Tree, document: &str, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let mut full: Vec<&str> = document.split('/').collect();
    if path.is_empty() {
        full = vec![document];
    } else {
        full.pop();
        for part in path.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    full.pop().ok_or_else(|| format!("link {target} leaves the repository"))?;
                }
                name => full.push(name),
            }
        }
    }
    let full = full.join("/");
    if !(full.is_empty() || tree.has_file(&full) || tree.has_dir(&full)) {
        return Err(format!("link {target} leads nowhere"));
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let text = tree.get(&full).unwrap_or_default();
    let found = prose(text).any(|(_, line)| line.starts_with('#') && slug(line.trim_start_matches('#')) == anchor);
    if found { Ok(()) } else { Err(format!("link {target}: no such heading")) }
}

/// A heading's anchor as the usual renderers make it.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn machine_path(line: &str) -> Option<&str> {
    line.match_indices('/').find_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        let inside_path = before.is_some_and(|c| c.is_alphanumeric() || "/._-~}*".contains(c));
        let rest = &line[at + 1..];
        let named = MACHINE_ROOTS.iter().find(|root| {
            let after = rest.strip_prefix(**root).and_then(|r| r.strip_prefix('/'));
            after.is_some_and(|r| r.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '.'))
        });
        (!inside_path && named.is_some()).then(|| line[at..].split([' ', '`', '"', ')']).next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(document: &str) -> Vec<String> {
        let tree = Tree::from([
            ("docs/a.md", document),
            ("docs/b.md", "# One heading, `two`\n"),
            ("dev", "usage\n  start   runs\n"),
            ("crates/env/src/disk/mod.rs", "pub struct Disk; impl Disk { pub fn open_now() {} }"),
        ]);
        check(&tree).problems
    }

    #[test]
    fn what_exists_passes() {
        let none = Vec::<String>::new();
        assert_eq!(
            problems("`crates/env/src/disk/mod.rs`, `crates/env`, `crates/*/src`, `disk/mod.rs:Disk::open_now`"),
            none
        );
        assert_eq!(
            problems("`env::Disk`, `atoll_env::disk::Disk::open_now()`, `std::fs::read`, `./dev start --sql X`"),
            none
        );
        assert_eq!(problems("[b](b.md#one-heading-two) [up](../dev) [`code`](b.md) [web](https://x.org/y.md)"), none);
        assert_eq!(problems("`DATE-name.md`, `tests/fixtures`, `x/y: z`, `1/2`, `&a/b`"), none);
        assert_eq!(problems("`tigerbeetle/tigerbeetle`: `docs/TIGER_STYLE.md`"), none);
        assert_eq!(problems("```\n`crates/none`\n```\n"), none);
    }

    #[test]
    fn each_kind_of_broken_reference_is_found() {
        for broken in [
            "`crates/none/src/lib.rs`",
            "`crates/none`",
            "`disk/none.rs`",
            "`disk/mod.rs:open`",
            "`disk/mod.rs:Disk::close`",
            "`env::Socket`",
            "`none.md`",
            "`./dev stop`",
            "[x](none.md)",
            "[x](b.md#none)",
            "[x](../../x)",
            "`crates/*/tests`",
        ] {
            assert_eq!(problems(broken).len(), 1, "{broken}");
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let path = ["", "home", "me", "x"].join("/");
        assert_eq!(problems(&format!("see {path} there")).len(), 1);
        assert_eq!(machine_path(&format!("a{path}")), None);
        assert_eq!(machine_path(&format!("cd \"{path}\"")), Some(path.as_str()));
        assert_eq!(machine_path("https://x.org/y and /tmp/work and $HOME/.cargo"), None);
    }
}
