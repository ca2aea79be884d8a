//! The parsers of untrusted bytes, public for the fuzz targets and the tests only.

pub use crate::{
    mp4::{Keyframe, KeyframeFile, Mp4Index},
    mpegts::codec::Codec,
};

/// Parsers of Matroska.
pub mod matroska {
    pub use crate::matroska::cues::cues;
    pub use crate::matroska::ebml::{Header, elements, unsigned};
    pub use crate::matroska::head::track;
    pub use crate::matroska::ids;
    pub use crate::matroska::keyframe::last as last_keyframe;
    pub use crate::matroska::scan::{OpenCluster, cluster, scan};
}

/// Parsers of MPEG-TS.
pub mod mpegts {
    pub use crate::mpegts::keyframe::last as last_keyframe;
    pub use crate::mpegts::packet::Layout;
    pub use crate::mpegts::programs::programs;
    pub use crate::mpegts::stream::pictures;
}
