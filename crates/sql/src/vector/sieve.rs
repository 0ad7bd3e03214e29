//! Which integers are surely not in a set: a Bloom filter, made of the keys of a join's one side to leave rows of its other
//! side out before they are rows.

use std::hash::{BuildHasher, Hasher as _};

use super::{Values, Vector};
use crate::exec::keyed::Hasher;

/// For each key; two of them are set.
const BITS: usize = 16;

#[derive(Debug)]
pub struct Sieve {
    bits: Vec<u64>,
    mask: u64,
}

impl Sieve {
    pub fn new(keys: impl ExactSizeIterator<Item = i64>) -> Sieve {
        let bits = (keys.len() * BITS).next_power_of_two().max(64);
        let mut sieve = Sieve { bits: vec![0; bits / 64], mask: bits as u64 - 1 };
        for key in keys {
            for bit in sieve.places(key) {
                sieve.bits[(bit / 64) as usize] |= 1 << (bit % 64);
            }
        }
        sieve
    }

    fn places(&self, key: i64) -> [u64; 2] {
        let mut state = Hasher.build_hasher();
        state.write_i64(key);
        let hash = state.finish();
        [hash & self.mask, hash.rotate_left(32) & self.mask]
    }

    fn may_have(&self, key: i64) -> bool {
        self.places(key).into_iter().all(|bit| self.bits[(bit / 64) as usize] >> (bit % 64) & 1 == 1)
    }

    /// Leaves those of the chosen places whose value may be in the set; NULL is not.
    pub fn select(&self, vector: &Vector<'_>, chosen: &mut Vec<u32>) {
        if let Values::Integers(values) = &vector.values {
            chosen.retain(|at| !vector.is_null(*at as usize) && self.may_have(values[*at as usize]));
        }
    }
}
