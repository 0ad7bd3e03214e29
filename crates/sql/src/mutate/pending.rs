//! What foreign keys have to see about when the statement's own rows are written: first come, first served, until
//! nothing is left. Actions change rows and so add to the end of the queue.
//!
//! What may wait until the end of the transaction goes to [`Deferred`], which the session keeps for as long.

use std::collections::{BTreeMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use atoll_datum::{Datum, Result as SqlResult};
use bytes::Bytes;

use super::foreign::Reference;
use super::rules;
use super::target::{Target, position};
use crate::catalog::{ForeignAction, ForeignKey, Table};
use crate::exec::expr::Columns;
use crate::exec::{Builder, Evaluator, Exec, Memory, Result};
use crate::session::Scope;

/// Of a running statement.
#[derive(Default)]
pub struct Pending {
    queue: VecDeque<Event>,
    /// Tables that checks and actions have to do with.
    children: BTreeMap<u32, Arc<Child>>,
    account: usize,
    pub deferred: Deferred,
}

/// Of a transaction, since the last statement that added to it, or all of it.
#[derive(Debug, Default)]
pub struct Deferred {
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub reference: Arc<Reference>,
    pub work: Work,
}

#[derive(Clone, Debug)]
pub enum Work {
    /// These rows of the child have been made, or refer to something else than before.
    Check(Vec<Bytes>),
    /// These keys of the parent are gone, or have become others.
    Act(Vec<Gone>),
}

/// What SET CONSTRAINTS has said in a transaction of when constraints are looked at.
#[derive(Clone, Debug, Default)]
pub struct Timing {
    all: Option<bool>,
    /// By the constraint's oid, said since.
    deferred: BTreeMap<u32, bool>,
}

impl Timing {
    pub fn set_all(&mut self, deferred: bool) {
        self.all = Some(deferred);
        self.deferred.clear();
    }

    pub fn set(&mut self, constraint: u32, deferred: bool) {
        self.deferred.insert(constraint, deferred);
    }

    fn defers(&self, key: &ForeignKey) -> bool {
        self.deferred.get(&key.oid).copied().or(self.all).unwrap_or(key.initially_deferred)
    }
}

/// A parent's values that are no more, and what they became if the row is still there.
pub type Gone = (Vec<Datum>, Option<Vec<Datum>>);

/// A table whose rows an action changes.
pub struct Child {
    pub target: Target,
    defaults: Vec<(usize, Evaluator)>,
}

impl Pending {
    /// For rows of the child at these keys.
    pub fn check(
        &mut self,
        reference: &Arc<Reference>,
        keys: Vec<Bytes>,
        scope: &Scope,
        memory: &mut Memory,
    ) -> SqlResult<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let bytes = keys.iter().map(|key| key.len() + size_of::<Bytes>()).sum();
        self.add(reference, Work::Check(keys), bytes, scope, memory)
    }

    pub fn act(
        &mut self,
        reference: &Arc<Reference>,
        gone: Vec<Gone>,
        scope: &Scope,
        memory: &mut Memory,
    ) -> SqlResult<()> {
        // One row's action on update may be another than that on delete.
        let (updated, deleted): (Vec<Gone>, Vec<Gone>) = gone.into_iter().partition(|(_, new)| new.is_some());
        for gone in [deleted, updated].into_iter().filter(|gone| !gone.is_empty()) {
            let values = gone.iter().flat_map(|(old, new)| old.iter().chain(new.iter().flatten()));
            let bytes = values.map(Datum::bytes).sum();
            self.add(reference, Work::Act(gone), bytes, scope, memory)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        reference: &Arc<Reference>,
        work: Work,
        bytes: usize,
        scope: &Scope,
        memory: &mut Memory,
    ) -> SqlResult<()> {
        let event = Event { reference: reference.clone(), work };
        if event.is_deferred(scope.timing.as_deref()) {
            self.deferred.events.push(event);
            return Ok(());
        }
        memory.grow(&mut self.account, bytes)?;
        if let Some(last) = self.queue.back_mut().filter(|last| Arc::ptr_eq(&last.reference, &event.reference)) {
            match (&mut last.work, event.work) {
                (Work::Check(keys), Work::Check(more)) => {
                    keys.extend(more);
                    return Ok(());
                }
                (_, work) => self.queue.push_back(Event { reference: reference.clone(), work }),
            }
        } else {
            self.queue.push_back(event);
        }
        Ok(())
    }

    pub fn child(&mut self, table: &Arc<Table>, scope: &Scope) -> SqlResult<Arc<Child>> {
        if let Some(child) = self.children.get(&table.oid) {
            return Ok(child.clone());
        }
        let rules = rules::of(scope, table)?;
        // Expressions of a table's rules read its row and nothing else, so they need no state of their own.
        let mut builder = Builder::new(scope);
        let target = Target::new(table, &rules.rules, &mut builder)?;
        let defaults = rules.defaults.iter().map(|(ordinal, expr)| {
            let expr = builder.expr(expr, &Columns::default())?;
            Ok((position(*ordinal), expr))
        });
        let child = Arc::new(Child { defaults: defaults.collect::<SqlResult<_>>()?, target });
        self.children.insert(table.oid, child.clone());
        Ok(child)
    }
}

impl Child {
    /// What a column gets by SET DEFAULT.
    pub async fn default(&self, position: usize, exec: &mut Exec<'_>) -> Result<Datum> {
        match self.defaults.iter().find(|(of, _)| *of == position) {
            Some((_, default)) => exec.eval(default, &[]).await,
            None => {
                let column = &self.target.table.columns[position];
                match column.identity {
                    Some(_) => Err(rules::no_default(&self.target.table, &column.name).into()),
                    None => Ok(Datum::Null),
                }
            }
        }
    }
}

impl Event {
    fn action(&self) -> ForeignAction {
        match &self.work {
            Work::Check(_) => ForeignAction::NoAction,
            Work::Act(gone) if gone.iter().any(|(_, new)| new.is_some()) => self.reference.on_update(),
            Work::Act(_) => self.reference.on_delete(),
        }
    }

    /// Only what looks can be put off, not what changes something, nor RESTRICT.
    fn is_deferred(&self, timing: Option<&Timing>) -> bool {
        let key = &self.reference.key;
        let is_put_off = timing.map_or(key.initially_deferred, |timing| timing.defers(key));
        key.deferrable && is_put_off && self.action() == ForeignAction::NoAction
    }

    /// A table may have been changed or dropped since.
    fn renewed(&self, scope: &Scope) -> Option<Event> {
        let reference = Arc::new(self.reference.renewed(scope)?);
        Some(Event { reference, work: self.work.clone() })
    }

    async fn run(&self, exec: &mut Exec<'_>) -> Result<()> {
        match &self.work {
            Work::Check(keys) => self.reference.check(keys, exec).await,
            Work::Act(gone) => self.reference.act(self.action(), gone, exec).await,
        }
    }
}

impl Deferred {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How much there is, for savepoints.
    pub fn mark(&self) -> usize {
        self.events.len()
    }

    /// Forgets what came after the mark.
    pub fn truncate(&mut self, mark: usize) {
        self.events.truncate(mark);
    }

    /// Adds what a statement has left behind.
    pub fn append(&mut self, mut more: Deferred) {
        self.events.append(&mut more.events);
    }
}

/// Ends a statement: all its rows are written, now foreign keys are looked at.
pub async fn finish(exec: &mut Exec<'_>) -> Result<()> {
    exec.txn.release_view();
    while let Some(event) = exec.state.pending.queue.pop_front() {
        exec.check_cancel().await?;
        event.run(exec).await?;
        if exec.state.pending.queue.is_empty() {
            exec.state.memory.release(&mut exec.state.pending.account);
        }
    }
    Ok(())
}

/// Ends a transaction, before it is committed: sees about what its statements have put off.
pub async fn check_deferred(deferred: &mut Deferred, exec: &mut Exec<'_>) -> Result<()> {
    for event in std::mem::take(&mut deferred.events) {
        exec.check_cancel().await?;
        if let Some(event) = event.renewed(exec.scope) {
            event.run(exec).await?;
        }
    }
    finish(exec).await
}

/// SET CONSTRAINTS … IMMEDIATE: sees about what may not wait any longer. It stays to be seen about once more where a
/// savepoint could bring back what was before.
pub async fn check_due(deferred: &mut Deferred, has_savepoints: bool, exec: &mut Exec<'_>) -> Result<()> {
    let timing = exec.scope.timing.as_deref();
    for event in deferred.events.iter().filter(|event| !event.is_deferred(timing)) {
        exec.check_cancel().await?;
        if let Some(event) = event.renewed(exec.scope) {
            event.run(exec).await?;
        }
    }
    if !has_savepoints {
        deferred.events.retain(|event| event.is_deferred(timing));
    }
    Ok(())
}
