//! Calls of functions that fill records with columns that somebody else has said: `json_populate_record` and its kin.
//!
//! Who says them, first to last: the result's type, if it is that of a table's rows; the record that the call is given,
//! if it is not NULL; the query, by a column definition list.

use std::sync::Arc;

use atoll_datum::io::{Form, RecordForm};
use atoll_datum::json::populate::Populate;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};

use crate::exec::build::Builder;
use crate::function::name::{form, record_form};
use crate::plan::Call;
use crate::session::Scope;
use crate::types::Type;

#[derive(Clone, Debug)]
pub struct Populating {
    function: Populate,
    result: Oid,
    /// As the result's type or the query says.
    form: Option<Arc<RecordForm>>,
}

impl Populating {
    pub fn new(function: Populate, call: &Call, result: Oid, builder: &Builder<'_>) -> Result<Populating> {
        let scope = builder.scope;
        let form = match &call.shape {
            _ if result != oid::RECORD => match form(scope, result) {
                Some(Form::Record(form)) => Some(form),
                _ => return Err(Error::internal("a record that is no row of a table")),
            },
            Some(shape) => Some(Arc::new(record_form(scope, oid::RECORD, shape.iter().cloned())?)),
            None => None,
        };
        Ok(Populating { function, result, form })
    }

    /// All records of a set, or the one record or NULL.
    pub fn call(&self, arguments: &[Datum], scope: &Scope) -> Result<Vec<Datum>> {
        let (base, json) = match arguments {
            [base, json, ..] if self.function.takes_base => (base, json),
            [json] => (&Datum::Null, json),
            _ => return Err(Error::internal(format!("{} has too few arguments", self.function.name))),
        };
        let own = match base {
            Datum::Record(record) if self.result == oid::RECORD => {
                let types = record.types.iter().map(|of| Type::new(*of));
                Some(Arc::new(record_form(scope, oid::RECORD, record.names.iter().cloned().zip(types))?))
            }
            _ => None,
        };
        let Some(form) = own.as_ref().or(self.form.as_ref()) else {
            let message = format!("could not determine row type for result of {}", self.function.name);
            let hint = "Provide a non-null record argument, or call the function in the FROM clause using a column \
                        definition list.";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint));
        };
        self.function.call(form, base, json, &scope.settings)
    }
}
