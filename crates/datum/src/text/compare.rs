//! The order of texts, which is that of their bytes (collation C), and PostgreSQL's hashes of them.
//!
//! INVARIANT: trailing spaces of a `bpchar` do not count here. `Datum::compare` sees them: whoever sorts `bpchar` by
//! it needs values of one declared length, and even then differs for characters below the space.

use std::cmp::Ordering;

use crate::datum::Datum;
use crate::error::Result;
use crate::text::io::byte_of;
use crate::text::str_of;

pub fn text_order(a: &Datum, b: &Datum) -> Ordering {
    str_of(a).as_bytes().cmp(str_of(b).as_bytes())
}

pub fn bpchar_order(a: &Datum, b: &Datum) -> Ordering {
    unpadded(a).as_bytes().cmp(unpadded(b).as_bytes())
}

pub fn compare_texts(arguments: &[Datum]) -> Ordering {
    text_order(&arguments[0], &arguments[1])
}

pub fn compare_bpchars(arguments: &[Datum]) -> Ordering {
    bpchar_order(&arguments[0], &arguments[1])
}

pub fn unpadded(value: &Datum) -> &str {
    str_of(value).trim_end_matches(' ')
}

pub fn texts(arguments: &[Datum], is: fn(Ordering) -> bool) -> Result<Datum> {
    Ok(Datum::Bool(is(compare_texts(arguments))))
}

pub fn bpchars(arguments: &[Datum], is: fn(Ordering) -> bool) -> Result<Datum> {
    Ok(Datum::Bool(is(compare_bpchars(arguments))))
}

pub fn chars(arguments: &[Datum], is: fn(Ordering) -> bool) -> Result<Datum> {
    Ok(Datum::Bool(is(byte_of(&arguments[0]).cmp(&byte_of(&arguments[1])))))
}

pub fn texts_equal(arguments: &[Datum]) -> bool {
    str_of(&arguments[0]) == str_of(&arguments[1])
}

pub fn order(order: Ordering) -> Result<Datum> {
    Ok(Datum::Int4(order as i32))
}

/// The difference, not only its sign.
pub fn char_difference(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(i32::from(byte_of(&arguments[0])) - i32::from(byte_of(&arguments[1]))))
}

/// The first argument if its order to the second is (or equal), else the second.
pub fn choose(arguments: &[Datum], ordering: Ordering, wanted: Ordering) -> Result<Datum> {
    Ok(arguments[usize::from(ordering != wanted && ordering.is_ne())].clone())
}

pub fn hash(bytes: &[u8]) -> Result<Datum> {
    Ok(Datum::Int4(Mix::of(bytes, 0).c as i32))
}

pub fn hash_extended(bytes: &[u8], seed: &Datum) -> Result<Datum> {
    Ok(Datum::Int8(Mix::of(bytes, seed_of(seed)).wide()))
}

/// A `"char"` is hashed as the four bytes of its signed number.
pub fn hash_char(value: &Datum, seed: Option<&Datum>) -> Result<Datum> {
    let mut mix = Mix::new(4, seed.map_or(0, seed_of));
    mix.a = mix.a.wrapping_add(i32::from(byte_of(value) as i8) as u32);
    mix.finish();
    Ok(if seed.is_some() { Datum::Int8(mix.wide()) } else { Datum::Int4(mix.c as i32) })
}

fn seed_of(seed: &Datum) -> u64 {
    match seed {
        Datum::Int8(seed) => *seed as u64,
        other => panic!("{other:?} is not a bigint"),
    }
}

/// Bob Jenkins' lookup3, with the start value and the seed as PostgreSQL has them: clients keep what `hashtext` said.
struct Mix {
    a: u32,
    b: u32,
    c: u32,
}

impl Mix {
    fn new(length: usize, seed: u64) -> Mix {
        let start = 0x9e37_79b9_u32.wrapping_add(length as u32).wrapping_add(3_923_095);
        let mut mix = Mix { a: start, b: start, c: start };
        if seed != 0 {
            mix.a = mix.a.wrapping_add((seed >> 32) as u32);
            mix.b = mix.b.wrapping_add(seed as u32);
            mix.stir();
        }
        mix
    }

    fn of(bytes: &[u8], seed: u64) -> Mix {
        let mut mix = Mix::new(bytes.len(), seed);
        let mut blocks = bytes.chunks_exact(12);
        for block in &mut blocks {
            mix.add(block);
            mix.stir();
        }
        // The lowest byte of the last word belongs to the length.
        let rest = blocks.remainder();
        let mut last = [0; 12];
        let low = rest.len().min(8);
        last[..low].copy_from_slice(&rest[..low]);
        last[9..9 + rest.len() - low].copy_from_slice(&rest[low..]);
        mix.add(&last);
        mix.finish();
        mix
    }

    fn add(&mut self, block: &[u8]) {
        let word = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        self.a = self.a.wrapping_add(word(0));
        self.b = self.b.wrapping_add(word(4));
        self.c = self.c.wrapping_add(word(8));
    }

    fn stir(&mut self) {
        let Mix { a, b, c } = self;
        for (x, y, z, turn) in [(0, 2, 1, 4), (1, 0, 2, 6), (2, 1, 0, 8), (0, 2, 1, 16), (1, 0, 2, 19), (2, 1, 0, 4)] {
            let mut words = [*a, *b, *c];
            words[x] = words[x].wrapping_sub(words[y]) ^ words[y].rotate_left(turn);
            words[y] = words[y].wrapping_add(words[z]);
            [*a, *b, *c] = words;
        }
    }

    fn finish(&mut self) {
        let mut words = [self.a, self.b, self.c];
        for (x, y, turn) in [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)] {
            words[x] = (words[x] ^ words[y]).wrapping_sub(words[y].rotate_left(turn));
        }
        [self.a, self.b, self.c] = words;
    }

    fn wide(&self) -> i64 {
        (u64::from(self.b) << 32 | u64::from(self.c)) as i64
    }
}
