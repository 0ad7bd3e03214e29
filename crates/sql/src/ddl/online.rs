//! An index of a large table is built while the table is used.
//!
//! ```text
//!   Share lock ─▶ write-only, job ─▶ unlock ─▶ chunk, chunk, … ─▶ public
//!                 (own transaction)            (own transactions)  (own transaction)
//! ```
//! Nobody writes in the moment in which the index becomes write-only, so from then on every writer keeps it up to date.
//! Each chunk reads some rows and writes their entries in one serializable transaction: a row that somebody changes
//! meanwhile makes the chunk run again. A row whose key is there already for another row ends the build, and the index is
//! taken away again.
//!
//! The job's entry in the store says how far the chunks have come. It is written with the index and goes with the last
//! chunk, so a build that a crash has interrupted is finished by whoever opens the store; one whose statement was
//! cancelled is taken back.

use std::sync::Arc;

use atoll_datum::{Error, Oid};
use atoll_txn::lock::Strength;
use atoll_txn::request::{Span, WaitPolicy};
use bytes::Bytes;

use super::Definition;
use super::data::{self, PAGE_ROWS, Prepared};
use super::job::{self, Job};
use crate::catalog::store::{self, Changes};
use crate::catalog::{Catalog, Index, IndexState, Table};
use crate::exec::{Cancel, Exec, Failure, Result};
use crate::kv::{self, Txn};
use crate::session::Node;
use crate::session::Scope;
use crate::session::locks::{Mark, Mode, Owner};
use crate::session::node::Build;
use crate::session::scope::SessionFacts;

/// Whether the table has more rows than are worth the trouble.
pub async fn is_large(definition: &mut Definition<'_>, table: &Table) -> Result<bool> {
    let span = data::span(table.oid(), Some(table.primary().id));
    let page = definition.txn.scan(&span, false, PAGE_ROWS).await?;
    Ok(page.resume.is_some())
}

/// Builds an index that is not part of the table yet. The session holds a lock that keeps writers away, taken after
/// `mark`, and lets go of it when writers know of the index.
pub async fn build(definition: &mut Definition<'_>, table: Oid, index: Index, mark: Mark) -> Result<()> {
    let node = definition.scope.node.clone();
    let id = node.new_oid().await?;
    let mut job = Job::build(table, index.id);
    // Nobody else looks after it as long as the statement lives.
    let busy = node.locks.owner(definition.scope.session.pid, definition.scope.session.database);
    busy.lock(job::tag(id), Mode::Exclusive).await?;
    let guard = Guard { node: node.clone(), job: id, busy };
    let session = &definition.scope.session;
    let build = Build { pid: session.pid, database: session.database, table, index: Oid(index.oid), rows: 0 };
    node.builds.lock().running.insert(id, build);
    let begun = Index { state: IndexState::WriteOnly as i32, ..index.clone() };
    change(
        &node,
        &definition.scope.locks,
        table,
        &|table| {
            table.next_index = table.next_index.max(begun.id + 1);
            table.indexes.push(begun.clone());
            true
        },
        Some((id, &job)),
    )
    .await?;
    definition.refresh();
    definition.scope.locks.rollback_to(mark);
    let scope = definition.scope.clone();
    let built = fill(&node, &scope, &guard.busy, id, &mut job, &definition.cancel).await;
    if let Err(failure) = built {
        // Writers must not go on with an index that is no more.
        definition.scope.locks.lock_relation(table, Mode::Share).await?;
        take_back(&node, &definition.scope.locks, id, &job).await?;
        guard.finished();
        definition.refresh();
        return Err(failure);
    }
    guard.finished();
    definition.refresh();
    Ok(())
}

/// Notes a build whose statement was given up.
struct Guard {
    node: Arc<Node>,
    job: u32,
    busy: Owner,
}

impl Guard {
    fn finished(&self) {
        self.node.builds.lock().running.remove(&self.job);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.busy.release_everything();
        let mut builds = self.node.builds.lock();
        if builds.running.remove(&self.job).is_some() {
            builds.cancelled.insert(self.job);
            self.node.jobs.notify_one();
        }
    }
}

/// Goes on with a build that nobody on this node is busy with, or takes it back if its statement was cancelled.
pub async fn resume(node: &Arc<Node>, id: u32, mut job: Job) -> Result<()> {
    let cancelled = {
        let mut builds = node.builds.lock();
        if builds.running.contains_key(&id) {
            return Ok(());
        }
        builds.cancelled.remove(&id)
    };
    let catalog = node.catalog();
    let Some(table) = catalog.table(Oid(job.table)) else { return job::remove(&node.gateway, id).await };
    let database = catalog.schemas.get(&Oid(table.schema)).map_or(0, |schema| schema.database);
    let facts = SessionFacts {
        pid: 0,
        database: Oid(database),
        session_user: Oid(table.owner),
        current_user: Oid(table.owner),
        search_path: Arc::default(),
        read_only: false,
    };
    let scope = Scope::new(node.clone(), facts);
    let relation = Oid(job.table);
    if !cancelled {
        scope.locks.lock_relation(relation, Mode::ShareUpdateExclusive).await?;
        match fill(node, &scope, &scope.locks, id, &mut job, &Cancel::default()).await {
            Ok(()) => return Ok(()),
            // What can't be reached now is tried again later; anything else is final.
            Err(failure @ Failure::Kv(_)) => return Err(failure),
            Err(failure) => {
                let error = failure.into_error();
                tracing::warn!(%error, table = job.table, "an index could not be built and is taken away");
            }
        }
    }
    scope.locks.lock_relation(relation, Mode::Share).await?;
    take_back(node, &scope.locks, id, &job).await
}

/// Changes a table's descriptor in a transaction of its own, together with the job's entry, and makes it everybody's, as
/// long as the strong locks of the session count.
/// `work` says whether there is anything to change.
async fn change(
    node: &Arc<Node>,
    locks: &Owner,
    table: Oid,
    work: &(dyn Fn(&mut Table) -> bool + Sync),
    job: Option<(u32, &Job)>,
) -> Result<()> {
    loop {
        let current = node.catalog();
        let mut changes = Changes::default();
        let mut txn = store::begin(&*node.gateway);
        node.peers.rely(&mut *txn, locks.tenure(), true)?;
        let changed = change_in(&mut *txn, &mut changes, &current, table, work, job).await;
        match store::finish(txn, changed).await {
            Ok(Some(())) => {
                // It ends early only when the node stops.
                let _ = node.publish(changes, None).await;
                return Ok(());
            }
            Ok(None) => node.reload().await?,
            Err(failure) => {
                if matches!(&failure, Failure::Kv(error) if matches!(**error, kv::Error::Unknown { .. })) {
                    node.reload().await?;
                }
                return Err(failure);
            }
        }
    }
}

async fn change_in(
    txn: &mut dyn Txn,
    changes: &mut Changes,
    current: &Arc<Catalog>,
    table: Oid,
    work: &(dyn Fn(&mut Table) -> bool + Sync),
    job: Option<(u32, &Job)>,
) -> Result<()> {
    if let Some((id, job)) = job {
        job::write(txn, id, job)?;
    }
    let Some(old) = current.table(table) else { return Ok(()) };
    let mut new = Table::clone(old);
    if work(&mut new) {
        new.version += 1;
        changes.put(txn, current, new.into()).await?;
    }
    Ok(())
}

async fn take_back(node: &Arc<Node>, locks: &Owner, id: u32, job: &Job) -> Result<()> {
    let index = job.index;
    let gone = |table: &mut Table| {
        let before = table.indexes.len();
        table.indexes.retain(|own| own.id != index || own.state() == IndexState::Public);
        table.indexes.len() < before
    };
    // The job becomes that of erasing what was written.
    change(node, locks, Oid(job.table), &gone, Some((id, &Job::erase(Oid(job.table), Some(index))))).await?;
    node.jobs.notify_one();
    Ok(())
}

/// Fills the index from where the job has come to, and makes it public.
async fn fill(node: &Arc<Node>, scope: &Scope, locks: &Owner, id: u32, job: &mut Job, cancel: &Cancel) -> Result<()> {
    let mut scope = scope.clone();
    scope.catalog = node.catalog();
    let table = super::dependency::table_of(&scope.catalog, Oid(job.table))?;
    let Some(index) = table.index(crate::catalog::IndexId(job.index)) else {
        return Err(Error::internal("an index that is being built is gone").into());
    };
    let index = index.clone();
    loop {
        cancel.check()?;
        let mut next = job.clone();
        let mut txn = store::begin(&*node.gateway);
        let done = match chunk(&mut *txn, &scope, &table, &index, &mut next).await {
            Ok(done) => job::write(&mut *txn, id, &next).map(|()| done),
            Err(failure) => Err(failure),
        };
        let Some(done) = store::finish(txn, done).await? else { continue };
        *job = next;
        if let Some(build) = node.builds.lock().running.get_mut(&id) {
            build.rows = job.rows;
        }
        if done {
            break;
        }
    }
    let oid = index.id;
    let public = |table: &mut Table| {
        let own = table.indexes.iter_mut().find(|own| own.id == oid);
        own.map(|own| own.state = IndexState::Public as i32).is_some()
    };
    change(node, locks, Oid(job.table), &public, None).await?;
    job::remove(&node.gateway, id).await
}

/// Writes the entries of the next rows; true if there are no more.
async fn chunk(txn: &mut dyn Txn, scope: &Scope, table: &Table, index: &Index, job: &mut Job) -> Result<bool> {
    let whole = data::span(table.oid(), Some(table.primary().id));
    let from = if job.resume.is_empty() { whole.start } else { Bytes::from(job.resume.clone()) };
    let page = txn.scan(&Span::new(from, whole.end), false, PAGE_ROWS).await?;
    let mut prepared = Prepared::new(scope, table, &[])?;
    let place = table.indexes.iter().skip(1).position(|own| own.id == index.id);
    let place = place.ok_or_else(|| Error::internal("an index that is being built is gone"))?;
    let cancel = Cancel::default();
    let mut exec = Exec::new(scope, txn, &[], &cancel);
    exec.state = std::mem::take(&mut prepared.state);
    job.rows += page.rows.len() as u64;
    for row in page.rows {
        let values = prepared.target.decode(&row.key, &row.value)?;
        let mut stored = prepared.target.stored(values, &mut exec).await?;
        let Some(entry) = stored.entries.swap_remove(place) else { continue };
        if entry.is_unique {
            let keys = [entry.key.clone()];
            let there = exec.lock_newest(&keys, Strength::Update, WaitPolicy::Wait).await?;
            if let Some(value) = there.into_iter().next().and_then(|row| row.value) {
                let layout = &prepared.target.layout.secondary()[place];
                let of = prepared.target.layout.row_finder(layout).row_key(&entry.key, &value)?;
                if of != row.key {
                    let mut expressions = Vec::new();
                    let own = &prepared.target.indexes[place].expressions;
                    exec.eval_into(own, &stored.row, &mut expressions).await?;
                    return Err(data::duplicated(scope, table, index, &stored.row, &expressions).into());
                }
            }
        }
        exec.txn.put(entry.key, entry.value)?;
    }
    match page.resume {
        Some(resume) => {
            job.resume = resume.to_vec();
            Ok(false)
        }
        None => Ok(true),
    }
}
