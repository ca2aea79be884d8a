//! Files with too many streams.

use std::fs;

use crate::{
    bounded::run,
    mp4::{content, small, with},
};

#[test]
fn a_file_of_ten_thousand_streams_is_rejected_as_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let small = small(folder.path());
    let moov = content(&small, &[b"moov"]).to_vec();
    let trak = crate::mp4::find(&small, &[b"moov", b"trak"]);
    let track = &small[trak];
    let many = [moov, track.repeat(9_999)].concat();
    let video = folder.path().join("streams.mp4");
    fs::write(&video, with(&small, &[b"moov"], &many)).unwrap();
    run(&[video], folder.path()).assert_ends(&["tooLarge: "]);
}
