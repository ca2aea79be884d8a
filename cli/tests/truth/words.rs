//! The sentences about all cases and media, as `gifgen run` says them. The test prints them, one a line, so
//! that people can read them (`-- --nocapture sentence`).

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use gifgen_testkit::media;

use crate::cases;

/// What no sentence for people has: addresses of memory and of loopback, buckets in a local run, FFmpeg's
/// and ffprobe's own words, JSON.
const MARKS: [&str; 15] = [
    " 0x",
    "s3://",
    "http://",
    "127.0.0.1",
    "X-Amz",
    "Invalid data found",
    "Error while",
    "Could not find",
    "codec none",
    "stream #0",
    "EOF while",
    " @ ",
    "{",
    "}",
    "\n",
];

/// More commas than these make a list, such as that of all decoders.
const MOST_COMMAS: usize = 4;

/// Longer ones are no sentences.
const LONGEST: usize = 300;

/// What is wrong with a sentence.
fn mark(sentence: &str) -> Option<String> {
    let mark = MARKS.iter().find(|mark| sentence.contains(**mark));
    let mark = mark.map(|mark| format!("{mark:?}"));
    let commas = sentence.matches(',').count();
    let is_list = (commas > MOST_COMMAS).then(|| format!("a list with {commas} commas"));
    let is_long = (sentence.len() > LONGEST).then(|| format!("{} bytes", sentence.len()));
    mark.or(is_list).or(is_long)
}

/// All files of cases and media, in groups in which each name is there once.
fn groups() -> Vec<Vec<PathBuf>> {
    let mut groups: Vec<BTreeMap<String, PathBuf>> = vec![BTreeMap::new(); 2];
    let files = cases::files().into_iter();
    let media = media::manifest()
        .into_iter()
        .map(|m| media::folder().join(m.file));
    for file in files.chain(media) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let group = groups.iter_mut().find(|group| !group.contains_key(&name));
        group.expect("a group without the name").insert(name, file);
    }
    groups
        .into_iter()
        .map(|group| group.into_values().collect())
        .collect()
}

#[test]
fn each_sentence_about_a_file_is_one_for_people() {
    let mut wrong = Vec::new();
    let mut sentences = 0;
    for files in groups() {
        let out = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_gifgen"))
            .args([
                "run",
                "--json",
                "--frames",
                "none",
                "--gif-width",
                "16",
                "--gif-fps",
                "1",
                "-o",
            ])
            .arg(out.path())
            .args(files)
            .output()
            .unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for video in summary["videos"].as_array().unwrap() {
            let file = video["key"].as_str().unwrap();
            let failed = video["failed"]
                .as_array()
                .unwrap()
                .iter()
                .map(|slice| &slice["message"]);
            let said = video["error"].as_str().into_iter();
            let said: Vec<&str> = said
                .chain(failed.filter_map(|said| said.as_str()))
                .collect();
            sentences += said.len();
            let mut marks = Vec::new();
            for sentence in said {
                println!("sentence: {file}: {sentence}");
                marks.extend(mark(sentence).map(|mark| format!("{file}: {mark} in {sentence:?}")));
            }
            wrong.extend(marks);
        }
    }
    assert!(sentences > 10, "{sentences}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_raw_line_is_told_from_a_sentence() {
    let raw = "[mov,mp4 @ 0x55d] error reading header";
    assert!(mark(raw).is_some());
    assert!(mark("unsupportedCodec: the codec VVC is not supported").is_none());
    assert!(mark("it is none of h264, hevc, av1, vp9, vp8, mpeg4").is_some());
}
