//! Numbers as bytes: in keys, in rows and on the wire.
//!
//! A key is a first byte that tells sign and magnitude, then the digits in pairs, `0.d₁d₂ × 100^e`:
//!
//! ```text
//! 01                     -Infinity
//! 02 !ee !ee  !dd …      negative, e over 40
//! 03 … 33     !dd …      negative, e from 40 down to -8
//! 34 !ee !ee  !dd …      negative, e under -8
//! 35                     zero
//! 36 ee ee  dd …         positive, e under -8
//! 37 … 67   dd …         positive, e from -8 up to 40
//! 68 ee ee  dd …         positive, e over 40
//! 69                     Infinity
//! 6a                     NaN
//! ```
//!
//! `dd` is twice the pair, plus one if another follows: so a number sorts before those that continue it, and the last
//! byte shows that it is the last. `!` inverts all bits. The scale is not kept: `1.0` and `1.00` have one key.
//!
//! A value is a byte for the scale or for what is no number, then the mantissa, big-endian in two's complement, without
//! bytes that only repeat the sign.

use num_bigint::{BigInt, BigUint, Sign};

use super::arithmetic::scaled_up;
use super::{Numeric, Repr, SCALE_MAX};
use crate::error::{Error, Result};
use crate::sqlstate;

const KEY_NEGATIVE_INFINITY: u8 = 0x01;
const KEY_NEGATIVE_LARGE: u8 = 0x02;
/// Of e = 0; greater exponents are smaller bytes.
const KEY_NEGATIVE: u8 = 0x2b;
const KEY_NEGATIVE_TINY: u8 = 0x34;
const KEY_ZERO: u8 = 0x35;
const KEY_POSITIVE_TINY: u8 = 0x36;
/// Of e = 0.
const KEY_POSITIVE: u8 = 0x3f;
const KEY_POSITIVE_LARGE: u8 = 0x68;
const KEY_INFINITY: u8 = 0x69;
const KEY_NAN: u8 = 0x6a;
/// The exponents that need no bytes of their own.
const KEY_EXPONENT_MIN: i32 = -8;
const KEY_EXPONENT_MAX: i32 = 40;
/// What is added to smaller ones to store them: the smallest is -8191.
const KEY_TINY_BIAS: i32 = 8192;

const VALUE_LONG_SCALE: u8 = 251;
const VALUE_NEGATIVE_INFINITY: u8 = 253;
const VALUE_INFINITY: u8 = 254;
const VALUE_NAN: u8 = 255;

const WIRE_NEGATIVE: u16 = 0x4000;
const WIRE_NAN: u16 = 0xC000;
const WIRE_INFINITY: u16 = 0xD000;
const WIRE_NEGATIVE_INFINITY: u16 = 0xF000;
/// Means nothing, but PostgreSQL sends it.
const WIRE_INFINITY_SCALE: u16 = 0x20;

impl Numeric {
    /// Appends bytes whose order is the order of the numbers. None begins another.
    pub fn encode_key(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::NegativeInfinity => out.push(KEY_NEGATIVE_INFINITY),
            Repr::Infinity => out.push(KEY_INFINITY),
            Repr::NaN => out.push(KEY_NAN),
            Repr::Small { mantissa: 0, .. } => out.push(KEY_ZERO),
            Repr::Small { scale, mantissa } => {
                let mut rest = u128::from(mantissa.unsigned_abs());
                if scale % 2 == 1 {
                    rest *= 10;
                }
                let mut pairs = [0; 20];
                let mut first = pairs.len();
                while rest > 0 {
                    first -= 1;
                    pairs[first] = (rest % 100) as u8;
                    rest /= 100;
                }
                encode_pairs(*mantissa < 0, &pairs[first..], scale.div_ceil(2), out);
            }
            Repr::Big(big) => {
                let even = scaled_up(&big.mantissa, u32::from(big.scale % 2));
                let pairs = even.magnitude().to_radix_be(100);
                encode_pairs(big.mantissa.sign() == Sign::Minus, &pairs, big.scale.div_ceil(2), out);
            }
        }
    }

    /// Takes the bytes of one number from the front. It has the smallest scale that shows it.
    pub fn decode_key(input: &mut &[u8]) -> Result<Numeric> {
        let first = take(input)?;
        let exponent = match first {
            KEY_NEGATIVE_INFINITY => return Ok(Numeric::NEGATIVE_INFINITY),
            KEY_ZERO => return Ok(Numeric::ZERO),
            KEY_INFINITY => return Ok(Numeric::INFINITY),
            KEY_NAN => return Ok(Numeric::NAN),
            KEY_NEGATIVE_LARGE => i32::from(!take_u16(input)?) + KEY_EXPONENT_MAX + 1,
            KEY_NEGATIVE_TINY => i32::from(!take_u16(input)?) - KEY_TINY_BIAS,
            KEY_POSITIVE_TINY => i32::from(take_u16(input)?) - KEY_TINY_BIAS,
            KEY_POSITIVE_LARGE => i32::from(take_u16(input)?) + KEY_EXPONENT_MAX + 1,
            _ if first < KEY_ZERO => i32::from(KEY_NEGATIVE) - i32::from(first),
            _ => i32::from(first) - i32::from(KEY_POSITIVE),
        };
        if first == 0 || first > KEY_NAN {
            return Err(damaged());
        }
        let negative = first < KEY_ZERO;
        let mut pairs = Vec::with_capacity(8);
        loop {
            let byte = take(input)?;
            let byte = if negative { !byte } else { byte };
            pairs.push(byte / 2);
            if byte / 2 > 99 {
                return Err(damaged());
            }
            if byte % 2 == 0 {
                break;
            }
        }
        let number = from_pairs(negative, &pairs, exponent)?;
        Ok(number.trim_scale())
    }

    /// Appends the number and its scale; what follows must be told from it by someone else.
    pub fn encode_value(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::NegativeInfinity => out.push(VALUE_NEGATIVE_INFINITY),
            Repr::Infinity => out.push(VALUE_INFINITY),
            Repr::NaN => out.push(VALUE_NAN),
            Repr::Small { scale, mantissa } => {
                encode_scale(*scale, out);
                let repeated = if *mantissa < 0 { mantissa.leading_ones() } else { mantissa.leading_zeros() };
                // One bit of the sign has to stay, except that zero has no bytes at all.
                let kept = if *mantissa == 0 { 0 } else { (64 - repeated) as usize / 8 + 1 };
                out.extend_from_slice(&mantissa.to_be_bytes()[8 - kept..]);
            }
            Repr::Big(big) => {
                encode_scale(big.scale, out);
                out.extend_from_slice(&big.mantissa.to_signed_bytes_be());
            }
        }
    }

    /// All of `bytes` is the value.
    pub fn decode_value(bytes: &[u8]) -> Result<Numeric> {
        let mut rest = bytes;
        let scale = match take(&mut rest)? {
            VALUE_LONG_SCALE => take_u16(&mut rest)?,
            VALUE_NEGATIVE_INFINITY => return Ok(Numeric::NEGATIVE_INFINITY),
            VALUE_INFINITY => return Ok(Numeric::INFINITY),
            VALUE_NAN => return Ok(Numeric::NAN),
            scale => u16::from(scale),
        };
        if scale > SCALE_MAX {
            return Err(damaged());
        }
        if rest.len() > 8 {
            return Ok(Numeric::from_big(BigInt::from_signed_bytes_be(rest), scale));
        }
        let sign = if rest.first().is_some_and(|first| *first >= 0x80) { 0xff } else { 0 };
        let mut mantissa = [sign; 8];
        mantissa[8 - rest.len()..].copy_from_slice(rest);
        Ok(Numeric::small(i64::from_be_bytes(mantissa), scale))
    }

    /// PostgreSQL's binary form: digits in groups of four.
    pub fn send(&self, out: &mut Vec<u8>) {
        let header = |groups: u16, weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>| {
            out.extend_from_slice(&groups.to_be_bytes());
            out.extend_from_slice(&weight.to_be_bytes());
            out.extend_from_slice(&sign.to_be_bytes());
            out.extend_from_slice(&scale.to_be_bytes());
        };
        let (mantissa, scale) = match &self.0 {
            Repr::NegativeInfinity => return header(0, 0, WIRE_NEGATIVE_INFINITY, WIRE_INFINITY_SCALE, out),
            Repr::Infinity => return header(0, 0, WIRE_INFINITY, WIRE_INFINITY_SCALE, out),
            Repr::NaN => return header(0, 0, WIRE_NAN, 0, out),
            Repr::Small { scale, mantissa } => (BigInt::from(*mantissa), *scale),
            Repr::Big(big) => (big.mantissa.clone(), big.scale),
        };
        if self.is_zero() {
            return header(0, 0, 0, scale, out);
        }
        let fraction_groups = scale.div_ceil(4);
        let aligned = scaled_up(&mantissa, u32::from(fraction_groups * 4 - scale));
        let mut pairs = aligned.magnitude().to_radix_be(100);
        if pairs.len() % 2 == 1 {
            pairs.insert(0, 0);
        }
        let groups: Vec<u16> = pairs.chunks(2).map(|pair| u16::from(pair[0]) * 100 + u16::from(pair[1])).collect();
        let weight = groups.len() as i32 - i32::from(fraction_groups) - 1;
        let used = groups.iter().rposition(|group| *group != 0).map_or(0, |last| last + 1);
        let sign = if self.is_negative() { WIRE_NEGATIVE } else { 0 };
        header(used as u16, weight as i16, sign, scale, out);
        out.extend(groups[..used].iter().flat_map(|group| group.to_be_bytes()));
    }

    /// The reverse of [`Numeric::send`]; digits beyond the scale that is told are cut off.
    pub fn receive(bytes: &[u8]) -> Result<Numeric> {
        let malformed = |what: &str| {
            let message = format!("invalid {what} in external \"numeric\" value");
            Error::new(sqlstate::INVALID_BINARY_REPRESENTATION, message)
        };
        let mut rest = bytes;
        let mut next = || match rest.split_first_chunk::<2>() {
            Some((word, others)) => {
                rest = others;
                Ok(u16::from_be_bytes(*word))
            }
            None => Err(Error::new(sqlstate::PROTOCOL_VIOLATION, "insufficient data left in message")),
        };
        let (groups, weight, sign, scale) = (next()?, next()? as i16, next()?, next()?);
        match sign {
            0 | WIRE_NEGATIVE => {}
            WIRE_NAN => return Ok(Numeric::NAN),
            WIRE_INFINITY => return Ok(Numeric::INFINITY),
            WIRE_NEGATIVE_INFINITY => return Ok(Numeric::NEGATIVE_INFINITY),
            _ => return Err(malformed("sign")),
        }
        if scale > SCALE_MAX {
            return Err(malformed("scale"));
        }
        let mut pairs = Vec::with_capacity(usize::from(groups) * 2);
        for _ in 0..groups {
            let group = next()?;
            if group > 9999 {
                return Err(malformed("digit"));
            }
            pairs.extend([(group / 100) as u8, (group % 100) as u8]);
        }
        if !rest.is_empty() {
            return Err(crate::io::malformed("numeric"));
        }
        let number = from_pairs(sign == WIRE_NEGATIVE, &pairs, (i32::from(weight) + 1) * 2)?;
        Ok(number.at_scale_truncating(scale))
    }
}

/// `pairs` is a number with `fraction_pairs` of its pairs after the point; zeros at its end are left out.
fn encode_pairs(negative: bool, pairs: &[u8], fraction_pairs: u16, out: &mut Vec<u8>) {
    let exponent = pairs.len() as i32 - i32::from(fraction_pairs);
    let last = pairs.iter().rposition(|pair| *pair != 0).expect("zero has a key of its own");
    let invert = if negative { 0xff } else { 0 };
    let stored = |biased: i32| (biased as u16 ^ if negative { 0xffff } else { 0 }).to_be_bytes();
    if exponent > KEY_EXPONENT_MAX {
        out.push(if negative { KEY_NEGATIVE_LARGE } else { KEY_POSITIVE_LARGE });
        out.extend_from_slice(&stored(exponent - KEY_EXPONENT_MAX - 1));
    } else if exponent < KEY_EXPONENT_MIN {
        out.push(if negative { KEY_NEGATIVE_TINY } else { KEY_POSITIVE_TINY });
        out.extend_from_slice(&stored(exponent + KEY_TINY_BIAS));
    } else if negative {
        out.push((i32::from(KEY_NEGATIVE) - exponent) as u8);
    } else {
        out.push((i32::from(KEY_POSITIVE) + exponent) as u8);
    }
    let follow = |at: usize| u8::from(at < last);
    out.extend(pairs[..=last].iter().enumerate().map(|(at, pair)| (pair * 2 + follow(at)) ^ invert));
}

/// `0.pairs × 100^exponent`, with all its digits shown.
fn from_pairs(negative: bool, pairs: &[u8], exponent: i32) -> Result<Numeric> {
    if exponent <= 9 && pairs.len() <= 9 && (0..=9).contains(&(pairs.len() as i32 - exponent)) {
        let magnitude = pairs.iter().fold(0i64, |sum, pair| sum * 100 + i64::from(*pair));
        let scale = (pairs.len() as i32 - exponent) as u16 * 2;
        return Ok(Numeric::small(if negative { -magnitude } else { magnitude }, scale));
    }
    let magnitude = BigUint::from_radix_be(pairs, 100).ok_or_else(damaged)?;
    let mantissa = BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude);
    let scale = (pairs.len() as i32 - exponent) * 2;
    if scale <= 0 {
        return Numeric::checked(scaled_up(&mantissa, scale.unsigned_abs()).into_owned(), 0);
    }
    // The last pair may hold one digit of the greatest scale, or more zeros than that.
    let kept = scale.min(i32::from(SCALE_MAX));
    Numeric::checked(super::arithmetic::rescaled(&mantissa, scale, kept), kept as u16)
}

fn encode_scale(scale: u16, out: &mut Vec<u8>) {
    if scale < u16::from(VALUE_LONG_SCALE) {
        out.push(scale as u8);
    } else {
        out.push(VALUE_LONG_SCALE);
        out.extend_from_slice(&scale.to_be_bytes());
    }
}

fn take(input: &mut &[u8]) -> Result<u8> {
    let (first, rest) = input.split_first().ok_or_else(damaged)?;
    *input = rest;
    Ok(*first)
}

fn take_u16(input: &mut &[u8]) -> Result<u16> {
    Ok(u16::from_be_bytes([take(input)?, take(input)?]))
}

fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "stored numeric is damaged")
}
