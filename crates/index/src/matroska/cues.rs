//! Cues: where keyframes are.

use crate::matroska::{
    ebml::{elements, unsigned},
    ids,
    scan::count,
};

/// Where a keyframe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cue {
    /// When it is shown, in units of the file.
    pub time: i64,
    /// Where its cluster starts, in the content of the segment.
    pub cluster: u64,
    /// Where its block starts, in the content of the cluster.
    pub in_cluster: Option<u64>,
}

/// Most cues: one a second for five weeks.
const MOST: usize = 1 << 20;

/// The cues of `track` in the content of an element "Cues", by time.
pub fn cues(bytes: &[u8], track: u64) -> Vec<Cue> {
    let points = elements(bytes).filter(|(_, header, _)| header.id == ids::CUE_POINT);
    let cues = points.filter_map(|(_, _, point)| {
        let time = count(point, ids::CUE_TIME)?;
        let mut positions =
            elements(point).filter(|(_, header, _)| header.id == ids::CUE_POSITIONS);
        positions.find_map(|(_, _, position)| {
            (unsigned(position, ids::CUE_TRACK)? == track).then_some(())?;
            Some(Cue {
                time,
                cluster: unsigned(position, ids::CUE_CLUSTER)?,
                in_cluster: unsigned(position, ids::CUE_IN_CLUSTER),
            })
        })
    });
    let mut cues: Vec<_> = cues.take(MOST).collect();
    cues.sort_unstable_by_key(|cue| (cue.time, cue.cluster));
    cues.dedup_by_key(|cue| cue.time);
    cues
}
