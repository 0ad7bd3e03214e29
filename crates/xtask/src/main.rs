//! What `./dev` calls: the rules of the repository as checks, the order of the steps of `./dev test`, long runs.
//!
//! Modules in reading order: [`repo`] (the files and what cargo knows), one module a check ([`arrows`], [`outside`],
//! [`docs`], [`deny`] with [`spdx`], [`stubs`], [`sizes`]), then [`mod@test`] with [`seeds`] and [`soak`].
//!
//! Each check is a pure function from texts to a [`Report`], so that its own tests can hand it a broken repository.
//! It does not install anything: finding a toolchain on a bare machine is the business of the script `dev`, because
//! nothing written in Rust runs before that.

// This program works on the repository from outside: files, processes and time are its job.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod arrows;
mod deny;
mod docs;
mod outside;
mod repo;
mod seeds;
mod sizes;
mod soak;
mod spdx;
mod stubs;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

use repo::{Metadata, Tree};

const USAGE: &str = "cargo xtask VERB

  check [NAME...]   every rule of the repository, or the named ones: arrows outside docs deny stubs sizes
  test [STEP...]    all of ./dev test, or the named steps: fmt check clippy doc nextest seeds
  soak [...]        long runs of the simulator and of real processes; see soak --help
";

/// What one check found. No problems means that it passed.
pub struct Report {
    pub summary: String,
    pub problems: Vec<String>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = match args.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let result = match verb {
        "check" => check(rest),
        "test" => test::run(rest),
        "soak" => soak::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(true)
        }
        other => Err(anyhow::anyhow!("unknown verb {other:?}\n{USAGE}")),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

const CHECKS: [&str; 6] = ["arrows", "outside", "docs", "deny", "stubs", "sizes"];

/// Runs the named checks (all when none is named) and prints one line each, problems below it.
pub fn check(names: &[String]) -> Result<bool> {
    if let Some(unknown) = names.iter().find(|name| !CHECKS.contains(&name.as_str())) {
        bail!("no check is called {unknown:?}; there are {}", CHECKS.join(" "));
    }
    let tree = Tree::load(&repo::root()?)?;
    let metadata = Metadata::load()?;
    let mut passed = true;
    for name in CHECKS {
        if !names.is_empty() && !names.iter().any(|n| n == name) {
            continue;
        }
        let report = match name {
            "arrows" => arrows::check(&tree, &metadata)?,
            "outside" => outside::check(&tree),
            "docs" => docs::check(&tree),
            "deny" => deny::check(&tree, &metadata)?,
            "stubs" => stubs::check(&tree),
            _ => sizes::check(&tree),
        };
        let verdict = if report.problems.is_empty() { "ok  " } else { "FAIL" };
        println!("{verdict} {name:8} {}", report.summary);
        for problem in &report.problems {
            println!("       {problem}");
        }
        passed &= report.problems.is_empty();
    }
    Ok(passed)
}
