//! Numbers in the headers of containers.

/// An unsigned number of up to eight bytes.
pub(crate) fn big_endian(bytes: &[u8]) -> u64 {
    let bytes = bytes.get(..8).unwrap_or(bytes);
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The number of four bytes at `at`. `None` if `bytes` end before.
pub(crate) fn little_endian_32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number of eight bytes at `at`. `None` if `bytes` end before.
pub(crate) fn little_endian_64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
