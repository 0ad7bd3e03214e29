//! Black-box tests of the binary. One test binary for all of them: each more would be linked and optimised on its own.

// Tests look at processes, files and sockets from outside, which is what the simulated world can't show.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod activity;
mod anomalies;
mod cluster;
mod common;
mod damage;
mod full;
mod http;
mod kill;
mod shell;
mod slt;
mod start;
