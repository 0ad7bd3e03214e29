//! `string_agg` of texts and bytes, `min` and `max` of texts.

use std::cmp::Ordering;

use crate::datum::Datum;
use crate::error::Result;
use crate::function::{Aggregate, AggregateEntry, Call};
use crate::text::compare::{bpchar_order, text_order};
use crate::text::string::check_growth;
use crate::text::{bytes_of, str_of};

pub const STRING_AGG: AggregateEntry =
    AggregateEntry { new: |_| Box::new(Joined::<String> { so_far: None }), skips_nulls: false };
pub const BYTES_AGG: AggregateEntry =
    AggregateEntry { new: |_| Box::new(Joined::<Vec<u8>> { so_far: None }), skips_nulls: false };

pub const MIN_TEXT: AggregateEntry =
    AggregateEntry { new: |_| Extreme::boxed(Ordering::Less, text_order), skips_nulls: true };
pub const MAX_TEXT: AggregateEntry =
    AggregateEntry { new: |_| Extreme::boxed(Ordering::Greater, text_order), skips_nulls: true };
pub const MIN_BPCHAR: AggregateEntry =
    AggregateEntry { new: |_| Extreme::boxed(Ordering::Less, bpchar_order), skips_nulls: true };
pub const MAX_BPCHAR: AggregateEntry =
    AggregateEntry { new: |_| Extreme::boxed(Ordering::Greater, bpchar_order), skips_nulls: true };

/// What values are joined in.
trait Buffer: Default + Send {
    fn push(&mut self, value: &Datum);
    fn len(&self) -> usize;
    fn value(&self) -> Datum;
}

impl Buffer for String {
    fn push(&mut self, value: &Datum) {
        self.push_str(str_of(value));
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn value(&self) -> Datum {
        Datum::text(self.as_str())
    }
}

impl Buffer for Vec<u8> {
    fn push(&mut self, value: &Datum) {
        self.extend_from_slice(bytes_of(value));
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn value(&self) -> Datum {
        Datum::Bytea(self.as_slice().into())
    }
}

/// The delimiter of a row stands before its value; that of the first value is not used.
struct Joined<B> {
    so_far: Option<B>,
}

impl<B: Buffer> Aggregate for Joined<B> {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        if arguments[0].is_null() {
            return Ok(());
        }
        let first = self.so_far.is_none();
        let buffer = self.so_far.get_or_insert_default();
        if !first && !arguments[1].is_null() {
            buffer.push(&arguments[1]);
        }
        buffer.push(&arguments[0]);
        check_growth(buffer.len(), 0)
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.so_far.as_ref().map_or(Datum::Null, B::value))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.so_far.as_ref().map_or(0, B::len)
    }
}

struct Extreme {
    best: Option<Datum>,
    /// Of a new value to the best, to replace it.
    wanted: Ordering,
    compare: fn(&Datum, &Datum) -> Ordering,
}

impl Extreme {
    fn boxed(wanted: Ordering, compare: fn(&Datum, &Datum) -> Ordering) -> Box<dyn Aggregate> {
        Box::new(Extreme { best: None, wanted, compare })
    }
}

impl Aggregate for Extreme {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        let value = &arguments[0];
        let better = match &self.best {
            Some(best) => (self.compare)(value, best) == self.wanted,
            None => true,
        };
        if better {
            self.best = Some(value.clone());
        }
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        Ok(self.best.clone().unwrap_or_default())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.best.as_ref().map_or(0, Datum::bytes)
    }
}
