//! UPDATE: locks the rows that the source names, and writes what it says of them.

use atoll_datum::{Datum, Error, Result as SqlResult};
use atoll_txn::Isolation;
use atoll_txn::lock::Strength;
use atoll_txn::request::WaitPolicy;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::BATCH;
use super::returning::Returning;
use super::target::{Target, position};
use super::write::{Change, Claims};
use crate::exec::expr::Columns;
use crate::exec::{BoxOperator, Builder, Exec, Failure, Operator, Result, Rows, State};
use crate::plan::{self, ColumnId};

struct Update {
    sourced: Sourced,
    target: Target,
    /// Where a new value goes, and where it is in the source's rows.
    assignments: Vec<(usize, usize)>,
    returning: Option<Returning>,
    counts: bool,
    done: bool,
}

pub fn update(plan: &plan::Update, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let columns = Columns::from(plan.source.columns());
    let mut sourced = Sourced::new(&plan.source, plan.key, &plan.old, builder)?;
    let target = Target::new(&plan.table, &plan.rules, builder)?;
    // Whether a key changes is not known before the row is.
    if !plan.assignments.iter().any(|(ordinal, _)| target.is_key_column(position(*ordinal))) {
        sourced.lock_what_is_read(Strength::NoKeyUpdate);
    }
    let mut assignments = Vec::with_capacity(plan.assignments.len());
    for (ordinal, id) in &plan.assignments {
        assignments.push((position(*ordinal), place(&columns, *id)?));
    }
    let width = target.layout.width();
    let returning = Returning::new(plan.returning.as_ref(), &plan.rules, width, columns.ids(), builder)?;
    Ok(Box::new(Update { sourced, target, assignments, returning, counts: builder.is_main, done: false }))
}

impl Update {
    async fn run(&mut self, exec: &mut Exec<'_>) -> Result<Rows> {
        let named = self.sourced.gather(exec).await?;
        let target = &self.target;
        let mut strengths = Vec::with_capacity(named.len());
        for (_, at) in &named {
            let row = self.sourced.rows.row(*at);
            let old = self.sourced.old_row(row, target);
            let changes = |(to, from): &(usize, usize)| target.is_key_column(*to) && old[*to] != row[*from];
            let changes_key = self.assignments.iter().any(changes);
            strengths.push(if changes_key { Strength::Update } else { Strength::NoKeyUpdate });
        }
        lock(&named, |at| strengths[at], exec).await?;
        // From here on in the order of the source, which is that of RETURNING.
        let mut order: Vec<usize> = named.into_iter().map(|(_, at)| at).collect();
        order.sort_unstable();
        let mut changes = Vec::with_capacity(order.len());
        for at in &order {
            let row = self.sourced.rows.row(*at);
            let old = self.sourced.old_row(row, target);
            let mut new = old.clone();
            for (to, from) in &self.assignments {
                new[*to] = row[*from].clone();
            }
            target.complete(&mut new, exec).await?;
            let (old, new) = (target.stored(old, exec).await?, target.stored(new, exec).await?);
            exec.state.memory.grow(&mut self.sourced.account, new.row.iter().map(Datum::bytes).sum())?;
            changes.push(Change::update(old, new));
        }
        target.apply(&changes, &mut Claims::default(), exec).await?;
        if target.has_views() {
            for new in changes.iter().filter_map(|change| change.new.as_ref()) {
                target.check_views(&new.row, exec).await?;
            }
        }
        exec.state.changed += if self.counts { changes.len() as u64 } else { 0 };
        let mut returned = Rows::new(Returning::width(&self.returning));
        if let Some(returning) = &self.returning {
            for (change, at) in changes.iter().zip(&order) {
                let Some(new) = &change.new else { continue };
                returning.push(&new.row, self.sourced.rows.row(*at), &mut returned, exec).await?;
            }
        }
        self.sourced.forget(&mut exec.state);
        Ok(returned)
    }
}

impl Operator for Update {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        async move {
            if std::mem::replace(&mut self.done, true) {
                return Ok(None);
            }
            self.run(exec).await.map(Some)
        }
        .boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.sourced.rewind(state);
        self.done = false;
    }
}

/// The rows that an UPDATE or DELETE is to change, as its source gives them.
pub(super) struct Sourced {
    source: BoxOperator,
    key: usize,
    /// Where in a whole row, and where in the source's.
    old: Vec<(usize, usize)>,
    pub rows: Rows,
    pub account: usize,
}

impl Sourced {
    pub fn new(
        source: &plan::Plan,
        key: ColumnId,
        old: &[(ColumnId, crate::catalog::ColumnOrdinal)],
        builder: &mut Builder<'_>,
    ) -> SqlResult<Sourced> {
        let columns = Columns::from(source.columns());
        let mut places = Vec::with_capacity(old.len());
        for (id, ordinal) in old {
            places.push((position(*ordinal), place(&columns, *id)?));
        }
        let rows = Rows::new(columns.len());
        Ok(Sourced { source: builder.plan(source)?, key: place(&columns, key)?, old: places, rows, account: 0 })
    }

    pub fn lock_what_is_read(&mut self, strength: Strength) {
        self.source.lock_what_is_read(strength);
    }

    /// Keys of rows, ascending, each with the place of the first of the source's rows that names it. What the statement
    /// has already changed, in a WITH, is changed only once.
    pub async fn gather(&mut self, exec: &mut Exec<'_>) -> Result<Vec<(Bytes, usize)>> {
        while let Some(rows) = self.source.next(exec).await? {
            exec.check_cancel().await?;
            exec.state.memory.grow(&mut self.account, rows.bytes())?;
            self.rows.append(rows);
        }
        let mut named = Vec::with_capacity(self.rows.len());
        for (at, row) in self.rows.iter().enumerate() {
            if let Datum::Bytea(key) = &row[self.key]
                && !exec.txn.has_written(key)
            {
                named.push((Bytes::copy_from_slice(key), at));
            }
        }
        named.sort();
        named.dedup_by(|(later, _), (first, _)| later == first);
        Ok(named)
    }

    pub fn old_row(&self, row: &[Datum], target: &Target) -> Vec<Datum> {
        let mut old = target.blank();
        for (to, from) in &self.old {
            old[*to] = row[*from].clone();
        }
        old
    }

    pub fn forget(&mut self, state: &mut State) {
        self.rows.clear();
        state.memory.release(&mut self.account);
    }

    pub fn rewind(&mut self, state: &mut State) {
        self.forget(state);
        self.source.rewind(state);
    }
}

fn place(columns: &Columns, id: ColumnId) -> SqlResult<usize> {
    columns.position(id).ok_or_else(|| Error::internal("the source of a change lacks a column"))
}

/// Locks rows that the statement has read. Under READ COMMITTED one of them may be another one by then: the statement
/// has to run again, and the others are locked nevertheless, so that the next run meets fewer of these.
pub(super) async fn lock(
    named: &[(Bytes, usize)],
    strength: impl Fn(usize) -> Strength,
    exec: &mut Exec<'_>,
) -> Result<()> {
    let keys = named.iter().map(|(key, _)| key).enumerate();
    let numbered: Vec<(usize, &Bytes)> = keys.filter(|(at, key)| !exec.txn.holds(key, strength(*at))).collect();
    let mut changed = false;
    for some in numbered.chunk_by(|(a, _), (b, _)| strength(*a) == strength(*b)).flat_map(|same| same.chunks(BATCH)) {
        exec.check_cancel().await?;
        let keys: Vec<Bytes> = some.iter().map(|(_, key)| (*key).clone()).collect();
        let locked = exec.lock(&keys, strength(some[0].0), WaitPolicy::Wait).await?;
        let read_ts = exec.txn.read_ts();
        changed |= locked.iter().any(|row| row.version > read_ts);
    }
    if changed && exec.txn.isolation() == Isolation::ReadCommitted {
        return Err(Failure::Rerun);
    }
    Ok(())
}
