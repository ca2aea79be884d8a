//! All test media, against a full decode by plain FFmpeg: each still and each picture of a GIF is the
//! picture that is on screen then.
//!
//! Longer films take minutes to decode, so they are tested with `GIFGEN_CASES=all` only.

use futures::{StreamExt, stream};
use gifgen_testkit::media::{self, Expect, Medium};

use crate::{
    cases,
    decoded::decode,
    likeness::{Likenesses, SIDE},
    rendered::{Rendered, Way, render},
};

/// Longest film of a run of CI, in seconds.
const LONGEST: f64 = 6.0;

/// Media whose previews differ from a plain decode, and how. The test fails if one does not.
const OTHERWISE: &[&str] = &[
    // Plain FFmpeg shows the colour of what is transparent.
    "d40_animated.gif",
];

async fn problem(medium: &Medium) -> Option<String> {
    let file = media::folder().join(&medium.file);
    let previews = match render(&file, Way::slices_of(5)).await {
        Rendered::Run(previews) => previews,
        other => return Some(other.sentences().join("; ")),
    };
    let stream = format!("0:{}", medium.video_stream_index.unwrap());
    let decoded = decode(&file, &stream, (SIDE, SIDE));
    let length = medium.video_span_s.unwrap();
    let faults = Likenesses::of(&decoded, length, 0.0..0.0).judge(&previews);
    faults.first().map(ToString::to_string)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previews_of_all_media_show_what_a_full_decode_shows() {
    let takes_all = cases::takes_all();
    let is_wanted = |medium: &Medium| {
        let span = medium.video_span_s.unwrap_or_default();
        medium.expect == Expect::Gif && (takes_all || span <= LONGEST)
    };
    let media = media::manifest().into_iter().filter(is_wanted);
    let problems: Vec<(String, Option<String>)> = stream::iter(media)
        .map(async |medium| (medium.file.clone(), problem(&medium).await))
        .buffered(2)
        .collect()
        .await;
    assert!(!problems.is_empty());
    let surprises = problems.into_iter().filter_map(|(file, problem)| {
        match (problem, OTHERWISE.contains(&file.as_str())) {
            (Some(problem), false) => Some(format!("{file}: {problem}")),
            (None, true) => Some(format!("{file} is as decoded now: take it from the list")),
            _ => None,
        }
    });
    let surprises: Vec<String> = surprises.collect();
    assert!(surprises.is_empty(), "\n{}", surprises.join("\n"));
}
