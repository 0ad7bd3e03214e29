//! States of aggregate functions, those of all groups beside each other: counts, sums and averages without a call for each
//! row; every other function by its own state, as [`function::Aggregate`] has it.

use atoll_datum::function::{self, AggregateEntry};
use atoll_datum::{Datum, Error, Numeric, Oid, Result, oid};

use super::arithmetic::Formula;
use super::{Values, Vector};
use crate::exec::Builder;
use crate::exec::expr::{Columns, Evaluator};
use crate::plan::{self, Body};

/// One aggregate call.
pub struct Sums {
    arguments: Vec<Formula>,
    types: Vec<Oid>,
    result: Oid,
    entry: AggregateEntry,
    states: States,
}

enum States {
    /// Of all rows, or of those with a value.
    Counts(Vec<u64>),
    Integers {
        totals: Vec<IntegerTotal>,
        average: bool,
    },
    Numerics {
        totals: Vec<NumericTotal>,
        average: bool,
    },
    Others(Vec<Box<dyn function::Aggregate>>),
}

#[derive(Clone, Default)]
struct IntegerTotal {
    sum: i128,
    count: u64,
}

#[derive(Clone, Default)]
pub(super) struct NumericTotal {
    sum: i128,
    /// The greatest of any number that went into the sum.
    scale: u16,
    count: u64,
    /// What was too long for the sum, or is no number.
    rest: Option<Box<Numeric>>,
}

impl Sums {
    /// None if the call needs more than its arguments' values, or these are no [`Formula`]s.
    pub fn compile(
        call: &plan::AggregateCall,
        columns: &Columns,
        constants: &mut Vec<Evaluator>,
        builder: &mut Builder<'_>,
    ) -> Result<Option<Sums>> {
        let Body::Aggregate(entry) = call.function.body else { return Ok(None) };
        if call.distinct || !call.order_by.is_empty() || call.filter.is_some() || !call.direct.is_empty() {
            return Ok(None);
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            let Some(formula) = Formula::compile(argument, columns, constants, builder)? else { return Ok(None) };
            arguments.push(formula);
        }
        let types: Vec<Oid> = call.arguments.iter().map(|argument| argument.ty.oid).collect();
        let name = call.function.row.name;
        let states = match (name, &types[..]) {
            ("count", []) | ("count", [_]) => States::Counts(Vec::new()),
            ("sum" | "avg", [oid::INT2 | oid::INT4 | oid::INT8]) => {
                States::Integers { totals: Vec::new(), average: name == "avg" }
            }
            ("sum" | "avg", [oid::NUMERIC]) => States::Numerics { totals: Vec::new(), average: name == "avg" },
            // What gathers values is counted value by value elsewhere.
            _ if name.ends_with("_agg") => return Ok(None),
            _ => States::Others(Vec::new()),
        };
        Ok(Some(Sums { arguments, types, result: call.ty.oid, entry, states }))
    }

    /// What the state of one group takes in memory.
    pub fn state_bytes(&self) -> usize {
        match &self.states {
            States::Counts(_) => size_of::<u64>(),
            States::Integers { .. } => size_of::<IntegerTotal>(),
            States::Numerics { .. } => size_of::<NumericTotal>(),
            States::Others(_) => 64,
        }
    }

    pub fn clear(&mut self) {
        match &mut self.states {
            States::Counts(counts) => counts.clear(),
            States::Integers { totals, .. } => totals.clear(),
            States::Numerics { totals, .. } => totals.clear(),
            States::Others(states) => states.clear(),
        }
    }

    /// States for so many groups.
    pub fn grow(&mut self, groups: usize, settings: &function::Settings) {
        let call = function::Call { settings, argument_types: &self.types, result_type: self.result };
        match &mut self.states {
            States::Counts(counts) => counts.resize(groups, 0),
            States::Integers { totals, .. } => totals.resize(groups, IntegerTotal::default()),
            States::Numerics { totals, .. } => totals.resize(groups, NumericTotal::default()),
            States::Others(states) => states.resize_with(groups, || (self.entry.new)(&call)),
        }
    }

    /// Takes rows, each of the group that `numbers` says.
    pub fn step(
        &mut self,
        columns: &[Vector<'_>],
        constants: &[Datum],
        numbers: &[u32],
        settings: &function::Settings,
    ) -> Result<()> {
        let len = numbers.len();
        if let (States::Counts(counts), []) = (&mut self.states, &self.arguments[..]) {
            numbers.iter().for_each(|number| counts[*number as usize] += 1);
            return Ok(());
        }
        let values = |formula: &Formula| formula.values(columns, constants, len);
        let arguments = self.arguments.iter().map(values).collect::<Result<Vec<_>>>()?;
        let [first, ..] = &arguments[..] else { return Err(Error::internal("an aggregate without arguments")) };
        let present = numbers.iter().enumerate().filter(|(at, _)| !first.is_null(*at));
        match (&mut self.states, &first.values) {
            (States::Counts(counts), _) => present.for_each(|(_, number)| counts[*number as usize] += 1),
            (States::Integers { totals, .. }, Values::Integers(values)) => present.for_each(|(at, number)| {
                let total = &mut totals[*number as usize];
                total.sum += i128::from(values[at]);
                total.count += 1;
            }),
            (States::Numerics { totals, .. }, Values::Numerics(values)) => {
                for (at, number) in present {
                    totals[*number as usize].add(&values[at])?;
                }
            }
            (States::Others(states), _) => {
                let call = function::Call { settings, argument_types: &self.types, result_type: self.result };
                let mut row = Vec::with_capacity(arguments.len());
                for (at, number) in numbers.iter().enumerate() {
                    row.clear();
                    for argument in &arguments {
                        row.push(argument.datum(at)?);
                    }
                    if !(self.entry.skips_nulls && row.iter().any(Datum::is_null)) {
                        states[*number as usize].step(&call, &row)?;
                    }
                }
            }
            // A literal NULL has no other values.
            _ if (0..len).all(|at| first.is_null(at)) => {}
            _ => return Err(Error::internal("an aggregate of another type than its argument")),
        }
        Ok(())
    }

    pub fn finish(&self, group: usize, settings: &function::Settings) -> Result<Datum> {
        match &self.states {
            States::Counts(counts) => Ok(Datum::Int8(counts[group] as i64)),
            States::Integers { totals, average } => {
                let IntegerTotal { sum, count } = totals[group];
                match (count, average, self.result) {
                    (0, ..) => Ok(Datum::Null),
                    (_, false, oid::INT8) => {
                        i64::try_from(sum).map(Datum::Int8).map_err(|_| Error::out_of_range("bigint"))
                    }
                    (_, false, _) => Ok(Datum::Numeric(Numeric::from_i128(sum, 0))),
                    (_, true, _) => {
                        Ok(Datum::Numeric(Numeric::from_i128(sum, 0).div(&Numeric::from_i64(count as i64))?))
                    }
                }
            }
            States::Numerics { totals, average } => totals[group].finish(*average),
            States::Others(states) => {
                let call = function::Call { settings, argument_types: &self.types, result_type: self.result };
                states[group].finish(&call)
            }
        }
    }
}

impl NumericTotal {
    pub fn add(&mut self, value: &Numeric) -> Result<()> {
        self.count += 1;
        if let Some((mantissa, scale)) = value.as_small()
            && let Some((sum, scale)) = self.with(i128::from(mantissa), scale)
        {
            (self.sum, self.scale) = (sum, scale);
            return Ok(());
        }
        let rest = match &self.rest {
            Some(rest) => rest.add(value)?,
            None => value.clone(),
        };
        self.rest = Some(Box::new(rest));
        Ok(())
    }

    fn with(&self, mantissa: i128, scale: u16) -> Option<(i128, u16)> {
        let aligned = |mantissa: i128, digits: u16| mantissa.checked_mul(10_i128.checked_pow(u32::from(digits))?);
        if scale == self.scale {
            return Some((self.sum.checked_add(mantissa)?, scale));
        }
        if scale < self.scale {
            return Some((self.sum.checked_add(aligned(mantissa, self.scale - scale)?)?, self.scale));
        }
        Some((aligned(self.sum, scale - self.scale)?.checked_add(mantissa)?, scale))
    }

    pub fn finish(&self, average: bool) -> Result<Datum> {
        if self.count == 0 {
            return Ok(Datum::Null);
        }
        let mut sum = Numeric::from_i128(self.sum, self.scale);
        if let Some(rest) = &self.rest {
            sum = sum.add(rest)?;
        }
        Ok(Datum::Numeric(if average { sum.div(&Numeric::from_i64(self.count as i64))? } else { sum }))
    }
}
