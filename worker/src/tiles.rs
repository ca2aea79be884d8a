//! How a storyboard's sheet is laid out.

use gifgen_shared::VideoStream;

/// Width of a storyboard's tiles, in pixels, unless `FRAME_WIDTH` says otherwise.
const TILE_WIDTH: u32 = 160;

/// Widest tile, in pixels: more is no thumbnail.
const WIDEST_TILE: u32 = 320;

/// Longest side of a JPG that FFmpeg writes, in pixels.
const JPG_SIDE: u32 = 65_500;

/// Fewest columns of a full sheet: 30 tiles make five rows of six.
const TILE_COLUMNS: u32 = 6;

/// Columns of an overview's sheet: ten rows of ten.
const OVERVIEW_COLUMNS: u32 = 10;

/// Highest tile of an overview, in pixels. A hundred of them stay under 100 MB and under [`JPG_SIDE`].
const HIGHEST_OVERVIEW_TILE: u32 = 1024;

/// A sprite sheet's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiles {
    /// Tiles in a row.
    pub columns: u32,
    /// Rows.
    pub rows: u32,
    /// Width of a tile, in pixels; an even number.
    pub width: u32,
    /// Height of a tile, in pixels; an even number.
    pub height: u32,
}

impl Tiles {
    /// The layout for `count` stills of `video`, each `width` pixels wide if that is set.
    pub(crate) fn of(count: u32, video: &VideoStream, width: Option<u32>) -> Self {
        let square = f64::from(count).sqrt().ceil() as u32;
        let columns = square.max(TILE_COLUMNS).min(count);
        let rows = count.div_ceil(columns);
        let (width, height) = size(video, width, even(JPG_SIDE / rows));
        Self {
            columns,
            rows,
            width,
            height,
        }
    }

    /// The layout for `count` tiles of an overview of `video`, each `width` pixels wide. Their size does not depend on
    /// `count`.
    pub(crate) fn of_overview(count: u32, video: &VideoStream, width: u32) -> Self {
        let (width, height) = size(video, Some(width), HIGHEST_OVERVIEW_TILE);
        let columns = OVERVIEW_COLUMNS.min(count).max(1);
        Self {
            columns,
            rows: count.div_ceil(columns),
            width,
            height,
        }
    }

    /// Width and height of a sheet, in pixels.
    pub(crate) fn sheet_size(&self) -> (u32, u32) {
        (self.columns * self.width, self.rows * self.height)
    }

    /// Where tile `place` starts, in pixels from the left and from the top.
    pub(crate) fn corner(&self, place: u32) -> (u32, u32) {
        let (column, row) = (place % self.columns, place / self.columns);
        (column * self.width, row * self.height)
    }
}

/// Width and height of a tile that is at most `highest` pixels high.
fn size(video: &VideoStream, width: Option<u32>, highest: u32) -> (u32, u32) {
    let widest = u64::from(highest) * u64::from(video.width) / u64::from(video.height.max(1));
    let wanted = width.unwrap_or(TILE_WIDTH);
    let width = even(wanted.min(WIDEST_TILE).min(widest as u32)).max(2);
    (width, even(video.height_at(width) + 1).min(highest))
}

/// Two pixels share their colour in each direction, so tiles with odd sides would bleed into their neighbours.
fn even(pixels: u32) -> u32 {
    pixels / 2 * 2
}
#[cfg(test)]
mod tests {
    use gifgen_shared::Colour;

    use super::*;

    fn video(width: u32, height: u32) -> VideoStream {
        VideoStream {
            index: 0,
            start_time: 0.0,
            width,
            height,
            interlaced: false,
            seek_margin: 0,
            colour: Colour::default(),
            crop: None,
            turn: None,
            hidden_keyframes: false,
        }
    }

    #[test]
    fn thirty_tiles_make_five_rows_of_six() {
        let tiles = Tiles {
            columns: 6,
            rows: 5,
            width: 160,
            height: 90,
        };
        assert_eq!(Tiles::of(30, &video(1920, 1080), None), tiles);
    }

    #[test]
    fn fewer_tiles_than_a_row_has_make_a_shorter_row() {
        let tiles = Tiles::of(3, &video(1920, 1080), None);
        assert_eq!((tiles.columns, tiles.rows), (3, 1));
    }

    #[test]
    fn tiles_have_even_sides() {
        let sides = |video, asked| {
            let tiles = Tiles::of(30, &video, asked);
            (tiles.width, tiles.height)
        };
        assert_eq!(sides(video(478, 200), None), (160, 68));
        assert_eq!(sides(video(1920, 1080), Some(161)), (160, 90));
        assert_eq!(sides(video(8000, 2), Some(16)), (16, 2));
    }

    #[test]
    fn the_largest_sheet_of_tall_pictures_fits_into_a_jpg() {
        let tiles = Tiles::of(901, &video(64, 1024), Some(320));
        assert!(tiles.rows * tiles.height <= JPG_SIDE, "{tiles:?}");
    }

    #[test]
    fn a_sheet_of_an_overview_has_ten_columns_and_tiles_of_one_size() {
        let full = Tiles::of_overview(100, &video(1920, 1080), 160);
        let size = |tiles: &Tiles| (tiles.columns, tiles.rows, tiles.width, tiles.height);
        assert_eq!(size(&full), (10, 10, 160, 90));
        let last = Tiles::of_overview(3, &video(1920, 1080), 160);
        assert_eq!(size(&last), (3, 1, 160, 90));
        assert_eq!(full.corner(23), (480, 180));
        let tall = Tiles::of_overview(100, &video(64, 1024), 320);
        assert!(tall.height <= HIGHEST_OVERVIEW_TILE && tall.sheet_size().1 <= JPG_SIDE);
    }

    #[test]
    fn tiles_are_as_wide_as_is_asked_for_up_to_a_thumbnail() {
        let width = |asked| Tiles::of(30, &video(1920, 1080), asked).width;
        assert_eq!([width(Some(64)), width(Some(1920))], [64, WIDEST_TILE]);
    }
}
