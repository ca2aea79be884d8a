//! One picture as the tables have it.

/// Most samples of a track: eleven hours at 60 a second. With what is made of them, 150 MB.
pub(super) const MOST_SAMPLES: usize = 2_500_000;

/// Longest sample that FFmpeg takes, in bytes.
pub(super) const LONGEST_SAMPLE: u32 = 0x3FFF_FFFF;

/// One sample. Times are in ticks of the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Where it is in the source.
    pub(super) offset: u64,
    /// When it is decoded.
    pub(super) decoded: i64,
    /// Length in bytes. What has none is no picture.
    pub(super) size: u32,
    /// What is to be added to `decoded` to get when it is shown.
    pub(super) delay: i32,
    /// Whether decoding can start here.
    pub(super) sync: bool,
}

impl Sample {
    /// When it is shown.
    pub(super) fn shown(&self) -> i64 {
        self.decoded.saturating_add(i64::from(self.delay))
    }

    /// Where it ends in the source.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}
