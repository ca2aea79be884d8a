//! The elements of Matroska files: heads, cues, clusters, and blocks looked for from anywhere.
#![no_main]

use gifgen_index::parsers::matroska::{OpenCluster, cluster, cues, last_keyframe, scan, track};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((number, bytes)) = bytes.split_first() else {
        return;
    };
    let number = u64::from(*number);
    let open = |end| OpenCluster {
        timestamp: 5000,
        end,
    };
    for open in [None, Some(open(None)), Some(open(Some(bytes.len() / 2)))] {
        let found = scan(bytes, open, number);
        assert!(found.iter().all(|block| block.offset < bytes.len()));
    }
    if let Some((at, _)) = last_keyframe(bytes, number, 1000) {
        assert!(at < bytes.len());
    }
    cues(bytes, number);
    cluster(bytes);
    for stream in 0..3 {
        track(bytes, stream);
    }
});
