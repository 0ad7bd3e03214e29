//! Joins by trying every pair. The right side is kept in memory.
//!
//! The condition is compiled over the right side's columns and reads those of the left from slots, so that no pair has
//! to be put together before it is known to match.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::{Datum, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::rows::BATCH;
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, JoinKind};
use crate::vector::sieve::Sieve;

/// How many pairs of rows are tested between two looks at whether the statement is to go on.
const PAIRS_PER_CHECK: usize = 4096;

struct NestedLoop {
    kind: JoinKind,
    left: BoxOperator,
    right: BoxOperator,
    left_width: usize,
    right_width: usize,
    on: Option<Evaluator>,
    /// Columns of the left side to slots.
    links: Vec<(usize, usize)>,
    /// The right side's rows stay when this is rewound.
    right_fixed: bool,
    inner: Option<Inner>,
    outer: Option<Outer>,
    account: usize,
}

/// The right side, and which of its rows have found a match (Right, Full).
struct Inner {
    rows: Rows,
    matched: Vec<bool>,
    /// How many rows were looked at for one without a match, once the left side is at its end.
    swept: Option<usize>,
}

/// A batch of the left side, and how far the work on it is.
struct Outer {
    rows: Rows,
    row: usize,
    /// The next row of the right side.
    inner: usize,
    matched: bool,
}

/// Where a column of the left side stands, and where the condition wants it.
type Places = Vec<(usize, usize)>;

/// The condition of a join, and how it reads the left side.
pub(super) fn condition(
    on: &[plan::Expr],
    left: &Columns,
    right: &Columns,
    builder: &mut Builder<'_>,
) -> SqlResult<(Option<Evaluator>, Places)> {
    let condition = builder.conditions(on, right)?;
    let mut read = BTreeSet::new();
    on.iter().for_each(|expr| expr.columns(&mut read));
    Ok((condition, builder.links(read, left)))
}

pub fn nested_loop(plan: &plan::Join, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let (left, right) = (builder.plan(&plan.left)?, builder.plan(&plan.right)?);
    let (left_columns, right_columns) = (Columns::from(plan.left.columns()), Columns::from(plan.right.columns()));
    let (on, links) = condition(&plan.on, &left_columns, &right_columns, builder)?;
    let right_fixed = builder.is_fixed(&plan.right);
    builder.is_repeatable &= !right_fixed;
    Ok(Box::new(NestedLoop {
        kind: plan.kind,
        left,
        right,
        left_width: left_columns.len(),
        right_width: right_columns.len(),
        on,
        links,
        right_fixed,
        inner: None,
        outer: None,
        account: 0,
    }))
}

impl NestedLoop {
    fn width(&self) -> usize {
        match self.kind {
            JoinKind::Semi | JoinKind::Anti => self.left_width,
            _ => self.left_width + self.right_width,
        }
    }

    async fn read_right(&mut self, exec: &mut Exec<'_>) -> Result<Inner> {
        let mut all = Rows::new(self.right_width);
        while let Some(rows) = self.right.next(exec).await? {
            exec.check_cancel().await?;
            exec.state.grow(&mut self.account, rows.bytes())?;
            all.append(rows);
        }
        let matched = match self.kind {
            JoinKind::Right | JoinKind::Full => vec![false; all.len()],
            _ => Vec::new(),
        };
        Ok(Inner { rows: all, matched, swept: None })
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.inner.is_none() {
            self.inner = Some(self.read_right(exec).await?);
        }
        let mut out = Rows::new(self.width());
        while !out.is_full() {
            exec.check_cancel().await?;
            let Some(inner) = &mut self.inner else { break };
            if let Some(swept) = &mut inner.swept {
                let from = *swept;
                *swept = inner.matched.len().min(from + BATCH);
                let nothing = vec![Datum::Null; self.left_width];
                for at in (from..*swept).filter(|at| !inner.matched[*at]) {
                    out.push_joined(&nothing, inner.rows.row(at));
                }
                if *swept == inner.matched.len() {
                    break;
                }
                continue;
            }
            let Some(outer) = &mut self.outer else {
                match self.left.next(exec).await? {
                    Some(rows) => self.outer = Some(Outer { rows, row: 0, inner: 0, matched: false }),
                    None => inner.swept = Some(0),
                }
                continue;
            };
            if outer.row == outer.rows.len() {
                self.outer = None;
                continue;
            }
            let left = outer.rows.row(outer.row);
            exec.state.fill(&self.links, left);
            let mut is_through = true;
            while let Some(at) = next_match(self.on.as_ref(), &inner.rows, outer.inner, exec).await? {
                outer.inner = at + 1;
                outer.matched = true;
                match self.kind {
                    JoinKind::Semi | JoinKind::Anti => break,
                    _ => out.push_joined(left, inner.rows.row(at)),
                }
                if let Some(matched) = inner.matched.get_mut(at) {
                    *matched = true;
                }
                if out.is_full() {
                    is_through = false;
                    break;
                }
            }
            if !is_through {
                continue;
            }
            match self.kind {
                JoinKind::Left | JoinKind::Full if !outer.matched => {
                    out.push_joined(left, &vec![Datum::Null; self.right_width]);
                }
                JoinKind::Semi if outer.matched => out.push(left),
                JoinKind::Anti if !outer.matched => out.push(left),
                _ => {}
            }
            outer.row += 1;
            (outer.inner, outer.matched) = (0, false);
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

/// The first row from `from` on for which the condition is true.
async fn next_match(on: Option<&Evaluator>, rows: &Rows, from: usize, exec: &mut Exec<'_>) -> Result<Option<usize>> {
    let Some(on) = on else { return Ok((from < rows.len()).then_some(from)) };
    let places = from..rows.len();
    if !on.waits() {
        for some in places.step_by(PAIRS_PER_CHECK).map(|first| first..rows.len().min(first + PAIRS_PER_CHECK)) {
            exec.check_cancel().await?;
            let context = exec.context();
            for at in some {
                if on.test(rows.row(at), &context)? {
                    return Ok(Some(at));
                }
            }
        }
        return Ok(None);
    }
    for at in places {
        if exec.test(on, rows.row(at)).await? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

impl Operator for NestedLoop {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.left.rewind(state);
        self.outer = None;
        match &mut self.inner {
            Some(inner) if self.right_fixed => {
                inner.matched.fill(false);
                inner.swept = None;
            }
            _ => {
                self.inner = None;
                self.right.rewind(state);
                state.memory.release(&mut self.account);
            }
        }
    }

    fn narrows(&self, column: usize) -> bool {
        self.kind.may_lose_left() && column < self.left_width && self.left.narrows(column)
    }

    fn narrow(&mut self, column: usize, numbers: Arc<Sieve>) {
        self.left.narrow(column, numbers);
    }
}
