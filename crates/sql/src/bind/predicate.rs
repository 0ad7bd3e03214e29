//! Comparisons, of rows too; BETWEEN, LIKE, IN, ANY and ALL, IS DISTINCT FROM.
//!
//! What stands for several comparisons is bound once for each: an expression is never copied after binding, because the
//! subqueries in it make columns that only one place may make.

use atoll_datum::{Datum, Error, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast, InSet, LikeKind, QuantifiedSet, Quantifier};

use super::cast::{Context, can_coerce};
use super::common_type::common_type;
use super::expr::negate_if;
use super::operator::builtin_symbol;
use super::{Binder, syntax_error, types};
use crate::plan::{Expr, ExprKind, IsTest};
use crate::types::Type;

/// Both sides of one field.
type Pair<'a, B> = dyn FnMut(&mut B, usize) -> Result<(Expr, Expr)> + 'a;

impl Binder<'_> {
    pub fn binary(&mut self, binary: &ast::Binary) -> Result<Expr> {
        match (&binary.left.kind, &binary.right.kind) {
            (Ast::Row(left), Ast::Subquery(query)) => {
                self.row_against_query(&binary.operator, &left.fields, query, binary.left.at)
            }
            (Ast::Row(left), Ast::Row(right)) => self.row_comparison(&binary.operator, &left.fields, &right.fields),
            _ => {
                let (left, right) = (self.expr(&binary.left)?, self.expr(&binary.right)?);
                self.apply_operator(&binary.operator, left, right)
            }
        }
    }

    fn row_comparison(&mut self, operator: &ast::Operator, left: &[ast::Expr], right: &[ast::Expr]) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(syntax_error("unequal number of entries in row expressions", operator.at));
        }
        self.compare_rows(operator, left.len(), &mut |binder, place| {
            Ok((binder.expr(&left[place])?, binder.expr(&right[place])?))
        })
    }

    /// Compares field by field; `pair` gives the sides of one field, anew each time it is asked.
    pub fn compare_rows(&mut self, operator: &ast::Operator, count: usize, pair: &mut Pair<Self>) -> Result<Expr> {
        if count == 0 {
            let message = "cannot compare rows of zero length";
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(operator.at.offset()));
        }
        let mut compare = |binder: &mut Self, operator: &ast::Operator, place: usize| {
            let (left, right) = pair(binder, place)?;
            let compared = binder.apply_operator(operator, left, right)?;
            if compared.ty.oid != oid::BOOL && count > 1 {
                let text = binder.type_text(compared.ty.oid);
                let message = format!("row comparison operator must yield type boolean, not type {text}");
                return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).at(operator.at.offset()));
            }
            Ok(compared)
        };
        if count == 1 {
            return compare(self, operator, 0);
        }
        let strict = match &*operator.symbol {
            "=" | "<>" => {
                let parts = (0..count).map(|place| compare(self, operator, place)).collect::<Result<_>>()?;
                let kind = if &*operator.symbol == "=" { ExprKind::And(parts) } else { ExprKind::Or(parts) };
                return Ok(Expr::new(kind, Type::BOOL));
            }
            "<" | "<=" => "<",
            ">" | ">=" => ">",
            symbol => {
                // The fields may still have no such operator, which is the better complaint.
                compare(self, operator, 0)?;
                let message = format!("could not determine interpretation of row comparison operator {symbol}");
                let hint = "Row comparison operators must be associated with btree operator families.";
                let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint);
                return Err(error.at(operator.at.offset()));
            }
        };
        // a < x OR (a = x AND (b < y OR ...)): the last field decides with the operator itself.
        let (strict, equal) = (builtin_symbol(strict, operator.at), builtin_symbol("=", operator.at));
        let mut compared = compare(self, operator, count - 1)?;
        for place in (0..count - 1).rev() {
            let less = compare(self, &strict, place)?;
            let same = compare(self, &equal, place)?;
            let rest = Expr::new(ExprKind::And(vec![same, compared]), Type::BOOL);
            compared = Expr::new(ExprKind::Or(vec![less, rest]), Type::BOOL);
        }
        Ok(compared)
    }

    pub fn is_distinct_from(&mut self, distinct: &ast::IsDistinctFrom) -> Result<Expr> {
        if let (Ast::Row(left), Ast::Row(right)) = (&distinct.left.kind, &distinct.right.kind) {
            if left.fields.len() != right.fields.len() {
                return Err(syntax_error("unequal number of entries in row expressions", distinct.at));
            }
            let pairs = left.fields.iter().zip(&right.fields);
            let parts: Vec<Expr> = pairs
                .map(|(left, right)| {
                    let (left, right) = (self.expr(left)?, self.expr(right)?);
                    self.distinct_pair(left, right, false, distinct.at)
                })
                .collect::<Result<_>>()?;
            let any = match parts.len() {
                0 => Expr::literal(Datum::Bool(false), Type::BOOL),
                _ => Expr::new(ExprKind::Or(parts), Type::BOOL),
            };
            return Ok(negate_if(distinct.negated, any));
        }
        let is_null = |expr: &ast::Expr| matches!(expr.kind, Ast::Literal(ast::Literal::Null));
        let against_null = match (is_null(&distinct.left), is_null(&distinct.right)) {
            (_, true) => Some(&distinct.left),
            (true, false) => Some(&distinct.right),
            _ => None,
        };
        if let Some(operand) = against_null {
            let operand = Box::new(self.expr(operand)?);
            let kind = ExprKind::Is { operand, test: IsTest::Null, negated: !distinct.negated };
            return Ok(Expr::new(kind, Type::BOOL));
        }
        let (left, right) = (self.expr(&distinct.left)?, self.expr(&distinct.right)?);
        self.distinct_pair(left, right, distinct.negated, distinct.at)
    }

    fn distinct_pair(&mut self, left: Expr, right: Expr, negated: bool, at: At) -> Result<Expr> {
        let equal = builtin_symbol("=", at);
        let (left, right, equal) = self.boolean_operator(&equal, left, right, "IS DISTINCT FROM")?;
        let kind = ExprKind::IsDistinctFrom { left: Box::new(left), right: Box::new(right), equal, negated };
        Ok(Expr::new(kind, Type::BOOL))
    }

    pub fn between(&mut self, between: &ast::Between) -> Result<Expr> {
        let mut one = |symbol: &str, bound: &ast::Expr| {
            let (operand, bound) = (self.expr(&between.operand)?, self.expr(bound)?);
            let compared = self.apply_operator(&builtin_symbol(symbol, between.at), operand, bound)?;
            self.coerce_to_boolean(compared, "AND")
        };
        let (low, high) = (&between.low, &between.high);
        let mut range = |low: &ast::Expr, high: &ast::Expr| {
            let (below, above) = if between.negated { ("<", ">") } else { (">=", "<=") };
            let parts = vec![one(below, low)?, one(above, high)?];
            let kind = if between.negated { ExprKind::Or(parts) } else { ExprKind::And(parts) };
            Ok::<Expr, Error>(Expr::new(kind, Type::BOOL))
        };
        if !between.symmetric {
            return range(low, high);
        }
        let parts = vec![range(low, high)?, range(high, low)?];
        let kind = if between.negated { ExprKind::And(parts) } else { ExprKind::Or(parts) };
        Ok(Expr::new(kind, Type::BOOL))
    }

    pub fn like(&mut self, like: &ast::Like) -> Result<Expr> {
        let operand = self.expr(&like.operand)?;
        let mut pattern = self.expr(&like.pattern)?;
        let escape = like.escape.as_ref().map(|escape| self.expr(escape)).transpose()?;
        let symbol = match (like.kind, like.negated) {
            (LikeKind::Like, false) => "~~",
            (LikeKind::Like, true) => "!~~",
            (LikeKind::ILike, false) => "~~*",
            (LikeKind::ILike, true) => "!~~*",
            (LikeKind::SimilarTo, false) => "~",
            (LikeKind::SimilarTo, true) => "!~",
        };
        let name = if like.kind == LikeKind::SimilarTo { "similar_to_escape" } else { "like_escape" };
        let arguments = match (like.kind, escape) {
            (LikeKind::SimilarTo, None) => Some(vec![pattern.clone()]),
            (_, Some(escape)) => Some(vec![pattern.clone(), escape]),
            _ => None,
        };
        if let Some(arguments) = arguments {
            pattern = self.named_call(name, arguments, like.at)?;
        }
        self.apply_operator(&builtin_symbol(symbol, like.at), operand, pattern)
    }

    // ---------------------------------------------------------------------------------------------------------- sets

    pub fn member(&mut self, member: &ast::In) -> Result<Expr> {
        let (symbol, quantifier) = if member.negated { ("<>", Quantifier::All) } else { ("=", Quantifier::Any) };
        match &member.set {
            InSet::Query(query) => {
                let equal = builtin_symbol("=", member.at);
                let found = self.quantified_query(&equal, Quantifier::Any, &member.operand, query, member.at)?;
                Ok(negate_if(member.negated, found))
            }
            InSet::List(list) => self.member_of_list(member, &builtin_symbol(symbol, member.at), quantifier, list),
        }
    }

    fn member_of_list(
        &mut self,
        member: &ast::In,
        operator: &ast::Operator,
        quantifier: Quantifier,
        list: &[ast::Expr],
    ) -> Result<Expr> {
        let row = match &member.operand.kind {
            Ast::Row(row) => Some(&row.fields),
            _ => None,
        };
        // Items that are the same for every row go into one array, if they have one type.
        let (mut constants, mut others) = (Vec::new(), Vec::new());
        for item in list {
            let constant = row.is_none() && !matches!(item.kind, Ast::Row(_) | Ast::Subquery(_));
            let bound = if constant { Some(self.expr(item)?) } else { None };
            match bound.filter(|bound| !self.reads_own_columns(bound)) {
                Some(bound) => constants.push((bound, item)),
                None => others.push(item),
            }
        }
        let mut parts = Vec::new();
        let mut array = None;
        if constants.len() > 1 {
            let operand = self.expr(&member.operand)?;
            let mut inputs = vec![operand.ty.oid];
            inputs.extend(constants.iter().map(|(bound, _)| bound.ty.oid));
            let takes = |ty: atoll_datum::Oid| {
                inputs.iter().all(|input| can_coerce(self.catalog, &[*input], &[ty], Context::Implicit))
            };
            let common = common_type(self.catalog, &inputs).ok().filter(|ty| *ty != oid::RECORD && takes(*ty));
            array = common.and_then(|ty| Some((operand, ty, types::array_of(self.catalog, ty)?)));
        }
        match array {
            Some((operand, ty, array)) => {
                let elements = constants
                    .into_iter()
                    .map(|(bound, _)| self.coerce_to_common(bound, ty, "IN"))
                    .collect::<Result<Vec<_>>>()?;
                let begin = elements.first().and_then(|element| element.at);
                let array = Expr { kind: ExprKind::Array { elements, nested: false }, ty: array.into(), at: begin };
                parts.push(self.quantified_array(operator, quantifier, operand, array)?);
            }
            None => {
                // In the order written.
                others = list.iter().collect();
            }
        }
        for item in others {
            let compared = match (row, &item.kind) {
                (Some(fields), Ast::Row(item)) => self.row_comparison(operator, fields, &item.fields)?,
                _ => {
                    let (operand, item) = (self.expr(&member.operand)?, self.expr(item)?);
                    self.apply_operator(operator, operand, item)?
                }
            };
            parts.push(self.coerce_to_boolean(compared, "IN")?);
        }
        Ok(match (parts.len(), member.negated) {
            (1, _) => parts.remove(0),
            (_, false) => Expr::new(ExprKind::Or(parts), Type::BOOL),
            (_, true) => Expr::new(ExprKind::And(parts), Type::BOOL),
        })
    }

    /// Whether it differs from row to row of the block that is being bound.
    fn reads_own_columns(&self, expr: &Expr) -> bool {
        let Some(block) = self.blocks.last() else { return false };
        let mut read = std::collections::BTreeSet::new();
        expr.columns(&mut read);
        read.iter().any(|id| match self.origin(*id) {
            super::names::Origin::Variable { block: of, .. }
            | super::names::Origin::Aggregate { block: of }
            | super::names::Origin::Window { block: of } => *of == block.number,
            super::names::Origin::Internal => false,
        })
    }

    pub fn quantified(&mut self, quantified: &ast::Quantified) -> Result<Expr> {
        let operator = &quantified.operator;
        match &quantified.right {
            QuantifiedSet::Query(query) => {
                self.quantified_query(operator, quantified.quantifier, &quantified.left, query, operator.at)
            }
            QuantifiedSet::Array(array) => {
                let (left, array) = (self.expr(&quantified.left)?, self.expr(array)?);
                self.quantified_array(operator, quantified.quantifier, left, array)
            }
        }
    }
}
