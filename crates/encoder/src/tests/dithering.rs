//! Dithering keeps the mean of smooth colours.
//!
//! The palette is the corners of a box in the middle of the colour cube, and the colours lie in the
//! box. That bounds every error: a corner is at most half a side from any wanted colour, even after
//! errors were passed on to it, so the errors stay as small.

use proptest::prelude::*;

use super::viewed::planes;
use crate::{
    activity::activity,
    dither::{Dither, Ditherer},
    planes::Colour,
};

/// In pixels: six tiles of the ordered pattern.
const SIDE: usize = 48;

const TILE: usize = 8;

/// Largest distance of a colour from the centre of its bin, for which the entry is chosen, in
/// levels.
const BIN: f32 = 1.5;

/// Rounding loss per pixel when an error is passed on in 16ths, in levels.
const ROUNDED: f32 = 1.0;

#[derive(Debug)]
struct Smooth {
    low: Colour,
    side: u8,
    /// Start and end of the gradient, in 255ths of the box.
    from: Colour,
    to: Colour,
}

prop_compose! {
    fn smooth()(
        low in prop::array::uniform3(34u8..=157),
        side in 12u8..=64,
        from in prop::array::uniform3(0u8..),
        to in prop::array::uniform3(0u8..),
    ) -> Smooth {
        Smooth { low, side, from, to }
    }
}

impl Smooth {
    fn entries(&self) -> Vec<Colour> {
        let corner = |corner: usize| {
            [0, 1, 2].map(|channel| self.low[channel] + self.side * (corner >> channel & 1) as u8)
        };
        (0..8).map(corner).collect()
    }

    /// `way` is from 0 to 1, inclusive.
    fn colour(&self, way: f32) -> Colour {
        [0, 1, 2].map(|channel| {
            let [from, to] = [self.from, self.to].map(|end| f32::from(end[channel]) / 255.0);
            let inside = f32::from(self.side) * (from + way * (to - from));
            self.low[channel] + inside.round() as u8
        })
    }

    /// A picture of the whole gradient, downwards.
    fn gradient(&self) -> Vec<Colour> {
        (0..SIDE * SIDE)
            .map(|place| self.colour((place / SIDE) as f32 / (SIDE - 1) as f32))
            .collect()
    }

    fn plain(&self) -> Vec<Colour> {
        vec![self.colour(0.0); SIDE * SIDE]
    }

    fn shown(&self, dither: Dither, colours: &[Colour]) -> Vec<Colour> {
        let entries = self.entries();
        let mut ditherer = Ditherer::new(dither, entries.clone(), false, SIDE);
        let picture = planes(colours);
        let busy = activity(&picture, SIDE);
        let places = ditherer.indices(&picture, &vec![1; colours.len()], &busy);
        places
            .iter()
            .map(|place| entries[usize::from(*place)])
            .collect()
    }
}

/// For each square, the difference of the means of `shown` and `wanted` in each channel.
fn missed(shown: &[Colour], wanted: &[Colour], square: usize) -> Vec<[f32; 3]> {
    let corners = (0..SIDE).step_by(square);
    let corners = corners.flat_map(|y| (0..SIDE).step_by(square).map(move |x| (x, y)));
    corners
        .map(|(x, y)| {
            let rows = (y..y + square).map(|row| row * SIDE + x);
            let places: Vec<usize> = rows.flat_map(|start| start..start + square).collect();
            [0, 1, 2].map(|channel| {
                let level = |colours: &[Colour], place: usize| f32::from(colours[place][channel]);
                let missed = places
                    .iter()
                    .map(|place| level(shown, *place) - level(wanted, *place));
                missed.sum::<f32>() / places.len() as f32
            })
        })
        .collect()
}

fn most(missed: &[[f32; 3]]) -> f32 {
    missed
        .iter()
        .flatten()
        .fold(0.0, |most, level| most.max(level.abs()))
}

fn length(missed: [f32; 3]) -> f32 {
    missed.iter().map(|level| level * level).sum::<f32>().sqrt()
}

proptest! {
    #[test]
    fn diffusion_misses_a_pixel_by_two_errors_and_the_mean_by_what_leaves_at_the_edges(
        smooth in smooth(),
        plain: bool,
    ) {
        let wanted = if plain { smooth.plain() } else { smooth.gradient() };
        let shown = smooth.shown(Dither::Diffusion, &wanted);
        let error = f32::from(smooth.side) / 2.0 + BIN;
        prop_assert!(most(&missed(&shown, &wanted, 1)) <= 2.0 * error + ROUNDED);
        // A square passes on 9/16 of its last row's errors, 8/16 of its right column's and 3/16 of
        // its left one's. At most as much comes in.
        let leaves = |side: usize| 20.0 / 16.0 * error / side as f32;
        let tiles = most(&missed(&shown, &wanted, TILE));
        prop_assert!(tiles <= 2.0 * leaves(TILE) + ROUNDED, "{tiles}");
        let all = most(&missed(&shown, &wanted, SIDE));
        prop_assert!(all <= leaves(SIDE) + ROUNDED, "{all}");
    }

    #[test]
    fn a_pattern_has_a_mean_that_is_no_farther_than_the_nearest_entry(smooth in smooth()) {
        let wanted = smooth.plain();
        let patterned = missed(&smooth.shown(Dither::Ordered, &wanted), &wanted, TILE);
        let nearest = missed(&smooth.shown(Dither::None, &wanted), &wanted, TILE);
        // The pattern has 64 steps, and its mixture is that of the bin.
        let diagonal = f32::from(smooth.side) * 3f32.sqrt();
        let allowed = length(nearest[0]) + 3f32.sqrt() * BIN + diagonal / 64.0;
        for missed in patterned {
            prop_assert!(length(missed) <= allowed, "{missed:?}: more than {allowed}");
        }
    }
}
