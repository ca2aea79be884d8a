//! What happens to the bytes of an excerpt on their way to FFmpeg: in those of a transport stream, repeats become null
//! packets, and the rest is watched, or given the times of the film. All others pass as they are.

use std::borrow::Cow;

use gifgen_reader::repeats::{PacketGrid, RepeatFilter};

use crate::{
    excerpt::{Demuxer, Excerpt},
    mpegts::{
        retime::{Packets, Retimer},
        watch::Watch,
    },
};

/// Bytes in which the packets of a transport stream are recognised.
const GRID_BYTES: usize = 2048;

/// The way of the bytes of one excerpt.
#[derive(Debug)]
pub(crate) struct Passage<'a> {
    packets: Option<&'a Packets>,
    retimer: Option<Retimer<'a>>,
    /// Before the watch, which would take a repeat for another picture.
    repeats: Repeats,
    watch: Option<Watch>,
}

/// Turns the repeats of a transport stream into null packets.
#[derive(Debug)]
enum Repeats {
    /// Too little has come to see where the packets start.
    Kept(Vec<u8>),
    Filtered(Box<RepeatFilter>),
    /// There are no packets.
    Passed,
}

impl<'a> Passage<'a> {
    pub(crate) fn of(excerpt: &'a Excerpt) -> Self {
        Self {
            packets: excerpt.packets.as_ref(),
            retimer: None,
            repeats: match excerpt.demuxer {
                Demuxer::MpegTs => Repeats::Kept(Vec::new()),
                Demuxer::Mov | Demuxer::Matroska => Repeats::Passed,
            },
            watch: None,
        }
    }

    /// Starts with the bytes from `offset` on. `before` is what FFmpeg gets first: the bytes from the keyframe to
    /// there, which have the times of the film already. Returns them as FFmpeg gets them.
    pub(crate) fn start<'b>(&mut self, offset: u64, before: &'b [u8]) -> Cow<'b, [u8]> {
        if let Some(packets) = self.packets {
            if packets.pieces.is_empty() {
                let start = offset.saturating_sub(before.len() as u64);
                self.watch = Some(Watch::new(packets, start));
            } else {
                self.retimer = Some(Retimer::new(packets, offset));
            }
        }
        self.pass_retimed(Cow::Borrowed(before))
    }

    /// The next `bytes`, as FFmpeg gets them.
    pub(crate) fn pass<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let retimed = match &mut self.retimer {
            Some(retimer) => Cow::Owned(retimer.push(bytes)),
            None => Cow::Borrowed(bytes),
        };
        self.pass_retimed(retimed)
    }

    /// What FFmpeg gets after all bytes.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let rest = self.repeats.finish();
        if let Some(watch) = &mut self.watch {
            watch.push(&rest);
        }
        rest
    }

    /// Where another recording starts in what has passed, if the splitter has not noticed it.
    pub(crate) fn joint(&self) -> Option<u64> {
        self.watch.as_ref()?.joint()
    }

    fn pass_retimed<'b>(&mut self, bytes: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        let passed = self.repeats.push(bytes);
        if let Some(watch) = &mut self.watch {
            watch.push(&passed);
        }
        passed
    }
}

impl Repeats {
    fn push<'b>(&mut self, bytes: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        match self {
            Self::Passed => bytes,
            Self::Filtered(filter) => Cow::Owned(filter.push(&bytes).into()),
            Self::Kept(kept) => {
                kept.extend_from_slice(&bytes);
                if kept.len() < GRID_BYTES {
                    return Cow::Owned(Vec::new());
                }
                let kept = std::mem::take(kept);
                let Some(grid) = PacketGrid::of(&kept) else {
                    *self = Self::Passed;
                    return Cow::Owned(kept);
                };
                let mut filter = Box::new(RepeatFilter::new(grid, 0));
                let first = filter.push(&kept);
                *self = Self::Filtered(filter);
                Cow::Owned(first.into())
            }
        }
    }

    /// What is still kept.
    fn finish(&mut self) -> Vec<u8> {
        match std::mem::replace(self, Self::Passed) {
            Self::Kept(kept) => kept,
            Self::Filtered(filter) => filter.finish().into(),
            Self::Passed => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::{excerpt::Start, mpegts::codec::Codec};

    const PACKET: usize = 188;

    /// Packets of two seconds of a video with 25 pictures a second, two packets for each.
    fn video(from_pts: u32) -> Vec<u8> {
        let picture = |n: u32| {
            let pts = from_pts + n * 3600;
            let [b, c, d, e] = [pts >> 22, pts >> 14 | 1, pts >> 7, pts << 1 | 1].map(|n| n as u8);
            let pes = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, b, c, d, e];
            let first = (2 * n as u8) & 0x0f;
            let start = [&[0x47, 0x41, 0, 0x10 | first][..], &pes].concat();
            let rest = vec![0x47, 0x01, 0, 0x10 | (first + 1), n as u8];
            [start, rest].map(|mut packet| {
                packet.resize(PACKET, n as u8);
                packet
            })
        };
        (0..50).flat_map(picture).flatten().collect()
    }

    fn excerpt(bytes: u64) -> Excerpt {
        Excerpt {
            demuxer: Demuxer::MpegTs,
            stream: 0,
            header: Vec::new(),
            start: Start::Exact,
            ranges: iter::once(0..bytes).collect(),
            until: 0,
            packets: Some(Packets {
                size: PACKET as u64,
                pid: 256,
                codec: Codec::H264,
                pieces: Vec::new(),
            }),
            lost: Vec::new(),
        }
    }

    /// What FFmpeg gets of `bytes`, the first of them as those of the keyframe, and the joint.
    fn passed(bytes: &[u8], before: usize, portion: usize) -> (Vec<u8>, Option<u64>) {
        let excerpt = excerpt(bytes.len() as u64);
        let mut passage = Passage::of(&excerpt);
        let (before, rest) = bytes.split_at(before);
        let mut passed = passage.start(before.len() as u64, before).into_owned();
        for portion in rest.chunks(portion) {
            passed.extend_from_slice(&passage.pass(portion));
        }
        passed.extend(passage.finish());
        (passed, passage.joint())
    }

    #[test]
    fn repeats_become_null_packets_and_are_no_new_clock() {
        let once = video(90_000);
        let twice: Vec<u8> = once
            .chunks(PACKET)
            .flat_map(|packet| packet.repeat(2))
            .collect();
        for (before, portion) in [(0, 100), (188, 1000), (376 * 20, 5000)] {
            let (found, joint) = passed(&twice, before, portion);
            assert_eq!((found.len(), joint), (twice.len(), None), "{portion}");
            let is_null = |packet: &&[u8]| packet[1] & 0x1f == 0x1f && packet[2] == 0xff;
            let kept: Vec<u8> = found
                .chunks(PACKET)
                .filter(|packet| !is_null(packet))
                .flatten()
                .copied()
                .collect();
            assert!(kept == once, "{portion}");
        }
    }

    #[test]
    fn a_clock_that_starts_again_is_noticed_among_repeats() {
        let recording = video(900_000);
        let joint = 2 * recording.len() as u64;
        let twice: Vec<u8> = [&recording[..], &video(90_000)]
            .concat()
            .chunks(PACKET)
            .flat_map(|packet| packet.repeat(2))
            .collect();
        assert_eq!(passed(&twice, 376, 1000).1, Some(joint));
    }
}
