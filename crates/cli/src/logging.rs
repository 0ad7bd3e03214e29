//! Logs on stderr: for people on a terminal, JSON otherwise. And the last words of a bug.

use std::backtrace::Backtrace;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// `ATOLL_LOG` says more than `level`, in the filter language of tracing: `info,atoll_storage=debug`.
pub fn init(level: &str) {
    let quiet = format!("{level},openraft=error");
    let filter = EnvFilter::try_from_env("ATOLL_LOG").unwrap_or_else(|_| EnvFilter::new(quiet));
    let log = tracing_subscriber::fmt().with_writer(stderr).with_env_filter(filter);
    match stderr().is_terminal() {
        true => log.with_target(false).init(),
        false => log.json().flatten_event(true).init(),
    }
}

/// From now on a panic anywhere is logged and ends the process: a node with a bug must not go on, or half of it.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::force_capture();
        tracing::error!(%panic, "a bug: the node ends at once\n{trace}");
        std::process::abort();
    }));
}
