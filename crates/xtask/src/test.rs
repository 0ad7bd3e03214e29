//! The steps of `./dev test`: cheap ones first, so that a slip costs seconds; the closing line last.
//!
//! The closing line counts tests and simulated seeds that really ran, as their runners reported them.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::repo::root;
use crate::seeds;

const STEPS: [&str; 6] = ["fmt", "check", "clippy", "doc", "nextest", "seeds"];

/// Tests and seeds that ran.
#[derive(Default, Clone, Copy, PartialEq, Debug)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

pub fn run(names: &[String]) -> Result<bool> {
    if let Some(unknown) = names.iter().find(|name| !STEPS.contains(&name.as_str())) {
        bail!("no step is called {unknown:?}; there are {}", STEPS.join(" "));
    }
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == **step));
    let mut tally = Tally::default();
    let mut passed = true;
    for step in chosen {
        println!("== {step}");
        let start = Instant::now();
        passed = match *step {
            "fmt" => cargo(&["fmt", "--all", "--check"])?,
            "check" => crate::check(&[])?,
            "clippy" => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?,
            "doc" => succeeds(
                // Whoever reads the docs works on the code: private items too, and links to them.
                Command::new("cargo")
                    .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
                    .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"),
            )?,
            "nextest" => nextest(&mut tally)?,
            _ => seeds::kept_and_fresh(&mut tally)?,
        };
        println!("== {step}: {} ({:.1} s)", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
        if !passed {
            println!("again with: ./dev test {step}");
            break;
        }
    }
    if tally != Tally::default() {
        println!("{} passed, {} failed", tally.passed, tally.failed);
    }
    Ok(passed)
}

pub fn cargo(args: &[&str]) -> Result<bool> {
    succeeds(Command::new("cargo").args(args))
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(command.status().with_context(|| format!("{command:?}"))?.success())
}

fn nextest(tally: &mut Tally) -> Result<bool> {
    // Its own folder stays in the repository, wherever cargo's target directory is.
    let report = root()?.join("target/nextest/default/junit.xml");
    // A report of an earlier run must not be counted when this one fails to compile.
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    // A backtrace pushes the message that matters out of what is kept of a long report.
    let passed = succeeds(Command::new("cargo").args(["nextest", "run", "--workspace"]).env("RUST_BACKTRACE", "0"))?;
    if report.exists() {
        let counted = read_junit(&report)?;
        tally.passed += counted.passed;
        tally.failed += counted.failed;
        if passed != (counted.failed == 0) {
            bail!("nextest's exit status and its report disagree: {counted:?}");
        }
    } else if passed {
        bail!("nextest wrote no report at {}", report.display());
    }
    Ok(passed)
}

fn read_junit(path: &Path) -> Result<Tally> {
    let text = std::fs::read_to_string(path)?;
    parse_junit(&text).with_context(|| format!("{} is not a report of nextest", path.display()))
}

/// The totals in the first element: `<testsuites name="…" tests="3" failures="1" errors="0" …>`.
fn parse_junit(text: &str) -> Option<Tally> {
    let (_, rest) = text.split_once("<testsuites ")?;
    let (head, _) = rest.split_once('>')?;
    let number = |name: &str| -> Option<u64> {
        let (_, value) = head.split_once(&format!(" {name}=\""))?;
        value.split_once('"')?.0.parse().ok()
    };
    let failed = number("failures")? + number("errors")?;
    // Older versions of nextest don't say how many were skipped, and then leave them out of the total.
    let ran = number("tests")?.checked_sub(number("skipped").unwrap_or(0))?;
    Some(Tally { passed: ran.checked_sub(failed)?, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_of_a_report_are_read() {
        let text = "<?xml version=\"1.0\"?>\n<testsuites name=\"nextest-run\" tests=\"14\" skipped=\"2\" failures=\"2\" errors=\"1\" uuid=\"x\">\n\
            <testsuite name=\"a\" tests=\"99\" failures=\"99\" errors=\"0\">";
        assert_eq!(parse_junit(text), Some(Tally { passed: 9, failed: 3 }));
        assert_eq!(parse_junit("<testsuites name=\"x\" tests=\"1\" failures=\"2\" errors=\"0\">"), None);
        assert_eq!(parse_junit("<html>"), None);
    }
}
