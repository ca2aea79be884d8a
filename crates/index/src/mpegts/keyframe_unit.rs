//! Pictures of a transport stream for an overview: which are keyframes, and a keyframe alone.

use gifgen_shared::Piece;

use super::{
    codec::MAX_HEADER_BYTES,
    packet::timestamps,
    parameters::Parameters,
    retime::Packets,
    transport::{PacketCutter, PacketHeader},
};

/// A picture that starts in some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Where it starts in the source.
    pub(crate) offset: u64,
    /// In ticks of the film.
    pub(crate) pts: i64,
    pub(crate) is_keyframe: bool,
}

/// A picture that was cut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its data, without packets.
    Whole(Vec<u8>),
    /// It goes on behind the bytes.
    Short,
    /// Packets of it are lost.
    Damaged,
}

/// A packet of the video.
struct VideoPacket<'a> {
    offset: u64,
    header: PacketHeader,
    packet: &'a [u8],
    shift: i64,
}

/// Calls `each` with the packets of the video in `bytes`, which start at `offset` with a packet.
fn each_packet(
    bytes: &[u8],
    offset: u64,
    packets: &Packets,
    mut each: impl FnMut(VideoPacket<'_>),
) {
    let mut cutter = PacketCutter::new(packets.size, offset);
    cutter.push(bytes, |offset, unit, range| {
        let (pid, shift) = match &packets.pieces[..] {
            [] => (u32::from(packets.pid), 0),
            pieces => match Piece::at(pieces, offset) {
                Some(piece) => (piece.stream, piece.shift),
                None => return,
            },
        };
        let Some(packet) = unit.get(range) else {
            return;
        };
        let header = PacketHeader::read(packet);
        if let Some(header) = header.filter(|header| u32::from(header.pid) == pid) {
            each(VideoPacket {
                offset,
                header,
                packet,
                shift,
            });
        }
    });
}

/// The pictures with a pts that start in `bytes`, which start at `offset` in the source with a packet. `parameters` are
/// those that keyframes need not have in themselves.
pub(crate) fn pictures(
    bytes: &[u8],
    offset: u64,
    packets: &Packets,
    parameters: &[Parameters],
) -> Vec<Picture> {
    let mut found = Vec::new();
    each_start(bytes, offset, packets, |picture, data| {
        let is_known = Parameters::at(parameters, picture.offset).is_some();
        found.push(Picture {
            is_keyframe: packets.codec.is_keyframe(data, is_known),
            ..picture
        });
    });
    found
}

/// Calls `each` with the pictures that have a pts and start in `bytes`, and with the start of their data: so much that it
/// tells whether they are keyframes. `bytes` start at `offset` with a packet.
pub(super) fn each_start(
    bytes: &[u8],
    offset: u64,
    packets: &Packets,
    mut each: impl FnMut(Picture, &[u8]),
) {
    let mut last: Option<(Picture, Vec<u8>)> = None;
    each_packet(bytes, offset, packets, |packet| {
        let Some(payload) = packet.header.payload.and_then(|at| packet.packet.get(at..)) else {
            return;
        };
        let begins = timestamps(payload).filter(|_| packet.header.starts_unit);
        if let Some((found_at, data)) = begins {
            if let Some((picture, data)) = last.take() {
                each(picture, &data);
            }
            let picture = Picture {
                offset: packet.offset,
                pts: found_at.pts.saturating_add(packet.shift),
                is_keyframe: false,
            };
            last = Some((picture, payload.get(data..).unwrap_or_default().to_vec()));
        } else if let Some((_, data)) = &mut last
            && data.len() < MAX_HEADER_BYTES
        {
            data.extend_from_slice(payload);
        }
    });
    if let Some((picture, data)) = last {
        each(picture, &data);
    }
}

/// The picture that starts at `at`, in `bytes`, which start at `offset` with a packet. `is_end` is whether the source ends
/// with them. Units without a pts belong to the picture before.
pub(crate) fn cut(bytes: &[u8], offset: u64, packets: &Packets, at: u64, is_end: bool) -> Cut {
    let mut data: Option<Vec<u8>> = None;
    let (mut is_whole, mut is_damaged) = (false, false);
    let mut last: Option<(u8, Vec<u8>)> = None;
    each_packet(bytes, offset, packets, |packet| {
        if packet.offset < at || is_whole || is_damaged {
            return;
        }
        let has_payload = packet
            .packet
            .get(3)
            .is_some_and(|control| control & 0x10 != 0);
        let Some(payload) = packet.header.payload.and_then(|at| packet.packet.get(at..)) else {
            // Scrambled, or damaged.
            is_damaged |= has_payload;
            return;
        };
        let counter = packet.header.counter;
        match &last {
            // It comes twice.
            Some((before, same)) if *before == counter && same == payload => return,
            Some((before, _)) if (before + 1) & 0x0f != counter => {
                is_damaged = true;
                return;
            }
            _ => {}
        }
        last = Some((counter, payload.to_vec()));
        let begins = packet.header.starts_unit;
        match (&mut data, timestamps(payload).filter(|_| begins)) {
            (Some(_), Some(_)) => is_whole = true,
            (data @ None, Some((_, start))) => *data = payload.get(start..).map(<[u8]>::to_vec),
            (Some(data), None) if begins => match payload {
                [0, 0, 1, _, _, _, _, _, length, ..] => {
                    let start = 9 + usize::from(*length);
                    data.extend_from_slice(payload.get(start..).unwrap_or_default());
                }
                _ => is_damaged = true,
            },
            (Some(data), None) => data.extend_from_slice(payload),
            (None, None) => is_damaged = true,
        }
    });
    match data {
        Some(data) if !is_damaged && (is_whole || is_end) => Cut::Whole(data),
        Some(_) if !is_damaged => Cut::Short,
        _ => Cut::Damaged,
    }
}
