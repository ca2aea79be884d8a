//! A generator of trouble: numbered films in every container with every codec that FFmpeg can make here,
//! with every fault that can happen to them. By the numbers an oracle knows which picture each output
//! must show.
//!
//! | variable | effect |
//! | --- | --- |
//! | `GIFGEN_TROUBLE=3000` | so many files, instead of a hundred |
//! | `GIFGEN_TROUBLE_FIRST=9000` | the seed of the first file, instead of 0 |
//! | `GIFGEN_TROUBLE_SEED=17` | only the file with this seed |
//! | `GIFGEN_TROUBLE_ONLY="ts h264 Lost"` | only combinations whose names contain this text |
//! | `GIFGEN_TROUBLE_REPORT=FILE` | writes the report, a table in Markdown |
//! | `GIFGEN_TROUBLE_KEEP=FOLDER` | keeps the files that fail |

mod changes;
mod faults;
mod flv;
mod kinds;
mod losses;
mod maker;
mod matroska;
mod mp4;
mod oracle;
mod packets;
mod report;
mod riff;
mod rm;
mod ts;

use fastrand::Rng;
use futures::{StreamExt, stream};

use self::{
    faults::Fault,
    kinds::{KINDS, Kind, Studio},
    oracle::Verdict,
    report::Report,
};
use crate::rendered::{Way, render};

/// Files of a run of CI.
const FILES: u64 = 100;

/// Files that are rendered at once.
const AT_ONCE: usize = 2;

/// Files that were once called good with wrong pictures, or lost good ones: container, codec, fault and seed.
const ONCE_WRONG: [(&str, &str, Fault, u64); 18] = [
    ("mp4", "av1", Fault::FalseKeys, 11),
    ("ts", "hevc", Fault::WildTime, 2301),
    ("flv", "flashsv", Fault::Random, 200_003),
    ("avi", "rawvideo", Fault::Zeroed, 100_106),
    ("ts", "hevc", Fault::Zeroed, 5),
    ("wtv", "mpeg2video", Fault::Random, 91),
    ("avi", "cinepak", Fault::Random, 99),
    ("mkv", "hevc", Fault::Zeroed, 10424),
    ("mp4", "vp9", Fault::Random, 11039),
    ("mkv", "av1", Fault::Random, 12416),
    ("ts", "mpeg4", Fault::Zeroed, 12469),
    ("asf", "msmpeg4v3", Fault::Random, 22646),
    ("mkv", "av1", Fault::Random, 22649),
    ("flv", "h264", Fault::Lost, 31620),
    ("mov", "jpeg2000", Fault::Random, 31724),
    ("rm", "rv10", Fault::Random, 60662),
    ("flv", "h264", Fault::Lost, 71587),
    ("wtv", "mpeg2video", Fault::Zeroed, 90245),
];

/// All combinations, in an order that mixes them.
fn combinations() -> Vec<(Kind, Fault)> {
    let all = KINDS.iter().flat_map(|kind| {
        let faults = Fault::ALL
            .into_iter()
            .filter(|fault| fault.happens_to(*kind));
        faults.map(|fault| (*kind, fault))
    });
    let mut all: Vec<(Kind, Fault)> = all.collect();
    Rng::with_seed(14).shuffle(&mut all);
    let part = std::env::var("GIFGEN_TROUBLE_ONLY").unwrap_or_default();
    all.retain(|(kind, fault)| {
        let name = format!("{} {} {fault:?}", kind.container, kind.codec);
        name.contains(&part)
    });
    assert!(!all.is_empty(), "no combination is named {part:?}");
    all
}

/// How the file with this seed is rendered: each has one length of slices.
fn way(fault: Fault, seed: u64) -> Way {
    let mut random = Rng::with_seed(!seed);
    let lengths = match fault {
        // A clock that is believed makes many slices.
        Fault::Forward | Fault::Back => &[30][..],
        _ => &[3, 4, 30],
    };
    let way = Way::slices_of(lengths[random.usize(..lengths.len())]);
    if random.bool() {
        way
    } else {
        way.without_excerpts()
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {value}")),
    )
}

/// Makes and renders the file of this kind with this fault and this seed.
async fn outcome(studio: &Studio, (kind, fault): (Kind, Fault), seed: u64) -> (Verdict, String) {
    let trouble = maker::make(studio, kind, fault, seed);
    let file = studio.file(kind, seed);
    std::fs::write(&file, &trouble.bytes).unwrap();
    let way = way(fault, seed);
    let verdict = trouble.right.verdict(&render(&file, way).await);
    if let (true, Some(folder)) = (
        verdict != Verdict::Good,
        std::env::var_os("GIFGEN_TROUBLE_KEEP"),
    ) {
        let name = file.file_name().unwrap();
        std::fs::copy(&file, std::path::Path::new(&folder).join(name)).unwrap();
    }
    std::fs::remove_file(file).unwrap();
    let (container, codec, what) = (kind.container, kind.codec, trouble.what);
    (
        verdict,
        format!("GIFGEN_TROUBLE_SEED={seed} {container} {codec} {fault:?} ({what}; {way})"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_makes_no_lies_and_no_false_alarms() {
    let studio = &Studio::new();
    let combinations = &combinations();
    let seeds = match variable("GIFGEN_TROUBLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = variable("GIFGEN_TROUBLE_FIRST").unwrap_or(0);
            first..first + variable("GIFGEN_TROUBLE").unwrap_or(FILES)
        }
    };
    let mut outcomes = stream::iter(seeds)
        .map(async |seed| {
            let combination = combinations[seed as usize % combinations.len()];
            (combination, outcome(studio, combination, seed).await)
        })
        .buffered(AT_ONCE);
    let (mut report, mut unexpected) = (Report::default(), Vec::new());
    while let Some(((kind, fault), (verdict, what))) = outcomes.next().await {
        report.add(kind, fault, &verdict);
        if verdict == Verdict::Good {
            continue;
        }
        eprintln!("{what}: {verdict:?}");
        unexpected.push(format!("{what}: {verdict:?}"));
    }
    if let Some(file) = std::env::var_os("GIFGEN_TROUBLE_REPORT") {
        std::fs::write(file, format!("{report}\n")).unwrap();
    }
    assert!(unexpected.is_empty(), "\n{}", unexpected.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_once_wrong_is_right() {
    let studio = &Studio::new();
    for (container, codec, fault, seed) in ONCE_WRONG {
        let mut kinds = KINDS.iter();
        let kind = kinds.find(|kind| (kind.container, kind.codec) == (container, codec));
        let (verdict, what) = outcome(studio, (*kind.unwrap(), fault), seed).await;
        assert_eq!(verdict, Verdict::Good, "{what}");
    }
}
