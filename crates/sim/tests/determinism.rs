//! One seed is one run, in every process, and the binary tells what scripts rely on.

// The simulator is run as users run it: as a process.
#![allow(clippy::disallowed_methods)]

use std::process::{Command, Output};

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_atoll-sim")).args(args).output().expect("the simulator starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn digest(output: &Output) -> String {
    let said = said(output);
    assert!(output.status.success(), "{said}");
    let digest = said.lines().find_map(|line| line.strip_prefix("digest "));
    let digest = digest.unwrap_or_else(|| panic!("no digest: {said}")).to_owned();
    assert_eq!(digest.len(), 16, "{said}");
    digest
}

#[test]
fn the_same_seed_in_two_processes_gives_one_digest() {
    for scenario in ["node", "cluster", "group"] {
        let run = |seed: &str| digest(&sim(&["--seed", seed, "--scenario", scenario, "--seconds", "30"]));
        assert_eq!(run("7"), run("7"), "{scenario}");
        assert_ne!(run("7"), run("8"), "{scenario}");
    }
}

#[test]
fn a_few_seeds_pass() {
    let output = sim(&["--seed", "1", "--runs", "6", "--seconds", "30"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("6 runs, 0 failed"), "{said}");
}

#[test]
fn bugs_that_are_put_back_are_caught() {
    let of_one = ["ack-before-fsync", "skip-lock-check", "forget-read-ceiling", "leader-restore"];
    let of_several = ["commit-without-quorum", "stale-lease", "split-loses-key", "snapshot-misses-tail"];
    for bug in of_one.into_iter().chain(of_several) {
        let output = sim(&["--bug", bug, "--runs", "60", "--seed", "1"]);
        let said = said(&output);
        assert!(output.status.success() && said.contains("was caught at seed"), "{bug}: {said}");
    }
}

#[test]
fn a_failing_seed_prints_the_line_that_replays_it() {
    let mut seeds = (1..100).map(|seed| sim(&["--bug", "skip-lock-check", "--seed", &seed.to_string()]));
    let failed = seeds.find(|output| !output.status.success()).expect("the bug shows in a hundred seeds");
    let said = said(&failed);
    assert!(said.contains("VIOLATION: ") && said.contains("replay: ./dev sim --seed "), "{said}");
    assert!(said.contains("--bug skip-lock-check"), "{said}");
}
