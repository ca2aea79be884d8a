//! Program streams: their clock says whether they are one recording.

use gifgen_reader::BlockCache;
use gifgen_shared::header::MISSING_SECONDS;

use super::{Measured, SMALL_BYTES, STEP};
use crate::{
    error::IndexError,
    mpegts::packet::{TIMESCALE, step, timestamp},
};

/// The start of a pack of a program stream.
const PACK: [u8; 4] = [0, 0, 1, 0xba];

/// In how many places the clock of a long program stream is read, and how many bytes each time.
const SAMPLES: u64 = 8;
const SAMPLE_BYTES: u64 = 64 * 1024;

/// A second recording in a program stream starts its clock again, and so do the cells of a DVD.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let length = video.length;
    let bytes = blocks.reader().len();
    let mut latest: Option<(u64, i64)> = None;
    let first = system_clock(&blocks.read(0..STEP.min(bytes)).await?);
    let first = first.map_or(0, |(_, clock)| clock);
    let parts = if bytes <= SMALL_BYTES { 1 } else { SAMPLES };
    for part in 0..parts {
        let from = bytes / parts * part;
        let length_of_part = if parts == 1 { bytes } else { SAMPLE_BYTES };
        let content = blocks.read(from..from + length_of_part).await?;
        let mut at = 0;
        while let Some((place, clock)) = content.get(at..).and_then(system_clock) {
            let offset = from + (at + place) as u64;
            if let Some((before, last)) = latest
                && (step(last, clock) as f64) < -MISSING_SECONDS * TIMESCALE
            {
                let second = ((last - first) as f64 / TIMESCALE).clamp(0.0, length.max(0.0));
                let why = "its clock starts again behind there: split the file";
                return Err(IndexError::not_whole(before, second, why));
            }
            latest = Some((offset, clock));
            at += place + 4;
        }
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
