//! How large files have become: never a failure, only a line that asks which state could move out.

use crate::Report;
use crate::repo::Tree;

/// Past this many lines without tests a file deserves the question.
const LINES_MAX: usize = 1000;

pub fn check(tree: &Tree) -> Report {
    let mut sizes: Vec<(usize, &str)> = tree.ending(".rs").map(|(path, text)| (lines_of_code(text), path)).collect();
    sizes.sort_by(|a, b| b.cmp(a));
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let largest: Vec<String> = sizes
        .iter()
        .enumerate()
        .take_while(|(at, (lines, _))| *at < 3 || *lines > LINES_MAX)
        .map(|(_, (lines, path))| format!("{path} {lines}"))
        .collect();
    Report { summary: format!("{total} lines without tests; largest: {}", largest.join(", ")), problems: Vec::new() }
}

/// Lines before the file's test module.
fn lines_of_code(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_count() {
        assert_eq!(lines_of_code("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    }
}
