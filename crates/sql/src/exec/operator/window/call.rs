//! One window function over one partition.

use std::ops::Range;

use atoll_datum::{Datum, Error, Result as SqlResult, sqlstate};

use super::partition::{Bound, Frame, Partition, Way, is_negative};
use crate::exec::expr::{Columns, Evaluator, integer};
use crate::exec::operator::aggregate::AggregateCall;
use crate::exec::{Builder, Exec, Result, Rows};
use crate::plan::{self, Body, FrameBound, FrameExclude, FrameUnit, Function, WindowFunction};

pub(super) struct WindowCall {
    kind: Kind,
    unit: FrameUnit,
    start: FrameEnd,
    end: FrameEnd,
    exclude: FrameExclude,
}

enum Kind {
    Window { function: WindowFunction, arguments: Vec<Evaluator> },
    Aggregate(AggregateCall),
}

enum FrameEnd {
    UnboundedPreceding,
    Offset(Evaluator, Option<Function>, Way),
    CurrentRow,
    UnboundedFollowing,
}

impl WindowCall {
    pub(super) fn new(call: &plan::WindowCall, columns: &Columns, builder: &mut Builder<'_>) -> SqlResult<WindowCall> {
        let kind = match call.function.body {
            Body::Window(function) => Kind::Window { function, arguments: builder.exprs(&call.arguments, columns)? },
            _ => Kind::Aggregate(AggregateCall::over_frames(call, columns, builder)?),
        };
        let none = Columns::default();
        let mut end = |bound: &FrameBound| {
            Ok(match bound {
                FrameBound::UnboundedPreceding => FrameEnd::UnboundedPreceding,
                FrameBound::Preceding(offset, by) => {
                    FrameEnd::Offset(builder.expr(offset, &none)?, *by, Way::Preceding)
                }
                FrameBound::CurrentRow => FrameEnd::CurrentRow,
                FrameBound::Following(offset, by) => {
                    FrameEnd::Offset(builder.expr(offset, &none)?, *by, Way::Following)
                }
                FrameBound::UnboundedFollowing => FrameEnd::UnboundedFollowing,
            })
        };
        let (start, end): (SqlResult<_>, SqlResult<_>) = (end(&call.frame.start), end(&call.frame.end));
        Ok(WindowCall { kind, unit: call.frame.unit, start: start?, end: end?, exclude: call.frame.exclude })
    }

    /// The results, row by row.
    pub(super) async fn over(&self, partition: &Partition<'_>, exec: &mut Exec<'_>) -> Result<Vec<Datum>> {
        let frame = Frame {
            unit: self.unit,
            start: self.bound(&self.start, "starting", exec).await?,
            end: self.bound(&self.end, "ending", exec).await?,
            exclude: self.exclude,
        };
        match &self.kind {
            Kind::Aggregate(call) => aggregate(call, partition, &frame, exec).await,
            Kind::Window { function, arguments } => {
                let mut values = Rows::with_capacity(arguments.len(), partition.len());
                for at in 0..partition.len() {
                    exec.eval_into(arguments, partition.row(at), values.open_row()).await?;
                    values.end_row();
                }
                let row = |at: usize| window(*function, &values, partition, &frame, at, exec);
                Ok((0..partition.len()).map(row).collect::<SqlResult<_>>()?)
            }
        }
    }

    async fn bound(&self, end: &FrameEnd, name: &str, exec: &mut Exec<'_>) -> Result<Bound> {
        let (offset, by, way) = match end {
            FrameEnd::UnboundedPreceding => return Ok(Bound::UnboundedPreceding),
            FrameEnd::CurrentRow => return Ok(Bound::CurrentRow),
            FrameEnd::UnboundedFollowing => return Ok(Bound::UnboundedFollowing),
            FrameEnd::Offset(offset, by, way) => (offset, by, *way),
        };
        let offset = exec.eval(offset, &[]).await?;
        if offset.is_null() {
            let message = format!("frame {name} offset must not be null");
            return Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, message).into());
        }
        let negative = |message: String| Error::new(sqlstate::INVALID_PRECEDING_OR_FOLLOWING_SIZE, message).into();
        if let Some(function) = by {
            if is_negative(&offset) {
                return Err(negative("invalid preceding or following size in window function".to_owned()));
            }
            return Ok(Bound::Distance(offset, *function, way));
        }
        match integer(&offset) {
            Some(offset) if offset < 0 => Err(negative(format!("frame {name} offset must not be negative"))),
            Some(offset) if way == Way::Preceding => Ok(Bound::Preceding(offset)),
            Some(offset) => Ok(Bound::Following(offset)),
            None => Err(Error::internal("a frame's offset is no integer").into()),
        }
    }
}

fn window(
    function: WindowFunction,
    arguments: &Rows,
    partition: &Partition<'_>,
    frame: &Frame,
    at: usize,
    exec: &Exec<'_>,
) -> SqlResult<Datum> {
    let len = partition.len();
    Ok(match function {
        WindowFunction::RowNumber => Datum::Int8(at as i64 + 1),
        WindowFunction::Rank => Datum::Int8(partition.peers(at).start as i64 + 1),
        WindowFunction::DenseRank => Datum::Int8(partition.group(at) as i64 + 1),
        WindowFunction::PercentRank if len == 1 => Datum::Float8(0.0),
        WindowFunction::PercentRank => Datum::Float8(partition.peers(at).start as f64 / (len - 1) as f64),
        WindowFunction::CumeDist => Datum::Float8(partition.peers(at).end as f64 / len as f64),
        // The partition is cut by what the first row says.
        WindowFunction::Ntile => match integer(&arguments.row(0)[0]) {
            None => Datum::Null,
            Some(tiles) if tiles <= 0 => {
                let message = "argument of ntile must be greater than zero";
                return Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_NTILE, message));
            }
            Some(tiles) => Datum::Int4(tile(at as i64, len as i64, tiles) as i32),
        },
        WindowFunction::Lag | WindowFunction::Lead => {
            let row = arguments.row(at);
            let offset = match row.get(1) {
                None => 1,
                Some(offset) => match integer(offset) {
                    None => return Ok(Datum::Null),
                    Some(offset) => offset,
                },
            };
            let offset = if function == WindowFunction::Lag { -i128::from(offset) } else { i128::from(offset) };
            match usize::try_from(at as i128 + offset) {
                Ok(other) if other < len => arguments.row(other)[0].clone(),
                _ => row.get(2).cloned().unwrap_or_default(),
            }
        }
        WindowFunction::FirstValue | WindowFunction::LastValue | WindowFunction::NthValue => {
            let rows = partition.frame(frame, at, &exec.context())?;
            let pieces = partition.pieces(frame, at, rows);
            let found = match function {
                WindowFunction::FirstValue => pieces.into_iter().flatten().next(),
                WindowFunction::LastValue => {
                    pieces.into_iter().rev().find(|piece| !piece.is_empty()).map(|piece| piece.end - 1)
                }
                _ => match integer(&arguments.row(at)[1]) {
                    None => return Ok(Datum::Null),
                    Some(nth) if nth <= 0 => {
                        let message = "argument of nth_value must be greater than zero";
                        return Err(Error::new(sqlstate::INVALID_ARGUMENT_FOR_NTH_VALUE, message));
                    }
                    Some(nth) => nth_of(&pieces, nth as usize - 1),
                },
            };
            found.map_or(Datum::Null, |row| arguments.row(row)[0].clone())
        }
    })
}

/// The first tiles have one row more than the others if it doesn't come out even.
fn tile(at: i64, rows: i64, tiles: i64) -> i64 {
    let (size, larger) = (rows / tiles, rows % tiles);
    let in_larger = larger * (size + 1);
    if at < in_larger { at / (size + 1) + 1 } else { larger + (at - in_larger) / size.max(1) + 1 }
}

fn nth_of(pieces: &[Range<usize>], mut nth: usize) -> Option<usize> {
    for piece in pieces {
        if nth < piece.len() {
            return Some(piece.start + nth);
        }
        nth -= piece.len();
    }
    None
}

/// An aggregate over the frame of each row. Frames mostly grow and move: what came in is stepped, what went out is taken
/// back if the aggregate can, else it begins anew.
async fn aggregate(
    call: &AggregateCall,
    partition: &Partition<'_>,
    frame: &Frame,
    exec: &mut Exec<'_>,
) -> Result<Vec<Datum>> {
    let mut values = Rows::with_capacity(call.arguments.len(), partition.len());
    let mut counts = Vec::with_capacity(partition.len());
    for at in 0..partition.len() {
        let row = partition.row(at);
        let passes = match &call.filter {
            Some(filter) => exec.test(filter, row).await?,
            None => true,
        };
        if passes {
            exec.eval_into(&call.arguments, row, values.open_row()).await?;
            counts.push(call.takes(values.opened()));
        } else {
            values.open_row().extend(std::iter::repeat_n(Datum::Null, call.arguments.len()));
            counts.push(false);
        }
        values.end_row();
    }
    let scope = exec.scope;
    let of = call.call(&scope.settings);
    let mut results: Vec<Datum> = Vec::with_capacity(partition.len());
    let mut state = call.start(&of)?;
    // What the state is made of.
    let mut held: Range<usize> = 0..0;
    for at in 0..partition.len() {
        exec.check_cancel().await?;
        let rows = partition.frame(frame, at, &exec.context())?;
        if frame.exclude != FrameExclude::NoOthers {
            let mut alone = call.start(&of)?;
            for row in partition.pieces(frame, at, rows).into_iter().flatten().filter(|row| counts[*row]) {
                alone.step(&of, values.row(row))?;
            }
            results.push(alone.finish(&of)?);
            continue;
        }
        if at > 0 && rows == held {
            let same = results[at - 1].clone();
            results.push(same);
            continue;
        }
        let grows = rows.start >= held.start && rows.end >= held.end && rows.start <= held.end;
        let mut holds = grows;
        let mut leaving = held.start..rows.start;
        while let Some(row) = leaving.next().filter(|_| holds) {
            holds = !counts[row] || state.retract(&of, values.row(row))?;
        }
        if !holds {
            state = call.start(&of)?;
            held = rows.start..rows.start;
        }
        for row in (held.end..rows.end).filter(|row| counts[*row]) {
            state.step(&of, values.row(row))?;
        }
        held = rows;
        results.push(state.finish(&of)?);
    }
    Ok(results)
}
