//! Transport streams whose codec has no index that would tell where the clock starts again.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{Measured, SMALL_BYTES};
use crate::{
    error::IndexError,
    mpegts::{
        packet::{Layout, MAX_BACK, TIMESCALE, step, timestamps},
        programs::programs,
    },
    search::{Dial, Reading, first_reading, restart, runs_back},
};

/// In how many bytes a picture is looked for, first and at last.
const PICTURE_BYTES: [u64; 2] = [192 * 1024, 4 * 1024 * 1024];

/// How the dts of pictures are read.
const DIAL: Dial = Dial {
    reach: PICTURE_BYTES[0],
    tolerance: MAX_BACK,
};

/// A transport stream whose clock starts again is refused.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    match second_clock(blocks, video.stream).await? {
        Some((at, second)) => {
            let why = "its clock starts again there: split the file";
            Err(IndexError::not_whole(at, second, why))
        }
        None => Ok(()),
    }
}

/// Where the dts of the stream that FFmpeg counts as `index` run back: the offset in bytes, and the seconds before it.
async fn second_clock(blocks: &BlockCache, index: u32) -> Result<Option<(u64, f64)>, ReadError> {
    let Some(layout) = Layout::read(blocks).await? else {
        return Ok(None);
    };
    let bytes = blocks.reader().len();
    let head = PICTURE_BYTES[0].min(bytes);
    let head = blocks.read(layout.first..layout.first + head).await?;
    let streams = programs(layout, &head).map(|programs| programs.streams);
    let stream = streams.and_then(|streams| streams.get(index as usize).copied());
    // Without tables, the first video is it.
    let first_video = || pictures(layout, &head, None).next().map(|(pid, _)| pid);
    let Some(video) = stream.map(|(pid, _)| pid).or_else(first_video) else {
        return Ok(None);
    };
    let first_picture = |content: &[u8]| {
        let found = pictures(layout, content, Some(video)).next();
        found.map(|(_, picture)| picture)
    };
    let read = |at: u64| {
        let at = layout.align(at + layout.size - 1);
        first_reading(blocks, at, &PICTURE_BYTES, first_picture)
    };
    let look = async |range: Range<u64>| {
        let content = blocks
            .read(range.start..range.end + PICTURE_BYTES[0])
            .await?;
        let dts = pictures(layout, &content, Some(video)).map(|(_, found)| found);
        let found = runs_back(DIAL, dts);
        Ok(found.map(|(before, behind)| Reading {
            ticks: before.ticks,
            ..behind.behind(range.start)
        }))
    };
    let found = if bytes <= SMALL_BYTES {
        look(layout.first..bytes).await?
    } else {
        restart(bytes, DIAL, read, look).await?
    };
    let Some(place) = found else { return Ok(None) };
    let first = read(0).await?.unwrap_or(place);
    let seconds = step(first.ticks, place.ticks) as f64 / TIMESCALE;
    Ok(Some((place.offset, seconds)))
}

/// The pictures that start in `content`, which starts with a packet: their pid, and their dts. Those of the stream
/// `pid`, or of all that are called videos.
fn pictures(
    layout: Layout,
    content: &[u8],
    pid: Option<u16>,
) -> impl Iterator<Item = (u16, Reading)> {
    let starts = layout.packets(content).filter(|packet| packet.starts_unit);
    starts.filter_map(move |packet| {
        // VC-1 and Dirac have an id of their own.
        let is_wanted = match pid {
            Some(pid) => packet.pid == pid,
            None => matches!(packet.payload, [0, 0, 1, 0xe0..=0xef | 0xfd, ..]),
        };
        let (time, _) = timestamps(packet.payload).filter(|_| is_wanted)?;
        let (offset, ticks) = (packet.offset as u64, time.dts);
        Some((packet.pid, Reading { offset, ticks }))
    })
}
