//! Bounds on a storyboard. It comes from a bucket, so it may say anything.

use thiserror::Error;

use crate::{
    grid::{Grid, TILES},
    storyboard::{Sheet, Storyboard},
};

/// Most slots of a fixed grid: a day with one a second, and some more.
const MOST_SLOTS: f64 = 100_000.0;

/// Longest film in seconds: a year.
const LONGEST: f64 = 31_622_400.0;

/// Longest time between two tiles in seconds: a day.
const LONGEST_INTERVAL: u32 = 86_400;

/// Most pixels of a sheet. A hundred tiles of an upright film, 320 × 569, have 18 million.
const MOST_PIXELS: u64 = 40_000_000;

/// Most pixels of all sheets together: as many as a film has that fills [`MOST_SLOTS`] with its largest sheets.
const MOST_WORK: u64 = 1000 * MOST_PIXELS;

/// Longest side of a JPG.
pub(crate) const LONGEST_SIDE: u64 = 65_500;

/// Why a storyboard is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Invalid {
    /// It has no tile.
    #[error("it has no tile")]
    Empty,
    /// The length is no number of seconds from zero to a year, the interval none from 1 to a day, or there are too many
    /// intervals in the film.
    #[error("{length} s are no length of a film with a tile each {interval} s")]
    Length {
        /// Length in seconds.
        length: f64,
        /// Seconds between two tiles.
        interval: u32,
    },
    /// Tiles without pixels, or with so many that a sheet is too large.
    #[error("tiles of {0} × {1} pixels are too small or too large")]
    Size(u32, u32),
    /// All sheets together have more pixels than any film needs.
    #[error("sheets of {0} pixels are too much")]
    Work(u64),
    /// The times do not ascend, or are no times.
    #[error("the tile at {0} s is not after the one before")]
    Order(f64),
    /// The sheet has more than 100 columns, or no column, or a tile beyond its hundredth place.
    #[error("{0} has a tile outside of its grid")]
    Place(String),
    /// The address is no plain relative path.
    #[error("{0:?} is no path of a sheet")]
    Url(String),
}

/// Whether all formats can be written from `storyboard`.
pub(crate) fn check(storyboard: &Storyboard) -> Result<(), Invalid> {
    let Storyboard {
        width,
        height,
        length,
        interval,
        ..
    } = *storyboard;
    let is_time = (0.0..=LONGEST).contains(&length);
    let is_interval = (1..=LONGEST_INTERVAL).contains(&interval);
    if !is_time || !is_interval || length / f64::from(interval) > MOST_SLOTS {
        return Err(Invalid::Length { length, interval });
    }
    let canvas = (
        u64::from(width) * u64::from(Grid::COLUMNS),
        u64::from(height) * u64::from(Grid::ROWS),
    );
    if width == 0 || height == 0 || !fits(canvas) {
        return Err(Invalid::Size(width, height));
    }
    for sheet in &storyboard.sheets {
        check_sheet(sheet, storyboard)?;
    }
    let pixels = |sheet: &Sheet| {
        let tiles = u64::from(sheet.columns) * u64::from(sheet.rows());
        tiles * u64::from(width) * u64::from(height)
    };
    let work = storyboard.sheets.iter().map(pixels).sum();
    if work > MOST_WORK {
        return Err(Invalid::Work(work));
    }
    let mut before = None;
    for tile in storyboard.tiles() {
        let is_after = before.is_none_or(|before| tile.start > before);
        if !(0.0..=LONGEST).contains(&tile.start) || !is_after {
            return Err(Invalid::Order(tile.start));
        }
        before = Some(tile.start);
    }
    let mut lost = storyboard.lost.windows(2);
    if let Some(pair) = lost.find(|pair| pair[0] >= pair[1]) {
        return Err(Invalid::Order(pair[1].into()));
    }
    before.map(|_| ()).ok_or(Invalid::Empty)
}

fn check_sheet(sheet: &Sheet, storyboard: &Storyboard) -> Result<(), Invalid> {
    if !is_path(&sheet.url) {
        return Err(Invalid::Url(sheet.url.clone()));
    }
    let is_in_grid = (1..=TILES).contains(&sheet.columns)
        && sheet.tiles.iter().all(|(_, place)| *place < TILES)
        && fits((
            u64::from(storyboard.width) * u64::from(sheet.columns),
            u64::from(storyboard.height) * u64::from(sheet.rows()),
        ));
    if !is_in_grid {
        return Err(Invalid::Place(sheet.url.clone()));
    }
    Ok(())
}

/// Whether a picture of this size may be decoded and written.
pub(crate) fn fits((width, height): (u64, u64)) -> bool {
    width <= LONGEST_SIDE && height <= LONGEST_SIDE && width * height <= MOST_PIXELS
}

/// Whether `url` is a relative path that means the same in every format, unescaped, and leads nowhere else.
fn is_path(url: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name =
        |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain);
    url.split('/').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyboard::tests::storyboard;

    fn with(change: impl Fn(&mut Storyboard)) -> Result<(), Invalid> {
        let mut storyboard = storyboard();
        change(&mut storyboard);
        check(&storyboard)
    }

    #[test]
    fn a_storyboard_with_ascending_times_is_valid() {
        assert_eq!(check(&storyboard()), Ok(()));
    }

    #[test]
    fn lengths_that_are_no_lengths_are_refused() {
        for length in [f64::NAN, f64::INFINITY, -1.0, 1e9] {
            let result = with(|storyboard| storyboard.length = length);
            assert!(matches!(result, Err(Invalid::Length { .. })), "{length}");
        }
        assert!(with(|storyboard| storyboard.interval = 0).is_err());
        assert!(with(|storyboard| storyboard.interval = u32::MAX).is_err());
    }

    #[test]
    fn sheets_that_are_too_large_to_decode_are_refused() {
        assert_eq!(
            with(|storyboard| storyboard.width = 0),
            Err(Invalid::Size(0, 90))
        );
        let huge = u32::MAX;
        assert_eq!(
            with(|storyboard| (storyboard.width, storyboard.height) = (huge, huge)),
            Err(Invalid::Size(huge, huge))
        );
        let place = |columns, place| {
            with(|storyboard| {
                storyboard.sheets[0].columns = columns;
                storyboard.sheets[0].tiles[0].1 = place;
            })
        };
        for (columns, at) in [(0, 0), (101, 0), (2, 100), (u32::MAX, u32::MAX)] {
            assert!(matches!(place(columns, at), Err(Invalid::Place(_))));
        }
        assert_eq!(place(10, 99), Ok(()));
    }

    #[test]
    fn more_sheets_than_the_longest_film_has_are_refused() {
        let result = with(|storyboard| {
            (storyboard.width, storyboard.height) = (400, 1000);
            let mut sheet = storyboard.sheets[0].clone();
            (sheet.columns, sheet.tiles) = (10, vec![(0.0, 99)]);
            storyboard.sheets = vec![sheet; 1001];
        });
        assert_eq!(result, Err(Invalid::Work(1001 * MOST_PIXELS)));
    }

    #[test]
    fn times_that_do_not_ascend_are_refused() {
        for start in [0.0, 2.0, f64::NAN, -1.0] {
            let result = with(|storyboard| storyboard.sheets[1].tiles[0].0 = start);
            assert!(matches!(result, Err(Invalid::Order(_))), "{start}");
        }
        assert_eq!(with(|storyboard| storyboard.lost = vec![2, 8]), Ok(()));
        let result = with(|storyboard| storyboard.lost = vec![8, 2]);
        assert_eq!(result, Err(Invalid::Order(2.0)));
        assert_eq!(
            with(|storyboard| storyboard.sheets.clear()),
            Err(Invalid::Empty)
        );
    }

    #[test]
    fn paths_that_lead_elsewhere_or_break_a_line_are_refused() {
        for url in [
            "",
            "/etc/passwd",
            "../a.jpg",
            "a/../../b.jpg",
            "a\n#EXT.jpg",
            "a b.jpg",
            "http://x/y",
            "a//b",
        ] {
            let result = with(|storyboard| storyboard.sheets[0].url = url.to_owned());
            assert_eq!(result, Err(Invalid::Url(url.to_owned())));
        }
    }
}
