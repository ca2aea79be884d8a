//! Transport streams whose codec has no index that would tell where the clock starts again.

use gifgen_reader::{BlockCache, ReadError};

use super::SMALL_BYTES;
use crate::{
    error::IndexError,
    mpegts::packet::{Layout, TIMESCALE, step, timestamps},
};

/// In how many places of a longer one pictures are looked for, and in how many bytes each time.
const SAMPLES: u64 = 8;
const SAMPLE_BYTES: u64 = 192 * 1024;

/// A dts that runs back by less is a muxer's fault.
const MAX_BACK: i64 = 90_000;

/// A transport stream whose clock starts again is refused.
pub(super) async fn account_for(blocks: &BlockCache) -> Result<(), IndexError> {
    match restart(blocks).await? {
        Some((at, second)) => {
            let why = "its clock starts again there: split the file";
            Err(IndexError::not_whole(at, second, why))
        }
        None => Ok(()),
    }
}

/// Where the dts of the video run back: the offset in bytes, and the seconds of the video before it.
async fn restart(blocks: &BlockCache) -> Result<Option<(u64, f64)>, ReadError> {
    let Some(layout) = Layout::read(blocks).await? else {
        return Ok(None);
    };
    let bytes = blocks.reader().len();
    let is_small = bytes <= SMALL_BYTES;
    let (parts, part) = if is_small {
        (1, bytes)
    } else {
        (SAMPLES, SAMPLE_BYTES)
    };
    let mut clock = Clock::default();
    for number in 0..parts {
        let from = layout.align(bytes / parts * number);
        let content = blocks.read(from..from + part).await?;
        for packet in layout.packets(&content).filter(|packet| packet.starts_unit) {
            // A PES packet of a video.
            let is_video = matches!(packet.payload, [0, 0, 1, 0xe0..=0xef, ..]);
            let Some((time, _)) = timestamps(packet.payload).filter(|_| is_video) else {
                continue;
            };
            if clock.runs_back(packet.pid, time.dts) {
                let second = clock.seconds();
                return Ok(Some((from + packet.offset as u64, second)));
            }
        }
    }
    Ok(None)
}

/// The clock of the first stream.
#[derive(Debug, Default)]
struct Clock {
    pid: Option<u16>,
    latest: Option<i64>,
    /// Ticks since the first picture.
    ticks: i64,
    /// Whether the last picture was earlier than those before.
    is_back: bool,
}

impl Clock {
    /// Whether this picture and the one before are earlier than those before them. One alone has a wrong time.
    fn runs_back(&mut self, pid: u16, dts: i64) -> bool {
        if *self.pid.get_or_insert(pid) != pid {
            return false;
        }
        let Some(latest) = self.latest else {
            self.latest = Some(dts);
            return false;
        };
        let step = step(latest, dts);
        if step < -MAX_BACK {
            return std::mem::replace(&mut self.is_back, true);
        }
        self.is_back = false;
        if step > 0 {
            self.latest = Some(dts);
            self.ticks = self.ticks.saturating_add(step);
        }
        false
    }

    fn seconds(&self) -> f64 {
        self.ticks as f64 / TIMESCALE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mpegts::packet::WRAP;

    fn runs_back(times: &[i64]) -> bool {
        let mut clock = Clock::default();
        times.iter().any(|time| clock.runs_back(256, *time))
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
