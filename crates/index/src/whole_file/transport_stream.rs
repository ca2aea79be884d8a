//! Transport streams whose codec has no index that would tell where the clock starts again.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::SMALL_BYTES;
use crate::{
    error::IndexError,
    mpegts::packet::{Layout, MAX_BACK, TIMESCALE, step, timestamps},
    search::{Dial, Reading, restart},
};

/// In how many bytes a picture is looked for.
const PICTURE_BYTES: u64 = 192 * 1024;

/// A transport stream whose clock starts again is refused.
pub(super) async fn account_for(blocks: &BlockCache) -> Result<(), IndexError> {
    match second_clock(blocks).await? {
        Some((at, second)) => {
            let why = "its clock starts again there: split the file";
            Err(IndexError::not_whole(at, second, why))
        }
        None => Ok(()),
    }
}

/// Where the dts of the video run back: the offset in bytes, and the seconds of the video before it.
async fn second_clock(blocks: &BlockCache) -> Result<Option<(u64, f64)>, ReadError> {
    let Some(layout) = Layout::read(blocks).await? else {
        return Ok(None);
    };
    let bytes = blocks.reader().len();
    let head = if bytes <= SMALL_BYTES {
        bytes
    } else {
        PICTURE_BYTES
    };
    let start = blocks.read(layout.first..head).await?;
    let Some((_, video, first)) = pictures(layout, &start).next() else {
        return Ok(None);
    };
    let look = async |range: Range<u64>| {
        let content = blocks.read(range.start..range.end + PICTURE_BYTES).await?;
        let mut clock = Clock::default();
        let mut pictures = pictures(layout, &content).filter(|(_, pid, _)| *pid == video);
        let found = pictures.find(|(.., dts)| clock.runs_back(*dts));
        Ok(found.map(|(at, ..)| Reading {
            offset: range.start + at as u64,
            ticks: clock.latest.unwrap_or(first),
        }))
    };
    let found = if bytes <= SMALL_BYTES {
        look(layout.first..bytes).await?
    } else {
        let clock = async |at| {
            let at = layout.align(at);
            let content = blocks.read(at..at + PICTURE_BYTES).await?;
            let found = pictures(layout, &content).find(|(_, pid, _)| *pid == video);
            Ok(found.map(|(place, _, ticks)| Reading {
                offset: at + place as u64,
                ticks,
            }))
        };
        let dial = Dial {
            reach: PICTURE_BYTES,
            tolerance: MAX_BACK,
        };
        restart(bytes, dial, clock, look).await?
    };
    let seconds = |place: Reading| step(first, place.ticks) as f64 / TIMESCALE;
    Ok(found.map(|place| (place.offset, seconds(place))))
}

/// The pictures of videos that start in `content`, which starts with a packet: where, in which stream, and their dts.
fn pictures(layout: Layout, content: &[u8]) -> impl Iterator<Item = (usize, u16, i64)> {
    let starts = layout.packets(content).filter(|packet| packet.starts_unit);
    starts.filter_map(|packet| {
        let is_video = matches!(packet.payload, [0, 0, 1, 0xe0..=0xef, ..]);
        let (time, _) = timestamps(packet.payload).filter(|_| is_video)?;
        Some((packet.offset, packet.pid, time.dts))
    })
}

/// The dts of a video.
#[derive(Debug, Default)]
struct Clock {
    latest: Option<i64>,
    /// Whether the last picture was earlier than those before.
    is_back: bool,
}

impl Clock {
    /// Whether this picture and the one before are earlier than those before them. One alone has a wrong time.
    fn runs_back(&mut self, dts: i64) -> bool {
        let step = step(self.latest.unwrap_or(dts), dts);
        if step < -MAX_BACK {
            return std::mem::replace(&mut self.is_back, true);
        }
        self.is_back = false;
        if step >= 0 {
            self.latest = Some(dts);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpegts::packet::WRAP;

    fn runs_back(times: &[i64]) -> bool {
        let mut clock = Clock::default();
        times.iter().any(|time| clock.runs_back(*time))
    }

    #[test]
    fn two_pictures_that_are_earlier_are_a_new_clock() {
        let second = 90_000;
        assert!(runs_back(&[0, 10 * second, 0, second]));
        assert!(!runs_back(&[
            0,
            10 * second,
            0,
            11 * second,
            0,
            12 * second
        ]));
        assert!(!runs_back(&[0, second, second / 2, second / 2, 2 * second]));
    }

    #[test]
    fn a_clock_that_turns_over_goes_on() {
        assert!(!runs_back(&[WRAP - 9000, 0, 9000, 18_000]));
    }
}
