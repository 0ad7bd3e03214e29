//! Rows of a table, by its primary index or another.
//!
//! Pages are asked for as the rows are, each larger than the one before, so that `LIMIT 1` reads little and a full scan
//! waits seldom; memory stays that of one page.

use std::collections::VecDeque;
use std::sync::Arc;

use atoll_datum::{Error, Result as SqlResult, sqlstate};
use atoll_txn::request::{Page, Row, Span};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::catalog::{ColumnOrdinal, IndexId};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;
use crate::table::{Decoder, Layout, Limits, Reach};

const FIRST_PAGE_ROWS: u64 = 128;
const PAGE_ROWS_MAX: u64 = 2048;

struct Scan {
    layout: Arc<Layout>,
    access: Access,
    reverse: bool,
    /// Of the index's entries, if they have all that is wanted, else of the rows that they lead to.
    decoder: Decoder,
    finder: Option<Decoder>,
    filter: Option<Evaluator>,
    /// What is still to be read, in the order of reading; none before the start.
    left: Option<VecDeque<Reach>>,
    page_rows: u64,
    first_page_rows: u64,
    removed: u64,
}

enum Access {
    Full,
    Index { index: IndexId, equal: Vec<Vec<Evaluator>>, lower: Option<Limit>, upper: Option<Limit> },
    Empty,
}

struct Limit {
    value: Evaluator,
    inclusive: bool,
}

pub fn scan(plan: &plan::Scan, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let layout = builder.layout(&plan.table)?;
    let wanted: Vec<ColumnOrdinal> = plan.columns.iter().map(|(_, ordinal)| *ordinal).collect();
    let ids = plan.columns.iter().map(|(id, _)| *id).chain(plan.key).collect::<Vec<_>>();
    let filter = plan.filter.as_ref().map(|filter| builder.expr(filter, &Columns::from(ids))).transpose()?;
    let with_key = plan.key.is_some();
    let mut decoder = layout.row_decoder(&wanted, with_key);
    let (mut reverse, mut finder) = (false, None);
    let access = match &plan.access {
        plan::Access::Full { reverse: backwards } => {
            reverse = *backwards;
            Access::Full
        }
        plan::Access::Empty => Access::Empty,
        plan::Access::Index { index, bounds, reverse: backwards } => {
            reverse = *backwards;
            let unknown = || Error::internal(format!("table {} has no index {}", plan.table.name, index.0));
            let of = layout.index(*index).ok_or_else(unknown)?;
            if layout.covers(of, &wanted) {
                decoder = layout.decoder(of, &wanted, with_key);
            } else {
                finder = Some(layout.row_finder(of));
            }
            let none = Columns::default();
            let equal = bounds.equal.iter().map(|tuple| builder.exprs(tuple, &none)).collect::<SqlResult<_>>()?;
            let mut limit = |bound: &Option<plan::Bound>| -> SqlResult<Option<Limit>> {
                let Some(bound) = bound else { return Ok(None) };
                Ok(Some(Limit { value: builder.expr(&bound.value, &none)?, inclusive: bound.inclusive }))
            };
            let (lower, upper) = (limit(&bounds.lower)?, limit(&bounds.upper)?);
            Access::Index { index: *index, equal, lower, upper }
        }
    };
    let first_page_rows = FIRST_PAGE_ROWS;
    let page_rows = first_page_rows;
    Ok(Box::new(Scan {
        layout,
        access,
        reverse,
        decoder,
        finder,
        filter,
        left: None,
        page_rows,
        first_page_rows,
        removed: 0,
    }))
}

impl Scan {
    async fn reaches(&self, exec: &mut Exec<'_>) -> Result<VecDeque<Reach>> {
        let mut reaches = match &self.access {
            Access::Empty => Vec::new(),
            Access::Full => vec![Reach::Span(self.layout.primary().span())],
            Access::Index { index, equal, lower, upper } => {
                let mut limits = Limits::default();
                for tuple in equal {
                    let mut values = Vec::with_capacity(tuple.len());
                    exec.eval_into(tuple, &[], &mut values).await?;
                    limits.equal.push(values);
                }
                for (limit, value) in [(lower, &mut limits.lower), (upper, &mut limits.upper)] {
                    if let Some(limit) = limit {
                        *value = Some((exec.eval(&limit.value, &[]).await?, limit.inclusive));
                    }
                }
                let gone = || Error::internal("a scan's index is gone");
                self.layout.index(*index).ok_or_else(gone)?.reaches(&limits)?
            }
        };
        if self.reverse {
            reaches.reverse();
        }
        Ok(reaches.into())
    }

    /// The next entries of the index; none at the end.
    async fn page(&mut self, exec: &mut Exec<'_>) -> Result<Option<Vec<Row>>> {
        let left = match &mut self.left {
            Some(left) => left,
            None => {
                let reaches = self.reaches(exec).await?;
                self.left.insert(reaches)
            }
        };
        let Some(reach) = left.pop_front() else { return Ok(None) };
        let span = match reach {
            Reach::Span(span) => span,
            Reach::Point(key) => {
                let value = exec.txn.get(&key).await?;
                return Ok(Some(value.map(|value| Row { key, value }).into_iter().collect()));
            }
        };
        let Page { rows, resume } = exec.txn.scan(&span, self.reverse, self.page_rows).await?;
        self.page_rows = (self.page_rows * 4).min(PAGE_ROWS_MAX);
        if let Some(resume) = resume {
            let rest = match self.reverse {
                false => Span { start: resume, end: span.end },
                true => Span { start: span.start, end: resume },
            };
            left.push_front(Reach::Span(rest));
        }
        Ok(Some(rows))
    }

    /// The rows that entries lead to.
    async fn find(&self, finder: &Decoder, entries: Vec<Row>, exec: &mut Exec<'_>) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let key: Bytes = finder.row_key(&entry.key, &entry.value)?;
            let Some(value) = exec.txn.get(&key).await? else {
                let name = &self.layout.table.name;
                let message = format!("an index of table \"{name}\" has an entry without a row");
                return Err(Error::new(sqlstate::DATA_CORRUPTED, message).into());
            };
            rows.push(Row { key, value });
        }
        Ok(rows)
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        loop {
            exec.check_cancel().await?;
            let Some(mut entries) = self.page(exec).await? else { return Ok(None) };
            if let Some(finder) = &self.finder {
                entries = self.find(finder, entries, exec).await?;
            }
            let mut rows = Rows::with_capacity(self.decoder.width(), entries.len());
            match &self.filter {
                Some(filter) if filter.waits() => {
                    for entry in &entries {
                        self.decoder.decode(&entry.key, &entry.value, rows.open_row())?;
                        if exec.test(filter, rows.opened()).await? {
                            rows.end_row();
                        } else {
                            rows.drop_opened();
                        }
                    }
                }
                Some(filter) => {
                    let context = exec.context();
                    for entry in &entries {
                        self.decoder.decode(&entry.key, &entry.value, rows.open_row())?;
                        if filter.test(rows.opened(), &context)? {
                            rows.end_row();
                        } else {
                            rows.drop_opened();
                        }
                    }
                }
                None => {
                    for entry in &entries {
                        self.decoder.decode(&entry.key, &entry.value, rows.open_row())?;
                        rows.end_row();
                    }
                }
            }
            self.removed += (entries.len() - rows.len()) as u64;
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
    }
}

impl Operator for Scan {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.left = None;
        self.page_rows = self.first_page_rows;
    }

    fn removed(&self) -> u64 {
        self.removed
    }

    fn want(&mut self, rows: usize) {
        if self.filter.is_none() {
            let all = rows == usize::MAX;
            self.first_page_rows = if all { FIRST_PAGE_ROWS } else { (rows as u64).clamp(1, PAGE_ROWS_MAX) };
            self.page_rows = self.first_page_rows;
        }
    }
}
