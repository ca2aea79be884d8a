//! A tile of a sheet, as it was fed.

use gifgen_shared::overview::{Sheet, Tile};
use serde::{Deserialize, Serialize};

/// A tile of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SheetTile {
    /// The multiple of the interval for which it is there, in seconds.
    pub slot: u32,
    /// From when on its picture is on screen, in seconds of the film.
    pub at: f64,
    /// The pts of its picture in what FFmpeg reads, in seconds. `None` asks for the exact picture at `at`, which is the
    /// slot then.
    pub pts: Option<f64>,
}

/// Times of keyframes are rounded to so many parts of a second: the start of a film is known with six decimals, and a
/// keyframe at second 10 must not be at 10.000001.
const PARTS: f64 = 1e5;

impl SheetTile {
    /// The exact picture at `slot`.
    pub(crate) fn exact(slot: u32) -> Self {
        Self {
            slot,
            at: f64::from(slot),
            pts: None,
        }
    }
}

/// The time of a keyframe at `seconds`, without the rounding error of the start.
pub(crate) fn rounded(seconds: f64) -> f64 {
    (seconds * PARTS).round() / PARTS
}

/// Those of a film's `tiles` that are in `sheet`.
pub(crate) fn of_sheet<'a, K>(tiles: &'a [Tile<K>], sheet: &Sheet) -> &'a [Tile<K>] {
    let from = tiles.partition_point(|tile| tile.slot < sheet.start);
    let tiles = tiles.get(from..).unwrap_or_default();
    // The first multiple is in the sheet even of an empty film.
    let is_within = |tile: &Tile<K>| tile.slot == sheet.start || f64::from(tile.slot) < sheet.end;
    let to = tiles.partition_point(is_within);
    tiles.get(..to).unwrap_or_default()
}
