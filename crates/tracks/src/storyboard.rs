//! A storyboard: tiles with times, in sheets.

use std::iter;

/// The tiles of a film.
#[derive(Clone, Debug, PartialEq)]
pub struct Storyboard {
    /// Width of a tile in pixels.
    pub width: u32,
    /// Height of a tile in pixels.
    pub height: u32,
    /// Length of the film in seconds.
    pub length: f64,
    /// Seconds between two tiles, from 1. There may be fewer tiles. Formats with a fixed grid take it over.
    pub interval: u32,
    /// The sheets, in the order of their tiles.
    pub sheets: Vec<Sheet>,
    /// Times from which on no tile is there until the next one, in seconds, in order: there the film is damaged.
    pub lost: Vec<u32>,
}

/// A picture with several tiles, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its address, relative to the video's folder.
    pub url: String,
    /// Tiles in a row.
    pub columns: u32,
    /// Its tiles in the order of their times: from when on each one's picture is on screen, in seconds, and its place
    /// in the sheet, from zero. A sheet stores identical neighbours once, so several tiles may name one place.
    pub tiles: Vec<(f64, u32)>,
}

/// A tile, and how long it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tile<'a> {
    /// From when on, in seconds.
    pub start: f64,
    /// Until when, in seconds.
    pub end: f64,
    /// The sheet that has it.
    pub sheet: &'a Sheet,
    /// Its place in the sheet, from zero, row by row.
    pub place: u32,
}

impl Sheet {
    /// Rows that hold tiles.
    pub fn rows(&self) -> u32 {
        let last = self.tiles.iter().map(|(_, place)| *place).max();
        last.map_or(0, |last| last / self.columns.max(1) + 1)
    }
}

impl Tile<'_> {
    /// Its left and upper edge in the sheet in pixels, if a tile has `width` × `height` pixels.
    pub fn corner(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let columns = self.sheet.columns.max(1);
        let (x, y) = (self.place % columns, self.place / columns);
        (x * width, y * height)
    }
}

impl Storyboard {
    /// Width and height of a tile in pixels.
    pub fn tile_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// All tiles in order. Each is shown until the next one, the last until the film's end. Where a tile is lost, the one
    /// before ends.
    pub fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let places = self
            .sheets
            .iter()
            .flat_map(|sheet| iter::repeat(sheet).zip(&sheet.tiles));
        let starts = places.clone().map(|(_, (start, _))| *start);
        let ends = starts.skip(1).chain([self.length]);
        places
            .zip(ends)
            .map(move |((sheet, (start, place)), next)| {
                let lost = self.lost.partition_point(|lost| f64::from(*lost) <= *start);
                let lost = self.lost.get(lost).copied().map_or(next, f64::from);
                Tile {
                    start: *start,
                    end: next.min(lost),
                    sheet,
                    place: *place,
                }
            })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Five tiles in two sheets of two columns. The second sheet stores its two tiles once.
    pub(crate) fn storyboard() -> Storyboard {
        let sheet = |url: &str, tiles: &[(f64, u32)]| Sheet {
            url: url.to_owned(),
            columns: 2,
            tiles: tiles.to_vec(),
        };
        Storyboard {
            width: 160,
            height: 90,
            length: 12.5,
            interval: 2,
            sheets: vec![
                sheet("overview/0000.jpg", &[(0.0, 0), (2.0, 1), (4.0004, 2)]),
                sheet("overview/0001.jpg", &[(6.0, 0), (10.0, 0)]),
            ],
            lost: Vec::new(),
        }
    }

    #[test]
    fn a_tile_is_shown_until_the_next_one_wherever_that_is() {
        let storyboard = storyboard();
        let corner = |tile: Tile<'_>| (tile.start, tile.end, tile.corner((160, 90)));
        let tiles: Vec<_> = storyboard.tiles().map(corner).collect();
        assert_eq!(
            tiles,
            [
                (0.0, 2.0, (0, 0)),
                (2.0, 4.0004, (160, 0)),
                (4.0004, 6.0, (0, 90)),
                (6.0, 10.0, (0, 0)),
                (10.0, 12.5, (0, 0))
            ]
        );
    }

    #[test]
    fn where_a_tile_is_lost_none_is_shown_until_the_next_one() {
        let mut storyboard = storyboard();
        storyboard.lost = vec![8, 12];
        let spans: Vec<_> = storyboard
            .tiles()
            .map(|tile| (tile.start, tile.end))
            .collect();
        assert_eq!(spans[2..], [(4.0004, 6.0), (6.0, 8.0), (10.0, 12.0)]);
        // A tile that is there is shown, whatever else is said of its time.
        storyboard.lost = vec![0, 6];
        let spans: Vec<_> = storyboard
            .tiles()
            .map(|tile| (tile.start, tile.end))
            .collect();
        assert_eq!((spans[0], spans[3]), ((0.0, 2.0), (6.0, 10.0)));
    }

    #[test]
    fn a_sheet_has_as_many_rows_as_its_places_need() {
        let rows: Vec<u32> = storyboard().sheets.iter().map(Sheet::rows).collect();
        assert_eq!(rows, [2, 1]);
    }
}
