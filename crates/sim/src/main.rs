//! The simulator: whole nodes in one thread, from one seed, with workloads, faults and checkers.
//!
//! ```text
//! ./dev sim --seed 42                 one run; prints its digest, and what was violated
//! ./dev sim --seed 42 --print         with everything that happened, on standard error
//! ./dev sim --seed 42 --shrink        drops what the failure doesn't need from the schedule of faults
//! ./dev sim --runs 500                fresh seeds, each a process of its own
//! ./dev sim --bug ack-before-fsync --runs 200
//!                                     succeeds when the bug that was put back is noticed
//! ```
//! Read in this order: [`run`] (one seed), [`node`] and [`group`] (the scenarios), [`workload`], [`check`]; the command
//! line and the processes for many seeds are in [`fleet`].
//!
//! INVARIANT: one seed, with the same flags, is one run: the same digest in every process. Replay relies on it.

mod check;
// Arguments, processes and real time, which the runs themselves have nothing to do with.
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
mod fleet;
mod group;
mod node;
mod run;
mod workload;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    fleet::main()
}
