//! Draws stabilized pictures over each other, with one palette.

use std::ops::Range;

use gif::{DisposalMethod, Frame};

use crate::{
    activity::{activity, class},
    dither::{Dither, Ditherer},
    interchangeable::{Likeness, STILL},
    lzw::{Lzw, Want},
    planes::{Colour, Planes},
    stages::{Stages, timed},
};

/// What is on screen, and the palette that it is drawn with.
pub(crate) struct FrameEncoder {
    width: usize,
    entries: Vec<Colour>,
    exact: bool,
    ditherer: Ditherer,
    likeness: Likeness,
    /// The palette entry that each pixel shows; none before the first picture.
    shown: Option<Vec<u8>>,
}

/// A frame that is smaller than the screen.
struct Cut {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl FrameEncoder {
    /// For pictures `width` pixels wide. If `exact`, they have no colours but the `entries`.
    pub(crate) fn new(dither: Dither, width: usize, entries: Vec<Colour>, exact: bool) -> Self {
        Self {
            width,
            exact,
            ditherer: Ditherer::new(dither, entries.clone(), exact, width),
            likeness: Likeness::new(&entries, exact),
            shown: None,
            entries,
        }
    }

    pub(crate) fn entries(&self) -> &[Colour] {
        &self.entries
    }

    /// Whether it can draw no other colours than the palette's.
    pub(crate) fn is_exact(&self) -> bool {
        self.exact
    }

    /// The frame that turns `before`, which is on screen, into `picture`; `None` if there is
    /// nothing to draw. The first picture of a painter is drawn whole, whatever is on screen.
    pub(crate) fn frame(
        &mut self,
        before: Option<&Planes>,
        picture: &Planes,
        lzw: &mut Lzw,
        stages: &mut Stages,
    ) -> Option<Frame<'static>> {
        let (wants, cut) = timed(&mut stages.choose, || {
            let changed = match (&self.shown, before) {
                (Some(_), Some(before)) => picture.differing(before),
                _ => vec![0xFF; picture.pixels()],
            };
            let busy = activity(picture, self.width);
            let places = self.ditherer.places(picture, &changed, &busy);
            self.wants(&places, &changed, &busy)
        });
        let cut = cut?;
        let transparent_index = transparent_index(&self.entries);
        let rows = cut.rows.clone().map(|row| {
            let start = row * self.width;
            start + cut.columns.start..start + cut.columns.end
        });
        let mut inside = Vec::with_capacity(cut.rows.len() * cut.columns.len());
        for row in rows.clone() {
            inside.extend_from_slice(&wants[row]);
        }
        let compressed = timed(&mut stages.compress, || {
            lzw.compress(&inside, &self.likeness, transparent_index)
        });
        let shown = self
            .shown
            .get_or_insert_with(|| vec![transparent_index; picture.pixels()]);
        for (row, symbols) in rows.zip(compressed.symbols.chunks_exact(cut.columns.len())) {
            for (shown, symbol) in shown[row].iter_mut().zip(symbols) {
                if *symbol != transparent_index {
                    *shown = *symbol;
                }
            }
        }
        Some(Frame {
            left: cut.columns.start as u16,
            top: cut.rows.start as u16,
            width: cut.columns.len() as u16,
            height: cut.rows.len() as u16,
            dispose: DisposalMethod::Keep,
            transparent: Some(transparent_index),
            buffer: compressed.data.into(),
            ..Frame::default()
        })
    }

    /// What is wanted of each pixel, and the part of the picture where something must be drawn.
    fn wants(&self, places: &[u8], changed: &[u8], busy: &[u8]) -> (Vec<Want>, Option<Cut>) {
        let Some(shown) = &self.shown else {
            let pixels = places.iter().zip(busy);
            let wants = pixels.map(|(place, busy)| Want::new(*place, class(*busy), false));
            let cut = Cut {
                columns: 0..self.width,
                rows: 0..places.len() / self.width,
            };
            return (wants.collect(), Some(cut));
        };
        let mut wants: Vec<Want> = shown
            .iter()
            .map(|shown| Want::new(*shown, STILL, true))
            .collect();
        let mut cut: Option<Cut> = None;
        for (y, row) in changed.chunks_exact(self.width).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, changed)| **changed != 0) {
                let at = y * self.width + x;
                let class = class(busy[at]);
                let stays = self.likeness.alike(class, places[at], shown[at]);
                wants[at] = Want::new(places[at], class, stays);
                if !stays {
                    let columns = cut.as_ref().map_or(x..x + 1, |cut| cut.columns.clone());
                    let top = cut.as_ref().map_or(y, |cut| cut.rows.start);
                    cut = Some(Cut {
                        columns: columns.start.min(x)..columns.end.max(x + 1),
                        rows: top..y + 1,
                    });
                }
            }
        }
        (wants, cut)
    }
}

/// The symbol, after those of the entries, that leaves a pixel as it is.
pub(crate) fn transparent_index(entries: &[Colour]) -> u8 {
    u8::try_from(entries.len()).unwrap_or(u8::MAX)
}
