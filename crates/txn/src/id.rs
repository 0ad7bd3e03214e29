//! The name of a transaction: 128 random bits, drawn once by its coordinator and never again for another one.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TxnId(pub u128);

pub const BYTES: usize = 16;

impl TxnId {
    pub fn to_bytes(self) -> [u8; BYTES] {
        self.0.to_be_bytes()
    }

    pub fn from_bytes(bytes: [u8; BYTES]) -> TxnId {
        TxnId(u128::from_be_bytes(bytes))
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a transaction id: 32 hexadecimal digits are expected")]
pub struct ParseError;

impl FromStr for TxnId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<TxnId, ParseError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseError);
        }
        u128::from_str_radix(text, 16).map(TxnId).map_err(|_| ParseError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for id in [TxnId(0), TxnId(1), TxnId(u128::MAX), TxnId(0x0123_4567_89ab_cdef_0011_2233_4455_6677)] {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(TxnId::from_bytes(id.to_bytes()), id);
        }
        assert_eq!(TxnId(0xab).to_string(), "000000000000000000000000000000ab");
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "ab", "+00000000000000000000000000000ab", "g00000000000000000000000000000ab"] {
            assert_eq!(text.parse::<TxnId>(), Err(ParseError), "{text:?}");
        }
    }
}
