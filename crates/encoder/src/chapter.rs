//! A chapter: the pictures that are buffered until their palette is computed.

use std::collections::HashSet;

use crate::{
    frame_encoder::FrameEncoder,
    histogram::{Histogram, Weighted},
    palette::{MOST_COLOURS, error, palette, sorted},
    planes::{Colour, Planes},
};

/// The histogram counts every eighth pixel, at another offset in each picture. The first picture is
/// counted whole.
const COUNTED: usize = 8;

/// The previous palette is used again if its mean square error is at most this multiple of a new
/// palette's. A local palette costs each picture 768 bytes.
const GOOD_ENOUGH: f32 = 1.15;

pub(crate) struct Chapter {
    pictures: Vec<Planes>,
    histogram: Histogram,
    /// All colours, until there are more than a palette can hold.
    few: Option<HashSet<Colour>>,
}

impl Chapter {
    pub(crate) fn new() -> Self {
        Self {
            pictures: Vec::new(),
            histogram: Histogram::new(),
            few: Some(HashSet::new()),
        }
    }

    pub(crate) fn add(&mut self, picture: Planes) {
        let (step, first) = match self.pictures.len() {
            0 => (1, 0),
            count => (COUNTED, count % COUNTED),
        };
        for place in (first..picture.pixels()).step_by(step) {
            self.histogram.add(picture.colour(place), step as u32);
        }
        self.few = self.few.take().and_then(|few| with(few, &picture));
        self.pictures.push(picture);
    }

    pub(crate) fn pictures(&self) -> &[Planes] {
        &self.pictures
    }

    pub(crate) fn into_last(self) -> Option<Planes> {
        self.pictures.into_iter().next_back()
    }

    /// Returns the palette and whether it has all colours. Needs at least one picture.
    pub(crate) fn palette(&self) -> (Vec<Colour>, bool) {
        match &self.few {
            Some(few) => (sorted(few.iter().copied().collect()), true),
            None => (palette(&self.histogram.colours()), false),
        }
    }

    /// Whether `frame_encoder` serves this chapter nearly as well as a new `palette`. If the new
    /// palette would be exact, the old one must have all colours too.
    pub(crate) fn is_served_by(&self, frame_encoder: &FrameEncoder, palette: &[Colour]) -> bool {
        let entries = frame_encoder.entries();
        match &self.few {
            Some(few) => {
                frame_encoder.is_exact() && few.iter().all(|colour| entries.contains(colour))
            }
            None if frame_encoder.is_exact() => false,
            None => {
                let colours: Vec<Weighted> = self.histogram.colours();
                error(entries, &colours) <= GOOD_ENOUGH * error(palette, &colours)
            }
        }
    }
}

/// Adds the colours of `picture`; `None` if there are too many for a palette.
fn with(mut few: HashSet<Colour>, picture: &Planes) -> Option<HashSet<Colour>> {
    let mut last = None;
    for place in 0..picture.pixels() {
        let colour = picture.colour(place);
        if last != Some(colour) {
            few.insert(colour);
            if few.len() > MOST_COLOURS {
                return None;
            }
            last = Some(colour);
        }
    }
    Some(few)
}
