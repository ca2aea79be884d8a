//! What the figures must not exceed.

/// Bounds for one kind of container.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most bytes over all slices, the splitter's included, for each byte that the slices need.
    pub bytes: Option<f64>,
    /// Whether the `moov` box comes on top, once.
    pub moov: bool,
    /// Most requests for a slice.
    pub most_requests: Option<u64>,
    /// Most requests for a slice on the average.
    pub mean_requests: Option<f64>,
    /// How many times sooner than with plain FFmpeg the first picture must be there.
    pub first_frame: f64,
}

impl Bounds {
    /// Plain MP4.
    pub const MP4: Self = Self {
        mean_requests: Some(1.2),
        ..Self::FRAGMENTS
    };

    /// Fragmented MP4 with an index.
    pub const FRAGMENTS: Self = Self {
        bytes: Some(1.06),
        moov: true,
        most_requests: Some(3),
        mean_requests: None,
        first_frame: 1.0,
    };

    /// The one in which plain FFmpeg visits each fragment.
    pub const FRAGMENTS_WITHOUT_INDEX: Self = Self {
        first_frame: 10.0,
        ..Self::FRAGMENTS
    };

    /// Matroska and MPEG-TS.
    pub const CLUSTERS: Self = Self {
        bytes: Some(1.15),
        moov: false,
        most_requests: Some(4),
        mean_requests: None,
        first_frame: 1.0,
    };

    /// What has no index of ours: no worse than plain FFmpeg, as all others.
    pub const OTHER: Self = Self {
        bytes: None,
        moov: false,
        most_requests: None,
        mean_requests: None,
        first_frame: 1.0,
    };
}

/// Most CPU seconds of a splitter on a 3-hour file.
pub const SPLITTER_CPU_SECONDS: f64 = 2.0;

/// Most memory of a splitter on a 3-hour file, in bytes.
pub const SPLITTER_MEMORY: u64 = 200_000_000;
