//! Sums, averages, variances and regressions of floats.
//!
//! Sums of squares are kept as squares of differences from the mean so far (Youngs and Cramer), in PostgreSQL's order of
//! operations, so that results agree to the last bit with one of its backends that sees the rows in the same order.
//! Rows can't be taken back: floats would not return to what they were.

use super::aggregate::entry;
use super::float::{double, overflow, single};
use super::wrong_arguments;
use crate::Call;
use crate::datum::Datum;
use crate::error::Result;
use crate::function::{Aggregate, AggregateEntry};

pub(super) const SUM_FLOAT4: AggregateEntry = entry(|_| Box::new(SumFloat4(None)));
pub(super) const SUM_FLOAT8: AggregateEntry = entry(|_| Box::new(SumFloat8(None)));

macro_rules! finished_by {
    ($state:ident: $($name:ident = $finish:expr;)*) => {
        $(pub(super) const $name: AggregateEntry = entry(|_| Box::new(Finished { state: $state::default(), finish: $finish }));)*
    };
}

finished_by! { Moments:
    AVERAGE = |of| (of.n > 0.0).then(|| of.sum / of.n);
    VARIANCE = |of| (of.n > 0.0).then(|| of.squares / of.n);
    SAMPLE_VARIANCE = |of| (of.n > 1.0).then(|| of.squares / (of.n - 1.0));
    DEVIATION = |of| (of.n > 0.0).then(|| (of.squares / of.n).sqrt());
    SAMPLE_DEVIATION = |of| (of.n > 1.0).then(|| (of.squares / (of.n - 1.0)).sqrt());
}

finished_by! { Regression:
    REGRESSION_SXX = |of| (of.n > 0.0).then_some(of.sxx);
    REGRESSION_SYY = |of| (of.n > 0.0).then_some(of.syy);
    REGRESSION_SXY = |of| (of.n > 0.0).then_some(of.sxy);
    REGRESSION_AVERAGE_X = |of| (of.n > 0.0).then(|| of.sx / of.n);
    REGRESSION_AVERAGE_Y = |of| (of.n > 0.0).then(|| of.sy / of.n);
    REGRESSION_R2 = |of| match (of.sxx == 0.0, of.syy == 0.0) {
        _ if of.n < 1.0 => None,
        (true, _) => None,
        (_, true) => Some(1.0),
        _ => Some(of.sxy * of.sxy / (of.sxx * of.syy)),
    };
    REGRESSION_SLOPE = |of| (of.n > 0.0 && of.sxx != 0.0).then(|| of.sxy / of.sxx);
    REGRESSION_INTERCEPT = |of| (of.n > 0.0 && of.sxx != 0.0).then(|| (of.sy - of.sx * of.sxy / of.sxx) / of.n);
    COVARIANCE = |of| (of.n > 0.0).then(|| of.sxy / of.n);
    SAMPLE_COVARIANCE = |of| (of.n > 1.0).then(|| of.sxy / (of.n - 1.0));
    CORRELATION = |of| (of.n > 0.0 && of.sxx != 0.0 && of.syy != 0.0).then(|| of.sxy / (of.sxx * of.syy).sqrt());
}

struct SumFloat4(Option<f32>);

impl Aggregate for SumFloat4 {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        let [Datum::Float4(value)] = arguments else { return Err(wrong_arguments(arguments)) };
        self.0 = Some(match self.0 {
            Some(sum) => single::add(sum, *value)?,
            None => *value,
        });
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.0.map_or(Datum::Null, Datum::Float4))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

struct SumFloat8(Option<f64>);

impl Aggregate for SumFloat8 {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        let [value] = floats(arguments)?;
        self.0 = Some(match self.0 {
            Some(sum) => double::add(sum, value)?,
            None => value,
        });
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.0.map_or(Datum::Null, Datum::Float8))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

fn floats<const N: usize>(arguments: &[Datum]) -> Result<[f64; N]> {
    let mut values = [0.0; N];
    if arguments.len() != N {
        return Err(wrong_arguments(arguments));
    }
    for (value, argument) in values.iter_mut().zip(arguments) {
        *value = match argument {
            Datum::Float8(value) => *value,
            Datum::Float4(value) => f64::from(*value),
            _ => return Err(wrong_arguments(arguments)),
        };
    }
    Ok(values)
}

trait State: Send {
    fn add(&mut self, arguments: &[Datum]) -> Result<()>;
}

/// A state and what is computed of it in the end; `None` is NULL.
struct Finished<S> {
    state: S,
    finish: fn(&S) -> Option<f64>,
}

impl<S: State> Aggregate for Finished<S> {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        self.state.add(arguments)
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok((self.finish)(&self.state).map_or(Datum::Null, Datum::Float8))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// Number, sum, and sum of the squares of differences from the mean.
#[derive(Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl State for Moments {
    fn add(&mut self, arguments: &[Datum]) -> Result<()> {
        let [value] = floats(arguments)?;
        let (n_before, sum_before) = (self.n, self.sum);
        self.n += 1.0;
        self.sum += value;
        if n_before == 0.0 {
            // A lone infinity has no variance either.
            if !value.is_finite() {
                self.squares = f64::NAN;
            }
            return Ok(());
        }
        let difference = value * self.n - self.sum;
        self.squares += difference * difference / (self.n * n_before);
        if self.sum.is_infinite() || self.squares.is_infinite() {
            if !sum_before.is_infinite() && !value.is_infinite() {
                return Err(overflow());
            }
            self.squares = f64::NAN;
        }
        Ok(())
    }
}

/// The same of two variables, and of their products. The dependent one, y, is the first argument.
#[derive(Default)]
struct Regression {
    n: f64,
    sx: f64,
    sxx: f64,
    sy: f64,
    syy: f64,
    sxy: f64,
}

impl State for Regression {
    fn add(&mut self, arguments: &[Datum]) -> Result<()> {
        let [y, x] = floats(arguments)?;
        let (n_before, sx_before, sy_before) = (self.n, self.sx, self.sy);
        self.n += 1.0;
        self.sx += x;
        self.sy += y;
        if n_before == 0.0 {
            if !x.is_finite() {
                (self.sxx, self.sxy) = (f64::NAN, f64::NAN);
            }
            if !y.is_finite() {
                (self.syy, self.sxy) = (f64::NAN, f64::NAN);
            }
            return Ok(());
        }
        let (x_difference, y_difference) = (x * self.n - self.sx, y * self.n - self.sy);
        let scale = 1.0 / (self.n * n_before);
        self.sxx += x_difference * x_difference * scale;
        self.syy += y_difference * y_difference * scale;
        self.sxy += x_difference * y_difference * scale;
        let x_was_finite = !sx_before.is_infinite() && !x.is_infinite();
        let y_was_finite = !sy_before.is_infinite() && !y.is_infinite();
        let x_overflows = self.sx.is_infinite() || self.sxx.is_infinite();
        let y_overflows = self.sy.is_infinite() || self.syy.is_infinite();
        if (x_overflows && x_was_finite)
            || (y_overflows && y_was_finite)
            || (self.sxy.is_infinite() && x_was_finite && y_was_finite)
        {
            return Err(overflow());
        }
        for square in [&mut self.sxx, &mut self.syy, &mut self.sxy] {
            if square.is_infinite() {
                *square = f64::NAN;
            }
        }
        Ok(())
    }
}
