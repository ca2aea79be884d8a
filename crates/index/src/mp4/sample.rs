//! One sample, as the tables have it.

/// Most samples of a track: eleven hours at 60 a second. With what is made of them, they take 150 MB.
pub(super) const MAX_SAMPLES: usize = 2_500_000;

/// Longest sample that FFmpeg takes, in bytes.
pub(super) const MAX_SAMPLE_BYTES: u32 = 0x3FFF_FFFF;

/// One sample. Timestamps are in ticks of the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Where it is in the source.
    pub(super) offset: u64,
    pub(super) dts: i64,
    /// Length in bytes. An empty sample is no picture.
    pub(super) size: u32,
    /// The pts minus the dts.
    pub(super) composition_offset: i32,
    /// Whether decoding can start here.
    pub(super) is_sync: bool,
}

impl Sample {
    pub(super) fn pts(&self) -> i64 {
        self.dts.saturating_add(i64::from(self.composition_offset))
    }

    /// Where it ends in the source.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}
