//! Long answers, a screenful at a time: through the program that `PSQL_PAGER` or `PAGER` names, or `less`.

use std::env;
use std::path::Path;

use super::shell::Shell;
use super::terminal;

/// The command that shows long texts; none if nobody looks, or none is wanted.
fn command() -> Option<String> {
    for name in ["PSQL_PAGER", "PAGER"] {
        if let Ok(pager) = env::var(name) {
            // Set to nothing it means none.
            return Some(pager).filter(|pager| !pager.trim().is_empty());
        }
    }
    let path = env::var("PATH").unwrap_or_default();
    let exists = |name: &&str| env::split_paths(&path).any(|directory: std::path::PathBuf| is_there(&directory, name));
    ["less", "more"].iter().find(|name| exists(name)).map(|name| (*name).to_owned())
}

fn is_there(directory: &Path, name: &str) -> bool {
    directory.join(name).is_file()
}

impl Shell {
    /// Where a text that goes to the terminal goes instead. `is_whole`: nothing follows it.
    pub fn pager_for(&self, text: &str, is_whole: bool) -> Option<String> {
        if !self.interactive || !self.print.pager || !self.sink.is_stdout() {
            return None;
        }
        let (rows, columns) = terminal::size()?;
        let line = |line: &str| super::print::width(line).div_ceil(columns).max(1);
        // The prompt needs a line, too.
        let fits = is_whole && text.lines().map(line).sum::<usize>() < rows;
        if fits { None } else { command().map(|command| format!("|{command}")) }
    }
}
