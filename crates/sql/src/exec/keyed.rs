//! Rows found by equality: the hash tables of joins, groups, DISTINCT and set operations.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash};

use atoll_datum::{Datum, Oid, oid};

/// How values of one type compare. Nearly all do as [`Datum::compare`] says; a datum does not know that it is a
/// `bpchar`, whose blanks at the end don't count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sense {
    Plain,
    Blanks,
}

impl Sense {
    pub fn of(of: Oid) -> Sense {
        if of == oid::BPCHAR { Sense::Blanks } else { Sense::Plain }
    }

    pub fn compare(self, a: &Datum, b: &Datum) -> Ordering {
        match (self, a, b) {
            (Sense::Blanks, Datum::Text(a), Datum::Text(b)) => {
                a.trim_end_matches(' ').as_bytes().cmp(b.trim_end_matches(' ').as_bytes())
            }
            _ => a.compare(b),
        }
    }

    fn hash(self, value: &Datum, state: &mut State) {
        match (self, value) {
            (Sense::Blanks, Datum::Text(text)) => text.trim_end_matches(' ').as_bytes().hash(state),
            _ => value.hash(state),
        }
    }
}

/// The same in every run, and quick for short keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hasher;

impl BuildHasher for Hasher {
    type Hasher = State;

    fn build_hasher(&self) -> State {
        State(SEED)
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

#[derive(Clone, Copy, Debug)]
pub struct State(u64);

impl State {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (product >> 64) as u64 ^ product as u64 ^ self.0.rotate_left(23);
    }
}

impl std::hash::Hasher for State {
    fn finish(&self) -> u64 {
        let product = u128::from(self.0 ^ SEED) * u128::from(FACTOR);
        (product >> 64) as u64 ^ product as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last));
        self.mix(bytes.len() as u64);
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_i32(&mut self, value: i32) {
        self.mix(value as u32 as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_i64(&mut self, value: i64) {
        self.mix(value as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }
}

/// Numbers tuples of values in the order in which they come; equal tuples have one number. NULLs are equal.
#[derive(Debug)]
pub struct Keyed {
    senses: Box<[Sense]>,
    /// Tuple after tuple.
    keys: Vec<Datum>,
    hashes: Vec<u64>,
    /// Numbers plus one, by hash, with linear probing; a power of two long.
    places: Vec<u32>,
}

impl Keyed {
    pub fn new(senses: impl Into<Box<[Sense]>>) -> Keyed {
        Keyed { senses: senses.into(), keys: Vec::new(), hashes: Vec::new(), places: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn key(&self, number: usize) -> &[Datum] {
        &self.keys[number * self.senses.len()..(number + 1) * self.senses.len()]
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.hashes.clear();
        self.places.clear();
    }

    fn hash(&self, key: &[Datum]) -> u64 {
        let mut state = Hasher.build_hasher();
        key.iter().zip(&self.senses).for_each(|(value, sense)| sense.hash(value, &mut state));
        std::hash::Hasher::finish(&state)
    }

    fn is_at(&self, number: usize, hash: u64, key: &[Datum]) -> bool {
        self.hashes[number] == hash
            && self.key(number).iter().zip(key).zip(&self.senses).all(|((a, b), sense)| match (a, b) {
                (Datum::Int4(a), Datum::Int4(b)) => a == b,
                (Datum::Int8(a), Datum::Int8(b)) => a == b,
                _ => sense.compare(a, b).is_eq(),
            })
    }

    /// Where the tuple is, or the place for it.
    fn probe(&self, hash: u64, key: &[Datum]) -> (usize, Option<usize>) {
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.places[place] {
                0 => return (place, None),
                number if self.is_at(number as usize - 1, hash, key) => return (place, Some(number as usize - 1)),
                _ => place = (place + 1) & mask,
            }
        }
    }

    pub fn find(&self, key: &[Datum]) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        self.probe(self.hash(key), key).1
    }

    /// The tuple's number, and whether it is new.
    pub fn insert(&mut self, key: &[Datum]) -> (usize, bool) {
        if (self.hashes.len() + 1) * 2 > self.places.len() {
            self.enlarge();
        }
        let hash = self.hash(key);
        match self.probe(hash, key) {
            (_, Some(number)) => (number, false),
            (place, None) => {
                let number = self.hashes.len();
                self.places[place] = number as u32 + 1;
                self.hashes.push(hash);
                self.keys.extend_from_slice(key);
                (number, true)
            }
        }
    }

    fn enlarge(&mut self) {
        let places = (self.places.len() * 2).max(16);
        self.places = vec![0; places];
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut place = *hash as usize & (places - 1);
            while self.places[place] != 0 {
                place = (place + 1) & (places - 1);
            }
            self.places[place] = number as u32 + 1;
        }
    }

    /// What one more tuple takes, for memory accounts.
    pub fn bytes_of(key: &[Datum]) -> usize {
        key.iter().map(Datum::bytes).sum::<usize>() + 16
    }
}
