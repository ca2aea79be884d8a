//! All of `cases.tsv`: files that show what goes wrong in practice, each with what is right for it.
//!
//! Every case runs with slices of 30 s. Every second one also runs in one of the other ways: the odd ones with
//! the system's FFmpeg, the even ones with another. `GIFGEN_CASES=all` runs each in every way. `FFMPEG` and
//! `FFPROBE` name the FFmpeg that is tested.

mod judge;
mod looks;
mod table;
mod want;

use std::{collections::BTreeSet, fs, path::PathBuf};

use futures::{StreamExt, stream};
use gifgen_testkit::media;

use self::want::Case;
use crate::rendered::{Way, render};

/// All ways in which a case is rendered.
const WAYS: [Way; 6] = [
    Way::slices_of(30),
    Way::slices_of(30).without_excerpts(),
    Way::slices_of(5),
    Way::slices_of(5).without_excerpts(),
    Way::slices_of(2),
    Way::slices_of(2).without_excerpts(),
];

/// Cases that are rendered at once.
const AT_ONCE: usize = 2;

/// The folder of the cases, beside that of the media.
pub fn folder() -> PathBuf {
    media::folder().join("../cases")
}

/// All files of the cases.
pub fn files() -> Vec<PathBuf> {
    let cases = table::all().into_iter();
    cases.map(|case| folder().join(case.file)).collect()
}

/// Whether each case runs in every way.
pub fn takes_all() -> bool {
    match std::env::var("GIFGEN_CASES").as_deref() {
        Ok("all") => true,
        Ok(other) => panic!("GIFGEN_CASES is all or nothing, not {other}"),
        Err(_) => false,
    }
}

/// Whether another FFmpeg than the system's is tested.
fn is_other_ffmpeg() -> bool {
    std::env::var_os("FFMPEG").is_some()
}

/// The ways of the case at this position of the table.
fn ways(position: usize) -> Vec<Way> {
    if takes_all() {
        return WAYS.to_vec();
    }
    let is_in_turn = position.is_multiple_of(2) == is_other_ffmpeg();
    let other = WAYS[1 + position / 2 % (WAYS.len() - 1)];
    [WAYS[0]]
        .into_iter()
        .chain(is_in_turn.then_some(other))
        .collect()
}

#[test]
fn each_line_of_the_cases_has_its_right_result_here() {
    let text = fs::read_to_string(folder().join("cases.tsv")).unwrap();
    let listed: BTreeSet<&str> = text
        .lines()
        .skip(1)
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    let cases = table::all();
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.file).collect();
    assert_eq!(listed, tested);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_has_its_right_result() {
    let cases = table::all();
    // `GIFGEN_CASE=ts` runs those whose names contain "ts".
    let part = std::env::var("GIFGEN_CASE").unwrap_or_default();
    let runs = cases.iter().enumerate().flat_map(|(position, case)| {
        let ways = ways(position).into_iter();
        ways.map(move |way| (case, way))
    });
    let runs = runs.filter(|(case, _)| case.file.contains(&part));
    let mut results = stream::iter(runs)
        .map(async |(case, way)| (case, way, case.problems(way).await))
        .buffered(AT_ONCE);
    let mut wrong = Vec::new();
    while let Some((case, way, problems)) = results.next().await {
        if let Some(first) = problems.first() {
            wrong.push(format!("{} ({way}): {first}", case.file));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

impl Case {
    /// What is wrong with the case in this way.
    async fn problems(&self, way: Way) -> Vec<String> {
        let file = folder().join(self.file);
        let rendered = render(&file, way).await;
        let mut problems = judge::problems(self, &rendered);
        if let Some(look) = self.sheets {
            let frames = "storyboard";
            let rendered = render(&file, Way { frames, ..way }).await;
            problems.extend(judge::looked_at(&rendered, look));
        }
        problems
    }
}
