//! One writer: transactions through the rpc client, one at a time, each noted before and after; and reading them back.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use atoll_cluster::Router;
use atoll_env::rng::Rng;
use atoll_env::{Env, NodeId};
use atoll_txn::request::{Body, Span, Split};
use atoll_txn::{Error, Isolation, Sender, Transaction};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::ledger::{Found, Ledger, Op, Outcome, number, value};
use crate::status;

/// Between the two sides, each of which becomes a range.
const MIDDLE: &[u8] = b"\x01m";
const LEFT: u8 = b'a';
const RIGHT: u8 = b'z';
/// How long a check may take, intents of dead coordinators included.
const CHECK_WITHIN: Duration = Duration::from_secs(60);

/// What the writers shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Go,
    /// Finish what is being done.
    Finish,
    /// Drop it: this coordinator vanishes.
    Abandon,
}

/// A line for every acknowledged write, written before the next write begins.
pub struct Acks {
    file: Mutex<File>,
    count: AtomicU64,
    begin: Instant,
}

impl Acks {
    pub fn create(path: &Path) -> Result<Acks> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Acks { file: Mutex::new(file), count: AtomicU64::new(0), begin: Instant::now() })
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn note(&self, id: u32, op: Op) -> Result<()> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let line = format!("{:.3} writer {id} {op:?}\n", self.begin.elapsed().as_secs_f64());
        self.file.lock().write_all(line.as_bytes()).context("write the log of acknowledged writes")
    }
}

pub struct Writer {
    pub ledger: Ledger,
    rpc: SocketAddr,
    env: Env,
    client: Router,
    acks: Arc<Acks>,
}

/// A client of the node that was started for this, up or not.
fn connect(rpc: SocketAddr) -> (Env, Router) {
    let env = status::outsider();
    env.net.set_peer(NodeId(1), rpc.to_string());
    (env.clone(), Router::outside(env, vec![NodeId(1)]))
}

impl Writer {
    pub fn new(ledger: Ledger, rpc: SocketAddr, acks: Arc<Acks>) -> Writer {
        let (env, client) = connect(rpc);
        Writer { ledger, rpc, env, client, acks }
    }

    /// Makes two ranges of one.
    pub async fn split(&self) -> Result<()> {
        let range = self.client.locate(MIDDLE).await?;
        self.client.send(&range, Body::Split(Split { at: Bytes::from_static(MIDDLE) })).await?;
        // Somebody who knows no ranges yet.
        let (_, other) = connect(self.rpc);
        let right = other.locate(MIDDLE).await?;
        ensure!(right.span.start == MIDDLE, "the split is not there");
        Ok(())
    }

    /// Writes until it is told to stop, or until an outcome is unknown: the node is gone then.
    pub async fn run(mut self, mut rng: Rng, mut stop: watch::Receiver<Stop>) -> Result<Writer> {
        while *stop.borrow_and_update() == Stop::Go {
            let op = self.ledger.next(&mut rng);
            if !self.ledger.is_settled(op) {
                continue;
            }
            let mut abandon = stop.clone();
            let outcome = tokio::select! {
                outcome = perform(&self.client, self.ledger.id, op) => outcome?,
                _ = abandon.wait_for(|stop| *stop == Stop::Abandon) => Outcome::Unknown,
            };
            if outcome == Outcome::Acknowledged {
                self.acks.note(self.ledger.id, op)?;
            }
            self.ledger.note(op, outcome);
            match outcome {
                Outcome::Acknowledged => {}
                Outcome::Refused => self.client.sleep(Duration::from_millis(5)).await,
                Outcome::Unknown => break,
            }
        }
        Ok(self)
    }

    /// All of this writer's keys as one transaction sees them.
    pub async fn read_back(&self, all: bool) -> Result<Found> {
        let reading = self.env.clock.timeout(CHECK_WITHIN, self.read(all));
        reading.await.ok().context("reading back takes too long")?
    }

    async fn read(&self, all: bool) -> Result<Found> {
        let id = self.ledger.id;
        loop {
            let mut txn = Transaction::begin(self.client.clone(), Isolation::Serializable);
            let mut found = Found { from: self.ledger.check_from(all), ..Found::default() };
            let mut failed = None;
            for (side, kind) in [(LEFT, b'f'), (RIGHT, b'f'), (LEFT, b'o'), (RIGHT, b'o'), (LEFT, b'p'), (RIGHT, b'p')]
            {
                let from = if kind == b'f' { found.from } else { 0 };
                let span = Span::new(key(side, kind, id, from), key(side, kind, id, u64::MAX));
                let rows = match txn.scan_all(&span).await {
                    Ok(rows) => rows,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                };
                let numbers = match (kind, side) {
                    (b'f', _) => &mut found.fresh,
                    (b'o', _) => &mut found.slots,
                    (_, LEFT) => &mut found.left,
                    _ => &mut found.right,
                };
                for row in rows {
                    let at = row.key.last_chunk().map(|at| u64::from_be_bytes(*at)).context("a strange key")?;
                    numbers.insert(at, number(id, &row.value));
                }
            }
            match failed {
                None => return Ok(found),
                Some(Error::Retry(_) | Error::Unreachable { .. } | Error::NotLeaseholder { .. }) => {
                    self.client.sleep(Duration::from_millis(20)).await;
                }
                Some(error) => return Err(error.into()),
            }
        }
    }
}

async fn perform(client: &Router, id: u32, op: Op) -> Result<Outcome> {
    let mut txn = Transaction::begin(client.clone(), Isolation::Serializable);
    match op {
        Op::Fresh { n } => txn.put(key(side(n), b'f', id, n), value(id, n))?,
        Op::Slot { slot, n } => txn.put(key(side(slot), b'o', id, slot), value(id, n))?,
        Op::Pair { slot, n } => {
            txn.put(key(LEFT, b'p', id, slot), value(id, n))?;
            txn.put(key(RIGHT, b'p', id, slot), value(id, n))?;
        }
    }
    match txn.commit().await {
        Ok(_) => Ok(Outcome::Acknowledged),
        Err(Error::Unknown { .. } | Error::Stopped { .. }) => Ok(Outcome::Unknown),
        Err(Error::Retry(_) | Error::Unreachable { .. } | Error::NotLeaseholder { .. } | Error::DiskFull) => {
            Ok(Outcome::Refused)
        }
        Err(error) => Err(error).context("a write failed"),
    }
}

fn side(n: u64) -> u8 {
    if n.is_multiple_of(2) { LEFT } else { RIGHT }
}

fn key(side: u8, kind: u8, id: u32, n: u64) -> Vec<u8> {
    [&[1, side, kind][..], &id.to_be_bytes(), &n.to_be_bytes()].concat()
}
