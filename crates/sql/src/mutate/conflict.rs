//! ON CONFLICT: what happens to a row for which there is another one with the same key.
//!
//! Row after row, because one may be in the way of the next. What they have to know is asked for together beforehand:
//! first, without a lock, who is there; then rows that are there are locked to be updated, and keys of rows that are not
//! there are locked as by any INSERT. Only who has come or gone between the two makes a row be looked at again.

use std::collections::BTreeMap;

use atoll_datum::{Datum, Error, Result as SqlResult, sqlstate};
use atoll_txn::Isolation;
use atoll_txn::error::Retry;
use atoll_txn::lock::Strength;
use atoll_txn::request::WaitPolicy;
use bytes::Bytes;

use super::target::{Target, position, row_columns};
use super::write::{Change, Claims, Stored};
use crate::exec::expr::Columns;
use crate::exec::{Builder, Evaluator, Exec, Result};
use crate::kv;
use crate::plan::{ConflictAction, OnConflict};
use crate::table::Decoder;

pub struct Conflict {
    /// Of the table's indexes: unique ones.
    arbiters: Vec<Arbiter>,
    /// None is DO NOTHING.
    update: Option<Update>,
}

struct Arbiter {
    /// In the table's descriptor; 0 is the primary index.
    index: usize,
    /// From an entry to the row's key.
    finder: Decoder,
}

/// Expressions read the row that is there and then the one that was to be inserted.
struct Update {
    /// Conditions of views, which must show the row that is there.
    views: Vec<(String, Evaluator)>,
    /// Their values stand behind the two rows, for the assignments.
    records: Vec<Evaluator>,
    assignments: Vec<(usize, Evaluator)>,
    filter: Option<Evaluator>,
    strength: Strength,
}

/// What is known of keys: what was seen, and under a lock, what is.
#[derive(Default)]
struct Known {
    seen: BTreeMap<Bytes, Option<Bytes>>,
    claims: Claims,
    /// Rows that are locked to be updated.
    rows: BTreeMap<Bytes, Option<Bytes>>,
}

impl Known {
    fn get(&self, key: &Bytes) -> Option<&Bytes> {
        self.claims.get(key).or_else(|| self.seen.get(key)).and_then(Option::as_ref)
    }
}

impl Conflict {
    pub fn new(plan: &OnConflict, target: &Target, builder: &mut Builder<'_>) -> SqlResult<Conflict> {
        let mut arbiters = Vec::with_capacity(plan.arbiters.len());
        for id in &plan.arbiters {
            let unknown = || Error::internal(format!("table {} has no index {}", target.table.name, id.0));
            let index = target.table.indexes.iter().position(|index| index.id() == *id).ok_or_else(unknown)?;
            let finder = target.layout.row_finder(target.layout.index(*id).ok_or_else(unknown)?);
            arbiters.push(Arbiter { index, finder });
        }
        let update = match &plan.action {
            ConflictAction::Nothing => None,
            ConflictAction::Update { existing, excluded, views, records, assignments, filter } => {
                let width = target.layout.width();
                let excluded = row_columns(excluded).map(|(id, position)| (id, width + position));
                let both: Vec<_> = row_columns(existing).chain(excluded).collect();
                let made = records.iter().zip(2 * width..).map(|((id, _), position)| (*id, position));
                let with_records = Columns::placed(both.iter().copied().chain(made));
                let columns = Columns::placed(both);
                let records = builder.exprs(records.iter().map(|(_, record)| record), &columns)?;
                let mut compiled = Vec::with_capacity(assignments.len());
                for (ordinal, expr) in assignments {
                    compiled.push((position(*ordinal), builder.expr(expr, &with_records)?));
                }
                let mut shown = Vec::with_capacity(views.len());
                for (view, condition) in views {
                    shown.push((view.clone(), builder.expr(condition, &columns)?));
                }
                let is_key = compiled.iter().any(|(position, _)| target.is_key_column(*position));
                Some(Update {
                    views: shown,
                    records,
                    assignments: compiled,
                    filter: filter.as_ref().map(|filter| builder.expr(filter, &columns)).transpose()?,
                    strength: if is_key { Strength::Update } else { Strength::NoKeyUpdate },
                })
            }
        };
        Ok(Conflict { arbiters, update })
    }

    /// What became of each row: none if it was left out.
    pub async fn insert(
        &self,
        target: &Target,
        proposed: Vec<Change>,
        exec: &mut Exec<'_>,
    ) -> Result<Vec<Option<Change>>> {
        let rows: Vec<Stored> = proposed.into_iter().filter_map(|change| change.new).collect();
        let mut known = self.look(target, &rows, exec).await?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            exec.check_cancel().await?;
            outcomes.push(self.insert_one(target, row, &mut known, exec).await?);
        }
        Ok(outcomes)
    }

    async fn look(&self, target: &Target, rows: &[Stored], exec: &mut Exec<'_>) -> Result<Known> {
        let mut known = Known::default();
        let keys: Vec<Bytes> = rows.iter().flat_map(|row| self.keys(row)).map(|(_, key)| key.clone()).collect();
        known.seen = keys.iter().cloned().zip(exec.txn.get_own(&keys).await?).collect();
        let (mut absent, mut present) = (Vec::new(), Vec::new());
        for row in rows {
            match self.in_the_way(row, &known)? {
                Some((_, key)) => present.push(key),
                None => absent.extend(unique_keys(target, row)),
            }
        }
        known.claims.take(absent, exec).await?;
        if self.update.is_some() {
            present.sort();
            present.dedup();
            self.lock(&present, &mut known, exec).await?;
        }
        Ok(known)
    }

    async fn lock(&self, keys: &[Bytes], known: &mut Known, exec: &mut Exec<'_>) -> Result<()> {
        let Some(update) = &self.update else { return Ok(()) };
        let locked = exec.lock(keys, update.strength, WaitPolicy::Wait).await?;
        known.rows.extend(locked.into_iter().map(|row| (row.key, row.value)));
        Ok(())
    }

    /// The keys of a row in the arbiters.
    fn keys<'a>(&'a self, row: &'a Stored) -> impl Iterator<Item = (&'a Arbiter, &'a Bytes)> {
        self.arbiters.iter().filter_map(|arbiter| {
            let key = match arbiter.index {
                0 => Some(&row.key),
                index => row.entries[index - 1].as_ref().filter(|entry| entry.is_unique).map(|entry| &entry.key),
            };
            Some((arbiter, key?))
        })
    }

    /// The arbiter's key, and the key of the row that has it.
    fn in_the_way(&self, row: &Stored, known: &Known) -> Result<Option<(Bytes, Bytes)>> {
        for (arbiter, key) in self.keys(row) {
            if let Some(value) = known.get(key) {
                let row_key = if arbiter.index == 0 { key.clone() } else { arbiter.finder.row_key(key, value)? };
                return Ok(Some((key.clone(), row_key)));
            }
        }
        Ok(None)
    }

    async fn insert_one(
        &self,
        target: &Target,
        row: Stored,
        known: &mut Known,
        exec: &mut Exec<'_>,
    ) -> Result<Option<Change>> {
        loop {
            let Some((arbiter_key, key)) = self.in_the_way(&row, known)? else {
                let keys = unique_keys(target, &row);
                if keys.iter().any(|key| known.claims.get(key).is_none()) {
                    known.claims.take(keys, exec).await?;
                    continue;
                }
                let change = Change::insert(row);
                target.apply(std::slice::from_ref(&change), &mut known.claims, exec).await?;
                return Ok(Some(change));
            };
            let is_repeatable = exec.txn.isolation() == Isolation::RepeatableRead;
            if is_repeatable && known.claims.is_unseen(&arbiter_key) && !exec.txn.has_written(&arbiter_key) {
                return Err(kv::Error::Retry(Retry::WriteConflict).into());
            }
            let Some(update) = &self.update else { return Ok(None) };
            if exec.txn.has_written(&key) {
                let message = "ON CONFLICT DO UPDATE command cannot affect row a second time";
                let hint = "Ensure that no rows proposed for insertion within the same command have duplicate \
                            constrained values.";
                return Err(Error::new(sqlstate::CARDINALITY_VIOLATION, message).hint(hint).into());
            }
            if !known.rows.contains_key(&key) {
                self.lock(std::slice::from_ref(&key), known, exec).await?;
            }
            let existing = match known.rows.get(&key) {
                Some(Some(value)) => Some(target.stored(target.decode(&key, value)?, exec).await?),
                _ => None,
            };
            let still = |existing: &Stored| self.keys(existing).any(|(_, key)| *key == arbiter_key);
            let Some(existing) = existing.filter(still) else {
                // It has gone, or become another one, since it was seen. Under a lock nothing of this can happen.
                if known.claims.get(&arbiter_key).is_some() {
                    let message = format!("an index of table \"{}\" has an entry without a row", target.table.name);
                    return Err(Error::new(sqlstate::DATA_CORRUPTED, message).into());
                }
                known.rows.remove(&key);
                known.claims.take([arbiter_key], exec).await?;
                continue;
            };
            return update.apply(target, existing, &row, known, exec).await;
        }
    }
}

impl Update {
    async fn apply(
        &self,
        target: &Target,
        existing: Stored,
        proposed: &Stored,
        known: &mut Known,
        exec: &mut Exec<'_>,
    ) -> Result<Option<Change>> {
        let mut both = [&existing.row[..], &proposed.row[..]].concat();
        for (view, condition) in &self.views {
            if !exec.test(condition, &both).await? {
                let message = format!("conflicting row is not visible through view \"{view}\"");
                return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).into());
            }
        }
        if let Some(filter) = &self.filter
            && !exec.test(filter, &both).await?
        {
            return Ok(None);
        }
        let mut records = Vec::with_capacity(self.records.len());
        for record in &self.records {
            records.push(exec.eval(record, &both).await?);
        }
        both.extend(records);
        let mut new: Vec<Datum> = existing.row.clone();
        for (position, assigned) in &self.assignments {
            new[*position] = exec.eval(assigned, &both).await?;
        }
        target.complete(&mut new, exec).await?;
        let change = Change::update(existing, target.stored(new, exec).await?);
        target.apply(std::slice::from_ref(&change), &mut known.claims, exec).await?;
        Ok(Some(change))
    }
}

/// Keys that must be the row's alone.
fn unique_keys(target: &Target, row: &Stored) -> Vec<Bytes> {
    let entries = row.entries.iter().flatten().filter(|entry| entry.is_unique).map(|entry| entry.key.clone());
    let primary = target.row_id.is_none().then(|| row.key.clone());
    primary.into_iter().chain(entries).collect()
}
