//! One partition: its rows in order, who are peers, and where frames begin and end.

use std::cmp::Ordering;
use std::ops::Range;

use atoll_datum::{Datum, Error, Numeric, Result, SqlState, sqlstate};

use crate::exec::Rows;
use crate::exec::expr::{Context, integer};
use crate::exec::order::{self, Direction};
use crate::plan::{Body, FrameExclude, FrameUnit, Function};

const MICROS_PER_DAY: i64 = 86_400_000_000;

pub(super) struct Partition<'a> {
    rows: &'a Rows,
    keys: &'a Rows,
    order: &'a [u32],
    partition_keys: usize,
    directions: &'a [Direction],
    /// The group of peers to which each row belongs.
    group_of: Vec<usize>,
    /// Where each group begins, and the end of the last.
    groups: Vec<usize>,
}

/// A frame's clause with its offsets evaluated.
pub(super) struct Frame {
    pub unit: FrameUnit,
    pub start: Bound,
    pub end: Bound,
    pub exclude: FrameExclude,
}

pub(super) enum Bound {
    UnboundedPreceding,
    Preceding(i64),
    /// Of RANGE: where it lies for a key is what the function makes of the key and the distance.
    Distance(Datum, Function, Way),
    CurrentRow,
    Following(i64),
    UnboundedFollowing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Preceding,
    Following,
}

impl<'a> Partition<'a> {
    pub(super) fn new(
        rows: &'a Rows,
        keys: &'a Rows,
        order: &'a [u32],
        partition_keys: usize,
        directions: &'a [Direction],
    ) -> Partition<'a> {
        let mut partition =
            Partition { rows, keys, order, partition_keys, directions, group_of: Vec::new(), groups: vec![0] };
        partition.group_of.reserve(order.len());
        for at in 0..order.len() {
            if at > 0 && order::compare(directions, partition.key(at - 1), partition.key(at)).is_ne() {
                partition.groups.push(at);
            }
            partition.group_of.push(partition.groups.len() - 1);
        }
        partition.groups.push(order.len());
        partition
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn row(&self, at: usize) -> &'a [Datum] {
        self.rows.row(self.order[at] as usize)
    }

    fn key(&self, at: usize) -> &'a [Datum] {
        &self.keys.row(self.order[at] as usize)[self.partition_keys..]
    }

    pub(super) fn group(&self, at: usize) -> usize {
        self.group_of[at]
    }

    /// The rows that are peers of this one, itself among them.
    pub(super) fn peers(&self, at: usize) -> Range<usize> {
        let group = self.group_of[at];
        self.groups[group]..self.groups[group + 1]
    }

    /// The rows in the frame of row `at`: one stretch, out of which EXCLUDE may take something.
    pub(super) fn frame(&self, frame: &Frame, at: usize, context: &Context<'_>) -> Result<Range<usize>> {
        let start = self.bound(frame.unit, &frame.start, at, true, context)?;
        let end = self.bound(frame.unit, &frame.end, at, false, context)?;
        Ok(start..end.max(start))
    }

    /// What EXCLUDE leaves of a frame.
    pub(super) fn pieces(&self, frame: &Frame, at: usize, rows: Range<usize>) -> [Range<usize>; 3] {
        let nothing = rows.end..rows.end;
        let peers = self.peers(at);
        let (hole, kept) = match frame.exclude {
            FrameExclude::NoOthers => return [rows, nothing.clone(), nothing],
            FrameExclude::CurrentRow => (at..at + 1, nothing),
            FrameExclude::Group => (peers, nothing),
            FrameExclude::Ties => (peers, at.clamp(rows.start, rows.end)..(at + 1).clamp(rows.start, rows.end)),
        };
        let before = rows.start..hole.start.clamp(rows.start, rows.end);
        let after = hole.end.clamp(rows.start, rows.end)..rows.end;
        [before, kept, after]
    }

    fn bound(&self, unit: FrameUnit, bound: &Bound, at: usize, is_start: bool, context: &Context<'_>) -> Result<usize> {
        let len = self.len();
        let by = |from: usize, offset: i64| from as i128 + i128::from(offset);
        Ok(match (bound, unit) {
            (Bound::UnboundedPreceding, _) => 0,
            (Bound::UnboundedFollowing, _) => len,
            (Bound::CurrentRow, FrameUnit::Rows) => at + usize::from(!is_start),
            (Bound::CurrentRow, _) => {
                let peers = self.peers(at);
                if is_start { peers.start } else { peers.end }
            }
            (Bound::Preceding(offset), FrameUnit::Rows) => {
                by(at + usize::from(!is_start), -*offset).clamp(0, len as i128) as usize
            }
            (Bound::Following(offset), FrameUnit::Rows) => {
                by(at + usize::from(!is_start), *offset).clamp(0, len as i128) as usize
            }
            (Bound::Preceding(offset), FrameUnit::Groups) => {
                self.group_bound(by(self.group_of[at], -*offset), is_start)
            }
            (Bound::Following(offset), FrameUnit::Groups) => self.group_bound(by(self.group_of[at], *offset), is_start),
            (Bound::Distance(distance, function, way), FrameUnit::Range) => {
                self.distance_bound(distance, function, *way, at, is_start, context)?
            }
            _ => return Err(Error::internal("a frame's offset does not fit its unit")),
        })
    }

    fn group_bound(&self, group: i128, is_start: bool) -> usize {
        let group = if is_start { group } else { group + 1 };
        self.groups[group.clamp(0, self.groups.len() as i128 - 1) as usize]
    }

    fn distance_bound(
        &self,
        distance: &Datum,
        function: &Function,
        way: Way,
        at: usize,
        is_start: bool,
        context: &Context<'_>,
    ) -> Result<usize> {
        let [direction] = self.directions else {
            return Err(Error::internal("RANGE with an offset has not one order column"));
        };
        let key = &self.key(at)[0];
        let peers = self.peers(at);
        if key.is_null() {
            return Ok(if is_start { peers.start } else { peers.end });
        }
        // NULLs are a group of their own, at one end.
        let from = if self.key(0)[0].is_null() { self.groups[1] } else { 0 };
        let last = self.len() - 1;
        let to = if self.key(last)[0].is_null() { self.peers(last).start } else { self.len() };
        let Body::Pure(body) = function.body else {
            return Err(Error::internal(format!("{} can't move a frame's bound", function.row.name)));
        };
        let call = atoll_datum::Call {
            settings: &context.scope.settings,
            argument_types: &function.row.arguments,
            result_type: function.row.result,
        };
        let target = match body(&call, &[key.clone(), distance.clone()]) {
            Ok(target) => target,
            // So far away that no key can be there.
            Err(error) if is_overflow(error.state()) => return Ok(if way == Way::Preceding { from } else { to }),
            Err(error) => return Err(error),
        };
        let order = |row: usize| {
            let order = compare_across(&self.key(row)[0], &target);
            if direction.descending { order.reverse() } else { order }
        };
        // The first row in from..to that is not before the bound.
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            let is_before = if is_start { order(middle).is_lt() } else { order(middle).is_le() };
            if is_before { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}

fn is_overflow(state: SqlState) -> bool {
    matches!(state, sqlstate::NUMERIC_VALUE_OUT_OF_RANGE | sqlstate::DATETIME_FIELD_OVERFLOW)
}

/// A key against what was computed from a key, which may be of a wider type.
fn compare_across(key: &Datum, target: &Datum) -> Ordering {
    match (key, target) {
        (Datum::Date(days), Datum::Timestamp(micros)) => match *days {
            i32::MIN => i64::MIN.cmp(micros),
            i32::MAX => i64::MAX.cmp(micros),
            days => (i64::from(days) * MICROS_PER_DAY).cmp(micros),
        },
        (Datum::Float4(key), Datum::Float8(_)) => Datum::Float8(f64::from(*key)).compare(target),
        _ => match (integer(key), integer(target)) {
            (Some(key), Some(target)) => key.cmp(&target),
            _ => key.compare(target),
        },
    }
}

/// Whether a RANGE distance is one that PostgreSQL refuses.
pub(super) fn is_negative(distance: &Datum) -> bool {
    match distance {
        Datum::Float4(value) => value.is_nan() || *value < 0.0,
        Datum::Float8(value) => value.is_nan() || *value < 0.0,
        Datum::Numeric(value) => *value < Numeric::from(0i64),
        Datum::Interval(value) => *value < atoll_datum::time::Interval { months: 0, days: 0, micros: 0 },
        other => integer(other).is_some_and(|value| value < 0),
    }
}
