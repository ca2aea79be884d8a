//! The video stream of a transport stream.

use gifgen_reader::BlockCache;
use gifgen_shared::VideoStream;

use crate::{
    error::IndexError,
    mpegts::{
        codec::{Codec, is_video},
        packet::{Layout, Packet, TIMESCALE, timestamps},
        programs::{Programs, programs},
    },
    search::{Clock, Point},
};

/// How much of the start is read for the tables, in bytes: at first, and at most. ffprobe has read it already.
const FIRST_BYTES: u64 = 64 * 1024;
const MAX_BYTES: u64 = 1024 * 1024;

/// Longest time from a picture's dts to its pts: ten seconds.
const MAX_REORDER_DELAY: i64 = 900_000;

/// The video stream, by the tables at the start.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) layout: Layout,
    /// The packets that hold the tables, as they are in the file.
    pub(super) tables: Vec<u8>,
    pub(super) pid: u16,
    pub(super) codec: Codec,
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
        })
    }

    /// Its pictures that start in `bytes` and have a pts. `bytes` start at `offset` in the source.
    pub(super) fn pictures(&self, bytes: &[u8], offset: u64) -> Vec<Point> {
        pictures(bytes, offset, self.layout, self.pid)
    }

    /// The packets in `bytes` in which its pictures start.
    pub(super) fn starts<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Packet<'a>> {
        starts(bytes, self.layout, self.pid)
    }

    /// The pts of `video`, this stream.
    pub(super) fn clock(&self, video: &VideoStream) -> Clock {
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
    points
        .filter(|point| point.pts - point.earliest_pts <= MAX_REORDER_DELAY)
        .collect()
}

fn starts(bytes: &[u8], layout: Layout, pid: u16) -> impl Iterator<Item = Packet<'_>> {
    let packets = layout.packets(bytes);
    packets.filter(move |packet| packet.starts_unit && packet.pid == pid)
}
