//! Aggregates of integers, and those of any number: `count`, `min`, `max`, bits. Float sums are in `float_aggregate`,
//! what is exact and may get long in [`numeric::aggregate`](crate::numeric::aggregate).

use crate::Call;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Aggregate, AggregateEntry, AggregateTable, NewAggregate};
use crate::numeric::Numeric;

use super::{float_aggregate, wrong_arguments};

pub const AGGREGATES: AggregateTable = &[
    ("count", "", AggregateEntry { new: |_| Box::new(Count(0)), skips_nulls: false }),
    ("count", "2276", entry(|_| Box::new(Count(0)))),
    ("regr_count", "701 701", entry(|_| Box::new(Count(0)))),
    ("sum", "21", entry(|_| Box::new(IntegerSum::<SUM>::default()))),
    ("sum", "23", entry(|_| Box::new(IntegerSum::<SUM>::default()))),
    ("sum", "20", entry(|_| Box::new(IntegerSum::<SUM_NUMERIC>::default()))),
    ("avg", "21", entry(|_| Box::new(IntegerSum::<AVERAGE>::default()))),
    ("avg", "23", entry(|_| Box::new(IntegerSum::<AVERAGE>::default()))),
    ("avg", "20", entry(|_| Box::new(IntegerSum::<AVERAGE>::default()))),
    ("min", "21", entry(|_| Box::new(Extreme::<false>::default()))),
    ("min", "23", entry(|_| Box::new(Extreme::<false>::default()))),
    ("min", "20", entry(|_| Box::new(Extreme::<false>::default()))),
    ("min", "26", entry(|_| Box::new(Extreme::<false>::default()))),
    ("min", "700", entry(|_| Box::new(Extreme::<false>::default()))),
    ("min", "701", entry(|_| Box::new(Extreme::<false>::default()))),
    ("max", "21", entry(|_| Box::new(Extreme::<true>::default()))),
    ("max", "23", entry(|_| Box::new(Extreme::<true>::default()))),
    ("max", "20", entry(|_| Box::new(Extreme::<true>::default()))),
    ("max", "26", entry(|_| Box::new(Extreme::<true>::default()))),
    ("max", "700", entry(|_| Box::new(Extreme::<true>::default()))),
    ("max", "701", entry(|_| Box::new(Extreme::<true>::default()))),
    ("bit_and", "21", entry(|_| Box::new(Bits::<AND>::default()))),
    ("bit_and", "23", entry(|_| Box::new(Bits::<AND>::default()))),
    ("bit_and", "20", entry(|_| Box::new(Bits::<AND>::default()))),
    ("bit_or", "21", entry(|_| Box::new(Bits::<OR>::default()))),
    ("bit_or", "23", entry(|_| Box::new(Bits::<OR>::default()))),
    ("bit_or", "20", entry(|_| Box::new(Bits::<OR>::default()))),
    ("bit_xor", "21", entry(|_| Box::new(Bits::<XOR>::default()))),
    ("bit_xor", "23", entry(|_| Box::new(Bits::<XOR>::default()))),
    ("bit_xor", "20", entry(|_| Box::new(Bits::<XOR>::default()))),
    ("sum", "700", float_aggregate::SUM_FLOAT4),
    ("sum", "701", float_aggregate::SUM_FLOAT8),
    ("avg", "700", float_aggregate::AVERAGE),
    ("avg", "701", float_aggregate::AVERAGE),
    ("variance", "700", float_aggregate::SAMPLE_VARIANCE),
    ("variance", "701", float_aggregate::SAMPLE_VARIANCE),
    ("var_samp", "700", float_aggregate::SAMPLE_VARIANCE),
    ("var_samp", "701", float_aggregate::SAMPLE_VARIANCE),
    ("var_pop", "700", float_aggregate::VARIANCE),
    ("var_pop", "701", float_aggregate::VARIANCE),
    ("stddev", "700", float_aggregate::SAMPLE_DEVIATION),
    ("stddev", "701", float_aggregate::SAMPLE_DEVIATION),
    ("stddev_samp", "700", float_aggregate::SAMPLE_DEVIATION),
    ("stddev_samp", "701", float_aggregate::SAMPLE_DEVIATION),
    ("stddev_pop", "700", float_aggregate::DEVIATION),
    ("stddev_pop", "701", float_aggregate::DEVIATION),
    ("regr_sxx", "701 701", float_aggregate::REGRESSION_SXX),
    ("regr_syy", "701 701", float_aggregate::REGRESSION_SYY),
    ("regr_sxy", "701 701", float_aggregate::REGRESSION_SXY),
    ("regr_avgx", "701 701", float_aggregate::REGRESSION_AVERAGE_X),
    ("regr_avgy", "701 701", float_aggregate::REGRESSION_AVERAGE_Y),
    ("regr_r2", "701 701", float_aggregate::REGRESSION_R2),
    ("regr_slope", "701 701", float_aggregate::REGRESSION_SLOPE),
    ("regr_intercept", "701 701", float_aggregate::REGRESSION_INTERCEPT),
    ("covar_pop", "701 701", float_aggregate::COVARIANCE),
    ("covar_samp", "701 701", float_aggregate::SAMPLE_COVARIANCE),
    ("corr", "701 701", float_aggregate::CORRELATION),
];

/// Of an aggregate that NULLs don't reach.
pub const fn entry(new: NewAggregate) -> AggregateEntry {
    AggregateEntry { new, skips_nulls: true }
}

fn not_stepped() -> Error {
    Error::internal("a row was retracted that was not stepped")
}

struct Count(i64);

impl Aggregate for Count {
    fn step(&mut self, _: &Call, _: &[Datum]) -> Result<()> {
        self.0 = self.0.checked_add(1).ok_or_else(|| Error::out_of_range("bigint"))?;
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(Datum::Int8(self.0))
    }

    fn retract(&mut self, _: &Call, _: &[Datum]) -> Result<bool> {
        self.0 = self.0.checked_sub(1).ok_or_else(not_stepped)?;
        Ok(true)
    }

    fn bytes(&self) -> usize {
        size_of::<Count>()
    }
}

const SUM: u8 = 0;
const SUM_NUMERIC: u8 = 1;
const AVERAGE: u8 = 2;

/// No number of rows can overflow the sum: each adds less than 2^63.
#[derive(Default)]
struct IntegerSum<const RESULT: u8> {
    sum: i128,
    count: u64,
}

fn integer(arguments: &[Datum]) -> Result<i64> {
    match arguments {
        [Datum::Int2(value)] => Ok(i64::from(*value)),
        [Datum::Int4(value)] => Ok(i64::from(*value)),
        [Datum::Int8(value)] => Ok(*value),
        _ => Err(wrong_arguments(arguments)),
    }
}

impl<const RESULT: u8> Aggregate for IntegerSum<RESULT> {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        self.sum += i128::from(integer(arguments)?);
        self.count += 1;
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        if self.count == 0 {
            return Ok(Datum::Null);
        }
        Ok(match RESULT {
            SUM => Datum::Int8(i64::try_from(self.sum).map_err(|_| Error::out_of_range("bigint"))?),
            SUM_NUMERIC => Datum::Numeric(Numeric::from_i128(self.sum, 0)),
            _ => Datum::Numeric(Numeric::from_i128(self.sum, 0).div(&Numeric::from_i64(self.count as i64))?),
        })
    }

    fn retract(&mut self, _: &Call, arguments: &[Datum]) -> Result<bool> {
        self.sum -= i128::from(integer(arguments)?);
        self.count = self.count.checked_sub(1).ok_or_else(not_stepped)?;
        Ok(true)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// `min` and `max` of any type, by its default order; NULL of nothing. Of equal values it keeps the last, as
/// PostgreSQL does (`1.0` and `1.00`).
#[derive(Default)]
pub struct Extreme<const GREATEST: bool>(Datum);

impl<const GREATEST: bool> Aggregate for Extreme<GREATEST> {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        let [value] = arguments else { return Err(wrong_arguments(arguments)) };
        let keeps = match &self.0 {
            Datum::Null => false,
            best if GREATEST => best.compare(value).is_gt(),
            best => best.compare(value).is_lt(),
        };
        if !keeps {
            self.0 = value.clone();
        }
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.0.clone())
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

const AND: u8 = 0;
const OR: u8 = 1;
const XOR: u8 = 2;

#[derive(Default)]
struct Bits<const OPERATION: u8>(Datum);

fn combined<T>(operation: u8, a: T, b: T) -> T
where
    T: std::ops::BitAnd<Output = T> + std::ops::BitOr<Output = T> + std::ops::BitXor<Output = T>,
{
    match operation {
        AND => a & b,
        OR => a | b,
        _ => a ^ b,
    }
}

impl<const OPERATION: u8> Aggregate for Bits<OPERATION> {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        self.0 = match (&self.0, arguments) {
            (Datum::Null, [first]) => first.clone(),
            (Datum::Int2(a), [Datum::Int2(b)]) => Datum::Int2(combined(OPERATION, *a, *b)),
            (Datum::Int4(a), [Datum::Int4(b)]) => Datum::Int4(combined(OPERATION, *a, *b)),
            (Datum::Int8(a), [Datum::Int8(b)]) => Datum::Int8(combined(OPERATION, *a, *b)),
            _ => return Err(wrong_arguments(arguments)),
        };
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.0.clone())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}
