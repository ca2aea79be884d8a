//! Files that somebody has tampered with: parsers must say what they see, and nothing else.

use std::{fs, sync::LazyLock};

use gifgen_index::parsers::{Codec, matroska, mpegts};
use gifgen_testkit::media;
use proptest::prelude::*;

/// The starts of real files.
static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let names = ["d09", "d13", "d18", "d15", "d42"];
    let starts = names.iter().map(|name| {
        let mut bytes = fs::read(media::video(name)).unwrap();
        bytes.truncate(24 * 1024);
        bytes
    });
    starts.collect()
});

/// A real file with some bytes changed, cut anywhere.
fn tampered() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changes = prop::collection::vec(change, 0..40);
    (0..5_usize, changes, 0..24 * 1024_usize, 0..64_usize).prop_map(
        |(file, changes, end, start)| {
            let mut bytes = FILES[file].clone();
            for (place, byte) in changes {
                // Half of them in the headers.
                let most = if byte & 1 == 0 { bytes.len() } else { 1024 };
                let place = place.index(most);
                bytes[place] = byte;
            }
            bytes.truncate(end);
            bytes.drain(..start.min(bytes.len()));
            bytes
        },
    )
}

/// Each of these seems to start a group of blocks that holds all that follows.
#[test]
fn a_file_that_seems_to_be_full_of_groups_is_not_looked_through_for_each_of_them() {
    let group = [0xec, 0x85, 0xa0, 0x10, 0xff, 0xff, 0xff];
    let bytes = group.repeat(150_000);
    let open = matroska::OpenCluster {
        timestamp: 0,
        end: None,
    };
    assert!(matroska::scan(&bytes, Some(open), 1).is_empty());
    assert!(matroska::last_keyframe(&bytes, 1, i64::MAX).is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_of_matroska_panic(bytes in tampered(), track in 1_u64..4, end in 0_usize..4096) {
        let open = |end| matroska::OpenCluster { timestamp: 5000, end };
        for open in [None, Some(open(None)), Some(open(Some(end)))] {
            let found = matroska::scan(&bytes, open, track);
            prop_assert!(found.iter().all(|block| block.offset < bytes.len()));
        }
        if let Some((at, _)) = matroska::last_keyframe(&bytes, track, 1000) {
            prop_assert!(at < bytes.len());
        }
        for at in 0..bytes.len().min(1024) {
            matroska::cues(&bytes[at..], track);
            matroska::track(&bytes[at..], 0);
            matroska::cluster(&bytes[at..]);
            matroska::Header::read(&bytes[at..]);
        }
    }

    #[test]
    fn no_bytes_make_a_parser_of_transport_streams_panic(bytes in tampered(), size in 0_u64..300) {
        let found = mpegts::Layout::of(&bytes);
        for layout in found.into_iter().chain([mpegts::Layout { size, first: 3 }]) {
            let programs = mpegts::programs(layout, &bytes).unwrap_or_default();
            let pids = programs.streams.iter().map(|(pid, _)| *pid);
            for pid in pids.chain([0x100, 0x1011]) {
                mpegts::pictures(&bytes, u64::MAX / 2, layout, pid);
                for codec in [Codec::Mpeg2, Codec::Mpeg4, Codec::H264, Codec::Hevc] {
                    let at = mpegts::last_keyframe(&bytes, layout, pid, codec, i64::MAX);
                    prop_assert!(at.is_none_or(|at| at < bytes.len()));
                }
            }
        }
    }
}
