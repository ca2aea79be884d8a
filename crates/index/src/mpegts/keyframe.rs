//! The last keyframe in a part of a transport stream.

use crate::mpegts::{
    codec::{Codec, MAX_HEADER_BYTES},
    packet::{Layout, timestamps},
};

/// The offset in `bytes`, which start with a packet, of the last keyframe of the stream `pid` with the pts
/// `latest_pts` or an earlier one.
pub fn last(
    bytes: &[u8],
    layout: Layout,
    pid: u16,
    codec: Codec,
    latest_pts: i64,
) -> Option<usize> {
    let mut last = None;
    let mut picture: Option<(usize, Vec<u8>)> = None;
    for packet in layout.packets(bytes).filter(|packet| packet.pid == pid) {
        if packet.starts_unit {
            last = keyframe(picture.take(), codec).or(last);
            let start = timestamps(packet.payload).filter(|(found, _)| found.pts <= latest_pts);
            picture = start.and_then(|(_, data)| {
                let data = packet.payload.get(data..)?;
                Some((packet.offset, data.to_vec()))
            });
        } else if let Some((_, data)) = &mut picture
            && data.len() < MAX_HEADER_BYTES
        {
            data.extend_from_slice(packet.payload);
        }
    }
    keyframe(picture, codec).or(last)
}

fn keyframe(picture: Option<(usize, Vec<u8>)>, codec: Codec) -> Option<usize> {
    let (offset, data) = picture?;
    codec.starts_with_keyframe(&data).then_some(offset)
}
