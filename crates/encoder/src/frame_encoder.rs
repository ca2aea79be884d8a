//! Turns stabilized pictures into GIF frames that share one palette.

use std::ops::Range;

use gif::{DisposalMethod, Frame};

use crate::{
    activity::{activity, class},
    dither::{Dither, Ditherer},
    interchangeable::{Interchangeable, STILL},
    lzw::{Lzw, Want},
    planes::{Colour, Planes},
    stages::{Stages, timed},
};

pub(crate) struct FrameEncoder {
    width: usize,
    entries: Vec<Colour>,
    exact: bool,
    ditherer: Ditherer,
    interchangeable: Interchangeable,
    /// The palette index that each pixel shows; `None` before the first picture.
    shown: Option<Vec<u8>>,
}

/// The rectangle that a frame covers.
struct Rect {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl FrameEncoder {
    /// `width` is in pixels. `exact` says that pictures have no colours but `entries`.
    pub(crate) fn new(dither: Dither, width: usize, entries: Vec<Colour>, exact: bool) -> Self {
        Self {
            width,
            exact,
            ditherer: Ditherer::new(dither, entries.clone(), exact, width),
            interchangeable: Interchangeable::new(&entries, exact),
            shown: None,
            entries,
        }
    }

    pub(crate) fn entries(&self) -> &[Colour] {
        &self.entries
    }

    /// Whether the palette has all colours of its pictures.
    pub(crate) fn is_exact(&self) -> bool {
        self.exact
    }

    /// Returns the frame that turns `before`, the picture on screen, into `picture`; `None` if
    /// nothing changes. The first frame drawn with a palette covers the whole picture.
    pub(crate) fn frame(
        &mut self,
        before: Option<&Planes>,
        picture: &Planes,
        lzw: &mut Lzw,
        stages: &mut Stages,
    ) -> Option<Frame<'static>> {
        let (wants, rect) = timed(&mut stages.choose, || {
            let changed = match (&self.shown, before) {
                (Some(_), Some(before)) => picture.differing(before),
                _ => vec![0xFF; picture.pixels()],
            };
            let busy = activity(picture, self.width);
            let indices = self.ditherer.indices(picture, &changed, &busy);
            self.wants(&indices, &changed, &busy)
        });
        let rect = rect?;
        let transparent_index = transparent_index(&self.entries);
        let rows = rect.rows.clone().map(|row| {
            let start = row * self.width;
            start + rect.columns.start..start + rect.columns.end
        });
        let mut inside = Vec::with_capacity(rect.rows.len() * rect.columns.len());
        for row in rows.clone() {
            inside.extend_from_slice(&wants[row]);
        }
        let compressed = timed(&mut stages.compress, || {
            lzw.compress(&inside, &self.interchangeable, transparent_index)
        });
        let shown = self
            .shown
            .get_or_insert_with(|| vec![transparent_index; picture.pixels()]);
        for (row, symbols) in rows.zip(compressed.symbols.chunks_exact(rect.columns.len())) {
            for (shown, symbol) in shown[row].iter_mut().zip(symbols) {
                if *symbol != transparent_index {
                    *shown = *symbol;
                }
            }
        }
        Some(Frame {
            left: rect.columns.start as u16,
            top: rect.rows.start as u16,
            width: rect.columns.len() as u16,
            height: rect.rows.len() as u16,
            dispose: DisposalMethod::Keep,
            transparent: Some(transparent_index),
            buffer: compressed.data.into(),
            ..Frame::default()
        })
    }

    /// Returns what each pixel may show, and the rectangle that must be drawn.
    fn wants(&self, indices: &[u8], changed: &[u8], busy: &[u8]) -> (Vec<Want>, Option<Rect>) {
        let Some(shown) = &self.shown else {
            let pixels = indices.iter().zip(busy);
            let wants = pixels.map(|(index, busy)| Want::new(*index, class(*busy), false));
            let rect = Rect {
                columns: 0..self.width,
                rows: 0..indices.len() / self.width,
            };
            return (wants.collect(), Some(rect));
        };
        let mut wants: Vec<Want> = shown
            .iter()
            .map(|shown| Want::new(*shown, STILL, true))
            .collect();
        let mut rect: Option<Rect> = None;
        for (y, row) in changed.chunks_exact(self.width).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, changed)| **changed != 0) {
                let at = y * self.width + x;
                let class = class(busy[at]);
                let stays = self
                    .interchangeable
                    .may_replace(class, indices[at], shown[at]);
                wants[at] = Want::new(indices[at], class, stays);
                if !stays {
                    let columns = rect.as_ref().map_or(x..x + 1, |rect| rect.columns.clone());
                    let top = rect.as_ref().map_or(y, |rect| rect.rows.start);
                    rect = Some(Rect {
                        columns: columns.start.min(x)..columns.end.max(x + 1),
                        rows: top..y + 1,
                    });
                }
            }
        }
        (wants, rect)
    }
}

/// The index after the last entry means "transparent": the pixel stays unchanged.
pub(crate) fn transparent_index(entries: &[Colour]) -> u8 {
    u8::try_from(entries.len()).unwrap_or(u8::MAX)
}
