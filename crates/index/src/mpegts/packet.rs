//! Packets of a transport stream, and the times in them.

/// Bytes of a packet, but for what some kinds of files put around it.
const PACKET: usize = 188;

/// What each packet starts with.
const SYNC: u8 = 0x47;

/// How many packets in a row prove a layout.
const PROOF: usize = 8;

/// How packets lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// From one packet to the next, in bytes: 188; 192 with a time before each (Blu-ray, AVCHD); 204
    /// with a checksum behind each.
    pub size: u64,
    /// Where the first one starts.
    pub first: u64,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Where it starts in what was looked at, with what stands before it.
    pub at: usize,
    /// Which stream it belongs to.
    pub pid: u16,
    /// Whether a section or a picture starts in it.
    pub starts: bool,
    /// What it carries of it.
    pub payload: &'a [u8],
}

/// Times of a picture, of 90,000 in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it is shown.
    pub pts: i64,
    /// When it is decoded.
    pub dts: i64,
}

impl Layout {
    /// Finds out from the start of a file.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // The first 8 KiB, as FFmpeg does.
        let bytes = bytes.get(..8192).unwrap_or(bytes);
        let found = [(188, 0), (192, 4), (204, 0)]
            .into_iter()
            .find_map(|(size, before)| {
                let proves = |first: &usize| {
                    let syncs = bytes.iter().skip(first + before).step_by(size);
                    syncs.clone().count() >= PROOF && syncs.take(PROOF).all(|byte| *byte == SYNC)
                };
                (0..size).find(proves).map(|first| (size, first))
            });
        found.map(|(size, first)| Self {
            size: size as u64,
            first: first as u64,
        })
    }

    /// The start of the packet that holds `at`.
    pub fn align(self, at: u64) -> u64 {
        let from = at.saturating_sub(self.first);
        self.first + (from - from % self.size.max(1))
    }

    /// The packets in `bytes`, which start with one. What is none is passed over.
    pub fn packets(self, bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
        let size = (self.size as usize).max(PACKET);
        let before = if size == 192 { 4 } else { 0 };
        let packets = bytes.chunks_exact(size).enumerate();
        packets.filter_map(move |(index, chunk)| {
            packet(index * size, chunk.get(before..before + PACKET)?)
        })
    }
}

fn packet(at: usize, bytes: &[u8]) -> Option<Packet<'_>> {
    let [sync, high, low, control, ..] = *bytes else {
        return None;
    };
    // Neither damaged nor scrambled.
    if sync != SYNC || high & 0x80 != 0 || control & 0xc0 != 0 || control & 0x10 == 0 {
        return None;
    }
    let payload = if control & 0x20 == 0 {
        bytes.get(4..)?
    } else {
        bytes.get(5 + usize::from(*bytes.get(4)?)..)?
    };
    Some(Packet {
        at,
        pid: u16::from_be_bytes([high & 0x1f, low]),
        starts: high & 0x40 != 0,
        payload,
    })
}

/// The times in the header of a picture, and where its data start behind that header.
pub fn times(payload: &[u8]) -> Option<(Times, usize)> {
    let [0, 0, 1, _, _, _, flags, which, length, ..] = *payload else {
        return None;
    };
    if flags & 0xc0 != 0x80 {
        return None;
    }
    let time = |at: usize| {
        let [a, b, c, d, e] = *payload.get(at..at + 5)? else {
            return None;
        };
        let [a, b, c, d, e] = [a, b, c, d, e].map(i64::from);
        Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
    };
    let pts = match which >> 6 {
        2 | 3 => time(9)?,
        _ => return None,
    };
    let dts = if which >> 6 == 3 { time(14)? } else { pts };
    Some((Times { pts, dts }, 9 + usize::from(length)))
}
