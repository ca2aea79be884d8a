//! The last keyframe in a part of a Matroska file.

use crate::matroska::{ids, scan::scan};

/// Where in `bytes` the last keyframe of `track` starts that is shown at `until` or before, and what
/// must stand before it. What belongs to a cluster that starts before `bytes` is not seen.
pub fn last(bytes: &[u8], track: u64, until: i64) -> Option<(usize, Vec<u8>)> {
    let blocks = scan(bytes, None, track).into_iter();
    let key = blocks
        .rev()
        .find(|block| block.key && block.time <= until)?;
    Some(match key.first_of {
        Some(cluster) => (cluster, Vec::new()),
        None => (key.at, cluster_at(key.cluster)),
    })
}

/// The start of a cluster that ends where the next one starts.
pub fn cluster_at(time: i64) -> Vec<u8> {
    const UNKNOWN: [u8; 1] = [0xff];
    const EIGHT_BYTES: [u8; 1] = [0x88];
    [
        &ids::CLUSTER.to_be_bytes()[..],
        &UNKNOWN,
        &[ids::TIMESTAMP as u8],
        &EIGHT_BYTES,
        &time.to_be_bytes(),
    ]
    .concat()
}
