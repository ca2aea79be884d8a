//! The last keyframe in a part of a transport stream.

use crate::mpegts::{
    codec::{Codec, LOOKED_AT},
    packet::{Layout, times},
};

/// Where in `bytes`, which start with a packet, the last keyframe of the stream `pid` starts that is
/// shown at `until` or before.
pub fn last(bytes: &[u8], layout: Layout, pid: u16, codec: Codec, until: i64) -> Option<usize> {
    let mut last = None;
    let mut picture: Option<(usize, Vec<u8>)> = None;
    for packet in layout.packets(bytes).filter(|packet| packet.pid == pid) {
        if packet.starts {
            last = keyframe(picture.take(), codec).or(last);
            let start = times(packet.payload).filter(|(times, _)| times.pts <= until);
            picture = start.and_then(|(_, data)| {
                let data = packet.payload.get(data..)?;
                Some((packet.at, data.to_vec()))
            });
        } else if let Some((_, data)) = &mut picture
            && data.len() < LOOKED_AT
        {
            data.extend_from_slice(packet.payload);
        }
    }
    keyframe(picture, codec).or(last)
}

fn keyframe(picture: Option<(usize, Vec<u8>)>, codec: Codec) -> Option<usize> {
    let (at, data) = picture?;
    codec.starts_with_keyframe(&data).then_some(at)
}
