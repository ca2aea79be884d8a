//! All that is measured of one file, and its row in the table.

use std::path::Path;

use anyhow::Result;
use gifgen_testkit::bed::TestBed;

use super::{
    bed::{Lane, Planned, each},
    bounds::{SPLITTER_CPU_SECONDS, SPLITTER_MEMORY},
    first_frame::{self, FirstFrame},
    ideal::Packets,
    media::{Medium, moov_bytes},
    ours, plain,
    reads::{Log, Reads, bytes, requests},
    splitting::{Split, split},
};
use crate::table::Column;

/// How many slices are rendered at once.
const LANES: usize = 2;

/// What was measured of a file.
#[derive(Debug)]
pub struct Measured {
    medium: Medium,
    /// How many of its slices there are for each that was read.
    share: f64,
    moov: u64,
    ideal: u64,
    split: Split,
    plain: Vec<Reads>,
    ours: Vec<Reads>,
    first_frame: FirstFrame,
}

impl Measured {
    /// Measures `medium`, which lies at `path`: `most` of its slices, spread evenly, or all. A list
    /// of all reads is written to `log`.
    ///
    /// # Errors
    /// If something fails to read or to render.
    pub async fn of(medium: Medium, path: &Path, most: Option<usize>, log: &Path) -> Result<Self> {
        let bed = TestBed::start().await;
        let say = |what| eprintln!("{}: {what}", medium.name);
        let object = bed.adopt(medium.key(), path).await;
        say("splitting");
        let split = split(&bed, medium.key(), &object.etag).await?;
        let slices = spread(&split.slices, most);
        let video = slices[0].video;
        say("what is needed");
        let packets = Packets::of(path, video.index)?;
        let needed = |planned: &Planned| packets.needed(&planned.slice, video.start_time);
        let middle = &slices[slices.len() / 2];
        say("first picture");
        let first_frame = first_frame::measure(&bed, medium.key(), middle).await?;
        let mut lanes = Vec::new();
        for _ in 0..LANES {
            lanes.push(Lane::start(&bed, &[]).await);
        }
        say("plain FFmpeg");
        let plain = each(&lanes, &slices, async |lane, planned| {
            plain::copy(&lane.url(medium.key()).await?, &planned.slice).await
        });
        let plain = plain.await?;
        say("ours");
        let ours = each(&lanes, &slices, ours::render).await?;
        let measured = Self {
            medium,
            share: split.slices.len() as f64 / slices.len() as f64,
            moov: moov_bytes(path)?,
            ideal: slices.iter().map(needed).sum(),
            split,
            plain,
            ours,
            first_frame,
        };
        measured.log(&slices).write(log)?;
        Ok(measured)
    }

    fn log(&self, slices: &[Planned]) -> Log {
        let mut log = Log::default();
        log.add("splitter", 0, &self.split.reads);
        let places = slices.iter().map(|planned| planned.slice.start);
        for ((start, plain), ours) in places.zip(&self.plain).zip(&self.ours) {
            log.add("plain", start, plain);
            log.add("ours", start, ours);
        }
        log
    }

    fn slices(&self) -> f64 {
        self.ours.len() as f64
    }

    /// Bytes of all slices and, as far as they were read, of the splitter's share.
    fn our_bytes(&self) -> f64 {
        bytes(&self.ours) as f64 + self.split.reads.bytes() as f64 / self.share
    }

    /// Most bytes that are allowed, if there is a bound.
    fn allowed_bytes(&self) -> Option<f64> {
        let bounds = self.medium.bounds;
        let moov = if bounds.moov { self.moov } else { 0 };
        let allowed = |factor| factor * self.ideal as f64 + moov as f64 / self.share;
        bounds.bytes.map(allowed)
    }

    /// The bounds that are broken, in words.
    pub fn broken(&self) -> Vec<String> {
        let (bounds, mut broken) = (self.medium.bounds, Vec::new());
        let mut check = |holds: bool, what: &str| {
            if !holds {
                broken.push(what.to_owned());
            }
        };
        let mean = requests(&self.ours) as f64 / self.slices();
        let most = most_requests(&self.ours);
        let allowed = self.allowed_bytes();
        check(
            allowed.is_none_or(|allowed| self.our_bytes() <= allowed),
            "bytes",
        );
        check(
            bounds.most_requests.is_none_or(|bound| most <= bound),
            "requests",
        );
        check(
            bounds.mean_requests.is_none_or(|bound| mean <= bound),
            "mean requests",
        );
        check(
            bytes(&self.ours) <= bytes(&self.plain),
            "more bytes than plain",
        );
        check(
            requests(&self.ours) <= requests(&self.plain),
            "more requests than plain",
        );
        let FirstFrame { plain, ours } = self.first_frame;
        check(ours * bounds.first_frame <= plain, "first picture");
        if self.medium.is_long() {
            let cpu = self.split.cpu.as_secs_f64();
            check(cpu <= SPLITTER_CPU_SECONDS, "splitter's CPU time");
            let memory = self.split.memory.unwrap_or_default();
            check(memory <= SPLITTER_MEMORY, "splitter's memory");
        }
        broken
    }
}

/// `most` of `slices`, spread evenly, or all.
fn spread(slices: &[Planned], most: Option<usize>) -> Vec<Planned> {
    let count = most.unwrap_or(slices.len()).clamp(1, slices.len());
    let place = |n| n * slices.len() / count;
    (0..count).map(|n| slices[place(n)].clone()).collect()
}

/// The columns. `README.md` says what they mean.
pub const COLUMNS: &[Column<Measured>] = &[
    ("source", |row, _| row.medium.name.into()),
    ("slices", |row, _| row.ours.len().to_string()),
    ("needed MB", |row, _| {
        megabytes(row.ideal as f64 / row.slices())
    }),
    ("FFmpeg: requests", |row, _| per_slice(&row.plain)),
    ("MB", |row, _| {
        megabytes(bytes(&row.plain) as f64 / row.slices())
    }),
    ("÷ needed", |row, _| {
        format!("{:.3}", bytes(&row.plain) as f64 / row.ideal as f64)
    }),
    ("splitter: requests", |row, _| {
        row.split.reads.requests().to_string()
    }),
    ("MB", |row, _| megabytes(row.split.reads.bytes() as f64)),
    ("worker: requests", |row, _| per_slice(&row.ours)),
    ("MB", |row, _| {
        megabytes(bytes(&row.ours) as f64 / row.slices())
    }),
    ("both ÷ needed", |row, _| {
        format!("{:.3}", row.our_bytes() / row.ideal as f64)
    }),
    ("allowed", |row, _| match row.allowed_bytes() {
        Some(allowed) => format!("{:.3}", allowed / row.ideal as f64),
        None => "–".into(),
    }),
    ("first picture, FFmpeg s", |row, _| {
        format!("{:.2}", row.first_frame.plain)
    }),
    ("ours s", |row, _| format!("{:.2}", row.first_frame.ours)),
    ("splitter CPU s", |row, _| {
        format!("{:.2}", row.split.cpu.as_secs_f64())
    }),
    ("peak MB", |row, _| match row.split.memory {
        Some(memory) => format!("{:.0}", memory as f64 / 1e6),
        None => "–".into(),
    }),
    ("verdict", |row, _| match row.broken() {
        broken if broken.is_empty() => "holds".into(),
        broken => format!("**broken: {}**", broken.join(", ")),
    }),
];

fn per_slice(reads: &[Reads]) -> String {
    let mean = requests(reads) as f64 / reads.len() as f64;
    format!("{mean:.2} (≤ {})", most_requests(reads))
}

fn most_requests(reads: &[Reads]) -> u64 {
    reads.iter().map(Reads::requests).max().unwrap_or_default()
}

fn megabytes(bytes: f64) -> String {
    format!("{:.2}", bytes / 1e6)
}
