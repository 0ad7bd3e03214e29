//! `min`, `max`, and of intervals `sum` and `avg`.

use std::cmp::Ordering;

use super::arguments;
use super::interval::Interval;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Aggregate, AggregateEntry, AggregateTable, Call, NewAggregate};

const fn over_values(new: NewAggregate) -> AggregateEntry {
    AggregateEntry { new, skips_nulls: true }
}

const MIN: AggregateEntry = over_values(|_| Box::new(Extreme { keeps: Ordering::Less, value: Datum::Null }));
const MAX: AggregateEntry = over_values(|_| Box::new(Extreme { keeps: Ordering::Greater, value: Datum::Null }));

pub const AGGREGATES: AggregateTable = &[
    ("min", "1082", MIN),
    ("min", "1083", MIN),
    ("min", "1266", MIN),
    ("min", "1114", MIN),
    ("min", "1184", MIN),
    ("min", "1186", MIN),
    ("max", "1082", MAX),
    ("max", "1083", MAX),
    ("max", "1266", MAX),
    ("max", "1114", MAX),
    ("max", "1184", MAX),
    ("max", "1186", MAX),
    ("sum", "1186", over_values(|_| Box::new(Sum { average: false, count: 0, sum: Interval::ZERO }))),
    ("avg", "1186", over_values(|_| Box::new(Sum { average: true, count: 0, sum: Interval::ZERO }))),
];

/// Of equal values the last one: `1 month` and `30 days` are equal.
struct Extreme {
    keeps: Ordering,
    value: Datum,
}

impl Aggregate for Extreme {
    fn step(&mut self, _call: &Call, arguments: &[Datum]) -> Result<()> {
        if self.value.is_null() || self.value.compare(&arguments[0]) != self.keeps {
            self.value = arguments[0].clone();
        }
        Ok(())
    }

    fn finish(&self, _call: &Call) -> Result<Datum> {
        Ok(self.value.clone())
    }

    fn bytes(&self) -> usize {
        size_of::<Extreme>()
    }
}

struct Sum {
    average: bool,
    count: i64,
    sum: Interval,
}

impl Aggregate for Sum {
    fn step(&mut self, _call: &Call, arguments: &[Datum]) -> Result<()> {
        self.sum = self.sum.checked_add(&arguments::interval(&arguments[0]))?;
        self.count += 1;
        Ok(())
    }

    fn finish(&self, _call: &Call) -> Result<Datum> {
        match self.count {
            0 => Ok(Datum::Null),
            count if self.average => Ok(Datum::Interval(self.sum.checked_div(count as f64)?)),
            _ => Ok(Datum::Interval(self.sum)),
        }
    }

    fn retract(&mut self, _call: &Call, arguments: &[Datum]) -> Result<bool> {
        self.count = self.count.checked_sub(1).ok_or_else(|| Error::internal("more rows leave a frame than came"))?;
        self.sum = match self.count {
            0 => Interval::ZERO,
            _ => self.sum.checked_sub(&arguments::interval(&arguments[0]))?,
        };
        Ok(true)
    }

    fn bytes(&self) -> usize {
        size_of::<Sum>()
    }
}
