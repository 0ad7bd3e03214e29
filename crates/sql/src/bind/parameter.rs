//! `$1`: declared, or of the type that its first use needs.

use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::At;

use super::{Binder, located};
use crate::plan::{Expr, ExprKind};
use crate::types::Type;

pub(super) struct Parameters {
    /// [`oid::UNKNOWN`] until one is known.
    types: Vec<Oid>,
}

/// As many as the protocol can count.
const PARAMETERS_MAX: u32 = 65_535;

impl Parameters {
    pub fn new(declared: &[Oid]) -> Parameters {
        let types = declared.iter().map(|ty| if ty.is_none() { oid::UNKNOWN } else { *ty });
        Parameters { types: types.collect() }
    }

    pub fn resolved(self) -> Result<Vec<Type>> {
        if let Some(place) = self.types.iter().position(|ty| *ty == oid::UNKNOWN) {
            let message = format!("could not determine data type of parameter ${}", place + 1);
            return Err(Error::new(sqlstate::INDETERMINATE_DATATYPE, message));
        }
        Ok(self.types.into_iter().map(Type::new).collect())
    }
}

impl Binder<'_> {
    pub fn parameter(&mut self, number: u32, at: At) -> Result<Expr> {
        let missing = || {
            let message = format!("there is no parameter ${number}");
            Error::new(sqlstate::UNDEFINED_PARAMETER, message).at(at.offset())
        };
        let parameters = self.parameters.as_mut().ok_or_else(missing)?;
        if !(1..=PARAMETERS_MAX).contains(&number) {
            return Err(missing());
        }
        let place = number as usize - 1;
        if parameters.types.len() <= place {
            parameters.types.resize(place + 1, oid::UNKNOWN);
        }
        Ok(Expr::new(ExprKind::Parameter(place), parameters.types[place]).at(at.0))
    }

    /// A parameter of a type not yet known is used as one of `target`.
    pub fn infer_parameter(&mut self, number: usize, target: Oid, at: Option<u32>) -> Result<()> {
        let Some(parameters) = &mut self.parameters else { return Ok(()) };
        let known = &mut parameters.types[number];
        if *known == oid::UNKNOWN {
            *known = target;
        } else if *known != target {
            let known = *known;
            let message = format!("inconsistent types deduced for parameter ${}", number + 1);
            let detail = format!("{} versus {}", self.type_text(known), self.type_text(target));
            let error = Error::new(sqlstate::AMBIGUOUS_PARAMETER, message).detail(detail);
            return Err(located(error, at));
        }
        Ok(())
    }
}
