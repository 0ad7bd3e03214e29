//! Moments: hybrid logical timestamps, a wall clock in nanoseconds and a counter for moments within one.
//!
//! INVARIANT: the encoding sorts as the timestamps do. History keys rely on it.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Nanoseconds since 1970.
    pub wall: u64,
    pub logical: u32,
}

pub const BYTES: usize = 12;

const NANOS: u64 = 1_000_000_000;

impl Timestamp {
    /// Below everything that was ever written.
    pub const ZERO: Timestamp = Timestamp { wall: 0, logical: 0 };
    /// Above everything that ever will be; reading here sees the newest.
    pub const MAX: Timestamp = Timestamp { wall: u64::MAX, logical: u32::MAX };

    pub const fn new(wall: u64, logical: u32) -> Timestamp {
        Timestamp { wall, logical }
    }

    /// The next moment: nothing lies between.
    pub fn next(self) -> Timestamp {
        match self.logical.checked_add(1) {
            Some(logical) => Timestamp { wall: self.wall, logical },
            None => Timestamp { wall: self.wall.checked_add(1).expect("no moment follows the last one"), logical: 0 },
        }
    }

    /// The moment before: nothing lies between.
    pub fn prev(self) -> Timestamp {
        match self.logical.checked_sub(1) {
            Some(logical) => Timestamp { wall: self.wall, logical },
            None => {
                let wall = self.wall.checked_sub(1).expect("no moment precedes the first one");
                Timestamp { wall, logical: u32::MAX }
            }
        }
    }

    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.wall.to_be_bytes());
        bytes[8..].copy_from_slice(&self.logical.to_be_bytes());
        bytes
    }

    pub fn from_bytes(bytes: [u8; BYTES]) -> Timestamp {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        Timestamp { wall: u64::from_be_bytes([a, b, c, d, e, f, g, h]), logical: u32::from_be_bytes([i, j, k, l]) }
    }

    /// Sorts the other way round: the newest first.
    pub fn to_bytes_inverted(self) -> [u8; BYTES] {
        Timestamp { wall: !self.wall, logical: !self.logical }.to_bytes()
    }

    pub fn from_bytes_inverted(bytes: [u8; BYTES]) -> Timestamp {
        let inverted = Timestamp::from_bytes(bytes);
        Timestamp { wall: !inverted.wall, logical: !inverted.logical }
    }
}

/// Seconds, nanoseconds, counter: `1700000000.000000001,3`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09},{}", self.wall / NANOS, self.wall % NANOS, self.logical)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp: seconds, then optionally .fraction and ,counter are expected")]
pub struct ParseError;

/// Takes what `Display` writes; the fraction (up to nine digits) and the counter may be left out.
impl FromStr for Timestamp {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Timestamp, ParseError> {
        let (time, logical) = text.split_once(',').unwrap_or((text, "0"));
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
        if fraction.is_empty() || fraction.len() > 9 {
            return Err(ParseError);
        }
        let scale = 10u64.pow(9 - fraction.len() as u32);
        let wall = digits(seconds)?.checked_mul(NANOS).and_then(|ns| ns.checked_add(digits(fraction).ok()? * scale));
        let logical = u32::try_from(digits(logical)?).map_err(|_| ParseError)?;
        Ok(Timestamp { wall: wall.ok_or(ParseError)?, logical })
    }
}

/// `str::parse` would take a sign.
fn digits(text: &str) -> Result<u64, ParseError> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().map_err(|_| ParseError) } else { Err(ParseError) }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn samples() -> Vec<Timestamp> {
        let mut rng = Rng::new(1);
        let mut all = vec![Timestamp::ZERO, Timestamp::MAX, Timestamp::new(0, u32::MAX), Timestamp::new(1, 0)];
        all.extend((0..200).map(|_| Timestamp::new(rng.next_u64() >> rng.below(64), rng.below(3) as u32)));
        all
    }

    #[test]
    fn encodings_sort_like_timestamps() {
        for a in samples() {
            assert_eq!(Timestamp::from_bytes(a.to_bytes()), a);
            assert_eq!(Timestamp::from_bytes_inverted(a.to_bytes_inverted()), a);
            for b in samples() {
                assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
                assert_eq!(a.cmp(&b), b.to_bytes_inverted().cmp(&a.to_bytes_inverted()));
            }
        }
    }

    #[test]
    fn neighbours() {
        let carry = Timestamp::new(5, u32::MAX);
        assert_eq!(carry.next(), Timestamp::new(6, 0));
        for ts in samples() {
            if ts < Timestamp::MAX {
                assert!(ts.next() > ts);
                assert_eq!(ts.next().prev(), ts);
            }
        }
    }

    #[test]
    fn text() {
        assert_eq!(Timestamp::new(1_700_000_000_000_000_001, 3).to_string(), "1700000000.000000001,3");
        for ts in samples() {
            assert_eq!(ts.to_string().parse(), Ok(ts));
        }
        assert_eq!("17".parse(), Ok(Timestamp::new(17 * NANOS, 0)));
        assert_eq!("0.5".parse(), Ok(Timestamp::new(NANOS / 2, 0)));
        let wrong =
            ["", ",", ".", "1.", "1,", "+1", "1,-2", "1.0000000001", "1,4294967296", "99999999999999", "a", "1,2,3"];
        for text in wrong {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseError), "{text:?}");
        }
    }
}
