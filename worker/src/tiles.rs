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
        // Two pixels share their colour in each direction, so tiles with odd sides would bleed into
        // their neighbours.
        let even = |pixels: u32| pixels / 2 * 2;
        let highest = even(JPG_SIDE / rows);
        let widest = u64::from(highest) * u64::from(video.width) / u64::from(video.height);
        let wanted = width.unwrap_or(TILE_WIDTH);
        let width = even(wanted.min(WIDEST_TILE).min(widest as u32)).max(2);
        Self {
            columns,
            rows,
            width,
            height: even(video.height_at(width) + 1).min(highest),
        }
    }
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
    fn tiles_are_as_wide_as_is_asked_for_up_to_a_thumbnail() {
        let width = |asked| Tiles::of(30, &video(1920, 1080), asked).width;
        assert_eq!([width(Some(64)), width(Some(1920))], [64, WIDEST_TILE]);
    }
}
