//! Functions that return rows, in the select list.

use std::sync::Arc;

use atoll_datum::builtin;
use atoll_datum::function::Call;
use atoll_datum::{Datum, Error, Oid, Result as SqlResult, oid};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Evaluator, Populating};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, Body, Expr, ExprKind};

/// The rows of one call.
pub(super) type Items = Box<dyn Iterator<Item = SqlResult<Vec<Datum>>> + Send>;

/// A call that gives rows; a value is one row.
pub(super) struct SetCall {
    source: Source,
    arguments: Vec<Evaluator>,
    strict: bool,
    argument_types: Vec<Oid>,
    result: Oid,
    at: Option<u32>,
    names: Arc<[Arc<str>]>,
    types: Arc<[Oid]>,
}

enum Source {
    Pure(atoll_datum::function::Set),
    Session(crate::function::SessionSet),
    Populate(Box<Populating>),
    Value,
}

impl SetCall {
    pub(super) fn new(expr: &Expr, columns: &Columns, builder: &mut Builder<'_>) -> SqlResult<SetCall> {
        let (source, arguments, strict, argument_types, row) = match &expr.kind {
            ExprKind::Set(call) => {
                let source = match call.function.body {
                    Body::Set(set) => Source::Pure(set),
                    Body::SessionSet(set) => Source::Session(set),
                    Body::Populate(populate) => {
                        Source::Populate(Box::new(Populating::new(populate, call, expr.ty.oid, builder)?))
                    }
                    _ => return Err(Error::internal(format!("{} returns no set", call.function.row.name))),
                };
                let types = call.arguments.iter().map(|argument| argument.ty.oid).collect();
                let row = call.function.row;
                (source, builder.exprs(&call.arguments, columns)?, row.strict, types, Some(row))
            }
            _ => (Source::Value, vec![builder.expr(expr, columns)?], false, Vec::new(), None),
        };
        let (names, types) = row.map(outputs).unwrap_or_default();
        let (result, at) = (expr.ty.oid, expr.at);
        let (names, types) = (names.into(), types.into());
        Ok(SetCall { source, arguments, strict, argument_types, result, at, names, types })
    }

    pub(super) async fn open(&self, row: &[Datum], exec: &mut Exec<'_>) -> Result<Items> {
        let mut arguments = Vec::with_capacity(self.arguments.len());
        exec.eval_into(&self.arguments, row, &mut arguments).await?;
        if self.strict && arguments.iter().any(Datum::is_null) {
            return Ok(Box::new(std::iter::empty()));
        }
        let settings = &exec.scope.settings;
        let call = Call { settings, argument_types: &self.argument_types, result_type: self.result };
        let opened: SqlResult<Items> = match &self.source {
            Source::Pure(set) => set(&call, &arguments),
            Source::Session(set) => {
                set(exec.scope, &call, &arguments).map(|rows| -> Items { Box::new(rows.into_iter().map(Ok)) })
            }
            Source::Populate(populating) => populating
                .call(&arguments, exec.scope)
                .map(|records| -> Items { Box::new(records.into_iter().map(|record| Ok(vec![record]))) }),
            Source::Value => Ok(Box::new(std::iter::once(Ok(arguments)))),
        };
        opened.map_err(|error| self.located(error).into())
    }

    pub(super) fn located(&self, error: Error) -> Error {
        match self.at {
            Some(at) => error.at(at as usize),
            None => error,
        }
    }

    /// A row as one value.
    fn value(&self, mut row: Vec<Datum>) -> Datum {
        if row.len() == 1 && self.types.len() < 2 {
            return row.remove(0);
        }
        let (names, types) = match self.types.len() == row.len() {
            true => (self.names.clone(), self.types.clone()),
            false => {
                let names = (1..=row.len()).map(|at| Arc::from(format!("column{at}"))).collect();
                (names, vec![oid::UNKNOWN; row.len()].into())
            }
        };
        let of = if self.result.is_none() { oid::RECORD } else { self.result };
        Datum::Record(Arc::new(atoll_datum::datum::Record { of, names, types, values: row }))
    }
}

/// Names and types of the output arguments.
fn outputs(row: &builtin::Function) -> (Vec<Arc<str>>, Vec<Oid>) {
    let modes = row.modes.iter().enumerate().filter(|(_, mode)| matches!(mode, b'o' | b'b' | b't'));
    let column = |at: usize| Some((Arc::from(*row.names.get(at)?), *row.all_arguments.get(at)?));
    modes.filter_map(|(at, _)| column(at)).unzip()
}

struct ProjectSet {
    input: BoxOperator,
    columns: Vec<Column>,
    batch: Option<(Rows, usize)>,
    /// Of the set columns, for the row that is being worked on.
    open: Option<Vec<Option<Items>>>,
}

enum Column {
    Value(Evaluator),
    Set(SetCall),
}

pub fn project_set(plan: &plan::ProjectSet, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let from = Columns::from(plan.input.columns());
    let mut columns = Vec::with_capacity(plan.columns.len());
    for (_, expr) in &plan.columns {
        columns.push(match expr.kind {
            ExprKind::Set(_) => Column::Set(SetCall::new(expr, &from, builder)?),
            _ => Column::Value(builder.expr(expr, &from)?),
        });
    }
    Ok(Box::new(ProjectSet { input, columns, batch: None, open: None }))
}

impl ProjectSet {
    async fn open(columns: &[Column], row: &[Datum], exec: &mut Exec<'_>) -> Result<Vec<Option<Items>>> {
        let mut open = Vec::with_capacity(columns.len());
        for column in columns {
            open.push(match column {
                Column::Set(call) => Some(call.open(row, exec).await?),
                Column::Value(_) => None,
            });
        }
        Ok(open)
    }

    /// One more row from the open sets; false if all are at their end.
    async fn step(
        columns: &[Column],
        open: &mut [Option<Items>],
        row: &[Datum],
        out: &mut Rows,
        exec: &mut Exec<'_>,
    ) -> Result<bool> {
        let mut any = false;
        let mut values = Vec::with_capacity(columns.len());
        for (column, items) in columns.iter().zip(open) {
            let item = items.as_mut().and_then(Iterator::next);
            any |= item.is_some();
            values.push(match (column, item) {
                (Column::Set(call), Some(item)) => call.value(item.map_err(|error| call.located(error))?),
                _ => Datum::Null,
            });
        }
        if !any {
            return Ok(false);
        }
        for (column, value) in columns.iter().zip(&mut values) {
            if let Column::Value(evaluator) = column {
                *value = exec.eval(evaluator, row).await?;
            }
        }
        out.push_owned(values);
        Ok(true)
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        let mut out = Rows::new(self.columns.len());
        loop {
            exec.check_cancel().await?;
            let Some((rows, at)) = self.batch.take() else {
                match self.input.next(exec).await? {
                    Some(rows) => self.batch = Some((rows, 0)),
                    None if out.is_empty() => return Ok(None),
                    None => return Ok(Some(out)),
                }
                continue;
            };
            if at == rows.len() {
                continue;
            }
            let mut open = match self.open.take() {
                Some(open) => open,
                None => Self::open(&self.columns, rows.row(at), exec).await?,
            };
            while !out.is_full() && Self::step(&self.columns, &mut open, rows.row(at), &mut out, exec).await? {}
            if out.is_full() {
                self.open = Some(open);
                self.batch = Some((rows, at));
                return Ok(Some(out));
            }
            self.batch = Some((rows, at + 1));
        }
    }
}

impl Operator for ProjectSet {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        (self.batch, self.open) = (None, None);
    }
}
