//! Prints how long each format takes for a film of three hours with a tile each 10 seconds.
//!
//! `cargo run --release -p gifgen-tracks --example export_time SHEET.jpg`, where the sheet has 10 × 10 tiles. Every other
//! sheet has a gap, so that no sheet can be taken as it is.

use std::{error::Error, time::Instant};

use gifgen_shared::TrackFormat;
use gifgen_tracks::{Sheet, Storyboard, TrackFile, track_files};

const TILES: u32 = 1080;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("say which sheet")?;
    let sheet = std::fs::read(path)?;
    for is_whole in [true, false] {
        let storyboard = storyboard(is_whole);
        println!("a tile in each slot: {is_whole}");
        for format in TrackFormat::ALL {
            let started = Instant::now();
            let mut reads = 0;
            let files = track_files(format, &storyboard, |_| {
                reads += 1;
                Ok::<_, std::io::Error>(sheet.clone())
            })?;
            let bytes: usize = files.iter().map(|file: &TrackFile| file.bytes.len()).sum();
            let ms = started.elapsed().as_millis();
            println!(
                "{format:?}: {ms} ms, {reads} reads, {} files, {bytes} bytes",
                files.len()
            );
        }
    }
    if let Some(peak) = std::fs::read_to_string("/proc/self/status")?
        .lines()
        .find(|line| line.starts_with("VmHWM"))
    {
        println!("{peak}");
    }
    Ok(())
}

fn storyboard(is_whole: bool) -> Storyboard {
    let sheet = |number: u32| {
        let slots = (number * 100)..(number * 100 + 100).min(TILES);
        let tiles = slots.filter(|slot| is_whole || slot % 200 != 7);
        Sheet {
            url: format!("overview/{number:04}.jpg"),
            columns: 10,
            tiles: tiles.map(|slot| f64::from(slot) * 10.0).zip(0..).collect(),
        }
    };
    Storyboard {
        width: 160,
        height: 90,
        length: 10_800.0,
        interval: 10,
        sheets: (0..11).map(sheet).collect(),
        lost: Vec::new(),
    }
}
