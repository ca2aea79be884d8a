//! Changes Matroska files, block by block.

use super::packets::Packet;

/// Offset of the element whose data begins at the packet's offset, if it is a SimpleBlock.
fn simple_block(bytes: &[u8], packet: &Packet) -> Option<usize> {
    // The data begins with the track, a time of two bytes and flags. FFmpeg writes the shortest sizes.
    let size = packet.size + 4;
    let length = (1..=8).find(|length| size < (1 << (7 * length)) - 1)?;
    let at = packet.offset.checked_sub(length + 1)?;
    (bytes[at] == 0xA3).then_some(at)
}

/// Turns the block of a packet into one that is skipped. Whether it could.
pub fn skip_block(bytes: &mut [u8], packet: &Packet) -> bool {
    let at = simple_block(bytes, packet);
    if let Some(at) = at {
        bytes[at] = 0xEC;
    }
    at.is_some()
}

/// Flags each block as a keyframe.
pub fn flag_all(bytes: &mut [u8], packets: &[Packet]) {
    for packet in packets {
        if simple_block(bytes, packet).is_some() {
            bytes[packet.offset + 3] |= 0x80;
        }
    }
}
