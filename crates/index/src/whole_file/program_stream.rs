//! Program streams: their clock says whether they are one recording.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{Measured, SMALL_BYTES, STEP};
use crate::{
    error::IndexError,
    mpegts::packet::{MAX_BACK, TIMESCALE, step, timestamp},
    search::{Dial, Reading, restart},
};

/// The start of a pack of a program stream.
const PACK: [u8; 4] = [0, 0, 1, 0xba];

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
    let found = if bytes <= SMALL_BYTES {
        runs_back(blocks, 0..bytes).await?
    } else {
        let clock = async |at| {
            let content = blocks.read(at..at + PACK_BYTES).await?;
            let found = system_clock(&content);
            Ok(found.map(|(place, ticks)| Reading {
                offset: at + place as u64,
                ticks,
            }))
        };
        let dial = Dial {
            reach: PACK_BYTES,
            tolerance: MAX_BACK,
        };
        let look =
            async |range: Range<u64>| runs_back(blocks, range.start..range.end + PACK_BYTES).await;
        restart(bytes, dial, clock, look).await?
    };
    let Some(before) = found else { return Ok(()) };
    let seconds = step(first, before.ticks) as f64 / TIMESCALE;
    let second = seconds.clamp(0.0, video.length.max(0.0));
    let why = "its clock starts again behind there: split the file";
    Err(IndexError::not_whole(before.offset, second, why))
}

/// The last pack in `range` before the clock runs back.
async fn runs_back(blocks: &BlockCache, range: Range<u64>) -> Result<Option<Reading>, ReadError> {
    let content = blocks.read(range.clone()).await?;
    let mut latest: Option<Reading> = None;
    let mut at = 0;
    while let Some((place, ticks)) = content.get(at..).and_then(system_clock) {
        if latest.is_some_and(|latest| step(latest.ticks, ticks) < -MAX_BACK) {
            return Ok(latest);
        }
        let offset = range.start + (at + place) as u64;
        latest = Some(Reading { offset, ticks });
        at += place + PACK.len();
    }
    Ok(None)
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
