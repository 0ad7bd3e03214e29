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

/// Numbers keys, which others keep, in the order in which they come: a hash table with linear probing.
#[derive(Debug, Default)]
pub struct Numbering {
    hashes: Vec<u64>,
    /// Numbers plus one, by hash; a power of two long.
    places: Vec<u32>,
}

impl Numbering {
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn clear(&mut self) {
        self.hashes.clear();
        self.places.clear();
    }

    /// Where the key is, or the place for it. `is_it` is asked of keys with this hash.
    fn probe(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> (usize, Option<usize>) {
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let number = match self.places[place] {
                0 => return (place, None),
                number => number as usize - 1,
            };
            if self.hashes[number] == hash && is_it(number) {
                return (place, Some(number));
            }
            place = (place + 1) & mask;
        }
    }

    pub fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        if self.places.is_empty() { None } else { self.probe(hash, is_it).1 }
    }

    /// The key's number, and whether it is new: then whoever keeps the keys adds it.
    pub fn insert(&mut self, hash: u64, is_it: impl Fn(usize) -> bool) -> (usize, bool) {
        if (self.hashes.len() + 1) * 2 > self.places.len() {
            self.enlarge();
        }
        match self.probe(hash, is_it) {
            (_, Some(number)) => (number, false),
            (place, None) => {
                let number = self.hashes.len();
                self.places[place] = number as u32 + 1;
                self.hashes.push(hash);
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
}

/// Numbers tuples of values in the order in which they come; equal tuples have one number. NULLs are equal.
#[derive(Debug)]
pub struct Keyed {
    senses: Box<[Sense]>,
    /// Tuple after tuple.
    keys: Vec<Datum>,
    numbering: Numbering,
}

impl Keyed {
    pub fn new(senses: impl Into<Box<[Sense]>>) -> Keyed {
        Keyed { senses: senses.into(), keys: Vec::new(), numbering: Numbering::default() }
    }

    pub fn len(&self) -> usize {
        self.numbering.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbering.is_empty()
    }

    pub fn key(&self, number: usize) -> &[Datum] {
        &self.keys[number * self.senses.len()..(number + 1) * self.senses.len()]
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.numbering.clear();
    }

    /// Equal tuples have one.
    pub fn hash(&self, key: &[Datum]) -> u64 {
        let mut state = Hasher.build_hasher();
        key.iter().zip(&self.senses).for_each(|(value, sense)| sense.hash(value, &mut state));
        std::hash::Hasher::finish(&state)
    }

    pub fn find(&self, key: &[Datum]) -> Option<usize> {
        self.numbering.find(self.hash(key), |number| are_equal(self.key(number), key, &self.senses))
    }

    /// The tuple's number, and whether it is new.
    pub fn insert(&mut self, key: &[Datum]) -> (usize, bool) {
        let hash = self.hash(key);
        let Keyed { senses, keys, numbering } = self;
        let width = senses.len();
        let is_it = |number: usize| are_equal(&keys[number * width..(number + 1) * width], key, senses);
        let (number, is_new) = numbering.insert(hash, is_it);
        if is_new {
            keys.extend_from_slice(key);
        }
        (number, is_new)
    }

    /// What one more tuple takes, for memory accounts.
    pub fn bytes_of(key: &[Datum]) -> usize {
        key.iter().map(Datum::bytes).sum::<usize>() + 16
    }
}

fn are_equal(a: &[Datum], b: &[Datum], senses: &[Sense]) -> bool {
    a.iter().zip(b).zip(senses).all(|((a, b), sense)| match (a, b) {
        (Datum::Int4(a), Datum::Int4(b)) => a == b,
        (Datum::Int8(a), Datum::Int8(b)) => a == b,
        _ => sense.compare(a, b).is_eq(),
    })
}
