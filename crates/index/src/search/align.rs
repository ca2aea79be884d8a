//! Where packets start.

/// The start of the packet that holds `offset`, if packets of `packet` bytes start at `first`.
pub(crate) fn align(offset: u64, first: u64, packet: u64) -> u64 {
    let offset = offset.max(first);
    offset - (offset - first) % packet.max(1)
}
