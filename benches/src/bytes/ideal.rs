//! The bytes that a slice needs: its pictures, from the keyframe at or before its start.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use gifgen_shared::Slice;

use crate::run::finish;

/// Timestamps that differ by less than this, in seconds, are equal: Matroska and FLV round to
/// milliseconds.
const ROUNDING: f64 = 0.001;

/// The packets of a video stream, in file order.
#[derive(Clone, Debug)]
pub struct Packets(Vec<Packet>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Packet {
    time: f64,
    bytes: u64,
    is_key: bool,
}

impl Packets {
    /// The packets of the stream `index` of a file.
    ///
    /// # Errors
    /// ffprobe fails, or finds none.
    pub fn of(path: &Path, index: u32) -> Result<Self> {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-select_streams", &index.to_string()]);
        let entries = "packet=pts_time,dts_time,size,flags";
        command.args(["-show_entries", entries, "-of", "compact=p=0"]);
        let said = finish(command.arg(path))?.stdout;
        let said = String::from_utf8_lossy(&said);
        let packets: Option<Vec<_>> = said
            .lines()
            .filter(|line| !line.is_empty())
            .map(Packet::read)
            .collect();
        let packets = packets.with_context(|| format!("a packet of {} is odd", path.display()))?;
        ensure!(!packets.is_empty(), "{} has no packets", path.display());
        Ok(Self(packets))
    }

    /// Bytes that `slice` needs, in a file whose first picture has the pts `zero`.
    pub fn needed(&self, slice: &Slice, zero: f64) -> u64 {
        let (start, end) = (zero + f64::from(slice.start), zero + slice.end);
        let first = self
            .0
            .iter()
            .rposition(|packet| packet.is_key && packet.time <= start + ROUNDING);
        let last = self.0.iter().rposition(|packet| packet.time < end);
        let needed = first.unwrap_or(0)..last.map_or(0, |last| last + 1);
        let packets = self.0.get(needed).unwrap_or_default();
        packets.iter().map(|packet| packet.bytes).sum()
    }
}

impl Packet {
    fn read(line: &str) -> Option<Self> {
        let value = |name| {
            line.split('|')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name| value(name)?.parse::<f64>().ok();
        Some(Self {
            // AVI has only dts.
            time: number("pts_time").or(number("dts_time"))?,
            bytes: value("size")?.parse().ok()?,
            is_key: value("flags")?.starts_with('K'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets() -> Packets {
        let lines = "pts_time=1.0|dts_time=0.9|size=100|flags=K_\n\
                     pts_time=3.0|dts_time=1.9|size=10|flags=__\n\
                     pts_time=2.0|dts_time=2.0|size=10|flags=__\n\
                     pts_time=4.0|dts_time=3.9|size=100|flags=K_\n\
                     pts_time=N/A|dts_time=5.0|size=10|flags=__";
        Packets(lines.lines().filter_map(Packet::read).collect())
    }

    fn slice(start: u32, end: f64) -> Slice {
        Slice {
            index: 0,
            start,
            end,
        }
    }

    #[test]
    fn what_is_stored_between_is_needed_whenever_it_is_shown() {
        assert_eq!(packets().needed(&slice(0, 1.5), 1.0), 120);
        assert_eq!(packets().needed(&slice(0, 1.0), 1.0), 100);
    }

    #[test]
    fn a_slice_starts_at_the_keyframe_before() {
        assert_eq!(packets().needed(&slice(2, 3.0), 1.0), 120);
        assert_eq!(packets().needed(&slice(3, 9.0), 1.0), 110);
    }
}
