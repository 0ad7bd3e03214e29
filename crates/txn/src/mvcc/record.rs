//! The bytes of a record in Current, and of a version in History.
//!
//! ```text
//!   Current   format  flags  [version ts 12] [version local 12]
//!                            [intent txn 16 | epoch 4 | ts 12] [intent local 12] [anchor length 2 | anchor]
//!                            [intent value length 4 | intent value]
//!                            version value, to the end
//!   History   format  flags  [local 12]  value, to the end
//!
//!   flags     1 version    2 it is a tombstone       4 its local clock differs from its timestamp
//!             8 intent    16 it writes a tombstone  32 its local clock differs from its timestamp
//! ```
//! Numbers are big endian. The timestamp of a version in History is in its key. In the common record, a value without
//! an intent, 14 bytes precede the value, and the value is a slice of what the store returned.
//!
//! INVARIANT: one record has one encoding, and decoding refuses every other bytes. Replicas are compared byte by byte.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::id::TxnId;
use crate::timestamp::Timestamp;

/// The format this release writes, and the highest that it reads.
pub const FORMAT: u8 = 1;

const VERSION: u8 = 1;
const VERSION_DELETED: u8 = 2;
const VERSION_LOCAL: u8 = 4;
const INTENT: u8 = 8;
const INTENT_DELETED: u8 = 16;
const INTENT_LOCAL: u8 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Damage(&'static str),
    #[error("format {found}")]
    Format { found: u8 },
}

/// A committed version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub ts: Timestamp,
    /// The clock of the node that wrote it, when it wrote it (the intent's, if there was one): a reader that had
    /// observed a lower clock of that node knows that the version came later than the reader's beginning.
    ///
    /// INVARIANT: at or below `ts`. A higher clock is cut down to it, which at worst makes a reader go through a refresh,
    /// and saves twelve bytes in nearly every record.
    pub local: Timestamp,
    /// None is a tombstone.
    pub value: Option<Bytes>,
}

impl Version {
    pub fn new(ts: Timestamp, local: Timestamp, value: Option<Bytes>) -> Version {
        Version { ts, local: local.min(ts), value }
    }
}

/// What a transaction will have written if it commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    pub txn: TxnId,
    /// The key beside which the transaction's record lies.
    pub anchor: Bytes,
    /// Which attempt of the transaction wrote it.
    pub epoch: u32,
    /// The least timestamp at which it can commit.
    pub ts: Timestamp,
    /// The clock of the node that wrote it, when it wrote it. Not cut down: the commit may still move up.
    pub local: Timestamp,
    /// None deletes.
    pub value: Option<Bytes>,
}

/// All that Current holds of a key: the newest committed version, an intent, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub newest: Option<Version>,
    pub intent: Option<Intent>,
}

impl Record {
    /// Panics for a record without version and intent: that is a delete, not a record.
    pub fn encode(&self) -> Bytes {
        assert!(self.newest.is_some() || self.intent.is_some(), "an empty record has no encoding");
        let mut out = BytesMut::with_capacity(self.encoded_bytes_max());
        out.put_u8(FORMAT);
        out.put_u8(self.flags());
        if let Some(version) = &self.newest {
            assert!(version.local <= version.ts, "the local clock of a version is cut down to its timestamp");
            out.put_slice(&version.ts.to_bytes());
            put_local(&mut out, version.local, version.ts);
        }
        if let Some(intent) = &self.intent {
            out.put_slice(&intent.txn.to_bytes());
            out.put_u32(intent.epoch);
            out.put_slice(&intent.ts.to_bytes());
            put_local(&mut out, intent.local, intent.ts);
            out.put_u16(u16::try_from(intent.anchor.len()).expect("keys are shorter than 64 KiB"));
            out.put_slice(&intent.anchor);
            if let Some(value) = &intent.value {
                out.put_u32(u32::try_from(value.len()).expect("values are shorter than 4 GiB"));
                out.put_slice(value);
            }
        }
        if let Some(value) = self.newest.as_ref().and_then(|version| version.value.as_ref()) {
            out.put_slice(value);
        }
        out.freeze()
    }

    /// Values and anchor are slices of `bytes`.
    pub fn decode(bytes: Bytes) -> Result<Record, Error> {
        let mut input = Input::open(bytes)?;
        let flags = input.flags;
        if flags & (VERSION | INTENT) == 0 || flags >= INTENT_LOCAL << 1 {
            return Err(Error::Damage("flags that no record has"));
        }
        let mut newest = None;
        if flags & VERSION != 0 {
            let ts = input.timestamp()?;
            let local = input.local(VERSION_LOCAL, ts)?;
            newest = Some(Version { ts, local, value: None });
        } else if flags & (VERSION_DELETED | VERSION_LOCAL) != 0 {
            return Err(Error::Damage("flags of a version without the version"));
        }
        let mut intent = None;
        if flags & INTENT != 0 {
            let txn = TxnId::from_bytes(input.array()?);
            let epoch = u32::from_be_bytes(input.array()?);
            let ts = input.timestamp()?;
            let local = input.local(INTENT_LOCAL, ts)?;
            let anchor_bytes = u16::from_be_bytes(input.array()?);
            let anchor = input.take(usize::from(anchor_bytes))?;
            let mut value = None;
            if flags & INTENT_DELETED == 0 {
                let value_bytes = u32::from_be_bytes(input.array()?);
                value = Some(input.take(value_bytes as usize)?);
            }
            intent = Some(Intent { txn, anchor, epoch, ts, local, value });
        } else if flags & (INTENT_DELETED | INTENT_LOCAL) != 0 {
            return Err(Error::Damage("flags of an intent without the intent"));
        }
        match &mut newest {
            Some(version) if flags & VERSION_DELETED == 0 => version.value = Some(input.bytes),
            _ if !input.bytes.is_empty() => return Err(Error::Damage("bytes after the end")),
            _ => {}
        }
        match (&newest, &intent) {
            (Some(version), _) if version.local > version.ts => Err(Error::Damage("a local clock above the timestamp")),
            (Some(version), Some(intent)) if intent.ts <= version.ts => {
                Err(Error::Damage("an intent at or below the newest version"))
            }
            _ => Ok(Record { newest, intent }),
        }
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        if let Some(version) = &self.newest {
            flags |= VERSION;
            flags |= if version.value.is_none() { VERSION_DELETED } else { 0 };
            flags |= if version.local != version.ts { VERSION_LOCAL } else { 0 };
        }
        if let Some(intent) = &self.intent {
            flags |= INTENT;
            flags |= if intent.value.is_none() { INTENT_DELETED } else { 0 };
            flags |= if intent.local != intent.ts { INTENT_LOCAL } else { 0 };
        }
        flags
    }

    fn encoded_bytes_max(&self) -> usize {
        let value_bytes = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        let version = self.newest.as_ref().map_or(0, |version| 24 + value_bytes(&version.value));
        let intent = self.intent.as_ref().map_or(0, |intent| 62 + intent.anchor.len() + value_bytes(&intent.value));
        2 + version + intent
    }
}

/// The value of a version's row in History.
pub fn encode_history(version: &Version) -> Bytes {
    assert!(version.local <= version.ts, "the local clock of a version is cut down to its timestamp");
    let mut out = BytesMut::with_capacity(14 + version.value.as_ref().map_or(0, Bytes::len));
    out.put_u8(FORMAT);
    let mut flags = VERSION;
    flags |= if version.value.is_none() { VERSION_DELETED } else { 0 };
    flags |= if version.local != version.ts { VERSION_LOCAL } else { 0 };
    out.put_u8(flags);
    put_local(&mut out, version.local, version.ts);
    if let Some(value) = &version.value {
        out.put_slice(value);
    }
    out.freeze()
}

/// `ts` comes from the row's key.
pub fn decode_history(ts: Timestamp, bytes: Bytes) -> Result<Version, Error> {
    let mut input = Input::open(bytes)?;
    if input.flags & !(VERSION_DELETED | VERSION_LOCAL) != VERSION {
        return Err(Error::Damage("flags that no version in history has"));
    }
    let local = input.local(VERSION_LOCAL, ts)?;
    if local > ts {
        return Err(Error::Damage("a local clock above the timestamp"));
    }
    if input.flags & VERSION_DELETED == 0 {
        return Ok(Version { ts, local, value: Some(input.bytes) });
    }
    if !input.bytes.is_empty() {
        return Err(Error::Damage("bytes after the end"));
    }
    Ok(Version { ts, local, value: None })
}

fn put_local(out: &mut BytesMut, local: Timestamp, ts: Timestamp) {
    if local != ts {
        out.put_slice(&local.to_bytes());
    }
}

/// What is left to decode.
struct Input {
    flags: u8,
    bytes: Bytes,
}

impl Input {
    fn open(mut bytes: Bytes) -> Result<Input, Error> {
        match bytes[..] {
            [FORMAT, flags, ..] => {
                bytes.advance(2);
                Ok(Input { flags, bytes })
            }
            [] | [FORMAT] => Err(Error::Damage("cut short")),
            [0, ..] => Err(Error::Damage("format zero")),
            [found, ..] => Err(Error::Format { found }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let Some(array) = self.bytes.first_chunk::<N>().copied() else {
            return Err(Error::Damage("cut short"));
        };
        self.bytes.advance(N);
        Ok(array)
    }

    fn take(&mut self, len: usize) -> Result<Bytes, Error> {
        if self.bytes.len() < len {
            return Err(Error::Damage("cut short"));
        }
        Ok(self.bytes.split_to(len))
    }

    fn timestamp(&mut self) -> Result<Timestamp, Error> {
        Ok(Timestamp::from_bytes(self.array()?))
    }

    fn local(&mut self, flag: u8, ts: Timestamp) -> Result<Timestamp, Error> {
        if self.flags & flag == 0 {
            return Ok(ts);
        }
        let local = self.timestamp()?;
        if local == ts { Err(Error::Damage("a local clock that should have been left out")) } else { Ok(local) }
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    fn timestamp(rng: &mut Rng) -> Timestamp {
        Timestamp::new(1 + rng.below(1000), rng.below(3) as u32)
    }

    fn value(rng: &mut Rng) -> Option<Bytes> {
        rng.chance(0.7).then(|| (0..rng.below(40)).map(|_| rng.below(256) as u8).collect())
    }

    fn version(rng: &mut Rng) -> Version {
        let local = timestamp(rng);
        Version::new(if rng.chance(0.5) { local } else { timestamp(rng) }, local, value(rng))
    }

    fn record(rng: &mut Rng) -> Record {
        let newest = rng.chance(0.8).then(|| version(rng));
        let intent = (newest.is_none() || rng.chance(0.5)).then(|| {
            let ts = Timestamp::new(newest.as_ref().map_or(0, |v| v.ts.wall) + 1 + rng.below(9), 0);
            let local = if rng.chance(0.5) { ts } else { timestamp(rng) };
            let anchor: Bytes = (0..rng.below(20)).map(|_| rng.below(256) as u8).collect();
            let (txn, epoch) = (TxnId(rng.next_u128()), rng.below(5) as u32);
            Intent { txn, anchor, epoch, ts, local, value: value(rng) }
        });
        Record { newest, intent }
    }

    #[test]
    fn round_trips() {
        let mut rng = Rng::new(11);
        for _ in 0..5000 {
            let record = record(&mut rng);
            assert_eq!(Record::decode(record.encode()), Ok(record));
            let version = version(&mut rng);
            assert_eq!(decode_history(version.ts, encode_history(&version)), Ok(version));
        }
    }

    /// Any bytes decode to an error or to the one record that has these bytes.
    #[test]
    fn damage_is_refused_or_is_another_record() {
        let mut rng = Rng::new(12);
        let (mut refused, mut accepted) = (0, 0);
        for _ in 0..60_000 {
            let mut bytes = record(&mut rng).encode().to_vec();
            match rng.below(4) {
                0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
                1 => bytes[0..2].copy_from_slice(&[FORMAT, rng.below(256) as u8]),
                2 => rng.fill(&mut bytes),
                _ => {
                    let at = rng.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << rng.below(8);
                }
            }
            let bytes = Bytes::from(bytes);
            match Record::decode(bytes.clone()) {
                Ok(record) => {
                    assert_eq!(record.encode(), bytes);
                    accepted += 1;
                }
                Err(_) => refused += 1,
            }
            let ts = timestamp(&mut rng);
            if let Ok(version) = decode_history(ts, bytes.clone()) {
                assert_eq!(encode_history(&version), bytes);
            }
        }
        assert!(refused > 10_000 && accepted > 1000, "{refused} {accepted}");
    }

    #[test]
    fn what_damage_is_called() {
        let decode = |bytes: &'static [u8]| Record::decode(Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(decode(b""), Error::Damage("cut short"));
        assert_eq!(decode(b"\x01"), Error::Damage("cut short"));
        assert_eq!(decode(b"\x02\x01"), Error::Format { found: 2 });
        assert_eq!(decode(b"\x01\x00"), Error::Damage("flags that no record has"));
        assert_eq!(decode(b"\x01\x41"), Error::Damage("flags that no record has"));
        assert_eq!(decode(b"\x01\x01abc"), Error::Damage("cut short"));
        assert_eq!(decode(b"\x01\x03............x"), Error::Damage("bytes after the end"));
        assert_eq!(
            decode(b"\x01\x05........................"),
            Error::Damage("a local clock that should have been left out")
        );
        assert_eq!(decode(b"\x01\x05............////////////"), Error::Damage("a local clock above the timestamp"));
    }

    #[test]
    fn the_common_record_is_small_and_its_value_is_not_copied() {
        let ts = Timestamp::new(5, 0);
        let newest = Some(Version::new(ts, Timestamp::new(9, 0), Some(Bytes::from_static(b"value"))));
        let bytes = Record { newest, intent: None }.encode();
        assert_eq!(bytes.len(), 14 + 5);
        let value = Record::decode(bytes.clone()).unwrap().newest.unwrap().value.unwrap();
        assert_eq!(value.as_ptr(), bytes[14..].as_ptr());
    }
}
