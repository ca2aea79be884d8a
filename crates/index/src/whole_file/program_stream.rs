//! Program streams: their clock says whether they are one recording.

use std::ops::Range;

use gifgen_reader::BlockCache;

use super::{Measured, SMALL_BYTES, STEP};
use crate::{
    error::IndexError,
    mpegts::packet::{MAX_BACK, TIMESCALE, step, timestamp},
    search::{Dial, Reading, first_reading, restart, runs_back},
};

/// The start of a pack of a program stream.
const PACK: [u8; 4] = [0, 0, 1, 0xba];

/// In how many bytes a pack is looked for.
const PACK_BYTES: u64 = 64 * 1024;

/// How clocks are read.
const DIAL: Dial = Dial {
    reach: PACK_BYTES,
    tolerance: MAX_BACK,
};

/// A second recording in a program stream starts its clock again, and so do the cells of a DVD.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let start = blocks.read(0..STEP.min(bytes)).await?;
    let first = clocks(&start).next().map_or(0, |clock| clock.ticks);
    let look = async |range: Range<u64>| {
        let content = blocks.read(range.start..range.end + PACK_BYTES).await?;
        let found = runs_back(DIAL, clocks(&content));
        Ok(found.map(|(before, _)| before.behind(range.start)))
    };
    let found = if bytes <= SMALL_BYTES {
        look(0..bytes).await?
    } else {
        let first_clock = |content: &[u8]| clocks(content).next();
        let clock = |at| first_reading(blocks, at, &[PACK_BYTES], first_clock);
        restart(bytes, DIAL, clock, look).await?
    };
    let Some(before) = found else { return Ok(()) };
    let seconds = step(first, before.ticks) as f64 / TIMESCALE;
    let second = seconds.clamp(0.0, video.length.max(0.0));
    let why = "its clock starts again behind there: split the file";
    Err(IndexError::not_whole(before.offset, second, why))
}

/// The clocks (SCR) in `bytes`, in 1/90,000 s, at the starts of their packs.
fn clocks(bytes: &[u8]) -> impl Iterator<Item = Reading> {
    let packs = bytes.windows(9).enumerate();
    packs
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
            let offset = at as u64;
            Some(Reading { offset, ticks })
        })
}
