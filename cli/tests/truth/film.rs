//! What a film shows at each time, and the judgement of previews by it.

use image::RgbImage;

use crate::{
    number::{Area, draw, number},
    rendered::{Previews, SheetPreviews, SlicePreviews},
};

/// Times are rounded by containers (1 ms in Matroska and FLV) and by us.
const ROUNDING: f64 = 0.0025;

/// A sample may be older than it should by this many seconds where the film is damaged.
const OLDEST: f64 = 1.0;

/// A tile is rendered with the pictures of so many seconds behind it.
const BEHIND_TILE: f64 = 0.05;

/// Measured lengths differ by a picture at most: some containers do not tell how long the last one
/// stands.
pub const LENGTH_TOLERANCE: f64 = 0.11;

/// A picture of a film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// When it comes on screen, in seconds from the first picture.
    pub start: f64,
    /// The number that it carries.
    pub number: u32,
    /// Whether a fault hit it, or a picture that it may refer to: it need not be shown.
    pub is_hit: bool,
}

/// What a film shows.
#[derive(Clone, Debug)]
pub struct Film {
    /// The pictures, in the order of their starts.
    pub pictures: Vec<Picture>,
    /// Length in seconds.
    pub length: f64,
    /// The bits of a number that are to be seen.
    pub mask: u32,
    /// Where the numbered picture lies in the outputs, at a time of the film.
    pub area: fn(f64) -> Area,
}

impl Film {
    /// A film with the number `number(t)` at each tenth of a second *t*.
    pub fn in_tenths(length: f64, number: impl Fn(f64) -> u32) -> Self {
        let tenths = (length * 10.0).round() as u32;
        let pictures = (0..tenths).map(|tenth| {
            let start = f64::from(tenth) / 10.0;
            Picture {
                start,
                number: number(start),
                is_hit: false,
            }
        });
        Self::of(pictures.collect(), length)
    }

    /// A film of these pictures.
    pub fn of(pictures: Vec<Picture>, length: f64) -> Self {
        Self {
            pictures,
            length,
            mask: u32::MAX,
            area: |_| Area::WHOLE,
        }
    }

    /// The same, with a fault in the pictures that start in `[from, to)`.
    pub fn hit(mut self, from: f64, to: f64) -> Self {
        for picture in &mut self.pictures {
            picture.is_hit |= picture.start >= from - ROUNDING && picture.start < to - ROUNDING;
        }
        self
    }

    /// The picture on screen at `time`.
    fn on_screen(&self, time: f64) -> Picture {
        let started = self
            .pictures
            .partition_point(|picture| picture.start <= time);
        self.pictures[started.saturating_sub(1)]
    }

    /// Whether a sample of `time` may show the number `shown`.
    fn allows(&self, time: f64, shown: Option<u32>) -> bool {
        let Some(shown) = shown else { return false };
        let fits = |picture: &Picture| (picture.number ^ shown) & self.mask == 0;
        // A container may round the start of a picture to either side of a sample.
        let (before, after) = (
            self.on_screen(time - ROUNDING),
            self.on_screen(time + ROUNDING),
        );
        if fits(&before) || fits(&after) {
            return true;
        }
        // While nothing is damaged, each picture stands there for the next one. One that a fault may have hit
        // is right if it carries its own number.
        let is_damaged = before.is_hit || after.is_hit;
        let recent =
            |picture: &&Picture| picture.start <= time && picture.start > time - OLDEST - ROUNDING;
        is_damaged && self.pictures.iter().filter(recent).any(fits)
    }

    /// The wrong ones of these samples: time and number. So many may be garbled.
    fn wrong_samples<'a>(
        &self,
        kind: &'static str,
        samples: impl Iterator<Item = (f64, &'a RgbImage)>,
        mut garbled: u32,
    ) -> Vec<(&'static str, f64, Option<u32>)> {
        let mut wrong = Vec::new();
        let mut last = None;
        let mut was_garbled = false;
        for (time, picture) in samples {
            let shown = number(picture, (self.area)(time));
            // A right picture that stands is not garbled.
            let stands = shown.is_some() && shown == last && !was_garbled;
            last = shown;
            if self.allows(time, shown) {
                was_garbled = false;
                continue;
            }
            was_garbled = !stands;
            if self.is_hit_at(time) && !stands && garbled > 0 {
                garbled -= 1;
                continue;
            }
            wrong.push((kind, time, shown));
        }
        wrong
    }

    fn is_hit_at(&self, time: f64) -> bool {
        let is_hit = |time| self.on_screen(time).is_hit;
        is_hit(time - ROUNDING) || is_hit(time + ROUNDING)
    }

    /// Whether the picture at `time` is hit, or one that is decoded with it.
    fn is_hit_near(&self, time: f64) -> bool {
        self.is_hit_at(time) || self.is_hit_at(time + BEHIND_TILE)
    }

    /// Whether a slice holds a picture that a fault hit.
    fn is_hit_within(&self, slice: &SlicePreviews) -> bool {
        let start = f64::from(slice.start);
        let inside = |picture: &&Picture| picture.start >= start && picture.start < slice.end;
        self.on_screen(start).is_hit || self.pictures.iter().filter(inside).any(|p| p.is_hit)
    }

    /// What is wrong with the previews of the film: lies and false alarms.
    pub fn judge(&self, previews: &Previews) -> Vec<Fault> {
        let mut faults = Vec::new();
        if (previews.length - self.length).abs() > LENGTH_TOLERANCE {
            let (measured, right) = (previews.length, self.length);
            faults.push(Fault::Lie(format!("{measured} s long, not {right} s")));
        }
        let is_damaged = self.damaged_seconds() > OLDEST + ROUNDING;
        let is_whole = self.damaged_seconds() == 0.0;
        if is_damaged && previews.status == "complete" {
            faults.push(Fault::Lie("complete, though damaged".into()));
        }
        if is_whole && previews.status != "complete" {
            faults.push(Fault::FalseAlarm(previews.status.clone()));
        }
        faults.extend(self.judge_slices(previews));
        faults
    }

    /// What is wrong with the slices, whatever is said of the whole.
    pub fn judge_slices(&self, previews: &Previews) -> Vec<Fault> {
        let slices = previews.slices.iter();
        let wrong_samples = slices.clone().filter_map(|slice| self.judge_slice(slice));
        let sheets = previews.sheets.iter();
        let wrong_tiles = sheets.filter_map(|sheet| self.judge_sheet(sheet));
        wrong_samples
            .chain(slices.filter_map(wrong_count))
            .chain(wrong_tiles)
            .collect()
    }

    /// What is wrong with a sheet of the overview.
    fn judge_sheet(&self, sheet: &SheetPreviews) -> Option<Fault> {
        if let Some((reason, message)) = &sheet.failure {
            let (start, end) = (f64::from(sheet.start), sheet.end);
            let is_inside = |picture: &&Picture| picture.start >= start && picture.start < end;
            let is_hit = self.on_screen(start).is_hit
                || self.pictures.iter().filter(is_inside).any(|p| p.is_hit);
            return (!is_hit).then(|| {
                Fault::FalseAlarm(format!(
                    "the sheet at second {start} is whole, but {reason}: {message}"
                ))
            });
        }
        let mut lost = sheet.lost.iter().map(|at| f64::from(*at));
        if let Some(at) = lost.find(|at| !self.is_hit_near(*at)) {
            let what = format!("the tile at second {at} is lost, though the film is whole there");
            return Some(Fault::FalseAlarm(what));
        }
        let is_in_order = sheet.tiles.is_sorted_by(|tile, next| tile.0 < next.0);
        if !is_in_order || sheet.tiles.len() > 100 {
            return Some(Fault::Lie("tiles come twice, or out of order".into()));
        }
        let tiles = sheet.tiles.iter().map(|(at, picture)| (*at, picture));
        let wrong = self.wrong_samples("tile", tiles, 1);
        let (kind, time, shown) = wrong.first()?;
        let right = self.on_screen(time + ROUNDING).number;
        let count = wrong.len();
        Some(Fault::Lie(format!(
            "{kind} at {time:.3} s shows {shown:?}, not {right}; {count} tiles of the sheet are wrong"
        )))
    }

    /// How long pictures that a fault hit are on screen.
    fn damaged_seconds(&self) -> f64 {
        let ends = self.pictures.iter().skip(1).map(|picture| picture.start);
        let spans = self.pictures.iter().zip(ends.chain([self.length]));
        let hit = spans.filter(|(picture, _)| picture.is_hit);
        hit.map(|(picture, end)| end - picture.start).sum()
    }

    /// What is wrong with a slice.
    pub fn judge_slice(&self, slice: &SlicePreviews) -> Option<Fault> {
        if let Some((reason, message)) = &slice.failure {
            let is_false = !self.is_hit_within(slice);
            return is_false.then(|| {
                let start = slice.start;
                Fault::FalseAlarm(format!("second {start} is whole, but {reason}: {message}"))
            });
        }
        let stills = slice.stills.iter();
        let stills = stills.map(|(second, still)| (f64::from(*second), still));
        let gif = slice.gif.iter().map(|(time, picture)| (*time, picture));
        // Garbled pictures of a damaged stretch may be shown for a second at most in each slice.
        let mut wrong = self.wrong_samples("still", stills, 1);
        wrong.extend(self.wrong_samples("GIF", gif, 10));
        let (kind, time, shown) = wrong.first()?;
        let shown = shown.map_or("no number".to_owned(), |number| number.to_string());
        let right = self.on_screen(time + ROUNDING).number;
        Some(Fault::Lie(format!(
            "{kind} at {time:.1} s shows {shown}, not {right}; {} samples of the slice at {} s are wrong",
            wrong.len(),
            slice.start
        )))
    }
}

/// Whether a good slice has too many or too few stills, or a GIF of another length.
fn wrong_count(slice: &SlicePreviews) -> Option<Fault> {
    if slice.failure.is_some() {
        return None;
    }
    let seconds = slice.end - f64::from(slice.start);
    let (stills, pictures) = (seconds - 1e-6, seconds * 10.0 - 1e-6);
    let right = (stills.ceil() as usize, pictures.ceil() as usize);
    (right != (slice.stills.len(), slice.gif.len())).then(|| {
        let (stills, gif, start) = (slice.stills.len(), slice.gif.len(), slice.start);
        let what = "stills and a GIF of";
        Fault::Lie(format!(
            "{stills} {what} {gif} tenths in {seconds} s at {start} s"
        ))
    })
}

/// What is wrong with previews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something is called good and is not.
    Lie(String),
    /// Something is whole and is refused.
    FalseAlarm(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lie(what) => write!(f, "lie: {what}"),
            Self::FalseAlarm(what) => write!(f, "false alarm: {what}"),
        }
    }
}

/// A good slice of three seconds that shows these numbers in tenths of a second.
fn slice(numbers: impl Fn(u32) -> u32) -> SlicePreviews {
    let picture = |tenth: u32| draw(numbers(tenth));
    SlicePreviews {
        start: 0,
        end: 3.0,
        failure: None,
        stills: (0..3)
            .map(|second| (second, picture(second * 10)))
            .collect(),
        gif: (0..30)
            .map(|tenth| (f64::from(tenth) / 10.0, picture(tenth)))
            .collect(),
        tiles: Vec::new(),
    }
}

#[test]
fn a_picture_that_stands_for_another_is_a_lie_and_in_a_damaged_second_it_is_none() {
    let whole = Film::in_tenths(3.0, |time| (time * 10.0).round() as u32);
    let hit = |to| whole.clone().hit(1.0, to);
    assert_eq!(whole.judge_slice(&slice(|tenth| tenth)), None);
    let standing = |to: u32| move |tenth| if (10..to).contains(&tenth) { 9 } else { tenth };
    assert!(matches!(
        whole.judge_slice(&slice(standing(12))),
        Some(Fault::Lie(_))
    ));
    assert_eq!(hit(1.2).judge_slice(&slice(standing(12))), None);
    // Two seconds of it are too many, and so is one wrong picture behind the damage.
    assert!(matches!(
        hit(3.0).judge_slice(&slice(standing(30))),
        Some(Fault::Lie(_))
    ));
    assert!(matches!(
        hit(1.2).judge_slice(&slice(standing(14))),
        Some(Fault::Lie(_))
    ));
}

#[test]
fn a_slice_that_fails_is_a_false_alarm_only_if_it_is_whole() {
    let failed = SlicePreviews {
        failure: Some(("damaged".into(), "why".into())),
        ..slice(|tenth| tenth)
    };
    let whole = Film::in_tenths(6.0, |time| (time * 10.0).round() as u32);
    assert!(matches!(
        whole.judge_slice(&failed),
        Some(Fault::FalseAlarm(_))
    ));
    assert_eq!(whole.clone().hit(2.9, 3.0).judge_slice(&failed), None);
    assert!(matches!(
        whole.hit(3.0, 4.0).judge_slice(&failed),
        Some(Fault::FalseAlarm(_))
    ));
}

#[test]
fn a_tile_is_lost_only_where_the_film_is_damaged() {
    let whole = Film::in_tenths(6.0, |time| (time * 10.0).round() as u32);
    let sheet = SheetPreviews {
        start: 0,
        end: 6.0,
        failure: None,
        tiles: vec![(0.0, draw(0)), (4.0, draw(40))],
        lost: vec![2],
    };
    assert!(matches!(
        whole.judge_sheet(&sheet),
        Some(Fault::FalseAlarm(_))
    ));
    assert_eq!(whole.clone().hit(1.5, 3.5).judge_sheet(&sheet), None);
    assert!(matches!(
        whole.hit(4.0, 5.5).judge_sheet(&sheet),
        Some(Fault::FalseAlarm(_))
    ));
}

#[test]
fn a_slice_without_all_its_stills_is_a_lie() {
    let mut short = slice(|tenth| tenth);
    short.stills.pop();
    assert!(matches!(wrong_count(&short), Some(Fault::Lie(_))));
    assert_eq!(wrong_count(&slice(|tenth| tenth)), None);
}
