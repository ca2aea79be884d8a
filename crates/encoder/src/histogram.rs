//! How much of which colour some seconds of video show.

use crate::planes::Colour;

/// Bits of each channel that are told apart.
const BITS: u32 = 7;

/// Levels below this are told apart one by one: where it is dark, one level more is a large part
/// of the light.
const DARK: usize = 32;

/// Number of bins.
pub(crate) const BINS: usize = 1 << (3 * BITS);

const PLACES_PER_CHANNEL: usize = 1 << BITS;

/// The place of each level among the `PLACES_PER_CHANNEL`.
const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut level = 0;
    while level < 256 {
        places[level] = if level < DARK {
            level as u8
        } else {
            (DARK + (level - DARK) * (PLACES_PER_CHANNEL - DARK) / (256 - DARK)) as u8
        };
        level += 1;
    }
    places
};

/// The mean of the levels at each place.
const CENTRES: [f32; PLACES_PER_CHANNEL] = {
    let mut centres = [0.0; PLACES_PER_CHANNEL];
    let mut counts = [0.0; PLACES_PER_CHANNEL];
    let mut level = 0;
    while level < 256 {
        let place = PLACES[level] as usize;
        centres[place] += level as f32;
        counts[place] += 1.0;
        level += 1;
    }
    let mut place = 0;
    while place < PLACES_PER_CHANNEL {
        centres[place] /= counts[place];
        place += 1;
    }
    centres
};

/// A colour and how much of it there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighted {
    pub(crate) colour: [f32; 3],
    pub(crate) weight: f32,
}

/// Counts of colours, in bins of one or two levels a side.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
}

/// The bin of a colour, below [`BINS`].
#[inline]
pub(crate) fn bin(colour: Colour) -> usize {
    let [r, g, b] = colour.map(|level| usize::from(PLACES[usize::from(level)]));
    r << (2 * BITS) | g << BITS | b
}

/// The middle of a bin.
#[inline]
pub(crate) fn centre(bin: usize) -> [f32; 3] {
    [2 * BITS, BITS, 0].map(|shift| CENTRES[(bin >> shift) & (PLACES_PER_CHANNEL - 1)])
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BINS],
        }
    }

    /// Counts a colour `times` times.
    #[inline]
    pub(crate) fn add(&mut self, colour: Colour, times: u32) {
        let count = &mut self.counts[bin(colour)];
        *count = count.saturating_add(times);
    }

    /// The colours that were counted.
    pub(crate) fn colours(&self) -> Vec<Weighted> {
        let counted = self.counts.iter().enumerate();
        counted
            .filter(|(_, count)| **count > 0)
            .map(|(bin, count)| Weighted {
                colour: centre(bin),
                weight: *count as f32,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dark_levels_have_bins_of_their_own_and_bright_ones_share_them() {
        assert_ne!(bin([0, 0, 0]), bin([0, 0, 1]));
        assert_eq!(centre(bin([31, 1, 2])), [31.0, 1.0, 2.0]);
        let bright = centre(bin([250, 251, 252]));
        for (level, centre) in [250.0, 251.0, 252.0].iter().zip(bright) {
            assert!((level - centre).abs() <= 1.5);
        }
        assert!(bin([255, 255, 255]) < BINS);
    }
}
