//! Writes a transport stream of keyframes only.

use super::{
    codec::Codec,
    packet::{PACKET_BYTES, SYNC, WRAP_PTS},
};

/// The pids of the table and of the video.
const MAP_PID: u16 = 0x1000;
const VIDEO_PID: u16 = 0x100;

/// The generator of the checksum of tables, by ISO 13818-1.
const CRC: u32 = 0x04c1_1db7;

/// Bytes of a packet behind its header.
const PAYLOAD_BYTES: usize = PACKET_BYTES - 4;

/// The tables of a stream that only has this video.
pub(crate) fn tables(codec: Codec) -> Vec<u8> {
    let kind = match codec {
        Codec::Mpeg2 => 0x02,
        Codec::Mpeg4 => 0x10,
        Codec::H264 => 0x1b,
        Codec::Hevc => 0x24,
    };
    let ([map_high, map_low], [high, low]) = (MAP_PID.to_be_bytes(), VIDEO_PID.to_be_bytes());
    let pat = [0, 1, 0xe0 | map_high, map_low];
    let pmt = [0xe0 | high, low, 0xf0, 0, kind, 0xe0 | high, low, 0xf0, 0];
    [table(0, 0, &pat), table(MAP_PID, 2, &pmt)].concat()
}

/// A packet with a table.
fn table(pid: u16, id: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u8 + 9;
    let mut section = vec![id, 0xb0, length, 0, 1, 0xc1, 0, 0];
    section.extend_from_slice(body);
    section.extend(checksum(&section).to_be_bytes());
    let [high, low] = pid.to_be_bytes();
    let mut packet = vec![SYNC, 0x40 | high, low, 0x10, 0];
    packet.extend(section);
    packet.resize(PACKET_BYTES, 0xff);
    packet
}

fn checksum(bytes: &[u8]) -> u32 {
    let byte = |sum: u32, byte: &u8| {
        let shifted = |sum: u32, _| (sum << 1) ^ if sum >> 31 == 1 { CRC } else { 0 };
        (0..8).fold(sum ^ u32::from(*byte) << 24, shifted)
    };
    bytes.iter().fold(u32::MAX, byte)
}

/// Writes the picture `data`, with this `pts`, and the counter of its packets that goes on in `counter`. `None` if FFmpeg
/// would take the pts for another.
pub(crate) fn picture(data: &[u8], pts: i64, counter: &mut u8) -> Option<Vec<u8>> {
    if !(0..WRAP_PTS).contains(&pts) {
        return None;
    }
    let time = [
        0x21 | (pts >> 29) as u8 & 0x0e,
        (pts >> 22) as u8,
        (pts >> 14) as u8 | 1,
        (pts >> 7) as u8,
        (pts << 1) as u8 | 1,
    ];
    let unit = [&[0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5][..], &time, data].concat();
    let mut out = Vec::with_capacity(unit.len() + unit.len() / 32 + PACKET_BYTES);
    let [high, low] = VIDEO_PID.to_be_bytes();
    for (index, part) in unit.chunks(PAYLOAD_BYTES).enumerate() {
        let start = if index == 0 { 0x40 } else { 0 };
        out.extend([SYNC, start | high, low]);
        match PAYLOAD_BYTES - part.len() {
            0 => out.push(0x10 | *counter),
            stuffing => {
                out.extend([0x30 | *counter, stuffing as u8 - 1]);
                if stuffing > 1 {
                    out.push(0);
                    out.resize(out.len() + stuffing - 2, 0xff);
                }
            }
        }
        out.extend_from_slice(part);
        *counter = (*counter + 1) & 0x0f;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpegts::{packet::Layout, programs::programs};

    #[test]
    fn what_is_written_is_read_again() {
        let layout = Layout {
            size: 188,
            first: 0,
        };
        let tables = tables(Codec::H264);
        let found = programs(layout, &tables).unwrap();
        assert_eq!(found.streams, [(VIDEO_PID, 0x1b)]);
        // The checksum of a section with its checksum is 0.
        assert_eq!(checksum(&tables[5..5 + 16]), 0);
        for length in [0, 1, 169, 170, 171, 172, 353, 354, 355, 5000] {
            let data: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut counter = 15;
            let written = picture(&data, 1 << 32, &mut counter).unwrap();
            assert_eq!(written.len() % PACKET_BYTES, 0);
            let packets = crate::mpegts::retime::Packets {
                size: 188,
                pid: VIDEO_PID,
                codec: Codec::H264,
                pieces: Vec::new(),
            };
            let found = crate::mpegts::keyframe_unit::pictures(&written, 0, &packets, &[]);
            assert_eq!(found[0].pts, 1 << 32);
            let cut = crate::mpegts::keyframe_unit::cut(&written, 0, &packets, 0, true);
            assert_eq!(
                cut,
                crate::mpegts::keyframe_unit::Cut::Whole(data),
                "{length}"
            );
        }
    }
}
