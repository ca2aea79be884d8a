//! The packets of transport streams: tables, times, and keyframes looked for backwards.
#![no_main]

use gifgen_index::mpegts::{
    codec::Codec, keyframe, packet::Layout, programs::programs, stream::pictures,
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
            let at = keyframe::last(bytes, layout, pid, codec, i64::MAX);
            assert!(at.is_none_or(|at| at < bytes.len()));
        }
    }
});
