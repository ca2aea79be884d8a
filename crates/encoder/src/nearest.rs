//! Nearest-entry search. A grid of cells lists the few palette entries that can be near a colour.

/// Bits per channel that select a cell.
const CELL_BITS: u32 = 4;

/// Side of a cell, in levels.
const SIDE: f32 = (1 << (8 - CELL_BITS)) as f32;

#[derive(Debug)]
pub(crate) struct Nearest {
    entries: Vec<[f32; 3]>,
    margin: f32,
    cells: Vec<Vec<u8>>,
}

impl Nearest {
    /// Finds the nearest of `entries` (at most 256), and those up to `margin` levels farther.
    pub(crate) fn new(entries: Vec<[f32; 3]>, margin: f32) -> Self {
        let cells = vec![Vec::new(); 1 << (3 * CELL_BITS)];
        Self {
            entries,
            margin,
            cells,
        }
    }

    /// The index of the entry nearest to `colour`, and its square distance.
    #[inline]
    pub(crate) fn of(&mut self, colour: [f32; 3]) -> (u8, f32) {
        let cell = self.cell(colour);
        let mut nearest = (0, f32::MAX);
        for index in &self.cells[cell] {
            let distance = square_distance(self.entries[usize::from(*index)], colour);
            if distance < nearest.1 {
                nearest = (*index, distance);
            }
        }
        nearest
    }

    /// All entries within the margin of `colour`, and some others, with their indices.
    #[inline]
    pub(crate) fn around(&mut self, colour: [f32; 3]) -> impl Iterator<Item = (u8, [f32; 3])> {
        let cell = self.cell(colour);
        self.cells[cell]
            .iter()
            .map(|index| (*index, self.entry(*index)))
    }

    #[inline]
    pub(crate) fn entry(&self, index: u8) -> [f32; 3] {
        self.entries[usize::from(index)]
    }

    /// The cell of `colour`; computes its list when first needed.
    #[inline]
    fn cell(&mut self, colour: [f32; 3]) -> usize {
        let [r, g, b] = colour.map(|level| (level as usize) >> (8 - CELL_BITS));
        let cell = r << (2 * CELL_BITS) | g << CELL_BITS | b;
        if self.cells[cell].is_empty() {
            self.cells[cell] = self.list([r, g, b].map(|index| index as f32 * SIDE));
        }
        cell
    }

    /// The entries that are nearest to some colour in the cell starting at `low`, or within the
    /// margin of that.
    fn list(&self, low: [f32; 3]) -> Vec<u8> {
        // For every colour in the cell, the nearest entry is at most as far as this smallest
        // distance to an entry's far corner.
        let mut farthest = f32::MAX;
        let closest: Vec<f32> = self
            .entries
            .iter()
            .map(|entry| {
                let (mut near, mut far) = (0.0, 0.0);
                for (level, low) in entry.iter().zip(low) {
                    let (below, above) = (level - low, low + SIDE - level);
                    let outside = (-below).max(-above).max(0.0);
                    near += outside * outside;
                    far += below.max(above).powi(2);
                }
                farthest = farthest.min(far);
                near
            })
            .collect();
        let limit = (farthest.sqrt() + self.margin).powi(2);
        let indices = (0..=u8::MAX).zip(closest);
        indices
            .filter(|(_, near)| *near <= limit)
            .map(|(index, _)| index)
            .collect()
    }
}

/// In square levels.
#[inline]
pub(crate) fn square_distance(one: [f32; 3], other: [f32; 3]) -> f32 {
    let [r, g, b] = [0, 1, 2].map(|channel| one[channel] - other[channel]);
    r * r + g * g + b * b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_entry_is_found_as_if_all_were_looked_at(
            entries in prop::collection::vec(prop::array::uniform3(0u8..), 1..256),
            colour in prop::array::uniform3(0u8..),
        ) {
            let entries: Vec<[f32; 3]> = entries.iter().map(|entry| entry.map(f32::from)).collect();
            let colour = colour.map(f32::from);
            let wanted = entries.iter().map(|entry| square_distance(*entry, colour));
            let wanted = wanted.min_by(f32::total_cmp).unwrap();
            let (index, distance) = Nearest::new(entries.clone(), 0.0).of(colour);
            prop_assert_eq!(distance, wanted);
            prop_assert_eq!(square_distance(entries[usize::from(index)], colour), wanted);
        }
    }
}
