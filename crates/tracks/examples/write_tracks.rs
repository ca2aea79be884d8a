//! Writes two storyboards with all their tracks into a folder, for `scripts/track-readers`: `long` with eleven sheets,
//! `short` with one. Each stored picture shows its number in bits, so that a reader can tell which one it got, and
//! `truth.json` names the number of each tile.
//!
//! `cargo run -p gifgen-tracks --example write_tracks FOLDER`

use std::{error::Error, fs, path::Path};

use gifgen_shared::TrackFormat;
use gifgen_tracks::{Sheet, Storyboard, track_files};
use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};

const SIZE: (u32, u32) = (160, 90);
const COLUMNS: u32 = 10;
const INTERVAL: u32 = 10;

/// Bits of a number, and pixels of each one.
const BITS: u32 = 10;
const BIT_WIDTH: u32 = SIZE.0 / BITS;

/// A sheet, the number of its first picture, and how many pictures it stores.
struct Numbered {
    sheet: Sheet,
    first: u32,
    pictures: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("say into which folder")?;
    let folder = Path::new(&folder);
    write(&folder.join("long"), 10_795.5)?;
    write(&folder.join("short"), 345.25)
}

fn write(folder: &Path, length: f64) -> Result<(), Box<dyn Error>> {
    let slots = (length / f64::from(INTERVAL)).ceil() as u32;
    let mut numbered = Vec::new();
    let mut number = 0;
    for first_slot in (0..slots).step_by(100) {
        let sheet = sheet(first_slot..(first_slot + 100).min(slots), number);
        number += sheet.pictures;
        numbered.push(sheet);
    }
    for sheet in &numbered {
        let path = folder.join(&sheet.sheet.url);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        fs::write(path, picture(sheet)?)?;
    }
    let tiles: Vec<_> = numbered
        .iter()
        .flat_map(|sheet| {
            let tile = |(start, place)| serde_json::json!([start, sheet.first + place]);
            sheet.sheet.tiles.iter().copied().map(tile)
        })
        .collect();
    let truth = serde_json::json!({
        "width": SIZE.0, "height": SIZE.1, "length": length, "interval": INTERVAL, "bits": BITS, "tiles": tiles,
    });
    fs::write(folder.join("truth.json"), truth.to_string())?;
    let storyboard = Storyboard {
        width: SIZE.0,
        height: SIZE.1,
        length,
        interval: INTERVAL,
        sheets: numbered.into_iter().map(|sheet| sheet.sheet).collect(),
        lost: Vec::new(),
    };
    for format in TrackFormat::ALL {
        let files = track_files(format, &storyboard, |url| fs::read(folder.join(url)))?;
        for file in files {
            let path = folder.join(&file.name);
            fs::create_dir_all(path.parent().ok_or("no folder")?)?;
            fs::write(path, file.bytes)?;
        }
    }
    Ok(())
}

/// Keyframes come up to 9.7 s before their slots. From the fourth sheet on each ninth slot has no tile, and each
/// thirteenth tile shows the picture before.
fn sheet(slots: std::ops::Range<u32>, first: u32) -> Numbered {
    let mut tiles: Vec<(f64, u32)> = Vec::new();
    let mut pictures: u32 = 0;
    let is_whole = slots.start < 300;
    let url = format!("overview/{:04}.jpg", slots.start / 100);
    for slot in slots {
        if !is_whole && slot % 9 == 4 {
            continue;
        }
        if is_whole || slot % 13 != 5 || pictures == 0 {
            pictures += 1;
        }
        let before = f64::from(slot * 73 % 97) / 10.0;
        let start = (f64::from(slot * INTERVAL) - before).max(0.0);
        tiles.push((start, pictures - 1));
    }
    Numbered {
        sheet: Sheet {
            url,
            columns: COLUMNS,
            tiles,
        },
        first,
        pictures,
    }
}

/// The numbers in bits, white for 1, over a colour that also changes.
fn picture(sheet: &Numbered) -> Result<Vec<u8>, Box<dyn Error>> {
    let rows = sheet.pictures.div_ceil(COLUMNS);
    let pixel = |x: u32, y: u32| {
        let number = sheet.first + y / SIZE.1 * COLUMNS + x / SIZE.0;
        let (x, y) = (x % SIZE.0, y % SIZE.1);
        if y < SIZE.1 / 2 {
            let bit = number >> (x / BIT_WIDTH).min(BITS - 1) & 1;
            return Rgb([255 * bit as u8; 3]);
        }
        Rgb([37, 91, 17].map(|step| (number * step % 200) as u8 + 28))
    };
    let picture = RgbImage::from_fn(COLUMNS * SIZE.0, rows * SIZE.1, pixel);
    let mut jpg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpg, 90).encode_image(&picture)?;
    Ok(jpg)
}
