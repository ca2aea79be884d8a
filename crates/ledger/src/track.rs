//! The WebVTT track over the slices' sheets or stills, and the storyboard of the overview.

use gifgen_shared::JobId;
use gifgen_tracks::{Sheet, Storyboard, Tile, webvtt};

use crate::{
    outcome::{SheetOutputs, SliceOutputs},
    receipt::{Receipt, Receipts},
    run::Run,
};

/// Content type of a WebVTT track.
pub const TRACK_TYPE: &str = "text/vtt";

/// Builds the track over the slices in `receipts`: one cue for each second that has a picture. A cue ends at the next
/// second or the end of its slice. `None` if there are no pictures. URLs are relative to the track. Cues over whole
/// stills name their whole area, because plugins of players show nothing without.
pub(crate) fn track(receipts: &Receipts) -> Option<String> {
    let size = receipts
        .values()
        .find_map(|receipt| size(receipt.outcome.slice()?))?;
    let sheets = receipts.values().flat_map(|receipt| {
        let outputs = receipt.outcome.slice();
        let sheets = outputs.map(|outputs| sheets(outputs, receipt));
        sheets
            .into_iter()
            .flatten()
            .map(|sheet| (sheet, receipt.end))
    });
    let sheets: Vec<(Sheet, f64)> = sheets.collect();
    let tiles = sheets.iter().flat_map(|(sheet, end)| {
        sheet.tiles.iter().map(move |(start, place)| Tile {
            start: *start,
            end: (start + 1.0).min(*end),
            sheet,
            place: *place,
        })
    });
    Some(webvtt(size, tiles))
}

/// The storyboard of the overview, with addresses relative to the folder of the video. `None` if not all its sheets are
/// good, or it has no tile.
pub(crate) fn overview(run: &Run, receipts: &Receipts) -> Option<Storyboard> {
    let sheets = receipts.iter().filter_map(|(job, receipt)| match job {
        JobId::Overview(index) => Some((*index, receipt.outcome.sheet()?)),
        JobId::Slice(_) => None,
    });
    let sheets: Vec<(u32, &SheetOutputs)> = sheets.collect();
    if sheets.len() != run.sheets as usize {
        return None;
    }
    storyboard(run.source.length, run.interval(), sheets.into_iter())
}

/// The storyboard of `sheets`, each with its index, in order.
pub(crate) fn storyboard<'a>(
    length: f64,
    interval: u32,
    sheets: impl Iterator<Item = (u32, &'a SheetOutputs)>,
) -> Option<Storyboard> {
    let (mut size, mut lost) = (None, Vec::new());
    let sheets = sheets.filter_map(|(index, outputs)| {
        lost.extend(outputs.lost.iter().map(|tile| tile.at));
        let image = outputs.sheet.as_ref()?;
        size.get_or_insert((image.tile_width, image.tile_height));
        let tiles = outputs.tiles.iter().map(|tile| (tile.at, tile.place));
        Some(Sheet {
            url: format!("overview/{index:04}.jpg"),
            columns: image.columns,
            tiles: tiles.collect(),
        })
    });
    let sheets: Vec<Sheet> = sheets.collect();
    let (width, height) = size?;
    Some(Storyboard {
        width,
        height,
        length,
        interval,
        sheets,
        lost,
    })
}

/// The sheet of a slice, or its stills as sheets of one tile.
fn sheets(outputs: &SliceOutputs, receipt: &Receipt) -> Vec<Sheet> {
    let start = receipt.start;
    if let Some(sheet) = &outputs.storyboard {
        let count = (receipt.end - f64::from(start)).ceil().max(0.0) as u32;
        return vec![Sheet {
            url: format!("storyboards/{start:06}.jpg"),
            columns: sheet.columns,
            tiles: (0..count)
                .map(|tile| (f64::from(start + tile), tile))
                .collect(),
        }];
    }
    let frames = outputs.frames.iter();
    let seconds = frames.flat_map(|frames| frames.first..frames.first + frames.count);
    let still = |second: u32| Sheet {
        url: format!("frames/{second:06}.jpg"),
        columns: 1,
        tiles: vec![(f64::from(second), 0)],
    };
    seconds.map(still).collect()
}

/// Width and height of the tiles of a slice, in pixels.
fn size(outputs: &SliceOutputs) -> Option<(u32, u32)> {
    match (&outputs.storyboard, &outputs.frames) {
        (Some(sheet), _) => Some((sheet.tile_width, sheet.tile_height)),
        (None, Some(frames)) => Some((frames.width?, frames.height?)),
        (None, None) => None,
    }
}
