//! Constants: their types, and quoted ones as values of the type that is wanted.

use atoll_datum::array::Array;
use atoll_datum::builtin::builtin;
use atoll_datum::io::Form;
use atoll_datum::{Call, Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{At, Literal};

use super::{Binder, located, types};
use crate::plan::{Body, Expr};
use crate::types::Type;

impl Binder<'_> {
    pub fn literal(&mut self, literal: &Literal, at: At) -> Result<Expr> {
        let expr = match literal {
            Literal::Null => Expr::null(Type::UNKNOWN),
            Literal::Boolean(value) => Expr::literal(Datum::Bool(*value), Type::BOOL),
            Literal::Integer(value) => Expr::literal(Datum::Int4(*value), Type::INT4),
            Literal::Number(text) => match (text.parse::<i32>(), text.parse::<i64>()) {
                (Ok(value), _) => Expr::literal(Datum::Int4(value), Type::INT4),
                (_, Ok(value)) => Expr::literal(Datum::Int8(value), Type::INT8),
                _ => Expr::literal(self.parse_literal(text, Type::NUMERIC, Some(at.0))?, Type::NUMERIC),
            },
            Literal::String(text) => Expr::literal(Datum::text(&**text), Type::UNKNOWN),
            Literal::Bits(digits) => self.bits(&format!("b{digits}"), at)?,
            Literal::HexBits(digits) => self.bits(&format!("x{digits}"), at)?,
        };
        Ok(expr.at(at.0))
    }

    fn bits(&mut self, text: &str, at: At) -> Result<Expr> {
        Ok(Expr::literal(self.parse_literal(text, oid::BIT.into(), Some(at.0))?, oid::BIT))
    }

    /// What the type's input function makes of a text.
    pub fn parse_literal(&mut self, text: &str, ty: Type, at: Option<u32>) -> Result<Datum> {
        let placed = |error: Error| located(error, at);
        if let Some(value) = self.parse_by_session(text, ty.oid) {
            return value.map_err(placed);
        }
        if let Some(form) = self.catalog.form(ty.oid) {
            return form.parse(text, ty.modifier, &self.scope.settings).map_err(placed);
        }
        if ty.oid == oid::RECORD {
            let message = "input of anonymous composite types is not implemented";
            return Err(placed(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message)));
        }
        let row = types::element(self.catalog, ty.oid).unwrap_or(ty.oid);
        if types::is_composite(self.catalog, row)
            && let Some(form) = crate::function::name::form(self.scope, ty.oid)
        {
            return form.parse(text, ty.modifier, &self.scope.settings).map_err(placed);
        }
        let text = self.type_text(ty.oid);
        if builtin().type_by_oid(ty.oid).is_some_and(|row| row.kind == b'p') {
            let message = format!("cannot accept a value of type {text}");
            return Err(placed(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message)));
        }
        Err(placed(Error::unsupported(format!("type {text}"))))
    }

    /// Types whose input looks names up (`regclass`), and arrays of them, are read by a function of the session.
    fn parse_by_session(&self, text: &str, ty: Oid) -> Option<Result<Datum>> {
        let element = self.catalog.element_type(ty);
        let single = element.unwrap_or(ty);
        let row = builtin().type_by_oid(single)?;
        let input = builtin().functions_named(row.input).next()?;
        let Body::Session(function) = crate::function::lookup(input)?.body else { return None };
        let call = Call { settings: &self.scope.settings, argument_types: &[oid::CSTRING], result_type: single };
        let read = |text: &Datum| match text {
            Datum::Null => Ok(Datum::Null),
            text => function(self.scope, &call, std::slice::from_ref(text)),
        };
        match element {
            None => Some(read(&Datum::text(text))),
            Some(element) => Some(self.parse_array(text, element, read)),
        }
    }

    fn parse_array(&self, text: &str, element: Oid, read: impl Fn(&Datum) -> Result<Datum>) -> Result<Datum> {
        let form = Form::of(oid::TEXT_ARRAY).ok_or_else(|| Error::internal("text[] has no form"))?;
        let Datum::Array(texts) = form.parse(text, -1, &self.scope.settings)? else {
            return Err(Error::internal("text[] is read as an array"));
        };
        let elements = texts.elements().iter().map(read).collect::<Result<Vec<Datum>>>()?;
        let array = Array::with_dimensions(element, texts.dimensions().to_vec(), elements)?;
        Ok(Datum::Array(array.into()))
    }
}
