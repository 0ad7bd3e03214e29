//! Window functions: OVER, named windows, frames.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_datum::builtin::builtin;
use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, FrameBound as Bound, FrameUnit, Over};

use super::cast::{Context, returns_set};
use super::function::{Resolved, call_text};
use super::names::{Origin, Place};
use super::operator::builtin_symbol;
use super::{Binder, located};
use crate::plan::{Expr, Frame, FrameBound, FrameExclude, Function, SortKey, WindowCall};
use crate::types::Type;

struct Window {
    partition_by: Vec<Expr>,
    order_by: Vec<SortKey>,
    frame: Option<Frame>,
}

fn error(message: impl Into<String>, at: At) -> Error {
    Error::new(sqlstate::WINDOWING_ERROR, message).at(at.offset())
}

impl Binder<'_> {
    pub fn window_call(&mut self, call: &ast::Call, resolved: Resolved, filter: Option<Expr>, at: At) -> Result<Expr> {
        let unsupported = |message: String| Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset());
        let name = call_text(call);
        let is_aggregate = resolved.row.kind == b'a';
        if is_aggregate && builtin().aggregate(resolved.row.oid).is_some_and(|row| row.kind != b'n') {
            return Err(unsupported(format!("OVER is not supported for ordered-set aggregate {name}")));
        }
        if call.distinct {
            return Err(unsupported("DISTINCT is not implemented for window functions".to_owned()));
        }
        if is_aggregate && call.arguments.is_empty() && !call.star {
            let message = format!("{name}(*) must be used to call a parameterless aggregate function");
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
        }
        if !call.order_by.is_empty() {
            return Err(unsupported("aggregate ORDER BY is not implemented for window functions".to_owned()));
        }
        if !is_aggregate && filter.is_some() {
            return Err(unsupported("FILTER is not implemented for non-aggregate window functions".to_owned()));
        }
        if let Some(set) = resolved.arguments.iter().find(|argument| returns_set(argument)) {
            let message = "window function calls cannot contain set-returning function calls";
            let hint = "You might be able to move the set-returning function into a LATERAL FROM item.";
            let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint);
            return Err(error.at(set.at.map_or(at.offset(), |at| at as usize)));
        }
        if let Some(inner) = resolved.arguments.iter().chain(&filter).find_map(|argument| self.window_in(argument)) {
            return Err(error("window function calls cannot be nested", inner));
        }
        self.check_window_place(at)?;
        let function = self.implementation(resolved.row).map_err(|error| error.at(at.offset()))?;
        let window = match &call.over {
            Some(Over::Window(name)) => {
                let windows = self.block().named_windows.clone();
                let place = find(&windows, windows.len(), name)?;
                self.named_window(&windows, place)?
            }
            Some(Over::Spec(spec)) => {
                let windows = self.block().named_windows.clone();
                self.window_spec(spec, &windows, windows.len())?
            }
            None => return Err(Error::internal("a window function without a window")),
        };
        let ty = Type::new(resolved.result);
        let frame = window.frame.unwrap_or(Frame {
            unit: FrameUnit::Range,
            start: FrameBound::UnboundedPreceding,
            end: FrameBound::CurrentRow,
            exclude: FrameExclude::NoOthers,
        });
        let bound = WindowCall {
            function,
            arguments: resolved.arguments,
            filter,
            ty,
            frame,
            partition_by: window.partition_by,
            order_by: window.order_by,
        };
        let block = self.block().number;
        let id = self.new_column(Origin::Window { block });
        self.block().windows.push((id, bound));
        Ok(Expr::column(id, ty).at(at.0))
    }

    fn check_window_place(&mut self, at: At) -> Result<()> {
        let text = match self.place() {
            Place::Other | Place::Select | Place::OrderBy | Place::DistinctOn => return Ok(()),
            Place::WindowPartition
            | Place::WindowOrder
            | Place::WindowRange
            | Place::WindowRows
            | Place::WindowGroups => "window definitions",
            place => place.forbids_text(),
        };
        Err(error(format!("window functions are not allowed in {text}"), at))
    }

    /// Where a window function of this block is called in the expression.
    pub fn window_in(&self, expr: &Expr) -> Option<At> {
        let number = self.blocks.last()?.number;
        let mut found = None;
        expr.any(&mut |expr| {
            let is_window = expr
                .as_column()
                .is_some_and(|id| matches!(self.origin(id), Origin::Window { block } if *block == number));
            if is_window && found.is_none() {
                found = Some(At(expr.at.unwrap_or(0)));
            }
            is_window
        });
        found
    }

    /// Binds all of the WINDOW clause, used or not, for its errors.
    pub fn check_named_windows(&mut self) -> Result<()> {
        let windows = self.block().named_windows.clone();
        for (place, window) in windows.iter().enumerate() {
            if windows[..place].iter().any(|before| before.name == window.name) {
                return Err(error(format!("window \"{}\" is already defined", window.name), window.name.at));
            }
            self.named_window(&windows, place)?;
        }
        Ok(())
    }

    fn named_window(&mut self, windows: &Arc<[ast::NamedWindow]>, place: usize) -> Result<Window> {
        self.window_spec(&windows[place].spec, windows, place)
    }

    /// `visible` windows can be referred to.
    fn window_spec(
        &mut self,
        spec: &ast::WindowSpec,
        windows: &Arc<[ast::NamedWindow]>,
        visible: usize,
    ) -> Result<Window> {
        let base = match &spec.base {
            Some(name) => {
                let place = find(windows, visible, name)?;
                Some((name, self.named_window(windows, place)?))
            }
            None => None,
        };
        let mut partition_by = Vec::new();
        for expr in &spec.partition_by {
            let bound = self.at_place(Place::WindowPartition, |binder| binder.expr(expr))?;
            let bound = self.known_type(bound)?;
            self.check_groupable(&bound)?;
            partition_by.push(bound);
        }
        let mut order_by = Vec::new();
        for key in &spec.order_by {
            let value = self.at_place(Place::WindowOrder, |binder| binder.expr(&key.value))?;
            let value = self.known_type(value)?;
            order_by.push(self.sort_key(key, value)?);
        }
        if let Some((name, base)) = base {
            if !spec.partition_by.is_empty() {
                return Err(error(format!("cannot override PARTITION BY clause of window \"{name}\""), spec.at));
            }
            if !spec.order_by.is_empty() && !base.order_by.is_empty() {
                return Err(error(format!("cannot override ORDER BY clause of window \"{name}\""), spec.at));
            }
            if base.frame.is_some() {
                let refused = error(format!("cannot copy window \"{name}\" because it has a frame clause"), spec.at);
                let bare = spec.order_by.is_empty() && spec.frame.is_none();
                let hint = "Omit the parentheses in this OVER clause.";
                return Err(if bare { refused.hint(hint) } else { refused });
            }
            partition_by = base.partition_by;
            if order_by.is_empty() {
                order_by = base.order_by;
            }
        }
        let frame = spec.frame.as_ref().map(|frame| self.frame(frame, &mut order_by, spec.at)).transpose()?;
        Ok(Window { partition_by, order_by, frame })
    }

    // --------------------------------------------------------------------------------------------------------- frames

    fn frame(&mut self, frame: &ast::Frame, order_by: &mut [SortKey], at: At) -> Result<Frame> {
        let end = frame.end.as_ref().unwrap_or(&Bound::CurrentRow);
        match (&frame.start, end) {
            (Bound::UnboundedFollowing, _) => {
                return Err(error("frame start cannot be UNBOUNDED FOLLOWING", frame.at));
            }
            (_, Bound::UnboundedPreceding) => {
                return Err(error("frame end cannot be UNBOUNDED PRECEDING", frame.at));
            }
            (Bound::CurrentRow, Bound::Preceding(_)) => {
                return Err(error("frame starting from current row cannot have preceding rows", frame.at));
            }
            (Bound::Following(_), Bound::Preceding(_) | Bound::CurrentRow) => {
                return Err(error("frame starting from following row cannot have preceding rows", frame.at));
            }
            _ => {}
        }
        if frame.unit == FrameUnit::Groups && order_by.is_empty() {
            return Err(error("GROUPS mode requires an ORDER BY clause", at));
        }
        let has_offset = |bound: &Bound| matches!(bound, Bound::Preceding(_) | Bound::Following(_));
        if frame.unit == FrameUnit::Range && (has_offset(&frame.start) || has_offset(end)) && order_by.len() != 1 {
            let message = "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column";
            return Err(error(message, at));
        }
        let start = self.frame_bound(&frame.start, frame.unit, order_by)?;
        let end = self.frame_bound(end, frame.unit, order_by)?;
        Ok(Frame { unit: frame.unit, start, end, exclude: frame.exclude })
    }

    fn frame_bound(&mut self, bound: &Bound, unit: FrameUnit, order_by: &mut [SortKey]) -> Result<FrameBound> {
        let (offset, preceding) = match bound {
            Bound::UnboundedPreceding => return Ok(FrameBound::UnboundedPreceding),
            Bound::CurrentRow => return Ok(FrameBound::CurrentRow),
            Bound::UnboundedFollowing => return Ok(FrameBound::UnboundedFollowing),
            Bound::Preceding(offset) => (offset, true),
            Bound::Following(offset) => (offset, false),
        };
        let (place, what) = match unit {
            FrameUnit::Range => (Place::WindowRange, "RANGE"),
            FrameUnit::Rows => (Place::WindowRows, "ROWS"),
            FrameUnit::Groups => (Place::WindowGroups, "GROUPS"),
        };
        let offset = self.at_place(place, |binder| binder.expr(offset))?;
        let (offset, function) = match unit {
            FrameUnit::Range => {
                let (offset, function) = self.range_offset(offset, preceding, &mut order_by[0])?;
                (offset, Some(function))
            }
            _ => (self.coerce_to_exactly(offset, Type::INT8, what)?, None),
        };
        self.check_no_variables(&offset, what)?;
        Ok(if preceding { FrameBound::Preceding(offset, function) } else { FrameBound::Following(offset, function) })
    }

    /// The offset, and how it is taken from or added to the key, which is given the type in which that works.
    fn range_offset(&mut self, offset: Expr, preceding: bool, key: &mut SortKey) -> Result<(Expr, Function)> {
        let at = At(offset.at.unwrap_or(0));
        let written = key.value.ty.oid;
        let refused = |binder: &Self, with: Option<Oid>| {
            let mut message = format!(
                "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}",
                binder.type_text(written)
            );
            let error = match with {
                Some(with) => {
                    message += &format!(" and offset type {}", binder.type_text(with));
                    let hint = "Cast the offset value to an appropriate type.";
                    Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint)
                }
                None => Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message),
            };
            error.at(at.offset())
        };
        // The key's type for the arithmetic, and the offset's.
        let (key_type, offset_type) = match written {
            oid::INT2 | oid::INT4 | oid::INT8 => match offset.ty.oid {
                oid::UNKNOWN => (written, written),
                given if given == written => (written, written),
                _ => (oid::INT8, oid::INT8),
            },
            oid::FLOAT4 | oid::FLOAT8 => (oid::FLOAT8, oid::FLOAT8),
            oid::NUMERIC => (oid::NUMERIC, oid::NUMERIC),
            oid::DATE | oid::TIMESTAMP => (oid::TIMESTAMP, oid::INTERVAL),
            oid::TIMESTAMPTZ => (oid::TIMESTAMPTZ, oid::INTERVAL),
            // Not `time + interval`, which goes round at midnight.
            oid::TIME | oid::INTERVAL => (oid::INTERVAL, oid::INTERVAL),
            _ => return Err(refused(self, None)),
        };
        let given = offset.ty.oid;
        let Some(offset) = self.coerce_to(offset, offset_type.into(), Context::Implicit)? else {
            return Err(refused(self, Some(given)));
        };
        let value = key.value.clone();
        key.value = self
            .coerce_to(value, key_type.into(), Context::Implicit)?
            .ok_or_else(|| Error::internal("a key without the type of its distances"))?;
        let symbol = builtin_symbol(if preceding == key.descending { "+" } else { "-" }, at);
        let resolved = self.resolve_operator(&symbol, &[key_type, offset_type])?;
        let row = builtin().function(resolved.row.function);
        let row = row.ok_or_else(|| Error::internal("an operator without a function"))?;
        Ok((offset, self.implementation(row).map_err(|error| error.at(at.offset()))?))
    }

    /// Of LIMIT and frame offsets, which are computed once.
    pub fn check_no_variables(&self, expr: &Expr, what: &str) -> Result<()> {
        let Some(block) = self.blocks.last() else { return Ok(()) };
        let mut read = BTreeSet::new();
        expr.columns(&mut read);
        let own = |id| matches!(self.origin(id), Origin::Variable { block: of, .. } if *of == block.number);
        if read.into_iter().any(own) {
            let message = format!("argument of {what} must not contain variables");
            let error = Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message);
            return Err(located(error, expr.at));
        }
        Ok(())
    }
}

fn find(windows: &[ast::NamedWindow], visible: usize, name: &ast::Name) -> Result<usize> {
    windows[..visible].iter().position(|window| window.name == *name).ok_or_else(|| {
        let message = format!("window \"{name}\" does not exist");
        Error::new(sqlstate::UNDEFINED_OBJECT, message).at(name.at.offset())
    })
}
