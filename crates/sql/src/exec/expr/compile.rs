//! From a bound expression to an evaluator.

use std::collections::HashSet;
use std::sync::Arc;

use atoll_datum::io::Form;
use atoll_datum::{Datum, Error, Oid, Result, oid};

use super::call::{Applied, ScalarBody, Spread, WaitingCall, is_integer};
use super::compare::{Comparator, Comparison};
use super::operation::{Kind, Operation, RecordType, SubscriptKind, widened};
use super::populate::Populating;
use super::{CallNode, CaseNode, Columns, Evaluator, Node, any_waits};
use crate::bind::types;
use crate::exec::build::Builder;
use crate::exec::keyed::{Hasher, Sense};
use crate::plan::{Body, Call, Expr, ExprKind, Function, Subscript};

impl Builder<'_> {
    /// Compiles an expression over rows with these columns. Columns that they don't have come from further out.
    pub fn expr(&mut self, expr: &Expr, columns: &Columns) -> Result<Evaluator> {
        let node = match &expr.kind {
            ExprKind::Literal(value) => Node::Literal(value.clone()),
            ExprKind::Column(id) => match columns.position(*id) {
                Some(position) => Node::Column(position),
                None => Node::Slot(self.slot(*id)),
            },
            ExprKind::Parameter(number) => Node::Parameter(*number),
            ExprKind::Relabel(operand) => return self.expr(operand, columns),
            ExprKind::Call(call) => return self.call(call, expr, columns),
            ExprKind::And(parts) => return self.junction(parts, columns, Node::And),
            ExprKind::Or(parts) => return self.junction(parts, columns, Node::Or),
            ExprKind::Coalesce(parts) => return self.junction(parts, columns, Node::Coalesce),
            ExprKind::Not(operand) => {
                let operand = self.expr(operand, columns)?;
                let waits = operand.waits;
                return Ok(Evaluator::new(Node::Not(Box::new(operand)), waits));
            }
            ExprKind::Is { operand, test, negated } => {
                let operand = self.expr(operand, columns)?;
                let waits = operand.waits;
                return Ok(Evaluator::new(Node::Is { operand: operand.into(), test: *test, negated: *negated }, waits));
            }
            ExprKind::Case { branches, otherwise } => {
                let mut compiled = Vec::with_capacity(branches.len());
                for (when, then) in branches {
                    compiled.push((self.expr(when, columns)?, self.expr(then, columns)?));
                }
                let otherwise = otherwise.as_ref().map(|otherwise| self.expr(otherwise, columns)).transpose()?;
                let parts = compiled.iter().flat_map(|(when, then)| [when, then]);
                let waits = any_waits(parts.chain(&otherwise));
                return Ok(Evaluator::new(Node::Case(CaseNode { branches: compiled.into(), otherwise }.into()), waits));
            }
            ExprKind::Subquery(subquery) => {
                let node = self.subquery(subquery, expr, columns)?;
                return Ok(Evaluator::new(Node::Subquery(node.into()), true));
            }
            ExprKind::CastByText(operand) => {
                let (output, input) = (self.form(operand.ty.oid)?, self.form(expr.ty.oid)?);
                let kind = Kind::CastByText { output, input, modifier: expr.ty.modifier };
                return self.operation(kind, [&**operand], expr, columns);
            }
            ExprKind::CastArray { array, element, column } => {
                let element = self.expr(element, &Columns::from(vec![*column]))?;
                if element.waits {
                    return Err(Error::internal("the cast of an array's elements waits"));
                }
                let element_type = self.element_type(expr.ty.oid)?;
                return self.operation(Kind::CastArray { element, element_type }, [&**array], expr, columns);
            }
            ExprKind::IsDistinctFrom { left, right, equal, negated } => {
                let equal = self.applied(equal, &[left.ty.oid, right.ty.oid], oid::BOOL, expr.at)?;
                return self.operation(
                    Kind::DistinctFrom { equal, negated: *negated },
                    [&**left, &**right],
                    expr,
                    columns,
                );
            }
            ExprKind::NullIf { left, right, equal } => {
                let equal = self.applied(equal, &[left.ty.oid, right.ty.oid], oid::BOOL, expr.at)?;
                return self.operation(Kind::NullIf { equal }, [&**left, &**right], expr, columns);
            }
            ExprKind::Greatest(parts) | ExprKind::Least(parts) => {
                let greatest = matches!(expr.kind, ExprKind::Greatest(_));
                let kind = Kind::Extreme { greatest, sense: Sense::of(expr.ty.oid) };
                return self.operation(kind, parts, expr, columns);
            }
            ExprKind::Quantified { left, array, operator, all } => {
                return self.quantified(left, array, operator, *all, expr, columns);
            }
            ExprKind::Array { elements, nested } => {
                let element_type = self.element_type(expr.ty.oid)?;
                return self.operation(Kind::Array { element_type, nested: *nested }, elements, expr, columns);
            }
            ExprKind::Row(fields) => {
                let types = fields.iter().map(|field| field.ty.oid).collect::<Vec<_>>();
                let kind = Kind::Row(self.record_type(expr.ty.oid, &types));
                return self.operation(kind, fields, expr, columns);
            }
            ExprKind::NamedRow { names, fields } => {
                let types = fields.iter().map(|field| field.ty.oid).collect();
                let kind = Kind::Row(RecordType { of: expr.ty.oid, names: names.clone(), types });
                return self.operation(kind, fields, expr, columns);
            }
            ExprKind::Field { record, field } => {
                return self.operation(Kind::Field(*field), [&**record], expr, columns);
            }
            ExprKind::Subscript { array, subscripts } => {
                let mut operands = vec![&**array];
                let kinds = subscript_kinds(subscripts, &mut operands);
                return self.operation(Kind::Subscript(kinds), operands, expr, columns);
            }
            ExprKind::AssignElement { array, subscripts, value } => {
                let mut operands = vec![&**array, &**value];
                let subscripts = subscript_kinds(subscripts, &mut operands);
                // The element type of a jsonb is nobody's concern.
                let element_type = self.scope.catalog.element_type(expr.ty.oid).unwrap_or(Oid::NONE);
                return self.operation(Kind::Assign { element_type, subscripts }, operands, expr, columns);
            }
            ExprKind::Aggregate(_) | ExprKind::Window(_) | ExprKind::Set(_) | ExprKind::Default => {
                return Err(Error::internal("an expression is where it can't be evaluated").at_expr(expr));
            }
        };
        Ok(Evaluator::new(node, false))
    }

    pub fn exprs<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        columns: &Columns,
    ) -> Result<Vec<Evaluator>> {
        exprs.into_iter().map(|expr| self.expr(expr, columns)).collect()
    }

    /// Conditions that must all be true.
    pub fn conditions(&mut self, exprs: &[Expr], columns: &Columns) -> Result<Option<Evaluator>> {
        match exprs {
            [] => Ok(None),
            [one] => self.expr(one, columns).map(Some),
            many => self.junction(many, columns, Node::And).map(Some),
        }
    }

    fn junction(&mut self, parts: &[Expr], columns: &Columns, node: fn(Box<[Evaluator]>) -> Node) -> Result<Evaluator> {
        let parts = self.exprs(parts, columns)?;
        let waits = any_waits(&parts);
        Ok(Evaluator::new(node(parts.into()), waits))
    }

    fn operation<'e>(
        &mut self,
        kind: Kind,
        operands: impl IntoIterator<Item = &'e Expr>,
        expr: &Expr,
        columns: &Columns,
    ) -> Result<Evaluator> {
        let operands = self.exprs(operands, columns)?;
        let waits = any_waits(&operands);
        Ok(Evaluator::new(Node::Operation(Operation { kind, operands: operands.into(), at: expr.at }.into()), waits))
    }

    fn call(&mut self, call: &Call, expr: &Expr, columns: &Columns) -> Result<Evaluator> {
        let arguments = self.exprs(&call.arguments, columns)?;
        let waits = any_waits(&arguments);
        if let Some(comparator) = Comparator::of(&call.function) {
            if let Ok([left, right]) = <[Evaluator; 2]>::try_from(arguments) {
                return Ok(Evaluator::new(Node::Compare(Comparison { comparator, left, right }.into()), waits));
            }
            return Err(Error::internal("a comparison does not have two arguments").at_expr(expr));
        }
        if let Body::Waiting(body) = call.function.body {
            let strict = call.function.row.strict;
            let call = WaitingCall { body, strict, arguments: arguments.into(), at: expr.at };
            return Ok(Evaluator::new(Node::Waiting(call.into()), true));
        }
        let types: Vec<Oid> = call.arguments.iter().map(|argument| argument.ty.oid).collect();
        let mut function = match call.function.body {
            Body::Populate(populate) => {
                let body = Populating::new(populate, call, expr.ty.oid, self)?;
                let (body, strict) = (ScalarBody::Populate(Box::new(body)), call.function.row.strict);
                let argument_types = types.as_slice().into();
                Applied { body, strict, argument_types, result: expr.ty.oid, spread: None, at: expr.at }
            }
            _ => self.applied(&call.function, &types, expr.ty.oid, expr.at)?,
        };
        if call.variadic && call.function.row.variadic == oid::ANY {
            let array = types.last().copied().unwrap_or(oid::UNKNOWN);
            let element_type = self.element_type(array)?;
            function.spread = Some(Spread { element_type, null_is_empty: call.function.row.name == "format" });
        }
        Ok(Evaluator::new(Node::Call(CallNode { function, arguments: arguments.into() }.into()), waits))
    }

    fn applied(&self, function: &Function, types: &[Oid], result: Oid, at: Option<u32>) -> Result<Applied> {
        let body = match function.body {
            Body::Pure(body) => ScalarBody::Pure(body),
            Body::Session(body) => ScalarBody::Session(body),
            _ => return Err(Error::internal(format!("{} can't be called here", function.row.name))),
        };
        let strict = function.row.strict;
        Ok(Applied { body, strict, argument_types: types.into(), result, spread: None, at })
    }

    fn quantified(
        &mut self,
        left: &Expr,
        array: &Expr,
        operator: &Function,
        all: bool,
        expr: &Expr,
        columns: &Columns,
    ) -> Result<Evaluator> {
        let element = self.element_type(array.ty.oid)?;
        let negated = match (Comparator::of(operator), all) {
            (Some(Comparator::Equal), false) => Some(false),
            (Some(Comparator::NotEqual), true) => Some(true),
            _ => None,
        };
        if let (Some(negated), Some(Datum::Array(values))) = (negated, array.as_literal()) {
            let values = values.elements();
            let known = values.iter().filter(|value| !value.is_null());
            let members: HashSet<Datum, Hasher> = known.map(widened).collect();
            let has_null = values.iter().any(Datum::is_null);
            return self.operation(Kind::Member { members, has_null, negated }, [left], expr, columns);
        }
        let operator = self.applied(operator, &[left.ty.oid, element], oid::BOOL, expr.at)?;
        self.operation(Kind::Quantified { operator, all }, [left, array], expr, columns)
    }

    /// How values of a type are read and printed.
    pub(in crate::exec) fn form(&self, of: Oid) -> Result<Form> {
        let missing = || Error::unsupported(format!("a value of the type with OID {of} as text"));
        crate::function::name::form(self.scope, of).ok_or_else(missing)
    }

    pub(in crate::exec) fn element_type(&self, array: Oid) -> Result<Oid> {
        let vector = || atoll_datum::builtin::builtin().type_by_oid(array).map(|row| row.element);
        let found = types::element(&self.scope.catalog, array).or_else(vector).filter(|element| !element.is_none());
        found.ok_or_else(|| Error::internal(format!("the type with OID {array} is no array")))
    }

    pub(super) fn record_type(&self, of: Oid, types: &[Oid]) -> RecordType {
        let table = self.scope.catalog.row_type_table(of);
        let of_table =
            table.map(|table| table.visible_columns().map(|column| column.name.as_str()).collect::<Vec<_>>());
        let names: Arc<[Arc<str>]> = match of_table {
            Some(names) if names.len() == types.len() => names.into_iter().map(Arc::from).collect(),
            _ => (1..=types.len()).map(|at| Arc::from(format!("f{at}"))).collect(),
        };
        RecordType { of, names, types: types.into() }
    }

    /// The sides of `left = right` if it is the default equality of a type that has one hash: the column's side second.
    pub(super) fn equality<'e>(&self, expr: &'e Expr) -> Option<(Comparator, &'e Expr, &'e Expr)> {
        let ExprKind::Call(call) = &expr.kind else { return None };
        let comparator = Comparator::of(&call.function)?;
        let [left, right] = &call.arguments[..] else { return None };
        let (a, b) = (left.ty.oid, right.ty.oid);
        (a == b || (is_integer(a) && is_integer(b))).then_some((comparator, left, right))
    }
}

trait AtExpr {
    fn at_expr(self, expr: &Expr) -> Self;
}

impl AtExpr for Error {
    fn at_expr(self, expr: &Expr) -> Error {
        match expr.at {
            Some(at) => self.at(at as usize),
            None => self,
        }
    }
}

/// Puts the subscripts' expressions behind the operands, and tells which are what.
fn subscript_kinds<'e>(subscripts: &'e [Subscript], operands: &mut Vec<&'e Expr>) -> Box<[SubscriptKind]> {
    let kind = |subscript: &'e Subscript| match subscript {
        Subscript::Index(index) => {
            operands.push(index);
            SubscriptKind::Index
        }
        Subscript::Slice(lower, upper) => {
            operands.extend(lower.iter().chain(upper));
            SubscriptKind::Slice { has_lower: lower.is_some(), has_upper: upper.is_some() }
        }
    };
    subscripts.iter().map(kind).collect()
}
