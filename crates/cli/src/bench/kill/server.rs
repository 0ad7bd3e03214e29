//! The child: `atoll start` of this very executable.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use super::power::PowerCut;

const READY_WITHIN: Duration = Duration::from_secs(30);
const CLOSED_WITHIN: Duration = Duration::from_secs(30);
/// Of the server's log, when it failed.
const LAST_WORDS: usize = 20;

pub struct Setup {
    pub data: PathBuf,
    /// Where the server's stderr goes.
    pub log: PathBuf,
    pub arguments: Vec<String>,
    pub rpc: SocketAddr,
    pub power: Option<PowerCut>,
}

pub struct Server {
    child: Child,
    /// From the start of the process to its ready line.
    pub took: Duration,
}

/// One that nobody uses now.
pub fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

impl Server {
    pub async fn start(setup: &Setup) -> Result<Server> {
        let begin = Instant::now();
        let mut child = spawn(setup)?;
        let stdout = child.stdout.take().context("the child has no stdout")?;
        let (ready, is_ready) = oneshot::channel();
        // A thread, because a pipe blocks. It ends with the child.
        std::thread::spawn(move || {
            let mut ready = Some(ready);
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if line.contains(" ready in ")
                    && let Some(ready) = ready.take()
                {
                    // Nobody waits any more for a server that was given up.
                    let _ = ready.send(());
                }
            }
        });
        let waited = tokio::time::timeout(READY_WITHIN, is_ready).await;
        let took = begin.elapsed();
        match waited {
            Ok(Ok(())) => Ok(Server { child, took }),
            Ok(Err(_)) => {
                let status = child.wait()?;
                bail!("the server ended with {status} and was never ready:\n{}", last_words(&setup.log)?);
            }
            Err(_) => {
                child.kill()?;
                child.wait()?;
                bail!("the server is not ready after {READY_WITHIN:?}:\n{}", last_words(&setup.log)?);
            }
        }
    }

    /// Starts a server and kills it soon, ready or not.
    pub async fn start_and_kill(setup: &Setup, after: Duration) -> Result<()> {
        let mut child = spawn(setup)?;
        tokio::time::sleep(after).await;
        if let Some(status) = child.try_wait()? {
            bail!("the server ended by itself with {status}:\n{}", last_words(&setup.log)?);
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// kill -9
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server had ended by itself, with {status}");
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and the way it ended.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a strange process id")?;
        kill_process(id, Signal::TERM)?;
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begin.elapsed() > CLOSED_WITHIN {
                self.child.kill()?;
                self.child.wait()?;
                bail!("the server did not end within {CLOSED_WITHIN:?} after SIGTERM");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A benchmark that fails leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        // Most often it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(setup: &Setup) -> Result<Child> {
    let executable = std::env::current_exe()?;
    let log = OpenOptions::new().create(true).append(true).open(&setup.log).context("open the server's log")?;
    let mut command = Command::new(executable);
    command.args(["start", "--rpc", &setup.rpc.to_string(), "--data"]).arg(&setup.data).args(&setup.arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    if let Some(power) = &setup.power {
        power.watch(&mut command)?;
    }
    command.spawn().context("start a server")
}

fn last_words(log: &Path) -> Result<String> {
    let lines: Vec<String> = BufReader::new(File::open(log)?).lines().collect::<std::io::Result<_>>()?;
    ensure!(!lines.is_empty(), "its log {} is empty", log.display());
    Ok(lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n"))
}
