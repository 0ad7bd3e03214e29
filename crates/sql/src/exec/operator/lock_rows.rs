//! FOR UPDATE and its kin.
//!
//! Under READ COMMITTED a row may be another one by the time its lock is granted. Then the rest of the batch is locked as
//! well, so that the next run meets fewer of these, and the statement runs again.

use atoll_datum::{Datum, Error, Result as SqlResult, sqlstate};
use atoll_txn::lock::Strength;
use atoll_txn::request::WaitPolicy;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::Columns;
use crate::exec::{Builder, Exec, Failure, Result, Rows, State};
use crate::kv;
use crate::plan::{self, LockStrength, LockWait};

struct LockRows {
    input: BoxOperator,
    tables: Vec<Locked>,
    /// How many rows may still be asked for; no others are locked.
    left: usize,
    wanted: usize,
}

struct Locked {
    name: String,
    /// Where the row's key is.
    key: usize,
    strength: Strength,
    wait: WaitPolicy,
}

pub fn lock_rows(plan: &plan::LockRows, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let mut input = builder.plan(&plan.input)?;
    let columns = Columns::from(plan.input.columns());
    let mut tables = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        let unknown = || Error::internal(format!("there is no key to lock rows of {} by", table.table.name));
        tables.push(Locked {
            name: table.table.name.clone(),
            key: columns.position(table.key).ok_or_else(unknown)?,
            strength: match table.strength {
                LockStrength::KeyShare => Strength::KeyShare,
                LockStrength::Share => Strength::Share,
                LockStrength::NoKeyUpdate => Strength::NoKeyUpdate,
                LockStrength::Update => Strength::Update,
            },
            wait: match table.wait {
                LockWait::Block => WaitPolicy::Wait,
                LockWait::NoWait => WaitPolicy::NoWait,
                LockWait::SkipLocked => WaitPolicy::SkipLocked,
            },
        });
    }
    if let [table] = &tables[..]
        && table.wait == WaitPolicy::Wait
        && table.strength > Strength::KeyShare
    {
        input.lock_what_is_read(table.strength);
    }
    Ok(Box::new(LockRows { input, tables, left: usize::MAX, wanted: usize::MAX }))
}

enum Outcome {
    Locked,
    Skipped,
    Changed,
}

impl Locked {
    async fn lock(&self, row: &[Datum], exec: &mut Exec<'_>) -> Result<Outcome> {
        let key = match &row[self.key] {
            Datum::Bytea(key) => [Bytes::copy_from_slice(key)],
            // An outer join made this row: there is nothing to lock.
            _ => return Ok(Outcome::Locked),
        };
        if exec.txn.holds(&key[0], self.strength) {
            return Ok(Outcome::Locked);
        }
        let locked = exec.lock(&key, self.strength, self.wait).await.map_err(|error| match error {
            kv::Error::LockNotAvailable => {
                let message = format!("could not obtain lock on row in relation \"{}\"", self.name);
                Failure::Sql(Error::new(sqlstate::LOCK_NOT_AVAILABLE, message))
            }
            other => other.into(),
        })?;
        let read_ts = exec.txn.read_ts();
        Ok(match locked.first() {
            Some(row) if row.skipped => Outcome::Skipped,
            Some(row) if row.version > read_ts => Outcome::Changed,
            _ => Outcome::Locked,
        })
    }
}

impl LockRows {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        while self.left > 0 {
            let Some(mut rows) = self.input.next(exec).await? else { break };
            let mut keep = vec![false; rows.len()];
            let mut changed = false;
            for (row, keep) in rows.iter().zip(&mut keep) {
                if self.left == 0 {
                    break;
                }
                exec.check_cancel().await?;
                *keep = true;
                for table in &self.tables {
                    match table.lock(row, exec).await? {
                        Outcome::Locked => {}
                        Outcome::Changed => changed = true,
                        Outcome::Skipped => {
                            *keep = false;
                            break;
                        }
                    }
                }
                self.left -= usize::from(*keep);
            }
            if changed {
                return Err(Failure::Rerun);
            }
            rows.retain(&keep);
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

impl Operator for LockRows {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.left = self.wanted;
    }

    fn want(&mut self, rows: usize) {
        (self.left, self.wanted) = (rows, rows);
    }
}
