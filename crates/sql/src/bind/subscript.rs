//! ARRAY[...], subscripts, and paths of subscripts and fields.

use atoll_datum::{Datum, Error, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast, Indirection};

use super::cast::Context;
use super::{Binder, located, types};
use crate::plan::{Expr, ExprKind, Subscript};
use crate::types::Type;

impl Binder<'_> {
    /// `target` is what the whole array is cast to, if it is.
    pub fn array(&mut self, elements: &[ast::Expr], target: Option<Type>, at: At) -> Result<Expr> {
        let mut bound = Vec::with_capacity(elements.len());
        let mut nested = false;
        for element in elements {
            let element = match &element.kind {
                Ast::Array(inner) => {
                    nested = true;
                    self.array(inner, target, element.at)?.at(element.at.0)
                }
                _ => self.expr(element)?,
            };
            bound.push(element);
        }
        let (array, element) = match target {
            Some(target) => {
                let inner = types::element(self.catalog, target.oid).unwrap_or(target.oid);
                let element = if nested { target } else { Type::with_modifier(inner, target.modifier) };
                // Elements that are arrays already make one of more dimensions.
                nested |= bound.iter().any(|element| types::element(self.catalog, element.ty.oid).is_some());
                (target, if nested { target } else { element })
            }
            None if bound.is_empty() => {
                let message = "cannot determine type of empty array";
                let hint = "Explicitly cast to the desired type, for example ARRAY[]::integer[].";
                return Err(Error::new(sqlstate::INDETERMINATE_DATATYPE, message).hint(hint).at(at.offset()));
            }
            None => {
                let element = self.common_type_of(&bound.iter().collect::<Vec<_>>(), "ARRAY")?;
                nested |= types::element(self.catalog, element).is_some();
                let array = if nested { Some(element) } else { types::array_of(self.catalog, element) };
                let array = array.ok_or_else(|| {
                    let message = format!("could not find array type for data type {}", self.type_text(element));
                    Error::new(sqlstate::UNDEFINED_OBJECT, message).at(at.offset())
                })?;
                (Type::new(array), Type::new(element))
            }
        };
        let mut converted = Vec::with_capacity(bound.len());
        for value in bound {
            let begin = value.at.map_or(at, At);
            converted.push(match target {
                Some(_) => self.explicit_cast(value, element, begin)?,
                None => self.coerce_to_common(value, element.oid, "ARRAY")?,
            });
        }
        Ok(Expr::new(ExprKind::Array { elements: converted, nested }, array))
    }

    /// `base[1].field[2:3]`.
    pub fn indirection(&mut self, base: &ast::Expr, path: &[Indirection], at: At) -> Result<Expr> {
        let mut value = self.expr(base)?;
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first {
                Indirection::Field(name) => {
                    if let (Ast::Column(names), ExprKind::NamedRow { names: fields, .. }) = (&base.kind, &value.kind)
                        && !fields.iter().any(|field| **field == *name.text)
                    {
                        let table = names.last().map_or("", ast::Name::as_str);
                        let message = format!("column {table}.{name} does not exist");
                        return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message).at(base.at.offset()));
                    }
                    value = self.field(value, name)?;
                    rest = after;
                }
                Indirection::Star => {
                    let message = "row expansion via \"*\" is not supported here";
                    return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset()));
                }
                Indirection::Index(_) | Indirection::Slice(..) => {
                    let is_subscript =
                        |step: &&Indirection| matches!(step, Indirection::Index(_) | Indirection::Slice(..));
                    let count = rest.iter().take_while(is_subscript).count();
                    value = self.subscript(value, &rest[..count])?;
                    rest = &rest[count..];
                }
            }
        }
        Ok(value)
    }

    fn subscript(&mut self, array: Expr, path: &[Indirection]) -> Result<Expr> {
        let at = array.at;
        if array.ty.oid == oid::JSONB {
            return self.json_subscript(array, path);
        }
        if array.ty.oid == oid::NAME {
            return self.name_subscript(array, path);
        }
        let Some(element) = types::element(self.catalog, array.ty.oid) else {
            let text = self.type_text(array.ty.oid);
            let message = format!("cannot subscript type {text} because it does not support subscripting");
            let error = Error::new(sqlstate::DATATYPE_MISMATCH, message);
            return Err(located(error, at));
        };
        let subscripts = self.subscripts(path)?;
        let is_slice = subscripts.iter().any(|subscript| matches!(subscript, Subscript::Slice(..)));
        let modifier = array.ty.modifier;
        let ty = match array.ty.oid {
            oid::INT2VECTOR if is_slice => oid::INT2_ARRAY,
            oid::OIDVECTOR if is_slice => oid::OID_ARRAY,
            array if is_slice => array,
            _ => element,
        };
        let kind = ExprKind::Subscript { array: Box::new(array), subscripts };
        Ok(Expr { kind, ty: Type::with_modifier(ty, modifier), at })
    }

    /// A name is an array of 64 "char"s, counted from 0.
    fn name_subscript(&mut self, name: Expr, path: &[Indirection]) -> Result<Expr> {
        let at = name.at;
        let subscripts = self.subscripts(path)?;
        if subscripts.iter().any(|subscript| matches!(subscript, Subscript::Slice(..))) {
            let message = "slices of fixed-length arrays not implemented";
            return Err(located(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message), at));
        }
        let kind = ExprKind::Subscript { array: Box::new(name), subscripts };
        Ok(Expr { kind, ty: oid::CHAR.into(), at })
    }

    /// As many slices as subscripts if one is a slice: `[n]` then means `[1:n]`.
    pub fn subscripts(&mut self, path: &[Indirection]) -> Result<Vec<Subscript>> {
        let slices = path.iter().any(|step| matches!(step, Indirection::Slice(..)));
        let mut subscripts = Vec::with_capacity(path.len());
        for step in path {
            subscripts.push(match step {
                Indirection::Index(index) if slices => {
                    let one = Expr::literal(Datum::Int4(1), Type::INT4);
                    Subscript::Slice(Some(one), Some(self.index(index)?))
                }
                Indirection::Index(index) => Subscript::Index(self.index(index)?),
                Indirection::Slice(from, to) => {
                    let from = from.as_ref().map(|from| self.index(from)).transpose()?;
                    let to = to.as_ref().map(|to| self.index(to)).transpose()?;
                    Subscript::Slice(from, to)
                }
                _ => return Err(Error::internal("a field among subscripts")),
            });
        }
        Ok(subscripts)
    }

    fn index(&mut self, index: &ast::Expr) -> Result<Expr> {
        let bound = self.expr(index)?;
        self.coerce_to(bound, Type::INT4, Context::Assignment)?.ok_or_else(|| {
            let message = "array subscript must have type integer";
            Error::new(sqlstate::DATATYPE_MISMATCH, message).at(index.at.offset())
        })
    }

    fn json_subscript(&mut self, value: Expr, path: &[Indirection]) -> Result<Expr> {
        let mut arguments = vec![value];
        for step in path {
            let Indirection::Index(key) = step else {
                let message = "jsonb subscript does not support slices";
                return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
            };
            let bound = self.expr(key)?;
            let bound = match bound.ty.oid {
                oid::UNKNOWN => self.coerce_type(bound, Type::TEXT, Context::Implicit)?,
                oid::TEXT => bound,
                _ => {
                    let from = bound.ty.oid;
                    let whole = self.coerce_to(bound, Type::INT4, Context::Implicit)?.ok_or_else(|| {
                        let message = format!("subscript type {} is not supported", self.type_text(from));
                        let hint = "jsonb subscript must be coercible to either integer or text.";
                        Error::new(sqlstate::DATATYPE_MISMATCH, message).hint(hint).at(key.at.offset())
                    })?;
                    self.coerce_type(whole, Type::TEXT, Context::Assignment)?
                }
            };
            arguments.push(bound);
        }
        self.named_call("jsonb_extract_path", arguments, At(0))
    }
}
