//! Rows of a table, by its primary index or another.
//!
//! Pages are asked for as the rows are, each larger than the one before, so that `LIMIT 1` reads little and a full scan
//! waits seldom; memory stays that of two pages: while one is worked on, the next is being read.
//!
//! Where many rows come at once, the columns that conditions read are made to vectors first, and the others only of the
//! rows that stay.

use std::collections::VecDeque;
use std::sync::Arc;

use atoll_datum::{Datum, Error, Result as SqlResult, sqlstate};
use atoll_env::tasks::Task;
use atoll_txn::lock::Strength;
use atoll_txn::request::{Page, Row, Span};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::catalog::{ColumnOrdinal, IndexId};
use crate::exec::expr::{Columns, Evaluator};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::kv::Ahead;
use crate::plan::{self, Expr};
use crate::table::{ColumnReader, Decoder, Layout, Limits, Reach};
use crate::vector::condition::Conditions;
use crate::vector::sieve::Sieve;
use crate::vector::{Kind, Vector};

const FIRST_PAGE_ROWS: u64 = 128;
const PAGE_ROWS_MAX: u64 = 2048;
/// Fewer rows are not worth vectors.
const VECTOR_ROWS_MIN: usize = 32;

pub(super) struct Scan {
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
    vectors: Option<Vectors>,
    /// The page after the one that was given last, which is being read.
    ahead: Option<Task<Ahead>>,
    /// The row that is wanted is locked as it is read.
    lock: Option<Strength>,
    /// It was locked for this, and has yet to pass the filter.
    locked: Option<Bytes>,
}

/// How rows are read as vectors.
struct Vectors {
    conditions: Conditions,
    /// Values of the conditions' constants, once there are rows.
    constants: Option<Vec<Datum>>,
    /// What joins above know of the numbers in columns, by position.
    sieves: Vec<(usize, Arc<Sieve>)>,
    /// The columns that are read first: those of the conditions, then those of the sieves.
    tested: ColumnReader,
    others: ColumnReader,
    /// The scan's columns, in their order.
    wanted: Vec<ColumnOrdinal>,
    /// Where each column of the scan is.
    places: Vec<Place>,
    /// What is left of the filter.
    rest: Option<Evaluator>,
}

impl Vectors {
    fn new(conditions: Conditions, rest: Option<Evaluator>, wanted: Vec<ColumnOrdinal>, layout: &Layout) -> Vectors {
        let (tested, others) = (layout.column_reader(&[]), layout.column_reader(&[]));
        let (sieves, places) = (Vec::new(), Vec::new());
        let mut vectors = Vectors { conditions, constants: None, sieves, wanted, tested, others, places, rest };
        vectors.arrange(layout);
        vectors
    }

    fn tests_nothing(&self) -> bool {
        self.conditions.is_empty() && self.sieves.is_empty()
    }

    /// Decides which columns are read first.
    fn arrange(&mut self, layout: &Layout) {
        let sieved = self.sieves.iter().map(|(position, _)| *position);
        let positions: Vec<usize> = self.conditions.columns.iter().copied().chain(sieved).collect();
        let tested: Vec<ColumnOrdinal> = positions.iter().map(|position| self.wanted[*position]).collect();
        let mut others = Vec::new();
        self.places.clear();
        for (position, ordinal) in self.wanted.iter().enumerate() {
            self.places.push(match positions.iter().position(|known| *known == position) {
                Some(at) => Place::Tested(at),
                None => {
                    others.push(*ordinal);
                    Place::Other(others.len() - 1)
                }
            });
        }
        (self.tested, self.others) = (layout.column_reader(&tested), layout.column_reader(&others));
    }
}

#[derive(Clone, Copy)]
enum Place {
    Tested(usize),
    Other(usize),
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
    let mut scan = Scan::new(plan, builder)?;
    // Those who look for a few rows by an index don't get many at once.
    if plan.filter.is_some() || matches!(scan.access, Access::Full) {
        scan.read_vectors(plan, builder)?;
    }
    Ok(Box::new(scan))
}

impl Scan {
    pub(super) fn new(plan: &plan::Scan, builder: &mut Builder<'_>) -> SqlResult<Scan> {
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
        Ok(Scan {
            layout,
            access,
            reverse,
            decoder,
            finder,
            filter,
            left: None,
            page_rows: FIRST_PAGE_ROWS,
            first_page_rows: FIRST_PAGE_ROWS,
            removed: 0,
            vectors: None,
            ahead: None,
            lock: None,
            locked: None,
        })
    }

    /// Has rows read as vectors, where they are rows of the primary index.
    pub(super) fn read_vectors(&mut self, plan: &plan::Scan, builder: &mut Builder<'_>) -> SqlResult<()> {
        if plan.key.is_some() || !self.decoder.reads_rows() {
            return Ok(());
        }
        let columns = Columns::from(plan.columns.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let filter = plan.filter.clone().map(Expr::conjuncts).unwrap_or_default();
        if filter.iter().any(Expr::has_subquery) {
            return Ok(());
        }
        let (conditions, rest) = Conditions::compile(filter, &columns, builder)?;
        let rest = builder.conditions(&rest, &columns)?;
        if rest.as_ref().is_some_and(Evaluator::waits) {
            return Ok(());
        }
        let wanted = plan.columns.iter().map(|(_, ordinal)| *ordinal).collect();
        self.vectors = Some(Vectors::new(conditions, rest, wanted, &self.layout));
        Ok(())
    }

    /// The kinds of the columns, if all rows are read as vectors and nothing else has to be asked of them.
    pub(super) fn vector_kinds(&self) -> Option<Vec<Kind>> {
        let vectors = self.vectors.as_ref().filter(|vectors| vectors.rest.is_none())?;
        let kind = |place: &Place| match place {
            Place::Tested(at) => vectors.tested.kind(*at),
            Place::Other(at) => vectors.others.kind(*at),
        };
        Some(vectors.places.iter().map(kind).collect())
    }

    /// The next rows, as they lie in the store.
    pub(super) async fn entries(&mut self, exec: &mut Exec<'_>) -> Result<Option<Vec<Row>>> {
        exec.check_cancel().await?;
        let Some(entries) = self.page(exec).await? else { return Ok(None) };
        match &self.finder {
            Some(finder) => self.find(finder, entries, exec).await.map(Some),
            None => Ok(Some(entries)),
        }
    }

    /// To be done before [`columns`](Scan::columns).
    pub(super) async fn know_constants(&mut self, exec: &mut Exec<'_>) -> Result<()> {
        if let Some(vectors) = &mut self.vectors
            && vectors.constants.is_none()
        {
            let mut constants = Vec::with_capacity(vectors.conditions.constants.len());
            exec.eval_into(&vectors.conditions.constants, &[], &mut constants).await?;
            vectors.constants = Some(constants);
        }
        Ok(())
    }

    /// The columns of those entries for which the conditions are true, and how many these are.
    pub(super) fn columns<'a>(&mut self, entries: &'a [Row]) -> SqlResult<(Vec<Vector<'a>>, usize)> {
        let Some(vectors) = &self.vectors else { return Err(Error::internal("a scan that reads no vectors")) };
        let (tested, others, len) = if vectors.tests_nothing() {
            (Vec::new(), vectors.others.read(entries, None)?, entries.len())
        } else {
            let tested = vectors.tested.read(entries, None)?;
            let constants = vectors.constants.as_deref().unwrap_or_default();
            let mut chosen = vectors.conditions.select(&tested, constants, entries.len())?;
            for ((_, sieve), vector) in vectors.sieves.iter().zip(&tested[vectors.conditions.columns.len()..]) {
                sieve.select(vector, &mut chosen);
            }
            let others = vectors.others.read(entries, Some(&chosen))?;
            (tested.iter().map(|vector| vector.gather(&chosen)).collect(), others, chosen.len())
        };
        self.removed += (entries.len() - len) as u64;
        let mut tested: Vec<_> = tested.into_iter().map(Some).collect();
        let mut others: Vec<_> = others.into_iter().map(Some).collect();
        let take = |place: &Place| match place {
            Place::Tested(at) => tested[*at].take(),
            Place::Other(at) => others[*at].take(),
        };
        let columns = vectors.places.iter().map(take).collect::<Option<Vec<_>>>();
        Ok((columns.ok_or_else(|| Error::internal("a scan has a column twice"))?, len))
    }

    /// The rows of these entries that stay.
    fn rows_of(&mut self, entries: &[Row], exec: &Exec<'_>) -> Result<Rows> {
        let (columns, len) = self.columns(entries)?;
        let mut rows = Rows::with_capacity(columns.len(), len);
        let rest = self.vectors.as_ref().and_then(|vectors| vectors.rest.as_ref());
        let context = exec.context();
        for at in 0..len {
            let row = rows.open_row();
            for column in &columns {
                row.push(column.datum(at)?);
            }
            match rest {
                Some(rest) if !rest.test(rows.opened(), &context)? => {
                    rows.drop_opened();
                    self.removed += 1;
                }
                _ => rows.end_row(),
            }
        }
        Ok(rows)
    }

    async fn reaches(&self, exec: &mut Exec<'_>) -> Result<VecDeque<Reach>> {
        let mut reaches = match &self.access {
            Access::Empty => Vec::new(),
            Access::Full => vec![Reach::Span(self.layout.primary().span())],
            Access::Index { index, equal, lower, upper } => {
                let mut limits = Limits { zone: Some(exec.scope.settings.zone.clone()), ..Limits::default() };
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
                let value = match self.lock.filter(|strength| !exec.txn.holds(&key, *strength)) {
                    Some(strength) => {
                        let value = exec.get_to_change(&key, strength).await?;
                        self.locked = exec.txn.holds(&key, strength).then(|| key.clone());
                        value
                    }
                    None => match exec.txn.get_here(&key) {
                        Some(value) => value,
                        None => exec.txn.get(&key).await?,
                    },
                };
                return Ok(Some(value.map(|value| Row { key, value }).into_iter().collect()));
            }
        };
        let ahead = match self.ahead.take() {
            Some(ahead) => ahead.await.ok().and_then(|ahead| exec.txn.take_ahead(ahead)),
            None => None,
        };
        let Page { rows, resume } = match ahead {
            Some(page) => page,
            None => exec.txn.scan(&span, self.reverse, self.page_rows).await?,
        };
        if let Some(resume) = resume {
            let rest = match self.reverse {
                false => Span { start: resume, end: span.end },
                true => Span { start: span.start, end: resume },
            };
            // Whoever has read so much reads on.
            if self.page_rows == PAGE_ROWS_MAX && !self.reverse {
                let work = exec.txn.scan_ahead(&rest, PAGE_ROWS_MAX);
                self.ahead = Some(exec.scope.node.env.tasks.spawn_aside("scan ahead", work));
            }
            left.push_front(Reach::Span(rest));
        }
        self.page_rows = (self.page_rows * 4).min(PAGE_ROWS_MAX);
        Ok(Some(rows))
    }

    /// The rows that entries lead to.
    async fn find(&self, finder: &Decoder, entries: Vec<Row>, exec: &mut Exec<'_>) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let key: Bytes = finder.row_key(&entry.key, &entry.value)?;
            let value = match exec.txn.get_here(&key) {
                Some(value) => value,
                None => exec.txn.get(&key).await?,
            };
            let Some(value) = value else {
                let name = &self.layout.table.name;
                let message = format!("an index of table \"{name}\" has an entry without a row");
                return Err(Error::new(sqlstate::DATA_CORRUPTED, message).into());
            };
            rows.push(Row { key, value });
        }
        Ok(rows)
    }

    pub(super) fn restart(&mut self) {
        self.left = None;
        self.ahead = None;
        self.page_rows = self.first_page_rows;
        if let Some(vectors) = &mut self.vectors {
            vectors.constants = None;
            if !vectors.sieves.is_empty() {
                vectors.sieves.clear();
                vectors.arrange(&self.layout);
            }
        }
    }

    pub(super) fn removed(&self) -> u64 {
        self.removed
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        loop {
            let Some(entries) = self.entries(exec).await? else { return Ok(None) };
            // Vectors in which nothing is tested would be made in vain.
            let tests = self.vectors.as_ref().is_some_and(|vectors| !vectors.tests_nothing());
            if entries.len() >= VECTOR_ROWS_MIN && tests {
                self.know_constants(exec).await?;
                let rows = self.rows_of(&entries, exec)?;
                if !rows.is_empty() {
                    return Ok(Some(rows));
                }
                continue;
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
            let locked = self.locked.take();
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
            if let Some(key) = locked {
                exec.txn.unlock(&key).await?;
            }
        }
    }
}

impl Operator for Scan {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.restart();
    }

    fn removed(&self) -> u64 {
        self.removed
    }

    fn narrows(&self, column: usize) -> bool {
        let Some(vectors) = &self.vectors else { return false };
        let is_known = vectors.sieves.iter().any(|(known, _)| *known == column);
        // A column that is read twice would be at two places.
        let is_tested = vectors.conditions.columns.contains(&column);
        !is_known && !is_tested && vectors.wanted.get(column).is_some_and(|ordinal| self.layout.is_integer(*ordinal))
    }

    fn narrow(&mut self, column: usize, numbers: Arc<Sieve>) {
        if let Some(vectors) = &mut self.vectors {
            vectors.sieves.push((column, numbers));
            vectors.arrange(&self.layout);
        }
    }

    fn lock_what_is_read(&mut self, strength: Strength) {
        let one_row = matches!(&self.access, Access::Index { equal, .. } if equal.len() == 1);
        let waits = self.filter.as_ref().is_some_and(Evaluator::waits);
        if one_row && !waits && self.finder.is_none() && self.decoder.reads_rows() {
            self.lock = Some(strength);
        }
    }

    fn want(&mut self, rows: usize) {
        if self.filter.is_none() {
            let all = rows == usize::MAX;
            self.first_page_rows = if all { FIRST_PAGE_ROWS } else { (rows as u64).clamp(1, PAGE_ROWS_MAX) };
            self.page_rows = self.first_page_rows;
        }
    }
}
