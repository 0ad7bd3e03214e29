//! Zeroes, of which there are many: room that is reserved ahead reads as zeroes, and a start after a kill looks at all
//! of it. So they are compared in pieces, which is as fast as memory, and not byte by byte.

const PIECE_BYTES: usize = 4096;
const PIECE: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

/// Whether there is nothing but zeroes.
pub(crate) fn only(bytes: &[u8]) -> bool {
    bytes.chunks(PIECE_BYTES).all(|piece| *piece == PIECE[..piece.len()])
}

/// How long it is without the zeroes at the end.
pub(crate) fn trimmed_len(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((before, last)) = rest.split_last_chunk()
        && *last == PIECE
    {
        rest = before;
    }
    rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_zero_is_found_wherever_it_is() {
        for len in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 7] {
            let mut bytes = vec![0; len];
            assert!(only(&bytes) && trimmed_len(&bytes) == 0, "{len}");
            for at in 0..len {
                bytes[at] = 1;
                assert!(!only(&bytes) && trimmed_len(&bytes) == at + 1, "{at} of {len}");
                bytes[at] = 0;
            }
        }
    }
}
