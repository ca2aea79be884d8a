//! The elements of Matroska files: heads, cues, clusters, and blocks looked for from anywhere.
#![no_main]

use gifgen_index::matroska::{cues::cues, head, keyframe, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((track, bytes)) = bytes.split_first() else {
        return;
    };
    let track = u64::from(*track);
    for inside in [None, Some(scan::Inside { time: 5000 })] {
        let seen = scan::scan(bytes, inside, track);
        assert!(seen.iter().all(|seen| seen.at < bytes.len()));
    }
    if let Some((at, _)) = keyframe::last(bytes, track, 1000) {
        assert!(at < bytes.len());
    }
    cues(bytes, track);
    scan::cluster(bytes);
    for stream in 0..3 {
        head::track(bytes, stream);
    }
});
