//! UNION, INTERSECT and EXCEPT, with and without ALL. NULLs are equal.

use atoll_datum::Result as SqlResult;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::keyed::{Keyed, Sense};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, SetOperator};

struct SetOperation {
    operator: SetOperator,
    all: bool,
    left: BoxOperator,
    right: BoxOperator,
    seen: Keyed,
    /// Of each row in `seen`: how many of the right side are left to be matched (ALL), or whether it was put out.
    counts: Vec<Count>,
    phase: Phase,
    account: usize,
}

#[derive(Clone, Copy, Default)]
struct Count {
    right: u64,
    is_out: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Left,
    Right,
}

pub fn set_operation(plan: &plan::SetOperation, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let (left, right) = (builder.plan(&plan.left)?, builder.plan(&plan.right)?);
    let senses: Vec<Sense> = plan.columns.iter().map(|(_, ty)| Sense::of(ty.oid)).collect();
    let (seen, counts, phase) = (Keyed::new(senses), Vec::new(), Phase::Start);
    let (operator, all) = (plan.operator, plan.all);
    Ok(Box::new(SetOperation { operator, all, left, right, seen, counts, phase, account: 0 }))
}

impl SetOperation {
    fn number(&mut self, row: &[atoll_datum::Datum], exec: &mut Exec<'_>) -> Result<usize> {
        let (number, is_new) = self.seen.insert(row);
        if is_new {
            exec.state.grow(&mut self.account, Keyed::bytes_of(row))?;
            self.counts.push(Count::default());
        }
        Ok(number)
    }

    /// Whether this row of the left side (of UNION: of either) is put out.
    fn takes(&mut self, row: &[atoll_datum::Datum], exec: &mut Exec<'_>) -> Result<bool> {
        Ok(match (self.operator, self.all) {
            (SetOperator::Union, true) => true,
            (SetOperator::Intersect, true) => match self.seen.find(row) {
                Some(number) if self.counts[number].right > 0 => {
                    self.counts[number].right -= 1;
                    true
                }
                _ => false,
            },
            (SetOperator::Intersect, false) => match self.seen.find(row) {
                Some(number) => !std::mem::replace(&mut self.counts[number].is_out, true),
                None => false,
            },
            (SetOperator::Except, true) => match self.seen.find(row) {
                Some(number) if self.counts[number].right > 0 => {
                    self.counts[number].right -= 1;
                    false
                }
                _ => true,
            },
            (SetOperator::Union | SetOperator::Except, false) => {
                let number = self.number(row, exec)?;
                let count = &mut self.counts[number];
                count.right == 0 && !std::mem::replace(&mut count.is_out, true)
            }
        })
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.phase == Phase::Start {
            if self.operator != SetOperator::Union {
                while let Some(rows) = self.right.next(exec).await? {
                    exec.check_cancel().await?;
                    for row in rows.iter() {
                        let number = self.number(row, exec)?;
                        self.counts[number].right += 1;
                    }
                }
            }
            self.phase = Phase::Left;
        }
        loop {
            exec.check_cancel().await?;
            let input = if self.phase == Phase::Left { &mut self.left } else { &mut self.right };
            let Some(mut rows) = input.next(exec).await? else {
                if self.phase == Phase::Right || self.operator != SetOperator::Union {
                    return Ok(None);
                }
                self.phase = Phase::Right;
                continue;
            };
            let mut keep = Vec::with_capacity(rows.len());
            for row in rows.iter() {
                keep.push(self.takes(row, exec)?);
            }
            rows.retain(&keep);
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
    }
}

impl Operator for SetOperation {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.left.rewind(state);
        self.right.rewind(state);
        self.seen.clear();
        self.counts.clear();
        self.phase = Phase::Start;
        state.memory.release(&mut self.account);
    }

    fn want(&mut self, rows: usize) {
        if self.operator == SetOperator::Union && self.all {
            self.left.want(rows);
            self.right.want(rows);
        }
    }
}
