//! From old and new rows to keys in the store.
//!
//! All that goes is removed before anything comes, so that rows of one statement may exchange their keys.

use std::collections::{BTreeMap, BTreeSet};

use atoll_datum::Datum;
use atoll_txn::lock::Strength;
use atoll_txn::request::WaitPolicy;
use bytes::Bytes;

use super::target::Target;
use super::{BATCH, violation};
use crate::exec::{Exec, Result};
use crate::statistics::Count;
use crate::table::IndexEntry;

/// A row with its keys.
#[derive(Debug)]
pub struct Stored {
    pub key: Bytes,
    pub row: Vec<Datum>,
    /// In secondary indexes, in the order of the layout; none where a partial index leaves the row out.
    pub entries: Vec<Option<IndexEntry>>,
}

/// Old and new, or one of them.
#[derive(Debug)]
pub struct Change {
    pub old: Option<Stored>,
    pub new: Option<Stored>,
}

impl Change {
    pub fn insert(new: Stored) -> Change {
        Change { old: None, new: Some(new) }
    }

    pub fn update(old: Stored, new: Stored) -> Change {
        Change { old: Some(old), new: Some(new) }
    }

    pub fn delete(old: Stored) -> Change {
        Change { old: Some(old), new: None }
    }

    fn moves(&self) -> bool {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => old.key != new.key,
            _ => true,
        }
    }

    /// The old and the new entry in a secondary index.
    fn entries(&self, index: usize) -> (Option<&IndexEntry>, Option<&IndexEntry>) {
        let stored = [&self.old, &self.new];
        let [old, new] = stored.map(|stored| stored.as_ref().and_then(|stored| stored.entries[index].as_ref()));
        (old, new)
    }
}

fn counted(changes: &[Change]) -> Count {
    let mut count = Count::default();
    for change in changes {
        match (&change.old, &change.new) {
            (None, Some(_)) => count.inserted += 1,
            (Some(_), Some(_)) => count.updated += 1,
            (Some(_), None) => count.deleted += 1,
            (None, None) => {}
        }
    }
    count
}

/// Keys that are locked so that nobody else makes or removes them, and what is there now.
#[derive(Debug, Default)]
pub struct Claims {
    newest: BTreeMap<Bytes, Option<Bytes>>,
    /// Where somebody has made a row after the transaction's snapshot.
    unseen: BTreeSet<Bytes>,
}

impl Claims {
    /// What is known of a key; none if it was not claimed.
    pub fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.newest.get(key)
    }

    /// The row at this key is beyond the snapshot.
    pub fn is_unseen(&self, key: &[u8]) -> bool {
        self.unseen.contains(key)
    }

    /// Locks those that are not claimed yet, in the order of keys, and waits for whoever is making or removing them.
    pub async fn take(&mut self, keys: impl IntoIterator<Item = Bytes>, exec: &mut Exec<'_>) -> Result<()> {
        let wanted: BTreeSet<Bytes> = keys.into_iter().filter(|key| !self.newest.contains_key(key)).collect();
        let wanted: Vec<Bytes> = wanted.into_iter().collect();
        for some in wanted.chunks(BATCH) {
            exec.check_cancel().await?;
            let read_ts = exec.txn.read_ts();
            for row in exec.lock_newest(some, Strength::Update, WaitPolicy::Wait).await? {
                if row.version > read_ts && row.value.is_some() {
                    self.unseen.insert(row.key.clone());
                }
                self.newest.insert(row.key, row.value);
            }
        }
        Ok(())
    }
}

impl Target {
    /// Writes the changes, and notes what foreign keys have to see about. The old rows are locked.
    pub async fn apply(&self, changes: &[Change], claims: &mut Claims, exec: &mut Exec<'_>) -> Result<()> {
        for change in changes {
            self.remove(change, claims, exec)?;
        }
        let mut keys = Vec::new();
        for change in changes {
            if change.moves()
                && self.row_id.is_none()
                && let Some(new) = &change.new
            {
                keys.push(new.key.clone());
            }
            for index in 0..self.indexes.len() {
                let (old, new) = change.entries(index);
                let same_key = matches!((old, new), (Some(old), Some(new)) if old.key == new.key);
                let unique = [old, new].into_iter().flatten().filter(|entry| entry.is_unique && !same_key);
                keys.extend(unique.map(|entry| entry.key.clone()));
            }
        }
        claims.take(keys, exec).await?;
        for change in changes {
            if let Some(new) = &change.new {
                self.put(change, new, claims, exec).await?;
            }
        }
        exec.state.tally.add(self.table.oid(), counted(changes));
        self.note_foreign(changes, exec)
    }

    fn remove(&self, change: &Change, claims: &mut Claims, exec: &mut Exec<'_>) -> Result<()> {
        let Some(old) = &change.old else { return Ok(()) };
        let mut remove = |key: &Bytes| {
            if let Some(newest) = claims.newest.get_mut(key) {
                *newest = None;
            }
            exec.txn.delete(key.clone())
        };
        if change.moves() {
            remove(&old.key)?;
        }
        for (at, index) in self.indexes.iter().enumerate() {
            if let (Some(gone), new) = change.entries(at)
                && (index.closing || new.is_none_or(|new| new.key != gone.key))
            {
                remove(&gone.key)?;
            }
        }
        Ok(())
    }

    async fn put(&self, change: &Change, new: &Stored, claims: &mut Claims, exec: &mut Exec<'_>) -> Result<()> {
        if change.moves() && claims.newest.get(&new.key).is_some_and(Option::is_some) {
            return self.duplicate(0, new, exec).await;
        }
        let value = self.layout.primary_value(&new.row)?;
        if self.row_id.is_none() && change.moves() {
            claims.newest.insert(new.key.clone(), Some(value.clone()));
        }
        exec.txn.put(new.key.clone(), value)?;
        for (at, index) in self.indexes.iter().enumerate() {
            let (old, Some(entry)) = change.entries(at) else { continue };
            if index.closing || old.is_some_and(|old| old == entry) {
                continue;
            }
            if entry.is_unique {
                let is_new = old.is_none_or(|old| old.key != entry.key);
                if is_new && claims.newest.get(&entry.key).is_some_and(Option::is_some) {
                    return self.duplicate(at + 1, new, exec).await;
                }
                claims.newest.insert(entry.key.clone(), Some(entry.value.clone()));
            }
            exec.txn.put(entry.key.clone(), entry.value.clone())?;
        }
        Ok(())
    }

    /// `index`: in the table's descriptor.
    async fn duplicate(&self, index: usize, new: &Stored, exec: &mut Exec<'_>) -> Result<()> {
        let mut expressions = Vec::new();
        if index > 0 {
            exec.eval_into(&self.indexes[index - 1].expressions, &new.row, &mut expressions).await?;
        }
        let index = &self.table.indexes[index];
        Err(violation::unique(self, index, &new.row, &expressions, exec.scope).into())
    }

    fn note_foreign(&self, changes: &[Change], exec: &mut Exec<'_>) -> Result<()> {
        for reference in &self.referenced {
            let gone = changes.iter().filter_map(|change| {
                let old = reference.parent_values(&change.old.as_ref()?.row)?;
                let new = change.new.as_ref().map(|new| reference.parent_values_or_null(&new.row));
                (new.as_ref() != Some(&old)).then_some((old, new))
            });
            exec.state.pending.act(reference, gone.collect(), exec.scope, &mut exec.state.memory)?;
        }
        for reference in &self.references {
            let refers = changes.iter().filter_map(|change| {
                let new = change.new.as_ref()?;
                let is_same = change.old.as_ref().is_some_and(|old| {
                    old.key == new.key && reference.child_values(&old.row) == reference.child_values(&new.row)
                });
                let is_null = reference.child_values(&new.row).iter().all(Datum::is_null);
                (!is_same && !is_null).then(|| new.key.clone())
            });
            exec.state.pending.check(reference, refers.collect(), exec.scope, &mut exec.state.memory)?;
        }
        Ok(())
    }
}
