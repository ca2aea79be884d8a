//! Program streams: their clock says whether they are one recording.

use gifgen_reader::BlockCache;

use super::{Measured, SMALL_BYTES, STEP};
use crate::{
    error::IndexError,
    mpegts::packet::{TIMESCALE, step, timestamp},
    search::{Reading, restart},
};

/// The start of a pack of a program stream.
const PACK: [u8; 4] = [0, 0, 1, 0xba];

/// A clock that runs back by less, in 1/90,000 s, is a muxer's fault.
const MAX_BACK: i64 = 90_000;

/// In how many bytes a pack is looked for.
const PACK_BYTES: u64 = 64 * 1024;

/// A second recording in a program stream starts its clock again, and so do the cells of a DVD.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let start = blocks.read(0..STEP.min(bytes)).await?;
    let first = system_clock(&start).map_or(0, |(_, clock)| clock);
    let range = if bytes <= SMALL_BYTES {
        0..bytes
    } else {
        let clock = async |at| {
            let content = blocks.read(at..at + PACK_BYTES).await?;
            let found = system_clock(&content);
            Ok(found.map(|(place, ticks)| Reading {
                offset: at + place as u64,
                ticks,
            }))
        };
        match restart(bytes, MAX_BACK, clock).await? {
            Some(range) => range.start..range.end + PACK_BYTES,
            None => return Ok(()),
        }
    };
    let content = blocks.read(range.clone()).await?;
    let mut latest: Option<(u64, i64)> = None;
    let mut at = 0;
    while let Some((place, clock)) = content.get(at..).and_then(system_clock) {
        if let Some((before, last)) = latest
            && step(last, clock) < -MAX_BACK
        {
            let seconds = step(first, last) as f64 / TIMESCALE;
            let second = seconds.clamp(0.0, video.length.max(0.0));
            let why = "its clock starts again behind there: split the file";
            return Err(IndexError::not_whole(before, second, why));
        }
        latest = Some((range.start + (at + place) as u64, clock));
        at += place + PACK.len();
    }
    Ok(())
}

/// The first clock (SCR) in `bytes`, in 1/90,000 s, and where its pack starts.
fn system_clock(bytes: &[u8]) -> Option<(usize, i64)> {
    let packs = bytes.windows(9).enumerate();
    let mut clocks = packs
        .filter(|(_, pack)| pack.starts_with(&PACK))
        .filter_map(|(at, pack)| {
            let clock: [u8; 5] = *pack.get(4..)?.first_chunk()?;
            let [a, b, c, d, e] = clock.map(i64::from);
            let ticks = if a & 0xc4 == 0x44 {
                (a >> 3 & 7) << 30
                    | (a & 3) << 28
                    | b << 20
                    | (c >> 3) << 15
                    | (c & 3) << 13
                    | d << 5
                    | e >> 3
            } else if a & 0xf1 == 0x21 {
                timestamp(clock)
            } else {
                return None;
            };
            Some((at, ticks))
        });
    clocks.next()
}
