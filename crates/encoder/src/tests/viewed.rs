//! Decodes a GIF as a viewer shows it.

use gif::{ColorOutput, DecodeOptions, DisposalMethod, Repeat};

use crate::{
    encoder::{Encoder, Gif},
    nearest::square_distance,
    planes::{Colour, Planes},
};

pub(super) struct Viewed {
    pub(super) width: usize,
    pub(super) pictures: Vec<View>,
}

pub(super) struct View {
    pub(super) colours: Vec<Colour>,
    /// The palette that its colours are from.
    pub(super) palette: Vec<Colour>,
    pub(super) delay: u16,
    pub(super) drawn: (u16, u16),
}

pub(super) fn encode(gif: Gif, kept_bytes: usize, pictures: &[Planes]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), gif).keeping(kept_bytes);
    for picture in pictures {
        encoder.push(picture.bytes()).unwrap();
    }
    let encoded = encoder.finish().unwrap();
    assert_eq!(encoded.pictures as usize, pictures.len());
    encoded.output
}

pub(super) fn view(bytes: &[u8]) -> Viewed {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(bytes).unwrap();
    let width = usize::from(decoder.width());
    let global = colours_of(decoder.global_palette().unwrap());
    let mut canvas: Vec<Option<Colour>> = vec![None; width * usize::from(decoder.height())];
    let mut pictures: Vec<View> = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert_eq!(frame.dispose, DisposalMethod::Keep);
        let local = frame.palette.as_deref().map(colours_of);
        // Entries after the transparent index are padding.
        let used = usize::from(frame.transparent.unwrap());
        assert!(frame.buffer.iter().all(|pixel| usize::from(*pixel) <= used));
        let columns = usize::from(frame.width);
        for (row, pixels) in frame.buffer.chunks_exact(columns).enumerate() {
            let start = (usize::from(frame.top) + row) * width + usize::from(frame.left);
            for (shown, pixel) in canvas[start..].iter_mut().zip(pixels) {
                if Some(*pixel) != frame.transparent {
                    *shown = Some(local.as_ref().unwrap_or(&global)[usize::from(*pixel)]);
                }
            }
        }
        let in_force = match pictures.last() {
            Some(last) if columns == 1 && frame.height == 1 => last.palette.clone(),
            _ => local.as_ref().unwrap_or(&global)[..used].to_vec(),
        };
        pictures.push(View {
            colours: canvas.iter().map(|colour| colour.unwrap()).collect(),
            palette: in_force,
            delay: frame.delay,
            drawn: (frame.width, frame.height),
        });
    }
    assert_eq!(decoder.repeat(), Repeat::Infinite);
    Viewed { width, pictures }
}

fn colours_of(palette: &[u8]) -> Vec<Colour> {
    palette.as_chunks().0.to_vec()
}

pub(super) fn planes(colours: &[Colour]) -> Planes {
    let plane = |channel: usize| colours.iter().map(move |colour| colour[channel]);
    Planes::new(plane(1).chain(plane(2)).chain(plane(0)).collect())
}

pub(super) fn distance(one: Colour, other: Colour) -> f32 {
    square_distance(one.map(f32::from), other.map(f32::from)).sqrt()
}
