//! Sums, averages and variances: of `numeric`, and those of integers that PostgreSQL computes exactly.
//!
//! A [`Total`] adds up in an `i128` and falls back to long numbers when that overflows.

use num_bigint::BigInt;
use num_traits::Zero;

use super::arithmetic::{TENS, quotient, scale_of_quotient, scaled_up};
use super::{Numeric, Repr, SCALE_MAX};
use crate::Call;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Aggregate, AggregateEntry, AggregateTable};
use crate::number::aggregate::{Extreme, entry};
use crate::number::wrong_arguments;

macro_rules! statistic {
    ($what:ident) => {
        entry(|_| Box::new(Statistic::new(What::$what)))
    };
}

pub const AGGREGATES: AggregateTable = &[
    ("sum", "1700", statistic!(Sum)),
    ("avg", "1700", statistic!(Average)),
    ("min", "1700", MIN),
    ("max", "1700", MAX),
    ("variance", "1700", statistic!(SampleVariance)),
    ("variance", "20", statistic!(SampleVariance)),
    ("variance", "23", statistic!(SampleVariance)),
    ("variance", "21", statistic!(SampleVariance)),
    ("var_samp", "1700", statistic!(SampleVariance)),
    ("var_samp", "20", statistic!(SampleVariance)),
    ("var_samp", "23", statistic!(SampleVariance)),
    ("var_samp", "21", statistic!(SampleVariance)),
    ("var_pop", "1700", statistic!(Variance)),
    ("var_pop", "20", statistic!(Variance)),
    ("var_pop", "23", statistic!(Variance)),
    ("var_pop", "21", statistic!(Variance)),
    ("stddev", "1700", statistic!(SampleDeviation)),
    ("stddev", "20", statistic!(SampleDeviation)),
    ("stddev", "23", statistic!(SampleDeviation)),
    ("stddev", "21", statistic!(SampleDeviation)),
    ("stddev_samp", "1700", statistic!(SampleDeviation)),
    ("stddev_samp", "20", statistic!(SampleDeviation)),
    ("stddev_samp", "23", statistic!(SampleDeviation)),
    ("stddev_samp", "21", statistic!(SampleDeviation)),
    ("stddev_pop", "1700", statistic!(Deviation)),
    ("stddev_pop", "20", statistic!(Deviation)),
    ("stddev_pop", "23", statistic!(Deviation)),
    ("stddev_pop", "21", statistic!(Deviation)),
];

const MIN: AggregateEntry = entry(|_| Box::new(Extreme::<false>::default()));
const MAX: AggregateEntry = entry(|_| Box::new(Extreme::<true>::default()));

#[derive(Clone, Copy, PartialEq)]
enum What {
    Sum,
    Average,
    SampleVariance,
    Variance,
    SampleDeviation,
    Deviation,
}

impl What {
    fn needs_squares(self) -> bool {
        !matches!(self, What::Sum | What::Average)
    }
}

/// A growing exact sum: `(small + big) / 10^scale`.
#[derive(Default)]
pub struct Total {
    scale: u16,
    small: i128,
    big: BigInt,
}

impl Total {
    fn add(&mut self, mantissa: i128, scale: u16) {
        self.raise_scale(scale);
        let more = usize::from(self.scale - scale);
        match TENS.get(more).and_then(|tens| mantissa.checked_mul(*tens)) {
            Some(mantissa) => match self.small.checked_add(mantissa) {
                Some(sum) => self.small = sum,
                None => self.big += mantissa,
            },
            None => self.big += scaled_up(&BigInt::from(mantissa), more as u32).as_ref(),
        }
    }

    fn add_big(&mut self, mantissa: &BigInt, scale: u16) {
        self.raise_scale(scale);
        self.big += scaled_up(mantissa, u32::from(self.scale - scale)).as_ref();
    }

    fn raise_scale(&mut self, scale: u16) {
        if scale <= self.scale {
            return;
        }
        let more = scale - self.scale;
        self.scale = scale;
        match TENS.get(usize::from(more)).and_then(|tens| self.small.checked_mul(*tens)) {
            Some(small) => {
                self.small = small;
                if !self.big.is_zero() {
                    self.big = scaled_up(&self.big, u32::from(more)).into_owned();
                }
            }
            None => {
                self.big = scaled_up(&self.value(), u32::from(more)).into_owned();
                self.small = 0;
            }
        }
    }

    fn value(&self) -> BigInt {
        &self.big + self.small
    }

    fn numeric(&self) -> Result<Numeric> {
        if self.big.is_zero() {
            return Ok(Numeric::from_i128(self.small, self.scale));
        }
        Numeric::checked(self.value(), self.scale)
    }

    fn bytes(&self) -> usize {
        size_of::<Total>() + (self.big.bits() / 8) as usize
    }
}

struct Statistic {
    what: What,
    finite: u64,
    nan: u64,
    infinite: u64,
    negative_infinite: u64,
    sum: Total,
    squares: Total,
    /// The greatest scale of what is in, and how many have it: without the last of them, the sum would have to show
    /// fewer digits.
    scale: u16,
    scale_count: u64,
}

impl Statistic {
    fn new(what: What) -> Statistic {
        Statistic {
            what,
            finite: 0,
            nan: 0,
            infinite: 0,
            negative_infinite: 0,
            sum: Total::default(),
            squares: Total::default(),
            scale: 0,
            scale_count: 0,
        }
    }

    fn count(&self) -> u64 {
        self.finite + self.nan + self.infinite + self.negative_infinite
    }

    /// Adds the number, or with -1 takes it back.
    fn accumulate(&mut self, number: &Numeric, sign: i128) {
        match &number.0 {
            Repr::Small { scale, mantissa } => {
                let mantissa = i128::from(*mantissa);
                self.sum.add(mantissa * sign, *scale);
                // A scale that no number can have is fine here: it is only computed with.
                if self.what.needs_squares() {
                    self.squares.add(mantissa * mantissa * sign, scale * 2);
                }
            }
            Repr::Big(big) => {
                let signed = &big.mantissa * sign;
                if self.what.needs_squares() {
                    self.squares.add_big(&(&signed * &big.mantissa), big.scale * 2);
                }
                self.sum.add_big(&signed, big.scale);
            }
            Repr::NaN | Repr::Infinity | Repr::NegativeInfinity => {}
        }
    }

    fn counter(&mut self, number: &Numeric) -> &mut u64 {
        match &number.0 {
            Repr::NaN => &mut self.nan,
            Repr::Infinity => &mut self.infinite,
            Repr::NegativeInfinity => &mut self.negative_infinite,
            Repr::Small { .. } | Repr::Big(_) => &mut self.finite,
        }
    }

    /// The sum if it is no number.
    fn special(&self) -> Option<Numeric> {
        if self.nan > 0 || (self.infinite > 0 && self.negative_infinite > 0) {
            Some(Numeric::NAN)
        } else if self.infinite > 0 {
            Some(Numeric::INFINITY)
        } else if self.negative_infinite > 0 {
            Some(Numeric::NEGATIVE_INFINITY)
        } else {
            None
        }
    }

    fn average(&self) -> Result<Numeric> {
        if let Some(special) = self.special() {
            return Ok(special);
        }
        self.sum.numeric()?.div(&Numeric::from_i64(self.finite as i64))
    }

    /// `(n Σx² - (Σx)²) / (n (n - 1))`, or divided by n² for a population.
    fn variance(&self, sample: bool) -> Result<Option<Numeric>> {
        if self.count() <= u64::from(sample) {
            return Ok(None);
        }
        if self.special().is_some() {
            return Ok(Some(Numeric::NAN));
        }
        let sum = self.sum.value();
        let scale = i32::from(self.sum.scale) * 2;
        let squares = scaled_up(&self.squares.value(), (scale - i32::from(self.squares.scale)) as u32).into_owned();
        let n = BigInt::from(self.finite);
        let dividend = &n * squares - &sum * &sum;
        if dividend.is_zero() {
            return Ok(Some(Numeric::ZERO));
        }
        let divisor = &n * (&n - i32::from(sample));
        let result_scale = scale_of_quotient(&dividend, scale, &divisor, 0).clamp(0, i32::from(SCALE_MAX));
        let variance = quotient(&dividend, scale, &divisor, 0, result_scale);
        Numeric::checked(variance, result_scale as u16).map(Some)
    }
}

fn argument(arguments: &[Datum]) -> Result<std::borrow::Cow<'_, Numeric>> {
    use std::borrow::Cow::{Borrowed, Owned};
    match arguments {
        [Datum::Numeric(number)] => Ok(Borrowed(number)),
        [Datum::Int8(number)] => Ok(Owned(Numeric::from_i64(*number))),
        [Datum::Int4(number)] => Ok(Owned(Numeric::from_i64(i64::from(*number)))),
        [Datum::Int2(number)] => Ok(Owned(Numeric::from_i64(i64::from(*number)))),
        _ => Err(wrong_arguments(arguments)),
    }
}

impl Aggregate for Statistic {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        let number = argument(arguments)?;
        *self.counter(&number) += 1;
        if number.is_finite() {
            match number.scale().cmp(&self.scale) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.scale_count += 1,
                std::cmp::Ordering::Greater => (self.scale, self.scale_count) = (number.scale(), 1),
            }
        }
        self.accumulate(&number, 1);
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        if self.count() == 0 {
            return Ok(Datum::Null);
        }
        let deviation = |variance: Option<Numeric>| match variance {
            Some(variance) => variance.sqrt_to_scale(variance.scale()).map(Some),
            None => Ok(None),
        };
        let result = match self.what {
            What::Sum => Some(match self.special() {
                Some(special) => special,
                None => self.sum.numeric()?,
            }),
            What::Average => Some(self.average()?),
            What::SampleVariance => self.variance(true)?,
            What::Variance => self.variance(false)?,
            What::SampleDeviation => deviation(self.variance(true)?)?,
            What::Deviation => deviation(self.variance(false)?)?,
        };
        Ok(result.map_or(Datum::Null, Datum::Numeric))
    }

    fn retract(&mut self, _: &Call, arguments: &[Datum]) -> Result<bool> {
        let number = argument(arguments)?;
        if number.is_finite() && self.scale > 0 && number.scale() == self.scale {
            if self.scale_count == 1 && self.finite > 1 {
                return Ok(false);
            }
            self.scale_count -= 1;
        }
        let counter = self.counter(&number);
        *counter = counter.checked_sub(1).ok_or_else(|| Error::internal("a row was retracted that was not stepped"))?;
        if self.finite == 0 {
            (self.sum, self.squares) = (Total::default(), Total::default());
            (self.scale, self.scale_count) = (0, 0);
        } else {
            self.accumulate(&number, -1);
        }
        Ok(true)
    }

    fn bytes(&self) -> usize {
        size_of::<Statistic>() + self.sum.bytes() + self.squares.bytes()
    }
}
