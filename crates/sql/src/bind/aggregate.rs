//! Aggregate calls. Each becomes a column of the block that it belongs to, at once: the innermost whose columns its
//! arguments read.
//!
//! ```text
//!   SELECT (SELECT max(t.a) + u.b FROM u) FROM t      max belongs to the outer block, which it makes a grouped one
//! ```

use std::collections::BTreeSet;

use atoll_datum::builtin::builtin;
use atoll_datum::{Error, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At};

use super::cast::{Context, returns_set};
use super::function::{Resolved, call_text};
use super::names::{Origin, Place};
use super::same::{same, same_aggregate};
use super::{Binder, located, types};
use crate::plan::{AggregateCall, ColumnId, Expr, SortKey};
use crate::types::Type;

/// `GROUPING(...)`: its column, and its arguments until the keys are known.
pub(super) struct Grouping {
    pub column: ColumnId,
    pub arguments: Vec<Expr>,
    pub at: At,
}

/// The arguments as they were written; the first `direct` of them are not those of WITHIN GROUP. Nothing where it makes no
/// difference.
pub(super) struct Given {
    pub arguments: Vec<Expr>,
    pub direct: usize,
}

impl Binder<'_> {
    pub fn aggregate_call(
        &mut self,
        call: &ast::Call,
        resolved: Resolved,
        given: Given,
        filter: Option<Expr>,
        at: At,
    ) -> Result<Expr> {
        let wrong = |message: String| Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset());
        let name = call_text(call);
        let kind = builtin().aggregate(resolved.row.oid).map_or(b'n', |row| row.kind);
        if kind != b'n' && !call.within_group {
            return Err(wrong(format!("WITHIN GROUP is required for ordered-set aggregate {name}")));
        }
        if kind == b'n' && call.within_group {
            return Err(wrong(format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP")));
        }
        if call.arguments.is_empty() && !call.star && !call.within_group {
            return Err(wrong(format!("{name}(*) must be used to call a parameterless aggregate function")));
        }
        let function = self.implementation(resolved.row).map_err(|error| error.at(at.offset()))?;
        let ty = Type::new(resolved.result);
        let mut arguments = resolved.arguments;
        let (mut order_by, mut before) = (Vec::new(), Vec::new());
        if call.within_group {
            let mut ordered = arguments.split_off(given.direct);
            before = arguments;
            if kind == b'h' {
                // A literal is of the type that it is compared with.
                for (argument, given) in before.iter_mut().zip(given.arguments) {
                    if given.ty.oid == oid::UNKNOWN {
                        *argument = given;
                    }
                }
                self.unify_hypothetical(&mut before, &mut ordered, at)?;
            }
            for (key, value) in call.order_by.iter().zip(&ordered) {
                order_by.push(self.sort_key(key, value.clone())?);
            }
            arguments = ordered;
        } else {
            for key in &call.order_by {
                let value = self.expr(&key.value)?;
                let value = self.known_type(value)?;
                // The argument may have been converted; then so is what it is ordered by.
                let place = given.arguments.iter().position(|given| same(given, &value));
                let value = place.map_or(value, |place| arguments[place].clone());
                order_by.push(self.sort_key(key, value)?);
            }
        }
        if call.distinct {
            for key in &order_by {
                if !arguments.iter().any(|argument| same(argument, &key.value)) {
                    let message = "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list";
                    let place = key.value.at.map_or(at.offset(), |at| at as usize);
                    return Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message).at(place));
                }
            }
            for argument in &arguments {
                if !types::is_sortable(self.catalog, argument.ty.oid) {
                    let text = self.type_text(argument.ty.oid);
                    let message = format!("could not identify an equality operator for type {text}");
                    let place = argument.at.map_or(at.offset(), |at| at as usize);
                    return Err(Error::new(sqlstate::UNDEFINED_FUNCTION, message).at(place));
                }
            }
        }
        let mut bound = AggregateCall {
            function,
            arguments,
            direct: before,
            distinct: call.distinct,
            order_by,
            filter,
            ty,
            level: 0,
        };
        if let Some(inner) = bound.expressions().find(|expr| returns_set(expr)) {
            let message = "aggregate function calls cannot contain set-returning function calls";
            let hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
            let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint);
            return Err(error.at(inner.at.map_or(at.offset(), |at| at as usize)));
        }
        let level = self.aggregate_level(bound.expressions(), at)?;
        self.check_aggregate_place(level, "aggregate functions", at)?;
        bound.level = 0;
        let place = self.blocks.len() - 1 - level;
        let known = self.blocks[place].aggregates.iter().find(|(_, known)| same_aggregate(known, &bound));
        if let Some((id, _)) = known {
            return Ok(Expr::column(*id, ty).at(at.0));
        }
        let block = self.blocks[place].number;
        let id = self.new_column(Origin::Aggregate { block });
        self.blocks[place].aggregates.push((id, bound));
        Ok(Expr::column(id, ty).at(at.0))
    }

    /// The direct arguments of `rank(...) WITHIN GROUP` are a row like those that are ordered.
    fn unify_hypothetical(&mut self, direct: &mut [Expr], ordered: &mut [Expr], at: At) -> Result<()> {
        if direct.len() != ordered.len() {
            let message = "hypothetical-set aggregate needs as many direct arguments as ordering columns";
            return Err(Error::new(sqlstate::UNDEFINED_FUNCTION, message).at(at.offset()));
        }
        for (direct, ordered) in direct.iter_mut().zip(ordered.iter_mut()) {
            let ty = self.common_type_of(&[ordered, direct], "WITHIN GROUP")?;
            *direct = self.coerce_to_common(direct.clone(), ty, "WITHIN GROUP")?;
            *ordered = self.coerce_to_common(ordered.clone(), ty, "WITHIN GROUP")?;
        }
        Ok(())
    }

    /// How many blocks further out the aggregate with these arguments belongs.
    fn aggregate_level<'e>(&self, expressions: impl Iterator<Item = &'e Expr>, at: At) -> Result<usize> {
        let expressions: Vec<&Expr> = expressions.collect();
        let mut read = BTreeSet::new();
        expressions.iter().for_each(|expr| expr.columns(&mut read));
        // Errors point to the inner call.
        let inner = |is_meant: &dyn Fn(&Origin) -> bool| {
            let mut place = None;
            expressions.iter().any(|expr| {
                expr.any(&mut |part| {
                    let is_it = part.as_column().is_some_and(|id| is_meant(self.origin(id)));
                    if is_it {
                        place = part.at;
                    }
                    is_it
                })
            });
            place.map_or(at.offset(), |place| place as usize)
        };
        let (mut level, mut nested): (Option<usize>, Option<usize>) = (None, None);
        let mut window = false;
        let nearest = |level: &mut Option<usize>, found: Option<usize>| {
            *level = match (*level, found) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        };
        for id in read {
            match self.origin(id) {
                Origin::Variable { block, .. } => nearest(&mut level, self.level_of_block(*block)),
                Origin::Aggregate { block } => {
                    let found = self.level_of_block(*block);
                    nearest(&mut nested, found);
                    nearest(&mut level, found);
                }
                Origin::Window { block } => window |= self.level_of_block(*block) == Some(0),
                Origin::Internal => {}
            }
        }
        if level.is_some() && level == nested {
            let message = "aggregate function calls cannot be nested";
            let is_meant =
                |of: &Origin| matches!(of, Origin::Aggregate { block } if self.level_of_block(*block) == nested);
            return Err(Error::new(sqlstate::GROUPING_ERROR, message).at(inner(&is_meant)));
        }
        if window {
            let message = "aggregate function calls cannot contain window function calls";
            let is_meant =
                |of: &Origin| matches!(of, Origin::Window { block } if self.level_of_block(*block) == Some(0));
            return Err(Error::new(sqlstate::GROUPING_ERROR, message).at(inner(&is_meant)));
        }
        Ok(level.unwrap_or(0))
    }

    fn check_aggregate_place(&mut self, level: usize, what: &str, at: At) -> Result<()> {
        let place = self.blocks.len() - 1 - level;
        let place = self.blocks[place].place;
        let allowed = matches!(
            place,
            Place::Other
                | Place::Having
                | Place::Select
                | Place::OrderBy
                | Place::DistinctOn
                | Place::WindowPartition
                | Place::WindowOrder
        );
        if allowed {
            return Ok(());
        }
        let message = format!("{what} are not allowed in {}", place.forbids_text());
        Err(Error::new(sqlstate::GROUPING_ERROR, message).at(at.offset()))
    }

    pub fn grouping(&mut self, arguments: &[ast::Expr], at: At) -> Result<Expr> {
        if arguments.len() > 31 {
            let message = "GROUPING must have fewer than 32 arguments";
            return Err(Error::new(sqlstate::TOO_MANY_ARGUMENTS, message).at(at.offset()));
        }
        let arguments = arguments.iter().map(|argument| self.expr(argument)).collect::<Result<Vec<_>>>()?;
        let level = self.aggregate_level(arguments.iter(), at)?;
        self.check_aggregate_place(level, "grouping operations", at)?;
        let place = self.blocks.len() - 1 - level;
        let block = self.blocks[place].number;
        let column = self.new_column(Origin::Aggregate { block });
        self.blocks[place].groupings.push(Grouping { column, arguments, at });
        Ok(Expr::column(column, Type::INT4).at(at.0))
    }

    /// A literal that nothing gave a type is a text.
    pub fn known_type(&mut self, expr: Expr) -> Result<Expr> {
        match expr.ty.oid {
            oid::UNKNOWN => self.coerce_type(expr, Type::TEXT, Context::Implicit),
            _ => Ok(expr),
        }
    }

    pub fn sort_key(&mut self, written: &ast::OrderBy, value: Expr) -> Result<SortKey> {
        let descending = self.direction(&written.direction, &value)?;
        let nulls_first = written.nulls.map_or(descending, |nulls| nulls == ast::Nulls::First);
        Ok(SortKey { value, descending, nulls_first })
    }

    /// Whether it is descending; an error if the type has no order.
    pub fn direction(&mut self, direction: &ast::Direction, value: &Expr) -> Result<bool> {
        let placed = |error: Error| located(error, value.at);
        if let ast::Direction::Using(operator) = direction {
            let resolved = self.resolve_operator(operator, &[value.ty.oid, value.ty.oid])?;
            let sortable = types::is_sortable(self.catalog, value.ty.oid) && resolved.result == oid::BOOL;
            return match &*operator.symbol {
                "<" if sortable => Ok(false),
                ">" if sortable => Ok(true),
                symbol => {
                    let message = format!("operator {symbol} is not a valid ordering operator");
                    let hint = "Ordering operators must be \"<\" or \">\" members of btree operator families.";
                    Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).hint(hint).at(operator.at.offset()))
                }
            };
        }
        if !types::is_sortable(self.catalog, value.ty.oid) {
            let text = self.type_text(value.ty.oid);
            let message = format!("could not identify an ordering operator for type {text}");
            let hint = "Use an explicit ordering operator or modify the query.";
            return Err(placed(Error::new(sqlstate::UNDEFINED_FUNCTION, message).hint(hint)));
        }
        Ok(*direction == ast::Direction::Desc)
    }
}
