//! Files that are not what they say.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use gifgen_index::{Excerpt, IndexError, parsers::Mp4Index};
use gifgen_shared::{Colour, VideoStream, slice};
use gifgen_testkit::media;
use proptest::prelude::*;

use crate::support::{Served, shown};

/// Small files, plain and fragmented, with an edit list, and without.
const SEEDS: [&str; 4] = ["d05", "d22", "d08", "d04"];

fn video(index: u32) -> VideoStream {
    VideoStream {
        index,
        start_time: 0.0,
        width: 16,
        height: 16,
        interlaced: false,
        seek_margin: 0,
        colour: Colour::default(),
        crop: None,
        turn: None,
        hidden_keyframes: false,
    }
}

/// Makes excerpts of what may be anything. They must at least be within the file; the splitter sends none that would
/// need too many requests.
fn try_all(file: &[u8], start_time: f64) -> bool {
    let slices = slice::plan(20.0, 1);
    let mut is_some = false;
    for index in 0..2 {
        let video = VideoStream {
            start_time,
            ..video(index)
        };
        match Mp4Index::of(file, &video) {
            Ok(film) => {
                for excerpt in film.excerpts(&slices).flatten() {
                    is_some = true;
                    let length = file.len() as u64;
                    match Excerpt::decode(&excerpt.encode(), length) {
                        Ok(decoded) => assert_eq!(decoded, excerpt),
                        Err(why) => assert!(why.to_string().contains("scattered"), "{why}"),
                    }
                }
            }
            Err(IndexError::None(why)) => assert!(!why.is_empty()),
            Err(IndexError::Encrypted) => {}
            Err(IndexError::NotWhole { why, .. }) => assert!(!why.is_empty()),
            Err(error) => panic!("{error}"),
        }
    }
    is_some
}

/// Where the boxes of a description start, and everything in them.
fn described(file: &[u8]) -> Vec<usize> {
    let kinds: [&[u8]; 16] = [
        b"moov", b"trak", b"tkhd", b"elst", b"mdhd", b"hdlr", b"stsd", b"stts", b"ctts", b"stss",
        b"stsc", b"stsz", b"stco", b"trex", b"moof", b"trun",
    ];
    let places = file.windows(4).enumerate();
    let places = places.filter(|(_, kind)| kinds.contains(kind));
    places.map(|(place, _)| place - 4).collect()
}

/// When FFmpeg shows the first picture.
fn start_of(name: &str) -> f64 {
    static STARTS: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let start = |name: &&str| {
            let file = media::video(name);
            let index = media::medium(name).video_stream_index.unwrap();
            shown(file.to_str().unwrap(), index, None, None)
                .stream(index)
                .start_time
        };
        SEEDS.iter().map(start).collect()
    });
    STARTS[SEEDS.iter().position(|seed| *seed == name).unwrap()]
}

fn seed(name: &str) -> Vec<u8> {
    std::fs::read(media::video(name)).unwrap()
}

#[test]
fn seeds_have_excerpts_before_they_are_spoiled() {
    for name in SEEDS {
        let start = start_of(name);
        assert!(try_all(&seed(name), start), "{name}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_does_no_harm() {
    for name in SEEDS {
        let file = seed(name);
        let start = start_of(name);
        for place in described(&file) {
            for end in [place, place + 4, place + 8, place + 13] {
                try_all(&file[..end.min(file.len())], start);
            }
        }
    }
}

/// Each costs more memory than it has bytes.
#[tokio::test]
async fn a_file_full_of_empty_fragments_has_no_index() {
    let film = seed("d03");
    let first = film.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
    let empty = b"\0\0\0\x08moof\0\0\0\x08mdat";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.mp4");
    std::fs::write(&file, [&film[..first], &empty.repeat(900_000)].concat()).unwrap();
    let served = Served::new(&file).await;
    let read = Mp4Index::read(&served.blocks, &video(0)).await;
    let Err(IndexError::None(why)) = read else {
        panic!("{read:?}");
    };
    assert!(why.contains("too many fragments"), "{why}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_of_a_description_does_harm(
        name in prop::sample::select(&SEEDS[..]),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..48, prop::sample::select(
                &[0u8, 1, 2, 7, 8, 15, 16, 0x7F, 0x80, 0xFF][..])), 1..6),
    ) {
        let mut file = seed(name);
        let places = described(&file);
        for (place, offset, value) in changes {
            if let Some(byte) = file.get_mut(place.get(&places) + offset) {
                *byte = value;
            }
        }
        try_all(&file, start_of(name));
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        try_all(&bytes, 0.0);
        let moov = [&(bytes.len() as u32 + 8).to_be_bytes()[..], b"moov", &bytes].concat();
        try_all(&moov, 0.0);
    }
}

/// Replaces the content of the first box of this kind, from its version on.
fn replaced(name: &str, kind: &[u8; 4], at: usize, numbers: &[u32]) -> Vec<u8> {
    let mut file = seed(name);
    let place = file.windows(4).position(|bytes| bytes == kind).unwrap() + 4 + at;
    for (number, place) in numbers.iter().zip((place..).step_by(4)) {
        file[place..place + 4].copy_from_slice(&number.to_be_bytes());
    }
    file
}

#[test]
fn four_billion_samples_end_quickly() {
    let start = Instant::now();
    let spoiled = [
        replaced("d05", b"stsz", 4, &[1, u32::MAX]),
        replaced("d05", b"stsz", 4, &[0, u32::MAX]),
        replaced("d05", b"stsz", 4, &[1, 2_400_000]),
        replaced("d05", b"stts", 4, &[1, u32::MAX]),
        replaced("d05", b"stts", 4, &[u32::MAX]),
        replaced("d05", b"stsc", 4, &[1, 1, u32::MAX, 1]),
        replaced("d05", b"stco", 4, &[u32::MAX]),
        replaced("d04", b"trun", 0, &[0, u32::MAX]),
        replaced("d04", b"trun", 0, &[0x1, u32::MAX]),
    ];
    for file in spoiled {
        try_all(&file, 0.0);
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn samples_behind_the_end_have_no_excerpt() {
    let file = replaced("d05", b"stco", 8, &[u32::MAX - 10]);
    assert!(!try_all(&file, start_of("d05")));
}
