//! The video of a transport stream.

use gifgen_reader::block_cache::BlockCache;

use crate::{
    container_index::IndexError,
    mpegts::{
        codec::{Codec, is_video},
        packet::{Layout, Packet, times},
        programs::{Programs, programs},
    },
    search::Point,
};

/// How much is read for the tables at first, and where they must be, in bytes. ffprobe has read this
/// already.
const FIRST: u64 = 64 * 1024;
const HEAD: u64 = 1024 * 1024;

/// Longest time between a picture's decoding and its being shown: ten seconds.
const LONGEST_WAIT: i64 = 900_000;

/// What the tables at the start say of the video.
#[derive(Debug)]
pub struct Stream {
    /// How packets lie in the file.
    pub layout: Layout,
    /// The packets that hold the tables, as they are in the file.
    pub tables: Vec<u8>,
    /// The id of its packets.
    pub pid: u16,
    /// What it is coded with.
    pub codec: Codec,
}

impl Stream {
    /// Reads what is said of the stream that FFmpeg counts as `index`.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(blocks: &BlockCache, index: u32) -> Result<Self, IndexError> {
        let none = |why: &str| IndexError::None(why.to_owned());
        let mut wanted = FIRST;
        let (layout, programs) = loop {
            let bytes = blocks.read(0..wanted).await?;
            if let Some(tables) = tables(&bytes) {
                break tables;
            }
            if wanted >= HEAD || (bytes.len() as u64) < wanted {
                return Err(none("its tables are not at its start"));
            }
            wanted = HEAD;
        };
        let (pid, codec) = video(&programs, index)
            .ok_or_else(|| none("it is not sure which stream is the video"))?;
        Ok(Self {
            layout,
            tables: programs.packets,
            pid,
            codec,
        })
    }

    /// Its pictures that start in `bytes`, which are at `at` in the source, and have a time.
    pub fn pictures(&self, bytes: &[u8], at: u64) -> Vec<Point> {
        pictures(bytes, at, self.layout, self.pid)
    }

    /// Where its pictures start in `bytes`.
    pub fn starts<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Packet<'a>> {
        starts(bytes, self.layout, self.pid)
    }
}

/// The layout and the tables, if the start of a file has them.
fn tables(bytes: &[u8]) -> Option<(Layout, Programs)> {
    let layout = Layout::of(bytes)?;
    let packets = bytes.get(layout.first as usize..)?;
    Some((layout, programs(layout, packets)?))
}

/// The stream that FFmpeg counts as `index`. Only if it is the one with video: if FFmpeg counted
/// otherwise, it would not be.
fn video(programs: &Programs, index: u32) -> Option<(u16, Codec)> {
    let videos = programs.streams.iter().filter(|(_, kind)| is_video(*kind));
    let (pid, kind) = programs.streams.get(usize::try_from(index).ok()?)?;
    let codec = Codec::of(*kind)?;
    (videos.count() == 1).then_some((*pid, codec))
}

/// The pictures of the stream `pid` that start in `bytes`, which are at `at` in the source, and have a
/// time.
pub fn pictures(bytes: &[u8], at: u64, layout: Layout, pid: u16) -> Vec<Point> {
    let starts = starts(bytes, layout, pid);
    let points = starts.filter_map(|packet| {
        let (times, _) = times(packet.payload)?;
        Some(Point {
            at: at + packet.at as u64,
            shown: times.pts,
            sure: times.dts.min(times.pts),
        })
    });
    // No picture waits longer to be shown: of many such, each search would look at all.
    points
        .filter(|point| point.shown - point.sure <= LONGEST_WAIT)
        .collect()
}

fn starts(bytes: &[u8], layout: Layout, pid: u16) -> impl Iterator<Item = Packet<'_>> {
    let packets = layout.packets(bytes);
    packets.filter(move |packet| packet.starts && packet.pid == pid)
}
