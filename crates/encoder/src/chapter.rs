//! The pictures that share a palette, until it is made.

use std::collections::HashSet;

use crate::{
    frame_encoder::FrameEncoder,
    histogram::{Histogram, Weighted},
    palette::{MOST_COLOURS, error, palette, sorted},
    planes::{Colour, Planes},
};

/// Of each picture but the first, one pixel in so many is counted, each time others.
const COUNTED: usize = 8;

/// A palette is used again if its mean square error is at most so much worse than that of a new
/// one: a palette of its own costs each picture 768 bytes.
const GOOD_ENOUGH: f32 = 1.15;

/// Pictures that have no palette yet.
pub(crate) struct Chapter {
    pictures: Vec<Planes>,
    histogram: Histogram,
    /// All colours, until they are too many for a palette.
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

    /// The palette, and whether it has all colours. There must be a picture.
    pub(crate) fn palette(&self) -> (Vec<Colour>, bool) {
        match &self.few {
            Some(few) => (sorted(few.iter().copied().collect()), true),
            None => (palette(&self.histogram.colours()), false),
        }
    }

    /// Whether `painter` draws this nearly as well as one with a new `palette` would: where that
    /// would show each colour as it is, just as well.
    pub(crate) fn is_served_by(&self, painter: &FrameEncoder, palette: &[Colour]) -> bool {
        let entries = painter.entries();
        match &self.few {
            Some(few) => painter.is_exact() && few.iter().all(|colour| entries.contains(colour)),
            None if painter.is_exact() => false,
            None => {
                let colours: Vec<Weighted> = self.histogram.colours();
                error(entries, &colours) <= GOOD_ENOUGH * error(palette, &colours)
            }
        }
    }
}

/// `few` with the colours of `picture`, unless that makes them too many.
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
