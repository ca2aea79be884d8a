//! Cuts a video into slices and counts the samples of a slice.

/// The half-open time range `[start, end)` of a source that one worker renders. Zero is the first
/// picture of the video stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// Position among the slices of its source, from zero.
    pub index: u32,
    /// First second, inclusive. Slices start at whole seconds.
    pub start: u32,
    /// End in seconds, exclusive.
    pub end: f64,
}

/// A shorter tail joins the slice before it.
const SHORTEST_TAIL_SECONDS: f64 = 1.0;

/// Rounding error of binary fractions that sample counts ignore: `9.9 * 10 = 99.00000000000001` must not
/// add a sample.
const ROUNDING: f64 = 1e-6;

impl Slice {
    /// Length of the range, in seconds.
    pub fn seconds(&self) -> f64 {
        self.end - f64::from(self.start)
    }

    /// The part of the slice inside a video of `length_seconds`; `None` if there is no such part.
    pub fn within(self, length_seconds: f64) -> Option<Self> {
        let end = self.end.min(length_seconds);
        (end > f64::from(self.start)).then_some(Self { end, ..self })
    }

    /// Number of pictures of the GIF at `fps` frames a second: one for each time `n / fps` inside the
    /// slice.
    pub fn gif_frames(&self, fps: u32) -> u32 {
        (self.seconds() * f64::from(fps) - ROUNDING).ceil() as u32
    }

    /// Number of stills: one for each whole second `s` with `start <= s < end`.
    pub fn still_count(&self) -> u32 {
        self.gif_frames(1)
    }

    /// Seconds that get a still, end exclusive.
    pub fn still_seconds(&self) -> std::ops::Range<u32> {
        self.start..self.start + self.still_count()
    }
}

/// Cuts a video of `length_seconds` (above zero) into slices of `slice_seconds`, without gaps or
/// overlaps. A tail shorter than one second joins the slice before it.
pub fn plan(length_seconds: f64, slice_seconds: u32) -> Vec<Slice> {
    let step = f64::from(slice_seconds);
    let whole = (length_seconds / step).floor();
    let tail = length_seconds - whole * step;
    let count = (whole + f64::from(tail >= SHORTEST_TAIL_SECONDS)).max(1.0) as u32;
    (0..count)
        .map(|index| Slice {
            index,
            start: index * slice_seconds,
            end: if index + 1 == count {
                length_seconds
            } else {
                f64::from((index + 1) * slice_seconds)
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slice(start: u32, end: f64) -> Slice {
        Slice {
            index: 0,
            start,
            end,
        }
    }

    #[test]
    fn forty_seconds_are_two_slices() {
        let slices = plan(39.855, 30);
        assert_eq!(slices.len(), 2);
        assert_eq!((slices[1].start, slices[1].end), (30, 39.855));
        assert_eq!(slices[0].gif_frames(10), 300);
        assert_eq!(slices[1].gif_frames(10), 99);
        assert_eq!(slices[1].still_seconds(), 30..40);
    }

    #[test]
    fn a_tail_of_less_than_a_second_joins_the_slice_before() {
        assert_eq!(plan(30.16, 30), vec![slice(0, 30.16)]);
        assert_eq!(plan(30.16, 30)[0].still_seconds(), 0..31);
        assert_eq!(plan(31.0, 30).len(), 2);
    }

    #[test]
    fn a_video_shorter_than_a_slice_is_one_slice() {
        assert_eq!(plan(0.3, 30), vec![slice(0, 0.3)]);
        assert_eq!(plan(0.3, 1), vec![slice(0, 0.3)]);
        assert_eq!(plan(30.0, 30), vec![slice(0, 30.0)]);
    }

    #[test]
    fn a_film_of_three_hours_is_360_slices_and_10800_stills() {
        let slices = plan(10_800.0, 30);
        assert_eq!(slices.len(), 360);
        assert_eq!(slices.iter().map(Slice::still_count).sum::<u32>(), 10_800);
    }

    #[test]
    fn a_slice_is_kept_within_the_video() {
        assert_eq!(slice(30, 60.0).within(45.5), Some(slice(30, 45.5)));
        assert_eq!(slice(30, 60.0).within(90.0), Some(slice(30, 60.0)));
        assert_eq!(slice(30, 60.0).within(30.0), None);
    }

    #[test]
    fn binary_fractions_make_no_extra_sample() {
        assert_eq!(slice(0, 9.9).gif_frames(10), 99);
        assert_eq!(slice(30, 30.1).gif_frames(10), 1);
        assert_eq!(slice(0, 1.001).still_count(), 2);
    }

    proptest! {
        #[test]
        fn slices_touch_and_cover_the_length(ms in 1u32..50_000_000, seconds in 1u32..=900) {
            let length = f64::from(ms) / 1000.0;
            let slices = plan(length, seconds);
            prop_assert_eq!(slices[0].start, 0);
            prop_assert_eq!(slices.last().unwrap().end, length);
            for (place, pair) in slices.windows(2).enumerate() {
                prop_assert_eq!(pair[0].end, f64::from(pair[1].start));
                prop_assert_eq!(pair[0].index as usize, place);
                prop_assert_eq!(pair[0].seconds(), f64::from(seconds));
            }
            if slices.len() > 1 {
                prop_assert!(slices.last().unwrap().seconds() >= SHORTEST_TAIL_SECONDS - 1e-9);
            }
        }

        #[test]
        fn the_slices_together_sample_what_one_slice_would(ms in 1u32..10_000_000, seconds in 1u32..=900, fps in 1u32..=30) {
            let length = f64::from(ms) / 1000.0;
            let whole = slice(0, length);
            let slices = plan(length, seconds);
            prop_assert_eq!(slices.iter().map(|s| s.gif_frames(fps)).sum::<u32>(), whole.gif_frames(fps));
            prop_assert_eq!(slices.iter().map(Slice::still_count).sum::<u32>(), whole.still_count());
        }
    }
}
