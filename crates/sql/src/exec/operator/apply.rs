//! The right side anew for each row of the left: LATERAL, and correlated subqueries that were made joins.

use std::sync::Arc;

use atoll_datum::{Datum, Error, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::nested_loop::condition;
use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, JoinKind};
use crate::vector::sieve::Sieve;

struct Apply {
    kind: JoinKind,
    left: BoxOperator,
    right: BoxOperator,
    left_width: usize,
    right_width: usize,
    on: Option<Evaluator>,
    /// Columns of the left side that the right side or the condition reads, to their slots.
    links: Vec<(usize, usize)>,
    outer: Option<Outer>,
}

struct Outer {
    rows: Rows,
    row: usize,
    /// The right side is running for this row.
    open: bool,
    matched: bool,
}

pub fn apply(plan: &plan::Apply, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    if matches!(plan.kind, JoinKind::Right | JoinKind::Full) {
        return Err(Error::internal("the right side of an Apply can't stand alone"));
    }
    let (left, right) = (builder.plan(&plan.left)?, builder.plan(&plan.right)?);
    let (left_columns, right_columns) = (Columns::from(plan.left.columns()), Columns::from(plan.right.columns()));
    let (on, mut links) = condition(&plan.on, &left_columns, &right_columns, builder)?;
    links.extend(builder.links(plan.right.outer_columns(), &left_columns));
    links.sort_unstable();
    links.dedup();
    let (left_width, right_width) = (left_columns.len(), right_columns.len());
    Ok(Box::new(Apply { kind: plan.kind, left, right, left_width, right_width, on, links, outer: None }))
}

impl Apply {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        let only_left = matches!(self.kind, JoinKind::Semi | JoinKind::Anti);
        let mut out = Rows::new(self.left_width + if only_left { 0 } else { self.right_width });
        while !out.is_full() {
            exec.check_cancel().await?;
            let Some(outer) = &mut self.outer else {
                match self.left.next(exec).await? {
                    Some(rows) => self.outer = Some(Outer { rows, row: 0, open: false, matched: false }),
                    None => break,
                }
                continue;
            };
            if outer.row == outer.rows.len() {
                self.outer = None;
                continue;
            }
            let left = outer.rows.row(outer.row);
            exec.state.fill(&self.links, left);
            if !outer.open {
                self.right.rewind(&mut exec.state);
                if only_left && self.on.is_none() {
                    self.right.want(1);
                }
                outer.open = true;
            }
            if let Some(rows) = self.right.next(exec).await? {
                let mut decided = false;
                for right in rows.iter() {
                    let fits = match &self.on {
                        Some(on) => exec.test(on, right).await?,
                        None => true,
                    };
                    if fits {
                        outer.matched = true;
                        decided = only_left;
                        if only_left {
                            break;
                        }
                        out.push_joined(left, right);
                    }
                }
                if !decided {
                    continue;
                }
            }
            match self.kind {
                JoinKind::Left if !outer.matched => out.push_joined(left, &vec![Datum::Null; self.right_width]),
                JoinKind::Semi if outer.matched => out.push(left),
                JoinKind::Anti if !outer.matched => out.push(left),
                _ => {}
            }
            outer.row += 1;
            (outer.open, outer.matched) = (false, false);
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

impl Operator for Apply {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.left.rewind(state);
        // The right side is rewound for each row.
        self.outer = None;
    }

    fn narrows(&self, column: usize) -> bool {
        column < self.left_width && self.left.narrows(column)
    }

    fn narrow(&mut self, column: usize, numbers: Arc<Sieve>) {
        self.left.narrow(column, numbers);
    }
}
