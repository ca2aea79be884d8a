//! The last keyframe in a part of a Matroska file.

use crate::matroska::{ids, scan::scan};

/// The offset in `bytes` of the last keyframe of `track` with the pts `latest_pts` or an earlier one, and what must
/// stand before it. Blocks of a cluster that starts before `bytes` are not seen.
pub fn last(bytes: &[u8], track: u64, latest_pts: i64) -> Option<(usize, Vec<u8>)> {
    let blocks = scan(bytes, None, track).into_iter();
    let keyframe = blocks
        .rev()
        .find(|block| block.is_keyframe && block.pts <= latest_pts)?;
    Some(match keyframe.starts_cluster {
        Some(cluster) => (cluster, Vec::new()),
        None => (keyframe.offset, cluster_header(keyframe.cluster_timestamp)),
    })
}

/// The start of a cluster of unknown size: it ends where the next one starts.
pub(super) fn cluster_header(timestamp: i64) -> Vec<u8> {
    const UNKNOWN: [u8; 1] = [0xff];
    const EIGHT_BYTES: [u8; 1] = [0x88];
    [
        &ids::CLUSTER.to_be_bytes()[..],
        &UNKNOWN,
        &[ids::TIMESTAMP as u8],
        &EIGHT_BYTES,
        &timestamp.to_be_bytes(),
    ]
    .concat()
}
