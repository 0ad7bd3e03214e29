//! Queries within expressions.

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast, Quantifier};

use super::names::Origin;
use super::query::Output;
use super::{Binder, Bound, syntax_error, types};
use crate::plan::{ColumnId, Expr, ExprKind, Plan, Project, Subquery, SubqueryKind};
use crate::types::Type;

impl Binder<'_> {
    fn inner_query(&mut self, query: &ast::Query, at: At) -> Result<Bound> {
        if let Some(place) = self.place().subquery_text() {
            let message = format!("cannot use subquery in {place}");
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset()));
        }
        let bound = self.query(query)?;
        self.settle_unknown(bound)
    }

    pub fn exists(&mut self, query: &ast::Query, at: At) -> Result<Expr> {
        let bound = self.inner_query(query, at)?;
        Ok(subquery(SubqueryKind::Exists, bound.plan, Type::BOOL))
    }

    pub fn scalar_query(&mut self, query: &ast::Query, at: At) -> Result<Expr> {
        let bound = self.inner_query(query, at)?;
        let column = only_column(&bound, at)?;
        let ty = column.ty;
        Ok(subquery(SubqueryKind::Scalar, bound.plan, ty))
    }

    pub fn array_query(&mut self, query: &ast::Query, at: At) -> Result<Expr> {
        let bound = self.inner_query(query, at)?;
        let ty = only_column(&bound, at)?.ty;
        // An array of arrays is an array of more dimensions.
        let array = match types::element(self.catalog, ty.oid) {
            Some(_) => ty.oid,
            None => types::array_of(self.catalog, ty.oid).ok_or_else(|| {
                let message = format!("could not find array type for data type {}", self.type_text(ty.oid));
                Error::new(sqlstate::UNDEFINED_OBJECT, message).at(at.offset())
            })?,
        };
        Ok(subquery(SubqueryKind::Array, bound.plan, Type::with_modifier(array, ty.modifier)))
    }

    /// `x op ANY (SELECT ...)`, `(a, b) IN (SELECT ...)`.
    pub fn quantified_query(
        &mut self,
        operator: &ast::Operator,
        quantifier: Quantifier,
        left: &ast::Expr,
        query: &ast::Query,
        at: At,
    ) -> Result<Expr> {
        let bound = self.inner_query(query, left.at)?;
        let fields = match &left.kind {
            Ast::Row(row) => row.fields.as_slice(),
            _ => std::slice::from_ref(left),
        };
        let compare = self.compare_with_output(operator, fields, &bound.output, at)?;
        let compare = self.coerce_to_boolean(compare, "ANY")?;
        let kind = SubqueryKind::Quantified { compare: Box::new(compare), all: quantifier == Quantifier::All };
        Ok(subquery(kind, bound.plan, Type::BOOL))
    }

    /// `(a, b) = (SELECT ...)`: the comparison is made within the subquery, so that no row is NULL and two are an error.
    pub fn row_against_query(
        &mut self,
        operator: &ast::Operator,
        fields: &[ast::Expr],
        query: &ast::Query,
        at: At,
    ) -> Result<Expr> {
        let bound = self.inner_query(query, at)?;
        let compare = self.compare_with_output(operator, fields, &bound.output, operator.at)?;
        let ty = compare.ty;
        let columns = vec![(self.new_column(Origin::Internal), compare)];
        let plan = Plan::Project(Box::new(Project { input: bound.plan, columns }));
        Ok(subquery(SubqueryKind::Scalar, plan, ty))
    }

    fn compare_with_output(
        &mut self,
        operator: &ast::Operator,
        fields: &[ast::Expr],
        output: &[Output],
        at: At,
    ) -> Result<Expr> {
        if fields.len() < output.len() {
            return Err(syntax_error("subquery has too many columns", at));
        }
        if fields.len() > output.len() {
            return Err(syntax_error("subquery has too few columns", at));
        }
        self.compare_rows(operator, fields.len(), &mut |binder, place| {
            let column = &output[place];
            let mut right = Expr::column(column.id, column.ty);
            right.at = Some(at.0);
            Ok((binder.expr(&fields[place])?, right))
        })
    }

    /// An expression over one row of values that are computed first.
    pub fn over_row(&mut self, columns: Vec<(ColumnId, Expr)>, result: Expr) -> Expr {
        let ty = result.ty;
        let input = Plan::Project(Box::new(Project { input: Plan::one_row(), columns }));
        let columns = vec![(self.new_column(Origin::Internal), result)];
        subquery(SubqueryKind::Scalar, Plan::Project(Box::new(Project { input, columns })), ty)
    }
}

pub(super) fn subquery(kind: SubqueryKind, plan: Plan, ty: Type) -> Expr {
    Expr::new(ExprKind::Subquery(Box::new(Subquery { kind, plan })), ty)
}

fn only_column(bound: &Bound, at: At) -> Result<&Output> {
    match bound.output.as_slice() {
        [column] => Ok(column),
        _ => Err(syntax_error("subquery must return only one column", at)),
    }
}
