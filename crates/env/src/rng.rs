//! A small seeded random number generator: xoshiro256++.
//!
//! Used by the simulator, by workloads and tests, and behind [`crate::Entropy`]. Fast and well mixed, but not for
//! secrets: its outputs reveal its state.

use std::ops::Range;

/// A seeded generator; equal seeds give equal sequences on every platform.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        let mut sequence = seed;
        // splitmix64 spreads seeds that differ in one bit, and never yields the all-zero state.
        let state = std::array::from_fn(|_| {
            sequence = sequence.wrapping_add(0x9E37_79B9_7F4A_7C15);
            mix(sequence)
        });
        Rng { state }
    }

    /// A stream of its own for every name, so that more use of one doesn't shift the others.
    pub fn stream(seed: u64, name: &str) -> Rng {
        let named = name.bytes().fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte)));
        Rng::new(named)
    }

    pub(crate) fn from_state(state: [u64; 4]) -> Rng {
        // The all-zero state would only ever yield zeroes.
        if state == [0; 4] { Rng::new(0) } else { Rng { state } }
    }

    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    pub fn next_u128(&mut self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }

    /// Uniform in `0..n`; `n` must not be zero.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "below(0) has no answer");
        // The bias of the multiplication method is below n / 2^64.
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in a range that isn't empty.
    pub fn range(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end - range.start)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        ((self.next_u64() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// One of the items of a slice that isn't empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// The finaliser of splitmix64: every input bit reaches every output bit.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_matches_the_reference_sequence() {
        // From the authors' C program with the state 1, 2, 3, 4.
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let first: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        assert_eq!(first, [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }

    #[test]
    fn streams_are_reproducible_and_independent() {
        let mut a = Rng::stream(7, "a");
        let mut again = Rng::stream(7, "a");
        let mut b = Rng::stream(7, "b");
        let from_a: Vec<u64> = (0..8).map(|_| a.next_u64()).collect();
        assert_eq!(from_a, (0..8).map(|_| again.next_u64()).collect::<Vec<_>>());
        assert_ne!(from_a, (0..8).map(|_| b.next_u64()).collect::<Vec<_>>());
    }

    #[test]
    fn chance_and_below_are_roughly_fair() {
        let mut rng = Rng::new(1);
        let hits = (0..10_000).filter(|_| rng.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        let mut seen = [0u32; 5];
        (0..10_000).for_each(|_| seen[rng.below(5) as usize] += 1);
        assert!(seen.iter().all(|n| (1_800..2_200).contains(n)), "{seen:?}");
        assert!(!rng.chance(0.0) && rng.chance(1.0));
    }

    #[test]
    fn shuffle_keeps_every_item_and_fill_reaches_the_last_byte() {
        let mut rng = Rng::new(3);
        let mut items: Vec<u32> = (0..50).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        let reached = (0..64).any(|_| {
            let mut buffer = [0; 13];
            rng.fill(&mut buffer);
            buffer[12] != 0
        });
        assert!(reached);
    }
}
