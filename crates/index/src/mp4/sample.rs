//! One sample, as the tables have it.

/// Most samples of a track: two days at 60 a second. Packed, they take 70 MB.
pub(super) const MAX_SAMPLES: usize = 10_400_000;

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

    /// Whether it is a picture with which decoding can start.
    pub(super) fn is_keyframe(&self) -> bool {
        self.is_sync && self.size > 0
    }

    /// Where it ends in the source.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}
