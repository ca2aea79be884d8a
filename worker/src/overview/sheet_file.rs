//! The JPG of a sheet.

use std::path::{Path, PathBuf};

use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};

use crate::{
    outputs::{WrongOutput, checked_jpg},
    tiles::Tiles,
};

/// Name of the sheet in the work directory.
const SHEET_FILE: &str = "sheet.jpg";

/// Quality of the sheet, 1 to 100. Measured with tiles of ten test videos, 160 and 320 pixels wide: the similarity (SSIM)
/// of each clip's tiles to the raw ones is over 0.98 in the mean, and at 90 it is 0.977. The hardest are those of dithered
/// graphics (`aletrek-rle.mov`): 0.973 at 94, and 0.963 at 92, which is an eighth smaller.
const QUALITY: u8 = 94;

/// Each pixel has its own colour. That takes a quarter more bytes than 4:2:0 (at 92, 6 KB to 9 KB for a tile of 160 by 90
/// pixels). But with 4:2:0 the similarity in RGB is 0.95 for ordinary clips and 0.78 for coloured graphics, and here 0.97.
const SAMPLING: SamplingFactor = SamplingFactor::R_4_4_4;

/// A sheet was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum SheetFileError {
    #[error("failed to write the sheet: {0}")]
    Encode(#[from] EncodingError),
    #[error(transparent)]
    Wrong(#[from] WrongOutput),
}

/// Where each of `pictures` stands in the sheet: one that is the same as the one before is stored once.
pub(super) fn places(pictures: &[Vec<u8>]) -> Vec<u32> {
    let mut place = 0;
    let mut places = Vec::with_capacity(pictures.len());
    for (n, picture) in pictures.iter().enumerate() {
        if n > 0 && *picture != pictures[n - 1] {
            place += 1;
        }
        places.push(place);
    }
    places
}

/// Writes the sheet to `directory`. `pictures` are planes of green, blue and red; each is at one of `places`, as
/// [`places`] gives them.
///
/// # Errors
/// If the file cannot be written, or is not whole.
pub(super) fn write(
    pictures: &[Vec<u8>],
    places: &[u32],
    layout: &Tiles,
    directory: &Path,
) -> Result<PathBuf, SheetFileError> {
    let pixels = composed(pictures, places, layout);
    let path = directory.join(SHEET_FILE);
    let (width, height) = layout.sheet_size();
    let mut encoder = Encoder::new_file(&path, QUALITY)?;
    encoder.set_sampling_factor(SAMPLING);
    // No optimized Huffman tables: with them the colours stand in scans of their own, which not all readers take.
    // Both are under 65,536: `Tiles` sees to that.
    encoder.encode(&pixels, width as u16, height as u16, ColorType::Rgb)?;
    Ok(checked_jpg(path)?)
}

/// The pixels of the sheet, in RGB. Where no tile is, it is black.
fn composed(pictures: &[Vec<u8>], places: &[u32], layout: &Tiles) -> Vec<u8> {
    let (width, height) = layout.sheet_size();
    let stride = 3 * width as usize;
    let mut pixels = vec![0; stride * height as usize];
    let mut last = None;
    for (picture, place) in pictures.iter().zip(places) {
        if last.replace(*place) == Some(*place) {
            continue;
        }
        let (left, top) = layout.corner(*place);
        let (left, top) = (left as usize, top as usize);
        let row = layout.width as usize;
        let plane = row * layout.height as usize;
        for (y, start) in (0..plane).step_by(row).enumerate() {
            let to = stride * (top + y) + 3 * left;
            let target = &mut pixels[to..to + 3 * row];
            for (x, pixel) in target.chunks_exact_mut(3).enumerate() {
                let at = start + x;
                let colour = |n: usize| picture.get(n * plane + at).copied().unwrap_or_default();
                pixel.copy_from_slice(&[colour(2), colour(0), colour(1)]);
            }
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Tiles = Tiles {
        columns: 2,
        rows: 2,
        width: 2,
        height: 2,
    };

    /// A picture of one colour.
    fn flat([red, green, blue]: [u8; 3]) -> Vec<u8> {
        [green, blue, red].iter().flat_map(|c| [*c; 4]).collect()
    }

    #[test]
    fn neighbours_that_are_the_same_are_stored_once() {
        let [one, other] = [flat([1, 2, 3]), flat([4, 5, 6])];
        let pictures = [&one, &one, &other, &one, &one].map(Clone::clone);
        assert_eq!(places(&pictures), [0, 0, 1, 2, 2]);
    }

    #[test]
    fn tiles_stand_in_rows_and_colours_are_in_their_order() {
        let pictures = [flat([1, 2, 3]), flat([4, 5, 6]), flat([7, 8, 9])];
        let pixels = composed(&pictures, &[0, 1, 2], &LAYOUT);
        let row: Vec<u8> = [[1, 2, 3], [1, 2, 3], [4, 5, 6], [4, 5, 6]].concat();
        let last: Vec<u8> = [[7, 8, 9], [7, 8, 9], [0; 3], [0; 3]].concat();
        assert_eq!(pixels, [row.clone(), row, last.clone(), last].concat());
    }
}
