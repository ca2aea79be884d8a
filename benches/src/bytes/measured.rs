//! All measurements of a file, and its row in the table.

use std::path::Path;

use anyhow::Result;
use gifgen_testkit::test_env::TestEnv;

use super::{
    bounds::{Figures, SPLITTER_CPU_SECONDS, SPLITTER_MEMORY},
    first_frame,
    ideal::Packets,
    measured_worker::{MeasuredWorker, Planned, each},
    media::{Medium, moov_bytes},
    ours, plain,
    reads::{Log, Reads, Total},
    splitting::{Split, split},
};
use crate::table::Column;

/// Number of slices that are rendered at once.
const CONCURRENCY: usize = 2;

/// The measurements of a file.
#[derive(Debug)]
pub struct Measured {
    medium: Medium,
    figures: Figures,
    split: Split,
}

impl Measured {
    /// Measures `medium`, whose file is `path`: `most` of its slices, evenly spread, or all. Writes
    /// a list of all reads to `log`.
    ///
    /// # Errors
    /// A read or a rendering fails.
    pub async fn of(medium: Medium, path: &Path, most: Option<usize>, log: &Path) -> Result<Self> {
        let env = TestEnv::start().await;
        let say = |what| eprintln!("{}: {what}", medium.name);
        let object = env.adopt(medium.key(), path).await;
        say("splitting");
        let split = split(&env, medium.key(), &object.etag).await?;
        let slices = spread(&split.slices, most);
        let video = slices[0].video;
        say("what is needed");
        let packets = Packets::of(path, video.index)?;
        let needed = |planned: &Planned| packets.needed(&planned.slice, video.start_time);
        let middle = &slices[slices.len() / 2];
        say("first picture");
        let first_frame = first_frame::measure(&env, medium.key(), middle).await?;
        let mut workers = Vec::new();
        for _ in 0..CONCURRENCY {
            workers.push(MeasuredWorker::start(&env, &[]).await);
        }
        say("plain FFmpeg");
        let plain = each(&workers, &slices, async |worker, planned| {
            plain::copy(&worker.url(medium.key()).await?, &planned.slice).await
        });
        let plain = plain.await?;
        say("ours");
        let ours = each(&workers, &slices, ours::render).await?;
        write_log(log, &split, &slices, &plain, &ours)?;
        let figures = Figures {
            slices: slices.len() as u64,
            share: split.slices.len() as f64 / slices.len() as f64,
            needed: slices.iter().map(needed).sum(),
            moov: moov_bytes(path)?,
            plain: Total::of(&plain),
            splitter: Total::of(std::slice::from_ref(&split.reads)),
            workers: Total::of(&ours),
            plain_first: first_frame.plain,
            our_first: first_frame.ours,
        };
        Ok(Self {
            medium,
            figures,
            split,
        })
    }

    /// Descriptions of the exceeded bounds.
    pub fn broken(&self) -> Vec<&'static str> {
        let mut broken = self.medium.bounds.broken(&self.figures);
        if self.medium.is_long() {
            if self.split.cpu.as_secs_f64() > SPLITTER_CPU_SECONDS {
                broken.push("splitter's CPU time");
            }
            if self.split.memory.unwrap_or_default() > SPLITTER_MEMORY {
                broken.push("splitter's memory");
            }
        }
        broken
    }
}

fn write_log(
    path: &Path,
    split: &Split,
    slices: &[Planned],
    plain: &[Reads],
    ours: &[Reads],
) -> Result<()> {
    let mut log = Log::default();
    log.add("splitter", 0, &split.reads);
    for ((planned, plain), ours) in slices.iter().zip(plain).zip(ours) {
        log.add("plain", planned.slice.start, plain);
        log.add("ours", planned.slice.start, ours);
    }
    log.write(path)
}

/// `most` of `slices`, evenly spread, or all.
fn spread(slices: &[Planned], most: Option<usize>) -> Vec<Planned> {
    let count = most.unwrap_or(slices.len()).clamp(1, slices.len());
    let place = |n| n * slices.len() / count;
    (0..count).map(|n| slices[place(n)].clone()).collect()
}

/// The columns. `README.md` explains them.
pub const COLUMNS: &[Column<Measured>] = &[
    ("source", |row, _| row.medium.name.into()),
    ("slices", |row, _| row.figures.slices.to_string()),
    ("needed MB", |row, _| {
        megabytes(row.figures.needed as f64 / row.figures.slices as f64)
    }),
    ("FFmpeg: requests", |row, _| {
        requests(row.figures.plain, row)
    }),
    ("MB", |row, _| bytes(row.figures.plain, row)),
    ("÷ needed", |row, _| {
        to_needed(Some(row.figures.plain.bytes as f64), row)
    }),
    ("splitter: requests", |row, _| {
        row.figures.splitter.requests.to_string()
    }),
    ("MB", |row, _| megabytes(row.figures.splitter.bytes as f64)),
    ("worker: requests", |row, _| {
        requests(row.figures.workers, row)
    }),
    ("MB", |row, _| bytes(row.figures.workers, row)),
    ("both ÷ needed", |row, _| {
        to_needed(Some(row.figures.our_bytes()), row)
    }),
    ("allowed", |row, _| {
        to_needed(row.medium.bounds.allowed_bytes(&row.figures), row)
    }),
    ("first picture: FFmpeg s", |row, _| {
        format!("{:.2}", row.figures.plain_first)
    }),
    ("ours s", |row, _| format!("{:.2}", row.figures.our_first)),
    ("splitter: CPU s", |row, _| {
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

/// Average and maximum per slice.
fn requests(total: Total, row: &Measured) -> String {
    let mean = total.requests as f64 / row.figures.slices as f64;
    format!("{mean:.2}, ≤ {}", total.most)
}

/// Average per slice, in megabytes.
fn bytes(total: Total, row: &Measured) -> String {
    megabytes(total.bytes as f64 / row.figures.slices as f64)
}

fn to_needed(bytes: Option<f64>, row: &Measured) -> String {
    let ratio = |bytes| format!("{:.3}", bytes / row.figures.needed as f64);
    bytes.map_or_else(|| "–".into(), ratio)
}

fn megabytes(bytes: f64) -> String {
    format!("{:.2}", bytes / 1e6)
}
