//! Work that definitions leave behind: what lies under keys that nobody uses any more is erased, and indexes of large
//! tables are [built](super::online).
//!
//! ```text
//!   0d ‖ job (4)   ─▶   what to do, and how far it has come
//! ```
//! A job is written in the transaction of the definition, so it is there exactly if that has committed. Any node may do
//! it, from the beginning if need be: erasing twice does no harm, and an entry is written twice with the same content.

use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Error, Oid, sqlstate};
use bytes::Bytes;
use prost::{Enumeration, Message};

use super::{Definition, data, online};
use crate::catalog::store;
use crate::exec::Result;
use crate::kv::{GatewayRef, Txn};
use crate::session::Node;
use crate::session::locks::{Mode, Tag};

const JOBS: u8 = 0x0d;

/// Keys that are erased in one transaction.
const CHUNK: u64 = 2000;

/// Erasing waits so many times as long as it works: it is in no hurry, and statements need the machine.
const PAUSES: u32 = 4;

const RETRY_AFTER: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum Work {
    Erase = 0,
    Build = 1,
}

#[derive(Clone, PartialEq, Message)]
pub struct Job {
    #[prost(uint32, tag = "1")]
    pub table: u32,
    /// 0 is all indexes of the table.
    #[prost(uint32, tag = "2")]
    pub index: u32,
    #[prost(enumeration = "Work", tag = "3")]
    pub work: i32,
    /// The key from which to go on; empty is the beginning.
    #[prost(bytes = "vec", tag = "4")]
    pub resume: Vec<u8>,
    /// That have been done.
    #[prost(uint64, tag = "5")]
    pub rows: u64,
}

impl Job {
    pub fn erase(table: Oid, index: Option<u32>) -> Job {
        Job { table: table.0, index: index.unwrap_or_default(), work: Work::Erase as i32, ..Job::default() }
    }

    pub fn build(table: Oid, index: u32) -> Job {
        Job { table: table.0, index, work: Work::Build as i32, ..Job::default() }
    }
}

fn key(id: u32) -> Bytes {
    let [a, b, c, d] = id.to_be_bytes();
    Bytes::copy_from_slice(&[JOBS, a, b, c, d])
}

pub fn write(txn: &mut dyn Txn, id: u32, job: &Job) -> Result<()> {
    Ok(txn.put(key(id), job.encode_to_vec().into())?)
}

pub async fn remove(gateway: &GatewayRef, id: u32) -> Result<()> {
    loop {
        let mut txn = store::begin(&**gateway);
        let removed = txn.delete(key(id)).map_err(Into::into);
        if store::finish(txn, removed).await?.is_some() {
            return Ok(());
        }
    }
}

/// Writes a job into the definition's transaction.
pub async fn leave(definition: &mut Definition<'_>, job: Job) -> Result<()> {
    let id = definition.new_oid().await?;
    write(definition.txn, id, &job)?;
    definition.changes.leaves_jobs();
    Ok(())
}

/// Does the jobs that are there, and then those that are left later, until the node stops.
pub async fn run(node: std::sync::Weak<Node>) {
    loop {
        let Some(held) = node.upgrade() else { return };
        let (wake, clock) = (held.jobs.clone(), held.env.clock.clone());
        let done = all(&held).await.unwrap_or_else(|failure| {
            let error = failure.into_error();
            tracing::warn!(%error, "what a definition has left could not be done; it is tried again");
            false
        });
        drop(held);
        match done {
            true => wake.notified().await,
            // Who is busy with the rest may not come to its end.
            false => drop(clock.timeout(RETRY_AFTER, wake.notified()).await),
        }
    }
}

/// The jobs that are there now.
pub async fn list(gateway: &GatewayRef) -> Result<Vec<(u32, Job)>> {
    let mut txn = store::begin(&**gateway);
    let rows = store::scan(&mut *txn, &[JOBS]).await;
    txn.rollback().await;
    let mut jobs = Vec::new();
    for (key, value) in rows? {
        let id = key.get(1..).and_then(|id| id.try_into().ok()).ok_or_else(damaged)?;
        jobs.push((u32::from_be_bytes(id), Job::decode(&*value).map_err(|_| damaged())?));
    }
    Ok(jobs)
}

fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "a job in the store is damaged")
}

async fn read(gateway: &GatewayRef, id: u32) -> Result<Option<Job>> {
    let mut txn = store::begin(&**gateway);
    let stored = txn.get(&key(id)).await;
    txn.rollback().await;
    Ok(stored?.map(Job::decode).transpose().map_err(|_| damaged())?)
}

/// What who is busy with a job holds, so that no other node is.
pub fn tag(id: u32) -> Tag {
    Tag::Object { class: Oid(0), object: Oid(id) }
}

/// Does every job that is there now. False: others are busy with some, or something else comes first.
pub async fn all(node: &Arc<Node>) -> Result<bool> {
    let mut done = true;
    // These come first anyway, if their jobs are builds still.
    let cancelled = node.builds.lock().cancelled.clone();
    let mut jobs = list(&node.gateway).await?;
    // For these somebody may be waiting.
    jobs.sort_by_key(|(_, job)| job.work() != Work::Build);
    for (id, _) in jobs {
        let owner = node.locks.owner(0, Oid(0));
        if !owner.try_lock(tag(id), Mode::Exclusive).await? {
            done = false;
            continue;
        }
        // As it is now.
        let Some(job) = read(&node.gateway, id).await? else { continue };
        match job.work() {
            Work::Erase => {
                let mut next = Some(job);
                while let Some(job) = next {
                    let began = node.env.clock.mono();
                    next = erase_chunk(&node.gateway, id, &job).await?;
                    if next.is_some() {
                        // An index that was given up goes on costing its writers until it is taken back.
                        if !node.builds.lock().cancelled.is_subset(&cancelled) {
                            return Ok(false);
                        }
                        node.env.clock.sleep((node.env.clock.mono() - began) * PAUSES).await;
                    }
                }
            }
            Work::Build => online::resume(node, id, job).await?,
        }
    }
    Ok(done)
}

/// What is left of the job, if anything.
async fn erase_chunk(gateway: &GatewayRef, id: u32, job: &Job) -> Result<Option<Job>> {
    loop {
        let mut txn = store::begin(&**gateway);
        let erased = erase_some(&mut *txn, id, job).await;
        if let Some(rest) = store::finish(txn, erased).await? {
            return Ok(rest);
        }
    }
}

/// Goes on where the chunk before has ended: what is erased stays in the way of whoever reads over it, until its history
/// is collected.
async fn erase_some(txn: &mut dyn Txn, id: u32, job: &Job) -> Result<Option<Job>> {
    let mut span = data::span(Oid(job.table), (job.index != 0).then_some(job.index));
    if !job.resume.is_empty() {
        span.start = job.resume.clone().into();
    }
    let page = txn.scan(&span, false, CHUNK).await?;
    let rows = job.rows + page.rows.len() as u64;
    for row in page.rows {
        txn.delete(row.key)?;
    }
    let Some(resume) = page.resume else {
        txn.delete(key(id))?;
        return Ok(None);
    };
    let rest = Job { resume: resume.to_vec(), rows, ..job.clone() };
    write(txn, id, &rest)?;
    Ok(Some(rest))
}
