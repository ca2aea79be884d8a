//! The GIF encoder alone: nanoseconds per pixel and stage, on one thread. Prints a table.

use std::{env, io::Write, num::NonZero, time::Duration};

use anyhow::{Result, ensure};
use gifgen_benches::{
    clip::Clip,
    raw_pictures::{FPS, RawPictures},
    rounds::{median, rounds},
    table::{Column, Table},
};
use gifgen_encoder::{Dither, Encoder, Gif, Stages};

/// A round of all three kinds of dithering takes a second.
const ROUNDS: NonZero<u32> = NonZero::new(9).unwrap();

const DITHERS: [(&str, Dither); 3] = [
    ("none", Dither::None),
    ("ordered", Dither::Ordered),
    ("diffusion", Dither::Diffusion),
];

/// The runs with one kind of dithering.
struct Row {
    dither: &'static str,
    pixels: usize,
    bytes: usize,
    runs: Vec<Stages>,
}

const COLUMNS: &[Column<Row>] = &[
    ("dither", |row, _| row.dither.into()),
    ("stabilize", |row, _| {
        row.nanoseconds(|stages| stages.stabilize)
    }),
    ("palette", |row, _| row.nanoseconds(|stages| stages.palette)),
    ("choose", |row, _| row.nanoseconds(|stages| stages.choose)),
    ("compress", |row, _| {
        row.nanoseconds(|stages| stages.compress)
    }),
    ("all", |row, _| row.nanoseconds(Stages::total)),
    ("MB", |row, _| format!("{:.2}", row.bytes as f64 / 1e6)),
];

impl Row {
    fn nanoseconds(&self, stage: fn(&Stages) -> Duration) -> String {
        let runs = self.runs.iter().map(|run| stage(run).as_nanos() as f64);
        format!("{:.1}", median(runs.collect()) / self.pixels as f64)
    }
}

fn main() -> Result<()> {
    // Criterion's flags for a quick test or a list of names; this benchmark ignores them.
    if env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(());
    }
    let rounds = rounds(ROUNDS)?;
    let clip = Clip::chosen()?;
    let pictures = RawPictures::of(&clip)?;
    let mut rows = DITHERS.map(|(name, _)| Row {
        dither: name,
        pixels: pictures.pixels(),
        bytes: 0,
        runs: vec![],
    });
    for _ in 0..rounds.get() {
        for (row, (_, dither)) in rows.iter_mut().zip(DITHERS) {
            let (bytes, stages) = encode(&pictures, dither)?;
            row.bytes = bytes;
            row.runs.push(stages);
        }
    }
    write!(
        std::io::stdout(),
        "\n{}: {} pictures of {} x {}; nanoseconds a pixel, medians of {rounds} rounds\n\n{}",
        clip.path.display(),
        pictures.count(),
        pictures.width,
        pictures.height,
        Table {
            columns: COLUMNS,
            rows: &rows
        }
    )?;
    Ok(())
}

fn encode(pictures: &RawPictures, dither: Dither) -> Result<(usize, Stages)> {
    let gif = Gif {
        width: pictures.width,
        height: pictures.height,
        fps: FPS,
        dither,
    };
    let mut encoder = Encoder::new(Vec::new(), gif);
    for picture in pictures.each() {
        encoder.push(picture)?;
    }
    let encoded = encoder.finish()?;
    ensure!(
        encoded.pictures as usize == pictures.count(),
        "pictures are missing"
    );
    Ok((encoded.output.len(), encoded.stages))
}
