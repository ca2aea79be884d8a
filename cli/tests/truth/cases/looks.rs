//! Looks at previews whose pictures carry no numbers.

use image::{Rgb, RgbImage};

use crate::rendered::Previews;

/// Tolerance of a colour, in steps of 255 a channel. Means are rounded, as channels are.
const COLOUR: f64 = 3.0;

/// The colours of the six bars of `bars709.mp4`, from above.
const BARS: [[u8; 3]; 6] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [198, 134, 66],
    [0, 128, 128],
    [128, 128, 128],
];

/// All stills, the pictures of GIFs, and the tiles of the overview.
fn pictures(previews: &Previews) -> impl Iterator<Item = (String, &RgbImage)> {
    let tiles = previews.sheets.iter().flat_map(|sheet| &sheet.tiles);
    let tiles = tiles.map(|(at, tile)| (format!("tile at {at:.3} s"), tile));
    let of_slices = previews.slices.iter().flat_map(|slice| {
        let stills = slice.stills.iter();
        let stills = stills.map(|(second, still)| (format!("still at {second} s"), still));
        let gif = slice.gif.iter();
        stills.chain(gif.map(|(time, picture)| (format!("GIF at {time:.1} s"), picture)))
    });
    of_slices.chain(tiles)
}

/// The mean colour of a part of a picture; its edges are in parts of the picture's.
fn mean(picture: &RgbImage, x: (f64, f64), y: (f64, f64)) -> [f64; 3] {
    let pixels = |(from, to): (f64, f64), size: u32| {
        (from * f64::from(size)).ceil() as u32..(to * f64::from(size)).floor() as u32
    };
    let (columns, rows) = (pixels(x, picture.width()), pixels(y, picture.height()));
    let mut sum = [0.0; 3];
    let count = f64::from((columns.end - columns.start) * (rows.end - rows.start));
    for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
        for (sum, channel) in sum.iter_mut().zip(picture.get_pixel(x, y).0) {
            *sum += f64::from(channel) / count;
        }
    }
    sum
}

fn is_near(colour: [f64; 3], wanted: [u8; 3], tolerance: f64) -> bool {
    let pairs = colour.iter().zip(wanted);
    pairs
        .into_iter()
        .all(|(is, wanted)| (is.round() - f64::from(wanted)).abs() <= tolerance)
}

fn wrong_bar(picture: &RgbImage) -> Option<String> {
    BARS.iter().enumerate().find_map(|(bar, wanted)| {
        let top = bar as f64 / 6.0;
        let shown = mean(picture, (0.2, 0.8), (top + 0.05, top + 0.11));
        (!is_near(shown, *wanted, COLOUR)).then(|| format!("{wanted:?} shows as {shown:.0?}"))
    })
}

/// The bars have their colours.
pub fn bars(previews: &Previews) -> Vec<String> {
    let wrong = pictures(previews)
        .find_map(|(what, picture)| Some(format!("{what}: {}", wrong_bar(picture)?)));
    wrong.into_iter().collect()
}

/// The bars have their colours in the first tile of each sheet.
pub fn bars_of_sheets(previews: &Previews) -> Vec<String> {
    let tiles = previews
        .slices
        .iter()
        .filter_map(|slice| slice.tiles.first());
    let wrong = tiles
        .filter_map(wrong_bar)
        .map(|bar| format!("sheet: {bar}"));
    wrong.collect()
}

/// Rows of a tile of 160 pixels' width that show the picture.
const TILE_ROWS: u32 = 67;

/// Each tile with a picture has one colour, to its last row. At the edges between tiles a reader of JPGs mixes
/// a quarter of the neighbour's colour into one pixel on each side; those of even positions are left out here.
pub fn flat_tiles(previews: &Previews) -> Vec<String> {
    let mut wrong = Vec::new();
    for slice in &previews.slices {
        let count = (slice.end - f64::from(slice.start) - 1e-6).ceil() as usize;
        if slice.tiles.len() < count {
            wrong.push(format!("{} tiles of {count}", slice.tiles.len()));
        }
        for (position, tile) in slice.tiles.iter().take(count).enumerate() {
            let colour = tile.get_pixel(tile.width() / 2, tile.height() / 2).0;
            let differs = |pixel: &Rgb<u8>| !is_near(pixel.0.map(f64::from), colour, 24.0);
            let is_inside =
                |x: u32, y: u32| (2..tile.width() - 2).contains(&x) && (2..TILE_ROWS).contains(&y);
            let mut pixels = tile.enumerate_pixels();
            if let Some((x, y, pixel)) = pixels.find(|(x, y, p)| is_inside(*x, *y) && differs(p)) {
                wrong.push(format!(
                    "tile {position} is {colour:?}, and {pixel:?} at {x}, {y}"
                ));
            }
        }
    }
    wrong
}

/// The pictures stand upright.
pub fn upright(previews: &Previews) -> Vec<String> {
    let wrong = pictures(previews).find(|(_, picture)| picture.width() >= picture.height());
    let wrong = wrong.map(|(what, picture)| format!("{what} is {:?}", picture.dimensions()));
    wrong.into_iter().collect()
}

/// Stills are as large as the clean aperture.
pub fn clean_aperture(previews: &Previews) -> Vec<String> {
    let mut stills = previews.slices.iter().flat_map(|slice| &slice.stills);
    let wrong = stills.find(|(_, still)| still.dimensions() != (100, 60));
    let wrong = wrong.map(|(second, still)| format!("still {second} is {:?}", still.dimensions()));
    wrong.into_iter().collect()
}

/// The left half is transparent over hidden red, and shows the background: black, white or gray. The
/// right half is green.
pub fn transparent_left(previews: &Previews) -> Vec<String> {
    let wrong = pictures(previews).find_map(|(what, picture)| {
        let left = mean(picture, (0.05, 0.45), (0.1, 0.9));
        let right = mean(picture, (0.55, 0.95), (0.1, 0.9));
        let is_gray = is_near(left, [left[1].round() as u8; 3], 5.0);
        (!is_gray || !is_near(right, [0, 200, 0], 8.0))
            .then(|| format!("{what}: left {left:.0?}, right {right:.0?}"))
    });
    wrong.into_iter().collect()
}
