//! The video stream of a transport stream.

use std::ops::Range;

use gifgen_reader::BlockCache;
use gifgen_shared::{Piece, VideoStream};

use crate::{
    error::IndexError,
    mpegts::{
        codec::{Codec, is_video},
        collector::Collector,
        packet::{Layout, Packet, TIMESCALE, timestamps},
        programs::{Programs, programs},
        retime::Packets,
    },
    search::{Clock, Point},
};

/// How much of the start is read for the tables, in bytes: at first, and at most. ffprobe has read it already.
const FIRST_BYTES: u64 = 64 * 1024;
const MAX_BYTES: u64 = 1024 * 1024;

/// The default of the setting.
const USUAL_SLICE_SECONDS: u32 = 30;

/// Longest time from a picture's dts to its pts: ten seconds.
const MAX_REORDER_DELAY: i64 = 900_000;

/// A wrong pts is ahead by more than this, in 1/90,000 s, of so many pictures that follow.
const WRONG_BY: i64 = 90_000;
const RIGHT_AFTER: usize = 8;

/// The video stream, by the tables at the start.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) layout: Layout,
    /// The packets that hold the tables, as they are in the file.
    pub(super) tables: Vec<u8>,
    pub(super) pid: u16,
    pub(super) codec: Codec,
    /// The pieces with clocks of their own. Empty if there is one clock.
    pub(crate) pieces: Vec<Piece>,
    /// Whether its length comes from counting pictures, which tells more than the header.
    pub(crate) is_counted: bool,
    /// The length of the slices that it will be cut into, in seconds.
    pub(crate) slice_seconds: u32,
    /// Where some of its pictures are, with the times of the film.
    pub(super) points: Vec<Point>,
}

impl Stream {
    /// Reads the tables, for the stream that FFmpeg counts as `index`.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub(crate) async fn read(blocks: &BlockCache, index: u32) -> Result<Self, IndexError> {
        let mut wanted = FIRST_BYTES;
        let (layout, programs) = loop {
            let bytes = blocks.read(0..wanted).await?;
            if let Some(tables) = tables(&bytes) {
                break tables;
            }
            if wanted >= MAX_BYTES || (bytes.len() as u64) < wanted {
                return Err(IndexError::none("its tables are not at its start"));
            }
            wanted = MAX_BYTES;
        };
        let (pid, codec) = video(&programs, index)
            .ok_or_else(|| IndexError::none("it is not sure which stream is the video"))?;
        Ok(Self {
            layout,
            tables: programs.packets,
            pid,
            codec,
            pieces: Vec::new(),
            is_counted: false,
            slice_seconds: USUAL_SLICE_SECONDS,
            points: Vec::new(),
        })
    }

    /// Its pictures that start in `bytes` and have a pts, with the times of the film. `bytes` start at `offset` in the
    /// source.
    pub(super) fn pictures(&self, bytes: &[u8], offset: u64) -> Vec<Point> {
        if self.pieces.is_empty() {
            return pictures(bytes, offset, self.layout, self.pid);
        }
        let mut points = Vec::new();
        let ends = self.pieces.iter().skip(1).map(|piece| piece.from);
        for (piece, end) in self.pieces.iter().zip(ends.chain([u64::MAX])) {
            let from = piece.from.max(offset);
            let to = end.min(offset + bytes.len() as u64);
            let Ok(pid) = u16::try_from(piece.stream) else {
                continue;
            };
            let part = (from.saturating_sub(offset)) as usize..(to.saturating_sub(offset)) as usize;
            let found = pictures(bytes.get(part).unwrap_or_default(), from, self.layout, pid);
            points.extend(found.into_iter().map(|point| Point {
                offset: point.offset,
                pts: point.pts + piece.shift,
                earliest_pts: point.earliest_pts + piece.shift,
            }));
        }
        points
    }

    /// The packets of the pieces that `range` touches.
    pub(crate) fn packets(&self, range: Range<u64>) -> Packets {
        let starts = self.pieces.iter().map(|piece| piece.from);
        let ends = starts.skip(1).chain([u64::MAX]);
        let pieces = self.pieces.iter().zip(ends);
        let touched = pieces.filter(|(piece, end)| piece.from < range.end && *end > range.start);
        Packets {
            size: self.layout.size,
            pid: self.pid,
            codec: self.codec,
            pieces: touched.map(|(piece, _)| *piece).collect(),
        }
    }

    /// Whether a packet may start at `offset`.
    pub(super) fn is_aligned(&self, offset: u64) -> bool {
        offset == 0 || self.layout.align(offset) == offset
    }

    /// A collector of its pictures in bytes that start at `offset`.
    pub(super) fn collector(&self, offset: u64) -> Collector {
        Collector::new(self.layout.size, offset, self.pid, self.codec)
    }

    /// The packets in `bytes` in which its pictures start.
    pub(super) fn starts<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Packet<'a>> {
        starts(bytes, self.layout, self.pid)
    }

    /// The pts of `video`, this stream.
    pub(crate) fn clock(&self, video: &VideoStream) -> Clock {
        Clock::new(video, TIMESCALE, 1.0)
    }
}

/// The layout and the tables of the file that starts with `bytes`.
fn tables(bytes: &[u8]) -> Option<(Layout, Programs)> {
    let layout = Layout::of(bytes)?;
    let packets = bytes.get(layout.first as usize..)?;
    Some((layout, programs(layout, packets)?))
}

/// The pid and the codec of the stream that FFmpeg counts as `index`. `None` if it is not the only video: then
/// FFmpeg may count differently.
fn video(programs: &Programs, index: u32) -> Option<(u16, Codec)> {
    let videos = programs.streams.iter().filter(|(_, kind)| is_video(*kind));
    let (pid, kind) = programs.streams.get(usize::try_from(index).ok()?)?;
    let codec = Codec::of(*kind)?;
    (videos.count() == 1).then_some((*pid, codec))
}

/// The pictures of the stream `pid` that start in `bytes` and have a pts. `bytes` start at `offset` in the source.
pub fn pictures(bytes: &[u8], offset: u64, layout: Layout, pid: u16) -> Vec<Point> {
    let starts = starts(bytes, layout, pid);
    let points = starts.filter_map(|packet| {
        let (found, _) = timestamps(packet.payload)?;
        Some(Point {
            offset: offset + packet.offset as u64,
            pts: found.pts,
            earliest_pts: found.dts.min(found.pts),
        })
    });
    // A longer delay is damage, and many such pictures would make each search probe them all.
    let points = points.filter(|point| point.pts - point.earliest_pts <= MAX_REORDER_DELAY);
    without_wrong(&points.collect::<Vec<Point>>())
}

/// Those of `points` whose pts are not far ahead of the one before and of the next few.
fn without_wrong(points: &[Point]) -> Vec<Point> {
    let mut right: Vec<Point> = Vec::with_capacity(points.len());
    for (n, point) in points.iter().enumerate() {
        let is_ahead = |of: &Point| point.pts - of.pts > WRONG_BY;
        let is_wrong = right.last().is_some_and(is_ahead)
            && points
                .get(n + 1..=n + RIGHT_AFTER)
                .is_some_and(|next| next.iter().all(is_ahead));
        if !is_wrong {
            right.push(*point);
        }
    }
    right
}

fn starts(bytes: &[u8], layout: Layout, pid: u16) -> impl Iterator<Item = Packet<'_>> {
    let packets = layout.packets(bytes);
    packets.filter(move |packet| packet.starts_unit && packet.pid == pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(seconds: &[i64]) -> Vec<Point> {
        let seconds = seconds.iter().enumerate();
        let point = |(n, second): (usize, &i64)| Point {
            offset: n as u64 * 188,
            pts: second * 90_000,
            earliest_pts: second * 90_000,
        };
        seconds.map(point).collect()
    }

    #[test]
    fn a_pts_far_ahead_of_all_around_it_is_wrong_and_a_pause_is_none() {
        let wild = points(&[0, 1, 20, 3, 4, 5, 6, 7, 8, 9, 10]);
        let right: Vec<i64> = without_wrong(&wild)
            .iter()
            .map(|p| p.pts / 90_000)
            .collect();
        assert_eq!(right, [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]);
        for times in [
            &[0, 1, 20, 21, 22, 23, 24, 25, 26, 27, 28][..],
            &[0, 1, 20, 3, 4],
            &[5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        ] {
            assert_eq!(without_wrong(&points(times)), points(times));
        }
    }
}
