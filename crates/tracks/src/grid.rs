//! A fixed grid of times, as some formats need it: each slot shows a tile, and may repeat that of the slot before.

use crate::storyboard::{Storyboard, Tile};

/// Slots of the same duration, in sheets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Seconds of a slot.
    pub interval: f64,
    /// Tiles in a row of a sheet.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
}

impl Grid {
    /// Number of slots of a film of `length` seconds.
    pub fn slots(&self, length: f64) -> u32 {
        (length / self.interval).ceil().max(1.0) as u32
    }

    /// Number of sheets of a film of `length` seconds.
    pub fn sheets(&self, length: f64) -> u32 {
        self.slots(length).div_ceil(self.tiles_per_sheet())
    }

    /// Tiles of a whole sheet.
    pub fn tiles_per_sheet(&self) -> u32 {
        (self.columns * self.rows).max(1)
    }

    /// What each slot shows: the latest tile at or before its start, or the first one.
    pub fn shown<'a>(&self, storyboard: &'a Storyboard) -> Vec<Tile<'a>> {
        let tiles: Vec<Tile<'_>> = storyboard.tiles().collect();
        let slots = 0..self.slots(storyboard.length);
        let shown = slots.filter_map(|slot| {
            let start = f64::from(slot) * self.interval;
            let after = tiles.partition_point(|tile| tile.start <= start);
            tiles.get(after.saturating_sub(1)).copied()
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyboard::tests::storyboard;

    const GRID: Grid = Grid {
        interval: 2.0,
        columns: 2,
        rows: 2,
    };

    #[test]
    fn a_slot_shows_the_latest_tile_at_or_before_its_start() {
        let storyboard = storyboard();
        let starts: Vec<f64> = GRID
            .shown(&storyboard)
            .iter()
            .map(|tile| tile.start)
            .collect();
        assert_eq!(starts, [0.0, 2.0, 2.0, 6.0, 6.0, 10.0, 10.0]);
        assert_eq!((GRID.slots(12.5), GRID.sheets(12.5)), (7, 2));
        assert_eq!(GRID.slots(0.04), 1);
    }
}
