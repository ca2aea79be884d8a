//! The filters that scale pictures.

/// Pictures at least this many times as wide as the result are scaled in two steps. Below that, the
/// first step would average fewer than four pixels into one, and so only blur.
const TWO_STEPS_FROM: u32 = 4;

/// How pictures are scaled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaling {
    /// Width of the pictures before, in pixels.
    pub from: u32,
    /// Width and height after, in pixels.
    pub to: (u32, u32),
    /// Which filters do it.
    pub by: By,
}

/// The filters of a [`Scaling`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// One with bicubic interpolation.
    Bicubic,
    /// For small results. The first of two steps averages to twice the size, and Lanczos does the
    /// rest. Lanczos alone costs four times as much for a 1080p picture. After the eye's blur the two
    /// differ by 52 dB, which a GIF's own errors of 40 dB hide.
    AreaAndLanczos,
}

impl Scaling {
    /// Whether both sides of the result are even.
    pub(crate) fn is_even(self) -> bool {
        self.to.0.is_multiple_of(2) && self.to.1.is_multiple_of(2)
    }

    /// The filters. The last one also gets `options`, because it converts the colours. An earlier one
    /// must not: FFmpeg 8 then takes its output for BT.601.
    pub(crate) fn filters(self, options: &str) -> String {
        let (width, height) = self.to;
        let last = |by: &str| format!("scale={width}:{height}:flags={by}{options}");
        match self.by {
            By::Bicubic => last("bicubic"),
            By::AreaAndLanczos if self.from >= TWO_STEPS_FROM * width => {
                let (width, height) = (2 * width, 2 * height);
                format!("scale={width}:{height}:flags=area,{}", last("lanczos"))
            }
            By::AreaAndLanczos => last("lanczos"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_four_times_as_wide_are_scaled_in_two_steps_and_others_in_one() {
        let filters = |from| {
            let (to, by) = ((240, 135), By::AreaAndLanczos);
            Scaling { from, to, by }.filters(":out_range=pc")
        };
        let one_step = "scale=240:135:flags=lanczos:out_range=pc";
        let two_steps = format!("scale=480:270:flags=area,{one_step}");
        assert_eq!(filters(1920), two_steps);
        assert_eq!(filters(960), two_steps);
        assert_eq!(filters(959), one_step);
        assert_eq!(filters(480), one_step);
    }
}
