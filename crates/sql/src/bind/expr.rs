//! Expressions: which part of the binder each kind of them belongs to, and the simple ones themselves.

use atoll_datum::{Datum, Error, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast, ValueFunction};

use super::cast::Context;
use super::operator::builtin_symbol;
use super::{Binder, located, type_name, types};
use crate::plan::{Expr, ExprKind, IsTest};
use crate::types::Type;

impl Binder<'_> {
    pub fn expr(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let at = expr.at;
        self.check_stack(at)?;
        let bound = match &expr.kind {
            Ast::Literal(literal) => self.literal(literal, at)?,
            Ast::Parameter(number) => self.parameter(*number, at)?,
            Ast::Column(names) => self.column_reference(names, at)?,
            // Where no columns can be listed, it is the row.
            Ast::Star(qualifier) if !qualifier.is_empty() => {
                let item = self.star_item(qualifier, at)?;
                self.whole_row(&item, at)?
            }
            Ast::Star(_) => {
                let message = "row expansion via \"*\" is not supported here";
                return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset()));
            }
            Ast::Indirection(base, path) => self.indirection(base, path, at)?,
            Ast::And(parts) => self.connected(parts, "AND", ExprKind::And)?,
            Ast::Or(parts) => self.connected(parts, "OR", ExprKind::Or)?,
            Ast::Not(operand) => {
                let operand = self.expr(operand)?;
                let operand = self.coerce_to_boolean(operand, "NOT")?;
                Expr::new(ExprKind::Not(Box::new(operand)), Type::BOOL)
            }
            Ast::Unary(unary) => {
                let operand = self.expr(&unary.operand)?;
                self.apply_prefix(&unary.operator, operand, at)?
            }
            Ast::Binary(binary) => self.binary(binary)?,
            Ast::Is(is) => self.is(is, at)?,
            Ast::IsDistinctFrom(distinct) => self.is_distinct_from(distinct)?,
            Ast::Between(between) => self.between(between)?,
            Ast::Like(like) => self.like(like)?,
            Ast::In(member) => self.member(member)?,
            Ast::Quantified(quantified) => self.quantified(quantified)?,
            Ast::Call(call) => self.function_call(call, at)?,
            Ast::Cast(cast) => self.cast(cast)?,
            Ast::Collate(collate) => self.collate(collate)?,
            Ast::Case(case) => self.case(case, at)?,
            Ast::Coalesce(parts) => self.chosen(parts, "COALESCE", ExprKind::Coalesce)?,
            Ast::Greatest(parts) => self.chosen(parts, "GREATEST", ExprKind::Greatest)?,
            Ast::Least(parts) => self.chosen(parts, "LEAST", ExprKind::Least)?,
            Ast::NullIf(pair) => self.null_if(&pair.0, &pair.1, at)?,
            Ast::Row(row) => self.row(&row.fields)?,
            Ast::Array(elements) => self.array(elements, None, at)?,
            Ast::ArrayQuery(query) => self.array_query(query, at)?,
            Ast::Exists(query) => self.exists(query, at)?,
            Ast::Subquery(query) => self.scalar_query(query, at)?,
            Ast::Value(function) => self.value_function(*function, at)?,
            Ast::Grouping(arguments) => self.grouping(arguments, at)?,
            Ast::Default => return Err(super::syntax_error("DEFAULT is not allowed in this context", at)),
            Ast::CurrentOf(_) => return Err(Error::unsupported("WHERE CURRENT OF").at(at.offset())),
        };
        Ok(Expr { at: Some(at.0), ..bound })
    }

    /// A condition of a clause.
    pub fn condition(&mut self, expr: &ast::Expr, what: &str) -> Result<Expr> {
        let bound = self.expr(expr)?;
        self.coerce_to_boolean(bound, what)
    }

    fn connected(&mut self, parts: &[ast::Expr], what: &str, kind: fn(Vec<Expr>) -> ExprKind) -> Result<Expr> {
        let parts = parts.iter().map(|part| self.condition(part, what)).collect::<Result<_>>()?;
        Ok(Expr::new(kind(parts), Type::BOOL))
    }

    fn is(&mut self, is: &ast::Is, at: At) -> Result<Expr> {
        let mut operand = self.expr(&is.operand)?;
        let not = if is.negated { "NOT " } else { "" };
        let test = match is.test {
            ast::IsTest::Null if types::is_record(self.catalog, operand.ty.oid) => IsTest::RowNull,
            ast::IsTest::Null => IsTest::Null,
            ast::IsTest::True => IsTest::True,
            ast::IsTest::False => IsTest::False,
            ast::IsTest::Unknown => IsTest::Unknown,
            ast::IsTest::Normalized(form) => {
                let form = match form {
                    ast::NormalForm::Nfc => "NFC",
                    ast::NormalForm::Nfd => "NFD",
                    ast::NormalForm::Nfkc => "NFKC",
                    ast::NormalForm::Nfkd => "NFKD",
                };
                let form = Expr::literal(Datum::text(form), Type::TEXT);
                let test = self.named_call("is_normalized", vec![operand, form], at)?;
                return Ok(negate_if(is.negated, test));
            }
        };
        if !matches!(test, IsTest::Null | IsTest::RowNull) {
            let name = match test {
                IsTest::True => "TRUE",
                IsTest::False => "FALSE",
                _ => "UNKNOWN",
            };
            operand = self.coerce_to_boolean(operand, &format!("IS {not}{name}"))?;
        }
        let kind = ExprKind::Is { operand: Box::new(operand), test, negated: is.negated };
        Ok(Expr::new(kind, Type::BOOL))
    }

    // ------------------------------------------------------------------------------------------------------- casts

    fn cast(&mut self, cast: &ast::Cast) -> Result<Expr> {
        let target = type_name(self.scope, &cast.to)?;
        let operand = match &cast.operand.kind {
            // The elements are told what they are to be.
            Ast::Array(elements) if types::element(self.catalog, target.oid).is_some() => {
                self.array(elements, Some(target), cast.operand.at)?.at(cast.operand.at.0)
            }
            _ => self.expr(&cast.operand)?,
        };
        self.explicit_cast(operand, target, cast.at)
    }

    pub fn explicit_cast(&mut self, operand: Expr, target: Type, at: At) -> Result<Expr> {
        let source = operand.ty.oid;
        self.coerce_to(operand, target, Context::Explicit)?.ok_or_else(|| {
            let (from, to) = (self.type_text(source), self.type_text(target.oid));
            let message = format!("cannot cast type {from} to {to}");
            Error::new(sqlstate::CANNOT_COERCE, message).at(at.offset())
        })
    }

    /// All collations that Atoll has order by bytes: naming one changes nothing.
    fn collate(&mut self, collate: &ast::Collate) -> Result<Expr> {
        let operand = self.expr(&collate.operand)?;
        self.check_collation(&collate.collation, collate.at)?;
        let operand = match operand.ty.oid {
            oid::UNKNOWN => self.coerce_type(operand, Type::TEXT, Context::Implicit)?,
            _ => operand,
        };
        let base = types::element(self.catalog, operand.ty.oid).unwrap_or(operand.ty.oid);
        let takes = atoll_datum::builtin::builtin().type_by_oid(base).is_some_and(|row| !row.collation.is_none());
        if !takes {
            let message = format!("collations are not supported by type {}", self.type_text(operand.ty.oid));
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).at(collate.at.offset()));
        }
        Ok(operand)
    }

    pub fn check_collation(&self, name: &[ast::Name], at: At) -> Result<()> {
        let (schema, last) = match name {
            [name] => (None, name.as_str()),
            [schema, name] => (Some(schema.as_str()), name.as_str()),
            _ => (Some(""), ""),
        };
        let own = schema.is_none_or(|schema| schema == "pg_catalog");
        if own && matches!(last, "C" | "POSIX" | "default" | "ucs_basic") {
            return Ok(());
        }
        let text = super::names::dotted(name);
        if own && (last.contains('-') || last.contains('_') || last.eq_ignore_ascii_case("unicode")) {
            return Err(Error::unsupported(format!("collation \"{text}\"")).at(at.offset()));
        }
        let message = format!("collation \"{text}\" for encoding \"UTF8\" does not exist");
        Err(Error::new(sqlstate::UNDEFINED_OBJECT, message).at(at.offset()))
    }

    // ------------------------------------------------------------------------------------------------- conditionals

    fn case(&mut self, case: &ast::Case, at: At) -> Result<Expr> {
        let Some(operand) = &case.operand else { return self.searched_case(case, None) };
        let mut bound = self.expr(operand)?;
        if bound.ty.oid == oid::UNKNOWN {
            bound = self.coerce_type(bound, Type::TEXT, Context::Implicit)?;
        }
        let simple = !bound.is_volatile() && !bound.has_subquery();
        if simple {
            return self.searched_case(case, Some(&bound));
        }
        // The operand is computed once, in a row of its own that the branches read.
        let column = self.new_column(super::names::Origin::Internal);
        let value = Expr::column(column, bound.ty).at(at.0);
        let chosen = self.searched_case(case, Some(&value))?;
        Ok(self.over_row(vec![(column, bound)], chosen))
    }

    fn searched_case(&mut self, case: &ast::Case, operand: Option<&Expr>) -> Result<Expr> {
        let (mut conditions, mut results) = (Vec::new(), Vec::new());
        for branch in &case.branches {
            let condition = self.expr(&branch.when)?;
            let condition = match operand {
                Some(operand) => {
                    let equal = builtin_symbol("=", branch.at);
                    let begin = condition.at;
                    Expr { at: begin, ..self.apply_operator(&equal, operand.clone(), condition)? }
                }
                None => condition,
            };
            conditions.push(self.coerce_to_boolean(condition, "CASE/WHEN")?);
            results.push(self.expr(&branch.then)?);
        }
        let otherwise = match &case.otherwise {
            Some(otherwise) => self.expr(otherwise)?,
            None => Expr::null(Type::UNKNOWN),
        };
        // ELSE comes first where types are compared.
        results.insert(0, otherwise);
        let (mut results, ty) = self.unify(results, "CASE")?;
        self.refuse_sets("CASE", &results)?;
        let otherwise = results.remove(0);
        let kind = ExprKind::Case {
            branches: conditions.into_iter().zip(results).collect(),
            otherwise: Some(Box::new(otherwise)),
        };
        Ok(Expr::new(kind, ty))
    }

    /// CASE and COALESCE decide what is evaluated, which several rows can't be.
    fn refuse_sets(&self, what: &str, parts: &[Expr]) -> Result<()> {
        for part in parts {
            let mut found = None;
            part.any(&mut |expr| {
                let is_set = matches!(expr.kind, ExprKind::Set(_));
                found = found.or(if is_set { Some(expr.at) } else { None });
                is_set
            });
            if let Some(at) = found {
                let message = format!("set-returning functions are not allowed in {what}");
                let hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
                let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint);
                return Err(located(error, at));
            }
        }
        Ok(())
    }

    fn chosen(&mut self, parts: &[ast::Expr], what: &str, kind: fn(Vec<Expr>) -> ExprKind) -> Result<Expr> {
        let parts = parts.iter().map(|part| self.expr(part)).collect::<Result<Vec<_>>>()?;
        let (parts, ty) = self.unify(parts, what)?;
        if what == "COALESCE" {
            self.refuse_sets(what, &parts)?;
        } else if !types::is_sortable(self.catalog, ty.oid) {
            let message = format!("could not identify a comparison function for type {}", self.type_text(ty.oid));
            return Err(Error::new(sqlstate::UNDEFINED_FUNCTION, message));
        }
        Ok(Expr::new(kind(parts), ty))
    }

    fn null_if(&mut self, left: &ast::Expr, right: &ast::Expr, at: At) -> Result<Expr> {
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let (left, right, equal) = self.boolean_operator(&builtin_symbol("=", at), left, right, "NULLIF")?;
        let ty = left.ty;
        let kind = ExprKind::NullIf { left: Box::new(left), right: Box::new(right), equal };
        Ok(Expr::new(kind, ty))
    }

    // ----------------------------------------------------------------------------------------------------- functions

    fn value_function(&mut self, function: ValueFunction, at: At) -> Result<Expr> {
        let (target, precision) = match function {
            ValueFunction::CurrentRole | ValueFunction::CurrentUser | ValueFunction::User => {
                return self.named_call("current_user", Vec::new(), at);
            }
            ValueFunction::SessionUser => return self.named_call("session_user", Vec::new(), at),
            ValueFunction::CurrentCatalog => return self.named_call("current_database", Vec::new(), at),
            ValueFunction::CurrentSchema => return self.named_call("current_schema", Vec::new(), at),
            ValueFunction::CurrentDate => (oid::DATE, None),
            ValueFunction::CurrentTime(precision) => (oid::TIMETZ, precision),
            ValueFunction::CurrentTimestamp(precision) => (oid::TIMESTAMPTZ, precision),
            ValueFunction::LocalTime(precision) => (oid::TIME, precision),
            ValueFunction::LocalTimestamp(precision) => (oid::TIMESTAMP, precision),
        };
        let now = self.named_call("now", Vec::new(), at)?;
        let target = Type::with_modifier(target, precision.map_or(-1, |precision| precision.min(6)));
        self.explicit_cast(now, target, at)
    }
}

pub(super) fn negate_if(negated: bool, expr: Expr) -> Expr {
    match negated {
        true => Expr::new(ExprKind::Not(Box::new(expr)), Type::BOOL),
        false => expr,
    }
}
