//! Names and metadata with terminal control sequences.

use std::{fs, path::Path, process::Command};

use crate::{
    bounded::{ffmpeg, run},
    mp4::{content, small, with},
};

/// Sets the title, clears the screen and requests an answer, with 7-bit and 8-bit controls.
const WORDS: &str = "\x1b]0;mine\x07\x1b[2J\x1b[6n\u{9b}2J\r\x08\u{7f}";

fn assert_harmless(said: &str) {
    let bad = said.chars().find(|c| c.is_control() && *c != '\n');
    assert!(bad.is_none(), "{bad:?} in {said:?}");
}

/// Everything that the program prints.
fn said(video: &Path, out: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gifgen"))
        .args(["run", "-o"])
        .args([out, video])
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn metadata_never_reaches_the_terminal_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let tagged = folder.path().join("tagged.mkv");
    ffmpeg(
        "-f lavfi -i testsrc2=size=64x48:rate=10:duration=3 -c:v mpeg4",
        &folder.path().join("plain.mkv"),
    );
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(folder.path().join("plain.mkv"))
        .args(["-c", "copy"])
        .args(["-metadata", &format!("title={WORDS}")])
        .args(["-metadata:s:v", &format!("handler_name={WORDS}")])
        .args(["-metadata:s:v", &format!("title={WORDS}")])
        .arg(&tagged)
        .status()
        .unwrap();
    assert!(status.success());
    // Intact, and cut in half so that FFmpeg complains.
    let bytes = fs::read(&tagged).unwrap();
    for cut in [bytes.len(), bytes.len() / 2] {
        fs::write(&tagged, &bytes[..cut]).unwrap();
        let outcome = run(std::slice::from_ref(&tagged), folder.path());
        outcome.assert_ends(&["done", "unreadable: "]);
        assert_harmless(&said(&tagged, &folder.path().join("out")));
    }
}

#[test]
fn a_codec_and_a_brand_of_escapes_never_reach_the_terminal_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let small = small(folder.path());
    // Has the original length, so that the samples do not move.
    let mut brands = b"isom\0\0\0\0".to_vec();
    brands.extend(b"\x1b[2J".repeat(100));
    brands.truncate(content(&small, &[b"ftyp"]).len());
    let mut odd = with(&small, &[b"ftyp"], &brands);
    let codec = odd.windows(4).rposition(|four| four == b"mp4v").unwrap();
    odd[codec..codec + 4].copy_from_slice(b"\x1b[2J");
    let video = folder.path().join("odd.mp4");
    fs::write(&video, odd).unwrap();
    let outcome = run(std::slice::from_ref(&video), folder.path());
    outcome.assert_ends(&["done", "unreadable: ", "unsupportedCodec: "]);
    assert_harmless(&said(&video, &folder.path().join("out")));
}

#[test]
fn a_file_name_of_escapes_is_printed_harmlessly() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join(format!("{WORDS}.mp4"));
    fs::write(&video, "no video").unwrap();
    let outcome = run(std::slice::from_ref(&video), folder.path());
    outcome.assert_ends(&["done", "unreadable: "]);
    assert_harmless(&said(&video, &folder.path().join("out")));
    assert_harmless(&said(
        &folder.path().join(format!("{WORDS}-missing.mp4")),
        &folder.path().join("out"),
    ));
}
