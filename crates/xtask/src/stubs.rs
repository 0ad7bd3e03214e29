//! Nothing that only pretends: no `todo`, no `unimplemented`, no test that is switched off, no example in a comment
//! that nobody compiles.
//!
//! One kind of ignored test is none: the process that another test starts from its own executable and kills. Its
//! reason begins with "started by". A measurement is an example (`crates/*/examples`), not an ignored test.

use crate::Report;
use crate::repo::Tree;

pub fn check(tree: &Tree) -> Report {
    // In pieces, so that this file does not find itself.
    let patterns = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore")];
    let mut problems = Vec::new();
    let mut files = 0;
    for (path, text) in tree.ending(".rs") {
        files += 1;
        for (at, line) in text.lines().enumerate() {
            for pattern in patterns {
                if line.contains(pattern) && !line.contains("= \"started by ") {
                    problems.push(format!("{path}:{} has {pattern}", at + 1));
                }
            }
        }
        problems.extend(doctests(path, text));
    }
    Report {
        summary: format!("{files} Rust files without stubs, ignored tests or examples that are never run"),
        problems,
    }
}

/// A fenced block in a doc comment is Rust that `cargo test --doc` compiles unless it says otherwise; the suite runs
/// under nextest, which has no such tests, so a block must name another language (`text` for pictures).
fn doctests(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let Some(comment) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            open = false;
            continue;
        };
        if let Some(language) = comment.trim().strip_prefix("```") {
            if !open && matches!(language, "" | "rust" | "no_run" | "should_panic" | "ignore") {
                problems.push(format!("{path}:{} opens a block that would be a doc test: write ```text", at + 1));
            }
            open = !open;
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        check(&Tree::from([("crates/x/src/lib.rs", text)])).problems
    }

    #[test]
    fn stubs_are_found() {
        assert_eq!(
            problems(concat!("fn f() { todo", "!() }\n#[", "ignore]\nfn g() { unimplemented", "!(\"x\") }")).len(),
            3
        );
        assert_eq!(
            problems(concat!("#[", "ignore = \"started by the test below\"]\nfn victim() {}")),
            Vec::<String>::new()
        );
        assert_eq!(problems(concat!("#[", "ignore = \"slow\"]\nfn f() {}")).len(), 1);
        assert_eq!(problems(concat!("/// what is still todo", "!\nfn f() {}")), Vec::<String>::new());
    }

    #[test]
    fn blocks_in_comments_name_their_language() {
        assert_eq!(problems("//! ```text\n//! a → b\n//! ```\n"), Vec::<String>::new());
        assert_eq!(problems("/// ```\n/// let x = 1;\n/// ```\nfn f() {}\n").len(), 1);
    }
}
