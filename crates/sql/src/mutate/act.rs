//! What a foreign key does: sees that what is referred to is there, and follows what has gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_datum::{Datum, Result as SqlResult};
use atoll_txn::lock::Strength;
use atoll_txn::request::{LockedRow, Span, WaitPolicy};
use bytes::Bytes;

use super::foreign::Reference;
use super::pending::{Child, Gone};
use super::target::{Target, position};
use super::write::{Change, Claims};
use super::{BATCH, violation};
use crate::catalog::{ColumnOrdinal, ForeignAction};
use crate::exec::{Exec, Result};
use crate::table::{Decoder, Layout};

/// Rows of one request for those who refer.
const PAGE_ROWS: u64 = 1024;

/// Values of the parent's columns that are gone, to what they became.
type Wanted = BTreeMap<Vec<Datum>, Option<Vec<Datum>>>;

impl Reference {
    /// Sees that what the child's rows at these keys refer to is there, and keeps it so until the transaction has ended.
    pub async fn check(&self, keys: &[Bytes], exec: &mut Exec<'_>) -> Result<()> {
        let parent = exec.scope.catalog.layout(&self.parent)?;
        let child = exec.scope.catalog.layout(&self.child)?;
        let decoder = self.child_decoder(&child);
        for keys in keys.chunks(BATCH) {
            exec.check_cancel().await?;
            let rows = exec.txn.get_own(keys).await?;
            let mut referred: Vec<(Vec<Datum>, Option<Bytes>)> = Vec::with_capacity(rows.len());
            for (key, row) in keys.iter().zip(&rows) {
                // What is no more needs nothing.
                let Some(row) = row else { continue };
                let mut values = Vec::new();
                decoder.decode(key, row, &mut values)?;
                let nulls = values.iter().filter(|value| value.is_null()).count();
                if nulls > 0 {
                    if self.key.match_full && nulls < values.len() {
                        return Err(violation::mixed_nulls(self, exec.scope).into());
                    }
                    continue;
                }
                let there = match self.upward(&values, exec.scope) {
                    Some(upward) => Some(self.parent_key(&upward, &parent)?),
                    None => None,
                };
                referred.push((values, there));
            }
            let wanted: BTreeSet<Bytes> = referred.iter().filter_map(|(_, key)| key.clone()).collect();
            let wanted: Vec<Bytes> = wanted.into_iter().collect();
            let locked = exec.lock_newest(&wanted, Strength::KeyShare, WaitPolicy::Wait).await?;
            let there: BTreeSet<Bytes> =
                locked.into_iter().filter(|row| row.value.is_some()).map(|row| row.key).collect();
            let missing = |key: &Option<Bytes>| key.as_ref().is_none_or(|key| !there.contains(key));
            if let Some((values, _)) = referred.iter().find(|(_, key)| missing(key)) {
                return Err(violation::not_present(self, values, exec.scope).into());
            }
        }
        Ok(())
    }

    /// The parent's values are gone, and its rows are locked so that nobody can begin to refer to them.
    pub async fn act(&self, action: ForeignAction, gone: &[Gone], exec: &mut Exec<'_>) -> Result<()> {
        let wanted: Wanted = gone.iter().cloned().collect();
        match action {
            ForeignAction::NoAction => self.refuse_unless_replaced(wanted, exec).await,
            ForeignAction::Restrict => self.refuse(&wanted, exec).await,
            ForeignAction::Cascade | ForeignAction::SetNull | ForeignAction::SetDefault => {
                let child = exec.state.pending.child(&self.child, exec.scope)?;
                let positions = self.changed_columns(action, &wanted);
                let is_key = positions.iter().any(|position| child.target.is_key_column(*position));
                let strength = if positions.is_empty() || is_key { Strength::Update } else { Strength::NoKeyUpdate };
                let keys = self.referring(&wanted, exec).await?;
                for keys in keys.chunks(BATCH) {
                    exec.check_cancel().await?;
                    let locked = exec.lock(keys, strength, WaitPolicy::Wait).await?;
                    self.follow(action, &wanted, &positions, locked, &child, exec).await?;
                }
                match action {
                    // Who had the default already refers to it still.
                    ForeignAction::SetDefault => self.refuse_unless_replaced(wanted, exec).await,
                    _ => Ok(()),
                }
            }
        }
    }

    /// The child's columns that an action changes; none if it deletes the row.
    fn changed_columns(&self, action: ForeignAction, wanted: &Wanted) -> Vec<usize> {
        let deletes = wanted.values().all(Option::is_none);
        match action {
            ForeignAction::Cascade if deletes => Vec::new(),
            ForeignAction::SetNull | ForeignAction::SetDefault if deletes && !self.key.set_columns.is_empty() => {
                self.key.set_columns.iter().map(|column| position(ColumnOrdinal(*column))).collect()
            }
            _ => self.child_positions().collect(),
        }
    }

    async fn follow(
        &self,
        action: ForeignAction,
        wanted: &Wanted,
        positions: &[usize],
        locked: Vec<LockedRow>,
        child: &Child,
        exec: &mut Exec<'_>,
    ) -> Result<()> {
        let target: &Target = &child.target;
        let mut changes = Vec::with_capacity(locked.len());
        for locked in locked {
            let Some(value) = &locked.value else { continue };
            let old = target.decode(&locked.key, value)?;
            // It may have changed before it was locked.
            let Some(became) = self.refers_to(&self.child_values(&old), wanted, exec) else { continue };
            let old = target.stored(old, exec).await?;
            if positions.is_empty() {
                changes.push(Change::delete(old));
                continue;
            }
            let mut new = old.row.clone();
            match (action, became) {
                (ForeignAction::Cascade, Some(values)) => {
                    let values = self.downward(&values, exec.scope)?;
                    self.child_positions().zip(values).for_each(|(position, value)| new[position] = value);
                }
                (ForeignAction::SetDefault, _) => {
                    for position in positions {
                        new[*position] = child.default(*position, exec).await?;
                    }
                }
                _ => positions.iter().for_each(|position| new[*position] = Datum::Null),
            }
            target.complete(&mut new, exec).await?;
            let new = target.stored(new, exec).await?;
            changes.push(Change::update(old, new));
        }
        target.apply(&changes, &mut Claims::default(), exec).await
    }

    /// Another row may have taken the place of one that is gone.
    async fn refuse_unless_replaced(&self, mut wanted: Wanted, exec: &mut Exec<'_>) -> Result<()> {
        let layout = exec.scope.catalog.layout(&self.parent)?;
        let tuples: Vec<Vec<Datum>> = wanted.keys().cloned().collect();
        let keys = tuples.iter().map(|values| self.parent_key(values, &layout)).collect::<SqlResult<Vec<_>>>()?;
        for (values, row) in tuples.iter().zip(exec.txn.get_own(&keys).await?) {
            if row.is_some() {
                wanted.remove(values);
            }
        }
        self.refuse(&wanted, exec).await
    }

    /// 23503 if anybody refers to one of these.
    async fn refuse(&self, wanted: &Wanted, exec: &mut Exec<'_>) -> Result<()> {
        let layout = exec.scope.catalog.layout(&self.child)?;
        let decoder = self.child_decoder(&layout);
        let keys = self.referring(wanted, exec).await?;
        for keys in keys.chunks(BATCH) {
            // Whoever is about to delete such a row is waited for.
            for row in exec.lock_newest(keys, Strength::KeyShare, WaitPolicy::Wait).await? {
                let Some(value) = &row.value else { continue };
                let mut values = Vec::new();
                decoder.decode(&row.key, value, &mut values)?;
                if self.refers_to(&values, wanted, exec).is_some()
                    && let Some(values) = self.upward(&values, exec.scope)
                {
                    return Err(violation::still_referenced(self, &values, exec.scope).into());
                }
            }
        }
        Ok(())
    }

    /// What became of that to which a row with these values refers, if it is among the wanted.
    fn refers_to(&self, values: &[Datum], wanted: &Wanted, exec: &Exec<'_>) -> Option<Option<Vec<Datum>>> {
        if values.iter().any(Datum::is_null) {
            return None;
        }
        wanted.get(&self.upward(values, exec.scope)?).cloned()
    }

    /// Keys of the child's rows that may refer to one of these, ascending.
    async fn referring(&self, wanted: &Wanted, exec: &mut Exec<'_>) -> Result<Vec<Bytes>> {
        let layout: Arc<Layout> = exec.scope.catalog.layout(&self.child)?;
        let mut keys = BTreeSet::new();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let Some(path) = self.path() else {
            let decoder = self.child_decoder(&layout);
            let mut left = Some(layout.primary().span());
            while let Some(span) = left {
                exec.check_cancel().await?;
                let page = exec.txn.scan_newest(&span, PAGE_ROWS).await?;
                for row in page.rows {
                    let mut values = Vec::new();
                    decoder.decode(&row.key, &row.value, &mut values)?;
                    if self.refers_to(&values, wanted, exec).is_some() {
                        keys.insert(row.key);
                    }
                }
                left = page.resume.map(|resume| Span { start: resume, end: span.end });
            }
            return Ok(keys.into_iter().collect());
        };
        let Some(index) = layout.index(path.index()) else { return Ok(Vec::new()) };
        let finder = layout.row_finder(index);
        for values in wanted.keys() {
            let mut left = self.reach(&path, values, &layout, exec.scope)?;
            while let Some(span) = left {
                exec.check_cancel().await?;
                let page = exec.txn.scan_newest(&span, PAGE_ROWS).await?;
                for entry in page.rows {
                    keys.insert(finder.row_key(&entry.key, &entry.value)?);
                }
                left = page.resume.map(|resume| Span { start: resume, end: span.end });
            }
        }
        Ok(keys.into_iter().collect())
    }

    /// Reads the foreign key's columns of a row of the child.
    fn child_decoder(&self, layout: &Layout) -> Decoder {
        let columns: Vec<ColumnOrdinal> = self.key.columns.iter().map(|column| ColumnOrdinal(*column)).collect();
        layout.row_decoder(&columns, false)
    }
}
