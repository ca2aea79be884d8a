//! A storyboard: tiles with times, in sheets.

/// The tiles of a film.
#[derive(Clone, Debug, PartialEq)]
pub struct Storyboard {
    /// Width of a tile in pixels.
    pub width: u32,
    /// Height of a tile in pixels.
    pub height: u32,
    /// Length of the film in seconds.
    pub length: f64,
    /// The sheets, in the order of their tiles.
    pub sheets: Vec<Sheet>,
}

/// A picture with several tiles, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its address, as the track names it.
    pub url: String,
    /// Tiles in a row.
    pub columns: u32,
    /// From when on each tile's picture is on screen, in seconds, ascending.
    pub starts: Vec<f64>,
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
    /// Its left edge in the sheet, in pixels.
    pub x: u32,
    /// Its upper edge in the sheet, in pixels.
    pub y: u32,
}

impl Storyboard {
    /// All tiles in order. Each is shown until the next one, the last until the film's end.
    pub fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let starts = self
            .sheets
            .iter()
            .flat_map(|sheet| sheet.starts.iter().copied());
        let ends = starts.skip(1).chain([self.length]);
        let places = self.sheets.iter().flat_map(|sheet| {
            let places = (0u32..).zip(&sheet.starts);
            places.map(move |(place, start)| (sheet, place, *start))
        });
        places.zip(ends).map(|((sheet, place, start), end)| Tile {
            start,
            end,
            sheet,
            x: place % sheet.columns.max(1) * self.width,
            y: place / sheet.columns.max(1) * self.height,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Five tiles in two sheets of two columns.
    pub(crate) fn storyboard() -> Storyboard {
        let sheet = |url: &str, starts: &[f64]| Sheet {
            url: url.to_owned(),
            columns: 2,
            starts: starts.to_vec(),
        };
        Storyboard {
            width: 160,
            height: 90,
            length: 12.5,
            sheets: vec![
                sheet("overview/0000.jpg", &[0.0, 2.0, 4.0004]),
                sheet("overview/0001.jpg", &[6.0, 10.0]),
            ],
        }
    }

    #[test]
    fn a_tile_is_shown_until_the_next_one_wherever_that_is() {
        let storyboard = storyboard();
        let tiles: Vec<_> = storyboard
            .tiles()
            .map(|tile| (tile.start, tile.end, tile.x, tile.y))
            .collect();
        assert_eq!(
            tiles,
            [
                (0.0, 2.0, 0, 0),
                (2.0, 4.0004, 160, 0),
                (4.0004, 6.0, 0, 90),
                (6.0, 10.0, 0, 0),
                (10.0, 12.5, 160, 0)
            ]
        );
    }
}
