//! An aggregate right above a scan: columns become groups and sums a vector at a time, and never rows.
//!
//! Only what [`vector`](crate::vector) has a form for; everything else is an [`aggregate`](mod@super::aggregate) over rows.
//! So are more groups than there is memory for: then all is read again.

use std::time::Duration;

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::aggregate::aggregate_rows;
use super::scan::Scan;
use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::state::Counters;
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, Plan};
use crate::vector::groups::{Groups, can_group};
use crate::vector::sums::Sums;
use crate::vector::{Kind, Vector};

struct ScanAggregate {
    scan: Scan,
    /// Positions of the scan's columns, and their kinds; none without GROUP BY.
    keys: Vec<usize>,
    kinds: Vec<Kind>,
    calls: Vec<Sums>,
    constants: Vec<Evaluator>,
    groups: Groups,
    /// The next group to put out, once all is read.
    output: Option<usize>,
    /// The same by rows, which can lay groups aside; none if there is but one group.
    by_rows: Option<BoxOperator>,
    is_by_rows: bool,
    /// Where EXPLAIN ANALYZE counts the scan.
    counted: Option<usize>,
    account: usize,
}

/// None if it has to be done row by row.
pub fn scan_aggregate(plan: &plan::Aggregate, builder: &mut Builder<'_>) -> SqlResult<Option<BoxOperator>> {
    let Plan::Scan(input) = &plan.input else { return Ok(None) };
    let is_plain =
        plan.groupings.is_empty() && matches!(&plan.sets[..], [set] if set.iter().copied().eq(0..plan.keys.len()));
    if !is_plain {
        return Ok(None);
    }
    let columns = Columns::from(plan.input.columns());
    let position = |(_, expr): &(plan::ColumnId, plan::Expr)| columns.position(expr.as_column()?);
    let Some(keys) = plan.keys.iter().map(position).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let (mut calls, mut constants) = (Vec::with_capacity(plan.calls.len()), Vec::new());
    for (_, call) in &plan.calls {
        match Sums::compile(call, &columns, &mut constants, builder)? {
            Some(sums) => calls.push(sums),
            None => return Ok(None),
        }
    }
    let mut scan = Scan::new(input, builder)?;
    scan.read_vectors(input, builder)?;
    let Some(kinds) = scan.vector_kinds() else { return Ok(None) };
    if !keys.iter().all(|key| can_group(kinds[*key])) {
        return Ok(None);
    }
    let by_rows = if keys.is_empty() { None } else { Some(aggregate_rows(plan, builder)?) };
    Ok(Some(Box::new(ScanAggregate {
        scan,
        kinds: keys.iter().map(|key| kinds[*key]).collect(),
        keys,
        calls,
        constants,
        groups: Groups::default(),
        output: None,
        by_rows,
        is_by_rows: false,
        counted: builder.analyze.then(|| Counters::key(&plan.input)),
        account: 0,
    })))
}

impl ScanAggregate {
    async fn read(&mut self, exec: &mut Exec<'_>) -> Result<()> {
        let mut constants = Vec::with_capacity(self.constants.len());
        exec.eval_into(&self.constants, &[], &mut constants).await?;
        let clock = exec.scope.node.env.clock.clone();
        let mut numbers = Vec::new();
        loop {
            let began = clock.mono();
            let Some(entries) = self.scan.entries(exec).await? else { break };
            if entries.is_empty() {
                continue;
            }
            self.scan.know_constants(exec).await?;
            let (columns, len) = self.scan.columns(&entries)?;
            self.count(len, clock.mono() - began, exec);
            if !self.take(&columns, len, &constants, &mut numbers, exec)? {
                self.clear(&mut exec.state);
                self.is_by_rows = true;
                return Ok(());
            }
        }
        if self.keys.is_empty() {
            self.grow(1, exec)?;
        }
        Ok(())
    }

    fn clear(&mut self, state: &mut State) {
        self.scan.restart();
        self.groups.clear();
        self.calls.iter_mut().for_each(Sums::clear);
        state.memory.release(&mut self.account);
    }

    /// False if there is no memory for the groups.
    fn take(
        &mut self,
        columns: &[Vector<'_>],
        len: usize,
        constants: &[Datum],
        numbers: &mut Vec<u32>,
        exec: &mut Exec<'_>,
    ) -> Result<bool> {
        let fits = if self.keys.is_empty() {
            numbers.clear();
            numbers.resize(len, 0);
            self.grow(1, exec)?
        } else {
            let keys: Vec<&Vector<'_>> = self.keys.iter().map(|key| &columns[*key]).collect();
            self.groups.find(&keys, len, numbers)?;
            self.grow(self.groups.len(), exec)?
        };
        if fits {
            for call in &mut self.calls {
                call.step(columns, constants, numbers, &exec.scope.settings)?;
            }
        }
        Ok(fits)
    }

    /// States for so many groups; false if there is no memory for them.
    fn grow(&mut self, groups: usize, exec: &mut Exec<'_>) -> Result<bool> {
        let states: usize = self.calls.iter().map(Sums::state_bytes).sum();
        let bytes = self.groups.bytes() + groups * states;
        let more = bytes.saturating_sub(self.account);
        if self.by_rows.is_none() {
            exec.state.grow(&mut self.account, more)?;
        } else if !exec.state.try_grow(&mut self.account, more)? {
            return Ok(false);
        }
        for call in &mut self.calls {
            call.grow(groups, &exec.scope.settings);
        }
        Ok(true)
    }

    /// The scan has no operator of its own that EXPLAIN ANALYZE could ask.
    fn count(&mut self, rows: usize, took: Duration, exec: &mut Exec<'_>) {
        if let (Some(key), Some(counters)) = (self.counted, &mut exec.state.counters) {
            let counter = counters.entry(key);
            counter.rows += rows as u64;
            counter.loops = counter.loops.max(1);
            counter.total += took;
            counter.removed = self.scan.removed();
        }
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        let mut group = match self.output {
            Some(group) => group,
            None => {
                self.read(exec).await?;
                0
            }
        };
        self.output = Some(group);
        if let Some(by_rows) = self.by_rows.as_mut().filter(|_| self.is_by_rows) {
            return by_rows.next(exec).await;
        }
        let groups = if self.keys.is_empty() { 1 } else { self.groups.len() };
        let mut rows = Rows::new(self.keys.len() + self.calls.len());
        while group < groups && !rows.is_full() {
            if !self.keys.is_empty() {
                self.groups.push_key(group, &self.kinds, rows.open_row())?;
            }
            for call in &self.calls {
                rows.open_row().push(call.finish(group, &exec.scope.settings)?);
            }
            rows.end_row();
            group += 1;
        }
        self.output = Some(group);
        Ok((!rows.is_empty()).then_some(rows))
    }
}

impl Operator for ScanAggregate {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.clear(state);
        if let Some(by_rows) = self.by_rows.as_mut().filter(|_| self.is_by_rows) {
            by_rows.rewind(state);
        }
        (self.output, self.is_by_rows) = (None, false);
    }
}
