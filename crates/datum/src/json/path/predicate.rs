//! Conditions: true, false, or unknown where an operand can't be computed or compared.

use std::cmp::Ordering;

use super::execute::{Item, Run, Status};
use super::{Comparison, Expression, Predicate, moment};
use crate::error::Result;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }
}

impl<'a> Run<'a> {
    pub fn truth(&mut self, predicate: &'a Predicate) -> Result<Truth> {
        Ok(match predicate {
            Predicate::And(..) => self.chain(predicate, Truth::False)?,
            Predicate::Or(..) => self.chain(predicate, Truth::True)?,
            Predicate::Not(inner) => match self.truth(inner)? {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Predicate::IsUnknown(inner) => (self.truth(inner)? == Truth::Unknown).into(),
            Predicate::Exists(of) => self.exists(of)?,
            Predicate::Compare(comparison, left, right) => {
                let Some(rights) = self.values(right, true, left)? else { return Ok(Truth::Unknown) };
                self.each_pair(rights, |run, left, right| run.compare(*comparison, left, right))?
            }
            Predicate::StartsWith(left, right) => {
                let Some(rights) = self.values(right, false, left)? else { return Ok(Truth::Unknown) };
                self.each_pair(rights, |_, whole, start| {
                    Ok(match (whole.text(), start.text()) {
                        (Some(whole), Some(start)) => whole.starts_with(start).into(),
                        _ => Truth::Unknown,
                    })
                })?
            }
            Predicate::LikeRegex(left, regex) => {
                let mut lefts = Vec::new();
                if self.silently(|run| run.operand(left, true, &mut lefts))? == Status::Failed {
                    return Ok(Truth::Unknown);
                }
                self.each_pair((lefts, vec![Item::Null]), |_, text, _| match text.text() {
                    Some(text) => Ok(regex.compiled.is_match(text)?.into()),
                    None => Ok(Truth::Unknown),
                })?
            }
        })
    }

    /// Conditions joined by `&&` or by `||`: one that is `deciding` ends it, and an unknown one outweighs the others. Long
    /// lists grow to the left, and are walked without recursion.
    fn chain(&mut self, predicate: &'a Predicate, deciding: Truth) -> Result<Truth> {
        let mut rights = Vec::new();
        let mut leftmost = predicate;
        while let (Predicate::And(left, right), Truth::False) | (Predicate::Or(left, right), Truth::True) =
            (leftmost, deciding)
        {
            rights.push(&**right);
            leftmost = left;
        }
        let mut truth = self.truth(leftmost)?;
        while let Some(right) = rights.pop().filter(|_| truth != deciding) {
            match self.truth(right)? {
                right if right == deciding => truth = right,
                Truth::Unknown => truth = Truth::Unknown,
                _ => {}
            }
        }
        Ok(truth)
    }

    /// What goes wrong is no error here.
    fn silently<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let throws = std::mem::replace(&mut self.throws, false);
        let result = run(self);
        self.throws = throws;
        result
    }

    fn exists(&mut self, of: &'a Expression) -> Result<Truth> {
        let mut found = Vec::new();
        let status = match self.lax {
            true => self.silently(|run| run.evaluate(of, None))?,
            // An error anywhere makes it unknown.
            false => self.silently(|run| run.evaluate(of, Some(&mut found)))?,
        };
        Ok(match status {
            Status::Failed => Truth::Unknown,
            status if self.lax => (status == Status::Found).into(),
            _ => (!found.is_empty()).into(),
        })
    }

    /// The values on both sides, the left ones computed first; none if an error is among them.
    #[allow(clippy::type_complexity, reason = "two lists of items")]
    fn values(
        &mut self,
        right: &'a Expression,
        unwraps_right: bool,
        left: &'a Expression,
    ) -> Result<Option<(Vec<Item<'a>>, Vec<Item<'a>>)>> {
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        let computed = self.silently(|run| {
            Ok(run.operand(left, true, &mut lefts)? != Status::Failed
                && run.operand(right, unwraps_right, &mut rights)? != Status::Failed)
        })?;
        Ok(computed.then_some((lefts, rights)))
    }

    /// True if any pair is. In lax mode the first pair that is true decides, in strict mode the first that is unknown.
    fn each_pair(
        &mut self,
        (lefts, rights): (Vec<Item<'a>>, Vec<Item<'a>>),
        mut test: impl FnMut(&mut Self, &Item<'a>, &Item<'a>) -> Result<Truth>,
    ) -> Result<Truth> {
        let (mut found, mut unknown) = (false, false);
        for left in &lefts {
            for right in &rights {
                match test(self, left, right)? {
                    Truth::True if self.lax => return Ok(Truth::True),
                    Truth::True => found = true,
                    Truth::Unknown if !self.lax => return Ok(Truth::Unknown),
                    Truth::Unknown => unknown = true,
                    Truth::False => {}
                }
            }
        }
        Ok(match (found, unknown) {
            (true, _) => Truth::True,
            (_, true) => Truth::Unknown,
            _ => Truth::False,
        })
    }

    fn compare(&self, comparison: Comparison, left: &Item<'a>, right: &Item<'a>) -> Result<Truth> {
        let order = match (left.is_null(), right.is_null()) {
            (true, true) => Ordering::Equal,
            // Null differs from all else, and is neither less nor greater.
            (true, false) | (false, true) => return Ok((comparison == Comparison::NotEqual).into()),
            (false, false) => match self.order(left, right)? {
                Some(order) => order,
                None => return Ok(Truth::Unknown),
            },
        };
        Ok(match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
        .into())
    }

    /// None of values that don't compare: of different kinds, and arrays and objects.
    fn order(&self, left: &Item<'a>, right: &Item<'a>) -> Result<Option<Ordering>> {
        if let (Item::Moment(left), Item::Moment(right)) = (left, right) {
            return moment::compare(left, right, &self.manner);
        }
        if let (Some(left), Some(right)) = (left.number(), right.number()) {
            return Ok(Some(left.cmp(&right)));
        }
        if let (Some(left), Some(right)) = (left.text(), right.text()) {
            return Ok(Some(left.cmp(right)));
        }
        Ok(left.bool().zip(right.bool()).map(|(left, right)| left.cmp(&right)))
    }
}
