//! Joins by equality: the right side goes into a hash table, the left side looks there.
//!
//! Each side can tell the other which rows it has a use for, by a [`Sieve`] of its keys. Mostly the right side tells the
//! left. If the right side is a large table the left side is read first, as far as that is not much; if that was all of
//! it, the right side need not be kept whole.

use std::collections::VecDeque;
use std::sync::Arc;

use atoll_datum::{Datum, Oid, Result as SqlResult, oid};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::nested_loop::condition;
use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator, integer};
use crate::exec::keyed::{Keyed, Sense};
use crate::exec::rows::BATCH;
use crate::exec::spill::merge::{self, Merge};
use crate::exec::spill::partitions::{Level, Partitions};
use crate::exec::spill::{Reader, Run, Temporary, Writer};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, Expr, JoinKind, Plan};
use crate::vector::sieve::Sieve;

const END: u32 = u32::MAX;
/// So many keys fill a sieve of 2 MiB. One of more would keep little out.
const SIEVE_KEYS_MAX: usize = 1 << 20;
/// How much of the left side is read before the right side.
const EARLY_ROWS_MAX: usize = 1 << 18;
const EARLY_BYTES_MAX: usize = 64 << 20;
/// The first number of rows of the right side that match nothing: they come last.
const UNMATCHED: i64 = 1 << 62;

struct HashJoin {
    kind: JoinKind,
    left: BoxOperator,
    right: BoxOperator,
    left_width: usize,
    right_width: usize,
    left_keys: Vec<Evaluator>,
    right_keys: Vec<Evaluator>,
    /// Integers of several sizes, or floats, are compared in the largest.
    widen: Vec<bool>,
    senses: Vec<Sense>,
    rest: Option<Evaluator>,
    links: Vec<(usize, usize)>,
    right_fixed: bool,
    table: Option<Table>,
    /// The left side was told since the last rewind which of its rows can be of use.
    narrowed: bool,
    /// The right side is large, and rows of it without a match are of no use.
    left_first: bool,
    /// What was read of the left side before the right side, and whether that is all.
    early: VecDeque<Rows>,
    left_ended: bool,
    /// The table has only what the left side has a use for.
    right_narrowed: bool,
    outer: Option<Outer>,
    account: usize,
    parted: Option<Box<Parted>>,
}

/// Both sides lie on disk, parted by the hashes of their keys. Rows of the left side, of the right side, and what they
/// give are followed by the number of the left row, or of the right one.
struct Parted {
    file: Arc<Temporary>,
    pairs: Vec<Pair>,
    /// Of the pair that is being joined.
    left: Option<Reader>,
    right: Option<Reader>,
    level: Level,
    /// The numbers of the rows that are being put out.
    numbers: Vec<i64>,
    output: Vec<Run>,
    /// When all pairs are joined.
    merge: Option<Merge>,
}

struct Pair {
    left: Run,
    right: Run,
    level: Level,
}

/// The right side. Rows of one key are a chain, in their order.
struct Table {
    keys: Keyed,
    rows: Rows,
    heads: Vec<u32>,
    next: Vec<u32>,
    matched: Vec<bool>,
    swept: Option<usize>,
}

struct Outer {
    rows: Rows,
    row: usize,
    /// Where in its chain the row is; none before its key was looked up.
    chain: Option<u32>,
    matched: bool,
}

/// How many rows of a table a plan hands on, as far as that is all it does.
fn scanned_rows(plan: &Plan) -> f64 {
    match plan {
        Plan::Scan(scan) => scan.estimated_rows,
        Plan::Filter(filter) => scanned_rows(&filter.input),
        Plan::Project(project) => scanned_rows(&project.input),
        _ => 0.0,
    }
}

/// Whether equality of all these pairs is equality of the values themselves.
pub fn can_hash(keys: &[(Expr, Expr)]) -> bool {
    let is_text = |of: Oid| matches!(of, oid::TEXT | oid::VARCHAR | oid::NAME);
    let has_equality = |of: Oid| !matches!(of, oid::JSON | oid::RECORD);
    !keys.is_empty()
        && keys.iter().all(|(left, right)| {
            let (a, b) = (left.ty.oid, right.ty.oid);
            (a == b && has_equality(a)) || widens(a, b) || (is_text(a) && is_text(b))
        })
}

fn widens(a: Oid, b: Oid) -> bool {
    let is_integer = |of: Oid| matches!(of, oid::INT2 | oid::INT4 | oid::INT8);
    let is_float = |of: Oid| matches!(of, oid::FLOAT4 | oid::FLOAT8);
    a != b && ((is_integer(a) && is_integer(b)) || (is_float(a) && is_float(b)))
}

fn widened(value: Datum) -> Datum {
    match (integer(&value), &value) {
        (Some(value), _) => Datum::Int8(value),
        (None, Datum::Float4(value)) => Datum::Float8(f64::from(*value)),
        _ => value,
    }
}

pub fn hash_join(
    plan: &plan::Join,
    keys: &[(Expr, Expr)],
    rest: &[Expr],
    builder: &mut Builder<'_>,
) -> SqlResult<BoxOperator> {
    let (left, right) = (builder.plan(&plan.left)?, builder.plan(&plan.right)?);
    let (left_columns, right_columns) = (Columns::from(plan.left.columns()), Columns::from(plan.right.columns()));
    let (rest, links) = condition(rest, &left_columns, &right_columns, builder)?;
    let right_fixed = builder.is_fixed(&plan.right);
    builder.is_repeatable &= !right_fixed;
    Ok(Box::new(HashJoin {
        kind: plan.kind,
        left,
        right,
        left_width: left_columns.len(),
        right_width: right_columns.len(),
        left_keys: builder.exprs(keys.iter().map(|(left, _)| left), &left_columns)?,
        right_keys: builder.exprs(keys.iter().map(|(_, right)| right), &right_columns)?,
        widen: keys.iter().map(|(left, right)| widens(left.ty.oid, right.ty.oid)).collect(),
        senses: keys.iter().map(|(left, _)| Sense::of(left.ty.oid)).collect(),
        rest,
        links,
        right_fixed,
        table: None,
        narrowed: false,
        left_first: plan.kind.may_lose_left() && scanned_rows(&plan.right) > 2.0 * EARLY_ROWS_MAX as f64,
        early: VecDeque::new(),
        left_ended: false,
        right_narrowed: false,
        outer: None,
        account: 0,
        parted: None,
    }))
}

/// The key of a row, into `key`; false if a part of it is NULL, which equals nothing.
async fn key_of(
    evaluators: &[Evaluator],
    widen: &[bool],
    row: &[Datum],
    key: &mut Vec<Datum>,
    exec: &mut Exec<'_>,
) -> Result<bool> {
    key.clear();
    for (evaluator, widen) in evaluators.iter().zip(widen) {
        let value = match evaluator.as_column() {
            Some(position) => row[position].clone(),
            None => exec.eval(evaluator, row).await?,
        };
        if value.is_null() {
            return Ok(false);
        }
        key.push(if *widen { widened(value) } else { value });
    }
    Ok(true)
}

impl HashJoin {
    fn width(&self) -> usize {
        match self.kind {
            JoinKind::Semi | JoinKind::Anti => self.left_width,
            _ => self.left_width + self.right_width,
        }
    }

    /// Reads the left side first, if it is small enough, and tells the right side what of it can find a match.
    async fn read_left_first(&mut self, exec: &mut Exec<'_>) -> Result<()> {
        let columns: Vec<(usize, usize)> = self
            .left_keys
            .iter()
            .zip(&self.right_keys)
            .filter_map(|(left, right)| {
                let column = right.as_column().filter(|column| self.right.narrows(*column))?;
                Some((left.as_column()?, column))
            })
            .collect();
        if columns.is_empty() {
            return Ok(());
        }
        let (mut read, mut bytes) = (0, 0);
        while read < EARLY_ROWS_MAX && bytes < EARLY_BYTES_MAX {
            exec.check_cancel().await?;
            let Some(rows) = self.left.next(exec).await? else {
                self.left_ended = true;
                break;
            };
            read += rows.len();
            bytes += rows.bytes();
            exec.state.grow(&mut self.account, rows.bytes())?;
            self.early.push_back(rows);
        }
        if !self.left_ended {
            return Ok(());
        }
        for (from, to) in columns {
            let values =
                || self.early.iter().flat_map(Rows::iter).map(|row| &row[from]).filter(|value| !value.is_null());
            if values().all(|value| integer(value).is_some()) {
                let numbers: Vec<i64> = values().filter_map(integer).collect();
                self.right.narrow(to, Arc::new(Sieve::new(numbers.into_iter())));
                self.right_narrowed = true;
            }
        }
        Ok(())
    }

    fn end_of_left(&mut self) {
        if let Some(table) = &mut self.table {
            table.swept = Some(0);
        }
    }

    async fn next_left(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if let Some(part) = self.parted.as_mut().and_then(|parted| parted.left.as_mut()) {
            return part.next().await;
        }
        match self.early.pop_front() {
            Some(rows) => Ok(Some(rows)),
            None if self.left_ended => Ok(None),
            None => self.left.next(exec).await,
        }
    }

    async fn next_right(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        match self.parted.as_mut().and_then(|parted| parted.right.as_mut()) {
            Some(part) => part.next().await,
            None => self.right.next(exec).await,
        }
    }

    /// Reads the right side. None if there is no memory for it: then both sides are parted.
    async fn build(&mut self, exec: &mut Exec<'_>) -> Result<Option<Table>> {
        let again = self.parted.as_ref().map_or(Some(Level::default()), |parted| parted.level.next());
        let mut table = Table {
            keys: Keyed::new(self.senses.clone()),
            rows: Rows::new(self.right_width + usize::from(self.parted.is_some())),
            heads: Vec::new(),
            next: Vec::new(),
            matched: Vec::new(),
            swept: None,
        };
        let mut tails: Vec<u32> = Vec::new();
        let mut key = Vec::new();
        while let Some(rows) = self.next_right(exec).await? {
            let mut bytes = rows.bytes() + 8 * rows.len();
            for row in rows.iter() {
                let at = table.next.len() as u32;
                table.next.push(END);
                if !key_of(&self.right_keys, &self.widen, row, &mut key, exec).await? {
                    continue;
                }
                let (number, is_new) = table.keys.insert(&key);
                if is_new {
                    bytes += Keyed::bytes_of(&key) + 8;
                    table.heads.push(at);
                    tails.push(at);
                } else {
                    table.next[tails[number] as usize] = at;
                    tails[number] = at;
                }
            }
            table.rows.append(rows);
            match again {
                None => exec.state.grow(&mut self.account, bytes)?,
                Some(level) => {
                    if !exec.state.try_grow(&mut self.account, bytes)? {
                        self.part(table, level, exec).await?;
                        return Ok(None);
                    }
                }
            }
        }
        if matches!(self.kind, JoinKind::Right | JoinKind::Full) {
            table.matched = vec![false; table.rows.len()];
        }
        Ok(Some(table))
    }

    /// Lays both sides aside, the right one as far as it is not yet read.
    async fn part(&mut self, table: Table, level: Level, exec: &mut Exec<'_>) -> Result<()> {
        let file = exec.temporary().await?;
        let Table { keys, rows, .. } = table;
        let (mut total, mut key) = (0, Vec::new());
        let mut parts = Partitions::new(&file, self.right_width + 1, level);
        let mut next = Some(rows);
        while let Some(rows) = next {
            for row in rows.iter() {
                let has_key = key_of(&self.right_keys, &self.widen, row, &mut key, exec).await?;
                let number = Datum::Int8(row.get(self.right_width).map_or(total, number_of));
                total += 1;
                if has_key || matches!(self.kind, JoinKind::Right | JoinKind::Full) {
                    let hash = if has_key { keys.hash(&key) } else { 0 };
                    parts.push(hash, row[..self.right_width].iter().chain([&number])).await?;
                }
            }
            next = self.next_right(exec).await?;
        }
        exec.state.memory.release(&mut self.account);
        let rights = parts.finish().await?;
        let mut parts = Partitions::new(&file, self.left_width + 1, level);
        let mut count = 0;
        while let Some(rows) = self.next_left(exec).await? {
            exec.check_cancel().await?;
            for row in rows.iter() {
                let has_key = key_of(&self.left_keys, &self.widen, row, &mut key, exec).await?;
                let number = Datum::Int8(row.get(self.left_width).map_or(count, number_of));
                count += 1;
                if has_key || matches!(self.kind, JoinKind::Left | JoinKind::Full | JoinKind::Anti) {
                    let hash = if has_key { keys.hash(&key) } else { 0 };
                    parts.push(hash, row[..self.left_width].iter().chain([&number])).await?;
                }
            }
        }
        let lefts = parts.finish().await?;
        let parted = self.parted.get_or_insert_with(|| {
            let (pairs, numbers, output) = (Vec::new(), Vec::new(), Vec::new());
            Box::new(Parted { file, pairs, left: None, right: None, level, numbers, output, merge: None })
        });
        for (left, right) in lefts.into_iter().zip(rights) {
            let is_of_use = match self.kind {
                JoinKind::Inner | JoinKind::Semi => !left.is_empty() && !right.is_empty(),
                JoinKind::Left | JoinKind::Anti => !left.is_empty(),
                JoinKind::Right => !right.is_empty(),
                JoinKind::Full => !left.is_empty() || !right.is_empty(),
            };
            if is_of_use {
                let level = if right.rows() == total as u64 { Level::LAST } else { level };
                parted.pairs.push(Pair { left, right, level });
            }
        }
        Ok(())
    }

    /// Joins pair after pair; what they give goes to disk too, to be brought into the order of the left side.
    async fn join_parts(&mut self, exec: &mut Exec<'_>) -> Result<()> {
        let width = self.width() + 1;
        while let Some(parted) = &mut self.parted
            && let Some(pair) = parted.pairs.pop()
        {
            (parted.left, parted.right) = (Some(pair.left.read()), Some(pair.right.read()));
            parted.level = pair.level;
            let mut writer = Writer::new(&parted.file, width);
            self.table = self.build(exec).await?;
            while self.table.is_some()
                && let Some(rows) = self.probe(exec).await?
            {
                let numbers = self.parted.as_mut().map_or_else(Vec::new, |parted| std::mem::take(&mut parted.numbers));
                for (row, number) in rows.iter().zip(numbers) {
                    if writer.push(row.iter().chain([&Datum::Int8(number)])) {
                        writer.flush().await?;
                    }
                }
            }
            let run = writer.finish().await?;
            if let Some(parted) = &mut self.parted {
                parted.output.push(run);
            }
            (self.table, self.outer) = (None, None);
            exec.state.memory.release(&mut self.account);
        }
        if let Some(parted) = &mut self.parted {
            let output = std::mem::take(&mut parted.output);
            parted.merge = Some(Merge::new(output, width, merge::by_number(), &parted.file, exec).await?);
        }
        Ok(())
    }

    /// Where rows of the left side come from a table, those that match nothing need not even become rows.
    fn narrow_left(&mut self) {
        let Some(table) = &self.table else { return };
        let needs_match = matches!(self.kind, JoinKind::Inner | JoinKind::Right | JoinKind::Semi);
        if !needs_match || table.keys.len() > SIEVE_KEYS_MAX {
            return;
        }
        for (part, evaluator) in self.left_keys.iter().enumerate() {
            let Some(column) = evaluator.as_column().filter(|column| self.left.narrows(*column)) else { continue };
            let number = |number: usize| integer(&table.keys.key(number)[part]);
            if (0..table.keys.len()).all(|at| number(at).is_some()) {
                let sieve = Sieve::new((0..table.keys.len()).map(|at| number(at).unwrap_or_default()));
                self.left.narrow(column, Arc::new(sieve));
            }
        }
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        if self.table.is_none() && self.parted.is_none() {
            if self.left_first {
                self.read_left_first(exec).await?;
            }
            self.table = self.build(exec).await?;
            if self.parted.is_some() {
                self.join_parts(exec).await?;
            }
        }
        let width = self.width();
        if let Some(parted) = &mut self.parted {
            let Some(merge) = &mut parted.merge else { return Ok(None) };
            let Some(rows) = merge.next(exec).await? else { return Ok(None) };
            return Ok(Some(rows.narrowed(width)));
        }
        if !std::mem::replace(&mut self.narrowed, true) {
            self.narrow_left();
        }
        self.probe(exec).await
    }

    /// Joins rows of the left side with the table.
    async fn probe(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        let mut out = Rows::new(self.width());
        let mut key = Vec::new();
        while !out.is_full() {
            let Some(table) = &mut self.table else { break };
            if let Some(swept) = &mut table.swept {
                let from = *swept;
                *swept = table.matched.len().min(from + BATCH);
                let nothing = vec![Datum::Null; self.left_width];
                for at in (from..*swept).filter(|at| !table.matched[*at]) {
                    let row = table.rows.row(at);
                    out.push_joined(&nothing, &row[..self.right_width]);
                    if let Some(parted) = &mut self.parted {
                        parted.numbers.push(UNMATCHED + number_of(&row[self.right_width]));
                    }
                }
                if *swept == table.matched.len() {
                    break;
                }
                continue;
            }
            if table.rows.is_empty() && matches!(self.kind, JoinKind::Inner | JoinKind::Right | JoinKind::Semi) {
                break;
            }
            if self.outer.is_none() {
                exec.check_cancel().await?;
                match self.next_left(exec).await? {
                    Some(rows) => self.outer = Some(Outer { rows, row: 0, chain: None, matched: false }),
                    None => self.end_of_left(),
                }
                continue;
            }
            let (Some(table), Some(outer)) = (&mut self.table, &mut self.outer) else { break };
            if outer.row == outer.rows.len() {
                self.outer = None;
                continue;
            }
            let (left, number) = outer.rows.row(outer.row).split_at(self.left_width);
            let mut at = match outer.chain {
                Some(at) => at,
                None => {
                    let has_key = key_of(&self.left_keys, &self.widen, left, &mut key, exec).await?;
                    let number = if has_key { table.keys.find(&key) } else { None };
                    number.map_or(END, |number| table.heads[number])
                }
            };
            if at != END {
                exec.state.fill(&self.links, left);
            }
            while at != END {
                let right = &table.rows.row(at as usize)[..self.right_width];
                let fits = match &self.rest {
                    Some(rest) => exec.test(rest, right).await?,
                    None => true,
                };
                if fits {
                    outer.matched = true;
                    if let Some(matched) = table.matched.get_mut(at as usize) {
                        *matched = true;
                    }
                    if matches!(self.kind, JoinKind::Semi | JoinKind::Anti) {
                        at = END;
                        break;
                    }
                    out.push_joined(left, right);
                }
                at = table.next[at as usize];
                if out.is_full() {
                    break;
                }
            }
            let is_through = at == END;
            if is_through {
                match self.kind {
                    JoinKind::Left | JoinKind::Full if !outer.matched => {
                        out.push_joined(left, &vec![Datum::Null; self.right_width]);
                    }
                    JoinKind::Semi if outer.matched => out.push(left),
                    JoinKind::Anti if !outer.matched => out.push(left),
                    _ => {}
                }
            }
            if let (Some(parted), [number]) = (&mut self.parted, number) {
                parted.numbers.resize(out.len(), number_of(number));
            }
            match is_through {
                true => {
                    outer.row += 1;
                    (outer.chain, outer.matched) = (None, false);
                }
                false => outer.chain = Some(at),
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

/// What rows that lie on disk are followed by.
fn number_of(value: &Datum) -> i64 {
    integer(value).unwrap_or_default()
}

impl Operator for HashJoin {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.left.rewind(state);
        (self.narrowed, self.left_ended) = (false, false);
        self.early.clear();
        self.outer = None;
        self.parted = None;
        match &mut self.table {
            Some(table) if self.right_fixed && !self.right_narrowed => {
                table.matched.fill(false);
                table.swept = None;
            }
            _ => {
                self.table = None;
                self.right_narrowed = false;
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
