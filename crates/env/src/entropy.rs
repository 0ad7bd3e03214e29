//! Random numbers: for ids, jitter and sampling; and secrets.
//!
//! A process seeds its generator once from the operating system; a simulated node from the run's seed, its id and the
//! count of its restarts. The generator's past numbers tell its next ones, so secrets come from the operating system
//! each time.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::rng::Rng;

#[derive(Clone)]
pub struct Entropy {
    rng: Arc<Mutex<Rng>>,
    simulated: bool,
}

impl Entropy {
    pub(crate) fn real() -> Entropy {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).expect("the operating system has no entropy");
        let words = std::array::from_fn(|i| {
            u64::from_le_bytes(seed[i * 8..i * 8 + 8].try_into().expect("a slice of eight bytes"))
        });
        Entropy { simulated: false, ..Entropy::seeded(Rng::from_state(words)) }
    }

    pub(crate) fn seeded(rng: Rng) -> Entropy {
        Entropy { rng: Arc::new(Mutex::new(rng)), simulated: true }
    }

    pub fn next_u64(&self) -> u64 {
        self.rng.lock().next_u64()
    }

    pub fn next_u128(&self) -> u128 {
        self.rng.lock().next_u128()
    }

    /// Uniform in `0..n`; `n` must not be zero.
    pub fn below(&self, n: u64) -> u64 {
        self.rng.lock().below(n)
    }

    pub fn fill(&self, buffer: &mut [u8]) {
        self.rng.lock().fill(buffer);
    }

    /// Bytes that nobody can guess from others: keys, salts, nonces.
    pub fn secret(&self, buffer: &mut [u8]) {
        if self.simulated {
            self.fill(buffer);
        } else {
            getrandom::fill(buffer).expect("the operating system has no entropy");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_differ() {
        let (a, b) = (Entropy::real(), Entropy::real());
        assert_ne!(a.next_u128(), b.next_u128());
        assert!(a.below(10) < 10);
        let (mut one, mut other) = ([0; 16], [0; 16]);
        a.secret(&mut one);
        a.secret(&mut other);
        assert_ne!(one, other);
    }
}
