//! The video stream that is rendered, and its size on screen.

use serde::{Deserialize, Serialize};

use crate::{
    colour::{Alpha, Colour, Matrix},
    crop::Crop,
};

/// The stream that slices are cut from. The splitter chooses it once per source and records it in
/// `run.json`. A worker whose event belongs to no run chooses by the same rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoStream {
    /// FFmpeg's index among all streams of the container, from zero.
    pub index: u32,
    /// Timestamp of the first picture on the container's clock, in seconds. Slices count from here.
    pub start_time: f64,
    /// Displayed width in pixels, after rotation and with square pixels.
    pub width: u32,
    /// Displayed height in pixels.
    pub height: u32,
    /// Whether pictures must be deinterlaced.
    #[serde(default)]
    pub interlaced: bool,
    /// Seconds by which FFmpeg seeks before the wanted time: 0 where a seek lands on a keyframe, more
    /// where it can land anywhere (MPEG-TS, MPEG-PS), and [`FROM_BEGINNING`] where no keyframe can be trusted.
    #[serde(default)]
    pub seek_margin: u32,
    /// How its numbers stand for colours.
    #[serde(default)]
    pub colour: Colour,
    /// The part of the pictures that is shown. `None` is all of them.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// How to turn all pictures, because only the first one says it (SEI of H.264 and HEVC). `None` leaves it to FFmpeg,
    /// which follows the container, and from 7 on each picture.
    #[serde(default)]
    pub turn: Option<Turn>,
    /// Whether pictures refer to others, and the decoder does not say which ones do not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden_keyframes: bool,
}

/// How pictures are turned to stand upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// By 90 degrees clockwise.
    Clockwise,
    /// By 90 degrees counterclockwise.
    Counterclockwise,
    /// By 180 degrees.
    Half,
}

/// The seek margin with which FFmpeg decodes from the beginning of the file.
pub const FROM_BEGINNING: u32 = u32::MAX;

impl Turn {
    /// From a rotation as ffprobe gives it, in degrees counterclockwise. `None` for other angles than right ones.
    pub fn of(rotation: i64) -> Option<Self> {
        match rotation.rem_euclid(360) {
            90 => Some(Self::Counterclockwise),
            180 => Some(Self::Half),
            270 => Some(Self::Clockwise),
            _ => None,
        }
    }
}

/// Limits of plausible values: the longest side in pixels, and the latest start in seconds (95 years).
const LONGEST_SIDE: u32 = 65_535;
const LATEST_START: f64 = 3e9;

impl VideoStream {
    /// Seconds by which FFmpeg seeks before the wanted time.
    pub fn margin(&self) -> u32 {
        match self.colour.alpha {
            // FFmpeg's demuxers give a palette with the first packet only, and a seek drops that.
            Alpha::Palette => FROM_BEGINNING,
            _ => self.seek_margin,
        }
    }

    /// Whether the values are possible. Events come from outside, so they are checked.
    pub fn is_plausible(&self) -> bool {
        let side = 1..=LONGEST_SIDE;
        self.start_time.abs() <= LATEST_START
            && side.contains(&self.width)
            && side.contains(&self.height)
            && self.colour.is_plausible()
            && self.crop.is_none_or(|crop| crop.is_plausible())
    }

    /// The matrix of the pictures.
    pub fn matrix(&self) -> Matrix {
        let by_size = Matrix::of_size(self.width, self.height);
        self.colour.matrix.unwrap_or(by_size)
    }

    /// The height in pixels, at least 1, that keeps the display aspect ratio at `width`.
    pub fn height_at(&self, width: u32) -> u32 {
        let height =
            f64::from(width) * f64::from(self.height.max(1)) / f64::from(self.width.max(1));
        (height.round() as u32).max(1)
    }
}

/// Displayed width and height, from coded pixels, sample aspect ratio (numerator, denominator) and
/// rotation in degrees. Players stretch the wider axis, so 1280×1080 at 3:2 is 1920×1080.
pub fn displayed_size(width: u32, height: u32, sar: (u32, u32), rotation: i64) -> (u32, u32) {
    let (numerator, denominator) = if sar.0 == 0 || sar.1 == 0 {
        (1, 1)
    } else {
        sar
    };
    let ratio = f64::from(numerator) / f64::from(denominator);
    let stretched = ((f64::from(width) * ratio).round() as u32).max(1);
    if rotation.rem_euclid(180) == 90 {
        (height, stretched)
    } else {
        (stretched, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_a_turn_only_if_it_is_a_right_angle() {
        assert_eq!(Turn::of(90), Some(Turn::Counterclockwise));
        assert_eq!(Turn::of(-90), Some(Turn::Clockwise));
        assert_eq!(
            (Turn::of(-180), Turn::of(0), Turn::of(45)),
            (Some(Turn::Half), None, None)
        );
    }

    #[test]
    fn rectangular_samples_are_stretched() {
        assert_eq!(displayed_size(1280, 1080, (3, 2), 0), (1920, 1080));
        assert_eq!(displayed_size(800, 640, (1137, 800), 0), (1137, 640));
        assert_eq!(displayed_size(161, 121, (0, 1), 0), (161, 121));
    }

    #[test]
    fn a_quarter_turn_swaps_the_sides() {
        assert_eq!(displayed_size(1920, 1080, (1, 1), -90), (1080, 1920));
        assert_eq!(displayed_size(1920, 1080, (1, 1), 270), (1080, 1920));
        assert_eq!(displayed_size(1920, 1080, (1, 1), 180), (1920, 1080));
    }

    #[test]
    fn the_height_keeps_the_ratio_and_is_never_zero() {
        let stream = |width, height| VideoStream {
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
        };
        assert_eq!(stream(1920, 1080).height_at(240), 135);
        assert_eq!(stream(1080, 1920).height_at(240), 427);
        assert_eq!(stream(8000, 2).height_at(16), 1);
    }
}
