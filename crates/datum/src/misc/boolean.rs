//! `bool`: its spellings, and the aggregates over it.

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Aggregate, AggregateEntry, Call};
use crate::io::{TypeIo, malformed};

pub const IO: TypeIo = TypeIo {
    parse: |text, _, _| parse(text).map(Datum::Bool).ok_or_else(|| Error::invalid_input("boolean", text)),
    format: |value, _, out| out.push(if value.is_true() { 't' } else { 'f' }),
    receive: |bytes, _| match bytes {
        [byte] => Ok(Datum::Bool(*byte != 0)),
        _ => Err(malformed("boolean")),
    },
    send: |value, out| out.push(u8::from(value.is_true())),
};

/// Any prefix that is of one word only, in any case.
fn parse(text: &str) -> Option<bool> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let begins = |word: &str| word.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    match text.len() {
        0 => None,
        1 if text == "1" => Some(true),
        1 if text == "0" => Some(false),
        _ if begins("true") || begins("yes") => Some(true),
        _ if begins("false") || begins("no") => Some(false),
        // "o" alone could be either.
        2.. if begins("on") => Some(true),
        2.. if begins("off") => Some(false),
        _ => None,
    }
}

pub fn to_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(if arguments[0].is_true() { "true" } else { "false" }))
}

pub const ALL: AggregateEntry = AggregateEntry { new: |_| Box::new(Votes::new(false)), skips_nulls: true };
pub const ANY: AggregateEntry = AggregateEntry { new: |_| Box::new(Votes::new(true)), skips_nulls: true };

struct Votes {
    /// One value like this decides.
    decisive: bool,
    decisive_count: u64,
    count: u64,
}

impl Votes {
    fn new(decisive: bool) -> Votes {
        Votes { decisive, decisive_count: 0, count: 0 }
    }
}

impl Aggregate for Votes {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        self.count += 1;
        self.decisive_count += u64::from(arguments[0].is_true() == self.decisive);
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        if self.count == 0 {
            return Ok(Datum::Null);
        }
        Ok(Datum::Bool((self.decisive_count > 0) == self.decisive))
    }

    fn retract(&mut self, _: &Call, arguments: &[Datum]) -> Result<bool> {
        self.count -= 1;
        self.decisive_count -= u64::from(arguments[0].is_true() == self.decisive);
        Ok(true)
    }

    fn bytes(&self) -> usize {
        size_of::<Votes>()
    }
}
