//! The boxes of MP4 and QuickTime files, and what is cut out by them.
#![no_main]

use gifgen_index::{Excerpt, parsers::Mp4Index};
use gifgen_shared::{Colour, VideoStream, slice::plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let video = VideoStream {
        index: 0,
        start_time: 0.0,
        width: 64,
        height: 64,
        interlaced: false,
        seek_margin: 0,
        colour: Colour::default(),
        crop: None,
        turn: None,
        hidden_keyframes: false,
    };
    let Ok(film) = Mp4Index::of(file, &video) else {
        return;
    };
    assert!(film.length().is_none_or(|seconds| seconds > 0.0));
    for excerpt in film.excerpts(&plan(6.0, 2)).flatten() {
        // It is one that the worker takes, or would need so many requests that the splitter does not send it.
        match Excerpt::decode(&excerpt.encode(), file.len() as u64) {
            Ok(decoded) => assert_eq!(decoded, excerpt),
            Err(why) => assert!(why.to_string().contains("scattered"), "{why}"),
        }
    }
});
