//! Maps colours to palette entries.
//!
//! Ordered dithering mixes two entries in a fixed pattern. The eye blurs a fine pattern to its mean
//! and sees little of the pattern itself. So each mixture is rated by the error of its mean plus a
//! small part of the pattern's contrast, and the best one is used. A colour close to an entry is
//! not mixed. Busy parts are not dithered: they show no bands, and a pattern costs bytes.

use std::{collections::HashMap, num::NonZero};

use crate::{
    activity::class,
    histogram::{BINS, bin, centre},
    nearest::Nearest,
    planes::{Colour, Planes},
};

/// How to show colours that the palette lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dither {
    /// Nearest entry. Fewest bytes, but smooth gradients band.
    None,
    /// Fixed pattern of two entries in the smooth parts.
    #[default]
    Ordered,
    /// Nearest entry, with the error passed on to the pixels around (Floyd-Steinberg). Most bytes.
    Diffusion,
}

/// The visible part of a pattern's contrast. A blur of sigma 1, as by an eye at the usual distance,
/// leaves about a twelfth of white noise. Fine patterns lose more, coarse ones less.
const SEEN: f32 = 0.15;

/// Least gain, in square levels, for which two entries are mixed.
const LEAST_GAIN: f32 = 4.0;

/// Entries up to this many levels farther than the nearest are candidates for mixing.
const MIXING_RANGE: f32 = 8.0;

/// From this activity class on, nothing is mixed.
const TOO_BUSY: usize = 2;

/// Side of the pattern, in pixels.
const SIDE: usize = 8;

/// Thresholds of the pattern, in 128ths. Each odd number occurs once.
const THRESHOLDS: [[i32; SIDE]; SIDE] = bayer();

/// One half: without a pattern, the nearer entry is taken.
const NEARER: i32 = 64;

/// Bayer's matrix: the rank consists of the bits of `x ^ y` and `y`, lowest first.
const fn bayer() -> [[i32; SIDE]; SIDE] {
    let mut thresholds = [[0; SIDE]; SIDE];
    let mut place = 0;
    while place < SIDE * SIDE {
        let (x, y) = (place % SIDE, place / SIDE);
        let (mut rank, mut bit) = (0, 0);
        while bit < 3 {
            rank = rank << 2 | (((x ^ y) >> bit) & 1) << 1 | ((y >> bit) & 1);
            bit += 1;
        }
        thresholds[y][x] = 2 * rank as i32 + 1;
        place += 1;
    }
    thresholds
}

pub(crate) struct Ditherer {
    dither: Dither,
    entries: Vec<Colour>,
    width: usize,
    /// The entry of each colour, if the palette has all colours.
    exact: Option<HashMap<Colour, u8>>,
    nearest: Nearest,
    /// The mixture for each histogram bin, computed when first needed.
    mixtures: Vec<Option<Mixture>>,
}

/// The two entries to mix. They are equal if nothing is mixed.
#[derive(Clone, Copy, Debug)]
struct Mixture {
    /// The lower index comes first, so that the patterns of neighbouring mixtures agree.
    low: u8,
    high: IndexPlusOne,
}

/// An index (at most 254) plus one, so that `Option<Mixture>` needs no extra byte.
type IndexPlusOne = NonZero<u8>;

impl Ditherer {
    /// `width` is in pixels. `exact` says that pictures have no colours but `entries`.
    pub(crate) fn new(dither: Dither, entries: Vec<Colour>, exact: bool, width: usize) -> Self {
        let indices = (0..=u8::MAX).zip(&entries);
        Self {
            dither,
            width,
            exact: exact.then(|| indices.map(|(place, colour)| (*colour, place)).collect()),
            nearest: Nearest::new(
                entries.iter().map(|entry| entry.map(f32::from)).collect(),
                MIXING_RANGE,
            ),
            mixtures: vec![None; BINS],
            entries,
        }
    }

    /// Returns the palette index of each pixel whose `changed` is not 0, and 0 for the others.
    pub(crate) fn indices(&mut self, picture: &Planes, changed: &[u8], busy: &[u8]) -> Vec<u8> {
        let mut indices = vec![0; changed.len()];
        if self.dither == Dither::Diffusion && self.exact.is_none() {
            self.diffuse(picture, changed, &mut indices);
            return indices;
        }
        for (y, row) in changed.chunks_exact(self.width).enumerate() {
            let start = y * self.width;
            for (x, _) in row.iter().enumerate().filter(|(_, changed)| **changed != 0) {
                let place = start + x;
                let threshold = if class(busy[place]) < TOO_BUSY {
                    THRESHOLDS[y % SIDE][x % SIDE]
                } else {
                    NEARER
                };
                indices[place] = self.index(picture.colour(place), threshold);
            }
        }
        indices
    }

    #[inline]
    fn index(&mut self, colour: Colour, threshold: i32) -> u8 {
        if let Some(exact) = &self.exact {
            return exact.get(&colour).copied().unwrap_or_default();
        }
        let bin = bin(colour);
        let mixture = match self.mixtures[bin] {
            Some(mixture) => mixture,
            None => {
                let mixture = self.mixture(centre(bin));
                *self.mixtures[bin].insert(mixture)
            }
        };
        let (low, high) = (mixture.low, mixture.high.get() - 1);
        if low == high {
            return low;
        }
        let (one, other) = (
            self.entries[usize::from(low)],
            self.entries[usize::from(high)],
        );
        // Compares the colour's position between the two entries with the threshold.
        let (mut way, mut length) = (0, 0);
        for channel in 0..3 {
            let [from, to, at] = [one, other, colour].map(|colour| i32::from(colour[channel]));
            way += (at - from) * (to - from);
            length += (to - from) * (to - from);
        }
        if way * 128 > threshold * length {
            high
        } else {
            low
        }
    }

    fn mixture(&mut self, colour: [f32; 3]) -> Mixture {
        let (one, distance) = self.nearest.of(colour);
        let mut best = (one, distance - LEAST_GAIN);
        if self.dither == Dither::Ordered {
            let from = self.nearest.entry(one);
            for (other, to) in self.nearest.around(colour) {
                let (mut way, mut length) = (0.0, 0.0);
                for channel in 0..3 {
                    let step = to[channel] - from[channel];
                    way += (colour[channel] - from[channel]) * step;
                    length += step * step;
                }
                if way <= 0.0 {
                    continue;
                }
                let part = (way / length).min(1.0);
                let missed = distance - 2.0 * part * way + part * part * length;
                let contrast = part * (1.0 - part) * length;
                let error = missed + SEEN * contrast;
                if error < best.1 {
                    best = (other, error);
                }
            }
        }
        Mixture {
            low: one.min(best.0),
            high: IndexPlusOne::MIN.saturating_add(one.max(best.0)),
        }
    }

    fn diffuse(&mut self, picture: &Planes, changed: &[u8], indices: &mut [u8]) {
        // The errors passed on to this row and the next, in 16ths of a level. One extra pixel on
        // each side takes what leaves the picture.
        let mut waiting = vec![[0i32; 3]; self.width + 2];
        let mut below = waiting.clone();
        for (y, row) in changed.chunks_exact(self.width).enumerate() {
            for (x, changed) in row.iter().enumerate() {
                if *changed == 0 {
                    continue;
                }
                let place = y * self.width + x;
                let errors = waiting[x + 1];
                let colour = picture.colour(place);
                let wanted = [0, 1, 2].map(|channel: usize| {
                    (i32::from(colour[channel]) + errors[channel] / 16).clamp(0, 255)
                });
                let shown = self.index(wanted.map(|level| level as u8), NEARER);
                indices[place] = shown;
                let entry = self.entries[usize::from(shown)];
                for channel in 0..3 {
                    let error = wanted[channel] - i32::from(entry[channel]);
                    waiting[x + 2][channel] += 7 * error;
                    below[x][channel] += 3 * error;
                    below[x + 1][channel] += 5 * error;
                    below[x + 2][channel] += error;
                }
            }
            std::mem::swap(&mut waiting, &mut below);
            below.fill([0; 3]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(dither: Dither, entries: &[Colour], level: u8, busy: u8) -> Vec<u8> {
        let mut ditherer = Ditherer::new(dither, entries.to_vec(), false, SIDE);
        let pixels = SIDE * SIDE;
        let picture = Planes::new(vec![level; 3 * pixels]);
        ditherer.indices(&picture, &vec![1; pixels], &vec![busy; pixels])
    }

    const GREYS: [Colour; 2] = [[100; 3], [120; 3]];

    fn lighter(indices: &[u8]) -> usize {
        indices.iter().filter(|place| **place == 1).count()
    }

    #[test]
    fn a_smooth_grey_between_two_entries_becomes_a_pattern_of_just_that_mean() {
        for (level, wanted) in [(100, 0), (105, 16), (110, 32), (115, 48), (120, 64)] {
            let indices = shown(Dither::Ordered, &GREYS, level, 0);
            assert_eq!(lighter(&indices), wanted, "{level}");
        }
    }

    #[test]
    fn a_colour_with_an_entry_near_it_is_not_mixed() {
        assert_eq!(lighter(&shown(Dither::Ordered, &GREYS, 101, 0)), 0);
    }

    #[test]
    fn a_busy_part_is_not_dithered() {
        assert_eq!(lighter(&shown(Dither::Ordered, &GREYS, 108, 20)), 0);
        assert_eq!(lighter(&shown(Dither::None, &GREYS, 112, 0)), 64);
    }

    #[test]
    fn diffusion_keeps_the_mean() {
        let indices = shown(Dither::Diffusion, &GREYS, 105, 0);
        assert!((10..=22).contains(&lighter(&indices)), "{indices:?}");
    }

    #[test]
    fn few_colours_are_shown_exactly_even_those_of_one_bin() {
        let entries = vec![[200, 200, 200], [201, 201, 201]];
        let mut ditherer = Ditherer::new(Dither::Ordered, entries, true, 2);
        let picture = Planes::new([200, 201].repeat(3));
        assert_eq!(ditherer.indices(&picture, &[1, 1], &[0, 0]), [0, 1]);
    }
}
