//! `numeric(precision, scale)`: the type modifier, and what it makes of a number.

use num_traits::Signed;

use super::arithmetic::{power_of_ten, rescaled};
use super::{Numeric, Repr};
use crate::error::{Error, Result};
use crate::sqlstate;

const PRECISION_MAX: i32 = 1000;
const SCALE_LIMIT: i32 = 1000;
/// PostgreSQL's modifiers of types of any length start here.
const MODIFIER_BASE: i32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modifier {
    pub precision: i32,
    /// Below zero: so many digits before the point are zeros.
    pub scale: i32,
}

impl Modifier {
    /// None if there is no limit.
    pub fn decode(modifier: i32) -> Option<Modifier> {
        if modifier < MODIFIER_BASE {
            return None;
        }
        let packed = modifier - MODIFIER_BASE;
        // The scale is a signed number of 11 bits.
        let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
        Some(Modifier { precision: packed >> 16, scale })
    }

    pub fn encode(self) -> i32 {
        ((self.precision << 16) | (self.scale & 0x7ff)) + MODIFIER_BASE
    }

    /// Of what is written in the parentheses after the type's name.
    pub fn from_arguments(arguments: &[i32]) -> Result<Modifier> {
        let refused = |message: String| Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
        let (precision, scale) = match *arguments {
            [precision] => (precision, 0),
            [precision, scale] => (precision, scale),
            _ => return refused("invalid NUMERIC type modifier".into()),
        };
        if !(1..=PRECISION_MAX).contains(&precision) {
            return refused(format!("NUMERIC precision {precision} must be between 1 and {PRECISION_MAX}"));
        }
        if !(-SCALE_LIMIT..=SCALE_LIMIT).contains(&scale) {
            return refused(format!("NUMERIC scale {scale} must be between -{SCALE_LIMIT} and {SCALE_LIMIT}"));
        }
        Ok(Modifier { precision, scale })
    }
}

impl Numeric {
    /// Rounds to what the type modifier says; an error if the number doesn't fit.
    pub fn with_modifier(&self, modifier: i32) -> Result<Numeric> {
        match Modifier::decode(modifier) {
            Some(modifier) => self.fitted(modifier),
            None => Ok(self.clone()),
        }
    }

    pub fn fitted(&self, Modifier { precision, scale }: Modifier) -> Result<Numeric> {
        let refused = |what: String| {
            let error = Error::new(sqlstate::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
            Err(error.detail(format!("A field with precision {precision}, scale {scale} {what}")))
        };
        let digits = precision - scale;
        // What 10^18 and less is compared with fits an i64.
        if let Repr::Small { scale: from, mantissa } = self.0
            && i32::from(from) == scale
            && (1..=18).contains(&precision)
            && mantissa.unsigned_abs() < 10u64.pow(precision as u32)
        {
            return Ok(self.clone());
        }
        let Some((mantissa, from)) = self.finite() else {
            return if self.is_infinite() {
                refused("cannot hold an infinite value.".into())
            } else {
                Ok(self.clone())
            };
        };
        let rounded = rescaled(&mantissa, i32::from(from), scale);
        if rounded.abs().magnitude() >= &*power_of_ten(precision as u32) {
            let limit = if digits == 0 { "1".into() } else { format!("10^{digits}") };
            return refused(format!("must round to an absolute value less than {limit}."));
        }
        let shown = scale.max(0);
        Numeric::checked(rescaled(&rounded, scale, shown), shown as u16)
    }
}
