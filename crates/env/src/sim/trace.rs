//! What happened, folded into 64 bits, and printed on request.

use std::{fmt, time::Duration};

use crate::rng::mix;

/// INVARIANT: events enter in the order in which they happened, each with its simulated time; two runs with the same
/// digest took the same course.
pub(super) struct Trace {
    digest: u64,
    events: u64,
    print: bool,
}

impl Trace {
    pub(super) fn new(seed: u64, print: bool) -> Trace {
        Trace { digest: mix(seed), events: 0, print }
    }

    fn fold(&mut self, word: u64) {
        self.digest = mix(self.digest.rotate_left(17) ^ word);
    }

    fn fold_text(&mut self, text: &str) {
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
        self.fold(text.len() as u64);
    }

    fn begin(&mut self, at: Duration, event: &str) {
        self.events += 1;
        self.fold(at.as_nanos() as u64);
        self.fold_text(event);
    }

    /// An event described by numbers: the cheap form, for what happens often.
    pub(super) fn numbers(&mut self, at: Duration, event: &str, numbers: &[u64]) {
        self.begin(at, event);
        numbers.iter().for_each(|number| self.fold(*number));
        if self.print {
            eprintln!("{:>14.6} {event} {numbers:?}", at.as_secs_f64());
        }
    }

    pub(super) fn text(&mut self, at: Duration, event: &str, detail: &dyn fmt::Display) {
        self.begin(at, event);
        let detail = detail.to_string();
        self.fold_text(&detail);
        if self.print {
            eprintln!("{:>14.6} {event} {detail}", at.as_secs_f64());
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }
}
