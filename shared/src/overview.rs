//! The overview: the whole film's storyboard, made of keyframes where there are some.

use std::iter;

/// Most tiles of an overview whose interval is not set.
const MOST_TILES: f64 = 1080.0;

/// Between keyframes that are farther apart than this, in seconds, exact pictures are shown.
pub const FAR_SECONDS: f64 = 30.0;

/// Tiles of a sheet, at most.
pub const TILES_PER_SHEET: usize = 100;

/// One sheet of an overview: up to 100 multiples of the interval. Each multiple has at most one tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sheet {
    /// Position among the sheets of its source, from zero.
    pub index: u32,
    /// Its first multiple, in seconds.
    pub start: u32,
    /// End in seconds, exclusive.
    pub end: f64,
    /// Seconds between two multiples, from 1.
    pub interval: u32,
}

impl Sheet {
    /// Its multiples of the interval, in seconds.
    pub fn times(&self) -> impl Iterator<Item = u32> + use<> {
        let Self {
            start,
            end,
            interval,
            ..
        } = *self;
        let times = (0u32..).map(move |n| start + n * interval);
        times.take_while(move |time| *time == start || f64::from(*time) < end)
    }
}

/// The sheets of a film of `length` seconds, without gaps or overlaps.
pub fn sheets(length: f64, interval: u32) -> Vec<Sheet> {
    let seconds = interval * TILES_PER_SHEET as u32;
    let count = multiples(length, interval)
        .count()
        .div_ceil(TILES_PER_SHEET) as u32;
    let sheet = |index: u32| Sheet {
        index,
        start: index * seconds,
        end: length.min(f64::from((index + 1) * seconds)),
        interval,
    };
    (0..count).map(sheet).collect()
}

/// A tile of an overview. `K` is how a keyframe is found in the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile<K> {
    /// The multiple of the interval for which it is there, in seconds. It decides which sheet has the tile.
    pub slot: u32,
    /// From when on its picture is on screen, in seconds: the keyframe's own time, or the time for which an exact
    /// picture is asked. The tile is shown until the next one.
    pub at: f64,
    /// The keyframe that it shows. `None` is the exact picture at that time.
    pub keyframe: Option<K>,
}

/// Seconds between two tiles of a film of `length` seconds: `wished`, or so many that there are 1,080 tiles at most.
pub fn interval(length: f64, wished: Option<u32>) -> u32 {
    let least = (length / MOST_TILES).ceil().max(1.0);
    wished.unwrap_or(least as u32).max(1)
}

/// The tiles of a film of `length` seconds, one each `interval` seconds at most. `keyframes` are the film's, each with
/// its time in seconds, in order.
///
/// At each multiple of the interval, a viewer sees the last keyframe at or before it. So where keyframes are far apart
/// there are fewer tiles, and none is repeated. Only if more than 30 s lie between two keyframes, the multiples between
/// them have exact pictures.
pub fn tiles<K>(
    length: f64,
    interval: u32,
    keyframes: impl IntoIterator<Item = (f64, K)>,
) -> Vec<Tile<K>> {
    let mut keyframes = keyframes.into_iter().peekable();
    let mut tiles: Vec<Tile<K>> = Vec::new();
    // When the last keyframe was, if there was one.
    let mut since = None;
    for time in multiples(length, interval) {
        let up_to_time = iter::from_fn(|| keyframes.next_if(|(at, _)| *at <= time));
        if let Some((at, keyframe)) = up_to_time.last() {
            since = Some(at);
            tiles.push(Tile {
                slot: time as u32,
                at,
                keyframe: Some(keyframe),
            });
            continue;
        }
        let next = keyframes.peek().map_or(length, |(at, _)| *at);
        if since.is_none_or(|since| next - since > FAR_SECONDS) {
            tiles.push(Tile {
                slot: time as u32,
                at: time,
                keyframe: None,
            });
        }
    }
    tiles
}

/// The multiples of the interval in the film; 0 is one even of the shortest film.
fn multiples(length: f64, interval: u32) -> impl Iterator<Item = f64> {
    let multiples = (0u32..).map(move |n| f64::from(n) * f64::from(interval));
    multiples.take_while(move |time| *time == 0.0 || *time < length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(length: f64, interval: u32, keyframes: &[f64]) -> Vec<(f64, bool)> {
        let keyframes = keyframes.iter().map(|at| (*at, ()));
        let tiles = tiles(length, interval, keyframes);
        let short = tiles.iter().map(|tile| (tile.at, tile.keyframe.is_none()));
        short.collect()
    }

    #[test]
    fn a_film_has_1_080_tiles_at_most_unless_more_are_wished() {
        assert_eq!(interval(59.5, None), 1);
        assert_eq!(interval(1080.0, None), 1);
        assert_eq!(interval(1080.5, None), 2);
        assert_eq!(interval(3.0 * 3600.0, None), 10);
        assert_eq!(interval(3.0 * 3600.0, Some(1)), 1);
    }

    #[test]
    fn a_tile_is_the_last_keyframe_at_or_before_its_time_and_none_comes_twice() {
        let keyframes = [0.0, 2.0, 4.0, 11.0, 11.5];
        assert_eq!(
            of(20.0, 4, &keyframes),
            [(0.0, false), (4.0, false), (11.5, false)]
        );
    }

    #[test]
    fn between_keyframes_that_are_far_apart_pictures_are_exact() {
        let exact = [(0.0, false), (20.0, true), (40.0, true), (60.0, true)];
        assert_eq!(of(80.0, 20, &[0.0]), exact);
        let between = [10.0, 15.0, 20.0, 25.0, 30.0, 35.0].map(|at| (at, true));
        let tiles = of(50.0, 5, &[0.0, 5.0, 36.0]);
        assert_eq!(tiles[2..8], between);
        assert_eq!(
            (tiles[1], tiles[8], tiles.len()),
            ((5.0, false), (36.0, false), 9)
        );
        assert_eq!(of(29.0, 10, &[0.0]), [(0.0, false)]);
    }

    #[test]
    fn a_film_that_starts_without_a_keyframe_starts_with_an_exact_picture() {
        let tiles = [(0.0, true), (1.0, true), (1.5, false)];
        assert_eq!(of(4.0, 1, &[1.5]), tiles);
        assert_eq!(of(0.04, 1, &[]), [(0.0, true)]);
    }

    #[test]
    fn a_film_of_three_hours_has_eleven_sheets() {
        let sheets = sheets(10_800.0, 10);
        assert_eq!(sheets.len(), 11);
        let last = sheets.last().unwrap();
        assert_eq!(
            (last.start, last.end, last.times().count()),
            (10_000, 10_800.0, 80)
        );
    }

    proptest! {
        #[test]
        fn sheets_cover_the_multiples_of_the_film_once(ms in 1u32..20_000_000, interval in 1u32..=60) {
            let length = f64::from(ms) / 1000.0;
            let sheets = sheets(length, interval);
            let times: Vec<f64> = sheets.iter().flat_map(Sheet::times).map(f64::from).collect();
            prop_assert_eq!(times, multiples(length, interval).collect::<Vec<_>>());
            prop_assert!(sheets.iter().all(|sheet| (1..=TILES_PER_SHEET).contains(&sheet.times().count())));
            prop_assert_eq!(sheets.last().unwrap().end, length);
        }

        #[test]
        fn each_time_has_its_picture(
            mut keyframes in prop::collection::vec(0u32..3_000, 0..60),
            length in 1u32..3_000, interval in 1u32..40,
        ) {
            keyframes.sort_unstable();
            keyframes.dedup();
            let keyframes: Vec<f64> = keyframes.iter().map(|tenth| f64::from(*tenth) / 10.0).collect();
            let length = f64::from(length) / 10.0;
            let tiles = of(length, interval, &keyframes);
            prop_assert!(tiles.is_sorted_by(|tile, next| tile.0 < next.0));
            prop_assert!(tiles[0].0 == 0.0);
            prop_assert!(tiles.len() as f64 <= (length / f64::from(interval)).ceil());
            for time in multiples(length, interval) {
                let keyframe = keyframes.iter().rfind(|at| **at <= time);
                let tile = tiles.iter().rfind(|tile| tile.0 <= time);
                let (at, is_exact) = *tile.unwrap();
                // It shows the last keyframe, or what is on screen later.
                prop_assert!(keyframe.is_none_or(|keyframe| at >= *keyframe));
                prop_assert!(is_exact || keyframe == Some(&at));
                let next = keyframes.iter().find(|at| **at > time).copied().unwrap_or(length);
                let is_far = keyframe.is_none_or(|keyframe| next - keyframe > FAR_SECONDS);
                prop_assert!(!is_far || time - at < f64::from(interval));
            }
        }
    }
}
