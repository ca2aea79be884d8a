//! The part of coded pictures that a container says is shown.

use serde::{Deserialize, Serialize};

use crate::{header::Header, video_stream::displayed_size};

/// What a container says to cut off coded pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerCrop {
    /// Pixels to cut off the left side.
    pub left: u32,
    /// Pixels to cut off the top.
    pub top: u32,
    /// Pixels to cut off the right side.
    pub right: u32,
    /// Pixels to cut off the bottom.
    pub bottom: u32,
    /// Width and height of what is left on screen, if the container says so. Only their ratio counts.
    pub display: Option<(u32, u32)>,
}

/// A part of the pictures, after rotation, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Crop {
    /// Pixels left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// The pictures as they are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Sample aspect ratio, as numerator and denominator.
    pub sar: (u32, u32),
    /// Degrees by which players rotate, counterclockwise.
    pub rotation: i64,
}

impl Crop {
    /// Whether the values are possible. Events come from outside, so they are checked.
    pub(crate) fn is_plausible(&self) -> bool {
        let ends = [(self.left, self.width), (self.top, self.height)];
        let fits = |(start, length): (u32, u32)| length > 0 && start <= 65_535 && length <= 65_535;
        ends.into_iter().all(fits)
    }
}

impl Header {
    /// The header of the video without what the container cuts off. A crop that leaves nothing is
    /// none.
    pub fn cropped(mut self, crop: ContainerCrop) -> Self {
        let Coded {
            size: (width, height),
            sar,
            rotation,
        } = self.coded;
        let rest = |whole: u32, one: u32, other: u32| {
            whole
                .checked_sub(one)?
                .checked_sub(other)
                .filter(|rest| *rest > 0)
        };
        let (Some(w), Some(h)) = (
            rest(width, crop.left, crop.right),
            rest(height, crop.top, crop.bottom),
        ) else {
            return self;
        };
        if (w, h) == (width, height) {
            return self;
        }
        let sar = match crop.display {
            Some((across, down)) => ratio(
                u64::from(across) * u64::from(h),
                u64::from(down) * u64::from(w),
            ),
            None => sar,
        };
        let (left, top) = match rotation.rem_euclid(360) {
            90 => (crop.top, crop.right),
            180 => (crop.right, crop.bottom),
            270 => (crop.bottom, crop.left),
            _ => (crop.left, crop.top),
        };
        let is_turned = rotation.rem_euclid(180) == 90;
        let (turned_width, turned_height) = if is_turned { (h, w) } else { (w, h) };
        (self.video.width, self.video.height) = displayed_size(w, h, sar, rotation);
        self.video.crop = Some(Crop {
            left,
            top,
            width: turned_width,
            height: turned_height,
        });
        self
    }
}

/// The ratio in numbers of 32 bits; square pixels if it is none.
fn ratio(numerator: u64, denominator: u64) -> (u32, u32) {
    let shift = 33_u32.saturating_sub(numerator.max(denominator).leading_zeros());
    let part = |number: u64| u32::try_from(number >> shift).unwrap_or(0);
    (part(numerator), part(denominator))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, VideoStream};

    fn header(sar: (u32, u32), rotation: i64) -> Header {
        let (width, height) = displayed_size(160, 96, sar, rotation);
        Header {
            video: VideoStream {
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
            },
            not_chosen: Vec::new(),
            codec: "h264".into(),
            container: "mov".into(),
            claimed_seconds: None,
            clock_offset: 0.0,
            coded: Coded {
                size: (160, 96),
                sar,
                rotation,
            },
        }
    }

    const CROP: ContainerCrop = ContainerCrop {
        left: 1,
        top: 2,
        right: 3,
        bottom: 4,
        display: None,
    };

    #[test]
    fn a_crop_turns_with_the_picture() {
        let cropped = |rotation| header((1, 1), rotation).cropped(CROP).video;
        let part = |rotation| {
            let Crop {
                left,
                top,
                width,
                height,
            } = cropped(rotation).crop.unwrap();
            (left, top, width, height)
        };
        assert_eq!(part(0), (1, 2, 156, 90));
        assert_eq!(part(-90), (4, 1, 90, 156));
        assert_eq!(part(180), (3, 4, 156, 90));
        assert_eq!(part(90), (2, 3, 90, 156));
        assert_eq!((cropped(-90).width, cropped(-90).height), (90, 156));
    }

    #[test]
    fn pixels_that_are_not_square_are_stretched_after_the_crop() {
        let video = header((2, 1), 0).cropped(CROP).video;
        assert_eq!((video.width, video.height), (312, 90));
        let display = Some((78, 90));
        let video = header((2, 1), 0)
            .cropped(ContainerCrop { display, ..CROP })
            .video;
        assert_eq!((video.width, video.height), (78, 90));
    }

    #[test]
    fn what_cuts_nothing_or_all_is_no_crop() {
        for crop in [
            ContainerCrop::default(),
            ContainerCrop { left: 160, ..CROP },
            ContainerCrop {
                top: u32::MAX,
                ..CROP
            },
        ] {
            assert_eq!(header((1, 1), 0).cropped(crop), header((1, 1), 0));
        }
    }
}
