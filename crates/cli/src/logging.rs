//! Logs on stderr: for people on a terminal, JSON otherwise. And the last words of a bug.
//!
//! What libraries tell the `log` crate comes here too: the cause of a failed flush of the state is only said there.

use std::backtrace::Backtrace;
use std::io::{IsTerminal, Write, stderr};

use tracing_subscriber::EnvFilter;

/// `ATOLL_LOG` says more than `level`, in the filter language of tracing: `info,atoll_storage=debug`.
pub fn init(level: &str) {
    let quiet = format!("{level},openraft=error,fjall=warn,lsm_tree=warn");
    let filter = EnvFilter::try_from_env("ATOLL_LOG").unwrap_or_else(|_| EnvFilter::new(quiet));
    let log = tracing_subscriber::fmt().with_writer(stderr).with_env_filter(filter);
    match stderr().is_terminal() {
        true => log.with_target(false).init(),
        false => log.json().flatten_event(true).init(),
    }
}

/// From now on a panic in any thread is told and ends the process: a node with a bug must not go on, or half of it.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::force_capture();
        tracing::error!(%panic, "a bug: the process ends at once\n{trace}");
        // Also when the log is filtered. Nothing more can be done if stderr is closed.
        let _ = writeln!(stderr(), "atoll: a bug, the process ends at once: {panic}");
        std::process::abort();
    }));
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Output, Stdio};

    use super::*;

    #[test]
    fn a_panic_in_a_task_or_a_thread_ends_the_process_with_words() {
        for (log, place) in [("info", "task"), ("off", "task"), ("off", "thread")] {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "--ignored", "--nocapture", "logging::tests::a_bug"]).stdin(Stdio::null());
            let Output { status, stderr, .. } = command.env("ATOLL_LOG", log).env("PLACE", place).output().unwrap();
            let stderr = String::from_utf8(stderr).unwrap();
            assert_eq!(status.signal(), Some(rustix::process::Signal::ABORT.as_raw()), "{place}: {stderr}");
            assert!(
                stderr.contains("atoll: a bug, the process ends at once: ") && stderr.contains("seven"),
                "{stderr}"
            );
            let logged = stderr.lines().filter(|line| line.starts_with('{') && line.contains("backtrace")).count();
            assert_eq!(logged, usize::from(log == "info"), "{stderr}");
        }
    }

    #[test]
    #[ignore = "started by the test above, in ./dev test"]
    fn a_bug() {
        init("info");
        abort_on_panic();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            match std::env::var("PLACE").unwrap().as_str() {
                "task" => drop(tokio::spawn(async { panic!("seven is not eight") })),
                // Where the panic is even caught.
                _ => drop(std::thread::spawn(|| std::panic::catch_unwind(|| panic!("seven is not eight")))),
            }
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        });
    }

    #[test]
    fn what_libraries_log_is_seen() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", "logging::tests::a_library"]).stdin(Stdio::null());
        let Output { stderr, .. } = command.env_remove("ATOLL_LOG").output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(stderr.contains("the worker died") && !stderr.contains("all is well"), "{stderr}");
    }

    #[test]
    #[ignore = "started by the test above, in ./dev test"]
    fn a_library() {
        init("info");
        log::error!(target: "fjall::worker_pool", "the worker died");
        log::info!(target: "fjall::worker_pool", "all is well");
    }
}
