//! The colour histogram of a chapter.

use crate::planes::Colour;

/// Bits per channel.
const BITS: u32 = 7;

/// Levels below this get a bin each: in the dark, one level is a large part of the light.
const DARK: usize = 32;

pub(crate) const BINS: usize = 1 << (3 * BITS);

const BINS_PER_CHANNEL: usize = 1 << BITS;

/// The bin of each level within its channel.
const LEVEL_BINS: [u8; 256] = {
    let mut places = [0; 256];
    let mut level = 0;
    while level < 256 {
        places[level] = if level < DARK {
            level as u8
        } else {
            (DARK + (level - DARK) * (BINS_PER_CHANNEL - DARK) / (256 - DARK)) as u8
        };
        level += 1;
    }
    places
};

/// The mean level of each bin.
const CENTRES: [f32; BINS_PER_CHANNEL] = {
    let mut centres = [0.0; BINS_PER_CHANNEL];
    let mut counts = [0.0; BINS_PER_CHANNEL];
    let mut level = 0;
    while level < 256 {
        let place = LEVEL_BINS[level] as usize;
        centres[place] += level as f32;
        counts[place] += 1.0;
        level += 1;
    }
    let mut place = 0;
    while place < BINS_PER_CHANNEL {
        centres[place] /= counts[place];
        place += 1;
    }
    centres
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighted {
    pub(crate) colour: [f32; 3],
    pub(crate) weight: f32,
}

/// Pixel counts per bin. A bin is one or two levels wide per channel.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
}

/// Below [`BINS`].
#[inline]
pub(crate) fn bin(colour: Colour) -> usize {
    let [r, g, b] = colour.map(|level| usize::from(LEVEL_BINS[usize::from(level)]));
    r << (2 * BITS) | g << BITS | b
}

#[inline]
pub(crate) fn centre(bin: usize) -> [f32; 3] {
    [2 * BITS, BITS, 0].map(|shift| CENTRES[(bin >> shift) & (BINS_PER_CHANNEL - 1)])
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BINS],
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, colour: Colour, times: u32) {
        let count = &mut self.counts[bin(colour)];
        *count = count.saturating_add(times);
    }

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
