//! Compares previews of films without numbers with the pictures that a full decode gives.

use image::{RgbImage, imageops::FilterType};

use crate::{
    decoded::Decoded,
    film::{Fault, LENGTH_TOLERANCE},
    rendered::Previews,
};

/// Side of the squares that are compared. GIFs are dithered, so details tell nothing.
pub const SIDE: u32 = 32;

/// Pictures are alike up to this distance (see [`Likeness::distance`]), which leaves room for dithering, JPG and
/// scaling. Pictures that have nothing to do with each other are about 1.4 apart.
const ALIKE: f64 = 0.5;

/// A picture that is farther away than the nearest picture of the film by this much is another one.
const NEARER: f64 = 0.1;

/// In how many seconds around a sample the nearest picture is looked for.
const NEAR: f64 = 15.0;

/// Samples may show the picture before or after: containers and FFmpeg round times.
const ROUNDING: f64 = 0.0025;

/// Brightness of a picture's parts, without its mean and contrast: colours are another test's business.
#[derive(Clone, Debug)]
pub struct Likeness {
    parts: Vec<f64>,
    contrast: f64,
}

impl Likeness {
    /// The likeness of a picture of any size.
    pub fn of(picture: &RgbImage) -> Self {
        let small = image::imageops::resize(picture, SIDE, SIDE, FilterType::Triangle);
        let luma = |pixel: &image::Rgb<u8>| {
            let [red, green, blue] = pixel.0.map(f64::from);
            0.3 * red + 0.59 * green + 0.11 * blue
        };
        let mut parts: Vec<f64> = small.pixels().map(luma).collect();
        let count = parts.len() as f64;
        let mean = parts.iter().sum::<f64>() / count;
        for part in &mut parts {
            *part -= mean;
        }
        let contrast = (parts.iter().map(|part| part * part).sum::<f64>() / count).sqrt();
        Self { parts, contrast }
    }

    /// 0 for the same picture, about 1.4 for pictures that have nothing to do with each other.
    pub fn distance(&self, other: &Self) -> f64 {
        // The noise of a flat picture has no shape.
        let (mine, others) = (self.contrast.max(6.0), other.contrast.max(6.0));
        let pairs = self.parts.iter().zip(&other.parts);
        let squares = pairs.map(|(a, b)| (a / mine - b / others).powi(2));
        (squares.sum::<f64>() / self.parts.len() as f64).sqrt()
    }
}

/// The pictures of a film that is whole but for `damaged`, a range in seconds.
pub struct Likenesses {
    pictures: Vec<(f64, Likeness)>,
    length: f64,
    damaged: std::ops::Range<f64>,
}

impl Likenesses {
    /// From a full decode.
    pub fn of(decoded: &[Decoded], length: f64, damaged: std::ops::Range<f64>) -> Self {
        let pictures = decoded
            .iter()
            .map(|decoded| (decoded.start, Likeness::of(&decoded.picture)));
        Self {
            pictures: pictures.collect(),
            length,
            damaged,
        }
    }

    /// What is wrong with the previews.
    pub fn judge(&self, previews: &Previews) -> Vec<Fault> {
        let mut faults = Vec::new();
        if (previews.length - self.length).abs() > LENGTH_TOLERANCE {
            let (measured, right) = (previews.length, self.length);
            faults.push(Fault::Lie(format!("{measured} s long, not {right} s")));
        }
        for slice in &previews.slices {
            let start = f64::from(slice.start);
            let is_damaged = self.damaged.start < slice.end && self.damaged.end > start;
            if let Some((reason, message)) = &slice.failure {
                if !is_damaged {
                    let what = format!("second {start} is whole, but {reason}: {message}");
                    faults.push(Fault::FalseAlarm(what));
                }
                continue;
            }
            let stills = slice
                .stills
                .iter()
                .map(|(s, still)| ("still", f64::from(*s), still));
            let gif = slice
                .gif
                .iter()
                .map(|(time, picture)| ("GIF", *time, picture));
            let mut samples = stills.chain(gif);
            faults.extend(samples.find_map(|(kind, time, shown)| {
                let what = self.wrong(time, shown)?;
                Some(Fault::Lie(format!("{kind} at {time:.1} s {what}")))
            }));
        }
        for sheet in &previews.sheets {
            let start = f64::from(sheet.start);
            let is_damaged = self.damaged.start < sheet.end && self.damaged.end > start;
            if let Some((reason, message)) = &sheet.failure
                && !is_damaged
            {
                let what = format!("the sheet at {start} s is whole, but {reason}: {message}");
                faults.push(Fault::FalseAlarm(what));
            }
            let lost = sheet.lost.iter().map(|at| f64::from(*at));
            let is_whole = |at: &f64| !(self.damaged.start - 0.1..self.damaged.end).contains(at);
            faults.extend(lost.filter(is_whole).map(|at| {
                Fault::FalseAlarm(format!(
                    "the tile at {at} s is lost, and the film is whole there"
                ))
            }));
            faults.extend(sheet.tiles.iter().find_map(|(at, tile)| {
                let what = self.wrong(*at, tile)?;
                Some(Fault::Lie(format!("tile at {at:.3} s {what}")))
            }));
        }
        faults
    }

    /// What is wrong with a sample.
    fn wrong(&self, time: f64, shown: &RgbImage) -> Option<String> {
        let shown = Likeness::of(shown);
        let oldest = if self.damaged.contains(&time) {
            1.0
        } else {
            0.0
        };
        let started = |time: f64| self.pictures.partition_point(|(start, _)| *start <= time);
        let first = started(time - oldest - ROUNDING).saturating_sub(1);
        let last = started(time + ROUNDING).max(first + 1);
        let nearest = |pictures: &[(f64, Likeness)]| {
            let distances = pictures.iter().map(|(_, picture)| picture.distance(&shown));
            distances.fold(f64::INFINITY, f64::min)
        };
        let right = nearest(&self.pictures[first..last]);
        let any = nearest(&self.pictures[started(time - NEAR)..started(time + NEAR).max(last)]);
        (right > ALIKE || right > any + NEARER).then(|| {
            format!(
                "is {right:.2} from the right picture and {any:.2} from the nearest of those around"
            )
        })
    }
}
