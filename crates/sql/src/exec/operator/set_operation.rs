//! UNION, INTERSECT and EXCEPT, with and without ALL. NULLs are equal.
//!
//! The right side is counted, then rows of the left side pass or don't; UNION has two left sides and no right one. Where
//! memory is short both sides are parted by hash and gone through pair by pair; rows of the left side that nobody has
//! seen are parted alone.

use std::sync::Arc;

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::integer;
use crate::exec::keyed::{Keyed, Sense};
use crate::exec::spill::merge::{self, Merge};
use crate::exec::spill::partitions::{Level, Partitions};
use crate::exec::spill::{Reader, Run, Temporary, Writer};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, SetOperator};

struct SetOperation {
    operator: SetOperator,
    all: bool,
    width: usize,
    left: BoxOperator,
    right: BoxOperator,
    seen: Keyed,
    /// Of each row in `seen`: how many of the right side are left to be matched (ALL), or whether it was put out.
    counts: Vec<Count>,
    phase: Phase,
    account: usize,
    /// How many rows of the left side have come.
    number: i64,
    parted: Option<Box<Parted>>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    right: i64,
    is_out: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Left,
    /// Of UNION, which goes on there.
    Right,
    End,
}

/// On disk a row of the left side is followed by its number, one of the right side by how many there are.
struct Parted {
    file: Arc<Temporary>,
    pairs: Vec<Pair>,
    /// The pair that is being gone through.
    current: Option<Pair>,
    /// Rows of the left side that are neither seen nor can be remembered.
    unseen: Option<(Partitions, Level)>,
    merge: Option<Merge>,
}

struct Pair {
    left: Reader,
    right: Option<Reader>,
    level: Level,
}

pub fn set_operation(plan: &plan::SetOperation, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let (left, right) = (builder.plan(&plan.left)?, builder.plan(&plan.right)?);
    let senses: Vec<Sense> = plan.columns.iter().map(|(_, ty)| Sense::of(ty.oid)).collect();
    let (operator, all, width) = (plan.operator, plan.all, senses.len());
    Ok(Box::new(SetOperation {
        operator,
        all,
        width,
        left,
        right,
        seen: Keyed::new(senses),
        counts: Vec::new(),
        phase: Phase::Start,
        account: 0,
        number: 0,
        parted: None,
    }))
}

impl SetOperation {
    fn pair(&mut self) -> Option<&mut Pair> {
        self.parted.as_mut()?.current.as_mut()
    }

    /// Where rows go that there is no memory for; none if parting them once more would be of no use.
    fn level(&mut self) -> Option<Level> {
        self.pair().map_or(Some(Level::default()), |pair| pair.level.next())
    }

    async fn parted(&mut self, exec: &mut Exec<'_>) -> Result<&mut Parted> {
        if self.parted.is_none() {
            let (file, pairs) = (exec.temporary().await?, Vec::new());
            self.parted = Some(Box::new(Parted { file, pairs, current: None, unseen: None, merge: None }));
        }
        self.parted.as_deref_mut().ok_or_else(|| atoll_datum::Error::internal("nothing is parted").into())
    }

    async fn next_left(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        if let Some(pair) = self.pair() {
            return pair.left.next().await;
        }
        if self.phase == Phase::Left {
            if let Some(rows) = self.left.next(exec).await? {
                return Ok(Some(rows));
            }
            if self.operator != SetOperator::Union {
                return Ok(None);
            }
            self.phase = Phase::Right;
        }
        self.right.next(exec).await
    }

    async fn next_right(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        match self.parted.as_mut().and_then(|parted| parted.current.as_mut()) {
            Some(Pair { right: Some(right), .. }) => right.next().await,
            Some(Pair { right: None, .. }) => Ok(None),
            None if self.operator == SetOperator::Union => Ok(None),
            None => self.right.next(exec).await,
        }
    }

    /// Counts the right side. False if there is no memory for it: then both sides are parted.
    async fn build(&mut self, exec: &mut Exec<'_>) -> Result<bool> {
        let again = self.level();
        while let Some(rows) = self.next_right(exec).await? {
            let mut bytes = 0;
            for row in rows.iter() {
                let (row, count) = row.split_at(self.width);
                let (number, is_new) = self.seen.insert(row);
                if is_new {
                    bytes += Keyed::bytes_of(row) + size_of::<Count>();
                    self.counts.push(Count::default());
                }
                self.counts[number].right += count.first().map_or(1, number_of);
            }
            match again {
                None => exec.state.grow(&mut self.account, bytes)?,
                Some(level) => {
                    if !exec.state.try_grow(&mut self.account, bytes)? {
                        self.part(level, exec).await?;
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Lays both sides aside, the right one as far as it is not yet counted.
    async fn part(&mut self, level: Level, exec: &mut Exec<'_>) -> Result<()> {
        let file = self.parted(exec).await?.file.clone();
        let mut parts = Partitions::new(&file, self.width + 1, level);
        for number in 0..self.seen.len() {
            let (row, count) = (self.seen.key(number), Datum::Int8(self.counts[number].right));
            parts.push(self.seen.hash(row), row.iter().chain([&count])).await?;
        }
        self.forget(exec);
        while let Some(rows) = self.next_right(exec).await? {
            for row in rows.iter() {
                let (row, count) = row.split_at(self.width);
                let count = Datum::Int8(count.first().map_or(1, number_of));
                parts.push(self.seen.hash(row), row.iter().chain([&count])).await?;
            }
        }
        let rights = parts.finish().await?;
        let mut parts = Partitions::new(&file, self.width + 1, level);
        while let Some(rows) = self.next_left(exec).await? {
            for row in rows.iter() {
                let (row, number) = row.split_at(self.width);
                self.number += 1;
                let number = Datum::Int8(number.first().map_or(self.number, number_of));
                parts.push(self.seen.hash(row), row.iter().chain([&number])).await?;
            }
        }
        let lefts = parts.finish().await?;
        let total: u64 = rights.iter().map(Run::rows).sum();
        let pairs = lefts.into_iter().zip(rights).filter(|(left, _)| !left.is_empty()).map(|(left, right)| {
            let level = if right.rows() == total { Level::LAST } else { level };
            Pair { left: left.read(), right: Some(right.read()), level }
        });
        self.parted(exec).await?.pairs.extend(pairs);
        Ok(())
    }

    fn forget(&mut self, exec: &mut Exec<'_>) {
        self.seen.clear();
        self.counts.clear();
        exec.state.memory.release(&mut self.account);
    }

    /// Whether this row of the left side is put out.
    async fn takes(&mut self, row: &[Datum], number: i64, exec: &mut Exec<'_>) -> Result<bool> {
        if self.all && self.operator == SetOperator::Union {
            return Ok(true);
        }
        if !self.all && self.operator != SetOperator::Intersect {
            return self.takes_once(row, number, exec).await;
        }
        let count = self.seen.find(row).map(|known| &mut self.counts[known]);
        Ok(match (self.operator, count) {
            (SetOperator::Intersect, Some(count)) if !self.all => !std::mem::replace(&mut count.is_out, true),
            (_, Some(count)) if count.right > 0 => {
                count.right -= 1;
                self.operator == SetOperator::Intersect
            }
            _ => self.operator != SetOperator::Intersect,
        })
    }

    /// A row that the right side has not is put out when it comes first, if it can be remembered that it was.
    async fn takes_once(&mut self, row: &[Datum], number: i64, exec: &mut Exec<'_>) -> Result<bool> {
        let (known, is_new) = match self.parted.as_mut().and_then(|parted| parted.unseen.as_mut()) {
            None => self.seen.insert(row),
            Some((unseen, _)) => match self.seen.find(row) {
                Some(known) => (known, false),
                None => {
                    unseen.push(self.seen.hash(row), row.iter().chain([&Datum::Int8(number)])).await?;
                    return Ok(false);
                }
            },
        };
        if !is_new {
            let count = &mut self.counts[known];
            return Ok(count.right == 0 && !std::mem::replace(&mut count.is_out, true));
        }
        self.counts.push(Count { right: 0, is_out: true });
        let bytes = Keyed::bytes_of(row) + size_of::<Count>();
        match self.level() {
            None => exec.state.grow(&mut self.account, bytes)?,
            Some(level) => {
                if !exec.state.try_grow(&mut self.account, bytes)? {
                    let width = self.width + 1;
                    let parted = self.parted(exec).await?;
                    parted.unseen = Some((Partitions::new(&parted.file, width, level), level));
                }
            }
        }
        Ok(true)
    }

    /// The next rows that are put out, while there are rows of the left side.
    async fn pass(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        while let Some(mut rows) = self.next_left(exec).await? {
            let mut keep = Vec::with_capacity(rows.len());
            for row in rows.iter() {
                let (row, number) = row.split_at(self.width);
                self.number += 1;
                let number = number.first().map_or(self.number, number_of);
                keep.push(self.takes(row, number, exec).await?);
            }
            rows.retain(&keep);
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
        let Some(parted) = &mut self.parted else { return Ok(None) };
        if let Some((unseen, level)) = parted.unseen.take() {
            let runs = unseen.finish().await?;
            let total: u64 = runs.iter().map(Run::rows).sum();
            for run in runs.into_iter().filter(|run| !run.is_empty()) {
                let level = if run.rows() == total { Level::LAST } else { level };
                parted.pairs.push(Pair { left: run.read(), right: None, level });
            }
        }
        Ok(None)
    }

    /// Goes through the pairs; what they give comes back in the order of the left side.
    async fn join_parts(&mut self, exec: &mut Exec<'_>) -> Result<()> {
        let (mut output, width) = (Vec::new(), self.width + 1);
        while let Some(parted) = &mut self.parted {
            parted.current = parted.pairs.pop();
            let file = parted.file.clone();
            if parted.current.is_none() {
                parted.merge = Some(Merge::new(output, width, merge::by_number(), &file, exec).await?);
                break;
            }
            self.forget(exec);
            if !self.build(exec).await? {
                continue;
            }
            let mut writer = Writer::new(&file, width);
            while let Some(rows) = self.pass(exec).await? {
                for row in rows.iter() {
                    if writer.push(row) {
                        writer.flush().await?;
                    }
                }
            }
            output.push(writer.finish().await?);
        }
        self.forget(exec);
        Ok(())
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.phase == Phase::Start {
            self.phase = Phase::Left;
            if !self.build(exec).await? {
                self.phase = Phase::End;
            }
        }
        if self.phase != Phase::End {
            if let Some(rows) = self.pass(exec).await? {
                return Ok(Some(rows));
            }
            self.phase = Phase::End;
        }
        if self.parted.as_ref().is_some_and(|parted| parted.merge.is_none()) {
            self.join_parts(exec).await?;
        }
        let Some(merge) = self.parted.as_mut().and_then(|parted| parted.merge.as_mut()) else { return Ok(None) };
        Ok(merge.next(exec).await?.map(|rows| rows.narrowed(self.width)))
    }
}

/// What rows that lie on disk are followed by.
fn number_of(value: &Datum) -> i64 {
    integer(value).unwrap_or_default()
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
        (self.number, self.parted) = (0, None);
        state.memory.release(&mut self.account);
    }

    fn want(&mut self, rows: usize) {
        if self.operator == SetOperator::Union && self.all {
            self.left.want(rows);
            self.right.want(rows);
        }
    }
}
