//! The packets of transport streams: tables, times, and keyframes looked for backwards.
#![no_main]

use gifgen_index::parsers::{
    Codec,
    mpegts::{Layout, last_keyframe, pictures, programs},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(layout) = Layout::of(bytes) else {
        return;
    };
    let found = programs(layout, bytes).unwrap_or_default();
    for (pid, kind) in found.streams {
        pictures(bytes, u64::MAX / 2, layout, pid);
        if let Some(codec) = Codec::of(kind) {
            let at = last_keyframe(bytes, layout, pid, codec, i64::MAX);
            assert!(at.is_none_or(|at| at < bytes.len()));
        }
    }
});
