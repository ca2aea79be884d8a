//! Cues: where keyframes are.

use crate::matroska::{
    ebml::{elements, unsigned},
    ids,
};

/// Where a keyframe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cue {
    /// The keyframe's pts, in ticks of the file.
    pub pts: i64,
    /// Where its cluster starts, in the content of the segment.
    pub cluster_offset: u64,
    /// Where its block starts, in the content of the cluster.
    pub block_offset: Option<u64>,
}

/// Most cues: one a second for twelve days.
const MAX_CUES: usize = 1 << 20;

/// The cues of `track` in the content of the element `Cues`, ordered by pts.
pub fn cues(bytes: &[u8], track: u64) -> Vec<Cue> {
    let points = elements(bytes).filter(|(_, header, _)| header.id == ids::CUE_POINT);
    let cues = points.filter_map(|(_, _, point)| {
        let pts = unsigned(point, ids::CUE_TIME)?;
        let pts = i64::try_from(pts).ok()?;
        let mut positions =
            elements(point).filter(|(_, header, _)| header.id == ids::CUE_POSITIONS);
        positions.find_map(|(_, _, position)| {
            (unsigned(position, ids::CUE_TRACK)? == track).then_some(())?;
            Some(Cue {
                pts,
                cluster_offset: unsigned(position, ids::CUE_CLUSTER)?,
                block_offset: unsigned(position, ids::CUE_IN_CLUSTER),
            })
        })
    });
    let mut cues: Vec<_> = cues.take(MAX_CUES).collect();
    cues.sort_unstable_by_key(|cue| (cue.pts, cue.cluster_offset));
    cues.dedup_by_key(|cue| cue.pts);
    cues
}
