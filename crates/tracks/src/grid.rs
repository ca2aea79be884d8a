//! A fixed grid of times, as some formats need it: each slot shows a tile, and may repeat that of the slot before.

use crate::storyboard::{Storyboard, Tile};

/// Tiles of a sheet, at most.
pub(crate) const TILES: u32 = Grid::COLUMNS * Grid::ROWS;

/// Slots of the same duration, in sheets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Seconds of a slot, from 1.
    pub(crate) interval: u32,
    /// Tiles in a row of a sheet.
    pub(crate) columns: u32,
    /// Rows of a sheet.
    pub(crate) rows: u32,
}

impl Grid {
    /// Tiles in a row, if a film has several sheets. Jellyfin's default.
    pub(crate) const COLUMNS: u32 = 10;
    /// Rows, if a film has several sheets. Jellyfin's default.
    pub(crate) const ROWS: u32 = 10;

    /// Whole sheets.
    pub(crate) fn whole(interval: u32) -> Self {
        Self {
            interval,
            columns: Self::COLUMNS,
            rows: Self::ROWS,
        }
    }

    /// Whole sheets, or if one is enough, one that is no larger than its tiles need. Sheets are never of different
    /// shapes: Shaka takes the first one's for all.
    pub(crate) fn fitting(interval: u32, length: f64) -> Self {
        let whole = Self::whole(interval);
        let slots = whole.slots(length);
        if slots > whole.tiles_per_sheet() {
            return whole;
        }
        Self {
            columns: slots.min(Self::COLUMNS),
            rows: slots.div_ceil(Self::COLUMNS),
            ..whole
        }
    }

    /// Number of slots of a film of `length` seconds.
    pub(crate) fn slots(&self, length: f64) -> u32 {
        (length / f64::from(self.interval)).ceil().max(1.0) as u32
    }

    /// Tiles of a whole sheet.
    pub(crate) fn tiles_per_sheet(&self) -> u32 {
        self.columns * self.rows
    }

    /// Seconds of a whole sheet.
    pub(crate) fn sheet_seconds(&self) -> f64 {
        f64::from(self.interval) * f64::from(self.tiles_per_sheet())
    }

    /// Seconds that each sheet of a film of `length` seconds lasts. The last one ends with the film.
    pub(crate) fn durations(&self, length: f64) -> impl Iterator<Item = f64> {
        let (seconds, sheets) = (
            self.sheet_seconds(),
            self.slots(length).div_ceil(self.tiles_per_sheet()),
        );
        let left = move |sheet| length - f64::from(sheet) * seconds;
        (0..sheets).map(move |sheet| seconds.min(left(sheet)).max(0.001))
    }

    /// What each slot shows: the latest tile at or before its start, or the first one.
    pub(crate) fn shown<'a>(&self, storyboard: &'a Storyboard) -> Vec<Tile<'a>> {
        let mut tiles = storyboard.tiles().peekable();
        let mut shown = tiles.peek().copied();
        let slots = 0..self.slots(storyboard.length);
        let at = |slot| {
            let start = f64::from(slot) * f64::from(self.interval);
            while let Some(tile) = tiles.next_if(|tile| tile.start <= start) {
                shown = Some(tile);
            }
            shown
        };
        slots.filter_map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storyboard::{Sheet, tests::storyboard};

    #[test]
    fn a_slot_shows_the_latest_tile_at_or_before_its_start() {
        let (storyboard, grid) = (storyboard(), Grid::whole(2));
        let shown = grid.shown(&storyboard);
        let starts: Vec<f64> = shown.iter().map(|tile| tile.start).collect();
        assert_eq!(starts, [0.0, 2.0, 2.0, 6.0, 6.0, 10.0, 10.0]);
        assert_eq!(grid.slots(0.04), 1);
    }

    #[test]
    fn a_film_with_one_sheet_has_no_larger_one_than_it_needs() {
        let shape = |length| {
            let grid = Grid::fitting(10, length);
            (grid.columns, grid.rows)
        };
        assert_eq!(shape(0.04), (1, 1));
        assert_eq!(shape(35.0), (4, 1));
        assert_eq!(shape(125.5), (10, 2));
        assert_eq!(shape(1000.0), (10, 10));
        assert_eq!(shape(1000.1), (10, 10));
    }

    proptest! {
        #[test]
        fn every_slot_shows_one_tile_and_none_of_later(
            starts in prop::collection::btree_set(0u32..5_000, 1..120),
            length in 1u32..5_000, interval in 1u32..60, per_sheet in 1usize..50,
        ) {
            let starts: Vec<(f64, u32)> =
                starts.iter().zip(0..).map(|(tenth, place)| (f64::from(*tenth) / 10.0, place)).collect();
            let sheet = |tiles: &[(f64, u32)]| Sheet { url: "a.jpg".to_owned(), columns: 10, tiles: tiles.to_vec() };
            let storyboard = Storyboard {
                width: 16, height: 9, length: f64::from(length) / 10.0, interval,
                sheets: starts.chunks(per_sheet).map(sheet).collect(), lost: Vec::new(),
            };
            let grid = Grid::fitting(interval, storyboard.length);
            let shown = grid.shown(&storyboard);
            prop_assert_eq!(shown.len(), grid.slots(storyboard.length) as usize);
            prop_assert!(shown.is_sorted_by(|tile, next| tile.start <= next.start));
            for (slot, tile) in shown.iter().enumerate() {
                let at = slot as f64 * f64::from(interval);
                let latest = starts.iter().rfind(|(start, _)| *start <= at).or(starts.first());
                prop_assert_eq!(latest.map(|(start, _)| *start), Some(tile.start));
            }
            let durations: f64 = grid.durations(storyboard.length).sum();
            prop_assert!((durations - storyboard.length).abs() < 0.002);
            let sheets = grid.durations(storyboard.length).count();
            prop_assert!(sheets == 1 || (grid.columns, grid.rows) == (10, 10));
            prop_assert!(shown.len() <= sheets * grid.tiles_per_sheet() as usize);
        }
    }
}
