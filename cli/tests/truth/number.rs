//! Reads the number that a picture carries: 16 columns in its upper half, white is 1, the least
//! significant bit on the left.

use image::RgbImage;

/// Columns of a number.
const COLUMNS: u32 = 16;

/// Where a numbered picture lies within another one, in parts of its width and height.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// The whole picture.
    pub const WHOLE: Self = Self {
        x: 0.0,
        y: 0.0,
        width: 1.0,
        height: 1.0,
    };
}

/// The number in `area` of a picture. Columns that lie outside of the picture count as 0. `None` if a
/// column is not one white or black piece: then the picture is smeared, or no numbered one.
pub fn number(picture: &RgbImage, area: Area) -> Option<u32> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    // A band at each edge of the upper half, and one in its middle.
    let bands = [0.07, 0.25, 0.40].map(|y| ((area.y + y * area.height) * height) as u32);
    let mut number = 0;
    for column in 0..COLUMNS {
        let middle = (f64::from(column) + 0.5) / f64::from(COLUMNS);
        let x = (area.x + middle * area.width) * width;
        if x < 1.0 || x >= width - 1.0 {
            continue;
        }
        let reach = (area.width * width / f64::from(COLUMNS) / 5.0) as u32;
        let bits = bands.map(|y| bit(picture, x as u32, y, reach));
        match bits {
            [Some(true), Some(true), Some(true)] => number |= 1 << column,
            [Some(false), Some(false), Some(false)] => {}
            _ => return None,
        }
    }
    Some(number)
}

/// Whether the surroundings of a pixel are white; `None` if they are neither white nor black.
fn bit(picture: &RgbImage, x: u32, y: u32, reach: u32) -> Option<bool> {
    let columns = x.saturating_sub(reach)..=(x + reach).min(picture.width() - 1);
    let rows = y.saturating_sub(1)..=(y + 1).min(picture.height() - 1);
    let pixels = columns.flat_map(|x| rows.clone().map(move |y| (x, y)));
    let (sum, count) = pixels.fold((0, 0), |(sum, count), (x, y)| {
        let [red, green, blue] = picture.get_pixel(x, y).0.map(u32::from);
        (sum + red + green + blue, count + 3)
    });
    match sum / count {
        0..=90 => Some(false),
        165.. => Some(true),
        _ => None,
    }
}

/// A picture that carries a number.
pub fn draw(number: u32) -> RgbImage {
    RgbImage::from_fn(160, 96, |x, _| {
        let is_white = number >> (x / 10) & 1 == 1;
        image::Rgb([if is_white { 235 } else { 16 }; 3])
    })
}

#[test]
fn a_number_is_read_and_a_smeared_one_is_not() {
    for wanted in [0, 1, 399, 40_000, 65_535] {
        assert_eq!(number(&draw(wanted), Area::WHOLE), Some(wanted));
    }
    let mut smeared = draw(399);
    for (x, y) in (40..60).flat_map(|x| (4..9).map(move |y| (x, y))) {
        smeared.put_pixel(x, y, image::Rgb([128; 3]));
    }
    assert_eq!(number(&smeared, Area::WHOLE), None);
}
