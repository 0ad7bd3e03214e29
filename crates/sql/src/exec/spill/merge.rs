//! Several ordered runs as one.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use atoll_datum::Datum;

use super::{Reader, Run, Temporary, Writer};
use crate::exec::rows::BATCH;
use crate::exec::{Exec, Result, Rows};

/// So many runs are read at a time.
const RUNS_MAX: usize = 64;

pub type Compare = dyn Fn(&[Datum], &[Datum]) -> Ordering + Send + Sync;

/// Rows that are equal come in the order of their runs.
pub struct Merge {
    heads: Vec<Head>,
    /// Numbers of the heads that have a row: a heap, the least first.
    heap: Vec<usize>,
    compare: Arc<Compare>,
    width: usize,
}

struct Head {
    reader: Reader,
    rows: Rows,
    at: usize,
}

impl Head {
    fn row(&self) -> &[Datum] {
        self.rows.row(self.at)
    }
}

impl Merge {
    /// `width`: that of the runs' rows. Too many runs are first merged to fewer.
    pub async fn new(
        runs: Vec<Run>,
        width: usize,
        compare: Arc<Compare>,
        file: &Arc<Temporary>,
        exec: &mut Exec<'_>,
    ) -> Result<Merge> {
        let mut runs: VecDeque<Run> = runs.into();
        while runs.len() > RUNS_MAX {
            // All in one round, so that neighbours stay neighbours.
            let mut fewer = VecDeque::new();
            while !runs.is_empty() {
                let some = runs.drain(..RUNS_MAX.min(runs.len())).collect();
                let mut merge = Merge::open(some, width, compare.clone()).await?;
                let mut writer = Writer::new(file, width);
                while let Some(rows) = merge.next(exec).await? {
                    for row in rows.iter() {
                        if writer.push(row) {
                            writer.flush().await?;
                        }
                    }
                }
                fewer.push_back(writer.finish().await?);
            }
            runs = fewer;
        }
        Merge::open(runs.into(), width, compare).await
    }

    async fn open(runs: Vec<Run>, width: usize, compare: Arc<Compare>) -> Result<Merge> {
        let mut merge = Merge { heads: Vec::with_capacity(runs.len()), heap: Vec::new(), compare, width };
        for run in runs {
            let mut reader = run.read();
            if let Some(rows) = reader.next().await? {
                merge.heap.push(merge.heads.len());
                merge.heads.push(Head { reader, rows, at: 0 });
            }
        }
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sink(at);
        }
        Ok(merge)
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        (self.compare)(self.heads[a].row(), self.heads[b].row()).then(a.cmp(&b)).is_lt()
    }

    /// Moves a place of the heap down to where it belongs.
    fn sink(&mut self, mut at: usize) {
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.heap.len());
            let least = children.reduce(|a, b| if self.is_before(self.heap[b], self.heap[a]) { b } else { a });
            match least {
                Some(least) if self.is_before(self.heap[least], self.heap[at]) => {
                    self.heap.swap(least, at);
                    at = least;
                }
                _ => return,
            }
        }
    }

    pub async fn next(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        let mut out = Rows::new(self.width);
        while !out.is_full() {
            let Some(first) = self.heap.first().copied() else { break };
            let head = &mut self.heads[first];
            let row = head.rows.row_mut(head.at);
            out.push_owned(row.iter_mut().map(std::mem::take));
            head.at += 1;
            if head.at == head.rows.len() {
                head.at = 0;
                match head.reader.next().await? {
                    Some(rows) => head.rows = rows,
                    None => {
                        head.rows = Rows::default();
                        self.heap.swap_remove(0);
                    }
                }
            }
            if !self.heap.is_empty() {
                self.sink(0);
            }
        }
        debug_assert!(out.len() <= BATCH);
        Ok((!out.is_empty()).then_some(out))
    }
}

impl std::fmt::Debug for Merge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merge").field("runs", &self.heads.len()).finish_non_exhaustive()
    }
}

/// By the number that rows got where they came in: their last column.
pub fn by_number() -> Arc<Compare> {
    Arc::new(|a, b| match (a.last(), b.last()) {
        (Some(Datum::Int8(a)), Some(Datum::Int8(b))) => a.cmp(b),
        _ => Ordering::Equal,
    })
}
