//! Work that a definition leaves behind: what lies under keys that nobody uses any more is erased.
//!
//! ```text
//!   0d ‖ job (4)   ─▶   what to do
//! ```
//! A job is written in the transaction of the definition, so it is there exactly if that has committed. Any node may do
//! it, from the beginning if it was not finished: erasing twice does no harm.

use std::sync::Arc;

use atoll_datum::{Error, Oid, sqlstate};
use bytes::Bytes;
use prost::Message;

use super::{Definition, data};
use crate::catalog::store;
use crate::exec::Result;
use crate::kv::{Gateway, Txn};
use crate::session::Node;

const JOBS: u8 = 0x0d;

/// Keys that are erased in one transaction.
const CHUNK: u64 = 500;

#[derive(Clone, PartialEq, Message)]
pub struct Job {
    #[prost(uint32, tag = "1")]
    pub table: u32,
    /// 0 is all indexes of the table.
    #[prost(uint32, tag = "2")]
    pub index: u32,
}

impl Job {
    pub fn erase(table: Oid, index: Option<u32>) -> Job {
        Job { table: table.0, index: index.unwrap_or_default() }
    }
}

/// Writes a job into the definition's transaction.
pub async fn leave(definition: &mut Definition<'_>, job: Job) -> Result<()> {
    let id = definition.new_oid().await?;
    let mut key = vec![JOBS];
    key.extend_from_slice(&id.to_be_bytes());
    definition.txn.put(key.into(), job.encode_to_vec().into())?;
    definition.changes.leaves_jobs();
    Ok(())
}

/// Does the jobs that are there, and then those that are left later, until the node stops.
pub async fn run(node: std::sync::Weak<Node>) {
    loop {
        let Some(held) = node.upgrade() else { return };
        let wake = held.jobs.clone();
        if let Err(failure) = all(&held.gateway).await {
            let error = failure.into_error();
            tracing::warn!(%error, "erasing what definitions have left failed; it is tried again");
            held.env.clock.sleep(std::time::Duration::from_secs(10)).await;
            continue;
        }
        drop(held);
        wake.notified().await;
    }
}

/// Does every job that is there now.
pub async fn all(gateway: &Arc<dyn Gateway>) -> Result<()> {
    let mut txn = store::begin(&**gateway);
    let jobs = store::scan(&mut *txn, &[JOBS]).await;
    txn.rollback().await;
    for (key, value) in jobs? {
        let damaged = |_| Error::new(sqlstate::DATA_CORRUPTED, "a job in the store is damaged");
        let job = Job::decode(&*value).map_err(damaged)?;
        while !step(gateway, &key, &job).await? {}
    }
    Ok(())
}

/// Erases a chunk; true when the job is done.
async fn step(gateway: &Arc<dyn Gateway>, key: &Bytes, job: &Job) -> Result<bool> {
    loop {
        let mut txn = store::begin(&**gateway);
        let erased = erase_some(&mut *txn, key, job).await;
        if let Some(done) = store::finish(txn, erased).await? {
            return Ok(done);
        }
    }
}

async fn erase_some(txn: &mut dyn Txn, key: &Bytes, job: &Job) -> Result<bool> {
    let span = data::span(Oid(job.table), (job.index != 0).then_some(job.index));
    let page = txn.scan(&span, false, CHUNK).await?;
    for row in page.rows {
        txn.delete(row.key)?;
    }
    let done = page.resume.is_none();
    if done {
        txn.delete(key.clone())?;
    }
    Ok(done)
}
