//! The storyboard JSON of Mux: one picture with the places of its tiles.
//! <https://www.mux.com/docs/guides/create-timeline-hover-previews>

use serde::Serialize;

use crate::{
    grid::TILES,
    storyboard::{Storyboard, Tile},
    webvtt::milliseconds,
};

#[derive(Serialize)]
struct Board<'a> {
    url: &'a str,
    tile_width: u32,
    tile_height: u32,
    duration: f64,
    tiles: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    start: f64,
    x: u32,
    y: u32,
}

/// The JSON of a picture at `url`. Each tile comes with its left and upper edge in that picture.
pub(crate) fn json<'a>(
    storyboard: &Storyboard,
    url: &str,
    tiles: impl Iterator<Item = (Tile<'a>, (u32, u32))>,
) -> String {
    let place = |(tile, (x, y)): (Tile<'_>, (u32, u32))| Place {
        start: milliseconds(tile.start) as f64 / 1e3,
        x,
        y,
    };
    let mut places: Vec<Place> = tiles.map(place).collect();
    // Two tiles in one millisecond: the later one is shown, as in WebVTT.
    places.reverse();
    places.dedup_by(|earlier, later| earlier.start == later.start);
    places.reverse();
    let board = Board {
        url,
        tile_width: storyboard.width,
        tile_height: storyboard.height,
        duration: storyboard.length,
        tiles: places,
    };
    // Numbers, and text: nothing in it cannot be written.
    serde_json::to_string(&board).unwrap_or_default()
}

/// At most 100 tiles, picked evenly. The first is among them.
pub(crate) fn picked<'a>(tiles: &[Tile<'a>]) -> Vec<Tile<'a>> {
    let all = tiles.len();
    let count = all.min(TILES as usize);
    let picks = (0..count).filter_map(|nth| tiles.get(nth * all / count));
    picks.copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storyboard::{Sheet, tests::storyboard};

    #[test]
    fn a_tile_has_a_start_and_a_place() {
        let mut storyboard = storyboard();
        storyboard.sheets.pop();
        let tiles = storyboard
            .tiles()
            .map(|tile| (tile, tile.corner((160, 90))));
        let text = json(&storyboard, "../../overview/0000.jpg", tiles);
        assert_eq!(
            text,
            r#"{"url":"../../overview/0000.jpg","tile_width":160,"tile_height":90,"duration":12.5,"tiles":[{"start":0.0,"x":0,"y":0},{"start":2.0,"x":160,"y":0},{"start":4.001,"x":0,"y":90}]}"#
        );
    }

    proptest! {
        #[test]
        fn tiles_are_picked_evenly_and_none_twice(count in 1usize..1_500) {
            let tiles = (0..count as u32).map(|second| (f64::from(second), 0)).collect();
            let sheet = Sheet { url: "a.jpg".to_owned(), columns: 1, tiles };
            let storyboard = Storyboard { width: 1, height: 1, length: 1e4, interval: 1, sheets: vec![sheet], lost: Vec::new() };
            let tiles: Vec<Tile<'_>> = storyboard.tiles().collect();
            let picked: Vec<usize> = picked(&tiles).iter().map(|tile| tile.start as usize).collect();
            prop_assert_eq!(picked.len(), count.min(100));
            prop_assert_eq!(picked[0], 0);
            let steps: Vec<usize> = picked.windows(2).map(|two| two[1] - two[0]).collect();
            let even = count / picked.len();
            prop_assert!(steps.iter().all(|step| (even..=even + 1).contains(step)));
            prop_assert!(count - picked[picked.len() - 1] <= even + 1);
        }
    }
}
