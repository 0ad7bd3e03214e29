//! Functions over bytes: parts, bits, digests. Positions in SQL's functions count from 1, bits and bytes from 0.

use memchr::memmem;
use sha2::Digest;

use crate::bytes::encode::hex_digits;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::sqlstate;
use crate::text::string::{negative_length, selection};
use crate::text::{bytes_of, int_of};

pub use crate::text::string::Side;

pub fn concat(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bytea([bytes_of(&arguments[0]), bytes_of(&arguments[1])].concat().into()))
}

fn part(bytes: &[u8], from: usize, count: usize) -> &[u8] {
    let start = from.min(bytes.len());
    &bytes[start..start.saturating_add(count).min(bytes.len())]
}

pub fn substr(arguments: &[Datum]) -> Result<Datum> {
    let (from, count) = selection(int_of(&arguments[1]), arguments.get(2).map(int_of))?;
    Ok(Datum::Bytea(part(bytes_of(&arguments[0]), from, count).into()))
}

pub fn overlay(arguments: &[Datum]) -> Result<Datum> {
    let (bytes, placed, start) = (bytes_of(&arguments[0]), bytes_of(&arguments[1]), int_of(&arguments[2]));
    let length = arguments.get(3).map_or(placed.len() as i32, int_of);
    if start <= 0 {
        return Err(negative_length());
    }
    let resume = start.checked_add(length).ok_or_else(|| Error::out_of_range("integer"))?;
    let (from, count) = selection(resume, None)?;
    Ok(Datum::Bytea([part(bytes, 0, start as usize - 1), placed, part(bytes, from, count)].concat().into()))
}

pub fn position(arguments: &[Datum]) -> Result<Datum> {
    let found = memmem::find(bytes_of(&arguments[0]), bytes_of(&arguments[1]));
    Ok(Datum::Int4(found.map_or(0, |at| at as i32 + 1)))
}

pub fn trim(arguments: &[Datum], side: Side) -> Result<Datum> {
    let (mut bytes, set) = (bytes_of(&arguments[0]), bytes_of(&arguments[1]));
    if side != Side::Right {
        while let [first, rest @ ..] = bytes
            && set.contains(first)
        {
            bytes = rest;
        }
    }
    if side != Side::Left {
        while let [rest @ .., last] = bytes
            && set.contains(last)
        {
            bytes = rest;
        }
    }
    Ok(Datum::Bytea(bytes.into()))
}

/// `index` if it is below `count`, which is of bytes or bits.
fn checked_index(index: i64, count: usize) -> Result<usize> {
    usize::try_from(index).ok().filter(|index| *index < count).ok_or_else(|| {
        let message = format!("index {index} out of valid range, 0..{}", count as i64 - 1);
        Error::new(sqlstate::ARRAY_SUBSCRIPT_ERROR, message)
    })
}

fn bit_index(argument: &Datum, bytes: &[u8]) -> Result<usize> {
    match argument {
        Datum::Int8(index) => checked_index(*index, bytes.len() * 8),
        other => panic!("{other:?} is not a bigint"),
    }
}

pub fn get_byte(arguments: &[Datum]) -> Result<Datum> {
    let bytes = bytes_of(&arguments[0]);
    let index = checked_index(i64::from(int_of(&arguments[1])), bytes.len())?;
    Ok(Datum::Int4(i32::from(bytes[index])))
}

/// Of the new value only the lowest byte counts.
pub fn set_byte(arguments: &[Datum]) -> Result<Datum> {
    let mut bytes = bytes_of(&arguments[0]).to_vec();
    let index = checked_index(i64::from(int_of(&arguments[1])), bytes.len())?;
    bytes[index] = int_of(&arguments[2]) as u8;
    Ok(Datum::Bytea(bytes.into()))
}

/// Bits are counted from the lowest of each byte.
pub fn get_bit(arguments: &[Datum]) -> Result<Datum> {
    let bytes = bytes_of(&arguments[0]);
    let index = bit_index(&arguments[1], bytes)?;
    Ok(Datum::Int4(i32::from(bytes[index / 8] >> (index % 8) & 1)))
}

pub fn set_bit(arguments: &[Datum]) -> Result<Datum> {
    let mut bytes = bytes_of(&arguments[0]).to_vec();
    let index = bit_index(&arguments[1], &bytes)?;
    let mask = 1 << (index % 8);
    match int_of(&arguments[2]) {
        0 => bytes[index / 8] &= !mask,
        1 => bytes[index / 8] |= mask,
        _ => return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, "new bit must be 0 or 1")),
    }
    Ok(Datum::Bytea(bytes.into()))
}

pub fn bit_count(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int8(bytes_of(&arguments[0]).iter().map(|byte| i64::from(byte.count_ones())).sum()))
}

/// As hexadecimal text.
pub fn md5(bytes: &[u8]) -> Result<Datum> {
    let mut out = String::with_capacity(32);
    hex_digits(&md5::Md5::digest(bytes), &mut out);
    Ok(Datum::text(out))
}

pub fn sha<D: Digest>(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bytea(D::digest(bytes_of(&arguments[0])).as_slice().into()))
}
