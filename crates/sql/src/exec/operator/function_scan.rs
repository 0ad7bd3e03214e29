//! Functions in FROM, side by side, and WITH ORDINALITY.

use atoll_datum::{Datum, Error, Oid, Result as SqlResult, sqlstate};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::project_set::{Items, SetCall};
use super::{BoxOperator, Operator};
use crate::bind::types;
use crate::exec::expr::Columns;
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan;
use crate::session::Scope;

struct FunctionScan {
    functions: Vec<Function>,
    width: usize,
    ordinality: bool,
    /// Of each function, until its end.
    open: Option<Vec<Option<Items>>>,
    row: i64,
}

struct Function {
    call: SetCall,
    columns: usize,
    is_record: bool,
    /// That its records must have, if the query says so.
    wanted: Option<Vec<Oid>>,
}

pub fn function_scan(plan: &plan::FunctionScan, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let none = Columns::default();
    let mut functions = Vec::with_capacity(plan.functions.len());
    for function in &plan.functions {
        let call = SetCall::new(&function.call, &none, builder)?;
        let wanted = function.is_defined.then(|| function.columns.iter().map(|(_, ty)| ty.oid).collect());
        functions.push(Function { call, columns: function.columns.len(), is_record: function.is_record, wanted });
    }
    let ordinality = plan.ordinality.is_some();
    let width = functions.iter().map(|function| function.columns).sum::<usize>() + usize::from(ordinality);
    Ok(Box::new(FunctionScan { functions, width, ordinality, open: None, row: 0 }))
}

impl Function {
    fn push(&self, item: Vec<Datum>, out: &mut Vec<Datum>, scope: &Scope) -> SqlResult<()> {
        if let ([Datum::Record(record)], Some(wanted)) = (&item[..], &self.wanted) {
            check_types(&record.types, wanted, scope)?;
        }
        let item = match &item[..] {
            [Datum::Record(record)] if self.is_record => record.values.clone(),
            [Datum::Null] if self.is_record && self.columns != 1 => vec![Datum::Null; self.columns],
            _ => item,
        };
        if item.len() != self.columns {
            return Err(mismatch(count_detail(item.len(), self.columns)));
        }
        out.extend(item);
        Ok(())
    }
}

fn check_types(returned: &[Oid], wanted: &[Oid], scope: &Scope) -> SqlResult<()> {
    if returned.len() != wanted.len() {
        return Err(mismatch(count_detail(returned.len(), wanted.len())));
    }
    let Some(place) = (0..wanted.len()).find(|place| returned[*place] != wanted[*place]) else { return Ok(()) };
    let name = |of: Oid| types::name(&scope.catalog, &scope.session.search_path, of);
    let (returned, wanted) = (name(returned[place]), name(wanted[place]));
    let at = place + 1;
    Err(mismatch(format!("Returned type {returned} at ordinal position {at}, but query expects {wanted}.")))
}

fn count_detail(returned: usize, wanted: usize) -> String {
    let plural = if returned == 1 { "" } else { "s" };
    format!("Returned row contains {returned} attribute{plural}, but query expects {wanted}.")
}

fn mismatch(detail: String) -> Error {
    let message = "function return row and query-specified return row do not match";
    Error::new(sqlstate::DATATYPE_MISMATCH, message).detail(detail)
}

impl FunctionScan {
    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let mut open = Vec::with_capacity(self.functions.len());
                for function in &self.functions {
                    open.push(Some(function.call.open(&[], exec).await?));
                }
                self.open.insert(open)
            }
        };
        let mut rows = Rows::new(self.width);
        while !rows.is_full() {
            let mut any = false;
            for (function, items) in self.functions.iter().zip(open.iter_mut()) {
                let item = items.as_mut().and_then(Iterator::next);
                match item {
                    Some(item) => {
                        any = true;
                        let item = item.map_err(|error| function.call.located(error))?;
                        function.push(item, rows.open_row(), exec.scope)?;
                    }
                    None => {
                        *items = None;
                        rows.open_row().extend(std::iter::repeat_n(Datum::Null, function.columns));
                    }
                }
            }
            if !any {
                rows.drop_opened();
                break;
            }
            if self.ordinality {
                self.row += 1;
                rows.open_row().push(Datum::Int8(self.row));
            }
            rows.end_row();
        }
        Ok((!rows.is_empty()).then_some(rows))
    }
}

impl Operator for FunctionScan {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, _: &mut State) {
        self.open = None;
        self.row = 0;
    }
}
