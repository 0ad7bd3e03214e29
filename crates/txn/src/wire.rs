//! Timestamps and transaction ids as protobuf messages, so that requests, commands and records can hold them directly.
//!
//! `Timestamp` = { 1: fixed64 wall, 2: uint32 logical }, `TxnId` = { 1: fixed64 high, 2: fixed64 low }. Unknown fields are
//! skipped, as everywhere in protobuf.

use prost::DecodeError;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, fixed64, skip_field, uint32};

use crate::id::TxnId;
use crate::timestamp::Timestamp;

impl prost::Message for Timestamp {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if self.wall != 0 {
            fixed64::encode(1, &self.wall, buf);
        }
        if self.logical != 0 {
            uint32::encode(2, &self.logical, buf);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        match tag {
            1 => fixed64::merge(wire_type, &mut self.wall, buf, ctx),
            2 => uint32::merge(wire_type, &mut self.logical, buf, ctx),
            _ => skip_field(wire_type, tag, buf, ctx),
        }
    }

    fn encoded_len(&self) -> usize {
        let wall = if self.wall == 0 { 0 } else { fixed64::encoded_len(1, &self.wall) };
        let logical = if self.logical == 0 { 0 } else { uint32::encoded_len(2, &self.logical) };
        wall + logical
    }

    fn clear(&mut self) {
        *self = Timestamp::ZERO;
    }
}

impl prost::Message for TxnId {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        fixed64::encode(1, &((self.0 >> 64) as u64), buf);
        fixed64::encode(2, &(self.0 as u64), buf);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut part = 0u64;
        match tag {
            1 => {
                fixed64::merge(wire_type, &mut part, buf, ctx)?;
                self.0 = (self.0 & u128::from(u64::MAX)) | (u128::from(part) << 64);
                Ok(())
            }
            2 => {
                fixed64::merge(wire_type, &mut part, buf, ctx)?;
                self.0 = (self.0 >> 64 << 64) | u128::from(part);
                Ok(())
            }
            _ => skip_field(wire_type, tag, buf, ctx),
        }
    }

    fn encoded_len(&self) -> usize {
        fixed64::encoded_len(1, &0) + fixed64::encoded_len(2, &0)
    }

    fn clear(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn round_trips() {
        for ts in [Timestamp::ZERO, Timestamp { wall: u64::MAX, logical: 0 }, Timestamp { wall: 7, logical: u32::MAX }]
        {
            let bytes = ts.encode_to_vec();
            assert_eq!(bytes.len(), ts.encoded_len());
            assert_eq!(Timestamp::decode(&bytes[..]).unwrap(), ts);
        }
        for id in [TxnId(0), TxnId(u128::MAX), TxnId(1 << 64), TxnId(0x0123_4567_89ab_cdef_0011_2233_4455_6677)] {
            let bytes = id.encode_to_vec();
            assert_eq!(bytes.len(), id.encoded_len());
            assert_eq!(TxnId::decode(&bytes[..]).unwrap(), id);
        }
    }
}
