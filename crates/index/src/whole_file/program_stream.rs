//! Program streams: their clock says whether they are one recording.

use gifgen_reader::BlockCache;
use gifgen_shared::header::MISSING_SECONDS;

use super::{Measured, SMALL_BYTES, STEP};
use crate::error::IndexError;

/// The start of a pack of a program stream.
const PACK: [u8; 4] = [0, 0, 1, 0xba];

/// In how many places the clock of a long program stream is read, and how many bytes each time.
const SAMPLES: u64 = 8;
const SAMPLE_BYTES: u64 = 64 * 1024;

/// After how many seconds a clock of 33 bits turns over.
const TURN_SECONDS: f64 = (1u64 << 33) as f64 / 90_000.0;

/// A second recording in a program stream starts its clock again, and so do the cells of a DVD.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let length = video.length;
    let bytes = blocks.reader().len();
    let mut latest: Option<(u64, f64)> = None;
    let first = system_clock(&blocks.read(0..STEP.min(bytes)).await?);
    let first = first.map_or(0.0, |(_, clock)| clock);
    let parts = if bytes <= SMALL_BYTES { 1 } else { SAMPLES };
    for part in 0..parts {
        let from = bytes / parts * part;
        let length_of_part = if parts == 1 { bytes } else { SAMPLE_BYTES };
        let content = blocks.read(from..from + length_of_part).await?;
        let mut at = 0;
        while let Some((place, clock)) = content.get(at..).and_then(system_clock) {
            let offset = from + (at + place) as u64;
            if let Some((before, last)) = latest
                && step(last, clock) < -MISSING_SECONDS
            {
                let second = (last - first).clamp(0.0, length.max(0.0));
                let why = "its clock starts again behind there: split the file";
                return Err(IndexError::not_whole(before, second, why));
            }
            latest = Some((offset, clock));
            at += place + 4;
        }
    }
    Ok(())
}

/// The seconds from one clock to another. A clock turns over after 26.5 hours.
fn step(from: f64, to: f64) -> f64 {
    (to - from + TURN_SECONDS / 2.0).rem_euclid(TURN_SECONDS) - TURN_SECONDS / 2.0
}

/// The first clock (SCR) in `bytes`, in seconds, and where its pack starts.
fn system_clock(bytes: &[u8]) -> Option<(usize, f64)> {
    let packs = bytes.windows(9).enumerate();
    let mut clocks = packs
        .filter(|(_, pack)| pack.starts_with(&PACK))
        .filter_map(|(at, pack)| {
            let [a, b, c, d, e] = *pack.get(4..9)? else {
                return None;
            };
            let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
            let ticks = if a & 0xc4 == 0x44 {
                (a >> 3 & 7) << 30
                    | (a & 3) << 28
                    | b << 20
                    | (c >> 3) << 15
                    | (c & 3) << 13
                    | d << 5
                    | e >> 3
            } else if a & 0xf1 == 0x21 {
                (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
            } else {
                return None;
            };
            Some((at, ticks as f64 / 90_000.0))
        });
    clocks.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_turns_over_goes_on() {
        assert!((step(TURN_SECONDS - 1.0, 1.0) - 2.0).abs() < 1e-6);
        assert!((step(20.0, 0.0) + 20.0).abs() < 1e-6);
    }
}
